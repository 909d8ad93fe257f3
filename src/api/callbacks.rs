//! `/api/v1/callbacks`: create, show, cancel.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ask::{Ask, Callback, Cancelled, Created, NewCallback, NotCreated};
use super::error::Problem;
use super::{Api, Body, Example, Operator, id_in_path};
use crate::ident::{InteractionId, QueueId, UserData};
use crate::phone::{Address, Dnis};
use crate::queue::event::When;
use crate::queue::skill::SkillExpression;
use crate::store::records::Record;
use crate::time::Timestamp;

/// What is taken for a number.
const NUMBER: &str = "write + and 7 to 15 digits, or an extension";
/// The state of what is over.
const OVER: &str = "COMPLETED";
/// The reason of what was cancelled.
const CANCELLED: &str = "CANCELLED";

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateBody {
    queue: String,
    number: Option<String>,
    at: Option<String>,
    #[serde(default)]
    exact: bool,
    skills: Option<String>,
    #[serde(default)]
    priority: i16,
    #[serde(default)]
    push: bool,
    data: Option<Map<String, Value>>,
}

impl Example for CreateBody {
    const EXAMPLE: &'static str = r#"{"queue": "support", "number": "+14155550123"}"#;
}

/// What is answered.
#[derive(Serialize)]
struct CallbackBody {
    id: String,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    due_at: Option<String>,
    attempts_used: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

impl From<Callback> for CallbackBody {
    fn from(it: Callback) -> Self {
        Self {
            id: it.id.to_string(),
            state: it.state.to_owned(),
            reason: None,
            queue: Some(it.queue.to_string()),
            due_at: it.due_at.map(|at| at.to_string()),
            attempts_used: it.attempts_used,
            duplicate: false,
            data: it.data.and_then(|data| serde_json::from_str(data.expose()).ok()),
        }
    }
}

impl From<Record> for CallbackBody {
    fn from(it: Record) -> Self {
        Self {
            id: it.id.to_string(),
            state: it.state,
            reason: it.reason,
            queue: None,
            due_at: None,
            attempts_used: it.attempts_used,
            duplicate: false,
            data: it.data.and_then(|data| serde_json::from_str(data.expose()).ok()),
        }
    }
}

impl CreateBody {
    fn read(self, interaction: Option<InteractionId>) -> Result<NewCallback, Problem> {
        let skills = |text: String| {
            SkillExpression::parse(&text).map_err(|error| {
                let wrong = format!("at character {}: {}", error.position, error.problem);
                Problem::field("skills", &wrong, error.remedy)
            })
        };
        if !(-100..=100).contains(&self.priority) {
            return Err(Problem::field("priority", "is out of range", "write -100 to 100"));
        }
        let when = match (self.at.as_deref(), self.exact) {
            (None, false) => When::Now,
            (None, true) => {
                let instead = "write `at` too, or leave `exact` out";
                return Err(Problem::field("exact", "says nothing without `at`", instead));
            }
            (Some(text), exact) => {
                let at = instant("at", text)?;
                if exact { When::At(at) } else { When::Near(at) }
            }
        };
        Ok(NewCallback {
            interaction,
            is_recorded: false,
            queue: QueueId::new(&self.queue),
            skills: self.skills.map(skills).transpose()?,
            priority: self.priority,
            number: self.number.map(|number| Dnis::new(&number)),
            when,
            notify: self.push,
            data: self.data.map(user_data).transpose()?,
        })
    }
}

/// A number or extension in a field.
pub(super) fn address(field: &str, text: &str) -> Result<Address, Problem> {
    Address::parse(text).ok_or_else(|| Problem::field(field, "is no number", NUMBER))
}

/// What an app attaches.
pub(super) fn user_data(data: Map<String, Value>) -> Result<UserData, Problem> {
    let instead = "write an object of at most 4096 bytes as JSON";
    let text = Value::Object(data).to_string();
    UserData::new(&text).ok_or_else(|| Problem::field("data", "is too long", instead))
}

/// An instant in a field (RFC 3339).
pub(super) fn instant(field: &str, text: &str) -> Result<Timestamp, Problem> {
    let instead = "write a date, a time and an offset: \"2026-11-30T09:30:00+01:00\"";
    let read = DateTime::parse_from_rfc3339(text);
    let read = read.map_err(|_| Problem::field(field, "is no time of RFC 3339", instead))?;
    Ok(Timestamp::from_ms(read.timestamp_millis()))
}

/// The Idempotency-Key, if there is one: 1 to 255 printable characters.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get("Idempotency-Key") else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim);
    let text = text.filter(|text| (1..=255).contains(&text.len()));
    text.map(Some).ok_or_else(|| {
        let detail = "Idempotency-Key: is not 1 to 255 printable characters; write a UUID";
        Problem::new(StatusCode::BAD_REQUEST, "invalid_header", detail)
    })
}

