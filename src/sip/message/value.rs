//! The values of structured header fields: Via, name-addr and their parameters, CSeq, Contact.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::method::Method;
use super::scan::{
    List, ParamScan, is_token, is_token_byte, number, quoted_len, trimmed, unquoted,
};
use super::uri::{Host, Uri, host_and_port, is_uri};
use super::write::quoted;

/// What a branch of RFC 3261 begins with (section 8.1.1.7).
pub const BRANCH_COOKIE: &str = "z9hG4bK";

/// Parameters of a header field (`;name=value`), in order.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Params {
    text: String,
}

impl Params {
    fn parse(text: &str) -> Option<Self> {
        let mut params = Self { text: String::with_capacity(text.len()) };
        for param in ParamScan(text) {
            let (name, value) = param.ok()?;
            params.append(name, value);
        }
        Some(params)
    }

    fn append(&mut self, name: &str, value: Option<&str>) {
        self.text.push(';');
        self.text.push_str(name);
        if let Some(value) = value {
            self.text.push('=');
            self.text.push_str(value);
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        ParamScan(&self.text).flatten()
    }

    /// The value, unquoted; empty where it has none. Names compare without regard to case.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get_raw(name).map(unquoted)
    }

    /// The value as written; empty where it has none.
    pub fn get_raw(&self, name: &str) -> Option<&str> {
        let (_, value) = self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.unwrap_or(""))
    }

    /// Adds a parameter, or replaces it in its place; a value that is no token is quoted.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let is_address = |value: &str| value.parse::<IpAddr>().is_ok();
        let value = value.map(|value| match value {
            plain if is_token(plain) || is_address(plain) => Cow::Borrowed(plain),
            other => Cow::Owned(quoted(other)),
        });
        let mut changed = Self::default();
        let mut is_placed = false;
        for (known, old) in self.iter() {
            if !known.eq_ignore_ascii_case(name) {
                changed.append(known, old);
            } else if !is_placed {
                changed.append(known, value.as_deref());
                is_placed = true;
            }
        }
        if !is_placed {
            changed.append(&super::write::token(name), value.as_deref());
        }
        *self = changed;
    }

    /// Removes a parameter.
    pub fn remove(&mut self, name: &str) {
        let mut changed = Self::default();
        for (known, old) in self.iter().filter(|(known, _)| !known.eq_ignore_ascii_case(name)) {
            changed.append(known, old);
        }
        *self = changed;
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A name-addr or addr-spec with its parameters: From, To, Contact, Route (RFC 3261 section 20.10).
#[derive(Clone, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name, unquoted; bytes that are not UTF-8 are read as Latin-1.
    pub display: Option<String>,
    /// The URI.
    pub uri: Uri,
    /// The parameters of the field, after the `>`.
    pub params: Params,
}

/// The places of a name-addr: display name as written, URI, parameters.
type NameAddrParts<'a> = (&'a str, &'a str, &'a str);

fn split_name_addr(text: &str) -> Option<NameAddrParts<'_>> {
    let text = trimmed(text);
    let display_len = if text.starts_with('"') { quoted_len(text)? } else { 0 };
    let Some(open) = text[display_len..].find('<') else {
        let end = text.find(';').unwrap_or(text.len());
        let uri = trimmed(&text[..end]);
        let is_bare = display_len == 0 && !uri.contains(['?', ',']);
        return is_bare.then_some(("", uri, &text[end..]));
    };
    let open = display_len + open;
    let close = open + text[open..].find('>')?;
    let (display, after_quote) = match display_len {
        0 => (trimmed(&text[..open]), ""),
        _ => (&text[..display_len], trimmed(&text[display_len..open])),
    };
    // Wider than tokens: unquoted umlauts, dots and brackets are met in the field.
    let is_display = display_len > 0 || !display.bytes().any(|b| b < b' ' || b"\",;>".contains(&b));
    (is_display && after_quote.is_empty()).then_some((
        display,
        &text[open + 1..close],
        &text[close + 1..],
    ))
}

/// Checks a value as [`NameAddr::parse`] does, and keeps nothing.
pub(super) fn is_name_addr(text: &str) -> bool {
    split_name_addr(text)
        .is_some_and(|(_, uri, params)| is_uri(uri) && ParamScan(params).all(|param| param.is_ok()))
}

impl NameAddr {
    /// Without display name and parameters.
    pub fn new(uri: Uri) -> Self {
        Self { display: None, uri, params: Params::default() }
    }

    /// Reads one value.
    pub fn parse(text: &str) -> Option<Self> {
        let (display, uri, params) = split_name_addr(text)?;
        let display = unquoted(display);
        Some(Self {
            display: (!display.is_empty()).then(|| display.into_owned()),
            uri: Uri::parse(uri).ok()?,
            params: Params::parse(params)?,
        })
    }

    /// The same with a display name, any text.
    pub fn with_display(self, display: &str) -> Self {
        Self { display: (!display.is_empty()).then(|| display.to_owned()), ..self }
    }

