//! The store of a server: one SQLite database in the data folder, one writer, one connection.
//!
//! ```text
//! open: lock file ─▶ database (0600) ─▶ pragmas read back ─▶ migrations ─▶ Connected
//! Connected ── commit or load failed ──▶ Closed ── next call ──▶ pragmas read back ─▶ Connected
//! ```
//!
//! Durability: `journal_mode = WAL` with `synchronous = FULL`, so that a commit that returned
//! survives the loss of power. After an error the connection is given up, because what a failed
//! `COMMIT` left behind is not known; the next call opens another and finds the last step on disk.
//!
//! One process serves a data folder: it holds the lock of the file `ringback.lock`. The database
//! itself is not locked between commits, so that `sqlite3` may read it, and a test may stall
//! commits from outside: it holds the write lock (`BEGIN IMMEDIATE` .. `COMMIT`) for less than
//! [`BUSY_TIMEOUT`], lets go for a quarter of a second, and takes it again. Held for longer,
//! commits fail with [`StoreError::Unavailable`].
//!
//! It must not be called from within an async context: each call blocks on a runtime of its own.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection, query, query_scalar, raw_sql};
use tokio::runtime::Runtime;

use super::{Loaded, Step, Store, StoreError};
use crate::time::Duration;

mod read;
pub(super) mod words;
mod write;

/// The name of the database in the data folder.
pub const DATABASE: &str = "ringback.db";

/// How long a commit waits for a lock that another process holds.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// `PRAGMA application_id`, set by schema 1: "RgBk".
const APPLICATION_ID: i64 = 0x5267_426b;

/// Number `n` of them leads to schema `n`, and sets `user_version` to it.
const MIGRATIONS: [&str; 7] = [
    include_str!("sql/sqlite/schema_1.sql"),
    include_str!("sql/sqlite/schema_2.sql"),
    include_str!("sql/sqlite/schema_3.sql"),
    include_str!("sql/sqlite/schema_4.sql"),
    include_str!("sql/sqlite/schema_5.sql"),
    include_str!("sql/sqlite/schema_6.sql"),
    include_str!("sql/sqlite/schema_7.sql"),
];

/// The store. Dropping it closes the database and lets go of the data folder.
#[derive(Debug)]
pub struct SqliteStore {
    /// Taken when it is dropped.
    runtime: Option<Runtime>,
    database: PathBuf,
    connection: Option<SqliteConnection>,
    /// Held as long as the store lives.
    _lock: File,
}

impl SqliteStore {
    /// Opens the database of this data folder; makes both if they are missing.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if another process serves the folder, or if the database is not ours
    /// or of a newer program; [`StoreError::Unavailable`] if a file cannot be opened or does not
    /// take the settings that durability rests on.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let lock = lock(folder)?;
        let database = folder.join(DATABASE);
        make_private(&database).map_err(|error| file_error(&database, &error))?;
        sync_names(folder).map_err(|error| file_error(folder, &error))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let mut store = Self { runtime: Some(runtime), database, connection: None, _lock: lock };
        store.with_connection(async |connection| migrate(connection).await)?;
        Ok(store)
    }

    /// Does `work` on the open connection; gives the connection up if it fails.
    fn with_connection<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Self { runtime: Some(runtime), database, connection, .. } = self else {
            return Err(StoreError::Broken("the database is closed".to_owned()));
        };
        runtime.block_on(async {
            let mut open = match connection.take() {
                Some(open) => open,
                None => connect(database).await?,
            };
            let done = work(&mut open).await;
            match done {
                Ok(_) => *connection = Some(open),
                Err(_) => close(open).await,
            }
            done
        })
    }
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Loaded, StoreError> {
        self.with_connection(async |connection| read::everything(connection).await)
    }

    fn commit(&mut self, steps: &[Step]) -> Result<(), StoreError> {
        if steps.is_empty() {
            return Ok(());
        }
        self.with_connection(async |connection| write::steps(connection, steps).await)
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        let (connection, runtime) = (self.connection.take(), self.runtime.take());
        // Whoever drops it may be in an async context, where neither may be ended.
        let closing = std::thread::spawn(move || {
            if let (Some(connection), Some(runtime)) = (connection, runtime) {
                runtime.block_on(close(connection));
            }
        });
        if closing.join().is_err() {
            tracing::error!("closing the database failed");
        }
    }
}

