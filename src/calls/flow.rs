//! Flows as data: small trees that a caller walks, checked at load by [`check`].
//!
//! It must not run a flow: `inbound` does, and relies on what is checked here.

mod check;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;

use crate::ident::{FlowId, GroupId, Language, QueueId};
use crate::phone::{Address, AddressPolicy, Dnis, Pattern};
use crate::time::Duration;

pub use check::{SoundExists, check, detours, greetings_missing, sounds_missing};
pub use tree::tree;

/// What calls are told by the configuration.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Settings {
    /// Which flow answers which number; the first match wins.
    pub entries: Vec<Entry>,
    /// The flows.
    pub flows: BTreeMap<FlowId, Flow>,
    /// What a call needs to know of a queue.
    pub queues: BTreeMap<QueueId, QueueVoice>,
    /// What a call needs to know of a call-in group.
    pub groups: BTreeMap<GroupId, CodeGroup>,
}

/// What a call needs to know of a call-in group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodeGroup {
    /// Digits of its codes, 4 to 10.
    pub digits: u8,
    /// When a code is asked for.
    pub code: AskCode,
}

/// When a code is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AskCode {
    /// Of every caller.
    Always,
    /// Where the number that calls and the one called tell too little.
    IfNeeded,
    /// Never.
    Off,
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
    /// Those that its callers may be spoken to in; the first until a menu chooses another.
    pub languages: Vec<Language>,
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
        /// The language chosen by a digit, which leads where `keys` says.
        language: BTreeMap<char, Language>,
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
    /// Offers a callback to a caller who waits; only reached from a queue node's offer. After one
    /// that is booked the call ends.
    OfferCallback {
        /// Without one. Defaults: back to waiting, at the same place.
        exits: BookingExits,
        /// The `schedule_callback` node, where a time may be chosen; `None`: as if it had the exits
        /// of this one.
        schedule: Option<String>,
    },
    /// Books a callback at a time that the caller chooses. After it the call ends.
    ScheduleCallback {
        /// Which queue calls back; `None`: only reached from an offer, by the queue waited in.
        queue: Option<QueueId>,
        /// Without one. Defaults: as of `OfferCallback`; outside a queue, goodbye.
        exits: BookingExits,
    },
    /// Finds the call-in request whose promise this call is.
    AccessCode(AccessCodeNode),
    /// Connects the caller with somebody outside the queues.
    Transfer(TransferNode),
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

impl QueueNode {
    /// Waits in a queue with music and nothing else.
    pub fn bare(queue: QueueId) -> Self {
        Self {
            queue,
            skills: None,
            priority: 0,
            announce_every: None,
            offer: None,
            closed: None,
            full: None,
            no_agents: None,
            max_wait: None,
            keys: BTreeMap::new(),
            after_call: None,
        }
    }
}

impl Flow {
    /// How a caller of this flow waits in a queue that no node led into: as in its first node for
    /// that queue, by name, or with music alone.
    pub fn queue_node(&self, queue: &QueueId) -> QueueNode {
        let of_queue = self.nodes.values().find_map(|node| match node {
            FlowNode::Queue(node) if node.queue == *queue => Some(node.clone()),
            FlowNode::Queue(_)
            | FlowNode::Say { .. }
            | FlowNode::Menu { .. }
            | FlowNode::OfferCallback { .. }
            | FlowNode::ScheduleCallback { .. }
            | FlowNode::AccessCode(_)
            | FlowNode::Transfer(_)
            | FlowNode::Hangup { .. } => None,
        });
        of_queue.unwrap_or_else(|| QueueNode::bare(queue.clone()))
    }

    /// The `queue` node that this one leads to past `say` nodes alone, and what those say: the way
    /// of the consumer of a callback, in its place.
    pub fn way_to_queue(&self, from: &str) -> Option<(Vec<String>, &QueueNode)> {
        let (mut said, mut name) = (Vec::new(), from);
        // A flow without loops that wait for nothing has no longer way.
        for _ in 0..self.nodes.len() {
            match self.nodes.get(name)? {
                FlowNode::Say { prompts, next } => {
                    said.extend(prompts.iter().cloned());
                    name = next;
                }
                FlowNode::Queue(node) => return Some((said, node)),
                FlowNode::Menu { .. }
                | FlowNode::OfferCallback { .. }
                | FlowNode::ScheduleCallback { .. }
                | FlowNode::AccessCode(_)
                | FlowNode::Transfer(_)
                | FlowNode::Hangup { .. } => return None,
            }
        }
        None
    }
}

/// An `access_code` node.
#[derive(Clone, PartialEq, Debug)]
pub struct AccessCodeNode {
    /// Among whose requests.
    pub group: GroupId,
    /// Asks for the code: ids in `sounds/`; empty: our own sentence.
    pub prompts: Vec<String>,
    /// Codes that may be keyed in one call, 1 to 5.
    pub tries: u8,
    /// By what agreed ([`COMBINATIONS`]) or `default`, which must be there. A caller whose callback
    /// waits takes its place where this leads to a `queue` node past `say` nodes alone; elsewhere
    /// the callback waits on, and they go there as anybody. A request without a callback is used up
    /// wherever this leads.
    pub matched: BTreeMap<String, String>,
    /// Nobody's call. Default: it is said, and the call ends.
    pub failed: Option<String>,
    /// This caller keyed too many wrong codes lately. Default: it is said, and the call ends.
    pub locked: Option<String>,
}

