//! Calendars, the hours of a queue that name one, and the slots of its scheduled callbacks.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::document::{Item, Section, nearest};
use super::file::{Names, check_name, known};
use crate::queue::hours::{
    Calendar, DAY_INTERVALS_MAX, DAY_MINUTES, Date, DayHours, DayHoursError, Hours, Weekday, Zone,
};
use crate::queue::slots::{CapacityRule, SlotSettings};
use crate::time::Duration;

/// The calendars by name; `None` where one could not be read.
pub(super) type Calendars = BTreeMap<String, Option<Arc<Calendar>>>;

/// What a queue that is always open says.
const ROUND_THE_CLOCK: &str = "round-the-clock";
/// Most special days of a calendar.
const SPECIAL_MAX: usize = 1000;
/// Most rules of a queue for the capacity of its slots.
const RULES_MAX: usize = 200;

const DAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// Reads `[calendars.NAME]`.
pub(super) fn read(root: &mut Section<'_>) -> Calendars {
    root.named("calendars", calendar).into_iter().collect()
}

fn calendar(name: &str, section: &mut Section<'_>) -> Option<Arc<Calendar>> {
    check_name(section, name);
    let path = section.path.clone();
    if name == ROUND_THE_CLOCK {
        section.report.error(&path, "means a queue that is always open", "name it otherwise");
    }
    let zone = zone(section);
    let mut weekly = [DayHours::CLOSED; 7];
    for (key, day) in DAYS {
        weekly[day as usize] = day_hours(section, key);
    }
    let special = special(section);
    let calendar = Calendar { zone: zone?, weekly, special };
    if calendar.is_never_open() && !section.report.is_wrong_within(&path) {
        let instead = "write hours for a weekday: `monday = [\"09:00-17:00\"]`";
        section.report.error(&path, "is never open", instead);
    }
    Some(Arc::new(calendar))
}

fn zone(section: &mut Section<'_>) -> Option<Zone> {
    let text = section.text("zone", "Europe/Berlin");
    let zone = Zone::parse(&text);
    if zone.is_none() && !text.is_empty() {
        let names: Vec<&str> = Zone::all().map(Zone::name).collect();
        let instead = match nearest(&text, &names) {
            Some(near) => format!("write {near:?}"),
            None => "write a name of the IANA list: \"Europe/Berlin\"".into(),
        };
        section.error("zone", format!("there is no zone {text:?}"), instead);
    }
    zone
}

/// The intervals under the name of a weekday.
fn day_hours(section: &mut Section<'_>, key: &'static str) -> DayHours {
    let mut intervals = Vec::new();
    for text in section.texts(key) {
        match interval(&text) {
            Some((open, close)) if open < close => intervals.push((open, close)),
            Some(_) => {
                let wrong = format!("{text:?} does not end after it begins");
                let instead = "write what is after midnight as \"00:00-..\" on the next day";
                section.error(key, wrong, instead);
            }
            None => {
                let wrong = format!("{text:?} is no interval");
                section.error(key, wrong, "write \"09:00-17:30\", from \"00:00\" to \"24:00\"");
            }
        }
    }
    DayHours::new(intervals).unwrap_or_else(|error| {
        let instead = match error {
            DayHoursError::Overlap => {
                "let each begin where the one before it ends, or later".into()
            }
            DayHoursError::TooMany | DayHoursError::NotWithinADay => {
                format!("write at most {DAY_INTERVALS_MAX} intervals within the day")
            }
        };
        section.error(key, error.to_string(), instead);
        DayHours::CLOSED
    })
}

fn special(section: &mut Section<'_>) -> BTreeMap<Date, DayHours> {
    let wanted = "\"YYYY-MM-DD\" = [\"09:00-13:00\"], intervals in order; [] for closed";
    let day = |name: &str, item: Item| {
        let texts = item.list().ok()?.into_iter().map(|item| item.text().ok());
        let intervals: Option<Vec<_>> = texts.map(|text| interval(&text?)).collect();
        Some((Date::parse(name)?, DayHours::new(intervals?).ok()?))
    };
    let days = section.values("special", wanted, day);
    if days.len() > SPECIAL_MAX {
        let wrong = format!("{} special days are too many", days.len());
        section.error("special", wrong, format!("write at most {SPECIAL_MAX}, without past ones"));
    }
    days.into_iter().map(|(_, day)| day).collect()
}

