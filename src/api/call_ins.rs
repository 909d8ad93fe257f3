//! `/api/v1/call-ins`: a number to call and perhaps a code; and the same for a callback whose turn
//! it is.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ask::{Ask, NewCallIn, NotGranted};
use super::callbacks::{address, user_data};
use super::error::Problem;
use super::{Api, Bearer, Body, Example, Operator, id_in_path};
use crate::ident::{GroupId, InteractionId, Secret};

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateBody {
    group: String,
    from: Option<String>,
    callback_id: Option<String>,
    data: Option<Map<String, Value>>,
}

impl Example for CreateBody {
    const EXAMPLE: &'static str = r#"{"group": "app", "from": "+14155550123"}"#;
}

/// What is asked for where the path names the callback.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AcceptBody {
    group: String,
    from: Option<String>,
}

impl Example for AcceptBody {
    const EXAMPLE: &'static str = r#"{"group": "app", "from": "+14155550123"}"#;
}

#[derive(Serialize)]
struct CallInBody {
    id: String,
    number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// `POST /api/v1/call-ins`.
pub(super) async fn create(
    State(api): State<Api>,
    _: Operator,
    Body(body): Body<CreateBody>,
) -> Result<Response, Problem> {
    let callback = body.callback_id.as_deref().map(|text| {
        let instead = "write the id that its creation answered";
        InteractionId::parse(text).ok_or_else(|| Problem::field("callback_id", "is no id", instead))
    });
    let callback = callback.transpose()?;
    if callback.is_some() && body.data.is_some() {
        let instead = "attach it to the callback when that is made";
        return Err(Problem::field("data", "does not go with `callback_id`", instead));
    }
    request(&api, (body.group, body.from), (callback, None), body.data).await
}

/// `POST /api/v1/callbacks/{id}/accept`, with the key or with the last token that was given out for
/// it: by the push that it is its turn, or by the acceptance before.
pub(super) async fn accept(
    State(api): State<Api>,
    Bearer(given): Bearer,
    Path(id): Path<String>,
    Body(body): Body<AcceptBody>,
) -> Result<Response, Problem> {
    let id = id_in_path(&id);
    let by_token = id.as_ref().is_ok_and(|id| api.keys.accept(&given, *id));
    if !by_token && !api.keys.open(&given) {
        return Err(Problem::wrong_key());
    }
    let token = by_token.then(|| Secret::new(&given));
    request(&api, (body.group, body.from), (Some(id?), token), None).await
}

async fn request(
    api: &Api,
    (group, from): (String, Option<String>),
    (callback, token): (Option<InteractionId>, Option<Secret>),
    data: Option<Map<String, Value>>,
) -> Result<Response, Problem> {
    let from = from.map(|text| address("from", &text)).transpose()?;
    let data = data.map(user_data).transpose()?;
    let new = NewCallIn { group: GroupId::new(&group), from, callback, token, data };
    let answer = api.asker.ask(|answer| Ask::CallIn(new, answer)).await;
    match answer.map_err(|_| Problem::call_in_unavailable())? {
        Ok(granted) => {
            let body = CallInBody {
                id: granted.id.to_string(),
                number: granted.number.expose().to_owned(),
                code: granted.code.map(|code| code.expose().to_owned()),
                expires_at: granted.expires_at.to_string(),
                token: granted.token.map(|token| token.expose().to_owned()),
            };
            Ok((StatusCode::CREATED, Json(body)).into_response())
        }
        Err(NotGranted::Refused { why, retry_after }) => {
            Err(Problem::call_in_refused(why, retry_after))
        }
        Err(NotGranted::TokenUsed) => Err(Problem::token_used()),
        Err(NotGranted::Unavailable) => Err(Problem::call_in_unavailable()),
    }
}
