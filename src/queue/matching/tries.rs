//! Failed calls by caller: who guesses codes is no longer listened to. Must not: read a clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::ident::InteractionId;
use crate::phone::Address;
use crate::time::{Duration, Timestamp};

/// Failed calls of a caller after which codes are no longer evaluated.
pub const FAILED_CALLS_MAX: usize = 10;

/// Within which time they count.
pub const FAILED_CALLS_WITHIN: Duration = Duration::from_secs(60 * 60);

/// Most callers remembered; of more, the one whose last failure is the longest ago is forgotten.
pub const CALLERS_MAX: usize = 10_000;

/// The failed calls of the last hour, by caller. All who withhold their number count as one.
///
/// A call fails with its first wrong code, since who hangs up before the last try has guessed too,
/// and counts once however many follow; a code that matches in the same call takes it back.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CodeTries {
    /// The last failed calls of each, the latest last; [`FAILED_CALLS_MAX`] at most, never none.
    failed: BTreeMap<Option<Address>, VecDeque<(Timestamp, InteractionId)>>,
    /// The same callers by their latest failure.
    by_age: BTreeSet<(Timestamp, Option<Address>)>,
}

impl CodeTries {
    /// A code was keyed in a call of theirs, and it is nobody's.
    pub fn wrong(&mut self, call: InteractionId, ani: Option<&Address>, now: Timestamp) {
        self.sweep(now);
        let ani = ani.cloned();
        match self.failed.get(&ani).and_then(|calls| calls.back()) {
            Some(_) if self.failed[&ani].iter().any(|(_, failed)| *failed == call) => return,
            Some((last, _)) => {
                self.by_age.remove(&(*last, ani.clone()));
            }
            None if self.failed.len() >= CALLERS_MAX => self.forget_oldest(),
            None => {}
        }
        let calls = self.failed.entry(ani.clone()).or_default();
        if calls.len() >= FAILED_CALLS_MAX {
            calls.pop_front();
        }
        calls.push_back((now, call));
        self.by_age.insert((now, ani));
    }

    /// A code keyed in this call of theirs matched: it is no failed call, whatever came before.
    pub fn matched(&mut self, call: InteractionId, ani: Option<&Address>) {
        let ani = ani.cloned();
        let Some(calls) = self.failed.get_mut(&ani) else { return };
        let Some(last) = calls.back().map(|(at, _)| *at) else { return };
        calls.retain(|(_, failed)| *failed != call);
        self.by_age.remove(&(last, ani.clone()));
        match calls.back().map(|(at, _)| *at) {
            Some(last) => {
                self.by_age.insert((last, ani));
            }
            None => {
                self.failed.remove(&ani);
            }
        }
    }

    /// Are codes that this caller keys in this call no longer evaluated? Its own failure does not
    /// count: the tenth has its three tries like any other.
    pub fn is_locked(&self, call: InteractionId, ani: Option<&Address>, now: Timestamp) -> bool {
        let Some(calls) = self.failed.get(&ani.cloned()) else { return false };
        let counts = |(at, failed): &&(Timestamp, InteractionId)| {
            *failed != call && now < *at + FAILED_CALLS_WITHIN
        };
        calls.iter().filter(counts).count() >= FAILED_CALLS_MAX
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

    const NEXT: InteractionId = InteractionId(1 << 100);

    fn caller(n: usize) -> Address {
        Address::parse(&format!("+1415{n:07}")).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn call(n: i64) -> InteractionId {
        InteractionId(n as u128)
    }

    /// The call that a second names fails in it.
    fn fails(tries: &mut CodeTries, ani: Option<&Address>, second: i64) {
        tries.wrong(call(second), ani, at(second));
    }

    #[test]
    fn ten_failed_calls_within_an_hour_lock_a_caller_until_the_first_is_an_hour_ago() {
        let mut tries = CodeTries::default();
        let (ann, bob) = (caller(1), caller(2));
        for n in 0..10 {
            assert!(!tries.is_locked(NEXT, Some(&ann), at(n * 60)), "{n} failures");
            fails(&mut tries, Some(&ann), n * 60);
        }
        assert!(tries.is_locked(NEXT, Some(&ann), at(540)));
        assert!(
            !tries.is_locked(NEXT, Some(&bob), at(540)) && !tries.is_locked(NEXT, None, at(540))
        );
        assert!(tries.is_locked(NEXT, Some(&ann), at(3599)));
        assert!(!tries.is_locked(NEXT, Some(&ann), at(3600)), "the first no longer counts");
        fails(&mut tries, Some(&ann), 3600);
        assert!(tries.is_locked(NEXT, Some(&ann), at(3659)));
        assert!(!tries.is_locked(NEXT, Some(&ann), at(3660)));
    }

    #[test]
    fn those_who_withhold_their_number_are_one_caller() {
        let mut tries = CodeTries::default();
        for n in 0..10 {
            fails(&mut tries, None, n);
        }
        assert!(
            tries.is_locked(NEXT, None, at(10)) && !tries.is_locked(NEXT, Some(&caller(1)), at(10))
        );
    }

    #[test]
    fn callers_are_forgotten_after_an_hour_and_the_oldest_first_when_there_are_too_many() {
        let mut tries = CodeTries::default();
        for n in 0..CALLERS_MAX {
            fails(&mut tries, Some(&caller(n)), n as i64 / 10);
        }
        for n in 1..10 {
            tries.wrong(call(n), Some(&caller(0)), at(1000));
        }
        assert!(tries.is_locked(NEXT, Some(&caller(0)), at(1000)));
        for n in CALLERS_MAX..CALLERS_MAX + 100 {
            fails(&mut tries, Some(&caller(n)), 1001);
        }
        assert_eq!((tries.failed.len(), tries.by_age.len()), (CALLERS_MAX, CALLERS_MAX));
        assert!(tries.is_locked(NEXT, Some(&caller(0)), at(1001)), "failed lately, so it stays");
        assert!(!tries.failed.contains_key(&Some(caller(1))), "the oldest");
        fails(&mut tries, None, 1001 + 3600);
        assert_eq!((tries.failed.len(), tries.by_age.len()), (1, 1));
    }

    #[test]
    fn a_match_takes_its_call_back_and_leaves_the_others() {
        let mut tries = CodeTries::default();
        let ann = caller(1);
        tries.matched(call(1), Some(&ann));
        assert_eq!(tries, CodeTries::default(), "there was nothing to take back");
        (0..10).for_each(|n| fails(&mut tries, Some(&ann), n));
        tries.matched(call(77), Some(&ann));
        tries.matched(call(9), None);
        assert!(tries.is_locked(NEXT, Some(&ann), at(10)), "another call, another caller");
        assert!(!tries.is_locked(call(9), Some(&ann), at(10)), "the tenth has three tries");
        let before = tries.clone();
        tries.wrong(call(4), Some(&ann), at(11));
        assert_eq!(tries, before, "counted once");
        tries.matched(call(9), Some(&ann));
        assert!(!tries.is_locked(NEXT, Some(&ann), at(11)));
        assert_eq!(tries.by_age, BTreeSet::from([(at(8), Some(ann.clone()))]), "the last left");
        (0..9).for_each(|n| tries.matched(call(n), Some(&ann)));
        assert_eq!(tries, CodeTries::default());
    }
}
