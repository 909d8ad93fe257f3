//! Consumers who call in: whose turn it is to be told, who accepted, whose call it is, who lapsed;
//! and those who call while their callback is pending.
//!
//! Pushes are not triggered by an agent: they go out in order of place while fewer are out than
//! the agents logged in can take. Of two callbacks that the same agent could serve, in one queue or
//! two, the later is never pushed while the earlier waits for its turn. Must not: see a code, know
//! an app.

use std::collections::{BTreeMap, BTreeSet};

use super::classes::{Bits, Spot};
use super::effect::{CallInRefusal, Effect, EndReason, NotTakenOver, PushEvent};
use super::event::CallInAsked;
use super::interaction::{Outcome, Place, Stage};
use super::matching::{CallInRequest, Combination, Match, NewCallIn, Presented, Refused};
use super::upkeep::With;
use super::{AgentSlot, Queue};
use crate::ident::{CallInId, GroupId, InteractionId, NodeId};
use crate::time::{Duration, Timestamp};

/// How long one who calls in while their callback is pending may think about it.
const MENU_MAX: Duration = Duration::from_secs(60);
/// A request that a call is tied to, what agreed, and the callback it is for.
type Found = (CallInId, Combination, Option<InteractionId>);
/// How many are looked at, at most, for whom the turn comes near.
const UPCOMING_LOOKED_AT: usize = 32;

impl Queue {
    /// Tells the app, where there is one.
    pub(super) fn push(&mut self, id: InteractionId, event: PushEvent) {
        if self.interaction(id).is_some_and(|row| row.notify) {
            self.effects.push(Effect::Push { interaction: id, event });
        }
    }

    // ---- whose turn it is

    pub(super) fn look_at_all_pushes(&mut self) {
        for q in 0..self.queues.len() {
            self.dirty_pushes.set(q, true);
        }
    }

    /// Pushes what may be pushed, once something changed.
    pub(super) fn push_turns(&mut self) {
        if self.dirty_pushes.is_empty() {
            return;
        }
        self.push_in_order();
        let dirty = std::mem::take(&mut self.dirty_pushes);
        for q in dirty.iter() {
            self.push_upcoming(q);
        }
        self.dirty_pushes.clear();
    }

    /// In the one order of all queues: queues may share agents.
    fn push_in_order(&mut self) {
        let processed = |&class: &usize| {
            let queue = &self.queues[self.classes.get(class).key.queue];
            queue.settings.process_callbacks
        };
        let classes: Vec<usize> = self.classes.push.present.iter().filter(processed).collect();
        let mut heads: BTreeMap<Place, usize> = BTreeMap::new();
        for class in classes {
            let head = self.classes.next(class, Spot::Push, None);
            heads.extend(head.map(|place| (place, class)));
        }
        // The agents for whom somebody waits who was passed over.
        let mut spoken_for = Bits::default();
        let here = self.agents_here(|_| true);
        while let Some((place, class)) = heads.pop_first() {
            if here.count_common(&spoken_for) == here.iter().count() {
                break;
            }
            let agents = self.agents_here(|agent| agent.serves.has(class));
            if agents.meets(&spoken_for) || !self.may_push(class, &agents) {
                spoken_for.join(&agents);
                continue;
            }
            let Some(id) = self.classes.at(class, Spot::Push, place) else { continue };
            self.push_ready(id);
            if self.classes.push.present.has(class) {
                let next = self.classes.next(class, Spot::Push, Some(place));
                heads.extend(next.map(|place| (place, class)));
            }
        }
    }

    /// Those logged in, by their numbers.
    fn agents_here(&self, serves: impl Fn(&AgentSlot) -> bool) -> Bits {
        let mut agents = Bits::default();
        for (n, agent) in self.agents.iter().enumerate() {
            if agent.indexed_here && serves(agent) {
                agents.set(n, true);
            }
        }
        agents
    }

    /// Is there an agent of these for one more, beside those of the queue who were told?
    fn may_push(&self, class: usize, agents: &Bits) -> bool {
        let queue = &self.queues[self.classes.get(class).key.queue];
        let (count, mut told) = (queue.shares.len() as u64, Bits::default());
        queue.shares.values().for_each(|&class| told.set(class, true));
        told.set(class, true);
        let able = self.agents_here(|agent| agent.serves.meets(&told)).iter().count() as u64;
        let factor = u64::from(queue.settings.pushes.factor_percent);
        !agents.is_empty() && count < (able * factor / 100).max(1)
    }

