//! A caller books a callback by keypad: the number, confirmed; then the word of the queue.
//!
//! ```text
//! Own ── 1 ──────────────────────────────────┐
//!  └─ 2 ▶ Number ▶ Checking ▶ Keyed ── 1 ────┴▶ Registering ▶ (registered, refused)
//!            ▲                  └─ 2 ┐
//!            └───────────────────────┘
//! ```
//!
//! The number called from is offered only if the queue may call it; otherwise one must be keyed.
//! What a keyed number means is the node's to say. It must not know where the caller stands, in a
//! queue or not: its host does, and is told what came of it.

use crate::ident::{InteractionId, LegId, PlayId, QueueId};
use crate::phone::{Address, KeyedNumber};
use crate::time::{Duration, Timestamp};

use super::digits::{Entry, Limits};
use super::effect::{Effect, Prompt};
use super::event::{NumberRefused, Refusal};
use super::{Context, Playing, Timer, earliest};

/// The whole dialogue, up to the confirming digit.
const BOOKING_MAX: Duration = Duration::from_secs(600);
/// How often a question is put.
const TRIES: u8 = 3;
/// How long the node may take to say what a keyed number is.
const CHECKING_MAX: Duration = Duration::from_secs(5);
/// How long the commit of a callback may take before the caller hears something else.
const REGISTERING_MAX: Duration = Duration::from_secs(10);
/// How long after the confirmation the answer of the queue is waited for at all.
const REGISTRATION_FORGOTTEN: Duration = Duration::from_secs(70);

const ONE_KEY: Limits = Limits::one_key(Duration::from_secs(7));
/// A number; a caller who does not know of the terminator is waited for a little longer.
const NUMBER: Limits = Limits {
    first: Duration::from_secs(10),
    between: Duration::from_secs(5),
    total: Duration::from_secs(60),
    count: 20,
    terminator: Some('#'),
};

/// A booking in progress.
#[derive(Debug)]
pub(super) struct Booking {
    leg: LegId,
    interaction: InteractionId,
    queue: QueueId,
    /// The number called from, if this queue may call it.
    own: Option<Address>,
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
    Registering(Registering),
}

/// What is asked.
#[derive(Clone, Debug)]
enum Ask {
    /// Is it the number called from?
    Own(Address),
    Number,
    /// Is it the number that was keyed?
    Keyed(Address),
}

/// The confirming digit was pressed; the queue's word follows.
#[derive(Debug)]
struct Registering {
    /// Is it the number called from?
    own: bool,
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
}

impl Booking {
    /// Begins with the number: `own` is the one called from, if this queue may call it.
    pub(super) fn start(
        ctx: &mut Context<'_>,
        (leg, interaction): (LegId, InteractionId),
        queue: QueueId,
        own: Option<Address>,
    ) -> Self {
        let ask = own.clone().map_or(Ask::Number, Ask::Own);
        let step = put(ctx, leg, ask, TRIES, Vec::new());
        Self { leg, interaction, queue, own, until: ctx.now + BOOKING_MAX, step }
    }

