//! Trunks: challenge, capacity, breaker, health.

use super::network::*;
use crate::ident::{LegId, Secret, TrunkId};
use crate::sip::{EndedBy, Event, From, Invitation};
use crate::time::Duration;

fn capacities(events: &[Event]) -> Vec<u32> {
    events
        .iter()
        .filter_map(
            |event| {
                if let Event::TrunkCapacity { free, .. } = event { Some(*free) } else { None }
            },
        )
        .collect()
}

#[test]
fn a_challenge_is_answered_by_a_second_invite_of_the_same_call() {
    let mut stranger = settings(B);
    stranger.trunks.clear();
    let mut net = Network::with([settings(A), stranger], 5);
    let leg = net.connect(1);
    assert_eq!(net.ladder()[..3], ["A INVITE", "B 401", "A ACK"]);
    let invites: Vec<_> = net.wire.iter().filter(|sent| rung(sent) == "A INVITE").collect();
    let line = |n: usize, name: &str| {
        invites[n].text.lines().find(|line| line.starts_with(name)).unwrap().to_owned()
    };
    for same in ["Call-ID", "From", "To"] {
        assert_eq!(line(0, same), line(1, same));
    }
    assert_ne!(line(0, "Via"), line(1, "Via"));
    assert_eq!(line(1, "CSeq"), "CSeq: 2 INVITE");
    assert!(net.events[B].iter().any(|event| matches!(
        event,
        Event::Incoming { from: From::User(user), .. } if user == "ann"
    )));
    net.agents[A].hang_up(net.now, LegId(1), 16, "");
    net.run_out();
    assert_eq!(net.ends(B), [&Event::Ended { leg, by: EndedBy::Peer, status: None }]);
}

#[test]
fn the_caller_is_who_the_invitation_says_else_whom_the_trunk_says_else_we() {
    let table = [
        ("+14155550199", Some("+14155550100"), "+14155550199"),
        ("+14155550199", None, "+14155550199"),
        ("", Some("+14155550100"), "+14155550100"),
        ("", None, "ringback"),
    ];
    for (caller, caller_id, expected) in table {
        let mut dialling = settings(A);
        dialling.trunks[0].caller_id = caller_id.map(str::to_owned);
        let mut net = Network::with([dialling, settings(B)], 5);
        let caller = caller.to_owned();
        net.agents[A].invite(net.now, Invitation { caller, ..invitation(1) });
        let ani = net.until(B, |event| {
            let Event::Incoming { ani, .. } = event else { return None };
            Some(ani.expose().to_owned())
        });
        assert_eq!(ani, expected, "{caller_id:?}");
    }
}

#[test]
fn wrong_credentials_end_after_two_invites_and_open_the_breaker() {
    let mut wrong = settings(A);
    wrong.trunks[0].credentials = Some(("ann".to_owned(), Secret::new("wrong")));
    let mut stranger = settings(B);
    stranger.trunks.clear();
    let mut net = Network::with([wrong, stranger], 5);
    net.agents[A].invite(net.now, invitation(1));
    net.run_for(200);
    assert_eq!(net.count("A INVITE"), 2);
    assert_eq!(
        net.ends(A),
        [&Event::Ended { leg: LegId(1), by: EndedBy::Peer, status: Some(401) }]
    );
    assert_eq!(capacities(&net.events[A]), [9, 0]);
}

#[test]
fn capacity_is_told_before_the_end_that_changes_it() {
    let mut net = Network::new();
    net.agents[A].invite(net.now, invitation(1));
    let leg = net.incoming(B);
    net.agents[B].reject(net.now, leg, 503);
    net.run_for(100);
    let trunk = TrunkId::new("peer");
    let told = |free| Event::TrunkCapacity { trunk: trunk.clone(), free };
    let end = Event::Ended { leg: LegId(1), by: EndedBy::Peer, status: Some(503) };
    assert_eq!(net.events[A], [told(9), told(0), end]);
    assert_eq!(net.agents[A].trunk_free(&trunk), 0);
    net.run_for(1000);
    assert_eq!(net.agents[A].trunk_free(&trunk), 1, "half open");
    net.agents[A].invite(net.now, invitation(2));
    net.agents[A].invite(net.now, invitation(3));
    net.collect();
    let refused = Event::Ended { leg: LegId(3), by: EndedBy::Us, status: Some(503) };
    assert_eq!(net.events[A].last(), Some(&refused), "one probe a step");
    net.events[B].clear();
    let leg = net.incoming(B);
    net.agents[B].reject(net.now, leg, 486);
    net.run_for(100);
    assert_eq!(net.agents[A].trunk_free(&trunk), 10, "busy is an answer");
    assert_eq!(net.count("A INVITE"), 2);
}

