//! Codes. Guess counts live here and nowhere else, so no restart, flush or other node resets them.

use std::time::Duration;

use super::statement::{params, statements};
use super::texts::{self, NewText};
use super::value::{FromRow, Row};
use super::{Db, Refusal, Write, WriteError};
use crate::domain::ids::ChallengeId;
use crate::domain::otp::{self, Purpose, SendCaps};
use crate::domain::phone::Phone;
use crate::domain::time::Timestamp;
use crate::error::Result;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// Sends count rows that others may be adding: one at a time.
const SENDING: i64 = 1;

/// What makes a challenge one that can be answered.
macro_rules! live {
    ($now:literal) => {
        concat!(" consumed_at is null and replaced_at is null and expires_at > ", $now)
    };
}
pub(super) use live;

statements! {
    SPACED = "insert into phones (phone) values (?1) on conflict (phone) do update set phone = excluded.phone
        where not exists (select 1 from challenges c where c.phone = ?1 and c.created_at > ?2)";
    CHALLENGE_ADD = "insert into challenges
          (id, phone, block, address, purpose, code_mac, digits, created_at, expires_at, country, locale, seal)
        select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?17, ?18, ?19
        where (select count(*) from challenges where phone = ?2 and created_at > ?10 and is_free = 0) < ?12
          and (select count(*) from challenges where phone = ?2 and created_at > ?11 and is_free = 0) < ?13
          and (select count(*) from challenges where address = ?4 and created_at > ?10) < ?14
          and (select count(*) from challenges where block = ?3 and created_at > ?10) < ?15
          and (select count(*) from challenges where created_at > ?10) < ?16
          and not exists (select 1 from country_pauses where country = ?17 and paused_until > ?8)";
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
    LAST_CODE_AT = "select coalesce(max(created_at), 0) from challenges where phone = ?1";
    PAUSE = "update phones set paused_until = case when pauses < ?2 then ?3 else paused_until end, pauses = ?2
        where phone = ?1 and pauses <> ?2 returning paused_until, pauses";
    PAUSED_UNTIL = "select paused_until, 0 from phones where phone = ?1";
    IS_DEVICE_KNOWN = "select phone, created_at from device_tokens where hash = ?1 and phone = ?2";
    OLD_CHALLENGES_SWEPT = "delete from challenges where created_at < ?1";
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
    /// The text that carries it, where codes go to phones.
    pub text: Option<NewText>,
}

/// A challenge that a guess was counted on.
#[derive(Debug)]
pub struct Guessed {
    /// Its id.
    pub id: ChallengeId,
    /// The keyed digest of the right code.
    pub code_mac: Vec<u8>,
}

impl Db {
    /// Stores a challenge, with the job that sends its text, unless one was made less than [`otp::SPACING`] ago, a cap
    /// is reached or its country pauses; of those that live,
    /// the oldest beyond [`otp::LIVE_AT_ONCE`] is replaced.
    pub async fn add_challenge(&self, new: NewChallenge<'_>, caps: SendCaps) -> Result<(), WriteError> {
        if let Some(text) = &new.text {
            self.write(texts::paused(text.country, new.now)).await?;
        }
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
            caps.global_hour,
            new.text.as_ref().map(|text| text.country),
            new.text.as_ref().map(|text| text.locale.as_str()),
            new.text.as_ref().map(|text| text.seal.as_slice())
        ];
        let write = Write::new()
            .one_at_a_time(SENDING)
            .must(&SPACED, params![phone, new.now - otp::SPACING], Refusal::TooSoon)
            .must(&CHALLENGE_ADD, added, Refusal::SendCapped)
            .then(&OLDEST_REPLACED, params![phone, new.purpose.as_str(), new.now, otp::LIVE_AT_ONCE]);
        let write = match &new.text {
            Some(text) => texts::queued(write, text),
            None => write,
        };
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

    /// When the newest code of a number was made.
    pub async fn last_code_at(&self, phone: &Phone) -> Result<Timestamp> {
        let found: Option<(Timestamp,)> = self.find(&LAST_CODE_AT, params![phone.as_str()]).await?;
        Ok(found.map_or(Timestamp::from_millis(0), |(at,)| at))
    }

    /// Begins the `number`th pause of text log-in for a phone, unless it has begun; true when it begins now.
    pub async fn pause(&self, phone: &Phone, number: i64, until: Timestamp) -> Result<bool> {
        let written = self.write(Write::new().then(&PAUSE, params![phone.as_str(), number, until])).await?;
        let pauses: Vec<(Timestamp, i64)> = written.last()?;
        Ok(pauses.into_iter().any(|(ends_at, _)| ends_at == until))
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

    /// Forgets challenges that no count looks back to, and numbers nothing is known of.
    pub async fn sweep_codes(&self, now: Timestamp) -> Result<()> {
        let write = Write::new()
            .then(&OLD_CHALLENGES_SWEPT, params![now - otp::MISSES_KEPT])
            .then(&OLD_PHONES_SWEPT, params![now - DAY]);
        self.write(texts::swept(write, now)).await?;
        Ok(())
    }
}

impl FromRow for Guessed {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self { id: row.column()?, code_mac: row.column()? })
    }
}
