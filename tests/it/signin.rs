//! Signing in: the flow, what is refused on its way, and the attacks it stands.

mod checking;
mod devices;
mod dodging;
mod flow;
mod forged;
mod forging;
mod guessing;
mod headers;
mod limits;
mod logs;
mod races;
mod refresh_races;
mod refreshing;
mod secrecy;
mod sending;
mod sign_out;
mod starting;
mod trail;

use serde_json::{Value, json};

use crate::harness::client::Answer;
use crate::harness::{Client, TestApp};

/// One of many numbers, spread over the blocks that are limited together.
fn number(index: usize) -> String {
    format!("+1500{:03}{:04}", index % 1_000, 1 + index / 1_000)
}

/// A code that was sent, and what was answered.
struct Sent {
    mobile: String,
    code: String,
    id: String,
}

impl Sent {
    /// Another code of the same length; a different one for each turn.
    fn wrong(&self, turn: u64) -> String {
        let width = self.code.len();
        let other = (self.code.parse::<u64>().unwrap() + 1 + turn) % 10_u64.pow(u32::try_from(width).unwrap());
        format!("{other:0width$}")
    }

    /// What a client sends to check that code.
    fn with(&self, code: &str) -> Value {
        json!({"mobile": self.mobile, "otp": code, "challenge_id": self.id})
    }

    /// Checks a code against this challenge.
    async fn guess(&self, client: &Client, code: &str) -> Answer {
        client.post("/auth/verify-otp", self.with(code)).await
    }

    /// Checks the right code.
    async fn answer(&self, client: &Client) -> Answer {
        self.guess(client, &self.code).await
    }
}

async fn send(client: &Client, mobile: &str) -> Sent {
    let sent = client.post("/auth/send-otp", json!({"mobile": mobile})).await.expect(200).body;
    let text = |name: &str| sent[name].as_str().unwrap().to_owned();
    Sent { mobile: mobile.to_owned(), code: text("otp"), id: text("challenge_id") }
}

/// Guesses that were counted on all codes.
async fn guesses(app: &TestApp) -> i64 {
    app.count("select coalesce(sum(tries), 0) from challenges").await
}

/// Codes that were made.
async fn codes(app: &TestApp) -> i64 {
    app.count("select count(*) from challenges").await
}

/// The refresh token of a sign-in or a refresh.
fn refresh_token(tokens: &Value) -> String {
    tokens["refresh_token"].as_str().unwrap().to_owned()
}

async fn refresh(client: &Client, token: &str) -> Answer {
    client.post("/auth/refresh", json!({"refresh_token": token})).await
}

/// The same client with the access token of another answer.
fn with_tokens(client: &Client, tokens: &Value) -> Client {
    let token = tokens["access_token"].as_str().map(ToOwned::to_owned);
    Client { token, tokens: tokens.clone(), ..client.clone() }
}
