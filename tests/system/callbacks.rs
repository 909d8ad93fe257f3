//! Callbacks for a time that the caller keys, and callers for whom a callback is pending.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::api::Ask;
use crate::database::Database;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp, Traced};
use crate::story::{self, SOON};
use crate::{Outcome, ensure, now};

/// What is keyed takes less, so that the time is still a minute ahead when it is confirmed.
const KEYING: i64 = 85;
const SIPP_MAX: Duration = Duration::from_secs(90);
/// A caller who presses nothing is asked for longer than this.
const BEFORE_SILENCE_COUNTS: Duration = Duration::from_secs(10);
/// A dial follows its time within this.
const PUNCTUAL_MS: i64 = 3_000;

#[expect(clippy::disallowed_methods, reason = "what is keyed is a time of day")]
fn seconds_now() -> Outcome<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_secs())?)
}

/// A caller keys a time that is a minute ahead: it is promised, nobody is dialled before, and the
/// trunk rings then.
pub(crate) fn scheduled(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new())?;
    let database = Database::new(server.database())?;
    let mut agent = story::agent_registers(&server)?;
    let begun = seconds_now()?;
    let due = (begun + KEYING + 59) / 60 * 60;
    let (hour, minute) = (due / 3600 % 24, due / 60 % 60);
    let day = if due / 86_400 == begun / 86_400 { "1" } else { "2" };
    // Midnight and the hours after noon can be meant in one way only.
    let (hour, half) = if (1..=12).contains(&hour) {
        (hour, if hour == 12 { "2" } else { "1" })
    } else {
        (hour, "1")
    };
    let caller = story::caller("caller_schedules", &server).key("day", day).key("half", half);
    caller.key("time", &format!("{hour:02}{minute:02}")).within(SIPP_MAX).run(&server)?;
    let promised = database.wait_for("an appointment", SOON, |one| one.state == "SCHEDULED")?;
    ensure(promised.place.1 == due * 1000, || format!("{promised:?} is not due at {due}"))?;
    let mut consumer =
        Sipp::new("trunk_confirms", net.trunk()).within(Duration::from_secs(180)).start(&server)?;
    story::feature_code(&server, "*46")?;
    consumer.succeed()?;
    let served = database.wait_completed("AGENT_CONNECTED", SOON)?;
    agent.finish()?;
    let attempts = database.attempts()?;
    let late = attempts.first().map(|attempt| attempt.started_at - due * 1000);
    ensure(attempts.len() == 1 && late.is_some_and(|ms| (0..PUNCTUAL_MS).contains(&ms)), || {
        format!("dialled {late:?} ms after its time: {attempts:?}")
    })?;
    ensure(served.place == promised.place, || format!("{promised:?}, served as {served:?}"))?;
    server.stop()
}

/// A number as it is written at home, with data: the consumer sees who calls, the agent what was
/// attached, and the record keeps it.
pub(crate) fn attached(net: Net) -> Outcome {
    sipp::needed()?;
    let shown = "after_call_work_seconds = 1\ndefault_country = \"US\"\n\
                 caller_id = \"+14155550188\"\ndisplay_name = \"Example Ltd.\"\n\
                 shown_data = [\"order\", \"none\"]";
    let server = Server::start(net, &Configuration::new().with(shown)?)?;
    let database = Database::new(server.database())?;
    let mut agent = story::agent_registers(&server)?;
    let key = server.api_key()?;
    let body =
        r#"{"queue": "support", "number": "(415) 555-0123", "data": {"order": 7, "b": "x"}}"#;
    let made = Ask::post("/api/v1/callbacks", body).key(&key).send(&server)?;
    ensure(made.status == 201, || format!("{made:?}"))?;
    let mut consumer = Sipp::new("trunk_confirms", net.trunk()).start(&server)?;
    story::feature_code(&server, "*46")?;
    consumer.succeed()?;
    database.wait_completed("AGENT_CONNECTED", SOON)?;
    agent.finish()?;
    let of = |trace: Vec<Traced>, name: &str| {
        let invite = trace.into_iter().find(|message| message.got("INVITE"))?;
        invite.header(name).map(str::to_owned)
    };
    let from = of(consumer.trace()?, "From").unwrap_or_default();
    ensure(from.starts_with("\"Example Ltd.\" <sip:+14155550188@"), || from.clone())?;
    let data = of(agent.trace()?, "X-Ringback-Data");
    // {"order":7}
    ensure(data.as_deref() == Some("eyJvcmRlciI6N30"), || format!("{data:?} is shown"))?;
    let one = format!("/api/v1/callbacks/{}", made.text("id")?);
    let over = Ask::get(&one).key(&key).send(&server)?;
    ensure(over.value("data") == serde_json::json!({"order": 7, "b": "x"}), || {
        format!("{over:?}")
    })?;
    server.stop()
}

