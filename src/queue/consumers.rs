//! What callers and consumers do: arrive, accept a callback, leave, choose, hang up, cancel.
//!
//! A live caller is told apart from a dialled consumer by `caller_leg`: the leg they came in on.

use std::cmp::Reverse;

use super::Queue;
use super::effect::{Effect, EndReason, NotAdmitted, ReleaseReason};
use super::event::{BridgeEnd, Event, LeftBy, WaitChoice, When};
use super::interaction::{Failures, Interaction, Origin, Outcome, Place, Stage};
use super::settings::{AtClose, EarlyHangup};
use super::skill::SkillExpression;
use super::upkeep::With;
use crate::ident::{AgentId, InteractionId, QueueId};
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
    pub(super) fn call_arrived(&mut self, arrived: Event) {
        let Event::CallArrived { interaction, queue, skills, priority, address, attached, node } =
            arrived
        else {
            return;
        };
        let (id, arrival) = (interaction, Arrival { interaction, queue, skills, priority });
        if self.interactions.contains_key(&id) {
            return;
        }
        match self.admit(&arrival) {
            Err(reason) => self.effects.push(Effect::NotAdmitted { interaction: id, reason }),
            Ok(q) => {
                let mut row = self.new_interaction(arrival, q, Origin::Live);
                row.deadline = Some(self.now + LONGEST_WAIT);
                row.close_at = self.queues[q].settings.hours.close_after(self.now);
                row.leave_at = row.close_at;
                row.address = address;
                row.attached = attached;
                row.node = Some(node);
                row.caller_leg = true;
                self.add_interaction(row);
                self.step(id, "new-arrived-waiting", With::default(), |_| {});
            }
        }
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

    pub(super) fn new_interaction(
        &self,
        arrival: Arrival,
        q: usize,
        origin: Origin,
    ) -> Interaction {
        let sequence = self.sequences.last().map_or(1, |last| last + 1);
        Interaction {
            id: arrival.interaction,
            queue: arrival.queue,
            origin,
            skills: arrival.skills.unwrap_or_else(|| self.queues[q].settings.skills.clone()),
            place: Place { priority: Reverse(arrival.priority), arrival: self.now, sequence },
            stage: match origin {
                Origin::Live => Stage::Waiting,
                Origin::Immediate | Origin::Scheduled | Origin::CallIn => {
                    Stage::Virtual { not_before: None }
                }
            },
            deadline: None,
            asked: false,
            address: None,
            node: None,
            caller_leg: false,
            attempts_used: 0,
            failures: Failures::default(),
            attempts_made: 0,
            postponed: 0,
            accepted: 0,
            created_at: self.now,
            requested_at: self.now,
            due_at: None,
            menu_until: None,
            share_until: None,
            leave_at: None,
            notify: false,
            upcoming: false,
            called_in: false,
            last_contact: None,
            told: None,
            connected_at: None,
            purge_at: None,
            close_at: None,
            missed_by: Vec::new(),
            ended_at: None,
            attached: None,
        }
    }

    pub(super) fn caller_hung_up(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.get(&id).filter(|slot| slot.row.caller_leg) else {
            return;
        };
        // Once an agent answered, the promise is kept: whoever was transferred then and hangs up is
        // not called again.
        let kept = slot.row.connected_at.is_some() && slot.row.origin != Origin::Live;
        let called_in = slot.row.called_in;
        let outcome = if called_in { Outcome::CalledIn } else { Outcome::Abandoned };
        let comes_back = slot.row.origin == Origin::CallIn;
        match slot.row.stage.clone() {
            Stage::Waiting if kept => {
                self.finish(id, "waiting-hungup-abandoned", With::default(), outcome);
            }
            Stage::Alerting(agent) if kept => {
                self.cancel_alert(id);
                let with = With::agent(&agent);
                self.finish(id, "alerting-hungup-abandoned", with, outcome);
            }
            Stage::Scheduled | Stage::Virtual { .. } => self.caller_leg_over(id),
            Stage::Waiting if called_in => self.back_to_place(id, "waiting-hungup-virtual"),
            Stage::Alerting(_) if called_in => {
                self.cancel_alert(id);
                self.back_to_place(id, "alerting-hungup-virtual");
            }
            Stage::Waiting if comes_back => self.await_reconnect(id, "waiting-hungup-awaiting"),
            Stage::Alerting(_) if comes_back => {
                self.cancel_alert(id);
                self.await_reconnect(id, "alerting-hungup-awaiting");
            }
            Stage::Waiting => {
                let rows = ["waiting-hungup-virtual", "waiting-hungup-abandoned"];
                self.early_hangup(id, rows, With::default());
            }
            Stage::Alerting(agent) => {
                self.cancel_alert(id);
                let with = With::agent(&agent);
                let rows = ["alerting-hungup-virtual", "alerting-hungup-abandoned"];
                self.early_hangup(id, rows, with);
            }
            Stage::Bridged(agent) => self.consumer_left_bridge(id, &agent),
            Stage::Dialing
            | Stage::Confirming
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Lapsed
            | Stage::Done(_) => {}
        }
    }

    /// The leg of a caller who accepted a callback is gone: from now on they may be dialled.
    pub(super) fn caller_leg_over(&mut self, id: InteractionId) {
        let scheduled = self.interaction(id).is_some_and(|row| row.stage == Stage::Scheduled);
        let row =
            if scheduled { "scheduled-released-scheduled" } else { "virtual-released-virtual" };
        let now = self.now;
        self.step(id, row, With::default(), |i| {
            i.caller_leg = false;
            i.deadline = None;
            i.last_contact = Some(now);
        });
    }

    /// A waiting caller's leg is gone: a callback if the queue wants that and the number is usable.
    pub(super) fn early_hangup(
        &mut self,
        id: InteractionId,
        [to_virtual, to_abandoned]: [&'static str; 2],
        with: With,
    ) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let live = slot.row.origin == Origin::Live;
        let wanted = self.queues[slot.queue].settings.early_hangup == EarlyHangup::CallBack;
        let address = slot.row.address.clone().filter(|_| wanted && live);
        let q = slot.queue;
        let may = |address: &Address| self.may_register(q, Some(address), id, When::Now).is_ok();
        match address.filter(may) {
            Some(address) => {
                self.become_callback(id, to_virtual, address, |i| i.caller_leg = false);
            }
            None => self.finish(id, to_abandoned, with, Outcome::Abandoned),
        }
    }

    /// The consumer of a bridged call hung up.
    pub(super) fn consumer_left_bridge(&mut self, id: InteractionId, agent: &AgentId) {
        let (work, outcome) = (self.after_call_work(id), self.served(id));
        self.finish(id, "bridged-hungup-served", With::agent(agent), outcome);
        self.effects.push(Effect::Disconnect { agent: agent.clone(), interaction: id });
        self.release_agent(agent, work);
    }

    /// What being served is to it.
    fn served(&self, id: InteractionId) -> Outcome {
        let called_in = self.interaction(id).is_some_and(|row| row.called_in);
        if called_in { Outcome::CalledIn } else { Outcome::Served }
    }

    pub(super) fn after_call_work(&self, id: InteractionId) -> Duration {
        self.settings_of(id).map_or(Duration::ZERO, |settings| settings.after_call_work)
    }

    pub(super) fn caller_left(&mut self, id: InteractionId, by: LeftBy) {
        let Some(slot) = self.interactions.get(&id).filter(|slot| slot.row.caller_leg) else {
            return;
        };
        let row = match slot.row.stage {
            Stage::Waiting => match by {
                LeftBy::Choice => "waiting-left-done",
                LeftBy::LongestWait => "waiting-waited-done",
                LeftBy::NoAgents => "waiting-deserted-done",
            },
            Stage::Alerting(_) if by == LeftBy::LongestWait => "alerting-waited-done",
            Stage::Alerting(_) => "alerting-left-done",
            // The callback stands; whoever goes on in the flow is not waited for any more.
            Stage::Scheduled | Stage::Virtual { .. } => return self.caller_hung_up(id),
            Stage::Dialing
            | Stage::Confirming
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Lapsed
            | Stage::Bridged(_)
            | Stage::Done(_) => return,
        };
        self.cancel_alert(id);
        self.finish(id, row, With::default(), Outcome::Left);
    }

    /// The choice of a consumer who was asked; one who rather is called back is served all the same
    /// if an agent is alerted by then and answers.
    pub(super) fn wait_answered(&mut self, id: InteractionId, choice: WaitChoice) {
        let now = self.now;
        let Some(slot) = self.interactions.get_mut(&id) else { return };
        if matches!(slot.row.stage, Stage::Alerting(_)) && choice == WaitChoice::KeepWaiting {
            // Should that agent not answer, they wait as long as they chose to.
            slot.row.last_contact = Some(now);
            self.touched_interactions.insert(id);
            return;
        }
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
                    i.last_contact = Some(now);
                });
            }
            WaitChoice::CallBack => {
                self.end_to_call_again(attempt, self.now);
                self.step(id, "waiting-callback-virtual", With::attempt(attempt), |i| {
                    i.stage = Stage::Virtual { not_before: None };
                    i.asked = false;
                    i.deadline = None;
                    i.node = None;
                });
                self.promise_again(id);
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
            let since = slot.row.last_contact.unwrap_or(slot.row.created_at);
            return Some((since + LONGEST_WAIT).max(self.now + NEXT_AGENT));
        }
        // Since they answered, chose to wait, or were transferred.
        let since = slot.row.last_contact.unwrap_or(self.now);
        let due = since + self.queues[slot.queue].settings.answered_wait_max;
        Some(due.max(self.now + NEXT_AGENT))
    }

    pub(super) fn cancelled(&mut self, id: InteractionId) {
        let is_over = self.cancel(id);
        self.effects.push(match is_over {
            true => Effect::Cancelled { interaction: id },
            false => Effect::NotCancelled { interaction: id },
        });
    }

    /// Is it over now, or was it before?
    fn cancel(&mut self, id: InteractionId) -> bool {
        let Some(slot) = self.interactions.get(&id) else { return true };
        let (live, attempt) = (slot.row.caller_leg, slot.row.attempt());
        let (row, on_line) = match slot.row.stage {
            Stage::Scheduled => ("scheduled-cancelled-done", false),
            Stage::Virtual { .. } => ("virtual-cancelled-done", false),
            Stage::Pushed => ("pushed-cancelled-done", false),
            Stage::AwaitingCallIn => ("awaiting-cancelled-done", false),
            Stage::Lapsed => ("lapsed-cancelled-done", false),
            Stage::Dialing => ("dialing-cancelled-done", false),
            Stage::Confirming => ("confirming-cancelled-done", false),
            Stage::Waiting => ("waiting-cancelled-done", live),
            Stage::Alerting(_) => ("alerting-cancelled-done", live),
            Stage::Bridged(_) => return false,
            Stage::Done(_) => return true,
        };
        self.cancel_alert(id);
        if on_line {
            let reason = ReleaseReason::Cancelled;
            self.effects.push(Effect::Release { interaction: id, reason });
        }
        self.end_attempt(attempt, EndReason::Cancelled);
        self.finish(id, row, With::default(), Outcome::Cancelled);
        true
    }

    pub(super) fn set_priority(&mut self, id: InteractionId, priority: i16) {
        let unchanged = |slot: &super::Slot| slot.row.place.priority == Reverse(priority);
        if self.interactions.get(&id).is_some_and(|slot| !unchanged(slot)) {
            self.step(id, "open-priority-same", With::default(), |i| {
                i.place.priority = Reverse(priority);
            });
        }
    }

    /// The queue in which a person would wait whom somebody transfers to this agent: the one they
    /// are in, if the agent serves it, else the first that the agent serves.
    pub fn queue_of_transfer(&self, from: &QueueId, to: &AgentId) -> Option<QueueId> {
        let agent = &self.agents[*self.agent_index.get(to)?];
        let serves = |number: &usize, queue: &super::QueueState| {
            queue.known
                && agent.queues.as_ref().is_none_or(|queues| queues.has(*number))
                && queue.settings.skills.satisfied_by(&agent.row.skills)
        };
        let mut served = self.queues.iter().enumerate().filter(|(number, it)| serves(number, it));
        let own = served.clone().find(|(_, queue)| queue.id == *from);
        own.or_else(|| served.next()).map(|(_, queue)| queue.id.clone())
    }

    /// May somebody be sent into this queue? Not into one that is no longer configured: nobody
    /// would serve them.
    pub fn takes_transfers(&self, queue: &QueueId) -> bool {
        self.known_queue(queue).is_some()
    }

    /// The agent sent the person they talk to into a queue: they wait there, at the place of their
    /// arrival, or are given to another agent at once.
    pub(super) fn transferred(
        &mut self,
        id: InteractionId,
        queue: &QueueId,
        to_agent: Option<&AgentId>,
    ) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let Stage::Bridged(agent) = slot.row.stage.clone() else { return };
        let Some(to) = self.known_queue(queue) else { return };
        let other = to_agent.filter(|other| **other != agent);
        let work = self.after_call_work(id);
        let live = slot.row.caller_leg;
        let settings = &self.queues[to].settings;
        let (skills, patience) = (settings.skills.clone(), settings.answered_wait_max);
        let deadline = self.now + if live { LONGEST_WAIT } else { patience };
        // A caller is let go when the queue that they wait in closes.
        let close_at = match slot.row.origin {
            Origin::Live if !settings.hours.open_at(self.now) => Some(self.now),
            Origin::Live => settings.hours.close_after(self.now),
            Origin::Immediate | Origin::Scheduled | Origin::CallIn => slot.row.close_at,
        };
        let leave_at = close_at.filter(|_| slot.row.origin == Origin::Live);
        // An appointment of the queue that they leave counts there no more.
        if let Some(slot) = self.interactions.get_mut(&id) {
            slot.row.due_at = None;
        }
        self.settle(id);
        if let Some(slot) = self.interactions.get_mut(&id) {
            slot.queue = to;
            slot.row.queue = queue.clone();
        }
        let now = self.now;
        self.step(id, "bridged-transferred-waiting", With::agent(&agent), |i| {
            i.stage = Stage::Waiting;
            i.last_contact = Some(now);
            i.skills = skills;
            i.deadline = Some(deadline);
            i.close_at = close_at;
            i.leave_at = leave_at;
            i.missed_by = Vec::new();
        });
        self.reclass(id);
        self.effects.push(Effect::Disconnect { agent: agent.clone(), interaction: id });
        self.release_agent(&agent, work);
        if let Some(other) = other.and_then(|other| self.agent_index.get(other).copied()) {
            return self.give(other, id);
        }
        // With nobody who could ever serve, a dialled consumer is asked at once.
        let slot = self.interactions.get(&id);
        if slot.is_some_and(|slot| self.classes.get(slot.class).logged_in == 0) {
            self.ask_soon(vec![id]);
        }
    }

    /// A caller on the line is let go or led away: close of business, or (where that is wanted) the
    /// purge of a callback whose consumer is on the line.
    pub(super) fn leave_line(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let settings = self.queues[slot.queue].settings.clone();
        let (live, attempt) = (slot.row.origin == Origin::Live, slot.row.attempt());
        let close_at = slot.row.close_at.filter(|&at| at <= self.now);
        if !live {
            let (closed, not_served) = (ReleaseReason::Closed, ReleaseReason::NotServed);
            let (row, outcome, reason, end) = match close_at {
                Some(_) => ("waiting-closed-done", Outcome::Closed, closed, EndReason::Closed),
                None => ("waiting-purged-done", Outcome::Purged, not_served, EndReason::NotServed),
            };
            if slot.row.caller_leg {
                self.effects.push(Effect::Release { interaction: id, reason });
            }
            self.end_attempt(attempt, end);
            return self.finish(id, row, With::default(), outcome);
        }
        let served = self.classes.get(slot.class).logged_in > 0;
        if let (AtClose::Finish(most), true, Some(close)) = (settings.at_close, served, close_at)
            && self.now < close + most
        {
            return self.step(id, "waiting-closing-waiting", With::default(), |i| {
                i.leave_at = Some(close + most);
            });
        }
        let offer_schedule = settings.at_close == AtClose::OfferSchedule
            && self.offers(&slot.row.queue, None).scheduled;
        self.effects.push(Effect::LeaveQueue { interaction: id, offer_schedule });
        self.finish(id, "waiting-closed-done", With::default(), Outcome::Closed);
    }

    pub(super) fn ewt_told(&mut self, id: InteractionId, ewt: Duration) {
        let now = self.now;
        if let Some(slot) = self.interactions.get_mut(&id) {
            slot.row.told = Some((now, ewt));
            self.touched_interactions.insert(id);
        }
    }

    /// For the trail alone: an offer decides nothing.
    pub(super) fn callback_offered(&mut self, id: InteractionId) {
        let row = match self.interaction(id).map(|row| &row.stage) {
            Some(Stage::Waiting) => "waiting-offered-waiting",
            Some(Stage::Alerting(_)) => "alerting-offered-alerting",
            _ => return,
        };
        self.step(id, row, With::default(), |_| {});
    }

    /// The agent hung up, or a leg of the bridge was lost.
    pub(super) fn bridge_ended(&mut self, id: InteractionId, cause: BridgeEnd) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let Stage::Bridged(agent) = slot.row.stage.clone() else { return };
        let attempt = slot.row.attempt();
        let (row, outcome) = match cause {
            BridgeEnd::Agent => ("bridged-ended-served", self.served(id)),
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
