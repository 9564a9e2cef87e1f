//! One effect a key, whoever asks how often and how many at once.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pollux::domain::ids::UserId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::client::Answer;
use crate::harness::{Client, Engine, TestApp, on_both_engines};

const ALMOST_A_DAY: Duration = Duration::from_secs(86_399);

async fn send(user: &Client, path: &str, key: &str, content: &str) -> Answer {
    user.post_with(path, &[("idempotency-key", key)], json!({"content": content})).await
}

/// Asks again as long as the first request is still running, as clients are told to; they are told to wait, too.
async fn insist(user: &Client, path: &str, key: &str, body: &Value) -> Answer {
    let began = Instant::now();
    loop {
        let answer = user.post_with(path, &[("idempotency-key", key)], body.clone()).await;
        if answer.status != 409 {
            return answer;
        }
        let answer = answer.expect_problem(409, "idempotency_in_progress");
        assert_eq!(answer.header("retry-after"), "1");
        assert!(began.elapsed() < Duration::from_secs(20), "the first request never ends");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn jobs(app: &TestApp) -> i64 {
    app.house.app.db.queue_depths().await.unwrap().iter().map(|depth| depth.count).sum()
}

on_both_engines! {
    ["BASIC_TIER_DAILY_LIMIT" = "1000"]
    async fn fifty_equal_requests_under_each_of_fifty_keys_have_fifty_effects(app) {
        let user = app.user().await;
        let room = user.room().await;
        let path = format!("/chatroom/{room}/message");
        for key in 0..50 {
            let key = format!("key-{key}");
            let body = json!({"content": key});
            let answers = join_all((0..50).map(|_| insist(&user, &path, &key, &body))).await;
            let replayed = answers.iter().filter(|answer| answer.header("idempotency-replayed") == "true").count();
            assert_eq!(replayed, 49);
            for answer in &answers {
                assert_eq!((answer.status, &answer.text), (202, &answers[0].text));
                assert_eq!(answer.header("ratelimit"), answers[0].header("ratelimit"));
            }
            send(&user, &path, &key, "other").await.expect_problem(422, "idempotency_key_reused");
        }
        assert_eq!((user.used().await, jobs(&app).await), (50, 50));
        let listed = user.get(&format!("{path}s?limit=100")).await.expect(200).body;
        assert_eq!(listed["messages"].as_array().unwrap().len(), 100);
        assert_eq!(listed["next_cursor"], Value::Null);
    }

    async fn equal_requests_for_a_room_make_one(app) {
        let user = app.user().await;
        let body = json!({"name": "One"});
        let answers = join_all((0..30).map(|_| insist(&user, "/chatroom", "room", &body))).await;
        assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text));
        assert_eq!(answers.iter().filter(|answer| answer.header("idempotency-replayed") == "true").count(), 29);
        assert_eq!(user.get("/chatroom").await.body["chatrooms"].as_array().unwrap().len(), 1);
        for other in [json!({"name": "Two"}), json!({}), json!({"name": "One", "instructions": "x"})] {
            let headers = [("idempotency-key", "room")];
            user.post_with("/chatroom", &headers, other).await.expect_problem(422, "idempotency_key_reused");
        }
        // The same under another name is the same.
        insist(&user, "/api/v1/chatroom/", "room", &json!({"title": "One", "description": "x"})).await.expect(201);
    }

    async fn a_key_belongs_to_its_user_and_route(app) {
        let (user, other) = (app.user().await, app.user().await);
        let (room, theirs) = (user.room().await, other.room().await);
        send(&user, &format!("/chatroom/{room}/message"), "k", "hello").await.expect(202);
        let sent = send(&other, &format!("/chatroom/{theirs}/message"), "k", "hello").await.expect(202);
        assert_eq!(sent.header("idempotency-replayed"), "");
        insist(&user, "/chatroom", "k", &json!({})).await.expect(201);
        send(&user, &format!("/chatroom/{theirs}/message"), "k", "hello").await.expect_problem(404, "not_found");
        assert_eq!((user.used().await, other.used().await), (1, 1));
    }

    async fn a_key_is_over_after_a_day_and_not_before(app) {
        let user = app.user().await;
        let path = format!("/chatroom/{}/message", user.room().await);
        let first = send(&user, &path, "k", "hello").await.expect(202);
        app.advance(ALMOST_A_DAY);
        let again = send(&user, &path, "k", "hello").await.expect(202);
        assert_eq!((&again.text, again.header("idempotency-replayed")), (&first.text, "true"));
        assert_eq!(user.used().await, 0, "the unit was used yesterday");
        app.advance(Duration::from_secs(1));
        let user = app.client().sign_in(&user.mobile).await;
        let anew = send(&user, &path, "k", "hello").await.expect(202);
        assert_ne!(anew.body["message"]["id"], first.body["message"]["id"]);
        assert_eq!(anew.header("idempotency-replayed"), "");
        assert_eq!(user.used().await, 1);
    }

    async fn a_refused_request_leaves_its_key_free(app) {
        let user = app.user().await;
        let path = format!("/chatroom/{}/message", user.room().await);
        for number in 0..5 {
            send(&user, &path, &format!("k{number}"), "hello").await.expect(202);
        }
        send(&user, &path, "late", "hello").await.expect_problem(429, "quota_exceeded");
        send(&user, &path, "late", "other").await.expect_problem(429, "quota_exceeded");
        send(&user, &path, "k4", "hello").await.expect(202);
        app.advance(Duration::from_hours(12));
        let sent = send(&user, &path, "late", "a third").await.expect(202);
        assert_eq!((sent.header("idempotency-replayed"), &sent.body["quota"]["used"]), ("", &json!(1)));
    }
}

