//! Telephones, people and disks around the system: what they do by themselves, and how they react
//! to the orders that leave it. Everything comes from the seed.
//!
//! It may tell a fact late, twice or out of turn, and tell of ids that do not exist. It must not
//! lie: an attempt whose phone may ring is never reported as ended.

mod apps;
mod reactions;

use std::collections::{BTreeMap, BTreeSet};

use ringback::ident::{
    AgentId, AttemptId, Entropy, InteractionId, NodeId, QueueId, Route, TrunkId,
};
use ringback::phone::Address;
use ringback::queue::event::{LeftBy, NotReadyReason, OnRegister, RetryClass, WaitChoice, When};
use ringback::queue::{AgentState, Effect, Event, Interaction, Origin, QueueSettings, Stage};
use ringback::store::gate::Departure;
use ringback::time::{Duration, Timestamp};

use crate::bench::{Bench, Input, Stepped, Timed, this_node};
use crate::swarm::{self, Swarm, pick, weighted};
use apps::Apps;

/// What happens without a cause in the system.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Whim {
    Arrive,
    Request,
    HangUp,
    Leave,
    Confirm,
    LogIn,
    LogOut,
    Ready,
    NotReady,
    WorkEnded,
    ContactLost,
    Skills,
    Capacity,
    Cancel,
    Priority,
    Settings,
    Stale,
    Wrong,
    Stall,
    CommitsFail,
    Crash,
    Reload,
    NodeLost,
    Plan,
    PlanOnLine,
    Reschedule,
    CallsIn,
    Keeps,
    AskCallIn,
    Dials,
    Told,
    Transfer,
    Consult,
}

const WHIMS: [Whim; 33] = [
    Whim::Arrive,
    Whim::Request,
    Whim::HangUp,
    Whim::Leave,
    Whim::Confirm,
    Whim::LogIn,
    Whim::LogOut,
    Whim::Ready,
    Whim::NotReady,
    Whim::WorkEnded,
    Whim::ContactLost,
    Whim::Skills,
    Whim::Capacity,
    Whim::Cancel,
    Whim::Priority,
    Whim::Settings,
    Whim::Stale,
    Whim::Wrong,
    Whim::Stall,
    Whim::CommitsFail,
    Whim::Crash,
    Whim::Reload,
    Whim::NodeLost,
    Whim::Plan,
    Whim::PlanOnLine,
    Whim::Reschedule,
    Whim::CallsIn,
    Whim::Keeps,
    Whim::AskCallIn,
    Whim::Dials,
    Whim::Told,
    Whim::Transfer,
    Whim::Consult,
];

/// A whim may need somebody who is not there: then another is tried.
const WHIM_TRIES: usize = 5;
/// Jumps further than this are taken seldom, or little would happen but purges.
const FAR: Duration = Duration::from_secs(900);

/// The world of one seed.
pub(crate) struct World {
    entropy: Entropy,
    swarm: Swarm,
    now: Timestamp,
    /// Facts under way.
    under_way: Vec<(Timestamp, Event)>,
    /// Facts told before, to be told again.
    told: Vec<Event>,
    callers: BTreeSet<InteractionId>,
    /// Dialled phones, and whether their end is under way to the queue.
    dialled: BTreeMap<AttemptId, bool>,
    /// Everybody is kind and nothing fails: the liveness phase.
    kind: bool,
    entered: u128,
    jumps: u64,
    /// A caller known by a code for whom an agent began to ring last.
    rings: Option<InteractionId>,
    steps: u64,
    stalled: bool,
    apps: Apps,
}

impl World {
    /// The world of a seed, with the swarm drawn from it.
    pub(crate) fn new(seed: u64) -> Self {
        let mut entropy = Entropy::from_number(seed);
        let mut swarm = Swarm::draw(&mut entropy, WHIMS.len());
        for (weight, whim) in swarm.weights.iter_mut().zip(WHIMS) {
            *weight = match whim {
                Whim::Arrive | Whim::Request | Whim::LogIn | Whim::Ready => 8 + *weight * 2,
                Whim::Capacity | Whim::Confirm | Whim::Leave => 3 + *weight,
                Whim::AskCallIn | Whim::Dials | Whim::Plan => 3 + *weight,
                Whim::Crash | Whim::Settings => (*weight).div_ceil(4),
                _ => *weight,
            };
        }
        Self {
            now: swarm.start,
            entropy,
            swarm,
            under_way: Vec::new(),
            told: Vec::new(),
            callers: BTreeSet::new(),
            dialled: BTreeMap::new(),
            kind: false,
            entered: 0,
            jumps: 0,
            rings: None,
            steps: 0,
            stalled: false,
            apps: Apps::default(),
        }
    }

