//! The configuration as text: `queue billing skills=billing attempts=3` and
//! `agent ann skills=billing:5 queues=billing`. What is not said is as in [`plain_queue`].

use std::collections::BTreeMap;
use std::sync::Arc;

use ringback::ident::{AgentId, GroupId, QueueId};
use ringback::phone::{AddressPolicy, Ani, Dnis, Pattern};
use ringback::queue::contact::CallingWindow;
use ringback::queue::event::RetryClass;
use ringback::queue::hours::{Calendar, Date, DayHours, Zone};
use ringback::queue::limits::LimitSettings;
use ringback::queue::matching::{CallInGroup, CodeUse, Combination};
use ringback::queue::slots::SlotSettings;
use ringback::queue::{
    AgentSettings, AtClose, EarlyHangup, EwtMode, Hours, QueueSettings, Selection, Settings,
};
use ringback::time::{Duration, Timestamp};

use crate::bench::Input;
use crate::swarm::{self, START};
use crate::text::{self, CLASSES, Words, parsed, read, word};

/// Longer than a run may take.
const RUN_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

const HANGUPS: text::Table<EarlyHangup> =
    &[("abandon", EarlyHangup::Abandon), ("call-back", EarlyHangup::CallBack)];

const SELECTIONS: text::Table<Selection> = &[
    ("longest-idle", Selection::LongestIdle),
    ("fewest-calls", Selection::FewestCalls),
    ("round-robin", Selection::RoundRobin),
    ("most-skilled", Selection::MostSkilled),
];
const MODES: text::Table<EwtMode> =
    &[("mode1", EwtMode::Mode1), ("mode2", EwtMode::Mode2), ("mode3", EwtMode::Mode3)];
const CODES: text::Table<CodeUse> =
    &[("always", CodeUse::Always), ("if-needed", CodeUse::IfNeeded), ("off", CodeUse::Off)];

/// A queue as it is by default, which may call North America and its own extensions back.
pub(crate) fn plain_queue() -> QueueSettings {
    let addresses = AddressPolicy {
        prefixes: vec!["+1".into()],
        trunks: vec![text::route("carrier")],
        extensions: vec![(Pattern::new("10??"), text::route("registrar"))],
        ..AddressPolicy::default()
    };
    QueueSettings { addresses, limits: LimitSettings::OFF, ..QueueSettings::default() }
}

fn list<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    let parts: Vec<String> = items.iter().map(show).collect();
    if parts.is_empty() { "-".into() } else { parts.join(",") }
}

fn read_list<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').filter(|part| *part != "-").map(read).collect()
}

