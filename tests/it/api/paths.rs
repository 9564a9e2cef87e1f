//! Paths, methods and hosts: what is ours to answer.

use reqwest::Method;

use super::{exchange, request};
use crate::harness::client::Answer;
use crate::harness::{Engine, TestApp};

#[tokio::test]
async fn a_path_that_is_not_ours_is_not_found_before_any_token() {
    let app = TestApp::start(Engine::Sqlite).await;
    for path in [
        "/nothing",
        "/health.",
        "/chatroom//",
        "//chatroom",
        "/api/v1//chatroom",
        "/api/v1/api/v1/chatroom",
        "/api/v2/chatroom",
        "/api/v1x",
        "/Chatroom",
        "/chatroom%2F1",
        "/chatroom/1%2fmessages",
        "/chatroom/1%5cmessages",
        "/chatroom/..",
        "/chatroom/%2e%2E",
        "/chatroom/./messages",
        "/chatroom/1/.",
        "/chatroom/../health",
        "/chatroom/%FF",
        "/assets/../style.css",
        "/assets/%00style.css",
        "/assets%5Cstyle.css",
        "/metrics",
        "/problems/",
        "/problems/nothing",
    ] {
        let answer = exchange(app.address, request(&format!("GET {path}"), &[], b"")).await;
        answer.expect_problem(404, "not_found");
    }
}

#[tokio::test]
async fn every_path_is_served_at_both_places_with_and_without_a_last_slash() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let room = user.room().await;
    for path in ["/chatroom", "/user/me", "/health", "/ready", &format!("/chatroom/{room}/messages")] {
        for spelled in [path.to_owned(), format!("{path}/"), format!("/api/v1{path}"), format!("/api/v1{path}/")] {
            assert_eq!(user.get(&spelled).await.expect(200).body, user.get(path).await.body, "{spelled}");
        }
    }
    assert_eq!(user.get("/api/v1").await.expect(200).header("content-type"), "text/html; charset=utf-8");
    assert_eq!(user.get("/api/v1/chatroom/?limit=1").await.expect(200).body["chatrooms"][0]["id"], room);
}

#[tokio::test]
async fn another_method_on_a_known_path_is_told_the_real_ones() {
    let app = TestApp::start(Engine::Sqlite).await;
    let room = "/chatroom/0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11";
    let expected: [(&str, &[&str]); 9] = [
        ("/chatroom", &["GET", "HEAD", "POST"]),
        (room, &["DELETE", "GET", "HEAD", "PATCH"]),
        (&format!("{room}/message"), &["POST"]),
        ("/auth/send-otp", &["POST"]),
        ("/user/me", &["DELETE", "GET", "HEAD", "PATCH"]),
        ("/health", &["GET", "HEAD"]),
        ("/openapi.json", &["GET", "HEAD"]),
        ("/docs", &["GET", "HEAD"]),
        ("/", &["GET", "HEAD"]),
    ];
    for (path, methods) in expected {
        for method in ["TRACE", "PUT", "OPTIONS", "CONNECT", "PROPFIND", "QUERY"] {
            let answer = exchange(app.address, request(&format!("{method} {path}"), &[], b"")).await;
            let answer = answer.expect_problem(405, "method_not_allowed");
            let mut allowed: Vec<&str> = answer.header("allow").split(',').map(str::trim).collect();
            allowed.sort_unstable();
            assert_eq!(allowed, methods, "{method} {path}");
        }
    }
    exchange(app.address, request("OPTIONS *", &[], b"")).await.expect_problem(404, "not_found");
    exchange(app.address, request("CONNECT localhost:443", &[], b"")).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_header_does_not_change_the_method() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let room = user.room().await;
    for header in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let request = user.request(Method::GET, &format!("/chatroom/{room}")).header(header, "DELETE");
        user.send(request).await.expect(200);
        let request = user.request(Method::PUT, &format!("/chatroom/{room}")).header(header, "DELETE");
        user.send(request).await.expect_problem(405, "method_not_allowed");
    }
    user.get(&format!("/chatroom/{room}?_method=DELETE")).await.expect_flaw("?_method", "unknown_member");
}

