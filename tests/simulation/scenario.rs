//! Scenario texts: one rule of the product each, told as what happens and what must come of it.
//!
//! ```text
//! # Proves: the sentence, and where it stands
//! # Breaks under: name.patch
//! queue billing skills=billing
//! agent ann skills=billing
//!
//! 00:00 agent ann login ready
//! 00:05 call carol queue=billing
//!       = carol new-arrived-waiting
//!       > alert ann carol
//! ```
//!
//! `=` is a row of the state table that was taken, `>` an order that left, `?` the answer to a
//! question ([`questions`]). `edited billing ..` is a configuration that is read at the next start
//! (`crash`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ringback::queue::matching::CodeTries;
use ringback::queue::{Effect, Settings};
use ringback::store::gate::Departure;

use crate::bench::{Bench, Stepped};
use crate::policy;
use crate::questions;
use crate::run::guarded;
use crate::text::{self, Names};

/// Runs every file of `tests/scenarios`; returns how many passed, and the names of those that did
/// not.
pub(crate) fn all() -> (usize, Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    let mut failed = Vec::new();
    for file in &files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match one(file) {
            Ok(()) => println!("scenario {name} ok"),
            Err(why) => {
                println!("scenario {name} FAILED\n{why}");
                failed.push(name);
            }
        }
    }
    (files.len() - failed.len(), failed)
}

fn one(file: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let (told, broken) = told(&text)?;
    if let Some(broken) = broken {
        return Err(format!("{told}{broken}"));
    }
    if told == text {
        return header(&text);
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return std::fs::write(file, told).map_err(|error| error.to_string());
    }
    Err(difference(&text, &told))
}

/// The head names the sentence proved and a planted bug that is there.
fn header(text: &str) -> Result<(), String> {
    let find = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    find("# Proves:").filter(|proves| !proves.is_empty()).ok_or("no `# Proves:` in its head")?;
    let patches = find("# Breaks under:").ok_or("no `# Breaks under:` in its head")?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/planted");
    match patches.split(", ").map(|patch| folder.join(patch)).find(|path| !path.is_file()) {
        None => Ok(()),
        Some(gone) => Err(format!("{} is not there", gone.display())),
    }
}

/// The text as it must be: what happens as it stands, what comes of it as it came. And the rule
/// that was broken, if one was.
fn told(text: &str) -> Result<(String, Option<String>), String> {
    let (mut names, mut settings, mut bench) = (Names::default(), Settings::default(), None);
    let (mut out, mut tries, mut rung) = (String::new(), CodeTries::default(), Rung::default());
    for (n, line) in text.lines().enumerate() {
        let at = |error: String| format!("line {}: {error}", n + 1);
        let expected = line.starts_with(' ');
        if expected {
            continue;
        }
        out.push_str(line);
        out.push('\n');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if bench.is_none() && policy::read_settings(&mut settings, line).map_err(at)? {
            continue;
        }
        if let Some(answer) = tried(&mut tries, &mut names, line).map_err(at)? {
            out.push_str(&answer);
            continue;
        }
        let asked = questions::question(line);
        if let Some(["alert" | "dial", who]) = asked.as_deref() {
            let told = rung.get(*who).ok_or(at(format!("nobody rang {who}")))?;
            out.push_str(&format!("      ? {told}\n"));
            continue;
        }
        let timed = match asked {
            Some(_) => text::read_tick(line),
            None => text::read_input(&mut names, line),
        };
        let timed = timed.map_err(at)?;
        let bench = bench.get_or_insert_with(|| Bench::new(settings.clone(), true));
        match guarded(|| bench.step(timed)) {
            Ok(stepped) => {
                note_rung(&mut rung, &names, &stepped);
                out.push_str(&text::show_step(&names, &stepped));
            }
            Err(broken) => {
                let broken = format!("line {}: breaks {}: {}", n + 1, broken.rule, broken.text);
                return Ok((out, Some(broken)));
            }
        }
        if let Some(words) = asked {
            let answer = questions::answer(bench, &mut names, &words).map_err(at)?;
            answer.lines().for_each(|line| out.push_str(&format!("      ? {line}\n")));
        }
    }
    Ok((out, None))
}

/// What the last order to ring a phone said: an agent's, by the name of the interaction, and that
/// of an attempt.
type Rung = BTreeMap<String, String>;

fn note_rung(rung: &mut Rung, names: &Names, stepped: &Stepped) {
    for departure in &stepped.departures {
        let (who, told) = match departure {
            Departure::Leaves(Effect::Alert {
                interaction,
                queue,
                origin,
                arrival,
                attempts,
                ring_timeout,
                ..
            }) => {
                let since = text::show_time(*arrival);
                let rings = format!("rings {} s", ring_timeout.as_secs());
                let waits = format!("{origin:?} in {queue}, since {since}");
                (names.show(*interaction), format!("{waits}, attempts made: {attempts}, {rings}"))
            }
            Departure::Leaves(Effect::Dial { attempt, ring_timeout, .. }) => {
                (names.show_attempt(*attempt), format!("rings {} s", ring_timeout.as_secs()))
            }
            Departure::Leaves(_) | Departure::Revoked { .. } => continue,
        };
        rung.insert(who, told);
    }
}

/// `MM:SS wrong-code carol +14155550101`: in call `carol` of theirs a code is nobody's; `MM:SS
/// right-code carol +14155550101`: one matches; `MM:SS ? heard carol +14155550101`: are codes
/// that they key in it evaluated?
fn tried(tries: &mut CodeTries, names: &mut Names, line: &str) -> Result<Option<String>, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        [at, "wrong-code", call, who] => {
            tries.wrong(names.id(call), Some(&text::address(who)?), text::time(at)?);
            Ok(Some(String::new()))
        }
        [_, "right-code", call, who] => {
            tries.matched(names.id(call), Some(&text::address(who)?));
            Ok(Some(String::new()))
        }
        [at, "?", "heard", call, who] => {
            let locked =
                tries.is_locked(names.id(call), Some(&text::address(who)?), text::time(at)?);
            Ok(Some(format!("      ? {}\n", if locked { "no" } else { "yes" })))
        }
        _ => Ok(None),
    }
}

fn difference(expected: &str, told: &str) -> String {
    let pairs = expected.lines().zip(told.lines()).enumerate();
    let first = pairs.into_iter().find(|(_, (expected, told))| expected != told);
    match first {
        Some((n, (expected, told))) => {
            format!("line {}:\n  expected: {expected}\n  came:     {told}", n + 1)
        }
        None => "it is longer or shorter than expected".into(),
    }
}
