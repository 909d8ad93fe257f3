//! Keeping count of what numbers are used for: see `limits` for what counts, and for how long.

use super::Queue;
use super::effect::{EndReason, Refusal};
use super::event::RetryClass;
use super::interaction::Attempt;
use super::limits::{NumberUse, UseKind};
use crate::ident::InteractionId;
use crate::phone::{Address, PhoneNumber};
use crate::time::Timestamp;

impl Queue {
    /// When this address may ask for a callback again; `None`: now. What would be made at once is
    /// not promised to whose phone rang enough.
    pub(super) fn asks_again_at(
        &self,
        q: usize,
        address: &Address,
        scheduled: bool,
    ) -> Option<Timestamp> {
        let queue = &self.queues[q];
        let (number, limits) = (number(address)?, queue.settings.limits);
        let asks = queue.uses.asks_again_at(number, limits, self.now);
        let dialled = !scheduled && !queue.settings.user_originated;
        let rings = queue.uses.rings_again_at(number, limits, self.now);
        asks.max(rings.filter(|_| dialled))
    }

    /// A request of this address is taken.
    ///
    /// # Errors
    /// `Full` if no more can be noted.
    pub(super) fn note_request(
        &mut self,
        q: usize,
        address: Option<&Address>,
    ) -> Result<(), Refusal> {
        let Some(number) = address.and_then(number) else { return Ok(()) };
        if !self.queues[q].uses.has_room(self.now) {
            return Err(Refusal::Full);
        }
        self.note_use(q, number, UseKind::Request);
        Ok(())
    }

    /// Did the phone of this consumer ring as often as it may within a day?
    pub(super) fn rang_enough(&self, id: InteractionId) -> bool {
        let Some(slot) = self.interactions.get(&id) else { return false };
        let queue = &self.queues[slot.queue];
        let number = slot.row.address.as_ref().and_then(number);
        number.is_some_and(|number| {
            queue.uses.rings_again_at(number, queue.settings.limits, self.now).is_some()
        })
    }

    /// A dial begins: their phone may ring.
    pub(super) fn note_dial(&mut self, q: usize, address: &Address) {
        if let Some(number) = number(address) {
            self.note_use(q, number, UseKind::Dial);
        }
    }

    /// A dial is over: one that did not ring counts no more, nor one that its trunk failed, since
    /// what a trunk plays before it fails (183) is no phone. A trunk that let it ring as long as it
    /// may and never said so is not believed; of one that a node left behind nobody knows.
    pub(super) fn dial_over(&mut self, attempt: &Attempt, class: RetryClass, rang: bool) {
        let may_ring = match class {
            RetryClass::NoAnswer
            | RetryClass::NoConfirm
            | RetryClass::Machine
            | RetryClass::HungUp => true,
            RetryClass::Busy
            | RetryClass::Unreachable
            | RetryClass::Rejected
            | RetryClass::CalledIn => rang,
            RetryClass::Carrier => false,
        };
        if may_ring || attempt.answered_at.is_some() || attempt.ending == Some(EndReason::Orphaned)
        {
            return;
        }
        let (Some(&q), Some(number)) =
            (self.queue_index.get(&attempt.queue), number(&attempt.address))
        else {
            return;
        };
        if let Some(at) = self.queues[q].uses.undo_dial(number, attempt.started_at) {
            self.tell_use(q, number, UseKind::Dial, at, true);
        }
    }

    fn note_use(&mut self, q: usize, number: &PhoneNumber, kind: UseKind) {
        let at = self.queues[q].uses.note(number, kind, self.now);
        self.tell_use(q, number, kind, at, false);
    }

    fn tell_use(
        &mut self,
        q: usize,
        number: &PhoneNumber,
        kind: UseKind,
        at: Timestamp,
        is_undone: bool,
    ) {
        let (queue, number) = (self.queues[q].id.clone(), number.clone());
        self.taken_next.uses.push(NumberUse { queue, number, at, kind, is_undone });
    }
}

/// Extensions have no limits.
fn number(address: &Address) -> Option<&PhoneNumber> {
    match address {
        Address::E164(number) => Some(number),
        Address::Extension(_) => None,
    }
}
