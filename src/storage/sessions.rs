//! Sessions: begun in the transaction that takes the proof, and looked up with every request.

use std::time::Duration;

use super::codes::live;
use super::statement::{Sql, params, statements};
use super::users::user_columns;
use super::value::{FromRow, Row, Value};
use super::{Db, Refusal, Write, WriteError, passwords};
use crate::domain::audit::{Event, Kind};
use crate::domain::ids::{ChallengeId, SessionId, UserId};
use crate::domain::otp::Purpose;
use crate::domain::phone::Phone;
use crate::domain::plan::Tier;
use crate::domain::time::Timestamp;
use crate::domain::user::{DEVICES_KEPT, OpenSession, SESSIONS_AT_ONCE, Session, SignedInBy, User};
use crate::error::{Error, Result};

/// How long an ended session is kept.
const KEPT: Duration = Duration::from_hours(7 * 24);

statements! {
    PHONE_HELD = "update phones set phone = phone where phone = ?1";
    CODE_CONSUMED = "update challenges set consumed_at = ?2
        where id = ?1 and consumed_at is null and replaced_at is null";
    OTHERS_REPLACED = concat!("update challenges set replaced_at = ?3 where phone = ?1 and purpose = ?2 and", live!("?3"));
    USER_MADE = "insert into users (id, phone, name, created_at)
        select ?1, ?2, (select pending_name from phones where phone = ?2 and pending_until > ?3), ?3 where true
        on conflict (phone) do nothing";
    PASSWORD_STANDS = "update users set password_hash = password_hash where phone = ?1 and password_hash = ?2";
    SESSION_BEGUN = "insert into sessions (id, user_id, proof, refresh_hash, created_at, seen_at, expires_at)
        select ?1, u.id, ?3, ?4, ?5, ?5, ?6 from users u where u.phone = ?2";
    OLDEST_SESSIONS_ENDED = "update sessions set ended_at = ?2
        where user_id = (select id from users where phone = ?1) and ended_at is null
          and id not in (select s.id from sessions s where s.user_id = (select id from users where phone = ?1)
            and s.ended_at is null order by s.created_at desc, s.id desc limit ?3) returning id, created_at";
    DEVICE_KNOWN = "insert into device_tokens (hash, phone, created_at) values (?1, ?2, ?3)";
    OLDEST_DEVICES_FORGOTTEN = "delete from device_tokens where phone = ?1 and hash not in
        (select hash from device_tokens where phone = ?1 order by created_at desc limit ?2)";
    USER_BY_PHONE = concat!("select ", user_columns!(), " from users u where u.phone = ?1");
    SESSION = "select s.id, s.user_id, u.tier, s.expires_at, s.ended_at, u.rooms_epoch
        from sessions s join users u on u.id = s.user_id where s.id = ?1 and s.user_id = ?2";
    OPEN_SESSIONS = "select id, proof, created_at, seen_at, expires_at from sessions
        where user_id = ?1 and id < ?3 and ended_at is null and expires_at > ?2 order by id desc limit ?4";
    SESSION_ENDED = "update sessions set ended_at = ?3
        where id = ?1 and user_id = ?2 and ended_at is null and expires_at > ?3";
    OTHER_SESSIONS_ENDED = "update sessions set ended_at = ?3 where user_id = ?2 and id <> ?1 and ended_at is null";
    ALL_SESSIONS_ENDED = "update sessions set ended_at = ?2 where user_id = ?1 and ended_at is null";
    OLD_SESSIONS_SWEPT = "delete from sessions where expires_at < ?1 or ended_at < ?1";
}

/// What a session is begun by. It is taken in the same transaction, so that it opens one session and none when it
/// stopped being good meanwhile.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// The right code; it is consumed.
    Code {
        /// The challenge that was answered.
        challenge: ChallengeId,
        /// What the code was for.
        purpose: Purpose,
    },
    /// The right password of an account that is there.
    Password {
        /// The stored digest that it was checked against, and which must still be the account's.
        stored: &'a str,
    },
}

/// A session about to begin.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// The number that signed in.
    pub phone: &'a Phone,
    /// What it is begun by.
    pub proof: Proof<'a>,
    /// The keyed name of the client's address.
    pub address: &'a str,
    /// The session's id.
    pub id: SessionId,
    /// The id of the account, should this be its first sign-in.
    pub user_id: UserId,
    /// The digest of the refresh token.
    pub refresh_hash: [u8; 32],
    /// The digest of the device token.
    pub device_hash: [u8; 32],
    /// The present.
    pub now: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// What a sign-in did.
#[derive(Debug)]
pub struct Begun {
    /// The account.
    pub user: User,
    /// The oldest sessions, ended because there were too many.
    pub ended: Vec<SessionId>,
}

impl Proof<'_> {
    /// Its kind, as it is kept with the session.
    #[must_use]
    pub fn by(&self) -> SignedInBy {
        match self {
            Self::Code { .. } => SignedInBy::Code,
            Self::Password { .. } => SignedInBy::Password,
        }
    }
}

