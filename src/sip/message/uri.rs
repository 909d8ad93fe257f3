//! SIP, SIPS and tel URIs (RFC 3261 section 19.1, RFC 3966), and URIs of schemes we do not know.
//!
//! A [`Uri`] is its text, checked once, with the places of its parts; so it prints as it was read,
//! and reading a part costs no more than asking for it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::scan::{escape, is_escaped_text, unescaped};

/// Longest URI taken, in bytes.
pub const URI_MAX: usize = 4096;

/// Why a text is no URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct UriError(pub &'static str);

/// The scheme of a URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme<'a> {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other, as it came.
    Other(&'a str),
}

/// The host of a URI or Via.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Host {
    /// A domain name, as it came.
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, written in brackets.
    V6(Ipv6Addr),
}

/// A URI that has been checked; it prints as it was read. `==` compares the text,
/// [`Uri::equivalent`] by meaning.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uri {
    text: String,
    parts: Parts,
}

/// Where the parts of the text end; each begins where the one before ends, with its separator.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Parts {
    kind: Kind,
    scheme: usize,
    /// The user part with its password; equals `scheme` where there is none.
    userinfo: usize,
    host: usize,
    port: usize,
    params: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Sip,
    Sips,
    Tel,
    Other,
}

impl Uri {
    /// Reads a URI of any scheme.
    ///
    /// # Errors
    /// What the grammar does not allow, and more than [`URI_MAX`] bytes.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let parts = check(text)?;
        Ok(Self { text: text.to_owned(), parts })
    }

    /// `sip:user@host:port`, the user part percent-encoded where needed. A host name that is none
    /// becomes `invalid`.
    pub fn sip(user: Option<&str>, host: &Host, port: Option<u16>) -> Self {
        let mut text = String::from("sip:");
        if let Some(user) = user.filter(|user| !user.is_empty()) {
            text.push_str(&escaped_user(user));
            text.push('@');
        }
        let userinfo = text.len();
        match host {
            Host::Name(name) if !is_host_name(name) => text.push_str("invalid"),
            Host::Name(_) | Host::V4(_) | Host::V6(_) => text.push_str(&host.to_string()),
        }
        let host = text.len();
        if let Some(port) = port {
            text.push_str(&format!(":{port}"));
        }
        let end = text.len();
        let parts = Parts { kind: Kind::Sip, scheme: 4, userinfo, host, port: end, params: end };
        Self { text, parts }
    }

    /// `sip:user@address:port`.
    pub fn at(user: Option<&str>, address: SocketAddr) -> Self {
        Self::sip(user, &Host::from(address.ip()), Some(address.port()))
    }

    /// The URI of who does not say who they are (RFC 3323 section 4.1.1.3).
    pub fn anonymous() -> Self {
        Self::sip(Some("anonymous"), &Host::Name("anonymous.invalid".to_owned()), None)
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme<'_> {
        match self.parts.kind {
            Kind::Sip => Scheme::Sip,
            Kind::Sips => Scheme::Sips,
            Kind::Tel => Scheme::Tel,
            Kind::Other => Scheme::Other(&self.text[..self.parts.scheme - 1]),
        }
    }

    /// The user part, unescaped, without a password; the number of a tel URI as it came.
    pub fn user(&self) -> Option<Cow<'_, str>> {
        let userinfo = self.text[self.parts.scheme..self.parts.userinfo].trim_end_matches('@');
        let user = userinfo.split(':').next().filter(|user| !user.is_empty())?;
        Some(unescaped(user))
    }

    /// The host; none in a tel URI and in schemes we do not know.
    pub fn host(&self) -> Option<Host> {
        Host::parse(&self.text[self.parts.userinfo..self.parts.host])
    }

    /// The port, where one is written.
    pub fn port(&self) -> Option<u16> {
        if self.parts.kind == Kind::Other {
            return None;
        }
        self.text[self.parts.host..self.parts.port].strip_prefix(':')?.parse().ok()
    }

    /// Host and port (5060, or 5061 for sips, where none is written), if the host is an address.
    pub fn address(&self) -> Option<SocketAddr> {
        let usual = if self.parts.kind == Kind::Sips { 5061 } else { 5060 };
        Some(SocketAddr::new(self.host()?.ip()?, self.port().unwrap_or(usual)))
    }

    /// The value of a parameter, unescaped; empty where it has none.
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        let (_, value) = self.params().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(unescaped(value))
    }

    /// Adds a parameter, or replaces it. Without effect in schemes we do not know, and where name
    /// and value are longer than a URI may be.
    pub fn set_param(&mut self, name: &str, value: Option<&str>) {
        if self.parts.kind == Kind::Other {
            return;
        }
        let mut text = self.text[..self.parts.port].to_owned();
        for (known, old) in self.params().filter(|(known, _)| !known.eq_ignore_ascii_case(name)) {
            text.push(';');
            text.push_str(known);
            if !old.is_empty() {
                text.push('=');
                text.push_str(old);
            }
        }
        text.push(';');
        text.push_str(&escaped(name, is_unreserved));
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            text.push('=');
            text.push_str(&escaped(value, is_param_byte));
        }
        text.push_str(&self.text[self.parts.params..]);
        if let Ok(changed) = Self::parse(&text) {
            *self = changed;
        }
    }

    /// Does it carry headers (`?..`)?
    pub fn has_headers(&self) -> bool {
        self.parts.params < self.text.len()
    }

    /// The value of a header (`?name=value`), unescaped; empty where it has none. Names compare
    /// without regard to case.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let headers = self.text[self.parts.params..].trim_start_matches('?').split('&');
        let mut named = headers.map(|header| header.split_once('=').unwrap_or((header, "")));
        let (_, value) = named.find(|(known, _)| unescaped(known).eq_ignore_ascii_case(name))?;
        Some(unescaped(value))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Are both the same by RFC 3261 section 19.1.4 (RFC 3966 section 4 for tel)?
    pub fn equivalent(&self, other: &Uri) -> bool {
        if self.parts.kind != other.parts.kind {
            return false;
        }
        match self.parts.kind {
            Kind::Other => self.text == other.text,
            Kind::Tel => self.number() == other.number() && self.same_params(other, &[]),
            Kind::Sip | Kind::Sips => {
                let user = |uri: &Uri| normal(&uri.text[uri.parts.scheme..uri.parts.userinfo]);
                let host = |uri: &Uri| uri.text[uri.parts.userinfo..uri.parts.host].to_lowercase();
                user(self) == user(other)
                    && (self.host() == other.host() || host(self) == host(other))
                    && self.port() == other.port()
                    && self.same_params(other, &["transport", "user", "ttl", "method", "maddr"])
                    && self.header_set() == other.header_set()
            }
        }
    }

    /// Every parameter in both is the same in both; those of `decisive` are in both or in none. A
    /// tel URI (nothing decisive) has the same parameters on both sides.
    fn same_params(&self, other: &Uri, decisive: &[&str]) -> bool {
        let set = |uri: &Uri| -> BTreeMap<String, Vec<u8>> {
            uri.params().map(|(n, v)| (n.to_lowercase(), normal(&v.to_lowercase()))).collect()
        };
        let (ours, theirs) = (set(self), set(other));
        if self.parts.kind == Kind::Tel {
            return ours == theirs;
        }
        let agree = ours.iter().all(|(name, value)| theirs.get(name).is_none_or(|v| v == value));
        agree && decisive.iter().all(|&n| ours.contains_key(n) == theirs.contains_key(n))
    }

    fn header_set(&self) -> BTreeMap<String, Vec<u8>> {
        let headers = self.text[self.parts.params..].trim_start_matches('?').split('&');
        headers
            .filter(|header| !header.is_empty())
            .map(|header| header.split_once('=').unwrap_or((header, "")))
            .map(|(name, value)| (name.to_lowercase(), normal(value)))
            .collect()
    }

    /// The number of a tel URI without visual separators.
    fn number(&self) -> String {
        let number = &self.text[self.parts.scheme..self.parts.userinfo];
        number.chars().filter(|c| !"-.()".contains(*c)).map(|c| c.to_ascii_lowercase()).collect()
    }

    fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        let params = self.text[self.parts.port..self.parts.params].split(';').skip(1);
        params.map(|param| param.split_once('=').unwrap_or((param, "")))
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Scheme and host alone: the user part is a person's number or name.
impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = &self.text[..self.parts.scheme];
        match self.parts.kind {
            Kind::Tel | Kind::Other => write!(f, "{scheme}…"),
            Kind::Sip | Kind::Sips => {
                let user = if self.parts.userinfo > self.parts.scheme { "…@" } else { "" };
                let host = &self.text[self.parts.userinfo..self.parts.port];
                write!(f, "{scheme}{user}{host}")
            }
        }
    }
}

