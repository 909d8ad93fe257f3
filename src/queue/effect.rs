//! Everything the queue may ask for: a closed enum of orders.

use super::event::RetryClass;
use super::interaction::Origin;
use crate::ident::{AgentId, AttemptId, InteractionId, QueueId, Route};
use crate::phone::Address;
use crate::time::{Duration, Timestamp};

/// An order. Which ones wait for the commit of their step is said by [`Effect::waits_for_commit`].
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// The queue did not take a caller who arrived; the flow goes on without it.
    NotAdmitted {
        /// Whom.
        interaction: InteractionId,
        /// Why.
        reason: NotAdmitted,
    },
    /// Ring this agent for this interaction.
    Alert {
        /// Whom to ring.
        agent: AgentId,
        /// For whom.
        interaction: InteractionId,
        /// The queue, for the display name.
        queue: QueueId,
        /// Live call or callback.
        origin: Origin,
        /// When the wait began.
        arrival: Timestamp,
        /// Attempts made so far; 0 for a live call.
        attempts: u32,
        /// How long to ring.
        ring_timeout: Duration,
    },
    /// Stop ringing this agent for this interaction; no miss.
    CancelAlert {
        /// Whom.
        agent: AgentId,
        /// For whom.
        interaction: InteractionId,
    },
    /// The agent answered in time: join the two legs.
    Connect {
        /// Who answered.
        agent: AgentId,
        /// Whom they serve.
        interaction: InteractionId,
    },
    /// The call is over for the agent: hang up their leg.
    Disconnect {
        /// Who.
        agent: AgentId,
        /// From whom.
        interaction: InteractionId,
    },
    /// Dial the consumer.
    Dial {
        /// The attempt, committed before the INVITE.
        attempt: AttemptId,
        /// The queue: caller id, "press 1".
        queue: QueueId,
        /// Whom to call.
        address: Address,
        /// The way there, committed with the attempt.
        route: Route,
        /// The agent whose readiness started it, charged but not reserved.
        triggered_by: AgentId,
        /// How long to ring.
        ring_timeout: Duration,
        /// Is "press 1" asked for?
        confirm: bool,
    },
    /// End the leg of an attempt (CANCEL or BYE); only `AttemptEnded` closes it.
    EndAttempt {
        /// Which.
        attempt: AttemptId,
        /// What to report when the leg is gone, and what to say before, if anything.
        reason: EndReason,
    },
    /// The callback of a live caller is committed: say so, say goodbye, hang up.
    Registered {
        /// Whose.
        interaction: InteractionId,
    },
    /// The confirmation came too late or the number is not permitted: say why, back to the queue.
    NotRegistered {
        /// Whose.
        interaction: InteractionId,
    },
    /// Tell a person on the line, with a short goodbye, and hang up.
    Release {
        /// Whom.
        interaction: InteractionId,
        /// Why.
        reason: ReleaseReason,
    },
    /// Apologise to an answered consumer whom nobody serves, and ask: 1 wait, 2 call me back.
    AskKeepWaiting {
        /// Whom.
        interaction: InteractionId,
    },
}

/// Why a caller was not taken into a queue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NotAdmitted {
    /// Outside business hours.
    Closed,
    /// `waiting_max` is reached.
    Full,
    /// No such queue (any more).
    Unknown,
}

/// Why an attempt's leg is ended by us.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EndReason {
    /// Nobody answered in time: CANCEL; reported as `NoAnswer`.
    RingTimeout,
    /// Nobody pressed 1: BYE; reported as `NoConfirm`.
    NoConfirm,
    /// Cancelled, purged or closed: goodbye if somebody is there.
    Cancelled,
    /// Call me back, call me later, never again: a fitting goodbye, then BYE.
    Goodbye,
    /// Its node restarted and nothing is known of the leg: CANCEL or BYE by the derived
    /// identifiers.
    Orphaned,
}

impl EndReason {
    /// The class that the end of the leg has when we ended it for this reason and nothing came
    /// first.
    pub fn class(self) -> RetryClass {
        match self {
            EndReason::RingTimeout => RetryClass::NoAnswer,
            EndReason::NoConfirm => RetryClass::NoConfirm,
            EndReason::Cancelled | EndReason::Goodbye => RetryClass::HungUp,
            EndReason::Orphaned => RetryClass::Carrier,
        }
    }
}

/// Why a person on the line is let go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ReleaseReason {
    /// Cancelled from outside.
    Cancelled,
    /// The conversation is over.
    Served,
    /// The queue closed.
    Closed,
}

impl Effect {
    /// Does this order spend or give a promise, so that it must wait for the commit of its step? An
    /// order to a leg in our own process for a person on the line does not: it dies with us.
    pub fn waits_for_commit(&self) -> bool {
        match self {
            Effect::Dial { .. } | Effect::Registered { .. } => true,
            Effect::NotAdmitted { .. }
            | Effect::Alert { .. }
            | Effect::CancelAlert { .. }
            | Effect::Connect { .. }
            | Effect::Disconnect { .. }
            | Effect::EndAttempt { .. }
            | Effect::NotRegistered { .. }
            | Effect::Release { .. }
            | Effect::AskKeepWaiting { .. } => false,
        }
    }

    /// The interaction it is about; effects of one interaction leave in the order made.
    pub fn interaction(&self) -> InteractionId {
        match self {
            Effect::NotAdmitted { interaction, .. }
            | Effect::Alert { interaction, .. }
            | Effect::CancelAlert { interaction, .. }
            | Effect::Connect { interaction, .. }
            | Effect::Disconnect { interaction, .. }
            | Effect::Registered { interaction }
            | Effect::NotRegistered { interaction }
            | Effect::Release { interaction, .. }
            | Effect::AskKeepWaiting { interaction } => *interaction,
            Effect::Dial { attempt, .. } | Effect::EndAttempt { attempt, .. } => {
                attempt.interaction
            }
        }
    }

    /// The agent it is about; effects of one agent leave in the order made. A dial is not about its
    /// trigger: it must not hold up an alert to them.
    pub fn agent(&self) -> Option<&AgentId> {
        match self {
            Effect::Alert { agent, .. }
            | Effect::CancelAlert { agent, .. }
            | Effect::Connect { agent, .. }
            | Effect::Disconnect { agent, .. } => Some(agent),
            Effect::NotAdmitted { .. }
            | Effect::Dial { .. }
            | Effect::EndAttempt { .. }
            | Effect::Registered { .. }
            | Effect::NotRegistered { .. }
            | Effect::Release { .. }
            | Effect::AskKeepWaiting { .. } => None,
        }
    }

    /// Does `self`, made later, revoke `earlier`, so that an `earlier` still withheld is dropped
    /// together with `self`? (An attempt that was never dialled and is ended: the gate reports it.)
    pub fn revokes(&self, earlier: &Effect) -> bool {
        match (self, earlier) {
            (Effect::EndAttempt { attempt, .. }, Effect::Dial { attempt: dialled, .. }) => {
                attempt == dialled
            }
            _ => false,
        }
    }
}
