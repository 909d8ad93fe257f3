//! A day of a queue under a seeded stream of facts, restarts and reloads included, read by the
//! strict reader: field by field, call by call.

use std::collections::BTreeMap;

use super::reader::Reader;
use super::{QueueLog, Settings};
use crate::ident::{AgentId, AttemptId, Entropy, InteractionId, NodeId, QueueId, Route};
use crate::phone::{Address, AddressPolicy, Pattern};
use crate::queue::event::{
    BridgeEnd, DeclineReason, LeftBy, NotReadyReason, RetryClass, WaitChoice, When,
};
use crate::queue::{self, AgentSettings, Changed, Event, Queue, QueueSettings, Stage};
use crate::time::{Duration, Timestamp};

const AGENTS: [&str; 3] = ["ann", "bob", "cyd"];
const QUEUES: [&str; 2] = ["sales", "support"];
const START: Timestamp = Timestamp::from_ms(1_795_339_821_500);

/// A queue, its log, the reader, and what the file holds so far.
struct Day {
    queue: Queue,
    settings: queue::Settings,
    log: QueueLog,
    reader: Reader,
    now: Timestamp,
    entropy: Entropy,
    text: Vec<String>,
}

fn node() -> NodeId {
    NodeId::new("one")
}

fn settings() -> queue::Settings {
    let policy = || QueueSettings {
        addresses: AddressPolicy {
            extensions: vec![(Pattern::new("1???"), Route::Registrar)],
            ..AddressPolicy::default()
        },
        after_call_work: Duration::from_secs(10),
        ..QueueSettings::default()
    };
    let serves = |queues: &[&str]| AgentSettings {
        queues: queues.iter().map(|queue| QueueId::new(queue)).collect(),
        ..AgentSettings::default()
    };
    queue::Settings {
        queues: QUEUES.map(|name| (QueueId::new(name), policy())).into(),
        agents: [
            (AgentId::new("ann"), serves(&[])),
            (AgentId::new("bob"), serves(&["sales"])),
            (AgentId::new("cyd"), serves(&["support"])),
        ]
        .into(),
        ..queue::Settings::default()
    }
}

impl Day {
    fn new(seed: u64) -> Self {
        let settings = settings();
        let queue = Queue::new(settings.clone(), node());
        let of = Settings::of(&settings, false);
        let (log, lines) = QueueLog::start(of, START, &Changed::default());
        let (entropy, reader) = (Entropy::from_number(seed), Reader::default());
        let now = START;
        let mut day = Self { queue, settings, log, reader, now, entropy, text: Vec::new() };
        day.read(lines);
        day.capacity();
        for agent in AGENTS {
            day.tell(Event::AgentLoggedIn { agent: AgentId::new(agent), ready: true });
        }
        day
    }

    fn tell(&mut self, event: Event) {
        self.queue.handle(self.now, event);
        self.now = self.queue.now();
        let changed = self.queue.take_changed();
        let lines = self.log.step(self.now, &changed);
        self.read(lines);
    }

    fn read(&mut self, lines: Vec<super::Line>) {
        for line in lines {
            let line = line.to_string();
            let read = self.reader.line(&line);
            self.text.push(line);
            if let Err(wrong) = read {
                let last = self.text.len().saturating_sub(40);
                panic!("{wrong}:\n{}", self.text[last..].join("\n"));
            }
        }
    }

    fn capacity(&mut self) {
        for queue in QUEUES.map(QueueId::new) {
            self.tell(Event::DialCapacity { queue, free: vec![(Route::Registrar, 100)] });
        }
    }

    /// The process dies and starts again from the rows.
    fn restart(&mut self) {
        let rows = self.queue.rows();
        let of = Settings::of(&self.settings, false);
        let (log, lines) = QueueLog::start(of, self.now, &rows);
        self.log = log;
        self.read(lines);
        self.queue = Queue::load(self.settings.clone(), node(), rows);
        self.tell(Event::NodeLost { node: node() });
        self.capacity();
    }

