//! Dials of a process that died, ended by the next one.

use super::network::*;
use crate::ident::{AttemptId, Entropy, InteractionId, LegId, Route, TrunkId};
use crate::sip::{EndedBy, Event, Invitation, Orphan, UserAgent};

fn attempt() -> AttemptId {
    AttemptId { interaction: InteractionId(42), serial: 3 }
}

fn dial() -> Invitation {
    Invitation { attempt: Some(attempt()), ..invitation(1) }
}

fn orphan() -> Orphan {
    Orphan {
        leg: LegId(9),
        attempt: attempt(),
        route: Route::Trunk(TrunkId::new("peer")),
        callee: "+14155550123".to_owned(),
        caller: "+14155550199".to_owned(),
        display_name: "Ringback \"R\"".to_owned(),
    }
}

/// The process of A dies; its successor has the same settings and another seed.
fn restart(net: &mut Network) {
    net.collect();
    let settings = net.agents[A].settings.clone();
    net.agents[A] = UserAgent::new(settings, Entropy::from_number(999));
    net.events[A].clear();
}

fn ended(by: EndedBy, status: Option<u16>) -> Event {
    Event::Ended { leg: LegId(9), by, status }
}

#[test]
fn the_ringing_dial_of_a_dead_process_is_cancelled() {
    let mut net = Network::new();
    net.agents[A].invite(net.now, dial());
    let leg = net.incoming(B);
    net.agents[B].ring(net.now, leg);
    net.run_for(1000);
    restart(&mut net);
    net.agents[A].hang_up_orphan(net.now, orphan());
    assert_eq!(net.agents[A].trunk_free(&TrunkId::new("peer")), 9);
    net.run_for(100);
    assert_eq!(net.ends(A), [&ended(EndedBy::Us, Some(487))]);
    assert_eq!(net.ends(B), [&Event::Ended { leg, by: EndedBy::Peer, status: None }]);
    net.run_out();
    assert_eq!(net.ends(A).len(), 1);
    assert_eq!(net.count("A CANCEL"), 2, "for each INVITE of the chain");
    let from = |sent: &Sent| {
        let line = sent.text.lines().find(|line| line.starts_with("From: "));
        line.map(str::to_owned)
    };
    let said = |method: &str| net.wire.iter().find(|sent| sent.text.starts_with(method)).map(from);
    assert_eq!(said("CANCEL"), said("INVITE"), "RFC 3261 section 9.1");
    assert!(said("INVITE").flatten().is_some_and(|from| from.contains("Ringback")));
    assert_eq!(net.agents[A].legs(), 0);
    let capacity =
        net.events[A].iter().position(|e| matches!(e, Event::TrunkCapacity { free: 10, .. }));
    let end = net.events[A].iter().position(|e| matches!(e, Event::Ended { .. }));
    assert!(capacity < end && capacity.is_some());
}

#[test]
fn the_second_invite_after_a_challenge_is_cancelled_too() {
    let mut stranger = settings(B);
    stranger.trunks.clear();
    let mut net = Network::with([settings(A), stranger], 5);
    net.agents[A].invite(net.now, dial());
    let leg = net.incoming(B);
    net.agents[B].ring(net.now, leg);
    net.run_for(1000);
    assert_eq!(net.count("A INVITE"), 2);
    restart(&mut net);
    net.agents[A].hang_up_orphan(net.now, orphan());
    net.run_for(100);
    assert_eq!(net.ends(A), [&ended(EndedBy::Us, Some(487))]);
    assert_eq!(net.ends(B), [&Event::Ended { leg, by: EndedBy::Peer, status: None }]);
}

#[test]
fn a_dial_that_was_answered_meanwhile_gets_ack_and_bye() {
    let mut net = Network::new();
    net.agents[A].invite(net.now, dial());
    let leg = net.incoming(B);
    net.run_for(100);
    net.drop = Box::new(|_| true);
    net.agents[B].answer(net.now, leg, answer());
    net.run_for(1000);
    restart(&mut net);
    net.drop = Box::new(|_| false);
    net.agents[A].hang_up_orphan(net.now, orphan());
    net.run_out();
    assert_eq!(net.ends(A), [&ended(EndedBy::Us, Some(200))]);
    assert_eq!(net.ends(B), [&Event::Ended { leg, by: EndedBy::Peer, status: None }]);
}

#[test]
fn a_dial_that_never_arrived_or_is_over_is_known_to_be() {
    let mut net = Network::new();
    net.agents[A].hang_up_orphan(net.now, orphan());
    net.run_for(100);
    assert_eq!(net.ends(A), [&ended(EndedBy::Us, None)], "481 for both");
}

#[test]
fn a_cancel_is_repeated_and_silence_ends_after_64_t1() {
    let mut net = Network::new();
    net.agents[A].invite(net.now, dial());
    let leg = net.incoming(B);
    net.run_for(100);
    restart(&mut net);
    net.drop = lose("A CANCEL", 4);
    net.agents[A].hang_up_orphan(net.now, orphan());
    net.run_for(2000);
    assert_eq!(net.ends(A), [&ended(EndedBy::Us, Some(487))]);
    assert_eq!(net.ends(B), [&Event::Ended { leg, by: EndedBy::Peer, status: None }]);

    let mut net = Network::new();
    net.drop = Box::new(|_| true);
    net.agents[A].hang_up_orphan(net.now, orphan());
    net.run_for(31_900);
    assert!(net.ends(A).is_empty());
    net.run_for(200);
    assert_eq!(net.ends(A), [&ended(EndedBy::Lost, None)]);
}

#[test]
fn nobody_to_ask_ends_at_once() {
    let mut net = Network::new();
    let mut gone = orphan();
    gone.route = Route::Registrar;
    net.agents[A].hang_up_orphan(net.now, gone);
    net.collect();
    assert_eq!(net.ends(A), [&ended(EndedBy::Lost, None)]);
}
