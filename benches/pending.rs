//! A hundred thousand pending callbacks and 500 agents: what a decision takes after Ready, in the
//! worst cases too (an agent who may serve the last of them alone, or nobody), what a callback
//! costs in memory, and how long the core takes to come back from its rows.

use std::fs;
use std::time::{Duration, Instant};

use ringback::ident::{AgentId, InteractionId, NodeId, QueueId, Route, TrunkId};
use ringback::phone::{Address, AddressPolicy, PhoneNumber};
use ringback::queue::event::{NotReadyReason, RetryClass, When};
use ringback::queue::interaction::Attached;
use ringback::queue::skill::SkillExpression;
use ringback::queue::{AgentSettings, Effect, Event, Queue, QueueSettings, Settings};
use ringback::time::Timestamp;

const PENDING: u64 = 100_000;
const AGENTS: u64 = 500;
const QUEUES: u64 = 20;
/// Expressions over which the callbacks are spread; the last of them has one callback.
const EXPRESSIONS: u64 = 64;
const ROUNDS: usize = 5_000;
/// The number that was called where they were asked for.
const CALLED: &str = "+14155550100";
const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// Goals: microseconds at the 99th percentile, bytes a callback, seconds to come back.
const DECISION_US: f64 = 50.0;
const BYTES: f64 = 1024.0;
const RELOAD_S: f64 = 2.0;

/// Prints the figures; did each meet its goal?
pub(crate) fn run() -> bool {
    let settings = settings();
    let mut queue = Queue::new(settings.clone(), node());
    for agent in settings.agents.keys().cloned() {
        queue.handle(START, Event::AgentLoggedIn { agent, ready: false });
    }
    queue.take_changed();
    let before = resident();
    fill(&mut queue);
    let mut met = true;
    let bytes = (resident() - before) / PENDING as f64;
    println!(
        "pending: {bytes:.0} bytes of memory a callback, {PENDING} of them (goal {BYTES}, ratio \
         {:.2})",
        bytes / BYTES
    );
    met &= bytes <= BYTES;
    let cases = [
        ("any of them", agent(1)),
        ("the last of them alone", AgentId::new("last")),
        ("none of them", AgentId::new("nobody")),
    ];
    for (who, agent) in cases {
        let us = decision_us(&mut queue, &agent);
        println!(
            "pending: {us:.1} us to decide after Ready of an agent who may serve {who}, at the \
             99th percentile of {ROUNDS} (goal {DECISION_US}, ratio {:.2})",
            us / DECISION_US
        );
        met &= us <= DECISION_US;
    }
    let rows = queue.rows();
    let started = now();
    let again = Queue::load(settings, node(), rows);
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "pending: {seconds:.2} s to load {} interactions (goal {RELOAD_S}, ratio {:.2})",
        again.interactions().count(),
        seconds / RELOAD_S
    );
    met && seconds <= RELOAD_S
}

/// Every dial fails at once by the carrier, so that the next round finds the same callbacks.
fn decision_us(queue: &mut Queue, agent: &AgentId) -> f64 {
    let mut at = queue.now();
    channels(queue, at);
    let mut took: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            at += Duration::from_millis(1);
            let ready = Event::AgentReady { agent: agent.clone() };
            let started = now();
            let effects = queue.handle(at, ready);
            let took = started.elapsed();
            for effect in effects {
                if let Effect::Dial { attempt, .. } = effect {
                    let class = RetryClass::Carrier;
                    queue.handle(at, Event::AttemptEnded { attempt, class, rang: false });
                }
            }
            let reason = NotReadyReason::Asked;
            queue.handle(at, Event::AgentNotReady { agent: agent.clone(), reason });
            channels(queue, at);
            queue.take_changed();
            took
        })
        .collect();
    took.sort_unstable();
    took[ROUNDS * 99 / 100].as_secs_f64() * 1e6
}

fn channels(queue: &mut Queue, at: Timestamp) {
    for n in 0..QUEUES {
        let free = vec![(carrier(), 1_000)];
        queue.handle(at, Event::DialCapacity { queue: queue_id(n), free });
    }
}

fn queue_id(n: u64) -> QueueId {
    QueueId::new(&format!("queue-{n:02}"))
}

fn fill(queue: &mut Queue) {
    for n in 0..PENDING {
        let last = n + 1 == PENDING;
        let skill = if last { EXPRESSIONS - 1 } else { n % (EXPRESSIONS - 1) };
        let text = format!("skill{skill}");
        let skills = SkillExpression::parse(&text).ok();
        let number = format!("+1415{}{:04}", 200 + n / 10_000, n % 10_000);
        queue.handle(
            START,
            Event::CallbackRequested {
                interaction: InteractionId(u128::from(n + 1)),
                queue: queue_id(n % QUEUES),
                skills,
                priority: 0,
                address: Address::parse(&number),
                when: When::Now,
                notify: true,
                attached: Attached { called: PhoneNumber::parse(CALLED), data: None }.some(),
            },
        );
        queue.take_changed();
    }
}

fn settings() -> Settings {
    let queue = || QueueSettings {
        waiting_max: 1_000_000,
        addresses: AddressPolicy {
            prefixes: vec!["+1".to_owned()],
            trunks: vec![carrier()],
            ..AddressPolicy::default()
        },
        ..QueueSettings::default()
    };
    let queues = (0..QUEUES).map(|n| (queue_id(n), queue()));
    let skilled = |from: u64, to: u64| AgentSettings {
        skills: (from..to).map(|n| (format!("skill{n}"), 5)).collect(),
        queues: Vec::new(),
    };
    let agents = (0..AGENTS).map(|n| (agent(n), skilled(0, EXPRESSIONS - 1)));
    let special = [
        (AgentId::new("last"), skilled(EXPRESSIONS - 1, EXPRESSIONS)),
        (AgentId::new("nobody"), AgentSettings::default()),
    ];
    Settings {
        queues: queues.collect(),
        agents: agents.chain(special).collect(),
        ..Settings::default()
    }
}

fn carrier() -> Route {
    Route::Trunk(TrunkId::new("carrier"))
}

fn agent(n: u64) -> AgentId {
    AgentId::new(&format!("agent-{n:03}"))
}

fn node() -> NodeId {
    NodeId::new("bench")
}

/// Bytes of this process in memory, as the kernel counts pages of 4 KiB.
fn resident() -> f64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or(0.0) * 4096.0
}

#[expect(clippy::disallowed_methods, reason = "a bench measures from outside")]
fn now() -> Instant {
    Instant::now()
}
