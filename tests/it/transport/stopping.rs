//! A stop lets what was begun finish, and nothing holds it up.

use std::time::{Duration, Instant};

use pollux::serve::Limits;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{PATIENCE, Server};

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_request_in_flight_finishes_and_closes_its_connection() {
    let server = Server::start(Limits::default()).await;
    let mut client = server.connect().await;
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.stop.begin();
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
    client.assert_closed().await;
    assert_eq!(server.task.await.unwrap(), 0);
}

#[tokio::test]
async fn idle_and_half_begun_connections_are_closed_and_new_ones_refused() {
    let server = Server::start(Limits::default()).await;
    let mut idle = server.connect().await;
    assert_eq!(idle.get("/").await.status, 200);
    let mut silent = server.connect().await;
    let mut begun = server.connect().await;
    begun.send("GET / HTTP/1.1\r\nHo").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let start = Instant::now();
    server.stop.begin();
    idle.assert_closed().await;
    silent.assert_closed().await;
    begun.assert_closed().await;
    assert_eq!(server.task.await.unwrap(), 0);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(TcpStream::connect(server.addr).await.is_err());
}

#[tokio::test]
async fn a_request_that_had_arrived_is_answered() {
    for _ in 0..20 {
        let server = Server::start(Limits::default()).await;
        let mut client = server.connect().await;
        assert_eq!(client.get("/").await.status, 200);
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        server.stop.begin();
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(server.task.await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_stream_without_end_ends_by_its_signal() {
    let server = Server::start(Limits::default()).await;
    let mut client = server.connect().await;
    client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.wait_for_open_bodies(1).await;
    server.stop.begin();
    let (text, waited) = client.rest().await;
    assert!(text.contains("data: 1") && text.contains("retry: 500") && text.ends_with("0\r\n\r\n"), "{text}");
    assert!(waited < Duration::from_secs(1));
    assert_eq!(server.task.await.unwrap(), 0);
}

#[tokio::test]
async fn what_does_not_end_is_cut_after_the_drain_time() {
    let server = Server::start(Limits { drain: SHORT, ..Limits::default() }).await;
    let mut never = server.connect().await;
    never.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut flood = server.connect().await;
    flood.send("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.wait_for_open_bodies(1).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let start = Instant::now();
    server.stop.begin();
    assert_eq!(timeout(PATIENCE, server.task).await.unwrap().unwrap(), 2);
    assert!((SHORT..SHORT + Duration::from_secs(1)).contains(&start.elapsed()), "{:?}", start.elapsed());
    never.assert_closed().await;
}

#[tokio::test]
async fn a_second_word_cuts_at_once() {
    let server = Server::start(Limits::default()).await;
    let mut never = server.connect().await;
    never.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.stop.begin();
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.stop.cut();
    assert_eq!(timeout(Duration::from_secs(1), server.task).await.unwrap().unwrap(), 1);
}
