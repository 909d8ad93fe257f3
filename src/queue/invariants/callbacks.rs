//! The rules of callbacks: appointments, pushes, Call-In requests, what is refused.

use std::collections::BTreeSet;

use super::{Step, Verdict, due_and_free, eligible, ensure, given};
use crate::ident::InteractionId;
use crate::phone::{Address, NumberClass};
use crate::queue::agent::AgentState;
use crate::queue::effect::PushEvent;
use crate::queue::matching::{OF_CALL_INS, TRIES_WITHIN};
use crate::queue::{
    Effect, Event, Interaction, Origin, Outcome, Queue, QueueSettings, QueueState, Stage,
};
use crate::time::Duration;

// ---- of a queue

pub(super) fn lapsed_is_out(q: &Queue) -> Verdict {
    let lapsed = q.interactions().filter(|row| row.stage == Stage::Lapsed);
    lapsed.into_iter().try_for_each(|row| {
        let of = q.queue_index.get(&row.queue).map(|&n| &q.queues[n]);
        let placed = of.is_some_and(|queue| queue.places.contains_key(&row.place));
        let open = of.is_some_and(|queue| queue.open.values().any(|&open| open == row.id));
        let shared = of.is_some_and(|queue| queue.shares.contains_key(&row.id));
        let tied = q.call_ins.outstanding().any(|asked| asked.interaction == Some(row.id));
        ensure(!placed && !open && !shared && !tied, || {
            format!("{} lapsed: placed {placed}, open {open}, request {tied}", row.id)
        })
    })
}

pub(super) fn appointments_counted(q: &Queue) -> Verdict {
    q.queues.iter().try_for_each(|queue| {
        let Some(plan) = &queue.settings.slots else { return Ok(()) };
        let hours = &queue.settings.hours;
        let dues = q.interactions().filter(|row| row.queue == queue.id);
        let dues: Vec<_> = dues.filter_map(|row| row.due_at).collect();
        let slots: BTreeSet<_> = dues.iter().filter_map(|&due| plan.slot_of(hours, due)).collect();
        slots.into_iter().try_for_each(|slot| {
            let own = |due: &&_| plan.slot_of(hours, **due) == Some(slot);
            let (there, booked) = (dues.iter().filter(own).count(), queue.slots.booked(slot));
            ensure(there == booked as usize, || {
                format!("{}: {there} are due in the slot {slot}, {booked} booked", queue.id)
            })
        })
    })
}

pub(super) fn one_open_per_address(q: &Queue) -> Verdict {
    let mut seen = BTreeSet::new();
    q.interactions().filter(|row| row.open_callback()).try_for_each(|row| {
        let Some(address) = row.address.clone() else { return Ok(()) };
        let scheduled = row.origin == Origin::Scheduled;
        let first = seen.insert((row.queue.clone(), address, scheduled));
        ensure(first, || format!("{} is a second open callback", row.id))
    })
}

pub(super) fn pushes_paced(q: &Queue) -> Verdict {
    q.queues.iter().try_for_each(|queue| {
        let told = q.interactions().filter(|row| row.queue == queue.id);
        let told = told.filter(|row| row.share_until.is_some()).count();
        ensure(told == queue.shares.len(), || {
            format!("{}: {told} were told, {} counted", queue.id, queue.shares.len())
        })
    })
}

pub(super) fn codes_distinct(q: &Queue) -> Verdict {
    OF_CALL_INS.iter().try_for_each(|(name, holds)| {
        holds(&q.call_ins).map_err(|broken| super::Broken(format!("{name}: {}", broken.0)))
    })
}

/// A request for a callback is outstanding only while that callback may be called in for, or its
/// consumer is on the line by it.
pub(super) fn requests_tied(q: &Queue) -> Verdict {
    q.call_ins.outstanding().try_for_each(|asked| {
        let Some(id) = asked.interaction else { return Ok(()) };
        let fine = q.interaction(id).is_some_and(|row| match row.stage {
            Stage::AwaitingCallIn => {
                let ends = [row.deadline, row.first_end()].into_iter().flatten();
                ends.into_iter().all(|end| asked.expires_at <= end)
            }
            Stage::Waiting | Stage::Alerting(_) => row.caller_leg,
            Stage::Scheduled
            | Stage::Virtual { .. }
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Pushed
            | Stage::Lapsed
            | Stage::Bridged(_)
            | Stage::Done(_) => false,
        });
        ensure(fine, || format!("the request {:?} outlives its callback {id}", asked.id))
    })
}

