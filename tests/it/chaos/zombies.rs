//! Workers that slept past their leases with finished replies in their hands: what they wrote last arrives late, they
//! wake up and go on, and nothing is changed by it.

use std::time::{Duration, Instant};

use super::cluster::Cluster;
use super::proxy::{Proxy, Way};
use super::records::count;
use super::upstream::Upstream;
use crate::crash::traffic::{PATIENCE, Sender};
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
    where role = 'assistant' order by id";
/// Units of every user.
const UNITS: &str = "select user_id, day, used, prompt_tokens, reply_tokens from usage order by user_id, day";
/// Statements that are being run.
const BUSY: &str = "select count(*) from pg_stat_activity
    where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()";
/// Jobs of those who took over.
const TAKEN: &str = "select count(*) from jobs where state = 'running' and attempt = 2";
const LEFT: &str = "select count(*) from jobs";

/// Workers with a way to the database of their own.
struct Sleepers {
    cluster: Cluster,
    way: Proxy,
    upstream: Upstream,
    count: usize,
}

impl Sleepers {
    async fn start(servers: Servers, count: usize) -> Self {
        let upstream = Upstream::start(Duration::ZERO).await;
        let way = Proxy::start(servers.postgres.port).await;
        let (direct, own) = (servers.postgres.url(), format!("postgres://postgres@{}/postgres", way.address));
        let mut settings = upstream.settings();
        settings.push(("WORKER_CONCURRENCY", HELD.to_string()));
        let mut cluster = Cluster::start(servers, (1, 0), settings).await;
        cluster.site.set("DATABASE_URL", own);
        for _ in 0..count {
            cluster.add(Role::Worker).await;
        }
        cluster.site.set("DATABASE_URL", direct);
        Self { cluster, way, upstream, count }
    }

    /// Everybody sends into each of their rooms.
    async fn fill(&self, senders: &[Sender], content: &str) {
        for sender in senders {
            for room in &sender.rooms {
                sender.user.say(room, content).await.expect(202);
            }
        }
    }

    async fn all_done(&self) {
        let within = TAKEN_WITHIN + PATIENCE;
        until(within, "an end of all work", || async { (count(&self.cluster.site, LEFT).await == 0).then_some(()) })
            .await;
    }

    /// Puts them to sleep when they have begun to write what the model answered, and before it has arrived.
    async fn fall_asleep(&self) {
        let senders = self.cluster.gather(self.count * HELD / 2, 0).await;
        // Once with nothing in the way, so that connections are there and warm.
        self.fill(&senders, "Are you tired?").await;
        self.all_done().await;
        self.upstream.hold(true);
        let before = self.upstream.calls();
        self.fill(&senders, "Are you asleep?").await;
        let all = before + self.count * HELD;
        until(PATIENCE, "calls by all", || async { (self.upstream.calls() == all).then_some(()) }).await;
        self.way.set(Way::Swallowed);
        self.upstream.hold(false);
        until(PATIENCE, "late writes", || async { (self.way.held() >= self.count).then_some(()) }).await;
        self.signal("STOP");
    }

    async fn wake_up(&self) {
        self.way.set(Way::Open);
        self.signal("CONT");
        for sleeper in &self.cluster.workers()[..self.count] {
            until(PATIENCE, "a sleeper that is awake", || async {
                (sleeper.client().get("/metrics").await.status == 200).then_some(())
            })
            .await;
        }
    }

    fn signal(&self, name: &str) {
        self.cluster.workers()[..self.count].iter().for_each(|sleeper| sleeper.signal(name));
    }
}

/// One batch; how many late writes there were, and how long the takeover took.
async fn sleep_and_wake(servers: Servers, sleepers: usize) -> (usize, Duration) {
    let mut this = Sleepers::start(servers, sleepers).await;
    let held = sleepers * HELD;
    this.fall_asleep().await;
    let slept = Instant::now();
    // Whoever takes over has not finished when they wake up: nothing but the number of the attempt tells who may write.
    this.upstream.hold(true);
    this.cluster.site.set("WORKER_CONCURRENCY", held.to_string());
    this.cluster.add(Role::Worker).await;
    let all = this.upstream.calls() + held;
    until(TAKEN_WITHIN + PATIENCE, "a takeover", || async { (this.upstream.calls() == all).then_some(()) }).await;
    let taken = slept.elapsed();

    let site = &this.cluster.site;
    let (replies, units, late) = (site.rows(REPLIES).await, site.rows(UNITS).await, this.way.held());
    assert_eq!(count(site, TAKEN).await, held);
    this.wake_up().await;
    // A stop waits for all that a worker still does, and puts back what it thinks it holds.
    for index in 1..=sleepers {
        this.cluster.stop(index).await;
    }
    let site = &this.cluster.site;
    // What the network held back came before the ends of its connections, so it has been run when nothing is any more.
    until(PATIENCE, "an end of late writes", || async { (count(site, BUSY).await == 0).then_some(()) }).await;
    assert_eq!((site.rows(REPLIES).await, site.rows(UNITS).await), (replies, units));
    assert_eq!(count(site, TAKEN).await, held);

    this.upstream.hold(false);
    this.all_done().await;
    let replies = this.cluster.site.rows(REPLIES).await;
    let second = replies.iter().filter(|reply| reply[1] == "complete" && reply[4] == "2").count();
    assert_eq!((replies.len(), second), (held * 2, held), "{replies:?}");
    (late, taken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_slept_past_their_leases_wake_up_and_change_nothing() {
    let (all, mut late, mut longest) = (size(5, 100), 0, Duration::ZERO);
    for begun in (0..all).step_by(BATCH) {
        let Some(servers) = Servers::start().await else { return };
        let (more, taken) = sleep_and_wake(servers, BATCH.min(all - begun)).await;
        late += more;
        longest = longest.max(taken);
    }
    assert!(longest <= TAKEN_WITHIN, "taken over after {longest:?}");
    assert!(late > 0, "no late write came");
    figures(&format!(
        "R4 zombies: 0 of {all} sleepers changed a row, {late} late writes came to nothing; all they held was taken over {longest:.1?} \
         after they fell asleep (at most 20 s) and answered"
    ));
}
