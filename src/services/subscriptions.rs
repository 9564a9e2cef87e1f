//! A user's own subscription: how it stands, the portal, its end, and taking the end back.

use std::time::Duration;

use super::billing::{Synced, billing, provider_failed, read_and_mirror, sync_job};
use crate::app::{App, Billing};
use crate::domain::ids::UserId;
use crate::domain::plan::Tier;
use crate::domain::subscription::{Entitlement, Notice, Status, SubscriptionView, entitlement};
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::error::{Code, Error, Result};
use crate::providers::payments::{End, PaymentFault};
use crate::storage::Customer;

/// How often the provider is looked at while somebody waits for a checkout.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How a user's subscription stands, as its owner sees it.
#[derive(Debug)]
pub struct Standing {
    /// The plan.
    pub tier: Tier,
    /// Where the subscription stands; none for a user who never had one.
    pub status: Option<Status>,
    /// When the period that is running ends.
    pub current_period_end: Option<Timestamp>,
    /// When it ends for good, where that was asked for.
    pub ends_at: Option<Timestamp>,
    /// What its owner should know, by name.
    pub notice: Option<&'static str>,
    /// Where a payment that waits can be confirmed.
    pub action_url: Option<String>,
}

/// How the subscription stands by what was read last. While a checkout is open the provider is read again soon.
pub async fn standing(app: &App, user_id: UserId) -> Result<Standing> {
    look_while_waiting(app, user_id).await?;
    let user = app.db.user(user_id).await?.ok_or_else(Error::not_found)?;
    let customer = app.db.customer(user_id).await?;
    let (Some(billing), Some(customer)) = (&app.billing, customer) else { return Ok(Standing::of_no_customer(&user)) };
    let known = app.db.mirrored_subscriptions(user_id).await?;
    let entitlement = entitlement(&known, &billing.offer(), app.clock.now(), user.tier);
    Ok(Standing { tier: user.tier, ..Standing::new(&entitlement, customer.action_url) })
}

/// Reads the provider now and says how the subscription stands.
pub async fn sync(app: &App, user_id: UserId) -> Result<Standing> {
    let billing = billing(app)?;
    let Some(customer) = app.db.customer(user_id).await? else {
        let user = app.db.user(user_id).await?.ok_or_else(Error::not_found)?;
        return Ok(Standing::of_no_customer(&user));
    };
    let synced = read(app, billing, user_id, &customer).await?;
    let waiting = app.db.customer(user_id).await?.and_then(|customer| customer.action_url);
    Ok(Standing::new(&synced.entitlement, waiting))
}

/// Opens the page on which a user manages the subscription.
pub async fn open_portal(app: &App, user_id: UserId) -> Result<String> {
    let billing = billing(app)?;
    let customer = app.db.customer(user_id).await?.ok_or_else(nothing_there)?;
    let opened = billing.payments.open_portal(&customer.id, &billing.return_url).await;
    opened.map_err(|error| provider_failed(user_id, &error))
}

/// Ends a user's subscription with the period that is paid; one that was never paid ends at once.
pub async fn cancel(app: &App, user_id: UserId) -> Result<Standing> {
    let end = |view: &SubscriptionView| match view.status {
        Status::Active | Status::Trialing | Status::PastDue => view.will_end_at().is_none().then_some(End::AtPeriodEnd),
        _ => Some(End::Now),
    };
    change(app, user_id, end).await
}

/// Takes back an end that was set and has not come.
pub async fn resume(app: &App, user_id: UserId) -> Result<Standing> {
    change(app, user_id, |view| view.will_end_at().map(|_| End::Never)).await
}

/// Ends everything a user pays for, at once, and waits until the provider has done it: an account is only closed after
/// this. Nothing is to be done where payments are off or the user never bought anything.
pub async fn close(app: &App, user_id: UserId) -> Result<()> {
    let (Some(billing), Some(customer)) = (&app.billing, app.db.customer(user_id).await?) else { return Ok(()) };
    close_checkout(app, billing, user_id).await?;
    // What was mirrored may be old, and an end at once can't be taken back: read first, and look again after it.
    for _ in 0..2 {
        let synced = match read_and_mirror(app, billing, user_id, &customer, None).await {
            Err(super::billing::SyncFault::Payment(error)) if error.fault == PaymentFault::NotFound => return Ok(()),
            other => other.map_err(|fault| fault.into_error(user_id))?,
        };
        let open: Vec<_> = synced.subscriptions.iter().filter(|view| !view.status.is_final()).collect();
        if open.is_empty() {
            return Ok(());
        }
        for view in open {
            set_end(billing, user_id, &view.id, End::Now).await?;
        }
    }
    Err(Error::new(Code::PaymentProviderError, "The payment provider has not ended the subscription yet."))
}

