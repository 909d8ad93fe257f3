//! What happens to a dial: answered, confirmed, ended; its charge, and the guard on its leg.
//!
//! ```text
//! open ── answered ──▶ open ── its leg is gone ──▶ closed
//!   └── we end it (`ending`) ── its leg is gone, or the guard time passed ──▶ closed
//! ```
//!
//! Only the end of the leg closes an attempt, and nothing is dialled again before that. An answer
//! that comes after we began to end it is too late.

use super::effect::{Effect, EndReason, NotTakenOver};
use super::event::RetryClass;
use super::interaction::{Failures, Interaction, Outcome, Stage};
use super::upkeep::With;
use super::{Queue, QueueSettings};
use crate::ident::{AttemptId, QueueId, Route};
use crate::phone::Address;
use crate::time::{Duration, Timestamp};

/// 64*T1 (RFC 3261 section 17) and a margin of 3 s: after that an unanswered transaction is dead.
pub(super) const TRANSACTION_GUARD: Duration = Duration::from_secs(32 + 3);
/// The shortest and the longest "later".
const LATER: (Duration, Duration) = (Duration::from_secs(600), Duration::from_secs(5400));
/// How often "later" uses no attempt.
const LATER_FREE: u32 = 3;

impl QueueSettings {
    /// How long after its INVITE, or after we began to end it, an attempt may still have a leg.
    pub fn guard(&self) -> Duration {
        self.ring_timeout + TRANSACTION_GUARD
    }

    /// Are these all the attempts that there are, of all kinds together or of one?
    fn used_up(&self, used: u32, failures: Failures) -> bool {
        let reached = |(&of, &max): (&RetryClass, &u32)| failures.of(of) >= max;
        used >= self.attempts_max || self.attempts_max_of.iter().any(reached)
    }
}

impl Queue {
    /// The interaction of an attempt that is open, is its last one, and is not being ended.
    fn live_attempt(&self, id: AttemptId) -> Option<&Interaction> {
        let attempt = self.attempts.get(&id)?;
        let row = self.interaction(id.interaction)?;
        (attempt.ending.is_none() && row.attempt() == id).then_some(row)
    }

    fn confirming(&self, id: AttemptId) -> bool {
        self.live_attempt(id).is_some_and(|row| row.stage == Stage::Confirming)
    }

    pub(super) fn attempt_answered(&mut self, id: AttemptId) {
        if self.crosses_the_caller(id) {
            self.dialled_leg_wins(id);
        }
        if self.live_attempt(id).is_none_or(|row| row.stage != Stage::Dialing) {
            return;
        }
        let Some(settings) = self.settings_of(id.interaction) else { return };
        let (now, deadline) = (self.now, Some(self.now + settings.confirm_timeout));
        self.change_attempt(id, |attempt| attempt.answered_at = Some(now));
        self.step(id.interaction, "dialing-answered-confirming", With::attempt(id), |i| {
            i.stage = Stage::Confirming;
            i.last_contact = Some(now);
            i.deadline = deadline;
        });
        if !settings.confirm {
            self.consumer_confirmed(id);
        }
    }

    /// Is this dial being ended because its consumer called in?
    fn crosses_the_caller(&self, id: AttemptId) -> bool {
        self.attempts.get(&id).is_some_and(|it| it.ending == Some(EndReason::CalledIn))
    }

    /// They answered the dial that was about to end because they called in: it goes on, and the
    /// call that came in waits for nothing more. What is not wanted any more ends all the same.
    fn dialled_leg_wins(&mut self, id: AttemptId) {
        let current = self.interaction(id.interaction).filter(|row| row.attempt() == id);
        let wanted = current.is_some_and(|row| row.stage == Stage::Dialing);
        self.change_attempt(id, |attempt| {
            attempt.ending = None;
            attempt.deadline = None;
        });
        if !wanted {
            return self.end_attempt(id, EndReason::Cancelled);
        }
        let Some(slot) = self.interactions.get_mut(&id.interaction) else { return };
        slot.row.menu_until = None;
        if std::mem::take(&mut slot.row.called_in) {
            self.not_taken_over(id.interaction, NotTakenOver::Talking);
        }
    }

