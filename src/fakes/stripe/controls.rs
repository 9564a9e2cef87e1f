//! What a test does in the place of a customer, a bank, an operator, or of time; and what it asks the judge.

use std::time::Duration;

use serde_json::{Value, json};

use super::reply::Reply;
use super::shapes::{Shape, set, text};
use super::world::World;
use super::{Call, FakeStripe, GivingUp};
use crate::domain::plan::Tier;

/// How a customer's payment on the checkout page goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payment {
    /// It is there at once.
    Paid,
    /// It is on its way, as with a bank transfer; see [`FakeStripe::settle_payment`].
    Later,
    /// The card is declined; the page stays open.
    Declined,
}

impl FakeStripe {
    /// Finishes a checkout page; returns the subscription that came of it.
    #[expect(clippy::must_use_candidate, reason = "the payment is what most callers want")]
    pub fn pay(&self, session_id: &str, payment: Payment) -> Option<String> {
        self.act(|world| world.pay(session_id, payment))
    }

    /// Lets a payment that was on its way arrive, or fail.
    pub fn settle_payment(&self, session_id: &str, has_arrived: bool) {
        self.act(|world| world.settle_payment(session_id, has_arrived));
    }

    /// Closes a checkout page.
    pub fn expire(&self, session_id: &str) {
        self.act(|world| {
            let index = world.session(session_id).filter(|index| text(&world.sessions[*index], "status") == "open");
            let now = world.now();
            if let Some(index) = index {
                world.expire_session(index, now);
            }
        });
    }

    /// Lets its own time pass, ahead of the clock: what is due in it happens, in order.
    pub fn advance(&self, span: Duration) {
        let span = i64::try_from(span.as_secs()).unwrap_or(0);
        self.act(|world| world.ahead_secs = world.ahead_secs.saturating_add(span));
    }

    /// Says whether the card of a subscription pays from now on.
    pub fn set_card(&self, subscription_id: &str, works: bool) {
        self.with_subscription(subscription_id, |world, index| world.subscriptions[index].card_works = works);
    }

    /// Says what becomes of subscriptions whose payments all failed.
    pub fn set_giving_up(&self, giving_up: GivingUp) {
        self.world().settings.giving_up = giving_up;
    }

    /// Ends a subscription at the end of its period as the portal does: only the moment is set.
    pub fn cancel_in_portal(&self, subscription_id: &str) {
        self.with_subscription(subscription_id, |world, index| {
            let now = world.now();
            world.change(index, now, |one| one.plan_end(one.period_end(), false, now));
        });
    }

    /// Takes such an end back.
    pub fn renew_in_portal(&self, subscription_id: &str) {
        self.with_subscription(subscription_id, |world, index| {
            let now = world.now();
            world.change(index, now, |one| one.plan_end(None, false, now));
        });
    }

    /// Stops, or takes up again, the collecting of invoices; the status stays.
    pub fn hold_collection(&self, subscription_id: &str, is_held: bool) {
        let value = if is_held { json!({"behavior": "void", "resumes_at": null}) } else { Value::Null };
        self.with_subscription(subscription_id, |world, index| {
            let now = world.now();
            world.change(index, now, |one| set(&mut one.object, "pause_collection", value));
        });
    }

    /// Gives a subscription any status, even one that nobody has heard of.
    pub fn set_status(&self, subscription_id: &str, status: &str) {
        self.with_subscription(subscription_id, |world, index| {
            let now = world.now();
            world.change(index, now, |one| set(&mut one.object, "status", status));
        });
    }

    /// Makes a subscription without a checkout: a second one, or with `price_other` one of another product.
    #[expect(clippy::must_use_candidate, reason = "the subscription is what most callers want")]
    pub fn subscribe(&self, customer_id: &str, price_id: &str) -> String {
        self.act(|world| {
            let now = world.now();
            let index = world.begin(customer_id, price_id, &json!({}), now);
            world.activate(index, now);
            text(&world.subscriptions[index].object, "id").to_owned()
        })
    }

    /// Gives money back for the customer's last charge, all or half; the subscription goes on.
    pub fn refund(&self, customer_id: &str, is_full: bool) {
        self.act(|world| {
            let now = world.now();
            let Some(charge) = world.last_charge(customer_id) else { return };
            set(charge, "amount_refunded", if is_full { 2_000 } else { 1_000 });
            set(charge, "refunded", is_full);
            let charge = charge.clone();
            world.emit("charge.refunded", &charge, None, now);
        });
    }

    /// Contests the customer's last charge, or with a `verdict` (`won`, `lost`) closes that.
    pub fn dispute(&self, customer_id: &str, verdict: Option<&str>) {
        self.act(|world| {
            let Some(charge) = world.last_charge(customer_id).map(|charge| charge["id"].clone()) else { return };
            let dispute =
                world.make(Shape::Dispute, json!({"charge": charge, "status": verdict.unwrap_or("needs_response")}));
            let event_type = if verdict.is_some() { "charge.dispute.closed" } else { "charge.dispute.created" };
            let now = world.now();
            world.emit(event_type, &dispute, None, now);
        });
    }

