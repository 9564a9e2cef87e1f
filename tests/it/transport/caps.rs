//! How many connections there may be, and what happens beyond.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pollux::serve::Limits;
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;
use tokio::time::timeout;

use super::{Client, PATIENCE, Server};

#[tokio::test]
async fn the_201st_connection_of_one_address_is_refused_while_another_address_is_served() {
    let server = Server::start(Limits::default()).await;
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(server.connect().await);
    }
    assert_eq!(clients[199].get("/").await.status, 200);
    server.connect().await.assert_closed().await;
    assert_eq!(server.connect_from("127.0.0.2").await.get("/").await.status, 200);
    assert_eq!(clients[0].get("/").await.status, 200);
}

#[tokio::test]
async fn a_closed_connection_makes_room_for_another() {
    let server = Server::start(Limits { max_per_peer: 1, ..Limits::default() }).await;
    for _ in 0..20 {
        let start = Instant::now();
        let mut client = server.connect().await;
        client.offer("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let mut byte = [0];
        while !matches!(client.0.read(&mut byte).await, Ok(1)) {
            assert!(start.elapsed() < PATIENCE, "no room again");
            client = server.connect().await;
            client.offer("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        }
    }
}

#[tokio::test]
async fn a_trusted_proxy_may_open_any_number() {
    let exempt = Arc::new(|ip: std::net::IpAddr| ip.to_string() == "127.0.0.9");
    let server = Server::start(Limits { max_per_peer: 1, exempt, ..Limits::default() }).await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(server.connect_from("127.0.0.9").await);
    }
    for client in &mut clients {
        assert_eq!(client.get("/").await.status, 200);
    }
}

#[tokio::test]
async fn a_full_house_says_so_and_when_to_come_back() {
    let server = Server::start(Limits { max_connections: 2, ..Limits::default() }).await;
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    assert_eq!(first.get("/").await.status, 200);
    assert_eq!(second.get("/").await.status, 200);
    let mut third = server.connect().await;
    let answer = third.answer().await;
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("5")));
    third.assert_closed().await;
    assert_eq!(first.get("/").await.status, 200);
}

/// Runs the test below in a process of its own, where it may use up every descriptor.
#[test]
fn the_server_survives_having_no_descriptors_left() {
    let own = std::env::current_exe().unwrap();
    let script = "ulimit -n 96; exec \"$0\" --exact transport::caps::without_descriptors --ignored --nocapture";
    let output = std::process::Command::new("sh").args(["-c", script]).arg(own).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
}

#[tokio::test]
#[ignore = "uses up the descriptors of its process; run by the test above"]
async fn without_descriptors() {
    let server = Server::start(Limits::default()).await;
    let mut first = server.connect().await;
    assert_eq!(first.get("/").await.status, 200);
    let socket = TcpSocket::new_v4().unwrap();
    let own_times = std::fs::File::open("/proc/self/stat").unwrap();
    let hoard: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
    assert!(hoard.len() > 10);

    let mut client = Client(socket.connect(server.addr).await.unwrap());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let before = ticks(&own_times);
    let mut byte = [0];
    assert!(
        timeout(Duration::from_millis(500), client.0.peek(&mut byte)).await.is_err(),
        "served without a descriptor"
    );
    assert!(ticks(&own_times) - before <= 10, "accepting spins while there is no descriptor");

    drop(hoard);
    let start = Instant::now();
    assert_eq!(client.answer().await.status, 200);
    assert!(start.elapsed() < Duration::from_secs(2));
}

/// The processor time this process has used, in hundredths of a second.
fn ticks(stat: &std::fs::File) -> u64 {
    use std::os::unix::fs::FileExt as _;
    let mut text = [0; 1024];
    let length = stat.read_at(&mut text, 0).unwrap();
    let text = str::from_utf8(&text[..length]).unwrap();
    let fields: Vec<_> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
