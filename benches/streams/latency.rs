//! How long a chunk of the model takes to its reader: from the moment before it is written to the moment after the event
//! with it was read, both of one clock, beside the same chunks read straight from the model.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::common::figures::{Figures, load_average, rounds};
use super::common::house::{Process, command, scaled_command};
use super::common::person::{Probe, get, mobile, post};
use super::common::places::{Postgres, Redis};
use super::events::Events;
use super::upstream::{CHUNKS, EVERY, Upstream, moments, nanos};

/// Replies that are written at one time, each watched by its owner.
const REPLIES: u32 = 20;
const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;
const STRAIGHT: &str = "straight from the model";
const HOP: &str = "a message over Redis";

/// The figures of each way, round by round.
type Kept = [(&'static str, Vec<Figures>)];

/// One process on SQLite.
pub fn one_node(client: &Runtime, model: &Upstream, home: &Path) {
    let server = Process::server(with_model(command(home), model));
    let house = House::open(server.at(), model.address);
    let mut kept = [(STRAIGHT, Vec::new()), ("one node (aim p99 5)", Vec::new())];
    for _ in 0..rounds(5) {
        kept[0].1.push(house.straight(client));
        kept[1].1.push(house.watched(client));
    }
    print(&kept);
}

/// Requests in one process and replies in another, on PostgreSQL and Redis.
pub fn across(client: &Runtime, model: &Upstream, home: &Path) {
    let postgres = client.block_on(Postgres::provide(home));
    let redis = Redis::provide(home);
    let with = || with_model(scaled_command(home, &postgres, &redis), model);
    let mut serve = with();
    serve.args(["serve", "--no-worker"]);
    let server = Process::server(serve);
    let _worker = Process::worker(with());
    let house = House::open(server.at(), model.address);
    let mut kept = [(STRAIGHT, Vec::new()), (HOP, Vec::new()), ("two nodes (aim p99 15)", Vec::new())];
    for _ in 0..rounds(5) {
        kept[0].1.push(house.straight(client));
        kept[1].1.push(client.block_on(hops(&redis.url)));
        kept[2].1.push(house.watched(client));
    }
    print(&kept);
}

fn with_model(mut command: Command, model: &Upstream) -> Command {
    command.env("GEMINI_BASE_URL", format!("http://{}", model.address)).env("GEMINI_API_KEY", "a-key-of-the-bench");
    command
}

fn print(kept: &Kept) {
    let count = kept.first().map_or(0, |first| first.1.len());
    let load = load_average();
    println!(
        "\n{REPLIES} replies of {CHUNKS} chunks, 30 a second each; {count} rounds, medians; load average {load}\n"
    );
    println!("{:<26} {:>9} {:>9} {:>9}   p99 of each round", "", "p50 ms", "p99 ms", "worst ms");
    for (way, rounds) in kept {
        let told = Figures::medians(rounds);
        let each: Vec<String> = rounds.iter().map(|round| format!("{:.1}", round.p99_ms)).collect();
        println!("{way:<26} {:>9.2} {:>9.2} {:>9.2}   {}", told.p50_ms, told.p99_ms, told.max_ms, each.join(" "));
    }
}

/// A server and those who chat there.
struct House {
    server: SocketAddr,
    model: SocketAddr,
    people: Vec<Person>,
}

/// One who watches a room, and what he sends there.
struct Person {
    watch: String,
    send: String,
}

impl House {
    fn open(server: SocketAddr, model: SocketAddr) -> Self {
        let mut probe = Probe::to(server);
        let said = json!({"content": "What time is it?"});
        let mut person = |number| {
            let token = probe.sign_up(&mobile(number));
            let room = probe.room(&token, "Time");
            let send = post(&format!("/chatroom/{room}/message"), &token, &said);
            Person { watch: get(&format!("/chatroom/{room}/stream"), &token), send }
        };
        Self { server, model, people: (0..REPLIES as usize).map(&mut person).collect() }
    }

    /// Everybody watches, then sends a message, and reads the reply to its end.
    fn watched(&self, client: &Runtime) -> Figures {
        let (began, since, server) = (Instant::now(), nanos(), self.server);
        let open = |person: &Person| client.block_on(Events::open(server, HOME, &person.watch));
        let watching: Vec<Events> = self.people.iter().map(open).collect();
        let reading = watching.into_iter().map(|events| client.spawn(read(events, since))).collect();
        let mut probe = Probe::to(server);
        for person in &self.people {
            let (status, answer) = probe.ask(person.send.as_bytes());
            assert!(status == 202, "{status} {answer}");
            std::thread::sleep(EVERY / REPLIES);
        }
        client.block_on(all(reading, began))
    }

    /// As many ask the model themselves.
    fn straight(&self, client: &Runtime) -> Figures {
        let (began, since, model) = (Instant::now(), nanos(), self.model);
        let ask = post("/v1beta/models/any:streamGenerateContent?alt=sse", "", &json!({}));
        let one = |_| {
            std::thread::sleep(EVERY / REPLIES);
            let ask = ask.clone();
            client.spawn(async move { read(Events::open(model, HOME, &ask).await, since).await })
        };
        client.block_on(all((0..REPLIES).map(one).collect(), began))
    }
}

async fn all(reading: Vec<JoinHandle<Vec<Duration>>>, began: Instant) -> Figures {
    let mut spans = Vec::new();
    for reading in reading {
        spans.extend(reading.await.unwrap());
    }
    Figures::of(spans, began.elapsed())
}

/// How long each chunk of a reply was under way; every one must come. Older ones are of the reply before, which a stream
/// begins with.
async fn read(mut events: Events, since: u64) -> Vec<Duration> {
    let (mut spans, mut last) = (Vec::with_capacity(CHUNKS), since);
    while spans.len() < CHUNKS {
        let (came, block) = events.next().await.expect("a stream ended before its reply");
        for written in moments(&block) {
            // The end of a reply tells all of it once more.
            if written > last {
                spans.push(Duration::from_nanos(came - written));
                last = written;
            }
        }
    }
    spans
}

/// As many messages over Redis, as often, from one bare connection to another.
async fn hops(url: &str) -> Figures {
    let place = url.trim_start_matches("redis://").split('/').next().unwrap().to_owned();
    let (mut told, heard) = (TcpStream::connect(&place).await.unwrap(), TcpStream::connect(&place).await.unwrap());
    told.set_nodelay(true).unwrap();
    let began = Instant::now();
    let mut heard = BufReader::new(heard);
    heard.write_all(b"SUBSCRIBE bench\r\n").await.unwrap();
    let mut line = String::new();
    // The answer ends with how many channels are listened to.
    while !line.starts_with(":1") {
        line.clear();
        heard.read_line(&mut line).await.unwrap();
    }
    let hearing = tokio::spawn(hear(heard));
    let mut beat = tokio::time::interval(EVERY / REPLIES);
    for _ in 0..CHUNKS * REPLIES as usize {
        beat.tick().await;
        told.write_all(format!("PUBLISH bench n{}\r\n", nanos()).as_bytes()).await.unwrap();
    }
    Figures::of(hearing.await.unwrap(), began.elapsed())
}

async fn hear(mut heard: BufReader<TcpStream>) -> Vec<Duration> {
    let (mut spans, mut line) = (Vec::new(), String::new());
    while spans.len() < CHUNKS * REPLIES as usize {
        line.clear();
        heard.read_line(&mut line).await.unwrap();
        let came = nanos();
        spans.extend(moments(line.trim_end()).map(|written| Duration::from_nanos(came - written)));
    }
    spans
}
