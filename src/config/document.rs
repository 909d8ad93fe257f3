//! A TOML document as sections that are read key by key.
//!
//! Each key is asked for once, with its type, range and default in one line; whatever nobody asked
//! for is an unknown key. So one pass finds every fault, and the keys that exist are the keys that
//! are read. It must not know what any key means.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use crate::time::Duration;

/// What was found wrong so far, and where everything stands.
pub(super) struct Report {
    file: String,
    /// Line of each key, by its path.
    lines: BTreeMap<String, usize>,
    /// Every key asked for; names chosen by the operator stand as `*`.
    pub(super) asked: BTreeSet<String>,
    pub(super) errors: Vec<ConfigError>,
    pub(super) warnings: Vec<ConfigError>,
}

/// Reads the document. The section is empty if its syntax is broken: the report says where.
pub(super) fn parse(file: &str, text: &str) -> (Report, Content) {
    let mut report = Report {
        file: file.to_owned(),
        lines: BTreeMap::new(),
        asked: BTreeSet::new(),
        errors: Vec::new(),
        warnings: Vec::new(),
    };
    let (table, faults) = DeTable::parse_recoverable(text);
    for fault in &faults {
        let line = line_at(text, fault.span().unwrap_or(0..0).start);
        let key = text.lines().nth(line - 1).unwrap_or("").split('=').next().unwrap_or("");
        let key = key.trim_matches(['[', ']', ' ', '\t']);
        let instead = match fault.message() {
            "duplicate key" => "keep one of the two",
            _ => "write `key = value` or `[section]`, with texts in double quotes",
        };
        report.lines.insert(key.to_owned(), line);
        report.error(key, fault.message().to_owned(), instead);
    }
    let mut content = Content::new();
    if faults.is_empty() {
        content = entries(text, "", table.get_ref(), &mut report.lines);
    }
    (report, content)
}

impl Report {
    /// Notes what is wrong with the key at `path`, and what to write instead.
    pub(super) fn error(
        &mut self,
        path: &str,
        wrong: impl Into<String>,
        instead: impl Into<String>,
    ) {
        let error = self.at(path, wrong.into(), instead.into());
        self.errors.push(error);
    }

    /// Notes what works and is hardly meant.
    pub(super) fn warn(
        &mut self,
        path: &str,
        wrong: impl Into<String>,
        instead: impl Into<String>,
    ) {
        let warning = self.at(path, wrong.into(), instead.into());
        self.warnings.push(warning);
    }

    /// Was anything found wrong in this section or below?
    pub(super) fn is_wrong_within(&self, path: &str) -> bool {
        let below = |key: &str| {
            key.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.errors.iter().any(|error| below(&error.key))
    }

    fn at(&self, path: &str, wrong: String, instead: String) -> ConfigError {
        let mut known = path;
        let line = loop {
            match (self.lines.get(known), known.rfind(['.', '['])) {
                (Some(line), _) => break *line,
                (None, Some(end)) => known = &known[..end],
                (None, None) => break 1,
            }
        };
        ConfigError { file: self.file.clone(), line, key: path.to_owned(), wrong, instead }
    }
}

/// The keys of a section with their values, in the order of the file.
pub(super) type Content = Vec<(String, Item)>;

/// A value, without its place.
pub(super) enum Item {
    Text(String),
    Number(i64),
    Flag(bool),
    List(Vec<Item>),
    Section(Content),
    /// What no key of ours takes: fractions, dates, numbers beyond 64 bits.
    Other(&'static str),
}

fn entries(
    text: &str,
    path: &str,
    table: &DeTable<'_>,
    lines: &mut BTreeMap<String, usize>,
) -> Content {
    let mut in_order: Vec<_> = table.iter().collect();
    in_order.sort_by_key(|(key, _)| key.span().start);
    let mut content = Content::new();
    for (key, value) in in_order {
        let path = join(path, key.get_ref());
        lines.insert(path.clone(), line_at(text, key.span().start));
        content.push((key.get_ref().clone().into_owned(), item(text, &path, value, lines)));
    }
    content
}

fn item(
    text: &str,
    path: &str,
    value: &Spanned<DeValue<'_>>,
    lines: &mut BTreeMap<String, usize>,
) -> Item {
    match value.get_ref() {
        DeValue::String(text) => Item::Text(text.clone().into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Item::Other("a number beyond 64 bits"), Item::Number),
        DeValue::Boolean(flag) => Item::Flag(*flag),
        DeValue::Float(_) => Item::Other("a fraction"),
        DeValue::Datetime(_) => Item::Other("a date"),
        DeValue::Array(array) => {
            let element = |(index, value): (usize, &Spanned<DeValue<'_>>)| {
                let path = format!("{path}[{index}]");
                lines.insert(path.clone(), line_at(text, value.span().start));
                item(text, &path, value, lines)
            };
            Item::List(array.iter().enumerate().map(element).collect())
        }
        DeValue::Table(table) => Item::Section(entries(text, path, table, lines)),
    }
}

impl Item {
    fn kind(&self) -> &'static str {
        match self {
            Item::Text(_) => "a text",
            Item::Number(_) => "a number",
            Item::Flag(_) => "true or false",
            Item::List(_) => "a list",
            Item::Section(_) => "a section",
            Item::Other(kind) => kind,
        }
    }

