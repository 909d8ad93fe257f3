//! The pool of RTP ports.
//!
//! ```text
//! free --take--> in use --drain--> draining --release--> free (last in line)
//!                  └───────────────release────────────────┘
//! ```
//! A closed port is still bound and read while it drains, so that a new call cannot inherit a
//! stranger's late sound. The pool itself opens no socket and reads no clock: who owns the socket
//! says when.

use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;

/// Which ports are free, in use, and draining.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pool {
    free: VecDeque<u16>,
    in_use: BTreeSet<u16>,
    draining: BTreeSet<u16>,
}

impl Pool {
    /// The even ports of a range; RFC 3550 section 11 keeps the odd ones for RTCP.
    pub fn new(range: RangeInclusive<u16>) -> Self {
        let free = range.filter(|port| *port != 0 && port % 2 == 0).collect();
        Self { free, in_use: BTreeSet::new(), draining: BTreeSet::new() }
    }

    /// The port that has been free the longest; `None` if none is.
    pub fn take(&mut self) -> Option<u16> {
        let port = self.free.pop_front()?;
        self.in_use.insert(port);
        Some(port)
    }

    /// A port in use begins to drain; any other is left as it is.
    pub fn drain(&mut self, port: u16) {
        if self.in_use.remove(&port) {
            self.draining.insert(port);
        }
    }

    /// A port in use or draining is free again, last in line; any other is left as it is.
    pub fn release(&mut self, port: u16) {
        if self.in_use.remove(&port) || self.draining.remove(&port) {
            self.free.push_back(port);
        }
    }

    /// How many are in use.
    pub fn in_use(&self) -> usize {
        self.in_use.len()
    }

    /// How many are draining.
    pub fn draining(&self) -> usize {
        self.draining.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_even_and_taken_in_turn() {
        let mut pool = Pool::new(10_001..=10_006);
        assert_eq!(
            [pool.take(), pool.take(), pool.take(), pool.take()],
            [Some(10_002), Some(10_004), Some(10_006), None]
        );
        pool.release(10_004);
        pool.drain(10_002);
        pool.release(10_002);
        assert_eq!([pool.take(), pool.take(), pool.take()], [Some(10_004), Some(10_002), None]);
    }

    #[test]
    fn a_draining_port_is_not_given_away() {
        let mut pool = Pool::new(20_000..=20_000);
        let port = pool.take().unwrap();
        pool.drain(port);
        assert_eq!((pool.take(), pool.in_use(), pool.draining()), (None, 0, 1));
        pool.release(port);
        assert_eq!((pool.draining(), pool.take()), (0, Some(port)));
    }

    #[test]
    fn a_port_is_never_free_twice() {
        let mut pool = Pool::new(20_000..=20_002);
        let port = pool.take().unwrap();
        pool.release(port);
        pool.release(port);
        pool.drain(port);
        pool.release(30_000);
        assert_eq!((pool.in_use(), pool.draining()), (0, 0));
        let taken = [pool.take(), pool.take(), pool.take()];
        assert_eq!(taken, [Some(20_002), Some(20_000), None]);
    }

    #[test]
    fn the_last_port_of_all_is_reached() {
        assert_eq!(Pool::new(65_534..=65_535).take(), Some(65_534));
        assert_eq!(Pool::new(0..=1).take(), None);
    }
}
