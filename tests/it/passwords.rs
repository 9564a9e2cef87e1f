//! Passwords: signing in by one, setting and changing it, and the attacks they stand.

mod changing;
mod flood;
mod limits;
mod login;
mod races;
mod resetting;
mod secrecy;

use serde_json::{Value, json};

use crate::harness::client::Answer;
use crate::harness::{Client, TestApp};

const RIGHT: &str = "seven green herons";
const WRONG: &str = "seven blue herons";

/// One of many numbers, spread over the blocks that are limited together.
fn number(index: usize) -> String {
    format!("+1500{:03}{:04}", index % 1_000, 1 + index / 1_000)
}

/// A client that has signed in by code and set the password.
async fn with_password(app: &TestApp, mobile: &str) -> Client {
    let client = app.client().sign_in(mobile).await;
    client.post("/auth/change-password", json!({"new_password": RIGHT})).await.expect(200);
    client
}

async fn log_in(client: &Client, mobile: &str, password: &str) -> Answer {
    client.post("/auth/login", json!({"mobile": mobile, "password": password})).await
}

/// As seen from another address, where the server trusts the one that says so.
async fn log_in_from(client: &Client, address: &str, mobile: &str, password: &str) -> Answer {
    let body = json!({"mobile": mobile, "password": password});
    client.post_with("/auth/login", &[("x-forwarded-for", address)], body).await
}

/// A client that signs in by the password.
async fn signed_in(app: &TestApp, mobile: &str, password: &str) -> Client {
    let mut client = app.client();
    client.tokens = log_in(&client, mobile, password).await.expect(200).body;
    client.token = client.tokens["access_token"].as_str().map(ToOwned::to_owned);
    client
}

/// The code and the challenge of a wish to reset the password.
async fn forgot(client: &Client, mobile: &str) -> Value {
    client.post("/auth/forgot-password", json!({"mobile": mobile})).await.expect(200).body
}

/// What a client sends to reset the password by that.
fn reset_with(mobile: &str, sent: &Value, password: &str) -> Value {
    json!({"mobile": mobile, "otp": sent["otp"], "challenge_id": sent["challenge_id"], "new_password": password})
}

async fn misses(app: &TestApp) -> i64 {
    app.count("select count(*) from password_misses").await
}

async fn guesses(app: &TestApp) -> i64 {
    app.count("select coalesce(sum(tries), 0) from challenges").await
}

/// The hash that is kept for a number, or nothing.
async fn kept(app: &TestApp, mobile: &str) -> String {
    let rows = app.rows(&format!("select coalesce(password_hash, '') from users where phone = '{mobile}'")).await;
    rows.concat().concat()
}

/// What stays the same between two answers to the same question.
fn told(answer: &Answer) -> (u16, Vec<String>, Value) {
    let mut body = answer.body.clone();
    if let Some(instance) = body.get_mut("instance") {
        *instance = Value::Null;
    }
    let own = ["date", "x-request-id"];
    let headers = answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let mut headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.sort();
    (answer.status, headers, body)
}