    /// The configuration at the start.
    pub(crate) fn settings(&self) -> ringback::queue::Settings {
        self.swarm.settings.clone()
    }

    /// How many steps were jumps in time.
    pub(crate) fn jumps(&self) -> u64 {
        self.jumps
    }

    /// The next thing that happens: at most every second time a jump to the next deadline.
    pub(crate) fn next(&mut self, bench: &Bench) -> Timed {
        let mut next = self.follow(bench);
        if self.chance(self.swarm.set_back) {
            next.at = next.at - Duration::from_millis(self.entropy.below(120_000));
        }
        next
    }

    fn follow(&mut self, bench: &Bench) -> Timed {
        self.steps += 1;
        let next = bench.queue.poll_timeout().map_or(self.now, |(at, _)| at);
        let far = self.under_way.is_empty() && next > self.now + FAR;
        let may_jump = self.jumps * 2 < self.steps;
        if may_jump && self.chance(if far { 5 } else { 60 }) {
            return self.jump(bench);
        }
        if self.chance(70) {
            self.now += Duration::from_millis(self.entropy.below(2_000));
        }
        let due = self.due();
        let input = match due {
            Some(at) if self.chance(70) => Input::Event(self.under_way.swap_remove(at).1),
            _ => self.whim(bench),
        };
        self.remember(&input);
        Timed { at: self.now, input }
    }

    fn jump(&mut self, bench: &Bench) -> Timed {
        let deadline = bench.queue.poll_timeout().map(|(at, _)| at);
        let fact = self.first().map(|(at, _)| at);
        let late = self.chance(self.swarm.late);
        let input = match (deadline, fact) {
            (Some(deadline), Some(fact)) if fact <= deadline && !late => None,
            (None, Some(_)) => None,
            (Some(deadline), _) => Some(deadline),
            (None, None) => Some(self.now + Duration::from_secs(60)),
        };
        if let Some(deadline) = input {
            self.jumps += 1;
            self.now = self.now.max(deadline);
            return Timed { at: self.now, input: Input::Event(Event::Tick) };
        }
        self.fact().unwrap_or(Timed { at: self.now, input: Input::Event(Event::Tick) })
    }

    /// The fact that is due first, told at its time.
    fn fact(&mut self) -> Option<Timed> {
        let (at, n) = self.first()?;
        self.now = self.now.max(at);
        let input = Input::Event(self.under_way.remove(n).1);
        self.remember(&input);
        Some(Timed { at: self.now, input })
    }

    fn first(&self) -> Option<(Timestamp, usize)> {
        self.under_way.iter().enumerate().map(|(n, &(at, _))| (at, n)).min()
    }

    /// A fact whose time has come; or, out of turn, any that is under way but for an attempt that
    /// would answer after its end.
    fn due(&mut self) -> Option<usize> {
        if self.chance(self.swarm.reordered) {
            let now = self.now;
            let due = |n: &usize| self.under_way[*n].0 <= now;
            let due: Vec<usize> = (0..self.under_way.len()).filter(due).collect();
            return (!due.is_empty()).then(|| *pick(&mut self.entropy, &due));
        }
        self.first().filter(|&(at, _)| at <= self.now).map(|(_, n)| n)
    }

    fn remember(&mut self, input: &Input) {
        let Input::Event(event) = input else { return };
        if let Event::AttemptEnded { attempt, .. } = event {
            self.dialled.remove(attempt);
        }
        let resend = !matches!(event, Event::Tick | Event::SettingsChanged(_))
            && !matches!(event, Event::DialCapacity { .. } | Event::NodeLost { .. });
        if resend && self.told.len() < 200 {
            self.told.push(event.clone());
        } else if resend {
            let at = self.entropy.below(200) as usize;
            self.told[at] = event.clone();
        }
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.entropy.below(100) < percent
    }

