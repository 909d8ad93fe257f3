//! What agents do, and what becomes of them and of the interaction they were alerted for.

use super::Queue;
use super::agent::{AfterCall, Agent, AgentState};
use super::effect::Effect;
use super::event::{DeclineReason, NotReadyReason, OnRegister};
use super::interaction::Stage;
use super::skill::Skills;
use super::upkeep::With;
use crate::ident::{AgentId, InteractionId};
use crate::time::Duration;

/// How long an agent whose phone was busy is left alone.
const BUSY: Duration = Duration::from_secs(60);
/// Calls whose handling time is kept for the estimate.
const HANDLED_MAX: usize = 200;
/// Distributions whose gaps are kept for the estimate: 32 gaps.
const DISTRIBUTED_MAX: usize = 33;

impl Queue {
    pub(super) fn state(&self, n: usize) -> AgentState {
        self.agents[n].row.state.clone()
    }

    /// Puts an agent who is not engaged into a state, from now on.
    pub(super) fn set_state(&mut self, n: usize, state: AgentState, lasting: Option<Duration>) {
        let now = self.now;
        self.measure_handling(n, &state);
        self.change_agent(n, |agent| {
            agent.since = now;
            agent.deadline = lasting.map(|lasting| now + lasting);
            agent.after_call = None;
            agent.state = state;
        });
    }

    /// After-call work over: the time since the call began counts for the estimate.
    fn measure_handling(&mut self, n: usize, next: &AgentState) {
        let on_own_call = AgentState::NotReady(NotReadyReason::Outbound);
        if [AgentState::AfterCallWork, on_own_call].contains(next) {
            return;
        }
        let Some((queue, began)) = self.agents[n].row.handling.take() else { return };
        self.touched_agents.insert(n);
        let Some(&q) = self.queue_index.get(&queue) else { return };
        let handled = &mut self.queues[q].history.handled;
        handled.push_back((self.now, self.now.since(began)));
        if handled.len() > HANDLED_MAX {
            handled.pop_front();
        }
        self.touched_histories.insert(q);
    }

    /// An agent answered: one more call today, and one more distribution of the queue.
    pub(super) fn count_call(&mut self, n: usize, queue: Option<usize>) {
        let Some(q) = queue else { return };
        let now = self.now;
        self.change_agent(n, |agent| agent.answered.add(now));
        let distributed = &mut self.queues[q].history.distributed;
        distributed.push_back(self.now);
        if distributed.len() > DISTRIBUTED_MAX {
            distributed.pop_front();
        }
        self.touched_histories.insert(q);
    }

    pub(super) fn agent_logged_in(&mut self, id: &AgentId, ready: bool) {
        let Some(&n) = self.agent_index.get(id) else { return };
        // One who is no longer configured serves nobody and stays out.
        if self.agents[n].queues.as_ref().is_some_and(super::Bits::is_empty) {
            return;
        }
        match self.state(n) {
            AgentState::LoggedOut => {
                self.agents[n].row.contact_checked = true;
                self.agents[n].row.misses = 0;
                let state = match ready {
                    true => AgentState::Ready,
                    false => AgentState::NotReady(NotReadyReason::Login),
                };
                self.set_state(n, state, None);
            }
            AgentState::Alerting(_) | AgentState::Talking(_) => {
                self.change_agent(n, |agent| {
                    agent.after_call = agent.after_call.filter(|after| match after {
                        AfterCall::NotReady(_) => true,
                        AfterCall::LogOut | AfterCall::ContactLost { .. } => false,
                    });
                });
            }
            AgentState::NotReady(_) | AgentState::Ready | AgentState::AfterCallWork => {}
        }
    }

    pub(super) fn agent_logged_out(&mut self, id: &AgentId) {
        if let Some(&n) = self.agent_index.get(id) {
            self.log_out(n);
        }
    }

    pub(super) fn log_out(&mut self, n: usize) {
        match self.state(n) {
            AgentState::LoggedOut => {}
            AgentState::Alerting(_) | AgentState::Talking(_) => {
                self.change_agent(n, |agent| agent.after_call = Some(AfterCall::LogOut));
            }
            AgentState::NotReady(_) | AgentState::Ready | AgentState::AfterCallWork => {
                self.set_state(n, AgentState::LoggedOut, None);
            }
        }
    }

    pub(super) fn agent_ready(&mut self, id: &AgentId) {
        let Some(&n) = self.agent_index.get(id) else { return };
        match self.state(n) {
            AgentState::LoggedOut | AgentState::Ready => {}
            AgentState::NotReady(_) | AgentState::AfterCallWork => {
                // They acted: their phone is there, and earlier misses are forgiven.
                self.agents[n].row.contact_checked = true;
                self.agents[n].row.misses = 0;
                self.set_state(n, AgentState::Ready, None);
            }
            AgentState::Alerting(_) | AgentState::Talking(_) => {
                self.change_agent(n, |agent| agent.after_call = None);
            }
        }
    }

