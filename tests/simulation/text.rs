//! Inputs and orders as text, both ways: the language of `tests/scenarios/*.txt` and of a failing
//! run that was cut down. Times are `MM:SS` or `MM:SS.mmm` since the start.

use std::collections::BTreeMap;

use ringback::ident::{
    AgentId, AttemptId, InteractionId, NodeId, QueueId, Route, TrunkId, UserData,
};
use ringback::phone::{Address, PhoneNumber};
use ringback::queue::effect::{EndReason, NotAdmitted, NotTakenOver, ReleaseReason};
use ringback::queue::event::{
    BridgeEnd, DeclineReason, LeftBy, NotReadyReason, OnRegister, RetryClass, WaitChoice, When,
};
use ringback::queue::interaction::Attached;
use ringback::queue::matching::Combination;
use ringback::queue::skill::{SkillExpression, Skills};
use ringback::queue::{Effect, Event, Transition};
use ringback::store::gate::Departure;
use ringback::time::{Duration, Timestamp};

use crate::bench::{Input, Stepped, Timed, this_node};
use crate::call_in;
use crate::policy;
use crate::swarm::START;

/// Words and what they stand for.
pub(crate) type Table<T> = &'static [(&'static str, T)];

/// How an attempt ended.
pub(crate) const CLASSES: Table<RetryClass> = &[
    ("busy", RetryClass::Busy),
    ("no-answer", RetryClass::NoAnswer),
    ("no-confirm", RetryClass::NoConfirm),
    ("machine", RetryClass::Machine),
    ("rejected", RetryClass::Rejected),
    ("unreachable", RetryClass::Unreachable),
    ("carrier", RetryClass::Carrier),
    ("hung-up", RetryClass::HungUp),
    ("called-in", RetryClass::CalledIn),
];
/// Did a phone ring, where nothing else is said?
pub(crate) fn usually_rang(class: RetryClass) -> bool {
    !matches!(class, RetryClass::Busy | RetryClass::Unreachable | RetryClass::Carrier)
}

const REASONS: Table<NotReadyReason> = &[
    ("login", NotReadyReason::Login),
    ("asked", NotReadyReason::Asked),
    ("missed", NotReadyReason::Missed),
    ("busy", NotReadyReason::Busy),
    ("unreachable", NotReadyReason::Unreachable),
    ("outbound", NotReadyReason::Outbound),
];
const ON_REGISTER: Table<OnRegister> = &[
    ("ready", OnRegister::Ready),
    ("not-ready", OnRegister::NotReady),
    ("keep", OnRegister::Keep),
];
const DECLINES: Table<DeclineReason> = &[
    ("missed", DeclineReason::Missed),
    ("busy", DeclineReason::Busy),
    ("unreachable", DeclineReason::Unreachable),
];
const ENDS: Table<EndReason> = &[
    ("ring-timeout", EndReason::RingTimeout),
    ("no-confirm", EndReason::NoConfirm),
    ("cancelled", EndReason::Cancelled),
    ("goodbye", EndReason::Goodbye),
    ("never-again", EndReason::NeverAgain),
    ("not-served", EndReason::NotServed),
    ("called-in", EndReason::CalledIn),
    ("closed", EndReason::Closed),
    ("orphaned", EndReason::Orphaned),
];
const RELEASES: Table<ReleaseReason> = &[
    ("cancelled", ReleaseReason::Cancelled),
    ("served", ReleaseReason::Served),
    ("closed", ReleaseReason::Closed),
    ("not-served", ReleaseReason::NotServed),
];
const REFUSALS: Table<NotAdmitted> = &[
    ("closed", NotAdmitted::Closed),
    ("full", NotAdmitted::Full),
    ("unknown", NotAdmitted::Unknown),
];
const BRIDGES: Table<BridgeEnd> = &[("agent", BridgeEnd::Agent), ("lost", BridgeEnd::Lost)];
const CHOICES: Table<WaitChoice> =
    &[("wait", WaitChoice::KeepWaiting), ("call-back", WaitChoice::CallBack)];

