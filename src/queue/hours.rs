//! Business hours and local time: calendars in IANA zones, both changes of daylight saving time.
//!
//! A [`Calendar`] speaks of local minutes; all that leaves this file is UTC ([`Timestamp`]), but
//! for what is said to people ([`LocalTime`]). Everything is computed when asked, over a bounded
//! number of days. A local time that the clock skips stands for the instant after the gap. One that
//! it shows twice opens at its first occurrence and closes at its second.
//!
//! The only file of the queue that names `chrono`. It must not read a clock.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Datelike, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono::{TimeZone, Timelike, Utc};
use chrono_tz::{GapInfo, TZ_VARIANTS, Tz};

use crate::time::{Duration, Timestamp};

/// Minutes of a local day.
pub const DAY_MINUTES: u16 = 24 * 60;
/// Most intervals of one day.
pub const DAY_INTERVALS_MAX: usize = 48;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How far ahead openings and closes are looked for; beyond it there are none.
const HORIZON: Duration = Duration::from_secs(400 * 24 * 3600);
/// The end of the year 9999, in milliseconds.
const LAST_MS: i64 = 253_402_300_799_999;

/// A half-open interval of UTC, `[open, close)`.
pub type Interval = (Timestamp, Timestamp);

/// When a queue is open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hours {
    /// Always; local times are UTC. In another zone: a [`Calendar`] that is open all day, each day.
    RoundTheClock,
    /// By weekday and special day, in a zone.
    Calendar(Arc<Calendar>),
    /// Plain intervals in order; those that touch are one. Local times are UTC.
    Intervals(Vec<Interval>),
}

impl Hours {
    /// Is it open at this instant?
    pub fn open_at(&self, now: Timestamp) -> bool {
        self.raw(now, now).take_while(|&(open, _)| open <= now).any(|(_, close)| now < close)
    }

    /// The time until it closes: zero when closed, [`Duration::MAX`] if it does not close within
    /// 400 days.
    pub fn open_for(&self, now: Timestamp) -> Duration {
        match self.merged(now).find(|&(_, close)| now < close) {
            Some((open, close)) if open <= now && close <= now + HORIZON => close.since(now),
            Some((open, _)) if open <= now => Duration::MAX,
            Some(_) | None => Duration::ZERO,
        }
    }

    /// Close of business for what becomes due at `due`: the end of the interval that contains it,
    /// or of the next one if it is closed then. `None`: it closes, or opens, no more within 400
    /// days.
    pub fn close_after(&self, due: Timestamp) -> Option<Timestamp> {
        let (_, close) = self.merged(due).find(|&(_, close)| due < close)?;
        (close <= due + HORIZON).then_some(close)
    }

    /// The first opening later than `after`; if it is open then, the one after the next close.
    /// `None`: it does not open again within 400 days.
    pub fn next_open(&self, after: Timestamp) -> Option<Timestamp> {
        let (open, _) = self.merged(after).find(|&(open, _)| after < open)?;
        (open <= after + HORIZON).then_some(open)
    }

    /// When it is open between two instants, at most 400 days: in order, none touching the next,
    /// cut at `from` and `to`.
    pub fn intervals(&self, from: Timestamp, to: Timestamp) -> Vec<Interval> {
        let to = to.min(from + HORIZON);
        merge(self.raw(from, to))
            .map(|(open, close)| (open.max(from), close.min(to)))
            .filter(|(open, close)| open < close)
            .collect()
    }

    /// The zone of its local times.
    pub fn zone(&self) -> Zone {
        match self {
            Hours::RoundTheClock | Hours::Intervals(_) => Zone::UTC,
            Hours::Calendar(calendar) => calendar.zone,
        }
    }

