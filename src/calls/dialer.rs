//! One attempt to reach a consumer: INVITE, ringing, "press 1", hold, goodbye; and the class of its
//! end.
//!
//! An attempt is over only when its leg is: whatever we ask for, `AttemptEnded` is reported once,
//! when the leg has ended (or 40 s after we hung up, when it never says so). A late answer of a
//! dial that we cancelled is no answer, unless we did because its consumer called in: the phone
//! that they answered in the same moment wins. It must not decide whether or when to dial again.

#[cfg(test)]
mod tests;

use crate::ident::{AttemptId, Language, LegId, QueueId, Route};
use crate::phone::Address;
use crate::time::{Duration, Timestamp};

use super::digits::{Answer, Question};
use super::effect::{Callee, Effect, Prompt};
use super::end::{AttemptClass, CallEnd};
use super::event::Goodbye;
use super::flow::QueueVoice;
use super::{Context, ENDING_MAX, Fact, PARTED_MAX, Playing, TRANSFER_MAX, Timer, cause};

/// Silence after "press 1" before it is said again.
const CONFIRM_AGAIN: Duration = Duration::from_secs(8);
/// "Press 1" is said for so long at most; the queue's own limit is shorter.
const CONFIRM_MAX: Duration = Duration::from_secs(180);
/// Silence after "keep waiting?" that counts as "call me back".
const KEEP_WAITING_ANSWER_MAX: Duration = Duration::from_secs(15);
/// How often "keep waiting?" is put when other keys are pressed.
const KEEP_WAITING_TRIES: u8 = 3;
/// Longest time on hold without a word of the queue, which asks "keep waiting?" much earlier.
const HOLD_MAX: Duration = Duration::from_secs(3_600);
/// Longest message for a machine: with it the leg ends before the queue's guard.
const MESSAGE_MAX: Duration = Duration::from_secs(25);
/// Longest goodbye.
const GOODBYE_MAX: Duration = Duration::from_secs(10);

/// What the queue ordered.
#[derive(Debug)]
pub(super) struct Order {
    pub attempt: AttemptId,
    pub queue: QueueId,
    pub address: Address,
    pub route: Route,
    pub ring_timeout: Duration,
    pub confirm: bool,
}

/// One dialled consumer.
#[derive(Debug)]
pub(super) struct Dialled {
    leg: LegId,
    order: Order,
    voice: QueueVoice,
    rang: bool,
    /// Does whoever answered sound like a machine?
    machine: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Ringing {
        until: Timestamp,
    },
    /// Answered; 1 is asked for.
    Confirming {
        question: Question,
        until: Timestamp,
    },
    /// A machine records; a person may press 1 still.
    Message(Playing),
    /// 2 or 9 was pressed; the queue's order follows.
    Chosen {
        until: Timestamp,
    },
    /// Prompts, then music.
    Hearing(Playing),
    OnHold {
        until: Timestamp,
    },
    /// "Keep waiting?"
    Asking {
        question: Question,
        tries_left: u8,
    },
    Bridged,
    /// The agent is gone; the queue's order follows.
    Parted {
        until: Timestamp,
    },
    /// A third party rings; ended at the latest when its time is over.
    Transferring {
        until: Timestamp,
    },
    /// Talks with a third party.
    Transferred,
    Goodbye {
        playing: Playing,
        class: AttemptClass,
    },
    /// We hung up; reported as `class` unless the other side's word comes first. An answer undoes
    /// it if it `yields`.
    Ending {
        until: Timestamp,
        class: AttemptClass,
        yields: bool,
    },
}

