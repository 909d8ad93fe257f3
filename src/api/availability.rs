//! `GET /api/v1/queues/{queue}/availability`: the times at which a callback may be had.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::ask::{Ask, BETWEEN_MAX};
use super::callbacks::instant;
use super::error::Problem;
use super::{Api, Operator};
use crate::ident::QueueId;

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Between {
    from: Option<String>,
    to: Option<String>,
}

#[derive(Serialize)]
struct Slots {
    queue: String,
    slots: Vec<Slot>,
}

#[derive(Serialize)]
struct Slot {
    start: String,
    end: String,
    free: u32,
}

/// `GET /api/v1/queues/{queue}/availability?from=..&to=..`: the slots with room that begin then.
pub(super) async fn show(
    State(api): State<Api>,
    _: Operator,
    Path(queue): Path<String>,
    between: Result<Query<Between>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Between { from, to }) = between.map_err(|_| Problem::not_between())?;
    let read = |name, text: Option<String>| text.map(|text| instant(name, &text)).transpose();
    let (from, to) = (read("from", from)?, read("to", to)?);
    let fits = |(from, to)| from < to && to <= from + BETWEEN_MAX;
    if from.zip(to).is_some_and(|both| !fits(both)) {
        let instead = "write a time after `from`, 7 days later at most";
        return Err(Problem::field("to", "is out of range", instead));
    }
    let queue = QueueId::new(&queue);
    let ask = |answer| Ask::Availability { queue: queue.clone(), from, to, answer };
    let slots = api.asker.ask(ask).await?.ok_or_else(Problem::no_appointments)?;
    let slots = slots.into_iter().map(|slot| Slot {
        start: slot.start.to_string(),
        end: slot.end.to_string(),
        free: slot.free,
    });
    Ok(Json(Slots { queue: queue.to_string(), slots: slots.collect() }).into_response())
}
