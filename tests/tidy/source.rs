//! A Rust file as the rules see it: its text, and its code without comments, strings and tests.
//!
//! This is a scanner, not a parser: it knows comments, literals, brackets and words, which is all
//! that the rules need.

use std::ops::Range;

/// One file.
pub(crate) struct Source {
    /// From the top of the repository, with `/`.
    pub path: String,
    /// As it stands.
    pub text: String,
    /// Byte for byte as long as `text`; comments and the inside of literals are blank.
    pub code: String,
    /// `code` without the items under `#[cfg(test)]`; empty for a `tests.rs`.
    production: String,
}

/// A function and its length.
pub(crate) struct Function {
    /// Its name.
    pub name: String,
    /// Its first line, from 1.
    pub line: usize,
    /// From the line of `fn` to that of the closing brace.
    pub lines: usize,
    /// Its body is one `match`, array or `vec!` whose every line stands for itself.
    pub is_table: bool,
}

impl Source {
    /// Reads a file's text.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = blank_literals(text);
        let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
        let production = if is_test { String::new() } else { blank_tests(&code) };
        Self { path: path.to_owned(), text: text.to_owned(), code, production }
    }

    /// The modules of this crate that production code names, with the line: `crate::X`, the parts
    /// of `crate::{X, Y}`, and `super::super::X` that reaches the top.
    pub(crate) fn named_modules(&self) -> Vec<(usize, String)> {
        let code = &self.production;
        let mut found = Vec::new();
        for at in words(code, "crate") {
            let Some(after) = after_colons(code, at + "crate".len()) else { continue };
            for start in first_segments(code, after) {
                found.push((line_of(code, start), word_at(code, start).to_owned()));
            }
        }
        let depth = self.module_depth();
        for at in words(code, "super") {
            let mut supers = 1;
            let mut next = at + "super".len();
            while let Some(after) = after_colons(code, next) {
                if word_at(code, after) == "super" {
                    supers += 1;
                    next = after + "super".len();
                } else {
                    if supers == depth {
                        for start in first_segments(code, after) {
                            found.push((line_of(code, start), word_at(code, start).to_owned()));
                        }
                    }
                    break;
                }
            }
        }
        found.retain(|(_, name)| !name.is_empty() && name.chars().all(|c| !c.is_uppercase()));
        found
    }

    /// How many `super` lead from this file to the top of the crate.
    fn module_depth(&self) -> usize {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside.split('/').filter(|part| *part != "mod.rs").count()
    }

    /// Lines of production code that hold a word, or a path whose parts may stand in a `use` group.
    pub(crate) fn lines_with_path(&self, path: &str) -> Vec<usize> {
        let code = &self.production;
        let Some((head, tail)) = path.split_once("::") else {
            return words(code, path).map(|at| line_of(code, at)).collect();
        };
        let mut lines = Vec::new();
        for at in words(code, head) {
            let Some(after) = after_colons(code, at + head.len()) else { continue };
            for start in first_segments(code, after) {
                if word_at(code, start) == tail {
                    lines.push(line_of(code, start));
                }
            }
        }
        lines
    }

    /// Lines that walk over a `HashMap` or `HashSet` declared in this file.
    pub(crate) fn unordered_iterations(&self) -> Vec<usize> {
        let code = &self.production;
        let mut lines = Vec::new();
        for name in self.hash_tables() {
            for at in words(code, &name) {
                let after = code[at + name.len()..].trim_start();
                let method = after.strip_prefix('.').map(|rest| word_at(rest.trim_start(), 0));
                let walks = ["iter", "iter_mut", "keys", "values", "values_mut", "drain", "retain"];
                let before = code[..at].trim_end_matches("self.").trim_end();
                let before = before.strip_suffix("mut").unwrap_or(before).trim_end();
                let in_for = before.trim_end_matches('&').trim_end().ends_with(" in");
                if method.is_some_and(|m| walks.contains(&m) || m == "into_iter")
                    || (in_for && method.is_none())
                {
                    lines.push(line_of(code, at));
                }
            }
        }
        lines
    }

    /// Names declared as `name: HashMap<..>` or bound by `name = HashMap::..`.
    fn hash_tables(&self) -> Vec<String> {
        let code = &self.production;
        let mut names = Vec::new();
        for table in ["HashMap", "HashSet"] {
            for at in words(code, table) {
                let before = code[..at].trim_end();
                let Some(before) = before.strip_suffix([':', '=']) else { continue };
                let before = before.trim_end();
                let start = before.rfind(|c: char| !is_word(c)).map_or(0, |at| at + 1);
                if start < before.len() {
                    names.push(before[start..].to_owned());
                }
            }
        }
        names.sort();
        names.dedup();
        names
    }

    /// Every function with a body, tests included.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let code = &self.code;
        let mut found = Vec::new();
        for at in words(code, "fn") {
            let name = word_at(code, at + 2 + blanks(&code[at + 2..]));
            let Some(body) = body(code, at) else { continue };
            if name.is_empty() {
                continue;
            }
            let line = line_of(code, at);
            found.push(Function {
                name: name.to_owned(),
                line,
                lines: line_of(code, body.end - 1) - line + 1,
                is_table: is_table(&code[body.start + 1..body.end - 1])
                    || says_why_long(&code[..at]),
            });
        }
        found
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// The word that starts at `at`; empty if none does.
fn word_at(code: &str, at: usize) -> &str {
    let rest = &code[at..];
    &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]
}

