//! The one task in which the user agent, the calls and the queue run, linearised: the order of
//! events is the truth. It only moves values between them; what they do is theirs.
//!
//! ```text
//!  socket ─▶ UserAgent ─▶ Calls ─▶ Queue ─▶ (commit) ─▶ gate ─▶ Calls ─▶ UserAgent ─▶ socket
//!  media workers ────────▶ Calls                                  └────▶ media workers
//! ```
//!
//! Nothing here waits: the store, the media and the sockets have tasks of their own, reached by
//! bounded channels.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;

use tracing::{debug, error, info, warn};

use super::clock::{Clock, Running};
use super::committer::{Committed, Committer};
use super::outside::Outside;
use super::records::{Begun, Records};
use super::reload::Fixed;
use super::transfers::Referral;
use crate::api::health::Health;
use crate::calls::{self, Calls};
use crate::config::PhoneConfig;
use crate::ident::{AgentId, AttemptId, Entropy, InteractionId, LegId, NodeId, QueueId, Route};
use crate::media::answer::Hint;
use crate::media::{self, leg::Media};
use crate::phone::{Address, CodeKey};
use crate::queue::matching::CodeTries;
use crate::queue::{self, EwtUnknown, Queue};
use crate::session::SessionOffer;
use crate::sip::message::{Malformed, Message};
use crate::sip::{self, UserAgent};
use crate::store::Step;
use crate::store::gate::Gate;
use crate::time::{Duration, Timestamp};

/// Most steps that may wait for a store that does not answer; past it new calls get 503.
const STEPS_WAITING_MAX: usize = 50_000;
/// The same for registrations, each of which is a step: half is left to the calls.
const REGISTRATIONS_WAITING_MAX: usize = STEPS_WAITING_MAX / 2;
/// Store trouble for longer than this makes the node not ready.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// Q.850 cause 41: temporary failure.
const CAUSE_TEMPORARY_FAILURE: u8 = 41;
/// A commit that takes longer than this stops the offering of callbacks and new dials.
const PROMISE_PATIENCE: Duration = Duration::from_secs(2);
/// Most steps in one transaction.
const BATCH_MAX: usize = 1_000;
/// How long a route that failed is left alone the first time.
const REST_MIN: Duration = Duration::from_secs(1);
/// And at most.
const REST_MAX: Duration = Duration::from_secs(60);

/// A value on its way from one column to another.
#[derive(Debug)]
pub(super) enum Work {
    /// To the queue.
    Queue(queue::Event),
    /// To the calls.
    Calls(calls::Event),
    /// What the routes of a queue can take, to be counted when its turn comes.
    Capacity(QueueId),
    /// What a caller may be told, to be read when the queue knows them.
    Standing(InteractionId),
}

/// What the node remembers of a leg between the columns.
#[derive(Debug, Default)]
pub(super) struct Leg {
    /// Is it an incoming leg that nobody has answered yet?
    pub(super) unanswered: bool,
    /// Its offer, until then; it may have none.
    pub(super) offer: Option<SessionOffer>,
    /// Did a 18x come?
    pub(super) rang: bool,
    /// Was it answered?
    pub(super) answered: bool,
    /// Why we ended it, where its end would say nothing: the status of a session we cannot have.
    pub(super) refused: Option<u16>,
    /// What the agent asked for and gets when this call is over: their phone is busy until then.
    pub(super) after: Vec<queue::Event>,
    /// For its record; `None`: it is none of ours.
    pub(super) begun: Option<Begun>,
}

