//! Requests inside a dialog, written by hand: re-INVITEs and keys.

use super::network::*;
use crate::ident::LegId;
use crate::session::SessionOffer;
use crate::sip::Event;

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
    assert_eq!(events(&mut net.agents[B]), [Event::Reoffered { leg, offer: offer() }]);
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
    let six = net.inside("INVITE", 6, "", "");
    assert_eq!(net.status(&six), [488], "no offer");
    let late = reinvite(&net, 3).replace("INVITE3", "late");
    assert_eq!(net.status(&late), [500], "out of order");
    assert!(net.ends(B).is_empty() && net.agents[B].legs() == 1);
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
