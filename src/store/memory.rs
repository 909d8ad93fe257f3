//! A store in memory, for tests and simulation: it can fail, stall, and lose its tail in a crash.
//!
//! ```text
//! accept ── in the tail ── release ──▶ durable
//!                       └─ crash ────▶ lost
//! ```
//!
//! [`Store::commit`] is both at once. It must not be looser than a database: a step out of turn and
//! a second open attempt of one interaction are refused.

use std::collections::{BTreeMap, BTreeSet};

use super::{BindingRow, LegRecord, Loaded, Step, Store, StoreError, UserBindings};
use crate::ident::{AgentId, AttemptId, CallInId, InteractionId, QueueId};
use crate::phone::PhoneNumber;
use crate::queue::limits::{KEPT, NumberUse, UseKind};
use crate::queue::matching::CallInRequest;
use crate::queue::never_call::NeverCallHash;
use crate::queue::{Agent, Attempt, Changed, History, Interaction, Stage, Transition};
use crate::time::Timestamp;

/// Tables in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    durable: Tables,
    tail: Vec<Step>,
    failures: u32,
}

#[derive(Clone, Debug, Default)]
struct Tables {
    interactions: BTreeMap<InteractionId, Interaction>,
    attempts: BTreeMap<AttemptId, Attempt>,
    agents: BTreeMap<AgentId, Agent>,
    requests: BTreeMap<CallInId, CallInRequest>,
    histories: BTreeMap<QueueId, History>,
    never_call: BTreeSet<NeverCallHash>,
    uses: BTreeMap<(QueueId, (usize, String), UseKind, Timestamp), NumberUse>,
    bindings: BTreeMap<String, Vec<BindingRow>>,
    trail: Vec<Transition>,
    legs: Vec<LegRecord>,
    step: u64,
    now: Timestamp,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the next `count` commits fail, each with nothing of it there.
    pub fn fail_next(&mut self, count: u32) {
        self.failures = count;
    }

    /// Takes steps that are not durable until [`Memory::release`]: a disk that stalls. Steps taken
    /// before are skipped.
    pub fn accept(&mut self, steps: &[Step]) -> Result<(), StoreError> {
        if self.failures > 0 {
            self.failures -= 1;
            return Err(StoreError::Unavailable("this commit was told to fail".into()));
        }
        let taken = self.tail.len();
        let result = steps.iter().try_for_each(|step| self.take(step));
        if result.is_err() {
            self.tail.truncate(taken);
        }
        result
    }

    /// Makes every step taken durable; returns the number of the last durable step.
    pub fn release(&mut self) -> u64 {
        for step in std::mem::take(&mut self.tail) {
            self.durable.apply(step);
        }
        self.durable.step
    }

    /// Power loss: what was not durable is gone.
    pub fn crash(&mut self) {
        self.tail.clear();
    }

    /// The durable row of an interaction, also of one that is over.
    pub fn interaction(&self, id: InteractionId) -> Option<&Interaction> {
        self.durable.interactions.get(&id)
    }

    /// The durable row of an attempt, also of one that is over.
    pub fn attempt(&self, id: AttemptId) -> Option<&Attempt> {
        self.durable.attempts.get(&id)
    }

    /// The durable trail, oldest first.
    pub fn trail(&self) -> &[Transition] {
        &self.durable.trail
    }

    /// The durable legs, in the order in which they ended.
    pub fn legs(&self) -> &[LegRecord] {
        &self.durable.legs
    }

    fn take(&mut self, step: &Step) -> Result<(), StoreError> {
        let last = self.tail.last().map_or(self.durable.step, |step| step.number);
        if step.number <= last {
            return Ok(());
        }
        if step.number != last + 1 {
            let text = format!("step {} came after step {last}", step.number);
            return Err(StoreError::Broken(text));
        }
        self.tail.push(step.clone());
        let ids = step.changed.attempts.iter().map(|attempt| attempt.id.interaction);
        match ids.into_iter().find(|&id| self.open_attempts(id) > 1) {
            Some(id) => Err(StoreError::Broken(format!("two open attempts for {id}"))),
            None => Ok(()),
        }
    }

    fn open_attempts(&self, interaction: InteractionId) -> usize {
        let from = AttemptId { interaction, serial: 0 };
        let to = AttemptId { interaction, serial: u32::MAX };
        let durable = self.durable.attempts.range(from..=to);
        let mut open: BTreeMap<AttemptId, bool> =
            durable.map(|(&id, attempt)| (id, attempt.ended_at.is_none())).collect();
        let rows = self.tail.iter().flat_map(|step| &step.changed.attempts);
        for attempt in rows.filter(|attempt| attempt.id.interaction == interaction) {
            open.insert(attempt.id, attempt.ended_at.is_none());
        }
        open.values().filter(|&&open| open).count()
    }
}

impl Tables {
    /// Those outstanding, and the youngest of each group.
    fn requests_to_load(&self) -> Vec<CallInRequest> {
        let all = || self.requests.values();
        let youngest = |row: &CallInRequest| {
            all().all(|other| other.group != row.group || other.sequence <= row.sequence)
        };
        all().filter(|row| row.ended.is_none() || youngest(row)).cloned().collect()
    }

