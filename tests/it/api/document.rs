//! The OpenAPI document: checked in, complete, and true; the pages beside it; and what a panic leaves.

use std::collections::BTreeSet;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use futures_util::future::join_all;
use pollux::domain::password::Password;
use pollux::domain::phone::Phone;
use pollux::domain::text::{Content, Instructions, Name};
use pollux::error::Code;
use pollux::http::door::{Door, pass};
use pollux::http::{constraints, openapi};
use pollux::serve::{Limits, Stop, serve};
use proptest::strategy::{Strategy as _, ValueTree as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::Layer as _;

use super::UNKNOWN;
use super::operations::Operation;
use crate::harness::{Client, Engine, TestApp};

#[test]
fn the_document_is_the_one_checked_in() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(file, openapi::text()).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    assert!(kept == openapi::text(), "openapi.json is old: run this with UPDATE_OPENAPI=1 and look at the difference");
}

#[test]
fn every_operation_says_what_it_is_takes_and_answers() {
    let document: Value = serde_json::from_str(&openapi::text()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let operations = Operation::all();
    let ids: BTreeSet<_> = operations.iter().map(|operation| operation.told["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), operations.len());
    for operation in &operations {
        let place = format!("{} {}", operation.method, operation.path);
        let told = &operation.told;
        assert!(!told["summary"].as_str().unwrap().is_empty(), "{place}");
        assert_eq!(told["tags"].as_array().unwrap().len(), 1, "{place}");
        assert_eq!(told.get("requestBody").is_some(), operation.schema.is_some(), "{place}");
        if let Some(schema) = &operation.schema {
            // What other services send is open; what clients send is not.
            let is_open = told["tags"][0] == "webhook";
            assert_eq!(schema["additionalProperties"] == false, !is_open, "{place}");
            assert!(!operation.example().unwrap().as_object().unwrap().is_empty(), "{place}");
        }
        for (status, answer) in told["responses"].as_object().unwrap() {
            assert!(!answer["description"].as_str().unwrap().is_empty(), "{place} {status}");
            assert_eq!(answer.get("content").is_none(), ["204", "304"].contains(&status.as_str()), "{place} {status}");
        }
        for status in ["400", "414", "421", "431", "500", "503"] {
            assert!(told["responses"].get(status).is_some(), "{place} {status}");
        }
    }
    let text = document.to_string();
    for reference in text.split("\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[test]
fn every_other_name_of_a_member_is_told() {
    let document: Value = serde_json::from_str(&openapi::text()).unwrap();
    for (schema, member, names) in [
        ("SignUp", "mobile", &["mobile_number", "mobileNumber", "phone"][..]),
        ("SendOtp", "mobile", &["mobile_number", "mobileNumber", "phone"]),
        ("VerifyOtp", "otp", &["otp_code", "code"]),
        ("LogIn", "mobile", &["mobile_number", "mobileNumber", "phone"]),
        ("ForgotPassword", "mobile", &["mobile_number", "mobileNumber", "phone"]),
        ("ResetPassword", "mobile", &["mobile_number", "mobileNumber", "phone"]),
        ("ResetPassword", "otp", &["otp_code", "code"]),
        ("ResetPassword", "new_password", &["newPassword"]),
        ("ChangePassword", "new_password", &["newPassword"]),
        ("ChangePassword", "old_password", &["oldPassword", "current_password", "currentPassword"]),
        ("NewRoom", "name", &["title"]),
        ("RoomChange", "name", &["title"]),
        ("SendMessage", "content", &["prompt", "message"]),
    ] {
        let told = &document["components"]["schemas"][schema]["properties"][member]["description"];
        for name in names {
            assert!(told.as_str().unwrap().contains(&format!("`{name}`")), "{schema} {name}: {told}");
        }
    }
}

/// Requests that are wrong in every way that no operation's own rules are needed for.
async fn wrong_calls(operation: &Operation, user: &Client, stranger: &Client, path: &str) {
    let ask = |who: &Client, query: &str| who.request(operation.method.clone(), &format!("{path}{query}"));
    let json = ("content-type", "application/json");
    let mut requests = vec![
        (stranger, ask(stranger, "")),
        (stranger, ask(stranger, "").header("authorization", "Basic x")),
        (user, ask(user, "").header("accept", "image/png")),
        (user, ask(user, "?nonsense=1")),
        (user, ask(user, "").header("host", "evil.example")),
        (user, ask(user, &format!("?{}", "a".repeat(8_200)))),
        (user, ask(user, "").header("x", "a".repeat(17_000))),
    ];
    if operation.method != Method::GET {
        requests.extend([
            (user, ask(user, "").header("content-type", "text/plain").body("x")),
            (user, ask(user, "").header(json.0, json.1).body("{")),
            (user, ask(user, "").header(json.0, json.1).body("{\"nonsense\":1}")),
            (user, ask(user, "").header(json.0, json.1).body(" ".repeat(70_000))),
        ]);
    }
    for (who, request) in requests {
        operation.check(&who.send(request).await);
    }
}

#[tokio::test]
async fn whatever_is_answered_is_in_the_document() {
    let app = TestApp::start(Engine::Sqlite).await;
    let (user, stranger) = (app.user().await, app.client());
    for operation in Operation::all() {
        wrong_calls(&operation, &user, &stranger, &operation.at(UNKNOWN, UNKNOWN)).await;
        let answer = operation.call(&user, &operation.at(UNKNOWN, UNKNOWN), operation.example().as_ref()).await;
        operation.check(&answer);
    }
}

#[tokio::test]
async fn every_route_that_is_served_is_in_the_document() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let documented: BTreeSet<_> = Operation::all().into_iter().map(|it| format!("{} {}", it.method, it.path)).collect();
    let contract = include_str!("routes.txt").lines();
    for line in contract {
        let (method, path) = line.split_once(' ').unwrap();
        let path_with_ids = path.replace("{id}", UNKNOWN).replace("{mid}", UNKNOWN).replace("{code}", "internal");
        let request = user.request(method.parse().unwrap(), &path_with_ids).header("content-type", "application/json");
        let answer = user.send(request.body(if method == "GET" { "" } else { "[]" })).await;
        let is_page = ["/", "/docs", "/redoc", "/openapi.json"].contains(&path);
        let is_unserved = answer.status == 405 || answer.status == 404 && !path.contains('{');
        assert!(is_page || is_unserved || answer.status == 404 || documented.contains(line), "{line}: {}", answer.text);
    }
    for line in documented {
        assert!(include_str!("routes.txt").lines().any(|known| known == line), "{line} is in no contract");
    }
}

#[tokio::test]
async fn the_document_and_its_readers_are_served() {
    let app = TestApp::start(Engine::Sqlite).await;
    let client = app.client();
    let document = client.get("/openapi.json").await.expect(200);
    assert_eq!(document.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(document.text, openapi::text());
    for page in ["/docs", "/redoc", "/", "/docs/", "/api/v1/redoc"] {
        let answer = client.get(page).await.expect(200);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("content-security-policy").contains("script-src 'self'"), "{page}");
        client.post(page, json!({})).await.expect_problem(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn every_problem_code_has_its_page() {
    let app = TestApp::start(Engine::Sqlite).await;
    let client = app.client();
    for code in Code::ALL {
        let page = client.get(&format!("/problems/{}", code.as_str())).await.expect(200).body;
        assert_eq!(page["code"], code.as_str());
        assert!(page["status"].as_u64().unwrap() >= 400);
        assert!(!page["title"].as_str().unwrap().is_empty() && !page["meaning"].as_str().unwrap().is_empty());
    }
    for unknown in ["nothing", "Not_Found", "not_found.html", "%00"] {
        client.get(&format!("/problems/{unknown}")).await.expect_problem(404, "not_found");
    }
}

async fn boom() -> &'static str {
    panic!("told to")
}

#[tokio::test]
async fn a_handler_that_panics_harms_nobody_else() {
    let app = TestApp::start(Engine::Sqlite).await;
    let routes: Router = Router::new().route("/boom", get(boom).post(boom)).route("/fine", get(async || "fine"));
    let house = Router::new().fallback_service(from_fn_with_state(Door::of(&app.house.app), pass).layer(routes));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(listener.local_addr().unwrap());
    let stop = Stop::new();
    let serving = tokio::spawn(serve(listener, house, Limits::default(), stop.clone()));
    let method = |number: usize| if number.is_multiple_of(2) { Method::GET } else { Method::POST };
    let calls = (0..50).map(|number| client.send(client.request(method(number), "/boom")));
    for answer in join_all(calls).await {
        let answer = answer.expect_problem(500, "internal");
        assert!(!answer.text.contains("told to"));
    }
    assert_eq!(client.get("/fine").await.expect(200).text, "fine");
    assert!(!serving.is_finished());
    app.user().await.room().await;
}

/// Texts of a pattern, cut to a length where the document sets one beside it.
fn texts_of(pattern: &str, most: usize) -> Vec<String> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = proptest::string::string_regex(pattern.trim_start_matches('^').trim_end_matches('$')).unwrap();
    let texts = (0..500).map(|_| strategy.new_tree(&mut runner).unwrap().current());
    texts.filter(|text| (1..=most).contains(&text.chars().count())).collect()
}

#[test]
fn whatever_fits_a_pattern_of_the_document_is_taken() {
    for text in texts_of(constraints::PHONE, 1_000) {
        assert!(Phone::parse(&text, None).is_ok(), "{text:?}");
    }
    for text in texts_of(constraints::NAME, 120) {
        assert!(Name::parse(&text).is_ok(), "{text:?}");
    }
    for text in texts_of(constraints::PROSE, 4_000) {
        assert!(Instructions::parse(&text).is_ok() && Content::parse(&text).is_ok(), "{text:?}");
    }
    for text in texts_of(constraints::PASSWORD, 128) {
        assert!(Password::parse(&text).is_ok(), "{text:?}");
    }
}

#[test]
fn every_member_with_a_rule_of_its_own_says_it() {
    let document: Value = serde_json::from_str(&openapi::text()).unwrap();
    for operation in Operation::all() {
        let members = operation.schema.as_ref().and_then(|schema| schema["properties"].as_object());
        for (name, told) in members.into_iter().flatten() {
            let is_free =
                ["device_token", "challenge_id", "refresh_token", "model", "description"].contains(&name.as_str());
            let is_bounded = ["pattern", "maxItems"].iter().any(|rule| told.get(rule).is_some())
                || told["type"] == "null"
                || is_free
                || operation.told["tags"][0] == "webhook";
            assert!(is_bounded || told.get("deprecated").is_some(), "{} {name}", operation.path);
        }
    }
    let message = &document["components"]["schemas"]["Message"]["allOf"][0]["oneOf"][1];
    let plain = document["components"]["schemas"]["Message"]["allOf"][1]["properties"].as_object().unwrap();
    assert_eq!(message["maxProperties"], plain.len());
    let limited = &document["paths"]["/user/me"]["get"]["responses"]["429"]["headers"];
    assert!(limited.get("Retry-After").is_some() && limited.get("RateLimit").is_some());
}
