//! What a scenario may ask the queue: a line `MM:SS ? word name` gives the time, and is answered in
//! a line that begins with `?`. Nothing is changed by it but the time.
//!
//! | question | answer |
//! |---|---|
//! | `? wait carol`, `? wait billing` | the estimate of one who waits, or of one who would join |
//! | `? wait-off-hold billing` | the same without those who are on the line |
//! | `? offers carol`, `? offers billing` | the callbacks that may be offered |
//! | `? open billing` | for how long it is open |
//! | `? closes billing` | the close of business of what becomes due now |
//! | `? why carol` | why it is where it is |
//! | `? line carol` | who is ahead, and which agents miss which skill |
//! | `? transfers billing` | may somebody be sent into it? |
//! | `? free billing 10:00-60:00` | the slots with room that begin then, and for how many more |
//! | `? goes-to bob sales` | the queue by which somebody of `sales` is sent to an agent |
//! | `? pending billing +14155550101` | the callback by which a caller of this number is known |
//! | `? attached carol` | what came with it: the number called, the user data |
//! | `? told carol` | the estimate that was told, and when |
//! | `? record carol` | its row in the store, as far as it is committed |
//! | `? attempt carol/1` | an attempt as it is kept: whom it calls, by which way, who it shows |
//! | `? trail carol` | its rows in the trail, a line each: place and estimate where they are kept |
//! | `? alert carol`, `? dial carol/1` | what was said to ring an agent for them, or their phone |
//! | `? turn carol` | what a token of theirs is made of: how often they accepted |
//! | `? agent ann` | the state of an agent |
//! | `? heard carol +14155550101` | are codes keyed in it evaluated? (see [`crate::scenario`]) |

use std::fmt::Display;

use ringback::ident::{AgentId, InteractionId, QueueId};
use ringback::queue::agent::Agent;
use ringback::queue::explain::Explanation;
use ringback::queue::interaction::Attached;
use ringback::queue::slots::Availability;
use ringback::queue::{EwtUnknown, Interaction, Offers, Stage, Transition};
use ringback::time::{Duration, Timestamp};

use crate::bench::Bench;
use crate::text::{self, Names, show_route, show_time};

/// The words of a question after its time, if it is one.
pub(crate) fn question(line: &str) -> Option<Vec<&str>> {
    let (_, rest) = line.split_once(' ')?;
    rest.strip_prefix("? ").map(|rest| rest.split_whitespace().collect())
}

/// The answer to a question; more than one line for a trail.
pub(crate) fn answer(bench: &Bench, names: &mut Names, words: &[&str]) -> Result<String, String> {
    let (word, name) = match words[..] {
        [word, name] => (word, name),
        ["pending", queue, number] => return pending(bench, names, (queue, number), false),
        ["pending", queue, number, "appointment"] => {
            return pending(bench, names, (queue, number), true);
        }
        ["free", queue, from_to] => return free(bench, queue, from_to),
        ["goes-to", agent, from] => {
            let to = bench.queue.queue_of_transfer(&QueueId::new(from), &AgentId::new(agent));
            return Ok(to.map_or("nowhere".into(), |queue| queue.to_string()));
        }
        _ => return Err(format!("ask `? word name`, not `{}`", words.join(" "))),
    };
    let queue = &bench.queue;
    let id = QueueId::new(name);
    let is_queue = queue.queue_settings(&id).is_some();
    Ok(match word {
        "wait" if is_queue => wait(queue.queue_length(&id), queue.queue_ewt(&id, true)),
        "wait" => {
            let who = names.id(name);
            wait(queue.position(who).map_or(0, |position| position - 1), queue.ewt(who))
        }
        "wait-off-hold" => {
            let waiting = queue.queue_ewt(&id, false);
            waiting.map_or("unknown".into(), |ewt| format!("{} s", ewt.as_secs()))
        }
        "record" => {
            let row = bench.memory.interaction(names.id(name));
            record(row.ok_or(format!("`{name}` has no record"))?)
        }
        "attempt" => attempt(bench, names, name)?,
        "trail" => trail(bench, names.id(name)),
        "offers" if is_queue => offers(queue.offers(&id, None)),
        "offers" => {
            let who = names.id(name);
            let row = queue.interaction(who).ok_or(format!("`{name}` is not there"))?;
            offers(queue.offers(&row.queue, Some(who)))
        }
        "open" => {
            let settings = queue.queue_settings(&id).ok_or(format!("`{name}` is no queue"))?;
            format!("{} s", settings.hours.open_for(queue.now()).as_secs())
        }
        "closes" => {
            let settings = queue.queue_settings(&id).ok_or(format!("`{name}` is no queue"))?;
            settings.hours.close_after(queue.now()).map_or("never".into(), show_time)
        }
        "next" => queue.next_agent(&id).map_or("nobody".into(), |agent| agent.to_string()),
        "transfers" => yes_or_no(queue.takes_transfers(&id)),
        "line" | "why" => {
            let found = queue.explain(names.id(name)).ok_or(format!("`{name}` is not there"))?;
            if word == "why" { why(&found) } else { line(&found, names) }
        }
        "attached" => {
            let row = queue.interaction(names.id(name)).ok_or(format!("`{name}` is not there"))?;
            attached(row.attached.as_deref())
        }
        "told" => {
            let row = queue.interaction(names.id(name)).ok_or(format!("`{name}` is not there"))?;
            row.told.map_or("nothing".into(), told)
        }
        "turn" => queue.turn(names.id(name)).map_or("none".into(), |n| format!("accepted: {n}")),
        "agent" => state(queue.agent(&AgentId::new(name)).ok_or(format!("`{name}` is no agent"))?),
        other => return Err(format!("`{other}` is no question")),
    })
}

