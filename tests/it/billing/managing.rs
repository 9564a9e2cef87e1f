//! Portal, cancel, resume, sync, closing an account, and plans that are not ours.

use std::time::Duration;

use pollux::domain::plan::Tier::{Basic, Pro};
use pollux::fakes::stripe::{Payment, Reply};
use pollux::services::subscriptions;
use serde_json::json;

use crate::harness::shop::{in_both_shops, plan, status};
use crate::harness::user_id;

const DAY: Duration = Duration::from_hours(24);

in_both_shops! {
    async fn who_never_bought_has_nothing_to_manage(shop) {
        let user = shop.app.user().await;
        for route in ["portal", "cancel", "resume"] {
            user.post(&format!("/subscription/{route}"), json!({})).await.expect_problem(404, "not_found");
        }
        let synced = user.post("/subscription/sync", json!({})).await.expect(200).body;
        assert_eq!((synced["subscription_tier"].as_str(), synced["status"].as_str()), (Some("Basic"), Some("none")));
        assert_eq!(shop.fake().calls().len(), 0);
    }

    async fn a_cancelled_plan_lasts_to_the_end_and_may_be_taken_back(shop) {
        let (user, subscription) = shop.subscriber().await;
        for _ in 0..2 {
            let ended = user.post("/subscription/cancel", json!({})).await.expect(200).body;
            assert_eq!(ended["subscription_tier"], "Pro");
            assert_eq!((ended["cancel_at_period_end"].as_bool(), ended["ends_at"].clone()), (Some(true), ended["current_period_end"].clone()));
        }
        assert_eq!(shop.calls("POST", "/v1/subscriptions/"), 1, "an end that is set is not set again");
        for _ in 0..2 {
            let resumed = user.post("/subscription/resume", json!({})).await.expect(200).body;
            assert_eq!((resumed["cancel_at_period_end"].as_bool(), resumed["ends_at"].as_str()), (Some(false), None));
        }
        // The portal of flexible billing sets the moment alone; that is taken back as well.
        shop.fake().cancel_in_portal(&subscription);
        assert_eq!(user.post("/subscription/sync", json!({})).await.expect(200).body["cancel_at_period_end"], true);
        assert_eq!(user.post("/subscription/resume", json!({})).await.expect(200).body["cancel_at_period_end"], false);
        user.post("/subscription/cancel", json!({})).await.expect(200);
        shop.advance(30 * DAY);
        shop.deliver().await;
        let user = shop.app.client().sign_in(&user.mobile).await;
        assert_eq!((plan(&user).await, status(&user).await.body["status"].clone()), (Basic, json!("canceled")));
        user.post("/subscription/cancel", json!({})).await.expect_problem(404, "not_found");
        let session = shop.checkout(&user).await;
        shop.fake().pay(&session, Payment::Paid).unwrap();
        shop.deliver().await;
        assert_eq!(plan(&user).await, Pro);
    }

    async fn a_sync_reads_now(shop) {
        let (user, _) = shop.payer().await;
        assert_eq!(plan(&user).await, Basic);
        assert_eq!(user.post("/subscription/sync", json!({})).await.expect(200).body["subscription_tier"], "Pro");
        assert_eq!(plan(&user).await, Pro);
        shop.fake().then(Reply::json(402, &json!({"error": {"type": "card_error"}})));
        user.post("/subscription/sync", json!({})).await.expect_problem(502, "payment_provider_error");
        assert_eq!(plan(&user).await, Pro);
    }

    async fn the_portal_is_opened_anew_at_each_click(shop) {
        let (user, _) = shop.subscriber().await;
        let url = |answer: crate::harness::client::Answer| answer.expect(200).body["portal_url"].as_str().unwrap().to_owned();
        let first = url(user.post("/subscription/portal", json!({})).await);
        let second = url(user.post("/subscription/portal", json!({})).await);
        assert_ne!(first, second);
    }

    async fn a_payment_that_waits_for_its_owner_is_told_with_its_address(shop) {
        let (user, subscription) = shop.subscriber().await;
        shop.fake().set_card(&subscription, false);
        shop.advance(30 * DAY);
        shop.deliver().await;
        let customer = shop.app.rows("select customer_id from customers").await[0][0].clone();
        shop.fake().send(json!({
            "id": "evt_action", "object": "event", "type": "invoice.payment_action_required", "livemode": false,
            "created": shop.app.clock.now().as_secs(),
            "data": {"object": {"id": "in_1", "object": "invoice", "customer": customer, "hosted_invoice_url": "https://invoice.stripe.com/i/1"}},
        }));
        shop.deliver().await;
        let user = shop.app.client().sign_in(&user.mobile).await;
        assert_eq!(status(&user).await.body["action_url"], "https://invoice.stripe.com/i/1");
        shop.fake().set_card(&subscription, true);
        shop.advance(4 * DAY);
        shop.deliver().await;
        let user = shop.app.client().sign_in(&user.mobile).await;
        let standing = status(&user).await.body;
        assert_eq!((standing["status"].as_str(), standing["action_url"].as_str(), standing["notice"].as_str()), (Some("active"), None, None));
    }

    async fn a_foreign_price_and_another_mode_give_no_plan(shop) {
        let user = shop.app.user().await;
        shop.checkout(&user).await;
        let customer = shop.customer(&user).await;
        shop.fake().subscribe(&customer, "price_other");
        shop.deliver().await;
        assert_eq!(plan(&user).await, Basic);
        let noted = "select count(*) from security_events where kind = 'foreign_price'";
        assert_eq!(shop.app.count(noted).await, 1);
        user.post("/subscription/cancel", json!({})).await.expect_problem(404, "not_found");
        let paid = shop.checkout(&user).await;
        shop.fake().pay(&paid, Payment::Paid).unwrap();
        shop.deliver().await;
        assert_eq!(plan(&user).await, Pro);
    }

    async fn an_unknown_status_keeps_the_plan_as_it_was(shop) {
        let (user, subscription) = shop.subscriber().await;
        shop.fake().set_status(&subscription, "levitating");
        shop.deliver().await;
        assert_eq!((plan(&user).await, status(&user).await.body["status"].clone()), (Pro, json!("levitating")));
    }

    async fn two_subscriptions_are_one_plan_until_the_last_ends(shop) {
        let (user, first) = shop.subscriber().await;
        let customer = shop.customer(&user).await;
        let second = shop.fake().subscribe(&customer, "price_pro");
        shop.deliver().await;
        shop.fake().set_status(&first, "canceled");
        shop.deliver().await;
        assert_eq!(plan(&user).await, Pro);
        shop.fake().set_status(&second, "canceled");
        shop.deliver().await;
        assert_eq!(plan(&user).await, Basic);
    }

    async fn closing_an_account_ends_everything_at_the_provider_and_waits_for_it(shop) {
        let (user, first) = shop.subscriber().await;
        let customer = shop.customer(&user).await;
        let second = shop.fake().subscribe(&customer, "price_pro");
        let owner = user_id(&user).await;
        let app = &shop.app.house.app;
        for _ in 0..2 {
            shop.fake().then(Reply::json(402, &json!({})));
            subscriptions::close(app, owner).await.unwrap_err();
        }
        assert_eq!(plan(&user).await, Pro, "nothing was ended, nothing was closed");
        subscriptions::close(app, owner).await.unwrap();
        let ended = |id: &str| shop.calls("DELETE", &format!("/v1/subscriptions/{id}"));
        assert_eq!((ended(&first), ended(&second)), (1, 1));
        assert_eq!((shop.fake().expected_plan(&customer), plan(&user).await), (Basic, Basic));
        subscriptions::close(app, owner).await.unwrap();
        assert_eq!((ended(&first), ended(&second)), (1, 1));
    }

    async fn closing_an_account_closes_the_page_it_left_open(shop) {
        let user = shop.app.user().await;
        let session = shop.checkout(&user).await;
        subscriptions::close(&shop.app.house.app, user_id(&user).await).await.unwrap();
        assert_eq!(shop.fake().pay(&session, Payment::Paid), None);
    }

    async fn a_deleted_customer_has_no_plan(shop) {
        let (user, _) = shop.subscriber().await;
        let customer = shop.customer(&user).await;
        shop.fake().delete_customer(&customer);
        shop.deliver().await;
        assert_eq!(plan(&user).await, Basic);
    }

    async fn a_customer_that_the_provider_does_not_know_keeps_its_plan(shop) {
        let (user, subscription) = shop.subscriber().await;
        let customer = shop.customer(&user).await;
        shop.fake().set_status(&subscription, "active");
        shop.fake().hold_collection(&subscription, true);
        shop.fake().forget_customer(&customer);
        shop.deliver().await;
        shop.reconcile().await;
        assert_eq!(plan(&user).await, Pro, "a wrong key must not take anybody's plan away");
    }
}