    pub(super) fn consumer_confirmed(&mut self, id: AttemptId) {
        if !self.confirming(id) {
            return;
        }
        let Some(slot) = self.interactions.get(&id.interaction) else { return };
        let served = self.classes.get(slot.class).logged_in > 0;
        let settings = &self.queues[slot.queue].settings;
        let patience = settings.answered_wait_max;
        let leave_at = slot.row.first_end().filter(|_| settings.purge_on_line);
        // With nobody who could ever serve, the consumer is asked at once.
        let deadline = if served { self.now + patience } else { self.now };
        let now = self.now;
        self.step(id.interaction, "confirming-passed-waiting", With::attempt(id), |i| {
            i.stage = Stage::Waiting;
            i.last_contact = Some(now);
            i.deadline = Some(deadline);
            i.leave_at = leave_at;
        });
    }

    /// "Later": their wish, so it uses no attempt, three times; from then on each does.
    pub(super) fn consumer_postponed(&mut self, id: AttemptId, delay: Duration) {
        if !self.confirming(id) {
            return;
        }
        let Some(slot) = self.interactions.get_mut(&id.interaction) else { return };
        if slot.row.postponed >= LATER_FREE {
            slot.row.attempts_used += 1;
            slot.row.failures.add(RetryClass::NoConfirm);
            let (used, failures) = (slot.row.attempts_used, slot.row.failures);
            if self.queues[slot.queue].settings.used_up(used, failures) {
                self.end_attempt(id, EndReason::NoConfirm);
                let outcome = Outcome::AttemptsExhausted(RetryClass::NoConfirm);
                let row = "confirming-ended-exhausted";
                return self.finish(id.interaction, row, With::attempt(id), outcome);
            }
        }
        let not_before = Some(self.now + delay.clamp(LATER.0, LATER.1));
        self.end_to_call_again(id, self.now + delay.clamp(LATER.0, LATER.1));
        self.step(id.interaction, "confirming-postponed-virtual", With::attempt(id), |i| {
            i.stage = Stage::Virtual { not_before };
            i.postponed += 1;
            i.deadline = None;
            i.node = None;
        });
    }

    pub(super) fn consumer_refused(&mut self, id: AttemptId) {
        if self.confirming(id) {
            let address = self.interaction(id.interaction).and_then(|row| row.address.clone());
            self.end_attempt(id, EndReason::NeverAgain);
            let with = With::attempt(id);
            self.finish(id.interaction, "confirming-refused-done", with, Outcome::Refused);
            self.never_again(address.as_ref());
        }
    }

    /// From here on this address is not called, by any queue.
    fn never_again(&mut self, address: Option<&Address>) {
        let Some(address) = address else { return };
        let hash = self.never_call_key.hash(address);
        if !self.never_call.contains(&hash) && self.never_call.insert(hash) {
            self.taken_next.never_call.push(hash);
        }
    }

    /// Did they ask never to be called?
    pub fn is_never_called(&self, address: &Address) -> bool {
        !self.never_call.is_empty() && self.never_call.contains(&self.never_call_key.hash(address))
    }

    /// Orders the end of an attempt's leg, once; nothing if it is not open.
    pub(super) fn end_attempt(&mut self, id: AttemptId, reason: EndReason) {
        let Some(attempt) = self.attempts.get(&id).filter(|a| a.ending.is_none()) else { return };
        let deadline = Some(self.now + self.guard_of(&attempt.queue));
        self.change_attempt(id, |attempt| {
            attempt.ending = Some(reason);
            attempt.deadline = deadline;
        });
        self.effects.push(Effect::EndAttempt { attempt: id, reason });
    }

    /// Ends the leg of one who wants to be called again, from `from` on: that is promised, unless
    /// the callback is over by then.
    pub(super) fn end_to_call_again(&mut self, id: AttemptId, from: Timestamp) {
        let ends = self.interaction(id.interaction).map(|row| (row.close_at, row.first_end()));
        let (close_at, first_end) = ends.unwrap_or_default();
        let reason = match (close_at, first_end) {
            (Some(close), _) if close <= self.now => EndReason::Closed,
            (_, Some(end)) if end <= from => EndReason::NotServed,
            (_, _) => EndReason::Goodbye,
        };
        self.end_attempt(id, reason);
    }

