//! Calendars against a clock on the wall: minute by minute around every change of every zone.

use chrono::Offset;
use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60_000;

fn day(intervals: &[(u16, u16)]) -> DayHours {
    DayHours::new(intervals.to_vec()).unwrap()
}

fn date(text: &str) -> Date {
    Date::parse(text).unwrap_or_else(|| panic!("{text}"))
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap_or_else(|| panic!("{name}"))
}

/// Reads `2026-03-29T01:00` as UTC.
fn utc_time(text: &str) -> Timestamp {
    let (day, clock) = text.split_once('T').unwrap();
    let (hour, minute) = clock.split_once(':').unwrap();
    let minutes = hour.parse::<u16>().unwrap() * 60 + minute.parse::<u16>().unwrap();
    Zone::UTC.resolve(date(day), minutes).unwrap()
}

fn every_day(zone: Zone, hours: &[(u16, u16)]) -> Calendar {
    Calendar { zone, weekly: std::array::from_fn(|_| day(hours)), special: BTreeMap::new() }
}

fn hours(calendar: Calendar) -> Hours {
    Hours::Calendar(Arc::new(calendar))
}

/// What the clock on the wall shows, as minutes since 1970 of its own.
fn wall_minute(zone: Zone, at: Timestamp) -> i64 {
    let utc = DateTime::<Utc>::from_timestamp_millis(at.as_ms()).unwrap();
    let offset = zone.0.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc();
    assert_eq!(offset % 60, 0, "{zone} at {at}");
    at.as_ms().div_euclid(MINUTE) + i64::from(offset / 60)
}

fn minute_of_1970(date: Date, minute: u16) -> i64 {
    date.at(minute).and_utc().timestamp() / 60
}

fn offset_at(zone: Zone, at: Timestamp) -> i64 {
    wall_minute(zone, at) - at.as_ms().div_euclid(MINUTE)
}

/// Every instant of 2026 and 2027 at which the zone changes its offset, to the minute.
fn changes(zone: Zone) -> Vec<Timestamp> {
    let step = Duration::from_secs(6 * 3600);
    let (mut at, end) = (utc_time("2026-01-01T00:00"), utc_time("2028-01-01T00:00"));
    let mut found = Vec::new();
    while at < end {
        let (mut before, mut after) = (at, at + step);
        if offset_at(zone, before) != offset_at(zone, after) {
            while after.as_ms() - before.as_ms() > MINUTE {
                let minutes = (before.as_ms() + after.as_ms()) / 2 / MINUTE;
                let middle = Timestamp::from_ms(minutes * MINUTE);
                let same = offset_at(zone, middle) == offset_at(zone, before);
                *(if same { &mut before } else { &mut after }) = middle;
            }
            found.push(after);
        }
        at += step;
    }
    found
}

/// Calendars with edges before, on, within and after what the clock skips or shows twice. Ends are
/// minutes since 1970 by the wall.
fn calendars_around(zone: Zone, change: Timestamp) -> Vec<(Calendar, Vec<(i64, i64)>)> {
    let (old, new) =
        (wall_minute(zone, change - Duration::from_secs(60)) + 1, { wall_minute(zone, change) });
    let (low, high) = (old.min(new), old.max(new));
    let half = (low + high) / 2;
    let midnight = low.div_euclid(1440) * 1440;
    let edges =
        [low - 50, low - 1, low, low + 1, half, half + 7, high - 1, high, high + 1, high + 50];
    let pairs = |skip: usize| -> Vec<(i64, i64)> {
        edges[skip..].chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
    };
    let lists = [
        pairs(0),
        pairs(1),
        vec![(low - 90, half), (half, high + 90)],
        vec![(low - 90, low), (high, high + 90)],
        vec![(midnight - 120, midnight + 120), (midnight + 1320, midnight + 1560)],
        vec![(midnight, midnight + 1440)],
    ];
    lists.map(|list| (special_only(zone, &list), list)).into()
}

/// Open at these minutes of the wall, and for an hour at noon in the weeks after.
fn special_only(zone: Zone, intervals: &[(i64, i64)]) -> Calendar {
    let mut calendar = every_day(zone, &[(720, 780)]);
    let mut days: BTreeMap<i64, Vec<(u16, u16)>> = BTreeMap::new();
    for day in intervals[0].0.div_euclid(1440) - 2..=intervals[0].0.div_euclid(1440) + 3 {
        let midnight = day * 1440;
        let within = |&(open, close): &(i64, i64)| {
            let (open, close) = (open.max(midnight), close.min(midnight + 1440));
            (open < close).then_some(((open - midnight) as u16, (close - midnight) as u16))
        };
        days.insert(day, intervals.iter().filter_map(within).collect());
    }
    for (day, list) in days {
        let date = Date(NaiveDate::from_epoch_days(day as i32).unwrap());
        calendar.special.insert(date, DayHours::new(list).unwrap());
    }
    calendar
}