/// What a word of a table stands for.
pub(crate) fn read<T: Copy>(table: Table<T>, word: &str) -> Result<T, String> {
    let found = table.iter().find(|(name, _)| *name == word);
    let words: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
    found.map(|&(_, value)| value).ok_or(format!("`{word}`: write one of {}", words.join(", ")))
}

/// The word of a value.
pub(crate) fn word<T: Copy + PartialEq>(table: Table<T>, value: T) -> &'static str {
    table.iter().find(|(_, of)| *of == value).map_or("?", |(name, _)| name)
}

/// A text as a type that reads itself.
pub(crate) fn parsed<T>(what: &str, text: &str, value: Option<T>) -> Result<T, String> {
    value.ok_or(format!("`{text}` is no {what}"))
}

/// `MM:SS` or `MM:SS.mmm` since the start.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    let parts = text.split_once(':').and_then(|(minutes, seconds)| {
        let (seconds, ms) = seconds.split_once('.').unwrap_or((seconds, "0"));
        let whole = minutes.parse::<i64>().ok()? * 60 + seconds.parse::<i64>().ok()?;
        Some(whole * 1_000 + ms.parse::<i64>().ok()?)
    });
    parsed("time", text, parts.map(|ms| Timestamp::from_ms(START.as_ms() + ms)))
}

/// The same, printed.
pub(crate) fn show_time(at: Timestamp) -> String {
    let ms = at.as_ms() - START.as_ms();
    let (seconds, rest) = (ms.div_euclid(1_000), ms.rem_euclid(1_000));
    let whole = format!("{:02}:{:02}", seconds / 60, seconds % 60);
    if rest == 0 { whole } else { format!("{whole}.{rest:03}") }
}

/// `registrar` or the name of a trunk.
pub(crate) fn route(word: &str) -> Route {
    if word == "registrar" { Route::Registrar } else { Route::Trunk(TrunkId::new(word)) }
}

/// The same, printed.
pub(crate) fn show_route(route: &Route) -> String {
    match route {
        Route::Registrar => "registrar".into(),
        Route::Trunk(trunk) => trunk.to_string(),
    }
}

/// `billing:5,english`; a bare name is level 1, `-` is none.
pub(crate) fn skills(text: &str) -> Result<Skills, String> {
    let parts = text.split(',').filter(|part| *part != "-");
    let level = |part: &str| {
        let (name, level) = part.split_once(':').unwrap_or((part, "1"));
        Ok((name.to_string(), parsed("level", level, level.parse().ok())?))
    };
    parts.map(level).collect()
}

/// The same, printed.
pub(crate) fn show_skills(skills: &Skills) -> String {
    let parts: Vec<String> = skills.iter().map(|(name, level)| format!("{name}:{level}")).collect();
    if parts.is_empty() { "-".into() } else { parts.join(",") }
}

/// An expression without blanks; `-` asks nothing.
pub(crate) fn expression(text: &str) -> Result<SkillExpression, String> {
    let text = if text == "-" { "" } else { text };
    SkillExpression::parse(text).map_err(|error| error.to_string())
}

/// The same, printed.
pub(crate) fn show_expression(expression: &SkillExpression) -> String {
    let text: String = expression.to_string().chars().filter(|c| *c != ' ').collect();
    if text.is_empty() { "-".into() } else { text }
}

/// Who is meant by a name: `i17` is the interaction 17, any other word one that is given to it.
#[derive(Default)]
pub(crate) struct Names(BTreeMap<String, InteractionId>);

const FIRST_NAMED: u128 = 1_000_000;

impl Names {
    pub(crate) fn id(&mut self, name: &str) -> InteractionId {
        if let Some(number) = name.strip_prefix('i').and_then(|digits| digits.parse().ok()) {
            return InteractionId(number);
        }
        let next = InteractionId(FIRST_NAMED + self.0.len() as u128);
        *self.0.entry(name.to_string()).or_insert(next)
    }

