//! A caller for whom a callback is pending: keep it, speak to someone now in its place, or cancel
//! it.
//!
//! ```text
//! Asking ── none, no word of the queue ▶ (nothing)
//!   └─ one ▶ Choosing ── 1 ▶ Keeping ▶ (kept), or it is over (too late)
//!                ├─ 2 ▶ TakingOver ▶ (the host is told: yes or no), or it is over (too late)
//!                └─ 3 ▶ Cancelling ▶ (cancelled, once that is committed), or no word (too late)
//! ```
//!
//! No key is 1, and 2 for a caller whose phone we are dialling. It must not know where the caller
//! stands: its host does.

use crate::ident::{InteractionId, LegId, PlayId, QueueId};
use crate::phone::Ani;
use crate::time::{Duration, Timestamp};

use super::digits::{Answer, Question};
use super::effect::{Effect, PendingChoice, Prompt};
use super::event::PendingCallback;
use super::{Context, ENDING_MAX, Timer, earliest};

/// How long the queue may take to say whether a callback is pending.
const ASKING_MAX: Duration = Duration::from_secs(2);
/// The menu, in which the queue does not dial.
const CHOOSING_MAX: Duration = Duration::from_secs(60);
/// Silence after the choices that counts as the default.
const ANSWER_MAX: Duration = Duration::from_secs(7);
/// How often the choices are put when other keys are pressed.
const TRIES: u8 = 3;
/// How long the queue may take to say that a callback stands.
const KEEPING_MAX: Duration = Duration::from_secs(2);
/// How long the queue may take to give the place up, where it may have to end a dial first, or to
/// cancel, where the disk must have it.
const SETTLING_MAX: Duration = ENDING_MAX.saturating_add(Duration::from_secs(5));

/// A caller being asked about a pending callback.
#[derive(Debug)]
pub(super) struct Pending {
    leg: LegId,
    interaction: InteractionId,
    /// What is said if none is pending.
    otherwise: Vec<Prompt>,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Asking { until: Timestamp },
    Choosing { pending: PendingCallback, question: Question, tries_left: u8, until: Timestamp },
    Keeping { until: Timestamp },
    TakingOver { until: Timestamp },
    Cancelling { until: Timestamp },
    Over,
}

/// What came of a step.
#[derive(Debug)]
pub(super) enum Settled {
    /// It goes on.
    Open,
    /// No callback is pending; what is to be said then.
    Nothing(Vec<Prompt>),
    /// It stands as it is.
    Kept,
    /// It is cancelled, and will not be forgotten.
    Cancelled,
    /// It is over, its queue is closed, or the queue says nothing.
    TooLate,
}

impl Pending {
    /// Asks the queue; the caller hears music until it answers.
    pub(super) fn ask(
        ctx: &mut Context<'_>,
        (leg, interaction): (LegId, InteractionId),
        (queue, appointment): (QueueId, bool),
        ani: Ani,
        otherwise: Vec<Prompt>,
    ) -> Self {
        ctx.push(Effect::Music { leg });
        ctx.push(Effect::AskPending { interaction, queue, appointment, ani });
        let step = Step::Asking { until: ctx.now + ASKING_MAX };
        Self { leg, interaction, otherwise, step }
    }

    /// May the queue give the place up now?
    pub(super) fn is_taking_over(&self) -> bool {
        matches!(self.step, Step::TakingOver { .. })
    }

    /// Has the queue the word?
    pub(super) fn is_settling(&self) -> bool {
        match self.step {
            Step::Keeping { .. } | Step::TakingOver { .. } | Step::Cancelling { .. } => true,
            Step::Asking { .. } | Step::Choosing { .. } | Step::Over => false,
        }
    }

    /// The callback stands.
    pub(super) fn kept(&mut self) -> Settled {
        if !matches!(self.step, Step::Keeping { .. }) {
            return Settled::Open;
        }
        self.step = Step::Over;
        Settled::Kept
    }

    /// The callback is over, or nobody could serve them at its place.
    pub(super) fn over(&mut self) -> Settled {
        if !self.is_settling() {
            return Settled::Open;
        }
        self.step = Step::Over;
        Settled::TooLate
    }

