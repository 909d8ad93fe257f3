//! What happens by time alone, and what happens when a node is lost with all its legs.

use super::agent::AgentState;
use super::effect::{Effect, EndReason, ReleaseReason};
use super::event::{DeclineReason, WaitChoice};
use super::interaction::{Interaction, Origin, Outcome, Stage};
use super::upkeep::With;
use super::{Queue, Timer};
use crate::ident::{AgentId, AttemptId, InteractionId, NodeId};
use crate::time::Timestamp;

impl Queue {
    /// The next deadline and its reason; in the future after each [`Queue::handle`].
    pub fn poll_timeout(&self) -> Option<(Timestamp, &'static str)> {
        let (at, timer) = self.next_timer()?;
        let reason = match timer {
            Timer::Interaction(id) => {
                self.interaction(id).and_then(|row| row.timer()).map_or("stale", |(_, why)| why)
            }
            Timer::Attempt(_) => "attempt_guard",
            Timer::Requests => "call_in_lifetime",
            Timer::Agent(id) => match self.agent(&id).map(|agent| &agent.state) {
                Some(AgentState::AfterCallWork) => "after_call_work",
                Some(AgentState::Ready) => "hold_trigger",
                _ => "busy",
            },
        };
        Some((at, reason))
    }

    fn next_timer(&self) -> Option<(Timestamp, Timer)> {
        let interaction = self.deadlines.first().map(|&(at, id)| (at, Timer::Interaction(id)));
        interaction.into_iter().chain(self.timers.first().cloned()).min()
    }

    /// Lets every deadline that has come expire, the earliest first.
    pub(super) fn expire(&mut self) {
        while let Some((_, timer)) = self.next_timer().filter(|(at, _)| *at <= self.now) {
            match timer {
                Timer::Requests => self.expire_requests(),
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
        let leaves = row.leave_at.is_some_and(|at| at <= self.now);
        match row.stage.clone() {
            Stage::Scheduled if row.menu_until.is_some_and(|at| at <= self.now) => {
                self.menu_over(id);
            }
            Stage::Scheduled => self.promote(id),
            Stage::Virtual { .. } => self.virtual_overdue(id),
            Stage::Pushed | Stage::AwaitingCallIn => self.pushed_overdue(id),
            Stage::Lapsed => self.gone_by_time(id),
            Stage::Waiting if leaves => self.leave_line(id),
            Stage::Dialing => {
                self.end_attempt(attempt, EndReason::RingTimeout);
                self.no_more_deadline(id, "dialing-timeout-dialing");
            }
            Stage::Confirming => {
                self.end_attempt(attempt, EndReason::NoConfirm);
                self.no_more_deadline(id, "confirming-timeout-confirming");
            }
            Stage::Waiting if live => {
                let reason = ReleaseReason::NotServed;
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

    /// The end of the menu, then close of business and purge, then what only frees it to be
    /// dialled.
    fn virtual_overdue(&mut self, id: InteractionId) {
        let Some(row) = self.interaction(id) else { return };
        let due = |at: Option<Timestamp>| at.is_some_and(|at| at <= self.now);
        if due(row.menu_until) {
            self.menu_over(id);
        } else if due(row.first_end()) {
            self.gone_by_time(id);
        } else {
            self.step(id, "virtual-delayed-virtual", With::default(), |i| {
                i.stage = Stage::Virtual { not_before: None };
            });
        }
    }

    /// Whoever called in there and waited to take their place is gone with the node.
    fn call_ins_lost(&mut self, node: &NodeId) {
        let own = *node == self.this_node;
        let here = |row: &Interaction| row.node.as_ref().map_or(own, |holder| holder == node);
        let waits = |row: &Interaction| row.called_in && !row.caller_leg;
        let lost = self.interactions().filter(|row| here(row) && waits(row)).map(|row| row.id);
        for id in lost.collect::<Vec<_>>() {
            self.menu_over(id);
            self.forget_call_in(id);
        }
    }

    /// All legs of a node are gone, or (dialled ones) nothing is known of them. Told of ourselves,
    /// it is the first event after a restart: agents stay Ready or Not ready, but trigger no dial
    /// until their phone was checked.
    pub(super) fn node_lost(&mut self, node: &NodeId) {
        self.expire_requests();
        self.call_ins_lost(node);
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
        // Calls of their own were ours too.
        (0..self.agents.len()).filter(|_| own).for_each(|n| self.off_own_call(n));
        for id in lost {
            self.leg_lost(id);
        }
        for n in 0..self.agents.len() {
            if own && self.agents[n].row.state != AgentState::LoggedOut {
                self.change_agent(n, |agent| agent.contact_checked = false);
            }
        }
        if own {
            // The calendar may have been changed while we were down.
            self.resettle_appointments();
        }
    }

    fn leg_lost(&mut self, id: InteractionId) {
        let Some(row) = self.interaction(id) else { return };
        let (live, attempt) = (row.caller_leg, row.attempt());
        let called_in = row.called_in;
        // Once an agent answered their code is used up.
        let comes_back = live && row.origin == Origin::CallIn && row.connected_at.is_none();
        match row.stage.clone() {
            Stage::Scheduled | Stage::Virtual { .. } if live => self.caller_leg_over(id),
            Stage::Scheduled
            | Stage::Virtual { .. }
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Lapsed => {}
            Stage::Dialing => self.no_more_deadline(id, "dialing-lost-dialing"),
            Stage::Confirming => self.no_more_deadline(id, "confirming-lost-confirming"),
            Stage::Waiting if called_in => self.back_to_place(id, "waiting-lost-virtual"),
            Stage::Alerting(agent) if called_in => {
                self.back_to_place(id, "alerting-lost-virtual");
                self.agent_cut_off(&agent);
            }
            Stage::Waiting if comes_back => self.await_reconnect(id, "waiting-lost-awaiting"),
            Stage::Alerting(agent) if comes_back => {
                self.await_reconnect(id, "alerting-lost-awaiting");
                self.agent_cut_off(&agent);
            }
            Stage::Waiting if live => {
                let rows = ["waiting-lost-virtual", "waiting-lost-abandoned"];
                self.early_hangup(id, rows, With::default());
            }
            Stage::Waiting => self.cut_off(id, attempt, "waiting-lost-virtual"),
            Stage::Alerting(agent) => {
                if live {
                    let rows = ["alerting-lost-virtual", "alerting-lost-abandoned"];
                    self.early_hangup(id, rows, With::agent(&agent));
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
        self.promise_again(id);
    }

    fn agent_cut_off(&mut self, agent: &AgentId) {
        if let Some(&n) = self.agent_index.get(agent) {
            self.agents[n].row.handling = None;
            self.alert_over(agent);
        }
    }
}
