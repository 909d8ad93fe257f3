//! What `calls` is told: facts about legs, and what the queue ordered.

use super::spoken::{SpokenDay, SpokenTime};
use crate::ident::{
    AgentId, AttemptId, ContactId, InteractionId, LegId, PlayId, QueueId, Route, TrunkId, UserData,
};
use crate::phone::{Address, Ani, Dnis};
use crate::time::{Duration, Timestamp};

/// A fact about a leg, or an order of the queue.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// Nothing but time.
    Tick,
    // ---- legs
    /// An INVITE came in and was let in.
    LegIncoming {
        /// The new leg, unanswered.
        leg: LegId,
        /// Who calls, as the network said.
        ani: Ani,
        /// What was called.
        dnis: Dnis,
        /// From whom it was taken.
        from: Caller,
    },
    /// An outgoing leg rings (18x).
    LegRinging {
        /// Which.
        leg: LegId,
    },
    /// An outgoing leg was answered (2xx, media agreed), or an incoming one's answer was confirmed
    /// (ACK).
    LegAnswered {
        /// Which.
        leg: LegId,
    },
    /// A leg is gone: rejected, hung up, lost. Told once for each leg, also for those we ended.
    LegEnded {
        /// Which.
        leg: LegId,
        /// How.
        end: super::end::CallEnd,
    },
    /// A key was pressed.
    LegDigit {
        /// Where.
        leg: LegId,
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
    },
    /// A leg asks that its other side be connected with somebody else (REFER).
    LegReferred {
        /// Which.
        leg: LegId,
        /// With whom.
        to: TransferTarget,
    },
    /// Prompts were played to their end (not told for those cut or replaced).
    PlayEnded {
        /// Where.
        leg: LegId,
        /// Which order.
        play: PlayId,
    },
    /// What a dialled leg says sounds like an answering machine: a hint.
    MachineHeard {
        /// Which.
        leg: LegId,
    },
    /// The beep of an answering machine has ended: it records.
    BeepHeard {
        /// Where.
        leg: LegId,
    },
    // ---- orders of the queue
    /// The queue did not take the caller: the flow goes on by the exit that fits.
    NotAdmitted {
        /// Whom.
        interaction: InteractionId,
        /// Which exit.
        exit: QueueExit,
    },
    /// Ring this agent.
    Alert {
        /// Whom to ring.
        agent: AgentId,
        /// Their phones, all rung at once; empty: unreachable.
        phones: Vec<AgentPhone>,
        /// For whom.
        interaction: InteractionId,
        /// How long.
        ring_timeout: Duration,
        /// What the agent's phone is told.
        context: AlertContext,
    },
    /// Stop ringing; not a miss.
    CancelAlert {
        /// Whom.
        agent: AgentId,
        /// For whom.
        interaction: InteractionId,
    },
    /// The queue accepted the agent's answer: join the legs.
    Connect {
        /// Who.
        agent: AgentId,
        /// Whom.
        interaction: InteractionId,
    },
    /// Hang up the agent's leg.
    Disconnect {
        /// Who.
        agent: AgentId,
        /// From whom.
        interaction: InteractionId,
    },
    /// Dial a consumer.
    Dial {
        /// The committed attempt.
        attempt: AttemptId,
        /// For which queue.
        queue: QueueId,
        /// Whom.
        address: Address,
        /// The way.
        route: Route,
        /// How long to ring.
        ring_timeout: Duration,
        /// Ask for 1?
        confirm: bool,
    },
    /// End an attempt's leg; report `class` unless something else came first.
    EndAttempt {
        /// Which.
        attempt: AttemptId,
        /// What to say before, if somebody is there.
        goodbye: Goodbye,
        /// How its end is reported.
        class: super::end::AttemptClass,
    },
    /// What a number is that a caller keyed.
    NumberChecked {
        /// Who keyed it.
        interaction: InteractionId,
        /// The address behind it, or why it cannot be called.
        address: Result<Address, NumberRefused>,
    },
    /// What the queue found for the day and time that a caller keyed.
    SlotFound {
        /// Who keyed it.
        interaction: InteractionId,
        /// The closest time there is, or why there is none.
        found: Result<SlotOffer, SlotRefused>,
    },
    /// The callback is committed: say so and hang up.
    Registered {
        /// Whose.
        interaction: InteractionId,
    },
    /// The callback was refused: say why, and go on.
    NotRegistered {
        /// Whose.
        interaction: InteractionId,
        /// Why.
        reason: Refusal,
    },
    /// Is a callback pending for a caller who asked?
    Pending {
        /// Whose.
        interaction: InteractionId,
        /// It; from here on it is neither dialled nor pushed, for 60 s or until `PendingChosen`.
        pending: Option<PendingCallback>,
    },
    /// The caller chose to speak to someone now and has the callback's place: they go on as that
    /// interaction, waiting in its queue. Any dial of it is known to be over.
    TakenOver {
        /// The caller so far.
        interaction: InteractionId,
        /// As whom they go on.
        callback: InteractionId,
    },
    /// They are on the phone that we dialled: that call goes on, this one ends.
    DialledLegWins {
        /// Whose.
        interaction: InteractionId,
    },
    /// The callback that the caller keeps stands.
    PendingKept {
        /// Who keeps it.
        interaction: InteractionId,
    },
    /// The callback is over, or its queue is closed: the caller goes on as if none were pending.
    PendingOver {
        /// Whose.
        interaction: InteractionId,
    },
    /// The callback that the caller cancelled is over, and that is committed.
    PendingCancelled {
        /// Who cancelled it.
        interaction: InteractionId,
    },
    /// Whose call it is, by the code and the numbers that were told.
    CodeChecked {
        /// Which call.
        interaction: InteractionId,
        /// Whose.
        result: CodeResult,
    },
    /// A transfer that an agent asked for is allowed.
    Transfer {
        /// Whom to transfer.
        interaction: InteractionId,
        /// To whom.
        to: TransferTo,
    },
    /// It is not.
    TransferRefused {
        /// The leg that asked.
        leg: LegId,
        /// The SIP status to tell it, 4xx to 6xx.
        status: u16,
    },
    /// An agent who talks may call whom they asked for, to consult them.
    Consult {
        /// The leg on which they called us.
        leg: LegId,
        /// Whom.
        with: ConsultWith,
    },
    /// They may not.
    ConsultationRefused {
        /// The leg on which they called us.
        leg: LegId,
        /// The SIP status to tell it, 4xx to 6xx.
        status: u16,
    },
    /// Say goodbye and hang up the person on the line.
    Release {
        /// Whom.
        interaction: InteractionId,
        /// What to say.
        goodbye: Goodbye,
    },
    /// Apologise and ask: 1 keep waiting, 2 call me back.
    AskKeepWaiting {
        /// Whom.
        interaction: InteractionId,
    },
    /// What the caller may be told and offered now; sent at entry and while waiting, at intervals.
    Standing {
        /// Whose.
        interaction: InteractionId,
        /// 1 is next.
        position: u32,
        /// How many are in the queue, this one and callbacks included.
        length: u32,
        /// Is nobody logged in who could serve them?
        nobody: bool,
        /// Estimated wait; `None`: unknown.
        ewt: Option<Duration>,
        /// May a callback be offered that is made as soon as the turn comes?
        immediate: bool,
        /// May one be offered at a time that the caller chooses?
        scheduled: bool,
    },
    /// The state of an agent after a feature code, to be spoken to them.
    AgentNow {
        /// Who.
        agent: AgentId,
        /// Their state.
        state: AgentSummary,
    },
}

