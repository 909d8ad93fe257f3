//! Scheduled callbacks: capacity per slot, and the nearest free one.
//!
//! A slot is capacity, not a time: so many callbacks may become due within it. Slots lie on a grid
//! inside business hours. It starts at each opening, the last slot may be cut short by the close,
//! and where it is open for more than 24 hours the grid starts anew at every local midnight. All is
//! counted in UTC from there, so that a change of the clock neither loses nor doubles a slot.
//!
//! Here is only what is booked; which interaction has which slot is not known. It must not read a
//! clock.

use std::collections::BTreeMap;

use super::hours::{Hours, Weekday, Zone};
use crate::time::{Duration, Timestamp};

/// Most slots of one answer of [`Slots::free`].
pub const SLOTS_MAX: usize = 20_000;

/// How long ago a desired time may be, and how far ahead an earlier slot than desired must start.
const GRACE: Duration = Duration::from_secs(5 * 60);
/// A desired time so soon is now.
pub(super) const SOON: Duration = Duration::from_secs(60);
/// Most times that a refusal proposes.
const PROPOSALS_MAX: usize = 3;
const SHORTEST: Duration = Duration::from_secs(5 * 60);
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// How a queue schedules callbacks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotSettings {
    /// The length of a slot, 5 to 60 minutes.
    pub length: Duration,
    /// Most callbacks that become due in a slot, where no rule says otherwise.
    pub capacity: u32,
    /// Other capacities at some times of the week; the first that fits counts.
    pub weekly: Vec<CapacityRule>,
    /// How far ahead callbacks are scheduled.
    pub look_ahead: Duration,
    /// Does a desired time that is now count against its slot too?
    pub always_check_capacity: bool,
    /// If the slot is full: moved to the nearest that is free, or refused with proposals?
    pub moves: bool,
}

impl Default for SlotSettings {
    /// What holds where the configuration says nothing.
    fn default() -> Self {
        Self {
            length: Duration::from_secs(30 * 60),
            capacity: 1,
            weekly: Vec::new(),
            look_ahead: Duration::from_secs(14 * 24 * 3600),
            always_check_capacity: false,
            moves: true,
        }
    }
}

/// The capacity of the slots that begin within a part of a weekday.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CapacityRule {
    /// The day, by the queue's zone.
    pub weekday: Weekday,
    /// The first minute since midnight, by the clock.
    pub from_minute: u16,
    /// The minute at which it ends, 1440 for midnight.
    pub to_minute: u16,
    /// Most callbacks that become due in one of these slots.
    pub capacity: u32,
}

impl SlotSettings {
    fn capacity_at(&self, zone: Zone, start: Timestamp) -> u32 {
        if self.weekly.is_empty() {
            return self.capacity;
        }
        let local = zone.local(start);
        let minute = local.minute_of_day();
        let fits = |rule: &&CapacityRule| {
            rule.weekday == local.weekday && (rule.from_minute..rule.to_minute).contains(&minute)
        };
        self.weekly.iter().find(fits).map_or(self.capacity, |rule| rule.capacity)
    }

    /// The slots that meet `[from, to)`, as start and end, in order.
    fn grid(
        &self,
        hours: &Hours,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let length = self.length.clamp(SHORTEST, LONGEST);
        hours.pieces(from, to).into_iter().flat_map(move |(open, close)| {
            let before = from.since(open).as_millis() / length.as_millis();
            let skipped = u32::try_from(before).unwrap_or(0);
            let first = open + skipped * length;
            let starts = std::iter::successors(Some(first), move |&start| Some(start + length));
            let within = starts.take_while(move |&start| start < close && start < to);
            within.map(move |start| (start, close.min(start + length)))
        })
    }

    /// The slot that contains an instant, by its start; `None` if it is closed then.
    pub fn slot_of(&self, hours: &Hours, due: Timestamp) -> Option<Timestamp> {
        let (start, _) = self.grid(hours, due, due + Duration::from_millis(1)).next()?;
        Some(start)
    }
}

