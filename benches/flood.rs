//! How soon a plain request is answered while the house is flooded: heads that come by a byte a second, connections
//! that say nothing, and more log-ins than can be hashed. The server is the real one in a process of its own; the flood
//! comes from many loopback addresses, so that the cap on connections by address is not what is measured; the probe has
//! a thread of its own, so that it does not wait behind the flood on its way out.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]
#![allow(clippy::cast_precision_loss, reason = "figures")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
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
    let server = Server::start(home.path());
    let mut probe = Probe::to(server.address);
    let token = probe.accounts();
    let health = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned();
    let me = format!("GET /user/me HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n");
    probe.run(&[&health, &me], Duration::from_secs(1));

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let before = server.memory();
    let (mut quiet, mut loud, mut told, mut most) = (Vec::new(), Vec::new(), Told::default(), before);
    for round in 0..ROUNDS {
        quiet.push(probe.run(&[&health, &me], QUIET));
        let flood = Flood::begin(&runtime, server.address, round);
        std::thread::sleep(RISE);
        flood.told.lock().unwrap().clear();
        let watch = server.watch();
        loud.push(probe.run(&[&health, &me], FLOOD));
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

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(home: &std::path::Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = std::fs::File::create(home.join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pollux"));
        command.env_clear().env("DATA_DIR", ".").env("PORT", port.to_string()).env("METRICS_PORT", "0");
        command.env("JWT_SECRET", "k7Qf2vXw9LmT4sZr8YbN1cJ6hGdP3aUe").env("RUST_LOG", "error").env("PAYMENTS", "off");
        command.env("OTP_SENDS_PER_ADDRESS_HOUR", "0").env("USER_REQUESTS_PER_MINUTE", "0");
        command.envs(std::env::var("BENCH_DATABASE_URL").map(|url| ("DATABASE_URL", url)));
        let child = command.current_dir(home).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        while std::net::TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, address }
    }

    /// What the process holds of the machine's memory, in KiB.
    fn memory(&self) -> u64 {
        memory_of(self.child.id())
    }

    fn watch(&self) -> Watch {
        let (process, is_over) = (self.child.id(), Arc::new(AtomicBool::new(false)));
        let over = Arc::clone(&is_over);
        let watching = std::thread::spawn(move || {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                most = most.max(memory_of(process));
                std::thread::sleep(Duration::from_millis(50));
            }
            most
        });
        Watch { is_over, watching }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks at the memory of the server until it is told to end.
struct Watch {
    is_over: Arc<AtomicBool>,
    watching: std::thread::JoinHandle<u64>,
}

impl Watch {
    fn end(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.watching.join().unwrap()
    }
}

fn memory_of(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// One connection that is kept, used by a thread that does nothing else.
struct Probe {
    stream: std::net::TcpStream,
    page: Vec<u8>,
}

impl Probe {
    fn to(address: SocketAddr) -> Self {
        let stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, page: vec![0; 1 << 14] }
    }

    /// Asks each of the requests turn about; how long each answer took.
    fn run(&mut self, requests: &[&String], span: Duration) -> Vec<Vec<Duration>> {
        let (began, mut spans) = (Instant::now(), vec![Vec::new(); requests.len()]);
        while began.elapsed() < span {
            for (request, spans) in requests.iter().zip(&mut spans) {
                let asked = Instant::now();
                assert!(self.ask(request).0 == 200);
                spans.push(asked.elapsed());
                std::thread::sleep(BETWEEN_PROBES);
            }
        }
        spans
    }

    fn ask(&mut self, request: &str) -> (u16, Value) {
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.page[filled..]).unwrap();
            assert!(read > 0, "the server closed the probe's connection");
            filled += read;
            if let Some((status, body)) = whole(&self.page[..filled]) {
                return (status, serde_json::from_slice(body).unwrap_or_default());
            }
        }
    }

    fn post(&mut self, path: &str, token: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(&post(path, token, body));
        assert!(status < 300, "{path}: {status} {answer}");
        answer
    }

    /// Makes the accounts whose passwords are right, and answers with a token for one of them.
    fn accounts(&mut self) -> String {
        let mut token = String::new();
        for owner in 0..OWNERS {
            let sent = self.post("/auth/send-otp", "", &json!({"mobile": mobile(owner, 0)}));
            let code = json!({"mobile": mobile(owner, 0), "otp": sent["otp"]});
            let tokens = self.post("/auth/verify-otp", "", &code);
            tokens["access_token"].as_str().unwrap().clone_into(&mut token);
            self.post("/auth/change-password", &token, &json!({"new_password": PASSWORD}));
        }
        // The log-ins end the oldest sessions of their accounts; the probe has one that nobody logs in to.
        let sent = self.post("/auth/send-otp", "", &json!({"mobile": mobile(999, 1)}));
        let code = json!({"mobile": mobile(999, 1), "otp": sent["otp"]});
        self.post("/auth/verify-otp", "", &code)["access_token"].as_str().unwrap().clone_into(&mut token);
        token
    }
}

fn mobile(lane: u16, turn: u64) -> String {
    format!("+1500{lane:03}{:05}", turn % 100_000)
}

fn post(path: &str, token: &str, body: &Value) -> String {
    let body = body.to_string();
    let bearer = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\n{bearer}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The status and the body of an answer, when all of it is there.
fn whole(page: &[u8]) -> Option<(u16, &[u8])> {
    let end = page.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&page[..end]).unwrap();
    let length: usize =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |it| it.parse().unwrap());
    let body = page.get(end..end + length)?;
    Some((head[9..12].parse().unwrap(), body))
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