    pub(crate) fn attempt(&mut self, word: &str) -> Result<AttemptId, String> {
        let (name, serial) = word.split_once('/').unwrap_or((word, ""));
        let serial = parsed("attempt, such as carol/1", word, serial.parse().ok())?;
        Ok(AttemptId { interaction: self.id(name), serial })
    }

    /// The name of an interaction.
    pub(crate) fn show(&self, id: InteractionId) -> String {
        let named = self.0.iter().find(|(_, of)| **of == id);
        named.map_or_else(|| format!("i{}", id.0), |(name, _)| name.clone())
    }

    /// The name of an attempt.
    pub(crate) fn show_attempt(&self, attempt: AttemptId) -> String {
        format!("{}/{}", self.show(attempt.interaction), attempt.serial)
    }
}

/// The words of a line after its time.
pub(crate) struct Words<'a> {
    plain: Vec<&'a str>,
    pairs: BTreeMap<&'a str, &'a str>,
}

impl<'a> Words<'a> {
    /// Splits at blanks; `key=value` is a pair.
    pub(crate) fn of(line: &'a str) -> Self {
        let (mut plain, mut pairs) = (Vec::new(), BTreeMap::new());
        for word in line.split_whitespace() {
            match word.split_once('=') {
                Some((key, value)) => _ = pairs.insert(key, value),
                None => plain.push(word),
            }
        }
        Self { plain, pairs }
    }

    /// The pairs.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.pairs.iter().map(|(&key, &value)| (key, value))
    }

    pub(crate) fn get(&self, at: usize) -> Result<&'a str, String> {
        self.plain.get(at).copied().ok_or("a word is missing".to_string())
    }

    pub(crate) fn pair<T>(
        &self,
        key: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        self.pairs.get(key).map(|value| read(value)).transpose()
    }

    pub(crate) fn need<T>(
        &self,
        key: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, String> {
        self.pair(key, read)?.ok_or(format!("`{key}=` is missing"))
    }
}

/// An address.
pub(crate) fn address(text: &str) -> Result<Address, String> {
    parsed("address", text, Address::parse(text))
}

pub(crate) fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    parsed("number", text, text.parse().ok())
}

/// The time of a line, and nothing that happens.
pub(crate) fn read_tick(line: &str) -> Result<Timed, String> {
    let (at, _) = line.split_once(' ').unwrap_or((line, ""));
    Ok(Timed { at: time(at)?, input: Input::Event(Event::Tick) })
}

/// Reads a line that begins with a time.
pub(crate) fn read_input(names: &mut Names, line: &str) -> Result<Timed, String> {
    let (at, rest) = line.split_once(' ').ok_or("what happens then?".to_string())?;
    let (at, words) = (time(at)?, Words::of(rest));
    let input = match words.get(0)? {
        "queue" | "configured" | "edited" => policy::read_change(&words.plain, rest)?,
        "disk" if words.get(1)? == "stalls" => Input::DiskStalls,
        "disk" => Input::DiskWorks,
        "commits-fail" => Input::CommitsFail(number(words.get(1)?)?),
        "crash" => Input::Crash { durable: words.get(1) == Ok("durable") },
        "reload" => Input::Reload,
        "agent" => Input::Event(read_agent(names, &words)?),
        verb => Input::Event(read_event(names, at, verb, &words)?),
    };
    Ok(Timed { at, input })
}

fn left_by(words: &Words<'_>) -> Result<LeftBy, String> {
    match words.plain.get(2).copied() {
        None => Ok(LeftBy::Choice),
        Some("longest-wait") => Ok(LeftBy::LongestWait),
        Some("no-agents") => Ok(LeftBy::NoAgents),
        Some(other) => Err(format!("`{other}`: write longest-wait or no-agents")),
    }
}

