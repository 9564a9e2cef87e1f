//! All that is known of a user, read in pages whose order nothing that happens meanwhile can change.

use super::Db;
use super::statement::{params, statements};
use super::value::{FromRow, Row};
use crate::domain::chat::Chatroom;
use crate::domain::ids::{ChatroomId, EventId, SessionId, UserId};
use crate::domain::time::Timestamp;
use crate::domain::user::SignedInBy;
use crate::error::Result;

statements! {
    // By birth and not by activity: a room that is written into meanwhile must not jump over the place we are at.
    ROOMS_BY_BIRTH = "select id, name, instructions, model, created_at, updated_at from chatrooms
        where user_id = ?1 and id > ?2 order by id limit ?3";
    SESSIONS_BY_BIRTH = "select id, proof, created_at, seen_at, expires_at, ended_at from sessions
        where user_id = ?1 and id > ?2 order by id limit ?3";
    EVENTS_BY_TIME = "select id, kind, session_id, detail, created_at from security_events
        where user_id = ?1 and (created_at, id) > (?2, ?3) order by created_at, id limit ?4";
}

/// A session, live or over.
#[derive(Clone, Debug)]
pub struct PastSession {
    /// Its id.
    pub id: SessionId,
    /// What it was begun by.
    pub by: SignedInBy,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was begun or last refreshed.
    pub seen_at: Timestamp,
    /// When it ends or ended by itself.
    pub expires_at: Timestamp,
    /// When it was ended, if it was.
    pub ended_at: Option<Timestamp>,
}

/// A security event as its user may see it: without the keyed name of the network it came from.
#[derive(Clone, Debug)]
pub struct PastEvent {
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub kind: String,
    /// In which session.
    pub session_id: Option<SessionId>,
    /// What else there is to know.
    pub detail: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Db {
    /// The owner's rooms after that one, the oldest first.
    pub async fn rooms_by_birth(&self, owner: UserId, after: Option<ChatroomId>, limit: i64) -> Result<Vec<Chatroom>> {
        let after = after.unwrap_or(ChatroomId::from_bytes([0; 16]));
        self.list(&ROOMS_BY_BIRTH, params![owner, after, limit]).await
    }

    /// The owner's sessions after that one, live or over, the oldest first.
    pub async fn sessions_by_birth(
        &self,
        owner: UserId,
        after: Option<SessionId>,
        limit: i64,
    ) -> Result<Vec<PastSession>> {
        let after = after.unwrap_or(SessionId::from_bytes([0; 16]));
        self.list(&SESSIONS_BY_BIRTH, params![owner, after, limit]).await
    }

    /// The owner's security events after that one, the oldest first.
    pub async fn events_by_time(
        &self,
        owner: UserId,
        after: Option<(Timestamp, EventId)>,
        limit: i64,
    ) -> Result<Vec<PastEvent>> {
        let (at, id) = after.unwrap_or((Timestamp::from_millis(i64::MIN), EventId::from_bytes([0; 16])));
        self.list(&EVENTS_BY_TIME, params![owner, at, id, limit]).await
    }
}

impl FromRow for PastSession {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self {
            id: row.column()?,
            by: SignedInBy::from_stored(&row.column::<String>()?),
            created_at: row.column()?,
            seen_at: row.column()?,
            expires_at: row.column()?,
            ended_at: row.column()?,
        })
    }
}

impl FromRow for PastEvent {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self {
            id: row.column()?,
            kind: row.column()?,
            session_id: row.column()?,
            detail: row.column()?,
            at: row.column()?,
        })
    }
}
