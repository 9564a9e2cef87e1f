//! Summaries of long rooms: one a room, written only over the one that was read, so that a late or doubled write changes
//! nothing.

use super::jobs::done;
use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, Earlier, Refusal, Write, WriteError};
use crate::domain::chat::CONTEXT_MESSAGES;
use crate::domain::ids::{ChatroomId, UserId};
use crate::domain::job::Job;
use crate::domain::stream::OwnRoom;
use crate::domain::summary::Summary;
use crate::domain::time::Timestamp;
use crate::error::Result;

/// Messages that one summary is made of at most.
pub const AT_ONCE: i64 = 60;

/// The columns that make an [`Earlier`], in its order.
macro_rules! earlier_columns {
    () => {
        "m.id, m.role, m.content, m.reply_to, m.outcome, m.seq"
    };
}

statements! {
    SUMMARY = "select s.content, m.id, s.updated_at
        from chatrooms c join room_summaries s on s.chatroom_id = c.id
          join messages m on m.chatroom_id = c.id and m.seq = s.seq
        where c.id = ?1 and c.user_id = ?2 and s.content is not null";
    COVERED = "select s.content, coalesce(s.seq, 0), coalesce(s.version, 0)
        from chatrooms c left join room_summaries s on s.chatroom_id = c.id where c.id = ?1 and c.user_id = ?2";
    UNCOVERED_NEWEST = concat!("select ", earlier_columns!(), " from messages m join chatrooms c on c.id = m.chatroom_id
        where m.chatroom_id = ?1 and c.user_id = ?2 and m.seq > ?3 and m.status = 'complete'
        order by m.seq desc limit ?4");
    // Only what lies before the first reply that is still to come: once covered, it would never be read.
    UNCOVERED = concat!("select ", earlier_columns!(), " from messages m join chatrooms c on c.id = m.chatroom_id
        where m.chatroom_id = ?1 and c.user_id = ?2 and m.seq > ?3 and m.status = 'complete'
          and m.seq < coalesce((select min(p.seq) - 1 from messages p where p.chatroom_id = ?1 and p.seq > ?3
            and p.seq < ?4 and p.status in ('pending', 'generating')), ?4)
        order by m.seq limit ?5");
    // Further replies to those, which were asked for when more had been said.
    UNCOVERED_AGAIN = concat!("select ", earlier_columns!(), " from messages m join chatrooms c on c.id = m.chatroom_id
        where m.chatroom_id = ?1 and c.user_id = ?2 and m.asked_seq is not null and m.asked_seq > ?3
          and m.asked_seq < ?4 and m.seq >= ?4 and m.status = 'complete'
        order by m.seq desc limit ?5");
    SUMMARY_ADD = "insert into room_summaries (chatroom_id, content, seq, version, updated_at)
        select id, ?3, ?4, 1, ?5 from chatrooms where id = ?1 and user_id = ?2 on conflict (chatroom_id) do nothing";
    SUMMARY_CHANGED = "update room_summaries set content = ?3, seq = ?4, version = version + 1, updated_at = ?5
        where chatroom_id = ?1 and version = ?6
          and exists (select 1 from chatrooms where id = ?1 and user_id = ?2)";
    SUMMARY_TAKEN = "update room_summaries set content = null, version = version + 1
        where chatroom_id = ?1 and content is not null";
}

/// What a room's summary covers.
#[derive(Clone, Debug)]
pub struct Covered {
    /// The summary; none where there is none, or its owner took it away.
    pub content: Option<String>,
    /// The last place it covers; 0 before any.
    pub seq: i64,
    /// What whoever changes it must have read.
    pub version: i64,
}

impl Db {
    /// The summary of the owner's room, where it has one.
    pub async fn summary(&self, room: ChatroomId, owner: UserId) -> Result<Option<Summary>> {
        self.find(&SUMMARY, params![room, owner]).await
    }

    /// How far the summary of a room goes; none when the room is gone.
    pub async fn covered(&self, own: OwnRoom) -> Result<Option<Covered>> {
        self.find(&COVERED, params![own.room, own.owner]).await
    }

    /// The newest final messages that a summary does not cover, newest first.
    pub async fn newest_uncovered(&self, own: OwnRoom, covered: &Covered) -> Result<Vec<Earlier>> {
        self.list(&UNCOVERED_NEWEST, params![own.room, own.owner, covered.seq, CONTEXT_MESSAGES]).await
    }

    /// The oldest final messages that a summary does not cover, from before a place, oldest first.
    pub async fn uncovered(&self, own: OwnRoom, covered: &Covered, before: i64) -> Result<Vec<Earlier>> {
        self.list(&UNCOVERED, params![own.room, own.owner, covered.seq, before, AT_ONCE]).await
    }

    /// Replies to such messages that stand behind the place.
    pub async fn uncovered_again(&self, own: OwnRoom, covered: &Covered, before: i64) -> Result<Vec<Earlier>> {
        self.list(&UNCOVERED_AGAIN, params![own.room, own.owner, covered.seq, before, AT_ONCE]).await
    }

    /// Writes what the job found, over what it read and nothing else, and ends the job; only while this attempt holds the
    /// lease.
    pub async fn summarise_room(
        &self,
        job: &Job,
        read: &Covered,
        now: Covered,
        at: Timestamp,
    ) -> Result<(), WriteError> {
        let mut values = params![job.room(), job.user_id, now.content, now.seq, at];
        let statement = if read.version == 0 { &SUMMARY_ADD } else { &SUMMARY_CHANGED };
        if read.version > 0 {
            values.push(read.version.into());
        }
        let write = Write::new().must(statement, values, Refusal::Stale);
        self.write(done(write, job)).await.map(|_| ())
    }
}

/// Adds the step that takes a room's summary away; what it covered stays covered, so that it does not come back.
pub(super) fn taken(write: Write, room: ChatroomId) -> Write {
    write.then(&SUMMARY_TAKEN, params![room])
}

impl FromRow for Summary {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self { content: row.column()?, covers: row.column()?, updated_at: row.column()? })
    }
}

impl FromRow for Covered {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self { content: row.column()?, seq: row.column()?, version: row.column()? })
    }
}