/// What became of a desired time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// It is now, and open: an immediate callback, which needs no slot.
    Immediate,
    /// There is room.
    Slot {
        /// The start of the slot, to be told to [`Slots::reserve`] and [`Slots::release`].
        slot: Timestamp,
        /// When the callback is due: at the desired time, or at the start of the slot if moved.
        due: Timestamp,
        /// Is it another slot than the one of the desired time?
        moved: bool,
    },
    /// There is none.
    Refused {
        /// Why.
        why: Refusal,
        /// Times at which there is room, the nearest first, at most three.
        proposals: Vec<Timestamp>,
    },
}

/// Why a desired time is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The queue is closed then, or the consumer may not be called.
    Closed,
    /// Beyond the look-ahead.
    TooFarAhead,
    /// More than five minutes ago.
    Past,
    /// Its slot is full, and the callback is not to be moved, or no slot is free.
    Full,
}

/// A slot and what is left of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Availability {
    /// Its start.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// Most callbacks that may become due in it.
    pub capacity: u32,
    /// How many more may.
    pub free: u32,
}

/// How many callbacks are booked, by the start of the slot.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Slots {
    booked: BTreeMap<Timestamp, u32>,
}

impl Slots {
    /// Counts what is booked again, after a restart or a change of the calendar: `dues` of all
    /// callbacks that count. A due time outside business hours counts nowhere.
    pub fn from_dues(
        settings: &SlotSettings,
        hours: &Hours,
        dues: impl IntoIterator<Item = Timestamp>,
    ) -> Slots {
        let mut slots = Slots::default();
        for slot in dues.into_iter().filter_map(|due| settings.slot_of(hours, due)) {
            slots.reserve(slot);
        }
        slots
    }

    /// Finds the slot for a desired time; books nothing. `may_call` says when the consumer may be
    /// called: any other time is as good as one at which it is closed.
    pub fn find(
        &self,
        settings: &SlotSettings,
        hours: &Hours,
        now: Timestamp,
        desired: Timestamp,
        may_call: &dyn Fn(Timestamp) -> bool,
    ) -> Found {
        let is_past = desired < now - GRACE;
        let is_now = !is_past && desired <= now + SOON;
        if is_now && !settings.always_check_capacity && hours.open_at(now) {
            return Found::Immediate;
        }
        // What was a moment ago could be dialled now at the earliest.
        let open = hours.open_at(desired.max(now));
        let open = open && may_call(desired.max(now));
        let slot = settings.slot_of(hours, desired).filter(|_| open);
        let search = Search { slots: self, settings, hours, now, desired, may_call };
        let why = match slot {
            _ if is_past => Refusal::Past,
            _ if desired > now + settings.look_ahead => Refusal::TooFarAhead,
            None => Refusal::Closed,
            Some(slot) if search.room(slot) > 0 => {
                return Found::Slot { slot, due: desired, moved: false };
            }
            Some(_) => Refusal::Full,
        };
        if why == Refusal::Full && settings.moves {
            let nearest = search.nearest(now - GRACE, 1);
            if let Some(&slot) = nearest.first() {
                return Found::Slot { slot, due: slot, moved: true };
            }
        }
        Found::Refused { why, proposals: search.nearest(now, PROPOSALS_MAX) }
    }

    /// The next times that could be had, earliest first, where the present one cannot.
    pub fn proposals(
        &self,
        settings: &SlotSettings,
        hours: &Hours,
        now: Timestamp,
        may_call: &dyn Fn(Timestamp) -> bool,
    ) -> Vec<Timestamp> {
        let search = Search { slots: self, settings, hours, now, desired: now, may_call };
        // What is so soon would be now again.
        let soon = hours.open_at(now) && !settings.always_check_capacity;
        let after = if soon { SOON + Duration::from_millis(1) } else { Duration::ZERO };
        search.nearest(now + after, PROPOSALS_MAX)
    }