/// The columns and what lies between them.
pub struct EventLoop {
    pub(super) clock: Clock,
    pub(super) node: NodeId,
    pub(super) data: PathBuf,
    pub(super) agent_phones: BTreeMap<AgentId, PhoneConfig>,
    pub(super) public_url: Option<String>,
    pub(super) queue: Queue,
    pub(super) queue_settings: queue::Settings,
    pub(super) calls: Calls,
    pub(super) sip: UserAgent,
    pub(super) media: Media,
    pub(super) entropy: Entropy,
    pub(super) legs: BTreeMap<LegId, Leg>,
    /// Legs of an earlier process that are being ended.
    pub(super) orphans: BTreeMap<LegId, AttemptId>,
    /// Dials decided but not yet sent: they take capacity already.
    pub(super) undialled: BTreeMap<AttemptId, Route>,
    pub(super) work: VecDeque<Work>,
    /// When the time of the queue went on last, by the steady clock.
    queue_told: Timestamp,
    /// Callers who keep a pending callback or ask for its place, by that callback.
    pub(super) callers_in: BTreeMap<InteractionId, InteractionId>,
    /// Callbacks that a caller cancels, and the caller who waits to hear of it.
    pub(super) cancelling: BTreeMap<InteractionId, InteractionId>,
    /// Transfers whose end was not told yet, by the leg that asked.
    pub(super) referrals: BTreeMap<LegId, Referral>,
    /// Whose code is being looked for, by their call; `None`: a caller whose number is not known.
    pub(super) keyed_by: BTreeMap<InteractionId, Option<Address>>,
    pub(super) code_tries: CodeTries,
    pub(super) code_key: CodeKey,
    pub(super) fixed: Fixed,
    pub(super) records: Records,
    /// Those who ask over HTTP, and the apps that are told.
    pub(super) outside: Outside,
    gate: Gate,
    committer: Committer,
    pub(super) step: u64,
    waiting: Vec<Step>,
    /// When the batch that is being committed was handed over.
    in_flight: Option<Timestamp>,
    /// Routes that failed and are left alone for a while.
    resting: BTreeMap<Route, Rest>,
    draining: bool,
}

/// A route that failed: nothing is dialled on it for a step that doubles until something works.
#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Timestamp,
    step: Duration,
}

/// What an [`EventLoop`] is made of.
pub struct Parts {
    /// The clocks.
    pub clock: Clock,
    /// Our name.
    pub node: NodeId,
    /// The data folder, for the secrets of a reload.
    pub data: PathBuf,
    /// The phones of agents.
    pub agent_phones: BTreeMap<AgentId, PhoneConfig>,
    /// How others reach our HTTP.
    pub public_url: Option<String>,
    /// The queue, loaded.
    pub queue: Queue,
    /// Its settings.
    pub queue_settings: queue::Settings,
    /// The calls.
    pub calls: Calls,
    /// The user agent, bindings restored.
    pub sip: UserAgent,
    /// The media workers.
    pub media: Media,
    /// Draws ids.
    pub entropy: Entropy,
    /// The store's thread.
    pub committer: Committer,
    /// What is kept of calls.
    pub(super) records: Records,
    /// The last committed step.
    pub step: u64,
    /// What a reload cannot change.
    pub(super) fixed: Fixed,
    /// Hashes access codes.
    pub code_key: CodeKey,
    /// The way to apps.
    pub(super) outside: Outside,
}

