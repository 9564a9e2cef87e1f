//! Passwords. Misses are counted here and nowhere else, so no restart or other node forgets them.

use super::sessions::{CODE_CONSUMED, OTHER_SESSIONS_ENDED, OTHERS_REPLACED, PHONE_HELD, USER_MADE};
use super::statement::{params, statements};
use super::value::{FromRow, Row, Value};
use super::{Db, Refusal, Write, WriteError};
use crate::domain::audit::Event;
use crate::domain::ids::{ChallengeId, SessionId, UserId};
use crate::domain::otp::Purpose;
use crate::domain::password;
use crate::domain::phone::Phone;
use crate::domain::time::Timestamp;
use crate::error::Result;

/// The misses of one address on a number in the window. `?1` number, `?2` address, `?3` when the window began.
macro_rules! of_address {
    () => {
        " from password_misses where phone = ?1 and address = ?2 and missed_at > ?3"
    };
}

/// When the delay of a number is over. `?1` number, `?4` misses allowed, `?5` since when they count, `?6` first delay,
/// `?7` longest delay, `?8` misses until the longest.
macro_rules! delayed_until {
    () => {
        "(select max(missed_at) + case when count(*) < ?4 then 0 when count(*) >= ?4 + ?8 then ?7
            else ?6 * (1 << cast(count(*) - ?4 as integer)) end
          from password_misses where phone = ?1 and missed_at > ?5)"
    };
}

statements! {
    CREDENTIALS_BY_PHONE = "select id, phone, password_hash from users where phone = ?1";
    CREDENTIALS_BY_ID = "select id, phone, password_hash from users where id = ?1 and closed_at is null";
    PASSWORD_FREE_AT = concat!(
        "select coalesce((select min(missed_at) + ?9", of_address!(), " having count(*) >= ?4), 0),
          coalesce(", delayed_until!(), ", 0)");
    PHONE_KEPT = "insert into phones (phone) values (?1) on conflict (phone) do update set phone = excluded.phone";
    MISS_COUNTED = concat!(
        "insert into password_misses (phone, address, missed_at) select ?1, ?2, ?9
          where (select count(*)", of_address!(), ") < ?4 and coalesce(", delayed_until!(), ", 0) <= ?9");
    MISSES_FORGIVEN = "delete from password_misses where phone = ?1 and address = ?2";
    ALL_MISSES_FORGIVEN = "delete from password_misses where phone = ?1";
    OLD_PASSWORD_MISSES_SWEPT = "delete from password_misses where missed_at < ?1";
    PASSWORD_RESET = "update users set password_hash = ?2 where phone = ?1";
    PASSWORD_SET = "update users set password_hash = ?2 where id = ?1 and password_hash is not distinct from ?3";
    SESSION_HELD = "update sessions set ended_at = null where id = ?1 and user_id = ?2 and ended_at is null";
    SESSIONS_OF_PHONE_ENDED = "update sessions set ended_at = ?2
        where user_id = (select id from users where phone = ?1) and ended_at is null";
    BEGUN_BY_CODE_AT = "select created_at from sessions
        where id = ?1 and user_id = ?2 and proof = 'code' and ended_at is null";
}

/// An account, as far as a password goes.
#[derive(Debug)]
pub struct Credentials {
    /// The account.
    pub user_id: UserId,
    /// Its number.
    pub phone: Phone,
    /// The hash of its password, if it has one.
    pub hash: Option<String>,
}

/// A password about to be set by a right code.
#[derive(Debug)]
pub struct PasswordReset<'a> {
    /// The number whose code it was.
    pub phone: &'a Phone,
    /// The challenge that was answered.
    pub challenge: ChallengeId,
    /// The id of the account, should this be the number's first right code.
    pub user_id: UserId,
    /// The hash of the new password.
    pub hash: &'a str,
    /// What is noted of it.
    pub event: &'a Event,
}

/// A password about to be set in a session.
#[derive(Debug)]
pub struct PasswordChange<'a> {
    /// The account and the password it had when that was looked at.
    pub before: &'a Credentials,
    /// The session that asks.
    pub session: SessionId,
    /// The hash of the new password.
    pub hash: &'a str,
    /// What is noted of it.
    pub event: &'a Event,
}

impl Db {
    /// What a password for that number is compared with.
    pub async fn credentials_of(&self, phone: &Phone) -> Result<Option<Credentials>> {
        self.find(&CREDENTIALS_BY_PHONE, params![phone.as_str()]).await
    }

    /// What a password of that account is compared with.
    pub async fn credentials(&self, id: UserId) -> Result<Option<Credentials>> {
        self.find(&CREDENTIALS_BY_ID, params![id]).await
    }

