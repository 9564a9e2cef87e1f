//! Bringing the summary of a long room up to date: the oldest turns that it does not cover go into it, so that the newest
//! have room in the context of a reply.

use super::aside::{self, Heard, Question};
use super::context::{self, Exchange};
use super::queue::{finish, held};
use super::writing::own_room;
use crate::app::App;
use crate::domain::job::{Job, JobKind, NewJob};
use crate::domain::stream::OwnRoom;
use crate::domain::summary::{self, Material, Said};
use crate::error::{Error, Result};
use crate::live::rooms::Stir;
use crate::storage::{AT_ONCE, Covered, Earlier, Refusal, WriteError};

/// Asks for the summary of a reply's room to be brought up to date. What fails here is asked for again with the next reply.
pub async fn enqueue(app: &App, reply: &Job) {
    let Some(own) = own_room(reply) else { return };
    let new = NewJob::about_room(JobKind::SummariseRoom, own.room, own.owner, app.clock.now());
    match app.db.enqueue_once(new).await {
        Ok(()) => app.bus.ring_for_jobs(),
        Err(error) => tracing::warn!(%error, "The summary of a room could not be asked for."),
    }
}

/// Brings the summary of a room up to date, or leaves it as it is.
pub async fn summarise_room(app: &App, job: &Job) -> Result<()> {
    if aside::is_let_go(app, job).await? {
        return Ok(());
    }
    let Some(own) = job.user_id.map(|owner| OwnRoom { owner, room: job.room() }) else { return finish(app, job).await };
    let Some(covered) = app.db.covered(own).await? else { return finish(app, job).await };
    // A room that is not so long any more, as another job was first, or that waits for its replies, needs none.
    let Some(part) = part(app, own, &covered).await? else { return finish(app, job).await };
    let heard = if part.turns.is_empty() { Heard::Refused } else { asked(app, job, &covered, part.turns).await? };
    let content = match heard {
        Heard::Answer(text) => Some(text),
        // What the model does not want to speak of is passed over, or each reply would have it asked again.
        Heard::Refused => covered.content.clone(),
        Heard::Over => return Ok(()),
    };
    write(app, (job, own), &covered, Covered { content, seq: part.through, version: 0 }).await
}

async fn asked(app: &App, job: &Job, covered: &Covered, turns: Vec<Said>) -> Result<Heard> {
    let material = Material { summary: covered.content.clone(), turns };
    let question = Question {
        instructions: summary::INSTRUCTIONS,
        data: serde_json::to_string(&material).map_err(Error::internal)?,
        max_output_tokens: summary::TOKENS,
        answer_bytes: summary::ANSWER_BYTES,
    };
    let heard = aside::ask(app, job, question).await?;
    let Heard::Answer(text) = heard else { return Ok(heard) };
    let Some(summary) = summary::from_answer(&text) else {
        aside::let_go(app, job, "no_summary").await?;
        return Ok(Heard::Over);
    };
    Ok(Heard::Answer(summary))
}

/// The turns that go into a summary next, and the place of the last message among them.
struct Part {
    turns: Vec<Said>,
    through: i64,
}

async fn part(app: &App, own: OwnRoom, covered: &Covered) -> Result<Option<Part>> {
    let newest = context::exchanges(app.db.newest_uncovered(own, covered).await?);
    if !context::is_long(&newest, covered.seq) {
        return Ok(None);
    }
    let before = first_kept(&newest);
    let oldest = app.db.uncovered(own, covered, before).await?;
    let again = app.db.uncovered_again(own, covered, before).await?;
    Ok(taken(oldest, again))
}

/// The place of the first exchange that is left as it was said, of those given newest first.
fn first_kept(newest: &[Exchange]) -> i64 {
    let (mut messages, mut tokens, mut first) = (0, 0, i64::MAX);
    for exchange in newest {
        messages += exchange.messages();
        tokens += exchange.tokens();
        let is_too_much = messages > summary::KEPT_MESSAGES || tokens > summary::KEPT_TOKENS;
        if is_too_much && first < i64::MAX {
            break;
        }
        first = exchange.seq;
    }
    first
}

/// As many whole exchanges, given oldest first, as one summary is made of; at least one. Further replies to their messages
/// may stand anywhere.
fn taken(oldest: Vec<Earlier>, again: Vec<Earlier>) -> Option<Part> {
    let is_cut = i64::try_from(oldest.len()) == Ok(AT_ONCE);
    let open = oldest.last().filter(|last| is_cut && last.reply_to.is_none()).map(|last| last.seq);
    let places: Vec<i64> = oldest.iter().map(|earlier| earlier.seq).collect();
    let (mut turns, mut tokens, mut end) = (Vec::new(), 0, open.unwrap_or(i64::MAX));
    for exchange in context::exchanges(oldest.into_iter().chain(again).collect()) {
        let exchange = exchange.shortened(summary::SEEN);
        tokens += exchange.tokens();
        if exchange.seq >= end || (tokens > summary::TAKEN_TOKENS && !turns.is_empty()) {
            end = end.min(exchange.seq);
            break;
        }
        turns.push(Said::User(exchange.message));
        turns.extend(exchange.answer.map(Said::Model));
    }
    let through = places.into_iter().rfind(|place| *place < end)?;
    Some(Part { turns, through })
}

async fn write(app: &App, (job, own): (&Job, OwnRoom), read: &Covered, now: Covered) -> Result<()> {
    match app.db.summarise_room(job, read, now, app.clock.now()).await {
        // Another job was first, or the owner took away what this one is made of.
        Err(WriteError::Refused(Refusal::Stale)) => aside::let_go(app, job, "overtaken").await,
        outcome => {
            app.rooms.tell(own, Stir::Look);
            held(app, outcome)
        }
    }
}
