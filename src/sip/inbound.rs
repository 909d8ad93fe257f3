//! Requests that come in: who may ask what, and our answers (RFC 3261 sections 8.2, 9.2, 11.2).
//! Those inside a dialog go on to `in_dialog`.
//!
//! Who may call: a trunk, by its source address; a user, by digest. An INVITE from a trunk's source
//! whose From names a user of ours and that dials a feature code (`*..`) or would take over a call
//! (Replaces) needs the digest too.
//! Everybody else is challenged alike, so that a stranger does not learn which users exist. What a
//! caller says about himself counts only from a trunk.

use std::net::SocketAddr;

use super::auth::Verdict;
use super::dialog::Dialog;
use super::exchange::{self, Exchange, SDP};
use super::leg::{Farewell, Leg, Party, Pending, State, Unacked, Up};
use super::message::{Method, NameAddr, Request, Response, Scheme, quoted};
use super::reply::{ALLOW, Refusal, SUPPORTED, check_require, overloaded, reason};
use super::transaction::{LIFETIME, Received, T1, T2, TransactionId};
use super::user_agent::{Deadline, UserAgent};
use super::{EndedBy, Event, From, LEGS_MAX, Transmit};
use crate::ident::{LegId, TrunkId};
use crate::phone::{Ani, Dnis};
use crate::session::{SessionAnswer, SessionOffer};
use crate::time::{Duration, Timestamp};

/// How long a call may wait for our answer; then it is refused with 480.
const ANSWER_MAX: Duration = Duration::from_secs(180);

impl UserAgent {
    /// Sends 180 on an incoming leg that has no answer yet.
    pub fn ring(&mut self, now: Timestamp, leg: LegId) {
        let Some(known) = self.legs.get(&leg) else { return };
        let State::Offered(pending) = &known.state else { return };
        let response = self.in_leg(known, &pending.request, 180);
        self.transactions.respond(now, pending.server, &response);
    }

    /// Answers an incoming leg, a re-INVITE or an UPDATE that came with an offer. An INVITE gets
    /// the 200 until its ACK comes; after 64*T1 without one the leg ends as lost (RFC 3261 section
    /// 13.3.1.4). One that came without an offer is refused with 500.
    pub fn answer(&mut self, now: Timestamp, leg: LegId, answer: SessionAnswer) {
        self.accept(now, leg, Exchange::AwaitingAck, answer.0);
    }

    /// The same for one that came without an offer: the 200 has ours, the ACK their answer. An ACK
    /// without one ends the leg (488). One that came with an offer is refused with 500.
    pub fn answer_with_offer(&mut self, now: Timestamp, leg: LegId, offer: SessionOffer) {
        self.accept(now, leg, Exchange::AwaitingAnswer, offer.0);
    }

    fn accept(&mut self, now: Timestamp, leg: LegId, exchange: Exchange, body: Vec<u8>) {
        let late = exchange == Exchange::AwaitingAnswer;
        let asked = self.legs.get(&leg).and_then(Leg::pending).map(Pending::asks_for_offer);
        if asked.is_some_and(|asked| asked != late) {
            return self.reject(now, leg, 500);
        }
        let Some(mut known) = self.legs.remove(&leg) else { return };
        let pending = match &mut known.state {
            State::Offered(pending) => Some(pending.clone()),
            State::Up(up) => up.reoffer.take(),
            State::Inviting(_) | State::Leaving(_) => None,
        };
        if let Some(pending) = pending {
            self.servers.remove(&pending.server);
            self.deadlines.clear(&Deadline::Unanswered(leg));
            let mut response = self.in_leg(&known, &pending.request, 200);
            response.headers.push("Allow", ALLOW);
            response.headers.push("Supported", SUPPORTED);
            response.set_body(SDP, body);
            let sent = self.transactions.respond(now, pending.server, &response);
            if sent.is_some() {
                known.dialog.refresh_target(&pending.request);
            }
            if pending.request.method == Method::Update {
                // Nothing acknowledges it: the exchange is over (RFC 3311 section 5.2).
                if let State::Up(up) = &mut known.state {
                    up.exchange = Exchange::Stable;
                }
            } else if let Some(to) = sent {
                let unacked = Unacked {
                    transmit: Transmit { to, bytes: response.to_bytes() },
                    cseq: pending.request.cseq().number,
                    interval: T1,
                };
                if let State::Up(up) = &mut known.state {
                    (up.exchange, up.unacked) = (exchange, Some(unacked));
                } else {
                    known.state = State::Up(Box::new(Up::answering(exchange, unacked)));
                }
                self.deadlines.set(now + T1, Deadline::Repeat(leg));
                self.deadlines.set(now + LIFETIME, Deadline::Unacked(leg));
            }
        }
        self.legs.insert(leg, known);
    }