/// Around one change: the calendar agrees with the clock on the wall, and with itself.
fn check_around(change: Timestamp, calendar: Calendar, list: &[(i64, i64)], told: &str) {
    let zone = calendar.zone;
    let hours = hours(calendar);
    let minutes = 240_i64;
    let at = |n: i64| Timestamp::from_ms(change.as_ms() + (n - minutes) * MINUTE);
    let walls: Vec<i64> = (0..=2 * minutes).map(|n| wall_minute(zone, at(n))).collect();
    // The latest time shown so far, and the earliest shown from here on.
    let mut latest = walls.clone();
    let mut earliest = walls.clone();
    for n in 1..walls.len() {
        latest[n] = latest[n].max(latest[n - 1]);
        let back = walls.len() - 1 - n;
        earliest[back] = earliest[back].min(earliest[back + 1]);
    }
    let (from, to) = (at(0), at(2 * minutes));
    let intervals = hours.intervals(from, to);
    for pair in intervals.windows(2) {
        assert!(pair[0].1 < pair[1].0, "{told}: {intervals:?}");
    }
    let listed = |at: Timestamp| intervals.iter().find(|it| it.0 <= at && at < it.1);
    let mut open_minutes = 0;
    for n in 0..(2 * minutes) as usize {
        let now = at(n as i64);
        let open = hours.open_at(now);
        // It has shown the opening, and shows the close, or less, again.
        let begun = |opening: i64| opening <= latest[n];
        let goes_on = |close: i64| earliest[n] < close || earliest[n + 1] <= close;
        let expected = list.iter().any(|&(opening, close)| begun(opening) && goes_on(close));
        assert_eq!(open, expected, "{told} at {now}");
        let is_new = n == 0 || latest[n - 1] < walls[n];
        if is_new && walls[n] < earliest[n + 1] {
            let shown = list.iter().any(|&(open, close)| open <= walls[n] && walls[n] < close);
            assert_eq!(open, shown, "{told} at {now}: once on the wall");
        }
        assert_eq!(listed(now).is_some(), open, "{told} at {now}: {intervals:?}");
        open_minutes += i64::from(open);
        if n % 7 == 0 {
            let last_ms = now + Duration::from_millis(59_999);
            assert_eq!(hours.open_at(last_ms), open, "{told} in the minute {now}");
            check_closing(&hours, now, told);
        }
    }
    let length: i64 = intervals.iter().map(|it| it.1.as_ms() - it.0.as_ms()).sum();
    assert_eq!(length, open_minutes * MINUTE, "{told}");
}

fn check_closing(hours: &Hours, now: Timestamp, told: &str) {
    let (open, open_for) = (hours.open_at(now), hours.open_for(now));
    let close = hours.close_after(now).unwrap_or_else(|| panic!("{told}: never closes"));
    let next = hours.next_open(now).unwrap_or_else(|| panic!("{told}: never opens"));
    let ms = Duration::from_millis(1);
    assert_eq!(open_for > Duration::ZERO, open, "{told} at {now}");
    assert!(close > now && next > now, "{told} at {now}");
    assert!(hours.open_at(close - ms) && !hours.open_at(close), "{told} at {now}: {close}");
    assert!(hours.open_at(next) && !hours.open_at(next - ms), "{told} at {now}: {next}");
    if open {
        assert_eq!(now + open_for, close, "{told} at {now}");
        assert!(next > close, "{told} at {now}");
    } else {
        assert_eq!(hours.close_after(next), Some(close), "{told} at {now}");
    }
}

/// Every calendar at each kind of change, and one of them in the other zones that change alike.
#[test]
fn calendars_follow_the_clock_through_every_change_of_every_zone() {
    let (mut zones, mut count) = (0, 0);
    let mut kinds = std::collections::BTreeSet::new();
    for zone in Zone::all() {
        zones += 1;
        for change in changes(zone) {
            count += 1;
            let before = offset_at(zone, change - Duration::from_secs(60));
            let is_new = kinds.insert((change, before, offset_at(zone, change)));
            for (n, (calendar, list)) in calendars_around(zone, change).into_iter().enumerate() {
                if is_new || count % 6 == n {
                    check_around(change, calendar, &list, &format!("{zone}, calendar {n}"));
                }
            }
        }
    }
    assert!(zones > 400 && count > 600, "{zones} zones, {count} changes");
}

