//! The rules of a whole run, and of two queues beside each other: what no step shows.

use super::{Broken, Verdict, ensure};
use crate::queue::{Changed, Effect, Queue};
use crate::time::Timestamp;

/// What a queue made of one event.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// What it asked for.
    pub effects: &'a [Effect],
    /// What it changed.
    pub changed: &'a Changed,
    /// When it wants to be called next, and why.
    pub next: Option<(Timestamp, &'static str)>,
}

/// In a kind world (no faults, agents Ready with every skill, everybody answers) every interaction
/// reaches an outcome: told of the queue at the end of one, after `steps`.
///
/// # Errors
/// [`Broken`] with one that did not.
pub fn drains(queue: &Queue, steps: usize) -> Verdict {
    let Some(left) = queue.interactions().next() else { return Ok(()) };
    let (id, stage) = (left.id, &left.stage);
    Err(Broken(format!("after {steps} steps of a kind world {id} is {stage:?}")))
}

/// Equal inputs give equal effects: the hashes of all that two runs of a seed asked for.
///
/// # Errors
/// [`Broken`] if they differ.
pub fn same_seed_same_effects(first: u64, second: u64) -> Verdict {
    ensure(first == second, || format!("{first:016x}, then {second:016x}"))
}

/// A queue loaded from the rows of another behaves like it: what both made of the same event.
///
/// # Errors
/// [`Broken`] with what differs.
pub fn reload_is_identity(queue: Answer<'_>, reloaded: Answer<'_>) -> Verdict {
    let told = |what: &str, one: String, other: String| {
        Err(Broken(format!("{what}: {one} but after a reload {other}")))
    };
    if queue.effects != reloaded.effects {
        let (one, other) = (format!("{:?}", queue.effects), format!("{:?}", reloaded.effects));
        return told("effects", one, other);
    }
    if by_id(queue.changed) != by_id(reloaded.changed) {
        let (one, other) = (format!("{:?}", queue.changed), format!("{:?}", reloaded.changed));
        return told("rows", one, other);
    }
    if queue.next != reloaded.next {
        return told("next", format!("{:?}", queue.next), format!("{:?}", reloaded.next));
    }
    Ok(())
}

/// The rows of a step are a set: what they are counts, not their order. That of the trail does.
fn by_id(changed: &Changed) -> Changed {
    let mut changed = changed.clone();
    changed.interactions.sort_by_key(|row| row.id);
    changed.attempts.sort_by_key(|row| row.id);
    changed.agents.sort_by(|one, other| one.id.cmp(&other.id));
    changed
}

/// After all calls end and the drain time passes, every port is free: how many ports, legs and
/// calls of a node are left.
///
/// # Errors
/// [`Broken`] with how many.
pub fn ports_return(ports: u64, legs: u64, calls: u64) -> Verdict {
    ensure(ports == 0 && legs == 0 && calls == 0, || {
        format!("{ports} ports in use, {legs} legs, {calls} calls")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told() {
        let (none, changed) = (Changed::default(), Changed::default());
        let answer = |changed, next| Answer { effects: &[], changed, next };
        let alike = reload_is_identity(answer(&none, None), answer(&changed, None));
        assert_eq!(alike, Ok(()));
        let later = Some((Timestamp::from_ms(1), "due"));
        assert!(reload_is_identity(answer(&none, None), answer(&none, later)).is_err());
        assert!(same_seed_same_effects(1, 2).is_err() && same_seed_same_effects(1, 1).is_ok());
        assert!(ports_return(1, 0, 0).is_err() && ports_return(0, 1, 0).is_err());
        assert!(ports_return(0, 0, 1).is_err());
        assert_eq!(ports_return(0, 0, 0), Ok(()));
    }
}
