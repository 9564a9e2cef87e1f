//! Random lives of subscribers, told of in any order, several times or never: in the end the plan is the provider's.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use pollux::domain::ids::UserId;
use pollux::domain::plan::Tier;
use pollux::fakes::stripe::Payment;
use pollux::services::{checkout, subscriptions};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::harness::shop::Shop;
use crate::harness::{Engine, user_id};
use crate::proof;

/// People who live at the same time, under one clock.
const AT_ONCE: usize = 25;
const STEPS: usize = 12;
const DAY: Duration = Duration::from_hours(24);

/// Somebody with a subscription, or none yet.
struct Life {
    user: UserId,
    subscription: Option<String>,
}

/// What became of the letters of a round.
#[derive(Default)]
struct Post {
    taken: BTreeSet<String>,
    dropped: usize,
    doubled: usize,
}

async fn tier(shop: &Shop, user: UserId) -> Tier {
    shop.app.house.app.db.user(user).await.unwrap().unwrap().tier
}

async fn step(shop: &Shop, life: &mut Life, dice: &mut SmallRng) {
    let (app, fake) = (&shop.app.house.app, shop.fake());
    let Some(subscription) = life.subscription.clone() else {
        return subscribe(shop, life, dice).await;
    };
    match dice.random_range(0..10) {
        0 | 1 => fake.set_card(&subscription, false),
        2 | 3 => fake.set_card(&subscription, true),
        4 => fake.cancel_in_portal(&subscription),
        5 => fake.renew_in_portal(&subscription),
        6 => drop(subscriptions::cancel(app, life.user).await),
        7 => drop(subscriptions::resume(app, life.user).await),
        _ => subscribe(shop, life, dice).await,
    }
}

async fn subscribe(shop: &Shop, life: &mut Life, dice: &mut SmallRng) {
    let Ok(page) = checkout::start(&shop.app.house.app, life.user).await else { return };
    let subscription = match dice.random_range(0..6) {
        0 => None,
        1 => {
            let id = shop.fake().pay(&page.session_id, Payment::Later);
            shop.fake().settle_payment(&page.session_id, dice.random());
            id
        }
        _ => shop.fake().pay(&page.session_id, Payment::Paid),
    };
    life.subscription = subscription.or_else(|| life.subscription.take());
}

/// Shuffles the post, doubles some letters, loses others, delivers the rest.
async fn deliver(shop: &Shop, post: &mut Post, dice: &mut SmallRng) {
    let fake = shop.fake();
    fake.shuffle_post(dice);
    for index in (0..fake.in_post().len()).rev() {
        match dice.random_range(0..10) {
            0 => fake.duplicate_in_post(index),
            1 => fake.drop_from_post(index),
            2 => fake.tell_twice(index),
            3 => fake.delay_in_post(index, dice.random_range(1..5) * DAY),
            _ => continue,
        }
        post.doubled += 1;
    }
    for delivery in fake.deliver().await {
        assert_eq!(delivery.status, Some(200));
        post.taken.insert(delivery.event_id);
    }
    // Sometimes the jobs come late, and one read serves several events.
    if dice.random_range(0..3) > 0 {
        shop.app.run_jobs().await;
    }
}

/// One round of lives. Answers with how many plans were Pro in the end.
async fn round(engine: &Engine, seed: u64) -> usize {
    let shop = Shop::open(engine.clone()).await;
    let mut dice = SmallRng::seed_from_u64(seed);
    let people = join_all((0..AT_ONCE).map(|_| async { user_id(&shop.app.user().await).await })).await;
    let mut lives: Vec<_> = people.into_iter().map(|user| Life { user, subscription: None }).collect();
    let mut post = Post::default();
    for _ in 0..STEPS {
        for life in &mut lives {
            step(&shop, life, &mut dice).await;
        }
        let span = [Duration::from_hours(1), DAY, 5 * DAY, 20 * DAY][dice.random_range(0..4)];
        shop.advance(span);
        deliver(&shop, &mut post, &mut dice).await;
    }
    // The last letters, some of them lost; then one pass.
    post.dropped += usize::from(!shop.fake().in_post().is_empty());
    deliver(&shop, &mut post, &mut dice).await;
    shop.app.run_jobs().await;
    shop.tick().await;
    let report = shop.reconcile().await;
    assert_eq!(report.failed, 0, "seed {seed}: a busy machine, not a wrong plan");
    let mut pros = 0;
    for life in &lives {
        let Some(customer) = shop.app.house.app.db.customer(life.user).await.unwrap() else { continue };
        let (ours, theirs) = (tier(&shop, life.user).await, shop.fake().expected_plan(&customer.id));
        assert_eq!(ours, theirs, "seed {seed}: {}", life.user);
        pros += usize::from(ours == Tier::Pro);
    }
    let kept = shop.app.count("select count(*) from billing_events").await;
    assert_eq!(usize::try_from(kept).unwrap(), post.taken.len(), "seed {seed}: each event is taken once");
    assert!(post.doubled > 0);
    let several =
        "select count(*) from (select user_id from subscriptions where status not in ('canceled', 'incomplete_expired')
        group by user_id having count(*) > 1) doubled";
    assert_eq!(shop.app.count(several).await, 0, "seed {seed}: somebody pays twice");
    pros
}

async fn many(engine: Engine) {
    let rounds = proof::size(2, 40);
    let base = proof::seed() % u64::from(u32::MAX);
    let mut pros = 0;
    for number in 0..rounds {
        pros += round(&engine, base + number as u64).await;
    }
    let lives = rounds * AT_ONCE;
    assert!(pros > 0 && pros < lives, "{pros} of {lives} are Pro: the lives are not random");
    proof::figures(&format!(
        "billing: {lives} of {lives} random lives end on the provider's plan ({pros} Pro), seed {base}"
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_lives_end_on_the_plan_of_the_provider_on_sqlite() {
    many(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_lives_end_on_the_plan_of_the_provider_on_postgres() {
    if let Some(engine) = Engine::postgres().await {
        many(engine).await;
    }
}
