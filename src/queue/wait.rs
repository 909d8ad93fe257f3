//! Position and estimated wait.

use super::Queue;
use super::agent::AgentState;
use super::classes::ClassKey;
use super::interaction::{ACCEPTED, ANSWERED, OFFERED, Place, ROUTED, Stage, TURNS};
use super::settings::EwtMode;
use super::skill::SkillExpression;
use crate::ident::{InteractionId, QueueId};
use crate::time::Duration;

/// The handling time assumed until [`SAMPLES_MIN`] calls were handled.
const HANDLING_ASSUMED: Duration = Duration::from_secs(90);
const SAMPLES_MIN: usize = 10;
/// Calls that the mean of mode 2 is taken over.
const SAMPLES_MAX: usize = 50;
/// More than the error of a sum of fractions, less than what any number of queues makes of them.
const ROUNDING: f64 = 1e-9;
/// At a callback's turn no more are counted, before it or after it: a turn is decided often.
const COUNTED_MAX: usize = 256;
/// What mode 3 looks back on, from the last call.
const WINDOW: Duration = Duration::from_secs(600);

/// Why a wait cannot be estimated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EwtUnknown {
    /// Nobody logged in could serve.
    NobodyLoggedIn,
    /// Fewer than two calls were distributed.
    NoDistributions,
    /// No such queue, or nobody who waits.
    NotWaiting,
}

impl EwtUnknown {
    /// What stands for the seconds of a wait that is not known, where numbers alone are answered.
    pub const WAIT: i64 = -1;

    /// Why, in a number: -2 nobody is logged in, -1 too few calls were distributed; `None` for who
    /// does not wait.
    pub fn result_code(self) -> Option<i64> {
        match self {
            EwtUnknown::NobodyLoggedIn => Some(-2),
            EwtUnknown::NoDistributions => Some(-1),
            EwtUnknown::NotWaiting => None,
        }
    }
}

impl Queue {
    /// Position in its queue, 1 is next; `None` if it holds no place (bridged, done, unknown).
    pub fn position(&self, id: InteractionId) -> Option<u32> {
        let slot = self.interactions.get(&id).filter(|slot| slot.row.placed())?;
        Some(self.ahead(slot.queue, Some(slot.row.place)).saturating_add(1))
    }

