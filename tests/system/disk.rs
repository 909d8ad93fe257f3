//! A disk that takes a second for every commit.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::capture::{self, Capture, Packet};
use crate::database::{Database, Lock};
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp};
use crate::story::{SOON, agent_registers, caller, caller_accepts, feature_code};
use crate::{Outcome, ensure};

/// How long each commit stalls.
const STALL: Duration = Duration::from_secs(1);
/// Between two stalls: longer than the pauses in which a waiting writer asks again.
const GAP: Duration = Duration::from_millis(250);

/// Stalls every commit while `body` runs.
fn stalling<T>(database: &Path, body: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let stall = scope.spawn(|| -> Outcome {
            while !over.load(Ordering::Relaxed) {
                let lock = Lock::take(database)?;
                thread::sleep(STALL);
                lock.release()?;
                thread::sleep(GAP);
            }
            Ok(())
        });
        let result = body();
        over.store(true, Ordering::Relaxed);
        stall.join().map_err(|_| "the stalling thread panicked".to_owned())??;
        result
    })
}

/// While every commit stalls: a live caller's agent is called within 5 ms of Ready, and a dial
/// leaves only after its commit.
pub(crate) fn stalls(net: Net) -> Outcome {
    sipp::needed()?;
    capture::needed()?;
    let server = Server::start(net, &Configuration::new())?;
    let mut agent = agent_registers(&server)?;
    caller_accepts(&server)?;
    let database = Database::new(server.database())?;
    database.wait_queued(SOON)?;
    let mut consumer = Sipp::new("trunk_confirms", net.trunk()).start(&server)?;
    let live = caller("caller_waits", &server).port(5070).key("ani", "+14155550124");
    let capture = Capture::start(net, server.folder())?;
    let mut live = live.start(&server)?;
    live.traced("an answer", SOON, |trace| {
        trace.iter().any(|message| message.start.starts_with("SIP/2.0 200")).then_some(())
    })?;
    // The decision falls into a stall that ends a second after the agent's phone rang.
    let lock = Lock::take(&server.database())?;
    feature_code(&server, "*46")?;
    agent.traced("a ringing agent", SOON, |trace| {
        trace.iter().any(|message| message.got("INVITE")).then_some(())
    })?;
    thread::sleep(STALL);
    let released = seconds_since_1970()?;
    lock.release()?;
    stalling(&server.database(), || {
        live.succeed()?;
        consumer.succeed()
    })?;
    agent.finish()?;
    let packets = capture.end()?;
    let attempts = database.attempts()?;
    ensure(attempts.len() == 1, || format!("one attempt expected: {attempts:?}"))?;
    check_dial(&packets, net, released)?;
    check_alert(&packets, net)?;
    server.stop()
}

#[expect(clippy::disallowed_methods, reason = "compared with the time stamps of a capture")]
fn seconds_since_1970() -> Outcome<f64> {
    Ok(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs_f64())
}

/// No INVITE left for the trunk before the disk let the commit of its attempt through.
fn check_dial(packets: &[Packet], net: Net, released: f64) -> Outcome {
    let trunk = format!("{}:5060", net.trunk());
    let dial = packets.iter().find(|packet| packet.method == "INVITE" && packet.to == trunk);
    let dial = dial.ok_or("no dial in the capture")?;
    let after = dial.at - released;
    ensure(after > 0.0, || format!("the dial left {:.1} ms before its commit", after * -1e3))
}

/// The agent's INVITE followed within 5 ms what made her Ready: the end of her call to `*46`.
fn check_alert(packets: &[Packet], net: Net) -> Outcome {
    let (phone, line) = (format!("{}:5060", net.agent()), format!("{}:5062", net.agent()));
    let alert = packets.iter().find(|packet| packet.method == "INVITE" && packet.to == phone);
    let alert = alert.ok_or("no INVITE to the agent in the capture")?;
    let ready = packets.iter().rev().find(|packet| packet.at <= alert.at && packet.from == line);
    let ready = ready.ok_or("nothing from the agent before the INVITE")?;
    let ms = (alert.at - ready.at) * 1e3;
    ensure(ms <= 5.0, || format!("the INVITE left {ms:.2} ms after the agent's last word"))
}
