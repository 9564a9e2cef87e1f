//! How deep the queue is.

use super::Db;
use super::statement::{params, statements};
use super::value::{FromRow, Row};
use crate::domain::time::Timestamp;
use crate::error::Result;

statements! {
    DEPTHS = "select state, kind, count(*), min(created_at) from jobs group by state, kind";
}

/// How many jobs of a kind are in one state, for the metrics.
#[derive(Debug)]
pub struct Depth {
    /// The state.
    pub state: String,
    /// What is to be done.
    pub kind: String,
    /// How many there are.
    pub count: i64,
    /// When the oldest was accepted.
    pub oldest: Timestamp,
}

impl Db {
    /// How many jobs of each kind are in each state.
    pub async fn queue_depths(&self) -> Result<Vec<Depth>> {
        self.list(&DEPTHS, params![]).await
    }
}

impl FromRow for Depth {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self { state: row.column()?, kind: row.column()?, count: row.column()?, oldest: row.column()? })
    }
}
