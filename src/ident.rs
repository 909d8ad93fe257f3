//! Identifiers and the one source of randomness: names and values, no behaviour.
//!
//! Every identifier is a type of its own, so that an agent cannot be passed where a queue is meant.
//! Pure files may name no randomness but [`Entropy`], which the shell seeds from the operating
//! system and a test from its seed.

use std::fmt;
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a name as it stands in the configuration.
            pub fn new(name: &str) -> Self {
                Self(Arc::from(name))
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

name! {
    /// A person who serves.
    AgentId
}
name! {
    /// An ordered set of interactions with one policy.
    QueueId
}
name! {
    /// The SIP connection to a carrier or PBX.
    TrunkId
}
name! {
    /// A flow: what a caller meets after dialling an entry.
    FlowId
}
name! {
    /// A call-in group: numbers handed out for call-ins, with one policy.
    GroupId
}
name! {
    /// A language that callers are spoken to in, by its tag (BCP 47), as `sounds/` has it.
    Language
}
name! {
    /// A process of this server.
    NodeId
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }
    };
}

number! {
    /// One SIP dialog of ours with one party, with its media. Drawn from [`Entropy`].
    LegId
}
number! {
    /// One binding of an address of record to a contact, while the process lives.
    ContactId
}
number! {
    /// One transfer that a party asked for by REFER, while the process lives.
    ReferId
}
number! {
    /// One order to play prompts on a leg; a late end of an earlier one is told apart by it.
    PlayId
}

macro_rules! uuid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl $name {
            /// Draws a random UUID, version 4 (RFC 9562 section 5.4).
            pub fn draw(entropy: &mut Entropy) -> Self {
                let random = u128::from(entropy.next_u64()) << 64 | u128::from(entropy.next_u64());
                let version = random & !(0xf << 76) | 0x4 << 76;
                Self(version & !(0x3 << 62) | 0x2 << 62)
            }

            /// Reads the hyphenated form written by `Display`; `None` if the text is not one.
            pub fn parse(text: &str) -> Option<Self> {
                parse_uuid(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let n = self.0;
                let (a, b, c) = ((n >> 96) as u32, (n >> 80) as u16, (n >> 64) as u16);
                let (d, e) = ((n >> 48) as u16, n & 0xffff_ffff_ffff);
                write!(f, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    };
}

uuid! {
    /// One consumer's wish to talk, from entry to outcome. A UUID (version 4 when drawn by us).
    InteractionId
}
uuid! {
    /// One Call-In request, from its making to its end. A UUID (version 4 when drawn by us).
    CallInId
}

fn parse_uuid(text: &str) -> Option<u128> {
    let hyphens = [8, 13, 18, 23];
    if text.len() != 36 || hyphens.iter().any(|&at| text.as_bytes()[at] != b'-') {
        return None;
    }
    let digits: String = text.chars().filter(|&c| c != '-').collect();
    if digits.len() != 32 || digits.contains('+') {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok()
}

impl Default for Language {
    /// English: the one that is always there.
    fn default() -> Self {
        Self::new("en")
    }
}

/// One try to reach a consumer: one chain of INVITEs to one route. `serial` counts from 1 within
/// the interaction and never repeats, whether or not the try counts against the attempts allowed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId {
    /// Whom the attempt is for.
    pub interaction: InteractionId,
    /// 1 for the first.
    pub serial: u32,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.interaction, self.serial)
    }
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The way a dial leaves: to the contacts registered here, or over a trunk.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Route {
    /// The contacts that the address has registered with us.
    Registrar,
    /// A trunk.
    Trunk(TrunkId),
}

/// A password or key. Prints as `…`, whatever the format.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Wraps a password or key.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text itself. Not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// What an app attached to its request: a JSON object as text, which nobody here reads but those
/// who show it. Prints as `…`.
#[derive(Clone, PartialEq, Eq)]
pub struct UserData(std::sync::Arc<str>);

impl UserData {
    /// Longest, in bytes.
    pub const MAX: usize = 4096;

    /// Wraps the text of a JSON object; `None` if it is too long.
    pub fn new(json: &str) -> Option<Self> {
        (json.len() <= Self::MAX).then(|| Self(json.into()))
    }

    /// The text. Not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A ChaCha20 stream: the only randomness a pure file may use.
#[derive(Clone)]
pub struct Entropy(ChaCha20Rng);

impl Entropy {
    /// A stream fixed by its seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// A stream fixed by a number, for tests and the simulator.
    pub fn from_number(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A stream of its own for another part of the program.
    pub fn split(&mut self) -> Self {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }

    /// `2 * bytes` hexadecimal digits, for tags, branches and nonces.
    pub fn hex(&mut self, bytes: usize) -> String {
        let mut raw = vec![0; bytes];
        self.0.fill_bytes(&mut raw);
        raw.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A number below `bound` (at least 1), without bias that matters (64 bits are folded).
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound.max(1))) >> 64) as u64
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interaction_prints_as_a_version_4_uuid_and_reads_back() {
        let mut entropy = Entropy::from_number(7);
        for _ in 0..100 {
            let id = InteractionId::draw(&mut entropy);
            let text = id.to_string();
            assert_eq!(&text[14..15], "4", "{text}");
            assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
            assert_eq!(InteractionId::parse(&text), Some(id));
        }
        let hyphens = "-0000-4000-8000-";
        let signed = format!("+0000000{hyphens}000000000000");
        let accented = format!("é0000000{hyphens}00000000000");
        for broken in ["", "0", &signed, &accented] {
            assert_eq!(InteractionId::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_number_below_a_bound_is_below_it() {
        let mut entropy = Entropy::from_number(1);
        assert!((0..1000).all(|n| entropy.below(n.max(1)) < n.max(1)));
    }
}
