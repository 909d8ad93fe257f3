//! The only place where an agent meets an interaction.
//!
//! One order over all queues: [`Place`]. Interactions are taken in that order, and each goes to the
//! agent who has been idle longest of those Ready who may serve it. Who is on the line is alerted;
//! a callback that is due and free is dialled, which charges the agent but does not take them: they
//! may be given the next in line in the same pass. A callback that may not be dialled now (pacing,
//! capacity) holds up nobody on the line. That nobody on the line whom the trigger could serve is
//! passed over for a dial follows from the order: whoever stands before the callback was served
//! first. (To wait for those behind it too would starve callbacks in a busy queue.)
//!
//! Looked at are only the classes in which something changed and those of agents who became free.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::agent::AgentState;
use super::classes::{Bits, Head, Heads, Spot};
use super::contact::Occasion;
use super::effect::Effect;
use super::interaction::{Attempt, Interaction, Origin, Outcome, Place, Stage};
use super::settings::Selection;
use super::skill::SkillExpression;
use super::upkeep::With;
use super::{Queue, QueueSettings, QueueState};
use crate::ident::{InteractionId, Route};
use crate::phone::Ani;
use crate::time::{Duration, Timestamp};

/// Added to an agent's ring time: what the calls side needs to report that nobody answered.
pub(super) const ALERT_MARGIN: Duration = Duration::from_secs(5);

/// What one pass looks at, and what it found to be without a taker.
struct Pass {
    cover: Bits,
    /// Of these, those whom somebody Ready serves, and those for whom somebody may start a dial.
    served: Bits,
    triggered: Bits,
    /// Nobody Ready serves them.
    no_agent: Bits,
    /// Nothing or nobody may start a dial to them.
    no_dial: Bits,
    /// The queues that had room for a dial when the pass began.
    rooms: Bits,
    cursor: Option<Place>,
    line: Course,
    /// Those who may be dialled; over at once when nobody may start a dial.
    due: Course,
}

/// The heads at one spot that a pass has still to look at, in order.
#[derive(Default)]
struct Course {
    walk: Walk,
    /// What the walk does not meet: all of them where they are few, else the next of a class whose
    /// first was passed over.
    besides: BinaryHeap<Reverse<Head>>,
}

/// A walk along the order of the heads of all classes.
#[derive(Clone, Copy, Default)]
enum Walk {
    /// From behind this one, or from the first.
    Behind(Option<Head>),
    /// Stands at this one.
    At(Head),
    /// Nobody is left, or there is no walk.
    #[default]
    Over,
}

/// One class in so many must be looked at for a walk along all of them to be worth it: a step costs
/// less than to sort one.
const WALK_SHARE: usize = 8;

/// The lesser goes first.
type Rank = i64;

impl Queue {
    pub(super) fn route(&mut self) {
        while !self.ready.is_empty()
            && (!self.dirty_agents.is_empty() || !self.dirty_classes.is_empty())
        {
            self.pass();
        }
        self.dirty_agents.clear();
        self.dirty_classes.clear();
    }

    fn pass(&mut self) {
        let mut cover = std::mem::take(&mut self.dirty_classes);
        for n in std::mem::take(&mut self.dirty_agents) {
            if self.agents[n].row.state == AgentState::Ready {
                cover.join(&self.agents[n].serves);
                self.look_at_counted(n, &mut cover);
            }
        }
        let mut pass = Pass {
            cover,
            served: Bits::default(),
            triggered: Bits::default(),
            no_agent: Bits::default(),
            no_dial: Bits::default(),
            rooms: Bits::default(),
            cursor: None,
            line: Course::default(),
            due: Course::default(),
        };
        self.set_out(&mut pass);
        while let Some((place, class, spot)) = self.next_in_order(&mut pass) {
            pass.cursor = Some(place);
            let ready = self.ready.len();
            match spot {
                Spot::Line => self.serve(class, place, &mut pass),
                Spot::Due | Spot::Push => {
                    self.dial(class, place, &mut pass);
                    if pass.cursor.is_none() {
                        self.set_out(&mut pass);
                        continue;
                    }
                }
            }
            self.go_on(class, place, spot, &mut pass);
            if !self.dirty_agents.is_empty() || !self.dirty_classes.is_empty() {
                // An alert ended a charge: somebody passed over a moment ago may be dialled now.
                self.dirty_classes.join(&pass.cover);
                return;
            }
            if self.ready.is_empty() {
                return;
            }
            if spot != Spot::Line || self.ready.len() < ready {
                self.look_who(&mut pass);
            }
        }
    }

