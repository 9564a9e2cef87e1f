//! Asking again: a further reply to a message, or another try of one that failed. Either takes a unit like a message.

use super::chats::Answered;
use super::idempotency::{self, Admission, Ticket};
use super::plans;
use super::sending::{Accepted, pending_reply, replayed, taken};
use crate::app::App;
use crate::domain::chat::Message;
use crate::domain::ids::{ChatroomId, MessageId};
use crate::domain::plan::Quota;
use crate::domain::user::Session;
use crate::error::{Error, Result};
use crate::live::trace;
use crate::storage::NewReply;

/// Asks for a further reply to a message, named by itself or by one of its replies.
pub async fn regenerate(
    app: &App,
    caller: Session,
    (room, id): (ChatroomId, MessageId),
    key: &[Vec<u8>],
) -> Result<Answered<Accepted>> {
    let named = find(app, caller, room, id).await?;
    let message = asked(app, caller, named).await?;
    let route = idempotency::route_in_room(room, &format!("message/{}/regenerate", message.id));
    let admission = admit(app, caller, &route, key).await?;
    if let Admission::Replay(stored) = &admission {
        return replayed(stored);
    }
    let now = app.clock.now();
    let reply = pending_reply(&message, MessageId::new(now), now, 0);
    let asking = Asking { app, caller, admission, is_retry: false };
    asking.take(message, reply).await
}

/// Asks for another try of a reply that failed.
pub async fn retry(
    app: &App,
    caller: Session,
    (room, id): (ChatroomId, MessageId),
    key: &[Vec<u8>],
) -> Result<Answered<Accepted>> {
    let failed = find(app, caller, room, id).await?;
    let attempt = failed.reply.as_ref().ok_or_else(Error::not_found)?.attempt;
    let route = idempotency::route_in_room(room, &format!("message/{id}/retry"));
    let admission = admit(app, caller, &route, key).await?;
    if let Admission::Replay(stored) = &admission {
        return replayed(stored);
    }
    let created_at = failed.created_at;
    let message = asked(app, caller, failed).await?;
    let reply = pending_reply(&message, id, created_at, attempt);
    let asking = Asking { app, caller, admission, is_retry: true };
    asking.take(message, reply).await
}

struct Asking<'a> {
    app: &'a App,
    caller: Session,
    admission: Admission,
    is_retry: bool,
}

impl Asking<'_> {
    async fn take(self, message: Message, reply: Message) -> Result<Answered<Accepted>> {
        let Self { app, caller, admission, is_retry } = self;
        let (now, room) = (app.clock.now(), message.chatroom_id);
        let new = NewReply {
            user_id: caller.user_id,
            chatroom_id: room,
            message_id: message.id,
            reply_id: reply.id,
            tier: caller.tier,
            limit: plans::daily_limit(app, caller.tier),
            day: now.day(),
            now,
            trace_parent: trace::current(),
        };
        let mut answer = Accepted { message, reply, quota: Quota::new(new.limit, 0, new.day) };
        let row = match &admission {
            Admission::First(execution) => Some(execution.row(&answer, Some(new.day), now)?),
            _ => None,
        };
        let used = if is_retry { app.db.retry_reply(&new, row).await } else { app.db.add_reply(&new, row).await };
        answer.quota = taken(app, caller, room, (used, answer.quota, new.day)).await?;
        Ok(Answered { answer, replayed: false })
    }
}

async fn admit(app: &App, caller: Session, route: &str, key: &[Vec<u8>]) -> Result<Admission> {
    idempotency::admit(app, &Ticket { user_id: caller.user_id, route, header: key, asked: &[route] }).await
}

async fn find(app: &App, caller: Session, room: ChatroomId, id: MessageId) -> Result<Message> {
    app.db.message(id, room, caller.user_id).await?.ok_or_else(Error::not_found)
}

/// The message that a reply answers; a message itself stays.
async fn asked(app: &App, caller: Session, named: Message) -> Result<Message> {
    match &named.reply {
        Some(reply) => find(app, caller, named.chatroom_id, reply.reply_to).await,
        None => Ok(named),
    }
}