/// Purge and close of business count from the time that an appointment is for.
pub(super) fn scheduled_outlives_close(q: &Queue) -> Verdict {
    q.interactions().filter(|row| row.stage == Stage::Scheduled).try_for_each(|row| {
        let early =
            |end: &Option<_>| end.is_some_and(|end| row.due_at.is_some_and(|due| end < due));
        ensure(![row.purge_at, row.close_at].iter().any(early), || {
            format!("{} is due at {:?}, and over before", row.id, row.due_at)
        })
    })
}

/// Who is called at a time of theirs stands behind those who wait at that time already.
pub(super) fn arrival_is_due(q: &Queue) -> Verdict {
    q.interactions().filter(|row| row.stage == Stage::Scheduled).try_for_each(|row| {
        let fine = row.due_at.is_some_and(|due| due <= row.place.arrival);
        ensure(fine, || format!("{} is due at {:?}: {:?}", row.id, row.due_at, row.place))
    })
}

/// Nobody who is due and free waits for a dial that the limits allow.
pub(super) fn dials_what_it_may(q: &Queue) -> Verdict {
    q.interactions().filter(|row| due_and_free(q, row)).try_for_each(|row| {
        let of = q.queue_index.get(&row.queue).map(|&n| &q.queues[n]);
        let Some((queue, address)) = of.zip(row.address.as_ref()) else { return Ok(()) };
        let settings = &queue.settings;
        let free = settings
            .addresses
            .routes(address)
            .iter()
            .any(|way| queue.free.get(way).is_some_and(|&free| free > 0));
        if !free || !settings.process_callbacks || queue.charges >= settings.dials_max {
            return Ok(());
        }
        let trigger = (0..q.agents.len())
            .find(|&n| eligible(q, &q.agents[n].row, row) && may_start(q, n, queue));
        ensure(trigger.is_none(), || {
            format!("{} could dial {} and did not", q.agents[trigger.unwrap_or(0)].row.id, row.id)
        })
    })
}

/// Would the pacing of this queue let this agent start a dial?
fn may_start(q: &Queue, n: usize, queue: &QueueState) -> bool {
    let (agent, boost) = (&q.agents[n], queue.settings.boost_percent);
    let ready = |n: usize| q.agents[n].row.state == AgentState::Ready;
    let crew = (0..q.agents.len()).filter(|&other| {
        other == n
            || queue.charged.contains_key(&other)
            || (ready(other) && q.of_queue(other, queue))
    });
    let room = u64::from(queue.charges) * 100 < u64::from(boost) * crew.count() as u64;
    ready(n)
        && agent.row.contact_checked
        && agent.held.is_none()
        && agent.charges < boost.div_ceil(100)
        && room
}

// ---- of a step

/// Whoever was promised a slot in this step found room in it.
pub(super) fn slot_capacity(s: &Step) -> Verdict {
    s.after.interactions().filter(|row| row.stage == Stage::Scheduled).try_for_each(|row| {
        let was = s.before.interaction(row.id).and_then(|was| was.due_at);
        let Some(due) = row.due_at.filter(|_| was != row.due_at) else { return Ok(()) };
        let Some(&n) = s.after.queue_index.get(&row.queue) else { return Ok(()) };
        let queue = &s.after.queues[n];
        let Some(plan) = &queue.settings.slots else { return Ok(()) };
        let hours = &queue.settings.hours;
        let slot = plan.slot_of(hours, due);
        let day = std::time::Duration::from_millis(1);
        let room = slot.and_then(|slot| {
            // As it was when it was asked for: the grace lets a slot begin a moment ago.
            let free = queue.slots.free(plan, hours, slot, slot, slot + day);
            free.first().map(|free| (free.capacity, queue.slots.booked(slot)))
        });
        ensure(room.is_some_and(|(capacity, booked)| booked <= capacity), || {
            format!("{} is due at {due}, where {room:?} (capacity, booked)", row.id)
        })
    })
}

pub(super) fn never_before_due(s: &Step) -> Verdict {
    s.effects.iter().try_for_each(|effect| {
        let Effect::Dial { attempt, .. } = effect else { return Ok(()) };
        let row = s.after.interaction(attempt.interaction);
        let early = row.and_then(|row| row.due_at).filter(|&due| due > s.after.now);
        ensure(early.is_none(), || format!("{attempt} was dialled before {early:?}"))
    })
}