    /// To the first of each class; callbacks only of queues with room for a dial. Rooms only shrink
    /// in a pass, so that what is left out here is not missed.
    fn set_out(&self, pass: &mut Pass) {
        self.look_who(pass);
        pass.line = self.course(&pass.served, Spot::Line);
        pass.due = Course::default();
        if pass.triggered.meets(&self.classes.due.present) {
            let rooms = self.queues.iter().map(QueueState::has_room).enumerate();
            rooms.for_each(|(q, room)| pass.rooms.set(q, room));
            if !pass.rooms.is_empty() {
                pass.due = self.course(&pass.triggered, Spot::Due);
            }
        }
    }

    /// Whom those who are Ready may serve, of the classes looked at. In a pass they only become
    /// fewer: whoever comes back ends it.
    fn look_who(&self, pass: &mut Pass) {
        let boost = self.queues.iter().map(|queue| queue.settings.boost_percent).max().unwrap_or(0);
        let ready = || self.ready.iter().map(|&(_, _, n)| n);
        pass.served = self.served_by(&pass.cover, ready());
        let triggers = ready().filter(|&n| self.may_trigger(n, boost));
        pass.triggered = self.served_by(&pass.served, triggers);
        if !pass.served.meets(&self.classes.line.present) {
            pass.line = Course::default();
        }
        if !pass.triggered.meets(&self.classes.due.present) {
            pass.due = Course::default();
        }
    }

    /// Those of these classes that one of these agents serves.
    fn served_by(&self, classes: &Bits, agents: impl Iterator<Item = usize>) -> Bits {
        let mut left = classes.clone();
        for n in agents {
            left.subtract(&self.agents[n].serves);
            if left.is_empty() {
                break;
            }
        }
        let mut served = classes.clone();
        served.subtract(&left);
        served
    }

    fn course(&self, cover: &Bits, spot: Spot) -> Course {
        let heads = self.classes.heads(spot);
        if cover.count_common(&heads.present) * WALK_SHARE > heads.len() {
            return Course { walk: Walk::Behind(None), besides: BinaryHeap::new() };
        }
        let classes = cover.common(&heads.present);
        let head = |class| Some(Reverse((self.classes.next(class, spot, None)?, class)));
        Course { walk: Walk::Over, besides: classes.filter_map(head).collect() }
    }

    /// The first interaction behind the cursor that may find an agent; on the line before due at
    /// the same place.
    fn next_in_order(&self, pass: &mut Pass) -> Option<(Place, usize, Spot)> {
        let Pass { served, triggered, no_agent, no_dial, rooms, line, due, .. } = pass;
        let waits = |class| served.has(class) && !no_agent.has(class);
        let roomy = |q: usize| rooms.has(q) && self.queues[q].has_room();
        let dialled = |class| {
            let queue = || self.classes.due.queue(class);
            triggered.has(class) && !no_dial.has(class) && roomy(queue())
        };
        let on_line = line.first(&self.classes.line, waits);
        let virtually = due.first(&self.classes.due, dialled);
        match (on_line, virtually) {
            (Some(head), other) if other.is_none_or(|other| head.0 <= other.0) => {
                line.take(head);
                Some((head.0, head.1, Spot::Line))
            }
            (_, Some(head)) => {
                due.take(head);
                Some((head.0, head.1, Spot::Due))
            }
            (_, None) => None,
        }
    }

    /// To the next of a class. On a walk its next head is met, unless its head was passed over.
    fn go_on(&self, class: usize, place: Place, spot: Spot, pass: &mut Pass) {
        let (course, given_up) = match spot {
            Spot::Line => (&mut pass.line, &pass.no_agent),
            Spot::Due | Spot::Push => (&mut pass.due, &pass.no_dial),
        };
        let heads = self.classes.heads(spot);
        if given_up.has(class) || !heads.present.has(class) {
            return;
        }
        let met = |next: &Place| course.walks() && heads.first(class) == *next;
        let next = self.classes.next(class, spot, Some(place)).filter(|next| !met(next));
        course.besides.extend(next.map(|next| Reverse((next, class))));
    }

    // ---- on the line

