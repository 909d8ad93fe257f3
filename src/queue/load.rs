//! Rows out, rows in, and the configuration: how a queue comes into being and survives.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::agent::Agent;
use super::classes::{Bits, Classes};
use super::interaction::Interaction;
use super::limits::NumberUse;
use super::matching::CallIns;
use super::never_call::NeverCallKey;
use super::settings::{QueueSettings, Settings};
use super::slots::Slots;
use super::{AgentSlot, Changed, History, Queue, QueueState, Slot, Standing, Timer};
use crate::ident::{InteractionId, NodeId, QueueId};
use crate::time::Timestamp;

impl Queue {
    /// The queue as its rows say, its clock not before any of them. After a restart
    /// `NodeLost(this_node)` must be the first event.
    pub fn load(settings: Settings, this_node: NodeId, rows: Changed) -> Self {
        let mut queue = Self {
            now: latest(&rows),
            this_node,
            queues: Vec::new(),
            queue_index: Default::default(),
            agents: Vec::new(),
            agent_index: Default::default(),
            interactions: Default::default(),
            attempts: Default::default(),
            classes: Classes::default(),
            ready: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            timers: BTreeSet::new(),
            sequences: BTreeSet::new(),
            dirty_classes: Bits::default(),
            dirty_agents: BTreeSet::new(),
            dirty_pushes: Bits::default(),
            call_in_groups: Default::default(),
            call_ins: CallIns::load(rows.requests),
            never_call: rows.never_call.iter().collect(),
            never_call_key: NeverCallKey::default(),
            requests_timer: None,
            touched_requests: BTreeSet::new(),
            touched_histories: BTreeSet::new(),
            effects: Vec::new(),
            touched_interactions: BTreeSet::new(),
            touched_attempts: BTreeSet::new(),
            touched_agents: BTreeSet::new(),
            taken_next: Changed::default(),
            accepted: 0,
            ended: 0,
        };
        rows.agents.into_iter().for_each(|agent| queue.add_agent(agent));
        queue.settings_changed(settings);
        for (id, history) in rows.histories {
            let q = queue.queue_number(&id);
            queue.queues[q].history = history;
        }
        for row in &rows.uses {
            let q = queue.queue_number(&row.queue);
            queue.queues[q].uses.load(row);
        }
        for attempt in rows.attempts.into_iter().filter(|a| a.ended_at.is_none()) {
            queue.add_attempt(attempt);
        }
        for row in rows.interactions.into_iter().filter(|i| !i.done()) {
            queue.add_interaction(row);
        }
        queue.set_requests_timer();
        queue.touched_agents.clear();
        queue.touched_interactions.clear();
        queue
    }

    /// It was so late already when its rows were made, whatever the clock says since.
    pub fn not_before(self, now: Timestamp) -> Self {
        Self { now: self.now.max(now), ..self }
    }

    /// The key under which numbers stand in the never-call list, always the same: to be set before
    /// the first event.
    pub fn with_never_call_key(self, never_call_key: NeverCallKey) -> Self {
        Self { never_call_key, ..self }
    }

    /// Every row: open interactions, open attempts (also of interactions that are Done), agents.
    /// `load(rows())` behaves alike once it is told `DialCapacity` again.
    pub fn rows(&self) -> Changed {
        Changed {
            interactions: self.interactions().cloned().collect(),
            attempts: self.attempts.values().cloned().collect(),
            agents: self.agents().cloned().collect(),
            requests: self.call_ins.rows().cloned().collect(),
            histories: self.histories(),
            never_call: self.never_call.iter().copied().collect(),
            uses: self.uses(),
            transitions: Vec::new(),
        }
    }

    /// What the estimates are made from, where there is any yet.
    fn histories(&self) -> Vec<(QueueId, History)> {
        let queues = self.queues.iter().filter(|queue| queue.history != History::default());
        queues.map(|queue| (queue.id.clone(), queue.history.clone())).collect()
    }