impl EventLoop {
    /// Starts with `NodeLost(self)`: whatever the rows say of our legs, they are gone.
    pub fn new(parts: Parts) -> Self {
        let node = parts.node.clone();
        let mut started = Self {
            clock: parts.clock,
            node: parts.node,
            data: parts.data,
            agent_phones: parts.agent_phones,
            public_url: parts.public_url,
            queue: parts.queue,
            queue_settings: parts.queue_settings,
            calls: parts.calls,
            sip: parts.sip,
            media: parts.media,
            entropy: parts.entropy,
            legs: BTreeMap::new(),
            orphans: BTreeMap::new(),
            undialled: BTreeMap::new(),
            work: VecDeque::new(),
            queue_told: parts.clock.steady(),
            callers_in: BTreeMap::new(),
            cancelling: BTreeMap::new(),
            referrals: BTreeMap::new(),
            keyed_by: BTreeMap::new(),
            code_tries: CodeTries::default(),
            code_key: parts.code_key,
            fixed: parts.fixed,
            records: parts.records,
            outside: parts.outside,
            gate: Gate::new(parts.step),
            committer: parts.committer,
            step: parts.step,
            waiting: Vec::new(),
            in_flight: None,
            resting: BTreeMap::new(),
            draining: false,
        };
        // One database, one process: whatever name its rows know us by, those legs are gone.
        let interactions = started.queue.interactions().filter_map(|row| row.node.clone());
        let attempts = started.queue.open_attempts().filter_map(|row| row.node.clone());
        let mut names: BTreeSet<NodeId> = interactions.chain(attempts).collect();
        names.insert(node);
        for node in names {
            started.work.push_back(Work::Queue(queue::Event::NodeLost { node }));
        }
        started.tell_capacity();
        started.check_contacts();
        let is_told =
            |row: &&queue::Interaction| row.notify && started.queue.turn(row.id).is_some();
        let told = started.queue.interactions().filter(is_told).map(|row| row.id).collect();
        started.settle();
        started.push_ready_again(told);
        started
    }

    /// Whether the apps of these, whose turn it was, were told before the process ended, or got the
    /// code of their acceptance, nobody knows, and time runs against them: they are told again if
    /// it still is, and may accept again.
    fn push_ready_again(&mut self, told: Vec<InteractionId>) {
        for callback in told {
            if self.queue.turn(callback).is_some() {
                self.push(callback, queue::effect::PushEvent::Ready);
            }
        }
    }

    /// A message, or what could not be read as one, from the network.
    pub fn receive(&mut self, source: SocketAddr, received: Result<Message, Malformed>) {
        let now = self.clock.steady();
        self.sip.admit_only(admission(self.draining, self.waiting.len()));
        let sip = AssertUnwindSafe(&mut self.sip);
        let handled = catch_unwind(move || {
            let sip = sip;
            sip.0.handle_message(now, source, received);
        });
        if handled.is_err() {
            error!("a SIP message made the user agent panic; its transaction is lost");
        }
        self.settle();
    }

    /// Something happened in the media of a leg.
    pub fn media_event(&mut self, event: media::Event) {
        match event {
            media::Event::Digit { leg, digit } => {
                self.work.push_back(Work::Calls(calls::Event::LegDigit { leg, digit }));
            }
            media::Event::PlayEnded { leg, play } => {
                self.work.push_back(Work::Calls(calls::Event::PlayEnded { leg, play }));
            }
            media::Event::AnswerHint { leg, hint: Hint::Machine } => {
                self.work.push_back(Work::Calls(calls::Event::MachineHeard { leg }));
            }
            media::Event::AnswerHint { leg, hint: hint @ (Hint::Person | Hint::Unknown) } => {
                debug!(%leg, ?hint, "what answered");
            }
            media::Event::Beep { leg } => {
                self.work.push_back(Work::Calls(calls::Event::BeepHeard { leg }));
            }
            media::Event::Silent { leg } if self.sip.has_leg(leg) => {
                self.sip.probe(self.clock.steady(), leg);
            }
            media::Event::Silent { leg } => self.leg_ended(leg, sip::EndedBy::Lost, None),
        }
        self.settle();
    }

    /// The store's thread said something. `Err`: the process must end.
    pub fn committed(&mut self, committed: Committed) -> Result<(), crate::store::StoreError> {
        match committed {
            Committed::Through(step) => {
                let promised = self.promises();
                self.in_flight = None;
                self.records.committed(step);
                if self.gate.failed_since().is_some() {
                    info!("the store commits again");
                }
                let departures = self.gate.committed(step);
                self.leave(departures);
                if !promised {
                    self.tell_capacity();
                }
                self.settle();
            }
            Committed::Retrying(reason) => {
                if self.gate.failed_since().is_none() {
                    warn!(%reason, "a commit failed; people on the line are served, promises wait");
                }
                self.gate.failed(self.clock.steady());
                self.tell_capacity();
                self.settle();
            }
            Committed::Broken(reason) => return Err(reason),
        }
        Ok(())
    }

