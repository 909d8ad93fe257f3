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
//! (`crash`). `MM:SS served 49 ann queue=billing talk=20 every=60` is so many calls, of which only
//! a rule that they break is told: each is answered at once and hung up after 20 s, the next comes
//! 60 s after it did.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ringback::queue::matching::CodeTries;
use ringback::queue::{Effect, Settings};
use ringback::store::gate::Departure;

use ringback::time::Duration;

use crate::bench::{Bench, Stepped, Timed};
use crate::policy;
use crate::questions;
use crate::run::guarded;
use crate::text::{self, Names, Words};

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
        let served = served(&mut names, line).map_err(at)?;
        let timed = match (asked.is_some(), served.is_empty()) {
            (true, _) => vec![text::read_tick(line).map_err(at)?],
            (_, false) => served.clone(),
            (false, true) => vec![text::read_input(&mut names, line).map_err(at)?],
        };
        let bench = bench.get_or_insert_with(|| Bench::new(settings.clone(), true));
        for timed in timed {
            match guarded(|| bench.step(timed)) {
                Ok(stepped) => {
                    note_rung(&mut rung, &names, &stepped);
                    let shown = text::show_step(&names, &stepped);
                    out.push_str(if served.is_empty() { &shown } else { "" });
                }
                Err(broken) => {
                    let broken = format!("line {}: breaks {}: {}", n + 1, broken.rule, broken.text);
                    return Ok((out, Some(broken)));
                }
            }
        }
        if let Some(words) = asked {
            let answer = questions::answer(bench, &mut names, &words).map_err(at)?;
            answer.lines().for_each(|line| out.push_str(&format!("      ? {line}\n")));
        }
    }
    Ok((out, None))
}

/// Calls that are answered and hung up, one after another; none if the line tells of none.
fn served(names: &mut Names, line: &str) -> Result<Vec<Timed>, String> {
    let words = Words::of(line);
    if words.get(1) != Ok("served") {
        return Ok(Vec::new());
    }
    let known = |(key, _): &(&str, &str)| ["queue", "talk", "every"].contains(key);
    if let Some((key, _)) = words.pairs().find(|pair| !known(pair)) {
        return Err(format!("`{key}=`: write queue=, talk= and every="));
    }
    let (first, count, agent) = (text::time(words.get(0)?)?, words.get(2)?, words.get(3)?);
    let queue = words.need("queue", |queue| Ok(queue.to_owned()))?;
    let [talk, every] = ["talk", "every"].map(|key| words.need(key, text::number::<u64>));
    let (talk, every) = (talk?, every?);
    let mut all = Vec::new();
    for n in 0..text::number::<u64>(count)? {
        let at = |after: u64| {
            let after = Duration::from_secs(n * every + after);
            text::show_time(first + after)
        };
        let name = format!("served{}-{n}", words.get(0)?);
        let lines = [
            format!("{} call {name} queue={queue}", at(0)),
            format!("{} agent {agent} answers {name}", at(0)),
            format!("{} hang-up {name}", at(talk)),
        ];
        for line in lines {
            all.push(text::read_input(names, &line)?);
        }
    }
    Ok(all)
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
