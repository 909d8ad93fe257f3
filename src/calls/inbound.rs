//! An inbound call walking its flow: answered at once, prompts, menus, the queue, the conversation,
//! goodbye.
//!
//! Whenever the caller leaves a queue and stays on the line (a key, the longest wait, refused
//! entry, after the conversation), the interaction of that queue is over and the rest of the flow
//! runs under a new one: an interaction has one outcome.
//!
//! It must not decide who is served, or touch the legs of agents.

mod code;
mod dialogues;
#[cfg(test)]
mod tests;
mod transferred;
mod walk;

use std::sync::Arc;

use crate::ident::{FlowId, InteractionId, Language, LegId, QueueId, UserData};
use crate::phone::{Ani, Dnis};
use crate::time::{Duration, Timestamp};

use super::booking::{Booking, Kind};
use super::digits::{Answer, Question, Typed};
use super::effect::{Effect, LeftBy, Prompt};
use super::end::CallEnd;
use super::event::{Goodbye, QueueExit};
use super::flow::{BookingExits, Flow, QueueNode, Settings};
use super::pending::Pending;
use super::transfer::ThirdOrder;
use super::waiting::{Next, Standing, Waiting};
use super::{Context, ENDING_MAX, Fact, PARTED_MAX, Playing, Timer, cause, earliest};
use code::Asked;

/// Most nodes one call may enter; past it the call is ended. A caller who hears a menu for hours is
/// no caller.
const NODES_MAX: u32 = 1_000;
/// Silence after the offer of another time that counts as a no.
const AT_CLOSE_ANSWER_MAX: Duration = Duration::from_secs(7);

/// One call that came in by an entry.
#[derive(Debug)]
pub(super) struct Inbound {
    leg: LegId,
    interaction: InteractionId,
    ani: Ani,
    dnis: Dnis,
    /// When it came in.
    since: Timestamp,
    /// What the app attached whose Call-In request this call is.
    data: Option<UserData>,
    settings: Arc<Settings>,
    flow: FlowId,
    language: Language,
    /// Was the queue told of this interaction? Then it is told when the leg is gone.
    in_queue: bool,
    nodes_entered: u32,
    /// Access codes keyed in this call.
    codes_keyed: u8,
    /// Digits pressed while nothing was asked.
    typed: Typed,
    state: State,
}

#[derive(Debug)]
enum State {
    /// 200 is out, the ACK is not here.
    Answering {
        until: Timestamp,
    },
    Saying {
        playing: Playing,
        next: String,
    },
    Choosing {
        node: String,
        question: Question,
        tries_left: u8,
    },
    /// Asked about a pending callback.
    Pending {
        pending: Box<Pending>,
        /// As which the caller goes on who takes its place.
        node: Box<QueueNode>,
        otherwise: Otherwise,
    },
    Code(Asked),
    /// Their queue closed while they waited in it: asked whether they choose a time.
    AtClose(Box<AtClose>),
    InQueue(Box<Waiting>),
    /// Books a callback without waiting in a queue.
    Booking {
        booking: Box<Booking>,
        exits: BookingExits,
    },
    /// A third party is called, with a deadline of its own; ended at the latest by this one.
    Transferring {
        order: Option<ThirdOrder>,
        failed: Option<String>,
        hearing: Option<Playing>,
        until: Timestamp,
    },
    /// Talks with a third party.
    Transferred,
    Bridged {
        after_call: Option<String>,
    },
    /// The agent is gone; the queue's order follows.
    Parted {
        after_call: Option<String>,
        until: Timestamp,
    },
    /// The last prompts, then we hang up.
    Farewell(Playing),
    /// We hung up and wait for the leg to be gone.
    Ending {
        until: Timestamp,
    },
}

/// What becomes of somebody whose queue closed.
#[derive(Debug)]
struct AtClose {
    question: Question,
    queue: QueueId,
    exits: BookingExits,
    /// The exit `closed`: whoever chooses no time leaves by it.
    closed: Option<String>,
}

/// Where a caller goes on for whom no callback is pending.
#[derive(Clone, Debug)]
enum Otherwise {
    /// Into the queue.
    Join,
    /// By this exit of a booking that was refused.
    Leave(Option<String>),
}

impl Inbound {
    pub(super) fn new(
        leg: LegId,
        interaction: InteractionId,
        (ani, dnis): (Ani, Dnis),
        settings: Arc<Settings>,
        (flow, language): (FlowId, Language),
        now: Timestamp,
    ) -> Self {
        let state = State::Answering { until: now + ENDING_MAX };
        Self {
            leg,
            interaction,
            ani,
            dnis,
            since: now,
            data: None,
            settings,
            flow,
            language,
            in_queue: false,
            nodes_entered: 0,
            codes_keyed: 0,
            typed: Typed::default(),
            state,
        }
    }

