//! Streams on which nothing happens: what each takes of the memory, and what all of them take from other requests.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::common::figures::{Figures, load_average, median, rounds};
use super::common::house::{Process, command};
use super::common::person::{Probe, get, mobile, people, post};
use super::events::Events;

/// Eight a user is what a user may have; each is of a room of its own.
const STREAMS: usize = 10_000;
const STREAMS_A_USER: usize = 8;
const USERS: usize = STREAMS / STREAMS_A_USER;
/// Loopback addresses that the streams come from, each with fewer than one may have.
const ADDRESSES: usize = 64;
/// Streams that are being opened at one time.
const OPENING: usize = 64;
/// Every stream must have had a word by then: one comes every 15 s.
const WORD_WITHIN: Duration = Duration::from_secs(45);
/// Longer than two words of a stream are apart, so that a round has all of them at least once.
const ROUND: Duration = Duration::from_secs(20);
const BETWEEN_PROBES: Duration = Duration::from_millis(4);
/// People who go on asking meanwhile, and rooms of each.
const ASKING: usize = 8;
const ROOMS_ASKED: usize = 2;
const KINDS: [&str; 3] = ["GET /chatroom", "GET /user/me", "POST message"];
const AIM_KIB: f64 = 20.0;
const AIM_RATIO: f64 = 2.0;

/// What the rounds came to.
#[derive(Default)]
struct Rounds {
    quiet: Vec<[Figures; 3]>,
    watched: Vec<[Figures; 3]>,
    memory: Vec<(u64, u64)>,
}

pub fn run(runtime: &tokio::runtime::Runtime, home: &Path) {
    let mut command = command(home);
    command.env("DEMO_REPLY_MS", "20");
    let server = Process::server(command);
    let streams: Vec<String> = people(server.at(), USERS, watcher).into_iter().flatten().collect();
    let mut asking = Asking::start(server.at());
    asking.run(Duration::from_secs(2));
    let mut kept = Rounds::default();
    for _ in 0..rounds(3) {
        kept.quiet.push(asking.run(ROUND));
        let before = server.memory();
        let open = runtime.block_on(Open::all(server.at(), &streams));
        runtime.block_on(open.until_each_had_a_word());
        kept.memory.push((before, server.memory()));
        let words = open.words();
        kept.watched.push(asking.run(ROUND));
        assert!(open.words() - words >= STREAMS, "only {} words came in a round", open.words() - words);
        runtime.block_on(open.close(&server));
    }
    drop(server);
    let bare = bare_connections(runtime, home);
    kept.print(bare);
}

/// What a connection takes in KiB that has asked for something once and says nothing more, in a process of its own.
fn bare_connections(runtime: &tokio::runtime::Runtime, home: &Path) -> f64 {
    let server = Process::server(command(home));
    Probe::to(server.at()).ask(get("/health", "").as_bytes());
    let before = server.memory();
    let asked = get("/health", "");
    let _kept: Vec<Events> = runtime.block_on(async {
        let mut kept = Vec::new();
        for number in 0..STREAMS {
            kept.push(Events::open(server.at(), source(number), &asked).await);
        }
        kept
    });
    (server.memory() - before) as f64 / STREAMS as f64
}

/// The requests of a user's streams.
fn watcher(probe: &mut Probe, number: usize) -> Vec<String> {
    let token = probe.sign_up(&mobile(number));
    let rooms = (0..STREAMS_A_USER).map(|name| probe.room(&token, &format!("Room {name}")));
    rooms.map(|room| get(&format!("/chatroom/{room}/stream"), &token)).collect()
}

/// People who ask for this and that, one request after the other, from a thread that does nothing else.
struct Asking {
    probe: Probe,
    /// Of each kind, as many as there are rooms.
    requests: [Vec<String>; 3],
}

impl Asking {
    fn start(server: SocketAddr) -> Self {
        let (mut probe, mut requests) = (Probe::to(server), [const { Vec::new() }; 3]);
        let said = json!({"content": "Why is the sky blue, and why is it red in the evening?"});
        for number in 0..ASKING {
            let token = probe.sign_up(&mobile(USERS + number));
            for name in 0..ROOMS_ASKED {
                let room = probe.room(&token, &format!("Room {name}"));
                requests[0].push(get("/chatroom", &token));
                requests[1].push(get("/user/me", &token));
                requests[2].push(post(&format!("/chatroom/{room}/message"), &token, &said));
            }
        }
        Self { probe, requests }
    }

