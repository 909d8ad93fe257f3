//! The user agent itself: what comes in is told apart here, and what is due is done.
//!
//! Requests go on to `inbound`, responses to `outbound` or `stray`; both keep the state in this
//! struct. Nothing here waits: every wait is a [`Deadline`] or a timer of a transaction.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use super::auth::Authenticator;
use super::identity;
use super::leg::{Leg, Party, State};
use super::message::{
    Host, Malformed, Message, Method, NameAddr, Request, RequestHead, Response, Uri, Via,
};
use super::registrar::Registrar;
use super::registration::Registering;
use super::stray::{Orphaned, Stray};
use super::transaction::{Failed, TransactionId, Transactions};
use super::transfer::Referral;
use super::trunk::{Trunk, Verdict};
use super::{Admission, Binding, EndedBy, Event, Settings, Transmit};
use crate::ident::{ContactId, Entropy, LegId, ReferId, TrunkId};
use crate::time::{Duration, Timestamp};

/// How long a trunk has to answer an OPTIONS about its health.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a phone has to answer an OPTIONS.
const CONTACT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a request of ours was for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// The INVITE of a leg.
    Invite(LegId),
    /// Its CANCEL. What matters is the answer to the INVITE.
    Cancel,
    /// The BYE of a leg.
    Bye(LegId),
    /// An OPTIONS inside the dialog of a leg.
    Probe(LegId),
    /// The CANCEL of a stray INVITE, by its branch.
    StrayCancel(String),
    /// The BYE of a dialog that should not be; for an orphan, its leg.
    StrayBye(Option<LegId>),
    /// An OPTIONS to a trunk.
    Health(TrunkId),
    /// An OPTIONS to a contact of a user.
    ContactCheck(String),
    /// A REGISTER to a trunk.
    Register(TrunkId),
    /// A NOTIFY about a transfer.
    Notify(ReferId),
}

/// What is waited for beside the timers of transactions. At most one of each.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Deadline {
    /// An INVITE or re-INVITE of theirs has had no answer of ours.
    Unanswered(LegId),
    /// Our 2xx is due again.
    Repeat(LegId),
    /// No ACK to our 2xx.
    Unacked(LegId),
    /// It rang for longer than anybody ordered.
    RingLimit(LegId),
    /// Not one response to our INVITE.
    Silence(LegId),
    /// No final response after a CANCEL.
    CancelLimit(LegId),
    /// No answer to an OPTIONS inside a dialog.
    ProbeLimit(LegId),
    /// A transfer has had no decision, or no end.
    Referral(ReferId),
    /// An orphan is past all timers.
    OrphanLimit(LegId),
    /// A stray INVITE, by its branch, is past all timers.
    Stray(String),
    /// A dialog that should not be, by Call-ID and remote tag, is past all timers.
    Unwanted(String, String),
    /// The first binding of a user ends.
    Bindings(String),
    /// No contact of a user answered.
    ContactCheck(String),
    /// An OPTIONS to a trunk is due.
    Health(TrunkId),
    /// It was not answered.
    HealthLimit(TrunkId),
    /// The breaker of a trunk lets a probe through.
    Breaker(TrunkId),
}

impl Deadline {
    fn name(&self) -> &'static str {
        match self {
            Deadline::Unanswered(_) => "no answer of ours",
            Deadline::Repeat(_) => "2xx again",
            Deadline::Unacked(_) => "no ACK of our 2xx",
            Deadline::RingLimit(_) => "rang too long",
            Deadline::Silence(_) => "no response at all",
            Deadline::CancelLimit(_) => "no final response after CANCEL",
            Deadline::ProbeLimit(_) => "no answer to a probe",
            Deadline::Referral(_) => "no end of a transfer",
            Deadline::OrphanLimit(_) => "orphan past all timers",
            Deadline::Stray(_) => "stray INVITE past all timers",
            Deadline::Unwanted(..) => "unwanted dialog past all timers",
            Deadline::Bindings(_) => "binding ends",
            Deadline::ContactCheck(_) => "no contact answered",
            Deadline::Health(_) => "trunk OPTIONS due",
            Deadline::HealthLimit(_) => "trunk OPTIONS unanswered",
            Deadline::Breaker(_) => "breaker step over",
        }
    }
}

