//! How a callback is asked for, now or for a time; promotion, another time, and what is refused.
//!
//! A slot is capacity: it is booked in the step that takes the callback, and free again when the
//! callback is moved or over. Must not: dial, route.

use super::consumers::Arrival;
use super::effect::{Effect, PushEvent, Refusal};
use super::event::{Event, When};
use super::interaction::{Attached, Interaction, Origin, Outcome, Stage};
use super::slots::{self, Availability, Found};
use super::upkeep::With;
use super::{Queue, QueueSettings, QueueState, Slot};
use crate::ident::{InteractionId, QueueId};
use crate::phone::Address;
use crate::time::{Duration, Timestamp};

/// A time that was found for a callback.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appointment {
    /// When the callback is due.
    pub due: Timestamp,
    /// The slot it counts against.
    pub slot: Timestamp,
    /// Is it another time than the one asked for?
    pub moved: bool,
}

/// What may be offered to a caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offers {
    /// A callback at their turn.
    pub immediate: bool,
    /// A callback at a time of theirs.
    pub scheduled: bool,
}

/// What an address may have one of, by queue.
pub(super) type OpenKey = (Address, bool);

/// Somebody may have one callback of each kind open.
fn open_key(row: &Interaction) -> Option<OpenKey> {
    let address = row.address.clone().filter(|_| row.open_callback())?;
    Some((address, row.origin == Origin::Scheduled))
}

impl Queue {
    /// The time closest to `desired` at which this consumer can have a callback. Changes nothing:
    /// what is found may be gone when it is confirmed. `Ok(None)`: at once.
    ///
    /// # Errors
    /// Why there is none, with times that could be had.
    pub fn find_slot(
        &self,
        queue: &QueueId,
        address: Option<&Address>,
        desired: Timestamp,
    ) -> Result<Option<Appointment>, Refusal> {
        let q = self.known_queue(queue).ok_or(Refusal::Unknown)?;
        self.appointment(q, address, When::Near(desired))
    }

    /// What may be offered to one who waits, or (`None`) to one who would join.
    pub fn offers(&self, queue: &QueueId, id: Option<InteractionId>) -> Offers {
        let none = Offers { immediate: false, scheduled: false };
        let Some(q) = self.known_queue(queue) else { return none };
        let settings = &self.queues[q].settings;
        let room = settings.accept_callbacks && self.queues[q].pending() < max(settings);
        let ewt = match id {
            Some(id) => self.ewt(id),
            None => self.queue_ewt(queue, true),
        };
        // Who has one already, or came by one, waits for it; and such a queue has appointments of
        // its apps alone.
        let live = |id| self.interaction(id).is_some_and(|row| row.origin == Origin::Live);
        if id.is_some_and(|id| settings.user_originated || !live(id)) {
            return none;
        }
        let fits = ewt.is_ok_and(|ewt| ewt <= settings.hours.open_for(self.now));
        Offers {
            immediate: room && fits && self.open_for_callbacks(q),
            scheduled: room && settings.slots.is_some() && !settings.user_originated,
        }
    }

    /// The open callback of an address in a queue: of two the immediate one, or the appointment
    /// where that is asked for.
    pub fn pending(
        &self,
        queue: &QueueId,
        address: &Address,
        appointment: bool,
    ) -> Option<InteractionId> {
        let open = &self.queues[self.known_queue(queue)?].open;
        let find = |scheduled| open.get(&(address.clone(), scheduled)).copied();
        find(appointment).or_else(|| find(!appointment))
    }

    pub(super) fn known_queue(&self, queue: &QueueId) -> Option<usize> {
        self.queue_index.get(queue).copied().filter(|&q| self.queues[q].known)
    }

    fn open_for_callbacks(&self, q: usize) -> bool {
        let settings = &self.queues[q].settings;
        settings.hours.open_at(self.now)
            && settings.hours.open_for(self.now) > settings.accept_until_before_close
    }

