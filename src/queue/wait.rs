//! Position and estimated wait.

use super::Queue;
use super::agent::AgentState;
use super::classes::{Bits, ClassKey};
use super::interaction::Place;
use super::skill::SkillExpression;
use crate::ident::{InteractionId, QueueId};
use crate::time::Duration;

/// The handling time assumed until [`SAMPLES_MIN`] calls were handled.
const HANDLING_ASSUMED: Duration = Duration::from_secs(90);
const SAMPLES_MIN: usize = 10;

impl Queue {
    /// Position in its queue, 1 is next; `None` if it holds no place (bridged, done, unknown).
    pub fn position(&self, id: InteractionId) -> Option<u32> {
        let slot = self.interactions.get(&id).filter(|slot| slot.row.placed())?;
        Some(self.ahead(slot.queue, Some(slot.row.place)).saturating_add(1))
    }

    /// Estimated wait of an interaction that holds a place; `None` when nobody logged in could
    /// serve it.
    pub fn ewt(&self, id: InteractionId) -> Option<Duration> {
        let slot = self.interactions.get(&id).filter(|slot| slot.row.placed())?;
        self.estimate(slot.queue, &slot.row.skills, self.ahead(slot.queue, Some(slot.row.place)))
    }

    /// Estimated wait of one who would join the queue now, asking for its default skills; `None`
    /// when nobody logged in could serve, or there is no such queue.
    pub fn queue_ewt(&self, queue: &QueueId) -> Option<Duration> {
        let q = *self.queue_index.get(queue)?;
        self.estimate(q, &self.queues[q].settings.skills, self.ahead(q, None))
    }

    /// How many hold a place in a queue.
    pub fn queue_length(&self, queue: &QueueId) -> u32 {
        self.queue_index.get(queue).map_or(0, |&q| self.ahead(q, None))
    }

    fn ahead(&self, q: usize, place: Option<Place>) -> u32 {
        let places = &self.queues[q].places;
        let count = place.map_or(places.len(), |place| places.range(..place).count());
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Mean handling time x ceil((ahead + 1 - Ready agents) / agents), at least 0; an agent who
    /// could serve k queues in which somebody waits counts 1/k.
    fn estimate(&self, q: usize, skills: &SkillExpression, ahead: u32) -> Option<Duration> {
        let waiting = self.queues_with_waiting();
        let key = ClassKey { queue: q, skills: skills.clone(), routes: Vec::new() };
        let class = self.classes.find(&key);
        let (mut agents, mut ready) = (0.0, 0_i64);
        for agent in &self.agents {
            let serves = match class {
                Some(class) => agent.serves.has(class),
                None => {
                    agent.queues.as_ref().is_none_or(|queues| queues.has(q))
                        && skills.satisfied_by(&agent.row.skills)
                }
            };
            if serves && agent.indexed_here {
                let queues = waiting.iter().filter(|classes| agent.serves.meets(classes)).count();
                agents += 1.0 / queues.max(1) as f64;
                ready += i64::from(agent.row.state == AgentState::Ready);
            }
        }
        if agents == 0.0 {
            return None;
        }
        let turns = (i64::from(ahead) + 1 - ready).max(0) as f64 / agents;
        Some(self.handling_time(q).mul_f64(turns.ceil()))
    }

    /// For each queue in which somebody holds a place, the classes of those who do.
    fn queues_with_waiting(&self) -> Vec<Bits> {
        let mut queues = vec![Bits::default(); self.queues.len()];
        for class in self.classes.placed.iter() {
            queues[self.classes.get(class).key.queue].set(class, true);
        }
        queues
    }

    fn handling_time(&self, q: usize) -> Duration {
        let handled = &self.queues[q].handled;
        let count = u32::try_from(handled.len()).unwrap_or(u32::MAX);
        match handled.len() < SAMPLES_MIN {
            true => HANDLING_ASSUMED,
            false => handled.iter().sum::<Duration>() / count,
        }
    }
}
