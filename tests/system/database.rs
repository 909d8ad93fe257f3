//! The database of a running server, read from outside: what it sees is what is committed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Row, SqliteConnection, query};
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::process::until;

/// A connection of its own, opened for each question: a restart in between does no harm.
pub(crate) struct Database {
    file: PathBuf,
    runtime: Runtime,
}

/// A callback or a call, as told outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Interaction {
    /// Its id.
    pub id: String,
    /// `QUEUED`, `ROUTING`, `PROCESSING`, `COMPLETED`.
    pub state: String,
    /// Why it is completed; empty before.
    pub reason: String,
    /// Attempts that counted.
    pub attempts_used: i64,
    /// Attempts at all.
    pub attempts_made: i64,
    /// Its place: priority, arrival, sequence.
    pub place: (i64, i64, i64),
}

/// One try to reach a consumer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Attempt {
    /// When, in ms since 1970.
    pub started_at: i64,
    /// When it was over.
    pub ended_at: Option<i64>,
    /// How it ended; empty before.
    pub class: String,
}

impl Database {
    /// The database in this file, which need not exist yet.
    pub(crate) fn new(file: PathBuf) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        Ok(Self { file, runtime })
    }

    /// Every interaction, oldest first.
    pub(crate) fn interactions(&self) -> Outcome<Vec<Interaction>> {
        let rows = self.rows(
            "SELECT id, state, coalesce(reason, '') AS reason, attempts_used, attempts_made, \
             priority, arrival, sequence FROM interaction ORDER BY arrival, sequence",
        )?;
        rows.iter().map(|row| Ok(read_interaction(row)?)).collect()
    }

    /// The attempts of all interactions, oldest first.
    pub(crate) fn attempts(&self) -> Outcome<Vec<Attempt>> {
        let rows = self.rows(
            "SELECT started_at, ended_at, coalesce(class, '') AS class FROM attempt \
             ORDER BY started_at",
        )?;
        rows.iter().map(|row| Ok(read_attempt(row)?)).collect()
    }

    /// The contacts bound to a user.
    pub(crate) fn bindings(&self, user: &str) -> Outcome<Vec<String>> {
        let rows = self.rows("SELECT user, contact FROM binding ORDER BY contact")?;
        let mut contacts = Vec::new();
        for row in &rows {
            if row.try_get::<String, _>("user")? == user {
                contacts.push(row.try_get("contact")?);
            }
        }
        Ok(contacts)
    }

    /// Waits until one contact of a user is on disk: the phone is told a moment before.
    pub(crate) fn wait_bound(&self, user: &str) -> Outcome {
        let what = format!("one binding of {user} in the database");
        until(&what, Duration::from_secs(5), || Ok((self.bindings(user)?.len() == 1).then_some(())))
    }

    /// Waits until the only interaction satisfies `holds`.
    pub(crate) fn wait_for(
        &self,
        what: &str,
        within: Duration,
        holds: impl Fn(&Interaction) -> bool,
    ) -> Outcome<Interaction> {
        let mut last = Vec::new();
        let found = until(what, within, || {
            last = self.interactions()?;
            Ok(last.iter().find(|&one| last.len() == 1 && holds(one)).cloned())
        });
        found.map_err(|failure| format!("{failure:?}; the database holds {last:?}").into())
    }

    /// How an interaction ended, in the words of the database.
    pub(crate) fn outcome(&self, id: &str) -> Outcome<String> {
        let rows = self.rows("SELECT id, coalesce(outcome, '') AS outcome FROM interaction")?;
        let row = rows.iter().find(|row| row.try_get::<String, _>("id").is_ok_and(|it| it == id));
        Ok(row.ok_or_else(|| format!("no interaction {id}"))?.try_get("outcome")?)
    }

    /// The state of an agent, with its reason.
    pub(crate) fn agent(&self, id: &str) -> Outcome<String> {
        let rows = self.rows("SELECT id, state FROM agent")?;
        let row = rows.iter().find(|row| row.try_get::<String, _>("id").is_ok_and(|it| it == id));
        Ok(row.ok_or_else(|| format!("no agent {id}"))?.try_get("state")?)
    }

    /// How many Call-In requests were matched.
    pub(crate) fn matched(&self) -> Outcome<usize> {
        let rows = self.rows("SELECT id FROM call_in_request WHERE ended = 'matched'")?;
        Ok(rows.len())
    }

    /// The state of every agent, by name.
    pub(crate) fn agents(&self) -> Outcome<Vec<(String, String)>> {
        let rows = self.rows("SELECT id, state FROM agent ORDER BY id")?;
        rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("state")?))).collect()
    }

    /// Waits until a Call-In request has ended like this.
    pub(crate) fn wait_call_in(&self, id: &str, end: &str, within: Duration) -> Outcome {
        until(&format!("the request {id} {end}"), within, || {
            let rows = self.rows("SELECT id, coalesce(ended, '') AS ended FROM call_in_request")?;
            let is = |row: &SqliteRow, name, wanted: &str| {
                row.try_get::<String, _>(name).is_ok_and(|it| it == wanted)
            };
            Ok(rows.iter().any(|row| is(row, "id", id) && is(row, "ended", end)).then_some(()))
        })
    }

    /// Waits until the only interaction is completed for this reason.
    pub(crate) fn wait_completed(&self, reason: &str, within: Duration) -> Outcome<Interaction> {
        let what = format!("COMPLETED / {reason} in the database");
        self.wait_for(&what, within, |one| one.state == "COMPLETED" && one.reason == reason)
    }

    /// Waits until the only interaction is a callback that nobody is on the line of.
    pub(crate) fn wait_queued(&self, within: Duration) -> Outcome<Interaction> {
        self.wait_for("QUEUED in the database", within, |one| one.state == "QUEUED")
    }

    fn rows(&self, sql: &'static str) -> Outcome<Vec<SqliteRow>> {
        self.runtime.block_on(async {
            let mut connection = open(&self.file, true).await?;
            Ok(query(sql).fetch_all(&mut connection).await?)
        })
    }
}

