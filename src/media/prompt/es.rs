//! Spanish, as in Latin America: a 12-hour clock with the part of the day, the day before the
//! month. Grammar only: no sounds of its own, no rounding.

use super::value::{MONTHS, WEEKDAYS};
use super::{
    Day, Fragment, GROUP_PAUSE, Grammar, TimeOfDay, Unit, characters, country_and_national, sound,
};
use crate::phone::PhoneNumber;

pub(super) struct Spanish;

/// How "uno" ends a number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Alone: "uno", "veintiuno".
    Alone,
    /// Before something masculine, or "mil": "un", "veintiún".
    Masculine,
    /// Before something feminine: "una", "veintiuna". No hundred of anything feminine is counted.
    Feminine,
}

const WORDS: [&str; 31] = [
    "hundred",
    "hundred-and",
    "thousand",
    "half",
    "quarter",
    "the-one",
    "the-hours",
    "at-one",
    "the-one-and",
    "at-one-and",
    "at-hours",
    "early-morning",
    "morning",
    "midday",
    "afternoon",
    "night",
    "1st",
    "of",
    "today",
    "tomorrow",
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

impl Grammar for Spanish {
    fn number(&self, value: u32) -> Vec<Fragment> {
        spoken(value, Ending::Alone)
    }

    fn counted(&self, count: u32, unit: Unit) -> Vec<Fragment> {
        let (ending, one, many) = match unit {
            Unit::Day => (Ending::Masculine, "day", "days"),
            Unit::Hour => (Ending::Feminine, "hour", "hours"),
            Unit::Minute => (Ending::Masculine, "minute", "minutes"),
            Unit::Second => (Ending::Masculine, "second", "seconds"),
        };
        let mut said = spoken(count, ending);
        said.push(sound(if count == 1 { one } else { many }));
        said
    }

    /// "más 5 2", "5 5 1", "2 3 4", "5 6 7 8".
    fn phone_number(&self, number: &PhoneNumber) -> Vec<Fragment> {
        let (country, national) = country_and_national(number);
        let mut said = vec![sound("plus")];
        said.extend(characters(country));
        said.push(Fragment::Pause(GROUP_PAUSE));
        said.extend(characters(national));
        said
    }

    /// "las 9 de la mañana", "la una y 5 de la tarde", "las 9 y media de la noche", "las 12 del
    /// mediodía".
    fn time_of_day(&self, time: TimeOfDay) -> Vec<Fragment> {
        clock(time, "the-one", "the-hours")
    }

    /// "miércoles", "4", "de", "julio"; "miércoles", "primero", "de", "julio".
    fn day(&self, day: Day) -> Vec<Fragment> {
        match day {
            Day::Today => vec![sound("today")],
            Day::Tomorrow => vec![sound("tomorrow")],
            Day::Date(date) => {
                let mut said = vec![sound(date.weekday_id())];
                match date.day() {
                    1 => said.push(sound("1st")),
                    day => said.extend(spoken(day, Ending::Alone)),
                }
                said.extend([sound("of"), sound(date.month_id())]);
                said
            }
        }
    }

    /// "hoy", "a las", "9", "de la mañana".
    fn appointment(&self, day: Day, time: TimeOfDay) -> Vec<Fragment> {
        let mut said = self.day(day);
        said.extend(clock(time, "at-one", "at-hours"));
        said
    }

    fn spoken_ids(&self) -> Vec<String> {
        let numbers = (0..=30).chain((40..=90).step_by(10)).chain((200..=900).step_by(100));
        let numbers = numbers.map(|n: u32| n.to_string());
        let with_and = (2..=12).chain((30..=90).step_by(10)).map(|n: u32| format!("{n}-and"));
        let ends = ["1m", "1f", "21m", "21f"];
        let words = ends.iter().chain(&WORDS).chain(&WEEKDAYS).chain(&MONTHS);
        numbers.chain(with_and).chain(words.map(|word| (*word).to_owned())).collect()
    }
}

/// One o'clock is singular: "la una", "a la una". Quarters past and halves have words of their own.
fn clock(time: TimeOfDay, one: &str, hours: &str) -> Vec<Fragment> {
    let (hour, minute) = ((time.hour() + 11) % 12 + 1, time.minute());
    let minutes = match minute {
        0 => Vec::new(),
        15 => vec![sound("quarter")],
        30 => vec![sound("half")],
        minute => spoken(minute, Ending::Alone),
    };
    let goes_on = !matches!(minute, 0 | 15 | 30);
    let mut said = match (hour, goes_on) {
        (1, false) => vec![sound(one)],
        (1, true) => vec![with_and(one)],
        (hour, false) => vec![sound(hours), numeral(hour)],
        (hour, true) => vec![sound(hours), with_and(&hour.to_string())],
    };
    said.extend(minutes);
    said.push(sound(match time.hour() {
        0 => "night",
        1..=5 => "early-morning",
        6..=11 => "morning",
        12 if time.minute() == 0 => "midday",
        12 => "afternoon",
        13..=18 => "afternoon",
        _ => "night",
    }));
    said
}

fn spoken(value: u32, ending: Ending) -> Vec<Fragment> {
    let (thousands, rest) = (value / 1000, value % 1000);
    let mut said = Vec::new();
    if thousands > 0 {
        // "mil" is never "un mil", and "uno" loses its end before it.
        if thousands > 1 {
            said.extend(below_thousand(thousands, Ending::Masculine));
        }
        said.push(sound("thousand"));
    }
    if rest > 0 || thousands == 0 {
        said.extend(below_thousand(rest, ending));
    }
    said
}

fn below_thousand(value: u32, ending: Ending) -> Vec<Fragment> {
    let (hundreds, rest) = (value / 100, value % 100);
    let mut said = Vec::new();
    match hundreds {
        0 => {}
        // "cien" alone, "ciento" before more.
        1 if rest == 0 => said.push(sound("hundred")),
        1 => said.push(sound("hundred-and")),
        _ => said.push(numeral(hundreds * 100)),
    }
    match rest {
        0 if hundreds > 0 => {}
        1 | 21 => said.push(ended(rest, ending)),
        ..=30 => said.push(numeral(rest)),
        _ if rest % 10 == 0 => said.push(numeral(rest)),
        _ => {
            said.push(with_and(&(rest / 10 * 10).to_string()));
            said.push(match rest % 10 {
                1 => ended(1, ending),
                ones => numeral(ones),
            });
        }
    }
    said
}

fn ended(value: u32, ending: Ending) -> Fragment {
    Fragment::Sound(match ending {
        Ending::Alone => value.to_string(),
        Ending::Masculine => format!("{value}m"),
        Ending::Feminine => format!("{value}f"),
    })
}

/// "treinta y": alone "y" is too short to be heard.
fn with_and(id: &str) -> Fragment {
    Fragment::Sound(format!("{id}-and"))
}

fn numeral(value: u32) -> Fragment {
    Fragment::Sound(value.to_string())
}
