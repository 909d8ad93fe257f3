//! Changing a row and keeping every index in step with it: the only way a row changes.

use std::sync::Arc;

use super::agent::{Agent, AgentState};
use super::classes::{ClassKey, Spot};
use super::interaction::{Attempt, Interaction, Origin, Outcome, Stage, Transition};
use super::{Queue, QueueSettings, Standing, Timer};
use crate::ident::{AgentId, AttemptId, InteractionId};
use crate::time::Timestamp;

/// Who else had part in a step of an interaction.
#[derive(Clone, Default)]
pub(super) struct With {
    pub(super) agent: Option<AgentId>,
    pub(super) attempt: Option<AttemptId>,
}

impl With {
    pub(super) fn agent(id: &AgentId) -> Self {
        Self { agent: Some(id.clone()), attempt: None }
    }

    pub(super) fn attempt(id: AttemptId) -> Self {
        Self { agent: None, attempt: Some(id) }
    }
}

impl Queue {
    /// Takes an interaction one row of the state table further.
    pub(super) fn step(
        &mut self,
        id: InteractionId,
        row: &'static str,
        with: With,
        change: impl FnOnce(&mut Interaction),
    ) {
        let Some(slot) = self.interactions.get_mut(&id) else { return };
        change(&mut slot.row);
        self.taken_next.transitions.push(Transition {
            at: self.now,
            interaction: id,
            row,
            stage: slot.row.stage.clone(),
            agent: with.agent,
            attempt: with.attempt,
        });
        self.settle(id);
    }

    /// Gives an interaction its outcome.
    pub(super) fn finish(
        &mut self,
        id: InteractionId,
        row: &'static str,
        with: With,
        outcome: Outcome,
    ) {
        let now = self.now;
        self.step(id, row, with, |i| {
            i.stage = Stage::Done(outcome);
            i.deadline = None;
            i.asked = false;
            i.node = None;
            i.ended_at = Some(now);
        });
    }

    /// Brings the indexes in step with an interaction's row; one that is Done leaves memory.
    pub(super) fn settle(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.get_mut(&id) else { return };
        let row = &slot.row;
        let waits_for_leg = row.caller_leg || self.attempts.contains_key(&row.attempt());
        let wanted = Standing {
            placed: row.placed().then_some(row.place),
            spot: row.spot(waits_for_leg).map(|spot| (spot, row.place)),
            timer: row.timer().map(|(at, _)| at),
        };
        let was = std::mem::replace(&mut slot.indexed, wanted);
        let (queue, class, done) = (slot.queue, slot.class, row.done());
        if was.placed != wanted.placed {
            let places = &mut self.queues[queue].places;
            if let Some(place) = was.placed {
                places.remove(&place);
            }
            if let Some(place) = wanted.placed {
                places.insert(place, id);
            }
            if was.placed.is_some() != wanted.placed.is_some() {
                self.classes.hold_place(class, wanted.placed.is_some());
            }
        }
        if was.spot != wanted.spot {
            if let Some((spot, place)) = was.spot {
                self.classes.stand(class, spot, place, None);
            }
            if let Some((spot, place)) = wanted.spot {
                self.classes.stand(class, spot, place, Some(id));
                self.dirty_classes.set(class, true);
            }
        }
        move_timer(&mut self.timers, Timer::Interaction(id), was.timer, wanted.timer);
        self.touched_interactions.insert(id);
        if done {
            self.leave_memory(id);
        }
    }

    fn leave_memory(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.remove(&id) else { return };
        self.touched_interactions.remove(&id);
        self.sequences.remove(&slot.row.place.sequence);
        self.classes.use_class(slot.class, false);
        if let Some(address) = &slot.row.address {
            let callbacks = &mut self.queues[slot.queue].callbacks;
            if callbacks.get(address) == Some(&id) {
                callbacks.remove(address);
            }
        }
        self.ended += 1;
        self.taken_next.interactions.push(slot.row);
    }

