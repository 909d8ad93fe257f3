//! The registrar alone: order, time, bounds.

use super::*;
use crate::sip::message::{Message, parse};

fn register(call_id: &str, cseq: u32, headers: &str) -> Request {
    let text = format!(
        "REGISTER sip:ringback SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1\r\n\
         From: <sip:ann@ringback>;tag=t\r\nTo: <sip:ann@ringback>\r\nCall-ID: {call_id}\r\n\
         CSeq: {cseq} REGISTER\r\nMax-Forwards: 70\r\n{headers}Content-Length: 0\r\n\r\n"
    );
    match parse(text.as_bytes()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn source() -> SocketAddr {
    "203.0.113.4:40000".parse().unwrap()
}

fn take(
    registrar: &mut Registrar,
    seconds: i64,
    call_id: &str,
    cseq: u32,
    headers: &str,
) -> Result<Registered, u16> {
    let now = Timestamp::from_seconds(seconds);
    registrar
        .register(now, "ann", source(), &register(call_id, cseq, headers))
        .map_err(|refusal| refusal.status)
}

const PHONE: &str = "Contact: <sip:ann@10.0.0.5:5062>\r\n";

#[test]
fn a_contact_is_reached_at_the_source_and_refreshed_under_its_id() {
    let mut registrar = Registrar::default();
    assert!(take(&mut registrar, 0, "a", 1, PHONE).unwrap().changed);
    let [id] = registrar.contacts("ann")[..] else { panic!() };
    assert_eq!(registrar.contact(id).unwrap().1.address, source());
    assert_eq!(registrar.take_changed().len(), 1);
    let again = take(&mut registrar, 600, "a", 2, PHONE).unwrap();
    assert!(!again.changed, "no news, but to be kept");
    assert_eq!(registrar.take_changed().len(), 1);
    assert_eq!(registrar.contacts("ann"), [id]);
    assert_eq!(registrar.next_expiry("ann"), Some(Timestamp::from_seconds(4200)));
    assert!(take(&mut registrar, 700, "a", 3, "").is_ok(), "a query");
    assert!(registrar.take_changed().is_empty());
    assert!(!registrar.expire(Timestamp::from_seconds(4199), "ann"));
    assert!(registrar.expire(Timestamp::from_seconds(4200), "ann"));
    assert!(registrar.contacts("ann").is_empty());
}

#[test]
fn refusals_change_nothing() {
    let brief = "Contact: <sip:ann@10.0.0.5:5062>;expires=59\r\n";
    let table = [
        ("a", 1, PHONE, 500),
        ("a", 0, "Contact: *\r\nExpires: 0\r\n", 500),
        ("b", 1, "Contact: *\r\n", 400),
        ("b", 1, "Contact: *\r\nExpires: 60\r\n", 400),
        ("b", 1, brief, 423),
        ("b", 1, "Contact: <sip:x@10.0.0.9>, <tel:+4930123456>\r\n", 400),
        ("b", 1, "Contact: <sip:ann@10.0.0.5:5062>\r\nExpires: 5\r\n", 423),
    ];
    for (call_id, cseq, headers, status) in table {
        let mut registrar = Registrar::default();
        take(&mut registrar, 0, "a", 1, PHONE).unwrap();
        let before = registrar.bindings("ann");
        registrar.take_changed();
        assert_eq!(take(&mut registrar, 1, call_id, cseq, headers), Err(status), "{headers}");
        assert_eq!(registrar.bindings("ann"), before);
        assert!(registrar.take_changed().is_empty());
    }
}

#[test]
fn expires_of_the_contact_wins_and_is_bounded() {
    let table = [
        ("Contact: <sip:ann@10.0.0.5>;expires=100\r\nExpires: 200\r\n", 100),
        ("Contact: <sip:ann@10.0.0.5>\r\nExpires: 200\r\n", 200),
        ("Contact: <sip:ann@10.0.0.5>\r\nExpires: 4294967295\r\n", 3600),
        ("Contact: <sip:ann@10.0.0.5>\r\n", 3600),
    ];
    for (headers, seconds) in table {
        let mut registrar = Registrar::default();
        let [contact] = &take(&mut registrar, 0, "a", 1, headers).unwrap().contacts[..] else {
            panic!()
        };
        assert_eq!(contact.expires(), Some(seconds), "{headers}");
    }
}

#[test]
fn star_and_zero_remove() {
    let mut registrar = Registrar::default();
    take(&mut registrar, 0, "a", 1, PHONE).unwrap();
    take(&mut registrar, 0, "b", 1, "Contact: <sip:ann@10.0.0.6>\r\n").unwrap();
    let one = "Contact: <sip:ann@10.0.0.6>;expires=0\r\n";
    assert!(take(&mut registrar, 1, "b", 2, one).unwrap().changed);
    assert_eq!(registrar.contacts("ann").len(), 1);
    let all = take(&mut registrar, 1, "c", 1, "Contact: *\r\nExpires: 0\r\n").unwrap();
    assert_eq!(all, Registered { contacts: Vec::new(), changed: true, joined: false });
}

#[test]
fn an_eleventh_contact_takes_the_place_of_the_one_that_ends_first() {
    let mut registrar = Registrar::default();
    for n in 1..=11 {
        let headers = format!("Contact: <sip:ann@10.0.0.{n}>\r\n");
        take(&mut registrar, i64::from(n), &format!("c{n}"), 1, &headers).unwrap();
    }
    let bindings = registrar.bindings("ann");
    assert_eq!(bindings.len(), 10);
    assert!(bindings.iter().all(|binding| binding.contact != "sip:ann@10.0.0.1"));
    assert_eq!(bindings[0].contact, "sip:ann@10.0.0.11", "the latest first");
    let many: String = (1..=11).map(|n| format!("Contact: <sip:z@10.0.1.{n}>\r\n")).collect();
    assert_eq!(take(&mut registrar, 20, "z", 1, &many), Err(400));
}

#[test]
fn bindings_come_back_after_a_restart_without_those_past_their_time() {
    let mut before = Registrar::default();
    take(&mut before, 0, "a", 5, PHONE).unwrap();
    take(&mut before, 0, "b", 1, "Contact: <sip:ann@10.0.0.6>;expires=60\r\n").unwrap();
    let mut after = Registrar::default();
    let ended = after.restore(Timestamp::from_seconds(61), before.bindings("ann"));
    assert_eq!(ended.into_iter().collect::<Vec<_>>(), ["ann"]);
    assert_eq!(after.bindings("ann"), before.bindings("ann")[1..]);
    assert_eq!(take(&mut after, 62, "a", 5, PHONE), Err(500), "the order outlives the restart");
    assert!(take(&mut after, 62, "a", 6, PHONE).is_ok());
}
