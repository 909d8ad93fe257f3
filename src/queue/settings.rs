//! The policy of queues and agents, as values: what the configuration tells the queue.

use std::collections::BTreeMap;

use super::contact::ContactSettings;
use super::event::RetryClass;
use super::hours::Hours;
use super::skill::{SkillExpression, Skills};
use crate::ident::{AgentId, QueueId};
use crate::phone::AddressPolicy;
use crate::time::Duration;

/// What the queue is told by the configuration.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Settings {
    /// The queues.
    pub queues: BTreeMap<QueueId, QueueSettings>,
    /// The agents and their skills; a change made at run time overrides the file.
    pub agents: BTreeMap<AgentId, AgentSettings>,
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
    /// When and how often it may call them.
    pub contact: ContactSettings,
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
    /// The delay before the next attempt, by how the last ended.
    pub retry_delay: BTreeMap<RetryClass, Duration>,
    /// Purged so long after it was due.
    pub purge_after: Duration,
    /// When it is open.
    pub hours: Hours,
    /// What becomes of a caller who hangs up while waiting.
    pub early_hangup: EarlyHangup,
}

/// What becomes of a live caller who hangs up while waiting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EarlyHangup {
    /// Abandoned.
    Abandon,
    /// A callback at the same place, if the number is usable.
    CallBack,
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
            ring_timeout: Duration::from_secs(30),
            confirm: true,
            confirm_timeout: Duration::from_secs(45),
            answered_wait_max: minutes(2),
            hold_trigger: Duration::ZERO,
            boost_percent: 100,
            dials_max: 100,
            attempts_max: 3,
            retry_delay: BTreeMap::from([
                (RetryClass::Busy, minutes(2)),
                (RetryClass::NoAnswer, minutes(10)),
                (RetryClass::NoConfirm, minutes(10)),
                (RetryClass::Rejected, minutes(10)),
                (RetryClass::Unreachable, minutes(30)),
            ]),
            purge_after: minutes(24 * 60),
            hours: Hours::RoundTheClock,
            early_hangup: EarlyHangup::Abandon,
        }
    }
}
