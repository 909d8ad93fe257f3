//! What the world outside may see of the system, whatever the queue believes: checked beside the
//! invariants of the queue itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ringback::ident::{AgentId, AttemptId, InteractionId};
use ringback::queue::agent::AfterCall;
use ringback::queue::effect::EndReason;
use ringback::queue::event::{BridgeEnd, NotReadyReason};
use ringback::queue::{AgentState, Changed, Effect, Event, Queue, Stage};
use ringback::store::gate::{Departure, Gate};
use ringback::store::memory::Memory;
use ringback::time::{Duration, Timestamp};

use crate::bench::Violation;

/// A leg that we end is gone after this, reported or not: 64 * T1 (RFC 3261 section 17).
pub(crate) const GONE_AFTER: Duration = Duration::from_secs(32);

/// What is true outside.
#[derive(Default)]
pub(crate) struct Checks {
    /// Orders made that have not left, oldest first, with their step.
    made: VecDeque<(u64, Effect)>,
    /// Everybody who ever called.
    entered: BTreeSet<InteractionId>,
    /// Legs of callers, on the line until we are told that they are gone, and since when we end
    /// them.
    callers: BTreeMap<InteractionId, Option<Timestamp>>,
    /// Legs of dials, open from the dial to the report of their end, and since when we end them.
    dialled: BTreeMap<AttemptId, Option<Timestamp>>,
    /// Dials that were answered.
    answered: BTreeSet<AttemptId>,
    /// Phones of agents that ring.
    ringing: BTreeMap<AgentId, InteractionId>,
    /// Agents joined with a person.
    joined: BTreeMap<AgentId, InteractionId>,
    /// Consultations, and other calls of agents, of which no end was told.
    own_calls: BTreeSet<(AgentId, Option<AgentId>)>,
    /// Callbacks that somebody was promised.
    promised: BTreeSet<InteractionId>,
    /// Interactions that reached their outcome and in which step.
    done: BTreeMap<InteractionId, u64>,
    /// The last durable step.
    durable: u64,
}

fn broken<T>(rule: &'static str, text: String) -> Result<T, Violation> {
    Err(Violation { rule, text })
}

impl Checks {
    /// A fact is about to be told; `false` if it cannot be one (only in a run that was cut down: an
    /// attempt that was never dialled neither answers nor ends).
    pub(crate) fn told(&mut self, event: &Event) -> bool {
        match event {
            Event::CallArrived { interaction, .. } if self.entered.insert(*interaction) => {
                self.callers.insert(*interaction, None);
            }
            Event::CallerHungUp { interaction } | Event::CallerLeft { interaction, .. } => {
                self.callers.remove(interaction);
            }
            Event::AttemptEnded { attempt, .. } => {
                if self.withheld(attempt) {
                    return false;
                }
                self.dialled.remove(attempt);
            }
            Event::AttemptAnswered { attempt }
            | Event::ConsumerConfirmed { attempt }
            | Event::ConsumerPostponed { attempt, .. }
            | Event::ConsumerRefused { attempt } => return !self.withheld(attempt),
            Event::AgentDeclined { agent, interaction, .. }
                if self.ringing.get(agent) == Some(interaction) =>
            {
                self.ringing.remove(agent);
            }
            Event::ConsultationBegan { agent, with } => {
                self.own_calls.insert((agent.clone(), with.clone()));
            }
            Event::ConsultationEnded { agent, with } => {
                self.own_calls.remove(&(agent.clone(), with.clone()));
            }
            Event::BridgeEnded { interaction, cause: BridgeEnd::Agent | BridgeEnd::Lost } => {
                self.joined.retain(|_, with| with != interaction);
            }
            _ => {}
        }
        true
    }

    fn withheld(&self, attempt: &AttemptId) -> bool {
        self.made.iter().any(
            |(_, effect)| matches!(effect, Effect::Dial { attempt: held, .. } if held == attempt),
        )
    }

    /// Orders were made in this step.
    pub(crate) fn made(
        &mut self,
        step: u64,
        now: Timestamp,
        effects: &[Effect],
        changed: &Changed,
    ) -> Result<(), Violation> {
        self.made.extend(effects.iter().map(|effect| (step, effect.clone())));
        for effect in effects {
            // This end may wait for the disk; the telephone waits for it 10 s, and hangs up.
            if let Effect::EndAttempt { attempt, reason: EndReason::NeverAgain } = effect {
                self.end(now, attempt.interaction);
            }
        }
        for transition in &changed.transitions {
            let id = transition.interaction;
            // Also if we were about to end it: they called in, and answered in the same moment.
            if let ("dialing-answered-confirming", Some(attempt)) =
                (transition.row, transition.attempt)
            {
                self.answered.insert(attempt);
                self.dialled.entry(attempt).and_modify(|ending| *ending = None);
            }
            if let Stage::Done(outcome) = transition.stage
                && self.done.insert(id, step).is_some()
            {
                return broken("outcome_once", format!("{id} ended a second time: {outcome:?}"));
            }
        }
        Ok(())
    }