    /// Refuses an incoming leg, which ends it, or a re-INVITE, which leaves the leg as it was.
    /// `status` is 300 to 699; anything else is sent as 500.
    pub fn reject(&mut self, now: Timestamp, leg: LegId, status: u16) {
        self.reject_because(now, leg, status, "");
    }

    /// The same; `why` goes into a Warning, if it is not empty.
    pub fn reject_because(&mut self, now: Timestamp, leg: LegId, status: u16, why: &str) {
        let status = if (300..=699).contains(&status) { status } else { 500 };
        let mut refusal = if status == 503 { overloaded() } else { Refusal::new(status) };
        if !why.is_empty() {
            refusal = refusal.header("Warning", &format!("399 ringback {}", quoted(why)));
        }
        self.refuse_pending(now, leg, &refusal);
        if matches!(self.legs.get(&leg).map(|leg| &leg.state), Some(State::Offered(_))) {
            self.end_leg(leg, EndedBy::Us, None);
        }
    }

    /// Gives the INVITE or re-INVITE that waits in a leg its refusal. The leg stays.
    pub(super) fn refuse_pending(&mut self, now: Timestamp, leg: LegId, refusal: &Refusal) {
        let Some(known) = self.legs.get_mut(&leg) else { return };
        let tag = known.dialog.local_tag().to_owned();
        let pending = match &mut known.state {
            State::Offered(pending) => Some(pending.clone()),
            State::Up(up) => up.reoffer.take().inspect(|_| up.exchange = Exchange::Stable),
            State::Inviting(_) | State::Leaving(_) => None,
        };
        let Some(pending) = pending else { return };
        self.servers.remove(&pending.server);
        self.deadlines.clear(&Deadline::Unanswered(leg));
        let mut response = refusal.to(&pending.request);
        response.set_to_tag(&tag);
        self.transactions.respond(now, pending.server, &response);
    }

    pub(super) fn receive_request(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        mut request: Request,
    ) {
        request.stamp_source(source);
        if request.method == Method::Ack {
            if !self.transactions.ack(now, &request) {
                self.acknowledged(now, &request);
            }
            return;
        }
        match self.transactions.receive(now, source, &request) {
            Received::Absorbed => {}
            Received::Merged(id) => self.refuse(now, id, &request, &Refusal::new(482)),
            Received::Full => {
                let mut response = overloaded().to(&request);
                let tag = self.draw_tag();
                response.set_to_tag(&tag);
                self.send_stateless(source, &response);
            }
            Received::New(id) => {
                if let Err(refusal) = self.serve(now, source, id, &request) {
                    self.refuse(now, id, &request, &refusal);
                }
            }
        }
    }

    fn serve(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        id: TransactionId,
        request: &Request,
    ) -> Result<(), Refusal> {
        if request.method == Method::Cancel {
            return self.cancelled(now, id, request);
        }
        check_method(&request.method)?;
        if matches!(request.uri.scheme(), Scheme::Other(_)) {
            return Err(Refusal::new(416));
        }
        check_require(request)?;
        if request.method != Method::Invite && request.headers.contains("Replaces") {
            return Err(Refusal::new(400));
        }
        if request.to().tag().is_some() {
            return self.serve_in_dialog(now, id, request);
        }
        if request.method == Method::Invite {
            self.take_invite(now, source, id, request)
        } else if request.method == Method::Register {
            self.take_register(now, source, id, request)
        } else if request.method == Method::Options {
            if !self.admission.calls {
                return Err(overloaded());
            }
            self.take_options(now, id, request);
            Ok(())
        } else if request.method == Method::Refer {
            // A call of its own making is none of ours to transfer.
            Err(Refusal::new(403))
        } else {
            Err(Refusal::new(481))
        }
    }

    fn take_invite(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        id: TransactionId,
        request: &Request,
    ) -> Result<(), Refusal> {
        let from = self.admit(now, source, request)?;
        let replaces = self.replaced_by(&from, request)?;
        let offer = exchange::offer_of(request)?;
        if self.legs.len() >= LEGS_MAX || !self.admission.calls {
            return Err(overloaded());
        }
        let trying = Response::to(request, 100, reason(100));
        self.transactions.respond(now, id, &trying);
        let leg = LegId(self.entropy.next_u64());
        let (party, ani) = match &from {
            From::Trunk(trunk) => (Party::Trunk(trunk.clone()), asserted_caller(request)),
            From::User(user) => (Party::User(user.clone()), Ani::new(user)),
        };
        let dnis = Dnis::new(request.uri.user().as_deref().unwrap_or(""));
        let tag = self.draw_tag();
        let pinned = matches!(party, Party::User(_));
        let dialog = Dialog::called(request, &tag, source, pinned);
        self.dialogs.insert((dialog.call_id().to_owned(), tag), leg);
        self.servers.insert(id, leg);
        let state = State::Offered(Pending { server: id, request: request.clone() });
        self.legs.insert(leg, Leg::new(party, dialog, state));
        self.deadlines.set(now + ANSWER_MAX, Deadline::Unanswered(leg));
        if let From::Trunk(trunk) = &from {
            if let Some(known) = self.trunks.get_mut(trunk) {
                known.take(leg);
            }
            self.tell_capacity(trunk);
        }
        self.emit(Event::Incoming { leg, ani, dnis, from, offer, replaces });
        Ok(())
    }

