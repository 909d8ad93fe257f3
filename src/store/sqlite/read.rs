//! Rows back to what a start needs. What cannot be read is named by table and id, never guessed.

use std::cmp::Reverse;

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
        interactions: each(
            &rows(include_str!("../sql/sqlite/interactions_open.sql")).await?,
            interaction,
        )?,
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
        uses: each(&rows(include_str!("../sql/sqlite/number_uses.sql")).await?, number_use)?,
        transitions: Vec::new(),
    };
    for row in rows(include_str!("../sql/sqlite/bindings.sql")).await? {
        add_binding(&mut loaded.bindings, &row)?;
    }
    transaction.commit().await.map_err(failed)?;
    Ok(loaded)
}

fn each<T>(
    rows: &[SqliteRow],
    read: fn(&SqliteRow) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(read).collect()
}

fn interaction(row: &SqliteRow) -> Result<Interaction, StoreError> {
    let row = Fields::of("interaction", "id", row)?;
    let stage = match row.text("stage")? {
        "virtual" => Stage::Virtual { not_before: row.time_if("not_before")? },
        "scheduled" => Stage::Scheduled,
        "pushed" => Stage::Pushed,
        "awaiting-call-in" => Stage::AwaitingCallIn,
        "lapsed" => Stage::Lapsed,
        "dialing" => Stage::Dialing,
        "confirming" => Stage::Confirming,
        "waiting" => Stage::Waiting,
        "alerting" => Stage::Alerting(AgentId::new(row.text("agent")?)),
        "bridged" => Stage::Bridged(AgentId::new(row.text("agent")?)),
        _ => return Err(row.broken("stage")),
    };
    Ok(Interaction {
        id: row.parsed("id", InteractionId::parse)?,
        queue: QueueId::new(row.text("queue")?),
        origin: row.parsed("origin", words::read_origin)?,
        skills: row.parsed("skills", words::read_expression)?,
        place: Place {
            priority: Reverse(row.number("priority")?),
            arrival: row.time("arrival")?,
            sequence: row.number("sequence")?,
        },
        stage,
        deadline: row.time_if("deadline")?,
        asked: row.truth("asked")?,
        address: row.parsed_if("address", Address::parse)?,
        node: row.text_if("node")?.map(NodeId::new),
        caller_leg: row.truth("caller_leg")?,
        attempts_used: row.number("attempts_used")?,
        failures: row.parsed("failures", words::read_failures)?,
        attempts_made: row.number("attempts_made")?,
        postponed: row.number("postponed")?,
        created_at: row.time("created_at")?,
        due_at: row.time_if("due_at")?,
        menu_until: row.time_if("menu_until")?,
        share_until: row.time_if("share_until")?,
        leave_at: row.time_if("leave_at")?,
        notify: row.truth("notify")?,
        upcoming: row.truth("upcoming")?,
        called_in: row.truth("called_in")?,
        last_contact: row.time_if("last_contact")?,
        told: match (row.time_if("told_at")?, row.time_if("told_ms")?) {
            (Some(at), Some(told)) => Some((at, told.since(Timestamp::default()))),
            (None, _) | (_, None) => None,
        },
        connected_at: row.time_if("connected_at")?,
        purge_at: row.time_if("purge_at")?,
        close_at: row.time_if("close_at")?,
        missed_by: row.text("missed_by")?.lines().map(AgentId::new).collect(),
        ended_at: row.time_if("ended_at")?,
        attached: Attached {
            called: row.parsed_if("called", PhoneNumber::parse)?,
            data: row.parsed_if("data", UserData::new)?,
        }
        .some(),
    })
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
        calls: row.number("calls")?,
        calls_day: row.number("calls_day")?,
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

fn number_use(row: &SqliteRow) -> Result<NumberUse, StoreError> {
    let row = Fields::of("number_use", "queue", row)?;
    Ok(NumberUse {
        queue: QueueId::new(row.text("queue")?),
        number: row.parsed("number", PhoneNumber::parse)?,
        at: row.time("at")?,
        kind: row.parsed("kind", words::read_use_kind)?,
        is_undone: false,
    })
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
        Ok(ms.map(Timestamp))
    }

    fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        self.time_if(column)?.ok_or_else(|| self.broken(column))
    }
}
