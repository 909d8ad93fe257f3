//! One call: the consumer's leg and the agents' legs of one interaction.
//!
//! It finds whose leg a fact is about, and carries the end of one side to the other. It must not
//! know what the consumer's side does while it waits (`inbound`, `dialer`) or how agents ring
//! (`bridge`).

use std::collections::BTreeMap;

use crate::ident::{AgentId, AttemptId, InteractionId, Language, LegId, QueueId};
use crate::phone::Ani;
use crate::time::Timestamp;

use super::bridge::AgentSide;
use super::consult::Consultation;
use super::dialer::Dialled;
use super::effect::Effect;
use super::end::{AttemptClass, CallEnd, EndedBy};
use super::event::Goodbye;
use super::inbound::Inbound;
use super::transfer::{Asked, Third, ThirdOrder};
use super::{Context, Fact, Timer, cause, earliest};

/// One interaction's legs.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) interaction: InteractionId,
    pub(super) consumer: Option<Consumer>,
    pub(super) agents: BTreeMap<AgentId, AgentSide>,
    /// Whom the consumer is transferred to.
    pub(super) third: Option<Third>,
    /// The transfer that the agent asked for.
    pub(super) asked: Option<Asked>,
    /// Whom the agent asks meanwhile; it outlasts the conversation.
    pub(super) consultation: Option<Consultation>,
}

/// The person who is served.
#[derive(Debug)]
pub(super) enum Consumer {
    /// Came in by an entry.
    Inbound(Box<Inbound>),
    /// Was dialled.
    Dialled(Box<Dialled>),
}

impl Consumer {
    pub(super) fn leg(&self) -> LegId {
        match self {
            Consumer::Inbound(caller) => caller.leg(),
            Consumer::Dialled(dialled) => dialled.leg(),
        }
    }

    fn language(&self) -> Language {
        match self {
            Consumer::Inbound(caller) => caller.language().clone(),
            Consumer::Dialled(dialled) => dialled.language().clone(),
        }
    }

    /// Who it is, as an agent's phone shows it.
    pub(super) fn shown(&self) -> Ani {
        match self {
            Consumer::Inbound(caller) => caller.ani().clone(),
            Consumer::Dialled(dialled) => Ani::new(dialled.address().expose()),
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        match self {
            Consumer::Inbound(caller) => caller.is_waiting(),
            Consumer::Dialled(dialled) => dialled.is_waiting(),
        }
    }

    pub(super) fn bridge(&mut self, ctx: &mut Context<'_>) {
        match self {
            Consumer::Inbound(caller) => caller.bridge(ctx),
            Consumer::Dialled(dialled) => dialled.bridge(),
        }
    }

    pub(super) fn part(&mut self, now: Timestamp) {
        match self {
            Consumer::Inbound(caller) => caller.part(now),
            Consumer::Dialled(dialled) => dialled.part(now),
        }
    }

    /// Do they talk with an agent, or did they a moment ago?
    pub(super) fn is_in_conversation(&self) -> bool {
        match self {
            Consumer::Inbound(caller) => caller.is_in_conversation(),
            Consumer::Dialled(dialled) => dialled.is_in_conversation(),
        }
    }

    /// With an agent, or called a third party for, or with that one.
    pub(super) fn may_have_third(&self) -> bool {
        match self {
            Consumer::Inbound(caller) => caller.may_have_third(),
            Consumer::Dialled(dialled) => dialled.may_have_third(),
        }
    }

    /// The agent is gone while a third party rings.
    pub(super) fn transferring(&mut self, now: Timestamp) {
        match self {
            Consumer::Inbound(caller) => caller.transferring(now),
            Consumer::Dialled(dialled) => dialled.transferring(now),
        }
    }

    /// Joined with the third party.
    pub(super) fn transferred(&mut self) {
        match self {
            Consumer::Inbound(caller) => caller.transferred(),
            Consumer::Dialled(dialled) => dialled.transferred(),
        }
    }

    /// The third party does not answer, and there is no agent to go back to.
    pub(super) fn transfer_failed(&mut self, ctx: &mut Context<'_>) {
        match self {
            Consumer::Inbound(caller) => caller.transfer_failed(ctx),
            Consumer::Dialled(dialled) => dialled.transfer_failed(ctx),
        }
    }

    /// The third party hung up.
    pub(super) fn third_gone(&mut self, ctx: &mut Context<'_>) {
        match self {
            Consumer::Inbound(caller) => caller.hang_up(ctx, cause::NORMAL),
            Consumer::Dialled(dialled) => {
                dialled.hang_up(ctx, cause::NORMAL, AttemptClass::HungUp);
            }
        }
    }

    /// Transferred into a queue.
    pub(super) fn wait_again(&mut self, ctx: &mut Context<'_>, queue: &QueueId) {
        match self {
            Consumer::Inbound(caller) => caller.wait_again(ctx, queue),
            Consumer::Dialled(dialled) => dialled.wait_again(ctx, queue),
        }
    }

    fn fact(&mut self, ctx: &mut Context<'_>, fact: Fact) {
        match self {
            Consumer::Inbound(caller) => caller.fact(ctx, fact),
            Consumer::Dialled(dialled) => dialled.fact(ctx, fact),
        }
    }

    fn ended(&mut self, ctx: &mut Context<'_>, end: CallEnd) {
        match self {
            Consumer::Inbound(caller) => caller.ended(ctx, end),
            Consumer::Dialled(dialled) => dialled.ended(ctx, end),
        }
    }

    fn expire(&mut self, ctx: &mut Context<'_>) -> bool {
        match self {
            Consumer::Inbound(caller) => caller.expire(ctx),
            Consumer::Dialled(dialled) => dialled.expire(ctx),
        }
    }

    fn deadline(&self) -> Timer {
        match self {
            Consumer::Inbound(caller) => caller.deadline(),
            Consumer::Dialled(dialled) => dialled.deadline(),
        }
    }
}

impl Call {
    pub(super) fn new(interaction: InteractionId, consumer: Consumer) -> Self {
        Self { consumer: Some(consumer), ..Self::empty(interaction) }
    }

