//! Dead jobs: kept for the operator, who looks at them, has them tried again, or throws them away.

use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, Refusal, Write, WriteError};
use crate::domain::ids::{JobId, SubjectId};
use crate::domain::job::{DEADLINE, JobKind};
use crate::domain::time::Timestamp;
use crate::error::Result;

statements! {
    DEAD = "select id, kind, subject, attempt, last_error, created_at from jobs
        where state = 'dead' order by created_at desc, id desc limit ?1";
    // A room answers in order, one reply at a time: an old reply is written anew only where nothing else is open.
    ROOM_REOPENED = "update chatrooms set open_replies = open_replies + 1, last_seq = last_seq + 1 where open_replies = 0
        and id = (select chatroom_id from jobs where id = ?1 and state = 'dead')";
    // Its unit has been given back, so it is on the house: no day pays for it, and none gets anything back once more. It moves
    // to the end of its room like one that its owner has tried again, and for the same reasons.
    REPLY_REOPENED = "update messages set seq = (select last_seq from chatrooms c where c.id = chatroom_id),
          asked_seq = coalesce(asked_seq, seq - 1), retried_from = attempt, retried_seq = coalesce(retried_seq, seq),
          attempt = attempt + 1, status = 'pending', content = '', outcome = null, error = null, finished_at = null,
          prompt_tokens = 0, reply_tokens = 0, quota_day = null
        where id = (select subject from jobs where id = ?1 and state = 'dead') and status = 'failed'";
    DEAD_REVIVED = "update jobs set seq = case when kind = 'reply' then (select m.seq from messages m where m.id = subject) else seq end,
          state = 'ready', errors = 0, panics = 0, deaths = 0, last_error = null, run_at = ?2,
          deadline_at = ?3 where id = ?1 and state = 'dead'";
    DEAD_DISCARDED = "delete from jobs where id = ?1 and state = 'dead'";
    OLD_DEAD_SWEPT = "delete from jobs where state = 'dead' and created_at < ?1";
}

/// A dead job.
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
    /// The newest dead jobs.
    pub async fn dead_jobs(&self, limit: i64) -> Result<Vec<DeadJob>> {
        self.list(&DEAD, params![limit]).await
    }

    /// Puts a dead job back into the queue as if nothing had gone wrong; a reply becomes pending once more. Refused when
    /// it is dead no more, its room is gone, or another reply of its room is open.
    pub async fn revive(&self, dead: &DeadJob, now: Timestamp) -> Result<(), WriteError> {
        let mut write = Write::new();
        if dead.kind == JobKind::Reply.as_str() {
            write = write.must(&ROOM_REOPENED, params![dead.id], Refusal::NotFound).must(
                &REPLY_REOPENED,
                params![dead.id],
                Refusal::NotFound,
            );
        }
        let revived = params![dead.id, now, now + DEADLINE];
        self.write(write.must(&DEAD_REVIVED, revived, Refusal::NotFound)).await.map(|_| ())
    }

    /// Throws a dead job away; refused when it is dead no more.
    pub async fn discard(&self, dead: &DeadJob) -> Result<(), WriteError> {
        self.write(Write::new().must(&DEAD_DISCARDED, params![dead.id], Refusal::NotFound)).await.map(|_| ())
    }

    /// Forgets jobs that died long ago.
    pub async fn sweep_dead_jobs(&self, before: Timestamp) -> Result<()> {
        self.write(Write::new().then(&OLD_DEAD_SWEPT, params![before])).await?;
        Ok(())
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