    /// The slots that may be asked for by their start: those that start in `[from, to)`, not more
    /// than five minutes ago and within the look-ahead. In order, at most [`SLOTS_MAX`].
    pub fn free(
        &self,
        settings: &SlotSettings,
        hours: &Hours,
        now: Timestamp,
        from: Timestamp,
        to: Timestamp,
    ) -> Vec<Availability> {
        let from = from.max(now - GRACE);
        let last = now + settings.look_ahead;
        let to = to.min(last + Duration::from_millis(1));
        let available = |(start, end): (Timestamp, Timestamp)| {
            let capacity = settings.capacity_at(hours.zone(), start);
            let free = capacity.saturating_sub(self.booked(start));
            Availability { start, end, capacity, free }
        };
        let slots = settings.grid(hours, from, to).filter(|&(start, _)| from <= start);
        slots.take(SLOTS_MAX).map(available).collect()
    }

    /// Books one callback in a slot.
    pub fn reserve(&mut self, slot: Timestamp) {
        let booked = self.booked.entry(slot).or_insert(0);
        *booked = booked.saturating_add(1);
    }

    /// Takes one booking back: cancelled, or due at another time.
    pub fn release(&mut self, slot: Timestamp) {
        if let Some(booked) = self.booked.get_mut(&slot) {
            *booked -= 1;
            if *booked == 0 {
                self.booked.remove(&slot);
            }
        }
    }

    /// How many are booked in a slot.
    pub fn booked(&self, slot: Timestamp) -> u32 {
        self.booked.get(&slot).copied().unwrap_or(0)
    }

    /// Forgets the slots for which nothing more can be desired. What stays is bounded by the
    /// look-ahead.
    pub fn expire(&mut self, now: Timestamp) {
        self.booked = self.booked.split_off(&(now - GRACE - LONGEST));
    }
}

/// One desired time, and all that decides on it.
struct Search<'a> {
    slots: &'a Slots,
    settings: &'a SlotSettings,
    hours: &'a Hours,
    now: Timestamp,
    desired: Timestamp,
    may_call: &'a dyn Fn(Timestamp) -> bool,
}

impl Search<'_> {
    fn room(&self, slot: Timestamp) -> u32 {
        let capacity = self.settings.capacity_at(self.hours.zone(), slot);
        capacity.saturating_sub(self.slots.booked(slot))
    }

    /// The starts of the nearest slots with room, within the look-ahead: by distance from what was
    /// desired, the later one on a tie. None before `not_before`; one that is earlier than desired
    /// leaves some time to get ready.
    fn nearest(&self, not_before: Timestamp, count: usize) -> Vec<Timestamp> {
        let last = self.now + self.settings.look_ahead;
        let grid = self.settings.grid(self.hours, not_before, last + Duration::from_millis(1));
        let starts: Vec<Timestamp> = grid.map(|(start, _)| start).collect();
        let (earlier, later) =
            starts.split_at(starts.partition_point(|&start| start < self.desired));
        let ready = self.now + GRACE;
        let has_room = |start: &Timestamp| self.room(*start) > 0 && (self.may_call)(*start);
        let earlier = earlier.iter().rev().copied().take_while(|&start| start >= ready);
        let mut earlier = earlier.filter(has_room).peekable();
        let later = later.iter().copied().filter(|&start| start >= not_before);
        let mut later = later.filter(has_room).peekable();
        let next = std::iter::from_fn(|| match (earlier.peek(), later.peek()) {
            (Some(before), Some(after)) => {
                let is_nearer = self.desired.since(*before) < after.since(self.desired);
                if is_nearer { earlier.next() } else { later.next() }
            }
            (Some(_), None) => earlier.next(),
            (None, _) => later.next(),
        });
        next.take(count).collect()
    }
}

#[cfg(test)]
mod tests;
