//! The third party of a call: somebody outside the queue whom the consumer is transferred to, by a
//! node of the flow or by an agent; and what an agent asks for by a transfer.
//!
//! ```text
//! Ringing ── answered ▶ Joined ── either side gone ▶ (both gone)
//!    └─ no answer, refused ▶ the next way, or (gone)
//! ```
//!
//! While the third party rings, an agent who asked for it stays, and has the consumer back if
//! nobody answers. It must not decide who may be reached: the ways come with the order.

use crate::ident::{AgentId, LegId, QueueId, Route};
use crate::phone::Address;
use crate::time::{Duration, Timestamp};

use super::bridge::AgentSide;
use super::call::{Call, Consumer};
use super::effect::{Callee, Effect};
use super::end::AttemptClass;
use super::event::{TransferTarget, TransferTo};
use super::{Context, Fact, Timer, cause, earliest};

/// How long the queue may take to say what becomes of a transfer: the user agent refuses it by
/// itself soon after.
const ASKED_MAX: Duration = Duration::from_secs(4);
/// How long somebody may ring whom an agent transfers to.
const RING_MAX: Duration = Duration::from_secs(30);

/// SIP statuses (RFC 3261 section 21) by which the end of a transfer is told.
mod status {
    pub(super) const OK: u16 = 200;
    pub(super) const FORBIDDEN: u16 = 403;
    pub(super) const UNAVAILABLE: u16 = 480;
    pub(super) const TERMINATED: u16 = 487;
    pub(super) const PENDING: u16 = 491;
    pub(super) const NO_ANSWER_OF_OURS: u16 = 503;
}

/// Whom to call, and how.
#[derive(Clone, Debug)]
pub(super) struct ThirdOrder {
    /// By whose policy.
    pub queue: QueueId,
    pub address: Address,
    /// The ways there, first choice first.
    pub routes: Vec<Route>,
    pub ring_timeout: Duration,
}

/// The third party's leg.
#[derive(Debug)]
pub(super) struct Third {
    leg: LegId,
    route: Route,
    /// What is left of it.
    order: ThirdOrder,
    /// `None`: joined.
    ringing_until: Option<Timestamp>,
    /// The agent who asked for it and their leg, until they are told how it ended.
    agent: Option<(AgentId, LegId)>,
}

/// A transfer that an agent asked for; the queue's word follows.
#[derive(Debug)]
pub(super) struct Asked {
    leg: LegId,
    agent: AgentId,
    until: Timestamp,
}

impl Third {
    fn deadline(&self) -> Timer {
        self.ringing_until.map(|until| (until, "third party ring timeout"))
    }
}

impl Call {
    /// An agent's phone asks for a transfer of the other side; what it asks before that is decided
    /// changes nothing.
    pub(super) fn referred(&mut self, ctx: &mut Context<'_>, leg: LegId, to: TransferTarget) {
        let Some(agent) = self.agents.keys().find(|agent| self.talks(agent, leg)).cloned() else {
            return ctx.push(Effect::RefuseTransfer { leg, status: status::FORBIDDEN });
        };
        if self.asked.as_ref().is_some_and(|asked| asked.leg == leg) {
            return;
        }
        if self.asked.is_some() || self.third.is_some() {
            return ctx.push(Effect::RefuseTransfer { leg, status: status::PENDING });
        }
        let until = ctx.now + ASKED_MAX;
        self.asked = Some(Asked { leg, agent: agent.clone(), until });
        let interaction = self.interaction;
        ctx.push(Effect::TransferAsked { interaction, agent, leg, target: to });
    }