    fn soon(&mut self, seconds: u64, event: Event) {
        let at = self.now + Duration::from_millis(self.entropy.below(seconds * 1_000 + 1));
        self.under_way.push((at, event));
    }

    fn whim(&mut self, bench: &Bench) -> Input {
        if let Some(input) = self.mishap(bench) {
            return input;
        }
        for _ in 0..WHIM_TRIES {
            let whim = WHIMS[weighted(&mut self.entropy, &self.swarm.weights)];
            if let Some(input) = self.disk(whim).or_else(|| self.act(whim, bench)) {
                return input;
            }
        }
        Input::Event(Event::Tick)
    }

    /// What seldom meets by chance: callers known by a code, and consumers who were just asked, are
    /// cut off by a crash or by themselves; a queue closes while a code is out; a calendar changes.
    fn mishap(&mut self, bench: &Bench) -> Option<Input> {
        let rings = self.rings.take().is_some_and(|id| bench.queue.interaction(id).is_some());
        if !self.chance(if rings { 40 } else { 4 }) {
            return None;
        }
        let weight = |row: &Interaction| match row.stage {
            Stage::Alerting(_) if row.origin == Origin::CallIn && row.caller_leg => 20,
            Stage::Waiting if row.origin == Origin::CallIn && row.caller_leg => 1,
            Stage::AwaitingCallIn if row.close_at.is_some() => 3,
            Stage::Confirming | Stage::Scheduled => 1,
            _ => 0,
        };
        let rows: Vec<&Interaction> =
            bench.queue.interactions().flat_map(|row| vec![row; weight(row)]).collect();
        let row = *(!rows.is_empty()).then(|| pick(&mut self.entropy, &rows))?;
        let interaction = row.id;
        match row.stage {
            Stage::Scheduled => {
                let mut settings = bench.queue.queue_settings(&row.queue)?.clone();
                settings.hours = swarm::hours(&mut self.entropy, self.swarm.start);
                return Some(Input::Queue(row.queue.clone(), Some(Box::new(settings))));
            }
            Stage::AwaitingCallIn => {
                self.now = self.now.max(row.close_at?);
                return Some(Input::Event(Event::Tick));
            }
            Stage::Confirming if self.chance(50) => {
                return Some(Input::Event(Event::Cancelled { interaction }));
            }
            _ if row.caller_leg && self.chance(50) => {
                self.callers.remove(&interaction);
                return Some(Input::Event(Event::CallerHungUp { interaction }));
            }
            _ => {}
        }
        self.restart();
        Some(Input::Crash { durable: self.chance(50) })
    }

    fn disk(&mut self, whim: Whim) -> Option<Input> {
        match whim {
            Whim::Stall => {
                self.stalled = !self.stalled;
                Some(if self.stalled { Input::DiskStalls } else { Input::DiskWorks })
            }
            Whim::CommitsFail => Some(Input::CommitsFail(self.entropy.below(6) as u32)),
            Whim::Crash => {
                self.restart();
                Some(Input::Crash { durable: self.chance(50) })
            }
            Whim::Reload => Some(Input::Reload),
            _ => None,
        }
    }

    fn restart(&mut self) {
        self.stalled = false;
        self.forget_tickets();
        self.under_way.clear();
        self.callers.clear();
        let agents: Vec<AgentId> = self.agents();
        for agent in agents {
            let reachable = self.kind || self.chance(80);
            self.soon(20, Event::ContactChecked { agent, reachable });
        }
        for (queue, free) in self.capacities() {
            self.soon(5, Event::DialCapacity { queue, free });
        }
    }

    fn agents(&self) -> Vec<AgentId> {
        self.swarm.settings.agents.keys().cloned().collect()
    }

    fn queues(&self) -> Vec<QueueId> {
        self.swarm.settings.queues.keys().cloned().collect()
    }

    /// A name that exists, now and then one that does not.
    fn agent(&mut self) -> AgentId {
        let agents = self.agents();
        let known = !agents.is_empty() && !self.chance(2);
        if known { pick(&mut self.entropy, &agents).clone() } else { AgentId::new("nobody") }
    }

