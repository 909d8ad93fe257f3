//! A caller in a `queue` node: music, announcements, the callback offer and its confirmation.
//!
//! ```text
//! Music ◀──▶ Note (position and wait; an apology)
//!   │ threshold passed                                 ┌── Registered ▶ (farewell)
//!   ▼                                                  │
//! Offer ── 1 ▶ Confirm ── 1 ▶ Registering ─────────────┤
//!   └─ 2, no key ─┴─ 2, no key ▶ Note ▶ Music          └── NotRegistered ▶ Note ▶ Music
//! ```
//!
//! The caller keeps the place through all of it. It must not know of agents: an alert does not
//! change what the caller hears, and being joined with one cuts whatever is going on.

use crate::ident::{InteractionId, LegId, PlayId};
use crate::phone::{Address, Ani};
use crate::time::{Duration, Timestamp};

use super::digits::{Answer, Question};
use super::effect::{Effect, Prompt};
use super::flow::{CallbackOffer, Flow, FlowNode, QueueNode, QueueVoice};
use super::{Context, Playing, Timer, earliest};

/// How often the standing is asked for.
const STANDING_EVERY: Duration = Duration::from_secs(5);
/// Silence after the questions of the offer that counts as "no".
const OFFER_ANSWER_MAX: Duration = Duration::from_secs(7);
/// How often a question of the offer is put.
const OFFER_TRIES: u8 = 3;
/// How long the commit of a callback may take before the caller hears something else.
const REGISTERING_MAX: Duration = Duration::from_secs(10);
/// How long after the confirmation the answer of the queue is waited for at all.
const REGISTRATION_FORGOTTEN: Duration = Duration::from_secs(70);

/// A caller in a `queue` node.
#[derive(Debug)]
pub(super) struct Waiting {
    leg: LegId,
    interaction: InteractionId,
    node: QueueNode,
    /// Where the offer leads when it is declined or refused; `None`: back to the music.
    declined: Option<String>,
    refused: Option<String>,
    /// The caller's number, if this queue may call it back: otherwise nothing is offered.
    address: Option<Address>,
    since: Timestamp,
    standing: Option<Standing>,
    ask_at: Timestamp,
    announce_at: Option<Timestamp>,
    leave_at: Option<Timestamp>,
    /// The callback is offered from here on; `None`: not any more.
    offer_from: Option<Timestamp>,
    /// A callback was confirmed and the queue has not answered yet; until when we believe it will.
    registration: Option<Timestamp>,
    hearing: Hearing,
}

/// What the queue said last.
#[derive(Clone, Copy, Debug)]
struct Standing {
    position: u32,
    ewt: Option<Duration>,
    callbacks: bool,
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
        question: Question,
        tries_left: u8,
    },
    Confirm {
        address: Address,
        question: Question,
        tries_left: u8,
    },
    Registering {
        until: Timestamp,
    },
}

/// Where a step in the queue leads.
#[derive(Debug)]
pub(super) enum Next {
    /// The caller waits on.
    Stay,
    /// The caller leaves the queue for this node.
    Leave(String),
}

impl Waiting {
    pub(super) fn enter(
        ctx: &mut Context<'_>,
        (leg, interaction): (LegId, InteractionId),
        ani: &Ani,
        node: &QueueNode,
        flow: &Flow,
        voice: Option<&QueueVoice>,
    ) -> Self {
        let offer = node.offer.as_ref().and_then(|offer| flow.nodes.get(&offer.node));
        let (declined, refused) = match offer {
            Some(FlowNode::OfferCallback { declined, refused }) => {
                (declined.clone(), refused.clone())
            }
            _ => (None, None),
        };
        ctx.push(Effect::Arrived {
            interaction,
            queue: node.queue.clone(),
            skills: node.skills.clone(),
            priority: node.priority,
            ani: ani.clone(),
        });
        ctx.push(Effect::Music { leg });
        ctx.push(Effect::AskStanding { interaction });
        Self {
            leg,
            interaction,
            declined,
            refused,
            address: voice.and_then(|voice| voice.addresses.callable(ani)),
            since: ctx.now,
            standing: None,
            ask_at: ctx.now + STANDING_EVERY,
            announce_at: node.announce_every.map(|every| ctx.now + every),
            leave_at: node.max_wait.as_ref().map(|(longest, _)| ctx.now + *longest),
            offer_from: node.offer.as_ref().map(|_| ctx.now),
            registration: None,
            hearing: Hearing::Music,
            node: node.clone(),
        }
    }