    /// The queue allowed a transfer: of whoever talks with this consumer, or did a moment ago.
    pub(super) fn transfer(&mut self, ctx: &mut Context<'_>, to: TransferTo) {
        if !self.consumer.as_ref().is_some_and(Consumer::is_in_conversation) {
            return;
        }
        let asked = self.asked.take();
        let leg = asked.as_ref().map(|asked| asked.leg);
        if let Some(leg) = leg {
            ctx.push(Effect::AcceptTransfer { leg });
        }
        match to {
            TransferTo::Queue(queue) => self.transfer_to_queue(ctx, leg, &queue),
            TransferTo::Agent { agent, contacts, ring_timeout, context } => {
                self.transfer_to_queue(ctx, leg, &context.queue);
                self.alert(ctx, agent, contacts, ring_timeout, context);
            }
            TransferTo::Number { queue, address, route } => {
                let routes = vec![route];
                let order = ThirdOrder { queue, address, routes, ring_timeout: RING_MAX };
                let agent = asked.map(|asked| (asked.agent, asked.leg));
                if let Some(consumer) = &mut self.consumer {
                    ctx.push(Effect::Music { leg: consumer.leg() });
                    if !self.agents.values().any(AgentSide::is_talking) {
                        consumer.transferring(ctx.now);
                    }
                }
                self.dial_third(ctx, order, agent);
            }
        }
    }

    /// The queue did not allow a transfer; the conversation goes on.
    pub(super) fn transfer_refused(&mut self, ctx: &mut Context<'_>, leg: LegId, status: u16) {
        if self.asked.take_if(|asked| asked.leg == leg).is_some() {
            ctx.push(Effect::RefuseTransfer { leg, status });
        }
    }

    /// The consumer waits again; what becomes of the agent the queue says.
    fn transfer_to_queue(&mut self, ctx: &mut Context<'_>, leg: Option<LegId>, queue: &QueueId) {
        if let Some(leg) = leg {
            ctx.push(Effect::TransferProgress { leg, status: status::OK });
        }
        self.drop_third(ctx);
        self.part_agents(ctx.now);
        if let Some(consumer) = &mut self.consumer {
            consumer.wait_again(ctx, queue);
        }
    }

    /// Calls a third party for the consumer, by the first way.
    pub(super) fn dial_third(
        &mut self,
        ctx: &mut Context<'_>,
        mut order: ThirdOrder,
        agent: Option<(AgentId, LegId)>,
    ) {
        let Some(consumer) = &self.consumer else { return };
        if order.routes.is_empty() {
            return self.third_failed(ctx, agent, status::UNAVAILABLE);
        }
        let route = order.routes.remove(0);
        let leg = ctx.new_leg(self.interaction);
        ctx.push(Effect::Invite {
            leg,
            to: Callee::Third {
                queue: order.queue.clone(),
                address: order.address.clone(),
                route: route.clone(),
                ring_timeout: order.ring_timeout,
                ani: Some(consumer.shown()),
            },
            like: Some(consumer.leg()),
        });
        let ringing_until = Some(ctx.now + order.ring_timeout);
        self.third = Some(Third { leg, route, order, ringing_until, agent });
    }

    /// A fact about the third party's leg. `false`: it is not theirs.
    pub(super) fn third_fact(&mut self, ctx: &mut Context<'_>, leg: LegId, fact: Fact) -> bool {
        if self.third.as_ref().is_none_or(|third| third.leg != leg) {
            return false;
        }
        match fact {
            Fact::Answered => self.third_answered(ctx),
            Fact::Ended(end) => {
                ctx.forget_leg(leg);
                let Some(third) = self.third.take() else { return true };
                let class = end.attempt_class(&third.route);
                match third.ringing_until {
                    Some(_) if class == AttemptClass::Carrier && !third.order.routes.is_empty() => {
                        self.dial_third(ctx, third.order, third.agent);
                    }
                    Some(_) => {
                        let status = end.status.unwrap_or(status::UNAVAILABLE);
                        self.third_failed(ctx, third.agent, status);
                    }
                    None => {
                        if let Some(consumer) = &mut self.consumer {
                            consumer.third_gone(ctx);
                        }
                    }
                }
            }
            Fact::Ringing | Fact::Digit(_) | Fact::PlayEnded(_) => {}
        }
        true
    }

