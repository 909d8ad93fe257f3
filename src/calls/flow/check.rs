//! What may be wrong with flows: values out of range, exits that lead nowhere, shapes that trap a
//! caller. It must not change or run a flow.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AccessCodeNode, COMBINATIONS, Exit, ExitKind, Flow, FlowError, FlowNode, FlowProblem,
    QueueNode, Settings, TransferNode, exits,
};
use crate::calls::SOUNDS;
use crate::ident::{FlowId, Language, QueueId};

/// Is there a sound of this id in this language?
pub type SoundExists<'a> = &'a dyn Fn(&Language, &str) -> bool;

/// Everything wrong with the entries and flows, by flow and node; empty: nothing. What passes has
/// no dead end, no exit or queue that does not exist, and every prompt in every language that its
/// callers may hear.
pub fn check(settings: &Settings, sound_exists: SoundExists<'_>) -> Vec<FlowError> {
    let mut errors = Vec::new();
    for entry in &settings.entries {
        if !settings.flows.contains_key(&entry.flow) {
            errors.push(FlowError {
                flow: entry.flow.clone(),
                node: String::new(),
                key: format!("entry {:?}", entry.dnis.as_str()),
                problem: FlowProblem::NoSuchFlow,
            });
        }
    }
    for (id, flow) in &settings.flows {
        let mut found = Found { id, errors: &mut errors };
        if !flow.nodes.contains_key(&flow.start) {
            found.push("", "start", FlowProblem::NoSuchNode(flow.start.clone()));
        }
        for (name, node) in &flow.nodes {
            check_values(&mut found, settings, name, node);
            check_languages(&mut found, settings, name, node, sound_exists);
            check_exits(&mut found, flow, name, node);
        }
        check_shape(&mut found, flow);
    }
    errors
}

/// The exits of `access_code` nodes, as flow, node and key, that lead to a queue by a detour:
/// whoever takes one does not come to the place of their callback.
pub fn detours(settings: &Settings) -> Vec<(FlowId, String, String)> {
    let mut found = Vec::new();
    for (id, flow) in &settings.flows {
        for (name, node) in &flow.nodes {
            let FlowNode::AccessCode(node) = node else { continue };
            for (combination, exit) in &node.matched {
                let is_queue =
                    |name: &str| matches!(flow.nodes.get(name), Some(FlowNode::Queue(_)));
                let far = reach(flow, exit, |_| true).into_iter().any(is_queue);
                if far && flow.way_to_queue(exit).is_none() {
                    found.push((id.clone(), name.clone(), format!("matched.{combination}")));
                }
            }
        }
    }
    found
}

/// The queues whose greeting has no sound, and that greeting.
pub fn greetings_missing(
    settings: &Settings,
    sound_exists: SoundExists<'_>,
) -> Vec<(QueueId, String)> {
    let said = settings.queues.iter().flat_map(|(id, voice)| {
        let message = voice.machine.iter().flat_map(|machine| &machine.message);
        std::iter::once(&voice.greeting).chain(message).map(move |sound| (id, voice, sound))
    });
    let missing = said.filter(|(_, it, sound)| !sound_exists(&it.language, sound));
    missing.map(|(id, _, sound)| (id.clone(), sound.clone())).collect()
}

/// The sentences of our own that a language lacks.
pub fn sounds_missing(language: &Language, sound_exists: SoundExists<'_>) -> Vec<&'static str> {
    SOUNDS.iter().copied().filter(|id| !sound_exists(language, id)).collect()
}

struct Found<'a> {
    id: &'a FlowId,
    errors: &'a mut Vec<FlowError>,
}

impl Found<'_> {
    fn push(&mut self, node: &str, key: impl Into<String>, problem: FlowProblem) {
        let (flow, node, key) = (self.id.clone(), node.to_owned(), key.into());
        self.errors.push(FlowError { flow, node, key, problem });
    }
}

