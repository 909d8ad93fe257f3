//! From a datagram to a message, or to what is wrong with it.
//!
//! First the lines are told apart into fields, whatever they hold; then what every message must
//! have is checked. So a fault anywhere still leaves the headers that its answer needs.

use std::net::SocketAddr;

use super::headers::{Headers, Span};
use super::method::Method;
use super::scan::{List, decoded, is_token, is_token_byte, number};
use super::uri::Uri;
use super::value::{Via, is_name_addr, is_via, split_cseq};
use super::{Message, Request, Response};

/// Longest message, in bytes.
pub const MESSAGE_MAX: usize = 64 * 1024;
/// Most header fields.
pub const HEADERS_MAX: usize = 128;
/// Longest line, in bytes, with the lines folded onto it.
pub const LINE_MAX: usize = 8 * 1024;
/// Most Via values.
pub const VIAS_MAX: usize = 64;

/// A datagram that is no valid message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed {
    /// What to answer: 400, 505 or 513.
    pub status: u16,
    /// What is wrong, for the log and the reason phrase.
    pub why: &'static str,
    /// What the answer needs; `None`: no answer (a response, an ACK, or one of the headers that the
    /// answer would have to copy is missing).
    pub reply: Option<ReplyHead>,
}

/// The headers that a response copies, raw: all Vias, From, To, Call-ID, CSeq.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplyHead {
    headers: Headers,
}

impl Malformed {
    /// The response, its top Via stamped with the source; `None`: drop the datagram.
    pub fn response(&self, source: SocketAddr) -> Option<Response> {
        let ReplyHead { mut headers } = self.reply.clone()?;
        let mut via = headers.top_via()?;
        via.stamp(source);
        headers.replace_top_via(Some(&via));
        let reason = self.why.to_owned();
        Some(Response { status: self.status, reason, headers, body: Vec::new() })
    }
}

