//! The crash loop: traffic of many users, and a process that is killed again and again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pollux::storage::Sql;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::traffic::{Sender, Traffic};
use super::{path_of, reaches, rows};
use crate::chaos::records;
use crate::harness::Engine;
use crate::harness::engine::set_tier;
use crate::harness::process::{Process, Site};
use crate::proof::{figures, is_full, seed, size};

static INTEGRITY: Sql = Sql::new("pragma integrity_check");

/// Every reply is final this long after the last kill.
const FINAL_WITHIN: Duration = Duration::from_mins(1);
/// Users on Basic, whose five messages a day must be five in spite of all.
const BASICS: usize = 5;

/// The size of a loop.
struct Plan {
    seed: u64,
    users: usize,
    each: usize,
    kills: usize,
}

impl Plan {
    /// On PostgreSQL a killed process's replies wait for their leases, so fewer fit into the time after the last kill.
    fn new(engine: &Engine) -> Self {
        let full_each = if matches!(engine, Engine::Sqlite) { 50 } else { 15 };
        let (users, each, kills) = (size(20, 100), size(10, full_each), size(4, 40));
        Self { seed: seed(), users, each, kills }
    }

    /// How long after a start the process is killed: long enough for some replies to be written.
    fn life(chance: &mut StdRng) -> Duration {
        Duration::from_millis(chance.random_range(900..if is_full() { 3_500 } else { 1_900 }))
    }
}

/// Signs everybody in, then puts all but a few on Pro while nobody serves.
async fn gather(site: &Site, plan: &Plan) -> (Vec<Sender>, Process) {
    let process = site.start().await;
    let mut senders = Vec::new();
    for _ in 0..plan.users {
        senders.push(Sender::enter(vec![process.address]).await);
    }
    let port = process.address.port();
    process.kill();
    let db = site.database().await;
    for sender in &senders[BASICS..] {
        set_tier(&db, &sender.id.to_string(), "Pro").await;
    }
    drop(db);
    (senders, site.start_at(port).await)
}

/// Kills the process at random moments and starts it again at once; answers with the last one and when it began.
async fn kill_again_and_again(site: &Site, mut process: Process, plan: &Plan) -> (Process, Instant) {
    let port = process.address.port();
    let mut chance = StdRng::seed_from_u64(plan.seed);
    let mut killed = Instant::now();
    for _ in 0..plan.kills {
        tokio::time::sleep(Plan::life(&mut chance)).await;
        process.kill();
        killed = Instant::now();
        process = site.start_at(port).await;
    }
    (process, killed)
}

async fn crash_loop(engine: Engine) {
    let plan = Plan::new(&engine);
    println!("crash loop on {}: POLLUX_SEED={}", engine.name(), plan.seed);
    let site = Site::new(&engine, &[("BASIC_TIER_DAILY_LIMIT", "5")]).await;
    let (senders, process) = gather(&site, &plan).await;
    let over = Duration::from_millis(if is_full() { 2_200 } else { 1_400 }) * u32::try_from(plan.kills).unwrap();
    let traffic = Traffic { each: plan.each, over, waits: false, seed: plan.seed, tally: Arc::default() };
    let (senders, (process, killed)) = tokio::join!(traffic.run(senders), kill_again_and_again(&site, process, &plan));

    for sender in &senders {
        for sent in &sender.accepted {
            let left = FINAL_WITHIN.saturating_sub(killed.elapsed());
            reaches(&sender.user, &path_of(sent), &["complete", "failed"], left).await;
        }
    }
    let took = killed.elapsed();
    let history = records::read(&site, &senders, plan.each).await;
    assert_eq!(history.judge(), []);
    for sender in &senders[..BASICS] {
        assert!(sender.accepted.len() >= 5.min(plan.each));
    }
    process.kill();
    if matches!(engine, Engine::Sqlite) {
        let db = site.database().await;
        assert_eq!(rows::<(String,)>(&db, &INTEGRITY, vec![]).await[0].0, "ok");
    }
    let tally = &traffic.tally;
    figures(&format!(
        "R1 {}: {} offered, {} accepted, {} kills, {} unanswered offers of which {} had arrived; 0 lost, 0 doubled, \
         0 miscounted, {} failed, all final {took:.1?} after the last kill (at most 60 s); seed {}",
        engine.name(),
        plan.users * plan.each,
        history.accepted(),
        plan.kills,
        tally.unknown.load(Ordering::Relaxed),
        tally.arrived.load(Ordering::Relaxed),
        history.failed(),
        plan.seed,
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_again_and_again_loses_doubles_and_miscounts_nothing_on_sqlite() {
    crash_loop(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_again_and_again_loses_doubles_and_miscounts_nothing_on_postgres() {
    if let Some(engine) = Engine::postgres().await {
        crash_loop(engine).await;
    }
}
