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

#[cfg(test)]
mod tests;

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
pub(super) const ASKED_MAX: Duration = Duration::from_secs(4);
/// How long somebody may ring whom an agent transfers to.
pub(super) const RING_MAX: Duration = Duration::from_secs(30);

/// SIP statuses (RFC 3261 section 21) by which the end of a transfer is told.
pub(super) mod status {
    pub(in crate::calls) const OK: u16 = 200;
    pub(in crate::calls) const FORBIDDEN: u16 = 403;
    pub(in crate::calls) const UNAVAILABLE: u16 = 480;
    pub(in crate::calls) const TERMINATED: u16 = 487;
    pub(in crate::calls) const PENDING: u16 = 491;
    pub(in crate::calls) const NO_ANSWER_OF_OURS: u16 = 503;
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
    /// One who talks already.
    pub(super) fn joined(leg: LegId, route: Route, order: ThirdOrder) -> Self {
        Self { leg, route, order, ringing_until: None, agent: None }
    }

    fn deadline(&self) -> Timer {
        self.ringing_until.map(|until| (until, "third party ring timeout"))
    }
}

impl Call {
    /// An agent's phone asks for a transfer of the other side; what it asks before that is decided
    /// changes nothing.
    pub(super) fn referred(&mut self, ctx: &mut Context<'_>, leg: LegId, to: TransferTarget) {
        if self.asked.as_ref().is_some_and(|asked| asked.leg == leg) {
            return;
        }
        let target = match to {
            TransferTarget::Leg(other) => return self.hand_over(ctx, leg, other),
            TransferTarget::Number(target) => target,
        };
        let Some(agent) = self.agents.keys().find(|agent| self.talks(agent, leg)).cloned() else {
            return ctx.push(Effect::RefuseTransfer { leg, status: status::FORBIDDEN });
        };
        if self.asked.is_some() || self.third.is_some() {
            return ctx.push(Effect::RefuseTransfer { leg, status: status::PENDING });
        }
        let until = ctx.now + ASKED_MAX;
        self.asked = Some(Asked { leg, agent: agent.clone(), until });
        let interaction = self.interaction;
        ctx.push(Effect::TransferAsked { interaction, agent, leg, target });
    }

    /// The queue allowed a transfer: of whoever talks with this consumer, or did a moment ago.
    pub(super) fn transfer(&mut self, ctx: &mut Context<'_>, to: TransferTo) {
        let talks = self.consumer.as_ref().is_some_and(Consumer::is_in_conversation);
        if !talks || self.third.is_some() {
            return;
        }
        let asked = self.asked.take();
        let leg = asked.as_ref().map(|asked| asked.leg);
        if let Some(leg) = leg {
            ctx.push(Effect::AcceptTransfer { leg });
        }
        match to {
            TransferTo::Queue(queue) => self.transfer_to_queue(ctx, leg, &queue),
            TransferTo::Number { queue, address, routes } => {
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
                interaction: self.interaction,
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
            Fact::Ringing | Fact::Digit(_) | Fact::PlayEnded(_) | Fact::Machine | Fact::Beep => {}
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

    pub(super) fn talks(&self, agent: &AgentId, leg: LegId) -> bool {
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
