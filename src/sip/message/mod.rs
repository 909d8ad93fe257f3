//! SIP messages (RFC 3261 section 7): read from a datagram, asked, built, written.
//!
//! [`parse`] checks everything that every message must have, so that the accessors of [`Request`]
//! and [`Response`] cannot fail afterwards; values are kept as they came and read only when asked
//! for. No transaction, dialog or policy here: a scheme, method or extension that we do not serve
//! is no error of the message.

mod headers;
mod method;
mod parse;
mod scan;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod torture;
mod uri;
mod value;
mod write;

pub use headers::Headers;
pub use method::Method;
pub use parse::{
    HEADERS_MAX, LINE_MAX, MESSAGE_MAX, Malformed, ReplyHead, VIAS_MAX, is_keep_alive, parse,
};
pub use uri::{Host, Scheme, URI_MAX, Uri, UriError, escaped_user};
pub use value::{
    BRANCH_COOKIE, CSeq, Contacts, NameAddr, Params, Replaces, SessionExpires, Via, credentials,
};
pub use write::{quoted, token};

use std::fmt;
use std::net::SocketAddr;

use write::{append_headers_and_body, append_line_text, append_number};

/// A request or a response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

/// A request. From [`parse`] or [`Request::new`] it has Via, From, To, Call-ID and CSeq.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The Request-URI.
    pub uri: Uri,
    /// The headers, in order.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// A response. From [`parse`] or [`Response::to`] it has Via, From, To, Call-ID and CSeq.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// The reason phrase, any text; may be empty.
    pub reason: String,
    /// The headers, in order.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// What every request must have beside its method and Request-URI (RFC 3261 section 8.1.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestHead {
    /// Our Via.
    pub via: Via,
    /// Who asks.
    pub from: NameAddr,
    /// Who is meant.
    pub to: NameAddr,
    /// The Call-ID.
    pub call_id: String,
    /// The number in CSeq, below 2^31.
    pub cseq: u32,
}

/// Header names alone, and how long the body is: the rest is about people.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, uri, headers, body) = (&self.method, &self.uri, &self.headers, &self.body);
        write!(f, "{method} {uri:?} {headers:?} + {} bytes", body.len())
    }
}

/// Header names alone, and how long the body is: the rest is about people.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, reason, headers, body) =
            (self.status, &self.reason, &self.headers, &self.body);
        write!(f, "{status} {reason:?} {headers:?} + {} bytes", body.len())
    }
}

impl Message {
    /// The headers.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    /// The message as it goes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }
}

/// What the accessors of both kinds share. A message whose mandatory field was taken away by hand
/// reads as from nobody: the anonymous URI, an empty Call-ID, CSeq 0, a Via to nowhere.
macro_rules! mandatory {
    () => {
        /// The topmost Via.
        pub fn top_via(&self) -> Via {
            self.headers.top_via().unwrap_or_else(Via::nowhere)
        }

        /// The Call-ID.
        pub fn call_id(&self) -> &str {
            self.headers.call_id().unwrap_or("")
        }

        /// The CSeq.
        pub fn cseq(&self) -> CSeq {
            let none = || CSeq { number: 0, method: Method::Other(String::new()) };
            self.headers.cseq().unwrap_or_else(none)
        }

        /// The From.
        pub fn from(&self) -> NameAddr {
            self.headers.from().unwrap_or_else(|| NameAddr::new(Uri::anonymous()))
        }

        /// Sets the body and its Content-Type. Content-Length is written with the message.
        pub fn set_body(&mut self, content_type: &str, body: Vec<u8>) {
            self.headers.set("Content-Type", content_type);
            self.body = body;
        }

        /// The message as it goes on the wire.
        pub fn to_bytes(&self) -> Vec<u8> {
            let mut out = Vec::with_capacity(1024 + self.body.len());
            self.write(&mut out);
            out
        }
    };
}

impl Request {
    /// A request with its mandatory headers (Max-Forwards 70) and no body.
    pub fn new(method: Method, uri: Uri, head: &RequestHead) -> Self {
        let mut headers = Headers::default();
        headers.push("Via", &head.via.to_string());
        headers.push("Max-Forwards", "70");
        headers.push("From", &head.from.to_string());
        headers.push("To", &head.to.to_string());
        headers.push("Call-ID", &head.call_id);
        headers.push("CSeq", &format!("{} {method}", head.cseq));
        Self { method, uri, headers, body: Vec::new() }
    }

    mandatory!();

    /// The To.
    pub fn to(&self) -> NameAddr {
        self.headers.to().unwrap_or_else(|| NameAddr::new(Uri::anonymous()))
    }

    /// Writes what RFC 3261 section 18.2.1 and RFC 3581 section 4 ask of a server into the top Via:
    /// `received` where the source differs or `rport` is asked for, and the value of `rport`.
    pub fn stamp_source(&mut self, source: SocketAddr) {
        let mut via = self.top_via();
        via.stamp(source);
        self.headers.replace_top_via(Some(&via));
    }

    /// Appends the message as it goes on the wire, Content-Length last and right.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.uri.as_str().as_bytes());
        out.extend_from_slice(b" SIP/2.0\r\n");
        append_headers_and_body(out, &self.headers, &self.body);
    }
}

impl Response {
    /// A response that copies Via, From, To, Call-ID and CSeq (RFC 3261 section 8.2.6.2); and
    /// Timestamp, if it is a 100. The To tag is set by [`Response::set_to_tag`].
    pub fn to(request: &Request, status: u16, reason: &str) -> Self {
        let mut headers = Headers::default();
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            headers.copy(name, &request.headers);
        }
        if status == 100 {
            headers.copy("Timestamp", &request.headers);
        }
        Self { status, reason: reason.to_owned(), headers, body: Vec::new() }
    }

    mandatory!();

    /// The To, named apart from the constructor.
    pub fn to_header(&self) -> NameAddr {
        self.headers.to().unwrap_or_else(|| NameAddr::new(Uri::anonymous()))
    }

    /// Adds a tag (a token) to To if it has none; the rest of To stays as it came.
    pub fn set_to_tag(&mut self, tag: &str) {
        if self.to_header().tag().is_none() {
            self.headers.append_to_value("To", &format!(";tag={}", token(tag)));
        }
    }

    /// Appends the message as it goes on the wire, Content-Length last and right.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"SIP/2.0 ");
        append_number(out, usize::from(self.status));
        out.push(b' ');
        append_line_text(out, &self.reason);
        out.extend_from_slice(b"\r\n");
        append_headers_and_body(out, &self.headers, &self.body);
    }
}
