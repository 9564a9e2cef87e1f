//! Buying the Pro plan: one customer a user, one open page a user, and never two subscriptions.

use std::time::Duration;

use super::billing::{SyncFault, billing, provider_failed, read_and_mirror};
use crate::app::{App, Billing};
use crate::domain::ids::{AttemptId, UserId};
use crate::domain::plan::Tier;
use crate::domain::subscription::SubscriptionView;
use crate::domain::user::User;
use crate::error::{Code, Error, Result};
use crate::providers::payments::{Checkout, CheckoutStatus, NewCheckout, NewCustomer, PaymentError, PaymentFault};
use crate::storage::{Attempt, CheckoutPage, Customer};

/// A page that closes sooner than this is not handed out any more.
const NEAR_END: Duration = Duration::from_mins(10);
/// How long an attempt that never got its page may be taken up: the provider forgets its key after a day.
const KEY_KEPT: Duration = Duration::from_hours(23);
/// How often a page turns out to be over before we give up.
const ROUNDS: usize = 3;

/// Opens the page on which a user can subscribe, or gives the open one again.
pub async fn start(app: &App, user_id: UserId) -> Result<CheckoutPage> {
    let billing = billing(app)?;
    let user = app.db.user(user_id).await?.ok_or_else(Error::not_found)?;
    if user.tier == Tier::Pro {
        return Err(already("This account is on the Pro plan already."));
    }
    let customer = match app.db.customer(user_id).await? {
        Some(known) => still_known(app, billing, &user, known).await?,
        None => make_customer(app, billing, &user, None).await?,
    };
    for _ in 0..ROUNDS {
        let attempt =
            app.db.begin_checkout(user_id, AttemptId::new(app.clock.now()), &billing.price_id, app.clock.now());
        let attempt = attempt.await?;
        let page = match &attempt.page {
            Some(page) => reuse(app, billing, &customer, &attempt, page).await?,
            None => open(app, billing, &customer, &attempt).await?,
        };
        match page {
            Some(page) => return Ok(page),
            None => app.db.close_checkout(user_id, attempt.id, app.clock.now()).await?,
        }
    }
    Err(Error::unavailable("each page of the payment provider was over at once"))
}

/// The customer of a user who has one. Its subscriptions are read first: one that we have not heard of yet is not to be
/// joined by a second.
async fn still_known(app: &App, billing: &Billing, user: &User, known: Customer) -> Result<Customer> {
    match read_and_mirror(app, billing, user.id, &known, None).await {
        Ok(synced) => refuse_second(billing, &synced.subscriptions).map(|()| known),
        Err(SyncFault::Payment(error)) if error.fault == PaymentFault::NotFound => {
            make_customer(app, billing, user, Some(known.id)).await
        }
        Err(fault) => Err(fault.into_error(user.id)),
    }
}

/// Whoever has a subscription that may still be paid, gets no second one, even while the first gives no plan.
fn refuse_second(billing: &Billing, subscriptions: &[SubscriptionView]) -> Result<()> {
    let is_ours = |view: &&SubscriptionView| view.price_id == billing.price_id && view.livemode == billing.livemode;
    if subscriptions.iter().filter(is_ours).all(|view| view.status.is_final()) {
        return Ok(());
    }
    Err(already("There is a subscription already. Pay or cancel it first, in the portal."))
}

async fn make_customer(app: &App, billing: &Billing, user: &User, lost: Option<String>) -> Result<Customer> {
    let wanted = NewCustomer {
        user_id: user.id,
        phone: user.phone.as_str().to_owned(),
        name: user.name.clone(),
        instead_of: lost.clone(),
    };
    let id = billing.payments.make_customer(&wanted).await.map_err(|error| provider_failed(user.id, &error))?;
    if let Some(lost) = &lost {
        app.db.replace_customer(user.id, lost, &id).await?;
    }
    let bound = app.db.bind_customer(user.id, &id, app.clock.now()).await?;
    bound.ok_or_else(|| Error::internal("the customer belongs to another account"))
}

/// Opens the page of an attempt; none when the provider says that it is over, as its key was used long ago.
async fn open(app: &App, billing: &Billing, customer: &Customer, attempt: &Attempt) -> Result<Option<CheckoutPage>> {
    let user_id = attempt.user_id;
    if app.clock.now().since(attempt.created_at) >= KEY_KEPT || attempt.price_id != billing.price_id {
        return Ok(None);
    }
    let wanted = NewCheckout {
        user_id,
        customer_id: customer.id.clone(),
        price_id: attempt.price_id.clone(),
        success_url: billing.success_url.clone(),
        cancel_url: billing.cancel_url.clone(),
        expires_at: None,
        attempt: format!("checkout-{}", attempt.id),
    };
    let opened = billing.payments.open_checkout(&wanted).await.map_err(|error| provider_failed(user_id, &error))?;
    let Some(page) = page_of(opened) else { return Ok(None) };
    app.db.keep_checkout_page(user_id, attempt.id, &page).await?;
    Ok(Some(page))
}

/// The page that is open already; none when it is over, so that another is opened in its place.
async fn reuse(
    app: &App,
    billing: &Billing,
    customer: &Customer,
    attempt: &Attempt,
    page: &CheckoutPage,
) -> Result<Option<CheckoutPage>> {
    let user_id = attempt.user_id;
    let failed = |error: PaymentError| provider_failed(user_id, &error);
    let checkout = match billing.payments.checkout(&page.session_id).await {
        Err(error) if error.fault == PaymentFault::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    match checkout.status {
        CheckoutStatus::Complete => {
            // Paid while we were asking, or its payment failed later on: what came of it tells.
            let synced = read_and_mirror(app, billing, user_id, customer, None).await;
            let synced = synced.map_err(|fault| fault.into_error(user_id))?;
            refuse_second(billing, &synced.subscriptions).map(|()| None)
        }
        CheckoutStatus::Open => {
            let lasts = page.expires_at.since(app.clock.now()) >= NEAR_END;
            let is_theirs = checkout.customer_id.as_ref() == Some(&customer.id);
            if lasts && is_theirs && attempt.price_id == billing.price_id {
                return Ok(Some(page.clone()));
            }
            billing.payments.expire_checkout(&page.session_id).await.map_err(failed)?;
            Ok(None)
        }
        CheckoutStatus::Expired | CheckoutStatus::Unknown(_) => Ok(None),
    }
}

fn page_of(checkout: Checkout) -> Option<CheckoutPage> {
    let is_open = checkout.status == CheckoutStatus::Open;
    let url = checkout.url.filter(|_| is_open)?;
    Some(CheckoutPage { session_id: checkout.id, url, expires_at: checkout.expires_at })
}

fn already(detail: &'static str) -> Error {
    Error::new(Code::AlreadySubscribed, detail)
}
