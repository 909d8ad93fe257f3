//! The dialogues that a caller has outside and inside a queue, and where each leads: booking a
//! callback, and what becomes of one that is pending.
//!
//! It must not know their questions: `booking` and `pending` do.

use std::sync::Arc;

use crate::ident::InteractionId;

use super::super::Context;
use super::super::booking::{Booked, Booking};
use super::super::effect::{Effect, LeftBy, Prompt};
use super::super::event::Goodbye;
use super::super::flow::QueueNode;
use super::super::pending::{Pending, Settled};
use super::super::waiting::{Arrival, Next, Waiting};
use super::{Inbound, Otherwise, State};

impl Inbound {
    /// The callback is committed.
    pub(in crate::calls) fn registered(&mut self, ctx: &mut Context<'_>) {
        let goodbye = match &self.state {
            State::InQueue(waiting) => waiting.goodbye(),
            State::Booking { booking, .. } if booking.is_registering() => booking.goodbye(),
            State::Answering { .. }
            | State::Saying { .. }
            | State::Choosing { .. }
            | State::AtClose(_)
            | State::Code(_)
            | State::Booking { .. }
            | State::Pending { .. }
            | State::Transferring { .. }
            | State::Transferred
            | State::Bridged { .. }
            | State::Parted { .. }
            | State::Farewell(_)
            | State::Ending { .. } => return,
        };
        self.farewell(ctx, goodbye);
    }

