//! The storm: traffic through all servers, while servers and workers are killed, and PostgreSQL and Redis with them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::cluster::Cluster;
use super::records;
use super::upstream::Upstream;
use crate::crash::traffic::Traffic;
use crate::harness::servers::Servers;
use crate::harness::work::until;
use crate::proof::{figures, is_full, seed, size};

/// Every reply is final this long after the last blow.
const FINAL_WITHIN: Duration = Duration::from_mins(1);
/// Users on Basic, whose five messages a day must be five in spite of all.
const BASICS: usize = 4;
/// Replies that one worker writes at once.
const AT_ONCE: usize = 32;
const WORKERS: usize = 2;

/// What befalls the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    /// A process is killed and started again.
    Process,
    /// PostgreSQL is stopped at once, a process is killed while it is away, and both are started again together.
    Postgres,
    /// Redis is killed and started again, empty.
    Redis,
    /// Redis forgets everything.
    Flush,
}

/// All blows, in an order of chance.
fn blows(chance: &mut StdRng) -> Vec<Blow> {
    let (kills, restarts) = (size(8, 100), size(1, 10));
    let counts = [(Blow::Process, kills), (Blow::Postgres, restarts), (Blow::Redis, restarts), (Blow::Flush, restarts)];
    let mut blows: Vec<Blow> = counts.iter().flat_map(|(blow, count)| std::iter::repeat_n(*blow, *count)).collect();
    blows.shuffle(chance);
    blows
}

/// Deals the blows one after the other; answers with the moment of the last one.
async fn rage(cluster: &mut Cluster, blows: &[Blow], chance: &mut StdRng) -> Instant {
    let mut struck = Instant::now();
    for blow in blows {
        tokio::time::sleep(Duration::from_millis(chance.random_range(1_000..3_000))).await;
        cluster.check_alive();
        struck = Instant::now();
        strike(cluster, *blow, chance).await;
    }
    struck
}

async fn strike(cluster: &mut Cluster, blow: Blow, chance: &mut StdRng) {
    let (down, victim) = (Duration::from_millis(chance.random_range(0..2_000)), chance.random_range(0..cluster.len()));
    match blow {
        Blow::Process => {
            cluster.kill(victim);
            cluster.revive(victim).await;
        }
        Blow::Postgres => {
            cluster.servers.postgres.stop_at_once();
            tokio::time::sleep(down).await;
            cluster.kill(victim);
            cluster.servers.postgres.launch();
            cluster.revive(victim).await;
            cluster.servers.postgres.answers().await;
        }
        Blow::Redis => {
            cluster.servers.redis.kill();
            tokio::time::sleep(down).await;
            cluster.servers.redis.start().await;
        }
        Blow::Flush => cluster.servers.redis.flush().await,
    }
}

/// Waits until nothing is left to do.
pub async fn all_final(cluster: &Cluster, since: Instant) -> Duration {
    let left = FINAL_WITHIN.saturating_sub(since.elapsed());
    until(left, "an end of all work", || async {
        let jobs = records::count(&cluster.site, "select count(*) from jobs where state <> 'dead'").await;
        (jobs == 0).then_some(())
    })
    .await;
    since.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_killed_nothing_is_lost_doubled_or_miscounted() {
    let Some(servers) = Servers::start().await else { return };
    let seed = seed();
    println!("storm: POLLUX_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let upstream = Upstream::start(Duration::from_millis(800)).await;
    let mut settings = upstream.settings();
    settings.push(("BASIC_TIER_DAILY_LIMIT", "5".to_owned()));
    settings.push(("WORKER_CONCURRENCY", AT_ONCE.to_string()));
    let mut cluster = Cluster::start(servers, (2, WORKERS), settings).await;
    let (users, each) = (BASICS + size(40, 100), size(25, 200));
    let senders = cluster.gather(users, BASICS).await;

    let blows = blows(&mut chance);
    let over = Duration::from_millis(if is_full() { 3_500 } else { 3_000 }) * u32::try_from(blows.len()).unwrap();
    let traffic = Traffic { each, over, waits: true, seed, tally: Arc::default() };
    let began = Instant::now();
    let (senders, struck) = tokio::join!(traffic.run(senders), rage(&mut cluster, &blows, &mut chance));
    let sent = began.elapsed();
    // Whichever came last, a blow or a message.
    let took = all_final(&cluster, struck.max(began + sent)).await;
    cluster.check_alive();

    let history = records::read(&cluster.site, &senders, each).await;
    assert_eq!(history.judge(), []);
    assert!(senders[..BASICS].iter().all(|basic| basic.accepted.len() >= 5));
    let count = |blow| blows.iter().filter(|it| **it == blow).count();
    let (calls, accepted) = (upstream.calls(), history.accepted());
    let kills = count(Blow::Process) + count(Blow::Postgres);
    assert!(
        calls <= accepted + (kills + count(Blow::Postgres)) * WORKERS * AT_ONCE,
        "{calls} calls of the model for {accepted} messages"
    );
    let tally = |value: &std::sync::atomic::AtomicUsize| value.load(Ordering::Relaxed);
    figures(&format!(
        "R2: {} offered in {sent:.0?}, {accepted} accepted, {} kills, {} + {} restarts, {} flushes, {} unanswered offers of \
         which {} had arrived, {} answers 503; 0 lost, 0 doubled, 0 miscounted, {} failed, {calls} calls of the model; \
         longest request {} ms; all final {took:.1?} after the last blow and message (at most 60 s); seed {seed}",
        users * each,
        kills,
        count(Blow::Postgres),
        count(Blow::Redis),
        count(Blow::Flush),
        tally(&traffic.tally.unknown),
        tally(&traffic.tally.arrived),
        tally(&traffic.tally.unavailable),
        history.failed(),
        traffic.tally.longest_ms.load(Ordering::Relaxed),
    ));
}
