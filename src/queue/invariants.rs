//! The rules that hold, by name: [`ALL`] of a queue as it stands, [`STEPS`] of one step, both
//! checked by the simulator after each of its steps; and [`runs`] of a whole run or two queues
//! beside each other, checked where such a run ends. Must not: change anything.
//!
//! | rule of [`runs`] | checked |
//! |---|---|
//! | `drains`, `same_seed_same_effects` | at the end of every seed of the simulator |
//! | `reload_is_identity` | for 25 steps after each reload at random steps of a seed |
//! | `ports_return` | after calls that were cut, by the system test of them |
//!
//! `dialled_one_at_a_time` and `intent_before_invite` stand twice: here for what a step decides, in
//! `tests/simulation/checks.rs` for what leaves the gate towards phones.

mod callbacks;
pub mod runs;

use super::agent::{Agent, AgentState};
use super::effect::{EndReason, NotTakenOver};
use super::event::{Event, NotReadyReason, RetryClass};
use super::interaction::{Interaction, Origin, Outcome, Place, Stage};
use super::settings::Selection;
use super::{Changed, Effect, Queue};
use crate::ident::{AgentId, AttemptId, InteractionId, Route};
use crate::time::Timestamp;

/// A rule that does not hold, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

/// What a rule says of a queue or a step.
pub type Verdict = Result<(), Broken>;

/// A rule of a queue as it stands.
pub type OfQueue = fn(&Queue) -> Verdict;

/// A rule of one step.
pub type OfStep = fn(&Step) -> Verdict;

/// One step of a queue.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The queue before it.
    pub before: &'a Queue,
    /// The time it was told.
    pub now: Timestamp,
    /// What it was told.
    pub event: &'a Event,
    /// What it asked for.
    pub effects: &'a [Effect],
    /// What [`Queue::take_changed`] gave after it (and after every step before it).
    pub changed: &'a Changed,
    /// The queue after it.
    pub after: &'a Queue,
}

/// The rules of a queue as it stands after a step.
pub const ALL: &[(&str, OfQueue)] = &[
    ("nothing_lost", nothing_lost),
    ("attempt_open_once", attempt_open_once),
    ("agent_engaged_once", agent_engaged_once),
    ("agent_and_interaction_agree", agent_and_interaction_agree),
    ("no_ghost_engagement", no_ghost_engagement),
    ("charges_counted", charges_counted),
    ("trigger_not_reserved", trigger_not_reserved),
    ("purged_on_time", purged_on_time),
    ("closed_at_close", closed_at_close),
    ("every_wait_has_a_deadline", every_wait_has_a_deadline),
    ("lapsed_is_out", callbacks::lapsed_is_out),
    ("appointments_counted", callbacks::appointments_counted),
    ("one_open_per_address", callbacks::one_open_per_address),
    ("pushes_paced", callbacks::pushes_paced),
    ("codes_distinct", callbacks::codes_distinct),
    ("requests_tied", callbacks::requests_tied),
    ("scheduled_outlives_close", callbacks::scheduled_outlives_close),
    ("arrival_is_due", callbacks::arrival_is_due),
    ("dials_what_it_may", callbacks::dials_what_it_may),
    ("work_conserving", work_conserving),
];

/// The rules of one step.
pub const STEPS: &[(&str, OfStep)] = &[
    ("outcome_once", outcome_once),
    ("skills_honoured", skills_honoured),
    ("dials_charged", dials_charged),
    ("redial_needs_leg_end", redial_needs_leg_end),
    ("dialled_one_at_a_time", dialled_one_at_a_time),
    ("intent_before_invite", intent_before_invite),
    ("attempts_bounded", attempts_bounded),
    ("place_fixed", place_fixed),
    ("no_overtaking", no_overtaking),
    ("no_dial_overtaking", no_dial_overtaking),
    ("missed_asked_last", missed_asked_last),
    ("selection_followed", selection_followed),
    ("virtual_and_live_one_order", virtual_and_live_one_order),
    ("late_events_harmless", late_events_harmless),
    ("slot_capacity", callbacks::slot_capacity),
    ("never_before_due", callbacks::never_before_due),
    ("code_single_use", callbacks::code_single_use),
    ("codes_few", callbacks::codes_few),
    ("unmatched_changes_nothing", callbacks::unmatched_changes_nothing),
    ("refused_changes_nothing", callbacks::refused_changes_nothing),
    ("idempotent_create", callbacks::idempotent_create),
    ("pushed_once", callbacks::pushed_once),
    ("acceptances_counted", callbacks::acceptances_counted),
    ("no_push_overtaking", callbacks::no_push_overtaking),
    ("switches_obeyed", callbacks::switches_obeyed),
    ("menu_holds", callbacks::menu_holds),
    ("permitted_only", callbacks::permitted_only),
    ("never_called_again", callbacks::never_called_again),
    ("number_limits", callbacks::number_limits),
    ("open_when_taken", callbacks::open_when_taken),
    ("not_purged_early", callbacks::not_purged_early),
    ("charges_kept", callbacks::charges_kept),
    ("shares_kept", callbacks::shares_kept),
    ("window_kept", callbacks::window_kept),
    ("promised_in_window", callbacks::promised_in_window),
    ("ends_promised", callbacks::ends_promised),
    ("full_is_full", full_is_full),
    ("time_monotone", time_monotone),
];

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Broken(what())) }
}

