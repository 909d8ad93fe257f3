//! Call-In requests: who is promised to be known when calling, and who that is who calls.
//!
//! A consumer asks in the app and is given a number and, in most groups, an access code; the call
//! that follows is matched to that request or to none.
//!
//! Each criterion that a group looks at compares one thing of the call with one of the request:
//!
//! | criterion | agrees | disagrees | is open |
//! |---|---|---|---|
//! | code | the code keyed is the request's, on its number | any other was keyed | none was keyed |
//! | ANI | the same caller | another | the call or the request tells none |
//! | DNIS | the number handed out was called | another | - |
//!
//! A request is a candidate if nothing disagrees, all that the group requires agrees, and something
//! does. A request with a code is known by it: without it never where the group asks for codes
//! always, else only by its ANI. One candidate is the match; of several, the code decides, which at
//! most one of them has; without it there is none. Matching changes nothing: whoever acts on the
//! answer calls [`CallIns::spend`].
//!
//! Must not: see a code (hashes come in), draw one, read a clock.

mod call_ins;
#[cfg(test)]
mod properties;
mod rules;
#[cfg(test)]
mod tests;
mod tries;

use std::collections::BTreeMap;
use std::fmt;

pub use call_ins::{Allocated, CallIns, Created, NewCallIn, OUTSTANDING_MAX, Refused};
pub use rules::{OF_CALL_INS, code_single_use, codes_distinct, indexes_agree, superseded_void};
pub use tries::{CALLERS_MAX, CodeTries, FAILED_CALLS_MAX, FAILED_CALLS_WITHIN};

use crate::ident::{CallInId, GroupId, InteractionId, UserData};
use crate::phone::{AccessCode, Address, CodeHash, CodeKey, Dnis};
use crate::time::{Duration, Timestamp};

/// For how long after a request expired a call that reached the entry before may still be its: as
/// long as five tries take, with what is said between them.
pub const TRIES_WITHIN: Duration = Duration::from_secs(5 * 60);

/// How many codes to draw for a request, so that one of them is free: each is taken with a chance
/// of one in 10,000 at most.
pub const CODES_DRAWN: usize = 4;

/// A set of criteria: those that a group looks at, those that it requires, or those in which a call
/// and its request agreed. Its `Display` names the exit of a flow: `code+ani`, `none`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Combination {
    /// The access code.
    pub code: bool,
    /// The number that called.
    pub ani: bool,
    /// The number that was called.
    pub dnis: bool,
}

impl Combination {
    /// None of the three.
    pub const NONE: Self = Self { code: false, ani: false, dnis: false };
    /// All three.
    pub const ALL: Self = Self { code: true, ani: true, dnis: true };

    /// The eight that there are, `none` first.
    pub fn every() -> [Self; 8] {
        std::array::from_fn(|n| Self { code: n & 4 != 0, ani: n & 2 != 0, dnis: n & 1 != 0 })
    }

    /// Is each of those in here?
    pub fn includes(self, those: Self) -> bool {
        self.code >= those.code && self.ani >= those.ani && self.dnis >= those.dnis
    }
}

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("none");
        }
        let mut join = "";
        for (held, name) in [(self.code, "code"), (self.ani, "ani"), (self.dnis, "dnis")] {
            if held {
                write!(f, "{join}{name}")?;
                join = "+";
            }
        }
        Ok(())
    }
}

/// When a group asks for access codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CodeUse {
    /// No codes are given out.
    Off,
    /// Each request has one, and every caller is asked for it.
    #[default]
    Always,
    /// Each request has one; it is asked for where ANI and DNIS do not single out a request.
    IfNeeded,
}

/// Numbers handed out for call-ins, with one policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallInGroup {
    /// The numbers, as they are dialled; no other group has one of them.
    pub numbers: Vec<Dnis>,
    /// When a code is asked for.
    pub code: CodeUse,
    /// Digits of a code, 4 to 10.
    pub code_length: u8,
    /// How long a request is valid, unless something ends it earlier.
    pub lifetime: Duration,
    /// What is looked at when somebody calls.
    pub criteria: Combination,
    /// What must agree; a subset of `criteria`.
    pub required: Combination,
}

impl Default for CallInGroup {
    /// What holds where the configuration says nothing; there is no number.
    fn default() -> Self {
        Self {
            numbers: Vec::new(),
            code: CodeUse::default(),
            code_length: 6,
            lifetime: Duration::from_secs(30 * 60),
            criteria: Combination::ALL,
            required: Combination::NONE,
        }
    }
}

impl CallInGroup {
    /// Most codes outstanding on one number: one in 10,000 of those that there are.
    pub fn codes_max(&self) -> u64 {
        AccessCode::space(self.code_length) / 10_000
    }

