//! From node to node: what is done at each, and which menu key leads where.
//!
//! It must not know what goes on inside a node that takes time.

use std::sync::Arc;

use crate::time::Duration;

use super::super::digits::{Answer, Question};
use super::super::effect::Prompt;
use super::super::flow::FlowNode;
use super::super::{Context, Fact, cause};
use super::{Inbound, NODES_MAX, Otherwise, State};

impl Inbound {
    /// Goes on at a node, through those that need no time.
    pub(super) fn enter(&mut self, ctx: &mut Context<'_>, mut name: String) {
        let settings = Arc::clone(&self.settings);
        let flow = settings.flows.get(&self.flow);
        loop {
            self.nodes_entered += 1;
            let node = flow.and_then(|flow| flow.nodes.get(&name));
            let (Some(node), true) = (node, self.nodes_entered <= NODES_MAX) else {
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
                    let tries_left = tries.saturating_sub(1);
                    self.ask(ctx, name, named(prompts), *first_digit_timeout, tries_left);
                    return self.feed(ctx);
                }
                FlowNode::Transfer(node) => {
                    self.typed.clear();
                    return self.enter_transfer(ctx, node);
                }
                FlowNode::AccessCode(node) => return self.enter_access_code(ctx, node),
                FlowNode::Queue(node) => {
                    self.typed.clear();
                    let (node, said) = (node.clone(), Vec::new());
                    return self.ask_pending(ctx, node, Otherwise::Join, said);
                }
                // Only an offer leads here, and that does not enter it as a node.
                FlowNode::OfferCallback { .. } | FlowNode::ScheduleCallback { queue: None, .. } => {
                    return self.hang_up(ctx, cause::TEMPORARY_FAILURE);
                }
                FlowNode::ScheduleCallback { queue: Some(queue), exits } => {
                    return self.choose_time(ctx, queue.clone(), exits.clone());
                }
                FlowNode::Hangup { prompts } => return self.farewell(ctx, named(prompts)),
            }
        }
    }

    /// Answers what is asked with the digits that were pressed before.
    pub(super) fn feed(&mut self, ctx: &mut Context<'_>) {
        let asks = |state: &State| match state {
            State::Choosing { .. } => true,
            State::Code(asked) => asked.is_asking(),
            State::Answering { .. }
            | State::Saying { .. }
            | State::AtClose(_)
            | State::Booking { .. }
            | State::Pending { .. }
            | State::InQueue(_)
            | State::Transferring { .. }
            | State::Transferred
            | State::Bridged { .. }
            | State::Parted { .. }
            | State::Farewell(_)
            | State::Ending { .. } => false,
        };
        while asks(&self.state)
            && let Some(digit) = self.typed.pop()
        {
            self.fact(ctx, Fact::Digit(digit));
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
    pub(super) fn chosen(&mut self, ctx: &mut Context<'_>, answer: Answer) {
        let settings = Arc::clone(&self.settings);
        let State::Choosing { node: name, tries_left, .. } = &self.state else { return };
        let (name, tries_left) = (name.clone(), *tries_left);
        let node = settings.flows.get(&self.flow).and_then(|flow| flow.nodes.get(&name));
        let Some(FlowNode::Menu {
            prompts,
            keys,
            language,
            first_digit_timeout,
            timeout,
            invalid,
            ..
        }) = node
        else {
            return;
        };
        let mut again = named(prompts);
        let exit = match answer {
            Answer::Key(digit) => match keys.get(&digit) {
                Some(node) => {
                    if let Some(language) = language.get(&digit) {
                        self.language = language.clone();
                        ctx.language = language.clone();
                    }
                    return self.enter(ctx, node.clone());
                }
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
}

pub(super) fn named(prompts: &[String]) -> Vec<Prompt> {
    prompts.iter().cloned().map(Prompt::Named).collect()
}
