//! What one call does, on the node that holds its legs.
//!
//! One [`call::Call`] per interaction: the consumer's leg (come in by a flow, or dialled), the legs
//! of the agents alerted for it, and that of a third party; and one call per feature code an agent
//! dialled. Facts about
//! legs find their call by `LegId`, orders of the queue by `InteractionId`.
//!
//! ```text
//! inbound: Answering ▶ Saying | Choosing | Code | Booking | Transferring ▶ Transferred
//!            ▶ Pending ▶ InQueue ▶ Bridged ▶ Parted ▶ Farewell ▶ Ending ▶ gone
//! dialled: Ringing ▶ Confirming ▶ Hearing ▶ OnHold ▶ Bridged ▶ Parted ▶ Goodbye ▶ Ending ▶ gone
//! agent:   Ringing ▶ Answered ▶ Talking ▶ Parted ▶ gone
//! third:   Ringing ▶ Joined ▶ gone
//! consult: Asked ▶ Ringing ▶ Answering ▶ Joined ▶ gone
//! ```
//!
//! Every state but a conversation has a deadline of its own; a conversation is ended by its
//! parties, or by the user agent when dialog and media are both silent.
//!
//! It must not: know SIP or media beyond legs, decide who is served, read a clock, or let one call
//! touch another. A panic costs the call it happened in: see [`Calls::panicked`].

mod booking;
mod bridge;
mod call;
mod consult;
mod dialer;
mod digits;
pub mod effect;
pub mod end;
pub mod event;
mod feature;
pub mod flow;
mod inbound;
mod pending;
pub mod spoken;
mod transfer;
mod waiting;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod stage;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub use effect::{Effect, SOUNDS};
pub use event::Event;
pub use flow::Settings;

use crate::ident::{AgentId, AttemptId, Entropy, InteractionId, Language, LegId, PlayId, UserData};
use crate::phone::{Ani, Dnis};
use crate::time::{Duration, Timestamp};
use call::{Call, Consumer};
use dialer::{Dialled, Order};
use effect::{AgentDecline, FeatureCode, Prompt};
use end::{AttemptClass, CallEnd};
use event::{Caller, CodeResult, Goodbye};
use feature::Feature;
use inbound::Inbound;
use waiting::Standing;

/// Most calls at once; one more is rejected with 503. Ports run out long before.
const CALLS_MAX: usize = 10_000;
/// How long a leg that we hung up may take to end: 64*T1 (RFC 3261 section 17.1.1.2) and a margin.
const ENDING_MAX: Duration = Duration::from_secs(40);
/// Longest prompts; past it they count as played.
const PLAY_MAX: Duration = Duration::from_secs(120);
/// How long a leg whose other side is gone waits for the queue's order.
const PARTED_MAX: Duration = Duration::from_secs(10);
/// How long a consumer may wait for a third party, whatever became of its leg: longer than any may
/// ring, over two ways.
const TRANSFER_MAX: Duration = Duration::from_secs(300);
/// Finished attempts that are remembered.
const REMEMBERED: usize = 10_000;
/// Deadlines of one call that may pass in one step; more, and one of them never moves.
const ROUNDS_MAX: u32 = 64;

/// Causes for the `Reason` header (ITU-T Q.850), as told in `Effect::HangUp`.
mod cause {
    /// Normal clearing.
    pub(super) const NORMAL: u8 = 16;
    /// The phone rang, nobody answered.
    pub(super) const NO_ANSWER: u8 = 19;
    /// Another phone of the same person answered.
    pub(super) const ANSWERED_ELSEWHERE: u8 = 26;
    /// We failed.
    pub(super) const TEMPORARY_FAILURE: u8 = 41;
    /// A deadline of ours passed.
    pub(super) const TIMER: u8 = 102;
}

/// All calls of this node. Pure: time and events in, effects out.
#[derive(Debug)]
pub struct Calls {
    now: Timestamp,
    settings: Arc<Settings>,
    calls: BTreeMap<InteractionId, Call>,
    features: BTreeMap<LegId, Feature>,
    timers: Timers,
    /// The call in whose step we are: found here after a panic.
    current: Option<Owner>,
    shared: Shared,
}

