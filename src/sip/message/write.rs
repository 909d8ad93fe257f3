//! Messages onto the wire, and the encoders that keep text of any origin inside its place.

use super::headers::Headers;
use super::scan::is_token_byte;

/// Any text as a quoted-string (RFC 3261 section 25.1): quoted, escaped, UTF-8 kept, control
/// characters left out.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// Any text as one token: characters that a token may not have are left out.
pub fn token(text: &str) -> String {
    text.chars().filter(|&c| u8::try_from(c).is_ok_and(is_token_byte)).collect()
}

/// Appends text that may not leave its line: control characters are left out.
pub(super) fn append_line_text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != 0x7f) {
        out.extend_from_slice(text.as_bytes());
    } else {
        out.extend(text.bytes().filter(|&byte| byte >= b' ' && byte != 0x7f));
    }
}

/// Appends a decimal number.
pub(super) fn append_number(out: &mut Vec<u8>, number: usize) {
    let mut digits = [0; 20];
    let (mut at, mut rest) = (digits.len(), number);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return out.extend_from_slice(&digits[at..]);
        }
    }
}

/// Appends headers, Content-Length and body. The Content-Length among the headers is left out.
pub(super) fn append_headers_and_body(out: &mut Vec<u8>, headers: &Headers, body: &[u8]) {
    for (name, value) in headers.iter() {
        if !name.eq_ignore_ascii_case("Content-Length") {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(b"Content-Length: ");
    append_number(out, body.len());
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body);
}
