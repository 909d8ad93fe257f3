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

use std::collections::VecDeque;

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

/// What an agent asked for during a call, or what became of them: it takes effect after it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AfterCall {
    /// Not ready for this reason.
    NotReady(NotReadyReason),
    /// Logged out.
    LogOut,
    /// Their binding ended: logged out, unless it is back by then.
    ContactLost {
        /// Did they ask to be Not ready?
        asked: bool,
    },
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
    /// The calls they answered lately.
    pub answered: Answered,
    /// Did their phone answer since we started? Until then they trigger no dial.
    pub contact_checked: bool,
}

/// How many calls were answered in each quarter of an hour of the last day, the earliest first.
/// Days begin with such a quarter in every zone, so each queue may count from its own midnight.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answered(VecDeque<(i64, u32)>);

impl Answered {
    const QUARTER_MS: i64 = 15 * 60 * 1000;
    /// A day of 25 hours, and the quarter in which it began.
    const QUARTERS_MAX: i64 = 25 * 4 + 1;

    /// From counts by the quarters since 1970; `None` unless they rise.
    pub fn load(counts: impl IntoIterator<Item = (i64, u32)>) -> Option<Self> {
        let counts: VecDeque<(i64, u32)> = counts.into_iter().collect();
        let rise = counts.iter().zip(counts.iter().skip(1)).all(|((a, _), (b, _))| a < b);
        rise.then_some(Self(counts))
    }

    /// Counts by the quarters since 1970, for [`Answered::load`].
    pub fn counts(&self) -> impl Iterator<Item = (i64, u32)> {
        self.0.iter().copied()
    }

    /// One more.
    pub(super) fn add(&mut self, now: Timestamp) {
        let quarter = now.as_ms().div_euclid(Self::QUARTER_MS);
        self.0.retain(|(then, _)| quarter - then < Self::QUARTERS_MAX);
        match self.0.back_mut() {
            // Never earlier than the last, whatever the clock says.
            Some((last, count)) if *last >= quarter => *count += 1,
            Some(_) | None => self.0.push_back((quarter, 1)),
        }
    }

    /// How many since a midnight.
    pub(super) fn since(&self, midnight: Timestamp) -> u32 {
        let first = midnight.as_ms().div_euclid(Self::QUARTER_MS);
        self.0.iter().filter(|(quarter, _)| *quarter >= first).map(|(_, count)| count).sum()
    }
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
            answered: Answered::default(),
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
