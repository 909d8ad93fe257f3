//! An inbound call walking its flow: answered at once, prompts, menus, the queue, the conversation,
//! goodbye.
//!
//! Whenever the caller leaves a queue and stays on the line (a key, the longest wait, refused
//! entry, after the conversation), the interaction of that queue is over and the rest of the flow
//! runs under a new one: an interaction has one outcome.
//!
//! It must not decide who is served, or touch the legs of agents.

use std::sync::Arc;

use crate::ident::{FlowId, InteractionId, LegId};
use crate::phone::Ani;
use crate::time::{Duration, Timestamp};

use super::booking::{Booked, Booking, Kind};
use super::digits::{Answer, Question};
use super::effect::{Effect, Prompt};
use super::end::CallEnd;
use super::event::{Goodbye, QueueExit};
use super::flow::{BookingExits, Flow, FlowNode, QueueNode, Settings};
use super::waiting::{Next, Standing, Waiting};
use super::{Context, ENDING_MAX, Fact, PARTED_MAX, Playing, Timer, cause};

/// Most nodes one call may enter; past it the call is ended. A caller who hears a menu for hours is
/// no caller.
const NODES_MAX: u32 = 1_000;

/// One call that came in by an entry.
#[derive(Debug)]
pub(super) struct Inbound {
    leg: LegId,
    interaction: InteractionId,
    ani: Ani,
    settings: Arc<Settings>,
    flow: FlowId,
    /// Was the queue told of this interaction? Then it is told when the leg is gone.
    in_queue: bool,
    nodes_entered: u32,
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
    InQueue(Box<Waiting>),
    /// Books a callback without waiting in a queue.
    Booking {
        booking: Box<Booking>,
        exits: BookingExits,
    },
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

impl Inbound {
    pub(super) fn new(
        leg: LegId,
        interaction: InteractionId,
        ani: Ani,
        settings: Arc<Settings>,
        flow: FlowId,
        now: Timestamp,
    ) -> Self {
        let state = State::Answering { until: now + ENDING_MAX };
        let (in_queue, nodes_entered) = (false, 0);
        Self { leg, interaction, ani, settings, flow, in_queue, nodes_entered, state }
    }

    pub(super) fn leg(&self) -> LegId {
        self.leg
    }