/// Each date of a year at some minutes, and each minute of the days around a change.
#[test]
fn what_is_keyed_is_what_the_clock_shows_then() {
    let first = date("2026-01-01");
    for zone in Zone::all() {
        let changes = changes(zone);
        let near = |date: Date| {
            changes.iter().any(|&at| {
                let of_change = zone.date_of(at);
                date <= of_change.plus(1) && of_change <= date.plus(1)
            })
        };
        let now = zone.midnight(first);
        for (n, date) in first.until(date("2026-12-31")).enumerate() {
            let step = if near(date) { 1 } else { 367 };
            let day = KeyedDay::MonthDay(date.month(), date.day());
            for minute in (n as u16 % step..DAY_MINUTES).step_by(step.into()) {
                let at = zone.keyed_time(now, day, minute).unwrap();
                check_keyed(zone, date, minute, at, &changes);
            }
        }
    }
}

fn check_keyed(zone: Zone, date: Date, minute: u16, at: Timestamp, changes: &[Timestamp]) {
    let (wanted, shown) = (minute_of_1970(date, minute), wall_minute(zone, at));
    let told = || format!("{zone}: {date}, minute {minute}: {at}");
    let before = Timestamp::from_ms(at.as_ms() - MINUTE);
    if shown == wanted {
        let local = zone.local(at);
        let parts = (local.year, local.month, local.day, local.weekday);
        assert_eq!(parts, (date.year(), date.month(), date.day(), date.weekday()), "{}", told());
        assert_eq!(local.minute_of_day(), minute, "{}", told());
        // The first of two: no clock goes back by other steps than these.
        let earlier = |&minutes: &i64| Timestamp::from_ms(at.as_ms() - minutes * MINUTE);
        let shows = |at: Timestamp| wall_minute(zone, at) == wanted;
        assert!(![30, 60, 90, 120, 180].iter().map(earlier).any(shows), "{}", told());
    } else {
        assert!(changes.contains(&at), "{}", told());
        assert!(wall_minute(zone, before) < wanted && wanted < shown, "{}", told());
    }
}

proptest! {
    #[test]
    fn any_keyed_day_is_today_or_later_and_shows_what_was_keyed(
        n in any::<proptest::sample::Index>(),
        now in 1_760_000_000_000_i64..1_830_000_000_000,
        month in 0_u8..14,
        day in 0_u8..33,
        minute in 0_u16..1500,
    ) {
        let zones: Vec<Zone> = Zone::all().collect();
        let (zone, now) = (zones[n.index(zones.len())], Timestamp::from_ms(now));
        let today = zone.date_of(now);
        let keyed = zone.keyed_time(now, KeyedDay::MonthDay(month, day), minute);
        let exists = Date::new(2028, month, day).is_some() && minute < DAY_MINUTES;
        prop_assert_eq!(keyed.is_some(), exists);
        if let Some(at) = keyed {
            let local = zone.date_of(at);
            prop_assert!(local >= today && at + DAY > now);
            prop_assert_eq!((local.month(), local.day()), (month, day), "{} {:?}", zone, at);
        }
        if minute < DAY_MINUTES {
            let tomorrow = zone.keyed_time(now, KeyedDay::Tomorrow, minute);
            prop_assert_eq!(tomorrow, zone.resolve(today.plus(1), minute));
            prop_assert_eq!(
                zone.keyed_time(now, KeyedDay::Today, minute),
                zone.resolve(today, minute)
            );
        }
    }

    #[test]
    fn dates_read_what_they_print_and_nothing_else(
        year in 1970..=9999_i32, month in 1..=12_u8, day in 1..=31_u8, text in "[-+0-9é]{10}",
    ) {
        if let Some(date) = Date::new(year, month, day) {
            prop_assert_eq!(Date::parse(&date.to_string()), Some(date));
        }
        if let Some(date) = Date::parse(&text) {
            prop_assert_eq!(date.to_string(), text);
        }
    }
}

