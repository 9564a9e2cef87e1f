//! The people who use the house, each by way of the API.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

const SIGNING_IN: usize = 8;

/// One connection that asks and waits.
pub struct Probe {
    stream: TcpStream,
    page: Vec<u8>,
}

impl Probe {
    pub fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, page: vec![0; 1 << 14] }
    }

    /// Signs up with that number, by the code that the answer echoes; the access token.
    pub fn sign_up(&mut self, mobile: &str) -> String {
        let sent = self.post("/auth/send-otp", "", &json!({"mobile": mobile}));
        let tokens = self.post("/auth/verify-otp", "", &json!({"mobile": mobile, "otp": sent["otp"]}));
        tokens["access_token"].as_str().unwrap().to_owned()
    }

    /// Makes a room; its id.
    pub fn room(&mut self, token: &str, name: &str) -> String {
        self.post("/chatroom", token, &json!({"name": name}))["id"].as_str().unwrap().to_owned()
    }

    pub fn post(&mut self, path: &str, token: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(post(path, token, body).as_bytes());
        assert!(status < 300, "{path}: {status} {answer}");
        answer
    }

    /// Sends a request and reads its answer whole.
    pub fn ask(&mut self, request: &[u8]) -> (u16, Value) {
        self.stream.write_all(request).unwrap();
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.page[filled..]).unwrap();
            assert!(read > 0, "the server closed a connection");
            filled += read;
            if let Some((status, body)) = whole(&self.page[..filled]) {
                return (status, serde_json::from_slice(body).unwrap_or_default());
            }
        }
    }
}

/// Has so many people come in at several doors at once; what `come` makes of each.
pub fn people<T: Send>(server: SocketAddr, count: usize, come: impl Fn(&mut Probe, usize) -> T + Sync) -> Vec<T> {
    let (share, come) = (count.div_ceil(SIGNING_IN), &come);
    let lane = |lane: usize| {
        let mut probe = Probe::to(server);
        let numbers = lane * share..count.min((lane + 1) * share);
        numbers.map(|number| come(&mut probe, number)).collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..SIGNING_IN).map(|number| scope.spawn(move || lane(number))).collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    })
}

/// A number of the test exchange; no two share their block.
pub fn mobile(number: usize) -> String {
    format!("+1{}{:03}0000", 500 + number / 1_000, number % 1_000)
}

pub fn post(path: &str, token: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\n{}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        bearer(token),
        body.len()
    )
}

pub fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{}\r\n", bearer(token))
}

fn bearer(token: &str) -> String {
    if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") }
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
