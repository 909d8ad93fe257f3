//! Flows as data: small trees that a caller walks, checked at load by [`check`].
//!
//! It must not run a flow: `inbound` does, and relies on what is checked here.

use std::collections::{BTreeMap, BTreeSet};

use crate::ident::{FlowId, QueueId};
use crate::phone::{AddressPolicy, Dnis, Pattern};
use crate::time::Duration;

/// What calls are told by the configuration.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Settings {
    /// Which flow answers which number; the first match wins.
    pub entries: Vec<Entry>,
    /// The flows.
    pub flows: BTreeMap<FlowId, Flow>,
    /// What a call needs to know of a queue.
    pub queues: BTreeMap<QueueId, QueueVoice>,
}

impl Settings {
    /// Whom the queues of the flow that answers `dnis` may call back.
    pub fn policies(&self, dnis: &Dnis) -> Vec<&AddressPolicy> {
        let entry = self.entries.iter().find(|entry| entry.dnis.matches(dnis.expose()));
        let flow = entry.and_then(|entry| self.flows.get(&entry.flow));
        let mut policies = Vec::new();
        for node in flow.into_iter().flat_map(|flow| flow.nodes.values()) {
            if let FlowNode::Queue(node) = node
                && let Some(queue) = self.queues.get(&node.queue)
            {
                policies.push(&queue.addresses);
            }
        }
        policies
    }
}

/// Binds a number, or a pattern, to a flow.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// What was called.
    pub dnis: Pattern,
    /// The flow.
    pub flow: FlowId,
}

/// A tree of nodes by name.
#[derive(Clone, PartialEq, Debug)]
pub struct Flow {
    /// The first node.
    pub start: String,
    /// The nodes.
    pub nodes: BTreeMap<String, FlowNode>,
}

/// A node and its exits; an exit names a node.
#[derive(Clone, PartialEq, Debug)]
pub enum FlowNode {
    /// Plays prompts.
    Say {
        /// Ids in `sounds/`.
        prompts: Vec<String>,
        /// After them.
        next: String,
    },
    /// Plays prompts and takes one digit, during them too.
    Menu {
        /// Ids in `sounds/`.
        prompts: Vec<String>,
        /// By digit.
        keys: BTreeMap<char, String>,
        /// Silence after the prompts, 1 to 30 s.
        first_digit_timeout: Duration,
        /// How often it is played before `timeout` or `invalid` is taken, 1 to 5.
        tries: u8,
        /// No digit in any try.
        timeout: String,
        /// An unbound digit in the last try.
        invalid: String,
    },
    /// Waits for an agent.
    Queue(QueueNode),
    /// Offers a callback to a caller who waits; only reached from a queue node's offer.
    OfferCallback {
        /// After the goodbye the call ends; nothing follows.
        /// No, or no key: a node; `None`: back to waiting, at the same place.
        declined: Option<String>,
        /// Not permitted: the reason is spoken; a node; `None`: back to waiting.
        refused: Option<String>,
    },
    /// Plays prompts and hangs up.
    Hangup {
        /// Ids in `sounds/`; may be empty.
        prompts: Vec<String>,
    },
}

/// A `queue` node.
#[derive(Clone, PartialEq, Debug)]
pub struct QueueNode {
    /// Which queue.
    pub queue: QueueId,
    /// A skill expression, checked at load; `None`: the queue's default.
    pub skills: Option<String>,
    /// Higher goes first.
    pub priority: i16,
    /// Position and EWT are said at this interval; `None`: never.
    pub announce_every: Option<Duration>,
    /// The callback offer; `None`: never.
    pub offer: Option<CallbackOffer>,
    /// Exits by condition. Defaults: `closed`, `full`, `no_agents`: say so and hang up (`no_agents`
    /// unbound: wait on); `after_call`: hang up.
    pub closed: Option<String>,
    /// See `closed`.
    pub full: Option<String>,
    /// See `closed`.
    pub no_agents: Option<String>,
    /// The longest wait and where it leads; `None`: no limit.
    pub max_wait: Option<(Duration, String)>,
    /// Keys pressed while waiting, outside the offer.
    pub keys: BTreeMap<char, String>,
    /// See `closed`.
    pub after_call: Option<String>,
}

