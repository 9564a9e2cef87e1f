//! The life of a subscription: bought, renewed, failed, tried again, given up, ended.

use serde_json::{Value, json};

use super::shapes::{Shape, number, set, text};
use super::world::{Subscription, World};

pub(super) const HOUR: i64 = 3_600;
pub(super) const DAY: i64 = 24 * HOUR;
/// How long a period lasts.
const PERIOD: i64 = 30 * DAY;
/// How long a first payment may take.
const INCOMPLETE_FOR: i64 = 23 * HOUR;
/// The pauses after a failed payment; after the last failure it is given up.
const RETRIES: [i64; 3] = [3 * DAY, 5 * DAY, 7 * DAY];

/// What becomes of a subscription whose payments all failed: a setting of the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GivingUp {
    /// It ends.
    #[default]
    Cancel,
    /// It goes on unpaid.
    Unpaid,
    /// It stays as it is.
    PastDue,
}

enum Due {
    ExpireSession(usize),
    ExpireIncomplete(usize),
    End(usize),
    Renew(usize),
    TryAgain(usize),
}

impl World {
    /// Does all that is due by now, in the order of its time.
    pub(super) fn settle(&mut self) {
        let now = self.now();
        while let Some((at, due)) = self.next_due().filter(|(at, _)| *at <= now) {
            match due {
                Due::ExpireSession(index) => self.expire_session(index, at),
                Due::ExpireIncomplete(index) => self.expire_incomplete(index, at),
                Due::End(index) => self.end(index, at),
                Due::Renew(index) => self.renew(index, at),
                Due::TryAgain(index) => self.try_again(index, at),
            }
        }
    }

    fn next_due(&self) -> Option<(i64, Due)> {
        let open = self.sessions.iter().enumerate().filter(|(_, session)| text(session, "status") == "open");
        let sessions =
            open.filter_map(|(index, session)| Some((number(session, "expires_at")?, Due::ExpireSession(index))));
        let subscriptions = self.subscriptions.iter().enumerate().filter_map(|(index, one)| one.due(index));
        sessions.chain(subscriptions).min_by_key(|(at, _)| *at)
    }

    /// Begins a subscription whose first payment has not come yet.
    pub(super) fn begin(&mut self, customer: &str, price_id: &str, metadata: &Value, at: i64) -> usize {
        let price = self.price(price_id).cloned().unwrap_or_default();
        let mut object = self.make(Shape::Subscription, json!({"customer": customer, "metadata": metadata}));
        let item_id = self.id("si_");
        let id = text(&object, "id").to_owned();
        for (path, value) in [
            ("billing_cycle_anchor", json!(at)),
            ("created", json!(at)),
            ("start_date", json!(at)),
            ("billing_mode.updated_at", json!(at)),
            ("items.url", json!(format!("/v1/subscription_items?subscription={id}"))),
            ("items.data.0.id", json!(item_id)),
            ("items.data.0.created", json!(at)),
            ("items.data.0.subscription", json!(id)),
            ("items.data.0.plan.id", price["id"].clone()),
            ("items.data.0.plan.product", price["product"].clone()),
            ("items.data.0.price", price),
        ] {
            set(&mut object, path, value);
        }
        set_period(&mut object, at);
        self.emit("customer.subscription.created", &object, None, at);
        let (card_works, awaits_payment) = (true, false);
        self.subscriptions.push(Subscription { object, card_works, awaits_payment, failures: 0, next_try: None });
        self.subscriptions.len() - 1
    }

    /// The first payment came.
    pub(super) fn activate(&mut self, index: usize, at: i64) {
        self.bill(index, "subscription_create", true, at);
        self.change(index, at, |one| {
            one.awaits_payment = false;
            set(&mut one.object, "default_payment_method", "pm_card");
            set(&mut one.object, "status", "active");
        });
    }

    /// Writes an invoice for the running period, and a charge if it is paid.
    fn bill(&mut self, index: usize, reason: &str, is_paid: bool, at: i64) {
        let Some(one) = self.subscriptions.get(index).cloned() else { return };
        let invoice = self.invoice(&one, reason, is_paid, at);
        let invoice_id = text(&invoice, "id").to_owned();
        if is_paid {
            let members = json!({"customer": one.object["customer"], "created": at, "description": reason});
            let charge = self.make(Shape::Charge, members);
            self.charges.push(charge);
            self.emit("invoice.payment_succeeded", &invoice, None, at);
        }
        self.emit(if is_paid { "invoice.paid" } else { "invoice.payment_failed" }, &invoice, None, at);
        self.invoices.push(invoice);
        if let Some(one) = self.subscriptions.get_mut(index) {
            set(&mut one.object, "latest_invoice", invoice_id);
        }
    }

