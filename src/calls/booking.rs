//! A caller books a callback by keypad: the number, confirmed; for a scheduled one the day and the
//! time, read back; then the word of the queue.
//!
//! ```text
//! Own ── 1 ───────────────────────────┐           immediate
//!  └─ 2 ▶ Number ▶ Checking ▶ Keyed ──┴─ 1 ─────────────────────────────┐
//!            ▲                  │ 2   └─ 1 ▶ Day ▶ Time ▶ (Half) ┐      │
//!            └──────────────────┘  scheduled ▲ 2   Finding ◀─────┘      │
//!                                            └─── Slot ◀┘  ── 1 ────────┴▶ Registering
//! ```
//!
//! The number called from is offered only if the queue may call it; otherwise one must be keyed.
//! What a keyed number means is the node's to say, and what a day and a time, the queue's. It must
//! not know where the caller stands, in a queue or not: its host does, and is told what came of it.

mod ask;
#[cfg(test)]
mod tests;

use crate::ident::{InteractionId, LegId, PlayId, QueueId};
use crate::phone::{Address, KeyedNumber};
use crate::time::{Duration, Timestamp};

use super::digits::Entry;
use super::effect::{Effect, Prompt};
use super::event::{Goodbye, NumberRefused, Refusal, SlotOffer, SlotRefused};
use super::spoken::{KeyedDay, SpokenTime, counts_to_twelve};
use super::{Context, Playing, Timer, earliest};
use ask::Ask;

/// The whole dialogue, up to the confirming digit.
const BOOKING_MAX: Duration = Duration::from_secs(600);
/// How often a question is put, and how many times of day may be refused.
const TRIES: u8 = 3;
/// How long the node may take to say what a keyed number is, or to find a slot.
const CHECKING_MAX: Duration = Duration::from_secs(5);
/// How long the commit of a callback may take before the caller hears something else.
const REGISTERING_MAX: Duration = Duration::from_secs(10);
/// How long after the confirmation the answer of the queue is waited for at all.
const REGISTRATION_FORGOTTEN: Duration = Duration::from_secs(70);

/// What is booked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A callback as soon as the turn comes.
    Immediate,
    /// One at a time that the caller chooses.
    Scheduled,
}

/// A booking in progress.
#[derive(Debug)]
pub(super) struct Booking {
    leg: LegId,
    interaction: InteractionId,
    queue: QueueId,
    kind: Kind,
    /// The number called from, if this queue may call it.
    own: Option<Address>,
    /// The number confirmed.
    address: Option<Address>,
    /// How many more times of day may be refused.
    slots_left: u8,
    until: Timestamp,
    step: Step,
}

#[derive(Debug)]
enum Step {
    /// A question is put.
    Asking {
        ask: Ask,
        entry: Entry,
        tries_left: u8,
    },
    /// A number was keyed; the node's word follows.
    Checking {
        tries_left: u8,
        until: Timestamp,
    },
    /// A day and a time were keyed; the queue's word follows.
    Finding {
        until: Timestamp,
    },
    Registering(Registering),
}

/// The confirming digit was pressed; the queue's word follows.
#[derive(Debug)]
struct Registering {
    scheduled_for: Option<SpokenTime>,
    hearing: Option<Playing>,
    apology_at: Option<Timestamp>,
    forgotten_at: Timestamp,
}

/// What came of a step.
#[derive(Debug)]
pub(super) enum Booked {
    /// The dialogue goes on.
    Open,
    /// The caller does not want one, or did not answer; what is to be said first.
    Declined(Vec<Prompt>),
    /// There will be none; the reason, as it is said.
    Refused(Vec<Prompt>),
    /// There is one already for the number called from; as it is said.
    Duplicate(Vec<Prompt>),
}

impl Booking {
    /// Begins with the number: `own` is the one called from, if this queue may call it.
    pub(super) fn start(
        ctx: &mut Context<'_>,
        (leg, interaction): (LegId, InteractionId),
        queue: QueueId,
        kind: Kind,
        own: Option<Address>,
    ) -> Self {
        let ask = own.clone().map_or(Ask::Number, Ask::Own);
        let step = put(ctx, leg, ask, TRIES, Vec::new());
        let (until, address, slots_left) = (ctx.now + BOOKING_MAX, None, TRIES);
        Self { leg, interaction, queue, kind, own, address, slots_left, until, step }
    }