    pub(super) fn text(self) -> Result<String, Item> {
        if let Item::Text(text) = self { Ok(text) } else { Err(self) }
    }

    pub(super) fn number(self) -> Result<i64, Item> {
        if let Item::Number(number) = self { Ok(number) } else { Err(self) }
    }

    fn flag(self) -> Result<bool, Item> {
        if let Item::Flag(flag) = self { Ok(flag) } else { Err(self) }
    }

    pub(super) fn list(self) -> Result<Vec<Item>, Item> {
        if let Item::List(items) = self { Ok(items) } else { Err(self) }
    }

    fn section(self) -> Result<Content, Item> {
        if let Item::Section(content) = self { Ok(content) } else { Err(self) }
    }
}

/// A section while it is read.
pub(super) struct Section<'r> {
    /// Where it stands, for the reader.
    pub(super) path: String,
    /// The same with `*` for names.
    shape: String,
    content: Content,
    asked: Vec<&'static str>,
    pub(super) report: &'r mut Report,
}

impl<'r> Section<'r> {
    /// Reads the whole document by `read`; keys that it did not ask for are noted.
    pub(super) fn read_all<T>(
        content: Content,
        report: &'r mut Report,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        Section::read(String::new(), String::new(), content, report, read)
    }

    fn read<T>(
        path: String,
        shape: String,
        content: Content,
        report: &mut Report,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        let mut section = Section { path, shape, content, asked: Vec::new(), report };
        let value = read(&mut section);
        section.note_unknown();
        value
    }

    fn note_unknown(&mut self) {
        for (name, _) in std::mem::take(&mut self.content) {
            let path = self.path_of(&name);
            let instead = match nearest(&name, &self.asked) {
                Some(known) => format!("write `{known}`"),
                None => format!("remove it, or write one of: {}", self.asked.join(", ")),
            };
            self.report.error(&path, "no such key", instead);
        }
    }

    /// The path of a key of this section.
    pub(super) fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Notes what is wrong with a key of this section.
    pub(super) fn error(
        &mut self,
        key: &str,
        wrong: impl Into<String>,
        instead: impl Into<String>,
    ) {
        let path = self.path_of(key);
        self.report.error(&path, wrong, instead);
    }

    /// Notes what is hardly meant with a key of this section.
    pub(super) fn warn(&mut self, key: &str, wrong: impl Into<String>, instead: impl Into<String>) {
        let path = self.path_of(key);
        self.report.warn(&path, wrong, instead);
    }

    fn take(&mut self, key: &'static str) -> Option<Item> {
        self.asked.push(key);
        self.report.asked.insert(join(&self.shape, key));
        let at = self.content.iter().position(|(name, _)| name == key)?;
        Some(self.content.remove(at).1)
    }

