//! Access codes, and the keyed hashes by which they are stored and compared.
//!
//! A code leaves the server once, in the answer to its request; what stays is its hash. Must not:
//! print a code, or keep one in a row.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sha2::digest::Key;
use subtle::ConstantTimeEq;

use super::Dnis;
use crate::ident::Entropy;

/// Begins the text that is hashed, so that no other use of the key gives the same hashes.
const PURPOSE: &[u8] = b"ringback access code\0";

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

    /// Draws a code of so many digits, every one as likely as any other. A length outside 4 to 10
    /// is taken for the nearest one within.
    pub fn draw(length: u8, entropy: &mut Entropy) -> Self {
        let number = entropy.below(Self::space(length));
        let width = usize::from(length.clamp(Self::LENGTH_MIN, Self::LENGTH_MAX));
        Self(format!("{number:0width$}").into())
    }

    /// How many codes of so many digits there are.
    pub fn space(length: u8) -> u64 {
        10_u64.pow(u32::from(length.clamp(Self::LENGTH_MIN, Self::LENGTH_MAX)))
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

/// What is kept of a code: its hash under our key, for the number it was given out with. The order
/// is for indexes; it tells nothing to whoever lacks the key. Equality takes constant time.
#[derive(Clone, Copy, Eq, PartialOrd, Ord)]
pub struct CodeHash([u8; 32]);

impl CodeHash {
    /// Reads the stored form.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The stored form.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for CodeHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The key of the hashes. A code of few digits is found from a plain hash by trying them all; from
/// a keyed one only by whoever has the key too. Prints as `…`.
#[derive(Clone)]
pub struct CodeKey([u8; 32]);

impl CodeKey {
    /// Wraps the key, which must be the same as long as a code lives.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// HMAC-SHA-256 (RFC 2104) over the number and the code: the same digits on another number
    /// have another hash.
    pub fn hash(&self, number: &Dnis, code: &AccessCode) -> CodeHash {
        // HMAC fills a short key with zeros up to the block.
        let mut block = Key::<Hmac<Sha256>>::default();
        block[..self.0.len()].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block);
        mac.update(PURPOSE);
        mac.update(number.expose().as_bytes());
        // No number has control characters in it.
        mac.update(b"\0");
        mac.update(code.expose().as_bytes());
        CodeHash(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for CodeKey {
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
            ("١٢٣٤", false),
            ("", false),
        ];
        for (text, valid) in table {
            let code = AccessCode::parse(text);
            assert_eq!(code.as_ref().map(AccessCode::expose), valid.then_some(text), "{text}");
        }
    }

    #[test]
    fn every_digit_is_drawn_equally_often_at_every_place() {
        let mut entropy = Entropy::from_number(1);
        for length in AccessCode::LENGTH_MIN..=AccessCode::LENGTH_MAX {
            let mut counts = vec![[0_u32; 10]; usize::from(length)];
            for _ in 0..5000 {
                let code = AccessCode::draw(length, &mut entropy);
                assert_eq!(AccessCode::parse(code.expose()), Some(code.clone()));
                assert_eq!(code.expose().len(), usize::from(length));
                for (at, digit) in code.expose().bytes().enumerate() {
                    counts[at][usize::from(digit - b'0')] += 1;
                }
            }
            // 500 expected; 5 standard deviations are 106.
            let even = counts.iter().flatten().all(|count| (390..=610).contains(count));
            assert!(even, "{length} digits: {counts:?}");
        }
    }

    #[test]
    fn a_length_outside_the_range_is_the_nearest_within() {
        let mut entropy = Entropy::from_number(2);
        for (asked, given) in [(0, 4), (3, 4), (11, 10), (255, 10)] {
            assert_eq!(AccessCode::draw(asked, &mut entropy).expose().len(), given);
        }
    }

    #[test]
    fn codes_hashes_and_keys_do_not_print_themselves() {
        let (key, code) = (CodeKey::new([7; 32]), AccessCode::parse("471147").unwrap());
        let hash = key.hash(&Dnis::new("900"), &code);
        assert_eq!(format!("{code} {code:?} {hash:?} {key:?}"), "… … … …");
    }

    /// Made by another implementation (Python's `hmac`): what is stored must be found after an
    /// update.
    #[test]
    fn hashes_are_those_of_hmac_sha_256() {
        let key = CodeKey::new(std::array::from_fn(|n| n as u8));
        let table = [
            ("+14155550100", "001234", "197642a642cc6f1f0aa31a88411fff03"),
            ("900", "001234", "d4c12cd6f7e788f5d0846644b80a6b0e"),
            ("900", "1234", "406a63d621e0a8f7951fc0b0a389f826"),
        ];
        for (number, code, begins) in table {
            let hash = key.hash(&Dnis::new(number), &AccessCode::parse(code).unwrap());
            let shown: String = hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(shown.starts_with(begins), "{number} {code}: {shown}");
            assert_eq!(CodeHash::from_bytes(*hash.as_bytes()), hash);
        }
        let other = CodeKey::new([9; 32]);
        let (number, code) = (Dnis::new("900"), AccessCode::parse("1234").unwrap());
        assert_ne!(other.hash(&number, &code), key.hash(&number, &code));
    }
}
