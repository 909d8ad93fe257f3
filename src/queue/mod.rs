//! Who is served next: the heart.
//!
//! Events in, effects out: [`Queue::handle`] takes one event and the time, lets deadlines expire,
//! applies the event, lets deadlines expire again (the event may have landed a stage past its own),
//! and routes. Read on in this order: [`event`], [`effect`], [`interaction`] (the state table),
//! [`agent`], `routing`, then `consumers`, `attempts` and `agents` for what each event does.
//!
//! All that decides is in the rows (see [`Queue::rows`]). Lost with the process, and harmless: what
//! the routes can take (nothing is dialled until it is told again).
//! Must not: read a clock, do I/O, draw random numbers, know legs, SIP, or the store.

pub mod agent;
mod agents;
mod attempts;
mod call_in;
mod callbacks;
mod classes;
mod consultations;
mod consumers;
pub mod contact;
mod deadlines;
pub mod effect;
pub mod event;
pub mod explain;
pub mod hours;
pub mod interaction;
pub mod invariants;
pub mod limits;
mod load;
pub mod matching;
pub mod never_call;
mod routing;
pub mod settings;
pub mod skill;
pub mod slots;
#[cfg(test)]
mod tests;
mod upkeep;
mod usage;
mod wait;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub use agent::{Agent, AgentState};
pub use callbacks::{Appointment, Offers};
pub use effect::Effect;
pub use event::Event;
pub use hours::Hours;
pub use interaction::{Attempt, Interaction, Origin, Outcome, Stage, Transition};
pub use settings::{
    AgentSettings, AtClose, EarlyHangup, EwtMode, PushSettings, QueueSettings, Selection, Settings,
    ShownSettings,
};
pub use wait::EwtUnknown;

use crate::ident::{AgentId, AttemptId, CallInId, GroupId, InteractionId, NodeId, QueueId, Route};
use crate::time::{Duration, Timestamp};
use classes::{Bits, Classes, Spot};
use interaction::Place;
use limits::{NumberUse, Uses};
use matching::{CallInGroup, CallInRequest, CallIns};
use never_call::{NeverCallHash, NeverCallKey, NeverCallList};
use slots::Slots;

/// The rows touched since the last call, to be committed as one step. Taken, not pushed, so that a
/// forgotten save is impossible.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Changed {
    /// Interactions, as they are now.
    pub interactions: Vec<Interaction>,
    /// Attempts, as they are now.
    pub attempts: Vec<Attempt>,
    /// Agents, as they are now.
    pub agents: Vec<Agent>,
    /// Call-In requests, as they are now.
    pub requests: Vec<CallInRequest>,
    /// What the estimates of queues are made from, as it is now.
    pub histories: Vec<(QueueId, History)>,
    /// Who asked never to be called.
    pub never_call: Vec<NeverCallHash>,
    /// What numbers were used for, or were not after all.
    pub uses: Vec<NumberUse>,
    /// The trail: what happened, in order.
    pub transitions: Vec<Transition>,
}

/// What the estimates of a queue are made from. Also its row in the store.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    /// Talk and after-call work of the last calls, and when they ended.
    pub handled: VecDeque<(Timestamp, Duration)>,
    /// When agents answered the last calls.
    pub distributed: VecDeque<Timestamp>,
}

/// Who is served next. Pure: time and events in, effects out. A clone is an independent queue.
#[derive(Clone, Debug)]
pub struct Queue {
    now: Timestamp,
    this_node: NodeId,
    queues: Vec<QueueState>,
    queue_index: BTreeMap<QueueId, usize>,
    agents: Vec<AgentSlot>,
    agent_index: BTreeMap<AgentId, usize>,
    /// In boxes: a node of the map has room for eleven, and half of it is empty.
    interactions: BTreeMap<InteractionId, Box<Slot>>,
    /// The open ones.
    attempts: BTreeMap<AttemptId, Attempt>,
    classes: Classes,
    /// Ready agents, the longest idle first.
    ready: BTreeSet<(Timestamp, AgentId, usize)>,
    /// Of the interactions, in a set of their own: most have one, and it takes the least room.
    deadlines: BTreeSet<(Timestamp, InteractionId)>,
    /// Of all others.
    timers: BTreeSet<(Timestamp, Timer)>,
    /// Of the interactions here; the next one is above all of them.
    sequences: BTreeSet<u64>,
    /// What `route()` has to look at again.
    dirty_classes: Bits,
    dirty_agents: BTreeSet<usize>,
    /// The queues in which somebody may have to be pushed.
    dirty_pushes: Bits,
    call_in_groups: BTreeMap<GroupId, CallInGroup>,
    call_ins: CallIns,
    never_call: NeverCallList,
    never_call_key: NeverCallKey,
    requests_timer: Option<Timestamp>,
    touched_requests: BTreeSet<CallInId>,
    touched_histories: BTreeSet<usize>,
    effects: Vec<Effect>,
    touched_interactions: BTreeSet<InteractionId>,
    touched_attempts: BTreeSet<AttemptId>,
    touched_agents: BTreeSet<usize>,
    /// Ended rows that were not taken yet, and the trail.
    taken_next: Changed,
    accepted: u64,
    ended: u64,
}

