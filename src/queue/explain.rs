//! Why an interaction is where it is: place, who is ahead, who could serve, which agents miss which
//! skill, what it waits for.
//!
//! Must not: decide anything; `routing` decides, this says it in words.

use std::fmt;

use super::agent::AgentState;
use super::interaction::{Interaction, Origin, Place, Stage};
use super::{Queue, Slot};
use crate::ident::{AgentId, InteractionId, QueueId};
use crate::time::{Duration, Timestamp};

/// How many of those ahead are named.
pub const AHEAD_NAMED: usize = 10;

/// What an interaction waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum WaitsFor {
    /// Nobody logged in has the skills and serves the queue.
    AgentLoggedIn,
    /// Nobody who could serve it is Ready.
    AgentReady,
    /// The delay after the last attempt.
    RetryDelay,
    /// The hours in which its number may be called.
    CallingWindow,
    /// The end of the leg that the caller came in on.
    CallerLeg,
    /// The end of the leg of the last attempt.
    AttemptLeg,
    /// The time that it was promised for.
    DueTime,
    /// Its consumer, who calls in just now, to choose.
    Menu,
    /// A turn to be told to call: as many were told as the agents logged in can take.
    PushPacing,
    /// The consumer, to accept or to call.
    CallIn,
    /// Nothing: it lapsed, and will be purged.
    Purge,
    /// Pending callbacks to be processed again: they are switched off.
    Processing,
    /// A trunk or registration that may carry its number and has a free channel.
    Route,
    /// The Ready agents carry as many dials as they may, or the queue has its most dials at once.
    Pacing,
    /// The consumer: to answer, to press 1.
    Consumer,
    /// The alerted agent's answer.
    AgentAnswer,
    /// The end of the conversation.
    EndOfCall,
}

/// Why an interaction is where it is.
#[derive(Clone, PartialEq, Debug)]
pub struct Explanation {
    /// Which.
    pub interaction: InteractionId,
    /// Its queue.
    pub queue: QueueId,
    /// Where it stands.
    pub stage: Stage,
    /// Its place: what decides the order.
    pub place: Place,
    /// How many of its queue are ahead; `None` when it holds no place any more.
    pub ahead: Option<u32>,
    /// The first of those ahead, in their order; [`AHEAD_NAMED`] at most.
    pub first_in_line: Vec<InteractionId>,
    /// The estimated wait.
    pub ewt: Option<Duration>,
    /// What it waits for.
    pub waits_for: WaitsFor,
    /// Agents logged in who could serve it, and what they are doing.
    pub could_serve: Vec<(AgentId, AgentState)>,
    /// Agents logged in who serve the queue and lack the skills, each with the conditions that
    /// they do not meet.
    pub lack_skills: Vec<(AgentId, Vec<String>)>,
    /// Agents who missed it: the last to be asked again.
    pub missed_by: Vec<AgentId>,
    /// What time alone will change next, when, and why.
    pub next_deadline: Option<(Timestamp, &'static str)>,
}

impl Queue {
    /// Why an interaction that is not Done is where it is.
    pub fn explain(&self, id: InteractionId) -> Option<Explanation> {
        let slot = self.interactions.get(&id)?;
        let row = &slot.row;
        let mut could_serve = Vec::new();
        let mut lack_skills = Vec::new();
        for &n in self.agent_index.values() {
            let agent = &self.agents[n];
            let asked = agent.queues.as_ref().is_none_or(|queues| queues.has(slot.queue));
            match (agent.indexed_here, agent.serves.has(slot.class)) {
                (true, true) => could_serve.push((agent.row.id.clone(), agent.row.state.clone())),
                (true, false) if asked => {
                    let unmet = row.skills.unmet_by(&agent.row.skills);
                    lack_skills.push((agent.row.id.clone(), unmet));
                }
                (true, false) | (false, _) => {}
            }
        }
        let ahead = self.position(id).map(|position| position - 1);
        let places = self.queues[slot.queue].places.range(..row.place);
        let first = places.filter(|_| ahead.is_some()).take(AHEAD_NAMED).map(|(_, id)| *id);
        let guard = self.attempts.get(&row.attempt()).and_then(|attempt| attempt.deadline);
        let next = [row.timer(), guard.map(|at| (at, "attempt_guard"))];
        Some(Explanation {
            interaction: id,
            queue: row.queue.clone(),
            stage: row.stage.clone(),
            place: row.place,
            ahead,
            first_in_line: first.collect(),
            ewt: self.ewt(id).ok(),
            waits_for: self.waits_for(slot, &could_serve),
            could_serve,
            lack_skills,
            missed_by: row.missed_by.clone(),
            next_deadline: next.into_iter().flatten().min_by_key(|(at, _)| *at),
        })
    }

