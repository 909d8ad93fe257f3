//! The questions of a booking: how each is put, and what digits mean as a day or a time.

use crate::ident::LegId;
use crate::phone::Address;
use crate::time::Duration;

use super::super::Context;
use super::super::digits::{Entry, Limits};
use super::super::effect::Prompt;
use super::super::event::SlotOffer;
use super::super::spoken::KeyedDay;

const ONE_KEY: Limits = Limits::one_key(Duration::from_secs(7));
/// A number; a caller who does not know of the terminator is waited for a little longer.
const NUMBER: Limits = Limits {
    first: Duration::from_secs(10),
    between: Duration::from_secs(5),
    total: Duration::from_secs(60),
    count: 20,
    terminator: Some('#'),
    alone: None,
};
/// 1, or a month and a day that begin with it; no month begins with 2.
const DAY: Limits = Limits {
    first: Duration::from_secs(10),
    between: Duration::from_secs(3),
    total: Duration::from_secs(20),
    count: 4,
    terminator: Some('#'),
    alone: Some('2'),
};
const TIME: Limits = Limits { alone: None, ..DAY };

/// What is asked.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// Is it the number called from?
    Own(Address),
    Number,
    /// Is it the number that was keyed?
    Keyed(Address),
    Day,
    Time(KeyedDay),
    /// Before noon or after? `hour` is 1 to 12.
    Half {
        day: KeyedDay,
        hour: u8,
        minute: u8,
    },
    /// Is it the time that was found?
    Slot(SlotOffer),
}

impl Ask {
    /// Plays the question after `said`.
    pub(super) fn put(&self, ctx: &mut Context<'_>, leg: LegId, mut said: Vec<Prompt>) -> Entry {
        match self {
            Ask::Own(address) => said.extend([
                Prompt::Sound("your-number-is"),
                Prompt::Characters(address.clone()),
                Prompt::Sound("confirm-or-key-number"),
            ]),
            Ask::Number => said.push(Prompt::Sound("key-number")),
            Ask::Keyed(address) => said.extend([
                Prompt::Sound("number-keyed-is"),
                Prompt::Characters(address.clone()),
                Prompt::Sound("confirm-keyed-number"),
            ]),
            Ask::Day => said.push(Prompt::Sound("schedule-day")),
            Ask::Time(_) => said.push(Prompt::Sound("schedule-time")),
            Ask::Half { .. } => said.push(Prompt::Sound("schedule-half")),
            Ask::Slot(slot) => said.extend([
                Prompt::Sound(if slot.moved { "time-taken" } else { "we-can-call-you" }),
                Prompt::Appointment(slot.time()),
                Prompt::Sound("confirm-time"),
            ]),
        }
        let limits = match self {
            Ask::Own(_) | Ask::Keyed(_) | Ask::Half { .. } | Ask::Slot(_) => ONE_KEY,
            Ask::Number => NUMBER,
            Ask::Day => DAY,
            Ask::Time(_) => TIME,
        };
        Entry::ask(ctx, leg, said, limits)
    }

    /// What is said of an answer that is none; nothing of silence.
    pub(super) fn wrong(&self, digits: &str) -> Option<&'static str> {
        match self {
            _ if digits.is_empty() => None,
            Ask::Day => Some("no-such-day"),
            Ask::Time(_) => Some("no-such-time"),
            Ask::Own(_) | Ask::Number | Ask::Keyed(_) | Ask::Half { .. } | Ask::Slot(_) => {
                Some("invalid-choice")
            }
        }
    }
}

/// 1, 2, or a month and a day of two digits each. Whether there is such a day, the calendar knows.
pub(super) fn day(digits: &str) -> Option<KeyedDay> {
    match digits {
        "1" => Some(KeyedDay::Today),
        "2" => Some(KeyedDay::Tomorrow),
        _ => {
            let (month, day) = pair(digits).filter(|_| digits.len() == 4)?;
            let there = (1..=12).contains(&month) && (1..=31).contains(&day);
            there.then_some(KeyedDay::MonthDay { month, day })
        }
    }
}

/// An hour to 23 and, in the last two digits if there are more than two, a minute: `9` is 9:00,
/// `930` 9:30.
pub(super) fn time(digits: &str) -> Option<(u8, u8)> {
    let (hour, minute) = match digits.len() {
        1 | 2 => (digits.parse().ok()?, 0),
        _ => pair(digits)?,
    };
    (hour < 24 && minute < 60).then_some((hour, minute))
}

/// What stands before the last two of 3 or 4 digits, and these.
fn pair(digits: &str) -> Option<(u8, u8)> {
    let plain = (3..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let (first, last) = digits.split_at_checked(digits.len().checked_sub(2)?).filter(|_| plain)?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read() {
        let date = |month, day| Some(KeyedDay::MonthDay { month, day });
        let table = [
            ("1", Some(KeyedDay::Today)),
            ("2", Some(KeyedDay::Tomorrow)),
            ("0704", date(7, 4)),
            ("1231", date(12, 31)),
            ("0231", date(2, 31)),
            ("1301", None),
            ("0700", None),
            ("0732", None),
            ("704", None),
            ("12", None),
            ("07*4", None),
            ("+704", None),
            ("", None),
        ];
        for (digits, expected) in table {
            assert_eq!(day(digits), expected, "{digits}");
        }
    }

    #[test]
    fn times_are_read() {
        let table = [
            ("0930", Some((9, 30))),
            ("930", Some((9, 30))),
            ("9", Some((9, 0))),
            ("17", Some((17, 0))),
            ("0000", Some((0, 0))),
            ("2359", Some((23, 59))),
            ("2400", None),
            ("0960", None),
            ("24", None),
            ("*", None),
            ("9*30", None),
            ("", None),
        ];
        for (digits, expected) in table {
            assert_eq!(time(digits), expected, "{digits}");
        }
    }
}
