//! What kind of number a number is, where it is, and who refuses it: read from its digits alone, so
//! that it is the same at the request, at the dial and on a transfer.

use std::fmt;

use super::plan::Plan;
use super::{PhoneNumber, zones};

/// A country by its two letters (ISO 3166-1 alpha-2; `AC`, `TA` and `XK` besides).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(&'static str);

impl Country {
    /// Reads two capital letters that stand for a country whose numbers can be told apart; `None`
    /// for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        Self::all().find(|country| country.0 == text)
    }

    /// Every country; some more than once.
    pub fn all() -> impl Iterator<Item = Self> {
        zones::countries().map(Self)
    }

    /// The two letters.
    pub fn as_str(&self) -> &'static str {
        self.0
    }

    /// All its time zones; empty for those behind +1, whose numbers tell more.
    pub fn zones(&self) -> &'static [ZoneName] {
        zones::of_country(self.0)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The name of a zone of the IANA time zone database: `Europe/Berlin`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ZoneName(&'static str);

impl ZoneName {
    /// Wraps a name.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name.
    pub fn as_str(&self) -> &'static str {
        self.0
    }
}

/// What a number is called for, as far as it matters whether it may be called.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NumberKind {
    /// A person's or an office's number, or one that is free of charge.
    Ordinary,
    /// It earns from being called: premium rate, personal numbers (`+44 70`), pagers, services of a
    /// carrier.
    Premium,
    /// The caller pays a part that is above the ordinary rate (`+49 180`, `+34 901`).
    SharedCost,
    /// A satellite telephone or network.
    Satellite,
    /// Police, ambulance, fire brigade.
    Emergency,
    /// Fewer digits than any number of its country, a directory service or the like.
    Short,
    /// More digits than any number of its country: networks ignore those at the end, so that it is
    /// another spelling of a shorter one.
    Long,
    /// No country has its calling code.
    Unknown,
}

/// What can be told of a number by its digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NumberClass {
    /// Where it belongs; `None` for numbers that belong to no country, such as `+800`, `+1 800`.
    pub country: Option<Country>,
    /// May it be called at all?
    pub kind: NumberKind,
    /// The time zones it may be in; empty if that cannot be told.
    pub zones: &'static [ZoneName],
}

impl NumberClass {
    /// The class of a number.
    pub fn of(number: &PhoneNumber) -> Self {
        let digits = number.expose().trim_start_matches('+');
        let Some((plan, national)) = Plan::of(digits) else {
            return Self { country: None, kind: NumberKind::Unknown, zones: &[] };
        };
        let (country, zones) = match plan.code {
            "1" => zones::of_area(national),
            _ => {
                let country = plan.country(national);
                ((!country.is_empty()).then_some(country), zones::of_country(country))
            }
        };
        Self { country: country.map(Country), kind: plan.kind(national), zones }
    }
}

/// Why a queue does not call an address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, thiserror::Error)]
pub enum Refused {
    /// Neither its country nor its first digits are permitted, or no pattern lists the extension.
    #[error("the queue does not call numbers such as this one")]
    NotListed,
    /// A pattern of the configuration blocks it.
    #[error("the number is blocked")]
    Blocked,
    /// See [`NumberKind::Emergency`].
    #[error("emergency numbers are never called")]
    Emergency,
    /// See [`NumberKind::Premium`].
    #[error("premium rate numbers are never called")]
    Premium,
    /// See [`NumberKind::SharedCost`].
    #[error("shared cost numbers are never called")]
    SharedCost,
    /// See [`NumberKind::Satellite`].
    #[error("satellite numbers are never called")]
    Satellite,
    /// See [`NumberKind::Short`].
    #[error("the number is not complete, or a short one, which are never called")]
    Short,
    /// See [`NumberKind::Long`].
    #[error("the number has too many digits")]
    Long,
    /// See [`NumberKind::Unknown`].
    #[error("no country has this calling code")]
    Unknown,
}

impl NumberKind {
    /// Nothing, if such numbers may be called; otherwise why they never are.
    ///
    /// # Errors
    /// For every kind but [`NumberKind::Ordinary`].
    pub fn callable(self) -> Result<(), Refused> {
        Err(match self {
            NumberKind::Ordinary => return Ok(()),
            NumberKind::Premium => Refused::Premium,
            NumberKind::SharedCost => Refused::SharedCost,
            NumberKind::Satellite => Refused::Satellite,
            NumberKind::Emergency => Refused::Emergency,
            NumberKind::Short => Refused::Short,
            NumberKind::Long => Refused::Long,
            NumberKind::Unknown => Refused::Unknown,
        })
    }
}

/// Emergency numbers that are no extension of any house: none is called over a trunk, whatever a
/// queue lists.
pub const EMERGENCY: [&str; 3] = ["112", "911", "999"];

