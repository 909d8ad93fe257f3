//! Registering: who may, and what is left of it after a crash.

use std::time::Duration;

use crate::database::Database;
use crate::process::until;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp};
use crate::story::{self, SOON};
use crate::wire::Wire;
use crate::{Outcome, ensure, process};

/// A wrong password is refused twice and leaves no binding; the right one then leaves one.
pub(crate) fn wrong_password(net: Net) -> Outcome {
    process::need("sipp")?;
    let server = Server::start(net, &Configuration::new())?;
    let database = Database::new(server.database())?;
    let phone = || Sipp::new("register_refused", net.agent());
    phone().user("ann", "not the password").run(&server)?;
    phone().user("nobody", "whatever it is").run(&server)?;
    let bound = database.bindings("ann")?;
    ensure(bound.is_empty(), || format!("a wrong password bound {bound:?}"))?;
    let password = server.password("ann")?;
    Sipp::new("register", net.agent()).user("ann", &password).run(&server)?;
    database.wait_bound("ann")?;
    server.stop()
}

/// Who is neither a trunk nor a registered user is challenged, and no call of theirs comes in.
pub(crate) fn strangers(net: Net) -> Outcome {
    let server = Server::start(net, &Configuration::new())?;
    let mut wire = Wire::bind(net.stranger(), 5060)?;
    for number in ["100", "*46", "+14155550123"] {
        let status = wire.request("INVITE", number, net.server(), Duration::from_secs(2))?;
        ensure(status == Some(401), || format!("INVITE to {number} got {status:?}"))?;
    }
    let calls = Database::new(server.database())?.interactions()?;
    ensure(calls.is_empty(), || format!("a stranger is in the queue: {calls:?}"))?;
    server.stop()
}

/// A binding that was committed is there after kill -9.
pub(crate) fn survives(net: Net) -> Outcome {
    process::need("sipp")?;
    let mut server = Server::start(net, &Configuration::new())?;
    let password = server.password("ann")?;
    Sipp::new("register", net.agent()).user("ann", &password).run(&server)?;
    let database = Database::new(server.database())?;
    database.wait_bound("ann")?;
    server.kill()?;
    let bound = database.bindings("ann")?;
    ensure(bound.len() == 1, || format!("the database holds {bound:?}"))?;
    server.start_again()?;
    server.wait_ready()?;
    let again = server.password("ann")?;
    ensure(again == password, || "the password changed".to_owned())?;
    server.stop()
}

/// With `on_register = "keep"` a registration changes nothing: who was logged out stays so, and
/// who is Ready stays Ready.
pub(crate) fn keeps(net: Net) -> Outcome {
    sipp::needed()?;
    let configuration = Configuration::new().with("on_register = \"keep\"")?;
    let server = Server::start(net, &configuration)?;
    let password = server.password("ann")?;
    let database = Database::new(server.database())?;
    let registers =
        |port: u16, bound: usize, state: &str| -> Outcome {
            Sipp::new("register", net.agent()).port(port).user("ann", &password).run(&server)?;
            until("the binding", SOON, || {
                Ok((database.bindings("ann")?.len() == bound).then_some(()))
            })?;
            let is = database.agent("ann").unwrap_or_else(|_| "logged-out".to_owned());
            ensure(is == state, || format!("ann is {is} after she registered, not {state}"))
        };
    registers(5066, 1, "logged-out")?;
    for (code, state) in [("*45", "not-ready"), ("*46", "ready")] {
        story::feature_code(&server, code)?;
        let is = || Ok(database.agent("ann")?.starts_with(state).then_some(()));
        until(state, SOON, is)?;
    }
    registers(5068, 2, "ready")?;
    server.stop()
}