fn read_event(
    names: &mut Names,
    at: Timestamp,
    verb: &str,
    words: &Words<'_>,
) -> Result<Event, String> {
    let who = words.get(1).unwrap_or_default();
    let interaction = if who.contains('/') { InteractionId(0) } else { names.id(who) };
    let queue = || words.need("queue", |q| Ok(QueueId::new(q)));
    let skills = || words.pair("skills", expression);
    let priority = || Ok::<_, String>(words.pair("priority", number)?.unwrap_or(0));
    Ok(match verb {
        "tick" => Event::Tick,
        "call" => Event::CallArrived {
            interaction,
            queue: queue()?,
            skills: skills()?,
            priority: priority()?,
            address: words.pair("address", address)?,
            node: this_node(),
            attached: attached(words)?,
        },
        "request" => Event::CallbackRequested {
            interaction,
            queue: queue()?,
            skills: skills()?,
            priority: priority()?,
            address: words.pair("address", address)?,
            when: when(words)?,
            notify: words
                .pair("notify", |text| parsed("truth", text, text.parse().ok()))?
                .unwrap_or(false),
            attached: attached(words)?,
        },
        "reschedule" => Event::Rescheduled { interaction, when: when(words)? },
        "menu-opened" => Event::MenuOpened { interaction },
        "menu-closed" => Event::MenuClosed { interaction },
        "calls-in" => Event::CalledIn { interaction, node: this_node() },
        "ask-call-in" => call_in::read_asked(names, words)?,
        "call-in" => call_in::read_arrived(interaction, at, words)?,
        "ewt-told" => ewt_told(interaction, words)?,
        "offered" => Event::Offered { interaction },
        "transfer" => transfer(interaction, words)?,
        "hand-over" => hand_over(interaction, words)?,
        "hang-up" => Event::CallerHungUp { interaction },
        "leave" => Event::CallerLeft { interaction, by: left_by(words)? },
        "confirm" => {
            let address = words.need("address", address)?;
            match words.pair("at", time)? {
                Some(due) => Event::ScheduleConfirmed { interaction, address, due },
                None => Event::CallbackConfirmed { interaction, address },
            }
        }
        "answer" => Event::AttemptAnswered { attempt: names.attempt(who)? },
        "press-1" => Event::ConsumerConfirmed { attempt: names.attempt(who)? },
        "press-2" => postponed(names.attempt(who)?, words)?,
        "press-9" => Event::ConsumerRefused { attempt: names.attempt(who)? },
        "ended" => ended(names.attempt(who)?, words)?,
        "choose" => Event::WaitAnswered { interaction, choice: read(CHOICES, words.get(2)?)? },
        "bridge-ended" => Event::BridgeEnded { interaction, cause: read(BRIDGES, words.get(2)?)? },
        "capacity" => capacity(who, words)?,
        "cancel" => Event::Cancelled { interaction },
        "priority" => Event::PrioritySet { interaction, priority: number(words.get(2)?)? },
        "node-lost" => Event::NodeLost { node: NodeId::new(who) },
        _ => return Err(format!("`{verb}` is no event")),
    })
}

/// `called=+14155550100` and `data={"order":7}`: what is kept and decides nothing.
fn attached(words: &Words<'_>) -> Result<Option<Box<Attached>>, String> {
    let called = words.pair("called", |text| parsed("number", text, PhoneNumber::parse(text)))?;
    let data = words.pair("data", data)?;
    Ok(Attached { called, data }.some())
}

/// The text of a JSON object, without blanks.
pub(crate) fn data(text: &str) -> Result<UserData, String> {
    parsed("user data", text, UserData::new(text))
}

fn ended(attempt: AttemptId, words: &Words<'_>) -> Result<Event, String> {
    let class = read(CLASSES, words.get(2)?)?;
    let rang = words.pair("rang", |text| parsed("truth", text, text.parse().ok()))?;
    Ok(Event::AttemptEnded { attempt, class, rang: rang.unwrap_or_else(|| usually_rang(class)) })
}

fn postponed(attempt: AttemptId, words: &Words<'_>) -> Result<Event, String> {
    let delay = Duration::from_secs(words.need("seconds", number)?);
    Ok(Event::ConsumerPostponed { attempt, delay })
}

