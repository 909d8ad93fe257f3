//! The scenario texts of the wire: `tests/scenarios/wire/*.txt`, one rule of the product each.
//!
//! ```text
//! # Proves: the sentence, and where it stands
//! # Breaks under: name.patch
//! with show=Contact,Expires
//!
//! == again after an hour
//! 0 ann REGISTER sip:ringback as=ann:secret
//! + Contact: <sip:ann@10.0.0.5:5062>
//!     > ann 401 Unauthorized
//!     > ann 200 OK
//!       Contact: <sip:ann@10.0.0.5:5062>;expires=3600
//!     ! bound ann 1
//! 0 invite one ann
//! ```
//!
//! A line is a message of somebody (`ann`, a phone; `pbx`, the trunk; `stranger`) or an order, at a
//! second; lines with `+` are its headers. What comes of it is indented: `>` leaves, with the
//! headers that the text wants shown, `!` is told. `second (reason)` is a deadline that passed.
//! What is sent again is shown once. `==` begins anew; legs are named by the order that makes them,
//! and `in/1`, `in/2` in the order they come in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;

use super::network::{B, address, answer, invitation, settings};
use crate::ident::{Entropy, LegId, ReferId, Secret, TrunkId};
use crate::session::{SessionAnswer, SessionOffer};
use crate::sip::auth;
use crate::sip::auto_answer::AutoAnswer;
use crate::sip::message::{Message, Method, Request, Response, parse};
use crate::sip::{Event, From, Invitation, Settings, Target, UserAgent};
use crate::time::{Duration, Timestamp};

const START: Timestamp = Timestamp::from_seconds(1_000_000);

#[test]
fn every_text_of_the_wire_holds() {
    crate::tests::scenarios("wire", 14, told);
}

/// The text as it must be.
fn told(text: &str) -> String {
    let mut stage = Stage::new(settings(0), BTreeSet::new());
    let (mut given, mut shown) = (settings(0), BTreeSet::new());
    let is_output = |line: &&str| {
        line.starts_with(' ') || line.split_once(' ').is_some_and(|(_, rest)| rest.starts_with('('))
    };
    let lines: Vec<&str> = text.lines().filter(|line| !is_output(line)).collect();
    let mut out = String::new();
    for (n, line) in lines.iter().enumerate() {
        if line.is_empty() || line.starts_with(['#', '+', '=']) || line.starts_with("with ") {
            if line.starts_with("==") {
                stage = Stage::new(given.clone(), shown.clone());
            }
            if let Some(change) = line.strip_prefix("with ") {
                vary(&mut given, &mut shown, change);
                stage = Stage::new(given.clone(), shown.clone());
            }
            if !line.starts_with('+') {
                writeln!(out, "{line}").unwrap();
            }
            continue;
        }
        let more = lines[n + 1..].iter().map_while(|line| line.strip_prefix("+ "));
        let more: Vec<&str> = more.collect();
        let headers: String = more.iter().map(|header| format!("{header}\r\n")).collect();
        let (second, words) = line.split_once(' ').unwrap();
        let now = START + Duration::from_millis((second.parse::<f64>().unwrap() * 1000.0) as u64);
        stage.pass(now);
        out.push_str(&std::mem::take(&mut stage.log));
        writeln!(out, "{line}").unwrap();
        more.iter().for_each(|header| writeln!(out, "+ {header}").unwrap());
        stage.happens(now, words, &headers);
        out.push_str(&std::mem::take(&mut stage.log));
    }
    out
}

fn vary(settings: &mut Settings, shown: &mut BTreeSet<String>, changes: &str) {
    let trunk = &mut settings.trunks[0];
    for (key, value) in changes.split(' ').filter_map(|change| change.split_once('=')) {
        match key {
            "show" => *shown = value.split(',').map(str::to_owned).collect(),
            "caller_id" => trunk.caller_id = Some(value.to_owned()),
            "channels" => trunk.channels = value.parse().unwrap(),
            "options" => {
                trunk.options_interval = Some(Duration::from_secs(value.parse().unwrap()));
            }
            other => panic!("{other}"),
        }
    }
}

/// A party and its socket.
fn source(party: &str) -> SocketAddr {
    match party {
        "ann" => "203.0.113.4:40000".parse().unwrap(),
        "pbx" => address(B),
        "stranger" => "198.51.100.9:5060".parse().unwrap(),
        other => panic!("{other} is nobody"),
    }
}

