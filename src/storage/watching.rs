//! A reply while it grows: saved by its worker piece by piece, read by those who watch from where they stand.

use super::chats::{Listed, message_columns};
use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, Refusal, Write, WriteError};
use crate::domain::chat::{Chatroom, Status};
use crate::domain::ids::MessageId;
use crate::domain::job::Job;
use crate::domain::stream::OwnRoom;
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};

statements! {
    // The row itself is the fence: whoever takes the reply over raises its attempt, and what ends it changes its status.
    REPLY_GROWN = "update messages set content = content || ?3
        where id = ?1 and attempt = ?2 and status = 'generating' and length(content) = ?4";
    REPLY_FROM = "select m.id, m.seq, m.status, m.attempt, length(m.content), substr(m.content, cast(?4 as integer) + 1, cast(?5 as integer)),
          m.finished_at, m.retried_seq, m.retried_from
        from messages m join chatrooms c on c.id = m.chatroom_id
        where m.id = ?1 and m.chatroom_id = ?2 and c.user_id = ?3 and m.role = 'assistant'";
    NEWEST_REPLIES = "select m.id, m.seq, m.status, m.attempt, cast(0 as bigint), '', m.finished_at, m.retried_seq,
          m.retried_from
        from messages m join chatrooms c on c.id = m.chatroom_id
        where m.chatroom_id = ?1 and c.user_id = ?2 and m.role = 'assistant' order by m.seq desc limit ?3";
    ROOM_WATCHED = "select coalesce(s.version, 0), c.last_seq, c.id, c.name, c.instructions, c.model, c.created_at, c.updated_at
        from chatrooms c left join room_summaries s on s.chatroom_id = c.id where c.id = ?1 and c.user_id = ?2";
    ROOM_STANDS = "select last_seq, open_replies from chatrooms where id = ?1 and user_id = ?2";
    MESSAGE_SEQ = "select m.seq from messages m join chatrooms c on c.id = m.chatroom_id
        where m.id = ?1 and m.chatroom_id = ?2 and c.user_id = ?3";
    // A reply's text is told as it grows, so it is not read here.
    MESSAGES_TOLD = concat!("select ", message_columns!("case when m.role = 'user' then m.content else '' end"), "
        from messages m join chatrooms c on c.id = m.chatroom_id
        where m.chatroom_id = ?1 and c.user_id = ?2 and m.seq > ?3 order by m.seq limit ?4");
}

/// A room, and which summary it has.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The room.
    pub room: Chatroom,
    /// A number that grows whenever the summary is another.
    pub summary: i64,
    /// The place of its last message.
    pub last_seq: i64,
}

/// Where a reply stands, and its text from where it was asked for.
#[derive(Clone, Debug)]
pub struct Growth {
    /// The reply.
    pub id: MessageId,
    /// Its place in the room.
    pub seq: i64,
    /// Where it stands.
    pub status: Status,
    /// Which try wrote the text.
    pub attempt: u32,
    /// How long the whole text is, in Unicode scalar values.
    pub length: usize,
    /// The part of it that was asked for.
    pub text: String,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Where it was tried again after it had failed: what came before that.
    pub retried: Option<Retried>,
}

/// A part of a reply's text, in Unicode scalar values.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// How many come before it.
    pub from: usize,
    /// How many it has at most.
    pub most: usize,
}

/// Where a reply stood before it was tried again.
#[derive(Clone, Copy, Debug)]
pub struct Retried {
    /// Its place then.
    pub seq: i64,
    /// Its last try.
    pub attempt: u32,
}

impl Part {
    /// All of the text.
    pub const WHOLE: Self = Self { from: 0, most: usize::MAX };
    /// None of it: only where the reply stands.
    pub const NOTHING: Self = Self { from: 0, most: 0 };
}

impl Db {
    /// Adds to the text of a reply that is being written, only where it is as long as its worker believes and only
    /// for the attempt that holds it.
    pub async fn grow_reply(&self, job: &Job, more: &str, length: usize) -> Result<(), WriteError> {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let grown = params![job.reply(), job.attempt, more, length];
        self.write(Write::new().must(&REPLY_GROWN, grown, Refusal::LeaseLost)).await.map(|_| ())
    }

    /// The owner's room, as those who watch it look for changes.
    pub async fn watched_room(&self, own: OwnRoom) -> Result<Option<Watched>> {
        self.find(&ROOM_WATCHED, params![own.room, own.owner]).await
    }

    /// A reply, with so many Unicode scalar values of its text beyond a place.
    pub async fn growth(&self, own: OwnRoom, reply: MessageId, part: Part) -> Result<Option<Growth>> {
        // No text is that long, so whoever asks for more gets nothing.
        let whole = |count: usize| i64::from(i32::try_from(count).unwrap_or(i32::MAX - 1));
        self.find(&REPLY_FROM, params![reply, own.room, own.owner, whole(part.from), whole(part.most)]).await
    }

    /// The newest replies of a room without their texts and lengths, newest first.
    pub async fn newest_replies(&self, own: OwnRoom, limit: i64) -> Result<Vec<Growth>> {
        self.list(&NEWEST_REPLIES, params![own.room, own.owner, limit]).await
    }

    /// The place of a room's last message, and how many of its replies are not final; none when the room is gone.
    pub async fn room_stands(&self, own: OwnRoom) -> Result<Option<(i64, i64)>> {
        self.find(&ROOM_STANDS, params![own.room, own.owner]).await
    }

    /// The place of a message in its room; none when it is not there.
    pub async fn message_seq(&self, own: OwnRoom, message: MessageId) -> Result<Option<i64>> {
        Ok(self.find::<(i64,)>(&MESSAGE_SEQ, params![message, own.room, own.owner]).await?.map(|(seq,)| seq))
    }

    /// Messages of a room after a place, in order, replies without their texts.
    pub async fn messages_to_tell(&self, own: OwnRoom, after: i64, limit: i64) -> Result<Vec<Listed>> {
        self.list(&MESSAGES_TOLD, params![own.room, own.owner, after, limit]).await
    }
}

impl FromRow for Watched {
    fn from_row(mut row: Row) -> Result<Self> {
        let (summary, last_seq) = (row.column()?, row.column()?);
        Ok(Self { room: Chatroom::from_row(row)?, summary, last_seq })
    }
}

impl FromRow for Growth {
    fn from_row(mut row: Row) -> Result<Self> {
        let (id, seq) = (row.column()?, row.column()?);
        let status =
            Status::from_stored(&row.column::<String>()?).ok_or_else(|| Error::internal("an unknown status"))?;
        let attempt = row.column()?;
        let length = usize::try_from(row.column::<i64>()?).map_err(Error::internal)?;
        let (text, finished_at) = (row.column()?, row.column()?);
        let before: (Option<i64>, Option<u32>) = (row.column()?, row.column()?);
        let retried = before.0.zip(before.1).map(|(seq, attempt)| Retried { seq, attempt });
        Ok(Self { id, seq, status, attempt, length, text, finished_at, retried })
    }
}
