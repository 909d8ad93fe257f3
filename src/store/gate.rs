//! Which order leaves when: commit first, act second, with the one exception that is safe.
//!
//! ```text
//! submit ── immediate, nothing of its own held before it ───────────▶ leaves
//!        ── spends or gives a promise, or follows one that is held ─▶ held
//! held   ── its step is committed and nothing of its own is before ─▶ leaves
//!        ── revoked by a later order ───────────────────────────────▶ dropped with the revocation
//! ```
//!
//! "Its own" are the orders of the same interaction or the same agent: they leave in the order
//! made. A failed commit is tried again with the same steps, so nothing leaves on a failure and
//! nothing is lost. The gate must not wait, drop or reorder by itself; deadlines belong to the
//! node, which admits no new promise while the gate is not [healthy](Gate::healthy).

use std::collections::{BTreeSet, VecDeque};

use crate::ident::{AgentId, InteractionId};
use crate::queue::Effect;
use crate::time::Timestamp;

/// Orders held at which the gate stops being healthy. It drops none, but whoever admits nothing new
/// from here on bounds it: an interaction has at most a handful of orders held.
pub const HELD_MAX: usize = 10_000;

/// What the gate lets out.
#[derive(Clone, PartialEq, Debug)]
pub enum Departure {
    /// Carry it out now.
    Leaves(Effect),
    /// It was held, will never leave, and neither will the order that revoked it. For a dial the
    /// queue still waits for the end of the attempt, which the node reports.
    Revoked {
        /// The order that never left.
        held: Effect,
        /// The order that took it back.
        by: Effect,
    },
}

/// The orders that wait for a commit, and those that wait behind them.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    held: VecDeque<Held>,
    committed: u64,
    failed_since: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Held {
    step: u64,
    since: Timestamp,
    effect: Effect,
}

impl Gate {
    /// A gate before which every step up to `committed` is on disk ([`super::Loaded::step`]).
    pub fn new(committed: u64) -> Self {
        Self { held: VecDeque::new(), committed, failed_since: None }
    }

    /// The orders of one step, in the order made; returns what leaves at once. `step` is the number
    /// under which the rows of the step will be committed, never lower than one seen before.
    pub fn submit(&mut self, step: u64, now: Timestamp, effects: Vec<Effect>) -> Vec<Departure> {
        let mut out = Vec::new();
        for effect in effects {
            if let Some(at) = self.held.iter().position(|held| effect.revokes(&held.effect)) {
                out.extend(self.revoke(at, effect));
            } else if self.may_leave(step, &effect) {
                out.push(Departure::Leaves(effect));
            } else {
                self.held.push_back(Held { step, since: now, effect });
            }
        }
        out
    }

    /// Every step up to `step` is on disk; returns what leaves now, oldest first.
    pub fn committed(&mut self, step: u64) -> Vec<Departure> {
        self.failed_since = None;
        self.committed = self.committed.max(step);
        self.sweep()
    }

    /// A commit failed and will be tried again with the same steps. Nothing leaves.
    pub fn failed(&mut self, now: Timestamp) {
        self.failed_since.get_or_insert(now);
    }

    /// May a new promise be made? Not between a failed commit and the next that succeeds, nor with
    /// [`HELD_MAX`] orders held.
    pub fn healthy(&self) -> bool {
        self.failed_since.is_none() && self.held.len() < HELD_MAX
    }

    /// Since when commits fail; `None` if the last one succeeded.
    pub fn failed_since(&self) -> Option<Timestamp> {
        self.failed_since
    }

    /// Since when the order held longest has been held; `None` if none is.
    pub fn withheld_since(&self) -> Option<Timestamp> {
        self.held.front().map(|held| held.since)
    }

    fn may_leave(&self, step: u64, effect: &Effect) -> bool {
        let on_disk = step <= self.committed || !effect.waits_for_commit();
        on_disk && !self.held.iter().any(|held| same_owner(&held.effect, effect))
    }

