//! The calls we make, each with the fields it sends and no others.

use super::call::{Call, send};
use super::fault::because;
use super::objects::{self, List, PriceObject, SessionObject, SubscriptionObject};
use super::{Inner, event};
use crate::domain::subscription::SubscriptionView;
use crate::providers::payments::{
    Checkout, End, Event, EventQuery, NewCheckout, NewCustomer, PaymentError, PaymentFault, Price,
};

type Result<T> = std::result::Result<T, PaymentError>;

/// Pages of a list that are read at the most, a hundred objects each.
const MAX_PAGES: usize = 20;

/// The types of events that ask something of us (twenty are allowed); asked for when lost ones are looked for.
const TYPES: [(&str, &str); 16] = [
    ("types[0]", "checkout.session.completed"),
    ("types[1]", "checkout.session.expired"),
    ("types[2]", "checkout.session.async_payment_succeeded"),
    ("types[3]", "checkout.session.async_payment_failed"),
    ("types[4]", "customer.subscription.created"),
    ("types[5]", "customer.subscription.updated"),
    ("types[6]", "customer.subscription.deleted"),
    ("types[7]", "customer.subscription.paused"),
    ("types[8]", "customer.subscription.resumed"),
    ("types[9]", "invoice.paid"),
    ("types[10]", "invoice.payment_failed"),
    ("types[11]", "invoice.payment_action_required"),
    ("types[12]", "charge.refunded"),
    ("types[13]", "charge.dispute.created"),
    ("types[14]", "charge.dispute.closed"),
    ("types[15]", "customer.deleted"),
];

pub(super) async fn make_customer(inner: &Inner, wanted: &NewCustomer) -> Result<String> {
    let user_id = wanted.user_id.to_string();
    let call = Call::post("/v1/customers")
        .once(
            wanted
                .instead_of
                .as_ref()
                .map_or_else(|| format!("customer-{user_id}"), |lost| format!("customer-{user_id}-instead-of-{lost}")),
        )
        .with("phone", &wanted.phone)
        .with_some("name", wanted.name.as_deref())
        .with("metadata[user_id]", user_id);
    Ok(send::<objects::Named>(inner, &call).await?.id)
}

pub(super) async fn open_checkout(inner: &Inner, wanted: &NewCheckout) -> Result<Checkout> {
    let user_id = wanted.user_id.to_string();
    let call = Call::post("/v1/checkout/sessions")
        .once(wanted.attempt.clone())
        .with("mode", "subscription")
        .with("customer", &wanted.customer_id)
        .with("client_reference_id", &user_id)
        .with("line_items[0][price]", &wanted.price_id)
        .with("line_items[0][quantity]", "1")
        .with("metadata[user_id]", &user_id)
        .with("subscription_data[metadata][user_id]", &user_id)
        .with("success_url", &wanted.success_url)
        .with("cancel_url", &wanted.cancel_url)
        .with_some("expires_at", wanted.expires_at.map(|moment| moment.as_secs().to_string()));
    Ok(send::<SessionObject>(inner, &call).await?.into_checkout())
}

pub(super) async fn checkout(inner: &Inner, id: &str) -> Result<Checkout> {
    let call = Call::get(format!("/v1/checkout/sessions/{}", segment(id)?));
    Ok(send::<SessionObject>(inner, &call).await?.into_checkout())
}

pub(super) async fn expire_checkout(inner: &Inner, id: &str) -> Result<Checkout> {
    let call = Call::post(format!("/v1/checkout/sessions/{}/expire", segment(id)?));
    Ok(send::<SessionObject>(inner, &call).await?.into_checkout())
}

pub(super) async fn open_portal(inner: &Inner, customer_id: &str, return_url: &str) -> Result<String> {
    let call = Call::post("/v1/billing_portal/sessions").with("customer", customer_id).with("return_url", return_url);
    Ok(send::<objects::Page>(inner, &call).await?.url)
}

