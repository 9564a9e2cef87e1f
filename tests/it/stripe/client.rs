//! The client's patience: what is tried again, what isn't, and that a change is made once whatever is lost.

use std::time::{Duration, Instant};

use pollux::fakes::stripe::{KeyOutcome, Reply};
use pollux::providers::payments::{End, EventQuery, PaymentFault, Payments as _};
use pollux::providers::payments_stripe::{Stripe, StripeSettings};

use super::{DAY, START, at, client, new_checkout, new_customer, settings, shopper, start};

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_under_the_same_key() {
    let server = start().await;
    server.fake.lose_next_answer();
    let customer = client(&server).make_customer(&new_customer()).await.unwrap();
    let calls = server.fake.calls();
    assert_eq!(
        calls.iter().map(|call| call.outcome).collect::<Vec<_>>(),
        [Some(KeyOutcome::New), Some(KeyOutcome::Replayed)]
    );
    assert_eq!(calls[0].idempotency_key, calls[1].idempotency_key);
    assert_eq!(client(&server).make_customer(&new_customer()).await.unwrap(), customer);
}

#[tokio::test]
async fn two_starts_at_once_open_one_page() {
    let server = start().await;
    let stripe = client(&server);
    let customer = stripe.make_customer(&new_customer()).await.unwrap();
    server.fake.slow_next(Duration::from_millis(30));
    let stripe =
        Stripe::new(StripeSettings { backoff: Duration::from_millis(60), ..settings(server.base_url()) }).unwrap();
    let wanted = new_checkout(&customer, "attempt-1");
    let (one, other) = tokio::join!(stripe.open_checkout(&wanted), async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        stripe.open_checkout(&wanted).await
    });
    assert_eq!(one.unwrap().id, other.unwrap().id);
    assert!(server.fake.calls().iter().any(|call| call.outcome == Some(KeyOutcome::InFlight)));
}

#[tokio::test]
async fn the_same_key_for_another_change_is_refused() {
    let server = start().await;
    let stripe = client(&server);
    let (customer, _) = shopper(&stripe).await;
    let mut other = new_checkout(&customer, "attempt-1");
    other.cancel_url.push_str("/elsewhere");
    let refused = stripe.open_checkout(&other).await.unwrap_err();
    assert_eq!(refused.fault, PaymentFault::Refused);
    assert!(refused.note.starts_with("status 400 idempotency_error req_"), "{}", refused.note);
}

