//! The header fields of a message: an ordered list of names and raw values in one buffer.
//!
//! Reading a message copies its head once; a changed field is appended to the buffer and the old
//! text stays behind unused, which is right for messages that live for one exchange.

use std::fmt;

use super::method::Method;
use super::scan::{List, decoded, number, trimmed};
use super::value::{CSeq, Contacts, NameAddr, SessionExpires, Via, split_cseq};
use super::write::append_line_text;

/// Header fields in the order of the message. Names compare without regard to case; compact names
/// are kept in their long form. Values are kept as they came, also where they are not UTF-8.
#[derive(Clone, Default)]
pub struct Headers {
    text: Vec<u8>,
    fields: Vec<Field>,
}

#[derive(Clone, Copy)]
struct Field {
    name: Span,
    value: Span,
}

/// A piece of the buffer.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The compact forms (RFC 3261 section 7.3.3 and the extensions registered since).
const COMPACT: [(u8, &str); 19] = [
    (b'a', "Accept-Contact"),
    (b'b', "Referred-By"),
    (b'c', "Content-Type"),
    (b'd', "Request-Disposition"),
    (b'e', "Content-Encoding"),
    (b'f', "From"),
    (b'i', "Call-ID"),
    (b'j', "Reject-Contact"),
    (b'k', "Supported"),
    (b'l', "Content-Length"),
    (b'm', "Contact"),
    (b'n', "Identity-Info"),
    (b'o', "Event"),
    (b'r', "Refer-To"),
    (b's', "Subject"),
    (b't', "To"),
    (b'u', "Allow-Events"),
    (b'v', "Via"),
    (b'x', "Session-Expires"),
];

/// Fields whose values are comma lists (RFC 3261 section 7.3.1), as far as anything asks for them.
const LISTS: [&str; 17] = [
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Alert-Info",
    "Allow",
    "Contact",
    "Content-Encoding",
    "P-Asserted-Identity",
    "Proxy-Require",
    "Reason",
    "Record-Route",
    "Remote-Party-ID",
    "Require",
    "Route",
    "Supported",
    "Unsupported",
    "Via",
];

impl Headers {
    /// Over a copy of the head of a message; `fields` are then told by [`Headers::adopt`].
    pub(super) fn over(head: &[u8]) -> Self {
        let mut text = Vec::with_capacity(head.len() + 64);
        text.extend_from_slice(head);
        Self { text, fields: Vec::with_capacity(16) }
    }

    /// Takes in a field that stands in the head; `is_folded`: its value holds line breaks.
    pub(super) fn adopt(&mut self, name: Span, value: Span, is_folded: bool) {
        let name = match self.text[name.start..name.end] {
            [letter] => match compact(letter) {
                Some(long) => self.append(long.as_bytes()),
                None => name,
            },
            _ => name,
        };
        let value = if is_folded { self.append_unfolded(value) } else { value };
        self.fields.push(Field { name, value });
    }

    fn append(&mut self, bytes: &[u8]) -> Span {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        Span { start, end: self.text.len() }
    }

    /// Every line break with the white space after it becomes one space.
    fn append_unfolded(&mut self, value: Span) -> Span {
        let start = self.text.len();
        let mut at = value.start;
        while at < value.end {
            let byte = self.text[at];
            let is_break = byte == b'\n' || (byte == b'\r' && self.text[at + 1] == b'\n');
            if is_break {
                let is_space = |b: &u8| matches!(*b, b' ' | b'\t' | b'\r' | b'\n');
                at += self.text[at..value.end].iter().take_while(|b| is_space(b)).count();
                self.text.push(b' ');
            } else {
                self.text.push(byte);
                at += 1;
            }
        }
        Span { start, end: self.text.len() }
    }

    fn name(&self, field: &Field) -> &str {
        // A name is a token, so it is ASCII.
        std::str::from_utf8(&self.text[field.name.start..field.name.end]).unwrap_or("")
    }

    fn value(&self, field: &Field) -> &[u8] {
        &self.text[field.value.start..field.value.end]
    }

