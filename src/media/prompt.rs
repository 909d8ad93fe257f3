//! What is spoken: values to rows of sounds, in English.
//!
//! Sounds are named by their id in `sounds/`; the ids used here stand in [`spoken_ids`], so that a
//! load can check that none is missing.

use crate::time::Duration;

/// One piece of what a person hears.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fragment {
    /// A recorded sound by its id.
    Sound(String),
    /// Silence.
    Pause(Duration),
}

/// Between groups of characters.
const GROUP_PAUSE: Duration = Duration::from_millis(250);
const GROUP: usize = 3;
/// Longest wait that is spoken, in minutes: what is longer is as good as this.
const WAIT_MINUTES_MAX: u64 = 24 * 60;

/// A number or name one character at a time, in groups of three; a last one alone joins the group
/// before it. Characters without a sound are left out.
pub fn characters(text: &str) -> Vec<Fragment> {
    let ids: Vec<String> = text.chars().filter_map(character_id).collect();
    let mut fragments = Vec::with_capacity(ids.len() + ids.len() / GROUP);
    for (n, id) in ids.iter().enumerate() {
        let last_alone = n + 1 == ids.len() && n > 1;
        if n > 0 && n % GROUP == 0 && !last_alone {
            fragments.push(Fragment::Pause(GROUP_PAUSE));
        }
        fragments.push(Fragment::Sound(id.clone()));
    }
    fragments
}

fn character_id(character: char) -> Option<String> {
    match character.to_ascii_lowercase() {
        '+' => Some("plus".to_owned()),
        '-' => Some("dash".to_owned()),
        '.' => Some("dot".to_owned()),
        '_' => Some("underscore".to_owned()),
        c if c.is_ascii_alphanumeric() => Some(c.to_string()),
        _ => None,
    }
}

/// A number as it is said: 0 to 999; a larger one digit by digit.
pub fn number(value: u32) -> Vec<Fragment> {
    if value > 999 {
        return characters(&value.to_string());
    }
    let (hundreds, rest) = (value / 100, value % 100);
    let mut ids = Vec::new();
    if hundreds > 0 {
        ids.push(hundreds.to_string());
        ids.push("hundred".to_owned());
    }
    match rest {
        0 if hundreds > 0 => {}
        0..=20 => ids.push(rest.to_string()),
        _ => {
            ids.push((rest / 10 * 10).to_string());
            if rest % 10 > 0 {
                ids.push((rest % 10).to_string());
            }
        }
    }
    ids.into_iter().map(Fragment::Sound).collect()
}

/// A wait, rounded up as it is said: less than a minute; to ten minutes by one; to an hour by five;
/// from there by half hours; never more than a day.
pub fn wait(wait: Duration) -> Vec<Fragment> {
    if wait < Duration::from_secs(60) {
        return vec![sound("less-than-a-minute")];
    }
    let minutes = u64::try_from(wait.as_millis().div_ceil(60_000)).unwrap_or(WAIT_MINUTES_MAX);
    let step = match minutes {
        ..=10 => 1,
        11..=60 => 5,
        _ => 30,
    };
    let rounded = minutes.min(WAIT_MINUTES_MAX).next_multiple_of(step) as u32;
    let mut fragments = counted(rounded / 60, "hour", "hours");
    fragments.extend(counted(rounded % 60, "minute", "minutes"));
    fragments
}

fn counted(count: u32, one: &str, many: &str) -> Vec<Fragment> {
    if count == 0 {
        return Vec::new();
    }
    let mut fragments = number(count);
    fragments.push(sound(if count == 1 { one } else { many }));
    fragments
}

fn sound(id: &str) -> Fragment {
    Fragment::Sound(id.to_owned())
}

/// Every id that this file may speak.
pub fn spoken_ids() -> Vec<String> {
    let numbers = (0..=20).chain((30..=90).step_by(10)).map(|n: u32| n.to_string());
    let letters = ('a'..='z').map(String::from);
    let words = [
        "plus",
        "dash",
        "dot",
        "underscore",
        "hundred",
        "less-than-a-minute",
        "minute",
        "minutes",
        "hour",
        "hours",
    ];
    numbers.chain(letters).chain(words.map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sounds by their ids, pauses as `|`.
    fn told(fragments: &[Fragment]) -> String {
        let words: Vec<&str> = fragments
            .iter()
            .map(|fragment| match fragment {
                Fragment::Sound(id) => id,
                Fragment::Pause(_) => "|",
            })
            .collect();
        words.join(" ")
    }

    #[test]
    fn characters_come_in_groups() {
        let table = [
            ("+14155550123", "plus 1 4 | 1 5 5 | 5 5 0 | 1 2 3"),
            ("1001", "1 0 0 1"),
            ("10012", "1 0 0 | 1 2"),
            ("Bob.s-t_x", "b o b | dot s dash | t underscore x"),
            ("é 1", "1"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(told(&characters(text)), expected, "{text}");
        }
    }

    #[test]
    fn numbers_are_said_as_people_say_them() {
        let table = [
            (0, "0"),
            (7, "7"),
            (20, "20"),
            (21, "20 1"),
            (90, "90"),
            (100, "1 hundred"),
            (119, "1 hundred 19"),
            (345, "3 hundred 40 5"),
            (999, "9 hundred 90 9"),
            (1000, "1 0 0 0"),
        ];
        for (value, expected) in table {
            assert_eq!(told(&number(value)), expected);
        }
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
            assert_eq!(told(&wait(Duration::from_secs(seconds))), expected, "{seconds}");
        }
        assert_eq!(told(&wait(Duration::MAX)), "20 4 hours");
    }

    #[test]
    fn whatever_is_spoken_is_listed() {
        let listed = spoken_ids();
        let mut fragments: Vec<Fragment> = (0..1000).flat_map(number).collect();
        fragments.extend((0..1500).flat_map(|minutes| wait(Duration::from_secs(60 * minutes))));
        fragments.extend((0..128u8).flat_map(|byte| characters(&char::from(byte).to_string())));
        for fragment in fragments {
            if let Fragment::Sound(id) = fragment {
                assert!(listed.contains(&id), "{id}");
            }
        }
    }
}
