//! Transactions: the four machines of RFC 3261 section 17 with the Accepted states of RFC 6026.
//!
//! ```text
//! INVITE client   Calling --1xx--> Proceeding --3xx..6xx--> Completed(D)     2xx: Accepted(M)
//! client          Trying  --1xx--> Proceeding --final-----> Completed(K)
//! INVITE server   Proceeding --3xx..6xx--> Completed(G,H) --ACK--> Confirmed(I)   2xx: Accepted(L)
//! server          Trying --1xx--> Proceeding --final-----> Completed(J)
//! ```
//! What is kept is what a retransmission needs: the bytes and where they go. Responses are matched
//! by branch and method, requests by branch, sent-by and method, or, where the branch lacks the
//! cookie, by the headers of RFC 2543 (section 17.2.3). The whole is bounded; BYE and CANCEL come
//! in past the bound of the others.
//!
//! It knows no dialog: a 2xx and its ACK are the business of the leg.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use super::Transmit;
use super::message::{Method, Request, RequestHead, Response};
use crate::time::{Duration, Timestamp};

/// Round-trip estimate (RFC 3261 section 17.1.1.1).
pub(super) const T1: Duration = Duration::from_millis(500);
/// Longest interval between retransmissions.
pub(super) const T2: Duration = Duration::from_secs(4);
/// Longest time a message stays in the network.
const T4: Duration = Duration::from_secs(5);
/// 64 * T1: when a side that met silence gives up.
pub(super) const LIFETIME: Duration = Duration::from_secs(32);

/// Most transactions at once.
const TRANSACTIONS_MAX: usize = 65_536;
/// Room kept for BYE and CANCEL.
const RESERVE: usize = 8_192;
/// Most INVITEs of one source that have no final response, or one without its ACK.
const HALF_OPEN_MAX: usize = 500;

/// The timers of RFC 3261 (table 4) and RFC 6026. C is a proxy's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Timer {
    /// INVITE request retransmission.
    A,
    /// INVITE transaction timeout.
    B,
    /// Wait for response retransmissions after a non-2xx.
    D,
    /// Non-INVITE request retransmission.
    E,
    /// Non-INVITE transaction timeout.
    F,
    /// INVITE response retransmission.
    G,
    /// Wait for ACK.
    H,
    /// Wait for ACK retransmissions.
    I,
    /// Wait for non-INVITE request retransmissions.
    J,
    /// Wait for response retransmissions.
    K,
    /// Wait for INVITE retransmissions after our 2xx (RFC 6026).
    L,
    /// Wait for 2xx retransmissions and forks (RFC 6026).
    M,
}

impl Timer {
    fn name(self) -> &'static str {
        match self {
            Timer::A => "Timer A: INVITE retransmission",
            Timer::B => "Timer B: INVITE met silence",
            Timer::D => "Timer D: absorb responses",
            Timer::E => "Timer E: request retransmission",
            Timer::F => "Timer F: request met silence",
            Timer::G => "Timer G: response retransmission",
            Timer::H => "Timer H: no ACK",
            Timer::I => "Timer I: absorb ACKs",
            Timer::J => "Timer J: absorb requests",
            Timer::K => "Timer K: absorb responses",
            Timer::L => "Timer L: absorb INVITEs after 2xx",
            Timer::M => "Timer M: absorb 2xx",
        }
    }
}

/// A transaction, while the process lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct TransactionId(u64);

/// A response that its user should see.
#[derive(Debug)]
pub(super) struct Heard<P> {
    /// The request's transaction.
    pub(super) id: TransactionId,
    /// What the request was for.
    pub(super) purpose: P,
    /// Where the request went.
    pub(super) peer: SocketAddr,
}

/// A request that failed without a response.
#[derive(Debug)]
pub(super) struct Failed<P> {
    /// What it was for.
    pub(super) purpose: P,
    /// Where it went.
    pub(super) peer: SocketAddr,
    /// The INVITE, without its body, if it was one.
    pub(super) invite: Option<Box<Request>>,
}

/// What an arriving request is to the transactions. An ACK is given to [`Transactions::ack`].
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Received {
    /// A new one: answer it by [`Transactions::respond`].
    New(TransactionId),
    /// The same request by another path (RFC 3261 section 8.2.2.2): answer 482.
    Merged(TransactionId),
    /// A retransmission; answered again, if there was an answer.
    Absorbed,
    /// No room: answer 503 without a transaction.
    Full,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    InviteClient,
    Client,
    InviteServer,
    Server,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Calling,
    Trying,
    Proceeding,
    Completed,
    Confirmed,
    Accepted,
    Terminated,
}

