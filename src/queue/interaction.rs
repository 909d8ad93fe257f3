//! One consumer's wish to talk: its stage, its place, its attempts, its outcome.
//!
//! The state table (the rows taken are counted by the simulator):
//!
//! ```text
//! (new) ── call arrives ──────────▶ Waiting        (new) ── callback asked for ──▶ Virtual
//! (new) ── asked for later ───────▶ Scheduled      Scheduled ── due ─────────────▶ Virtual
//! Waiting ── callback confirmed ──▶ Virtual        Virtual ── its turn ──────────▶ Dialing
//! Dialing ── answered ────────────▶ Confirming     Confirming ── 1 ──────────────▶ Waiting
//! Dialing, Confirming ── leg ended ▶ Virtual | Done(AttemptsExhausted)
//! Waiting ── alert ▶ Alerting ── answered ▶ Bridged ── hang-up ▶ Done(Served)
//! Bridged ── transferred ▶ Waiting                 Bridged ── handed over ▶ Bridged (another)
//! Virtual ── its turn, where the consumer calls ▶ Pushed ── accepted ▶ AwaitingCallIn
//! AwaitingCallIn ── matched ▶ Waiting              Pushed, AwaitingCallIn ── expiry ▶ Lapsed
//! Lapsed ── matched, by a call that came before the expiry ▶ Waiting
//! ```

use crate::ident::{AgentId, AttemptId, InteractionId, NodeId, QueueId, Route, UserData};
use crate::phone::{Address, Ani, PhoneNumber};
use crate::time::{Duration, Timestamp};

use super::effect::EndReason;
use super::event::RetryClass;
use super::skill::SkillExpression;

/// The ways to end that count as an attempt.
const COUNTED: [RetryClass; 6] = [
    RetryClass::Busy,
    RetryClass::NoAnswer,
    RetryClass::NoConfirm,
    RetryClass::Machine,
    RetryClass::Rejected,
    RetryClass::Unreachable,
];

/// How often attempts that count ended in which way; 255 is as far as it counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Failures([u8; COUNTED.len()]);

impl Failures {
    /// How often in this way; 0 for those that use no attempt.
    pub fn of(self, class: RetryClass) -> u32 {
        self.counted().find(|(of, _)| *of == class).map_or(0, |(_, count)| u32::from(count))
    }

    /// Of all ways together.
    pub fn total(self) -> u32 {
        self.0.iter().map(|&count| u32::from(count)).sum()
    }

    /// Those that happened.
    pub fn counted(self) -> impl Iterator<Item = (RetryClass, u8)> {
        COUNTED.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }

    /// One more; nothing for those that use no attempt.
    pub fn add(&mut self, class: RetryClass) {
        for (_, count) in COUNTED.iter().zip(&mut self.0).filter(|(of, _)| **of == class) {
            *count = count.saturating_add(1);
        }
    }
}

impl FromIterator<(RetryClass, u8)> for Failures {
    fn from_iter<T: IntoIterator<Item = (RetryClass, u8)>>(counted: T) -> Self {
        let mut failures = Self::default();
        for (class, count) in counted {
            (0..count).for_each(|_| failures.add(class));
        }
        failures
    }
}

/// Where an interaction stands. What it waits for has a deadline of its own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// Promised for a later time: no place before it is due.
    Scheduled,
    /// A place in the queue while nobody is on the line; not dialled before `not_before`.
    Virtual {
        /// Earliest next dial; `None`: at once.
        not_before: Option<Timestamp>,
    },
    /// The INVITE of the open attempt is out (or withheld for its commit), no final answer yet.
    Dialing,
    /// The dialled consumer answered and has not pressed 1 yet.
    Confirming,
    /// The consumer was told that it is their turn to call, and has not accepted yet.
    Pushed,
    /// The consumer accepted and holds a number and perhaps a code; or was on the line and dropped.
    AwaitingCallIn,
    /// The consumer did not call in time: no place and no agent, until it is purged. A call that
    /// had reached the entry before may still take it up.
    Lapsed,
    /// On the line, waiting for an agent.
    Waiting,
    /// On the line, this agent's phone rings.
    Alerting(AgentId),
    /// Talking to this agent.
    Bridged(AgentId),
    /// Over.
    Done(Outcome),
}