    /// A deadline came.
    pub fn timeout(&mut self) {
        let (steady, wall) = (self.clock.steady(), self.queue_time().now);
        if self.sip.poll_timeout().is_some_and(|(at, _)| at <= steady) {
            self.sip.handle_timeout(steady);
        }
        if self.calls.poll_timeout().is_some_and(|(at, _)| at <= steady) {
            self.work.push_back(Work::Calls(calls::Event::Tick));
        }
        if self.queue.poll_timeout().is_some_and(|(at, _)| at <= wall) {
            self.work.push_back(Work::Queue(queue::Event::Tick));
        }
        if self.next_rest().is_some_and(|at| at <= steady) {
            for rest in self.resting.values_mut().filter(|rest| rest.until <= steady) {
                rest.until = Timestamp::MAX;
            }
            self.tell_capacity();
        }
        self.settle();
    }

    /// When the next route may be tried again. One that may is kept, with its step, until it works.
    fn next_rest(&self) -> Option<Timestamp> {
        let ends = self.resting.values().map(|rest| rest.until);
        ends.filter(|until| *until < Timestamp::MAX).min()
    }

    /// How a dial on a route ended: a failure that is not the consumer's rests it for 1 s, doubling
    /// to 60 s, so that nothing is dialled again and again at the speed of the network.
    pub(super) fn judge_route(&mut self, route: &Route, failed: bool) {
        if !failed {
            self.resting.remove(route);
            return;
        }
        let step = self.resting.get(route).map_or(REST_MIN, |rest| (rest.step * 2).min(REST_MAX));
        let until = self.clock.steady() + step;
        self.resting.insert(route.clone(), Rest { until, step });
    }

    /// How long until the next deadline; at most a minute.
    pub fn idle(&self) -> Duration {
        let steady = [self.sip.poll_timeout(), self.calls.poll_timeout()];
        let steady = steady.into_iter().flatten().map(|(at, _)| at);
        let steady = steady.chain(self.next_rest()).chain(self.records.legs_due());
        let steady = steady.map(|at| self.clock.until_steady(at));
        let wall = self.queue.poll_timeout().map(|(at, _)| self.queue_time().until(at));
        steady.chain(wall).min().unwrap_or(Duration::MAX).min(Duration::from_secs(60))
    }

    /// Bytes to send now.
    pub fn poll_transmit(&mut self) -> Option<sip::Transmit> {
        self.sip.poll_transmit()
    }

    /// Ends it; the store and the `queue_log` are closed when this returns. Blocks.
    ///
    /// # Errors
    /// One of their threads panicked.
    pub fn finish(self) -> std::thread::Result<()> {
        let closed = self.committer.finish();
        self.records.finish().and(closed)
    }

    /// Hangs up whoever is left, at the end of a drain.
    pub fn hang_up_all(&mut self) {
        let now = self.clock.steady();
        for leg in self.legs.keys().copied().collect::<Vec<_>>() {
            self.sip.hang_up(now, leg, CAUSE_TEMPORARY_FAILURE, "Shutting down");
        }
        self.settle();
    }

    /// Takes no new calls and dials nobody from now on.
    pub fn drain(&mut self) {
        self.draining = true;
        self.tell_capacity();
        self.settle();
    }

    /// For health, and to know when a drain is over.
    pub fn health(&self) -> Health {
        let troubles = self.gate.failed_since().into_iter().chain(self.in_flight);
        let oldest = troubles.min();
        let store_ok = oldest.is_none_or(|since| self.clock.steady().since(since) < STORE_PATIENCE);
        Health {
            ready: store_ok && !self.draining,
            store_ok,
            draining: self.draining,
            legs: self.sip.legs().max(self.legs.len()),
            calls: self.calls.count(),
            uncommitted: self.waiting.len() + usize::from(self.in_flight.is_some()),
        }
    }