/// Whoever guesses a code of a number finds one in 10,000 at most.
pub(super) fn codes_few(s: &Step) -> Verdict {
    s.effects.iter().try_for_each(|effect| {
        let Effect::CallInGranted { request, number, code: Some(_), .. } = effect else {
            return Ok(());
        };
        let all = &s.after.call_ins;
        let Some(asked) = all.get(*request) else { return Ok(()) };
        let Some(group) = s.after.call_in_groups.get(&asked.group) else { return Ok(()) };
        let there = 10_usize.pow(u32::from(group.code_length));
        let with_code = all.outstanding().filter(|row| row.number == *number && row.code.is_some());
        let out = with_code.count();
        ensure(out * 10_000 <= there, || format!("{out} of {there} codes are out on a number"))
    })
}

/// A code brings one caller on the line at a time.
pub(super) fn code_single_use(s: &Step) -> Verdict {
    s.effects.iter().try_for_each(|effect| {
        let Effect::CallInMatched { request, callback, combination, .. } = effect else {
            return Ok(());
        };
        let Event::CallInArrived { presented, routed, .. } = s.event else { return Ok(()) };
        let all = &s.before.call_ins;
        let was = all.get(*request).or_else(|| all.expired_lately(*request));
        let over =
            was.map(|was| was.ended.map_or(was.expires_at, |(at, _)| at.min(was.expires_at)));
        let late = over.is_some_and(|over| s.after.now >= over + TRIES_WITHIN);
        ensure(!late && over.is_some_and(|over| presented.since < over), || {
            format!("{request:?} matched and was not valid")
        })?;
        let Some(id) = callback else {
            let spent = s.after.call_ins.get(*request).is_none();
            return ensure(spent, || format!("{request:?} matched and may match again"));
        };
        ensure(routed.contains(combination), || format!("{id} matched where nothing is routed"))?;
        let awaited = s.before.interaction(*id).is_some_and(|row| {
            let in_time = row.deadline.is_none_or(|at| presented.since < at);
            (row.stage == Stage::Lapsed || (row.stage == Stage::AwaitingCallIn && in_time))
                && (row.menu_until.is_some() || row.first_end().is_none_or(|at| s.after.now < at))
        });
        ensure(awaited, || format!("{request:?} matched for {id}, which awaited nobody"))
    })
}

pub(super) fn unmatched_changes_nothing(s: &Step) -> Verdict {
    let unmatched = s.effects.iter().any(|effect| matches!(effect, Effect::CallInUnmatched { .. }));
    if !unmatched || !matches!(s.event, Event::CallInArrived { .. }) {
        return Ok(());
    }
    only_time_passed(s, |effect| !matches!(effect, Effect::CallInUnmatched { .. }))
}

/// The same request again is the same callback, and the same answer.
pub(super) fn idempotent_create(s: &Step) -> Verdict {
    let Event::CallbackRequested { interaction: id, .. } = s.event else { return Ok(()) };
    let mut idle = s.before.clone();
    idle.handle(s.now, Event::Tick);
    let Some(there) = idle.interaction(*id) else { return Ok(()) };
    let own = |effect: &&Effect| {
        matches!(effect, Effect::Accepted { interaction, .. } | Effect::Refused { interaction, .. }
            if interaction == id)
    };
    let answers: Vec<&Effect> = s.effects.iter().filter(own).collect();
    let same = Effect::Accepted { interaction: *id, due_at: there.due_at };
    ensure(answers == [&same], || format!("{id} again: {answers:?}, not {same:?}"))?;
    only_time_passed(s, |effect| *effect != same)
}

/// What is refused is worth no more than the time it brings.
pub(super) fn refused_changes_nothing(s: &Step) -> Verdict {
    let refused = |effect: &Effect, who: &InteractionId| {
        let Effect::Refused { interaction, .. } = effect else { return false };
        interaction == who
    };
    let refusal = |effect: &Effect| {
        if let Event::CallbackRequested { interaction, .. } = s.event {
            refused(effect, interaction)
        } else if let Event::Rescheduled { interaction, .. } = s.event {
            refused(effect, interaction)
        } else if let Event::CallInRequested(asked) = s.event {
            matches!(effect, Effect::CallInRefused { request, .. } if *request == asked.request)
        } else {
            false
        }
    };
    if s.effects.iter().any(refusal) {
        only_time_passed(s, |effect| !refusal(effect))
    } else {
        Ok(())
    }
}