    fn push_ready(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let pushes = self.queues[slot.queue].settings.pushes;
        let (now, lapses) = (self.now, self.now + pushes.expiry);
        self.step(id, "virtual-turn-pushed", With::default(), |i| {
            i.stage = Stage::Pushed;
            i.deadline = Some(lapses);
            i.share_until = Some(now + pushes.ready_answer_time);
            i.upcoming = true;
        });
        self.push(id, PushEvent::Ready);
    }

    /// Tells, once, those first in line whose wait is short now.
    fn push_upcoming(&mut self, q: usize) {
        let queue = &self.queues[q];
        let Some(below) = queue.settings.pushes.upcoming_below else { return };
        let soon = |id: &&InteractionId| self.ewt(**id).is_ok_and(|ewt| ewt < below);
        let first = queue.untold.values().take(UPCOMING_LOOKED_AT);
        let ids: Vec<InteractionId> = first.filter(soon).copied().collect();
        for id in ids {
            if let Some(slot) = self.interactions.get_mut(&id) {
                slot.row.upcoming = true;
            }
            self.settle(id);
            self.push(id, PushEvent::Upcoming);
        }
    }

    // ---- by time

    pub(super) fn pushed_overdue(&mut self, id: InteractionId) {
        let Some(row) = self.interaction(id) else { return };
        let due = |at: Option<Timestamp>| at.is_some_and(|at| at <= self.now);
        let (pushed, lapses) = (row.stage == Stage::Pushed, due(row.deadline));
        let in_menu = row.menu_until.is_some();
        if !in_menu && (due(row.close_at) || due(row.purge_at)) {
            return self.gone_by_time(id);
        }
        if due(row.menu_until) {
            return self.menu_over(id);
        }
        if in_menu || !lapses {
            // It does not react: its share of the pacing is free.
            if let Some(slot) = self.interactions.get_mut(&id) {
                slot.row.share_until = None;
            }
            return self.settle(id);
        }
        let expired = self.call_ins.expire_for(self.now, id);
        self.note_call_ins(expired);
        self.forget_open(id);
        let row = if pushed { "pushed-expired-lapsed" } else { "awaiting-expired-lapsed" };
        self.step(id, row, With::default(), |i| {
            i.stage = Stage::Lapsed;
            i.deadline = None;
            i.share_until = None;
            i.menu_until = None;
        });
        self.push(id, PushEvent::Expired);
    }

    /// Purge or close of business of a callback with nobody on the line, whichever came first.
    pub(super) fn gone_by_time(&mut self, id: InteractionId) {
        let Some(row) = self.interaction(id) else { return };
        let attempt = row.attempt();
        let closed = row.close_at.is_some_and(|close| {
            close <= self.now && row.purge_at.is_none_or(|purge| close <= purge)
        });
        let (outcome, n) = if closed { (Outcome::Closed, 1) } else { (Outcome::Purged, 0) };
        let rows = match row.stage {
            Stage::Virtual { .. } => ["virtual-purged-done", "virtual-closed-done"],
            Stage::Pushed => ["pushed-purged-done", "pushed-closed-done"],
            Stage::AwaitingCallIn => ["awaiting-purged-done", "awaiting-closed-done"],
            Stage::Lapsed => ["lapsed-purged-done", "lapsed-closed-done"],
            Stage::Scheduled
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Waiting
            | Stage::Alerting(_)
            | Stage::Bridged(_)
            | Stage::Done(_) => return,
        };
        self.end_attempt(attempt, EndReason::Cancelled);
        self.finish(id, rows[n], With::default(), outcome);
    }

    // ---- requests

    pub(super) fn call_in_requested(&mut self, asked: CallInAsked) {
        let (request, callback) = (asked.request, asked.callback);
        let interaction = callback.unwrap_or(InteractionId(request.0));
        if let Err(why) = self.grant(asked) {
            self.effects.push(Effect::CallInRefused { request, interaction, why });
        }
    }

