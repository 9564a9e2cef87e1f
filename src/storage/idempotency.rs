//! Idempotency keys: the first answer, stored in the transaction of its effect.

use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, Refusal, Write};
use crate::domain::ids::{ChatroomId, UserId};
use crate::domain::time::{Day, Timestamp};
use crate::error::Result;

statements! {
    KEY_KEPT = "insert into idempotency_keys (user_id, route, key, fingerprint, answer, created_at)
        values (?1, ?2, ?3, ?4, ?5, ?6) on conflict (user_id, route, key) do nothing";
    KEY_COUNTED = "update idempotency_keys set quota_used = (select used from usage where user_id = ?1 and day = ?4)
        where user_id = ?1 and route = ?2 and key = ?3";
    KEY = "select fingerprint, answer, quota_used, created_at from idempotency_keys
        where user_id = ?1 and route = ?2 and key = ?3 and created_at > ?4";
    KEY_OVER = "delete from idempotency_keys where user_id = ?1 and route = ?2 and key = ?3 and created_at <= ?4";
    ROOM_KEYS_GONE = "delete from idempotency_keys where user_id = ?1 and route like ?2";
    // The key that made the room is kept, so that a late repeat does not make it again, but not what it answered.
    ROOM_ANSWER_GONE = "update idempotency_keys set answer = '' where user_id = ?1 and route = ?2 and answer like ?3";
    OLD_KEYS_SWEPT = "delete from idempotency_keys where created_at <= ?1";
}

/// The route on which rooms are made.
pub const ROOM_MADE: &str = "POST /chatroom";

/// The route on which something is done in a room; keys are kept by room, so that they go with it.
#[must_use]
pub fn route_in_room(room: ChatroomId, action: &str) -> String {
    format!("POST /chatroom/{room}/{action}")
}

/// A key about to be stored with its effect.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Whose it is.
    pub user_id: UserId,
    /// The route it was used on.
    pub route: String,
    /// The key as sent.
    pub key: String,
    /// The digest of what was asked, so that another body is noticed.
    pub fingerprint: [u8; 32],
    /// The answer, as JSON.
    pub answer: String,
    /// The day whose quota the effect uses, where it does.
    pub day: Option<Day>,
    /// The present.
    pub now: Timestamp,
    /// Keys from before this moment are over.
    pub over_before: Timestamp,
}

/// A key found.
#[derive(Debug)]
pub struct StoredKey {
    /// The digest of what was asked.
    pub fingerprint: Vec<u8>,
    /// The answer, as JSON; empty when the room it was about is deleted.
    pub answer: String,
    /// Messages used that day, this one included.
    pub quota_used: Option<u32>,
}

/// Adds the steps that keep a key; refused when it is taken.
pub(super) fn kept(write: Write, key: Option<&NewKey>) -> Write {
    let Some(new) = key else { return write };
    let over = params![new.user_id, new.route.as_str(), new.key.as_str(), new.over_before];
    let kept =
        params![new.user_id, new.route.as_str(), new.key.as_str(), new.fingerprint, new.answer.as_str(), new.now];
    write.then(&KEY_OVER, over).must(&KEY_KEPT, kept, Refusal::KeyTaken)
}

/// Adds the step that notes with a key how much of the day is used. It follows the step that takes the unit, as only
/// that one holds off others who count on the same day.
pub(super) fn counted(write: Write, key: Option<&NewKey>) -> Write {
    let Some((new, day)) = key.and_then(|new| Some((new, new.day?))) else { return write };
    write.then(&KEY_COUNTED, params![new.user_id, new.route.as_str(), new.key.as_str(), day])
}

/// Adds the steps that forget what keys know of a room that is deleted.
pub(super) fn of_room_gone(write: Write, room: ChatroomId, owner: UserId) -> Write {
    let (routes, answers) = (route_in_room(room, "%"), format!("%\"id\":\"{room}\"%"));
    write.then(&ROOM_KEYS_GONE, params![owner, routes]).then(&ROOM_ANSWER_GONE, params![owner, ROOM_MADE, answers])
}

impl Db {
    /// The key of a user on a route, unless it is over.
    pub async fn idempotency_key(
        &self,
        user_id: UserId,
        route: &str,
        key: &str,
        over_before: Timestamp,
    ) -> Result<Option<StoredKey>> {
        self.find(&KEY, params![user_id, route, key, over_before]).await
    }

    /// Forgets the keys that are over.
    pub async fn sweep_idempotency_keys(&self, over_before: Timestamp) -> Result<()> {
        self.write(Write::new().then(&OLD_KEYS_SWEPT, params![over_before])).await?;
        Ok(())
    }
}

impl FromRow for StoredKey {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self { fingerprint: row.column()?, answer: row.column()?, quota_used: row.column()? })
    }
}
