//! Calls between two user agents on a network that loses nothing.

use super::network::*;
use crate::ident::{LegId, TrunkId};
use crate::phone::{Ani, Dnis};
use crate::session::SessionOffer;
use crate::sip::{EndedBy, Event, From, Invitation, Target};

#[test]
fn a_call_is_placed_rung_answered_and_ended() {
    for ender in [A, B] {
        let mut net = Network::new();
        net.agents[A].invite(net.now, invitation(1));
        let leg = net.incoming(B);
        net.agents[B].ring(net.now, leg);
        net.until(A, |e| (*e == Event::Ringing { leg: LegId(1) }).then_some(()));
        net.agents[B].answer(net.now, leg, answer());
        net.until(A, |e| (*e == Event::Answered { leg: LegId(1), answer: answer() }).then_some(()));
        net.until(B, |e| (*e == Event::Established { leg, answer: None }).then_some(()));
        let (mine, theirs) = if ender == A { (LegId(1), leg) } else { (leg, LegId(1)) };
        net.agents[ender].hang_up(net.now, mine, 16, "Normal call clearing");
        net.run_out();
        let other = 1 - ender;
        assert_eq!(net.ends(ender), [&ended(mine, EndedBy::Us, None)]);
        assert_eq!(net.ends(other), [&ended(theirs, EndedBy::Peer, None)]);
        let expected = ["A INVITE", "B 100", "B 180", "B 200", "A ACK"];
        assert_eq!(net.ladder()[..5], expected);
        assert_eq!(net.ladder()[6..], [["B", "A"][ender].to_owned() + " 200"]);
        let bye = &net.wire[5].text;
        assert!(bye.starts_with("BYE "), "{bye}");
        assert!(bye.contains("Reason: Q.850;cause=16;text=\"Normal call clearing\"\r\n"), "{bye}");
        assert_eq!((net.agents[A].legs(), net.agents[B].legs()), (0, 0));
    }
}

fn ended(leg: LegId, by: EndedBy, status: Option<u16>) -> Event {
    Event::Ended { leg, by, status }
}

#[test]
fn what_comes_in_is_told_as_it_was_sent() {
    let mut net = Network::new();
    net.agents[A].invite(net.now, invitation(1));
    let leg = net.incoming(B);
    let expected = Event::Incoming {
        leg,
        ani: Ani::new("+14155550199"),
        dnis: Dnis::new("+14155550123"),
        from: From::Trunk(TrunkId::new("peer")),
        offer: Some(SessionOffer(b"v=0 offer".to_vec())),
        replaces: None,
    };
    assert!(net.events[B].contains(&expected), "{:?}", net.events[B]);
    let invite = &net.wire[0].text;
    for line in
        ["From: \"Ringback \\\"R\\\"\" <sip:", "Expires: 30\r\n", "X-Ringback-Interaction: one"]
    {
        assert!(invite.contains(line), "{line} in {invite}");
    }
}

#[test]
fn refusals_end_both_sides_with_their_status() {
    for status in [486, 603, 404, 302, 500] {
        let mut net = Network::new();
        net.agents[A].invite(net.now, invitation(1));
        let leg = net.incoming(B);
        net.agents[B].reject(net.now, leg, status);
        net.run_out();
        assert_eq!(net.ends(A), [&ended(LegId(1), EndedBy::Peer, Some(status))]);
        assert_eq!(net.ends(B), [&ended(leg, EndedBy::Us, None)]);
        assert_eq!(net.count("A INVITE"), 1, "a redirection is not followed");
        assert_eq!(net.count("A ACK"), 1);
    }
}

#[test]
fn hanging_up_an_unanswered_incoming_call_refuses_it_by_cause() {
    for (cause, status) in [(17, 486), (21, 603), (16, 480), (1, 404), (41, 503)] {
        let mut net = Network::new();
        net.agents[A].invite(net.now, invitation(1));
        let leg = net.incoming(B);
        net.agents[B].hang_up(net.now, leg, cause, "why");
        net.run_out();
        assert_eq!(net.ends(A), [&ended(LegId(1), EndedBy::Peer, Some(status))]);
    }
}

#[test]
fn a_ringing_dial_is_cancelled() {
    let mut net = Network::new();
    net.agents[A].invite(net.now, invitation(1));
    let leg = net.incoming(B);
    net.agents[B].ring(net.now, leg);
    net.until(A, |e| matches!(e, Event::Ringing { .. }).then_some(()));
    net.agents[A].hang_up(net.now, LegId(1), 16, "");
    net.agents[A].hang_up(net.now, LegId(1), 16, "");
    net.run_out();
    assert_eq!(net.ends(A), [&ended(LegId(1), EndedBy::Us, Some(487))]);
    assert_eq!(net.ends(B), [&ended(leg, EndedBy::Peer, None)]);
    assert_eq!(net.ladder()[3..], ["A CANCEL", "B 200", "B 487", "A ACK"]);
}

