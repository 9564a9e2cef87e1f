//! The door for jobs: claim, run, renew, settle, stop.

mod by_hand;
mod run;
pub mod sweep;

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

#[doc(hidden)]
pub use self::by_hand::{drain, measure, remind};

use crate::app::App;
use crate::domain::ids::JobId;
use crate::domain::job::{HEARTBEAT, Job, JobKind, LEASE};
use crate::error::{Error, Result};
use crate::storage::{Places, WorkerName};

/// How often the queue is looked at when nobody rings.
const POLL: Duration = Duration::from_millis(500);
/// How long to leave the database alone after it failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Places beyond the setting that are for other work than replies: somebody waits for a code or a plan.
const KEPT_FOR_SHORT: usize = 8;
/// Of the places that the setting gives, one in so many may be taken by work that nobody waits for.
const BACKGROUND_SHARE: usize = 8;
/// Jobs taken by one claim at most.
const BATCH: usize = 256;
/// How long a worker that is half busy waits between two claims: claims go one at a time through the whole installation,
/// and one for many jobs costs hardly more than one for a few.
const BETWEEN_CLAIMS: Duration = Duration::from_millis(10);

/// One worker: as many jobs at once as the setting allows, all under leases of one name.
struct Worker {
    app: App,
    name: WorkerName,
    tasks: JoinSet<(Job, Result<()>)>,
    running: HashMap<JobId, Running>,
    by_task: HashMap<tokio::task::Id, JobId>,
    renewed_at: Instant,
    /// True when a claim or a settlement failed, so that the database may think us at work where we are not.
    may_hold_more: bool,
    /// When the next claim may be made, and whether one is asked for.
    next_claim: Instant,
    is_claim_asked_for: bool,
}

struct Running {
    job: Job,
    handle: AbortHandle,
}

/// Works until `stop`, then gives running jobs `grace` to end, or until `cut`, and puts back those that have not.
pub async fn run(app: App, stop: CancellationToken, cut: CancellationToken, grace: Duration) {
    let sweeping = tokio::spawn(sweep::run(app.clone(), stop.clone()));
    let mut worker = Worker {
        app,
        name: rand::random(),
        tasks: JoinSet::new(),
        running: HashMap::new(),
        by_task: HashMap::new(),
        renewed_at: Instant::now(),
        may_hold_more: false,
        next_claim: Instant::now(),
        is_claim_asked_for: false,
    };
    worker.tell();
    worker.work(&stop).await;
    worker.wind_down(&cut, grace).await;
    let _ = sweeping.await;
}