    /// The value of a key, if it is there and of this kind; `wanted` is told if it is of another.
    fn take_as<T>(
        &mut self,
        key: &'static str,
        kind: fn(Item) -> Result<T, Item>,
        wanted: &str,
    ) -> Option<T> {
        let item = self.take(key)?;
        self.of_kind(key, item, kind, wanted)
    }

    fn of_kind<T>(
        &mut self,
        key: &str,
        item: Item,
        kind: fn(Item) -> Result<T, Item>,
        wanted: &str,
    ) -> Option<T> {
        let told = |other: Item| format!("{} stands here", other.kind());
        kind(item).map_err(|other| self.error(key, told(other), format!("write {wanted}"))).ok()
    }

    /// A text; `None` if it is missing.
    pub(super) fn text_if(&mut self, key: &'static str) -> Option<String> {
        self.take_as(key, Item::text, "a text in double quotes")
    }

    /// Is this key, not asked for yet, missing?
    pub(super) fn is_missing(&self, key: &str) -> bool {
        !self.content.iter().any(|(name, _)| name == key)
    }

    /// A text that must be there; `example` is offered if it is not. Empty if it is missing.
    pub(super) fn text(&mut self, key: &'static str, example: &str) -> String {
        if self.is_missing(key) {
            self.error(key, "is missing", format!("write `{key} = \"{example}\"`"));
        }
        self.text_if(key).unwrap_or_default()
    }

