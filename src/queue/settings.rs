//! The policy of queues and agents, as values: what the configuration tells the queue.

use std::collections::BTreeMap;

use super::contact::ContactSettings;
use super::event::RetryClass;
use super::hours::Hours;
use super::limits::LimitSettings;
use super::matching::CallInGroup;
use super::skill::{SkillExpression, Skills};
use super::slots::SlotSettings;
use crate::ident::{AgentId, GroupId, QueueId};
use crate::phone::{AddressPolicy, Ani};
use crate::time::{Duration, Timestamp};

/// What the queue is told by the configuration.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Settings {
    /// The queues.
    pub queues: BTreeMap<QueueId, QueueSettings>,
    /// The agents and their skills; a change made at run time overrides the file.
    pub agents: BTreeMap<AgentId, AgentSettings>,
    /// The groups of numbers for call-ins.
    pub call_in_groups: BTreeMap<GroupId, CallInGroup>,
}

/// One agent, as configured.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AgentSettings {
    /// What they can do.
    pub skills: Skills,
    /// The queues they serve; empty: all.
    pub queues: Vec<QueueId>,
}

/// The policy of one queue.
#[derive(Clone, PartialEq, Debug)]
pub struct QueueSettings {
    /// What an interaction needs when it says nothing itself.
    pub skills: SkillExpression,
    /// Most interactions waiting; one more is refused.
    pub waiting_max: u32,
    /// How long an agent's phone rings, 5 to 120 s.
    pub agent_ring_timeout: Duration,
    /// Misses in a row after which an agent is Not ready.
    pub misses_max: u32,
    /// After-call work; zero: none.
    pub after_call_work: Duration,
    /// Whom it may call back, and how.
    pub addresses: AddressPolicy,
    /// When it may call them.
    pub contact: ContactSettings,
    /// How often a number may ask, and be called.
    pub limits: LimitSettings,
    /// What phones are shown.
    pub shown: ShownSettings,
    /// How long a consumer's phone rings, 5 to 120 s.
    pub ring_timeout: Duration,
    /// Is "press 1" asked of an answered consumer?
    pub confirm: bool,
    /// How long an answered consumer has to press it.
    pub confirm_timeout: Duration,
    /// Wait of an answered consumer after which they are asked again.
    pub answered_wait_max: Duration,
    /// Keeps the triggering agent for the answer; zero: not.
    pub hold_trigger: Duration,
    /// Dials per Ready agent, in percent: 100 = 1.0.
    pub boost_percent: u32,
    /// Most dials at once.
    pub dials_max: u32,
    /// Attempts that count, over all classes.
    pub attempts_max: u32,
    /// Attempts that may end like this; missing: as many as there are.
    pub attempts_max_of: BTreeMap<RetryClass, u32>,
    /// The delay before the next attempt, by how the last ended.
    pub retry_delay: BTreeMap<RetryClass, Duration>,
    /// Purged so long after it was due.
    pub purge_after: Duration,
    /// When it is open.
    pub hours: Hours,
    /// How callbacks are scheduled; `None`: they are not.
    pub slots: Option<SlotSettings>,
    /// What becomes of a caller who hangs up while waiting.
    pub early_hangup: EarlyHangup,
    /// Who is alerted among several Ready agents.
    pub selection: Selection,
    /// How the wait is estimated.
    pub ewt: EwtMode,
    /// Are new callbacks taken?
    pub accept_callbacks: bool,
    /// Are pending callbacks dialled and pushed?
    pub process_callbacks: bool,
    /// Immediate callbacks are not taken so long before closing.
    pub accept_until_before_close: Duration,
    /// Most callbacks pending, scheduled ones too.
    pub callbacks_max: u32,
    /// What becomes of callers on the line at close of business.
    pub at_close: AtClose,
    /// Are people on the line let go at close of business and purge?
    pub purge_on_line: bool,
    /// Do the consumers of its callbacks call in, when it is their turn?
    pub user_originated: bool,
    /// How pushes are paced and how long they last.
    pub pushes: PushSettings,
}

/// What the phones of consumers and agents are shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ShownSettings {
    /// The number that calls a consumer; `None`: the one that they called, or that of the trunk.
    pub caller_id: Option<Ani>,
    /// The name with it; empty: none.
    pub display_name: String,
    /// The keys of the user data that agents are shown, the most important first.
    pub data: Vec<String>,
}

