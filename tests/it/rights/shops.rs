//! A subscriber closes the account: what is paid for ends at the provider first, or nothing happens.

use pollux::domain::plan::Tier::{Basic, Pro};
use pollux::fakes::stripe::{Payment, Reply};
use serde_json::json;

use super::{PASSWORD, Traces, close, confirmation, set_password};
use crate::harness::shop::{in_both_shops, plan, status};

in_both_shops! {
    async fn the_subscription_ends_before_anything_is_erased(shop) {
        let (user, subscription) = shop.subscriber().await;
        let customer = shop.customer(&user).await;
        user.say(&user.room().await, "hello from a payer").await.expect(202);
        let traces = Traces::of(&user, &["hello from a payer"]).await;
        assert_eq!(shop.calls("DELETE", &format!("/v1/subscriptions/{subscription}")), 0);
        close(&user, None).await.expect(202);
        assert_eq!(shop.calls("DELETE", &format!("/v1/subscriptions/{subscription}")), 1);
        assert_eq!(shop.fake().expected_plan(&customer), Basic);
        assert_eq!(shop.app.count("select count(*) from messages").await, 2, "nothing is erased yet");
        shop.app.run_jobs().await;
        // What the provider tells afterwards finds nobody, and does nobody any harm.
        shop.deliver().await;
        shop.reconcile().await;
        shop.tick().await;
        traces.expect_none(&shop.app).await;
        for table in ["users", "customers", "subscriptions", "checkouts", "jobs"] {
            assert_eq!(shop.app.count(&format!("select count(*) from {table}")).await, 0, "{table}");
        }
        // The ids of the provider's events stay, so that none is taken twice.
        assert!(shop.app.count("select count(*) from billing_events").await > 0);
        let anew = shop.app.client().sign_in(&user.mobile).await;
        assert_eq!((plan(&anew).await, status(&anew).await.body["status"].clone()), (Basic, json!("none")));
    }

    async fn when_the_provider_fails_nothing_is_changed_and_nobody_is_signed_out(shop) {
        let (user, subscription) = shop.subscriber().await;
        let room = user.room().await;
        let elsewhere = shop.app.client();
        let elsewhere = crate::harness::Client { token: user.token.clone(), ..elsewhere };
        let before = user.get("/user/me").await.body;
        shop.app.advance(std::time::Duration::from_mins(1));
        let sent = confirmation(&user, &user.mobile).await;
        let proof = json!({"otp": sent["otp"]});
        for _ in 0..2 {
            shop.fake().then(Reply::json(402, &json!({})));
            close(&user, Some(proof.clone())).await.expect_problem(502, "payment_provider_error");
        }
        assert_eq!(shop.calls("DELETE", &format!("/v1/subscriptions/{subscription}")), 0);
        assert_eq!((user.get("/user/me").await.expect(200).body, plan(&elsewhere).await), (before, Pro));
        user.say(&room, "still here").await.expect(202);
        shop.app.run_jobs().await;
        assert_eq!(shop.app.count("select count(*) from users where closed_at is not null").await, 0);
        // The code was not taken, so it still proves the wish.
        close(&user, Some(proof)).await.expect(202);
        assert_eq!(shop.calls("DELETE", &format!("/v1/subscriptions/{subscription}")), 1);
    }

    async fn a_password_that_was_right_costs_nothing_when_the_provider_fails(shop) {
        let (user, _) = shop.subscriber().await;
        set_password(&user).await;
        let proof = json!({"password": PASSWORD});
        for _ in 0..12 {
            shop.fake().then(Reply::json(402, &json!({})));
            close(&user, Some(proof.clone())).await.expect_problem(502, "payment_provider_error");
        }
        assert_eq!(shop.app.count("select count(*) from password_misses").await, 0);
        close(&user, Some(proof)).await.expect(202);
    }

    async fn a_page_that_was_left_open_can_not_be_paid_afterwards(shop) {
        let user = shop.app.user().await;
        let session = shop.checkout(&user).await;
        close(&user, None).await.expect(202);
        assert_eq!(shop.fake().pay(&session, Payment::Paid), None);
        shop.app.run_jobs().await;
        shop.deliver().await;
        assert_eq!(shop.app.count("select count(*) from users").await, 0);
    }

    async fn an_export_tells_what_the_provider_knows(shop) {
        let (user, subscription) = shop.subscriber().await;
        let billing = user.get("/user/me/export").await.expect(200).body["billing"].clone();
        assert_eq!(billing["customer_id"], shop.customer(&user).await);
        let told = &billing["subscriptions"][0];
        assert_eq!((&told["id"], &told["status"], &told["price_id"]), (&json!(subscription), &json!("active"), &json!("price_pro")));
    }
}
