//! What `calls` asks for: orders to legs, and reports to the queue.

use crate::ident::{
    AgentId, AttemptId, GroupId, InteractionId, Language, LegId, PlayId, QueueId, Route, UserData,
};
use crate::phone::{AccessCode, Address, Ani, Dnis, KeyedNumber};
use crate::time::{Duration, Timestamp};

use super::end::AttemptClass;
use super::event::{AgentPhone, AlertContext};
use super::spoken::{KeyedDay, SpokenTime};

/// An order to a leg, or a report to the queue.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    // ---- orders to legs
    /// 200 on an incoming leg, with media.
    Answer {
        /// Which.
        leg: LegId,
    },
    /// Judge from now on whether a machine answered this dialled leg.
    ListenForMachine {
        /// Which.
        leg: LegId,
    },
    /// 180 on an incoming leg: whom it called rings.
    Ring {
        /// Which.
        leg: LegId,
    },
    /// A final response other than 2xx on an incoming leg.
    Reject {
        /// Which.
        leg: LegId,
        /// 4xx to 6xx.
        status: u16,
    },
    /// Call out.
    Invite {
        /// The new leg.
        leg: LegId,
        /// Whom.
        to: Callee,
        /// The leg it will be bridged with: the same codec is asked for.
        like: Option<LegId>,
    },
    /// End a leg by whatever fits: CANCEL, BYE, or a final response. `LegEnded` follows.
    HangUp {
        /// Which.
        leg: LegId,
        /// A text for the `Reason` header (RFC 3326), Q.850 cause.
        cause: u8,
    },
    /// Cancel an INVITE of ours, unless it is answered in the same moment: then it is. `LegEnded`
    /// or `LegAnswered` follows.
    Cancel {
        /// Which.
        leg: LegId,
        /// As in `HangUp`.
        cause: u8,
    },
    /// Play prompts, in place of whatever the leg hears; silence after.
    Play {
        /// Where.
        leg: LegId,
        /// Told back in `PlayEnded`.
        play: PlayId,
        /// In which language.
        language: Language,
        /// What, in order.
        prompts: Vec<Prompt>,
    },
    /// Play music until told otherwise.
    Music {
        /// Where.
        leg: LegId,
    },
    /// Send silence until told otherwise.
    Silence {
        /// Where.
        leg: LegId,
    },
    /// Join the media of two legs.
    Bridge {
        /// One.
        a: LegId,
        /// The other.
        b: LegId,
    },
    /// What this leg asked for by a transfer is done: `TransferProgress` follows.
    AcceptTransfer {
        /// Which.
        leg: LegId,
    },
    /// What this leg asked for by a transfer is not done.
    RefuseTransfer {
        /// Which.
        leg: LegId,
        /// The SIP status, 4xx to 6xx.
        status: u16,
    },
    /// How an accepted transfer ended, told to the leg that asked for it, which may be gone.
    TransferProgress {
        /// Which.
        leg: LegId,
        /// The SIP status of the call to the target: 200 is done, from 300 on it failed.
        status: u16,
    },
    // ---- reports to the queue
    /// A caller is about to join a queue, or booked a second callback. Is one pending for them?
    /// `Pending` follows.
    AskPending {
        /// Who.
        interaction: InteractionId,
        /// In which queue.
        queue: QueueId,
        /// Of two the appointment is asked about: it is what they wanted a second one of.
        appointment: bool,
        /// The caller's number; the node makes an address of it by the queue's policy.
        ani: Ani,
    },
    /// A caller said what is to become of a pending callback, or left without a word (`Keep`). On
    /// `Keep`, `PendingKept` or `PendingOver` follows; on `Now`, `TakenOver`, `DialledLegWins` or
    /// `PendingOver`; on `Cancel`, `PendingCancelled` or `DialledLegWins`.
    PendingChosen {
        /// Who.
        interaction: InteractionId,
        /// Which callback.
        callback: InteractionId,
        /// What.
        choice: PendingChoice,
    },
    /// A call may be the promise of a call-in request. `CodeChecked` follows.
    CodeKeyed {
        /// Which call.
        interaction: InteractionId,
        /// Among whose requests.
        group: GroupId,
        /// The caller's number.
        ani: Ani,
        /// The number called.
        dnis: Dnis,
        /// What was keyed; `None`: nothing was asked yet.
        code: Option<AccessCode>,
        /// How long ago the call came in.
        since: Duration,
        /// At which agreements ([`COMBINATIONS`](super::flow::COMBINATIONS)) the flow leads the
        /// consumer of a callback into its queue.
        routed: Vec<&'static str>,
    },
    /// A caller joined a queue.
    Arrived {
        /// The interaction, drawn when the leg came in.
        interaction: InteractionId,
        /// The queue.
        queue: QueueId,
        /// A skill expression of the flow, as text checked at load; `None`: the queue's default.
        skills: Option<String>,
        /// Higher goes first.
        priority: i16,
        /// The caller's number; the node makes an address of it by the queue's policy.
        ani: Ani,
        /// The number called.
        dnis: Dnis,
        /// What the app attached whose Call-In request this call is.
        data: Option<UserData>,
    },
    /// A caller was told the wait.
    EwtTold {
        /// Who.
        interaction: InteractionId,
        /// The estimate, not rounded.
        ewt: Duration,
    },
    /// A caller who waits is offered a callback.
    Offered {
        /// Who.
        interaction: InteractionId,
    },
    /// What may the caller be told and offered now? `Standing` follows.
    AskStanding {
        /// Whose.
        interaction: InteractionId,
    },
    /// A live caller left the queue by the flow, and stays on the line.
    CallerLeft {
        /// Who.
        interaction: InteractionId,
        /// By which exit.
        by: LeftBy,
    },
    /// A live caller's leg is gone (after `Arrived`).
    CallerHungUp {
        /// Whose.
        interaction: InteractionId,
    },
    /// A caller keyed the number to be called at. `NumberChecked` follows.
    NumberKeyed {
        /// Who.
        interaction: InteractionId,
        /// By whose policy it is read.
        queue: QueueId,
        /// What was keyed.
        digits: KeyedNumber,
    },
    /// A caller keyed when to be called. `SlotFound` follows.
    FindSlot {
        /// Who.
        interaction: InteractionId,
        /// By which queue.
        queue: QueueId,
        /// Who is to be called.
        address: Address,
        /// The day, by the queue's calendar.
        day: KeyedDay,
        /// 0 to 1439, by the queue's clock.
        minute_of_day: u16,
    },
    /// A caller, waiting or not, confirmed a callback at a time that was found. `Registered` or
    /// `NotRegistered` follows.
    ScheduleConfirmed {
        /// Who.
        interaction: InteractionId,
        /// By which queue.
        queue: QueueId,
        /// Where.
        address: Address,
        /// When, as it was found.
        due: Timestamp,
    },
    /// A live caller confirmed a callback. `Registered` or `NotRegistered` follows.
    CallbackConfirmed {
        /// Who.
        interaction: InteractionId,
        /// Where.
        address: Address,
    },
    /// The dialled consumer answered.
    AttemptAnswered {
        /// Which.
        attempt: AttemptId,
    },
    /// The dialled consumer pressed 1.
    ConsumerConfirmed {
        /// Which.
        attempt: AttemptId,
    },
    /// The dialled consumer pressed 2.
    ConsumerPostponed {
        /// Which.
        attempt: AttemptId,
        /// How much later.
        delay: Duration,
    },
    /// The dialled consumer pressed 9.
    ConsumerRefused {
        /// Which.
        attempt: AttemptId,
    },
    /// An attempt's leg is gone.
    AttemptEnded {
        /// Which.
        attempt: AttemptId,
        /// What it means.
        class: AttemptClass,
        /// Did a phone ring (a 18x came, or it was answered)?
        rang: bool,
    },
    /// The answer to "keep waiting?".
    WaitAnswered {
        /// Whose.
        interaction: InteractionId,
        /// `true`: 1, keep waiting; `false`: 2 or no key.
        keep: bool,
    },
    /// An agent's phone was answered; `Connect` or `CancelAlert` follows.
    AgentAnswered {
        /// Who.
        agent: AgentId,
        /// For whom.
        interaction: InteractionId,
    },
    /// All of an agent's phones ended without an answer.
    AgentDeclined {
        /// Who.
        agent: AgentId,
        /// For whom.
        interaction: InteractionId,
        /// How.
        reason: AgentDecline,
    },
    /// The agent's leg of a bridged call ended.
    BridgeEnded {
        /// Which call.
        interaction: InteractionId,
        /// Was it lost, not hung up?
        lost: bool,
    },
    /// An agent who talks with a consumer asks to transfer them. `Transfer` or `TransferRefused`
    /// follows.
    TransferAsked {
        /// Whose conversation.
        interaction: InteractionId,
        /// Who asks.
        agent: AgentId,
        /// On which leg.
        leg: LegId,
        /// To whom, by number or name. Nothing says that they may be called.
        target: Dnis,
    },
    /// An agent calls somebody: from another line while they talk, or for its own sake. `Consult`
    /// or `ConsultationRefused` follows.
    ConsultationAsked {
        /// Whose conversation; one of which the queue knows nothing: there is none.
        interaction: InteractionId,
        /// Who calls.
        agent: AgentId,
        /// On which leg.
        leg: LegId,
        /// Whom, as the phone said it. Nothing says that they may be called.
        to: Dnis,
    },
    /// They are being called. `ConsultationEnded` follows.
    ConsultationBegan {
        /// Who calls.
        agent: AgentId,
        /// Whom, if it is an agent.
        with: Option<AgentId>,
    },
    /// That call is over.
    ConsultationEnded {
        /// Who called.
        agent: AgentId,
        /// Whom, if it is an agent.
        with: Option<AgentId>,
    },
    /// The consumer talks with the agent who was consulted; who consulted them is gone. The end of
    /// the consultation follows.
    HandedOver {
        /// Whose conversation.
        interaction: InteractionId,
        /// Who talks now.
        agent: AgentId,
    },
    /// An agent dialled a feature code.
    FeatureCode {
        /// On which leg.
        leg: LegId,
        /// Who.
        agent: AgentId,
        /// Which.
        code: FeatureCode,
    },
}

