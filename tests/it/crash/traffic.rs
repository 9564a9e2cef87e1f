//! Traffic that does not mind a crash: each message has a key and is offered until somebody answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep};

use crate::harness::Client;

/// How long somebody goes on offering a message.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two offers, so that a process that is down is not asked all the time.
const PAUSE: Duration = Duration::from_millis(50);

/// Somebody who sends, and what they know.
pub struct Sender {
    /// Who it is.
    pub user: Client,
    /// Their rooms.
    pub rooms: Vec<String>,
    /// What was accepted: the answers.
    pub accepted: Vec<Json>,
    /// How many messages were refused because the day was used up.
    pub refused: usize,
}

/// What happened on the way.
#[derive(Debug, Default)]
pub struct Unknowns {
    /// Offers that nobody answered.
    pub all: AtomicUsize,
    /// Of these, messages that were there all the same.
    pub arrived: AtomicUsize,
}

enum Told {
    Accepted(Json),
    QuotaExceeded,
    AskAgain,
    Unknown,
}

impl Sender {
    /// Sends so many messages at random moments of so long a time.
    pub async fn send_all(mut self, count: usize, over: Duration, seed: u64, unknowns: Arc<Unknowns>) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let step = over / u32::try_from(count).unwrap();
        for number in 0..count {
            sleep(step.mul_f64(chance.random_range(0.0..2.0))).await;
            let room = self.rooms[number % self.rooms.len()].clone();
            let key = format!("{seed:016x}-{number}");
            match self.offer(&room, &format!("message {key}"), &key, &unknowns).await {
                Some(answer) => self.accepted.push(answer),
                None => self.refused += 1,
            }
        }
        self
    }

    /// Offers a message until there is an answer; none when the day is used up.
    async fn offer(&self, room: &str, content: &str, key: &str, unknowns: &Unknowns) -> Option<Json> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.offer_once(room, content, key).await {
                Told::Accepted(answer) => return Some(answer),
                Told::QuotaExceeded => return None,
                Told::AskAgain => {}
                Told::Unknown => {
                    let appearances = self.appearances(room, content, deadline).await;
                    assert!(appearances <= 1, "a message that was offered once is there {appearances} times");
                    unknowns.all.fetch_add(1, Ordering::Relaxed);
                    unknowns.arrived.fetch_add(appearances, Ordering::Relaxed);
                }
            }
            assert!(Instant::now() < deadline, "nobody answered");
            sleep(PAUSE).await;
        }
    }

    async fn offer_once(&self, room: &str, content: &str, key: &str) -> Told {
        let request = self.user.request(reqwest::Method::POST, &format!("/chatroom/{room}/message"));
        let request = request.header("content-type", "application/json").header("idempotency-key", key);
        let response = match request.body(json!({"content": content}).to_string()).send().await {
            Ok(response) => response,
            // What was never connected has certainly not been sent.
            Err(error) if error.is_connect() => return Told::AskAgain,
            Err(_) => return Told::Unknown,
        };
        let status = response.status().as_u16();
        let Ok(text) = response.text().await else { return Told::Unknown };
        let body: Json = serde_json::from_str(&text).unwrap();
        match (status, body["code"].as_str().unwrap_or_default()) {
            (200 | 202, _) => Told::Accepted(body),
            (429, "quota_exceeded") => Told::QuotaExceeded,
            (409, "idempotency_in_progress") | (503, _) => Told::AskAgain,
            _ => panic!("{status}: {text}"),
        }
    }

    /// How often a text is in a room, asked until somebody answers.
    async fn appearances(&self, room: &str, content: &str, deadline: Instant) -> usize {
        loop {
            let asked = self.user.request(reqwest::Method::GET, &format!("/chatroom/{room}/messages?order=desc"));
            if let Ok(response) = asked.send().await
                && response.status().is_success()
                && let Ok(page) = response.text().await
            {
                let page: Json = serde_json::from_str(&page).unwrap();
                return page["messages"].as_array().unwrap().iter().filter(|said| said["content"] == content).count();
            }
            assert!(Instant::now() < deadline, "nobody answered");
            sleep(PAUSE).await;
        }
    }
}
