//! The flows of the file: nodes by name and kind. What a flow as a whole must satisfy is checked by
//! `calls::flow`; here its findings get their lines.

use std::collections::BTreeMap;

use super::document::{Item, Section};
use super::file::{Names, known, read_expression};
use crate::calls;
use crate::calls::flow::{
    AccessCodeNode, BookingExits, CallbackOffer, Flow, FlowError, FlowNode, FlowProblem, QueueNode,
    SoundExists, TransferNode,
};
use crate::ident::{GroupId, Language, QueueId};
use crate::phone::Address;
use crate::time::Duration;

/// The kind of a node.
#[derive(Clone, Copy)]
enum Kind {
    Say,
    Menu,
    Queue,
    OfferCallback,
    ScheduleCallback,
    AccessCode,
    Transfer,
    Hangup,
}

/// Notes what is wrong with flows as a whole; not for those whose nodes could not be read.
pub(super) fn check(
    root: &mut Section<'_>,
    settings: &calls::Settings,
    known_sounds: SoundExists<'_>,
) {
    for (flow, node, key) in calls::flow::detours(settings) {
        root.warn(
            &format!("flows.{flow}.nodes.{node}.{key}"),
            "whoever comes here does not take the place of a callback that waits",
            "for that, lead to a queue past nodes of kind \"say\" alone",
        );
    }
    let faults = calls::flow::check(settings, known_sounds);
    let leads_nowhere: Vec<_> = faults
        .iter()
        .filter(|fault| matches!(fault.problem, FlowProblem::NoSuchNode(_)))
        .map(|fault| fault.flow.clone())
        .collect();
    let mut found = Vec::new();
    for FlowError { flow, node, key, problem } in faults {
        let follows_from_another = leads_nowhere.contains(&flow);
        let flow = format!("flows.{flow}");
        let told_already = match &problem {
            FlowProblem::NoSuchFlow
            | FlowProblem::NoSuchQueue(_)
            | FlowProblem::NoSuchGroup(_)
            | FlowProblem::OfferNever => true,
            FlowProblem::ScheduleElsewhere(_, queue) => !settings.queues.contains_key(queue),
            FlowProblem::Unreachable | FlowProblem::DeadEnd => follows_from_another,
            FlowProblem::NoSuchNode(_)
            | FlowProblem::NoSuchSound(..)
            | FlowProblem::LanguageNotOfEntry(_)
            | FlowProblem::LanguageKeyUnbound
            | FlowProblem::LoopWithoutWait
            | FlowProblem::OfferOutsideQueue
            | FlowProblem::NotAnOffer(_)
            | FlowProblem::NotASchedule(_)
            | FlowProblem::ScheduleWithoutQueue(_)
            | FlowProblem::NotPermitted(_)
            | FlowProblem::NotACombination(_)
            | FlowProblem::NoDefault
            | FlowProblem::NotAKey(_)
            | FlowProblem::OutOfRange(_) => false,
        };
        if told_already || root.report.is_wrong_within(&flow) {
            continue;
        }
        let within = if node.is_empty() { flow } else { format!("{flow}.nodes.{node}") };
        let whole = key.is_empty() || key == "type";
        let path = if whole { within } else { format!("{within}.{key}") };
        let text = problem.to_string();
        let (wrong, instead) = text.split_once("; ").unwrap_or((&text, "change it"));
        found.push((path, wrong.to_owned(), instead.to_owned()));
    }
    for (path, wrong, instead) in found {
        root.report.error(&path, wrong, instead);
    }
    warn_of_empty_offers(root, settings);
}

fn warn_of_empty_offers(root: &mut Section<'_>, settings: &calls::Settings) {
    for (flow, name, node) in settings
        .flows
        .iter()
        .flat_map(|(flow, tree)| tree.nodes.iter().map(move |(name, node)| (flow, name, node)))
    {
        let FlowNode::Queue(QueueNode { queue, offer: Some(_), .. }) = node else { continue };
        if settings.queues.get(queue).is_none_or(|queue| queue.addresses.is_empty()) {
            root.warn(
                &format!("flows.{flow}.nodes.{name}.offer"),
                format!("queue {queue} may call nobody back, so it is never made"),
                format!("write `callback_countries` or `extensions` in [queues.{queue}]"),
            );
        }
    }
}

pub(super) fn flow(_name: &str, section: &mut Section<'_>, names: &Names) -> Flow {
    let start = section.text("start", "welcome");
    let nodes = section.named("nodes", |_, section| node(section, names));
    Flow { start, nodes: nodes.into_iter().collect() }
}

fn node(section: &mut Section<'_>, names: &Names) -> FlowNode {
    let kinds = [
        ("hangup", Kind::Hangup),
        ("say", Kind::Say),
        ("menu", Kind::Menu),
        ("queue", Kind::Queue),
        ("offer_callback", Kind::OfferCallback),
        ("schedule_callback", Kind::ScheduleCallback),
        ("access_code", Kind::AccessCode),
        ("transfer", Kind::Transfer),
    ];
    if section.is_missing("kind") {
        let words: Vec<_> = kinds.iter().map(|(word, _)| format!("{word:?}")).collect();
        section.error("kind", "is missing", format!("write one of {}", words.join(", ")));
    }
    match section.choice("kind", &kinds) {
        Kind::Say => {
            FlowNode::Say { prompts: section.texts("prompts"), next: section.text("next", "NODE") }
        }
        Kind::Menu => FlowNode::Menu {
            prompts: section.texts("prompts"),
            keys: keys(section),
            language: languages(section),
            first_digit_timeout: section.seconds(
                "first_digit_timeout_seconds",
                1..=30,
                Duration::from_secs(5),
            ),
            tries: section.number("tries", 1..=5, 3),
            timeout: section.text("timeout", "NODE"),
            invalid: section.text("invalid", "NODE"),
        },
        Kind::Queue => FlowNode::Queue(queue(section, names)),
        Kind::OfferCallback => FlowNode::OfferCallback {
            exits: booking_exits(section),
            schedule: section.text_if("schedule"),
        },
        Kind::ScheduleCallback => {
            let queue = section.text_if("queue");
            if let Some(queue) = &queue {
                known(section, "queue", "queue", queue, &names.queues);
            }
            let queue = queue.map(|name| QueueId::new(&name));
            FlowNode::ScheduleCallback { queue, exits: booking_exits(section) }
        }
        Kind::AccessCode => FlowNode::AccessCode(access_code(section, names)),
        Kind::Transfer => transfer(section, names),
        Kind::Hangup => FlowNode::Hangup { prompts: section.texts("prompts") },
    }
}