impl Stage {
    /// Is somebody on the line and in no conversation yet?
    pub fn on_line(&self) -> bool {
        match self {
            Stage::Waiting | Stage::Alerting(_) => true,
            Stage::Scheduled
            | Stage::Virtual { .. }
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Lapsed
            | Stage::Bridged(_)
            | Stage::Done(_) => false,
        }
    }
}

/// The one final result of an interaction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// Talked to an agent.
    Served,
    /// Called in before the callback was made, and talked to an agent.
    CalledIn,
    /// The consumer left before an agent answered.
    Abandoned,
    /// The caller left the queue by the flow and stayed on the line.
    Left,
    /// We lost the call.
    Dropped,
    /// The attempts allowed are used up; the class of the last one.
    AttemptsExhausted(RetryClass),
    /// The number rang as often as it may within a day.
    DailyLimit,
    /// The consumer said never again.
    Refused,
    /// Cancelled by the consumer or a supervisor.
    Cancelled,
    /// The purge time came.
    Purged,
    /// The business day ended.
    Closed,
    /// The queue or the address is no longer permitted.
    NotPermitted,
}

/// Where an interaction came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Origin {
    /// A caller on the line.
    Live,
    /// A callback, asked for in the queue or from outside.
    Immediate,
    /// A callback for an agreed time.
    Scheduled,
    /// A callback where the consumer calls, once it is their turn.
    CallIn,
}

impl Origin {
    /// Is the consumer dialled when it is their turn?
    pub fn dialled(self) -> bool {
        match self {
            Origin::Immediate | Origin::Scheduled => true,
            Origin::Live | Origin::CallIn => false,
        }
    }
}

/// The fixed key of the order: higher priority first, then the earlier arrival, then the sequence.
/// `Ord` is that order: the least goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Place {
    /// Higher goes first.
    pub priority: std::cmp::Reverse<i16>,
    /// The moment that counts for the order.
    pub arrival: Timestamp,
    /// Given by the queue at entry; breaks ties.
    pub sequence: u64,
}

/// One consumer's wish to talk, live or virtual, from entry to outcome. Also its row in the store.
#[derive(Clone, PartialEq, Debug)]
pub struct Interaction {
    /// Its id.
    pub id: InteractionId,
    /// Its queue.
    pub queue: QueueId,
    /// Where it came from; a live caller who accepts a callback becomes `Immediate` or `Scheduled`.
    pub origin: Origin,
    /// What it needs of an agent.
    pub skills: SkillExpression,
    /// Its place.
    pub place: Place,
    /// Where it stands.
    pub stage: Stage,
    /// The deadline of the stage. `None` where none is needed (Bridged, Done) or another one holds:
    /// Virtual has `not_before`, `purge_at` and `close_at`, an attempt that is being ended its own.
    pub deadline: Option<Timestamp>,
    /// Waiting: was the consumer asked whether to keep waiting, and has not answered yet?
    pub asked: bool,
    /// Whom to dial; of a live caller, whom to dial should they become a callback by no act of
    /// theirs (early hang-up, lost node).
    pub address: Option<Address>,
    /// The node that holds the leg of the person on the line, live or dialled.
    pub node: Option<NodeId>,
    /// Is the leg that the caller came in on still there? Never dialled before it is gone.
    pub caller_leg: bool,
    /// Attempts that count against the allowed ones.
    pub attempts_used: u32,
    /// The same by how they ended.
    pub failures: Failures,
    /// The serial of the last attempt; 0: none yet.
    pub attempts_made: u32,
    /// Times the consumer said "later".
    pub postponed: u32,
    /// Times the consumer who was pushed accepted.
    pub accepted: u32,
    /// When it came into being.
    pub created_at: Timestamp,
    /// When an immediate callback was asked for: by a caller on the line later than they came.
    pub requested_at: Timestamp,
    /// When it is due, if it was asked for a later time: never dialled before.
    pub due_at: Option<Timestamp>,
    /// Its consumer calls in and is asked what to do: until then it is neither dialled nor pushed.
    pub menu_until: Option<Timestamp>,
    /// Pushed or accepted: until then it counts against the pacing of pushes.
    pub share_until: Option<Timestamp>,
    /// Waiting: when the person on the line is let go or led away (close of business, purge).
    pub leave_at: Option<Timestamp>,
    /// Is somebody to be told by pushes how it fares?
    pub notify: bool,
    /// Was `Upcoming` pushed?
    pub upcoming: bool,
    /// Did its consumer call in, so that being served is its end as `CalledIn`?
    pub called_in: bool,
    /// When its consumer was last spoken to or rung.
    pub last_contact: Option<Timestamp>,
    /// The estimate that the consumer was last told, and when.
    pub told: Option<(Timestamp, Duration)>,
    /// When an agent answered.
    pub connected_at: Option<Timestamp>,
    /// When it is purged if nobody is on the line.
    pub purge_at: Option<Timestamp>,
    /// When its business day ends.
    pub close_at: Option<Timestamp>,
    /// Agents who missed it; not asked again while another Ready one could serve.
    pub missed_by: Vec<AgentId>,
    /// When it reached its outcome.
    pub ended_at: Option<Timestamp>,
    /// What came with it, if anything did.
    pub attached: Option<Box<Attached>>,
}

