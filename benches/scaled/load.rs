//! Load on two servers, and its yardstick: rows inserted one by one by `pgbench`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::common::figures::Figures;
use super::common::person::whole;
use super::{CLIENTS, ROUND};

/// Each connection sends into its own share of the rooms, one message after the other, each answer read whole.
pub async fn messages(servers: &[SocketAddr], requests: &[Arc<[u8]>]) -> Figures {
    let over = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let share = requests.len() / CLIENTS;
    let connections = requests.chunks(share).take(CLIENTS).enumerate().map(|(index, requests)| {
        let server = servers[index % servers.len()];
        tokio::spawn(connection(server, requests.to_vec(), Arc::clone(&over)))
    });
    let connections: Vec<_> = connections.collect();
    tokio::time::sleep(ROUND).await;
    over.store(true, Ordering::Relaxed);
    let mut spans = Vec::new();
    for connection in connections {
        spans.extend(connection.await.unwrap());
    }
    Figures::of(spans, began.elapsed())
}

async fn connection(server: SocketAddr, requests: Vec<Arc<[u8]>>, over: Arc<AtomicBool>) -> Vec<Duration> {
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut spans, mut page) = (Vec::with_capacity(1 << 12), vec![0; 1 << 13]);
    for request in requests.iter().cycle() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let asked = Instant::now();
        send(&mut stream, request, &mut page).await;
        spans.push(asked.elapsed());
    }
    spans
}

/// Sends a message, which must be taken.
pub async fn send(stream: &mut TcpStream, request: &[u8], page: &mut [u8]) {
    stream.write_all(request).await.unwrap();
    let mut filled = 0;
    loop {
        let read = stream.read(&mut page[filled..]).await.unwrap();
        assert!(read > 0, "a server closed a connection");
        filled += read;
        if let Some((status, body)) = whole(&page[..filled]) {
            assert!(status == 202, "{status} {}", String::from_utf8_lossy(body));
            return;
        }
    }
}

/// Rows a second that as many clients insert one by one, each durable before the next.
pub fn single_rows(url: &str, home: &Path) -> f64 {
    let script = home.join("row.sql");
    let text = "x".repeat(120);
    std::fs::write(&script, format!("insert into bench_rows (body) values ('{text}');\n")).unwrap();
    let mut pgbench = Command::new("pgbench");
    pgbench.args(["-n", "-M", "prepared", "-j", "2", "-c", &CLIENTS.to_string(), "-T", &ROUND.as_secs().to_string()]);
    let told = pgbench.arg("-f").arg(&script).arg(url).output().expect("pgbench is not installed");
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "));
    let line = line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&told.stderr)));
    line.split(' ').next().unwrap().parse().unwrap()
}