    fn serve(&mut self, class: usize, place: Place, pass: &mut Pass) {
        let Some(id) = self.classes.at(class, Spot::Line, place) else { return };
        match self.agent_for(class, id) {
            Some(n) => self.alert(n, id),
            None => {
                let held = self.ready.iter().any(|&(_, _, n)| self.agents[n].held.is_some());
                pass.no_agent.set(class, !held);
            }
        }
    }

    /// Of those who have not missed it the agent kept for this interaction, else the best by the
    /// queue's selection; else the best of those who have.
    fn agent_for(&self, class: usize, id: InteractionId) -> Option<usize> {
        let missed_by = &self.interaction(id)?.missed_by;
        let key = &self.classes.get(class).key;
        let (settings, skills) = (&self.queues[key.queue].settings, &key.skills);
        // The longest idle come first: the first found is the one, if nothing else is looked at.
        let first_is_best =
            settings.selection == Selection::LongestIdle && settings.hold_trigger.is_zero();
        let mut best: Option<((bool, Rank), usize)> = None;
        for (_, name, n) in &self.ready {
            let agent = &self.agents[*n];
            if !agent.serves.has(class) {
                continue;
            }
            let missed = missed_by.contains(name);
            match agent.held {
                Some((held_for, _)) if held_for != id => continue,
                Some(_) if !missed => return Some(*n),
                Some(_) | None => {}
            }
            let key = (missed, self.rank(settings, skills, *n));
            if best.as_ref().is_none_or(|(least, _)| key < *least) {
                best = Some((key, *n));
            }
            if first_is_best && !missed {
                break;
            }
        }
        best.map(|(_, n)| n)
    }

    /// Where an agent stands by the queue's selection; among equals the longest idle, who comes
    /// first.
    pub(super) fn rank(
        &self,
        settings: &QueueSettings,
        skills: &SkillExpression,
        n: usize,
    ) -> Rank {
        let row = &self.agents[n].row;
        match settings.selection {
            Selection::LongestIdle => 0,
            Selection::FewestCalls => {
                let zone = settings.hours.zone();
                row.answered.since(zone.midnight(zone.date_of(self.now))).into()
            }
            Selection::RoundRobin => row.alerted_at.as_ms(),
            Selection::MostSkilled => {
                let level = |name: &str| row.skills.get(name).copied().unwrap_or(0);
                -skills.names().into_iter().map(|name| i64::from(level(name))).sum::<i64>()
            }
        }
    }

