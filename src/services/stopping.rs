//! Stopping a reply: from any process, whoever writes it, also when nobody does.

use std::time::Duration;

use super::sending::own_message;
use crate::app::App;
use crate::domain::chat::{Message, Outcome, Status};
use crate::domain::ids::{ChatroomId, MessageId};
use crate::domain::stream::OwnRoom;
use crate::domain::user::Session;
use crate::error::{Error, Result};
use crate::live::rooms::Stir;
use crate::storage::{Refusal, WriteError};

/// How long whoever writes a reply has to end it.
const BY_ITS_WRITER: Duration = Duration::from_millis(500);

/// Stops a reply and answers with it as it is then; one that has ended stays as it ended. Its worker is asked first, which
/// knows text that was shown and is not stored yet; who writes nothing, or can't be asked, finds the reply ended.
pub async fn stop_reply(app: &App, caller: Session, room: ChatroomId, id: MessageId) -> Result<Message> {
    let mut reply = find(app, caller, room, id).await?;
    if reply.status == Status::Generating {
        ask_its_writer(app, id).await;
        reply = find(app, caller, room, id).await?;
    }
    let own = OwnRoom { owner: caller.user_id, room };
    if reply.status.is_final() {
        app.rooms.tell(own, Stir::Look);
        return Ok(reply);
    }
    match app.db.stop_reply(own, id, app.clock.now()).await {
        Ok(()) => {
            app.metrics.reply_final(Outcome::Stopped, 0, 0);
            tracing::info!(reply = %id, "A reply was stopped.");
        }
        // Somebody else was first: it ended, or was stopped already.
        Err(WriteError::Refused(Refusal::Stale)) => {}
        Err(error) => return Err(error.or(|_| Error::not_found())),
    }
    app.bus.announce_final(id);
    app.bus.ring_for_jobs();
    app.rooms.tell(own, Stir::Look);
    find(app, caller, room, id).await
}

async fn ask_its_writer(app: &App, id: MessageId) {
    let watch = app.bus.watch(id);
    let ended = watch.rung();
    app.bus.ask_to_stop(id);
    let _ = tokio::time::timeout(BY_ITS_WRITER, ended).await;
}

async fn find(app: &App, caller: Session, room: ChatroomId, id: MessageId) -> Result<Message> {
    let message = own_message(app, caller, room, id).await?;
    if message.reply.is_some() { Ok(message) } else { Err(Error::not_found()) }
}
