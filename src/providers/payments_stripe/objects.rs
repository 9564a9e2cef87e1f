//! Stripe's objects, as far as we read them. Unknown members and values never fail the reading: the sets are open.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::ids::UserId;
use crate::domain::subscription::{Status, SubscriptionView};
use crate::domain::time::Timestamp;
use crate::providers::payments::{Checkout, CheckoutStatus, Price};

#[derive(Deserialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// An object of which only the id matters, or that it was deleted.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) id: String,
    #[serde(default)]
    pub(super) deleted: bool,
}

#[derive(Deserialize)]
pub(super) struct Page {
    pub(super) url: String,
}

#[derive(Deserialize)]
pub(super) struct Owned {
    pub(super) customer: Option<Reference>,
}

/// A reference to another object: its id or, expanded, the object.
#[derive(Deserialize)]
pub(super) struct Reference(Value);

impl Reference {
    pub(super) fn into_id(self) -> Option<String> {
        id_of(&self.0).map(ToOwned::to_owned)
    }
}

/// The id behind a member that is an id or an expanded object.
pub(super) fn id_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("id")?.as_str()).filter(|id| !id.is_empty())
}

#[derive(Deserialize)]
pub(super) struct SubscriptionObject {
    pub(super) id: String,
    status: String,
    items: Option<List<Item>>,
    /// Only in versions before the period moved to the items.
    current_period_start: Option<i64>,
    current_period_end: Option<i64>,
    #[serde(default)]
    cancel_at_period_end: bool,
    cancel_at: Option<i64>,
    canceled_at: Option<i64>,
    ended_at: Option<i64>,
    trial_end: Option<i64>,
    pause_collection: Option<Value>,
    livemode: bool,
    created: i64,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Item {
    price: Option<Reference>,
    current_period_start: Option<i64>,
    current_period_end: Option<i64>,
}

#[derive(Deserialize)]
struct Metadata {
    user_id: Option<String>,
}

impl SubscriptionObject {
    pub(super) fn into_view(self) -> SubscriptionView {
        let items = self.items.map(|items| items.data).unwrap_or_default();
        let start = items.iter().filter_map(|item| item.current_period_start).max().or(self.current_period_start);
        let end = items.iter().filter_map(|item| item.current_period_end).max().or(self.current_period_end);
        let price_id = items.into_iter().next().and_then(|item| item.price?.into_id()).unwrap_or_default();
        SubscriptionView {
            id: self.id,
            status: Status::parse(&self.status),
            price_id,
            current_period_start: start.map(moment),
            current_period_end: end.map(moment),
            cancel_at_period_end: self.cancel_at_period_end,
            cancel_at: self.cancel_at.map(moment),
            canceled_at: self.canceled_at.map(moment),
            ended_at: self.ended_at.map(moment),
            trial_end: self.trial_end.map(moment),
            pause_collection: self.pause_collection.is_some(),
            livemode: self.livemode,
            created: moment(self.created),
            user_id: self.metadata.and_then(|metadata| metadata.user_id),
        }
    }
}

/// A moment from whole seconds.
pub(super) fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1_000))
}

/// Reads a subscription out of an answer or an event's body.
#[must_use]
pub fn read_subscription(object: &Value) -> Option<SubscriptionView> {
    SubscriptionObject::deserialize(object).ok().map(SubscriptionObject::into_view)
}

#[derive(Deserialize)]
pub(super) struct SessionObject {
    id: String,
    status: Option<String>,
    payment_status: String,
    url: Option<String>,
    expires_at: i64,
    customer: Option<Reference>,
    subscription: Option<Reference>,
    client_reference_id: Option<String>,
}

impl SessionObject {
    pub(super) fn into_checkout(self) -> Checkout {
        let status = match self.status.as_deref() {
            Some("open") => CheckoutStatus::Open,
            Some("complete") => CheckoutStatus::Complete,
            Some("expired") => CheckoutStatus::Expired,
            other => CheckoutStatus::Unknown(other.unwrap_or("").to_owned()),
        };
        Checkout {
            id: self.id,
            status,
            is_paid: self.payment_status != "unpaid",
            url: self.url,
            expires_at: moment(self.expires_at),
            customer_id: self.customer.and_then(Reference::into_id),
            subscription_id: self.subscription.and_then(Reference::into_id),
            user_id: self.client_reference_id.as_deref().and_then(UserId::parse),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct PriceObject {
    id: String,
    active: bool,
    #[serde(rename = "type")]
    kind: String,
    currency: String,
    unit_amount: Option<i64>,
    livemode: bool,
}

impl PriceObject {
    pub(super) fn into_price(self) -> Price {
        Price {
            id: self.id,
            is_active: self.active,
            is_recurring: self.kind == "recurring",
            currency: self.currency,
            unit_amount: self.unit_amount,
            livemode: self.livemode,
        }
    }
}