    /// An agent serves other queues.
    fn reload(&mut self) {
        let n = self.below(AGENTS.len());
        let queues = match self.below(3) {
            0 => vec![],
            q => vec![QueueId::new(QUEUES[q - 1])],
        };
        let agent = AgentId::new(AGENTS[n]);
        self.settings.agents.insert(agent, AgentSettings { queues, ..AgentSettings::default() });
        let lines = self.log.reload(self.now, Settings::of(&self.settings, false));
        self.read(lines);
        self.tell(Event::SettingsChanged(Box::new(self.settings.clone())));
    }

    fn below(&mut self, n: usize) -> usize {
        self.entropy.below(n.max(1) as u64) as usize
    }

    /// Some time passes, deadline by deadline.
    fn pass(&mut self) {
        let until = self.now + Duration::from_millis(self.entropy.below(9_000));
        while let Some((at, _)) = self.queue.poll_timeout().filter(|(at, _)| *at <= until) {
            self.now = self.now.max(at);
            self.tell(Event::Tick);
        }
        self.now = self.now.max(until);
    }

    fn any_interaction(&mut self, wanted: fn(&Stage) -> bool) -> Option<(InteractionId, Stage)> {
        let all: Vec<_> = self
            .queue
            .interactions()
            .filter(|row| wanted(&row.stage))
            .map(|row| (row.id, row.stage.clone()))
            .collect();
        let n = self.below(all.len());
        all.get(n).cloned()
    }

    fn address(&mut self) -> Address {
        Address::parse(&format!("1{:03}", self.below(1000))).unwrap()
    }

    fn arrive(&mut self) {
        let queue = QueueId::new(QUEUES[self.below(2)]);
        let (interaction, address) = (InteractionId::draw(&mut self.entropy), self.address());
        let event = match self.below(4) {
            0 => Event::CallbackRequested {
                interaction,
                queue,
                skills: None,
                priority: 0,
                address: Some(address),
                when: When::Now,
                notify: false,
                attached: None,
            },
            n => Event::CallArrived {
                interaction,
                queue,
                skills: None,
                priority: i16::from(n == 1),
                address: Some(address).filter(|_| n != 2),
                node: node(),
                attached: None,
            },
        };
        self.tell(event);
    }

    /// Somebody on the line does something.
    fn caller_acts(&mut self) {
        let Some((interaction, _)) = self.any_interaction(Stage::on_line) else { return };
        let address = self.address();
        let choice =
            if self.below(2) == 0 { WaitChoice::CallBack } else { WaitChoice::KeepWaiting };
        let event = match self.below(9) {
            0 | 1 => Event::CallbackConfirmed { interaction, address },
            2 => {
                let all = [LeftBy::Choice, LeftBy::LongestWait, LeftBy::NoAgents];
                Event::CallerLeft { interaction, by: all[self.below(3)] }
            }
            3 => Event::Cancelled { interaction },
            4 => Event::WaitAnswered { interaction, choice },
            5 => Event::CalledIn { interaction, node: node() },
            _ => Event::CallerHungUp { interaction },
        };
        self.tell(event);
    }

    /// A callback moves on: its dial, or its consumer calls in.
    fn callback_moves(&mut self) {
        let attempts: Vec<AttemptId> = self.queue.open_attempts().map(|row| row.id).collect();
        let n = self.below(attempts.len());
        let Some(&attempt) = attempts.get(n) else { return };
        let class = [RetryClass::Busy, RetryClass::HungUp, RetryClass::Carrier][self.below(3)];
        let event = match self.below(10) {
            0 => Event::AttemptEnded { attempt, class, rang: true },
            1 => Event::CalledIn { interaction: attempt.interaction, node: node() },
            2..=5 => Event::AttemptAnswered { attempt },
            _ => Event::ConsumerConfirmed { attempt },
        };
        self.tell(event);
    }

