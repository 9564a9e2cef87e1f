//! The order of checks: of two things that are wrong, the one that comes first is told.

use reqwest::Method;
use serde_json::{Value, json};

use super::{UNKNOWN, exchange, request, told};
use crate::harness::{Client, Engine, TestApp, on_both_engines};

fn key(value: &str) -> [(&str, &str); 1] {
    [("idempotency-key", value)]
}

async fn asked(user: &Client, method: Method, path: &str, fields: &[(&str, &str)], body: &'static str) -> String {
    let request = fields.iter().fold(user.request(method, path), |it, (name, value)| it.header(*name, *value));
    let answer = user.send(request.body(body)).await;
    format!("{} {}", answer.status, answer.code())
}

#[tokio::test]
async fn a_stranger_learns_nothing_beyond_the_token() {
    let app = TestApp::start(Engine::Sqlite).await;
    let stranger = app.client();
    let room = format!("/chatroom/{UNKNOWN}");
    let host = "GET /nothing HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n";
    exchange(app.address, host).await.expect_problem(421, "misdirected_request");
    let framing = "GET /nothing HTTP/1.1\r\nHost: evil\r\nHost: evil\r\n\r\n";
    exchange(app.address, framing).await.expect_problem(400, "malformed_request");
    let head = request("GET /%zz", &["Authorization: Basic x"], b"");
    exchange(app.address, head).await.expect_problem(400, "malformed_request");
    for (method, path, expected) in [
        (Method::PUT, "/chatroom", "405 method_not_allowed"),
        (Method::POST, "/nothing", "404 not_found"),
        (Method::POST, "/chatroom", "401 authentication_required"),
        (Method::PATCH, room.as_str(), "401 authentication_required"),
        (Method::DELETE, "/chatroom/nonsense", "401 authentication_required"),
        (Method::GET, "/chatroom?nonsense=1", "401 authentication_required"),
    ] {
        let fields = [("content-type", "text/plain"), ("accept", "image/png"), ("idempotency-key", "")];
        assert_eq!(asked(&stranger, method, path, &fields, "not json").await, expected, "{path}");
    }
}

