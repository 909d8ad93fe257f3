//! Steps to rows, in one transaction.

use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Connection, Row, Sqlite, query};

use super::{failed, words};
use crate::ident::QueueId;
use crate::queue::limits::{KEPT, NumberUse};
use crate::queue::matching::CallInRequest;
use crate::queue::{Agent, Attempt, History, Interaction, Stage, Transition};
use crate::store::{LegRecord, Party, Step, StoreError, UserBindings, outside};
use crate::time::Timestamp;

type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

/// Commits the steps that are not there yet.
pub(super) async fn steps(
    connection: &mut SqliteConnection,
    steps: &[Step],
) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let row = query(include_str!("../sql/sqlite/meta_get.sql"))
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
    let mut last = row.try_get::<i64, _>("step").map_err(failed)?;
    for step in steps {
        let number = signed(step.number)?;
        if number <= last {
            continue;
        }
        if number != last + 1 {
            return Err(StoreError::Broken(format!("step {number} came after step {last}")));
        }
        write(&mut transaction, step, number).await?;
        last = number;
    }
    transaction.commit().await.map_err(failed)
}

async fn write(to: &mut SqliteConnection, step: &Step, number: i64) -> Result<(), StoreError> {
    let changed = &step.changed;
    for interaction in &changed.interactions {
        let release = query(include_str!("../sql/sqlite/interaction_release.sql"));
        run(to, release.bind(interaction.id.to_string())).await?;
    }
    for agent in &changed.agents {
        let release = query(include_str!("../sql/sqlite/agent_release.sql"));
        run(to, release.bind(agent.id.as_str().to_owned())).await?;
    }
    for interaction in &changed.interactions {
        run(to, put_interaction(interaction)?).await?;
    }
    // Those that ended go first: an interaction may end one attempt and open the next in one step.
    let (ended, open): (Vec<_>, Vec<_>) =
        changed.attempts.iter().partition(|attempt| attempt.ended_at.is_some());
    for attempt in ended.into_iter().chain(open) {
        run(to, put_attempt(attempt)).await?;
    }
    for agent in &changed.agents {
        run(to, put_agent(agent)).await?;
    }
    // Those that ended go first: a new request may be given the code of one that it voided.
    let (ended, open): (Vec<_>, Vec<_>) =
        changed.requests.iter().partition(|request| request.ended.is_some());
    for request in ended.into_iter().chain(open) {
        run(to, put_call_in_request(request)?).await?;
    }
    for (queue, history) in &changed.histories {
        run(to, put_history(queue, history)).await?;
    }
    for hash in &changed.never_call {
        let add = query(include_str!("../sql/sqlite/never_call_add.sql"));
        run(to, add.bind(hash.0.to_vec()).bind(step.now.as_ms())).await?;
    }
    for one in &changed.uses {
        run(to, put_use(one)).await?;
    }
    if !changed.uses.is_empty() {
        let forget = query(include_str!("../sql/sqlite/number_use_forget.sql"));
        run(to, forget.bind((step.now - KEPT).as_ms())).await?;
    }
    for transition in &changed.transitions {
        run(to, add_event(transition, number)).await?;
    }
    for user in &step.bindings {
        put_bindings(to, user).await?;
    }
    for leg in &step.legs {
        run(to, add_leg(leg)).await?;
    }
    let meta = query(include_str!("../sql/sqlite/meta_put.sql"));
    run(to, meta.bind(number).bind(step.now.as_ms())).await
}

async fn run(to: &mut SqliteConnection, query: Query<'_>) -> Result<(), StoreError> {
    query.execute(to).await.map(|_| ()).map_err(failed)
}

