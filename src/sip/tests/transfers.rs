//! Transfers asked for by phones, written by hand: REFER and its reports, Replaces.

use super::network::*;
use crate::ident::{LegId, ReferId};
use crate::phone::Dnis;
use crate::sip::message::{Host, Message, Method, Request, Response};
use crate::sip::{Event, ReferTo};

const TO: &str = "Refer-To: <sip:201@ringback>\r\n";

/// A call from A to B that stands; B's leg.
fn standing() -> (Network, LegId) {
    let mut net = Network::new();
    let leg = net.connect(1);
    net.events[B].clear();
    (net, leg)
}

/// A asks; B has told of it and said nothing yet.
fn asked(net: &mut Network, cseq: u32, more: &str) -> (ReferId, ReferTo) {
    let text = net.inside("REFER", cseq, more, "");
    assert!(net.hand(&text).is_empty() && net.hand(&text).is_empty(), "it waits");
    let told = events(&mut net.agents[B]);
    let [Event::Referred { refer, to, .. }] = &told[..] else { panic!("{told:?}") };
    (*refer, to.clone())
}

/// What B sends now.
fn sent(net: &mut Network) -> Vec<Message> {
    drain(&mut net.agents[B]).into_iter().map(|(_, message)| message).collect()
}

/// The NOTIFY that B sends now, alone.
fn report(net: &mut Network) -> Request {
    let all = sent(net);
    let [Message::Request(notify)] = &all[..] else { panic!("{all:?}") };
    assert_eq!(notify.method, Method::Notify);
    assert_eq!(notify.headers.content_type().as_deref(), Some("message/sipfrag"));
    notify.clone()
}

/// The first line it tells, and the state of the subscription.
fn says(notify: &Request) -> (String, String) {
    let body = String::from_utf8(notify.body.clone()).unwrap();
    let state = notify.headers.get("Subscription-State").unwrap().to_owned();
    (body.trim_end().to_owned(), state)
}

fn answered(net: &mut Network, notify: &Request, status: u16) {
    let response = Message::Response(Response::to(notify, status, ""));
    net.agents[B].handle_message(net.now, address(A), Ok(response));
}

#[test]
fn an_accepted_transfer_is_reported_to_its_end() {
    let (mut net, leg) = standing();
    let (refer, to) = asked(&mut net, 2, TO);
    let host = Some(Host::Name("ringback".to_owned()));
    assert_eq!(to, ReferTo { target: Dnis::new("201"), host, replaces: None });
    let other = net.inside("REFER", 3, TO, "");
    assert_eq!(net.status(&other), [491], "one after the other");
    let now = net.now;
    net.agents[B].accept_refer(now, refer);
    let all = sent(&mut net);
    let [Message::Response(accepted), Message::Request(first)] = &all[..] else {
        panic!("{all:?}")
    };
    assert_eq!((accepted.status, accepted.headers.contains("Contact")), (202, true));
    assert_eq!(says(first), ("SIP/2.0 100 Trying".into(), "active;expires=180".into()));
    assert_eq!(first.headers.get("Event"), Some("refer"));
    // One report at a time, the last state alone.
    net.agents[B].refer_progress(now, refer, 180);
    net.agents[B].refer_progress(now, refer, 183);
    assert!(sent(&mut net).is_empty());
    answered(&mut net, first, 200);
    let second = report(&mut net);
    assert_eq!(says(&second).0, "SIP/2.0 183 Progress");
    answered(&mut net, &second, 200);
    assert!(sent(&mut net).is_empty());
    net.agents[B].refer_progress(now, refer, 200);
    net.agents[B].refer_progress(now, refer, 486);
    let last = report(&mut net);
    assert_eq!(says(&last), ("SIP/2.0 200 OK".into(), "terminated;reason=noresource".into()));
    let other = net.inside("REFER", 4, TO, "");
    assert_eq!(net.status(&other), [491], "its end is not known there yet");
    answered(&mut net, &last, 200);
    assert!(sent(&mut net).is_empty() && events(&mut net.agents[B]).is_empty());
    let (again, _) = asked(&mut net, 5, TO);
    net.agents[B].accept_refer(now, again);
    let Message::Request(notify) = sent(&mut net).remove(1) else { panic!() };
    assert_eq!(notify.headers.get("Event"), Some("refer;id=5"));
    assert!(net.agents[B].has_leg(leg));
}

