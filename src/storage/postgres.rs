//! PostgreSQL: shared pipelined connections for single statements, pooled ones for transactions.

mod fault;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use deadpool_postgres::{ClientWrapper, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio::time::{Instant as Deadline, timeout_at};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

pub(super) use self::fault::failed;
use super::counts::Counts;
use super::statement::{Refusal, Sql, Step, Write, WriteError, Written};
use super::value::{Row, Value};
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};

const POOL: usize = 16;
const SHARED: usize = 4;
/// What one process may open at most.
pub(super) const CONNECTIONS: usize = POOL + SHARED;
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(2);
/// How long whoever asks may wait, for a connection and an answer together: he must hear of an outage within 2.5 s,
/// whatever swallowed the answer and however many ask.
const ANSWER_WITHIN: Duration = Duration::from_millis(2_200);
/// How long the network may be: after it the system itself closes the connection, also one that nobody waits on.
const UNHEARD: Duration = Duration::from_secs(3);
/// Every session of ours: nothing may hang, and an acknowledged write is on disk.
const SESSION: &str = "-c statement_timeout=10s -c lock_timeout=2s -c idle_in_transaction_session_timeout=10s \
                       -c synchronous_commit=on -c timezone=UTC";
/// What `pollux_require` raises.
const REFUSED: &str = "PX001";

type Asked<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place for one connection that many use at once; it is not the pool's any more.
type Slot = Mutex<Option<Arc<ClientWrapper>>>;

/// A handle to the connections.
#[derive(Clone)]
pub struct Postgres {
    pool: Pool,
    shared: Arc<[Slot]>,
    turn: Arc<AtomicUsize>,
    pub(super) counts: Counts,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("pool", &self.pool.status()).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Prepares the pool; the first connection is made when it is needed.
    pub fn open(url: &str) -> Result<Self> {
        let settings = settings(url)?;
        let tls = super::tls::connector(settings.get_ssl_mode())?;
        let manager = Manager::from_config(settings, tls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let pool = Pool::builder(manager)
            .max_size(POOL)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT_FOR_CONNECTION))
            .create_timeout(Some(WAIT_FOR_CONNECTION))
            .build()
            .map_err(Error::internal)?;
        let shared = (0..SHARED).map(|_| Mutex::new(None)).collect();
        Ok(Self { pool, shared, turn: Arc::default(), counts: Counts::default() })
    }

    /// Connections in use and free, and how many wait for one.
    pub(super) fn connections(&self) -> (usize, usize, usize) {
        let state = self.pool.status();
        let is_open = |slot: &&Slot| slot.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let shared = self.shared.iter().filter(is_open).count();
        (shared + state.size.saturating_sub(state.available), state.available, state.waiting)
    }

    /// A connection of one's own, for migrations.
    pub(super) async fn connection(&self) -> Result<Object> {
        self.pool.get().await.map_err(Error::unavailable)
    }

    /// What time it is there.
    pub async fn now(&self) -> Result<Timestamp> {
        let deadline = Deadline::now() + ANSWER_WITHIN;
        let (slot, client) = self.shared(deadline).await?;
        let asked = client.query_one("select cast(extract(epoch from clock_timestamp()) * 1000 as bigint)", &[]);
        match timeout_at(deadline, asked).await.ok() {
            Some(row) => Ok(Timestamp::from_millis(row.map_err(failed)?.get(0))),
            None => Err(give_up(slot, &client)),
        }
    }

    /// Reads rows by one statement.
    pub async fn read(&self, sql: &'static Sql, params: Vec<Value>) -> Result<Vec<Row>> {
        let deadline = Deadline::now() + ANSWER_WITHIN;
        let (slot, client) = self.shared(deadline).await?;
        let asked = async {
            let statement = client.prepare_cached(sql.postgres()).await.map_err(failed)?;
            query(&client, &statement, &borrowed(&params)).await.map_err(failed)
        };
        timeout_at(deadline, asked).await.unwrap_or_else(|_| Err(give_up(slot, &client)))
    }

    /// Runs a list as one transaction that travels in one round trip.
    pub async fn write(&self, write: Write) -> Result<Written, WriteError> {
        if let ([step], None) = (write.steps.as_slice(), write.serialised_by) {
            return self.write_one(step).await;
        }
        let deadline = Deadline::now() + ANSWER_WITHIN;
        let client = self.connection_by(deadline).await.map_err(WriteError::Failed)?;
        let began = Instant::now();
        let Ok(written) = timeout_at(deadline, transact(&client, &write)).await else {
            // It may hang for long, and nobody else shall wait for it.
            drop(Object::take(client));
            return Err(WriteError::Failed(silent()));
        };
        self.counts.committed(1, began);
        written
    }

    async fn write_one(&self, step: &Step) -> Result<Written, WriteError> {
        let deadline = Deadline::now() + ANSWER_WITHIN;
        let (slot, client) = self.shared(deadline).await.map_err(WriteError::Failed)?;
        let asked = async {
            let (statement, params) = prepare(&client, step).await.map_err(judge)?;
            let rows = query(&client, &statement, &params).await.map_err(judge)?;
            Ok(Written(vec![rows]))
        };
        timeout_at(deadline, asked).await.unwrap_or_else(|_| Err(WriteError::Failed(give_up(slot, &client))))
    }

    async fn connection_by(&self, deadline: Deadline) -> Result<Object> {
        timeout_at(deadline, self.connection()).await.unwrap_or_else(|_| Err(silent()))
    }

    async fn shared(&self, deadline: Deadline) -> Result<(&Slot, Arc<ClientWrapper>)> {
        let slot = &self.shared[self.turn.fetch_add(1, Ordering::Relaxed) % SHARED];
        let known = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(client) = known
            && !client.is_closed()
        {
            return Ok((slot, client));
        }
        let fresh = Arc::new(Object::take(self.connection_by(deadline).await?));
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&fresh));
        Ok((slot, fresh))
    }
}