    pub(super) fn empty(interaction: InteractionId) -> Self {
        let agents = BTreeMap::new();
        Self { interaction, consumer: None, agents, third: None, asked: None, consultation: None }
    }

    pub(super) fn dial(&mut self, dialled: Dialled) {
        self.consumer = Some(Consumer::Dialled(Box::new(dialled)));
    }

    pub(super) fn is_over(&self) -> bool {
        let no_agent = self.agents.is_empty() && self.consultation.is_none();
        self.consumer.is_none() && no_agent && self.third.is_none()
    }

    pub(super) fn has_consumer(&self) -> bool {
        self.consumer.is_some()
    }

    /// The language that the consumer is spoken to in.
    pub(super) fn language(&self) -> Language {
        self.consumer.as_ref().map(Consumer::language).unwrap_or_default()
    }

    /// The open attempt.
    pub(super) fn attempt(&self) -> Option<AttemptId> {
        match &self.consumer {
            Some(Consumer::Dialled(dialled)) => Some(dialled.attempt()),
            Some(Consumer::Inbound(_)) | None => None,
        }
    }

    pub(super) fn inbound(&mut self) -> Option<&mut Inbound> {
        match &mut self.consumer {
            Some(Consumer::Inbound(caller)) => Some(caller),
            Some(Consumer::Dialled(_)) | None => None,
        }
    }

    fn dialled(&mut self) -> Option<&mut Dialled> {
        match &mut self.consumer {
            Some(Consumer::Dialled(dialled)) => Some(dialled),
            Some(Consumer::Inbound(_)) | None => None,
        }
    }

    /// The caller, if they go on under another interaction from here.
    pub(super) fn take_renewed(&mut self) -> Option<Box<Inbound>> {
        match self.consumer.take() {
            Some(Consumer::Inbound(caller)) if caller.interaction() != self.interaction => {
                Some(caller)
            }
            other => {
                self.consumer = other;
                None
            }
        }
    }

