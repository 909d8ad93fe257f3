//! Token buckets by key, bounded: a key that is at rest takes no memory.
//!
//! Kept as the time at which a bucket will be full again (the generic cell rate algorithm), so a
//! bucket is one number. No clock here: `now` is told.

use std::collections::BTreeMap;

use crate::time::{Duration, Timestamp};

/// Buckets of one size and pace.
#[derive(Debug)]
pub struct Buckets<K> {
    /// When each bucket is full again, in microseconds since 1970.
    full_at: BTreeMap<K, i64>,
    /// The one that all share who came when `keys_max` others were busy.
    shared_full_at: i64,
    refill_us: i64,
    burst: i64,
    keys_max: usize,
    swept_at_us: i64,
}

/// How often full buckets are looked for while there are too many, in microseconds: a flood of new
/// keys must not make each of its messages pay for a sweep.
const SWEEP_EVERY_US: i64 = 100_000;

impl<K: Ord + Clone> Buckets<K> {
    /// Buckets that hold `burst` tokens and get one back every `refill`; at most `keys_max` are
    /// kept, and who comes beyond that shares one.
    pub fn new(burst: u32, refill: Duration, keys_max: usize) -> Self {
        Self {
            full_at: BTreeMap::new(),
            shared_full_at: 0,
            refill_us: i64::try_from(refill.as_micros()).unwrap_or(i64::MAX).max(1),
            burst: i64::from(burst.max(1)),
            keys_max,
            swept_at_us: i64::MIN,
        }
    }

    /// Is there a token for the key?
    pub fn has_token(&mut self, key: &K, now: Timestamp) -> bool {
        let full_at = self.own(key, micros(now)).unwrap_or(self.shared_full_at);
        self.is_open(full_at, micros(now))
    }

    /// Takes a token; `false` if there is none.
    pub fn take(&mut self, key: &K, now: Timestamp) -> bool {
        let now_us = micros(now);
        let own = self.own(key, now_us);
        let full_at = own.unwrap_or(self.shared_full_at);
        if !self.is_open(full_at, now_us) {
            return false;
        }
        let full_at = full_at.max(now_us).saturating_add(self.refill_us);
        if own.is_some() {
            self.full_at.insert(key.clone(), full_at);
        } else {
            self.shared_full_at = full_at;
        }
        true
    }

    /// When the key's own bucket is full, if it has one or there is room for one.
    fn own(&mut self, key: &K, now_us: i64) -> Option<i64> {
        if let Some(&full_at) = self.full_at.get(key) {
            return Some(full_at);
        }
        let is_due = now_us.saturating_sub(self.swept_at_us) >= SWEEP_EVERY_US;
        if self.full_at.len() >= self.keys_max && is_due {
            self.swept_at_us = now_us;
            self.full_at.retain(|_, full_at| *full_at > now_us);
        }
        (self.full_at.len() < self.keys_max).then_some(i64::MIN)
    }

    fn is_open(&self, full_at: i64, now_us: i64) -> bool {
        let missing_us = full_at.saturating_sub(now_us);
        missing_us <= self.refill_us.saturating_mul(self.burst - 1)
    }
}

fn micros(now: Timestamp) -> i64 {
    now.as_ms().saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(buckets: &mut Buckets<u32>, key: u32, ms: i64) -> usize {
        (0..100).take_while(|_| buckets.take(&key, Timestamp::from_ms(ms))).count()
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_pace() {
        let mut buckets = Buckets::new(5, Duration::from_millis(10), 8);
        assert_eq!(taken(&mut buckets, 1, 1000), 5);
        assert!(!buckets.has_token(&1, Timestamp::from_ms(1009)));
        assert_eq!(taken(&mut buckets, 1, 1010), 1);
        assert_eq!(taken(&mut buckets, 2, 1010), 5, "each key has its own");
        assert_eq!(taken(&mut buckets, 1, 1035), 2);
        assert_eq!(taken(&mut buckets, 1, 9000), 5, "never more than the burst");
    }

    #[test]
    fn beyond_the_most_keys_strangers_share_one_and_known_keys_keep_theirs() {
        let mut buckets = Buckets::new(5, Duration::from_millis(100), 2);
        assert_eq!((taken(&mut buckets, 1, 1000), taken(&mut buckets, 2, 1000)), (5, 5));
        assert_eq!((taken(&mut buckets, 3, 1000), taken(&mut buckets, 4, 1000)), (5, 0));
        assert_eq!(taken(&mut buckets, 1, 1100), 1);
        // At rest, the first two make room.
        assert_eq!((taken(&mut buckets, 3, 5000), taken(&mut buckets, 4, 5000)), (5, 5));
        assert_eq!(buckets.full_at.len(), 2);
    }
}
