//! The lexical ground of header values (RFC 3261 section 25.1): tokens, quoted strings, lists,
//! parameters. Everything here borrows; nothing allocates but [`unquoted`] with escapes in it.

use std::borrow::Cow;

/// May the byte stand in a token?
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

/// Is the text one token?
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// UTF-8 as it is, anything else as Latin-1, which is what phones mean that do not send UTF-8.
pub(super) fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

/// Without white space on either side. A folded line has become a space before.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// The length of the quoted string at the start, with both quotes; `None` if it does not end.
pub(super) fn quoted_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

/// A quoted string without its quotes and backslashes; other text as it is.
pub(super) fn unquoted(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
        } else if let Some(escaped) = chars.next() {
            plain.push(escaped);
        }
    }
    Cow::Owned(plain)
}

/// Where `separator` stands first outside of quotes and angle brackets. A quote that does not end
/// takes the rest of the text.
fn find_outside(text: &str, separator: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut bracketed) = (0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'"' if !bracketed => at += quoted_len(&text[at..])? - 1,
            b'<' => bracketed = true,
            b'>' => bracketed = false,
            byte if byte == separator && !bracketed => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The elements of a comma list, trimmed; empty ones too, so that the caller can object to them.
pub(super) struct List<'a>(Option<&'a str>);

impl<'a> List<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self(Some(text))
    }

    /// What is not read yet, without the comma before it.
    pub(super) fn rest(&self) -> Option<&'a str> {
        self.0
    }
}

impl<'a> Iterator for List<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.0.take()?;
        let Some(at) = find_outside(text, b',') else {
            return Some(trimmed(text));
        };
        self.0 = Some(&text[at + 1..]);
        Some(trimmed(&text[..at]))
    }
}

/// The parameters `;name=value` of a text that starts with the first semicolon; ends with an `Err`
/// at the first that is none.
pub(super) struct ParamScan<'a>(pub(super) &'a str);

/// A parameter: its name, and its value as written.
pub(super) type Param<'a> = (&'a str, Option<&'a str>);

impl<'a> Iterator for ParamScan<'a> {
    type Item = Result<Param<'a>, ()>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = trimmed(self.0);
        if text.is_empty() {
            return None;
        }
        let read = read_param(text);
        self.0 = read.map_or("", |(_, rest)| rest);
        Some(read.map(|(param, _)| param).ok_or(()))
    }
}

fn read_param(text: &str) -> Option<(Param<'_>, &str)> {
    let text = text.strip_prefix(';')?.trim_start_matches([' ', '\t']);
    let name_len = text.bytes().position(|byte| !is_token_byte(byte)).unwrap_or(text.len());
    let (name, rest) = text.split_at(name_len);
    let rest = rest.trim_start_matches([' ', '\t']);
    if name.is_empty() {
        return None;
    }
    let Some(value) = rest.strip_prefix('=') else {
        return Some(((name, None), rest));
    };
    let value = value.trim_start_matches([' ', '\t']);
    let len = match value.as_bytes().first()? {
        b'"' => quoted_len(value)?,
        _ => value.bytes().position(|byte| !is_value_byte(byte)).unwrap_or(value.len()),
    };
    let (value, rest) = value.split_at(len);
    (!value.is_empty()).then_some(((name, Some(value)), rest))
}

/// Wider than `token / host`: bare IPv6 addresses and URIs are met in the field.
fn is_value_byte(byte: u8) -> bool {
    is_token_byte(byte) || b"[]:/@=&$?()".contains(&byte) || byte >= 0x80
}

/// The `%XX` at the start as a byte.
pub(super) fn escape(bytes: &[u8]) -> Option<u8> {
    let digit = |at: usize| bytes.get(at).and_then(|&b| char::from(b).to_digit(16));
    let (high, low) = (digit(1)?, digit(2)?);
    u8::try_from(high << 4 | low).ok()
}

/// Are these only bytes of the set and well-formed escapes, at least one?
pub(super) fn is_escaped_text(text: &str, is_plain: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' if escape(&bytes[at..]).is_some() => at += 3,
            byte if is_plain(byte) => at += 1,
            _ => return false,
        }
    }
    !bytes.is_empty()
}

/// The text with its escapes resolved.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = if bytes[at] == b'%' { escape(&bytes[at..]) } else { None };
        plain.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    Cow::Owned(decoded(&plain).into_owned())
}

/// A number of decimal digits alone; saturates.
pub(super) fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}
