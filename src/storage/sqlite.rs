//! SQLite: one writer thread that commits what is waiting together, and a few readers.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use tokio::sync::oneshot;

use super::counts::Counts;
use super::statement::{Sql, Step, Write, WriteError, Written};
use super::value::{Row, Value};
use crate::error::{Code, Error, Result};

/// How many writes share one sync to disk at most.
const GROUP: usize = 256;
/// How many writes may wait before new ones are turned away.
const QUEUE: usize = 8_192;
const READERS: usize = 3;
const STATEMENTS_KEPT: usize = 256;
/// Older ones can corrupt a database in write-ahead mode.
const OLDEST: i32 = 3_051_003;

/// A handle to the writer and the readers; they end when the last handle is gone.
#[derive(Clone, Debug)]
pub struct Sqlite {
    writer: SyncSender<Order>,
    readers: Sender<Question>,
    pub(super) counts: Counts,
}

struct Order {
    write: Write,
    answer: oneshot::Sender<Result<Written, WriteError>>,
}

struct Question {
    sql: &'static Sql,
    params: Vec<Value>,
    answer: oneshot::Sender<Result<Vec<Row>>>,
}

impl Sqlite {
    /// Opens the file, which must have been migrated.
    pub fn open(file: &Path) -> Result<Self> {
        let writer = connect(file)?;
        let (orders, waiting) = sync_channel(QUEUE);
        let counts = Counts::default();
        let counted = counts.clone();
        spawn("sqlite-writer", move || write_in_groups(&writer, &waiting, &counted))?;

        let (readers, questions) = channel();
        let questions = Arc::new(Mutex::new(questions));
        for _ in 0..READERS {
            let reader = connect_read_only(file)?;
            let questions = Arc::clone(&questions);
            spawn("sqlite-reader", move || answer_questions(&reader, &questions))?;
        }
        Ok(Self { writer: orders, readers, counts })
    }

    /// Reads rows from a snapshot of its own.
    pub async fn read(&self, sql: &'static Sql, params: Vec<Value>) -> Result<Vec<Row>> {
        let (answer, reply) = oneshot::channel();
        self.readers.send(Question { sql, params, answer }).map_err(|_| gone())?;
        reply.await.map_err(|_| gone())?
    }

    /// Runs a list as one transaction, synced to disk when this returns.
    pub async fn write(&self, write: Write) -> Result<Written, WriteError> {
        let (answer, reply) = oneshot::channel();
        self.counts.waiting.inc();
        self.writer.try_send(Order { write, answer }).map_err(|full| {
            self.counts.waiting.dec();
            WriteError::Failed(turned_away(&full))
        })?;
        reply.await.map_err(|_| WriteError::Failed(gone()))?
    }
}

/// Opens a connection that may write, as every connection of ours is set up.
pub(super) fn connect(file: &Path) -> Result<Connection> {
    if rusqlite::version_number() < OLDEST {
        return Err(Error::internal("the SQLite library is older than 3.51.3, which can corrupt databases"));
    }
    let connection = Connection::open(file).map_err(failed)?;
    connection
        .execute_batch(
            "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;
             pragma cache_size = -8192; pragma wal_autocheckpoint = 4000; pragma journal_size_limit = 67108864;",
        )
        .map_err(failed)?;
    set_up(connection)
}

fn connect_read_only(file: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(failed)?;
    connection.execute_batch("pragma cache_size = -2048;").map_err(failed)?;
    set_up(connection)
}

fn set_up(connection: Connection) -> Result<Connection> {
    connection.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Without this a statement is parsed anew whenever a bound value might have changed its plan.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
    Ok(connection)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(Error::internal)?;
    Ok(())
}

fn write_in_groups(connection: &Connection, waiting: &Receiver<Order>, counts: &Counts) {
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        group.extend(waiting.try_iter().take(GROUP - 1));
        counts.waiting.dec_by(i64::try_from(group.len()).unwrap_or(0));
        let (began, size) = (Instant::now(), group.len());
        commit_group(connection, group);
        counts.committed(size, began);
    }
}

