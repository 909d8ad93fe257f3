//! What is told to whoever asks for what cannot be had: `application/problem+json` (RFC 9457).
//!
//! `code` is stable, for programs; `detail` is for people: which field, and what to write instead.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::queue::effect::{CallInRefusal, Refusal};
use crate::time::{Duration, Timestamp};

/// How long to wait before asking again where nothing better is known.
const RETRY: Duration = Duration::from_secs(5);

/// A problem, ready to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) detail: String,
    proposals: Vec<Timestamp>,
    retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Wire<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    proposals: Vec<String>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { status, code, detail, proposals: Vec::new(), retry_after: None }
    }

    /// A field that is not as it must be, and what to write instead.
    pub(super) fn field(field: &str, wrong: &str, instead: &str) -> Self {
        let detail = format!("{field}: {wrong}; {instead}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_field", detail)
    }

    /// A body that is not of the shape; `said` names the field where there is one.
    pub(super) fn body(status: StatusCode, said: &str, example: &str) -> Self {
        let code = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "not_json",
            StatusCode::UNPROCESSABLE_ENTITY => "invalid_field",
            _ => "invalid_json",
        };
        let said =
            said.trim_start_matches("Failed to deserialize the JSON body into the target type: ");
        Self::new(status, code, format!("{said}; write as in {example}"))
    }

    pub(super) fn no_key() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "no_key",
            "there is no key; send the header `Authorization: Bearer KEY` with the api_key that \
             `ringback secrets show` shows",
        )
    }

    pub(super) fn wrong_key() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "wrong_key",
            "the key in `Authorization: Bearer KEY` is another one; send the api_key that \
             `ringback secrets show` shows",
        )
    }

    pub(super) fn no_such_route() -> Self {
        let detail = "there is nothing at this path; the README lists the routes";
        Self::new(StatusCode::NOT_FOUND, "no_such_route", detail)
    }

    pub(super) fn no_such_method() -> Self {
        let detail = "this path takes other methods: see the header Allow";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "no_such_method", detail)
    }

    pub(super) fn too_slow() -> Self {
        let detail = "the request took too long; send its body at once";
        Self::new(StatusCode::REQUEST_TIMEOUT, "too_slow", detail)
    }

    pub(super) fn unavailable() -> Self {
        let detail = "nothing can be promised now, and it is not known whether this request was \
                      carried out; repeat it later with the same Idempotency-Key";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        Self { retry_after: Some(RETRY), ..problem }
    }

    pub(super) fn unreadable() -> Self {
        let detail = "it cannot be told now; ask again after Retry-After";
        Self { detail: detail.into(), ..Self::unavailable() }
    }

    pub(super) fn call_in_unavailable() -> Self {
        let detail = "nothing can be promised now, and it is not known whether this request was \
                      carried out; ask again later. If it was, and for a callback with `push`, \
                      CALLBACK_CALL_IN tells number, code and the token that accepts next";
        Self { detail: detail.into(), ..Self::unavailable() }
    }

    pub(super) fn unknown_callback() -> Self {
        let detail = "id: there is no such callback; write the id that its creation answered";
        Self::new(StatusCode::NOT_FOUND, "unknown_callback", detail)
    }

    pub(super) fn callback_over(reason: Option<&str>) -> Self {
        let reason = reason.unwrap_or("its time is over");
        let detail = format!("the callback is over ({reason}); create another one");
        Self::new(StatusCode::CONFLICT, "callback_over", detail)
    }

    /// A callback that the queue did not take.
    pub(super) fn refused(why: &Refusal, retry_after: Option<Duration>) -> Self {
        let (status, code, detail) = match why {
            Refusal::Closed { .. } => (
                StatusCode::CONFLICT,
                "closed",
                "at: the queue is closed, or the number not called then; write one of proposals",
            ),
            Refusal::TooFarAhead { .. } => (
                StatusCode::CONFLICT,
                "too_far_ahead",
                "at: is further ahead than the queue plans; write an earlier time",
            ),
            Refusal::Past { .. } => {
                (StatusCode::CONFLICT, "past", "at: has passed; write a time that lies ahead")
            }
            Refusal::SlotTaken { .. } => (
                StatusCode::CONFLICT,
                "slot_taken",
                "at: no callback can be had then; write a time of `proposals`, or no `exact`",
            ),
            Refusal::Full => {
                (StatusCode::CONFLICT, "queue_full", "the queue takes no more now; try later")
            }
            Refusal::Unknown => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "unknown_queue",
                "queue: there is no such queue; write the NAME of a [queues.NAME]",
            ),
            Refusal::NotOffered => (
                StatusCode::CONFLICT,
                "not_offered",
                "the queue takes no such callbacks: none at all, or none `at` a time",
            ),
            Refusal::NotPermitted => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "number_not_permitted",
                "number: is missing, or not one that this queue calls; write one that its \
                 callback_prefixes or extensions list",
            ),
            Refusal::NeverCall => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "never_call",
                "number: somebody there asked never to be called",
            ),
            Refusal::TooOften { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_often",
                "number: asked, or was called, as often as it may; ask again after Retry-After",
            ),
            Refusal::Duplicate { .. } => (
                StatusCode::CONFLICT,
                "duplicate",
                "number: has a callback in this queue already, which stands",
            ),
        };
        let proposals = match why {
            Refusal::Closed { proposals }
            | Refusal::TooFarAhead { proposals }
            | Refusal::Past { proposals }
            | Refusal::SlotTaken { proposals } => proposals.clone(),
            Refusal::Full
            | Refusal::Unknown
            | Refusal::NotOffered
            | Refusal::NotPermitted
            | Refusal::NeverCall
            | Refusal::TooOften { .. }
            | Refusal::Duplicate { .. } => Vec::new(),
        };
        Self { proposals, retry_after, ..Self::new(status, code, detail) }
    }

    /// A question for slots that is none.
    pub(super) fn not_between() -> Self {
        let detail = "from, to: write `?from=2026-11-30T09:00:00Z&to=2026-12-01T09:00:00Z`; either \
                      may be left out, and a + of an offset is written %2B";
        Self::new(StatusCode::BAD_REQUEST, "invalid_query", detail)
    }

    /// No slots to be told.
    pub(super) fn no_appointments() -> Self {
        let detail = "queue: there is no such queue, or it makes no appointments; write the NAME \
                      of a [queues.NAME] with `slots`";
        Self::new(StatusCode::NOT_FOUND, "no_appointments", detail)
    }

    /// A token that accepted already.
    pub(super) fn token_used() -> Self {
        let detail = "this token was used, or the callback was accepted otherwise: use the last \
                      `token` (of CALLBACK_CALL_IN, CALLBACK_READY or an answer), or the key";
        Self::new(StatusCode::CONFLICT, "token_used", detail)
    }

    /// A Call-In request that was not made.
    pub(super) fn call_in_refused(why: CallInRefusal, retry_after: Option<Duration>) -> Self {
        let (status, code, detail) = match why {
            CallInRefusal::UnknownGroup => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "unknown_group",
                "group: there is no such group; write the NAME of a [call_in_groups.NAME]",
            ),
            CallInRefusal::NotItsTurn => (
                StatusCode::CONFLICT,
                "not_its_turn",
                "it is not the turn of this callback, or its consumer is on the line: wait for the \
                 push CALLBACK_READY",
            ),
            CallInRefusal::Over => (
                StatusCode::CONFLICT,
                "callback_over",
                "the callback is over, or there was none with this id; create another one",
            ),
            CallInRefusal::NumberNeeded => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "from_needed",
                "from: is missing, and the group knows callers by their number; write the number \
                 that will call",
            ),
            CallInRefusal::NoneFree { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "none_free",
                "every number or code of the group is taken; ask again after Retry-After",
            ),
        };
        Self { retry_after, ..Self::new(status, code, detail) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let wire = Wire {
            r#type: format!("urn:ringback:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Problem"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            proposals: self.proposals.iter().map(ToString::to_string).collect(),
        };
        let mut response = (self.status, Json(wire)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(after) = self.retry_after {
            // Whole seconds, never too early.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}