#[test]
fn keyed_days_in_a_table() {
    let berlin = zone("Europe/Berlin");
    let now = utc_time("2026-12-30T23:30");
    let table = [
        (KeyedDay::Today, 600, Some("2026-12-31T09:00")),
        (KeyedDay::Tomorrow, 600, Some("2027-01-01T09:00")),
        (KeyedDay::MonthDay(12, 31), 0, Some("2026-12-30T23:00")),
        (KeyedDay::MonthDay(12, 30), 600, Some("2027-12-30T09:00")),
        (KeyedDay::MonthDay(2, 29), 600, Some("2028-02-29T09:00")),
        (KeyedDay::MonthDay(3, 28), 150, Some("2027-03-28T01:00")),
        (KeyedDay::MonthDay(10, 31), 150, Some("2027-10-31T00:30")),
        (KeyedDay::MonthDay(2, 30), 600, None),
        (KeyedDay::MonthDay(13, 1), 600, None),
        (KeyedDay::MonthDay(0, 0), 600, None),
        (KeyedDay::Today, 1440, None),
    ];
    for (day, minute, at) in table {
        let at = at.map(utc_time);
        assert_eq!(berlin.keyed_time(now, day, minute), at, "{day:?} {minute}");
    }
}

#[test]
fn plain_intervals_close_at_the_end_of_the_day_it_is_due() {
    let at = Timestamp::from_seconds;
    let plain = Hours::Intervals(vec![(at(10), at(20)), (at(20), at(30)), (at(50), at(60))]);
    let table = [
        (9, 0, Some(30), Some(10)),
        (10, 20, Some(30), Some(50)),
        (20, 10, Some(30), Some(50)),
        (30, 0, Some(60), Some(50)),
        (59, 1, Some(60), None),
        (60, 0, None, None),
    ];
    for (now, open_for, close, next) in table {
        assert_eq!(plain.open_at(at(now)), open_for > 0, "{now}");
        assert_eq!(plain.open_for(at(now)), Duration::from_secs(open_for), "{now}");
        assert_eq!(plain.close_after(at(now)), close.map(at), "{now}");
        assert_eq!(plain.next_open(at(now)), next.map(at), "{now}");
    }
    assert_eq!(plain.intervals(at(25), at(55)), [(at(25), at(30)), (at(50), at(55))]);
}

/// Berlin: midnight is 23:00 UTC in winter.
fn office() -> Calendar {
    let mut calendar = every_day(zone("Europe/Berlin"), &[(540, 720), (720, 1080)]);
    calendar.weekly[Weekday::Friday as usize] = day(&[(540, 720), (1320, 1440)]);
    calendar.weekly[Weekday::Saturday as usize] = day(&[(0, 120)]);
    calendar.weekly[Weekday::Sunday as usize] = DayHours::CLOSED;
    calendar.special.insert(date("2026-12-25"), DayHours::CLOSED);
    calendar.special.insert(date("2026-12-24"), day(&[(540, 780)]));
    calendar
}

#[test]
fn close_of_business_in_an_office() {
    let office = hours(office());
    let table = [
        // A Monday: before, during, what touches, after.
        ("2026-11-23T07:59", false, "2026-11-23T17:00", "2026-11-23T08:00"),
        ("2026-11-23T08:00", true, "2026-11-23T17:00", "2026-11-24T08:00"),
        ("2026-11-23T11:00", true, "2026-11-23T17:00", "2026-11-24T08:00"),
        ("2026-11-23T17:00", false, "2026-11-24T17:00", "2026-11-24T08:00"),
        // Friday night runs over midnight into Saturday; Sunday is closed.
        ("2026-11-27T12:00", false, "2026-11-28T01:00", "2026-11-27T21:00"),
        ("2026-11-27T22:59", true, "2026-11-28T01:00", "2026-11-30T08:00"),
        ("2026-11-27T23:00", true, "2026-11-28T01:00", "2026-11-30T08:00"),
        ("2026-11-28T01:00", false, "2026-11-30T17:00", "2026-11-30T08:00"),
        // Special days replace Thursday and Friday; Saturday keeps what is left of the night.
        ("2026-12-24T11:59", true, "2026-12-24T12:00", "2026-12-25T23:00"),
        ("2026-12-24T12:00", false, "2026-12-26T01:00", "2026-12-25T23:00"),
    ];
    for (now, open, close, next) in table {
        let at = utc_time(now);
        assert_eq!(office.open_at(at), open, "{now}");
        assert_eq!(office.close_after(at), Some(utc_time(close)), "{now}");
        assert_eq!(office.next_open(at), Some(utc_time(next)), "{now}");
        let open_for = if open { utc_time(close).since(at) } else { Duration::ZERO };
        assert_eq!(office.open_for(at), open_for, "{now}");
    }
}

