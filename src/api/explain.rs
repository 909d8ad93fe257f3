//! `GET /api/v1/callbacks/{id}/explain`: why it is where it is.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::ask::Ask;
use super::callbacks::not_open;
use super::error::Problem;
use super::{Api, Operator, id_in_path};
use crate::ident::AgentId;
use crate::queue::Stage;
use crate::queue::agent::AgentState;
use crate::queue::explain::Explanation;
use crate::store::outside;

#[derive(Serialize)]
struct Wire {
    id: String,
    queue: String,
    state: &'static str,
    stage: &'static str,
    waits_for: String,
    ahead: Option<u32>,
    first_in_line: Vec<String>,
    ewt_seconds: Option<u64>,
    priority: i16,
    in_line_since: String,
    could_serve: Vec<WireAgent>,
    lack_skills: Vec<WireLack>,
    missed_by: Vec<String>,
    next_deadline: Option<WireDeadline>,
}

#[derive(Serialize)]
struct WireAgent {
    agent: String,
    state: &'static str,
}

#[derive(Serialize)]
struct WireLack {
    agent: String,
    unmet: Vec<String>,
}

#[derive(Serialize)]
struct WireDeadline {
    at: String,
    why: &'static str,
}

pub(super) async fn explain(
    State(api): State<Api>,
    _: Operator,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = id_in_path(&id)?;
    match api.asker.look(|answer| Ask::Explain(id, answer)).await? {
        Some(explanation) => Ok(Json(wire(*explanation)).into_response()),
        None => Err(not_open(&api, id).await),
    }
}

fn wire(it: Explanation) -> Wire {
    let names = |agents: Vec<AgentId>| agents.iter().map(ToString::to_string).collect();
    let lack =
        |(agent, unmet): (AgentId, Vec<String>)| WireLack { agent: agent.to_string(), unmet };
    let agent = |(agent, state): (AgentId, AgentState)| WireAgent {
        agent: agent.to_string(),
        state: agent_state(&state),
    };
    Wire {
        id: it.interaction.to_string(),
        queue: it.queue.to_string(),
        state: outside::state(&it.stage),
        stage: stage(&it.stage),
        waits_for: it.waits_for.to_string(),
        ahead: it.ahead,
        first_in_line: it.first_in_line.iter().map(ToString::to_string).collect(),
        ewt_seconds: it.ewt.map(|ewt| ewt.as_secs()),
        priority: it.place.priority.0,
        in_line_since: it.place.arrival.to_string(),
        could_serve: it.could_serve.into_iter().map(agent).collect(),
        lack_skills: it.lack_skills.into_iter().map(lack).collect(),
        missed_by: names(it.missed_by),
        next_deadline: it.next_deadline.map(|(at, why)| WireDeadline { at: at.to_string(), why }),
    }
}

fn stage(stage: &Stage) -> &'static str {
    match stage {
        Stage::Scheduled => "scheduled",
        Stage::Virtual { .. } => "virtual",
        Stage::Dialing => "dialing",
        Stage::Confirming => "confirming",
        Stage::Pushed => "pushed",
        Stage::AwaitingCallIn => "awaiting_call_in",
        Stage::Lapsed => "lapsed",
        Stage::Waiting => "waiting",
        Stage::Alerting(_) => "alerting",
        Stage::Bridged(_) => "bridged",
        Stage::Done(_) => "done",
    }
}

fn agent_state(state: &AgentState) -> &'static str {
    match state {
        AgentState::LoggedOut => "logged_out",
        AgentState::NotReady(_) => "not_ready",
        AgentState::Ready => "ready",
        AgentState::Alerting(_) => "alerting",
        AgentState::Talking(_) => "talking",
        AgentState::AfterCallWork => "after_call_work",
    }
}