    /// What a grid of slots is laid on: each interval that meets `[from, to)`, whole, and one of
    /// more than 24 hours cut at every local midnight. The same pieces whatever is asked for; at
    /// most 400 days of them.
    pub(super) fn pieces(&self, from: Timestamp, to: Timestamp) -> Vec<Interval> {
        let to = to.min(from + HORIZON);
        // An interval that is cut off by the margins is seen to be longer than a day.
        let (margin, zone) = (2 * DAY, self.zone());
        let mut pieces = Vec::new();
        for (open, close) in merge(self.raw(from - margin, to + margin)) {
            if close.since(open) <= DAY {
                pieces.push((open, close));
                continue;
            }
            // Where the clock goes back over midnight, the day after the date shown has begun.
            for date in zone.date_of(from).until(zone.date_of(to).plus(1)) {
                let (start, end) = (zone.midnight(date), zone.midnight(date.plus(1)));
                pieces.push((start.max(open), end.min(close)));
            }
        }
        pieces.retain(|&(start, end)| start < end && from < end && start < to);
        pieces
    }

    /// The intervals from one in which `from` may lie to those within the horizon, merged.
    fn merged(&self, from: Timestamp) -> impl Iterator<Item = Interval> + '_ {
        merge(self.raw(from, from + HORIZON))
    }

    /// Intervals in order of opening, as they are written: all that meet `[from, to]`, and more.
    fn raw(&self, from: Timestamp, to: Timestamp) -> Box<dyn Iterator<Item = Interval> + '_> {
        let always = (Timestamp::MIN, Timestamp::MAX);
        match self {
            Hours::RoundTheClock => Box::new(std::iter::once(always)),
            Hours::Calendar(calendar) if calendar.is_round_the_clock() => {
                Box::new(std::iter::once(always))
            }
            Hours::Calendar(calendar) => Box::new(calendar.raw(from, to)),
            Hours::Intervals(list) => Box::new(list.iter().copied()),
        }
    }
}

/// Joins what touches or overlaps; drops what is empty. `intervals` are in order of opening.
fn merge(intervals: impl Iterator<Item = Interval>) -> impl Iterator<Item = Interval> {
    let mut rest = intervals.filter(|(open, close)| open < close).peekable();
    std::iter::from_fn(move || {
        let (open, mut close) = rest.next()?;
        while let Some((_, later)) = rest.next_if(|&(next, _)| next <= close) {
            close = close.max(later);
        }
        Some((open, close))
    })
}

/// Weekly hours in a zone, and special days.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calendar {
    /// Where the minutes are counted.
    pub zone: Zone,
    /// From Monday to Sunday.
    pub weekly: [DayHours; 7],
    /// Other hours on single dates.
    pub special: BTreeMap<Date, DayHours>,
}

impl Calendar {
    /// The hours of a date.
    pub fn day(&self, date: Date) -> &DayHours {
        self.special.get(&date).unwrap_or(&self.weekly[date.weekday() as usize])
    }

    /// Is it open on no day at all?
    pub fn is_never_open(&self) -> bool {
        self.days().all(|day| day.0.is_empty())
    }

    fn is_round_the_clock(&self) -> bool {
        self.days().all(|day| day.0 == [(0, DAY_MINUTES)])
    }

    fn days(&self) -> impl Iterator<Item = &DayHours> {
        self.weekly.iter().chain(self.special.values())
    }

    /// A day reaches over the midnights around it where the clock goes back there, so that those
    /// before and after are looked at too.
    fn raw(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Interval> + '_ {
        let first = self.zone.date_of(from - DAY);
        let last = self.zone.date_of(to + DAY);
        first.until(last).flat_map(move |date| {
            let utc = move |&(open, close): &(u16, u16)| {
                (self.zone.first(date.at(open)), self.zone.last(date.at(close)))
            };
            self.day(date).0.iter().map(utc)
        })
    }
}

/// When it is open on one local day: minutes since midnight, in order and apart.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct DayHours(Vec<(u16, u16)>);

impl DayHours {
    /// Not at all.
    pub const CLOSED: DayHours = DayHours(Vec::new());