    /// Asked for from outside.
    pub(super) fn callback_requested(&mut self, requested: Event) {
        let Event::CallbackRequested {
            interaction: id,
            queue,
            skills,
            priority,
            address,
            when,
            notify,
            attached,
        } = requested
        else {
            return;
        };
        let arrival = Arrival { interaction: id, queue, skills, priority };
        let request = Request { arrival, address, when, notify, attached };
        let effect = match self.take_request(request) {
            Ok(due_at) => Effect::Accepted { interaction: id, due_at },
            Err(why) => Effect::Refused { interaction: id, why },
        };
        self.effects.push(effect);
    }

    fn take_request(&mut self, request: Request) -> Result<Option<Timestamp>, Refusal> {
        let Request { arrival, address, when, notify, attached } = request;
        let id = arrival.interaction;
        if let Some(row) = self.interaction(id) {
            return Ok(row.due_at);
        }
        let q = self.known_queue(&arrival.queue).ok_or(Refusal::Unknown)?;
        let appointment = self.may_register(q, address.as_ref(), id, when)?;
        let origin = match (self.queues[q].settings.user_originated, appointment) {
            (true, _) => Origin::CallIn,
            (false, Some(_)) => Origin::Scheduled,
            (false, None) => Origin::Immediate,
        };
        self.note_request(q, address.as_ref())?;
        let mut row = self.new_interaction(arrival, q, origin);
        row.address = address;
        row.notify = notify;
        row.attached = attached;
        match appointment {
            None => {
                row.stage = Stage::Virtual { not_before: None };
                self.set_ends(q, &mut row, self.now);
                self.add_interaction(row);
                self.step(id, "new-requested-virtual", With::default(), |_| {});
            }
            Some(appointment) => {
                self.keep_appointment(q, &mut row, appointment);
                self.add_interaction(row);
                self.step(id, "new-requested-scheduled", With::default(), |_| {});
            }
        }
        Ok(self.interaction(id).and_then(|row| row.due_at))
    }

    /// The time for a callback; `None`: at once.
    ///
    /// Outside the calling window of a number nothing is promised.
    fn appointment(
        &self,
        q: usize,
        address: Option<&Address>,
        when: When,
    ) -> Result<Option<Appointment>, Refusal> {
        let queue = &self.queues[q];
        let settings = &queue.settings;
        let (desired, exact) = match when {
            When::Now => return Ok(None),
            When::Near(desired) => (desired, false),
            When::At(desired) => (desired, true),
        };
        let Some(plan) = settings.slots.as_ref().filter(|_| !settings.user_originated) else {
            return Err(Refusal::NotOffered);
        };
        let may_call = |at| settings.contact.may_promise(address, at);
        match queue.slots.find(plan, &settings.hours, self.now, desired, &may_call) {
            Found::Immediate => Ok(None),
            Found::Slot { slot, due, moved: false } => {
                Ok(Some(Appointment { due, slot, moved: false }))
            }
            Found::Slot { due, .. } if exact => Err(Refusal::SlotTaken { proposals: vec![due] }),
            Found::Slot { slot, due, moved } => Ok(Some(Appointment { due, slot, moved })),
            Found::Refused { why, proposals } => Err(match why {
                slots::Refusal::Closed => Refusal::Closed { proposals },
                slots::Refusal::TooFarAhead => Refusal::TooFarAhead { proposals },
                slots::Refusal::Past => Refusal::Past { proposals },
                slots::Refusal::Full => Refusal::SlotTaken { proposals },
            }),
        }
    }

    fn keep_appointment(&mut self, q: usize, row: &mut Interaction, appointment: Appointment) {
        row.stage = Stage::Scheduled;
        row.origin = Origin::Scheduled;
        row.due_at = Some(appointment.due);
        // One that was due a moment ago does not pass those who came meanwhile.
        row.place.arrival = appointment.due.max(self.now);
        row.deadline = None;
        self.set_ends(q, row, appointment.due);
    }