fn commit_group(connection: &Connection, group: Vec<Order>) {
    let (writes, answers): (Vec<_>, Vec<_>) = group.into_iter().map(|order| (order.write, order.answer)).unzip();
    let outcomes = match run_group(connection, &writes) {
        Ok(outcomes) => outcomes,
        Err(error) => {
            if !connection.is_autocommit() {
                let _ = connection.execute_batch("rollback");
            }
            let note = error.to_string();
            tracing::error!(error = note, writes = writes.len(), "The database refused a group of writes.");
            writes.iter().map(|_| Err(WriteError::Failed(Error::unavailable(note.clone())))).collect()
        }
    };
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        // Whoever asked may have gone; what was committed stays committed.
        let _ = answer.send(outcome);
    }
}

fn run_group(connection: &Connection, writes: &[Write]) -> rusqlite::Result<Vec<Result<Written, WriteError>>> {
    connection.prepare_cached("begin immediate")?.execute([])?;
    let outcomes = writes.iter().map(|write| run_in_savepoint(connection, write)).collect::<rusqlite::Result<_>>()?;
    connection.prepare_cached("commit")?.execute([])?;
    Ok(outcomes)
}

fn run_in_savepoint(connection: &Connection, write: &Write) -> rusqlite::Result<Result<Written, WriteError>> {
    connection.prepare_cached("savepoint one")?.execute([])?;
    let outcome = run_steps(connection, &write.steps);
    if outcome.is_err() {
        connection.prepare_cached("rollback to one")?.execute([])?;
    }
    connection.prepare_cached("release one")?.execute([])?;
    Ok(outcome)
}

fn run_steps(connection: &Connection, steps: &[Step]) -> Result<Written, WriteError> {
    let mut all = Vec::with_capacity(steps.len());
    for step in steps {
        let (rows, changed) = run_step(connection, step).map_err(|error| WriteError::Failed(failed(error)))?;
        if let Some(refusal) = step.guard
            && changed == 0
        {
            return Err(WriteError::Refused(refusal));
        }
        all.push(rows);
    }
    Ok(Written(all))
}

fn run_step(connection: &Connection, step: &Step) -> rusqlite::Result<(Vec<Row>, usize)> {
    let mut statement = connection.prepare_cached(step.sql.sqlite())?;
    if statement.column_count() == 0 {
        let changed = statement.execute(params_from_iter(&step.params))?;
        return Ok((Vec::new(), changed));
    }
    let rows = collect(&mut statement, &step.params)?;
    let changed = rows.len();
    Ok((rows, changed))
}

fn answer_questions(connection: &Connection, questions: &Mutex<Receiver<Question>>) {
    loop {
        let next = questions.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Question { sql, params, answer }) = next else { return };
        let rows = connection
            .prepare_cached(sql.sqlite())
            .and_then(|mut statement| collect(&mut statement, &params))
            .map_err(failed);
        let _ = answer.send(rows);
    }
}

fn collect(statement: &mut rusqlite::CachedStatement<'_>, params: &[Value]) -> rusqlite::Result<Vec<Row>> {
    let width = statement.column_count();
    let mut rows = statement.query(params_from_iter(params))?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let columns =
            (0..width).map(|index| Value::from_sqlite(row.get_ref(index)?)).collect::<rusqlite::Result<_>>()?;
        all.push(Row::new(columns));
    }
    Ok(all)
}

/// Tells a fault of the disk or a lock, which may pass, from a fault of ours.
pub(super) fn failed(error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, ReadOnly, SystemIoFailure,
    };
    match error.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked | DiskFull | SystemIoFailure | CannotOpen | OutOfMemory | ReadOnly) => {
            Error::unavailable(error)
        }
        _ => Error::internal(error),
    }
}

fn gone() -> Error {
    Error::unavailable("the database thread has ended")
}

fn turned_away(error: &TrySendError<Order>) -> Error {
    match error {
        TrySendError::Full(_) => Error::new(Code::Overloaded, "Too much is waiting to be written. Please try again.")
            .retry_after(Duration::from_secs(1)),
        TrySendError::Disconnected(_) => gone(),
    }
}
