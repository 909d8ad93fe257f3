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

    /// UTC now, by the system's calendar clock; never behind the steady one.
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

    /// The time of one who was told the time `last` when the steady clock said `told`.
    pub fn after(&self, last: Timestamp, told: Timestamp) -> Running {
        Running::of(self.wall(), last, self.steady().since(told))
    }
}

/// A time that goes on whatever is done to the calendar: where that is behind what was told before,
/// it runs at half the speed until the calendar has caught up, so that no deadline waits for as
/// long as the clock was wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Running {
    /// Now.
    pub now: Timestamp,
    is_slow: bool,
}

impl Running {
    fn of(wall: Timestamp, last: Timestamp, passed: Duration) -> Self {
        let slow = last + passed / 2;
        Self { now: wall.max(slow), is_slow: slow > wall }
    }

    /// How long until a deadline; zero if it passed.
    pub fn until(&self, deadline: Timestamp) -> Duration {
        deadline.since(self.now) * if self.is_slow { 2 } else { 1 }
    }
}

#[expect(clippy::disallowed_methods, reason = "this file is where the node reads its clocks")]
fn instant() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this file is where the node reads its clocks")]
fn wall() -> Timestamp {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_ms(since_1970.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_ahead_holds_up_no_deadline() {
        let at = Timestamp::from_seconds;
        let secs = Duration::from_secs;
        // (calendar, told last, passed since, now, until 30 s after what was told)
        for (wall, last, passed, now, until) in [
            (1_010, 1_000, 10, 1_010, 20),
            (1_000, 1_000, 0, 1_000, 30),
            (4_600, 1_000, 10, 4_600, 0),
            (1_010, 4_600, 0, 4_600, 60),
            (1_020, 4_600, 10, 4_605, 50),
            (1_070, 4_600, 60, 4_630, 0),
            (8_201, 4_600, 7_200, 8_201, 0),
        ] {
            let running = Running::of(at(wall), at(last), secs(passed));
            assert_eq!(running.now, at(now), "{wall} {last} {passed}");
            assert_eq!(running.until(at(last + 30)), secs(until), "{wall} {last} {passed}");
        }
    }
}