#[test]
fn a_transfer_is_refused_by_order_or_for_want_of_one() {
    for (status, on_the_wire) in [(603, 603), (403, 403), (200, 500)] {
        let (mut net, leg) = standing();
        let (refer, _) = asked(&mut net, 2, TO);
        let now = net.now;
        net.agents[B].reject_refer(now, refer, status, "not \"you\"\r\nX: y");
        let all = sent(&mut net);
        let [Message::Response(refused)] = &all[..] else { panic!("{all:?}") };
        assert_eq!(refused.status, on_the_wire);
        let why = refused.headers.get("Warning").unwrap();
        assert_eq!(why, "399 ringback \"not \\\"you\\\"X: y\"");
        net.agents[B].accept_refer(now, refer);
        net.agents[B].refer_progress(now, refer, 200);
        assert!(sent(&mut net).is_empty(), "decided is decided");
        asked(&mut net, 3, TO);
        assert!(net.agents[B].has_leg(leg));
    }
    let (mut net, _) = standing();
    asked(&mut net, 2, TO);
    net.run_for(4_999);
    assert_eq!(net.count("B 500"), 0);
    net.run_for(1);
    assert_eq!(net.count("B 500"), 1, "nobody decided");
}

#[test]
fn who_wants_no_reports_gets_none() {
    for (more, reports) in [
        ("Refer-Sub: false\r\nRequire: norefersub\r\n", 0),
        ("Refer-Sub: False;x=y\r\n", 0),
        ("Refer-Sub: true\r\n", 1),
    ] {
        let (mut net, _) = standing();
        let (refer, _) = asked(&mut net, 2, &format!("{TO}{more}"));
        net.agents[B].accept_refer(net.now, refer);
        let all = sent(&mut net);
        let Message::Response(accepted) = &all[0] else { panic!("{all:?}") };
        assert_eq!(accepted.status, 202);
        assert_eq!(accepted.headers.get("Refer-Sub"), (reports == 0).then_some("false"));
        assert_eq!(all.len(), 1 + reports, "{more}");
    }
}

#[test]
fn reports_outlive_the_leg_and_end_by_themselves() {
    let accepted = || {
        let (mut net, leg) = standing();
        let (refer, _) = asked(&mut net, 2, TO);
        net.agents[B].accept_refer(net.now, refer);
        let Message::Request(first) = sent(&mut net).remove(1) else { panic!() };
        (net, leg, refer, first)
    };
    // The phone hangs up at once, and is told the end all the same, in the order of its dialog.
    let (mut net, leg, refer, first) = accepted();
    let bye = net.inside("BYE", 3, "", "");
    assert_eq!(net.status(&bye), [200]);
    assert!(!net.agents[B].has_leg(leg));
    answered(&mut net, &first, 200);
    net.agents[B].refer_progress(net.now, refer, 603);
    let last = report(&mut net);
    assert_eq!(says(&last).0, "SIP/2.0 603 Decline");
    assert_eq!(last.cseq().number, first.cseq().number + 1);
    assert_eq!(last.to().tag(), first.to().tag());
    // A phone that knows nothing of it is told no more.
    let (mut net, _, refer, first) = accepted();
    answered(&mut net, &first, 481);
    net.agents[B].refer_progress(net.now, refer, 200);
    assert!(sent(&mut net).is_empty());
    // No end within three minutes is one.
    let (mut net, leg, _, first) = accepted();
    answered(&mut net, &first, 200);
    net.drop = Box::new(|_| true);
    net.run_for(179_900);
    assert_eq!(net.count("B NOTIFY"), 0);
    net.run_for(200);
    let late = net.wire.iter().find(|sent| rung(sent) == "B NOTIFY").unwrap();
    assert!(late.text.contains("terminated") && late.text.contains("SIP/2.0 408 "), "{late:?}");
    net.run_for(33_000);
    assert!(net.agents[B].has_leg(leg), "the call goes on");
    asked(&mut net, 3, TO);
}

