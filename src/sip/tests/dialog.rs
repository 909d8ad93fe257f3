//! Requests inside a dialog, written by hand: re-INVITEs, UPDATEs, late offers, keys.

use super::network::*;
use crate::ident::LegId;
use crate::session::SessionOffer;
use crate::sip::message::{Message, Method, Response};
use crate::sip::{EndedBy, Event};

const SDP: &str = "Content-Type: application/sdp\r\n";
const RELAY: &str = "Content-Type: application/dtmf-relay\r\n";

fn offer() -> SessionOffer {
    SessionOffer(b"v=0 offer".to_vec())
}

/// A call from A to B that stands; B's leg.
fn standing() -> (Network, LegId) {
    let mut net = Network::new();
    let leg = net.connect(1);
    net.events[B].clear();
    (net, leg)
}

#[test]
fn a_reinvite_is_answered_or_refused_and_the_call_goes_on() {
    let (mut net, leg) = standing();
    let now = net.now;
    let reinvite = |net: &Network, cseq| net.inside("INVITE", cseq, SDP, "v=0 offer");
    let two = reinvite(&net, 2);
    assert_eq!(net.status(&two), [100]);
    let three = reinvite(&net, 3);
    assert_eq!(net.status(&three), [500], "one after the other");
    let told = Event::Reoffered { leg, offer: Some(offer()) };
    assert_eq!(events(&mut net.agents[B]), [told]);
    net.agents[B].reject(now, leg, 488);
    assert_eq!(responses(&drain(&mut net.agents[B]))[0].status, 488);
    let four = reinvite(&net, 4);
    assert_eq!(net.status(&four), [100]);
    net.agents[B].answer(now, leg, answer());
    assert_eq!(responses(&drain(&mut net.agents[B]))[0].status, 200);
    let five = reinvite(&net, 5);
    assert_eq!(net.status(&five), [491], "the ACK is under way");
    let ack = net.inside("ACK", 4, "", "");
    assert!(net.hand(&ack).is_empty());
    let late = reinvite(&net, 3).replace("INVITE3", "late");
    assert_eq!(net.status(&late), [500], "out of order");
    assert!(net.ends(B).is_empty() && net.agents[B].legs() == 1);
}

#[test]
fn a_reinvite_without_an_offer_asks_for_ours() {
    let (mut net, leg) = standing();
    let now = net.now;
    let bare = net.inside("INVITE", 2, "", "");
    assert_eq!(net.status(&bare), [100]);
    assert_eq!(events(&mut net.agents[B]), [Event::Reoffered { leg, offer: None }]);
    net.agents[B].answer_with_offer(now, leg, offer());
    let sent = drain(&mut net.agents[B]);
    assert_eq!((responses(&sent)[0].status, &responses(&sent)[0].body), (200, &offer().0));
    let next = net.inside("INVITE", 3, SDP, "v=0 offer");
    assert_eq!(net.status(&next), [491], "their answer is under way");
    let ack = net.inside("ACK", 2, SDP, "v=0 answer");
    assert!(net.hand(&ack).is_empty() && net.hand(&ack).is_empty());
    assert_eq!(events(&mut net.agents[B]), [Event::Reanswered { leg, answer: answer() }]);
    let next = net.inside("INVITE", 4, "", "");
    assert_eq!(net.status(&next), [100]);
    net.agents[B].answer(now, leg, answer());
    assert_eq!(responses(&drain(&mut net.agents[B]))[0].status, 500, "an answer to no offer");
    let next = net.inside("INVITE", 5, "", "");
    assert_eq!(net.status(&next), [100]);
    net.agents[B].answer_with_offer(now, leg, offer());
    drain(&mut net.agents[B]);
    let ack = net.inside("ACK", 5, "", "");
    let sent = net.hand(&ack);
    assert!(matches!(&sent[..], [Message::Request(bye)] if bye.method == Method::Bye), "{sent:?}");
}

