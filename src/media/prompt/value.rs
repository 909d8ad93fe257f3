//! The values that are spoken and that no other module brings: times of day and dates that exist.
//! No zone, no clock: which day is today is told by whoever asks.

/// A minute of a day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TimeOfDay {
    hour: u32,
    minute: u32,
}

impl TimeOfDay {
    /// `hour` 0 to 23, `minute` 0 to 59; `None` for anything else.
    pub fn new(hour: u32, minute: u32) -> Option<Self> {
        (hour < 24 && minute < 60).then_some(Self { hour, minute })
    }

    /// 0 to 23.
    pub fn hour(self) -> u32 {
        self.hour
    }

    /// 0 to 59.
    pub fn minute(self) -> u32 {
        self.minute
    }
}

/// A day, as it is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Day {
    /// The day on which it is said.
    Today,
    /// The day after.
    Tomorrow,
    /// Any day, by its date.
    Date(CalendarDate),
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CalendarDate {
    year: i32,
    month: u32,
    day: u32,
}

pub(super) const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

pub(super) const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl CalendarDate {
    /// `year` 1 to 9999, `month` from 1, `day` from 1; `None` for a day that there is not.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        let exists = (1..=9999).contains(&year) && (1..=last).contains(&day);
        exists.then_some(Self { year, month, day })
    }

    /// The day of the month, 1 to 31.
    pub fn day(self) -> u32 {
        self.day
    }

    /// The id that says its month.
    pub(super) fn month_id(self) -> &'static str {
        MONTHS[self.month as usize - 1]
    }

    /// The id that says its weekday, by Sakamoto's congruence: a year begins in March, and each
    /// month moves the weekday by a number of its own.
    pub(super) fn weekday_id(self) -> &'static str {
        const SHIFTS: [i32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
        let year = self.year - i32::from(self.month < 3);
        let shift = SHIFTS[self.month as usize - 1] + self.day as i32;
        let from_sunday = year + year / 4 - year / 100 + year / 400 + shift;
        WEEKDAYS[(from_sunday + 6).rem_euclid(7) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_exists_is_a_value() {
        let times =
            [(0, 0, true), (23, 59, true), (24, 0, false), (9, 60, false), (u32::MAX, 0, false)];
        for (hour, minute, exists) in times {
            assert_eq!(TimeOfDay::new(hour, minute).is_some(), exists, "{hour}:{minute}");
        }
        let dates = [
            (2024, 2, 29, true),
            (2023, 2, 29, false),
            (2000, 2, 29, true),
            (2100, 2, 29, false),
            (2026, 4, 30, true),
            (2026, 4, 31, false),
            (2026, 12, 31, true),
            (2026, 12, 32, false),
            (2026, 13, 1, false),
            (2026, 0, 1, false),
            (2026, 1, 0, false),
            (0, 1, 1, false),
            (10_000, 1, 1, false),
            (i32::MIN, 1, 1, false),
        ];
        for (year, month, day, exists) in dates {
            let date = CalendarDate::new(year, month, day);
            assert_eq!(date.is_some(), exists, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn weekdays_are_those_of_the_calendar() {
        let table = [
            (1, 1, 1, "monday"),
            (1970, 1, 1, "thursday"),
            (2000, 2, 29, "tuesday"),
            (2000, 3, 1, "wednesday"),
            (2024, 12, 31, "tuesday"),
            (2026, 11, 22, "sunday"),
            (2100, 3, 1, "monday"),
            (9999, 12, 31, "friday"),
        ];
        for (year, month, day, weekday) in table {
            let date = CalendarDate::new(year, month, day).unwrap();
            assert_eq!(date.weekday_id(), weekday, "{year}-{month}-{day}");
        }
    }
}