    /// Was the confirming digit pressed?
    pub(super) fn is_registering(&self) -> bool {
        matches!(self.step, Step::Registering(_))
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
            Step::Checking { .. } => {}
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
            Step::Checking { .. } => Booked::Open,
            Step::Registering(registering) => registering.expire(ctx, self.leg),
        }
    }

    pub(super) fn deadline(&self) -> Timer {
        let step = match &self.step {
            Step::Asking { entry, .. } => entry.deadline(),
            Step::Checking { until, .. } => Some((*until, "keyed number")),
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
        match address {
            Ok(address) => {
                let said = vec![Prompt::Sound("number-keyed-is")];
                self.ask(ctx, Ask::Keyed(address), TRIES, said)
            }
            Err(reason) => {
                let said = vec![Prompt::Sound(match reason {
                    NumberRefused::NotPermitted => "callback-refused",
                    NumberRefused::NotANumber => "number-not-complete",
                    NumberRefused::TooMany => "limit-reached",
                })];
                if reason == NumberRefused::TooMany || tries_left == 0 {
                    return Booked::Refused(said);
                }
                self.ask(ctx, Ask::Number, tries_left, said)
            }
        }
    }

    /// The queue refused the callback.
    pub(super) fn not_registered(&mut self, reason: Refusal) -> Booked {
        let Step::Registering(registering) = &self.step else { return Booked::Open };
        let own = registering.own;
        let mut said = vec![Prompt::Sound(match reason {
            Refusal::NotPermitted => "callback-refused",
            Refusal::Duplicate { .. } => "callback-duplicate",
            Refusal::TooMany => "limit-reached",
            Refusal::Closed => "callbacks-closed",
            Refusal::SlotTaken => "slot-gone",
            Refusal::NeverCall => "refused-never-call",
            Refusal::Unavailable => "callbacks-unavailable",
        })];
        // When somebody is called is told to nobody who merely keys the number.
        if let Refusal::Duplicate { scheduled_for: Some(time) } = reason
            && own
        {
            said.extend([Prompt::Sound("pending-callback-for"), Prompt::Appointment(time)]);
        }
        Booked::Refused(said)
    }

    /// An answer; empty: none.
    fn heard(&mut self, ctx: &mut Context<'_>, digits: &str) -> Booked {
        let Step::Asking { ask, tries_left, .. } = &self.step else { return Booked::Open };
        let (ask, tries_left) = (ask.clone(), *tries_left);
        match (&ask, digits) {
            (Ask::Own(address) | Ask::Keyed(address), "1") => self.register(ctx, address.clone()),
            (Ask::Own(_) | Ask::Keyed(_), "2") => self.ask(ctx, Ask::Number, TRIES, Vec::new()),
            (Ask::Own(_) | Ask::Keyed(_), "9") | (Ask::Own(_), "") => Booked::Declined(Vec::new()),
            (Ask::Number, "") if tries_left == 0 => {
                Booked::Declined(vec![Prompt::Sound("number-not-taken")])
            }
            (Ask::Number, digits) if !digits.is_empty() => self.check(ctx, digits, tries_left),
            (_, _) if tries_left == 0 => Booked::Declined(Vec::new()),
            (_, "") => self.ask(ctx, ask, tries_left, Vec::new()),
            (_, _) => self.ask(ctx, ask, tries_left, vec![Prompt::Sound("invalid-choice")]),
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

    fn register(&mut self, ctx: &mut Context<'_>, address: Address) -> Booked {
        let own = self.own.as_ref() == Some(&address);
        ctx.push(Effect::CallbackConfirmed { interaction: self.interaction, address });
        self.step = Step::Registering(Registering {
            own,
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
fn put(ctx: &mut Context<'_>, leg: LegId, ask: Ask, tries: u8, mut said: Vec<Prompt>) -> Step {
    let limits = match &ask {
        Ask::Own(address) => {
            said.push(Prompt::Sound("your-number-is"));
            said.push(Prompt::Characters(address.clone()));
            said.push(Prompt::Sound("confirm-or-key-number"));
            ONE_KEY
        }
        Ask::Number => {
            said.push(Prompt::Sound("key-number"));
            NUMBER
        }
        Ask::Keyed(address) => {
            said.push(Prompt::Characters(address.clone()));
            said.push(Prompt::Sound("confirm-keyed-number"));
            ONE_KEY
        }
    };
    let entry = Entry::ask(ctx, leg, said, limits);
    Step::Asking { ask, entry, tries_left: tries.saturating_sub(1) }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::stage::{Stage, expect_booking, in_booking, settings};

    #[test]
    fn another_number_is_keyed_read_back_and_registered() {
        expect_booking(
            "3 digit caller 2
         4 digit caller 1
         5 digit caller 0
         6 digit caller 0
         7 digit caller 2
         8 digit caller #
         8 number i1 1002
         9 digit caller 1
         9.1 registered i1",
            expect![[r#"
                    play caller your-number-is <1001> confirm-or-key-number
                3 digit caller 2
                    play caller key-number
                4 digit caller 1
                    silence caller
                5 digit caller 0
                6 digit caller 0
                7 digit caller 2
                8 digit caller #
                    ! keyed i1 billing 1002
                8 number i1 1002
                    play caller number-keyed-is <1002> confirm-keyed-number
                9 digit caller 1
                    ! confirmed i1 1002
                    play caller please-hold
                9.1 registered i1
                    play caller registered
            "#]],
        );
    }

    #[test]
    fn a_number_ends_by_a_pause_too_and_may_be_keyed_again() {
        expect_booking(
            "3 digit caller 2
         4 digit caller 1
         5 digit caller 0
         12 number i1 1002
         13 digit caller 2
         14 digit caller 3
         15 digit caller #
         15 number i1 1003
         20 played caller
         30 digit caller 5
         31 digit caller 9
         32 played caller",
            expect![[r#"
                    play caller your-number-is <1001> confirm-or-key-number
                3 digit caller 2
                    play caller key-number
                4 digit caller 1
                    silence caller
                5 digit caller 0
                10 (next digit)
                    ! keyed i1 billing 10
                12 number i1 1002
                    play caller number-keyed-is <1002> confirm-keyed-number
                13 digit caller 2
                    play caller key-number
                14 digit caller 3
                    silence caller
                15 digit caller #
                    ! keyed i1 billing 3
                15 number i1 1003
                    play caller number-keyed-is <1003> confirm-keyed-number
                20 played caller
                27 (first digit)
                    play caller <1003> confirm-keyed-number
                30 digit caller 5
                    play caller invalid-choice <1003> confirm-keyed-number
                31 digit caller 9
                    play caller callback-declined
                32 played caller
                    music caller
            "#]],
        );
    }

    #[test]
    fn a_number_that_cannot_be_called_is_asked_for_three_times() {
        expect_booking(
            "3 digit caller 2
         4 digit caller 9
         5 digit caller #
         5 number i1 not-a-number
         6 digit caller 9
         7 digit caller #
         7 number i1 not-permitted
         8 digit caller 9
         9 digit caller #
         9 number i1 not-permitted
         12 played caller
         60 standing i1 1 200",
            expect![[r#"
                    play caller your-number-is <1001> confirm-or-key-number
                3 digit caller 2
                    play caller key-number
                4 digit caller 9
                    silence caller
                5 digit caller #
                    ! keyed i1 billing 9
                5 number i1 not-a-number
                    play caller number-not-complete key-number
                6 digit caller 9
                    silence caller
                7 digit caller #
                    ! keyed i1 billing 9
                7 number i1 not-permitted
                    play caller callback-refused key-number
                8 digit caller 9
                    silence caller
                9 digit caller #
                    ! keyed i1 billing 9
                9 number i1 not-permitted
                    play caller callback-refused
                12 played caller
                    music caller
                60 standing i1 1 200
            "#]],
        );
        expect_booking(
            "3 digit caller 2
         4 digit caller 9
         5 digit caller #
         5 number i1 too-many
         6 played caller",
            expect![[r#"
                    play caller your-number-is <1001> confirm-or-key-number
                3 digit caller 2
                    play caller key-number
                4 digit caller 9
                    silence caller
                5 digit caller #
                    ! keyed i1 billing 9
                5 number i1 too-many
                    play caller limit-reached
                6 played caller
                    music caller
            "#]],
        );
    }

    #[test]
    fn who_keys_nothing_keeps_waiting() {
        expect_booking(
            "3 digit caller 2
         5 played caller
         16 played caller
         20 digit caller #
         21 played caller
         40 played caller",
            expect![[r#"
                    play caller your-number-is <1001> confirm-or-key-number
                3 digit caller 2
                    play caller key-number
                5 played caller
                15 (first digit)
                    play caller key-number
                16 played caller
                20 digit caller #
                    play caller key-number
                21 played caller
                31 (first digit)
                    play caller number-not-taken callback-declined
                40 played caller
                    music caller
            "#]],
        );
        expect_booking(
            "5 played caller\n20 tick",
            expect![[r#"
                play caller your-number-is <1001> confirm-or-key-number
            5 played caller
            12 (first digit)
                play caller callback-declined
            20 tick
        "#]],
        );
        expect_booking(
            "3 digit caller 9\n5 played caller",
            expect![[r#"
                play caller your-number-is <1001> confirm-or-key-number
            3 digit caller 9
                play caller callback-declined
            5 played caller
                music caller
        "#]],
        );
        expect_booking(
            "3 digit caller 7\n4 digit caller 7\n5 digit caller 7",
            expect![[r#"
                play caller your-number-is <1001> confirm-or-key-number
            3 digit caller 7
                play caller invalid-choice your-number-is <1001> confirm-or-key-number
            4 digit caller 7
                play caller invalid-choice your-number-is <1001> confirm-or-key-number
            5 digit caller 7
                play caller callback-declined
        "#]],
        );
    }

    #[test]
    fn a_node_that_does_not_read_the_number_is_not_waited_for() {
        expect_booking(
            "3 digit caller 2\n4 digit caller 9\n5 digit caller #\n12 number i1 1002",
            expect![[r#"
                    play caller your-number-is <1001> confirm-or-key-number
                3 digit caller 2
                    play caller key-number
                4 digit caller 9
                    silence caller
                5 digit caller #
                    ! keyed i1 billing 9
                10 (keyed number)
                    play caller number-not-taken
                12 number i1 1002
            "#]],
        );
    }

    #[test]
    fn a_number_that_may_not_be_called_is_not_read_to_its_owner() {
        let log = Stage::play(
            settings(),
            "0 incoming caller anonymous 700
         0 answered caller
         1 played caller
         1 digit caller 1
         2 standing i1 9 999
         3 digit caller 1
         4 digit caller 1
         5 digit caller #",
        );
        expect![[r#"
            2 standing i1 9 999
                play caller offer-callback
            3 digit caller 1
                play caller key-number
            4 digit caller 1
                silence caller
            5 digit caller #
                ! keyed i1 billing 1
        "#]]
        .assert_eq(&log[log.find("2 standing").unwrap()..]);
    }

    #[test]
    fn a_dialogue_without_end_is_ended() {
        let mut script = String::new();
        for second in (3..620).step_by(2) {
            let (one, two) = (f64::from(second), f64::from(second) + 0.5);
            script += &format!("{one} digit caller 2\n{two} digit caller 7\n");
            script += &format!("{two} digit caller #\n{two} number i1 1002\n");
        }
        let log = in_booking(&script);
        assert!(log.contains("602 (booking)\n    play caller callback-declined"), "{log}");
    }

    #[test]
    fn each_refusal_has_its_sentence() {
        let mut told = String::new();
        for reason in [
            "not-permitted",
            "duplicate",
            "duplicate tomorrow@09:30",
            "too-many",
            "closed",
            "slot-taken",
            "never-call",
            "unavailable",
        ] {
            let log = in_booking(&format!("3 digit caller 1\n4 not-registered i1 {reason}"));
            told += &log[log.find("4 not").unwrap()..];
        }
        expect![[r#"
            4 not-registered i1 not-permitted
                play caller callback-refused
            4 not-registered i1 duplicate
                play caller callback-duplicate
            4 not-registered i1 duplicate tomorrow@09:30
                play caller callback-duplicate pending-callback-for tomorrow@09:30
            4 not-registered i1 too-many
                play caller limit-reached
            4 not-registered i1 closed
                play caller callbacks-closed
            4 not-registered i1 slot-taken
                play caller slot-gone
            4 not-registered i1 never-call
                play caller refused-never-call
            4 not-registered i1 unavailable
                play caller callbacks-unavailable
        "#]]
        .assert_eq(&told);
        expect_booking(
            "3 digit caller 2\n4 digit caller 1\n5 digit caller #\n5 number i1 1002
         6 digit caller 1\n7 not-registered i1 duplicate tomorrow@09:30",
            expect![[r#"
                    play caller your-number-is <1001> confirm-or-key-number
                3 digit caller 2
                    play caller key-number
                4 digit caller 1
                    silence caller
                5 digit caller #
                    ! keyed i1 billing 1
                5 number i1 1002
                    play caller number-keyed-is <1002> confirm-keyed-number
                6 digit caller 1
                    ! confirmed i1 1002
                    play caller please-hold
                7 not-registered i1 duplicate tomorrow@09:30
                    play caller callback-duplicate
            "#]],
        );
    }

    #[test]
    fn the_agents_answer_cuts_the_keying_and_a_hang_up_ends_it() {
        expect_booking(
            "3 digit caller 2
         4 alert ann i1 1
         5 digit caller 1
         6 answered ann/1
         6 connect ann i1
         7 digit caller #
         8 number i1 1002",
            expect![[r#"
                    play caller your-number-is <1001> confirm-or-key-number
                3 digit caller 2
                    play caller key-number
                4 alert ann i1 1
                    invite ann/1 1001 like caller
                5 digit caller 1
                    silence caller
                6 answered ann/1
                    ! agent answered ann i1
                6 connect ann i1
                    bridge caller ann/1
                7 digit caller #
                8 number i1 1002
            "#]],
        );
        expect_booking(
            "3 digit caller 2\n4 digit caller 1\n5 digit caller #\n5 ended caller peer
         5 number i1 1002",
            expect![[r#"
                    play caller your-number-is <1001> confirm-or-key-number
                3 digit caller 2
                    play caller key-number
                4 digit caller 1
                    silence caller
                5 digit caller #
                    ! keyed i1 billing 1
                5 ended caller peer
                    ! caller hung up i1
                5 number i1 1002
            "#]],
        );
    }
}
