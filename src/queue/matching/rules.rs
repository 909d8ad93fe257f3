//! The rules of the outstanding Call-In requests, by name: [`OF_CALL_INS`] as they stand,
//! [`code_single_use`] of one step. Must not: change anything.

use std::collections::BTreeSet;

use super::{CallInEnd, CallInRequest, CallIns, TRIES_WITHIN};
use crate::queue::invariants::{Broken, Verdict};

/// A rule of the requests as they stand.
pub(super) type OfCallIns = fn(&CallIns) -> Verdict;

/// The rules that hold after every step.
pub const OF_CALL_INS: &[(&str, OfCallIns)] = &[
    ("codes_distinct", codes_distinct),
    ("superseded_void", superseded_void),
    ("indexes_agree", indexes_agree),
];

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Broken(what())) }
}

/// No code is outstanding twice on one number.
///
/// # Errors
/// [`Broken`] with the second request that has it.
pub fn codes_distinct(all: &CallIns) -> Verdict {
    let mut seen = BTreeSet::new();
    all.outstanding().try_for_each(|row| {
        let is_new = row.code.is_none_or(|code| seen.insert((row.number.clone(), code)));
        ensure(is_new, || format!("{}: its code is out twice", row.id))
    })
}

/// One request for a caller in a group, and one for a callback: the later voids the earlier.
///
/// # Errors
/// [`Broken`] with the second request.
pub fn superseded_void(all: &CallIns) -> Verdict {
    let (mut callers, mut callbacks) = (BTreeSet::new(), BTreeSet::new());
    all.outstanding().try_for_each(|row| {
        let caller = row.ani.clone().map(|ani| (row.group.clone(), ani));
        let is_new = caller.is_none_or(|caller| callers.insert(caller))
            && row.interaction.is_none_or(|interaction| callbacks.insert(interaction));
        ensure(is_new, || format!("{}: another one for the same", row.id))
    })
}

/// The indexes say what the rows say, and the rows say all: what is loaded from them is the same.
///
/// # Errors
/// [`Broken`] if it is not.
pub fn indexes_agree(all: &CallIns) -> Verdict {
    let mut loaded = CallIns::load(all.rows().cloned());
    loaded.forget_all_but(all);
    ensure(loaded == *all, || "the indexes differ from the rows".to_owned())
}

/// A match uses up a request that was outstanding and in time, once. `ended` are the rows that
/// ended in the step.
///
/// # Errors
/// [`Broken`] with the request that was matched too often or too late.
pub fn code_single_use(before: &CallIns, ended: &[CallInRequest], after: &CallIns) -> Verdict {
    let mut seen = BTreeSet::new();
    ended.iter().try_for_each(|row| {
        let Some((at, CallInEnd::Matched)) = row.ended else { return Ok(()) };
        // A call that reached the entry in time is tried for a while.
        let in_time = before.kept.get(&row.id);
        let in_time = in_time.is_some_and(|row| at < row.over_at() + TRIES_WITHIN);
        let is_gone = after.get(row.id).is_none() && seen.insert(row.id);
        ensure(in_time && is_gone, || format!("{} matched twice, or late", row.id))
    })
}