    fn third_answered(&mut self, ctx: &mut Context<'_>) {
        let (Some(third), Some(consumer)) = (&mut self.third, &mut self.consumer) else { return };
        if third.ringing_until.take().is_none() {
            return;
        }
        ctx.push(Effect::Bridge { a: consumer.leg(), b: third.leg });
        consumer.transferred();
        if let Some((agent, leg)) = third.agent.take() {
            ctx.push(Effect::TransferProgress { leg, status: status::OK });
            if self.talks(&agent, leg) {
                self.agents.remove(&agent);
                ctx.drop_leg(leg, cause::NORMAL);
                ctx.push(Effect::BridgeEnded { interaction: self.interaction, lost: false });
            }
        }
    }

    /// Nobody is there: back to the agent who asked for it, if they are.
    fn third_failed(
        &mut self,
        ctx: &mut Context<'_>,
        agent: Option<(AgentId, LegId)>,
        status: u16,
    ) {
        let back = agent.as_ref().filter(|(agent, leg)| self.talks(agent, *leg));
        let back = back.map(|(_, leg)| *leg);
        if let Some((_, leg)) = agent {
            ctx.push(Effect::TransferProgress { leg, status });
        }
        match (&mut self.consumer, back) {
            (Some(consumer), Some(leg)) => ctx.push(Effect::Bridge { a: consumer.leg(), b: leg }),
            (Some(consumer), None) => consumer.transfer_failed(ctx),
            (None, _) => {}
        }
    }

    fn talks(&self, agent: &AgentId, leg: LegId) -> bool {
        matches!(self.agents.get(agent), Some(AgentSide::Talking { leg: own }) if *own == leg)
    }

    /// A consumer who does something else by now has no third party, and a conversation that is
    /// over no transfer.
    pub(super) fn keep_transfer(&mut self, ctx: &mut Context<'_>) {
        if !self.consumer.as_ref().is_some_and(Consumer::may_have_third) {
            self.drop_third(ctx);
        }
        if self.asked.as_ref().is_some_and(|asked| !self.talks(&asked.agent, asked.leg))
            && let Some(Asked { leg, .. }) = self.asked.take()
            && ctx.has_leg(leg)
        {
            ctx.push(Effect::RefuseTransfer { leg, status: status::TERMINATED });
        }
    }

    /// The consumer is gone, or is transferred elsewhere.
    pub(super) fn drop_third(&mut self, ctx: &mut Context<'_>) {
        let Some(third) = self.third.take() else { return };
        ctx.drop_leg(third.leg, cause::NORMAL);
        if let Some((_, leg)) = third.agent {
            ctx.push(Effect::TransferProgress { leg, status: status::TERMINATED });
        }
    }

    pub(super) fn expire_transfer(&mut self, ctx: &mut Context<'_>) {
        let now = ctx.now;
        if let Some(asked) = self.asked.take_if(|asked| asked.until <= now) {
            let status = status::NO_ANSWER_OF_OURS;
            ctx.push(Effect::RefuseTransfer { leg: asked.leg, status });
        }
        let late = |third: &mut Third| third.ringing_until.is_some_and(|until| until <= now);
        if let Some(third) = self.third.take_if(late) {
            ctx.drop_leg(third.leg, cause::NO_ANSWER);
            self.third_failed(ctx, third.agent, status::UNAVAILABLE);
        }
    }