    /// What numbers were used for within a day, by queue and number.
    fn uses(&self) -> Vec<NumberUse> {
        let queues = self.queue_index.values().map(|&q| &self.queues[q]);
        queues.flat_map(|queue| queue.uses.rows(&queue.id, self.now)).collect()
    }

    /// Takes what changed since the last call; ended interactions and attempts leave with it.
    pub fn take_changed(&mut self) -> Changed {
        let mut changed = std::mem::take(&mut self.taken_next);
        for id in std::mem::take(&mut self.touched_interactions) {
            changed.interactions.extend(self.interactions.get(&id).map(|slot| slot.row.clone()));
        }
        for id in std::mem::take(&mut self.touched_attempts) {
            changed.attempts.extend(self.attempts.get(&id).cloned());
        }
        for id in std::mem::take(&mut self.touched_requests) {
            changed.requests.extend(self.call_ins.get(id).cloned());
        }
        for q in std::mem::take(&mut self.touched_histories) {
            let queue = &self.queues[q];
            changed.histories.push((queue.id.clone(), queue.history.clone()));
        }
        for n in std::mem::take(&mut self.touched_agents) {
            changed.agents.push(self.agents[n].row.clone());
        }
        changed
    }

    fn add_agent(&mut self, row: Agent) {
        let n = self.agents.len();
        self.agent_index.insert(row.id.clone(), n);
        self.agents.push(AgentSlot {
            row,
            queues: Some(Bits::default()),
            serves: Bits::default(),
            sharing: 0,
            charges: 0,
            held: None,
            indexed_ready: None,
            indexed_here: false,
            timer: None,
        });
        self.touched_agents.insert(n);
    }

    fn add_attempt(&mut self, attempt: super::Attempt) {
        let q = self.queue_number(&attempt.queue);
        if let Some(&n) = attempt.charged_to.as_ref().and_then(|id| self.agent_index.get(id)) {
            self.add_charge(n, q);
            self.hold(n, q, attempt.id.interaction, attempt.started_at);
        }
        if let Some(deadline) = attempt.deadline {
            self.timers.insert((deadline, Timer::Attempt(attempt.id)));
        }
        self.attempts.insert(attempt.id, attempt);
    }

    /// Takes an interaction in; its row decides where it stands.
    pub(super) fn add_interaction(&mut self, mut row: Interaction) {
        let id = row.id;
        let queue = self.queue_number(&row.queue);
        self.sequences.insert(row.place.sequence);
        self.accepted += 1;
        let class = self.class_of(queue, &row);
        self.classes.use_class(class, true);
        // One expression in memory for all who ask the same, and one name for all of a queue.
        row.skills = self.classes.get(class).key.skills.clone();
        row.queue = self.queues[queue].id.clone();
        let slot = Slot { row, queue, class, indexed: Standing::default() };
        self.interactions.insert(id, Box::new(slot));
        self.note_open(id);
        self.settle(id);
    }

    /// The number of a queue; one that is not configured gets a policy under which nothing is
    /// permitted.
    fn queue_number(&mut self, id: &QueueId) -> usize {
        if let Some(&q) = self.queue_index.get(id) {
            return q;
        }
        let q = self.queues.len();
        self.queue_index.insert(id.clone(), q);
        self.queues.push(QueueState {
            id: id.clone(),
            settings: Arc::new(QueueSettings::default()),
            known: false,
            free: Default::default(),
            charged: Default::default(),
            charges: 0,
            places: Default::default(),
            untold: Default::default(),
            waiting: Default::default(),
            open: Default::default(),
            unnumbered: Default::default(),
            slots: Default::default(),
            shares: Default::default(),
            history: Default::default(),
            uses: Default::default(),
        });
        q
    }

