//! What is spoken, by hand-checked tables and by reading everything back.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use super::*;

mod es;
mod fr;

const EN: Language = Language::En;

/// Sounds by their ids, pauses as `|`.
fn told(fragments: &[Fragment]) -> String {
    words(fragments).join(" ")
}

fn words(fragments: &[Fragment]) -> Vec<&str> {
    fragments.iter().map(word).collect()
}

fn word(fragment: &Fragment) -> &str {
    match fragment {
        Fragment::Sound(id) => id,
        Fragment::Pause(_) => "|",
    }
}

fn time(hour: u32, minute: u32) -> TimeOfDay {
    TimeOfDay::new(hour, minute).unwrap()
}

fn date(year: i32, month: u32, day: u32) -> Day {
    Day::Date(CalendarDate::new(year, month, day).unwrap())
}

fn phone_number(text: &str) -> Address {
    Address::E164(PhoneNumber::parse(text).unwrap())
}

#[test]
fn languages_are_found_by_their_tags() {
    for language in Language::ALL {
        assert_eq!(Language::parse(language.tag()), Some(*language));
    }
    assert_eq!(Language::parse("EN"), None);
    assert_eq!(Language::parse(""), None);
}

#[test]
fn characters_come_in_groups() {
    let table = [
        ("0000", "0 0 0 0"),
        ("1001", "1 0 0 1"),
        ("10012", "1 0 0 | 1 2"),
        ("012345", "0 1 2 | 3 4 5"),
        ("1234567", "1 2 3 | 4 5 6 7"),
        ("12345678", "1 2 3 | 4 5 6 | 7 8"),
        ("9876543210", "9 8 7 | 6 5 4 | 3 2 1 0"),
        ("Bob.s-t_x", "b o b | dot s dash | t underscore x"),
        ("é 1", "1"),
        ("", ""),
    ];
    for (text, expected) in table {
        assert_eq!(told(&characters(text)), expected, "{text}");
    }
}

#[test]
fn numbers_of_the_public_network_have_their_country_code_apart() {
    let table = [
        ("+14155550123", "plus 1 | 4 1 5 | 5 5 5 | 0 1 2 3"),
        ("+442079460958", "plus 4 4 | 2 0 7 | 9 4 6 | 0 9 5 8"),
        ("+33123456789", "plus 3 3 | 1 2 3 | 4 5 6 | 7 8 9"),
        ("+34612345678", "plus 3 4 | 6 1 2 | 3 4 5 | 6 7 8"),
        ("+4930123456", "plus 4 9 | 3 0 1 | 2 3 4 | 5 6"),
        ("+79161234567", "plus 7 | 9 1 6 | 1 2 3 | 4 5 6 7"),
        ("+353201234567", "plus 3 5 3 | 2 0 1 | 2 3 4 | 5 6 7"),
        ("+2901234", "plus 2 9 0 | 1 2 3 4"),
    ];
    for (text, expected) in table {
        assert_eq!(told(&address(EN, &phone_number(text))), expected, "{text}");
    }
    let extension = Address::parse("1001").unwrap();
    assert_eq!(told(&address(EN, &extension)), "1 0 0 1");
}

#[test]
fn numbers_are_said_as_people_say_them() {
    let table = [
        (0, "0"),
        (7, "7"),
        (11, "11"),
        (20, "20"),
        (21, "20 1"),
        (90, "90"),
        (99, "90 9"),
        (100, "1 hundred"),
        (101, "1 hundred 1"),
        (119, "1 hundred 19"),
        (345, "3 hundred 40 5"),
        (999, "9 hundred 90 9"),
        (1000, "1 thousand"),
        (1001, "1 thousand 1"),
        (2026, "2 thousand 20 6"),
        (10_100, "10 thousand 1 hundred"),
        (80_080, "80 thousand 80"),
        (100_000, "1 hundred thousand"),
        (417_213, "4 hundred 17 thousand 2 hundred 13"),
        (999_999, "9 hundred 90 9 thousand 9 hundred 90 9"),
        (1_000_000, "1 0 0 | 0 0 0 0"),
        (u32::MAX, "4 2 9 | 4 9 6 | 7 2 9 5"),
    ];
    for (value, expected) in table {
        assert_eq!(told(&number(EN, value)), expected);
    }
}

