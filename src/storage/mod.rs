//! Durable truth, on SQLite or PostgreSQL. Only this floor knows SQL, which is written once for both engines.

mod accounts;
mod again;
mod audit;
mod billing;
mod billing_events;
mod chats;
mod checkouts;
mod checkup;
mod codes;
mod counts;
mod dead_jobs;
mod exports;
mod idempotency;
mod jobs;
mod joint;
mod migrate;
mod passwords;
mod pipeline;
mod postgres;
mod queue_watch;
mod refresh;
mod replies;
mod sessions;
mod sqlite;
mod statement;
mod stopping;
mod summaries;
mod texts;
mod titles;
mod tls;
mod together;
mod usage;
mod users;
mod value;
mod watching;

use std::path::Path;

pub use self::accounts::{ClosingProof, NewClosure};
pub use self::billing::{Customer, Mirror};
pub use self::billing_events::NewBillingEvent;
pub use self::chats::{ChatroomChange, Listed, NewChatroom};
pub use self::checkouts::{Attempt, CheckoutPage};
pub use self::checkup::{PostgresState, Schema, SqliteState, look_at_postgres, look_at_sqlite};
pub use self::codes::{Guessed, NewChallenge};
pub use self::counts::Counts;
pub use self::dead_jobs::DeadJob;
pub use self::exports::{PastEvent, PastSession};
pub use self::idempotency::{NewKey, ROOM_MADE, StoredKey, route_in_room};
pub use self::jobs::{Places, Setback, WorkerName};
pub use self::passwords::{Credentials, PasswordChange, PasswordReset};
pub use self::postgres::Postgres;
pub use self::queue_watch::Depth;
pub use self::refresh::NewToken;
pub use self::replies::{Earlier, Finished, NewExchange, NewReply, ReplyTask};
pub use self::sessions::{Begun, NewSession, Proof};
pub use self::sqlite::Sqlite;
pub use self::statement::{Refusal, Sql, Write, WriteError, Written};
pub use self::summaries::{AT_ONCE, Covered};
pub use self::texts::{NewText, Sent, TextTask};
pub use self::users::AccountChange;
pub use self::value::{FromRow, Row, Value};
pub use self::watching::{Growth, Part, Watched};

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
        self.count(write.steps.len());
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

    /// What it counts of itself.
    #[must_use]
    pub fn counts(&self) -> Counts {
        match self {
            Self::Sqlite(engine) => engine.counts.clone(),
            Self::Postgres(engine) => engine.counts.clone(),
        }
    }

    /// The connections in use and free, and how many wait for one; none where there are no connections.
    #[must_use]
    pub fn pool(&self) -> Option<(usize, usize, usize)> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(engine) => Some(engine.connections()),
        }
    }

    fn count(&self, statements: usize) {
        let counts = match self {
            Self::Sqlite(engine) => &engine.counts,
            Self::Postgres(engine) => &engine.counts,
        };
        counts.statements.inc_by(statements as u64);
    }

    async fn rows(&self, sql: &'static Sql, params: Vec<Value>) -> Result<Vec<Row>> {
        self.count(1);
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

/// Statements that PostgreSQL alone runs, by name.
pub fn postgres_catalogue() -> impl Iterator<Item = (&'static str, &'static Sql)> {
    joint::CATALOGUE.iter().copied()
}

/// Every statement that both engines run, by name: a test prepares each on both.
pub fn catalogue() -> impl Iterator<Item = (&'static str, &'static Sql)> {
    let files = [
        users::CATALOGUE,
        codes::CATALOGUE,
        sessions::CATALOGUE,
        refresh::CATALOGUE,
        audit::CATALOGUE,
        passwords::CATALOGUE,
        chats::CATALOGUE,
        replies::CATALOGUE,
        usage::CATALOGUE,
        idempotency::CATALOGUE,
        jobs::CATALOGUE,
        queue_watch::CATALOGUE,
        dead_jobs::CATALOGUE,
        billing::CATALOGUE,
        checkouts::CATALOGUE,
        billing_events::CATALOGUE,
        texts::CATALOGUE,
        accounts::CATALOGUE,
        exports::CATALOGUE,
        watching::CATALOGUE,
        stopping::CATALOGUE,
        titles::CATALOGUE,
        summaries::CATALOGUE,
        again::CATALOGUE,
    ];
    files.into_iter().flatten().copied()
}
