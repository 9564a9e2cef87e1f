//! How a database stands, looked at without changing anything: for the operator, also beside a running server.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::migrate::{self, Applied};
use super::postgres::{self, CONNECTIONS, Postgres};
use super::sqlite;
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};

/// How the schema stands to this version of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    /// There is none yet.
    Empty,
    /// It is this version's.
    Current,
    /// So many steps are to be made.
    Pending(usize),
    /// It is a newer version's, or was changed by something else; with what is said at start.
    Unusable(String),
}

/// How a SQLite file stands.
#[derive(Debug)]
pub struct SqliteState {
    /// How it stands to this version.
    pub schema: Schema,
    /// `wal`, unless something else changed it to `rollback`.
    pub journal_mode: &'static str,
    /// How this program's connections sync; 2 is after each commit.
    pub synchronous: i64,
}

/// How a PostgreSQL server stands.
#[derive(Debug)]
pub struct PostgresState {
    /// How the schema stands to this version.
    pub schema: Schema,
    /// Its version, as in `16.4`.
    pub version: String,
    /// Its version as a number, as in 160004.
    pub version_number: i64,
    /// Whether it syncs at all.
    pub fsync: bool,
    /// How a session of ours commits; `on` or stricter is safe.
    pub synchronous_commit: String,
    /// Connections that are free.
    pub free: i64,
    /// Connections that one process of ours may open.
    pub wanted: usize,
    /// The server's clock.
    pub now: Timestamp,
}

/// Looks at a SQLite file; none where there is no file yet.
pub fn look_at_sqlite(file: &Path) -> Result<Option<SqliteState>> {
    if !file.exists() {
        return Ok(None);
    }
    let connection = open_unchanged(file)?;
    let journal_mode = if is_write_ahead(file).map_err(Error::internal)? { "wal" } else { "rollback" };
    let schema = if has_table(&connection)? {
        migrate::standing(&migrate::applied_sqlite(&connection).map_err(sqlite::failed)?, |step| step.sqlite)
    } else {
        Schema::Empty
    };
    // What a connection syncs is not kept in the file: one of this program's is asked, beside any file.
    let ours = sqlite::connect(Path::new(":memory:"))?;
    let synchronous = ours.query_row("pragma synchronous", [], |row| row.get(0)).map_err(sqlite::failed)?;
    Ok(Some(SqliteState { schema, journal_mode, synchronous }))
}

/// A reader of a file in write-ahead mode makes the two files beside it where they are missing; where nobody has it open
/// and all is written back, it is read as one that can't change instead.
fn open_unchanged(file: &Path) -> Result<Connection> {
    let is_quiet = !PathBuf::from(format!("{}-wal", file.display())).exists();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let mut address = reqwest::Url::from_file_path(std::path::absolute(file).map_err(Error::internal)?)
        .map_err(|()| Error::internal("the path of the file can't be written as an address"))?;
    address.set_query(Some(if is_quiet { "mode=ro&immutable=1" } else { "mode=ro" }));
    let connection = Connection::open_with_flags(address.as_str(), flags).map_err(sqlite::failed)?;
    connection.busy_timeout(std::time::Duration::from_secs(2)).map_err(sqlite::failed)?;
    Ok(connection)
}

/// The file says so itself, in its header; who reads it as unchanging is told of no journal.
fn is_write_ahead(file: &Path) -> std::io::Result<bool> {
    const READ_VERSION: u64 = 19;
    let mut version = [0];
    let mut header = std::fs::File::open(file)?;
    header.seek(SeekFrom::Start(READ_VERSION))?;
    header.read_exact(&mut version)?;
    Ok(version == [2])
}

fn has_table(connection: &Connection) -> Result<bool> {
    let found = connection
        .query_row("select 1 from sqlite_master where name = 'schema_migrations'", [], |_| Ok(()))
        .optional()
        .map_err(sqlite::failed)?;
    Ok(found.is_some())
}

/// Looks at a PostgreSQL server.
pub async fn look_at_postgres(url: &str) -> Result<PostgresState> {
    const STATE: &str = "select current_setting('server_version'), current_setting('server_version_num')::bigint,
          current_setting('fsync') = 'on', current_setting('synchronous_commit'),
          current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint
            - (select count(*) from pg_stat_activity where backend_type = 'client backend'),
          (extract(epoch from clock_timestamp()) * 1000)::bigint, to_regclass('schema_migrations') is not null";
    let connection = Postgres::open(url)?.connection().await?;
    let row = connection.query_one(STATE, &[]).await.map_err(postgres::failed)?;
    let applied: Option<Vec<Applied>> =
        if row.get(6) { Some(migrate::applied_postgres(&connection).await?) } else { None };
    let schema = applied.map_or(Schema::Empty, |applied| migrate::standing(&applied, |step| step.postgres));
    Ok(PostgresState {
        schema,
        version: row.get::<_, String>(0).split(' ').next().unwrap_or_default().to_owned(),
        version_number: row.get(1),
        fsync: row.get(2),
        synchronous_commit: row.get(3),
        free: row.get(4),
        wanted: CONNECTIONS,
        now: Timestamp::from_millis(row.get(5)),
    })
}
