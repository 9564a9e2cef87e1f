//! The queue as the operator sees it: how deep it is, and which jobs are dead.

use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, Write};
use crate::domain::ids::{JobId, SubjectId};
use crate::domain::time::Timestamp;
use crate::error::Result;

statements! {
    DEPTHS = "select state, kind, count(*), min(created_at) from jobs group by state, kind";
    DEAD = "select id, kind, subject, attempt, last_error, created_at from jobs
        where state = 'dead' order by created_at desc, id desc limit ?1";
    OLD_DEAD_SWEPT = "delete from jobs where state = 'dead' and created_at < ?1";
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

/// A dead job, for the operator.
#[derive(Debug)]
pub struct DeadJob {
    /// Its id.
    pub id: JobId,
    /// What it was to do.
    pub kind: String,
    /// What it was about.
    pub subject: SubjectId,
    /// How often it was begun.
    pub attempt: i64,
    /// What it ended in.
    pub last_error: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
}

impl Db {
    /// How many jobs of each kind are in each state.
    pub async fn queue_depths(&self) -> Result<Vec<Depth>> {
        self.list(&DEPTHS, params![]).await
    }

    /// The newest dead jobs.
    pub async fn dead_jobs(&self, limit: i64) -> Result<Vec<DeadJob>> {
        self.list(&DEAD, params![limit]).await
    }

    /// Forgets jobs that died long ago.
    pub async fn sweep_dead_jobs(&self, before: Timestamp) -> Result<()> {
        self.write(Write::new().then(&OLD_DEAD_SWEPT, params![before])).await?;
        Ok(())
    }
}

impl FromRow for Depth {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self { state: row.column()?, kind: row.column()?, count: row.column()?, oldest: row.column()? })
    }
}

impl FromRow for DeadJob {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self {
            id: row.column()?,
            kind: row.column()?,
            subject: row.column()?,
            attempt: row.column()?,
            last_error: row.column()?,
            created_at: row.column()?,
        })
    }
}
