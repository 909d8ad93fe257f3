//! Numbers as people and networks write them become addresses: one spelling for each.
//!
//! Whatever a number is compared with (an open callback, a limit, the never-call list) is compared
//! in that spelling, so every text from outside passes here first. The crate `phonenumber` knows
//! how each country dials; it is given nothing but `+` and digits, since a panic of its own would
//! print what it was given. Must not: decide who may be called, that is [`AddressPolicy`].

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use phonenumber::{Mode, country};

use crate::phone::{
    Address, AddressPolicy, Ani, Country, Extension, NumberClass, NumberKind, PhoneNumber, Refused,
    is_emergency,
};

/// Longest text taken for a number, in characters.
const TEXT_MAX: usize = 32;
/// What may stand between digits.
const BETWEEN: &[char] = &[
    ' ', '-', '.', '/', '(', ')', '[', ']', '\u{a0}', '\u{2010}', '\u{2011}', '\u{2012}',
    '\u{2013}', '\u{2014}', '\u{2212}',
];

/// Why a text is no address that a queue calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotCallable {
    /// Neither a whole number nor an extension.
    #[error("it is not a telephone number")]
    NotANumber,
    /// One that the queue does not call.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Loads what `phonenumber` knows, so that no call waits for it: some 50 ms and 6 MB, once.
pub(super) fn warm_up() {
    let _ = number("+14155550100", None);
}

/// The address that a text means for a queue: an extension that it lists, else a number, read as in
/// its default country.
///
/// # Errors
/// What is wrong with the text, or why the queue does not call it.
pub fn read(text: &str, policy: &AddressPolicy) -> Result<Address, NotCallable> {
    let extension = Extension::parse(text).filter(|extension| policy.way(extension).is_some());
    let address = match extension {
        Some(extension) => Address::Extension(extension),
        None if is_emergency(text) => return Err(Refused::Emergency.into()),
        None => Address::E164(number(text, policy.default_country).ok_or(NotCallable::NotANumber)?),
    };
    policy.permits(&address)?;
    Ok(address)
}

/// The caller of a trunk in the one spelling, where the queues that may call back agree on a
/// default country; otherwise, and if it is not a number, as it came.
pub(super) fn spelled(ani: Ani, policies: &[&AddressPolicy]) -> Ani {
    let extension = Extension::parse(ani.expose());
    let is_listed = |policy: &&AddressPolicy| {
        extension.as_ref().is_some_and(|extension| policy.way(extension).is_some())
    };
    if policies.iter().any(is_listed) {
        return ani;
    }
    let countries: BTreeSet<_> = policies.iter().map(|policy| policy.default_country).collect();
    let agreed = if countries.len() == 1 { countries.into_iter().flatten().next() } else { None };
    match number(ani.expose(), agreed) {
        Some(number) if is_whole(&number) => Ani::new(number.expose()),
        Some(_) | None => ani,
    }
}

fn is_whole(number: &PhoneNumber) -> bool {
    let kind = NumberClass::of(number).kind;
    !matches!(kind, NumberKind::Short | NumberKind::Long | NumberKind::Unknown)
}

/// The number that a text means, in any usual spelling: with separators, `(0)`, `00` or `011` or
/// `+`, `tel:`. Without a default country it must begin with `+`. `None` if it is not a number.
pub fn number(text: &str, default: Option<Country>) -> Option<PhoneNumber> {
    let plain = plain(text)?;
    if default.is_none() && !plain.starts_with('+') {
        return None;
    }
    let number = parsed(&plain, default)?;
    // What is not its own one spelling is none.
    let again = parsed(number.expose(), None)?;
    (again == number).then_some(number)
}

fn parsed(plain: &str, default: Option<Country>) -> Option<PhoneNumber> {
    let id = match default {
        Some(default) => Some(default.as_str().parse::<country::Id>().ok()?),
        None => None,
    };
    let parse = || phonenumber::parse(id, plain).map(|it| it.format().mode(Mode::E164).to_string());
    PhoneNumber::parse(&catch_unwind(parse).ok()?.ok()?)
}

/// `+` and digits; `None` for a text with anything in it that no number has. Of parameters (RFC
/// 3966 section 3) those that say where the number counts are not needed behind `+`; those that
/// name somebody behind the number are not for us.
fn plain(text: &str) -> Option<String> {
    if text.chars().nth(TEXT_MAX).is_some() {
        return None;
    }
    let text = text.trim();
    let scheme = text.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("tel:"));
    let text = scheme.map_or(text, |scheme| &text[scheme.len()..]);
    let (written, parameters) = text.split_once(';').unwrap_or((text, ""));
    let mut plain = String::new();
    for c in written.chars() {
        match c {
            '+' if plain.is_empty() => plain.push(c),
            '0'..='9' => plain.push(c),
            _ if BETWEEN.contains(&c) => {}
            _ => return None,
        }
    }
    let behind = |parameter: &str| {
        let name = parameter.split('=').next().unwrap_or("");
        name.eq_ignore_ascii_case("ext") || name.eq_ignore_ascii_case("isub")
    };
    let refused = !parameters.is_empty() && !plain.starts_with('+');
    (!refused && !parameters.split(';').any(behind)).then_some(plain)
}

#[cfg(test)]
mod tests {
    use phonenumber::metadata::{DATABASE, Descriptor};
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::string::string_regex;
    use proptest::test_runner::TestRunner;