    fn is_named(&self, field: &Field, name: &str) -> bool {
        self.text[field.name.start..field.name.end].eq_ignore_ascii_case(name.as_bytes())
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| self.is_named(field, name))
    }

    /// The first value of that name, if it is UTF-8. The name is the long one.
    pub fn get(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get_raw(name)?).ok()
    }

    /// The first value of that name, as bytes.
    pub fn get_raw(&self, name: &str) -> Option<&[u8]> {
        Some(self.value(&self.fields[self.find(name)?]))
    }

    /// Is there a field of that name?
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// All values of that name that are UTF-8, in order; comma lists split where the header is a
    /// list.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let is_list = LISTS.iter().any(|list| list.eq_ignore_ascii_case(name));
        self.all_raw(name).filter_map(|value| std::str::from_utf8(value).ok()).flat_map(
            move |value| {
                let list = is_list.then(|| List::of(value).filter(|element| !element.is_empty()));
                list.into_iter().flatten().chain((!is_list).then_some(value))
            },
        )
    }

    /// All values of that name, raw, in order.
    pub(super) fn all_raw<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.fields.iter().filter(move |field| self.is_named(field, name));
        named.map(|field| self.value(field))
    }

    /// Every field as name and raw value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|field| (self.name(field), self.value(field)))
    }

    fn new_field(&mut self, name: &str, value: &str) -> Field {
        let name = self.append(name.as_bytes());
        let start = self.text.len();
        append_line_text(&mut self.text, value);
        Field { name, value: Span { start, end: self.text.len() } }
    }

    /// Adds a field at the end. The name is a token; CR, LF and other control characters of the
    /// value are left out.
    pub fn push(&mut self, name: &str, value: &str) {
        let field = self.new_field(name, value);
        self.fields.push(field);
    }

    /// Adds a field at the top (a Via).
    pub fn push_top(&mut self, name: &str, value: &str) {
        let field = self.new_field(name, value);
        self.fields.insert(0, field);
    }

    /// Replaces all fields of that name by one, at the place of the first.
    pub fn set(&mut self, name: &str, value: &str) {
        let at = self.find(name).unwrap_or(self.fields.len());
        self.remove(name);
        let field = self.new_field(name, value);
        self.fields.insert(at, field);
    }

    /// Removes all fields of that name.
    pub fn remove(&mut self, name: &str) {
        let text = &self.text;
        let is_named =
            |name_at: Span| text[name_at.start..name_at.end].eq_ignore_ascii_case(name.as_bytes());
        self.fields.retain(|field| !is_named(field.name));
    }

    /// Removes the topmost Via value alone.
    pub fn remove_top_via(&mut self) {
        self.replace_top_via(None);
    }

    /// Puts another in the place of the topmost Via value; those behind it in a list stay.
    pub(super) fn replace_top_via(&mut self, via: Option<&Via>) {
        let Some(at) = self.find("Via") else { return };
        let value = decoded(self.value(&self.fields[at])).into_owned();
        let mut list = List::of(&value);
        list.next();
        self.fields.remove(at);
        if let Some(rest) = list.rest() {
            let field = self.new_field("Via", trimmed(rest));
            self.fields.insert(at, field);
        }
        if let Some(via) = via {
            let field = self.new_field("Via", &via.to_string());
            self.fields.insert(at, field);
        }
    }

    /// Copies all fields of that name from another message, raw.
    pub fn copy(&mut self, name: &str, from: &Headers) {
        for value in from.all_raw(name) {
            self.push_raw(name, value);
        }
    }

    /// Adds a value that came from the wire, so that it holds no line break.
    pub(super) fn push_raw(&mut self, name: &str, value: &[u8]) {
        let name = self.append(name.as_bytes());
        let value = self.append(value);
        self.fields.push(Field { name, value });
    }

    /// Adds text at the end of the first value of that name.
    pub(super) fn append_to_value(&mut self, name: &str, more: &str) {
        let Some(at) = self.find(name) else { return };
        let Span { start, end } = self.fields[at].value;
        let copied = self.text.len();
        self.text.extend_from_within(start..end);
        append_line_text(&mut self.text, more);
        self.fields[at].value = Span { start: copied, end: self.text.len() };
    }

    /// How many fields there are.
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    fn name_addr(&self, name: &str) -> Option<NameAddr> {
        NameAddr::parse(&decoded(self.get_raw(name)?))
    }

    fn name_addrs(&self, name: &str) -> Vec<NameAddr> {
        let mut addresses = Vec::new();
        for value in self.all_raw(name) {
            addresses.extend(List::of(&decoded(value)).filter_map(NameAddr::parse));
        }
        addresses
    }

    fn seconds(&self, name: &str) -> Option<u32> {
        let value = self.get(name)?;
        // Retry-After may carry a comment and parameters.
        let end = value.find([';', '(', ' ']).unwrap_or(value.len());
        Some(u32::try_from(number(&value[..end])?).unwrap_or(u32::MAX))
    }

    /// The topmost Via.
    pub fn top_via(&self) -> Option<Via> {
        Via::parse(List::of(self.get("Via")?).next()?)
    }

    /// From.
    pub fn from(&self) -> Option<NameAddr> {
        self.name_addr("From")
    }

    /// To.
    pub fn to(&self) -> Option<NameAddr> {
        self.name_addr("To")
    }

    /// Call-ID.
    pub fn call_id(&self) -> Option<&str> {
        self.get("Call-ID")
    }

    /// CSeq.
    pub fn cseq(&self) -> Option<CSeq> {
        let (number, method) = split_cseq(self.get("CSeq")?)?;
        Some(CSeq { number, method: Method::from_token(method) })
    }

    /// The Contacts; `Contacts::List` of none where there is no such field.
    pub fn contacts(&self) -> Contacts {
        if self.get("Contact").is_some_and(|value| trimmed(value) == "*") {
            return Contacts::Any;
        }
        Contacts::List(self.name_addrs("Contact"))
    }

    /// The Route set, top first.
    pub fn routes(&self) -> Vec<NameAddr> {
        self.name_addrs("Route")
    }

    /// The Record-Routes, top first.
    pub fn record_routes(&self) -> Vec<NameAddr> {
        self.name_addrs("Record-Route")
    }

    /// Expires in seconds; more than 2^32-1 reads as that, no number as `None`.
    pub fn expires(&self) -> Option<u32> {
        self.seconds("Expires")
    }

    /// Max-Forwards.
    pub fn max_forwards(&self) -> Option<u8> {
        u8::try_from(number(self.get("Max-Forwards")?)?).ok()
    }

    /// Content-Length as it came.
    pub fn content_length(&self) -> Option<usize> {
        usize::try_from(number(self.get("Content-Length")?)?).ok()
    }

    /// Content-Type in lower case without its parameters, as in `application/sdp`.
    pub fn content_type(&self) -> Option<String> {
        let value = self.get("Content-Type")?;
        Some(trimmed(value.split(';').next()?).to_ascii_lowercase())
    }

    /// The option tags of Require.
    pub fn require(&self) -> Vec<&str> {
        self.all("Require").collect()
    }

    /// The option tags of Supported.
    pub fn supported(&self) -> Vec<&str> {
        self.all("Supported").collect()
    }

    /// The methods of Allow.
    pub fn allow(&self) -> Vec<&str> {
        self.all("Allow").collect()
    }

    /// Session-Expires (RFC 4028).
    pub fn session_expires(&self) -> Option<SessionExpires> {
        SessionExpires::parse(self.get("Session-Expires")?)
    }

    /// Retry-After in seconds.
    pub fn retry_after(&self) -> Option<u32> {
        self.seconds("Retry-After")
    }
}

fn compact(letter: u8) -> Option<&'static str> {
    let letter = letter.to_ascii_lowercase();
    COMPACT.iter().find(|(short, _)| *short == letter).map(|(_, long)| *long)
}

/// The same fields in the same order, names without regard to case.
impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.fields.len() == other.fields.len()
            && self.fields.iter().zip(&other.fields).all(|(ours, theirs)| {
                self.is_named(ours, other.name(theirs)) && self.value(ours) == other.value(theirs)
            })
    }
}

impl Eq for Headers {}

/// Names alone: values hold numbers, names of people and digests.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}