    fn grant(&mut self, asked: CallInAsked) -> Result<(), CallInRefusal> {
        let not_after = match asked.callback {
            None => None,
            Some(id) => Some(self.may_accept(id)?),
        };
        let group = self.call_in_groups.get(&asked.group).ok_or(CallInRefusal::UnknownGroup)?;
        let new = NewCallIn {
            id: asked.request,
            group: asked.group.clone(),
            ani: asked.from,
            interaction: asked.callback,
            data: asked.data,
            not_after,
            codes: asked.codes,
        };
        let created =
            self.call_ins.create(self.now, group, new).map_err(|refused| match refused {
                Refused::NoneFree { retry_at } => CallInRefusal::NoneFree { retry_at },
                Refused::AniNeeded => CallInRefusal::NumberNeeded,
                Refused::TooLate | Refused::IdInUse => CallInRefusal::Over,
            })?;
        let row = created.request;
        self.note_call_ins(created.voided);
        self.touched_requests.insert(row.id);
        let interaction = asked.callback.unwrap_or(InteractionId(row.id.0));
        if let Some(id) = asked.callback {
            self.accepted(id);
        }
        self.effects.push(Effect::CallInGranted {
            request: row.id,
            interaction,
            number: row.number,
            code: created.code,
            expires_at: row.expires_at,
        });
        if let Some(id) = asked.callback {
            self.push(id, PushEvent::CallIn(row.id));
        }
        Ok(())
    }

    /// How often a callback was accepted whose turn it is: another number with each acceptance, so
    /// that a token of it is good once. `None`: it is not its turn.
    pub fn turn(&self, id: InteractionId) -> Option<u32> {
        let row = self.interaction(id)?;
        matches!(row.stage, Stage::Pushed | Stage::AwaitingCallIn).then_some(row.accepted)
    }

    /// Until when may a request for this callback be valid?
    fn may_accept(&self, id: InteractionId) -> Result<Timestamp, CallInRefusal> {
        let row = self.interaction(id).ok_or(CallInRefusal::Over)?;
        match row.stage {
            Stage::Pushed | Stage::AwaitingCallIn => {
                let ends = [row.deadline, row.purge_at, row.close_at];
                ends.into_iter().flatten().min().ok_or(CallInRefusal::Over)
            }
            Stage::Lapsed | Stage::Done(_) => Err(CallInRefusal::Over),
            Stage::Scheduled
            | Stage::Virtual { .. }
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Waiting
            | Stage::Alerting(_)
            | Stage::Bridged(_) => Err(CallInRefusal::NotItsTurn),
        }
    }

    fn accepted(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let first = slot.row.stage == Stage::Pushed;
        let share = self.now + self.queues[slot.queue].settings.pushes.ready_answer_time;
        let row = if first { "pushed-accepted-awaiting" } else { "awaiting-accepted-awaiting" };
        self.step(id, row, With::default(), |i| {
            i.stage = Stage::AwaitingCallIn;
            i.accepted = i.accepted.saturating_add(1);
            if first {
                i.share_until = Some(share);
            }
        });
    }

    /// No request for this callback matches any more.
    pub(super) fn end_requests(&mut self, id: InteractionId) {
        let ended = self.call_ins.end_for(self.now, id);
        self.note_call_ins(ended);
    }

    pub(super) fn expire_requests(&mut self) {
        let expired = self.call_ins.expire(self.now);
        self.note_call_ins(expired);
        self.set_requests_timer();
    }

    fn note_call_ins(&mut self, ended: impl IntoIterator<Item = CallInRequest>) {
        for row in ended {
            self.touched_requests.remove(&row.id);
            self.taken_next.requests.push(row);
        }
    }

    // ---- whose call it is

    pub(super) fn call_in_arrived(
        &mut self,
        call: InteractionId,
        group: &GroupId,
        presented: &Presented,
        routed: &BTreeSet<Combination>,
        node: NodeId,
    ) {
        match self.find_request(group, presented) {
            // This entry does not lead such callers into a queue: their callback waits on.
            Some((_, combination, Some(_))) if !routed.contains(&combination) => {
                self.effects.push(Effect::CallInUnmatched { interaction: call, combination });
            }
            Some((request, combination, callback)) => {
                let row = self.call_ins.get(request);
                let row = row.or_else(|| self.call_ins.expired_lately(request));
                let data = row.and_then(|row| row.data.clone());
                if let Some(id) = callback {
                    self.matched(id, node);
                } else {
                    let spent = self.call_ins.spend(self.now, request, presented.since);
                    self.note_call_ins(spent);
                }
                self.effects.push(Effect::CallInMatched {
                    interaction: call,
                    request,
                    combination,
                    callback,
                    data: data.filter(|_| callback.is_none()),
                });
            }
            None => {
                let combination = Combination::NONE;
                self.effects.push(Effect::CallInUnmatched { interaction: call, combination });
            }
        }
    }