    fn admit(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        request: &Request,
    ) -> Result<From, Refusal> {
        let caller = request.from().uri.user().map(std::borrow::Cow::into_owned);
        let is_user = self.settings.users.iter().any(|user| Some(&user.name) == caller.as_ref());
        let dials_feature = request.uri.user().is_some_and(|user| user.starts_with('*'));
        let needs_digest = dials_feature || request.headers.contains("Replaces");
        if let Some(trunk) = self.trunk_at(source)
            && !(is_user && needs_digest)
        {
            return Ok(From::Trunk(trunk));
        }
        self.authenticate(now, source, request).map(From::User)
    }

    /// The trunk behind a source: the one with exactly that address, else the one with that host,
    /// else the first that lists its network.
    fn trunk_at(&self, source: SocketAddr) -> Option<TrunkId> {
        let trunks = || self.settings.trunks.iter();
        trunks()
            .find(|trunk| trunk.address == source)
            .or_else(|| trunks().find(|trunk| trunk.address.ip() == source.ip()))
            .or_else(|| {
                trunks().find(|trunk| {
                    self.trunks.get(&trunk.id).is_some_and(|known| known.accepts(source.ip()))
                })
            })
            .map(|trunk| trunk.id.clone())
    }

    /// The user whose digest the request carries.
    fn authenticate(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        request: &Request,
    ) -> Result<String, Refusal> {
        let users = &self.settings.users;
        let password =
            |name: &str| users.iter().find(|user| user.name == name).map(|user| &user.password);
        match self.authenticator.judge(request, source.ip(), now, password) {
            Verdict::Accepted { user } => Ok(user),
            Verdict::Challenged { challenges, failed: _ } => {
                let ask = |refusal: Refusal, challenge: &String| {
                    refusal.header("WWW-Authenticate", challenge)
                };
                Err(challenges.iter().fold(Refusal::new(401), ask))
            }
            Verdict::Throttled => Err(Refusal::new(403)),
        }
    }

    fn take_register(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        id: TransactionId,
        request: &Request,
    ) -> Result<(), Refusal> {
        let aor = request.to().uri;
        if !matches!(aor.scheme(), Scheme::Sip | Scheme::Sips) {
            return Err(Refusal::new(400));
        }
        let user = self.authenticate(now, source, request)?;
        if aor.user().as_deref() != Some(user.as_str()) {
            return Err(Refusal::new(403));
        }
        if !self.admission.registrations {
            return Err(overloaded());
        }
        let registered = self.registrar.register(now, &user, source, request)?;
        let mut response = Response::to(request, 200, reason(200));
        for contact in &registered.contacts {
            response.headers.push("Contact", &contact.to_string());
        }
        self.respond(now, id, response);
        self.watch_bindings(&user);
        if registered.changed {
            self.emit_bound(&user, registered.joined);
        }
        Ok(())
    }

    pub(super) fn take_options(&mut self, now: Timestamp, id: TransactionId, request: &Request) {
        let mut response = Response::to(request, 200, reason(200));
        response.headers.push("Allow", ALLOW);
        response.headers.push("Accept", SDP);
        response.headers.push("Accept-Encoding", "identity");
        response.headers.push("Accept-Language", "en");
        response.headers.push("Supported", SUPPORTED);
        response.headers.push("Contact", &self.contact());
        self.respond(now, id, response);
    }

    /// CANCEL: its own 200, and 487 to the INVITE that still waits (RFC 3261 section 9.2).
    fn cancelled(
        &mut self,
        now: Timestamp,
        id: TransactionId,
        request: &Request,
    ) -> Result<(), Refusal> {
        let invite = self.transactions.cancelled_by(request).ok_or_else(|| Refusal::new(481))?;
        let leg = self.servers.get(&invite).copied();
        let mut response = Response::to(request, 200, reason(200));
        if let Some(known) = leg.and_then(|leg| self.legs.get(&leg)) {
            response.set_to_tag(known.dialog.local_tag());
        }
        self.respond(now, id, response);
        let Some(leg) = leg else { return Ok(()) };
        self.refuse_pending(now, leg, &Refusal::new(487));
        if matches!(self.legs.get(&leg).map(|leg| &leg.state), Some(State::Offered(_))) {
            self.end_leg(leg, EndedBy::Peer, None);
        }
        Ok(())
    }