/// When and where a callback is offered: when any threshold is passed.
#[derive(Clone, PartialEq, Debug)]
pub struct CallbackOffer {
    /// The `offer_callback` node.
    pub node: String,
    /// Time on hold.
    pub after: Option<Duration>,
    /// Estimated wait above this; an unknown one passes.
    pub ewt_above: Option<Duration>,
    /// Position in the queue above this.
    pub position_above: Option<u32>,
    /// Offered again after a refusal; `None`: once.
    pub again_after: Option<Duration>,
}

/// What a call needs to know of a queue.
#[derive(Clone, PartialEq, Debug)]
pub struct QueueVoice {
    /// Whom it may call back: which callers are offered a callback.
    pub addresses: AddressPolicy,
    /// The prompt that tells an answered consumer who calls, before "press 1"; an id in `sounds/`.
    pub greeting: String,
    /// 2 on the dialled call: later by so much, 10 to 90 minutes; `None`: not offered.
    pub postpone: Option<Duration>,
    /// 9 on the dialled call: never again; `false`: not offered.
    pub refuse: bool,
}

/// What is wrong with a flow, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}: {problem}", self.place())]
pub struct FlowError {
    /// The flow.
    pub flow: FlowId,
    /// The node; empty: the flow itself, or an entry that names it.
    pub node: String,
    /// The key, as the node's field is named here; exits by digit as `keys.5`; empty: the node.
    pub key: String,
    /// What, and what to do instead.
    pub problem: FlowProblem,
}

/// What is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FlowProblem {
    /// An entry names no flow.
    #[error("an entry leads to this flow, which does not exist; define it or change the entry")]
    NoSuchFlow,
    /// An exit names no node.
    #[error("there is no node {0:?}; define it or name another")]
    NoSuchNode(String),
    /// A prompt has no sound.
    #[error("there is no sound {0:?}; add sounds/en/{0}.wav or name another")]
    NoSuchSound(String),
    /// No such queue.
    #[error("there is no queue {0}; define it or name another")]
    NoSuchQueue(QueueId),
    /// Nothing leads to the node.
    #[error("nothing leads to this node; bind an exit to it or remove it")]
    Unreachable,
    /// From the node no end can be reached.
    #[error("no way leads to a queue or hangup node; bind an exit to one")]
    DeadEnd,
    /// Nodes follow each other in a circle without waiting for the caller.
    #[error("leads back here without a key or a wait; let it lead elsewhere")]
    LoopWithoutWait,
    /// An exit leads into an offer.
    #[error("only the offer of a queue may lead to an offer_callback; name another")]
    OfferOutsideQueue,
    /// A queue's offer leads elsewhere.
    #[error("{0:?} is not an offer_callback node; name one")]
    NotAnOffer(String),
    /// An offer that no threshold triggers.
    #[error("is never made; set after, ewt_above or position_above")]
    OfferNever,
    /// Not a key of a telephone.
    #[error("{0:?} is not a key; use 0 to 9, * or #")]
    NotAKey(char),
    /// Out of its range.
    #[error("is out of its range; write {0}")]
    OutOfRange(&'static str),
}

/// Everything wrong with the entries and flows, by flow and node; empty: nothing. What passes has
/// no dead end, and no exit, prompt or queue that does not exist.
pub fn check(settings: &Settings, sound_exists: &dyn Fn(&str) -> bool) -> Vec<FlowError> {
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
            check_values(&mut found, settings, name, node, sound_exists);
            check_exits(&mut found, flow, name, node);
        }
        check_shape(&mut found, flow);
    }
    errors
}

/// The queues whose greeting has no sound, and that greeting.
pub fn greetings_missing(
    settings: &Settings,
    sound_exists: &dyn Fn(&str) -> bool,
) -> Vec<(QueueId, String)> {
    let greetings = settings.queues.iter().map(|(id, voice)| (id.clone(), voice.greeting.clone()));
    greetings.filter(|(_, greeting)| !sound_exists(greeting)).collect()
}

/// The flow as a tree of text: each node once, with its exits, those left to their default in
/// parentheses; further mentions by name.
pub fn tree(flow: &Flow) -> String {
    let mut text = String::new();
    let mut seen = BTreeSet::new();
    print(flow, &flow.start, "", 0, &mut seen, &mut text);
    text
}

struct Found<'a> {
    id: &'a FlowId,
    errors: &'a mut Vec<FlowError>,
}

impl FlowError {
    fn place(&self) -> String {
        let mut place = format!("flow {}", self.flow);
        if !self.node.is_empty() {
            place.push_str(&format!(", node {}", self.node));
        }
        if !self.key.is_empty() {
            place.push_str(&format!(", {}", self.key));
        }
        place
    }
}

