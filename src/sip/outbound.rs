//! Our INVITEs: built, placed, answered (RFC 3261 sections 8.1, 13.2, 22.2).
//!
//! A chain has at most two INVITEs: the first, and the one that answers a digest challenge.
//! Redirections are not followed. What can be derived from the attempt is (see `identity`), and
//! nothing else goes into the INVITE that a later CANCEL must repeat.

use std::net::SocketAddr;

use super::auth;
use super::dialog::Dialog;
use super::exchange::{self, SDP};
use super::identity::Identity;
use super::leg::{Inviting, Leg, Party, State, Up};
use super::message::{Host, Method, NameAddr, Request, RequestHead, Response, Uri, Via};
use super::reply::{ALLOW, SUPPORTED};
use super::stray::Stray;
use super::transaction::{LIFETIME, TransactionId};
use super::trunk::Verdict;
use super::user_agent::{Deadline, Purpose, UserAgent};
use super::{EndedBy, Event, Invitation, LEGS_MAX, Target, Transmit};
use crate::ident::{ContactId, LegId, TrunkId};
use crate::time::{Duration, Timestamp};

/// What the network may take on top of the ring time before we cancel by ourselves.
const RING_MARGIN: Duration = Duration::from_secs(3);

/// The way of an INVITE.
#[derive(Debug)]
pub(super) struct Way {
    /// With whom the leg is.
    pub(super) party: Party,
    /// Where it goes.
    pub(super) peer: SocketAddr,
    /// What the identifiers are derived from: the trunk's name, or the contact.
    pub(super) name: String,
    uri: Uri,
    to: Uri,
    from: Uri,
}

impl UserAgent {
    /// Calls somebody. What cannot even be sent ends at once, by us: 503 for a trunk without a free
    /// channel or too many legs, 480 for a contact or trunk that is no more. A leg that exists
    /// already is left alone.
    pub fn invite(&mut self, now: Timestamp, invitation: Invitation) {
        let leg = invitation.leg;
        if self.legs.contains_key(&leg) || self.orphans.contains_key(&leg) {
            return;
        }
        if let Err(status) = self.place(now, invitation) {
            self.emit(Event::Ended { leg, by: EndedBy::Us, status: Some(status) });
        }
    }

    fn place(&mut self, now: Timestamp, invitation: Invitation) -> Result<(), u16> {
        let leg = invitation.leg;
        let way = match &invitation.target {
            Target::Contact(contact) => self.way_to_contact(*contact, &invitation.caller),
            Target::Trunk(trunk) => {
                self.way_over_trunk(trunk, &invitation.callee, &invitation.caller)
            }
        };
        let way = way.ok_or(480_u16)?;
        let full = matches!(&way.party, Party::Trunk(trunk) if self.trunk_free(trunk) == 0);
        if full || self.legs.len() >= LEGS_MAX {
            return Err(503);
        }
        let identity = match invitation.attempt {
            Some(attempt) => Identity::derived(&self.settings.dial_key, attempt, &way.name),
            None => Identity::drawn(&mut self.entropy),
        };
        let [branch, second_branch] = identity.branches.clone();
        let mut request = self.bare_invite(&way, &invitation.display_name, &identity, &branch, 1);
        request.headers.push("Contact", &self.contact());
        request.headers.push("Allow", ALLOW);
        request.headers.push("Supported", SUPPORTED);
        let seconds = invitation.ring_timeout.as_secs().max(1);
        request.headers.push("Expires", &seconds.to_string());
        for (name, value) in &invitation.headers {
            request.headers.push(name, &encoded(value));
        }
        request.set_body(SDP, invitation.offer.0);
        let purpose = Purpose::Invite(leg);
        let client = self.transactions.request(now, way.peer, &request, purpose).ok_or(503_u16)?;
        let pinned = !matches!(way.party, Party::Trunk(_));
        let dialog = Dialog::calling(&request, way.peer, pinned);
        self.dialogs.insert((identity.call_id, identity.tag), leg);
        if let Party::Trunk(trunk) = &way.party {
            if let Some(known) = self.trunks.get_mut(trunk) {
                known.dial(leg);
            }
            self.tell_capacity(trunk);
        }
        let state = State::Inviting(Box::new(Inviting {
            client,
            request,
            peer: way.peer,
            second_branch: Some(second_branch),
            heard: false,
            rang: false,
            ending: None,
            yields: false,
            cancelled: false,
        }));
        self.legs.insert(leg, Leg::new(way.party, dialog, state));
        if let Some(silence) = invitation.silence_max {
            self.deadlines.set(now + silence, Deadline::Silence(leg));
        }
        let limit = now + invitation.ring_timeout + RING_MARGIN;
        self.deadlines.set(limit, Deadline::RingLimit(leg));
        Ok(())
    }

