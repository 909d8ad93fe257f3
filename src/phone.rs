//! Addresses and digits of people: types that cannot be wrong and do not print themselves.
//!
//! `Debug` and `Display` of every type here show at most the last two characters. Whoever needs the
//! whole text (to dial, to speak it back, to store it) calls `expose`, which is easy to search for.
//! Access codes, of which two digits would be too many, show nothing. What a number is, and so
//! whether it may be called, is told by its digits ([`NumberClass`]).

mod class;
mod code;
mod plan;
mod zones;

use std::fmt;

pub use class::{Country, EMERGENCY, NumberClass, NumberKind, Refused, ZoneName, is_emergency};
pub use code::{AccessCode, CodeHash, CodeKey};

use crate::ident::Route;

/// Longest user part or number taken from the outside, in characters.
pub const TEXT_MAX: usize = 64;

fn redacted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let shown = if text.len() > 4 { text.get(text.len() - 2..).unwrap_or("") } else { "" };
    write!(f, "…{shown}")
}

/// What has `expose` prints redacted.
macro_rules! redacts {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                redacted(f, self.expose())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                redacted(f, self.expose())
            }
        }
    };
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

        redacts!($name);
    };
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

/// An E.164 number: `+` and 7 to 15 digits.
///
/// Kept in place, the bytes that are left being zero: of a hundred thousand pending callbacks each
/// has three.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber([u8; 16]);

impl PhoneNumber {
    /// The whole number. Not for logs.
    pub fn expose(&self) -> &str {
        let length = self.0.iter().position(|&b| b == 0).unwrap_or(self.0.len());
        // Always a text: `parse` let nothing in but a plus and digits.
        str::from_utf8(&self.0[..length]).unwrap_or_default()
    }

    /// Reads `+` and 7 to 15 digits, the first not 0 (ITU-T E.164); `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let fits = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        let mut kept = [0; 16];
        kept.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        (fits && !digits.starts_with('0')).then_some(Self(kept))
    }
}

redacts!(PhoneNumber);

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

redacts!(Address);

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

    /// Does the whole of `text` match?
    pub fn matches(&self, text: &str) -> bool {
        fits(&self.0, text)
    }
}

/// Does the whole of `text` match? Linear in both: one place to go back to, the last `*`.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
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

/// Whom a queue may call back, and how. Deny by default: what matches nothing is refused.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AddressPolicy {
    /// The country by which a number without its country code is read; `None`: it is no number.
    pub default_country: Option<Country>,
    /// Permitted countries.
    pub countries: Vec<Country>,
    /// Permitted E.164 prefixes, each with its `+`, besides those countries.
    pub prefixes: Vec<String>,
    /// What is refused although it is permitted: E.164 numbers with their `+`, or extensions.
    pub blocked: Vec<Pattern>,
    /// The trunks that carry E.164 numbers, first choice first.
    pub trunks: Vec<Route>,
    /// Permitted extensions, each with the way to reach it.
    pub extensions: Vec<(Pattern, Route)>,
}

impl AddressPolicy {
    /// Nothing, if the queue may call `address`; otherwise why not. What it says depends on the
    /// policy and the digits alone.
    ///
    /// # Errors
    /// The class of the number first, then the blocked patterns, then what is not listed.
    /// Extensions have no class and no country.
    pub fn permits(&self, address: &Address) -> Result<(), Refused> {
        let listed = match address {
            Address::E164(number) => {
                let class = NumberClass::of(number);
                class.kind.callable()?;
                class.country.is_some_and(|country| self.countries.contains(&country))
                    || self.prefixes.iter().any(|p| number.expose().starts_with(p.as_str()))
            }
            Address::Extension(extension) => self.way(extension).is_some(),
        };
        if self.blocked.iter().any(|pattern| pattern.matches(address.expose())) {
            return Err(Refused::Blocked);
        }
        if listed { Ok(()) } else { Err(Refused::NotListed) }
    }

    /// The routes that may carry a call to `address`, first choice first; empty if it is refused.
    pub fn routes(&self, address: &Address) -> Vec<Route> {
        if self.permits(address).is_err() {
            return Vec::new();
        }
        match address {
            Address::E164(_) => self.trunks.clone(),
            Address::Extension(extension) => self.way(extension).cloned().into_iter().collect(),
        }
    }