/// How a party names its own end: a phone behind a gateway says an address of its own net.
fn contact(party: &str) -> &'static str {
    if party == "pbx" { "<sip:there@192.0.2.2:5060>" } else { "<sip:there@10.0.0.5>" }
}

fn party(to: SocketAddr) -> String {
    let known = ["ann", "pbx", "stranger"].into_iter().find(|name| source(name) == to);
    known.map_or(to.to_string(), str::to_owned)
}

/// What a party needs to speak inside a call: how it and we are named, the Call-ID.
#[derive(Clone)]
struct Inside {
    theirs: String,
    ours: String,
    call_id: String,
    cseq: u32,
}

struct Stage {
    agent: UserAgent,
    shown: BTreeSet<String>,
    legs: BTreeMap<String, LegId>,
    calls: BTreeMap<String, Inside>,
    /// What we asked and was not answered at last.
    asked: Vec<(SocketAddr, Request)>,
    refer: Option<ReferId>,
    sent: BTreeSet<Vec<u8>>,
    serial: u32,
    log: String,
}

impl Stage {
    fn new(settings: Settings, shown: BTreeSet<String>) -> Self {
        Self {
            agent: UserAgent::new(settings, Entropy::from_number(4)),
            shown,
            legs: BTreeMap::new(),
            calls: BTreeMap::new(),
            asked: Vec::new(),
            refer: None,
            sent: BTreeSet::new(),
            serial: 0,
            log: String::new(),
        }
    }

    /// Time goes on to `now`; the deadlines before it are shown if something comes of them.
    fn pass(&mut self, now: Timestamp) {
        while let Some((at, reason)) = self.agent.poll_timeout().filter(|(at, _)| *at < now) {
            self.agent.handle_timeout(at);
            let before = std::mem::take(&mut self.log);
            self.show();
            let came = std::mem::replace(&mut self.log, before);
            if !came.is_empty() {
                let second = at.since(START).as_millis() as f64 / 1000.0;
                writeln!(self.log, "{second} ({reason})\n{}", came.trim_end_matches('\n')).unwrap();
            }
        }
    }

    fn happens(&mut self, now: Timestamp, text: &str, headers: &str) {
        let words: Vec<&str> = text.split(' ').collect();
        let pairs: BTreeMap<&str, &str> =
            words.iter().filter_map(|word| word.split_once('=')).collect();
        match words[..] {
            [name @ ("ann" | "pbx" | "stranger"), what, ..] => match what.parse::<u16>() {
                Ok(status) => self.responds(now, name, (status, words[2]), headers, &pairs),
                Err(_) => self.asks(now, name, (what, words.get(2).copied()), headers, &pairs),
            },
            _ => self.order(now, &words, headers, &pairs),
        }
        self.show();
    }

    /// A party sends a request, and answers our challenge if it has a password.
    fn asks(
        &mut self,
        now: Timestamp,
        name: &str,
        (method, uri): (&str, Option<&str>),
        headers: &str,
        pairs: &BTreeMap<&str, &str>,
    ) {
        let inside = pairs.get("in").map(|leg| self.calls[*leg].clone());
        let uri = uri.filter(|uri| uri.contains(':')).unwrap_or("sip:ringback@192.0.2.1");
        self.serial += 1;
        let (user, password) = pairs.get("as").map_or((name, None), |who| {
            who.split_once(':').map_or((*who, None), |(user, password)| (user, Some(password)))
        });
        let fresh = || Inside {
            theirs: format!("<sip:{user}@ringback>;tag=phone"),
            ours: format!("<sip:{user}@ringback>"),
            call_id: format!("call-{}", self.serial),
            cseq: 0,
        };
        let mut call = inside.unwrap_or_else(fresh);
        let (kind, body) = body(pairs);
        let headers = &format!("{kind}{}", self.named(headers));
        call.cseq = pairs.get("cseq").map_or(call.cseq + 1, |cseq| cseq.parse().unwrap());
        let contact = format!("Contact: {}\r\n", contact(name));
        let contact = if headers.contains("Contact:") { "" } else { &contact };
        let headers = &format!("{contact}{headers}");
        let first = self.request(&call, method, uri, headers, &body);
        self.hear(now, name, &first);
        let challenge = self.last_response(401);
        if let Some((challenge, password)) = challenge.zip(password) {
            let mut entropy = Entropy::from_number(1);
            let (asked, secret) = (method_named(method), Secret::new(password));
            let answer = auth::answer(&challenge, &asked, uri, user, &secret, &mut entropy);
            let (header, value) = answer.unwrap();
            call.cseq += 1;
            let more = format!("{header}: {value}\r\n{headers}");
            let second = self.request(&call, method, uri, &more, &body);
            self.show();
            self.hear(now, name, &second);
        }
        match pairs.get("in") {
            Some(leg) => _ = self.calls.insert((*leg).to_owned(), call),
            None => _ = self.calls.insert("next".to_owned(), call),
        }
    }