fn capacity(queue: &str, words: &Words<'_>) -> Result<Event, String> {
    let free = words.pairs().map(|(name, free)| Ok((route(name), number(free)?)));
    let free = free.collect::<Result<_, String>>()?;
    Ok(Event::DialCapacity { queue: QueueId::new(queue), free })
}

fn transfer(interaction: InteractionId, words: &Words<'_>) -> Result<Event, String> {
    let queue = words.need("queue", |text| Ok(QueueId::new(text)))?;
    let agent = words.pair("agent", |text| Ok(AgentId::new(text)))?;
    Ok(Event::Transferred { interaction, queue, agent })
}

fn hand_over(interaction: InteractionId, words: &Words<'_>) -> Result<Event, String> {
    let agent = words.need("agent", |text| Ok(AgentId::new(text)))?;
    Ok(Event::HandedOver { interaction, agent })
}

fn ewt_told(interaction: InteractionId, words: &Words<'_>) -> Result<Event, String> {
    let ewt = Duration::from_secs(words.need("seconds", number)?);
    Ok(Event::EwtTold { interaction, ewt })
}

/// `at=90:00` then or not at all, `near=90:00` about then, nothing: now.
fn when(words: &Words<'_>) -> Result<When, String> {
    let (at, near) = (words.pair("at", time)?, words.pair("near", time)?);
    Ok(at.map(When::At).or(near.map(When::Near)).unwrap_or(When::Now))
}

fn show_when(when: When) -> String {
    match when {
        When::Now => String::new(),
        When::At(at) => format!(" at={}", show_time(at)),
        When::Near(near) => format!(" near={}", show_time(near)),
    }
}

fn with(words: &Words<'_>) -> Result<Option<AgentId>, String> {
    words.pair("with", |text| Ok(AgentId::new(text)))
}

fn read_agent(names: &mut Names, words: &Words<'_>) -> Result<Event, String> {
    let agent = AgentId::new(words.get(1)?);
    let for_whom = words.get(3).map(|name| names.id(name));
    Ok(match words.get(2)? {
        "login" => Event::AgentLoggedIn { agent, ready: words.get(3) == Ok("ready") },
        "logout" => Event::AgentLoggedOut { agent },
        "ready" => Event::AgentReady { agent },
        "not-ready" => Event::AgentNotReady { agent, reason: read(REASONS, words.get(3)?)? },
        "work-ended" => Event::AfterCallWorkEnded { agent },
        "registers" => {
            let on_register = read(ON_REGISTER, words.get(3)?)?;
            Event::AgentContactFound { agent, on_register }
        }
        "contact-lost" => Event::AgentContactLost { agent },
        "consults" => Event::ConsultationBegan { agent, with: with(words)? },
        "consulted" => Event::ConsultationEnded { agent, with: with(words)? },
        "reachable" => Event::ContactChecked { agent, reachable: true },
        "unreachable" => Event::ContactChecked { agent, reachable: false },
        "skills" => Event::SkillsChanged { agent, skills: skills(words.get(3)?)? },
        "answers" => Event::AgentAnswered { agent, interaction: for_whom? },
        "declines" => {
            let reason = read(DECLINES, words.get(4)?)?;
            Event::AgentDeclined { agent, interaction: for_whom?, reason }
        }
        verb => return Err(format!("an agent does not `{verb}`")),
    })
}

/// Prints what [`read_input`] reads.
pub(crate) fn show_input(names: &Names, timed: &Timed) -> String {
    let text = match &timed.input {
        Input::Event(event) => show_event(names, event),
        Input::Queue(id, settings) => policy::show_queue_change(id, settings.as_deref()),
        Input::Edited(id, settings) => policy::show_edited(id, settings),
        Input::Agent(id, settings) => policy::show_agent_change(id, settings.as_ref()),
        Input::DiskStalls => "disk stalls".into(),
        Input::DiskWorks => "disk works".into(),
        Input::CommitsFail(count) => format!("commits-fail {count}"),
        Input::Crash { durable } => if *durable { "crash durable" } else { "crash" }.into(),
        Input::Reload => "reload".into(),
    };
    format!("{} {text}", show_time(timed.at))
}