impl NewSession<'_> {
    /// What is noted of it.
    #[must_use]
    pub fn event(&self) -> Event {
        let kind = match self.proof.by() {
            SignedInBy::Code => Kind::SignedInByCode,
            SignedInBy::Password => Kind::SignedInByPassword,
        };
        Event::new(kind, self.now).of_number(self.phone).in_session(self.id).from(self.address.to_owned())
    }

    /// The steps that take the proof; after them the account is there.
    fn proven(&self) -> Write {
        let phone = self.phone.as_str();
        match self.proof {
            Proof::Code { challenge, purpose } => Write::new()
                // Two codes of one number replace each other: one at a time.
                .then(&PHONE_HELD, params![phone])
                .must(&CODE_CONSUMED, params![challenge, self.now], Refusal::CodeSpent)
                .then(&OTHERS_REPLACED, params![phone, purpose.as_str(), self.now])
                .then(&USER_MADE, params![self.user_id, phone, self.now]),
            Proof::Password { stored } => {
                let write = Write::new().then(&PHONE_HELD, params![phone]).must(
                    &PASSWORD_STANDS,
                    params![phone, stored],
                    Refusal::PasswordChanged,
                );
                passwords::misses_forgiven(write, self.phone, self.address)
            }
        }
    }
}

impl Db {
    /// Takes the proof and begins the session in one transaction; makes the account when this is the number's first
    /// right code. Refused when the proof is not good any more.
    pub async fn begin_session(&self, new: NewSession<'_>) -> Result<Begun, WriteError> {
        let phone = new.phone.as_str();
        let session = params![new.id, phone, new.proof.by().as_str(), new.refresh_hash, new.now, new.expires_at];
        let write = new
            .proven()
            .then(&SESSION_BEGUN, session)
            .noting(&new.event())
            .then(&DEVICE_KNOWN, params![new.device_hash, phone, new.now])
            .then(&OLDEST_DEVICES_FORGOTTEN, params![phone, DEVICES_KEPT])
            .then(&OLDEST_SESSIONS_ENDED, params![phone, new.now, SESSIONS_AT_ONCE]);
        let oldest_ended = write.steps.len() - 1;
        let mut written = self.write(write.then(&USER_BY_PHONE, params![phone])).await?;
        let ended: Vec<(SessionId, Timestamp)> = written.take(oldest_ended).map_err(WriteError::Failed)?;
        let users: Vec<User> = written.last().map_err(WriteError::Failed)?;
        let user = users.into_iter().next();
        let user = user.ok_or_else(|| WriteError::Failed(Error::internal("no account was made")))?;
        Ok(Begun { user, ended: ended.into_iter().map(|(id, _)| id).collect() })
    }

    /// The session of that id and user, ended or not.
    pub async fn session(&self, id: SessionId, user_id: UserId) -> Result<Option<Session>> {
        self.find(&SESSION, params![id, user_id]).await
    }

    /// Live sessions of a user that are older than one of them, newest first.
    pub async fn open_sessions(
        &self,
        user_id: UserId,
        now: Timestamp,
        before: Option<SessionId>,
        limit: i64,
    ) -> Result<Vec<OpenSession>> {
        let before = before.unwrap_or(SessionId::from_bytes([0xff; 16]));
        self.list(&OPEN_SESSIONS, params![user_id, now, before, limit]).await
    }

    /// Ends one session of a user at the time of the event; false when there was none to end, and nothing is noted.
    pub async fn end_session(&self, id: SessionId, user_id: UserId, event: &Event) -> Result<bool> {
        self.end(&SESSION_ENDED, params![id, user_id, event.at], event).await
    }

    /// Ends all sessions of a user but one; false when there was none.
    pub async fn end_other_sessions(&self, kept: SessionId, user_id: UserId, event: &Event) -> Result<bool> {
        self.end(&OTHER_SESSIONS_ENDED, params![kept, user_id, event.at], event).await
    }

    /// Ends all sessions of a user; false when there was none.
    pub async fn end_all_sessions(&self, user_id: UserId, event: &Event) -> Result<bool> {
        self.end(&ALL_SESSIONS_ENDED, params![user_id, event.at], event).await
    }

    async fn end(&self, sql: &'static Sql, params: Vec<Value>, event: &Event) -> Result<bool> {
        match self.write(Write::new().must(sql, params, Refusal::NotFound).noting(event)).await {
            Ok(_) => Ok(true),
            Err(WriteError::Refused(_)) => Ok(false),
            Err(WriteError::Failed(error)) => Err(error),
        }
    }

    /// Forgets sessions that are long over.
    pub async fn sweep_sessions(&self, now: Timestamp) -> Result<()> {
        self.write(Write::new().then(&OLD_SESSIONS_SWEPT, params![now - KEPT])).await?;
        Ok(())
    }
}

impl FromRow for Session {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self {
            id: row.column()?,
            user_id: row.column()?,
            tier: Tier::from_stored(&row.column::<String>()?),
            expires_at: row.column()?,
            ended_at: row.column()?,
            rooms_epoch: row.column()?,
        })
    }
}

impl FromRow for OpenSession {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self {
            id: row.column()?,
            by: SignedInBy::from_stored(&row.column::<String>()?),
            created_at: row.column()?,
            seen_at: row.column()?,
            expires_at: row.column()?,
        })
    }
}