/// What is wrong with a message: the status of the answer, and why.
type Fault = (u16, &'static str);

const fn bad(why: &'static str) -> Fault {
    (400, why)
}

/// Is it a keep-alive (only CR and LF, RFC 5626 section 3.5.1)? It has no answer over UDP.
pub fn is_keep_alive(datagram: &[u8]) -> bool {
    datagram.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}

/// Reads one datagram: one message; line breaks before it and octets after its body are skipped.
///
/// # Errors
/// What is no message, or lacks what every message must have, or is beyond the limits.
pub fn parse(datagram: &[u8]) -> Result<Message, Malformed> {
    let dropped = |(status, why): Fault| Malformed { status, why, reply: None };
    if datagram.len() > MESSAGE_MAX {
        return Err(dropped((513, "the message is longer than 64 KiB")));
    }
    let blank = datagram.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let datagram = &datagram[blank..];
    let Some((start_line, head_start)) = line_at(datagram, 0) else {
        return Err(dropped(bad("the start line does not end")));
    };
    let (headers, body_start, fault) = read_fields(&datagram[head_start..]);
    let body = &datagram[head_start + body_start..];
    let start_line = &datagram[..start_line];
    if start_line.len() >= 4 && start_line[..4].eq_ignore_ascii_case(b"SIP/") {
        let checked = fault.map_or(Ok(()), Err).and_then(|()| {
            let (status, reason) = read_status_line(start_line)?;
            check_fields(&headers, None)?;
            Ok((status, reason, take_body(&headers, body)?))
        });
        return match checked {
            Ok((status, reason, body)) => {
                Ok(Message::Response(Response { status, reason, headers, body }))
            }
            Err(fault) => Err(dropped(fault)),
        };
    }
    let checked = fault.map_or(Ok(()), Err).and_then(|()| {
        let (method, uri) = read_request_line(start_line)?;
        check_fields(&headers, Some(&method))?;
        Ok((method, uri, take_body(&headers, body)?))
    });
    match checked {
        Ok((method, uri, body)) => Ok(Message::Request(Request { method, uri, headers, body })),
        Err((status, why)) => {
            let is_ack = start_line.starts_with(b"ACK ");
            let reply = if is_ack { None } else { reply_head(&headers) };
            Err(Malformed { status, why, reply })
        }
    }
}

/// Where the line that starts at `from` ends, without its line break; and where the next starts.
fn line_at(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let break_at = from + text[from..].iter().position(|&byte| byte == b'\n')?;
    let has_return = break_at > from && text[break_at - 1] == b'\r';
    Some((break_at - usize::from(has_return), break_at + 1))
}

/// The fields up to the empty line, where the body starts, and the first fault.
fn read_fields(head: &[u8]) -> (Headers, usize, Option<Fault>) {
    let mut headers = Headers::default();
    let mut fault = None;
    let mut start = 0;
    let mut is_begun = false;
    loop {
        let Some((mut end, mut next)) = line_at(head, start) else {
            return (headers, head.len(), fault.or(Some(bad("the header does not end"))));
        };
        if end == start {
            return (headers, next, fault);
        }
        let mut is_folded = false;
        while matches!(head.get(next), Some(b' ' | b'\t')) {
            let Some((folded_end, after)) = line_at(head, next) else {
                return (headers, head.len(), fault.or(Some(bad("the header does not end"))));
            };
            (end, next, is_folded) = (folded_end, after, true);
        }
        if !is_begun {
            headers = Headers::over(&head[..head_len(head)]);
            is_begun = true;
        }
        if headers.len() == HEADERS_MAX {
            return (headers, head.len(), fault.or(Some(bad("more than 128 header fields"))));
        }
        match read_field(head, start, end) {
            Ok((name, value)) => headers.adopt(name, value, is_folded),
            Err(wrong) => fault = fault.or(Some(wrong)),
        }
        start = next;
    }
}

/// How much of the text to keep for the fields: up to the first empty line.
fn head_len(text: &[u8]) -> usize {
    text.windows(4).position(|four| four == b"\r\n\r\n").map_or(text.len(), |at| at + 2)
}

/// The name and the value of the field in a line.
fn read_field(head: &[u8], start: usize, end: usize) -> Result<(Span, Span), Fault> {
    if end - start > LINE_MAX {
        return Err(bad("a header line is longer than 8 KiB"));
    }
    let line = &head[start..end];
    let name_len = line.iter().position(|&b| !is_token_byte(b)).unwrap_or(line.len());
    let is_space = |byte: &u8| matches!(*byte, b' ' | b'\t' | b'\r' | b'\n');
    let gap = line[name_len..].iter().take_while(|b| matches!(**b, b' ' | b'\t')).count();
    if name_len == 0 || line.get(name_len + gap) != Some(&b':') {
        return Err(bad("a header line has no name and colon"));
    }
    let value = name_len + gap + 1;
    let lead = line[value..].iter().take_while(|byte| is_space(byte)).count();
    let tail = line[value + lead..].iter().rev().take_while(|byte| is_space(byte)).count();
    let value = Span { start: start + value + lead, end: end - tail };
    // A return that breaks no line would break one for a reader less strict.
    let returns = head[value.start..value.end].windows(2).any(|w| w[0] == b'\r' && w[1] != b'\n');
    if returns {
        return Err(bad("a header value has a lone carriage return"));
    }
    Ok((Span { start, end: start + name_len }, value))
}

fn read_request_line(line: &[u8]) -> Result<(Method, Uri), Fault> {
    let line = std::str::from_utf8(line).map_err(|_| bad("the request line is not UTF-8"))?;
    if line.len() > LINE_MAX {
        return Err(bad("the request line is longer than 8 KiB"));
    }
    let (method, rest) = line.split_once(' ').ok_or(bad("the request line is incomplete"))?;
    let (uri, version) = rest.rsplit_once(' ').ok_or(bad("the request line is incomplete"))?;
    if !is_token(method) {
        return Err(bad("the method is no token"));
    }
    check_version(version)?;
    let uri = Uri::parse(uri).map_err(|error| bad(error.0))?;
    if uri.has_headers() {
        return Err(bad("the Request-URI has headers"));
    }
    Ok((Method::from_token(method), uri))
}

fn check_version(version: &str) -> Result<(), Fault> {
    if version.eq_ignore_ascii_case("SIP/2.0") {
        return Ok(());
    }
    let is_version = |text: &str| {
        text.split_once('.').is_some_and(|(a, b)| number(a).is_some() && number(b).is_some())
    };
    match version.split_once('/') {
        Some((sip, text)) if sip.eq_ignore_ascii_case("SIP") && is_version(text) => {
            Err((505, "Version Not Supported"))
        }
        Some(_) | None => Err(bad("the start line has no valid SIP version")),
    }
}

fn read_status_line(line: &[u8]) -> Result<(u16, String), Fault> {
    let line = decoded(line);
    let (version, rest) = line.split_once(' ').ok_or(bad("the status line is incomplete"))?;
    check_version(version)?;
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let code = if status.len() == 3 { number(status) } else { None };
    let code = code.and_then(|code| u16::try_from(code).ok());
    let code = code.filter(|code| (100..700).contains(code));
    Ok((code.ok_or(bad("the status is none of 100 to 699"))?, reason.to_owned()))
}

/// Which of the fields that are checked was met.
#[derive(Default)]
struct Met {
    from: bool,
    to: bool,
    call_id: bool,
    cseq: bool,
    max_forwards: bool,
    content_length: bool,
    vias: usize,
}

/// Checks the fields that every message has, and the structured ones that it may have.
fn check_fields(headers: &Headers, method: Option<&Method>) -> Result<(), Fault> {
    let mut met = Met::default();
    for (name, value) in headers.iter() {
        check_field(&mut met, name, value, method)?;
    }
    if met.vias == 0 {
        return Err(bad("Via is missing"));
    }
    let required = [
        (met.from, "From is missing"),
        (met.to, "To is missing"),
        (met.call_id, "Call-ID is missing"),
        (met.cseq, "CSeq is missing"),
    ];
    required.iter().find(|(is_met, _)| !is_met).map_or(Ok(()), |(_, why)| Err(bad(why)))
}

fn check_field(
    met: &mut Met,
    name: &str,
    value: &[u8],
    method: Option<&Method>,
) -> Result<(), Fault> {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    // By length first: most fields are none of these.
    match name.len() {
        2 if is("To") => {
            once(&mut met.to, "To is there twice")?;
            ensure(is_name_addr(&decoded(value)), "To is malformed")
        }
        3 if is("Via") => {
            let text = std::str::from_utf8(value).map_err(|_| bad("a Via is not UTF-8"))?;
            met.vias += check_list(text, is_via).ok_or(bad("a Via is malformed"))?;
            ensure(met.vias <= VIAS_MAX, "more than 64 Vias")
        }
        4 if is("From") => {
            once(&mut met.from, "From is there twice")?;
            ensure(is_name_addr(&decoded(value)), "From is malformed")
        }
        4 if is("CSeq") => {
            once(&mut met.cseq, "CSeq is there twice")?;
            let cseq = std::str::from_utf8(value).ok().and_then(split_cseq);
            let (_, named) = cseq.ok_or(bad("CSeq is malformed"))?;
            let is_same = method.is_none_or(|method| method.as_str() == named);
            ensure(is_same, "CSeq names another method")
        }
        5 if is("Route") => ensure(is_address_list(value), "Route is malformed"),
        7 if is("Call-ID") => {
            once(&mut met.call_id, "Call-ID is there twice")?;
            let is_word = value.iter().all(u8::is_ascii_graphic);
            ensure(!value.is_empty() && is_word, "Call-ID is malformed")
        }
        7 if is("Contact") => {
            ensure(value == b"*" || is_address_list(value), "Contact is malformed")
        }
        12 if is("Record-Route") => ensure(is_address_list(value), "Record-Route is malformed"),
        12 if is("Max-Forwards") => {
            once(&mut met.max_forwards, "Max-Forwards is there twice")?;
            let hops = std::str::from_utf8(value).ok().and_then(number);
            ensure(hops.is_some_and(|hops| hops <= 255), "Max-Forwards is none of 0 to 255")
        }
        14 if is("Content-Length") => {
            once(&mut met.content_length, "Content-Length is there twice")
        }
        _ => Ok(()),
    }
}

fn ensure(is_right: bool, why: &'static str) -> Result<(), Fault> {
    if is_right { Ok(()) } else { Err(bad(why)) }
}

fn once(is_met: &mut bool, why: &'static str) -> Result<(), Fault> {
    ensure(!std::mem::replace(is_met, true), why)
}

/// How many elements a comma list has, if all are valid.
fn check_list(text: &str, is_valid: impl Fn(&str) -> bool) -> Option<usize> {
    List::of(text).try_fold(0, |count, element| is_valid(element).then_some(count + 1))
}

fn is_address_list(value: &[u8]) -> bool {
    check_list(&decoded(value), is_name_addr).is_some()
}

/// The body by Content-Length; without one, the rest of the datagram (RFC 3261 section 18.3).
fn take_body(headers: &Headers, rest: &[u8]) -> Result<Vec<u8>, Fault> {
    if !headers.contains("Content-Length") {
        return Ok(rest.to_vec());
    }
    let length = headers.content_length().ok_or(bad("Content-Length is no number"))?;
    let body = rest.get(..length).ok_or(bad("Content-Length is more than the datagram holds"))?;
    Ok(body.to_vec())
}

/// What an answer copies. Of a top Via with broken parameters, the sound ones before them still
/// tell the sender which of its transactions is meant; other broken Vias are left out.
fn reply_head(from: &Headers) -> Option<ReplyHead> {
    let mut vias = from.all("Via");
    let mut headers = Headers::default();
    headers.push("Via", &Via::salvage(vias.next()?)?.to_string());
    for via in vias.filter(|via| is_via(via)).take(VIAS_MAX) {
        headers.push("Via", via);
    }
    for name in ["From", "To", "Call-ID", "CSeq"] {
        headers.push_raw(name, from.get_raw(name)?);
    }
    Some(ReplyHead { headers })
}