    /// The class of a row, made if it is new.
    pub(super) fn class_of(&mut self, queue: usize, row: &Interaction) -> usize {
        let routes = match (row.origin, &row.address) {
            (Origin::Immediate, Some(address)) => {
                self.queues[queue].settings.addresses.routes(address)
            }
            (Origin::Immediate, None) | (Origin::Live, _) => Vec::new(),
        };
        let key = ClassKey { queue, skills: row.skills.clone(), routes };
        if let Some(class) = self.classes.find(&key) {
            return class;
        }
        let class = self.classes.add(key);
        self.dirty_classes.set(class, false);
        for n in 0..self.agents.len() {
            let serves = self.may_serve(n, class);
            let agent = &mut self.agents[n];
            agent.serves.set(class, serves);
            if serves && agent.indexed_here {
                self.classes.get_mut(class).logged_in += 1;
            }
        }
        class
    }

    /// Puts an interaction whose address changed into its new class.
    pub(super) fn reclass(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.get_mut(&id) else { return };
        let (queue, old, row) = (slot.queue, slot.class, slot.row.clone());
        let class = self.class_of(queue, &row);
        if class == old {
            return;
        }
        let Some(slot) = self.interactions.get_mut(&id) else { return };
        if let Some((spot, place)) = slot.indexed.spot.take() {
            self.classes.stand(old, spot, place, None);
        }
        if slot.indexed.placed.is_some() {
            self.classes.hold_place(old, false);
            self.classes.hold_place(class, true);
        }
        slot.class = class;
        self.classes.use_class(old, false);
        self.classes.use_class(class, true);
        self.settle(id);
    }

    pub(super) fn may_serve(&self, agent: usize, class: usize) -> bool {
        let key = &self.classes.get(class).key;
        let agent = &self.agents[agent];
        let queue = agent.queues.as_ref().is_none_or(|queues| queues.has(key.queue));
        queue && key.skills.satisfied_by(&agent.row.skills)
    }

    /// Changes an agent's row and brings the indexes in step with it.
    pub(super) fn change_agent(&mut self, n: usize, change: impl FnOnce(&mut Agent)) {
        change(&mut self.agents[n].row);
        self.touched_agents.insert(n);
        self.settle_agent(n);
    }

    pub(super) fn settle_agent(&mut self, n: usize) {
        let slot = &mut self.agents[n];
        let ready = (slot.row.state == AgentState::Ready).then_some(slot.row.since);
        if slot.indexed_ready != ready {
            if let Some(since) = slot.indexed_ready {
                self.ready.remove(&(since, slot.row.id.clone(), n));
            }
            if let Some(since) = ready {
                self.ready.insert((since, slot.row.id.clone(), n));
                self.dirty_agents.insert(n);
            }
            slot.indexed_ready = ready;
        }
        let held = slot.held.filter(|_| ready.is_some()).map(|(_, until)| until);
        let timer = slot.row.deadline.or(held);
        move_timer(&mut self.timers, Timer::Agent(slot.row.id.clone()), slot.timer, timer);
        slot.timer = timer;
        let here = slot.row.state != AgentState::LoggedOut;
        if slot.indexed_here != here {
            slot.indexed_here = here;
            let mut deserted = Vec::new();
            for class in slot.serves.iter() {
                let of = self.classes.get_mut(class);
                of.logged_in = if here { of.logged_in + 1 } else { of.logged_in.saturating_sub(1) };
                if of.logged_in == 0 {
                    deserted.extend(self.classes.on_line(class));
                }
            }
            self.ask_soon(deserted);
        }
    }