    fn apply(&mut self, step: Step) {
        self.step = step.number;
        self.now = self.now.max(step.now);
        let Changed {
            interactions,
            attempts,
            agents,
            requests,
            histories,
            never_call,
            uses,
            transitions,
        } = step.changed;
        self.interactions.extend(interactions.into_iter().map(|row| (row.id, row)));
        self.attempts.extend(attempts.into_iter().map(|row| (row.id, row)));
        self.agents.extend(agents.into_iter().map(|row| (row.id.clone(), row)));
        self.requests.extend(requests.into_iter().map(|row| (row.id, row)));
        self.histories.extend(histories);
        self.never_call.extend(never_call);
        for one in uses {
            let key = (one.queue.clone(), digits(&one.number), one.kind, one.at);
            match one.is_undone {
                true => _ = self.uses.remove(&key),
                false => _ = self.uses.insert(key, one),
            }
        }
        self.trail.extend(transitions);
        self.legs.extend(step.legs);
        for UserBindings { user, bindings } in step.bindings {
            if bindings.is_empty() {
                self.bindings.remove(&user);
            } else {
                self.bindings.insert(user, bindings);
            }
        }
    }
}

/// Numbers in order: shorter ones first.
fn digits(number: &PhoneNumber) -> (usize, String) {
    (number.expose().len(), number.expose().to_owned())
}

impl Store for Memory {
    fn load(&mut self) -> Result<Loaded, StoreError> {
        let tables = &self.durable;
        let open = |row: &&Interaction| !matches!(row.stage, Stage::Done(_));
        let attempts = tables.attempts.values().filter(|attempt| attempt.ended_at.is_none());
        let bindings = tables.bindings.iter();
        Ok(Loaded {
            rows: Changed {
                interactions: tables.interactions.values().filter(open).cloned().collect(),
                attempts: attempts.cloned().collect(),
                agents: tables.agents.values().cloned().collect(),
                requests: tables.requests_to_load(),
                histories: tables.histories.clone().into_iter().collect(),
                never_call: tables.never_call.iter().copied().collect(),
                uses: tables
                    .uses
                    .values()
                    .filter(|one| one.at > tables.now - KEPT)
                    .cloned()
                    .collect(),
                transitions: Vec::new(),
            },
            bindings: bindings
                .map(|(user, rows)| UserBindings { user: user.clone(), bindings: rows.clone() })
                .collect(),
            step: tables.step,
            now: tables.now,
        })
    }

    fn commit(&mut self, steps: &[Step]) -> Result<(), StoreError> {
        self.accept(steps)?;
        self.release();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::{QueueId, Route};
    use crate::phone::Address;

    fn attempt(serial: u32, ended_at: Option<Timestamp>) -> Attempt {
        Attempt {
            id: AttemptId { interaction: InteractionId(1), serial },
            queue: QueueId::new("billing"),
            route: Route::Registrar,
            address: Address::parse("1001").unwrap(),
            charged_to: None,
            node: None,
            started_at: Timestamp::from_ms(1),
            answered_at: None,
            ending: None,
            deadline: None,
            ended_at,
            class: None,
            caller: None,
            display_name: String::new(),
        }
    }

    fn step(number: u64, attempts: Vec<Attempt>) -> Step {
        Step {
            number,
            now: Timestamp::from_ms(number as i64),
            changed: Changed { attempts, ..Changed::default() },
            bindings: Vec::new(),
            legs: Vec::new(),
        }
    }

    fn open(store: &mut Memory) -> Vec<u32> {
        store.load().unwrap().rows.attempts.iter().map(|attempt| attempt.id.serial).collect()
    }

    #[test]
    fn a_crash_loses_the_tail_and_nothing_else() {
        let mut store = Memory::new();
        store.commit(&[step(1, vec![attempt(1, None)])]).unwrap();
        store.accept(&[step(2, vec![attempt(1, Some(Timestamp::from_ms(2)))])]).unwrap();
        assert_eq!(open(&mut store), [1], "accepted is not durable");
        store.crash();
        assert_eq!((open(&mut store), store.load().unwrap().step), (vec![1], 1));
        let again = [step(1, Vec::new()), step(2, vec![attempt(1, Some(Timestamp::from_ms(2)))])];
        store.accept(&again).unwrap();
        assert_eq!(store.release(), 2);
        assert_eq!((open(&mut store), store.load().unwrap().now), (vec![], Timestamp::from_ms(2)));
        assert!(store.attempt(attempt(1, None).id).is_some(), "what is over stays readable");
    }

    #[test]
    fn a_commit_told_to_fail_leaves_nothing() {
        let mut store = Memory::new();
        store.fail_next(2);
        for _ in 0..2 {
            let failed = store.commit(&[step(1, vec![attempt(1, None)])]);
            assert!(matches!(failed, Err(StoreError::Unavailable(_))));
            assert_eq!((open(&mut store), store.load().unwrap().step), (vec![], 0));
        }
        store.commit(&[step(1, vec![attempt(1, None)])]).unwrap();
        assert_eq!(open(&mut store), [1]);
    }

    #[test]
    fn steps_out_of_turn_and_second_open_attempts_are_refused_whole() {
        let mut store = Memory::new();
        let gap = store.commit(&[step(1, vec![attempt(1, None)]), step(3, Vec::new())]);
        assert!(matches!(gap, Err(StoreError::Broken(_))));
        assert_eq!(store.load().unwrap().step, 0);
        store.commit(&[step(1, vec![attempt(1, None)])]).unwrap();
        let second = store.commit(&[step(2, vec![attempt(2, None)])]);
        assert!(matches!(second, Err(StoreError::Broken(_))));
        let ended = vec![attempt(1, Some(Timestamp::from_ms(2))), attempt(2, None)];
        store.commit(&[step(2, ended)]).unwrap();
        assert_eq!(open(&mut store), [2]);
    }
}