    /// A step of the booking, if one is in progress.
    pub(in crate::calls) fn booking(
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
            | State::AtClose(_)
            | State::Code(_)
            | State::Pending { .. }
            | State::Transferring { .. }
            | State::Transferred
            | State::Bridged { .. }
            | State::Parted { .. }
            | State::Farewell(_)
            | State::Ending { .. } => return,
        };
        let confirmed = booking.is_registering();
        let booked = act(booking, ctx);
        // From the confirming digit on the queue counts on the end of this leg.
        self.in_queue = booking.is_registering();
        if matches!(booked, Booked::Open) {
            return;
        }
        let (queue, exits) = (booking.queue().clone(), std::mem::take(exits));
        if confirmed {
            self.renew(ctx);
        }
        match booked {
            Booked::Open => {}
            Booked::Declined(said) => self.leave(ctx, said, exits.declined),
            Booked::Refused(said) => self.leave(ctx, said, exits.refused),
            Booked::Duplicate(said) => {
                let node = self
                    .flow()
                    .map_or_else(|| QueueNode::bare(queue.clone()), |flow| flow.queue_node(&queue));
                self.ask_pending(ctx, node, Otherwise::Leave(exits.refused), said);
            }
        }
    }

    /// Goes on at a node after `said`; without one the call ends.
    pub(super) fn leave(
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

    /// Asks the queue whether a callback is pending for this caller.
    pub(super) fn ask_pending(
        &mut self,
        ctx: &mut Context<'_>,
        node: QueueNode,
        otherwise: Otherwise,
        said: Vec<Prompt>,
    ) {
        let ids = (self.leg, self.interaction);
        // Elsewhere than in a queue appointments alone are booked.
        let asked = (node.queue.clone(), matches!(otherwise, Otherwise::Leave(_)));
        let pending = Pending::ask(ctx, ids, asked, self.ani.clone(), said);
        let (pending, node) = (Box::new(pending), Box::new(node));
        self.state = State::Pending { pending, node, otherwise };
    }

    /// A step of the question about a pending callback, if it is put.
    pub(in crate::calls) fn pending(
        &mut self,
        ctx: &mut Context<'_>,
        act: impl FnOnce(&mut Pending, &mut Context<'_>) -> Settled,
    ) {
        let (settled, node, otherwise) = match &mut self.state {
            State::InQueue(waiting) => {
                let next = waiting.pending(ctx, act);
                return self.go_on(ctx, next);
            }
            State::Pending { pending, node, otherwise } => (act(pending, ctx), node, otherwise),
            State::Answering { .. }
            | State::Saying { .. }
            | State::Choosing { .. }
            | State::AtClose(_)
            | State::Code(_)
            | State::Booking { .. }
            | State::Transferring { .. }
            | State::Transferred
            | State::Bridged { .. }
            | State::Parted { .. }
            | State::Farewell(_)
            | State::Ending { .. } => return,
        };
        let said = match settled {
            Settled::Open => return,
            Settled::Kept => return self.farewell(ctx, vec![Prompt::Sound("pending-kept")]),
            Settled::Cancelled => return self.farewell(ctx, Goodbye::Cancelled.prompts()),
            Settled::Nothing(said) => said,
            Settled::TooLate => Vec::new(),
        };
        match otherwise.clone() {
            Otherwise::Join => {
                let node = node.clone();
                self.join(ctx, &node);
            }
            Otherwise::Leave(next) => self.leave(ctx, said, next),
        }
    }

    fn join(&mut self, ctx: &mut Context<'_>, node: &QueueNode) {
        let (interaction, ani) = (self.interaction, self.ani.clone());
        ctx.push(Effect::Arrived {
            dnis: self.dnis.clone(),
            data: self.data.clone(),
            interaction,
            queue: node.queue.clone(),
            skills: node.skills.clone(),
            priority: node.priority,
            ani,
        });
        self.wait(ctx, node, Arrival::New);
    }

    /// The queue gave the callback's place to this caller. `false`: to somebody who is not there.
    pub(in crate::calls) fn taken_over(
        &mut self,
        ctx: &mut Context<'_>,
        callback: InteractionId,
    ) -> bool {
        let node = match &self.state {
            State::InQueue(waiting) if waiting.is_taking_over() => {
                let by = LeftBy::Choice;
                ctx.push(Effect::CallerLeft { interaction: self.interaction, by });
                waiting.node().clone()
            }
            State::Pending { pending, node, .. } if pending.is_taking_over() => (**node).clone(),
            State::Answering { .. }
            | State::Saying { .. }
            | State::Choosing { .. }
            | State::AtClose(_)
            | State::Code(_)
            | State::Booking { .. }
            | State::Pending { .. }
            | State::InQueue(_)
            | State::Transferring { .. }
            | State::Transferred
            | State::Bridged { .. }
            | State::Parted { .. }
            | State::Farewell(_)
            | State::Ending { .. } => return false,
        };
        self.go_on_as(ctx, callback, &node, Vec::new());
        true
    }

    /// Goes on as a callback of this caller, which waits already.
    pub(super) fn go_on_as(
        &mut self,
        ctx: &mut Context<'_>,
        callback: InteractionId,
        node: &QueueNode,
        then: Vec<Prompt>,
    ) {
        self.interaction = callback;
        let mut said = vec![Prompt::Sound("pending-called-in")];
        said.extend(then);
        self.wait(ctx, node, Arrival::Resumed(said));
    }

    /// They are on the phone that we dialled: that call goes on, this one ends.
    pub(in crate::calls) fn dialled_leg_wins(&mut self, ctx: &mut Context<'_>) {
        let said = vec![Prompt::Sound("calling-you-now")];
        match &self.state {
            State::InQueue(waiting) if waiting.is_settling() => {
                self.go_on(ctx, Next::Finish(said));
            }
            State::Pending { pending, .. } if pending.is_settling() => self.farewell(ctx, said),
            State::Code(asked) if !asked.is_asking() => self.farewell(ctx, said),
            State::Answering { .. }
            | State::Saying { .. }
            | State::Choosing { .. }
            | State::AtClose(_)
            | State::Code(_)
            | State::Booking { .. }
            | State::Pending { .. }
            | State::InQueue(_)
            | State::Transferring { .. }
            | State::Transferred
            | State::Bridged { .. }
            | State::Parted { .. }
            | State::Farewell(_)
            | State::Ending { .. } => {}
        }
    }

    /// Known to the queue from here on.
    pub(super) fn wait(&mut self, ctx: &mut Context<'_>, node: &QueueNode, arrival: Arrival) {
        let settings = Arc::clone(&self.settings);
        let ids = (self.leg, self.interaction);
        let flow = settings.flows.get(&self.flow);
        let voice = settings.queues.get(&node.queue);
        let waiting = Waiting::enter(ctx, ids, self.ani.clone(), (node, flow), voice, arrival);
        self.state = State::InQueue(Box::new(waiting));
        self.in_queue = true;
    }
}