    pub(super) fn node(&self) -> &QueueNode {
        &self.node
    }

    pub(super) fn standing(
        &mut self,
        ctx: &mut Context<'_>,
        position: u32,
        ewt: Option<Duration>,
        callbacks: bool,
    ) -> Next {
        let entered = self.standing.is_none();
        self.standing = Some(Standing { position, ewt, callbacks });
        if let (true, None, Some(node)) = (entered, ewt, &self.node.no_agents) {
            return Next::Leave(node.clone());
        }
        self.consider(ctx);
        Next::Stay
    }

    pub(super) fn digit(&mut self, ctx: &mut Context<'_>, digit: char) -> Next {
        let answer = match &mut self.hearing {
            Hearing::Offer { question, .. } | Hearing::Confirm { question, .. } => {
                question.press(ctx.now, digit)
            }
            Hearing::Music | Hearing::Note { .. } => {
                let exit = self.node.keys.get(&digit).filter(|_| self.registration.is_none());
                return exit.map_or(Next::Stay, |node| Next::Leave(node.clone()));
            }
            Hearing::Registering { .. } => None,
        };
        answer.map_or(Next::Stay, |answer| self.answered(ctx, answer))
    }

    pub(super) fn play_ended(&mut self, ctx: &mut Context<'_>, play: PlayId) -> Next {
        match &mut self.hearing {
            Hearing::Note { playing, then } if playing.is(play) => {
                let then = then.take();
                self.note_over(ctx, then)
            }
            Hearing::Offer { question, .. } | Hearing::Confirm { question, .. } => {
                question.play_ended(ctx.now, play);
                Next::Stay
            }
            Hearing::Music | Hearing::Note { .. } | Hearing::Registering { .. } => Next::Stay,
        }
    }

    /// The queue refused the callback; the caller still waits.
    pub(super) fn not_registered(&mut self, ctx: &mut Context<'_>) {
        if self.registration.take().is_none() {
            return;
        }
        self.offer_from = None;
        let then = self.refused.clone();
        self.note(ctx, vec![Prompt::Sound("callback-refused")], then);
    }

    pub(super) fn expire(&mut self, ctx: &mut Context<'_>) -> Next {
        let now = ctx.now;
        if self.registration.is_some_and(|until| until <= now) {
            self.registration = None;
        }
        if self.ask_at <= now {
            self.ask_at = now + STANDING_EVERY;
            if self.registration.is_none() {
                ctx.push(Effect::AskStanding { interaction: self.interaction });
            }
        }
        if self.registration.is_none()
            && self.leave_at.is_some_and(|at| at <= now)
            && let Some((_, node)) = &self.node.max_wait
        {
            return Next::Leave(node.clone());
        }
        let answer = match &mut self.hearing {
            Hearing::Note { playing, then } if playing.is_overdue(now) => {
                let then = then.take();
                return self.note_over(ctx, then);
            }
            Hearing::Offer { question, .. } | Hearing::Confirm { question, .. } => {
                question.expire(now)
            }
            Hearing::Registering { until } if *until <= now => {
                let apology = vec![Prompt::Sound("sorry-wait"), Prompt::Sound("please-hold")];
                self.note(ctx, apology, None);
                None
            }
            Hearing::Music | Hearing::Note { .. } | Hearing::Registering { .. } => None,
        };
        if let Some(answer) = answer {
            return self.answered(ctx, answer);
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
            Hearing::Offer { question, .. } | Hearing::Confirm { question, .. } => {
                question.deadline()
            }
            Hearing::Registering { until } => Some((*until, "registration")),
        };
        let leave = self.leave_at.filter(|_| self.registration.is_none());
        earliest([
            hearing,
            Some((self.ask_at, "standing")),
            leave.map(|at| (at, "longest wait")),
            self.registration.map(|at| (at, "registration")),
        ])
    }

    /// With nothing but music on: is it time to offer a callback, or to say the position?
    fn consider(&mut self, ctx: &mut Context<'_>) {
        if !matches!(self.hearing, Hearing::Music) {
            return;
        }
        if self.offer_is_due(ctx.now) {
            self.offer(ctx, OFFER_TRIES, false);
        } else if self.announcement_at().is_some_and(|at| at <= ctx.now) {
            self.announce(ctx);
        }
    }

