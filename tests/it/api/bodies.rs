//! Bodies: their types, their JSON, their members, their size and their pace.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pollux::http::body::Patience;
use pollux::http::door::Door;
use pollux::http::router_behind;
use pollux::serve::{Limits, Stop, serve};
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::{exchange, read_answer, request};
use crate::harness::client::Answer;
use crate::harness::{Client, Engine, TestApp};

const JSON: &str = "Content-Type: application/json";

async fn post(app: &TestApp, user: &Client, body: &[u8]) -> Answer {
    let token = format!("Authorization: Bearer {}", user.token.as_ref().unwrap());
    exchange(app.address, request("POST /chatroom", &[&token, JSON], body)).await
}

#[tokio::test]
async fn only_json_in_utf8_without_a_coding_is_taken() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let send = async |headers: &[(&str, &str)]| {
        let request = headers
            .iter()
            .fold(user.request(Method::POST, "/chatroom"), |request, (name, value)| request.header(*name, *value));
        user.send(request.body("{}")).await
    };
    for good in ["application/json", "Application/JSON;charset=UTF-8", "application/json; charset=\"utf-8\""] {
        send(&[("content-type", good)]).await.expect(201);
    }
    for bad in ["text/plain", "application/json; charset=latin1", "application/x-www-form-urlencoded", "json", ""] {
        send(&[("content-type", bad)]).await.expect_problem(415, "unsupported_media_type");
    }
    send(&[]).await.expect_problem(415, "unsupported_media_type");
    let twice = [("content-type", "application/json"), ("content-type", "application/json")];
    send(&twice).await.expect_problem(415, "unsupported_media_type");
    for coding in ["gzip", "deflate", "br", "identity"] {
        let headers = [("content-type", "application/json"), ("content-encoding", coding)];
        send(&headers).await.expect_problem(415, "unsupported_media_type");
    }
}

#[tokio::test]
async fn a_client_that_excludes_json_is_not_served() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let ask = async |accept: &str| user.send(user.request(Method::GET, "/chatroom").header("accept", accept)).await;
    for good in ["*/*", "application/*", "text/html, application/json;q=0.1", ""] {
        ask(good).await.expect(200);
    }
    for bad in ["text/html", "text/event-stream", "application/json;q=0, */*", "*/*;q=0"] {
        ask(bad).await.expect_problem(406, "not_acceptable");
    }
    app.client().send(user.request(Method::GET, "/health").header("accept", "image/png")).await.expect(200);
}

#[tokio::test]
async fn what_is_not_one_sound_json_value_is_refused_without_an_echo() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(33), "]".repeat(33));
    let bad: [&[u8]; 16] = [
        b"",
        b" ",
        b"secretword",
        b"{\"name\":",
        b"{\"name\":\"secretword\"} x",
        b"{}{}",
        b"\xef\xbb\xbf{}",
        b"{\"name\":NaN}",
        b"{\"name\":1e999}",
        b"{} // note",
        b"{\"name\":\"secretword\",\"name\":\"secretword\"}",
        b"{\"name\":\"\xff\"}",
        br#"{"name":"\ud83d"}"#,
        b"{\"name\":\"a\tb\"}",
        b"\xff\xfe{\x00}\x00",
        deep.as_bytes(),
    ];
    for body in bad {
        let answer = if body.is_empty() {
            let request = user.request(Method::POST, "/chatroom").header("content-type", "application/json");
            user.send(request).await
        } else {
            post(&app, &user, body).await
        };
        let answer = answer.expect_problem(400, "invalid_json");
        assert!(!answer.text.contains("secretword"), "{}", answer.text);
    }
}

