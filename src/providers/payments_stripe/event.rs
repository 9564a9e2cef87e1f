//! Reads what Stripe tells us: that something changed, and whose it is. The rest of an event may be days old, so it is
//! not looked at; the state is read from Stripe itself.

use serde_json::Value;

use super::objects::{id_of, moment};
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;
use crate::providers::payments::{Event, EventKind};

/// A body that is no event: signed, and still not what Stripe sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event")]
pub struct NotAnEvent;

/// Reads the body of a webhook; check its signature first.
pub fn read_event(body: &[u8]) -> Result<Event, NotAnEvent> {
    from_json(&serde_json::from_slice(body).map_err(|_| NotAnEvent)?)
}

/// Reads an event out of a list.
pub(super) fn from_json(event: &Value) -> Result<Event, NotAnEvent> {
    let id = event["id"].as_str().filter(|id| is_name(id)).ok_or(NotAnEvent)?;
    let event_type = event["type"].as_str().filter(|name| is_name(name)).ok_or(NotAnEvent)?;
    let is_thin = event["object"] == "v2.core.event";
    let object = if is_thin { &event["related_object"] } else { &event["data"]["object"] };
    let kind = if is_thin { EventKind::Ignored } else { kind(event_type) };
    Ok(Event {
        id: id.to_owned(),
        event_type: event_type.to_owned(),
        created: created(&event["created"]).ok_or(NotAnEvent)?,
        livemode: event["livemode"].as_bool().unwrap_or(false),
        kind,
        object_id: object["id"].as_str().map(ToOwned::to_owned),
        customer_id: customer_id(object),
        charge_id: id_of(&object["charge"]).map(ToOwned::to_owned),
        user_id: user_id(object),
        action_url: action_url(kind, object),
    })
}

fn kind(event_type: &str) -> EventKind {
    match event_type {
        "checkout.session.completed" => EventKind::CheckoutCompleted,
        "checkout.session.expired" => EventKind::CheckoutExpired,
        "checkout.session.async_payment_failed" | "invoice.payment_failed" => EventKind::PaymentFailed,
        "invoice.payment_action_required" => EventKind::ActionRequired,
        "customer.subscription.trial_will_end" => EventKind::TrialEnding,
        "charge.refunded" => EventKind::Refunded,
        "charge.dispute.created" | "charge.dispute.closed" => EventKind::Disputed,
        "checkout.session.async_payment_succeeded"
        | "customer.subscription.created"
        | "customer.subscription.updated"
        | "customer.subscription.deleted"
        | "customer.subscription.paused"
        | "customer.subscription.resumed"
        | "customer.subscription.pending_update_applied"
        | "customer.subscription.pending_update_expired"
        | "invoice.paid"
        | "invoice.payment_succeeded"
        | "invoice.marked_uncollectible"
        | "invoice.voided"
        | "customer.deleted" => EventKind::Sync,
        _ => EventKind::Ignored,
    }
}

fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// Seconds since 1970; thin notifications write the moment out.
fn created(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(_) => serde_json::from_value(value.clone()).ok(),
        _ => value.as_i64().map(moment),
    }
}

fn customer_id(object: &Value) -> Option<String> {
    let id = if object["object"] == "customer" { object["id"].as_str() } else { id_of(&object["customer"]) };
    id.map(ToOwned::to_owned)
}

/// The user as we wrote it down: on the checkout, on the customer and its subscription, or beside an invoice.
fn user_id(object: &Value) -> Option<UserId> {
    let written = [
        &object["client_reference_id"],
        &object["metadata"]["user_id"],
        &object["parent"]["subscription_details"]["metadata"]["user_id"],
    ];
    written.into_iter().find_map(|value| UserId::parse(value.as_str()?))
}

fn action_url(kind: EventKind, object: &Value) -> Option<String> {
    let url = object["hosted_invoice_url"].as_str().filter(|url| url.starts_with("https://"))?;
    (kind == EventKind::ActionRequired).then(|| url.to_owned())
}
