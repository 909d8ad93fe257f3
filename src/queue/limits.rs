//! How often a number may ask for a callback, and its phone may ring, within a day, in one queue.
//!
//! ```text
//! request taken ─▶ noted          dial started ─▶ noted ── it never rang ─▶ undone
//! ```
//!
//! What is older than a day counts for nothing, and is in no row. Extensions have no limits. Must
//! not: read a clock, know interactions.

use std::collections::BTreeSet;
use std::fmt;

use crate::ident::QueueId;
use crate::phone::PhoneNumber;
use crate::time::{Duration, Timestamp};

/// Most requests or dials that a limit may allow.
pub const LIMIT_MAX: u32 = 1_000;
/// Most uses that are kept of a queue. Beyond it no request is taken until others are a day old.
const USES_MAX: usize = 1_000_000;

/// How long a use counts.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// How often in one queue. 0: as often as it likes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LimitSettings {
    /// Requests of a number in any 10 minutes, up to [`LIMIT_MAX`].
    pub requests_per_10_minutes: u32,
    /// Requests of a number in any 24 hours, up to [`LIMIT_MAX`].
    pub requests_per_day: u32,
    /// Dials of a number that rang in any 24 hours, up to [`LIMIT_MAX`].
    pub dials_per_day: u32,
}

impl LimitSettings {
    /// None.
    pub const OFF: Self =
        Self { requests_per_10_minutes: 0, requests_per_day: 0, dials_per_day: 0 };
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { requests_per_10_minutes: 3, requests_per_day: 5, dials_per_day: 3 }
    }
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum UseKind {
    /// A callback was asked for and taken.
    Request,
    /// Its phone rang, or may be ringing.
    Dial,
}

/// A number was used. Also its row in the store, which forgets it after [`KEPT`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NumberUse {
    /// In which queue.
    pub queue: QueueId,
    /// The number.
    pub number: PhoneNumber,
    /// When.
    pub at: Timestamp,
    /// What for.
    pub kind: UseKind,
    /// Does it count no more? The row is to be deleted.
    pub is_undone: bool,
}

/// The digits of a number, which fit. Prints as `…`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Digits(u64);

impl Digits {
    fn of(number: &PhoneNumber) -> Self {
        let digits = number.expose().bytes().filter(u8::is_ascii_digit);
        Self(digits.fold(0, |all, digit| all * 10 + u64::from(digit - b'0')))
    }

    fn number(self) -> Option<PhoneNumber> {
        PhoneNumber::parse(&format!("+{}", self.0))
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// What the numbers of one queue were used for within the last day.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Uses(BTreeSet<(Digits, UseKind, Timestamp)>);

impl Uses {
    /// When this number may ask again; `None`: now.
    pub(super) fn asks_again_at(
        &self,
        number: &PhoneNumber,
        limits: LimitSettings,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let request = UseKind::Request;
        let short = self.full(number, request, limits.requests_per_10_minutes, TEN_MINUTES, now);
        short.max(self.full(number, request, limits.requests_per_day, KEPT, now))
    }

    /// When this number may be dialled again; `None`: now.
    pub(super) fn rings_again_at(
        &self,
        number: &PhoneNumber,
        limits: LimitSettings,
        now: Timestamp,
    ) -> Option<Timestamp> {
        self.full(number, UseKind::Dial, limits.dials_per_day, KEPT, now)
    }

    /// How many dials of this number rang, or may be ringing, within the last day.
    pub(super) fn dials(&self, number: &PhoneNumber, now: Timestamp) -> usize {
        self.since(number, UseKind::Dial, now - KEPT).count()
    }

    /// Until when there are as many as may be.
    fn full(
        &self,
        number: &PhoneNumber,
        kind: UseKind,
        limit: u32,
        within: Duration,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let uses: Vec<Timestamp> = self.since(number, kind, now - within).collect();
        let past = uses.len().checked_sub(limit as usize).filter(|_| limit > 0)?;
        Some(*uses.get(past)? + within)
    }

    /// Is there room for one more? Forgets what is older than a day if there is not.
    pub(super) fn has_room(&mut self, now: Timestamp) -> bool {
        if self.0.len() >= USES_MAX {
            self.0.retain(|&(.., at)| at > now - KEPT);
        }
        self.0.len() < USES_MAX
    }

    /// Notes a use; two of the same instant are a millisecond apart. When it counts from.
    pub(super) fn note(
        &mut self,
        number: &PhoneNumber,
        kind: UseKind,
        now: Timestamp,
    ) -> Timestamp {
        let digits = Digits::of(number);
        let old = (digits, kind, Timestamp::MIN)..=(digits, kind, now - KEPT);
        let old: Vec<_> = self.0.range(old).copied().collect();
        old.iter().for_each(|one| _ = self.0.remove(one));
        let mut at = now;
        while !self.0.insert((digits, kind, at)) {
            at += Duration::from_millis(1);
        }
        at
    }

    /// The first dial of this number from then on did not ring. When it was.
    pub(super) fn undo_dial(&mut self, number: &PhoneNumber, at: Timestamp) -> Option<Timestamp> {
        let digits = Digits::of(number);
        let last = (digits, UseKind::Dial, Timestamp::MAX);
        let found = self.0.range((digits, UseKind::Dial, at)..=last).next().copied()?;
        self.0.remove(&found);
        Some(found.2)
    }

    /// A row comes back.
    pub(super) fn load(&mut self, row: &NumberUse) {
        self.0.insert((Digits::of(&row.number), row.kind, row.at));
    }

    /// What still counts, as rows.
    pub(super) fn rows<'a>(
        &'a self,
        queue: &'a QueueId,
        now: Timestamp,
    ) -> impl Iterator<Item = NumberUse> + 'a {
        let counts = self.0.iter().filter(move |&&(.., at)| at > now - KEPT);
        counts.filter_map(|&(digits, kind, at)| {
            let number = digits.number()?;
            Some(NumberUse { queue: queue.clone(), number, at, kind, is_undone: false })
        })
    }

