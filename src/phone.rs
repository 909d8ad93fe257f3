//! Addresses and digits of people: types that cannot be wrong and do not print themselves.
//!
//! `Debug` and `Display` of every type here show at most the last two characters. Whoever needs the
//! whole text (to dial, to speak it back, to store it) calls `expose`, which is easy to search for.
//! Access codes, of which two digits would be too many, show nothing.

mod code;

use std::fmt;

pub use code::AccessCode;

use crate::ident::Route;

/// Longest user part or number taken from the outside, in characters.
pub const TEXT_MAX: usize = 64;

fn redacted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let shown = if text.len() > 4 { text.get(text.len() - 2..).unwrap_or("") } else { "" };
    write!(f, "…{shown}")
}

macro_rules! redacted_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The whole text. Not for logs.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                redacted(f, &self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                redacted(f, &self.0)
            }
        }
    };
}

redacted_text! {
    /// An E.164 number: `+` and 7 to 15 digits.
    PhoneNumber
}
redacted_text! {
    /// 2 to 10 digits, or a user name, that a queue lists by pattern.
    Extension
}
redacted_text! {
    /// Who called, as the network said it; at most [`TEXT_MAX`] characters, possibly empty.
    Ani
}
redacted_text! {
    /// The number or user that was called; at most [`TEXT_MAX`] characters.
    Dnis
}
redacted_text! {
    /// A number as a caller keyed it, not yet read: at most [`TEXT_MAX`] digits, `*`, `#`.
    KeyedNumber
}

impl PhoneNumber {
    /// Reads `+` and 7 to 15 digits, the first not 0 (ITU-T E.164); `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let fits = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        (fits && !digits.starts_with('0')).then(|| Self(text.into()))
    }
}

impl Extension {
    /// Reads 2 to 10 digits, or a name of letters, digits, `.`, `-`, `_` (at most 32, a letter
    /// first).
    pub fn parse(text: &str) -> Option<Self> {
        let number = (2..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let name = (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
        (number || name).then(|| Self(text.into()))
    }
}

fn bounded(text: &str) -> Box<str> {
    text.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect()
}

impl Ani {
    /// Keeps at most [`TEXT_MAX`] characters, without control characters.
    pub fn new(text: &str) -> Self {
        Self(bounded(text))
    }
}

impl Dnis {
    /// Keeps at most [`TEXT_MAX`] characters, without control characters.
    pub fn new(text: &str) -> Self {
        Self(bounded(text))
    }
}

impl KeyedNumber {
    /// Keeps at most [`TEXT_MAX`] characters, without control characters.
    pub fn new(text: &str) -> Self {
        Self(bounded(text))
    }
}

/// How a consumer is reached.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A number of the public network.
    E164(PhoneNumber),
    /// A short number or name inside the house.
    Extension(Extension),
}

impl Address {
    /// Reads the stored form: a text that is an E.164 number or an extension.
    pub fn parse(text: &str) -> Option<Self> {
        PhoneNumber::parse(text)
            .map(Address::E164)
            .or_else(|| Extension::parse(text).map(Address::Extension))
    }

    /// The whole text, which [`Address::parse`] reads back. Not for logs.
    pub fn expose(&self) -> &str {
        match self {
            Address::E164(number) => number.expose(),
            Address::Extension(extension) => extension.expose(),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        redacted(f, self.expose())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        redacted(f, self.expose())
    }
}

/// A text with `*` (any run) and `?` (any one character), matched against the whole of another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Wraps a pattern as it stands in the configuration.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The pattern's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Does the whole of `text` match? Linear in both: one place to go back to, the last `*`.
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut p, mut t, mut star) = (0, 0, None);
        while t < text.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    star = Some((p, t));
                    p += 1;
                }
                Some(&c) if c == b'?' || c == text[t] => {
                    p += 1;
                    t += 1;
                }
                _ => match star {
                    Some((at, taken)) => {
                        star = Some((at, taken + 1));
                        p = at + 1;
                        t = taken + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|&c| c == b'*')
    }
}

/// Whom a queue may call back, and how. Deny by default: what matches nothing is refused.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AddressPolicy {
    /// Permitted E.164 prefixes, each with its `+`.
    pub prefixes: Vec<String>,
    /// The trunks that carry E.164 numbers, first choice first.
    pub trunks: Vec<Route>,
    /// Permitted extensions, each with the way to reach it.
    pub extensions: Vec<(Pattern, Route)>,
}

impl AddressPolicy {
    /// The routes that may carry a call to `address`, first choice first; empty if it is refused.
    pub fn routes(&self, address: &Address) -> Vec<Route> {
        match address {
            Address::E164(number) => {
                let allowed = self.prefixes.iter().any(|p| number.expose().starts_with(p.as_str()));
                if allowed { self.trunks.clone() } else { Vec::new() }
            }
            Address::Extension(extension) => self
                .extensions
                .iter()
                .find(|(pattern, _)| pattern.matches(extension.expose()))
                .map(|(_, route)| route.clone())
                .into_iter()
                .collect(),
        }
    }

    /// Nobody at all?
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && self.extensions.is_empty()
    }

    /// The address behind a caller's number, if this queue may call it back.
    pub fn callable(&self, ani: &Ani) -> Option<Address> {
        let address = Address::parse(ani.expose())?;
        (!self.routes(&address).is_empty()).then_some(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::TrunkId;

    #[test]
    fn nothing_here_prints_itself() {
        let number = PhoneNumber::parse("+14155550123").unwrap();
        let address = Address::E164(number.clone());
        assert_eq!(format!("{number:?} {number} {address:?}"), "…23 …23 …23");
        assert_eq!(format!("{:?}", Extension::parse("1001").unwrap()), "…");
    }

    #[test]
    fn addresses_are_read_strictly() {
        let table = [
            ("+14155550123", true),
            ("+0415555012", false),
            ("+123456", false),
            ("+1234567890123456", false),
            ("1001", true),
            ("1", false),
            ("12345678901", false),
            ("bob.smith", true),
            ("-bob", false),
            ("bob@x", false),
            ("", false),
            ("+", false),
            ("é", false),
        ];
        for (text, valid) in table {
            assert_eq!(Address::parse(text).is_some(), valid, "{text}");
        }
    }

    #[test]
    fn patterns_match_the_whole_text() {
        let table = [
            ("10??", "1001", true),
            ("10??", "10011", false),
            ("*", "", true),
            ("b*b", "bob", true),
            ("b*b", "bobby", false),
            ("*a*a*b", "aaaaaaaaaaaaaaaa", false),
        ];
        for (pattern, text, matches) in table {
            assert_eq!(Pattern::new(pattern).matches(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn an_address_is_denied_unless_listed() {
        let trunk = Route::Trunk(TrunkId::new("carrier"));
        let policy = AddressPolicy {
            prefixes: vec!["+1".into()],
            trunks: vec![trunk.clone()],
            extensions: vec![(Pattern::new("10??"), Route::Registrar)],
        };
        let routes = |text: &str| policy.routes(&Address::parse(text).unwrap());
        assert_eq!(routes("+14155550123"), [trunk]);
        assert_eq!(routes("1001"), [Route::Registrar]);
        assert!(routes("+4930123456").is_empty() && routes("2001").is_empty());
        assert!(policy.callable(&Ani::new("anonymous")).is_none());
    }
}
