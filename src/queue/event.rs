//! Everything the queue may be told: a closed enum of facts in the past.

use std::collections::BTreeSet;

use super::Settings;
use super::interaction::Attached;
use super::matching::{Combination, DrawnCodes, Presented};
use super::skill::{SkillExpression, Skills};
use crate::ident::{
    AgentId, AttemptId, CallInId, GroupId, InteractionId, NodeId, QueueId, Route, UserData,
};
use crate::phone::Address;
use crate::time::{Duration, Timestamp};

/// A fact. A late or stale one (of a finished attempt, leg or interaction) changes nothing.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// Nothing but time: a deadline of [`super::Queue::poll_timeout`] came.
    Tick,
    /// A caller finished the menu and joined a queue.
    CallArrived {
        /// The id that the call keeps to its end; one that is known already changes nothing.
        interaction: InteractionId,
        /// The queue joined.
        queue: QueueId,
        /// What the call needs; `None`: the queue's default.
        skills: Option<SkillExpression>,
        /// Higher goes first.
        priority: i16,
        /// The caller's own number, if this queue may call it back (early hang-up, lost node).
        address: Option<Address>,
        /// What came with the call.
        attached: Option<Box<Attached>>,
        /// The node that holds the caller's leg.
        node: NodeId,
    },
    /// A live caller's own leg is gone (not a dialled one: see `AttemptEnded`). Also sent for the
    /// leg that was released after its caller accepted a callback: only then may the number be
    /// dialled.
    CallerHungUp {
        /// Whose leg.
        interaction: InteractionId,
    },
    /// A live caller left the queue by the flow and stays on the line.
    CallerLeft {
        /// Who.
        interaction: InteractionId,
        /// By which exit.
        by: LeftBy,
    },
    /// A live caller confirmed a callback to `address`.
    CallbackConfirmed {
        /// Who; still waiting, or the confirmation comes too late and changes nothing.
        interaction: InteractionId,
        /// Where to call.
        address: Address,
    },
    /// A live caller confirmed a callback at a time that was found by [`super::Queue::find_slot`].
    ScheduleConfirmed {
        /// Who; still waiting, or the confirmation comes too late and changes nothing.
        interaction: InteractionId,
        /// Where to call.
        address: Address,
        /// When; exactly then, or refused.
        due: Timestamp,
    },
    /// Somebody not on the line of this queue asked for a callback. `Accepted` or `Refused`
    /// follows; the id of one that is open is accepted again and changes nothing.
    CallbackRequested {
        /// The id of the callback.
        interaction: InteractionId,
        /// The queue joined.
        queue: QueueId,
        /// What the call needs; `None`: the queue's default.
        skills: Option<SkillExpression>,
        /// Higher goes first.
        priority: i16,
        /// Where to call; may be missing where the consumer calls.
        address: Option<Address>,
        /// When.
        when: When,
        /// Is somebody to be told by pushes how it fares?
        notify: bool,
        /// What came with the request.
        attached: Option<Box<Attached>>,
    },
    /// A callback that nobody works on is wanted at another time. `Accepted` or `Refused` follows.
    Rescheduled {
        /// Which; Scheduled, or Virtual and free.
        interaction: InteractionId,
        /// The new time.
        when: When,
    },
    /// The consumer of an open callback calls in and is asked what to do: for a minute at most it
    /// is neither dialled nor pushed, and a phone that rings for it stops ringing.
    MenuOpened {
        /// The callback.
        interaction: InteractionId,
    },
    /// The consumer is not asked any more and the callback stands.
    MenuClosed {
        /// The callback.
        interaction: InteractionId,
    },
    /// The consumer of an open callback who calls in wants to speak to someone now, at the same
    /// place. `TakenOver` or `NotTakenOver` follows.
    CalledIn {
        /// The callback.
        interaction: InteractionId,
        /// The node that holds the leg.
        node: NodeId,
    },
    /// Somebody is to be told a number to call, and perhaps a code. `CallInGranted` or
    /// `CallInRefused` follows.
    CallInRequested(Box<CallInAsked>),
    /// A caller's number, what they called and keyed: `CallInMatched` or `CallInUnmatched` follows.
    CallInArrived {
        /// The call, by the id it has while it belongs to no interaction.
        call: InteractionId,
        /// Which requests it may be tied to.
        group: GroupId,
        /// What it shows.
        presented: Presented,
        /// At which agreements the entry leads the consumer of a callback into its queue.
        routed: BTreeSet<Combination>,
        /// The node that holds the leg.
        node: NodeId,
    },
    /// A caller was told this estimate.
    EwtTold {
        /// Who.
        interaction: InteractionId,
        /// The estimate.
        ewt: Duration,
    },
    /// A caller is offered a callback.
    Offered {
        /// Who; nothing unless they wait.
        interaction: InteractionId,
    },
    /// The agent transferred the person they talk to into a queue, at the place of their arrival.
    Transferred {
        /// Whom.
        interaction: InteractionId,
        /// Where to; one that is not known changes nothing.
        queue: QueueId,
        /// Who is to be alerted at once, if they are Ready and serve that queue; otherwise, and if
        /// they do not answer, whoever does.
        agent: Option<AgentId>,
    },
    /// An agent calls somebody, to ask while they talk or for its own sake. Until
    /// `ConsultationEnded` whoever is asked, if they are an agent who is Ready, is Not ready
    /// (`outbound`); so is who asks, at once or, if they talk, should their conversation end
    /// before.
    ConsultationBegan {
        /// Who asks.
        agent: AgentId,
        /// Who is asked, if they are an agent.
        with: Option<AgentId>,
    },
    /// That call is over: Ready again, or after-call work where a conversation came before it.
    ConsultationEnded {
        /// Who asked.
        agent: AgentId,
        /// Who was asked, if they are an agent.
        with: Option<AgentId>,
    },
    /// The agent joined the person they talk to with the agent they consulted, and is gone.
    /// Whatever was meant for that one (an alert, a log-out) gives way: they talk already. The end
    /// of the consultation is told too.
    HandedOver {
        /// Whom.
        interaction: InteractionId,
        /// To whom; one who is not known, or talks to somebody else, changes nothing.
        agent: AgentId,
    },
    /// The dialled consumer answered (2xx).
    AttemptAnswered {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// The dialled consumer pressed 1.
    ConsumerConfirmed {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// The dialled consumer asked to be called later (2); the leg is still there.
    ConsumerPostponed {
        /// Which attempt.
        attempt: AttemptId,
        /// How much later, 10 to 90 minutes.
        delay: Duration,
    },
    /// The dialled consumer asked never to be called again (9); the leg is still there.
    ConsumerRefused {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// The leg of an attempt is known to be gone, answered or not.
    AttemptEnded {
        /// Which attempt.
        attempt: AttemptId,
        /// What it means for the next one.
        class: RetryClass,
        /// Is it known that a phone rang?
        rang: bool,
    },
    /// An answered consumer whom nobody served in `answered_wait_max` said what to do. No key is
    /// `CallBack`, also by the queue's own deadline (20 s). Nothing if an agent is alerted
    /// meanwhile.
    WaitAnswered {
        /// Who.
        interaction: InteractionId,
        /// The choice.
        choice: WaitChoice,
    },
    /// An agent logged in; one who is logged in already stays as they are.
    AgentLoggedIn {
        /// Who.
        agent: AgentId,
        /// Ready at once, or Not ready (`login`).
        ready: bool,
    },
    /// An agent asked to log out; during a call it takes effect after it.
    AgentLoggedOut {
        /// Who.
        agent: AgentId,
    },
    /// An agent asked for calls; during after-call work this ends it.
    AgentReady {
        /// Who.
        agent: AgentId,
    },
    /// An agent asked for no calls; during a call it takes effect after it.
    AgentNotReady {
        /// Who.
        agent: AgentId,
        /// Why.
        reason: NotReadyReason,
    },
    /// An agent ended after-call work.
    AfterCallWorkEnded {
        /// Who.
        agent: AgentId,
    },
    /// A phone of an agent registered that was not there before.
    AgentContactFound {
        /// Who.
        agent: AgentId,
        /// What becomes of them if they are Logged out; any other state stays.
        on_register: OnRegister,
    },
    /// The last contact of an agent is gone: Logged out unless on a call.
    AgentContactLost {
        /// Who.
        agent: AgentId,
    },
    /// The skills of an agent changed.
    SkillsChanged {
        /// Who.
        agent: AgentId,
        /// The new set.
        skills: Skills,
    },
    /// The alerted agent's phone was answered.
    AgentAnswered {
        /// Who.
        agent: AgentId,
        /// For whom.
        interaction: InteractionId,
    },
    /// The alerted agent's phone will not be answered.
    AgentDeclined {
        /// Who.
        agent: AgentId,
        /// For whom.
        interaction: InteractionId,
        /// How.
        reason: DeclineReason,
    },
    /// A bridged call ended from the agent's side, or was lost. The consumer's side is told by
    /// `CallerHungUp` or `AttemptEnded`.
    BridgeEnded {
        /// Which call.
        interaction: InteractionId,
        /// By what.
        cause: BridgeEnd,
    },
    /// What healthy routes can take now. `route()` starts no dial without it. Absolute, and
    /// replaces what was told before; the queue counts its own dials down from it, for every queue
    /// that uses the route. After an attempt ended with [`RetryClass::Carrier`] its route counts as
    /// full until this is told again, so it must be told after each end of an attempt and each
    /// change of health. A dial that is ordered and still waits for its commit counts as taken.
    DialCapacity {
        /// For which queue.
        queue: QueueId,
        /// Free channels by route.
        free: Vec<(Route, u32)>,
    },
    /// The API, the caller or a supervisor cancelled. `Cancelled` or `NotCancelled` follows.
    Cancelled {
        /// What.
        interaction: InteractionId,
    },
    /// A supervisor changed a priority: one of the three ways a place may change.
    PrioritySet {
        /// What.
        interaction: InteractionId,
        /// The new priority.
        priority: i16,
    },
    /// A node is gone with all its legs (also told of itself, as the first event after a restart).
    NodeLost {
        /// Which.
        node: NodeId,
    },
    /// Whether the phone of an agent answers was checked (after a restart no agent triggers a dial
    /// before it).
    ContactChecked {
        /// Who.
        agent: AgentId,
        /// The OPTIONS got an answer in time.
        reachable: bool,
    },
    /// The configuration was read again.
    SettingsChanged(Box<Settings>),
}

/// How a caller left a queue by the flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeftBy {
    /// A key, a dialogue, or the end of the call.
    Choice,
    /// The longest wait that the flow allows.
    LongestWait,
    /// Nobody was logged in who could serve them.
    NoAgents,
}

/// When a callback is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// As soon as it is its turn.
    Now,
    /// About then: at the closest time there is.
    Near(Timestamp),
    /// Then or not at all.
    At(Timestamp),
}

