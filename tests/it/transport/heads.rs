//! Heads and framing: the limits hold whatever the packet split, and what is ambiguous is never handled.

use std::time::Duration;

use pollux::serve::Limits;

use super::{Client, Server};

const KIB: usize = 1024;

/// How a request is cut into packets.
#[derive(Clone, Copy, Debug)]
enum Split {
    Whole,
    Middle,
    Odd,
    Bytes,
}

const SPLITS: [Split; 4] = [Split::Whole, Split::Middle, Split::Odd, Split::Bytes];

impl Client {
    async fn send_split(&mut self, text: &str, split: Split) {
        self.0.set_nodelay(true).unwrap();
        match split {
            Split::Whole => self.offer(text).await,
            Split::Middle => {
                let (first, second) = text.split_at(text.len() / 2);
                self.offer(first).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
                self.offer(second).await;
            }
            Split::Odd => self.send_pieces(text, 1_021).await,
            Split::Bytes => self.send_pieces(text, 1).await,
        }
    }

    async fn send_pieces(&mut self, text: &str, size: usize) {
        for piece in text.as_bytes().chunks(size) {
            self.offer(piece).await;
            tokio::task::yield_now().await;
        }
    }
}

/// Sends `request` on connections of its own, in every split; all must be answered alike.
async fn expect(request: &str, status: u16, body: &str) {
    let server = Server::start(Limits::default()).await;
    for split in SPLITS {
        let mut client = server.connect().await;
        client.send_split(request, split).await;
        let answer = client.answer().await;
        let start: String = request.chars().take(60).collect();
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{split:?} of {start:?}");
        if status != 200 {
            assert_eq!(answer.field("connection"), Some("close"));
            client.assert_closed().await;
        }
    }
}

fn head_of(length: usize) -> String {
    let (start, field, end) = ("GET / HTTP/1.1\r\nHost: a\r\n", format!("x: {}\r\n", "a".repeat(1_000)), "\r\n\r\n");
    let fields = field.repeat(length / field.len() - 1);
    let padding = length - start.len() - fields.len() - "y: ".len() - end.len();
    format!("{start}{fields}y: {}{end}", "a".repeat(padding))
}

fn target_of(length: usize) -> String {
    format!("GET /?{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(length - 2))
}

fn fields(count: usize) -> String {
    format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(count))
}

#[tokio::test]
async fn a_head_may_have_16_kib_and_not_a_byte_more() {
    expect(&head_of(16 * KIB), 200, "hello").await;
    expect(&head_of(16 * KIB + 1), 431, "headers_too_large").await;
    expect(&head_of(40 * KIB), 431, "headers_too_large").await;
}

#[tokio::test]
async fn a_head_may_have_100_fields() {
    expect(&fields(100), 200, "hello").await;
    expect(&fields(101), 431, "headers_too_large").await;
    expect(&fields(2_000), 431, "headers_too_large").await;
}

#[tokio::test]
async fn a_target_may_have_8_kib() {
    expect(&target_of(8 * KIB), 200, "hello").await;
    expect(&target_of(8 * KIB + 1), 414, "uri_too_long").await;
    expect(&target_of(70 * KIB), 414, "uri_too_long").await;
}

#[tokio::test]
async fn a_head_that_never_ends_is_refused_at_its_limit() {
    let server = Server::start(Limits::default()).await;
    for endless in ["a", "a: b\r\n", "\r\n"] {
        let mut client = server.connect().await;
        client.offer("GET / HTTP/1.1\r\nx: ".repeat(usize::from(endless != "\r\n"))).await;
        client.offer(endless.repeat(20 * KIB / endless.len())).await;
        assert_eq!(client.answer().await.status, 431, "{endless:?}");
        client.assert_closed().await;
    }
}

#[tokio::test]
async fn ambiguous_framing_is_refused_and_the_connection_closed() {
    for fields in [
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: -0",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding : chunked",
        "X: a\r\n Content-Length: 5",
        "X: a\r\n\tb",
        "X: a\rb",
        "Host: b",
    ] {
        let request = format!("POST /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n0\r\n\r\n");
        expect(&request, 400, "malformed_request").await;
    }
}

