//! The call-in groups, `[call_in_groups.NAME]`: numbers handed out, codes, and what must agree.

use std::collections::BTreeMap;

use super::document::{Section, nearest};
use super::file::{check_name, user_part};
use crate::calls::flow::Entry;
use crate::ident::GroupId;
use crate::phone::{AccessCode, Dnis};
use crate::queue::matching::{CallInGroup, CodeUse, Combination};
use crate::time::Duration;

const NUMBERS_MAX: usize = 1000;

/// The groups of the file. Calls to their numbers come in by `entries`.
pub(super) fn groups(root: &mut Section<'_>, entries: &[Entry]) -> BTreeMap<GroupId, CallInGroup> {
    let groups = root.named("call_in_groups", |name, section| {
        check_name(section, name);
        group(section, entries)
    });
    let mut holders: BTreeMap<&Dnis, &str> = BTreeMap::new();
    for (name, group) in &groups {
        for (at, number) in group.numbers.iter().enumerate() {
            let Some(holder) = holders.insert(number, name) else { continue };
            let wrong = match holder == name {
                true => format!("{:?} stands here twice", number.expose()),
                false => format!("{:?} belongs to the group {holder:?} too", number.expose()),
            };
            let key = format!("call_in_groups.{name}.numbers[{at}]");
            root.error(&key, wrong, "give each number to one group, once");
        }
    }
    groups.into_iter().map(|(name, group)| (GroupId::new(&name), group)).collect()
}

fn group(section: &mut Section<'_>, entries: &[Entry]) -> CallInGroup {
    let default = CallInGroup::default();
    let numbers = numbers(section, entries);
    let code = section.choice(
        "code",
        &[("always", CodeUse::Always), ("if-needed", CodeUse::IfNeeded), ("off", CodeUse::Off)],
    );
    let lengths = AccessCode::LENGTH_MIN..=AccessCode::LENGTH_MAX;
    let code_length = section.number("code_length", lengths, default.code_length);
    let lifetime = section
        .number_if("lifetime_minutes", 1..=24 * 60)
        .map_or(default.lifetime, |minutes: u32| Duration::from_secs(60 * u64::from(minutes)));
    let with_codes = code != CodeUse::Off;
    let criteria = combination(section, "criteria")
        .unwrap_or(Combination { code: with_codes, ..default.criteria });
    check_criteria(section, code, criteria);
    let required = combination(section, "required").unwrap_or(default.required);
    if !criteria.includes(required) {
        section.error(
            "required",
            "asks for what is not looked at",
            "name only what stands in `criteria`, or add it there",
        );
    }
    CallInGroup { numbers, code, code_length, lifetime, criteria, required }
}

fn numbers(section: &mut Section<'_>, entries: &[Entry]) -> Vec<Dnis> {
    let is_missing = section.is_missing("numbers");
    let texts = section.texts("numbers");
    let wanted = "write the numbers that consumers are told to call: [\"+14155550100\"]";
    if is_missing {
        section.error("numbers", "is missing", wanted);
    } else if texts.is_empty() || texts.len() > NUMBERS_MAX {
        let wrong = format!("{} numbers stand here", texts.len());
        section.error("numbers", wrong, format!("write 1 to {NUMBERS_MAX} numbers"));
    }
    for (at, text) in texts.iter().enumerate() {
        let key = format!("numbers[{at}]");
        if user_part(text).is_none() {
            section.error(&key, format!("{text:?} is no number that can be called"), wanted);
        } else if !entries.iter().any(|entry| entry.dnis.matches(text)) {
            section.warn(
                &key,
                format!("no entry takes calls to {text:?}"),
                "add an [[entries]] whose `dnis` fits it",
            );
        }
    }
    texts.iter().map(|text| Dnis::new(text)).collect()
}

/// The criteria under `key`; `None` if it is missing.
fn combination(section: &mut Section<'_>, key: &'static str) -> Option<Combination> {
    const WORDS: [&str; 3] = ["code", "ani", "dnis"];
    let is_missing = section.is_missing(key);
    let words = section.texts(key);
    for (at, word) in words.iter().enumerate().filter(|(_, word)| !WORDS.contains(&word.as_str())) {
        let instead = match nearest(word, &WORDS) {
            Some(near) => format!("write {near:?}"),
            None => "write \"code\", \"ani\" or \"dnis\"".to_owned(),
        };
        section.error(&format!("{key}[{at}]"), format!("{word:?} is no criterion"), instead);
    }
    let [code, ani, dnis] = WORDS.map(|word| words.iter().any(|it| it == word));
    (!is_missing).then_some(Combination { code, ani, dnis })
}

