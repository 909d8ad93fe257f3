//! Access codes. Must not: print one.

use std::fmt;

/// Digits that tie a call-in to its request: a text, so that leading zeros stay. Prints as `…`.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessCode(Box<str>);

impl AccessCode {
    /// Fewest digits.
    pub const LENGTH_MIN: u8 = 4;
    /// Most digits.
    pub const LENGTH_MAX: u8 = 10;

    /// Reads 4 to 10 digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let lengths = usize::from(Self::LENGTH_MIN)..=usize::from(Self::LENGTH_MAX);
        let fits = lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| Self(text.into()))
    }

    /// The digits. Not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl fmt::Display for AccessCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_strictly_and_keep_their_zeros() {
        let table = [
            ("0000", true),
            ("001234", true),
            ("0123456789", true),
            ("123", false),
            ("01234567890", false),
            ("12a4", false),
            (" 1234", false),
            ("+1234", false),
            ("", false),
        ];
        for (text, valid) in table {
            let code = AccessCode::parse(text);
            assert_eq!(code.as_ref().map(AccessCode::expose), valid.then_some(text), "{text}");
        }
    }
}