    /// When what is due at `due` is purged, and when its business day ends.
    pub(super) fn set_ends(&self, q: usize, row: &mut Interaction, due: Timestamp) {
        let settings = &self.queues[q].settings;
        row.purge_at = Some(due + settings.purge_after);
        row.close_at = settings.hours.close_after(due);
    }

    /// May this address have a callback: no other one of the same kind is open, there is a time for
    /// it, it is permitted, within its limits, and there is room? Then the time; `None`: at once.
    ///
    /// One that is open already answers before anything else is looked at: the time that it takes
    /// is its own, and what was switched off since does not undo it.
    pub(super) fn may_register(
        &self,
        q: usize,
        address: Option<&Address>,
        own: InteractionId,
        when: When,
    ) -> Result<Option<Appointment>, Refusal> {
        let queue = &self.queues[q];
        if !queue.known {
            return Err(Refusal::Unknown);
        }
        let appointment = self.appointment(q, address, when);
        let scheduled = !matches!(appointment, Ok(None));
        self.no_other_open(q, address, own, scheduled)?;
        let appointment = appointment?;
        if !scheduled && !self.open_for_callbacks(q) {
            return Err(Refusal::Closed { proposals: self.proposals(q, address) });
        }
        if !queue.settings.accept_callbacks {
            return Err(Refusal::NotOffered);
        }
        self.may_be_called(q, address)?;
        let again_at = address.and_then(|address| self.asks_again_at(q, address, scheduled));
        if let Some(again_at) = again_at {
            return Err(Refusal::TooOften { again_at });
        }
        self.room(q, own)?;
        Ok(appointment)
    }

    /// The next times that are proposed instead of now, where appointments are taken.
    fn proposals(&self, q: usize, address: Option<&Address>) -> Vec<Timestamp> {
        match self.queues[q].settings.accept_callbacks {
            true => self.next_times(q, address),
            false => Vec::new(),
        }
    }

    /// The next times at which this consumer could have a callback, where appointments are made.
    fn next_times(&self, q: usize, address: Option<&Address>) -> Vec<Timestamp> {
        let (queue, settings) = (&self.queues[q], &self.queues[q].settings);
        let plan = settings.slots.as_ref().filter(|_| !settings.user_originated);
        let Some(plan) = plan else { return Vec::new() };
        let may_call = |at| settings.contact.may_promise(address, at);
        queue.slots.proposals(plan, &settings.hours, self.now, &may_call)
    }

    /// The slots with room that begin in `[from, to)`: at a time in one of them a callback may be
    /// had, where its number may be called then. `now`: the queue learns the time by what it is
    /// told, which may be long ago. `None`: no such queue, or it makes no appointments.
    pub fn availability(
        &self,
        queue: &QueueId,
        now: Timestamp,
        from: Timestamp,
        to: Timestamp,
    ) -> Option<Vec<Availability>> {
        let (queue, now) = (&self.queues[self.known_queue(queue)?], self.now.max(now));
        let settings = &queue.settings;
        let plan = settings.slots.as_ref().filter(|_| !settings.user_originated)?;
        // What is so soon would be now, and needs no slot.
        let soon = settings.hours.open_at(now) && !plan.always_check_capacity;
        let first = if soon { now + slots::SOON + Duration::from_millis(1) } else { now };
        let from = from.max(first);
        let mut free = match settings.accept_callbacks && from < to {
            true => queue.slots.free(plan, &settings.hours, now, from, to),
            false => Vec::new(),
        };
        free.retain(|slot| slot.free > 0);
        Some(free)
    }