fn fields(queue: &QueueSettings) -> Vec<(&'static str, String)> {
    let seconds = |duration: Duration| duration.as_secs().to_string();
    let delay = |(class, delay): &(RetryClass, Duration)| {
        format!("{}:{}", word(CLASSES, *class), delay.as_secs())
    };
    let limits: Vec<(RetryClass, u32)> =
        queue.attempts_max_of.iter().map(|(&class, &max)| (class, max)).collect();
    let delays: Vec<(RetryClass, Duration)> =
        queue.retry_delay.iter().map(|(&class, &delay)| (class, delay)).collect();
    let extension = |(pattern, route): &(Pattern, _)| {
        format!("{}:{}", pattern.as_str(), text::show_route(route))
    };
    let interval = |&(from, to): &(Timestamp, Timestamp)| {
        format!("{}-{}", text::show_time(from), text::show_time(to))
    };
    let hours = match &queue.hours {
        Hours::RoundTheClock => "always".into(),
        Hours::Intervals(open) => list(open, interval),
        hours if *hours == swarm::all_day(hours.zone()) => format!("zone:{}", hours.zone().name()),
        // As it is within the days that a run may take.
        Hours::Calendar(_) => list(&queue.hours.intervals(START, START + RUN_MAX), interval),
    };
    vec![
        ("skills", text::show_expression(&queue.skills)),
        ("waiting", queue.waiting_max.to_string()),
        ("agent_rings", seconds(queue.agent_ring_timeout)),
        ("misses", queue.misses_max.to_string()),
        ("after_call_work", seconds(queue.after_call_work)),
        ("prefixes", list(&queue.addresses.prefixes, String::clone)),
        ("trunks", list(&queue.addresses.trunks, text::show_route)),
        ("extensions", list(&queue.addresses.extensions, extension)),
        ("rings", seconds(queue.ring_timeout)),
        ("confirm", queue.confirm.to_string()),
        ("confirm_within", seconds(queue.confirm_timeout)),
        ("answered_wait", seconds(queue.answered_wait_max)),
        ("hold_trigger", seconds(queue.hold_trigger)),
        ("boost", queue.boost_percent.to_string()),
        ("dials", queue.dials_max.to_string()),
        ("attempts", queue.attempts_max.to_string()),
        ("attempts_of", list(&limits, |(class, max)| format!("{}:{max}", word(CLASSES, *class)))),
        ("retry", list(&delays, delay)),
        ("purge", seconds(queue.purge_after)),
        ("hours", hours),
        ("early_hang_up", word(HANGUPS, queue.early_hangup).into()),
        ("selection", word(SELECTIONS, queue.selection).into()),
        ("ewt", word(MODES, queue.ewt).into()),
        ("accept", queue.accept_callbacks.to_string()),
        ("process", queue.process_callbacks.to_string()),
        ("accept_until", seconds(queue.accept_until_before_close)),
        ("callbacks", queue.callbacks_max.to_string()),
        ("at_close", show_at_close(queue.at_close)),
        ("purge_on_line", queue.purge_on_line.to_string()),
        ("user_originated", queue.user_originated.to_string()),
        ("push_expiry", seconds(queue.pushes.expiry)),
        ("push_answer", seconds(queue.pushes.ready_answer_time)),
        ("push_factor", queue.pushes.factor_percent.to_string()),
        ("upcoming", queue.pushes.upcoming_below.map_or("-".into(), seconds)),
        ("reconnect", seconds(queue.pushes.reconnect_grace)),
        ("window", queue.contact.window.map_or("-".into(), |window| window.to_string())),
        ("limits", show_limits(queue.limits)),
        ("name", queue.shown.display_name.clone()),
        ("shows", queue.shown.caller_id.as_ref().map_or("-".into(), |ani| ani.expose().into())),
        ("slots", show_slots(queue.slots.as_ref())),
    ]
}

fn show_at_close(at_close: AtClose) -> String {
    match at_close {
        AtClose::Finish(most) => format!("finish:{}", most.as_secs()),
        AtClose::Branch => "branch".into(),
        AtClose::OfferSchedule => "offer-schedule".into(),
    }
}

/// `3:5:2` is three requests in ten minutes, five in a day, and two dials in a day; `default` as
/// where the configuration says nothing.
fn show_limits(limits: LimitSettings) -> String {
    let LimitSettings { requests_per_10_minutes, requests_per_day, dials_per_day } = limits;
    format!("{requests_per_10_minutes}:{requests_per_day}:{dials_per_day}")
}

fn read_limits(text: &str) -> Result<LimitSettings, String> {
    if text == "default" {
        return Ok(LimitSettings::default());
    }
    let numbers: Option<Vec<u32>> = text.split(':').map(|part| part.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[requests_per_10_minutes, requests_per_day, dials_per_day]) => {
            Ok(LimitSettings { requests_per_10_minutes, requests_per_day, dials_per_day })
        }
        Some(_) | None => Err(format!("`{text}`: write requests in ten minutes:a day:dials a day")),
    }
}

/// `900x2` is two in each quarter of an hour; `,always` checks the capacity of now too, `,stays`
/// moves nobody.
fn show_slots(slots: Option<&SlotSettings>) -> String {
    slots.map_or("-".into(), |slots| {
        let always = if slots.always_check_capacity { ",always" } else { "" };
        let stays = if slots.moves { "" } else { ",stays" };
        format!("{}x{}{always}{stays}", slots.length.as_secs(), slots.capacity)
    })
}

fn read_slots(text: &str) -> Result<Option<SlotSettings>, String> {
    if text == "-" {
        return Ok(None);
    }
    let mut words = text.split(',');
    let size = words.next().unwrap_or_default();
    let (length, capacity) = parsed("length x capacity", size, size.split_once('x'))?;
    let words: Vec<&str> = words.collect();
    Ok(Some(SlotSettings {
        length: Duration::from_secs(parsed("number", length, length.parse().ok())?),
        capacity: parsed("number", capacity, capacity.parse().ok())?,
        always_check_capacity: words.contains(&"always"),
        moves: !words.contains(&"stays"),
        ..SlotSettings::default()
    }))
}

