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

use super::super::flow::{AskCode, FlowNode, Settings};
use super::{Stage, settings};
use crate::ident::Language;
use crate::phone::AddressPolicy;
use crate::tests::scenarios;

#[test]
fn every_text_of_the_telephone_holds() {
    scenarios("telephone", 40, told);
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
        "exits bound" => nodes.for_each(|node| match node {
            FlowNode::OfferCallback { exits, .. } | FlowNode::ScheduleCallback { exits, .. } => {
                exits.declined = Some("survey".to_owned());
            }
            FlowNode::AccessCode(node) => node.locked = Some("survey".to_owned()),
            FlowNode::Say { .. }
            | FlowNode::Menu { .. }
            | FlowNode::Queue(_)
            | FlowNode::Transfer(_)
            | FlowNode::Hangup { .. } => {}
        }),
        "code if-needed" => {
            settings.groups.values_mut().for_each(|group| group.code = AskCode::IfNeeded);
        }
        "code off" => settings.groups.values_mut().for_each(|group| group.code = AskCode::Off),
        other => panic!("with {other}: see src/calls/stage/tests.rs"),
    }
}
