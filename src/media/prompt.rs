//! What is spoken: values to rows of sounds, by the grammar of a language.
//!
//! Sounds are named by their id in `sounds/`, the same in every language. [`spoken_ids`] lists the
//! ids used here, so that a test can tell that none is missing. A grammar stands in a file of its
//! own and implements [`Grammar`]; what is the same in every language stands here. Nothing here
//! plays, rounds a time to a slot, or knows which day today is.

use crate::phone::{Address, PhoneNumber};
use crate::time::Duration;

mod en;
mod es;
mod fr;
mod value;

pub use value::{CalendarDate, Day, TimeOfDay};

/// A language that the sounds speak.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Language {
    /// English, as in America: a 12-hour clock, the month before the day.
    En,
    /// French, as in France: a 24-hour clock.
    Fr,
    /// Spanish, as in Latin America: a 12-hour clock.
    Es,
}

impl Language {
    /// All of them.
    pub const ALL: &'static [Language] = &[Language::En, Language::Fr, Language::Es];

    /// Its tag (BCP 47), which names its folder and its catalogue in `sounds/`.
    pub const fn tag(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::Fr => "fr",
            Language::Es => "es",
        }
    }

    /// The language of this tag.
    pub fn parse(tag: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|language| language.tag() == tag)
    }

    fn grammar(self) -> &'static dyn Grammar {
        match self {
            Language::En => &en::English,
            Language::Fr => &fr::French,
            Language::Es => &es::Spanish,
        }
    }
}

/// One piece of what a person hears.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fragment {
    /// A recorded sound by its id.
    Sound(String),
    /// Silence.
    Pause(Duration),
}

/// How one language says values.
trait Grammar {
    /// At most [`NUMBER_MAX`].
    fn number(&self, value: u32) -> Vec<Fragment>;
    /// So many of a unit, at most [`NUMBER_MAX`].
    fn counted(&self, count: u32, unit: Unit) -> Vec<Fragment>;
    fn phone_number(&self, number: &PhoneNumber) -> Vec<Fragment>;
    fn time_of_day(&self, time: TimeOfDay) -> Vec<Fragment>;
    fn day(&self, day: Day) -> Vec<Fragment>;
    fn appointment(&self, day: Day, time: TimeOfDay) -> Vec<Fragment>;
    /// From 1 to [`NUMBER_MAX`].
    fn position(&self, position: u32) -> Vec<Fragment> {
        if position == 1 {
            return vec![sound("next-in-line")];
        }
        let mut said = vec![sound("position-is")];
        said.extend(self.number(position));
        said.push(sound("in-line"));
        said
    }
    /// Every id that the other functions may speak.
    fn spoken_ids(&self) -> Vec<String>;
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    Day,
    Hour,
    Minute,
    Second,
}

/// Largest number that is spoken as one.
pub const NUMBER_MAX: u32 = 999_999;
/// Longest wait that is spoken, in minutes: what is longer is as good as this.
const WAIT_MINUTES_MAX: u64 = 24 * 60;
const LESS_THAN_A_MINUTE: &str = "less-than-a-minute";

/// Between groups of characters.
const GROUP_PAUSE: Duration = Duration::from_millis(250);
const GROUP: usize = 3;