    fn offered(&self) -> Option<(&CallbackOffer, Timestamp)> {
        let promised = self.standing.is_some_and(|standing| standing.callbacks);
        let possible = promised && self.address.is_some() && self.registration.is_none();
        self.node.offer.as_ref().filter(|_| possible).zip(self.offer_from)
    }

    fn offer_is_due(&self, now: Timestamp) -> bool {
        let Some((offer, from)) = self.offered() else { return false };
        let held = offer.after.is_some_and(|after| self.since + after <= now);
        let by_standing = self.standing.is_some_and(|standing| {
            let long = |limit| standing.ewt.is_none_or(|ewt| ewt > limit);
            offer.ewt_above.is_some_and(long)
                || offer.position_above.is_some_and(|limit| standing.position > limit)
        });
        from <= now && (held || by_standing)
    }

    /// When the time on hold alone will make it due; the rest is seen at the next standing.
    fn offer_at(&self) -> Option<Timestamp> {
        let (offer, from) = self.offered()?;
        offer.after.map(|after| from.max(self.since + after))
    }

    fn announcement_at(&self) -> Option<Timestamp> {
        self.announce_at.filter(|_| self.standing.is_some() && self.registration.is_none())
    }

    fn announce(&mut self, ctx: &mut Context<'_>) {
        let (Some(standing), Some(every)) = (self.standing, self.node.announce_every) else {
            return;
        };
        self.announce_at = Some(ctx.now + every.max(STANDING_EVERY));
        let mut prompts = vec![
            Prompt::Sound("position-is"),
            Prompt::Number(standing.position),
            Prompt::Sound("in-line"),
        ];
        if let Some(ewt) = standing.ewt {
            prompts.extend([Prompt::Sound("wait-is"), Prompt::Wait(ewt)]);
        }
        self.note(ctx, prompts, None);
    }

    fn offer(&mut self, ctx: &mut Context<'_>, tries: u8, again: bool) {
        let prompts = vec![Prompt::Sound("offer-callback")];
        let question = ask(ctx, self.leg, prompts, again);
        self.hearing = Hearing::Offer { question, tries_left: tries - 1 };
    }

    fn confirm(&mut self, ctx: &mut Context<'_>, address: Address, tries: u8, again: bool) {
        let prompts = vec![
            Prompt::Sound("your-number-is"),
            Prompt::Characters(address.clone()),
            Prompt::Sound("confirm-number"),
        ];
        let question = ask(ctx, self.leg, prompts, again);
        self.hearing = Hearing::Confirm { address, question, tries_left: tries - 1 };
    }

    fn answered(&mut self, ctx: &mut Context<'_>, answer: Answer) -> Next {
        match (&self.hearing, answer) {
            (Hearing::Offer { .. }, Answer::Key('1')) => {
                if let Some(address) = self.address.clone() {
                    self.confirm(ctx, address, OFFER_TRIES, false);
                }
            }
            (Hearing::Confirm { address, .. }, Answer::Key('1')) => {
                let (interaction, address) = (self.interaction, address.clone());
                ctx.push(Effect::CallbackConfirmed { interaction, address });
                ctx.play(self.leg, vec![Prompt::Sound("please-hold")]);
                self.registration = Some(ctx.now + REGISTRATION_FORGOTTEN);
                self.hearing = Hearing::Registering { until: ctx.now + REGISTERING_MAX };
            }
            (_, Answer::Key('2') | Answer::Silence) => self.decline(ctx),
            (Hearing::Offer { tries_left, .. }, Answer::Key(_)) => match *tries_left {
                0 => self.decline(ctx),
                left => self.offer(ctx, left, true),
            },
            (Hearing::Confirm { address, tries_left, .. }, Answer::Key(_)) => {
                match (*tries_left, address.clone()) {
                    (0, _) => self.decline(ctx),
                    (left, address) => self.confirm(ctx, address, left, true),
                }
            }
            (Hearing::Music | Hearing::Note { .. } | Hearing::Registering { .. }, _) => {}
        }
        Next::Stay
    }

    fn decline(&mut self, ctx: &mut Context<'_>) {
        let again = self.node.offer.as_ref().and_then(|offer| offer.again_after);
        self.offer_from = again.map(|after| ctx.now + after);
        let then = self.declined.clone();
        self.note(ctx, vec![Prompt::Sound("callback-declined")], then);
    }

    fn note(&mut self, ctx: &mut Context<'_>, prompts: Vec<Prompt>, then: Option<String>) {
        self.hearing = Hearing::Note { playing: ctx.play(self.leg, prompts), then };
    }