    fn revoke(&mut self, at: usize, by: Effect) -> Vec<Departure> {
        let revoked = self.held.remove(at).map(|held| Departure::Revoked { held: held.effect, by });
        // What stood behind the order that is gone may have nothing before it any more.
        revoked.into_iter().chain(self.sweep()).collect()
    }

    fn sweep(&mut self) -> Vec<Departure> {
        let mut out = Vec::new();
        let mut blocked = Blocked::default();
        for held in std::mem::take(&mut self.held) {
            let on_disk = held.step <= self.committed || !held.effect.waits_for_commit();
            if on_disk && !blocked.holds(&held.effect) {
                out.push(Departure::Leaves(held.effect));
            } else {
                blocked.add(&held.effect);
                self.held.push_back(held);
            }
        }
        out
    }
}

fn same_owner(one: &Effect, other: &Effect) -> bool {
    let agents = one.agent().zip(other.agent());
    let lanes = one.for_outside() == other.for_outside();
    (lanes && one.interaction() == other.interaction())
        || agents.is_some_and(|(one, other)| one == other)
}

/// The interactions and agents that have an order held.
#[derive(Default)]
struct Blocked {
    /// And whether it is for outside.
    interactions: BTreeSet<(InteractionId, bool)>,
    agents: BTreeSet<AgentId>,
}

impl Blocked {
    fn holds(&self, effect: &Effect) -> bool {
        self.interactions.contains(&(effect.interaction(), effect.for_outside()))
            || effect.agent().is_some_and(|agent| self.agents.contains(agent))
    }

