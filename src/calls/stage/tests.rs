//! The scenario texts of the telephone: `tests/scenarios/telephone/*.txt`, one rule of the product
//! each, in the language of [`super`].
//!
//! ```text
//! # Proves: the sentence, and where it stands
//! # Breaks under: name.patch
//! with code if-needed
//!
//! == they do
//! 0 incoming caller 1001 700
//!     answer caller
//! 40 (acknowledgement)
//!     hang-up caller 102
//! ```
//!
//! A line is a fact or an order at a second of the call. What comes of it is indented, `!` begins
//! what the queue is told; `second (reason)` is a deadline that passed. `==` begins another call on
//! the same flow, that of [`settings`] but for the `with` lines of the head.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::super::flow::{AskCode, FlowNode, Settings};
use super::{Stage, settings};
use crate::ident::Language;
use crate::phone::AddressPolicy;

#[test]
fn every_text_of_the_telephone_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/telephone");
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let failed: Vec<String> = files.iter().filter_map(|file| one(file).err()).collect();
    assert!(files.len() >= 3, "there are {} texts in {}", files.len(), folder.display());
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

fn one(file: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(file).unwrap();
    let told = told(&text);
    if told == text {
        return Ok(());
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(file, told).unwrap();
        return Ok(());
    }
    let name = file.file_stem().unwrap().to_string_lossy();
    let lines = || text.lines().zip(told.lines()).enumerate();
    let at = lines().find(|(_, (expected, came))| expected != came);
    let difference = at.map_or("longer or shorter than expected".to_owned(), |(n, pair)| {
        format!("line {}:\n  expected: {}\n  came:     {}", n + 1, pair.0, pair.1)
    });
    Err(format!("scenario telephone/{name} FAILED\n{difference}"))
}

/// The text as it must be: its facts and orders, and what came of them.
fn told(text: &str) -> String {
    let (mut out, mut script, mut settings) = (String::new(), String::new(), settings());
    for line in text.lines() {
        let is_head = line.is_empty() || line.starts_with('#') || line.starts_with("==");
        if !is_head && !line.starts_with("with ") {
            if !came(line) {
                writeln!(script, "{line}").unwrap();
            }
            continue;
        }
        out.push_str(&Stage::play(settings.clone(), &std::mem::take(&mut script)));
        writeln!(out, "{line}").unwrap();
        if let Some(change) = line.strip_prefix("with ") {
            vary(&mut settings, change);
        }
    }
    out + &Stage::play(settings, &script)
}

/// Is this what came of a line, or a deadline?
fn came(line: &str) -> bool {
    line.starts_with(' ') || line.split_once(' ').is_some_and(|(_, rest)| rest.starts_with('('))
}

fn vary(settings: &mut Settings, change: &str) {
    let nodes = settings.flows.values_mut().flat_map(|flow| flow.nodes.values_mut());
    match change {
        "languages" => nodes.for_each(|node| {
            if let FlowNode::Menu { language, .. } = node {
                *language = ['2', '3'].map(|key| (key, Language::new("de"))).into();
            }
        }),
        "callbacks to nobody" => settings
            .queues
            .values_mut()
            .for_each(|voice| voice.addresses = AddressPolicy::default()),
        "code if-needed" => {
            settings.groups.values_mut().for_each(|group| group.code = AskCode::IfNeeded);
        }
        other => panic!("with {other}: see src/calls/stage/tests.rs"),
    }
}
