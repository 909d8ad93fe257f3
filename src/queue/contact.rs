//! When and how often a number may be called: calling window, limits, never-call list.
//!
//! ```text
//! request ─▶ NeverCallList, NumberLimits ─▶ (queue) ─▶ dial: all of it again, CallingWindow
//! ```
//!
//! Beside `hours` the only file of the queue that names `chrono`: a number is called by the clock
//! of its owner, not of the queue. Must not: read a clock, know interactions, or hold a number
//! longer than its limits last.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::phone::{Address, NumberClass, PhoneNumber, ZoneName};
use crate::time::{Duration, Timestamp};

/// Most numbers whose requests and dials are remembered, for each queue; beyond it the one that was
/// quiet for longest is forgotten.
pub const NUMBERS_MAX: usize = 100_000;
/// Most entries of the never-call list.
pub const NEVER_CALL_MAX: usize = 1_000_000;
/// Most requests or dials that a limit may allow.
pub const LIMIT_MAX: u32 = 1_000;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const DAY_MINUTES: u16 = 24 * 60;
const TEN_MINUTES: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(24 * 3600);
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
    /// How often.
    pub limits: LimitSettings,
}

impl Default for ContactSettings {
    fn default() -> Self {
        Self { window: Some(CallingWindow::default()), limits: LimitSettings::default() }
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
    /// When their phone last rang for it, or they last spoke with us about it.
    pub last_contact: Option<Timestamp>,
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
    /// It waits outside the window, unless it belongs to a contact of the last 60 minutes, or to an
    /// immediate callback that was asked for in the last 4 hours. Extensions do not wait, nor
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
            let then = Timestamp(at.as_ms() + (from - now).rem_euclid(DAY_MS));
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
        if offset_ms(zone, Timestamp(middle)) == offset {
            before = middle;
        } else {
            after = middle;
        }
    }
    Timestamp(after)
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

// ---- how often

/// How often a number may ask for a callback, and its phone may ring. 0: as often as it likes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LimitSettings {
    /// Requests in any 10 minutes, up to [`LIMIT_MAX`].
    pub requests_per_10_minutes: u32,
    /// Requests in any 24 hours, up to [`LIMIT_MAX`].
    pub requests_per_day: u32,
    /// Dials that rang in any 24 hours, up to [`LIMIT_MAX`].
    pub dials_per_day: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { requests_per_10_minutes: 3, requests_per_day: 5, dials_per_day: 3 }
    }
}

/// What each number asked for and how often its phone rang in the last 24 hours, for one queue.
/// Extensions have no limits.
#[derive(Clone, Debug, Default)]
pub struct NumberLimits {
    limits: LimitSettings,
    histories: BTreeMap<PhoneNumber, History>,
    /// The numbers by when they were last noted, the longest quiet first.
    quiet: BTreeSet<(Timestamp, PhoneNumber)>,
}

#[derive(Clone, Debug, Default)]
struct History {
    requests: VecDeque<Timestamp>,
    rang: VecDeque<Timestamp>,
    last: Timestamp,
}

impl NumberLimits {
    /// Nothing is noted yet.
    pub fn new(limits: LimitSettings) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Other limits from now on; what is noted stays.
    pub fn set(&mut self, limits: LimitSettings) {
        self.limits = limits;
    }

    /// May this address ask for a callback now?
    pub fn request_allowed(&self, address: &Address, now: Timestamp) -> bool {
        let Some(history) = self.history(address) else { return true };
        below(&history.requests, TEN_MINUTES, self.limits.requests_per_10_minutes, now)
            && below(&history.requests, DAY, self.limits.requests_per_day, now)
    }

    /// A request of this address was accepted at this time.
    pub fn note_request(&mut self, address: &Address, at: Timestamp) {
        let kept = self.limits.requests_per_10_minutes.max(self.limits.requests_per_day);
        self.note(address, at, kept, |history| &mut history.requests);
    }

    /// May this address be dialled now?
    pub fn dial_allowed(&self, address: &Address, now: Timestamp) -> bool {
        let Some(history) = self.history(address) else { return true };
        below(&history.rang, DAY, self.limits.dials_per_day, now)
    }

    /// The phone of this address rang at this time.
    pub fn note_rang(&mut self, address: &Address, at: Timestamp) {
        let kept = self.limits.dials_per_day;
        self.note(address, at, kept, |history| &mut history.rang);
    }

    /// Forgets the numbers of which nothing was noted in the last 24 hours.
    pub fn prune(&mut self, now: Timestamp) {
        while let Some((last, number)) = self.quiet.first() {
            if *last + DAY > now {
                return;
            }
            self.histories.remove(number);
            self.quiet.pop_first();
        }
    }

