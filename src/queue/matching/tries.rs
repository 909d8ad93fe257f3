//! Failed calls by caller: who guesses codes is no longer listened to. Must not: read a clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::phone::Address;
use crate::time::{Duration, Timestamp};

/// Failed calls of a caller after which codes are no longer evaluated.
pub const FAILED_CALLS_MAX: usize = 10;

/// Within which time they count.
pub const FAILED_CALLS_WITHIN: Duration = Duration::from_secs(60 * 60);

/// Most callers remembered; of more, the one whose last failure is the longest ago is forgotten.
pub const CALLERS_MAX: usize = 10_000;

/// The failed calls of the last hour, by caller. All who withhold their number count as one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CodeTries {
    /// The last failures of each, the latest last; [`FAILED_CALLS_MAX`] at most.
    failed: BTreeMap<Option<Address>, VecDeque<Timestamp>>,
    /// The same callers by their latest failure.
    by_age: BTreeSet<(Timestamp, Option<Address>)>,
}

impl CodeTries {
    /// A call ended without a match though codes of it were evaluated.
    pub fn call_failed(&mut self, ani: Option<&Address>, now: Timestamp) {
        self.sweep(now);
        let ani = ani.cloned();
        if let Some(last) = self.failed.get(&ani).and_then(|times| times.back()) {
            self.by_age.remove(&(*last, ani.clone()));
        } else if self.failed.len() >= CALLERS_MAX {
            self.forget_oldest();
        }
        let times = self.failed.entry(ani.clone()).or_default();
        if times.len() >= FAILED_CALLS_MAX {
            times.pop_front();
        }
        times.push_back(now);
        self.by_age.insert((now, ani));
    }

    /// Are codes of this caller no longer evaluated?
    pub fn is_locked(&self, ani: Option<&Address>, now: Timestamp) -> bool {
        let Some(times) = self.failed.get(&ani.cloned()) else { return false };
        let counts = |&&at: &&Timestamp| now < at + FAILED_CALLS_WITHIN;
        times.iter().filter(counts).count() >= FAILED_CALLS_MAX
    }

    fn sweep(&mut self, now: Timestamp) {
        while self.by_age.first().is_some_and(|(at, _)| *at + FAILED_CALLS_WITHIN <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, ani)) = self.by_age.pop_first() {
            self.failed.remove(&ani);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(n: usize) -> Address {
        Address::parse(&format!("+1415{n:07}")).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn ten_failed_calls_within_an_hour_lock_a_caller_until_the_first_is_an_hour_ago() {
        let mut tries = CodeTries::default();
        let (ann, bob) = (caller(1), caller(2));
        for n in 0..10 {
            assert!(!tries.is_locked(Some(&ann), at(n * 60)), "{n} failures");
            tries.call_failed(Some(&ann), at(n * 60));
        }
        assert!(tries.is_locked(Some(&ann), at(540)));
        assert!(!tries.is_locked(Some(&bob), at(540)) && !tries.is_locked(None, at(540)));
        assert!(tries.is_locked(Some(&ann), at(3599)));
        assert!(!tries.is_locked(Some(&ann), at(3600)), "the first no longer counts");
        tries.call_failed(Some(&ann), at(3600));
        assert!(tries.is_locked(Some(&ann), at(3659)));
        assert!(!tries.is_locked(Some(&ann), at(3660)));
    }

    #[test]
    fn those_who_withhold_their_number_are_one_caller() {
        let mut tries = CodeTries::default();
        for n in 0..10 {
            tries.call_failed(None, at(n));
        }
        assert!(tries.is_locked(None, at(10)) && !tries.is_locked(Some(&caller(1)), at(10)));
    }

    #[test]
    fn callers_are_forgotten_after_an_hour_and_the_oldest_first_when_there_are_too_many() {
        let mut tries = CodeTries::default();
        for n in 0..CALLERS_MAX {
            tries.call_failed(Some(&caller(n)), at(n as i64 / 10));
        }
        for _ in 1..10 {
            tries.call_failed(Some(&caller(0)), at(1000));
        }
        assert!(tries.is_locked(Some(&caller(0)), at(1000)));
        for n in CALLERS_MAX..CALLERS_MAX + 100 {
            tries.call_failed(Some(&caller(n)), at(1001));
        }
        assert_eq!((tries.failed.len(), tries.by_age.len()), (CALLERS_MAX, CALLERS_MAX));
        assert!(tries.is_locked(Some(&caller(0)), at(1001)), "failed lately, so it stays");
        assert!(!tries.failed.contains_key(&Some(caller(1))), "the oldest");
        tries.call_failed(None, at(1001 + 3600));
        assert_eq!((tries.failed.len(), tries.by_age.len()), (1, 1));
    }
}