    fn add(&mut self, effect: &Effect) {
        self.interactions.insert((effect.interaction(), effect.for_outside()));
        self.agents.extend(effect.agent().cloned());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ident::{AttemptId, QueueId, Route};
    use crate::phone::Address;
    use crate::queue::effect::EndReason;
    use crate::queue::interaction::Origin;
    use crate::time::Duration;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn dial(interaction: u128, serial: u32) -> Effect {
        Effect::Dial {
            attempt: AttemptId { interaction: InteractionId(interaction), serial },
            queue: QueueId::new("billing"),
            address: Address::parse("1001").unwrap(),
            route: Route::Registrar,
            triggered_by: AgentId::new("ann"),
            ring_timeout: Duration::from_secs(30),
            confirm: true,
        }
    }

    fn end(interaction: u128, serial: u32) -> Effect {
        let attempt = AttemptId { interaction: InteractionId(interaction), serial };
        Effect::EndAttempt { attempt, reason: EndReason::Cancelled }
    }

    fn registered(interaction: u128) -> Effect {
        Effect::Registered { interaction: InteractionId(interaction) }
    }

    fn alert(interaction: u128, agent: &str) -> Effect {
        Effect::Alert {
            agent: AgentId::new(agent),
            interaction: InteractionId(interaction),
            queue: QueueId::new("billing"),
            origin: Origin::Live,
            arrival: NOW,
            attempts: 0,
            ring_timeout: Duration::from_secs(20),
        }
    }

    fn cancel(interaction: u128, agent: &str) -> Effect {
        let (agent, interaction) = (AgentId::new(agent), InteractionId(interaction));
        Effect::CancelAlert { agent, interaction }
    }

    fn leaves(effects: Vec<Effect>) -> Vec<Departure> {
        effects.into_iter().map(Departure::Leaves).collect()
    }

    #[test]
    fn an_alert_leaves_at_once_and_a_promise_waits_for_its_own_step() {
        let mut gate = Gate::new(6);
        let step = vec![alert(1, "ann"), dial(2, 1), registered(3)];
        assert_eq!(gate.submit(7, NOW, step), leaves(vec![alert(1, "ann")]));
        assert_eq!(gate.submit(8, NOW + Duration::from_secs(1), vec![dial(4, 1)]), []);
        assert_eq!(gate.withheld_since(), Some(NOW));
        assert_eq!(gate.committed(7), leaves(vec![dial(2, 1), registered(3)]));
        assert_eq!(gate.withheld_since(), Some(NOW + Duration::from_secs(1)));
        assert_eq!(gate.committed(8), leaves(vec![dial(4, 1)]));
        assert_eq!(gate.withheld_since(), None);
        assert_eq!(gate.submit(8, NOW, vec![dial(5, 1)]), leaves(vec![dial(5, 1)]));
    }

    #[test]
    fn an_immediate_order_queues_behind_a_held_one_of_its_own() {
        let mut gate = Gate::new(0);
        assert_eq!(gate.submit(1, NOW, vec![registered(1)]), []);
        // Behind interaction 1; then behind ann, who is in the order before; bob is free.
        let step = vec![alert(1, "ann"), cancel(2, "ann"), alert(2, "bob"), alert(3, "eve")];
        assert_eq!(gate.submit(2, NOW, step), leaves(vec![alert(3, "eve")]));
        let behind = vec![registered(1), alert(1, "ann"), cancel(2, "ann"), alert(2, "bob")];
        assert_eq!(
            gate.committed(1),
            leaves(behind),
            "an immediate order needs no commit of its own"
        );
    }

    #[test]
    fn a_revoked_dial_is_dropped_with_its_revocation_and_frees_what_stood_behind() {
        let mut gate = Gate::new(0);
        assert_eq!(gate.submit(1, NOW, vec![dial(1, 1), alert(1, "ann")]), []);
        let revoked = Departure::Revoked { held: dial(1, 1), by: end(1, 1) };
        let alert = Departure::Leaves(alert(1, "ann"));
        assert_eq!(gate.submit(2, NOW, vec![end(1, 1)]), [revoked, alert]);
        assert_eq!(gate.committed(2), []);
        // A dial that left is ended like any other, and only the dial of the same attempt is
        // revoked.
        assert_eq!(gate.submit(3, NOW, vec![dial(1, 2), end(1, 1)]), []);
        assert_eq!(gate.committed(3), leaves(vec![dial(1, 2), end(1, 1)]));
        assert_eq!(gate.submit(4, NOW, vec![end(1, 2)]), leaves(vec![end(1, 2)]));
    }

    #[test]
    fn nothing_leaves_on_a_failure_and_nothing_is_lost() {
        let mut gate = Gate::new(0);
        assert!(gate.healthy());
        assert_eq!(gate.submit(1, NOW, vec![registered(1)]), []);
        gate.failed(NOW);
        gate.failed(NOW + Duration::from_secs(5));
        assert_eq!((gate.healthy(), gate.failed_since()), (false, Some(NOW)));
        assert_eq!(gate.submit(2, NOW, vec![alert(2, "ann")]), leaves(vec![alert(2, "ann")]));
        assert_eq!(gate.committed(2), leaves(vec![registered(1)]));
        assert!(gate.healthy());
        let many = (0..HELD_MAX).map(|n| registered(n as u128)).collect();
        assert_eq!(gate.submit(3, NOW, many), []);
        assert!(!gate.healthy(), "a full gate takes no new promise");
    }

    #[derive(Clone, Debug)]
    enum Action {
        Submit(Vec<Effect>),
        Commit(u64),
        Fail,
    }

    fn actions() -> impl Strategy<Value = Vec<Action>> {
        let agent = prop::sample::select(vec!["ann", "bob", "eve"]);
        let effect = (0..6u8, 0..4u128, agent).prop_map(|(kind, id, agent)| match kind {
            0 | 1 => dial(id, 1),
            2 => end(id, 1),
            3 => registered(id),
            4 => alert(id, agent),
            _ => cancel(id, agent),
        });
        let action = prop_oneof![
            3 => prop::collection::vec(effect, 0..4).prop_map(Action::Submit),
            2 => (0..3u64).prop_map(Action::Commit),
            1 => Just(Action::Fail),
        ];
        prop::collection::vec(action, 0..60)
    }

    /// Numbers every dial and registration, so that no two orders of a run are equal where it
    /// counts.
    fn numbered(effect: Effect, serial: u32, last: &mut [Option<u32>; 4]) -> Effect {
        let id = effect.interaction().0;
        let slot = &mut last[id as usize];
        match effect {
            Effect::Dial { .. } => dial(id, *slot.insert(serial)),
            Effect::EndAttempt { .. } => end(id, slot.unwrap_or(0)),
            Effect::Alert { agent, .. } => alert(id, agent.as_str()),
            other @ (Effect::NotAdmitted { .. }
            | Effect::CancelAlert { .. }
            | Effect::Connect { .. }
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
            | Effect::AskKeepWaiting { .. }) => other,
        }
    }

    proptest! {
        #[test]
        fn any_interleaving_keeps_order_promises_and_orders(actions in actions()) {
            let (mut gate, mut step, mut durable, mut serial) = (Gate::new(0), 0, 0, 0);
            let (mut last_dial, mut newest) = ([None; 4], 0);
            let mut made: Vec<(u64, Effect)> = Vec::new();
            let mut left: Vec<usize> = Vec::new();
            let mut revoked: BTreeSet<usize> = BTreeSet::new();
            let finish = [Action::Commit(u64::MAX)];
            for action in actions.into_iter().chain(finish) {
                let departures = match action {
                    Action::Submit(effects) => {
                        step += 1;
                        let effects: Vec<Effect> = effects
                            .into_iter()
                            .map(|effect| {
                                serial += 1;
                                numbered(effect, serial, &mut last_dial)
                            })
                            .collect();
                        newest = made.len();
                        made.extend(effects.iter().map(|effect| (step, effect.clone())));
                        gate.submit(step, NOW, effects)
                    }
                    Action::Commit(more) => {
                        durable = step.min(u64::saturating_add(durable, more));
                        gate.committed(durable)
                    }
                    Action::Fail => {
                        gate.failed(NOW);
                        Vec::new()
                    }
                };
                for departure in departures {
                    let gone = |effect: &Effect, left: &[usize], revoked: &BTreeSet<usize>| {
                        let free = |at: &usize| !left.contains(at) && !revoked.contains(at);
                        (0..made.len()).filter(free).find(|&at| made[at].1 == *effect)
                    };
                    match departure {
                        Departure::Leaves(effect) => {
                            let at = gone(&effect, &left, &revoked);
                            prop_assert!(at.is_some(), "left twice or never made: {effect:?}");
                            let at = at.unwrap();
                            let early = effect.waits_for_commit() && made[at].0 > durable;
                            prop_assert!(!early, "left before its commit: {effect:?}");
                            left.push(at);
                        }
                        Departure::Revoked { held, by } => {
                            prop_assert!(by.revokes(&held));
                            let at = gone(&held, &left, &revoked);
                            prop_assert!(at.is_some(), "revoked after it left: {held:?}");
                            revoked.insert(at.unwrap());
                            // Of several that read alike the first made after it, in this step.
                            let free = |at: &usize| !left.contains(at) && !revoked.contains(at);
                            let from = newest.max(at.unwrap_or_default() + 1);
                            let by = (from..made.len()).filter(free).find(|&n| made[n].1 == by);
                            prop_assert!(by.is_some(), "the revocation left before");
                            revoked.insert(by.unwrap());
                        }
                    }
                }
            }
            prop_assert_eq!(left.len() + revoked.len(), made.len(), "lost");
            for (n, &later) in left.iter().enumerate() {
                let overtaken = left[n..].iter().find(|&&earlier| {
                    earlier < later && same_owner(&made[earlier].1, &made[later].1)
                });
                prop_assert!(overtaken.is_none(), "{:?} overtook", made[later].1);
            }
        }
    }
}