    pub(super) fn queue(&self) -> &QueueId {
        &self.queue
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Was the confirming digit pressed?
    pub(super) fn is_registering(&self) -> bool {
        matches!(self.step, Step::Registering(_))
    }

    /// What is said of the callback that is committed, before we hang up.
    pub(super) fn goodbye(&self) -> Vec<Prompt> {
        match &self.step {
            Step::Registering(Registering { scheduled_for: Some(time), .. }) => vec![
                Prompt::Sound("scheduled-for"),
                Prompt::Appointment(*time),
                Prompt::Sound("goodbye"),
            ],
            Step::Registering(_)
            | Step::Asking { .. }
            | Step::Checking { .. }
            | Step::Finding { .. } => Goodbye::CallBack.prompts(),
        }
    }

    pub(super) fn digit(&mut self, ctx: &mut Context<'_>, digit: char) -> Booked {
        let Step::Asking { entry, .. } = &mut self.step else { return Booked::Open };
        match entry.press(ctx, digit) {
            Some(digits) => self.heard(ctx, &digits),
            None => Booked::Open,
        }
    }

    pub(super) fn play_ended(&mut self, ctx: &mut Context<'_>, play: PlayId) {
        match &mut self.step {
            Step::Asking { entry, .. } => entry.play_ended(ctx.now, play),
            Step::Registering(registering) => {
                if registering.hearing.take_if(|hearing| hearing.is(play)).is_some() {
                    ctx.push(Effect::Music { leg: self.leg });
                }
            }
            Step::Checking { .. } | Step::Finding { .. } => {}
        }
    }

    pub(super) fn expire(&mut self, ctx: &mut Context<'_>) -> Booked {
        let now = ctx.now;
        if !self.is_registering() && self.until <= now {
            return Booked::Declined(Vec::new());
        }
        match &mut self.step {
            Step::Asking { entry, .. } => match entry.expire(now) {
                Some(digits) => self.heard(ctx, &digits),
                None => Booked::Open,
            },
            Step::Checking { until, .. } if *until <= now => {
                Booked::Refused(vec![Prompt::Sound("number-not-taken")])
            }
            Step::Finding { until } if *until <= now => {
                Booked::Refused(vec![Prompt::Sound("callbacks-unavailable")])
            }
            Step::Checking { .. } | Step::Finding { .. } => Booked::Open,
            Step::Registering(registering) => registering.expire(ctx, self.leg),
        }
    }

    pub(super) fn deadline(&self) -> Timer {
        let step = match &self.step {
            Step::Asking { entry, .. } => entry.deadline(),
            Step::Checking { until, .. } => Some((*until, "keyed number")),
            Step::Finding { until } => Some((*until, "slot")),
            Step::Registering(registering) => return registering.deadline(),
        };
        earliest([step, Some((self.until, "booking"))])
    }

    /// What the node made of the keyed number.
    pub(super) fn number_checked(
        &mut self,
        ctx: &mut Context<'_>,
        address: Result<Address, NumberRefused>,
    ) -> Booked {
        let Step::Checking { tries_left, .. } = self.step else { return Booked::Open };
        let reason = match address {
            Ok(address) => return self.ask(ctx, Ask::Keyed(address), TRIES, Vec::new()),
            Err(reason) => reason,
        };
        let said = vec![Prompt::Sound(match reason {
            NumberRefused::NotPermitted => "callback-refused",
            NumberRefused::NotANumber => "number-not-complete",
            NumberRefused::TooMany => "limit-reached",
        })];
        match tries_left {
            0 => Booked::Refused(said),
            _ if reason == NumberRefused::TooMany => Booked::Refused(said),
            tries => self.ask(ctx, Ask::Number, tries, said),
        }
    }

    /// What the queue found for the day and time that were keyed.
    pub(super) fn slot_found(
        &mut self,
        ctx: &mut Context<'_>,
        found: Result<SlotOffer, SlotRefused>,
    ) -> Booked {
        if !matches!(self.step, Step::Finding { .. }) {
            return Booked::Open;
        }
        match found {
            Ok(slot) => self.ask(ctx, Ask::Slot(slot), TRIES, Vec::new()),
            Err(SlotRefused::NotOffered) => {
                Booked::Refused(vec![Prompt::Sound("callbacks-unavailable")])
            }
            Err(SlotRefused::Closed) => self.another_time(ctx, "outside-hours"),
            Err(SlotRefused::TooFarAhead) => self.another_time(ctx, "too-far-ahead"),
            Err(SlotRefused::Past) => self.another_time(ctx, "time-past"),
            Err(SlotRefused::Full) => self.another_time(ctx, "no-free-time"),
            Err(SlotRefused::NoSuchDate) => self.another_time(ctx, "no-such-day"),
        }
    }

    /// The queue refused the callback.
    pub(super) fn not_registered(&mut self, ctx: &mut Context<'_>, reason: Refusal) -> Booked {
        if !self.is_registering() {
            return Booked::Open;
        }
        let mut said = vec![Prompt::Sound(match reason {
            Refusal::NotPermitted => "callback-refused",
            Refusal::Duplicate { .. } => "callback-duplicate",
            Refusal::TooMany => "limit-reached",
            Refusal::Closed => "closed",
            Refusal::SlotTaken => return self.another_time(ctx, "slot-gone"),
            Refusal::NeverCall => "refused-never-call",
            Refusal::Unavailable => "callbacks-unavailable",
        })];
        // What becomes of it, and when it is due, is not for somebody who merely keys the number.
        let own = self.own.is_some() && self.own == self.address;
        match reason {
            Refusal::Duplicate { scheduled_for } if own => {
                said.extend(scheduled_for.into_iter().flat_map(|time| {
                    [Prompt::Sound("pending-callback-for"), Prompt::Appointment(time)]
                }));
                Booked::Duplicate(said)
            }
            Refusal::NotPermitted
            | Refusal::Duplicate { .. }
            | Refusal::TooMany
            | Refusal::Closed
            | Refusal::SlotTaken
            | Refusal::NeverCall
            | Refusal::Unavailable => Booked::Refused(said),
        }
    }

    /// An answer; empty: none.
    fn heard(&mut self, ctx: &mut Context<'_>, digits: &str) -> Booked {
        let Step::Asking { ask, tries_left, .. } = &self.step else { return Booked::Open };
        let (ask, tries_left) = (ask.clone(), *tries_left);
        match (&ask, digits) {
            (Ask::Own(address) | Ask::Keyed(address), "1") => {
                self.address = Some(address.clone());
                match self.kind {
                    Kind::Immediate => self.register(ctx, None),
                    Kind::Scheduled => self.ask(ctx, Ask::Day, TRIES, Vec::new()),
                }
            }
            (Ask::Own(_) | Ask::Keyed(_), "2") => self.ask(ctx, Ask::Number, TRIES, Vec::new()),
            (Ask::Own(_) | Ask::Keyed(_), "9") | (Ask::Own(_), "") => Booked::Declined(Vec::new()),
            (Ask::Number, digits) if !digits.is_empty() => self.check(ctx, digits, tries_left),
            (Ask::Day, digits) if let Some(day) = ask::day(digits) => {
                self.ask(ctx, Ask::Time(day), TRIES, Vec::new())
            }
            (Ask::Time(day), digits) if let Some((hour, minute)) = ask::time(digits) => {
                self.time_keyed(ctx, *day, hour, minute)
            }
            (Ask::Half { day, hour, minute }, "1" | "2") => {
                let noon = if digits == "2" { 12 } else { 0 };
                self.find(ctx, *day, hour % 12 + noon, *minute)
            }
            (Ask::Slot(slot), "1") => self.register(ctx, Some(*slot)),
            (Ask::Slot(_), "2") => self.ask(ctx, Ask::Day, TRIES, Vec::new()),
            (Ask::Slot(_), "9") => Booked::Declined(vec![Prompt::Sound("schedule-cancelled")]),
            (Ask::Number, _) if tries_left == 0 => {
                Booked::Declined(vec![Prompt::Sound("number-not-taken")])
            }
            (_, _) if tries_left == 0 => Booked::Declined(Vec::new()),
            (_, _) => {
                let said = ask.wrong(digits).map(Prompt::Sound).into_iter().collect();
                self.ask(ctx, ask, tries_left, said)
            }
        }
    }

    fn ask(&mut self, ctx: &mut Context<'_>, ask: Ask, tries: u8, said: Vec<Prompt>) -> Booked {
        self.step = put(ctx, self.leg, ask, tries, said);
        Booked::Open
    }

    fn check(&mut self, ctx: &mut Context<'_>, digits: &str, tries_left: u8) -> Booked {
        ctx.push(Effect::NumberKeyed {
            interaction: self.interaction,
            queue: self.queue.clone(),
            digits: KeyedNumber::new(digits),
        });
        self.step = Step::Checking { tries_left, until: ctx.now + CHECKING_MAX };
        Booked::Open
    }

    fn time_keyed(&mut self, ctx: &mut Context<'_>, day: KeyedDay, hour: u8, minute: u8) -> Booked {
        if (1..=12).contains(&hour) && counts_to_twelve(&ctx.language) {
            self.ask(ctx, Ask::Half { day, hour, minute }, TRIES, Vec::new())
        } else {
            self.find(ctx, day, hour, minute)
        }
    }

    fn find(&mut self, ctx: &mut Context<'_>, day: KeyedDay, hour: u8, minute: u8) -> Booked {
        let (interaction, queue) = (self.interaction, self.queue.clone());
        let minute_of_day = u16::from(hour) * 60 + u16::from(minute);
        let Some(address) = self.address.clone() else { return Booked::Open };
        ctx.push(Effect::FindSlot { interaction, queue, address, day, minute_of_day });
        self.step = Step::Finding { until: ctx.now + CHECKING_MAX };
        Booked::Open
    }

    /// The time cannot be had: says why and asks for another, so many times.
    fn another_time(&mut self, ctx: &mut Context<'_>, reason: &'static str) -> Booked {
        let said = vec![Prompt::Sound(reason)];
        self.slots_left = self.slots_left.saturating_sub(1);
        if self.slots_left == 0 {
            return Booked::Refused(said);
        }
        self.ask(ctx, Ask::Day, TRIES, said)
    }

    fn register(&mut self, ctx: &mut Context<'_>, slot: Option<SlotOffer>) -> Booked {
        let Some(address) = self.address.clone() else { return Booked::Open };
        let interaction = self.interaction;
        match slot {
            None => ctx.push(Effect::CallbackConfirmed { interaction, address }),
            Some(SlotOffer { due, .. }) => {
                let queue = self.queue.clone();
                ctx.push(Effect::ScheduleConfirmed { interaction, queue, address, due });
            }
        }
        self.step = Step::Registering(Registering {
            scheduled_for: slot.map(|slot| slot.time()),
            hearing: Some(ctx.play(self.leg, vec![Prompt::Sound("please-hold")])),
            apology_at: Some(ctx.now + REGISTERING_MAX),
            forgotten_at: ctx.now + REGISTRATION_FORGOTTEN,
        });
        Booked::Open
    }
}

impl Registering {
    fn expire(&mut self, ctx: &mut Context<'_>, leg: LegId) -> Booked {
        if self.forgotten_at <= ctx.now {
            return Booked::Refused(vec![Prompt::Sound("callbacks-unavailable")]);
        }
        if self.apology_at.take_if(|at| *at <= ctx.now).is_some() {
            let apology = vec![Prompt::Sound("sorry-wait"), Prompt::Sound("please-hold")];
            self.hearing = Some(ctx.play(leg, apology));
        } else if self.hearing.take_if(|hearing| hearing.is_overdue(ctx.now)).is_some() {
            ctx.push(Effect::Music { leg });
        }
        Booked::Open
    }

    fn deadline(&self) -> Timer {
        earliest([
            self.hearing.as_ref().and_then(Playing::deadline),
            self.apology_at.map(|at| (at, "registration")),
            Some((self.forgotten_at, "registration")),
        ])
    }
}

/// Puts a question for the first of `tries` times, after `said`.
fn put(ctx: &mut Context<'_>, leg: LegId, ask: Ask, tries: u8, said: Vec<Prompt>) -> Step {
    let entry = ask.put(ctx, leg, said);
    Step::Asking { ask, entry, tries_left: tries.saturating_sub(1) }
}
