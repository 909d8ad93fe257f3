//! Arbitrary facts and orders, also stale, doubled and wrong ones: nothing panics, nothing is left
//! over, and what is owed is reported once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::effect::{Callee, PendingChoice};
use super::end::{AttemptClass, CallEnd, EndedBy};
use super::event::{
    AgentPhone, AgentSummary, AlertContext, Caller, CodeResult, ConsultWith, Event, Goodbye,
    NumberRefused, PendingCallback, QueueExit, Refusal, SlotOffer, SlotRefused, TransferTarget,
    TransferTo,
};
use super::flow::Entry;
use super::spoken::{SpokenDay, SpokenTime};
use super::stage::settings;
use super::*;
use crate::ident::{AgentId, ContactId, FlowId, QueueId, Route, TrunkId};
use crate::phone::{Address, Pattern};

/// Kinds of events that a step chooses from.
const EVENTS: u8 = 57;

/// Every effect there is.
const EFFECTS: &[&str] = &[
    "AcceptTransfer",
    "AgentAnswered",
    "AgentDeclined",
    "Answer",
    "Arrived",
    "AskPending",
    "AskStanding",
    "AttemptAnswered",
    "AttemptEnded",
    "Bridge",
    "BridgeEnded",
    "CallbackConfirmed",
    "CallerHungUp",
    "CallerLeft",
    "Cancel",
    "CodeKeyed",
    "ConsumerConfirmed",
    "ConsumerPostponed",
    "ConsumerRefused",
    "ConsultationAsked",
    "ConsultationBegan",
    "ConsultationEnded",
    "EwtTold",
    "FeatureCode",
    "FindSlot",
    "HandedOver",
    "HangUp",
    "Invite",
    "ListenForMachine",
    "Music",
    "NumberKeyed",
    "Offered",
    "PendingChosen",
    "Play",
    "RefuseTransfer",
    "Reject",
    "Ring",
    "ScheduleConfirmed",
    "Silence",
    "TransferAsked",
    "TransferProgress",
    "WaitAnswered",
];

/// One random step: what, for whom (twice), how much later in ms.
type Step = (u8, u16, u16, u16);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Life {
    Open,
    HungUp,
    Ended,
}

struct World {
    calls: Calls,
    now: Timestamp,
    legs: Vec<LegId>,
    lives: BTreeMap<LegId, Life>,
    consumers: BTreeSet<LegId>,
    interactions: Vec<InteractionId>,
    plays: Vec<(LegId, PlayId)>,
    dialled: BTreeSet<AttemptId>,
    attempts_ended: BTreeMap<AttemptId, u32>,
    /// How often the end of an interaction may still be told: once for each time a caller entered.
    may_end: BTreeMap<InteractionId, u32>,
    /// Callers whom the queue took and whose end was not told yet.
    joined: BTreeSet<InteractionId>,
    asked: Vec<InteractionId>,
    coded: Vec<InteractionId>,
    /// Who keyed a number, and a time, last.
    keyed: Option<InteractionId>,
    finding: Option<InteractionId>,
    /// The last leg joined with a consumer.
    bridged: Option<LegId>,
    /// Transfers asked for that nobody decided yet.
    transfers: BTreeMap<LegId, InteractionId>,
    /// Who wants to take over which callback.
    taking_over: Option<(InteractionId, InteractionId)>,
    answered: Option<(AgentId, InteractionId)>,
    /// Lines on which an agent asked to call somebody, and asked nothing else yet.
    consulting: Vec<LegId>,
    /// The last line of an agent that was joined with whom they consult.
    consulted: Option<LegId>,
    own_lines: BTreeSet<LegId>,
    /// Consultations that began and did not end, by who asks and is asked.
    consultations: BTreeMap<(AgentId, Option<AgentId>), u32>,
    /// The names of all effects so far.
    seen: BTreeSet<String>,
}

