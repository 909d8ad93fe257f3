//! Queue events per CPU-second: 20 queues, 64 expressions over 12 skills, 500 agents of whom a
//! tenth serve all queues, 10,000 waiting; 40 % arrivals (half virtual), 40 % Ready and after-call
//! work, 20 % ends.

use std::collections::BTreeMap;
use std::time::Duration;

use ringback::ident::{AgentId, AttemptId, Entropy, InteractionId, NodeId, QueueId, Route};
use ringback::phone::{Address, AddressPolicy, Pattern};
use ringback::queue::contact::ContactSettings;
use ringback::queue::event::{BridgeEnd, RetryClass, When};
use ringback::queue::skill::{SkillExpression, Skills};
use ringback::queue::{
    AgentSettings, EarlyHangup, Effect, Event, Hours, Queue, QueueSettings, Settings,
};
use ringback::time::Timestamp;

use crate::cpu;

const QUEUES: u64 = 20;
const EXPRESSIONS: usize = 64;
const SKILLS: u64 = 12;
const AGENTS: u64 = 500;
const WAITING: usize = 10_000;
const EVENTS: u32 = 1_000_000;
/// Events per CPU-second that we aim at.
const GOAL: f64 = 200_000.0;

/// Prints the figure.
pub(crate) fn run() {
    let mut floor = Floor::new();
    floor.fill();
    let before = cpu::own();
    for _ in 0..EVENTS {
        floor.step();
    }
    let spent = (cpu::own() - before).as_secs_f64();
    let rate = f64::from(EVENTS) / spent;
    println!(
        "queue: {rate:.0} events per CPU-second ({EVENTS} events, {} waiting, {} alerts, {} dials) \
         (goal {GOAL}, ratio {:.2})",
        floor.queue.interactions().count(),
        floor.alerts,
        floor.dials,
        rate / GOAL
    );
}

/// A contact centre whose people do what they are asked.
struct Floor {
    queue: Queue,
    random: Entropy,
    now: Timestamp,
    expressions: Vec<SkillExpression>,
    waiting: i64,
    /// What the people of the floor will do next: answers, confirmations.
    answers: Vec<Event>,
    /// Calls that go on, with whom, and whether they were dialled.
    bridged: Vec<(InteractionId, AgentId, Option<AttemptId>)>,
    attempts: BTreeMap<InteractionId, AttemptId>,
    wrapping: Vec<AgentId>,
    away: Vec<AgentId>,
    alerts: u32,
    dials: u32,
}

impl Floor {
    fn new() -> Self {
        let mut random = Entropy::from_number(1);
        let queues = (0..QUEUES).map(|n| (queue_id(n), queue_settings())).collect();
        let agents = (0..AGENTS).map(|n| (agent_id(n), agent(&mut random, n))).collect();
        let expressions = (0..EXPRESSIONS).map(|n| expression(&mut random, n)).collect();
        let mut queue =
            Queue::new(Settings { queues, agents, ..Settings::default() }, NodeId::new("bench"));
        let now = Timestamp::from_seconds(1_800_000_000);
        for n in 0..AGENTS {
            queue.handle(now, Event::AgentLoggedIn { agent: agent_id(n), ready: false });
            let agent = agent_id(n);
            queue.handle(now, Event::ContactChecked { agent, reachable: true });
        }
        for n in 0..QUEUES {
            let free = vec![(Route::Registrar, 1_000_000)];
            queue.handle(now, Event::DialCapacity { queue: queue_id(n), free });
        }
        let away = (0..AGENTS).map(agent_id).collect();
        Self {
            queue,
            random,
            now,
            expressions,
            waiting: 0,
            answers: Vec::new(),
            bridged: Vec::new(),
            attempts: BTreeMap::new(),
            wrapping: Vec::new(),
            away,
            alerts: 0,
            dials: 0,
        }
    }

    fn fill(&mut self) {
        for _ in 0..WAITING {
            let arrival = self.arrival();
            self.handle(arrival);
        }
    }

    /// One event of the mix; where its kind has nothing to do, or enough wait already, another kind
    /// stands in for it.
    fn step(&mut self) {
        self.now += Duration::from_millis(5);
        let event = match self.random.below(10) {
            0..=3 if self.waiting <= WAITING as i64 => Some(self.arrival()),
            0..=3 => self.work().or_else(|| self.end()),
            4..=7 => self.work(),
            _ => self.end(),
        };
        let event = event.or_else(|| self.end()).or_else(|| self.work());
        let event = event.unwrap_or_else(|| self.arrival());
        self.handle(event);
    }

    fn arrival(&mut self) -> Event {
        self.waiting += 1;
        let interaction = InteractionId::draw(&mut self.random);
        let queue = queue_id(self.random.below(QUEUES));
        let which = self.random.below(EXPRESSIONS as u64) as usize;
        let skills = Some(self.expressions[which].clone());
        if self.random.below(2) == 0 {
            let node = NodeId::new("bench");
            Event::CallArrived {
                interaction,
                queue,
                skills,
                priority: 0,
                address: None,
                node,
                attached: None,
            }
        } else {
            let address = address(&mut self.random);
            Event::CallbackRequested {
                interaction,
                queue,
                skills,
                priority: 0,
                address: Some(address),
                when: When::Now,
                notify: false,
                attached: None,
            }
        }
    }