    fn find_request(&self, group: &GroupId, presented: &Presented) -> Option<Found> {
        let settings = self.call_in_groups.get(group)?;
        // A matched caller keeps the request until an agent answers: they may drop and come back.
        let usable = |id| {
            self.interaction(id).is_some_and(|row| {
                // It lapsed after their call had reached the entry: unless they have another now.
                row.stage == Stage::AwaitingCallIn
                    || (row.stage == Stage::Lapsed && !self.is_replaced(id))
            })
        };
        match self.call_ins.matches(group, settings, presented, self.now, usable) {
            Match::One { id, combination } => {
                let row = self.call_ins.get(id).or_else(|| self.call_ins.expired_lately(id))?;
                Some((id, combination, row.interaction))
            }
            Match::NotFound | Match::Ambiguous => None,
        }
    }

    fn matched(&mut self, id: InteractionId, node: NodeId) {
        let lapsed = self.interaction(id).is_some_and(|row| row.stage == Stage::Lapsed);
        let row = if lapsed { "lapsed-matched-waiting" } else { "awaiting-matched-waiting" };
        self.come_on_line(id, row, node);
        if lapsed {
            self.note_open(id);
        }
        // It stays theirs as long as they are on the line.
        self.prolong_requests(id, self.now + super::consumers::LONGEST_WAIT);
    }

    /// The request of a callback is valid until then.
    fn prolong_requests(&mut self, id: InteractionId, until: Timestamp) {
        let prolonged = self.call_ins.prolong(id, until);
        self.touched_requests.extend(prolonged);
    }

    /// The consumer of a callback is on the line, at its place.
    fn come_on_line(&mut self, id: InteractionId, row: &'static str, node: NodeId) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let settings = self.queues[slot.queue].settings.clone();
        let longest = self.now + super::consumers::LONGEST_WAIT;
        let leave_at = slot.row.first_end().filter(|_| settings.purge_on_line);
        let now = self.now;
        self.step(id, row, With::default(), |i| {
            i.stage = Stage::Waiting;
            i.caller_leg = true;
            i.node = Some(node);
            i.deadline = Some(longest);
            i.leave_at = leave_at;
            i.share_until = None;
            i.menu_until = None;
            i.last_contact = Some(now);
        });
    }

    /// A matched caller dropped before an agent answered: for a while they may come back.
    pub(super) fn await_reconnect(&mut self, id: InteractionId, row: &'static str) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let until = self.now + self.queues[slot.queue].settings.pushes.reconnect_grace;
        self.step(id, row, With::default(), |i| {
            i.stage = Stage::AwaitingCallIn;
            i.caller_leg = false;
            i.node = None;
            i.deadline = Some(until);
            i.leave_at = None;
        });
        let end = self.interaction(id).and_then(|row| row.first_end());
        self.prolong_requests(id, end.map_or(until, |end| end.min(until)));
    }

    /// Whoever called in while their callback was pending dropped before an agent answered: it
    /// stands as before, and is not dialled before its time.
    pub(super) fn back_to_place(&mut self, id: InteractionId, row: &'static str) {
        let now = self.now;
        self.step(id, row, With::default(), |i| {
            i.stage = Stage::Virtual { not_before: None };
            // One who was to be called later gave that time up for as long as they were here.
            i.place.arrival = i.due_at.map_or(i.place.arrival, |due| due.max(i.place.arrival));
            i.called_in = false;
            i.caller_leg = false;
            i.node = None;
            i.deadline = None;
            i.leave_at = None;
            i.last_contact = Some(now);
        });
        if self.interaction(id).is_some_and(|row| row.due_at.is_some_and(|due| due > now)) {
            self.step(id, "virtual-undue-scheduled", With::default(), |i| {
                i.stage = Stage::Scheduled;
            });
        }
        self.promise_again(id);
    }

    /// An agent answered a matched caller: the request is used up.
    pub(super) fn spend_requests(&mut self, id: InteractionId) {
        let spent = self.call_ins.spend_for(self.now, id);
        self.note_call_ins(spent);
    }

    // ---- calling in while a callback is pending

    /// The consumer is asked what to do: nothing is dialled or pushed meanwhile.
    pub(super) fn menu_opened(&mut self, id: InteractionId) {
        let Some(row) = self.interaction(id) else { return };
        let attempt = row.attempt();
        match row.stage {
            Stage::Scheduled | Stage::Virtual { .. } | Stage::Pushed | Stage::AwaitingCallIn => {}
            Stage::Dialing => self.end_attempt(attempt, EndReason::CalledIn),
            Stage::Confirming
            | Stage::Lapsed
            | Stage::Waiting
            | Stage::Alerting(_)
            | Stage::Bridged(_)
            | Stage::Done(_) => return,
        }
        self.hold_for_menu(id, None);
    }