impl Calls {
    /// No calls. `entropy` draws leg and interaction ids.
    pub fn new(settings: Settings, entropy: Entropy) -> Self {
        Self {
            now: Timestamp::MIN,
            settings: Arc::new(settings),
            calls: BTreeMap::new(),
            features: BTreeMap::new(),
            timers: Timers::default(),
            current: None,
            shared: Shared { entropy, plays: 0, legs: BTreeMap::new(), ended: Recent::default() },
        }
    }

    /// How many there are, with agents at their feature codes.
    pub fn count(&self) -> usize {
        self.calls.len() + self.features.len()
    }

    /// One event. Facts and orders for legs, interactions and attempts that are gone change
    /// nothing.
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Effect> {
        self.now = self.now.max(now);
        let mut effects = Vec::new();
        self.expire(&mut effects);
        self.apply(event, &mut effects);
        self.expire(&mut effects);
        effects
    }

    /// The next deadline and its reason; always later than the time of the last event.
    pub fn poll_timeout(&self) -> Option<(Timestamp, &'static str)> {
        let (_, owner) = self.timers.by_time.first()?;
        self.timers.by_owner.get(owner).copied()
    }

    /// What new calls follow.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What a leg is for; `None` if it is for no interaction, or not here (any more).
    pub fn interaction_of(&self, leg: LegId) -> Option<InteractionId> {
        match self.shared.legs.get(&leg)? {
            Owner::Interaction(interaction) => Some(*interaction),
            Owner::Feature(_) => None,
        }
    }

    /// The leg of the person who is served.
    pub fn consumer_leg(&self, interaction: InteractionId) -> Option<LegId> {
        self.calls.get(&interaction)?.consumer.as_ref().map(|consumer| consumer.leg())
    }

    /// What a caller called, and what an app attached to the call that they keyed the code of.
    pub fn attached(&self, interaction: InteractionId) -> Option<(&Dnis, Option<&UserData>)> {
        match self.calls.get(&interaction)?.consumer.as_ref()? {
            Consumer::Inbound(caller) => Some(caller.attached()),
            Consumer::Dialled(_) => None,
        }
    }

    /// New flows; calls in progress keep theirs.
    pub fn reload(&mut self, settings: Settings) {
        self.settings = Arc::new(settings);
    }

    /// To be called when `handle` panicked (its effects are lost): ends the call it happened in,
    /// all of its legs and no other call. Empty if no call was in progress.
    pub fn panicked(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(owner) = self.current.take() {
            self.abort(owner, &mut effects);
        }
        effects
    }

    fn abort(&mut self, owner: Owner, effects: &mut Vec<Effect>) {
        match owner {
            Owner::Interaction(id) => self.step(id, effects, |call, ctx| call.abort(ctx)),
            Owner::Feature(leg) => self.feature_step(leg, effects, |feature, ctx| {
                feature.hang_up(ctx, cause::TEMPORARY_FAILURE);
            }),
        }
    }

