//! The post: letters about events, signed anew at every attempt, repeated until somebody takes them.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;

use super::FakeStripe;
use super::post_faults::Forgery;
use super::shapes::text;
use super::world::World;
use crate::domain::time::Timestamp;
use crate::providers::payments_stripe::signature;

/// The pauses between the attempts; after the last one the letter is given up.
const PAUSES: [i64; 8] = [5, 60, 600, 3_600, 6 * 3_600, 12 * 3_600, 24 * 3_600, 24 * 3_600];
/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the post looks for what became due without anybody acting.
const ROUND: Duration = Duration::from_secs(2);

/// A letter about an event.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) event_id: String,
    pub(super) body: String,
    /// When it goes out, in the stand-in's time.
    pub(super) due: i64,
    pub(super) attempts: usize,
    pub(super) forgery: Forgery,
}

/// An attempt to deliver an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The event.
    pub event_id: String,
    /// What the receiver answered; nothing where there was no answer.
    pub status: Option<u16>,
}

impl Letter {
    pub(super) fn new(event: &Value, due: i64) -> Self {
        let body = serde_json::to_string_pretty(event).unwrap_or_default();
        Self { event_id: text(event, "id").to_owned(), body, due, attempts: 0, forgery: Forgery::None }
    }

    /// The header, signed now, unless it is to be wrong.
    fn signature(&self, secret: &str, now: Timestamp) -> String {
        let (secret, moment) = match self.forgery {
            Forgery::None => (secret, now),
            Forgery::WrongSecret => ("whsec_of_somebody_else", now),
            Forgery::Old => (secret, now - Duration::from_mins(10)),
            Forgery::Future => (secret, now + Duration::from_mins(10)),
        };
        signature::sign(secret, self.body.as_bytes(), moment)
    }
}

impl World {
    /// Takes what is due out of the post.
    fn due_letters(&mut self) -> Vec<Letter> {
        let now = self.now();
        let (due, later): (VecDeque<_>, _) = self.letters.drain(..).partition(|letter| letter.due <= now);
        self.letters = later;
        due.into()
    }

    /// Writes down what became of a letter; one that nobody took goes out again.
    fn settle_letter(&mut self, mut letter: Letter, is_taken: bool) {
        if is_taken {
            let of_letter = |event: &&mut super::world::Happening| text(&event.body, "id") == letter.event_id;
            if let Some(event) = self.events.iter_mut().rev().find(of_letter) {
                event.is_delivered = true;
            }
            return;
        }
        let Some(pause) = PAUSES.get(letter.attempts) else { return };
        letter.due = self.now() + pause;
        letter.attempts += 1;
        if letter.forgery == Forgery::None {
            self.letters.push_back(letter);
        }
    }
}

impl FakeStripe {
    /// Delivers all that is due, one letter after the other, and says what became of each.
    pub async fn deliver(&self) -> Vec<Delivery> {
        let (letters, url, secret) = {
            let mut world = self.world();
            world.settle();
            let Some(url) = world.settings.webhook_url.clone() else { return Vec::new() };
            (world.due_letters(), url, world.settings.webhook_secret.clone())
        };
        let mut deliveries = Vec::with_capacity(letters.len());
        for letter in letters {
            let status = self.attempt(&letter, &url, &secret).await;
            deliveries.push(Delivery { event_id: letter.event_id.clone(), status });
            let is_taken = status.is_some_and(|status| (200..300).contains(&status));
            self.world().settle_letter(letter, is_taken);
        }
        deliveries
    }

    async fn attempt(&self, letter: &Letter, url: &str, secret: &str) -> Option<u16> {
        let now = self.world().settings.clock.now();
        let request = self.0.client.post(url).timeout(PATIENCE);
        let request = request.header("content-type", "application/json; charset=utf-8");
        let request = request.header("stripe-signature", letter.signature(secret, now)).body(letter.body.clone());
        Some(request.send().await.ok()?.status().as_u16())
    }

    /// Delivers by itself from now on, until the handle is aborted: for the demo.
    #[must_use]
    pub fn keep_delivering(&self) -> JoinHandle<()> {
        let fake = self.clone();
        tokio::spawn(async move {
            loop {
                fake.deliver().await;
                let _ = tokio::time::timeout(ROUND, fake.0.bell.notified()).await;
            }
        })
    }
}
