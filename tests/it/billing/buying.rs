//! From the wish to buy to the plan, and that nobody pays twice.

use std::time::Duration;

use futures_util::future::join_all;
use pollux::domain::plan::Tier::{Basic, Pro};
use pollux::fakes::stripe::{Payment, Reply};
use serde_json::json;

use crate::harness::shop::{in_both_shops, plan, status};

in_both_shops! {
    async fn a_user_pays_and_the_next_request_is_on_the_plan(shop) {
        let user = shop.app.user().await;
        let opened = user.post("/subscribe/pro", json!({})).await.expect(200);
        let url = opened.body["checkout_url"].as_str().unwrap();
        assert!(url.starts_with(&shop.stripe.base_url()), "{url}");
        assert_eq!((plan(&user).await, status(&user).await.body["status"].clone()), (Basic, json!("none")));
        let session = opened.body["session_id"].as_str().unwrap();
        shop.fake().pay(session, Payment::Paid).unwrap();
        assert_eq!(plan(&user).await, Basic);
        assert!(shop.deliver().await.iter().all(|status| *status == 200));
        assert_eq!(plan(&user).await, Pro);
        let standing = status(&user).await.body;
        assert_eq!((standing["subscription_tier"].clone(), standing["status"].clone()), (json!("Pro"), json!("active")));
        assert_eq!(standing["current_period_end"], "2026-12-21T12:00:00.000Z");
        assert_eq!((standing["cancel_at_period_end"].clone(), standing["quota"]["limit"].clone()), (json!(false), json!(null)));
        user.post("/subscribe/pro", json!({})).await.expect_problem(409, "already_subscribed");
        assert_eq!(shop.calls("POST", "/v1/customers"), 1);
    }

    async fn an_open_page_is_given_again_and_by_get_too(shop) {
        let user = shop.app.user().await;
        let first = user.post("/subscribe/pro", json!({})).await.expect(200).body;
        assert_eq!(user.post("/subscribe/pro", json!({})).await.expect(200).body, first);
        assert_eq!(user.get("/subscribe/pro").await.expect(200).body, first);
        assert_eq!(user.get("/api/v1/subscribe/pro/").await.expect(200).body, first);
        assert_eq!((shop.calls("POST", "/v1/customers"), shop.calls("POST", "/v1/checkout/sessions")), (1, 1));
    }

    async fn fifty_starts_at_once_share_one_customer_and_one_page(shop) {
        let user = shop.app.user().await;
        let opened = join_all((0..50).map(|_| user.post("/subscribe/pro", json!({})))).await;
        let first = &opened[0].body;
        assert!(opened.iter().all(|answer| answer.status == 200 && answer.body == *first), "{opened:?}");
        assert_eq!(shop.app.count("select count(*) from customers").await, 1);
        assert_eq!(shop.app.count("select count(*) from checkouts").await, 1);
        let kept = |call: &&pollux::fakes::stripe::Call| call.path == "/v1/checkout/sessions" && call.status == 200;
        let calls = shop.fake().calls();
        let keys: std::collections::BTreeSet<_> = calls.iter().filter(kept).map(|call| call.idempotency_key.clone()).collect();
        assert_eq!(keys.len(), 1, "{keys:?}");
    }

    async fn another_page_is_opened_when_the_first_is_over(shop) {
        let user = shop.app.user().await;
        let first = shop.checkout(&user).await;
        shop.fake().expire(&first);
        let second = shop.checkout(&user).await;
        assert_ne!(first, second);
        shop.advance(Duration::from_mins(24 * 60 - 5));
        let third = shop.checkout(&user).await;
        assert_ne!(second, third);
        assert_eq!(shop.fake().pay(&second, Payment::Paid), None, "the old page can still be paid");
        shop.fake().pay(&third, Payment::Paid).unwrap();
        shop.deliver().await;
        assert_eq!(plan(&user).await, Pro);
    }

    async fn nobody_buys_twice_even_while_the_events_are_on_their_way(shop) {
        let (user, _) = shop.payer().await;
        user.post("/subscribe/pro", json!({})).await.expect_problem(409, "already_subscribed");
        // That look has told us.
        assert_eq!(plan(&user).await, Pro);
        assert_eq!(shop.app.count("select count(*) from subscriptions").await, 1);
    }

    async fn a_slow_payment_that_fails_leaves_the_way_open_for_another(shop) {
        let user = shop.app.user().await;
        let session = shop.checkout(&user).await;
        shop.fake().pay(&session, Payment::Later).unwrap();
        user.post("/subscribe/pro", json!({})).await.expect_problem(409, "already_subscribed");
        assert_eq!((plan(&user).await, status(&user).await.body["status"].clone()), (Basic, json!("incomplete")));
        shop.fake().settle_payment(&session, false);
        let second = shop.checkout(&user).await;
        assert_ne!(session, second);
        shop.fake().pay(&second, Payment::Paid).unwrap();
        shop.deliver().await;
        assert_eq!(plan(&user).await, Pro);
    }

    async fn who_comes_back_from_the_page_is_looked_at_before_any_event(shop) {
        let (user, _) = shop.payer().await;
        let session = shop.app.rows("select session_id from checkouts").await[0][0].clone();
        let page = shop.app.client().get(&format!("/success?session_id={session}")).await.expect(200);
        assert!(page.text.contains("Thank you") && page.header("content-type").starts_with("text/html"));
        shop.app.run_jobs().await;
        assert_eq!(plan(&user).await, Pro);
        shop.app.client().get("/success?session_id=cs_of_nobody").await.expect(200);
        shop.app.client().get("/cancel").await.expect(200);
    }

    async fn a_status_read_while_the_page_is_open_looks_every_five_seconds_and_no_oftener(shop) {
        let (user, _) = shop.payer().await;
        let reads = shop.calls("GET", "/v1/subscriptions");
        for _ in 0..20 {
            status(&user).await;
        }
        shop.app.run_jobs().await;
        assert_eq!(shop.calls("GET", "/v1/subscriptions"), reads + 1);
        assert_eq!(status(&user).await.body["subscription_tier"], "Pro");
        shop.advance(Duration::from_secs(6));
        status(&user).await;
        shop.app.run_jobs().await;
        assert_eq!(shop.calls("GET", "/v1/subscriptions"), reads + 1, "the checkout is over, nobody waits");
    }

    async fn a_failing_provider_changes_nothing_and_may_be_asked_again(shop) {
        let user = shop.app.user().await;
        for status in [400, 401, 402, 404] {
            shop.fake().then(Reply::json(status, &json!({"error": {"type": "invalid_request_error"}})));
            user.post("/subscribe/pro", json!({})).await.expect_problem(502, "payment_provider_error");
        }
        shop.fake().lose_next_answer();
        let opened = user.post("/subscribe/pro", json!({})).await;
        let session = if opened.status == 200 { opened.body["session_id"].as_str().unwrap().to_owned() } else { shop.checkout(&user).await };
        assert_eq!(shop.checkout(&user).await, session);
        assert_eq!(shop.app.count("select count(*) from customers").await, 1);
        shop.fake().pay(&session, Payment::Paid).unwrap();
        shop.deliver().await;
        assert_eq!(plan(&user).await, Pro);
    }

    async fn a_customer_that_the_provider_has_lost_is_made_anew(shop) {
        let user = shop.app.user().await;
        shop.checkout(&user).await;
        let lost = shop.customer(&user).await;
        shop.app.rows("select 1").await;
        shop.fake().forget_customer(&lost);
        let session = shop.checkout(&user).await;
        assert_ne!(shop.customer(&user).await, lost);
        shop.fake().pay(&session, Payment::Paid).unwrap();
        shop.deliver().await;
        assert_eq!(plan(&user).await, Pro);
    }

    async fn nothing_of_a_purchase_comes_from_the_request(shop) {
        let user = shop.app.user().await;
        for (member, value) in [
            ("price", json!("price_other")), ("price_id", json!("price_other")), ("user_id", json!("x")), ("currency", json!("inr")),
            ("success_url", json!("https://evil.example")), ("cancel_url", json!("https://evil.example")), ("customer", json!("cus_1")),
        ] {
            user.post("/subscribe/pro", json!({member: value})).await.expect_flaw(&format!("/{member}"), "unknown_member");
        }
        user.get("/subscribe/pro?price=price_other").await.expect_flaw("?price", "unknown_member");
        assert_eq!(shop.calls("POST", "/v1"), 0);
        shop.checkout(&user).await;
        let call = shop.fake().calls().into_iter().find(|call| call.path == "/v1/checkout/sessions").unwrap();
        let sent = |name: &str| call.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        assert_eq!(sent("line_items[0][price]").as_deref(), Some("price_pro"));
        let success = sent("success_url").unwrap();
        assert!(success.ends_with("/success?session_id={CHECKOUT_SESSION_ID}"), "{success}");
    }
}