// ---- of a queue

fn nothing_lost(q: &Queue) -> Verdict {
    let here = q.interactions.len() as u64;
    ensure(q.accepted == here + q.ended, || {
        format!("{} accepted, {here} here, {} ended", q.accepted, q.ended)
    })
}

fn attempt_open_once(q: &Queue) -> Verdict {
    let mut ids = q.attempts.keys().map(|id| id.interaction);
    let mut last = ids.next();
    ids.try_for_each(|id| {
        let twice = last.replace(id) == Some(id);
        ensure(!twice, || format!("{id} has two open attempts"))
    })
}

fn agent_engaged_once(q: &Queue) -> Verdict {
    let mut engaged: Vec<&AgentId> = q.interactions().filter_map(engages).collect();
    engaged.sort();
    let twice = engaged.windows(2).find(|pair| pair[0] == pair[1]);
    ensure(twice.is_none(), || format!("{:?} is engaged twice", twice.map(|pair| pair[0])))
}

fn engages(row: &Interaction) -> Option<&AgentId> {
    match &row.stage {
        Stage::Alerting(agent) | Stage::Bridged(agent) => Some(agent),
        Stage::Scheduled
        | Stage::Virtual { .. }
        | Stage::Dialing
        | Stage::Confirming
        | Stage::Pushed
        | Stage::AwaitingCallIn
        | Stage::Lapsed
        | Stage::Waiting
        | Stage::Done(_) => None,
    }
}

fn agent_and_interaction_agree(q: &Queue) -> Verdict {
    q.interactions().try_for_each(|row| {
        let wanted = match row.stage {
            Stage::Alerting(_) => AgentState::Alerting(row.id),
            Stage::Bridged(_) => AgentState::Talking(row.id),
            Stage::Scheduled
            | Stage::Virtual { .. }
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Lapsed
            | Stage::Waiting
            | Stage::Done(_) => return Ok(()),
        };
        let agent = engages(row).and_then(|id| q.agent(id));
        ensure(agent.is_some_and(|agent| agent.state == wanted), || {
            format!("{} is {:?}, its agent {:?}", row.id, row.stage, agent.map(|a| &a.state))
        })
    })
}

fn no_ghost_engagement(q: &Queue) -> Verdict {
    q.agents().try_for_each(|agent| {
        let Some(id) = agent.engaged_with() else { return Ok(()) };
        let there = q.interaction(id).and_then(engages) == Some(&agent.id);
        ensure(there, || format!("{} is {:?}, of which {id} knows nothing", agent.id, agent.state))
    })
}

fn charges_counted(q: &Queue) -> Verdict {
    q.agents.iter().try_for_each(|slot| {
        let charged = |attempt: &&super::Attempt| attempt.charged_to.as_ref() == Some(&slot.row.id);
        let open = q.attempts.values().filter(charged).count();
        ensure(slot.charges as usize == open, || {
            format!("{} carries {} charges for {open} dials", slot.row.id, slot.charges)
        })
    })?;
    q.queues.iter().try_for_each(|queue| {
        let of_queue = |attempt: &&super::Attempt| attempt.queue == queue.id;
        let charged = q.attempts.values().filter(of_queue).filter(|one| one.charged_to.is_some());
        let (open, noted) = (charged.count() as u32, queue.charged.values().sum::<u32>());
        ensure(queue.charges == open && noted == open, || {
            format!("{} carries {} and {noted} charges for {open}", queue.id, queue.charges)
        })
    })
}

