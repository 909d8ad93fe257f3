//! Two agents with different skills: each is given the first whom they may serve.

use crate::database::{Database, Interaction};
use crate::process::until;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Running, Sipp};
use crate::story::{self, SOON};
use crate::{Outcome, ensure};

/// Bob's phone is beside Ann's.
pub(crate) const BOB_PORT: u16 = 5064;

const FRENCH: &str = r#"
[agents.bob]
skills = { support = 5, french = 5 }
on_register = "not-ready"

[[entries]]
dnis = "200"
flow = "french"

[flows.french]
start = "hold"

[flows.french.nodes.hold]
kind = "queue"
queue = "support"
skills = "support > 0 & french > 0"
"#;

/// A callback in English and a caller in French wait, the caller first. Ann, who knows no French,
/// gets the callback though it is second; the caller waits on, and is bob's as soon as he is Ready.
pub(crate) fn two_agents(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new().and(FRENCH))?;
    let database = Database::new(server.database())?;
    let mut ann = story::agent_registers(&server)?;
    let mut bob = bob_registers(&server)?;
    let waits = Sipp::new("caller_waits", net.caller()).port(5070).key("dnis", "200");
    let mut french = waits.key("ani", "+14155550177").start(&server)?;
    let first = database.wait_for("the caller in French", SOON, |one| one.state == "ROUTING")?;
    story::caller_accepts(&server)?;
    let mut consumer = Sipp::new("trunk_confirms", net.trunk()).start(&server)?;
    story::feature_code(&server, "*46")?;
    consumer.succeed()?;
    let of_first = |rows: &[Interaction]| rows.iter().find(|one| one.id == first.id).cloned();
    let second = until("the callback served", SOON, || {
        let rows = database.interactions()?;
        Ok(rows.into_iter().find(|one| one.id != first.id && one.state == "COMPLETED"))
    })?;
    ensure(second.place > first.place && second.reason == "AGENT_CONNECTED", || {
        format!("{second:?} is not behind {first:?}")
    })?;
    let waiting = of_first(&database.interactions()?);
    ensure(waiting.as_ref() == Some(&first), || format!("{first:?} became {waiting:?}"))?;
    story::feature_code_of("bob", &server, "*46")?;
    french.succeed()?;
    until("the caller served", SOON, || {
        let now = of_first(&database.interactions()?);
        Ok(now.filter(|one| one.reason == "AGENT_CONNECTED"))
    })?;
    ann.finish()?;
    bob.finish()?;
    let called = bob.trace()?.iter().filter(|message| message.got("INVITE")).count();
    ensure(called == 1, || format!("bob was called {called} times"))?;
    server.stop()
}

/// Bob's phone registers, and listens; he is logged in, not ready.
pub(crate) fn bob_registers(server: &Server) -> Outcome<Running> {
    let password = server.password("bob")?;
    let agent = || Sipp::new("register", server.net.agent()).port(BOB_PORT);
    agent().user("bob", &password).run(server)?;
    Sipp::new("agent", server.net.agent()).port(BOB_PORT).any_calls().start(server)
}
