//! A caller in a `queue` node: music, announcements, the callback offer and the dialogue behind it.
//!
//! ```text
//! Music ◀──▶ Note (position and wait; what came of a dialogue)
//!   │ threshold passed
//!   ▼
//! Offer ── a key ▶ Booking ── registered ▶ (farewell)
//!   └─ no key ────────┼─ declined, refused ▶ Note ▶ Music
//!                     └─ there is one already ▶ Pending
//! ```
//!
//! The caller keeps the place through all of it. It must not know of agents: an alert does not
//! change what the caller hears, and being joined with one cuts whatever is going on.

#[cfg(test)]
mod tests;

use crate::ident::{InteractionId, LegId, PlayId};
use crate::phone::{Address, Ani};
use crate::time::{Duration, Timestamp};

use super::booking::{Booked, Booking, Kind};
use super::digits::{Answer, Question};
use super::effect::{Effect, LeftBy, Prompt};
use super::event::Goodbye;
use super::flow::{BookingExits, CallbackOffer, Flow, FlowNode, QueueNode, QueueVoice};
use super::pending::{Pending, Settled};
use super::{Context, Playing, Timer, earliest};

/// How often the standing is asked for.
const STANDING_EVERY: Duration = Duration::from_secs(5);
/// Silence after the offer that counts as "no".
const OFFER_ANSWER_MAX: Duration = Duration::from_secs(7);
/// How often the offer is made when other keys are pressed.
const OFFER_TRIES: u8 = 3;

/// A caller in a `queue` node.
#[derive(Debug)]
pub(super) struct Waiting {
    leg: LegId,
    interaction: InteractionId,
    ani: Ani,
    node: QueueNode,
    /// Where the offer leads without a callback, and where the choice of a time does.
    exits: BookingExits,
    schedule_exits: BookingExits,
    /// The caller's number, if this queue may call it back.
    own: Option<Address>,
    /// May this queue call anybody back? Otherwise nothing is offered.
    calls_back: bool,
    /// Not told yet whether anybody could serve them: nobody is sent away from a place that waited.
    new: bool,
    since: Timestamp,
    standing: Option<Standing>,
    ask_at: Timestamp,
    announce_at: Option<Timestamp>,
    leave_at: Option<Timestamp>,
    /// The callback is offered from here on; `None`: not any more.
    offer_from: Option<Timestamp>,
    hearing: Hearing,
}

/// What the caller may be told and offered now, as the queue said last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// 1 is next.
    pub position: u32,
    /// How many are in the queue, this one and callbacks included.
    pub length: u32,
    /// Is nobody logged in who could serve them?
    pub nobody: bool,
    /// `None`: unknown.
    pub ewt: Option<Duration>,
    /// May a callback be offered that is made as soon as the turn comes?
    pub immediate: bool,
    /// May one be offered at a chosen time?
    pub scheduled: bool,
}

/// What can be offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Choice {
    Immediate,
    Either,
    Scheduled,
}

/// What the caller hears.
#[derive(Debug)]
enum Hearing {
    Music,
    /// Prompts, then music or, by leaving the queue, a node.
    Note {
        playing: Playing,
        then: Option<String>,
    },
    Offer {
        choice: Choice,
        question: Question,
        tries_left: u8,
    },
    Booking(Box<Booking>),
    /// Asked about a callback that stood in the way of another; where it leads if there is none.
    Pending {
        pending: Box<Pending>,
        refused: Option<String>,
    },
}

/// How a caller came to wait.
#[derive(Debug)]
pub(super) enum Arrival {
    /// Joined the queue.
    New,
    /// Has a place that waited already, and hears this first.
    Resumed(Vec<Prompt>),
}

/// Where a step in the queue leads.
#[derive(Debug)]
pub(super) enum Next {
    /// The caller waits on.
    Stay,
    /// The caller leaves the queue for this node, by this exit.
    Leave(String, LeftBy),
    /// The caller leaves the queue, hears this, and the call ends.
    Finish(Vec<Prompt>),
}