    /// Alerts this agent, before the pass, if they are free, may serve it, and nobody on the line
    /// whom they may serve comes first.
    pub(super) fn give(&mut self, n: usize, id: InteractionId) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let agent = &self.agents[n];
        let free = agent.row.state == AgentState::Ready && agent.held.is_none();
        let first = |class: usize| {
            self.classes.next(class, Spot::Line, None).is_none_or(|head| head >= slot.row.place)
        };
        let present = &self.classes.line.present;
        if free && self.may_serve(n, slot.class) && agent.serves.common(present).all(first) {
            self.alert(n, id);
        }
    }

    fn alert(&mut self, n: usize, id: InteractionId) {
        let Some(settings) = self.settings_of(id) else { return };
        let agent = self.agents[n].row.id.clone();
        let deadline = self.now + settings.agent_ring_timeout + ALERT_MARGIN;
        let now = self.now;
        self.change_agent(n, |agent| {
            agent.state = AgentState::Alerting(id);
            agent.alerted_at = now;
        });
        self.step(id, "waiting-alerted-alerting", With::agent(&agent), |i| {
            i.stage = Stage::Alerting(agent.clone());
            i.deadline = Some(deadline);
            i.asked = false;
        });
        let Some(row) = self.interaction(id) else { return };
        let attempt = row.attempt();
        let alert = Effect::Alert {
            agent,
            interaction: id,
            queue: row.queue.clone(),
            origin: row.origin,
            arrival: row.place.arrival,
            attempts: row.attempts_made,
            ring_timeout: settings.agent_ring_timeout,
        };
        self.effects.push(alert);
        self.discharge(attempt);
    }

    // ---- dials

    /// Marks the classes of a queue in which somebody is due: its limits may have moved.
    pub(super) fn look_at_due(&mut self, q: usize) {
        let due = &self.classes.due;
        for class in due.present.iter().filter(|&class| due.queue(class) == q) {
            self.dirty_classes.set(class, true);
        }
    }

    /// Where the agents are counted for the next dial, one more who is Ready may allow others to
    /// dial.
    fn look_at_counted(&self, n: usize, cover: &mut Bits) {
        if !self.queues.iter().any(QueueState::counts_agents) {
            return;
        }
        for class in self.classes.due.present.iter() {
            let queue = &self.queues[self.classes.due.queue(class)];
            if queue.counts_agents() && self.of_queue(n, queue) {
                cover.set(class, true);
            }
        }
    }

    fn may_trigger(&self, n: usize, boost_percent: u32) -> bool {
        let agent = &self.agents[n];
        agent.row.contact_checked
            && agent.held.is_none()
            && agent.charges < boost_percent.div_ceil(100)
    }

    /// Are the queue's charges below boost x (its agents Ready or carrying a charge), the trigger
    /// counted?
    fn paced(&self, queue: &QueueState, trigger: usize) -> bool {
        if !queue.counts_agents() {
            return true;
        }
        let boost = queue.settings.boost_percent;
        let ready = self.ready.iter().filter(|&&(_, _, n)| {
            n != trigger && !queue.charged.contains_key(&n) && self.of_queue(n, queue)
        });
        let own = u32::from(!queue.charged.contains_key(&trigger));
        let agents = queue.charged.len() as u64 + u64::from(own) + ready.count() as u64;
        u64::from(queue.charges) * 100 < u64::from(boost) * agents
    }

    /// Is this agent one of the queue's: may they serve what it asks for by default?
    pub(super) fn of_queue(&self, n: usize, queue: &QueueState) -> bool {
        let agent = &self.agents[n];
        let q = self.queue_index.get(&queue.id).copied();
        agent.queues.as_ref().is_none_or(|queues| q.is_some_and(|q| queues.has(q)))
            && queue.settings.skills.satisfied_by(&agent.row.skills)
    }

    fn dial(&mut self, class: usize, place: Place, pass: &mut Pass) {
        let of = self.classes.get(class);
        let Some(id) = self.classes.at(class, Spot::Due, place) else { return };
        let queue = &self.queues[of.key.queue];
        let boost = queue.settings.boost_percent;
        let trigger = self.ready.iter().map(|&(_, _, n)| n).find(|&n| {
            self.agents[n].serves.has(class) && self.may_trigger(n, boost) && self.paced(queue, n)
        });
        let Some(n) = trigger else {
            pass.no_dial.set(class, true);
            return;
        };
        // The list may have grown since it was asked for.
        let never = self.interaction(id).and_then(|row| row.address.as_ref());
        if of.key.routes.is_empty() || never.is_some_and(|address| self.is_never_called(address)) {
            let with = With::agent(&self.agents[n].row.id);
            self.finish(id, "virtual-turn-notpermitted", with, Outcome::NotPermitted);
            return;
        }
        if self.rang_enough(id) {
            let with = With::agent(&self.agents[n].row.id);
            self.finish(id, "virtual-turn-limited", with, Outcome::DailyLimit);
            return;
        }
        if let Some(opens) = self.outside_window(id) {
            let with = With::agent(&self.agents[n].row.id);
            self.step(id, "virtual-window-virtual", with, |i| {
                i.stage = Stage::Virtual { not_before: Some(opens) };
            });
            return;
        }
        let queue = &self.queues[of.key.queue];
        let free = |route: &&Route| queue.free.get(*route).is_some_and(|&free| free > 0);
        match of.key.routes.iter().find(free).cloned() {
            Some(route) => {
                self.start_attempt(n, id, route);
                if !boost.is_multiple_of(100) {
                    // The charge of an agent who is not one of the queue's raises its limit: those
                    // passed over come first again.
                    pass.no_dial.clear();
                    pass.cursor = None;
                }
            }
            None => pass.no_dial.set(class, true),
        }
    }

    /// When the window opens in which this consumer may be called, if it is closed now.
    pub(super) fn outside_window(&self, id: InteractionId) -> Option<Timestamp> {
        let row = self.interaction(id)?;
        let occasion = Occasion {
            scheduled: row.origin == Origin::Scheduled,
            requested: row.requested_at,
            last_contact: row.last_contact.filter(|_| row.attempts_made > 0),
        };
        let window = self.settings_of(id)?.contact.window?;
        window.delayed_until(row.address.as_ref()?, occasion, self.now)
    }

    fn start_attempt(&mut self, n: usize, id: InteractionId, route: Route) {
        let Some(slot) = self.interactions.get(&id) else { return };
        let Some(address) = slot.row.address.clone() else { return };
        let (q, queue) = (slot.queue, slot.row.queue.clone());
        let settings = self.queues[q].settings.clone();
        let trigger = self.agents[n].row.id.clone();
        let attempt =
            crate::ident::AttemptId { interaction: id, serial: slot.row.attempts_made + 1 };
        for queue in &mut self.queues {
            if let Some(free) = queue.free.get_mut(&route) {
                *free -= 1;
            }
        }
        self.attempts.insert(
            attempt,
            Attempt {
                id: attempt,
                queue: queue.clone(),
                route: route.clone(),
                address: address.clone(),
                caller: caller(&settings, &slot.row, &route),
                display_name: settings.shown.display_name.clone(),
                charged_to: Some(trigger.clone()),
                node: Some(self.this_node.clone()),
                started_at: self.now,
                answered_at: None,
                ending: None,
                deadline: None,
                ended_at: None,
                class: None,
            },
        );
        self.touched_attempts.insert(attempt);
        self.note_dial(q, &address);
        self.add_charge(n, q);
        let (node, deadline) = (self.this_node.clone(), self.now + settings.guard());
        let with = With { agent: Some(trigger.clone()), attempt: Some(attempt) };
        self.step(id, "virtual-turn-dialing", with, |i| {
            i.stage = Stage::Dialing;
            i.attempts_made = attempt.serial;
            i.deadline = Some(deadline);
            i.node = Some(node);
        });
        self.hold(n, q, id, self.now);
        self.effects.push(Effect::Dial {
            attempt,
            queue,
            address,
            route,
            triggered_by: trigger,
            ring_timeout: settings.ring_timeout,
            confirm: settings.confirm,
        });
    }

    /// Keeps the trigger for the answer, where the queue asks for that.
    pub(super) fn hold(&mut self, n: usize, q: usize, id: InteractionId, since: Timestamp) {
        let until = since + self.queues[q].settings.hold_trigger;
        if until > self.now {
            self.agents[n].held = Some((id, until));
        }
        self.settle_agent(n);
    }
}

