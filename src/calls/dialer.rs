//! One attempt to reach a consumer: INVITE, ringing, "press 1", hold, goodbye; and the class of its
//! end.
//!
//! An attempt is over only when its leg is: whatever we ask for, `AttemptEnded` is reported once,
//! when the leg has ended (or 40 s after we hung up, when it never says so). A late answer of a
//! dial that we cancelled is no answer. It must not decide whether or when to dial again.

use crate::ident::{AttemptId, Language, LegId, QueueId, Route};
use crate::phone::Address;
use crate::time::{Duration, Timestamp};

use super::digits::{Answer, Question};
use super::effect::{Callee, Effect, Prompt};
use super::end::{AttemptClass, CallEnd};
use super::event::Goodbye;
use super::flow::QueueVoice;
use super::{Context, ENDING_MAX, Fact, PARTED_MAX, Playing, Timer, cause};

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
    Goodbye {
        playing: Playing,
        class: AttemptClass,
    },
    /// We hung up; reported as `class` unless the other side's word comes first.
    Ending {
        until: Timestamp,
        class: AttemptClass,
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
        });
        Self { leg, order, voice, rang: false, state }
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
            (Fact::Answered, State::Ringing { .. }) => self.answered(ctx),
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
            (
                Fact::PlayEnded(play),
                State::Confirming { question, .. } | State::Asking { question, .. },
            ) => question.play_ended(ctx.now, play),
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
                | Fact::PlayEnded(_),
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
        ctx.report_attempt_ended(self.order.attempt, self.class_of(end));
    }

    fn class_of(&self, end: CallEnd) -> AttemptClass {
        match &self.state {
            State::Ringing { .. } => end.attempt_class(&self.order.route),
            // Also when the leg was lost: a number whose calls all get lost is not dialled forever.
            State::Confirming { .. } => AttemptClass::NoConfirm,
            State::Chosen { .. }
            | State::Hearing(_)
            | State::OnHold { .. }
            | State::Asking { .. }
            | State::Bridged
            | State::Parted { .. } => AttemptClass::HungUp,
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
                self.hang_up(ctx, cause::TIMER, AttemptClass::NoConfirm);
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
            State::Hearing(_) => self.hold(ctx),
            State::Chosen { .. } | State::OnHold { .. } | State::Parted { .. } => {
                self.hang_up(ctx, cause::TIMER, AttemptClass::HungUp);
            }
            State::Bridged => {}
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
            State::Hearing(playing) | State::Goodbye { playing, .. } => playing.deadline(),
            State::OnHold { until } => Some((*until, "hold")),
            State::Asking { question, .. } => question.deadline(),
            State::Bridged => None,
            State::Parted { until } => Some((*until, "release")),
            State::Ending { until, .. } => Some((*until, "end of the leg")),
        }
    }

    /// Says goodbye if somebody is there, then hangs up. An end that is under way goes on.
    pub(super) fn end(&mut self, ctx: &mut Context<'_>, goodbye: Goodbye, class: AttemptClass) {
        let prompts = match &self.state {
            State::Ringing { .. } => Vec::new(),
            State::Confirming { .. }
            | State::Chosen { .. }
            | State::Hearing(_)
            | State::OnHold { .. }
            | State::Asking { .. }
            | State::Bridged
            | State::Parted { .. } => goodbye.prompts(),
            State::Goodbye { .. } | State::Ending { .. } => return,
        };
        if prompts.is_empty() {
            self.hang_up(ctx, cause::NORMAL, class);
        } else {
            let playing = ctx.play(self.leg, prompts);
            let playing = Playing { until: ctx.now + GOODBYE_MAX, ..playing };
            self.state = State::Goodbye { playing, class };
        }
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

    pub(super) fn hang_up(&mut self, ctx: &mut Context<'_>, cause: u8, class: AttemptClass) {
        if !matches!(self.state, State::Ending { .. }) {
            ctx.push(Effect::HangUp { leg: self.leg, cause });
            self.state = State::Ending { until: ctx.now + ENDING_MAX, class };
        }
    }

    fn answered(&mut self, ctx: &mut Context<'_>) {
        ctx.push(Effect::AttemptAnswered { attempt: self.order.attempt });
        let greeting = Prompt::Named(self.voice.greeting.clone());
        if self.order.confirm {
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
        let attempt = self.order.attempt;
        match (answer, self.voice.postpone, self.voice.refuse) {
            (Answer::Key('1'), _, _) => {
                ctx.push(Effect::ConsumerConfirmed { attempt });
                self.state = State::Hearing(ctx.play(self.leg, vec![Prompt::Sound("connecting")]));
            }
            (Answer::Key('2'), Some(delay), _) => {
                ctx.push(Effect::ConsumerPostponed { attempt, delay });
                self.chosen(ctx);
            }
            (Answer::Key('9'), _, true) => {
                ctx.push(Effect::ConsumerRefused { attempt });
                self.chosen(ctx);
            }
            (Answer::Key(_), _, _) => {
                self.ask_confirm(ctx, Prompt::Sound("invalid-choice"), until);
            }
            (Answer::Silence, _, _) => {
                let greeting = Prompt::Named(self.voice.greeting.clone());
                self.ask_confirm(ctx, greeting, until);
            }
        }
    }

    fn chosen(&mut self, ctx: &mut Context<'_>) {
        ctx.push(Effect::Silence { leg: self.leg });
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

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::stage::{Stage, expect_on_hold, expect_play, settings};

    #[test]
    fn a_dialled_consumer_is_asked_for_1_and_put_on_hold() {
        expect_play(
            "0 dial i1/1 billing 1001
         1 ringing dial/1
         2 answered dial/1
         6 played dial/1
         15 digit dial/1 5
         16 digit dial/1 1
         18 played dial/1
         20 ended dial/1 peer",
            expect![[r#"
            0 dial i1/1 billing 1001
                invite dial/1 1001
            1 ringing dial/1
            2 answered dial/1
                ! answered 1
                play dial/1 'greeting' press-1-to-connect press-2-later press-9-never
            6 played dial/1
            14 (first digit)
                play dial/1 'greeting' press-1-to-connect press-2-later press-9-never
            15 digit dial/1 5
                play dial/1 invalid-choice press-1-to-connect press-2-later press-9-never
            16 digit dial/1 1
                ! pressed 1 1
                play dial/1 connecting
            18 played dial/1
                music dial/1
            20 ended dial/1 peer
                ! attempt ended 1 HungUp
        "#]],
        );
    }

    #[test]
    fn without_confirmation_the_consumer_is_greeted_and_put_on_hold() {
        expect_play(
            "0 dial i1/1 plain 1001 unconfirmed
         2 answered dial/1
         4 played dial/1
         5 ended dial/1 lost",
            expect![[r#"
                0 dial i1/1 plain 1001 unconfirmed
                    invite dial/1 1001
                2 answered dial/1
                    ! answered 1
                    play dial/1 'greeting'
                4 played dial/1
                    music dial/1
                5 ended dial/1 lost
                    ! attempt ended 1 HungUp
            "#]],
        );
    }

    #[test]
    fn later_and_never_are_reported_and_the_queue_says_goodbye() {
        expect_play(
            "0 dial i1/1 billing 1001
         2 answered dial/1
         3 digit dial/1 2
         3 end-attempt i1/1 call-back hung-up
         5 played dial/1
         5.1 ended dial/1 us
         10 dial i1/2 billing 1001
         12 answered dial/2
         13 digit dial/2 9
         13 end-attempt i1/2 plain hung-up
         40 ended dial/2 us",
            expect![[r#"
            0 dial i1/1 billing 1001
                invite dial/1 1001
            2 answered dial/1
                ! answered 1
                play dial/1 'greeting' press-1-to-connect press-2-later press-9-never
            3 digit dial/1 2
                ! later 1 by 900s
                silence dial/1
            3 end-attempt i1/1 call-back hung-up
                play dial/1 registered
            5 played dial/1
                hang-up dial/1 16
            5.1 ended dial/1 us
                ! attempt ended 1 HungUp
            10 dial i1/2 billing 1001
                invite dial/2 1001
            12 answered dial/2
                ! answered 2
                play dial/2 'greeting' press-1-to-connect press-2-later press-9-never
            13 digit dial/2 9
                ! never 2
                silence dial/2
            13 end-attempt i1/2 plain hung-up
                play dial/2 goodbye
            23 (prompt)
                hang-up dial/2 16
            40 ended dial/2 us
                ! attempt ended 2 HungUp
        "#]],
        );
    }

    #[test]
    fn keys_that_are_not_configured_are_not_choices() {
        expect_play(
            "0 dial i1/1 plain 1001
         2 answered dial/1
         3 digit dial/1 2
         4 digit dial/1 9
         5 ended dial/1 peer",
            expect![[r#"
            0 dial i1/1 plain 1001
                invite dial/1 1001
            2 answered dial/1
                ! answered 1
                play dial/1 'greeting' press-1-to-connect
            3 digit dial/1 2
                play dial/1 invalid-choice press-1-to-connect
            4 digit dial/1 9
                play dial/1 invalid-choice press-1-to-connect
            5 ended dial/1 peer
                ! attempt ended 1 NoConfirm
        "#]],
        );
    }

    #[test]
    fn an_attempt_that_rings_out_ends_when_its_leg_does() {
        expect_play(
            "0 dial i1/1 billing 1001
         1 ringing dial/1
         31 answered dial/1
         32 ended dial/1 us",
            expect![[r#"
            0 dial i1/1 billing 1001
                invite dial/1 1001
            1 ringing dial/1
            30 (ring timeout)
                hang-up dial/1 19
            31 answered dial/1
            32 ended dial/1 us
                ! attempt ended 1 NoAnswer
        "#]],
        );
        expect_play(
            "0 dial i1/1 billing 1001\n100 tick",
            expect![[r#"
                0 dial i1/1 billing 1001
                    invite dial/1 1001
                30 (ring timeout)
                    hang-up dial/1 19
                70 (end of the leg)
                    ! attempt ended 1 Carrier
                100 tick
            "#]],
        );
    }

    #[test]
    fn the_other_sides_word_comes_before_ours() {
        for (script, expected) in [
            (
                "1 ended dial/1 486",
                expect![[r#"
            1 ended dial/1 486
                ! attempt ended 1 Busy
        "#]],
            ),
            (
                "1 ended dial/1 silence",
                expect![[r#"
            1 ended dial/1 silence
                ! attempt ended 1 Carrier
        "#]],
            ),
            (
                "1 end-attempt i1/1 plain no-answer\n2 ended dial/1 486",
                expect![[r#"
            1 end-attempt i1/1 plain no-answer
                hang-up dial/1 16
            2 ended dial/1 486
                ! attempt ended 1 Busy
        "#]],
            ),
            (
                "1 end-attempt i1/1 plain no-answer\n2 ended dial/1 487",
                expect![[r#"
            1 end-attempt i1/1 plain no-answer
                hang-up dial/1 16
            2 ended dial/1 487
                ! attempt ended 1 NoAnswer
        "#]],
            ),
            (
                "1 end-attempt i1/1 plain no-answer\n1 end-attempt i1/1 plain hung-up\n60 tick",
                expect![[r#"
                    1 end-attempt i1/1 plain no-answer
                        hang-up dial/1 16
                    1 end-attempt i1/1 plain hung-up
                    41 (end of the leg)
                        ! attempt ended 1 Carrier
                    60 tick
                "#]],
            ),
        ] {
            let log = Stage::play(settings(), &format!("0 dial i1/1 billing 1001\n{script}"));
            expected.assert_eq(log.split_once("1001\n    invite dial/1 1001\n").unwrap().1);
        }
    }

    #[test]
    fn an_attempt_ends_once_whatever_is_ordered() {
        expect_play(
            "0 end-attempt i1/1 silent no-answer
         0 end-attempt i1/1 silent no-answer
         0 dial i1/1 billing 1001
         1 dial i1/2 billing 1001
         1 dial i1/2 billing 1001
         1 dial i1/3 billing 1001
         2 ended dial/2 486
         2 end-attempt i1/2 silent no-answer
         2 ended dial/2 486",
            expect![[r#"
            0 end-attempt i1/1 silent no-answer
                ! attempt ended 1 Carrier
            0 end-attempt i1/1 silent no-answer
            0 dial i1/1 billing 1001
            1 dial i1/2 billing 1001
                invite dial/2 1001
            1 dial i1/2 billing 1001
            1 dial i1/3 billing 1001
                ! attempt ended 3 Carrier
            2 ended dial/2 486
                ! attempt ended 2 Busy
            2 end-attempt i1/2 silent no-answer
            2 ended dial/2 486
        "#]],
        );
    }

    #[test]
    fn a_consumer_on_hold_is_asked_and_answers_or_does_not() {
        for (script, expected) in [
            (
                "9 ask-keep-waiting i1\n10 digit dial/1 7\n11 digit dial/1 1",
                expect![[r#"
            9 ask-keep-waiting i1
                play dial/1 sorry-wait keep-waiting-or-callback
            10 digit dial/1 7
                play dial/1 invalid-choice keep-waiting-or-callback
            11 digit dial/1 1
                ! keep waiting i1 true
                music dial/1
        "#]],
            ),
            (
                "9 ask-keep-waiting i1\n10 digit dial/1 2\n10 end-attempt i1/1 call-back hung-up",
                expect![[r#"
                9 ask-keep-waiting i1
                    play dial/1 sorry-wait keep-waiting-or-callback
                10 digit dial/1 2
                    ! keep waiting i1 false
                    music dial/1
                10 end-attempt i1/1 call-back hung-up
                    play dial/1 registered
            "#]],
            ),
            (
                "9 ask-keep-waiting i1\n12 played dial/1\n28 tick",
                expect![[r#"
                9 ask-keep-waiting i1
                    play dial/1 sorry-wait keep-waiting-or-callback
                12 played dial/1
                27 (first digit)
                    ! keep waiting i1 false
                    music dial/1
                28 tick
            "#]],
            ),
            (
                "9 ask-keep-waiting i1\n10 alert ann i1 1\n11 answered ann/1\n11 connect ann i1
             12 digit dial/1 2\n30 tick",
                expect![[r#"
                9 ask-keep-waiting i1
                    play dial/1 sorry-wait keep-waiting-or-callback
                10 alert ann i1 1
                    invite ann/1 1001 like dial/1
                11 answered ann/1
                    ! agent answered ann i1
                11 connect ann i1
                    bridge dial/1 ann/1
                12 digit dial/1 2
                30 tick
            "#]],
            ),
        ] {
            expect_on_hold(script, expected);
        }
    }

    #[test]
    fn a_dialled_conversation_ends_from_either_side() {
        let talking = "9 alert ann i1 1\n10 answered ann/1\n10 connect ann i1\n";
        expect_on_hold(
            &format!("{talking} 60 ended dial/1 peer\n60 disconnect ann i1"),
            expect![[r#"
            9 alert ann i1 1
                invite ann/1 1001 like dial/1
            10 answered ann/1
                ! agent answered ann i1
            10 connect ann i1
                bridge dial/1 ann/1
            60 ended dial/1 peer
                ! attempt ended 1 HungUp
            60 disconnect ann i1
                hang-up ann/1 16
        "#]],
        );
        expect_on_hold(
            &format!("{talking} 60 ended ann/1 peer\n60 release i1 silent\n60.1 ended dial/1 us"),
            expect![[r#"
            9 alert ann i1 1
                invite ann/1 1001 like dial/1
            10 answered ann/1
                ! agent answered ann i1
            10 connect ann i1
                bridge dial/1 ann/1
            60 ended ann/1 peer
                ! bridge ended i1 lost=false
            60 release i1 silent
                hang-up dial/1 16
            60.1 ended dial/1 us
                ! attempt ended 1 HungUp
        "#]],
        );
    }

    #[test]
    fn a_lost_leg_ends_a_dialled_conversation() {
        let talking = "9 alert ann i1 1\n10 answered ann/1\n10 connect ann i1\n";
        expect_on_hold(
            &format!("{talking} 60 ended ann/1 lost\n75 tick\n120 tick"),
            expect![[r#"
                9 alert ann i1 1
                    invite ann/1 1001 like dial/1
                10 answered ann/1
                    ! agent answered ann i1
                10 connect ann i1
                    bridge dial/1 ann/1
                60 ended ann/1 lost
                    ! bridge ended i1 lost=true
                70 (release)
                    hang-up dial/1 102
                75 tick
                110 (end of the leg)
                    ! attempt ended 1 Carrier
                120 tick
            "#]],
        );
        expect_on_hold(
            &format!("{talking} 60 ended dial/1 lost\n75 tick"),
            expect![[r#"
        9 alert ann i1 1
            invite ann/1 1001 like dial/1
        10 answered ann/1
            ! agent answered ann i1
        10 connect ann i1
            bridge dial/1 ann/1
        60 ended dial/1 lost
            ! bridge ended i1 lost=true
            ! attempt ended 1 HungUp
        70 (disconnect)
            hang-up ann/1 16
        75 tick
    "#]],
        );
    }
}
