//! The scenario texts of the configuration: `tests/scenarios/config/*.txt`, one rule of the product
//! each.
//!
//! ```text
//! # Proves: the sentence, and where it stands
//! # Breaks under: name.patch
//!
//! [call_in_groups.app]
//! code_length = 3
//!     2: call_in_groups.app.code_length: ..
//! ```
//!
//! Lines up to an empty one are a configuration, which follows [`BASE`]; below it stands what is
//! said of it, indented: every error, or else each flow as the tree that `ringback check` prints,
//! and the digits of each group's codes.

use std::fmt::Write;

use crate::calls::flow;
use crate::config::Config;
use crate::ident::Language;
use crate::tests::scenarios;

/// What a configuration may name.
const BASE: &str = "agents.ann.skills = { support = 5 }\nqueues.support.skills = \"support > 0\"\n";

#[test]
fn every_text_of_the_configuration_holds() {
    scenarios("config", 1, told);
}

fn told(text: &str) -> String {
    let (mut out, mut given) = (String::new(), String::new());
    for line in text.lines().chain([""]).filter(|line| !line.starts_with(' ')) {
        let is_head = line.is_empty() || line.starts_with('#');
        if is_head && !given.is_empty() {
            let said = said(&std::mem::take(&mut given));
            out.extend(said.lines().map(|line| format!("    {line}").trim_end().to_owned() + "\n"));
        }
        if !is_head {
            writeln!(given, "{line}").unwrap();
        }
        writeln!(out, "{line}").unwrap();
    }
    out.pop();
    out
}

fn said(given: &str) -> String {
    let exists = |_: &Language, _: &str| true;
    let first = BASE.lines().count();
    let config = match Config::parse("FILE", &format!("{BASE}{given}"), &exists) {
        Ok(config) => config,
        Err(errors) => {
            let line = |line: usize| line.saturating_sub(first);
            let told = errors
                .iter()
                .map(|it| format!("{}: {}: {}; {}", line(it.line), it.key, it.wrong, it.instead));
            return told.collect::<Vec<_>>().join("\n");
        }
    };
    let mut out = String::new();
    for flow in config.calls.flows.values() {
        out.push_str(&flow::tree(flow));
    }
    for (name, group) in &config.queue.call_in_groups {
        writeln!(out, "{name}: codes of {} digits", group.code_length).unwrap();
    }
    out
}