    /// From `(open, close)` in minutes since midnight, 1440 being the next midnight. Those that
    /// touch become one.
    ///
    /// # Errors
    /// [`DayHoursError`]: what is no interval of one day, overlaps, or is too much.
    pub fn new(mut intervals: Vec<(u16, u16)>) -> Result<DayHours, DayHoursError> {
        if intervals.len() > DAY_INTERVALS_MAX {
            return Err(DayHoursError::TooMany);
        }
        if intervals.iter().any(|&(open, close)| open >= close || close > DAY_MINUTES) {
            return Err(DayHoursError::NotWithinADay);
        }
        intervals.sort_unstable();
        let mut joined: Vec<(u16, u16)> = Vec::new();
        for (open, close) in intervals {
            match joined.last_mut() {
                Some((_, end)) if open < *end => return Err(DayHoursError::Overlap),
                Some((_, end)) if open == *end => *end = close,
                Some(_) | None => joined.push((open, close)),
            }
        }
        Ok(DayHours(joined))
    }

    /// The intervals.
    pub fn intervals(&self) -> &[(u16, u16)] {
        &self.0
    }
}

impl fmt::Debug for DayHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let shown = self.0.iter().map(|&(open, close)| clock(open) + "-" + &clock(close));
        f.debug_list().entries(shown).finish()
    }
}

/// Why intervals are not the hours of a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DayHoursError {
    /// One ends before it begins, or after midnight.
    #[error("an interval does not end after it begins, on the same day")]
    NotWithinADay,
    /// Two have a minute in common.
    #[error("two intervals overlap")]
    Overlap,
    /// More than [`DAY_INTERVALS_MAX`].
    #[error("there are more than 48 intervals on a day")]
    TooMany,
}

/// A day of the week.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Weekday {
    /// The first.
    Monday,
    /// The second.
    Tuesday,
    /// The third.
    Wednesday,
    /// The fourth.
    Thursday,
    /// The fifth.
    Friday,
    /// The sixth.
    Saturday,
    /// The last.
    Sunday,
}

impl Weekday {
    /// All, in order.
    pub const ALL: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];
}

/// A date of the Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(NaiveDate);

impl Date {
    /// `None` if there is no such date, or it is not within the years 1970 to 9999.
    pub fn new(year: i32, month: u8, day: u8) -> Option<Date> {
        let date = NaiveDate::from_ymd_opt(year, month.into(), day.into())?;
        (1970..=9999).contains(&year).then_some(Date(date))
    }

    /// Reads `2026-12-25`; `None` if it is not written so, or is no date.
    pub fn parse(text: &str) -> Option<Date> {
        let digits = |at: std::ops::Range<usize>| {
            let part = text.get(at)?;
            part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<u16>().ok())?
        };
        let hyphens = text.len() == 10 && text.get(4..5)? == "-" && text.get(7..8)? == "-";
        let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
        let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
        Date::new(year.into(), month, day).filter(|_| hyphens)
    }

    /// 2026.
    pub fn year(self) -> i32 {
        self.0.year()
    }

    /// 1 to 12.
    pub fn month(self) -> u8 {
        self.0.month() as u8
    }

    /// 1 to 31.
    pub fn day(self) -> u8 {
        self.0.day() as u8
    }

    /// Its day of the week.
    pub fn weekday(self) -> Weekday {
        Weekday::ALL[self.0.weekday().num_days_from_monday() as usize]
    }

    /// So many days later.
    pub fn plus(self, days: u32) -> Date {
        Date(self.0.checked_add_signed(TimeDelta::days(days.into())).unwrap_or(NaiveDate::MAX))
    }

    fn until(self, last: Date) -> impl Iterator<Item = Date> {
        self.0.iter_days().take_while(move |date| *date <= last.0).map(Date)
    }

    fn at(self, minute: u16) -> NaiveDateTime {
        let midnight = self.0.and_time(NaiveTime::MIN);
        midnight.checked_add_signed(TimeDelta::minutes(minute.into())).unwrap_or(midnight)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year(), self.month(), self.day())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What a clock on the wall and the calendar beside it show.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LocalTime {
    /// 2026.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// The day of the week.
    pub weekday: Weekday,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

impl LocalTime {
    /// Minutes since midnight by the clock, 0 to 1439.
    pub fn minute_of_day(&self) -> u16 {
        u16::from(self.hour) * 60 + u16::from(self.minute)
    }
}

/// A day as keyed by a caller: 1, 2, or MMDD.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyedDay {
    /// 1.
    Today,
    /// 2.
    Tomorrow,
    /// Month and day: the next such date, today included.
    MonthDay(u8, u8),
}