/// What a response asks of its transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Heed {
    pass: bool,
    ack: bool,
}

/// What a timer asks of its transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fired {
    Resend,
    TimedOut,
    Over,
}

/// One machine: state and timers, without messages.
#[derive(Clone, Debug)]
struct Machine {
    kind: Kind,
    state: State,
    interval: Duration,
    repeat: Option<(Timestamp, Timer)>,
    end: Option<(Timestamp, Timer)>,
}

impl Machine {
    fn start(kind: Kind, now: Timestamp) -> Self {
        let (state, repeat, end) = match kind {
            Kind::InviteClient => (State::Calling, Some(Timer::A), Some(Timer::B)),
            Kind::Client => (State::Trying, Some(Timer::E), Some(Timer::F)),
            Kind::InviteServer => (State::Proceeding, None, None),
            Kind::Server => (State::Trying, None, None),
        };
        Self {
            kind,
            state,
            interval: T1,
            repeat: repeat.map(|timer| (now + T1, timer)),
            end: end.map(|timer| (now + LIFETIME, timer)),
        }
    }

    fn enter(&mut self, state: State, end: Option<(Timestamp, Timer)>) {
        (self.state, self.repeat, self.end) = (state, None, end);
    }

    /// A response to our request.
    fn heed(&mut self, now: Timestamp, status: u16) -> Heed {
        let pass = Heed { pass: true, ack: false };
        match (self.kind, self.state, status) {
            (Kind::InviteClient, State::Calling | State::Proceeding, 100..=199) => {
                self.enter(State::Proceeding, None);
                pass
            }
            (Kind::InviteClient, State::Calling | State::Proceeding, 200..=299) => {
                self.enter(State::Accepted, Some((now + LIFETIME, Timer::M)));
                pass
            }
            (Kind::InviteClient, State::Calling | State::Proceeding, _) => {
                self.enter(State::Completed, Some((now + LIFETIME, Timer::D)));
                Heed { pass: true, ack: true }
            }
            (Kind::InviteClient, State::Accepted, 200..=299) => pass,
            (Kind::InviteClient, State::Completed, 300..) => Heed { pass: false, ack: true },
            (Kind::Client, State::Trying | State::Proceeding, 100..=199) => {
                if self.state == State::Trying {
                    self.state = State::Proceeding;
                    self.interval = T2;
                    self.repeat = Some((now + T2, Timer::E));
                }
                pass
            }
            (Kind::Client, State::Trying | State::Proceeding, _) => {
                self.enter(State::Completed, Some((now + T4, Timer::K)));
                pass
            }
            _ => Heed::default(),
        }
    }

    /// Our response to a request. `false`: the transaction has had its final one.
    fn respond(&mut self, now: Timestamp, status: u16) -> bool {
        match (self.kind, self.state, status) {
            (Kind::InviteServer, State::Proceeding, 100..=199) => {}
            (Kind::InviteServer, State::Proceeding, 200..=299) => {
                self.enter(State::Accepted, Some((now + LIFETIME, Timer::L)));
            }
            (Kind::InviteServer, State::Proceeding, _) => {
                self.enter(State::Completed, Some((now + LIFETIME, Timer::H)));
                self.interval = T1;
                self.repeat = Some((now + T1, Timer::G));
            }
            (Kind::Server, State::Trying | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
            }
            (Kind::Server, State::Trying | State::Proceeding, _) => {
                self.enter(State::Completed, Some((now + LIFETIME, Timer::J)));
            }
            _ => return false,
        }
        true
    }

    /// Does a retransmitted request get its last response again?
    fn repeats_response(&self) -> bool {
        matches!(self.state, State::Proceeding | State::Completed)
    }

    /// An ACK whose branch is the INVITE's. `true`: it ends a non-2xx, nobody else need see it.
    fn ack(&mut self, now: Timestamp) -> bool {
        match self.state {
            State::Completed => self.enter(State::Confirmed, Some((now + T4, Timer::I))),
            State::Confirmed => {}
            State::Calling
            | State::Trying
            | State::Proceeding
            | State::Accepted
            | State::Terminated => return false,
        }
        true
    }

    /// A timer ran out. Intervals count from `now`: a late clock makes no burst.
    fn fire(&mut self, now: Timestamp, timer: Timer) -> Fired {
        match timer {
            Timer::A | Timer::E | Timer::G => {
                let doubled = self.interval * 2;
                self.interval = if timer == Timer::A { doubled } else { doubled.min(T2) };
                self.repeat = Some((now + self.interval, timer));
                Fired::Resend
            }
            Timer::B | Timer::F => {
                self.enter(State::Terminated, None);
                Fired::TimedOut
            }
            Timer::D | Timer::H | Timer::I | Timer::J | Timer::K | Timer::L | Timer::M => {
                self.enter(State::Terminated, None);
                Fired::Over
            }
        }
    }