/// Is this, as it is dialled, the number of the police, ambulance or fire brigade in some country?
/// Those that are extensions of a house as often (`101`) are left out.
pub fn is_emergency(dialled: &str) -> bool {
    matches!(dialled, "112" | "911" | "999" | "000" | "110" | "118" | "119" | "9911" | "9112")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> NumberClass {
        NumberClass::of(&PhoneNumber::parse(text).unwrap())
    }

    #[test]
    fn a_number_tells_its_country_and_kind() {
        use NumberKind::{
            Emergency, Long, Ordinary, Premium, Satellite, SharedCost, Short, Unknown,
        };
        let table = [
            ("+14155550123", "US", Ordinary),
            ("+16045550123", "CA", Ordinary),
            ("+18765550123", "JM", Ordinary),
            ("+18005550123", "-", Ordinary),
            ("+19005550123", "-", Premium),
            ("+14159761234", "US", Premium),
            ("+15005550123", "-", Premium),
            ("+19115550123", "-", Emergency),
            ("+14115550123", "-", Short),
            ("+15550123", "-", Short),
            ("+141555501234", "US", Long),
            ("+442079460018", "GB", Ordinary),
            ("+447700900123", "GB", Ordinary),
            ("+447781123456", "GG", Ordinary),
            ("+447624123456", "IM", Ordinary),
            ("+449098790000", "GB", Premium),
            ("+447012345678", "GB", Premium),
            ("+448712345678", "GB", SharedCost),
            ("+448451234567", "GB", SharedCost),
            ("+4402079460018", "GB", Long),
            ("+33123456789", "FR", Ordinary),
            ("+33612345678", "FR", Ordinary),
            ("+33891123456", "FR", Premium),
            ("+33811123456", "FR", Premium),
            ("+33821123456", "FR", Premium),
            ("+33118712", "FR", Short),
            ("+4930123456", "DE", Ordinary),
            ("+4915112345678", "DE", Ordinary),
            ("+499001234567", "DE", Premium),
            ("+491801123456", "DE", SharedCost),
            ("+491371234567", "DE", SharedCost),
            ("+49116117", "DE", Short),
            ("+34912345678", "ES", Ordinary),
            ("+34803123456", "ES", Premium),
            ("+34806123456", "ES", Premium),
            ("+34807123456", "ES", Premium),
            ("+34905123456", "ES", Premium),
            ("+34901123456", "ES", SharedCost),
            ("+34902123456", "ES", SharedCost),
            ("+390612345678", "IT", Ordinary),
            ("+79123456789", "RU", Ordinary),
            ("+77123456789", "KZ", Ordinary),
            ("+61147123456", "AU", Satellite),
            ("+870773111632", "-", Satellite),
            ("+881612345678", "-", Satellite),
            ("+88216123456", "-", Satellite),
            ("+883510012345", "-", Satellite),
            ("+80812345678", "-", SharedCost),
            ("+979123456789", "-", Premium),
            ("+88812345678901", "-", Premium),
            ("+80012345678", "-", Ordinary),
            ("+9991234567", "-", Unknown),
        ];
        for (text, country, kind) in table {
            let class = class(text);
            let found = class.country.map_or("-", |country| country.as_str());
            assert_eq!((found, class.kind), (country, kind), "{text}");
        }
    }

    #[test]
    fn a_number_tells_its_zones() {
        let table = [
            ("+14155550123", "America/Los_Angeles"),
            ("+12085550123", "America/Denver America/Los_Angeles"),
            ("+18005550123", "America/St_Johns Pacific/Honolulu"),
            ("+4930123456", "Europe/Berlin"),
            ("+351912345678", "Europe/Lisbon Atlantic/Azores"),
            ("+80012345678", ""),
        ];
        for (text, zones) in table {
            let names: Vec<&str> = class(text).zones.iter().map(|zone| zone.as_str()).collect();
            assert_eq!(names.join(" "), zones, "{text}");
        }
    }

    #[test]
    fn a_country_is_two_letters_of_the_tables() {
        for text in ["US", "CA", "GB", "DE", "XK", "GG", "PR"] {
            assert_eq!(Country::parse(text).unwrap().as_str(), text);
        }
        for text in ["us", "UK", "EU", "", "USA", "ZZ"] {
            assert_eq!(Country::parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_number_has_a_class(digits in "[1-9][0-9]{6,14}") {
            let class = class(&format!("+{digits}"));
            if class.kind == NumberKind::Unknown {
                proptest::prop_assert!(class.country.is_none() && class.zones.is_empty());
            }
            if class.country.is_some() {
                proptest::prop_assert!(!class.zones.is_empty(), "{:?}", class);
            }
        }
    }
}
