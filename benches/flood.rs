//! How soon a plain request is answered while the house is flooded: heads that come by a byte a second, connections
//! that say nothing, and more log-ins than can be hashed. The server is the real one in a process of its own; the flood
//! comes from many loopback addresses, so that the cap on connections by address is not what is measured; the probe has
//! a thread of its own, so that it does not wait behind the flood on its way out.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]
#![allow(clippy::cast_precision_loss, reason = "figures")]

mod common;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::house::{Process, command, memory_of};
use common::person::{Probe, get, post, whole};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

const SLOW: u16 = 500;
const SILENT: u16 = 500;
const LOG_INS: u16 = 200;
/// Accounts whose right password is among the log-ins.
const OWNERS: u16 = 20;
const PASSWORD: &str = "seven green herons";
const ROUNDS: usize = 3;
const QUIET: Duration = Duration::from_secs(4);
const FLOOD: Duration = Duration::from_secs(12);
/// What the flood may take until it has come up.
const RISE: Duration = Duration::from_secs(3);
const BETWEEN_PROBES: Duration = Duration::from_millis(5);

fn main() {
    let home = tempfile::tempdir_in(std::env::var("BENCH_DIR").unwrap_or_else(|_| "target".to_owned())).unwrap();
    let server = server(home.path());
    let mut probe = Probe::to(server.at());
    let token = accounts(&mut probe);
    let (health, me) = (get("/health", ""), get("/user/me", &token));
    run(&mut probe, &[&health, &me], Duration::from_secs(1));

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let before = server.memory();
    let (mut quiet, mut loud, mut told, mut most) = (Vec::new(), Vec::new(), Told::default(), before);
    for round in 0..ROUNDS {
        quiet.push(run(&mut probe, &[&health, &me], QUIET));
        let flood = Flood::begin(&runtime, server.at(), round);
        std::thread::sleep(RISE);
        flood.told.lock().unwrap().clear();
        let watch = Watch::begin(server.id());
        loud.push(run(&mut probe, &[&health, &me], FLOOD));
        most = most.max(watch.end());
        told.add(flood.end(&runtime));
    }
    println!("\n{SLOW} slow heads, {SILENT} silent connections, {LOG_INS} log-ins at once; {ROUNDS} rounds, medians\n");
    println!("{:<26} {:>9} {:>9} {:>9}", "", "p50 ms", "p99 ms", "worst ms");
    for (kind, name) in ["/health", "/user/me"].into_iter().enumerate() {
        row(&format!("GET {name}"), &quiet, kind);
        row(&format!("GET {name}, flooded"), &loud, kind);
    }
    told.print();
    let cores = u64::try_from(std::thread::available_parallelism().unwrap().get()).unwrap();
    let (grown, aim) = ((most - before) / 1_024, 19 * cores + 32);
    println!("{:<26} {:>5} MiB, +{grown} MiB under the flood (aim +{aim})", "memory", before / 1_024);
}

/// Prints the medians of the rounds for one kind of probe.
fn row(name: &str, rounds: &[Vec<Vec<Duration>>], kind: usize) {
    let of = |share: usize| {
        let mut found: Vec<f64> = rounds.iter().map(|round| at(&round[kind], share)).collect();
        found.sort_by(f64::total_cmp);
        found[found.len() / 2]
    };
    println!("{name:<26} {:>9.2} {:>9.2} {:>9.2}", of(50), of(99), of(100));
}

/// So many hundredths of the spans are shorter, in milliseconds.
fn at(spans: &[Duration], share: usize) -> f64 {
    let mut spans = spans.to_vec();
    spans.sort_unstable();
    spans.get(spans.len() * share / 100).or(spans.last()).map_or(0.0, |span| span.as_secs_f64() * 1e3)
}

fn server(home: &std::path::Path) -> Process {
    let mut command = command(home);
    command.envs(std::env::var("BENCH_DATABASE_URL").map(|url| ("DATABASE_URL", url)));
    Process::server(command)
}

/// Looks at the memory of the server until it is told to end.
struct Watch {
    is_over: Arc<AtomicBool>,
    watching: std::thread::JoinHandle<u64>,
}

impl Watch {
    fn begin(process: u32) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let watching = std::thread::spawn(move || {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                most = most.max(memory_of(process));
                std::thread::sleep(Duration::from_millis(50));
            }
            most
        });
        Self { is_over, watching }
    }

    fn end(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.watching.join().unwrap()
    }
}

/// Asks each of the requests turn about; how long each answer took.
fn run(probe: &mut Probe, requests: &[&String], span: Duration) -> Vec<Vec<Duration>> {
    let (began, mut spans) = (Instant::now(), vec![Vec::new(); requests.len()]);
    while began.elapsed() < span {
        for (request, spans) in requests.iter().zip(&mut spans) {
            let asked = Instant::now();
            assert!(probe.ask(request.as_bytes()).0 == 200);
            spans.push(asked.elapsed());
            std::thread::sleep(BETWEEN_PROBES);
        }
    }
    spans
}

