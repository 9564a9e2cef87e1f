//! Texts to phones: what a code travels with until it is handed over, and what became of it. Whether a text may go out
//! is decided by a row that is changed before anybody is called, so no crash makes it go out twice.

use std::time::Duration;

use super::jobs::{self, JOB_DONE, RETRIED};
use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, Refusal, Setback, Write, WriteError};
use crate::domain::ids::ChallengeId;
use crate::domain::job::{Job, NewJob};
use crate::domain::locale::Locale;
use crate::domain::otp::{self, Delivery};
use crate::domain::phone::Phone;
use crate::domain::time::Timestamp;
use crate::error::Result;

/// How long a carrier may know a message by the number alone.
const CARRIERS_MEMORY: Duration = Duration::from_mins(10);

statements! {
    COUNTRY_PAUSED = "insert into country_pauses (country, paused_until)
        select ?1, ?2 from (
          select count(*) as sent, coalesce(sum(case when consumed_at is null then 0 else 1 end), 0) as used
          from challenges where country = ?1 and created_at > ?3 and created_at <= ?4 and is_free = 0
        ) c where c.sent >= ?5 and c.used * ?6 < c.sent
          and not exists (select 1 from country_pauses where country = ?1 and paused_until > ?7)
        on conflict (country) do update set paused_until = excluded.paused_until";
    TEXT_TASK = "select c.phone, c.purpose, c.code_mac, c.seal, coalesce(u.locale, c.locale), c.expires_at,
          case when c.handed_at is null then 0 else 1 end,
          case when c.consumed_at is null and c.replaced_at is null then 1 else 0 end,
          (select p.carrier_id from challenges p where p.phone = c.phone and p.created_at > ?2 and p.id <> c.id
            and p.carrier_id is not null order by p.created_at desc, p.id desc limit 1)
        from challenges c left join users u on u.phone = c.phone where c.id = ?1";
    TEXT_HANDED = "update challenges set handed_at = ?2, seal = null
        where id = ?1 and handed_at is null and seal is not null";
    TEXT_TAKEN_BACK = "update challenges set handed_at = null, seal = ?2 where id = ?1 and delivery is null";
    TEXT_SETTLED = "update challenges set carrier_id = coalesce(carrier_id, ?2), seal = null,
          handed_at = coalesce(handed_at, ?6),
          is_free = case when delivery_stage <= ?4 then ?5 else is_free end,
          delivery = case when delivery_stage <= ?4 then ?3 else delivery end,
          delivery_stage = case when delivery_stage <= ?4 then ?4 else delivery_stage end
        where id = ?1";
    TEXT_REPORTED = "update challenges set delivery = ?3, delivery_stage = ?4, carrier_id = ?2
        where id = ?1 and delivery_stage < ?4 and handed_at is not null
          and (carrier_id is null or carrier_id = ?2) returning id, delivery_stage";
    SEALS_WIPED = "update challenges set seal = null where seal is not null and expires_at <= ?1";
}

/// The text of a code about to be queued.
#[derive(Debug)]
pub struct NewText {
    /// The country it counts under.
    pub country: &'static str,
    /// The language it was wished for in.
    pub locale: Locale,
    /// The code, sealed.
    pub seal: Vec<u8>,
    /// The job that will send it.
    pub job: NewJob,
}

/// A text to be sent.
#[derive(Debug)]
pub struct TextTask {
    /// Whom it goes to.
    pub phone: Phone,
    /// What the code is for, as storage keeps it.
    pub purpose: String,
    /// The keyed digest of the code.
    pub code_mac: Vec<u8>,
    /// The code, sealed; none once it was handed over.
    pub seal: Option<Vec<u8>>,
    /// The language of the account, else the one that was wished for.
    pub locale: Option<String>,
    /// When the code is over.
    pub expires_at: Timestamp,
    /// True when it was handed over before, whatever became of it.
    pub is_handed: bool,
    /// False when the code was used or replaced meanwhile.
    pub is_wanted: bool,
    /// What the carrier calls the text before this one to the number.
    pub previous: Option<String>,
}

