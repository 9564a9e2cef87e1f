//! The queue: a table of ours, because it must share the message's transaction. Jobs are ready, waiting for a later
//! try, running under a lease, or dead; one behind another of its room is blocked, and a done one is gone.

use super::replies::{NEXT_IN_ROOM_READY, ROOM_HAS_ONE_LESS};
use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, Refusal, Write, WriteError};
use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobKind, LEASE, NewJob, SUSPECT_DEATHS};
use crate::domain::plan::Tier;
use crate::domain::time::Timestamp;
use crate::error::Result;

/// Claims count what others are claiming: one at a time.
const CLAIMING: i64 = 2;

// A ready job is the first of its room, as those behind it are blocked. Of each user no more replies are taken than
// the plan allows at once, of other work one of a kind, and one suspect at a time. Those that must wait are left out
// before the candidates are counted: however many they are, they hide nobody behind them. Work that is nobody's
// goes by what it is about. What an owner has running takes the first places, so that nothing is compared with each
// running job; and the number of candidates and what is left out stand in the text, as a planner that does not
// know them sorts the whole queue first. Work that nobody waits for gets so many places and no more; it stands behind
// all else, so of the candidates it hides nobody either.
macro_rules! claimed {
    ($only:literal) => {
        concat!(
            "update jobs set state = 'running', attempt = attempt + 1, worker = ?1, lease_until = ?2
        where id in (
          select c.id from (
            select q.id, q.turn_at, q.most, q.lane, q.is_ready,
              row_number() over (partition by q.owner, q.kind order by q.is_ready, q.turn_at, q.id) as place,
              row_number() over (partition by q.is_ready, q.lane order by q.turn_at, q.id) as place_in_lane
            from (
              select h.is_ready, h.id, h.turn_at, h.owner, h.kind, h.lane, h.most from (
                select 1 as is_ready, j.id, j.turn_at, coalesce(j.user_id, j.subject) as owner, j.kind,
                  case when j.deaths >= ?6 then 1 when j.kind in ('title_room', 'summarise_room') then 2 else 0 end as lane,
                  case when j.kind <> 'reply' then 1 when u.tier = 'Pro' then cast(?5 as bigint)
                    else cast(?4 as bigint) end as most
                from jobs j left join users u on u.id = j.user_id
                where j.state = 'ready'", $only, "
                  and (coalesce(j.user_id, j.subject), j.kind) not in (
                    select coalesce(r.user_id, r.subject), r.kind from jobs r left join users v on v.id = r.user_id
                    where r.state = 'running' group by coalesce(r.user_id, r.subject), r.kind, v.tier
                    having count(*) >= case when r.kind <> 'reply' then 1 when v.tier = 'Pro' then cast(?5 as bigint)
                      else cast(?4 as bigint) end)
                  and (j.deaths < ?6
                    or not exists (select 1 from jobs s where s.state = 'running' and s.deaths >= ?6))
                order by j.turn_at, j.id limit 256
              ) h
              union all
              select 0, r.id, r.turn_at, coalesce(r.user_id, r.subject), r.kind, 0, 0 from jobs r where r.state = 'running'
            ) q
          ) c where c.is_ready = 1 and c.place <= c.most and (c.lane <> 1 or c.place_in_lane = 1)
            and (c.lane <> 2 or c.place_in_lane <= ?7)
          order by c.turn_at, c.id limit ?3
        )
        returning id, kind, subject, user_id, chatroom_id, seq, attempt, errors, panics, deaths, last_error, deadline_at,
          trace_parent"
        )
    };
}

