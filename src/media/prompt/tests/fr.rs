//! French, by hand-checked tables.

use super::*;

const FR: Language = Language::Fr;

#[test]
fn numbers_are_said_as_people_say_them() {
    let table = [
        (0, "0"),
        (1, "1"),
        (16, "16"),
        (21, "21"),
        (70, "70"),
        (71, "71"),
        (79, "79"),
        (80, "80"),
        (81, "81"),
        (91, "91"),
        (99, "99"),
        (100, "hundred"),
        (101, "hundred 1"),
        (180, "hundred 80"),
        (200, "2 hundred"),
        (999, "9 hundred 99"),
        (1000, "thousand"),
        (1001, "thousand 1"),
        (1100, "thousand hundred"),
        (2026, "2 thousand 26"),
        (21_021, "21 thousand 21"),
        (80_000, "80 thousand"),
        (100_000, "hundred thousand"),
        (471_293, "4 hundred 71 thousand 2 hundred 93"),
        (999_999, "9 hundred 99 thousand 9 hundred 99"),
    ];
    for (value, expected) in table {
        assert_eq!(told(&number(FR, value)), expected);
    }
}

#[test]
fn times_are_those_of_a_24_hour_clock_and_hours_are_feminine() {
    let table = [
        ((0, 0), "midnight"),
        ((0, 1), "midnight 1f"),
        ((0, 30), "midnight 30"),
        ((1, 0), "1h"),
        ((1, 1), "1h 1f"),
        ((9, 0), "9h"),
        ((9, 5), "9h 5"),
        ((9, 45), "9h 45"),
        ((12, 0), "noon"),
        ((12, 21), "noon 21f"),
        ((13, 0), "13h"),
        ((15, 30), "15h 30"),
        ((20, 20), "20h 20"),
        ((21, 0), "21h"),
        ((21, 31), "21h 31f"),
        ((23, 59), "23h 59"),
    ];
    for ((hour, minute), expected) in table {
        assert_eq!(told(&time_of_day(FR, time(hour, minute))), expected);
    }
}

#[test]
fn days_come_before_their_month_and_the_first_is_an_ordinal() {
    let table = [
        (Day::Today, "today"),
        (Day::Tomorrow, "tomorrow"),
        (date(2026, 1, 1), "thursday 1st january"),
        (date(2024, 2, 29), "thursday 29 february"),
        (date(2026, 3, 21), "saturday 21 march"),
        (date(2026, 7, 14), "tuesday 14 july"),
        (date(2026, 12, 31), "thursday 31 december"),
    ];
    for (value, expected) in table {
        assert_eq!(told(&day(FR, value)), expected);
    }
    let table = [
        (Day::Today, (14, 15), "today at 14h 15"),
        (Day::Tomorrow, (12, 0), "tomorrow at noon"),
        (date(2026, 3, 1), (21, 1), "sunday 1st march at 21h 1f"),
    ];
    for (day, (hour, minute), expected) in table {
        assert_eq!(told(&appointment(FR, day, time(hour, minute))), expected);
    }
}

#[test]
fn numbers_of_the_network_come_in_pairs_within_france() {
    let table = [
        ("+33123456789", "plus 33 | 1 | 23 | 45 | 67 | 89"),
        ("+33600010203", "plus 33 | 6 | 0 0 | 0 1 | 0 2 | 0 3"),
        ("+33170809099", "plus 33 | 1 | 70 | 80 | 90 | 99"),
        ("+32475123456", "plus 3 2 | 4 7 5 | 1 2 3 | 4 5 6"),
        ("+14155550123", "plus 1 | 4 1 5 | 5 5 5 | 0 1 2 3"),
        ("+352621123456", "plus 3 5 2 | 6 2 1 | 1 2 3 | 4 5 6"),
    ];
    for (text, expected) in table {
        assert_eq!(told(&address(FR, &phone_number(text))), expected, "{text}");
    }
}

#[test]
fn lengths_waits_and_places() {
    let lengths = [
        (0, "0 second"),
        (1, "1f second"),
        (60, "1min"),
        (1260, "21min"),
        (3661, "1h 1min 1f second"),
        (75_600, "21h"),
        (86_400, "1 day"),
        (1_814_400, "21 day"),
    ];
    for (seconds, expected) in lengths {
        assert_eq!(told(&duration(FR, Duration::from_secs(seconds))), expected, "{seconds}");
    }
    let waits = [(59, "less-than-a-minute"), (61, "2min"), (5401, "2h")];
    for (seconds, expected) in waits {
        assert_eq!(told(&wait(FR, Duration::from_secs(seconds))), expected, "{seconds}");
    }
    for (place, expected) in
        [(1, "next-in-line"), (2, "position-is 2 in-line"), (171, "position-is hundred 71 in-line")]
    {
        assert_eq!(told(&position(FR, place)), expected);
    }
}

/// The number that these words say.
fn read_number(words: &[&str]) -> u32 {
    let (mut thousands, mut current) = (0, 0);
    for word in words {
        match *word {
            "hundred" => current = u32::max(current, 1) * 100,
            "thousand" => thousands = u32::max(std::mem::take(&mut current), 1) * 1000,
            numeral => current += numeral.parse::<u32>().unwrap(),
        }
    }
    thousands + current
}

#[test]
fn every_number_reads_back() {
    for value in 0..=NUMBER_MAX {
        let spoken = number(FR, value);
        let words = words(&spoken);
        assert_eq!(read_number(&words), value, "{words:?}");
        assert!(!words.windows(2).any(|pair| pair == ["1", "hundred"]), "{words:?}");
    }
}

#[test]
fn every_minute_of_a_day_reads_back() {
    for minute_of_day in 0..1440 {
        let spoken = time_of_day(FR, time(minute_of_day / 60, minute_of_day % 60));
        let words = words(&spoken);
        let read = |word: &str| word.trim_end_matches('f').parse::<u32>().unwrap();
        let (hour, minute) = match words.as_slice() {
            ["midnight", minute @ ..] => (0, minute),
            ["noon", minute @ ..] => (12, minute),
            [hour, minute @ ..] => (hour.strip_suffix('h').unwrap().parse().unwrap(), minute),
            other => panic!("{other:?}"),
        };
        let minute = minute.first().map_or(0, |minute| read(minute));
        assert_eq!(hour * 60 + minute, minute_of_day, "{words:?}");
    }
}