    /// When a password for that number may next be checked from that address; the past when it may be now.
    pub async fn password_free_at(&self, phone: &Phone, address: &str, now: Timestamp) -> Result<Timestamp> {
        let mut bounds = bounds(phone, address, now);
        bounds.push(millis(password::MISS_WINDOW).into());
        let found: Option<(Timestamp, Timestamp)> = self.find(&PASSWORD_FREE_AT, bounds).await?;
        Ok(found.map_or(now, |(of_address, of_phone)| of_address.max(of_phone)))
    }

    /// Counts a check of a password as a miss, committed before anything is compared; refused when there were too many.
    pub async fn count_password_miss(&self, phone: &Phone, address: &str, now: Timestamp) -> Result<(), WriteError> {
        let mut miss = bounds(phone, address, now);
        miss.push(now.into());
        let write = Write::new()
            // Misses of one number are counted one at a time: their rows do not exist yet, so the number's own is held.
            .then(&PHONE_KEPT, params![phone.as_str()])
            .must(&MISS_COUNTED, miss, Refusal::TooManyMisses);
        self.write(write).await.map(|_| ())
    }

    /// Takes back the misses of an address on a number.
    pub async fn forgive_password_misses(&self, phone: &Phone, address: &str) -> Result<()> {
        self.write(misses_forgiven(Write::new(), phone, address)).await?;
        Ok(())
    }

    /// Consumes a code, sets the password and ends all sessions in one transaction; makes the account when this is the
    /// number's first right code. Refused when the code was consumed meanwhile.
    pub async fn reset_password(&self, new: PasswordReset<'_>) -> Result<(), WriteError> {
        let now = new.event.at;
        let phone = new.phone.as_str();
        let write = Write::new()
            .then(&PHONE_HELD, params![phone])
            .must(&CODE_CONSUMED, params![new.challenge, now], Refusal::CodeSpent)
            .then(&OTHERS_REPLACED, params![phone, Purpose::Reset.as_str(), now])
            .then(&USER_MADE, params![new.user_id, phone, now])
            .then(&PASSWORD_RESET, params![phone, new.hash])
            .then(&SESSIONS_OF_PHONE_ENDED, params![phone, now])
            .then(&ALL_MISSES_FORGIVEN, params![phone])
            .noting(new.event);
        self.write(write).await.map(|_| ())
    }

    /// Sets a password and ends the other sessions, unless the password or the session is not any more what it was.
    pub async fn change_password(&self, new: PasswordChange<'_>) -> Result<(), WriteError> {
        let now = new.event.at;
        let Credentials { user_id, phone, hash } = new.before;
        let set = params![*user_id, new.hash, hash.as_deref()];
        let write = Write::new()
            .must(&PASSWORD_SET, set, Refusal::PasswordChanged)
            .must(&SESSION_HELD, params![new.session, *user_id], Refusal::NotFound)
            .then(&OTHER_SESSIONS_ENDED, params![new.session, *user_id, now])
            .then(&ALL_MISSES_FORGIVEN, params![phone.as_str()])
            .noting(new.event);
        self.write(write).await.map(|_| ())
    }

    /// When a live session was begun, if it was by a code.
    pub async fn begun_by_code_at(&self, id: SessionId, user_id: UserId) -> Result<Option<Timestamp>> {
        let found: Option<(Timestamp,)> = self.find(&BEGUN_BY_CODE_AT, params![id, user_id]).await?;
        Ok(found.map(|(at,)| at))
    }

    /// Forgets misses that no limit looks back to.
    pub async fn sweep_password_misses(&self, now: Timestamp) -> Result<()> {
        self.write(Write::new().then(&OLD_PASSWORD_MISSES_SWEPT, params![now - password::MISSES_KEPT])).await?;
        Ok(())
    }
}

/// Adds the step that forgives the misses of an address on a number.
pub(super) fn misses_forgiven(write: Write, phone: &Phone, address: &str) -> Write {
    write.then(&MISSES_FORGIVEN, params![phone.as_str(), address])
}

/// The first eight parameters of what looks at misses.
fn bounds(phone: &Phone, address: &str, now: Timestamp) -> Vec<Value> {
    params![
        phone.as_str(),
        address,
        now - password::MISS_WINDOW,
        password::MISSES,
        now - password::MISSES_KEPT,
        millis(password::FIRST_DELAY),
        millis(password::LONGEST_DELAY),
        password::DOUBLINGS
    ]
}

fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl FromRow for Credentials {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self { user_id: row.column()?, phone: Phone::from_stored(row.column()?), hash: row.column()? })
    }
}
