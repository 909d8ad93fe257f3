//! Rows back to what a start needs. What cannot be read is named by table and id, never guessed.

use std::borrow::Cow;
use std::cmp::Reverse;

use serde::Deserialize;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row, query};

use super::{failed, words};
use crate::ident::{
    AgentId, AttemptId, CallInId, GroupId, InteractionId, NodeId, QueueId, UserData,
};
use crate::phone::{Address, Ani, CodeHash, Dnis, PhoneNumber};
use crate::queue::interaction::{Attached, Place};
use crate::queue::limits::NumberUse;
use crate::queue::matching::CallInRequest;
use crate::queue::never_call::NeverCallHash;
use crate::queue::{Agent, AgentState, Attempt, Changed, History, Interaction, Stage};
use crate::store::{BindingRow, Loaded, StoreError, UserBindings};
use crate::time::Timestamp;

/// Open interactions read at once.
const INTERACTIONS_AT_ONCE: i64 = 1_000;

/// Reads all of it as of one moment.
pub(super) async fn everything(connection: &mut SqliteConnection) -> Result<Loaded, StoreError> {
    let mut transaction = connection.begin().await.map_err(failed)?;
    let mut rows = async |statement: &'static str| {
        query(statement).fetch_all(&mut *transaction).await.map_err(failed)
    };
    let mut loaded = Loaded::default();
    for row in rows(include_str!("../sql/sqlite/meta_get.sql")).await? {
        let meta = Fields { table: "meta", id: "1".into(), row: &row };
        loaded.step = meta.number("step")?;
        loaded.now = meta.time("now")?;
    }
    loaded.rows = Changed {
        attempts: each(&rows(include_str!("../sql/sqlite/attempts_open.sql")).await?, attempt)?,
        agents: each(&rows(include_str!("../sql/sqlite/agents.sql")).await?, agent)?,
        requests: each(
            &rows(include_str!("../sql/sqlite/call_in_requests.sql")).await?,
            call_in_request,
        )?,
        histories: each(&rows(include_str!("../sql/sqlite/histories.sql")).await?, history)?,
        never_call: each(
            &rows(include_str!("../sql/sqlite/never_call.sql")).await?,
            never_call_hash,
        )?,
        ..Changed::default()
    };
    for row in rows(include_str!("../sql/sqlite/bindings.sql")).await? {
        add_binding(&mut loaded.bindings, &row)?;
    }
    loaded.rows.interactions = interactions(&mut transaction).await?;
    loaded.rows.uses = number_uses(&mut transaction).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(loaded)
}

fn each<T>(
    rows: &[SqliteRow],
    read: fn(&SqliteRow) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(read).collect()
}

/// A row as the database gives it.
#[derive(Deserialize)]
struct InteractionRow<'r> {
    #[serde(borrow)]
    id: Cow<'r, str>,
    #[serde(borrow)]
    queue: Cow<'r, str>,
    #[serde(borrow)]
    origin: Cow<'r, str>,
    #[serde(borrow)]
    skills: Cow<'r, str>,
    priority: i64,
    arrival: i64,
    sequence: i64,
    #[serde(borrow)]
    stage: Cow<'r, str>,
    #[serde(borrow)]
    agent: Option<Cow<'r, str>>,
    not_before: Option<i64>,
    deadline: Option<i64>,
    asked: u8,
    #[serde(borrow)]
    address: Option<Cow<'r, str>>,
    #[serde(borrow)]
    node: Option<Cow<'r, str>>,
    caller_leg: u8,
    attempts_used: i64,
    #[serde(borrow)]
    failures: Cow<'r, str>,
    attempts_made: i64,
    postponed: i64,
    created_at: i64,
    requested_at: i64,
    accepted: i64,
    purge_at: Option<i64>,
    close_at: Option<i64>,
    #[serde(borrow)]
    missed_by: Cow<'r, str>,
    ended_at: Option<i64>,
    due_at: Option<i64>,
    menu_until: Option<i64>,
    share_until: Option<i64>,
    leave_at: Option<i64>,
    notify: u8,
    upcoming: u8,
    called_in: u8,
    last_contact: Option<i64>,
    told_at: Option<i64>,
    told_ms: Option<i64>,
    connected_at: Option<i64>,
    #[serde(borrow)]
    called: Option<Cow<'r, str>>,
    #[serde(borrow)]
    data: Option<Cow<'r, str>>,
}