/// `09:00-17:30` in minutes since midnight; the end may be `24:00`.
fn interval(text: &str) -> Option<(u16, u16)> {
    let (open, close) = text.split_once('-')?;
    Some((minute(open)?, minute(close)?))
}

/// `17:30` in minutes since midnight, up to `24:00`.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| digits)
    };
    let minute = two_digits(minute).filter(|minute| *minute < 60)?;
    Some(60 * two_digits(hour)? + minute).filter(|minute| *minute <= DAY_MINUTES)
}

/// Reads `hours` of a queue: one word, or the name of a calendar.
pub(super) fn hours(section: &mut Section<'_>, names: &Names) -> Hours {
    let Some(name) = section.text_if("hours").filter(|name| name != ROUND_THE_CLOCK) else {
        return Hours::RoundTheClock;
    };
    let known_names = names.calendars.keys().cloned().collect();
    known(section, "hours", "calendar", &name, &known_names);
    match names.calendars.get(&name) {
        Some(Some(calendar)) => Hours::Calendar(calendar.clone()),
        // What is wrong with the name or with the calendar is told.
        Some(None) | None => Hours::RoundTheClock,
    }
}

/// Reads `[queues.NAME.slots]`.
pub(super) fn slots(section: &mut Section<'_>) -> SlotSettings {
    let default = SlotSettings::default();
    let length = section.number_if("length_minutes", 5..=60_u32);
    let days = section.number_if("look_ahead_days", 1..=60_u32);
    let seconds = |number: u32, unit: u64| Duration::from_secs(unit * u64::from(number));
    let settings = SlotSettings {
        length: length.map_or(default.length, |minutes| seconds(minutes, 60)),
        capacity: section.number("capacity", 0..=10_000, default.capacity),
        weekly: section.list("weekly", rule),
        look_ahead: days.map_or(default.look_ahead, |days| seconds(days, 24 * 3600)),
        always_check_capacity: section.flag("always_check_capacity", default.always_check_capacity),
        moves: section.flag("moves", default.moves),
    };
    if settings.weekly.len() > RULES_MAX {
        let wrong = format!("{} rules are too many", settings.weekly.len());
        section.error("weekly", wrong, format!("write at most {RULES_MAX}"));
    }
    settings
}