fn trigger_not_reserved(q: &Queue) -> Verdict {
    q.agents.iter().try_for_each(|slot| {
        let kept_for = slot.held.and_then(|(id, _)| q.settings_of(id));
        let allowed = kept_for.is_none_or(|settings| !settings.hold_trigger.is_zero());
        ensure(allowed, || {
            format!("{} is kept though the queue asks for no such thing", slot.row.id)
        })
    })
}

fn overdue(q: &Queue, limit: fn(&Interaction) -> Option<Timestamp>, what: &str) -> Verdict {
    let off_line = |row: &&Interaction| match row.stage {
        Stage::Virtual { .. } | Stage::Pushed | Stage::AwaitingCallIn | Stage::Lapsed => true,
        Stage::Scheduled
        | Stage::Dialing
        | Stage::Confirming
        | Stage::Waiting
        | Stage::Alerting(_)
        | Stage::Bridged(_)
        | Stage::Done(_) => false,
    };
    // Whoever is asked what is to become of it is on the line, for a minute at most.
    let asked = |row: &&Interaction| row.menu_until.is_some_and(|until| until > q.now);
    q.interactions().filter(off_line).filter(|row| !asked(row)).try_for_each(|row| {
        let late = limit(row).is_some_and(|at| at <= q.now);
        ensure(!late, || format!("{} is {:?} at {}, past its {what}", row.id, row.stage, q.now))
    })
}

fn purged_on_time(q: &Queue) -> Verdict {
    overdue(q, |row| row.purge_at, "purge")
}

fn closed_at_close(q: &Queue) -> Verdict {
    overdue(q, |row| row.close_at, "close of business")?;
    let live = q.interactions().filter(|row| row.origin == Origin::Live);
    live.filter(|row| row.stage == Stage::Waiting).try_for_each(|row| {
        let closed = row.close_at.is_some_and(|at| at <= q.now);
        ensure(!closed || row.leave_at.is_some_and(|at| at > q.now), || {
            format!("{} waits on after close", row.id)
        })
    })
}

fn every_wait_has_a_deadline(q: &Queue) -> Verdict {
    let guarded = |row: &Interaction| {
        q.attempts.get(&row.attempt()).is_some_and(|attempt| attempt.deadline.is_some())
    };
    let open = |row: &Interaction| q.attempts.contains_key(&row.attempt());
    q.interactions().try_for_each(|row| {
        let fine = match row.stage {
            Stage::Scheduled => row.due_at.is_some(),
            Stage::Virtual { .. } => row.purge_at.is_some() && (!open(row) || guarded(row)),
            Stage::Pushed | Stage::AwaitingCallIn => {
                row.deadline.is_some() && row.purge_at.is_some()
            }
            Stage::Lapsed => row.purge_at.is_some(),
            Stage::Dialing | Stage::Confirming => row.deadline.is_some() || guarded(row),
            Stage::Waiting | Stage::Alerting(_) => row.deadline.is_some(),
            Stage::Bridged(_) | Stage::Done(_) => true,
        };
        ensure(fine, || format!("{} is {:?} without a deadline", row.id, row.stage))
    })?;
    q.attempts.values().try_for_each(|attempt| {
        let owned = q.interaction(attempt.id.interaction).is_some();
        ensure(owned || attempt.deadline.is_some(), || format!("{} may stay open", attempt.id))
    })?;
    q.agents().try_for_each(|agent| {
        let timed = matches!(
            agent.state,
            AgentState::AfterCallWork | AgentState::NotReady(NotReadyReason::Busy)
        );
        ensure(!timed || agent.deadline.is_some(), || {
            format!("{} is {:?} without a deadline", agent.id, agent.state)
        })
    })
}

fn work_conserving(q: &Queue) -> Verdict {
    let waiting: Vec<&Interaction> =
        q.interactions().filter(|row| row.stage == Stage::Waiting).collect();
    let ready = q.agents().filter(|agent| agent.state == AgentState::Ready && !held(q, &agent.id));
    for agent in ready {
        if let Some(row) = waiting.iter().find(|row| eligible(q, agent, row)) {
            return Err(Broken(format!(
                "{} is Ready while {} waits on the line",
                agent.id, row.id
            )));
        }
    }
    Ok(())
}

fn held(q: &Queue, agent: &AgentId) -> bool {
    q.agent_index.get(agent).is_some_and(|&n| q.agents[n].held.is_some())
}

