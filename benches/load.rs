//! Requests a second and their latency, beside a bare axum route with the same token check in the same run.
//!
//! Each figure is the median of rounds in which yardstick and subject take turns, so that a noisy machine disturbs
//! both alike. The server runs on threads of its own; the load client shares the machine with it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "figures")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use pollux::app::App;
use pollux::config::{Config, Settings};
use pollux::domain::time::Clock;
use pollux::http::{self, extract::Caller};
use pollux::providers::model_demo::{Demo, DemoScript};
use pollux::serve::{self, Limits, Stop};
use pollux::{start, worker};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let server = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let client = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let home = tempfile::tempdir_in(std::env::var("BENCH_DIR").unwrap_or_else(|_| "target".to_owned())).unwrap();
    let bench = server.block_on(Bench::start(home.path()));

    println!("\n{CONNECTIONS} connections, {ROUNDS} rounds of {} s each; medians\n", ROUND.as_secs());
    println!("{:<34} {:>10} {:>9} {:>9}   ratio to bare", "", "requests/s", "p50 ms", "p99 ms");
    let bare_get = bench.requests(|user| format!("GET /bare HTTP/1.1\r\n{}\r\n", user.head));
    let list = bench.requests(|user| format!("GET /chatroom HTTP/1.1\r\n{}\r\n", user.head));
    let is_wanted = |name: &str| std::env::var("BENCH_ONLY").map_or(true, |only| only == name);
    if is_wanted("list") {
        compare(&client, ("bare GET", bench.bare, &bare_get), ("cached room list", bench.api, &list));
    }

    let body = r#"{"content":"Why is the sky blue, and why is it red in the evening?"}"#;
    let post = |path: &str, head: &str| {
        format!(
            "POST {path} HTTP/1.1\r\n{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let bare_post = bench.requests(|user| post("/bare", &user.head));
    let send = bench.requests(|user| post(&format!("/chatroom/{}/message", user.room), &user.head));
    if is_wanted("accept") {
        compare(&client, ("bare POST", bench.bare, &bare_post), ("accept, workers off", bench.api, &send));
    }
    if !is_wanted("answer") {
        return;
    }
    let stop = CancellationToken::new();
    bench.forget_jobs(&server);
    let working =
        server.spawn(worker::run(bench.app.clone(), stop.clone(), CancellationToken::new(), Duration::from_secs(1)));
    let quiet = || server.block_on(bench.until_answered());
    compare_after(
        &client,
        quiet,
        ("bare POST", bench.bare, &bare_post),
        ("accept, workers answering", bench.api, &send),
    );
    let (began, before) = (Instant::now(), bench.model.calls());
    server.block_on(bench.until_answered());
    let drained = (bench.model.calls() - before) as f64 / began.elapsed().as_secs_f64();
    println!("\nreplies written in all: {}; the rest of the last round drained at {drained:.0}/s", bench.model.calls());
    stop.cancel();
    server.block_on(working).unwrap();
}

struct User {
    head: String,
    room: String,
}

struct Bench {
    app: App,
    _house: start::House,
    model: DemoScript,
    api: SocketAddr,
    bare: SocketAddr,
    users: Vec<User>,
}

impl Bench {
    async fn start(home: &std::path::Path) -> Self {
        let home = home.display().to_string();
        let off = [
            "OTP_SENDS_PER_ADDRESS_HOUR",
            "OTP_CHECKS_PER_ADDRESS_5MIN",
            "USER_REQUESTS_PER_MINUTE",
            "USER_SENDS_PER_MINUTE",
        ];
        let mut pairs = vec![("DATA_DIR", home.as_str()), ("BASIC_TIER_DAILY_LIMIT", "1000000")];
        pairs.extend(off.map(|name| (name, "0")));
        let database = std::env::var("BENCH_DATABASE_URL").ok();
        pairs.extend(database.as_deref().map(|url| ("DATABASE_URL", url)));
        pairs.push(("JWT_SECRET", "k7Qf2vXw9LmT4sZr8YbN1cJ6hGdP3aUe"));
        let config = Config::read(&Settings::from_pairs(pairs)).unwrap();
        let model = DemoScript::new();
        let demo = Arc::new(Demo::scripted(model.clone()));
        let house = start::open(config, Clock::System, Some(demo)).await.unwrap();
        let app = house.app.clone();
        let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bare = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (api_address, bare_address) = (api.local_addr().unwrap(), bare.local_addr().unwrap());
        let limits = Limits { max_per_peer: 0, ..Limits::default() };
        tokio::spawn(serve::serve(api, http::router(&app), limits, Stop::new()));
        let router = Router::new()
            .route("/bare", get(async |_: Caller| "bare"))
            .route("/bare", post(async |_: Caller, body: Bytes| body))
            .with_state(app.clone());
        tokio::spawn(async move { axum::serve(bare, router).await.unwrap() });
        let mut users = Vec::new();
        for number in 0..CONNECTIONS {
            users.push(sign_in(&app, api_address, number).await);
        }
        Self { app, _house: house, model, api: api_address, bare: bare_address, users }
    }

    fn requests(&self, make: impl Fn(&User) -> String) -> Vec<Arc<[u8]>> {
        self.users.iter().map(|user| make(user).into_bytes().into()).collect()
    }

    /// Waits until no reply is owed.
    async fn until_answered(&self) {
        while !self.app.db.queue_depths().await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the runs without workers left behind would have to be worked off first.
    fn forget_jobs(&self, server: &tokio::runtime::Runtime) {
        server.block_on(worker::drain(&self.app)).unwrap();
    }
}

async fn sign_in(app: &App, api: SocketAddr, number: usize) -> User {
    use pollux::domain::{otp::Purpose, phone::Phone, text::Name, token::Bearer};
    use pollux::services::auth::{CodeWish, Guess};
    use pollux::services::{auth, chats, sessions};
    let phone = Phone::parse(&format!("+1500{number:03}0000"), None).unwrap();
    let address = [127, 0, 0, 1].into();
    let wish = CodeWish { phone: &phone, purpose: Purpose::Login, device_token: None, address, locale: None };
    let sent = auth::send_code(app, wish).await.unwrap();
    let (code, challenge) = (sent.echo.unwrap(), Some(sent.challenge_id));
    let signed_in = auth::verify_code(app, &Guess { phone: &phone, code: &code, challenge, address }).await.unwrap();
    let bearer: Bearer = app.tokens.read(&signed_in.access_token, app.clock.now()).unwrap();
    let session = sessions::session_of(app, bearer).await.unwrap();
    let mut room = String::new();
    for name in ["A room", "Another room", "A third room"] {
        let wish = chats::RoomWish { name: Some(Name::parse(name).unwrap()), ..chats::RoomWish::default() };
        room = chats::make_room(app, session, wish, &[]).await.unwrap().answer.id.to_string();
    }
    User { head: format!("host: {api}\r\nauthorization: Bearer {}\r\n", signed_in.access_token), room }
}

type Subject<'a> = (&'a str, SocketAddr, &'a [Arc<[u8]>]);

fn compare(client: &tokio::runtime::Runtime, yardstick: Subject<'_>, subject: Subject<'_>) {
    compare_after(client, || (), yardstick, subject);
}

/// Takes turns between both, each yardstick after `quiet` has brought quiet, so that work left behind by the subject
/// does not slow it.
fn compare_after(client: &tokio::runtime::Runtime, quiet: impl Fn(), yardstick: Subject<'_>, subject: Subject<'_>) {
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        quiet();
        bare.push(client.block_on(load(yardstick.1, yardstick.2)));
        ours.push(client.block_on(load(subject.1, subject.2)));
    }
    let (bare, ours) = (median(bare), median(ours));
    println!("{:<34} {:>10.0} {:>9.2} {:>9.2}", yardstick.0, bare.rate, bare.p50, bare.p99);
    println!(
        "{:<34} {:>10.0} {:>9.2} {:>9.2}   {:.2}",
        subject.0,
        ours.rate,
        ours.p50,
        ours.p99,
        ours.rate / bare.rate
    );
}

struct Figures {
    rate: f64,
    p50: f64,
    p99: f64,
}

fn median(mut rounds: Vec<Figures>) -> Figures {
    rounds.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    rounds.swap_remove(rounds.len() / 2)
}

async fn load(address: SocketAddr, requests: &[Arc<[u8]>]) -> Figures {
    let over = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let tasks: Vec<_> = requests
        .iter()
        .map(|request| tokio::spawn(connection(address, Arc::clone(request), Arc::clone(&over))))
        .collect();
    tokio::time::sleep(ROUND).await;
    over.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let seconds = began.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    Figures { rate: latencies.len() as f64 / seconds, p50: at(0.5), p99: at(0.99) }
}

/// One connection: the same request again and again, each answer read whole before the next.
async fn connection(address: SocketAddr, request: Arc<[u8]>, over: Arc<AtomicBool>) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut latencies, mut buffer) = (Vec::with_capacity(1 << 14), vec![0; 1 << 14]);
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        stream.write_all(&request).await.unwrap();
        read_answer(&mut stream, &mut buffer).await;
        latencies.push(began.elapsed());
    }
    latencies
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.unwrap();
        assert!(read > 0, "the server closed a connection");
        filled += read;
        let Some(head) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head]).unwrap();
        assert!(text.starts_with("HTTP/1.1 20"), "{text}");
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if filled >= head + 4 + length.parse::<usize>().unwrap() {
            return;
        }
    }
}
