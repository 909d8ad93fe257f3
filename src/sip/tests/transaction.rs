//! The four machines by table, and the store around them, under a hand-driven clock.

use super::*;
use crate::sip::message::{Message, parse};

const fn ms(at: i64) -> Timestamp {
    Timestamp::from_ms(at)
}

/// Lets a machine run to its end and lists when its timers ran out.
fn run(machine: &mut Machine) -> Vec<(i64, Timer)> {
    let mut fired = Vec::new();
    while let Some((at, timer)) = machine.timers().min() {
        fired.push((at.as_ms(), timer));
        machine.fire(at, timer);
    }
    assert_eq!(machine.state, State::Terminated);
    fired
}

#[test]
fn invite_client_repeats_by_timer_a_until_timer_b() {
    let fired = run(&mut Machine::start(Kind::InviteClient, ms(0)));
    let expected = [
        (500, Timer::A),
        (1500, Timer::A),
        (3500, Timer::A),
        (7500, Timer::A),
        (15500, Timer::A),
        (31500, Timer::A),
        (32000, Timer::B),
    ];
    assert_eq!(fired, expected);
}

#[test]
fn client_repeats_by_timer_e_up_to_t2_until_timer_f() {
    let fired = run(&mut Machine::start(Kind::Client, ms(0)));
    let at: Vec<i64> = fired.iter().filter(|(_, t)| *t == Timer::E).map(|(at, _)| *at).collect();
    assert_eq!(at, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    assert_eq!(fired.last(), Some(&(32000, Timer::F)));
}

#[test]
fn server_repeats_a_refusal_by_timer_g_until_timer_h() {
    let mut machine = Machine::start(Kind::InviteServer, ms(0));
    assert!(machine.respond(ms(0), 486));
    let fired = run(&mut machine);
    let at: Vec<i64> = fired.iter().filter(|(_, t)| *t == Timer::G).map(|(at, _)| *at).collect();
    assert_eq!(at, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    assert_eq!(fired.last(), Some(&(32000, Timer::H)));
}

/// Every transition by a response, from every state it may meet: (pass, ack), then state and
/// timers.
#[test]
fn client_transitions() {
    use Kind::{Client, InviteClient};
    use State::{Accepted, Calling, Completed, Proceeding, Terminated, Trying};
    type Row =
        (Kind, &'static [u16], u16, (bool, bool), State, Option<Timer>, Option<(i64, Timer)>);
    let table: &[Row] = &[
        (InviteClient, &[], 100, (true, false), Proceeding, None, None),
        (InviteClient, &[100], 180, (true, false), Proceeding, None, None),
        (InviteClient, &[], 200, (true, false), Accepted, None, Some((32010, Timer::M))),
        (InviteClient, &[180], 200, (true, false), Accepted, None, Some((32010, Timer::M))),
        (InviteClient, &[], 486, (true, true), Completed, None, Some((32010, Timer::D))),
        (InviteClient, &[180], 302, (true, true), Completed, None, Some((32010, Timer::D))),
        (InviteClient, &[486], 486, (false, true), Completed, None, Some((32010, Timer::D))),
        (InviteClient, &[486], 180, (false, false), Completed, None, Some((32010, Timer::D))),
        (InviteClient, &[486], 200, (false, false), Completed, None, Some((32010, Timer::D))),
        (InviteClient, &[200], 200, (true, false), Accepted, None, Some((32010, Timer::M))),
        (InviteClient, &[200], 180, (false, false), Accepted, None, Some((32010, Timer::M))),
        (InviteClient, &[200], 486, (false, false), Accepted, None, Some((32010, Timer::M))),
        (Client, &[], 100, (true, false), Proceeding, Some(Timer::E), Some((32000, Timer::F))),
        (Client, &[100], 183, (true, false), Proceeding, Some(Timer::E), Some((32000, Timer::F))),
        (Client, &[], 200, (true, false), Completed, None, Some((5010, Timer::K))),
        (Client, &[100], 481, (true, false), Completed, None, Some((5010, Timer::K))),
        (Client, &[200], 200, (false, false), Completed, None, Some((5010, Timer::K))),
    ];
    for (kind, before, status, heed, state, repeat, end) in table {
        let mut machine = Machine::start(*kind, ms(0));
        for status in *before {
            machine.heed(ms(10), *status);
        }
        let got = machine.heed(ms(10), *status);
        let row = format!("{kind:?} {before:?} {status}");
        assert_eq!((got.pass, got.ack), *heed, "{row}");
        assert_eq!(machine.state, *state, "{row}");
        assert_eq!(machine.repeat.map(|(_, timer)| timer), *repeat, "{row}");
        assert_eq!(machine.end.map(|(at, timer)| (at.as_ms(), timer)), *end, "{row}");
    }
    for (kind, start) in [(InviteClient, Calling), (Client, Trying)] {
        assert_eq!(Machine::start(kind, ms(0)).state, start);
        let mut gone = Machine::start(kind, ms(0));
        run(&mut gone);
        assert_eq!(gone.heed(ms(40_000), 200), Heed::default());
        assert_eq!(gone.state, Terminated);
    }
}

/// Every transition by a response of ours: (sent, repeated to a retransmission), state, end.
#[test]
fn server_transitions() {
    use Kind::{InviteServer, Server};
    use State::{Accepted, Completed, Proceeding};
    type Row = (Kind, &'static [u16], u16, bool, bool, State, Option<(i64, Timer)>);
    let table: &[Row] = &[
        (InviteServer, &[], 100, true, true, Proceeding, None),
        (InviteServer, &[100], 180, true, true, Proceeding, None),
        (InviteServer, &[180], 200, true, false, Accepted, Some((32010, Timer::L))),
        (InviteServer, &[], 486, true, true, Completed, Some((32010, Timer::H))),
        (InviteServer, &[486], 200, false, true, Completed, Some((32010, Timer::H))),
        (InviteServer, &[200], 486, false, false, Accepted, Some((32010, Timer::L))),
        (Server, &[], 100, true, true, Proceeding, None),
        (Server, &[], 200, true, true, Completed, Some((32010, Timer::J))),
        (Server, &[100], 500, true, true, Completed, Some((32010, Timer::J))),
        (Server, &[200], 200, false, true, Completed, Some((32010, Timer::J))),
    ];
    for (kind, before, status, sent, repeats, state, end) in table {
        let mut machine = Machine::start(*kind, ms(0));
        for status in *before {
            machine.respond(ms(10), *status);
        }
        let row = format!("{kind:?} {before:?} {status}");
        assert_eq!(machine.respond(ms(10), *status), *sent, "{row}");
        assert_eq!(machine.repeats_response(), *repeats, "{row}");
        assert_eq!(machine.state, *state, "{row}");
        assert_eq!(machine.end.map(|(at, timer)| (at.as_ms(), timer)), *end, "{row}");
    }
}

#[test]
fn an_ack_confirms_a_refusal_and_leaves_a_2xx_to_the_dialog() {
    let mut refused = Machine::start(Kind::InviteServer, ms(0));
    refused.respond(ms(0), 486);
    assert!(refused.ack(ms(20)));
    assert!(refused.ack(ms(30)), "again");
    assert_eq!(run(&mut refused), [(5020, Timer::I)]);
    let mut accepted = Machine::start(Kind::InviteServer, ms(0));
    assert!(!accepted.ack(ms(0)));
    accepted.respond(ms(0), 200);
    assert!(!accepted.ack(ms(20)));
    assert_eq!(run(&mut accepted), [(32000, Timer::L)]);
}

fn request(method: &str, branch: &str, more: &str) -> Request {
    let text = format!(
        "{method} sip:1@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1{branch}\r\n\
         From: <sip:a@example.com>;tag=t\r\nTo: <sip:1@example.com>\r\nCall-ID: c\r\n\
         CSeq: 1 {method}\r\nMax-Forwards: 70\r\n{more}Content-Length: 0\r\n\r\n"
    );
    match parse(text.as_bytes()) {
        Ok(Message::Request(mut request)) => {
            request.stamp_source(source());
            request
        }
        other => panic!("{other:?}"),
    }
}

fn source() -> SocketAddr {
    "192.0.2.1:5060".parse().unwrap()
}

fn sent(transactions: &mut Transactions<u8>) -> Vec<String> {
    std::iter::from_fn(|| transactions.poll_transmit())
        .map(|transmit| String::from_utf8(transmit.bytes).unwrap())
        .map(|text| text.lines().next().unwrap_or("").to_owned())
        .collect()
}

fn new(received: Received) -> TransactionId {
    let Received::New(id) = received else { panic!("{received:?}") };
    id
}

#[test]
fn a_retransmitted_request_gets_its_last_response_again() {
    for branch in [";branch=z9hG4bKabc", "", ";branch=1", ";branch=z9hG4bK"] {
        let mut transactions = Transactions::<u8>::new();
        let invite = request("INVITE", branch, "");
        let id = new(transactions.receive(ms(0), source(), &invite));
        assert_eq!(transactions.receive(ms(1), source(), &invite), Received::Absorbed, "{branch}");
        assert!(sent(&mut transactions).is_empty(), "nothing to say yet");
        transactions.respond(ms(2), id, &Response::to(&invite, 180, "Ringing"));
        transactions.receive(ms(3), source(), &invite);
        assert_eq!(sent(&mut transactions), ["SIP/2.0 180 Ringing"; 2]);
        transactions.respond(ms(4), id, &Response::to(&invite, 486, "Busy Here"));
        transactions.receive(ms(5), source(), &invite);
        assert_eq!(sent(&mut transactions), ["SIP/2.0 486 Busy Here"; 2]);
        let ack = request("ACK", branch, "");
        assert!(transactions.ack(ms(6), &ack), "{branch}");
        assert!(transactions.ack(ms(7), &ack), "{branch}");
        transactions.receive(ms(8), source(), &invite);
        assert!(sent(&mut transactions).is_empty(), "confirmed");
        transactions.expire(ms(5006));
        assert_eq!(transactions.poll_timeout(), None);
        assert!(!transactions.ack(ms(5007), &ack), "forgotten");
    }
}

#[test]
fn a_cancel_finds_its_invite() {
    let mut transactions = Transactions::<u8>::new();
    let id = new(transactions.receive(ms(0), source(), &request("INVITE", ";branch=z9hG4bKa", "")));
    let cancel = |branch| request("CANCEL", branch, "");
    assert_eq!(transactions.cancelled_by(&cancel(";branch=z9hG4bKa")), Some(id));
    assert_eq!(transactions.cancelled_by(&cancel(";branch=z9hG4bKb")), None);
    new(transactions.receive(ms(0), source(), &cancel(";branch=z9hG4bKa")));
}

#[test]
fn the_same_request_by_another_path_is_merged_until_it_is_refused() {
    let mut transactions = Transactions::<u8>::new();
    let invite = request("INVITE", ";branch=z9hG4bKa", "");
    let id = new(transactions.receive(ms(0), source(), &invite));
    let second = request("INVITE", ";branch=z9hG4bKb", "");
    let merged = transactions.receive(ms(0), source(), &second);
    assert!(matches!(merged, Received::Merged(_)), "{merged:?}");
    transactions.respond(ms(0), id, &Response::to(&invite, 401, "Unauthorized"));
    new(transactions.receive(ms(1), source(), &request("INVITE", ";branch=z9hG4bKc", "")));
}

#[test]
fn requests_of_ours_are_matched_by_branch_and_method() {
    let mut transactions = Transactions::new();
    let peer = "192.0.2.7:5060".parse().unwrap();
    let invite = request("INVITE", ";branch=z9hG4bKa", "");
    let id = transactions.request(ms(0), peer, &invite, 1).unwrap();
    assert!(transactions.request(ms(0), peer, &invite, 2).is_none(), "one at a time");
    transactions.request(ms(0), peer, &cancel_of(&invite), 3).unwrap();
    let to_cancel = Response::to(&cancel_of(&invite), 200, "OK");
    assert_eq!(transactions.response(ms(1), &to_cancel).unwrap().purpose, 3);
    let other = request("INVITE", ";branch=z9hG4bKother", "");
    assert!(transactions.response(ms(1), &Response::to(&other, 200, "OK")).is_none());
    let mut busy = Response::to(&invite, 486, "Busy Here");
    busy.set_to_tag("far");
    let heard = transactions.response(ms(2), &busy).unwrap();
    assert_eq!((heard.id, heard.purpose, heard.peer), (id, 1, peer));
    assert!(transactions.response(ms(3), &busy).is_none(), "told once");
    let lines = sent(&mut transactions);
    assert_eq!(lines[2..], ["ACK sip:1@192.0.2.9 SIP/2.0", "ACK sip:1@192.0.2.9 SIP/2.0"]);
}

#[test]
fn silence_and_a_dead_transport_are_told_with_the_purpose() {
    let mut transactions = Transactions::new();
    let peer: SocketAddr = "192.0.2.7:5060".parse().unwrap();
    let options = |n: u8| request("OPTIONS", &format!(";branch=z9hG4bK{n}"), "");
    transactions.request(ms(0), peer, &options(1), 1).unwrap();
    transactions.request(ms(0), peer, &request("INVITE", ";branch=z9hG4bKi", ""), 2).unwrap();
    let mut at = ms(0);
    let mut failed = Vec::new();
    while let Some((next, _)) = transactions.poll_timeout() {
        at = next;
        failed.extend(transactions.expire(at));
    }
    assert_eq!(at, ms(32_000));
    let told: Vec<_> = failed.iter().map(|f| (f.purpose, f.invite.is_some())).collect();
    assert_eq!(told.len(), 2);
    assert!(told.contains(&(1, false)) && told.contains(&(2, true)));
    transactions.request(at, peer, &options(3), 3).unwrap();
    transactions.request(at, "192.0.2.8:5060".parse().unwrap(), &options(4), 4).unwrap();
    let told: Vec<_> = transactions.unreachable(peer).iter().map(|f| f.purpose).collect();
    assert_eq!(told, [3]);
}

#[test]
fn a_source_with_too_many_half_open_invites_is_refused_and_others_are_not() {
    let mut transactions = Transactions::<u8>::new();
    let invite = |n: usize| {
        let mut invite = request("INVITE", &format!(";branch=z9hG4bK{n}"), "");
        invite.headers.set("Call-ID", &n.to_string());
        invite
    };
    let ids: Vec<_> = (0..HALF_OPEN_MAX)
        .map(|n| new(transactions.receive(ms(0), source(), &invite(n))))
        .collect();
    let more = invite(HALF_OPEN_MAX);
    assert_eq!(transactions.receive(ms(0), source(), &more), Received::Full);
    new(transactions.receive(ms(0), source(), &request("BYE", ";branch=z9hG4bKbye", "")));
    let other = "192.0.2.2:5060".parse().unwrap();
    new(transactions.receive(ms(0), other, &more));
    transactions.respond(ms(0), ids[0], &Response::to(&invite(0), 200, "OK"));
    new(transactions.receive(ms(0), source(), &invite(HALF_OPEN_MAX + 1)));
}

#[test]
fn past_the_bound_only_bye_and_cancel_come_in() {
    let mut transactions = Transactions::<u8>::new();
    let options = request("OPTIONS", ";branch=z9hG4bKx", "");
    for n in 0..TRANSACTIONS_MAX - RESERVE {
        transactions.insert(Transaction {
            machine: Machine::start(Kind::Server, ms(0)),
            key: Key::Client { branch: n.to_string(), method: Method::Options },
            peer: source(),
            bytes: Vec::new(),
            role: Role::Server { source: source().ip(), merge: None },
        });
    }
    assert_eq!(transactions.receive(ms(0), source(), &options), Received::Full);
    assert!(transactions.request(ms(0), source(), &options, 1).is_none());
    new(transactions.receive(ms(0), source(), &request("BYE", ";branch=z9hG4bKb", "")));
    new(transactions.receive(ms(0), source(), &request("CANCEL", ";branch=z9hG4bKc", "")));
}
