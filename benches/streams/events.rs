//! A client of an event stream that costs little: a socket, and what has come and is not told yet.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

use super::upstream::nanos;

/// An open stream of events, whichever server sends it.
pub struct Events {
    socket: TcpStream,
    /// As it came, in chunks.
    raw: Vec<u8>,
    /// Out of its chunks.
    body: Vec<u8>,
    /// When the last bytes came.
    came: u64,
}

impl Events {
    /// Asks for a stream, which must be given.
    pub async fn open(to: SocketAddr, from: Ipv4Addr, request: &str) -> Self {
        let mut socket = connect(to, from).await;
        socket.set_nodelay(true).unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut events = Self { socket, raw: Vec::new(), body: Vec::new(), came: 0 };
        loop {
            assert!(events.fill().await, "the server closed a stream");
            if let Some(end) = find(&events.raw, b"\r\n\r\n") {
                let head: Vec<u8> = events.raw.drain(..end + 4).collect();
                assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&head));
                return events;
            }
        }
    }

    /// The next block of lines, and when the last of it came; none at the end.
    pub async fn next(&mut self) -> Option<(u64, String)> {
        loop {
            while self.take_chunk() {}
            if let Some((end, gap)) = end_of_block(&self.body) {
                let block: Vec<u8> = self.body.drain(..end + gap).collect();
                return Some((self.came, String::from_utf8_lossy(&block).into_owned()));
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// Moves a chunk that is there whole out of its frame.
    fn take_chunk(&mut self) -> bool {
        let Some(line) = find(&self.raw, b"\r\n") else { return false };
        let size = std::str::from_utf8(&self.raw[..line]).unwrap();
        let (begin, size) = (line + 2, usize::from_str_radix(size, 16).unwrap());
        let Some(chunk) = self.raw.get(begin..begin + size) else { return false };
        if self.raw.len() < begin + size + 2 {
            return false;
        }
        self.body.extend_from_slice(chunk);
        self.raw.drain(..begin + size + 2);
        size > 0
    }

    /// Reads once; false at the end.
    async fn fill(&mut self) -> bool {
        loop {
            if self.socket.readable().await.is_err() {
                return false;
            }
            let mut page = [0; 4096];
            match self.socket.try_read(&mut page) {
                Ok(0) => return false,
                Ok(read) => {
                    self.came = nanos();
                    self.raw.extend_from_slice(&page[..read]);
                    return true;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
        }
    }
}

/// One loopback address has fewer ports than there are streams, and no more connections than a peer may have.
async fn connect(to: SocketAddr, from: Ipv4Addr) -> TcpStream {
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        match socket.connect(to).await {
            Ok(stream) => return stream,
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Where an empty line is, and how long: ours have bare line feeds, Gemini's have carriage returns too.
fn end_of_block(body: &[u8]) -> Option<(usize, usize)> {
    let ours = find(body, b"\n\n").map(|end| (end, 2));
    ours.or_else(|| find(body, b"\r\n\r\n").map(|end| (end, 4)))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