/// Whom an outgoing leg calls.
#[derive(Clone, PartialEq, Debug)]
pub enum Callee {
    /// One phone of an agent.
    Agent {
        /// Who.
        agent: AgentId,
        /// Which phone.
        phone: AgentPhone,
        /// For which interaction.
        interaction: InteractionId,
        /// What the phone is told.
        context: AlertContext,
        /// How long it may ring (`Expires`).
        ring_timeout: Duration,
        /// Who is on the other side, shown as the caller; `None`: withheld.
        ani: Option<Ani>,
    },
    /// Somebody whom a consumer is transferred to.
    Third {
        /// Whose consumer is transferred.
        interaction: InteractionId,
        /// By whose policy.
        queue: QueueId,
        /// Whom.
        address: Address,
        /// The way.
        route: Route,
        /// How long it may ring (`Expires`).
        ring_timeout: Duration,
        /// Who is on the other side; `None`: withheld.
        ani: Option<Ani>,
    },
    /// A consumer, by a committed attempt.
    Consumer {
        /// The attempt, from which the identifiers of the dialog are derived.
        attempt: AttemptId,
        /// For which queue.
        queue: QueueId,
        /// Whom.
        address: Address,
        /// The way.
        route: Route,
        /// How long it may ring (`Expires`).
        ring_timeout: Duration,
    },
}