fn show_entry(
    queue: &QueueId,
    skills: &Option<SkillExpression>,
    priority: i16,
    address: Option<&Address>,
) -> String {
    let skills = skills.iter().map(|skills| format!(" skills={}", show_expression(skills)));
    let priority = (priority != 0).then(|| format!(" priority={priority}"));
    let address = address.map(|address| format!(" address={}", address.expose()));
    let rest: String = skills.chain(priority).chain(address).collect();
    format!("queue={queue}{rest}")
}

#[expect(clippy::too_many_lines, reason = "one arm for each event")]
fn show_event(names: &Names, event: &Event) -> String {
    let who = |id: &InteractionId| names.show(*id);
    let dial = |attempt: &AttemptId| names.show_attempt(*attempt);
    match event {
        Event::Tick => "tick".into(),
        Event::CallArrived {
            interaction,
            queue,
            skills,
            priority,
            address,
            attached: _,
            node: _,
        } => {
            let entry = show_entry(queue, skills, *priority, address.as_ref());
            format!("call {} {entry}", who(interaction))
        }
        Event::CallbackRequested {
            interaction,
            queue,
            skills,
            priority,
            address,
            when,
            notify,
            attached: _,
        } => {
            let entry = show_entry(queue, skills, *priority, address.as_ref());
            let notify = if *notify { " notify=true" } else { "" };
            format!("request {} {entry}{}{notify}", who(interaction), show_when(*when))
        }
        Event::ScheduleConfirmed { interaction, address, due } => {
            let (address, due) = (address.expose(), show_time(*due));
            format!("confirm {} address={address} at={due}", who(interaction))
        }
        Event::Rescheduled { interaction, when } => {
            format!("reschedule {}{}", who(interaction), show_when(*when))
        }
        Event::MenuOpened { interaction } => format!("menu-opened {}", who(interaction)),
        Event::MenuClosed { interaction } => format!("menu-closed {}", who(interaction)),
        Event::CalledIn { interaction, .. } => format!("calls-in {}", who(interaction)),
        Event::CallInRequested(asked) => call_in::show_asked(names, asked),
        Event::CallInArrived { call, group, presented, routed, .. } => {
            call_in::show_arrived(&who(call), group, presented, routed)
        }
        Event::Offered { interaction } => format!("offered {}", who(interaction)),
        Event::EwtTold { interaction, ewt } => {
            format!("ewt-told {} seconds={}", who(interaction), ewt.as_secs())
        }
        Event::Transferred { interaction, queue, agent } => {
            let agent = agent.as_ref().map_or_else(String::new, |agent| format!(" agent={agent}"));
            format!("transfer {} queue={queue}{agent}", who(interaction))
        }
        Event::HandedOver { interaction, agent } => {
            format!("hand-over {} agent={agent}", who(interaction))
        }
        Event::CallerHungUp { interaction } => format!("hang-up {}", who(interaction)),
        Event::CallerLeft { interaction, by } => {
            let by = match by {
                LeftBy::Choice => "",
                LeftBy::LongestWait => " longest-wait",
                LeftBy::NoAgents => " no-agents",
            };
            format!("leave {}{by}", who(interaction))
        }
        Event::CallbackConfirmed { interaction, address } => {
            format!("confirm {} address={}", who(interaction), address.expose())
        }
        Event::AttemptAnswered { attempt } => format!("answer {}", dial(attempt)),
        Event::ConsumerConfirmed { attempt } => format!("press-1 {}", dial(attempt)),
        Event::ConsumerPostponed { attempt, delay } => {
            format!("press-2 {} seconds={}", dial(attempt), delay.as_secs())
        }
        Event::ConsumerRefused { attempt } => format!("press-9 {}", dial(attempt)),
        Event::AttemptEnded { attempt, class, rang } => {
            let unusual = *rang != usually_rang(*class);
            let rang = if unusual { format!(" rang={rang}") } else { String::new() };
            format!("ended {} {}{rang}", dial(attempt), word(CLASSES, *class))
        }
        Event::WaitAnswered { interaction, choice } => {
            format!("choose {} {}", who(interaction), word(CHOICES, *choice))
        }
        Event::BridgeEnded { interaction, cause } => {
            format!("bridge-ended {} {}", who(interaction), word(BRIDGES, *cause))
        }
        Event::DialCapacity { queue, free } => {
            let free: String =
                free.iter().map(|(route, n)| format!(" {}={n}", show_route(route))).collect();
            format!("capacity {queue}{free}")
        }
        Event::Cancelled { interaction } => format!("cancel {}", who(interaction)),
        Event::PrioritySet { interaction, priority } => {
            format!("priority {} {priority}", who(interaction))
        }
        Event::NodeLost { node } => format!("node-lost {node}"),
        Event::SettingsChanged(_) => "settings".into(),
        Event::AgentLoggedIn { .. }
        | Event::AgentLoggedOut { .. }
        | Event::AgentReady { .. }
        | Event::AgentNotReady { .. }
        | Event::AfterCallWorkEnded { .. }
        | Event::AgentContactFound { .. }
        | Event::AgentContactLost { .. }
        | Event::ConsultationBegan { .. }
        | Event::ConsultationEnded { .. }
        | Event::SkillsChanged { .. }
        | Event::AgentAnswered { .. }
        | Event::AgentDeclined { .. }
        | Event::ContactChecked { .. } => show_agent_event(names, event),
    }
}