pub(super) async fn subscriptions(inner: &Inner, customer_id: &str) -> Result<Vec<SubscriptionView>> {
    let list = |last: Option<String>| {
        Call::get("/v1/subscriptions")
            .with("customer", customer_id)
            .with("status", "all")
            .with("limit", "100")
            .with_some("starting_after", last)
    };
    match all_pages::<SubscriptionObject>(inner, list, |object| &object.id).await {
        Ok(objects) => Ok(objects.into_iter().map(SubscriptionObject::into_view).collect()),
        // "No such customer" is also what a wrong account's key is told, so only a customer said to be deleted has none.
        Err(failure) if failure.fault == PaymentFault::NotFound && is_deleted(inner, customer_id).await? => Ok(vec![]),
        Err(failure) => Err(failure),
    }
}

async fn is_deleted(inner: &Inner, customer_id: &str) -> Result<bool> {
    let call = Call::get(format!("/v1/customers/{}", segment(customer_id)?));
    Ok(send::<objects::Named>(inner, &call).await?.deleted)
}

pub(super) async fn set_end(inner: &Inner, subscription_id: &str, end: End) -> Result<SubscriptionView> {
    let path = format!("/v1/subscriptions/{}", segment(subscription_id)?);
    let call = match end {
        End::Now => Call::delete(&path),
        End::AtPeriodEnd => Call::post(&path).with("cancel_at_period_end", "true"),
        End::Never => Call::post(&path).with("cancel_at_period_end", "false"),
    };
    let view = send::<SubscriptionObject>(inner, &call).await?.into_view();
    if end != End::Never || view.cancel_at.is_none() {
        return Ok(view);
    }
    // An end that was set in the portal is a moment of its own; the two members can't be sent together.
    let call = Call::post(&path).with("cancel_at", "");
    Ok(send::<SubscriptionObject>(inner, &call).await?.into_view())
}

pub(super) async fn price(inner: &Inner, price_id: &str) -> Result<Price> {
    let call = Call::get(format!("/v1/prices/{}", segment(price_id)?));
    Ok(send::<PriceObject>(inner, &call).await?.into_price())
}

pub(super) async fn customer_of_charge(inner: &Inner, charge_id: &str) -> Result<Option<String>> {
    let call = Call::get(format!("/v1/charges/{}", segment(charge_id)?));
    Ok(send::<objects::Owned>(inner, &call).await?.customer.and_then(objects::Reference::into_id))
}

pub(super) async fn events(inner: &Inner, query: &EventQuery) -> Result<Vec<Event>> {
    let list = |last: Option<String>| {
        let call = TYPES.iter().fold(Call::get("/v1/events"), |call, (name, value)| call.with(name, *value));
        call.with("created[gte]", query.since.as_secs().to_string())
            .with_some("delivery_success", query.only_undelivered.then_some("false"))
            .with("limit", "100")
            .with_some("starting_after", last)
    };
    let found = all_pages::<serde_json::Value>(inner, list, |event| event["id"].as_str().unwrap_or("")).await?;
    Ok(found.iter().filter_map(|event| event::from_json(event).ok()).collect())
}

async fn all_pages<T: serde::de::DeserializeOwned>(
    inner: &Inner,
    list: impl Fn(Option<String>) -> Call,
    id: impl Fn(&T) -> &str,
) -> Result<Vec<T>> {
    let mut all = Vec::new();
    for _ in 0..MAX_PAGES {
        let page: List<T> = send(inner, &list(all.last().map(|last| id(last).to_owned()))).await?;
        let is_last = !page.has_more || page.data.is_empty();
        all.extend(page.data);
        if is_last {
            return Ok(all);
        }
    }
    Err(because(PaymentFault::Refused, "the list has too many pages"))
}

/// An id as part of a path; it may come from a query of ours, and a slip there must not change the path.
fn segment(id: &str) -> Result<&str> {
    let is_id = (1..=255).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_id { Ok(id) } else { Err(because(PaymentFault::NotFound, "not an id")) }
}
