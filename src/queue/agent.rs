//! A person who serves, and the one state they are in.
//!
//! ```text
//! LoggedOut ── login ──▶ NotReady | Ready ── alert ──▶ Alerting ── answer ──▶ Talking
//! Talking ── the call ends ──▶ AfterCallWork ── its time, or asked ──▶ Ready
//! Alerting ── declined ──▶ Ready | NotReady(Missed | Busy | Unreachable)
//! Ready ── consulted ──▶ NotReady(Outbound) ── handed somebody over ──▶ Talking
//!                              └─ the consultation ends ──▶ Ready
//! any ── log-out, contact lost ──▶ LoggedOut (from Talking: after the call)
//! ```

use crate::ident::{AgentId, InteractionId, QueueId};
use crate::time::Timestamp;

use super::event::NotReadyReason;
use super::skill::Skills;

/// What an agent is doing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AgentState {
    /// Not here.
    LoggedOut,
    /// Here, gets no calls.
    NotReady(NotReadyReason),
    /// May be alerted.
    Ready,
    /// Their phone rings for this interaction.
    Alerting(InteractionId),
    /// On a call.
    Talking(InteractionId),
    /// Finishing the work of the last call.
    AfterCallWork,
}

/// What an agent asked for during a call: it takes effect after it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AfterCall {
    /// Not ready for this reason.
    NotReady(NotReadyReason),
    /// Logged out.
    LogOut,
}

/// A person who serves. Also their row in the store.
#[derive(Clone, PartialEq, Debug)]
pub struct Agent {
    /// Who.
    pub id: AgentId,
    /// What they can do.
    pub skills: Skills,
    /// Were the skills changed at run time? Then they override the configuration.
    pub skills_changed: bool,
    /// What they are doing.
    pub state: AgentState,
    /// Idle or busy since when; the longest idle goes first. Kept through an alert, so that one
    /// that comes to nothing by no fault of theirs costs them no turn.
    pub since: Timestamp,
    /// The deadline of the state: after-call work, busy. (An alert's is the interaction's.)
    pub deadline: Option<Timestamp>,
    /// Asked for during a call.
    pub after_call: Option<AfterCall>,
    /// Misses in a row.
    pub misses: u32,
    /// The queue and the start of the call whose handling is being measured, through after-call
    /// work.
    pub handling: Option<(QueueId, Timestamp)>,
    /// When their phone last rang for a caller; zero: never.
    pub alerted_at: Timestamp,
    /// Calls answered on the day of `calls_day`.
    pub calls: u32,
    /// The day of the last call in its queue's zone, as year, month and day in one number.
    pub calls_day: i64,
    /// Did their phone answer since we started? Until then they trigger no dial.
    pub contact_checked: bool,
}

impl Agent {
    /// A configured agent who never logged in.
    pub(super) fn new(id: AgentId) -> Self {
        Self {
            id,
            skills: Skills::new(),
            skills_changed: false,
            state: AgentState::LoggedOut,
            since: Timestamp::default(),
            deadline: None,
            after_call: None,
            misses: 0,
            handling: None,
            alerted_at: Timestamp::default(),
            calls: 0,
            calls_day: 0,
            contact_checked: false,
        }
    }

    /// Whose phone rings for them, or whom they talk to.
    pub fn engaged_with(&self) -> Option<InteractionId> {
        match self.state {
            AgentState::Alerting(id) | AgentState::Talking(id) => Some(id),
            AgentState::LoggedOut
            | AgentState::NotReady(_)
            | AgentState::Ready
            | AgentState::AfterCallWork => None,
        }
    }
}
