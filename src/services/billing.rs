//! The Pro plan. Whether somebody has it is decided by the payment provider alone: we read all subscriptions of a
//! customer, mirror them, and the rules of `domain/subscription.rs` turn them into a plan. An event only says that it
//! is time to read again; so does a return from a checkout, a moment that was announced, and the hourly comparison.
//! Whichever comes first, the result is the same, and the newest read wins.

use std::time::Duration;

use super::{audit, queue};
use crate::app::{App, Billing};
use crate::domain::audit::{Event, Kind};
use crate::domain::ids::UserId;
use crate::domain::job::{DEATHS, Job, JobKind, NewJob};
use crate::domain::plan::Tier;
use crate::domain::subscription::{Entitlement, Notice, Status, SubscriptionView, entitlement, next_change};
use crate::domain::time::Timestamp;
use crate::error::{Code, Error, Result};
use crate::providers::payments::{PaymentError, PaymentFault};
use crate::storage::{Customer, Mirror, Refusal, WriteError};

/// How long a read is tried while the provider is away; then the hourly comparison takes over.
const SYNC_PATIENCE: Duration = Duration::from_hours(1);
const REVIEWS_AT_ONCE: i64 = 500;
/// How long after its job's patience a customer is read again whom an event told of and whom nobody could read.
const READ_AGAIN_AFTER: Duration = Duration::from_hours(1);

/// Why a customer could not be read and mirrored.
#[derive(Debug)]
pub enum SyncFault {
    /// The provider failed, or knows no such customer.
    Payment(PaymentError),
    /// A newer read is stored.
    Stale,
    /// The job is not ours any more.
    LeaseLost,
    /// The database failed.
    Ours(Error),
}

/// What a read found.
#[derive(Debug)]
pub struct Synced {
    /// All subscriptions, as they are now.
    pub subscriptions: Vec<SubscriptionView>,
    /// What they entitle to.
    pub entitlement: Entitlement,
    /// True when the mirror or the plan was not so before.
    pub has_changed: bool,
}

/// Who takes payments, or the refusal when nobody does.
pub fn billing(app: &App) -> Result<&Billing> {
    app.billing.as_ref().ok_or_else(|| {
        Error::new(Code::BillingNotConfigured, "Subscriptions are switched off on this server.")
            .retry_after(Duration::from_hours(1))
    })
}

/// A job that reads a user's subscriptions.
#[must_use]
pub fn sync_job(user_id: UserId, now: Timestamp) -> NewJob {
    NewJob::about_account(JobKind::SyncCustomer, user_id, now, SYNC_PATIENCE)
}

/// Puts a look at everybody into the queue whose plan time alone may have changed by now.
pub async fn review_due(app: &App) -> Result<()> {
    if app.billing.is_none() {
        return Ok(());
    }
    let now = app.clock.now();
    let due = app.db.reviews_due(now, REVIEWS_AT_ONCE).await?;
    for user_id in &due {
        app.db.enqueue_once(sync_job(*user_id, now)).await?;
    }
    if !due.is_empty() {
        app.bus.ring_for_jobs();
    }
    Ok(())
}

/// Reads a user's subscriptions because something may have changed; what fails is tried again. A job that comes late is
/// done all the same: its hour is how long a provider that is away is asked.
pub async fn sync_customer(app: &App, job: &Job) -> Result<()> {
    let (user_id, Ok(billing)) = (job.account(), billing(app)) else { return queue::finish(app, job).await };
    let again = Some(app.clock.now().max(job.deadline_at) + READ_AGAIN_AFTER);
    if job.deaths >= DEATHS {
        reassess(app, billing, user_id, again).await?;
        return queue::give_up(app, job, "internal").await;
    }
    let Some(customer) = app.db.customer(user_id).await? else { return queue::finish(app, job).await };
    match read_and_mirror(app, billing, user_id, &customer, Some(job)).await {
        Ok(_) | Err(SyncFault::LeaseLost) => Ok(()),
        Err(SyncFault::Ours(error)) => Err(error),
        // Somebody's clock may be ahead of ours: look again until ours has passed it, or an event would be lost.
        Err(SyncFault::Stale) => queue::set_back(app, job, "stale", None).await,
        Err(SyncFault::Payment(error)) => {
            note_fault(job.account(), &error);
            let is_for_good = matches!(error.fault, PaymentFault::NotFound | PaymentFault::Refused);
            reassess(app, billing, user_id, again.filter(|_| !is_for_good)).await?;
            if is_for_good {
                return queue::give_up(app, job, "customer_unknown").await;
            }
            queue::set_back(app, job, "payment_provider_error", error.retry_after).await
        }
    }
}

