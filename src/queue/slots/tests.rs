//! Slots against a grid made minute by minute, and a search by brute force.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::hours::{Calendar, Date, DayHours};
use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Zones of every kind: an hour, half an hour, two hours, at midnight, against the seasons, none.
const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Asia/Beirut",
    "America/Havana",
    "Africa/Casablanca",
    "Asia/Kolkata",
];

fn minutes(n: u32) -> Duration {
    n * MINUTE
}

fn calendar(zone: &str, hours: [&[(u16, u16)]; 7]) -> Hours {
    let day = |hours: &[(u16, u16)]| DayHours::new(hours.to_vec()).unwrap();
    let zone = Zone::parse(zone).unwrap();
    Hours::Calendar(Arc::new(Calendar { zone, weekly: hours.map(day), special: BTreeMap::new() }))
}

/// A minute of a day in a zone.
fn at(zone: &str, date: &str, hour: u16, minute: u16) -> Timestamp {
    let date = Date::parse(date).unwrap();
    Zone::parse(zone).unwrap().resolve(date, hour * 60 + minute).unwrap()
}

/// Open from 9:00 to 9:50 and from 13:00 to 17:00 UTC each day; slots of 20 minutes for one each.
fn small() -> (SlotSettings, Hours) {
    let settings = SlotSettings {
        length: minutes(20),
        capacity: 1,
        look_ahead: 2 * DAY,
        ..SlotSettings::default()
    };
    (settings, calendar("UTC", [&[(540, 590), (780, 1020)]; 7]))
}

fn clock(hour: u16, minute: u16) -> Timestamp {
    at("UTC", "2026-11-23", hour, minute)
}

fn found(slot: Timestamp, due: Timestamp, moved: bool) -> Found {
    Found::Slot { slot, due, moved }
}

fn refused(why: Refusal, proposals: &[Timestamp]) -> Found {
    Found::Refused { why, proposals: proposals.to_vec() }
}

/// For a consumer who may be called at any time.
fn wanted(
    slots: &Slots,
    settings: &SlotSettings,
    hours: &Hours,
    now: Timestamp,
    desired: Timestamp,
) -> Found {
    slots.find(settings, hours, now, desired, &|_| true)
}

#[test]
fn a_free_slot_is_due_at_the_desired_minute() {
    let (settings, hours) = small();
    let slots = Slots::default();
    let now = clock(8, 0);
    let table = [
        (clock(9, 0), clock(9, 0)),
        (clock(9, 7), clock(9, 0)),
        (clock(9, 20), clock(9, 20)),
        // Cut short by the close.
        (clock(9, 49), clock(9, 40)),
        (clock(13, 0), clock(13, 0)),
        (clock(16, 59), clock(16, 40)),
    ];
    for (desired, slot) in table {
        let told = wanted(&slots, &settings, &hours, now, desired);
        assert_eq!(told, found(slot, desired, false), "{desired}");
    }
}

#[test]
fn a_full_slot_is_moved_to_the_nearest_or_refused() {
    let (mut settings, hours) = small();
    let mut slots = Slots::default();
    let now = clock(8, 0);
    slots.reserve(clock(13, 20));
    let find = |slots: &Slots, settings: &SlotSettings, now, desired| {
        wanted(slots, settings, &hours, now, desired)
    };
    // It is the start of a slot that is near: 13:00 is 29 minutes away from 13:29, 13:40 is 11.
    let moved = |slot| found(slot, slot, true);
    assert_eq!(find(&slots, &settings, now, clock(13, 29)), moved(clock(13, 40)));
    assert_eq!(find(&slots, &settings, now, clock(13, 21)), moved(clock(13, 40)));
    assert_eq!(find(&slots, &settings, now, clock(13, 20)), moved(clock(13, 40)), "a tie");
    slots.reserve(clock(13, 40));
    assert_eq!(find(&slots, &settings, now, clock(13, 21)), moved(clock(13, 0)));
    assert_eq!(find(&slots, &settings, now, clock(13, 30)), moved(clock(14, 0)), "a tie");
    // The earlier one must start at least five minutes from now.
    let ahead = |seconds| clock(13, 0) - Duration::from_secs(seconds);
    assert_eq!(find(&slots, &settings, ahead(300), clock(13, 21)), moved(clock(13, 0)));
    assert_eq!(find(&slots, &settings, ahead(299), clock(13, 21)), moved(clock(14, 0)));
    settings.moves = false;
    let nearest = [clock(13, 0), clock(14, 0), clock(14, 20)];
    assert_eq!(find(&slots, &settings, now, clock(13, 21)), refused(Refusal::Full, &nearest));
}