#[tokio::test]
async fn every_wrong_member_is_pointed_at_and_at_most_twenty() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    for body in ["[]", "null", "\"a\"", "1", "true"] {
        post(&app, &user, body.as_bytes()).await.expect_flaw("", "not_an_object");
    }
    for value in [json!(1), json!([]), json!({}), json!(true), json!(null)] {
        user.post("/chatroom", json!({"name": value})).await.expect_flaw("/name", "not_a_text");
    }
    user.post("/chatroom", json!({"a/b~c": 1})).await.expect_flaw("/a~1b~0c", "unknown_member");
    let answer = user.post("/auth/verify-otp", json!({"otp": 123_456, "x": 1})).await;
    let errors = &answer.expect_problem(422, "validation_failed").body["errors"];
    let expected = json!([
        {"pointer": "/mobile", "code": "required"},
        {"pointer": "/otp", "code": "not_a_text"},
        {"pointer": "/x", "code": "unknown_member"},
    ]);
    assert_eq!(*errors, expected);
    let many: serde_json::Map<_, _> = (0..50).map(|number| (format!("m{number:02}"), json!(1))).collect();
    let answer = user.post("/chatroom", many.into()).await.expect_problem(422, "validation_failed");
    assert_eq!(answer.body["errors"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn a_route_without_a_body_takes_none_an_empty_object_and_no_more() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let delete = async |kind: Option<&'static str>, body: &'static str| {
        let path = format!("/chatroom/{}", user.room().await);
        let request =
            kind.into_iter().fold(user.request(Method::DELETE, &path), |it, kind| it.header("content-type", kind));
        user.send(if body.is_empty() { request } else { request.body(body) }).await
    };
    delete(None, "").await.expect(204);
    delete(Some("application/json"), "").await.expect(204);
    delete(Some("text/plain"), "").await.expect(204);
    delete(Some("application/json"), "{}").await.expect(204);
    delete(None, "{}").await.expect_problem(415, "unsupported_media_type");
    delete(Some("application/json"), "{\"a\":1}").await.expect_flaw("/a", "unknown_member");
    delete(Some("application/json"), "[]").await.expect_flaw("", "not_an_object");
}

#[tokio::test]
async fn a_body_over_its_limit_is_refused_and_the_connection_closed() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let head = |framing: &str| {
        let token = user.token.as_ref().unwrap();
        let fixed = "POST /chatroom HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
        format!("{fixed}Authorization: Bearer {token}\r\n{framing}\r\n\r\n").into_bytes()
    };
    let padded = |length: usize| format!("{{{}}}", " ".repeat(length - 2)).into_bytes();

    let fits = [head("Connection: close\r\nContent-Length: 65536"), padded(65_536)].concat();
    exchange(app.address, fits).await.expect(201);

    let announced = head("Content-Length: 65537");
    let answer = exchange(app.address, announced).await.expect_problem(413, "body_too_large");
    assert_eq!(answer.header("connection"), "close");

    let mut chunked = head("Transfer-Encoding: chunked");
    for _ in 0..17 {
        chunked.extend_from_slice(b"1000\r\n");
        chunked.extend_from_slice(&[b' '; 0x1000]);
        chunked.extend_from_slice(b"\r\n");
    }
    exchange(app.address, chunked).await.expect_problem(413, "body_too_large");

    // The length lies: what lies beyond it is another request, and none that can be read.
    let lying = [head("Content-Length: 2"), b"{}".to_vec(), b" ".repeat(70_000)].concat();
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let _ = stream.write_all(&lying).await;
    assert_eq!(read_answer(stream).await.status, 201);
}

/// The same house behind a door whose patience a test can outlast.
async fn impatient(app: &TestApp, piece_ms: u64, whole_ms: u64) -> (SocketAddr, Stop) {
    let patience = Patience { piece: Duration::from_millis(piece_ms), whole: Duration::from_millis(whole_ms) };
    let router = router_behind(&app.house.app, Door::of(&app.house.app).with_patience(patience));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), Stop::new());
    tokio::spawn(serve(listener, router, Limits::default(), stop.clone()));
    (address, stop)
}

#[tokio::test]
async fn a_body_that_stalls_or_drips_is_told_so_in_time() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    assert_eq!(Patience::default().piece, Duration::from_secs(15));
    assert_eq!(Patience::default().whole, Duration::from_secs(30));
    let (address, _stop) = impatient(&app, 200, 600).await;
    let token = user.token.as_ref().unwrap();
    let head = format!(
        "POST /chatroom HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{JSON}\r\nContent-Length: 99\r\n\r\n"
    );

    let began = Instant::now();
    exchange(address, format!("{head}{{")).await.expect_problem(408, "request_timeout");
    assert!((Duration::from_millis(200)..Duration::from_millis(550)).contains(&began.elapsed()));

    let began = Instant::now();
    let (reading, mut writing) = TcpStream::connect(address).await.unwrap().into_split();
    writing.write_all(head.as_bytes()).await.unwrap();
    let dripping = tokio::spawn(async move {
        let mut drops = tokio::time::interval(Duration::from_millis(50));
        loop {
            drops.tick().await;
            if writing.write_all(b" ").await.is_err() {
                return writing;
            }
        }
    });
    let mut first = [0; 12];
    let mut reading = reading;
    tokio::io::AsyncReadExt::read_exact(&mut reading, &mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 408");
    assert!((Duration::from_millis(600)..Duration::from_millis(1_500)).contains(&began.elapsed()));
    dripping.abort();
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up_and_its_effect_stands() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let room = user.room().await;
    let (address, _stop) = impatient(&app, 200, 400).await;
    let mut hasty = Client::new(address);
    hasty.token.clone_from(&user.token);
    let (path, headers) = (format!("/chatroom/{room}/message"), [("prefer", "wait=20"), ("idempotency-key", "k")]);
    let began = Instant::now();
    let answer = hasty.post_with(&path, &headers, json!({"content": "hello"})).await.expect_problem(503, "unavailable");
    assert!((Duration::from_millis(400)..Duration::from_secs(2)).contains(&began.elapsed()));
    assert!(!answer.header("retry-after").is_empty());
    let again = user.post_with(&path, &headers[1..], json!({"content": "hello"})).await.expect(202);
    assert_eq!((again.header("idempotency-replayed"), user.used().await), ("true", 1));
}