impl Found<'_> {
    fn push(&mut self, node: &str, key: impl Into<String>, problem: FlowProblem) {
        let (flow, node, key) = (self.id.clone(), node.to_owned(), key.into());
        self.errors.push(FlowError { flow, node, key, problem });
    }
}

/// An exit of a node.
struct Exit<'a> {
    key: String,
    to: &'a str,
    kind: ExitKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ExitKind {
    /// Taken at once, or after prompts.
    AtOnce,
    /// Taken after a key or a wait.
    Waited,
    /// Not an exit: the offer that a queue makes.
    Offer,
}

fn exits(node: &FlowNode) -> Vec<Exit<'_>> {
    let exit = |key: &str, to, kind| Exit { key: key.to_owned(), to, kind };
    match node {
        FlowNode::Say { next, .. } => vec![exit("next", next, ExitKind::AtOnce)],
        FlowNode::Menu { keys, timeout, invalid, .. } => digits(keys)
            .chain([
                exit("timeout", timeout, ExitKind::Waited),
                exit("invalid", invalid, ExitKind::Waited),
            ])
            .collect(),
        FlowNode::Queue(node) => {
            let at_once =
                [("closed", &node.closed), ("full", &node.full), ("no_agents", &node.no_agents)];
            let at_once = at_once
                .into_iter()
                .filter_map(|(key, to)| to.as_ref().map(|to| exit(key, to, ExitKind::AtOnce)));
            let longest = node.max_wait.as_ref().map(|(_, to)| to);
            let waited = [("max_wait", longest), ("after_call", node.after_call.as_ref())];
            let waited = waited
                .into_iter()
                .filter_map(|(key, to)| to.map(|to| exit(key, to, ExitKind::Waited)));
            let offer = node.offer.as_ref().map(|o| exit("offer.node", &o.node, ExitKind::Offer));
            at_once.chain(waited).chain(digits(&node.keys)).chain(offer).collect()
        }
        FlowNode::OfferCallback { declined, refused } => {
            [("declined", declined), ("refused", refused)]
                .into_iter()
                .filter_map(|(key, to)| to.as_ref().map(|to| exit(key, to, ExitKind::Waited)))
                .collect()
        }
        FlowNode::Hangup { .. } => Vec::new(),
    }
}

fn digits(keys: &BTreeMap<char, String>) -> impl Iterator<Item = Exit<'_>> {
    keys.iter().map(|(digit, to)| Exit { key: format!("keys.{digit}"), to, kind: ExitKind::Waited })
}

fn check_values(
    found: &mut Found<'_>,
    settings: &Settings,
    name: &str,
    node: &FlowNode,
    sound_exists: &dyn Fn(&str) -> bool,
) {
    let (prompts, keys) = match node {
        FlowNode::Say { prompts, .. } => {
            if prompts.is_empty() {
                found.push(name, "prompts", FlowProblem::OutOfRange("at least one sound"));
            }
            (Some(prompts), None)
        }
        FlowNode::Menu { prompts, keys, first_digit_timeout, tries, .. } => {
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
            (Some(prompts), Some(keys))
        }
        FlowNode::Queue(node) => {
            if !settings.queues.contains_key(&node.queue) {
                found.push(name, "queue", FlowProblem::NoSuchQueue(node.queue.clone()));
            }
            if let Some(offer) = &node.offer
                && (offer.after, offer.ewt_above, offer.position_above) == (None, None, None)
            {
                found.push(name, "offer", FlowProblem::OfferNever);
            }
            (None, Some(&node.keys))
        }
        FlowNode::OfferCallback { .. } => (None, None),
        FlowNode::Hangup { prompts } => (Some(prompts), None),
    };
    for prompt in prompts.into_iter().flatten().filter(|prompt| !sound_exists(prompt)) {
        found.push(name, "prompts", FlowProblem::NoSuchSound(prompt.clone()));
    }
    for digit in keys.into_iter().flat_map(BTreeMap::keys) {
        if !matches!(digit, '0'..='9' | '*' | '#') {
            found.push(name, format!("keys.{digit}"), FlowProblem::NotAKey(*digit));
        }
    }
}

