//! A flow as a tree of text, for people.

use std::collections::BTreeSet;

use super::{BookingExits, Flow, FlowNode, exits};

/// The flow as a tree of text: each node once, with its exits, those left to their default in
/// parentheses; further mentions by name.
pub fn tree(flow: &Flow) -> String {
    let mut text = String::new();
    let mut seen = BTreeSet::new();
    print(flow, &flow.start, "", 0, &mut seen, &mut text);
    text
}

fn print<'a>(
    flow: &'a Flow,
    name: &'a str,
    exit: &str,
    depth: usize,
    seen: &mut BTreeSet<&'a str>,
    text: &mut String,
) {
    let (indent, arrow) = ("  ".repeat(depth), if exit.is_empty() { "" } else { " -> " });
    let first = seen.insert(name);
    let kind = match flow.nodes.get(name) {
        None => "(no such node)".to_owned(),
        Some(_) if !first => "(above)".to_owned(),
        Some(FlowNode::Say { prompts, .. }) => format!("say {}", prompts.join(" ")),
        Some(FlowNode::Menu { prompts, tries, .. }) => {
            format!("menu {}, {}", prompts.join(" "), times(*tries))
        }
        Some(FlowNode::Queue(node)) => format!("queue {}", node.queue),
        Some(FlowNode::OfferCallback { .. }) => "offer_callback".to_owned(),
        Some(FlowNode::ScheduleCallback { queue: Some(queue), .. }) => {
            format!("schedule_callback {queue}")
        }
        Some(FlowNode::ScheduleCallback { queue: None, .. }) => "schedule_callback".to_owned(),
        Some(FlowNode::AccessCode(node)) => {
            format!("access_code {}, {}", node.group, times(node.tries))
        }
        Some(FlowNode::Transfer(node)) => {
            format!("transfer {} by {}", node.to.expose(), node.queue)
        }
        Some(FlowNode::Hangup { prompts }) => format!("hangup {}", prompts.join(" ")),
    };
    let line = format!("{indent}{exit}{arrow}{name}: {kind}");
    text.push_str(line.trim_end());
    text.push('\n');
    if let Some(node) = flow.nodes.get(name).filter(|_| first) {
        for exit in exits(node) {
            print(flow, exit.to, &exit.key, depth + 1, seen, text);
        }
        for (key, what) in unbound(node) {
            text.push_str(&format!("{indent}  {key} -> ({what})\n"));
        }
    }
}

/// How often is asked.
fn times(tries: u8) -> String {
    if tries == 1 { "1 try".to_owned() } else { format!("{tries} tries") }
}

/// The exits that lead to no node, and what happens at them.
fn unbound(node: &FlowNode) -> Vec<(&'static str, &'static str)> {
    let free = |bound: &Option<String>, key, what| bound.is_none().then_some((key, what));
    match node {
        FlowNode::Queue(node) => [
            free(&node.closed, "closed", "it is said, and the call ends"),
            free(&node.full, "full", "it is said, and the call ends"),
            free(&node.no_agents, "no_agents", "the caller waits"),
            node.max_wait
                .is_none()
                .then_some(("max_wait", "after 4 hours an apology, and the end")),
            free(&node.after_call, "after_call", "the call ends"),
        ]
        .into_iter()
        .flatten()
        .collect(),
        FlowNode::OfferCallback { exits: BookingExits { declined, refused }, .. } => [
            Some(("registered", "it is said, and the call ends")),
            free(declined, "declined", "back to the music, at the same place"),
            free(refused, "refused", "it is said, and back to the music, at the same place"),
        ]
        .into_iter()
        .flatten()
        .collect(),
        FlowNode::ScheduleCallback { exits: BookingExits { declined, refused }, .. } => [
            Some(("registered", "it is said, and the call ends")),
            free(declined, "declined", "back to the music; outside a queue, the call ends"),
            free(refused, "refused", "back to the music; outside a queue, the call ends"),
        ]
        .into_iter()
        .flatten()
        .collect(),
        FlowNode::AccessCode(node) => [
            free(&node.failed, "failed", "it is said, and the call ends"),
            free(&node.locked, "locked", "it is said, and the call ends"),
        ]
        .into_iter()
        .flatten()
        .collect(),
        FlowNode::Transfer(node) => {
            free(&node.failed, "failed", "it is said, and the call ends").into_iter().collect()
        }
        FlowNode::Say { .. } | FlowNode::Menu { .. } | FlowNode::Hangup { .. } => Vec::new(),
    }
}
