//! A reply being written: each piece is shown at once to whoever watches, and the text is saved about three times a
//! second, so that little of it is ever lost.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep_until};

use crate::app::App;
use crate::domain::chat::Status;
use crate::domain::job::Job;
use crate::domain::stream::{OwnRoom, Piece as Shown};
use crate::live::rooms::Stir;
use crate::providers::model::{Ending, ModelError, ModelFault, Piece, Prompt};
use crate::storage::{Growth, Part, Refusal, WriteError};

/// How often the growing text is saved.
const SAVE_EVERY: Duration = Duration::from_millis(333);

/// What became of listening to the model.
#[derive(Debug)]
pub enum Heard {
    /// Its whole answer.
    Answer(String, Ending),
    /// The text until its reader wanted no more.
    Stopped(String),
    /// The reply is not ours any more: nothing is left to be done.
    Overtaken,
}

/// Reads the model's answer to its end. Dropping this drops the call.
pub async fn listen(app: &App, job: &Job, prompt: Prompt) -> Result<Heard, ModelError> {
    let watch = app.bus.watch(job.reply());
    let (ended, asked_to_stop) = (watch.rung(), watch.asked_to_stop());
    tokio::pin!(ended, asked_to_stop);
    let call = Call::begin(app);
    let mut pieces = app.model.answer(prompt);
    let mut draft = Draft::new(app, job);
    let mut saving: Option<BoxFuture<'_, Result<(), WriteError>>> = None;
    loop {
        let is_saving = saving.is_some();
        tokio::select! {
            biased;
            () = &mut asked_to_stop => return Ok(Heard::Stopped(draft.text)),
            // Somebody ended it, or so it is said.
            () = &mut ended => {
                ended.set(watch.rung());
                if !draft.is_still_ours().await {
                    return Ok(Heard::Overtaken);
                }
            }
            saved = ended_save(&mut saving), if is_saving => {
                saving = None;
                if !draft.saved(&saved) && !draft.is_still_ours().await {
                    return Ok(Heard::Overtaken);
                }
            }
            piece = pieces.next() => match piece {
                Some(Ok(Piece::Text(more))) => {
                    if draft.length == 0 {
                        app.metrics.model_spoke(call.began.elapsed());
                    }
                    draft.add(&more);
                }
                Some(Ok(Piece::End(ending))) => return Ok(Heard::Answer(draft.text, ending)),
                Some(Err(error)) => return Err(error),
                None => return Err(away("the answer stopped without an end")),
            },
            () = sleep_until(draft.save_at), if !is_saving && draft.has_unsaved() => saving = Some(draft.save()),
        }
    }
}

/// A call of the model; however it ends, also by being dropped, its time is counted.
pub(super) struct Call<'a> {
    app: &'a App,
    began: Instant,
}

impl<'a> Call<'a> {
    pub(super) fn begin(app: &'a App) -> Self {
        Self { app, began: Instant::now() }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.app.metrics.model_called(self.began.elapsed());
    }
}

/// The end of the save under way; never, while there is none.
async fn ended_save(saving: &mut Option<BoxFuture<'_, Result<(), WriteError>>>) -> Result<(), WriteError> {
    match saving {
        Some(saving) => saving.await,
        None => std::future::pending().await,
    }
}

/// A fault as if the model were away.
#[must_use]
pub fn away(note: &str) -> ModelError {
    ModelError { fault: ModelFault::Away, retry_after: None, note: note.to_owned() }
}

/// The text so far, and how much of it is safe.
struct Draft<'a> {
    app: &'a App,
    job: &'a Job,
    text: String,
    length: usize,
    /// Bytes and Unicode scalar values that are stored, and those that will be when the save under way succeeds.
    safe: (usize, usize),
    soon_safe: (usize, usize),
    save_at: Instant,
}

impl<'a> Draft<'a> {
    fn new(app: &'a App, job: &'a Job) -> Self {
        let save_at = Instant::now() + SAVE_EVERY;
        Self { app, job, text: String::new(), length: 0, safe: (0, 0), soon_safe: (0, 0), save_at }
    }

    fn add(&mut self, more: &str) {
        self.show(more);
        self.text.push_str(more);
        self.length += more.chars().count();
    }

    fn show(&self, more: &str) {
        let Some(room) = own_room(self.job) else { return };
        let attempt = u32::try_from(self.job.attempt).unwrap_or(u32::MAX);
        let piece = Shown { reply: self.job.reply(), attempt, offset: self.length, text: more.into() };
        self.app.rooms.tell(room, Stir::Piece(piece.into()));
    }

    fn has_unsaved(&self) -> bool {
        self.text.len() > self.safe.0
    }

    fn save(&mut self) -> BoxFuture<'a, Result<(), WriteError>> {
        self.soon_safe = (self.text.len(), self.length);
        let (app, job, length) = (self.app, self.job, self.safe.1);
        let more = self.text[self.safe.0..].to_owned();
        Box::pin(async move { app.db.grow_reply(job, &more, length).await })
    }

    /// Looks whether the reply is ours. A save whose answer was lost may have been stored after all: then the next one was
    /// refused, and goes on from what is there.
    async fn is_still_ours(&mut self) -> bool {
        let Some(room) = own_room(self.job) else { return false };
        match self.app.db.growth(room, self.job.reply(), Part::NOTHING).await {
            Ok(Some(stored)) if self.is_by_us(&stored) => {
                let bytes = self.text.char_indices().nth(stored.length).map_or(self.text.len(), |(at, _)| at);
                self.safe = (bytes, stored.length);
                true
            }
            Ok(_) => false,
            // Whoever can't be asked is asked again by the next save.
            Err(_) => true,
        }
    }

    fn is_by_us(&self, stored: &Growth) -> bool {
        let is_held = stored.status == Status::Generating && i64::from(stored.attempt) == self.job.attempt;
        is_held && stored.length <= self.length
    }

    /// Notes how a save ended; false when it was refused.
    fn saved(&mut self, outcome: &Result<(), WriteError>) -> bool {
        self.save_at = Instant::now() + SAVE_EVERY;
        match outcome {
            Ok(()) => self.safe = self.soon_safe,
            Err(WriteError::Refused(Refusal::LeaseLost)) => return false,
            // The end of the reply is stored whole, so a save that failed costs nothing but a crash's text.
            Err(error) => tracing::debug!(job = %self.job.id, ?error, "A growing reply could not be saved."),
        }
        true
    }
}

/// The room of a reply's job.
#[must_use]
pub fn own_room(job: &Job) -> Option<OwnRoom> {
    Some(OwnRoom { owner: job.user_id?, room: job.chatroom_id? })
}
