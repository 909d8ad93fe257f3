//! Offer and answer (RFC 3264 as RFC 3261 section 13 uses it): who owes what, and whether a body is
//! one we can pass on. The body itself stays unread.
//!
//! ```text
//! Stable --INVITE--> WeOwe --2xx with our answer--> AwaitingAck --ACK--> Stable
//!                    WeOwe --2xx with our offer--> AwaitingAnswer --ACK with an answer--> Stable
//!                    WeOwe --our refusal, CANCEL--> Stable
//! TheyOwe (our INVITE is out) --2xx--> Stable
//! ```
//! An INVITE without an offer asks for ours in the 2xx (RFC 3261 section 13.3.1.4, a late offer).

use super::message::{Headers, Request};
use super::reply::Refusal;
use crate::session::{SessionAnswer, SessionOffer};

/// The one body type we take.
pub(super) const SDP: &str = "application/sdp";

/// Who owes an answer in a dialog.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Exchange {
    /// Nobody.
    Stable,
    /// Their INVITE is with us.
    WeOwe,
    /// Our answer is under way in a 2xx that has no ACK yet.
    AwaitingAck,
    /// Our offer is under way in such a 2xx: the ACK brings the answer.
    AwaitingAnswer,
    /// Our offer is with them.
    TheyOwe,
}

impl Exchange {
    /// May a re-INVITE come in now (RFC 3261 section 14.2)? 500 while we owe an answer to an
    /// earlier one, 491 while ours, or the ACK of ours, is under way.
    pub(super) fn admit_reoffer(self) -> Result<(), Refusal> {
        match self {
            Exchange::Stable => Ok(()),
            Exchange::WeOwe => Err(Refusal::new(500).header("Retry-After", "3")),
            Exchange::AwaitingAck | Exchange::AwaitingAnswer | Exchange::TheyOwe => {
                Err(Refusal::new(491))
            }
        }
    }
}

/// The offer of an INVITE; `None`: it asks for ours.
///
/// # Errors
/// 415 for a body that is no plain session description, 406 if our side could not be one.
pub(super) fn offer_of(request: &Request) -> Result<Option<SessionOffer>, Refusal> {
    check_body(&request.headers, &request.body)?;
    let accepts = |value: &str| {
        let range = value.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        matches!(range.as_str(), "*/*" | "application/*" | SDP)
    };
    if request.headers.contains("Accept") && !request.headers.all("Accept").any(accepts) {
        return Err(Refusal::new(406));
    }
    Ok((!request.body.is_empty()).then(|| SessionOffer(request.body.clone())))
}

/// Is the body a session description, if there is one?
///
/// # Errors
/// 415 as for an INVITE.
fn check_body(headers: &Headers, body: &[u8]) -> Result<(), Refusal> {
    check_type(headers, body, &[SDP])
}

/// Is the body of one of these types, if there is one?
///
/// # Errors
/// 415 with what would do.
pub(super) fn check_type(headers: &Headers, body: &[u8], types: &[&str]) -> Result<(), Refusal> {
    if body.is_empty() {
        return Ok(());
    }
    let plain = |value: &str| value.trim().eq_ignore_ascii_case("identity");
    if !headers.all("Content-Encoding").all(plain) {
        return Err(Refusal::new(415).header("Accept-Encoding", "identity"));
    }
    if headers.content_type().is_none_or(|given| !types.contains(&given.as_str())) {
        return Err(Refusal::new(415).header("Accept", &types.join(", ")));
    }
    Ok(())
}

/// The answer in a 2xx to our INVITE, or in the ACK of our 2xx with an offer; `None` if there is
/// none we can pass on.
pub(super) fn answer_in(headers: &Headers, body: &[u8]) -> Option<SessionAnswer> {
    let fits = !body.is_empty() && check_body(headers, body).is_ok();
    fits.then(|| SessionAnswer(body.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::super::message::{Message, parse};
    use super::*;

    fn invite(headers: &str, body: &str) -> Request {
        let text = format!(
            "INVITE sip:1@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
             From: <sip:a@example.com>;tag=t\r\nTo: <sip:1@example.com>\r\nCall-ID: c\r\n\
             CSeq: 1 INVITE\r\nMax-Forwards: 70\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        match parse(text.as_bytes()) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_body_is_an_offer_or_is_refused() {
        let sdp = "Content-Type: application/sdp\r\n";
        let table = [
            (sdp.to_owned(), "v=0", 0),
            ("c: Application/SDP;charset=utf-8\r\n".to_owned(), "v=0", 0),
            (format!("{sdp}Accept: text/plain, application/sdp;q=0.5\r\n"), "v=0", 0),
            (format!("{sdp}Accept: */*\r\n"), "v=0", 0),
            (format!("{sdp}Content-Encoding: identity\r\n"), "v=0", 0),
            (String::new(), "v=0", 415),
            ("Content-Type: multipart/mixed;boundary=x\r\n".to_owned(), "v=0", 415),
            (format!("{sdp}Content-Encoding: gzip\r\n"), "v=0", 415),
            (format!("{sdp}Accept: text/plain\r\n"), "v=0", 406),
            ("Accept: text/plain\r\n".to_owned(), "", 406),
        ];
        for (headers, body, expected) in table {
            let status =
                offer_of(&invite(&headers, body)).map_or_else(|refused| refused.status, |_| 0);
            assert_eq!(status, expected, "{headers:?}");
        }
        assert_eq!(offer_of(&invite("", "")), Ok(None), "it asks for ours");
    }

    #[test]
    fn a_second_offer_waits_its_turn() {
        let status =
            |exchange: Exchange| exchange.admit_reoffer().map_err(|refused| refused.status);
        assert_eq!(status(Exchange::Stable), Ok(()));
        assert_eq!(status(Exchange::WeOwe), Err(500));
        assert_eq!(status(Exchange::AwaitingAck), Err(491));
        assert_eq!(status(Exchange::AwaitingAnswer), Err(491));
        assert_eq!(status(Exchange::TheyOwe), Err(491));
    }
}