#[test]
fn now_is_immediate_unless_capacity_is_always_checked() {
    let (mut settings, hours) = small();
    let mut slots = Slots::default();
    slots.reserve(clock(13, 20));
    let now = clock(13, 30);
    let seconds = Duration::from_secs;
    for desired in [now - minutes(5), now, now + seconds(60)] {
        assert_eq!(wanted(&slots, &settings, &hours, now, desired), Found::Immediate, "{desired}");
    }
    let desired = now + seconds(61);
    let moved = |slot| found(slot, slot, true);
    assert_eq!(wanted(&slots, &settings, &hours, now, desired), moved(clock(13, 40)));
    let desired = now - minutes(5) - Duration::from_millis(1);
    let proposals = [clock(13, 40), clock(14, 0), clock(14, 20)];
    let past = refused(Refusal::Past, &proposals);
    assert_eq!(wanted(&slots, &settings, &hours, now, desired), past);
    settings.always_check_capacity = true;
    assert_eq!(wanted(&slots, &settings, &hours, now, now), moved(clock(13, 40)));
    slots.release(clock(13, 20));
    assert_eq!(wanted(&slots, &settings, &hours, now, now), found(clock(13, 20), now, false));
    // A moment ago, in a slot that is full; the one that has just begun is the nearest.
    let now = clock(13, 42);
    slots.reserve(clock(13, 20));
    assert_eq!(wanted(&slots, &settings, &hours, now, clock(13, 39)), moved(clock(13, 40)));
}

#[test]
fn closed_and_far_times_are_refused_with_the_nearest() {
    let (settings, hours) = small();
    let slots = Slots::default();
    let now = clock(8, 0);
    let nearest = [clock(9, 40), clock(9, 20), clock(9, 0)];
    let closed = refused(Refusal::Closed, &nearest);
    assert_eq!(wanted(&slots, &settings, &hours, now, clock(9, 50)), closed);
    assert_eq!(wanted(&slots, &settings, &hours, now, now), {
        refused(Refusal::Closed, &[clock(9, 0), clock(9, 20), clock(9, 40)])
    });
    let last = at("UTC", "2026-11-25", 8, 0);
    let far = refused(
        Refusal::TooFarAhead,
        &[(16, 40), (16, 20), (16, 0)].map(|(h, m)| at("UTC", "2026-11-24", h, m)),
    );
    assert_eq!(wanted(&slots, &settings, &hours, now, last + Duration::from_millis(1)), far);
    // It has closed since: nothing can be dialled at once.
    let now = clock(17, 1);
    let tomorrow = at("UTC", "2026-11-24", 9, 0);
    let Found::Refused { why: Refusal::Closed, proposals } =
        wanted(&slots, &settings, &hours, now, clock(16, 59))
    else {
        panic!("not refused");
    };
    assert_eq!(proposals.first(), Some(&tomorrow));
    let never = calendar("UTC", [&[]; 7]);
    assert_eq!(wanted(&slots, &settings, &never, now, now), refused(Refusal::Closed, &[]));
}

