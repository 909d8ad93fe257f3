//! What agents' phones ask for by a transfer (REFER): the way from the user agent to `calls` and
//! back, and to whom a consumer may be transferred, or whom an agent may call.
//! It must not change a call: `calls` does.

use crate::calls;
use crate::calls::event::{AlertContext, ConsultWith, TransferTarget, TransferTo};
use crate::ident::{AgentId, InteractionId, LegId, QueueId, ReferId, Route};
use crate::phone::{Address, Dnis};
use crate::queue;
use crate::queue::agent::AgentState;
use crate::sip::ReferTo;

use super::event_loop::EventLoop;
use super::numbers;
use super::records::Begun;
use super::translate;

/// SIP statuses (RFC 3261 section 21) by which a transfer is refused: not 404 or 481, which would
/// end the call that it was asked in (RFC 5057).
mod status {
    pub(super) const FORBIDDEN: u16 = 403;
    pub(super) const UNAVAILABLE: u16 = 480;
    pub(super) const PENDING: u16 = 491;
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
        self.sip.reject_refer(self.clock.steady(), referral.refer, status, why(status));
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
    pub(super) fn transfer_asked(&mut self, interaction: InteractionId, leg: LegId, target: &Dnis) {
        match self.transfer_by_name(interaction, target) {
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
        let row = self.queue.interaction(interaction).ok_or(status::FORBIDDEN)?;
        let agent = AgentId::new(target.expose());
        if let Some(other) = self.queue.agent(&agent) {
            if other.state != AgentState::Ready {
                return Err(status::UNAVAILABLE);
            }
            let queue = self.queue.queue_of_transfer(&row.queue, &agent);
            return Ok(Transfer::Queue(queue.ok_or(status::FORBIDDEN)?, Some(agent)));
        }
        let queue = QueueId::new(target.expose());
        if self.queue.takes_transfers(&queue) {
            return Ok(Transfer::Queue(queue, None));
        }
        let (address, routes) = self.outside_party(Some(&row.queue), target)?;
        Ok(Transfer::Outside(TransferTo::Number { queue: row.queue.clone(), address, routes }))
    }

    /// A number or an extension that a queue may call, and the ways there.
    pub(super) fn outside_party(
        &self,
        queue: Option<&QueueId>,
        target: &Dnis,
    ) -> Result<(Address, Vec<Route>), u16> {
        let settings = queue.and_then(|queue| self.queue.queue_settings(queue));
        let policy = settings.map(|settings| &settings.addresses);
        let never = |address: &Address| self.queue.is_never_called(address);
        numbers::outside_party(target.expose(), policy, never).ok_or(status::FORBIDDEN)
    }

    /// An agent who talks calls somebody to ask: another agent who is Ready, one in a queue, or a
    /// number that the queue of the conversation may call.
    pub(super) fn consultation_asked(
        &mut self,
        interaction: InteractionId,
        agent: &AgentId,
        leg: LegId,
        target: &Dnis,
    ) {
        let begun = self.legs.get_mut(&leg).and_then(|leg| leg.begun.as_mut());
        begun.into_iter().for_each(|begun| begun.is_for(interaction));
        let with = match self.queue.interaction(interaction) {
            Some(_) => self.consult_by_name(interaction, target),
            None => self.call_out(agent, target),
        };
        self.order(match with {
            Ok(with) => calls::Event::Consult { leg, with },
            Err(status) => calls::Event::ConsultationRefused { leg, status },
        });
    }

    /// An agent calls out for its own sake, by the rules of the queue that lets them.
    fn call_out(&self, agent: &AgentId, target: &Dnis) -> Result<ConsultWith, u16> {
        let queue = self.agent_phones.get(agent).and_then(|phone| phone.outbound.clone());
        let (address, routes) = self.outside_party(queue.as_ref(), target)?;
        let queue = queue.ok_or(status::FORBIDDEN)?;
        Ok(ConsultWith::Number { queue, address, routes })
    }

    fn consult_by_name(
        &self,
        interaction: InteractionId,
        target: &Dnis,
    ) -> Result<ConsultWith, u16> {
        let row = self.queue.interaction(interaction).ok_or(status::UNAVAILABLE)?;
        let (named, queue) = (AgentId::new(target.expose()), row.queue.clone());
        let asked = QueueId::new(target.expose());
        let agent = if let Some(other) = self.queue.agent(&named) {
            (other.state == AgentState::Ready).then_some(named).ok_or(status::UNAVAILABLE)?
        } else if self.queue.takes_transfers(&asked) {
            // With a queue: the one of its agents who would be given the next call.
            self.queue.next_agent(&asked).ok_or(status::UNAVAILABLE)?
        } else {
            let (address, routes) = self.outside_party(Some(&queue), target)?;
            return Ok(ConsultWith::Number { queue, address, routes });
        };
        let phones = self.phones(&agent);
        let wait = self.clock.wall().since(row.place.arrival);
        let (kind, attempts) = (translate::kind(row.origin), row.attempts_made);
        let data = self.shown_data(interaction, &queue);
        let context = AlertContext { queue, kind, wait, attempts, data };
        Ok(ConsultWith::Agent { agent, phones, context })
    }

    /// Refuses an incoming call; an agent is told why.
    pub(super) fn reject(&mut self, leg: LegId, status: u16) {
        let begun = self.legs.get(&leg).and_then(|leg| leg.begun.as_ref());
        let why = if begun.is_some_and(Begun::is_agents) { why(status) } else { "" };
        self.sip.reject_because(self.clock.steady(), leg, status, why);
    }
}

/// What an allowed transfer leads to.
enum Transfer {
    /// They wait in that queue, or are given to that agent at once.
    Queue(QueueId, Option<AgentId>),
    Outside(TransferTo),
}

/// Why a transfer or a call is refused, to be shown by a phone.
fn why(status: u16) -> &'static str {
    match status {
        status::FORBIDDEN => "Not a number that may be called from here",
        status::UNAVAILABLE => "Not ready, or no answer",
        status::PENDING => "Nobody has answered yet",
        _ => "",
    }
}
