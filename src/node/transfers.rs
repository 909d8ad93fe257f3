//! What agents' phones ask for by a transfer (REFER): the way from the user agent to `calls` and
//! back, and to whom a consumer may be transferred. It must not change a call: `calls` does.

use crate::calls;
use crate::calls::event::{TransferTarget, TransferTo};
use crate::ident::{AgentId, InteractionId, LegId, QueueId, ReferId};
use crate::phone::{Address, Dnis};
use crate::queue;
use crate::queue::agent::AgentState;
use crate::sip::ReferTo;

use super::event_loop::EventLoop;
use super::numbers;

/// SIP statuses (RFC 3261 section 21) by which a transfer is refused.
mod status {
    pub(super) const FORBIDDEN: u16 = 403;
    pub(super) const NOT_FOUND: u16 = 404;
    pub(super) const UNAVAILABLE: u16 = 480;
    pub(super) const NO_SUCH_CALL: u16 = 481;
}

/// A transfer that a leg asked for and was not told the end of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Referral {
    refer: ReferId,
    /// 202 was sent: its end is told even when the leg is gone.
    accepted: bool,
}

impl EventLoop {
    pub(super) fn referred(&mut self, leg: LegId, refer: ReferId, to: ReferTo) {
        self.referrals.insert(leg, Referral { refer, accepted: false });
        let to = match to.replaces {
            Some(other) => TransferTarget::Leg(other),
            None => TransferTarget::Number(to.target),
        };
        self.order(calls::Event::LegReferred { leg, to });
    }

    pub(super) fn accept_transfer(&mut self, leg: LegId) {
        let Some(referral) = self.referrals.get_mut(&leg) else { return };
        referral.accepted = true;
        self.sip.accept_refer(self.clock.steady(), referral.refer);
    }

    pub(super) fn refuse_transfer(&mut self, leg: LegId, status: u16) {
        let Some(referral) = self.referrals.remove(&leg) else { return };
        let why = match status {
            status::FORBIDDEN => "This queue does not call there",
            status::NOT_FOUND => "No agent, queue or number",
            status::UNAVAILABLE => "That agent is not ready",
            _ => "",
        };
        self.sip.reject_refer(self.clock.steady(), referral.refer, status, why);
    }

    pub(super) fn transfer_progress(&mut self, leg: LegId, status: u16) {
        let Some(referral) = self.referrals.get(&leg).copied() else { return };
        self.sip.refer_progress(self.clock.steady(), referral.refer, status);
        if status >= 200 {
            self.referrals.remove(&leg);
        }
    }

    /// What was asked on a leg that is gone now is not decided any more.
    pub(super) fn forget_referral(&mut self, leg: LegId) {
        if self.referrals.get(&leg).is_some_and(|referral| !referral.accepted) {
            self.referrals.remove(&leg);
        }
    }

    /// An agent asks to transfer whom they talk with: to an agent or a queue by name, or to a
    /// number that the queue of the conversation may call.
    pub(super) fn transfer_asked(
        &mut self,
        interaction: InteractionId,
        leg: LegId,
        target: &TransferTarget,
    ) {
        let decided = match target {
            TransferTarget::Number(target) => self.transfer_by_name(interaction, target),
            TransferTarget::Leg(_) => Err(status::FORBIDDEN),
        };
        match decided {
            Err(status) => self.order(calls::Event::TransferRefused { leg, status }),
            Ok(Transfer::Outside(to)) => self.order(calls::Event::Transfer { interaction, to }),
            Ok(Transfer::Queue(queue, agent)) => {
                let to = TransferTo::Queue(queue.clone());
                self.order(calls::Event::Transfer { interaction, to });
                self.tell(queue::Event::Transferred { interaction, queue, agent });
            }
        }
    }

    fn transfer_by_name(&self, interaction: InteractionId, target: &Dnis) -> Result<Transfer, u16> {
        let row = self.queue.interaction(interaction).ok_or(status::NO_SUCH_CALL)?;
        let agent = AgentId::new(target.expose());
        if let Some(other) = self.queue.agent(&agent) {
            if other.state != AgentState::Ready {
                return Err(status::UNAVAILABLE);
            }
            let queue = self.queue.queue_of_transfer(&row.queue, &agent);
            return Ok(Transfer::Queue(queue.ok_or(status::FORBIDDEN)?, Some(agent)));
        }
        let queue = QueueId::new(target.expose());
        if self.queue.queue_settings(&queue).is_some() {
            return Ok(Transfer::Queue(queue, None));
        }
        let settings = self.queue.queue_settings(&row.queue).ok_or(status::NOT_FOUND)?;
        let address: Address =
            numbers::read(target.expose(), &settings.addresses).map_err(|_| status::FORBIDDEN)?;
        let routes = settings.addresses.routes(&address);
        Ok(Transfer::Outside(TransferTo::Number { queue: row.queue.clone(), address, routes }))
    }
}

/// What an allowed transfer leads to.
enum Transfer {
    /// They wait in that queue, or are given to that agent at once.
    Queue(QueueId, Option<AgentId>),
    Outside(TransferTo),
}