/// The deadlines, by time and by what they are for.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    by_time: BTreeSet<(Timestamp, Deadline)>,
    by_name: BTreeMap<Deadline, Timestamp>,
}

impl Deadlines {
    /// Sets it, or moves it.
    pub(super) fn set(&mut self, at: Timestamp, deadline: Deadline) {
        self.clear(&deadline);
        self.by_name.insert(deadline.clone(), at);
        self.by_time.insert((at, deadline));
    }

    /// Drops it. Returns whether it was set.
    pub(super) fn clear(&mut self, deadline: &Deadline) -> bool {
        let Some((deadline, at)) = self.by_name.remove_entry(deadline) else { return false };
        self.by_time.remove(&(at, deadline))
    }

    /// Is it set?
    pub(super) fn is_set(&self, deadline: &Deadline) -> bool {
        self.by_name.contains_key(deadline)
    }

    fn take_due(&mut self, now: Timestamp) -> Option<Deadline> {
        let (at, _) = self.by_time.first()?;
        if *at > now {
            return None;
        }
        let (_, deadline) = self.by_time.pop_first()?;
        self.by_name.remove(&deadline);
        Some(deadline)
    }

    fn next(&self) -> Option<(Timestamp, &'static str)> {
        self.by_time.first().map(|(at, deadline)| (*at, deadline.name()))
    }
}

/// The user agent. Time comes in with every call, from a clock that does not go back; what should
/// be sent, has happened and is awaited is asked for by the three `poll_` methods after each.
#[derive(Debug)]
pub struct UserAgent {
    pub(super) settings: Settings,
    pub(super) entropy: Entropy,
    pub(super) authenticator: Authenticator,
    pub(super) admission: Admission,
    pub(super) transactions: Transactions<Purpose>,
    pub(super) deadlines: Deadlines,
    pub(super) legs: BTreeMap<LegId, Leg>,
    /// By Call-ID and our tag.
    pub(super) dialogs: BTreeMap<(String, String), LegId>,
    /// The legs in which an INVITE of theirs waits for our final response.
    pub(super) servers: BTreeMap<TransactionId, LegId>,
    /// Transfers that are decided on or reported on.
    pub(super) referrals: BTreeMap<ReferId, Referral>,
    /// INVITEs that have no leg any more, by branch.
    pub(super) strays: BTreeMap<String, Stray>,
    /// Dials of an earlier run that are being ended.
    pub(super) orphans: BTreeMap<LegId, Orphaned>,
    /// ACKs of dialogs that we ended at once, by Call-ID and remote tag.
    pub(super) unwanted: BTreeMap<(String, String), Transmit>,
    pub(super) registrar: Registrar,
    pub(super) trunks: BTreeMap<TrunkId, Trunk>,
    pub(super) registering: BTreeMap<TrunkId, Registering>,
    /// What each trunk was last said to take.
    told_free: BTreeMap<TrunkId, u32>,
    events: VecDeque<Event>,
}

impl UserAgent {
    /// A user agent with no legs. Bindings from an earlier run come by [`UserAgent::restore`].
    pub fn new(settings: Settings, mut entropy: Entropy) -> Self {
        let authenticator =
            Authenticator::new(&settings.realm, settings.algorithms, entropy.split());
        let mut agent = Self {
            settings,
            entropy,
            authenticator,
            admission: Admission { calls: true, registrations: true },
            transactions: Transactions::new(),
            deadlines: Deadlines::default(),
            legs: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            servers: BTreeMap::new(),
            referrals: BTreeMap::new(),
            strays: BTreeMap::new(),
            orphans: BTreeMap::new(),
            unwanted: BTreeMap::new(),
            registrar: Registrar::default(),
            trunks: BTreeMap::new(),
            registering: BTreeMap::new(),
            told_free: BTreeMap::new(),
            events: VecDeque::new(),
        };
        agent.adopt_trunks();
        // What all trunks can take at the start is no news.
        agent.told_free =
            agent.trunks.iter().map(|(id, trunk)| (id.clone(), trunk.free())).collect();
        agent
    }

