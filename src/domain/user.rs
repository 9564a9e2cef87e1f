//! People and their sessions.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::ids::{SessionId, UserId};
use super::phone::Phone;
use super::plan::Tier;
use super::time::Timestamp;
use super::token::Bearer;

/// How long a session lasts at the most.
pub const SESSION_LIFE: Duration = Duration::from_hours(90 * 24);
/// Sessions of a user at one time; a further one ends the oldest.
pub const SESSIONS_AT_ONCE: i64 = 20;
/// How long a session lasts without being refreshed.
pub const SESSION_IDLE: Duration = Duration::from_hours(30 * 24);
/// Device tokens kept for a number; a further one replaces the oldest.
pub const DEVICES_KEPT: i64 = 20;

/// An account.
#[derive(Clone, Debug)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The number it signs in with.
    pub phone: Phone,
    /// What the person is called.
    pub name: Option<String>,
    /// The plan.
    pub tier: Tier,
    /// Whether a password is set.
    pub has_password: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Who is calling: what every request with a token is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The user's plan, as of now.
    pub tier: Tier,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was ended, if it was.
    pub ended_at: Option<Timestamp>,
    /// How often shared copies of the user's room list had to be given up by way of the database: a copy made under
    /// another count is not believed.
    pub rooms_epoch: i64,
}

/// What a session was begun by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignedInBy {
    /// A code sent to the number.
    Code,
    /// The account's password.
    Password,
}

impl SignedInBy {
    /// The name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Password => "password",
        }
    }

    /// The reverse of [`Self::as_str`].
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        if text == "code" { Self::Code } else { Self::Password }
    }
}

/// A live session as its user sees it in a list.
#[derive(Clone, Copy, Debug)]
pub struct OpenSession {
    /// Its id.
    pub id: SessionId,
    /// What it was begun by.
    pub by: SignedInBy,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was begun or last refreshed.
    pub seen_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

impl Session {
    /// Who a token of this session speaks for.
    #[must_use]
    pub fn bearer(&self) -> Bearer {
        Bearer { user_id: self.user_id, session_id: self.id }
    }

    /// True while it is neither ended nor over.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }
}