fn check_criteria(section: &mut Section<'_>, code: CodeUse, criteria: Combination) {
    match code {
        CodeUse::Always | CodeUse::IfNeeded if !criteria.code => section.error(
            "criteria",
            "codes are given out and not looked at",
            "add \"code\", or write code = \"off\"",
        ),
        CodeUse::IfNeeded if !criteria.ani => section.warn(
            "criteria",
            "without \"ani\" every caller needs a code",
            "add \"ani\", or write code = \"always\"",
        ),
        CodeUse::Off if criteria.code => section.error(
            "criteria",
            "no codes are given out",
            "leave \"code\" out, or write code = \"always\"",
        ),
        CodeUse::Off if criteria == Combination::NONE => {
            section.error("criteria", "nothing is looked at", "write \"ani\", \"dnis\" or both")
        }
        CodeUse::Always | CodeUse::IfNeeded | CodeUse::Off => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigError};

    /// What is said of a file whose last section is the group `app`.
    fn parse(group: &str) -> Result<Config, Vec<ConfigError>> {
        let text = format!(
            "[[entries]]\ndnis = \"9??\"\nflow = \"main\"\n[flows.main]\nstart = \"bye\"\n\
             [flows.main.nodes.bye]\nkind = \"hangup\"\n[call_in_groups.app]\n{group}"
        );
        Config::parse("f", &text, &|_, _| true)
    }

    fn told(faults: &[ConfigError]) -> Vec<String> {
        faults.iter().map(|it| format!("{}: {}; {}", it.key, it.wrong, it.instead)).collect()
    }

    fn read(group: &str) -> CallInGroup {
        let config = parse(group).unwrap_or_else(|errors| panic!("{:?}", told(&errors)));
        assert_eq!(told(&config.warnings), [""; 0]);
        config.queue.call_in_groups[&GroupId::new("app")].clone()
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let numbers = vec![Dnis::new("900"), Dnis::new("901")];
        let default = CallInGroup { numbers, ..CallInGroup::default() };
        assert_eq!(read("numbers = [\"900\", \"901\"]"), default);
        assert_eq!((default.code_length, default.code), (6, CodeUse::Always));
        let off = read("numbers = [\"900\", \"901\"]\ncode = \"off\"");
        let criteria = Combination { code: false, ..Combination::ALL };
        assert_eq!(off, CallInGroup { code: CodeUse::Off, criteria, ..default });
    }

    #[test]
    fn every_key_is_read() {
        let group = read(
            "numbers = [\"900\"]\ncode = \"if-needed\"\ncode_length = 10\nlifetime_minutes = 1440\n\
             criteria = [\"ani\", \"code\"]\nrequired = [\"ani\"]\n",
        );
        let ani = Combination { ani: true, ..Combination::NONE };
        let expected = CallInGroup {
            numbers: vec![Dnis::new("900")],
            code: CodeUse::IfNeeded,
            code_length: 10,
            lifetime: Duration::from_secs(24 * 60 * 60),
            criteria: Combination { code: true, ..ani },
            required: ani,
        };
        assert_eq!(group, expected);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_remedy() {
        let numbers = "numbers = [\"900\"]";
        let table = [
            ("", "numbers", "is missing"),
            ("numbers = []", "numbers", "0 numbers stand here"),
            ("numbers = [\"9 00\"]", "numbers[0]", "no number that can be called"),
            ("numbers = [\"900\", \"901\", \"900\"]", "numbers[2]", "stands here twice"),
            ("code = \"sometimes\"", "code", "is not taken"),
            ("code_length = 3", "code_length", "out of range"),
            ("code_length = 11", "code_length", "out of range"),
            ("lifetime_minutes = 0", "lifetime_minutes", "out of range"),
            ("criteria = [\"code\", \"anni\"]", "criteria[1]", "write \"ani\""),
            ("criteria = [\"code\", \"colour\"]", "criteria[1]", "\"code\", \"ani\" or \"dnis\""),
            ("criteria = [\"ani\"]", "criteria", "add \"code\", or write code = \"off\""),
            ("code = \"off\"\ncriteria = [\"code\"]", "criteria", "leave \"code\" out"),
            ("code = \"off\"\ncriteria = []", "criteria", "write \"ani\", \"dnis\" or both"),
            ("criteria = [\"code\"]\nrequired = [\"ani\"]", "required", "what is not looked at"),
        ];
        for (line, key, words) in table {
            let section =
                if key.starts_with("numbers") { line.into() } else { format!("{numbers}\n{line}") };
            let said = told(&parse(&section).unwrap_err());
            let is_right = matches!(&said[..], [it]
                if it.starts_with(&format!("call_in_groups.app.{key}: ")) && it.contains(words));
            assert!(is_right, "{line}: {said:?}");
        }
    }

    #[test]
    fn what_is_hardly_meant_is_warned_of() {
        let group = "numbers = [\"900\", \"100\"]\ncode = \"if-needed\"\ncriteria = [\"code\"]";
        let warnings = told(&parse(group).unwrap().warnings);
        let begins: Vec<_> = warnings.iter().map(|it| it.split(';').next().unwrap()).collect();
        let expected = [
            "call_in_groups.app.numbers[1]: no entry takes calls to \"100\"",
            "call_in_groups.app.criteria: without \"ani\" every caller needs a code",
        ];
        assert_eq!(begins, expected);
    }
}
