//! `ringback sounds`: what an operator needs to hear the recordings and to put others in their
//! place. Prints; needs no server.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use clap::ValueEnum;

use super::command::WRONG_INPUT;
use crate::calls::SOUNDS;
use crate::config::Config;
use crate::media::prompt::{self, CalendarDate, Day, Fragment, Language, TimeOfDay};
use crate::media::sounds::{Origin, Recording, levels, recordings, wav};
use crate::media::tone::SAMPLE_RATE;
use crate::phone::{Address, PhoneNumber};
use crate::time::Duration;

/// What plays a WAV file, the first that is there.
const PLAYERS: [&[&str]; 5] = [
    &["aplay", "-q"],
    &["pw-play"],
    &["paplay"],
    &["afplay"],
    &["ffplay", "-nodisp", "-autoexit", "-loglevel", "error"],
];
/// The configuration that is read if none is named.
pub const DEFAULT_CONFIG: &str = "config/ringback.toml";
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Kind {
    /// A whole number.
    Number,
    /// A telephone number with `+`, or an extension.
    Phone,
    /// An access code.
    Code,
    /// `2026-12-24`, `today`, `tomorrow`.
    Date,
    /// `15:30`.
    Time,
    /// `1h30m`, `45s`.
    Duration,
    /// The same, rounded as an estimate is.
    Wait,
    /// A place in line.
    Position,
}

/// A language by its tag, for the arguments.
///
/// # Errors
/// Which there are.
pub fn language(tag: &str) -> Result<Language, String> {
    let tags: Vec<_> = Language::ALL.iter().map(|language| language.tag()).collect();
    Language::parse(tag).ok_or_else(|| format!("write one of {}", tags.join(", ")))
}

type Recordings = BTreeMap<String, Recording>;

