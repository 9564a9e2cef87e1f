//! Every recorded exchange, served byte for byte, and what the client makes of it.

use std::collections::BTreeSet;

use pollux::domain::subscription::{Status, SubscriptionView};
use pollux::domain::time::Clock;
use pollux::fakes::stripe::{Call, FakeStripe, FakeStripeSettings, Reply, RunningStripe};
use pollux::providers::payments::{CheckoutStatus, End, PaymentFault, Payments as _, Price};
use pollux::providers::payments_stripe::{API_VERSION, Stripe};
use serde_json::Value;

use super::{CONTRACT, KEY, at, client, new_checkout, new_customer, read, start, user};

const CUSTOMER: &str = "cus_TExampleUser01";
const SUB: &str = "sub_1TExampleSub000000000001";
const SESSION: &str = "cs_test_a1TExampleSession000000000000000000000000000000000001";
const PRICE: &str = "price_1TExampleProMonthly01";

fn reply(name: &str) -> Reply {
    let file = read(&format!("responses/{name}.json"));
    with_headers(&file, serde_json::to_vec_pretty(&file["body"]).unwrap())
}

fn with_headers(file: &Value, body: Vec<u8>) -> Reply {
    let status = u16::try_from(file["status"].as_u64().unwrap()).unwrap();
    let headers = file["headers"].as_object().unwrap();
    let reply = Reply::new(status, headers["content-type"].as_str().unwrap(), body);
    let others = headers.iter().filter(|(name, _)| *name != "content-type");
    others.fold(reply, |reply, (name, value)| reply.header(name, value.as_str().unwrap()))
}

async fn serve(name: &str) -> (RunningStripe, Stripe) {
    let server = start().await;
    // Twice more than needed: a call that is tried again meets the same answer.
    for _ in 0..3 {
        server.fake.then(reply(name));
    }
    let stripe = client(&server);
    (server, stripe)
}

/// What was sent is what was recorded, where the record has a request.
fn assert_sent(name: &str, server: &RunningStripe) {
    let call: Call = server.fake.calls().remove(0);
    let request = &read(&format!("responses/{name}.json"))["request"];
    let path = request["path"].as_str().unwrap().split('?').next().unwrap();
    assert_eq!((call.method.as_str(), call.path.as_str()), (request["method"].as_str().unwrap(), path));
    assert_eq!((call.key.as_str(), call.version.as_str()), (KEY, API_VERSION));
    if let Some(key) = request["headers"].get("idempotency-key") {
        assert_eq!(call.idempotency_key.as_deref(), key.as_str());
    }
    assert_eq!(call.idempotency_key.is_some(), call.method == "POST");
    let sent: BTreeSet<_> = call.form.into_iter().collect();
    let recorded: Vec<(String, String)> = serde_json::from_value(request["form"].clone()).unwrap_or_default();
    assert_eq!(sent, recorded.into_iter().collect());
}

#[tokio::test]
async fn a_customer_is_made() {
    let (server, stripe) = serve("customer_create__200").await;
    assert_eq!(stripe.make_customer(&new_customer()).await.unwrap(), CUSTOMER);
    assert_sent("customer_create__200", &server);
}

#[tokio::test]
async fn a_checkout_is_opened_and_opened_again() {
    let mut wanted = new_checkout(CUSTOMER, "checkout-0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11-1");
    wanted.price_id = PRICE.into();
    for name in ["checkout_session_create__200", "checkout_session_create__200_idempotent_replay"] {
        let (server, stripe) = serve(name).await;
        let checkout = stripe.open_checkout(&wanted).await.unwrap();
        assert_eq!((checkout.id.as_str(), checkout.status, checkout.is_paid), (SESSION, CheckoutStatus::Open, false));
        assert_eq!(checkout.url.unwrap(), format!("https://checkout.stripe.com/c/pay/{SESSION}"));
        assert_eq!((checkout.expires_at, checkout.user_id), (at(1_795_341_480), Some(user())));
        assert_eq!((checkout.customer_id.as_deref(), checkout.subscription_id), (Some(CUSTOMER), None));
        assert_sent("checkout_session_create__200", &server);
    }
}

