//! One effect a key: the first request with a key has the effect, every further one gets the first answer.

use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::domain::ids::UserId;
use crate::domain::time::{Day, Timestamp};
use crate::error::{Code, Error, Result};
use crate::live::in_flight::Executing;
use crate::storage::{NewKey, StoredKey};
#[doc(no_inline)]
pub use crate::storage::{ROOM_MADE, route_in_room};

/// How long a key is kept.
pub const LIFE: Duration = Duration::from_hours(24);
const LONGEST: usize = 255;

/// A request's key, read but not yet looked up.
#[derive(Debug)]
pub struct Ticket<'a> {
    /// Who asks.
    pub user_id: UserId,
    /// The route, which keys are scoped to; of what is done in a room, [`route_in_room`].
    pub route: &'a str,
    /// The header as sent: each value of it.
    pub header: &'a [Vec<u8>],
    /// What is asked, in parts that together say it all.
    pub asked: &'a [&'a str],
}

/// What a key turned out to be.
#[derive(Debug)]
pub enum Admission {
    /// There is no key: go on.
    Open,
    /// The key is new: go on and store it with the effect.
    First(Execution),
    /// The key was used before: this was the answer.
    Replay(StoredKey),
}

/// The right to execute under a key.
#[derive(Debug)]
pub struct Execution {
    key: String,
    fingerprint: [u8; 32],
    user_id: UserId,
    route: String,
    _executing: Executing,
}

/// Looks a key up. Call it after the owner check and before the quota.
pub async fn admit(app: &App, ticket: &Ticket<'_>) -> Result<Admission> {
    let Some(key) = read_key(ticket.header)? else { return Ok(Admission::Open) };
    let fingerprint = fingerprint(ticket.asked);
    // Entered before the look at the store, so that nobody executes between the two; whoever finds the key entered
    // looks as well, as it may be entered by one that only reads the answer again.
    let entered = app.in_flight.enter(ticket.user_id, ticket.route, &key);
    let over_before = app.clock.now() - LIFE;
    let stored = app.db.idempotency_key(ticket.user_id, ticket.route, &key, over_before).await?;
    match (stored, entered) {
        (Some(stored), _) if stored.fingerprint != fingerprint => Err(Error::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key was used for another request. Use a new one.",
        )),
        (Some(stored), _) if stored.answer.is_empty() => Err(Error::not_found()),
        (Some(stored), _) => Ok(Admission::Replay(stored)),
        (None, None) => Err(in_progress()),
        (None, Some(executing)) => Ok(Admission::First(Execution {
            key,
            fingerprint,
            user_id: ticket.user_id,
            route: ticket.route.to_owned(),
            _executing: executing,
        })),
    }
}

/// What a second request is told while the first runs.
#[must_use]
pub fn in_progress() -> Error {
    Error::new(Code::IdempotencyInProgress, "The first request with this Idempotency-Key is still running.")
        .retry_after(Duration::from_secs(1))
}

impl Admission {
    /// The row to be stored with the effect; none where there is no key.
    pub fn row(&self, answer: &impl Serialize, day: Option<Day>, now: Timestamp) -> Result<Option<NewKey>> {
        match self {
            Self::First(execution) => execution.row(answer, day, now).map(Some),
            _ => Ok(None),
        }
    }
}

impl Execution {
    fn row(&self, answer: &impl Serialize, day: Option<Day>, now: Timestamp) -> Result<NewKey> {
        Ok(NewKey {
            user_id: self.user_id,
            route: self.route.clone(),
            key: self.key.clone(),
            fingerprint: self.fingerprint,
            answer: serde_json::to_string(answer).map_err(Error::internal)?,
            day,
            now,
            over_before: now - LIFE,
        })
    }
}

fn read_key(header: &[Vec<u8>]) -> Result<Option<String>> {
    let invalid =
        || Error::new(Code::IdempotencyKeyInvalid, "Send one Idempotency-Key of 1 to 255 visible ASCII characters.");
    match header {
        [] => Ok(None),
        [key] if (1..=LONGEST).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic) => {
            String::from_utf8(key.clone()).map(Some).map_err(|_| invalid())
        }
        _ => Err(invalid()),
    }
}

fn fingerprint(asked: &[&str]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in asked {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    digest.finalize().into()
}