#[derive(Clone, Debug)]
struct QueueState {
    id: QueueId,
    settings: Arc<QueueSettings>,
    /// Is it still configured?
    known: bool,
    /// What its routes can take, less what was dialled since that was told (by other queues too, so
    /// that it may be below zero).
    free: BTreeMap<Route, i64>,
    /// Dials charged, by agent.
    charged: BTreeMap<usize, u32>,
    charges: u32,
    /// All that hold a place, in order.
    places: BTreeMap<Place, InteractionId>,
    /// Those of them whose apps are still to be told that their turn comes near.
    untold: BTreeMap<Place, InteractionId>,
    /// Its classes in which somebody holds a place.
    waiting: Bits,
    /// Open callbacks by address, immediate and scheduled ones.
    open: BTreeMap<callbacks::OpenKey, InteractionId>,
    /// Open callbacks of consumers who gave no address.
    unnumbered: BTreeSet<InteractionId>,
    /// The appointments that were promised.
    slots: Slots,
    /// Pushed and not yet called in, with their classes.
    shares: BTreeMap<InteractionId, usize>,
    history: History,
    /// What its numbers were used for within a day.
    uses: Uses,
}

#[derive(Clone, Debug)]
struct AgentSlot {
    row: Agent,
    /// The queues they may serve; `None`: all.
    queues: Option<Bits>,
    /// The classes they may serve.
    serves: Bits,
    /// In how many queues somebody holds a place whom they may serve.
    sharing: u32,
    charges: u32,
    /// Kept for the answer of this dial until then.
    held: Option<(InteractionId, Timestamp)>,
    indexed_ready: Option<Timestamp>,
    indexed_here: bool,
    timer: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Slot {
    row: Interaction,
    queue: usize,
    class: usize,
    indexed: Standing,
}

/// How an interaction stands in the indexes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Standing {
    /// Where it is placed and spotted, if it is.
    place: Place,
    placed: bool,
    spot: Option<Spot>,
    timer: Option<Timestamp>,
    /// Is its app still to be told that its turn comes near?
    untold: bool,
    /// Does it count against the pacing of pushes?
    share: bool,
    /// The time it is promised for, and the slot that it counts against until it is over.
    booked: Option<(Timestamp, Option<Timestamp>)>,
}

/// Of what comes at the same time the lesser goes first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    Interaction(InteractionId),
    Attempt(AttemptId),
    Agent(AgentId),
    /// The next Call-In request that expires.
    Requests,
}

impl Standing {
    fn placed(&self) -> Option<Place> {
        self.placed.then_some(self.place)
    }

    fn untold(&self) -> Option<Place> {
        self.untold.then_some(self.place)
    }

    fn spot(&self) -> Option<(Spot, Place)> {
        self.spot.map(|spot| (spot, self.place))
    }
}

impl Queue {
    /// An empty queue with every configured agent Logged out. `this_node` dials.
    pub fn new(settings: Settings, this_node: NodeId) -> Self {
        Self::load(settings, this_node, Changed::default())
    }

