//! How a job that is no reply ends: done, put back for a later try, or given up. (A reply's job ends with its reply.)

use std::time::Duration;

use crate::app::App;
use crate::domain::job::{self, DEATHS, Job, PANICS};
use crate::error::{Error, Result};
use crate::storage::{Refusal, Setback, WriteError};

/// True when a job has had its time, or has ended too many processes: it is to be given up before it is begun.
#[must_use]
pub fn is_spent(app: &App, job: &Job) -> bool {
    app.clock.now() >= job.deadline_at || job.deaths >= DEATHS
}

/// Takes a job that is done out of the queue.
pub async fn finish(app: &App, job: &Job) -> Result<()> {
    held(app, app.db.finish_job(job).await)
}

/// Puts a job back for a later try, or gives it up when that would be past its deadline; `asked` is the wait that
/// somebody asked for.
pub async fn set_back(app: &App, job: &Job, error: &'static str, asked: Option<Duration>) -> Result<()> {
    let wait = job::backoff(job.errors + 1, asked, rand::random());
    let run_at = app.clock.now() + wait;
    if run_at >= job.deadline_at {
        return give_up(app, job, error).await;
    }
    put_back(app, job, &Setback { run_at, errors: 1, panics: 0, error }).await
}

/// Puts a job back as it is told, and counts what was tried in vain.
pub async fn put_back(app: &App, job: &Job, setback: &Setback<'_>) -> Result<()> {
    if setback.errors + setback.panics > 0 {
        app.metrics.job_retried(kind_name(job));
    }
    held(app, app.db.retry_job(job, setback).await)
}

/// Gives a job up; it is kept for the operator.
pub async fn give_up(app: &App, job: &Job, error: &'static str) -> Result<()> {
    tracing::error!(job = %job.id, kind = kind_name(job), error, "A job was given up.");
    app.metrics.job_died(kind_name(job));
    held(app, app.db.bury_job(job, error).await)
}

/// Counts a panic of the job and puts it back, or gives it up.
pub async fn set_back_after_panic(app: &App, job: &Job) -> Result<()> {
    if job.panics + 1 >= PANICS {
        return give_up(app, job, "internal").await;
    }
    let wait = job::backoff(job.panics + 1, None, rand::random());
    let setback = Setback { run_at: app.clock.now() + wait, errors: 0, panics: 1, error: "internal" };
    put_back(app, job, &setback).await
}

/// A lost lease is no error: whoever holds the job now does the rest.
pub fn held(app: &App, outcome: Result<(), WriteError>) -> Result<()> {
    match outcome {
        Err(WriteError::Refused(Refusal::LeaseLost)) => {
            app.metrics.lease_lost();
            tracing::info!("A job was no longer ours when it was to be written; nothing was changed.");
            Ok(())
        }
        other => other.map_err(Error::from),
    }
}

/// What a job is called in logs and counts.
pub fn kind_name(job: &Job) -> &'static str {
    job.kind.map_or("unknown", job::JobKind::as_str)
}
