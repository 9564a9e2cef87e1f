//! Streams of a server that is killed, twice, and of readers who are cut off on top: the text put together is the stored one.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value as Json;
use tokio::time::sleep;

use super::ask;
use crate::harness::events::{Events, Joined};
use crate::harness::process::{Process, Role, Site, quiet_port};
use crate::harness::work::until;
use crate::harness::{Client, Engine, fresh_number};
use crate::proof::{figures, size};

/// Streams that are open at the same time.
const AT_ONCE: usize = 50;
/// Cuts of a stream beside those of the two kills.
const CUTS: usize = 3;
/// Words of a message, which its reply repeats: the demo takes some seconds for it.
const WORDS: usize = 200;
/// More than a process takes to come up on a busy machine.
const SOON: Duration = Duration::from_mins(1);
/// Between two knocks at a door that is shut.
const PAUSE: Duration = Duration::from_millis(20);

/// Where the server is, how often it was killed, and how many have read something since.
struct Door {
    address: Mutex<SocketAddr>,
    kills: AtomicUsize,
    have_read: Vec<AtomicUsize>,
}

impl Door {
    fn at(address: SocketAddr) -> Arc<Self> {
        let have_read = (0..=2).map(|_| AtomicUsize::new(0)).collect();
        Arc::new(Self { address: Mutex::new(address), kills: AtomicUsize::new(0), have_read })
    }

    fn of(&self, user: &Client) -> Client {
        Client { address: *self.address.lock().unwrap(), ..user.clone() }
    }

    /// Waits until all have read something since the last kill.
    async fn all_have_read(&self, count: usize) {
        let have_read = &self.have_read[self.kills.load(Ordering::SeqCst)];
        until(SOON, "all streams telling", || async { (have_read.load(Ordering::SeqCst) == count).then_some(()) })
            .await;
    }

    /// Says that the server is gone; only then may another be found, so that nobody takes it for the old one.
    fn shut(&self) {
        self.kills.fetch_add(1, Ordering::SeqCst);
    }

    fn open_at(&self, address: SocketAddr) {
        *self.address.lock().unwrap() = address;
    }
}

/// What became of a stream: what its reader has, and how often it was resumed after a kill and after a cut of his own.
struct Watched {
    joined: Joined,
    kills: usize,
    cuts: usize,
}

async fn watch(door: &Door, user: &Client, room: &str) -> Watched {
    let mut watched = Watched { joined: Joined::default(), kills: 0, cuts: 0 };
    let mut known_kills = None;
    loop {
        let kills = door.kills.load(Ordering::SeqCst);
        let request = door.of(user).request(reqwest::Method::GET, &format!("/chatroom/{room}/stream"));
        let request =
            watched.joined.place.iter().fold(request, |request, place| request.header("last-event-id", place));
        let Some(mut events) = Events::try_open(request).await else {
            sleep(PAUSE).await;
            continue;
        };
        let few = if watched.cuts < CUTS { rand::random_range(1..12) } else { usize::MAX };
        let mut read = 0;
        while let Some(event) = events.next().await {
            watched.joined.take(&event);
            if watched.joined.last.is_some() {
                return watched;
            }
            if event.name == "reply.delta" && known_kills != Some(kills) {
                watched.kills += kills - known_kills.unwrap_or(kills);
                known_kills = Some(kills);
                door.have_read[kills].fetch_add(1, Ordering::SeqCst);
            }
            read += 1;
            if read == few {
                watched.cuts += 1;
                break;
            }
        }
    }
}