/// Every recording, a line each.
pub fn list(config: &Path, only: Option<Language>) -> ExitCode {
    done(|| {
        let texts = texts();
        for (name, it) in load(config)? {
            let of = |language: Language| name.starts_with(&format!("{}/", language.tag()));
            if !only.is_none_or(of) {
                continue;
            }
            let whose = match &it.origin {
                Origin::BuiltIn => "built in".to_owned(),
                Origin::Own(path) => path.display().to_string(),
            };
            let said = texts.get(&name).map_or(String::new(), |text| format!("  {text:?}"));
            say_line(&format!("{name:<32} {:>6.1} s  {whose}{said}", seconds(&it.samples)))?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// What is missing or wrong, a line each; fails if anything is.
pub fn check(config: &Path) -> ExitCode {
    done(|| {
        let all = load(config)?;
        let mut wrong = Vec::new();
        for &language in Language::ALL {
            let tag = language.tag();
            let spoken = prompt::spoken_ids(language);
            let ids: BTreeSet<&str> =
                SOUNDS.iter().copied().chain(spoken.iter().map(String::as_str)).collect();
            let missing = ids.into_iter().filter(|id| !all.contains_key(&format!("{tag}/{id}")));
            wrong.extend(missing.map(|id| format!("{tag}/{id} is missing; record it")));
        }
        let texts = texts();
        for (name, it) in &all {
            let which = match &it.origin {
                Origin::BuiltIn => name.clone(),
                Origin::Own(path) => path.display().to_string(),
            };
            // Music and tones are as loud as they are.
            let is_speech = !name.starts_with("moh/") && !name.ends_with("/beep");
            let found = levels::findings(&it.samples).into_iter();
            let found = found.filter(|found| is_speech || !found.is_of_speech());
            wrong.extend(found.map(|found| format!("{which} {found}")));
            if is_speech && it.origin != Origin::BuiltIn && !texts.contains_key(name) {
                say_line(&format!("note: {which} is heard only where a flow names it"))?;
            }
        }
        for line in &wrong {
            say_line(line)?;
        }
        let own = all.values().filter(|it| it.origin != Origin::BuiltIn).count();
        say_line(&format!(
            "{} recordings, {own} of them yours: {} errors",
            all.len(),
            wrong.len()
        ))?;
        Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// One recording, heard or written.
pub fn play(config: &Path, id: &str, output: Option<&Path>) -> ExitCode {
    done(|| {
        let all = load(config)?;
        let it = all.get(id).ok_or_else(|| {
            format!(
                "there is no recording {id:?}; `ringback sounds list` prints them, as en/welcome"
            )
        })?;
        hear(&it.samples, output)
    })
}

/// A value, heard or written.
pub fn say(
    config: &Path,
    (language, kind, value): (Language, Kind, &str),
    output: Option<&Path>,
) -> ExitCode {
    done(|| {
        let all = load(config)?;
        let fragments = fragments(language, kind, value)?;
        let shown: Vec<String> = fragments.iter().map(show).collect();
        say_line(&shown.join(" "))?;
        hear(&joined(&all, language, &fragments)?, output)
    })
}

fn show(fragment: &Fragment) -> String {
    match fragment {
        Fragment::Sound(id) => id.clone(),
        Fragment::Pause(pause) => format!("({} ms)", pause.as_millis()),
    }
}

/// As a leg plays them: one after the other.
fn joined(
    all: &Recordings,
    language: Language,
    fragments: &[Fragment],
) -> Result<Vec<i16>, String> {
    let mut samples = Vec::new();
    for fragment in fragments {
        match fragment {
            Fragment::Pause(pause) => {
                let count = pause.as_millis() as usize * SAMPLE_RATE as usize / 1000;
                samples.resize(samples.len() + count, 0);
            }
            Fragment::Sound(id) => {
                let name = format!("{}/{id}", language.tag());
                let it = all.get(&name).ok_or_else(|| format!("{name} is missing; record it"))?;
                samples.extend(&it.samples);
            }
        }
    }
    Ok(samples)
}

fn fragments(language: Language, kind: Kind, value: &str) -> Result<Vec<Fragment>, String> {
    let wanted = |what: &str| format!("{value:?} is not taken; write {what}");
    let spoken = match kind {
        Kind::Number => {
            let number = value.parse().map_err(|_| wanted("a whole number: 42"))?;
            prompt::number(language, number)
        }
        Kind::Position => {
            let place = value.parse().ok().filter(|place| *place > 0);
            prompt::position(language, place.ok_or_else(|| wanted("a place from 1: 3"))?)
        }
        Kind::Phone => {
            let number = PhoneNumber::parse(value).map(Address::E164);
            let address = number.or_else(|| Address::parse(value));
            let wanted =
                || wanted("a number with its country, +14155550101, or an extension, 1001");
            prompt::address(language, &address.ok_or_else(wanted)?)
        }
        Kind::Code => {
            if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(wanted("digits: 004711"));
            }
            prompt::characters(value)
        }
        Kind::Date => {
            let day = day(value).ok_or_else(|| wanted("2026-12-24, today, or tomorrow"))?;
            prompt::day(language, day)
        }
        Kind::Time => {
            let time = time(value).ok_or_else(|| wanted("hours and minutes: 15:30"))?;
            prompt::time_of_day(language, time)
        }
        Kind::Duration | Kind::Wait => {
            let length = length(value).ok_or_else(|| wanted("1d2h30m10s, or part of it"))?;
            let of = if kind == Kind::Wait { prompt::wait } else { prompt::duration };
            of(language, length)
        }
    };
    Ok(spoken)
}

/// Digits alone.
fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn day(text: &str) -> Option<Day> {
    match text {
        "today" => Some(Day::Today),
        "tomorrow" => Some(Day::Tomorrow),
        date => {
            let mut parts = date.split('-');
            let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
            let date = CalendarDate::new(digits(year)?, digits(month)?, digits(day)?);
            date.filter(|_| parts.next().is_none()).map(Day::Date)
        }
    }
}

fn time(text: &str) -> Option<TimeOfDay> {
    let (hour, minute) = text.split_once(':')?;
    TimeOfDay::new(digits(hour)?, digits(minute)?)
}

/// `1d2h30m10s` or part of it, each unit once, the largest first.
fn length(text: &str) -> Option<Duration> {
    let (mut seconds, mut rest, mut below) = (0_u64, text, u64::MAX);
    while !rest.is_empty() {
        let (number, after) = rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?;
        let each = match after.chars().next()? {
            'd' => DAY_SECONDS,
            'h' => 60 * 60,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        if each >= below {
            return None;
        }
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(each)?)?;
        (below, rest) = (each, after.get(1..)?);
    }
    (!text.is_empty()).then(|| Duration::from_secs(seconds))
}

/// The recordings built in, and those that the configuration names. Where no configuration was
/// asked for, and none is, those built in.
fn load(config: &Path) -> Result<Recordings, String> {
    let said = |error: &dyn std::fmt::Display| format!("{}: {error}", config.display());
    let is_default = config == Path::new(DEFAULT_CONFIG);
    let own = match std::fs::read_to_string(config) {
        Ok(text) => Config::sounds_folder(&text).map_err(|error| said(&error))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_default => None,
        Err(error) => return Err(said(&error)),
    };
    recordings(own.as_deref()).map_err(|errors| errors.to_string())
}

/// What the built-in recordings say, by `LANGUAGE/ID`.
fn texts() -> BTreeMap<String, String> {
    let catalogues = [
        ("en", include_str!("../../sounds/catalog/en.toml")),
        ("fr", include_str!("../../sounds/catalog/fr.toml")),
        ("es", include_str!("../../sounds/catalog/es.toml")),
    ];
    let entries = |(language, text): (&'static str, &str)| {
        let table: toml::Table = text.parse().unwrap_or_default();
        table.into_iter().filter_map(move |(id, entry)| {
            let text = entry.as_str().or_else(|| entry.get("text")?.as_str())?.to_owned();
            Some((format!("{language}/{id}"), text))
        })
    };
    catalogues.into_iter().flat_map(entries).collect()
}

fn seconds(samples: &[i16]) -> f64 {
    samples.len() as f64 / f64::from(SAMPLE_RATE)
}

/// Plays it, or writes it.
fn hear(samples: &[i16], output: Option<&Path>) -> Result<ExitCode, String> {
    let file = wav::write(samples).map_err(|error| error.to_string())?;
    if let Some(path) = output {
        std::fs::write(path, file).map_err(|error| format!("{}: {error}", path.display()))?;
        say_line(&format!("{}: {:.1} s", path.display(), seconds(samples)))?;
        return Ok(ExitCode::SUCCESS);
    }
    // A player reads a file that nobody else can have put there.
    let folder = std::env::temp_dir().join(format!("ringback-{}", std::process::id()));
    let failed = |error: io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir(&folder).map_err(failed)?;
    let path = folder.join("sound.wav");
    let heard = std::fs::write(&path, file).map_err(failed).and_then(|()| run_player(&path));
    std::fs::remove_dir_all(&folder).map_err(failed)?;
    heard
}

fn run_player(path: &Path) -> Result<ExitCode, String> {
    for player in PLAYERS {
        let mut command = Command::new(player[0]);
        match command.args(&player[1..]).arg(path).stdin(Stdio::null()).status() {
            Ok(status) if status.success() => return Ok(ExitCode::SUCCESS),
            Ok(status) => {
                return Err(format!("{} failed: {status}; try --output FILE.wav", player[0]));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{}: {error}", player[0])),
        }
    }
    let names = PLAYERS.map(|player| player[0]).join(", ");
    Err(format!("nothing here plays sound ({names}); write a file: --output FILE.wav"))
}

/// A line for whoever reads; one who stopped reading has read enough.
fn say_line(line: &str) -> Result<(), String> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => result.map_err(|error| error.to_string()),
    }
}

fn done(work: impl FnOnce() -> Result<ExitCode, String>) -> ExitCode {
    work().unwrap_or_else(|why| {
        for line in why.lines() {
            eprintln!("ringback: {line}");
        }
        ExitCode::from(WRONG_INPUT)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: Kind, value: &str) -> Result<String, String> {
        let shown = |fragments: Vec<Fragment>| fragments.iter().map(show).collect::<Vec<_>>();
        fragments(Language::En, kind, value).map(|fragments| shown(fragments).join(" "))
    }

    #[test]
    fn each_kind_of_value_is_spoken() {
        for (kind, value, expected) in [
            (Kind::Number, "42", "40 2"),
            (Kind::Code, "0047", "0 0 4 7"),
            (Kind::Date, "tomorrow", "tomorrow"),
            (Kind::Wait, "30s", "less-than-a-minute"),
        ] {
            assert_eq!(said(kind, value).as_deref(), Ok(expected), "{kind:?} {value}");
        }
        for (kind, value) in [
            (Kind::Phone, "+14155550101"),
            (Kind::Phone, "1001"),
            (Kind::Date, "2026-12-24"),
            (Kind::Time, "15:30"),
            (Kind::Duration, "1h30m"),
            (Kind::Position, "3"),
        ] {
            assert!(!said(kind, value).unwrap().is_empty(), "{kind:?} {value}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused_with_what_to_write() {
        for (kind, value, remedy) in [
            (Kind::Number, "many", "write a whole number"),
            (Kind::Number, "-1", "write a whole number"),
            (Kind::Position, "", "write a place"),
            (Kind::Phone, "+1", "+14155550101"),
            (Kind::Code, "12a", "write digits"),
            (Kind::Date, "2026-02-30", "2026-12-24"),
            (Kind::Date, "2026-02-03-04", "2026-12-24"),
            (Kind::Time, "24:00", "15:30"),
            (Kind::Time, "+9:05", "15:30"),
            (Kind::Position, "0", "write a place"),
            (Kind::Duration, "30m1h", "1d2h30m10s"),
            (Kind::Duration, "90", "1d2h30m10s"),
            (Kind::Duration, "99999999999999999999s", "1d2h30m10s"),
        ] {
            let why = said(kind, value).unwrap_err();
            assert!(why.contains(&format!("{value:?}")) && why.contains(remedy), "{why}");
        }
    }

    #[test]
    fn lengths_are_read() {
        let seconds = |text: &str| length(text).map(|length| length.as_secs());
        assert_eq!(seconds("1d2h30m10s"), Some(86_400 + 7_200 + 1_800 + 10));
        assert_eq!((seconds("45s"), seconds("0m")), (Some(45), Some(0)));
        for wrong in ["", "s", "10", "1h1h", "1s1m", "1x", "é"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn fragments_follow_each_other_as_on_a_call() {
        let recording = |length| Recording { samples: vec![1; length], origin: Origin::BuiltIn };
        let all: Recordings =
            [("en/one".to_owned(), recording(80)), ("en/two".to_owned(), recording(40))].into();
        let pause = Fragment::Pause(Duration::from_millis(250));
        let sound = |id: &str| Fragment::Sound(id.to_owned());
        let row = [sound("one"), pause, sound("two")];
        assert_eq!(joined(&all, Language::En, &row).unwrap().len(), 80 + 2000 + 40);
        let why = joined(&all, Language::En, &[sound("three")]).unwrap_err();
        assert_eq!(why, "en/three is missing; record it");
    }

    #[test]
    fn every_built_in_prompt_has_its_text() {
        let texts = texts();
        let all = recordings(None).unwrap();
        let speech =
            all.keys().filter(|name| !name.starts_with("moh/") && !name.ends_with("/beep"));
        let without: Vec<_> = speech.filter(|name| !texts.contains_key(*name)).collect();
        assert!(without.is_empty(), "{without:?}");
    }
}