impl Worker {
    async fn work(&mut self, stop: &CancellationToken) {
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let bus = self.app.bus.clone();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = heartbeat.tick() => self.renew().await,
                Some(ended) = self.tasks.join_next_with_id() => {
                    self.settle(ended).await;
                    while let Some(ended) = self.tasks.try_join_next_with_id() {
                        self.settle(ended).await;
                    }
                    self.is_claim_asked_for = true;
                }
                () = tokio::time::sleep_until(self.next_claim), if self.is_claim_asked_for => self.claim().await,
                () = bus.jobs_rung() => self.is_claim_asked_for = true,
                _ = poll.tick() => self.look().await,
            }
        }
    }

    /// Claims if something is due; spares an idle database the write.
    async fn look(&mut self) {
        match in_time(self.app.db.is_work_due(self.app.clock.now())).await {
            Ok(true) => self.claim().await,
            Ok(false) => {}
            Err(error) => self.trouble("look at the queue", &error).await,
        }
    }

    async fn claim(&mut self) {
        self.is_claim_asked_for = false;
        self.claim_all().await;
        let is_busy = self.running.len() * 2 > self.app.config.worker_concurrency;
        self.next_claim = Instant::now() + if is_busy { BETWEEN_CLAIMS } else { Duration::ZERO };
    }

    async fn claim_all(&mut self) {
        loop {
            let places = self.places();
            if places.all == 0 {
                return;
            }
            let claimed = self.app.db.claim_into(self.name, places, self.app.clock.now());
            let jobs = match in_time(claimed).await {
                Ok(jobs) => jobs,
                Err(error) => {
                    self.may_hold_more = true;
                    return self.trouble("claim jobs", &error).await;
                }
            };
            let full = i64::try_from(jobs.len()) == Ok(places.all);
            // Short work goes before all replies, so none was left behind one.
            let has_reply = jobs.iter().any(|job| job.kind == Some(JobKind::Reply));
            for job in jobs {
                self.start(job);
            }
            if !full || (has_reply && self.places().only_short) {
                return;
            }
        }
    }

    /// How many jobs may be taken, and of what kind: some places are kept free of replies, and most of what nobody waits for.
    fn places(&self) -> Places {
        let (most, busy) = (self.app.config.worker_concurrency, self.running.len());
        let (free, only_short) = match most.saturating_sub(busy).min(BATCH) {
            0 => ((most + KEPT_FOR_SHORT).saturating_sub(busy), true),
            free => (free, false),
        };
        let is_background = |running: &&Running| running.job.kind.is_some_and(JobKind::is_background);
        let behind = self.running.values().filter(is_background).count();
        let background = most.div_ceil(BACKGROUND_SHARE).saturating_sub(behind);
        let count = |places| i64::try_from(places).unwrap_or(1);
        Places { all: count(free), background: count(background), only_short }
    }

    fn tell(&self) {
        self.app.metrics.working(self.running.len(), self.app.config.worker_concurrency);
    }

    fn start(&mut self, job: Job) {
        let (app, mine) = (self.app.clone(), job.clone());
        let handle = self.tasks.spawn(async move {
            let outcome = run::run(&app, &mine).await;
            (mine, outcome)
        });
        self.by_task.insert(handle.id(), job.id);
        if let Some(outlived) = self.running.insert(job.id, Running { job, handle }) {
            // Our own lease ran out, and it was us who took the job up again.
            outlived.handle.abort();
        }
        self.tell();
    }

    async fn settle(&mut self, ended: Result<(tokio::task::Id, (Job, Result<()>)), JoinError>) {
        match ended {
            Ok((task, (job, outcome))) => {
                self.forget(task);
                if let Err(error) = outcome {
                    // It is put back with the next renewal, or its lease runs out.
                    self.may_hold_more = true;
                    tracing::error!(job = %job.id, error = %error, source = ?error, "A job could not be settled.");
                }
            }
            Err(error) => {
                let Some(job) = self.forget(error.id()) else { return };
                if error.is_panic() {
                    tracing::error!(job = %job.id, attempt = job.attempt, "A job panicked.");
                    if let Err(error) = run::set_back_after_panic(&self.app, &job).await {
                        self.may_hold_more = true;
                        tracing::error!(job = %job.id, error = %error, "A job that panicked could not be put back.");
                    }
                }
            }
        }
    }

    /// Takes an ended task off the books; none when a later attempt of its job is running in its place.
    fn forget(&mut self, task: tokio::task::Id) -> Option<Job> {
        let id = self.by_task.remove(&task)?;
        self.running.get(&id).filter(|running| running.handle.id() == task)?;
        let job = self.running.remove(&id).map(|running| running.job);
        self.tell();
        job
    }

    /// Prolongs the leases, drops the jobs that are ours no more, and puts back those that we hold without knowing.
    async fn renew(&mut self) {
        if self.running.is_empty() && !self.may_hold_more {
            self.renewed_at = Instant::now();
            return;
        }
        match in_time(self.app.db.renew_leases(self.name, self.app.clock.now())).await {
            Ok(held) => {
                self.renewed_at = Instant::now();
                self.may_hold_more = false;
                self.compare(held).await;
            }
            Err(error) => {
                tracing::error!(error = %error, "Leases could not be renewed.");
                if self.renewed_at.elapsed() >= LEASE {
                    self.running.values().for_each(|running| running.handle.abort());
                }
            }
        }
    }

    async fn compare(&mut self, held: Vec<(JobId, i64)>) {
        let held: HashMap<JobId, i64> = held.into_iter().collect();
        for (id, running) in &self.running {
            if held.get(id) != Some(&running.job.attempt) {
                self.app.metrics.lease_lost();
                running.handle.abort();
            }
        }
        for (id, attempt) in held {
            if !self.running.contains_key(&id) {
                let _ = self.app.db.release_job(id, attempt).await;
            }
        }
    }

    async fn wind_down(&mut self, cut: &CancellationToken, grace: Duration) {
        let deadline = Instant::now() + grace;
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => break,
                () = cut.cancelled() => break,
                _ = heartbeat.tick() => self.renew().await,
                ended = self.tasks.join_next_with_id() => match ended {
                    Some(ended) => self.settle(ended).await,
                    None => return,
                },
            }
        }
        self.tasks.shutdown().await;
        match in_time(self.app.db.release_all_jobs(self.name)).await {
            Ok(()) => tracing::info!(jobs = self.running.len(), "Jobs were put back because this process stops."),
            Err(error) => tracing::error!(error = %error, "Jobs could not be put back; their leases will run out."),
        }
    }

    /// Leaves the database alone for a moment.
    async fn trouble(&self, what: &str, error: &Error) {
        tracing::error!(error = %error, source = ?error, "The worker could not {what}.");
        tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
    }
}

/// A database that does not answer must not keep the worker from its heartbeat.
async fn in_time<T>(asked: impl Future<Output = Result<T>>) -> Result<T> {
    let answered = tokio::time::timeout(HEARTBEAT, asked).await;
    answered.unwrap_or_else(|_| Err(Error::unavailable("the database did not answer in time")))
}
