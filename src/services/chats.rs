//! Rooms and messages of a user.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::idempotency::{self, Admission, Ticket};
use super::plans;
use crate::app::App;
use crate::domain::chat::{Chatroom, Message, ReplyDetails, Role, Status};
use crate::domain::ids::{ChatroomId, MessageId, UserId};
use crate::domain::plan::Quota;
use crate::domain::stream::OwnRoom;
use crate::domain::text::{Content, Name};
use crate::domain::user::Session;
use crate::error::{Code, Error, Result};
use crate::live::rooms::Stir;
use crate::live::trace;
use crate::storage::{ChatroomChange, NewChatroom, NewExchange, Refusal, WriteError};

/// How often a waiting request looks for itself, should no announcement reach it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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

/// A message taken, its reply on the way.
#[derive(Debug, Serialize, Deserialize)]
pub struct Accepted {
    /// The stored message.
    pub message: Message,
    /// The pending reply.
    pub reply: Message,
    /// The quota after it.
    pub quota: Quota,
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
    let row = match &admission {
        Admission::First(execution) => Some(execution.row(&new.room(), None, now)?),
        _ => None,
    };
    let answer = app.db.add_chatroom(&new, row).await.map_err(|error| error.or(room_refused));
    rooms_changed(app, caller.user_id).await;
    Ok(Answered { answer: answer?, replayed: false })
}

/// Changes a room and answers with what it is then.
pub async fn change_room(app: &App, caller: Session, id: ChatroomId, change: ChatroomChange) -> Result<Chatroom> {
    if let Some(model) = &change.model {
        plans::check_model(app, caller.tier, model.as_deref())?;
    }
    let changed = app.db.change_chatroom(id, caller.user_id, change, app.clock.now()).await;
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

/// Takes a message: it, its quota unit, its pending reply, its job and its key are stored together or not at all.
pub async fn send_message(
    app: &App,
    caller: Session,
    room: ChatroomId,
    content: &Content,
    key: &[Vec<u8>],
) -> Result<Answered<Accepted>> {
    let room_id = room.to_string();
    let asked = [room_id.as_str(), content.as_str()];
    let route = idempotency::route_in_room(room, "message");
    let ticket = Ticket { user_id: caller.user_id, route: &route, header: key, asked: &asked };
    if !key.is_empty() {
        // A key is looked at only after the owner check, which the transaction itself would do too late for it.
        app.db.chatroom(room, caller.user_id).await?.ok_or_else(Error::not_found)?;
    }
    let admission = idempotency::admit(app, &ticket).await?;
    if let Admission::Replay(stored) = &admission {
        let mut answer: Accepted = serde_json::from_str(&stored.answer).map_err(Error::internal)?;
        let day_before_reset = (answer.quota.resets_at - Duration::from_millis(1)).day();
        answer.quota = Quota::new(answer.quota.limit, stored.quota_used.unwrap_or_default(), day_before_reset);
        return Ok(Answered { answer, replayed: true });
    }
    accept(app, caller, room, content, &admission).await
}

async fn accept(
    app: &App,
    caller: Session,
    room: ChatroomId,
    content: &Content,
    admission: &Admission,
) -> Result<Answered<Accepted>> {
    let now = app.clock.now();
    let limit = plans::daily_limit(app, caller.tier);
    let new = NewExchange {
        user_id: caller.user_id,
        chatroom_id: room,
        message_id: MessageId::new(now),
        reply_id: MessageId::new(now),
        content: content.as_str(),
        tier: caller.tier,
        limit,
        day: now.day(),
        now,
        trace_parent: trace::current(),
    };
    let mut answer = accepted(&new);
    let row = match admission {
        Admission::First(execution) => Some(execution.row(&answer, Some(new.day), now)?),
        _ => None,
    };
    let used = trace::within(trace::step("accept"), app.db.accept_message(&new, row)).await;
    room_changed(app, OwnRoom { owner: caller.user_id, room }).await;
    let used = used.map_err(|error| message_refused(app, error, answer.quota))?;
    app.bus.ring_for_jobs();
    answer.quota = Quota::new(limit, used, new.day);
    Ok(Answered { answer, replayed: false })
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

/// Waits until a reply is final, or the time is over, and answers with it as it is then.
pub async fn wait_for_reply(app: &App, caller: Session, reply: &Message, at_most: Duration) -> Result<Message> {
    let deadline = tokio::time::Instant::now() + at_most;
    let watch = app.bus.watch(reply.id);
    loop {
        let rung = watch.rung();
        let now = app.db.message(reply.id, reply.chatroom_id, caller.user_id).await?.ok_or_else(Error::not_found)?;
        let is_final = now.status.is_final();
        if is_final || tokio::time::Instant::now() >= deadline {
            return Ok(now);
        }
        let next_look = deadline.min(tokio::time::Instant::now() + LOOK_EVERY);
        let _ = tokio::time::timeout_at(next_look, rung).await;
    }
}

fn accepted(new: &NewExchange<'_>) -> Accepted {
    let message = Message {
        id: new.message_id,
        chatroom_id: new.chatroom_id,
        role: Role::User,
        content: new.content.to_owned(),
        status: Status::Complete,
        created_at: new.now,
        reply: None,
    };
    let details =
        ReplyDetails { reply_to: new.message_id, model: None, outcome: None, error: None, usage: None, attempt: 0 };
    let reply = Message {
        id: new.reply_id,
        role: Role::Assistant,
        content: String::new(),
        status: Status::Pending,
        reply: Some(details),
        ..message.clone()
    };
    Accepted { message, reply, quota: Quota::new(new.limit, 0, new.day) }
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

fn message_refused(app: &App, error: WriteError, quota: Quota) -> Error {
    error.or(|refusal| match refusal {
        Refusal::QuotaExceeded => {
            app.metrics.quota_refused();
            quota_exceeded(quota, app)
        }
        Refusal::KeyTaken => idempotency::in_progress(),
        _ => Error::not_found(),
    })
}

fn quota_exceeded(quota: Quota, app: &App) -> Error {
    let limit = quota.limit.unwrap_or_default();
    let state = plans::daily_state(app, quota, 0);
    Error::new(Code::QuotaExceeded, format!("{limit} of {limit} messages used; resets at 00:00 UTC.")).limited_by(state)
}
