//! Callers who hang up while the agent's phone rings.

use crate::database::Database;
use crate::process::until;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp, Traced};
use crate::story::{self, SOON};
use crate::{Outcome, ensure};

/// How often.
const CALLS: u32 = 100;
/// The agent's phone is silent so soon after the caller's BYE, in microseconds.
const SILENT_WITHIN: i64 = 500_000;

/// A caller hangs up while the agent's phone rings, a hundred times: each time it is CANCELled at
/// once, and the agent, who missed nothing, is asked for the next.
pub(crate) fn while_ringing(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new())?;
    let database = Database::new(server.database())?;
    let password = server.password("ann")?;
    Sipp::new("register", net.agent()).user("ann", &password).run(&server)?;
    let mut phone = Sipp::new("agent_rings", net.agent()).calls(CALLS).start(&server)?;
    story::feature_code(&server, "*46")?;
    let callers = story::caller("caller_gives_up", &server).calls(CALLS).one_at_a_time();
    let mut callers = callers.start(&server)?;
    callers.succeed()?;
    phone.succeed()?;
    let gone = times(&callers.trace()?, |message| message.sent && message.start.starts_with("BYE"));
    let silent = times(&phone.trace()?, |message| message.got("CANCEL"));
    let calls = usize::try_from(CALLS)?;
    ensure((gone.len(), silent.len()) == (calls, calls), || {
        format!("{} callers hung up, {} dials were CANCELled", gone.len(), silent.len())
    })?;
    let late = gone.iter().zip(&silent).map(|(gone, silent)| silent - gone);
    let slowest = late.max().unwrap_or(i64::MAX);
    ensure((0..SILENT_WITHIN).contains(&slowest), || {
        format!("the phone rang {} ms for a caller who had left", slowest / 1000)
    })?;
    let ended = until("the end of every call on disk", SOON, || {
        let rows = database.interactions()?;
        Ok(rows.iter().all(|row| row.state == "COMPLETED").then_some(rows))
    })?;
    ensure(ended.len() == calls, || format!("{} calls", ended.len()))?;
    let state = database.agent("ann")?;
    ensure(state == "ready", || format!("ann is {state}"))?;
    server.stop()
}

/// When each call's first message of this kind was, in order.
fn times(trace: &[Traced], is: impl Fn(&Traced) -> bool) -> Vec<i64> {
    let mut calls: Vec<(&str, i64)> = Vec::new();
    for message in trace.iter().filter(|message| is(message)) {
        let call = message.header("Call-ID").unwrap_or_default();
        if !calls.iter().any(|(known, _)| *known == call) {
            calls.push((call, message.at));
        }
    }
    calls.into_iter().map(|(_, at)| at).collect()
}
