//! How legs end: CANCEL, BYE or a refusal of ours, a BYE of theirs, or nobody there any more.

use super::EndedBy;
use super::auth;
use super::leg::{Farewell, Leaving, Leg, Party, State};
use super::message::{Method, Response};
use super::reply::{Refusal, status_of_cause};
use super::stray::Stray;
use super::transaction::{LIFETIME, cancel_of};
use super::user_agent::{Deadline, Purpose, UserAgent};
use crate::ident::{LegId, Secret};
use crate::time::Timestamp;

impl UserAgent {
    /// Hangs up. Our INVITE without an answer is cancelled, as soon as a 1xx has come (RFC 3261
    /// section 9.1); an answered leg gets a BYE, after the ACK of our 2xx; an incoming INVITE is
    /// refused by what the cause means. `cause` (Q.850) and `text` go into a Reason header (RFC
    /// 3326). [`super::Event::Ended`] follows when the other side knows, or all timers are over.
    pub fn hang_up(&mut self, now: Timestamp, leg: LegId, cause: u8, text: &str) {
        let farewell = Farewell { cause, text: text.to_owned() };
        let Some(known) = self.legs.get_mut(&leg) else { return };
        match &mut known.state {
            State::Offered(_) => {
                let refusal = Refusal::new(status_of_cause(cause));
                self.refuse_pending(now, leg, &refusal.header("Reason", &farewell.reason()));
                self.end_leg(leg, EndedBy::Us, None);
            }
            State::Inviting(inviting) => {
                inviting.yields = false;
                if inviting.ending.is_none() {
                    inviting.ending = Some(farewell);
                    self.deadlines.clear(&Deadline::RingLimit(leg));
                    self.cancel_if_heard(now, leg);
                }
            }
            State::Up(up) if !up.established => {
                up.bye_held.get_or_insert(farewell);
            }
            State::Up(_) => {
                self.report_before_bye(now, leg);
                self.send_bye(now, leg, EndedBy::Us, None, farewell);
            }
            State::Leaving(_) => {}
        }
    }

    /// Cancels our INVITE like [`Self::hang_up`], unless it is answered in the same moment: then
    /// the 2xx that crosses the CANCEL counts (RFC 3261 section 9.1), and the leg is up.
    pub fn cancel(&mut self, now: Timestamp, leg: LegId, cause: u8) {
        self.hang_up(now, leg, cause, "");
        if let Some(State::Inviting(inviting)) = self.legs.get_mut(&leg).map(|leg| &mut leg.state) {
            inviting.yields = true;
        }
    }

    /// Sends the CANCEL that was ordered, if a 1xx has come.
    pub(super) fn cancel_if_heard(&mut self, now: Timestamp, leg: LegId) {
        let Some(State::Inviting(inviting)) = self.legs.get_mut(&leg).map(|leg| &mut leg.state)
        else {
            return;
        };
        let Some(farewell) = &inviting.ending else { return };
        if !inviting.heard || inviting.cancelled {
            return;
        }
        inviting.cancelled = true;
        let mut cancel = cancel_of(&inviting.request);
        cancel.headers.push("Reason", &farewell.reason());
        let peer = inviting.peer;
        self.transactions.request(now, peer, &cancel, Purpose::Cancel);
        self.deadlines.set(now + LIFETIME, Deadline::CancelLimit(leg));
    }

    /// 64*T1 after the CANCEL the INVITE counts as cancelled (RFC 3261 section 9.1).
    pub(super) fn give_up_cancelled(&mut self, now: Timestamp, leg: LegId) {
        let Some(State::Inviting(inviting)) = self.legs.get(&leg).map(|leg| &leg.state) else {
            return;
        };
        let client = inviting.client;
        if let Some(failed) = self.transactions.give_up(client)
            && let Some(invite) = failed.invite
        {
            let stray = Stray { invite: *invite, peer: failed.peer, leg: None, cancelled: true };
            self.watch_stray(now, stray);
        }
        self.end_leg(leg, EndedBy::Us, None);
    }