    /// The consumer keeps their callback, or hung up. What was to happen to it meanwhile does now.
    pub(super) fn menu_closed(&mut self, id: InteractionId) {
        self.menu_over(id);
        self.expire();
        let stands = self.interaction(id).is_some_and(|row| row.stage != Stage::Lapsed);
        match stands {
            true => self.effects.push(Effect::Kept { interaction: id }),
            false => self.not_taken_over(id, NotTakenOver::Over),
        }
    }

    pub(super) fn not_taken_over(&mut self, id: InteractionId, why: NotTakenOver) {
        self.effects.push(Effect::NotTakenOver { interaction: id, why });
    }

    pub(super) fn menu_over(&mut self, id: InteractionId) {
        let Some(slot) = self.interactions.get_mut(&id) else { return };
        if slot.row.menu_until.take().is_none() {
            return;
        }
        slot.row.called_in = false;
        match slot.row.stage {
            Stage::Virtual { .. } => self.step(id, "virtual-menu-virtual", With::default(), |_| {}),
            Stage::Scheduled
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Lapsed
            | Stage::Waiting
            | Stage::Alerting(_)
            | Stage::Bridged(_)
            | Stage::Done(_) => self.settle(id),
        }
    }

    /// The consumer wants to speak to someone now, at the place of their callback.
    pub(super) fn called_in(&mut self, id: InteractionId, node: NodeId) {
        let Some(slot) = self.interactions.get(&id).filter(|slot| slot.row.stage != Stage::Lapsed)
        else {
            return self.not_taken_over(id, NotTakenOver::Over);
        };
        let row = &slot.row;
        let open = self.queues[slot.queue].settings.hours.open_at(self.now);
        let attempt = row.attempt();
        let name = match row.stage {
            _ if row.caller_leg || row.called_in => None,
            Stage::Scheduled => Some("scheduled-calledin-waiting"),
            Stage::Virtual { .. } => Some("virtual-calledin-waiting"),
            Stage::Pushed => Some("pushed-calledin-waiting"),
            Stage::AwaitingCallIn => Some("awaiting-calledin-waiting"),
            Stage::Dialing => Some("dialing-calledin-waiting"),
            Stage::Confirming
            | Stage::Lapsed
            | Stage::Waiting
            | Stage::Alerting(_)
            | Stage::Bridged(_)
            | Stage::Done(_) => None,
        };
        let Some(name) = name else {
            // The phone that we dialled was answered in the same moment: it wins.
            return self.not_taken_over(id, NotTakenOver::Talking);
        };
        if !open {
            self.not_taken_over(id, NotTakenOver::Closed);
            return self.menu_over(id);
        }
        self.end_requests(id);
        if let Some(slot) = self.interactions.get_mut(&id) {
            slot.row.called_in = true;
        }
        if self.attempts.contains_key(&attempt) {
            // First the phone that we dialled is known to be silent: see `attempt_ended`.
            self.end_attempt(attempt, EndReason::CalledIn);
            return self.hold_for_menu(id, Some(node));
        }
        self.take_over(id, name, node);
    }

    /// Neither dialled nor pushed for a while.
    fn hold_for_menu(&mut self, id: InteractionId, node: Option<NodeId>) {
        let until = self.now + MENU_MAX;
        if let Some(slot) = self.interactions.get_mut(&id) {
            slot.row.menu_until = Some(until);
            slot.row.node = node.or(slot.row.node.take());
        }
        self.settle(id);
    }

    /// Nobody waits any more to take this place.
    pub(super) fn forget_call_in(&mut self, id: InteractionId) {
        if let Some(slot) = self.interactions.get_mut(&id) {
            slot.row.called_in = false;
            self.touched_interactions.insert(id);
        }
    }

    /// The leg that stood in the way of a consumer who called in is gone.
    pub(super) fn take_over_now(&mut self, id: InteractionId, row: &'static str) {
        let node = self.interaction(id).and_then(|row| row.node.clone());
        let node = node.unwrap_or_else(|| self.this_node.clone());
        self.take_over(id, row, node);
    }

    fn take_over(&mut self, id: InteractionId, row: &'static str, node: NodeId) {
        let now = self.now;
        if let Some(slot) = self.interactions.get_mut(&id) {
            // One who was to be called later has no place yet: it is taken now.
            slot.row.place.arrival = slot.row.place.arrival.min(now);
        }
        self.come_on_line(id, row, node);
        self.effects.push(Effect::TakenOver { interaction: id });
    }
}
