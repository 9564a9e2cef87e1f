//! Payments: the client, its stand-in, the signatures, the events, and the rules that turn them into a plan.

use std::time::Duration;

use pollux::domain::ids::UserId;
use pollux::domain::time::{Clock, Timestamp};
use pollux::fakes::stripe::{FakeStripe, FakeStripeSettings, RunningStripe};
use pollux::providers::payments::{Checkout, NewCheckout, NewCustomer, Payments as _};
use pollux::providers::payments_stripe::{Stripe, StripeSettings};
use serde_json::Value;

mod client;
mod delivery;
mod events;
mod exchanges;
mod life;
mod rules;
mod shapes;
mod signatures;

const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contracts/stripe");
const KEY: &str = "sk_test_example";
const USER: &str = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11";
/// When the examples begin.
const START: i64 = 1_795_255_200;
const DAY: Duration = Duration::from_hours(24);

fn read(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(format!("{CONTRACT}/{path}")).unwrap()).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn user() -> UserId {
    UserId::parse(USER).unwrap()
}

async fn start() -> RunningStripe {
    FakeStripe::start(FakeStripeSettings::new(Clock::manual(at(START)))).await.unwrap()
}

fn settings(base_url: String) -> StripeSettings {
    StripeSettings { base_url, backoff: Duration::from_millis(1), ..StripeSettings::new(KEY.into()) }
}

fn client(server: &RunningStripe) -> Stripe {
    Stripe::new(settings(server.base_url())).unwrap()
}

fn new_customer() -> NewCustomer {
    NewCustomer { user_id: user(), phone: "+15005550006".into(), name: None, instead_of: None }
}

fn new_checkout(customer_id: &str, attempt: &str) -> NewCheckout {
    NewCheckout {
        user_id: user(),
        customer_id: customer_id.into(),
        price_id: "price_pro".into(),
        success_url: "https://app.example.com/billing/return?session_id={CHECKOUT_SESSION_ID}".into(),
        cancel_url: "https://app.example.com/billing/cancel".into(),
        expires_at: None,
        attempt: attempt.into(),
    }
}

/// A customer with an open checkout.
async fn shopper(stripe: &Stripe) -> (String, Checkout) {
    let customer = stripe.make_customer(&new_customer()).await.unwrap();
    let checkout = stripe.open_checkout(&new_checkout(&customer, "attempt-1")).await.unwrap();
    (customer, checkout)
}
