//! Two user agents, a network between them and a clock, all driven by hand.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::ident::{Entropy, LegId, Secret, TrunkId};
use crate::session::{SessionAnswer, SessionOffer};
use crate::sip::auth::Algorithm;
use crate::sip::message::{Message, Request, Response, parse};
use crate::sip::{Event, Invitation, Settings, Target, Transmit, TrunkSettings, User, UserAgent};
use crate::time::{Duration, Timestamp};

/// The side that dials in most tests.
pub(super) const A: usize = 0;
/// The side that is dialled.
pub(super) const B: usize = 1;

pub(super) fn address(side: usize) -> SocketAddr {
    ["192.0.2.1:5060", "192.0.2.2:5060"][side].parse().unwrap()
}

/// Settings of a side whose one trunk is the other side.
pub(super) fn settings(side: usize) -> Settings {
    Settings {
        local: address(side),
        realm: "ringback".to_owned(),
        algorithms: Algorithm::ALL,
        users: vec![User { name: "ann".to_owned(), password: Secret::new("secret") }],
        trunks: vec![TrunkSettings {
            id: TrunkId::new("peer"),
            address: address(1 - side),
            accept_from: Vec::new(),
            credentials: Some(("ann".to_owned(), Secret::new("secret"))),
            caller_id: None,
            channels: 10,
            options_interval: None,
        }],
        dial_key: [7; 32],
    }
}

pub(super) fn invitation(leg: u64) -> Invitation {
    Invitation {
        leg: LegId(leg),
        target: Target::Trunk(TrunkId::new("peer")),
        callee: "+14155550123".to_owned(),
        caller: "+14155550199".to_owned(),
        display_name: "Ringback \"R\"".to_owned(),
        offer: SessionOffer(b"v=0 offer".to_vec()),
        headers: vec![("X-Ringback-Interaction", "one".to_owned())],
        ring_timeout: Duration::from_secs(30),
        silence_max: None,
        attempt: None,
    }
}

pub(super) fn answer() -> SessionAnswer {
    SessionAnswer(b"v=0 answer".to_vec())
}

/// A message on its way: when, from, to, what.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) text: String,
}

/// How bad the network is, in percent.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Weather {
    pub(super) lost: u64,
    pub(super) doubled: u64,
    /// Delays are drawn up to this many milliseconds, which reorders.
    pub(super) jitter: u64,
}

pub(super) struct Network {
    pub(super) now: Timestamp,
    pub(super) agents: [UserAgent; 2],
    pub(super) events: [Vec<Event>; 2],
    /// All that was sent, also what was lost.
    pub(super) wire: Vec<Sent>,
    pub(super) weather: Weather,
    /// What this says `true` to is lost.
    pub(super) drop: Box<dyn FnMut(&Sent) -> bool>,
    flights: BTreeMap<(Timestamp, u64), Sent>,
    serial: u64,
    chance: Entropy,
}

impl Network {
    pub(super) fn new() -> Self {
        Self::with([settings(A), settings(B)], 1)
    }

    pub(super) fn with(settings: [Settings; 2], seed: u64) -> Self {
        let mut chance = Entropy::from_number(seed);
        let agents = settings.map(|settings| UserAgent::new(settings, chance.split()));
        Self {
            now: Timestamp::from_seconds(1_000_000),
            agents,
            events: [Vec::new(), Vec::new()],
            wire: Vec::new(),
            weather: Weather::default(),
            drop: Box::new(|_| false),
            flights: BTreeMap::new(),
            serial: 0,
            chance,
        }
    }