/// Takes the folder for this process, until the file is closed.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("ringback.lock");
    let open = || {
        std::fs::create_dir_all(folder)?;
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)
    };
    let file = open().map_err(|error| file_error(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Broken(format!(
            "{} is in use by another ringback; stop that one first, or name another data folder",
            folder.display()
        ))),
        Err(TryLockError::Error(error)) => Err(file_error(&path, &error)),
    }
}

/// Makes the file if it is missing, readable by nobody else: numbers stand in it in the clear.
/// SQLite gives its journal the same mode.
fn make_private(path: &Path) -> io::Result<()> {
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

/// A new file survives the loss of power only once its name does.
fn sync_names(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()?;
    match std::path::absolute(folder)?.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

async fn connect(database: &Path) -> Result<SqliteConnection, StoreError> {
    let mut connection = SqliteConnectOptions::new()
        .filename(database)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(failed)?;
    let wanted = [
        ("journal_mode", "PRAGMA journal_mode", "wal".to_owned()),
        ("synchronous", "PRAGMA synchronous", "2".to_owned()),
        ("foreign_keys", "PRAGMA foreign_keys", "1".to_owned()),
        ("busy_timeout", "PRAGMA busy_timeout", BUSY_TIMEOUT.as_millis().to_string()),
    ];
    for (name, statement, wanted) in wanted {
        let row = query(statement).fetch_one(&mut connection).await.map_err(failed)?;
        let found = row
            .try_get::<String, _>(0)
            .or_else(|_| row.try_get::<i64, _>(0).map(|number| number.to_string()))
            .map_err(failed)?;
        if found != wanted {
            return Err(StoreError::Unavailable(format!(
                "{}: {name} is {found} and must be {wanted}, or commits would not survive the loss \
                 of power; put the data folder on a local disk",
                database.display()
            )));
        }
    }
    Ok(connection)
}

/// The reason was told already by what failed before; a close that fails too adds nothing to it.
async fn close(connection: SqliteConnection) {
    drop(connection.close().await);
}

/// Brings the schema to the last one, each migration whole or not at all.
async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let number = async |connection: &mut SqliteConnection, statement: &'static str| {
        query_scalar::<_, i64>(statement).fetch_one(connection).await.map_err(failed)
    };
    let application = number(connection, "PRAGMA application_id").await?;
    let tables = number(connection, "SELECT count(*) FROM sqlite_schema").await?;
    if application != APPLICATION_ID && (application != 0 || tables != 0) {
        return Err(StoreError::Broken(format!(
            "{DATABASE} is a database of another program; name another data folder"
        )));
    }
    let version = number(connection, "PRAGMA user_version").await?;
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    let Some(left) = MIGRATIONS.get(done..) else {
        return Err(StoreError::Broken(format!(
            "{DATABASE} has schema {version} and this program knows schemas up to {}; run the \
             newer program, or restore the data folder as it was before the upgrade",
            MIGRATIONS.len()
        )));
    };
    for migration in left {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        raw_sql(*migration).execute(&mut *transaction).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
    }
    Ok(())
}

/// Whose fault an error of the database is. Result codes: <https://sqlite.org/rescode.html>; the
/// extended ones carry the primary one in their low byte.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    const CORRUPT: u32 = 11;
    const CONSTRAINT: u32 = 19;
    const NOT_A_DATABASE: u32 = 26;
    let code = error
        .as_database_error()
        .and_then(|error| error.code())
        .and_then(|code| code.parse::<u32>().ok())
        .map(|code| code & 0xff);
    match code {
        Some(CORRUPT | CONSTRAINT | NOT_A_DATABASE) => StoreError::Broken(error.to_string()),
        Some(_) | None => StoreError::Unavailable(error.to_string()),
    }
}