/// What came with a call or a request and is not needed to decide anything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Attached {
    /// The number that the caller called.
    pub called: Option<PhoneNumber>,
    /// What the app attached.
    pub data: Option<UserData>,
}

impl Attached {
    /// In a box, unless it holds nothing.
    pub fn some(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

impl Interaction {
    /// Purge or close of business, whichever comes first.
    pub(super) fn first_end(&self) -> Option<Timestamp> {
        [self.purge_at, self.close_at].into_iter().flatten().min()
    }
}

/// One try to reach a consumer. Also its row in the store. Open until its leg is known to be gone,
/// through Waiting and Bridged too, and beyond the interaction's outcome: a start loads every
/// attempt without `ended_at`, also one whose interaction is Done.
#[derive(Clone, PartialEq, Debug)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// The queue that it is charged to.
    pub queue: QueueId,
    /// The way it was dialled.
    pub route: Route,
    /// Whom it called.
    pub address: Address,
    /// The number that it shows as the caller; `None`: that of the trunk.
    pub caller: Option<Ani>,
    /// The name that it shows; empty: none.
    pub display_name: String,
    /// The agent who carries its charge; `None` once the charge ended.
    pub charged_to: Option<AgentId>,
    /// The node that dialled.
    pub node: Option<NodeId>,
    /// When it was decided.
    pub started_at: Timestamp,
    /// When the consumer answered.
    pub answered_at: Option<Timestamp>,
    /// Why we end its leg, once we do; from then on an answer comes too late.
    pub ending: Option<EndReason>,
    /// When we stop waiting for the end of its leg: we end the leg or, having done so, take it for
    /// gone. `None` while the interaction's own deadline holds.
    pub deadline: Option<Timestamp>,
    /// When its leg was known to be gone.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub class: Option<RetryClass>,
}

/// One step of one interaction or agent, for the trail, the log and the count of rows taken.
#[derive(Clone, PartialEq, Debug)]
pub struct Transition {
    /// When.
    pub at: Timestamp,
    /// Which interaction.
    pub interaction: InteractionId,
    /// The row of the state table that was taken; stable names, e.g. `waiting-confirmed-virtual`.
    pub row: &'static str,
    /// Stage after it.
    pub stage: Stage,
    /// The agent concerned, if any.
    pub agent: Option<AgentId>,
    /// The attempt concerned, if any.
    pub attempt: Option<AttemptId>,
    /// Its place in its queue before it, 1 is next; of one who came on the line by it, the place
    /// that they came to. Said where somebody is on the line but for their alerts, which are
    /// decided too often to count places; where a callback is asked for from outside; and at the
    /// turn of one, unless there are hundreds on either side of it.
    pub position: Option<u32>,
    /// The wait estimated, as it stood: when a callback was offered, or asked for from outside for
    /// now; at the answer of the consumer or the agent. When an offer was accepted: as the caller
    /// was told.
    pub ewt: Option<Duration>,
}

/// The rows by which a callback is offered.
pub(super) const OFFERED: [&str; 2] = ["waiting-offered-waiting", "alerting-offered-alerting"];
/// The rows by which the offer is accepted, or a callback asked for from outside.
pub(super) const ACCEPTED: [&str; 5] = [
    "new-requested-virtual",
    "waiting-confirmed-virtual",
    "waiting-confirmed-scheduled",
    "alerting-confirmed-virtual",
    "alerting-confirmed-scheduled",
];
/// The rows by which a consumer or an agent answers.
pub(super) const ANSWERED: [&str; 2] = ["dialing-answered-confirming", "alerting-answered-bridged"];
/// The rows by which it is the turn of a callback.
pub(super) const TURNS: [&str; 2] = ["virtual-turn-dialing", "virtual-turn-pushed"];
/// The row that routing takes: nothing is counted or estimated there.
pub(super) const ROUTED: &str = "waiting-alerted-alerting";

/// Every row of the state table, by the name its [`Transition`] carries: from, by what, to.
pub const ROWS: &[&str] = &[
    "new-arrived-waiting",
    "new-requested-virtual",
    "new-requested-scheduled",
    "scheduled-due-virtual",
    "scheduled-released-scheduled",
    "scheduled-moved-scheduled",
    "scheduled-cancelled-done",
    "scheduled-closed-done",
    "scheduled-calledin-waiting",
    "waiting-confirmed-virtual",
    "waiting-confirmed-scheduled",
    "waiting-alerted-alerting",
    "waiting-offered-waiting",
    "waiting-asked-waiting",
    "waiting-kept-waiting",
    "waiting-callback-virtual",
    "waiting-hungup-abandoned",
    "waiting-hungup-virtual",
    "waiting-hungup-awaiting",
    "waiting-left-done",
    "waiting-waited-done",
    "waiting-deserted-done",
    "waiting-cancelled-done",
    "waiting-overdue-dropped",
    "waiting-closing-waiting",
    "waiting-closed-done",
    "waiting-purged-done",
    "waiting-lost-abandoned",
    "waiting-lost-virtual",
    "waiting-lost-awaiting",
    "virtual-released-virtual",
    "virtual-delayed-virtual",
    "virtual-menu-virtual",
    "virtual-moved-scheduled",
    "virtual-undue-scheduled",
    "virtual-turn-dialing",
    "virtual-turn-pushed",
    "virtual-turn-notpermitted",
    "virtual-turn-limited",
    "virtual-window-virtual",
    "virtual-purged-done",
    "virtual-closed-done",
    "virtual-cancelled-done",
    "virtual-calledin-waiting",
    "pushed-accepted-awaiting",
    "pushed-expired-lapsed",
    "pushed-purged-done",
    "pushed-closed-done",
    "pushed-cancelled-done",
    "pushed-calledin-waiting",
    "awaiting-accepted-awaiting",
    "awaiting-matched-waiting",
    "awaiting-expired-lapsed",
    "awaiting-purged-done",
    "awaiting-closed-done",
    "awaiting-cancelled-done",
    "awaiting-calledin-waiting",
    "lapsed-matched-waiting",
    "lapsed-purged-done",
    "lapsed-closed-done",
    "lapsed-cancelled-done",
    "dialing-answered-confirming",
    "dialing-timeout-dialing",
    "dialing-calledin-waiting",
    "dialing-menu-virtual",
    "dialing-ended-virtual",
    "dialing-carrier-virtual",
    "dialing-ended-exhausted",
    "dialing-cancelled-done",
    "dialing-lost-dialing",
    "confirming-passed-waiting",
    "confirming-postponed-virtual",
    "confirming-refused-done",
    "confirming-timeout-confirming",
    "confirming-ended-virtual",
    "confirming-ended-exhausted",
    "confirming-cancelled-done",
    "confirming-lost-confirming",
    "alerting-offered-alerting",
    "alerting-confirmed-virtual",
    "alerting-confirmed-scheduled",
    "alerting-answered-bridged",
    "alerting-declined-waiting",
    "alerting-hungup-abandoned",
    "alerting-hungup-awaiting",
    "alerting-hungup-virtual",
    "alerting-left-done",
    "alerting-waited-done",
    "alerting-cancelled-done",
    "alerting-lost-abandoned",
    "alerting-lost-virtual",
    "alerting-lost-awaiting",
    "bridged-hungup-served",
    "bridged-ended-served",
    "bridged-lost-dropped",
    "bridged-transferred-waiting",
    "bridged-handedover-bridged",
    "open-priority-same",
];
