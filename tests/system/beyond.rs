//! An agent whose phone is an extension of a PBX.

use crate::database::Database;
use crate::process::until;
use crate::records::CallRecords;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp};
use crate::story::{self, SOON};
use crate::{Outcome, ensure};

/// The PBX is at .5; bob is its extension 201.
const PBX: &str = r#"
[trunks.pbx]
address = "127.0.0.5:5060"
options_interval_seconds = 0

[agents.bob]
skills = { support = 5 }
via = "pbx"
number = "201"
"#;

/// Bob logs in by *45 and is Ready by *46, both through the PBX; he gets the next caller, at his
/// extension and with all that a phone is told. When the PBX is dead he is unreachable, and the
/// caller waits on for somebody else.
pub(crate) fn extension(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new().and(PBX))?;
    let database = Database::new(server.database())?;
    let mut ann = story::agent_registers(&server)?;
    let mut pbx = Sipp::new("agent", net.stranger()).any_calls().start(&server)?;
    let dials = |extension: &str, code: &str| {
        let phone = Sipp::new("caller_waits", net.stranger()).port(5070);
        phone.key("ani", extension).key("dnis", code).run(&server)
    };
    let is = |state: &'static str| {
        until(state, SOON, || Ok((database.agent("bob")? == state).then_some(())))
    };
    dials("201", "*45")?;
    is("not-ready:login")?;
    dials("201", "*46")?;
    is("ready")?;
    story::caller("caller_waits", &server).run(&server)?;
    let served = database.wait_completed("AGENT_CONNECTED", SOON)?;
    let trace = pbx.trace()?;
    let invite = trace.iter().find(|message| message.got("INVITE")).ok_or("no INVITE")?;
    let wanted = format!("INVITE sip:201@{}:5060 ", net.stranger());
    ensure(invite.start.starts_with(&wanted), || format!("{} was called", invite.start))?;
    let named = invite.header("X-Ringback-Interaction");
    ensure(named == Some(&served.id), || format!("{named:?} for {served:?}"))?;
    pbx.kill()?;
    is("ready")?;
    let mut waiting = story::caller("caller_waits", &server).port(5070).start(&server)?;
    is("not-ready:unreachable")?;
    story::feature_code(&server, "*46")?;
    waiting.succeed()?;
    ann.finish()?;
    let records = CallRecords::of(server)?;
    records.answered(&served.id, &[("bob", "Out"), ("caller", "In")])
}