    /// The queue cancelled it.
    pub(super) fn cancelled(&mut self) -> Settled {
        if !matches!(self.step, Step::Cancelling { .. }) {
            return Settled::Open;
        }
        self.step = Step::Over;
        Settled::Cancelled
    }

    /// The queue's answer.
    pub(super) fn found(
        &mut self,
        ctx: &mut Context<'_>,
        pending: Option<PendingCallback>,
    ) -> Settled {
        if !matches!(self.step, Step::Asking { .. }) {
            return Settled::Open;
        }
        match pending {
            Some(pending) => self.put(ctx, pending, TRIES, ctx.now + CHOOSING_MAX, false),
            None => self.nothing(),
        }
    }

    pub(super) fn digit(&mut self, ctx: &mut Context<'_>, digit: char) -> Settled {
        let Step::Choosing { question, .. } = &mut self.step else { return Settled::Open };
        match question.press(ctx, digit) {
            Some(answer) => self.answered(ctx, answer),
            None => Settled::Open,
        }
    }

    pub(super) fn play_ended(&mut self, ctx: &mut Context<'_>, play: PlayId) {
        if let Step::Choosing { question, .. } = &mut self.step {
            question.play_ended(ctx.now, play);
        }
    }

    pub(super) fn expire(&mut self, ctx: &mut Context<'_>) -> Settled {
        let now = ctx.now;
        match &mut self.step {
            Step::Asking { until } if *until <= now => self.nothing(),
            Step::Choosing { until, .. } if *until <= now => self.answered(ctx, Answer::Silence),
            Step::Choosing { question, .. } => match question.expire(now) {
                Some(answer) => self.answered(ctx, answer),
                None => Settled::Open,
            },
            Step::Keeping { until } | Step::TakingOver { until } | Step::Cancelling { until }
                if *until <= now =>
            {
                self.step = Step::Over;
                Settled::TooLate
            }
            Step::Asking { .. }
            | Step::Keeping { .. }
            | Step::TakingOver { .. }
            | Step::Cancelling { .. }
            | Step::Over => Settled::Open,
        }
    }

    pub(super) fn deadline(&self) -> Timer {
        match &self.step {
            Step::Asking { until } => Some((*until, "pending callback")),
            Step::Choosing { question, until, .. } => {
                earliest([question.deadline(), Some((*until, "choice about a callback"))])
            }
            Step::Keeping { until } => Some((*until, "keeping")),
            Step::TakingOver { until } => Some((*until, "taking over")),
            Step::Cancelling { until } => Some((*until, "cancelling")),
            Step::Over => None,
        }
    }

    /// Whatever is going on is cut: the callback stays as it is.
    pub(super) fn cut(&mut self, ctx: &mut Context<'_>) {
        if let Step::Choosing { pending, .. } = &self.step {
            let callback = pending.callback;
            self.choose(ctx, callback, PendingChoice::Keep);
        }
        self.step = Step::Over;
    }

    fn nothing(&mut self) -> Settled {
        self.step = Step::Over;
        Settled::Nothing(std::mem::take(&mut self.otherwise))
    }

    fn put(
        &mut self,
        ctx: &mut Context<'_>,
        pending: PendingCallback,
        tries: u8,
        until: Timestamp,
        again: bool,
    ) -> Settled {
        let mut prompts = match pending.scheduled {
            _ if again => vec![Prompt::Sound("invalid-choice")],
            Some(at) => vec![Prompt::Sound("pending-callback-for"), Prompt::Appointment(at)],
            None => vec![Prompt::Sound("pending-callback")],
        };
        prompts.push(Prompt::Sound("pending-choices"));
        let question = Question::ask(ctx, self.leg, prompts, ANSWER_MAX);
        self.step = Step::Choosing { pending, question, tries_left: tries - 1, until };
        Settled::Open
    }