    /// Recomputes the classes that an agent may serve, after their skills changed.
    pub(super) fn reclass_agent(&mut self, n: usize) {
        let here = self.agents[n].indexed_here;
        let classes: Vec<usize> = self.classes.all().map(|(class, _)| class).collect();
        let mut deserted = Vec::new();
        for class in classes {
            let (served, serves) = (self.agents[n].serves.has(class), self.may_serve(n, class));
            self.agents[n].serves.set(class, serves);
            let of = self.classes.get_mut(class);
            match (here, served, serves) {
                (true, false, true) => of.logged_in += 1,
                (true, true, false) => of.logged_in = of.logged_in.saturating_sub(1),
                (false, _, _) | (true, true, true) | (true, false, false) => {}
            }
            if of.logged_in == 0 && served {
                deserted.extend(self.classes.on_line(class));
            }
        }
        self.ask_soon(deserted);
        self.dirty_agents.insert(n);
    }

    /// Dialled consumers whom nobody logged in can serve any more are asked at once.
    fn ask_soon(&mut self, waiting: Vec<InteractionId>) {
        for id in waiting {
            let now = self.now;
            if let Some(slot) = self.interactions.get_mut(&id)
                && !slot.row.caller_leg
                && !slot.row.asked
            {
                slot.row.deadline = Some(now);
                self.settle(id);
            }
        }
    }

    /// Changes the row of an open attempt.
    pub(super) fn change_attempt(&mut self, id: AttemptId, change: impl FnOnce(&mut Attempt)) {
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        let was = attempt.deadline;
        change(attempt);
        move_timer(&mut self.timers, Timer::Attempt(id), was, attempt.deadline);
        self.touched_attempts.insert(id);
    }

    pub(super) fn settings_of(&self, id: InteractionId) -> Option<Arc<QueueSettings>> {
        self.interactions.get(&id).map(|slot| self.queues[slot.queue].settings.clone())
    }
}

fn move_timer(
    timers: &mut std::collections::BTreeSet<(Timestamp, Timer)>,
    key: Timer,
    was: Option<Timestamp>,
    wanted: Option<Timestamp>,
) {
    if was == wanted {
        return;
    }
    if let Some(at) = was {
        timers.remove(&(at, key.clone()));
    }
    if let Some(at) = wanted {
        timers.insert((at, key));
    }
}

impl Interaction {
    /// Is it over?
    pub fn done(&self) -> bool {
        matches!(self.stage, Stage::Done(_))
    }

    /// Does it hold a place: does it count for those behind it?
    pub fn placed(&self) -> bool {
        !matches!(self.stage, Stage::Bridged(_) | Stage::Done(_))
    }

    /// Its last attempt, which may be open, closed, or (serial 0) not yet made.
    pub fn attempt(&self) -> AttemptId {
        AttemptId { interaction: self.id, serial: self.attempts_made }
    }

    fn spot(&self, waits_for_leg: bool) -> Option<Spot> {
        match self.stage {
            Stage::Waiting => Some(Spot::Line),
            Stage::Virtual { not_before } => {
                (not_before.is_none() && !waits_for_leg).then_some(Spot::Due)
            }
            Stage::Dialing
            | Stage::Confirming
            | Stage::Alerting(_)
            | Stage::Bridged(_)
            | Stage::Done(_) => None,
        }
    }

    /// The next instant at which something happens to it by time alone, and what.
    pub fn timer(&self) -> Option<(Timestamp, &'static str)> {
        let deadline = |reason| self.deadline.map(|at| (at, reason));
        match &self.stage {
            Stage::Virtual { not_before } => [
                not_before.map(|at| (at, "retry_delay")),
                self.close_at.map(|at| (at, "close_of_business")),
                self.purge_at.map(|at| (at, "purge")),
            ]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at),
            Stage::Dialing => deadline("ring_timeout"),
            Stage::Confirming => deadline("confirm_timeout"),
            Stage::Waiting if self.caller_leg => deadline("longest_wait"),
            Stage::Waiting if self.asked => deadline("choice_timeout"),
            Stage::Waiting => deadline("answered_wait_max"),
            Stage::Alerting(_) => deadline("agent_ring_timeout"),
            Stage::Bridged(_) | Stage::Done(_) => None,
        }
    }
}