#[test]
fn times_are_those_of_a_12_hour_clock() {
    let table = [
        ((0, 0), "12 midnight"),
        ((0, 1), "12 o 1 a-m"),
        ((0, 30), "12 30 a-m"),
        ((1, 0), "1 a-m"),
        ((9, 0), "9 a-m"),
        ((9, 5), "9 o 5 a-m"),
        ((9, 10), "9 10 a-m"),
        ((9, 30), "9 30 a-m"),
        ((11, 59), "11 50 9 a-m"),
        ((12, 0), "12 noon"),
        ((12, 1), "12 o 1 p-m"),
        ((12, 45), "12 40 5 p-m"),
        ((13, 0), "1 p-m"),
        ((18, 20), "6 20 p-m"),
        ((22, 22), "10 20 2 p-m"),
        ((23, 59), "11 50 9 p-m"),
    ];
    for ((hour, minute), expected) in table {
        assert_eq!(told(&time_of_day(EN, time(hour, minute))), expected);
    }
}

#[test]
fn days_are_weekday_month_and_ordinal() {
    let table = [
        (Day::Today, "today"),
        (Day::Tomorrow, "tomorrow"),
        (date(2026, 1, 1), "thursday january 1st"),
        (date(2026, 2, 28), "saturday february 28th"),
        (date(2024, 2, 29), "thursday february 29th"),
        (date(2026, 3, 2), "monday march 2nd"),
        (date(2026, 4, 3), "friday april 3rd"),
        (date(2027, 5, 11), "tuesday may 11th"),
        (date(2026, 6, 30), "tuesday june 30th"),
        (date(2026, 7, 4), "saturday july 4th"),
        (date(2026, 8, 12), "wednesday august 12th"),
        (date(2026, 11, 22), "sunday november 22nd"),
        (date(2026, 12, 31), "thursday december 31st"),
    ];
    for (value, expected) in table {
        assert_eq!(told(&day(EN, value)), expected);
    }
}

#[test]
fn appointments_are_a_day_and_a_time() {
    let table = [
        (Day::Today, (14, 15), "today at 2 15 p-m"),
        (Day::Tomorrow, (12, 0), "tomorrow at 12 noon"),
        (date(2026, 3, 23), (9, 5), "monday march 23rd at 9 o 5 a-m"),
    ];
    for (day, (hour, minute), expected) in table {
        assert_eq!(told(&appointment(EN, day, time(hour, minute))), expected);
    }
}

#[test]
fn lengths_of_time_name_what_is_there() {
    let table = [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "50 9 seconds"),
        (60, "1 minute"),
        (90, "1 minute 30 seconds"),
        (1800, "30 minutes"),
        (3600, "1 hour"),
        (5400, "1 hour 30 minutes"),
        (7201, "2 hours 1 second"),
        (86_400, "1 day"),
        (1_209_600, "14 days"),
        (90_061, "1 day 1 hour 1 minute 1 second"),
    ];
    for (seconds, expected) in table {
        assert_eq!(told(&duration(EN, Duration::from_secs(seconds))), expected, "{seconds}");
    }
    assert_eq!(told(&duration(EN, Duration::from_millis(1999))), "1 second");
    let longest = told(&duration(EN, Duration::MAX));
    assert!(longest.starts_with("9 hundred 90 9 thousand 9 hundred 90 9 days"), "{longest}");
}

/// `en wait 59`: a language, what is said, and of how many seconds.
fn spoken(question: &str) -> String {
    let [tag, what, value] = question.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{question}");
    };
    let language = Language::parse(tag).unwrap();
    let number = value.parse::<u64>().unwrap();
    told(&match what {
        "wait" => wait(language, Duration::from_secs(number)),
        "position" => position(language, u32::try_from(number).unwrap()),
        other => panic!("{other}"),
    })
}