    /// The way to a contact, which lies where its REGISTER came from.
    pub(super) fn way_to_contact(&self, contact: ContactId, caller: &str) -> Option<Way> {
        let (uri, binding) = self.registrar.contact(contact)?;
        let caller = if caller.is_empty() { "anonymous" } else { caller };
        Some(Way {
            party: Party::User(binding.user.clone()),
            peer: binding.address,
            name: binding.contact.clone(),
            uri: uri.clone(),
            to: Uri::sip(Some(&binding.user), &self.domain(), None),
            from: Uri::sip(Some(caller), &self.domain(), None),
        })
    }

    /// The way over a trunk.
    pub(super) fn way_over_trunk(
        &self,
        trunk: &TrunkId,
        callee: &str,
        caller: &str,
    ) -> Option<Way> {
        let settings = &self.trunks.get(trunk)?.settings;
        let own = settings.caller_id.as_deref().unwrap_or(super::OWN_NAME);
        let caller = if caller.is_empty() { own } else { caller };
        let local = Host::from(self.settings.local.ip());
        let uri = Uri::at(Some(callee), settings.address);
        Some(Way {
            party: Party::Trunk(trunk.clone()),
            peer: settings.address,
            name: trunk.as_str().to_owned(),
            to: uri.clone(),
            uri,
            from: Uri::sip(Some(caller), &local, None),
        })
    }

    /// All of an INVITE that its CANCEL repeats.
    pub(super) fn bare_invite(
        &self,
        way: &Way,
        display_name: &str,
        identity: &Identity,
        branch: &str,
        cseq: u32,
    ) -> Request {
        let head = RequestHead {
            via: Via::udp(self.settings.local, branch),
            from: NameAddr::new(way.from.clone())
                .with_display(display_name)
                .with_tag(&identity.tag),
            to: NameAddr::new(way.to.clone()),
            call_id: identity.call_id.clone(),
            cseq,
        };
        Request::new(Method::Invite, way.uri.clone(), &head)
    }

    /// A response to an INVITE of ours.
    pub(super) fn hear_invite(
        &mut self,
        now: Timestamp,
        leg: LegId,
        client: TransactionId,
        peer: SocketAddr,
        response: &Response,
    ) {
        let inviting = match self.legs.get_mut(&leg).map(|leg| &mut leg.state) {
            Some(State::Inviting(inviting)) if inviting.client == client => inviting,
            Some(State::Offered(_) | State::Inviting(_) | State::Up(_) | State::Leaving(_))
            | None => {
                if (200..300).contains(&response.status) {
                    self.hear_2xx_again(now, leg, peer, response);
                }
                return;
            }
        };
        match response.status {
            0..200 => {
                inviting.heard = true;
                let rings = (180..190).contains(&response.status) && !inviting.rang;
                if rings {
                    inviting.rang = true;
                    self.judge(now, leg, Verdict::Works);
                    self.emit(Event::Ringing { leg });
                }
                self.cancel_if_heard(now, leg);
            }
            200..300 => self.answered(now, leg, response),
            300.. => self.refused(now, leg, response),
        }
    }

    fn answered(&mut self, now: Timestamp, id: LegId, response: &Response) {
        self.deadlines.clear(&Deadline::RingLimit(id));
        self.deadlines.clear(&Deadline::CancelLimit(id));
        self.judge(now, id, Verdict::Works);
        let via = self.draw_via();
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.dialog.confirm(response);
        let (to, ack) = leg.dialog.ack(response.cseq().number, via);
        let ack = Transmit { to, bytes: ack.to_bytes() };
        leg.ack = Some(ack.clone());
        self.transactions.send(ack.to, ack.bytes);
        let up = State::Up(Box::new(Up::answered()));
        let ending = match std::mem::replace(&mut leg.state, up) {
            State::Inviting(inviting) => inviting.ending.filter(|_| !inviting.yields),
            State::Offered(_) | State::Up(_) | State::Leaving(_) => None,
        };
        match (ending, exchange::answer_in(&response.headers, &response.body)) {
            (Some(farewell), _) => self.send_bye(now, id, EndedBy::Us, None, farewell),
            (None, Some(answer)) => self.emit(Event::Answered { leg: id, answer }),
            (None, None) => {
                let text = "The 2xx had no session description".to_owned();
                let farewell = super::leg::Farewell { cause: 88, text };
                self.send_bye(now, id, EndedBy::Us, Some(488), farewell);
            }
        }
    }

    /// A 2xx to an INVITE that has had one: the same again, or another phone's.
    fn hear_2xx_again(
        &mut self,
        now: Timestamp,
        leg: LegId,
        peer: SocketAddr,
        response: &Response,
    ) {
        let same = self.legs.get(&leg).filter(|leg| {
            leg.dialog.call_id() == response.call_id()
                && response.to_header().tag() == Some(leg.dialog.remote_tag())
        });
        match same.and_then(|leg| leg.ack.clone()) {
            Some(ack) => self.transactions.send(ack.to, ack.bytes),
            None => self.disown(now, response, peer, None),
        }
    }