/// Who is alerted among several Ready agents who may serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Selection {
    /// Idle for the longest time.
    #[default]
    LongestIdle,
    /// Fewest calls since 00:00 of the queue's zone.
    FewestCalls,
    /// In turn: whose last alert is the longest ago.
    RoundRobin,
    /// The highest sum of levels over the skills that the caller needs.
    MostSkilled,
}

/// How the wait is estimated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum EwtMode {
    /// Mean gap of the last 32 distributions x (ahead + 1).
    Mode1,
    /// Mean handling time of the last 50 x ceil((ahead + 1 - Ready agents) / agents).
    #[default]
    Mode2,
    /// Like `Mode2`, of the ten minutes up to the last call.
    Mode3,
}

/// What becomes of live callers at close of business.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AtClose {
    /// Served while somebody who could serve them is logged in, at most for so long; then as
    /// `Branch`.
    Finish(Duration),
    /// The flow's exit `closed`, at once.
    Branch,
    /// A scheduled callback is offered, then as `Branch`.
    OfferSchedule,
}

/// How the consumers of a queue are told to call in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PushSettings {
    /// From the READY push on; then the callback lapses.
    pub expiry: Duration,
    /// How long one who does not react counts against the pacing.
    pub ready_answer_time: Duration,
    /// Pushes at once for each agent who could serve, in percent: 100 = 1.0.
    pub factor_percent: u32,
    /// `Upcoming` is pushed once the estimated wait is below this; `None`: never.
    pub upcoming_below: Option<Duration>,
    /// A matched consumer who drops keeps place and code for so long.
    pub reconnect_grace: Duration,
}

impl Default for PushSettings {
    fn default() -> Self {
        Self {
            expiry: Duration::from_secs(15 * 60),
            ready_answer_time: Duration::from_secs(3 * 60),
            factor_percent: 100,
            upcoming_below: None,
            reconnect_grace: Duration::from_secs(120),
        }
    }
}

/// What becomes of a live caller who hangs up while waiting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EarlyHangup {
    /// Abandoned.
    Abandon,
    /// A callback at the same place, if the number is usable.
    CallBack,
}

impl QueueSettings {
    /// Where the slot begins that contains this time; `None` if the queue has no slots, or is
    /// closed then.
    pub(super) fn slot_of(&self, at: Timestamp) -> Option<Timestamp> {
        self.slots.as_ref()?.slot_of(&self.hours, at)
    }
}

impl Default for QueueSettings {
    /// What holds where the configuration says nothing; nobody may be called back.
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            skills: SkillExpression::default(),
            waiting_max: 1000,
            agent_ring_timeout: Duration::from_secs(20),
            misses_max: 2,
            after_call_work: Duration::from_secs(30),
            addresses: AddressPolicy::default(),
            contact: ContactSettings::default(),
            limits: LimitSettings::default(),
            shown: ShownSettings::default(),
            ring_timeout: Duration::from_secs(30),
            confirm: true,
            confirm_timeout: Duration::from_secs(45),
            answered_wait_max: minutes(2),
            hold_trigger: Duration::ZERO,
            boost_percent: 100,
            dials_max: 100,
            attempts_max: 3,
            attempts_max_of: BTreeMap::new(),
            retry_delay: BTreeMap::from([
                (RetryClass::Busy, minutes(2)),
                (RetryClass::NoAnswer, minutes(10)),
                (RetryClass::NoConfirm, minutes(10)),
                (RetryClass::Machine, minutes(30)),
                (RetryClass::Rejected, minutes(10)),
                (RetryClass::Unreachable, minutes(30)),
            ]),
            purge_after: minutes(24 * 60),
            hours: Hours::RoundTheClock,
            slots: None,
            early_hangup: EarlyHangup::Abandon,
            selection: Selection::default(),
            ewt: EwtMode::default(),
            accept_callbacks: true,
            process_callbacks: true,
            accept_until_before_close: Duration::ZERO,
            callbacks_max: 100_000,
            at_close: AtClose::Finish(minutes(30)),
            purge_on_line: false,
            user_originated: false,
            pushes: PushSettings::default(),
        }
    }
}