#[test]
fn rules_by_weekday_replace_the_capacity() {
    let (mut settings, hours) = small();
    let rule = |weekday, from_minute, to_minute, capacity| CapacityRule {
        weekday,
        from_minute,
        to_minute,
        capacity,
    };
    settings.weekly = vec![
        rule(Weekday::Monday, 800, 820, 3),
        rule(Weekday::Monday, 780, 1440, 0),
        rule(Weekday::Tuesday, 0, 600, 2),
    ];
    let mut slots = Slots::default();
    slots.reserve(clock(13, 20));
    let now = clock(9, 31);
    let free = slots.free(&settings, &hours, now, now - DAY, now + 9 * DAY);
    let told: Vec<_> = free.iter().map(|it| (it.start, it.end, it.capacity, it.free)).collect();
    assert_eq!(told[0], (clock(9, 40), clock(9, 50), 1, 1));
    assert_eq!(told[1], (clock(13, 0), clock(13, 20), 0, 0));
    assert_eq!(told[2], (clock(13, 20), clock(13, 40), 3, 2));
    assert_eq!(told[3], (clock(13, 40), clock(14, 0), 0, 0));
    let tuesday = at("UTC", "2026-11-24", 9, 0);
    assert_eq!(told[13], (tuesday, tuesday + minutes(20), 2, 2));
    assert_eq!(told.last().unwrap().0, at("UTC", "2026-11-25", 9, 20), "two days from 9:31");
    let some = slots.free(&settings, &hours, now, clock(13, 1), clock(13, 40));
    assert_eq!(some.iter().map(|it| it.start).collect::<Vec<_>>(), [clock(13, 20)]);
}

#[test]
fn what_is_booked_is_forgotten_and_counted_again() {
    let (settings, hours) = small();
    let mut slots = Slots::default();
    let dues = [clock(9, 0), clock(9, 19), clock(9, 20), clock(13, 5)];
    for due in dues {
        slots.reserve(settings.slot_of(&hours, due).unwrap());
    }
    assert_eq!(slots.booked(clock(9, 0)), 2);
    let closed = [clock(9, 50), clock(12, 59)];
    let again = Slots::from_dues(&settings, &hours, dues.into_iter().chain(closed));
    assert_eq!(again, slots);
    slots.release(clock(9, 20));
    slots.release(clock(9, 20));
    slots.release(clock(12, 0));
    let kept: Vec<_> = slots.booked.iter().map(|(&start, &count)| (start, count)).collect();
    assert_eq!(kept, [(clock(9, 0), 2), (clock(13, 0), 1)]);
    slots.expire(clock(10, 5));
    assert_eq!(slots.booked(clock(9, 0)), 2);
    slots.expire(clock(10, 5) + Duration::from_millis(1));
    assert_eq!(slots.booked.len(), 1);
}

#[test]
fn a_grid_stays_on_its_opening_through_a_change_of_the_clock() {
    // Saturday 22:00 to Sunday 06:00 in Berlin, an hour more when summer time ends.
    let night = calendar("Europe/Berlin", [&[], &[], &[], &[], &[], &[(1320, 1440)], &[(0, 360)]]);
    let settings = SlotSettings { length: minutes(50), ..SlotSettings::default() };
    let starts = |date: &str| {
        let open = at("Europe/Berlin", date, 22, 0);
        let free = Slots::default().free(&settings, &night, open, open, open + DAY);
        let whole = free.iter().filter(|it| it.end.since(it.start) == minutes(50)).count();
        (free[0].start == open, free.len(), whole)
    };
    assert_eq!(starts("2026-10-17"), (true, 10, 9));
    assert_eq!(starts("2026-10-24"), (true, 11, 10), "nine hours");
    assert_eq!(starts("2026-03-28"), (true, 9, 8), "seven hours");
}

