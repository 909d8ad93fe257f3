//! The committed records as told outside, read beside a running server.
//!
//! It opens the database for reading only and takes no lock: what it sees is what is committed. It
//! must not be called from within an async context.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Row, SqliteConnection, query};
use tokio::runtime::Runtime;

use super::sqlite::{BUSY_TIMEOUT, DATABASE, failed, words};
use super::{LegRecord, Party, StoreError};
use crate::ident::{AgentId, InteractionId, LegId, UserData};
use crate::time::Timestamp;

/// One interaction, open or done, by the names of [`super::outside`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Which.
    pub id: InteractionId,
    /// Its state.
    pub state: String,
    /// The reason of its outcome; `None` while it has none.
    pub reason: Option<String>,
    /// The attempts that counted.
    pub attempts_used: u32,
    /// What the app attached.
    pub data: Option<UserData>,
}

/// The records of one data folder.
#[derive(Debug)]
pub struct Records {
    runtime: Runtime,
    connection: SqliteConnection,
}

impl Records {
    /// Opens the database of this data folder.
    ///
    /// # Errors
    /// [`StoreError`] if there is none or it cannot be read.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let options = SqliteConnectOptions::new()
            .filename(folder.join(DATABASE))
            .read_only(true)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let connection = runtime.block_on(options.connect()).map_err(failed)?;
        Ok(Self { runtime, connection })
    }

    /// The record of one interaction; `None` if it was never committed.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn outcome(&mut self, id: InteractionId) -> Result<Option<Record>, StoreError> {
        let find = query(include_str!("sql/sqlite/interaction_outside.sql")).bind(id.to_string());
        let row =
            self.runtime.block_on(find.fetch_optional(&mut self.connection)).map_err(failed)?;
        row.as_ref().map(record).transpose()
    }

    /// All records, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if one cannot be read.
    pub fn all(&mut self) -> Result<Vec<Record>, StoreError> {
        let list = query(include_str!("sql/sqlite/interactions_outside.sql"));
        let rows = self.runtime.block_on(list.fetch_all(&mut self.connection)).map_err(failed)?;
        rows.iter().map(record).collect()
    }

    /// The legs of one interaction that ended, in that order.
    ///
    /// # Errors
    /// [`StoreError`] if one cannot be read.
    pub fn legs(&mut self, interaction: InteractionId) -> Result<Vec<LegRecord>, StoreError> {
        let list = query(include_str!("sql/sqlite/legs_of_interaction.sql"));
        let list = list.bind(interaction.to_string());
        let rows = self.runtime.block_on(list.fetch_all(&mut self.connection)).map_err(failed)?;
        rows.iter().map(|row| leg(row, interaction)).collect()
    }
}

fn leg(row: &SqliteRow, interaction: InteractionId) -> Result<LegRecord, StoreError> {
    let id: &str = row.try_get("id").map_err(failed)?;
    let broken = |column: &str| StoreError::Broken(format!("leg {id}: {column} cannot be read"));
    let text = |column: &str| row.try_get::<&str, _>(column).map_err(|_| broken(column));
    let time_if = |column: &str| {
        let ms = row.try_get::<Option<i64>, _>(column).map_err(|_| broken(column));
        ms.map(|ms| ms.map(Timestamp::from_ms))
    };
    let time = |column: &str| time_if(column)?.ok_or_else(|| broken(column));
    let leg = u64::from_str_radix(id, 16).map(LegId).map_err(|_| broken("id"))?;
    let party = match text("party")? {
        "caller" => Party::Caller,
        "consumer" => Party::Consumer,
        "third" => Party::Third,
        "agent" => Party::Agent(AgentId::new(text("agent")?)),
        _ => return Err(broken("party")),
    };
    Ok(LegRecord {
        leg,
        interaction: Some(interaction),
        direction: words::read_direction(text("direction")?).ok_or_else(|| broken("direction"))?,
        party,
        started_at: time("started_at")?,
        answered_at: time_if("answered_at")?,
        ended_at: time("ended_at")?,
        ended_by: words::read_leg_end(text("ended_by")?).ok_or_else(|| broken("ended_by"))?,
        status: row.try_get("status").map_err(|_| broken("status"))?,
    })
}

fn record(row: &SqliteRow) -> Result<Record, StoreError> {
    let id: &str = row.try_get("id").map_err(failed)?;
    Ok(Record {
        id: InteractionId::parse(id)
            .ok_or_else(|| StoreError::Broken(format!("interaction {id}: id cannot be read")))?,
        state: row.try_get("state").map_err(failed)?,
        reason: row.try_get("reason").map_err(failed)?,
        attempts_used: row.try_get("attempts_used").map_err(failed)?,
        data: row.try_get::<Option<&str>, _>("data").map_err(failed)?.and_then(UserData::new),
    })
}