/// May this agent serve it? Said anew from the rows, not by the index that `route()` uses.
fn eligible(q: &Queue, agent: &Agent, row: &Interaction) -> bool {
    let number = q.queue_index.get(&row.queue);
    let queues = q.agent_index.get(&agent.id).and_then(|&n| q.agents[n].queues.as_ref());
    queues.is_none_or(|queues| number.is_some_and(|&number| queues.has(number)))
        && row.skills.satisfied_by(&agent.skills)
}

// ---- of a step

fn time_monotone(s: &Step) -> Verdict {
    let (q, since) = (s.after, s.before.now.max(s.now));
    ensure(q.now >= since, || format!("it is {} after {since}", q.now))?;
    let stamped = s.changed.transitions.iter().find(|step| step.at != q.now);
    ensure(stamped.is_none(), || format!("{stamped:?} is not of {}", q.now))?;
    let due = q.poll_timeout().filter(|&(at, _)| at <= q.now);
    ensure(due.is_none(), || format!("{due:?} did not expire by {}", q.now))
}

fn outcome_once(s: &Step) -> Verdict {
    let done = |id| s.changed.interactions.iter().filter(|row| row.id == id && row.done()).count();
    s.before.interactions().try_for_each(|row| {
        let (outcomes, here) = (done(row.id), s.after.interaction(row.id).is_some());
        ensure(outcomes == usize::from(!here), || {
            format!("{} has {outcomes} outcomes, still here: {here}", row.id)
        })
    })?;
    s.changed.interactions.iter().filter(|row| row.done()).try_for_each(|row| {
        let fine = row.ended_at.is_some() && s.after.interaction(row.id).is_none();
        ensure(fine, || format!("{} is Done and is still here", row.id))
    })
}

/// Those alerted, and those dialled with their triggers, in the order of the effects.
fn given<'a>(s: &'a Step) -> impl Iterator<Item = (&'a Agent, &'a Interaction, bool)> {
    s.effects.iter().filter_map(|effect| match effect {
        Effect::Alert { agent, interaction, .. } => {
            Some((s.after.agent(agent)?, s.after.interaction(*interaction)?, false))
        }
        Effect::Dial { attempt, triggered_by, .. } => {
            Some((s.after.agent(triggered_by)?, s.after.interaction(attempt.interaction)?, true))
        }
        Effect::NotAdmitted { .. }
        | Effect::CancelAlert { .. }
        | Effect::Connect { .. }
        | Effect::Disconnect { .. }
        | Effect::EndAttempt { .. }
        | Effect::Registered { .. }
        | Effect::NotRegistered { .. }
        | Effect::Accepted { .. }
        | Effect::Refused { .. }
        | Effect::TakenOver { .. }
        | Effect::NotTakenOver { .. }
        | Effect::Kept { .. }
        | Effect::Cancelled { .. }
        | Effect::NotCancelled { .. }
        | Effect::CallInGranted { .. }
        | Effect::CallInRefused { .. }
        | Effect::CallInMatched { .. }
        | Effect::CallInUnmatched { .. }
        | Effect::Push { .. }
        | Effect::LeaveQueue { .. }
        | Effect::Release { .. }
        | Effect::AskKeepWaiting { .. } => None,
    })
}

fn skills_honoured(s: &Step) -> Verdict {
    given(s).try_for_each(|(agent, row, _)| {
        ensure(eligible(s.after, agent, row), || {
            format!("{} may not serve {} ({})", agent.id, row.id, row.skills)
        })
    })
}

fn dials_charged(s: &Step) -> Verdict {
    let alerted = |n: usize| {
        matches!(s.after.agents[n].row.state, AgentState::Alerting(_))
            && given(s).any(|(agent, _, dial)| !dial && agent.id == s.after.agents[n].row.id)
    };
    let dials: Vec<_> = given(s).filter(|(_, _, dial)| *dial).collect();
    dials.iter().enumerate().try_for_each(|(at, (agent, row, _))| {
        let (Some(&n), Some(&q)) =
            (s.after.agent_index.get(&agent.id), s.after.queue_index.get(&row.queue))
        else {
            return Err(Broken(format!("{} was dialled for nobody", row.id)));
        };
        let later = &dials[at + 1..];
        let by_agent = later.iter().filter(|(other, ..)| other.id == agent.id).count() as u32;
        let by_queue = later.iter().filter(|(_, other, _)| other.queue == row.queue).count() as u32;
        let (slot, queue) = (&s.after.agents[n], &s.after.queues[q]);
        let boost = queue.settings.boost_percent;
        ensure(slot.charges.saturating_sub(by_agent) <= boost.div_ceil(100), || {
            format!("{} carries {} charges after {}", agent.id, slot.charges, row.id)
        })?;
        let crew = (0..s.after.agents.len()).filter(|&n| {
            let agent_n = &s.after.agents[n].row;
            let ready = agent_n.state == AgentState::Ready || alerted(n);
            let charged = queue.charged.contains_key(&n) || agent_n.id == agent.id;
            charged || (ready && s.after.of_queue(n, queue))
        });
        let charges = queue.charges.saturating_sub(by_queue);
        let allowed = u64::from(boost) * crew.count() as u64;
        let before = u64::from(charges.saturating_sub(1)) * 100;
        ensure(before < allowed, || {
            format!("{} has {charges} charges, more than its agents allow", queue.id)
        })?;
        ensure(charges <= queue.settings.dials_max, || {
            format!("{} has {charges} dials at once", queue.id)
        })
    })
}

