//! Calls over a network that loses, repeats and reorders.

use super::network::*;
use crate::ident::{Entropy, LegId};
use crate::sip::{EndedBy, Event};

fn is_ended(event: &Event) -> bool {
    matches!(event, Event::Ended { .. })
}

#[test]
fn a_lost_message_of_any_kind_is_repeated() {
    for wanted in ["A INVITE", "B 100", "B 180", "B 200", "A ACK", "A BYE"] {
        let mut net = Network::new();
        net.drop = lose(wanted, 1);
        let leg = net.connect(1);
        net.agents[A].hang_up(net.now, LegId(1), 16, "");
        net.run_out();
        let by = |by| Event::Ended {
            leg: if by == EndedBy::Us { LegId(1) } else { leg },
            by,
            status: None,
        };
        assert_eq!(net.ends(A), [&by(EndedBy::Us)], "{wanted}");
        assert_eq!(net.ends(B), [&by(EndedBy::Peer)], "{wanted}");
        assert_eq!(net.events[B].iter().filter(|e| matches!(e, Event::Incoming { .. })).count(), 1);
    }
}

#[test]
fn a_2xx_is_repeated_by_t1_doubling_to_t2_until_its_ack() {
    let mut net = Network::new();
    net.drop = Box::new(|sent| rung(sent) == "A ACK");
    net.agents[A].invite(net.now, invitation(1));
    let leg = net.incoming(B);
    net.agents[B].answer(net.now, leg, answer());
    let start = net.now;
    net.run_for(31_900);
    // At 0, 0.5, 1.5, 3.5, 7.5, 11.5, .. 31.5 s.
    assert_eq!(net.count("B 200"), 11);
    assert_eq!(net.count("A ACK"), 11, "each is acknowledged again");
    net.run_out();
    assert!(net.now.since(start).as_secs() >= 32);
    assert_eq!(net.ends(B), [&Event::Ended { leg, by: EndedBy::Lost, status: None }]);
    assert_eq!(net.ends(A), [&Event::Ended { leg: LegId(1), by: EndedBy::Peer, status: None }]);
}

#[test]
fn an_invite_that_meets_silence_is_lost_and_its_late_answers_are_met() {
    for late in ["B 100", "B 200"] {
        let mut net = Network::new();
        net.drop = Box::new(|sent| rung(sent).starts_with('B'));
        net.agents[A].invite(net.now, invitation(1));
        let leg = net.incoming(B);
        net.until(A, |e| is_ended(e).then_some(()));
        assert_eq!(net.ends(A), [&Event::Ended { leg: LegId(1), by: EndedBy::Lost, status: None }]);
        net.drop = Box::new(|_| false);
        if late == "B 100" {
            // The INVITE once more, as a network may have held it back: answered again by B.
            net.agents[B].ring(net.now, leg);
        } else {
            net.agents[B].answer(net.now, leg, answer());
        }
        net.run_out();
        assert_eq!(net.ends(B), [&Event::Ended { leg, by: EndedBy::Peer, status: None }]);
        let said = (net.count("A CANCEL"), net.count("A BYE"));
        assert_eq!(said, if late == "B 100" { (1, 0) } else { (0, 1) });
        assert_eq!(net.ends(A).len(), 1, "told once");
    }
}

#[test]
fn a_cancel_that_meets_silence_ends_after_64_t1_and_a_late_2xx_is_met() {
    let mut net = Network::new();
    net.agents[A].invite(net.now, invitation(1));
    let leg = net.incoming(B);
    net.agents[B].ring(net.now, leg);
    net.until(A, |e| matches!(e, Event::Ringing { .. }).then_some(()));
    net.drop = Box::new(|_| true);
    net.agents[A].hang_up(net.now, LegId(1), 16, "");
    net.run_for(31_900);
    assert!(net.ends(A).is_empty());
    net.run_for(200);
    assert_eq!(net.ends(A), [&Event::Ended { leg: LegId(1), by: EndedBy::Us, status: None }]);
    net.drop = Box::new(|_| false);
    net.agents[B].answer(net.now, leg, answer());
    net.run_out();
    assert_eq!(net.ends(B), [&Event::Ended { leg, by: EndedBy::Peer, status: None }]);
    assert_eq!(net.ends(A).len(), 1);
}