/// Where `word` stands alone.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        !code[..at].ends_with(is_word) && !code[at + word.len()..].starts_with(is_word)
    })
}

/// Past `::` and blanks; `None` if there is no `::`.
fn after_colons(code: &str, at: usize) -> Option<usize> {
    let colons = at + blanks(&code[at..]);
    let after = colons + 2;
    code[colons..].starts_with("::").then(|| after + blanks(&code[after..]))
}

/// Where the next path segments start: one, or those of a `{a, b::c}` group.
fn first_segments(code: &str, at: usize) -> Vec<usize> {
    if !code[at..].starts_with('{') {
        return vec![at];
    }
    let (mut depth, mut starts) = (0, Vec::new());
    for (offset, c) in code[at..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && matches!(c, '{' | ',') {
            let start = at + offset + 1;
            starts.push(start + blanks(&code[start..]));
        }
    }
    starts
}

/// The braces of the item or function that starts at `at`; `None` if `;` comes first.
fn body(code: &str, at: usize) -> Option<Range<usize>> {
    let (mut start, mut round, mut curly) = (None, 0_i32, 0_i32);
    for (offset, c) in code[at..].char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            ';' if curly == 0 && round == 0 => return None,
            '{' => {
                start = start.or(Some(at + offset));
                curly += 1;
            }
            '}' => {
                curly -= 1;
                if curly == 0 {
                    return Some(start?..at + offset + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Does the code before a function end in an attribute that says why it is long? Clippy knows such
/// a one, a match whose arms build values, by its reason.
fn says_why_long(before: &str) -> bool {
    let attributes = before.trim_end().trim_end_matches("pub(super)").trim_end();
    let last = attributes.rfind("#[").map_or("", |at| &attributes[at..]);
    last.starts_with("#[expect(clippy::too_many_lines, reason =") && last.ends_with(']')
}

/// One `match`, array or `vec!`, each line of which closes what it opens.
fn is_table(body: &str) -> bool {
    let inner = body.trim();
    let opens = ["match ", "[", "&[", "vec!["].iter().any(|start| inner.starts_with(start));
    let mut depth = 0_i32;
    let mut lines = inner.lines();
    let last = lines.next_back().unwrap_or_default();
    let even = lines.all(|line| {
        for c in line.chars() {
            depth += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
        }
        depth == 1
    });
    opens && even && matches!(last.trim(), "}" | "]")
}

/// Blanks comments and the inside of string and character literals, keeping bytes and lines.
fn blank_literals(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(bytes, at);
        for byte in code.iter_mut().take(end).skip(at) {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// Where the comment or literal that starts at `at` ends; `at` itself if none starts there.
fn literal_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let find = |from: usize, needle: &[u8]| {
        let hit = rest[from..].windows(needle.len()).position(|window| window == needle);
        hit.map_or(bytes.len(), |hit| at + from + hit + needle.len())
    };
    if rest.starts_with(b"//") {
        return find(0, b"\n") - usize::from(find(0, b"\n") < bytes.len());
    }
    if rest.starts_with(b"/*") {
        return find(2, b"*/");
    }
    if rest.starts_with(b"r") && !(at > 0 && is_word(char::from(bytes[at - 1]))) {
        let hashes = rest[1..].iter().take_while(|&&byte| byte == b'#').count();
        if rest.get(1 + hashes) == Some(&b'"') {
            let closing = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            return find(2 + hashes, &closing);
        }
    }
    match rest[0] {
        b'"' => quoted_end(bytes, at, b'"'),
        // A lifetime has no closing quote one character on.
        b'\'' if rest.get(1) == Some(&b'\\') => quoted_end(bytes, at, b'\''),
        b'\'' => match rest.iter().skip(2).take(4).position(|&byte| byte == b'\'') {
            Some(0) => at + 3,
            Some(more) if !rest[1].is_ascii() => at + 3 + more,
            _ => at,
        },
        _ => at,
    }
}

fn quoted_end(bytes: &[u8], at: usize, quote: u8) -> usize {
    let mut next = at + 1;
    while next < bytes.len() && bytes[next] != quote {
        next += 1 + usize::from(bytes[next] == b'\\');
    }
    (next + 1).min(bytes.len())
}

/// Blanks every item under `#[cfg(test)]`.
fn blank_tests(code: &str) -> String {
    let mut production = code.to_owned();
    for (at, attribute) in code.match_indices("#[cfg(test)]") {
        let item = at + attribute.len();
        let end = body(code, item).map_or_else(
            || code[item..].find(';').map_or(code.len(), |semicolon| item + semicolon + 1),
            |body| body.end,
        );
        let blank = code[at..end].bytes().map(|b| if b == b'\n' { '\n' } else { ' ' });
        production.replace_range(at..end, &blank.collect::<String>());
    }
    production
}
