//! PostgreSQL: shared pipelined connections for single statements, pooled ones for transactions.

mod fault;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{ClientWrapper, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio::time::{Instant as Deadline, timeout_at};

pub(super) use self::fault::failed;
use super::counts::Counts;
use super::joint;
use super::pipeline::{Arrays, borrowed, prepare, query, run_arrays, transact};
use super::statement::{Refusal, Sql, Step, Write, WriteError, Written};
use super::together::{Gathering, LANES};
use super::value::{Row, Value};
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};

const POOL: usize = 12;
const SHARED: usize = 4;
/// What one process may open at most.
pub(super) const CONNECTIONS: usize = POOL + LANES * 2 + SHARED;
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(2);
/// How long whoever asks may wait, for a connection and an answer together: he must hear of an outage within 2.5 s,
/// whatever swallowed the answer and however many ask.
const ANSWER_WITHIN: Duration = Duration::from_millis(2_200);
/// How long the network may be: after it the system itself closes the connection, also one that nobody waits on.
const UNHEARD: Duration = Duration::from_secs(3);
/// Every session of ours: nothing may hang, and an acknowledged write is on disk.
const SESSION: &str = "-c statement_timeout=10s -c lock_timeout=2s -c idle_in_transaction_session_timeout=10s \
                       -c synchronous_commit=on -c timezone=UTC";
/// Where much is written as one: those statements are long, and planning one takes milliseconds.
const PLAN_ONCE: &str = " -c plan_cache_mode=force_generic_plan";
/// What `pollux_require` raises.
const REFUSED: &str = "PX001";

/// A place for one connection that many use at once; it is not the pool's any more.
type Slot = Mutex<Option<Arc<ClientWrapper>>>;

/// A handle to the connections.
#[derive(Clone)]
pub struct Postgres {
    pool: Pool,
    /// For what is written together.
    lanes: Pool,
    shared: Arc<[Slot]>,
    turn: Arc<AtomicUsize>,
    pub(super) counts: Counts,
    /// Messages that wait to be accepted together.
    pub(super) accepting: Gathering,
    /// Replies that wait to be settled together.
    pub(super) ending: Gathering,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("pool", &self.pool.status()).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Prepares the pool; the first connection is made when it is needed.
    pub fn open(url: &str) -> Result<Self> {
        let (pool, lanes) = (connections(url, POOL, "")?, connections(url, LANES * 2, PLAN_ONCE)?);
        let shared = (0..SHARED).map(|_| Mutex::new(None)).collect();
        let (accepting, ending) = (Gathering::new(&joint::ACCEPTED), Gathering::new(&joint::ENDED));
        Ok(Self { pool, lanes, shared, turn: Arc::default(), counts: Counts::default(), accepting, ending })
    }

    /// Connections in use and free, and how many wait for one.
    pub(super) fn connections(&self) -> (usize, usize, usize) {
        let (pool, lanes) = (self.pool.status(), self.lanes.status());
        let is_open = |slot: &&Slot| slot.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let shared = self.shared.iter().filter(is_open).count();
        let idle = pool.available + lanes.available;
        (shared + (pool.size + lanes.size).saturating_sub(idle), idle, pool.waiting + lanes.waiting)
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

    /// Runs statements over arrays as one transaction that travels in one round trip, and answers with the rows of the
    /// last. A failure says whether it is sure that nothing was changed.
    pub(super) async fn run_joint(&self, steps: Vec<Arrays>) -> Result<Vec<Row>, (Error, bool)> {
        let deadline = Deadline::now() + ANSWER_WITHIN;
        let lane = timeout_at(deadline, self.lanes.get()).await.map_err(|_| (silent(), false))?;
        let client = lane.map_err(|error| (Error::unavailable(error), false))?;
        let began = Instant::now();
        let Ok(rows) = timeout_at(deadline, run_arrays(&client, &steps)).await else {
            drop(Object::take(client));
            return Err((silent(), false));
        };
        self.counts.committed(steps.last().map_or(0, |(_, arrays)| arrays.first().map_or(0, Vec::len)), began);
        rows.map_err(|error| {
            let is_refused = error.as_db_error().is_some();
            (failed(error), is_refused)
        })
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

pub(super) async fn in_time<T>(asked: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(ANSWER_WITHIN, asked).await.ok()
}

/// Lets a silent connection go, so that the next one who asks gets another.
fn give_up(slot: &Slot, silent_one: &Arc<ClientWrapper>) -> Error {
    let mut held = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if held.as_ref().is_some_and(|held| Arc::ptr_eq(held, silent_one)) {
        *held = None;
    }
    silent()
}

pub(super) fn silent() -> Error {
    Error::unavailable("the database did not answer in time")
}

fn connections(url: &str, most: usize, further_options: &str) -> Result<Pool> {
    let settings = settings(url, further_options)?;
    let tls = super::tls::connector(settings.get_ssl_mode())?;
    let manager = Manager::from_config(settings, tls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    Pool::builder(manager)
        .max_size(most)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(WAIT_FOR_CONNECTION))
        .create_timeout(Some(WAIT_FOR_CONNECTION))
        .build()
        .map_err(Error::internal)
}

fn settings(url: &str, further_options: &str) -> Result<tokio_postgres::Config> {
    let mut settings: tokio_postgres::Config =
        url.parse().map_err(|_| Error::internal("DATABASE_URL is not a PostgreSQL address"))?;
    let given = settings.get_options().map_or_else(String::new, |given| format!("{given} "));
    let options = format!("{given}{SESSION}{further_options}");
    settings.options(options).application_name("pollux").connect_timeout(WAIT_FOR_CONNECTION);
    if settings.get_tcp_user_timeout().is_none() {
        settings.tcp_user_timeout(UNHEARD);
    }
    settings.keepalives_idle(UNHEARD * 2).keepalives_interval(UNHEARD).keepalives_retries(2);
    Ok(settings)
}

pub(super) fn judge(error: tokio_postgres::Error) -> WriteError {
    let refusal = error
        .as_db_error()
        .filter(|told| told.code().code() == REFUSED)
        .and_then(|told| Refusal::parse(told.message()));
    refusal.map_or_else(|| WriteError::Failed(failed(error)), WriteError::Refused)
}