fn only_time_passed(s: &Step, counts: impl Fn(&Effect) -> bool) -> Verdict {
    let mut idle = s.before.clone();
    let effects = idle.handle(s.now, Event::Tick);
    let rest: Vec<&Effect> = s.effects.iter().filter(|effect| counts(effect)).collect();
    let same = rest.iter().copied().eq(effects.iter()) && idle.rows() == s.after.rows();
    ensure(same, || format!("{:?} was refused and changed something", s.event))
}

/// READY goes out when a turn comes and never again for the same callback before it was given up;
/// UPCOMING once.
pub(super) fn pushed_once(s: &Step) -> Verdict {
    let mut told = BTreeSet::new();
    s.effects.iter().try_for_each(|effect| {
        let Effect::Push { interaction, event } = effect else { return Ok(()) };
        let was = s.before.interaction(*interaction);
        let fine = match event {
            PushEvent::Upcoming => was.is_none_or(|row| !row.upcoming),
            PushEvent::Ready => was.is_none_or(|row| {
                !matches!(row.stage, Stage::Pushed | Stage::AwaitingCallIn | Stage::Lapsed)
            }),
            PushEvent::Expired => was.is_some_and(|row| row.stage != Stage::Lapsed),
            PushEvent::CallIn(_) | PushEvent::Moved(_) | PushEvent::Completed(_) => true,
        };
        let first = told.insert((*interaction, format!("{event:?}")));
        ensure(fine && first, || format!("{interaction} was pushed {event:?} again"))
    })
}

/// With each acceptance the count of a callback goes up by one, and with nothing else: of what
/// accepts once by it, nothing accepts twice, and nothing is of no use before.
pub(super) fn acceptances_counted(s: &Step) -> Verdict {
    let granted = |id| {
        let of = |effect: &&Effect| {
            let Effect::CallInGranted { interaction, .. } = effect else { return false };
            *interaction == id
        };
        s.effects.iter().filter(of).count()
    };
    s.changed.interactions.iter().try_for_each(|row| {
        let was = s.before.interaction(row.id).map_or(0, |was| was.accepted as usize);
        ensure(row.accepted as usize == was + granted(row.id), || {
            format!("{} was accepted {} times after {was}", row.id, row.accepted)
        })
    })
}

/// Nobody is told to call while one before them, whom the same agent could serve, waits for their
/// turn.
pub(super) fn no_push_overtaking(s: &Step) -> Verdict {
    let pushed = s.changed.transitions.iter().filter(|row| row.row == "virtual-turn-pushed");
    let pushed: Vec<&Interaction> =
        pushed.filter_map(|row| s.after.interaction(row.interaction)).collect();
    let here = |state: &AgentState| *state != AgentState::LoggedOut;
    pushed.into_iter().try_for_each(|row| {
        let passed = s.after.interactions().find(|earlier| {
            earlier.origin == Origin::CallIn
                && s.after.queue_settings(&earlier.queue).is_some_and(|q| q.process_callbacks)
                && earlier.place < row.place
                && earlier.stage == Stage::Virtual { not_before: None }
                && earlier.menu_until.is_none()
                && s.after.agents().any(|agent| {
                    here(&agent.state)
                        && eligible(s.after, agent, earlier)
                        && eligible(s.after, agent, row)
                })
        });
        ensure(passed.is_none(), || {
            format!("{} was pushed before {:?}", row.id, passed.map(|row| row.id))
        })
    })
}

/// The callbacks taken in this step, and what their queues allow.
fn taken<'a>(
    s: &'a Step,
    rows: &'static [&'static str],
) -> impl Iterator<Item = (&'a Interaction, &'a QueueSettings)> {
    let steps = s.changed.transitions.iter().filter(|step| rows.contains(&step.row));
    steps.filter_map(|step| {
        let row = s.after.interaction(step.interaction)?;
        Some((row, s.after.queue_settings(&row.queue)?))
    })
}

const NOW: &[&str] =
    &["new-requested-virtual", "waiting-confirmed-virtual", "alerting-confirmed-virtual"];
const LATER: &[&str] =
    &["new-requested-scheduled", "waiting-confirmed-scheduled", "alerting-confirmed-scheduled"];
const TURNS: &[&str] = &["virtual-turn-dialing", "virtual-turn-pushed"];

const ARRIVED: &[&str] = &["new-arrived-waiting"];
const MOVED: &[&str] = &["scheduled-moved-scheduled", "virtual-moved-scheduled"];

