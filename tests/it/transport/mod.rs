//! The accept loop over real sockets, with a small router and small limits.

mod caps;
mod deadlines;
mod heads;
mod stopping;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Extension, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use pollux::error::Code;
use pollux::http::transport::check_head;
use pollux::serve::{Limits, Stop, StopSignal, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than any limit under test, shorter than anyone's patience.
const PATIENCE: Duration = Duration::from_secs(10);

struct Server {
    addr: SocketAddr,
    stop: Stop,
    /// Answers whose bodies are still held by the server.
    open_bodies: Arc<AtomicUsize>,
    task: JoinHandle<usize>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, stop, open_bodies) = (listener.local_addr().unwrap(), Stop::new(), Arc::default());
        let task = tokio::spawn(serve(listener, router(Arc::clone(&open_bodies)), limits, stop.clone()));
        Self { addr, stop, open_bodies, task }
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.addr).await.unwrap())
    }

    async fn connect_from(&self, address: &str) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
        Client(socket.connect(self.addr).await.unwrap())
    }

    async fn wait_for_open_bodies(&self, count: usize) {
        let start = Instant::now();
        while self.open_bodies.load(Ordering::SeqCst) != count {
            assert!(start.elapsed() < PATIENCE, "still {count} expected");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.0.write_all(text.as_ref()).await.unwrap();
    }

    /// Sends as long as the server listens.
    async fn offer(&mut self, text: impl AsRef<[u8]>) {
        let _ = self.0.write_all(text.as_ref()).await;
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        self.answer().await
    }

    /// One answer that says its length.
    async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let mut body = vec![0; head.length()];
        timeout(PATIENCE, self.0.read_exact(&mut body)).await.expect("a body").unwrap();
        Answer { body: String::from_utf8(body).unwrap(), ..head }
    }

    /// The head of an answer alone.
    async fn head(&mut self) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = timeout(PATIENCE, self.0.read_u8()).await.expect("an answer");
            head.push(byte.unwrap_or_else(|error| panic!("{error} after {}", String::from_utf8_lossy(&head))));
        }
        Answer::new(&String::from_utf8(head).unwrap())
    }

    /// Everything until the server closes, and how long that took.
    async fn rest(&mut self) -> (String, Duration) {
        let (start, mut rest) = (Instant::now(), Vec::new());
        let read = timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("a closed connection");
        read.expect("closed and not reset");
        (String::from_utf8(rest).unwrap(), start.elapsed())
    }

    async fn assert_closed(&mut self) {
        let mut byte = [0];
        let read = timeout(PATIENCE, self.0.read(&mut byte)).await.expect("a closed connection");
        assert_eq!(read.unwrap_or(0), 0, "got {byte:?}");
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn new(head: &str) -> Self {
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap().parse().unwrap();
        Self { status, head: head.to_owned(), body: String::new() }
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn length(&self) -> usize {
        self.field("content-length").map_or(0, |length| length.parse().unwrap())
    }
}

fn router(open_bodies: Arc<AtomicUsize>) -> Router {
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/peer", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }))
        .route("/echo", post(|body: Bytes| async { body }))
        .route("/ignore", post(|| async { StatusCode::PAYLOAD_TOO_LARGE }))
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_millis(400)).await }))
        .route("/never", get(std::future::pending::<()>))
        .route("/flood", get(flood))
        .route("/stream", get(quiet_stream))
        .with_state(open_bodies)
        .layer(from_fn(checked))
}

async fn checked(request: Request, next: Next) -> Response {
    check_head(request, next).await.unwrap_or_else(|error| {
        let status = match error.code() {
            Code::UriTooLong => StatusCode::URI_TOO_LONG,
            Code::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Code::MalformedRequest => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, error.code().as_str()).into_response()
    })
}

/// Counts itself as long as its answer is held.
struct OpenBody(Arc<AtomicUsize>);

impl OpenBody {
    fn new(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for OpenBody {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// More than any socket buffer holds, without end.
async fn flood(State(count): State<Arc<AtomicUsize>>) -> Body {
    let open = OpenBody::new(count);
    Body::from_stream(stream::unfold(open, async |open| {
        Some((Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 64 * 1024])), open))
    }))
}

/// One event, then nothing until the stop begins, then a farewell.
async fn quiet_stream(State(count): State<Arc<AtomicUsize>>, Extension(stop): Extension<StopSignal>) -> Body {
    let first = (OpenBody::new(count), 0);
    Body::from_stream(stream::unfold(first, move |(open, step)| {
        let token = stop.token();
        async move {
            let event = match step {
                0 => "data: 1\n\n",
                1 => {
                    token.cancelled().await;
                    "retry: 500\n\n"
                }
                _ => return None,
            };
            Some((Ok::<_, std::io::Error>(Bytes::from_static(event.as_bytes())), (open, step + 1)))
        }
    }))
}