impl Dialled {
    pub(super) fn new(ctx: &mut Context<'_>, order: Order, voice: Option<QueueVoice>) -> Self {
        let leg = ctx.new_leg(order.attempt.interaction);
        ctx.push(Effect::Invite {
            leg,
            to: Callee::Consumer {
                attempt: order.attempt,
                queue: order.queue.clone(),
                address: order.address.clone(),
                route: order.route.clone(),
                ring_timeout: order.ring_timeout,
            },
            like: None,
        });
        let state = State::Ringing { until: ctx.now + order.ring_timeout };
        // A queue that is no longer configured still owes a word to the consumer it dialled.
        let voice = voice.unwrap_or_else(|| QueueVoice {
            addresses: crate::phone::AddressPolicy::default(),
            language: Language::default(),
            greeting: "this-is-your-callback".to_owned(),
            postpone: None,
            refuse: false,
            machine: None,
        });
        Self { leg, order, voice, rang: false, machine: false, state }
    }

    pub(super) fn leg(&self) -> LegId {
        self.leg
    }

    pub(super) fn attempt(&self) -> AttemptId {
        self.order.attempt
    }

    pub(super) fn language(&self) -> &Language {
        &self.voice.language
    }

    pub(super) fn address(&self) -> &Address {
        &self.order.address
    }