#[test]
fn what_never_closes_and_what_never_opens() {
    let now = utc_time("2026-11-23T12:00");
    let whole_day = every_day(zone("Asia/Kolkata"), &[(0, 720), (720, 1440)]);
    for always in [Hours::RoundTheClock, hours(whole_day.clone())] {
        assert!(always.open_at(now));
        assert_eq!(always.open_for(now), Duration::MAX);
        assert_eq!(always.close_after(now), None);
        assert_eq!(always.next_open(now), None);
        assert_eq!(always.intervals(now, now + DAY), [(now, now + DAY)]);
    }
    let mut one_day_off = whole_day;
    one_day_off.special.insert(date("2027-12-25"), DayHours::CLOSED);
    let one_day_off = hours(one_day_off);
    let (close, open) = (utc_time("2027-12-24T18:30"), utc_time("2027-12-25T18:30"));
    assert_eq!(one_day_off.close_after(now), Some(close));
    assert_eq!(one_day_off.next_open(now), Some(open));
    assert_eq!(one_day_off.open_for(now), close.since(now));
    assert_eq!(one_day_off.close_after(close), None, "not within 400 days");
    let early = now - 30 * DAY;
    assert_eq!(
        (one_day_off.close_after(early), one_day_off.open_for(early)),
        (None, Duration::MAX)
    );
    let never = every_day(Zone::UTC, &[]);
    assert!(never.is_never_open());
    let never = hours(never);
    assert_eq!((never.open_for(now), never.close_after(now)), (Duration::ZERO, None));
    assert_eq!((never.next_open(now), never.intervals(now, now + DAY)), (None, vec![]));
}

#[test]
fn hours_of_a_day_are_within_it_and_apart() {
    let table: [(&[(u16, u16)], _); 7] = [
        (&[], Ok(&[][..])),
        (&[(780, 1440), (0, 60)], Ok(&[(0, 60), (780, 1440)])),
        (&[(0, 720), (720, 1440)], Ok(&[(0, 1440)])),
        (&[(60, 60)], Err(DayHoursError::NotWithinADay)),
        (&[(1380, 60)], Err(DayHoursError::NotWithinADay)),
        (&[(0, 1441)], Err(DayHoursError::NotWithinADay)),
        (&[(0, 61), (60, 90)], Err(DayHoursError::Overlap)),
    ];
    for (given, expected) in table {
        let read = DayHours::new(given.to_vec());
        assert_eq!(read.as_ref().map(DayHours::intervals), expected.as_ref().copied(), "{given:?}");
    }
    let many = (0..49).map(|n| (20 * n, 20 * n + 10)).collect();
    assert_eq!(DayHours::new(many), Err(DayHoursError::TooMany));
}

#[test]
fn pieces_are_whole_intervals_or_days_of_long_ones() {
    let office = hours(office());
    let night = (utc_time("2026-11-27T21:00"), utc_time("2026-11-28T01:00"));
    let within = utc_time("2026-11-27T23:30");
    assert_eq!(office.pieces(within, within + Duration::from_secs(1)), [night]);
    // From Saturday noon to Monday noon, over the end of summer time: cut at each midnight.
    let mut weekend = every_day(zone("Europe/Berlin"), &[]);
    weekend.weekly[Weekday::Saturday as usize] = day(&[(720, 1440)]);
    weekend.weekly[Weekday::Sunday as usize] = day(&[(0, 1440)]);
    weekend.weekly[Weekday::Monday as usize] = day(&[(0, 720)]);
    let times = ["2026-10-24T10:00", "2026-10-24T22:00", "2026-10-25T23:00", "2026-10-26T11:00"];
    let times = times.map(utc_time);
    let expected: Vec<Interval> = times.windows(2).map(|pair| (pair[0], pair[1])).collect();
    assert_eq!(hours(weekend).pieces(times[0] - DAY, times[3] + DAY), expected);
    // Round the clock: local midnights, where Beirut's clock goes back from midnight to 23:00.
    let beirut = hours(every_day(zone("Asia/Beirut"), &[(0, 1440)]));
    let times = ["2026-10-23T21:00", "2026-10-24T22:00", "2026-10-25T22:00"].map(utc_time);
    let second_night = times[1] - Duration::from_secs(1800);
    let pieces = beirut.pieces(second_night, times[1] + Duration::from_secs(1));
    assert_eq!(pieces, [(times[0], times[1]), (times[1], times[2])]);
}

#[test]
fn no_instant_makes_it_panic() {
    for now in [i64::MIN, -1, 0, LAST_MS, LAST_MS + 1, i64::MAX].map(Timestamp::from_ms) {
        let office = hours(office());
        let told = (office.open_at(now), office.open_for(now), office.close_after(now));
        assert_eq!(told.0, told.1 > Duration::ZERO, "{now:?}");
        assert!(office.pieces(now, now + DAY).len() < 10);
        assert!(office.zone().local(now).year >= 1970 && Zone::UTC.date_of(now).year() <= 9999);
    }
}