/// What is taken ends with the day of its time and so long after that time as the queue says; what
/// has a time has its place by it.
pub(super) fn ends_promised(s: &Step) -> Verdict {
    let callbacks = taken(s, NOW).chain(taken(s, LATER)).chain(taken(s, MOVED));
    let callbacks = callbacks.map(|(row, settings)| (row, settings, true));
    let lives = taken(s, ARRIVED).map(|(row, settings)| (row, settings, false));
    callbacks.chain(lives).try_for_each(|(row, settings, purged)| {
        let due = row.due_at.unwrap_or(s.after.now);
        let ends = (row.close_at, row.purge_at.filter(|_| purged));
        let wanted = (settings.hours.close_after(due), purged.then(|| due + settings.purge_after));
        let arrival = row.due_at.is_none_or(|due| row.place.arrival == due.max(s.after.now));
        ensure(ends == wanted && arrival, || {
            format!("{} of {:?} ends at {ends:?}, not at {wanted:?}", row.id, row.place)
        })
    })
}

pub(super) fn switches_obeyed(s: &Step) -> Verdict {
    taken(s, NOW).chain(taken(s, LATER)).try_for_each(|(row, settings)| {
        let fine = settings.accept_callbacks;
        ensure(fine, || format!("{} was taken where none are", row.id))
    })?;
    taken(s, TURNS).try_for_each(|(row, settings)| {
        let fine = settings.process_callbacks;
        ensure(fine, || format!("{} had a turn where none are processed", row.id))
    })
}

/// Who is asked what to do about their callback is neither dialled nor pushed meanwhile.
pub(super) fn menu_holds(s: &Step) -> Verdict {
    taken(s, TURNS).try_for_each(|(row, _)| {
        ensure(row.menu_until.is_none(), || {
            format!("{} had a turn while its consumer was asked", row.id)
        })
    })
}

/// A callback that is to be dialled has a number that its queue may call.
pub(super) fn permitted_only(s: &Step) -> Verdict {
    let rows = taken(s, NOW).chain(taken(s, LATER)).filter(|(row, _)| row.origin.dialled());
    rows.into_iter().try_for_each(|(row, settings)| {
        let address = row.address.as_ref();
        let fine = address.is_some_and(|address| !settings.addresses.routes(address).is_empty());
        ensure(fine, || format!("{} may not be called", row.id))
    })
}

/// Nobody is dialled, nor a callback taken for them, who pressed 9 before.
pub(super) fn never_called_again(s: &Step) -> Verdict {
    let never = |address: &Address| s.before.is_never_called(address);
    let taken = taken(s, NOW).chain(taken(s, LATER)).map(|(row, _)| row);
    let dialled = s.effects.iter().filter_map(|effect| {
        let Effect::Dial { address, attempt, .. } = effect else { return None };
        Some((attempt.interaction, address))
    });
    let taken = taken.filter(|row| row.origin.dialled());
    let mut all = dialled.chain(taken.filter_map(|row| Some((row.id, row.address.as_ref()?))));
    let called = all.find(|(_, address)| never(address));
    ensure(called.is_none(), || format!("{:?} is to be called for ever", called.map(|it| it.0)))
}

/// Nobody is dialled, nor a request of theirs taken, more often within a day than the queue allows.
pub(super) fn number_limits(s: &Step) -> Verdict {
    s.effects.iter().try_for_each(|effect| {
        let Effect::Dial { attempt, queue, address: Address::E164(number), .. } = effect else {
            return Ok(());
        };
        let queue = &s.after.queues[s.after.queue_index[queue]];
        let most = queue.settings.limits.dials_per_day as usize;
        let rang = queue.uses.dials(number, s.after.now);
        ensure(most == 0 || rang <= most, || {
            format!("{} rings {rang} times within a day", attempt.interaction)
        })
    })?;
    taken(s, NOW).chain(taken(s, LATER)).try_for_each(|(row, settings)| {
        let Some(Address::E164(number)) = &row.address else { return Ok(()) };
        let queue = &s.before.queues[s.before.queue_index[&row.queue]];
        let again = queue.uses.asks_again_at(number, settings.limits, s.after.now);
        ensure(again.is_none(), || format!("{} was taken before {again:?}", row.id))
    })
}

/// A callback for now is taken only while it is open, and not too short before closing.
pub(super) fn open_when_taken(s: &Step) -> Verdict {
    taken(s, NOW).try_for_each(|(row, settings)| {
        let left = settings.hours.open_for(s.after.now);
        let fine = settings.hours.open_at(s.after.now) && left > settings.accept_until_before_close;
        ensure(fine, || format!("{} was taken with {left:?} left", row.id))
    })
}

