//! Registering with the registrar at the other end of a trunk (RFC 3261 section 10.2), as a
//! telephone does. One binding, once: whoever wants it renewed asks again.

use super::auth;
use super::message::{Method, NameAddr, Request, RequestHead, Response, Uri, Via};
use super::user_agent::{Purpose, UserAgent};
use super::{Event, identity};
use crate::ident::TrunkId;
use crate::time::{Duration, Timestamp};

/// A REGISTER that is under way.
#[derive(Debug)]
pub(super) struct Registering {
    request: Request,
    challenged: bool,
}

impl UserAgent {
    /// Binds the user of the trunk's credentials (or of its caller id) to our address for
    /// `expires`. [`Event::Registered`] follows; one under way is replaced.
    pub fn register(&mut self, now: Timestamp, trunk: &TrunkId, expires: Duration) {
        let Some(settings) = self.trunks.get(trunk).map(|known| known.settings.clone()) else {
            return self.registered(trunk, false);
        };
        let credentials = settings.credentials.as_ref().map(|(user, _)| user.as_str());
        let user = credentials.or(settings.caller_id.as_deref());
        let address_of_record = NameAddr::new(Uri::at(user, settings.address));
        let tag = self.draw_tag();
        let head = RequestHead {
            via: self.draw_via(),
            from: address_of_record.clone().with_tag(&tag),
            to: address_of_record,
            call_id: self.entropy.hex(16),
            cseq: 1,
        };
        let mut request = Request::new(Method::Register, Uri::at(None, settings.address), &head);
        let contact = NameAddr::new(Uri::at(user, self.settings.local));
        request.headers.push("Contact", &contact.to_string());
        request.headers.push("Expires", &expires.as_secs().to_string());
        self.send_register(now, trunk, request, false);
    }

    fn send_register(
        &mut self,
        now: Timestamp,
        trunk: &TrunkId,
        request: Request,
        challenged: bool,
    ) {
        let Some(peer) = self.trunks.get(trunk).map(|known| known.settings.address) else { return };
        let purpose = Purpose::Register(trunk.clone());
        if self.transactions.request(now, peer, &request, purpose).is_none() {
            return self.registered(trunk, false);
        }
        self.registering.insert(trunk.clone(), Registering { request, challenged });
    }

    /// A final response to a REGISTER of ours: a first challenge is answered, all else is told.
    pub(super) fn hear_register(&mut self, now: Timestamp, trunk: &TrunkId, response: &Response) {
        let Some(Registering { mut request, challenged }) = self.registering.remove(trunk) else {
            return;
        };
        let credentials =
            self.trunks.get(trunk).and_then(|known| known.settings.credentials.clone());
        let answer = match credentials {
            Some((user, password)) if !challenged => {
                let (uri, entropy) = (request.uri.as_str().to_owned(), &mut self.entropy);
                auth::answer(response, &Method::Register, &uri, &user, &password, entropy)
            }
            Some(_) | None => None,
        };
        let Some((name, value)) = answer else {
            return self.registered(trunk, (200..300).contains(&response.status));
        };
        let branch = identity::branch(&mut self.entropy);
        request.headers.set("Via", &Via::udp(self.settings.local, &branch).to_string());
        request.headers.set("CSeq", "2 REGISTER");
        request.headers.push(name, &value);
        self.send_register(now, trunk, request, true);
    }

    /// Tells how it ended.
    pub(super) fn registered(&mut self, trunk: &TrunkId, accepted: bool) {
        self.registering.remove(trunk);
        self.emit(Event::Registered { trunk: trunk.clone(), accepted });
    }

    /// The trunks that carry a call now.
    pub fn trunks_in_use(&self) -> impl Iterator<Item = TrunkId> {
        self.trunks.iter().filter(|(_, trunk)| trunk.in_use() > 0).map(|(id, _)| id.clone())
    }
}