#[test]
fn a_dead_trunk_gets_one_invite_a_step() {
    let mut net = Network::new();
    net.drop = Box::new(|_| true);
    let trunk = TrunkId::new("peer");
    let mut dials = 0;
    for second in 0..120 {
        if net.agents[A].trunk_free(&trunk) > 0 && net.agents[A].legs() == 0 {
            dials += 1;
            net.agents[A].invite(net.now, invitation(100 + second));
        }
        let now = net.now;
        net.run_for(50);
        if net.agents[A].legs() > 0 {
            net.agents[A].transport_failed(now, address(B));
        }
        net.run_for(950);
    }
    // At 0, then after steps of 1, 2, 4, 8, 16, 32 s.
    assert_eq!(dials, 7);
}

#[test]
fn incoming_calls_take_channels_too() {
    let mut net = Network::new();
    net.agents[A].invite(net.now, invitation(1));
    let leg = net.incoming(B);
    assert_eq!(net.agents[B].trunk_free(&TrunkId::new("peer")), 9);
    net.agents[B].reject(net.now, leg, 486);
    net.run_out();
    assert_eq!(capacities(&net.events[B]), [9, 10]);
}

#[test]
fn options_find_a_trunk_dead_and_alive_again() {
    let mut watching = settings(A);
    watching.trunks[0].options_interval = Some(Duration::from_secs(10));
    let mut net = Network::with([watching, settings(B)], 3);
    net.run_for(15_000);
    assert!(capacities(&net.events[A]).is_empty());
    assert_eq!(net.count("A OPTIONS"), 2, "at once, and by the interval");
    net.drop = Box::new(|_| true);
    net.run_for(10_000);
    assert_eq!(capacities(&net.events[A]), [0]);
    net.agents[A].invite(net.now, invitation(1));
    net.collect();
    assert_eq!(
        net.events[A].last(),
        Some(&Event::Ended { leg: LegId(1), by: EndedBy::Us, status: Some(503) })
    );
    net.drop = Box::new(|_| false);
    net.run_for(10_000);
    assert_eq!(capacities(&net.events[A]), [0, 10]);
}

#[test]
fn a_reload_keeps_calls_and_tells_new_capacity() {
    let mut net = Network::new();
    let leg = net.connect(1);
    let mut more = settings(A);
    more.trunks[0].channels = 20;
    net.agents[A].reload(net.now, more);
    net.collect();
    assert_eq!(capacities(&net.events[A]), [9, 19]);
    let mut none = settings(A);
    none.trunks.clear();
    net.agents[A].reload(net.now, none);
    net.collect();
    assert_eq!(capacities(&net.events[A]), [9, 19, 0]);
    net.agents[A].hang_up(net.now, LegId(1), 16, "");
    net.run_out();
    assert_eq!(net.ends(B), [&Event::Ended { leg, by: EndedBy::Peer, status: None }]);
    assert_eq!(capacities(&net.events[A]), [9, 19, 0]);
}

#[test]
fn a_registration_is_told_and_reached() {
    let mut stranger = settings(B);
    stranger.trunks.clear();
    let mut net = Network::with([settings(A), stranger.clone()], 6);
    let trunk = TrunkId::new("peer");
    let told = |accepted| Event::Registered { trunk: trunk.clone(), accepted };
    net.agents[A].register(net.now, &trunk, Duration::from_secs(300));
    net.until(A, |event| (*event == told(true)).then_some(()));
    assert_eq!(net.ladder(), ["A REGISTER", "B 401", "A REGISTER", "B 200"]);
    let [contact] = net.agents[B].contacts("ann")[..] else { panic!("{:?}", net.events) };
    let target = crate::sip::Target::Contact(contact);
    net.agents[B].invite(net.now, crate::sip::Invitation { target, ..invitation(7) });
    let leg = net.incoming(A);
    net.agents[A].answer(net.now, leg, answer());
    net.until(B, |event| matches!(event, Event::Answered { .. }).then_some(()));
    net.agents[B].hang_up(net.now, LegId(7), 16, "");
    net.run_for(1000);
    assert_eq!(net.ends(A), [&Event::Ended { leg, by: EndedBy::Peer, status: None }]);

    let mut wrong = settings(A);
    wrong.trunks[0].credentials = Some(("ann".to_owned(), Secret::new("wrong")));
    let mut net = Network::with([wrong, stranger], 6);
    net.agents[A].register(net.now, &trunk, Duration::from_secs(300));
    net.until(A, |event| (*event == told(false)).then_some(()));
    assert_eq!(net.count("A REGISTER"), 2);
    assert!(net.agents[B].contacts("ann").is_empty());
}
