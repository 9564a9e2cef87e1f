//! A reply stopped by its reader: whoever is writing it finds its job gone.

use super::chats::OWN_ROOM_HELD;
use super::replies::ROOM_HAS_ONE_LESS;
use super::statement::{params, statements};
use super::{Db, Refusal, Write, WriteError, titles};
use crate::domain::ids::MessageId;
use crate::domain::job::{JobKind, NewJob};
use crate::domain::stream::OwnRoom;
use crate::domain::time::Timestamp;

statements! {
    REPLY_STOPPED = "update messages set status = 'complete', outcome = 'stopped', error = null, finished_at = ?3
        where id = ?1 and chatroom_id = ?2 and role = 'assistant' and status in ('pending', 'generating')";
    STOPPED_JOB_GONE = "delete from jobs where id = ?1 and kind = 'reply' and state <> 'dead'";
    // The first open reply of the room may begin, if it was waiting for this one; one that has begun is not blocked.
    NEXT_AFTER_STOPPED = "update jobs set state = 'ready' where state = 'blocked' and id =
        (select m.id from messages m where m.chatroom_id = ?1 and m.status in ('pending', 'generating') order by m.seq limit 1)";
}

impl Db {
    /// Ends a reply that is not final where it stands, with the text that is stored of it; refused when it is final, or
    /// there is none of that name in the room.
    pub async fn stop_reply(&self, own: OwnRoom, reply: MessageId, now: Timestamp) -> Result<(), WriteError> {
        // The room's row comes first, as it does when a message is accepted and a reply ends.
        let write = Write::new()
            .must(&OWN_ROOM_HELD, params![own.room, own.owner], Refusal::NotFound)
            .must(&REPLY_STOPPED, params![reply, own.room, now], Refusal::Stale)
            .then(&STOPPED_JOB_GONE, params![reply])
            .then(&ROOM_HAS_ONE_LESS, params![own.room])
            .then(&NEXT_AFTER_STOPPED, params![own.room]);
        let title = NewJob::about_room(JobKind::TitleRoom, own.room, own.owner, now);
        self.write(titles::wanted(write, &title, reply)).await.map(|_| ())
    }
}