    /// From now on takes only this from outside; at first, all.
    pub fn admit_only(&mut self, admission: Admission) {
        self.admission = admission;
    }

    /// A datagram came, read or found broken.
    pub fn handle_message(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        received: Result<Message, Malformed>,
    ) {
        match received {
            Ok(Message::Request(request)) => self.receive_request(now, source, request),
            Ok(Message::Response(response)) => self.receive_response(now, &response),
            Err(malformed) => {
                if let Some(mut response) = malformed.response(source) {
                    let tag = self.draw_tag();
                    response.set_to_tag(&tag);
                    self.send_stateless(source, &response);
                }
            }
        }
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        for failed in self.transactions.expire(now) {
            self.request_failed(now, failed);
        }
        while let Some(deadline) = self.deadlines.take_due(now) {
            self.meet(now, deadline);
        }
    }

    /// The transport says that nobody listens at `to` (ICMP, a refused connection).
    pub fn transport_failed(&mut self, now: Timestamp, to: SocketAddr) {
        for failed in self.transactions.unreachable(to) {
            self.request_failed(now, failed);
        }
    }

    /// The next bytes to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transactions.poll_transmit()
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`UserAgent::handle_timeout`] should be called, and why.
    pub fn poll_timeout(&self) -> Option<(Timestamp, &'static str)> {
        self.transactions.poll_timeout().into_iter().chain(self.deadlines.next()).min()
    }

    /// Is the leg reachable? Sends an OPTIONS inside its dialog. No answer within 8 s, 481 or 408:
    /// the leg ends as lost.
    pub fn probe(&mut self, now: Timestamp, leg: LegId) {
        let Some(State::Up(up)) = self.legs.get_mut(&leg).map(|leg| &mut leg.state) else { return };
        if up.probing || up.bye_held.is_some() {
            return;
        }
        up.probing = true;
        self.deadlines.set(now + super::PROBE_TIMEOUT, Deadline::ProbeLimit(leg));
        self.send_in_dialog(now, leg, Method::Options, None, Purpose::Probe(leg));
    }

    /// The contacts of a user, the latest registered first.
    pub fn contacts(&self, user: &str) -> Vec<ContactId> {
        self.registrar.contacts(user)
    }

    /// Does any contact of the user answer an OPTIONS within 5 s? Answered by
    /// [`Event::ContactChecked`]; a check under way is not begun again.
    pub fn check_contact(&mut self, now: Timestamp, user: &str) {
        let deadline = Deadline::ContactCheck(user.to_owned());
        if self.deadlines.is_set(&deadline) {
            return;
        }
        let contacts: Vec<(Uri, SocketAddr)> = self
            .registrar
            .contacts(user)
            .into_iter()
            .filter_map(|id| self.registrar.contact(id))
            .map(|(uri, binding)| (uri.clone(), binding.address))
            .collect();
        let mut asked = false;
        for (uri, address) in contacts {
            let purpose = Purpose::ContactCheck(user.to_owned());
            asked |= self.send_options(now, address, uri, purpose);
        }
        if asked {
            self.deadlines.set(now + CONTACT_TIMEOUT, deadline);
        } else {
            self.emit(Event::ContactChecked { user: user.to_owned(), reachable: false });
        }
    }

    /// Bindings from an earlier run. Those past their time are left out and tell by
    /// [`Event::Bound`]; the others tell nothing: ask [`UserAgent::contacts`].
    pub fn restore(&mut self, now: Timestamp, bindings: Vec<Binding>) {
        let ended = self.registrar.restore(now, bindings);
        let unknown: Vec<String> = self
            .registrar
            .users()
            .filter(|user| !self.settings.users.iter().any(|known| known.name == *user))
            .map(str::to_owned)
            .collect();
        for user in &unknown {
            self.registrar.remove(user);
        }
        for user in ended.into_iter().chain(unknown).collect::<BTreeSet<_>>() {
            self.emit_bound(&user, false);
        }
        let users: Vec<String> = self.registrar.users().map(str::to_owned).collect();
        for user in users {
            self.watch_bindings(&user);
        }
    }

    /// The bindings of a user, to be kept over restarts.
    pub fn bindings(&self, user: &str) -> Vec<Binding> {
        self.registrar.bindings(user)
    }

    /// The users whose bindings are not as they were when last taken.
    pub fn take_changed_users(&mut self) -> Vec<String> {
        self.registrar.take_changed().into_iter().collect()
    }

    /// How many more dials a trunk can take; 0 for one that does not exist.
    pub fn trunk_free(&self, trunk: &TrunkId) -> u32 {
        self.trunks.get(trunk).map_or(0, Trunk::free)
    }

    /// Is there such a leg?
    pub fn has_leg(&self, leg: LegId) -> bool {
        self.legs.contains_key(&leg)
    }

    /// How many legs there are, with those of orphans.
    pub fn legs(&self) -> usize {
        self.legs.len() + self.orphans.len()
    }

    /// Takes new settings. Legs go on; trunks that stay keep their state; users who are gone lose
    /// their bindings.
    pub fn reload(&mut self, now: Timestamp, settings: Settings) {
        let asks = |settings: &Settings| (settings.realm.clone(), settings.algorithms);
        if asks(&settings) != asks(&self.settings) {
            let entropy = self.entropy.split();
            self.authenticator = Authenticator::new(&settings.realm, settings.algorithms, entropy);
        }
        self.settings = settings;
        let known = |user: &str| self.settings.users.iter().any(|known| known.name == user);
        let gone: Vec<String> =
            self.registrar.users().filter(|user| !known(user)).map(str::to_owned).collect();
        for user in gone {
            self.registrar.remove(&user);
            self.deadlines.clear(&Deadline::Bindings(user.clone()));
            self.emit_bound(&user, false);
        }
        self.adopt_trunks();
        let trunks: Vec<TrunkId> = self.trunks.keys().cloned().collect();
        for trunk in trunks {
            self.tell_capacity(&trunk);
        }
        self.handle_timeout(now);
    }

    fn adopt_trunks(&mut self) {
        let wanted = self.settings.trunks.clone();
        let gone: Vec<TrunkId> =
            self.trunks.keys().filter(|id| wanted.iter().all(|t| t.id != **id)).cloned().collect();
        for id in gone {
            for deadline in [Deadline::Health, Deadline::HealthLimit, Deadline::Breaker] {
                self.deadlines.clear(&deadline(id.clone()));
            }
            self.trunks.remove(&id);
            self.tell_capacity(&id);
        }
        for settings in wanted {
            let id = settings.id.clone();
            let watched = settings.options_interval.is_some();
            match self.trunks.get_mut(&id) {
                Some(trunk) => trunk.settings = settings,
                None => {
                    self.trunks.insert(id.clone(), Trunk::new(settings));
                }
            }
            if watched {
                // At once: the first moment we are told of is the time to ask.
                self.deadlines.set(Timestamp::default(), Deadline::Health(id));
            } else {
                self.deadlines.clear(&Deadline::Health(id.clone()));
                self.deadlines.clear(&Deadline::HealthLimit(id.clone()));
                if let Some(trunk) = self.trunks.get_mut(&id) {
                    trunk.set_reachable(true);
                }
            }
        }
    }

    fn meet(&mut self, now: Timestamp, deadline: Deadline) {
        match deadline {
            Deadline::Unanswered(leg) => self.reject(now, leg, 480),
            Deadline::Repeat(leg) => self.repeat_2xx(now, leg),
            Deadline::Unacked(leg) => self.give_up_ack(now, leg),
            Deadline::RingLimit(leg) => self.hang_up(now, leg, 19, "No answer"),
            Deadline::Silence(leg) => self.give_up_silent(now, leg),
            Deadline::CancelLimit(leg) => self.give_up_cancelled(now, leg),
            Deadline::ProbeLimit(leg) => self.lose(now, leg, true),
            Deadline::Referral(refer) => self.give_up_referral(now, refer),
            Deadline::OrphanLimit(leg) => self.end_orphan(leg, EndedBy::Lost, None),
            Deadline::Stray(branch) => {
                self.strays.remove(&branch);
            }
            Deadline::Unwanted(call_id, tag) => {
                self.unwanted.remove(&(call_id, tag));
            }
            Deadline::Bindings(user) => {
                if self.registrar.expire(now, &user) {
                    self.emit_bound(&user, false);
                }
                self.watch_bindings(&user);
            }
            Deadline::ContactCheck(user) => {
                self.emit(Event::ContactChecked { user, reachable: false });
            }
            Deadline::Health(trunk) => self.ask_health(now, trunk),
            Deadline::HealthLimit(trunk) => self.hear_health(&trunk, false),
            Deadline::Breaker(trunk) => {
                if let Some(known) = self.trunks.get_mut(&trunk) {
                    known.expire(now);
                }
                self.tell_capacity(&trunk);
            }
        }
    }

    pub(super) fn request_failed(&mut self, now: Timestamp, failed: Failed<Purpose>) {
        match failed.purpose {
            Purpose::Invite(leg) => self.invite_met_silence(now, leg, failed.invite, failed.peer),
            Purpose::Bye(leg) => self.left(leg),
            Purpose::Probe(leg) => self.lose(now, leg, true),
            Purpose::StrayBye(Some(leg)) => self.end_orphan(leg, EndedBy::Us, Some(200)),
            Purpose::Health(trunk) => self.hear_health(&trunk, false),
            Purpose::Register(trunk) => self.registered(&trunk, false),
            Purpose::Notify(refer) => self.end_referral(refer),
            // The INVITE's own end, or a deadline, decides.
            Purpose::Cancel
            | Purpose::StrayCancel(_)
            | Purpose::StrayBye(None)
            | Purpose::ContactCheck(_) => {}
        }
    }

    fn receive_response(&mut self, now: Timestamp, response: &Response) {
        // RFC 3261 section 8.1.3.3: a response with a second Via was not meant for us.
        if response.headers.all("Via").count() > 1 {
            return;
        }
        let Some(heard) = self.transactions.response(now, response) else {
            self.hear_stray(now, response);
            return;
        };
        let is_final = response.status >= 200;
        match heard.purpose {
            Purpose::Invite(leg) => self.hear_invite(now, leg, heard.id, heard.peer, response),
            Purpose::Bye(leg) if is_final => self.hear_bye(now, leg, response),
            Purpose::Probe(leg) if is_final => self.hear_probe(now, leg, response.status),
            Purpose::StrayCancel(branch) if is_final => {
                self.hear_stray_cancel(&branch, response.status);
            }
            Purpose::StrayBye(Some(leg)) if is_final => {
                self.end_orphan(leg, EndedBy::Us, Some(200));
            }
            Purpose::Health(trunk) if is_final => {
                self.hear_health(&trunk, !matches!(response.status, 408 | 503));
            }
            Purpose::Register(trunk) if is_final => self.hear_register(now, &trunk, response),
            Purpose::Notify(refer) if is_final => self.hear_notify(now, refer, response.status),
            Purpose::ContactCheck(user) if is_final => {
                if self.deadlines.clear(&Deadline::ContactCheck(user.clone())) {
                    self.emit(Event::ContactChecked { user, reachable: true });
                }
            }
            Purpose::Cancel
            | Purpose::Bye(_)
            | Purpose::Probe(_)
            | Purpose::StrayCancel(_)
            | Purpose::StrayBye(_)
            | Purpose::Health(_)
            | Purpose::Register(_)
            | Purpose::Notify(_)
            | Purpose::ContactCheck(_) => {}
        }
    }

    fn hear_probe(&mut self, now: Timestamp, leg: LegId, status: u16) {
        if !self.deadlines.clear(&Deadline::ProbeLimit(leg)) {
            return;
        }
        if matches!(status, 408 | 481) {
            self.lose(now, leg, status != 481);
        } else if let Some(State::Up(up)) = self.legs.get_mut(&leg).map(|leg| &mut leg.state) {
            up.probing = false;
        }
    }

    /// The other side is gone. A BYE may still reach it, but nobody waits for its answer.
    fn lose(&mut self, now: Timestamp, leg: LegId, say_goodbye: bool) {
        if !matches!(self.legs.get(&leg).map(|leg| &leg.state), Some(State::Up(_))) {
            return;
        }
        if say_goodbye {
            self.send_in_dialog(now, leg, Method::Bye, None, Purpose::StrayBye(None));
        }
        self.end_leg(leg, EndedBy::Lost, None);
    }

    fn ask_health(&mut self, now: Timestamp, trunk: TrunkId) {
        let Some(settings) = self.trunks.get(&trunk).map(|trunk| &trunk.settings) else { return };
        let Some(interval) = settings.options_interval else { return };
        let address = settings.address;
        self.deadlines.set(now + interval.max(HEALTH_TIMEOUT), Deadline::Health(trunk.clone()));
        self.deadlines.set(now + HEALTH_TIMEOUT, Deadline::HealthLimit(trunk.clone()));
        self.send_options(now, address, Uri::at(None, address), Purpose::Health(trunk));
    }

    fn hear_health(&mut self, trunk: &TrunkId, reachable: bool) {
        self.deadlines.clear(&Deadline::HealthLimit(trunk.clone()));
        if let Some(known) = self.trunks.get_mut(trunk) {
            known.set_reachable(reachable);
        }
        self.tell_capacity(trunk);
    }

    fn send_options(
        &mut self,
        now: Timestamp,
        address: SocketAddr,
        uri: Uri,
        purpose: Purpose,
    ) -> bool {
        let tag = self.draw_tag();
        let head = RequestHead {
            via: self.draw_via(),
            from: NameAddr::new(Uri::at(None, self.settings.local)).with_tag(&tag),
            to: NameAddr::new(uri.clone()),
            call_id: self.entropy.hex(16),
            cseq: 1,
        };
        let mut request = Request::new(Method::Options, uri, &head);
        request.headers.push("Contact", &self.contact());
        request.headers.push("Accept", super::exchange::SDP);
        self.transactions.request(now, address, &request, purpose).is_some()
    }

    // What the other files of the user agent use.

    /// Sends a request inside the dialog of a leg. `false`: no such leg, or no room.
    pub(super) fn send_in_dialog(
        &mut self,
        now: Timestamp,
        leg: LegId,
        method: Method,
        header: Option<(&str, &str)>,
        purpose: Purpose,
    ) -> bool {
        let via = self.draw_via();
        let Some(leg) = self.legs.get_mut(&leg) else { return false };
        let (to, mut request) = leg.dialog.request(method, via);
        if let Some((name, value)) = header {
            request.headers.push(name, value);
        }
        self.transactions.request(now, to, &request, purpose).is_some()
    }

    /// Sends a response that no transaction keeps.
    pub(super) fn send_stateless(&mut self, source: SocketAddr, response: &Response) {
        let to = response.top_via().response_address().unwrap_or(source);
        self.transactions.send(to, response.to_bytes());
    }

    /// Ends a leg and tells it, the capacity of its trunk before.
    pub(super) fn end_leg(&mut self, id: LegId, by: EndedBy, status: Option<u16>) {
        let Some(leg) = self.legs.remove(&id) else { return };
        let key = (leg.dialog.call_id().to_owned(), leg.dialog.local_tag().to_owned());
        self.dialogs.remove(&key);
        for deadline in [
            Deadline::Unanswered,
            Deadline::Repeat,
            Deadline::Unacked,
            Deadline::RingLimit,
            Deadline::Silence,
            Deadline::CancelLimit,
            Deadline::ProbeLimit,
        ] {
            self.deadlines.clear(&deadline(id));
        }
        if let Party::Trunk(trunk) = &leg.party {
            self.release_channel(trunk, id);
        }
        if let Some(referral) = leg.referral.and_then(|refer| self.referrals.get_mut(&refer)) {
            referral.outlive(leg.dialog);
        }
        self.emit(Event::Ended { leg: id, by, status });
    }

    /// A leg leaves its trunk.
    pub(super) fn release_channel(&mut self, trunk: &TrunkId, leg: LegId) {
        if let Some(known) = self.trunks.get_mut(trunk) {
            known.release(leg);
        }
        self.tell_capacity(trunk);
    }

    /// A dial has shown something of its trunk. Not told before the leg itself is dealt with.
    pub(super) fn judge(&mut self, now: Timestamp, leg: LegId, verdict: Verdict) {
        let Some(Party::Trunk(trunk)) = self.legs.get(&leg).map(|leg| leg.party.clone()) else {
            return;
        };
        let Some(known) = self.trunks.get_mut(&trunk) else { return };
        if let Some(until) = known.judge(now, leg, verdict) {
            self.deadlines.set(until, Deadline::Breaker(trunk));
        } else if verdict == Verdict::Works {
            self.deadlines.clear(&Deadline::Breaker(trunk.clone()));
            self.tell_capacity(&trunk);
        }
    }

    /// Tells what a trunk can take, if that is news.
    pub(super) fn tell_capacity(&mut self, trunk: &TrunkId) {
        let free = self.trunk_free(trunk);
        if self.told_free.insert(trunk.clone(), free) != Some(free) {
            self.emit(Event::TrunkCapacity { trunk: trunk.clone(), free });
        }
    }

    /// Tells how many contacts a user has, one of them new or not.
    pub(super) fn emit_bound(&mut self, user: &str, joined: bool) {
        let contacts = self.registrar.contacts(user).len();
        self.emit(Event::Bound { user: user.to_owned(), contacts, joined });
    }

    /// Waits for the end of the user's first binding.
    pub(super) fn watch_bindings(&mut self, user: &str) {
        let deadline = Deadline::Bindings(user.to_owned());
        match self.registrar.next_expiry(user) {
            Some(at) => self.deadlines.set(at, deadline),
            None => {
                self.deadlines.clear(&deadline);
            }
        }
    }

    /// Tells an event.
    pub(super) fn emit(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// A tag.
    pub(super) fn draw_tag(&mut self) -> String {
        self.entropy.hex(8)
    }

    /// A Via of ours with a fresh branch.
    pub(super) fn draw_via(&mut self) -> Via {
        let branch = identity::branch(&mut self.entropy);
        Via::udp(self.settings.local, &branch)
    }

    /// Our Contact.
    pub(super) fn contact(&self) -> String {
        NameAddr::new(Uri::at(Some(super::OWN_NAME), self.settings.local)).to_string()
    }

    /// The host part of addresses of record: the realm, if it can be one.
    pub(super) fn domain(&self) -> Host {
        match Uri::parse(&format!("sip:{}", self.settings.realm)).ok().and_then(|uri| uri.host()) {
            Some(host) if host.to_string() == self.settings.realm => host,
            Some(_) | None => Host::from(self.settings.local.ip()),
        }
    }
}