statements! {
    DUE_MADE_READY = "update jobs set state = 'ready' where state = 'waiting' and run_at <= ?1";
    ORPHANS_RESCUED = "update jobs set state = 'ready', deaths = deaths + 1, worker = null, lease_until = null
        where state = 'running' and lease_until <= ?1";
    ORPHANS_PENDING = "update messages set status = 'pending' from jobs j where j.state = 'running' and j.lease_until <= ?1
          and messages.chatroom_id = j.chatroom_id and messages.seq = j.seq";
    CLAIMED = claimed!("");
    SHORT_CLAIMED = claimed!(" and j.kind not in ('reply', 'title_room', 'summarise_room')");
    // Only what has not begun at this attempt: another claim of the same moment leaves it, and its text, alone.
    REPLIES_BEGUN = "update messages set status = 'generating', attempt = j.attempt, content = '' from jobs j
        where j.state = 'running' and j.worker = ?1 and j.lease_until = ?2
          and messages.chatroom_id = j.chatroom_id and messages.seq = j.seq
          and (messages.attempt < j.attempt or messages.status = 'pending')";
    RENEWED = "update jobs set lease_until = ?2 where worker = ?1 and state = 'running' returning id, attempt";
    RETRIED = "update jobs set state = 'waiting', run_at = ?3, errors = errors + ?4, panics = panics + ?5,
          last_error = ?6, worker = null, lease_until = null
        where id = ?1 and attempt = ?2 and coalesce(state, '') = 'running'";
    RELEASED = "update jobs set state = 'ready', worker = null, lease_until = null
        where id = ?1 and attempt = ?2 and coalesce(state, '') = 'running'";
    WORKERS_PENDING = "update messages set status = 'pending' from jobs j where j.state = 'running' and j.worker = ?1
          and messages.chatroom_id = j.chatroom_id and messages.seq = j.seq";
    WORKERS_RELEASED = "update jobs set state = 'ready', worker = null, lease_until = null
        where state = 'running' and worker = ?1";
    ENQUEUED = "insert into jobs (id, kind, subject, user_id, seq, state, turn_at, run_at, created_at, deadline_at)
        values (?1, ?2, ?3, ?4, 0, 'ready', ?5, ?6, ?6, ?7)";
    // One that is ready has not begun, so it will see whatever a second one would.
    ENQUEUED_ONCE = "insert into jobs (id, kind, subject, user_id, seq, state, turn_at, run_at, created_at, deadline_at)
        select ?1, ?2, ?3, ?4, 0, 'ready', ?5, ?6, ?6, ?7 where not exists
          (select 1 from jobs where kind = ?2 and kind <> 'reply' and subject = ?3 and state = 'ready')";
    // `coalesce` keeps PostgreSQL from the index of running jobs: it takes that for empty whenever it is, and then finds
    // each job by reading all that ran since the last vacuum.
    JOB_DONE = "delete from jobs where id = ?1 and attempt = ?2 and coalesce(state, '') = 'running'";
    JOB_DEAD = "update jobs set state = 'dead', worker = null, lease_until = null, last_error = ?3
        where id = ?1 and attempt = ?2 and coalesce(state, '') = 'running'";
    REPLY_PENDING = "update messages set status = 'pending' where id = ?1 and status = 'generating'";
    ALL_ORPHANED = "update jobs set state = 'ready', deaths = deaths + 1, worker = null, lease_until = null
        where state = 'running'";
    ALL_PENDING = "update messages set status = 'pending' where status = 'generating'
        and id in (select subject from jobs where state <> 'dead')";
    ANY_DUE = "select count(*) from (select 1 from jobs where state = 'ready'
        union all select 1 from jobs where state = 'waiting' and run_at <= ?1
        union all select 1 from jobs where state = 'running' and lease_until <= ?1 limit 1) due";
}

/// The name of a worker process, for its leases.
pub type WorkerName = [u8; 16];

/// The places that a worker has for what it claims.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// How many jobs it takes at most.
    pub all: i64,
    /// How many of them may be such that nobody waits for.
    pub background: i64,
    /// True when the places are for short work alone: that must not wait for one behind replies.
    pub only_short: bool,
}

/// Why a running job goes back into the queue.
#[derive(Debug)]
pub struct Setback<'a> {
    /// When it may be tried again.
    pub run_at: Timestamp,
    /// Tries to be counted as the model's fault: 1, or 0 when nothing was tried.
    pub errors: u32,
    /// Tries to be counted as a panic.
    pub panics: u32,
    /// What it ended in.
    pub error: &'a str,
}

impl Db {
    /// True when a claim would find something, or something is to be made ready first.
    pub async fn is_work_due(&self, now: Timestamp) -> Result<bool> {
        let due: Option<(i64,)> = self.find(&ANY_DUE, params![now]).await?;
        Ok(due.is_some_and(|(count,)| count > 0))
    }

    /// Takes up to `limit` jobs under a lease of `worker`, after making due retries and orphans ready. A message
    /// whose reply is claimed is shown as `generating`.
    pub async fn claim_jobs(&self, worker: WorkerName, limit: i64, now: Timestamp) -> Result<Vec<Job>> {
        self.claim_into(worker, Places { all: limit, background: limit, only_short: false }, now).await
    }

    /// As [`Self::claim_jobs`], as many as there are places for.
    pub async fn claim_into(&self, worker: WorkerName, places: Places, now: Timestamp) -> Result<Vec<Job>> {
        let (basic, pro) = (Tier::Basic.replies_at_once(), Tier::Pro.replies_at_once());
        let claimed = params![worker, now + LEASE, places.all, basic, pro, SUSPECT_DEATHS, places.background];
        let taken = if places.only_short { &SHORT_CLAIMED } else { &CLAIMED };
        let write = Write::new()
            .one_at_a_time(CLAIMING)
            .then(&DUE_MADE_READY, params![now])
            .then(&ORPHANS_PENDING, params![now])
            .then(&ORPHANS_RESCUED, params![now])
            .then(taken, claimed)
            .then(&REPLIES_BEGUN, params![worker, now + LEASE]);
        self.write(write).await?.take(3)
    }