#[test]
fn an_update_moves_the_target_or_brings_an_offer_without_an_ack() {
    let (mut net, leg) = standing();
    let now = net.now;
    let bare = net.inside("UPDATE", 2, "", "").replace("sip:a@192.0.2.1:5060", "sip:a@192.0.2.7");
    let sent = net.hand(&bare);
    let [Message::Response(ok)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((ok.status, ok.headers.contains("Contact"), ok.body.is_empty()), (200, true, true));
    assert!(events(&mut net.agents[B]).is_empty());
    for (cseq, accepted) in [(3, true), (4, true), (5, false)] {
        let offered = net.inside("UPDATE", cseq, SDP, "v=0 offer");
        assert!(net.hand(&offered).is_empty(), "no 100 to what is no INVITE");
        let told = Event::Reoffered { leg, offer: Some(offer()) };
        assert_eq!(events(&mut net.agents[B]), [told]);
        let crossing = net.inside("INVITE", cseq, SDP, "v=0 offer");
        assert_eq!(net.status(&crossing), [500], "out of order");
        if accepted {
            net.agents[B].answer(now, leg, answer());
        } else {
            net.agents[B].reject(now, leg, 488);
        }
        let sent = drain(&mut net.agents[B]);
        let expected = if accepted { (200, answer().0) } else { (488, Vec::new()) };
        let response = responses(&sent)[0];
        assert_eq!((response.status, response.body.clone()), expected);
    }
    let waiting = net.inside("UPDATE", 6, SDP, "v=0 offer");
    assert!(net.hand(&waiting).is_empty());
    let second = net.inside("UPDATE", 7, SDP, "v=0 offer");
    assert_eq!(net.status(&second), [500], "one after the other");
    net.drop = Box::new(|_| true);
    net.run_for(5_000);
    assert_eq!(net.count("B 480"), 1, "nobody answered");
    let reinvite = net.inside("INVITE", 8, SDP, "v=0 offer");
    assert_eq!(net.status(&reinvite), [100]);
    net.agents[B].answer(net.now, leg, answer());
    drain(&mut net.agents[B]);
    let glare = net.inside("UPDATE", 9, SDP, "v=0 offer");
    assert_eq!(net.status(&glare), [491], "the ACK is under way");
    net.agents[B].hang_up(net.now, leg, 16, "");
    let ack = net.inside("ACK", 8, "", "");
    let sent = net.hand(&ack);
    let [Message::Request(bye)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(bye.uri.as_str(), "sip:a@192.0.2.1:5060", "the re-INVITE moved it back");
    let late = net.inside("UPDATE", 10, "", "");
    assert_eq!(net.status(&late), [481], "we hung up");
}

#[test]
fn before_an_answer_an_update_changes_nothing_and_an_offer_crosses_ours() {
    let mut net = Network::new();
    net.agents[A].invite(net.now, invitation(1));
    let leg = net.incoming(B);
    net.agents[B].ring(net.now, leg);
    net.collect();
    let ringing = net.wire.iter().find(|sent| rung(sent) == "B 180").unwrap().clone();
    // As if it had been answered, for the tag alone.
    let text = ringing.text.replacen("SIP/2.0 180", "SIP/2.0 200", 1);
    net.wire.push(Sent { text, ..ringing.clone() });
    for (cseq, more, body, status) in [(2, "", "", 200), (3, SDP, "v=0 offer", 500)] {
        let update = net.inside("UPDATE", cseq, more, body);
        assert_eq!(net.status(&update), [status]);
    }
    let field = |name: &str| {
        let line = ringing.text.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].to_owned()
    };
    for (cseq, more, body, status) in
        [(1, "", "", 200), (2, SDP, "v=0 offer", 491), (3, RELAY, "Signal=1", 481)]
    {
        let method = if status == 481 { "INFO" } else { "UPDATE" };
        let text = format!(
            "{method} sip:ringback@192.0.2.1:5060 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKearly{cseq}\r\n\
             From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n\
             Max-Forwards: 70\r\n{more}Content-Length: {}\r\n\r\n{body}",
            field("To: "),
            field("From: "),
            field("Call-ID: "),
            body.len()
        );
        let sent = exchange(&mut net.agents[A], net.now, address(B), text.as_bytes());
        assert_eq!(responses(&sent)[0].status, status, "{method} {cseq}");
    }
}

/// An INVITE of A without a body, which B answers with its offer; B's leg.
fn late() -> (Network, LegId) {
    let mut net = Network::new();
    let invite = "INVITE sip:100@192.0.2.2 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKlate\r\nFrom: <sip:a@192.0.2.1>;tag=late\r\n\
        To: <sip:100@192.0.2.2>\r\nCall-ID: late\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n\
        Contact: <sip:a@192.0.2.1:5060>\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(net.status(invite), [100]);
    let told = events(&mut net.agents[B]);
    let leg = told.iter().find_map(incoming).unwrap();
    assert!(told.iter().any(|event| matches!(event, Event::Incoming { offer: None, .. })));
    net.agents[B].answer_with_offer(net.now, leg, offer());
    let sent = drain(&mut net.agents[B]);
    let ok = responses(&sent)[0];
    assert_eq!((ok.status, &ok.body), (200, &offer().0));
    let record = |text: &str| Sent { from: address(A), to: address(B), text: text.to_owned() };
    net.wire.push(record(invite));
    let text = String::from_utf8(ok.to_bytes()).unwrap();
    net.wire.push(Sent { from: address(B), to: address(A), text });
    (net, leg)
}

#[test]
fn the_ack_of_a_late_offer_brings_the_answer() {
    let (mut net, leg) = late();
    let ack = net.inside("ACK", 1, SDP, "v=0 answer");
    assert!(net.hand(&ack).is_empty());
    let told = events(&mut net.agents[B]);
    assert_eq!(told, [Event::Established { leg, answer: Some(answer()) }]);
}

#[test]
fn an_ack_without_an_answer_ends_the_leg() {
    for (more, body) in [("", ""), ("Content-Type: text/plain\r\n", "v=0 answer"), ("", "v=0")] {
        let (mut net, leg) = late();
        let ack = net.inside("ACK", 1, more, body);
        let sent = net.hand(&ack);
        let [Message::Request(bye)] = &sent[..] else { panic!("{sent:?}") };
        assert_eq!(bye.method, Method::Bye);
        assert!(events(&mut net.agents[B]).is_empty(), "{more:?}: nothing was established");
        let gone = Response::to(bye, 200, "OK");
        net.agents[B].handle_message(net.now, address(A), Ok(Message::Response(gone)));
        let told = events(&mut net.agents[B]);
        let end = Event::Ended { leg, by: EndedBy::Us, status: Some(488) };
        assert!(told.contains(&end), "{told:?}");
    }
}

#[test]
fn a_late_offer_whose_ack_never_comes_is_lost() {
    let (mut net, leg) = late();
    net.drop = Box::new(|sent| sent.from == address(A));
    net.run_out();
    assert_eq!(net.ends(B), [&Event::Ended { leg, by: EndedBy::Lost, status: None }]);
}

#[test]
fn keys_are_told_once_each_and_in_order() {
    let (mut net, leg) = standing();
    let table = [(2, "Signal=5\r\nDuration=160\r\n", "5"), (3, "Signal=#", "#")];
    for (cseq, body, key) in table {
        let info = net.inside("INFO", cseq, RELAY, body);
        assert_eq!(net.status(&info), [200]);
        assert_eq!(net.status(&info), [200], "a retransmission is answered again");
        let told = events(&mut net.agents[B]);
        let [Event::Digit { leg: at, digit }] = told[..] else { panic!("{told:?}") };
        assert_eq!((at, digit.expose().to_string().as_str()), (leg, key));
    }
    let refused = [
        (4, RELAY, "Signal=", 400),
        (5, SDP, "v=0", 415),
        (6, "", "", 200),
        (3, RELAY, "Signal=1", 500),
    ];
    for (cseq, more, body, status) in refused {
        let info =
            net.inside("INFO", cseq, more, body).replace("branch=z9hG4bK", "branch=z9hG4bKx");
        assert_eq!(net.status(&info), [status], "{cseq}");
        assert!(events(&mut net.agents[B]).is_empty());
    }
}

#[test]
fn a_key_outside_a_call_is_for_nobody() {
    let (mut net, leg) = standing();
    let stranger = net.inside("INFO", 2, RELAY, "Signal=1").replace("Call-ID: ", "Call-ID: x");
    assert_eq!(net.status(&stranger), [481]);
    let to = net.inside("INFO", 2, RELAY, "Signal=1");
    let to = to.lines().find(|line| line.starts_with("To: ")).unwrap();
    let tagless = to.split(";tag=").next().unwrap();
    let out = net.inside("INFO", 3, RELAY, "Signal=1").replace(to, tagless);
    assert_eq!(net.status(&out), [481]);
    net.agents[B].hang_up(net.now, leg, 16, "");
    drain(&mut net.agents[B]);
    let late = net.inside("INFO", 4, RELAY, "Signal=1");
    assert_eq!(net.status(&late), [481], "we hung up");
    assert!(events(&mut net.agents[B]).is_empty());
}