    /// `NAMED one` stands for the call of that leg, as a Replaces names it, and in a URI
    /// `<sip:bob@h?JOINING one>` for that Replaces.
    fn named(&self, headers: &str) -> String {
        let named = |leg: &str| {
            let call = &self.calls[leg];
            let tag = |side: &str| side.split_once("tag=").unwrap().1.to_owned();
            let (ours, theirs) = (tag(&call.ours), tag(&call.theirs));
            format!("{};to-tag={ours};from-tag={theirs}", call.call_id)
        };
        if let Some((before, rest)) = headers.split_once("JOINING ") {
            let (leg, after) = rest.split_once('>').unwrap();
            let escaped = named(leg).replace('@', "%40").replace(';', "%3B").replace('=', "%3D");
            return format!("{before}Replaces={escaped}>{after}");
        }
        let Some((before, rest)) = headers.split_once("NAMED ") else { return headers.to_owned() };
        let (leg, after) = rest.split_once("\r\n").unwrap();
        format!("{before}{}\r\n{after}", named(leg))
    }

    fn request(&self, call: &Inside, method: &str, uri: &str, more: &str, body: &str) -> String {
        format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/UDP 10.0.0.5:5062;branch=z9hG4bK{}{}{};rport\r\n\
             From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} {method}\r\nMax-Forwards: 70\r\n\
             {more}Content-Length: {}\r\n\r\n{body}",
            call.call_id,
            method,
            call.cseq,
            call.theirs,
            call.ours,
            call.call_id,
            call.cseq,
            body.len()
        )
    }

    /// The last thing that waits to be shown, if it is this response.
    fn last_response(&mut self, status: u16) -> Option<Response> {
        let all: Vec<_> = std::iter::from_fn(|| self.agent.poll_transmit()).collect();
        let mut found = None;
        for transmit in all {
            if let Ok(Message::Response(response)) = parse(&transmit.bytes) {
                found = (response.status == status).then_some(response);
            }
            self.leaves(transmit.to, transmit.bytes);
        }
        found
    }

    fn hear(&mut self, now: Timestamp, name: &str, datagram: &str) {
        self.agent.handle_message(now, source(name), parse(datagram.as_bytes()));
    }

    /// A party answers the last such request of ours to it.
    fn responds(
        &mut self,
        now: Timestamp,
        name: &str,
        (status, method): (u16, &str),
        headers: &str,
        pairs: &BTreeMap<&str, &str>,
    ) {
        let is_meant = |(to, asked): &(SocketAddr, Request)| {
            *to == source(name) && asked.method == method_named(method)
        };
        let Some(at) = self.asked.iter().rposition(is_meant) else {
            writeln!(self.log, "    (no {method} of ours to answer)").unwrap();
            return;
        };
        let asked = self.asked[at].1.clone();
        let mut response = Response::to(&asked, status, "");
        response.set_to_tag("far");
        response.headers.push("Contact", contact(name));
        for (header, value) in headers.lines().filter_map(|line| line.split_once(": ")) {
            response.headers.push(header, value);
        }
        if pairs.contains_key("sdp") {
            response.set_body("application/sdp", answer().0);
        }
        if status >= 200 {
            self.asked.remove(at);
        }
        if let (Method::Invite, Some(leg)) = (&asked.method, pairs.get("in")) {
            let theirs = response.headers.get("To").unwrap().to_owned();
            let ours = asked.headers.get("From").unwrap().to_owned();
            let call_id = asked.call_id().to_owned();
            self.calls.insert((*leg).to_owned(), Inside { theirs, ours, call_id, cseq: 0 });
        }
        let text = String::from_utf8(response.to_bytes()).unwrap();
        self.hear(now, name, &text);
    }

    fn order(
        &mut self,
        now: Timestamp,
        words: &[&str],
        headers: &str,
        pairs: &BTreeMap<&str, &str>,
    ) {
        let leg = |stage: &Self| stage.legs[words[1]];
        match words[0] {
            "tick" => self.agent.handle_timeout(now),
            "invite" => self.invite(now, words[1], words[2], headers, pairs),
            "answer" => self.agent.answer(now, leg(self), SessionAnswer(b"v=0 answer".to_vec())),
            "answer-with-offer" => {
                let offer = SessionOffer(b"v=0 offer".to_vec());
                self.agent.answer_with_offer(now, leg(self), offer);
            }
            "reject" => self.agent.reject(now, leg(self), words[2].parse().unwrap()),
            "ring" => self.agent.ring(now, leg(self)),
            "hang-up" => self.agent.hang_up(now, leg(self), words[2].parse().unwrap(), ""),
            "cancel" => self.agent.cancel(now, leg(self), words[2].parse().unwrap()),
            "probe" => self.agent.probe(now, leg(self)),
            "accept-refer" => self.agent.accept_refer(now, self.refer.unwrap()),
            "refuse-refer" => {
                let (refer, status) = (self.refer.unwrap(), words[1].parse().unwrap());
                self.agent.reject_refer(now, refer, status, "not permitted");
            }
            "refer-progress" => {
                let (refer, status) = (self.refer.unwrap(), words[1].parse().unwrap());
                self.agent.refer_progress(now, refer, status);
            }
            "check" => self.agent.check_contact(now, words[1]),
            "free" => {
                let free = self.agent.trunk_free(&TrunkId::new("peer"));
                writeln!(self.log, "    ! free {free}").unwrap();
            }
            other => panic!("{other}"),
        }
    }

    fn invite(
        &mut self,
        now: Timestamp,
        name: &str,
        to: &str,
        headers: &str,
        pairs: &BTreeMap<&str, &str>,
    ) {
        let leg = LegId(100 + self.legs.len() as u64);
        self.legs.insert(name.to_owned(), leg);
        let seconds = |key| pairs.get(key).map(|n| Duration::from_secs(n.parse().unwrap()));
        let plain = invitation(leg.0);
        let target = match to {
            "pbx" => Target::Trunk(TrunkId::new("peer")),
            user => Target::Contact(self.agent.contacts(user)[0]),
        };
        let given = headers.lines().filter_map(|line| line.split_once(": "));
        let leaked = |name: &str| -> &'static str { Box::leak(name.to_owned().into_boxed_str()) };
        let mut headers: Vec<_> =
            given.map(|(name, value)| (leaked(name), value.to_owned())).collect();
        headers
            .extend(pairs.get("answers").map_or(AutoAnswer::Off, |how| auto_answer(how)).headers());
        self.agent.invite(
            now,
            Invitation {
                target,
                caller: pairs.get("by").map_or(plain.caller, |by| (*by).to_owned()),
                display_name: pairs.get("name").map_or(plain.display_name, |it| (*it).to_owned()),
                ring_timeout: seconds("rings").unwrap_or(plain.ring_timeout),
                silence_max: seconds("silence"),
                headers,
                ..plain
            },
        );
    }

    /// All that leaves and is told.
    fn show(&mut self) {
        while let Some(transmit) = self.agent.poll_transmit() {
            self.leaves(transmit.to, transmit.bytes);
        }
        while let Some(event) = self.agent.poll_event() {
            let text = self.event(&event);
            writeln!(self.log, "    ! {text}").unwrap();
        }
    }

    fn leaves(&mut self, to: SocketAddr, bytes: Vec<u8>) {
        let message = parse(&bytes).expect("we understand ourselves");
        if !self.sent.insert(bytes) {
            return;
        }
        let what = match &message {
            Message::Request(request) => {
                format!("{} {}", request.method.as_str(), request.uri.as_str())
            }
            Message::Response(response) => {
                format!("{} {}", response.status, response.headers.cseq().unwrap().method.as_str())
            }
        };
        writeln!(self.log, "    > {} {what}", party(to)).unwrap();
        for name in &self.shown {
            for value in message.headers().all(name) {
                writeln!(self.log, "      {name}: {value}").unwrap();
            }
        }
        match message {
            Message::Request(request) if request.method == Method::Ack => {}
            Message::Request(request) => self.asked.push((to, request)),
            Message::Response(response) => {
                // Inside the call its Contact is how we are named.
                let tagged = response.headers.get("To").unwrap_or_default().to_owned();
                for call in self.calls.values_mut().filter(|it| it.call_id == response.call_id()) {
                    call.ours.clone_from(&tagged);
                }
            }
        }
    }

    fn name(&self, leg: LegId) -> String {
        let known = self.legs.iter().find(|(_, known)| **known == leg);
        known.map_or("?".to_owned(), |(name, _)| name.clone())
    }

    fn event(&mut self, event: &Event) -> String {
        match event {
            Event::Incoming { leg, ani, dnis, from, offer, replaces } => {
                let known = self.legs.keys().filter(|name| name.starts_with("in/")).count();
                let name = format!("in/{}", known + 1);
                self.legs.insert(name.clone(), *leg);
                if let Some(call) = self.calls.remove("next") {
                    self.calls.insert(name.clone(), call);
                }
                let from = match from {
                    From::Trunk(trunk) => format!("trunk {trunk}"),
                    From::User(user) => format!("user {user}"),
                };
                let late = if offer.is_none() { " without an offer" } else { "" };
                let replaces = replaces.map(|leg| format!(" in place of {}", self.name(leg)));
                let (ani, dnis) = (ani.expose(), dnis.expose());
                let replaces = replaces.unwrap_or_default();
                format!("incoming {name} from {from}: {ani} calls {dnis}{late}{replaces}")
            }
            Event::Established { leg, .. } => format!("established {}", self.name(*leg)),
            Event::Ringing { leg } => format!("ringing {}", self.name(*leg)),
            Event::Answered { leg, .. } => format!("answered {}", self.name(*leg)),
            Event::Reoffered { leg, offer } => {
                let what = if offer.is_some() { "reoffered" } else { "asked for an offer" };
                format!("{what} {}", self.name(*leg))
            }
            Event::Reanswered { leg, .. } => format!("reanswered {}", self.name(*leg)),
            Event::Digit { leg, digit } => format!("digit {} {}", self.name(*leg), digit.expose()),
            Event::Referred { leg, refer, to } => {
                self.refer = Some(*refer);
                let replaces = if to.replaces.is_some() { " in place of a call" } else { "" };
                format!("referred {} to {}{replaces}", self.name(*leg), to.target.expose())
            }
            Event::Ended { leg, by, status } => {
                let status = status.map(|status| format!(" {status}")).unwrap_or_default();
                format!("ended {} by {by:?}{status}", self.name(*leg))
            }
            Event::Bound { user, contacts, joined } => {
                format!("bound {user} {contacts}{}", if *joined { " joined" } else { "" })
            }
            Event::TrunkCapacity { free, .. } => format!("free {free}"),
            Event::Registered { accepted, .. } => format!("registered {accepted}"),
            Event::ContactChecked { user, reachable } => format!("reachable {user} {reachable}"),
        }
    }
}

