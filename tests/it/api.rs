//! The API over real HTTP: what every endpoint refuses, rooms, messages, keys, owners and the document.

mod bodies;
mod document;
mod keys;
mod lists;
mod messages;
pub mod operations;
mod order;
mod owners;
mod paths;
mod quotas;
mod removal;
mod rooms;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::client::Answer;

/// Longer than any answer here takes.
const PATIENCE: Duration = Duration::from_secs(10);
/// An id that nothing has.
const UNKNOWN: &str = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11";

/// Sends bytes as they are and reads until the server closes.
async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_ref()).await.unwrap();
    read_answer(stream).await
}

/// Reads one answer until the server closes; that it does is part of the matter.
async fn read_answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("a closed connection").unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("a whole head");
    let mut lines = head.lines();
    let status = lines.next().unwrap()[9..12].parse().unwrap();
    let fields = lines.map(|line| line.split_once(": ").unwrap());
    let headers = fields.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    let json = serde_json::from_str(body).unwrap_or(Value::Null);
    Answer { status, headers, text: body.to_owned(), body: json }
}

/// A request in bytes that asks for the connection to be closed.
fn request(line: &str, fields: &[&str], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n").into_bytes();
    for field in fields {
        bytes.extend_from_slice(field.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    if !body.is_empty() {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// An answer without what differs from request to request.
fn told(answer: &Answer) -> String {
    let mut fields: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    fields.sort();
    let text = answer.text.replace(answer.header("x-request-id"), "");
    format!("{} {} {text}", answer.status, fields.join("; "))
}