    fn refused(&mut self, now: Timestamp, leg: LegId, response: &Response) {
        let status = response.status;
        let Some(State::Inviting(inviting)) = self.legs.get(&leg).map(|leg| &leg.state) else {
            return;
        };
        let (ending, rang) = (inviting.ending.is_some(), inviting.rang);
        if !ending && matches!(status, 401 | 407) && self.invite_again(now, leg, response) {
            return;
        }
        if !ending && !rang {
            self.judge(now, leg, Verdict::of(Some(status)));
        }
        let by = if ending { EndedBy::Us } else { EndedBy::Peer };
        self.end_leg(leg, by, Some(status));
    }

    /// Answers a challenge by the second INVITE of the chain.
    fn invite_again(&mut self, now: Timestamp, leg: LegId, challenge: &Response) -> bool {
        let Some((user, password)) = self.credentials(leg) else { return false };
        let Some(State::Inviting(inviting)) = self.legs.get_mut(&leg).map(|leg| &mut leg.state)
        else {
            return false;
        };
        let Some(branch) = inviting.second_branch.take() else { return false };
        let (uri, entropy) = (inviting.request.uri.as_str().to_owned(), &mut self.entropy);
        let Some((name, value)) =
            auth::answer(challenge, &Method::Invite, &uri, &user, &password, entropy)
        else {
            return false;
        };
        let mut request = inviting.request.clone();
        request.headers.set("Via", &Via::udp(self.settings.local, &branch).to_string());
        request.headers.set("CSeq", "2 INVITE");
        request.headers.push(name, &value);
        let purpose = Purpose::Invite(leg);
        let Some(client) = self.transactions.request(now, inviting.peer, &request, purpose) else {
            return false;
        };
        (inviting.client, inviting.request, inviting.heard) = (client, request, false);
        true
    }

    /// Nothing was heard for as long as the invitation allows.
    pub(super) fn give_up_silent(&mut self, now: Timestamp, id: LegId) {
        let Some(State::Inviting(inviting)) = self.legs.get(&id).map(|leg| &leg.state) else {
            return;
        };
        if inviting.heard {
            return;
        }
        if let Some(failed) = self.transactions.give_up(inviting.client) {
            self.request_failed(now, failed);
        }
    }

    /// No response at all, or nobody there. Late ones are still met as they should be.
    pub(super) fn invite_met_silence(
        &mut self,
        now: Timestamp,
        leg: LegId,
        invite: Option<Box<Request>>,
        peer: SocketAddr,
    ) {
        if let Some(invite) = invite {
            self.watch_stray(now, Stray { invite: *invite, peer, leg: None, cancelled: false });
        }
        if !matches!(self.legs.get(&leg).map(|leg| &leg.state), Some(State::Inviting(_))) {
            return;
        }
        self.judge(now, leg, Verdict::of(None));
        self.end_leg(leg, EndedBy::Lost, None);
    }

    /// Ends a dialog that a 2xx opened and nobody wants: ACK and BYE (RFC 3261 section 13.2.2.4).
    /// The same 2xx again gets its ACK again.
    pub(super) fn disown(
        &mut self,
        now: Timestamp,
        response: &Response,
        peer: SocketAddr,
        orphan: Option<LegId>,
    ) {
        let tag = response.to_header().tag().unwrap_or("").to_owned();
        let key = (response.call_id().to_owned(), tag);
        if let Some(ack) = self.unwanted.get(&key) {
            self.transactions.send(ack.to, ack.bytes.clone());
            return;
        }
        if self.unwanted.len() >= LEGS_MAX {
            return;
        }
        let pinned = self.settings.trunks.iter().all(|trunk| trunk.address != peer);
        let mut dialog = Dialog::opened_by(response, peer, pinned);
        let (via, bye_via) = (self.draw_via(), self.draw_via());
        let (to, ack) = dialog.ack(response.cseq().number, via);
        let ack = Transmit { to, bytes: ack.to_bytes() };
        self.transactions.send(ack.to, ack.bytes.clone());
        let (to, bye) = dialog.request(Method::Bye, bye_via);
        self.transactions.request(now, to, &bye, Purpose::StrayBye(orphan));
        self.deadlines.set(now + LIFETIME, Deadline::Unwanted(key.0.clone(), key.1.clone()));
        self.unwanted.insert(key, ack);
    }
}

/// A header value of any text: what is neither visible ASCII nor a space is percent-encoded, byte
/// by byte, and so is the percent sign itself.
fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'%' | 0..b' ' | 0x7f.. => text.push_str(&format!("%{byte:02X}")),
            _ => text.push(char::from(byte)),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_value_cannot_begin_another_line() {
        assert_eq!(encoded("a\r\nX: ü 50%"), "a%0D%0AX: %C3%BC 50%25");
        assert_eq!(encoded("00c8ff;encoding=hex"), "00c8ff;encoding=hex");
    }
}