#[expect(clippy::too_many_lines, reason = "one arm for each key")]
fn set(queue: &mut QueueSettings, key: &str, value: &str) -> Result<(), String> {
    let number = || parsed("number", value, value.parse::<u32>().ok());
    let seconds = || Ok::<_, String>(Duration::from_secs(u64::from(number()?)));
    let truth = || parsed("true or false", value, value.parse::<bool>().ok());
    match key {
        "skills" => queue.skills = text::expression(value)?,
        "waiting" => queue.waiting_max = number()?,
        "agent_rings" => queue.agent_ring_timeout = seconds()?,
        "misses" => queue.misses_max = number()?,
        "after_call_work" => queue.after_call_work = seconds()?,
        "prefixes" => queue.addresses.prefixes = read_list(value, |part| Ok(part.to_string()))?,
        "trunks" => queue.addresses.trunks = read_list(value, |part| Ok(text::route(part)))?,
        "extensions" => {
            queue.addresses.extensions = read_list(value, |part| {
                let (pattern, route) = parsed("pattern:route", part, part.split_once(':'))?;
                Ok((Pattern::new(pattern), text::route(route)))
            })?;
        }
        "rings" => queue.ring_timeout = seconds()?,
        "confirm" => queue.confirm = parsed("true or false", value, value.parse().ok())?,
        "confirm_within" => queue.confirm_timeout = seconds()?,
        "answered_wait" => queue.answered_wait_max = seconds()?,
        "hold_trigger" => queue.hold_trigger = seconds()?,
        "boost" => queue.boost_percent = number()?,
        "dials" => queue.dials_max = number()?,
        "attempts" => queue.attempts_max = number()?,
        "attempts_of" => {
            let limit = |part: &str| {
                let (class, max) = parsed("class:attempts", part, part.split_once(':'))?;
                Ok((read(CLASSES, class)?, parsed("number", max, max.parse().ok())?))
            };
            queue.attempts_max_of = read_list(value, limit)?.into_iter().collect();
        }
        "retry" => {
            let delay = |part: &str| {
                let (class, seconds) = parsed("class:seconds", part, part.split_once(':'))?;
                let seconds = parsed("number", seconds, seconds.parse().ok())?;
                Ok((read(CLASSES, class)?, Duration::from_secs(seconds)))
            };
            queue.retry_delay = read_list(value, delay)?.into_iter().collect();
        }
        "purge" => queue.purge_after = seconds()?,
        "hours" if value == "always" => queue.hours = Hours::RoundTheClock,
        "hours" if value.starts_with("zone:") => queue.hours = read_calendar(value)?,
        "hours" => {
            let interval = |part: &str| {
                let (from, to) = parsed("interval", part, part.split_once('-'))?;
                Ok((text::time(from)?, text::time(to)?))
            };
            queue.hours = Hours::Intervals(read_list(value, interval)?);
        }
        "window" if value == "-" => queue.contact.window = None,
        "window" => {
            let window = parsed("window, such as 08:00-21:00", value, CallingWindow::parse(value))?;
            queue.contact.window = Some(window);
        }
        "limits" => queue.limits = read_limits(value)?,
        "name" => queue.shown.display_name = value.into(),
        "shows" => queue.shown.caller_id = Some(Ani::new(value)).filter(|_| value != "-"),
        "slots" => queue.slots = read_slots(value)?,
        "selection" => queue.selection = read(SELECTIONS, value)?,
        "ewt" => queue.ewt = read(MODES, value)?,
        "accept" => queue.accept_callbacks = truth()?,
        "process" => queue.process_callbacks = truth()?,
        "accept_until" => queue.accept_until_before_close = seconds()?,
        "callbacks" => queue.callbacks_max = number()?,
        "at_close" => {
            queue.at_close = match (value, value.strip_prefix("finish:")) {
                (_, Some(most)) => {
                    AtClose::Finish(Duration::from_secs(parsed("number", most, most.parse().ok())?))
                }
                ("branch", _) => AtClose::Branch,
                ("offer-schedule", _) => AtClose::OfferSchedule,
                _ => {
                    return Err(format!("`{value}`: write finish:SECONDS, branch, offer-schedule"));
                }
            };
        }
        "purge_on_line" => queue.purge_on_line = truth()?,
        "user_originated" => queue.user_originated = truth()?,
        "push_expiry" => queue.pushes.expiry = seconds()?,
        "push_answer" => queue.pushes.ready_answer_time = seconds()?,
        "push_factor" => queue.pushes.factor_percent = number()?,
        "upcoming" if value == "-" => queue.pushes.upcoming_below = None,
        "upcoming" => queue.pushes.upcoming_below = Some(seconds()?),
        "reconnect" => queue.pushes.reconnect_grace = seconds()?,
        "early_hang_up" => queue.early_hangup = read(HANGUPS, value)?,
        _ => return Err(format!("a queue has no `{key}`")),
    }
    Ok(())
}