#[tokio::test]
async fn what_the_header_says_about_repeating_wins_over_the_status() {
    for (status, header, calls) in [
        (500, "true", 3),
        (500, "false", 1),
        (503, "", 3),
        (429, "", 3),
        (429, "false", 1),
        (400, "true", 3),
        (402, "", 1),
    ] {
        let server = start().await;
        for _ in 0..4 {
            let reply = Reply::new(status, "text/html", "<html>no</html>");
            server.fake.then(if header.is_empty() { reply } else { reply.header("stripe-should-retry", header) });
        }
        client(&server).price("price_pro").await.unwrap_err();
        assert_eq!(server.fake.calls().len(), calls, "{status} {header}");
    }
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_left_to_the_caller() {
    let server = start().await;
    server.fake.then(Reply::new(429, "application/json", "{}").header("retry-after", "60"));
    let failure = client(&server).price("price_pro").await.unwrap_err();
    assert_eq!((failure.fault, failure.retry_after), (PaymentFault::Away, Some(Duration::from_mins(1))));
    assert_eq!(server.fake.calls().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = start().await;
    server.fake.then(Reply::new(302, "text/html", "").header("location", "/v1/prices/price_pro"));
    let failure = client(&server).price("price_pro").await.unwrap_err();
    assert_eq!((failure.fault, failure.note.as_str()), (PaymentFault::Away, "status 302"));
    assert_eq!(server.fake.calls().len(), 1);
}

#[tokio::test]
async fn nobody_waits_longer_than_the_limit() {
    let server = start().await;
    server.fake.slow_next(Duration::from_secs(5));
    let total = Duration::from_millis(100);
    let stripe = Stripe::new(StripeSettings { total, ..settings(server.base_url()) }).unwrap();
    let began = Instant::now();
    let failure = stripe.price("price_pro").await.unwrap_err();
    assert_eq!((failure.fault, failure.note.as_str()), (PaymentFault::Away, "no answer in time"));
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn nobody_there_is_away() {
    let stripe = Stripe::new(settings("http://127.0.0.1:1".into())).unwrap();
    let failure = stripe.price("price_pro").await.unwrap_err();
    assert_eq!((failure.fault, failure.note.as_str()), (PaymentFault::Away, "no connection"));
}

#[tokio::test]
async fn a_success_that_is_no_json_is_away() {
    let server = start().await;
    server.fake.then(Reply::new(200, "text/html", "<html>hello</html>"));
    assert_eq!(client(&server).price("price_pro").await.unwrap_err().fault, PaymentFault::Away);
}

#[tokio::test]
async fn an_id_never_changes_the_path() {
    let server = start().await;
    for id in ["", "..", "a/b", "a?b", "sub_1#", "%2e%2e"] {
        assert_eq!(client(&server).set_end(id, End::Now).await.unwrap_err().fault, PaymentFault::NotFound, "{id}");
    }
    assert_eq!(server.fake.calls(), []);
}

#[test]
fn keys_and_addresses_that_could_never_be_sent_are_refused() {
    for (base, key) in
        [("ftp://x", "sk"), ("nowhere", "sk"), ("http://x?y", "sk"), ("http://x", ""), ("http://x", "a\nb")]
    {
        let settings = StripeSettings { base_url: base.into(), ..StripeSettings::new(key.into()) };
        assert!(Stripe::new(settings).is_err(), "{base} {key}");
    }
    let stripe = Stripe::new(StripeSettings::new("sk_test_hidden".into())).unwrap();
    assert!(!format!("{stripe:?}").contains("hidden"));
}

#[tokio::test]
async fn more_than_a_page_of_subscriptions_is_read_to_its_end() {
    let server = start().await;
    let stripe = client(&server);
    let customer = stripe.make_customer(&new_customer()).await.unwrap();
    let made: Vec<_> = (0..205).map(|_| server.fake.subscribe(&customer, "price_pro")).collect();
    let mut read: Vec<_> = stripe.subscriptions(&customer).await.unwrap().into_iter().map(|view| view.id).collect();
    read.reverse();
    assert_eq!(read, made);
    assert_eq!(server.fake.calls().len(), 1 + 3);
}

#[tokio::test]
async fn a_deleted_customer_has_nothing_and_an_unknown_one_is_an_error() {
    let server = start().await;
    let stripe = client(&server);
    let customer = stripe.make_customer(&new_customer()).await.unwrap();
    server.fake.subscribe(&customer, "price_pro");
    server.fake.delete_customer(&customer);
    assert_eq!(stripe.subscriptions(&customer).await, Ok(vec![]));
    assert_eq!(stripe.subscriptions("cus_wrong").await.unwrap_err().fault, PaymentFault::NotFound);
}

#[tokio::test]
async fn lost_events_are_found_by_the_list() {
    let server = start().await;
    let stripe = client(&server);
    let customer = stripe.make_customer(&new_customer()).await.unwrap();
    server.fake.subscribe(&customer, "price_pro");
    server.fake.empty_post();
    let query = EventQuery { since: at(START) - DAY, only_undelivered: true };
    let found = stripe.events(&query).await.unwrap();
    let types: Vec<_> = found.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(types, ["customer.subscription.updated", "invoice.paid", "customer.subscription.created"]);
    assert!(found.iter().all(|event| event.customer_id.as_deref() == Some(&customer)));
    let later = EventQuery { since: at(START) + DAY, only_undelivered: true };
    assert_eq!(stripe.events(&later).await, Ok(vec![]));
}