/// An IANA time zone, as `Europe/Berlin`. Instants before 1970 or after 9999 count as the first and
/// the last of these years.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(Tz);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone(Tz::UTC);

    /// The zone of this name; `None` if there is none.
    pub fn parse(name: &str) -> Option<Zone> {
        name.parse().ok().map(Zone)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// All zones there are.
    pub fn all() -> impl Iterator<Item = Zone> {
        TZ_VARIANTS.iter().copied().map(Zone)
    }

    /// What the clock shows.
    pub fn local(self, at: Timestamp) -> LocalTime {
        let wall = self.wall(at);
        let date = Date(wall.date());
        LocalTime {
            year: date.year(),
            month: date.month(),
            day: date.day(),
            weekday: date.weekday(),
            hour: wall.hour() as u8,
            minute: wall.minute() as u8,
        }
    }

    /// The date that the calendar shows.
    pub fn date_of(self, at: Timestamp) -> Date {
        Date(self.wall(at).date())
    }

    /// When a day begins: the first instant at which the clock shows it, or a later date if it is
    /// skipped.
    pub fn midnight(self, date: Date) -> Timestamp {
        self.first(date.at(0))
    }

    /// When the clock shows this minute of a date (0 to 1439): the first time of two, the end of
    /// the gap if it is skipped. `None`: there is no such minute.
    pub fn resolve(self, date: Date, minute_of_day: u16) -> Option<Timestamp> {
        (minute_of_day < DAY_MINUTES).then(|| self.first(date.at(minute_of_day)))
    }

    /// The instant that a caller means by the day and the minute keyed at `now`; it may have
    /// passed. `None`: there is no such date or minute.
    pub fn keyed_time(
        self,
        now: Timestamp,
        day: KeyedDay,
        minute_of_day: u16,
    ) -> Option<Timestamp> {
        let today = self.date_of(now);
        let date = match day {
            KeyedDay::Today => today,
            KeyedDay::Tomorrow => today.plus(1),
            // A 29th of February is at most eight years away.
            KeyedDay::MonthDay(month, day) => (today.year()..=today.year() + 8)
                .filter_map(|year| Date::new(year, month, day))
                .find(|date| *date >= today)?,
        };
        self.resolve(date, minute_of_day)
    }

    fn wall(self, at: Timestamp) -> NaiveDateTime {
        let utc = DateTime::<Utc>::from_timestamp_millis(at.as_ms().clamp(0, LAST_MS));
        utc.unwrap_or_default().with_timezone(&self.0).naive_local()
    }

    /// The first instant at which the clock shows this time; the end of the gap if it is skipped.
    fn first(self, wall: NaiveDateTime) -> Timestamp {
        self.instant(wall, LocalResult::earliest)
    }

    /// The last instant at which the clock shows this time; the end of the gap if it is skipped.
    fn last(self, wall: NaiveDateTime) -> Timestamp {
        self.instant(wall, LocalResult::latest)
    }

    fn instant(
        self,
        wall: NaiveDateTime,
        pick: fn(LocalResult<DateTime<Tz>>) -> Option<DateTime<Tz>>,
    ) -> Timestamp {
        let shown = pick(self.0.from_local_datetime(&wall));
        let shown = shown.or_else(|| GapInfo::new(&wall, &self.0)?.end);
        // Every time is shown or lies in a gap with an end: the last offset of a zone has none.
        Timestamp::from_ms(
            shown.map_or(wall.and_utc().timestamp_millis(), |it| it.timestamp_millis()),
        )
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