    /// Are promises kept at the moment? Without a store no callback is offered.
    pub(super) fn promises(&self) -> bool {
        let stalled = self
            .in_flight
            .is_some_and(|since| self.clock.steady().since(since) >= PROMISE_PATIENCE);
        self.gate.healthy() && !stalled
    }

    /// Moves values between the columns until nothing moves.
    pub(super) fn settle(&mut self) {
        loop {
            match self.work.pop_front() {
                Some(Work::Queue(event)) => self.step_queue(event),
                Some(Work::Calls(event)) => self.step_calls(event),
                Some(Work::Capacity(queue)) => self.step_capacity(queue),
                Some(Work::Standing(interaction)) => self.step_standing(interaction),
                None => match self.sip.poll_event() {
                    Some(event) => self.sip_event(event),
                    None => break,
                },
            }
        }
        self.keep_facts();
        self.flush();
    }

    fn step_calls(&mut self, event: calls::Event) {
        let now = self.clock.steady();
        let calls = AssertUnwindSafe(&mut self.calls);
        let handled = catch_unwind(move || {
            let calls = calls;
            calls.0.handle(now, event)
        });
        let effects = handled.unwrap_or_else(|_| {
            error!("an event made a call panic; that call is lost");
            self.calls.panicked()
        });
        effects.into_iter().for_each(|effect| self.perform_calls(effect));
    }

    /// The time for the queue, which outlives the process and never runs backwards.
    pub(super) fn queue_time(&self) -> Running {
        self.clock.after(self.queue.now(), self.queue_told)
    }

    fn step_queue(&mut self, event: queue::Event) {
        let now = self.queue_time().now;
        if now > self.queue.now() {
            self.queue_told = self.clock.steady();
        }
        let queue = AssertUnwindSafe(&mut self.queue);
        let told = event.clone();
        let handled = catch_unwind(move || {
            let queue = queue;
            queue.0.handle(now, told)
        });
        let effects = handled.unwrap_or_else(|panic| {
            self.keep_fatal(now, &event);
            resume_unwind(panic)
        });
        let changed = self.queue.take_changed();
        for taken in &changed.transitions {
            info!(
                interaction = %taken.interaction,
                row = taken.row,
                agent = taken.agent.as_ref().map(tracing::field::display),
                "stage"
            );
        }
        if changed != queue::Changed::default() {
            self.step += 1;
            let (number, now) = (self.step, self.queue.now());
            self.records.stepped(number, now, &changed);
            let (bindings, legs) = (Vec::new(), Vec::new());
            self.waiting.push(Step { number, now, changed, bindings, legs });
        }
        for effect in &effects {
            if let queue::Effect::Dial { attempt, route, .. } = effect {
                self.undialled.insert(*attempt, route.clone());
            }
        }
        let departures = self.gate.submit(self.step, self.clock.steady(), effects);
        self.leave(departures);
    }

    /// The queue cannot go on after a panic: the process ends and is started again from the disk.
    /// What it was told last is kept for whoever mends it.
    fn keep_fatal(&self, now: Timestamp, event: &queue::Event) {
        let path = self.data.join("last-panic.txt");
        if let Err(error) = std::fs::write(&path, format!("{now} {event:?}\n")) {
            error!(%error, "the event that made the queue panic could not be kept");
        }
        error!(path = %path.display(), "an event made the queue panic: ending, to start again");
    }

    /// Bindings that changed go to the store in a step of their own; with it, with any other step
    /// that waits, or when they have waited long enough, the legs that ended.
    fn keep_facts(&mut self) {
        let users = self.sip.take_changed_users();
        let due = self.records.legs_due().is_some_and(|at| at <= self.clock.steady());
        let legs = match due || self.draining || !users.is_empty() || !self.waiting.is_empty() {
            true => self.records.take_legs(),
            false => Vec::new(),
        };
        if users.is_empty() && legs.is_empty() {
            return;
        }
        let users: BTreeSet<String> = users.into_iter().collect();
        let bindings = users.into_iter().map(|user| super::bindings::rows(&self.sip, user));
        self.step += 1;
        self.waiting.push(Step {
            number: self.step,
            now: self.queue.now(),
            changed: queue::Changed::default(),
            bindings: bindings.collect(),
            legs,
        });
    }