#[test]
fn an_answer_is_bounded() {
    let settings =
        SlotSettings { length: minutes(5), look_ahead: 1000 * DAY, ..SlotSettings::default() };
    let now = clock(9, 0);
    let free = Slots::default().free(&settings, &Hours::RoundTheClock, now, now, now + 1000 * DAY);
    assert_eq!(free.len(), SLOTS_MAX);
}

// ---- against brute force

/// The grid as the rules say it, from asking minute by minute whether it is open.
fn grid_by_minutes(
    settings: &SlotSettings,
    hours: &Hours,
    from: Timestamp,
    to: Timestamp,
) -> Vec<(Timestamp, Timestamp)> {
    let mut runs: Vec<(Timestamp, Timestamp)> = Vec::new();
    let mut minute = from - 2 * DAY;
    minute = Timestamp::from_ms(minute.as_ms().div_euclid(60_000) * 60_000);
    while minute < to + 2 * DAY {
        if hours.open_at(minute) {
            match runs.last_mut().filter(|run| run.1 == minute) {
                Some(run) => run.1 = minute + MINUTE,
                None => runs.push((minute, minute + MINUTE)),
            }
        }
        minute += MINUTE;
    }
    let zone = hours.zone();
    let mut slots: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (open, close) in runs {
        let is_long = close.since(open) > DAY;
        let (mut start, mut minute, mut shown) = (open, open, zone.date_of(open));
        while minute < close {
            let next = minute + MINUTE;
            // Midnight is where a new date is shown first; a clock may go back over it.
            let new_day = is_long && zone.date_of(next) > shown;
            shown = shown.max(zone.date_of(next));
            if next == close || new_day || next.since(start) == settings.length {
                slots.push((start, next));
                start = next;
            }
            minute = next;
        }
    }
    slots.retain(|&(start, end)| from < end && start < to);
    slots
}

#[derive(Clone, Debug)]
struct World {
    hours: Hours,
    settings: SlotSettings,
    now: Timestamp,
}

fn any_day() -> impl Strategy<Value = Vec<(u16, u16)>> {
    let edges = proptest::collection::btree_set(0_u16..=96, 0..7);
    let some = edges.prop_map(|edges| {
        let edges: Vec<u16> = edges.into_iter().collect();
        edges.chunks_exact(2).map(|pair| (pair[0] * 15, pair[1] * 15)).collect()
    });
    prop_oneof![3 => some, 2 => Just(vec![(0, 1440)]), 1 => Just(vec![(0, 97), (1203, 1440)])]
}

fn any_rule() -> impl Strategy<Value = CapacityRule> {
    (0..7_usize, 0..1440_u16, 1..1440_u16, 0..4_u32).prop_map(|(day, from, length, capacity)| {
        let weekday = Weekday::ALL[day];
        CapacityRule { weekday, from_minute: from, to_minute: from + length, capacity }
    })
}

/// Around one of the changes of 2026 of a zone, or anywhere in the year.
fn any_now(zone: Zone, change: usize, days: u64, minute: u64, second: u64) -> Timestamp {
    let start = at("UTC", "2026-01-01", 0, 0);
    let hour = |n: u32| start + n * Duration::from_secs(3600);
    let offset = |at: Timestamp| {
        let (local, utc) = (zone.local(at), Zone::UTC.local(at));
        (i32::from(local.minute_of_day()) - i32::from(utc.minute_of_day())).rem_euclid(1440)
    };
    let changed = |n: &u32| offset(hour(*n)) != offset(hour(n + 1));
    let changes: Vec<Timestamp> = (0..365 * 24).filter(changed).map(hour).collect();
    let day = changes.get(change).map_or(start + DAY * days as u32, |&at| at - 2 * DAY);
    day + Duration::from_secs(minute * 60 + second)
}

