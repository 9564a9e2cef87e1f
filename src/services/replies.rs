//! Writing a reply: the conversation goes to the model, its answer is stored, and what fails is tried again or given
//! up with its quota unit returned.

use std::time::Duration;

use tokio::time::timeout;

use super::context::{self, Exchange};
use super::queue::{held, kind_name, put_back};
use super::writing::{Heard, away, listen, own_room};
use super::{plans, summaries};
use crate::app::App;
use crate::domain::chat::{self, Outcome, Status, TokenUsage};
use crate::domain::job::{self, DEATHS, EMPTY_TRIES, Job, LONGEST_CALL, PANICS, TRIES};
use crate::error::Result;
use crate::live::rooms::Stir;
use crate::live::trace;
use crate::providers::model::{Ending, ModelError, ModelFault, Prompt, Verdict};
use crate::storage::{Finished, ReplyTask, Setback, WriteError};

/// How long to leave the database alone before a reply is offered to it again.
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// Writes one reply, or puts its job back. Only faults of ours come out as errors.
pub async fn write_reply(app: &App, job: &Job) -> Result<()> {
    if let Some(error) = given_up(app, job) {
        return settle(app, job, failed(Outcome::Failed, error)).await;
    }
    let Some(task) = app.db.reply_task(job).await? else {
        return discard(app, job).await;
    };
    let model = plans::model_for(app, task.tier, task.model.as_deref());
    if let Some(until) = app.breaker.ask(model, app.clock.now()) {
        return postpone(app, job, until.since(app.clock.now())).await;
    }
    stir(app, job);
    let exchanges = context::exchanges(app.db.reply_context(job, &task).await?);
    let is_long = context::is_long(&exchanges, task.covered);
    let prompt = prompt(job, model, exchanges, task);
    let left = job.deadline_at.since(app.clock.now());
    let asked = trace::within(trace::step("model call"), timeout(left.min(LONGEST_CALL), listen(app, job, prompt)));
    match asked.await {
        Ok(Ok(Heard::Answer(text, ending))) => {
            app.breaker.succeeded(model);
            settle(app, job, finished(text, ending)).await?;
            if is_long {
                summaries::enqueue(app, job).await;
            }
            Ok(())
        }
        Ok(Ok(Heard::Stopped(text))) => settle(app, job, stopped(text)).await,
        Ok(Ok(Heard::Overtaken)) => {
            tracing::info!(job = %job.id, attempt = job.attempt, "A reply was ended, or is somebody else's now.");
            Ok(())
        }
        Ok(Err(fault)) => set_back(app, job, model, &fault).await,
        Err(_) if left < LONGEST_CALL => settle(app, job, failed(Outcome::Failed, "deadline_exceeded")).await,
        Err(_) => set_back(app, job, model, &away("the answer took too long")).await,
    }
}

/// Throws a job away whose message is gone, or whose kind this version does not know.
pub async fn discard(app: &App, job: &Job) -> Result<()> {
    tracing::warn!(job = %job.id, "A job was discarded: nothing here knows what to do with it.");
    held(app, app.db.discard_job(job).await)
}

/// Counts a panic of the job and puts it back, or gives it up.
pub async fn set_back_after_panic(app: &App, job: &Job) -> Result<()> {
    if job.panics + 1 >= PANICS {
        return settle(app, job, failed(Outcome::Failed, "internal")).await;
    }
    let wait = job::backoff(job.panics + 1, None, rand::random());
    let setback = Setback { run_at: app.clock.now() + wait, errors: 0, panics: 1, error: "internal" };
    put_back(app, job, &setback).await
}

fn given_up(app: &App, job: &Job) -> Option<&'static str> {
    if app.clock.now() >= job.deadline_at {
        return Some("deadline_exceeded");
    }
    (job.deaths >= DEATHS || job.errors >= TRIES).then_some("internal")
}

/// Has whoever watches the room look what has changed.
fn stir(app: &App, job: &Job) {
    if let Some(room) = own_room(job) {
        app.rooms.tell(room, Stir::Look);
    }
}

fn prompt(job: &Job, model: &str, exchanges: Vec<Exchange>, task: ReplyTask) -> Prompt {
    let is_second_try_for_room = job.last_error.as_deref() == Some(ModelFault::NoRoom.code());
    Prompt {
        model: model.to_owned(),
        instructions: task.instructions,
        turns: context::turns(exchanges, task.summary.as_deref()),
        max_output_tokens: if is_second_try_for_room { chat::REPLY_TOKENS * 4 } else { chat::REPLY_TOKENS },
    }
}

fn finished(text: String, ending: Ending) -> Finished {
    let (outcome, content, error) = match ending.verdict {
        Verdict::Complete => (Outcome::Completed, text, None),
        Verdict::Truncated => (Outcome::Truncated, text, None),
        Verdict::PromptBlocked => (Outcome::Blocked, String::new(), Some("prompt_blocked")),
        Verdict::Withheld => (Outcome::Blocked, String::new(), Some("answer_withheld")),
    };
    let usage = TokenUsage { prompt_tokens: ending.usage.prompt_tokens, reply_tokens: ending.usage.reply_tokens };
    Finished { outcome, content, error, model: ending.model_version, usage }
}