impl Host {
    /// Reads a host name, an IPv4 address or an IPv6 address in brackets.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            return inner.strip_suffix(']')?.parse().ok().map(Self::V6);
        }
        if text.as_bytes().first().is_some_and(u8::is_ascii_digit)
            && let Ok(address) = text.parse()
        {
            return Some(Self::V4(address));
        }
        is_host_name(text).then(|| Self::Name(text.to_owned()))
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(address) => Some(IpAddr::V4(*address)),
            Self::V6(address) => Some(IpAddr::V6(*address)),
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

fn is_host_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_host_byte)
}

/// As in a domain name; and `_`, which is met in the field.
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
}

/// Host and port at the start of a text: the length of the host, and of both with the colon.
pub(super) fn host_and_port(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let host = if bytes.first() == Some(&b'[') {
        let end = bytes.iter().position(|&byte| byte == b']')? + 1;
        text[1..end - 1].parse::<Ipv6Addr>().ok()?;
        end
    } else {
        bytes.iter().position(|&byte| !is_host_byte(byte)).unwrap_or(bytes.len())
    };
    if host == 0 {
        return None;
    }
    if bytes.get(host) != Some(&b':') {
        return Some((host, host));
    }
    let digits = bytes[host + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let end = host + 1 + digits;
    let port: u16 = text[host + 1..end].parse().ok()?;
    (port > 0).then_some((host, end))
}

/// Checks a text as [`Uri::parse`] does, and keeps nothing.
pub(super) fn is_uri(text: &str) -> bool {
    check(text).is_ok()
}

fn check(text: &str) -> Result<Parts, UriError> {
    if text.len() > URI_MAX {
        return Err(UriError("a URI is too long"));
    }
    let colon = text.find(':').ok_or(UriError("a URI has no scheme"))?;
    let scheme = &text[..colon];
    let is_scheme = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !is_scheme || !scheme.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) {
        return Err(UriError("a URI has no valid scheme"));
    }
    let kinds = [("sip", Kind::Sip), ("sips", Kind::Sips), ("tel", Kind::Tel)];
    match kinds.iter().find(|(name, _)| scheme.eq_ignore_ascii_case(name)) {
        Some((_, Kind::Tel)) => check_tel(text, colon + 1),
        Some((_, kind)) => check_sip(text, colon + 1, *kind),
        None => check_other(text, colon + 1),
    }
}