    fn answered(&mut self, ctx: &mut Context<'_>, answer: Answer) -> Settled {
        let Step::Choosing { pending, tries_left, until, .. } = &self.step else {
            return Settled::Open;
        };
        let (pending, tries_left, until) = (*pending, *tries_left, *until);
        let choice = match (answer, tries_left) {
            (Answer::Key('1'), _) => PendingChoice::Keep,
            (Answer::Key('2'), _) => PendingChoice::Now,
            (Answer::Key('3'), _) => PendingChoice::Cancel,
            (Answer::Silence, _) | (Answer::Key(_), 0) if pending.dialled => PendingChoice::Now,
            (Answer::Silence, _) | (Answer::Key(_), 0) => PendingChoice::Keep,
            (Answer::Key(_), left) => return self.put(ctx, pending, left, until, true),
        };
        self.choose(ctx, pending.callback, choice);
        let until = ctx.now + SETTLING_MAX;
        self.step = match choice {
            PendingChoice::Keep => Step::Keeping { until: ctx.now + KEEPING_MAX },
            PendingChoice::Cancel => Step::Cancelling { until },
            PendingChoice::Now => Step::TakingOver { until },
        };
        ctx.push(Effect::Music { leg: self.leg });
        Settled::Open
    }

    fn choose(&self, ctx: &mut Context<'_>, callback: InteractionId, choice: PendingChoice) {
        ctx.push(Effect::PendingChosen { interaction: self.interaction, callback, choice });
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::calls::stage::{Stage, in_booking, settings};

    /// A caller with a pending callback, on the way into `billing`; the log begins at the menu.
    fn with_pending(script: &str) -> String {
        let log = Stage::play(
            settings(),
            &format!(
                "0 tells-pending\n0 incoming caller 1001 700\n0 answered caller\n1 played caller
                 1 digit caller 1\n{script}"
            ),
        );
        log[log.find("1 digit caller 1\n").unwrap()..].to_owned()
    }

    fn expect_pending(script: &str, expected: Expect) {
        expected.assert_eq(&with_pending(script));
    }

    #[test]
    fn a_caller_who_wants_to_speak_now_goes_on_in_the_place_of_the_callback() {
        expect_pending(
            "1 pending i1 i2 tomorrow@09:30
             3 digit caller 2
             3 taken-over i1 i2
             3 alert ann i2 1
             5 played caller
             6 answered ann/1
             6 connect ann i2
             60 ended ann/1 peer
             60 release i2 silent
             62 played caller",
            expect![[r#"
                1 digit caller 1
                    music caller
                1 pending i1 i2 tomorrow@09:30
                    play caller pending-callback-for tomorrow@09:30 pending-choices
                3 digit caller 2
                    ! pending i1 i2 Now
                    music caller
                3 taken-over i1 i2
                    play caller pending-called-in
                3 alert ann i2 1
                    invite ann/1 1001 like caller
                5 played caller
                    music caller
                6 answered ann/1
                    ! agent answered ann i2
                6 connect ann i2
                    bridge caller ann/1
                60 ended ann/1 peer
                    ! bridge ended i2 lost=false
                60 release i2 silent
                    play caller 'thanks'
                62 played caller
                    play caller 'bye'
            "#]],
        );
        expect_pending(
            "1 pending i1 i2\n3 digit caller 2\n20 taken-over i1 i2\n30 ended caller peer",
            expect![[r#"
                1 digit caller 1
                    music caller
                1 pending i1 i2
                    play caller pending-callback pending-choices
                3 digit caller 2
                    ! pending i1 i2 Now
                    music caller
                20 taken-over i1 i2
                    play caller pending-called-in
                30 ended caller peer
                    ! caller hung up i2
            "#]],
        );
    }

    #[test]
    fn a_queue_that_says_nothing_does_not_keep_a_caller_waiting() {
        expect_pending(
            "9 pending i1 i2",
            expect![[r#"
            1 digit caller 1
                music caller
            3 (pending callback)
                ! arrived i1 billing billing 3 1001
            9 pending i1 i2
        "#]],
        );
        expect_pending(
            "1 pending i1 i2\n3 digit caller 2\n60 taken-over i1 i2\n70 ended caller peer",
            expect![[r#"
                1 digit caller 1
                    music caller
                1 pending i1 i2
                    play caller pending-callback pending-choices
                3 digit caller 2
                    ! pending i1 i2 Now
                    music caller
                48 (taking over)
                    ! arrived i1 billing billing 3 1001
                60 taken-over i1 i2
                    ! caller hung up i2
                70 ended caller peer
                    ! caller hung up i1
            "#]],
        );
    }

    #[test]
    fn a_hang_up_leaves_the_callback_as_it_is() {
        for (script, expected) in [
            (
                "1.5 ended caller peer\n1.6 pending i1 i2",
                expect![[r#"
                1 digit caller 1
                    music caller
                1.5 ended caller peer
                1.6 pending i1 i2
            "#]],
            ),
            (
                "1 pending i1 i2\n3 ended caller peer\n3 digit caller 3",
                expect![[r#"
                1 digit caller 1
                    music caller
                1 pending i1 i2
                    play caller pending-callback pending-choices
                3 ended caller peer
                    ! pending i1 i2 Keep
                3 digit caller 3
            "#]],
            ),
            (
                "1 pending i1 i2\n3 digit caller 2\n4 ended caller peer\n5 taken-over i1 i2",
                expect![[r#"
                    1 digit caller 1
                        music caller
                    1 pending i1 i2
                        play caller pending-callback pending-choices
                    3 digit caller 2
                        ! pending i1 i2 Now
                        music caller
                    4 ended caller peer
                    5 taken-over i1 i2
                        ! caller hung up i2
                "#]],
            ),
            (
                "1 pending i1 i2\n3 digit caller 2\n4 taken-over i1 i2\n4 taken-over i1 i2
                 5 ended caller peer\n6 taken-over i1 i2",
                expect![[r#"
                    1 digit caller 1
                        music caller
                    1 pending i1 i2
                        play caller pending-callback pending-choices
                    3 digit caller 2
                        ! pending i1 i2 Now
                        music caller
                    4 taken-over i1 i2
                        play caller pending-called-in
                    4 taken-over i1 i2
                    5 ended caller peer
                        ! caller hung up i2
                    6 taken-over i1 i2
                        ! caller hung up i2
                "#]],
            ),
        ] {
            expected.assert_eq(&with_pending(script));
        }
    }

    /// A caller in the queue who confirmed a second callback to the number called from.
    fn duplicate(script: &str) -> String {
        let log = in_booking(&format!(
            "3 tells-pending\n3 digit caller 1\n4 not-registered i1 duplicate today@17:00\n{script}"
        ));
        log[log.find("4 not").unwrap()..].to_owned()
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of what is said")]
    fn a_second_callback_leads_to_the_choices_about_the_first() {
        for (script, expected) in [
            (
                "4 pending i1 i2\n8 digit caller 1\n8 pending-kept i1\n10 played caller",
                expect![[r#"
                    4 not-registered i1 duplicate today@17:00
                        music caller
                    4 pending i1 i2
                        play caller pending-callback pending-choices
                    8 digit caller 1
                        ! pending i1 i2 Keep
                        music caller
                    8 pending-kept i1
                        ! left i1
                        play caller pending-kept
                    10 played caller
                        hang-up caller 16
                "#]],
            ),
            (
                "4 pending i1 i2\n5 alert ann i1 1\n8 digit caller 2\n8 taken-over i1 i2
                 8 cancel-alert ann i1\n9 played caller\n10 ended caller peer",
                expect![[r#"
                    4 not-registered i1 duplicate today@17:00
                        music caller
                    4 pending i1 i2
                        play caller pending-callback pending-choices
                    5 alert ann i1 1
                        invite ann/1 1001 like caller
                    8 digit caller 2
                        ! pending i1 i2 Now
                        music caller
                    8 taken-over i1 i2
                        ! left i1
                        play caller pending-called-in
                    8 cancel-alert ann i1
                        hang-up ann/1 16
                    9 played caller
                        music caller
                    10 ended caller peer
                        ! caller hung up i2
                "#]],
            ),
            (
                "4 pending i1 i2\n8 digit caller 3\n8 pending-cancelled i1\n10 played caller
                 11 digit caller 0",
                expect![[r#"
                    4 not-registered i1 duplicate today@17:00
                        music caller
                    4 pending i1 i2
                        play caller pending-callback pending-choices
                    8 digit caller 3
                        ! pending i1 i2 Cancel
                        music caller
                    8 pending-cancelled i1
                        play caller pending-cancelled
                    10 played caller
                        music caller
                    11 digit caller 0
                        ! left i1
                        play caller 'bye'
                "#]],
            ),
            (
                "7 played caller\n8 digit caller 0",
                expect![[r#"
                4 not-registered i1 duplicate today@17:00
                    music caller
                6 (pending callback)
                    play caller callback-duplicate pending-callback-for today@17:00
                7 played caller
                    music caller
                8 digit caller 0
                    ! left i1
                    play caller 'bye'
            "#]],
            ),
            (
                "4 pending i1 i2\n8 digit caller 2\n8 dialled-leg-wins i1\n9 played caller",
                expect![[r#"
                    4 not-registered i1 duplicate today@17:00
                        music caller
                    4 pending i1 i2
                        play caller pending-callback pending-choices
                    8 digit caller 2
                        ! pending i1 i2 Now
                        music caller
                    8 dialled-leg-wins i1
                        ! left i1
                        play caller calling-you-now
                    9 played caller
                        hang-up caller 16
                "#]],
            ),
            (
                "4 pending i1 i2\n8 digit caller 2\n60 tick",
                expect![[r#"
                    4 not-registered i1 duplicate today@17:00
                        music caller
                    4 pending i1 i2
                        play caller pending-callback pending-choices
                    8 digit caller 2
                        ! pending i1 i2 Now
                        music caller
                    60 tick
                "#]],
            ),
            (
                "4 pending i1 i2\n5 alert ann i1 1\n6 answered ann/1\n6 connect ann i1
                 7 digit caller 3",
                expect![[r#"
                    4 not-registered i1 duplicate today@17:00
                        music caller
                    4 pending i1 i2
                        play caller pending-callback pending-choices
                    5 alert ann i1 1
                        invite ann/1 1001 like caller
                    6 answered ann/1
                        ! agent answered ann i1
                    6 connect ann i1
                        bridge caller ann/1
                        ! pending i1 i2 Keep
                    7 digit caller 3
                "#]],
            ),
            (
                "4 pending i1 i2\n5 ended caller peer",
                expect![[r#"
                4 not-registered i1 duplicate today@17:00
                    music caller
                4 pending i1 i2
                    play caller pending-callback pending-choices
                5 ended caller peer
                    ! pending i1 i2 Keep
                    ! caller hung up i1
            "#]],
            ),
        ] {
            expected.assert_eq(&duplicate(script));
        }
    }

    #[test]
    fn a_second_callback_without_a_queue_leads_to_the_choices_too() {
        let booked =
            "0 tells-pending\n0 incoming caller 1001 700\n0 answered caller\n1 played caller
            2 digit caller 3\n2 digit caller 1\n3 digit caller 2\n3 digit caller 0
            3 digit caller #\n4 slot i1 tomorrow@09:30\n5 digit caller 1
            5 not-registered i1 duplicate tomorrow@10:00\n";
        for (script, expected) in [
            (
                "5 pending i2 i3\n8 digit caller 2\n8 taken-over i2 i3\n9 ended caller peer",
                expect![[r#"
                    5 not-registered i1 duplicate tomorrow@10:00
                        music caller
                        ! ask pending i2 appointment
                    5 pending i2 i3
                        play caller pending-callback pending-choices
                    8 digit caller 2
                        ! pending i2 i3 Now
                        music caller
                    8 taken-over i2 i3
                        play caller pending-called-in
                    9 ended caller peer
                        ! caller hung up i3
                "#]],
            ),
            (
                "5 pending i2 i3\n8 digit caller 1\n8 pending-kept i2",
                expect![[r#"
                    5 not-registered i1 duplicate tomorrow@10:00
                        music caller
                        ! ask pending i2 appointment
                    5 pending i2 i3
                        play caller pending-callback pending-choices
                    8 digit caller 1
                        ! pending i2 i3 Keep
                        music caller
                    8 pending-kept i2
                        play caller pending-kept
                "#]],
            ),
            (
                "5 pending i2 none\n8 played caller",
                expect![[r#"
                    5 not-registered i1 duplicate tomorrow@10:00
                        music caller
                        ! ask pending i2 appointment
                    5 pending i2 none
                        play caller callback-duplicate pending-callback-for tomorrow@10:00
                    8 played caller
                        play caller 'thanks'
                "#]],
            ),
        ] {
            let log = Stage::play(settings(), &format!("{booked}{script}"));
            expected.assert_eq(&log[log.find("5 not").unwrap()..]);
        }
    }
}