    fn queue(&mut self) -> QueueId {
        let queues = self.queues();
        let known = !queues.is_empty() && !self.chance(2);
        if known { pick(&mut self.entropy, &queues).clone() } else { QueueId::new("nowhere") }
    }

    fn address(&mut self) -> Address {
        let text = match self.entropy.below(8) {
            0 => "+4930123456".to_string(),
            1..3 => format!("1{:03}", self.entropy.below(1_000)),
            // A few ask again and again, in several queues.
            3..=4 => format!("+141555500{:02}", self.entropy.below(3)),
            _ => format!("+1415555{:04}", self.entropy.below(10_000)),
        };
        Address::parse(&text).unwrap_or_else(|| panic!("{text} is an address"))
    }

    fn free(&mut self) -> Vec<(Route, u32)> {
        let routes =
            [Route::Registrar, Route::Trunk(TrunkId::new("t0")), Route::Trunk(TrunkId::new("t1"))];
        let most = if self.kind { 1_000 } else { [0, 2, 30, 30][self.entropy.below(4) as usize] };
        routes.map(|route| (route, most)).to_vec()
    }

    fn capacities(&mut self) -> Vec<(QueueId, Vec<(Route, u32)>)> {
        self.queues().into_iter().map(|queue| (queue, self.free())).collect()
    }

    fn someone(&mut self, of: &[InteractionId]) -> Option<InteractionId> {
        (!of.is_empty()).then(|| *pick(&mut self.entropy, of))
    }

    fn caller(&mut self) -> Option<InteractionId> {
        let callers: Vec<InteractionId> = self.callers.iter().copied().collect();
        self.someone(&callers)
    }

    fn open(&mut self, bench: &Bench) -> Option<InteractionId> {
        let open = bench.queue.interactions().map(|interaction| interaction.id);
        let open: Vec<InteractionId> = open.collect();
        self.someone(&open)
    }

    fn enter(&mut self, bench: &Bench) -> Option<InteractionId> {
        if bench.queue.interactions().count() >= self.swarm.crowd {
            return None;
        }
        self.entered += 1;
        Some(InteractionId(self.entered))
    }

    fn act(&mut self, whim: Whim, bench: &Bench) -> Option<Input> {
        let event = match whim {
            Whim::Arrive => self.arrive(bench)?,
            Whim::Request => self.request(bench)?,
            Whim::HangUp => {
                let interaction = self.caller()?;
                self.callers.remove(&interaction);
                Event::CallerHungUp { interaction }
            }
            Whim::Leave => {
                let interaction = self.caller()?;
                let talks = |row: &&Interaction| matches!(row.stage, Stage::Bridged(_));
                let row = bench.queue.interaction(interaction).filter(|row| row.caller_leg);
                row.filter(|row| !talks(row))?;
                self.callers.remove(&interaction);
                let all = [LeftBy::Choice, LeftBy::LongestWait, LeftBy::NoAgents];
                Event::CallerLeft { interaction, by: all[self.entropy.below(3) as usize] }
            }
            Whim::Confirm => {
                let (interaction, address) = (self.caller()?, self.address());
                Event::CallbackConfirmed { interaction, address }
            }
            Whim::Capacity => {
                let (queue, free) = (self.queue(), self.free());
                Event::DialCapacity { queue, free }
            }
            Whim::Cancel => {
                let interaction = self.open(bench)?;
                Event::Cancelled { interaction }
            }
            Whim::Priority => {
                let (interaction, priority) = (self.open(bench)?, self.entropy.below(5) as i16 - 2);
                Event::PrioritySet { interaction, priority }
            }
            Whim::NodeLost => Event::NodeLost { node: NodeId::new("n2") },
            Whim::Stale => self.again(bench)?,
            Whim::Wrong => self.wrong(bench),
            Whim::Settings => return Some(self.resettle()),
            _ => match self.consumer_acts(whim, bench) {
                Some(event) => event,
                None if whim >= Whim::Plan => return None,
                None => self.agent_acts(whim),
            },
        };
        Some(Input::Event(event))
    }