    fn waits_for(&self, slot: &Slot, could_serve: &[(AgentId, AgentState)]) -> WaitsFor {
        match slot.row.stage {
            Stage::Dialing | Stage::Confirming => WaitsFor::Consumer,
            Stage::Alerting(_) => WaitsFor::AgentAnswer,
            Stage::Bridged(_) | Stage::Done(_) => WaitsFor::EndOfCall,
            Stage::Scheduled => WaitsFor::DueTime,
            Stage::Pushed | Stage::AwaitingCallIn => WaitsFor::CallIn,
            Stage::Lapsed => WaitsFor::Purge,
            Stage::Virtual { .. } if slot.row.caller_leg => WaitsFor::CallerLeg,
            Stage::Virtual { .. } if slot.row.menu_until.is_some() => WaitsFor::Menu,
            Stage::Virtual { .. } if self.attempts.contains_key(&slot.row.attempt()) => {
                WaitsFor::AttemptLeg
            }
            Stage::Virtual { not_before: Some(until) } => match self.outside_window(slot.row.id) {
                Some(opens) if opens == until => WaitsFor::CallingWindow,
                Some(_) | None => WaitsFor::RetryDelay,
            },
            Stage::Virtual { .. } if !self.queues[slot.queue].settings.process_callbacks => {
                WaitsFor::Processing
            }
            Stage::Virtual { .. } if slot.row.origin == Origin::CallIn => {
                let nobody = could_serve.is_empty();
                if nobody { WaitsFor::AgentLoggedIn } else { WaitsFor::PushPacing }
            }
            Stage::Waiting | Stage::Virtual { not_before: None } => {
                let ready = could_serve.iter().any(|(_, state)| *state == AgentState::Ready);
                match (could_serve.is_empty(), ready) {
                    (true, _) => WaitsFor::AgentLoggedIn,
                    (false, false) => WaitsFor::AgentReady,
                    (false, true) => self.waits_with_ready(slot, &slot.row),
                }
            }
        }
    }

    fn waits_with_ready(&self, slot: &Slot, row: &Interaction) -> WaitsFor {
        let free = &self.queues[slot.queue].free;
        let routes = &self.classes.get(slot.class).key.routes;
        let channel = routes.iter().any(|route| free.get(route).is_some_and(|&free| free > 0));
        match row.stage {
            Stage::Virtual { .. } if !channel => WaitsFor::Route,
            Stage::Virtual { .. } => WaitsFor::Pacing,
            Stage::Scheduled
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Lapsed
            | Stage::Waiting
            | Stage::Alerting(_)
            | Stage::Bridged(_)
            | Stage::Done(_) => WaitsFor::AgentReady,
        }
    }
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WaitsFor::AgentLoggedIn => "an agent with its skills to log in",
            WaitsFor::AgentReady => "an agent with its skills to be Ready",
            WaitsFor::RetryDelay => "the delay after its last attempt",
            WaitsFor::CallingWindow => "the hours in which its number may be called",
            WaitsFor::CallerLeg => "the caller's own leg to end",
            WaitsFor::AttemptLeg => "the leg of its last attempt to end",
            WaitsFor::DueTime => "the time that it was promised for",
            WaitsFor::Menu => "its consumer, who calls in, to choose",
            WaitsFor::PushPacing => "its turn to be told to call",
            WaitsFor::CallIn => "the consumer to accept or to call",
            WaitsFor::Purge => "nothing; it lapsed and will be purged",
            WaitsFor::Processing => "pending callbacks to be processed again",
            WaitsFor::Route => "a free channel that may carry its number",
            WaitsFor::Pacing => "one of the dials under way to end",
            WaitsFor::Consumer => "the consumer",
            WaitsFor::AgentAnswer => "the alerted agent to answer",
            WaitsFor::EndOfCall => "the end of the conversation",
        })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in {}: {:?}, waits for {}",
            self.interaction, self.queue, self.stage, self.waits_for
        )?;
        if let Some(ahead) = self.ahead {
            write!(f, "; {ahead} ahead")?;
        }
        write!(f, "; priority {}, in line since {}", self.place.priority.0, self.place.arrival)?;
        if !self.lack_skills.is_empty() {
            let lacks =
                |(agent, unmet): &(AgentId, Vec<String>)| format!("{agent} ({})", unmet.join(", "));
            let lack: Vec<_> = self.lack_skills.iter().map(lacks).collect();
            write!(f, "; without the skills: {}", lack.join(", "))?;
        }
        match self.next_deadline {
            Some((at, why)) => write!(f, "; next: {why} at {at}"),
            None => Ok(()),
        }
    }
}
