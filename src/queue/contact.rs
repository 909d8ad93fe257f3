//! When a number may be called: the calling window.
//!
//! Beside `hours` the only file of the queue that names `chrono`: a number is called by the clock
//! of its owner, not of the queue. Must not: read a clock, know interactions.

use std::fmt;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::phone::{Address, NumberClass, ZoneName};
use crate::time::{Duration, Timestamp};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const DAY_MINUTES: u16 = 24 * 60;
/// How far ahead an opening of the calling window is looked for.
const LOOK_AHEAD: Duration = Duration::from_secs(8 * 24 * 3600);
/// So long after a contact another one is still part of it.
const CONTACT_LASTS: Duration = Duration::from_secs(3600);
/// So long the request of an immediate callback is consent to be called at any hour.
const CONSENT_LASTS: Duration = Duration::from_secs(4 * 3600);

/// The rules of one queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContactSettings {
    /// When numbers are called; `None`: at any hour.
    pub window: Option<CallingWindow>,
}

impl ContactSettings {
    /// May somebody be promised a call at this time? Extensions may at any, and so may numbers
    /// whose zone cannot be told and consumers without an address.
    pub fn may_promise(&self, address: Option<&Address>, at: Timestamp) -> bool {
        match (self.window, address) {
            (Some(window), Some(Address::E164(number))) => {
                window.open_at(NumberClass::of(number).zones, at)
            }
            (_, _) => true,
        }
    }
}

impl Default for ContactSettings {
    fn default() -> Self {
        Self { window: Some(CallingWindow::default()) }
    }
}

// ---- the calling window

/// The part of the day in which people are called, by the clock on their own wall.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallingWindow {
    from_minute: u16,
    to_minute: u16,
}

impl Default for CallingWindow {
    /// 08:00 to 21:00.
    fn default() -> Self {
        Self { from_minute: 8 * 60, to_minute: 21 * 60 }
    }
}

/// What a dial is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Occasion {
    /// Was a time agreed upon? Otherwise it is an immediate callback.
    pub scheduled: bool,
    /// When it was asked for.
    pub requested: Timestamp,
    /// When their phone last rang for it, or they last spoke with us about it; `None` for the first
    /// dial, which continues no contact: what was agreed upon then is its time.
    pub last_contact: Option<Timestamp>,
}

impl fmt::Display for CallingWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from, to] =
            [self.from_minute, self.to_minute].map(|minute| (minute / 60, minute % 60));
        write!(f, "{:02}:{:02}-{:02}:{:02}", from.0, from.1, to.0, to.1)
    }
}

impl CallingWindow {
    /// From and to, in minutes of the local day, half-open; `None` unless `from < to <= 1440`.
    pub fn new(from_minute: u16, to_minute: u16) -> Option<Self> {
        let fits = from_minute < to_minute && to_minute <= DAY_MINUTES;
        fits.then_some(Self { from_minute, to_minute })
    }

    /// Reads `08:00-21:00`; the end may be `24:00`. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let minute = |text: &str| {
            let (hours, minutes) = text.split_once(':')?;
            let two = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            let (hour, minute) = (hours.parse::<u16>().ok()?, minutes.parse::<u16>().ok()?);
            (two(hours) && two(minutes) && minute < 60).then_some(hour * 60 + minute)
        };
        let (from, to) = text.split_once('-')?;
        Self::new(minute(from)?, minute(to)?)
    }

    /// Is it open in all of these zones? In none at all it is.
    pub fn open_at(self, zones: &[ZoneName], at: Timestamp) -> bool {
        zones.iter().all(|zone| self.contains(known(zone), at))
    }

    /// The first instant, `at` or later, when it is open in all of these zones. `None`: there is
    /// none within 8 days.
    pub fn next_open(self, zones: &[ZoneName], at: Timestamp) -> Option<Timestamp> {
        let zones: Vec<Tz> = zones.iter().map(known).collect();
        let mut then = at;
        while let Some(zone) = zones.iter().find(|zone| !self.contains(**zone, then)) {
            then = self.opens_after(*zone, then);
            if then > at + LOOK_AHEAD {
                return None;
            }
        }
        Some(then)
    }

    /// Until when a dial that could start at `at` has to wait; `None`: it need not.
    ///
    /// It waits outside the window, unless it is a retry within 60 minutes of the last contact, or
    /// of an immediate callback that was asked for in the last 4 hours. Extensions do not wait, nor
    /// numbers whose zone cannot be told. A window that is never open in all zones of the number
    /// delays by 8 days, again and again.
    pub fn delayed_until(
        self,
        address: &Address,
        occasion: Occasion,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let Address::E164(number) = address else { return None };
        let continued = occasion.last_contact.is_some_and(|then| at.since(then) <= CONTACT_LASTS);
        let consented = !occasion.scheduled && at.since(occasion.requested) <= CONSENT_LASTS;
        if continued || consented {
            return None;
        }
        let opens = self.next_open(NumberClass::of(number).zones, at);
        Some(opens.unwrap_or(at + LOOK_AHEAD)).filter(|opens| *opens > at)
    }

    fn contains(self, zone: Tz, at: Timestamp) -> bool {
        let minute = (at.as_ms() + offset_ms(zone, at)).rem_euclid(DAY_MS) / MINUTE_MS;
        (i64::from(self.from_minute)..i64::from(self.to_minute)).contains(&minute)
    }

    /// The first instant after `at`, when it is closed, at which it is open in this zone.
    fn opens_after(self, zone: Tz, at: Timestamp) -> Timestamp {
        let mut at = at;
        loop {
            let offset = offset_ms(zone, at);
            let now = (at.as_ms() + offset).rem_euclid(DAY_MS);
            let from = i64::from(self.from_minute) * MINUTE_MS;
            let then = Timestamp::from_ms(at.as_ms() + (from - now).rem_euclid(DAY_MS));
            if offset_ms(zone, then) == offset {
                return then;
            }
            // The clock is changed before that: what it shows then decides.
            at = change(zone, at, then);
            if self.contains(zone, at) {
                return at;
            }
        }
    }
}

