//! Traffic that does not mind a crash: each message has a key and is offered until somebody answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use pollux::domain::ids::UserId;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::harness::{Client, fresh_number, user_id};

/// How long somebody goes on offering a message.
pub const PATIENCE: Duration = Duration::from_mins(2);
/// No request may be open for longer, whatever happens on the way.
pub const LONGEST: Duration = Duration::from_secs(35);
/// Between two offers, so that a process that is down is not asked all the time.
const PAUSE: Duration = Duration::from_millis(50);

/// Somebody who sends, and what they know.
pub struct Sender {
    /// Who it is, at the door they use now.
    pub user: Client,
    /// The same as an id.
    pub id: UserId,
    /// Their rooms.
    pub rooms: Vec<String>,
    /// What was accepted: the answers.
    pub accepted: Vec<Json>,
    /// How many messages were refused because the day was used up.
    pub refused: usize,
    doors: Vec<SocketAddr>,
    waits: bool,
}

/// What happened on the way.
#[derive(Debug, Default)]
pub struct Tally {
    /// Offers that nobody answered.
    pub unknown: AtomicUsize,
    /// Of these, messages that were there all the same.
    pub arrived: AtomicUsize,
    /// Offers that were answered with «not now».
    pub unavailable: AtomicUsize,
    /// The longest a request was open.
    pub longest_ms: AtomicU64,
}

/// Traffic: so many messages of each sender, at random moments of so long a time.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Messages of each.
    pub each: usize,
    /// The time.
    pub over: Duration,
    /// Whether some wait for their replies, so that there is always a request that a kill can cut.
    pub waits: bool,
    /// What makes it the same again.
    pub seed: u64,
    /// What happens on the way.
    pub tally: Arc<Tally>,
}

enum Told {
    Accepted(Json),
    QuotaExceeded,
    Unavailable,
    NobodyThere,
    Unknown,
}

impl Traffic {
    /// Lets everybody send to the end.
    pub async fn run(&self, senders: Vec<Sender>) -> Vec<Sender> {
        let sending = senders.into_iter().zip(0..).map(|(sender, number)| self.of_one(sender, number));
        futures_util::future::join_all(sending).await
    }

    async fn of_one(&self, mut sender: Sender, number: u64) -> Sender {
        let seed = self.seed.wrapping_add(number);
        let mut chance = StdRng::seed_from_u64(seed);
        let (began, step) = (Instant::now(), self.over / u32::try_from(self.each).unwrap());
        for number in 0..self.each {
            // By the clock: who had to wait for an answer is soon where he would be without.
            sleep_until(began + step * u32::try_from(number).unwrap() + step.mul_f64(chance.random_range(0.0..1.0)))
                .await;
            let room = sender.rooms[number % sender.rooms.len()].clone();
            let key = format!("{seed:016x}-{number}");
            sender.waits = self.waits && number.is_multiple_of(3);
            match sender.offer(&room, &format!("message {key}"), &key, &self.tally).await {
                Some(answer) => sender.accepted.push(answer),
                None => sender.refused += 1,
            }
        }
        sender
    }
}

impl Sender {
    /// Signs in with a number of their own at the first of these doors, and makes two rooms.
    pub async fn enter(doors: Vec<SocketAddr>) -> Self {
        let user = Client::new(doors[0]).sign_in(&fresh_number()).await;
        let rooms = vec![user.room().await, user.room().await];
        Self { id: user_id(&user).await, user, rooms, accepted: Vec::new(), refused: 0, doors, waits: false }
    }

    /// The same person at another door.
    pub fn at(&self, door: SocketAddr) -> Client {
        Client { address: door, ..self.user.clone() }
    }

    /// Goes to the next door, if there is another.
    fn turn_away(&mut self) {
        let here = self.doors.iter().position(|door| *door == self.user.address).unwrap_or_default();
        self.user.address = self.doors[(here + 1) % self.doors.len()];
    }

    /// Offers a message until there is an answer; none when the day is used up.
    async fn offer(&mut self, room: &str, content: &str, key: &str, tally: &Tally) -> Option<Json> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let asked = Instant::now();
            let told = tokio::time::timeout(LONGEST, self.offer_once(room, content, key)).await;
            tally.longest_ms.fetch_max(u64::try_from(asked.elapsed().as_millis()).unwrap(), Ordering::Relaxed);
            match told.expect("an answer within 35 s") {
                Told::Accepted(answer) => {
                    assert_eq!(answer["message"]["content"], content, "the answer to another offer");
                    return Some(answer);
                }
                Told::QuotaExceeded => return None,
                Told::Unavailable => _ = tally.unavailable.fetch_add(1, Ordering::Relaxed),
                Told::NobodyThere => self.turn_away(),
                Told::Unknown => {
                    self.turn_away();
                    let appearances = self.appearances(room, content, deadline).await;
                    assert!(appearances <= 1, "a message that was offered once is there {appearances} times");
                    tally.unknown.fetch_add(1, Ordering::Relaxed);
                    tally.arrived.fetch_add(appearances, Ordering::Relaxed);
                }
            }
            assert!(Instant::now() < deadline, "nobody answered");
            sleep(PAUSE).await;
        }
    }

    async fn offer_once(&self, room: &str, content: &str, key: &str) -> Told {
        let request = self.user.request(reqwest::Method::POST, &format!("/chatroom/{room}/message"));
        let request = request.header("content-type", "application/json").header("idempotency-key", key);
        let request = if self.waits { request.header("prefer", "wait=3") } else { request };
        let response = match request.body(json!({"content": content}).to_string()).send().await {
            Ok(response) => response,
            // What was never connected has certainly not been sent.
            Err(error) if error.is_connect() => return Told::NobodyThere,
            Err(_) => return Told::Unknown,
        };
        let status = response.status().as_u16();
        let Ok(text) = response.text().await else { return Told::Unknown };
        let body: Json = serde_json::from_str(&text).unwrap();
        match (status, body["code"].as_str().unwrap_or_default()) {
            (200 | 202, _) => Told::Accepted(body),
            (429, "quota_exceeded") => Told::QuotaExceeded,
            (409, "idempotency_in_progress") | (503, _) => Told::Unavailable,
            _ => panic!("{status}: {text}"),
        }
    }

    /// How often a text is in a room, asked until somebody answers.
    async fn appearances(&mut self, room: &str, content: &str, deadline: Instant) -> usize {
        loop {
            let asked = self.user.request(reqwest::Method::GET, &format!("/chatroom/{room}/messages?order=desc"));
            if let Ok(response) = asked.send().await
                && response.status().is_success()
                && let Ok(page) = response.text().await
            {
                let page: Json = serde_json::from_str(&page).unwrap();
                return page["messages"].as_array().unwrap().iter().filter(|said| said["content"] == content).count();
            }
            self.turn_away();
            assert!(Instant::now() < deadline, "nobody answered");
            sleep(PAUSE).await;
        }
    }
}
