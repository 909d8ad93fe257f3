//! A caller who is transferred: outside the queues, by a node of the flow or by an agent, or into
//! another queue. It must not call anybody: `transfer` does.

use crate::ident::QueueId;
use crate::time::Timestamp;

use super::super::effect::{Effect, LeftBy, Prompt};
use super::super::flow::{QueueNode, TransferNode};
use super::super::transfer::ThirdOrder;
use super::super::waiting::Arrival;
use super::super::{Context, TRANSFER_MAX};
use super::{Inbound, State};

impl Inbound {
    pub(super) fn enter_transfer(&mut self, ctx: &mut Context<'_>, node: &TransferNode) {
        let voice = self.settings.queues.get(&node.queue);
        let order = ThirdOrder {
            queue: node.queue.clone(),
            address: node.to.clone(),
            routes: voice.map(|voice| voice.addresses.routes(&node.to)).unwrap_or_default(),
            ring_timeout: node.ring_timeout,
        };
        self.state = State::Transferring {
            order: Some(order),
            failed: node.failed.clone(),
            hearing: Some(ctx.play(self.leg, vec![Prompt::Sound("transferring")])),
            until: ctx.now + TRANSFER_MAX,
        };
    }

    /// Whom the node transfers to, once.
    pub(in crate::calls) fn take_transfer(&mut self) -> Option<ThirdOrder> {
        match &mut self.state {
            State::Transferring { order, .. } => order.take(),
            State::Answering { .. }
            | State::Saying { .. }
            | State::Choosing { .. }
            | State::AtClose(_)
            | State::Code(_)
            | State::Booking { .. }
            | State::Pending { .. }
            | State::InQueue(_)
            | State::Transferred
            | State::Bridged { .. }
            | State::Parted { .. }
            | State::Farewell(_)
            | State::Ending { .. } => None,
        }
    }

    pub(in crate::calls) fn is_in_conversation(&self) -> bool {
        matches!(self.state, State::Bridged { .. } | State::Parted { .. })
    }

    pub(in crate::calls) fn may_have_third(&self) -> bool {
        matches!(
            self.state,
            State::Bridged { .. } | State::Transferring { .. } | State::Transferred
        )
    }

    pub(in crate::calls) fn transferring(&mut self, now: Timestamp) {
        if let State::Bridged { after_call } | State::Parted { after_call, .. } = &mut self.state {
            let (order, failed, hearing) = (None, after_call.take(), None);
            self.state = State::Transferring { order, failed, hearing, until: now + TRANSFER_MAX };
        }
    }

    pub(in crate::calls) fn transferred(&mut self) {
        if let State::Bridged { .. } | State::Transferring { .. } = self.state {
            self.state = State::Transferred;
        }
    }

    pub(in crate::calls) fn transfer_failed(&mut self, ctx: &mut Context<'_>) {
        let State::Transferring { failed, .. } = &mut self.state else { return };
        let failed = failed.take();
        if self.in_queue {
            let by = LeftBy::Choice;
            ctx.push(Effect::CallerLeft { interaction: self.interaction, by });
            self.renew(ctx);
        }
        self.leave(ctx, vec![Prompt::Sound("transfer-failed")], failed);
    }

    pub(in crate::calls) fn wait_again(&mut self, ctx: &mut Context<'_>, queue: &QueueId) {
        if self.is_in_conversation() {
            let bare = || QueueNode::bare(queue.clone());
            let node = self.flow().map_or_else(bare, |flow| flow.queue_node(queue));
            let said = vec![Prompt::Sound("transferring")];
            self.wait(ctx, &node, Arrival::Resumed(said));
        }
    }
}
