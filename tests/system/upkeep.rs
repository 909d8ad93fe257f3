//! What an operator does to a running server, and what a broken phone does to it.

use std::time::Duration;

use crate::database::Database;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp};
use crate::story::{caller, feature_code};
use crate::wire::Wire;
use crate::{Outcome, ensure, process};

/// Long enough for anything that happens at once.
const SOON: Duration = Duration::from_secs(10);
/// A drain waits 30 s for calls to end by themselves.
const DRAIN: Duration = Duration::from_secs(36);

/// SIGHUP takes a configuration whole or refuses it whole, and says why.
pub(crate) fn reload(net: Net) -> Outcome {
    let mut server = Server::start(net, &Configuration::new())?;
    server.reload(&Configuration::new().with("attempts_max = 5")?)?;
    server.says("reloaded", SOON)?;
    server.reload(&Configuration::new().with("attempts_max = 500")?)?;
    let refused = server.says("attempts_max", SOON)?;
    ensure(refused.contains("500 is out of range"), || refused.clone())?;
    server.reload(&Configuration::new().with("rtp_timeout_seconds = 200")?)?;
    let refused = server.says("cannot change while it runs", SOON)?;
    ensure(refused.contains("[media]"), || refused.clone())?;
    server.alive()?;
    server.stop()
}

/// An agent's phone that is switched off is found out in 2 s, and the caller waits on.
pub(crate) fn dead_phone(net: Net) -> Outcome {
    sipp::needed()?;
    let mut server = Server::start(net, &Configuration::new())?;
    let password = server.password("ann")?;
    // Registers and is gone: nobody listens there any more.
    Sipp::new("register", net.agent()).user("ann", &password).run(&server)?;
    let waiting = caller("caller_waits", &server).start(&server)?;
    let database = Database::new(server.database())?;
    database.wait_for("a waiting caller", SOON, |one| one.state == "ROUTING")?;
    feature_code(&server, "*46")?;
    let alerted = server.says("waiting-alerted-alerting", SOON)?;
    let declined = server.says("alerting-declined-waiting", SOON)?;
    let took = seconds_of(&declined)? - seconds_of(&alerted)?;
    ensure((1.5..3.0).contains(&took), || format!("found out after {took:.1} s"))?;
    // The log is written before the commit.
    process::until("ann unreachable in the database", SOON, || {
        Ok(database.agent("ann")?.contains("unreachable").then_some(()))
    })?;
    drop(waiting);
    server.stop()
}

/// SIGTERM lets calls end by themselves for a while, then says goodbye to whoever is left; whoever
/// asks meanwhile is told to go elsewhere.
pub(crate) fn drain(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new())?;
    let mut waiting = caller("caller_waits", &server).within(DRAIN).start(&server)?;
    let database = Database::new(server.database())?;
    database.wait_for("a waiting caller", SOON, |one| one.state == "ROUTING")?;
    let mut wire = Wire::bind(net.stranger(), 5060)?;
    let mut asked = || wire.options(net.server(), Duration::from_secs(1));
    let before = asked()?;
    ensure(before == Some(200), || format!("OPTIONS got {before:?} before the drain"))?;
    server.drain()?;
    process::until("OPTIONS gets 503", SOON, || Ok((asked()? == Some(503)).then_some(())))?;
    server.ends()?;
    // The scenario ends well only with the BYE.
    waiting.succeed()
}

/// The seconds of the minute in a line of the log, from midnight.
fn seconds_of(line: &str) -> Outcome<f64> {
    let clock = line.split('T').nth(1).and_then(|rest| rest.split('Z').next());
    let parts: Option<Vec<f64>> =
        clock.map(|clock| clock.split(':').filter_map(|part| part.parse().ok()).collect());
    match parts.as_deref() {
        Some([hours, minutes, seconds]) => Ok(hours * 3600.0 + minutes * 60.0 + seconds),
        Some(_) | None => Err(format!("no time in {line:?}").into()),
    }
}