    fn invoice(&mut self, one: &Subscription, reason: &str, is_paid: bool, at: i64) -> Value {
        let mut invoice = self.make(Shape::Invoice, json!({"customer": one.object["customer"], "created": at}));
        let (paid, open) = if is_paid { (2_000, 0) } else { (0, 2_000) };
        for (path, value) in [
            ("billing_reason", json!(reason)),
            ("status", json!(if is_paid { "paid" } else { "open" })),
            ("amount_paid", json!(paid)),
            ("amount_remaining", json!(open)),
            ("attempt_count", json!(one.failures.max(1))),
            ("auto_advance", json!(!is_paid)),
            ("next_payment_attempt", json!(one.next_try)),
            ("effective_at", json!(at)),
            ("status_transitions.finalized_at", json!(at)),
            ("status_transitions.paid_at", if is_paid { json!(at) } else { Value::Null }),
            ("hosted_invoice_url", json!("https://invoice.stripe.com/i/acct_1TExample/test_example")),
            ("parent.subscription_details.subscription", one.object["id"].clone()),
            ("parent.subscription_details.metadata", one.object["metadata"].clone()),
            ("lines.data.0.pricing.price_details.price", json!(one.price_id())),
            ("lines.data.0.parent.subscription_item_details.subscription", one.object["id"].clone()),
        ] {
            set(&mut invoice, path, value);
        }
        invoice
    }

    fn renew(&mut self, index: usize, at: i64) {
        let Some(one) = self.subscriptions.get(index) else { return };
        let (pays, is_held) = (one.card_works, !one.object["pause_collection"].is_null());
        self.change(index, at, |one| {
            set_period(&mut one.object, at);
            set(&mut one.object, "status", "active");
            one.failures = 0;
        });
        match (is_held, pays) {
            (true, _) => {}
            (false, true) => self.bill(index, "subscription_cycle", true, at),
            (false, false) => self.fail(index, at),
        }
    }

    fn try_again(&mut self, index: usize, at: i64) {
        if !self.subscriptions.get(index).is_some_and(|one| one.card_works) {
            return self.fail(index, at);
        }
        self.bill(index, "subscription_cycle", true, at);
        self.change(index, at, |one| {
            (one.failures, one.next_try) = (0, None);
            set(&mut one.object, "status", "active");
        });
    }

    /// A payment of a period failed.
    fn fail(&mut self, index: usize, at: i64) {
        let giving_up = self.settings.giving_up;
        let Some(one) = self.subscriptions.get_mut(index) else { return };
        one.next_try = RETRIES.get(one.failures).map(|pause| at + pause);
        one.failures += 1;
        let is_last = one.next_try.is_none();
        self.bill(index, "subscription_cycle", false, at);
        match giving_up {
            GivingUp::Cancel if is_last => self.end(index, at),
            GivingUp::Unpaid if is_last => self.change(index, at, |one| set(&mut one.object, "status", "unpaid")),
            _ => self.change(index, at, |one| set(&mut one.object, "status", "past_due")),
        }
    }

    /// Ends a subscription for good.
    pub(super) fn end(&mut self, index: usize, at: i64) {
        let Some(one) = self.subscriptions.get_mut(index).filter(|one| !one.is_over()) else { return };
        (one.next_try, one.awaits_payment) = (None, false);
        set(&mut one.object, "status", "canceled");
        set(&mut one.object, "ended_at", at);
        if one.object["canceled_at"].is_null() {
            set(&mut one.object, "canceled_at", at);
        }
        let object = one.object.clone();
        self.emit("customer.subscription.deleted", &object, None, at);
    }

    pub(super) fn expire_incomplete(&mut self, index: usize, at: i64) {
        self.change(index, at, |one| {
            one.awaits_payment = false;
            set(&mut one.object, "status", "incomplete_expired");
            set(&mut one.object, "ended_at", at);
        });
    }

    pub(super) fn expire_session(&mut self, index: usize, at: i64) {
        let Some(session) = self.sessions.get_mut(index) else { return };
        set(session, "status", "expired");
        set(session, "url", Value::Null);
        let session = session.clone();
        self.emit("checkout.session.expired", &session, None, at);
    }
}

impl Subscription {
    pub(super) fn period_end(&self) -> Option<i64> {
        number(&self.object, "items.data.0.current_period_end")
    }

    fn due(&self, index: usize) -> Option<(i64, Due)> {
        let goes_on = !self.is_over();
        let end = number(&self.object, "cancel_at").filter(|_| goes_on).map(|at| (at, Due::End(index)));
        let retry = self.next_try.filter(|_| goes_on).map(|at| (at, Due::TryAgain(index)));
        let other = match self.status() {
            "active" | "trialing" => self.period_end().map(|at| (at, Due::Renew(index))),
            "incomplete" if !self.awaits_payment => {
                number(&self.object, "created").map(|at| (at + INCOMPLETE_FOR, Due::ExpireIncomplete(index)))
            }
            _ => None,
        };
        end.into_iter().chain(retry).chain(other).min_by_key(|(at, _)| *at)
    }
}

fn set_period(object: &mut Value, start: i64) {
    set(object, "items.data.0.current_period_start", start);
    set(object, "items.data.0.current_period_end", start + PERIOD);
}
