//! Phones written by hand: registration, calls to contacts, feature codes, strangers.

use std::net::SocketAddr;

use super::network::*;
use crate::ident::{AttemptId, Entropy, InteractionId, LegId, Route, Secret};
use crate::phone::Ani;
use crate::sip::auth;
use crate::sip::message::{Message, Method, Request, Response, parse};
use crate::sip::{Admission, EndedBy, Event, From, Invitation, Orphan, Target, UserAgent};
use crate::time::{Duration, Timestamp};

const START: Timestamp = Timestamp::from_seconds(1_000_000);

fn phone() -> SocketAddr {
    "203.0.113.4:40000".parse().unwrap()
}

fn agent() -> UserAgent {
    UserAgent::new(settings(A), Entropy::from_number(4))
}

fn text(method: &str, uri: &str, user: &str, cseq: u32, more: &str, body: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.5:5062;branch=z9hG4bK{method}{cseq};rport\r\n\
         From: <sip:{user}@ringback>;tag=phone\r\nTo: <sip:{user}@ringback>\r\n\
         Call-ID: phone-{method}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n\
         {more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

const CONTACT: &str = "Contact: <sip:ann@10.0.0.5:5062>\r\n";

/// Sends a request; answers its challenge with that password.
fn authenticated(
    agent: &mut UserAgent,
    (method, uri): (&str, &str),
    (user, password): (&str, &str),
    (more, body): (&str, &str),
) -> Vec<Response> {
    let now = START;
    let first = text(method, uri, user, 1, more, body);
    let sent = exchange(agent, now, phone(), first.as_bytes());
    let [challenge] = responses(&sent)[..] else { panic!("{sent:?}") };
    assert_eq!(challenge.status, 401);
    let answer = credentials(challenge, method, uri, user, password);
    let second = text(method, uri, user, 2, &format!("{answer}\r\n{more}"), body);
    let sent = exchange(agent, now, phone(), second.as_bytes());
    assert!(sent.iter().all(|(to, _)| *to == phone()), "answered where it came from");
    responses(&sent).into_iter().cloned().collect()
}

fn credentials(
    challenge: &Response,
    method: &str,
    uri: &str,
    user: &str,
    password: &str,
) -> String {
    let Ok(Message::Request(request)) = parse(text(method, uri, user, 1, "", "").as_bytes()) else {
        panic!()
    };
    let mut entropy = Entropy::from_number(1);
    let password = Secret::new(password);
    let (name, value) =
        auth::answer(challenge, &request.method, uri, user, &password, &mut entropy).unwrap();
    format!("{name}: {value}")
}

fn register(agent: &mut UserAgent, user: &str, password: &str) -> u16 {
    let all = authenticated(agent, ("REGISTER", "sip:ringback"), (user, password), (CONTACT, ""));
    all[0].status
}

fn bound(contacts: usize) -> Event {
    Event::Bound { user: "ann".to_owned(), contacts, joined: contacts > 0 }
}

#[test]
fn a_phone_registers_expires_and_is_told() {
    let mut agent = agent();
    assert_eq!(register(&mut agent, "ann", "secret"), 200);
    assert_eq!(events(&mut agent), [bound(1)]);
    assert_eq!(agent.take_changed_users(), ["ann"]);
    assert!(agent.take_changed_users().is_empty());
    let (at, why) = agent.poll_timeout().unwrap();
    assert!(at <= START + Duration::from_secs(3600), "{why}");
    agent.handle_timeout(START + Duration::from_secs(3600));
    assert_eq!(events(&mut agent), [bound(0)]);
    assert_eq!(agent.take_changed_users(), ["ann"]);
}

#[test]
fn a_wrong_password_an_unknown_user_and_a_foreign_address_bind_nothing() {
    for (user, password) in [("ann", "wrong"), ("nobody", "secret"), ("nobody", "")] {
        let mut agent = agent();
        assert_eq!(register(&mut agent, user, password), 401, "{user}");
        assert!(agent.contacts(user).is_empty() && events(&mut agent).is_empty());
    }
    let mut agent = agent();
    let first = text("REGISTER", "sip:ringback", "bob", 1, CONTACT, "");
    let sent = exchange(&mut agent, START, phone(), first.as_bytes());
    let answer = credentials(responses(&sent)[0], "REGISTER", "sip:ringback", "ann", "secret");
    let more = format!("{answer}\r\n{CONTACT}");
    let second = text("REGISTER", "sip:ringback", "bob", 2, &more, "");
    let sent = exchange(&mut agent, START, phone(), second.as_bytes());
    assert_eq!(responses(&sent)[0].status, 403, "ann may not register bob");
    assert!(agent.contacts("bob").is_empty());
}

#[test]
fn guesses_are_cut_off() {
    let mut agent = agent();
    let mut last = 0;
    for n in 0..200 {
        let now = START + Duration::from_millis(n);
        let cseq = u32::try_from(n).unwrap();
        let guess = text("REGISTER", "sip:ringback", "ann", 2 * cseq + 10, CONTACT, "");
        let sent = exchange(&mut agent, now, phone(), guess.as_bytes());
        let challenge = responses(&sent)[0].clone();
        last = challenge.status;
        if last == 403 {
            break;
        }
        let answer = credentials(&challenge, "REGISTER", "sip:ringback", "ann", "guess");
        let more = format!("{answer}\r\n{CONTACT}");
        let guess = text("REGISTER", "sip:ringback", "ann", 2 * cseq + 11, &more, "");
        last = responses(&exchange(&mut agent, now, phone(), guess.as_bytes()))[0].status;
        if last == 403 {
            break;
        }
    }
    assert_eq!(last, 403);
    assert!(agent.contacts("ann").is_empty());
}

#[test]
fn bindings_outlive_the_process_and_a_call_goes_to_the_source_of_the_register() {
    let mut before = agent();
    register(&mut before, "ann", "secret");
    let kept = before.bindings("ann");
    let mut after = UserAgent::new(settings(A), Entropy::from_number(5));
    after.restore(START + Duration::from_secs(5), kept);
    assert!(events(&mut after).is_empty());
    let [contact] = after.contacts("ann")[..] else { panic!() };
    let target = Target::Contact(contact);
    after.invite(START, Invitation { target, ..invitation(1) });
    let sent = drain(&mut after);
    let [invite] = requests(&sent)[..] else { panic!() };
    assert_eq!((sent[0].0, invite.uri.as_str()), (phone(), "sip:ann@10.0.0.5:5062"));
    assert_eq!(invite.to().uri.as_str(), "sip:ann@ringback");
    let mut ok = Response::to(invite, 200, "OK");
    ok.set_to_tag("far");
    ok.headers.push("Contact", "<sip:ann@10.0.0.5:5062>");
    ok.set_body("application/sdp", answer().0);
    let sent = exchange(&mut after, START, phone(), &ok.to_bytes());
    assert_eq!((sent[0].0, &requests(&sent)[0].method), (phone(), &Method::Ack), "pinned");
    assert_eq!(events(&mut after), [Event::Answered { leg: LegId(1), answer: answer() }]);
    after.handle_timeout(START + Duration::from_secs(3600));
    assert_eq!(events(&mut after), [bound(0)]);
    after.hang_up(START, LegId(1), 16, "");
    assert_eq!(drain(&mut after)[0].0, phone(), "a leg needs no binding");
}

#[test]
fn a_2xx_without_a_description_is_ended() {
    let mut agent = agent();
    agent.invite(START, invitation(1));
    let sent = drain(&mut agent);
    let mut ok = Response::to(requests(&sent)[0], 200, "OK");
    ok.set_to_tag("far");
    let sent = exchange(&mut agent, START, address(B), &ok.to_bytes());
    let methods: Vec<_> = requests(&sent).iter().map(|r| r.method.clone()).collect();
    assert_eq!(methods, [Method::Ack, Method::Bye]);
    let bye = requests(&sent)[1].clone();
    exchange(&mut agent, START, address(B), &Response::to(&bye, 200, "OK").to_bytes());
    let end = Event::Ended { leg: LegId(1), by: EndedBy::Us, status: Some(488) };
    assert!(events(&mut agent).contains(&end));
}

#[test]
fn a_phone_that_says_nothing_is_given_up_in_time() {
    let mut agent = agent();
    register(&mut agent, "ann", "secret");
    events(&mut agent);
    let target = Target::Contact(agent.contacts("ann")[0]);
    let silence_max = Some(Duration::from_secs(2));
    agent.invite(START, Invitation { target, silence_max, ..invitation(1) });
    let sent = drain(&mut agent);
    let invite = requests(&sent)[0].clone();
    agent.handle_timeout(START + Duration::from_millis(1999));
    assert_eq!(events(&mut agent), []);
    agent.handle_timeout(START + Duration::from_secs(2));
    let end = Event::Ended { leg: LegId(1), by: EndedBy::Lost, status: None };
    assert_eq!(events(&mut agent), [end]);
    drain(&mut agent);
    let late = Response::to(&invite, 180, "Ringing");
    agent.handle_message(START + Duration::from_secs(3), phone(), Ok(Message::Response(late)));
    let sent = drain(&mut agent);
    let cancels = requests(&sent);
    assert_eq!((cancels.len(), &cancels[0].method), (1, &Method::Cancel));
    assert_eq!(cancels[0].top_via(), invite.top_via());
}

#[test]
fn an_orphan_of_the_registrar_is_cancelled_at_every_contact() {
    let attempt = AttemptId { interaction: InteractionId(1), serial: 1 };
    let mut before = agent();
    register(&mut before, "ann", "secret");
    let target = Target::Contact(before.contacts("ann")[0]);
    before.invite(START, Invitation { target, attempt: Some(attempt), ..invitation(1) });
    let sent = drain(&mut before);
    let invite = requests(&sent)[0].clone();
    let mut after = UserAgent::new(settings(A), Entropy::from_number(5));
    after.restore(START, before.bindings("ann"));
    let (route, callee) = (Route::Registrar, "ann".to_owned());
    let Invitation { caller, display_name, .. } = invitation(1);
    let orphan = Orphan { leg: LegId(2), attempt, route, callee, caller, display_name };
    after.hang_up_orphan(START, orphan);
    let sent = drain(&mut after);
    let cancels = requests(&sent);
    // A contact challenges nobody with success: there was one INVITE.
    assert_eq!(cancels.len(), 1);
    assert!(sent.iter().all(|(to, _)| *to == phone()));
    let cancel = cancels[0];
    assert_eq!((&cancel.method, &cancel.uri), (&Method::Cancel, &invite.uri));
    assert_eq!(cancel.top_via(), invite.top_via());
    assert_eq!((cancel.from().tag(), cancel.call_id()), (invite.from().tag(), invite.call_id()));
    assert_eq!((cancel.to(), cancel.cseq().number), (invite.to(), 1));
}

const OFFER: &str = "v=0 offer";
const SDP: &str = "Content-Type: application/sdp\r\nContact: <sip:ann@10.0.0.5:5062>\r\n";

#[test]
fn a_user_calls_by_digest_and_a_stranger_does_not() {
    let mut agent = agent();
    let sip = "sip:*46@ringback";
    let all = authenticated(&mut agent, ("INVITE", sip), ("ann", "secret"), (SDP, OFFER));
    assert_eq!(all[0].status, 100);
    let told = events(&mut agent);
    let [Event::Incoming { from, ani, dnis, .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(*from, From::User("ann".to_owned()));
    assert_eq!((ani.expose(), dnis.expose()), ("ann", "*46"));
    for user in ["ann", "stranger"] {
        let mut agent = self::agent();
        let all = authenticated(&mut agent, ("INVITE", sip), (user, "wrong"), (SDP, OFFER));
        assert_eq!(all[0].status, 401, "{user}: no telling who is known");
        assert!(events(&mut agent).is_empty());
        assert_eq!(agent.legs(), 0);
    }
}

#[test]
fn from_a_trunk_a_feature_code_needs_the_digest_and_nothing_else_does() {
    let table =
        [("ann", "*45", 401), ("ann", "100", 100), ("bob", "*45", 100), ("bob", "100", 100)];
    for (user, dialled, status) in table {
        let mut agent = agent();
        let uri = format!("sip:{dialled}@192.0.2.1");
        let invite = text("INVITE", &uri, user, 1, SDP, OFFER);
        let source = SocketAddr::new(address(B).ip(), 9999);
        let sent = exchange(&mut agent, START, source, invite.as_bytes());
        assert_eq!(responses(&sent)[0].status, status, "{user} {dialled}");
    }
}

/// Ann's phone in an answered call of ours, leg 1; and the Replaces that names it.
fn talking() -> (UserAgent, String) {
    let mut agent = agent();
    register(&mut agent, "ann", "secret");
    let target = Target::Contact(agent.contacts("ann")[0]);
    agent.invite(START, Invitation { target, ..invitation(1) });
    let sent = drain(&mut agent);
    let invite = requests(&sent)[0].clone();
    let mut ok = Response::to(&invite, 200, "OK");
    ok.set_to_tag("far");
    ok.set_body("application/sdp", answer().0);
    exchange(&mut agent, START, phone(), &ok.to_bytes());
    events(&mut agent);
    let ours = invite.from().tag().unwrap().to_owned();
    (agent, format!("{};to-tag={ours};from-tag=far", invite.call_id()))
}

#[test]
fn a_user_takes_over_their_own_call_and_nobody_else_does() {
    let uri = ("INVITE", "sip:ann@ringback");
    let table = [
        ("Replaces: NAMED\r\nRequire: replaces\r\n", 100),
        ("Replaces: xNAMED\r\n", 481),
        ("Replaces: NAMEDx\r\n", 481),
        ("Replaces: NAMED;early-only\r\n", 486),
        ("Replaces: NAMED\r\nReplaces: NAMED\r\n", 400),
        ("Replaces: NAMED, NAMED\r\n", 400),
        ("Replaces: \r\n", 400),
    ];
    for (header, status) in table {
        let (mut agent, named) = talking();
        let more = format!("{}{SDP}", header.replace("NAMED", &named));
        let all = authenticated(&mut agent, uri, ("ann", "secret"), (&more, OFFER));
        assert_eq!(all[0].status, status, "{header}");
        let told = events(&mut agent);
        let replaces = told.iter().find_map(|event| {
            if let Event::Incoming { replaces, .. } = event { Some(*replaces) } else { None }
        });
        assert_eq!(replaces, (status == 100).then_some(Some(LegId(1))), "{header}");
    }
    // A trunk that learnt the tags has no call of Ann's; nor does it pass for her.
    for (user, status) in [("bob", 481), ("ann", 401)] {
        let (mut agent, named) = talking();
        let more = format!("Replaces: {named}\r\n{SDP}");
        let invite = text("INVITE", "sip:100@192.0.2.1", user, 1, &more, OFFER);
        assert_eq!(self::status(&mut agent, &invite).unwrap().status, status, "{user}");
        let options = text("OPTIONS", "sip:100@192.0.2.1", user, 1, &more, OFFER);
        assert_eq!(self::status(&mut agent, &options).unwrap().status, 400);
    }
}

#[test]
fn identity_headers_are_believed_from_a_trunk_only() {
    let table = [
        ("P-Asserted-Identity: \"X\" <tel:+14155550100>\r\n", "+14155550100"),
        ("P-Asserted-Identity: <sip:h>, <tel:+14155550100>\r\n", "+14155550100"),
        ("P-Asserted-Identity: <sip:h>\r\nP-Asserted-Identity: <sip:7@h>\r\n", "7"),
        ("Remote-Party-ID: \"X\" <sip:7@h>;party=calling;screen=yes;privacy=off\r\n", "7"),
        ("Remote-Party-ID: <sip:8@h>;party=called, <sip:7@h>\r\n", "7"),
        ("Remote-Party-ID: <sip:8@h>\r\nP-Asserted-Identity: <sip:7@h>\r\n", "7"),
        ("Remote-Party-ID: <sip:8@h>;party=called\r\n", "bob"),
        ("P-Asserted-Identity: rubbish <\r\nP-Preferred-Identity: <sip:8@h>\r\n", "bob"),
    ];
    for (headers, expected) in table {
        let more = format!("{headers}{SDP}");
        let mut from_trunk = agent();
        let invite = text("INVITE", "sip:100@192.0.2.1", "bob", 1, &more, OFFER);
        exchange(&mut from_trunk, START, address(B), invite.as_bytes());
        let told = events(&mut from_trunk);
        let caller = told.iter().find_map(|event| {
            let Event::Incoming { ani, from: From::Trunk(_), .. } = event else { return None };
            Some(ani.expose())
        });
        assert_eq!(caller, Some(expected), "{headers}");
        let mut from_user = agent();
        let uri = "sip:100@ringback";
        authenticated(&mut from_user, ("INVITE", uri), ("ann", "secret"), (&more, OFFER));
        let told = events(&mut from_user);
        assert!(matches!(&told[..], [Event::Incoming { ani, .. }] if *ani == Ani::new("ann")));
    }
}

#[test]
fn what_only_we_may_tell_an_agent_is_dropped_when_it_comes_in() {
    let forged = format!(
        "X-Ringback-Interaction: forged\r\nX-Ringback-Data: forged\r\n\
         User-to-User: forged;encoding=hex\r\nAlert-Info: forged\r\n{SDP}"
    );
    let mut agent = agent();
    register(&mut agent, "ann", "secret");
    let invite = text("INVITE", "sip:100@192.0.2.1", "bob", 1, &forged, OFFER);
    let mut sent = exchange(&mut agent, START, address(B), invite.as_bytes());
    let told = events(&mut agent);
    let leg = told.iter().find_map(incoming).unwrap();
    assert!(!format!("{told:?}").contains("forged"));
    agent.answer(START, leg, answer());
    let target = Target::Contact(agent.contacts("ann")[0]);
    agent.invite(START, Invitation { target, ..invitation(1) });
    sent.extend(drain(&mut agent));
    let texts = sent.iter().map(|(_, message)| String::from_utf8(message.to_bytes()).unwrap());
    let texts: Vec<String> = texts.collect();
    assert!(texts.iter().any(|text| text.contains("X-Ringback-Interaction: one\r\n")));
    assert!(texts.iter().all(|text| !text.contains("forged")), "{texts:?}");
}

#[test]
fn a_phone_is_asked_whether_it_is_there() {
    let mut agent = agent();
    let told = |reachable| Event::ContactChecked { user: "ann".to_owned(), reachable };
    agent.check_contact(START, "ann");
    assert_eq!(events(&mut agent), [told(false)], "no contact");
    register(&mut agent, "ann", "secret");
    events(&mut agent);
    agent.check_contact(START, "ann");
    agent.check_contact(START, "ann");
    let sent = drain(&mut agent);
    let [options] = requests(&sent)[..] else { panic!("one check at a time") };
    assert_eq!((sent[0].0, &options.method), (phone(), &Method::Options));
    exchange(&mut agent, START, phone(), &Response::to(options, 404, "").to_bytes());
    assert_eq!(events(&mut agent), [told(true)], "any answer is one");
    agent.check_contact(START, "ann");
    agent.handle_timeout(START + Duration::from_millis(4999));
    assert!(events(&mut agent).is_empty());
    agent.handle_timeout(START + Duration::from_secs(5));
    assert_eq!(events(&mut agent), [told(false)]);
}

#[test]
fn a_reload_without_a_user_ends_his_bindings() {
    let mut agent = agent();
    register(&mut agent, "ann", "secret");
    events(&mut agent);
    let mut without = settings(A);
    without.users.clear();
    agent.reload(START, without);
    assert_eq!(events(&mut agent), [bound(0)]);
    assert!(agent.take_changed_users().contains(&"ann".to_owned()));
}

fn status(agent: &mut UserAgent, datagram: &str) -> Option<Response> {
    let sent = exchange(agent, START, address(B), datagram.as_bytes());
    responses(&sent).first().map(|response| (*response).clone())
}

#[test]
fn requests_that_fit_nothing_are_refused_by_what_would_fit() {
    let uri = "sip:100@192.0.2.1";
    let tagged = |method: &str| {
        text(method, uri, "bob", 1, "", "").replace("To: <sip:bob@ringback>", "To: <sip:x@y>;tag=z")
    };
    let table = [
        (text("BYE", uri, "bob", 1, "", ""), 481, ""),
        (text("CANCEL", uri, "bob", 1, "", ""), 481, ""),
        (tagged("INVITE"), 481, ""),
        (tagged("OPTIONS"), 481, ""),
        (text("MESSAGE", uri, "bob", 1, "", ""), 405, "Allow"),
        (text("UPDATE", uri, "bob", 1, "", ""), 481, ""),
        (text("INFO", uri, "bob", 1, "", ""), 481, ""),
        (text("REFER", uri, "bob", 1, "Refer-To: <sip:1@h>\r\n", ""), 403, ""),
        (text("FROB", uri, "bob", 1, "", ""), 501, "Allow"),
        (text("OPTIONS", "isbn:123", "bob", 1, "", ""), 416, ""),
        (text("OPTIONS", uri, "bob", 1, "Require: 100rel, x\r\n", ""), 420, "Unsupported"),
        (text("INVITE", uri, "bob", 1, "Accept: text/plain\r\n", ""), 406, ""),
        (text("INVITE", uri, "bob", 1, "Content-Type: text/plain\r\n", "hi"), 415, "Accept"),
        (
            text("OPTIONS", uri, "bob", 1, "Max-Forwards: 0\r\n", "").replacen(
                "Max-Forwards: 70\r\n",
                "",
                1,
            ),
            200,
            "Supported",
        ),
    ];
    for (datagram, expected, header) in table {
        let response = status(&mut agent(), &datagram).unwrap();
        assert_eq!(response.status, expected, "{datagram}");
        assert!(header.is_empty() || response.headers.contains(header), "{header}: {response:?}");
        assert!(response.to_header().tag().is_some(), "every final response has a To tag");
    }
    let mut agent = agent();
    let invite = text("INVITE", uri, "bob", 1, SDP, OFFER);
    assert_eq!(status(&mut agent, &invite).unwrap().status, 100);
    let other_path = invite.replace("branch=z9hG4bKINVITE1", "branch=z9hG4bKother");
    assert_eq!(status(&mut agent, &other_path).unwrap().status, 482);
}

#[test]
fn what_is_not_taken_gets_503_once_it_is_known_whose_it_is() {
    let table = [
        ("INVITE", false, true, 503, 401),
        ("OPTIONS", false, true, 503, 503),
        ("REGISTER", false, true, 401, 401),
        ("REGISTER", true, false, 401, 401),
        ("OPTIONS", true, false, 200, 200),
        ("INVITE", true, false, 100, 401),
    ];
    for (method, calls, registrations, to_trunk, to_stranger) in table {
        let sources = [(address(B), to_trunk), (phone(), to_stranger)];
        for (source, expected) in sources {
            let mut agent = agent();
            agent.admit_only(Admission { calls, registrations });
            let asked = text(method, "sip:100@ringback", "bob", 1, SDP, OFFER);
            let sent = exchange(&mut agent, START, source, asked.as_bytes());
            let response = responses(&sent)[0];
            assert_eq!(response.status, expected, "{method} {calls} {registrations} {source}");
            let later = (expected == 503).then_some(5);
            assert_eq!(response.headers.retry_after(), later);
        }
    }
    let mut earlier = agent();
    register(&mut earlier, "ann", "secret");
    let (mut agent, before) = (agent(), earlier.bindings("ann"));
    agent.restore(START, before.clone());
    agent.admit_only(Admission { calls: true, registrations: false });
    let refused = authenticated(
        &mut agent,
        ("REGISTER", "sip:ringback"),
        ("ann", "secret"),
        (&CONTACT.replace("5062", "5064"), ""),
    );
    assert_eq!((refused[0].status, refused[0].headers.retry_after()), (503, Some(5)));
    assert_eq!(agent.bindings("ann"), before, "what is bound stays");
}

#[test]
fn past_the_legs_a_call_gets_503_and_the_calls_in_hand_go_on() {
    let mut agent = agent();
    let mut first: Option<Request> = None;
    for n in 0..=crate::sip::LEGS_MAX {
        let invite = text("INVITE", "sip:100@192.0.2.1", "bob", 1, SDP, OFFER)
            .replace("Call-ID: phone", &format!("Call-ID: {n}-phone"))
            .replace("branch=z9hG4bK", &format!("branch=z9hG4bK{n}-"));
        // From many hosts behind one gateway network, as a half-open bound holds for each source.
        let source = format!("198.51.{}.{}:5060", n / 250, n % 250).parse().unwrap();
        agent.settings.trunks[0].accept_from = vec![("198.51.0.0".parse().unwrap(), 16)];
        if first.is_none() {
            let Ok(Message::Request(request)) = parse(invite.as_bytes()) else { panic!() };
            first = Some(request);
            let settings = agent.settings.clone();
            agent.reload(START, settings);
        }
        let sent = exchange(&mut agent, START, source, invite.as_bytes());
        let response = responses(&sent)[0];
        if n < crate::sip::LEGS_MAX {
            assert_eq!(response.status, 100, "{n}");
        } else {
            assert_eq!(response.status, 503);
            assert_eq!(response.headers.retry_after(), Some(5));
        }
    }
    let told = events(&mut agent);
    let leg = told.iter().find_map(incoming).unwrap();
    agent.answer(START, leg, answer());
    assert_eq!(responses(&drain(&mut agent))[0].status, 200);
}
