//! Codes and sessions. Guess counts live here and nowhere else, so no restart, flush or other node resets them.

use super::statement::{params, statements};
use super::users::user_columns;
use super::value::{FromRow, Row};
use super::{Db, Refusal, Write, WriteError};
use crate::domain::ids::{ChallengeId, SessionId, UserId};
use crate::domain::otp::{self, Purpose, SendCaps};
use crate::domain::phone::Phone;
use crate::domain::time::Timestamp;
use crate::domain::user::{DEVICES_KEPT, SESSIONS_AT_ONCE, Session, User};
use crate::error::{Error, Result};

use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// Sends count rows that others may be adding: one at a time.
const SENDING: i64 = 1;

macro_rules! live {
    ($now:literal) => {
        concat!(" consumed_at is null and replaced_at is null and expires_at > ", $now)
    };
}

statements! {
    SPACED = "insert into phones (phone) values (?1) on conflict (phone) do update set phone = excluded.phone
        where not exists (select 1 from challenges c where c.phone = ?1 and c.created_at > ?2)";
    CHALLENGE_ADD = "insert into challenges
          (id, phone, block, address, purpose, code_mac, digits, created_at, expires_at)
        select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
        where (select count(*) from challenges where phone = ?2 and created_at > ?10) < ?12
          and (select count(*) from challenges where phone = ?2 and created_at > ?11) < ?13
          and (select count(*) from challenges where address = ?4 and created_at > ?10) < ?14
          and (select count(*) from challenges where block = ?3 and created_at > ?10) < ?15
          and (select count(*) from challenges where created_at > ?10) < ?16";
    OLDEST_REPLACED = concat!("update challenges set replaced_at = ?3 where phone = ?1 and purpose = ?2 and", live!("?3"), "
          and id not in (select id from challenges where phone = ?1 and purpose = ?2 and", live!("?3"), "
            order by created_at desc, id desc limit ?4)");
    GUESS_BY_ID = concat!("update challenges set tries = tries + 1
        where id = ?1 and phone = ?2 and tries < ?4 and", live!("?3"), " returning id, code_mac");
    GUESS_NEWEST = concat!("update challenges set tries = tries + 1
        where id = (select id from challenges where phone = ?1 and purpose = ?2 and", live!("?3"), "
          order by created_at desc, id desc limit 1) and tries < ?4 and", live!("?3"), " returning id, code_mac");
    SPENT_BY_ID = concat!("select id, code_mac from challenges where id = ?1 and phone = ?2 and tries >= ?4 and", live!("?3"));
    SPENT_NEWEST = concat!("select id, code_mac from challenges
        where id = (select id from challenges where phone = ?1 and purpose = ?2 and", live!("?3"), "
          order by created_at desc, id desc limit 1) and tries >= ?4");
    MISSES = "select cast(coalesce(sum(tries - case when consumed_at is null then 0 else 1 end), 0) as bigint)
        from challenges where phone = ?1 and created_at > ?2";
    PAUSE = "update phones set paused_until = case when pauses < ?2 then ?3 else paused_until end, pauses = ?2
        where phone = ?1 and pauses <> ?2";
    PAUSED_UNTIL = "select paused_until, 0 from phones where phone = ?1";
    PHONE_HELD = "update phones set phone = phone where phone = ?1";
    CODE_CONSUMED = "update challenges set consumed_at = ?2
        where id = ?1 and consumed_at is null and replaced_at is null";
    OTHERS_REPLACED = concat!("update challenges set replaced_at = ?3 where phone = ?1 and purpose = ?2 and", live!("?3"));
    USER_MADE = "insert into users (id, phone, name, created_at)
        select ?1, ?2, (select pending_name from phones where phone = ?2 and pending_until > ?3), ?3 where true
        on conflict (phone) do nothing";
    SESSION_BEGUN = "insert into sessions (id, user_id, proof, refresh_hash, created_at, expires_at)
        select ?1, u.id, ?3, ?4, ?5, ?6 from users u where u.phone = ?2";
    OLDEST_SESSIONS_ENDED = "update sessions set ended_at = ?2
        where user_id = (select id from users where phone = ?1) and ended_at is null
          and id not in (select s.id from sessions s where s.user_id = (select id from users where phone = ?1)
            and s.ended_at is null order by s.created_at desc, s.id desc limit ?3) returning id, created_at";
    DEVICE_KNOWN = "insert into device_tokens (hash, phone, created_at) values (?1, ?2, ?3)";
    OLDEST_DEVICES_FORGOTTEN = "delete from device_tokens where phone = ?1 and hash not in
        (select hash from device_tokens where phone = ?1 order by created_at desc limit ?2)";
    IS_DEVICE_KNOWN = "select phone, created_at from device_tokens where hash = ?1 and phone = ?2";
    USER_BY_PHONE = concat!("select ", user_columns!(), " from users u where u.phone = ?1");
    SESSION = "select s.id, s.user_id, u.tier, s.expires_at, s.ended_at
        from sessions s join users u on u.id = s.user_id where s.id = ?1 and s.user_id = ?2";
    SESSION_ENDED = "update sessions set ended_at = ?3 where id = ?1 and user_id = ?2 and ended_at is null";
    OTHER_SESSIONS_ENDED = "update sessions set ended_at = ?3 where user_id = ?2 and id <> ?1 and ended_at is null";
    ALL_SESSIONS_ENDED = "update sessions set ended_at = ?2 where user_id = ?1 and ended_at is null";
    OLD_CHALLENGES_SWEPT = "delete from challenges where created_at < ?1";
    OLD_SESSIONS_SWEPT = "delete from sessions where expires_at < ?1 or ended_at < ?1";
    OLD_PHONES_SWEPT = "delete from phones where pending_until < ?1 and paused_until < ?1
        and not exists (select 1 from challenges c where c.phone = phones.phone)";
}

/// A code about to be sent.
#[derive(Debug)]
pub struct NewChallenge<'a> {
    /// Its id.
    pub id: ChallengeId,
    /// The number it goes to.
    pub phone: &'a Phone,
    /// The keyed name of the client's address.
    pub address: &'a str,
    /// What it is for.
    pub purpose: Purpose,
    /// The keyed digest of the code.
    pub code_mac: [u8; 32],
    /// How many digits it has.
    pub digits: u32,
    /// The present.
    pub now: Timestamp,
    /// When it is over.
    pub expires_at: Timestamp,
}

/// A challenge that a guess was counted on.
#[derive(Debug)]
pub struct Guessed {
    /// Its id.
    pub id: ChallengeId,
    /// The keyed digest of the right code.
    pub code_mac: Vec<u8>,
}

/// A session about to begin, by a right code.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// The number that signed in.
    pub phone: &'a Phone,
    /// The challenge that was answered.
    pub challenge: ChallengeId,
    /// What the code was for.
    pub purpose: Purpose,
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

impl Db {
    /// Stores a challenge unless one was made less than [`otp::SPACING`] ago or a cap is reached; of those that live,
    /// the oldest beyond [`otp::LIVE_AT_ONCE`] is replaced.
    pub async fn add_challenge(&self, new: NewChallenge<'_>, caps: SendCaps) -> Result<(), WriteError> {
        let (hour_ago, day_ago) = (new.now - HOUR, new.now - DAY);
        let phone = new.phone.as_str();
        let added = params![
            new.id,
            phone,
            new.phone.block(),
            new.address,
            new.purpose.as_str(),
            new.code_mac,
            new.digits,
            new.now,
            new.expires_at,
            hour_ago,
            day_ago,
            caps.phone_hour,
            caps.phone_day,
            caps.address_hour,
            caps.block_hour,
            caps.global_hour
        ];
        let write = Write::new()
            .one_at_a_time(SENDING)
            .must(&SPACED, params![phone, new.now - otp::SPACING], Refusal::TooSoon)
            .must(&CHALLENGE_ADD, added, Refusal::SendCapped)
            .then(&OLDEST_REPLACED, params![phone, new.purpose.as_str(), new.now, otp::LIVE_AT_ONCE]);
        self.write(write).await.map(|_| ())
    }

    /// Counts a guess, committed before anything is compared; none when there is nothing to guess at or no guess
    /// left.
    pub async fn count_guess(
        &self,
        phone: &Phone,
        purpose: Purpose,
        challenge: Option<ChallengeId>,
        now: Timestamp,
    ) -> Result<Option<Guessed>> {
        let write = match challenge {
            Some(id) => Write::new().then(&GUESS_BY_ID, params![id, phone.as_str(), now, otp::GUESSES]),
            None => Write::new().then(&GUESS_NEWEST, params![phone.as_str(), purpose.as_str(), now, otp::GUESSES]),
        };
        Ok(self.write(write).await?.last()?.pop())
    }

    /// True when the challenge that was meant lives but has had its guesses.
    pub async fn is_guessed_out(
        &self,
        phone: &Phone,
        purpose: Purpose,
        challenge: Option<ChallengeId>,
        now: Timestamp,
    ) -> Result<bool> {
        let spent: Option<Guessed> = match challenge {
            Some(id) => self.find(&SPENT_BY_ID, params![id, phone.as_str(), now, otp::GUESSES]).await?,
            None => self.find(&SPENT_NEWEST, params![phone.as_str(), purpose.as_str(), now, otp::GUESSES]).await?,
        };
        Ok(spent.is_some())
    }

    /// Guesses that missed on a number since then; a success does not clear them.
    pub async fn misses(&self, phone: &Phone, since: Timestamp) -> Result<i64> {
        let count: Option<(i64,)> = self.find(&MISSES, params![phone.as_str(), since]).await?;
        Ok(count.map_or(0, |(misses,)| misses))
    }

    /// Begins the `number`th pause of text log-in for a phone, unless it has begun.
    pub async fn pause(&self, phone: &Phone, number: i64, until: Timestamp) -> Result<()> {
        self.write(Write::new().then(&PAUSE, params![phone.as_str(), number, until])).await?;
        Ok(())
    }

    /// Until when text log-in of a number pauses for clients without a device token.
    pub async fn paused_until(&self, phone: &Phone) -> Result<Timestamp> {
        let found: Option<(Timestamp, i64)> = self.find(&PAUSED_UNTIL, params![phone.as_str()]).await?;
        Ok(found.map_or(Timestamp::from_millis(0), |(until, _)| until))
    }

    /// True when the token was given to a client at a sign-in with this number.
    pub async fn is_device_known(&self, phone: &Phone, hash: [u8; 32]) -> Result<bool> {
        let found: Option<(String, i64)> = self.find(&IS_DEVICE_KNOWN, params![hash, phone.as_str()]).await?;
        Ok(found.is_some())
    }

    /// Consumes a code and begins the session in one transaction; makes the account when this is the number's first
    /// right code. Refused when the code was consumed meanwhile.
    pub async fn begin_session(&self, new: NewSession<'_>) -> Result<Begun, WriteError> {
        let phone = new.phone.as_str();
        let session = params![new.id, phone, "code", new.refresh_hash, new.now, new.expires_at];
        let write = Write::new()
            // Two codes of one number replace each other: one at a time.
            .then(&PHONE_HELD, params![phone])
            .must(&CODE_CONSUMED, params![new.challenge, new.now], Refusal::CodeSpent)
            .then(&OTHERS_REPLACED, params![phone, new.purpose.as_str(), new.now])
            .then(&USER_MADE, params![new.user_id, phone, new.now])
            .then(&SESSION_BEGUN, session)
            .then(&OLDEST_SESSIONS_ENDED, params![phone, new.now, SESSIONS_AT_ONCE])
            .then(&DEVICE_KNOWN, params![new.device_hash, phone, new.now])
            .then(&OLDEST_DEVICES_FORGOTTEN, params![phone, DEVICES_KEPT])
            .then(&USER_BY_PHONE, params![phone]);
        let mut written = self.write(write).await?;
        let ended: Vec<(SessionId, Timestamp)> = written.take(4).map_err(WriteError::Failed)?;
        let users: Vec<User> = written.last().map_err(WriteError::Failed)?;
        let user = users.into_iter().next();
        let user = user.ok_or_else(|| WriteError::Failed(Error::internal("no account was made")))?;
        Ok(Begun { user, ended: ended.into_iter().map(|(id, _)| id).collect() })
    }

    /// The session of that id and user, ended or not.
    pub async fn session(&self, id: SessionId, user_id: UserId) -> Result<Option<Session>> {
        self.find(&SESSION, params![id, user_id]).await
    }

    /// Ends one session of a user.
    pub async fn end_session(&self, id: SessionId, user_id: UserId, now: Timestamp) -> Result<()> {
        self.write(Write::new().then(&SESSION_ENDED, params![id, user_id, now])).await?;
        Ok(())
    }

    /// Ends all sessions of a user but one.
    pub async fn end_other_sessions(&self, kept: SessionId, user_id: UserId, now: Timestamp) -> Result<()> {
        self.write(Write::new().then(&OTHER_SESSIONS_ENDED, params![kept, user_id, now])).await?;
        Ok(())
    }

    /// Ends all sessions of a user.
    pub async fn end_all_sessions(&self, user_id: UserId, now: Timestamp) -> Result<()> {
        self.write(Write::new().then(&ALL_SESSIONS_ENDED, params![user_id, now])).await?;
        Ok(())
    }

    /// Forgets challenges that no count looks back to, sessions long over, and numbers nothing is known of.
    pub async fn sweep_auth(&self, now: Timestamp) -> Result<()> {
        let write = Write::new()
            .then(&OLD_CHALLENGES_SWEPT, params![now - otp::MISSES_KEPT])
            .then(&OLD_SESSIONS_SWEPT, params![now - DAY * 7])
            .then(&OLD_PHONES_SWEPT, params![now - DAY]);
        self.write(write).await?;
        Ok(())
    }
}

impl FromRow for Guessed {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self { id: row.column()?, code_mac: row.column()? })
    }
}