    /// Has this consumer no other open callback of the kind?
    fn no_other_open(
        &self,
        q: usize,
        address: Option<&Address>,
        own: InteractionId,
        scheduled: bool,
    ) -> Result<(), Refusal> {
        let key = address.map(|address| (address.clone(), scheduled));
        let open = key.and_then(|key| self.queues[q].open.get(&key).copied());
        match open.filter(|&open| open != own) {
            Some(open) => {
                let due_at = self.interaction(open).and_then(|row| row.due_at);
                Err(Refusal::Duplicate { open, due_at })
            }
            None => Ok(()),
        }
    }

    /// Is it an address that the queue calls? Whoever calls in needs none, and no way to it.
    fn may_be_called(&self, q: usize, address: Option<&Address>) -> Result<(), Refusal> {
        let settings = &self.queues[q].settings;
        match address {
            _ if settings.user_originated => Ok(()),
            None => Err(Refusal::NotPermitted),
            Some(address) if settings.addresses.routes(address).is_empty() => {
                Err(Refusal::NotPermitted)
            }
            Some(address) if self.is_never_called(address) => Err(Refusal::NeverCall),
            Some(_) => Ok(()),
        }
    }

    /// Is there room for one more? A caller who waits already takes none.
    fn room(&self, q: usize, own: InteractionId) -> Result<(), Refusal> {
        let queue = &self.queues[q];
        let waits = self.interactions.contains_key(&own);
        let waiting = waits || queue.places.len() < queue.settings.waiting_max as usize;
        let pending = queue.pending() < max(&queue.settings);
        if waiting && pending { Ok(()) } else { Err(Refusal::Full) }
    }

    // ---- from a caller who waits

    pub(super) fn callback_confirmed(&mut self, id: InteractionId, address: Address) {
        self.confirmed(id, address, When::Now);
    }

    pub(super) fn schedule_confirmed(&mut self, id: InteractionId, address: Address, at: When) {
        self.confirmed(id, address, at);
    }

    fn confirmed(&mut self, id: InteractionId, address: Address, when: When) {
        let Some(slot) = self.interactions.get(&id).filter(|slot| slot.row.caller_leg) else {
            return;
        };
        let alerted = match slot.row.stage {
            Stage::Waiting => false,
            Stage::Alerting(_) => true,
            Stage::Scheduled
            | Stage::Virtual { .. }
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Lapsed
            | Stage::Bridged(_)
            | Stage::Done(_) => return,
        };
        let (q, origin) = (slot.queue, slot.row.origin);
        let user_originated = self.queues[q].settings.user_originated;
        let offered = !user_originated && origin == Origin::Live;
        let checked = match offered {
            true => self.may_register(q, Some(&address), id, when),
            false => Err(Refusal::NotOffered),
        };
        let noted = checked.and_then(|appointment| {
            self.note_request(q, Some(&address))?;
            Ok(appointment)
        });
        let appointment = match noted {
            Ok(appointment) => appointment,
            Err(why) => {
                self.effects.push(Effect::NotRegistered { interaction: id, why });
                return;
            }
        };
        self.cancel_alert(id);
        // However long the commit of this takes, the caller is on the line until we are told
        // otherwise; purge and close bound the wait.
        match appointment {
            None => {
                let row = ["waiting-confirmed-virtual", "alerting-confirmed-virtual"];
                let now = self.now;
                let asked = |i: &mut Interaction| i.requested_at = now;
                self.become_callback(id, row[usize::from(alerted)], address, asked);
            }
            Some(appointment) => {
                let row = ["waiting-confirmed-scheduled", "alerting-confirmed-scheduled"];
                self.become_scheduled(id, row[usize::from(alerted)], address, appointment);
            }
        }
        self.effects.push(Effect::Registered { interaction: id });
    }