    pub(super) fn leg(&self) -> LegId {
        self.leg
    }

    pub(super) fn interaction(&self) -> InteractionId {
        self.interaction
    }

    pub(super) fn language(&self) -> &Language {
        &self.language
    }

    pub(super) fn ani(&self) -> &Ani {
        &self.ani
    }

    /// May an agent be alerted for, and joined with, this caller?
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::InQueue(_))
    }

    pub(super) fn is_bridged(&self) -> bool {
        matches!(self.state, State::Bridged { .. })
    }

    pub(super) fn answer(&mut self, ctx: &mut Context<'_>) {
        ctx.push(Effect::Answer { leg: self.leg });
    }

    pub(super) fn fact(&mut self, ctx: &mut Context<'_>, fact: Fact) {
        match (fact, &mut self.state) {
            (Fact::Answered, State::Answering { .. }) => {
                let start = self.flow().map(|flow| flow.start.clone()).unwrap_or_default();
                self.enter(ctx, start);
            }
            (Fact::Digit(digit), State::Choosing { question, .. }) => {
                if let Some(answer) = question.press(ctx, digit) {
                    self.chosen(ctx, answer);
                }
            }
            (Fact::Digit(digit), State::AtClose(at_close)) => {
                if let Some(answer) = at_close.question.press(ctx, digit) {
                    self.chosen_at_close(ctx, answer);
                }
            }
            (Fact::PlayEnded(play), State::AtClose(at_close)) => {
                at_close.question.play_ended(ctx.now, play);
            }
            (Fact::Digit(digit), State::Saying { .. }) => self.typed.push(digit),
            (Fact::Digit(digit), State::Code(_)) => self.code_digit(ctx, digit),
            (Fact::PlayEnded(play), State::Code(asked)) => asked.play_ended(ctx.now, play),
            (Fact::Digit(digit), State::InQueue(waiting)) => {
                let next = waiting.digit(ctx, digit);
                self.go_on(ctx, next);
            }
            (Fact::Digit(digit), State::Booking { .. }) => {
                self.booking(ctx, |booking, ctx| booking.digit(ctx, digit));
            }
            (Fact::Digit(digit), State::Pending { .. }) => {
                self.pending(ctx, |pending, ctx| pending.digit(ctx, digit));
            }
            (Fact::PlayEnded(play), State::Pending { pending, .. }) => {
                pending.play_ended(ctx, play);
            }
            (Fact::PlayEnded(play), State::Booking { booking, .. }) => {
                booking.play_ended(ctx, play);
            }
            (Fact::PlayEnded(play), State::Saying { playing, next }) if playing.is(play) => {
                let next = std::mem::take(next);
                self.enter(ctx, next);
            }
            (Fact::PlayEnded(play), State::Choosing { question, .. }) => {
                question.play_ended(ctx.now, play);
            }
            (Fact::PlayEnded(play), State::InQueue(waiting)) => {
                let next = waiting.play_ended(ctx, play);
                self.go_on(ctx, next);
            }
            (Fact::PlayEnded(play), State::Transferring { hearing, .. }) => {
                if hearing.take_if(|hearing| hearing.is(play)).is_some() {
                    ctx.push(Effect::Music { leg: self.leg });
                }
            }
            (Fact::PlayEnded(play), State::Farewell(playing)) if playing.is(play) => {
                self.hang_up(ctx, cause::NORMAL);
            }
            (
                Fact::Ringing
                | Fact::Answered
                | Fact::Ended(_)
                | Fact::Digit(_)
                | Fact::PlayEnded(_)
                | Fact::Machine
                | Fact::Beep,
                _,
            ) => {}
        }
    }

    /// The leg is gone: the last report.
    pub(super) fn ended(&mut self, ctx: &mut Context<'_>, end: CallEnd) {
        self.cut(ctx);
        let interaction = self.interaction;
        if self.is_bridged() && end.is_lost() {
            ctx.push(Effect::BridgeEnded { interaction, lost: true });
        }
        if self.in_queue {
            ctx.push(Effect::CallerHungUp { interaction });
        }
    }

    /// `true`: the leg never ended and is given up.
    pub(super) fn expire(&mut self, ctx: &mut Context<'_>) -> bool {
        if self.deadline().is_none_or(|(at, _)| at > ctx.now) {
            return false;
        }
        match &mut self.state {
            State::Answering { .. } | State::Parted { .. } => self.hang_up(ctx, cause::TIMER),
            State::Saying { next, .. } => {
                let next = std::mem::take(next);
                self.enter(ctx, next);
            }
            State::Choosing { question, .. } => {
                if let Some(answer) = question.expire(ctx.now) {
                    self.chosen(ctx, answer);
                }
            }
            State::AtClose(at_close) => {
                if let Some(answer) = at_close.question.expire(ctx.now) {
                    self.chosen_at_close(ctx, answer);
                }
            }
            State::InQueue(waiting) => {
                let next = waiting.expire(ctx);
                self.go_on(ctx, next);
            }
            State::Booking { .. } => self.booking(ctx, Booking::expire),
            State::Code(_) => self.expire_code(ctx),
            State::Pending { .. } => self.pending(ctx, Pending::expire),
            State::Transferring { until, .. } if *until <= ctx.now => {
                self.hang_up(ctx, cause::TIMER);
            }
            State::Transferring { hearing, .. } => {
                *hearing = None;
                ctx.push(Effect::Music { leg: self.leg });
            }
            State::Bridged { .. } | State::Transferred => {}
            State::Farewell(_) => self.hang_up(ctx, cause::NORMAL),
            State::Ending { .. } => return true,
        }
        false
    }

    pub(super) fn deadline(&self) -> Timer {
        match &self.state {
            State::Answering { until } => Some((*until, "acknowledgement")),
            State::Saying { playing, .. } | State::Farewell(playing) => playing.deadline(),
            State::Choosing { question, .. } => question.deadline(),
            State::AtClose(at_close) => at_close.question.deadline(),
            State::InQueue(waiting) => waiting.deadline(),
            State::Booking { booking, .. } => booking.deadline(),
            State::Code(asked) => asked.deadline(),
            State::Pending { pending, .. } => pending.deadline(),
            State::Transferring { hearing, until, .. } => {
                let hearing = hearing.as_ref().and_then(Playing::deadline);
                earliest([hearing, Some((*until, "transfer"))])
            }
            State::Bridged { .. } | State::Transferred => None,
            State::Parted { until, .. } => Some((*until, "release")),
            State::Ending { until } => Some((*until, "end of the leg")),
        }
    }

    pub(super) fn attached(&self) -> (&Dnis, Option<&UserData>) {
        (&self.dnis, self.data.as_ref())
    }

    pub(super) fn standing(&mut self, ctx: &mut Context<'_>, standing: Standing) {
        if let State::InQueue(waiting) = &mut self.state {
            let next = waiting.standing(ctx, standing);
            self.go_on(ctx, next);
        }
    }

    /// The queue did not take the caller: on by the exit, or say why and hang up.
    pub(super) fn not_admitted(&mut self, ctx: &mut Context<'_>, exit: QueueExit) {
        let State::InQueue(waiting) = &mut self.state else { return };
        if exit == QueueExit::ClosedWithTimes {
            waiting.cut(ctx);
            let prompts = vec![Prompt::Sound("offer-schedule-closed")];
            let node = waiting.node();
            let at_close = AtClose {
                question: Question::ask(ctx, self.leg, prompts, AT_CLOSE_ANSWER_MAX),
                queue: node.queue.clone(),
                exits: waiting.schedule_exits().clone(),
                closed: node.closed.clone(),
            };
            self.renew(ctx);
            self.state = State::AtClose(Box::new(at_close));
            return;
        }
        let (bound, otherwise) = exit_of(waiting.node(), exit);
        let bound = bound.cloned();
        self.renew(ctx);
        self.leave_by(ctx, bound, otherwise);
    }

    fn leave_by(&mut self, ctx: &mut Context<'_>, bound: Option<String>, said: &[&'static str]) {
        match bound {
            Some(node) => self.enter(ctx, node),
            None => self.farewell(ctx, said.iter().map(|id| Prompt::Sound(id)).collect()),
        }
    }

    /// 1: a time; anything else, or nothing: on by the exit `closed`.
    fn chosen_at_close(&mut self, ctx: &mut Context<'_>, answer: Answer) {
        let State::AtClose(at_close) = &self.state else { return };
        let (queue, exits) = (at_close.queue.clone(), at_close.exits.clone());
        match answer {
            Answer::Key('1') => self.choose_time(ctx, queue, exits),
            Answer::Key(_) | Answer::Silence => {
                let closed = at_close.closed.clone();
                self.leave_by(ctx, closed, &["closed"]);
            }
        }
    }

    /// Books a callback of a queue that they do not wait in.
    fn choose_time(&mut self, ctx: &mut Context<'_>, queue: QueueId, exits: BookingExits) {
        self.typed.clear();
        let voice = self.settings.queues.get(&queue);
        let own = voice.and_then(|voice| voice.addresses.callable(&self.ani));
        let ids = (self.leg, self.interaction);
        let booking = Booking::start(ctx, ids, queue, Kind::Scheduled, own);
        self.state = State::Booking { booking: Box::new(booking), exits };
    }

    pub(super) fn release(&mut self, ctx: &mut Context<'_>, goodbye: Goodbye) {
        let after_call = match &mut self.state {
            State::InQueue(_) => None,
            State::Bridged { after_call } | State::Parted { after_call, .. } => after_call.take(),
            State::Answering { .. }
            | State::Saying { .. }
            | State::Choosing { .. }
            | State::AtClose(_)
            | State::Code(_)
            | State::Booking { .. }
            | State::Pending { .. }
            | State::Transferring { .. }
            | State::Transferred
            | State::Farewell(_)
            | State::Ending { .. } => return,
        };
        match after_call.filter(|_| goodbye == Goodbye::Silent) {
            Some(node) => {
                self.renew(ctx);
                self.enter(ctx, node);
            }
            None => self.farewell(ctx, goodbye.prompts()),
        }
    }

    /// Joined with an agent: whatever went on is cut.
    pub(super) fn bridge(&mut self, ctx: &mut Context<'_>) {
        if let State::InQueue(waiting) = &mut self.state {
            waiting.cut(ctx);
            self.state = State::Bridged { after_call: waiting.node().after_call.clone() };
        }
    }

    /// The agent is gone.
    pub(super) fn part(&mut self, now: Timestamp) {
        if let State::Bridged { after_call } = &mut self.state {
            let after_call = after_call.take();
            self.state = State::Parted { after_call, until: now + PARTED_MAX };
        }
    }

    pub(super) fn hang_up(&mut self, ctx: &mut Context<'_>, cause: u8) {
        if !matches!(self.state, State::Ending { .. }) {
            self.cut(ctx);
            ctx.push(Effect::HangUp { leg: self.leg, cause });
            self.state = State::Ending { until: ctx.now + ENDING_MAX };
        }
    }

    /// The dialogue that goes on is over.
    fn cut(&mut self, ctx: &mut Context<'_>) {
        match &mut self.state {
            State::InQueue(waiting) => waiting.cut(ctx),
            State::Pending { pending, .. } => pending.cut(ctx),
            State::Answering { .. }
            | State::Saying { .. }
            | State::Choosing { .. }
            | State::AtClose(_)
            | State::Code(_)
            | State::Booking { .. }
            | State::Transferring { .. }
            | State::Transferred
            | State::Bridged { .. }
            | State::Parted { .. }
            | State::Farewell(_)
            | State::Ending { .. } => {}
        }
    }

    fn flow(&self) -> Option<&Flow> {
        self.settings.flows.get(&self.flow)
    }

    fn go_on(&mut self, ctx: &mut Context<'_>, next: Next) {
        match next {
            Next::Stay => {}
            Next::Leave(node, by) => {
                ctx.push(Effect::CallerLeft { interaction: self.interaction, by });
                self.renew(ctx);
                self.enter(ctx, node);
            }
            Next::Finish(said) => {
                let by = LeftBy::Choice;
                ctx.push(Effect::CallerLeft { interaction: self.interaction, by });
                self.renew(ctx);
                self.farewell(ctx, said);
            }
        }
    }

    fn renew(&mut self, ctx: &mut Context<'_>) {
        self.interaction = InteractionId::draw(&mut ctx.shared.entropy);
        self.in_queue = false;
    }

    fn farewell(&mut self, ctx: &mut Context<'_>, prompts: Vec<Prompt>) {
        if prompts.is_empty() {
            self.hang_up(ctx, cause::NORMAL);
        } else {
            self.cut(ctx);
            self.state = State::Farewell(ctx.play(self.leg, prompts));
        }
    }
}

