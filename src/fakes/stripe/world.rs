//! All that the stand-in knows: its objects, its events, and the letters still to be delivered.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use super::idempotency::Kept;
use super::post::Letter;
use super::reply::Reply;
use super::shapes::{Shape, difference, set, text};
use super::{Call, FakeStripeSettings};
use crate::providers::payments_stripe::API_VERSION;

/// Calls that are kept for tests to look at.
const CALLS_KEPT: usize = 1_000;

/// The state of the stand-in.
#[derive(Debug)]
pub(super) struct World {
    pub(super) settings: FakeStripeSettings,
    /// How far its time runs ahead of the clock.
    pub(super) ahead_secs: i64,
    pub(super) customers: BTreeMap<String, Value>,
    pub(super) sessions: Vec<Value>,
    /// What each session sells, and what is written on the subscription that comes of it.
    pub(super) wanted: BTreeMap<String, (String, Value)>,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) invoices: Vec<Value>,
    pub(super) charges: Vec<Value>,
    pub(super) prices: Vec<Value>,
    pub(super) portals: Vec<Value>,
    pub(super) events: Vec<Happening>,
    pub(super) letters: VecDeque<Letter>,
    pub(super) kept: BTreeMap<String, Kept>,
    pub(super) calls: VecDeque<Call>,
    pub(super) scripted: VecDeque<Reply>,
    pub(super) loses_next: bool,
    pub(super) slows_next: Option<Duration>,
    seed: u64,
    made: u64,
}

/// A subscription and what Stripe knows of its payments.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) object: Value,
    /// True while the card pays.
    pub(super) card_works: bool,
    /// True while a first payment is on its way, which may take days.
    pub(super) awaits_payment: bool,
    /// Payments of this period that failed.
    pub(super) failures: usize,
    /// When the payment is tried again.
    pub(super) next_try: Option<i64>,
}

/// An event, and whether somebody took it.
#[derive(Clone, Debug)]
pub(super) struct Happening {
    pub(super) body: Value,
    pub(super) is_delivered: bool,
}

impl World {
    pub(super) fn new(settings: FakeStripeSettings) -> Self {
        let price = json!({"product": "prod_pro", "lookup_key": "pro_monthly"});
        let other = json!({"product": "prod_other", "unit_amount": 100, "unit_amount_decimal": "100"});
        let prices = vec![Shape::Price.with(&settings.price_id, price), Shape::Price.with("price_other", other)];
        Self {
            settings,
            ahead_secs: 0,
            customers: BTreeMap::new(),
            sessions: Vec::new(),
            wanted: BTreeMap::new(),
            subscriptions: Vec::new(),
            invoices: Vec::new(),
            charges: Vec::new(),
            prices,
            portals: Vec::new(),
            events: Vec::new(),
            letters: VecDeque::new(),
            kept: BTreeMap::new(),
            calls: VecDeque::new(),
            scripted: VecDeque::new(),
            loses_next: false,
            slows_next: None,
            seed: rand::random(),
            made: 0,
        }
    }

    /// The present, in whole seconds of its own time.
    pub(super) fn now(&self) -> i64 {
        self.settings.clock.now().as_secs().saturating_add(self.ahead_secs)
    }

    /// A new id; it holds something random, so that one process never takes up the ids of another.
    pub(super) fn id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}{:016x}{:06}", self.seed, self.made)
    }

    /// Makes an object with a new id, born now.
    pub(super) fn make(&mut self, shape: Shape, mut members: Value) -> Value {
        let id = self.id(shape.prefix());
        if members.get("created").is_none() {
            set(&mut members, "created", self.now());
        }
        shape.with(&id, members)
    }

    pub(super) fn log(&mut self, call: Call) {
        if self.calls.len() == CALLS_KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    /// Something happened to an object: an event is written and a letter goes into the post.
    pub(super) fn emit(&mut self, event_type: &str, object: &Value, previous: Option<Value>, at: i64) {
        let mut data = json!({"object": object});
        if let Some(previous) = previous {
            set(&mut data, "previous_attributes", previous);
        }
        let body = json!({
            "id": self.id("evt_"), "object": "event", "api_version": API_VERSION, "created": at, "data": data,
            "livemode": false, "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null},
            "type": event_type,
        });
        self.publish(body);
    }

    /// Keeps an event and puts its letter into the post.
    pub(super) fn publish(&mut self, body: Value) {
        self.letters.push_back(Letter::new(&body, self.now()));
        self.events.push(Happening { body, is_delivered: false });
    }

    /// Changes a subscription and tells of what is different then.
    pub(super) fn change(&mut self, index: usize, at: i64, change: impl FnOnce(&mut Subscription)) {
        let Some(subscription) = self.subscriptions.get_mut(index) else { return };
        let before = subscription.object.clone();
        change(subscription);
        let after = subscription.object.clone();
        let previous = difference(&before, &after);
        if previous.as_object().is_some_and(|members| !members.is_empty()) {
            self.emit("customer.subscription.updated", &after, Some(previous), at);
        }
    }

    pub(super) fn subscription(&self, id: &str) -> Option<usize> {
        self.subscriptions.iter().position(|subscription| text(&subscription.object, "id") == id)
    }

    pub(super) fn session(&self, id: &str) -> Option<usize> {
        self.sessions.iter().position(|session| text(session, "id") == id)
    }

    pub(super) fn price(&self, id: &str) -> Option<&Value> {
        self.prices.iter().find(|price| text(price, "id") == id)
    }

    /// A customer that is there and was not deleted.
    pub(super) fn customer(&self, id: &str) -> Option<&Value> {
        self.customers.get(id).filter(|customer| customer["deleted"] != true)
    }
}

impl Subscription {
    /// Sets or takes back the end. In the portal of flexible billing only the moment is set.
    pub(super) fn plan_end(&mut self, cancel_at: Option<i64>, at_period_end: bool, now: i64) {
        let is_planned = cancel_at.is_some();
        set(&mut self.object, "cancel_at", cancel_at);
        set(&mut self.object, "cancel_at_period_end", at_period_end);
        set(&mut self.object, "canceled_at", is_planned.then_some(now));
        set(&mut self.object, "cancellation_details.reason", is_planned.then_some("cancellation_requested"));
    }

    pub(super) fn status(&self) -> &str {
        text(&self.object, "status")
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.status(), "canceled" | "incomplete_expired")
    }

    pub(super) fn price_id(&self) -> &str {
        self.object.pointer("/items/data/0/price/id").and_then(Value::as_str).unwrap_or("")
    }
}