/// Makes the accounts whose passwords are right, and answers with a token for one of them.
fn accounts(probe: &mut Probe) -> String {
    for owner in 0..OWNERS {
        let token = probe.sign_up(&mobile(owner, 0));
        probe.post("/auth/change-password", &token, &json!({"new_password": PASSWORD}));
    }
    // The log-ins end the oldest sessions of their accounts; the probe has one that nobody logs in to.
    probe.sign_up(&mobile(999, 1))
}

fn mobile(lane: u16, turn: u64) -> String {
    format!("+1500{lane:03}{:05}", turn % 100_000)
}

/// How log-ins were answered: the status, and how long it took.
#[derive(Default)]
struct Told(Vec<(u16, Duration)>);

impl Told {
    fn clear(&mut self) {
        self.0.clear();
    }

    fn add(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    fn print(&self) {
        let rounds = FLOOD.as_secs_f64() * ROUNDS as f64;
        for (status, name) in [(200, "right"), (401, "wrong"), (503, "surplus")] {
            let spans: Vec<Duration> = self.0.iter().filter(|one| one.0 == status).map(|one| one.1).collect();
            let name = format!("log-ins, {name} ({status})");
            let rate = spans.len() as f64 / rounds;
            println!(
                "{name:<26} {:>9.2} {:>9.2} {:>9.2} {rate:>9.0}/s",
                at(&spans, 50),
                at(&spans, 99),
                at(&spans, 100)
            );
        }
        let others = self.0.iter().filter(|one| ![200, 401, 503].contains(&one.0)).count();
        println!("{:<26} {others}", "log-ins, otherwise");
    }
}

struct Flood {
    told: Arc<Mutex<Told>>,
    tasks: tokio::task::JoinSet<()>,
}

impl Flood {
    fn begin(runtime: &tokio::runtime::Runtime, to: SocketAddr, round: usize) -> Self {
        let (told, mut tasks) = (Arc::new(Mutex::new(Told::default())), tokio::task::JoinSet::new());
        for lane in 0..SLOW {
            tasks.spawn_on(dribble(to, source(1, lane)), runtime.handle());
        }
        for lane in 0..SILENT {
            tasks.spawn_on(say_nothing(to, source(2, lane)), runtime.handle());
        }
        for lane in 0..LOG_INS {
            tasks.spawn_on(log_in(to, lane, round as u64, Arc::clone(&told)), runtime.handle());
        }
        Self { told, tasks }
    }

    /// Closes all of it.
    fn end(mut self, runtime: &tokio::runtime::Runtime) -> Told {
        runtime.block_on(self.tasks.shutdown());
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

/// A loopback address of many.
fn source(kind: u8, lane: u16) -> Ipv4Addr {
    let [high, low] = lane.to_be_bytes();
    Ipv4Addr::new(127, kind, high, low.max(1))
}

async fn connect(to: SocketAddr, from: Ipv4Addr) -> TcpStream {
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        match socket.connect(to).await {
            Ok(stream) => return stream,
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// A head by a byte a second, again and again.
async fn dribble(to: SocketAddr, from: Ipv4Addr) {
    loop {
        let mut stream = connect(to, from).await;
        for byte in b"GET /health HTTP/1.1\r\nhost: localhost\r\nx: aaaaaaaaaaaaaaaa" {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            if timeout(Duration::from_secs(1), stream.read(&mut [0; 16])).await.is_ok() {
                break;
            }
        }
    }
}

async fn say_nothing(to: SocketAddr, from: Ipv4Addr) {
    loop {
        let mut stream = connect(to, from).await;
        let _ = stream.read(&mut [0; 16]).await;
    }
}

/// Log-ins on one connection, every other with the right password of somebody, each as soon as the former is answered.
async fn log_in(to: SocketAddr, lane: u16, round: u64, told: Arc<Mutex<Told>>) {
    let pause = std::env::var("FLOOD_PAUSE_MS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let (mut stream, mut page) = (connect(to, source(3, lane)).await, vec![0; 1 << 13]);
    stream.set_nodelay(true).unwrap();
    for turn in round * 30_000.. {
        let body = if turn % 2 == 0 {
            json!({"mobile": mobile(lane % OWNERS, 0), "password": PASSWORD})
        } else {
            json!({"mobile": mobile(100 + lane, turn), "password": "eight grey geese"})
        };
        let asked = Instant::now();
        stream.write_all(post("/auth/login", "", &body).as_bytes()).await.unwrap();
        let mut filled = 0;
        let status = loop {
            filled += stream.read(&mut page[filled..]).await.unwrap();
            if let Some((status, _)) = whole(&page[..filled]) {
                break status;
            }
        };
        told.lock().unwrap().0.push((status, asked.elapsed()));
        sleep(Duration::from_millis(pause)).await;
    }
}
