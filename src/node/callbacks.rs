//! Callbacks between a caller and the queue: the time that was keyed, the callback that is pending,
//! the answers to both. Values move here; what they lead to is decided by `queue`, what is said by
//! `calls`.

use std::collections::BTreeSet;

use super::event_loop::EventLoop;
use crate::calls;
use crate::calls::effect::PendingChoice;
use crate::calls::event::{CodeResult, PendingCallback, Refusal, SlotOffer, SlotRefused};
use crate::calls::spoken::{KeyedDay, SpokenDay, SpokenTime};
use crate::ident::{GroupId, InteractionId, QueueId, UserData};
use crate::phone::{AccessCode, Address, Ani, Dnis};
use crate::queue::effect::NotTakenOver;
use crate::queue::event::When;
use crate::queue::hours::{self, Hours, LocalTime};
use crate::queue::interaction::Attached;
use crate::queue::matching::{Combination, Presented};
use crate::queue::{self, Stage, effect};
use crate::time::{Duration, Timestamp};

impl EventLoop {
    /// The closest time to the one that a caller keyed.
    pub(super) fn find_slot(
        &self,
        queue: &QueueId,
        address: &Address,
        day: KeyedDay,
        minute_of_day: u16,
    ) -> Result<SlotOffer, SlotRefused> {
        let settings = self.queue.queue_settings(queue).ok_or(SlotRefused::NotOffered)?;
        let now = self.clock.wall();
        let zone = settings.hours.zone();
        let desired =
            zone.keyed_time(now, keyed_day(day), minute_of_day).ok_or(SlotRefused::NoSuchDate)?;
        let found = self.queue.find_slot(queue, Some(address), desired).map_err(slot_refused)?;
        let due = found.map_or(desired, |appointment| appointment.due);
        let moved = found.is_some_and(|appointment| appointment.moved);
        let SpokenTime { day, hour, minute } = spoken(&settings.hours, now, due);
        Ok(SlotOffer { due, day, hour, minute, moved })
    }

    /// A caller confirmed a time, waiting in the queue or from elsewhere in the flow.
    pub(super) fn schedule_confirmed(
        &mut self,
        interaction: InteractionId,
        queue: QueueId,
        address: Address,
        due: Timestamp,
    ) {
        self.caller_known_by(interaction, interaction);
        if !self.promises() {
            let reason = Refusal::Unavailable;
            return self.order(calls::Event::NotRegistered { interaction, reason });
        }
        let waits = self.queue.interaction(interaction).is_some();
        let country =
            self.queue.queue_settings(&queue).and_then(|queue| queue.addresses.default_country);
        let attached = self.calls.attached(interaction).and_then(|(dnis, data)| {
            let called = super::numbers::whole(dnis.expose(), country);
            Attached { called, data: data.cloned() }.some()
        });
        self.tell(if waits {
            queue::Event::ScheduleConfirmed { interaction, address, due }
        } else {
            queue::Event::CallbackRequested {
                interaction,
                queue,
                skills: None,
                priority: 0,
                address: Some(address),
                when: When::At(due),
                notify: false,
                attached,
            }
        });
    }

    /// The callback that is pending for whoever calls in; from here on it is held for the menu.
    pub(super) fn ask_pending(
        &mut self,
        interaction: InteractionId,
        (queue, appointment): (&QueueId, bool),
        ani: &Ani,
    ) {
        let settings = self.queue.queue_settings(queue);
        let address = settings.and_then(|settings| match settings.user_originated {
            // Its callbacks need no way to be dialled.
            true => super::numbers::address(ani.expose(), &settings.addresses),
            false => settings.addresses.callable(ani),
        });
        let callback = address.and_then(|address| self.queue.pending(queue, &address, appointment));
        let row = callback.and_then(|callback| self.queue.interaction(callback));
        let pending = row.map(|row| PendingCallback {
            callback: row.id,
            scheduled: self.spoken_due(row.id),
            dialled: matches!(row.stage, Stage::Dialing | Stage::Confirming),
        });
        if let Some(pending) = pending {
            self.tell(queue::Event::MenuOpened { interaction: pending.callback });
        }
        self.order(calls::Event::Pending { interaction, pending });
    }

