//! The life of a subscription in the stand-in, seen through the client; its own state is the judge.

use std::time::Duration;

use pollux::domain::ids::UserId;
use pollux::domain::plan::Tier::{Basic, Pro};
use pollux::domain::subscription::{Offer, SubscriptionView, entitlement};
use pollux::fakes::stripe::{GivingUp, Payment, RunningStripe};
use pollux::providers::payments::{CheckoutStatus, End, NewCustomer, PaymentFault, Payments as _};
use pollux::providers::payments_stripe::Stripe;

use rand::{RngExt as _, SeedableRng as _};

use super::{DAY, START, at, client, shopper, start, user};

/// A server, its client, a customer and the subscription it paid.
async fn subscriber() -> (RunningStripe, Stripe, String, String) {
    let server = start().await;
    let stripe = client(&server);
    let (customer, checkout) = shopper(&stripe).await;
    let subscription = server.fake.pay(&checkout.id, Payment::Paid).unwrap();
    (server, stripe, customer, subscription)
}

async fn only(stripe: &Stripe, customer: &str) -> SubscriptionView {
    let mut all = stripe.subscriptions(customer).await.unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn types(server: &RunningStripe) -> Vec<String> {
    server.fake.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_paid_checkout_becomes_a_subscription_of_its_user() {
    let server = start().await;
    let stripe = client(&server);
    let (customer, checkout) = shopper(&stripe).await;
    assert!(checkout.url.unwrap().starts_with(&server.base_url()));
    assert_eq!(server.fake.expected_plan(&customer), Basic);
    let id = server.fake.pay(&checkout.id, Payment::Paid).unwrap();
    let view = only(&stripe, &customer).await;
    assert_eq!((view.id.as_str(), view.status.as_str(), view.price_id.as_str()), (&*id, "active", "price_pro"));
    assert_eq!((view.created, view.current_period_end), (at(START), Some(at(START) + 30 * DAY)));
    assert_eq!(view.user_id.as_deref(), Some(user().to_string().as_str()));
    assert_eq!(server.fake.expected_plan(&customer), Pro);
    let done = stripe.checkout(&checkout.id).await.unwrap();
    assert_eq!((done.status, done.is_paid, done.subscription_id), (CheckoutStatus::Complete, true, Some(id)));
    let told = types(&server);
    assert_eq!(
        (told[0].as_str(), told.last().unwrap().as_str()),
        ("customer.subscription.created", "checkout.session.completed")
    );
    assert_eq!(server.fake.pay(&checkout.id, Payment::Paid), None);
}

#[tokio::test]
async fn a_declined_card_leaves_the_page_open_and_a_closed_page_takes_nothing() {
    let server = start().await;
    let stripe = client(&server);
    let (customer, checkout) = shopper(&stripe).await;
    assert_eq!(server.fake.pay(&checkout.id, Payment::Declined), None);
    assert_eq!(stripe.checkout(&checkout.id).await.unwrap().status, CheckoutStatus::Open);
    assert_eq!(stripe.expire_checkout(&checkout.id).await.unwrap().status, CheckoutStatus::Expired);
    assert_eq!(stripe.expire_checkout(&checkout.id).await.unwrap_err().fault, PaymentFault::Refused);
    assert_eq!(server.fake.pay(&checkout.id, Payment::Paid), None);
    assert_eq!(server.fake.expected_plan(&customer), Basic);
}

#[tokio::test]
async fn a_page_closes_by_itself_after_a_day() {
    let server = start().await;
    let stripe = client(&server);
    let (_, checkout) = shopper(&stripe).await;
    server.fake.advance(DAY);
    assert_eq!(stripe.checkout(&checkout.id).await.unwrap().status, CheckoutStatus::Expired);
    assert_eq!(types(&server), ["checkout.session.expired"]);
}

#[tokio::test]
async fn a_slow_payment_gives_nothing_until_it_is_there() {
    for (has_arrived, status, tier) in [(true, "active", Pro), (false, "incomplete_expired", Basic)] {
        let server = start().await;
        let stripe = client(&server);
        let (customer, checkout) = shopper(&stripe).await;
        server.fake.pay(&checkout.id, Payment::Later).unwrap();
        server.fake.advance(2 * DAY);
        assert_eq!(only(&stripe, &customer).await.status.as_str(), "incomplete");
        assert!(!stripe.checkout(&checkout.id).await.unwrap().is_paid);
        server.fake.settle_payment(&checkout.id, has_arrived);
        assert_eq!(only(&stripe, &customer).await.status.as_str(), status);
        assert_eq!(server.fake.expected_plan(&customer), tier);
    }
}

#[tokio::test]
async fn a_period_follows_another_while_the_card_pays() {
    let (server, stripe, customer, _) = subscriber().await;
    server.fake.advance(95 * DAY);
    let view = only(&stripe, &customer).await;
    assert_eq!(view.current_period_end, Some(at(START) + 120 * DAY));
    assert_eq!(types(&server).iter().filter(|one| *one == "invoice.paid").count(), 4);
}

#[tokio::test]
async fn a_card_that_fails_is_tried_again_and_given_up_as_the_account_says() {
    for (giving_up, status, tier) in [
        (GivingUp::Cancel, "canceled", Basic),
        (GivingUp::Unpaid, "unpaid", Basic),
        (GivingUp::PastDue, "past_due", Pro),
    ] {
        let (server, stripe, customer, subscription) = subscriber().await;
        server.fake.set_giving_up(giving_up);
        server.fake.set_card(&subscription, false);
        server.fake.advance(30 * DAY);
        assert_eq!(only(&stripe, &customer).await.status.as_str(), "past_due");
        assert_eq!(server.fake.expected_plan(&customer), Pro);
        server.fake.advance(15 * DAY);
        assert_eq!(only(&stripe, &customer).await.status.as_str(), status);
        assert_eq!(server.fake.expected_plan(&customer), tier);
        assert_eq!(types(&server).iter().filter(|one| *one == "invoice.payment_failed").count(), 4);
    }
}

#[tokio::test]
async fn a_card_that_works_again_heals() {
    let (server, stripe, customer, subscription) = subscriber().await;
    server.fake.set_card(&subscription, false);
    server.fake.advance(31 * DAY);
    server.fake.set_card(&subscription, true);
    server.fake.advance(3 * DAY);
    assert_eq!(only(&stripe, &customer).await.status.as_str(), "active");
}

#[tokio::test]
async fn an_end_can_be_set_and_taken_back_in_both_forms() {
    let (server, stripe, customer, subscription) = subscriber().await;
    let end = Some(at(START) + 30 * DAY);
    let view = stripe.set_end(&subscription, End::AtPeriodEnd).await.unwrap();
    assert_eq!((view.cancel_at_period_end, view.cancel_at, view.will_end_at()), (true, end, end));
    assert_eq!(stripe.set_end(&subscription, End::Never).await.unwrap().will_end_at(), None);
    server.fake.cancel_in_portal(&subscription);
    let view = only(&stripe, &customer).await;
    assert_eq!((view.cancel_at_period_end, view.cancel_at, view.will_end_at()), (false, end, end));
    assert_eq!(stripe.set_end(&subscription, End::Never).await.unwrap().will_end_at(), None);
    server.fake.cancel_in_portal(&subscription);
    server.fake.advance(30 * DAY);
    let view = only(&stripe, &customer).await;
    assert_eq!((view.status.as_str(), view.ended_at), ("canceled", end));
    assert_eq!(server.fake.expected_plan(&customer), Basic);
}

#[tokio::test]
async fn an_end_at_once_is_at_once_and_once() {
    let (server, stripe, customer, subscription) = subscriber().await;
    assert_eq!(stripe.set_end(&subscription, End::Now).await.unwrap().status.as_str(), "canceled");
    assert_eq!(server.fake.expected_plan(&customer), Basic);
    assert_eq!(stripe.set_end(&subscription, End::Now).await.unwrap_err().fault, PaymentFault::NotFound);
}

#[tokio::test]
async fn the_judge_agrees_with_the_rules_in_every_state() {
    let (server, stripe, customer, subscription) = subscriber().await;
    let offer = Offer { price_id: "price_pro", livemode: false, grace: None };
    let statuses = ["active", "trialing", "past_due", "unpaid", "paused", "incomplete", "active"];
    for status in statuses {
        server.fake.set_status(&subscription, status);
        let all = stripe.subscriptions(&customer).await.unwrap();
        assert_eq!(entitlement(&all, &offer, at(START), Basic).tier, server.fake.expected_plan(&customer), "{status}");
    }
    server.fake.hold_collection(&subscription, true);
    server.fake.advance(31 * DAY);
    let view = only(&stripe, &customer).await;
    assert_eq!((view.status.as_str(), view.pause_collection), ("active", true));
    let somebody = NewCustomer {
        user_id: UserId::new(at(START)),
        phone: "+15005550007".into(),
        name: Some("Somebody".into()),
        instead_of: None,
    };
    let other = stripe.make_customer(&somebody).await.unwrap();
    server.fake.subscribe(&other, "price_other");
    assert_eq!(server.fake.expected_plan(&other), Basic);
    server.fake.subscribe(&other, "price_pro");
    assert_eq!(server.fake.expected_plan(&other), Pro);
}

#[tokio::test]
async fn money_back_ends_nothing_and_a_dispute_names_its_charge() {
    let (server, stripe, customer, _) = subscriber().await;
    server.fake.refund(&customer, true);
    server.fake.dispute(&customer, None);
    server.fake.dispute(&customer, Some("lost"));
    assert_eq!(server.fake.expected_plan(&customer), Pro);
    let dispute = server.fake.events().pop().unwrap()["data"]["object"].clone();
    let charge = dispute["charge"].as_str().unwrap();
    assert_eq!((dispute["status"].as_str(), dispute.get("customer")), (Some("lost"), None));
    assert_eq!(stripe.customer_of_charge(charge).await.unwrap(), Some(customer));
}

#[tokio::test]
async fn its_pages_pay_manage_and_say_that_they_are_a_demo() {
    let server = start().await;
    let stripe = client(&server);
    let (customer, checkout) = shopper(&stripe).await;
    let http = pollux::providers::outbound::client(Duration::from_secs(1)).unwrap();
    let url = checkout.url.unwrap();
    let shown = http.get(&url).send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("This is a demo. It takes no money") && !shown.contains("<script"));
    let declined = http.post(&url).body("outcome=declined").send().await.unwrap();
    assert!((declined.status() == 402) && declined.text().await.unwrap().contains("declined"));
    let paid = http.post(&url).body("outcome=paid").send().await.unwrap();
    let target = format!("https://app.example.com/billing/return?session_id={}", checkout.id);
    assert_eq!((paid.status().as_u16(), paid.headers()["location"].to_str().unwrap()), (303, target.as_str()));
    assert_eq!(http.get(&url).send().await.unwrap().status(), 404);
    let portal = stripe.open_portal(&customer, "https://app.example.com/settings").await.unwrap();
    assert!(http.get(&portal).send().await.unwrap().text().await.unwrap().contains("This is a demo"));
    assert_eq!(http.post(&portal).body("action=cancel").send().await.unwrap().status(), 303);
    assert!(only(&stripe, &customer).await.will_end_at().is_some());
    http.post(&portal).body("action=renew").send().await.unwrap();
    assert_eq!(only(&stripe, &customer).await.will_end_at(), None);
}

#[tokio::test]
async fn the_judge_agrees_with_the_rules_through_random_lives() {
    let server = start().await;
    let (stripe, fake) = (client(&server), &server.fake);
    let offer = Offer { price_id: "price_pro", livemode: false, grace: None };
    let mut dice = rand::rngs::SmallRng::seed_from_u64(7);
    let mut plans = [0, 0];
    for _ in 0..40 {
        let somebody =
            NewCustomer { user_id: UserId::new(at(START)), phone: "+15005550007".into(), name: None, instead_of: None };
        let customer = stripe.make_customer(&somebody).await.unwrap();
        let mut subscription = fake.subscribe(&customer, "price_pro");
        for _ in 0..10 {
            match dice.random_range(0..9) {
                0 => fake.set_card(&subscription, false),
                1 => fake.set_card(&subscription, true),
                2 => fake.cancel_in_portal(&subscription),
                3 => fake.renew_in_portal(&subscription),
                4 => fake.refund(&customer, true),
                5 if fake.expected_plan(&customer) == Basic => subscription = fake.subscribe(&customer, "price_pro"),
                6 => drop(stripe.set_end(&subscription, End::AtPeriodEnd).await),
                7 => fake.advance(DAY * dice.random_range(1..40)),
                _ => fake.advance(20 * DAY),
            }
            let all = stripe.subscriptions(&customer).await.unwrap();
            let plan = entitlement(&all, &offer, at(START), Basic).tier;
            assert_eq!(plan, fake.expected_plan(&customer), "{all:?}");
            plans[usize::from(plan == Pro)] += 1;
        }
    }
    assert!(plans.iter().all(|count| *count > 50), "{plans:?}");
}