    /// May an agent be alerted for, and joined with, this consumer?
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Hearing(_) | State::OnHold { .. } | State::Asking { .. })
    }

    pub(super) fn is_bridged(&self) -> bool {
        matches!(self.state, State::Bridged)
    }

    pub(super) fn fact(&mut self, ctx: &mut Context<'_>, fact: Fact) {
        match (fact, &mut self.state) {
            (Fact::Ringing, State::Ringing { .. }) => self.rang = true,
            (Fact::Answered, State::Ringing { .. } | State::Ending { yields: true, .. }) => {
                self.answered(ctx)
            }
            (Fact::Digit(digit), State::Confirming { question, .. }) => {
                if let Some(answer) = question.press(ctx, digit) {
                    self.confirmed(ctx, answer);
                }
            }
            (Fact::Digit(digit), State::Asking { question, .. }) => {
                if let Some(answer) = question.press(ctx, digit) {
                    self.decided(ctx, answer);
                }
            }
            // Other keys than those offered say nothing here.
            (Fact::Digit(digit), State::Message(_)) => _ = self.choose(ctx, digit),
            (Fact::PlayEnded(play), State::Message(playing)) if playing.is(play) => {
                self.hang_up(ctx, cause::NORMAL, AttemptClass::Machine);
            }
            (Fact::Machine, State::Confirming { .. }) => self.machine = true,
            (Fact::Beep, State::Confirming { .. }) => self.beeped(ctx),
            (
                Fact::PlayEnded(play),
                State::Confirming { question, .. } | State::Asking { question, .. },
            ) => {
                question.play_ended(ctx.now, play);
                // Whoever was called hears something all the time.
                if question.is_said() {
                    ctx.push(Effect::Music { leg: self.leg });
                }
            }
            (Fact::PlayEnded(play), State::Hearing(playing)) if playing.is(play) => self.hold(ctx),
            (Fact::PlayEnded(play), State::Goodbye { playing, class }) if playing.is(play) => {
                let class = *class;
                self.hang_up(ctx, cause::NORMAL, class);
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
    pub(super) fn ended(&self, ctx: &mut Context<'_>, end: CallEnd) {
        let end = CallEnd { rang: end.rang || self.rang, ..end };
        if self.is_bridged() && end.is_lost() {
            let interaction = self.order.attempt.interaction;
            ctx.push(Effect::BridgeEnded { interaction, lost: true });
        }
        let rang = end.rang || end.answered;
        ctx.report_attempt_ended(self.order.attempt, self.class_of(end), rang);
    }

    fn class_of(&self, end: CallEnd) -> AttemptClass {
        match &self.state {
            State::Ringing { .. } => end.attempt_class(&self.order.route),
            // Also when the leg was lost: a number whose calls all get lost is not dialled forever.
            State::Confirming { .. } => self.unconfirmed(),
            State::Message(_) => AttemptClass::Machine,
            State::Chosen { .. }
            | State::Hearing(_)
            | State::OnHold { .. }
            | State::Asking { .. }
            | State::Bridged
            | State::Parted { .. }
            | State::Transferring { .. }
            | State::Transferred => AttemptClass::HungUp,
            State::Goodbye { class, .. } => *class,
            State::Ending { class, .. } => {
                // Nobody ever said a word: that is the trunk's doing, however long it was let ring.
                let silence = end.is_lost() && !end.answered && !end.rang;
                if silence || end.rejected_with().is_some() {
                    end.attempt_class(&self.order.route)
                } else {
                    *class
                }
            }
        }
    }

    /// `true`: the leg never ended and is given up.
    pub(super) fn expire(&mut self, ctx: &mut Context<'_>) -> bool {
        if self.deadline().is_none_or(|(at, _)| at > ctx.now) {
            return false;
        }
        match &mut self.state {
            State::Ringing { .. } => self.hang_up(ctx, cause::NO_ANSWER, AttemptClass::NoAnswer),
            State::Confirming { until, .. } if *until <= ctx.now => {
                let class = self.unconfirmed();
                self.hang_up(ctx, cause::TIMER, class);
            }
            State::Confirming { question, .. } => {
                if let Some(answer) = question.expire(ctx.now) {
                    self.confirmed(ctx, answer);
                }
            }
            State::Asking { question, .. } => {
                if let Some(answer) = question.expire(ctx.now) {
                    self.decided(ctx, answer);
                }
            }
            State::Message(_) => self.hang_up(ctx, cause::NORMAL, AttemptClass::Machine),
            State::Hearing(_) => self.hold(ctx),
            State::Chosen { .. }
            | State::OnHold { .. }
            | State::Parted { .. }
            | State::Transferring { .. } => {
                self.hang_up(ctx, cause::TIMER, AttemptClass::HungUp);
            }
            State::Bridged | State::Transferred => {}
            State::Goodbye { class, .. } => {
                let class = *class;
                self.hang_up(ctx, cause::NORMAL, class);
            }
            State::Ending { .. } => return true,
        }
        false
    }

    pub(super) fn deadline(&self) -> Timer {
        match &self.state {
            State::Ringing { until } => Some((*until, "ring timeout")),
            State::Confirming { question, until } => {
                super::earliest([question.deadline(), Some((*until, "confirmation"))])
            }
            State::Chosen { until } => Some((*until, "order after a choice")),
            State::Message(playing) | State::Hearing(playing) | State::Goodbye { playing, .. } => {
                playing.deadline()
            }
            State::OnHold { until } => Some((*until, "hold")),
            State::Asking { question, .. } => question.deadline(),
            State::Bridged | State::Transferred => None,
            State::Parted { until } => Some((*until, "release")),
            State::Transferring { until } => Some((*until, "transfer")),
            State::Ending { until, .. } => Some((*until, "end of the leg")),
        }
    }

    /// Says goodbye if somebody is there, then hangs up. An end that is under way goes on.
    pub(super) fn end(&mut self, ctx: &mut Context<'_>, goodbye: Goodbye, class: AttemptClass) {
        if class == AttemptClass::CalledIn {
            return self.cancel(ctx, class);
        }
        let is_unconfirmed = class == AttemptClass::NoConfirm;
        let class = if is_unconfirmed { self.unconfirmed() } else { class };
        let prompts = match &self.state {
            // It is heard to its end, unless there is to be no call any more.
            State::Message(playing) if is_unconfirmed => {
                let (playing, class) = (*playing, AttemptClass::Machine);
                self.state = State::Goodbye { playing, class };
                return;
            }
            State::Message(_) | State::Ringing { .. } => Vec::new(),
            State::Confirming { .. }
            | State::Chosen { .. }
            | State::Hearing(_)
            | State::OnHold { .. }
            | State::Asking { .. }
            | State::Bridged
            | State::Parted { .. } => goodbye.prompts(),
            // The queue is not concerned any more.
            State::Transferring { .. } | State::Transferred => return,
            State::Goodbye { .. } | State::Ending { .. } => return,
        };
        if prompts.is_empty() {
            self.hang_up(ctx, cause::NORMAL, class);
        } else {
            self.goodbye(ctx, prompts, class);
        }
    }

    /// Their own call makes this one superfluous, unless they have answered it, or do so now.
    fn cancel(&mut self, ctx: &mut Context<'_>, class: AttemptClass) {
        if let State::Ringing { .. } = self.state {
            ctx.push(Effect::Cancel { leg: self.leg, cause: cause::NORMAL });
            self.state = State::Ending { until: ctx.now + ENDING_MAX, class, yields: true };
        }
    }

    fn goodbye(&mut self, ctx: &mut Context<'_>, prompts: Vec<Prompt>, class: AttemptClass) {
        let playing = ctx.play(self.leg, prompts);
        let playing = Playing { until: ctx.now + GOODBYE_MAX, ..playing };
        self.state = State::Goodbye { playing, class };
    }

    pub(super) fn ask_keep_waiting(&mut self, ctx: &mut Context<'_>) {
        if let State::Hearing(_) | State::OnHold { .. } = self.state {
            self.ask(ctx, KEEP_WAITING_TRIES, "sorry-wait");
        }
    }

    /// Joined with an agent: whatever went on is cut.
    pub(super) fn bridge(&mut self) {
        if self.is_waiting() {
            self.state = State::Bridged;
        }
    }

    /// The agent is gone.
    pub(super) fn part(&mut self, now: Timestamp) {
        if self.is_bridged() {
            self.state = State::Parted { until: now + PARTED_MAX };
        }
    }

    pub(super) fn is_in_conversation(&self) -> bool {
        matches!(self.state, State::Bridged | State::Parted { .. })
    }

    pub(super) fn may_have_third(&self) -> bool {
        matches!(self.state, State::Bridged | State::Transferring { .. } | State::Transferred)
    }

    pub(super) fn transferring(&mut self, now: Timestamp) {
        if self.is_in_conversation() {
            self.state = State::Transferring { until: now + TRANSFER_MAX };
        }
    }

    pub(super) fn transferred(&mut self) {
        if let State::Bridged | State::Transferring { .. } = self.state {
            self.state = State::Transferred;
        }
    }

    pub(super) fn transfer_failed(&mut self, ctx: &mut Context<'_>) {
        if let State::Transferring { .. } = self.state {
            let mut said = vec![Prompt::Sound("transfer-failed")];
            said.extend(Goodbye::Plain.prompts());
            self.goodbye(ctx, said, AttemptClass::HungUp);
        }
    }

    pub(super) fn wait_again(&mut self, ctx: &mut Context<'_>, queue: &QueueId) {
        if self.is_in_conversation() {
            self.order.queue = queue.clone();
            self.state = State::Hearing(ctx.play(self.leg, vec![Prompt::Sound("transferring")]));
        }
    }

    pub(super) fn hang_up(&mut self, ctx: &mut Context<'_>, cause: u8, class: AttemptClass) {
        if !matches!(self.state, State::Ending { yields: false, .. }) {
            ctx.push(Effect::HangUp { leg: self.leg, cause });
            self.state = State::Ending { until: ctx.now + ENDING_MAX, class, yields: false };
        }
    }

    fn answered(&mut self, ctx: &mut Context<'_>) {
        ctx.push(Effect::AttemptAnswered { attempt: self.order.attempt });
        let greeting = Prompt::Named(self.voice.greeting.clone());
        if self.order.confirm {
            if self.voice.machine.is_some() {
                ctx.push(Effect::ListenForMachine { leg: self.leg });
            }
            self.ask_confirm(ctx, greeting, ctx.now + CONFIRM_MAX);
        } else {
            self.state = State::Hearing(ctx.play(self.leg, vec![greeting]));
        }
    }

    fn ask_confirm(&mut self, ctx: &mut Context<'_>, first: Prompt, until: Timestamp) {
        let mut prompts = vec![first, Prompt::Sound("press-1-to-connect")];
        prompts.extend(self.voice.postpone.map(|_| Prompt::Sound("press-2-later")));
        prompts.extend(self.voice.refuse.then_some(Prompt::Sound("press-9-never")));
        let question = Question::ask(ctx, self.leg, prompts, CONFIRM_AGAIN);
        self.state = State::Confirming { question, until };
    }

    fn confirmed(&mut self, ctx: &mut Context<'_>, answer: Answer) {
        let State::Confirming { until, .. } = self.state else { return };
        match answer {
            Answer::Key(key) if self.choose(ctx, key) => {}
            Answer::Key(_) => self.ask_confirm(ctx, Prompt::Sound("invalid-choice"), until),
            Answer::Silence => {
                let greeting = Prompt::Named(self.voice.greeting.clone());
                self.ask_confirm(ctx, greeting, until);
            }
        }
    }

    /// `false`: this key was not offered.
    fn choose(&mut self, ctx: &mut Context<'_>, key: char) -> bool {
        let attempt = self.order.attempt;
        match (key, self.voice.postpone, self.voice.refuse) {
            ('1', _, _) => {
                ctx.push(Effect::ConsumerConfirmed { attempt });
                let prompts = vec![Prompt::Sound("connecting")];
                self.state = State::Hearing(ctx.play(self.leg, prompts));
            }
            ('2', Some(delay), _) => {
                ctx.push(Effect::ConsumerPostponed { attempt, delay });
                self.chosen(ctx);
            }
            ('9', _, true) => {
                ctx.push(Effect::ConsumerRefused { attempt });
                self.chosen(ctx);
            }
            _ => return false,
        }
        true
    }

    /// Nobody pressed 1: what that means. Never more than the hint says: a person who speaks long
    /// is asked for as long as any.
    fn unconfirmed(&self) -> AttemptClass {
        if self.machine { AttemptClass::Machine } else { AttemptClass::NoConfirm }
    }

    /// A machine records: nobody is going to press 1.
    fn beeped(&mut self, ctx: &mut Context<'_>) {
        let machine = self.voice.machine.as_ref();
        match machine.and_then(|machine| machine.message.clone()) {
            None => self.hang_up(ctx, cause::NORMAL, AttemptClass::Machine),
            Some(message) => {
                let playing = ctx.play(self.leg, vec![Prompt::Named(message)]);
                self.state = State::Message(Playing { until: ctx.now + MESSAGE_MAX, ..playing });
            }
        }
    }

    fn chosen(&mut self, ctx: &mut Context<'_>) {
        ctx.push(Effect::Music { leg: self.leg });
        self.state = State::Chosen { until: ctx.now + PARTED_MAX };
    }

    fn hold(&mut self, ctx: &mut Context<'_>) {
        ctx.push(Effect::Music { leg: self.leg });
        self.state = State::OnHold { until: ctx.now + HOLD_MAX };
    }

    fn ask(&mut self, ctx: &mut Context<'_>, tries: u8, first: &'static str) {
        let prompts = vec![Prompt::Sound(first), Prompt::Sound("keep-waiting-or-callback")];
        let question = Question::ask(ctx, self.leg, prompts, KEEP_WAITING_ANSWER_MAX);
        self.state = State::Asking { question, tries_left: tries - 1 };
    }

    fn decided(&mut self, ctx: &mut Context<'_>, answer: Answer) {
        let State::Asking { tries_left, .. } = self.state else { return };
        let keep = match (answer, tries_left) {
            (Answer::Key('1'), _) => true,
            (Answer::Key('2') | Answer::Silence, _) | (Answer::Key(_), 0) => false,
            (Answer::Key(_), left) => return self.ask(ctx, left, "invalid-choice"),
        };
        let interaction = self.order.attempt.interaction;
        ctx.push(Effect::WaitAnswered { interaction, keep });
        self.hold(ctx);
    }
}