fn check_sip(text: &str, scheme: usize, kind: Kind) -> Result<Parts, UriError> {
    let rest = &text[scheme..];
    let userinfo = match rest.find('@') {
        None => scheme,
        Some(at) => {
            let (user, password) = rest[..at].split_once(':').unwrap_or((&rest[..at], ""));
            let is_password = |b: u8| is_unreserved(b) || b"&=+$,".contains(&b);
            // `#` must be escaped by the letter; phones send it bare in feature codes.
            if !is_escaped_text(user, |b| is_user_byte(b) || b == b'#')
                || !(password.is_empty() || is_escaped_text(password, is_password))
            {
                return Err(UriError("a URI has a user part that is not allowed"));
            }
            scheme + at + 1
        }
    };
    let (host, port) =
        host_and_port(&text[userinfo..]).ok_or(UriError("a URI has no valid host and port"))?;
    let (host, port) = (userinfo + host, userinfo + port);
    let params = text[port..].find('?').map_or(text.len(), |at| port + at);
    check_params(&text[port..params])?;
    if params < text.len() && !is_headers(&text[params + 1..]) {
        return Err(UriError("a URI has headers that are not allowed"));
    }
    Ok(Parts { kind, scheme, userinfo, host, port, params })
}

fn check_params(text: &str) -> Result<(), UriError> {
    let mut params = text.split(';');
    let is_part = |part: &str| is_escaped_text(part, is_param_byte);
    let all_valid = params.next() == Some("")
        && params.all(|param| match param.split_once('=') {
            Some((name, value)) => is_part(name) && is_part(value),
            None => is_part(param),
        });
    if all_valid { Ok(()) } else { Err(UriError("a URI has parameters that are not allowed")) }
}

