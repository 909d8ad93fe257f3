//! Numbers as people and networks write them become addresses: one spelling for each.
//!
//! Whatever a number is compared with (an open callback, a limit, the never-call list) is compared
//! in that spelling, so every text from outside passes here first. The crate `phonenumber` knows
//! how each country dials; it is given nothing but `+` and digits, since a panic of its own would
//! print what it was given. Must not: decide who may be called, that is [`AddressPolicy`].

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use phonenumber::metadata::{DATABASE, Descriptors};
use phonenumber::{Mode, country};

use crate::ident::Route;
use crate::phone::{
    Address, AddressPolicy, Ani, Country, Extension, NumberClass, NumberKind, PhoneNumber, Refused,
    is_emergency,
};

/// Longest text taken for a number, in characters.
const TEXT_MAX: usize = 64;
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

/// Somebody outside whom a call is to be handed over to, or whom an agent calls out to, and the
/// ways there, by the policy of the queue that lets them. `None`: they may not be called, as nobody
/// may without a queue.
pub(super) fn outside_party(
    text: &str,
    policy: Option<&AddressPolicy>,
    is_never_called: impl Fn(&Address) -> bool,
) -> Option<(Address, Vec<Route>)> {
    let policy = policy?;
    let address = read(text, policy).ok().filter(|address| !is_never_called(address))?;
    let routes = policy.routes(&address);
    Some((address, routes))
}

/// The address that a text means for a queue, whether that calls it or not; `None` if it is none.
pub(super) fn address(text: &str, policy: &AddressPolicy) -> Option<Address> {
    let listed = Extension::parse(text).filter(|extension| policy.way(extension).is_some());
    let number = || number(text, policy.default_country).map(Address::E164);
    listed.map(Address::Extension).or_else(number).or_else(|| Address::parse(text))
}

/// The caller of a trunk in the one spelling, where it can be only one number in the default
/// countries of the queues that may call back; otherwise, and if it is not a number, as it came.
pub(super) fn spelled(ani: Ani, policies: &[&AddressPolicy]) -> Ani {
    let extension = Extension::parse(ani.expose());
    let is_listed = |policy: &&AddressPolicy| {
        extension.as_ref().is_some_and(|extension| policy.way(extension).is_some())
    };
    if policies.iter().any(is_listed) {
        return ani;
    }
    // A queue without a country has no other opinion.
    let countries: BTreeSet<_> = policies.iter().filter_map(|it| it.default_country).collect();
    let read = |country| number(ani.expose(), country).filter(is_whole);
    let numbers: BTreeSet<_> =
        countries.into_iter().map(Some).chain([None]).filter_map(read).collect();
    match numbers.into_iter().collect::<Vec<_>>().as_slice() {
        [number] => Ani::new(number.expose()),
        _ => ani,
    }
}

/// The number that a text means, if it is one that a country's numbers look like.
pub(super) fn whole(text: &str, default: Option<Country>) -> Option<PhoneNumber> {
    number(text, default).filter(is_whole)
}

fn is_whole(number: &PhoneNumber) -> bool {
    let kind = NumberClass::of(number).kind;
    !matches!(kind, NumberKind::Short | NumberKind::Long | NumberKind::Unknown)
}

/// The number that a text means, in any usual spelling: with separators, `(0)`, `00` or `011` or
/// `+`, `tel:`. Without a default country it must begin with `+`. `None` if it is not a number.
///
/// Where people dial a prefix at home (`0` in Germany), digits that begin with the country's own
/// code and are a number behind it are read as such (`4930123456`).
pub fn number(text: &str, default: Option<Country>) -> Option<PhoneNumber> {
    let plain = plain(text)?;
    let read = match default {
        _ if plain.starts_with('+') => international(&plain)?,
        Some(default) => national(&plain, default)?,
        None => return None,
    };
    // What is not its own one spelling is none.
    (international(read.expose())? == read).then_some(read)
}

/// `phonenumber` alone takes a national prefix off numbers that merely begin like one, as those of
/// Saint Petersburg do: so what is a number as it stands stays as it is.
fn international(plain: &str) -> Option<PhoneNumber> {
    assigned(plain.strip_prefix('+')?).or_else(|| parsed(plain, None))
}