fn show_with(agent: Option<&AgentId>) -> String {
    agent.map_or_else(String::new, |agent| format!(" with={agent}"))
}

fn show_agent_event(names: &Names, event: &Event) -> String {
    match event {
        Event::AgentLoggedIn { agent, ready } => {
            format!("agent {agent} login {}", if *ready { "ready" } else { "not-ready" })
        }
        Event::AgentLoggedOut { agent } => format!("agent {agent} logout"),
        Event::AgentReady { agent } => format!("agent {agent} ready"),
        Event::AgentNotReady { agent, reason } => {
            format!("agent {agent} not-ready {}", word(REASONS, *reason))
        }
        Event::AfterCallWorkEnded { agent } => format!("agent {agent} work-ended"),
        Event::AgentContactFound { agent, on_register } => {
            format!("agent {agent} registers {}", word(ON_REGISTER, *on_register))
        }
        Event::AgentContactLost { agent } => format!("agent {agent} contact-lost"),
        Event::ConsultationBegan { agent, with } => {
            format!("agent {agent} consults{}", show_with(with.as_ref()))
        }
        Event::ConsultationEnded { agent, with } => {
            format!("agent {agent} consulted{}", show_with(with.as_ref()))
        }
        Event::SkillsChanged { agent, skills } => {
            format!("agent {agent} skills {}", show_skills(skills))
        }
        Event::AgentAnswered { agent, interaction } => {
            format!("agent {agent} answers {}", names.show(*interaction))
        }
        Event::AgentDeclined { agent, interaction, reason } => {
            let reason = word(DECLINES, *reason);
            format!("agent {agent} declines {} {reason}", names.show(*interaction))
        }
        Event::ContactChecked { agent, reachable } => {
            format!("agent {agent} {}", if *reachable { "reachable" } else { "unreachable" })
        }
        other => format!("{other:?}"),
    }
}

/// An order that left, or that never will.
pub(crate) fn show_departure(names: &Names, departure: &Departure) -> String {
    match departure {
        Departure::Leaves(effect) => show_effect(names, effect),
        Departure::Revoked { held, .. } => format!("(revoked) {}", show_effect(names, held)),
    }
}

