//! Messages taken, and what is told of them: the message, its pending reply, the quota after it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::chats::{Answered, room_changed};
use super::idempotency::{self, Admission, Ticket};
use super::plans;
use crate::app::App;
use crate::domain::chat::{Message, ReplyDetails, Role, Status};
use crate::domain::ids::{ChatroomId, MessageId};
use crate::domain::plan::Quota;
use crate::domain::stream::OwnRoom;
use crate::domain::text::Content;
use crate::domain::time::{Day, Timestamp};
use crate::domain::user::Session;
use crate::error::{Code, Error, Result};
use crate::live::trace;
use crate::storage::{NewExchange, NewReply, Refusal, StoredKey, WriteError};

/// How often a waiting request looks for itself, should no announcement reach it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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
        return replayed(stored);
    }
    accept(app, caller, room, content, &admission).await
}

/// The first answer again, with the quota as it was after it.
pub(super) fn replayed(stored: &StoredKey) -> Result<Answered<Accepted>> {
    let mut answer: Accepted = serde_json::from_str(&stored.answer).map_err(Error::internal)?;
    let day_before_reset = (answer.quota.resets_at - Duration::from_millis(1)).day();
    answer.quota = Quota::new(answer.quota.limit, stored.quota_used.unwrap_or_default(), day_before_reset);
    Ok(Answered { answer, replayed: true })
}

async fn accept(
    app: &App,
    caller: Session,
    room: ChatroomId,
    content: &Content,
    admission: &Admission,
) -> Result<Answered<Accepted>> {
    let now = app.clock.now();
    let asked = new_reply(app, caller, room, (MessageId::new(now), MessageId::new(now)), now);
    let new = NewExchange { content: content.as_str(), asked };
    let mut answer = accepted(&new);
    let day = new.asked.day;
    let row = admission.row(&answer, Some(day), now)?;
    let used = trace::within(trace::step("accept"), app.db.accept_message(&new, row)).await;
    answer.quota = taken(app, caller, room, (used, answer.quota, day)).await?;
    Ok(Answered { answer, replayed: false })
}

/// A reply that the caller asks for: the message, and the reply to it.
pub(super) fn new_reply(
    app: &App,
    caller: Session,
    room: ChatroomId,
    (message_id, reply_id): (MessageId, MessageId),
    now: Timestamp,
) -> NewReply {
    NewReply {
        user_id: caller.user_id,
        chatroom_id: room,
        message_id,
        reply_id,
        tier: caller.tier,
        limit: plans::daily_limit(app, caller.tier),
        day: now.day(),
        now,
        trace_parent: trace::current(),
    }
}

/// A message of the caller's.
pub(super) async fn own_message(app: &App, caller: Session, room: ChatroomId, id: MessageId) -> Result<Message> {
    app.db.message(id, room, caller.user_id).await?.ok_or_else(Error::not_found)
}

/// Says that a reply was asked for, or why not, and answers with the quota after it.
pub(super) async fn taken(
    app: &App,
    caller: Session,
    room: ChatroomId,
    (used, before, day): (Result<u32, WriteError>, Quota, Day),
) -> Result<Quota> {
    room_changed(app, OwnRoom { owner: caller.user_id, room }).await;
    let used = used.map_err(|error| refused(app, error, before))?;
    app.bus.ring_for_jobs();
    Ok(Quota::new(before.limit, used, day))
}

/// Waits until a reply is final, or the time is over, and answers with it as it is then.
pub async fn wait_for_reply(app: &App, caller: Session, reply: &Message, at_most: Duration) -> Result<Message> {
    let deadline = tokio::time::Instant::now() + at_most;
    let watch = app.bus.watch(reply.id);
    loop {
        let rung = watch.rung();
        let now = own_message(app, caller, reply.chatroom_id, reply.id).await?;
        let is_final = now.status.is_final();
        if is_final || tokio::time::Instant::now() >= deadline {
            return Ok(now);
        }
        let next_look = deadline.min(tokio::time::Instant::now() + LOOK_EVERY);
        let _ = tokio::time::timeout_at(next_look, rung).await;
    }
}

fn accepted(new: &NewExchange<'_>) -> Accepted {
    let NewExchange { content, asked } = new;
    let message = Message {
        id: asked.message_id,
        chatroom_id: asked.chatroom_id,
        role: Role::User,
        content: (*content).to_owned(),
        status: Status::Complete,
        created_at: asked.now,
        reply: None,
    };
    let reply = pending_reply(&message, asked.reply_id, asked.now, 0);
    Accepted { message, reply, quota: Quota::new(asked.limit, 0, asked.day) }
}

/// A reply to `message` that nobody has begun since it was asked for.
pub(super) fn pending_reply(message: &Message, id: MessageId, created_at: Timestamp, attempt: u32) -> Message {
    let details = ReplyDetails { reply_to: message.id, model: None, outcome: None, error: None, usage: None, attempt };
    Message {
        id,
        chatroom_id: message.chatroom_id,
        role: Role::Assistant,
        content: String::new(),
        status: Status::Pending,
        created_at,
        reply: Some(details),
    }
}

fn refused(app: &App, error: WriteError, quota: Quota) -> Error {
    error.or(|refusal| match refusal {
        Refusal::QuotaExceeded => {
            app.metrics.quota_refused();
            quota_exceeded(quota, app)
        }
        Refusal::KeyTaken => idempotency::in_progress(),
        Refusal::ReplyRunning => Error::new(Code::ReplyInProgress, "A reply to this message is being written."),
        Refusal::ReplyNotFailed => Error::new(Code::ReplyNotFailed, "This reply did not fail."),
        _ => Error::not_found(),
    })
}

fn quota_exceeded(quota: Quota, app: &App) -> Error {
    let limit = quota.limit.unwrap_or_default();
    let state = plans::daily_state(app, quota, 0);
    Error::new(Code::QuotaExceeded, format!("{limit} of {limit} messages used; resets at 00:00 UTC.")).limited_by(state)
}