fn redial_needs_leg_end(s: &Step) -> Verdict {
    s.before.open_attempts().try_for_each(|attempt| {
        let told = matches!(s.event, Event::AttemptEnded { attempt: id, .. } if *id == attempt.id);
        let guarded = attempt.ending.is_some() && attempt.deadline.is_some_and(|at| at <= s.now);
        let open = s.after.attempts.contains_key(&attempt.id);
        ensure(open || told || guarded, || format!("{} closed before its leg", attempt.id))
    })
}

fn dials<'a>(s: &Step<'a>) -> impl Iterator<Item = (&'a Effect, AttemptId)> {
    s.effects.iter().filter_map(|effect| {
        let Effect::Dial { attempt, .. } = effect else { return None };
        Some((effect, *attempt))
    })
}

/// No phone is dialled while another of the same consumer may ring, or talks.
fn dialled_one_at_a_time(s: &Step) -> Verdict {
    dials(s).try_for_each(|(_, dialled)| {
        let id = dialled.interaction;
        let mut open = s.after.open_attempts().filter(|open| open.id.interaction == id);
        let other = open.find(|open| open.id != dialled).map(|open| open.id);
        let talks = s.after.interaction(id).is_some_and(|row| row.caller_leg);
        ensure(other.is_none() && !talks, || {
            format!("{dialled} beside {other:?}, its caller on the line: {talks}")
        })
    })
}

/// A dial is in the rows of its step, and waits for them to be on disk.
fn intent_before_invite(s: &Step) -> Verdict {
    dials(s).try_for_each(|(effect, dialled)| {
        let row = s.changed.attempts.iter().find(|row| row.id == dialled);
        let intended = row.is_some_and(|row| row.ended_at.is_none());
        ensure(intended && effect.waits_for_commit(), || {
            format!("{dialled} leaves before its attempt is on disk")
        })
    })
}

fn attempts_bounded(s: &Step) -> Verdict {
    let left = |row: &Interaction| {
        s.after.queue_settings(&row.queue).is_some_and(|q| {
            let of = |(&class, &max): (&RetryClass, &u32)| row.failures.of(class) < max;
            row.attempts_used < q.attempts_max && q.attempts_max_of.iter().all(of)
        })
    };
    s.changed.interactions.iter().try_for_each(|row| {
        let was = s.before.interaction(row.id).map_or(0, |row| row.attempts_used);
        let exhausted = matches!(row.stage, Stage::Done(Outcome::AttemptsExhausted(_)));
        let fine = row.attempts_used == was || exhausted || left(row);
        let counted =
            row.attempts_used <= row.attempts_made && row.failures.total() == row.attempts_used;
        ensure(fine && counted, || format!("{} used {} attempts", row.id, row.attempts_used))
    })?;
    delay_by_outcome(s)?;
    given(s).filter(|(_, _, dial)| *dial).try_for_each(|(_, row, _)| {
        let before = s.before.interaction(row.id).map(|row| &row.stage);
        let early = matches!(before, Some(Stage::Virtual { not_before: Some(at) }) if *at > s.now);
        let moved =
            matches!(s.event, Event::Rescheduled { interaction, .. } if *interaction == row.id);
        ensure(!early || moved, || format!("{} was dialled before its delay", row.id))
    })
}

