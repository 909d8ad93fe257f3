//! How telephones and people react to the orders that leave the system.

use ringback::ident::{AgentId, AttemptId, InteractionId};
use ringback::queue::event::{BridgeEnd, DeclineReason, RetryClass, WaitChoice};
use ringback::queue::{Effect, Event, Origin};
use ringback::time::{Duration, Timestamp};

use super::World;
use crate::checks::GONE_AFTER;
use crate::swarm::weighted;
use crate::text;

impl World {
    pub(super) fn react(&mut self, effect: &Effect) {
        match effect {
            Effect::Alert { agent, interaction, origin, .. } => {
                self.rings = (*origin == Origin::CallIn).then_some(*interaction);
                self.alerted(agent, *interaction);
            }
            Effect::CancelAlert { agent, interaction } => {
                self.prevent(|event| match event {
                    Event::AgentAnswered { agent: a, interaction: i }
                    | Event::AgentDeclined { agent: a, interaction: i, .. } => {
                        a == agent && i == interaction
                    }
                    _ => false,
                });
            }
            Effect::Connect { interaction, .. } => self.talk(*interaction),
            Effect::Dial { attempt, ring_timeout, address, .. } => {
                self.dial(*attempt, *ring_timeout);
                self.asks_elsewhere(address);
            }
            Effect::EndAttempt { attempt, reason } => self.end(*attempt, reason.class()),
            Effect::Registered { interaction } | Effect::Release { interaction, .. } => {
                self.hang_up(*interaction);
            }
            Effect::AskKeepWaiting { interaction } => {
                let wait = self.kind || self.chance(50);
                let choice = if wait { WaitChoice::KeepWaiting } else { WaitChoice::CallBack };
                self.soon(15, Event::WaitAnswered { interaction: *interaction, choice });
            }
            Effect::NotAdmitted { interaction, .. } => {
                self.callers.remove(interaction);
            }
            _ => self.consumer_reacts(effect),
        }
    }

    /// Something is ended that may already have happened: what it would have led to is taken back,
    /// unless the two cross on the way.
    fn prevent(&mut self, led_to: impl Fn(&Event) -> bool) {
        if self.kind || !self.chance(self.swarm.crossing) {
            self.under_way.retain(|(_, event)| !led_to(event));
        }
    }

    fn alerted(&mut self, agent: &AgentId, interaction: InteractionId) {
        let agent = agent.clone();
        let reaction = if self.kind { 0 } else { weighted(&mut self.entropy, &self.swarm.alerted) };
        let reason = match reaction {
            0 => return self.soon(15, Event::AgentAnswered { agent, interaction }),
            1 => DeclineReason::Missed,
            2 => DeclineReason::Busy,
            3 => DeclineReason::Unreachable,
            _ => return,
        };
        self.soon(10, Event::AgentDeclined { agent, interaction, reason });
    }

    fn talk(&mut self, interaction: InteractionId) {
        let seconds = self.swarm.talk_seconds;
        match weighted(&mut self.entropy, &self.swarm.talked) {
            0 => {
                self.soon(seconds, Event::BridgeEnded { interaction, cause: BridgeEnd::Agent });
            }
            // A leg that hung up before, which the queue knows not yet, cannot do so again.
            1 if !self.consumer_gone(interaction, seconds) => {
                self.soon(seconds, Event::BridgeEnded { interaction, cause: BridgeEnd::Agent });
            }
            1 => {}
            _ => self.soon(seconds, Event::BridgeEnded { interaction, cause: BridgeEnd::Lost }),
        }
    }

    /// A person who was told goodbye, whichever leg they are on.
    fn hang_up(&mut self, interaction: InteractionId) {
        self.consumer_gone(interaction, 5);
    }

