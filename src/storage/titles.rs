//! Titles of rooms that nobody named: wanted with the end of a room's first reply that has text, and written by whoever holds
//! the job, unless the owner was first.

use super::jobs::done;
use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, Finished, Write, WriteError};
use crate::domain::chat::Status;
use crate::domain::ids::MessageId;
use crate::domain::job::{Job, JobKind, NewJob};
use crate::domain::time::Timestamp;
use crate::domain::title::{FirstWords, SEEN};
use crate::error::Result;

/// A reply beyond this place asks for no title: the first ones, or the first tries, have all come to nothing by then.
const LAST_PLACE: i64 = 6;

statements! {
    TITLE_WANTED = "insert into jobs (id, kind, subject, user_id, seq, state, turn_at, run_at, created_at, deadline_at)
        select c.id, ?4, c.id, c.user_id, 0, 'ready', ?5, ?6, ?6, ?7
        from chatrooms c join messages m on m.chatroom_id = c.id and m.seq <= 6 and m.id = ?3
        where c.id = ?1 and c.user_id = ?2 and c.named = 0 and m.content <> '' on conflict (id) do nothing";
    FIRST_EXCHANGE = "select substr(m.content, 1, cast(?3 as integer)), substr(r.content, 1, cast(?3 as integer))
        from chatrooms c join messages r on r.chatroom_id = c.id and r.seq <= 6 join messages m on m.id = r.reply_to
        where c.id = ?1 and c.user_id = ?2 and c.named = 0 and r.status = 'complete' and r.content <> ''
        order by m.seq, r.seq desc limit 1";
    ROOM_TITLED = "update chatrooms set name = ?3, named = 2 where id = ?1 and user_id = ?2 and named = 0";
}

/// The title's job, where this is the end of a first reply with text: all others cost nothing but this look.
pub(super) fn job_for(job: &Job, done: &Finished, now: Timestamp) -> Option<NewJob> {
    let is_first = job.seq <= LAST_PLACE && done.outcome.status() == Status::Complete && !done.content.is_empty();
    let (room, owner) = (job.chatroom_id?, job.user_id?);
    is_first.then(|| NewJob::about_room(JobKind::TitleRoom, room, owner, now))
}

/// Adds the step that puts the title's job into the queue, where the room has no name and the reply, its first, has text.
pub(super) fn wanted(write: Write, new: &NewJob, reply: MessageId) -> Write {
    let (turn_at, kind) = (new.turn_at(), new.kind.as_str());
    write.then(&TITLE_WANTED, params![new.subject, new.user_id, reply, kind, turn_at, new.now, new.deadline_at])
}

impl Db {
    /// What the job's room is to be named by; none when it is gone, or has a name.
    pub async fn first_words(&self, job: &Job) -> Result<Option<FirstWords>> {
        let seen = i64::try_from(SEEN).unwrap_or(i64::MAX);
        self.find(&FIRST_EXCHANGE, params![job.room(), job.user_id, seen]).await
    }

    /// Gives the job's room its title, unless it has a name by now, and ends the job; only while this attempt holds the
    /// lease.
    pub async fn title_room(&self, job: &Job, title: &str) -> Result<(), WriteError> {
        // Rooms before jobs, as everywhere.
        let write = Write::new().then(&ROOM_TITLED, params![job.room(), job.user_id, title]);
        self.write(done(write, job)).await.map(|_| ())
    }
}

impl FromRow for FirstWords {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self { message: row.column()?, reply: row.column()? })
    }
}