    /// Its node lost it: its leg is ended by its derived identifiers, and the guard starts anew.
    pub(super) fn orphan_attempt(&mut self, id: AttemptId) {
        self.change_attempt(id, |attempt| attempt.ending = None);
        self.end_attempt(id, EndReason::Orphaned);
    }

    /// The conversation is over, the consumer let go: their leg ends by itself, or we end it.
    pub(super) fn expect_end(&mut self, id: AttemptId) {
        let Some(attempt) = self.attempts.get(&id) else { return };
        let deadline = Some(self.now + self.guard_of(&attempt.queue));
        self.change_attempt(id, |attempt| attempt.deadline = attempt.deadline.or(deadline));
    }

    fn guard_of(&self, queue: &QueueId) -> Duration {
        let queue = self.queue_index.get(queue).map(|&q| &self.queues[q]);
        queue.map_or(TRANSACTION_GUARD, |queue| queue.settings.guard())
    }

    /// The deadline of an attempt that nobody reports on: end its leg; having done so, close it.
    pub(super) fn attempt_overdue(&mut self, id: AttemptId) {
        match self.attempts.get(&id).map(|attempt| attempt.ending) {
            // Whether it rang nobody says: it may have.
            Some(Some(reason)) => self.attempt_ended(id, reason.class(), true),
            Some(None) => self.end_attempt(id, EndReason::Goodbye),
            None => {}
        }
    }

    /// The leg is known to be gone.
    pub(super) fn attempt_ended(&mut self, id: AttemptId, class: RetryClass, rang: bool) {
        self.discharge(id);
        let now = self.now;
        self.change_attempt(id, |attempt| {
            attempt.ended_at = Some(now);
            attempt.class = Some(class);
            attempt.deadline = None;
        });
        let Some(attempt) = self.attempts.remove(&id) else { return };
        self.touched_attempts.remove(&id);
        if class == RetryClass::Carrier && attempt.ending.is_none() {
            self.route_failed(&attempt.route);
        }
        self.dial_over(&attempt, class, rang);
        self.taken_next.attempts.push(attempt);
        let current = self.interaction(id.interaction).filter(|row| row.attempt() == id);
        let Some(stage) = current.map(|row| row.stage.clone()) else { return };
        let with = With::attempt(id);
        match stage {
            Stage::Virtual { .. } if self.called_in_waits(id) => {
                self.take_over_now(id.interaction, "virtual-calledin-waiting");
            }
            Stage::Dialing if self.called_in_waits(id) => {
                self.take_over_now(id.interaction, "dialing-calledin-waiting");
            }
            Stage::Scheduled
            | Stage::Virtual { .. }
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Lapsed => self.settle(id.interaction),
            Stage::Dialing | Stage::Confirming => self.retry(id, class, stage),
            // They called in themselves; this was the phone that we stopped ringing.
            Stage::Waiting | Stage::Alerting(_) | Stage::Bridged(_) if self.caller_leg(id) => {}
            Stage::Waiting => {
                let row = "waiting-hungup-abandoned";
                self.finish(id.interaction, row, with, Outcome::Abandoned);
            }
            Stage::Alerting(_) => {
                self.cancel_alert(id.interaction);
                let row = "alerting-hungup-abandoned";
                self.finish(id.interaction, row, with, Outcome::Abandoned);
            }
            Stage::Bridged(agent) => self.consumer_left_bridge(id.interaction, &agent),
            Stage::Done(_) => {}
        }
    }

    /// Does its consumer, who called in, wait for the end of the leg that we dialled?
    fn called_in_waits(&self, id: AttemptId) -> bool {
        self.interaction(id.interaction).is_some_and(|row| row.called_in && !row.caller_leg)
    }

