//! Who may ask, and the ids and tokens that are derived and so need no table.
//!
//! A derived id is the same after a restart; without the key nobody can tell or make one.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sha2::digest::Key;
use subtle::ConstantTimeEq;

use crate::ident::{InteractionId, Secret};

/// Each begins the text that is hashed, so that no use of the key gives the hashes of another.
const OPENS: &[u8] = b"ringback api key\0";
const REPEATS: &[u8] = b"ringback idempotency key\0";
const ACCEPTS: &[u8] = b"ringback accept token\0";
const TURNS: &[u8] = b"ringback accept turn\0";
/// The length of each half of a token, in digits.
const HALF: usize = 32;

/// The key of the interface, and the one from which ids and tokens are derived. Prints neither.
#[derive(Debug)]
pub struct Keys {
    api_key: Secret,
    hash_key: HashKey,
}

struct HashKey([u8; 32]);

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl Keys {
    /// Both keys; `hash_key` must stay the same from run to run.
    pub fn new(api_key: Secret, hash_key: [u8; 32]) -> Self {
        Self { api_key, hash_key: HashKey(hash_key) }
    }

    /// Is this the key of the interface? Takes the same time for every wrong one.
    pub fn open(&self, given: &str) -> bool {
        // Hashes have one length: nothing is told of how long the key is.
        let (given, key) = (self.hash(OPENS, given), self.hash(OPENS, self.api_key.expose()));
        given.ct_eq(&key).into()
    }

    /// The interaction that requests with this Idempotency-Key mean: a UUID of version 8 (RFC 9562
    /// section 5.8).
    pub fn repeated(&self, idempotency_key: &str) -> InteractionId {
        let hash = self.hash(REPEATS, idempotency_key);
        let bits = hash.iter().take(16).fold(0_u128, |bits, &byte| bits << 8 | u128::from(byte));
        let version = bits & !(0xf << 76) | 0x8 << 76;
        InteractionId(version & !(0x3 << 62) | 0x2 << 62)
    }

    /// What the push that says "it is your turn" holds, and what each acceptance brings: it accepts
    /// once for this callback and opens nothing else. Its first half tells the callback, its second
    /// how often it was accepted.
    pub fn token(&self, callback: InteractionId, turn: u32) -> Secret {
        let turn = self.half(TURNS, &format!("{callback} {turn}"));
        Secret::new(&(self.half(ACCEPTS, &callback.to_string()) + &turn))
    }

    /// Is this a token of that callback, perhaps of another turn?
    pub fn accept(&self, given: &str, callback: InteractionId) -> bool {
        let expected = self.half(ACCEPTS, &callback.to_string());
        let fits = given.get(..HALF).map(|half| half.as_bytes().ct_eq(expected.as_bytes()));
        given.len() == 2 * HALF && fits.is_some_and(bool::from)
    }

    /// Is this the token of that turn?
    pub fn accept_at(&self, given: &Secret, callback: InteractionId, turn: u32) -> bool {
        let expected = self.token(callback, turn);
        given.expose().as_bytes().ct_eq(expected.expose().as_bytes()).into()
    }

    /// 128 bits of a hash, as hexadecimal digits.
    fn half(&self, purpose: &[u8], text: &str) -> String {
        let hash = self.hash(purpose, text);
        hash.iter().take(HALF / 2).map(|byte| format!("{byte:02x}")).collect()
    }

    fn hash(&self, purpose: &[u8], text: &str) -> [u8; 32] {
        // HMAC (RFC 2104) fills a short key with zeros up to the block.
        let mut block = Key::<Hmac<Sha256>>::default();
        block[..self.hash_key.0.len()].copy_from_slice(&self.hash_key.0);
        let mut mac = Hmac::<Sha256>::new(&block);
        mac.update(purpose);
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(hash_key: u8) -> Keys {
        Keys::new(Secret::new("abcdefghijklmnop"), [hash_key; 32])
    }

    #[test]
    fn the_key_opens_and_nothing_near_it() {
        let keys = keys(1);
        assert!(keys.open("abcdefghijklmnop"));
        for wrong in ["", "abcdefghijklmno", "abcdefghijklmnopq", "Abcdefghijklmnop"] {
            assert!(!keys.open(wrong), "{wrong}");
        }
        assert_eq!(format!("{keys:?}"), "Keys { api_key: …, hash_key: … }");
    }

    #[test]
    fn a_repeated_key_means_the_same_interaction_here_and_another_elsewhere() {
        let id = keys(1).repeated("order-7");
        assert_eq!(id, keys(1).repeated("order-7"));
        assert_ne!(id, keys(1).repeated("order-8"));
        assert_ne!(id, keys(2).repeated("order-7"));
        let text = id.to_string();
        assert_eq!(&text[14..15], "8", "{text}");
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
        assert_eq!(InteractionId::parse(&text), Some(id));
    }

    #[test]
    fn a_token_is_for_one_turn_of_one_callback() {
        let (keys, one, other) = (keys(1), InteractionId(1), InteractionId(2));
        for its in 0..5 {
            let token = keys.token(one, its);
            assert!(keys.accept(token.expose(), one) && !keys.accept(token.expose(), other));
            assert!(!keys.open(token.expose()));
            for turn in 0..5 {
                assert_eq!(keys.accept_at(&token, one, turn), turn == its, "{its} {turn}");
            }
        }
        let short = |length| keys.token(one, 0).expose()[..length].to_owned();
        // As long as a token, and nowhere to be cut in two halves.
        let uncut = format!("a{}", "\u{20ac}".repeat(21));
        for wrong in [String::new(), short(HALF), short(2 * HALF - 1), uncut] {
            assert!(!keys.accept(&wrong, one), "{wrong}");
        }
    }
}
