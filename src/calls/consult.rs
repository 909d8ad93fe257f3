//! A call that an agent makes: while they talk with a consumer, from another line, to ask somebody
//! and perhaps join the two (an attended transfer); or for its own sake.
//!
//! ```text
//! Asked ── Consult ▶ Ringing ── answered ▶ Answering ── ACK ▶ Joined ── either gone ▶ (gone)
//!   └─ refused ▶ (gone)   └─ no answer, refused ▶ the next way, or (gone)
//! ```
//!
//! The agent's leg is answered when the party's is: while that rings, it is told so (180). The
//! consultation outlasts the conversation, whoever ends that. An attended transfer may come on
//! either leg of the agent, naming the other; it needs both parties to be there, so that one which
//! comes before the answer is refused with 491: a phone that does not wait gives the call up and
//! asks for a transfer to the same number or name, which needs nobody's answer.
//!
//! It must not decide who may be called: that comes with the order.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::ident::{AgentId, LegId, Route};
use crate::phone::{Ani, Dnis};
use crate::time::Timestamp;

use super::bridge::AgentSide;
use super::call::{Call, Consumer};
use super::effect::{Callee, Effect};
use super::end::{AttemptClass, CallEnd};
use super::event::ConsultWith;
use super::transfer::{ASKED_MAX, RING_MAX, Third, ThirdOrder, status};
use super::{Context, ENDING_MAX, Fact, Timer, cause};

/// SIP 486 (RFC 3261 section 21.4.24): one consultation at a time.
pub(super) const BUSY_HERE: u16 = 486;

/// A call of an agent's.
#[derive(Debug)]
pub(super) struct Consultation {
    agent: AgentId,
    /// There is no conversation that it belongs to.
    alone: bool,
    /// The line on which they called us.
    own: LegId,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The queue's word follows.
    Asked {
        until: Timestamp,
    },
    Ringing {
        legs: BTreeSet<LegId>,
        party: Party,
        until: Timestamp,
    },
    /// The party answered; the agent's phone is to confirm our answer.
    Answering {
        leg: LegId,
        party: Party,
        until: Timestamp,
    },
    Joined {
        leg: LegId,
        party: Party,
    },
}

/// Who is consulted.
#[derive(Debug)]
enum Party {
    Agent(AgentId),
    /// The way taken, and what is left of the order.
    Outside(Route, ThirdOrder),
}

impl Party {
    fn agent(&self) -> Option<AgentId> {
        match self {
            Party::Agent(agent) => Some(agent.clone()),
            Party::Outside(..) => None,
        }
    }
}

impl Consultation {
    pub(super) fn deadline(&self) -> Timer {
        match &self.state {
            State::Asked { until } => Some((*until, "consultation")),
            State::Ringing { until, .. } => Some((*until, "consulted ring timeout")),
            State::Answering { until, .. } => Some((*until, "acknowledgement")),
            State::Joined { .. } => None,
        }
    }

    /// Is a leg of the party's?
    fn is_with(&self, leg: LegId) -> bool {
        self.legs().contains(&leg)
    }

    fn legs(&self) -> Vec<LegId> {
        match &self.state {
            State::Asked { .. } => Vec::new(),
            State::Ringing { legs, .. } => legs.iter().copied().collect(),
            State::Answering { leg, .. } | State::Joined { leg, .. } => vec![*leg],
        }
    }

    fn party(&self) -> Option<&Party> {
        match &self.state {
            State::Asked { .. } => None,
            State::Ringing { party, .. }
            | State::Answering { party, .. }
            | State::Joined { party, .. } => Some(party),
        }
    }

    /// The agent's leg is not there any more: neither is the party's.
    fn over(self, ctx: &mut Context<'_>, cause: u8) {
        for leg in self.legs() {
            ctx.drop_leg(leg, cause);
        }
        if let Some(party) = self.party() {
            let with = party.agent();
            ctx.push(Effect::ConsultationEnded { agent: self.agent, with });
        }
    }