#[tokio::test]
async fn a_checkout_is_seen_and_closed() {
    let (server, stripe) = serve("checkout_session_retrieve__200_complete").await;
    let checkout = stripe.checkout(SESSION).await.unwrap();
    assert_eq!((checkout.status, checkout.is_paid, checkout.url), (CheckoutStatus::Complete, true, None));
    assert_eq!(checkout.subscription_id.as_deref(), Some(SUB));
    assert_sent("checkout_session_retrieve__200_complete", &server);

    let (server, stripe) = serve("checkout_session_expire__200").await;
    let checkout = stripe.expire_checkout(SESSION).await.unwrap();
    assert_eq!((checkout.status, checkout.url), (CheckoutStatus::Expired, None));
    assert_sent("checkout_session_expire__200", &server);
}

#[tokio::test]
async fn a_portal_is_opened() {
    let (server, stripe) = serve("billing_portal_session_create__200").await;
    let url = stripe.open_portal(CUSTOMER, "https://app.example.com/settings").await.unwrap();
    assert_eq!(url, "https://billing.stripe.com/p/session/test_example");
    assert_sent("billing_portal_session_create__200", &server);
}

fn statuses(views: &[SubscriptionView]) -> Vec<(&str, &str)> {
    views.iter().map(|view| (view.id.as_str(), view.status.as_str())).collect()
}