impl Waiting {
    /// The queue knows of this caller, who hears music.
    pub(super) fn enter(
        ctx: &mut Context<'_>,
        (leg, interaction): (LegId, InteractionId),
        ani: Ani,
        (node, flow): (&QueueNode, Option<&Flow>),
        voice: Option<&QueueVoice>,
        arrival: Arrival,
    ) -> Self {
        let named = |name| flow.and_then(|flow| flow.nodes.get(name));
        let offer = node.offer.as_ref().and_then(|offer| named(&offer.node));
        let (exits, schedule) = match offer {
            Some(FlowNode::OfferCallback { exits, schedule }) => {
                (exits.clone(), schedule.as_ref().and_then(named))
            }
            _ => (BookingExits::default(), None),
        };
        let schedule_exits = match schedule {
            Some(FlowNode::ScheduleCallback { exits, .. }) => exits.clone(),
            _ => exits.clone(),
        };
        let (new, hearing) = match arrival {
            Arrival::New => (true, Hearing::Music),
            Arrival::Resumed(said) => {
                (false, Hearing::Note { playing: ctx.play(leg, said), then: None })
            }
        };
        ctx.push(Effect::AskStanding { interaction });
        Self {
            leg,
            interaction,
            exits,
            schedule_exits,
            own: voice.and_then(|voice| voice.addresses.callable(&ani)),
            calls_back: voice.is_some_and(|voice| !voice.addresses.is_empty()),
            new,
            since: ctx.now,
            standing: None,
            ask_at: ctx.now + STANDING_EVERY,
            announce_at: node.announce_every.map(|every| ctx.now + every),
            leave_at: node.max_wait.as_ref().map(|(longest, _)| ctx.now + *longest),
            offer_from: node.offer.as_ref().map(|_| ctx.now),
            hearing,
            ani,
            node: node.clone(),
        }
    }

    pub(super) fn node(&self) -> &QueueNode {
        &self.node
    }

    pub(super) fn schedule_exits(&self) -> &BookingExits {
        &self.schedule_exits
    }

    pub(super) fn standing(&mut self, ctx: &mut Context<'_>, standing: Standing) -> Next {
        let new = std::mem::take(&mut self.new);
        self.standing = Some(standing);
        if let (true, true, Some(node)) = (new, standing.nobody, &self.node.no_agents) {
            return Next::Leave(node.clone(), LeftBy::NoAgents);
        }
        self.consider(ctx);
        Next::Stay
    }

    pub(super) fn digit(&mut self, ctx: &mut Context<'_>, digit: char) -> Next {
        match &mut self.hearing {
            Hearing::Offer { question, .. } => match question.press(ctx, digit) {
                Some(answer) => self.answered(ctx, answer),
                None => Next::Stay,
            },
            Hearing::Booking(_) => self.booking(ctx, |booking, ctx| booking.digit(ctx, digit)),
            Hearing::Pending { .. } => self.pending(ctx, |pending, ctx| pending.digit(ctx, digit)),
            Hearing::Music | Hearing::Note { .. } => {
                let exit = self.node.keys.get(&digit);
                exit.map_or(Next::Stay, |node| Next::Leave(node.clone(), LeftBy::Choice))
            }
        }
    }

    pub(super) fn play_ended(&mut self, ctx: &mut Context<'_>, play: PlayId) -> Next {
        match &mut self.hearing {
            Hearing::Note { playing, then } if playing.is(play) => {
                let then = then.take();
                return self.note_over(ctx, then);
            }
            Hearing::Offer { question, .. } => question.play_ended(ctx.now, play),
            Hearing::Booking(booking) => booking.play_ended(ctx, play),
            Hearing::Pending { pending, .. } => pending.play_ended(ctx, play),
            Hearing::Music | Hearing::Note { .. } => {}
        }
        Next::Stay
    }