fn national(plain: &str, default: Country) -> Option<PhoneNumber> {
    let metadata = DATABASE.by_id(default.as_str())?;
    let code = metadata.country_code().to_string();
    let is_prefixed = metadata.national_prefix().is_some() && plain.starts_with(&code);
    let with_code = if is_prefixed { assigned(plain) } else { None };
    let at_home = || assigned(&format!("{code}{plain}"));
    with_code.or_else(at_home).or_else(|| parsed(plain, Some(default)))
}

/// The number of these digits, which begin with a country code, as it stands or without a national
/// prefix, if the metadata has such numbers.
fn assigned(digits: &str) -> Option<PhoneNumber> {
    let split = |length| {
        let (code, national) = digits.split_at_checked(length)?;
        Some((DATABASE.by_code(&code.parse().ok()?)?, code, national))
    };
    let (regions, code, national) = (1..=3).find_map(split)?;
    let read = |national: &str| {
        let is_assigned = match code {
            // Its regions are many, and their numbers all of one form.
            "1" => !national.starts_with(['0', '1']),
            _ => regions.iter().any(|region| has(region.descriptors(), national)),
        };
        let number = PhoneNumber::parse(&format!("+{code}{national}")).filter(is_whole)?;
        is_assigned.then_some(number)
    };
    let prefix = regions.first().and_then(|region| region.national_prefix());
    read(national).or_else(|| read(national.strip_prefix(prefix?)?))
}