    pub(super) fn agent_not_ready(&mut self, id: &AgentId, reason: NotReadyReason) {
        let Some(&n) = self.agent_index.get(id) else { return };
        match self.state(n) {
            AgentState::LoggedOut => {}
            AgentState::Ready | AgentState::NotReady(_) | AgentState::AfterCallWork => {
                self.set_state(n, AgentState::NotReady(reason), lasting(reason));
            }
            AgentState::Alerting(_) | AgentState::Talking(_) => {
                self.change_agent(n, |agent| agent.after_call = Some(AfterCall::NotReady(reason)));
            }
        }
    }

    pub(super) fn after_call_work_ended(&mut self, id: &AgentId) {
        if let Some(&n) = self.agent_index.get(id)
            && self.state(n) == AgentState::AfterCallWork
        {
            self.set_state(n, AgentState::Ready, None);
        }
    }

    /// After-call work or "busy" is over by time, or an agent is no longer kept for an answer.
    pub(super) fn agent_timer(&mut self, n: usize) {
        match self.state(n) {
            AgentState::AfterCallWork | AgentState::NotReady(_) => {
                self.set_state(n, AgentState::Ready, None);
            }
            AgentState::Ready => {
                self.agents[n].held = None;
                self.settle_agent(n);
                self.dirty_agents.insert(n);
            }
            AgentState::LoggedOut | AgentState::Alerting(_) | AgentState::Talking(_) => {
                self.change_agent(n, |agent| agent.deadline = None);
            }
        }
    }

    /// Whoever is logged in already stays as they asked to be.
    pub(super) fn agent_contact_found(&mut self, id: &AgentId, on_register: OnRegister) {
        if let Some(&n) = self.agent_index.get(id)
            && let Some(AfterCall::ContactLost { asked }) = self.agents[n].row.after_call
        {
            // It was gone for a while of their call.
            let after = asked.then_some(AfterCall::NotReady(NotReadyReason::Asked));
            self.change_agent(n, |agent| agent.after_call = after);
        }
        let is_out = |agent: &Agent| agent.state == AgentState::LoggedOut;
        if !self.agent(id).is_some_and(is_out) {
            return;
        }
        match on_register {
            OnRegister::Ready => self.agent_logged_in(id, true),
            OnRegister::NotReady => self.agent_logged_in(id, false),
            OnRegister::Keep => {}
        }
    }

    pub(super) fn agent_contact_lost(&mut self, id: &AgentId) {
        let Some(&n) = self.agent_index.get(id) else { return };
        if let AgentState::Alerting(interaction) = self.state(n) {
            let agent = id.clone();
            self.effects.push(Effect::CancelAlert { agent, interaction });
            self.back_to_waiting(n, interaction);
            self.set_state(n, AgentState::NotReady(NotReadyReason::Unreachable), None);
        }
        match self.state(n) {
            // Unless it is back by then.
            AgentState::Talking(_) => self.change_agent(n, |agent| {
                agent.after_call = Some(match agent.after_call {
                    Some(AfterCall::LogOut) => AfterCall::LogOut,
                    Some(AfterCall::ContactLost { asked }) => AfterCall::ContactLost { asked },
                    Some(AfterCall::NotReady(reason)) => {
                        AfterCall::ContactLost { asked: reason != NotReadyReason::Outbound }
                    }
                    None => AfterCall::ContactLost { asked: false },
                });
            }),
            AgentState::LoggedOut
            | AgentState::NotReady(_)
            | AgentState::Ready
            | AgentState::Alerting(_)
            | AgentState::AfterCallWork => self.log_out(n),
        }
    }

    pub(super) fn skills_changed(&mut self, id: &AgentId, skills: Skills) {
        let Some(&n) = self.agent_index.get(id) else { return };
        self.change_agent(n, |agent| {
            agent.skills = skills;
            agent.skills_changed = true;
        });
        self.reclass_agent(n);
    }

    pub(super) fn contact_checked(&mut self, id: &AgentId, reachable: bool) {
        let Some(&n) = self.agent_index.get(id) else { return };
        if reachable {
            self.change_agent(n, |agent| agent.contact_checked = true);
            self.dirty_agents.insert(n);
            return;
        }
        let later_ready = [AgentState::AfterCallWork, AgentState::NotReady(NotReadyReason::Busy)];
        if self.state(n) == AgentState::Ready || later_ready.contains(&self.state(n)) {
            self.set_state(n, AgentState::NotReady(NotReadyReason::Unreachable), None);
        }
    }

