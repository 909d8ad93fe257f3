//! Everything the queue may ask for: a closed enum of orders.

use super::event::RetryClass;
use super::interaction::{Origin, Outcome};
use super::matching::Combination;
use crate::ident::{AgentId, AttemptId, CallInId, InteractionId, QueueId, Route, UserData};
use crate::phone::{Address, Dnis};
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
    /// The callback that a live caller confirmed is refused: say why, back to the queue.
    NotRegistered {
        /// Whose.
        interaction: InteractionId,
        /// Why.
        why: Refusal,
    },
    /// A callback asked for from outside is committed, or was committed before.
    Accepted {
        /// Which.
        interaction: InteractionId,
        /// When it is due, if not at once.
        due_at: Option<Timestamp>,
    },
    /// A callback asked for from outside, or another time for one, is refused; nothing was changed.
    Refused {
        /// Which.
        interaction: InteractionId,
        /// Why.
        why: Refusal,
    },
    /// The consumer who called in is on the line now, at the place of their callback.
    TakenOver {
        /// The callback.
        interaction: InteractionId,
    },
    /// The consumer who called in does not have the place of their callback.
    NotTakenOver {
        /// The callback.
        interaction: InteractionId,
        /// Why not.
        why: NotTakenOver,
    },
    /// The consumer who called in keeps their callback, and it stands.
    Kept {
        /// The callback.
        interaction: InteractionId,
    },
    /// What was to be cancelled is over, and that is committed.
    Cancelled {
        /// Which.
        interaction: InteractionId,
    },
    /// What was to be cancelled stands: its consumer is in conversation.
    NotCancelled {
        /// Which.
        interaction: InteractionId,
    },
    /// A Call-In request is committed.
    CallInGranted {
        /// Which.
        request: CallInId,
        /// The callback it is for, or the request's own id.
        interaction: InteractionId,
        /// The number to call.
        number: Dnis,
        /// Which of the candidates drawn for that number is the code; `None`: no code.
        code: Option<usize>,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// A Call-In request was not made.
    CallInRefused {
        /// Which.
        request: CallInId,
        /// The callback it is for, or the request's own id.
        interaction: InteractionId,
        /// Why.
        why: CallInRefusal,
    },
    /// A caller is known by a Call-In request.
    CallInMatched {
        /// The call, by the id it came in with.
        interaction: InteractionId,
        /// The request.
        request: CallInId,
        /// What agreed.
        combination: Combination,
        /// The callback at whose place the caller now waits; `None`: the flow goes on.
        callback: Option<InteractionId>,
        /// What the app attached, where the flow goes on.
        data: Option<UserData>,
    },
    /// A caller is tied to no request, or to a callback in a way that this entry does not route.
    /// The requests stay as they are.
    CallInUnmatched {
        /// The call, by the id it came in with.
        interaction: InteractionId,
        /// In what it agrees with the request for that callback; none of the three: with nobody's.
        combination: Combination,
    },
    /// Tell the consumer's app.
    Push {
        /// Of which callback.
        interaction: InteractionId,
        /// What.
        event: PushEvent,
    },
    /// A caller on the line leaves the queue by its exit for closing time.
    LeaveQueue {
        /// Who.
        interaction: InteractionId,
        /// Is a scheduled callback to be offered first?
        offer_schedule: bool,
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

/// Why one who called in does not go on at the place of their callback, or does not keep it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NotTakenOver {
    /// They are on the phone that we dialled, or on another call of theirs.
    Talking,
    /// The callback is over.
    Over,
    /// Its queue is closed; it stands.
    Closed,
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

/// Why a callback was not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Outside business hours, closing soon, or at an hour at which the number may not be called. A
    /// time in `proposals` could be had.
    Closed {
        /// Times that could be had, the closest first.
        proposals: Vec<Timestamp>,
    },
    /// Further ahead than the queue plans.
    TooFarAhead {
        /// Times that could be had, the closest first.
        proposals: Vec<Timestamp>,
    },
    /// The time has passed.
    Past {
        /// Times that could be had, the closest first.
        proposals: Vec<Timestamp>,
    },
    /// No callback can be had at that time any more.
    SlotTaken {
        /// Times that could be had, the closest first.
        proposals: Vec<Timestamp>,
    },
    /// As many wait, or are to be called back, as the queue takes.
    Full,
    /// No such queue, or no such callback (any more).
    Unknown,
    /// The queue takes no such callbacks.
    NotOffered,
    /// The number is not one that this queue calls.
    NotPermitted,
    /// Somebody there asked never to be called.
    NeverCall,
    /// The number asked, or rang, as often as it may.
    TooOften {
        /// When it may ask again.
        again_at: Timestamp,
    },
    /// There is one already for this address; it stands as it is.
    Duplicate {
        /// Which.
        open: InteractionId,
        /// When it is due, if not at once.
        due_at: Option<Timestamp>,
    },
}

/// Why no Call-In request was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallInRefusal {
    /// No such group.
    UnknownGroup,
    /// The callback is over, lapsed, or it is not its turn yet.
    NotItsTurn,
    /// There is no such callback (any more).
    Over,
    /// The group knows callers by their number, which was not said.
    NumberNeeded,
    /// Every number or code is taken.
    NoneFree {
        /// When the first is free again.
        retry_at: Timestamp,
    },
}

