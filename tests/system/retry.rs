//! What becomes of a callback whose attempts fail.

use std::time::Duration;

use ringback::ident::Entropy;

use crate::api::Ask;
use crate::database::{Database, Interaction};
use crate::process::until;
use crate::records::CallRecords;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Running, Sipp, Traced};
use crate::story::{CALLER, SOON, agent_registers, caller, caller_accepts, feature_code};
use crate::wire::{Wire, header};
use crate::{Outcome, ensure, now, tone};

/// The retry delay of every class in the configuration of the tests.
const RETRY_DELAY: Duration = Duration::from_secs(3);

/// A server with a callback in its queue, its agent about to be Ready.
struct Scene {
    server: Server,
    database: Database,
    agent: Running,
    queued: Interaction,
}

fn scene(net: Net, configuration: &Configuration) -> Outcome<Scene> {
    sipp::needed()?;
    let server = Server::start(net, configuration)?;
    let database = Database::new(server.database())?;
    let agent = agent_registers(&server)?;
    caller_accepts(&server)?;
    let queued = database.wait_queued(SOON)?;
    Ok(Scene { server, database, agent, queued })
}

fn invites(trace: &[Traced]) -> Vec<&Traced> {
    let mut seen = Vec::new();
    for message in trace.iter().filter(|message| message.got("INVITE")) {
        // A retransmission is the same INVITE.
        if !seen.iter().any(|known: &&Traced| known.header("Via") == message.header("Via")) {
            seen.push(message);
        }
    }
    seen
}

/// Nobody presses 1: the attempt ends with a goodbye, and the next starts after its delay.
pub(crate) fn nobody_confirms(net: Net) -> Outcome {
    let configuration = Configuration::new().with("confirm_timeout_seconds = 10")?;
    let Scene { server, database, mut agent, queued } = scene(net, &configuration)?;
    let mut machine = Sipp::new("trunk_never_confirms", net.trunk()).start(&server)?;
    feature_code(&server, "*46")?;
    machine.succeed()?;
    let mut consumer = Sipp::new("trunk_confirms", net.trunk()).start(&server)?;
    let first = until("the first attempt ended", SOON, || {
        Ok(database.attempts()?.into_iter().find(|attempt| attempt.ended_at.is_some()))
    })?;
    ensure(first.class.contains("confirm"), || format!("it ended as {first:?}"))?;
    consumer.succeed()?;
    let served = database.wait_completed("AGENT_CONNECTED", SOON)?;
    agent.finish()?;
    ensure(served.place == queued.place, || format!("{queued:?} became {served:?}"))?;
    check_delays(&database, 2)?;
    server.stop()
}

/// How long a recording lasts, as the manifest of the sounds has it.
fn recorded_ms(sound: &str) -> Outcome<i64> {
    let line = include_str!("../../sounds/MANIFEST").lines().find_map(|line| {
        line.strip_prefix(sound)?.strip_prefix(' ')?.split(' ').next_back()?.parse().ok()
    });
    line.ok_or_else(|| format!("there is no {sound} in the manifest").into())
}

