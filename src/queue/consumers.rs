//! What callers and consumers do: arrive, accept a callback, leave, choose, hang up, cancel.
//!
//! A live caller is told apart from a dialled consumer by `caller_leg`: the leg they came in on.

use std::cmp::Reverse;

use super::Queue;
use super::effect::{Effect, EndReason, NotAdmitted, ReleaseReason};
use super::event::{BridgeEnd, WaitChoice};
use super::interaction::{Interaction, Origin, Outcome, Place, Stage};
use super::settings::EarlyHangup;
use super::skill::SkillExpression;
use super::upkeep::With;
use crate::ident::{AgentId, InteractionId, NodeId, QueueId};
use crate::phone::Address;
use crate::time::{Duration, Timestamp};

/// The longest that a live caller waits.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(4 * 3600);
/// How long an asked consumer has to choose.
pub(super) const CHOICE_TIMEOUT: Duration = Duration::from_secs(20);
/// After a failed alert: time to find the next agent before the consumer is asked.
const NEXT_AGENT: Duration = Duration::from_secs(5);

/// What every arrival says.
pub(super) struct Arrival {
    pub(super) interaction: InteractionId,
    pub(super) queue: QueueId,
    pub(super) skills: Option<SkillExpression>,
    pub(super) priority: i16,
}

impl Queue {
    pub(super) fn call_arrived(
        &mut self,
        arrival: Arrival,
        address: Option<Address>,
        node: NodeId,
    ) {
        let id = arrival.interaction;
        if self.interactions.contains_key(&id) {
            return;
        }
        match self.admit(&arrival) {
            Err(reason) => self.effects.push(Effect::NotAdmitted { interaction: id, reason }),
            Ok(q) => {
                let mut row = self.new_interaction(arrival, q, Origin::Live);
                row.deadline = Some(self.now + LONGEST_WAIT);
                row.address = address;
                row.node = Some(node);
                row.caller_leg = true;
                self.add_interaction(row);
                self.step(id, "new-arrived-waiting", With::default(), |_| {});
            }
        }
    }

    /// Refused without an effect (nothing is there afterwards) when the queue does not take it, the
    /// address is not permitted, or has an open callback already.
    pub(super) fn callback_requested(&mut self, arrival: Arrival, address: Address) {
        let id = arrival.interaction;
        let Ok(q) = self.admit(&arrival) else { return };
        if self.interactions.contains_key(&id) || !self.may_register(q, &address, id) {
            return;
        }
        let mut row = self.new_interaction(arrival, q, Origin::Immediate);
        row.address = Some(address);
        let settings = &self.queues[q].settings;
        row.purge_at = Some(self.now + settings.purge_after);
        row.close_at = settings.hours.close_after(self.now);
        self.add_interaction(row);
        self.step(id, "new-requested-virtual", With::default(), |_| {});
    }

    fn admit(&self, arrival: &Arrival) -> Result<usize, NotAdmitted> {
        let q = self.queue_index.get(&arrival.queue).copied().ok_or(NotAdmitted::Unknown)?;
        let queue = &self.queues[q];
        if !queue.known {
            Err(NotAdmitted::Unknown)
        } else if !queue.settings.hours.open_at(self.now) {
            Err(NotAdmitted::Closed)
        } else if queue.places.len() >= queue.settings.waiting_max as usize {
            Err(NotAdmitted::Full)
        } else {
            Ok(q)
        }
    }

    fn new_interaction(&self, arrival: Arrival, q: usize, origin: Origin) -> Interaction {
        let sequence = self.sequences.last().map_or(1, |last| last + 1);
        Interaction {
            id: arrival.interaction,
            queue: arrival.queue,
            origin,
            skills: arrival.skills.unwrap_or_else(|| self.queues[q].settings.skills.clone()),
            place: Place { priority: Reverse(arrival.priority), arrival: self.now, sequence },
            stage: match origin {
                Origin::Live => Stage::Waiting,
                Origin::Immediate => Stage::Virtual { not_before: None },
            },
            deadline: None,
            asked: false,
            address: None,
            node: None,
            caller_leg: false,
            attempts_used: 0,
            attempts_made: 0,
            postponed: 0,
            created_at: self.now,
            purge_at: None,
            close_at: None,
            missed_by: Vec::new(),
            ended_at: None,
        }
    }

    /// May this address have a callback now: open, permitted, and none open but `own`?
    fn may_register(&self, q: usize, address: &Address, own: InteractionId) -> bool {
        let queue = &self.queues[q];
        queue.known
            && queue.settings.hours.open_at(self.now)
            && !queue.settings.addresses.routes(address).is_empty()
            && queue.callbacks.get(address).is_none_or(|&other| other == own)
    }

