//! Faults of the network under traffic: late, cut or swallowed, on the way to PostgreSQL or to Redis.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::exposed::Exposed;
use super::proxy::{Proxy, Way};
use super::records;
use super::storm::all_final;
use crate::crash::traffic::{LONGEST, Traffic};
use crate::proof::{figures, seed, size};

const LATE: Duration = Duration::from_millis(100);
const USERS: usize = 16;

/// Every fault of both ways, in an order of chance.
fn faults(chance: &mut StdRng) -> Vec<(&'static str, Way)> {
    let ways = [Way::Slow(LATE), Way::Cut, Way::Swallowed];
    let mut faults: Vec<_> = ["PostgreSQL", "Redis"].iter().flat_map(|to| ways.map(|way| (*to, way))).collect();
    faults.shuffle(chance);
    faults.truncate(size(3, 6));
    faults
}

/// Lets each fault last for some seconds, with a pause in between; answers with the end of the last.
async fn disturb(house: &Exposed, faults: &[(&'static str, Way)], chance: &mut StdRng) -> Instant {
    let pause = Duration::from_secs(1);
    for (to, way) in faults {
        let proxy: &Proxy = if *to == "Redis" { &house.to_redis } else { &house.to_postgres };
        tokio::time::sleep(pause).await;
        proxy.set(*way);
        tokio::time::sleep(Duration::from_millis(chance.random_range(3_000..5_000))).await;
        proxy.set(Way::Open);
    }
    Instant::now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_the_network_fails_nothing_is_lost_doubled_or_miscounted() {
    let Some(mut house) = Exposed::open((2, 2), vec![("BASIC_TIER_DAILY_LIMIT", "5".to_owned())]).await else { return };
    let seed = seed();
    let mut chance = StdRng::seed_from_u64(seed);
    let faults = faults(&mut chance);
    println!("network: POLLUX_SEED={seed} {faults:?}");
    let senders = house.cluster.gather(USERS, 2).await;
    let each = size(20, 60);
    let over = Duration::from_secs(5) * u32::try_from(faults.len()).unwrap();
    let traffic = Traffic { each, over, waits: true, seed, tally: Arc::default() };
    let (senders, ended) = tokio::join!(traffic.run(senders), disturb(&house, &faults, &mut chance));
    let took = all_final(&house.cluster, ended).await;
    house.cluster.check_alive();

    let history = records::read(&house.cluster.site, &senders, each).await;
    assert_eq!(history.judge(), []);
    let tally = &traffic.tally;
    let longest_ms = tally.longest_ms.load(Ordering::Relaxed);
    assert!(u128::from(longest_ms) <= LONGEST.as_millis());
    figures(&format!(
        "R3: {faults:?}, 3-5 s each: {} offered, {} accepted, {} unanswered, {} answers 503; 0 lost, 0 doubled, 0 \
         miscounted, {} failed; longest request {longest_ms} ms (at most 35 s); all final {took:.1?} after the last fault; \
         seed {seed}",
        USERS * each,
        history.accepted(),
        tally.unknown.load(Ordering::Relaxed),
        tally.unavailable.load(Ordering::Relaxed),
        history.failed(),
    ));
}