/// Page by page.
async fn interactions(from: &mut SqliteConnection) -> Result<Vec<Interaction>, StoreError> {
    let (mut all, mut last) = (Vec::new(), String::new());
    loop {
        let page = query(include_str!("../sql/sqlite/interactions_open.sql"))
            .bind(&last)
            .bind(INTERACTIONS_AT_ONCE)
            .fetch_one(&mut *from)
            .await
            .map_err(failed)?;
        // What is wrong with it is not said: it may quote a number.
        let broken =
            || StoreError::Broken(format!("interaction: a row after {last:?} cannot be read"));
        let rows: &str = page.try_get("rows").map_err(|_| broken())?;
        let rows: Vec<InteractionRow<'_>> = serde_json::from_str(rows).map_err(|_| broken())?;
        for row in &rows {
            let broken = |column| {
                StoreError::Broken(format!("interaction {}: {column} cannot be read", row.id))
            };
            all.push(interaction(row).map_err(broken)?);
        }
        match page.try_get::<Option<String>, _>("last").map_err(failed)? {
            Some(id) => last = id,
            None => return Ok(all),
        }
    }
}

/// The error is the column that cannot be read.
fn interaction(row: &InteractionRow<'_>) -> Result<Interaction, &'static str> {
    let at = |ms: Option<i64>| ms.map(Timestamp::from_ms);
    let agent = || row.agent.as_deref().map(AgentId::new).ok_or("agent");
    let stage = match &*row.stage {
        "virtual" => Stage::Virtual { not_before: at(row.not_before) },
        "scheduled" => Stage::Scheduled,
        "pushed" => Stage::Pushed,
        "awaiting-call-in" => Stage::AwaitingCallIn,
        "lapsed" => Stage::Lapsed,
        "dialing" => Stage::Dialing,
        "confirming" => Stage::Confirming,
        "waiting" => Stage::Waiting,
        "alerting" => Stage::Alerting(agent()?),
        "bridged" => Stage::Bridged(agent()?),
        _ => return Err("stage"),
    };
    let place = Place {
        priority: Reverse(i16::try_from(row.priority).map_err(|_| "priority")?),
        arrival: Timestamp::from_ms(row.arrival),
        sequence: u64::try_from(row.sequence).map_err(|_| "sequence")?,
    };
    let told = at(row.told_at).zip(at(row.told_ms));
    let called = parsed_if(row.called.as_deref(), PhoneNumber::parse).ok_or("called")?;
    let data = parsed_if(row.data.as_deref(), UserData::new).ok_or("data")?;
    Ok(Interaction {
        id: InteractionId::parse(&row.id).ok_or("id")?,
        queue: QueueId::new(&row.queue),
        origin: words::read_origin(&row.origin).ok_or("origin")?,
        skills: words::read_expression(&row.skills).ok_or("skills")?,
        place,
        stage,
        deadline: at(row.deadline),
        asked: row.asked != 0,
        address: parsed_if(row.address.as_deref(), Address::parse).ok_or("address")?,
        node: row.node.as_deref().map(NodeId::new),
        caller_leg: row.caller_leg != 0,
        attempts_used: u32::try_from(row.attempts_used).map_err(|_| "attempts_used")?,
        failures: words::read_failures(&row.failures).ok_or("failures")?,
        attempts_made: u32::try_from(row.attempts_made).map_err(|_| "attempts_made")?,
        postponed: u32::try_from(row.postponed).map_err(|_| "postponed")?,
        created_at: Timestamp::from_ms(row.created_at),
        requested_at: Timestamp::from_ms(row.requested_at),
        accepted: u32::try_from(row.accepted).map_err(|_| "accepted")?,
        due_at: at(row.due_at),
        menu_until: at(row.menu_until),
        share_until: at(row.share_until),
        leave_at: at(row.leave_at),
        notify: row.notify != 0,
        upcoming: row.upcoming != 0,
        called_in: row.called_in != 0,
        last_contact: at(row.last_contact),
        told: told.map(|(at, told)| (at, told.since(Timestamp::default()))),
        connected_at: at(row.connected_at),
        purge_at: at(row.purge_at),
        close_at: at(row.close_at),
        missed_by: row.missed_by.lines().map(AgentId::new).collect(),
        ended_at: at(row.ended_at),
        attached: Attached { called, data }.some(),
    })
}

/// `None`: there is a text, and it cannot be read.
fn parsed_if<T>(text: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    text.map_or(Some(None), |text| parse(text).map(Some))
}

fn attempt(row: &SqliteRow) -> Result<Attempt, StoreError> {
    let row = Fields::of("attempt", "interaction", row)?;
    Ok(Attempt {
        id: AttemptId {
            interaction: row.parsed("interaction", InteractionId::parse)?,
            serial: row.number("serial")?,
        },
        queue: QueueId::new(row.text("queue")?),
        route: row.parsed("route", words::read_route)?,
        address: row.parsed("address", Address::parse)?,
        caller: row.text_if("caller")?.map(Ani::new),
        display_name: row.text("display_name")?.to_owned(),
        charged_to: row.text_if("charged_to")?.map(AgentId::new),
        node: row.text_if("node")?.map(NodeId::new),
        started_at: row.time("started_at")?,
        answered_at: row.time_if("answered_at")?,
        ending: row.parsed_if("ending", words::read_ending)?,
        deadline: row.time_if("deadline")?,
        ended_at: row.time_if("ended_at")?,
        class: row.parsed_if("class", words::read_class)?,
    })
}

fn agent(row: &SqliteRow) -> Result<Agent, StoreError> {
    let row = Fields::of("agent", "id", row)?;
    let state = match row.text("state")? {
        "alerting" => AgentState::Alerting(row.parsed("engaged", InteractionId::parse)?),
        "talking" => AgentState::Talking(row.parsed("engaged", InteractionId::parse)?),
        _ => row.parsed("state", words::read_free_agent_state)?,
    };
    Ok(Agent {
        id: AgentId::new(row.text("id")?),
        skills: row.parsed("skills", words::read_skills)?,
        skills_changed: row.truth("skills_changed")?,
        state,
        since: row.time("since")?,
        deadline: row.time_if("deadline")?,
        after_call: row.parsed_if("after_call", words::read_after_call)?,
        misses: row.number("misses")?,
        alerted_at: row.time("alerted_at")?,
        answered: row.parsed("answered", words::read_answered)?,
        handling: match (row.text_if("handling_queue")?, row.time_if("handling_since")?) {
            (Some(queue), Some(since)) => Some((QueueId::new(queue), since)),
            (None, _) | (_, None) => None,
        },
        contact_checked: row.truth("contact_checked")?,
    })
}

fn history(row: &SqliteRow) -> Result<(QueueId, History), StoreError> {
    let row = Fields::of("history", "queue", row)?;
    let history = History {
        handled: row.parsed("handled", words::read_handled)?,
        distributed: row.parsed("distributed", words::read_distributed)?,
    };
    Ok((QueueId::new(row.text("queue")?), history))
}

fn never_call_hash(row: &SqliteRow) -> Result<NeverCallHash, StoreError> {
    let hash = row.try_get::<&[u8], _>("hash").map_err(failed)?;
    let broken = |_| StoreError::Broken("never_call: a hash is not of 32 bytes".into());
    hash.try_into().map(NeverCallHash).map_err(broken)
}

async fn number_uses(from: &mut SqliteConnection) -> Result<Vec<NumberUse>, StoreError> {
    let statement = query(include_str!("../sql/sqlite/number_uses.sql"));
    let all = statement.fetch_one(from).await.map_err(failed)?;
    let broken = |what: &str| StoreError::Broken(format!("number_use: {what} cannot be read"));
    let rows: &str = all.try_get("rows").map_err(|_| broken("a row"))?;
    type Row<'r> = (Cow<'r, str>, Cow<'r, str>, Cow<'r, str>, i64);
    let rows: Vec<Row<'_>> = serde_json::from_str(rows).map_err(|_| broken("a row"))?;
    let understood = rows.iter().map(|(queue, number, kind, at)| {
        Ok(NumberUse {
            queue: QueueId::new(queue),
            number: PhoneNumber::parse(number).ok_or_else(|| broken("number"))?,
            at: Timestamp::from_ms(*at),
            kind: words::read_use_kind(kind).ok_or_else(|| broken("kind"))?,
            is_undone: false,
        })
    });
    understood.collect()
}

