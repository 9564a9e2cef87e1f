//! The headers that every answer carries.

use reqwest::Method;
use serde_json::json;

use super::forging::{furnished, operations};
use super::number;
use crate::harness::client::Answer;
use crate::harness::{Client, TestApp, on_both_engines};

const ALWAYS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("x-frame-options", "DENY"),
];

#[track_caller]
fn check(answer: &Answer, what: &str) {
    for (name, value) in ALWAYS {
        assert_eq!(answer.header(name), value, "{what}: {name}");
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{what}: {name}");
    }
    assert!(answer.header("x-request-id").starts_with("req_"), "{what}");
    for name in [
        "server",
        "x-powered-by",
        "via",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "set-cookie",
    ] {
        assert!(!answer.headers.contains_key(name), "{what}: {name}");
    }
    // Streams of events are UTF-8 by their own definition.
    if !answer.text.is_empty() && answer.header("content-type") != "text/event-stream" {
        assert!(
            answer.header("content-type").ends_with("; charset=utf-8"),
            "{what}: {}",
            answer.header("content-type")
        );
    }
    let has = |name| answer.headers.contains_key(name);
    assert_eq!(has("www-authenticate"), answer.status == 401, "{what}");
    assert_eq!(has("allow"), answer.status == 405, "{what}");
    assert!(has("retry-after") || !matches!(answer.status, 429 | 503), "{what}");
}

/// Every operation, asked in a sound way and in a faulty one, with a token and without.
async fn all_answers(app: &TestApp) -> Vec<(String, Answer)> {
    let user = app.client().sign_in(&number(1)).await;
    let fill = furnished(&user).await;
    let (mobile, mut answers) = ("{\"mobile\": \"+15005550006\"}", Vec::new());
    // The operations that end what the others need come last.
    let mut operations = operations();
    operations.sort_by_key(|it| (it.path.contains("logout"), it.method == Method::DELETE));
    for operation in operations {
        for (client, token) in [(app.client(), "no token"), (user.clone(), "a token")] {
            for body in
                [mobile, "{\"mobile\": \"+15005550006\", \"otp\": \"000000\"}", "{\"content\": \"x\"}", "{}", "{", ""]
            {
                let request = client.request(operation.method.clone(), &fill(&operation.path));
                let request =
                    request.header("content-type", "application/json").header("origin", "https://example.com");
                let what = format!("{} {} {body} with {token}", operation.method, operation.path);
                answers.push((what, client.send(request.body(body)).await));
            }
        }
    }
    answers
}

async fn odd_answers(client: &Client) -> Vec<(String, Answer)> {
    let mut answers = Vec::new();
    let long = format!("/{}", "a".repeat(9_000));
    for path in
        ["/nowhere", "/a//b", "/auth/..%2f", "/api/v1/nowhere", "/chatroom/x/y/z", "/openapi.json", "/%zz", &long]
    {
        answers.push((path[..path.len().min(40)].to_owned(), client.get(path).await));
    }
    for method in [Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE, Method::PATCH] {
        let request = client.request(method.clone(), "/auth/send-otp").header("origin", "https://example.com");
        answers.push((method.to_string(), client.send(request).await.expect_problem(405, "method_not_allowed")));
    }
    let host = client.request(Method::GET, "/user/me").header("host", "example.com");
    answers.push(("host".to_owned(), client.send(host).await.expect_problem(421, "misdirected_request")));
    let wide = client.request(Method::GET, "/user/me").header("x", "y".repeat(17_000));
    answers.push(("head".to_owned(), client.send(wide).await.expect_problem(431, "headers_too_large")));
    let large = json!({"mobile": "1".repeat(70_000)});
    answers.push(("body".to_owned(), client.post("/auth/signup", large).await.expect_problem(413, "body_too_large")));
    answers
}

on_both_engines! {
    async fn every_answer_has_the_headers_of_the_contract(app) {
        let answers = [all_answers(&app).await, odd_answers(&app.client()).await].concat();
        let mut statuses: Vec<u16> = answers.iter().map(|(_, answer)| answer.status).collect();
        statuses.sort_unstable();
        statuses.dedup();
        for status in [200, 201, 202, 204, 400, 401, 404, 405, 413, 414, 421, 422, 429, 431] {
            assert!(statuses.contains(&status), "no answer had status {status}: {statuses:?}");
        }
        for (what, answer) in &answers {
            // Nothing is sold here; that is no fault.
            assert!(answer.status < 500 || answer.code() == "billing_not_configured", "{what}: {}", answer.text);
            check(answer, what);
            assert!(!answer.headers.contains_key("strict-transport-security"), "{what}");
        }
    }

    ["PUBLIC_URL" = "https://chat.example.com"]
    async fn a_public_address_with_tls_is_insisted_on(app) {
        let client = app.client();
        for path in ["/health", "/user/me", "/nowhere"] {
            let request = client.request(Method::GET, path).header("host", "chat.example.com");
            let answer = client.send(request).await;
            check(&answer, path);
            assert_eq!(answer.header("strict-transport-security"), "max-age=31536000; includeSubDomains");
        }
    }
}