/// Holds the write lock of the database: no commit can end until it is dropped.
pub(crate) struct Lock {
    runtime: Runtime,
    connection: SqliteConnection,
}

impl Lock {
    /// Takes the lock as soon as no other writer holds it.
    pub(crate) fn take(file: &Path) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let connection = runtime.block_on(async {
            let mut connection = open(file, false).await?;
            query("BEGIN IMMEDIATE").execute(&mut connection).await?;
            Ok::<_, sqlx::Error>(connection)
        })?;
        Ok(Self { runtime, connection })
    }

    /// Lets go.
    pub(crate) fn release(mut self) -> Outcome {
        self.runtime.block_on(query("ROLLBACK").execute(&mut self.connection))?;
        Ok(())
    }
}

async fn open(file: &Path, read_only: bool) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(file)
        .read_only(read_only)
        .busy_timeout(Duration::from_secs(10))
        .disable_statement_logging()
        .connect()
        .await
}

fn read_interaction(row: &SqliteRow) -> Result<Interaction, sqlx::Error> {
    Ok(Interaction {
        id: row.try_get("id")?,
        state: row.try_get("state")?,
        reason: row.try_get("reason")?,
        attempts_used: row.try_get("attempts_used")?,
        attempts_made: row.try_get("attempts_made")?,
        place: (row.try_get("priority")?, row.try_get("arrival")?, row.try_get("sequence")?),
    })
}

fn read_attempt(row: &SqliteRow) -> Result<Attempt, sqlx::Error> {
    Ok(Attempt {
        started_at: row.try_get("started_at")?,
        ended_at: row.try_get("ended_at")?,
        class: row.try_get("class")?,
    })
}
