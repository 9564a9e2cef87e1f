//! A further reply to a message, and another try of one that failed: each one transaction, like a message.

use super::replies::{NewReply, job_added, unit_taken};
use super::statement::{params, statements};
use super::{Db, NewKey, Refusal, Write, WriteError, idempotency, usage};

statements! {
    ROOM_TAKES_REPLY = "update chatrooms set last_seq = last_seq + 1, open_replies = open_replies + 1, updated_at = ?3
        where id = ?1 and user_id = ?2";
    REPLY_ADD = "insert into messages
          (chatroom_id, seq, id, role, content, status, reply_to, asked_seq, quota_day, created_at)
        select c.id, c.last_seq, ?3, 'assistant', '', 'pending', p.id, p.seq, ?4, ?5
        from messages p join chatrooms c on c.id = p.chatroom_id
        where p.id = ?2 and p.chatroom_id = ?1 and not exists (select 1 from messages r
          where r.chatroom_id = ?1 and r.seq > p.seq and r.reply_to = p.id and r.status in ('pending', 'generating'))";
    // It goes to the end of its room: replies are written in the order of their places, and whoever watches the room looks
    // behind the last place he was told of. The try to come has its number at once: that tells who knows of the move.
    REPLY_RETRIED = "update messages set seq = (select last_seq from chatrooms where id = ?1),
          asked_seq = coalesce(asked_seq, seq - 1), retried_from = attempt, retried_seq = coalesce(retried_seq, seq),
          attempt = attempt + 1, status = 'pending', content = '', outcome = null, error = null, finished_at = null,
          prompt_tokens = 0, reply_tokens = 0, quota_day = ?3
        where id = ?2 and chatroom_id = ?1 and status = 'failed'";
    DEAD_JOB_REPLACED = "delete from jobs where id = ?1 and state = 'dead'";
    // The next claim is the try that the reply waits for.
    JOB_GOES_ON = "update jobs set attempt = (select case when attempt > 0 then attempt - 1 else 0 end from messages where id = ?1)
        where id = ?1";
}

impl Db {
    /// Adds a further reply to a message; refused while one is running. Answers with the messages used that day.
    pub async fn add_reply(&self, new: &NewReply, key: Option<NewKey>) -> Result<u32, WriteError> {
        let added = params![new.chatroom_id, new.message_id, new.reply_id, new.day, new.now];
        let write = begun(new, key.as_ref()).must(&REPLY_ADD, added, Refusal::ReplyRunning);
        self.ask_again(new, key.as_ref(), write).await
    }

    /// Has a failed reply written after all, at the end of its room; refused when it did not fail. Answers with the messages
    /// used that day.
    pub async fn retry_reply(&self, new: &NewReply, key: Option<NewKey>) -> Result<u32, WriteError> {
        let retried = params![new.chatroom_id, new.reply_id, new.day];
        let write = begun(new, key.as_ref()).must(&REPLY_RETRIED, retried, Refusal::ReplyNotFailed);
        self.ask_again(new, key.as_ref(), write).await
    }

    async fn ask_again(&self, new: &NewReply, key: Option<&NewKey>, write: Write) -> Result<u32, WriteError> {
        let write = unit_taken(write, new, key).then(&DEAD_JOB_REPLACED, params![new.reply_id]);
        let write = job_added(write, new).then(&JOB_GOES_ON, params![new.reply_id]);
        usage::of_last(self.write(usage::read_back(write, new.user_id, new.day)).await?)
    }
}

/// The room's row comes first, as it does when a message is accepted and a reply ends.
fn begun(new: &NewReply, key: Option<&NewKey>) -> Write {
    let room = params![new.chatroom_id, new.user_id, new.now];
    idempotency::kept(Write::new().must(&ROOM_TAKES_REPLY, room, Refusal::NotFound), key)
}
