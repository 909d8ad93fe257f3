//! The system under test: a queue behind its gate and its store, fed one input at a time, with
//! every invariant checked after each. It draws nothing by itself: the same inputs give the same
//! run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ringback::ident::{AgentId, NodeId, QueueId};
use ringback::queue::invariants;
use ringback::queue::invariants::runs::{Answer, reload_is_identity};
use ringback::queue::{
    AgentSettings, Changed, Effect, Event, Queue, QueueSettings, Settings, Transition,
};
use ringback::store::gate::{Departure, Gate};
use ringback::store::memory::Memory;
use ringback::store::{Step, Store};
use ringback::time::Timestamp;

use crate::checks::Checks;
use crate::rules;

/// What may happen to the system.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Input {
    /// The queue is told a fact.
    Event(Event),
    /// The configuration is read again: this queue is new, changed or (`None`) gone.
    Queue(QueueId, Option<Box<QueueSettings>>),
    /// The configuration of this queue is edited: it is read at the next start.
    Edited(QueueId, Box<QueueSettings>),
    /// The configuration is read again: this agent is new, changed or (`None`) gone.
    Agent(AgentId, Option<AgentSettings>),
    /// From here on nothing becomes durable.
    DiskStalls,
    /// All that waits becomes durable, and what follows at once.
    DiskWorks,
    /// The next commits fail, so many.
    CommitsFail(u32),
    /// The process dies and starts again. What waited for a stalled disk is on it or lost.
    Crash {
        /// It is on it, but nobody was told.
        durable: bool,
    },
    /// A second queue is loaded from the rows of the first and must behave like it for a while.
    Reload,
}

/// An input and when.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Timed {
    /// When.
    pub(crate) at: Timestamp,
    /// What.
    pub(crate) input: Input,
}

/// A rule of the list was broken.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Violation {
    /// The name of the rule.
    pub(crate) rule: &'static str,
    /// What was seen.
    pub(crate) text: String,
}

/// What came of one input.
#[derive(Default)]
pub(crate) struct Stepped {
    /// What left the gate, in order.
    pub(crate) departures: Vec<Departure>,
    /// The rows of the state table taken.
    pub(crate) transitions: Vec<Transition>,
    /// The process restarted.
    pub(crate) restarted: bool,
}

/// How many inputs a reloaded queue runs beside the first.
const SHADOW_INPUTS: u32 = 25;

/// A queue, its gate, its store, and the checks.
pub(crate) struct Bench {
    /// The queue, to look at.
    pub(crate) queue: Queue,
    /// The configuration as it is now.
    pub(crate) settings: Settings,
    /// The store, to look at.
    pub(crate) memory: Memory,
    /// Orders made, for the comparison of two runs.
    pub(crate) hash: Fnv,
    gate: Gate,
    node: NodeId,
    step: u64,
    unsaved: Vec<Step>,
    stalled: bool,
    shadow: Option<(Queue, u32)>,
    /// `None`: only the hash counts.
    checks: Option<Checks>,
    free: BTreeMap<QueueId, Vec<(ringback::ident::Route, u32)>>,
    last: Timestamp,
    /// What the queue is told of the time: earlier while the clock is set back.
    told: Timestamp,
}

impl Bench {
    /// An empty system, checked or only hashed.
    pub(crate) fn new(settings: Settings, checked: bool) -> Self {
        let node = this_node();
        Self {
            queue: Queue::new(settings.clone(), node.clone()),
            settings,
            memory: Memory::new(),
            hash: Fnv::default(),
            gate: Gate::new(0),
            node,
            step: 0,
            unsaved: Vec::new(),
            stalled: false,
            shadow: None,
            checks: checked.then(Checks::default),
            free: BTreeMap::new(),
            last: Timestamp::default(),
            told: Timestamp::default(),
        }
    }

    /// Feeds one input.
    pub(crate) fn step(&mut self, timed: Timed) -> Result<Stepped, Violation> {
        let at = timed.at.max(self.last);
        (self.last, self.told) = (at, timed.at);
        let mut stepped = Stepped::default();
        match timed.input {
            Input::Event(event) => self.event(at, event, &mut stepped)?,
            Input::Queue(id, settings) => {
                match settings {
                    Some(settings) => self.settings.queues.insert(id, *settings),
                    None => self.settings.queues.remove(&id),
                };
                self.settings_changed(at, &mut stepped)?;
            }
            Input::Edited(id, settings) => _ = self.settings.queues.insert(id, *settings),
            Input::Agent(id, settings) => {
                match settings {
                    Some(settings) => self.settings.agents.insert(id, settings),
                    None => self.settings.agents.remove(&id),
                };
                self.settings_changed(at, &mut stepped)?;
            }
            Input::DiskStalls => self.stalled = true,
            Input::DiskWorks => self.stalled = false,
            Input::CommitsFail(count) => self.memory.fail_next(count),
            Input::Crash { durable } => self.crash(at, durable, &mut stepped)?,
            Input::Reload => self.reload(at, &mut stepped)?,
        }
        self.commit(at, &mut stepped)?;
        if let Some(checks) = &self.checks {
            checks.world(&self.queue, &self.memory, &self.gate)?;
        }
        Ok(stepped)
    }

    /// At the end: all is durable, and whoever was promised a call has exactly one outcome.
    pub(crate) fn finished(&self) -> Result<(), Violation> {
        self.checks.as_ref().map_or(Ok(()), |checks| checks.finished(&self.memory))
    }

