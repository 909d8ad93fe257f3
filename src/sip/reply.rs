//! Final responses that refuse: a status, its reason phrase, and the headers that say what would
//! do.

use super::message::{Request, Response};

/// What we serve, for Allow.
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, REFER, UPDATE";
/// The extensions that may be required of us: RFC 3891, RFC 4488.
pub(super) const SUPPORTED: &str = "replaces, norefersub";

/// A response that refuses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    /// 300 to 699.
    pub(super) status: u16,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    /// Refuses with that status.
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new() }
    }

    /// The same with one more header.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// As a response to `request`, without a To tag of ours.
    pub(super) fn to(&self, request: &Request) -> Response {
        let mut response = Response::to(request, self.status, reason(self.status));
        for (name, value) in &self.headers {
            response.headers.push(name, value);
        }
        response
    }
}

/// 503 with a time to come back.
pub(super) fn overloaded() -> Refusal {
    Refusal::new(503).header("Retry-After", "5")
}

/// Checks that no other extension is required of us (RFC 3261 section 8.2.2.3).
pub(super) fn check_require(request: &Request) -> Result<(), Refusal> {
    let mut wanted = request.headers.require();
    // Proxy-Require means an intermediary, but one who sends it to us wants it of us.
    wanted.extend(request.headers.all("Proxy-Require"));
    wanted.retain(|wanted| !SUPPORTED.split(", ").any(|tag| tag.eq_ignore_ascii_case(wanted)));
    if wanted.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(420).header("Unsupported", &wanted.join(", ")))
}

/// The final response that says to a caller why we do not take the call, by its Q.850 cause.
pub(super) fn status_of_cause(cause: u8) -> u16 {
    match cause {
        1..=3 | 28 => 404,
        17 => 486,
        21 => 603,
        34 | 38 | 41 | 42 | 47 => 503,
        88 => 488,
        _ => 480,
    }
}

/// The reason phrase of a status.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        423 => "Interval Too Brief",
        469 => "Bad Info Package",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        600 => "Busy Everywhere",
        603 => "Decline",
        _ => match status / 100 {
            1 => "Progress",
            2 => "Success",
            3 => "Redirection",
            4 => "Request Failure",
            5 => "Server Failure",
            _ => "Global Failure",
        },
    }
}
