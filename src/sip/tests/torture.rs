//! RFC 4475 through the user agent, from a trunk: the status of each answer is one the RFC allows;
//! and whatever else may come in, nothing panics.

use std::path::Path;

use proptest::prelude::*;

use super::network::*;
use crate::ident::Entropy;
use crate::sip::message::parse;
use crate::sip::{Transmit, UserAgent};
use crate::time::{Duration, Timestamp};

const START: Timestamp = Timestamp::from_seconds(1_000_000);

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rfc4475")
}

/// Name and acceptable answers of each message: the first and the fourth column.
fn index() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(folder().join("index.tsv")).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .skip(1)
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            (columns[0].to_owned(), columns[3].to_owned())
        })
        .collect()
}

fn agent() -> UserAgent {
    let mut settings = settings(A);
    settings.trunks[0].accept_from = vec![("0.0.0.0".parse().unwrap(), 0)];
    UserAgent::new(settings, Entropy::from_number(1))
}

fn fits(acceptable: &str, status: Option<u16>) -> bool {
    acceptable.split(' ').any(|wanted| match (wanted, status) {
        ("drop", status) => status.is_none(),
        ("1xx", Some(status)) => (100..200).contains(&status),
        // A 100 takes the INVITE; what the call would come to is another matter.
        ("2xx", Some(status)) => (100..300).contains(&status),
        (wanted, Some(status)) => wanted == status.to_string(),
        (_, None) => false,
    })
}

#[test]
fn the_torture_messages_get_answers_the_rfc_allows() {
    let index = index();
    assert_eq!(index.len(), 49);
    let mut wrong = Vec::new();
    for (name, acceptable) in index {
        let datagram = std::fs::read(folder().join(format!("{name}.dat"))).unwrap();
        let mut agent = agent();
        agent.handle_message(START, address(B), parse(&datagram));
        let status = agent.poll_transmit().map(|transmit| status(&transmit));
        if !fits(&acceptable, status) {
            wrong.push(format!("{name}: {status:?}, acceptable: {acceptable}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The status of what was sent, which must be a response. It is not parsed: the answer to a broken
/// request repeats what was broken.
fn status(transmit: &Transmit) -> u16 {
    let text = String::from_utf8_lossy(&transmit.bytes);
    let digits = text.strip_prefix("SIP/2.0 ").and_then(|text| text.get(..3));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

/// Pieces of messages, to be put together at random.
const LINES: [&str; 24] = [
    "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKa",
    "Via: SIP/2.0/UDP host.example;branch=z9hG4bK;rport",
    "Via: SIP/2.0/UDP [2001:db8::1]:99999",
    "v: SIP/2.0/UDP 192.0.2.2",
    "From: <sip:a@example.com>;tag=t",
    "From: sip:ann@ringback",
    "From: tel:+1;tag=",
    "To: <sip:b@example.com>",
    "To: \"\" <sip:@>;tag=x",
    "To: isbn:1",
    "Call-ID: c",
    "CSeq: 1 INVITE",
    "CSeq: 0 REGISTER",
    "CSeq: 2147483647 BYE",
    "Contact: *",
    "Contact: <sip:x@[::1]>;expires=99999999999",
    "Record-Route: <sip:p>, <sip:192.0.2.3:0>",
    "Authorization: Digest username=\"ann\", nonce=\"",
    "Content-Type: application/sdp",
    "Content-Length: 3",
    "Require: ,",
    "Expires: -1",
    "P-Asserted-Identity: <",
    "Max-Forwards: 70",
];
const STARTS: [&str; 8] = [
    "INVITE sip:*45@x SIP/2.0",
    "INVITE tel:+1 SIP/2.0",
    "BYE sip:x SIP/2.0",
    "CANCEL sip:x SIP/2.0",
    "ACK sip:x SIP/2.0",
    "REGISTER sip:x SIP/2.0",
    "SIP/2.0 200 OK",
    "SIP/2.0 180",
];

proptest! {
    #[test]
    fn nothing_that_comes_in_panics(
        messages in prop::collection::vec(
            (0..STARTS.len(), prop::collection::vec(0..LINES.len(), 0..14)),
            1..8,
        )
    ) {
        let mut agent = agent();
        let mut now = START;
        for (start, lines) in messages {
            let mut text = format!("{}\r\n", STARTS[start]);
            for line in lines {
                text.push_str(LINES[line]);
                text.push_str("\r\n");
            }
            text.push_str("\r\nv=0");
            agent.handle_message(now, address(B), parse(text.as_bytes()));
            while let Some(transmit) = agent.poll_transmit() {
                prop_assert!((100..700).contains(&status(&transmit)));
            }
            now += Duration::from_secs(1);
            agent.handle_timeout(now);
        }
    }

    /// Answers and requests of a living call, changed at random places.
    #[test]
    fn a_living_call_survives_broken_copies_of_its_messages(
        seed in 0..50u64,
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut net = Network::with([settings(A), settings(B)], seed);
        let leg = net.connect(1);
        net.agents[B].hang_up(net.now, leg, 16, "");
        net.run_for(100);
        for sent in net.wire.clone() {
            let mut bytes = sent.text.into_bytes();
            for (place, byte) in &cuts {
                let at = place.index(bytes.len());
                bytes[at] = *byte;
            }
            for side in [A, B] {
                let now = net.now;
                net.agents[side].handle_message(now, address(1 - side), parse(&bytes));
                net.agents[side].handle_timeout(now);
            }
        }
        let open = net.agents.iter().map(UserAgent::legs).sum::<usize>();
        prop_assert!(open <= 2, "no leg comes from a broken copy: {open}");
    }
}
