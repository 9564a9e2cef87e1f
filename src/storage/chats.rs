//! Rooms and messages. Every statement that touches a user's data carries the owner.

use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, Refusal, Write, WriteError};
use crate::domain::chat::{Chatroom, Message, Outcome, ROOMS, ReplyDetails, Role, Status, TokenUsage, UNNAMED};
use crate::domain::ids::{ChatroomId, MessageId, UserId};
use crate::domain::text::{Instructions, Name};
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};

macro_rules! room_columns {
    () => {
        "id, name, instructions, model, created_at, updated_at"
    };
}

/// The columns that make a [`Listed`] message, in its order.
macro_rules! message_columns {
    () => {
        message_columns!("m.content")
    };
    ($content:literal) => {
        concat!(
            "m.seq, m.id, m.chatroom_id, m.role, ",
            $content,
            ", m.status, m.created_at, m.reply_to, m.model, m.outcome,
         m.error, m.prompt_tokens, m.reply_tokens, m.attempt"
        )
    };
}
pub(super) use message_columns;

statements! {
    ROOM_ADD = "insert into chatrooms (id, user_id, name, named, instructions, model, created_at, updated_at)
        select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7
        where (select count(*) from chatrooms where user_id = ?2) < ?8";
    ROOM = concat!("select ", room_columns!(), " from chatrooms where id = ?1 and user_id = ?2");
    ROOMS_PAGE = concat!("select ", room_columns!(), " from chatrooms
        where user_id = ?1 and (updated_at, id) < (?2, ?3) order by updated_at desc, id desc limit ?4");
    ROOM_CHANGED = "update chatrooms set name = coalesce(?3, name),
          named = case when cast(?3 as text) is null then named else 1 end,
          instructions = case when ?4 = 1 then ?5 else instructions end,
          model = case when ?6 = 1 then ?7 else model end
        where id = ?1 and user_id = ?2";
    OWN_ROOM_HELD = "update chatrooms set last_seq = last_seq where id = ?1 and user_id = ?2";
    ROOM_JOBS_GONE = "delete from jobs where id in (select id from messages where chatroom_id = ?1)";
    ROOM_GONE = "delete from chatrooms where id = ?1 and user_id = ?2";
    MESSAGE = concat!("select ", message_columns!(), " from messages m join chatrooms c on c.id = m.chatroom_id
        where m.id = ?1 and m.chatroom_id = ?2 and c.user_id = ?3");
    MESSAGES_FORWARD = concat!("select ", message_columns!(), " from messages m join chatrooms c on c.id = m.chatroom_id
        where m.chatroom_id = ?1 and c.user_id = ?2 and m.seq > ?3 order by m.seq limit ?4");
    MESSAGES_BACKWARD = concat!("select ", message_columns!(), " from messages m join chatrooms c on c.id = m.chatroom_id
        where m.chatroom_id = ?1 and c.user_id = ?2 and m.seq < ?3 order by m.seq desc limit ?4");
}

/// A room about to be made.
#[derive(Debug)]
pub struct NewChatroom {
    /// Its id.
    pub id: ChatroomId,
    /// Whose it is.
    pub user_id: UserId,
    /// Its name; none for a room that is to find one.
    pub name: Option<Name>,
    /// Standing instructions.
    pub instructions: Option<String>,
    /// A model of its own.
    pub model: Option<String>,
    /// The present.
    pub now: Timestamp,
}

/// What of a room is to change: absent stays, none is cleared.
#[derive(Clone, Default)]
pub struct ChatroomChange {
    /// The new name.
    pub name: Option<Name>,
    /// The new instructions.
    pub instructions: Option<Option<Instructions>>,
    /// The new model.
    pub model: Option<Option<String>>,
    /// True when the summary is to be taken away.
    pub without_summary: bool,
}

/// A message and its place in the room.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The place, counted from 1.
    pub seq: i64,
    /// The message.
    pub message: Message,
}

impl NewChatroom {
    /// The room as it will be.
    #[must_use]
    pub fn room(&self) -> Chatroom {
        Chatroom {
            id: self.id,
            name: self.name.as_ref().map_or(UNNAMED, Name::as_str).to_owned(),
            instructions: self.instructions.clone(),
            model: self.model.clone(),
            created_at: self.now,
            updated_at: self.now,
        }
    }
}

impl Db {
    /// Makes a room, with the idempotency key of the request if it had one; refused beyond [`ROOMS`].
    pub async fn add_chatroom(&self, new: &NewChatroom, key: Option<super::NewKey>) -> Result<Chatroom, WriteError> {
        let room = new.room();
        let added = params![
            new.id,
            new.user_id,
            room.name.as_str(),
            new.name.is_some(),
            new.instructions.clone(),
            new.model.clone(),
            new.now,
            ROOMS
        ];
        // The count must hold against rooms being made at the same time, and no closed account makes any.
        let write = Write::new().must(&super::usage::USER_HELD, params![new.user_id], Refusal::NotFound);
        let write = super::idempotency::kept(write, key.as_ref()).must(&ROOM_ADD, added, Refusal::RoomLimit);
        self.write(write).await?;
        Ok(room)
    }

    /// The owner's room.
    pub async fn chatroom(&self, id: ChatroomId, owner: UserId) -> Result<Option<Chatroom>> {
        self.find(&ROOM, params![id, owner]).await
    }

    /// The owner's rooms that come after `(updated_at, id)`, the newest activity first.
    pub async fn chatrooms(
        &self,
        owner: UserId,
        after: Option<(Timestamp, ChatroomId)>,
        limit: i64,
    ) -> Result<Vec<Chatroom>> {
        let (moment, id) =
            after.unwrap_or_else(|| (Timestamp::from_millis(i64::MAX), ChatroomId::from_bytes([0xff; 16])));
        self.list(&ROOMS_PAGE, params![owner, moment, id, limit]).await
    }

    /// Changes a room; refused when it is not the owner's.
    pub async fn change_chatroom(
        &self,
        id: ChatroomId,
        owner: UserId,
        change: ChatroomChange,
    ) -> Result<(), WriteError> {
        let name = change.name.as_ref().map(Name::as_str);
        let instructions = change.instructions.as_ref().map(|new| new.as_ref().map(Instructions::as_str));
        let changed = params![
            id,
            owner,
            name,
            instructions.is_some(),
            instructions.flatten(),
            change.model.is_some(),
            change.model.flatten()
        ];
        let write = Write::new().must(&ROOM_CHANGED, changed, Refusal::NotFound);
        let write = if change.without_summary { super::summaries::taken(write, id) } else { write };
        self.write(write).await.map(|_| ())
    }

    /// Deletes a room and all that is in it, its jobs included; refused when it is not the owner's.
    pub async fn delete_chatroom(&self, id: ChatroomId, owner: UserId) -> Result<(), WriteError> {
        // Workers take a job first and then its message; the cascade alone would take them the other way round.
        let write = Write::new()
            .must(&OWN_ROOM_HELD, params![id, owner], Refusal::NotFound)
            .then(&ROOM_JOBS_GONE, params![id])
            .then(&ROOM_GONE, params![id, owner]);
        self.write(super::idempotency::of_room_gone(write, id, owner)).await.map(|_| ())
    }

    /// One message of the owner's room.
    pub async fn message(&self, id: MessageId, room: ChatroomId, owner: UserId) -> Result<Option<Message>> {
        Ok(self.find::<Listed>(&MESSAGE, params![id, room, owner]).await?.map(|listed| listed.message))
    }

    /// Messages of the owner's room after a place, oldest first.
    pub async fn messages_forward(
        &self,
        room: ChatroomId,
        owner: UserId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Listed>> {
        self.list(&MESSAGES_FORWARD, params![room, owner, after, limit]).await
    }

    /// Messages of the owner's room before a place, newest first.
    pub async fn messages_backward(
        &self,
        room: ChatroomId,
        owner: UserId,
        before: i64,
        limit: i64,
    ) -> Result<Vec<Listed>> {
        self.list(&MESSAGES_BACKWARD, params![room, owner, before, limit]).await
    }
}

impl FromRow for Chatroom {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self {
            id: row.column()?,
            name: row.column()?,
            instructions: row.column()?,
            model: row.column()?,
            created_at: row.column()?,
            updated_at: row.column()?,
        })
    }
}

impl FromRow for Listed {
    fn from_row(mut row: Row) -> Result<Self> {
        let seq = row.column()?;
        let (id, chatroom_id) = (row.column()?, row.column()?);
        let role = stored(Role::from_stored(&row.column::<String>()?))?;
        let content = row.column()?;
        let status = stored(Status::from_stored(&row.column::<String>()?))?;
        let created_at = row.column()?;
        let reply = reply_details(row, status)?;
        Ok(Self { seq, message: Message { id, chatroom_id, role, content, status, created_at, reply } })
    }
}

fn reply_details(mut row: Row, status: Status) -> Result<Option<ReplyDetails>> {
    let Some(reply_to) = row.column()? else { return Ok(None) };
    let model = row.column()?;
    let outcome = row.column::<Option<String>>()?.map(|text| stored(Outcome::from_stored(&text))).transpose()?;
    let error = row.column()?;
    let usage = TokenUsage { prompt_tokens: row.column()?, reply_tokens: row.column()? };
    let is_final = status.is_final();
    Ok(Some(ReplyDetails { reply_to, model, outcome, error, usage: is_final.then_some(usage), attempt: row.column()? }))
}

fn stored<T>(parsed: Option<T>) -> Result<T> {
    parsed.ok_or_else(|| Error::internal("a stored word is not one this version knows"))
}
