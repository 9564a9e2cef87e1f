//! Events while the process is killed: what was answered is stored, and the plans come out right.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use pollux::domain::plan::Tier;
use pollux::domain::time::Clock;
use pollux::fakes::stripe::{FakeStripe, FakeStripeSettings, Payment};

use crate::harness::process::Site;
use crate::harness::shop::{SECRET, plan};
use crate::harness::work::until;
use crate::harness::{Engine, fresh_number};
use crate::proof;

async fn killed_while_events_come(engine: Engine) {
    let (buyers, kills) = (proof::size(8, 60), proof::size(3, 20));
    let stripe = FakeStripeSettings { webhook_secret: SECRET.to_owned(), ..FakeStripeSettings::new(Clock::System) };
    let stripe = FakeStripe::start(stripe).await.unwrap();
    let base: &'static str = Box::leak(stripe.base_url().into_boxed_str());
    let settings = [
        ("STRIPE_SECRET_KEY", "sk_test_a1b2c3d4e5f6"),
        ("STRIPE_WEBHOOK_SECRET", SECRET),
        ("STRIPE_PRICE_ID_PRO", "price_pro"),
        ("STRIPE_API_BASE", base),
    ];
    let site = Site::new(&engine, &settings).await;
    let mut process = site.start().await;
    let port = process.address.port();
    stripe.fake.set_webhook(&format!("http://{}/webhook/stripe", process.address));
    let users = join_all((0..buyers).map(|_| {
        let client = process.client();
        async move { client.sign_in(&fresh_number()).await }
    }))
    .await;
    for user in &users {
        let opened = user.post("/subscribe/pro", serde_json::json!({})).await.expect(200).body;
        stripe.fake.pay(opened["session_id"].as_str().unwrap(), Payment::Paid).unwrap();
    }
    let mut taken = BTreeSet::new();
    for _ in 0..kills {
        let fake = stripe.fake.clone();
        let delivering = tokio::spawn(async move { fake.deliver().await });
        tokio::time::sleep(Duration::from_millis(rand::random_range(2..30))).await;
        drop(process);
        let delivered = delivering.await.unwrap();
        taken.extend(delivered.into_iter().filter(|one| one.status == Some(200)).map(|one| one.event_id));
        process = site.start_at(port).await;
        // Letters that nobody took come again in a while, which here is now.
        stripe.fake.advance(Duration::from_mins(20));
    }
    let rest = stripe.fake.deliver().await;
    taken.extend(rest.into_iter().filter(|one| one.status == Some(200)).map(|one| one.event_id));
    until(Duration::from_mins(1), "all plans", || async {
        let plans = join_all(users.iter().map(plan)).await;
        plans.iter().all(|tier| *tier == Tier::Pro).then_some(())
    })
    .await;
    drop(process);
    let kept: BTreeSet<_> = site.rows("select id from billing_events").await.concat().into_iter().collect();
    assert!(!taken.is_empty() && taken.is_subset(&kept), "answered and not stored: {:?}", taken.difference(&kept));
    proof::figures(&format!("billing: {kills} kills, {} events answered, 0 lost, {buyers} plans right", taken.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answered_event_is_lost_when_the_process_is_killed_on_sqlite() {
    killed_while_events_come(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answered_event_is_lost_when_the_process_is_killed_on_postgres() {
    if let Some(engine) = Engine::postgres().await {
        killed_while_events_come(engine).await;
    }
}