    use super::*;
    use crate::ident::{Route, TrunkId};
    use crate::phone::Pattern;

    fn country(text: &str) -> Option<Country> {
        Some(Country::parse(text).unwrap())
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        let table = [
            "",
            "+",
            "0",
            "911",
            "12345",
            "anonymous",
            "Anonymous",
            "1-800-FLOWERS",
            "+1415555O123",
            "bob@example.com",
            "tel:5550123;phone-context=+1415",
            "tel:+14155550123;ext=12",
            "+14155550123;isub=12",
            "+1+4155550123",
            "41555501231234567890",
            "\u{664}155550123",
            "*214155550123",
            "+14155550123#",
            "é",
            "+é",
            "                     +1415555012345678",
            ".;phone-context=",
            "+dwPAA;phone-context=AA",
            "+\u{1f4a9};phone-context=\u{1f4a9}",
        ];
        for text in table {
            assert_eq!(number(text, country("US")).filter(is_whole), None, "{text:?}");
        }
        assert_eq!(number("4155550123", None), None);
        assert_eq!(number("00493012345", None), None);
    }

    fn policy() -> AddressPolicy {
        AddressPolicy {
            default_country: country("US"),
            countries: vec![Country::parse("US").unwrap()],
            trunks: vec![Route::Trunk(TrunkId::new("carrier"))],
            extensions: vec![(Pattern::new("10??"), Route::Registrar)],
            ..AddressPolicy::default()
        }
    }

    #[test]
    fn a_text_is_read_by_the_policy_of_a_queue() {
        let table = [
            ("415 555 0123", Ok("+14155550123")),
            ("+1 (415) 555-0123", Ok("+14155550123")),
            ("1001", Ok("1001")),
            ("2001", Err(NotCallable::NotANumber)),
            ("bob", Err(NotCallable::NotANumber)),
            ("911", Err(NotCallable::Refused(Refused::Emergency))),
            ("5550123", Err(NotCallable::Refused(Refused::Short))),
            ("900 555 0123", Err(NotCallable::Refused(Refused::Premium))),
            ("011 44 20 7946 0018", Err(NotCallable::Refused(Refused::NotListed))),
        ];
        for (text, expected) in table {
            let read = read(text, &policy());
            assert_eq!(
                read.as_ref().map(Address::expose),
                expected.as_ref().map(|it| *it),
                "{text}"
            );
        }
    }

    #[test]
    fn a_caller_is_spelled_where_the_queues_agree() {
        let (us, german) = (policy(), AddressPolicy { default_country: country("DE"), ..policy() });
        let spell = |text: &str, policies: &[&AddressPolicy]| {
            spelled(Ani::new(text), policies).expose().to_owned()
        };
        assert_eq!(spell("4155550123", &[&us, &us]), "+14155550123");
        assert_eq!(spell("030123456", &[&german]), "+4930123456");
        assert_eq!(spell("4155550123", &[&us, &german]), "4155550123");
        assert_eq!(spell("+1 415 555 0123", &[&us, &german]), "+14155550123");
        assert_eq!(spell("4155550123", &[]), "4155550123");
        for text in ["1001", "anonymous", "", "5550123", "911"] {
            assert_eq!(spell(text, &[&us]), text);
        }
    }

    #[test]
    fn every_country_of_ours_is_known() {
        for country in Country::all() {
            assert!(country.as_str().parse::<country::Id>().is_ok(), "{country}");
        }
    }

    /// National numbers that fit a descriptor: its example, and others drawn from its pattern.
    fn drawn(runner: &mut TestRunner, descriptor: &Descriptor) -> Vec<String> {
        let mut pattern = descriptor.national_number().as_str().replace("\\d", "[0-9]");
        pattern.retain(|c| !c.is_whitespace());
        let strategy = string_regex(&pattern).unwrap();
        let lengths = descriptor.possible_length();
        let fits = |number: &String| lengths.is_empty() || lengths.contains(&(number.len() as u16));
        let others = (0..20).map(|_| strategy.new_tree(runner).unwrap().current());
        descriptor.example().map(str::to_owned).into_iter().chain(others).filter(fits).collect()
    }

    #[test]
    fn what_the_metadata_holds_for_costly_is_never_called() {
        let (mut runner, mut tried) = (TestRunner::deterministic(), 0);
        let mut wrong = Vec::new();
        for metadata in DATABASE.iter() {
            let kinds = metadata.descriptors();
            let costly =
                [kinds.premium_rate(), kinds.shared_cost(), kinds.personal_number(), kinds.pager()];
            for descriptor in costly.into_iter().flatten() {
                for national in drawn(&mut runner, descriptor) {
                    let text = format!("+{}{national}", metadata.country_code());
                    let Some(number) = PhoneNumber::parse(&text) else { continue };
                    tried += 1;
                    if NumberClass::of(&number).kind == NumberKind::Ordinary {
                        wrong.push(format!("{} {text}", metadata.id()));
                    }
                }
            }
        }
        assert!(tried > 3_000, "{tried}");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_read_stays(
            text in "[+0-9 ()./;=a-z*#é\u{664}-]{0,40}",
            default in prop::sample::select(Country::all().collect::<Vec<_>>()),
        ) {
            if let Some(read) = number(&text, Some(default)) {
                prop_assert_eq!(number(read.expose(), None), Some(read.clone()));
                prop_assert_eq!(number(read.expose(), Some(default)), Some(read));
            }
        }
    }
}
