//! English, as in America. Grammar only: no sounds of its own, no rounding.

use super::value::{MONTHS, WEEKDAYS};
use super::{
    Day, Fragment, GROUP_PAUSE, Grammar, TimeOfDay, Unit, characters, country_and_national, sound,
};
use crate::phone::PhoneNumber;

pub(super) struct English;

const ORDINALS: [&str; 31] = [
    "1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "10th", "11th", "12th", "13th",
    "14th", "15th", "16th", "17th", "18th", "19th", "20th", "21st", "22nd", "23rd", "24th", "25th",
    "26th", "27th", "28th", "29th", "30th", "31st",
];

const WORDS: [&str; 21] = [
    "hundred",
    "thousand",
    "a-m",
    "p-m",
    "noon",
    "midnight",
    "o",
    "today",
    "tomorrow",
    "at",
    "day",
    "days",
    "hour",
    "hours",
    "minute",
    "minutes",
    "second",
    "seconds",
    "next-in-line",
    "position-is",
    "in-line",
];

impl Grammar for English {
    fn number(&self, value: u32) -> Vec<Fragment> {
        let (thousands, rest) = (value / 1000, value % 1000);
        let mut spoken = Vec::new();
        if thousands > 0 {
            spoken.extend(below_thousand(thousands));
            spoken.push(sound("thousand"));
        }
        if rest > 0 || thousands == 0 {
            spoken.extend(below_thousand(rest));
        }
        spoken
    }

    fn counted(&self, count: u32, unit: Unit) -> Vec<Fragment> {
        let (one, many) = match unit {
            Unit::Day => ("day", "days"),
            Unit::Hour => ("hour", "hours"),
            Unit::Minute => ("minute", "minutes"),
            Unit::Second => ("second", "seconds"),
        };
        let mut spoken = self.number(count);
        spoken.push(sound(if count == 1 { one } else { many }));
        spoken
    }

    /// "plus 1", "4 1 5", "5 5 5", "0 1 2 3".
    fn phone_number(&self, number: &PhoneNumber) -> Vec<Fragment> {
        let (country, national) = country_and_national(number);
        let mut spoken = vec![sound("plus")];
        spoken.extend(characters(country));
        spoken.push(Fragment::Pause(GROUP_PAUSE));
        spoken.extend(characters(national));
        spoken
    }

    /// "9 a.m.", "9 oh 5 a.m.", "9 30 a.m.", "12 noon".
    fn time_of_day(&self, time: TimeOfDay) -> Vec<Fragment> {
        let mut spoken = self.number((time.hour() + 11) % 12 + 1);
        match time.minute() {
            0 => {}
            minute @ 1..=9 => {
                spoken.push(sound("o"));
                spoken.extend(self.number(minute));
            }
            minute => spoken.extend(self.number(minute)),
        }
        spoken.push(sound(match (time.hour(), time.minute()) {
            (0, 0) => "midnight",
            (12, 0) => "noon",
            (..12, _) => "a-m",
            _ => "p-m",
        }));
        spoken
    }

    /// "Wednesday", "July", "4th".
    fn day(&self, day: Day) -> Vec<Fragment> {
        match day {
            Day::Today => vec![sound("today")],
            Day::Tomorrow => vec![sound("tomorrow")],
            Day::Date(date) => {
                let ordinal = ORDINALS[date.day() as usize - 1];
                vec![sound(date.weekday_id()), sound(date.month_id()), sound(ordinal)]
            }
        }
    }

    fn appointment(&self, day: Day, time: TimeOfDay) -> Vec<Fragment> {
        let mut spoken = self.day(day);
        spoken.push(sound("at"));
        spoken.extend(self.time_of_day(time));
        spoken
    }

    fn spoken_ids(&self) -> Vec<String> {
        let numbers = (0..=20).chain((30..=90).step_by(10)).map(|n: u32| n.to_string());
        let words = ORDINALS.iter().chain(&WORDS).chain(&WEEKDAYS).chain(&MONTHS);
        numbers.chain(words.map(|word| (*word).to_owned())).collect()
    }
}

fn below_thousand(value: u32) -> Vec<Fragment> {
    let (hundreds, rest) = (value / 100, value % 100);
    let mut spoken = Vec::new();
    if hundreds > 0 {
        spoken.extend([numeral(hundreds), sound("hundred")]);
    }
    match rest {
        0 if hundreds > 0 => {}
        ..=20 => spoken.push(numeral(rest)),
        _ => {
            spoken.push(numeral(rest / 10 * 10));
            if rest % 10 > 0 {
                spoken.push(numeral(rest % 10));
            }
        }
    }
    spoken
}

fn numeral(value: u32) -> Fragment {
    Fragment::Sound(value.to_string())
}
