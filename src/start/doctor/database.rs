//! The database: whether it is there, whether its schema is this version's, and whether what it takes is on disk.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use secrecy::ExposeSecret as _;

use super::finding::Finding;
use crate::config::{Config, Database};
use crate::domain::time::Timestamp;
use crate::error::Error;
use crate::storage::{PostgresState, Schema, SqliteState, look_at_postgres, look_at_sqlite};

const DATABASE: &str = "database";
const SCHEMA: &str = "migrations";
const DURABILITY: &str = "durability";
/// The first version of PostgreSQL that the suite is not run on any more.
const OLDEST_POSTGRES: i64 = 140_000;
/// `fully on` and stricter; others may lose what was acknowledged.
const SAFE_COMMITS: [&str; 3] = ["on", "remote_write", "remote_apply"];

/// Looks at the database; a server tells the time as well.
pub(super) async fn check(config: &Config) -> (Vec<Finding>, Option<Timestamp>) {
    match &config.database {
        Database::Sqlite { file } => (sqlite(file), None),
        Database::Postgres { url } => match look_at_postgres(url.expose_secret()).await {
            Ok(state) => (postgres(&state), Some(state.now)),
            Err(error) => (vec![away(&error, "check that PostgreSQL runs, and DATABASE_URL")], None),
        },
    }
}

fn away(error: &Error, advice: &str) -> Finding {
    let reason = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    Finding::fail(DATABASE, reason, advice)
}

fn sqlite(file: &Path) -> Vec<Finding> {
    let shown = file.display();
    match look_at_sqlite(file) {
        Ok(None) => vec![Finding::ok(DATABASE, format!("{shown} is not there yet; the first start makes it"))],
        Ok(Some(state)) => vec![private(file), schema(&state.schema), sqlite_sync(&state)],
        Err(error) => vec![away(&error, &format!("restore {shown} from a backup, or set DATA_DIR to another place"))],
    }
}

fn private(file: &Path) -> Finding {
    let shown = file.display();
    match std::fs::metadata(file).map(|metadata| metadata.permissions().mode() & 0o777) {
        Ok(mode) if mode & 0o077 != 0 => Finding::fail(
            DATABASE,
            format!("{shown} can be read, and others on this machine can read it too (mode {mode:o})"),
            format!("run chmod 600 {shown}"),
        ),
        _ => Finding::ok(DATABASE, format!("SQLite, {shown} can be read, by its owner alone")),
    }
}

fn schema(schema: &Schema) -> Finding {
    match schema {
        Schema::Current => Finding::ok(SCHEMA, "the schema is this version's"),
        Schema::Empty => Finding::ok(SCHEMA, "there are no tables yet; the first start, or pollux migrate, makes them"),
        Schema::Pending(steps) => Finding::warn(
            SCHEMA,
            format!("{steps} steps are to be made"),
            "make a backup, then run pollux migrate or start this version, which makes them",
        ),
        Schema::Unusable(why) => Finding::fail(SCHEMA, why.clone(), "use the version of pollux that made the database"),
    }
}

fn sqlite_sync(state: &SqliteState) -> Finding {
    const FULL: i64 = 2;
    if state.journal_mode == "wal" && state.synchronous >= FULL {
        return Finding::ok(DURABILITY, "journal mode WAL, and each commit is synced (synchronous FULL)");
    }
    let found = format!("journal mode {}, synchronous {}", state.journal_mode, state.synchronous);
    Finding::fail(DURABILITY, found, "start pollux once on this file, which sets WAL; nothing else may write to it")
}

fn postgres(state: &PostgresState) -> Vec<Finding> {
    let version = format!("PostgreSQL {} answers", state.version);
    let there = if state.version_number < OLDEST_POSTGRES {
        Finding::fail(DATABASE, version, "move to PostgreSQL 14 or later, and set DATABASE_URL to it")
    } else {
        Finding::ok(DATABASE, version)
    };
    vec![there, schema(&state.schema), postgres_sync(state), connections(state)]
}

fn postgres_sync(state: &PostgresState) -> Finding {
    if !state.fsync {
        return Finding::fail(
            DURABILITY,
            "fsync is off: a power cut can lose or break the whole database",
            "set fsync = on in postgresql.conf and reload it",
        );
    }
    let commits = &state.synchronous_commit;
    if !SAFE_COMMITS.contains(&commits.as_str()) {
        return Finding::fail(
            DURABILITY,
            format!("sessions commit with synchronous_commit = {commits}: what was acknowledged can be lost"),
            "let no pooler between pollux and PostgreSQL (DATABASE_URL) drop the options of a session",
        );
    }
    Finding::ok(DURABILITY, format!("fsync is on, and sessions of pollux commit with synchronous_commit = {commits}"))
}

fn connections(state: &PostgresState) -> Finding {
    const NAME: &str = "connections";
    let found = format!("{} are free, one process opens up to {}", state.free.max(0), state.wanted);
    let advice = "raise max_connections of PostgreSQL, or end what holds its connections";
    match usize::try_from(state.free).unwrap_or(0) {
        0 => Finding::fail(NAME, found, advice),
        free if free < state.wanted => Finding::warn(NAME, found, advice),
        _ => Finding::ok(NAME, found),
    }
}
