//! The crash loop: traffic of many users, and a process that is killed again and again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pollux::domain::ids::UserId;
use pollux::storage::Sql;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value as Json;

use super::traffic::{Sender, Unknowns};
use super::{path_of, reaches, rows};
use crate::harness::engine::set_tier;
use crate::harness::process::{Process, Site};
use crate::harness::{Engine, fresh_number, user_id};
use crate::proof::{figures, is_full, size};

static USED: Sql = Sql::new("select cast(coalesce(sum(used), 0) as bigint) from usage where user_id = ?1");
static MESSAGES: Sql = Sql::new("select count(*) from messages");
static UNFINISHED: Sql = Sql::new("select count(*) from jobs where state <> 'dead'");
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
        let given = std::env::var("POLLUX_SEED").ok().and_then(|seed| seed.parse().ok());
        let full_each = if matches!(engine, Engine::Sqlite) { 50 } else { 15 };
        let (users, each, kills) = (size(20, 100), size(10, full_each), size(4, 40));
        Self { seed: given.unwrap_or_else(rand::random), users, each, kills }
    }

    /// How long after a start the process is killed: long enough for some replies to be written.
    fn life(chance: &mut StdRng) -> Duration {
        Duration::from_millis(chance.random_range(900..if is_full() { 3_500 } else { 1_900 }))
    }
}

/// Signs everybody in, then puts all but a few on Pro while nobody serves.
async fn gather(site: &Site, plan: &Plan) -> (Vec<Sender>, Vec<UserId>, Process) {
    let process = site.start().await;
    let port = process.address.port();
    let (mut senders, mut ids) = (Vec::new(), Vec::new());
    for _ in 0..plan.users {
        let user = process.client().sign_in(&fresh_number()).await;
        let rooms = vec![user.room().await, user.room().await];
        ids.push(user_id(&user).await);
        senders.push(Sender { user, rooms, accepted: Vec::new(), refused: 0 });
    }
    process.kill();
    let db = site.database().await;
    for id in &ids[BASICS..] {
        set_tier(&db, &id.to_string(), "Pro").await;
    }
    drop(db);
    (senders, ids, site.start_at(port).await)
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

/// Checks a room: each message is accepted once and its only reply stands right under it. How many replies failed.
async fn check_room(sender: &Sender, room: &str) -> usize {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = sender.user.get(&format!("/chatroom/{room}/messages?limit=100{cursor}")).await.expect(200).body;
        all.extend(page["messages"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let accepted: Vec<&Json> = sender.accepted.iter().filter(|sent| sent["message"]["chatroom_id"] == room).collect();
    assert_eq!(all.len(), accepted.len() * 2, "lost or doubled");
    let mut failed = 0;
    for (pair, sent) in all.chunks(2).zip(accepted) {
        let said = pair[0]["content"].as_str().unwrap();
        assert_eq!((&pair[0]["id"], &pair[1]["id"]), (&sent["message"]["id"], &sent["reply"]["id"]));
        assert_eq!((&pair[1]["role"], &pair[1]["reply_to"]), (&"assistant".into(), &pair[0]["id"]));
        if pair[1]["status"] == "failed" {
            failed += 1;
            continue;
        }
        assert_eq!(pair[1]["outcome"], "completed");
        let quoted = format!("You said: \"{said}\"");
        assert!(pair[1]["content"].as_str().unwrap().starts_with(&quoted), "a reply under the wrong message");
    }
    failed
}

async fn crash_loop(engine: Engine) {
    let plan = Plan::new(&engine);
    println!("crash loop on {}: POLLUX_SEED={}", engine.name(), plan.seed);
    let site = Site::new(&engine, &[("BASIC_TIER_DAILY_LIMIT", "5")]).await;
    let (senders, ids, process) = gather(&site, &plan).await;
    let unknowns = Arc::new(Unknowns::default());
    let over = Duration::from_millis(if is_full() { 2_200 } else { 1_400 }) * u32::try_from(plan.kills).unwrap();
    let sending = senders.into_iter().zip(0_u64..).map(|(sender, number)| {
        sender.send_all(plan.each, over, plan.seed.wrapping_add(number), Arc::clone(&unknowns))
    });
    let (senders, (process, killed)) = tokio::join!(join_all(sending), kill_again_and_again(&site, process, &plan));

    let mut failed = vec![0; plan.users];
    for sender in &senders {
        for sent in &sender.accepted {
            let left = FINAL_WITHIN.saturating_sub(killed.elapsed());
            reaches(&sender.user, &path_of(sent), &["complete", "failed"], left).await;
        }
    }
    let took = killed.elapsed();
    for (sender, failed) in senders.iter().zip(&mut failed) {
        for room in &sender.rooms {
            *failed += check_room(sender, room).await;
        }
    }
    process.kill();

    let db = site.database().await;
    for ((sender, id), failed) in senders.iter().zip(&ids).zip(&failed) {
        let used: Vec<(i64,)> = rows(&db, &USED, vec![(*id).into()]).await;
        assert_eq!(usize::try_from(used[0].0).unwrap(), sender.accepted.len() - failed, "units miscounted");
        assert_eq!(sender.accepted.len() + sender.refused, plan.each);
    }
    for sender in &senders[..BASICS] {
        assert!(sender.accepted.len() >= 5.min(plan.each));
    }
    let accepted: usize = senders.iter().map(|sender| sender.accepted.len()).sum();
    assert_eq!(rows::<(i64,)>(&db, &MESSAGES, vec![]).await[0].0, i64::try_from(accepted * 2).unwrap());
    assert_eq!(rows::<(i64,)>(&db, &UNFINISHED, vec![]).await[0].0, 0);
    if matches!(engine, Engine::Sqlite) {
        assert_eq!(rows::<(String,)>(&db, &INTEGRITY, vec![]).await[0].0, "ok");
    }
    figures(&format!(
        "R1 {}: {} offered, {accepted} accepted, {} kills, {} unanswered offers of which {} had arrived; 0 lost, 0 doubled, \
         0 miscounted, {} failed, all final {took:.1?} after the last kill (at most 60 s); seed {}",
        engine.name(),
        plan.users * plan.each,
        plan.kills,
        unknowns.all.load(Ordering::Relaxed),
        unknowns.arrived.load(Ordering::Relaxed),
        failed.iter().sum::<usize>(),
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