#[tokio::test]
async fn while_the_first_runs_a_second_is_told_to_come_back() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let room = user.room().await;
    let path = format!("/chatroom/{room}/message");
    let me = UserId::parse(user.get("/user/me").await.body["id"].as_str().unwrap()).unwrap();
    let route = &format!("POST /chatroom/{room}/message");
    let first = app.house.app.in_flight.enter(me, route, "k").unwrap();
    let told = send(&user, &path, "k", "hello").await.expect_problem(409, "idempotency_in_progress");
    assert_eq!(told.header("retry-after"), "1");
    send(&user, &path, "other", "hello").await.expect(202);
    drop(first);
    send(&user, &path, "k", "hello").await.expect(202);
    // Somebody else reading the answer again is no reason to wait.
    let _reading = app.house.app.in_flight.enter(me, route, "k").unwrap();
    let again = send(&user, &path, "k", "hello").await.expect(202);
    assert_eq!(again.header("idempotency-replayed"), "true");
    send(&user, &path, "k", "changed").await.expect_problem(422, "idempotency_key_reused");
}

#[tokio::test]
async fn a_key_is_one_line_of_visible_ascii() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    for path in ["/chatroom".to_owned(), format!("/chatroom/{}/message", user.room().await)] {
        let body = if path.ends_with("message") { json!({"content": "a"}) } else { json!({}) };
        let ask = async |keys: &[&[u8]]| {
            let request = user.request(Method::POST, &path).header("content-type", "application/json");
            user.send(keys.iter().fold(request, |it, key| it.header("idempotency-key", *key)).body(body.to_string()))
                .await
        };
        for odd in [&b""[..], b"a b", "é".as_bytes(), b"a\tb", &[b'a'; 256]] {
            ask(&[odd]).await.expect_problem(400, "idempotency_key_invalid");
        }
        ask(&[b"a", b"a"]).await.expect_problem(400, "idempotency_key_invalid");
        for good in [&b"!"[..], b"\"quoted\"", b"a,b", &[b'~'; 255]] {
            assert!(ask(&[good]).await.status < 300);
        }
    }
}

#[tokio::test]
async fn keys_mean_nothing_at_the_sign_in() {
    let app = TestApp::start(Engine::Sqlite).await;
    let client = app.client();
    for (headers, mobile) in [([("idempotency-key", "k")], "+15005550106"), ([("idempotency-key", "")], "+15005560107")]
    {
        for _ in 0..2 {
            let answer = client.post_with("/auth/signup", &headers, json!({"mobile": mobile})).await.expect(201);
            assert_eq!(answer.header("idempotency-replayed"), "");
        }
        client.post_with("/auth/send-otp", &headers, json!({"mobile": mobile})).await.expect(200);
        let again = client.post_with("/auth/send-otp", &headers, json!({"mobile": mobile})).await;
        again.expect_problem(429, "otp_resend_too_soon");
    }
}