    pub(super) fn callback_confirmed(&mut self, id: InteractionId, address: Address) {
        let Some(slot) = self.interactions.get(&id).filter(|slot| slot.row.caller_leg) else {
            return;
        };
        let row = match slot.row.stage {
            Stage::Waiting => "waiting-confirmed-virtual",
            Stage::Alerting(_) => "alerting-confirmed-virtual",
            Stage::Virtual { .. }
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Bridged(_)
            | Stage::Done(_) => return,
        };
        if !self.may_register(slot.queue, &address, id) {
            self.effects.push(Effect::NotRegistered { interaction: id });
            return;
        }
        self.cancel_alert(id);
        // However long the commit of this takes, the caller is on the line until we are told
        // otherwise; purge and close bound the wait.
        self.become_callback(id, row, address, |_| {});
        self.effects.push(Effect::Registered { interaction: id });
    }

    /// A live caller becomes a callback at the same place.
    fn become_callback(
        &mut self,
        id: InteractionId,
        row: &'static str,
        address: Address,
        change: impl FnOnce(&mut Interaction),
    ) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let (q, settings) = (slot.queue, self.queues[slot.queue].settings.clone());
        self.queues[q].callbacks.insert(address.clone(), id);
        let purge_at = Some(self.now + settings.purge_after);
        let close_at = settings.hours.close_after(self.now);
        self.step(id, row, With::default(), |i| {
            i.stage = Stage::Virtual { not_before: None };
            i.origin = Origin::Immediate;
            i.address = Some(address);
            i.deadline = None;
            i.purge_at = purge_at;
            i.close_at = close_at;
            i.node = None;
            change(i);
        });
        self.reclass(id);
    }

    pub(super) fn caller_hung_up(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.get(&id).filter(|slot| slot.row.caller_leg) else {
            return;
        };
        match slot.row.stage.clone() {
            Stage::Virtual { .. } => self.caller_leg_over(id),
            Stage::Waiting => {
                self.early_hangup(id, "waiting-hungup-virtual", "waiting-hungup-abandoned");
            }
            Stage::Alerting(agent) => {
                self.cancel_alert(id);
                let with = With::agent(&agent);
                self.finish(id, "alerting-hungup-abandoned", with, Outcome::Abandoned);
            }
            Stage::Bridged(agent) => self.consumer_left_bridge(id, &agent),
            Stage::Dialing | Stage::Confirming | Stage::Done(_) => {}
        }
    }

    /// The leg of a caller who accepted a callback is gone: from now on they may be dialled.
    pub(super) fn caller_leg_over(&mut self, id: InteractionId) {
        self.step(id, "virtual-released-virtual", With::default(), |i| {
            i.caller_leg = false;
            i.deadline = None;
        });
    }

    /// A waiting caller's leg is gone: a callback if the queue wants that and the number is usable.
    pub(super) fn early_hangup(
        &mut self,
        id: InteractionId,
        to_virtual: &'static str,
        to_abandoned: &'static str,
    ) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let wanted = self.queues[slot.queue].settings.early_hangup == EarlyHangup::CallBack;
        let address = slot.row.address.clone().filter(|_| wanted);
        match address.filter(|address| self.may_register(slot.queue, address, id)) {
            Some(address) => {
                self.become_callback(id, to_virtual, address, |i| i.caller_leg = false);
            }
            None => self.finish(id, to_abandoned, With::default(), Outcome::Abandoned),
        }
    }

    /// The consumer of a bridged call hung up.
    pub(super) fn consumer_left_bridge(&mut self, id: InteractionId, agent: &AgentId) {
        let work = self.after_call_work(id);
        self.finish(id, "bridged-hungup-served", With::agent(agent), Outcome::Served);
        self.effects.push(Effect::Disconnect { agent: agent.clone(), interaction: id });
        self.release_agent(agent, work);
    }

    fn after_call_work(&self, id: InteractionId) -> Duration {
        self.settings_of(id).map_or(Duration::ZERO, |settings| settings.after_call_work)
    }

    pub(super) fn caller_left(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.get(&id).filter(|slot| slot.row.caller_leg) else {
            return;
        };
        let row = match slot.row.stage {
            Stage::Waiting => "waiting-left-done",
            Stage::Alerting(_) => "alerting-left-done",
            // The callback stands; whoever goes on in the flow is not waited for any more.
            Stage::Virtual { .. } => return self.caller_hung_up(id),
            Stage::Dialing | Stage::Confirming | Stage::Bridged(_) | Stage::Done(_) => return,
        };
        self.cancel_alert(id);
        self.finish(id, row, With::default(), Outcome::Left);
    }

    /// The choice of a consumer who was asked; one who is being alerted meanwhile is served.
    pub(super) fn wait_answered(&mut self, id: InteractionId, choice: WaitChoice) {
        let Some(slot) = self.interactions.get(&id) else { return };
        if slot.row.stage != Stage::Waiting || !slot.row.asked {
            return;
        }
        let attempt = slot.row.attempt();
        let next = Some(self.now + self.queues[slot.queue].settings.answered_wait_max);
        match choice {
            WaitChoice::KeepWaiting => {
                self.step(id, "waiting-kept-waiting", With::attempt(attempt), |i| {
                    i.asked = false;
                    i.deadline = next;
                });
            }
            WaitChoice::CallBack => {
                self.end_attempt(attempt, EndReason::Goodbye);
                self.step(id, "waiting-callback-virtual", With::attempt(attempt), |i| {
                    i.stage = Stage::Virtual { not_before: None };
                    i.asked = false;
                    i.deadline = None;
                    i.node = None;
                });
            }
        }
    }

    /// Nobody served an answered consumer in time: ask them.
    pub(super) fn ask_keep_waiting(&mut self, id: InteractionId) {
        let deadline = Some(self.now + CHOICE_TIMEOUT);
        self.step(id, "waiting-asked-waiting", With::default(), |i| {
            i.asked = true;
            i.deadline = deadline;
        });
        self.effects.push(Effect::AskKeepWaiting { interaction: id });
    }

    /// When one who waits again after a failed alert is let go or asked.
    pub(super) fn waiting_deadline(&self, id: InteractionId) -> Option<Timestamp> {
        let slot = self.interactions.get(&id)?;
        if slot.row.caller_leg {
            return Some((slot.row.created_at + LONGEST_WAIT).max(self.now + NEXT_AGENT));
        }
        let answered = self.attempts.get(&slot.row.attempt()).and_then(|a| a.answered_at);
        let settings = &self.queues[slot.queue].settings;
        let due = answered.unwrap_or(self.now) + settings.answered_wait_max;
        Some(due.max(self.now + NEXT_AGENT))
    }

    pub(super) fn cancelled(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let (live, attempt) = (slot.row.caller_leg, slot.row.attempt());
        let (row, on_line) = match slot.row.stage {
            Stage::Virtual { .. } => ("virtual-cancelled-done", false),
            Stage::Dialing => ("dialing-cancelled-done", false),
            Stage::Confirming => ("confirming-cancelled-done", false),
            Stage::Waiting => ("waiting-cancelled-done", live),
            Stage::Alerting(_) => ("alerting-cancelled-done", live),
            Stage::Bridged(_) | Stage::Done(_) => return,
        };
        self.cancel_alert(id);
        if on_line {
            let reason = ReleaseReason::Cancelled;
            self.effects.push(Effect::Release { interaction: id, reason });
        }
        self.end_attempt(attempt, EndReason::Cancelled);
        self.finish(id, row, With::default(), Outcome::Cancelled);
    }

    pub(super) fn set_priority(&mut self, id: InteractionId, priority: i16) {
        let unchanged = |slot: &super::Slot| slot.row.place.priority == Reverse(priority);
        if self.interactions.get(&id).is_some_and(|slot| !unchanged(slot)) {
            self.step(id, "open-priority-same", With::default(), |i| {
                i.place.priority = Reverse(priority);
            });
        }
    }

    /// The agent hung up, or a leg of the bridge was lost.
    pub(super) fn bridge_ended(&mut self, id: InteractionId, cause: BridgeEnd) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let Stage::Bridged(agent) = slot.row.stage.clone() else { return };
        let attempt = slot.row.attempt();
        let (row, outcome) = match cause {
            BridgeEnd::Agent => ("bridged-ended-served", Outcome::Served),
            BridgeEnd::Lost => ("bridged-lost-dropped", Outcome::Dropped),
        };
        if cause == BridgeEnd::Lost {
            self.effects.push(Effect::Disconnect { agent: agent.clone(), interaction: id });
        }
        let reason = ReleaseReason::Served;
        self.effects.push(Effect::Release { interaction: id, reason });
        self.expect_end(attempt);
        let work = self.after_call_work(id);
        self.finish(id, row, With::agent(&agent), outcome);
        self.release_agent(&agent, work);
    }
}