    /// Deletes a customer and ends all its subscriptions.
    pub fn delete_customer(&self, customer_id: &str) {
        // A customer who is not there stays so.
        let _ = self.act(|world| world.delete_customer(customer_id));
    }

    /// Makes a customer that no call of ours made: of another product of the same account.
    #[must_use]
    pub fn stranger(&self) -> String {
        self.act(|world| {
            let customer = world.make(Shape::Customer, json!({}));
            let id = text(&customer, "id").to_owned();
            world.customers.insert(id.clone(), customer);
            id
        })
    }

    /// Loses all that it knew of a customer, as when its data was wiped.
    pub fn forget_customer(&self, customer_id: &str) {
        let mut world = self.world();
        world.customers.remove(customer_id);
        world.subscriptions.retain(|one| text(&one.object, "customer") != customer_id);
    }

    /// Says whom to tell.
    pub fn set_webhook(&self, url: &str) {
        self.world().settings.webhook_url = Some(url.to_owned());
    }

    /// Says where the pages are reached.
    pub fn set_pages_url(&self, url: &str) {
        url.trim_end_matches('/').clone_into(&mut self.world().settings.pages_url);
    }

    /// What the events are signed with.
    #[must_use]
    pub fn webhook_secret(&self) -> String {
        self.world().settings.webhook_secret.clone()
    }

    /// Answers the next call that has no answer yet with this, and does nothing.
    pub fn then(&self, reply: Reply) {
        self.world().scripted.push_back(reply);
    }

    /// Does what the next call asks, and loses the answer on the way.
    pub fn lose_next_answer(&self) {
        self.world().loses_next = true;
    }

    /// Takes its time over the next call; whoever comes with the same key meanwhile is refused.
    pub fn slow_next(&self, span: Duration) {
        self.world().slows_next = Some(span);
    }

    /// What it was asked, oldest first; the last thousand calls.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.world().calls.iter().cloned().collect()
    }

    /// All events there were, oldest first, delivered or not.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.world().events.iter().map(|event| event.body.clone()).collect()
    }

    /// The judge: what a customer has, by the state here and now.
    #[must_use]
    pub fn expected_plan(&self, customer_id: &str) -> Tier {
        self.act(|world| {
            let counts = |one: &super::world::Subscription| {
                text(&one.object, "customer") == customer_id
                    && one.price_id() == world.settings.price_id
                    && matches!(one.status(), "active" | "trialing" | "past_due")
            };
            if world.subscriptions.iter().any(counts) { Tier::Pro } else { Tier::Basic }
        })
    }

    fn with_subscription(&self, id: &str, act: impl FnOnce(&mut World, usize)) {
        self.act(|world| {
            if let Some(index) = world.subscription(id) {
                act(world, index);
            }
        });
    }
}

impl World {
    pub(super) fn pay(&mut self, session_id: &str, payment: Payment) -> Option<String> {
        let session_index = self.session(session_id)?;
        let session = self.sessions.get(session_index).filter(|session| text(session, "status") == "open")?.clone();
        let (price, metadata) = self.wanted.get(session_id).cloned()?;
        if payment == Payment::Declined {
            return None;
        }
        let now = self.now();
        let index = self.begin(text(&session, "customer"), &price, &metadata, now);
        let is_paid = payment == Payment::Paid;
        self.subscriptions.get_mut(index)?.awaits_payment = !is_paid;
        if is_paid {
            self.activate(index, now);
        }
        let subscription_id = text(&self.subscriptions.get(index)?.object, "id").to_owned();
        let session = self.sessions.get_mut(session_index)?;
        set(session, "status", "complete");
        set(session, "payment_status", if is_paid { "paid" } else { "unpaid" });
        set(session, "subscription", subscription_id.as_str());
        set(session, "url", Value::Null);
        let session = session.clone();
        self.emit("checkout.session.completed", &session, None, now);
        Some(subscription_id)
    }

    fn settle_payment(&mut self, session_id: &str, has_arrived: bool) {
        let now = self.now();
        let Some(session_index) = self.session(session_id) else { return };
        let subscription = self.subscription(text(&self.sessions[session_index], "subscription"));
        let Some(index) = subscription.filter(|index| self.subscriptions[*index].awaits_payment) else { return };
        let event_type = if has_arrived {
            self.activate(index, now);
            set(&mut self.sessions[session_index], "payment_status", "paid");
            "checkout.session.async_payment_succeeded"
        } else {
            self.expire_incomplete(index, now);
            "checkout.session.async_payment_failed"
        };
        let session = self.sessions[session_index].clone();
        self.emit(event_type, &session, None, now);
    }

    fn last_charge(&mut self, customer_id: &str) -> Option<&mut Value> {
        self.charges.iter_mut().rev().find(|charge| text(charge, "customer") == customer_id)
    }
}