/// A machine answers, speaks and beeps: it is told that there will be another call, which is made
/// after its delay and answered by a person.
pub(crate) fn machine(net: Net) -> Outcome {
    let listens = "refuse_key = false\ndetect_machine = true\nmachine_message = \"we-called-you\"";
    let configuration = Configuration::new().with(listens)?.with("no_confirm = 3\nmachine = 3")?;
    let Scene { server, database, mut agent, queued } = scene(net, &configuration)?;
    let said = tone::machine_ulaw(&mut Entropy::from_number(1));
    let spoken_ms = i64::try_from(said.len())? / 8;
    std::fs::write(server.folder().join("machine.ulaw"), said)?;
    let mut machine = Sipp::new("trunk_machine", net.trunk()).start(&server)?;
    feature_code(&server, "*46")?;
    machine.succeed()?;
    let mut consumer = Sipp::new("trunk_confirms", net.trunk()).start(&server)?;
    let trace = machine.trace()?;
    let at = |method| trace.iter().find(|message| message.got(method)).map(|message| message.at);
    let (answered, ended) = (at("ACK").ok_or("no ACK")?, at("BYE").ok_or("no BYE")?);
    let ms = (ended - answered) / 1_000;
    let after_the_beep = spoken_ms - 300 + recorded_ms("en/we-called-you")?;
    ensure((after_the_beep - 200..after_the_beep + 1_500).contains(&ms), || {
        format!("hung up on {ms} ms after the answer, the machine spoke for {spoken_ms}")
    })?;
    consumer.succeed()?;
    let served = database.wait_completed("AGENT_CONNECTED", SOON)?;
    agent.finish()?;
    let attempts = database.attempts()?;
    let classes: Vec<&str> = attempts.iter().map(|attempt| attempt.class.as_str()).collect();
    ensure(classes.first() == Some(&"machine"), || format!("{classes:?}"))?;
    ensure(served.place == queued.place, || format!("{queued:?} became {served:?}"))?;
    check_delays(&database, 2)?;
    server.stop()
}

/// Busy: the next attempt starts after its delay, at the same place.
pub(crate) fn busy(net: Net) -> Outcome {
    let Scene { server, database, mut agent, queued } = scene(net, &Configuration::new())?;
    let mut line = Sipp::new("trunk_busy", net.trunk()).start(&server)?;
    feature_code(&server, "*46")?;
    line.succeed()?;
    let mut consumer = Sipp::new("trunk_confirms", net.trunk()).start(&server)?;
    consumer.succeed()?;
    let served = database.wait_completed("AGENT_CONNECTED", SOON)?;
    agent.finish()?;
    ensure(served.attempts_used >= 1, || format!("no attempt was used: {served:?}"))?;
    ensure(served.place == queued.place, || format!("{queued:?} became {served:?}"))?;
    check_delays(&database, 2)?;
    CallRecords::of(server)?.ended_with(&served.id, 486)
}