    /// Takes up what the agents have to say, at this moment.
    pub(super) fn collect(&mut self) {
        for side in [A, B] {
            while let Some(event) = self.agents[side].poll_event() {
                self.events[side].push(event);
            }
            while let Some(Transmit { to, bytes }) = self.agents[side].poll_transmit() {
                let text = String::from_utf8(bytes).expect("we write UTF-8");
                parse(text.as_bytes()).expect("we understand ourselves");
                let sent = Sent { from: address(side), to, text };
                self.wire.push(sent.clone());
                if (self.drop)(&sent) || self.chance.below(100) < self.weather.lost {
                    continue;
                }
                let copies = 1 + u64::from(self.chance.below(100) < self.weather.doubled);
                for _ in 0..copies {
                    let delay = 5 + self.chance.below(self.weather.jitter + 1);
                    self.serial += 1;
                    let at = self.now + Duration::from_millis(delay);
                    self.flights.insert((at, self.serial), sent.clone());
                }
            }
        }
    }

    /// The next thing happens. `false`: nothing will.
    fn step(&mut self) -> bool {
        self.collect();
        let flight = self.flights.keys().next().map(|(at, _)| *at);
        let timers = self.agents.iter().filter_map(|a| a.poll_timeout()).map(|(at, _)| at).min();
        let Some(next) = flight.into_iter().chain(timers).min() else { return false };
        self.now = self.now.max(next);
        if flight.is_some_and(|at| at <= self.now)
            && let Some((_, sent)) = self.flights.pop_first()
        {
            if let Some(side) = [A, B].into_iter().find(|side| address(*side) == sent.to) {
                let received = parse(sent.text.as_bytes());
                self.agents[side].handle_message(self.now, sent.from, received);
            }
        } else {
            for agent in &mut self.agents {
                agent.handle_timeout(self.now);
            }
        }
        self.collect();
        true
    }

    /// Lets time pass.
    pub(super) fn run_for(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        self.collect();
        loop {
            let flight = self.flights.keys().next().map(|(at, _)| *at);
            let timers =
                self.agents.iter().filter_map(|a| a.poll_timeout()).map(|(at, _)| at).min();
            if flight.into_iter().chain(timers).min().is_none_or(|next| next > end) {
                break;
            }
            self.step();
        }
        self.now = end;
    }

    /// Runs until nothing is left to happen; fails if that takes more than 1,000 s.
    pub(super) fn run_out(&mut self) {
        let start = self.now;
        while self.step() {
            assert!(self.now.since(start) < Duration::from_secs(1000), "does not come to rest");
        }
    }

    /// Runs until `wanted` finds an event of a side (also an earlier one) and returns what it makes
    /// of it; fails after 100 s.
    pub(super) fn until<T>(&mut self, side: usize, wanted: impl Fn(&Event) -> Option<T>) -> T {
        let start = self.now;
        self.collect();
        loop {
            if let Some(found) = self.events[side].iter().find_map(&wanted) {
                return found;
            }
            assert!(self.step(), "nothing more will happen: {:?}", self.events);
            assert!(self.now.since(start) < Duration::from_secs(100), "{:?}", self.events);
        }
    }

    /// The leg of the call that came in.
    pub(super) fn incoming(&mut self, side: usize) -> LegId {
        self.until(side, incoming)
    }

    /// A dials, B answers; returns B's leg.
    pub(super) fn connect(&mut self, leg: u64) -> LegId {
        self.agents[A].invite(self.now, invitation(leg));
        let theirs = self.incoming(B);
        self.agents[B].answer(self.now, theirs, answer());
        self.until(B, |event| matches!(event, Event::Established { .. }).then_some(()));
        self.until(A, |event| matches!(event, Event::Answered { .. }).then_some(()));
        theirs
    }

