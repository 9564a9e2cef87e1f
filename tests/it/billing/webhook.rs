//! The door for events: who is believed, what is stored, and what follows.

use std::time::Duration;

use futures_util::future::join_all;
use pollux::domain::plan::Tier::{Basic, Pro};
use pollux::providers::payments_stripe::signature::sign;
use serde_json::{Value, json};

use crate::harness::client::{Answer, Client};
use crate::harness::shop::{SECRET, Shop, in_both_shops, plan};
use crate::harness::work::until;
use crate::harness::{Engine, NOON, TestApp, on_both_engines};

/// Sends a body with a header, as the provider would.
async fn send(client: &Client, signature: &str, body: &[u8]) -> Answer {
    let request = client.request(reqwest::Method::POST, "/webhook/stripe").header("stripe-signature", signature);
    client.send(request.header("content-type", "application/json; charset=utf-8").body(body.to_vec())).await
}

async fn send_signed(client: &Client, event: &Value) -> Answer {
    let body = serde_json::to_vec_pretty(event).unwrap();
    send(client, &sign(SECRET, &body, NOON), &body).await
}

fn event(id: &str, customer: &str) -> Value {
    json!({
        "id": id, "object": "event", "type": "customer.subscription.updated", "created": NOON.as_secs(), "livemode": false,
        "data": {"object": {"id": "sub_1", "object": "subscription", "customer": customer, "status": "active"}},
    })
}

/// Forty ways to be nobody: header and body.
fn forgeries(body: &[u8]) -> Vec<(String, String, Vec<u8>)> {
    let seconds = NOON.as_secs();
    let right = sign(SECRET, body, NOON);
    let v1 = right.split_once("v1=").unwrap().1.to_owned();
    let mut all: Vec<(&str, String)> = vec![
        ("no header at all", String::new()),
        ("a time alone", format!("t={seconds}")),
        ("a signature alone", format!("v1={v1}")),
        ("an empty signature", format!("t={seconds},v1=")),
        ("another scheme", format!("t={seconds},v0={v1}")),
        ("a later scheme", format!("t={seconds},v2={v1}")),
        ("a signature cut short", format!("t={seconds},v1={}", &v1[..63])),
        ("a signature with more behind", format!("t={seconds},v1={v1}0")),
        ("capital digits", format!("t={seconds},v1={}", v1.to_uppercase())),
        ("another time", format!("t={},v1={v1}", seconds + 1)),
        ("two times", format!("t={seconds},t={seconds},v1={v1}")),
        ("a time in words", format!("t=now,v1={v1}")),
        ("a signed time", format!("t=+{seconds},v1={v1}")),
        ("a time with a blank", format!("t= {seconds},v1={v1}")),
        ("a negative time", format!("t=-{seconds},v1={v1}")),
        ("a time beyond all bounds", format!("t={},v1={v1}", "9".repeat(40))),
        ("an old letter", sign(SECRET, body, NOON - Duration::from_secs(301))),
        ("a very old letter", sign(SECRET, body, NOON - Duration::from_hours(24 * 30))),
        ("a letter from the future", sign(SECRET, body, NOON + Duration::from_secs(301))),
        ("seconds as milliseconds", format!("t={seconds}000,v1={v1}")),
        ("the empty secret", sign("", body, NOON)),
        ("another secret", sign("whsec_another", body, NOON)),
        ("the secret without its prefix", sign(&SECRET["whsec_".len()..], body, NOON)),
        ("the secret in capitals", sign(&SECRET.to_uppercase(), body, NOON)),
        ("the secret with a blank", sign(&format!("{SECRET} "), body, NOON)),
        ("the API key as the secret", sign("sk_test_a1b2c3d4e5f6", body, NOON)),
        ("nine signatures, one of them right", format!("t={seconds}{},v1={v1}", ",v1=00".repeat(8))),
        ("a header of more than a KiB", format!("{right},x={}", "y".repeat(1_100))),
        ("semicolons", right.replace(',', ";")),
        ("JSON", json!({"t": seconds, "v1": v1}).to_string()),
        ("base64", format!("t={seconds},v1=3q2+7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")),
        ("a bearer token", format!("Bearer {v1}")),
        ("null", "null".to_owned()),
    ];
    all.push(("the signature of nothing", sign(SECRET, b"", NOON)));
    let mut all: Vec<_> = all.into_iter().map(|(what, header)| (what.to_owned(), header, body.to_vec())).collect();
    let changed = |what: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut body = body.to_vec();
        change(&mut body);
        (what.to_owned(), right.clone(), body)
    };
    all.push(changed("one byte more", &|body| body.push(b'\n')));
    all.push(changed("one byte less", &|body| body.truncate(body.len() - 1)));
    all.push(changed("one bit turned", &|body| body[40] ^= 1));
    all.push(changed("another customer", &|body| {
        *body = String::from_utf8(body.clone()).unwrap().replace("cus_", "cux_").into_bytes();
    }));
    all.push(changed("written anew", &|body| {
        *body = serde_json::from_slice::<Value>(body).unwrap().to_string().into_bytes();
    }));
    all.push(changed("no body", &|body| body.clear()));
    all
}

