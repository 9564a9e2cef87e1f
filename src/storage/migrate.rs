//! Migrations: embedded, numbered alike on both engines, run by one process at a time, checked by their sums.

use std::path::Path;
use std::time::Duration;

use deadpool_postgres::GenericClient;
use rusqlite::{Connection, TransactionBehavior};
use sha2::{Digest, Sha256};

use super::checkup::Schema;
use super::postgres::{self, Postgres};
use super::sqlite;
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};

/// One step of the schema, in both dialects.
pub(super) struct Migration {
    number: i64,
    name: &'static str,
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

macro_rules! migrations {
    ($($number:literal $name:literal),+ $(,)?) => {
        const MIGRATIONS: &[Migration] = &[$(Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        }),+];
    };
}

migrations! {
    1 "0001_spine",
    2 "0002_billing",
    3 "0003_sessions",
    4 "0004_passwords",
    5 "0005_texts",
    6 "0006_accounts",
    7 "0007_rooms_epoch",
    8 "0008_traces",
    9 "0009_replies_again",
    10 "0010_summaries",
}

const TABLE: &str = "create table if not exists schema_migrations (
    number bigint primary key, name text not null, checksum text not null, applied_at bigint not null)";
const APPLIED: &str = "select number, name, checksum from schema_migrations order by number";
/// Somebody else may be in the middle of a long step: it is waited for longer than for a row.
const OTHERS_STEP: Duration = Duration::from_mins(1);
/// Every migrating process of ours takes this PostgreSQL lock first.
const LOCK: i64 = 0x0070_6f6c_6c75_7800;

/// What a database says it has had.
pub(super) struct Applied {
    number: i64,
    name: String,
    checksum: String,
}

/// Brings a SQLite file up to date; each step happens whole or not at all, so a kill in between only delays it.
pub fn migrate_sqlite(file: &Path, now: Timestamp) -> Result<()> {
    let mut connection = sqlite::connect(file)?;
    connection.busy_timeout(OTHERS_STEP).map_err(sqlite::failed)?;
    connection.execute_batch(TABLE).map_err(sqlite::failed)?;
    while step_sqlite(&mut connection, now)? {}
    Ok(())
}

fn step_sqlite(connection: &mut Connection, now: Timestamp) -> Result<bool> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite::failed)?;
    let applied = applied_sqlite(&change).map_err(sqlite::failed)?;
    let Some(next) = next(&applied, |migration| migration.sqlite)? else { return Ok(false) };
    change.execute_batch(next.sqlite).map_err(sqlite::failed)?;
    change
        .execute(
            "insert into schema_migrations (number, name, checksum, applied_at) values (?1, ?2, ?3, ?4)",
            (next.number, next.name, checksum(next.sqlite), now.as_millis()),
        )
        .map_err(sqlite::failed)?;
    change.commit().map_err(sqlite::failed)?;
    Ok(true)
}

/// What a SQLite file has had.
pub(super) fn applied_sqlite(connection: &Connection) -> rusqlite::Result<Vec<Applied>> {
    let mut select = connection.prepare(APPLIED)?;
    let rows =
        select.query_map([], |row| Ok(Applied { number: row.get(0)?, name: row.get(1)?, checksum: row.get(2)? }))?;
    rows.collect()
}

/// What a PostgreSQL database has had.
pub(super) async fn applied_postgres(client: &impl GenericClient) -> Result<Vec<Applied>> {
    let rows = client.query(APPLIED, &[]).await.map_err(postgres::failed)?;
    Ok(rows.iter().map(|row| Applied { number: row.get(0), name: row.get(1), checksum: row.get(2) }).collect())
}

/// How a database that has had these steps stands to this version.
pub(super) fn standing(applied: &[Applied], text: impl Fn(&Migration) -> &'static str) -> Schema {
    match next(applied, text) {
        Ok(None) => Schema::Current,
        Ok(Some(_)) => Schema::Pending(MIGRATIONS.len() - applied.len()),
        Err(error) => Schema::Unusable(std::error::Error::source(&error).map_or_else(String::new, ToString::to_string)),
    }
}

/// Brings a PostgreSQL database up to date; any number of processes may try at once.
pub async fn migrate_postgres(database: &Postgres, now: Timestamp) -> Result<()> {
    let mut connection = database.connection().await?;
    while step_postgres(&mut connection, now).await? {}
    Ok(())
}

async fn step_postgres(connection: &mut deadpool_postgres::Object, now: Timestamp) -> Result<bool> {
    let change = connection.transaction().await.map_err(postgres::failed)?;
    // Another process may be in the middle of a long step: wait for it longer than for a row.
    let locked = format!(
        "set local statement_timeout = 0; set local lock_timeout = '60s'; select pg_advisory_xact_lock({LOCK}); {TABLE}; \
                          set local lock_timeout = '2s'"
    );
    change.batch_execute(&locked).await.map_err(postgres::failed)?;
    let applied = applied_postgres(&change).await?;
    let Some(next) = next(&applied, |migration| migration.postgres)? else { return Ok(false) };
    change.batch_execute(next.postgres).await.map_err(postgres::failed)?;
    change
        .execute(
            "insert into schema_migrations (number, name, checksum, applied_at) values ($1, $2, $3, $4)",
            &[&next.number, &next.name, &checksum(next.postgres), &now.as_millis()],
        )
        .await
        .map_err(postgres::failed)?;
    change.commit().await.map_err(postgres::failed)?;
    Ok(true)
}

/// The first migration a database lacks, after checking that it has had ours and nothing else.
fn next(applied: &[Applied], text: impl Fn(&Migration) -> &'static str) -> Result<Option<&'static Migration>> {
    for (had, ours) in applied.iter().zip(MIGRATIONS) {
        if had.number != ours.number || had.checksum != checksum(text(ours)) {
            return Err(Error::internal(format!(
                "migration {} of the database is not the one this version knows: the database was changed by \
                 something else; restore a backup or use the version that made it",
                had.name
            )));
        }
    }
    if let Some(newer) = applied.get(MIGRATIONS.len()) {
        return Err(Error::internal(format!(
            "the database is newer than this version of pollux (it has had migration {}): use a newer version, or \
             another database",
            newer.name
        )));
    }
    Ok(MIGRATIONS.get(applied.len()))
}

fn checksum(text: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