    /// Asks each kind turn about for so long.
    fn run(&mut self, span: Duration) -> [Figures; 3] {
        let (began, mut spans) = (Instant::now(), [const { Vec::new() }; 3]);
        for turn in 0.. {
            if began.elapsed() >= span {
                break;
            }
            for (requests, spans) in self.requests.iter().zip(&mut spans) {
                let asked = Instant::now();
                let (status, answer) = self.probe.ask(requests[turn % requests.len()].as_bytes());
                assert!(status < 300, "{status} {answer}");
                spans.push(asked.elapsed());
                std::thread::sleep(BETWEEN_PROBES);
            }
        }
        spans.map(|spans| Figures::of(spans, began.elapsed()))
    }
}

/// All the streams, and how many words of each that nothing has happened have come.
struct Open {
    tasks: JoinSet<()>,
    words: Arc<Vec<AtomicUsize>>,
}

impl Open {
    async fn all(server: SocketAddr, requests: &[String]) -> Self {
        let words = Arc::new(requests.iter().map(|_| AtomicUsize::new(0)).collect::<Vec<_>>());
        let (mut tasks, opening) = (JoinSet::new(), Arc::new(Semaphore::new(OPENING)));
        for (number, request) in requests.iter().enumerate() {
            let (turn, words) = (Arc::clone(&opening).acquire_owned().await.unwrap(), Arc::clone(&words));
            let (from, request) = (source(number), request.clone());
            tasks.spawn(async move {
                let mut events = Events::open(server, from, &request).await;
                drop(turn);
                while let Some((_, block)) = events.next().await {
                    words[number].fetch_add((block == ":\n\n").into(), Relaxed);
                }
                panic!("stream {number} ended");
            });
        }
        let _ = opening.acquire_many(u32::try_from(OPENING).unwrap()).await.unwrap();
        Self { tasks, words }
    }

    async fn until_each_had_a_word(&self) {
        let began = Instant::now();
        while self.words.iter().any(|words| words.load(Relaxed) == 0) {
            let missing = self.words.iter().filter(|words| words.load(Relaxed) == 0).count();
            assert!(began.elapsed() < WORD_WITHIN, "{missing} streams have heard nothing");
            sleep(Duration::from_millis(100)).await;
        }
    }

    fn words(&self) -> usize {
        self.words.iter().map(|words| words.load(Relaxed)).sum()
    }

    /// Closes all, and waits until the server has.
    async fn close(mut self, server: &Process) {
        self.tasks.shutdown().await;
        while server.descriptors() > STREAMS / 10 {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

fn source(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(1 + number % ADDRESSES).unwrap())
}

impl Rounds {
    fn print(&self, bare: f64) {
        let (before, with) = self.memory[0];
        let per_stream = (with - before) as f64 / STREAMS as f64;
        println!(
            "\n{STREAMS} idle streams; {} rounds of {} s each; load average {}\n",
            self.quiet.len(),
            ROUND.as_secs(),
            load_average()
        );
        println!("memory: {before} KiB without, {with} KiB with: {per_stream:.1} KiB a stream (aim {AIM_KIB})");
        println!("of it a connection on which nothing is open: {bare:.1} KiB\n");
        println!("{:<26} {:>9} {:>9} {:>9}", "", "p50 ms", "p99 ms", "worst ms");
        for (kind, name) in KINDS.into_iter().enumerate() {
            let of = |rounds: &[[Figures; 3]]| rounds.iter().map(|round| round[kind]).collect::<Vec<_>>();
            let (quiet, watched) = (of(&self.quiet), of(&self.watched));
            row(name, &quiet);
            row(&format!("{name}, watched"), &watched);
            let ratio = median(watched.iter().zip(&quiet).map(|(watched, quiet)| watched.p99_ms / quiet.p99_ms));
            println!("{:<26} {ratio:>19.2} of it (aim {AIM_RATIO})", "");
        }
    }
}

fn row(name: &str, rounds: &[Figures]) {
    let told = Figures::medians(rounds);
    println!("{name:<26} {:>9.2} {:>9.2} {:>9.2}", told.p50_ms, told.p99_ms, told.max_ms);
}