prop_compose! {
    fn any_world()(
        zone in proptest::sample::select(&ZONES[..]),
        days in proptest::collection::vec(any_day(), 7),
        always in proptest::bool::weighted(0.1),
        length in 5..=60_u32,
        capacity in 0..3_u32,
        weekly in proptest::collection::vec(any_rule(), 0..3),
        look_ahead in 60..4000_u32,
        always_check_capacity: bool,
        moves in proptest::bool::weighted(0.7),
        when in (0..3_usize, 0..365_u64, 0..2880_u64, 0..60_u64),
    ) -> World {
        let days: [&[(u16, u16)]; 7] = std::array::from_fn(|n| &days[n][..]);
        let hours = if always { Hours::RoundTheClock } else { calendar(zone, days) };
        let look_ahead = minutes(look_ahead);
        let length = minutes(length);
        let now = any_now(Zone::parse(zone).unwrap(), when.0, when.1, when.2, when.3);
        let settings =
            SlotSettings { length, capacity, weekly, look_ahead, always_check_capacity, moves };
        World { hours, settings, now }
    }
}

/// Every free slot, by the rules: nearest first.
fn nearest_by_force(
    world: &World,
    grid: &[(Timestamp, Timestamp)],
    slots: &Slots,
    desired: Timestamp,
    not_before: Timestamp,
) -> Vec<Timestamp> {
    let World { hours, settings, now } = world;
    let mut free: Vec<Timestamp> = grid
        .iter()
        .map(|slot| slot.0)
        .filter(|&start| start <= *now + settings.look_ahead && start >= not_before)
        .filter(|&start| start >= desired || start >= *now + minutes(5))
        .filter(|&start| slots.booked(start) < capacity_by_force(settings, hours, start))
        .collect();
    let distance = |start: Timestamp| start.since(desired).max(desired.since(start));
    free.sort_by_key(|&start| (distance(start), std::cmp::Reverse(start)));
    free
}

fn capacity_by_force(settings: &SlotSettings, hours: &Hours, start: Timestamp) -> u32 {
    let local = hours.zone().local(start);
    for rule in &settings.weekly {
        let minute = local.minute_of_day();
        let within = rule.from_minute <= minute && minute < rule.to_minute;
        if rule.weekday == local.weekday && within {
            return rule.capacity;
        }
    }
    settings.capacity
}