/// Whoever was not reached waits as long as that outcome is to wait.
fn delay_by_outcome(s: &Step) -> Verdict {
    let Event::AttemptEnded { attempt, class, .. } = s.event else { return Ok(()) };
    let was = s.before.interaction(attempt.interaction).filter(|row| row.attempt() == *attempt);
    // Its guard time may have closed it in the same step, before we were told.
    let open = s.before.attempts.get(attempt).is_some_and(|attempt| {
        attempt.ending.is_none() || attempt.deadline.is_none_or(|at| at > s.after.now)
    });
    let open = open && was.is_some_and(|was| !was.called_in);
    let stage = was.filter(|_| open).map(|was| &was.stage);
    let is = s.after.interaction(attempt.interaction).map(|row| (row, &row.stage));
    let (Some(Stage::Dialing | Stage::Confirming), Some((row, Stage::Virtual { not_before }))) =
        (stage, is)
    else {
        return Ok(());
    };
    let class = if *class == RetryClass::HungUp { &RetryClass::NoConfirm } else { class };
    let delays = s.after.queue_settings(&row.queue).map(|queue| &queue.retry_delay);
    let delay = delays.and_then(|delays| delays.get(class)).filter(|delay| !delay.is_zero());
    let counts = !matches!(class, RetryClass::Carrier | RetryClass::CalledIn);
    let wanted = delay.filter(|_| counts).map(|&delay| s.after.now + delay);
    // Its turn may come again at once, and the window be closed.
    let windowed = |step: &&super::Transition| {
        step.interaction == row.id && step.row == "virtual-window-virtual"
    };
    let windowed = s.changed.transitions.iter().any(|step| windowed(&step));
    ensure(*not_before == wanted || windowed, || {
        format!("{} is tried again at {not_before:?}, not at {wanted:?}", row.id)
    })
}

fn place_fixed(s: &Step) -> Verdict {
    s.before.interactions().try_for_each(|was| {
        let Some(row) = s.after.interaction(was.id) else { return Ok(()) };
        let set =
            matches!(s.event, Event::PrioritySet { interaction, .. } if *interaction == was.id);
        // An appointment made, moved, or given up for being served now (until they hang up) is
        // another arrival.
        let asked =
            matches!(s.event, Event::Rescheduled { interaction, .. } if *interaction == was.id);
        let rearranged = asked
            || (was.due_at != row.due_at && row.due_at.is_some())
            || (was.stage == Stage::Scheduled && row.called_in)
            || (was.called_in && !row.called_in && was.due_at.is_some());
        let priority = if set { row.place.priority } else { was.place.priority };
        let arrival = if rearranged { row.place.arrival } else { was.place.arrival };
        let wanted = Place { priority, arrival, sequence: was.place.sequence };
        ensure(row.place == wanted, || {
            format!("{}: {:?} became {:?}", row.id, was.place, row.place)
        })
    })
}

fn no_overtaking(s: &Step) -> Verdict {
    let waiting: Vec<_> =
        s.after.interactions().filter(|row| row.stage == Stage::Waiting).collect();
    let not_kept = |agent: &AgentId| !held(s.before, agent);
    given(s).filter(|(agent, _, dial)| !dial && not_kept(&agent.id)).try_for_each(
        |(agent, row, _)| {
            let passed =
                waiting.iter().find(|w| w.place < row.place && eligible(s.after, agent, w));
            ensure(passed.is_none(), || {
                format!("{} overtook {:?} at {}", row.id, passed.map(|w| w.id), agent.id)
            })
        },
    )
}

/// A dial may pass an earlier callback only where that one could not have gone in its stead.
fn no_dial_overtaking(s: &Step) -> Verdict {
    let dials: Vec<(&Route, &Agent, &Interaction)> = s
        .effects
        .iter()
        .filter_map(|effect| {
            let Effect::Dial { attempt, route, triggered_by, .. } = effect else { return None };
            let row = s.after.interaction(attempt.interaction)?;
            Some((route, s.after.agent(triggered_by)?, row))
        })
        .collect();
    for (at, (route, agent, row)) in dials.iter().enumerate() {
        let since = dials[at..].iter().filter(|(other, ..)| other == route).count() as i64;
        let passed = s.after.interactions().find(|earlier| {
            earlier.place < row.place
                && due_and_free(s.after, earlier)
                && eligible(s.after, agent, earlier)
                && could_have_taken(s.after, earlier, row, (route, since))
        });
        ensure(passed.is_none(), || {
            format!("the dial of {} overtook {:?}", row.id, passed.map(|row| row.id))
        })?;
    }
    Ok(())
}