/// A caller whose callback is pending keeps it, cancels it, or is served in its place.
pub(crate) fn pending_kept(net: Net) -> Outcome {
    chosen(net, "1", false, ("QUEUED", ""))
}

/// See [`pending_kept`].
pub(crate) fn pending_cancelled(net: Net) -> Outcome {
    chosen(net, "3", false, ("COMPLETED", "CANCELLED"))
}

/// See [`pending_kept`].
pub(crate) fn pending_taken_over(net: Net) -> Outcome {
    chosen(net, "2", true, ("COMPLETED", "AGENT_CONNECTED"))
}

/// The consumer calls in while their phone rings for the callback: the dial is CANCELled and does
/// not count, and whoever says nothing is served at once, in the same place.
pub(crate) fn called_while_dialled(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new())?;
    let database = Database::new(server.database())?;
    let mut agent = story::agent_registers(&server)?;
    story::caller_accepts(&server)?;
    let queued = database.wait_queued(SOON)?;
    let mut phone = Sipp::new("trunk_rings_then_confirms", net.trunk()).start(&server)?;
    story::feature_code(&server, "*46")?;
    phone.traced("a ringing phone", SOON, |trace| {
        trace.iter().any(|message| message.sent && message.start.contains(" 180 ")).then_some(())
    })?;
    let mut caller = story::caller("caller_waits", &server).start(&server)?;
    phone.succeed()?;
    caller.succeed()?;
    let served = database.wait_completed("AGENT_CONNECTED", SOON)?;
    agent.finish()?;
    ensure(served.id == queued.id && served.place == queued.place, || {
        format!("queued as {queued:?}, served as {served:?}")
    })?;
    ensure((served.attempts_made, served.attempts_used) == (1, 0), || format!("{served:?}"))?;
    server.stop()
}

fn chosen(net: Net, choice: &str, served: bool, (state, reason): (&str, &str)) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new())?;
    let database = Database::new(server.database())?;
    let mut agent = story::agent_registers(&server)?;
    story::caller_accepts(&server)?;
    let queued = database.wait_queued(SOON)?;
    let called = now();
    let mut caller =
        story::caller("caller_chooses", &server).key("choice", choice).start(&server)?;
    if served {
        database.wait_for("the caller in the queue", SOON, |one| one.state == "ROUTING")?;
        story::feature_code(&server, "*46")?;
    }
    caller.succeed()?;
    let took = called.elapsed();
    // Silence would keep it too, but later: the key was heard.
    ensure(served || took < BEFORE_SILENCE_COUNTS, || format!("{choice} took {took:?}"))?;
    agent.finish()?;
    let ended = database.wait_for("its end", SOON, |one| {
        (one.state.as_str(), one.reason.as_str()) == (state, reason)
    })?;
    ensure(ended.id == queued.id && ended.place == queued.place, || {
        format!("queued as {queued:?}, ended as {ended:?}")
    })?;
    ensure(ended.attempts_made == 0, || format!("{} dials", ended.attempts_made))?;
    server.stop()
}