fn show_effect(names: &Names, effect: &Effect) -> String {
    let who = names.show(effect.interaction());
    match effect {
        Effect::NotAdmitted { reason, .. } => {
            format!("not-admitted {who} {}", word(REFUSALS, *reason))
        }
        Effect::Alert { agent, .. } => format!("alert {agent} {who}"),
        Effect::CancelAlert { agent, .. } => format!("cancel-alert {agent} {who}"),
        Effect::Connect { agent, .. } => format!("connect {agent} {who}"),
        Effect::Disconnect { agent, .. } => format!("disconnect {agent} {who}"),
        Effect::Dial { attempt, address, route, triggered_by, .. } => format!(
            "dial {} to={} route={} by={triggered_by}",
            names.show_attempt(*attempt),
            address.expose(),
            show_route(route)
        ),
        Effect::EndAttempt { attempt, reason } => {
            format!("end {} {}", names.show_attempt(*attempt), word(ENDS, *reason))
        }
        Effect::Registered { .. } => format!("registered {who}"),
        Effect::NotRegistered { why, .. } => {
            format!("not-registered {who} {}", call_in::refusal(names, why))
        }
        Effect::Accepted { due_at, .. } => {
            let due = due_at.map(|due| format!(" due={}", show_time(due)));
            format!("accepted {who}{}", due.unwrap_or_default())
        }
        Effect::Refused { why, .. } => format!("refused {who} {}", call_in::refusal(names, why)),
        Effect::TakenOver { .. } => format!("taken-over {who}"),
        Effect::NotTakenOver { why, .. } => {
            let why = match why {
                NotTakenOver::Talking => "talking",
                NotTakenOver::Over => "over",
                NotTakenOver::Closed => "closed",
            };
            format!("not-taken-over {who} {why}")
        }
        Effect::Kept { .. } => format!("kept {who}"),
        Effect::Cancelled { .. } => format!("cancelled {who}"),
        Effect::NotCancelled { .. } => format!("not-cancelled {who}"),
        Effect::CallInGranted { request, number, code, expires_at, .. } => format!(
            "call-in-granted {} for={who} number={} code={} until={}",
            request.0,
            number.expose(),
            code.map_or("none".into(), |n| n.to_string()),
            show_time(*expires_at)
        ),
        Effect::CallInRefused { request, why, .. } => {
            format!("call-in-refused {} for={who} {}", request.0, call_in::refused_call_in(why))
        }
        Effect::CallInMatched { combination, callback, data, .. } => {
            let callback = callback.map(|id| format!(" as={}", names.show(id)));
            let data = data.as_ref().map(|data| format!(" data={}", data.expose()));
            let more: String = [callback, data].into_iter().flatten().collect();
            format!("matched {who} {combination}{more}")
        }
        Effect::CallInUnmatched { combination, .. } => match *combination {
            Combination::NONE => format!("unmatched {who}"),
            agreed => format!("unmatched {who} {agreed}"),
        },
        Effect::Push { event, .. } => format!("push {who} {}", call_in::push(event)),
        Effect::LeaveQueue { offer_schedule, .. } => {
            let offer = if *offer_schedule { " offer-schedule" } else { "" };
            format!("leave-queue {who}{offer}")
        }
        Effect::Release { reason, .. } => format!("release {who} {}", word(RELEASES, *reason)),
        Effect::AskKeepWaiting { .. } => format!("ask-keep-waiting {who}"),
    }
}

/// A row of the state table that was taken.
pub(crate) fn show_transition(names: &Names, transition: &Transition) -> String {
    format!("{} {}", names.show(transition.interaction), transition.row)
}

/// What came of an input, a line each.
pub(crate) fn show_step(names: &Names, stepped: &Stepped) -> String {
    let rows = stepped.transitions.iter().map(|row| ("=", show_transition(names, row)));
    let orders = stepped.departures.iter().map(|order| (">", show_departure(names, order)));
    rows.chain(orders).map(|(sign, text)| format!("      {sign} {text}\n")).collect()
}
