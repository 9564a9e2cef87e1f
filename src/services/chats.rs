//! Rooms of a user.

use super::idempotency::{self, Admission, Ticket};
use super::plans;
use crate::app::App;
use crate::domain::chat::Chatroom;
use crate::domain::ids::{ChatroomId, UserId};
use crate::domain::stream::OwnRoom;
use crate::domain::text::Name;
use crate::domain::user::Session;
use crate::error::{Code, Error, Result};
use crate::live::rooms::Stir;
use crate::storage::{ChatroomChange, NewChatroom, Refusal};

/// What a room shall be.
#[derive(Debug, Default)]
pub struct RoomWish {
    /// Its name.
    pub name: Option<Name>,
    /// Standing instructions.
    pub instructions: Option<String>,
    /// A model of its own.
    pub model: Option<String>,
}

/// An answer, and whether it is the first one again.
#[derive(Debug)]
pub struct Answered<T> {
    /// The answer.
    pub answer: T,
    /// True when an earlier request with the same key had the effect.
    pub replayed: bool,
}

/// Makes a room.
pub async fn make_room(app: &App, caller: Session, wish: RoomWish, key: &[Vec<u8>]) -> Result<Answered<Chatroom>> {
    plans::check_model(app, caller.tier, wish.model.as_deref())?;
    let name = wish.name.as_ref().map_or("", Name::as_str);
    let asked = [
        if wish.name.is_some() { "named" } else { "" },
        name,
        wish.instructions.as_deref().unwrap_or_default(),
        wish.model.as_deref().unwrap_or_default(),
    ];
    let ticket = Ticket { user_id: caller.user_id, route: idempotency::ROOM_MADE, header: key, asked: &asked };
    let admission = idempotency::admit(app, &ticket).await?;
    if let Admission::Replay(stored) = admission {
        let answer = serde_json::from_str(&stored.answer).map_err(Error::internal)?;
        return Ok(Answered { answer, replayed: true });
    }
    app.limiter.make_room(caller.user_id, app.clock.now()).await?;
    let now = app.clock.now();
    let new = NewChatroom {
        id: ChatroomId::new(now),
        user_id: caller.user_id,
        name: wish.name,
        instructions: wish.instructions,
        model: wish.model,
        now,
    };
    let row = admission.row(&new.room(), None, now)?;
    let answer = app.db.add_chatroom(&new, row).await.map_err(|error| error.or(room_refused));
    rooms_changed(app, caller.user_id).await;
    Ok(Answered { answer: answer?, replayed: false })
}

/// Changes a room and answers with what it is then.
pub async fn change_room(app: &App, caller: Session, id: ChatroomId, change: ChatroomChange) -> Result<Chatroom> {
    if let Some(model) = &change.model {
        plans::check_model(app, caller.tier, model.as_deref())?;
    }
    let changed = app.db.change_chatroom(id, caller.user_id, change).await;
    room_changed(app, OwnRoom { owner: caller.user_id, room: id }).await;
    changed?;
    app.db.chatroom(id, caller.user_id).await?.ok_or_else(Error::not_found)
}

/// Deletes a room with all that is in it; a reply being written there goes nowhere.
pub async fn delete_room(app: &App, caller: Session, id: ChatroomId) -> Result<()> {
    let deleted = app.db.delete_chatroom(id, caller.user_id).await;
    room_changed(app, OwnRoom { owner: caller.user_id, room: id }).await;
    Ok(deleted?)
}

/// Says that a room is not what it was: to whoever watches it, and before the next room list is read.
pub(super) async fn room_changed(app: &App, own: OwnRoom) {
    rooms_changed(app, own.owner).await;
    app.rooms.tell(own, Stir::Look);
}

/// Sees to it that the next room list is read anew, here and elsewhere, before the write that changed it is answered. Where
/// the shared copy can't be reached, others may still reach it: they learn from the database not to believe it.
async fn rooms_changed(app: &App, owner: UserId) {
    if app.cache.forget_rooms(owner).await {
        return;
    }
    if let Err(error) = app.db.begin_rooms_epoch(owner).await {
        tracing::warn!(error = %error, "A shared room list could not be given up; it is old until it expires.");
    }
    app.sessions_changed(Some(owner));
}

fn room_refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::RoomLimit => {
            Error::new(Code::RoomLimitReached, "You have as many rooms as one account may have. Delete some first.")
        }
        Refusal::KeyTaken => idempotency::in_progress(),
        _ => Error::not_found(),
    }
}