fn told((at, ewt): (Timestamp, Duration)) -> String {
    format!("{} s at {}", ewt.as_secs(), show_time(at))
}

fn attempt(bench: &Bench, names: &mut Names, name: &str) -> Result<String, String> {
    let row = bench.memory.attempt(names.attempt(name)?);
    let row = row.ok_or(format!("`{name}` has no record"))?;
    let caller = row.caller.as_ref().map_or("the trunk's number", |ani| ani.expose());
    let shown = row.display_name.as_str();
    let shown = if shown.is_empty() { String::new() } else { format!(" as {shown:?}") };
    let (to, way) = (row.address.expose(), show_route(&row.route));
    Ok(format!("to {to} by {way}, from {caller}{shown}"))
}

fn free(bench: &Bench, queue: &str, from_to: &str) -> Result<String, String> {
    let (from, to) = from_to.split_once('-').ok_or("write 10:00-60:00")?;
    let (from, to) = (text::time(from)?, text::time(to)?);
    let Some(slots) = bench.queue.availability(&QueueId::new(queue), bench.queue.now(), from, to)
    else {
        return Ok("no appointments".into());
    };
    let shown = |slot: &Availability| format!("{} {}", show_time(slot.start), slot.free);
    let shown: Vec<String> = slots.iter().map(shown).collect();
    Ok(if shown.is_empty() { "none".into() } else { shown.join(", ") })
}

fn trail(bench: &Bench, who: InteractionId) -> String {
    let rows = bench.memory.trail().iter().filter(|row| row.interaction == who);
    rows.map(kept).collect::<Vec<_>>().join("\n")
}

fn pending(
    bench: &Bench,
    names: &Names,
    (queue, ani): (&str, &str),
    appointment: bool,
) -> Result<String, String> {
    let found = bench.queue.pending(&QueueId::new(queue), &text::address(ani)?, appointment);
    Ok(found.map_or("nobody".into(), |id| names.show(id)))
}

fn wait(ahead: u32, ewt: Result<Duration, EwtUnknown>) -> String {
    let unknown = match ewt {
        Ok(ewt) => return format!("{ahead} ahead, {} s", ewt.as_secs()),
        Err(unknown) => unknown,
    };
    let Some(code) = unknown.result_code() else { return "does not wait".into() };
    let why = match unknown {
        EwtUnknown::NobodyLoggedIn => "nobody is logged in",
        EwtUnknown::NoDistributions => "fewer than two were distributed",
        EwtUnknown::NotWaiting => "does not wait",
    };
    format!("{ahead} ahead, {} with code {code}: {why}", EwtUnknown::WAIT)
}