    /// The party is not there, and the agent is told why.
    fn failed(self, ctx: &mut Context<'_>, status: u16, cause: u8) {
        match self.state {
            State::Asked { .. } | State::Ringing { .. } => {
                ctx.forget_leg(self.own);
                ctx.push(Effect::Reject { leg: self.own, status });
            }
            State::Answering { .. } | State::Joined { .. } => ctx.drop_leg(self.own, cause),
        }
        self.over(ctx, cause);
    }
}

impl Call {
    /// Does this agent talk with the consumer?
    pub(super) fn is_talking(&self, agent: &AgentId) -> bool {
        self.agents.get(agent).is_some_and(AgentSide::is_talking)
    }

    /// Is this agent on a call of their own?
    pub(super) fn is_consulting(&self, agent: &AgentId) -> bool {
        self.consultation.as_ref().is_some_and(|it| it.agent == *agent)
    }

    /// An agent calls somebody, one at a time.
    pub(super) fn consult(&mut self, ctx: &mut Context<'_>, own: LegId, agent: AgentId, to: Dnis) {
        if self.consultation.is_some() {
            ctx.forget_leg(own);
            return ctx.push(Effect::Reject { leg: own, status: BUSY_HERE });
        }
        let state = State::Asked { until: ctx.now + ASKED_MAX };
        let alone = self.is_over();
        self.consultation = Some(Consultation { agent: agent.clone(), alone, own, state });
        let interaction = self.interaction;
        ctx.push(Effect::ConsultationAsked { interaction, agent, leg: own, to });
    }

    fn take_asked(&mut self, own: LegId) -> Option<Consultation> {
        self.consultation.take_if(|it| it.own == own && matches!(it.state, State::Asked { .. }))
    }

    pub(super) fn consultation_refused(&mut self, ctx: &mut Context<'_>, own: LegId, status: u16) {
        if let Some(asked) = self.take_asked(own) {
            asked.failed(ctx, status, cause::NORMAL);
        }
    }

    /// The queue allowed it: calls the party, if the conversation goes on still.
    pub(super) fn consult_with(&mut self, ctx: &mut Context<'_>, own: LegId, with: ConsultWith) {
        let Some(asked) = self.take_asked(own) else { return };
        if !asked.alone && !self.is_talking(&asked.agent) {
            return asked.failed(ctx, status::UNAVAILABLE, cause::NORMAL);
        }
        match with {
            ConsultWith::Agent { agent, phones, context } => {
                if phones.is_empty() {
                    return asked.failed(ctx, status::UNAVAILABLE, cause::NORMAL);
                }
                let mut legs = BTreeSet::new();
                for phone in phones {
                    let leg = ctx.new_leg(self.interaction);
                    legs.insert(leg);
                    let to = Callee::Agent {
                        agent: agent.clone(),
                        phone,
                        interaction: self.interaction,
                        context: context.clone(),
                        ring_timeout: RING_MAX,
                        ani: Some(Ani::new(asked.agent.as_str())),
                    };
                    let like = self.alike();
                    ctx.push(Effect::Invite { leg, to, like });
                }
                self.began(ctx, asked, legs, Party::Agent(agent));
            }
            ConsultWith::Number { queue, address, mut routes } => {
                if routes.is_empty() {
                    return asked.failed(ctx, status::UNAVAILABLE, cause::NORMAL);
                }
                let route = routes.remove(0);
                let order = ThirdOrder { queue, address, routes, ring_timeout: RING_MAX };
                let leg = self.invite_outside(ctx, &route, &order);
                self.began(ctx, asked, [leg].into(), Party::Outside(route, order));
            }
        }
    }

    fn began(
        &mut self,
        ctx: &mut Context<'_>,
        asked: Consultation,
        legs: BTreeSet<LegId>,
        party: Party,
    ) {
        let (agent, with) = (asked.agent.clone(), party.agent());
        ctx.push(Effect::ConsultationBegan { agent, with });
        let until = ctx.now + RING_MAX;
        let state = State::Ringing { legs, party, until };
        self.consultation = Some(Consultation { state, ..asked });
    }

