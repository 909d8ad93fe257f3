//! Keys pressed as INFO: `application/dtmf-relay` (`Signal=5`, `Duration=160`) and
//! `application/dtmf` (`5`), as phones and gateways send them. No RFC says what is in them; they
//! are older than info packages (RFC 6086 section 3), of which we take none.
//!
//! It reads one body, and knows no dialog.

use std::fmt;

use super::exchange::check_type;
use super::message::Request;
use super::reply::Refusal;

/// The body types that we take.
const TYPES: [&str; 2] = ["application/dtmf-relay", "application/dtmf"];
/// Longest body in bytes: one key takes fewer than 40.
const BODY_MAX: usize = 256;

/// A key of a telephone: `0`-`9`, `*`, `#`, `A`-`D`. Keys in a row are codes and numbers, so it
/// does not show itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digit(char);

impl Digit {
    /// The key. Not for logs.
    pub fn expose(self) -> char {
        self.0
    }

    /// A key by its character, or by the number of its event (RFC 4733 table 7) where that has two
    /// digits.
    fn parse(text: &str) -> Option<Self> {
        let key = match text.trim() {
            "10" => '*',
            "11" => '#',
            "12" => 'A',
            "13" => 'B',
            "14" => 'C',
            "15" => 'D',
            other => {
                let mut all = other.chars();
                all.next().filter(|_| all.next().is_none())?.to_ascii_uppercase()
            }
        };
        matches!(key, '0'..='9' | '*' | '#' | 'A'..='D').then_some(Self(key))
    }
}

impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The key of an INFO; `None` for one without a body, which only asks whether we are here.
///
/// # Errors
/// 469 for an info package, 415 for another body, 413 for one that is too long, 400 for one without
/// a key.
pub(super) fn digit_of(request: &Request) -> Result<Option<Digit>, Refusal> {
    if request.headers.contains("Info-Package") {
        return Err(Refusal::new(469).header("Recv-Info", ""));
    }
    check_type(&request.headers, &request.body, &TYPES)?;
    if request.body.is_empty() {
        return Ok(None);
    }
    if request.body.len() > BODY_MAX {
        return Err(Refusal::new(413));
    }
    let text = std::str::from_utf8(&request.body).ok();
    // Both forms are met under both names.
    let digit = text.and_then(|text| Digit::parse(signal(text).unwrap_or(text)));
    digit.map(Some).ok_or_else(|| Refusal::new(400))
}

/// The value of the line `Signal=`, whatever ends the lines.
fn signal(text: &str) -> Option<&str> {
    text.split(['\r', '\n']).find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim().eq_ignore_ascii_case("Signal").then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::super::message::{Message, parse};
    use super::*;

    fn read(headers: &str, body: &[u8]) -> Result<Option<char>, u16> {
        let head = format!(
            "INFO sip:1@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
             From: <sip:a@example.com>;tag=t\r\nTo: <sip:1@example.com>;tag=u\r\nCall-ID: c\r\n\
             CSeq: 2 INFO\r\nMax-Forwards: 70\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        match parse(&[head.as_bytes(), body].concat()) {
            Ok(Message::Request(request)) => digit_of(&request)
                .map(|digit| digit.map(Digit::expose))
                .map_err(|refused| refused.status),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_spelling_of_a_key_is_read() {
        let relay = |body: &str| read("Content-Type: application/dtmf-relay\r\n", body.as_bytes());
        let table = [
            ("Signal=5\r\nDuration=160\r\n", '5'),
            ("Signal=5\r\nDuration=160", '5'),
            ("Signal= 5\nDuration= 160\n", '5'),
            ("Signal=5\rDuration=160\r", '5'),
            ("\r\nsignal = 0 \r\n", '0'),
            ("Duration=160\r\nSIGNAL=9", '9'),
            ("Signal=*\r\n", '*'),
            ("Signal=#\r\n", '#'),
            ("Signal=10\r\n", '*'),
            ("Signal=11\r\n", '#'),
            ("Signal=a\r\n", 'A'),
            ("Signal=D\r\n", 'D'),
            ("Signal=15\r\n", 'D'),
            ("7", '7'),
        ];
        for (body, key) in table {
            assert_eq!(relay(body), Ok(Some(key)), "{body:?}");
        }
        for body in ["5", "5\r\n", " 5 ", "Signal=5\r\nDuration=160\r\n"] {
            let read = read("c: Application/DTMF; x=y\r\n", body.as_bytes());
            assert_eq!(read, Ok(Some('5')), "{body:?}");
        }
        assert_eq!(format!("{:?}", Digit('5')), "…");
    }

    #[test]
    fn what_holds_no_key_is_refused_by_what_is_wrong() {
        let relay = "Content-Type: application/dtmf-relay\r\n";
        let plain = "Content-Type: application/dtmf\r\n";
        let long = format!("Signal=5\r\n{}", "x".repeat(BODY_MAX));
        let table = [
            (relay, "Signal=", 400),
            (relay, "Sig", 400),
            (relay, "Signal=16\r\n", 400),
            (relay, "Signal=55\r\n", 400),
            (relay, "Signal=E\r\n", 400),
            (relay, "Duration=160\r\n", 400),
            (relay, "\r\n", 400),
            (plain, "12345", 400),
            (plain, "ü", 400),
            (relay, &long, 413),
            ("", "5", 415),
            ("Content-Type: application/sdp\r\n", "v=0", 415),
            ("Content-Type: application/dtmf-relay\r\nContent-Encoding: gzip\r\n", "5", 415),
            ("Info-Package: dtmf\r\nContent-Type: application/dtmf\r\n", "5", 469),
        ];
        for (headers, body, status) in table {
            assert_eq!(read(headers, body.as_bytes()), Err(status), "{headers:?} {body:?}");
        }
        assert_eq!(read(plain, b"\xff"), Err(400));
        assert_eq!(read("", b""), Ok(None), "a keep-alive");
    }
}