#[tokio::test]
async fn bad_lines_are_refused_and_the_connection_closed() {
    for request in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.12\r\nHost: a\r\n\r\n",
        "GET /\r\n\r\n",
        "GET /% HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a%2 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /?a=%2x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\r\n\r\n",
    ] {
        expect(request, 400, "malformed_request").await;
    }
}

#[tokio::test]
async fn a_body_is_never_read_as_a_request() {
    let server = Server::start(Limits::default()).await;
    let hidden = "GET /peer HTTP/1.1\r\nHost: a\r\n\r\n";
    let sized = format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len());
    let size = format!("{:x}", hidden.len());
    let chunked =
        format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n{hidden}\r\n0\r\n\r\n");
    for split in SPLITS {
        let mut client = server.connect().await;
        client.send_split(&format!("{sized}{chunked}GET / HTTP/1.1\r\nHost: a\r\n\r\n"), split).await;
        assert_eq!(client.answer().await.body, hidden);
        assert_eq!(client.answer().await.body, hidden);
        assert_eq!(client.answer().await.body, "hello");
    }
}

#[tokio::test]
async fn a_bad_request_behind_good_ones_gets_the_last_answer() {
    let server = Server::start(Limits::default()).await;
    let good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for split in SPLITS {
        let mut client = server.connect().await;
        client.send_split(&format!("{good}{good}GET / HTTP/1.1\nHost: a\n\n{good}"), split).await;
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(client.answer().await.status, 400);
        client.assert_closed().await;
    }
}

#[tokio::test]
async fn a_body_in_malformed_chunks_reaches_nobody_and_closes() {
    let server = Server::start(Limits::default()).await;
    for body in ["1\na\r\n0\r\n\r\n", "1 \r\na\r\n0\r\n\r\n", "0\r\nX: y\n\r\n\r\n", "+1\r\na\r\n0\r\n\r\n"] {
        let mut client = server.connect().await;
        client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")).await;
        assert_eq!(client.answer().await.status, 400, "{body:?}");
        client.assert_closed().await;
    }
}

#[tokio::test]
async fn many_requests_in_one_packet_are_all_answered() {
    let server = Server::start(Limits::default()).await;
    let mut client = server.connect().await;
    let request = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    client.send(request.repeat(500)).await;
    for _ in 0..500 {
        assert_eq!(client.answer().await.body, "abc");
    }
}

#[tokio::test]
async fn an_answer_is_not_lost_when_the_peer_is_still_sending() {
    let server = Server::start(Limits::default()).await;
    let mut client = server.connect().await;
    client.send("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 600000\r\n\r\n").await;
    for _ in 0..6 {
        client.send("a".repeat(100_000)).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(client.answer().await.status, 413);
    client.assert_closed().await;
}

#[tokio::test]
async fn handlers_see_the_address_of_the_peer() {
    let server = Server::start(Limits::default()).await;
    let mut client = server.connect_from("127.0.0.3").await;
    let own = client.0.local_addr().unwrap().to_string();
    assert_eq!(client.get("/peer").await.body, own);
}

#[tokio::test]
async fn odd_methods_get_an_answer_and_no_panic() {
    let server = Server::start(Limits::default()).await;
    for (line, status) in [
        ("CONNECT a:443 HTTP/1.1", 404),
        ("OPTIONS * HTTP/1.1", 404),
        ("BREW / HTTP/1.1", 405),
        ("GET http://a/ HTTP/1.1", 200),
    ] {
        let mut client = server.connect().await;
        client.send(format!("{line}\r\nHost: a\r\n\r\n")).await;
        assert_eq!(client.answer().await.status, status, "{line}");
    }
}

#[tokio::test]
async fn a_wish_for_http_2_is_answered_in_http_1() {
    let server = Server::start(Limits::default()).await;
    let mut client = server.connect().await;
    let wish = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__";
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{wish}\r\n\r\n")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.body.as_str(), answer.field("upgrade")), (200, "hello", None));
    assert_eq!(client.get("/").await.status, 200);
}