/// A dial is charged to its trigger until it ends without an answer, or until its consumer is
/// alerted to somebody or leaves, whatever the trigger does meanwhile.
pub(super) fn charges_kept(s: &Step) -> Verdict {
    s.before.attempts.values().filter(|was| was.charged_to.is_some()).try_for_each(|was| {
        let open = s.after.attempts.get(&was.id);
        let row = s.after.interaction(was.id.interaction);
        let alerted = given(s).any(|(_, row, dial)| !dial && row.id == was.id.interaction);
        // Whose node died, or who is over, is only watched until the leg is known to be gone.
        let kept = open.is_none_or(|open| open.charged_to.is_some() || open.ending.is_some())
            || row.is_none_or(|row| {
                !matches!(row.stage, Stage::Dialing | Stage::Confirming | Stage::Waiting)
            });
        ensure(kept || alerted, || format!("{} is charged to nobody any more", was.id))
    })
}

/// Whoever was told that it is their turn counts until they call in, or do not react in time.
pub(super) fn shares_kept(s: &Step) -> Verdict {
    s.before.interactions().try_for_each(|was| {
        let row = s.after.interaction(was.id);
        let told = matches!(was.stage, Stage::Pushed | Stage::AwaitingCallIn);
        let over = was.share_until.is_none_or(|until| until <= s.after.now);
        let counts = row.is_none_or(|row| {
            !matches!(row.stage, Stage::Pushed | Stage::AwaitingCallIn) || row.share_until.is_some()
        });
        ensure(!told || over || counts, || format!("{} counts no more", was.id))
    })
}

/// Nobody is dialled at night who did not ask for it just now.
pub(super) fn window_kept(s: &Step) -> Verdict {
    const CONTACT: Duration = Duration::from_secs(60 * 60);
    const CONSENT: Duration = Duration::from_secs(4 * 60 * 60);
    given(s).filter(|(_, _, dial)| *dial).try_for_each(|(_, row, _)| {
        let (Some(Address::E164(number)), Some(was)) = (&row.address, s.before.interaction(row.id))
        else {
            return Ok(());
        };
        let now = s.after.now;
        let contacts = [was.last_contact, row.last_contact];
        let again = was.attempts_made > 0;
        let recent = again && contacts.into_iter().flatten().any(|at| now.since(at) <= CONTACT);
        let consents = row.origin != Origin::Scheduled && now.since(was.requested_at) <= CONSENT;
        let window = s.after.queue_settings(&row.queue).and_then(|queue| queue.contact.window);
        let open = window.is_none_or(|window| {
            let zones = NumberClass::of(number).zones;
            window.open_at(zones, now)
        });
        ensure(recent || consents || open, || format!("{} was dialled at night", row.id))
    })
}

/// No appointment is made, or moved, to a time at which the number may not be called.
pub(super) fn promised_in_window(s: &Step) -> Verdict {
    s.changed.interactions.iter().try_for_each(|row| {
        let was = s.before.interaction(row.id).and_then(|was| was.due_at);
        let made = row.stage == Stage::Scheduled && row.due_at != was;
        let settings = s.after.queue_settings(&row.queue);
        let (Some(due), Some(settings), true) = (row.due_at, settings, made) else {
            return Ok(());
        };
        let may = settings.contact.may_promise(row.address.as_ref(), due.max(s.after.now));
        ensure(may, || format!("{} is due when it may not be called", row.id))
    })
}

/// Nothing ends by purge or close of business before that comes.
pub(super) fn not_purged_early(s: &Step) -> Verdict {
    let resettled = |id| {
        let rows = &s.changed.transitions;
        rows.iter().any(|step| step.interaction == id && step.row == "scheduled-closed-done")
    };
    s.changed.interactions.iter().try_for_each(|row| {
        let end = match row.stage {
            Stage::Done(Outcome::Purged) => row.purge_at,
            Stage::Done(Outcome::Closed) if !resettled(row.id) => row.close_at,
            Stage::Done(_)
            | Stage::Scheduled
            | Stage::Virtual { .. }
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Lapsed
            | Stage::Waiting
            | Stage::Alerting(_)
            | Stage::Bridged(_) => return Ok(()),
        };
        ensure(end.is_some_and(|end| end <= s.after.now), || {
            format!("{} was over before {end:?}", row.id)
        })
    })
}