    /// Whichever leg they are on ends; `false`: there is none.
    fn consumer_gone(&mut self, interaction: InteractionId, seconds: u64) -> bool {
        let caller = self.callers.remove(&interaction);
        if caller {
            self.soon(seconds, Event::CallerHungUp { interaction });
        }
        let range =
            AttemptId { interaction, serial: 0 }..=AttemptId { interaction, serial: u32::MAX };
        let legs: Vec<AttemptId> = self.dialled.range(range).map(|(&id, _)| id).collect();
        for attempt in &legs {
            self.over(*attempt, seconds, RetryClass::HungUp);
        }
        caller || !legs.is_empty()
    }

    /// The leg of an attempt ends once.
    fn over(&mut self, attempt: AttemptId, seconds: u64, class: RetryClass) {
        let known = self.dialled.get_mut(&attempt);
        if known.is_some_and(|ended| !std::mem::replace(ended, true)) {
            // Some ring before the trunk fails them.
            let rang = text::usually_rang(class) || attempt.serial.is_multiple_of(3);
            self.soon(seconds, Event::AttemptEnded { attempt, class, rang });
        }
    }

    fn dial(&mut self, attempt: AttemptId, ring_timeout: Duration) {
        self.dialled.insert(attempt, false);
        let ring = ring_timeout.as_secs() + 5;
        let reaction = if self.kind { 0 } else { weighted(&mut self.entropy, &self.swarm.dialled) };
        let class = match reaction {
            0 => return self.answer(attempt, ring),
            1 => RetryClass::Busy,
            2 => return,
            3 => RetryClass::Rejected,
            4 => RetryClass::Unreachable,
            _ => RetryClass::Carrier,
        };
        self.over(attempt, ring, class);
    }

    fn answer(&mut self, attempt: AttemptId, ring: u64) {
        let before = self.now;
        self.soon(if self.kind { 2 } else { ring }, Event::AttemptAnswered { attempt });
        let answered = self.under_way.last().map_or(before, |&(at, _)| at);
        self.now = answered;
        let does = if self.kind { 0 } else { weighted(&mut self.entropy, &self.swarm.answered) };
        match does {
            0 => {
                self.soon(if self.kind { 3 } else { 40 }, Event::ConsumerConfirmed { attempt });
                if !self.kind && self.chance(15) {
                    self.over(attempt, 300, RetryClass::HungUp);
                }
            }
            1 => {
                let delay = Duration::from_secs(60 * (10 + self.entropy.below(81)));
                self.soon(20, Event::ConsumerPostponed { attempt, delay });
            }
            2 => self.soon(20, Event::ConsumerRefused { attempt }),
            3 if self.chance(30) => self.over(attempt, 20, RetryClass::Machine),
            3 => self.over(attempt, 20, RetryClass::NoConfirm),
            _ => {}
        }
        self.now = before;
    }

    /// The system ends a leg: what came first counts.
    fn end(&mut self, attempt: AttemptId, class: RetryClass) {
        self.prevent(|event| match event {
            Event::AttemptAnswered { attempt: a }
            | Event::ConsumerConfirmed { attempt: a }
            | Event::ConsumerPostponed { attempt: a, .. }
            | Event::ConsumerRefused { attempt: a } => *a == attempt,
            _ => false,
        });
        // An answer wins over this order only if they cross: no INVITE lives longer after a CANCEL
        // (64 * T1, RFC 3261 section 9.1).
        if class == RetryClass::CalledIn {
            let gone = self.now + GONE_AFTER;
            let late = |at: Timestamp, event: &Event| {
                at >= gone
                    && matches!(event, Event::AttemptAnswered { attempt: a } if *a == attempt)
            };
            self.under_way.retain(|(at, event)| !late(*at, event));
        }
        match self.dialled.get(&attempt) {
            Some(_) => self.over(attempt, 4, class),
            // Never dialled, or dialled before a restart: known by its derived identifiers only.
            None => {
                let rang = text::usually_rang(class);
                self.soon(4, Event::AttemptEnded { attempt, class, rang });
            }
        }
    }
}