on_both_engines! {
    [
        "USER_REQUESTS_PER_MINUTE" = "0",
        "USER_SENDS_PER_MINUTE" = "30",
        "BASIC_TIER_DAILY_LIMIT" = "1",
    ]
    async fn of_two_flaws_of_a_message_the_earlier_is_told(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (own, foreign) = (format!("/chatroom/{room}/message"), format!("/chatroom/{UNKNOWN}/message"));
        user.post_with(&own, &key("used"), json!({"content": "first"})).await.expect(202);
        let kind = ("content-type", "application/json");
        let (bad_key, spent) = (("idempotency-key", ""), ("idempotency-key", "used"));
        for (path, fields, body, expected) in [
            (&foreign, vec![("content-type", "text/plain"), ("accept", "image/png")], "{", "406 not_acceptable"),
            (&foreign, vec![("content-type", "text/plain"), bad_key], "{", "415 unsupported_media_type"),
            (&foreign, vec![kind, bad_key], "{", "400 invalid_json"),
            (&foreign, vec![kind, bad_key], r#"{"content":""}"#, "422 validation_failed"),
            (&foreign, vec![kind, bad_key], r#"{"content":"a"}"#, "404 not_found"),
            (&own, vec![kind, bad_key], r#"{"content":"a"}"#, "400 idempotency_key_invalid"),
            (&own, vec![kind, spent], r#"{"content":"other"}"#, "422 idempotency_key_reused"),
            (&own, vec![kind, spent], r#"{"content":"first"}"#, "202 "),
            (&own, vec![kind], r#"{"content":"a"}"#, "429 quota_exceeded"),
            (&foreign, vec![kind], r#"{"content":"a"}"#, "404 not_found"),
        ] {
            assert_eq!(asked(&user, Method::POST, path, &fields, body).await, expected, "{path} {body}");
        }
        // The limit by user stands before all that is said of the body.
        for _ in 0..30 {
            user.say(&room, "").await;
        }
        let fields = [("content-type", "text/plain")];
        assert_eq!(asked(&user, Method::POST, &own, &fields, "{").await, "429 rate_limited");
        assert_eq!(asked(&user, Method::PUT, &own, &fields, "{").await, "405 method_not_allowed");
        assert_eq!(user.used().await, 1);
    }
}

#[tokio::test]
async fn a_query_knows_each_key_once() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let room = user.room().await;
    for (path, pointer, code) in [
        ("/chatroom?nonsense=1", "?nonsense", "unknown_member"),
        ("/chatroom?Limit=1", "?Limit", "unknown_member"),
        ("/chatroom?limit=1&limit=1", "?limit", "duplicate"),
        ("/chatroom?page=1&page=2", "?page", "duplicate"),
        ("/chatroom?limit=", "?limit", "out_of_range"),
        ("/chatroom?limit", "?limit", "out_of_range"),
        ("/user/me?x", "?x", "unknown_member"),
        (&format!("/chatroom/{room}?limit=3"), "?limit", "unknown_member"),
        (&format!("/chatroom/{room}/messages?order="), "?order", "unknown_order"),
        (&format!("/chatroom/{room}/messages?order=ASC"), "?order", "unknown_order"),
    ] {
        user.get(path).await.expect_flaw(pointer, code);
    }
    user.post("/chatroom?token=abc", json!({})).await.expect_flaw("?token", "unknown_member");
}

#[tokio::test]
async fn what_older_clients_send_without_effect_is_taken() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let ignored = "page=2&per_page=x&use_cache=false&include_messages=true&message_limit=";
    let made = user.post(&format!("/chatroom?{ignored}"), json!({"title": "A", "description": [1]})).await.expect(201);
    let room = made.body["id"].as_str().unwrap();
    assert!(made.body.get("description").is_none());
    user.patch(&format!("/chatroom/{room}"), json!({"description": null})).await.expect(200);
    for path in [
        "/chatroom".to_owned(),
        "/user/me".to_owned(),
        format!("/chatroom/{room}/messages"),
        format!("/chatroom/{room}"),
    ] {
        let plain = user.get(&path).await.expect(200);
        assert_eq!(user.get(&format!("{path}?{ignored}")).await.expect(200).body, plain.body, "{path}");
    }
}

on_both_engines! {
    async fn an_id_that_is_malformed_unknown_deleted_or_foreign_gets_one_answer(app) {
        let (user, other) = (app.user().await, app.user().await);
        let (gone, foreign) = (user.room().await, other.room().await);
        user.delete(&format!("/chatroom/{gone}")).await.expect(204);
        let upper = foreign.to_uppercase();
        let ids = [UNKNOWN, &gone, &foreign, &upper, "nonsense", "0", "%00", "%2500", "..%20", "%F0%9F%99%82", "null"];
        for (method, rest, body) in [
            (Method::GET, "", Value::Null),
            (Method::PATCH, "", json!({"name": "x"})),
            (Method::DELETE, "", Value::Null),
            (Method::GET, "/messages", Value::Null),
            (Method::POST, "/message", json!({"content": "x"})),
            (Method::GET, &format!("/message/{UNKNOWN}"), Value::Null),
        ] {
            let mut answers = Vec::new();
            for id in ids {
                let request = user.request(method.clone(), &format!("/chatroom/{id}{rest}"));
                let request = if body.is_null() {
                    request
                } else {
                    request.header("content-type", "application/json").body(body.to_string())
                };
                answers.push(told(&user.send(request).await.expect_problem(404, "not_found")));
            }
            answers.dedup();
            assert_eq!(answers.len(), 1, "{method} {rest}: {answers:?}");
        }
        other.get(&format!("/chatroom/{foreign}")).await.expect(200);
    }
}