    fn work(&mut self) -> Option<Event> {
        if let Some(answer) = self.answers.pop() {
            return Some(answer);
        }
        if let Some(agent) = self.wrapping.pop() {
            return Some(Event::AfterCallWorkEnded { agent });
        }
        self.away.pop().map(|agent| Event::AgentReady { agent })
    }

    fn end(&mut self) -> Option<Event> {
        if self.bridged.is_empty() {
            return None;
        }
        let which = self.random.below(self.bridged.len() as u64) as usize;
        let (interaction, agent, attempt) = self.bridged.swap_remove(which);
        self.wrapping.push(agent);
        match attempt {
            Some(attempt) => {
                Some(Event::AttemptEnded { attempt, class: RetryClass::HungUp, rang: true })
            }
            None if self.random.below(2) == 0 => Some(Event::CallerHungUp { interaction }),
            None => Some(Event::BridgeEnded { interaction, cause: BridgeEnd::Agent }),
        }
    }

    fn handle(&mut self, event: Event) {
        for effect in self.queue.handle(self.now, event) {
            match effect {
                Effect::Alert { agent, interaction, .. } => {
                    self.alerts += 1;
                    self.answers.push(Event::AgentAnswered { agent, interaction });
                }
                Effect::Connect { interaction, agent } => {
                    self.waiting -= 1;
                    let attempt = self.attempts.remove(&interaction);
                    self.bridged.push((interaction, agent, attempt));
                }
                Effect::Dial { attempt, .. } => {
                    self.dials += 1;
                    self.attempts.insert(attempt.interaction, attempt);
                    self.answers.push(Event::ConsumerConfirmed { attempt });
                    self.answers.push(Event::AttemptAnswered { attempt });
                }
                Effect::EndAttempt { attempt, reason } => {
                    let class = reason.class();
                    self.answers.push(Event::AttemptEnded { attempt, class, rang: true });
                }
                Effect::NotAdmitted { .. }
                | Effect::CancelAlert { .. }
                | Effect::Disconnect { .. }
                | Effect::Registered { .. }
                | Effect::NotRegistered { .. }
                | Effect::Accepted { .. }
                | Effect::Refused { .. }
                | Effect::TakenOver { .. }
                | Effect::NotTakenOver { .. }
                | Effect::Kept { .. }
                | Effect::Cancelled { .. }
                | Effect::NotCancelled { .. }
                | Effect::CallInGranted { .. }
                | Effect::CallInRefused { .. }
                | Effect::CallInMatched { .. }
                | Effect::CallInUnmatched { .. }
                | Effect::Push { .. }
                | Effect::LeaveQueue { .. }
                | Effect::Release { .. }
                | Effect::AskKeepWaiting { .. } => {}
            }
        }
        // What the server hands to the store; taking it is part of the work.
        std::hint::black_box(self.queue.take_changed());
    }
}

fn queue_id(n: u64) -> QueueId {
    QueueId::new(&format!("queue-{n:02}"))
}

fn agent_id(n: u64) -> AgentId {
    AgentId::new(&format!("agent-{n:03}"))
}

fn address(random: &mut Entropy) -> Address {
    let number = format!("{:09}", random.below(1_000_000_000));
    Address::parse(&number).unwrap_or_else(|| unreachable!("nine digits are an extension"))
}

fn agent(random: &mut Entropy, n: u64) -> AgentSettings {
    let mut skills = Skills::default();
    for skill in 0..SKILLS {
        if random.below(3) == 0 {
            skills.insert(format!("skill{skill}"), 1 + random.below(9) as u8);
        }
    }
    let queues =
        if n.is_multiple_of(10) { Vec::new() } else { vec![queue_id(random.below(QUEUES))] };
    AgentSettings { skills, queues }
}

fn expression(random: &mut Entropy, n: usize) -> SkillExpression {
    let mut skill = || random.below(SKILLS);
    let text = match n % 4 {
        0 => format!("skill{}", skill()),
        1 => format!("skill{} | skill{}", skill(), skill()),
        2 => format!("skill{} >= 3 | skill{}", skill(), skill()),
        _ => format!("skill{} & (skill{} | skill{} >= 2)", skill(), skill(), skill()),
    };
    SkillExpression::parse(&text).unwrap_or_else(|error| unreachable!("{text}: {error}"))
}

fn queue_settings() -> QueueSettings {
    let delay = Duration::from_secs(60);
    let classes = [RetryClass::Busy, RetryClass::NoAnswer, RetryClass::NoConfirm];
    QueueSettings {
        skills: SkillExpression::default(),
        waiting_max: 1_000_000,
        agent_ring_timeout: Duration::from_secs(20),
        misses_max: 2,
        after_call_work: Duration::from_secs(30),
        addresses: AddressPolicy {
            extensions: vec![(Pattern::new("*"), Route::Registrar)],
            ..AddressPolicy::default()
        },
        contact: ContactSettings::default(),
        ring_timeout: Duration::from_secs(30),
        confirm: true,
        confirm_timeout: Duration::from_secs(45),
        answered_wait_max: Duration::from_secs(120),
        hold_trigger: Duration::ZERO,
        boost_percent: 100,
        dials_max: 1_000,
        attempts_max: 3,
        retry_delay: classes.into_iter().map(|class| (class, delay)).collect(),
        purge_after: Duration::from_secs(86_400),
        hours: Hours::RoundTheClock,
        early_hangup: EarlyHangup::Abandon,
        ..QueueSettings::default()
    }
}