    /// The configuration was read again: calls, places and deadlines stay as they are. A queue or
    /// agent that is no longer named takes nothing new.
    pub(super) fn settings_changed(&mut self, settings: Settings) {
        let served = self.on_line(true);
        self.queues.iter_mut().for_each(|queue| queue.known = false);
        for (id, policy) in settings.queues {
            let q = self.queue_number(&id);
            self.queues[q].known = true;
            self.queues[q].settings = Arc::new(policy);
        }
        self.call_in_groups = settings.call_in_groups;
        for id in settings.agents.keys() {
            if !self.agent_index.contains_key(id) {
                self.add_agent(Agent::new(id.clone()));
            }
        }
        let by_number: Vec<_> = self.agent_index.iter().map(|(id, &n)| (id.clone(), n)).collect();
        for (id, n) in by_number {
            let Some(agent) = settings.agents.get(&id) else {
                self.agents[n].queues = Some(Bits::default());
                self.agents[n].serves = Bits::default();
                self.log_out(n);
                continue;
            };
            let queues = (!agent.queues.is_empty()).then(|| {
                let mut bits = Bits::default();
                for queue in agent.queues.iter().filter_map(|id| self.queue_index.get(id)) {
                    bits.set(*queue, true);
                }
                bits
            });
            self.agents[n].queues = queues;
            if !self.agents[n].row.skills_changed && self.agents[n].row.skills != agent.skills {
                self.agents[n].row.skills = agent.skills.clone();
                self.touched_agents.insert(n);
            }
        }
        self.rebuild();
        let deserted: BTreeSet<_> = self.on_line(false).into_iter().collect();
        self.ask_soon(served.into_iter().filter(|id| deserted.contains(id)).collect());
    }

    /// Those who wait on the line and whom somebody logged in could serve, or nobody.
    fn on_line(&self, served: bool) -> Vec<InteractionId> {
        let classes = self.classes.all().filter(|(_, of)| (of.logged_in > 0) == served);
        classes.flat_map(|(class, _)| self.classes.on_line(class)).collect()
    }

    /// Builds every index again from the rows.
    fn rebuild(&mut self) {
        self.classes = Classes::default();
        self.dirty_classes.clear();
        self.dirty_agents = (0..self.agents.len()).collect();
        for n in 0..self.agents.len() {
            self.agents[n].indexed_here = false;
            self.agents[n].serves = Bits::default();
            self.agents[n].sharing = 0;
        }
        for q in 0..self.queues.len() {
            self.queues[q].places.clear();
            self.queues[q].untold.clear();
            self.queues[q].waiting.clear();
            self.queues[q].shares.clear();
            self.queues[q].slots = Slots::default();
        }
        self.deadlines.clear();
        for n in 0..self.agents.len() {
            self.settle_agent(n);
        }
        let ids: Vec<_> = self.interactions.keys().copied().collect();
        for id in ids {
            let Some(slot) = self.interactions.get_mut(&id) else { continue };
            slot.indexed = Standing::default();
            let (queue, row) = (slot.queue, slot.row.clone());
            let class = self.class_of(queue, &row);
            self.classes.use_class(class, true);
            if let Some(slot) = self.interactions.get_mut(&id) {
                slot.class = class;
            }
            self.settle(id);
        }
        self.rebuild_holds();
        self.look_at_all_pushes();
        self.resettle_appointments();
    }

    /// Keeps agents for the answers of their dials as the policies of now say.
    fn rebuild_holds(&mut self) {
        self.agents.iter_mut().for_each(|agent| agent.held = None);
        let charged: Vec<_> = self
            .attempts
            .values()
            .filter_map(|a| Some((a.charged_to.clone()?, a.queue.clone(), a.id, a.started_at)))
            .collect();
        for (agent, queue, id, since) in charged {
            let q = self.queue_number(&queue);
            if let Some(&n) = self.agent_index.get(&agent) {
                self.hold(n, q, id.interaction, since);
            }
        }
        (0..self.agents.len()).for_each(|n| self.settle_agent(n));
    }
}

/// The latest instant that the rows know of.
fn latest(rows: &Changed) -> Timestamp {
    let agents = rows.agents.iter().map(|a| a.since);
    let interactions = rows.interactions.iter().map(|i| i.created_at);
    let attempts = rows.attempts.iter().map(|a| a.answered_at.unwrap_or(a.started_at));
    agents.chain(interactions).chain(attempts).max().unwrap_or_default()
}