fn call_in_request(row: &SqliteRow) -> Result<CallInRequest, StoreError> {
    let row = Fields::of("call_in_request", "id", row)?;
    let ended_at = row.time_if("ended_at")?;
    let ended = row.parsed_if("ended", words::read_call_in_end)?;
    Ok(CallInRequest {
        id: row.parsed("id", CallInId::parse)?,
        group: GroupId::new(row.text("call_group")?),
        sequence: row.number("sequence")?,
        number: Dnis::new(row.text("number")?),
        code: row.hash_if("code")?.map(CodeHash::from_bytes),
        ani: row.parsed_if("ani", Address::parse)?,
        interaction: row.parsed_if("interaction", InteractionId::parse)?,
        data: row.parsed_if("data", UserData::new)?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        ended: ended_at.zip(ended),
    })
}

/// Rows come in order of user: those of one user are neighbours.
fn add_binding(to: &mut Vec<UserBindings>, row: &SqliteRow) -> Result<(), StoreError> {
    let row = Fields::of("binding", "user", row)?;
    let binding = BindingRow {
        contact: row.text("contact")?.to_owned(),
        address: row.parsed("address", |text| text.parse().ok())?,
        call_id: row.text("call_id")?.to_owned(),
        cseq: row.number("cseq")?,
        expires_at: row.time("expires_at")?,
    };
    let user = row.text("user")?;
    match to.last_mut() {
        Some(last) if last.user == user => last.bindings.push(binding),
        Some(_) | None => {
            to.push(UserBindings { user: user.to_owned(), bindings: vec![binding] });
        }
    }
    Ok(())
}

