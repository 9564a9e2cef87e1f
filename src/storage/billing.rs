//! Customers of the payment provider, and the mirror of their subscriptions: written whole, by the newest read alone.

use super::jobs;
use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, Refusal, Write, WriteError};
use crate::domain::ids::UserId;
use crate::domain::job::Job;
use crate::domain::plan::Tier;
use crate::domain::subscription::{Status, SubscriptionView};
use crate::domain::time::Timestamp;
use crate::error::Result;

statements! {
    CUSTOMER = "select customer_id, action_url from customers where user_id = ?1";
    CUSTOMER_OWNER = "select user_id from customers where customer_id = ?1";
    CUSTOMER_BOUND = "insert into customers (user_id, customer_id, created_at) values (?1, ?2, ?3)
        on conflict do nothing";
    CUSTOMER_REPLACED = "update customers set customer_id = ?3, read_at = 0 where user_id = ?1 and customer_id = ?2";
    MIRROR = "select id, status, price_id, current_period_start, current_period_end, cancel_at_period_end, cancel_at,
          canceled_at, ended_at, trial_end, pause_collection, livemode, created_at
        from subscriptions where user_id = ?1 order by created_at, id";
    READ_BEGUN_AT = "update customers set read_at = ?3, review_at = ?4, action_url = case when ?5 = 1 then action_url end
        where user_id = ?1 and customer_id = ?2 and read_at <= ?3";
    MIRROR_EMPTIED = "delete from subscriptions where user_id = ?1";
    MIRROR_FILLED = "insert into subscriptions (id, user_id, status, price_id, current_period_start, current_period_end,
          cancel_at_period_end, cancel_at, canceled_at, ended_at, trial_end, pause_collection, livemode, created_at)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
        on conflict (id) do nothing";
    TIER_CHANGED = "update users set tier = ?2 where id = ?1 and tier <> ?2 returning id, tier";
    // Whoever is on the plan waits for no page; and what came of a page that is over was in the read.
    CHECKOUT_SETTLED = "update checkouts set closed_at = ?2, url = null
        where user_id = ?1 and closed_at is null and (?3 = 1 or expires_at <= ?2)";
    REVIEW_SET = "update customers set review_at = case when review_at > ?3 and review_at < coalesce(?2, review_at + 1)
          then review_at else ?2 end
        where user_id = ?1";
    REVIEWS_DUE = "select user_id from customers where review_at <= ?1 order by review_at limit ?2";
    CUSTOMERS_TO_COMPARE = "select c.user_id, c.customer_id from customers c join users u on u.id = c.user_id
        where c.user_id > ?1 and (u.tier = 'Pro'
          or exists (select 1 from subscriptions s where s.user_id = c.user_id
            and s.status not in ('canceled', 'incomplete_expired'))
          or exists (select 1 from checkouts k where k.user_id = c.user_id
            and (k.closed_at is null or k.created_at > ?2)))
        order by c.user_id limit ?3";
}

/// A user as the payment provider knows it.
#[derive(Clone, Debug)]
pub struct Customer {
    /// The provider's name for it.
    pub id: String,
    /// Where the owner can confirm a payment that waits for it.
    pub action_url: Option<String>,
}

/// What was read of a customer, to be stored whole.
#[derive(Debug)]
pub struct Mirror<'a> {
    /// Whose it is.
    pub user_id: UserId,
    /// The customer that was read.
    pub customer_id: &'a str,
    /// All subscriptions.
    pub subscriptions: &'a [SubscriptionView],
    /// The plan that follows.
    pub tier: Tier,
    /// When the read began.
    pub read_at: Timestamp,
    /// When time alone may change the plan.
    pub review_at: Option<Timestamp>,
    /// True while a payment waits for its owner.
    pub needs_action: bool,
}

impl Db {
    /// The customer of a user.
    pub async fn customer(&self, user_id: UserId) -> Result<Option<Customer>> {
        self.find(&CUSTOMER, params![user_id]).await
    }

    /// Whose customer that is; none for one that is not ours.
    pub async fn owner_of_customer(&self, customer_id: &str) -> Result<Option<UserId>> {
        Ok(self.find::<(UserId,)>(&CUSTOMER_OWNER, params![customer_id]).await?.map(|(owner,)| owner))
    }

