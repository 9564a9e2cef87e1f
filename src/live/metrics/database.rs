//! The database, and what the cache spares it.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::Metrics;
use super::book::{Book, Counters, Label};

/// What the database counts itself; handed over when it is opened.
#[derive(Clone, Debug)]
pub struct DatabaseCounts {
    /// Statements asked for.
    pub statements: Counter,
    /// Lists that wait for the one writer.
    pub waiting: Gauge,
    /// Lists that shared a commit.
    pub batch: Histogram,
    /// Seconds from the first statement of a commit to its end, on disk.
    pub commit_seconds: Histogram,
}

/// Where a list came from.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// The copy in this process.
    Process,
    /// The copy that processes share.
    Shared,
    /// The database.
    Database,
}

/// The connections to a database server, as they stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pool {
    /// Those in use, and kept for single statements.
    pub used: usize,
    /// Those that are open and free.
    pub idle: usize,
    /// Who waits for one.
    pub waiting: usize,
}

#[derive(Debug)]
pub(super) struct Database {
    connections: Family<Label, Gauge>,
    pool_waiting: Gauge,
    rooms_hit: Counter,
    rooms_shared_hit: Counter,
    rooms_missed: Counter,
    sessions_hit: Counter,
    sessions_missed: Counter,
}

impl Database {
    pub fn enter(book: &mut Book<'_>, counts: &DatabaseCounts) -> Self {
        book.enter("database_statements", "Statements asked for", counts.statements.clone());
        book.enter("database_writes_waiting", "Writes that wait for SQLite's one writer", counts.waiting.clone());
        book.enter("database_commit_writes", "Writes that shared a commit", counts.batch.clone());
        book.enter("database_commit_seconds", "Time of a commit, to disk", counts.commit_seconds.clone());
        let rooms = book.counters("room_list_cache", "Room lists by where they came from");
        let sessions = book.counters("session_cache", "Sessions by where they came from");
        let source =
            |family: &Counters, source: &'static str| family.get_or_create_owned(&Label("source", source.into()));
        Self {
            rooms_hit: source(&rooms, "hit"),
            rooms_shared_hit: source(&rooms, "shared_hit"),
            rooms_missed: source(&rooms, "miss"),
            sessions_hit: source(&sessions, "hit"),
            sessions_missed: source(&sessions, "miss"),
            connections: book.enter("database_connections", "Connections to PostgreSQL by state", Family::default()),
            pool_waiting: book.enter("database_pool_waiting", "Who waits for a connection", Gauge::default()),
        }
    }
}

impl Metrics {
    /// Notes how the connections to a database server stand.
    pub fn pool(&self, pool: Pool) {
        let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for (state, count) in [("used", pool.used), ("idle", pool.idle)] {
            self.database.connections.get_or_create(&Label("state", state.into())).set(whole(count));
        }
        self.database.pool_waiting.set(whole(pool.waiting));
    }

    /// Counts a room list by where it came from.
    pub fn room_list(&self, source: Source) {
        match source {
            Source::Process => &self.database.rooms_hit,
            Source::Shared => &self.database.rooms_shared_hit,
            Source::Database => &self.database.rooms_missed,
        }
        .inc();
    }

    /// Counts a session that came from the cache, or from the database.
    pub fn session(&self, is_hit: bool) {
        if is_hit { &self.database.sessions_hit } else { &self.database.sessions_missed }.inc();
    }
}
