//! Every protected operation of the document against every forged token.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::Value;

use super::forged::{Forge, Forgery};
use super::number;
use crate::harness::client::Answer;
use crate::harness::{Client, SECRET, TestApp, on_both_engines};

/// What anybody may ask. Whoever adds to this list opens a door.
const PUBLIC: [&str; 11] = [
    "GET /health",
    "GET /problems/{code}",
    "GET /ready",
    "POST /auth/forgot-password",
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/reset-password",
    "POST /auth/send-otp",
    "POST /auth/signup",
    "POST /auth/verify-otp",
    "POST /webhook/stripe",
];

/// An operation of the document.
#[derive(Clone, Debug)]
pub struct Operation {
    /// How it is asked for.
    pub method: Method,
    /// Where, with `{names}` in it.
    pub path: String,
    /// Whether it takes a token.
    pub is_protected: bool,
}

/// Every operation of the document.
pub fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(pollux::http::openapi::document()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in
            item.as_object().unwrap().iter().filter(|(_, operation)| operation["responses"].is_object())
        {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let is_protected = operation["security"].as_array().is_some_and(|list| !list.is_empty());
            all.push(Operation { method, path: path.clone(), is_protected });
        }
    }
    all
}

/// A room with a message in it, so that a forged token that is believed finds something.
pub async fn furnished(user: &Client) -> impl Fn(&str) -> String + use<> {
    let room = user.room().await;
    let said = user.say(&room, "hello").await.expect(202).body;
    let message = said["message"]["id"].as_str().unwrap().to_owned();
    move |path: &str| {
        let path = path.replace("/message/{", "/message/{of}{").replace("/chatroom/{", "/chatroom/{in}{");
        let filled = path.split('/').map(|part| match part {
            part if part.starts_with("{of}") => message.clone(),
            part if part.starts_with("{in}") => room.clone(),
            part if part.starts_with('{') => "not_found".to_owned(),
            part => part.to_owned(),
        });
        filled.collect::<Vec<_>>().join("/")
    }
}

async fn try_in(client: &Client, operation: &Operation, path: &str, forgery: &Forgery) -> Answer {
    let mut request = client.request(operation.method.clone(), &format!("{path}{}", forgery.query));
    for (name, value) in &forgery.headers {
        request = request.header(*name, value);
    }
    client.send(request).await
}

async fn state(app: &TestApp) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for table in ["users", "chatrooms", "messages", "sessions", "jobs"] {
        rows.extend(app.rows(&format!("select * from {table} order by id")).await);
    }
    rows
}

#[test]
fn the_operations_without_a_token_are_those_that_anybody_may_ask() {
    let open = operations().into_iter().filter(|it| !it.is_protected).map(|it| format!("{} {}", it.method, it.path));
    assert_eq!(open.collect::<BTreeSet<_>>(), PUBLIC.map(str::to_owned).into());
}

on_both_engines! {
    async fn no_forged_token_opens_any_protected_operation(app) {
        let user = app.client().sign_in(&number(1)).await;
        let fill = furnished(&user).await;
        let forge = Forge::new(SECRET, user.token.as_deref().unwrap());
        let stranger = app.client();
        let copied = stranger.request(Method::GET, "/user/me").bearer_auth(forge.copy());
        stranger.send(copied).await.expect(200);

        let forgeries = forge.forgeries();
        let names: BTreeSet<&str> = forgeries.iter().map(|forgery| forgery.name.as_str()).collect();
        assert!(names.len() >= 60, "{} forgeries", names.len());
        let protected: Vec<Operation> = operations().into_iter().filter(|it| it.is_protected).collect();
        assert!(protected.len() >= 10);
        let before = state(&app).await;
        let pairs = protected.iter().flat_map(|operation| forgeries.iter().map(move |forgery| (operation, forgery)));
        let tried = pairs.map(|(operation, forgery)| {
            let (stranger, path) = (&stranger, fill(&operation.path));
            async move { (operation, forgery, try_in(stranger, operation, &path, forgery).await) }
        });
        let answers: Vec<_> = futures_util::stream::iter(tried).buffer_unordered(16).collect().await;
        for (operation, forgery, answer) in answers {
            let told = format!("{} {} with {}: {}", operation.method, operation.path, forgery.name, answer.text);
            assert_eq!((answer.status, answer.code()), (401, forgery.code), "{told}");
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{told}");
            assert_eq!(answer.header("content-type"), "application/problem+json; charset=utf-8", "{told}");
        }
        assert_eq!(state(&app).await, before);
    }

    async fn every_cause_of_an_invalid_token_reads_the_same(app) {
        let user = app.client().sign_in(&number(1)).await;
        let forge = Forge::new(SECRET, user.token.as_deref().unwrap());
        let operation = Operation { method: Method::GET, path: "/user/me".to_owned(), is_protected: true };
        let mut texts: BTreeSet<String> = BTreeSet::new();
        for forgery in forge.forgeries().iter().filter(|forgery| forgery.code == "token_invalid") {
            let mut body: Value = try_in(&app.client(), &operation, "/user/me", forgery).await.body;
            body["instance"] = Value::Null;
            texts.insert(body.to_string());
        }
        assert_eq!(texts.len(), 1, "{texts:?}");
    }

    async fn every_protected_operation_wants_a_token_a_live_one_and_a_live_session(app) {
        let user = app.client().sign_in(&number(1)).await;
        let fill = furnished(&user).await;
        let expired = app.client().sign_in(&number(2)).await;
        app.advance(Duration::from_hours(24));
        let ended = app.client().sign_in(&number(3)).await;
        ended.post("/auth/logout", serde_json::json!({})).await.expect(204);
        for operation in operations().into_iter().filter(|it| it.is_protected) {
            let ask = |client: &Client| {
                let (client, request) = (client.clone(), client.request(operation.method.clone(), &fill(&operation.path)));
                async move { client.send(request).await }
            };
            let refused = ask(&app.client()).await.expect_problem(401, "authentication_required");
            assert_eq!(refused.header("www-authenticate"), "Bearer");
            ask(&expired).await.expect_problem(401, "token_expired");
            if operation.path != "/auth/logout" {
                ask(&ended).await.expect_problem(401, "session_ended");
            }
        }
    }
}