    /// Writes down whose a customer is, unless the user has one or the customer has a user; answers with the user's.
    pub async fn bind_customer(&self, user_id: UserId, customer_id: &str, now: Timestamp) -> Result<Option<Customer>> {
        let bound = params![user_id, customer_id, now];
        let write = Write::new().then(&CUSTOMER_BOUND, bound).then(&CUSTOMER, params![user_id]);
        Ok(self.write(write).await?.last()?.into_iter().next())
    }

    /// Puts a new customer in the place of one that the provider does not know any more.
    pub async fn replace_customer(&self, user_id: UserId, lost: &str, new: &str) -> Result<()> {
        self.write(Write::new().then(&CUSTOMER_REPLACED, params![user_id, lost, new])).await?;
        Ok(())
    }

    /// The subscriptions of a user as they were last read.
    pub async fn mirrored_subscriptions(&self, user_id: UserId) -> Result<Vec<SubscriptionView>> {
        self.list(&MIRROR, params![user_id]).await
    }

    /// Stores what was read and the plan that follows, with the end of the job that read it; refused as stale when a
    /// newer read is stored. Answers true when the plan has changed.
    pub async fn mirror(&self, read: &Mirror<'_>, job: Option<&Job>) -> Result<bool, WriteError> {
        let write = job.map_or_else(Write::new, |job| jobs::done(Write::new(), job));
        let begun = params![read.user_id, read.customer_id, read.read_at, read.review_at, read.needs_action];
        let write = write.must(&READ_BEGUN_AT, begun, Refusal::Stale).then(&MIRROR_EMPTIED, params![read.user_id]);
        let filled =
            read.subscriptions.iter().fold(write, |write, view| write.then(&MIRROR_FILLED, columns(read, view)));
        let settled = params![read.user_id, read.read_at, read.tier == Tier::Pro];
        let write =
            filled.then(&CHECKOUT_SETTLED, settled).then(&TIER_CHANGED, params![read.user_id, read.tier.as_str()]);
        let changed: Vec<(UserId, String)> = self.write(write).await?.last().map_err(WriteError::Failed)?;
        Ok(!changed.is_empty())
    }

    /// Puts a user on the plan that follows from what was read before, as time alone may change it, and says when to
    /// look again, unless a sooner moment was set. Answers true when the plan has changed.
    pub async fn reassess(
        &self,
        user_id: UserId,
        tier: Tier,
        review_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let write = Write::new()
            .then(&REVIEW_SET, params![user_id, review_at, now])
            .then(&TIER_CHANGED, params![user_id, tier.as_str()]);
        let changed: Vec<(UserId, String)> = self.write(write).await?.last()?;
        Ok(!changed.is_empty())
    }

    /// Users whose plan time alone may have changed by now.
    pub async fn reviews_due(&self, now: Timestamp, limit: i64) -> Result<Vec<UserId>> {
        let due: Vec<(UserId,)> = self.list(&REVIEWS_DUE, params![now, limit]).await?;
        Ok(due.into_iter().map(|(user,)| user).collect())
    }

    /// A page of the customers that may have anything to do with a plan: whoever is on it, has a subscription that is
    /// not over, has a checkout that is not known to be over, or has begun one since `checkouts_since`.
    pub async fn customers_to_compare(
        &self,
        after: UserId,
        checkouts_since: Timestamp,
        limit: i64,
    ) -> Result<Vec<(UserId, String)>> {
        self.list(&CUSTOMERS_TO_COMPARE, params![after, checkouts_since, limit]).await
    }
}

fn columns(read: &Mirror<'_>, view: &SubscriptionView) -> Vec<super::Value> {
    params![
        view.id.as_str(),
        read.user_id,
        view.status.as_str(),
        view.price_id.as_str(),
        view.current_period_start,
        view.current_period_end,
        view.cancel_at_period_end,
        view.cancel_at,
        view.canceled_at,
        view.ended_at,
        view.trial_end,
        view.pause_collection,
        view.livemode,
        view.created
    ]
}

impl FromRow for Customer {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self { id: row.column()?, action_url: row.column()? })
    }
}

impl FromRow for SubscriptionView {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self {
            id: row.column()?,
            status: Status::parse(&row.column::<String>()?),
            price_id: row.column()?,
            current_period_start: row.column()?,
            current_period_end: row.column()?,
            cancel_at_period_end: row.column()?,
            cancel_at: row.column()?,
            canceled_at: row.column()?,
            ended_at: row.column()?,
            trial_end: row.column()?,
            pause_collection: row.column()?,
            livemode: row.column()?,
            created: row.column()?,
            user_id: None,
        })
    }
}