    /// A step of the booking, if one is in progress.
    pub(super) fn booking(
        &mut self,
        ctx: &mut Context<'_>,
        act: impl FnOnce(&mut Booking, &mut Context<'_>) -> Booked,
    ) -> Next {
        let Hearing::Booking(booking) = &mut self.hearing else { return Next::Stay };
        let booked = act(booking, ctx);
        let appointment = booking.kind() == Kind::Scheduled;
        let exits = match booking.kind() {
            Kind::Immediate => &self.exits,
            Kind::Scheduled => &self.schedule_exits,
        };
        match booked {
            Booked::Open => {}
            Booked::Declined(said) => {
                let then = exits.declined.clone();
                self.decline(ctx, said, then);
            }
            Booked::Refused(reason) => {
                let then = exits.refused.clone();
                self.refuse(ctx, reason, then);
            }
            Booked::Duplicate(said) => {
                let refused = exits.refused.clone();
                let (ids, queue) = ((self.leg, self.interaction), self.node.queue.clone());
                let asked = (queue, appointment);
                let pending = Pending::ask(ctx, ids, asked, self.ani.clone(), said);
                self.hearing = Hearing::Pending { pending: Box::new(pending), refused };
            }
        }
        Next::Stay
    }

    /// A step of the question about a pending callback, if it is put.
    pub(super) fn pending(
        &mut self,
        ctx: &mut Context<'_>,
        act: impl FnOnce(&mut Pending, &mut Context<'_>) -> Settled,
    ) -> Next {
        let Hearing::Pending { pending, refused } = &mut self.hearing else { return Next::Stay };
        match act(pending, ctx) {
            Settled::Open => {}
            Settled::Kept => return Next::Finish(vec![Prompt::Sound("pending-kept")]),
            Settled::Cancelled => {
                self.offer_again(ctx.now);
                self.note(ctx, vec![Prompt::Sound("pending-cancelled")], None);
            }
            Settled::Nothing(said) => {
                let then = refused.take();
                self.refuse(ctx, said, then);
            }
            // The music goes on.
            Settled::TooLate => {
                self.offer_from = None;
                self.hearing = Hearing::Music;
            }
        }
        Next::Stay
    }

    /// May the queue give this caller the place of their pending callback now?
    pub(super) fn is_taking_over(&self) -> bool {
        matches!(&self.hearing, Hearing::Pending { pending, .. } if pending.is_taking_over())
    }

    /// Does the queue have the word about their pending callback now?
    pub(super) fn is_settling(&self) -> bool {
        matches!(&self.hearing, Hearing::Pending { pending, .. } if pending.is_settling())
    }

    /// The dialogue that goes on is over.
    pub(super) fn cut(&mut self, ctx: &mut Context<'_>) {
        if let Hearing::Pending { pending, .. } = &mut self.hearing {
            pending.cut(ctx);
        }
    }

    /// What is said of a callback that is committed.
    pub(super) fn goodbye(&self) -> Vec<Prompt> {
        match &self.hearing {
            Hearing::Booking(booking) => booking.goodbye(),
            Hearing::Music
            | Hearing::Note { .. }
            | Hearing::Offer { .. }
            | Hearing::Pending { .. } => Goodbye::CallBack.prompts(),
        }
    }

    pub(super) fn expire(&mut self, ctx: &mut Context<'_>) -> Next {
        let now = ctx.now;
        if self.ask_at <= now {
            self.ask_at = now + STANDING_EVERY;
            if !self.is_registering() {
                ctx.push(Effect::AskStanding { interaction: self.interaction });
            }
        }
        if self.leave_at().is_some_and(|at| at <= now)
            && let Some((_, node)) = &self.node.max_wait
        {
            return Next::Leave(node.clone(), LeftBy::LongestWait);
        }
        match &mut self.hearing {
            Hearing::Note { playing, then } if playing.is_overdue(now) => {
                let then = then.take();
                return self.note_over(ctx, then);
            }
            Hearing::Offer { question, .. } => {
                if let Some(answer) = question.expire(now) {
                    return self.answered(ctx, answer);
                }
            }
            Hearing::Booking(_) => return self.booking(ctx, Booking::expire),
            Hearing::Pending { .. } => return self.pending(ctx, Pending::expire),
            Hearing::Music | Hearing::Note { .. } => {}
        }
        self.consider(ctx);
        Next::Stay
    }

    pub(super) fn deadline(&self) -> Timer {
        let hearing = match &self.hearing {
            Hearing::Music => earliest([
                self.announcement_at().map(|at| (at, "announcement")),
                self.offer_at().map(|at| (at, "callback offer")),
            ]),
            Hearing::Note { playing, .. } => playing.deadline(),
            Hearing::Offer { question, .. } => question.deadline(),
            Hearing::Booking(booking) => booking.deadline(),
            Hearing::Pending { pending, .. } => pending.deadline(),
        };
        earliest([
            hearing,
            Some((self.ask_at, "standing")),
            self.leave_at().map(|at| (at, "longest wait")),
        ])
    }

    fn is_registering(&self) -> bool {
        matches!(&self.hearing, Hearing::Booking(booking) if booking.is_registering())
    }

    /// Nobody is sent away from a dialogue: it has an end of its own.
    fn leave_at(&self) -> Option<Timestamp> {
        let in_dialogue = matches!(self.hearing, Hearing::Booking(_) | Hearing::Pending { .. });
        self.leave_at.filter(|_| !in_dialogue)
    }

    /// With nothing but music on: is it time to offer a callback, or to say the position?
    fn consider(&mut self, ctx: &mut Context<'_>) {
        if !matches!(self.hearing, Hearing::Music) {
            return;
        }
        if let Some(choice) = self.choice().filter(|_| self.offer_is_due(ctx.now)) {
            self.offer(ctx, choice, OFFER_TRIES, false);
        } else if self.announcement_at().is_some_and(|at| at <= ctx.now) {
            self.announce(ctx);
        }
    }

    fn offered(&self) -> Option<(&CallbackOffer, Timestamp)> {
        self.choice()?;
        self.node.offer.as_ref().zip(self.offer_from)
    }

    fn choice(&self) -> Option<Choice> {
        let standing = self.standing.filter(|_| self.calls_back)?;
        match (standing.immediate, standing.scheduled) {
            (true, false) => Some(Choice::Immediate),
            (true, true) => Some(Choice::Either),
            (false, true) => Some(Choice::Scheduled),
            (false, false) => None,
        }
    }

    fn offer_is_due(&self, now: Timestamp) -> bool {
        let Some((offer, from)) = self.offered() else { return false };
        let held = offer.after.is_some_and(|after| self.since + after <= now);
        let by_standing = self.standing.is_some_and(|standing| {
            let long = |limit| standing.ewt.is_none_or(|ewt| ewt > limit);
            offer.ewt_above.is_some_and(long)
                || offer.position_above.is_some_and(|limit| standing.position > limit)
                || offer.length_above.is_some_and(|limit| standing.length > limit)
        });
        from <= now && (held || by_standing)
    }

    /// When the time on hold alone will make it due; the rest is seen at the next standing.
    fn offer_at(&self) -> Option<Timestamp> {
        let (offer, from) = self.offered()?;
        offer.after.map(|after| from.max(self.since + after))
    }

    fn announcement_at(&self) -> Option<Timestamp> {
        self.announce_at.filter(|_| self.standing.is_some())
    }

    fn announce(&mut self, ctx: &mut Context<'_>) {
        let (Some(standing), Some(every)) = (self.standing, self.node.announce_every) else {
            return;
        };
        self.announce_at = Some(ctx.now + every.max(STANDING_EVERY));
        let mut prompts = vec![Prompt::Position(standing.position)];
        if let Some(ewt) = standing.ewt {
            prompts.extend([Prompt::Sound("wait-is"), Prompt::Wait(ewt)]);
            ctx.push(Effect::EwtTold { interaction: self.interaction, ewt });
        }
        self.note(ctx, prompts, None);
    }

    fn offer(&mut self, ctx: &mut Context<'_>, choice: Choice, tries: u8, again: bool) {
        let mut prompts = vec![Prompt::Sound(match choice {
            Choice::Immediate => "offer-callback",
            Choice::Either => "offer-callback-or-schedule",
            Choice::Scheduled => "offer-schedule",
        })];
        if again {
            prompts.insert(0, Prompt::Sound("invalid-choice"));
        } else {
            ctx.push(Effect::Offered { interaction: self.interaction });
        }
        let question = Question::ask(ctx, self.leg, prompts, OFFER_ANSWER_MAX);
        self.hearing = Hearing::Offer { choice, question, tries_left: tries - 1 };
    }

    fn answered(&mut self, ctx: &mut Context<'_>, answer: Answer) -> Next {
        let Hearing::Offer { choice, tries_left, .. } = self.hearing else { return Next::Stay };
        match (choice, answer, tries_left) {
            (Choice::Immediate | Choice::Either, Answer::Key('1'), _) => {
                self.book(ctx, Kind::Immediate);
            }
            (Choice::Either, Answer::Key('2'), _) | (Choice::Scheduled, Answer::Key('1'), _) => {
                self.book(ctx, Kind::Scheduled);
            }
            (_, Answer::Key('2') | Answer::Silence, _) | (_, Answer::Key(_), 0) => {
                let then = self.exits.declined.clone();
                self.decline(ctx, Vec::new(), then);
            }
            (_, Answer::Key(_), left) => self.offer(ctx, choice, left, true),
        }
        Next::Stay
    }

    fn book(&mut self, ctx: &mut Context<'_>, kind: Kind) {
        let (ids, queue) = ((self.leg, self.interaction), self.node.queue.clone());
        let booking = Booking::start(ctx, ids, queue, kind, self.own.clone());
        self.hearing = Hearing::Booking(Box::new(booking));
    }

    fn decline(&mut self, ctx: &mut Context<'_>, mut said: Vec<Prompt>, then: Option<String>) {
        self.offer_again(ctx.now);
        said.push(Prompt::Sound("callback-declined"));
        self.note(ctx, said, then);
    }

    fn refuse(&mut self, ctx: &mut Context<'_>, reason: Vec<Prompt>, then: Option<String>) {
        self.offer_from = None;
        self.note(ctx, reason, then);
    }

    /// After a refusal of the offer it is made again later, or not at all.
    fn offer_again(&mut self, now: Timestamp) {
        let again = self.node.offer.as_ref().and_then(|offer| offer.again_after);
        self.offer_from = again.map(|after| now + after);
    }

    fn note(&mut self, ctx: &mut Context<'_>, prompts: Vec<Prompt>, then: Option<String>) {
        self.hearing = Hearing::Note { playing: ctx.play(self.leg, prompts), then };
    }

    fn note_over(&mut self, ctx: &mut Context<'_>, then: Option<String>) -> Next {
        self.hearing = Hearing::Music;
        if let Some(node) = then {
            return Next::Leave(node, LeftBy::Choice);
        }
        ctx.push(Effect::Music { leg: self.leg });
        self.consider(ctx);
        Next::Stay
    }
}
