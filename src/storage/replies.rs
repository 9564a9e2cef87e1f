//! A message accepted, and its reply settled: each one transaction.

use super::jobs::{JOB_DEAD, JOB_DONE};
use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, NewKey, Refusal, Write, WriteError, idempotency, joint, titles, usage};
use crate::domain::chat::{CONTEXT_MESSAGES, Outcome, Role, TokenUsage};
use crate::domain::ids::{ChatroomId, MessageId, UserId};
use crate::domain::job::{self, DEADLINE, Job, JobKind};
use crate::domain::plan::{DailyLimit, Tier};
use crate::domain::time::{Day, Timestamp};
use crate::domain::title;
use crate::error::{Error, Result};

statements! {
    ROOM_MOVED_ON = "update chatrooms set last_seq = last_seq + 2, open_replies = open_replies + 1, updated_at = ?3,
          name = case when named = 0 and last_seq = 0 then ?4 else name end
        where id = ?1 and user_id = ?2";
    EXCHANGE_ADD = "insert into messages
          (chatroom_id, seq, id, role, content, status, reply_to, quota_day, created_at)
        values (?1, (select last_seq - 1 from chatrooms where id = ?1), ?2, 'user', ?4, 'complete', null, null, ?6),
          (?1, (select last_seq from chatrooms where id = ?1), ?3, 'assistant', '', 'pending', ?2, ?5, ?6)";
    JOB_ADD = "insert into jobs
          (id, kind, subject, user_id, chatroom_id, seq, state, turn_at, run_at, created_at, deadline_at, trace_parent)
        select ?1, ?2, ?1, ?3, c.id, c.last_seq, case when c.open_replies > 1 then 'blocked' else 'ready' end,
          u.turn_at, ?6, ?6, ?7, ?8
        from chatrooms c join usage u on u.user_id = c.user_id and u.day = ?5 where c.id = ?4";
    REPLY_TASK = "select u.tier, c.instructions, c.model, p.seq, m.asked_seq, s.content, coalesce(s.seq, 0)
        from messages m join messages p on p.id = m.reply_to join chatrooms c on c.id = m.chatroom_id
          join users u on u.id = c.user_id left join room_summaries s on s.chatroom_id = c.id
        where m.id = ?1 and c.id = ?2 and c.user_id = ?3";
    REPLY_CONTEXT = "select id, role, content, reply_to, outcome, seq from messages
        where chatroom_id = ?1 and seq > ?4 and seq <= ?2 and status = 'complete' order by seq desc limit ?3";
    // Replies to earlier messages that were written after the one to be answered.
    LATER_REPLIES = "select id, role, content, reply_to, outcome, seq from messages
        where chatroom_id = ?1 and asked_seq is not null and asked_seq >= ?2 - cast(?3 as bigint) and asked_seq < ?2 and seq > ?2
          and status = 'complete' order by seq desc limit ?3";
    OWN_ROOM_HAS_ONE_LESS = "update chatrooms set open_replies = open_replies - 1 where id = ?1 and user_id = ?2";
    ROOM_HAS_ONE_LESS = "update chatrooms set open_replies = open_replies - 1 where id = ?1";
    NEXT_IN_ROOM_READY = "update jobs set state = 'ready' where state = 'blocked' and id = (select m.id from messages m
        where m.chatroom_id = ?1 and m.seq > ?2 and m.status = 'pending' order by m.seq limit 1)";
    REPLY_FINAL = "update messages set content = ?2, status = ?3, outcome = ?4, error = ?5, model = coalesce(?6, model),
          prompt_tokens = ?7, reply_tokens = ?8, attempt = ?9, finished_at = ?10 where id = ?1";
    USAGE_SETTLED = "update usage set used = used - ?3, prompt_tokens = prompt_tokens + ?4,
          reply_tokens = reply_tokens + ?5
        where user_id = ?1 and day = (select quota_day from messages where id = ?2)";
}

/// A message about to be accepted, with all that goes with it.
#[derive(Debug)]
pub struct NewExchange<'a> {
    /// What was said.
    pub content: &'a str,
    /// The reply to it.
    pub asked: NewReply,
}

/// A reply about to be asked for.
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

/// What a worker needs to know before it writes a reply.
#[derive(Debug)]
pub struct ReplyTask {
    /// The plan of the user.
    pub tier: Tier,
    /// Standing instructions of the room.
    pub instructions: Option<String>,
    /// The model the room wants, where it wants one.
    pub model: Option<String>,
    /// The summary that goes along; none for a reply to what it covers.
    pub summary: Option<String>,
    /// The last place that a summary covers: another is made of what lies beyond.
    pub covered: i64,
    /// The place of the message to be answered.
    asked_seq: i64,
    /// True when other messages may stand between it and the reply.
    is_again: bool,
}

/// An earlier message, as context.
#[derive(Debug)]
pub struct Earlier {
    /// Its id.
    pub id: MessageId,
    /// Who wrote it.
    pub role: Role,
    /// The text.
    pub content: String,
    /// The message a reply answers.
    pub reply_to: Option<MessageId>,
    /// How a reply ended.
    pub outcome: Option<Outcome>,
    /// The place in the room.
    pub seq: i64,
}

/// How a reply ended, to be stored.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// The text that is kept.
    pub content: String,
    /// Why it failed or was blocked.
    pub error: Option<&'static str>,
    /// The model that really answered.
    pub model: Option<String>,
    /// Tokens counted.
    pub usage: TokenUsage,
}