/// What a consumer's app is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PushEvent {
    /// The estimated wait fell below the queue's threshold; told once.
    Upcoming,
    /// It is the consumer's turn to call.
    Ready,
    /// Here is what to call.
    CallIn(CallInId),
    /// Too late: the callback lapsed.
    Expired,
    /// The appointment was moved by us.
    Moved(Timestamp),
    /// It is over.
    Completed(Outcome),
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
    /// Call me back, call me later: "we will call you back", then BYE.
    Goodbye,
    /// Never again: that is confirmed, then BYE.
    NeverAgain,
    /// The consumer calls in themselves: CANCEL.
    CalledIn,
    /// The queue closed over somebody on the line: they are told so, then BYE.
    Closed,
    /// The callback is purged over somebody on the line, or with their wish to be called back: an
    /// apology, then BYE.
    NotServed,
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
            EndReason::Cancelled
            | EndReason::Goodbye
            | EndReason::NeverAgain
            | EndReason::Closed
            | EndReason::NotServed => RetryClass::HungUp,
            EndReason::CalledIn => RetryClass::CalledIn,
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
    /// Nobody served them in all the time that there was.
    NotServed,
}

impl Effect {
    /// Does this order spend or give a promise, so that it must wait for the commit of its step? An
    /// order to a leg in our own process for a person on the line does not: it dies with us. "We
    /// will not call you again" is a promise that does not.
    pub fn waits_for_commit(&self) -> bool {
        match self {
            Effect::Dial { .. }
            | Effect::Registered { .. }
            | Effect::Accepted { .. }
            | Effect::Cancelled { .. }
            | Effect::CallInGranted { .. }
            | Effect::Push { .. }
            | Effect::EndAttempt { reason: EndReason::NeverAgain, .. } => true,
            Effect::Refused { .. }
            | Effect::TakenOver { .. }
            | Effect::NotTakenOver { .. }
            | Effect::Kept { .. }
            | Effect::NotCancelled { .. }
            | Effect::CallInRefused { .. }
            | Effect::CallInMatched { .. }
            | Effect::CallInUnmatched { .. }
            | Effect::LeaveQueue { .. }
            | Effect::NotAdmitted { .. }
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

    /// Is it for an app or a web page, not for a leg or an agent? What somebody is told there holds
    /// up no telephone.
    pub fn for_outside(&self) -> bool {
        match self {
            Effect::Accepted { .. }
            | Effect::Refused { .. }
            | Effect::Cancelled { .. }
            | Effect::NotCancelled { .. }
            | Effect::CallInGranted { .. }
            | Effect::CallInRefused { .. }
            | Effect::Push { .. } => true,
            Effect::NotAdmitted { .. }
            | Effect::Alert { .. }
            | Effect::CancelAlert { .. }
            | Effect::Connect { .. }
            | Effect::Disconnect { .. }
            | Effect::Dial { .. }
            | Effect::EndAttempt { .. }
            | Effect::Registered { .. }
            | Effect::NotRegistered { .. }
            | Effect::TakenOver { .. }
            | Effect::NotTakenOver { .. }
            | Effect::Kept { .. }
            | Effect::CallInMatched { .. }
            | Effect::CallInUnmatched { .. }
            | Effect::LeaveQueue { .. }
            | Effect::Release { .. }
            | Effect::AskKeepWaiting { .. } => false,
        }
    }

    /// The interaction it is about; effects of one interaction leave in the order made, those for
    /// outside among themselves.
    pub fn interaction(&self) -> InteractionId {
        match self {
            Effect::NotAdmitted { interaction, .. }
            | Effect::Alert { interaction, .. }
            | Effect::CancelAlert { interaction, .. }
            | Effect::Connect { interaction, .. }
            | Effect::Disconnect { interaction, .. }
            | Effect::Registered { interaction }
            | Effect::NotRegistered { interaction, .. }
            | Effect::Accepted { interaction, .. }
            | Effect::Refused { interaction, .. }
            | Effect::TakenOver { interaction }
            | Effect::NotTakenOver { interaction, .. }
            | Effect::Kept { interaction }
            | Effect::Cancelled { interaction }
            | Effect::NotCancelled { interaction }
            | Effect::CallInGranted { interaction, .. }
            | Effect::CallInRefused { interaction, .. }
            | Effect::CallInMatched { interaction, .. }
            | Effect::CallInUnmatched { interaction, .. }
            | Effect::Push { interaction, .. }
            | Effect::LeaveQueue { interaction, .. }
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
            | Effect::Accepted { .. }
            | Effect::Refused { .. }
            | Effect::TakenOver { .. }
            | Effect::NotTakenOver { .. }
            | Effect::Kept { .. }
            | Effect::Cancelled { .. }
            | Effect::NotCancelled { .. }
            | Effect::CallInGranted { .. }
            | Effect::CallInRefused { .. }
            | Effect::CallInMatched { .. }
            | Effect::CallInUnmatched { .. }
            | Effect::Push { .. }
            | Effect::LeaveQueue { .. }
            | Effect::Dial { .. }
            | Effect::EndAttempt { .. }
            | Effect::Registered { .. }
            | Effect::NotRegistered { .. }
            | Effect::Release { .. }
            | Effect::AskKeepWaiting { .. } => None,
        }
    }

    /// Does `self`, made later, revoke `earlier`, so that an `earlier` still withheld is dropped
    /// together with `self`? (An attempt that was never dialled and is ended: the gate reports it.
    /// A phone that never rang: nobody needs to know.)
    pub fn revokes(&self, earlier: &Effect) -> bool {
        match (self, earlier) {
            (Effect::EndAttempt { attempt, .. }, Effect::Dial { attempt: dialled, .. }) => {
                attempt == dialled
            }
            (
                Effect::CancelAlert { agent, interaction },
                Effect::Alert { agent: alerted, interaction: caller, .. },
            ) => agent == alerted && interaction == caller,
            _ => false,
        }
    }
}
