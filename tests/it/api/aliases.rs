//! The older names of paths: whatever is asked at one is answered as at the path it stands for.

use std::collections::BTreeSet;

use pollux::http::aliases::ALIASES;
use serde_json::{Value, json};

use super::operations::Operation;
use super::{UNKNOWN, exchange, request, told};
use crate::harness::{Engine, TestApp, on_both_engines};

/// Every name with our path, a room in both.
fn names() -> Vec<(String, String)> {
    ALIASES.iter().map(|alias| (alias.older.replace("{id}", UNKNOWN), alias.path.replace("{id}", UNKNOWN))).collect()
}

#[test]
fn every_older_name_stands_for_a_documented_path_and_is_told_in_the_document() {
    let document: Value = serde_json::from_str(&pollux::http::openapi::text()).unwrap();
    let paths: BTreeSet<String> = Operation::all().into_iter().map(|operation| operation.path).collect();
    for alias in ALIASES {
        assert!(paths.contains(alias.path) && !paths.contains(alias.older), "{alias:?}");
        let line = format!("| `{}` | `{}` |", alias.older, alias.path);
        assert!(document["info"]["description"].as_str().unwrap().contains(&line), "{line}");
    }
}

#[tokio::test]
async fn an_older_name_is_answered_as_its_path_is_by_every_method_and_in_every_spelling() {
    let app = TestApp::start(Engine::Sqlite).await;
    let token = app.user().await.token.unwrap();
    let (bearer, json) = (format!("Authorization: Bearer {token}"), "Content-Type: application/json");
    let fields: [&[&str]; 3] = [&[], &[&bearer], &[&bearer, json]];
    for (older, path) in names() {
        for method in ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            for fields in fields {
                let ask = async |path: &str| {
                    let body: &[u8] = if method == "POST" { b"{\"content\":1}" } else { b"" };
                    told(&exchange(app.address, request(&format!("{method} {path}"), fields, body)).await)
                };
                let expected = ask(&path).await;
                assert!(!expected.starts_with("404") || path.contains(UNKNOWN), "{method} {path}: {expected}");
                for spelled in
                    [older.clone(), format!("{older}/"), format!("/api/v1{older}"), format!("/api/v1{older}/")]
                {
                    assert_eq!(ask(&spelled).await, expected, "{method} {spelled}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_path_that_is_only_like_an_older_name_is_not_found() {
    let app = TestApp::start(Engine::Sqlite).await;
    for (older, _) in names() {
        let last = older.rsplit_once('/').unwrap();
        let odd = [
            format!("{older}//"),
            format!("/{older}"),
            format!("{older}/x"),
            format!("{older}."),
            format!("{older}%2F"),
            format!("{older}/.."),
            format!("{older}/%2e%2e"),
            format!("/api/v1/api/v1{older}"),
            format!("/message{older}"),
            format!("{}%2f{}", last.0, last.1),
            format!("{}//{}", last.0, last.1),
            format!("{}/./{}", last.0, last.1),
            older.to_uppercase(),
            older.replacen('s', "%73", 1),
        ];
        for path in odd {
            let answer = exchange(app.address, request(&format!("POST {path}"), &[], b"{}")).await;
            answer.expect_problem(404, "not_found");
        }
    }
    for id in ["", "..", "%2e%2e", ".", "a%2fb", "a%5Cb", "%FF", "a/b", "/"] {
        let line = format!("POST /message/chatroom/{id}/message");
        exchange(app.address, request(&line, &[], b"{}")).await.expect_problem(404, "not_found");
    }
    exchange(app.address, request("POST /message/chatroom/%zz/message", &[], b"{}")).await.expect(400);
}

#[tokio::test]
async fn a_page_of_a_listed_origin_may_call_an_older_name_too() {
    let app = TestApp::start_with(Engine::Sqlite, &[("CORS_ORIGINS", "https://a.example")]).await;
    let wish = ["Origin: https://a.example", "Access-Control-Request-Method: POST"];
    for (older, path) in names() {
        let [older, path] = [older, path].map(|path| format!("OPTIONS {path}"));
        let [older, path] = [
            exchange(app.address, request(&older, &wish, b"")).await,
            exchange(app.address, request(&path, &wish, b"")).await,
        ];
        assert_eq!((told(&older), older.status), (told(&path), 204));
    }
}

on_both_engines! {
    async fn a_key_used_at_one_name_is_used_at_the_other(app) {
        let user = app.user().await;
        let room = user.room().await;
        let [older, path] = [format!("/api/v1/message/chatroom/{room}/message/"), format!("/chatroom/{room}/message")];
        let key = [("idempotency-key", "once")];
        let first = user.post_with(&older, &key, json!({"prompt": "Hello"})).await.expect(202).body;
        let again = user.post_with(&path, &key, json!({"content": "Hello"})).await.expect(202);
        assert_eq!((again.body["message"]["id"].clone(), again.header("idempotency-replayed")), (first["message"]["id"].clone(), "true"));
        user.post_with(&older, &key, json!({"prompt": "Bye"})).await.expect_problem(422, "idempotency_key_reused");
        assert_eq!(user.used().await, 1);
    }

    async fn the_room_of_another_is_not_there_under_an_older_name_either(app) {
        let (owner, stranger) = (app.user().await, app.user().await);
        let room = owner.room().await;
        let older = format!("/message/chatroom/{room}/message");
        let unknown = stranger.post(&format!("/chatroom/{UNKNOWN}/message"), json!({"content": "Hello"})).await;
        let foreign = stranger.post(&older, json!({"prompt": "Hello"})).await.expect_problem(404, "not_found");
        assert_eq!(told(&foreign), told(&unknown));
        assert_eq!((stranger.used().await, app.count("select count(*) from messages").await), (0, 0));
        owner.post(&older, json!({"prompt": "Hello"})).await.expect(202);
    }

    async fn nobody_comes_in_under_an_older_name_without_a_token(app) {
        for (older, path) in names().into_iter().filter(|(_, path)| !path.starts_with("/webhook")) {
            for spelled in [&older, &format!("/api/v1{older}/")] {
                let method = if path == "/subscription/status" { reqwest::Method::GET } else { reqwest::Method::POST };
                let answer = app.client().send(app.client().request(method, spelled)).await;
                let answer = answer.expect_problem(401, "authentication_required");
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            }
        }
    }
}