in_both_shops! {
    async fn forty_forgeries_are_refused_and_leave_nothing(shop) {
        let (user, _) = shop.payer().await;
        let customer = shop.customer(&user).await;
        let body = serde_json::to_vec_pretty(&event("evt_forged", &customer)).unwrap();
        let forgeries = forgeries(&body);
        assert_eq!(forgeries.len(), 40);
        for (what, header, body) in forgeries {
            let answer = send(&shop.app.client(), &header, &body).await;
            assert_eq!((answer.status, answer.code()), (400, "webhook_signature_invalid"), "{what}: {}", answer.text);
        }
        let twice = shop.app.client().request(reqwest::Method::POST, "/webhook/stripe")
            .header("stripe-signature", sign(SECRET, &body, NOON)).header("stripe-signature", sign(SECRET, &body, NOON));
        user.send(twice.body(body.clone())).await.expect_problem(400, "webhook_signature_invalid");
        shop.app.run_jobs().await;
        assert_eq!(plan(&user).await, Basic);
        assert_eq!(shop.app.count("select count(*) from billing_events").await, 0);
        // The same body, rightly signed, is believed: the net has no hole in the other direction.
        send(&shop.app.client(), &sign(SECRET, &body, NOON), &body).await.expect(200);
        shop.app.run_jobs().await;
        assert_eq!(plan(&user).await, Pro);
    }

    async fn what_is_signed_and_is_no_event_is_refused(shop) {
        let client = shop.app.client();
        let odd = [
            b"".to_vec(), b"no".to_vec(), b"[]".to_vec(), b"null".to_vec(), b"{}".to_vec(), b"\xff\xfe".to_vec(),
            json!({"id": "evt_1"}).to_string().into_bytes(), json!({"type": "invoice.paid", "created": 1}).to_string().into_bytes(),
            json!({"id": 1, "type": "invoice.paid", "created": 1}).to_string().into_bytes(),
            json!({"id": "", "type": "invoice.paid", "created": 1}).to_string().into_bytes(),
            json!({"id": "evt 1", "type": "invoice.paid", "created": 1}).to_string().into_bytes(),
        ];
        for body in odd {
            send(&client, &sign(SECRET, &body, NOON), &body).await.expect_problem(400, "webhook_payload_invalid");
        }
        let mut live = event("evt_live", "cus_1");
        live["livemode"] = json!(true);
        send_signed(&client, &live).await.expect_problem(400, "webhook_payload_invalid");
        assert_eq!(shop.app.count("select count(*) from billing_events").await, 0);
    }

    async fn a_body_may_have_half_a_mebibyte_and_not_a_byte_more(shop) {
        let client = shop.app.client();
        let mut large = event("evt_large", "cus_1");
        large["pad"] = json!("");
        let room = 512 * 1024 - large.to_string().len();
        large["pad"] = json!("x".repeat(room));
        let body = large.to_string().into_bytes();
        assert_eq!(body.len(), 512 * 1024);
        send(&client, &sign(SECRET, &body, NOON), &body).await.expect(200);
        let body = [body, vec![b' ']].concat();
        send(&client, &sign(SECRET, &body, NOON), &body).await.expect_problem(413, "body_too_large");
    }

    async fn an_event_is_taken_once_however_often_and_at_once_it_comes(shop) {
        let (user, _) = shop.payer().await;
        let customer = shop.customer(&user).await;
        let told = event("evt_often", &customer);
        let answers = join_all((0..40).map(|_| async { send_signed(&shop.app.client(), &told).await.status })).await;
        assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
        assert_eq!(shop.app.count("select count(*) from billing_events").await, 1);
        assert_eq!(shop.app.count("select count(*) from jobs where kind = 'sync_customer'").await, 1);
        let reads = shop.calls("GET", "/v1/subscriptions");
        shop.app.run_jobs().await;
        assert_eq!((shop.calls("GET", "/v1/subscriptions"), plan(&user).await), (reads + 1, Pro));
        send_signed(&shop.app.client(), &told).await.expect(200);
        assert_eq!(shop.app.count("select count(*) from jobs").await, 0);
    }

    async fn the_event_itself_is_not_believed_only_the_provider(shop) {
        let user = shop.app.user().await;
        shop.checkout(&user).await;
        let customer = shop.customer(&user).await;
        let mut told = event("evt_liar", &customer);
        told["type"] = json!("checkout.session.completed");
        told["data"]["object"]["items"] = json!({"data": [{"price": {"id": "price_pro"}}]});
        send_signed(&shop.app.client(), &told).await.expect(200);
        shop.app.run_jobs().await;
        assert_eq!(plan(&user).await, Basic);
    }

    async fn what_is_not_for_us_is_kept_and_changes_nothing(shop) {
        let user = shop.app.user().await;
        let id = crate::harness::user_id(&user).await.to_string();
        let stranger = shop.fake().stranger();
        shop.fake().subscribe(&stranger, "price_pro");
        let mut told = event("evt_stranger", &stranger);
        told["data"]["object"]["metadata"] = json!({"user_id": id});
        told["data"]["object"]["client_reference_id"] = json!(id);
        let mut thin = json!({"id": "evt_thin", "object": "v2.core.event", "type": "v1.billing.meter", "created": "2026-11-21T12:00:00Z", "livemode": false});
        thin["related_object"] = json!({"id": "x", "type": "y", "url": "/z"});
        let mut unknown = event("evt_unknown", &stranger);
        unknown["type"] = json!("radar.early_fraud_warning.created");
        for event in [&told, &thin, &unknown] {
            assert_eq!(send_signed(&shop.app.client(), event).await.expect(200).body, json!({"received": true}));
        }
        assert_eq!(shop.app.count("select count(*) from billing_events").await, 3);
        assert_eq!(shop.app.count("select count(*) from jobs").await, 0);
        assert_eq!((plan(&user).await, shop.app.count("select count(*) from customers").await), (Basic, 0));
        let noted = "select count(*) from security_events where kind = 'foreign_customer'";
        assert_eq!(shop.app.count(noted).await, 1);
    }

    async fn a_dispute_is_followed_from_its_charge_to_its_customer(shop) {
        let (user, subscription) = shop.subscriber().await;
        let customer = shop.customer(&user).await;
        shop.fake().set_status(&subscription, "canceled");
        shop.fake().empty_post();
        shop.fake().dispute(&customer, None);
        shop.deliver().await;
        assert_eq!(plan(&user).await, Basic);
        assert_eq!(shop.calls("GET", "/v1/charges/"), 1);
    }

    async fn the_provider_being_away_only_delays_what_follows(shop) {
        let (user, _) = shop.payer().await;
        for _ in 0..3 {
            shop.fake().then(pollux::fakes::stripe::Reply::json(503, &json!({})).header("stripe-should-retry", "false"));
        }
        shop.deliver().await;
        for _ in 0..8 {
            shop.advance(Duration::from_mins(2));
            shop.app.run_jobs().await;
        }
        assert_eq!(plan(&user).await, Pro);
    }
}