/// Reads all subscriptions of a customer and stores them with the plan that follows, and with the end of the job that
/// asked for it.
pub async fn read_and_mirror(
    app: &App,
    billing: &Billing,
    user_id: UserId,
    customer: &Customer,
    job: Option<&Job>,
) -> Result<Synced, SyncFault> {
    let read_at = app.clock.now();
    let subscriptions = billing.payments.subscriptions(&customer.id).await.map_err(SyncFault::Payment)?;
    let former = app.db.mirrored_subscriptions(user_id).await.map_err(SyncFault::Ours)?;
    let (offer, now) = (billing.offer(), app.clock.now());
    let tier = tier_of(app, user_id).await.map_err(SyncFault::Ours)?;
    let entitlement = entitlement(&subscriptions, &offer, now, tier);
    let mirror = Mirror {
        user_id,
        customer_id: &customer.id,
        subscriptions: &subscriptions,
        tier: entitlement.tier,
        read_at,
        review_at: next_change(&subscriptions, &offer, now),
        needs_action: subscriptions.iter().any(waits_for_payment),
    };
    let is_new_plan = match app.db.mirror(&mirror, job).await {
        Ok(is_new_plan) => is_new_plan,
        // Whoever asked has an answer all the same; only a job must make sure that what it was told of is stored.
        Err(WriteError::Refused(Refusal::Stale)) if job.is_none() => {
            return Ok(Synced { subscriptions, entitlement, has_changed: false });
        }
        Err(WriteError::Refused(Refusal::Stale)) => return Err(SyncFault::Stale),
        Err(WriteError::Refused(_)) => return Err(SyncFault::LeaseLost),
        Err(WriteError::Failed(error)) => return Err(SyncFault::Ours(error)),
    };
    if is_new_plan {
        announce(app, user_id, entitlement.tier);
    }
    let has_changed = is_new_plan || !is_same(&former, &subscriptions);
    if has_changed {
        note(app, user_id, &entitlement.notices).await;
    }
    Ok(Synced { subscriptions, entitlement, has_changed })
}

/// Turns what was read before into a plan once more, because time alone may have changed it. With `again` the customer is
/// read anew by then at the latest: what an event told of is not forgotten with its job.
pub async fn reassess(app: &App, billing: &Billing, user_id: UserId, again: Option<Timestamp>) -> Result<()> {
    let (known, now) = (app.db.mirrored_subscriptions(user_id).await?, app.clock.now());
    let former = tier_of(app, user_id).await?;
    let tier = if known.is_empty() { former } else { entitlement(&known, &billing.offer(), now, former).tier };
    let review_at = next_change(&known, &billing.offer(), now).into_iter().chain(again).min();
    if app.db.reassess(user_id, tier, review_at, now).await? {
        announce(app, user_id, tier);
    }
    Ok(())
}

/// What a caller is told when the provider fails.
#[must_use]
pub fn provider_failed(user_id: UserId, error: &PaymentError) -> Error {
    note_fault(user_id, error);
    Error::new(Code::PaymentProviderError, "The payment provider did not answer as it should. Nothing was changed.")
}

impl SyncFault {
    /// What a caller is told.
    #[must_use]
    pub fn into_error(self, user_id: UserId) -> Error {
        match self {
            Self::Payment(error) => provider_failed(user_id, &error),
            Self::Ours(error) => error,
            Self::Stale | Self::LeaseLost => Error::internal("only a job's read can be refused"),
        }
    }
}

/// The plan is in every session that is kept in this process; other processes look again within a second.
fn announce(app: &App, user_id: UserId, tier: Tier) {
    app.sessions_changed(Some(user_id));
    app.metrics.plan_changed(tier);
    tracing::info!(user = %user_id, plan = tier.as_str(), "A user's plan has changed.");
}

async fn tier_of(app: &App, user_id: UserId) -> Result<Tier> {
    Ok(app.db.user(user_id).await?.map_or(Tier::Basic, |user| user.tier))
}

fn waits_for_payment(view: &SubscriptionView) -> bool {
    matches!(view.status, Status::PastDue | Status::Incomplete)
}

/// Equal but for what the mirror does not keep.
fn is_same(former: &[SubscriptionView], now: &[SubscriptionView]) -> bool {
    let mut now: Vec<_> = now.iter().map(|view| SubscriptionView { user_id: None, ..view.clone() }).collect();
    now.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
    former == now
}

async fn note(app: &App, user_id: UserId, notices: &[Notice]) {
    for notice in notices {
        match notice {
            Notice::PaymentDue(_) | Notice::GraceOver(_) => {
                tracing::info!(user = %user_id, ?notice, "A payment of a user failed.");
            }
            Notice::CollectionPaused(_) | Notice::SeveralAtOnce(_) => {
                tracing::warn!(user = %user_id, ?notice, "A user's subscriptions want the operator's attention.");
            }
            Notice::UnknownStatus(_) => {
                tracing::error!(user = %user_id, ?notice, "A subscription has a status nobody knows; the plan was kept.");
            }
            Notice::ForeignPrice(_) => security_event(app, user_id, Kind::ForeignPrice).await,
            Notice::WrongMode(_) => security_event(app, user_id, Kind::ForeignMode).await,
        }
    }
}

async fn security_event(app: &App, user_id: UserId, kind: Kind) {
    audit::note(app, Event::new(kind, app.clock.now()).of(user_id)).await;
}

fn note_fault(user_id: UserId, error: &PaymentError) {
    tracing::warn!(user = %user_id, fault = %error.fault, note = error.note, "The payment provider failed.");
}