#[tokio::test]
async fn only_listed_hosts_are_served_and_health_to_all() {
    let app = TestApp::start_with(Engine::Sqlite, &[("ALLOWED_HOSTS", "chat.example")]).await;
    let ask = async |path: &str, host: &str| {
        exchange(app.address, format!("GET {path} HTTP/1.1\r\n{host}Connection: close\r\n\r\n")).await
    };
    for host in ["localhost", "LOCALHOST:8000", "127.0.0.1", "[::1]:8000", "chat.example", "Chat.Example:443"] {
        ask("/openapi.json", &format!("Host: {host}\r\n")).await.expect(200);
    }
    for host in ["evil.example", "chat.example.evil.example", "localhost.evil", "127.0.0.2", "a@localhost", "x"] {
        for path in ["/openapi.json", "/", "/nothing", "/chatroom"] {
            let answer = ask(path, &format!("Host: {host}\r\n")).await;
            answer.expect_problem(421, "misdirected_request");
        }
        for path in ["/health", "/ready", "/api/v1/health/"] {
            ask(path, &format!("Host: {host}\r\n")).await.expect(200);
        }
    }
    ask("/openapi.json", "").await.expect_problem(400, "malformed_request");
    exchange(app.address, "GET /chatroom HTTP/1.0\r\n\r\n").await.expect_problem(400, "malformed_request");
    ask("/health", "").await.expect(200);
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_guard_it() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let answers = [
        user.get("/chatroom").await,
        user.get("/nothing").await,
        user.get("/chatroom/1").await,
        user.delete("/chatroom").await,
        user.post("/auth/logout", serde_json::json!({})).await.expect(204),
        app.client().get("/user/me").await.expect(401),
        app.client().get("/health").await,
        exchange(app.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.expect(421),
        exchange(app.address, request("GET /%zz", &[], b"")).await.expect(400),
        exchange(app.address, request(&format!("GET /{}", "a".repeat(9_000)), &[], b"")).await.expect(414),
    ];
    for answer in answers {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(name), value, "{} {}", answer.status, answer.text);
        }
        assert!(answer.header("x-request-id").starts_with("req_"));
        assert!(answer.headers.get("server").is_none() && answer.headers.get("strict-transport-security").is_none());
        assert!(!tells_of_cors(&answer));
    }
}

#[tokio::test]
async fn without_listed_origins_no_page_of_another_site_may_call() {
    let app = TestApp::start(Engine::Sqlite).await;
    let fields = ["Origin: https://a.example", "Access-Control-Request-Method: POST"];
    let preflight = exchange(app.address, request("OPTIONS /chatroom", &fields, b"")).await;
    assert!(!tells_of_cors(&preflight.expect_problem(405, "method_not_allowed")));
    let plain = exchange(app.address, request("GET /openapi.json", &fields[..1], b"")).await.expect(200);
    assert!(!tells_of_cors(&plain) && plain.headers.get("vary").is_none());
}

#[tokio::test]
async fn only_a_listed_origin_may_call_and_is_compared_exactly() {
    let origins = "https://a.example, http://localhost:3000";
    let app = TestApp::start_with(Engine::Sqlite, &[("CORS_ORIGINS", origins)]).await;
    let ask = async |line: &str, origin: &str, more: &[&str]| {
        let origin = format!("Origin: {origin}");
        exchange(app.address, request(line, &[&[origin.as_str()], more].concat(), b"")).await
    };
    let wish = ["Access-Control-Request-Method: PATCH", "Access-Control-Request-Headers: authorization"];
    for origin in ["https://a.example", "http://localhost:3000"] {
        let preflight = ask("OPTIONS /chatroom/1", origin, &wish).await.expect(204);
        assert_eq!(preflight.header("access-control-allow-origin"), origin);
        assert!(preflight.header("access-control-allow-methods").contains("PATCH"));
        assert!(preflight.header("access-control-allow-headers").contains("Authorization"));
        let refused = ask("GET /chatroom", origin, &[]).await.expect_problem(401, "authentication_required");
        assert_eq!((refused.header("access-control-allow-origin"), refused.header("vary")), (origin, "Origin"));
        assert!(refused.headers.get("access-control-allow-credentials").is_none());
    }
    for origin in
        ["https://A.example", "https://a.example.evil", "http://a.example", "https://a.example:444", "null", "*"]
    {
        let preflight = ask("OPTIONS /chatroom", origin, &wish).await.expect(204);
        let plain = ask("GET /openapi.json", origin, &[]).await.expect(200);
        assert!(!tells_of_cors(&preflight) && !tells_of_cors(&plain), "{origin}");
        assert_eq!((preflight.header("vary"), plain.header("vary")), ("Origin", "Origin"));
    }
    ask("OPTIONS /chatroom", "https://a.example", &[]).await.expect_problem(405, "method_not_allowed");
}

fn tells_of_cors(answer: &Answer) -> bool {
    answer.headers.keys().any(|name| name.as_str().starts_with("access-control"))
}