/// Where it came from, when it came, the moment that counts for its order, what came with it, how
/// often it was called, who spoke with it from when on, how it ended.
fn record(row: &Interaction) -> String {
    let at = |what: &str, at: Option<_>| at.map(|at| format!("{what} {}", show_time(at)));
    let end = match &row.stage {
        Stage::Done(outcome) => format!("ended {outcome:?}"),
        other => format!("{other:?}"),
    };
    let tried = (row.attempts_made > 0)
        .then(|| format!("{} of {} attempts counted", row.attempts_used, row.attempts_made));
    let all = [
        Some(format!("{:?} in {}", row.origin, row.queue)),
        at("came", Some(row.created_at)),
        at("arrival", Some(row.place.arrival)),
        at("due", row.due_at),
        row.attached.as_deref().map(|with| attached(Some(with))),
        tried,
        row.told.map(|(_, ewt)| format!("told {} s", ewt.as_secs())),
        at("told at", row.told.map(|(at, _)| at)),
        at("connected", row.connected_at),
        Some(end),
        at("at", row.ended_at),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A row of the trail.
fn kept(row: &Transition) -> String {
    let agent = row.agent.as_ref().map(|agent| format!(", {agent}"));
    let place = row.position.map(|place| format!(", place {place}"));
    let ewt = row.ewt.map(|ewt| format!(", wait {} s", ewt.as_secs()));
    let more: String = [agent, place, ewt].into_iter().flatten().collect();
    format!("{} {}{more}", show_time(row.at), row.row)
}

fn attached(attached: Option<&Attached>) -> String {
    let called =
        attached.and_then(|it| it.called.as_ref()).map(|it| format!("called {}", it.expose()));
    let data = attached.and_then(|it| it.data.as_ref()).map(|it| format!("data {}", it.expose()));
    let all: Vec<String> = [called, data].into_iter().flatten().collect();
    if all.is_empty() { "nothing".into() } else { all.join(", ") }
}

fn offers(Offers { immediate, scheduled }: Offers) -> String {
    let either = [(immediate, "immediate"), (scheduled, "scheduled")];
    let words: Vec<&str> =
        either.into_iter().filter(|(offered, _)| *offered).map(|(_, word)| word).collect();
    if words.is_empty() { "nothing".into() } else { words.join(" ") }
}

fn state(agent: &Agent) -> String {
    format!("{:?}", agent.state)
}

fn yes_or_no(truth: bool) -> String {
    if truth { "yes".into() } else { "no".into() }
}

fn line(why: &Explanation, names: &Names) -> String {
    let ahead = why.first_in_line.iter().map(|id| names.show(*id)).collect::<Vec<_>>().join(", ");
    let lack = why.lack_skills.iter();
    let lack = lack.map(|(agent, unmet)| format!("; {agent} lacks {}", unmet.join(", ")));
    format!(
        "ahead: {}{}",
        if ahead.is_empty() { "nobody" } else { &ahead },
        lack.collect::<String>()
    )
}

fn why(why: &Explanation) -> String {
    let list = |names: Vec<&AgentId>| {
        let names: Vec<&str> = names.into_iter().map(AgentId::as_str).collect();
        if names.is_empty() { "nobody".to_string() } else { names.join(", ") }
    };
    let ahead = why.ahead.map(|ahead| format!("; {ahead} ahead"));
    let lack = (!why.lack_skills.is_empty()).then(|| {
        let agents = why.lack_skills.iter().map(|(agent, _)| agent);
        format!("; without the skills: {}", list(agents.collect()))
    });
    let next = |(at, reason): (_, &dyn Display)| format!("; next: {reason} at {}", show_time(at));
    let next = why.next_deadline.as_ref().map(|(at, reason)| next((*at, reason)));
    format!(
        "waits for {}{}; could serve: {}{}{}",
        why.waits_for,
        ahead.unwrap_or_default(),
        list(why.could_serve.iter().map(|(id, _)| id).collect()),
        lack.unwrap_or_default(),
        next.unwrap_or_default()
    )
}