fn transfer(section: &mut Section<'_>, names: &Names) -> FlowNode {
    let wanted = "a number or an extension: \"+14155550123\", \"1002\"";
    if section.is_missing("to") {
        section.error("to", "is missing", format!("write {wanted}"));
    }
    let to = section.parsed_if("to", Address::parse, wanted);
    let queue = section.text("queue", "support");
    if !queue.is_empty() {
        known(section, "queue", "queue", &queue, &names.queues);
    }
    let queue = QueueId::new(&queue);
    let ring_timeout = section.seconds("ring_timeout_seconds", 5..=120, Duration::from_secs(30));
    let failed = section.text_if("failed");
    match to {
        Some(to) => FlowNode::Transfer(TransferNode { to, queue, ring_timeout, failed }),
        // That was told: nothing is done with this flow.
        None => FlowNode::Hangup { prompts: Vec::new() },
    }
}

fn access_code(section: &mut Section<'_>, names: &Names) -> AccessCodeNode {
    let group = section.text("group", "app");
    if !group.is_empty() {
        known(section, "group", "call_in_group", &group, &names.call_in_groups);
    }
    let wanted = "COMBINATION = \"NODE\"";
    AccessCodeNode {
        group: GroupId::new(&group),
        prompts: section.texts("prompts"),
        tries: section.number("tries", 1..=5, 3),
        matched: section
            .values("matched", wanted, |_, item| item.text().ok())
            .into_iter()
            .collect(),
        failed: section.text_if("failed"),
        locked: section.text_if("locked"),
    }
}

fn booking_exits(section: &mut Section<'_>) -> BookingExits {
    BookingExits { declined: section.text_if("declined"), refused: section.text_if("refused") }
}

fn queue(section: &mut Section<'_>, names: &Names) -> QueueNode {
    let queue = section.text("queue", "support");
    if !queue.is_empty() {
        known(section, "queue", "queue", &queue, &names.queues);
    }
    let longest = section.seconds_if("max_wait_seconds", 1..=86_400);
    let exit = section.text_if("max_wait");
    let max_wait = match (longest, exit) {
        (Some(longest), Some(exit)) => Some((longest, exit)),
        (None, None) => None,
        (Some(_), None) => {
            section.error("max_wait_seconds", "leads nowhere", "write `max_wait = \"NODE\"` too");
            None
        }
        (None, Some(_)) => {
            section.error("max_wait", "is never reached", "write `max_wait_seconds` too");
            None
        }
    };
    QueueNode {
        queue: QueueId::new(&queue),
        skills: read_expression(section).map(|expression| expression.to_string()),
        priority: section.number("priority", -100..=100, 0),
        announce_every: section.seconds_if("announce_every_seconds", 10..=3600),
        offer: section.section_if("offer", offer),
        closed: section.text_if("closed"),
        full: section.text_if("full"),
        no_agents: section.text_if("no_agents"),
        max_wait,
        keys: keys(section),
        after_call: section.text_if("after_call"),
    }
}

fn offer(section: &mut Section<'_>) -> CallbackOffer {
    let offer = CallbackOffer {
        node: section.text("node", "NODE"),
        after: section.seconds_if("after_seconds", 0..=3600),
        ewt_above: section.seconds_if("ewt_above_seconds", 0..=86_400),
        position_above: section.number_if("position_above", 0..=100_000),
        length_above: section.number_if("length_above", 0..=100_000),
        again_after: section.seconds_if("again_after_seconds", 10..=3600),
    };
    let by_line = offer.position_above.or(offer.length_above);
    if offer.after.is_none() && offer.ewt_above.is_none() && by_line.is_none() {
        let path = section.path.clone();
        section.report.error(
            &path,
            "is never made",
            "write `after_seconds`, `ewt_above_seconds`, `position_above` or `length_above`",
        );
    }
    offer
}

fn keys(section: &mut Section<'_>) -> BTreeMap<char, String> {
    let wanted = "DIGIT = \"NODE\", a digit of 0-9, \"*\", \"#\"";
    section.values("keys", wanted, by_digit).into_iter().map(|(_, key)| key).collect()
}

fn languages(section: &mut Section<'_>) -> BTreeMap<char, Language> {
    let wanted = "DIGIT = \"LANGUAGE\", a digit of 0-9, \"*\", \"#\"";
    let languages = section.values("language", wanted, by_digit).into_iter();
    languages.map(|(_, (digit, tag))| (digit, Language::new(&tag))).collect()
}

fn by_digit(name: &str, item: Item) -> Option<(char, String)> {
    let mut chars = name.chars();
    let digit = chars.next().filter(|c| "0123456789*#".contains(*c))?;
    let alone = chars.next().is_none();
    item.text().ok().filter(|_| alone).map(|text| (digit, text))
}
