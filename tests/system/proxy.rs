//! A bad line: a relay of datagrams that loses some, doubles some, and holds some back so that
//! others overtake them, as a seed decides.
//!
//! [`Relay`] stands between the RTP addresses of two parties. [`Proxy`] stands between a party that
//! speaks SIP and the server: it passes SIP whole, and into every session description on the way it
//! writes the addresses of a relay, so that neither side knows.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ringback::ident::Entropy;

use crate::process::until;
use crate::server::Net;
use crate::{Failure, Outcome, ensure, now};

/// Longest time without a look at whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Longest datagram.
const DATAGRAM_MAX: usize = 65_535;
/// Most calls of a proxy whose relays stand; the oldest falls.
const CALLS_MAX: usize = 64;

/// How bad the line is.
#[derive(Clone, Copy)]
pub(crate) struct Odds {
    /// How many in 1,000 are lost.
    pub lost: u64,
    /// How many in 1,000 come twice.
    pub doubled: u64,
    /// How many in 1,000 are held back, doubles on their own.
    pub delayed: u64,
    /// For 1 ms to this.
    pub delay_max: Duration,
}

/// What became of the datagrams, in both directions together.
#[derive(Default)]
pub(crate) struct Counts {
    received: AtomicU64,
    lost: AtomicU64,
    doubled: AtomicU64,
    delayed: AtomicU64,
    sent: AtomicU64,
    /// Came before it was known where to send them.
    early: AtomicU64,
}

impl Counts {
    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Received, lost, doubled, delayed, sent.
    pub(crate) fn all(&self) -> [u64; 5] {
        [&self.received, &self.lost, &self.doubled, &self.delayed, &self.sent]
            .map(|counter| counter.load(Ordering::Relaxed))
    }
}

/// A datagram that is held back: when it goes, and its number, so that order is never by chance.
type Held = Reverse<(Instant, u64, Vec<u8>)>;

/// One direction of a relay.
struct Way {
    receives: UdpSocket,
    sends: UdpSocket,
    to: Arc<Mutex<Option<SocketAddr>>>,
    odds: Odds,
    entropy: Entropy,
    counts: Arc<Counts>,
    stopped: Arc<AtomicBool>,
}

impl Way {
    fn run(mut self) -> Outcome {
        let mut held: BinaryHeap<Held> = BinaryHeap::new();
        let mut buffer = vec![0; DATAGRAM_MAX];
        while !self.stopped.load(Ordering::Relaxed) {
            let mut wait = LOOK_EVERY;
            while let Some(Reverse((due, ..))) = held.peek() {
                let left = due.saturating_duration_since(now());
                if !left.is_zero() {
                    wait = wait.min(left);
                    break;
                }
                if let Some(Reverse((_, _, datagram))) = held.pop() {
                    self.send(&datagram)?;
                }
            }
            if let Some(length) = receive(&self.receives, &mut buffer, wait)? {
                self.pass(&buffer[..length], &mut held)?;
            }
        }
        Ok(())
    }

    /// The seed decides by the order of arrival alone.
    fn pass(&mut self, datagram: &[u8], held: &mut BinaryHeap<Held>) -> Outcome {
        Counts::add(&self.counts.received);
        let doubled = self.happens(self.odds.doubled);
        if doubled {
            Counts::add(&self.counts.doubled);
        }
        for _ in 0..=u8::from(doubled) {
            let (lost, delayed) = (self.happens(self.odds.lost), self.happens(self.odds.delayed));
            let delay_max = u64::try_from(self.odds.delay_max.as_millis())?;
            let delay = Duration::from_millis(1 + self.entropy.below(delay_max));
            if lost {
                Counts::add(&self.counts.lost);
            } else if delayed {
                Counts::add(&self.counts.delayed);
                let number = self.counts.delayed.load(Ordering::Relaxed);
                held.push(Reverse((now() + delay, number, datagram.to_vec())));
            } else {
                self.send(datagram)?;
            }
        }
        Ok(())
    }

    fn happens(&mut self, of_1000: u64) -> bool {
        self.entropy.below(1000) < of_1000
    }