    /// Every step up to this is durable.
    pub(crate) fn durable(&mut self, step: u64) {
        self.durable = step;
    }

    /// Orders left the gate.
    pub(crate) fn left(
        &mut self,
        now: Timestamp,
        departures: &[Departure],
        memory: &Memory,
    ) -> Result<(), Violation> {
        for departure in departures {
            match departure {
                Departure::Leaves(effect) => {
                    self.in_order(effect)?;
                    self.take(effect)?;
                    self.perform(now, effect, memory)?;
                }
                Departure::Revoked { held, by } => {
                    self.take(held)?;
                    self.take(by)?;
                }
            }
        }
        Ok(())
    }

    /// An order may leave only if nothing of its own that was made before is still here.
    fn in_order(&self, effect: &Effect) -> Result<(), Violation> {
        let before = self.made.iter().take_while(|(_, made)| made != effect).find(|(_, made)| {
            (made.interaction() == effect.interaction()
                && made.for_outside() == effect.for_outside())
                || made.agent().is_some_and(|agent| effect.agent() == Some(agent))
        });
        match before {
            Some((_, before)) => {
                broken("effects_in_order", format!("{effect:?} left before {before:?}"))
            }
            None => Ok(()),
        }
    }

    /// An order leaves once.
    fn take(&mut self, effect: &Effect) -> Result<(), Violation> {
        let Some(at) = self.made.iter().position(|(_, made)| made == effect) else {
            return broken("effects_in_order", format!("left twice or never made: {effect:?}"));
        };
        if let Some((step, made)) = self.made.remove(at)
            && made.waits_for_commit()
            && step > self.durable
            && !matches!(made, Effect::Dial { .. })
        {
            return broken("intent_before_invite", format!("{made:?} left before its commit"));
        }
        Ok(())
    }

    fn perform(
        &mut self,
        now: Timestamp,
        effect: &Effect,
        memory: &Memory,
    ) -> Result<(), Violation> {
        match effect {
            Effect::Dial { attempt, .. } => return self.dial(now, *attempt, memory),
            Effect::Registered { interaction } => {
                self.promised.insert(*interaction);
                self.end(now, *interaction);
            }
            Effect::NotAdmitted { interaction, .. } => {
                self.callers.remove(interaction);
            }
            Effect::Release { interaction, .. } => self.end(now, *interaction),
            Effect::EndAttempt { attempt, reason: EndReason::CalledIn }
                if self.answered.contains(attempt) => {}
            Effect::EndAttempt { attempt, .. } => self.end(now, attempt.interaction),
            Effect::Alert { agent, interaction, .. } => {
                self.somebody_there(*interaction)?;
                if let Some(before) = self.ringing.insert(agent.clone(), *interaction) {
                    let text = format!("{agent} rings for {before} and {interaction}");
                    return broken("agent_engaged_once", text);
                }
            }
            Effect::CancelAlert { agent, .. } => {
                self.ringing.remove(agent);
            }
            Effect::Connect { agent, interaction } => {
                self.somebody_there(*interaction)?;
                self.ringing.remove(agent);
                self.joined.insert(agent.clone(), *interaction);
            }
            Effect::Disconnect { agent, .. } => {
                self.joined.remove(agent);
            }
            Effect::Accepted { interaction, .. } => {
                self.promised.insert(*interaction);
            }
            Effect::CallInMatched { callback: Some(id), .. }
            | Effect::TakenOver { interaction: id } => {
                self.callers.insert(*id, None);
            }
            Effect::LeaveQueue { interaction, .. } => {
                self.callers.remove(interaction);
            }
            _ => {}
        }
        Ok(())
    }

    /// We end whatever leg the interaction has.
    fn end(&mut self, now: Timestamp, interaction: InteractionId) {
        let caller = self.callers.get_mut(&interaction).into_iter();
        let dials = self.dialled.iter_mut().filter(|(dial, _)| dial.interaction == interaction);
        for ending in caller.chain(dials.map(|(_, ending)| ending)) {
            ending.get_or_insert(now);
        }
    }

    /// An agent's phone rings, and is joined, only for somebody who is on the line and stays.
    fn somebody_there(&self, interaction: InteractionId) -> Result<(), Violation> {
        let caller = self.callers.get(&interaction).into_iter();
        let dials = self.dialled.iter().filter(|(dial, _)| dial.interaction == interaction);
        let mut legs = caller.chain(dials.map(|(_, ending)| ending));
        if legs.any(|ending| ending.is_none()) {
            return Ok(());
        }
        broken("no_ringing_for_nobody", format!("{interaction} is not on the line or let go"))
    }