    /// The same with a tag.
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }

    /// The tag.
    pub fn tag(&self) -> Option<&str> {
        self.params.get_raw("tag").filter(|tag| !tag.is_empty())
    }

    /// The `expires` of a Contact in seconds: saturates at 2^32-1; 3600 if it is no number
    /// (RFC 3261 section 20.10).
    pub fn expires(&self) -> Option<u32> {
        let seconds = number(&self.params.get("expires")?).unwrap_or(3600);
        Some(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// The `q` of a Contact in thousandths; 1000 where it is missing or no qvalue.
    pub fn q_thousandths(&self) -> u16 {
        let read = |q: &str| {
            let (whole, fraction) = q.split_once('.').unwrap_or((q, ""));
            let is_qvalue = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
            let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
            (is_qvalue && whole == "0").then_some(thousandths)
        };
        self.params.get_raw("q").and_then(read).unwrap_or(1000)
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", quoted(display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// Without the display name, which is a person's.
impl fmt::Debug for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{:?}>{}", self.uri, self.params)
    }
}

/// The Contacts of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Contacts {
    /// `*`: all (only in a REGISTER that removes).
    Any,
    /// These.
    List(Vec<NameAddr>),
}

impl Contacts {
    /// The first contact that is a URI.
    pub fn first(&self) -> Option<&NameAddr> {
        match self {
            Self::Any => None,
            Self::List(list) => list.first(),
        }
    }
}

/// One Via (RFC 3261 section 20.42, RFC 3581).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Via {
    /// `UDP`, `TCP`, ..; any token.
    pub transport: String,
    /// Sent-by.
    pub host: Host,
    /// The port of sent-by, where one is written.
    pub port: Option<u16>,
    /// The parameters.
    pub params: Params,
}

/// The places of a Via: transport, host, port with white space, parameters.
type ViaParts<'a> = (&'a str, &'a str, Option<&'a str>, &'a str);

fn split_via(text: &str) -> Option<ViaParts<'_>> {
    fn token_of(text: &str) -> Option<(&str, &str)> {
        let len = text.bytes().position(|byte| !is_token_byte(byte))?;
        let (token, rest) = text.split_at(len);
        (len > 0).then_some((token, rest.trim_start_matches([' ', '\t'])))
    }
    fn slash(text: &str) -> Option<&str> {
        text.strip_prefix('/').map(|rest| rest.trim_start_matches([' ', '\t']))
    }
    let (protocol, rest) = token_of(trimmed(text))?;
    let (_version, rest) = token_of(slash(rest)?)?;
    let (transport, rest) = token_of(slash(rest)?)?;
    if !protocol.eq_ignore_ascii_case("SIP") {
        return None;
    }
    let (host_len, end) = host_and_port(rest).or_else(|| {
        // White space around the colon of the port.
        let host_len = rest.find([' ', '\t', ':'])?;
        host_and_port(&rest[..host_len])
    })?;
    let (host, port, rest) = (&rest[..host_len], &rest[host_len..end], trimmed(&rest[end..]));
    if !port.is_empty() {
        return Some((transport, host, Some(&port[1..]), rest));
    }
    let Some(late_port) = rest.strip_prefix(':') else {
        return Some((transport, host, None, rest));
    };
    let late_port = trimmed(late_port);
    let digits = late_port.bytes().take_while(u8::is_ascii_digit).count();
    let (port, rest) = late_port.split_at(digits);
    port.parse::<u16>().ok().filter(|&port| port > 0)?;
    Some((transport, host, Some(port), trimmed(rest)))
}

/// Checks a value as [`Via::parse`] does, and keeps nothing.
pub(super) fn is_via(text: &str) -> bool {
    split_via(text).is_some_and(|(_, _, _, params)| ParamScan(params).all(|param| param.is_ok()))
}

impl Via {
    /// A Via of ours over UDP, with branch and an empty `rport`.
    pub fn udp(local: SocketAddr, branch: &str) -> Self {
        let mut params = Params::default();
        params.set("branch", Some(branch));
        params.set("rport", None);
        let (host, port) = (Host::from(local.ip()), Some(local.port()));
        Self { transport: "UDP".to_owned(), host, port, params }
    }

    /// A Via that leads to nobody.
    pub(super) fn nowhere() -> Self {
        let host = Host::Name("invalid".to_owned());
        Self { transport: "UDP".to_owned(), host, port: None, params: Params::default() }
    }

    /// Reads one value.
    pub fn parse(text: &str) -> Option<Self> {
        let (transport, host, port, params) = split_via(text)?;
        Some(Self {
            transport: transport.to_owned(),
            host: Host::parse(host)?,
            port: port.and_then(|port| port.parse().ok()),
            params: Params::parse(params)?,
        })
    }

    /// Reads one value with its parameters up to the first that is broken.
    pub(super) fn salvage(text: &str) -> Option<Self> {
        let text = trimmed(text);
        let (_, _, _, params) = split_via(text)?;
        let mut via = Self::parse(&text[..text.len() - params.len()])?;
        for (name, value) in ParamScan(params).map_while(Result::ok) {
            via.params.append(name, value);
        }
        Some(via)
    }

