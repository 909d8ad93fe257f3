//! What survives a restart, and what leaves before and after it is on disk.
//!
//! | state | where it lives | shared | survives a restart |
//! |---|---|---|---|
//! | interactions, attempts, agents | the queue; rows here | read by `store::records` | yes |
//! | the trail: one row a transition | here only | read by an operator | yes |
//! | call records: one row a leg, once it has ended | here only | read by `store::records` | yes |
//! | bindings of phones | `sip`; rows here | no | yes |
//! | calls, legs, sound | `calls`, `sip`, `media` | no | no |
//!
//! It must not decide anything: rows come in as they are to be found again. `memory` is for tests
//! and the simulator, `sqlite` for a server; both pass the suite in `conformance`.

#[cfg(test)]
mod conformance;
pub mod gate;
pub mod memory;
pub mod outside;
#[cfg(feature = "node")]
pub mod records;
#[cfg(feature = "node")]
pub mod sqlite;

use crate::ident::{AgentId, InteractionId, LegId};
use crate::queue::Changed;
use crate::time::Timestamp;

/// A step of the queue with the rows it touched, committed whole or not at all.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// Ascending by one; the gate (`store::gate`) is told which ones are committed.
    pub number: u64,
    /// The clock of the queue after the step.
    pub now: Timestamp,
    /// The rows, as they are after the step, and the trail.
    pub changed: Changed,
    /// Bindings of agents and devices that changed: the whole set of each user named.
    pub bindings: Vec<UserBindings>,
    /// Legs that ended.
    pub legs: Vec<LegRecord>,
}

/// A leg that ended: the call record of one person's or one phone's part in a call. Also its row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LegRecord {
    /// Its id.
    pub leg: LegId,
    /// What it was for; `None`: a call that came to no queue, or an agent's to a feature code.
    pub interaction: Option<InteractionId>,
    /// Who called whom.
    pub direction: Direction,
    /// Who was at its other end.
    pub party: Party,
    /// When it came in, or was called out.
    pub started_at: Timestamp,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Whose doing that was.
    pub ended_by: LegEnd,
    /// The final response that ended it (RFC 3261 section 21), if one did.
    pub status: Option<u16>,
}

/// Who called whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// They called us.
    In,
    /// We called them.
    Out,
}

/// Who was at the other end of a leg.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Party {
    /// Somebody who called in.
    Caller,
    /// Somebody whom we called back.
    Consumer,
    /// An agent.
    Agent(AgentId),
    /// Somebody whom a consumer was transferred to.
    Third,
}

/// Whose doing the end of a leg was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LegEnd {
    /// The other side.
    Peer,
    /// We.
    Us,
    /// Nobody: no answer on the wire.
    Lost,
}

/// All bindings of one user, as rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserBindings {
    /// The user.
    pub user: String,
    /// What `sip` gave to be kept, field by field (the node translates).
    pub bindings: Vec<BindingRow>,
}

/// A binding as a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BindingRow {
    /// The contact URI.
    pub contact: String,
    /// Where its requests go.
    pub address: std::net::SocketAddr,
    /// Call-ID of the REGISTER.
    pub call_id: String,
    /// CSeq of the REGISTER.
    pub cseq: u32,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Everything a start needs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Loaded {
    /// The queue's rows: interactions that are not Done, their open attempts, all agents.
    pub rows: Changed,
    /// The bindings.
    pub bindings: Vec<UserBindings>,
    /// The number of the last committed step; 0: none.
    pub step: u64,
    /// The last committed clock: `now` never runs back behind it.
    pub now: Timestamp,
}

/// Whose fault, and whether to try again.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk or the database failed; the same change set may be tried again.
    #[error("the store failed and may be tried again: {0}")]
    Unavailable(String),
    /// The data is not ours or not readable; trying again does not help.
    #[error("the store cannot be used: {0}")]
    Broken(String),
}

/// What survives. Blocking: the node gives it a thread of its own.
pub trait Store: Send {
    /// Reads everything a start needs.
    fn load(&mut self) -> Result<Loaded, StoreError>;

    /// Commits the steps in one transaction (group commit): when it returns `Ok` they survive
    /// kill -9 and power loss; when it returns `Err` none of them is there. Steps already committed
    /// (by number) are skipped, so that a retry after an unknown end does no harm.
    fn commit(&mut self, steps: &[Step]) -> Result<(), StoreError>;
}