    fn dial(
        &mut self,
        now: Timestamp,
        attempt: AttemptId,
        memory: &Memory,
    ) -> Result<(), Violation> {
        let intent = memory.attempt(attempt).is_some_and(|row| row.ended_at.is_none());
        if !intent {
            return broken("intent_before_invite", format!("{attempt} is not on disk"));
        }
        let interaction = attempt.interaction;
        let there = |ending: &Option<Timestamp>| ending.is_none_or(|at| now < at + GONE_AFTER);
        let mut dials = self.dialled.iter().filter(|(dial, _)| dial.interaction == interaction);
        if let Some((open, _)) = dials.find(|(_, ending)| there(ending)) {
            let text = format!("{attempt} is dialled while {open} may ring");
            return broken("dialled_one_at_a_time", text);
        }
        if self.callers.get(&interaction).is_some_and(there) {
            let text = format!("{attempt} is dialled while the caller is on the line");
            return broken("dialled_one_at_a_time", text);
        }
        self.dialled.insert(attempt, None);
        Ok(())
    }

    /// The process died: legs in it are gone, except those of dials, of which nothing is known.
    /// What was not durable did not happen.
    pub(crate) fn restarted(&mut self, durable: u64) {
        self.durable = durable;
        self.made.clear();
        self.callers.clear();
        self.own_calls.clear();
        self.ringing.clear();
        self.joined.clear();
        self.done.retain(|_, step| *step <= durable);
    }

    /// Does the world agree with the queue?
    pub(crate) fn world(
        &self,
        queue: &Queue,
        memory: &Memory,
        gate: &Gate,
    ) -> Result<(), Violation> {
        if gate.withheld_since().is_none()
            && let Some((step, lost)) = self.made.front()
        {
            return broken("nothing_lost", format!("step {step}: {lost:?} will never leave"));
        }
        for id in &self.promised {
            let present = queue.interaction(*id).is_some() || self.done.contains_key(id);
            if !present {
                return broken("nothing_lost", format!("{id} was promised and is not there"));
            }
        }
        self.phones(queue)?;
        self.own_calls(queue)?;
        self.people(queue, memory)
    }

    /// Nobody is kept from calls by one of their own that is over.
    fn own_calls(&self, queue: &Queue) -> Result<(), Violation> {
        let outbound = NotReadyReason::Outbound;
        for agent in queue.agents() {
            let kept = agent.state == AgentState::NotReady(outbound)
                || agent.after_call == Some(AfterCall::NotReady(outbound));
            let is_theirs = |(asks, asked): &(AgentId, Option<AgentId>)| {
                *asks == agent.id || asked.as_ref() == Some(&agent.id)
            };
            if kept && !self.own_calls.iter().any(is_theirs) {
                return broken("own_call_ends", format!("{} is kept by no call", agent.id));
            }
        }
        Ok(())
    }

    /// At the end of a run that drained.
    pub(crate) fn finished(&self, memory: &Memory) -> Result<(), Violation> {
        let mut ends: BTreeMap<InteractionId, u32> = BTreeMap::new();
        for transition in memory.trail() {
            if matches!(transition.stage, Stage::Done(_)) {
                *ends.entry(transition.interaction).or_default() += 1;
            }
        }
        for id in self.promised.iter().chain(ends.keys()) {
            let (count, row) = (ends.get(id).copied().unwrap_or(0), memory.interaction(*id));
            if count != 1 || !row.is_some_and(|row| matches!(row.stage, Stage::Done(_))) {
                return broken(
                    "outcome_once",
                    format!("{id} has {count} outcomes on disk: {row:?}"),
                );
            }
        }
        Ok(())
    }

    fn phones(&self, queue: &Queue) -> Result<(), Violation> {
        let stage = |id: &InteractionId| queue.interaction(*id).map(|row| &row.stage);
        for (agent, id) in &self.ringing {
            let alerting = stage(id).is_some_and(|s| matches!(s, Stage::Alerting(a) if a == agent));
            if !alerting && !self.held_for(agent) {
                let text = format!("{agent} rings for {id}, who is {:?}", stage(id));
                return broken("no_ringing_for_nobody", text);
            }
        }
        for (agent, id) in &self.joined {
            let bridged = stage(id).is_some_and(|s| matches!(s, Stage::Bridged(a) if a == agent));
            if !bridged && !self.held_for(agent) {
                let text = format!("{agent} is joined with {id}, who is {:?}", stage(id));
                return broken("no_silent_call", text);
            }
        }
        Ok(())
    }

    fn held_for(&self, agent: &AgentId) -> bool {
        self.made.iter().any(|(_, effect)| effect.agent() == Some(agent))
    }

    /// Nobody stays on the line of an interaction that is over, and no dialled phone rings for it.
    fn people(&self, queue: &Queue, memory: &Memory) -> Result<(), Violation> {
        let dialled = self.dialled.iter().map(|(attempt, ending)| (attempt.interaction, ending));
        let legs = self.callers.iter().map(|(&id, ending)| (id, ending)).chain(dialled);
        for (id, _) in legs.filter(|(_, ending)| ending.is_none()) {
            let over = queue.interaction(id).is_none() && memory.interaction(id).is_some();
            let held = self.made.iter().any(|(_, effect)| effect.interaction() == id);
            if over && !held {
                return broken("no_silent_call", format!("{id} is over and still on the line"));
            }
        }
        Ok(())
    }
}