    /// An ACK of a 2xx.
    fn acknowledged(&mut self, now: Timestamp, request: &Request) {
        let Some(leg) = self.leg_of(request) else { return };
        let Some(State::Up(up)) = self.legs.get_mut(&leg).map(|leg| &mut leg.state) else { return };
        if up.unacked.as_ref().is_none_or(|unacked| unacked.cseq != request.cseq().number) {
            return;
        }
        up.unacked = None;
        let late = std::mem::replace(&mut up.exchange, Exchange::Stable);
        let late = late == Exchange::AwaitingAnswer;
        let first = !std::mem::replace(&mut up.established, true);
        let farewell = up.bye_held.take();
        self.deadlines.clear(&Deadline::Repeat(leg));
        self.deadlines.clear(&Deadline::Unacked(leg));
        let answer = exchange::answer_in(&request.headers, &request.body).filter(|_| late);
        let missing = late && answer.is_none();
        match answer {
            answer if first && !missing => self.emit(Event::Established { leg, answer }),
            Some(answer) => self.emit(Event::Reanswered { leg, answer }),
            None => {}
        }
        if let Some(farewell) = farewell {
            self.send_bye(now, leg, EndedBy::Us, None, farewell);
        } else if missing {
            let text = "The ACK had no session description".to_owned();
            self.send_bye(now, leg, EndedBy::Us, Some(488), Farewell { cause: 88, text });
        }
    }

    /// Our 2xx has met no ACK yet.
    pub(super) fn repeat_2xx(&mut self, now: Timestamp, leg: LegId) {
        let Some(State::Up(up)) = self.legs.get_mut(&leg).map(|leg| &mut leg.state) else { return };
        let Some(unacked) = &mut up.unacked else { return };
        unacked.interval = (unacked.interval * 2).min(T2);
        let again = unacked.transmit.clone();
        self.deadlines.set(now + unacked.interval, Deadline::Repeat(leg));
        self.transactions.send(again.to, again.bytes);
    }

    /// A response inside the dialog of a leg to an INVITE of theirs.
    fn in_leg(&self, leg: &Leg, request: &Request, status: u16) -> Response {
        let mut response = Response::to(request, status, reason(status));
        response.set_to_tag(leg.dialog.local_tag());
        response.headers.copy("Record-Route", &request.headers);
        response.headers.push("Contact", &self.contact());
        response
    }

    /// Answers by a final response, with a To tag if it has none.
    pub(super) fn respond(&mut self, now: Timestamp, id: TransactionId, mut response: Response) {
        let tag = self.draw_tag();
        response.set_to_tag(&tag);
        self.transactions.respond(now, id, &response);
    }

    fn refuse(&mut self, now: Timestamp, id: TransactionId, request: &Request, refusal: &Refusal) {
        self.respond(now, id, refusal.to(request));
    }
}

/// Which methods we know but do not serve, and which we do not know.
fn check_method(method: &Method) -> Result<(), Refusal> {
    match method {
        Method::Invite
        | Method::Ack
        | Method::Bye
        | Method::Cancel
        | Method::Register
        | Method::Options
        | Method::Info
        | Method::Refer
        | Method::Update => Ok(()),
        Method::Prack | Method::Notify | Method::Subscribe | Method::Message | Method::Publish => {
            Err(Refusal::new(405).header("Allow", ALLOW))
        }
        Method::Other(_) => Err(Refusal::new(501).header("Allow", ALLOW)),
    }
}

/// Who calls, as a trunk says it: P-Asserted-Identity (RFC 3325), else the Remote-Party-ID of the
/// calling party (draft-ietf-sip-privacy-04, expired, which gateways still follow), else From.
fn asserted_caller(request: &Request) -> Ani {
    let named = |name| {
        let values = request.headers.all(name).filter_map(NameAddr::parse);
        values.filter(|identity| identity.uri.user().is_some())
    };
    let calls = |identity: &NameAddr| {
        let party = identity.params.get("party");
        party.is_none_or(|party| party.eq_ignore_ascii_case("calling"))
    };
    let asserted = named("P-Asserted-Identity").next();
    let identity =
        asserted.or_else(|| named("Remote-Party-ID").find(calls)).unwrap_or_else(|| request.from());
    // Who withholds their number is nobody, not somebody of that name (RFC 3323 section 4.1.1.3).
    let is_withheld = |user: &str| {
        let host = identity.uri.host().map(|host| host.to_string());
        user.eq_ignore_ascii_case("anonymous")
            || host.is_some_and(|host| host.eq_ignore_ascii_case("anonymous.invalid"))
    };
    let user = identity.uri.user().filter(|user| !is_withheld(user));
    Ani::new(user.as_deref().unwrap_or(""))
}
