//! Accounts that are closed: in one transaction, and then erased a few rows at a time, so that nobody else's writes wait.

use super::jobs::{self, done};
use super::passwords::ALL_MISSES_FORGIVEN;
use super::passwords::{PHONE_KEPT, SESSION_HELD};
use super::sessions::{ALL_SESSIONS_ENDED, CODE_CONSUMED, PASSWORD_STANDS};
use super::statement::{params, statements};
use super::{Db, Refusal, Write, WriteError};
use crate::domain::audit::Event;
use crate::domain::ids::{ChallengeId, ChatroomId, SessionId, UserId};
use crate::domain::job::{Job, JobKind, NewJob};
use crate::domain::phone::Phone;
use crate::error::Result;

/// Messages erased by one write.
const MESSAGES_AT_ONCE: i64 = 100;
/// Rows of each other table erased by one write.
const ROWS_AT_ONCE: i64 = 200;

statements! {
    NO_CHECKOUT_OPEN = "update users set tier = tier
        where id = ?1 and not exists (select 1 from checkouts where user_id = ?1 and closed_at is null)";
    CUSTOMER_FORGOTTEN = "delete from customers where user_id = ?1";
    ACCOUNT_CLOSED = "update users set closed_at = ?2, name = null, locale = null, password_hash = null
        where id = ?1 and closed_at is null";
    HOLDER_MADE = "insert into users (id, phone, created_at, closed_at) values (?1, ?2, ?3, ?3)";
    ROOMS_HANDED_OVER = "update chatrooms set user_id = ?2 where user_id = ?1";
    NUMBER_FREED = "update users set phone = ?2 where id = ?1";
    CHALLENGES_FORGOTTEN = "delete from challenges where phone = ?1";
    DEVICES_FORGOTTEN = "delete from device_tokens where phone = ?1";
    PHONE_FORGOTTEN = "delete from phones where phone = ?1";
    JOB_HELD = "update jobs set attempt = attempt where id = ?1 and attempt = ?2 and state = 'running'";
    ROOM_TO_ERASE = "select id from chatrooms where user_id = ?1 order by updated_at desc, id desc limit 1";
    ROOM_TO_ERASE_HELD = "update chatrooms set last_seq = last_seq where id = ?1 and user_id = ?2";
    SOME_JOBS_ERASED = "delete from jobs where id in
        (select id from messages where chatroom_id = ?1 order by seq limit ?2)";
    SOME_MESSAGES_ERASED = "delete from messages where chatroom_id = ?1 and seq in
        (select seq from messages where chatroom_id = ?1 order by seq limit ?2)";
    EMPTY_ROOM_ERASED = "delete from chatrooms where id = ?1 and user_id = ?2
        and not exists (select 1 from messages where chatroom_id = ?1)";
    SOME_KEYS_ERASED = "delete from idempotency_keys where user_id = ?1 and (route, key) in
        (select route, key from idempotency_keys where user_id = ?1 limit ?2)";
    SOME_TOKENS_ERASED = "delete from spent_tokens where hash in (select t.hash from sessions s
        join spent_tokens t on t.session_id = s.id where s.user_id = ?1 limit ?2)";
    SOME_SESSIONS_ERASED = "delete from sessions where id in (select s.id from sessions s where s.user_id = ?1
        and not exists (select 1 from spent_tokens t where t.session_id = s.id) limit ?2)";
    SOME_EVENTS_ERASED = "delete from security_events where id in
        (select id from security_events where user_id = ?1 limit ?2)";
    ANYTHING_LEFT = "select case when exists (select 1 from idempotency_keys where user_id = ?1)
          or exists (select 1 from sessions where user_id = ?1)
          or exists (select 1 from security_events where user_id = ?1) then 1 else 0 end";
    ACCOUNT_JOBS_ERASED = "delete from jobs where kind = ?2 and kind <> 'reply' and subject = ?1";
    ACCOUNT_ERASED = "delete from users where id = ?1 and closed_at is not null";
}

/// What shows that the owner wants an account closed; it must still hold when it is.
#[derive(Clone, Copy, Debug)]
pub enum ClosingProof<'a> {
    /// The right code; it is consumed.
    Code(ChallengeId),
    /// The right password, by the stored digest that it was compared with.
    Password(&'a str),
    /// The session itself, begun by a code a moment ago.
    FreshSession,
}

/// An account about to be closed.
#[derive(Debug)]
pub struct NewClosure<'a> {
    /// The account.
    pub user_id: UserId,
    /// Its number.
    pub phone: &'a Phone,
    /// The session that asks.
    pub session: SessionId,
    /// What shows that it may.
    pub proof: ClosingProof<'a>,
    /// Whether a checkout that is open forbids it, because it could still be paid.
    pub minds_checkouts: bool,
    /// The id of the account, never open, that the rooms go over to.
    pub holder: UserId,
    /// What is noted of it.
    pub event: &'a Event,
    /// The job that erases the rest.
    pub job: NewJob,
}

