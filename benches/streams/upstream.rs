//! A model that writes the time: Gemini's stream of events, each chunk's text the moment it was written.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// Chunks of a reply, and how long after one the next is written: 30 a second.
pub const CHUNKS: usize = 240;
pub const EVERY: Duration = Duration::from_millis(33);
/// What the model thinks before it writes, so that watching and writing do not begin at one moment.
const THINKS: Duration = Duration::from_millis(200);

/// Nanoseconds since the bench first asked, by the clock of both ends.
pub fn nanos() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(BEGAN.get_or_init(Instant::now).elapsed().as_nanos()).unwrap()
}

/// The moments that stand in a text, also inside JSON.
pub fn moments(text: &str) -> impl Iterator<Item = u64> {
    text.split(' ').filter_map(|word| word.rsplit_once('n')?.1.parse().ok())
}

/// A model that listens until it is dropped.
pub struct Upstream {
    pub address: SocketAddr,
    server: JoinHandle<()>,
}

impl Upstream {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(attend(socket));
            }
        });
        Self { address, server }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// One call on a connection of its own.
async fn attend(mut socket: TcpStream) {
    socket.set_nodelay(true).unwrap();
    let Some(head) = read_request(&mut socket).await else { return };
    if head.contains(":streamgeneratecontent") {
        let _ = write_reply(&mut socket).await;
        return;
    }
    let body = json!({"supportedGenerationMethods": ["generateContent"]}).to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = socket.write_all(answer.as_bytes()).await;
}

/// The head of a request in small letters, when all of its body has come too.
async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let (mut page, mut filled) = (vec![0; 1 << 16], 0);
    loop {
        let read = socket.read(&mut page[filled..]).await.ok().filter(|read| *read > 0)?;
        filled += read;
        let Some(end) = page[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&page[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if filled >= end + 4 + length.map_or(0, |length| length.parse().unwrap()) {
            return Some(head);
        }
    }
}

async fn write_reply(socket: &mut TcpStream) -> std::io::Result<()> {
    socket
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n")
        .await?;
    sleep(THINKS).await;
    let mut beat = interval(EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..CHUNKS {
        beat.tick().await;
        write_chunk(socket, &chunk(&format!("n{} ", nanos()))).await?;
    }
    let mut last = chunk("");
    last["candidates"][0]["finishReason"] = "STOP".into();
    write_chunk(socket, &last).await?;
    socket.write_all(b"0\r\n\r\n").await
}

async fn write_chunk(socket: &mut TcpStream, chunk: &Value) -> std::io::Result<()> {
    let event = format!("data: {chunk}\r\n\r\n");
    socket.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await
}

fn chunk(text: &str) -> Value {
    json!({
        "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}],
        "usageMetadata": {"promptTokenCount": 12, "candidatesTokenCount": 40, "totalTokenCount": 52},
        "modelVersion": "gemini-3.5-flash-lite",
    })
}