    /// In what this call agrees with the request, if the request is a candidate for it.
    pub fn agreement(&self, request: &CallInRequest, call: &Presented) -> Option<Combination> {
        let looked_at = self.criteria;
        let same_number = request.number == call.dnis;
        let code = call.code.map(|code| same_number && request.code == Some(code));
        let ani = call.ani.as_ref().zip(request.ani.as_ref()).map(|(call, asked)| call == asked);
        let disagrees = (looked_at.code && code == Some(false))
            || (looked_at.ani && ani == Some(false))
            || (looked_at.dnis && !same_number);
        let agreed = Combination {
            code: looked_at.code && code == Some(true),
            ani: looked_at.ani && ani == Some(true),
            dnis: looked_at.dnis && same_number,
        };
        let known = agreed.code
            || match self.code {
                CodeUse::Always => false,
                CodeUse::IfNeeded | CodeUse::Off => agreed.ani || request.code.is_none(),
            };
        let is_candidate = known && !disagrees && agreed.includes(self.required);
        (is_candidate && agreed != Combination::NONE).then_some(agreed)
    }
}

/// One Call-In request. Also its row in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallInRequest {
    /// Its id.
    pub id: CallInId,
    /// Its group.
    pub group: GroupId,
    /// Counts up within the group, so that the numbers go round.
    pub sequence: u64,
    /// The number handed out.
    pub number: Dnis,
    /// The hash of its code, if it has one.
    pub code: Option<CodeHash>,
    /// Who will call, if the app said so.
    pub ani: Option<Address>,
    /// The callback that it is tied to.
    pub interaction: Option<InteractionId>,
    /// What the app attached.
    pub data: Option<UserData>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it matches no call that reaches the entry.
    pub expires_at: Timestamp,
    /// When it ended, and how; `None` while it is outstanding.
    pub ended: Option<(Timestamp, CallInEnd)>,
}

impl CallInRequest {
    /// May a call be its that reached the entry at `since`?
    fn valid_for(&self, since: Timestamp, now: Timestamp) -> bool {
        let over = self.over_at();
        since.min(now) < over && now < over + TRIES_WITHIN
    }

    /// When it expired, or will.
    fn over_at(&self) -> Timestamp {
        self.ended.map_or(self.expires_at, |(at, _)| at.min(self.expires_at))
    }

    /// When it leaves the indexes: when it expires and, expired, when no call may be its any more.
    fn leaves_at(&self) -> Timestamp {
        if self.ended.is_some() { self.over_at() + TRIES_WITHIN } else { self.expires_at }
    }
}

/// How a Call-In request ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CallInEnd {
    /// The consumer called.
    Matched,
    /// Its time was over.
    Expired,
    /// A later request took its place, or somebody withdrew it.
    Voided,
    /// The callback that it was tied to came to its end.
    CallbackOver,
}

/// What a call shows of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Presented {
    /// Who calls, normalised as in the requests; `None` if withheld or no number of ours.
    pub ani: Option<Address>,
    /// The number called, in the group's spelling.
    pub dnis: Dnis,
    /// The hash of the code keyed, for that number.
    pub code: Option<CodeHash>,
    /// When the call reached the entry: what was valid then is tried for [`TRIES_WITHIN`].
    pub since: Timestamp,
}

/// Whose call it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Match {
    /// One request.
    One {
        /// Which one.
        id: CallInId,
        /// In what it agrees with the call.
        combination: Combination,
    },
    /// Nobody's that we know.
    NotFound,
    /// One of several: a code would tell them apart.
    Ambiguous,
}

impl Match {
    /// What matched: names the exit that a flow takes.
    pub fn combination(&self) -> Combination {
        match self {
            Match::One { combination, .. } => *combination,
            Match::NotFound | Match::Ambiguous => Combination::NONE,
        }
    }
}

/// Codes drawn for one request, as hashes for each number that it may be given: which number that
/// is, the queue decides, and the hash depends on it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DrawnCodes(BTreeMap<Dnis, Vec<CodeHash>>);

impl DrawnCodes {
    /// Hashes the codes for each of the numbers. Their order stays: the answer names a code by its
    /// index. [`CODES_DRAWN`] are enough.
    pub fn hash(key: &CodeKey, numbers: &[Dnis], codes: &[AccessCode]) -> Self {
        let hashes = |number| codes.iter().map(|code| key.hash(number, code)).collect();
        Self(numbers.iter().map(|number| (number.clone(), hashes(number))).collect())
    }

    /// The hashes for a number, in the order of the codes.
    fn of(&self, number: &Dnis) -> &[CodeHash] {
        self.0.get(number).map_or(&[], Vec::as_slice)
    }
}
