//! The keys of a queue that say whom it may call back, how and when.

use super::document::Section;
use super::file::{Names, known, user_part};
use crate::ident::{Route, TrunkId};
use crate::phone::{AddressPolicy, Ani, Country, EMERGENCY, Pattern};
use crate::queue::ShownSettings;
use crate::queue::contact::{CallingWindow, ContactSettings};
use crate::queue::limits::{LIMIT_MAX, LimitSettings};

/// Whom the queue may call back, and over which way.
pub(super) fn addresses(section: &mut Section<'_>, names: &Names) -> AddressPolicy {
    let default_country = section.parsed_if("default_country", Country::parse, COUNTRY);
    let countries = countries(section);
    let prefixes = prefixes(section);
    let blocked = blocked(section);
    let trunks = section.texts("trunks");
    for trunk in &trunks {
        known(section, "trunks", "trunk", trunk, &names.trunks);
    }
    let permits = if countries.is_empty() { "callback_prefixes" } else { "callback_countries" };
    let permits_none = countries.is_empty() && prefixes.is_empty();
    if !permits_none && trunks.is_empty() {
        section.error(
            permits,
            "no trunk carries calls to these numbers",
            "write `trunks = [\"NAME\"]` in this queue",
        );
    }
    let misread = section.report.is_wrong_within(&section.path_of("callback_countries"));
    if permits_none && !misread && !trunks.is_empty() {
        section.error(
            "trunks",
            "no number may be called over them",
            "write `callback_countries = [\"US\"]` or `callback_prefixes` in this queue",
        );
    }
    let extensions = section.list("extensions", |section| extension(section, names));
    let trunks = trunks.iter().map(|name| Route::Trunk(TrunkId::new(name))).collect();
    AddressPolicy { default_country, countries, prefixes, blocked, trunks, extensions }
}

/// Longest name shown, in characters.
const NAME_MAX: usize = 60;
const COUNTRY: &str = "two capital letters of a country: \"US\"";

fn countries(section: &mut Section<'_>) -> Vec<Country> {
    let mut countries = Vec::new();
    for text in section.texts("callback_countries") {
        match Country::parse(&text) {
            Some(country) => countries.push(country),
            None => {
                let wrong = format!("{text:?} is no country whose numbers we know");
                section.error("callback_countries", wrong, format!("write {COUNTRY}"));
            }
        }
    }
    countries
}

fn prefixes(section: &mut Section<'_>) -> Vec<String> {
    let prefixes = section.texts("callback_prefixes");
    for prefix in &prefixes {
        let digits = prefix.strip_prefix('+').unwrap_or("");
        if !(1..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            let wrong = format!("{prefix:?} is no prefix of E.164 numbers");
            section.error("callback_prefixes", wrong, "write `+` and digits: \"+1\", \"+4930\"");
        }
    }
    prefixes
}

fn blocked(section: &mut Section<'_>) -> Vec<Pattern> {
    let mut blocked = Vec::new();
    for text in section.texts("blocked") {
        let number = |rest: &str| rest.bytes().all(|b| b.is_ascii_digit() || b"*?".contains(&b));
        let fits = match text.strip_prefix('+') {
            Some(rest) => (1..=16).contains(&rest.len()) && number(rest),
            None => is_pattern(&text),
        };
        if fits {
            blocked.push(Pattern::new(&text));
        } else {
            let instead = "write numbers from `+` on, or extensions, with `?` for one character \
                           and `*` for any: \"+1900*\"";
            section.error("blocked", format!("{text:?} matches nothing we call"), instead);
        }
    }
    blocked
}

fn extension(section: &mut Section<'_>, names: &Names) -> (Pattern, Route) {
    let pattern = |text: &str| is_pattern(text).then(|| Pattern::new(text));
    let wanted = "an extension, with `?` for one character and `*` for any: \"10??\"";
    if section.is_missing("pattern") {
        section.error("pattern", "is missing", format!("write {wanted}"));
    }
    let pattern = section.parsed("pattern", pattern, wanted, Pattern::new(""));
    let Some(trunk) = via(section, names) else {
        return (pattern, Route::Registrar);
    };
    if let Some(number) = EMERGENCY.into_iter().find(|number| pattern.matches(number)) {
        section.warn(
            "pattern",
            format!("it takes in {number}, which is never called over a trunk"),
            "list the extensions that are there",
        );
    }
    (pattern, Route::Trunk(trunk))
}

/// The way to an extension: a trunk, or `None`, the phones registered here.
pub(super) fn via(section: &mut Section<'_>, names: &Names) -> Option<TrunkId> {
    let via = section.text_if("via").filter(|via| via != "registrar")?;
    if !names.trunks.contains(&via) {
        let wrong = format!("there is no trunk {via:?}");
        section.error("via", wrong, "write \"registrar\" or the name of a trunk");
    }
    Some(TrunkId::new(&via))
}

fn is_pattern(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b".-_*?".contains(&b);
    (1..=32).contains(&text.len()) && text.bytes().all(fits)
}

/// How often a number may ask the queue for a callback, and be called by it.
pub(super) fn limits(section: &mut Section<'_>) -> LimitSettings {
    let default = LimitSettings::default();
    section.section("limits", |section| LimitSettings {
        requests_per_10_minutes: section.number(
            "requests_per_10_minutes",
            0..=LIMIT_MAX,
            default.requests_per_10_minutes,
        ),
        requests_per_day: section.number(
            "requests_per_day",
            0..=LIMIT_MAX,
            default.requests_per_day,
        ),
        dials_per_day: section.number("dials_per_day", 0..=LIMIT_MAX, default.dials_per_day),
    })
}

/// What the phones of consumers and agents are shown.
pub(super) fn shown(section: &mut Section<'_>) -> ShownSettings {
    let name = |text: &str| {
        let fits = !text.chars().any(char::is_control) && text.chars().count() <= NAME_MAX;
        fits.then(|| text.to_owned())
    };
    let caller_id = section.parsed_if("caller_id", user_part, "a number or a user name");
    ShownSettings {
        caller_id: caller_id.map(|number| Ani::new(&number)),
        display_name: section
            .parsed_if("display_name", name, "at most 60 characters")
            .unwrap_or_default(),
        data: section.texts("shown_data"),
    }
}

/// When the queue calls a number.
pub(super) fn settings(section: &mut Section<'_>) -> ContactSettings {
    let default = ContactSettings::default();
    let window = |text: &str| match text {
        "off" => Some(None),
        _ => CallingWindow::parse(text).map(Some),
    };
    let wanted = "a part of one day, \"08:00-21:00\", or \"off\"";
    let window = section.parsed("calling_window", window, wanted, default.window);
    ContactSettings { window }
}
