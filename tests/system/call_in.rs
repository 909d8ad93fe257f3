//! Callers who were given a number and an access code, and key it.

use std::time::Duration;

use crate::api::Ask;
use crate::database::Database;
use crate::process::until;
use crate::records::CallRecords;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp};
use crate::story::{self, SOON};
use crate::{Outcome, ensure};

/// Longer than the minute that requests and callbacks last here.
const A_MINUTE: Duration = Duration::from_secs(75);

const GROUP: &str = r#"
[call_in_groups.app]
numbers = ["900"]
lifetime_minutes = 1

[call_in_groups.slow]
numbers = ["901"]
lifetime_minutes = 30

[queues.app]
skills = "support > 0"
user_originated = true
purge_after_minutes = 1

[[entries]]
dnis = "900"
flow = "call_in"

[[entries]]
dnis = "901"
flow = "slow"

[flows.slow]
start = "code"

[flows.slow.nodes.code]
kind = "access_code"
group = "slow"
matched = { default = "hold" }

[flows.slow.nodes.hold]
kind = "queue"
queue = "support"

[flows.call_in]
start = "code"

[flows.call_in.nodes.code]
kind = "access_code"
group = "app"
matched = { default = "hold" }
failed = "goodbye"

[flows.call_in.nodes.hold]
kind = "queue"
queue = "support"

[flows.call_in.nodes.goodbye]
kind = "hangup"
"#;

