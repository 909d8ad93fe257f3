//! The two clocks of the node: what the calendar says, and what never jumps.

use std::time::Instant;

use crate::time::{Duration, Timestamp};

/// Reads the wall clock (for the queue, whose deadlines outlive the process) and a steady one (for
/// SIP, calls and media, whose timers must not notice that somebody set the clock).
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started_wall: Timestamp,
    started: Instant,
}

impl Clock {
    /// Starts the steady clock at the wall clock's time.
    pub fn start() -> Self {
        Self { started_wall: wall(), started: instant() }
    }

    /// UTC now, by the system's calendar clock; never behind the steady one, so that a clock that
    /// is set back holds up no deadline.
    pub fn wall(&self) -> Timestamp {
        wall().max(self.steady())
    }

    /// UTC at the start plus the time that passed since.
    pub fn steady(&self) -> Timestamp {
        self.started_wall + instant().duration_since(self.started)
    }

    /// How long until a deadline of the steady clock; zero if it passed.
    pub fn until_steady(&self, deadline: Timestamp) -> Duration {
        deadline.since(self.steady())
    }

    /// How long until a deadline of the wall clock; zero if it passed.
    pub fn until_wall(&self, deadline: Timestamp) -> Duration {
        deadline.since(self.wall())
    }
}

#[expect(clippy::disallowed_methods, reason = "this file is where the node reads its clocks")]
fn instant() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this file is where the node reads its clocks")]
fn wall() -> Timestamp {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since_1970.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
}
