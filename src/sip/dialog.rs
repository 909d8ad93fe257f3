//! A dialog (RFC 3261 section 12): who talks to whom, in which order, by which way.
//!
//! It builds the requests inside the dialog and judges the order of those that come. Where requests
//! go: a pinned dialog (a phone, perhaps behind a NAT) always answers the address it was reached
//! at; the others follow the route set and the Contact as long as those are addresses, not names.

use std::net::SocketAddr;

use super::message::{Method, NameAddr, Request, RequestHead, Response, Uri, Via};

/// The number of a request was not above the last one (RFC 3261 section 12.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OutOfOrder;

/// Our end of a dialog, early or confirmed.
#[derive(Clone, Debug)]
pub(super) struct Dialog {
    call_id: String,
    local: NameAddr,
    remote: NameAddr,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    target: Uri,
    routes: Vec<NameAddr>,
    peer: SocketAddr,
    pinned: bool,
}

impl Dialog {
    /// The called side: from an INVITE, which came from `peer`.
    pub(super) fn called(invite: &Request, tag: &str, peer: SocketAddr, pinned: bool) -> Self {
        let remote = invite.from();
        let contact = invite.headers.contacts().first().map(|contact| contact.uri.clone());
        Self {
            call_id: invite.call_id().to_owned(),
            local: invite.to().with_tag(tag),
            target: contact.unwrap_or_else(|| remote.uri.clone()),
            remote,
            local_cseq: 0,
            remote_cseq: Some(invite.cseq().number),
            routes: invite.headers.record_routes(),
            peer,
            pinned,
        }
    }

    /// The calling side, before any answer: from our INVITE, which goes to `peer`.
    pub(super) fn calling(invite: &Request, peer: SocketAddr, pinned: bool) -> Self {
        Self {
            call_id: invite.call_id().to_owned(),
            local: invite.from(),
            remote: invite.to(),
            local_cseq: invite.cseq().number,
            remote_cseq: None,
            target: invite.uri.clone(),
            routes: Vec::new(),
            peer,
            pinned,
        }
    }

    /// The calling side, from a 2xx alone: it names all that is needed to end what it opened.
    pub(super) fn opened_by(response: &Response, peer: SocketAddr, pinned: bool) -> Self {
        let remote = response.to_header();
        let mut dialog = Self {
            call_id: response.call_id().to_owned(),
            local: response.from(),
            local_cseq: response.cseq().number,
            remote_cseq: None,
            target: remote.uri.clone(),
            remote,
            routes: Vec::new(),
            peer,
            pinned,
        };
        dialog.confirm(response);
        dialog
    }

    /// The calling side: a 2xx fixes remote tag, route set and target.
    pub(super) fn confirm(&mut self, response: &Response) {
        self.remote = response.to_header();
        self.local_cseq = self.local_cseq.max(response.cseq().number);
        self.routes = response.headers.record_routes();
        self.routes.reverse();
        if let Some(contact) = response.headers.contacts().first() {
            self.target = contact.uri.clone();
        }
    }

    /// The Call-ID.
    pub(super) fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Our tag.
    pub(super) fn local_tag(&self) -> &str {
        self.local.tag().unwrap_or("")
    }

    /// Their tag; empty for a peer of RFC 2543, and before an answer.
    pub(super) fn remote_tag(&self) -> &str {
        self.remote.tag().unwrap_or("")
    }

    /// Takes a request other than ACK and CANCEL in its order.
    pub(super) fn accept(&mut self, request: &Request) -> Result<(), OutOfOrder> {
        let number = request.cseq().number;
        if self.remote_cseq.is_some_and(|last| number <= last) {
            return Err(OutOfOrder);
        }
        self.remote_cseq = Some(number);
        Ok(())
    }

    /// A re-INVITE that we accepted moves the target (RFC 3261 section 12.2.2).
    pub(super) fn refresh_target(&mut self, request: &Request) {
        if let Some(contact) = request.headers.contacts().first() {
            self.target = contact.uri.clone();
        }
    }

    /// The next request inside the dialog, with the address it goes to.
    pub(super) fn request(&mut self, method: Method, via: Via) -> (SocketAddr, Request) {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.build(method, via, self.local_cseq)
    }

    /// The ACK of the 2xx to our INVITE of that number (RFC 3261 section 13.2.2.4).
    pub(super) fn ack(&self, cseq: u32, via: Via) -> (SocketAddr, Request) {
        self.build(Method::Ack, via, cseq)
    }

