//! Requests inside a dialog (RFC 3261 section 12.2.2): each in its order, by what its leg is ready
//! for.

use super::Event;
use super::exchange::{self, Exchange};
use super::info;
use super::leg::{Pending, State};
use super::message::{Method, Request, Response};
use super::reply::{ALLOW, Refusal, reason};
use super::transaction::{LIFETIME, TransactionId};
use super::user_agent::{Deadline, UserAgent};
use crate::ident::LegId;
use crate::time::{Duration, Timestamp};

/// How long an UPDATE may wait for our answer: it is no INVITE, whose sender would wait for people.
const UPDATE_MAX: Duration = Duration::from_secs(5);

impl UserAgent {
    /// A request with a To tag.
    pub(super) fn serve_in_dialog(
        &mut self,
        now: Timestamp,
        id: TransactionId,
        request: &Request,
    ) -> Result<(), Refusal> {
        let leg = self.leg_of(request).ok_or_else(gone)?;
        let known = self.legs.get_mut(&leg).ok_or_else(gone)?;
        if matches!(known.state, State::Inviting(_)) {
            return self.serve_early(now, id, request);
        }
        known.dialog.accept(request).map_err(|_| Refusal::new(500))?;
        match &request.method {
            Method::Bye => {
                self.respond(now, id, Response::to(request, 200, reason(200)));
                self.peer_left(now, leg);
                Ok(())
            }
            Method::Options => {
                self.take_options(now, id, request);
                Ok(())
            }
            Method::Invite => self.take_reinvite(now, id, leg, request),
            Method::Info => self.take_info(now, id, leg, request),
            Method::Refer => self.take_refer(now, id, leg, request),
            Method::Update => self.take_update(now, id, leg, request),
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Prack
            | Method::Notify
            | Method::Subscribe
            | Method::Message
            | Method::Publish
            | Method::Other(_) => Err(Refusal::new(405).header("Allow", ALLOW)),
        }
    }

    /// Before the answer to our INVITE any number of phones may ring, and none has a dialog with us
    /// yet; an offer crosses ours (RFC 3261 section 14.2, RFC 3311 section 5.2).
    fn serve_early(
        &mut self,
        now: Timestamp,
        id: TransactionId,
        request: &Request,
    ) -> Result<(), Refusal> {
        let is_update = request.method == Method::Update;
        if is_update && request.body.is_empty() {
            self.respond_with_contact(now, id, request);
            return Ok(());
        }
        let is_offer = is_update || request.method == Method::Invite;
        if is_offer { Exchange::TheyOwe.admit_reoffer() } else { Err(gone()) }
    }

    /// An UPDATE (RFC 3311): a new target, a new offer, or both.
    fn take_update(
        &mut self,
        now: Timestamp,
        id: TransactionId,
        leg: LegId,
        request: &Request,
    ) -> Result<(), Refusal> {
        let offer = exchange::offer_of(request)?;
        let known = self.legs.get_mut(&leg).ok_or_else(gone)?;
        match (&mut known.state, offer) {
            (State::Inviting(_) | State::Leaving(_), _) => Err(gone()),
            (State::Offered(_), Some(_)) => Exchange::WeOwe.admit_reoffer(),
            (State::Offered(_) | State::Up(_), None) => {
                known.dialog.refresh_target(request);
                self.respond_with_contact(now, id, request);
                Ok(())
            }
            (State::Up(up), Some(offer)) => {
                up.exchange.admit_reoffer()?;
                up.exchange = Exchange::WeOwe;
                up.reoffer = Some(Pending { server: id, request: request.clone() });
                self.deadlines.set(now + UPDATE_MAX, Deadline::Unanswered(leg));
                self.emit(Event::Reoffered { leg, offer: Some(offer) });
                Ok(())
            }
        }
    }

    fn respond_with_contact(&mut self, now: Timestamp, id: TransactionId, request: &Request) {
        let mut response = Response::to(request, 200, reason(200));
        response.headers.push("Contact", &self.contact());
        self.respond(now, id, response);
    }

    fn take_reinvite(
        &mut self,
        now: Timestamp,
        id: TransactionId,
        leg: LegId,
        request: &Request,
    ) -> Result<(), Refusal> {
        let known = self.legs.get_mut(&leg).ok_or_else(gone)?;
        match &mut known.state {
            State::Offered(_) => Exchange::WeOwe.admit_reoffer(),
            State::Inviting(_) | State::Leaving(_) => Err(gone()),
            State::Up(up) => {
                up.exchange.admit_reoffer()?;
                let offer = exchange::offer_of(request)?;
                up.exchange = Exchange::WeOwe;
                up.reoffer = Some(Pending { server: id, request: request.clone() });
                self.servers.insert(id, leg);
                self.deadlines.set(now + LIFETIME, Deadline::Unanswered(leg));
                self.transactions.respond(now, id, &Response::to(request, 100, reason(100)));
                self.emit(Event::Reoffered { leg, offer });
                Ok(())
            }
        }
    }

    fn take_info(
        &mut self,
        now: Timestamp,
        id: TransactionId,
        leg: LegId,
        request: &Request,
    ) -> Result<(), Refusal> {
        if matches!(self.legs.get(&leg).map(|leg| &leg.state), Some(State::Leaving(_)) | None) {
            return Err(gone());
        }
        let digit = info::digit_of(request)?;
        self.respond(now, id, Response::to(request, 200, reason(200)));
        if let Some(digit) = digit {
            self.emit(Event::Digit { leg, digit });
        }
        Ok(())
    }

    /// The leg whose dialog a request belongs to, by Call-ID and both tags.
    pub(super) fn leg_of(&self, request: &Request) -> Option<LegId> {
        let tag = request.to().tag()?.to_owned();
        let leg = *self.dialogs.get(&(request.call_id().to_owned(), tag))?;
        let known = self.legs.get(&leg)?;
        let theirs = request.from();
        let early = matches!(known.state, State::Inviting(_));
        (early || known.dialog.remote_tag() == theirs.tag().unwrap_or("")).then_some(leg)
    }
}

fn gone() -> Refusal {
    Refusal::new(481)
}