fn missed_asked_last(s: &Step) -> Verdict {
    given(s).filter(|(agent, row, dial)| !dial && row.missed_by.contains(&agent.id)).try_for_each(
        |(agent, row, _)| {
            let other = s.after.agents().find(|other| {
                other.state == AgentState::Ready
                    && !held(s.after, &other.id)
                    && !row.missed_by.contains(&other.id)
                    && eligible(s.after, other, row)
            });
            ensure(other.is_none(), || {
                format!("{} missed {} and was asked before {other:?}", agent.id, row.id)
            })
        },
    )
}

/// Nobody who is still Ready and has not missed it would have been the better choice, unless an
/// agent chose.
fn selection_followed(s: &Step) -> Verdict {
    let chosen = if let Event::Transferred { agent, .. } = s.event { agent.as_ref() } else { None };
    given(s).filter(|(_, _, dial)| !dial).try_for_each(|(agent, row, _)| {
        if chosen == Some(&agent.id) {
            return Ok(());
        }
        let settings = s.after.queue_settings(&row.queue).filter(|q| q.hold_trigger.is_zero());
        let (Some(settings), Some(was)) = (settings, s.before.agent(&agent.id)) else {
            return Ok(());
        };
        if was.state != AgentState::Ready || row.missed_by.contains(&agent.id) {
            return Ok(());
        }
        let names = row.skills.names();
        let level = |agent: &Agent, name: &str| agent.skills.get(name).copied().unwrap_or(0);
        let levels =
            |agent: &Agent| names.iter().map(|name| u32::from(level(agent, name))).sum::<u32>();
        let better = |other: &&Agent| match settings.selection {
            Selection::LongestIdle => other.since < was.since,
            Selection::RoundRobin => other.alerted_at < was.alerted_at,
            Selection::MostSkilled => levels(other) > levels(agent),
            Selection::FewestCalls => {
                let zone = settings.hours.zone();
                let midnight = zone.midnight(zone.date_of(s.after.now));
                other.answered.since(midnight) < was.answered.since(midnight)
            }
        };
        let free = s.after.agents().filter(|other| {
            other.state == AgentState::Ready
                && !held(s.after, &other.id)
                && !held(s.before, &other.id)
                && !row.missed_by.contains(&other.id)
                && eligible(s.after, other, row)
        });
        let other = free.into_iter().find(better);
        ensure(other.is_none(), || {
            format!("{} was given {} before {:?}", agent.id, row.id, other.map(|o| &o.id))
        })
    })
}

/// A queue that is full takes nobody more.
fn full_is_full(s: &Step) -> Verdict {
    let Event::CallArrived { queue, interaction, .. } = s.event else { return Ok(()) };
    let here = |q: &Queue| q.interaction(*interaction).is_some_and(|row| row.placed());
    let of = s.after.queue_index.get(queue).map(|&n| &s.after.queues[n]);
    let Some(of) = of.filter(|_| here(s.after) && !here(s.before)) else { return Ok(()) };
    ensure(of.places.len() <= of.settings.waiting_max as usize, || {
        format!("{queue} took one too many")
    })
}

fn due_and_free(q: &Queue, row: &Interaction) -> bool {
    row.stage == Stage::Virtual { not_before: None }
        && row.origin.dialled()
        && row.menu_until.is_none()
        && !row.caller_leg
        && !q.attempts.contains_key(&row.attempt())
}

/// Had `row` not been dialled, nor the dials after it over its route: would the limits have let
/// `earlier` go?
fn could_have_taken(
    q: &Queue,
    earlier: &Interaction,
    row: &Interaction,
    (route, since): (&Route, i64),
) -> bool {
    let (Some(&of), Some(address)) = (q.queue_index.get(&earlier.queue), &earlier.address) else {
        return false;
    };
    let queue = &q.queues[of];
    let same_queue = u32::from(earlier.queue == row.queue);
    let boost = queue.settings.boost_percent;
    // Where the limits of two queues differ, an agent may be free for one and not for the other.
    let same_boost = q.queue_settings(&row.queue).is_some_and(|s| s.boost_percent == boost);
    let free = queue.settings.addresses.routes(address).iter().any(|way| {
        let given_back = if way == route { since } else { 0 };
        queue.free.get(way).is_some_and(|free| free + given_back > 0)
    });
    let room = queue.charges - same_queue < queue.settings.dials_max;
    free && room
        && queue.settings.process_callbacks
        && same_boost
        && (boost.is_multiple_of(100) || same_queue == 1)
}