fn check_exits(found: &mut Found<'_>, flow: &Flow, name: &str, node: &FlowNode) {
    for exit in exits(node) {
        let problem = match (flow.nodes.get(exit.to), exit.kind) {
            (None, _) => FlowProblem::NoSuchNode(exit.to.to_owned()),
            (Some(FlowNode::OfferCallback { .. }), ExitKind::Offer) => continue,
            (Some(_), ExitKind::Offer) => FlowProblem::NotAnOffer(exit.to.to_owned()),
            (Some(FlowNode::OfferCallback { .. }), ExitKind::AtOnce | ExitKind::Waited) => {
                FlowProblem::OfferOutsideQueue
            }
            (Some(_), ExitKind::AtOnce | ExitKind::Waited) => continue,
        };
        found.push(name, exit.key, problem);
    }
}

/// Reached from the start, an end in reach, no circle that waits for nothing.
fn check_shape(found: &mut Found<'_>, flow: &Flow) {
    if matches!(flow.nodes.get(&flow.start), Some(FlowNode::OfferCallback { .. })) {
        found.push("", "start", FlowProblem::OfferOutsideQueue);
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
                Some(FlowNode::Queue(_) | FlowNode::OfferCallback { .. } | FlowNode::Hangup { .. })
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
        Some(FlowNode::Menu { prompts, .. }) => format!("menu {}", prompts.join(" ")),
        Some(FlowNode::Queue(node)) => format!("queue {}", node.queue),
        Some(FlowNode::OfferCallback { .. }) => "offer_callback".to_owned(),
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

/// The exits that lead to no node, and what happens at them.
fn unbound(node: &FlowNode) -> Vec<(&'static str, &'static str)> {
    let free = |bound: &Option<String>, key, what| bound.is_none().then_some((key, what));
    match node {
        FlowNode::Queue(node) => [
            free(&node.closed, "closed", "it is said, and the call ends"),
            free(&node.full, "full", "it is said, and the call ends"),
            free(&node.no_agents, "no_agents", "the caller waits"),
            free(&node.after_call, "after_call", "the call ends"),
        ]
        .into_iter()
        .flatten()
        .collect(),
        FlowNode::OfferCallback { declined, refused } => [
            Some(("registered", "it is said, and the call ends")),
            free(declined, "declined", "back to the music, at the same place"),
            free(refused, "refused", "it is said, and back to the music, at the same place"),
        ]
        .into_iter()
        .flatten()
        .collect(),
        FlowNode::Say { .. } | FlowNode::Menu { .. } | FlowNode::Hangup { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::calls::stage::settings;

    fn exists(sound: &str) -> bool {
        matches!(sound, "welcome" | "which" | "bye" | "thanks" | "greeting")
    }

    fn main_flow(settings: &mut Settings) -> &mut Flow {
        settings.flows.get_mut(&FlowId::new("main")).unwrap()
    }

    /// The errors after one change of a flow that has none.
    fn broken(change: impl FnOnce(&mut BTreeMap<String, FlowNode>)) -> String {
        let mut settings = settings();
        change(&mut main_flow(&mut settings).nodes);
        let errors = check(&settings, &exists);
        errors.iter().map(|error| format!("{error}\n").replace(": ", "\n    ")).collect()
    }

    fn queue(nodes: &mut BTreeMap<String, FlowNode>) -> &mut QueueNode {
        match nodes.get_mut("billing") {
            Some(FlowNode::Queue(node)) => node,
            other => panic!("{other:?}"),
        }
    }

    fn say(next: &str) -> FlowNode {
        FlowNode::Say { prompts: vec!["welcome".to_owned()], next: next.to_owned() }
    }

    #[test]
    fn a_sound_flow_has_no_errors() {
        assert_eq!(check(&settings(), &exists), []);
        assert_eq!(greetings_missing(&settings(), &exists), []);
        assert_eq!(greetings_missing(&settings(), &|_| false).len(), 2);
    }

    #[test]
    fn a_called_number_tells_whom_its_queues_may_call() {
        let mut settings = settings();
        let called = |settings: &Settings, dnis| settings.policies(&Dnis::new(dnis)).len();
        assert_eq!((called(&settings, "700"), called(&settings, "800")), (2, 0));
        settings.queues.remove(&QueueId::new("plain"));
        assert_eq!(called(&settings, "700"), 1);
    }

    type Change = fn(&mut BTreeMap<String, FlowNode>);

    fn all_broken(changes: &[Change]) -> String {
        changes.iter().map(broken).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_wrong_value_is_named_with_its_place_and_remedy() {
        let changes: &[Change] = &[
            |nodes| queue(nodes).queue = QueueId::new("gone"),
            |nodes| queue(nodes).keys = [('A', "bye".to_owned())].into(),
            |nodes| {
                let offer = queue(nodes).offer.as_mut().unwrap();
                (offer.after, offer.ewt_above, offer.position_above) = (None, None, None);
            },
            |nodes| {
                let prompts = vec!["huh".to_owned()];
                nodes.insert("bye".to_owned(), FlowNode::Hangup { prompts });
            },
            |nodes| {
                if let Some(FlowNode::Menu { keys, first_digit_timeout, tries, .. }) =
                    nodes.get_mut("menu")
                {
                    keys.retain(|_, to| to == "plain");
                    (*first_digit_timeout, *tries) = (Duration::from_secs(31), 6);
                }
            },
        ];
        expect![[r#"
            flow main, node billing, queue
                there is no queue gone; define it or name another

            flow main, node billing, keys.A
                'A' is not a key; use 0 to 9, * or #

            flow main, node billing, offer
                is never made; set after, ewt_above or position_above

            flow main, node bye, prompts
                there is no sound "huh"; add sounds/en/huh.wav or name another

            flow main, node menu, tries
                is out of its range; write 1 to 5
            flow main, node menu, first_digit_timeout
                is out of its range; write 1 to 30 seconds
        "#]]
        .assert_eq(&all_broken(changes));
    }

    #[test]
    fn a_wrong_shape_is_named_with_its_place_and_remedy() {
        let changes: &[Change] = &[
            |nodes| queue(nodes).closed = Some("nowhere".to_owned()),
            |nodes| queue(nodes).offer.as_mut().unwrap().node = "bye".to_owned(),
            |nodes| queue(nodes).no_agents = Some("offer".to_owned()),
            |nodes| {
                nodes.insert("island".to_owned(), say("bye"));
            },
            |nodes| {
                nodes.insert("survey".to_owned(), say("again"));
                nodes.insert("again".to_owned(), say("survey"));
            },
            |nodes| {
                nodes.insert("sorry".to_owned(), say("billing"));
                queue(nodes).full = Some("sorry".to_owned());
            },
        ];
        expect![[r#"
            flow main, node billing, closed
                there is no node "nowhere"; define it or name another

            flow main, node billing, offer.node
                "bye" is not an offer_callback node; name one
            flow main, node offer
                nothing leads to this node; bind an exit to it or remove it

            flow main, node billing, no_agents
                only the offer of a queue may lead to an offer_callback; name another

            flow main, node island
                nothing leads to this node; bind an exit to it or remove it

            flow main, node again
                no way leads to a queue or hangup node; bind an exit to one
            flow main, node again, next
                leads back here without a key or a wait; let it lead elsewhere
            flow main, node survey
                no way leads to a queue or hangup node; bind an exit to one
            flow main, node survey, next
                leads back here without a key or a wait; let it lead elsewhere

            flow main, node billing, full
                leads back here without a key or a wait; let it lead elsewhere
            flow main, node sorry, next
                leads back here without a key or a wait; let it lead elsewhere
        "#]]
        .assert_eq(&all_broken(changes));
    }

    #[test]
    fn an_entry_or_start_that_leads_nowhere_is_named() {
        let mut settings = settings();
        settings.entries[0].flow = FlowId::new("other");
        main_flow(&mut settings).start = "nowhere".to_owned();
        let errors = check(&settings, &exists);
        let named = |node: &str, key: &str| errors.iter().any(|e| e.node == node && e.key == key);
        assert!(named("", "entry \"7*\"") && named("", "start"), "{errors:?}");
    }

    #[test]
    fn a_tree_names_each_node_once() {
        let mut settings = settings();
        expect![[r#"
            start: say welcome
              next -> menu: menu which
                keys.1 -> billing: queue billing
                  closed -> bye: hangup bye
                  full -> bye: (above)
                  no_agents -> bye: (above)
                  max_wait -> bye: (above)
                  after_call -> survey: say thanks
                    next -> bye: (above)
                  keys.0 -> bye: (above)
                  offer.node -> offer: offer_callback
                    registered -> (it is said, and the call ends)
                    declined -> (back to the music, at the same place)
                    refused -> (it is said, and back to the music, at the same place)
                keys.2 -> plain: queue plain
                  closed -> (it is said, and the call ends)
                  full -> (it is said, and the call ends)
                  no_agents -> (the caller waits)
                  after_call -> (the call ends)
                timeout -> billing: (above)
                invalid -> bye: (above)
        "#]]
        .assert_eq(&tree(main_flow(&mut settings)));
    }
}