on_both_engines! {
    async fn without_a_secret_nothing_is_taken_and_nothing_is_sold(app) {
        let user = app.user().await;
        for settings in [&[("PAYMENTS", "off")][..], &[
            ("PAYMENTS", "stripe"), ("STRIPE_SECRET_KEY", "sk_test_a1b2c3d4e5f6"), ("STRIPE_PRICE_ID_PRO", "price_pro"),
        ]] {
            let app = TestApp::start_with(Engine::Sqlite, settings).await;
            let buyer = app.user().await;
            let body = serde_json::to_vec(&event("evt_1", "cus_1")).unwrap();
            for secret in ["", "null", "whsec_", SECRET] {
                send(&app.client(), &sign(secret, &body, NOON), &body).await.expect_problem(503, "billing_not_configured");
            }
            buyer.post("/subscribe/pro", json!({})).await.expect_problem(503, "billing_not_configured");
            for route in ["sync", "portal", "cancel", "resume"] {
                buyer.post(&format!("/subscription/{route}"), json!({})).await.expect_problem(503, "billing_not_configured");
            }
            assert_eq!(buyer.get("/subscription/status").await.expect(200).body["subscription_tier"], "Basic");
            assert_eq!((plan(&buyer).await, app.count("select count(*) from billing_events").await), (Basic, 0));
        }
        user.post("/subscribe/pro", json!({})).await.expect_problem(503, "billing_not_configured");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_seen_within_fifty_milliseconds_of_its_event() {
    let shop = Shop::open(Engine::Sqlite).await;
    let ending = tokio_util::sync::CancellationToken::new();
    let app = shop.app.house.app.clone();
    let worker = tokio::spawn(pollux::worker::run(app, ending.clone(), ending.clone(), Duration::from_secs(1)));
    let mut spans = Vec::new();
    for _ in 0..9 {
        let (user, _) = shop.payer().await;
        let customer = shop.customer(&user).await;
        shop.fake().empty_post();
        let told = event(&format!("evt_{customer}"), &customer);
        plan(&user).await;
        send_signed(&shop.app.client(), &told).await.expect(200);
        let told_at = std::time::Instant::now();
        while plan(&user).await == Basic {
            assert!(told_at.elapsed() < Duration::from_secs(5), "the plan never came");
        }
        spans.push(told_at.elapsed());
    }
    spans.sort();
    // The median: this machine may be busy with other tests.
    assert!(spans[4] < Duration::from_millis(50), "{spans:?}");
    ending.cancel();
    worker.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_does_not_wait_behind_long_replies() {
    let shop = Shop::open_with(Engine::Sqlite, &[("WORKER_CONCURRENCY", "2")]).await;
    shop.app.model.otherwise(pollux::providers::model_demo::DemoAct::Hang { after_words: 0 });
    let ending = tokio_util::sync::CancellationToken::new();
    let app = shop.app.house.app.clone();
    let worker = tokio::spawn(pollux::worker::run(app, ending.clone(), ending.clone(), Duration::ZERO));
    let talker = shop.app.user().await;
    for _ in 0..2 {
        talker.say(&talker.room().await, "Talk for ever.").await.expect(202);
    }
    until(Duration::from_secs(10), "two replies", || async { (shop.app.model.running() == 2).then_some(()) }).await;
    let (user, _) = shop.payer().await;
    shop.fake().deliver().await;
    until(Duration::from_secs(5), "the plan", || async { (plan(&user).await == Pro).then_some(()) }).await;
    assert_eq!(shop.app.model.running(), 2);
    ending.cancel();
    worker.await.unwrap();
}