/// What a Call-In request asks for.
#[derive(Clone, PartialEq, Debug)]
pub struct CallInAsked {
    /// Its id.
    pub request: CallInId,
    /// The numbers it may be given.
    pub group: GroupId,
    /// The number that will call, if it is known.
    pub from: Option<Address>,
    /// The callback it is for.
    pub callback: Option<InteractionId>,
    /// What the app attached, for a call that is tied to no callback.
    pub data: Option<UserData>,
    /// The codes drawn for it, as hashes for each number of the group.
    pub codes: DrawnCodes,
}

/// What the end of an attempt means for the next one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RetryClass {
    /// 486, 600.
    Busy,
    /// Rang, nobody answered.
    NoAnswer,
    /// Answered, nobody pressed 1, or 2 for the fourth time.
    NoConfirm,
    /// Answered by a machine, as it seems.
    Machine,
    /// The consumer's side rejected.
    Rejected,
    /// The number does not exist or cannot be reached.
    Unreachable,
    /// The trunk or we failed: no attempt used, no delay.
    Carrier,
    /// The consumer, answered and confirmed, hung up: the end of the interaction, not a retry.
    HungUp,
    /// The consumer called in while we dialled: no attempt used, no delay.
    CalledIn,
}

/// The choice of an answered consumer whom nobody serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitChoice {
    /// 1: go on waiting; asked again each interval.
    KeepWaiting,
    /// 2 or no key: same place, no attempt used.
    CallBack,
}

/// What becomes of an agent whose phone registers while they are Logged out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnRegister {
    /// Logged in and Ready.
    Ready,
    /// Logged in and Not ready.
    NotReady,
    /// Nothing: the agent logs in by feature code.
    Keep,
}

/// Why an agent gets no calls.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NotReadyReason {
    /// Just logged in.
    Login,
    /// Asked for by the agent.
    Asked,
    /// Too many misses in a row.
    Missed,
    /// The phone said busy: until their call ends or 60 s.
    Busy,
    /// The phone could not be reached.
    Unreachable,
    /// On a call of their own: they consult somebody, or are consulted.
    Outbound,
}

/// Why an alerted agent will not answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DeclineReason {
    /// Nobody answered in the ring timeout, or the agent rejected: a miss.
    Missed,
    /// 486.
    Busy,
    /// No contact, no answer on the wire, or a transport error.
    Unreachable,
}

/// How a bridged call ended, from our side.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum BridgeEnd {
    /// The agent hung up.
    Agent,
    /// A leg was lost (no media and no answer, or an error of ours).
    Lost,
}
