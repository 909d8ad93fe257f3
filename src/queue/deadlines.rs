//! What happens by time alone, and what happens when a node is lost with all its legs.

use super::agent::AgentState;
use super::effect::{Effect, EndReason, ReleaseReason};
use super::event::{DeclineReason, WaitChoice};
use super::interaction::{Outcome, Stage};
use super::upkeep::With;
use super::{Queue, Timer};
use crate::ident::{AgentId, AttemptId, InteractionId, NodeId};
use crate::time::Timestamp;

impl Queue {
    /// The next deadline and its reason; in the future after each [`Queue::handle`].
    pub fn poll_timeout(&self) -> Option<(Timestamp, &'static str)> {
        let (at, timer) = self.timers.first()?;
        let reason = match timer {
            Timer::Interaction(id) => {
                self.interaction(*id).and_then(|row| row.timer()).map_or("stale", |(_, why)| why)
            }
            Timer::Attempt(_) => "attempt_guard",
            Timer::Agent(id) => match self.agent(id).map(|agent| &agent.state) {
                Some(AgentState::AfterCallWork) => "after_call_work",
                Some(AgentState::Ready) => "hold_trigger",
                _ => "busy",
            },
        };
        Some((*at, reason))
    }

    /// Lets every deadline that has come expire, the earliest first.
    pub(super) fn expire(&mut self) {
        while let Some((_, timer)) = self.timers.first().filter(|(at, _)| *at <= self.now) {
            match timer.clone() {
                Timer::Interaction(id) => self.interaction_overdue(id),
                Timer::Attempt(id) => self.attempt_overdue(id),
                Timer::Agent(id) => {
                    if let Some(&n) = self.agent_index.get(&id) {
                        self.agent_timer(n);
                    }
                }
            }
        }
    }

    fn interaction_overdue(&mut self, id: InteractionId) {
        let Some(row) = self.interaction(id) else { return };
        let (attempt, live, asked) = (row.attempt(), row.caller_leg, row.asked);
        match row.stage.clone() {
            Stage::Virtual { .. } => self.virtual_overdue(id),
            Stage::Dialing => {
                self.end_attempt(attempt, EndReason::RingTimeout);
                self.no_more_deadline(id, "dialing-timeout-dialing");
            }
            Stage::Confirming => {
                self.end_attempt(attempt, EndReason::NoConfirm);
                self.no_more_deadline(id, "confirming-timeout-confirming");
            }
            Stage::Waiting if live => {
                let reason = ReleaseReason::Closed;
                self.effects.push(Effect::Release { interaction: id, reason });
                self.finish(id, "waiting-overdue-dropped", With::default(), Outcome::Dropped);
            }
            Stage::Waiting if asked => self.wait_answered(id, WaitChoice::CallBack),
            Stage::Waiting => self.ask_keep_waiting(id),
            Stage::Alerting(agent) => {
                self.effects.push(Effect::CancelAlert { agent: agent.clone(), interaction: id });
                self.agent_declined(&agent, id, DeclineReason::Missed);
            }
            Stage::Bridged(_) | Stage::Done(_) => {}
        }
    }

    /// From here on the deadline is the attempt's.
    fn no_more_deadline(&mut self, id: InteractionId, row: &'static str) {
        self.step(id, row, With::default(), |i| i.deadline = None);
    }

    /// Close of business, then purge, then what only frees it to be dialled.
    fn virtual_overdue(&mut self, id: InteractionId) {
        let Some(row) = self.interaction(id) else { return };
        let attempt = row.attempt();
        let due = |at: Option<Timestamp>| at.filter(|&at| at <= self.now);
        match (due(row.close_at), due(row.purge_at)) {
            (Some(close), purge) if purge.is_none_or(|purge| close <= purge) => {
                self.end_attempt(attempt, EndReason::Cancelled);
                self.finish(id, "virtual-closed-done", With::default(), Outcome::Closed);
            }
            (_, Some(_)) => {
                self.end_attempt(attempt, EndReason::Cancelled);
                self.finish(id, "virtual-purged-done", With::default(), Outcome::Purged);
            }
            (_, None) => self.step(id, "virtual-delayed-virtual", With::default(), |i| {
                i.stage = Stage::Virtual { not_before: None };
            }),
        }
    }

    /// All legs of a node are gone, or (dialled ones) nothing is known of them. Told of ourselves,
    /// it is the first event after a restart: agents stay Ready or Not ready, but trigger no dial
    /// until their phone was checked.
    pub(super) fn node_lost(&mut self, node: &NodeId) {
        let lost: Vec<AttemptId> = self
            .attempts
            .values()
            .filter(|attempt| attempt.node.as_ref() == Some(node))
            .map(|attempt| attempt.id)
            .collect();
        for id in lost {
            self.discharge(id);
            self.orphan_attempt(id);
        }
        let own = *node == self.this_node;
        let here = |holder: &Option<NodeId>| holder.as_ref().map_or(own, |holder| holder == node);
        let lost: Vec<InteractionId> =
            self.interactions().filter(|row| here(&row.node)).map(|row| row.id).collect();
        for id in lost {
            self.leg_lost(id);
        }
        for n in 0..self.agents.len() {
            if own && self.agents[n].row.state != AgentState::LoggedOut {
                self.change_agent(n, |agent| agent.contact_checked = false);
            }
        }
    }

    fn leg_lost(&mut self, id: InteractionId) {
        let Some(row) = self.interaction(id) else { return };
        let (live, attempt) = (row.caller_leg, row.attempt());
        match row.stage.clone() {
            Stage::Virtual { .. } if live => self.caller_leg_over(id),
            Stage::Virtual { .. } => {}
            Stage::Dialing => self.no_more_deadline(id, "dialing-lost-dialing"),
            Stage::Confirming => self.no_more_deadline(id, "confirming-lost-confirming"),
            Stage::Waiting if live => {
                self.early_hangup(id, "waiting-lost-virtual", "waiting-lost-abandoned");
            }
            Stage::Waiting => self.cut_off(id, attempt, "waiting-lost-virtual"),
            Stage::Alerting(agent) => {
                if live {
                    self.early_hangup(id, "alerting-lost-virtual", "alerting-lost-abandoned");
                } else {
                    self.cut_off(id, attempt, "alerting-lost-virtual");
                }
                self.agent_cut_off(&agent);
            }
            Stage::Bridged(agent) => {
                self.finish(id, "bridged-lost-dropped", With::agent(&agent), Outcome::Dropped);
                self.agent_cut_off(&agent);
            }
            Stage::Done(_) => {}
        }
    }

    /// An answered consumer was cut off: their callback stands at its place, no attempt used.
    fn cut_off(&mut self, id: InteractionId, attempt: AttemptId, row: &'static str) {
        self.step(id, row, With::attempt(attempt), |i| {
            i.stage = Stage::Virtual { not_before: None };
            i.asked = false;
            i.deadline = None;
            i.node = None;
        });
    }

    fn agent_cut_off(&mut self, agent: &AgentId) {
        if let Some(&n) = self.agent_index.get(agent) {
            self.agents[n].handling = None;
            self.alert_over(agent);
        }
    }
}