#[test]
fn every_text_of_what_is_said_holds() {
    crate::tests::scenarios("speech", 1, |text| crate::tests::answered(text, spoken));
}

#[test]
fn waits_are_rounded_up() {
    let table = [
        (0, "less-than-a-minute"),
        (59, "less-than-a-minute"),
        (60, "1 minute"),
        (61, "2 minutes"),
        (600, "10 minutes"),
        (601, "15 minutes"),
        (1201, "20 5 minutes"),
        (3300, "50 5 minutes"),
        (3301, "1 hour"),
        (3601, "1 hour 30 minutes"),
        (5401, "2 hours"),
        (999_999_999, "20 4 hours"),
    ];
    for (seconds, expected) in table {
        assert_eq!(told(&wait(EN, Duration::from_secs(seconds))), expected, "{seconds}");
    }
    assert_eq!(told(&wait(EN, Duration::MAX)), "20 4 hours");
}

#[test]
fn positions_are_sentences() {
    let table = [
        (0, "next-in-line"),
        (1, "next-in-line"),
        (2, "position-is 2 in-line"),
        (121, "position-is 1 hundred 20 1 in-line"),
        (u32::MAX, "position-is 9 hundred 90 9 thousand 9 hundred 90 9 in-line"),
    ];
    for (value, expected) in table {
        assert_eq!(told(&position(EN, value)), expected);
    }
}

// ---- everything, read back

/// The number that these words say.
fn read_number(words: &[&str]) -> u32 {
    let (mut thousands, mut current) = (0, 0);
    for word in words {
        match *word {
            "hundred" => current *= 100,
            "thousand" => thousands = std::mem::take(&mut current) * 1000,
            numeral => current += numeral.parse::<u32>().unwrap(),
        }
    }
    thousands + current
}

#[test]
fn every_number_reads_back() {
    for value in 0..=NUMBER_MAX {
        assert_eq!(read_number(&words(&number(EN, value))), value);
    }
}

#[test]
fn every_minute_of_a_day_reads_back() {
    for minute_of_day in 0..1440 {
        let value = time(minute_of_day / 60, minute_of_day % 60);
        let spoken = time_of_day(EN, value);
        let words = words(&spoken);
        let [hour, minute @ .., half] = words.as_slice() else { panic!("{words:?}") };
        let minute = match minute {
            ["o", digit] => {
                assert_eq!(digit.len(), 1, "{words:?}");
                read_number(&[digit])
            }
            minute => read_number(minute),
        };
        let afternoon = match *half {
            "a-m" => 0,
            "p-m" => 12,
            "midnight" if minute == 0 => 0,
            "noon" if minute == 0 => 12,
            _ => panic!("{words:?}"),
        };
        let hour: u32 = hour.parse().unwrap();
        assert!((1..=12).contains(&hour), "{words:?}");
        assert_eq!((hour % 12 + afternoon) * 60 + minute, minute_of_day, "{words:?}");
    }
}

#[test]
fn every_day_of_four_years_is_said_in_its_turn() {
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months = "january february march april may june july august september october november \
                  december";
    // 2024 began on a Monday.
    let mut weekdays =
        "monday tuesday wednesday thursday friday saturday sunday".split(' ').cycle();
    let mut days = 0;
    for year in 2024..2028 {
        for (n, (month, length)) in months.split(' ').zip(lengths).enumerate() {
            let leap_day = u32::from(year == 2024 && month == "february");
            for day_of_month in 1..=length + leap_day {
                let ending = match day_of_month {
                    1 | 21 | 31 => "st",
                    2 | 22 => "nd",
                    3 | 23 => "rd",
                    _ => "th",
                };
                let weekday = weekdays.next().unwrap();
                let of = |language| match day_of_month {
                    1 => "1st".to_owned(),
                    nth => told(&number(language, nth)),
                };
                for (language, expected) in [
                    (EN, format!("{weekday} {month} {day_of_month}{ending}")),
                    (Language::Fr, format!("{weekday} {} {month}", of(Language::Fr))),
                    (Language::Es, format!("{weekday} {} of {month}", of(Language::Es))),
                ] {
                    let said = day(language, date(year, n as u32 + 1, day_of_month));
                    assert_eq!(told(&said), expected);
                }
                days += 1;
            }
        }
    }
    assert_eq!(days, 1461);
}