    fn settings_changed(&mut self, at: Timestamp, stepped: &mut Stepped) -> Result<(), Violation> {
        let settings = Box::new(self.settings.clone());
        self.event(at, Event::SettingsChanged(settings), stepped)
    }

    fn event(
        &mut self,
        at: Timestamp,
        event: Event,
        stepped: &mut Stepped,
    ) -> Result<(), Violation> {
        if let Some(checks) = &mut self.checks
            && !checks.told(&event)
        {
            return Ok(());
        }
        if let Event::DialCapacity { queue, free } = &event {
            self.free.insert(queue.clone(), free.clone());
        }
        let before = self.checks.is_some().then(|| self.queue.clone());
        let effects = self.queue.handle(self.told, event.clone());
        let changed = self.queue.take_changed();
        self.shadow_step(&event, &effects, &changed)?;
        _ = write!(self.hash, "{effects:?}");
        self.step += 1;
        let departures = self.gate.submit(self.step, at, effects.clone());
        if let Some((checks, before)) = self.checks.as_mut().zip(before) {
            let (effects, changed, after) = (&effects, &changed, &self.queue);
            let step = invariants::Step {
                before: &before,
                now: self.told,
                event: &event,
                effects,
                changed,
                after,
            };
            every_rule(&step)?;
            rules::all(&step)?;
            checks.made(self.step, at, effects, changed)?;
            checks.left(at, &departures, &self.memory)?;
        }
        stepped.departures.extend(departures);
        stepped.transitions.extend(changed.transitions.iter().cloned());
        let (number, bindings, legs) = (self.step, Vec::new(), Vec::new());
        self.unsaved.push(Step { number, now: at, changed, bindings, legs });
        Ok(())
    }

    /// Offers what is unsaved to the store, as the node does after every step.
    fn commit(&mut self, at: Timestamp, stepped: &mut Stepped) -> Result<(), Violation> {
        if self.unsaved.is_empty() {
            return Ok(());
        }
        if self.memory.accept(&self.unsaved).is_err() {
            self.gate.failed(at);
            return Ok(());
        }
        if self.stalled {
            return Ok(());
        }
        let durable = self.memory.release();
        if durable != self.step {
            let text = format!("step {durable} is durable, {} was committed", self.step);
            return Err(Violation { rule: "nothing_lost", text });
        }
        self.unsaved.clear();
        let departures = self.gate.committed(durable);
        if let Some(checks) = &mut self.checks {
            checks.durable(durable);
            checks.left(at, &departures, &self.memory)?;
        }
        stepped.departures.extend(departures);
        Ok(())
    }

    fn crash(
        &mut self,
        at: Timestamp,
        durable: bool,
        stepped: &mut Stepped,
    ) -> Result<(), Violation> {
        if durable {
            self.memory.release();
        }
        self.memory.crash();
        let loaded = self.memory.load().map_err(|error| Violation {
            rule: "nothing_lost",
            text: format!("the store does not load: {error}"),
        })?;
        self.unsaved.clear();
        self.shadow = None;
        self.stalled = false;
        self.free.clear();
        self.step = loaded.step;
        self.gate = Gate::new(loaded.step);
        let queue = Queue::load(self.settings.clone(), self.node.clone(), loaded.rows);
        self.queue = queue.not_before(loaded.now);
        stepped.restarted = true;
        if let Some(checks) = &mut self.checks {
            checks.restarted(loaded.step);
        }
        self.event(at, Event::NodeLost { node: self.node.clone() }, stepped)
    }

    /// What is not a row, the free channels, is told to both: first none, so that they begin alike.
    fn reload(&mut self, at: Timestamp, stepped: &mut Stepped) -> Result<(), Violation> {
        self.shadow = None;
        let told = self.free.clone();
        for queue in told.keys().cloned() {
            self.event(at, Event::DialCapacity { queue, free: Vec::new() }, stepped)?;
        }
        let shadow = Queue::load(self.settings.clone(), self.node.clone(), self.queue.rows());
        self.shadow = Some((shadow.not_before(self.queue.now()), SHADOW_INPUTS));
        for (queue, free) in told {
            self.event(at, Event::DialCapacity { queue, free }, stepped)?;
        }
        Ok(())
    }

    fn shadow_step(
        &mut self,
        event: &Event,
        effects: &[Effect],
        changed: &Changed,
    ) -> Result<(), Violation> {
        let Some((mut shadow, left)) = self.shadow.take() else { return Ok(()) };
        let again = shadow.handle(self.told, event.clone());
        let rows = shadow.take_changed();
        let queue = Answer { effects, changed, next: self.queue.poll_timeout() };
        let reloaded = Answer { effects: &again, changed: &rows, next: shadow.poll_timeout() };
        reload_is_identity(queue, reloaded).map_err(|broken| Violation {
            rule: "reload_is_identity",
            text: format!("{event:?}: {broken}"),
        })?;
        self.shadow = (left > 1).then_some((shadow, left - 1));
        Ok(())
    }
}

/// The queue's own list.
fn every_rule(step: &invariants::Step<'_>) -> Result<(), Violation> {
    let broken = |rule, verdict: invariants::Verdict| {
        verdict.map_err(|broken| Violation { rule, text: broken.0 })
    };
    invariants::STEPS.iter().try_for_each(|(rule, holds)| broken(rule, holds(step)))?;
    invariants::ALL.iter().try_for_each(|(rule, holds)| broken(rule, holds(step.after)))
}

/// The node that every run is on.
pub(crate) fn this_node() -> NodeId {
    NodeId::new("n1")
}

/// FNV-1a, fed with text.
pub(crate) struct Fnv(pub(crate) u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl std::fmt::Write for Fnv {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}