    fn is_half_open(&self) -> bool {
        self.kind == Kind::InviteServer
            && matches!(self.state, State::Proceeding | State::Completed)
    }

    fn timers(&self) -> impl Iterator<Item = (Timestamp, Timer)> {
        self.repeat.into_iter().chain(self.end)
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Key {
    Client {
        branch: String,
        method: Method,
    },
    Server {
        branch: String,
        sent_by: String,
        method: Method,
    },
    /// RFC 2543: no cookie. The parts of section 17.2.3, without the To tag, which an ACK has and
    /// its INVITE has not.
    Legacy {
        parts: Vec<String>,
        method: Method,
    },
}

impl Key {
    fn server(request: &Request, method: &Method) -> Self {
        let (via, method) = (request.top_via(), method.clone());
        if let Some(branch) = via.branch() {
            let sent_by = format!("{}:{}", via.host, via.port.unwrap_or(5060)).to_lowercase();
            return Key::Server { branch: branch.to_owned(), sent_by, method };
        }
        let parts = vec![
            request.uri.as_str().to_owned(),
            request.from().tag().unwrap_or("").to_owned(),
            request.call_id().to_owned(),
            request.cseq().number.to_string(),
            format!("{} {}:{}", via.transport, via.host, via.port.unwrap_or(5060)),
            via.params.get_raw("branch").unwrap_or("").to_owned(),
        ];
        Key::Legacy { parts, method }
    }
}

/// Call-ID, From tag, CSeq: what two copies of one request share.
type MergeKey = (String, String, u32, Method);

#[derive(Debug)]
enum Role<P> {
    Client { purpose: P, invite: Option<Box<Request>> },
    Server { source: IpAddr, merge: Option<MergeKey> },
}

#[derive(Debug)]
struct Transaction<P> {
    machine: Machine,
    key: Key,
    peer: SocketAddr,
    bytes: Vec<u8>,
    role: Role<P>,
}

/// All transactions, and what they have to send. `P` says what a request of ours was for.
#[derive(Debug)]
pub(super) struct Transactions<P> {
    all: BTreeMap<TransactionId, Transaction<P>>,
    by_key: BTreeMap<Key, TransactionId>,
    merges: BTreeMap<MergeKey, TransactionId>,
    half_open: BTreeMap<IpAddr, usize>,
    timers: BTreeSet<(Timestamp, TransactionId, Timer)>,
    next: u64,
    outbox: VecDeque<Transmit>,
}

impl<P: Clone> Transactions<P> {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            all: BTreeMap::new(),
            by_key: BTreeMap::new(),
            merges: BTreeMap::new(),
            half_open: BTreeMap::new(),
            timers: BTreeSet::new(),
            next: 0,
            outbox: VecDeque::new(),
        }
    }

    /// Sends a request of ours (never an ACK) and waits for its responses. `None`: no room, or a
    /// transaction with this branch and method is open.
    pub(super) fn request(
        &mut self,
        now: Timestamp,
        peer: SocketAddr,
        request: &Request,
        purpose: P,
    ) -> Option<TransactionId> {
        let branch = request.top_via().branch()?.to_owned();
        let key = Key::Client { branch, method: request.method.clone() };
        if self.by_key.contains_key(&key) || !self.has_room(&request.method) {
            return None;
        }
        let is_invite = request.method == Method::Invite;
        let kind = if is_invite { Kind::InviteClient } else { Kind::Client };
        let bytes = request.to_bytes();
        self.send(peer, bytes.clone());
        let invite = is_invite.then(|| {
            Box::new(Request {
                body: Vec::new(),
                headers: request.headers.clone(),
                ..request.clone()
            })
        });
        let role = Role::Client { purpose, invite };
        Some(self.insert(Transaction {
            machine: Machine::start(kind, now),
            key,
            peer,
            bytes,
            role,
        }))
    }

    /// A response came. `Some`: its user should see it. A non-2xx to an INVITE has been ACKed.
    pub(super) fn response(&mut self, now: Timestamp, response: &Response) -> Option<Heard<P>> {
        let branch = response.top_via().branch()?.to_owned();
        let key = Key::Client { branch, method: response.cseq().method };
        let id = *self.by_key.get(&key)?;
        let heed = self.step(id, |transaction| transaction.machine.heed(now, response.status))?;
        let transaction = self.all.get(&id)?;
        let Role::Client { purpose, invite } = &transaction.role else { return None };
        let heard = Heard { id, purpose: purpose.clone(), peer: transaction.peer };
        if let (true, Some(invite)) = (heed.ack, invite) {
            let ack = ack_of(invite, response).to_bytes();
            self.send(heard.peer, ack);
        }
        heed.pass.then_some(heard)
    }