fn virtual_and_live_one_order(s: &Step) -> Verdict {
    let callbacks: Vec<_> = s
        .after
        .interactions()
        .filter(|row| row.stage == Stage::Waiting && !row.caller_leg)
        .collect();
    // Whoever chose a time comes when it is due, however early they chose.
    let since = |row: &Interaction| match row.origin {
        Origin::Scheduled => row.created_at.max(row.place.arrival),
        Origin::Live | Origin::Immediate | Origin::CallIn => row.created_at,
    };
    let alerts = given(s).filter(|(agent, _, dial)| !dial && !held(s.before, &agent.id));
    alerts.into_iter().try_for_each(|(agent, row, _)| {
        let passed = callbacks.iter().find(|callback| {
            callback.place.priority == row.place.priority
                && since(callback) < since(row)
                && eligible(s.after, agent, callback)
        });
        ensure(passed.is_none(), || {
            format!("{} passed the answered {:?}, older than it", row.id, passed.map(|c| c.id))
        })
    })
}

/// An event for an attempt that is closed or being ended, or for an interaction that is not here,
/// is worth no more than the time it brings, and the answer to whoever asked.
fn late_events_harmless(s: &Step) -> Verdict {
    if !late(s.before, s.event) {
        return Ok(());
    }
    let mut idle = s.before.clone();
    let effects = idle.handle(s.now, Event::Tick);
    let answer = |effect: &&Effect| {
        let over = matches!(effect, Effect::NotTakenOver { why: NotTakenOver::Over, .. });
        over || matches!(effect, Effect::Cancelled { .. })
    };
    ensure(
        s.effects.iter().filter(|it| !answer(it)).eq(&effects) && idle.rows() == s.after.rows(),
        || format!("{:?} came late and changed something", s.event),
    )
}

fn late(before: &Queue, event: &Event) -> bool {
    let ended = |id: &AttemptId| before.attempts.get(id).is_none_or(|a| a.ending.is_some());
    let gone = |id: &InteractionId| before.interaction(*id).is_none();
    match event {
        Event::AttemptEnded { attempt, .. } => !before.attempts.contains_key(attempt),
        // Who called in, and answered the dial that we were about to end, is served there.
        Event::AttemptAnswered { attempt } => {
            let ending = before.attempts.get(attempt).map(|attempt| attempt.ending);
            !matches!(ending, Some(None | Some(EndReason::CalledIn)))
        }
        Event::ConsumerConfirmed { attempt }
        | Event::ConsumerPostponed { attempt, .. }
        | Event::ConsumerRefused { attempt } => ended(attempt),
        Event::CallerHungUp { interaction }
        | Event::CallerLeft { interaction, .. }
        | Event::CallbackConfirmed { interaction, .. }
        | Event::WaitAnswered { interaction, .. }
        | Event::BridgeEnded { interaction, .. }
        | Event::Cancelled { interaction }
        | Event::PrioritySet { interaction, .. } => gone(interaction),
        Event::AgentAnswered { agent, interaction }
        | Event::AgentDeclined { agent, interaction, .. } => {
            before.agent(agent).is_none_or(|a| a.state != AgentState::Alerting(*interaction))
        }
        Event::CallArrived { interaction, .. } => !gone(interaction),
        Event::ScheduleConfirmed { interaction, .. }
        | Event::MenuOpened { interaction }
        | Event::MenuClosed { interaction }
        | Event::EwtTold { interaction, .. }
        | Event::Offered { interaction }
        | Event::Transferred { interaction, .. }
        | Event::HandedOver { interaction, .. } => gone(interaction),
        Event::Tick
        | Event::AgentLoggedIn { .. }
        | Event::AgentLoggedOut { .. }
        | Event::AgentReady { .. }
        | Event::AgentNotReady { .. }
        | Event::AfterCallWorkEnded { .. }
        | Event::AgentContactFound { .. }
        | Event::AgentContactLost { .. }
        | Event::ConsultationBegan { .. }
        | Event::ConsultationEnded { .. }
        | Event::SkillsChanged { .. }
        | Event::CallbackRequested { .. }
        | Event::Rescheduled { .. }
        | Event::CalledIn { .. }
        | Event::CallInRequested(_)
        | Event::CallInArrived { .. }
        | Event::DialCapacity { .. }
        | Event::NodeLost { .. }
        | Event::ContactChecked { .. }
        | Event::SettingsChanged(_) => false,
    }
}