/// One round: as many streams as there are at once, two kills, and what is stored in the end.
async fn round(engine: &Engine) {
    let settings = [("WORKER_CONCURRENCY", "500"), ("BASIC_TIER_DAILY_LIMIT", "100")];
    let site = Site::new(engine, &settings).await;
    let (mut servers, worker) = servers(&site, engine).await;
    let door = Door::at(servers[0].address);
    let users = join_all((0..AT_ONCE).map(|_| sign_in(&servers[0]))).await;
    let streams = users.into_iter().map(|user| {
        let door = Arc::clone(&door);
        tokio::spawn(async move {
            let room = user.room().await;
            let words: Vec<_> = (0..WORDS).map(|_| char::from(rand::random_range(b'a'..=b'z')).to_string()).collect();
            let reply = ask(&user, &room, &words.join(" ")).await;
            let watched = watch(&door, &user, &room).await;
            let stored = door.of(&user).get(&format!("/chatroom/{room}/message/{reply}")).await.expect(200).body;
            (watched, stored)
        })
    });
    let streams: Vec<_> = streams.collect();
    for _ in 0..2 {
        door.all_have_read(AT_ONCE).await;
        let port = servers[0].address.port();
        servers.remove(0).kill();
        door.shut();
        if servers.is_empty() {
            servers.push(site.start_at(port).await);
        }
        door.open_at(servers[0].address);
    }
    for stream in streams {
        let (watched, stored) = stream.await.unwrap();
        is_whole(&watched, &stored);
    }
    drop(worker);
}

async fn sign_in(server: &Process) -> Client {
    server.client().sign_in(&fresh_number()).await
}

fn is_whole(watched: &Watched, stored: &Json) {
    let Watched { joined, kills, cuts } = watched;
    assert_eq!(stored["outcome"], "completed");
    assert_eq!(stored["content"], joined.text);
    assert_eq!((joined.last.as_ref(), joined.ends), (Some(stored), 1));
    assert_eq!((*kills, *cuts), (2, CUTS), "a stream ended before it was cut as often as it should be");
}

/// One process that does everything and comes back where it was; or, with PostgreSQL, three that serve, of which the next
/// stands in for the one before, and a worker beside them.
async fn servers(site: &Site, engine: &Engine) -> (Vec<Process>, Option<Process>) {
    if matches!(engine, Engine::Sqlite) {
        return (vec![site.start().await], None);
    }
    let mut worker = site.spawn(Role::Worker, quiet_port());
    assert_eq!(worker.ready().await, None);
    let mut servers = Vec::new();
    for _ in 0..3 {
        let mut server = site.spawn(Role::Server, quiet_port());
        assert_eq!(server.ready().await, None);
        servers.push(server);
    }
    (servers, Some(worker))
}

async fn rounds(engine: &Engine) {
    let streams = size(AT_ONCE, 1_000);
    for _ in 0..streams / AT_ONCE {
        round(engine).await;
    }
    figures(&format!(
        "R10 {}: {streams} of {streams} streams cut {CUTS} times by their readers and twice by a kill were whole",
        engine.name()
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_go_on_after_their_process_was_killed_and_started_again() {
    rounds(&Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_go_on_at_another_server_after_theirs_was_killed() {
    let Some(engine) = Engine::postgres().await else { return };
    rounds(&engine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_stay_open_while_their_worker_is_killed_and_another_writes_from_the_beginning() {
    let Some(engine) = Engine::postgres().await else { return };
    let site = Site::new(&engine, &[]).await;
    let (servers, worker) = servers(&site, &engine).await;
    let streams = (0..8).map(|number| {
        let server = &servers[number % servers.len()];
        async move {
            let user = sign_in(server).await;
            let room = user.room().await;
            let mut events = user.watch(&room, None).await;
            let reply = ask(&user, &room, &"word ".repeat(WORDS)).await;
            let mut joined = Joined::default();
            while joined.text.is_empty() {
                joined.take(&events.next().await.unwrap());
            }
            (user, format!("/chatroom/{room}/message/{reply}"), events, joined)
        }
    });
    let streams = join_all(streams).await;
    worker.unwrap().kill();
    let mut other = site.spawn(Role::Worker, quiet_port());
    assert_eq!(other.ready().await, None);
    for (user, path, mut events, mut joined) in streams {
        let mut resets = 0;
        while joined.last.is_none() {
            let event = events.next_within(SOON).await.expect("the stream was closed");
            resets += usize::from(event.name == "reply.reset");
            joined.take(&event);
        }
        let stored = user.get(&path).await.expect(200).body;
        assert_eq!((stored["content"].as_str(), &stored["attempt"]), (Some(joined.text.as_str()), &2.into()));
        assert_eq!((resets, joined.attempt, joined.ends), (1, 2, 1));
        assert_eq!(joined.last.unwrap(), stored);
    }
}