fn put_interaction(row: &Interaction) -> Result<Query<'_>, StoreError> {
    let (mut agent, mut not_before, mut outcome) = (None, None, None);
    match &row.stage {
        Stage::Virtual { not_before: at } => not_before = ms(*at),
        Stage::Alerting(who) | Stage::Bridged(who) => agent = Some(who.as_str()),
        Stage::Done(how) => outcome = Some(*how),
        Stage::Scheduled
        | Stage::Dialing
        | Stage::Confirming
        | Stage::Pushed
        | Stage::AwaitingCallIn
        | Stage::Lapsed
        | Stage::Waiting => {}
    }
    let attached = row.attached.as_ref();
    let called = attached.and_then(|attached| attached.called.as_ref());
    let data = attached.and_then(|attached| attached.data.as_ref());
    let missed_by: Vec<&str> = row.missed_by.iter().map(|agent| agent.as_str()).collect();
    Ok(query(include_str!("../sql/sqlite/interaction_put.sql"))
        .bind(row.id.to_string())
        .bind(row.queue.as_str())
        .bind(words::origin(row.origin))
        .bind(row.skills.to_string())
        .bind(i64::from(row.place.priority.0))
        .bind(row.place.arrival.as_ms())
        .bind(signed(row.place.sequence)?)
        .bind(words::stage(&row.stage))
        .bind(agent)
        .bind(not_before)
        .bind(outcome.map(words::outcome))
        .bind(outcome.and_then(words::last_class))
        .bind(outside::state(&row.stage))
        .bind(outcome.map(outside::reason))
        .bind(ms(row.deadline))
        .bind(row.asked)
        .bind(row.address.as_ref().map(|address| address.expose()))
        .bind(row.node.as_ref().map(|node| node.as_str()))
        .bind(row.caller_leg)
        .bind(row.attempts_used)
        .bind(row.attempts_made)
        .bind(row.postponed)
        .bind(row.created_at.as_ms())
        .bind(ms(row.purge_at))
        .bind(ms(row.close_at))
        .bind(missed_by.join("\n"))
        .bind(ms(row.ended_at))
        .bind(ms(row.due_at))
        .bind(ms(row.menu_until))
        .bind(ms(row.share_until))
        .bind(ms(row.leave_at))
        .bind(row.notify)
        .bind(row.upcoming)
        .bind(row.called_in)
        .bind(ms(row.last_contact))
        .bind(row.told.map(|(at, _)| at.as_ms()))
        .bind(row.told.map(|(_, told)| (Timestamp::default() + told).as_ms()))
        .bind(ms(row.connected_at))
        .bind(called.map(|number| number.expose()))
        .bind(data.map(|data| data.expose()))
        .bind(words::failures(row.failures))
        .bind(row.requested_at.as_ms())
        .bind(row.accepted))
}

fn put_call_in_request(row: &CallInRequest) -> Result<Query<'_>, StoreError> {
    Ok(query(include_str!("../sql/sqlite/call_in_request_put.sql"))
        .bind(row.id.to_string())
        .bind(row.group.as_str())
        .bind(signed(row.sequence)?)
        .bind(row.number.expose())
        .bind(row.code.as_ref().map(|code| code.as_bytes().to_vec()))
        .bind(row.ani.as_ref().map(|ani| ani.expose()))
        .bind(row.interaction.map(|id| id.to_string()))
        .bind(row.created_at.as_ms())
        .bind(row.expires_at.as_ms())
        .bind(row.ended.map(|(at, _)| at.as_ms()))
        .bind(row.ended.map(|(_, how)| words::call_in_end(how)))
        .bind(row.data.as_ref().map(|data| data.expose())))
}

fn put_attempt(row: &Attempt) -> Query<'_> {
    query(include_str!("../sql/sqlite/attempt_put.sql"))
        .bind(row.id.interaction.to_string())
        .bind(row.id.serial)
        .bind(row.queue.as_str())
        .bind(words::route(&row.route))
        .bind(row.address.expose())
        .bind(row.charged_to.as_ref().map(|agent| agent.as_str()))
        .bind(row.node.as_ref().map(|node| node.as_str()))
        .bind(row.started_at.as_ms())
        .bind(ms(row.answered_at))
        .bind(row.ending.map(words::ending))
        .bind(ms(row.deadline))
        .bind(ms(row.ended_at))
        .bind(row.class.map(words::class))
        .bind(row.caller.as_ref().map(|caller| caller.expose()))
        .bind(row.display_name.as_str())
}

