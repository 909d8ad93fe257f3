//! Days and times of day as a caller keys and hears them, by the clock of the queue.
//!
//! What they mean as instants is for whoever knows the zone: nothing here converts them.

use crate::ident::Language;

/// Are hours counted to twelve in this language? Then it is asked whether they are before noon.
pub(super) fn counts_to_twelve(language: &Language) -> bool {
    matches!(language.as_str(), "en" | "es")
}

/// A day as a caller keys it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyedDay {
    /// Today.
    Today,
    /// Tomorrow.
    Tomorrow,
    /// The next such day, which may be none at all (February 30).
    MonthDay {
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
    },
}

/// A day as it is told to a caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpokenDay {
    /// Today.
    Today,
    /// Tomorrow.
    Tomorrow,
    /// A later one.
    Date {
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
        /// 1 (Monday) to 7 (ISO 8601).
        weekday: u8,
        /// Of the Gregorian calendar.
        year: i32,
    },
}

/// A day and a time as they are told to a caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpokenTime {
    /// The day.
    pub day: SpokenDay,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}
