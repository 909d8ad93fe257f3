//! Time as a value: UTC milliseconds that outlive the process. There is no clock here.

use std::fmt;
use std::num::NonZeroU64;
use std::ops::{Add, AddAssign, Sub};

pub use std::time::Duration;

/// Milliseconds since 1970-01-01 UTC. Our state outlives the process, so it is not an `Instant`.
///
/// Kept as the milliseconds since the earliest `i64`, which is left out, so that an
/// `Option<Timestamp>` takes no more room: a pending callback has a dozen of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(NonZeroU64);

/// 1970 in what is kept.
const EPOCH: u64 = 1 << 63;

impl Timestamp {
    /// Before all others.
    pub const MIN: Self = Self::from_ms(i64::MIN);
    /// After all others.
    pub const MAX: Self = Self::from_ms(i64::MAX);

    /// From milliseconds since 1970; `i64::MIN` is taken for the one after it.
    pub const fn from_ms(ms: i64) -> Self {
        match NonZeroU64::new(ms.cast_unsigned() ^ EPOCH) {
            Some(kept) => Self(kept),
            None => Self(NonZeroU64::MIN),
        }
    }

    /// From whole seconds since 1970.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_ms(seconds * 1000)
    }

    /// Milliseconds since 1970.
    pub const fn as_ms(self) -> i64 {
        (self.0.get() ^ EPOCH).cast_signed()
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(
            u64::try_from(self.as_ms().saturating_sub(earlier.as_ms())).unwrap_or(0),
        )
    }
}

impl Default for Timestamp {
    /// The start of 1970.
    fn default() -> Self {
        Self::from_ms(0)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, duration: Duration) -> Timestamp {
        Timestamp::from_ms(self.as_ms().saturating_add(millis(duration)))
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, duration: Duration) -> Timestamp {
        Timestamp::from_ms(self.as_ms().saturating_sub(millis(duration)))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// `2026-11-22T09:30:00.000Z`, by the civil calendar (days-to-date after Howard Hinnant's
/// `civil_from_days`).
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.as_ms();
        let (days, ms) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (seconds, milli) = (ms / 1000, ms % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T")?;
        write!(f, "{:02}:{:02}:{:02}.{milli:03}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_print_as_utc() {
        let table = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_827_696_007, "2000-02-29T12:34:56.007Z"),
            (1_795_339_821_000, "2026-11-22T09:30:21.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ];
        for (ms, text) in table {
            assert_eq!(Timestamp::from_ms(ms).to_string(), text);
        }
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp::from_ms(5).since(Timestamp::from_ms(9)), Duration::ZERO);
        assert_eq!(Timestamp::MAX + Duration::from_secs(1), Timestamp::MAX);
        assert_eq!(Timestamp::from_ms(1500) - Duration::from_millis(500), Timestamp::from_ms(1000));
    }

    #[test]
    fn an_optional_timestamp_takes_no_more_room_and_the_order_is_that_of_time() {
        assert_eq!(size_of::<Option<Timestamp>>(), 8);
        let ascending = [i64::MIN + 1, -1, 0, 1, i64::MAX];
        assert!(ascending.map(Timestamp::from_ms).is_sorted());
        assert_eq!(ascending.map(|ms| Timestamp::from_ms(ms).as_ms()), ascending);
        assert_eq!(Timestamp::MIN, Timestamp::from_ms(i64::MIN + 1));
        assert_eq!(Timestamp::default().as_ms(), 0);
    }
}