fn stopped(content: String) -> Finished {
    Finished { outcome: Outcome::Stopped, content, error: None, model: None, usage: TokenUsage::default() }
}

fn failed(outcome: Outcome, error: &'static str) -> Finished {
    Finished { outcome, content: String::new(), error: Some(error), model: None, usage: TokenUsage::default() }
}

/// Puts a job back after a fault of the model, or gives it up: by the kind of fault, the tries it has had, and what
/// is left until its deadline.
async fn set_back(app: &App, job: &Job, model: &str, error: &ModelError) -> Result<()> {
    let (fault, tries) = (error.fault, job.errors + 1);
    note_fault(app, job, model, error);
    // What was tried for another fault says nothing of this one.
    let is_first_of_its_kind = job.last_error.as_deref() != Some(fault.code());
    let may_help = match fault {
        ModelFault::Empty => tries < EMPTY_TRIES || is_first_of_its_kind,
        ModelFault::NoRoom => is_first_of_its_kind,
        _ => fault.is_transient(),
    };
    let wait = job::backoff(tries, error.retry_after, rand::random());
    let in_time = app.clock.now() + wait < job.deadline_at;
    if may_help && tries < TRIES && in_time {
        let setback = Setback { run_at: app.clock.now() + wait, errors: 1, panics: 0, error: fault.code() };
        return put_back(app, job, &setback).await;
    }
    let outcome = if fault == ModelFault::Empty { Outcome::Empty } else { Outcome::Failed };
    settle(app, job, failed(outcome, fault.code())).await
}

fn note_fault(app: &App, job: &Job, model: &str, error: &ModelError) {
    app.metrics.model_failed(error.fault.code());
    let now = app.clock.now();
    match error.fault {
        ModelFault::Misconfigured => {
            app.breaker.failed(model, now, true);
            tracing::error!(job = %job.id, note = error.note, "The model refuses our key, account or model name.");
        }
        ModelFault::Away => {
            tracing::warn!(job = %job.id, attempt = job.attempt, note = error.note, "A call of the model failed.");
            if app.breaker.failed(model, now, false) {
                tracing::error!("The model has failed many times in a row; calls pause for some seconds.");
            }
        }
        fault => {
            tracing::warn!(job = %job.id, attempt = job.attempt, %fault, note = error.note, "A call of the model failed.");
        }
    }
}

/// Puts a job back uncounted, to be taken up later or, past its deadline, given up. What its last try ended in is kept,
/// as that decides what the next one does.
async fn postpone(app: &App, job: &Job, wait: Duration) -> Result<()> {
    let error = job.last_error.as_deref().unwrap_or(ModelFault::Away.code());
    let spread = Duration::from_millis(rand::random_range(0..500));
    let run_at = (app.clock.now() + wait + spread).min(job.deadline_at);
    put_back(app, job, &Setback { run_at, errors: 0, panics: 0, error }).await
}

/// Makes the reply final and says so.
async fn settle(app: &App, job: &Job, done: Finished) -> Result<()> {
    match trace::within(trace::step("finish"), finish_in_time(app, job, &done)).await {
        Ok(()) => {
            app.bus.announce_final(job.reply());
            stir(app, job);
            if done.outcome.status() == Status::Failed {
                app.metrics.job_died(kind_name(job));
            }
            app.metrics.reply_final(done.outcome, done.usage.prompt_tokens, done.usage.reply_tokens);
            tracing::info!(
                job = %job.id, reply = %job.reply(), attempt = job.attempt, outcome = done.outcome.as_str(),
                error = done.error, "A reply is final."
            );
            Ok(())
        }
        Err(WriteError::Failed(error)) if !error.is_transient() => {
            // What can't be stored now can't be stored by the next renewal either: it counts as a failed try.
            let wait = job::backoff(job.errors + 1, None, rand::random());
            let setback = Setback { run_at: app.clock.now() + wait, errors: 1, panics: 0, error: "internal" };
            put_back(app, job, &setback).await.and(Err(error))
        }
        other => {
            // It may have ended all the same, with an answer that was lost: who watches looks.
            stir(app, job);
            held(app, other)
        }
    }
}

/// Keeps trying while the database is away and the lease may still be ours: an answer is too dear to be thrown away. If
/// only the answer to the commit was lost, the next try finds the job gone, and nothing happens twice.
async fn finish_in_time(app: &App, job: &Job, done: &Finished) -> Result<(), WriteError> {
    let deadline = tokio::time::Instant::now() + job::LEASE;
    loop {
        match app.db.finish_reply(job, done, app.clock.now()).await {
            Err(WriteError::Failed(error)) if error.is_transient() && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(BETWEEN_TRIES).await;
            }
            outcome => return outcome,
        }
    }
}