const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `zone:Europe/Berlin` is open all day; `zone:Europe/Berlin,08:00-18:00,2027-03-29:closed` at
/// these hours of its clocks but for that day (or `2027-03-29:10:00-12:00`). `sat:10:00-12:00` and
/// `sun:closed` are days that differ from the other ones.
fn read_calendar(text: &str) -> Result<Hours, String> {
    let mut words = text.trim_start_matches("zone:").split(',');
    let name = words.next().unwrap_or_default();
    let zone = parsed("zone", name, Zone::parse(name))?;
    let (mut most, mut week, mut special) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    for word in words {
        let named = word.split_once(':').and_then(|(name, hours)| {
            let at = WEEK.iter().position(|weekday| *weekday == name)?;
            Some((at, hours))
        });
        match (word.get(..10).and_then(Date::parse), named) {
            (Some(date), _) => {
                special.insert(date, own_hours(word[10..].trim_start_matches(':'))?);
            }
            (None, Some((at, hours))) => _ = week.insert(at, own_hours(hours)?),
            (None, None) => most.push(day_hours(word)?),
        }
    }
    if most.is_empty() && week.is_empty() {
        return Ok(swarm::all_day(zone));
    }
    let most = day(most)?;
    let weekly = std::array::from_fn(|at| week.remove(&at).unwrap_or_else(|| most.clone()));
    Ok(Hours::Calendar(Arc::new(Calendar { zone, weekly, special })))
}

/// `closed`, or the hours of a day.
fn own_hours(text: &str) -> Result<DayHours, String> {
    day(if text == "closed" { Vec::new() } else { vec![day_hours(text)?] })
}

fn day(hours: Vec<(u16, u16)>) -> Result<DayHours, String> {
    DayHours::new(hours).map_err(|error| error.to_string())
}

/// `08:00-18:00` in minutes of the day.
fn day_hours(text: &str) -> Result<(u16, u16), String> {
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        Some(hour.parse::<u16>().ok()? * 60 + minute.parse::<u16>().ok()?)
    };
    let both = text.split_once('-').and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
    parsed("interval, such as 08:00-18:00", text, both)
}

fn read_queue(words: &Words<'_>) -> Result<QueueSettings, String> {
    let mut queue = plain_queue();
    words.pairs().try_for_each(|(key, value)| set(&mut queue, key, value))?;
    Ok(queue)
}

fn read_agent(words: &Words<'_>) -> Result<AgentSettings, String> {
    let mut agent = AgentSettings::default();
    for (key, value) in words.pairs() {
        match key {
            "skills" => agent.skills = text::skills(value)?,
            "queues" => agent.queues = read_list(value, |part| Ok(QueueId::new(part)))?,
            _ => return Err(format!("an agent has no `{key}`")),
        }
    }
    Ok(agent)
}

fn read_criteria(text: &str) -> Result<Combination, String> {
    let all = Combination::every().into_iter();
    let found = all.into_iter().find(|combination| combination.to_string() == text);
    parsed("combination, such as code+ani", text, found)
}