/// What became of handing a text over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The carrier took it, under this name.
    Accepted(Option<String>),
    /// It may be on its way.
    Unknown,
    /// It was not sent; `true` spares the number its count.
    Rejected(bool),
}

impl Db {
    /// What a job is to send; none when the challenge is gone.
    pub async fn text_task(&self, job: &Job, now: Timestamp) -> Result<Option<TextTask>> {
        self.find(&TEXT_TASK, params![job.challenge(), now - CARRIERS_MEMORY]).await
    }

    /// Notes, before the carrier is called, that it is: from here on the text may be out there. Refused when somebody
    /// noted it before.
    pub async fn hand_text_over(&self, job: &Job, now: Timestamp) -> Result<(), WriteError> {
        let write = Write::new().must(&TEXT_HANDED, params![job.challenge(), now], Refusal::CodeSpent);
        self.write(write).await.map(|_| ())
    }

    /// Takes that back because the text was certainly not sent, and puts its job back for a later try.
    pub async fn take_text_back(&self, job: &Job, seal: &[u8], setback: &Setback<'_>) -> Result<(), WriteError> {
        let retried = params![job.id, job.attempt, setback.run_at, setback.errors, setback.panics, setback.error];
        let write = Write::new()
            .must(&RETRIED, retried, Refusal::LeaseLost)
            .then(&TEXT_TAKEN_BACK, params![job.challenge(), seal]);
        self.write(write).await.map(|_| ())
    }

    /// Keeps what became of a text, and ends its job. What is known is kept even when the lease was lost meanwhile.
    pub async fn settle_text(&self, job: &Job, sent: &Sent, now: Timestamp) -> Result<()> {
        let accepted = Delivery::Accepted;
        let (carrier_id, delivery, stage, is_free) = match sent {
            Sent::Accepted(id) => (id.as_deref(), accepted.as_str(), accepted.stage(), false),
            Sent::Unknown => (None, "unknown", 0, false),
            Sent::Rejected(is_ours) => (None, "rejected", Delivery::Failed.stage(), *is_ours),
        };
        let settled = params![job.challenge(), carrier_id, delivery, stage, i64::from(is_free), now];
        let write = Write::new().then(&TEXT_SETTLED, settled).then(&JOB_DONE, params![job.id, job.attempt]);
        self.write(write).await?;
        Ok(())
    }

    /// Moves a text on by its carrier's report; false when that is no news, or about nothing we sent.
    pub async fn report_text(&self, id: ChallengeId, carrier_id: &str, delivery: Delivery) -> Result<bool> {
        let reported = params![id, carrier_id, delivery.as_str(), delivery.stage()];
        let moved: Vec<(ChallengeId, i64)> = self.write(Write::new().then(&TEXT_REPORTED, reported)).await?.last()?;
        Ok(!moved.is_empty())
    }
}

/// Adds the step that goes with a challenge whose text is to be sent: its job.
pub(super) fn queued(write: Write, text: &NewText) -> Write {
    jobs::enqueued(write, text.job)
}

/// Begins the pause of a country whose codes hardly come back; committed by itself, so that it stands when the send that
/// saw it is refused.
pub(super) fn paused(country: &str, now: Timestamp) -> Write {
    let pause = params![
        country,
        now + otp::COUNTRY_PAUSE,
        now - otp::CONVERSION_WINDOW,
        now - otp::TYPING_TIME,
        otp::CONVERSION_SENDS,
        otp::CONVERSION_SHARE,
        now
    ];
    Write::new().then(&COUNTRY_PAUSED, pause)
}

/// Adds the step that forgets codes nobody will send any more.
pub(super) fn swept(write: Write, now: Timestamp) -> Write {
    write.then(&SEALS_WIPED, params![now])
}

impl FromRow for TextTask {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self {
            phone: Phone::from_stored(row.column()?),
            purpose: row.column()?,
            code_mac: row.column()?,
            seal: row.column()?,
            locale: row.column()?,
            expires_at: row.column()?,
            is_handed: row.column()?,
            is_wanted: row.column()?,
            previous: row.column()?,
        })
    }
}