    /// When a callback is due, if that is still ahead, by the clock of its queue.
    fn spoken_due(&self, callback: InteractionId) -> Option<SpokenTime> {
        let now = self.clock.wall();
        let row = self.queue.interaction(callback)?;
        let due = row.due_at.filter(|&due| due > now)?;
        let settings = self.queue.queue_settings(&row.queue)?;
        Some(spoken(&settings.hours, now, due))
    }

    /// What the caller wants done with it.
    pub(super) fn pending_chosen(
        &mut self,
        call: InteractionId,
        callback: InteractionId,
        choice: PendingChoice,
    ) {
        let interaction = callback;
        let event = match choice {
            PendingChoice::Keep => {
                self.callers_in.insert(callback, call);
                queue::Event::MenuClosed { interaction }
            }
            PendingChoice::Cancel => {
                self.cancelling.insert(callback, call);
                queue::Event::Cancelled { interaction }
            }
            PendingChoice::Now => {
                self.callers_in.insert(callback, call);
                queue::Event::CalledIn { interaction, node: self.node.clone() }
            }
        };
        self.tell(event);
    }

    /// The queue gave the place of a callback to the caller who asked for it.
    pub(super) fn taken_over(&mut self, callback: InteractionId) {
        let Some(interaction) = self.callers_in.remove(&callback) else { return };
        self.caller_known_by(interaction, callback);
        self.order(calls::Event::TakenOver { interaction, callback });
    }

    /// It did not, or there is nothing to keep.
    pub(super) fn not_taken_over(&mut self, callback: InteractionId, why: NotTakenOver) {
        let Some(interaction) = self.callers_in.remove(&callback) else { return };
        self.order(match why {
            NotTakenOver::Talking => calls::Event::DialledLegWins { interaction },
            NotTakenOver::Over | NotTakenOver::Closed => calls::Event::PendingOver { interaction },
        });
    }

    /// It stands, as the caller wished.
    pub(super) fn kept(&mut self, callback: InteractionId) {
        let Some(interaction) = self.callers_in.remove(&callback) else { return };
        self.order(calls::Event::PendingKept { interaction });
    }

    /// The queue cancelled a callback, or did not as its consumer is in conversation: whoever asked
    /// for it over HTTP or by key 3 is told.
    pub(super) fn cancelled(&mut self, callback: InteractionId, is_over: bool) {
        self.outside.cancelled(callback, is_over);
        let Some(interaction) = self.cancelling.remove(&callback) else { return };
        self.order(if is_over {
            calls::Event::PendingCancelled { interaction }
        } else {
            calls::Event::DialledLegWins { interaction }
        });
    }

    /// What a caller shows of a Call-In request: their number, the one they called, perhaps a code.
    pub(super) fn code_keyed(
        &mut self,
        call: InteractionId,
        (group, routed): (GroupId, BTreeSet<Combination>),
        (ani, dnis, since): (Ani, Dnis, Duration),
        code: Option<AccessCode>,
    ) {
        let now = self.clock.wall();
        let caller = Address::parse(ani.expose());
        if code.is_some() {
            if self.code_tries.is_locked(call, caller.as_ref(), now) {
                let result = CodeResult::Locked;
                return self.order(calls::Event::CodeChecked { interaction: call, result });
            }
            self.keyed_by.insert(call, caller.clone());
        }
        let code = code.map(|code| self.code_key.hash(&dnis, &code));
        let presented = Presented { ani: caller, dnis, code, since: now - since };
        let node = self.node.clone();
        self.tell(queue::Event::CallInArrived { call, group, presented, routed, node });
    }