fn check_values(found: &mut Found<'_>, settings: &Settings, name: &str, node: &FlowNode) {
    let keys = match node {
        FlowNode::Say { prompts, .. } => {
            if prompts.is_empty() {
                found.push(name, "prompts", FlowProblem::OutOfRange("at least one sound"));
            }
            None
        }
        FlowNode::Menu { keys, first_digit_timeout, tries, .. } => {
            if keys.is_empty() {
                found.push(name, "keys", FlowProblem::OutOfRange("at least one key"));
            }
            if !(1..=5).contains(tries) {
                found.push(name, "tries", FlowProblem::OutOfRange("1 to 5"));
            }
            if !(1_000..=30_000).contains(&first_digit_timeout.as_millis()) {
                let problem = FlowProblem::OutOfRange("1 to 30 seconds");
                found.push(name, "first_digit_timeout", problem);
            }
            Some(keys)
        }
        FlowNode::Queue(node) => {
            if !settings.queues.contains_key(&node.queue) {
                found.push(name, "queue", FlowProblem::NoSuchQueue(node.queue.clone()));
            }
            if let Some(offer) = &node.offer
                && (offer.after, offer.ewt_above) == (None, None)
                && (offer.position_above, offer.length_above) == (None, None)
            {
                found.push(name, "offer", FlowProblem::OfferNever);
            }
            Some(&node.keys)
        }
        FlowNode::ScheduleCallback { queue, .. } => {
            if let Some(queue) = queue.as_ref().filter(|id| !settings.queues.contains_key(id)) {
                found.push(name, "queue", FlowProblem::NoSuchQueue(queue.clone()));
            }
            None
        }
        FlowNode::AccessCode(node) => {
            check_access_code(found, settings, name, node);
            None
        }
        FlowNode::Transfer(node) => {
            check_transfer(found, settings, name, node);
            None
        }
        FlowNode::OfferCallback { .. } | FlowNode::Hangup { .. } => None,
    };
    for digit in keys.into_iter().flat_map(BTreeMap::keys) {
        if !matches!(digit, '0'..='9' | '*' | '#') {
            found.push(name, format!("keys.{digit}"), FlowProblem::NotAKey(*digit));
        }
    }
}

/// Every prompt in every language of the entries that lead to the flow.
fn check_languages(
    found: &mut Found<'_>,
    settings: &Settings,
    name: &str,
    node: &FlowNode,
    sound_exists: SoundExists<'_>,
) {
    let entries = || settings.entries.iter().filter(|entry| entry.flow == *found.id);
    let mut languages: BTreeSet<Language> =
        entries().flat_map(|entry| entry.languages.clone()).collect();
    if languages.is_empty() {
        languages.insert(Language::default());
    }
    let mut problems = Vec::new();
    let prompts = match node {
        FlowNode::Say { prompts, .. } | FlowNode::Hangup { prompts } => prompts.as_slice(),
        FlowNode::AccessCode(node) => node.prompts.as_slice(),
        FlowNode::Menu { prompts, keys, language, .. } => {
            for (digit, language) in language {
                let key = format!("language.{digit}");
                if !keys.contains_key(digit) {
                    problems.push((key.clone(), FlowProblem::LanguageKeyUnbound));
                }
                if entries().any(|entry| !entry.languages.contains(language)) {
                    problems.push((key, FlowProblem::LanguageNotOfEntry(language.clone())));
                }
            }
            prompts.as_slice()
        }
        FlowNode::Queue(_)
        | FlowNode::OfferCallback { .. }
        | FlowNode::ScheduleCallback { .. }
        | FlowNode::Transfer(_) => &[],
    };
    for prompt in prompts {
        for language in languages.iter().filter(|language| !sound_exists(language, prompt)) {
            let problem = FlowProblem::NoSuchSound(language.clone(), prompt.clone());
            problems.push(("prompts".to_owned(), problem));
        }
    }
    problems.into_iter().for_each(|(key, problem)| found.push(name, key, problem));
}

fn check_transfer(found: &mut Found<'_>, settings: &Settings, name: &str, node: &TransferNode) {
    match settings.queues.get(&node.queue) {
        None => found.push(name, "queue", FlowProblem::NoSuchQueue(node.queue.clone())),
        Some(queue) if queue.addresses.routes(&node.to).is_empty() => {
            found.push(name, "to", FlowProblem::NotPermitted(node.queue.clone()));
        }
        Some(_) => {}
    }
    if !(5_000..=120_000).contains(&node.ring_timeout.as_millis()) {
        found.push(name, "ring_timeout", FlowProblem::OutOfRange("5 to 120 seconds"));
    }
}

