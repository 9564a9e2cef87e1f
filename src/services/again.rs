//! Asking again: a further reply to a message, or another try of one that failed. Either takes a unit like a message.

use super::chats::Answered;
use super::idempotency::{self, Admission, Ticket};
use super::sending::{Accepted, new_reply, own_message, pending_reply, replayed, taken};
use crate::app::App;
use crate::domain::chat::Message;
use crate::domain::ids::{ChatroomId, MessageId};
use crate::domain::plan::Quota;
use crate::domain::user::Session;
use crate::error::{Error, Result};

/// Asks for a further reply to a message, named by itself or by one of its replies.
pub async fn regenerate(
    app: &App,
    caller: Session,
    (room, id): (ChatroomId, MessageId),
    key: &[Vec<u8>],
) -> Result<Answered<Accepted>> {
    let named = own_message(app, caller, room, id).await?;
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
    let failed = own_message(app, caller, room, id).await?;
    let attempt = failed.reply.as_ref().ok_or_else(Error::not_found)?.attempt + 1;
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
        let new = new_reply(app, caller, room, (message.id, reply.id), now);
        let mut answer = Accepted { message, reply, quota: Quota::new(new.limit, 0, new.day) };
        let row = admission.row(&answer, Some(new.day), now)?;
        let used = if is_retry { app.db.retry_reply(&new, row).await } else { app.db.add_reply(&new, row).await };
        answer.quota = taken(app, caller, room, (used, answer.quota, new.day)).await?;
        Ok(Answered { answer, replayed: false })
    }
}

async fn admit(app: &App, caller: Session, route: &str, key: &[Vec<u8>]) -> Result<Admission> {
    idempotency::admit(app, &Ticket { user_id: caller.user_id, route, header: key, asked: &[route] }).await
}

/// The message that a reply answers; a message itself stays.
async fn asked(app: &App, caller: Session, named: Message) -> Result<Message> {
    match &named.reply {
        Some(reply) => own_message(app, caller, named.chatroom_id, reply.reply_to).await,
        None => Ok(named),
    }
}
