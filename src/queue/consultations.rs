//! Agents who call somebody, to ask while they talk or for its own sake, those whom they ask, and
//! the handing over of the person on the line from one to the other. Who is asked need not have the
//! skills: the agent chose them, and they are on the telephone already.
//!
//! It must not decide who may be called.

use super::Queue;
use super::agent::{AfterCall, AgentState};
use super::effect::Effect;
use super::event::NotReadyReason;
use super::interaction::Stage;
use super::upkeep::With;
use crate::ident::{AgentId, InteractionId, QueueId};

const ON_OWN_CALL: AgentState = AgentState::NotReady(NotReadyReason::Outbound);
const ON_OWN_CALL_AFTER: AfterCall = AfterCall::NotReady(NotReadyReason::Outbound);

impl Queue {
    pub(super) fn consultation_began(&mut self, asks: &AgentId, asked: Option<AgentId>) {
        if let Some(&n) = self.agent_index.get(asks) {
            match self.state(n) {
                // What they asked for themselves holds.
                AgentState::Talking(_) | AgentState::Alerting(_) => self.change_agent(n, |agent| {
                    _ = agent.after_call.get_or_insert(ON_OWN_CALL_AFTER);
                }),
                AgentState::Ready
                | AgentState::AfterCallWork
                | AgentState::NotReady(NotReadyReason::Busy) => {
                    self.set_state(n, ON_OWN_CALL, None);
                }
                AgentState::LoggedOut | AgentState::NotReady(_) => {}
            }
        }
        if let Some(&n) = asked.and_then(|asked| self.agent_index.get(&asked))
            && self.state(n) == AgentState::Ready
        {
            self.set_state(n, ON_OWN_CALL, None);
        }
    }

    /// Whom an agent reaches who asks in a queue: the one of its agents who would be given the next
    /// call that asks for what it asks by default. `None`: nobody is Ready.
    pub fn next_agent(&self, queue: &QueueId) -> Option<AgentId> {
        let queue = &self.queues[self.known_queue(queue)?];
        let settings = &queue.settings;
        let free = |n: usize| self.agents[n].held.is_none() && self.of_queue(n, queue);
        // The longest idle come first, and the first of equals is taken.
        let ready = self.ready.iter().filter(|&&(_, _, n)| free(n));
        let next = ready.min_by_key(|&&(_, _, n)| self.rank(settings, &settings.skills, n));
        next.map(|(_, agent, _)| agent.clone())
    }

    pub(super) fn consultation_ended(&mut self, asks: &AgentId, asked: Option<AgentId>) {
        for id in [Some(asks), asked.as_ref()].into_iter().flatten() {
            if let Some(&n) = self.agent_index.get(id) {
                self.off_own_call(n);
            }
        }
    }

    /// No call of their own keeps this agent any more: what was put off for it follows.
    pub(super) fn off_own_call(&mut self, n: usize) {
        if self.state(n) == ON_OWN_CALL {
            // Handling is measured from a conversation on, without a call of their own: its work is
            // still to be done.
            let own_call = self.now.since(self.agents[n].row.since);
            let of = self.agents[n].row.handling.as_mut().map(|(queue, began)| {
                *began += own_call;
                &*queue
            });
            let of = of.and_then(|queue| self.queue_index.get(queue));
            match of.map(|&q| self.queues[q].settings.after_call_work) {
                Some(work) if !work.is_zero() => {
                    self.set_state(n, AgentState::AfterCallWork, Some(work));
                }
                Some(_) | None => self.set_state(n, AgentState::Ready, None),
            }
        } else if self.agents[n].row.after_call == Some(ON_OWN_CALL_AFTER) {
            self.change_agent(n, |agent| agent.after_call = None);
        }
    }

    pub(super) fn handed_over(&mut self, id: InteractionId, to: &AgentId) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let Stage::Bridged(from) = slot.row.stage.clone() else { return };
        let (queue, work) = (slot.queue, self.after_call_work(id));
        let Some(&m) = self.agent_index.get(&from) else { return };
        self.off_own_call(m);
        let Some(&n) = self.agent_index.get(to) else { return };
        let after_call = match self.state(n) {
            AgentState::Talking(_) => return,
            AgentState::Alerting(other) => {
                self.effects.push(Effect::CancelAlert { agent: to.clone(), interaction: other });
                self.back_to_waiting(n, other);
                self.agents[n].row.after_call
            }
            AgentState::LoggedOut => Some(AfterCall::LogOut),
            AgentState::NotReady(reason) => {
                Some(AfterCall::NotReady(reason)).filter(|after| *after != ON_OWN_CALL_AFTER)
            }
            AgentState::Ready | AgentState::AfterCallWork => None,
        };
        let now = self.now;
        self.set_state(n, AgentState::Talking(id), None);
        self.agents[n].row.handling = Some((self.queues[queue].id.clone(), now));
        self.change_agent(n, |agent| {
            agent.after_call = after_call;
            agent.misses = 0;
            agent.contact_checked = true;
        });
        self.count_call(n, Some(queue));
        self.step(id, "bridged-handedover-bridged", With::agent(to), |i| {
            i.stage = Stage::Bridged(to.clone());
            i.connected_at = Some(now);
        });
        self.effects.push(Effect::Disconnect { agent: from.clone(), interaction: id });
        self.release_agent(&from, work);
    }
}
