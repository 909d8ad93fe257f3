//! Requests inside a dialog, written by hand: re-INVITEs, late offers, keys.

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