/// How a caller leaves a `queue` node without being served.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum QueueExit {
    /// Outside business hours.
    Closed,
    /// The same, for one who waited: a callback at another time is offered first.
    ClosedWithTimes,
    /// Too many are waiting.
    Full,
    /// Waited as long as the node allows.
    MaxWait,
    /// Pressed this key.
    Key(char),
    /// The agent hung up after the conversation.
    AfterCall,
}

/// Why a number that a caller keyed cannot be called.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NumberRefused {
    /// The queue does not call such numbers.
    NotPermitted,
    /// It is no number, or not a whole one.
    NotANumber,
    /// It had as many requests as are allowed.
    TooMany,
}

/// A time at which a callback can be made. It is not kept for the caller before they confirm it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotOffer {
    /// The instant.
    pub due: Timestamp,
    /// Its day.
    pub day: SpokenDay,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// Is it another time than the one that was keyed?
    pub moved: bool,
}

impl SlotOffer {
    /// As it is spoken.
    pub fn time(&self) -> SpokenTime {
        SpokenTime { day: self.day, hour: self.hour, minute: self.minute }
    }
}

/// Why no time was found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SlotRefused {
    /// Outside business hours.
    Closed,
    /// Beyond the look-ahead.
    TooFarAhead,
    /// It is over.
    Past,
    /// No slot near it is free.
    Full,
    /// There is no such day.
    NoSuchDate,
    /// The queue takes no scheduled callbacks.
    NotOffered,
}