    /// The queue knows whose call it is.
    pub(super) fn code_matched(
        &mut self,
        interaction: InteractionId,
        combination: Combination,
        callback: Option<InteractionId>,
        data: Option<UserData>,
    ) {
        if let Some(caller) = self.keyed_by.remove(&interaction) {
            self.code_tries.matched(interaction, caller.as_ref());
        }
        let row = callback.and_then(|callback| self.queue.interaction(callback));
        let queue = row.map(|row| row.queue.clone());
        let combination = combination.to_string();
        let result = CodeResult::Matched { combination, callback, queue, data };
        self.order(calls::Event::CodeChecked { interaction, result });
    }

    /// It is nobody's call, or a callback's that this entry does not route: then the flow goes on
    /// by what agreed.
    pub(super) fn code_unmatched(&mut self, interaction: InteractionId, agreed: Combination) {
        if agreed != Combination::NONE {
            return self.code_matched(interaction, agreed, None, None);
        }
        if let Some(caller) = self.keyed_by.remove(&interaction) {
            self.code_tries.wrong(interaction, caller.as_ref(), self.clock.wall());
        }
        let result = CodeResult::NoMatch;
        self.order(calls::Event::CodeChecked { interaction, result });
    }

    /// Why the queue refused what a caller confirmed, as it is said.
    pub(super) fn refusal(&self, why: &effect::Refusal) -> Refusal {
        match why {
            effect::Refusal::Closed { .. } | effect::Refusal::NotOffered => Refusal::Closed,
            effect::Refusal::TooFarAhead { .. }
            | effect::Refusal::Past { .. }
            | effect::Refusal::SlotTaken { .. } => Refusal::SlotTaken,
            effect::Refusal::Full | effect::Refusal::TooOften { .. } => Refusal::TooMany,
            effect::Refusal::Unknown => Refusal::Unavailable,
            effect::Refusal::NotPermitted => Refusal::NotPermitted,
            effect::Refusal::NeverCall => Refusal::NeverCall,
            effect::Refusal::Duplicate { open, .. } => {
                Refusal::Duplicate { scheduled_for: self.spoken_due(*open) }
            }
        }
    }
}

fn keyed_day(day: KeyedDay) -> hours::KeyedDay {
    match day {
        KeyedDay::Today => hours::KeyedDay::Today,
        KeyedDay::Tomorrow => hours::KeyedDay::Tomorrow,
        KeyedDay::MonthDay { month, day } => hours::KeyedDay::MonthDay(month, day),
    }
}

fn slot_refused(why: effect::Refusal) -> SlotRefused {
    match why {
        effect::Refusal::Closed { .. } => SlotRefused::Closed,
        effect::Refusal::TooFarAhead { .. } => SlotRefused::TooFarAhead,
        effect::Refusal::Past { .. } => SlotRefused::Past,
        effect::Refusal::SlotTaken { .. } => SlotRefused::Full,
        effect::Refusal::Full
        | effect::Refusal::Unknown
        | effect::Refusal::NotOffered
        | effect::Refusal::NotPermitted
        | effect::Refusal::NeverCall
        | effect::Refusal::TooOften { .. }
        | effect::Refusal::Duplicate { .. } => SlotRefused::NotOffered,
    }
}

/// An instant as it is said at `now`, by the clock of these hours.
fn spoken(hours: &Hours, now: Timestamp, at: Timestamp) -> SpokenTime {
    let zone = hours.zone();
    let LocalTime { year, month, day, weekday, hour, minute } = zone.local(at);
    let (date, today) = (zone.date_of(at), zone.date_of(now));
    let day = if date == today {
        SpokenDay::Today
    } else if date == today.plus(1) {
        SpokenDay::Tomorrow
    } else {
        SpokenDay::Date { month, day, weekday: weekday as u8 + 1, year }
    };
    SpokenTime { day, hour, minute }
}