    fn agent_acts(&mut self) {
        let n = self.below(AGENTS.len());
        let agent = AgentId::new(AGENTS[n]);
        let engaged = self.queue.agent(&agent).and_then(|row| row.engaged_with());
        let reason = [DeclineReason::Missed, DeclineReason::Busy][self.below(2)];
        let queue = QueueId::new(QUEUES[self.below(2)]);
        let event = match (self.below(13), engaged) {
            (0..=4, Some(interaction)) => Event::AgentAnswered { agent, interaction },
            (5, Some(interaction)) => Event::AgentDeclined { agent, interaction, reason },
            (6, Some(interaction)) => Event::BridgeEnded { interaction, cause: BridgeEnd::Agent },
            (7, Some(interaction)) => Event::BridgeEnded { interaction, cause: BridgeEnd::Lost },
            (8, Some(interaction)) => {
                let to = AgentId::new(AGENTS[self.below(AGENTS.len())]);
                Event::Transferred {
                    interaction,
                    queue,
                    agent: [None, Some(to)][self.below(2)].clone(),
                }
            }
            (12, Some(interaction)) => {
                let to = AgentId::new(AGENTS[self.below(AGENTS.len())]);
                Event::HandedOver { interaction, agent: to }
            }
            (9, _) => Event::AgentNotReady { agent, reason: NotReadyReason::Asked },
            (10, _) => Event::AgentLoggedOut { agent },
            (11, _) => Event::AgentLoggedIn { agent, ready: false },
            (0..=8 | 12, None) => Event::AgentReady { agent },
            (_, _) => Event::AgentContactLost { agent },
        };
        self.tell(event);
    }

    /// Whoever talks hangs up at last, and the person served hangs up sometimes.
    fn talk_ends(&mut self) {
        let talks: fn(&Stage) -> bool = |stage| matches!(stage, Stage::Bridged(_));
        if let Some((interaction, _)) = self.any_interaction(talks) {
            self.tell(Event::CallerHungUp { interaction });
        }
    }

    fn run(&mut self, steps: u32) {
        for _ in 0..steps {
            self.pass();
            match self.below(40) {
                0..=9 => self.arrive(),
                10..=14 => self.caller_acts(),
                15..=25 => self.callback_moves(),
                26..=36 => self.agent_acts(),
                37 => self.talk_ends(),
                38 => self.reload(),
                _ => {
                    if self.below(20) == 0 {
                        self.restart();
                    }
                }
            }
            let on_line = |stage: &Stage| stage.on_line() || matches!(stage, Stage::Bridged(_));
            let here = self.queue.interactions().filter(|row| on_line(&row.stage)).count();
            assert_eq!(self.reader.open(), here, "as many calls are open as people are here");
        }
    }
}

#[test]
fn days_are_read_without_complaint() {
    let mut read: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..12 {
        let mut day = Day::new(seed);
        // Steps of 4.5 s on average: more than a day in all.
        day.run(2_000);
        let entered = day.text.iter().filter(|line| line.contains("|ENTERQUEUE|"));
        let shown = entered.filter_map(|line| line.split('|').nth(6));
        assert!(shown.clone().count() > 0);
        for caller in shown {
            assert!(caller.is_empty() || caller.starts_with('…'), "{caller} is a whole number");
        }
        for (event, count) in day.reader.read {
            *read.entry(event).or_default() += count;
        }
    }
    for event in [
        "QUEUESTART",
        "CONFIGRELOAD",
        "ADDMEMBER",
        "REMOVEMEMBER",
        "PAUSE",
        "UNPAUSE",
        "ENTERQUEUE",
        "CONNECT",
        "COMPLETEAGENT",
        "COMPLETECALLER",
        "ATTENDEDTRANSFER",
        "BLINDTRANSFER",
        "ABANDON",
        "EXITWITHKEY",
        "EXITWITHTIMEOUT",
        "EXITEMPTY",
        "RINGNOANSWER",
        "RINGCANCELED",
    ] {
        assert!(read.get(event).is_some_and(|&count| count >= 10), "{event}: {read:?}");
    }
}