    /// The leg that the party may be joined with.
    fn alike(&self) -> Option<LegId> {
        let talks = |consumer: &&Consumer| consumer.is_in_conversation();
        self.consumer.as_ref().filter(talks).map(Consumer::leg)
    }

    fn invite_outside(&self, ctx: &mut Context<'_>, route: &Route, order: &ThirdOrder) -> LegId {
        let leg = ctx.new_leg(self.interaction);
        let to = Callee::Third {
            interaction: self.interaction,
            queue: order.queue.clone(),
            address: order.address.clone(),
            route: route.clone(),
            ring_timeout: order.ring_timeout,
            ani: None,
        };
        ctx.push(Effect::Invite { leg, to, like: self.alike() });
        leg
    }

    /// A fact about a leg of the consultation. `false`: it is none of its.
    pub(super) fn consultation_fact(
        &mut self,
        ctx: &mut Context<'_>,
        leg: LegId,
        fact: Fact,
    ) -> bool {
        let Some(it) = &mut self.consultation else { return false };
        let own = it.own == leg;
        if !own && !it.is_with(leg) {
            return false;
        }
        match fact {
            Fact::Ringing => {
                if let (false, State::Ringing { .. }) = (own, &it.state) {
                    ctx.push(Effect::Ring { leg: it.own });
                }
            }
            Fact::Answered if own => self.confirmed(ctx),
            Fact::Answered => self.consulted_answered(ctx, leg),
            Fact::Ended(_) if own => {
                ctx.forget_leg(leg);
                self.consultation.take().into_iter().for_each(|it| it.over(ctx, cause::NORMAL));
            }
            Fact::Ended(end) => {
                ctx.forget_leg(leg);
                self.consulted_ended(ctx, leg, end);
            }
            Fact::Digit(_) | Fact::PlayEnded(_) | Fact::Machine | Fact::Beep => {}
        }
        true
    }

    fn consulted_answered(&mut self, ctx: &mut Context<'_>, leg: LegId) {
        let Some(it) = self.consultation.take() else { return };
        self.consultation = Some(match it.state {
            State::Ringing { legs, party, .. } => {
                for other in legs.into_iter().filter(|other| *other != leg) {
                    ctx.drop_leg(other, cause::ANSWERED_ELSEWHERE);
                }
                ctx.push(Effect::Answer { leg: it.own });
                let until = ctx.now + ENDING_MAX;
                Consultation { state: State::Answering { leg, party, until }, ..it }
            }
            State::Asked { .. } | State::Answering { .. } | State::Joined { .. } => it,
        });
    }

    fn confirmed(&mut self, ctx: &mut Context<'_>) {
        let Some(it) = self.consultation.take() else { return };
        self.consultation = Some(match it.state {
            State::Answering { leg, party, .. } => {
                ctx.push(Effect::Bridge { a: it.own, b: leg });
                Consultation { state: State::Joined { leg, party }, ..it }
            }
            State::Asked { .. } | State::Ringing { .. } | State::Joined { .. } => it,
        });
    }

    fn consulted_ended(&mut self, ctx: &mut Context<'_>, leg: LegId, end: CallEnd) {
        let Some(mut it) = self.consultation.take() else { return };
        match &mut it.state {
            State::Ringing { legs, party, until } => {
                legs.remove(&leg);
                if let Party::Outside(route, order) = party
                    && end.attempt_class(route) == AttemptClass::Carrier
                    && !order.routes.is_empty()
                {
                    *route = order.routes.remove(0);
                    legs.insert(self.invite_outside(ctx, route, order));
                    *until = ctx.now + RING_MAX;
                }
                if !legs.is_empty() && !end.speaks_for_all() {
                    self.consultation = Some(it);
                    return;
                }
                it.failed(ctx, told(end), cause::NORMAL);
            }
            // Its leg is gone already.
            State::Answering { .. } | State::Joined { .. } => {
                ctx.drop_leg(it.own, cause::NORMAL);
                let with = it.party().and_then(Party::agent);
                ctx.push(Effect::ConsultationEnded { agent: it.agent, with });
            }
            State::Asked { .. } => self.consultation = Some(it),
        }
    }

