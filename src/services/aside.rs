//! Asking the model beside a conversation, for a title or a summary. Nobody waits for it: it costs no quota, it never keeps
//! the model from replies, and after a second try in vain it is let go without a trace but a line in the log.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::plans;
use super::queue::{finish, is_spent, kind_name, put_back};
use super::writing::{Call, away};
use crate::app::App;
use crate::domain::job::{self, BACKGROUND_TRIES, Job};
use crate::domain::plan::Tier;
use crate::error::Result;
use crate::providers::model::{ModelError, Piece, Prompt, Speaker, Turn, Verdict};
use crate::storage::Setback;

/// The longest one call may take.
const LONGEST_CALL: Duration = Duration::from_secs(45);
/// How long to leave a model alone that replies are not let through to.
const WHILE_PAUSED: Duration = Duration::from_secs(30);

/// What is asked.
pub(super) struct Question {
    /// What is to be done.
    pub instructions: &'static str,
    /// What it is to be done with.
    pub data: String,
    /// The longest answer wanted, thinking included.
    pub max_output_tokens: u32,
    /// Bytes of the answer after which no more of it is read.
    pub answer_bytes: usize,
}

/// What came of asking.
pub(super) enum Heard {
    /// An answer; it may be cut off.
    Answer(String),
    /// The model does not want to say anything about this.
    Refused,
    /// Nothing, and the job is put back or let go already.
    Over,
}

/// True when the job is not worth beginning any more; then it is let go.
pub(super) async fn is_let_go(app: &App, job: &Job) -> Result<bool> {
    let is_over = is_spent(app, job) || job.errors >= BACKGROUND_TRIES;
    if is_over {
        let_go(app, job, "too_late").await?;
    }
    Ok(is_over)
}

/// Lets a job go without its effect: nobody was promised any.
pub(super) async fn let_go(app: &App, job: &Job, why: &'static str) -> Result<()> {
    tracing::info!(job = %job.id, kind = kind_name(job), why, "A room stays as it is.");
    finish(app, job).await
}

/// Puts a job back after a panic of its own, once.
pub async fn set_back_after_panic(app: &App, job: &Job) -> Result<()> {
    if job.panics > 0 {
        return let_go(app, job, "internal").await;
    }
    let wait = job::backoff(1, None, rand::random());
    put_back(app, job, &Setback { run_at: app.clock.now() + wait, errors: 0, panics: 1, error: "internal" }).await
}

/// Asks the model of the Basic plan. The breaker is asked and nothing is told to it: replies find out for themselves.
pub(super) async fn ask(app: &App, job: &Job, question: Question) -> Result<Heard> {
    let model = plans::model_for(app, Tier::Basic, None);
    if app.breaker.is_paused(model) {
        let setback = Setback { run_at: app.clock.now() + WHILE_PAUSED, errors: 0, panics: 0, error: "model_paused" };
        put_back(app, job, &setback).await?;
        return Ok(Heard::Over);
    }
    let most = question.answer_bytes;
    let asked = timeout(LONGEST_CALL, read(app, prompt(model, question), most)).await;
    match asked.unwrap_or_else(|_| Err(away("the answer took too long"))) {
        Ok(heard) => Ok(heard),
        Err(fault) => {
            set_back(app, job, &fault).await?;
            Ok(Heard::Over)
        }
    }
}

fn prompt(model: &str, question: Question) -> Prompt {
    Prompt {
        model: model.to_owned(),
        instructions: Some(question.instructions.to_owned()),
        turns: vec![Turn { speaker: Speaker::User, text: question.data }],
        max_output_tokens: question.max_output_tokens,
    }
}

/// Reads an answer to its end, or to where enough of it is read.
async fn read(app: &App, prompt: Prompt, most: usize) -> Result<Heard, ModelError> {
    let _call = Call::begin(app);
    let mut pieces = app.model.answer(prompt);
    let mut text = String::new();
    while let Some(piece) = pieces.next().await {
        match piece? {
            Piece::Text(more) => text.push_str(&more),
            Piece::End(ending) => {
                app.metrics.model_counted(ending.usage.prompt_tokens, ending.usage.reply_tokens);
                return Ok(match ending.verdict {
                    Verdict::Complete | Verdict::Truncated => Heard::Answer(text),
                    Verdict::PromptBlocked | Verdict::Withheld => Heard::Refused,
                });
            }
        }
        if text.len() > most {
            return Ok(Heard::Answer(text));
        }
    }
    Err(away("the answer stopped without an end"))
}

/// Puts a job back after a fault of the model, or lets it go.
async fn set_back(app: &App, job: &Job, error: &ModelError) -> Result<()> {
    let (code, tries) = (error.fault.code(), job.errors + 1);
    app.metrics.model_failed(code);
    tracing::info!(job = %job.id, attempt = job.attempt, fault = code, note = error.note, "A call beside a conversation failed.");
    let run_at = app.clock.now() + job::backoff(tries, error.retry_after, rand::random());
    if !error.fault.is_transient() || tries >= BACKGROUND_TRIES || run_at >= job.deadline_at {
        return let_go(app, job, code).await;
    }
    put_back(app, job, &Setback { run_at, errors: 1, panics: 0, error: code }).await
}