/// The columns of one row, read strictly.
struct Fields<'r> {
    table: &'static str,
    id: String,
    row: &'r SqliteRow,
}

impl<'r> Fields<'r> {
    fn of(table: &'static str, id: &str, row: &'r SqliteRow) -> Result<Self, StoreError> {
        let id = row.try_get::<String, _>(id).map_err(failed)?;
        Ok(Self { table, id, row })
    }

    /// Says where, not what: the text may be a number.
    fn broken(&self, column: &str) -> StoreError {
        StoreError::Broken(format!("{} {}: {column} cannot be read", self.table, self.id))
    }

    fn text_if(&self, column: &str) -> Result<Option<&'r str>, StoreError> {
        self.row.try_get(column).map_err(|_| self.broken(column))
    }

    fn text(&self, column: &str) -> Result<&'r str, StoreError> {
        self.text_if(column)?.ok_or_else(|| self.broken(column))
    }

    fn parsed_if<T>(
        &self,
        column: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        self.text_if(column)?.map(|text| parse(text).ok_or_else(|| self.broken(column))).transpose()
    }

    fn parsed<T>(&self, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
        self.parsed_if(column, parse)?.ok_or_else(|| self.broken(column))
    }

    fn number<T: TryFrom<i64>>(&self, column: &str) -> Result<T, StoreError> {
        let number: i64 = self.row.try_get(column).map_err(|_| self.broken(column))?;
        T::try_from(number).map_err(|_| self.broken(column))
    }

    fn hash_if(&self, column: &str) -> Result<Option<[u8; 32]>, StoreError> {
        let bytes: Option<Vec<u8>> = self.row.try_get(column).map_err(|_| self.broken(column))?;
        bytes.map(|bytes| bytes.try_into().map_err(|_| self.broken(column))).transpose()
    }

    fn truth(&self, column: &str) -> Result<bool, StoreError> {
        self.row.try_get(column).map_err(|_| self.broken(column))
    }

    fn time_if(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        let ms: Option<i64> = self.row.try_get(column).map_err(|_| self.broken(column))?;
        Ok(ms.map(Timestamp::from_ms))
    }

    fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        self.time_if(column)?.ok_or_else(|| self.broken(column))
    }
}