    fn expire(&mut self, effects: &mut Vec<Effect>) {
        let mut rounds = BTreeMap::new();
        while let Some(&(at, owner)) = self.timers.by_time.first() {
            if at > self.now {
                break;
            }
            let rounds = rounds.entry(owner).or_insert(0);
            *rounds += 1;
            debug_assert!(*rounds <= ROUNDS_MAX, "a deadline of {owner:?} stays in the past");
            if *rounds > ROUNDS_MAX {
                // A mistake of ours must not stop the node: this call goes on without its timer.
                self.timers.set(owner, None);
                continue;
            }
            match owner {
                Owner::Interaction(id) => self.step(id, effects, |call, ctx| call.expire(ctx)),
                Owner::Feature(leg) => {
                    self.feature_step(leg, effects, |feature, ctx| feature.expire(ctx));
                }
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each event")]
    fn apply(&mut self, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Tick => {}
            Event::LegIncoming { leg, ani, dnis, from } => {
                self.incoming(leg, ani, dnis, from, out);
            }
            Event::LegRinging { leg } => self.fact(leg, Fact::Ringing, out),
            Event::LegAnswered { leg } => self.fact(leg, Fact::Answered, out),
            Event::LegEnded { leg, end } => self.fact(leg, Fact::Ended(end), out),
            Event::LegDigit { leg, digit } => self.fact(leg, Fact::Digit(digit), out),
            Event::MachineHeard { leg } => self.fact(leg, Fact::Machine, out),
            Event::BeepHeard { leg } => self.fact(leg, Fact::Beep, out),
            Event::LegReferred { leg, to } => match self.shared.legs.get(&leg) {
                Some(&Owner::Interaction(id)) => {
                    self.step(id, out, |call, ctx| call.referred(ctx, leg, to));
                }
                Some(&Owner::Feature(_)) | None => {
                    out.push(Effect::RefuseTransfer { leg, status: 403 });
                }
            },
            Event::Transfer { interaction, to } => {
                self.step(interaction, out, |call, ctx| call.transfer(ctx, to));
            }
            Event::TransferRefused { leg, status } => {
                if let Some(&Owner::Interaction(id)) = self.shared.legs.get(&leg) {
                    self.step(id, out, |call, ctx| call.transfer_refused(ctx, leg, status));
                }
            }
            Event::Consult { leg, with } => {
                if let Some(&Owner::Interaction(id)) = self.shared.legs.get(&leg) {
                    self.step(id, out, |call, ctx| call.consult_with(ctx, leg, with));
                }
            }
            Event::ConsultationRefused { leg, status } => {
                if let Some(&Owner::Interaction(id)) = self.shared.legs.get(&leg) {
                    self.step(id, out, |call, ctx| call.consultation_refused(ctx, leg, status));
                }
            }
            Event::PlayEnded { leg, play } => self.fact(leg, Fact::PlayEnded(play), out),
            Event::NotAdmitted { interaction, exit } => {
                self.inbound(interaction, out, |caller, ctx| caller.not_admitted(ctx, exit));
            }
            Event::Alert { agent, phones, interaction, ring_timeout, context } => {
                if phones.is_empty() {
                    let reason = AgentDecline::Unreachable;
                    out.push(Effect::AgentDeclined { agent, interaction, reason });
                    return;
                }
                self.step(interaction, out, |call, ctx| {
                    call.alert(ctx, agent, phones, ring_timeout, context);
                });
            }
            Event::CancelAlert { agent, interaction } => {
                self.step(interaction, out, |call, ctx| call.cancel_alert(ctx, &agent));
            }
            Event::Connect { agent, interaction } => {
                self.step(interaction, out, |call, ctx| call.connect(ctx, &agent));
            }
            Event::Disconnect { agent, interaction } => {
                self.step(interaction, out, |call, ctx| call.disconnect(ctx, &agent));
            }
            Event::Dial { attempt, queue, address, route, ring_timeout, confirm } => {
                self.dial(Order { attempt, queue, address, route, ring_timeout, confirm }, out);
            }
            Event::EndAttempt { attempt, goodbye, class } => {
                self.end_attempt(attempt, goodbye, class, out);
            }
            Event::NumberChecked { interaction, address } => {
                self.inbound(interaction, out, |caller, ctx| {
                    caller.booking(ctx, |booking, ctx| booking.number_checked(ctx, address));
                });
            }
            Event::SlotFound { interaction, found } => {
                self.inbound(interaction, out, |caller, ctx| {
                    caller.booking(ctx, |booking, ctx| booking.slot_found(ctx, found));
                });
            }
            Event::Registered { interaction } => {
                self.inbound(interaction, out, |caller, ctx| caller.registered(ctx));
            }
            Event::NotRegistered { interaction, reason } => {
                self.inbound(interaction, out, |caller, ctx| {
                    caller.booking(ctx, |booking, ctx| booking.not_registered(ctx, reason));
                });
            }
            Event::Pending { interaction, pending } => {
                self.inbound(interaction, out, |caller, ctx| {
                    caller.pending(ctx, |asked, ctx| asked.found(ctx, pending));
                });
            }
            Event::TakenOver { interaction, callback } => {
                self.taken_over(interaction, callback, out);
            }
            Event::DialledLegWins { interaction } => {
                self.inbound(interaction, out, |caller, ctx| caller.dialled_leg_wins(ctx));
            }
            Event::PendingCancelled { interaction } => {
                self.inbound(interaction, out, |caller, ctx| {
                    caller.pending(ctx, |asked, _| asked.cancelled());
                });
            }
            Event::PendingKept { interaction } => {
                self.inbound(interaction, out, |caller, ctx| {
                    caller.pending(ctx, |asked, _| asked.kept());
                });
            }
            Event::PendingOver { interaction } => {
                self.inbound(interaction, out, |caller, ctx| {
                    caller.pending(ctx, |asked, _| asked.over());
                });
            }
            Event::CodeChecked { interaction, result } => {
                self.code_checked(interaction, result, out);
            }
            Event::Release { interaction, goodbye } => {
                self.step(interaction, out, |call, ctx| call.release(ctx, goodbye));
            }
            Event::AskKeepWaiting { interaction } => {
                self.step(interaction, out, |call, ctx| call.ask_keep_waiting(ctx));
            }
            Event::Standing {
                interaction,
                position,
                length,
                nobody,
                ewt,
                immediate,
                scheduled,
            } => {
                let standing = Standing { position, length, nobody, ewt, immediate, scheduled };
                self.inbound(interaction, out, |caller, ctx| caller.standing(ctx, standing));
            }
            Event::AgentNow { agent, state } => {
                let asked =
                    self.features.iter().filter(|(_, f)| *f.agent() == agent).map(|(leg, _)| *leg);
                for leg in asked.collect::<Vec<_>>() {
                    self.feature_step(leg, out, |feature, ctx| feature.agent_now(ctx, state));
                }
            }
        }
    }

    fn incoming(&mut self, leg: LegId, ani: Ani, dnis: Dnis, from: Caller, out: &mut Vec<Effect>) {
        if self.shared.legs.contains_key(&leg) {
            return;
        }
        if self.calls.len() + self.features.len() >= CALLS_MAX {
            out.push(Effect::Reject { leg, status: 503 });
            return;
        }
        if let (Caller::Agent(agent), None) = (&from, FeatureCode::of(&dnis))
            && let Some(id) = self.conversation_of(agent)
        {
            self.shared.legs.insert(leg, Owner::Interaction(id));
            return self.step(id, out, |call, ctx| call.consult(ctx, leg, agent.clone(), dnis));
        }
        if let (Caller::Agent(agent), Some(code)) = (&from, FeatureCode::of(&dnis)) {
            self.shared.legs.insert(leg, Owner::Feature(leg));
            self.features.insert(leg, Feature::new(leg, agent.clone(), code, self.now));
            self.feature_step(leg, out, |feature, ctx| feature.answer(ctx));
            return;
        }
        let called = |entry: &&flow::Entry| entry.dnis.matches(dnis.expose());
        let entry = self.settings.entries.iter().find(called);
        let Some(entry) = entry.filter(|e| self.settings.flows.contains_key(&e.flow)) else {
            if let Caller::Agent(agent) = from {
                if self.calls.values().any(|call| call.is_consulting(&agent)) {
                    out.push(Effect::Reject { leg, status: consult::BUSY_HERE });
                    return;
                }
                let id = InteractionId::draw(&mut self.shared.entropy);
                self.shared.legs.insert(leg, Owner::Interaction(id));
                self.calls.insert(id, Call::empty(id));
                return self.step(id, out, |call, ctx| call.consult(ctx, leg, agent, dnis));
            }
            out.push(Effect::Reject { leg, status: 404 });
            return;
        };
        let language = entry.languages.first().cloned().unwrap_or_default();
        let way = (entry.flow.clone(), language);
        let id = InteractionId::draw(&mut self.shared.entropy);
        self.shared.legs.insert(leg, Owner::Interaction(id));
        let settings = Arc::clone(&self.settings);
        let caller = Inbound::new(leg, id, (ani, dnis), settings, way, self.now);
        self.calls.insert(id, Call::new(id, Consumer::Inbound(Box::new(caller))));
        self.inbound(id, out, |caller, ctx| caller.answer(ctx));
    }

    /// Whom an agent talks with.
    fn conversation_of(&self, agent: &AgentId) -> Option<InteractionId> {
        let call = self.calls.values().find(|call| call.is_talking(agent))?;
        Some(call.interaction)
    }

    /// Dials, unless the interaction's consumer still has a leg: then the attempt is over at once,
    /// so that no phone rings twice.
    fn dial(&mut self, order: Order, out: &mut Vec<Effect>) {
        let (attempt, id) = (order.attempt, order.attempt.interaction);
        if self.shared.ended.get(&attempt).is_some() {
            return;
        }
        let call = self.calls.get(&id);
        if call.is_some_and(|call| call.attempt() == Some(attempt)) {
            return;
        }
        if call.is_some_and(Call::has_consumer) {
            self.shared.ended.insert(attempt, ());
            let class = AttemptClass::Carrier;
            out.push(Effect::AttemptEnded { attempt, class, rang: false });
            return;
        }
        let voice = self.settings.queues.get(&order.queue).cloned();
        self.calls.entry(id).or_insert_with(|| Call::empty(id));
        self.step(id, out, |call, ctx| call.dial(Dialled::new(ctx, order, voice)));
    }

    fn end_attempt(
        &mut self,
        attempt: AttemptId,
        goodbye: Goodbye,
        class: AttemptClass,
        out: &mut Vec<Effect>,
    ) {
        let id = attempt.interaction;
        if self.calls.get(&id).is_some_and(|call| call.attempt() == Some(attempt)) {
            self.step(id, out, |call, ctx| call.end_attempt(ctx, goodbye, class));
        } else if self.shared.ended.get(&attempt).is_none() {
            self.shared.ended.insert(attempt, ());
            let class = AttemptClass::Carrier;
            out.push(Effect::AttemptEnded { attempt, class, rang: false });
        }
    }

    /// A caller goes on as `callback`. If they are gone the queue is told so; if the leg of a dial
    /// is there still, that one goes on.
    fn taken_over(
        &mut self,
        interaction: InteractionId,
        callback: InteractionId,
        out: &mut Vec<Effect>,
    ) {
        if self.calls.get(&callback).is_some_and(Call::has_consumer) {
            return self.inbound(interaction, out, |caller, ctx| caller.dialled_leg_wins(ctx));
        }
        let mut taken = false;
        self.inbound(interaction, out, |caller, ctx| taken = caller.taken_over(ctx, callback));
        if !taken {
            out.push(Effect::CallerHungUp { interaction: callback });
        }
    }

    /// Whose call it is; of one that is a callback's, as in `taken_over`.
    fn code_checked(
        &mut self,
        interaction: InteractionId,
        result: CodeResult,
        out: &mut Vec<Effect>,
    ) {
        let callback = match &result {
            CodeResult::Matched { callback, .. } => *callback,
            CodeResult::NoMatch | CodeResult::Locked => None,
        };
        if callback.and_then(|id| self.calls.get(&id)).is_some_and(Call::has_consumer) {
            return self.inbound(interaction, out, |caller, ctx| caller.dialled_leg_wins(ctx));
        }
        let mut taken = false;
        self.inbound(interaction, out, |caller, ctx| taken = caller.code_checked(ctx, result));
        if let Some(interaction) = callback.filter(|_| !taken) {
            out.push(Effect::CallerHungUp { interaction });
        }
    }

    fn fact(&mut self, leg: LegId, fact: Fact, out: &mut Vec<Effect>) {
        match self.shared.legs.get(&leg) {
            Some(&Owner::Interaction(id)) => {
                self.step(id, out, |call, ctx| call.fact(ctx, leg, fact));
            }
            Some(&Owner::Feature(_)) => {
                self.feature_step(leg, out, |feature, ctx| feature.fact(ctx, fact));
            }
            None => {}
        }
    }

    fn inbound(
        &mut self,
        id: InteractionId,
        out: &mut Vec<Effect>,
        act: impl FnOnce(&mut Inbound, &mut Context<'_>),
    ) {
        self.step(id, out, |call, ctx| {
            if let Some(caller) = call.inbound() {
                act(caller, ctx);
            }
        });
    }

    fn step(
        &mut self,
        id: InteractionId,
        out: &mut Vec<Effect>,
        act: impl FnOnce(&mut Call, &mut Context<'_>),
    ) {
        let Some(call) = self.calls.get_mut(&id) else {
            return self.timers.set(Owner::Interaction(id), None);
        };
        self.current = Some(Owner::Interaction(id));
        let (now, language) = (self.now, call.language());
        let mut ctx = Context { now, language, effects: out, shared: &mut self.shared };
        act(call, &mut ctx);
        call.keep_transfer(&mut ctx);
        let id = self.settle(id);
        self.call_third_party(id, out);
        self.current = None;
    }

    /// A node of the flow may have asked for somebody.
    fn call_third_party(&mut self, id: InteractionId, out: &mut Vec<Effect>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let (now, language) = (self.now, call.language());
        let mut ctx = Context { now, language, effects: out, shared: &mut self.shared };
        while let Some(order) = call.take_transfer() {
            call.dial_third(&mut ctx, order, None);
        }
        self.timers.set(Owner::Interaction(id), call.deadline());
    }

    /// After a step: a caller who left a queue, or took over a place in it, goes on under another
    /// interaction (the old one keeps the agents alerted for it), an empty call is dropped, the
    /// timer is set anew. Returns where the consumer is now.
    fn settle(&mut self, id: InteractionId) -> InteractionId {
        let mut now_in = id;
        let Some(call) = self.calls.get_mut(&id) else { return id };
        if let Some(caller) = call.take_renewed() {
            let renewed = caller.interaction();
            now_in = renewed;
            self.shared.legs.insert(caller.leg(), Owner::Interaction(renewed));
            let call = self.calls.entry(renewed).or_insert_with(|| Call::empty(renewed));
            call.consumer = Some(Consumer::Inbound(caller));
            self.timers.set(Owner::Interaction(renewed), call.deadline());
        }
        let Some(call) = self.calls.get(&id) else { return now_in };
        self.timers.set(Owner::Interaction(id), call.deadline());
        if call.is_over() {
            self.calls.remove(&id);
        }
        now_in
    }

    fn feature_step(
        &mut self,
        leg: LegId,
        out: &mut Vec<Effect>,
        act: impl FnOnce(&mut Feature, &mut Context<'_>),
    ) {
        let Some(feature) = self.features.get_mut(&leg) else {
            return self.timers.set(Owner::Feature(leg), None);
        };
        self.current = Some(Owner::Feature(leg));
        let (now, language) = (self.now, Language::default());
        act(feature, &mut Context { now, language, effects: out, shared: &mut self.shared });
        self.timers.set(Owner::Feature(leg), feature.deadline());
        if feature.is_over() {
            self.features.remove(&leg);
        }
        self.current = None;
    }
}

/// Whose a leg or a timer is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Owner {
    Interaction(InteractionId),
    Feature(LegId),
}

/// What happened on a leg, once its call is found.
#[derive(Clone, Copy, Debug)]
enum Fact {
    Ringing,
    Answered,
    Ended(CallEnd),
    Digit(char),
    PlayEnded(PlayId),
    Machine,
    Beep,
}

/// What calls have in common without knowing each other.
#[derive(Debug)]
struct Shared {
    entropy: Entropy,
    plays: u64,
    legs: BTreeMap<LegId, Owner>,
    /// Attempts whose end was reported: it is told once.
    ended: Recent<AttemptId, ()>,
}

/// The surroundings of one step of one call.
struct Context<'a> {
    now: Timestamp,
    /// What is said from here on is said in it.
    language: Language,
    effects: &'a mut Vec<Effect>,
    shared: &'a mut Shared,
}

impl Context<'_> {
    fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn new_leg(&mut self, interaction: InteractionId) -> LegId {
        let leg = LegId(self.shared.entropy.next_u64());
        self.shared.legs.insert(leg, Owner::Interaction(interaction));
        leg
    }

    fn play(&mut self, leg: LegId, prompts: Vec<Prompt>) -> Playing {
        self.shared.plays += 1;
        let play = PlayId(self.shared.plays);
        let language = self.language.clone();
        self.push(Effect::Play { leg, play, language, prompts });
        Playing { play, until: self.now + PLAY_MAX }
    }

    /// Hangs up a leg whose end means nothing to us: it is forgotten at once.
    fn drop_leg(&mut self, leg: LegId, cause: u8) {
        self.shared.legs.remove(&leg);
        self.push(Effect::HangUp { leg, cause });
    }

    fn has_leg(&self, leg: LegId) -> bool {
        self.shared.legs.contains_key(&leg)
    }

    fn forget_leg(&mut self, leg: LegId) {
        self.shared.legs.remove(&leg);
    }

    fn report_attempt_ended(&mut self, attempt: AttemptId, class: AttemptClass, rang: bool) {
        self.shared.ended.insert(attempt, ());
        self.push(Effect::AttemptEnded { attempt, class, rang });
    }
}

/// Prompts being played, and when they count as played whatever we are told.
#[derive(Clone, Copy, Debug)]
struct Playing {
    play: PlayId,
    until: Timestamp,
}

impl Playing {
    /// Has it ended, by this fact?
    fn is(&self, play: PlayId) -> bool {
        self.play == play
    }

    fn is_overdue(&self, now: Timestamp) -> bool {
        self.until <= now
    }

    fn deadline(&self) -> Timer {
        Some((self.until, "prompt"))
    }
}

/// A deadline and its reason.
type Timer = Option<(Timestamp, &'static str)>;

fn earliest(timers: impl IntoIterator<Item = Timer>) -> Timer {
    timers.into_iter().flatten().min()
}

/// The deadline of each call, by time.
#[derive(Debug, Default)]
struct Timers {
    by_time: BTreeSet<(Timestamp, Owner)>,
    by_owner: BTreeMap<Owner, (Timestamp, &'static str)>,
}

impl Timers {
    fn set(&mut self, owner: Owner, timer: Timer) {
        if let Some((at, _)) = self.by_owner.remove(&owner) {
            self.by_time.remove(&(at, owner));
        }
        if let Some((at, reason)) = timer {
            self.by_owner.insert(owner, (at, reason));
            self.by_time.insert((at, owner));
        }
    }
}

/// A map that keeps the latest [`REMEMBERED`] keys.
#[derive(Debug)]
struct Recent<K, V> {
    values: BTreeMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<K: Ord + Copy, V> Recent<K, V> {
    fn insert(&mut self, key: K, value: V) {
        if self.values.insert(key, value).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::stage::{Stage, settings};
    use super::*;
    use crate::ident::TrunkId;

    #[test]
    fn late_orders_for_unknown_calls_change_nothing() {
        let script =
            "0 registered i1\n0 not-registered i1 closed\n0 release i1 plain\n0 connect ann i1
        0 cancel-alert ann i1\n0 disconnect ann i1\n0 ask-keep-waiting i1\n0 standing i1 1 5
        0 not-admitted i1 full\n0 agent-now ann ready\n0 alert ann i1 1\n0 answered x\n0 digit x 1";
        let log = Stage::play(settings(), script);
        assert!(!log.contains("    "), "{log}");
    }

    #[test]
    fn a_panic_costs_its_call_alone() {
        let mut calls = Calls::new(settings(), Entropy::from_number(1));
        let now = Timestamp::from_ms(0);
        for leg in [LegId(1), LegId(2)] {
            let (ani, dnis) = (Ani::new("1001"), Dnis::new("700"));
            let from = Caller::Trunk(TrunkId::new("carrier"));
            calls.handle(now, Event::LegIncoming { leg, ani, dnis, from });
            calls.handle(now, Event::LegAnswered { leg });
        }
        assert_eq!(calls.panicked(), []);
        let broken = calls.shared.legs[&LegId(2)];
        calls.current = Some(broken);
        assert_eq!(calls.panicked(), [Effect::HangUp { leg: LegId(2), cause: 41 }]);
        assert_eq!(calls.panicked(), []);
        let digit = |leg| Event::LegDigit { leg, digit: '1' };
        assert_eq!(calls.handle(now, digit(LegId(2))), []);
        calls.handle(now + Duration::from_secs(39), Event::Tick);
        assert_eq!(calls.calls.len(), 2);
        calls.handle(now + Duration::from_secs(41), Event::Tick);
        assert_eq!(calls.calls.len(), 1);
    }
}
