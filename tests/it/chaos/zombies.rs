//! Workers that slept past their leases, with answers of the model in their hands: when they wake up, what they write
//! changes nothing.

use std::time::{Duration, Instant};

use super::cluster::Cluster;
use super::records::count;
use super::upstream::Upstream;
use crate::crash::traffic::PATIENCE;
use crate::harness::process::Role;
use crate::harness::servers::Servers;
use crate::harness::work::until;
use crate::proof::{figures, size};

/// Replies that each sleeper holds when it falls asleep.
const HELD: usize = 4;
/// Sleepers of one batch.
const BATCH: usize = 20;
/// A takeover is due this long after a worker fell silent.
const TAKEN_WITHIN: Duration = Duration::from_secs(20);

/// What a late write could change.
const REPLIES: &str =
    "select id, status, outcome, content, attempt, finished_at, prompt_tokens, reply_tokens from messages
    where role = 'assistant' and created_at < (select max(created_at) from users) order by id";
/// Units of every user.
const UNITS: &str = "select user_id, day, used, prompt_tokens, reply_tokens from usage order by user_id, day";
/// What workers say who were refused.
const REFUSED: &str = "A job was no longer ours";

/// One batch of sleepers; how many of them came to be refused, and how long the takeover took.
async fn sleep_and_wake(sleepers: usize) -> (usize, Duration) {
    let servers = Servers::start().await.unwrap();
    let upstream = Upstream::start(Duration::ZERO).await;
    let mut settings = upstream.settings();
    settings.push(("WORKER_CONCURRENCY", HELD.to_string()));
    let mut cluster = Cluster::start(servers, (1, sleepers), settings).await;
    let senders = cluster.gather(sleepers * HELD / 2, 0).await;
    upstream.hold(true);
    for sender in &senders {
        for room in &sender.rooms {
            sender.user.say(room, "Are you asleep?").await.expect(202);
        }
    }
    until(PATIENCE, "calls of the model by all sleepers", || async {
        (upstream.calls() == sleepers * HELD).then_some(())
    })
    .await;
    cluster.workers().iter().for_each(|sleeper| sleeper.signal("STOP"));
    let slept = Instant::now();
    upstream.hold(false);
    cluster.add(Role::Worker).await;
    until(TAKEN_WITHIN + PATIENCE, "a takeover of everything", || async {
        (count(&cluster.site, "select count(*) from jobs").await == 0).then_some(())
    })
    .await;
    let taken = slept.elapsed();

    let (replies, units) = (cluster.site.rows(REPLIES).await, cluster.site.rows(UNITS).await);
    assert_eq!(replies.len(), sleepers * HELD);
    assert!(replies.iter().all(|reply| reply[1] == "complete" && reply[4] == "2"), "{replies:?}");
    cluster.workers()[..sleepers].iter().for_each(|sleeper| sleeper.signal("CONT"));
    for sleeper in &cluster.workers()[..sleepers] {
        until(PATIENCE, "a sleeper that is awake", || async {
            sleeper.client().get("/metrics").await.status.eq(&200).then_some(())
        })
        .await;
    }
    // A stop waits for all that a worker still does, and puts back what it thinks it holds.
    for index in 1..=sleepers {
        cluster.stop(index).await;
    }
    assert_eq!((cluster.site.rows(REPLIES).await, cluster.site.rows(UNITS).await), (replies, units));
    assert_eq!(count(&cluster.site, "select count(*) from jobs").await, 0);
    let refused = cluster.workers()[..sleepers].iter().filter(|sleeper| sleeper.log().contains(REFUSED)).count();
    (refused, taken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_slept_past_their_leases_wake_up_and_change_nothing() {
    if Servers::start().await.is_none() {
        return;
    }
    let (all, mut refused, mut longest) = (size(5, 100), 0, Duration::ZERO);
    for begun in (0..all).step_by(BATCH) {
        let (more, taken) = sleep_and_wake(BATCH.min(all - begun)).await;
        refused += more;
        longest = longest.max(taken);
    }
    assert!(refused > 0, "no sleeper came as far as to write");
    figures(&format!(
        "R4 zombies: 0 of {all} sleepers changed a row, {refused} tried and were refused; all they held was taken over and \
         answered {longest:.1?} after they fell asleep"
    ));
}