fn has(kinds: &Descriptors, national: &str) -> bool {
    let kinds = [
        kinds.fixed_line(),
        kinds.mobile(),
        kinds.toll_free(),
        kinds.premium_rate(),
        kinds.shared_cost(),
        kinds.personal_number(),
        kinds.voip(),
        kinds.pager(),
        kinds.uan(),
    ];
    kinds.into_iter().flatten().any(|kind| kind.is_match(national))
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
    use std::collections::BTreeMap;

    use phonenumber::metadata::Descriptor;
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::string::string_regex;
    use proptest::test_runner::TestRunner;

    use super::*;
    use crate::ident::{Entropy, TrunkId};
    use crate::phone::{AccessCode, CodeKey, Dnis, Pattern};
    use crate::queue::never_call::NeverCallKey;

    fn country(text: &str) -> Option<Country> {
        Some(Country::parse(text).unwrap())
    }

    /// `with default=DE countries=DE,US` changes the policy, `transfer 030 1234` hands somebody
    /// over, `call-out 030 1234` is an agent who may not call, `call-out-by-right 030 1234`
    /// one who may by this queue. `never key=1 030 1234` and `code
    /// key=1 dnis=800 004711` are what is kept of a number never to be called and of a code, `draw
    /// seed=1 length=6` are three codes. Anything else is a number as somebody wrote it.
    /// `+4930123456` is never called.
    fn read_told(policy: &mut AddressPolicy, line: &str) -> String {
        let party = |text, policy: Option<&AddressPolicy>| {
            let never = |address: &Address| address.expose() == "+4930123456";
            match outside_party(text, policy, never) {
                Some((address, routes)) => format!("to {} by {routes:?}", address.expose()),
                None => "refused".to_owned(),
            }
        };
        if let Some(text) = line.strip_prefix("transfer ") {
            return party(text, Some(policy));
        }
        if let Some(text) = line.strip_prefix("call-out ") {
            return party(text, None);
        }
        if let Some(text) = line.strip_prefix("call-out-by-right ") {
            return party(text, Some(policy));
        }
        if let Some(("never" | "code" | "draw", _)) = line.split_once(' ') {
            return kept(policy, line);
        }
        let Some(changes) = line.strip_prefix("with ") else {
            return match read(line, policy) {
                Ok(address) => shown(&address, policy),
                Err(error) => format!("refused: {error}"),
            };
        };
        for (key, value) in changes.split(' ').filter_map(|change| change.split_once('=')) {
            let patterns = || value.split(',').map(Pattern::new);
            match key {
                "default" => policy.default_country = country(value),
                "countries" => policy.countries = value.split(',').filter_map(country).collect(),
                "prefixes" => policy.prefixes = value.split(',').map(str::to_owned).collect(),
                "blocked" => policy.blocked = patterns().collect(),
                "extensions" => {
                    policy.extensions = patterns().map(|it| (it, Route::Registrar)).collect();
                }
                "pbx-extensions" => {
                    let pbx = Route::Trunk(TrunkId::new("pbx"));
                    policy.extensions = patterns().map(|it| (it, pbx.clone())).collect();
                }
                other => panic!("{other}"),
            }
        }
        String::new()
    }

    fn kept(policy: &AddressPolicy, line: &str) -> String {
        let (pairs, plain): (Vec<&str>, Vec<&str>) =
            line.split(' ').skip(1).partition(|word| word.contains('='));
        let pairs: BTreeMap<&str, &str> =
            pairs.into_iter().filter_map(|pair| pair.split_once('=')).collect();
        let key = || [pairs["key"].parse().unwrap(); 32];
        let hex = |hash: &[u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect();
        match line.split(' ').next() {
            Some("never") => {
                let address = read(&plain.join(" "), policy);
                address.map_or_else(
                    |error| format!("refused: {error}"),
                    |address| hex(&NeverCallKey::new(key()).hash(&address).0),
                )
            }
            Some("code") => {
                let (dnis, code) = (Dnis::new(pairs["dnis"]), AccessCode::parse(plain[0]).unwrap());
                hex(CodeKey::new(key()).hash(&dnis, &code).as_bytes())
            }
            _ => {
                let mut entropy = Entropy::from_number(pairs["seed"].parse().unwrap());
                let length = pairs["length"].parse().unwrap();
                let codes = (0..3).map(|_| AccessCode::draw(length, &mut entropy));
                codes.map(|code| format!("{}\n", code.expose())).collect()
            }
        }
    }

    fn shown(address: &Address, policy: &AddressPolicy) -> String {
        let routes = policy.routes(address);
        let zones = match address {
            Address::E164(number) => NumberClass::of(number).zones,
            Address::Extension(_) => &[],
        };
        let zones: Vec<String> = zones.iter().map(|zone| format!(" {}", zone.as_str())).collect();
        format!("{} by {routes:?}{}", address.expose(), zones.concat())
    }

    #[test]
    fn every_text_of_numbers_holds() {
        crate::tests::scenarios("numbers", 1, |text| {
            let trunks = vec![Route::Trunk(TrunkId::new("carrier"))];
            let mut policy = AddressPolicy { trunks, ..AddressPolicy::default() };
            crate::tests::answered(text, |line| read_told(&mut policy, line))
        });
    }

    #[test]
    fn a_number_has_one_spelling() {
        let table = [
            ("US", "+14155550123", "4155550123 | 1 415 555 0123 | (415) 555-0123 | 415.555.0123"),
            ("US", "+14155550123", "+1 (415) 555-0123 | tel:+1-415-555-0123 | TEL:+14155550123"),
            ("US", "+14155550123", "+14155550123;npdi;rn=+14155550000 | 011 1 415 555 0123"),
            ("US", "+4930123456", "011 49 30 123456 | +49 (0)30 123456 | +49 30 12 34 56"),
            (
                "DE",
                "+4930123456",
                "030 123456 | 0049 30 123456 | +49(0)30/123456 | 030\u{2013}123456",
            ),
            ("DE", "+14155550123", "001 415 555 0123 | +1 415 555 0123"),
            ("GB", "+442079460018", "020 7946 0018 | +44 (0)20 7946 0018 | 0044 20 7946 0018"),
            ("GB", "+442079460018", "+4402079460018 | 00440207946 0018"),
            ("FR", "+33123456789", "01 23 45 67 89 | +33 (0)1 23 45 67 89"),
            ("IT", "+390612345678", "06 1234 5678 | +39 (06) 12345678"),
            ("RU", "+78121234567", "8 (812) 123-45-67 | +7 812 123-45-67 | 7 812 123 45 67"),
            ("IT", "+393931234567", "393 123 4567 | +39 393 123 4567"),
            ("BR", "+5555996123456", "55 99612-3456 | 0 15 55 99612 3456 | 5555996123456"),
            ("DE", "+4930123456", "4930123456 | 49 030 123456"),
            ("RU", "+79123456789", "8 (912) 345-67-89 | +7 912 345-67-89"),
            ("DK", "+4545123456", "45 12 34 56 | +45 45 12 34 56"),
            ("IN", "+919123456789", "91234 56789 | 091234 56789 | +91 91234 56789"),
            ("AR", "+5491123456789", "011 15 2345 6789 | +54 9 11 2345 6789"),
        ];
        for (default, canonical, spellings) in table {
            for spelling in spellings.split(" | ") {
                let read = number(spelling, country(default));
                let read = read.as_ref().map(PhoneNumber::expose);
                assert_eq!(read, Some(canonical), "{default} {spelling}");
            }
        }
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
            "                                                     +14155550123",
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
        let none = AddressPolicy { default_country: None, ..policy() };
        let (us, german) = (policy(), AddressPolicy { default_country: country("DE"), ..policy() });
        let spell = |text: &str, policies: &[&AddressPolicy]| {
            spelled(Ani::new(text), policies).expose().to_owned()
        };
        assert_eq!(spell("4155550123", &[&us, &us]), "+14155550123");
        assert_eq!(spell("030123456", &[&german]), "+4930123456");
        assert_eq!(spell("4155550123", &[&us, &german]), "4155550123");
        assert_eq!(spell("+1 415 555 0123", &[&us, &german]), "+14155550123");
        assert_eq!(spell("030123456", &[&us, &german]), "+4930123456");
        assert_eq!(spell("4155550123", &[&us, &none]), "+14155550123");
        assert_eq!(spell("4155550123", &[&none]), "4155550123");
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
        let others = (0..12).map(|_| strategy.new_tree(runner).unwrap().current());
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
        assert!(tried > 2_000, "{tried}");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn what_the_metadata_holds_for_ordinary_is_so_and_in_its_country() {
        let (mut runner, mut tried) = (TestRunner::deterministic(), 0);
        let mut wrong = Vec::new();
        for metadata in DATABASE.iter().filter(|metadata| metadata.id() != "001") {
            let kinds = metadata.descriptors();
            let costly =
                [kinds.premium_rate(), kinds.shared_cost(), kinds.personal_number(), kinds.pager()];
            let alone = DATABASE.region(&metadata.country_code()).unwrap().len() == 1;
            for descriptor in [kinds.fixed_line(), kinds.mobile()].into_iter().flatten() {
                for national in drawn(&mut runner, descriptor) {
                    let is_costly = costly.iter().flatten().any(|it| it.is_match(&national));
                    let text = format!("+{}{national}", metadata.country_code());
                    let Some(number) = PhoneNumber::parse(&text).filter(|_| !is_costly) else {
                        continue;
                    };
                    tried += 1;
                    let (class, id) = (NumberClass::of(&number), metadata.id());
                    // There the metadata counts services of a few digits among the fixed lines.
                    let is_service = ["CN", "ZA"].contains(&id) && class.kind == NumberKind::Short;
                    let is_ordinary = class.kind == NumberKind::Ordinary || is_service;
                    let here = class.country.is_some_and(|it| it.as_str() == id);
                    let same = super::number(&text, None).as_ref() == Some(&number);
                    if !is_ordinary || (alone && !here) || !same {
                        wrong.push(format!("{id} {text} {class:?} {same}"));
                    }
                }
            }
        }
        assert!(tried > 5_000, "{tried}");
        assert!(wrong.is_empty(), "{} of {tried}\n{}", wrong.len(), wrong.join("\n"));
    }

    #[test]
    fn every_national_and_international_form_is_read_as_the_same_number() {
        let mut wrong = Vec::new();
        for metadata in DATABASE.iter().filter(|metadata| metadata.id() != "001") {
            let Some(default) = Country::parse(metadata.id()) else { continue };
            let kinds = metadata.descriptors();
            for descriptor in [kinds.fixed_line(), kinds.mobile()].into_iter().flatten() {
                let Some(national) = descriptor.example() else { continue };
                let text = format!("+{}{national}", metadata.country_code());
                let Some(whole) = number(&text, None) else { continue };
                let parsed = phonenumber::parse(None, &text).unwrap();
                for mode in [Mode::National, Mode::International, Mode::Rfc3966] {
                    let spelling = parsed.format().mode(mode).to_string();
                    let read = number(&spelling, Some(default));
                    if read.as_ref() != Some(&whole) {
                        let read = read.as_ref().map(PhoneNumber::expose);
                        wrong.push(format!("{default} {text} {spelling} {read:?}"));
                    }
                }
            }
        }
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