/// A `transfer` node.
#[derive(Clone, PartialEq, Debug)]
pub struct TransferNode {
    /// A number or an extension that the queue may call.
    pub to: Address,
    /// By whose policy, and over whose trunks.
    pub queue: QueueId,
    /// How long it may ring, 5 to 120 s.
    pub ring_timeout: Duration,
    /// No answer. Default: it is said, and the call ends.
    pub failed: Option<String>,
}

/// In what a call and its request may agree.
pub const COMBINATIONS: [&str; 7] =
    ["code+ani+dnis", "code+ani", "code+dnis", "code", "ani+dnis", "ani", "dnis"];

/// Where a booking leads that ends without a callback.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BookingExits {
    /// No, or no answer.
    pub declined: Option<String>,
    /// It cannot be; the reason was spoken.
    pub refused: Option<String>,
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
    /// More in the queue than this.
    pub length_above: Option<u32>,
    /// Offered again after a refusal; `None`: once.
    pub again_after: Option<Duration>,
}

/// What a call needs to know of a queue.
#[derive(Clone, PartialEq, Debug)]
pub struct QueueVoice {
    /// Whom it may call back: which callers are offered a callback.
    pub addresses: AddressPolicy,
    /// The language that those who are called are spoken to in.
    pub language: Language,
    /// The prompt that tells an answered consumer who calls, before "press 1"; an id in `sounds/`.
    pub greeting: String,
    /// 2 on the dialled call: later by so much, 10 to 90 minutes; `None`: not offered.
    pub postpone: Option<Duration>,
    /// 9 on the dialled call: never again; `false`: not offered.
    pub refuse: bool,
    /// What becomes of answering machines; `None`: nobody listens for them.
    pub machine: Option<MachineVoice>,
}

/// How an answering machine is met on a dialled call.
#[derive(Clone, PartialEq, Debug)]
pub struct MachineVoice {
    /// What is said after its beep, at most 25 s of it; an id in `sounds/`.
    pub message: Option<String>,
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
    #[error("there is no sound {1:?}; record {0}/{1}.wav or name another")]
    NoSuchSound(Language, String),
    /// A menu chooses a language that an entry of the flow does not have.
    #[error("an entry of this flow is not made for {0}; add it to `languages` there")]
    LanguageNotOfEntry(Language),
    /// A language is chosen by a digit that leads nowhere.
    #[error("chooses a language and leads nowhere; bind the key in `keys` too")]
    LanguageKeyUnbound,
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
    /// An offer leads elsewhere to choose a time.
    #[error("{0:?} is not a schedule_callback node; name one")]
    NotASchedule(String),
    /// A booking outside a queue, of which queue?
    #[error("{0:?} names no queue, and nobody waits in one here; write `queue` in it")]
    ScheduleWithoutQueue(String),
    /// The offer of one queue books in another.
    #[error("books in queue {0}, and the caller waits in {1}; leave `queue` out of that node")]
    ScheduleElsewhere(QueueId, QueueId),
    /// An offer that no threshold triggers.
    #[error("is never made; set after, ewt_above, position_above or length_above")]
    OfferNever,
    /// The queue may not call there.
    #[error("queue {0} may not call there; permit it in that queue or name another")]
    NotPermitted(QueueId),
    /// No such group.
    #[error("there is no call-in group {0}; define it or name another")]
    NoSuchGroup(GroupId),
    /// Nothing that can agree.
    #[error("{0:?} is no combination; write `code`, `ani`, `dnis` joined by `+`, or `default`")]
    NotACombination(String),
    /// Some matches lead nowhere.
    #[error("leads nowhere for other combinations; add `default`")]
    NoDefault,
    /// Not a key of a telephone.
    #[error("{0:?} is not a key; use 0 to 9, * or #")]
    NotAKey(char),
    /// Out of its range.
    #[error("is out of its range; write {0}")]
    OutOfRange(&'static str),
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
    /// Not an exit: where an offer lets a time be chosen.
    Schedule,
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
        FlowNode::OfferCallback { exits, schedule } => {
            let schedule = schedule.as_ref().map(|to| exit("schedule", to, ExitKind::Schedule));
            booking_exits(exits).chain(schedule).collect()
        }
        FlowNode::ScheduleCallback { exits, .. } => booking_exits(exits).collect(),
        FlowNode::AccessCode(node) => {
            let matched = node.matched.iter();
            let matched =
                matched.map(|(key, to)| exit(&format!("matched.{key}"), to, ExitKind::AtOnce));
            let others = [("failed", &node.failed), ("locked", &node.locked)].into_iter();
            let others = others
                .filter_map(|(key, to)| to.as_ref().map(|to| exit(key, to, ExitKind::AtOnce)));
            matched.chain(others).collect()
        }
        FlowNode::Transfer(node) => {
            let failed = node.failed.as_ref().map(|to| exit("failed", to, ExitKind::Waited));
            failed.into_iter().collect()
        }
        FlowNode::Hangup { .. } => Vec::new(),
    }
}

fn booking_exits(exits: &BookingExits) -> impl Iterator<Item = Exit<'_>> {
    let bound = [("declined", &exits.declined), ("refused", &exits.refused)].into_iter();
    bound.filter_map(|(key, to)| {
        to.as_ref().map(|to| Exit { key: key.to_owned(), to, kind: ExitKind::Waited })
    })
}

fn digits(keys: &BTreeMap<char, String>) -> impl Iterator<Item = Exit<'_>> {
    keys.iter().map(|(digit, to)| Exit { key: format!("keys.{digit}"), to, kind: ExitKind::Waited })
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