    /// Estimated wait of an interaction that holds a place.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn ewt(&self, id: InteractionId) -> Result<Duration, EwtUnknown> {
        let slot = self.interactions.get(&id).filter(|slot| slot.row.placed());
        let slot = slot.ok_or(EwtUnknown::NotWaiting)?;
        self.estimate(slot.queue, &slot.row.skills, self.ahead(slot.queue, Some(slot.row.place)))
    }

    /// What the trail says of one about to take a row: the place, and the wait estimated.
    pub(super) fn standing_at(
        &self,
        id: InteractionId,
        row: &str,
    ) -> (Option<u32>, Option<Duration>) {
        let Some(slot) = self.interactions.get(&id) else { return (None, None) };
        let [offered, accepted] = [OFFERED.contains(&row), ACCEPTED.contains(&row)];
        let answered = ANSWERED.contains(&row);
        if TURNS.contains(&row) {
            let ahead = self.counted(slot.queue, slot.row.place, COUNTED_MAX);
            return (ahead.map(|ahead| ahead.saturating_add(1)), None);
        }
        if row == ROUTED || !(slot.row.stage.on_line() || accepted || answered) {
            return (None, None);
        }
        let told = slot.row.told.map(|(_, ewt)| ewt).filter(|_| accepted);
        let estimated = offered || accepted || answered;
        let ewt = told.or_else(|| self.ewt(id).ok().filter(|_| estimated));
        (self.position(id), ewt)
    }

    /// Estimated wait of one who would join the queue now, asking for its default skills; those who
    /// wait on the line count or not.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn queue_ewt(&self, queue: &QueueId, on_line: bool) -> Result<Duration, EwtUnknown> {
        let q = *self.queue_index.get(queue).ok_or(EwtUnknown::NotWaiting)?;
        let ahead = if on_line { self.ahead(q, None) } else { self.ahead_off_line(q) };
        self.estimate(q, &self.queues[q].settings.skills, ahead)
    }

    /// How many hold a place in a queue.
    pub fn queue_length(&self, queue: &QueueId) -> u32 {
        self.queue_index.get(queue).map_or(0, |&q| self.ahead(q, None))
    }

    fn ahead(&self, q: usize, place: Option<Place>) -> u32 {
        let all = u32::try_from(self.queues[q].places.len()).unwrap_or(u32::MAX);
        place.and_then(|place| self.counted(q, place, usize::MAX)).unwrap_or(all)
    }

    /// How many stand before a place; `None` if there are more than so many on either side of it.
    fn counted(&self, q: usize, place: Place, most: usize) -> Option<u32> {
        let places = &self.queues[q].places;
        // From both ends at once: most who are asked about stand near one of them.
        let mut behind = places.range(place..);
        let mut ahead = places.range(..place);
        for counted in 0..=most {
            let before = match (ahead.next(), behind.next()) {
                (None, _) => counted,
                (Some(_), None) => places.len() - counted,
                (Some(_), Some(_)) => continue,
            };
            return u32::try_from(before).ok();
        }
        None
    }

    fn ahead_off_line(&self, q: usize) -> u32 {
        let off_line = |id: &&InteractionId| {
            self.interaction(**id).is_some_and(|row| row.stage != Stage::Waiting)
        };
        let count = self.queues[q].places.values().filter(off_line).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// By the queue's mode. An agent who could serve k queues in which somebody waits counts 1/k.
    /// Nothing in it moves by time alone, so that an estimate never grows while nothing changes.
    fn estimate(
        &self,
        q: usize,
        skills: &SkillExpression,
        ahead: u32,
    ) -> Result<Duration, EwtUnknown> {
        let (agents, ready) = self.crew(q, skills);
        if agents == 0.0 {
            return Err(EwtUnknown::NobodyLoggedIn);
        }
        if self.queues[q].settings.ewt == EwtMode::Mode1 {
            let gap = self.distribution_gap(q).ok_or(EwtUnknown::NoDistributions)?;
            return Ok(gap.saturating_mul(ahead.saturating_add(1)));
        }
        let turns = (i64::from(ahead) + 1 - ready).max(0) as f64 / agents;
        // The agents are a sum of fractions: a whole number of turns is not one more for its error.
        Ok(self.handling_time(q).mul_f64((turns - ROUNDING).ceil().max(0.0)))
    }

    /// The agents logged in who could serve, as counted, and how many are Ready.
    fn crew(&self, q: usize, skills: &SkillExpression) -> (f64, i64) {
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
                agents += 1.0 / f64::from(agent.sharing.max(1));
                ready += i64::from(agent.row.state == AgentState::Ready);
            }
        }
        (agents, ready)
    }

    fn handling_time(&self, q: usize) -> Duration {
        let queue = &self.queues[q];
        let last = queue.history.handled.back().map(|&(at, _)| at).unwrap_or_default();
        let looked_at = queue.history.handled.iter().rev();
        let samples: Vec<Duration> = match queue.settings.ewt {
            EwtMode::Mode3 => {
                let within = looked_at.take_while(|&&(at, _)| last.since(at) <= WINDOW);
                within.map(|&(_, time)| time).collect()
            }
            EwtMode::Mode1 | EwtMode::Mode2 => {
                looked_at.take(SAMPLES_MAX).map(|&(_, time)| time).collect()
            }
        };
        let count = u32::try_from(samples.len()).unwrap_or(u32::MAX);
        match samples.len() < SAMPLES_MIN {
            true => HANDLING_ASSUMED,
            false => samples.iter().sum::<Duration>() / count,
        }
    }

    /// The mean gap of the last distributions.
    fn distribution_gap(&self, q: usize) -> Option<Duration> {
        let distributed = &self.queues[q].history.distributed;
        let (first, last) = (distributed.front()?, distributed.back()?);
        let gaps = u32::try_from(distributed.len() - 1).ok().filter(|&gaps| gaps > 0)?;
        Some(last.since(*first) / gaps)
    }
}