    fn flush(&mut self) {
        if self.in_flight.is_some() || self.waiting.is_empty() {
            return;
        }
        let later = self.waiting.split_off(self.waiting.len().min(BATCH_MAX));
        match self.committer.commit(std::mem::replace(&mut self.waiting, later)) {
            Ok(()) => self.in_flight = Some(self.clock.steady()),
            Err(mut steps) => {
                steps.append(&mut self.waiting);
                self.waiting = steps;
            }
        }
    }

    /// Tells every queue what its routes can take.
    pub(super) fn tell_capacity(&mut self) {
        let queues = self.queue_settings.queues.keys().cloned();
        self.work.extend(queues.map(Work::Capacity));
    }

    /// Absolute, less what is decided and not yet sent; counted now, not when it was asked for.
    fn step_capacity(&mut self, queue: QueueId) {
        let Some(settings) = self.queue_settings.queues.get(&queue) else { return };
        let policy = &settings.addresses;
        let listed = policy.extensions.iter().map(|(_, route)| route);
        let routes: BTreeSet<&Route> = policy.trunks.iter().chain(listed).collect();
        let free = routes.into_iter().map(|route| {
            let taken = self.undialled.values().filter(|other| *other == route).count();
            let taken = u32::try_from(taken).unwrap_or(u32::MAX);
            (route.clone(), self.route_free(route).saturating_sub(taken))
        });
        let free = free.collect();
        debug!(%queue, ?free, "dial capacity");
        self.step_queue(queue::Event::DialCapacity { queue, free });
    }

    fn step_standing(&mut self, interaction: InteractionId) {
        let Some(position) = self.queue.position(interaction) else { return };
        let Some(row) = self.queue.interaction(interaction) else { return };
        let offers = self.queue.offers(&row.queue, Some(interaction));
        let promises = self.promises();
        let (immediate, scheduled) = (promises && offers.immediate, promises && offers.scheduled);
        let ewt = self.queue.ewt(interaction);
        self.step_calls(calls::Event::Standing {
            interaction,
            position,
            length: self.queue.queue_length(&row.queue),
            nobody: ewt == Err(EwtUnknown::NobodyLoggedIn),
            ewt: ewt.ok(),
            immediate,
            scheduled,
        });
    }

    fn route_free(&self, route: &Route) -> u32 {
        match route {
            _ if self.draining || !self.promises() => 0,
            _ if self.resting.get(route).is_some_and(|rest| rest.until < Timestamp::MAX) => 0,
            Route::Registrar => super::REGISTRAR_DIALS_MAX,
            Route::Trunk(trunk) => self.sip.trunk_free(trunk),
        }
    }
}

/// What is taken from outside, by whether this is a drain and how many steps wait for the store.
fn admission(draining: bool, steps_waiting: usize) -> sip::Admission {
    sip::Admission {
        calls: !draining && steps_waiting < STEPS_WAITING_MAX,
        registrations: steps_waiting < REGISTRATIONS_WAITING_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_takes_no_calls_and_a_dead_disk_no_registrations_first() {
        let table = [
            (false, 0, true, true),
            (true, 0, false, true),
            (false, REGISTRATIONS_WAITING_MAX - 1, true, true),
            (false, REGISTRATIONS_WAITING_MAX, true, false),
            (false, STEPS_WAITING_MAX - 1, true, false),
            (false, STEPS_WAITING_MAX, false, false),
        ];
        for (draining, waiting, calls, registrations) in table {
            let expected = sip::Admission { calls, registrations };
            assert_eq!(admission(draining, waiting), expected, "{draining} {waiting}");
        }
    }
}
