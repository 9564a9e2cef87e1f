//! The Pro plan: buying it, and managing what was bought.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::extract::{Caller, Input};
use super::form::Nothing;
use crate::app::App;
use crate::domain::plan::{Quota, Tier};
use crate::domain::time::Timestamp;
use crate::domain::user::Session;
use crate::error::Result;
use crate::services::subscriptions::{self, Standing};
use crate::services::{checkout, plans};

/// Where to pay.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckoutLink {
    /// The page on which the plan is paid for.
    #[schema(example = "https://checkout.stripe.com/c/pay/cs_test_a1")]
    checkout_url: String,
    /// The provider's name for that page.
    #[schema(example = "cs_test_a1")]
    session_id: String,
}

/// Where to manage the subscription.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalLink {
    /// The page; it lives briefly, so ask for one at each click.
    #[schema(example = "https://billing.stripe.com/p/session/bps_1")]
    portal_url: String,
}

/// How the caller's subscription stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubscriptionStatus {
    /// The plan.
    subscription_tier: Tier,
    /// `none`, or as the payment provider says: `active`, `trialing`, `past_due`, `canceled`, ...
    #[schema(example = "active")]
    status: String,
    /// When the period that is running ends.
    current_period_end: Option<Timestamp>,
    /// Whether it ends for good, with the period or at a moment that was set.
    #[schema(example = false)]
    cancel_at_period_end: bool,
    /// When it ends for good, where that was asked for.
    ends_at: Option<Timestamp>,
    /// `payment_due`, `grace_over`, `payment_needs_action`, or nothing to be told.
    #[schema(example = json!(null))]
    notice: Option<&'static str>,
    /// Where a payment that waits can be confirmed.
    #[schema(example = json!(null))]
    action_url: Option<String>,
    /// How the daily quota stands.
    quota: Quota,
}

/// Subscribe to Pro
///
/// An open page is given again. Pay there; the plan is seen by the next request after that.
#[utoipa::path(post, path = "/subscribe/pro", tag = "subscription", security(("bearer" = [])),
    responses((status = 200, description = "Where to pay", body = CheckoutLink)))]
pub async fn subscribe(
    State(app): State<App>,
    Caller(caller): Caller,
    _: Input<Nothing>,
) -> Result<Json<CheckoutLink>> {
    let page = checkout::start(&app, caller.user_id).await?;
    Ok(Json(StatusCode::OK, CheckoutLink { checkout_url: page.url, session_id: page.session_id }))
}

/// Subscribe to Pro, for clients that can only follow links
#[utoipa::path(get, path = "/subscribe/pro", tag = "subscription", security(("bearer" = [])),
    responses((status = 200, description = "Where to pay", body = CheckoutLink)))]
pub async fn subscribe_by_get(state: State<App>, caller: Caller, input: Input<Nothing>) -> Result<Json<CheckoutLink>> {
    subscribe(state, caller, input).await
}

/// How does my subscription stand
#[utoipa::path(get, path = "/subscription/status", tag = "subscription", security(("bearer" = [])),
    responses((status = 200, description = "As it was read last", body = SubscriptionStatus)))]
pub async fn show_status(
    State(app): State<App>,
    Caller(caller): Caller,
    _: Input<Nothing>,
) -> Result<Json<SubscriptionStatus>> {
    let standing = subscriptions::standing(&app, caller.user_id).await?;
    answer(&app, caller, standing).await
}

/// Read the payment provider now
#[utoipa::path(post, path = "/subscription/sync", tag = "subscription", security(("bearer" = [])),
    responses((status = 200, description = "As it stands now", body = SubscriptionStatus)))]
pub async fn sync(
    State(app): State<App>,
    Caller(caller): Caller,
    _: Input<Nothing>,
) -> Result<Json<SubscriptionStatus>> {
    let standing = subscriptions::sync(&app, caller.user_id).await?;
    answer(&app, caller, standing).await
}

/// Open the portal
#[utoipa::path(post, path = "/subscription/portal", tag = "subscription", security(("bearer" = [])),
    responses((status = 200, description = "Where to manage the subscription", body = PortalLink),
        (status = 404, description = "There is no subscription", body = super::problems::Problem,
            content_type = "application/problem+json")))]
pub async fn open_portal(
    State(app): State<App>,
    Caller(caller): Caller,
    _: Input<Nothing>,
) -> Result<Json<PortalLink>> {
    let portal_url = subscriptions::open_portal(&app, caller.user_id).await?;
    Ok(Json(StatusCode::OK, PortalLink { portal_url }))
}

/// Cancel
///
/// The plan lasts to the end of the period that is paid.
#[utoipa::path(post, path = "/subscription/cancel", tag = "subscription", security(("bearer" = [])),
    responses((status = 200, description = "As it stands now", body = SubscriptionStatus),
        (status = 404, description = "There is no subscription", body = super::problems::Problem,
            content_type = "application/problem+json")))]
pub async fn cancel(
    State(app): State<App>,
    Caller(caller): Caller,
    _: Input<Nothing>,
) -> Result<Json<SubscriptionStatus>> {
    let standing = subscriptions::cancel(&app, caller.user_id).await?;
    answer(&app, caller, standing).await
}

/// Take a cancellation back
#[utoipa::path(post, path = "/subscription/resume", tag = "subscription", security(("bearer" = [])),
    responses((status = 200, description = "As it stands now", body = SubscriptionStatus),
        (status = 404, description = "There is no subscription", body = super::problems::Problem,
            content_type = "application/problem+json")))]
pub async fn resume(
    State(app): State<App>,
    Caller(caller): Caller,
    _: Input<Nothing>,
) -> Result<Json<SubscriptionStatus>> {
    let standing = subscriptions::resume(&app, caller.user_id).await?;
    answer(&app, caller, standing).await
}

async fn answer(app: &App, caller: Session, standing: Standing) -> Result<Json<SubscriptionStatus>> {
    let quota = plans::quota(app, caller.user_id, standing.tier).await?;
    let status = SubscriptionStatus {
        subscription_tier: standing.tier,
        status: standing.status.map_or_else(|| "none".to_owned(), |status| status.as_str().to_owned()),
        current_period_end: standing.current_period_end,
        cancel_at_period_end: standing.ends_at.is_some(),
        ends_at: standing.ends_at,
        notice: standing.notice,
        action_url: standing.action_url,
        quota,
    };
    Ok(Json(StatusCode::OK, status))
}