#[test]
fn a_cancel_waits_for_the_first_response() {
    let mut net = Network::new();
    net.drop = lose("B 100", 1);
    net.agents[A].invite(net.now, invitation(1));
    net.agents[A].hang_up(net.now, LegId(1), 16, "");
    net.run_for(400);
    assert_eq!(net.ladder(), ["A INVITE", "B 100"]);
    net.run_out();
    assert_eq!(net.ladder()[2..4], ["A INVITE", "B 100"], "repeated, and answered again");
    assert_eq!(net.ends(A), [&ended(LegId(1), EndedBy::Us, Some(487))]);
}

#[test]
fn an_answer_that_crosses_the_cancel_gets_ack_and_bye() {
    let mut net = Network::new();
    net.agents[A].invite(net.now, invitation(1));
    let leg = net.incoming(B);
    net.agents[B].ring(net.now, leg);
    net.until(A, |e| matches!(e, Event::Ringing { .. }).then_some(()));
    net.agents[A].hang_up(net.now, LegId(1), 16, "");
    net.agents[B].answer(net.now, leg, answer());
    net.run_out();
    assert_eq!(net.ends(A), [&ended(LegId(1), EndedBy::Us, None)]);
    assert_eq!(net.ends(B), [&ended(leg, EndedBy::Peer, None)]);
    assert!(!net.events[A].iter().any(|e| matches!(e, Event::Answered { .. })));
    assert_eq!((net.count("A ACK"), net.count("A BYE")), (1, 1));
}

#[test]
fn a_dial_that_rings_for_ever_is_cancelled_by_itself() {
    let mut net = Network::new();
    net.agents[A].invite(net.now, invitation(1));
    net.run_for(32_900);
    assert!(net.ends(A).is_empty());
    net.run_out();
    assert_eq!(net.ends(A), [&ended(LegId(1), EndedBy::Us, Some(487))]);
}

#[test]
fn a_bye_waits_for_the_ack_of_our_2xx() {
    let mut net = Network::new();
    net.drop = lose("A ACK", 1);
    net.agents[A].invite(net.now, invitation(1));
    let leg = net.incoming(B);
    net.agents[B].answer(net.now, leg, answer());
    net.agents[B].hang_up(net.now, leg, 16, "");
    net.run_for(450);
    assert_eq!(net.count("B BYE"), 0);
    net.run_out();
    assert_eq!(net.ladder()[4..8], ["B 200", "A ACK", "B BYE", "A 200"]);
    assert_eq!(net.ends(B), [&ended(leg, EndedBy::Us, None)]);
}

#[test]
fn a_call_that_nobody_answers_here_is_refused() {
    let mut net = Network::new();
    let patient =
        Invitation { ring_timeout: crate::time::Duration::from_secs(600), ..invitation(1) };
    net.agents[A].invite(net.now, patient);
    let leg = net.incoming(B);
    net.run_for(179_900);
    assert!(net.ends(B).is_empty());
    net.run_out();
    assert_eq!(net.ends(B), [&ended(leg, EndedBy::Us, None)]);
    assert_eq!(net.ends(A), [&ended(LegId(1), EndedBy::Peer, Some(480))]);
}

#[test]
fn both_hang_up_at_once() {
    let mut net = Network::new();
    let leg = net.connect(1);
    net.agents[A].hang_up(net.now, LegId(1), 16, "");
    net.agents[B].hang_up(net.now, leg, 16, "");
    net.run_out();
    assert_eq!(net.ends(A), [&ended(LegId(1), EndedBy::Us, None)]);
    assert_eq!(net.ends(B), [&ended(leg, EndedBy::Us, None)]);
}

#[test]
fn a_probe_finds_a_leg_alive_lost_or_unknown() {
    let mut net = Network::new();
    net.connect(1);
    net.agents[A].probe(net.now, LegId(1));
    net.run_for(60_000);
    assert!(net.ends(A).is_empty());
    net.drop = Box::new(|_| true);
    net.agents[A].probe(net.now, LegId(1));
    net.run_for(7_900);
    assert!(net.ends(A).is_empty());
    net.run_for(200);
    assert_eq!(net.ends(A), [&ended(LegId(1), EndedBy::Lost, None)]);

    let mut net = Network::new();
    net.connect(1);
    let chance = &mut crate::ident::Entropy::from_number(9);
    net.agents[B] = crate::sip::UserAgent::new(settings(B), chance.split());
    net.agents[A].probe(net.now, LegId(1));
    net.run_for(100);
    assert_eq!(net.ends(A), [&ended(LegId(1), EndedBy::Lost, None)]);
}

#[test]
fn what_cannot_be_sent_ends_at_once() {
    let mut net = Network::new();
    let contact = Target::Contact(crate::ident::ContactId(77));
    let unknown = Target::Trunk(TrunkId::new("none"));
    for (n, target) in [(1, contact), (2, unknown)] {
        net.agents[A].invite(net.now, Invitation { target, ..invitation(n) });
        net.collect();
        assert_eq!(net.events[A].pop(), Some(ended(LegId(n), EndedBy::Us, Some(480))));
    }
    for n in 10..20 {
        net.agents[A].invite(net.now, invitation(n));
    }
    net.agents[A].invite(net.now, invitation(20));
    net.collect();
    assert_eq!(net.events[A].last(), Some(&ended(LegId(20), EndedBy::Us, Some(503))));
    assert_eq!(net.agents[A].legs(), 10);
}
