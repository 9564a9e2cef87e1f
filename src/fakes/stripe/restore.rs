//! Taking up where an earlier run of the demo left off: the stand-in is told what its user's mirror knows.

use serde_json::{Value, json};

use super::FakeStripe;
use super::shapes::{Shape, set};
use super::world::{Subscription, World};
use crate::domain::subscription::SubscriptionView;
use crate::domain::time::Timestamp;

impl FakeStripe {
    /// Puts a customer and its subscriptions back, without telling anybody; what has become due since then happens.
    pub fn restore(&self, customer_id: &str, subscriptions: &[SubscriptionView]) {
        self.act(|world| {
            let customer = Shape::Customer.with(customer_id, json!({"created": world.now()}));
            world.customers.insert(customer_id.to_owned(), customer);
            for view in subscriptions {
                let subscription = world.restored(customer_id, view);
                world.subscriptions.push(subscription);
            }
        });
    }
}

impl World {
    fn restored(&self, customer_id: &str, view: &SubscriptionView) -> Subscription {
        let seconds = |moment: Option<Timestamp>| moment.map(Timestamp::as_secs);
        let mut object = Shape::Subscription.with(&view.id, json!({"customer": customer_id}));
        for (path, value) in [
            ("status", json!(view.status.as_str())),
            ("created", json!(view.created.as_secs())),
            ("start_date", json!(view.created.as_secs())),
            ("cancel_at_period_end", json!(view.cancel_at_period_end)),
            ("cancel_at", json!(seconds(view.cancel_at))),
            ("canceled_at", json!(seconds(view.canceled_at))),
            ("ended_at", json!(seconds(view.ended_at))),
            ("trial_end", json!(seconds(view.trial_end))),
            ("items.data.0.price", self.price(&view.price_id).cloned().unwrap_or(Value::Null)),
            ("items.data.0.current_period_start", json!(seconds(view.current_period_start))),
            ("items.data.0.current_period_end", json!(seconds(view.current_period_end))),
        ] {
            set(&mut object, path, value);
        }
        Subscription { object, card_works: true, awaits_payment: false, failures: 0, next_try: None }
    }
}