/// Why a callback that a caller confirmed was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The queue does not call this number.
    NotPermitted,
    /// There is one for this number already.
    Duplicate {
        /// When it is due, if it is a scheduled one.
        scheduled_for: Option<SpokenTime>,
    },
    /// The number had as many requests as are allowed, or the queue has too many callbacks.
    TooMany,
    /// The queue takes no callbacks now.
    Closed,
    /// The slot was taken by somebody else meanwhile.
    SlotTaken,
    /// Whoever has the number asked never to be called.
    NeverCall,
    /// No promise can be given at the moment.
    Unavailable,
}

/// A callback that waits for a caller who calls in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PendingCallback {
    /// Which.
    pub callback: InteractionId,
    /// When it is due, if it is a scheduled one.
    pub scheduled: Option<SpokenTime>,
    /// Is the caller's phone being dialled for it? Then no answer means "speak now".
    pub dialled: bool,
}

/// Whose call it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CodeResult {
    /// One request's. It is used up, unless it is for a callback and the flow leads elsewhere than
    /// into a queue: then the call is like any other.
    Matched {
        /// In what they agree, as in [`super::flow::COMBINATIONS`].
        combination: String,
        /// The callback that the request is tied to, as which the caller goes on; `None`: a call
        /// like any other.
        callback: Option<InteractionId>,
        /// The queue in which that callback waits.
        queue: Option<QueueId>,
        /// What the app attached, for a call like any other.
        data: Option<UserData>,
    },
    /// Nobody's.
    NoMatch,
    /// Too many wrong codes from this number: they are not looked at any more.
    Locked,
}

/// Whom an agent wants to transfer to, as the phone said it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransferTarget {
    /// Whoever is behind this number or name. Nothing says that they may be called.
    Number(Dnis),
    /// The other side of another call of theirs (attended).
    Leg(LegId),
}

/// To whom a consumer is transferred.
#[derive(Clone, PartialEq, Debug)]
pub enum TransferTo {
    /// Waits in this queue from now on, at the place the queue gave; who is meant is alerted by
    /// the queue.
    Queue(QueueId),
    /// Leaves the queue for a number or an extension outside. Once it answers, `BridgeEnded` is
    /// reported for the agent.
    Number {
        /// By whose policy.
        queue: QueueId,
        /// Whom.
        address: Address,
        /// The ways there, first choice first.
        routes: Vec<Route>,
    },
}

/// A phone of an agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AgentPhone {
    /// One that registered here.
    Contact(ContactId),
    /// One that a trunk leads to.
    Extension(TrunkId, Address),
}

/// Whom an agent consults.
#[derive(Clone, PartialEq, Debug)]
pub enum ConsultWith {
    /// Another agent.
    Agent {
        /// Who.
        agent: AgentId,
        /// Their phones, all rung at once.
        phones: Vec<AgentPhone>,
        /// What their phone is told.
        context: AlertContext,
    },
    /// A number or an extension outside.
    Number {
        /// By whose policy.
        queue: QueueId,
        /// Whom.
        address: Address,
        /// The ways there, first choice first.
        routes: Vec<Route>,
    },
}

/// From whom an incoming leg was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Caller {
    /// A trunk, by its address or credentials.
    Trunk(TrunkId),
    /// An agent, by digest.
    Agent(AgentId),
    /// A device of the house that is not an agent, by digest.
    Device,
}

/// What the INVITE to an agent carries (as headers, by the node).
#[derive(Clone, PartialEq, Debug)]
pub struct AlertContext {
    /// The queue, also the display name.
    pub queue: QueueId,
    /// `live`, `immediate`, `scheduled` or `call-in`.
    pub kind: &'static str,
    /// Since arrival.
    pub wait: Duration,
    /// Attempts made; 0 for a live call.
    pub attempts: u32,
    /// The user data that it is shown (`X-Ringback-Data`), encoded.
    pub data: Option<String>,
}

/// What a person on the line hears before we hang up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goodbye {
    /// Nothing.
    Silent,
    /// "Goodbye."
    Plain,
    /// "We will call you back. Goodbye."
    CallBack,
    /// "Your callback was cancelled. Goodbye."
    Cancelled,
    /// "We are sorry. No one could take your call."
    NotServed,
    /// "We will not call you again. Goodbye."
    NeverAgain,
}

/// What an agent hears after a feature code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AgentSummary {
    /// Logged out.
    LoggedOut,
    /// Logged in, Not ready.
    NotReady,
    /// Ready.
    Ready,
    /// On a call: it takes effect after it.
    OnCall,
    /// In after-call work.
    AfterCallWork,
}
