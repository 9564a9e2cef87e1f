//! Finding a title for a room that nobody named, by what was said first in it. Until then, and where nothing comes of it,
//! the room goes by its first words.

use super::aside::{self, Heard, Question};
use super::chats::room_changed;
use super::queue::{finish, held};
use crate::app::App;
use crate::domain::job::Job;
use crate::domain::stream::OwnRoom;
use crate::domain::title;
use crate::error::{Error, Result};

/// Gives a room its title, or leaves it as it is called.
pub async fn title_room(app: &App, job: &Job) -> Result<()> {
    if aside::is_let_go(app, job).await? {
        return Ok(());
    }
    // A room that is gone, or was named meanwhile, needs none.
    let Some(words) = app.db.first_words(job).await? else { return finish(app, job).await };
    let question = Question {
        instructions: title::INSTRUCTIONS,
        data: serde_json::to_string(&words).map_err(Error::internal)?,
        max_output_tokens: title::TOKENS,
        answer_bytes: title::ANSWER_BYTES,
    };
    match aside::ask(app, job, question).await? {
        Heard::Answer(text) => match title::from_answer(&text) {
            Some(title) => give(app, job, &title).await,
            None => aside::let_go(app, job, "no_title").await,
        },
        Heard::Refused => aside::let_go(app, job, "refused").await,
        Heard::Over => Ok(()),
    }
}

async fn give(app: &App, job: &Job, title: &str) -> Result<()> {
    let given = app.db.title_room(job, title).await;
    if let Some(owner) = job.user_id {
        room_changed(app, OwnRoom { owner, room: job.room() }).await;
    }
    held(app, given)
}