impl Db {
    /// Stores the message, its quota unit, its pending reply, its job and its idempotency key in one transaction.
    /// Answers with the messages used that day.
    pub async fn accept_message(&self, new: &NewExchange<'_>, key: Option<NewKey>) -> Result<u32, WriteError> {
        let NewExchange { content, asked } = new;
        let exchange = params![asked.chatroom_id, asked.message_id, asked.reply_id, *content, asked.day, asked.now];
        let moved = params![asked.chatroom_id, asked.user_id, asked.now, title::first_words(content)];
        let write = Write::new().must(&ROOM_MOVED_ON, moved, Refusal::NotFound);
        let write = idempotency::kept(write, key.as_ref());
        let write = job_added(unit_taken(write, asked, key.as_ref()).then(&EXCHANGE_ADD, exchange), asked);
        let write = usage::read_back(write, asked.user_id, asked.day);
        if let Self::Postgres(engine) = self {
            self.count(1);
            let used = engine.write_together(&engine.accepting, joint::accepted(new, key.as_ref(), write)).await?;
            return Ok(u32::try_from(used).unwrap_or_default());
        }
        usage::of_last(self.write(write).await?)
    }

    /// What the job is to be done with; none when the reply is gone.
    pub async fn reply_task(&self, job: &Job) -> Result<Option<ReplyTask>> {
        self.find(&REPLY_TASK, params![job.reply(), job.chatroom_id, job.user_id]).await
    }

    /// The conversation up to the message to be answered, and the replies to it; newest first.
    pub async fn reply_context(&self, job: &Job, task: &ReplyTask) -> Result<Vec<Earlier>> {
        let place = params![job.chatroom_id, task.asked_seq, CONTEXT_MESSAGES];
        let mut context = if task.is_again { self.list(&LATER_REPLIES, place.clone()).await? } else { Vec::new() };
        let after = if task.summary.is_some() { task.covered } else { 0 };
        let place = place.into_iter().chain(params![after]).collect();
        context.extend(self.list::<Earlier>(&REPLY_CONTEXT, place).await?);
        Ok(context)
    }

    /// Makes a reply final and its job done or dead in one transaction, only while this attempt holds the lease. A
    /// failure gives the quota unit back; as the job ends here, that happens once.
    pub async fn finish_reply(&self, job: &Job, done: &Finished, now: Timestamp) -> Result<(), WriteError> {
        let status = done.outcome.status();
        let failed = status == crate::domain::chat::Status::Failed;
        // The room's row comes first, as it does when a message is accepted: whoever has it, the other waits, and no
        // message is blocked by a job that is just ending. A room that went over to somebody else takes no reply.
        let room = params![job.chatroom_id, job.user_id];
        let write = Write::new().must(&OWN_ROOM_HAS_ONE_LESS, room, Refusal::LeaseLost);
        let write = if failed {
            write.must(&JOB_DEAD, params![job.id, job.attempt, done.error], Refusal::LeaseLost)
        } else {
            write.must(&JOB_DONE, params![job.id, job.attempt], Refusal::LeaseLost)
        };
        let write = write.then(&NEXT_IN_ROOM_READY, params![job.chatroom_id, job.seq]);
        let reply = params![
            job.reply(),
            done.content.as_str(),
            status.as_str(),
            done.outcome.as_str(),
            done.error,
            done.model.clone(),
            done.usage.prompt_tokens,
            done.usage.reply_tokens,
            job.attempt,
            now
        ];
        let settled = params![job.user_id, job.reply(), failed, done.usage.prompt_tokens, done.usage.reply_tokens];
        let title = titles::job_for(job, done, now);
        let write = write.then(&REPLY_FINAL, reply).then(&USAGE_SETTLED, settled);
        let write = title.iter().fold(write, |write, title| titles::wanted(write, title, job.reply()));
        if let Self::Postgres(engine) = self {
            self.count(1);
            let ended = joint::ended((job, done, title), now, write);
            return engine.write_together(&engine.ending, ended).await.map(|_| ());
        }
        self.write(write).await.map(|_| ())
    }
}

/// Adds the steps that take the asker's unit, and count it under the key.
pub(super) fn unit_taken(write: Write, asked: &NewReply, key: Option<&NewKey>) -> Write {
    let turn = job::turn_base(asked.now, asked.tier);
    idempotency::counted(usage::one_unit(write, asked.user_id, asked.day, asked.limit, turn), key)
}

/// Adds the step that puts the reply's job into the queue.
pub(super) fn job_added(write: Write, asked: &NewReply) -> Write {
    let job = params![
        asked.reply_id,
        JobKind::Reply.as_str(),
        asked.user_id,
        asked.chatroom_id,
        asked.day,
        asked.now,
        asked.now + DEADLINE,
        asked.trace_parent.clone()
    ];
    write.then(&JOB_ADD, job)
}

impl FromRow for ReplyTask {
    fn from_row(mut row: Row) -> Result<Self> {
        let (tier, instructions) = (Tier::from_stored(&row.column::<String>()?), row.column()?);
        let (model, asked_seq) = (row.column()?, row.column()?);
        let is_again = row.column::<Option<i64>>()?.is_some();
        let (summary, covered) = (row.column::<Option<String>>()?, row.column()?);
        let summary = summary.filter(|_| asked_seq > covered);
        Ok(Self { tier, instructions, model, summary, covered, asked_seq, is_again })
    }
}

impl FromRow for Earlier {
    fn from_row(mut row: Row) -> Result<Self> {
        let id = row.column()?;
        let role = Role::from_stored(&row.column::<String>()?).ok_or_else(|| Error::internal("an unknown role"))?;
        let (content, reply_to) = (row.column()?, row.column()?);
        let outcome = row.column::<Option<String>>()?.and_then(|text| Outcome::from_stored(&text));
        Ok(Self { id, role, content, reply_to, outcome, seq: row.column()? })
    }
}