#[test]
fn the_end_is_told_before_our_bye() {
    let (mut net, leg) = standing();
    let (refer, _) = asked(&mut net, 2, TO);
    net.agents[B].accept_refer(net.now, refer);
    net.agents[B].refer_progress(net.now, refer, 200);
    net.agents[B].hang_up(net.now, leg, 16, "");
    let all = sent(&mut net);
    let [
        Message::Response(_),
        Message::Request(first),
        Message::Request(last),
        Message::Request(bye),
    ] = &all[..]
    else {
        panic!("{all:?}")
    };
    assert_eq!(says(first).0, "SIP/2.0 100 Trying");
    assert_eq!(says(last).0, "SIP/2.0 200 OK");
    assert_eq!(bye.method.as_str(), "BYE");
    let numbers = [first, last, bye].map(|request| request.cseq().number);
    assert_eq!(numbers, [numbers[0], numbers[0] + 1, numbers[0] + 2]);
    // Both are answered, and nothing more is said.
    answered(&mut net, first, 200);
    answered(&mut net, last, 200);
    assert!(sent(&mut net).is_empty());
}

/// The header of a Refer-To whose Replaces names the `n`th dialog that A opened.
fn attended(net: &Network, n: usize) -> String {
    let answers: Vec<_> = net.wire.iter().filter(|sent| rung(sent) == "B 200").collect();
    named(net, n, &answers[n].text)
}

/// The same of a dialog that was answered by `answer`.
fn named(net: &Network, n: usize, answer: &str) -> String {
    let invites: Vec<_> = net.wire.iter().filter(|sent| rung(sent) == "A INVITE").collect();
    let field = |text: &str, name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
    };
    let tag = |text: &str, name: &str| field(text, name).split(";tag=").nth(1).unwrap().to_owned();
    let call_id = field(&invites[n].text, "Call-ID: ");
    let (ours, theirs) = (tag(answer, "To: "), tag(&invites[n].text, "From: "));
    format!("{call_id}%3Bto-tag%3D{ours}%3Bfrom-tag%3D{theirs}")
}

#[test]
fn an_attended_transfer_names_another_leg_of_the_same_party() {
    let (mut net, _) = standing();
    net.agents[A].invite(net.now, invitation(2));
    let consultation = net.incoming(B);
    net.agents[B].answer(net.now, consultation, answer());
    net.until(B, |event| matches!(event, Event::Established { .. }).then_some(()));
    let (own, other) = (attended(&net, 0), attended(&net, 1));
    let to = |named: &str| format!("Refer-To: <sip:201@ringback?Replaces={named}>\r\n");
    net.collect();
    for (cseq, named) in [
        (2, own.clone()),
        (3, other.replace("to-tag%3D", "to-tag%3Dx")),
        (4, other.replace("from-tag%3D", "from-tag%3Dx")),
        (5, format!("x{other}")),
    ] {
        let text = net.inside("REFER", cseq, &to(&named), "");
        assert_eq!(net.status(&text), [403], "{named}");
    }
    let (_, read) = asked(&mut net, 6, &to(&other));
    assert_eq!(read.replaces, Some(consultation));
}

#[test]
fn nobody_is_connected_with_whom_is_rung_still() {
    let (mut net, _) = standing();
    net.agents[A].invite(net.now, invitation(2));
    let consultation = net.incoming(B);
    net.agents[B].ring(net.now, consultation);
    net.collect();
    let ringing = net.wire.iter().rfind(|sent| rung(sent) == "B 180").unwrap().text.clone();
    let to = format!("Refer-To: <sip:201@ringback?Replaces={}>\r\n", named(&net, 1, &ringing));
    let text = net.inside("REFER", 2, &to, "");
    assert_eq!(net.status(&text), [491]);
    net.agents[B].answer(net.now, consultation, answer());
    net.until(B, |event| matches!(event, Event::Established { .. }).then_some(()));
    let (_, read) = asked(&mut net, 3, &to);
    assert_eq!(read.replaces, Some(consultation));
}