fn put_agent(row: &Agent) -> Query<'_> {
    query(include_str!("../sql/sqlite/agent_put.sql"))
        .bind(row.id.as_str())
        .bind(words::skills(&row.skills))
        .bind(row.skills_changed)
        .bind(words::agent_state(&row.state))
        .bind(row.engaged_with().map(|interaction| interaction.to_string()))
        .bind(row.since.as_ms())
        .bind(ms(row.deadline))
        .bind(row.after_call.map(words::after_call))
        .bind(row.misses)
        .bind(row.contact_checked)
        .bind(row.alerted_at.as_ms())
        .bind(words::answered(&row.answered))
        .bind(row.handling.as_ref().map(|(queue, _)| queue.as_str()))
        .bind(row.handling.as_ref().map(|(_, since)| since.as_ms()))
}

fn put_use<'q>(one: &NumberUse) -> Query<'q> {
    let statement = match one.is_undone {
        true => include_str!("../sql/sqlite/number_use_undo.sql"),
        false => include_str!("../sql/sqlite/number_use_put.sql"),
    };
    query(statement)
        .bind(one.queue.as_str().to_owned())
        .bind(one.number.expose().to_owned())
        .bind(words::use_kind(one.kind))
        .bind(one.at.as_ms())
}

fn put_history<'q>(queue: &'q QueueId, history: &History) -> Query<'q> {
    query(include_str!("../sql/sqlite/history_put.sql"))
        .bind(queue.as_str())
        .bind(words::handled(history))
        .bind(words::distributed(history))
}

fn add_event(transition: &Transition, step: i64) -> Query<'_> {
    query(include_str!("../sql/sqlite/event_add.sql"))
        .bind(step)
        .bind(transition.at.as_ms())
        .bind(transition.interaction.to_string())
        .bind(transition.row)
        .bind(words::stage(&transition.stage))
        .bind(transition.agent.as_ref().map(|agent| agent.as_str()))
        .bind(transition.attempt.map(|attempt| attempt.serial))
        .bind(transition.position)
        .bind(transition.ewt.map(|ewt| (Timestamp::default() + ewt).as_ms()))
}

fn add_leg(row: &LegRecord) -> Query<'_> {
    let agent = match &row.party {
        Party::Agent(agent) => Some(agent.as_str()),
        Party::Caller | Party::Consumer | Party::Third => None,
    };
    query(include_str!("../sql/sqlite/leg_add.sql"))
        .bind(row.leg.to_string())
        .bind(row.interaction.map(|id| id.to_string()))
        .bind(words::direction(row.direction))
        .bind(words::party(&row.party))
        .bind(agent)
        .bind(row.started_at.as_ms())
        .bind(ms(row.answered_at))
        .bind(row.ended_at.as_ms())
        .bind(words::leg_end(row.ended_by))
        .bind(row.status)
}

async fn put_bindings(to: &mut SqliteConnection, user: &UserBindings) -> Result<(), StoreError> {
    let clear = query(include_str!("../sql/sqlite/binding_clear.sql"));
    run(to, clear.bind(user.user.as_str())).await?;
    for binding in &user.bindings {
        let put = query(include_str!("../sql/sqlite/binding_put.sql"))
            .bind(user.user.as_str())
            .bind(binding.contact.as_str())
            .bind(binding.address.to_string())
            .bind(binding.call_id.as_str())
            .bind(binding.cseq)
            .bind(binding.expires_at.as_ms());
        run(to, put).await?;
    }
    Ok(())
}

fn ms(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_ms)
}

/// SQLite's integers have a sign.
fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Broken(format!("the number {number} is too big")))
}