    /// An attended transfer: on one leg of the agent, naming the other. The two whom they talk with
    /// are joined, and both legs of the agent end.
    pub(super) fn hand_over(&mut self, ctx: &mut Context<'_>, leg: LegId, other: LegId) {
        let ours = |it: &Consultation| {
            let talks = |own| self.talks(&it.agent, own);
            (it.own == leg && talks(other)) || (it.own == other && talks(leg))
        };
        if !self.consultation.as_ref().is_some_and(ours) {
            return ctx.push(Effect::RefuseTransfer { leg, status: status::FORBIDDEN });
        }
        // Their phone may be on its way out, and no word of it here yet.
        if !self.consumer.as_ref().is_some_and(Consumer::is_in_conversation) {
            return ctx.push(Effect::RefuseTransfer { leg, status: status::UNAVAILABLE });
        }
        let busy = self.asked.is_some() || self.third.is_some();
        let joined = |it: &mut Consultation| !busy && matches!(it.state, State::Joined { .. });
        let Some(it) = self.consultation.take_if(joined) else {
            return ctx.push(Effect::RefuseTransfer { leg, status: status::PENDING });
        };
        let (State::Joined { leg: with, party }, Some(consumer)) = (it.state, &mut self.consumer)
        else {
            return;
        };
        ctx.push(Effect::AcceptTransfer { leg });
        ctx.push(Effect::Bridge { a: consumer.leg(), b: with });
        ctx.push(Effect::TransferProgress { leg, status: status::OK });
        ctx.drop_leg(it.own, cause::NORMAL);
        let side = self.agents.remove(&it.agent);
        side.into_iter().for_each(|side| side.hang_up(ctx, cause::NORMAL));
        let interaction = self.interaction;
        match party {
            Party::Agent(agent) => {
                let side = self.agents.insert(agent.clone(), AgentSide::Talking { leg: with });
                side.into_iter().for_each(|side| side.hang_up(ctx, cause::NORMAL));
                let with = Some(agent.clone());
                ctx.push(Effect::HandedOver { interaction, agent });
                ctx.push(Effect::ConsultationEnded { agent: it.agent, with });
            }
            Party::Outside(route, order) => {
                consumer.transferred();
                self.third = Some(Third::joined(with, route, order));
                ctx.push(Effect::ConsultationEnded { agent: it.agent, with: None });
                ctx.push(Effect::BridgeEnded { interaction, lost: false });
            }
        }
    }

    pub(super) fn expire_consultation(&mut self, ctx: &mut Context<'_>) {
        let now = ctx.now;
        let late = |it: &mut Consultation| it.deadline().is_some_and(|(at, _)| at <= now);
        let Some(it) = self.consultation.take_if(late) else { return };
        let status = match it.state {
            State::Asked { .. } => status::NO_ANSWER_OF_OURS,
            State::Ringing { .. } | State::Answering { .. } | State::Joined { .. } => {
                status::UNAVAILABLE
            }
        };
        it.failed(ctx, status, cause::NO_ANSWER);
    }

    /// Something is broken: all of its legs are hung up.
    pub(super) fn end_consultation(&mut self, ctx: &mut Context<'_>, cause: u8) {
        if let Some(it) = self.consultation.take() {
            it.failed(ctx, status::NO_ANSWER_OF_OURS, cause);
        }
    }
}

/// What the agent's phone is told when the party is not reached: what the party said, where that
/// means the same of a call to us.
fn told(end: CallEnd) -> u16 {
    let means_the_same = |status: &u16| matches!(status, 404 | 410 | 480 | 484 | 486 | 600..=604);
    end.rejected_with().filter(means_the_same).unwrap_or(status::UNAVAILABLE)
}