async fn close_checkout(app: &App, billing: &Billing, user_id: UserId) -> Result<()> {
    let Some(attempt) = app.db.open_checkout(user_id).await? else { return Ok(()) };
    if let Some(page) = &attempt.page {
        match billing.payments.expire_checkout(&page.session_id).await {
            // It is over already, whichever way; what came of it is read next.
            Err(error) if matches!(error.fault, PaymentFault::Refused | PaymentFault::NotFound) => {}
            other => drop(other.map_err(|error| provider_failed(user_id, &error))?),
        }
    }
    app.db.close_checkout(user_id, attempt.id, app.clock.now()).await
}

/// Changes the end of each subscription that is not over, by what `end` wants for it.
async fn change(app: &App, user_id: UserId, end: impl Fn(&SubscriptionView) -> Option<End>) -> Result<Standing> {
    let billing = billing(app)?;
    let customer = app.db.customer(user_id).await?.ok_or_else(nothing_there)?;
    let synced = read(app, billing, user_id, &customer).await?;
    let is_ours = |view: &&SubscriptionView| view.price_id == billing.price_id && !view.status.is_final();
    let open: Vec<_> = synced.subscriptions.iter().filter(is_ours).collect();
    if open.is_empty() {
        return Err(nothing_there());
    }
    let wanted: Vec<_> = open.into_iter().filter_map(|view| end(view).map(|end| (&view.id, end))).collect();
    for (id, end) in wanted {
        set_end(billing, user_id, id, end).await?;
    }
    sync(app, user_id).await
}

async fn set_end(billing: &Billing, user_id: UserId, id: &str, end: End) -> Result<()> {
    match billing.payments.set_end(id, end).await {
        // It ended by itself in the meantime.
        Err(error) if error.fault == PaymentFault::NotFound => Ok(()),
        other => other.map(drop).map_err(|error| provider_failed(user_id, &error)),
    }
}

async fn read(app: &App, billing: &Billing, user_id: UserId, customer: &Customer) -> Result<Synced> {
    read_and_mirror(app, billing, user_id, customer, None).await.map_err(|fault| fault.into_error(user_id))
}

/// The browser of somebody who has just paid is back before the provider's events.
async fn look_while_waiting(app: &App, user_id: UserId) -> Result<()> {
    let now = app.clock.now();
    let Some(open) = app.db.open_checkout(user_id).await? else { return Ok(()) };
    let waits = open.page.is_some_and(|page| page.expires_at > now) && open.looked_at <= now - LOOK_EVERY;
    if app.billing.is_some()
        && waits
        && app.db.look_at_checkout(sync_job(user_id, now), user_id, now - LOOK_EVERY).await?
    {
        app.bus.ring_for_jobs();
    }
    Ok(())
}

/// Looks at the provider because a browser came back from one of its pages; whose page it is, nobody is told.
pub async fn look_after_return(app: &App, session_id: &str) -> Result<()> {
    match app.db.owner_of_checkout(session_id).await? {
        Some(user_id) => look_while_waiting(app, user_id).await,
        None => Ok(()),
    }
}

fn nothing_there() -> Error {
    Error::new(Code::NotFound, "There is no subscription.")
}

impl Standing {
    fn of_no_customer(user: &User) -> Self {
        Self { tier: user.tier, status: None, current_period_end: None, ends_at: None, notice: None, action_url: None }
    }

    fn new(entitlement: &Entitlement, action_url: Option<String>) -> Self {
        let notice = entitlement.notices.iter().find_map(|notice| match notice {
            Notice::PaymentDue(_) => Some("payment_due"),
            Notice::GraceOver(_) => Some("grace_over"),
            _ => None,
        });
        let shown = entitlement.shown.as_ref();
        Self {
            tier: entitlement.tier,
            status: shown.map(|shown| shown.status.clone()),
            current_period_end: shown.and_then(|shown| shown.current_period_end),
            ends_at: shown.and_then(|shown| shown.will_end_at),
            notice: notice.or_else(|| action_url.as_ref().map(|_| "payment_needs_action")),
            action_url,
        }
    }
}