#[test]
fn nobody_there_ends_at_once() {
    let mut net = Network::new();
    net.drop = Box::new(|_| true);
    net.agents[A].invite(net.now, invitation(1));
    net.run_for(50);
    let now = net.now;
    net.agents[A].transport_failed(now, address(B));
    net.collect();
    assert_eq!(net.ends(A), [&Event::Ended { leg: LegId(1), by: EndedBy::Lost, status: None }]);
}

#[test]
fn a_second_phone_that_answers_gets_ack_and_bye() {
    let mut net = Network::new();
    net.agents[A].invite(net.now, invitation(1));
    let leg = net.incoming(B);
    net.agents[B].answer(net.now, leg, answer());
    net.until(A, |e| matches!(e, Event::Answered { .. }).then_some(()));
    let ok = net.wire.iter().find(|sent| rung(sent) == "B 200").unwrap().text.clone();
    let tag = ok.lines().find(|l| l.starts_with("To:")).unwrap().split("tag=").nth(1).unwrap();
    let fork = ok.replace(tag, "otherphone");
    let now = net.now;
    for round in 0..2 {
        let sent = exchange(&mut net.agents[A], now, address(B), fork.as_bytes());
        let requests = requests(&sent);
        let methods: Vec<_> = requests.iter().map(|r| r.method.as_str()).collect();
        assert_eq!(methods, [&["ACK", "BYE"][..], &["ACK"]][round]);
        assert!(requests.iter().all(|r| r.to().tag() == Some("otherphone")));
    }
    assert!(net.ends(A).is_empty());
}

/// Any weather: every leg ends exactly once on each side, nothing is left, and both sides agree on
/// whether there was a call if one of them hung up in order.
#[test]
fn any_weather_ends_every_leg_once_and_leaves_nothing() {
    let mut answered = 0;
    for seed in 0..300 {
        let mut dice = Entropy::from_number(seed);
        let mut net = Network::with([settings(A), settings(B)], seed);
        net.weather =
            Weather { lost: dice.below(40), doubled: dice.below(40), jitter: dice.below(1500) };
        let plan = dice.below(6);
        let at = net.now;
        net.agents[A].invite(at, invitation(1));
        net.run_for(dice.below(4000));
        let theirs = net.events[B].iter().find_map(incoming);
        let now = net.now;
        if let Some(leg) = theirs {
            match plan {
                0 => net.agents[B].reject(now, leg, 486),
                1 => net.agents[B].hang_up(now, leg, 16, ""),
                2 => net.agents[B].ring(now, leg),
                _ => net.agents[B].answer(now, leg, answer()),
            }
        }
        net.run_for(dice.below(8000));
        let now = net.now;
        if plan < 3 {
            net.agents[A].hang_up(now, LegId(1), 16, "");
        }
        if let Some(leg) = theirs {
            net.run_for(dice.below(3000));
            let now = net.now;
            net.agents[B].hang_up(now, leg, 16, "");
        }
        net.run_for(40_000);
        let now = net.now;
        net.agents[A].hang_up(now, LegId(1), 16, "");
        // A call that came in late, or of which B heard no end.
        let open: Vec<LegId> = net.events[B].iter().filter_map(incoming).collect();
        for leg in open {
            net.agents[B].hang_up(now, leg, 16, "");
        }
        net.run_out();
        let context = format!("seed {seed}: {:?} {:?}", net.events, net.ladder());
        assert_eq!(net.ends(A).len(), 1, "{context}");
        let calls = net.events[B].iter().filter(|e| matches!(e, Event::Incoming { .. })).count();
        assert!(calls <= 1, "{context}");
        assert_eq!(net.ends(B).len(), calls, "{context}");
        assert_eq!((net.agents[A].legs(), net.agents[B].legs()), (0, 0), "{context}");
        answered += usize::from(net.events[A].iter().any(|e| matches!(e, Event::Answered { .. })));
    }
    assert!(answered > 50, "the weather must let some calls through: {answered}");
}