/// Lets a silent connection go, so that the next one who asks gets another.
fn give_up(slot: &Slot, silent_one: &Arc<ClientWrapper>) -> Error {
    let mut held = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if held.as_ref().is_some_and(|held| Arc::ptr_eq(held, silent_one)) {
        *held = None;
    }
    silent()
}

fn silent() -> Error {
    Error::unavailable("the database did not answer in time")
}

fn settings(url: &str) -> Result<tokio_postgres::Config> {
    let mut settings: tokio_postgres::Config =
        url.parse().map_err(|_| Error::internal("DATABASE_URL is not a PostgreSQL address"))?;
    let options = settings.get_options().map_or_else(|| SESSION.to_owned(), |given| format!("{given} {SESSION}"));
    settings.options(options).application_name("pollux").connect_timeout(WAIT_FOR_CONNECTION);
    if settings.get_tcp_user_timeout().is_none() {
        settings.tcp_user_timeout(UNHEARD);
    }
    settings.keepalives_idle(UNHEARD * 2).keepalives_interval(UNHEARD).keepalives_retries(2);
    Ok(settings)
}

fn borrowed(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as _).collect()
}

async fn prepare<'a>(
    client: &ClientWrapper,
    step: &'a Step,
) -> Result<(Statement, Vec<&'a (dyn ToSql + Sync)>), tokio_postgres::Error> {
    let mut params = borrowed(&step.params);
    let Some(refusal) = step.guard else {
        return Ok((client.prepare_cached(step.sql.postgres()).await?, params));
    };
    let statement = client.prepare_cached(step.sql.guarded(step.params.len())).await?;
    params.push(refusal.name());
    Ok((statement, params))
}

async fn query(
    client: &Client,
    statement: &Statement,
    params: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let rows = client.query(statement, params).await?;
    rows.iter().map(read_row).collect()
}

fn read_row(row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    let columns = (0..row.len()).map(|index| Value::from_postgres(row, index)).collect::<Result<_, _>>()?;
    Ok(Row::new(columns))
}

/// Sends `begin`, every step and `commit` in one go: a refused or failed step makes the server turn the commit into
/// a rollback, so nobody has to wait for an answer in between.
async fn transact(client: &Object, write: &Write) -> Result<Written, WriteError> {
    let mut prepared = Vec::with_capacity(write.steps.len());
    for step in &write.steps {
        prepared.push(prepare(client, step).await.map_err(judge)?);
    }
    let lock = write.serialised_by.map(|number| format!("select pg_advisory_xact_lock({number})"));

    let mut sent: Vec<Asked<'_, Result<Vec<Row>, tokio_postgres::Error>>> = Vec::with_capacity(prepared.len() + 3);
    sent.push(Box::pin(command(client, "begin")));
    if let Some(lock) = &lock {
        sent.push(Box::pin(command(client, lock)));
    }
    for (statement, params) in &prepared {
        sent.push(Box::pin(query(client, statement, params)));
    }
    sent.push(Box::pin(command(client, "commit")));

    let mut rows = join_in_order(sent).await.into_iter().collect::<Result<Vec<_>, _>>().map_err(judge)?;
    rows.pop();
    rows.drain(..rows.len() - prepared.len());
    Ok(Written(rows))
}

async fn command(client: &Client, text: &str) -> Result<Vec<Row>, tokio_postgres::Error> {
    client.batch_execute(text).await.map(|()| Vec::new())
}

/// Polls all in order each time, so that the first poll puts all requests on the wire in order and together.
async fn join_in_order<T>(mut futures: Vec<Asked<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut waiting = false;
        for (future, slot) in futures.iter_mut().zip(&mut done) {
            if slot.is_some() {
                continue;
            }
            match future.as_mut().poll(context) {
                Poll::Ready(value) => *slot = Some(value),
                Poll::Pending => waiting = true,
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    done.into_iter().flatten().collect()
}

fn judge(error: tokio_postgres::Error) -> WriteError {
    let refusal = error
        .as_db_error()
        .filter(|told| told.code().code() == REFUSED)
        .and_then(|told| Refusal::parse(told.message()));
    refusal.map_or_else(|| WriteError::Failed(failed(error)), WriteError::Refused)
}