proptest! {
    #[test]
    fn every_number_of_the_public_network_is_spoken_digit_by_digit(
        text in prop_oneof![r"\+[1-9][0-9]{6,14}", r"\+33[1-9][0-9]{8}"],
    ) {
        for &language in Language::ALL {
            let fragments = address(language, &phone_number(&text));
            let words = words(&fragments);
            let spoken: String = words.iter().filter(|word| **word != "|").copied().collect();
            prop_assert_eq!(spoken.replace("plus", "+"), text.clone());
            let groups = words[1..].split(|word| *word == "|").map(<[_]>::len);
            prop_assert!(groups.into_iter().all(|length| (1..=4).contains(&length)), "{:?}", words);
            // France's are said in pairs.
            let pairs = if language == Language::Fr { 2 } else { 1 };
            let known = |word: &&str| ["|", "plus"].contains(word) || word.len() <= pairs;
            prop_assert!(words.iter().all(known), "{:?}", words);
        }
    }

    #[test]
    fn every_code_is_spoken_digit_by_digit(text in "[0-9]{4,10}") {
        let fragments = characters(&text);
        let words = words(&fragments);
        let spoken: String = words.iter().filter(|word| **word != "|").copied().collect();
        prop_assert_eq!(spoken, text);
        let groups: Vec<usize> = words.split(|word| *word == "|").map(<[_]>::len).collect();
        prop_assert!(groups.iter().all(|length| (2..=4).contains(length)), "{:?}", groups);
    }
}

/// Every kind of value in all its forms.
fn everything(language: Language) -> Vec<Fragment> {
    let mut fragments: Vec<Fragment> =
        (0..=NUMBER_MAX).step_by(997).flat_map(|value| number(language, value)).collect();
    fragments.extend((0..1000).flat_map(|value| number(language, value)));
    fragments.extend((0..3).flat_map(|value| position(language, value)));
    fragments.extend((0..1440).flat_map(|minute| {
        let time = time(minute / 60, minute % 60);
        [time_of_day(language, time), appointment(language, Day::Tomorrow, time)].concat()
    }));
    fragments.extend(day(language, Day::Today));
    for month in 1..=12 {
        let dates = (1..=31).filter_map(|day| CalendarDate::new(2026, month, day));
        fragments.extend(dates.flat_map(|date| day(language, Day::Date(date))));
    }
    for seconds in (0..200_000).step_by(59) {
        let value = Duration::from_secs(seconds);
        fragments.extend([duration(language, value), wait(language, value)].concat());
    }
    fragments.extend((0..128u8).flat_map(|byte| characters(&char::from(byte).to_string())));
    for country in COUNTRY_CODES_OF_TWO.iter().chain(&["1", "7", "999"]) {
        fragments.extend(address(language, &phone_number(&format!("+{country}0123456789"))));
    }
    fragments
}

#[test]
fn what_is_spoken_is_what_is_listed() {
    for language in Language::ALL {
        let fragments = everything(*language);
        let spoken: BTreeSet<&str> =
            words(&fragments).into_iter().filter(|id| *id != "|").collect();
        let listed = spoken_ids(*language);
        assert_eq!(spoken, listed.iter().map(String::as_str).collect(), "{language:?}");
    }
}

#[test]
fn what_is_listed_is_recorded() {
    for language in Language::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sounds").join(language.tag());
        for id in spoken_ids(*language) {
            assert!(folder.join(format!("{id}.wav")).exists(), "{language:?} {id}");
        }
    }
}