    fn send(&self, datagram: &[u8]) -> Outcome {
        match *lock(&self.to) {
            Some(to) => {
                self.sends.send_to(datagram, to)?;
                Counts::add(&self.counts.sent);
            }
            None => Counts::add(&self.counts.early),
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The length of the next datagram; `None` if none came in time.
fn receive(socket: &UdpSocket, buffer: &mut [u8], within: Duration) -> Outcome<Option<usize>> {
    socket.set_read_timeout(Some(within.max(Duration::from_millis(1))))?;
    match socket.recv(buffer) {
        Ok(length) => Ok(Some(length)),
        // The second is an ICMP error of an earlier datagram: nobody listened there.
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Ok(None)
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Two sockets, one for each party: what comes to one leaves by the other. Stops when dropped.
pub(crate) struct Relay {
    /// What the phone is to take for the server.
    pub for_phone: SocketAddr,
    /// What the server is to take for the phone.
    pub for_server: SocketAddr,
    phone: Arc<Mutex<Option<SocketAddr>>>,
    server: Arc<Mutex<Option<SocketAddr>>>,
    stopped: Arc<AtomicBool>,
    ways: Vec<JoinHandle<Outcome>>,
}

impl Relay {
    /// Binds two ports at this address.
    pub(crate) fn start(
        at: IpAddr,
        odds: Odds,
        mut entropy: Entropy,
        counts: &Arc<Counts>,
    ) -> Outcome<Self> {
        let (near, far) = (UdpSocket::bind((at, 0))?, UdpSocket::bind((at, 0))?);
        let (for_phone, for_server) = (near.local_addr()?, far.local_addr()?);
        let (phone, server) = (Arc::default(), Arc::default());
        let stopped = Arc::new(AtomicBool::new(false));
        let mut way = |receives: &UdpSocket, sends: &UdpSocket, to: &Arc<_>| -> Outcome<Way> {
            Ok(Way {
                receives: receives.try_clone()?,
                sends: sends.try_clone()?,
                to: Arc::clone(to),
                odds,
                entropy: entropy.split(),
                counts: Arc::clone(counts),
                stopped: Arc::clone(&stopped),
            })
        };
        let ways = [way(&near, &far, &server)?, way(&far, &near, &phone)?];
        let ways = ways.into_iter().map(|way| thread::spawn(move || way.run())).collect();
        Ok(Self { for_phone, for_server, phone, server, stopped, ways })
    }

    /// Where the phone receives.
    pub(crate) fn phone_is(&self, address: SocketAddr) {
        *lock(&self.phone) = Some(address);
    }

    /// Where the server receives.
    pub(crate) fn server_is(&self, address: SocketAddr) {
        *lock(&self.server) = Some(address);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        for way in self.ways.drain(..) {
            match way.join() {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => eprintln!("a relay failed: {failure:?}"),
                Err(_) => eprintln!("a relay panicked, see above"),
            }
        }
    }
}

/// A SIP party behind a bad line. Stops when dropped.
pub(crate) struct Proxy {
    /// Where the party is to send its SIP.
    pub address: SocketAddr,
    /// Of all calls together.
    pub counts: Arc<Counts>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<Outcome>>,
}

/// What the thread of a proxy has.
struct Passage {
    socket: UdpSocket,
    phone: SocketAddr,
    server: SocketAddr,
    odds: Odds,
    entropy: Entropy,
    counts: Arc<Counts>,
    relays: BTreeMap<String, Relay>,
    /// Call-IDs by age.
    calls: VecDeque<String>,
}

impl Proxy {
    /// Between `phone` and `server`, at an address of its own, which the server has to trust as it
    /// trusts the phone.
    pub(crate) fn start(
        address: SocketAddr,
        phone: SocketAddr,
        server: SocketAddr,
        odds: Odds,
        seed: u64,
    ) -> Outcome<Self> {
        let socket = UdpSocket::bind(address)?;
        let address = socket.local_addr()?;
        let counts = Arc::new(Counts::default());
        let stopped = Arc::new(AtomicBool::new(false));
        let mut passage = Passage {
            socket,
            phone,
            server,
            odds,
            entropy: Entropy::from_number(seed),
            counts: Arc::clone(&counts),
            relays: BTreeMap::new(),
            calls: VecDeque::new(),
        };
        let stop = Arc::clone(&stopped);
        let thread = thread::spawn(move || passage.run(&stop));
        Ok(Self { address, counts, stopped, thread: Some(thread) })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Ok(()))) | None => {}
            Some(Ok(Err(failure))) => eprintln!("a proxy failed: {failure:?}"),
            Some(Err(_)) => eprintln!("a proxy panicked, see above"),
        }
    }
}

impl Passage {
    fn run(&mut self, stopped: &AtomicBool) -> Outcome {
        let mut buffer = vec![0; DATAGRAM_MAX];
        self.socket.set_read_timeout(Some(LOOK_EVERY))?;
        while !stopped.load(Ordering::Relaxed) {
            match self.socket.recv_from(&mut buffer) {
                Ok((length, source)) => self.pass(&buffer[..length], source)?,
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionRefused
                    ) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn pass(&mut self, datagram: &[u8], source: SocketAddr) -> Outcome {
        let from_server = source == self.server;
        let to = if from_server { self.phone } else { self.server };
        let text = String::from_utf8_lossy(datagram);
        let described = text.split_once("\r\n\r\n").filter(|(_, body)| body.contains("m=audio "));
        let Some((head, body)) = described else {
            self.socket.send_to(datagram, to)?;
            return Ok(());
        };
        let call_id = crate::wire::header(head, &["call-id", "i"]).unwrap_or_default().to_owned();
        let relay = self.relay(&call_id)?;
        let told = if from_server { relay.for_phone } else { relay.for_server };
        let (body, real) = readdressed(body, told)?;
        match real {
            Some(real) if from_server => relay.server_is(real),
            Some(real) => relay.phone_is(real),
            // A hold.
            None => {}
        }
        let head = with_length(head, body.len());
        self.socket.send_to(format!("{head}\r\n\r\n{body}").as_bytes(), to)?;
        Ok(())
    }

    fn relay(&mut self, call_id: &str) -> Outcome<&Relay> {
        if !self.relays.contains_key(call_id) {
            if self.calls.len() == CALLS_MAX
                && let Some(oldest) = self.calls.pop_front()
            {
                self.relays.remove(&oldest);
            }
            let entropy = self.entropy.split();
            let relay =
                Relay::start(self.socket.local_addr()?.ip(), self.odds, entropy, &self.counts)?;
            self.relays.insert(call_id.to_owned(), relay);
            self.calls.push_back(call_id.to_owned());
        }
        self.relays.get(call_id).ok_or_else(|| Failure::Failed(format!("no relay of {call_id}")))
    }
}

/// A session description with another address, and the one that it had; `None` if that was nowhere.
fn readdressed(body: &str, told: SocketAddr) -> Outcome<(String, Option<SocketAddr>)> {
    let (mut address, mut port, mut text) = (None, None, String::new());
    for line in body.lines() {
        if let Some(host) = line.strip_prefix("c=IN IP4 ") {
            let host: IpAddr = host.trim().parse()?;
            let nowhere = host.is_unspecified();
            address = Some(host).filter(|_| !nowhere);
            let said = if nowhere { host } else { told.ip() };
            text.push_str(&format!("c=IN IP4 {said}\r\n"));
        } else if let Some(rest) = line.strip_prefix("m=audio ") {
            let (said, rest) = rest.split_once(' ').ok_or_else(|| format!("broken: {line}"))?;
            port = Some(said.parse::<u16>()?);
            text.push_str(&format!("m=audio {} {rest}\r\n", told.port()));
        } else {
            text.push_str(line);
            text.push_str("\r\n");
        }
    }
    Ok((text, address.zip(port).map(|(address, port)| SocketAddr::new(address, port))))
}

fn with_length(head: &str, length: usize) -> String {
    let lines = head.split("\r\n").map(|line| match line.split_once(':') {
        Some((name, _)) if ["content-length", "l"].contains(&name.to_ascii_lowercase().trim()) => {
            format!("{name}: {length}")
        }
        Some(_) | None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\r\n")
}

// ---- the tool itself, tested

/// It loses, doubles and delays as much as it says, the same by the same seed; and neither side of
/// a call through it knows.
pub(crate) fn self_check(net: Net) -> Outcome {
    let odds = Odds { lost: 100, doubled: 50, delayed: 100, delay_max: Duration::from_millis(40) };
    let first = through(net.caller(), odds, 7)?;
    let same = through(net.caller(), odds, 7)?;
    ensure(first == same, || "the same seed decided otherwise".into())?;
    ensure(first != through(net.caller(), odds, 8)?, || "two seeds decided the same".into())?;
    call_through(net, odds)
}

/// How many numbered datagrams are sent through.
const BURST: u16 = 100;
const BURSTS: u16 = 10;

/// The numbers that arrive, with how often each does.
fn through(at: IpAddr, odds: Odds, seed: u64) -> Outcome<BTreeMap<u16, u32>> {
    let counts = Arc::new(Counts::default());
    let relay = Relay::start(at, odds, Entropy::from_number(seed), &counts)?;
    let (phone, server) = (UdpSocket::bind((at, 0))?, UdpSocket::bind((at, 0))?);
    relay.phone_is(phone.local_addr()?);
    relay.server_is(server.local_addr()?);
    let (mut arrived, mut overtaken, mut highest) = (BTreeMap::new(), 0, 0);
    let mut buffer = [0; 2];
    for burst in 0..BURSTS {
        for number in burst * BURST..(burst + 1) * BURST {
            phone.send_to(&number.to_be_bytes(), relay.for_phone)?;
        }
        // A socket holds a burst; the next waits until it is through.
        until("all datagrams out of the relay", Duration::from_secs(5), || {
            while receive(&server, &mut buffer, Duration::ZERO)?.is_some() {
                let number = u16::from_be_bytes(buffer);
                *arrived.entry(number).or_insert(0) += 1;
                overtaken += u32::from(number < highest);
                highest = highest.max(number);
            }
            let [received, lost, doubled, _, sent] = counts.all();
            let came: u32 = arrived.values().sum();
            let all = received == u64::from((burst + 1) * BURST);
            let through = received + doubled == lost + sent && u64::from(came) == sent;
            Ok((all && through).then_some(()))
        })?;
    }
    let [received, lost, doubled, delayed, sent] = counts.all();
    let about = |count: u64, of_1000: u64| {
        let expected = (received + doubled) * of_1000 / 1000;
        count.abs_diff(expected) < expected / 2
    };
    let fair =
        about(lost, odds.lost) && about(doubled, odds.doubled) && about(delayed, odds.delayed);
    ensure(fair && overtaken > 0, || {
        let early = counts.early.load(Ordering::Relaxed);
        format!(
            "{received} in, {lost} lost, {doubled} doubled, {delayed} late, {sent} out, \
             {overtaken} overtaken, {early} early"
        )
    })?;
    Ok(arrived)
}

/// A call: each side is told an address of the relay, and what it sends there reaches the other.
fn call_through(net: Net, odds: Odds) -> Outcome {
    let odds = Odds { lost: 0, ..odds };
    let (phone, server) = (UdpSocket::bind((net.caller(), 0))?, UdpSocket::bind(net.server())?);
    let (phone_sound, server_sound) =
        (UdpSocket::bind((net.caller(), 0))?, UdpSocket::bind((net.server().ip(), 0))?);
    let at = SocketAddr::new(net.caller(), 0);
    let proxy = Proxy::start(at, phone.local_addr()?, net.server(), odds, 1)?;
    let message = |start: &str, sound: &UdpSocket| -> Outcome<String> {
        let sound = sound.local_addr()?;
        let body =
            format!("v=0\r\nc=IN IP4 {}\r\nm=audio {} RTP/AVP 0\r\n", sound.ip(), sound.port());
        let length = body.len();
        Ok(format!("{start}\r\nCall-ID: one\r\nContent-Length: {length}\r\n\r\n{body}"))
    };
    let mut buffer = [0; 2000];
    let mut told = |by: &UdpSocket| -> Outcome<SocketAddr> {
        let length = receive(by, &mut buffer, Duration::from_secs(5))?;
        let length = length.ok_or_else(|| Failure::Failed("no message came".into()))?;
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").ok_or("no body")?;
        let length = crate::wire::header(head, &["content-length"]);
        ensure(length == Some(body.len().to_string().as_str()), || text.clone())?;
        let (_, address) = readdressed(body, at)?;
        address.ok_or_else(|| Failure::Failed("no address".into()))
    };
    phone.send_to(message("INVITE sip:1@x SIP/2.0", &phone_sound)?.as_bytes(), proxy.address)?;
    let phone_seen = told(&server)?;
    server.send_to(message("SIP/2.0 200 OK", &server_sound)?.as_bytes(), proxy.address)?;
    let server_seen = told(&phone)?;
    let all: BTreeSet<SocketAddr> =
        [phone_seen, server_seen, phone_sound.local_addr()?, server_sound.local_addr()?].into();
    ensure(all.len() == 4, || format!("{all:?} are not four"))?;
    for (from, through, to, seen) in [
        (&phone_sound, server_seen, &server_sound, phone_seen),
        (&server_sound, phone_seen, &phone_sound, server_seen),
    ] {
        from.send_to(b"sound", through)?;
        to.set_read_timeout(Some(Duration::from_secs(5)))?;
        let (length, source) = to.recv_from(&mut [0; 100])?;
        ensure((length, source) == (5, seen), || format!("{length} bytes from {source}"))?;
    }
    let [received, lost, ..] = proxy.counts.all();
    ensure((received, lost) == (2, 0), || format!("{received} received, {lost} lost"))
}