    /// Of how many numbers something is remembered.
    pub fn len(&self) -> usize {
        self.histories.len()
    }

    /// Is nothing remembered?
    pub fn is_empty(&self) -> bool {
        self.histories.is_empty()
    }

    fn history(&self, address: &Address) -> Option<&History> {
        match address {
            Address::E164(number) => self.histories.get(number),
            Address::Extension(_) => None,
        }
    }

    /// Notes `at` in a list that keeps the newest `kept`.
    fn note(
        &mut self,
        address: &Address,
        at: Timestamp,
        kept: u32,
        list: fn(&mut History) -> &mut VecDeque<Timestamp>,
    ) {
        let Address::E164(number) = address else { return };
        if kept == 0 {
            return;
        }
        self.prune(at);
        let history = self.histories.entry(number.clone()).or_default();
        self.quiet.remove(&(history.last, number.clone()));
        history.last = history.last.max(at);
        self.quiet.insert((history.last, number.clone()));
        let list = list(history);
        // In order, also when an earlier one is noted later.
        list.insert(list.partition_point(|noted| *noted <= at), at);
        while list.len() > kept.min(LIMIT_MAX) as usize {
            list.pop_front();
        }
        if self.histories.len() > NUMBERS_MAX
            && let Some((_, number)) = self.quiet.pop_first()
        {
            self.histories.remove(&number);
        }
    }
}

/// Are there fewer than `limit` in the last `span`? A limit of 0 is none.
fn below(noted: &VecDeque<Timestamp>, span: Duration, limit: u32, now: Timestamp) -> bool {
    let within = noted.iter().filter(|at| now.since(**at) < span).count();
    limit == 0 || within < limit as usize
}

// ---- never again

/// Begins the text that is hashed, so that no other use of the key gives the same hashes.
const PURPOSE: &[u8] = b"ringback never call\0";

/// The key under which numbers stand in the never-call list. Prints as `…`.
#[derive(Clone, PartialEq, Eq)]
pub struct NeverCallKey([u8; 32]);

