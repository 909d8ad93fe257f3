//! Changing a row and keeping every index in step with it: the only way a row changes.

use std::sync::Arc;

use super::agent::{Agent, AgentState};
use super::classes::{ClassKey, Spot};
use super::effect::{Effect, NotTakenOver, PushEvent};
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
        let (position, ewt) = self.standing_at(id, row);
        let Some(slot) = self.interactions.get_mut(&id) else { return };
        let was_on_line = slot.row.stage.on_line();
        change(&mut slot.row);
        let comes = slot.row.stage.on_line() && !was_on_line;
        self.taken_next.transitions.push(Transition {
            at: self.now,
            interaction: id,
            row,
            stage: slot.row.stage.clone(),
            agent: with.agent,
            attempt: with.attempt,
            position,
            ewt,
        });
        self.settle(id);
        let position = if comes { self.position(id) } else { None };
        if let (Some(_), Some(last)) = (position, self.taken_next.transitions.last_mut()) {
            last.position = position;
        }
    }

    /// Gives an interaction its outcome.
    pub(super) fn finish(
        &mut self,
        id: InteractionId,
        row: &'static str,
        with: With,
        outcome: Outcome,
    ) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let now = self.now;
        let notify = slot.row.notify;
        if slot.row.called_in && slot.row.menu_until.is_some() {
            // They wait for the end of a dial to take their place.
            self.not_taken_over(id, NotTakenOver::Over);
        }
        self.end_requests(id);
        self.forget_open(id);
        self.step(id, row, with, |i| {
            i.stage = Stage::Done(outcome);
            i.deadline = None;
            i.asked = false;
            i.node = None;
            i.share_until = None;
            i.menu_until = None;
            i.leave_at = None;
            i.ended_at = Some(now);
        });
        if notify {
            let event = PushEvent::Completed(outcome);
            self.effects.push(Effect::Push { interaction: id, event });
        }
    }

    /// Brings the indexes in step with an interaction's row; one that is Done leaves memory.
    pub(super) fn settle(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.get_mut(&id) else { return };
        let row = &slot.row;
        let settings = &self.queues[slot.queue].settings;
        let booked = row.due_at.filter(|_| !row.done()).map(|due| {
            let known = slot.indexed.booked.filter(|&(was, _)| was == due);
            known.unwrap_or_else(|| (due, settings.slot_of(due)))
        });
        let waits = row.caller_leg
            || row.menu_until.is_some()
            || self.attempts.contains_key(&row.attempt());
        let wanted = Standing {
            place: row.place,
            placed: row.placed(),
            spot: row.spot(waits),
            untold: row.placed() && row.notify && !row.upcoming && row.origin != Origin::Live,
            timer: row.timer().map(|(at, _)| at),
            share: row.share_until.is_some(),
            booked,
        };
        let was = std::mem::replace(&mut slot.indexed, wanted);
        let (queue, class, done) = (slot.queue, slot.class, row.done());
        if was.placed() != wanted.placed() {
            let places = &mut self.queues[queue].places;
            if let Some(place) = was.placed() {
                places.remove(&place);
            }
            if let Some(place) = wanted.placed() {
                places.insert(place, id);
            }
            if was.placed != wanted.placed {
                // The first or the last of its kind moves the estimates of every queue that shares
                // its agents.
                if self.hold_place(class, wanted.placed) {
                    self.look_at_all_pushes();
                }
            }
        }
        self.note_untold(queue, id, was, wanted);
        self.rebook(queue, was, wanted);
        if was.placed() != wanted.placed() || was.share != wanted.share {
            self.dirty_pushes.set(queue, true);
        }
        if was.share != wanted.share {
            let shares = &mut self.queues[queue].shares;
            match wanted.share {
                true => _ = shares.insert(id, class),
                false => _ = shares.remove(&id),
            }
        }
        if was.spot() != wanted.spot() {
            self.restand(id, was, wanted);
        }
        move_timer(&mut self.deadlines, id, was.timer, wanted.timer);
        self.touched_interactions.insert(id);
        if done {
            self.leave_memory(id);
        }
    }

    /// Another spot, or another place at the same.
    fn restand(&mut self, id: InteractionId, was: Standing, wanted: Standing) {
        let Some((queue, class)) = self.interactions.get(&id).map(|slot| (slot.queue, slot.class))
        else {
            return;
        };
        if let Some((spot, place)) = was.spot() {
            self.classes.stand(class, spot, place, None);
            // Somebody may have been passed over for it.
            if spot == Spot::Push {
                self.dirty_pushes.set(queue, true);
            }
        }
        if let Some((spot, place)) = wanted.spot() {
            self.classes.stand(class, spot, place, Some(id));
            match spot {
                Spot::Line | Spot::Due => self.dirty_classes.set(class, true),
                Spot::Push => self.dirty_pushes.set(queue, true),
            }
        }
    }

    fn note_untold(&mut self, queue: usize, id: InteractionId, was: Standing, wanted: Standing) {
        if was.untold() == wanted.untold() {
            return;
        }
        let untold = &mut self.queues[queue].untold;
        if let Some(place) = was.untold() {
            untold.remove(&place);
        }
        if let Some(place) = wanted.untold() {
            untold.insert(place, id);
        }
    }

    /// What was booked is free, and what is booked is taken.
    fn rebook(&mut self, queue: usize, was: Standing, wanted: Standing) {
        if was.booked == wanted.booked {
            return;
        }
        let slots = &mut self.queues[queue].slots;
        if let Some((_, Some(slot))) = was.booked {
            slots.release(slot);
        }
        if let Some((_, Some(slot))) = wanted.booked {
            slots.reserve(slot);
        }
    }

    /// One more, or one fewer, of a class has a place. Is it the first, or was it the last? Then
    /// the agents who may serve it may be shared by one queue more, or by one fewer.
    fn hold_place(&mut self, class: usize, more: bool) -> bool {
        if !self.classes.hold_place(class, more) {
            return false;
        }
        let waiting = &mut self.queues[self.classes.get(class).key.queue].waiting;
        for agent in self.agents.iter_mut().filter(|agent| agent.serves.has(class)) {
            waiting.set(class, false);
            if !agent.serves.meets(waiting) {
                match more {
                    true => agent.sharing += 1,
                    false => agent.sharing = agent.sharing.saturating_sub(1),
                }
            }
        }
        waiting.set(class, more);
        true
    }

    /// In how many queues somebody has a place whom this agent could serve.
    fn count_sharing(&mut self, n: usize) {
        let serves = &self.agents[n].serves;
        let waiting = self.queues.iter().filter(|queue| serves.meets(&queue.waiting));
        self.agents[n].sharing = u32::try_from(waiting.count()).unwrap_or(u32::MAX);
    }

    fn leave_memory(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.remove(&id) else { return };
        self.touched_interactions.remove(&id);
        self.sequences.remove(&slot.row.place.sequence);
        self.classes.use_class(slot.class, false);
        self.ended += 1;
        self.taken_next.interactions.push(slot.row);
    }

    /// The class of a row, made if it is new.
    pub(super) fn class_of(&mut self, queue: usize, row: &Interaction) -> usize {
        let address = row.address.as_ref().filter(|_| row.origin.dialled());
        let addresses = &self.queues[queue].settings.addresses;
        let routes = address.map_or(Vec::new(), |address| addresses.routes(address));
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
        let standing = std::mem::take(&mut slot.indexed.spot);
        let (place, placed) = (slot.indexed.place, slot.indexed.placed);
        slot.class = class;
        if let Some(spot) = standing {
            self.classes.stand(old, spot, place, None);
        }
        if placed {
            let emptied = self.hold_place(old, false);
            if self.hold_place(class, true) || emptied {
                self.look_at_all_pushes();
            }
        }
        if let Some(share) = self.queues[queue].shares.get_mut(&id) {
            *share = class;
        }
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
            self.look_at_all_pushes();
        }
        let slot = &mut self.agents[n];
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
            self.look_at_all_pushes();
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
        self.count_sharing(n);
        self.ask_soon(deserted);
        self.look_at_all_pushes();
        self.dirty_agents.insert(n);
    }

    /// Dialled consumers whom nobody logged in can serve any more are asked at once; callers who
    /// are only still here because somebody could serve them after closing leave.
    pub(super) fn ask_soon(&mut self, waiting: Vec<InteractionId>) {
        for id in waiting {
            let now = self.now;
            let Some(slot) = self.interactions.get_mut(&id) else { continue };
            let row = &mut slot.row;
            if !row.caller_leg && !row.asked {
                row.deadline = Some(now);
            } else if row.origin == Origin::Live && row.close_at.is_some_and(|at| at <= now) {
                row.leave_at = Some(now);
            } else {
                continue;
            }
            self.settle(id);
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

fn move_timer<K: Ord + Clone>(
    timers: &mut std::collections::BTreeSet<(Timestamp, K)>,
    key: K,
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
        match self.stage {
            Stage::Virtual { .. }
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Waiting
            | Stage::Alerting(_) => true,
            Stage::Scheduled | Stage::Lapsed | Stage::Bridged(_) | Stage::Done(_) => false,
        }
    }

    /// Is it a callback that counts as open for its address? Once an agent answered its promise is
    /// kept, wherever its consumer is transferred then.
    pub fn open_callback(&self) -> bool {
        let over = matches!(self.stage, Stage::Lapsed | Stage::Done(_));
        self.origin != Origin::Live && !over && self.connected_at.is_none()
    }

    /// Its last attempt, which may be open, closed, or (serial 0) not yet made.
    pub fn attempt(&self) -> AttemptId {
        AttemptId { interaction: self.id, serial: self.attempts_made }
    }

    fn spot(&self, waits: bool) -> Option<Spot> {
        match self.stage {
            Stage::Waiting => Some(Spot::Line),
            Stage::Virtual { not_before: None } if !waits => {
                Some(if self.origin == Origin::CallIn { Spot::Push } else { Spot::Due })
            }
            Stage::Virtual { .. }
            | Stage::Scheduled
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Lapsed
            | Stage::Alerting(_)
            | Stage::Bridged(_)
            | Stage::Done(_) => None,
        }
    }

    /// The next instant at which something happens to it by time alone, and what.
    pub fn timer(&self) -> Option<(Timestamp, &'static str)> {
        let at = |at: Option<Timestamp>, why| at.map(|at| (at, why));
        let deadline = |why| at(self.deadline, why);
        let menu = at(self.menu_until, "menu");
        let close = at(self.close_at, "close_of_business");
        let purge = at(self.purge_at, "purge");
        let first = |all: &[Option<(Timestamp, &'static str)>]| {
            all.iter().flatten().min_by_key(|(at, _)| *at).copied()
        };
        match &self.stage {
            Stage::Scheduled => first(&[at(self.due_at, "due"), menu]),
            // Its consumer is on the line, asked what is to become of it.
            Stage::Virtual { .. } if self.menu_until.is_some() => menu,
            Stage::Virtual { not_before } => first(&[at(*not_before, "retry_delay"), close, purge]),
            Stage::Pushed | Stage::AwaitingCallIn => {
                let share = at(self.share_until, "ready_answer_time");
                match menu.is_some() {
                    true => first(&[share, menu]),
                    false => first(&[deadline("pushed_callback_expiry"), share, close, purge]),
                }
            }
            Stage::Lapsed => first(&[close, purge]),
            Stage::Dialing => deadline("ring_timeout"),
            Stage::Confirming => deadline("confirm_timeout"),
            Stage::Waiting => {
                let why = match (self.caller_leg, self.asked) {
                    (true, _) => "longest_wait",
                    (false, true) => "choice_timeout",
                    (false, false) => "answered_wait_max",
                };
                first(&[deadline(why), at(self.leave_at, "close_of_business")])
            }
            Stage::Alerting(_) => deadline("agent_ring_timeout"),
            Stage::Bridged(_) | Stage::Done(_) => None,
        }
    }
}
