//! Refresh tokens: one of a session is good at a time, and those before it are remembered as long as the session.

use std::time::Duration;

use super::statement::{params, statements};
use super::value::{FromRow, Row};
use super::{Db, Refusal, Write, WriteError};
use crate::domain::refresh::GivenToken;
use crate::domain::time::Timestamp;
use crate::domain::user::SESSION_LIFE;
use crate::error::Result;

statements! {
    REFRESH_TOKEN = "select s.id, s.user_id, s.expires_at, s.ended_at, s.step, s.step, cast(null as bigint), s.refresh_hash
          from sessions s where s.refresh_hash = ?1
        union all select s.id, s.user_id, s.expires_at, s.ended_at, s.step, t.step, t.spent_at, s.refresh_hash
          from spent_tokens t join sessions s on s.id = t.session_id where t.hash = ?1";
    TOKEN_ROTATED = "update sessions set refresh_hash = ?3, step = step + 1, seen_at = ?4,
          expires_at = case when created_at + ?5 < ?6 then created_at + ?5 else ?6 end
        where id = ?1 and refresh_hash = ?2 and ended_at is null and expires_at > ?4";
    TOKEN_SPENT = "insert into spent_tokens (hash, session_id, step, spent_at) values (?1, ?2, ?3, ?4)";
}

/// A refresh token about to take the place of another.
#[derive(Debug)]
pub struct NewToken<'a> {
    /// What is known of the one that is used.
    pub given: &'a GivenToken,
    /// The digest of the next.
    pub hash: [u8; 32],
    /// The present.
    pub now: Timestamp,
    /// How long the session lasts without another refresh.
    pub idle: Duration,
}

impl Db {
    /// What is known of the token with that digest; none for one that was never given out, or too long ago.
    pub async fn refresh_token(&self, hash: [u8; 32]) -> Result<Option<GivenToken>> {
        self.find(&REFRESH_TOKEN, params![hash]).await
    }

    /// Uses a token and puts its successor in its place; refused when it is not the session's good one any more.
    pub async fn rotate_token(&self, new: NewToken<'_>) -> Result<(), WriteError> {
        let NewToken { given, hash, now, idle } = new;
        let whole = i64::try_from(SESSION_LIFE.as_millis()).unwrap_or(i64::MAX);
        let rotated = params![given.session_id, &given.current[..], hash, now, whole, now + idle];
        let write = Write::new()
            .must(&TOKEN_ROTATED, rotated, Refusal::TokenSpent)
            .then(&TOKEN_SPENT, params![&given.current[..], given.session_id, given.step, now]);
        self.write(write).await.map(|_| ())
    }
}

impl FromRow for GivenToken {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self {
            session_id: row.column()?,
            user_id: row.column()?,
            expires_at: row.column()?,
            ended_at: row.column()?,
            session_step: row.column()?,
            step: row.column()?,
            spent_at: row.column()?,
            current: row.column()?,
        })
    }
}