/// The instant in `(before, after]` at which the offset of the zone becomes another.
fn change(zone: Tz, before: Timestamp, after: Timestamp) -> Timestamp {
    let offset = offset_ms(zone, before);
    let (mut before, mut after) = (before.as_ms(), after.as_ms());
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if offset_ms(zone, Timestamp::from_ms(middle)) == offset {
            before = middle;
        } else {
            after = middle;
        }
    }
    Timestamp::from_ms(after)
}

/// What the local clock is ahead of UTC.
fn offset_ms(zone: Tz, at: Timestamp) -> i64 {
    let utc = DateTime::from_timestamp_millis(at.as_ms()).unwrap_or_default().naive_utc();
    i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()) * 1000
}

/// A test shows that every zone of the tables is known.
fn known(zone: &ZoneName) -> Tz {
    zone.as_str().parse().unwrap_or(Tz::UTC)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::phone::Country;
    use crate::phone::PhoneNumber;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    /// `2026-03-29 06:30` as UTC.
    fn utc(text: &str) -> Timestamp {
        let parsed = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
        Timestamp::from_ms(parsed.and_utc().timestamp_millis())
    }

    fn zone(name: &'static str) -> ZoneName {
        ZoneName::new(name)
    }

    #[test]
    fn every_zone_of_the_tables_is_known() {
        let mut seen: BTreeSet<ZoneName> = BTreeSet::new();
        for code in 200..1000 {
            seen.extend(
                NumberClass::of(&PhoneNumber::parse(&format!("+1{code}5550123")).unwrap()).zones,
            );
        }
        for country in Country::all() {
            seen.extend(country.zones());
        }
        assert!(seen.len() > 150, "{}", seen.len());
        for zone in seen {
            assert!(zone.as_str().parse::<Tz>().is_ok(), "{}", zone.as_str());
        }
    }

    #[test]
    fn a_window_is_read_strictly() {
        let window = |from, to| CallingWindow::new(from, to);
        let table = [
            ("08:00-21:00", Some(CallingWindow::default())),
            ("00:00-24:00", window(0, 1440)),
            ("09:30-09:31", window(570, 571)),
            ("21:00-08:00", None),
            ("08:00-08:00", None),
            ("08:00-24:01", None),
            ("08:60-21:00", None),
            ("8:00-21:00", None),
            ("08:00", None),
            ("+8:00-21:00", None),
            ("", None),
        ];
        for (text, read) in table {
            assert_eq!(CallingWindow::parse(text), read, "{text}");
        }
    }

    #[test]
    fn a_window_opens_by_the_wall_clock_through_both_changes() {
        let berlin = vec![zone("Europe/Berlin")];
        let both = vec![zone("America/Denver"), zone("America/Los_Angeles")];
        let day = CallingWindow::default();
        let night = CallingWindow::parse("02:15-02:45").unwrap();
        let table = [
            // The days around both changes: 08:00 is 07:00 UTC in winter, 06:00 in summer.
            (day, &berlin, "2026-03-28 20:30", "2026-03-29 06:00"),
            (day, &berlin, "2026-03-28 06:59", "2026-03-28 07:00"),
            (day, &berlin, "2026-10-24 19:00", "2026-10-25 07:00"),
            (day, &berlin, "2026-10-25 19:59", "2026-10-25 19:59"),
            (day, &berlin, "2026-10-25 20:00", "2026-10-26 07:00"),
            // 02:00 to 03:00 is not there on 29 March, and twice on 25 October.
            (night, &berlin, "2026-03-29 00:00", "2026-03-30 00:15"),
            (night, &berlin, "2026-10-25 00:00", "2026-10-25 00:15"),
            (night, &berlin, "2026-10-25 00:45", "2026-10-25 01:15"),
            (night, &berlin, "2026-10-25 01:45", "2026-10-26 01:15"),
            // Inside all: from 08:00 in the west to 21:00 in the east.
            (day, &both, "2026-01-15 15:00", "2026-01-15 16:00"),
            (day, &both, "2026-01-16 03:59", "2026-01-16 03:59"),
            (day, &both, "2026-01-16 04:00", "2026-01-16 16:00"),
        ];
        for (window, zones, now, opens) in table {
            assert_eq!(window.next_open(zones, utc(now)), Some(utc(opens)), "{now}");
            assert_eq!(window.open_at(zones, utc(now)), now == opens, "{now}");
        }
    }

    #[test]
    fn a_window_that_the_change_opens_is_open_from_it_on() {
        let from_the_gap = CallingWindow::parse("02:30-21:00").unwrap();
        let berlin = [zone("Europe/Berlin")];
        let opens = from_the_gap.next_open(&berlin, utc("2026-03-29 00:10"));
        assert_eq!(opens, Some(utc("2026-03-29 01:00")));
    }

    #[test]
    fn what_is_never_open_in_all_zones_never_opens() {
        let morning = CallingWindow::parse("08:00-09:00").unwrap();
        let zones = [zone("America/New_York"), zone("America/Los_Angeles")];
        let now = utc("2026-05-05 05:05");
        assert_eq!(morning.next_open(&zones, now), None);
        assert_eq!(morning.next_open(&[], now), Some(now));
        let occasion = Occasion { scheduled: true, requested: now, last_contact: None };
        let waits = |to: &str| morning.delayed_until(&address(to), occasion, now);
        assert_eq!(waits("+18005550123"), Some(now + LOOK_AHEAD));
        assert_eq!(waits("+80012345678"), None);
    }

    #[test]
    fn a_dial_waits_for_the_window_unless_it_was_asked_for_just_now() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        // 03:00 in Berlin; it opens at 08:00.
        let (night, opens) = (utc("2026-01-15 02:00"), utc("2026-01-15 07:00"));
        let table = [
            // (scheduled, asked for so many minutes ago, contact so many minutes ago, waits)
            (false, 0, None, false),
            (false, 240, None, false),
            (false, 241, None, true),
            (false, 241, Some(60), false),
            (false, 241, Some(61), true),
            (false, 200, Some(100), false),
            (true, 0, None, true),
            (true, 6000, None, true),
            (true, 6000, Some(60), false),
            (true, 6000, Some(61), true),
        ];
        let window = CallingWindow::default();
        for (scheduled, requested, contact, waits) in table {
            let occasion = Occasion {
                scheduled,
                requested: night - minutes(requested),
                last_contact: contact.map(|ago| night - minutes(ago)),
            };
            let waits = waits.then_some(opens);
            let until = |to: &str| window.delayed_until(&address(to), occasion, night);
            assert_eq!(until("+4930123456"), waits, "{occasion:?}");
            assert_eq!(until("1001"), None, "{occasion:?}");
            assert_eq!(window.delayed_until(&address("+4930123456"), occasion, opens), None);
        }
    }

    /// Of all sorts: half an hour of change, a month of change, a change at night, none.
    const ZONES: [&str; 10] = [
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "America/Santiago",
        "Africa/Casablanca",
        "Africa/Cairo",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Asia/Kolkata",
        "Antarctica/Troll",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn the_next_opening_is_the_first_open_minute(
            picked in prop::collection::vec(prop::sample::select(&ZONES[..]), 1..3),
            from in 0u16..1439,
            length in 1u16..1440,
            // The two years from January 2026 on.
            seconds in 1_767_225_600_i64..1_830_297_600,
            ms in 0i64..60_000,
        ) {
            let window = CallingWindow::new(from, (from + length).min(1440)).unwrap();
            let zones: Vec<ZoneName> = picked.into_iter().map(ZoneName::new).collect();
            let now = Timestamp::from_ms(seconds * 1000 / 60_000 * 60_000 + ms);
            let minute = now.as_ms() / 60_000;
            let later = (1..=2 * 1440).map(|n| Timestamp::from_ms((minute + n) * 60_000));
            let first = std::iter::once(now).chain(later).find(|at| window.open_at(&zones, *at));
            let opens = window.next_open(&zones, now);
            match first {
                Some(first) => prop_assert_eq!(opens, Some(first)),
                None => {
                    let two_days = Duration::from_secs(2 * 24 * 3600);
                    prop_assert!(opens.is_none_or(|at| at.since(now) >= two_days));
                }
            }
        }
    }
}