impl Db {
    /// Closes an account: its sessions end, its number is free, what was kept under the number is forgotten, and its
    /// rooms are nobody's whom a request or a job of a reply could speak for.
    pub async fn close_account(&self, new: &NewClosure<'_>) -> Result<(), WriteError> {
        let (user, phone, now) = (new.user_id, new.phone.as_str(), new.event.at);
        // The order in which rows are taken is that of everybody who takes two of them: number, customer, account,
        // sessions, rooms, and the account once more for what its number is.
        let write = proven(Write::new().then(&PHONE_KEPT, params![phone]), new);
        let write =
            if new.minds_checkouts { write.must(&NO_CHECKOUT_OPEN, params![user], Refusal::Stale) } else { write };
        let write = write
            .must(&ACCOUNT_CLOSED, params![user, now], Refusal::NotFound)
            .must(&SESSION_HELD, params![new.session, user], Refusal::NotFound)
            .then(&ALL_SESSIONS_ENDED, params![user, now])
            .then(&HOLDER_MADE, params![new.holder, no_number(new.holder), now])
            .then(&ROOMS_HANDED_OVER, params![user, new.holder])
            .then(&NUMBER_FREED, params![user, no_number(user)])
            .noting(new.event);
        self.write(jobs::enqueued(forgotten(write, phone), new.job)).await.map(|_| ())
    }

    /// Erases some messages of a closed account with their jobs, or a room that has none left; false when no room is left.
    pub async fn erase_some_messages(&self, job: &Job) -> Result<bool, WriteError> {
        let holder = job.account();
        let room: Option<(ChatroomId,)> =
            self.find(&ROOM_TO_ERASE, params![holder]).await.map_err(WriteError::Failed)?;
        let Some((room,)) = room else { return Ok(false) };
        let write = held(job)
            .then(&ROOM_TO_ERASE_HELD, params![room, holder])
            .then(&SOME_JOBS_ERASED, params![room, MESSAGES_AT_ONCE])
            .then(&SOME_MESSAGES_ERASED, params![room, MESSAGES_AT_ONCE])
            .then(&EMPTY_ROOM_ERASED, params![room, holder]);
        self.write(write).await.map(|_| true)
    }

    /// Erases some of what else may be much of a closed account; false when nothing of it is left.
    pub async fn erase_some_rows(&self, job: &Job) -> Result<bool, WriteError> {
        let some = || params![job.user_id, ROWS_AT_ONCE];
        let write = held(job)
            .then(&SOME_KEYS_ERASED, some())
            .then(&SOME_TOKENS_ERASED, some())
            .then(&SOME_SESSIONS_ERASED, some())
            .then(&SOME_EVENTS_ERASED, some())
            .then(&ANYTHING_LEFT, params![job.user_id]);
        let left: Vec<(bool,)> = self.write(write).await?.last().map_err(WriteError::Failed)?;
        Ok(left.first().is_some_and(|(is_left,)| *is_left))
    }

    /// Erases a closed account itself, the one that held its rooms, and every job about it, this one included.
    pub async fn finish_erasure(&self, job: &Job) -> Result<(), WriteError> {
        let write = done(Write::new(), job)
            .then(&ACCOUNT_JOBS_ERASED, params![job.user_id, JobKind::SyncCustomer.as_str()])
            .then(&ACCOUNT_ERASED, params![job.user_id])
            .then(&ACCOUNT_ERASED, params![job.account()]);
        self.write(write).await.map(|_| ())
    }
}

/// Adds the steps that take the proof.
fn proven(write: Write, new: &NewClosure<'_>) -> Write {
    let write = match new.proof {
        ClosingProof::Code(challenge) => {
            write.must(&CODE_CONSUMED, params![challenge, new.event.at], Refusal::CodeSpent)
        }
        ClosingProof::Password(_) | ClosingProof::FreshSession => write,
    };
    let write = write.then(&CUSTOMER_FORGOTTEN, params![new.user_id]);
    match new.proof {
        ClosingProof::Password(stored) => {
            write.must(&PASSWORD_STANDS, params![new.phone.as_str(), stored], Refusal::PasswordChanged)
        }
        ClosingProof::Code(_) | ClosingProof::FreshSession => write,
    }
}

/// Adds the steps that forget what is kept under a number, whether or not it has an account.
fn forgotten(write: Write, phone: &str) -> Write {
    let tables = [&CHALLENGES_FORGOTTEN, &DEVICES_FORGOTTEN, &ALL_MISSES_FORGIVEN, &PHONE_FORGOTTEN];
    tables.into_iter().fold(write, |write, table| write.then(table, params![phone]))
}

/// A list that changes nothing unless this attempt holds the lease.
fn held(job: &Job) -> Write {
    Write::new().must(&JOB_HELD, params![job.id, job.attempt], Refusal::LeaseLost)
}

/// What stands in the place of a number, and is none.
fn no_number(user: UserId) -> String {
    format!("closed:{user}")
}