/// A code in time leads to an agent, once. Used again, wrong three times, or voided by a second
/// tap it leads nowhere.
pub(crate) fn codes(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new().and(GROUP))?;
    let mut agent = story::agent_registers(&server)?;
    story::feature_code(&server, "*46")?;
    let key = server.api_key()?;
    let ask = |body: &str| -> Outcome<String> {
        let granted = Ask::post("/api/v1/call-ins", body).key(&key).send(&server)?;
        ensure(granted.status == 201, || format!("{body}: {granted:?}"))?;
        granted.text("code")
    };
    let database = Database::new(server.database())?;
    // Each caller is one more call that was served, or none.
    let served = |count: usize, what: &str| -> Outcome {
        let rows = database.interactions()?;
        ensure(rows.len() == count, || format!("{what}: not {count} calls in {rows:?}"))
    };
    let wrong = |code: &str| if code == "000000" { "000001" } else { "000000" };

    let first = ask(r#"{"group": "app", "from": "+14155550123"}"#)?;
    keys(&server, "900", wrong(&first), 3)?;
    served(0, "wrong three times")?;
    keys(&server, "900", &first, 1)?;
    database.wait_completed("AGENT_CONNECTED", SOON)?;
    served(1, "in time")?;
    keys(&server, "900", &first, 3)?;
    served(1, "used twice")?;

    let voided = ask(r#"{"group": "app", "from": "+14155550123"}"#)?;
    let valid = ask(r#"{"group": "app", "from": "+14155550123"}"#)?;
    keys(&server, "900", &voided, 3)?;
    served(1, "voided by a second tap")?;
    keys(&server, "900", &valid, 1)?;
    served(2, "the second tap")?;
    agent.finish()?;
    server.stop()
}

/// Ten calls an hour with wrong codes alone: then no code of that caller is evaluated, right or
/// wrong. Those of another caller are.
pub(crate) fn guessers(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new().and(GROUP))?;
    let mut agent = story::agent_registers(&server)?;
    story::feature_code(&server, "*46")?;
    let key = server.api_key()?;
    let ask = |from: &str| -> Outcome<String> {
        let body = format!(r#"{{"group": "slow", "from": "{from}"}}"#);
        Ask::post("/api/v1/call-ins", &body).key(&key).send(&server)?.text("code")
    };
    let other = "+14155550199";
    let [theirs, of_another] = [ask(story::CALLER)?, ask(other)?];
    let wrong =
        (0..).map(|n| format!("{n:06}")).find(|code| *code != theirs && *code != of_another);
    let wrong = wrong.ok_or("every code is right")?;
    let guess = |calls| caller_keys(&server, "901", story::CALLER, &wrong, 3).calls(calls);
    // All at once: a call fails with its first wrong code, not when it is over.
    guess(9).run(&server)?;
    let database = Database::new(server.database())?;
    let nobody = |what: &str| -> Outcome {
        let rows = database.interactions()?;
        ensure(rows.is_empty(), || format!("{what}: {rows:?}"))
    };
    nobody("nine that guessed")?;
    guess(1).run(&server)?;
    nobody("ten that guessed")?;
    // Hung up on after one code, the right one: it was not looked at.
    keys(&server, "901", &theirs, 1)?;
    nobody("no code of theirs is heard")?;
    caller_keys(&server, "901", other, &of_another, 1).run(&server)?;
    database.wait_completed("AGENT_CONNECTED", SOON)?;
    agent.finish()?;
    server.stop()
}

/// A callback whose consumer calls. Before its turn there is no code for it; once an agent is
/// logged in it is pushed, and its code leads to that agent, at its own place, once.
pub(crate) fn delayed(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new().and(GROUP))?;
    let key = server.api_key()?;
    let post = |path: &str, body: &str| Ask::post(path, body).key(&key).send(&server);
    let made = post("/api/v1/callbacks", r#"{"queue": "app"}"#)?.text("id")?;
    let accept = format!(r#"{{"group": "slow", "callback_id": "{made}"}}"#);
    post("/api/v1/call-ins", &accept)?.is(409, "not_its_turn")?;
    let database = Database::new(server.database())?;
    let placed = database.wait_queued(SOON)?;

    let mut agent = story::agent_registers(&server)?;
    story::feature_code(&server, "*46")?;
    let granted = until("its turn", SOON, || {
        let said = post("/api/v1/call-ins", &accept)?;
        Ok((said.status == 201).then_some(said))
    })?;
    ensure(granted.text("number")? == "901", || format!("{granted:?}"))?;
    let code = granted.text("code")?;
    keys(&server, "901", &code, 1)?;
    let served = database.wait_completed("AGENT_CONNECTED", SOON)?;
    ensure(served.id == made && served.place == placed.place, || {
        format!("asked for as {placed:?}, served as {served:?}")
    })?;
    let outcome = database.outcome(&made)?;
    ensure(outcome == "served", || outcome)?;
    post("/api/v1/call-ins", &accept)?.is(409, "callback_over")?;
    keys(&server, "901", &code, 3)?;
    let rows = database.interactions()?;
    ensure(rows.len() == 1, || format!("used twice: {rows:?}"))?;
    agent.finish()?;
    let records = CallRecords::of(server)?;
    records.answered(&served.id, &[("ann", "Out"), ("caller", "In")])?;
    records.told(&served.id, &["ENTERQUEUE", "CONNECT", "COMPLETEAGENT"])
}

/// A code leads nowhere any more once its time is over, nor once its callback is purged; of a
/// callback that is purged none can be had.
pub(crate) fn too_late(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new().and(GROUP))?;
    let mut agent = story::agent_registers(&server)?;
    story::feature_code(&server, "*46")?;
    let key = server.api_key()?;
    let post = |path: &str, body: &str| Ask::post(path, body).key(&key).send(&server);
    let asked = post("/api/v1/call-ins", r#"{"group": "app", "from": "+14155550123"}"#)?;
    let expired = asked.text("code")?;
    let made = post("/api/v1/callbacks", r#"{"queue": "app"}"#)?;
    // What makes this code of no use is the end of its callback: by itself it lasts half an hour.
    let accept = format!(r#"{{"group": "slow", "callback_id": "{}"}}"#, made.text("id")?);
    // It is pushed as soon as it waits: an agent is logged in.
    let granted = post("/api/v1/call-ins", &accept)?;
    ensure(granted.status == 201, || format!("{granted:?}"))?;
    let of_purged = granted.text("code")?;

    let database = Database::new(server.database())?;
    let purged = database.wait_completed("FAIL_TIMEOUT_TTL", A_MINUTE)?;
    ensure(database.outcome(&purged.id)? == "purged", || format!("{purged:?}"))?;
    post("/api/v1/call-ins", &accept)?.is(409, "callback_over")?;
    database.wait_call_in(&asked.text("id")?, "expired", A_MINUTE)?;
    let cases = [("901", of_purged, "of a purged callback"), ("900", expired, "expired")];
    for (dnis, code, what) in cases {
        keys(&server, dnis, &code, 3)?;
        let rows = database.interactions()?;
        ensure(rows.len() == 1, || format!("a code {what} leads on: {rows:?}"))?;
    }
    agent.finish()?;
    server.stop()
}

/// Somebody calls that number and keys a code until the server hangs up, which it does after so
/// many tries.
fn keys(server: &Server, dnis: &str, code: &str, tries: u32) -> Outcome {
    caller_keys(server, dnis, story::CALLER, code, tries).run(server)
}

fn caller_keys(server: &Server, dnis: &str, ani: &str, code: &str, tries: u32) -> Sipp {
    let caller = Sipp::new("caller_keys_code", server.net.caller()).key("ani", ani);
    caller.key("dnis", dnis).key("code", code).key("tries", &tries.to_string())
}
