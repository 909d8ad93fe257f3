//! The configuration as text: `queue billing skills=billing attempts=3` and
//! `agent ann skills=billing:5 queues=billing`. What is not said is as in [`plain_queue`].

use ringback::ident::{AgentId, QueueId};
use ringback::phone::{AddressPolicy, Pattern};
use ringback::queue::event::RetryClass;
use ringback::queue::{AgentSettings, EarlyHangup, Hours, QueueSettings, Settings};
use ringback::time::Duration;

use crate::bench::Input;
use crate::text::{self, CLASSES, Words, parsed, read, word};

const HANGUPS: text::Table<EarlyHangup> =
    &[("abandon", EarlyHangup::Abandon), ("call-back", EarlyHangup::CallBack)];

/// A queue as it is by default, which may call North America and its own extensions back.
pub(crate) fn plain_queue() -> QueueSettings {
    let addresses = AddressPolicy {
        prefixes: vec!["+1".into()],
        trunks: vec![text::route("carrier")],
        extensions: vec![(Pattern::new("10??"), text::route("registrar"))],
        ..AddressPolicy::default()
    };
    QueueSettings { addresses, ..QueueSettings::default() }
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
    let delays: Vec<(RetryClass, Duration)> =
        queue.retry_delay.iter().map(|(&class, &delay)| (class, delay)).collect();
    let extension = |(pattern, route): &(Pattern, _)| {
        format!("{}:{}", pattern.as_str(), text::show_route(route))
    };
    let hours = match &queue.hours {
        Hours::RoundTheClock => "always".into(),
        Hours::Intervals(open) => {
            list(open, |&(from, to)| format!("{}-{}", text::show_time(from), text::show_time(to)))
        }
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
        ("retry", list(&delays, delay)),
        ("purge", seconds(queue.purge_after)),
        ("hours", hours),
        ("early_hang_up", word(HANGUPS, queue.early_hangup).into()),
    ]
}

fn set(queue: &mut QueueSettings, key: &str, value: &str) -> Result<(), String> {
    let number = || parsed("number", value, value.parse::<u32>().ok());
    let seconds = || Ok::<_, String>(Duration::from_secs(u64::from(number()?)));
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
        "hours" => {
            let interval = |part: &str| {
                let (from, to) = parsed("interval", part, part.split_once('-'))?;
                Ok((text::time(from)?, text::time(to)?))
            };
            queue.hours = Hours::Intervals(read_list(value, interval)?);
        }
        "early_hang_up" => queue.early_hangup = read(HANGUPS, value)?,
        _ => return Err(format!("a queue has no `{key}`")),
    }
    Ok(())
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
    queues.chain(agents).collect()
}