fn file_error(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::super::conformance::{self, Kind};
    use super::*;
    use crate::ident::AgentId;
    use crate::queue::{Changed, Interaction, Outcome, Stage};
    use crate::store::records::Records;
    use crate::time::Timestamp;

    fn new() -> (tempfile::TempDir, SqliteStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        (folder, store)
    }

    /// Statements of an operator or attacker, past our own checks.
    fn alter(folder: &Path, statements: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let options = SqliteConnectOptions::new().filename(folder.join(DATABASE));
        runtime.block_on(async {
            let mut connection = options.connect().await.unwrap();
            raw_sql(sqlx::AssertSqlSafe(statements.to_owned()))
                .execute(&mut connection)
                .await
                .unwrap();
            connection.close().await.unwrap();
        });
    }

    fn one(stage: Stage) -> Changed {
        let interactions = vec![conformance::interaction(1, stage)];
        Changed { interactions, ..Changed::default() }
    }

    #[test]
    fn sqlite_conforms() {
        conformance::exercise(&Kind {
            make: &new,
            reopen: &|(folder, store)| {
                drop(store);
                let store = SqliteStore::open(folder.path()).unwrap();
                (folder, store)
            },
            trail: &|(_, store)| {
                let rows = query("SELECT row, position, ewt_ms FROM event ORDER BY id");
                let rows = store
                    .with_connection(async |open| rows.fetch_all(open).await.map_err(failed))
                    .unwrap();
                let told = |row: &sqlx::sqlite::SqliteRow| conformance::Told {
                    row: row.get("row"),
                    position: row.get("position"),
                    ewt_ms: row.get("ewt_ms"),
                };
                rows.iter().map(told).collect()
            },
            legs: &|(folder, _), interaction| {
                Records::open(folder.path()).unwrap().legs(interaction).unwrap()
            },
        });
    }

    impl Store for (tempfile::TempDir, SqliteStore) {
        fn load(&mut self) -> Result<Loaded, StoreError> {
            self.1.load()
        }

        fn commit(&mut self, steps: &[Step]) -> Result<(), StoreError> {
            self.1.commit(steps)
        }
    }

    #[test]
    fn one_process_serves_a_data_folder_and_nobody_else_reads_it() {
        let (folder, store) = new();
        let second = SqliteStore::open(folder.path()).unwrap_err();
        assert!(second.to_string().contains("in use by another ringback"), "{second}");
        let mode = std::fs::metadata(folder.path().join(DATABASE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(store);
        SqliteStore::open(folder.path()).unwrap();
    }

    #[test]
    fn a_newer_or_foreign_database_is_refused() {
        let (folder, store) = new();
        drop(store);
        alter(folder.path(), &format!("PRAGMA user_version = {}", MIGRATIONS.len() + 1));
        let newer = SqliteStore::open(folder.path()).unwrap_err();
        assert!(matches!(&newer, StoreError::Broken(_)), "{newer}");
        assert!(newer.to_string().contains("run the newer program"), "{newer}");
        let known = format!("PRAGMA user_version = {}", MIGRATIONS.len());
        alter(folder.path(), &format!("{known}; PRAGMA application_id = 7"));
        let foreign = SqliteStore::open(folder.path()).unwrap_err();
        assert!(foreign.to_string().contains("another program"), "{foreign}");
        std::fs::write(folder.path().join(DATABASE), "not a database, but long enough".repeat(99))
            .unwrap();
        let text = SqliteStore::open(folder.path()).unwrap_err();
        assert!(matches!(&text, StoreError::Broken(_)), "{text}");
    }

    #[test]
    fn a_garbled_row_is_named_by_table_and_id_and_not_shown() {
        let garbled = [
            ("stage = 'sleeping'", "stage"),
            ("skills = '>='", "skills"),
            ("address = '+1 415 555 0123'", "address"),
            ("sequence = -1", "sequence"),
            ("priority = 40000", "priority"),
            ("origin = 'x'", "origin"),
        ];
        for (change, column) in garbled {
            let (folder, mut store) = new();
            store.commit(&[conformance::step(1, one(Stage::Waiting))]).unwrap();
            alter(folder.path(), &format!("UPDATE interaction SET {change}"));
            let told = "the store cannot be used: interaction \
                        00000000-0000-0000-0000-000000000001: ";
            let error = store.load().unwrap_err();
            assert_eq!(error.to_string(), format!("{told}{column} cannot be read"));
        }
    }

    #[test]
    fn the_database_keeps_the_named_invariants() {
        let ann = || AgentId::new("ann");
        let done = |outcome| one(Stage::Done(outcome));
        let twice = Changed {
            interactions: vec![
                conformance::interaction(2, Stage::Alerting(ann())),
                conformance::interaction(3, Stage::Bridged(ann())),
            ],
            ..Changed::default()
        };
        let orphan =
            Changed { attempts: vec![conformance::attempt(9, 1, None)], ..Changed::default() };
        let (_folder, mut store) = new();
        store.commit(&[conformance::step(1, done(Outcome::Served))]).unwrap();
        for (name, rows) in [
            ("outcome_once", done(Outcome::Dropped)),
            ("outcome_once", one(Stage::Waiting)),
            ("agent_engaged_once", twice),
            ("foreign key", orphan),
        ] {
            let refused = store.commit(&[conformance::step(2, rows)]).unwrap_err();
            assert!(matches!(refused, StoreError::Broken(_)), "{name}: {refused}");
            assert_eq!(store.load().unwrap().step, 1, "{name}");
        }
        store.commit(&[conformance::step(2, done(Outcome::Served))]).unwrap();
    }

    #[test]
    fn records_are_told_by_the_outside_names_while_the_store_is_open_and_after() {
        let (folder, mut store) = new();
        let callback = Interaction {
            attempts_used: 2,
            ..conformance::interaction(1, Stage::Virtual { not_before: None })
        };
        let id = callback.id;
        let rows = |stage| Changed {
            interactions: vec![Interaction { stage, ..callback.clone() }],
            ..Changed::default()
        };
        let mut records = Records::open(folder.path()).unwrap();
        assert_eq!(records.outcome(id), Ok(None));
        for (number, stage, state, reason) in [
            (1, Stage::Virtual { not_before: None }, "QUEUED", None),
            (2, Stage::Done(Outcome::Served), "COMPLETED", Some("AGENT_CONNECTED")),
        ] {
            store.commit(&[conformance::step(number, rows(stage))]).unwrap();
            let record = records.outcome(id).unwrap().unwrap();
            assert_eq!((record.state.as_str(), record.reason.as_deref()), (state, reason));
            assert_eq!(record.attempts_used, 2);
        }
        assert_eq!(records.all().unwrap().len(), 1);
        drop((records, store));
        assert_eq!(Records::open(folder.path()).unwrap().all().unwrap().len(), 1);
        let elsewhere = Records::open(&folder.path().join("elsewhere")).unwrap_err();
        assert!(matches!(elsewhere, StoreError::Unavailable(_)), "{elsewhere}");
    }

    #[test]
    fn a_commit_waits_for_a_lock_held_from_outside() {
        let (folder, mut store) = new();
        let database = folder.path().join(DATABASE);
        let (locked, is_locked) = std::sync::mpsc::channel();
        let (let_go, may_go) = std::sync::mpsc::channel();
        let holder = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let options = SqliteConnectOptions::new().filename(database);
            runtime.block_on(async {
                let mut connection = options.connect().await.unwrap();
                raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
                locked.send(()).unwrap();
                may_go.recv().unwrap();
                raw_sql("COMMIT").execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            });
        });
        is_locked.recv().unwrap();
        let (done, is_done) = std::sync::mpsc::channel();
        let committer = thread::spawn(move || {
            let result = store.commit(&[conformance::step(1, Changed::default())]);
            done.send(()).unwrap();
            (store, result)
        });
        let early = is_done.recv_timeout(Duration::from_millis(200));
        assert!(early.is_err(), "the commit did not wait");
        let_go.send(()).unwrap();
        let (mut store, result) = committer.join().unwrap();
        holder.join().unwrap();
        assert_eq!((result, store.load().unwrap().step), (Ok(()), 1));
        assert_eq!(store.load().unwrap().now, Timestamp::from_ms(1));
    }
}
