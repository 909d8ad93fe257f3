//! The end of the business day, with callbacks and callers in the queue.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringback::time::Timestamp;

use crate::api::Ask;
use crate::database::{Database, Interaction};
use crate::process::until;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp};
use crate::story::{self, SOON};
use crate::{Outcome, ensure};

/// It closes at the first full minute after so many seconds: an immediate callback is only taken
/// while the estimated wait, 90 s here, fits into the day.
const OPEN_MS: i64 = 110_000;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const MINUTE: Duration = Duration::from_secs(60);

#[expect(clippy::disallowed_methods, reason = "business hours are of the clock on the wall")]
fn wall() -> Outcome<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Timestamp::from_ms(i64::try_from(since.as_millis())?))
}

/// `2026-11-27`, of `2026-11-27T10:00:00.000Z`.
fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// A day that ends at `close`, and another one after tomorrow; two more agents.
fn sections(now: Timestamp, close: Timestamp) -> String {
    let last = Timestamp::from_ms(close.as_ms() - MINUTE_MS);
    let minute: String = close.to_string().chars().skip(11).take(5).collect();
    let end = if day(last) == day(close) { minute } else { "24:00".to_owned() };
    let mut days = vec![(day(last), format!("00:00-{end}"))];
    if day(now) != day(last) {
        days.push((day(now), "00:00-24:00".to_owned()));
    }
    days.push((day(Timestamp::from_ms(now.as_ms() + 2 * DAY_MS)), "00:00-24:00".to_owned()));
    let days = days.iter().map(|(day, hours)| format!("{day:?} = [{hours:?}]"));
    let days = days.collect::<Vec<_>>().join(", ");
    let agents =
        ["dan", "eve"].map(|name| format!("[agents.{name}]\nskills = {{ support = 1 }}\n"));
    format!("[calendars.days]\nzone = \"UTC\"\nspecial = {{ {days} }}\n{}", agents.concat())
}

/// Three callbacks and two callers wait, nobody is Ready. At close the callbacks end, undialled;
/// one for another day stays; the callers are served as soon as the agent is Ready;
/// and whoever calls after close is not let in.
pub(crate) fn closes(net: Net) -> Outcome {
    sipp::needed()?;
    let now = wall()?;
    let close = Timestamp::from_ms((now.as_ms() + OPEN_MS + MINUTE_MS - 1) / MINUTE_MS * MINUTE_MS);
    let configuration = Configuration::new().and(&sections(now, close));
    let configuration = configuration.with("after_call_work_seconds = 1\nhours = \"days\"")?;
    let server = Server::start(net, &configuration)?;
    let database = Database::new(server.database())?;
    let mut ann = story::agent_registers(&server)?;
    // Three agents are logged in, so that the third callback waits no longer than the first.
    for (agent, port) in [("dan", 5066), ("eve", 5068)] {
        let password = server.password(agent)?;
        let phone = Sipp::new("register", net.agent()).port(port);
        phone.user(agent, &password).run(&server)?;
    }
    let key = server.api_key()?;
    let create = |number: u32, at: &str| -> Outcome<String> {
        let body = format!(r#"{{"queue": "support", "number": "+1415555{number}"{at}}}"#);
        let made = Ask::post("/api/v1/callbacks", &body).key(&key).send(&server)?;
        ensure(made.status == 201, || format!("{body}: {made:?}"))?;
        made.text("id")
    };
    let immediate = [create(1001, "")?, create(1002, "")?, create(1008, "")?];
    let due = Timestamp::from_ms((now.as_ms() / DAY_MS + 2) * DAY_MS + DAY_MS / 2);
    let at = format!(r#", "at": "{due}""#);
    let scheduled = create(1003, &at)?;
    let mut callers = Vec::new();
    for (port, ani) in [(5070, "+14155551004"), (5072, "+14155551005")] {
        let caller = story::caller("caller_waits", &server).port(port).key("ani", ani);
        callers.push(caller.within(4 * MINUTE).start(&server)?);
    }
    let states = || -> Outcome<Vec<Interaction>> { database.interactions() };
    let is = |rows: &[Interaction], id: &str, state: &str, reason: &str| {
        rows.iter().any(|row| row.id == id && row.state == state && row.reason == reason)
    };
    let waiting = |rows: &[Interaction]| rows.iter().filter(|row| row.state == "ROUTING").count();
    until("two callers in the queue", SOON, || Ok((waiting(&states()?) == 2).then_some(())))?;
    ensure(wall()? < close, || "it took longer than the day lasts".into())?;
    until("the callbacks at close", 4 * MINUTE, || {
        let rows = states()?;
        let over = immediate.iter().all(|id| is(&rows, id, "COMPLETED", "FAIL_TIMEOUT_TTL"));
        Ok(over.then_some(()))
    })?;
    let (seen, rows) = (wall()?, states()?);
    ensure((close..Timestamp::from_ms(close.as_ms() + 3_000)).contains(&seen), || {
        format!("over at {seen}, not at {close}")
    })?;
    ensure(is(&rows, &scheduled, "SCHEDULED", "") && waiting(&rows) == 2, || format!("{rows:?}"))?;
    for id in &immediate {
        ensure(database.outcome(id)? == "closed", || format!("{id} did not end by the close"))?;
    }
    // The flow has no exit `closed`: it is said, and the call ends.
    story::caller("caller_waits", &server).port(5074).key("ani", "+14155551006").run(&server)?;
    let refused =
        Ask::post("/api/v1/callbacks", r#"{"queue": "support", "number": "+14155551007"}"#);
    refused.key(&key).send(&server)?.is(409, "closed")?;
    story::feature_code(&server, "*46")?;
    for caller in &mut callers {
        caller.succeed()?;
    }
    ann.finish()?;
    let rows = until("both callers served", SOON, || {
        let rows = states()?;
        let served = rows.iter().filter(|row| row.reason == "AGENT_CONNECTED").count();
        Ok((served == 2).then_some(rows))
    })?;
    ensure(is(&rows, &scheduled, "SCHEDULED", ""), || format!("{rows:?}"))?;
    ensure(database.attempts()?.is_empty(), || "somebody was dialled".into())?;
    server.stop()
}
