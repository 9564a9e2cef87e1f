//! Nothing a peer can delay lasts longer than its limit, and nothing else is cut short.

use std::time::{Duration, Instant};

use pollux::serve::Limits;
use tokio::io::AsyncReadExt;

use super::{Client, Server};

const LIMIT: Duration = Duration::from_millis(250);
/// How much later than its limit a connection may be closed.
const SLACK: Duration = Duration::from_secs(1);

fn limits() -> Limits {
    Limits { head_timeout: LIMIT, idle_timeout: LIMIT, write_stall: LIMIT, linger: LIMIT, ..Limits::default() }
}

fn assert_at_limit(waited: Duration) {
    let early = LIMIT.checked_sub(Duration::from_millis(20)).unwrap();
    assert!((early..LIMIT + SLACK).contains(&waited), "closed after {waited:?}");
}

/// Goes on sending `piece` until the server closes; how long that took.
async fn trickle(client: &mut Client, piece: &str) -> Duration {
    let start = Instant::now();
    loop {
        client.offer(piece).await;
        let mut byte = [0];
        match tokio::time::timeout(Duration::from_millis(20), client.0.read(&mut byte)).await {
            Err(_) => assert!(start.elapsed() < LIMIT + SLACK, "still open"),
            Ok(Ok(1..)) => panic!("an answer to an unfinished head"),
            Ok(_) => return start.elapsed(),
        }
    }
}

#[test]
fn the_deadlines_and_caps_are_the_promised_ones() {
    let limits = Limits::default();
    let spans = [limits.head_timeout, limits.idle_timeout, limits.write_stall];
    assert_eq!(spans, [10, 60, 30].map(Duration::from_secs));
    assert_eq!((limits.max_head_bytes, limits.max_fields, limits.max_target_bytes), (16 * 1_024, 100, 8 * 1_024));
    assert_eq!((limits.max_per_peer, limits.max_connections), (200, 16_000));
}

#[tokio::test]
async fn a_silent_connection_is_closed_at_the_deadline_of_the_head() {
    let server = Server::start(Limits { idle_timeout: SLACK * 5, ..limits() }).await;
    let (text, waited) = server.connect().await.rest().await;
    assert_eq!(text, "");
    assert_at_limit(waited);
}

#[tokio::test]
async fn a_slow_head_is_closed_at_its_deadline_however_busily_it_comes() {
    let server = Server::start(Limits { idle_timeout: SLACK * 5, ..limits() }).await;
    for (start, piece) in [("GET / HTTP/1.1\r\nx: ", "a"), ("GET / HTTP/1.1\r\n", "a: b\r\n"), ("", "\r\n")] {
        let mut client = server.connect().await;
        client.send(start).await;
        assert_at_limit(trickle(&mut client, piece).await);
    }
}

#[tokio::test]
async fn a_slow_second_head_is_closed_at_its_own_deadline() {
    let server = Server::start(Limits { idle_timeout: SLACK * 5, ..limits() }).await;
    let mut client = server.connect().await;
    assert_eq!(client.get("/").await.status, 200);
    tokio::time::sleep(LIMIT * 2).await;
    client.send("GET / HTTP/1.1\r\nx: ").await;
    assert_at_limit(trickle(&mut client, "a").await);
}

#[tokio::test]
async fn a_head_in_two_pieces_is_answered_within_the_deadline() {
    let server = Server::start(limits()).await;
    let mut client = server.connect().await;
    for _ in 0..4 {
        client.send("GET / HTTP/1.1\r\nHo").await;
        tokio::time::sleep(LIMIT / 2).await;
        client.send("st: a\r\n\r\n").await;
        assert_eq!(client.answer().await.status, 200);
    }
}

#[tokio::test]
async fn an_idle_connection_serves_again_within_its_limit_and_is_closed_after() {
    let server = Server::start(Limits { head_timeout: SLACK * 5, ..limits() }).await;
    let mut client = server.connect().await;
    for _ in 0..4 {
        assert_eq!(client.get("/").await.status, 200);
        tokio::time::sleep(LIMIT / 2).await;
    }
    assert_eq!(client.get("/").await.status, 200);
    let (text, waited) = client.rest().await;
    assert_eq!(text, "");
    assert_at_limit(waited);
}

#[tokio::test]
async fn a_slow_handler_is_not_mistaken_for_an_idle_peer() {
    let server = Server::start(Limits { head_timeout: LIMIT / 2, idle_timeout: LIMIT / 2, ..limits() }).await;
    let mut client = server.connect().await;
    assert_eq!(client.get("/slow").await.status, 200);
    assert_eq!(client.get("/slow").await.status, 200);
}

#[tokio::test]
async fn a_quiet_stream_outlives_every_other_limit() {
    let server = Server::start(limits()).await;
    let mut client = server.connect().await;
    client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.head().await.status, 200);
    tokio::time::sleep(LIMIT * 4).await;
    assert_eq!(server.open_bodies.load(std::sync::atomic::Ordering::SeqCst), 1);
    drop(client);
    server.wait_for_open_bodies(0).await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_cut() {
    let server = Server::start(limits()).await;
    let mut client = server.connect().await;
    client.send("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let start = Instant::now();
    server.wait_for_open_bodies(1).await;
    server.wait_for_open_bodies(0).await;
    assert!(start.elapsed() < LIMIT + SLACK * 3, "cut after {:?}", start.elapsed());
}

#[tokio::test]
async fn a_peer_that_reads_slowly_and_steadily_is_not_cut() {
    let server = Server::start(Limits { write_stall: LIMIT * 2, ..limits() }).await;
    let mut client = server.connect().await;
    client.send("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut page = vec![0; 1024 * 1024];
    for _ in 0..30 {
        client.0.read_exact(&mut page).await.unwrap();
        tokio::time::sleep(LIMIT / 5).await;
    }
    assert_eq!(server.open_bodies.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refused_peer_that_goes_on_sending_is_cut() {
    let server = Server::start(limits()).await;
    let mut client = server.connect().await;
    client.send("GET /%zz HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 400);
    let start = Instant::now();
    while tokio::io::AsyncWriteExt::write_all(&mut client.0, b"x").await.is_ok() {
        assert!(start.elapsed() < LIMIT + SLACK, "still taking bytes");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