/// The number that a dial shows: the queue's, or the one that its consumer called.
fn caller(settings: &QueueSettings, row: &Interaction, route: &Route) -> Option<Ani> {
    let called = || {
        let called = row.attached.as_ref()?.called.as_ref()?;
        matches!(route, Route::Trunk(_)).then(|| Ani::new(called.expose()))
    };
    settings.shown.caller_id.clone().or_else(called)
}

impl QueueState {
    /// Do its agents count for the next dial? With a whole number of dials per agent their own
    /// limits see to it, but for those who carry more, since more was allowed when they began.
    fn counts_agents(&self) -> bool {
        let boost = self.settings.boost_percent;
        !boost.is_multiple_of(100) || self.charged.values().any(|&of| of * 100 > boost)
    }
}

impl Course {
    fn walks(&self) -> bool {
        !matches!(self.walk, Walk::Over)
    }

    /// The first whose class is wanted; what is before it is done with.
    fn first(&mut self, heads: &Heads, wanted: impl Fn(usize) -> bool) -> Option<Head> {
        let walked = match self.walk {
            Walk::At(head) if wanted(head.1) => Some(head),
            Walk::At(last) => heads.behind(Some(last)).find(|head| wanted(head.1)),
            Walk::Behind(last) => heads.behind(last).find(|head| wanted(head.1)),
            Walk::Over => None,
        };
        self.walk = walked.map_or(Walk::Over, Walk::At);
        while self.besides.peek().is_some_and(|head| !wanted(head.0.1)) {
            self.besides.pop();
        }
        let besides = self.besides.peek().map(|head| head.0);
        walked.into_iter().chain(besides).min()
    }

    /// This one, which is the first, is looked at.
    fn take(&mut self, head: Head) {
        match self.walk {
            Walk::At(at) if at == head => self.walk = Walk::Behind(Some(head)),
            Walk::At(_) | Walk::Behind(_) | Walk::Over => _ = self.besides.pop(),
        }
    }
}

impl QueueState {
    /// May it start another dial: is there a channel, and are its own limits not reached?
    fn has_room(&self) -> bool {
        let settings = &self.settings;
        settings.process_callbacks
            && self.charges < settings.dials_max
            && self.free.values().any(|&free| free > 0)
    }
}