    pub(super) fn agent_answered(&mut self, id: &AgentId, interaction: InteractionId) {
        let Some(&n) = self.agent_index.get(id) else { return };
        if self.state(n) != AgentState::Alerting(interaction) {
            return;
        }
        let now = self.now;
        let queue = self.interactions.get(&interaction).map(|slot| slot.queue);
        self.agents[n].row.handling = queue.map(|q| (self.queues[q].id.clone(), now));
        self.change_agent(n, |agent| {
            agent.state = AgentState::Talking(interaction);
            agent.since = now;
            agent.misses = 0;
            agent.contact_checked = true;
        });
        self.count_call(n, queue);
        self.spend_requests(interaction);
        self.forget_open(interaction);
        self.step(interaction, "alerting-answered-bridged", With::agent(id), |i| {
            i.stage = Stage::Bridged(id.clone());
            i.deadline = None;
            i.leave_at = None;
            i.connected_at = Some(now);
        });
        self.effects.push(Effect::Connect { agent: id.clone(), interaction });
    }

    pub(super) fn agent_declined(
        &mut self,
        id: &AgentId,
        interaction: InteractionId,
        reason: DeclineReason,
    ) {
        let Some(&n) = self.agent_index.get(id) else { return };
        if self.state(n) != AgentState::Alerting(interaction) {
            return;
        }
        let misses_max = self.settings_of(interaction).map_or(1, |settings| settings.misses_max);
        self.back_to_waiting(n, interaction);
        let after_call = self.agents[n].row.after_call;
        let misses = self.agents[n].row.misses + u32::from(reason == DeclineReason::Missed);
        self.agents[n].row.misses = misses;
        let (state, lasting) = match (after_call, reason) {
            (Some(after_call), _) => after_call.state(),
            (None, DeclineReason::Missed) if misses < misses_max => (AgentState::Ready, None),
            (None, DeclineReason::Missed) => (AgentState::NotReady(NotReadyReason::Missed), None),
            (None, DeclineReason::Busy) => {
                (AgentState::NotReady(NotReadyReason::Busy), lasting(NotReadyReason::Busy))
            }
            (None, DeclineReason::Unreachable) => {
                (AgentState::NotReady(NotReadyReason::Unreachable), None)
            }
        };
        self.set_state(n, state, lasting);
    }

    /// An alert failed: its interaction waits again, and this agent is its last choice.
    pub(super) fn back_to_waiting(&mut self, n: usize, interaction: InteractionId) {
        let agent = self.agents[n].row.id.clone();
        let deadline = self.waiting_deadline(interaction);
        self.step(interaction, "alerting-declined-waiting", With::agent(&agent), |i| {
            i.stage = Stage::Waiting;
            i.deadline = deadline;
            if !i.missed_by.contains(&agent) {
                i.missed_by.push(agent);
            }
        });
    }

    /// Stops an alert that came to nothing by no fault of the agent, if there is one: no miss, and
    /// their idle time goes on.
    pub(super) fn cancel_alert(&mut self, interaction: InteractionId) {
        let stage = self.interaction(interaction).map(|row| row.stage.clone());
        if let Some(Stage::Alerting(agent)) = stage {
            self.effects.push(Effect::CancelAlert { agent: agent.clone(), interaction });
            self.alert_over(&agent);
        }
    }

    /// The agent was alerted and is not any more, by no fault of theirs.
    pub(super) fn alert_over(&mut self, id: &AgentId) {
        let Some(&n) = self.agent_index.get(id) else { return };
        match self.agents[n].row.after_call {
            Some(after_call) => {
                let (state, lasting) = after_call.state();
                self.set_state(n, state, lasting);
            }
            None => self.change_agent(n, |agent| agent.state = AgentState::Ready),
        }
    }

    /// A call is over: what was asked for during it, after-call work, or Ready.
    pub(super) fn release_agent(&mut self, id: &AgentId, work: Duration) {
        let Some(&n) = self.agent_index.get(id) else { return };
        match self.agents[n].row.after_call {
            Some(after_call) => {
                let (state, lasting) = after_call.state();
                self.set_state(n, state, lasting);
            }
            None if work.is_zero() => self.set_state(n, AgentState::Ready, None),
            None => self.set_state(n, AgentState::AfterCallWork, Some(work)),
        }
    }
}

impl AfterCall {
    fn state(self) -> (AgentState, Option<Duration>) {
        match self {
            AfterCall::NotReady(reason) => (AgentState::NotReady(reason), lasting(reason)),
            AfterCall::LogOut | AfterCall::ContactLost { .. } => (AgentState::LoggedOut, None),
        }
    }
}

fn lasting(reason: NotReadyReason) -> Option<Duration> {
    (reason == NotReadyReason::Busy).then_some(BUSY)
}
