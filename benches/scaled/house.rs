//! The processes under measurement, each the real binary, and the people who use them.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::places::{Postgres, Redis, free_port};

/// Users, each on Pro, and rooms of each: a room answers one message at a time, and a user has four answered at once.
const USERS: usize = 256;
const ROOMS: usize = 4;
const SIGNING_IN: usize = 8;

/// How processes are started here.
pub struct Settings<'a> {
    pub postgres: &'a Postgres,
    pub redis: &'a Redis,
    pub home: &'a Path,
}

/// A process of ours; it ends when this is dropped.
pub struct Process {
    child: Child,
    pub address: Option<SocketAddr>,
}

impl Process {
    pub fn server(settings: &Settings<'_>) -> Self {
        let port = free_port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let child = settings.command().args(["serve", "--no-worker"]).env("PORT", port.to_string()).spawn().unwrap();
        while TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, address: Some(address) }
    }

    pub fn worker(settings: &Settings<'_>) -> Self {
        let child = settings.command().arg("worker").spawn().unwrap();
        Self { child, address: None }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

impl Settings<'_> {
    fn command(&self) -> Command {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.home.join("pollux.log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pollux"));
        command.env_clear().current_dir(self.home).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.envs([
            ("DATABASE_URL", self.postgres.url.as_str()),
            ("REDIS_URL", &self.redis.url),
            ("DATA_DIR", "."),
            ("METRICS_PORT", "0"),
            ("JWT_SECRET", "k7Qf2vXw9LmT4sZr8YbN1cJ6hGdP3aUe"),
            ("RUST_LOG", "error"),
            ("PAYMENTS", "off"),
            ("OTP_SENDS_PER_HOUR", "0"),
            ("OTP_SENDS_PER_ADDRESS_HOUR", "0"),
            ("OTP_CHECKS_PER_ADDRESS_5MIN", "0"),
            ("USER_REQUESTS_PER_MINUTE", "0"),
            ("USER_SENDS_PER_MINUTE", "0"),
            ("CONNECTIONS_PER_ADDRESS", "0"),
            ("WORKER_CONCURRENCY", "256"),
            ("DEMO_REPLY_MS", "20"),
        ]);
        command
    }
}

/// Signs everybody up and makes their rooms; the requests that send a message into each.
pub fn people(server: SocketAddr) -> Vec<Arc<[u8]>> {
    let share = USERS / SIGNING_IN;
    let sign_up = |lane: usize| {
        let mut probe = Probe::to(server);
        (lane * share..(lane + 1) * share).flat_map(move |user| probe.user(user)).collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..SIGNING_IN).map(|lane| scope.spawn(move || sign_up(lane))).collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    })
}

/// One connection that asks and waits.
struct Probe {
    stream: TcpStream,
    page: Vec<u8>,
}

impl Probe {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, page: vec![0; 1 << 14] }
    }

    fn user(&mut self, number: usize) -> Vec<Arc<[u8]>> {
        let mobile = format!("+1500{number:03}0000");
        let sent = self.post("/auth/send-otp", "", &json!({"mobile": mobile}));
        let tokens = self.post("/auth/verify-otp", "", &json!({"mobile": mobile, "otp": sent["otp"]}));
        let token = tokens["access_token"].as_str().unwrap();
        let said = json!({"content": "Why is the sky blue, and why is it red in the evening?"});
        let room = |name: usize| self.post("/chatroom", token, &json!({"name": format!("Room {name}")}));
        let rooms: Vec<Value> = (0..ROOMS).map(room).collect();
        let path = |room: &Value| format!("/chatroom/{}/message", room["id"].as_str().unwrap());
        rooms.iter().map(|room| post(&path(room), token, &said).into_bytes().into()).collect()
    }

    fn post(&mut self, path: &str, token: &str, body: &Value) -> Value {
        self.stream.write_all(post(path, token, body).as_bytes()).unwrap();
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.page[filled..]).unwrap();
            assert!(read > 0, "the server closed a connection");
            filled += read;
            if let Some((status, body)) = whole(&self.page[..filled]) {
                let answer = serde_json::from_slice(body).unwrap_or_default();
                assert!(status < 300, "{path}: {status} {answer}");
                return answer;
            }
        }
    }
}

fn post(path: &str, token: &str, body: &Value) -> String {
    let (body, bearer) = (body.to_string(), format!("authorization: Bearer {token}\r\n"));
    let bearer = if token.is_empty() { "" } else { &bearer };
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\n{bearer}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The status and the body of an answer, when all of it is there.
pub fn whole(page: &[u8]) -> Option<(u16, &[u8])> {
    let end = page.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&page[..end]).unwrap();
    let length: usize =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |it| it.parse().unwrap());
    let body = page.get(end..end + length)?;
    Some((head[9..12].parse().unwrap(), body))
}
