//! A queue under test whose every step is held against every rule.

mod noise;
mod table;
mod words;

use std::collections::BTreeSet;

use super::effect::{EndReason, NotAdmitted, Refusal, ReleaseReason};
use super::event::{BridgeEnd, DeclineReason, NotReadyReason, RetryClass, WaitChoice, When};
use super::explain::WaitsFor;
use super::interaction::ROWS;
use super::invariants::{ALL, STEPS, Step};
use super::skill::SkillExpression;
use super::*;
use crate::ident::{Entropy, TrunkId};
use crate::phone::{Address, AddressPolicy};

/// A queue under test, its clock, and the rows it took.
struct Desk {
    queue: Queue,
    now: Timestamp,
    rows: BTreeSet<&'static str>,
    last: Changed,
}

fn trunk() -> Route {
    Route::Trunk(TrunkId::new("carrier"))
}

fn call(n: u128) -> InteractionId {
    InteractionId(n)
}

fn name(agent: &str) -> AgentId {
    AgentId::new(agent)
}

fn sales() -> QueueId {
    QueueId::new("sales")
}

fn phone(n: u128) -> Address {
    Address::parse(&format!("+1415555{:04}", n % 10_000)).unwrap()
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn policy() -> QueueSettings {
    let addresses =
        AddressPolicy { prefixes: vec!["+1".into()], trunks: vec![trunk()], ..Default::default() };
    QueueSettings { addresses, after_call_work: Duration::ZERO, ..QueueSettings::default() }
}

fn settings(queues: &[(&str, QueueSettings)], agents: &[(&str, &[(&str, u8)])]) -> Settings {
    let skills = |list: &[(&str, u8)]| list.iter().map(|&(s, l)| (s.to_string(), l)).collect();
    Settings {
        queues: queues.iter().map(|(id, q)| (QueueId::new(id), q.clone())).collect(),
        agents: agents
            .iter()
            .map(|(id, list)| (name(id), AgentSettings { skills: skills(list), queues: vec![] }))
            .collect(),
        ..Settings::default()
    }
}

fn node() -> NodeId {
    NodeId::new("one")
}

impl Desk {
    /// One queue `sales`; ann and bob, who serve all; a trunk with ten channels.
    fn new(change: impl FnOnce(&mut QueueSettings)) -> Self {
        let mut policy = policy();
        change(&mut policy);
        Self::of(settings(&[("sales", policy)], &[("ann", &[]), ("bob", &[])]))
    }

    fn of(settings: Settings) -> Self {
        let queues: Vec<_> = settings.queues.keys().cloned().collect();
        let queue = Queue::new(settings, node());
        let now = Timestamp::from_seconds(1000);
        let mut desk = Self { queue, now, rows: BTreeSet::new(), last: Changed::default() };
        for queue in queues {
            desk.tell(Event::DialCapacity { queue, free: vec![(trunk(), 10)] });
        }
        desk
    }

    fn tell(&mut self, event: Event) -> Vec<Effect> {
        let before = self.queue.clone();
        let effects = self.queue.handle(self.now, event.clone());
        let changed = self.queue.take_changed();
        for (rule, holds) in ALL {
            holds(&self.queue).unwrap_or_else(|broken| panic!("{rule} after {event:?}: {broken}"));
        }
        let (event, after) = (&event, &self.queue);
        let (effects_of, now) = (&effects, after.now());
        let step =
            Step { before: &before, now, event, effects: effects_of, changed: &changed, after };
        for (rule, holds) in STEPS {
            holds(&step).unwrap_or_else(|broken| panic!("{rule} after {event:?}: {broken}"));
        }
        self.rows.extend(changed.transitions.iter().map(|t| t.row));
        self.last = changed;
        effects
    }

    fn after(&mut self, wait: Duration) -> Vec<Effect> {
        self.now += wait;
        self.tell(Event::Tick)
    }

    fn arrive(&mut self, n: u128) -> Vec<Effect> {
        self.arrive_for(n, "sales", "", 0)
    }

    fn arrive_for(&mut self, n: u128, queue: &str, skills: &str, priority: i16) -> Vec<Effect> {
        self.now += Duration::from_millis(1);
        let skills = Some(SkillExpression::parse(skills).unwrap());
        let (queue, address) = (QueueId::new(queue), Some(phone(n)));
        let interaction = call(n);
        self.tell(Event::CallArrived {
            interaction,
            queue,
            skills,
            priority,
            address,
            attached: None,
            node: node(),
        })
    }

    fn request(&mut self, n: u128) -> Vec<Effect> {
        self.now += Duration::from_millis(1);
        let (interaction, queue, address) = (call(n), sales(), phone(n));
        self.tell(Event::CallbackRequested {
            interaction,
            queue,
            skills: None,
            priority: 0,
            address: Some(address),
            when: When::Now,
            notify: false,
            attached: None,
        })
    }

    fn log_in(&mut self, agent: &str) -> Vec<Effect> {
        self.now += Duration::from_millis(1);
        self.tell(Event::AgentLoggedIn { agent: name(agent), ready: true })
    }

    fn answered(&mut self, n: u128, serial: u32) {
        self.tell(Event::AttemptAnswered { attempt: try_of(n, serial) });
    }

    fn confirm(&mut self, n: u128, serial: u32) -> Vec<Effect> {
        self.tell(Event::ConsumerConfirmed { attempt: try_of(n, serial) })
    }

    fn end(&mut self, n: u128, serial: u32, class: RetryClass) -> Vec<Effect> {
        let rang = class != RetryClass::Carrier;
        self.tell(Event::AttemptEnded { attempt: try_of(n, serial), class, rang })
    }

    fn pick_up(&mut self, agent: &str, n: u128) -> Vec<Effect> {
        self.tell(Event::AgentAnswered { agent: name(agent), interaction: call(n) })
    }

    fn hang_up(&mut self, n: u128) -> Vec<Effect> {
        self.tell(Event::CallerHungUp { interaction: call(n) })
    }

    fn accept_callback(&mut self, n: u128) -> Vec<Effect> {
        self.tell(Event::CallbackConfirmed { interaction: call(n), address: phone(n) })
    }

    fn stage(&self, n: u128) -> Option<Stage> {
        self.queue.interaction(call(n)).map(|row| row.stage.clone())
    }

    fn agent(&self, id: &str) -> AgentState {
        self.queue.agent(&name(id)).unwrap().state.clone()
    }

    /// The outcomes of the last step.
    fn outcomes(&self) -> Vec<(u128, Outcome)> {
        let done = |row: &Interaction| {
            if let Stage::Done(outcome) = row.stage { Some((row.id.0, outcome)) } else { None }
        };
        self.last.interactions.iter().filter_map(done).collect()
    }
}

fn try_of(n: u128, serial: u32) -> AttemptId {
    AttemptId { interaction: call(n), serial }
}

/// What was given to whom, in short: `ann<1` an alert, `ann>1` a dial.
fn given(effects: &[Effect]) -> Vec<String> {
    let short = |effect: &Effect| {
        if let Effect::Alert { agent, interaction, .. } = effect {
            Some(format!("{agent}<{}", interaction.0))
        } else if let Effect::Dial { attempt, triggered_by, .. } = effect {
            Some(format!("{triggered_by}>{}", attempt.interaction.0))
        } else {
            None
        }
    };
    effects.iter().filter_map(short).collect()
}

fn ends(effects: &[Effect]) -> Vec<EndReason> {
    let reason = |effect: &Effect| {
        if let Effect::EndAttempt { reason, .. } = effect { Some(*reason) } else { None }
    };
    effects.iter().filter_map(reason).collect()
}