impl World {
    fn new() -> Self {
        Self {
            calls: Calls::new(entries(), Entropy::from_number(3)),
            now: Timestamp::from_ms(0),
            legs: vec![LegId(0)],
            lives: BTreeMap::new(),
            consumers: BTreeSet::new(),
            interactions: vec![InteractionId(1), InteractionId(2)],
            plays: vec![(LegId(0), PlayId(0))],
            dialled: BTreeSet::new(),
            attempts_ended: BTreeMap::new(),
            may_end: BTreeMap::new(),
            joined: BTreeSet::new(),
            asked: Vec::new(),
            coded: Vec::new(),
            keyed: None,
            finding: None,
            bridged: None,
            transfers: BTreeMap::new(),
            taking_over: None,
            answered: None,
            consulting: Vec::new(),
            consulted: None,
            own_lines: BTreeSet::new(),
            consultations: BTreeMap::new(),
            seen: BTreeSet::new(),
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm an event")]
    fn event(&self, (what, a, b, _): Step) -> Event {
        let (a, b) = (usize::from(a), usize::from(b));
        // Mostly what is alive, and the latest; sometimes what is stale.
        let latest =
            |len: usize| if a % 7 == 0 { a / 7 % len } else { len - 1 - a / 7 % len.min(2) };
        let open: Vec<LegId> = self
            .legs
            .iter()
            .copied()
            .filter(|leg| self.lives.get(leg) == Some(&Life::Open))
            .collect();
        let alive = if open.is_empty() || a % 11 == 0 { &self.legs } else { &open };
        let leg = alive[latest(alive.len())];
        let interaction = self.interactions[latest(self.interactions.len())];
        let attempt = AttemptId { interaction, serial: (b % 3) as u32 };
        let agent = AgentId::new(["ann", "bob"][b % 2]);
        let queues = ["billing", "plain", "billing", "gone", "listening", "leaving-word"];
        let goodbyes = [
            Goodbye::Silent,
            Goodbye::Plain,
            Goodbye::CallBack,
            Goodbye::NotServed,
            Goodbye::NeverAgain,
        ];
        let goodbye = goodbyes[b % goodbyes.len()];
        match what {
            0 => Event::LegIncoming {
                leg: LegId(1 + a as u64),
                ani: Ani::new(["1001", "anonymous"][b % 2]),
                dnis: Dnis::new(
                    ["700", "900", "900", "910", "920", "930", "*45", "800"][b / 3 % 8],
                ),
                from: match b % 3 {
                    0 => Caller::Agent(AgentId::new("ann")),
                    1 => Caller::Device,
                    _ => Caller::Trunk(TrunkId::new("carrier")),
                },
            },
            1 if b % 8 == 0 => Event::MachineHeard { leg },
            1 if b % 8 == 1 => Event::BeepHeard { leg },
            1 => Event::LegRinging { leg },
            2..=6 => Event::LegAnswered { leg },
            7 => {
                let by = [EndedBy::Peer, EndedBy::Us, EndedBy::Lost][b % 3];
                let status = [None, Some(486), Some(487), Some(603), Some(503)][b % 5];
                let end = CallEnd { by, status, answered: status.is_none(), rang: b % 2 == 0 };
                Event::LegEnded { leg, end }
            }
            8..=13 => {
                let keys = ['1', '1', '1', '1', '1', '1', '2', '2', '2', '3', '9', '0', '#', '#'];
                Event::LegDigit { leg, digit: keys[b % keys.len()] }
            }
            14..=17 => {
                let (leg, play) = self.plays[latest(self.plays.len())];
                Event::PlayEnded { leg, play }
            }
            18 => {
                let exits = [QueueExit::Closed, QueueExit::Full, QueueExit::ClosedWithTimes];
                Event::NotAdmitted { interaction, exit: exits[b % 3] }
            }
            19 | 20 => Event::Alert {
                agent,
                phones: phones(b),
                interaction,
                ring_timeout: Duration::from_secs(20),
                context: AlertContext {
                    queue: QueueId::new("billing"),
                    kind: "live",
                    wait: Duration::ZERO,
                    attempts: 0,
                    data: None,
                },
            },
            21 => Event::CancelAlert { agent, interaction },
            22 | 23 => {
                let (agent, interaction) = self.answered.clone().unwrap_or((agent, interaction));
                Event::Connect { agent, interaction }
            }
            24 => Event::Disconnect { agent, interaction },
            25 | 26 => Event::Dial {
                attempt,
                queue: QueueId::new(queues[b % 6]),
                address: Address::parse("1001").unwrap(),
                route: Route::Registrar,
                ring_timeout: Duration::from_secs(30),
                confirm: b % 5 > 0,
            },
            27 => {
                let called_in = b % 3 == 0;
                let class =
                    if called_in { AttemptClass::CalledIn } else { AttemptClass::NoConfirm };
                Event::EndAttempt { attempt, goodbye, class }
            }
            28 => Event::Registered { interaction },
            29 => Event::NotRegistered { interaction, reason: refusal(b) },
            30 => Event::Release { interaction, goodbye },
            31 => Event::AskKeepWaiting { interaction },
            32 => Event::AgentNow { agent, state: AgentSummary::Ready },
            33..=35 => {
                let ewt = (b % 3 > 0).then(|| Duration::from_secs(b as u64 % 300));
                let (immediate, scheduled) = (b % 7 > 0, b % 2 == 0);
                Event::Standing {
                    interaction,
                    position: 1,
                    length: b as u32 % 5,
                    nobody: b % 9 == 0,
                    ewt,
                    immediate,
                    scheduled,
                }
            }
            36 => {
                let refusals = [
                    NumberRefused::NotPermitted,
                    NumberRefused::NotANumber,
                    NumberRefused::TooMany,
                ];
                let interaction = self.keyed.unwrap_or(interaction);
                let address = Address::parse("1002").filter(|_| b % 4 > 0);
                Event::NumberChecked { interaction, address: address.ok_or(refusals[b / 2 % 3]) }
            }
            37 | 38 => {
                let interaction = self.finding.unwrap_or(interaction);
                Event::SlotFound { interaction, found: slot(b) }
            }
            39 | 40 => {
                let interaction = self.asked.last().copied().unwrap_or(interaction);
                let callback = InteractionId(1 + (b % 5) as u128);
                let (scheduled, dialled) = (None, b % 2 == 0);
                let pending = PendingCallback { callback, scheduled, dialled };
                Event::Pending { interaction, pending: (b % 5 > 0).then_some(pending) }
            }
            41 => {
                let random = (interaction, InteractionId(1 + (b % 5) as u128));
                let (interaction, callback) =
                    self.taking_over.filter(|_| b % 5 > 0).unwrap_or(random);
                Event::TakenOver { interaction, callback }
            }
            42 => {
                let (interaction, _) = self.taking_over.unwrap_or((interaction, interaction));
                Event::DialledLegWins { interaction }
            }
            43 | 44 => {
                let interaction = self.coded.last().copied().unwrap_or(interaction);
                Event::CodeChecked { interaction, result: code_result(b) }
            }
            45 | 46 => {
                let to = TransferTarget::Number(Dnis::new("1002"));
                Event::LegReferred { leg: self.bridged.filter(|_| b % 4 > 0).unwrap_or(leg), to }
            }
            47 | 48 => {
                let asked = self.transfers.first_key_value().map(|(_, asked)| *asked);
                let interaction = asked.filter(|_| b % 4 > 0).unwrap_or(interaction);
                Event::Transfer { interaction, to: transfer_to(b) }
            }
            49 => Event::TransferRefused { leg, status: 403 },
            50 => Event::LegIncoming {
                leg: LegId(1 + a as u64),
                ani: Ani::new("ann"),
                dnis: Dnis::new("bob"),
                from: Caller::Agent(AgentId::new(["ann", "bob"][b % 2])),
            },
            51..=53 => {
                let leg = self.consulting.last().copied().unwrap_or(leg);
                match b % 5 {
                    0 => Event::ConsultationRefused { leg, status: 403 },
                    _ => Event::Consult { leg, with: consult_with(b) },
                }
            }
            54 | 55 => {
                let (joined, own) = (self.bridged.unwrap_or(leg), self.consulted.unwrap_or(leg));
                let (leg, to) = if b % 3 == 0 { (own, joined) } else { (joined, own) };
                Event::LegReferred { leg, to: TransferTarget::Leg(to) }
            }
            _ => Event::Tick,
        }
    }

    fn step(&mut self, at: Timestamp, event: Event) {
        self.now = self.now.max(at);
        if let Event::LegEnded { leg, .. } = &event
            && let Some(life) = self.lives.get_mut(leg)
        {
            *life = Life::Ended;
            self.transfers.remove(leg);
        }
        if let Event::LegReferred { leg, to: TransferTarget::Leg(_) } = &event {
            self.transfers.entry(*leg).or_insert(InteractionId(0));
        }
        if let Event::Dial { attempt, .. } = &event {
            self.dialled.insert(*attempt);
        }
        // The queue knows of these ends: it ordered them.
        if let Event::NotAdmitted { interaction, .. } | Event::Release { interaction, .. } = &event
        {
            self.joined.remove(interaction);
        }
        if let Event::TakenOver { callback, .. }
        | Event::CodeChecked {
            result: CodeResult::Matched { callback: Some(callback), .. },
            ..
        } = &event
        {
            *self.may_end.entry(*callback).or_insert(0) += 1;
        }
        if let Event::LegIncoming { leg, .. } = &event {
            if self.lives.contains_key(leg) {
                return;
            }
            self.lives.insert(*leg, Life::Open);
            self.legs.push(*leg);
            self.consumers.insert(*leg);
        }
        for effect in self.calls.handle(at, event) {
            self.check(&effect);
            let text = format!("{effect:?}");
            let name = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            self.seen.insert(name.to_owned());
        }
        // A queue that answers at once, as ours does, but not always.
        if let Some(&interaction) =
            self.asked.last().filter(|_| !self.plays.len().is_multiple_of(4))
        {
            self.asked.pop();
            self.step(at, Event::Pending { interaction, pending: None });
        }
        if let Some((next, reason)) = self.calls.poll_timeout() {
            assert!(next > self.now, "{reason} at {next} is not after {}", self.now);
        }
    }

    /// Conversations are rare: an agent who talks asks somebody at once, some to the end.
    fn consults(&mut self, at: Timestamp, n: usize) {
        let talks = self.calls.calls.values().find_map(|call| {
            call.agents.iter().find(|(_, side)| side.is_talking()).map(|(agent, _)| agent.clone())
        });
        let Some(agent) = talks else { return };
        for what in (0..6).filter(|what| n.is_multiple_of(5) || n >> what & 1 == 1) {
            let last = self.legs[self.legs.len() - 1];
            let own = self.consulting.last().copied().unwrap_or(last);
            let event = match what {
                0 => Event::LegIncoming {
                    leg: LegId(100_000 + self.legs.len() as u64),
                    ani: Ani::new("ann"),
                    dnis: Dnis::new("bob"),
                    from: Caller::Agent(agent.clone()),
                },
                1 => Event::Consult { leg: own, with: consult_with(n) },
                2 => Event::LegRinging { leg: last },
                3 => Event::LegAnswered { leg: last },
                4 => Event::LegAnswered { leg: own },
                _ => {
                    let leg = self.bridged.unwrap_or(last);
                    Event::LegReferred { leg, to: TransferTarget::Leg(own) }
                }
            };
            self.step(at, event);
        }
    }

    fn open(&self, leg: &LegId) {
        assert_eq!(self.lives.get(leg), Some(&Life::Open), "{leg} is not there for this order");
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each order")]
    fn check(&mut self, effect: &Effect) {
        match effect {
            Effect::Invite { leg, to, like } => {
                assert_eq!(self.lives.insert(*leg, Life::Open), None);
                like.iter().for_each(|leg| self.open(leg));
                self.legs.push(*leg);
                if matches!(to, Callee::Consumer { .. }) {
                    self.consumers.insert(*leg);
                }
            }
            Effect::Cancel { leg, .. } => self.open(leg),
            Effect::HangUp { leg, .. } | Effect::Reject { leg, .. } => {
                self.open(leg);
                self.lives.insert(*leg, Life::HungUp);
                self.transfers.remove(leg);
            }
            Effect::Play { leg, play, prompts, .. } => {
                self.open(leg);
                self.plays.push((*leg, *play));
                for prompt in prompts {
                    if let Prompt::Sound(id) = prompt {
                        assert!(SOUNDS.contains(id), "{id} is not listed");
                    }
                }
            }
            Effect::Answer { leg }
            | Effect::ListenForMachine { leg }
            | Effect::Music { leg }
            | Effect::Silence { leg } => self.open(leg),
            Effect::Bridge { a, b } => {
                self.open(a);
                self.open(b);
                // An agent's second line is joined with whom they consult.
                match self.consumers.contains(a) && self.own_lines.contains(a) {
                    true => self.consulted = Some(*a),
                    false => self.bridged = Some(*b),
                }
            }
            Effect::Ring { leg } => self.open(leg),
            Effect::ConsultationAsked { leg, .. } => {
                self.consulting.push(*leg);
                self.own_lines.insert(*leg);
            }
            Effect::ConsultationBegan { agent, with } => {
                *self.consultations.entry((agent.clone(), with.clone())).or_insert(0) += 1;
            }
            Effect::ConsultationEnded { agent, with } => {
                let begun = self.consultations.get_mut(&(agent.clone(), with.clone()));
                *begun.filter(|begun| **begun > 0).expect("it began") -= 1;
            }
            Effect::TransferAsked { interaction, leg, .. } => {
                self.open(leg);
                assert_eq!(self.transfers.insert(*leg, *interaction), None, "asked twice");
            }
            Effect::AcceptTransfer { leg } => {
                assert!(self.transfers.remove(leg).is_some(), "{leg} asked for nothing");
            }
            Effect::RefuseTransfer { leg, .. } => {
                self.transfers.remove(leg);
            }
            Effect::Arrived { interaction, .. } => {
                self.interactions.push(*interaction);
                self.joined.insert(*interaction);
                assert_eq!(self.may_end.insert(*interaction, 1), None, "arrived twice");
            }
            Effect::ScheduleConfirmed { interaction, .. } => {
                self.interactions.push(*interaction);
                self.may_end.entry(*interaction).or_insert(1);
            }
            Effect::CodeKeyed { interaction, .. } => {
                self.coded.push(*interaction);
                self.interactions.push(*interaction);
            }
            Effect::NumberKeyed { interaction, .. } => self.keyed = Some(*interaction),
            Effect::FindSlot { interaction, .. } => self.finding = Some(*interaction),
            Effect::AskPending { interaction, .. } => self.asked.push(*interaction),
            Effect::PendingChosen { interaction, callback, choice: PendingChoice::Now } => {
                self.taking_over = Some((*interaction, *callback));
            }
            Effect::CallerLeft { interaction, .. } | Effect::CallerHungUp { interaction } => {
                self.joined.remove(interaction);
                let left = self.may_end.get_mut(interaction).filter(|left| **left > 0);
                *left.expect("an end for each time a caller entered, and no more") -= 1;
            }
            Effect::AttemptEnded { attempt, .. } => {
                *self.attempts_ended.entry(*attempt).or_insert(0) += 1;
                assert_eq!(self.attempts_ended[attempt], 1, "ended twice");
            }
            Effect::AgentAnswered { agent, interaction } => {
                self.answered = Some((agent.clone(), *interaction));
            }
            Effect::EwtTold { .. }
            | Effect::Offered { .. }
            | Effect::AskStanding { .. }
            | Effect::TransferProgress { .. }
            | Effect::PendingChosen { .. }
            | Effect::CallbackConfirmed { .. }
            | Effect::AttemptAnswered { .. }
            | Effect::ConsumerConfirmed { .. }
            | Effect::ConsumerPostponed { .. }
            | Effect::ConsumerRefused { .. }
            | Effect::WaitAnswered { .. }
            | Effect::AgentDeclined { .. }
            | Effect::BridgeEnded { .. }
            | Effect::HandedOver { .. }
            | Effect::FeatureCode { .. } => {}
        }
    }

    /// The consumers hang up; all else is left to time.
    fn finish(&mut self) {
        for leg in self.consumers.clone() {
            if self.lives[&leg] == Life::Open {
                let (by, status) = (EndedBy::Peer, None);
                let end = CallEnd { by, status, answered: true, rang: true };
                self.step(self.now, Event::LegEnded { leg, end });
            }
        }
        for _ in 0..1_000 {
            let Some((at, _)) = self.calls.poll_timeout() else { break };
            self.step(at, Event::Tick);
        }
        assert_eq!(self.calls.poll_timeout(), None);
        assert!(self.calls.calls.is_empty() && self.calls.features.is_empty());
        assert!(self.calls.shared.legs.is_empty(), "{:?}", self.calls.shared.legs);
        assert!(self.lives.values().all(|life| *life != Life::Open), "{:?}", self.lives);
        assert!(self.joined.is_empty(), "{:?} never ended", self.joined);
        assert!(self.transfers.is_empty(), "{:?} have no answer", self.transfers);
        assert!(self.consultations.values().all(|left| *left == 0), "{:?}", self.consultations);
        for attempt in &self.dialled {
            assert_eq!(self.attempts_ended.get(attempt), Some(&1), "{attempt} has no end");
        }
    }
}

fn refusal(n: usize) -> Refusal {
    let time = SpokenTime { day: SpokenDay::Today, hour: 9, minute: 30 };
    let scheduled_for = n.is_multiple_of(2).then_some(time);
    let reasons = [
        Refusal::NotPermitted,
        Refusal::Duplicate { scheduled_for },
        Refusal::TooMany,
        Refusal::Closed,
        Refusal::SlotTaken,
        Refusal::NeverCall,
        Refusal::Unavailable,
    ];
    reasons[n % reasons.len()]
}

fn slot(n: usize) -> Result<SlotOffer, SlotRefused> {
    let refusals = [
        SlotRefused::Closed,
        SlotRefused::TooFarAhead,
        SlotRefused::Past,
        SlotRefused::Full,
        SlotRefused::NoSuchDate,
        SlotRefused::NotOffered,
    ];
    let (due, day, moved) = (Timestamp::from_ms(9), SpokenDay::Tomorrow, n.is_multiple_of(3));
    let slot = SlotOffer { due, day, hour: 9, minute: 30, moved };
    if !n.is_multiple_of(4) { Ok(slot) } else { Err(refusals[n / 4 % refusals.len()]) }
}

fn transfer_to(n: usize) -> TransferTo {
    let queue = QueueId::new(["billing", "plain", "gone"][n / 3 % 3]);
    match n % 2 {
        0 => TransferTo::Queue(queue),
        _ => TransferTo::Number {
            queue,
            address: Address::parse("1002").unwrap(),
            routes: vec![Route::Registrar],
        },
    }
}

/// None, one or two.
fn phones(n: usize) -> Vec<AgentPhone> {
    let beyond = AgentPhone::Extension(TrunkId::new("pbx"), Address::parse("201").unwrap());
    let contacts = (0..n % 3).map(|n| AgentPhone::Contact(ContactId(n as u64)));
    if n.is_multiple_of(7) { vec![beyond] } else { contacts.collect() }
}

fn consult_with(n: usize) -> ConsultWith {
    let phones = phones(n);
    let queue = QueueId::new("billing");
    match n % 4 {
        0 => ConsultWith::Number {
            queue,
            address: Address::parse("1002").unwrap(),
            routes: vec![Route::Registrar; n / 4 % 3],
        },
        _ => {
            let kind = "live";
            let wait = Duration::ZERO;
            let context = AlertContext { queue, kind, wait, attempts: 0, data: None };
            ConsultWith::Agent { agent: AgentId::new(["bob", "ann"][n / 4 % 2]), phones, context }
        }
    }
}

fn code_result(n: usize) -> CodeResult {
    let callback = Some(InteractionId(1 + (n / 4 % 5) as u128)).filter(|_| n.is_multiple_of(3));
    let queue = callback.map(|_| QueueId::new(["billing", "gone"][n / 3 % 2]));
    let combination = ["code+ani", "code", "none"][n / 7 % 3].to_owned();
    match n % 4 {
        0 => CodeResult::NoMatch,
        1 if n.is_multiple_of(5) => CodeResult::Locked,
        _ => CodeResult::Matched { combination, callback, queue, data: None },
    }
}

/// With entries that lead straight into a queue, and to an access code.
fn entries() -> Settings {
    let mut settings = settings();
    for (dnis, id, start) in [
        ("900", "straight", "billing"),
        ("910", "coded", "code"),
        ("920", "transferred", "operator"),
        ("930", "scheduled", "later"),
    ] {
        let mut flow = settings.flows[&FlowId::new("main")].clone();
        flow.start = start.to_owned();
        settings.flows.insert(FlowId::new(id), flow);
        let (dnis, languages) = (Pattern::new(dnis), Vec::new());
        settings.entries.push(Entry { dnis, flow: FlowId::new(id), languages });
    }
    settings
}

impl World {
    fn play(steps: Vec<Step>) -> Self {
        let mut world = World::new();
        for step in steps {
            let at = world.now + Duration::from_millis(u64::from(step.3));
            let event = world.event(step);
            // Half of the time passes deadline by deadline, half in one jump; what was due before
            // the event is done before it.
            while let Some((next, _)) =
                world.calls.poll_timeout().filter(|(next, _)| *next < at && step.2 % 2 == 0)
            {
                world.step(next, Event::Tick);
            }
            world.step(at, Event::Tick);
            world.step(at, event);
            world.consults(at, step.1.into());
        }
        world.finish();
        world
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_every_leg_and_attempt_ends_once(
        steps in prop::collection::vec(
            (
                0..EVENTS,
                any::<u16>(),
                any::<u16>(),
                prop_oneof![9 => 0..1_000u16, 1 => 0..40_000u16],
            ),
            1..300,
        ),
    ) {
        World::play(steps);
    }
}

/// The property above would be worth little if its scripts did not get anywhere.
#[test]
fn random_scripts_reach_everything_that_calls_do() {
    let mut entropy = Entropy::from_number(7);
    let mut seen = BTreeSet::new();
    for _ in 0..1_000 {
        let mut below = |bound: u64| entropy.below(bound);
        let steps = (0..300).map(|_| {
            let pause = if below(10) == 0 { 40_000 } else { 1_000 };
            let (what, a, b) = (below(EVENTS.into()), below(1 << 16), below(1 << 16));
            (what as u8, a as u16, b as u16, below(pause) as u16)
        });
        seen.extend(World::play(steps.collect()).seen);
    }
    let missing: Vec<_> = EFFECTS.iter().filter(|name| !seen.contains(**name)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
    assert_eq!(seen.len(), EFFECTS.len(), "{seen:?}");
}

#[test]
fn each_listed_sound_is_used() {
    let sources = [
        include_str!("inbound.rs"),
        include_str!("inbound/code.rs"),
        include_str!("inbound/dialogues.rs"),
        include_str!("inbound/walk.rs"),
        include_str!("pending.rs"),
        include_str!("waiting.rs"),
        include_str!("booking.rs"),
        include_str!("booking/ask.rs"),
        include_str!("dialer.rs"),
        include_str!("inbound/transferred.rs"),
        include_str!("feature.rs"),
    ]
    .concat();
    for id in SOUNDS {
        assert!(sources.contains(&format!("\"{id}\"")), "{id} is listed and not used");
    }
    assert!(SOUNDS.is_sorted());
}