    /// The way to an extension; `None` if it is not listed, or if a trunk would make an emergency
    /// call of it.
    pub fn way(&self, extension: &Extension) -> Option<&Route> {
        let listed =
            self.extensions.iter().find(|(pattern, _)| pattern.matches(extension.expose()));
        let route = listed.map(|(_, route)| route)?;
        let emergency = EMERGENCY.contains(&extension.expose()) && *route != Route::Registrar;
        (!emergency).then_some(route)
    }

    /// Nobody at all?
    pub fn is_empty(&self) -> bool {
        self.countries.is_empty() && self.prefixes.is_empty() && self.extensions.is_empty()
    }

    /// The address behind a caller's number, if this queue may call it back. The number must be in
    /// its one spelling (`node::numbers`).
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
            ("+123456789012345", true),
            ("+1234567890123456", false),
            ("+12345678901234567890", false),
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

    fn policy() -> AddressPolicy {
        AddressPolicy {
            countries: vec![Country::parse("US").unwrap(), Country::parse("GB").unwrap()],
            prefixes: vec!["+3361".into(), "+1800".into(), "+87".into(), "+999".into()],
            blocked: vec![Pattern::new("+1415555*"), Pattern::new("1009")],
            trunks: vec![trunk()],
            extensions: vec![
                (Pattern::new("10??"), Route::Registrar),
                (Pattern::new("911"), Route::Registrar),
            ],
            ..AddressPolicy::default()
        }
    }

    fn trunk() -> Route {
        Route::Trunk(TrunkId::new("carrier"))
    }

    #[test]
    fn an_address_is_denied_unless_listed() {
        let table = [
            ("+14156660123", Ok(())),
            ("+442079460018", Ok(())),
            ("+33612345678", Ok(())),
            ("+33622345678", Err(Refused::NotListed)),
            ("+18005550123", Ok(())),
            ("+18885550123", Err(Refused::NotListed)),
            ("+16045550123", Err(Refused::NotListed)),
            ("+447781123456", Err(Refused::NotListed)),
            ("+4930123456", Err(Refused::NotListed)),
            ("+14155550123", Err(Refused::Blocked)),
            ("+19115550123", Err(Refused::Emergency)),
            ("+442079460018000", Err(Refused::Long)),
            ("+449098790000", Err(Refused::Premium)),
            ("+448451234567", Err(Refused::SharedCost)),
            ("+870773111632", Err(Refused::Satellite)),
            ("+15550123", Err(Refused::Short)),
            ("+9991234567", Err(Refused::Unknown)),
            ("1001", Ok(())),
            ("911", Ok(())),
            ("1009", Err(Refused::Blocked)),
            ("2001", Err(Refused::NotListed)),
        ];
        for (text, permitted) in table {
            let address = Address::parse(text).unwrap();
            assert_eq!(policy().permits(&address), permitted, "{text}");
            assert_eq!(policy().routes(&address).is_empty(), permitted.is_err(), "{text}");
        }
        assert_eq!(policy().routes(&Address::parse("+14156660123").unwrap()), [trunk()]);
        assert_eq!(policy().routes(&Address::parse("1001").unwrap()), [Route::Registrar]);
        assert!(policy().callable(&Ani::new("anonymous")).is_none());
        assert!(AddressPolicy::default().is_empty() && !policy().is_empty());
    }

    proptest::proptest! {
        #[test]
        fn what_is_never_called_has_no_route(digits in "[1-9][0-9]{6,14}") {
            let number = PhoneNumber::parse(&format!("+{digits}")).unwrap();
            let all = AddressPolicy {
                countries: Country::all().collect(),
                prefixes: vec!["+".into()],
                trunks: vec![trunk()],
                ..AddressPolicy::default()
            };
            let never = NumberClass::of(&number).kind != NumberKind::Ordinary;
            let address = Address::E164(number);
            proptest::prop_assert_eq!(all.routes(&address).is_empty(), never);
            proptest::prop_assert!(AddressPolicy::default().routes(&address).is_empty());
        }
    }
}
