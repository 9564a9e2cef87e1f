//! Redis away.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::{Outage, told};
use crate::chaos::exposed::Exposed;
use crate::chaos::proxy::Way;
use crate::crash::{path_of, reaches};
use crate::harness::events::{Events, Joined};
use crate::harness::{Client, fresh_number};
use crate::proof::{figures, size};

/// Messages a minute that one process lets through.
const SENDS: usize = 5;
/// How soon a message is answered that nobody rang for: workers look twice a second.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// How soon a stream ends after its session: 2 s, and what a busy machine takes.
const REVOKED_WITHIN: Duration = Duration::from_secs(3);

impl Exposed {
    fn lose_redis(&mut self, outage: Outage) {
        match outage {
            Outage::Stopped => self.cluster.servers.redis.kill(),
            Outage::Blackholed => self.to_redis.set(Way::Swallowed),
        }
    }

    async fn regain_redis(&mut self, outage: Outage) {
        match outage {
            Outage::Stopped => self.cluster.servers.redis.start().await,
            Outage::Blackholed => self.to_redis.set(Way::Open),
        }
    }
}

/// What somebody does at one server: signs in, makes rooms, reads lists, and sends more than they may. How many messages
/// were accepted, and how long each request took. Any answer but those of a healthy house fails the test.
async fn use_it(client: Client) -> (usize, Vec<Duration>) {
    let mut took = Vec::new();
    let user = client.sign_in(&fresh_number()).await;
    let room = user.room().await;
    let mut accepted = Vec::new();
    for number in 0..3 * SENDS {
        let began = Instant::now();
        user.get("/chatroom").await.expect(200);
        took.push(began.elapsed());
        let began = Instant::now();
        let sent = user.say(&room, &format!("message {number}")).await;
        took.push(began.elapsed());
        match sent.status {
            202 => accepted.push(sent.body),
            429 => drop(sent.expect_problem(429, "rate_limited")),
            other => panic!("{other}: {}", sent.text),
        }
    }
    for sent in &accepted {
        reaches(&user, &path_of(sent), &["complete"], ANSWERED_WITHIN * u32::try_from(SENDS).unwrap()).await;
    }
    (accepted.len(), took)
}

/// Everybody at both servers, and one who sends at both; the 99th percentile of all requests.
async fn everybody(house: &Exposed, most_at_both: usize) -> Duration {
    let users = size(8, 40);
    let outcomes = join_all((0..users).map(|number| use_it(house.client(number % 2)))).await;
    let mut took: Vec<Duration> = Vec::new();
    for (accepted, times) in outcomes {
        assert_eq!(accepted, SENDS, "the limit of one process");
        took.extend(times);
    }
    let user = house.client(0).sign_in(&fresh_number()).await;
    let room = user.room().await;
    let mut accepted = 0;
    for number in 0..4 * SENDS {
        let at = Client { address: house.client(number % 2).address, ..user.clone() };
        accepted += usize::from(at.say(&room, "at both").await.status == 202);
    }
    assert!((SENDS..=most_at_both).contains(&accepted), "{accepted} of a limit of {SENDS}");
    took.sort();
    took[took.len() * 99 / 100]
}

/// Somebody who watches a room at the first server, and what he sees.
async fn watching(house: &Exposed) -> (Client, String, Events) {
    let user = house.client(0).sign_in(&fresh_number()).await;
    let room = user.room().await;
    let events = user.watch(&room, None).await;
    (user, room, events)
}

/// Text grows and sessions end on a stream that was open before, though nothing is heard of either. How long both took.
async fn goes_on(house: &Exposed, (user, room, mut events): (Client, String, Events)) -> [Duration; 2] {
    let elsewhere = Client { address: house.client(1).address, ..user };
    let began = Instant::now();
    elsewhere.say(&room, "Nobody rings.").await.expect(202);
    let mut joined = Joined::default();
    while joined.last.is_none() {
        joined.take(&events.next().await.unwrap());
    }
    assert_eq!(joined.last.unwrap()["content"], joined.text);
    let told = began.elapsed();
    assert!(told < ANSWERED_WITHIN, "{told:?}");
    elsewhere.post("/auth/logout", serde_json::json!({})).await.expect(204);
    let began = Instant::now();
    events.until("session.revoked").await;
    let revoked = began.elapsed();
    assert!(revoked < REVOKED_WITHIN, "{revoked:?}");
    [told, revoked]
}

async fn an_outage(house: &mut Exposed, outage: Outage) {
    let before = everybody(house, SENDS).await;
    let watcher = watching(house).await;
    house.lose_redis(outage);
    let lost = Instant::now();
    // At once: what is not known to be away yet must not fail either.
    let during = everybody(house, 2 * SENDS).await;
    let (ready, _) = told(&house.client(0), "redis", "away").await;
    ready.expect(200);
    let [told_in, revoked_in] = goes_on(house, watcher).await;
    let after = everybody(house, 2 * SENDS).await;
    let away = lost.elapsed();
    house.regain_redis(outage).await;
    let mut back = Duration::ZERO;
    for index in 0..2 {
        let (ready, took) = told(&house.client(index), "redis", "ok").await;
        ready.expect(200);
        back = back.max(took);
    }
    everybody(house, SENDS).await;
    house.cluster.check_alive();
    figures(&format!(
        "R12 Redis {outage:?} for {away:.1?}: 0 answers 5xx, no process above its limit, all answered; p99 {before:.0?} \
         before, {during:.0?} from the first moment on, {after:.0?} later; a reply is told to the end \
         {told_in:.1?} after its message and an ended session {revoked_in:.1?} after its end; /ready says ok {back:.1?} after its return"
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_all_goes_on_and_no_limit_is_open() {
    let settings = vec![("USER_SENDS_PER_MINUTE", SENDS.to_string())];
    let Some(mut house) = Exposed::open((2, 1), settings).await else { return };
    for outage in [Outage::Stopped, Outage::Blackholed] {
        an_outage(&mut house, outage).await;
    }
}
