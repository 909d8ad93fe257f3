//! Who asked never to be called: their numbers as keyed hashes, so that the list tells nobody who
//! they are.
//!
//! A number has one spelling (`node::numbers`), and so one hash. Must not: hold a number.

use std::collections::BTreeSet;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::phone::Address;

/// Most entries of the never-call list.
pub const NEVER_CALL_MAX: usize = 1_000_000;

/// Begins the text that is hashed, so that no other use of the key gives the same hashes.
const PURPOSE: &[u8] = b"ringback never call\0";

/// The key under which numbers stand in the never-call list. Prints as `…`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct NeverCallKey([u8; 32]);

impl NeverCallKey {
    /// Wraps 32 random bytes, drawn by the shell once and kept with the list.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// HMAC-SHA-256 (RFC 2104) of the one spelling of the address.
    pub fn hash(&self, address: &Address) -> NeverCallHash {
        // A key of any length is taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return NeverCallHash([0; 32]);
        };
        mac.update(PURPOSE);
        mac.update(address.expose().as_bytes());
        NeverCallHash(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for NeverCallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// An address in the never-call list: without the key nobody can tell which. Prints as `…`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NeverCallHash(pub [u8; 32]);

impl fmt::Debug for NeverCallHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Who asked never to be called: at most [`NEVER_CALL_MAX`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NeverCallList(BTreeSet<NeverCallHash>);

impl NeverCallList {
    /// Did they ask never to be called?
    pub fn contains(&self, hash: &NeverCallHash) -> bool {
        self.0.contains(hash)
    }

    /// Adds one; `false` if the list is full and does not hold it.
    pub fn insert(&mut self, hash: NeverCallHash) -> bool {
        if self.0.len() < NEVER_CALL_MAX {
            self.0.insert(hash);
        }
        self.0.contains(&hash)
    }

    /// Did nobody ever ask?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &NeverCallHash> {
        self.0.iter()
    }
}

impl<'a> FromIterator<&'a NeverCallHash> for NeverCallList {
    /// Those beyond [`NEVER_CALL_MAX`] are left out.
    fn from_iter<T: IntoIterator<Item = &'a NeverCallHash>>(hashes: T) -> Self {
        Self(hashes.into_iter().copied().take(NEVER_CALL_MAX).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(key: u8, address: &str) -> NeverCallHash {
        NeverCallKey::new([key; 32]).hash(&Address::parse(address).unwrap())
    }

    #[test]
    fn an_address_is_known_by_its_hash_under_one_key() {
        let mut list = NeverCallList::default();
        assert!(list.insert(hash(1, "+14155550123")));
        assert!(list.contains(&hash(1, "+14155550123")));
        assert!(!list.contains(&hash(2, "+14155550123")));
        assert!(!list.contains(&hash(1, "+14155550124")));
        assert_eq!(list.iter().collect::<NeverCallList>(), list);
    }

    #[test]
    fn neither_key_nor_hash_prints_itself() {
        let (key, hash) = (NeverCallKey::new([7; 32]), hash(7, "1001"));
        assert_eq!(format!("{key:?} {hash:?}"), "\u{2026} \u{2026}");
    }
}
