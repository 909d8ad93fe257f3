//! Rules of one step that the queue's own list does not have: what a person outside would call
//! unfair.

use ringback::queue::event::DeclineReason;
use ringback::queue::invariants::Step;
use ringback::queue::{AgentState, Event};

use crate::bench::Violation;

/// Every rule of this file.
pub(crate) fn all(step: &Step<'_>) -> Result<(), Violation> {
    first_come_first_served(step)?;
    no_attempt_used(step)?;
    misses_counted(step)
}

/// Whoever enters now stands behind everybody of the same priority who is there already.
fn first_come_first_served(step: &Step<'_>) -> Result<(), Violation> {
    let entered = step
        .changed
        .transitions
        .iter()
        .filter(|row| row.row.starts_with("new-") && row.row != "new-requested-scheduled");
    for new in entered.filter_map(|row| step.after.interaction(row.interaction)) {
        let passed = step.after.interactions().find(|other| {
            other.id != new.id
                && other.placed()
                && other.place.priority == new.place.priority
                && other.place > new.place
        });
        if let Some(passed) = passed {
            let text = format!("{} entered before {}: {:?}", new.id, passed.id, new.place);
            return Err(Violation { rule: "first_come_first_served", text });
        }
    }
    Ok(())
}

/// What is not the consumer's doing uses none of their attempts.
fn no_attempt_used(step: &Step<'_>) -> Result<(), Violation> {
    let free = [
        "dialing-carrier-virtual",
        "dialing-menu-virtual",
        "waiting-callback-virtual",
        "confirming-postponed-virtual",
    ];
    for row in step.changed.transitions.iter().filter(|row| free.contains(&row.row)) {
        let before = step.before.interaction(row.interaction);
        // "Later" is free three times.
        let costs = row.row == "confirming-postponed-virtual"
            && before.is_some_and(|was| was.postponed >= 3);
        let was = before.map(|was| was.attempts_used + u32::from(costs));
        let is = step.changed.interactions.iter().find(|is| is.id == row.interaction);
        let is = is.map(|is| is.attempts_used);
        if was != is {
            let text = format!("{}: {}: {was:?}, then {is:?}", row.interaction, row.row);
            return Err(Violation { rule: "no_attempt_used", text });
        }
    }
    Ok(())
}

/// An agent who did not answer, and may be asked again at once, has one miss more.
fn misses_counted(step: &Step<'_>) -> Result<(), Violation> {
    let missed = match step.event {
        Event::AgentDeclined { reason, .. } => *reason == DeclineReason::Missed,
        // They come back by themselves, and all is forgiven.
        Event::AgentReady { .. } | Event::AgentLoggedIn { .. } => false,
        Event::AgentContactFound { .. } | Event::AgentContactLost { .. } => false,
        _ => true,
    };
    let rows = step.changed.transitions.iter();
    for row in rows.filter(|row| missed && row.row == "alerting-declined-waiting") {
        let Some(id) = &row.agent else { continue };
        let (before, after) = (step.before.agent(id), step.after.agent(id));
        let Some((before, after)) = before.zip(after) else { continue };
        let asked_again = matches!(after.state, AgentState::Ready | AgentState::Alerting(_));
        if asked_again && after.misses <= before.misses {
            let text = format!("{id} had {} misses, now {}", before.misses, after.misses);
            return Err(Violation { rule: "misses_counted", text });
        }
    }
    Ok(())
}