fn is_headers(text: &str) -> bool {
    let is_byte = |b: u8| is_unreserved(b) || b"[]/?:+$".contains(&b);
    text.split('&').all(|header| {
        header.split_once('=').is_some_and(|(name, value)| {
            is_escaped_text(name, is_byte) && (value.is_empty() || is_escaped_text(value, is_byte))
        })
    })
}

fn check_tel(text: &str, scheme: usize) -> Result<Parts, UriError> {
    let end = text[scheme..].find(';').map_or(text.len(), |at| scheme + at);
    let number = &text[scheme..end];
    let is_digit = |b: u8| b.is_ascii_hexdigit() || b"*#".contains(&b);
    let digits = number.strip_prefix('+').unwrap_or(number);
    let all_valid = digits.bytes().all(|b| is_digit(b) || b"-.()".contains(&b));
    if !all_valid || !digits.bytes().any(is_digit) {
        return Err(UriError("a tel URI has no valid number"));
    }
    check_params(&text[end..])?;
    let params = text.len();
    Ok(Parts { kind: Kind::Tel, scheme, userinfo: end, host: end, port: end, params })
}

fn check_other(text: &str, scheme: usize) -> Result<Parts, UriError> {
    let rest = &text[scheme..];
    if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"".contains(&b)) {
        return Err(UriError("a URI has characters that are not allowed"));
    }
    let end = text.len();
    let (userinfo, host, port) = (scheme, scheme, end);
    Ok(Parts { kind: Kind::Other, scheme, userinfo, host, port, params: end })
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte)
}

fn is_user_byte(byte: u8) -> bool {
    is_unreserved(byte) || b"&=+$,;?/".contains(&byte)
}

fn is_param_byte(byte: u8) -> bool {
    is_unreserved(byte) || b"[]/:&+$".contains(&byte)
}

/// Any text as a user part: every byte but the unreserved and `+` percent-encoded, so that it reads
/// back the same whatever it was.
pub fn escaped_user(text: &str) -> Cow<'_, str> {
    escaped(text, |byte| is_unreserved(byte) || byte == b'+')
}

fn escaped(text: &str, is_plain: impl Fn(u8) -> bool) -> Cow<'_, str> {
    if text.bytes().all(&is_plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if is_plain(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    Cow::Owned(escaped)
}

/// Escapes resolved, except those of reserved characters and `%`, which mean something else.
fn normal(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut normal = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match if bytes[at] == b'%' { escape(&bytes[at..]) } else { None } {
            Some(byte) if b";/?:@&=+$,%".contains(&byte) => {
                normal.extend(bytes[at..at + 3].to_ascii_uppercase());
                at += 3;
            }
            Some(byte) => {
                normal.push(byte);
                at += 3;
            }
            None => {
                normal.push(bytes[at]);
                at += 1;
            }
        }
    }
    normal
}