    fn caller_leg(&self, id: AttemptId) -> bool {
        self.interaction(id.interaction).is_some_and(|row| row.caller_leg)
    }

    /// An attempt failed: back to its place, at once or after a delay, or no more attempts.
    fn retry(&mut self, id: AttemptId, class: RetryClass, stage: Stage) {
        let Some(settings) = self.settings_of(id.interaction) else { return };
        let dialing = stage == Stage::Dialing;
        let called_in = class == RetryClass::CalledIn;
        let carrier = class == RetryClass::Carrier || called_in;
        // Hanging up before 1 was pressed is not confirming.
        let class = if class == RetryClass::HungUp { RetryClass::NoConfirm } else { class };
        let Some(row) = self.interaction(id.interaction) else { return };
        let (mut used, mut failures) = (row.attempts_used, row.failures);
        if !carrier {
            used += 1;
            failures.add(class);
        }
        let used_up = settings.used_up(used, failures);
        if !carrier && (used_up || self.rang_enough(id.interaction)) {
            let row =
                if dialing { "dialing-ended-exhausted" } else { "confirming-ended-exhausted" };
            if let Some(slot) = self.interactions.get_mut(&id.interaction) {
                (slot.row.attempts_used, slot.row.failures) = (used, failures);
            }
            let outcome =
                if used_up { Outcome::AttemptsExhausted(class) } else { Outcome::DailyLimit };
            return self.finish(id.interaction, row, With::attempt(id), outcome);
        }
        let row = match (dialing, carrier) {
            (true, true) if called_in => "dialing-menu-virtual",
            (true, true) => "dialing-carrier-virtual",
            (true, false) => "dialing-ended-virtual",
            (false, _) => "confirming-ended-virtual",
        };
        let delay = settings.retry_delay.get(&class).filter(|delay| !carrier && !delay.is_zero());
        let (now, not_before) = (self.now, delay.map(|&delay| self.now + delay));
        self.step(id.interaction, row, With::attempt(id), |i| {
            if !carrier {
                i.last_contact = Some(now);
            }
            i.stage = Stage::Virtual { not_before };
            (i.attempts_used, i.failures) = (used, failures);
            i.deadline = None;
            i.node = None;
        });
    }

    /// Ends the charge of an attempt, if it still has one.
    pub(super) fn discharge(&mut self, id: AttemptId) {
        let Some(attempt) = self.attempts.get(&id) else { return };
        let Some(agent) = attempt.charged_to.clone() else { return };
        let q = self.queue_index.get(&attempt.queue).copied();
        self.change_attempt(id, |attempt| attempt.charged_to = None);
        let (Some(&n), Some(q)) = (self.agent_index.get(&agent), q) else { return };
        let slot = &mut self.agents[n];
        slot.charges = slot.charges.saturating_sub(1);
        if slot.held.is_some_and(|(held_for, _)| held_for == id.interaction) {
            slot.held = None;
        }
        let queue = &mut self.queues[q];
        queue.charges = queue.charges.saturating_sub(1);
        if let Some(charged) = queue.charged.get_mut(&n) {
            *charged -= 1;
            if *charged == 0 {
                queue.charged.remove(&n);
            }
        }
        self.settle_agent(n);
        self.dirty_agents.insert(n);
        self.look_at_due(q);
    }

    pub(super) fn add_charge(&mut self, n: usize, q: usize) {
        self.agents[n].charges += 1;
        self.queues[q].charges += 1;
        *self.queues[q].charged.entry(n).or_insert(0) += 1;
    }

    pub(super) fn dial_capacity(&mut self, queue: &QueueId, free: Vec<(Route, u32)>) {
        let Some(&q) = self.queue_index.get(queue) else { return };
        self.queues[q].free = free.into_iter().map(|(route, free)| (route, free.into())).collect();
        self.look_at_due(q);
    }

    /// A route failed: what we knew of it is worth nothing until we are told again.
    fn route_failed(&mut self, route: &Route) {
        for queue in &mut self.queues {
            if let Some(free) = queue.free.get_mut(route) {
                *free = (*free).min(0);
            }
        }
    }
}