    fn arrive(&mut self, bench: &Bench) -> Option<Event> {
        let interaction = self.enter(bench)?;
        self.callers.insert(interaction);
        let skills = self.chance(50).then(|| swarm::expression(&mut self.entropy));
        let address = self.chance(60).then(|| self.address());
        let priority = if self.chance(20) { 1 } else { 0 };
        let (queue, node) = (self.queue(), this_node());
        Some(Event::CallArrived {
            interaction,
            queue,
            skills,
            priority,
            address,
            node,
            attached: None,
        })
    }

    fn request(&mut self, bench: &Bench) -> Option<Event> {
        let interaction = self.enter(bench)?;
        let skills = self.chance(50).then(|| swarm::expression(&mut self.entropy));
        let priority = if self.chance(20) { 1 } else { 0 };
        let (queue, notify) = (self.queue(), self.chance(50));
        let address = self.chance(95).then(|| self.address());
        let when = When::Now;
        Some(Event::CallbackRequested {
            interaction,
            queue,
            skills,
            priority,
            address,
            when,
            notify,
            attached: None,
        })
    }

    fn agent_acts(&mut self, whim: Whim) -> Event {
        let agent = self.agent();
        match whim {
            Whim::LogIn => match self.entropy.below(100) {
                0..50 => Event::AgentLoggedIn { agent, ready: true },
                50..70 => Event::AgentContactFound { agent, on_register: OnRegister::Ready },
                70..80 => Event::AgentLoggedIn { agent, ready: false },
                80..95 => Event::AgentContactFound { agent, on_register: OnRegister::NotReady },
                _ => Event::AgentContactFound { agent, on_register: OnRegister::Keep },
            },
            Whim::LogOut => Event::AgentLoggedOut { agent },
            Whim::NotReady => Event::AgentNotReady { agent, reason: NotReadyReason::Asked },
            Whim::WorkEnded => Event::AfterCallWorkEnded { agent },
            Whim::ContactLost => Event::AgentContactLost { agent },
            Whim::Skills => {
                let skills = swarm::skills(&mut self.entropy);
                Event::SkillsChanged { agent, skills }
            }
            _ => Event::AgentReady { agent },
        }
    }

    /// A fact that was told before. Nobody enters twice: an id is drawn once.
    fn again(&mut self, bench: &Bench) -> Option<Event> {
        let told = self.entropy.below(self.told.len().max(1) as u64);
        let event = self.told.get(told as usize)?.clone();
        let quiet = bench.queue.poll_timeout().is_none_or(|(at, _)| at > self.now);
        match &event {
            Event::CallArrived { interaction, .. }
            | Event::CallbackRequested { interaction, .. }
                if !quiet || bench.queue.interaction(*interaction).is_none() =>
            {
                None
            }
            // Who takes over, and has no word of it yet, does not go under that name.
            Event::CallerHungUp { interaction } | Event::CallerLeft { interaction, .. }
                if bench.queue.interaction(*interaction).is_some_and(|row| row.caller_leg)
                    && !self.callers.contains(interaction) =>
            {
                None
            }
            _ => Some(event),
        }
    }

    /// A fact about nobody, or about the wrong one.
    fn wrong(&mut self, bench: &Bench) -> Event {
        let interaction = match self.chance(50).then(|| self.open(bench)).flatten() {
            Some(open) => open,
            None => InteractionId(u128::MAX - u128::from(self.entropy.below(9))),
        };
        // No attempt has a serial like this.
        let attempt = AttemptId { interaction, serial: 1_000_000 };
        let agent = self.agent();
        match self.entropy.below(8) {
            0 => Event::AttemptAnswered { attempt },
            1 => Event::ConsumerConfirmed { attempt },
            2 => Event::AttemptEnded { attempt, class: RetryClass::NoAnswer, rang: true },
            3 => Event::ConsumerRefused { attempt },
            4 => Event::AgentAnswered { agent: AgentId::new("nobody"), interaction },
            5 => Event::AgentAnswered { agent, interaction: InteractionId(u128::MAX) },
            6 => Event::CallerHungUp { interaction: InteractionId(u128::MAX) },
            _ => Event::WaitAnswered {
                interaction: InteractionId(u128::MAX),
                choice: WaitChoice::CallBack,
            },
        }
    }