    /// What `parse` makes of a text; the default if it is missing, or refused with `wanted`.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
        wanted: &str,
        default: T,
    ) -> T {
        self.parsed_if(key, parse, wanted).unwrap_or(default)
    }

    /// What `parse` makes of a text; `None` if it is missing, or refused with `wanted`.
    pub(super) fn parsed_if<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
        wanted: &str,
    ) -> Option<T> {
        let text = self.text_if(key)?;
        let value = parse(&text);
        if value.is_none() {
            self.error(key, format!("{text:?} is not taken"), format!("write {wanted}"));
        }
        value
    }

    /// One of some words, each with its meaning; the default is the first.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> T {
        let named: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        let meaning = |text: &str| words.iter().find(|(word, _)| *word == text).map(|it| it.1);
        self.parsed(key, meaning, &named.join(" or "), words[0].1)
    }

    /// Texts; empty if it is missing.
    pub(super) fn texts(&mut self, key: &'static str) -> Vec<String> {
        let wanted = "a list of texts: [\"..\", \"..\"]";
        let items = self.take_as(key, Item::list, wanted).unwrap_or_default();
        let text = |item| self.of_kind(key, item, Item::text, wanted);
        items.into_iter().filter_map(text).collect()
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.take_as(key, Item::flag, "true or false").unwrap_or(default)
    }

    /// A number in its range; `None` if it is missing or outside.
    pub(super) fn number_if<T>(&mut self, key: &'static str, range: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let number = self.take_as(key, Item::number, &wanted)?;
        let fits = T::try_from(number).ok().filter(|number| range.contains(number));
        if fits.is_none() {
            self.error(key, format!("{number} is out of range"), format!("write {wanted}"));
        }
        fits
    }

    /// A number in its range.
    pub(super) fn number<T>(&mut self, key: &'static str, range: RangeInclusive<T>, default: T) -> T
    where
        T: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        self.number_if(key, range).unwrap_or(default)
    }

    /// Whole seconds in their range.
    pub(super) fn seconds(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
        default: Duration,
    ) -> Duration {
        self.seconds_if(key, range).unwrap_or(default)
    }

    /// Whole seconds in their range; `None` if it is missing.
    pub(super) fn seconds_if(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
    ) -> Option<Duration> {
        self.number_if(key, range).map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// A section within, read by `read`; as an empty one if it is missing.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        let wanted = format!("a section: [{}]", self.path_of(key));
        let content = self.take_as(key, Item::section, &wanted).unwrap_or_default();
        let (path, shape) = (self.path_of(key), join(&self.shape, key));
        Section::read(path, shape, content, self.report, read)
    }

    /// A section within, if it is there.
    pub(super) fn section_if<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> Option<T> {
        if self.is_missing(key) {
            self.take(key);
            return None;
        }
        Some(self.section(key, read))
    }

    /// Sections by names that the operator chose, in the order of the file.
    pub(super) fn named<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&str, &mut Section<'_>) -> T,
    ) -> Vec<(String, T)> {
        self.section(key, |sections| {
            let mut all = Vec::new();
            for (name, item) in std::mem::take(&mut sections.content) {
                let path = sections.path_of(&name);
                let wanted = format!("a section: [{path}]");
                let Some(content) = sections.of_kind(&name, item, Item::section, &wanted) else {
                    continue;
                };
                let shape = join(&sections.shape, "*");
                let value = Section::read(path, shape, content, sections.report, |section| {
                    read(&name, section)
                });
                all.push((name, value));
            }
            all
        })
    }

    /// A list of sections, in the order of the file.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'_>) -> T,
    ) -> Vec<T> {
        let wanted = format!("a list: [[{}]]", self.path_of(key));
        let items = self.take_as(key, Item::list, &wanted).unwrap_or_default();
        let shape = join(&self.shape, key);
        let mut all = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let key = format!("{key}[{index}]");
            if let Some(content) = self.of_kind(&key, item, Item::section, "a section: { .. }") {
                let path = self.path_of(&key);
                all.push(Section::read(path, shape.clone(), content, self.report, &mut read));
            }
        }
        all
    }

    /// Single values by names that the operator chose, read by `value` from each; what it does not
    /// take is refused with `wanted`.
    pub(super) fn values<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        value: impl Fn(&str, Item) -> Option<T>,
    ) -> Vec<(String, T)> {
        self.section_if(key, |section| {
            let mut all = Vec::new();
            for (name, item) in std::mem::take(&mut section.content) {
                match value(&name, item) {
                    Some(value) => all.push((name, value)),
                    None => section.error(&name, "is not taken", format!("write {wanted}")),
                }
            }
            all
        })
        .unwrap_or_default()
    }

    /// The names in a section of this one, before it is read.
    pub(super) fn names_in(&self, key: &str) -> BTreeSet<String> {
        self.content
            .iter()
            .filter(|(name, _)| name == key)
            .filter_map(|(_, item)| if let Item::Section(it) = item { Some(it) } else { None })
            .flatten()
            .map(|(name, _)| name.clone())
            .collect()
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The line of a byte, 1 for the first.
fn line_at(text: &str, byte: usize) -> usize {
    let before: Range<usize> = 0..byte.min(text.len());
    1 + text.as_bytes()[before].iter().filter(|&&b| b == b'\n').count()
}

/// The known word that `text` was meant to be, if one is near: at most a third of it mistyped, or
/// one is the beginning of the other.
pub(super) fn nearest<'w, W: AsRef<str>>(text: &str, known: &'w [W]) -> Option<&'w str> {
    known
        .iter()
        .map(AsRef::as_ref)
        .map(|word| {
            let begins = text.len() >= 3 && (word.starts_with(text) || text.starts_with(word));
            (if begins { 1 } else { distance(text, word) }, word)
        })
        .filter(|(distance, word)| distance * 3 <= word.len().max(text.len()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Insertions, deletions and replacements that lead from one to the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered_only_when_it_is_near() {
        let known = ["ring_timeout_seconds", "confirm", "trunks"];
        let table = [
            ("ring_timeout", Some("ring_timeout_seconds")),
            ("ring_timeout_secs", Some("ring_timeout_seconds")),
            ("conform", Some("confirm")),
            ("trunk", Some("trunks")),
            ("colour", None),
        ];
        for (text, word) in table {
            assert_eq!(nearest(text, &known), word, "{text}");
        }
    }

    #[test]
    fn every_syntax_error_has_its_line() {
        let (report, _) = parse("f", "a = 1\nb = \na = 2\n");
        let lines: Vec<_> = report.errors.iter().map(|error| error.line).collect();
        assert_eq!(lines, [2, 3], "{:?}", report.errors);
    }
}