fn check_access_code(
    found: &mut Found<'_>,
    settings: &Settings,
    name: &str,
    node: &AccessCodeNode,
) {
    if !settings.groups.contains_key(&node.group) {
        found.push(name, "group", FlowProblem::NoSuchGroup(node.group.clone()));
    }
    if !(1..=5).contains(&node.tries) {
        found.push(name, "tries", FlowProblem::OutOfRange("1 to 5"));
    }
    let is_known = |key: &String| key == "default" || COMBINATIONS.contains(&key.as_str());
    for key in node.matched.keys().filter(|key| !is_known(key)) {
        found.push(name, format!("matched.{key}"), FlowProblem::NotACombination(key.clone()));
    }
    if !node.matched.contains_key("default") {
        found.push(name, "matched", FlowProblem::NoDefault);
    }
}

fn check_exits(found: &mut Found<'_>, flow: &Flow, name: &str, node: &FlowNode) {
    for exit in exits(node) {
        let problem = match (flow.nodes.get(exit.to), exit.kind) {
            (None, _) => FlowProblem::NoSuchNode(exit.to.to_owned()),
            (Some(FlowNode::OfferCallback { .. }), ExitKind::Offer)
            | (Some(FlowNode::ScheduleCallback { .. }), ExitKind::Schedule) => continue,
            (Some(_), ExitKind::Offer) => FlowProblem::NotAnOffer(exit.to.to_owned()),
            (Some(_), ExitKind::Schedule) => FlowProblem::NotASchedule(exit.to.to_owned()),
            (
                Some(FlowNode::ScheduleCallback { queue: None, .. }),
                ExitKind::AtOnce | ExitKind::Waited,
            ) => FlowProblem::ScheduleWithoutQueue(exit.to.to_owned()),
            (Some(FlowNode::OfferCallback { .. }), ExitKind::AtOnce | ExitKind::Waited) => {
                FlowProblem::OfferOutsideQueue
            }
            (Some(_), ExitKind::AtOnce | ExitKind::Waited) => continue,
        };
        found.push(name, exit.key, problem);
    }
    if let FlowNode::Queue(QueueNode { queue, offer: Some(offer), .. }) = node
        && let Some(FlowNode::OfferCallback { schedule: Some(to), .. }) =
            flow.nodes.get(&offer.node)
        && let Some(FlowNode::ScheduleCallback { queue: Some(other), .. }) = flow.nodes.get(to)
        && other != queue
    {
        let problem = FlowProblem::ScheduleElsewhere(other.clone(), queue.clone());
        found.push(name, "offer.node", problem);
    }
}

/// Reached from the start, an end in reach, no circle that waits for nothing.
fn check_shape(found: &mut Found<'_>, flow: &Flow) {
    match flow.nodes.get(&flow.start) {
        Some(FlowNode::OfferCallback { .. }) => {
            found.push("", "start", FlowProblem::OfferOutsideQueue);
        }
        Some(FlowNode::ScheduleCallback { queue: None, .. }) => {
            let problem = FlowProblem::ScheduleWithoutQueue(flow.start.clone());
            found.push("", "start", problem);
        }
        _ => {}
    }
    let reached = reach(flow, &flow.start, |_| true);
    for (name, node) in &flow.nodes {
        if !reached.contains(name.as_str()) {
            found.push(name, "", FlowProblem::Unreachable);
            continue;
        }
        let ends = |name: &str| {
            matches!(
                flow.nodes.get(name),
                Some(
                    FlowNode::Queue(_)
                        | FlowNode::OfferCallback { .. }
                        | FlowNode::ScheduleCallback { .. }
                        | FlowNode::Transfer(_)
                        | FlowNode::Hangup { .. }
                )
            )
        };
        if !reach(flow, name, |_| true).into_iter().any(ends) {
            found.push(name, "", FlowProblem::DeadEnd);
        }
        for exit in exits(node) {
            let at_once = |exit: &Exit<'_>| exit.kind == ExitKind::AtOnce;
            if at_once(&exit) && reach(flow, exit.to, at_once).contains(name.as_str()) {
                found.push(name, exit.key, FlowProblem::LoopWithoutWait);
            }
        }
    }
}

/// The nodes that exist and are reached from one (itself too) by exits of a kind.
fn reach<'a>(flow: &'a Flow, from: &'a str, by: impl Fn(&Exit<'_>) -> bool) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        let Some(node) = flow.nodes.get(name) else { continue };
        if reached.insert(name) {
            open.extend(exits(node).iter().filter(|exit| by(exit)).map(|exit| exit.to));
        }
    }
    reached
}