    /// A live caller becomes a callback at the same place.
    pub(super) fn become_callback(
        &mut self,
        id: InteractionId,
        row: &'static str,
        address: Address,
        change: impl FnOnce(&mut Interaction),
    ) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let (q, mut changed) = (slot.queue, slot.row.clone());
        self.set_ends(q, &mut changed, self.now);
        self.step(id, row, With::default(), |i| {
            i.stage = Stage::Virtual { not_before: None };
            i.origin = Origin::Immediate;
            i.address = Some(address);
            i.deadline = None;
            i.leave_at = None;
            i.connected_at = None;
            i.purge_at = changed.purge_at;
            i.close_at = changed.close_at;
            i.node = None;
            change(i);
        });
        self.note_open(id);
        self.reclass(id);
    }

    fn become_scheduled(
        &mut self,
        id: InteractionId,
        row: &'static str,
        address: Address,
        appointment: Appointment,
    ) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let (q, mut changed) = (slot.queue, slot.row.clone());
        self.keep_appointment(q, &mut changed, appointment);
        changed.address = Some(address);
        changed.node = None;
        changed.leave_at = None;
        changed.connected_at = None;
        self.step(id, row, With::default(), |i| *i = changed);
        self.note_open(id);
        self.reclass(id);
    }

    // ---- later

    /// Its time has come: from now on it holds a place.
    pub(super) fn promote(&mut self, id: InteractionId) {
        self.step(id, "scheduled-due-virtual", With::default(), |i| {
            i.stage = Stage::Virtual { not_before: None };
        });
    }

    pub(super) fn rescheduled(&mut self, id: InteractionId, when: When) {
        let effect = match self.move_to(id, when) {
            Ok(due_at) => Effect::Accepted { interaction: id, due_at },
            Err(why) => Effect::Refused { interaction: id, why },
        };
        self.effects.push(effect);
    }

    fn move_to(&mut self, id: InteractionId, when: When) -> Result<Option<Timestamp>, Refusal> {
        let Some(slot) = self.interactions.get(&id) else { return Err(Refusal::Unknown) };
        let free = !slot.row.caller_leg
            && slot.row.menu_until.is_none()
            && !self.attempts.contains_key(&slot.row.attempt());
        let row = match slot.row.stage {
            Stage::Scheduled if free => "scheduled-moved-scheduled",
            Stage::Virtual { .. } if free && slot.row.origin.dialled() => "virtual-moved-scheduled",
            Stage::Scheduled
            | Stage::Virtual { .. }
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Lapsed
            | Stage::Waiting
            | Stage::Alerting(_)
            | Stage::Bridged(_)
            | Stage::Done(_) => return Err(Refusal::NotOffered),
        };
        let (q, address) = (slot.queue, slot.row.address.clone());
        // Its own slot does not stand in its way.
        let own = slot.indexed.booked.and_then(|(_, slot)| slot);
        own.into_iter().for_each(|slot| self.queues[q].slots.release(slot));
        let found = self.appointment(q, address.as_ref(), when);
        own.into_iter().for_each(|slot| self.queues[q].slots.reserve(slot));
        let appointment = found?.ok_or(Refusal::NotOffered)?;
        // No new promise: what limits those does not hold it to its time.
        self.no_other_open(q, address.as_ref(), id, true)?;
        self.may_be_called(q, address.as_ref())?;
        self.move_appointment(id, row, appointment);
        Ok(Some(appointment.due))
    }

    fn move_appointment(&mut self, id: InteractionId, row: &'static str, to: Appointment) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let (q, mut changed) = (slot.queue, slot.row.clone());
        self.forget_open(id);
        self.keep_appointment(q, &mut changed, to);
        self.step(id, row, With::default(), |i| *i = changed);
        self.note_open(id);
    }

    /// The calendar changed: whoever's slot is closed now is moved to the closest one, or, where
    /// there is none, let go.
    pub(super) fn resettle_appointments(&mut self) {
        // Those that stand end with the day as it is now.
        let standing: Vec<_> = self
            .interactions
            .iter()
            .filter(|(_, slot)| slot.row.stage == Stage::Scheduled)
            .filter_map(|(&id, slot)| Some((id, slot.queue, slot.row.due_at?)))
            .map(|(id, q, due)| (id, self.queues[q].settings.hours.close_after(due)))
            .collect();
        for (id, close_at) in standing {
            if let Some(slot) = self.interactions.get_mut(&id)
                && slot.row.close_at != close_at
            {
                slot.row.close_at = close_at;
                self.touched_interactions.insert(id);
            }
        }
        let closed = |slot: &Slot| {
            let settings = &self.queues[slot.queue].settings;
            let may_call = |due| settings.contact.may_promise(slot.row.address.as_ref(), due);
            slot.row.stage == Stage::Scheduled
                && slot.row.due_at.is_some_and(|due| !settings.hours.open_at(due) || !may_call(due))
        };
        let ids: Vec<InteractionId> =
            self.interactions.iter().filter(|(_, slot)| closed(slot)).map(|(&id, _)| id).collect();
        for id in ids {
            let Some(slot) = self.interactions.get(&id) else { continue };
            let (q, due) = (slot.queue, slot.row.due_at.unwrap_or(self.now));
            let address = slot.row.address.as_ref();
            let first = |times: &[Timestamp]| {
                let at = times.first()?;
                self.appointment(q, address, When::At(*at)).ok().flatten()
            };
            let proposal = match self.appointment(q, address, When::Near(due)) {
                // What is due any moment was promised as a time, and stays one.
                Ok(None) => first(&self.next_times(q, address)),
                Ok(found) => found,
                Err(
                    Refusal::Closed { proposals }
                    | Refusal::SlotTaken { proposals }
                    | Refusal::Past { proposals }
                    | Refusal::TooFarAhead { proposals },
                ) => first(&proposals),
                Err(_) => None,
            };
            match proposal {
                Some(to) => {
                    self.move_appointment(id, "scheduled-moved-scheduled", to);
                    self.push(id, PushEvent::Moved(to.due));
                }
                None => {
                    self.finish(id, "scheduled-closed-done", With::default(), Outcome::Closed);
                }
            }
        }
    }

    // ---- the index of what is open

    /// Makes an open callback known by its address.
    pub(super) fn note_open(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.get(&id) else { return };
        if let Some(key) = open_key(&slot.row) {
            self.queues[slot.queue].open.insert(key, id);
        } else if slot.row.open_callback() {
            self.queues[slot.queue].unnumbered.insert(id);
        }
    }

    /// Has its consumer another open callback of its kind by now?
    pub(super) fn is_replaced(&self, id: InteractionId) -> bool {
        self.interactions.get(&id).is_some_and(|slot| {
            let key = slot.row.address.clone().map(|it| (it, slot.row.origin == Origin::Scheduled));
            key.is_some_and(|key| self.queues[slot.queue].open.contains_key(&key))
        })
    }

    /// Whoever was served, and transferred, is to be called back: that is an open callback again,
    /// unless they have another one there.
    pub(super) fn promise_again(&mut self, id: InteractionId) {
        if self.is_replaced(id) {
            return;
        }
        if let Some(slot) = self.interactions.get_mut(&id) {
            slot.row.connected_at = None;
        }
        self.note_open(id);
    }

    /// It is over, lapsed, or about to be of another kind.
    pub(super) fn forget_open(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.get(&id) else { return };
        self.queues[slot.queue].unnumbered.remove(&id);
        if let Some(address) = slot.row.address.clone() {
            let open = &mut self.queues[slot.queue].open;
            for key in [(address.clone(), false), (address, true)] {
                if open.get(&key) == Some(&id) {
                    open.remove(&key);
                }
            }
        }
    }
}

impl QueueState {
    /// Callbacks that are open.
    fn pending(&self) -> usize {
        self.open.len() + self.unnumbered.len()
    }
}

fn max(settings: &QueueSettings) -> usize {
    settings.callbacks_max as usize
}

/// What somebody asks for from outside.
struct Request {
    arrival: Arrival,
    address: Option<Address>,
    when: When,
    notify: bool,
    attached: Option<Box<Attached>>,
}