/// `POST /api/v1/callbacks`. The same Idempotency-Key means the same callback, also after a
/// restart; `state` is that of now.
pub(super) async fn create(
    State(api): State<Api>,
    _: Operator,
    headers: HeaderMap,
    Body(body): Body<CreateBody>,
) -> Result<Response, Problem> {
    let interaction = idempotency_key(&headers)?.map(|key| api.keys.repeated(key));
    let mut new = body.read(interaction)?;
    if let Some(id) = interaction
        && let Some(record) = api.record(id).await?
    {
        new.is_recorded = true;
        // One that lapsed is told so, and is not over.
        if record.reason.is_some() {
            return Ok(created(record.into(), StatusCode::CREATED));
        }
    }
    let why = match api.asker.ask(|answer| Ask::Create(Box::new(new), answer)).await? {
        Ok(Created { callback, is_duplicate: false }) => {
            return Ok(created(callback.into(), StatusCode::CREATED));
        }
        Ok(Created { callback, is_duplicate: true }) => {
            let body = CallbackBody { duplicate: true, ..callback.into() };
            return Ok(created(body, StatusCode::OK));
        }
        Err(why) => why,
    };
    match (why, interaction) {
        (NotCreated::Over, Some(id)) => {
            let record = api.record(id).await?.ok_or_else(Problem::unavailable)?;
            Ok(created(record.into(), StatusCode::CREATED))
        }
        (NotCreated::Over | NotCreated::Unavailable, _) => Err(Problem::unavailable()),
        (NotCreated::Refused { why, retry_after }, _) => Err(Problem::refused(&why, retry_after)),
        (NotCreated::OtherRequest, _) => Err(Problem::new(
            StatusCode::CONFLICT,
            "idempotency_key_reused",
            "Idempotency-Key: belongs to a request for another queue or number; write another key",
        )),
        (NotCreated::NotANumber, _) => Err(Problem::field("number", "is no number", NUMBER)),
        (NotCreated::NoWebhook, _) => {
            let instead = "configure `url` under [webhook], or leave `push` out";
            Err(Problem::field("push", "nobody can be told", instead))
        }
    }
}

fn created(body: CallbackBody, status: StatusCode) -> Response {
    let location = format!("/api/v1/callbacks/{}", body.id);
    (status, [("Location", location)], Json(body)).into_response()
}

/// `GET /api/v1/callbacks/{id}`: open or over.
pub(super) async fn show(
    State(api): State<Api>,
    _: Operator,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = id_in_path(&id)?;
    if let Some(open) = api.asker.look(|answer| Ask::Show(id, answer)).await? {
        return Ok(Json(CallbackBody::from(open)).into_response());
    }
    let record = api.record(id).await?.ok_or_else(Problem::unknown_callback)?;
    Ok(Json(CallbackBody::from(record)).into_response())
}