/// The node bound to an exit, and what is said before hanging up if none is.
fn exit_of(node: &QueueNode, exit: QueueExit) -> (Option<&String>, &'static [&'static str]) {
    match exit {
        QueueExit::Closed | QueueExit::ClosedWithTimes => (node.closed.as_ref(), &["closed"]),
        QueueExit::Full => (node.full.as_ref(), &["queue-full"]),
        QueueExit::MaxWait => (node.max_wait.as_ref().map(|(_, node)| node), &["goodbye"]),
        QueueExit::Key(key) => (node.keys.get(&key), &["goodbye"]),
        QueueExit::AfterCall => (node.after_call.as_ref(), &["goodbye"]),
    }
}

impl Goodbye {
    /// What is said; empty: nothing.
    pub(super) fn prompts(self) -> Vec<Prompt> {
        match self {
            Goodbye::Silent => Vec::new(),
            Goodbye::Plain => vec![Prompt::Sound("goodbye")],
            Goodbye::CallBack => vec![Prompt::Sound("registered")],
            Goodbye::Cancelled => vec![Prompt::Sound("cancelled")],
            Goodbye::NotServed => vec![Prompt::Sound("not-served")],
            Goodbye::NeverAgain => vec![Prompt::Sound("never-again")],
        }
    }
}