/// The consumer presses 9: it is over, and no callback to that number is taken any more, after a
/// restart neither.
pub(crate) fn never_again(net: Net) -> Outcome {
    let configuration = Configuration::new().with("refuse_key = true")?;
    let Scene { mut server, database, mut agent, .. } = scene(net, &configuration)?;
    let mut consumer = Sipp::new("trunk_confirms", net.trunk()).key("digit", "9").start(&server)?;
    feature_code(&server, "*46")?;
    consumer.succeed()?;
    let over = database.wait_for("an end", SOON, |one| one.state == "COMPLETED")?;
    ensure(over.reason != "AGENT_CONNECTED", || format!("{over:?}"))?;
    agent.finish()?;
    server.kill()?;
    server.start_again()?;
    server.wait_ready()?;
    let key = server.api_key()?;
    let body = format!(r#"{{"queue": "support", "number": "{CALLER}"}}"#);
    Ask::post("/api/v1/callbacks", &body).key(&key).send(&server)?.is(422, "never_call")?;
    let other = r#"{"queue": "support", "number": "+14155550124"}"#;
    Ask::post("/api/v1/callbacks", other).key(&key).send(&server)?.is(201, "QUEUED")?;
    server.stop()
}

/// Busy as often as there are attempts: the callback fails, and nobody is dialled again.
pub(crate) fn used_up(net: Net) -> Outcome {
    let configuration = Configuration::new().with("attempts_max = 2")?;
    let Scene { server, database, mut agent, .. } = scene(net, &configuration)?;
    let mut line = Sipp::new("trunk_busy", net.trunk()).any_calls().start(&server)?;
    feature_code(&server, "*46")?;
    let failed = database.wait_completed("FAIL_CALL_TO_CUSTOMER", SOON)?;
    ensure(failed.attempts_used == 2, || format!("{failed:?}"))?;
    check_delays(&database, 2)?;
    line.finish()?;
    let dialled = invites(&line.trace()?).len();
    ensure(dialled == 2, || format!("{dialled} INVITEs for 2 attempts"))?;
    agent.finish()?;
    server.stop()
}

/// Each attempt started at least the delay after the one before had ended.
fn check_delays(database: &Database, count: usize) -> Outcome {
    let attempts = database.attempts()?;
    ensure(attempts.len() == count, || format!("{count} attempts expected: {attempts:?}"))?;
    for pair in attempts.windows(2) {
        let waited = pair[0].ended_at.map(|ended| pair[1].started_at - ended);
        let least = i64::try_from(RETRY_DELAY.as_millis())?;
        ensure(waited.is_some_and(|ms| ms >= least && ms < least + 3000), || {
            format!("retried after {waited:?} ms, not {least}: {attempts:?}")
        })?;
    }
    Ok(())
}

/// A trunk that says nothing: its INVITE is given up after 64*T1 and no sooner, no attempt is used,
/// and only then comes the next.
pub(crate) fn trunk_silent(net: Net) -> Outcome {
    let Scene { mut server, database, mut agent, .. } = scene(net, &Configuration::new())?;
    let trunk = Wire::bind(net.trunk(), 5060)?;
    feature_code(&server, "*46")?;
    let started = now();
    let mut first: Option<(String, Duration)> = None;
    let mut repeated = 0;
    let apart = loop {
        let left = Duration::from_secs(45).checked_sub(started.elapsed());
        let left = left.ok_or("no second INVITE within 45 s")?;
        let Some(text) = trunk.receive(left)? else { continue };
        ensure(text.starts_with("INVITE "), || format!("before any answer: {text}"))?;
        let call = header(&text, &["call-id"]).unwrap_or_default();
        match &first {
            None => first = Some((call.to_owned(), started.elapsed())),
            Some((known, _)) if known == call => repeated += 1,
            Some((_, at)) => break started.elapsed().saturating_sub(*at),
        }
    };
    ensure(apart >= Duration::from_secs(32), || format!("given up after {apart:?}"))?;
    ensure(repeated == 6, || {
        format!("{repeated} repetitions of the INVITE, not those of timer A")
    })?;
    let kept = database.interactions()?;
    ensure(kept.iter().all(|one| one.attempts_used == 0), || format!("used: {kept:?}"))?;
    agent.finish()?;
    // A drain would wait for the second dial.
    server.kill()
}

/// A trunk that answers 503 to everything: no attempt is used, the order is kept, and it is probed
/// at most once a step of its breaker (1, 2, 4 s ..); when it works again, the callbacks are made.
pub(crate) fn trunks_dead(net: Net) -> Outcome {
    let Scene { server, database, mut agent, queued } = scene(net, &Configuration::new())?;
    let second = caller("caller", &server).port(5070).key("ani", "+14155550124");
    second.run(&server)?;
    let mut trunk = Sipp::new("trunk_fails", net.trunk()).any_calls().start(&server)?;
    feature_code(&server, "*46")?;
    trunk.traced("four probes", SOON, |trace| (invites(trace).len() >= 4).then_some(()))?;
    trunk.finish()?;
    let trace = trunk.trace()?;
    let probes = invites(&trace);
    for (step, pair) in probes.windows(2).take(3).enumerate() {
        let apart = (pair[1].at - pair[0].at) as f64 / 1e6;
        let least = f64::from(1 << step) - 0.05;
        ensure(apart >= least, || format!("probe {} came {apart:.2} s later", step + 2))?;
    }
    let kept = database.interactions()?;
    ensure(kept.len() == 2 && kept.iter().all(|one| one.attempts_used == 0), || {
        format!("attempts were used: {kept:?}")
    })?;
    ensure(kept[0].place == queued.place, || format!("the first lost its place: {kept:?}"))?;
    let mut consumers = Sipp::new("trunk_confirms", net.trunk()).calls(2).start(&server)?;
    consumers.succeed()?;
    agent.finish()?;
    let trace = consumers.trace()?;
    let dialled: Vec<&str> = invites(&trace).iter().map(|invite| invite.start.as_str()).collect();
    ensure(dialled.len() == 2 && dialled[0].contains("0123@"), || {
        format!("dialled in the order {dialled:?}")
    })?;
    server.stop()
}