    pub(super) fn interaction(&self) -> InteractionId {
        self.interaction
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
            (Fact::Digit(digit), State::InQueue(waiting)) => {
                let next = waiting.digit(ctx, digit);
                self.go_on(ctx, next);
            }
            (Fact::Digit(digit), State::Booking { .. }) => {
                self.booking(ctx, |booking, ctx| booking.digit(ctx, digit));
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
            (Fact::PlayEnded(play), State::Farewell(playing)) if playing.is(play) => {
                self.hang_up(ctx, cause::NORMAL);
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
            State::InQueue(waiting) => {
                let next = waiting.expire(ctx);
                self.go_on(ctx, next);
            }
            State::Booking { .. } => self.booking(ctx, Booking::expire),
            State::Bridged { .. } => {}
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
            State::InQueue(waiting) => waiting.deadline(),
            State::Booking { booking, .. } => booking.deadline(),
            State::Bridged { .. } => None,
            State::Parted { until, .. } => Some((*until, "release")),
            State::Ending { until } => Some((*until, "end of the leg")),
        }
    }

    pub(super) fn standing(&mut self, ctx: &mut Context<'_>, standing: Standing) {
        if let State::InQueue(waiting) = &mut self.state {
            let next = waiting.standing(ctx, standing);
            self.go_on(ctx, next);
        }
    }

    /// The queue did not take the caller: on by the exit, or say why and hang up.
    pub(super) fn not_admitted(&mut self, ctx: &mut Context<'_>, exit: QueueExit) {
        let State::InQueue(waiting) = &self.state else { return };
        let (bound, otherwise) = exit_of(waiting.node(), exit);
        let bound = bound.cloned();
        self.renew(ctx);
        match bound {
            Some(node) => self.enter(ctx, node),
            None => self.farewell(ctx, otherwise.iter().map(|id| Prompt::Sound(id)).collect()),
        }
    }

    /// The callback is committed.
    pub(super) fn registered(&mut self, ctx: &mut Context<'_>) {
        let goodbye = match &self.state {
            State::InQueue(waiting) => waiting.goodbye(),
            State::Booking { booking, .. } if booking.is_registering() => booking.goodbye(),
            State::Answering { .. }
            | State::Saying { .. }
            | State::Choosing { .. }
            | State::Booking { .. }
            | State::Bridged { .. }
            | State::Parted { .. }
            | State::Farewell(_)
            | State::Ending { .. } => return,
        };
        self.farewell(ctx, goodbye);
    }

    /// A step of the booking, if one is in progress.
    pub(super) fn booking(
        &mut self,
        ctx: &mut Context<'_>,
        act: impl FnOnce(&mut Booking, &mut Context<'_>) -> Booked,
    ) {
        let (booking, exits) = match &mut self.state {
            State::InQueue(waiting) => {
                let next = waiting.booking(ctx, act);
                return self.go_on(ctx, next);
            }
            State::Booking { booking, exits } => (booking, exits),
            State::Answering { .. }
            | State::Saying { .. }
            | State::Choosing { .. }
            | State::Bridged { .. }
            | State::Parted { .. }
            | State::Farewell(_)
            | State::Ending { .. } => return,
        };
        let confirmed = booking.is_registering();
        let booked = act(booking, ctx);
        // From the confirming digit on the queue counts on the end of this leg.
        self.in_queue = booking.is_registering();
        let (said, next) = match booked {
            Booked::Open => return,
            Booked::Declined(said) => (said, exits.declined.take()),
            Booked::Refused(said) => (said, exits.refused.take()),
        };
        if confirmed {
            self.renew(ctx);
        }
        self.leave_booking(ctx, said, next);
    }

    fn leave_booking(
        &mut self,
        ctx: &mut Context<'_>,
        mut said: Vec<Prompt>,
        next: Option<String>,
    ) {
        match next {
            None => {
                said.extend(Goodbye::Plain.prompts());
                self.farewell(ctx, said);
            }
            Some(node) if said.is_empty() => self.enter(ctx, node),
            Some(next) => self.state = State::Saying { playing: ctx.play(self.leg, said), next },
        }
    }

    pub(super) fn release(&mut self, ctx: &mut Context<'_>, goodbye: Goodbye) {
        let after_call = match &mut self.state {
            State::InQueue(_) => None,
            State::Bridged { after_call } | State::Parted { after_call, .. } => after_call.take(),
            State::Answering { .. }
            | State::Saying { .. }
            | State::Choosing { .. }
            | State::Booking { .. }
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
    pub(super) fn bridge(&mut self) {
        if let State::InQueue(waiting) = &self.state {
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
            ctx.push(Effect::HangUp { leg: self.leg, cause });
            self.state = State::Ending { until: ctx.now + ENDING_MAX };
        }
    }

    fn flow(&self) -> Option<&Flow> {
        self.settings.flows.get(&self.flow)
    }

    fn go_on(&mut self, ctx: &mut Context<'_>, next: Next) {
        match next {
            Next::Stay => {}
            Next::Leave(node) => {
                ctx.push(Effect::CallerLeft { interaction: self.interaction });
                self.renew(ctx);
                self.enter(ctx, node);
            }
        }
    }

    fn renew(&mut self, ctx: &mut Context<'_>) {
        self.interaction = InteractionId::draw(&mut ctx.shared.entropy);
        self.in_queue = false;
    }

    fn enter(&mut self, ctx: &mut Context<'_>, mut name: String) {
        let settings = Arc::clone(&self.settings);
        let flow = settings.flows.get(&self.flow);
        loop {
            self.nodes_entered += 1;
            let node = flow.and_then(|flow| flow.nodes.get(&name));
            let (Some(flow), Some(node), true) = (flow, node, self.nodes_entered <= NODES_MAX)
            else {
                return self.hang_up(ctx, cause::TEMPORARY_FAILURE);
            };
            match node {
                FlowNode::Say { prompts, next } if prompts.is_empty() => name = next.clone(),
                FlowNode::Say { prompts, next } => {
                    let playing = ctx.play(self.leg, named(prompts));
                    self.state = State::Saying { playing, next: next.clone() };
                    return;
                }
                FlowNode::Menu { prompts, first_digit_timeout, tries, .. } => {
                    return self.ask(
                        ctx,
                        name,
                        named(prompts),
                        *first_digit_timeout,
                        tries.saturating_sub(1),
                    );
                }
                FlowNode::Queue(node) => {
                    let ids = (self.leg, self.interaction);
                    let voice = settings.queues.get(&node.queue);
                    let waiting = Waiting::enter(ctx, ids, &self.ani, node, flow, voice);
                    self.state = State::InQueue(Box::new(waiting));
                    self.in_queue = true;
                    return;
                }
                // Only an offer leads here, and that does not enter it as a node.
                FlowNode::OfferCallback { .. } | FlowNode::ScheduleCallback { queue: None, .. } => {
                    return self.hang_up(ctx, cause::TEMPORARY_FAILURE);
                }
                FlowNode::ScheduleCallback { queue: Some(queue), exits } => {
                    let voice = settings.queues.get(queue);
                    let own = voice.and_then(|voice| voice.addresses.callable(&self.ani));
                    let (ids, kind) = ((self.leg, self.interaction), Kind::Scheduled);
                    let booking = Booking::start(ctx, ids, queue.clone(), kind, own);
                    let (booking, exits) = (Box::new(booking), exits.clone());
                    self.state = State::Booking { booking, exits };
                    return;
                }
                FlowNode::Hangup { prompts } => return self.farewell(ctx, named(prompts)),
            }
        }
    }

    fn ask(
        &mut self,
        ctx: &mut Context<'_>,
        node: String,
        prompts: Vec<Prompt>,
        first: Duration,
        tries_left: u8,
    ) {
        let question = Question::ask(ctx, self.leg, prompts, first);
        self.state = State::Choosing { node, question, tries_left };
    }

    /// The last try decides between `timeout` and `invalid`.
    fn chosen(&mut self, ctx: &mut Context<'_>, answer: Answer) {
        let settings = Arc::clone(&self.settings);
        let State::Choosing { node: name, tries_left, .. } = &self.state else { return };
        let (name, tries_left) = (name.clone(), *tries_left);
        let node = settings.flows.get(&self.flow).and_then(|flow| flow.nodes.get(&name));
        let Some(FlowNode::Menu { prompts, keys, first_digit_timeout, timeout, invalid, .. }) =
            node
        else {
            return;
        };
        let mut again = named(prompts);
        let exit = match answer {
            Answer::Key(digit) => match keys.get(&digit) {
                Some(node) => return self.enter(ctx, node.clone()),
                None => {
                    again.insert(0, Prompt::Sound("invalid-choice"));
                    invalid
                }
            },
            Answer::Silence => timeout,
        };
        match tries_left.checked_sub(1) {
            Some(left) => self.ask(ctx, name, again, *first_digit_timeout, left),
            None => self.enter(ctx, exit.clone()),
        }
    }

    fn farewell(&mut self, ctx: &mut Context<'_>, prompts: Vec<Prompt>) {
        if prompts.is_empty() {
            self.hang_up(ctx, cause::NORMAL);
        } else {
            self.state = State::Farewell(ctx.play(self.leg, prompts));
        }
    }
}

fn named(prompts: &[String]) -> Vec<Prompt> {
    prompts.iter().cloned().map(Prompt::Named).collect()
}

/// The node bound to an exit, and what is said before hanging up if none is.
fn exit_of(node: &QueueNode, exit: QueueExit) -> (Option<&String>, &'static [&'static str]) {
    match exit {
        QueueExit::Closed => (node.closed.as_ref(), &["closed"]),
        QueueExit::Full => (node.full.as_ref(), &["queue-full"]),
        QueueExit::NoAgents => (node.no_agents.as_ref(), &["no-agents"]),
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
            Goodbye::Closed => vec![Prompt::Sound("closed")],
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::stage::{IN_QUEUE, Stage, expect_in_queue, expect_play, in_queue, settings};
    use super::*;

    #[test]
    fn a_call_walks_its_flow_into_the_queue() {
        expect_play(
            "0 incoming caller 1001 700
         0.1 answered caller
         2 played caller
         3 digit caller 1
         4 standing i1 2 60",
            expect![[r#"
            0 incoming caller 1001 700
                answer caller
            0.1 answered caller
                play caller 'welcome'
            2 played caller
                play caller 'which'
            3 digit caller 1
                ! arrived i1 billing billing 3 1001
                music caller
            4 standing i1 2 60
        "#]],
        );
    }

    #[test]
    fn a_number_without_an_entry_is_not_found() {
        expect_play(
            "0 incoming caller 1001 800\n1 ended caller us",
            expect![[r#"
        0 incoming caller 1001 800
            reject caller 404
        1 ended caller us
    "#]],
        );
    }

    #[test]
    fn an_answer_that_is_never_acknowledged_is_given_up() {
        expect_play(
            "0 incoming caller 1001 700\n100 tick",
            expect![[r#"
        0 incoming caller 1001 700
            answer caller
        40 (acknowledgement)
            hang-up caller 102
        100 tick
    "#]],
        );
    }

    #[test]
    fn a_menu_is_left_by_key_silence_or_a_wrong_key() {
        for (name, script, expected) in [
            (
                "silence twice",
                "2 played caller\n4 played caller\n10 played caller\n16 tick",
                expect![[r#"
                silence twice
                0 incoming caller 1001 700
                    answer caller
                0 answered caller
                    play caller 'welcome'
                2 played caller
                    play caller 'which'
                4 played caller
                9 (first digit)
                    play caller 'which'
                10 played caller
                15 (first digit)
                    ! arrived i1 billing billing 3 1001
                    music caller
                16 tick
            "#]],
            ),
            (
                "wrong key twice",
                "2 played caller\n3 digit caller 7\n4 digit caller 7\n6 played caller",
                expect![[r#"
                    wrong key twice
                    0 incoming caller 1001 700
                        answer caller
                    0 answered caller
                        play caller 'welcome'
                    2 played caller
                        play caller 'which'
                    3 digit caller 7
                        play caller invalid-choice 'which'
                    4 digit caller 7
                        play caller 'bye'
                    6 played caller
                        hang-up caller 16
                "#]],
            ),
            (
                "other key",
                "2 played caller\n3 digit caller 2\n4 ended caller peer",
                expect![[r#"
            other key
            0 incoming caller 1001 700
                answer caller
            0 answered caller
                play caller 'welcome'
            2 played caller
                play caller 'which'
            3 digit caller 2
                ! arrived i1 plain - 0 1001
                music caller
            4 ended caller peer
                ! caller hung up i1
        "#]],
            ),
        ] {
            let log = Stage::play(
                settings(),
                &format!("0 incoming caller 1001 700\n0 answered caller\n{script}"),
            );
            expected.assert_eq(&format!("{name}\n{log}"));
        }
    }

    #[test]
    fn each_exit_of_a_queue_leads_to_its_node_under_a_new_interaction() {
        for (script, expected) in [
            (
                "2 not-admitted i1 closed",
                expect![[r#"
            2 not-admitted i1 closed
                play caller 'bye'
        "#]],
            ),
            (
                "2 not-admitted i1 full",
                expect![[r#"
            2 not-admitted i1 full
                play caller 'bye'
        "#]],
            ),
            (
                "2 not-admitted i1 no-agents",
                expect![[r#"
            2 not-admitted i1 no-agents
                play caller 'bye'
        "#]],
            ),
            (
                "2 standing i1 1 unknown",
                expect![[r#"
            2 standing i1 1 unknown
                ! left i1
                play caller 'bye'
        "#]],
            ),
            (
                "2 digit caller 0\n4 ended caller peer",
                expect![[r#"
            2 digit caller 0
                ! left i1
                play caller 'bye'
            4 ended caller peer
        "#]],
            ),
            (
                "2 digit caller 5\n3 alert ann i1 1\n4 digit caller 0\n5 cancel-alert ann i1",
                expect![[r#"
            2 digit caller 5
            3 alert ann i1 1
                invite ann/1 1001 like caller
            4 digit caller 0
                ! left i1
                play caller 'bye'
            5 cancel-alert ann i1
                hang-up ann/1 16
        "#]],
            ),
        ] {
            expected.assert_eq(&in_queue(script));
        }
    }

    #[test]
    fn the_longest_wait_leads_to_its_node() {
        let mut patient = settings();
        for flow in patient.flows.values_mut() {
            if let Some(FlowNode::Queue(node)) = flow.nodes.get_mut("billing") {
                (node.offer, node.announce_every) = (None, None);
            }
        }
        let log =
            Stage::play(patient, &format!("{IN_QUEUE}\n602 played caller\n603 ended caller us"));
        expect![[r#"
        601 (longest wait)
            ! left i1
            play caller 'bye'
        602 played caller
            hang-up caller 16
        603 ended caller us
    "#]]
        .assert_eq(&log[log.find("601").unwrap()..]);
    }

    #[test]
    fn an_unbound_exit_says_why_and_hangs_up() {
        for exit in ["closed", "full", "no-agents"] {
            let log = Stage::play(
                settings(),
                &format!(
                "0 incoming caller 1001 700\n0 answered caller\n1 played caller\n1 digit caller 2
                 1 not-admitted i1 {exit}\n2 played caller"
            ),
            );
            let said = if exit == "full" { "queue-full" } else { exit };
            let end = format!("play caller {said}\n2 played caller\n    hang-up caller 16\n");
            assert!(log.ends_with(&end), "{log}");
        }
    }

    #[test]
    fn a_released_caller_hears_the_goodbye() {
        expect_in_queue(
            "2 release i1 closed\n4 played caller\n60 tick",
            expect![[r#"
        2 release i1 closed
            play caller closed
        4 played caller
            hang-up caller 16
        44 (end of the leg)
            ! caller hung up i1
        60 tick
    "#]],
        );
        expect_in_queue(
            "2 release i1 silent\n2.1 ended caller us",
            expect![[r#"
        2 release i1 silent
            hang-up caller 16
        2.1 ended caller us
            ! caller hung up i1
    "#]],
        );
    }
}
