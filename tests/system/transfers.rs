//! Transfers that an agent's phone asks for.

use crate::database::Database;
use crate::records::CallRecords;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp};
use crate::skills::bob_registers;
use crate::story::{self, SOON};
use crate::{Outcome, ensure};

const BOB: &str = r#"
[agents.bob]
skills = { support = 5 }
on_register = "not-ready"
"#;

/// Ann talks with a caller, and is refused a transfer to a number that the queue does not call; the
/// caller stays with her. Then she transfers them to bob, who is alerted.
pub(crate) fn to_an_agent(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new().and(BOB))?;
    let database = Database::new(server.database())?;
    let password = server.password("ann")?;
    Sipp::new("register", server.net.agent()).user("ann", &password).run(&server)?;
    let mut bob = bob_registers(&server)?;
    let mut ann = Sipp::new("agent_transfers", server.net.agent())
        .key("forbidden", "+4930123456")
        .key("target", "bob")
        .start(&server)?;
    // Ann is Ready first: the call is hers.
    story::feature_code(&server, "*46")?;
    story::feature_code_of("bob", &server, "*46")?;
    story::caller("caller_waits", &server).run(&server)?;
    ann.succeed()?;
    let served = database.wait_completed("AGENT_CONNECTED", SOON)?;
    bob.finish()?;
    let records = CallRecords::of(server)?;
    records.answered(&served.id, &[("ann", "Out"), ("bob", "Out"), ("caller", "In")])?;
    let told = ["ENTERQUEUE", "CONNECT", "BLINDTRANSFER", "ENTERQUEUE", "CONNECT", "COMPLETEAGENT"];
    records.told(&served.id, &told)
}

/// Ann transfers the caller to an extension outside the queues: it rings and they talk.
pub(crate) fn to_a_number(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new())?;
    let database = Database::new(server.database())?;
    let password = server.password("ann")?;
    Sipp::new("register", server.net.agent()).user("ann", &password).run(&server)?;
    let mut ann = Sipp::new("agent_transfers", server.net.agent())
        .key("forbidden", "911")
        .key("target", "+14155550177")
        .start(&server)?;
    let mut other = Sipp::new("third", server.net.trunk()).start(&server)?;
    story::feature_code(&server, "*46")?;
    story::caller("caller_waits", &server).run(&server)?;
    ann.succeed()?;
    other.succeed()?;
    let served = database.wait_completed("AGENT_CONNECTED", SOON)?;
    ensure(served.attempts_made == 0, || format!("{} dials", served.attempts_made))?;
    let records = CallRecords::of(server)?;
    records.answered(&served.id, &[("ann", "Out"), ("caller", "In"), ("third", "Out")])
}