/// One piece of what a person hears.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Prompt {
    /// A recorded sentence by its id in `sounds/`.
    Sound(&'static str),
    /// A recorded sentence named by the configuration.
    Named(String),
    /// A number or name, one character at a time.
    Characters(Address),
    /// A place in line, from 1, as a sentence.
    Position(u32),
    /// "less than a minute", "about seven minutes"; rounded as spoken.
    Wait(Duration),
    /// A day and a time: "today at 9 a.m.".
    Appointment(SpokenTime),
    /// A pause.
    Pause(Duration),
}

/// How a caller left a queue by the flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeftBy {
    /// A key, a dialogue, or the end of the call.
    Choice,
    /// `max_wait`.
    LongestWait,
    /// `no_agents`.
    NoAgents,
}

/// What is to become of a pending callback.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PendingChoice {
    /// It stays as it is.
    Keep,
    /// The caller wants to be served now, in its place.
    Now,
    /// It is not wanted any more.
    Cancel,
}

/// What an agent dialled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FeatureCode {
    /// `*45`: log in or out.
    LogInOut,
    /// `*46`: ready or not ready.
    Ready,
    /// `*47`: end after-call work.
    EndAfterCallWork,
}

/// Why an alerted agent did not answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AgentDecline {
    /// No answer in time, or rejected.
    Missed,
    /// 486.
    Busy,
    /// No contact, no response, or a transport error.
    Unreachable,
}

/// Every recorded sentence that calls name themselves, whatever the flows name: each must exist in
/// `sounds/`.
pub const SOUNDS: &[&str] = &[
    "after-call-work-ended",
    "agent-after-call-work",
    "agent-logged-in",
    "agent-logged-out",
    "agent-not-ready",
    "agent-on-call",
    "agent-ready",
    "callback-declined",
    "callback-duplicate",
    "callback-refused",
    "callbacks-unavailable",
    "calling-you-now",
    "cancelled",
    "closed",
    "code-accepted",
    "code-failed",
    "code-locked",
    "code-wrong",
    "confirm-keyed-number",
    "confirm-or-key-number",
    "confirm-time",
    "connecting",
    "goodbye",
    "invalid-choice",
    "keep-waiting-or-callback",
    "key-code",
    "key-number",
    "limit-reached",
    "never-again",
    "no-free-time",
    "no-such-day",
    "no-such-time",
    "not-served",
    "number-keyed-is",
    "number-not-complete",
    "number-not-taken",
    "offer-callback",
    "offer-callback-or-schedule",
    "offer-schedule",
    "offer-schedule-closed",
    "outside-hours",
    "pending-callback",
    "pending-callback-for",
    "pending-called-in",
    "pending-cancelled",
    "pending-choices",
    "pending-kept",
    "please-hold",
    "press-1-to-connect",
    "press-2-later",
    "press-9-never",
    "queue-full",
    "refused-never-call",
    "registered",
    "schedule-cancelled",
    "schedule-day",
    "schedule-half",
    "schedule-time",
    "scheduled-for",
    "slot-gone",
    "sorry-wait",
    "this-is-your-callback",
    "time-past",
    "time-taken",
    "too-far-ahead",
    "transfer-failed",
    "transferring",
    "wait-is",
    "we-can-call-you",
    "your-number-is",
];
