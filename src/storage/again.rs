//! A further reply to a message, and another try of one that failed: each one transaction, like a message.

use super::replies::JOB_ADD;
use super::statement::{params, statements};
use super::{Db, NewKey, Refusal, Value, Write, WriteError, idempotency, usage};
use crate::domain::ids::{ChatroomId, MessageId, UserId};
use crate::domain::job::{self, DEADLINE, JobKind};
use crate::domain::plan::{DailyLimit, Tier};
use crate::domain::time::{Day, Timestamp};

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
    // behind the last place he was told of.
    REPLY_RETRIED = "update messages set seq = (select last_seq from chatrooms where id = ?1),
          asked_seq = coalesce(asked_seq, seq - 1), retried_from = attempt, status = 'pending', content = '', outcome = null,
          error = null, finished_at = null, prompt_tokens = 0, reply_tokens = 0, quota_day = ?3
        where id = ?2 and chatroom_id = ?1 and status = 'failed'";
    DEAD_JOB_REPLACED = "delete from jobs where id = ?1 and state = 'dead'";
    // Whatever was written by the tries before is older than the first of these.
    JOB_GOES_ON = "update jobs set attempt = (select attempt from messages where id = ?1) where id = ?1";
}

/// A reply about to be asked for once more.
#[derive(Debug)]
pub struct NewReply {
    /// Who asks.
    pub user_id: UserId,
    /// In which room.
    pub chatroom_id: ChatroomId,
    /// The message to be answered.
    pub message_id: MessageId,
    /// The reply.
    pub reply_id: MessageId,
    /// The asker's plan.
    pub tier: Tier,
    /// How many messages a day holds.
    pub limit: DailyLimit,
    /// The day that pays.
    pub day: Day,
    /// The present.
    pub now: Timestamp,
    /// The place in a trace that the job goes on from, where there is one.
    pub trace_parent: Option<String>,
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
        let turn = job::turn_base(new.now, new.tier);
        let write = usage::one_unit(write, new.user_id, new.day, new.limit, turn);
        let write = idempotency::counted(write, key)
            .then(&DEAD_JOB_REPLACED, params![new.reply_id])
            .then(&JOB_ADD, job_of(new))
            .then(&JOB_GOES_ON, params![new.reply_id])
            .then(&usage::USED, params![new.user_id, new.day]);
        let used: Vec<(u32,)> = self.write(write).await?.last().map_err(WriteError::Failed)?;
        Ok(used.first().map_or(0, |(used,)| *used))
    }
}

/// The room's row comes first, as it does when a message is accepted and a reply ends.
fn begun(new: &NewReply, key: Option<&NewKey>) -> Write {
    let room = params![new.chatroom_id, new.user_id, new.now];
    idempotency::kept(Write::new().must(&ROOM_TAKES_REPLY, room, Refusal::NotFound), key)
}

fn job_of(new: &NewReply) -> Vec<Value> {
    params![
        new.reply_id,
        JobKind::Reply.as_str(),
        new.user_id,
        new.chatroom_id,
        new.day,
        new.now,
        new.now + DEADLINE,
        new.trace_parent.clone()
    ]
}