    pub(super) fn transfer_deadline(&self) -> Timer {
        let asked = self.asked.as_ref().map(|asked| (asked.until, "transfer"));
        earliest([asked, self.third.as_ref().and_then(Third::deadline)])
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::calls::flow::{FlowNode, Settings};
    use crate::calls::stage::{Stage, in_queue, settings};
    use crate::ident::{Route, TrunkId};
    use crate::phone::Address;

    /// A caller at the transfer node; the log begins with it.
    fn at_operator(settings: Settings, script: &str) -> String {
        let begin = "0 incoming caller 1001 700\n0 answered caller\n1 played caller\n";
        let log = Stage::play(settings, &format!("{begin}2 digit caller 5\n{script}"));
        log[log.find("2 digit caller 5\n").unwrap()..].to_owned()
    }

    /// The operator is behind two trunks.
    fn two_trunks() -> Settings {
        let mut settings = settings();
        for voice in settings.queues.values_mut() {
            voice.addresses.prefixes = vec!["+1".to_owned()];
            voice.addresses.trunks =
                ["carrier", "backup"].map(|name| Route::Trunk(TrunkId::new(name))).into();
        }
        for flow in settings.flows.values_mut() {
            if let Some(FlowNode::Transfer(node)) = flow.nodes.get_mut("operator") {
                node.to = Address::parse("+14155550123").unwrap();
            }
        }
        settings
    }

    /// A caller who talks with ann; the log begins after it.
    fn talking(script: &str) -> String {
        let log =
            in_queue(&format!("2 alert ann i1 1\n3 answered ann/1\n3 connect ann i1\n{script}"));
        let joined = "    bridge caller ann/1\n";
        log[log.find(joined).unwrap() + joined.len()..].to_owned()
    }

    fn expect_talking(script: &str, expected: Expect) {
        expected.assert_eq(&talking(script));
    }

    #[test]
    fn a_flow_connects_with_somebody_outside_the_queues() {
        for (script, expected) in [
            (
                "4 played caller\n5 ringing third/1\n9 answered third/1\n60 ended third/1 peer
                 60.1 ended caller us",
                expect![[r#"
                    2 digit caller 5
                        play caller transferring
                        invite third/1 1002 Registrar like caller
                    4 played caller
                        music caller
                    5 ringing third/1
                    9 answered third/1
                        bridge caller third/1
                    60 ended third/1 peer
                        hang-up caller 16
                    60.1 ended caller us
                "#]],
            ),
            (
                "9 answered third/1\n60 ended caller peer\n60.1 ended third/1 us",
                expect![[r#"
                2 digit caller 5
                    play caller transferring
                    invite third/1 1002 Registrar like caller
                9 answered third/1
                    bridge caller third/1
                60 ended caller peer
                    hang-up third/1 16
                60.1 ended third/1 us
            "#]],
            ),
            (
                "9 ended caller peer",
                expect![[r#"
                2 digit caller 5
                    play caller transferring
                    invite third/1 1002 Registrar like caller
                9 ended caller peer
                    hang-up third/1 16
            "#]],
            ),
            (
                "9 ended third/1 486\n12 played caller",
                expect![[r#"
                2 digit caller 5
                    play caller transferring
                    invite third/1 1002 Registrar like caller
                9 ended third/1 486
                    play caller transfer-failed
                12 played caller
                    play caller 'thanks'
            "#]],
            ),
            (
                "30 answered third/1",
                expect![[r#"
                2 digit caller 5
                    play caller transferring
                    invite third/1 1002 Registrar like caller
                22 (third party ring timeout)
                    hang-up third/1 19
                    play caller transfer-failed
                30 answered third/1
            "#]],
            ),
            (
                "9 ended third/1 503",
                expect![[r#"
                2 digit caller 5
                    play caller transferring
                    invite third/1 1002 Registrar like caller
                9 ended third/1 503
                    play caller transfer-failed
            "#]],
            ),
        ] {
            expected.assert_eq(&at_operator(settings(), script));
        }
    }

    #[test]
    fn the_next_way_is_taken_when_a_trunk_fails() {
        for (script, expected) in [
            (
                "3 ended third/1 503\n9 answered third/2",
                expect![[r#"
                2 digit caller 5
                    play caller transferring
                    invite third/1 +14155550123 Trunk(carrier) like caller
                3 ended third/1 503
                    invite third/2 +14155550123 Trunk(backup) like caller
                9 answered third/2
                    bridge caller third/2
            "#]],
            ),
            (
                "3 ended third/1 silence\n4 ended third/2 500",
                expect![[r#"
                2 digit caller 5
                    play caller transferring
                    invite third/1 +14155550123 Trunk(carrier) like caller
                3 ended third/1 silence
                    invite third/2 +14155550123 Trunk(backup) like caller
                4 ended third/2 500
                    play caller transfer-failed
            "#]],
            ),
        ] {
            expected.assert_eq(&at_operator(two_trunks(), script));
        }
    }

    #[test]
    fn an_agent_transfers_to_a_number() {
        expect_talking(
            "10 referred ann/1 1002
             10 transfer i1 1002
             15 answered third/1
             15 release i1 silent
             15.1 ended ann/1 us
             90 ended caller peer
             90.1 ended third/1 us",
            expect![[r#"
                10 referred ann/1 1002
                    ! transfer asked i1 ann ann/1 1002
                10 transfer i1 1002
                    accept transfer ann/1
                    music caller
                    invite third/1 1002 Trunk(carrier) like caller
                15 answered third/1
                    bridge caller third/1
                    transfer progress ann/1 200
                    hang-up ann/1 16
                    ! bridge ended i1 lost=false
                15 release i1 silent
                15.1 ended ann/1 us
                90 ended caller peer
                    ! caller hung up i1
                    hang-up third/1 16
                90.1 ended third/1 us
            "#]],
        );
    }

    #[test]
    fn an_agent_who_hung_up_has_transferred_all_the_same() {
        expect_talking(
            "10 referred ann/1 1002
             10 transfer i1 1002
             11 ended ann/1 peer
             11 release i1 silent
             15 answered third/1
             90 ended third/1 peer",
            expect![[r#"
                10 referred ann/1 1002
                    ! transfer asked i1 ann ann/1 1002
                10 transfer i1 1002
                    accept transfer ann/1
                    music caller
                    invite third/1 1002 Trunk(carrier) like caller
                11 ended ann/1 peer
                    ! bridge ended i1 lost=false
                11 release i1 silent
                15 answered third/1
                    bridge caller third/1
                    transfer progress ann/1 200
                90 ended third/1 peer
                    hang-up caller 16
            "#]],
        );
        expect_talking(
            "10 referred ann/1 1002
             10 transfer i1 1002
             11 ended ann/1 peer
             11 release i1 silent
             15 ended third/1 486
             19 played caller
             22 played caller",
            expect![[r#"
                10 referred ann/1 1002
                    ! transfer asked i1 ann ann/1 1002
                10 transfer i1 1002
                    accept transfer ann/1
                    music caller
                    invite third/1 1002 Trunk(carrier) like caller
                11 ended ann/1 peer
                    ! bridge ended i1 lost=false
                11 release i1 silent
                15 ended third/1 486
                    transfer progress ann/1 486
                    ! left i1
                    play caller transfer-failed
                19 played caller
                    play caller 'thanks'
                22 played caller
                    play caller 'bye'
            "#]],
        );
    }

    #[test]
    fn a_transfer_that_nobody_answers_gives_the_consumer_back() {
        expect_talking(
            "10 referred ann/1 1002
             10 transfer i1 1002
             60 ended caller peer",
            expect![[r#"
                10 referred ann/1 1002
                    ! transfer asked i1 ann ann/1 1002
                10 transfer i1 1002
                    accept transfer ann/1
                    music caller
                    invite third/1 1002 Trunk(carrier) like caller
                40 (third party ring timeout)
                    hang-up third/1 19
                    transfer progress ann/1 480
                    bridge caller ann/1
                60 ended caller peer
                    ! caller hung up i1
            "#]],
        );
    }

    #[test]
    fn a_transfer_that_is_not_allowed_changes_nothing() {
        for (script, expected) in [
            (
                "10 referred ann/1 900\n10 transfer-refused ann/1\n60 ended caller peer",
                expect![[r#"
                    10 referred ann/1 900
                        ! transfer asked i1 ann ann/1 900
                    10 transfer-refused ann/1
                        refuse transfer ann/1 403
                    60 ended caller peer
                        ! caller hung up i1
                "#]],
            ),
            (
                "10 referred ann/1 900\n60 ended caller peer",
                expect![[r#"
                10 referred ann/1 900
                    ! transfer asked i1 ann ann/1 900
                14 (transfer)
                    refuse transfer ann/1 503
                60 ended caller peer
                    ! caller hung up i1
            "#]],
            ),
            (
                "10 referred ann/1 900\n11 referred ann/1 901",
                expect![[r#"
                    10 referred ann/1 900
                        ! transfer asked i1 ann ann/1 900
                    11 referred ann/1 901
                "#]],
            ),
            (
                "10 referred caller 900",
                expect![[r#"
                10 referred caller 900
                    refuse transfer caller 403
            "#]],
            ),
            (
                "10 referred stranger 900",
                expect![[r#"
                10 referred stranger 900
                    refuse transfer stranger 403
            "#]],
            ),
            (
                "10 referred ann/1 900\n11 ended ann/1 peer\n20 tick",
                expect![[r#"
                10 referred ann/1 900
                    ! transfer asked i1 ann ann/1 900
                11 ended ann/1 peer
                    ! bridge ended i1 lost=false
                20 tick
            "#]],
            ),
            (
                "10 referred ann/1 900\n11 ended caller peer\n11 transfer i1 1002
                 12 disconnect ann i1",
                expect![[r#"
                    10 referred ann/1 900
                        ! transfer asked i1 ann ann/1 900
                    11 ended caller peer
                        ! caller hung up i1
                        refuse transfer ann/1 487
                    11 transfer i1 1002
                    12 disconnect ann i1
                        hang-up ann/1 16
                "#]],
            ),
        ] {
            expected.assert_eq(&talking(script));
        }
    }

    #[test]
    fn an_agent_transfers_into_a_queue_and_to_another_agent() {
        for (script, expected) in [
            (
                "10 referred ann/1 plain
                 10 transfer i1 queue plain
                 10 disconnect ann i1
                 12 played caller
                 13 alert bob i1 1
                 14 answered bob/1
                 14 connect bob i1
                 20 ended caller peer",
                expect![[r#"
                    10 referred ann/1 plain
                        ! transfer asked i1 ann ann/1 plain
                    10 transfer i1 queue plain
                        accept transfer ann/1
                        transfer progress ann/1 200
                        play caller transferring
                    10 disconnect ann i1
                        hang-up ann/1 16
                    12 played caller
                        music caller
                    13 alert bob i1 1
                        invite bob/1 1001 like caller
                    14 answered bob/1
                        ! agent answered bob i1
                    14 connect bob i1
                        bridge caller bob/1
                    20 ended caller peer
                        ! caller hung up i1
                "#]],
            ),
            (
                "10 referred ann/1 bob
                 10 transfer i1 agent bob
                 10 disconnect ann i1
                 12 played caller
                 14 answered bob/1
                 14 connect bob i1
                 20 ended bob/1 peer
                 20 release i1 silent",
                expect![[r#"
                    10 referred ann/1 bob
                        ! transfer asked i1 ann ann/1 bob
                    10 transfer i1 agent bob
                        accept transfer ann/1
                        transfer progress ann/1 200
                        play caller transferring
                        invite bob/1 1001 like caller
                    10 disconnect ann i1
                        hang-up ann/1 16
                    12 played caller
                        music caller
                    14 answered bob/1
                        ! agent answered bob i1
                    14 connect bob i1
                        bridge caller bob/1
                    20 ended bob/1 peer
                        ! bridge ended i1 lost=false
                    20 release i1 silent
                        play caller 'thanks'
                "#]],
            ),
            // The agent hung up first: the caller waits all the same.
            (
                "10 referred ann/1 plain\n10 ended ann/1 peer\n10 transfer i1 queue plain",
                expect![[r#"
                    10 referred ann/1 plain
                        ! transfer asked i1 ann ann/1 plain
                    10 ended ann/1 peer
                        ! bridge ended i1 lost=false
                    10 transfer i1 queue plain
                        play caller transferring
                "#]],
            ),
        ] {
            expected.assert_eq(&talking(script));
        }
    }

    #[test]
    fn a_caller_who_leaves_takes_the_third_party_along() {
        expect_talking(
            "10 referred ann/1 1002\n10 transfer i1 1002\n12 ended caller peer
             12 disconnect ann i1\n13 answered third/1",
            expect![[r#"
                10 referred ann/1 1002
                    ! transfer asked i1 ann ann/1 1002
                10 transfer i1 1002
                    accept transfer ann/1
                    music caller
                    invite third/1 1002 Trunk(carrier) like caller
                12 ended caller peer
                    ! caller hung up i1
                    hang-up third/1 16
                    transfer progress ann/1 487
                12 disconnect ann i1
                    hang-up ann/1 16
                13 answered third/1
            "#]],
        );
    }

    #[test]
    fn a_dialled_consumer_is_transferred_too() {
        let begin = "0 dial i1/1 billing 1001\n2 answered dial/1\n3 digit dial/1 1
            4 played dial/1\n5 alert ann i1 1\n6 answered ann/1\n6 connect ann i1\n10 referred ann/1 1002\n";
        for (script, expected) in [
            (
                "10 transfer i1 1002\n15 answered third/1\n15 release i1 silent
                 90 ended third/1 peer\n90.1 ended dial/1 us",
                expect![[r#"
                    10 referred ann/1 1002
                        ! transfer asked i1 ann ann/1 1002
                    10 transfer i1 1002
                        accept transfer ann/1
                        music dial/1
                        invite third/1 1002 Trunk(carrier) like dial/1
                    15 answered third/1
                        bridge dial/1 third/1
                        transfer progress ann/1 200
                        hang-up ann/1 16
                        ! bridge ended i1 lost=false
                    15 release i1 silent
                    90 ended third/1 peer
                        hang-up dial/1 16
                    90.1 ended dial/1 us
                        ! attempt ended 1 HungUp
                "#]],
            ),
            (
                "10 transfer i1 1002\n11 ended ann/1 peer\n15 ended third/1 480\n17 played dial/1",
                expect![[r#"
                    10 referred ann/1 1002
                        ! transfer asked i1 ann ann/1 1002
                    10 transfer i1 1002
                        accept transfer ann/1
                        music dial/1
                        invite third/1 1002 Trunk(carrier) like dial/1
                    11 ended ann/1 peer
                        ! bridge ended i1 lost=false
                    15 ended third/1 480
                        transfer progress ann/1 480
                        play dial/1 transfer-failed goodbye
                    17 played dial/1
                        hang-up dial/1 16
                "#]],
            ),
            (
                "10 transfer i1 queue plain\n12 played dial/1\n13 alert bob i1 1
                 14 ended dial/1 peer",
                expect![[r#"
                    10 referred ann/1 1002
                        ! transfer asked i1 ann ann/1 1002
                    10 transfer i1 queue plain
                        accept transfer ann/1
                        transfer progress ann/1 200
                        play dial/1 transferring
                    12 played dial/1
                        music dial/1
                    13 alert bob i1 1
                        invite bob/1 1001 like dial/1
                    14 ended dial/1 peer
                        ! attempt ended 1 HungUp
                "#]],
            ),
        ] {
            let log = Stage::play(settings(), &format!("{begin}{script}"));
            expected.assert_eq(&log[log.find("10 referred").unwrap()..]);
        }
    }
}
