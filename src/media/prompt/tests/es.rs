//! Spanish, by hand-checked tables.

use super::*;

const ES: Language = Language::Es;

#[test]
fn numbers_are_said_as_people_say_them() {
    let table = [
        (0, "0"),
        (1, "1"),
        (16, "16"),
        (21, "21"),
        (29, "29"),
        (30, "30"),
        (31, "30-and 1"),
        (45, "40-and 5"),
        (99, "90-and 9"),
        (100, "hundred"),
        (101, "hundred-and 1"),
        (121, "hundred-and 21"),
        (200, "200"),
        (555, "500 50-and 5"),
        (999, "900 90-and 9"),
        (1000, "thousand"),
        (1001, "thousand 1"),
        (1100, "thousand hundred"),
        (2026, "2 thousand 26"),
        (21_000, "21m thousand"),
        (31_031, "30-and 1m thousand 30-and 1"),
        (100_000, "hundred thousand"),
        (101_101, "hundred-and 1m thousand hundred-and 1"),
        (721_400, "700 21m thousand 400"),
        (999_999, "900 90-and 9 thousand 900 90-and 9"),
    ];
    for (value, expected) in table {
        assert_eq!(told(&number(ES, value)), expected);
    }
}

#[test]
fn times_are_those_of_a_12_hour_clock_with_the_part_of_the_day() {
    let table = [
        ((0, 0), "the-hours 12 night"),
        ((0, 30), "the-hours 12 half night"),
        ((1, 0), "the-one early-morning"),
        ((5, 59), "the-hours 5-and 50-and 9 early-morning"),
        ((6, 0), "the-hours 6 morning"),
        ((9, 5), "the-hours 9-and 5 morning"),
        ((9, 15), "the-hours 9 quarter morning"),
        ((9, 30), "the-hours 9 half morning"),
        ((11, 21), "the-hours 11-and 21 morning"),
        ((12, 0), "the-hours 12 midday"),
        ((12, 1), "the-hours 12-and 1 afternoon"),
        ((13, 0), "the-one afternoon"),
        ((13, 31), "the-one-and 30-and 1 afternoon"),
        ((18, 45), "the-hours 6-and 40-and 5 afternoon"),
        ((19, 0), "the-hours 7 night"),
        ((23, 59), "the-hours 11-and 50-and 9 night"),
    ];
    for ((hour, minute), expected) in table {
        assert_eq!(told(&time_of_day(ES, time(hour, minute))), expected);
    }
}

#[test]
fn days_come_before_their_month_and_the_first_is_an_ordinal() {
    let table = [
        (Day::Today, "today"),
        (Day::Tomorrow, "tomorrow"),
        (date(2026, 1, 1), "thursday 1st of january"),
        (date(2024, 2, 29), "thursday 29 of february"),
        (date(2026, 3, 21), "saturday 21 of march"),
        (date(2026, 5, 31), "sunday 30-and 1 of may"),
        (date(2026, 12, 30), "wednesday 30 of december"),
    ];
    for (value, expected) in table {
        assert_eq!(told(&day(ES, value)), expected);
    }
    let table = [
        (Day::Today, (14, 15), "today at-hours 2 quarter afternoon"),
        (Day::Tomorrow, (12, 0), "tomorrow at-hours 12 midday"),
        (date(2026, 3, 1), (1, 1), "sunday 1st of march at-one-and 1 early-morning"),
    ];
    for (day, (hour, minute), expected) in table {
        assert_eq!(told(&appointment(ES, day, time(hour, minute))), expected);
    }
}

#[test]
fn lengths_waits_and_places_have_their_gender() {
    let lengths = [
        (0, "0 seconds"),
        (1, "1m second"),
        (60, "1m minute"),
        (1260, "21m minutes"),
        (1860, "30-and 1m minutes"),
        (3661, "1f hour 1m minute 1m second"),
        (75_600, "21f hours"),
        (86_400, "1m day"),
        (1_814_400, "21m days"),
        (8_640_000, "hundred days"),
    ];
    for (seconds, expected) in lengths {
        assert_eq!(told(&duration(ES, Duration::from_secs(seconds))), expected, "{seconds}");
    }
    let waits = [(59, "less-than-a-minute"), (61, "2 minutes"), (5401, "2 hours")];
    for (seconds, expected) in waits {
        assert_eq!(told(&wait(ES, Duration::from_secs(seconds))), expected, "{seconds}");
    }
    for (place, expected) in
        [(1, "next-in-line"), (2, "position-is 2 in-line"), (21, "position-is 21 in-line")]
    {
        assert_eq!(told(&position(ES, place)), expected);
    }
}

#[test]
fn numbers_of_the_network_are_said_digit_by_digit() {
    let table = [
        ("+525512345678", "plus 5 2 | 5 5 1 | 2 3 4 | 5 6 7 8"),
        ("+34612345678", "plus 3 4 | 6 1 2 | 3 4 5 | 6 7 8"),
        ("+14155550123", "plus 1 | 4 1 5 | 5 5 5 | 0 1 2 3"),
    ];
    for (text, expected) in table {
        assert_eq!(told(&address(ES, &phone_number(text))), expected, "{text}");
    }
}

/// The number that these words say.
fn read_number(words: &[&str]) -> u32 {
    let (mut thousands, mut current) = (0, 0);
    for word in words {
        match *word {
            "hundred" | "hundred-and" => current += 100,
            "thousand" => thousands = u32::max(std::mem::take(&mut current), 1) * 1000,
            numeral => {
                let value = numeral.trim_end_matches("-and").trim_end_matches('m');
                current += value.parse::<u32>().unwrap();
            }
        }
    }
    thousands + current
}

#[test]
fn every_number_reads_back() {
    for value in 0..=NUMBER_MAX {
        let spoken = number(ES, value);
        let words = words(&spoken);
        assert_eq!(read_number(&words), value, "{words:?}");
        assert_ne!(words.last(), Some(&"1m"), "{words:?}");
    }
}

#[test]
fn every_minute_of_a_day_reads_back() {
    for minute_of_day in 0..1440 {
        let spoken = time_of_day(ES, time(minute_of_day / 60, minute_of_day % 60));
        let words = words(&spoken);
        let (hour, rest) = match words.as_slice() {
            ["the-one" | "the-one-and", rest @ ..] => (1, rest),
            ["the-hours", hour, rest @ ..] => {
                (hour.trim_end_matches("-and").parse::<u32>().unwrap(), rest)
            }
            other => panic!("{other:?}"),
        };
        let (part, minute) = rest.split_last().unwrap();
        let goes_on = words.iter().take(2).any(|word| word.ends_with("-and"));
        assert_eq!(goes_on, !matches!(minute, [] | ["quarter" | "half"]), "{words:?}");
        let minute = match minute {
            [] => 0,
            ["quarter"] => 15,
            ["half"] => 30,
            minute => read_number(minute),
        };
        let later = match *part {
            "early-morning" | "morning" => 0,
            "night" if hour == 12 => 0,
            "midday" | "afternoon" | "night" => 12,
            other => panic!("{other}"),
        };
        assert_eq!((hour % 12 + later) * 60 + minute, minute_of_day, "{words:?}");
    }
}
