//! Transfers that an agent's phone asks for.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::baresip::Phone;
use crate::database::Database;
use crate::process::{Process, need, until};
use crate::records::CallRecords;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp};
use crate::skills::{BOB_PORT, bob_registers};
use crate::story::{self, SOON};
use crate::{Failure, Outcome, ensure, tone};

const BOB: &str = r#"
[agents.bob]
skills = { support = 5 }
on_register = "not-ready"
"#;

/// Ann's phone is PJSIP's, bob's is baresip, the consumer SIPp. Ann has the callback, calls bob
/// from her second line and joins the two: bob hears the consumer, and Ann's phone has no call
/// left.
pub(crate) fn attended(net: Net) -> Outcome {
    sipp::needed()?;
    need("baresip")?;
    let python = with_pjsip()?;
    // Whoever is asked need not be able to serve: bob gets no call but this one.
    let unskilled = BOB.replace("support = 5", "billing = 5");
    let server = Server::start(net, &Configuration::new().and(&unskilled))?;
    let database = Database::new(server.database())?;
    let bob = Phone::start("bob", BOB_PORT, &server, &database)?;
    let mut ann = hands_over(&python, "bob", &server)?;
    story::caller_accepts(&server)?;
    database.wait_queued(SOON)?;
    tone::write_ulaw(&server.folder().join("tone.ulaw"), 440.0)?;
    let mut consumer = Sipp::new("trunk_speaks", net.trunk()).start(&server)?;
    story::feature_code_of("bob", &server, "*46")?;
    until("bob is Ready", SOON, || Ok((database.agent("bob")? == "ready").then_some(())))?;
    story::feature_code(&server, "*46")?;
    ann.succeed(Duration::from_secs(40))?;
    bob.hears_tone()?;
    bob.hang_up()?;
    consumer.succeed()?;
    let served = database.wait_completed("AGENT_CONNECTED", SOON)?;
    let records = CallRecords::of(server)?;
    let called = [("ann", "In"), ("ann", "Out"), ("bob", "Out")];
    let answered = [&called[..], &[("caller", "In"), ("consumer", "Out")]].concat();
    records.answered(&served.id, &answered)?;
    let of_ann = ["ENTERQUEUE", "EXITWITHKEY", "ENTERQUEUE", "CONNECT", "ATTENDEDTRANSFER"];
    let told = [&of_ann[..], &["ENTERQUEUE", "CONNECT", "COMPLETEAGENT"]].concat();
    records.told(&served.id, &told)
}

/// The same with a number that nobody here has, and a caller who waited.
pub(crate) fn attended_to_a_number(net: Net) -> Outcome {
    sipp::needed()?;
    let python = with_pjsip()?;
    let server = Server::start(net, &Configuration::new())?;
    let database = Database::new(server.database())?;
    let mut ann = hands_over(&python, "+14155550177", &server)?;
    let mut other = Sipp::new("third", net.trunk()).start(&server)?;
    let mut caller = story::caller("caller_waits", &server).start(&server)?;
    story::feature_code(&server, "*46")?;
    ann.succeed(Duration::from_secs(40))?;
    other.succeed()?;
    caller.succeed()?;
    let served = database.wait_completed("AGENT_CONNECTED", SOON)?;
    let records = CallRecords::of(server)?;
    let answered = [("ann", "In"), ("ann", "Out"), ("caller", "In"), ("third", "Out")];
    records.answered(&served.id, &answered)?;
    // The queue has done with them: where they went is in the legs.
    records.told(&served.id, &["ENTERQUEUE", "CONNECT", "COMPLETEAGENT"])
}

/// Ann, who has the right, calls a number that the queue may call: she is Not ready until it hangs
/// up. What the queue does not call is refused, and so is bob, who has no right.
pub(crate) fn called_out(net: Net) -> Outcome {
    sipp::needed()?;
    let rights = "on_register = \"not-ready\"\noutbound = \"support\"";
    let server = Server::start(net, &Configuration::new().with(rights)?.and(BOB))?;
    let database = Database::new(server.database())?;
    let mut ann = story::agent_registers(&server)?;
    let mut bob = bob_registers(&server)?;
    story::feature_code(&server, "*46")?;
    let mut other = Sipp::new("third", net.trunk()).start(&server)?;
    let calls = |agent: &'static str, number: &str| {
        let phone = Sipp::new("feature_code", net.agent()).port(5070).key("code", number);
        phone.user(agent, &server.password(agent)?).start(&server)
    };
    let mut call = calls("ann", "+14155550177")?;
    other.traced("the call", SOON, |seen| seen.iter().find(|it| it.got("ACK")).cloned())?;
    let is = |state: &'static str| {
        until(state, SOON, || Ok((database.agent("ann")? == state).then_some(())))
    };
    is("not-ready:outbound")?;
    call.succeed()?;
    other.succeed()?;
    is("ready")?;
    for (agent, number) in [("ann", "+4930123456"), ("bob", "+14155550177")] {
        let mut call = calls(agent, number)?;
        call.over()?;
        let refused = |it: &crate::sipp::Traced| it.start.starts_with("SIP/2.0 403 ");
        let refused = call.trace()?.into_iter().find(refused).ok_or("not refused")?;
        let why = refused.header("Warning").unwrap_or_default().to_owned();
        ensure(why.contains("may be called"), || format!("{agent} is told {why:?}"))?;
    }
    ann.finish()?;
    bob.finish()?;
    server.stop()
}

/// The Python that has PJSIP.
fn with_pjsip() -> Outcome<PathBuf> {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parties/bin/python3");
    let known = Command::new(&python).args(["-c", "import pjsua2"]).output();
    if known.is_ok_and(|known| known.status.success()) {
        return Ok(python);
    }
    Err(Failure::Skipped(format!("{} has no pjsua2", python.display())))
}

/// Ann's phone, registered.
fn hands_over(python: &Path, consult: &str, server: &Server) -> Outcome<Process> {
    let mut phone = Command::new(python);
    phone.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/system/pjsip/hands_over.py"));
    phone.args([server.net.server().to_string(), server.net.agent().to_string()]);
    phone.args(["ann", consult]).env("RINGBACK_PASSWORD", server.password("ann")?);
    let mut phone = Process::start("PJSIP", &mut phone, server.folder())?;
    phone.line_with("registered", SOON)?;
    Ok(phone)
}

/// Ann transfers the caller to bob, who is alerted.
pub(crate) fn to_an_agent(net: Net) -> Outcome {
    on_to_bob(net, BOB, "bob")
}

/// Ann transfers the caller into another queue, whose agent is bob.
pub(crate) fn to_a_queue(net: Net) -> Outcome {
    let second = BOB.replace("support = 5", "second = 5");
    on_to_bob(net, &(second + "[queues.second]\nskills = \"second\"\n"), "second")
}

/// Ann talks with a caller, and is refused a transfer to a number that the queue does not call; the
/// caller stays with her. Then she transfers them, and bob is alerted.
fn on_to_bob(net: Net, more: &str, target: &str) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new().and(more))?;
    let database = Database::new(server.database())?;
    let password = server.password("ann")?;
    Sipp::new("register", server.net.agent()).user("ann", &password).run(&server)?;
    let mut bob = bob_registers(&server)?;
    let mut ann = Sipp::new("agent_transfers", server.net.agent())
        .key("forbidden", "+4930123456")
        .key("target", target)
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