    fn note_over(&mut self, ctx: &mut Context<'_>, then: Option<String>) -> Next {
        self.hearing = Hearing::Music;
        if let Some(node) = then {
            return Next::Leave(node);
        }
        ctx.push(Effect::Music { leg: self.leg });
        self.consider(ctx);
        Next::Stay
    }
}

fn ask(ctx: &mut Context<'_>, leg: LegId, mut prompts: Vec<Prompt>, again: bool) -> Question {
    if again {
        prompts.insert(0, Prompt::Sound("invalid-choice"));
    }
    Question::ask(ctx, leg, prompts, OFFER_ANSWER_MAX)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::stage::{Stage, expect_in_queue, in_queue, settings};

    #[test]
    fn position_and_wait_are_said_at_intervals() {
        expect_in_queue(
            "2 standing i1 3 100
         15 standing i1 2 90
         31.5 digit caller 2
         35 played caller
         70 played caller",
            expect![[r#"
            2 standing i1 3 100
            15 standing i1 2 90
            31 (callback offer)
                play caller offer-callback
            31.5 digit caller 2
                play caller callback-declined
            35 played caller
                music caller
            61 (announcement)
                play caller position-is 2 in-line wait-is 90s
            70 played caller
                music caller
        "#]],
        );
    }

    #[test]
    fn a_callback_is_offered_confirmed_and_registered() {
        expect_in_queue(
            "2 standing i1 3 121
         3 digit caller 1
         9 played caller
         10 digit caller 1
         10.2 registered i1
         14 played caller
         14.1 ended caller us
         20 dial i1/1 billing 1001",
            expect![[r#"
            2 standing i1 3 121
                play caller offer-callback
            3 digit caller 1
                play caller your-number-is <1001> confirm-number
            9 played caller
            10 digit caller 1
                ! confirmed i1 1001
                play caller please-hold
            10.2 registered i1
                play caller registered
            14 played caller
                hang-up caller 16
            14.1 ended caller us
                ! caller hung up i1
            20 dial i1/1 billing 1001
                invite dial/1 1001
        "#]],
        );
    }

    #[test]
    fn a_callback_is_offered_when_any_threshold_is_passed() {
        for (standing, expected) in [
            (
                "2 standing i1 1 120\n3 tick",
                expect![[r#"
            2 standing i1 1 120
            3 tick
        "#]],
            ),
            (
                "2 standing i1 6 0\n3 tick",
                expect![[r#"
            2 standing i1 6 0
                play caller offer-callback
            3 tick
        "#]],
            ),
            (
                "2 standing i1 1 20\n2.5 standing i1 1 unknown\n3 tick",
                expect![[r#"
            2 standing i1 1 20
            2.5 standing i1 1 unknown
                play caller offer-callback
            3 tick
        "#]],
            ),
            (
                "2 standing i1 1 20\n32 tick",
                expect![[r#"
            2 standing i1 1 20
            31 (callback offer)
                play caller offer-callback
            32 tick
        "#]],
            ),
        ] {
            expected.assert_eq(&in_queue(standing));
        }
    }

    #[test]
    fn a_callback_is_not_offered_to_a_number_that_may_not_be_called() {
        let log = Stage::play(
            settings(),
            "0 incoming caller anonymous 700
         0 answered caller
         1 played caller
         1 digit caller 1
         2 standing i1 9 999
         50 tick",
        );
        assert!(!log.contains("offer-callback"), "{log}");
    }

    #[test]
    fn a_callback_is_not_offered_while_none_can_be_promised() {
        expect_in_queue(
            "2 standing i1 1 200 no-callbacks
             40 standing i1 1 200 no-callbacks
             41 standing i1 1 200",
            expect![[r#"
                2 standing i1 1 200 no-callbacks
                40 standing i1 1 200 no-callbacks
                41 standing i1 1 200
                    play caller offer-callback
            "#]],
        );
    }

    #[test]
    fn a_declined_offer_leads_back_to_the_music_and_comes_again() {
        expect_in_queue(
            "2 standing i1 1 200
         3 digit caller 2
         5 played caller
         6 digit caller 9
         110 standing i1 1 200
         111 digit caller 5
         112 digit caller 1
         114 played caller
         130 tick",
            expect![[r#"
            2 standing i1 1 200
                play caller offer-callback
            3 digit caller 2
                play caller callback-declined
            5 played caller
                music caller
            6 digit caller 9
            61 (announcement)
                play caller position-is 1 in-line wait-is 200s
            110 standing i1 1 200
            111 digit caller 5
            112 digit caller 1
            114 played caller
                music caller
                play caller offer-callback
            130 tick
        "#]],
        );
    }

    #[test]
    fn a_refused_callback_leads_back_to_the_music_and_is_not_offered_again() {
        expect_in_queue(
            "2 standing i1 1 200
         3 digit caller 1
         4 digit caller 1
         4.1 not-registered i1
         5 played caller
         59 standing i1 1 200
         61 standing i1 1 200",
            expect![[r#"
            2 standing i1 1 200
                play caller offer-callback
            3 digit caller 1
                play caller your-number-is <1001> confirm-number
            4 digit caller 1
                ! confirmed i1 1001
                play caller please-hold
            4.1 not-registered i1
                play caller callback-refused
            5 played caller
                music caller
            59 standing i1 1 200
            61 standing i1 1 200
                play caller position-is 1 in-line wait-is 200s
        "#]],
        );
    }

    #[test]
    fn a_slow_registration_is_apologised_for_and_still_counts() {
        expect_in_queue(
            "2 standing i1 1 200
         3 digit caller 1
         4 digit caller 1
         16 played caller
         17 digit caller 0
         20 registered i1
         21 ended caller peer",
            expect![[r#"
            2 standing i1 1 200
                play caller offer-callback
            3 digit caller 1
                play caller your-number-is <1001> confirm-number
            4 digit caller 1
                ! confirmed i1 1001
                play caller please-hold
            14 (registration)
                play caller sorry-wait please-hold
            16 played caller
                music caller
            17 digit caller 0
            20 registered i1
                play caller registered
            21 ended caller peer
                ! caller hung up i1
        "#]],
        );
    }

    #[test]
    fn a_hang_up_before_or_after_the_confirming_digit_is_reported_when_the_leg_is_gone() {
        expect_in_queue(
            "2 standing i1 1 200\n3 digit caller 1\n4 ended caller peer",
            expect![[r#"
        2 standing i1 1 200
            play caller offer-callback
        3 digit caller 1
            play caller your-number-is <1001> confirm-number
        4 ended caller peer
            ! caller hung up i1
    "#]],
        );
        expect_in_queue(
            "2 standing i1 1 200\n3 digit caller 1\n4 digit caller 1\n4.1 ended caller peer
         4.2 registered i1",
            expect![[r#"
            2 standing i1 1 200
                play caller offer-callback
            3 digit caller 1
                play caller your-number-is <1001> confirm-number
            4 digit caller 1
                ! confirmed i1 1001
                play caller please-hold
            4.1 ended caller peer
                ! caller hung up i1
            4.2 registered i1
        "#]],
        );
    }

    #[test]
    fn the_confirming_digit_wins_when_it_is_handled_before_the_agents_answer() {
        expect_in_queue(
            "2 standing i1 1 200
         3 digit caller 1
         4 alert ann i1 1
         5 digit caller 1
         5 cancel-alert ann i1
         5.1 registered i1
         5.2 answered ann/1
         6 played caller",
            expect![[r#"
            2 standing i1 1 200
                play caller offer-callback
            3 digit caller 1
                play caller your-number-is <1001> confirm-number
            4 alert ann i1 1
                invite ann/1 1001 like caller
            5 digit caller 1
                ! confirmed i1 1001
                play caller please-hold
            5 cancel-alert ann i1
                hang-up ann/1 16
            5.1 registered i1
                play caller registered
            5.2 answered ann/1
            6 played caller
                hang-up caller 16
        "#]],
        );
    }

    #[test]
    fn the_agents_answer_wins_when_it_is_handled_before_the_confirming_digit() {
        expect_in_queue(
            "2 standing i1 1 200
         3 digit caller 1
         4 alert ann i1 1
         5 answered ann/1
         5 digit caller 1
         5 connect ann i1
         5.1 not-registered i1
         6 digit caller 1
         9 played caller",
            expect![[r#"
            2 standing i1 1 200
                play caller offer-callback
            3 digit caller 1
                play caller your-number-is <1001> confirm-number
            4 alert ann i1 1
                invite ann/1 1001 like caller
            5 answered ann/1
                ! agent answered ann i1
            5 digit caller 1
                ! confirmed i1 1001
                play caller please-hold
            5 connect ann i1
                bridge caller ann/1
            5.1 not-registered i1
            6 digit caller 1
            9 played caller
        "#]],
        );
    }
}