/// Country codes of two digits (ITU-T E.164). Those that begin with 1 or 7 have one digit, all
/// others three.
const COUNTRY_CODES_OF_TWO: &[&str] = &[
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47",
    "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65",
    "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// How a consumer is reached: a number of the public network with its country code apart, an
/// extension one character at a time.
pub fn address(language: Language, address: &Address) -> Vec<Fragment> {
    match address {
        Address::E164(number) => language.grammar().phone_number(number),
        Address::Extension(extension) => characters(extension.expose()),
    }
}

/// An access code, keyed digits or a name, one character at a time, in groups of three; a last one
/// alone joins the group before it. Characters without a sound are left out.
pub fn characters(text: &str) -> Vec<Fragment> {
    let sounds: Vec<Fragment> = text.chars().filter_map(character).collect();
    let count = sounds.len();
    let mut fragments = Vec::with_capacity(count + count / GROUP);
    for (n, sound) in sounds.into_iter().enumerate() {
        let last_alone = n + 1 == count;
        if n > 0 && n % GROUP == 0 && !last_alone {
            fragments.push(Fragment::Pause(GROUP_PAUSE));
        }
        fragments.push(sound);
    }
    fragments
}

fn character(character: char) -> Option<Fragment> {
    match character.to_ascii_lowercase() {
        '+' => Some(sound("plus")),
        '-' => Some(sound("dash")),
        '.' => Some(sound("dot")),
        '_' => Some(sound("underscore")),
        c if c.is_ascii_alphanumeric() => Some(Fragment::Sound(c.to_string())),
        _ => None,
    }
}

/// The country code of a number and what follows it, both without `+`.
fn country_and_national(number: &PhoneNumber) -> (&str, &str) {
    let digits = number.expose().trim_start_matches('+');
    let of_two = || COUNTRY_CODES_OF_TWO.iter().any(|code| digits.starts_with(code));
    let length = match digits.as_bytes().first() {
        Some(b'1' | b'7') => 1,
        _ if of_two() => 2,
        _ => 3,
    };
    digits.split_at_checked(length).unwrap_or((digits, ""))
}

/// A number as it is said, to [`NUMBER_MAX`]; a larger one digit by digit.
pub fn number(language: Language, value: u32) -> Vec<Fragment> {
    if value > NUMBER_MAX {
        characters(&value.to_string())
    } else {
        language.grammar().number(value)
    }
}

/// A time of day.
pub fn time_of_day(language: Language, time: TimeOfDay) -> Vec<Fragment> {
    language.grammar().time_of_day(time)
}

/// A day: "today", "tomorrow", or weekday, month and day of the month. The year is not said.
pub fn day(language: Language, day: Day) -> Vec<Fragment> {
    language.grammar().day(day)
}

/// A day and a time, to follow "we can call you": "today at 9 a.m.".
pub fn appointment(language: Language, day: Day, time: TimeOfDay) -> Vec<Fragment> {
    language.grammar().appointment(day, time)
}

/// A length of time in days, hours, minutes and seconds, those left out of which there are none;
/// whole seconds, rounded down.
pub fn duration(language: Language, duration: Duration) -> Vec<Fragment> {
    let seconds = duration.as_secs();
    let days = u32::try_from(seconds / 86_400).unwrap_or(NUMBER_MAX).min(NUMBER_MAX);
    let rest = (seconds % 86_400) as u32;
    let parts = [
        (days, Unit::Day),
        (rest / 3600, Unit::Hour),
        (rest / 60 % 60, Unit::Minute),
        (rest % 60, Unit::Second),
    ];
    if seconds == 0 {
        return language.grammar().counted(0, Unit::Second);
    }
    those_there(language, &parts)
}

/// A wait, rounded up as it is said: less than a minute; to ten minutes by one; to an hour by five;
/// from there by half hours; never more than a day.
pub fn wait(language: Language, wait: Duration) -> Vec<Fragment> {
    if wait < Duration::from_secs(60) {
        return vec![sound(LESS_THAN_A_MINUTE)];
    }
    let minutes = u64::try_from(wait.as_millis().div_ceil(60_000)).unwrap_or(WAIT_MINUTES_MAX);
    let step = match minutes {
        ..=10 => 1,
        11..=60 => 5,
        _ => 30,
    };
    let rounded = minutes.min(WAIT_MINUTES_MAX).next_multiple_of(step) as u32;
    those_there(language, &[(rounded / 60, Unit::Hour), (rounded % 60, Unit::Minute)])
}

fn those_there(language: Language, parts: &[(u32, Unit)]) -> Vec<Fragment> {
    let there = parts.iter().filter(|(count, _)| *count > 0);
    there.flat_map(|&(count, unit)| language.grammar().counted(count, unit)).collect()
}

/// A place in line, from 1, as a sentence: "you are next in line", "you are number 2 in line". Past
/// [`NUMBER_MAX`] it is said as that.
pub fn position(language: Language, position: u32) -> Vec<Fragment> {
    language.grammar().position(position.clamp(1, NUMBER_MAX))
}

fn sound(id: &str) -> Fragment {
    Fragment::Sound(id.to_owned())
}

/// Every id that this module may speak in a language.
pub fn spoken_ids(language: Language) -> Vec<String> {
    let characters = ('0'..='9').chain('a'..='z').map(String::from);
    let words = ["plus", "dash", "dot", "underscore", LESS_THAN_A_MINUTE].map(str::to_owned);
    let mut ids: Vec<String> = characters.chain(words).collect();
    ids.extend(language.grammar().spoken_ids());
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests;