/// `group app numbers=800,801 code=always length=6 lifetime=1800 criteria=code+ani+dnis`.
fn read_group(words: &Words<'_>) -> Result<CallInGroup, String> {
    let mut group = CallInGroup::default();
    for (key, value) in words.pairs() {
        let number = || parsed("number", value, value.parse::<u64>().ok());
        match key {
            "numbers" => group.numbers = read_list(value, |part| Ok(Dnis::new(part)))?,
            "code" => group.code = read(CODES, value)?,
            "length" => group.code_length = number()? as u8,
            "lifetime" => group.lifetime = Duration::from_secs(number()?),
            "criteria" => group.criteria = read_criteria(value)?,
            "required" => group.required = read_criteria(value)?,
            _ => return Err(format!("a group has no `{key}`")),
        }
    }
    Ok(group)
}

fn show_group(group: &CallInGroup) -> String {
    format!(
        " numbers={} code={} length={} lifetime={} criteria={} required={}",
        list(&group.numbers, |number| number.expose().to_string()),
        word(CODES, group.code),
        group.code_length,
        group.lifetime.as_secs(),
        group.criteria,
        group.required
    )
}

/// Reads a line of the head of a scenario into the settings; `false` if it is none.
pub(crate) fn read_settings(settings: &mut Settings, line: &str) -> Result<bool, String> {
    let words = Words::of(line);
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["queue", id, ..] => {
            settings.queues.insert(QueueId::new(id), read_queue(&words)?);
        }
        ["agent", id, ..] => {
            settings.agents.insert(AgentId::new(id), read_agent(&words)?);
        }
        ["group", id, ..] => {
            settings.call_in_groups.insert(GroupId::new(id), read_group(&words)?);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Reads `queue billing attempts=2`, `queue billing removed`, `configured ann skills=..` and
/// `configured ann removed`.
pub(crate) fn read_change(plain: &[&str], line: &str) -> Result<Input, String> {
    let words = Words::of(line);
    match plain {
        ["queue", id, "removed"] => Ok(Input::Queue(QueueId::new(id), None)),
        ["queue", id] => Ok(Input::Queue(QueueId::new(id), Some(Box::new(read_queue(&words)?)))),
        ["edited", id] => Ok(Input::Edited(QueueId::new(id), Box::new(read_queue(&words)?))),
        ["configured", id, "removed"] => Ok(Input::Agent(AgentId::new(id), None)),
        ["configured", id] => Ok(Input::Agent(AgentId::new(id), Some(read_agent(&words)?))),
        _ => Err("who is configured?".into()),
    }
}

fn show_queue(queue: &QueueSettings) -> String {
    let plain = fields(&plain_queue());
    let differs = fields(queue).into_iter().zip(plain).filter(|(this, plain)| this.1 != plain.1);
    differs.map(|((key, value), _)| format!(" {key}={value}")).collect()
}

fn show_agent(agent: &AgentSettings) -> String {
    let queues = list(&agent.queues, |id| id.to_string());
    format!(" skills={} queues={queues}", text::show_skills(&agent.skills))
}

/// Prints what [`read_change`] reads for a queue that is edited.
pub(crate) fn show_edited(id: &QueueId, settings: &QueueSettings) -> String {
    format!("edited {id}{}", show_queue(settings))
}

/// Prints what [`read_change`] reads for a queue.
pub(crate) fn show_queue_change(id: &QueueId, settings: Option<&QueueSettings>) -> String {
    format!("queue {id}{}", settings.map_or(" removed".into(), show_queue))
}

/// Prints what [`read_change`] reads for an agent.
pub(crate) fn show_agent_change(id: &AgentId, settings: Option<&AgentSettings>) -> String {
    format!("configured {id}{}", settings.map_or(" removed".into(), show_agent))
}

/// Prints the head of a scenario.
pub(crate) fn show_settings(settings: &Settings) -> String {
    let queues =
        settings.queues.iter().map(|(id, queue)| format!("queue {id}{}\n", show_queue(queue)));
    let agents =
        settings.agents.iter().map(|(id, agent)| format!("agent {id}{}\n", show_agent(agent)));
    let groups = settings.call_in_groups.iter();
    let groups = groups.map(|(id, group)| format!("group {id}{}\n", show_group(group)));
    queues.chain(agents).chain(groups).collect()
}
