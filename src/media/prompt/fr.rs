//! French, as in France: a 24-hour clock, numbers of the public network in pairs. Grammar only: no
//! sounds of its own, no rounding.

use super::value::{MONTHS, WEEKDAYS};
use super::{
    Day, Fragment, GROUP_PAUSE, Grammar, TimeOfDay, Unit, characters, country_and_national, sound,
};
use crate::phone::PhoneNumber;

pub(super) struct French;

/// Those to 59 whose last word has a feminine form: "une", "vingt et une". No more is counted of
/// anything feminine.
const FEMININE: [u32; 5] = [1, 21, 31, 41, 51];

/// A wait is a day at most, and of a longer time days are counted.
const HOURS_MAX: u32 = 24;
/// What is more is an hour.
const MINUTES_MAX: u32 = 59;

const WORDS: [&str; 13] = [
    "hundred",
    "thousand",
    "noon",
    "midnight",
    "1st",
    "today",
    "tomorrow",
    "at",
    "day",
    "second",
    "next-in-line",
    "position-is",
    "in-line",
];

impl Grammar for French {
    fn number(&self, value: u32) -> Vec<Fragment> {
        spoken(value, false)
    }

    /// Singular and plural sound the same. Hours, minutes and seconds are feminine, days are not.
    /// Hours and minutes are spoken as one with their number, which sounds otherwise before them:
    /// "deux heures", "six minutes".
    fn counted(&self, count: u32, unit: Unit) -> Vec<Fragment> {
        let (feminine, id) = match unit {
            Unit::Day => (false, "day"),
            Unit::Hour => return vec![Fragment::Sound(format!("{}h", count.clamp(1, HOURS_MAX)))],
            Unit::Minute => {
                return vec![Fragment::Sound(format!("{}min", count.clamp(1, MINUTES_MAX)))];
            }
            Unit::Second => (true, "second"),
        };
        let mut said = spoken(count, feminine);
        said.push(sound(id));
        said
    }

    /// "plus 33", "1", "23", "45", "67", "89"; of other countries digit by digit.
    fn phone_number(&self, number: &PhoneNumber) -> Vec<Fragment> {
        let (country, national) = country_and_national(number);
        let mut said = vec![sound("plus")];
        if country != "33" {
            said.extend(characters(country));
            said.push(Fragment::Pause(GROUP_PAUSE));
            said.extend(characters(national));
            return said;
        }
        said.push(sound(country));
        let (first, pairs) = national.split_at(national.len() % 2);
        if !first.is_empty() {
            said.push(Fragment::Pause(GROUP_PAUSE));
            said.extend(characters(first));
        }
        for pair in pairs.as_bytes().chunks(2) {
            said.push(Fragment::Pause(GROUP_PAUSE));
            let digits = pair.iter().map(|digit| u32::from(digit - b'0'));
            let value = digits.fold(0, |value, digit| value * 10 + digit);
            if value < 10 {
                said.push(numeral(0));
            }
            said.push(numeral(value));
        }
        said
    }

    /// "9 heures", "9 heures 5", "midi 30", "minuit". After "heures" a minute is feminine:
    /// "9 heures une".
    fn time_of_day(&self, time: TimeOfDay) -> Vec<Fragment> {
        let mut said = match time.hour() {
            0 => vec![sound("midnight")],
            12 => vec![sound("noon")],
            hour => self.counted(hour, Unit::Hour),
        };
        if time.minute() > 0 {
            said.extend(spoken(time.minute(), true));
        }
        said
    }

    /// "mercredi", "4", "juillet"; "mercredi", "premier", "juillet".
    fn day(&self, day: Day) -> Vec<Fragment> {
        match day {
            Day::Today => vec![sound("today")],
            Day::Tomorrow => vec![sound("tomorrow")],
            Day::Date(date) => {
                let day = if date.day() == 1 { sound("1st") } else { numeral(date.day()) };
                vec![sound(date.weekday_id()), day, sound(date.month_id())]
            }
        }
    }

    fn appointment(&self, day: Day, time: TimeOfDay) -> Vec<Fragment> {
        let mut said = self.day(day);
        said.push(sound("at"));
        said.extend(self.time_of_day(time));
        said
    }

    fn spoken_ids(&self) -> Vec<String> {
        let numbers = (0..=99).map(|n: u32| n.to_string());
        let feminine = FEMININE.iter().map(|n| format!("{n}f"));
        let hours = (1..=HOURS_MAX).map(|n| format!("{n}h"));
        let hours = hours.chain((1..=MINUTES_MAX).map(|n| format!("{n}min")));
        let words = WORDS.iter().chain(&WEEKDAYS).chain(&MONTHS);
        numbers.chain(feminine).chain(hours).chain(words.map(|word| (*word).to_owned())).collect()
    }
}

/// "cent" is never "un cent", nor "mille" "un mille"; both take no plural that is heard.
fn spoken(value: u32, feminine: bool) -> Vec<Fragment> {
    let (thousands, rest) = (value / 1000, value % 1000);
    let mut said = Vec::new();
    if thousands > 0 {
        if thousands > 1 {
            said.extend(below_thousand(thousands, false));
        }
        said.push(sound("thousand"));
    }
    if rest > 0 || thousands == 0 {
        said.extend(below_thousand(rest, feminine));
    }
    said
}

fn below_thousand(value: u32, feminine: bool) -> Vec<Fragment> {
    let (hundreds, rest) = (value / 100, value % 100);
    let mut said = Vec::new();
    if hundreds > 1 {
        said.push(numeral(hundreds));
    }
    if hundreds > 0 {
        said.push(sound("hundred"));
    }
    if feminine && FEMININE.contains(&rest) {
        said.push(Fragment::Sound(format!("{rest}f")));
    } else if rest > 0 || hundreds == 0 {
        said.push(numeral(rest));
    }
    said
}

fn numeral(value: u32) -> Fragment {
    Fragment::Sound(value.to_string())
}