    fn build(&self, method: Method, via: Via, cseq: u32) -> (SocketAddr, Request) {
        let head = RequestHead {
            via,
            from: self.local.clone(),
            to: self.remote.clone(),
            call_id: self.call_id.clone(),
            cseq,
        };
        let (mut uri, mut routes) = (self.target.clone(), self.routes.clone());
        let strict = routes.first().is_some_and(|route| route.uri.param("lr").is_none());
        if strict {
            // RFC 3261 section 12.2.1.1: a strict router takes the Request-URI.
            let first = routes.remove(0);
            routes.push(NameAddr::new(std::mem::replace(&mut uri, first.uri)));
        }
        let hop = if strict { &uri } else { routes.first().map_or(&uri, |route| &route.uri) };
        let address = hop.address().filter(|_| !self.pinned).unwrap_or(self.peer);
        let mut request = Request::new(method, uri, &head);
        for route in &routes {
            request.headers.push("Route", &route.to_string());
        }
        (address, request)
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{Message, parse};
    use super::*;

    const INVITE: &str = "INVITE sip:100@192.0.2.9 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n\
        Record-Route: <sip:192.0.2.2:5070;lr>\r\nRecord-Route: <sip:192.0.2.3;lr>\r\n\
        From: <sip:a@example.com>;tag=theirs\r\nTo: <sip:100@example.com>\r\nCall-ID: c1\r\n\
        CSeq: 7 INVITE\r\nContact: <sip:a@192.0.2.1:5062>\r\nMax-Forwards: 70\r\n\
        Content-Length: 0\r\n\r\n";

    fn request(text: &str) -> Request {
        match parse(text.as_bytes()) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn called(text: &str, pinned: bool) -> Dialog {
        Dialog::called(&request(text), "ours", "192.0.2.1:5999".parse().unwrap(), pinned)
    }

    fn via() -> Via {
        Via::udp("192.0.2.9:5060".parse().unwrap(), "z9hG4bKx")
    }

    #[test]
    fn requests_follow_the_route_set_of_the_called_side_in_order() {
        let (to, bye) = called(INVITE, false).request(Method::Bye, via());
        assert_eq!(to, "192.0.2.2:5070".parse().unwrap());
        assert_eq!(bye.uri.as_str(), "sip:a@192.0.2.1:5062");
        let routes: Vec<_> = bye.headers.routes().iter().map(|r| r.uri.to_string()).collect();
        assert_eq!(routes, ["sip:192.0.2.2:5070;lr", "sip:192.0.2.3;lr"]);
        assert_eq!((bye.from().tag(), bye.to().tag()), (Some("ours"), Some("theirs")));
        assert_eq!(bye.cseq().number, 1);
    }

    #[test]
    fn a_strict_router_takes_the_request_uri() {
        let strict = INVITE.replace("5070;lr", "5070");
        let (to, bye) = called(&strict, false).request(Method::Bye, via());
        assert_eq!(to, "192.0.2.2:5070".parse().unwrap());
        assert_eq!(bye.uri.as_str(), "sip:192.0.2.2:5070");
        let routes: Vec<_> = bye.headers.routes().iter().map(|r| r.uri.to_string()).collect();
        assert_eq!(routes, ["sip:192.0.2.3;lr", "sip:a@192.0.2.1:5062"]);
    }

    #[test]
    fn a_pinned_dialog_and_a_name_go_to_the_peer() {
        let peer = "192.0.2.1:5999".parse().unwrap();
        assert_eq!(called(INVITE, true).request(Method::Bye, via()).0, peer);
        let named = INVITE.replace("sip:192.0.2.2:5070;lr", "sip:proxy.example.com;lr");
        assert_eq!(called(&named, false).request(Method::Bye, via()).0, peer);
    }

    #[test]
    fn the_calling_side_reverses_the_routes_of_the_answer() {
        let invite = request(INVITE);
        let mut dialog = Dialog::calling(&invite, "192.0.2.1:5060".parse().unwrap(), false);
        let mut answer = Response::to(&invite, 200, "OK");
        answer.set_to_tag("far");
        answer.headers.copy("Record-Route", &invite.headers);
        answer.headers.push("Contact", "<sip:z@192.0.2.7>");
        dialog.confirm(&answer);
        let (to, ack) = dialog.ack(7, via());
        assert_eq!(to, "192.0.2.3:5060".parse().unwrap());
        assert_eq!((ack.cseq().number, ack.to().tag()), (7, Some("far")));
        assert_eq!(dialog.request(Method::Bye, via()).1.cseq().number, 8);
        assert_eq!(dialog.remote_tag(), "far");
    }

    #[test]
    fn numbers_must_rise() {
        let mut dialog = called(INVITE, false);
        for (number, expected) in [(7, false), (6, false), (9, true), (8, false), (10, true)] {
            let next = INVITE.replace("CSeq: 7", &format!("CSeq: {number}"));
            assert_eq!(dialog.accept(&request(&next)).is_ok(), expected, "{number}");
        }
    }
}
