//! The torture messages of RFC 4475 over UDP: each is answered as it should be, and the server
//! lives.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use crate::server::{Configuration, Net, Server};
use crate::wire::{Wire, header};
use crate::{Outcome, ensure};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_millis(700);

/// Sends every message as the trunk does, from port 5060, where most answers go (RFC 3261 18.2.2:
/// to the source address and the port of the topmost Via); the table says which may come.
pub(crate) fn rfc4475(net: Net) -> Outcome {
    let mut server = Server::start(net, &Configuration::new())?;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rfc4475");
    let index = fs::read_to_string(format!("{folder}/index.tsv"))?;
    let rows = index.lines().filter(|line| !line.starts_with('#')).skip(1);
    let mut wire = Wire::bind(net.caller(), 5060)?;
    let (mut sent, mut wrong, mut transactions) = (0, Vec::new(), BTreeSet::new());
    for row in rows {
        let columns: Vec<&str> = row.split('\t').collect();
        let (Some(name), Some(acceptable)) = (columns.first(), columns.get(3)) else {
            return Err(format!("cannot read {row:?}").into());
        };
        // Some name the same transaction: to a server that lives, the second is a repetition.
        let bytes = fs::read(format!("{folder}/{name}.dat"))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let call_id = header(&text, &["call-id", "i"]).unwrap_or_default();
        if !transactions.insert(header(&text, &["via", "v"]).map(str::to_owned)) {
            server.kill()?;
            server.start_again()?;
            server.wait_ready()?;
        }
        // Bound before the message leaves: the answer is back within the millisecond.
        let mut elsewhere = match via_port(&text) {
            5060 => None,
            port => Some(Wire::bind(net.caller(), port)?),
        };
        wire.send(net.server(), &bytes)?;
        sent += 1;
        let status = elsewhere.as_mut().unwrap_or(&mut wire).answer_to(call_id, ANSWER)?;
        if !accepts(acceptable, status) {
            wrong.push(format!("{name}: {status:?}, acceptable: {acceptable}"));
        }
        let alive = wire.options(net.server(), Duration::from_secs(2))?;
        ensure(alive.is_some(), || format!("no answer to OPTIONS after {name}"))?;
    }
    server.alive()?;
    ensure(sent >= 49, || format!("only {sent} messages"))?;
    ensure(wrong.is_empty(), || format!("{} of {sent}:\n  {}", wrong.len(), wrong.join("\n  ")))?;
    server.stop()
}

/// The port that the answer goes to, of those that a message names; 5060 if it names none.
fn via_port(text: &str) -> u16 {
    let via = header(text, &["via", "v"]).unwrap_or_default();
    if via.contains(";rport") {
        return 5060;
    }
    let sent_by = via.split(';').next().unwrap_or_default();
    sent_by.rsplit(':').next().and_then(|port| port.trim().parse().ok()).unwrap_or(5060)
}

/// `drop`, `1xx`, `2xx` or codes; a provisional answer counts where the table has `1xx`.
fn accepts(acceptable: &str, status: Option<u16>) -> bool {
    acceptable.split_whitespace().any(|word| match (word, status) {
        ("drop", None) => true,
        (_, Some(status)) if word.ends_with("xx") => word.starts_with(&(status / 100).to_string()),
        (_, Some(status)) => word == status.to_string(),
        (_, None) => false,
    })
}