    /// Sends BYE and waits for its answer.
    pub(super) fn send_bye(
        &mut self,
        now: Timestamp,
        leg: LegId,
        by: EndedBy,
        status: Option<u16>,
        farewell: Farewell,
    ) {
        self.refuse_pending(now, leg, &Refusal::new(487));
        let reason = farewell.reason();
        let header = Some(("Reason", reason.as_str()));
        if !self.send_in_dialog(now, leg, Method::Bye, header, Purpose::Bye(leg)) {
            self.end_leg(leg, by, status);
            return;
        }
        for deadline in [Deadline::Repeat, Deadline::Unacked, Deadline::ProbeLimit] {
            self.deadlines.clear(&deadline(leg));
        }
        if let Some(known) = self.legs.get_mut(&leg) {
            known.state = State::Leaving(Leaving { by, status, farewell: Some(farewell) });
        }
    }

    /// A final response to our BYE. A challenge is answered once.
    pub(super) fn hear_bye(&mut self, now: Timestamp, leg: LegId, response: &Response) {
        if matches!(response.status, 401 | 407) && self.repeat_bye(now, leg, response) {
            return;
        }
        self.left(leg);
    }

    fn repeat_bye(&mut self, now: Timestamp, leg: LegId, challenge: &Response) -> bool {
        let Some((user, password)) = self.credentials(leg) else { return false };
        let via = self.draw_via();
        let Some(Leg { state: State::Leaving(leaving), dialog, .. }) = self.legs.get_mut(&leg)
        else {
            return false;
        };
        let Some(farewell) = leaving.farewell.take() else { return false };
        let (to, mut bye) = dialog.request(Method::Bye, via);
        let (uri, entropy) = (bye.uri.as_str().to_owned(), &mut self.entropy);
        let Some((name, value)) =
            auth::answer(challenge, &Method::Bye, &uri, &user, &password, entropy)
        else {
            return false;
        };
        bye.headers.push(name, &value);
        bye.headers.push("Reason", &farewell.reason());
        self.transactions.request(now, to, &bye, Purpose::Bye(leg)).is_some()
    }

    /// The BYE was answered, or will not be.
    pub(super) fn left(&mut self, leg: LegId) {
        if let Some(State::Leaving(leaving)) = self.legs.get(&leg).map(|leg| &leg.state) {
            let (by, status) = (leaving.by, leaving.status);
            self.end_leg(leg, by, status);
        }
    }

    /// A BYE of theirs came in and was answered.
    pub(super) fn peer_left(&mut self, now: Timestamp, leg: LegId) {
        self.refuse_pending(now, leg, &Refusal::new(487));
        match self.legs.get(&leg).map(|leg| &leg.state) {
            // Both hung up: ours came first here.
            Some(State::Leaving(_)) => self.left(leg),
            Some(State::Offered(_) | State::Inviting(_) | State::Up(_)) => {
                self.end_leg(leg, EndedBy::Peer, None);
            }
            None => {}
        }
    }

    /// 64*T1 without an ACK of our 2xx: the session ends (RFC 3261 section 13.3.1.4).
    pub(super) fn give_up_ack(&mut self, now: Timestamp, leg: LegId) {
        let Some(State::Up(up)) = self.legs.get_mut(&leg).map(|leg| &mut leg.state) else { return };
        if up.unacked.take().is_none() {
            return;
        }
        match up.bye_held.take() {
            Some(farewell) => self.send_bye(now, leg, EndedBy::Us, None, farewell),
            None => {
                let farewell = Farewell { cause: 102, text: "No ACK".to_owned() };
                self.send_bye(now, leg, EndedBy::Lost, None, farewell);
            }
        }
    }

    /// The credentials that answer a challenge to a leg.
    pub(super) fn credentials(&self, leg: LegId) -> Option<(String, Secret)> {
        match &self.legs.get(&leg)?.party {
            Party::Trunk(trunk) => self.trunks.get(trunk)?.settings.credentials.clone(),
            Party::User(_) => None,
        }
    }
}