    /// The branch, if it is one by RFC 3261: the cookie `z9hG4bK` and more behind it.
    pub fn branch(&self) -> Option<&str> {
        let branch = self.params.get_raw("branch")?;
        let cookie = branch.get(..BRANCH_COOKIE.len())?;
        let is_ours = cookie.eq_ignore_ascii_case(BRANCH_COOKIE) && branch.len() > cookie.len();
        is_ours.then_some(branch)
    }

    /// `received`, if it is an address.
    pub fn received(&self) -> Option<IpAddr> {
        self.params.get_raw("received")?.trim_matches(['[', ']']).parse().ok()
    }

    /// `rport`: `None` if missing, `Some(None)` if asked for, `Some(Some(port))` if filled in.
    pub fn rport(&self) -> Option<Option<u16>> {
        Some(self.params.get_raw("rport")?.parse().ok())
    }

    /// Where a response goes (RFC 3261 section 18.2.2, RFC 3581 section 4): received or sent-by
    /// address, port by rport or sent-by or 5060. `None` if sent-by is a name and there is no
    /// received.
    pub fn response_address(&self) -> Option<SocketAddr> {
        let address = self.received().or_else(|| self.host.ip())?;
        let port = self.rport().flatten().or(self.port).unwrap_or(5060);
        Some(SocketAddr::new(address, port))
    }

    /// Writes in what RFC 3261 section 18.2.1 and RFC 3581 section 4 ask of a server: `received`
    /// where sent-by is not the source or `rport` is asked for, and the value of `rport`.
    pub(super) fn stamp(&mut self, source: SocketAddr) {
        let is_asked = self.rport().is_some();
        // What the sender wrote there is not to be believed.
        self.params.remove("received");
        if is_asked {
            self.params.set("rport", Some(&source.port().to_string()));
        }
        if is_asked || self.host.ip() != Some(source.ip()) {
            self.params.set("received", Some(&source.ip().to_string()));
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}

/// CSeq.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CSeq {
    /// Below 2^31.
    pub number: u32,
    /// The method.
    pub method: Method,
}

/// The number and the method of a CSeq.
pub(super) fn split_cseq(text: &str) -> Option<(u32, &str)> {
    let (digits, method) = trimmed(text).split_once([' ', '\t'])?;
    let cseq = u32::try_from(number(digits)?).ok().filter(|&cseq| cseq < 1 << 31)?;
    let method = trimmed(method);
    is_token(method).then_some((cseq, method))
}

/// Session-Expires (RFC 4028 section 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionExpires {
    /// The interval.
    pub seconds: u32,
    /// `refresher=uac` is `Some(true)`, `uas` is `Some(false)`.
    pub refresher_is_uac: Option<bool>,
}

impl SessionExpires {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let end = text.find(';').unwrap_or(text.len());
        let seconds = number(trimmed(&text[..end]))?;
        let params = Params::parse(&text[end..])?;
        let refresher_is_uac = match params.get_raw("refresher") {
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(true),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(false),
            Some(_) | None => None,
        };
        Some(Self { seconds: u32::try_from(seconds).unwrap_or(u32::MAX), refresher_is_uac })
    }
}

/// A dialog, as somebody else names it to us (RFC 3891 section 6.1): our tag is the To tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: String,
    /// Our tag.
    pub to_tag: String,
    /// The tag of the other side.
    pub from_tag: String,
    /// Is it meant only while it is not answered?
    pub early_only: bool,
}

impl Replaces {
    /// Reads one value; `None` also for one that names a tag twice.
    pub fn parse(text: &str) -> Option<Self> {
        let text = trimmed(text);
        let end = text.find(';')?;
        let call_id = trimmed(&text[..end]);
        let params = Params::parse(&text[end..])?;
        let one = |name: &str| {
            let mut named = params.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
            let value = named.next()?.1?;
            (is_token(value) && named.next().is_none()).then(|| value.to_owned())
        };
        let is_word = !call_id.is_empty() && !call_id.bytes().any(|b| b <= b' ' || b == b',');
        Some(Self {
            call_id: is_word.then(|| call_id.to_owned())?,
            to_tag: one("to-tag")?,
            from_tag: one("from-tag")?,
            early_only: params.get_raw("early-only").is_some(),
        })
    }
}

/// The fields of a challenge or of credentials of a scheme (RFC 2617 section 1.2), names in lower
/// case, values unquoted. `None` if it is another scheme, or is not well formed, or names a field
/// twice.
pub fn credentials(text: &str, scheme: &str) -> Option<BTreeMap<String, String>> {
    let (named, rest) = trimmed(text).split_once([' ', '\t'])?;
    if !named.eq_ignore_ascii_case(scheme) {
        return None;
    }
    let mut fields = BTreeMap::new();
    for field in List::of(rest) {
        let (name, value) = field.split_once('=')?;
        let (name, value) = (trimmed(name), trimmed(value));
        let is_whole = !value.starts_with('"') || quoted_len(value) == Some(value.len());
        if !is_token(name) || !is_whole {
            return None;
        }
        let value = unquoted(value).into_owned();
        if fields.insert(name.to_ascii_lowercase(), value).is_some() {
            return None;
        }
    }
    Some(fields)
}