/// `DELETE /api/v1/callbacks/{id}`: answered when it is committed. One that was cancelled before is
/// answered likewise.
pub(super) async fn cancel(
    State(api): State<Api>,
    _: Operator,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = id_in_path(&id)?;
    match api.asker.ask(|answer| Ask::Cancel(id, answer)).await? {
        Cancelled::Done | Cancelled::NotOpen => {
            let record = api.record(id).await?.ok_or_else(Problem::unknown_callback)?;
            match record.reason.as_deref() {
                Some(CANCELLED) => Ok(Json(CallbackBody::from(record)).into_response()),
                reason => Err(Problem::callback_over(reason)),
            }
        }
        Cancelled::Talking => Err(Problem::new(
            StatusCode::CONFLICT,
            "talking",
            "the consumer talks to an agent; the callback ends when they hang up",
        )),
        Cancelled::NotACallback => Err(Problem::new(
            StatusCode::CONFLICT,
            "not_a_callback",
            "id: is that of a caller on the line; write the id of a callback",
        )),
        Cancelled::Unavailable => Err(Problem::unavailable()),
    }
}

/// Why there is nothing open under this id.
pub(super) async fn not_open(api: &Api, id: InteractionId) -> Problem {
    match api.record(id).await {
        Ok(Some(record)) if record.state == OVER => {
            Problem::callback_over(record.reason.as_deref())
        }
        Ok(Some(_)) => Problem::unavailable(),
        Ok(None) => Problem::unknown_callback(),
        Err(problem) => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<NewCallback, String> {
        let body: CreateBody = serde_json::from_str(text).map_err(|error| error.to_string())?;
        body.read(None).map_err(|problem| problem.detail)
    }

    #[test]
    fn a_body_becomes_what_the_queue_is_asked() {
        let new = read(r#"{"queue": "support", "number": "+14155550123"}"#).unwrap();
        assert_eq!((new.queue.as_str(), new.when, new.notify), ("support", When::Now, false));
        assert_eq!(new.number, Some(Dnis::new("+14155550123")));
        let at = r#""at": "2026-11-22T10:30:21+01:00""#;
        let due = Timestamp::from_ms(1_795_339_821_000);
        for (exact, when) in [("false", When::Near(due)), ("true", When::At(due))] {
            let text = format!(r#"{{"queue": "a", {at}, "exact": {exact}}}"#);
            assert_eq!(read(&text).unwrap().when, when);
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_remedy() {
        let table = [
            (r#"{}"#, "missing field `queue`"),
            (r#"{"queue": "a", "numbr": "1"}"#, "unknown field `numbr`"),
            (r#"{"queue": "a", "data": [1]}"#, "invalid type: sequence, expected a map"),
            (r#"{"queue": "a", "at": "tomorrow"}"#, "at: is no time of RFC 3339; write a date"),
            (r#"{"queue": "a", "exact": true}"#, "exact: says nothing without `at`; write `at`"),
            (r#"{"queue": "a", "priority": 101}"#, "priority: is out of range; write -100"),
            (r#"{"queue": "a", "skills": "("}"#, "skills: at character"),
        ];
        for (text, begins) in table {
            let said = read(text).unwrap_err();
            assert!(said.starts_with(begins), "{text}: {said}");
        }
    }

    #[test]
    fn what_is_attached_is_kept_whole_and_not_too_long() {
        let attached = |data: &str| read(&format!(r#"{{"queue": "a", "data": {{"a": {data}}}}}"#));
        let kept = attached(r#""1 \u20ac""#).unwrap().data.unwrap();
        assert_eq!(kept.expose(), r#"{"a":"1 €"}"#);
        let long = format!(r#""{}""#, "x".repeat(UserData::MAX));
        assert!(attached(&long).unwrap_err().starts_with("data: is too long"));
    }

    #[test]
    fn an_idempotency_key_is_short_and_printable() {
        let table = [("order-7", true), ("", false), (" ", false), (&"x".repeat(256), false)];
        for (text, taken) in table {
            let mut headers = HeaderMap::new();
            headers.insert("Idempotency-Key", text.parse().unwrap());
            assert_eq!(idempotency_key(&headers).is_ok(), taken, "{text:?}");
        }
        assert_eq!(idempotency_key(&HeaderMap::new()), Ok(None));
    }
}