/// The type and the text of a body: `sdp=1`, `relay=5` and `dtmf=#` for a key told by INFO.
fn body(pairs: &BTreeMap<&str, &str>) -> (&'static str, String) {
    if let Some(key) = pairs.get("relay") {
        let text = format!("Signal={key}\r\nDuration=160\r\n");
        return ("Content-Type: application/dtmf-relay\r\n", text);
    }
    if let Some(key) = pairs.get("dtmf") {
        return ("Content-Type: application/dtmf\r\n", (*key).to_owned());
    }
    match pairs.contains_key("sdp") {
        true => ("Content-Type: application/sdp\r\n", "v=0 offer".to_owned()),
        false => ("", String::new()),
    }
}

fn auto_answer(how: &str) -> AutoAnswer {
    match how {
        "alert-info" => AutoAnswer::AlertInfo,
        "alert-info-delay-0" => AutoAnswer::AlertInfoDelay0,
        "call-info" => AutoAnswer::CallInfoAnswerAfter0,
        "answer-mode" => AutoAnswer::AnswerMode,
        other => panic!("{other}"),
    }
}

fn method_named(name: &str) -> Method {
    let request = format!(
        "{name} sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK\r\nFrom: <sip:a@b>;tag=a\r\n\
         To: <sip:a@b>\r\nCall-ID: a\r\nCSeq: 1 {name}\r\nContent-Length: 0\r\n\r\n"
    );
    let Ok(Message::Request(request)) = parse(request.as_bytes()) else { panic!("{name}") };
    request.method
}