fn rule(section: &mut Section<'_>) -> CapacityRule {
    for (key, example) in
        [("day", "\"monday\""), ("from", "\"09:00\""), ("to", "\"12:00\""), ("capacity", "2")]
    {
        if section.is_missing(key) {
            section.error(key, "is missing", format!("write `{key} = {example}`"));
        }
    }
    let weekday = section.choice("day", &DAYS);
    let from_minute = section.parsed("from", minute, "a time: \"09:00\"", 0);
    let to_minute = section.parsed("to", minute, "a time up to \"24:00\"", DAY_MINUTES);
    if from_minute >= to_minute {
        section.error("to", "is not after `from`", "write a later time, up to \"24:00\"");
    }
    let capacity = section.number("capacity", 0..=10_000, 0);
    CapacityRule { weekday, from_minute, to_minute, capacity }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;
    use crate::ident::QueueId;
    use crate::time::Timestamp;

    fn read(text: &str) -> Result<Config, String> {
        Config::parse("f", text, &|_, _| true).map_err(|errors| {
            errors.iter().map(|it| format!("{}: {}: {}\n", it.line, it.key, it.wrong)).collect()
        })
    }

    #[test]
    fn a_queue_takes_its_hours_and_slots_from_the_file() {
        let config = read(
            "[calendars.office]\nzone = \"America/New_York\"\n\
             monday = [\"13:00-24:00\", \"09:00-12:00\"]\ntuesday = [\"00:00-01:30\"]\n\
             special = { \"2026-11-30\" = [], \"2026-11-28\" = [\"10:00-11:00\"] }\n\
             [queues.a]\nhours = \"office\"\n[queues.a.slots]\nlength_minutes = 15\n\
             look_ahead_days = 7\nalways_check_capacity = true\nmoves = false\n\
             weekly = [{ day = \"sunday\", from = \"09:30\", to = \"24:00\", capacity = 0 }]\n\
             [queues.b]\n",
        )
        .unwrap();
        let queue = &config.queue.queues[&QueueId::new("a")];
        let Hours::Calendar(calendar) = &queue.hours else { panic!("{:?}", queue.hours) };
        assert_eq!(calendar.zone.name(), "America/New_York");
        let date = |text| Date::parse(text).unwrap();
        let table: [(&str, &[(u16, u16)]); 5] = [
            ("2026-11-23", &[(540, 720), (780, 1440)]),
            ("2026-11-24", &[(0, 90)]),
            ("2026-11-25", &[]),
            ("2026-11-28", &[(600, 660)]),
            ("2026-11-30", &[]),
        ];
        for (text, intervals) in table {
            assert_eq!(calendar.day(date(text)).intervals(), intervals, "{text}");
        }
        // Monday 9:00 there is 14:00 UTC.
        let opening = Timestamp::from_seconds(1_795_442_400);
        assert!(
            queue.hours.open_at(opening)
                && !queue.hours.open_at(Timestamp::from_ms(opening.as_ms() - 1))
        );
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let rule = CapacityRule {
            weekday: Weekday::Sunday,
            from_minute: 570,
            to_minute: 1440,
            capacity: 0,
        };
        let slots = SlotSettings {
            length: minutes(15),
            capacity: 1,
            weekly: vec![rule],
            look_ahead: minutes(7 * 24 * 60),
            always_check_capacity: true,
            moves: false,
        };
        assert_eq!(queue.slots, Some(slots));
        let plain = &config.queue.queues[&QueueId::new("b")];
        assert_eq!((&plain.hours, &plain.slots), (&Hours::RoundTheClock, &None));
    }

    #[test]
    fn what_is_wrong_with_a_calendar_or_slots_is_told_once() {
        let table = [
            ("monday = [\"09:00-17:00\"]", "1: calendars.c.zone: is missing\n"),
            ("zone = \"UTC\"", "1: calendars.c: is never open\n"),
            (
                "zone = \"UTC\"\nmonday = [\"9-17\", \"09:00-24:01\"]",
                "3: calendars.c.monday: \"9-17\" is no interval\n\
                 3: calendars.c.monday: \"09:00-24:01\" is no interval\n",
            ),
            (
                "zone = \"UTC\"\nmonday = [\"09:00-12:00\", \"11:59-13:00\"]",
                "3: calendars.c.monday: two intervals overlap\n",
            ),
            (
                "zone = \"UTC\"\nmonday = [\"09:00-12:00\"]\nspecial = { \"25.12.2026\" = [] }",
                "4: calendars.c.special.25.12.2026: is not taken\n",
            ),
            (
                "zone = \"UTC\"\nmonday = [\"09:00-12:00\"]\nmontag = []",
                "4: calendars.c.montag: no such key\n",
            ),
            (
                "zone = \"UTC\"\nmonday = [\"09:00-12:00\"]\n[calendars.round-the-clock]\n\
                 zone = \"UTC\"\nmonday = [\"09:00-12:00\"]",
                "4: calendars.round-the-clock: means a queue that is always open\n",
            ),
            (
                "zone = \"UTC\"\nmonday = [\"09:00-12:00\"]\n[queues.a.slots]\n\
                 weekly = [{ day = \"monday\", from = \"12:00\", to = \"12:00\" }]",
                "5: queues.a.slots.weekly[0].capacity: is missing\n\
                 5: queues.a.slots.weekly[0].to: is not after `from`\n",
            ),
        ];
        for (text, expected) in table {
            let told = read(&format!("[calendars.c]\n{text}\n")).map(|_| ());
            assert_eq!(told, Err(expected.to_owned()), "{text}");
        }
    }
}
