//! Events that never came, and moments that no event tells of.

use std::time::Duration;

use futures_util::future::join_all;
use pollux::domain::plan::Tier::{Basic, Pro};
use pollux::fakes::stripe::{Payment, Reply};
use pollux::services::reconcile::Report;
use pollux::worker;

use crate::harness::shop::{Shop, in_both_shops, plan};
use crate::harness::{Engine, process::Site, work::until};
use crate::proof;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A provider that can't be asked, and says so at once.
fn away() -> Reply {
    Reply::json(503, &serde_json::json!({})).header("stripe-should-retry", "false")
}

in_both_shops! {
    async fn a_day_without_a_server_is_made_good_by_one_pass(shop) {
        let crowd = proof::size(40, 1_000);
        let mut users = Vec::new();
        for chunk in (0..crowd).collect::<Vec<_>>().chunks(20) {
            users.extend(join_all(chunk.iter().map(|_| async { let user = shop.app.user().await; let session = shop.checkout(&user).await; (user, session) })).await);
        }
        // Half pay before the server goes, and are known; the others pay while it is away, or break off.
        for (_, session) in &users[..crowd / 2] {
            shop.fake().pay(session, Payment::Paid).unwrap();
        }
        shop.deliver().await;
        let subscriptions: Vec<_> = shop.app.rows("select id from subscriptions order by id").await.concat();
        assert_eq!(subscriptions.len(), crowd / 2);
        for (index, subscription) in subscriptions.iter().enumerate() {
            match index % 3 {
                0 => shop.fake().set_status(subscription, "canceled"),
                1 => shop.fake().set_status(subscription, "unpaid"),
                _ => {}
            }
        }
        for (_, session) in &users[crowd / 2..crowd * 3 / 4] {
            shop.fake().pay(session, Payment::Paid).unwrap();
        }
        shop.fake().empty_post();
        shop.advance(22 * HOUR);
        let shop = shop.restart().await;
        let reads = shop.calls("GET", "/v1/subscriptions");
        shop.tick().await;
        assert!(shop.calls("GET", "/v1/subscriptions") - reads <= crowd);
        let mut pros = 0;
        for (user, _) in &users {
            let id = user.tokens["user"]["id"].as_str().unwrap().to_owned();
            let id = pollux::domain::ids::UserId::parse(&id).unwrap();
            let ours = shop.app.house.app.db.user(id).await.unwrap().unwrap().tier;
            let customer = shop.app.house.app.db.customer(id).await.unwrap().unwrap();
            assert_eq!(ours, shop.fake().expected_plan(&customer.id));
            pros += usize::from(ours == Pro);
        }
        assert!(pros >= crowd / 4 && pros < crowd);
        // A second pass within the hour is not made, and would find nothing.
        let reads = shop.calls("GET", "/v1/subscriptions");
        shop.tick().await;
        assert_eq!(shop.calls("GET", "/v1/subscriptions"), reads);
        assert_eq!(shop.reconcile().await.corrected, 0);
        proof::figures(&format!("billing: {crowd} accounts right after one pass ({pros} Pro)"));
    }

    async fn the_comparison_is_made_every_hour_and_counts_what_it_corrects(shop) {
        let (user, subscription) = shop.subscriber().await;
        shop.tick().await;
        let drift = || shop.app.house.app.metrics.text().lines().find(|line| line.starts_with("pollux_billing_drift_total")).unwrap().to_owned();
        assert_eq!(drift(), "pollux_billing_drift_total 0");
        shop.fake().set_status(&subscription, "canceled");
        shop.fake().empty_post();
        shop.advance(Duration::from_secs(3_599));
        shop.tick().await;
        assert_eq!(plan(&user).await, Pro, "it is not time yet");
        shop.advance(Duration::from_secs(1));
        shop.tick().await;
        assert_eq!((plan(&user).await, drift().as_str()), (Basic, "pollux_billing_drift_total 1"));
    }

    async fn somebody_whom_only_a_lost_event_names_is_found(shop) {
        let (user, subscription) = shop.subscriber().await;
        shop.fake().set_status(&subscription, "canceled");
        shop.deliver().await;
        assert_eq!(plan(&user).await, Basic);
        // Long after the last checkout the operator gives the plan again, by hand.
        shop.advance(40 * DAY);
        shop.app.rows("select 1").await;
        let customer = shop.app.rows("select customer_id from customers").await[0][0].clone();
        shop.fake().subscribe(&customer, "price_pro");
        shop.fake().empty_post();
        assert_eq!(shop.reconcile().await, Report { read: 1, corrected: 1, failed: 0 });
        let user = shop.app.client().sign_in(&user.mobile).await;
        assert_eq!(plan(&user).await, Pro);
    }

    async fn a_job_that_comes_late_is_done_all_the_same(shop) {
        let (user, _) = shop.payer().await;
        assert!(shop.fake().deliver().await.iter().all(|delivery| delivery.status == Some(200)));
        shop.advance(2 * HOUR);
        shop.app.run_jobs().await;
        assert_eq!(plan(&user).await, Pro);
    }

    async fn what_an_event_told_of_is_not_forgotten_with_its_job(shop) {
        let (user, _) = shop.payer().await;
        assert!(shop.fake().deliver().await.iter().all(|delivery| delivery.status == Some(200)));
        let looks = async || {
            worker::remind(&shop.app.house.app).await.unwrap();
            shop.app.count("select count(*) from jobs where kind = 'sync_customer' and state = 'ready'").await
        };
        // The provider is away at the first try and at the last within the hour.
        for wait in [Duration::ZERO, Duration::from_secs(3_599)] {
            shop.advance(wait);
            shop.fake().then(away());
            shop.app.run_jobs().await;
        }
        assert_eq!(shop.app.count("select count(*) from jobs where state = 'dead'").await, 1);
        shop.advance(HOUR);
        assert_eq!(looks().await, 0, "it is left alone for an hour after that");
        shop.advance(Duration::from_secs(1));
        assert_eq!(looks().await, 1);
        shop.app.run_jobs().await;
        assert_eq!(plan(&user).await, Pro);
        assert_eq!(shop.app.count("select count(*) from customers where review_at is not null").await, 0);
    }

    async fn an_announced_end_comes_without_an_event(shop) {
        let (user, subscription) = shop.subscriber().await;
        shop.fake().cancel_in_portal(&subscription);
        shop.deliver().await;
        let standing = crate::harness::shop::status(&user).await.body;
        assert_eq!((standing["cancel_at_period_end"].as_bool(), standing["ends_at"].as_str()), (Some(true), Some("2026-12-21T12:00:00.000Z")));
        shop.advance(Duration::from_secs(30 * 86_400 - 1));
        shop.fake().empty_post();
        let user = shop.app.client().sign_in(&user.mobile).await;
        shop.tick().await;
        assert_eq!(plan(&user).await, Pro);
        shop.advance(Duration::from_secs(1));
        shop.fake().empty_post();
        shop.tick().await;
        assert_eq!(plan(&user).await, Basic);
    }

    async fn an_announced_end_comes_even_while_the_provider_is_away(shop) {
        let (user, subscription) = shop.subscriber().await;
        shop.fake().cancel_in_portal(&subscription);
        shop.deliver().await;
        shop.advance(30 * DAY);
        shop.fake().empty_post();
        for _ in 0..60 {
            shop.fake().then(away());
        }
        let user = shop.app.client().sign_in(&user.mobile).await;
        shop.tick().await;
        assert_eq!(plan(&user).await, Basic);
        let waiting = shop.app.count("select count(*) from jobs").await;
        shop.tick().await;
        assert!(shop.app.count("select count(*) from jobs").await <= waiting, "each look leaves another job");
    }

    ["STRIPE_GRACE_DAYS" = "3"]
    async fn a_grace_ends_on_its_day(shop) {
        let (user, subscription) = shop.subscriber().await;
        shop.fake().set_card(&subscription, false);
        shop.advance(30 * DAY);
        shop.deliver().await;
        let user = shop.app.client().sign_in(&user.mobile).await;
        let standing = crate::harness::shop::status(&user).await.body;
        assert_eq!((standing["status"].as_str(), standing["notice"].as_str()), (Some("past_due"), Some("payment_due")));
        assert_eq!(plan(&user).await, Pro);
        shop.advance(3 * DAY);
        shop.fake().empty_post();
        let user = shop.app.client().sign_in(&user.mobile).await;
        shop.tick().await;
        assert_eq!(plan(&user).await, Basic);
        assert_eq!(crate::harness::shop::status(&user).await.body["notice"], "grace_over");
    }

    async fn without_a_grace_setting_the_plan_lasts_until_the_provider_gives_up(shop) {
        let (user, subscription) = shop.subscriber().await;
        shop.fake().set_card(&subscription, false);
        shop.advance(40 * DAY);
        shop.deliver().await;
        let user = shop.app.client().sign_in(&user.mobile).await;
        assert_eq!(plan(&user).await, Pro);
        shop.advance(6 * DAY);
        shop.deliver().await;
        let user = shop.app.client().sign_in(&user.mobile).await;
        assert_eq!(plan(&user).await, Basic);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_command_corrects_and_says_so() {
    let shop = Shop::open(Engine::Sqlite).await;
    let base = shop.stripe.base_url();
    let (user, _) = shop.payer().await;
    shop.fake().empty_post();
    let settings = [
        ("PAYMENTS", "stripe"),
        ("STRIPE_SECRET_KEY", "sk_test_a1b2c3d4e5f6"),
        ("STRIPE_WEBHOOK_SECRET", crate::harness::shop::SECRET),
        ("STRIPE_PRICE_ID_PRO", "price_pro"),
        ("STRIPE_API_BASE", base.as_str()),
    ];
    // The server has the file open: it is asked to compare, and does.
    let told = shop.app.command(&["billing", "reconcile"], &settings);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert!(String::from_utf8_lossy(&told.stdout).contains("was asked to compare"));
    shop.app.run_jobs().await;
    assert_eq!(plan(&user).await, Pro);
    let refused = shop.app.command(&["billing", "reconcile"], &[("PAYMENTS", "off")]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("payments are off"));
    if let Some(engine) = Engine::postgres().await {
        let shop = Shop::open(engine).await;
        let base = shop.stripe.base_url();
        let (user, _) = shop.payer().await;
        let settings = [&settings[..4], &[("STRIPE_API_BASE", base.as_str())]].concat();
        let told = shop.app.command(&["billing", "reconcile"], &settings);
        assert_eq!(String::from_utf8_lossy(&told.stdout), "1 customers were read, 1 were corrected.\n");
        until(Duration::from_secs(5), "the plan", || async { (plan(&user).await == Pro).then_some(()) }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_sells_by_a_page_of_ours_and_remembers_over_a_restart() {
    let site = Site::new(&Engine::Sqlite, &[]).await;
    let process = site.start().await;
    let user = process.client().sign_in("+15005550199").await;
    let opened = user.post("/subscribe/pro", serde_json::json!({})).await.expect(200).body;
    let url = opened["checkout_url"].as_str().unwrap();
    assert!(url.starts_with(&format!("http://localhost:{}/", process.address.port())), "{url}");
    let page = user.http.get(url).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("This is a demo. It takes no money"));
    let paid = user.http.post(url).body("outcome=paid").send().await.unwrap();
    let target = paid.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!((paid.status().as_u16(), target.contains("/success?session_id=cs_test_")), (303, true));
    until(Duration::from_secs(10), "the plan", || async { (plan(&user).await == Pro).then_some(()) }).await;
    let port = process.address.port();
    drop(process);
    let process = site.start_at(port).await;
    assert_eq!(plan(&user).await, Pro);
    let ended = user.post("/subscription/cancel", serde_json::json!({})).await.expect(200).body;
    assert_eq!(
        (ended["cancel_at_period_end"].as_bool(), ended["subscription_tier"].as_str()),
        (Some(true), Some("Pro"))
    );
    let portal = user.post("/subscription/portal", serde_json::json!({})).await.expect(200).body;
    let portal = portal["portal_url"].as_str().unwrap();
    assert!(user.http.get(portal).send().await.unwrap().text().await.unwrap().contains("This is a demo"));
    drop(process);
}
