//! The identifiers of an outgoing INVITE: drawn, or derived from a dial so that they can be
//! rebuilt.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::ident::{AttemptId, Entropy};

/// Call-ID, From tag and the branches of a chain of at most two INVITEs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    /// The Call-ID of both.
    pub(super) call_id: String,
    /// The From tag of both.
    pub(super) tag: String,
    /// The branch of the first INVITE, and of the one after a digest challenge.
    pub(super) branches: [String; 2],
}

impl Identity {
    /// Random ones.
    pub(super) fn drawn(entropy: &mut Entropy) -> Self {
        Self {
            call_id: entropy.hex(16),
            tag: entropy.hex(8),
            branches: [branch(entropy), branch(entropy)],
        }
    }

    /// Those of an attempt over one way (a trunk's name or a contact URI): HMAC-SHA256 under the
    /// dial key, so that who has no key can neither guess nor forge them.
    pub(super) fn derived(key: &[u8; 32], attempt: AttemptId, way: &str) -> Self {
        let hash = |part: &str, bytes: usize| derive(key, attempt, way, part, bytes);
        Self {
            call_id: hash("call-id", 16),
            tag: hash("tag", 8),
            branches: ["branch 1", "branch 2"].map(|part| format!("z9hG4bK{}", hash(part, 16))),
        }
    }
}

/// A random branch with the cookie of RFC 3261.
pub(super) fn branch(entropy: &mut Entropy) -> String {
    format!("z9hG4bK{}", entropy.hex(16))
}

fn derive(key: &[u8; 32], attempt: AttemptId, way: &str, part: &str, bytes: usize) -> String {
    // HMAC takes a key of any length; the error type is there for others.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    for field in [
        b"ringback dial 1".as_slice(),
        &attempt.interaction.0.to_be_bytes(),
        &attempt.serial.to_be_bytes(),
        way.as_bytes(),
        part.as_bytes(),
    ] {
        // Each field with its length, so that no two lists of fields read the same.
        mac.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(field);
    }
    mac.finalize().into_bytes().iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::InteractionId;

    #[test]
    fn a_dial_has_the_same_identifiers_again_and_no_other_dial_has_them() {
        let attempt = |n, serial| AttemptId { interaction: InteractionId(n), serial };
        let one = Identity::derived(&[1; 32], attempt(7, 1), "carrier");
        assert_eq!(one, Identity::derived(&[1; 32], attempt(7, 1), "carrier"));
        assert_ne!(one.branches[0], one.branches[1]);
        for other in [
            Identity::derived(&[2; 32], attempt(7, 1), "carrier"),
            Identity::derived(&[1; 32], attempt(8, 1), "carrier"),
            Identity::derived(&[1; 32], attempt(7, 2), "carrier"),
            Identity::derived(&[1; 32], attempt(7, 1), "carrier2"),
        ] {
            assert_ne!(one.call_id, other.call_id);
            assert_ne!(one.tag, other.tag);
            assert!(one.branches.iter().all(|branch| !other.branches.contains(branch)));
        }
    }
}
