//! Group commit on PostgreSQL: what waits is written together, as the one writer of SQLite does it. Whoever comes while
//! nobody writes is written at once; others gather until a lane is free, so that waiting costs nothing when it is quiet.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::postgres::{Postgres, in_time, silent};
use super::statement::{Refusal, Sql, Write, WriteError};
use super::value::{FromRow, Row, Value};
use crate::error::{Code, Error, Result};

/// How many go together at most.
const TOGETHER: usize = 128;
/// How many of one kind may be on their way at once, in each process: the fewer, the more go together.
pub(super) const LANES: usize = 1;
/// How many may wait before new ones are turned away.
const QUEUE: usize = 8_192;

/// How many writes of one kind are made as one. Each column of the rows is one array.
#[derive(Debug)]
pub(super) struct Joint {
    /// Statements that take locks first, each with the column it is given. Not needed where the change is one statement
    /// that reads nothing but what it locks.
    pub(super) locks: &'static [(&'static Sql, usize)],
    /// The change itself. It answers with the place of each row (from 1), the refusal, and a number.
    pub change: &'static Sql,
}

/// One write that may go with others of its kind.
#[derive(Debug)]
pub(super) struct Together {
    /// Only those of one group go together.
    pub group: i64,
    /// Two about the same thing do not.
    pub about: [u8; 16],
    /// Its values, in the order of the columns.
    pub row: Vec<Value>,
    /// The same as a list of its own, for when the whole was refused by the server.
    pub alone: Write,
    /// True where a refusal is named by that list only.
    pub is_refused_alone: bool,
}

/// Those of one kind that wait.
#[derive(Clone, Debug)]
pub(super) struct Gathering {
    joint: &'static Joint,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    orders: VecDeque<Order>,
    lanes: usize,
}

#[derive(Debug)]
struct Order {
    item: Together,
    answer: oneshot::Sender<Result<i64, WriteError>>,
}

/// A lane that is open until this is dropped, however it ends.
struct Lane(Gathering);

/// What the change says of one row.
struct Told {
    place: i64,
    refusal: Option<String>,
    number: Option<i64>,
}

impl Gathering {
    pub fn new(joint: &'static Joint) -> Self {
        Self { joint, waiting: Arc::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets an order wait, and opens a lane if one more may be.
    fn add(&self, order: Order) -> Result<Option<Lane>, WriteError> {
        let mut waiting = self.waiting();
        if waiting.orders.len() >= QUEUE {
            let error = Error::new(Code::Overloaded, "Too much is waiting to be written. Please try again.");
            return Err(WriteError::Failed(error.retry_after(Duration::from_secs(1))));
        }
        waiting.orders.push_back(order);
        if waiting.lanes == LANES {
            return Ok(None);
        }
        waiting.lanes += 1;
        Ok(Some(Lane(self.clone())))
    }
}

impl Lane {
    /// Those that go together next, in the order they came; nobody waits for those who have gone.
    fn next(&self) -> Vec<Order> {
        let mut waiting = self.0.waiting();
        let mut about = HashSet::new();
        let (mut next, mut later) = (Vec::new(), VecDeque::new());
        for order in waiting.orders.drain(..).filter(|order| !order.answer.is_closed()) {
            let fits = next.first().is_none_or(|first: &Order| first.item.group == order.item.group);
            if fits && next.len() < TOGETHER && about.insert(order.item.about) {
                next.push(order);
            } else {
                later.push_back(order);
            }
        }
        waiting.orders = later;
        next
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.0.waiting().lanes -= 1;
    }
}

impl Postgres {
    /// Writes `item` with whatever else of its kind is waiting; each is refused alone.
    pub(super) async fn write_together(&self, gathering: &Gathering, item: Together) -> Result<i64, WriteError> {
        let (answer, reply) = oneshot::channel();
        if let Some(lane) = gathering.add(Order { item, answer })? {
            tokio::spawn(self.clone().work(lane));
        }
        match in_time(reply).await {
            Some(Ok(outcome)) => outcome,
            _ => Err(WriteError::Failed(silent())),
        }
    }

    async fn work(self, lane: Lane) {
        loop {
            let orders = lane.next();
            if orders.is_empty() {
                return;
            }
            let (items, answers): (Vec<_>, Vec<_>) = orders.into_iter().map(|order| (order.item, order.answer)).unzip();
            let outcomes = self.write_all(lane.0.joint, items).await;
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // Whoever asked may have gone; what was committed stays committed.
                let _ = answer.send(outcome);
            }
        }
    }

    async fn write_all(&self, joint: &Joint, items: Vec<Together>) -> Vec<Result<i64, WriteError>> {
        let locked = joint.locks.iter().map(|(sql, column)| (*sql, vec![array(&items, *column)]));
        let width = items.first().map_or(0, |item| item.row.len());
        let changed = (joint.change, (0..width).map(|column| array(&items, column)).collect());
        match self.run_joint(locked.chain([changed]).collect()).await {
            Ok(rows) => self.name_refusals(outcomes(rows, items.len()), items).await,
            // Nothing was changed, because of one of them: each shows for itself whether it was that.
            Err((error, true)) => {
                tracing::debug!(error = %error, writes = items.len(), "Writes that were together go alone.");
                futures_util::future::join_all(items.into_iter().map(|item| self.write_alone(item.alone))).await
            }
            Err((error, false)) => {
                let note = error.to_string();
                items.iter().map(|_| Err(WriteError::Failed(Error::unavailable(note.clone())))).collect()
            }
        }
    }

    /// Lets those that were refused, and can't be told why by the whole, be refused by their own lists.
    async fn name_refusals(
        &self,
        mut outcomes: Vec<Result<i64, WriteError>>,
        items: Vec<Together>,
    ) -> Vec<Result<i64, WriteError>> {
        for (outcome, item) in outcomes.iter_mut().zip(items) {
            if item.is_refused_alone && matches!(outcome, Err(WriteError::Refused(_))) {
                *outcome = self.write_alone(item.alone).await;
            }
        }
        outcomes
    }

    async fn write_alone(&self, write: Write) -> Result<i64, WriteError> {
        let last: Vec<(i64,)> = self.write(write).await?.last().map_err(WriteError::Failed)?;
        Ok(last.first().map_or(0, |(number,)| *number))
    }
}

fn array(items: &[Together], column: usize) -> Vec<Value> {
    items.iter().map(|item| item.row[column].clone()).collect()
}

fn outcomes(rows: Vec<Row>, count: usize) -> Vec<Result<i64, WriteError>> {
    let untold = || Err(WriteError::Failed(Error::internal("a write was not told of")));
    let mut outcomes: Vec<_> = (0..count).map(|_| untold()).collect();
    for told in rows.into_iter().map(Told::from_row) {
        let Ok(Told { place, refusal, number }) = told else { continue };
        let Some(outcome) = usize::try_from(place - 1).ok().and_then(|place| outcomes.get_mut(place)) else { continue };
        *outcome = match refusal.as_deref().map(Refusal::parse) {
            None => Ok(number.unwrap_or_default()),
            Some(Some(refusal)) => Err(WriteError::Refused(refusal)),
            Some(None) => untold(),
        };
    }
    outcomes
}

impl FromRow for Told {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self { place: row.column()?, refusal: row.column()?, number: row.column()? })
    }
}
