//! `GET /api/v1/queues/{queue}/availability`: the times at which a callback may be had.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::ask::{Ask, NoSlots};
use super::callbacks::instant;
use super::error::Problem;
use super::{Api, Operator};
use crate::ident::QueueId;
use crate::time::Timestamp;

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
    let read = |name, text: Option<String>| text.map(|text| time(name, &text)).transpose();
    let (from, to) = (read("from", from)?, read("to", to)?);
    let queue = QueueId::new(&queue);
    let ask = |answer| Ask::Availability { queue: queue.clone(), from, to, answer };
    let slots = api.asker.look(ask).await?.map_err(|why| match why {
        NoSlots::NoAppointments => Problem::no_appointments(),
        NoSlots::NotBetween => {
            let instead = "write a time after `from` (now, if left out), 7 days after it at most";
            Problem::field("to", "is out of range", instead)
        }
    })?;
    let slots = slots.into_iter().map(|slot| Slot {
        start: slot.start.to_string(),
        end: slot.end.to_string(),
        free: slot.free,
    });
    Ok(Json(Slots { queue: queue.to_string(), slots: slots.collect() }).into_response())
}

/// An instant of the query, where a `+` that was not written `%2B` came as a blank.
fn time(name: &str, text: &str) -> Result<Timestamp, Problem> {
    let offset = text.rfind(' ').filter(|at| text.get(..*at).is_some_and(|it| it.contains(':')));
    match offset.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?))) {
        Some((time, offset)) => instant(name, &format!("{time}+{offset}")),
        None => instant(name, text),
    }
}