    /// Prolongs all leases of `worker` and says which it holds.
    pub async fn renew_leases(&self, worker: WorkerName, now: Timestamp) -> Result<Vec<(JobId, i64)>> {
        self.write(Write::new().then(&RENEWED, params![worker, now + LEASE])).await?.last()
    }

    /// Puts a job back for a later try, only while this attempt holds the lease.
    pub async fn retry_job(&self, job: &Job, setback: &Setback<'_>) -> Result<(), WriteError> {
        let retried = params![job.id, job.attempt, setback.run_at, setback.errors, setback.panics, setback.error];
        let write = Write::new().must(&RETRIED, retried, Refusal::LeaseLost).then(&REPLY_PENDING, params![job.subject]);
        self.write(write).await.map(|_| ())
    }

    /// Puts a job into the queue.
    pub async fn enqueue(&self, new: NewJob) -> Result<()> {
        self.write(enqueued(Write::new(), new)).await?;
        Ok(())
    }

    /// Puts a job into the queue, unless one of its kind about the same thing is ready.
    pub async fn enqueue_once(&self, new: NewJob) -> Result<()> {
        self.write(enqueued_once(Write::new(), new)).await?;
        Ok(())
    }

    /// Takes a job out of the queue because it is done, only while this attempt holds the lease. (A reply's job ends with
    /// its reply.)
    pub async fn finish_job(&self, job: &Job) -> Result<(), WriteError> {
        self.write(done(Write::new(), job)).await.map(|_| ())
    }

    /// Gives a job up, only while this attempt holds the lease; it is kept for the operator.
    pub async fn bury_job(&self, job: &Job, error: &str) -> Result<(), WriteError> {
        let write = Write::new().must(&JOB_DEAD, params![job.id, job.attempt, error], Refusal::LeaseLost);
        self.write(write).await.map(|_| ())
    }

    /// Puts a job back at once and uncounted, because this process stops.
    pub async fn release_job(&self, id: JobId, attempt: i64) -> Result<(), WriteError> {
        let write =
            Write::new().must(&RELEASED, params![id, attempt], Refusal::LeaseLost).then(&REPLY_PENDING, params![id]);
        self.write(write).await.map(|_| ())
    }

    /// Puts all jobs of a worker back at once and uncounted, because its process stops.
    pub async fn release_all_jobs(&self, worker: WorkerName) -> Result<()> {
        let write = Write::new().then(&WORKERS_PENDING, params![worker]).then(&WORKERS_RELEASED, params![worker]);
        self.write(write).await?;
        Ok(())
    }

    /// Throws a job away that this version does not know.
    pub async fn discard_job(&self, job: &Job) -> Result<(), WriteError> {
        let write = Write::new()
            .then(&ROOM_HAS_ONE_LESS, params![job.chatroom_id])
            .must(&JOB_DONE, params![job.id, job.attempt], Refusal::LeaseLost)
            .then(&NEXT_IN_ROOM_READY, params![job.chatroom_id, job.seq]);
        self.write(write).await.map(|_| ())
    }

    /// Takes all running jobs for orphans. Only for a database that no other process can have open.
    pub async fn orphan_all_jobs(&self) -> Result<()> {
        self.write(Write::new().then(&ALL_ORPHANED, params![]).then(&ALL_PENDING, params![])).await?;
        Ok(())
    }
}

/// Adds the step that puts a job into the queue, to go with what it is about.
pub(super) fn enqueued(write: Write, new: NewJob) -> Write {
    write.then(&ENQUEUED, placed(new))
}

/// As [`enqueued`], unless a job of the kind about the same thing is ready.
pub(super) fn enqueued_once(write: Write, new: NewJob) -> Write {
    write.then(&ENQUEUED_ONCE, placed(new))
}

/// Adds the step that ends a job with its effect; refused when the lease is lost.
pub(super) fn done(write: Write, job: &Job) -> Write {
    write.must(&JOB_DONE, params![job.id, job.attempt], Refusal::LeaseLost)
}

fn placed(new: NewJob) -> Vec<super::Value> {
    params![new.id, new.kind.as_str(), new.subject, new.user_id, new.turn_at(), new.now, new.deadline_at]
}

impl FromRow for Job {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self {
            id: row.column()?,
            kind: JobKind::from_stored(&row.column::<String>()?),
            subject: row.column()?,
            user_id: row.column()?,
            chatroom_id: row.column()?,
            seq: row.column()?,
            attempt: row.column()?,
            errors: row.column()?,
            panics: row.column()?,
            deaths: row.column()?,
            last_error: row.column()?,
            deadline_at: row.column()?,
            trace_parent: row.column()?,
        })
    }
}
