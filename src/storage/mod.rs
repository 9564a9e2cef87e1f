//! Durable truth, on SQLite or PostgreSQL. Only this floor knows SQL, which is written once for both engines.

mod chats;
mod codes;
mod idempotency;
mod jobs;
mod migrate;
mod postgres;
mod replies;
mod sessions;
mod sqlite;
mod statement;
mod tls;
mod usage;
mod users;
mod value;

use std::path::Path;

pub use self::chats::{ChatroomChange, Listed, NewChatroom};
pub use self::codes::{Guessed, NewChallenge};
pub use self::idempotency::{NewKey, StoredKey};
pub use self::jobs::{DeadJob, Depth, Setback, WorkerName};
pub use self::postgres::Postgres;
pub use self::replies::{Earlier, Finished, NewExchange, ReplyTask};
pub use self::sessions::{Begun, NewSession};
pub use self::sqlite::Sqlite;
pub use self::statement::{Refusal, Sql, Write, WriteError, Written};
pub use self::value::{FromRow, Row, Value};

use crate::domain::time::Timestamp;
use crate::error::{Error, Result};

/// The database, one of the two engines.
#[derive(Clone, Debug)]
pub enum Db {
    /// One file, one process.
    Sqlite(Sqlite),
    /// A server, any number of processes.
    Postgres(Postgres),
}

impl Db {
    /// Opens the SQLite file, making and migrating it as needed.
    pub async fn open_sqlite(file: &Path, now: Timestamp) -> Result<Self> {
        let file = file.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            migrate::migrate_sqlite(&file, now)?;
            Sqlite::open(&file)
        });
        opened.await.map_err(Error::internal)?.map(Self::Sqlite)
    }

    /// Connects to PostgreSQL and migrates it as needed.
    pub async fn open_postgres(url: &str, now: Timestamp) -> Result<Self> {
        let database = Postgres::open(url)?;
        migrate::migrate_postgres(&database, now).await?;
        Ok(Self::Postgres(database))
    }

    /// Runs a list of steps as one durable transaction.
    pub async fn write(&self, write: Write) -> Result<Written, WriteError> {
        match self {
            Self::Sqlite(engine) => engine.write(write).await,
            Self::Postgres(engine) => engine.write(write).await,
        }
    }

    /// Asks the database for an answer, to know that it is there.
    pub async fn ping(&self) -> Result<()> {
        self.rows(&users::PING, Vec::new()).await?;
        // The readers of SQLite may answer while its one writer does not.
        self.write(Write::new().then(&users::PING, Vec::new())).await?;
        Ok(())
    }

    async fn rows(&self, sql: &'static Sql, params: Vec<Value>) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(engine) => engine.read(sql, params).await,
            Self::Postgres(engine) => engine.read(sql, params).await,
        }
    }

    async fn list<T: FromRow>(&self, sql: &'static Sql, params: Vec<Value>) -> Result<Vec<T>> {
        self.rows(sql, params).await?.into_iter().map(T::from_row).collect()
    }

    async fn find<T: FromRow>(&self, sql: &'static Sql, params: Vec<Value>) -> Result<Option<T>> {
        self.rows(sql, params).await?.into_iter().next().map(T::from_row).transpose()
    }
}

/// Every statement of the house, by name: a test prepares each on both engines.
pub fn catalogue() -> impl Iterator<Item = (&'static str, &'static Sql)> {
    let files = [
        users::CATALOGUE,
        codes::CATALOGUE,
        sessions::CATALOGUE,
        chats::CATALOGUE,
        replies::CATALOGUE,
        usage::CATALOGUE,
        idempotency::CATALOGUE,
        jobs::CATALOGUE,
    ];
    files.into_iter().flatten().copied()
}