    pub(super) fn fact(&mut self, ctx: &mut Context<'_>, leg: LegId, fact: Fact) {
        match &mut self.consumer {
            Some(consumer) if consumer.leg() == leg => match fact {
                Fact::Ended(end) => self.consumer_ended(ctx, end),
                Fact::Ringing
                | Fact::Answered
                | Fact::Digit(_)
                | Fact::PlayEnded(_)
                | Fact::Machine
                | Fact::Beep => {
                    consumer.fact(ctx, fact);
                }
            },
            Some(_) | None => {
                if !self.third_fact(ctx, leg, fact) && !self.consultation_fact(ctx, leg, fact) {
                    self.agent_fact(ctx, leg, fact);
                }
            }
        }
    }

    pub(super) fn expire(&mut self, ctx: &mut Context<'_>) {
        if self.consumer.as_mut().is_some_and(|consumer| consumer.expire(ctx)) {
            let lost = CallEnd { by: EndedBy::Lost, status: None, answered: false, rang: false };
            self.consumer_ended(ctx, lost);
        }
        self.expire_agents(ctx);
        self.expire_transfer(ctx);
        self.expire_consultation(ctx);
    }

    pub(super) fn deadline(&self) -> Timer {
        let consumer = self.consumer.as_ref().and_then(Consumer::deadline);
        let agents = self.agents.values().map(AgentSide::deadline);
        let consultation = self.consultation.as_ref().and_then(Consultation::deadline);
        earliest(agents.chain([consumer, self.transfer_deadline(), consultation]))
    }

    pub(super) fn release(&mut self, ctx: &mut Context<'_>, goodbye: Goodbye) {
        match &mut self.consumer {
            Some(Consumer::Inbound(caller)) => caller.release(ctx, goodbye),
            Some(Consumer::Dialled(dialled)) => dialled.end(ctx, goodbye, AttemptClass::HungUp),
            None => {}
        }
        self.part_agents(ctx.now);
    }

    pub(super) fn end_attempt(
        &mut self,
        ctx: &mut Context<'_>,
        goodbye: Goodbye,
        class: AttemptClass,
    ) {
        if let Some(dialled) = self.dialled() {
            dialled.end(ctx, goodbye, class);
        }
        self.part_agents(ctx.now);
    }

    pub(super) fn ask_keep_waiting(&mut self, ctx: &mut Context<'_>) {
        if let Some(dialled) = self.dialled() {
            dialled.ask_keep_waiting(ctx);
        }
    }

    /// Something in this call is broken: every leg is hung up, every report that is owed is made.
    pub(super) fn abort(&mut self, ctx: &mut Context<'_>) {
        let cause = cause::TEMPORARY_FAILURE;
        self.abort_agents(ctx);
        self.drop_third(ctx);
        self.end_consultation(ctx, cause::TEMPORARY_FAILURE);
        match &mut self.consumer {
            Some(Consumer::Inbound(caller)) => caller.hang_up(ctx, cause),
            Some(Consumer::Dialled(dialled)) => dialled.hang_up(ctx, cause, AttemptClass::Carrier),
            None => {}
        }
    }

    fn consumer_ended(&mut self, ctx: &mut Context<'_>, end: CallEnd) {
        if let Some(mut consumer) = self.consumer.take() {
            ctx.forget_leg(consumer.leg());
            consumer.ended(ctx, end);
        }
        self.drop_third(ctx);
        self.part_agents(ctx.now);
    }

    /// The agent's leg of a conversation ended, or was ended.
    pub(super) fn conversation_ended(&mut self, ctx: &mut Context<'_>, lost: bool) {
        ctx.push(Effect::BridgeEnded { interaction: self.interaction, lost });
        self.part_consumer(ctx);
    }

    /// The agent is gone: the queue's order follows, unless somebody else is being called.
    pub(super) fn part_consumer(&mut self, ctx: &mut Context<'_>) {
        match &mut self.consumer {
            Some(consumer) if self.third.is_some() => consumer.transferring(ctx.now),
            Some(consumer) => consumer.part(ctx.now),
            None => {}
        }
    }

    /// Whom a node of the flow transfers the consumer to, once.
    pub(super) fn take_transfer(&mut self) -> Option<ThirdOrder> {
        self.inbound().and_then(Inbound::take_transfer)
    }
}