    /// One event: expire, apply, expire, route. A lost node took its callers with it, and its
    /// phones stopped ringing, before time did anything. Time never runs backwards: an earlier
    /// `now` is taken for the last one.
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Effect> {
        self.now = self.now.max(now);
        if !matches!(event, Event::NodeLost { .. }) {
            self.expire();
        }
        self.apply(event);
        self.expire();
        self.route();
        self.push_turns();
        self.set_requests_timer();
        std::mem::take(&mut self.effects)
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Tick => {}
            arrived @ Event::CallArrived { .. } => self.call_arrived(arrived),
            requested @ Event::CallbackRequested { .. } => self.callback_requested(requested),
            Event::ScheduleConfirmed { interaction, address, due } => {
                self.schedule_confirmed(interaction, address, event::When::At(due));
            }
            Event::Rescheduled { interaction, when } => self.rescheduled(interaction, when),
            Event::MenuOpened { interaction } => self.menu_opened(interaction),
            Event::MenuClosed { interaction } => self.menu_closed(interaction),
            Event::CalledIn { interaction, node } => self.called_in(interaction, node),
            Event::CallInRequested(asked) => self.call_in_requested(*asked),
            Event::CallInArrived { call, group, presented, routed, node } => {
                self.call_in_arrived(call, &group, &presented, &routed, node);
            }
            Event::EwtTold { interaction, ewt } => self.ewt_told(interaction, ewt),
            Event::Offered { interaction } => self.callback_offered(interaction),
            Event::Transferred { interaction, queue, agent } => {
                self.transferred(interaction, &queue, agent.as_ref());
            }
            Event::ConsultationBegan { agent, with } => self.consultation_began(&agent, with),
            Event::ConsultationEnded { agent, with } => self.consultation_ended(&agent, with),
            Event::HandedOver { interaction, agent } => self.handed_over(interaction, &agent),
            Event::CallerHungUp { interaction } => self.caller_hung_up(interaction),
            Event::CallerLeft { interaction, by } => self.caller_left(interaction, by),
            Event::CallbackConfirmed { interaction, address } => {
                self.callback_confirmed(interaction, address);
            }
            Event::AttemptAnswered { attempt } => self.attempt_answered(attempt),
            Event::ConsumerConfirmed { attempt } => self.consumer_confirmed(attempt),
            Event::ConsumerPostponed { attempt, delay } => self.consumer_postponed(attempt, delay),
            Event::ConsumerRefused { attempt } => self.consumer_refused(attempt),
            Event::AttemptEnded { attempt, class, rang } => {
                self.attempt_ended(attempt, class, rang);
            }
            Event::WaitAnswered { interaction, choice } => self.wait_answered(interaction, choice),
            Event::AgentLoggedIn { agent, ready } => self.agent_logged_in(&agent, ready),
            Event::AgentLoggedOut { agent } => self.agent_logged_out(&agent),
            Event::AgentReady { agent } => self.agent_ready(&agent),
            Event::AgentNotReady { agent, reason } => self.agent_not_ready(&agent, reason),
            Event::AfterCallWorkEnded { agent } => self.after_call_work_ended(&agent),
            Event::AgentContactFound { agent, on_register } => {
                self.agent_contact_found(&agent, on_register);
            }
            Event::AgentContactLost { agent } => self.agent_contact_lost(&agent),
            Event::SkillsChanged { agent, skills } => self.skills_changed(&agent, skills),
            Event::AgentAnswered { agent, interaction } => self.agent_answered(&agent, interaction),
            Event::AgentDeclined { agent, interaction, reason } => {
                self.agent_declined(&agent, interaction, reason);
            }
            Event::BridgeEnded { interaction, cause } => self.bridge_ended(interaction, cause),
            Event::DialCapacity { queue, free } => self.dial_capacity(&queue, free),
            Event::Cancelled { interaction } => self.cancelled(interaction),
            Event::PrioritySet { interaction, priority } => {
                self.set_priority(interaction, priority)
            }
            Event::NodeLost { node } => self.node_lost(&node),
            Event::ContactChecked { agent, reachable } => self.contact_checked(&agent, reachable),
            Event::SettingsChanged(settings) => self.settings_changed(*settings),
        }
    }

    /// When the next Call-In request expires is a deadline like any other.
    fn set_requests_timer(&mut self) {
        let next = self.call_ins.next_expiry();
        if next == self.requests_timer {
            return;
        }
        if let Some(at) = std::mem::replace(&mut self.requests_timer, next) {
            self.timers.remove(&(at, Timer::Requests));
        }
        if let Some(at) = next {
            self.timers.insert((at, Timer::Requests));
        }
    }

    /// The time of the last event, or the later one it was clamped to.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// An interaction that is not Done.
    pub fn interaction(&self, id: InteractionId) -> Option<&Interaction> {
        self.interactions.get(&id).map(|slot| &slot.row)
    }

    /// Every interaction that is not Done, by id.
    pub fn interactions(&self) -> impl Iterator<Item = &Interaction> {
        self.interactions.values().map(|slot| &slot.row)
    }

    /// Every attempt whose leg is not known to be gone, by id; its interaction may be Done.
    pub fn open_attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.values()
    }

    /// An agent.
    pub fn agent(&self, id: &AgentId) -> Option<&Agent> {
        self.agent_index.get(id).map(|&n| &self.agents[n].row)
    }

    /// Every agent, by id.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.agent_index.values().map(|&n| &self.agents[n].row)
    }

    /// The policy of a queue, also of one that is no longer configured but still has interactions.
    pub fn queue_settings(&self, id: &QueueId) -> Option<&QueueSettings> {
        self.queue_index.get(id).map(|&q| &*self.queues[q].settings)
    }
}