#[tokio::test]
async fn lists_of_subscriptions_are_read_whole() {
    let second = "sub_1TExampleSub000000000002";
    for (name, expected) in [
        ("subscription_list__200_empty", vec![]),
        ("subscription_list__200_one", vec![(SUB, "active")]),
        ("subscription_list__200_two", vec![(second, "active"), (SUB, "canceled")]),
    ] {
        let (server, stripe) = serve(name).await;
        let mut views = stripe.subscriptions(CUSTOMER).await.unwrap();
        views.sort_by_key(|view| std::cmp::Reverse(view.created));
        assert_eq!(statuses(&views), expected, "{name}");
        let form = [("customer", CUSTOMER), ("status", "all"), ("limit", "100")];
        assert_eq!(server.fake.calls()[0].form, form.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(server.fake.calls()[0].path, "/v1/subscriptions");
    }
}

#[tokio::test]
async fn a_customer_said_to_be_deleted_has_no_subscriptions() {
    let server = start().await;
    server.fake.then(reply("error__400_no_such_customer"));
    server.fake.then(reply("customer_retrieve__200_deleted"));
    assert_eq!(client(&server).subscriptions(CUSTOMER).await, Ok(vec![]));
}

#[tokio::test]
async fn an_end_is_set_taken_back_or_made_at_once() {
    for (name, end, is_recorded) in [
        ("subscription_update__200_cancel_at_period_end", End::AtPeriodEnd, true),
        ("subscription_cancel_now__200", End::Now, true),
        ("subscription_retrieve__200_active", End::Never, false),
        ("subscription_retrieve__200_active_cancel_scheduled", End::AtPeriodEnd, false),
        ("subscription_retrieve__200_past_due", End::Never, false),
        ("subscription_retrieve__200_canceled", End::Never, false),
    ] {
        let (server, stripe) = serve(name).await;
        let view = stripe.set_end(SUB, end).await.unwrap();
        let body = &read(&format!("responses/{name}.json"))["body"];
        assert_eq!(view.id, SUB);
        assert_eq!(view.status, Status::parse(body["status"].as_str().unwrap()), "{name}");
        assert_eq!(view.cancel_at, body["cancel_at"].as_i64().map(at), "{name}");
        assert_eq!(Some(view.cancel_at_period_end), body["cancel_at_period_end"].as_bool(), "{name}");
        assert_eq!(server.fake.calls().len(), 1, "{name}");
        if is_recorded {
            assert_sent(name, &server);
        }
    }
}

#[tokio::test]
async fn a_price_is_read_and_found_by_its_lookup_key() {
    let file = read("responses/price_list_by_lookup_key__200.json");
    let server = start().await;
    server.fake.then(with_headers(&file, serde_json::to_vec_pretty(&file["body"]["data"][0]).unwrap()));
    let expected = Price {
        id: PRICE.into(),
        is_active: true,
        is_recurring: true,
        currency: "usd".into(),
        unit_amount: Some(2_000),
        livemode: false,
    };
    assert_eq!(client(&server).price(PRICE).await, Ok(expected));

    let settings = FakeStripeSettings { price_id: PRICE.into(), ..FakeStripeSettings::new(Clock::System) };
    let server = FakeStripe::start(settings).await.unwrap();
    let url = format!("{}{}", server.base_url(), file["request"]["path"].as_str().unwrap());
    let http = pollux::providers::outbound::client(std::time::Duration::from_secs(1)).unwrap();
    let answer = http.get(url).bearer_auth(KEY).header("stripe-version", API_VERSION).send().await.unwrap();
    let listed: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(listed["data"][0]["id"], file["body"]["data"][0]["id"]);
}

#[tokio::test]
async fn every_recorded_error_is_sorted_and_its_text_kept_out_of_the_log() {
    use PaymentFault::{Away, Misconfigured, NotFound, Refused};
    for (name, fault, calls, note) in [
        ("400_idempotency_mismatch", Refused, 1, "status 400 idempotency_error req_TExample0025"),
        (
            "400_missing_param",
            Refused,
            1,
            "status 400 invalid_request_error parameter_missing line_items req_TExample0020",
        ),
        (
            "400_no_such_customer",
            NotFound,
            1,
            "status 400 invalid_request_error resource_missing customer req_TExample0022",
        ),
        (
            "400_no_such_price",
            Misconfigured,
            1,
            "status 400 invalid_request_error resource_missing line_items[0][price] req_TExample0021",
        ),
        ("400_unknown_param", Refused, 1, "status 400 invalid_request_error parameter_unknown foo req_TExample0024"),
        ("401_bad_key", Misconfigured, 1, "status 401 invalid_request_error req_TExample0018"),
        ("401_no_key", Misconfigured, 1, "status 401 invalid_request_error req_TExample0019"),
        ("402_card_declined", Refused, 1, "status 402 card_error card_declined req_TExample0027"),
        ("403_permission", Misconfigured, 1, "status 403 invalid_request_error req_TExample0028"),
        (
            "404_no_such_subscription",
            NotFound,
            1,
            "status 404 invalid_request_error resource_missing id req_TExample0023",
        ),
        (
            "409_idempotency_in_flight",
            Away,
            3,
            "status 409 invalid_request_error idempotency_key_in_use req_TExample0026",
        ),
        ("429_lock_timeout", Away, 3, "status 429 invalid_request_error lock_timeout req_TExample0030"),
        ("429_rate_limit", Away, 3, "status 429 invalid_request_error rate_limit req_TExample0029"),
        ("500_api_error", Away, 1, "status 500 api_error req_TExample0031"),
    ] {
        let (server, stripe) = serve(&format!("error__{name}")).await;
        let failure = stripe.set_end(SUB, End::AtPeriodEnd).await.unwrap_err();
        assert_eq!((failure.fault, failure.note.as_str()), (fault, note), "{name}");
        let asked = server.fake.calls();
        assert_eq!(asked.len(), calls, "{name}");
        assert!(asked.iter().all(|call| call.idempotency_key == asked[0].idempotency_key));
    }
}

#[test]
fn every_recorded_exchange_is_named_in_a_test() {
    let files = std::fs::read_dir(format!("{CONTRACT}/responses")).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let source = include_str!("exchanges.rs");
    for name in &names {
        let name = name.trim_end_matches(".json").trim_start_matches("error__");
        let is_named = source.contains(&format!("\"{name}\"")) || source.contains(&format!("/{name}.json\""));
        assert!(is_named, "{name}");
    }
    assert_eq!(names.len(), 31);
}
