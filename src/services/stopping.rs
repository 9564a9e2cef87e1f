//! Stopping a reply: from any process, whoever writes it, also when nobody does.

use crate::app::App;
use crate::domain::chat::{Message, Outcome};
use crate::domain::ids::{ChatroomId, MessageId};
use crate::domain::stream::OwnRoom;
use crate::domain::user::Session;
use crate::error::{Error, Result};
use crate::live::rooms::Stir;
use crate::storage::{Refusal, WriteError};

/// Stops a reply and answers with it as it is then; one that has ended stays as it ended. Its worker drops the call of
/// the model as soon as it hears of it, or finds that it may not save any more.
pub async fn stop_reply(app: &App, caller: Session, room: ChatroomId, id: MessageId) -> Result<Message> {
    let reply = find(app, caller, room, id).await?;
    if reply.status.is_final() {
        return Ok(reply);
    }
    let own = OwnRoom { owner: caller.user_id, room };
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

async fn find(app: &App, caller: Session, room: ChatroomId, id: MessageId) -> Result<Message> {
    let found = app.db.message(id, room, caller.user_id).await?;
    found.filter(|message| message.reply.is_some()).ok_or_else(Error::not_found)
}