    fn since(
        &self,
        number: &PhoneNumber,
        kind: UseKind,
        after: Timestamp,
    ) -> impl Iterator<Item = Timestamp> + '_ {
        let digits = Digits::of(number);
        let from = Timestamp::from_ms(after.as_ms().saturating_add(1));
        let range = (digits, kind, from)..=(digits, kind, Timestamp::MAX);
        self.0.range(range).map(|&(.., at)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const DAY: Duration = KEPT;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).unwrap()
    }

    #[test]
    fn requests_are_counted_over_ten_minutes_and_over_a_day() {
        let (mut uses, limits) = (Uses::default(), LimitSettings::default());
        let (one, start) = (number("+14155550123"), Timestamp::from_ms(1_000_000_000));
        let mut again = |after: Duration| {
            let at = start + after;
            match uses.asks_again_at(&one, limits, at) {
                Some(then) => Some(then.since(start)),
                None => {
                    uses.note(&one, UseKind::Request, at);
                    None
                }
            }
        };
        let table = [
            (Duration::ZERO, None),
            (MINUTE, None),
            (MINUTE * 2, None),
            (MINUTE * 3, Some(MINUTE * 10)),
            (MINUTE * 10, None),
            (MINUTE * 10, Some(MINUTE * 11)),
            (MINUTE * 11, None),
            // Five a day: the first of them was at the start.
            (MINUTE * 60, Some(DAY)),
            (DAY, None),
            (DAY, Some(DAY + MINUTE)),
            (DAY + MINUTE, None),
        ];
        for (after, refused_until) in table {
            assert_eq!(again(after), refused_until, "{after:?}");
        }
        let other = number("+14155550124");
        assert_eq!(uses.asks_again_at(&other, limits, start + MINUTE * 2), None);
        assert_eq!(uses.asks_again_at(&one, LimitSettings::OFF, start + MINUTE * 2), None);
    }

    #[test]
    fn dials_count_until_they_are_undone_or_a_day_old() {
        let (mut uses, one, now) =
            (Uses::default(), number("+442071838750"), Timestamp::from_ms(5));
        let twice = [uses.note(&one, UseKind::Dial, now), uses.note(&one, UseKind::Dial, now)];
        assert_eq!(twice, [Timestamp::from_ms(5), Timestamp::from_ms(6)]);
        assert_eq!(uses.undo_dial(&one, now), Some(Timestamp::from_ms(5)));
        assert_eq!(uses.dials(&one, now), 1);
        assert_eq!(uses.undo_dial(&number("+442071838751"), now), None);
        assert_eq!(uses.dials(&one, Timestamp::from_ms(6) + DAY - Duration::from_millis(1)), 1);
        assert_eq!(uses.dials(&one, Timestamp::from_ms(6) + DAY), 0);
    }

    #[test]
    fn rows_bring_back_what_counts() {
        let (mut uses, queue) = (Uses::default(), QueueId::new("support"));
        for (n, text) in ["+4930123456", "+14155550123", "+999999999999999"].iter().enumerate() {
            uses.note(&number(text), UseKind::Request, Timestamp::from_ms(n as i64));
            uses.note(&number(text), UseKind::Dial, Timestamp::from_ms(n as i64));
        }
        let mut again = Uses::default();
        uses.rows(&queue, Timestamp::from_ms(9)).for_each(|row| again.load(&row));
        assert_eq!(again, uses);
        assert_eq!(uses.rows(&queue, Timestamp::from_ms(1) + DAY).count(), 2);
        assert!(!format!("{uses:?}").contains("4155550123"));
    }

    #[test]
    fn what_is_noted_is_bounded() {
        let mut uses = Uses::default();
        for n in 0..USES_MAX {
            uses.0.insert((Digits(n as u64), UseKind::Request, Timestamp::from_ms(n as i64)));
        }
        assert!(!uses.has_room(Timestamp::from_ms(0)));
        assert!(uses.has_room(Timestamp::from_ms(10) + DAY));
        assert_eq!(uses.0.len(), USES_MAX - 11);
    }
}
