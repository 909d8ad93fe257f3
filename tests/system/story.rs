//! The story of the product, with SIPp in every part; and the cast that other tests borrow.

use std::time::Duration;

use crate::database::Database;
use crate::records::CallRecords;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Running, Sipp};
use crate::{Outcome, ensure};

/// The caller's number, which the queue of the tests may call back.
pub(crate) const CALLER: &str = "+14155550123";

/// Long enough for anything that is not a configured delay.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A caller accepts a callback, the agent becomes Ready, the trunk rings, 1 is pressed, both are
/// bridged; the database says Served.
pub(crate) fn callback(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new())?;
    let database = Database::new(server.database())?;
    let mut agent = agent_registers(&server)?;
    caller_accepts(&server)?;
    let queued = database.wait_queued(SOON)?;
    let mut consumer = Sipp::new("trunk_confirms", net.trunk()).start(&server)?;
    feature_code(&server, "*46")?;
    consumer.succeed()?;
    let served = database.wait_completed("AGENT_CONNECTED", SOON)?;
    agent.finish()?;
    ensure(served.id == queued.id && served.place == queued.place, || {
        format!("queued as {queued:?}, served as {served:?}")
    })?;
    ensure(served.attempts_made == 1, || format!("{} attempts", served.attempts_made))?;
    let trace = consumer.trace()?;
    let invite = trace.iter().find(|message| message.got("INVITE"));
    let wanted = format!("sip:{CALLER}@");
    ensure(invite.is_some_and(|invite| invite.start.contains(&wanted)), || {
        format!("dialled {:?}", invite.map(|invite| &invite.start))
    })?;
    let told = agent.trace()?.into_iter().find(|message| message.got("INVITE"));
    let named = told.as_ref().and_then(|invite| invite.header("X-Ringback-Interaction"));
    ensure(named == Some(&served.id), || format!("the agent was told {named:?}, not {served:?}"))?;
    let records = CallRecords::of(server)?;
    let answered = [("ann", "Out"), ("caller", "In"), ("consumer", "Out")];
    records.answered(&served.id, &answered)?;
    let told = ["ENTERQUEUE", "EXITWITHKEY", "ENTERQUEUE", "CONNECT", "COMPLETEAGENT"];
    records.told(&served.id, &told)
}

/// A caller who only waits is bridged with the agent, whose end hangs up.
pub(crate) fn live_call(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new())?;
    let mut agent = agent_registers(&server)?;
    let mut caller = caller("caller_waits", &server).start(&server)?;
    let database = Database::new(server.database())?;
    database.wait_for("a waiting caller", SOON, |one| one.state == "ROUTING")?;
    feature_code(&server, "*46")?;
    caller.succeed()?;
    let served = database.wait_completed("AGENT_CONNECTED", SOON)?;
    agent.finish()?;
    ensure(served.attempts_made == 0, || format!("{} dials", served.attempts_made))?;
    let records = CallRecords::of(server)?;
    records.answered(&served.id, &[("ann", "Out"), ("caller", "In")])?;
    records.told(&served.id, &["ENTERQUEUE", "CONNECT", "COMPLETEAGENT"])
}

/// A caller whose INVITE and re-INVITE offer nothing: the server offers, and hears the keys.
pub(crate) fn late_offer(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new())?;
    let database = Database::new(server.database())?;
    // Somebody is logged in: a callback at their turn is offered.
    let mut agent = agent_registers(&server)?;
    caller("caller_late_offer", &server).run(&server)?;
    database.wait_queued(SOON)?;
    agent.finish()?;
    server.stop()
}

/// The README's "Try it", in the shipped configuration: the phone 1001, registered here, calls 100,
/// accepts a callback, and is called back at its extension.
pub(crate) fn extension(net: Net) -> Outcome {
    sipp::needed()?;
    // SIPp 3.6 knows no other digest.
    let server = Server::start(net, &Configuration::shipped().set("digest = \"MD5\"")?)?;
    let database = Database::new(server.database())?;
    let mut agent = agent_registers(&server)?;
    let password = server.password("1001")?;
    Sipp::new("register", net.caller()).user("1001", &password).run(&server)?;
    caller("caller", &server).key("ani", "1001").run(&server)?;
    database.wait_queued(SOON)?;
    let mut phone = Sipp::new("trunk_confirms", net.caller()).start(&server)?;
    feature_code(&server, "*46")?;
    phone.succeed()?;
    database.wait_completed("AGENT_CONNECTED", SOON)?;
    agent.finish()?;
    server.stop()
}

/// A caller of a scenario, who calls 100.
pub(crate) fn caller(scenario: &'static str, server: &Server) -> Sipp {
    Sipp::new(scenario, server.net.caller()).key("ani", CALLER).key("dnis", "100")
}

/// Ann's phone registers, and listens where it registered from; she is logged in, not ready.
pub(crate) fn agent_registers(server: &Server) -> Outcome<Running> {
    let password = server.password("ann")?;
    Sipp::new("register", server.net.agent()).user("ann", &password).run(server)?;
    Sipp::new("agent", server.net.agent()).any_calls().within(LONG).start(server)
}

/// As long as any test lasts.
const LONG: Duration = Duration::from_secs(300);

/// A caller waits, accepts a callback and is told goodbye.
pub(crate) fn caller_accepts(server: &Server) -> Outcome {
    caller("caller", server).run(server)
}

/// Ann dials a feature code from a second line.
pub(crate) fn feature_code(server: &Server, code: &str) -> Outcome {
    feature_code_of("ann", server, code)
}

/// An agent dials a feature code from a second line.
pub(crate) fn feature_code_of(agent: &str, server: &Server, code: &str) -> Outcome {
    let password = server.password(agent)?;
    let phone = Sipp::new("feature_code", server.net.agent()).port(5062);
    phone.user(agent, &password).key("code", code).run(server)
}