fn check_found(
    world: &World,
    grid: &[(Timestamp, Timestamp)],
    slots: &Slots,
    desired: Timestamp,
) -> Result<Option<Timestamp>, TestCaseError> {
    let World { hours, settings, now } = world;
    let now = *now;
    let containing = grid.iter().find(|slot| slot.0 <= desired && desired < slot.1);
    let answer = wanted(slots, settings, hours, now, desired);
    match &answer {
        Found::Immediate => {
            prop_assert!(!settings.always_check_capacity && hours.open_at(now));
            prop_assert!(now - minutes(5) <= desired && desired <= now + MINUTE);
            Ok(None)
        }
        &Found::Slot { slot, due, moved } => {
            let &(start, end) = grid.iter().find(|it| it.0 == slot).unwrap();
            prop_assert!(start <= due && due < end && hours.open_at(due), "{:?}", answer);
            prop_assert!(now - minutes(5) <= due && due <= now + settings.look_ahead);
            prop_assert!(slots.booked(slot) < capacity_by_force(settings, hours, slot));
            if moved {
                let (full, _) = containing.unwrap();
                let capacity = capacity_by_force(settings, hours, *full);
                prop_assert!(settings.moves && slots.booked(*full) >= capacity);
                let nearest = nearest_by_force(world, grid, slots, desired, now - minutes(5));
                prop_assert_eq!((slot, due), (nearest[0], nearest[0]));
            } else {
                prop_assert_eq!((slot, due), (containing.unwrap().0, desired));
            }
            Ok(Some(slot))
        }
        Found::Refused { why, proposals } => {
            let nearest = nearest_by_force(world, grid, slots, desired, now);
            prop_assert_eq!(&proposals[..], &nearest[..nearest.len().min(3)]);
            let expected = if desired < now - minutes(5) {
                Refusal::Past
            } else if desired > now + settings.look_ahead {
                Refusal::TooFarAhead
            } else if containing.is_none() || !hours.open_at(desired.max(now)) {
                Refusal::Closed
            } else {
                Refusal::Full
            };
            prop_assert_eq!(*why, expected);
            prop_assert!(*why != Refusal::Full || !settings.moves || nearest.is_empty());
            Ok(None)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn slots_are_found_by_the_rules_and_never_over_capacity(
        world in any_world(),
        asked in proptest::collection::vec((-400..4400_i64, 0..60_000_i64, 0..5_u8), 1..120),
    ) {
        let World { hours, settings, now } = &world;
        let (now, last) = (*now, *now + settings.look_ahead);
        let grid = grid_by_minutes(settings, hours, now - DAY, last + DAY);
        let mut slots = Slots::default();
        let mut promised: Vec<Timestamp> = Vec::new();
        let count = |promised: &[Timestamp], slot| {
            promised.iter().filter(|it| **it == slot).count() as u32
        };
        for (minute, ms, kind) in asked {
            // A whole minute, any instant, or close to now.
            let ahead = match kind {
                0 => minute * 60_000 + ms,
                1 => (minute % 8) * 60_000 + ms,
                2 => -360_000 + minute.rem_euclid(8) * 60_000,
                _ => minute * 60_000,
            };
            let desired = Timestamp::from_ms(now.as_ms() + ahead);
            if let Some(slot) = check_found(&world, &grid, &slots, desired)? {
                slots.reserve(slot);
                promised.push(slot);
                prop_assert!(count(&promised, slot) <= capacity_by_force(settings, hours, slot));
            }
            if kind == 4 && !promised.is_empty() {
                let n = minute.unsigned_abs() as usize % promised.len();
                slots.release(promised.swap_remove(n));
            }
        }
        for &(start, _) in &grid {
            prop_assert_eq!(slots.booked(start), count(&promised, start));
        }
        let again = Slots::from_dues(settings, hours, promised.iter().copied());
        prop_assert_eq!(&again, &slots);
    }

    #[test]
    fn the_grid_covers_every_open_minute_once(world in any_world(), hours_long in 0..72_u32) {
        let World { hours, settings, now } = &world;
        let (from, to) = (*now, *now + minutes(60 * hours_long));
        let grid: Vec<_> = settings.grid(hours, from, to).collect();
        prop_assert_eq!(&grid, &grid_by_minutes(settings, hours, from, to));
        for &(start, end) in &grid {
            prop_assert!(start < end && end.since(start) <= settings.length);
            prop_assert_eq!(settings.slot_of(hours, start), Some(start));
            prop_assert_eq!(settings.slot_of(hours, end - Duration::from_millis(1)), Some(start));
        }
    }

    #[test]
    fn what_is_free_can_be_had(world in any_world(), booked in 0..40_usize) {
        let mut world = world;
        world.settings.always_check_capacity = true;
        world.settings.moves = false;
        let World { hours, settings, now } = &world;
        let (now, last) = (*now, *now + settings.look_ahead);
        let mut slots = Slots::default();
        let all = slots.free(settings, hours, now, now - DAY, last + DAY);
        for slot in all.iter().filter(|it| it.free > 0).step_by(2).take(booked) {
            slots.reserve(slot.start);
        }
        for slot in slots.free(settings, hours, now, now - DAY, last + DAY) {
            prop_assert_eq!(slot.capacity - slot.free, slots.booked(slot.start));
            let answer = wanted(&slots, settings, hours, now, slot.start);
            let had = Found::Slot { slot: slot.start, due: slot.start, moved: false };
            let open = hours.open_at(slot.start.max(now));
            prop_assert_eq!(answer == had, slot.free > 0 && open, "{:?}: {:?}", slot, answer);
        }
    }
}