    /// A request of A, by hand, inside the dialog of A's first INVITE, which B has answered.
    pub(super) fn inside(&self, method: &str, cseq: u32, more: &str, body: &str) -> String {
        let line = |text: &str, name: &str| {
            text.lines().find(|line| line.starts_with(name)).unwrap().to_owned()
        };
        let invite = &self.wire.iter().find(|sent| rung(sent) == "A INVITE").unwrap().text;
        let answer = &self.wire.iter().find(|sent| rung(sent) == "B 200").unwrap().text;
        let (from, call_id, to) =
            (line(invite, "From: "), line(invite, "Call-ID: "), line(answer, "To: "));
        format!(
            "{method} sip:ringback@192.0.2.2:5060 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKin{method}{cseq}\r\n\
             {from}\r\n{to}\r\n{call_id}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n\
             Contact: <sip:a@192.0.2.1:5060>\r\n{more}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Gives B what A sent by hand; what B sends at once.
    pub(super) fn hand(&mut self, text: &str) -> Vec<Message> {
        let sent = exchange(&mut self.agents[B], self.now, address(A), text.as_bytes());
        sent.into_iter().map(|(_, message)| message).collect()
    }

    /// The same, where that is responses alone: their status.
    pub(super) fn status(&mut self, text: &str) -> Vec<u16> {
        let status = |message: Message| match message {
            Message::Response(response) => response.status,
            Message::Request(request) => panic!("{request:?}"),
        };
        self.hand(text).into_iter().map(status).collect()
    }

    /// First lines of what was sent, with who sent it: `A INVITE` or `B 180`.
    pub(super) fn ladder(&self) -> Vec<String> {
        self.wire.iter().map(rung).collect()
    }

    /// How many of those there were.
    pub(super) fn count(&self, wanted: &str) -> usize {
        self.ladder().iter().filter(|rung| *rung == wanted).count()
    }

    /// How each leg ended, told once each.
    pub(super) fn ends(&self, side: usize) -> Vec<&Event> {
        self.events[side].iter().filter(|e| matches!(e, Event::Ended { .. })).collect()
    }
}

/// The leg of a call that came in.
pub(super) fn incoming(event: &Event) -> Option<LegId> {
    if let Event::Incoming { leg, .. } = event { Some(*leg) } else { None }
}

/// `A INVITE`, `B 180`.
pub(super) fn rung(sent: &Sent) -> String {
    let side = if sent.from == address(A) { "A" } else { "B" };
    let mut words = sent.text.split(' ');
    let first = words.next().unwrap();
    let word = if first == "SIP/2.0" { words.next().unwrap() } else { first };
    format!("{side} {word}")
}

/// Loses the first `times` messages that read `wanted` (as [`rung`] does).
pub(super) fn lose(wanted: &'static str, times: usize) -> Box<dyn FnMut(&Sent) -> bool> {
    let mut left = times;
    Box::new(move |sent| {
        let hit = left > 0 && rung(sent) == wanted;
        left -= usize::from(hit);
        hit
    })
}

/// Gives one agent a datagram and returns all it sends.
pub(super) fn exchange(
    agent: &mut UserAgent,
    now: Timestamp,
    source: SocketAddr,
    datagram: &[u8],
) -> Vec<(SocketAddr, Message)> {
    agent.handle_message(now, source, parse(datagram));
    drain(agent)
}

/// All that an agent has to send.
pub(super) fn drain(agent: &mut UserAgent) -> Vec<(SocketAddr, Message)> {
    std::iter::from_fn(|| agent.poll_transmit())
        .map(|transmit| (transmit.to, parse(&transmit.bytes).expect("we understand ourselves")))
        .collect()
}

/// All that has happened.
pub(super) fn events(agent: &mut UserAgent) -> Vec<Event> {
    std::iter::from_fn(|| agent.poll_event()).collect()
}

pub(super) fn responses(sent: &[(SocketAddr, Message)]) -> Vec<&Response> {
    sent.iter()
        .filter_map(|(_, message)| match message {
            Message::Response(response) => Some(response),
            Message::Request(_) => None,
        })
        .collect()
}

pub(super) fn requests(sent: &[(SocketAddr, Message)]) -> Vec<&Request> {
    sent.iter()
        .filter_map(|(_, message)| match message {
            Message::Request(request) => Some(request),
            Message::Response(_) => None,
        })
        .collect()
}