    /// A request other than ACK came; its Via is stamped with the source.
    pub(super) fn receive(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        request: &Request,
    ) -> Received {
        let key = Key::server(request, &request.method);
        if let Some(id) = self.by_key.get(&key) {
            if let Some(transaction) = self.all.get(id)
                && transaction.machine.repeats_response()
                && !transaction.bytes.is_empty()
            {
                let again = Transmit { to: transaction.peer, bytes: transaction.bytes.clone() };
                self.outbox.push_back(again);
            }
            return Received::Absorbed;
        }
        let is_invite = request.method == Method::Invite;
        let half_open = self.half_open.get(&source.ip()).copied().unwrap_or(0);
        if !self.has_room(&request.method) || is_invite && half_open >= HALF_OPEN_MAX {
            return Received::Full;
        }
        let merge = request.to().tag().is_none().then(|| merge_key(request));
        let merged = merge.as_ref().is_some_and(|key| self.merges.contains_key(key));
        let kind = if is_invite { Kind::InviteServer } else { Kind::Server };
        let peer = request.top_via().response_address().unwrap_or(source);
        let merge = merge.filter(|_| !merged);
        let id = self.insert(Transaction {
            machine: Machine::start(kind, now),
            key,
            peer,
            bytes: Vec::new(),
            role: Role::Server { source: source.ip(), merge: merge.clone() },
        });
        if let Some(merge) = merge {
            self.merges.insert(merge, id);
        }
        if merged { Received::Merged(id) } else { Received::New(id) }
    }

    /// An ACK came. `true`: it was for a non-2xx and is done with; else it belongs to a dialog.
    pub(super) fn ack(&mut self, now: Timestamp, request: &Request) -> bool {
        let Some(&id) = self.by_key.get(&Key::server(request, &Method::Invite)) else {
            return false;
        };
        self.step(id, |transaction| transaction.machine.ack(now)).unwrap_or(false)
    }

    /// The INVITE transaction that a CANCEL means (RFC 3261 section 9.2).
    pub(super) fn cancelled_by(&self, cancel: &Request) -> Option<TransactionId> {
        self.by_key.get(&Key::server(cancel, &Method::Invite)).copied()
    }

    /// Sends our response. Returns where it went, or `None` if the transaction is gone or has had
    /// its final response.
    pub(super) fn respond(
        &mut self,
        now: Timestamp,
        id: TransactionId,
        response: &Response,
    ) -> Option<SocketAddr> {
        let sent =
            self.step(id, |transaction| transaction.machine.respond(now, response.status))?;
        if !sent {
            return None;
        }
        let bytes = response.to_bytes();
        let transaction = self.all.get_mut(&id)?;
        transaction.bytes.clone_from(&bytes);
        let peer = transaction.peer;
        // A refused request may be repeated with the same CSeq, with credentials for one.
        if response.status >= 300
            && let Role::Server { merge, .. } = &mut transaction.role
            && let Some(merge) = merge.take()
        {
            self.merges.remove(&merge);
        }
        self.send(peer, bytes);
        Some(peer)
    }

    /// Sends bytes outside any transaction: an ACK of a 2xx, a 2xx again, a stateless response.
    pub(super) fn send(&mut self, to: SocketAddr, bytes: Vec<u8>) {
        self.outbox.push_back(Transmit { to, bytes });
    }

    /// Drops a request of ours that its user has given up. Its late responses match nothing.
    pub(super) fn give_up(&mut self, id: TransactionId) -> Option<Failed<P>> {
        self.step(id, |transaction| transaction.machine.enter(State::Terminated, None));
        self.remove(id).and_then(failed)
    }