impl NeverCallKey {
    /// Wraps 32 random bytes, drawn by the shell once and kept with the list.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// HMAC-SHA-256 (RFC 2104) of the one spelling of the address.
    pub fn hash(&self, address: &Address) -> NeverCallHash {
        // A key of any length is taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return NeverCallHash([0; 32]);
        };
        mac.update(PURPOSE);
        mac.update(address.expose().as_bytes());
        NeverCallHash(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for NeverCallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// An address in the never-call list: without the key nobody can tell which. Prints as `…`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NeverCallHash(pub [u8; 32]);

impl fmt::Debug for NeverCallHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Who asked never to be called: at most [`NEVER_CALL_MAX`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NeverCallList(BTreeSet<NeverCallHash>);

impl NeverCallList {
    /// Did they ask never to be called?
    pub fn contains(&self, hash: &NeverCallHash) -> bool {
        self.0.contains(hash)
    }

    /// Adds one; `false` if the list is full and does not hold it.
    pub fn insert(&mut self, hash: NeverCallHash) -> bool {
        if self.0.len() < NEVER_CALL_MAX {
            self.0.insert(hash);
        }
        self.0.contains(&hash)
    }

    /// Takes one out; `false` if it was not there.
    pub fn remove(&mut self, hash: &NeverCallHash) -> bool {
        self.0.remove(hash)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &NeverCallHash> {
        self.0.iter()
    }
}

impl FromIterator<NeverCallHash> for NeverCallList {
    /// Those beyond [`NEVER_CALL_MAX`] are left out.
    fn from_iter<T: IntoIterator<Item = NeverCallHash>>(hashes: T) -> Self {
        Self(hashes.into_iter().take(NEVER_CALL_MAX).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::phone::Country;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    /// `2026-03-29 06:30` as UTC.
    fn utc(text: &str) -> Timestamp {
        let parsed = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
        Timestamp(parsed.and_utc().timestamp_millis())
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

    #[test]
    fn a_number_may_ask_three_times_in_ten_minutes_and_five_times_a_day() {
        let (ann, bob) = (address("+14155550123"), address("+14155550124"));
        let mut limits = NumberLimits::new(LimitSettings::default());
        let at = Timestamp::from_seconds;
        for second in [0, 100, 200] {
            assert!(limits.request_allowed(&ann, at(second)));
            limits.note_request(&ann, at(second));
        }
        assert!(!limits.request_allowed(&ann, at(599)) && limits.request_allowed(&bob, at(599)));
        assert!(limits.request_allowed(&ann, at(600)));
        limits.note_request(&ann, at(1000));
        limits.note_request(&ann, at(2000));
        assert!(!limits.request_allowed(&ann, at(86_399)));
        assert!(limits.request_allowed(&ann, at(86_400)));
        limits.prune(at(2000 + 86_399));
        assert_eq!(limits.len(), 1);
        limits.prune(at(2000 + 86_400));
        assert!(limits.is_empty());
    }

    #[test]
    fn a_phone_rings_three_times_a_day() {
        let (ann, desk) = (address("+14155550123"), address("1001"));
        let mut limits = NumberLimits::new(LimitSettings::default());
        let at = Timestamp::from_seconds;
        // The second of them is told late, as after a restart.
        for second in [0, 200, 100] {
            assert!(limits.dial_allowed(&ann, at(second)) && limits.request_allowed(&ann, at(0)));
            limits.note_rang(&ann, at(second));
            limits.note_rang(&desk, at(second));
        }
        assert!(!limits.dial_allowed(&ann, at(86_399)) && limits.dial_allowed(&desk, at(200)));
        assert!(limits.dial_allowed(&ann, at(86_400)));
        assert_eq!(limits.len(), 1);
        limits.set(LimitSettings { dials_per_day: 0, ..LimitSettings::default() });
        assert!(limits.dial_allowed(&ann, at(300)));
    }

    #[test]
    fn the_memory_of_numbers_is_bounded() {
        let mut limits = NumberLimits::new(LimitSettings::default());
        let number = |n: usize| address(&format!("+1415{n:07}"));
        for n in 0..NUMBERS_MAX + 2 {
            limits.note_rang(&number(n), Timestamp(n as i64));
        }
        assert_eq!((limits.len(), limits.quiet.len()), (NUMBERS_MAX, NUMBERS_MAX));
        for _ in 0..50 {
            limits.note_request(&number(5), Timestamp(0));
        }
        assert!(!limits.histories.contains_key(&PhoneNumber::parse("+14150000001").unwrap()));
        let Address::E164(noted) = number(5) else { panic!() };
        assert_eq!(limits.histories[&noted].requests.len(), 5);
    }

    #[test]
    fn the_never_call_list_tells_addresses_apart_under_its_key_only() {
        let (ann, bob) = (address("+14155550123"), address("+14155550124"));
        let (key, other) = (NeverCallKey::new([1; 32]), NeverCallKey::new([2; 32]));
        assert_ne!(key.hash(&ann), key.hash(&bob));
        assert_ne!(key.hash(&ann), other.hash(&ann));
        assert_eq!(format!("{key:?} {:?}", key.hash(&ann)), "… …");
        let mut list = NeverCallList::default();
        assert!(list.insert(key.hash(&ann)) && list.insert(key.hash(&ann)));
        assert!(list.contains(&key.hash(&ann)) && !list.contains(&key.hash(&bob)));
        assert_eq!(list.iter().copied().collect::<NeverCallList>(), list);
        assert!(list.remove(&key.hash(&ann)) && !list.remove(&key.hash(&ann)));
        assert!(!list.contains(&key.hash(&ann)));
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
            let now = Timestamp(seconds * 1000 / 60_000 * 60_000 + ms);
            let later = (1..=2 * 1440).map(|n| Timestamp((now.0 / 60_000 + n) * 60_000));
            let first = std::iter::once(now).chain(later).find(|at| window.open_at(&zones, *at));
            let opens = window.next_open(&zones, now);
            match first {
                Some(first) => prop_assert_eq!(opens, Some(first)),
                None => prop_assert!(opens.is_none_or(|at| at.since(now) >= DAY + DAY)),
            }
        }

        #[test]
        fn no_span_holds_more_than_its_limit(
            gaps in prop::collection::vec(0u64..40_000, 1..60),
            per_10_minutes in 1u32..5,
            per_day in 1u32..9,
        ) {
            let mut limits = NumberLimits::new(LimitSettings {
                requests_per_10_minutes: per_10_minutes,
                requests_per_day: per_day,
                dials_per_day: per_day,
            });
            let ann = address("+14155550123");
            let (mut now, mut requests, mut rang) = (Timestamp(0), Vec::new(), Vec::new());
            for gap in gaps {
                now += Duration::from_secs(gap / 10);
                let in_last = |list: &[Timestamp], span| {
                    list.iter().filter(|at| now.since(**at) < span).count() as u32
                };
                let few = in_last(&requests, TEN_MINUTES) < per_10_minutes
                    && in_last(&requests, DAY) < per_day;
                prop_assert_eq!(limits.request_allowed(&ann, now), few);
                if few {
                    limits.note_request(&ann, now);
                    requests.push(now);
                }
                let few = in_last(&rang, DAY) < per_day;
                prop_assert_eq!(limits.dial_allowed(&ann, now), few);
                if few {
                    limits.note_rang(&ann, now);
                    rang.push(now);
                }
            }
        }
    }
}