    fn resettle(&mut self) -> Input {
        let (queues, agents) = (self.queues(), self.agents());
        if self.chance(50) {
            let id = pick(&mut self.entropy, &queues).clone();
            let start = self.swarm.start;
            let settings: QueueSettings = swarm::queue(&mut self.entropy, start);
            return Input::Queue(id, Some(Box::new(settings)));
        }
        let id = pick(&mut self.entropy, &agents).clone();
        let settings = swarm::agent(&mut self.entropy, &queues);
        Input::Agent(id, Some(settings))
    }

    /// Reacts to what left the system.
    pub(crate) fn observe(&mut self, stepped: &Stepped) {
        for departure in &stepped.departures {
            match departure {
                Departure::Leaves(effect) => self.react(effect),
                Departure::Revoked { by: Effect::EndAttempt { attempt, reason }, .. } => {
                    let (attempt, class) = (*attempt, reason.class());
                    self.soon(1, Event::AttemptEnded { attempt, class, rang: false });
                }
                Departure::Revoked { .. } => {}
            }
        }
    }

    /// From here on everybody is kind: all agents come, everyone answers, nothing fails.
    pub(crate) fn turn_kind(&mut self, bench: &Bench) -> Vec<Timed> {
        self.kind = true;
        self.swarm.talked = [1, 1, 0];
        self.swarm.talk_seconds = 30;
        let mut inputs = vec![Input::CommitsFail(0), Input::DiskWorks];
        for (id, settings) in bench.settings.queues.clone() {
            let kind = QueueSettings {
                hours: ringback::queue::Hours::RoundTheClock,
                process_callbacks: true,
                misses_max: 5,
                dials_max: 100,
                ..settings
            };
            inputs.push(Input::Queue(id, Some(Box::new(kind))));
        }
        for agent in self.agents() {
            let skills = swarm::all_skills();
            let settings =
                ringback::queue::AgentSettings { skills: skills.clone(), queues: Vec::new() };
            inputs.push(Input::Agent(agent.clone(), Some(settings)));
            inputs.push(Input::Event(Event::SkillsChanged { agent: agent.clone(), skills }));
        }
        inputs.extend(self.kindness(bench));
        inputs.into_iter().map(|input| Timed { at: self.now, input }).collect()
    }

    /// What a kind world repeats: whoever is away comes back, and the trunks are free.
    fn kindness(&mut self, bench: &Bench) -> Vec<Input> {
        let mut events = Vec::new();
        for agent in self.agents() {
            let Some(row) = bench.queue.agent(&agent) else { continue };
            let (state, checked) = (row.state.clone(), row.contact_checked);
            match state {
                AgentState::LoggedOut => {
                    events.push(Event::AgentLoggedIn { agent: agent.clone(), ready: true });
                }
                AgentState::NotReady(_) => events.push(Event::AgentReady { agent: agent.clone() }),
                AgentState::Ready
                | AgentState::Alerting(_)
                | AgentState::Talking(_)
                | AgentState::AfterCallWork => {}
            }
            if !checked {
                events.push(Event::ContactChecked { agent, reachable: true });
            }
        }
        let capacities = self.capacities().into_iter();
        events.extend(capacities.map(|(queue, free)| Event::DialCapacity { queue, free }));
        events.into_iter().map(Input::Event).collect()
    }

    /// The next step of a kind world: the next fact or deadline in order of time.
    pub(crate) fn next_kind(&mut self, bench: &Bench) -> Vec<Timed> {
        self.steps += 1;
        if self.steps.is_multiple_of(10) {
            let inputs = self.kindness(bench);
            return inputs.into_iter().map(|input| Timed { at: self.now, input }).collect();
        }
        let deadline = bench.queue.poll_timeout().map(|(at, _)| at);
        let fact = self.first().map(|(at, _)| at);
        if let Some(fact) = fact
            && deadline.is_none_or(|deadline| fact <= deadline)
        {
            return self.fact().into_iter().collect();
        }
        let idle = self.now + Duration::from_secs(60);
        self.now = self.now.max(deadline.unwrap_or(idle));
        vec![Timed { at: self.now, input: Input::Event(Event::Tick) }]
    }
}