    /// Lets timers run out. Returns the requests that met silence.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<Failed<P>> {
        let mut silent = Vec::new();
        while let Some(&(at, id, timer)) = self.timers.first() {
            if at > now {
                break;
            }
            match self.step(id, |transaction| transaction.machine.fire(now, timer)) {
                Some(Fired::Resend) => {
                    if let Some(transaction) = self.all.get(&id) {
                        self.outbox.push_back(Transmit {
                            to: transaction.peer,
                            bytes: transaction.bytes.clone(),
                        });
                    }
                }
                Some(Fired::TimedOut) => silent.extend(self.remove(id).and_then(failed)),
                Some(Fired::Over) => {
                    self.remove(id);
                }
                None => {
                    self.timers.remove(&(at, id, timer));
                }
            }
        }
        silent
    }

    /// The transport could not reach `peer` (RFC 3261 section 17.1.4): every request to it that has
    /// had no response fails.
    pub(super) fn unreachable(&mut self, peer: SocketAddr) -> Vec<Failed<P>> {
        let hit: Vec<TransactionId> = self
            .all
            .iter()
            .filter(|(_, transaction)| {
                transaction.peer == peer
                    && matches!(transaction.machine.state, State::Calling | State::Trying)
                    && matches!(transaction.role, Role::Client { .. })
            })
            .map(|(id, _)| *id)
            .collect();
        hit.into_iter().filter_map(|id| self.give_up(id)).collect()
    }

    /// The next bytes to send.
    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.outbox.pop_front()
    }

    /// The next timer, and its name.
    pub(super) fn poll_timeout(&self) -> Option<(Timestamp, &'static str)> {
        self.timers.first().map(|(at, _, timer)| (*at, timer.name()))
    }

    fn has_room(&self, method: &Method) -> bool {
        let first = matches!(method, Method::Bye | Method::Cancel);
        let bound = if first { TRANSACTIONS_MAX } else { TRANSACTIONS_MAX - RESERVE };
        self.all.len() < bound
    }

    fn insert(&mut self, transaction: Transaction<P>) -> TransactionId {
        let id = TransactionId(self.next);
        self.next += 1;
        self.timers.extend(transaction.machine.timers().map(|(at, timer)| (at, id, timer)));
        self.by_key.insert(transaction.key.clone(), id);
        self.count_half_open(&transaction, true);
        self.all.insert(id, transaction);
        id
    }

    /// Runs a step of a machine and keeps timers and counts in line with it.
    fn step<R>(
        &mut self,
        id: TransactionId,
        run: impl FnOnce(&mut Transaction<P>) -> R,
    ) -> Option<R> {
        let mut transaction = self.all.remove(&id)?;
        for (at, timer) in transaction.machine.timers() {
            self.timers.remove(&(at, id, timer));
        }
        self.count_half_open(&transaction, false);
        let result = run(&mut transaction);
        self.timers.extend(transaction.machine.timers().map(|(at, timer)| (at, id, timer)));
        self.count_half_open(&transaction, true);
        self.all.insert(id, transaction);
        Some(result)
    }

    fn remove(&mut self, id: TransactionId) -> Option<Transaction<P>> {
        let transaction = self.all.remove(&id)?;
        self.by_key.remove(&transaction.key);
        if let Role::Server { merge: Some(merge), .. } = &transaction.role {
            self.merges.remove(merge);
        }
        self.count_half_open(&transaction, false);
        Some(transaction)
    }

    fn count_half_open(&mut self, transaction: &Transaction<P>, enters: bool) {
        let Role::Server { source, .. } = &transaction.role else { return };
        if !transaction.machine.is_half_open() {
            return;
        }
        let count = self.half_open.entry(*source).or_insert(0);
        *count = if enters { *count + 1 } else { count.saturating_sub(1) };
        if *count == 0 {
            self.half_open.remove(source);
        }
    }
}

fn failed<P>(transaction: Transaction<P>) -> Option<Failed<P>> {
    match transaction.role {
        Role::Client { purpose, invite } => {
            Some(Failed { purpose, peer: transaction.peer, invite })
        }
        Role::Server { .. } => None,
    }
}

fn merge_key(request: &Request) -> MergeKey {
    let tag = request.from().tag().unwrap_or("").to_owned();
    (request.call_id().to_owned(), tag, request.cseq().number, request.method.clone())
}

/// The ACK of a non-2xx final response (RFC 3261 section 17.1.1.3).
pub(super) fn ack_of(invite: &Request, response: &Response) -> Request {
    same_transaction(Method::Ack, invite, response.to_header())
}

/// The CANCEL of an INVITE (RFC 3261 section 9.1).
pub(super) fn cancel_of(invite: &Request) -> Request {
    same_transaction(Method::Cancel, invite, invite.to())
}

fn same_transaction(method: Method, invite: &Request, to: super::message::NameAddr) -> Request {
    let head = RequestHead {
        via: invite.top_via(),
        from: invite.from(),
        to,
        call_id: invite.call_id().to_owned(),
        cseq: invite.cseq().number,
    };
    let mut request = Request::new(method, invite.uri.clone(), &head);
    request.headers.copy("Route", &invite.headers);
    request
}

#[cfg(test)]
#[path = "tests/transaction.rs"]
mod tests;
