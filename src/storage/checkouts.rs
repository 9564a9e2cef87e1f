//! Checkouts: an attempt is written down before the provider is asked, so that two starts at once share one page, and
//! a crash in between is healed by the next start.

use super::jobs;
use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, Refusal, Write, WriteError};
use crate::domain::ids::{AttemptId, UserId};
use crate::domain::job::NewJob;
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};

statements! {
    ATTEMPT_BEGUN = "insert into checkouts (attempt, user_id, price_id, created_at) values (?1, ?2, ?3, ?4)
        on conflict (user_id) where closed_at is null do nothing";
    ATTEMPT_OPEN = "select attempt, user_id, price_id, session_id, url, expires_at, created_at, looked_at from checkouts
        where user_id = ?1 and closed_at is null";
    ATTEMPT_OPENED = "update checkouts set session_id = ?3, url = ?4, expires_at = ?5
        where attempt = ?1 and user_id = ?2 and closed_at is null";
    ATTEMPT_CLOSED = "update checkouts set closed_at = ?3, url = null
        where attempt = ?1 and user_id = ?2 and closed_at is null";
    SESSION_CLOSED = "update checkouts set closed_at = ?2, url = null where session_id = ?1 and closed_at is null";
    SESSION_OWNER = "select user_id from checkouts where session_id = ?1";
    LOOKED_AT = "update checkouts set looked_at = ?2
        where user_id = ?1 and closed_at is null and session_id is not null and looked_at <= ?3";
    OLD_CHECKOUTS_SWEPT = "delete from checkouts where created_at < ?1 and closed_at is not null";
}

/// A checkout that is not over, as far as we know.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What the provider knows the attempt by.
    pub id: AttemptId,
    /// Whose it is.
    pub user_id: UserId,
    /// What was to be bought.
    pub price_id: String,
    /// The provider's page, once it was opened.
    pub page: Option<CheckoutPage>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When the provider was last asked about it because somebody waited.
    pub looked_at: Timestamp,
}

/// The provider's page of a checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutPage {
    /// The provider's name for it.
    pub session_id: String,
    /// Its address.
    pub url: String,
    /// When it closes by itself.
    pub expires_at: Timestamp,
}

impl Db {
    /// The attempt of a user that is not over: the one there is, else a new one.
    pub async fn begin_checkout(
        &self,
        user_id: UserId,
        attempt: AttemptId,
        price_id: &str,
        now: Timestamp,
    ) -> Result<Attempt> {
        let begun = params![attempt, user_id, price_id, now];
        let write = Write::new().then(&ATTEMPT_BEGUN, begun).then(&ATTEMPT_OPEN, params![user_id]);
        let open: Vec<Attempt> = self.write(write).await?.last()?;
        open.into_iter().next().ok_or_else(|| Error::internal("a checkout was begun and is not there"))
    }

    /// The attempt of a user that is not over.
    pub async fn open_checkout(&self, user_id: UserId) -> Result<Option<Attempt>> {
        self.find(&ATTEMPT_OPEN, params![user_id]).await
    }

    /// Writes down the page that the provider opened for an attempt.
    pub async fn keep_checkout_page(&self, user_id: UserId, attempt: AttemptId, page: &CheckoutPage) -> Result<()> {
        let opened = params![attempt, user_id, page.session_id.as_str(), page.url.as_str(), page.expires_at];
        self.write(Write::new().then(&ATTEMPT_OPENED, opened)).await?;
        Ok(())
    }

    /// Closes an attempt, so that the next start begins another.
    pub async fn close_checkout(&self, user_id: UserId, attempt: AttemptId, now: Timestamp) -> Result<()> {
        self.write(Write::new().then(&ATTEMPT_CLOSED, params![attempt, user_id, now])).await?;
        Ok(())
    }

    /// Whose page that is; none for one that is not ours.
    pub async fn owner_of_checkout(&self, session_id: &str) -> Result<Option<UserId>> {
        Ok(self.find::<(UserId,)>(&SESSION_OWNER, params![session_id]).await?.map(|(owner,)| owner))
    }

    /// Puts a look at the provider into the queue while a checkout of the user is open, unless there was one after
    /// `before`. Answers true when it did.
    pub async fn look_at_checkout(&self, job: NewJob, user_id: UserId, before: Timestamp) -> Result<bool> {
        let write = Write::new().must(&LOOKED_AT, params![user_id, job.now, before], Refusal::NotDue);
        match self.write(jobs::enqueued_once(write, job)).await {
            Ok(_) => Ok(true),
            Err(WriteError::Refused(_)) => Ok(false),
            Err(WriteError::Failed(error)) => Err(error),
        }
    }

    /// Forgets checkouts that were over long ago.
    pub async fn sweep_checkouts(&self, before: Timestamp) -> Result<()> {
        self.write(Write::new().then(&OLD_CHECKOUTS_SWEPT, params![before])).await?;
        Ok(())
    }
}

/// Adds the step that closes a page's attempt.
pub(super) fn session_closed(write: Write, session_id: &str, now: Timestamp) -> Write {
    write.then(&SESSION_CLOSED, params![session_id, now])
}

impl FromRow for Attempt {
    fn from_row(mut row: Row) -> Result<Self> {
        let (id, user_id, price_id) = (row.column()?, row.column()?, row.column()?);
        let page: (Option<String>, Option<String>, Option<Timestamp>) = (row.column()?, row.column()?, row.column()?);
        let page = match page {
            (Some(session_id), Some(url), Some(expires_at)) => Some(CheckoutPage { session_id, url, expires_at }),
            _ => None,
        };
        Ok(Self { id, user_id, price_id, page, created_at: row.column()?, looked_at: row.column()? })
    }
}
