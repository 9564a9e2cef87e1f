//! The cache: sessions for a second, and each user's room list until the user changes it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::domain::ids::{SessionId, UserId};
use crate::domain::user::Session;

/// How long a session's state may be believed: a sign-out elsewhere is seen within it.
const SESSION_LIFE: Duration = Duration::from_secs(1);
const SESSIONS: u64 = 50_000;
const USERS: u64 = 20_000;
/// Pages of one user's list that are kept, by page size.
const PAGES: usize = 4;

/// What is kept in this process to spare the database.
#[derive(Clone, Debug)]
pub struct Cache {
    sessions: moka::sync::Cache<SessionId, (Session, u64)>,
    revocations: Arc<AtomicU64>,
    rooms: moka::sync::Cache<UserId, Arc<RoomPages>>,
}

/// The first pages of one user's room list. After a write of the user the whole object is dropped; whoever was still
/// reading the database for it puts an old page into an object that nobody looks at any more.
#[derive(Debug)]
pub struct RoomPages {
    owner: UserId,
    pages: Mutex<HashMap<u32, Page>>,
}

/// A page as it is sent.
#[derive(Clone, Debug)]
pub struct Page {
    /// The body.
    pub body: Bytes,
    /// Its strong entity tag, quotes included.
    pub etag: String,
}

impl Cache {
    /// A cache whose room lists live for `life`.
    #[must_use]
    pub fn new(life: Duration) -> Self {
        Self {
            sessions: moka::sync::Cache::builder().max_capacity(SESSIONS).time_to_live(SESSION_LIFE).build(),
            revocations: Arc::default(),
            rooms: moka::sync::Cache::builder().max_capacity(USERS).time_to_live(life).build(),
        }
    }

    /// A session looked up less than a second ago, and after the last revocation.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<Session> {
        let (session, revocations) = self.sessions.get(&id)?;
        (revocations == self.revocations()).then_some(session)
    }

    /// How many revocations there have been: read it before the database, and hand it to [`Self::keep_session`].
    #[must_use]
    pub fn revocations(&self) -> u64 {
        self.revocations.load(Ordering::SeqCst)
    }

    /// Keeps a session together with the count of revocations that it was looked up under. One revocation makes all
    /// that was kept before it unseen, whoever is just reading or writing: nothing has to be found and removed in time.
    pub fn keep_session(&self, session: Session, revocations: u64) {
        self.sessions.insert(session.id, (session, revocations));
    }

    /// Forgets what is known of sessions, after one or all of a user's were ended or changed.
    pub fn forget_sessions(&self, ended: Option<SessionId>) {
        self.revocations.fetch_add(1, Ordering::SeqCst);
        match ended {
            Some(id) => self.sessions.invalidate(&id),
            None => self.sessions.invalidate_all(),
        }
    }

    /// The pages of a user's room list: take them before reading the database, and put what was read into them.
    #[must_use]
    pub fn room_pages(&self, owner: UserId) -> Arc<RoomPages> {
        self.rooms.get_with(owner, || Arc::new(RoomPages { owner, pages: Mutex::default() }))
    }

    /// Drops a user's room list, after a write of the user and before its answer.
    pub fn forget_rooms(&self, owner: UserId) {
        self.rooms.invalidate(&owner);
    }
}

impl RoomPages {
    /// The page of `owner` for that page size.
    #[must_use]
    pub fn get(&self, owner: UserId, limit: u32) -> Option<Page> {
        if self.owner != owner {
            return None;
        }
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(&limit).cloned()
    }

    /// Keeps a page.
    pub fn put(&self, limit: u32, page: Page) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.len() < PAGES || pages.contains_key(&limit) {
            pages.insert(limit, page);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::Tier;
    use crate::domain::time::Timestamp;

    const NOW: Timestamp = Timestamp::from_millis(1_795_255_200_000);

    fn page(text: &'static str) -> Page {
        Page { body: Bytes::from_static(text.as_bytes()), etag: format!("\"{text}\"") }
    }

    #[test]
    fn a_page_read_before_a_write_is_not_seen_after_it() {
        let cache = Cache::new(Duration::from_mins(1));
        let user = UserId::new(NOW);
        let pages = cache.room_pages(user);
        cache.forget_rooms(user);
        pages.put(50, page("old"));
        assert!(cache.room_pages(user).get(user, 50).is_none());
    }

    #[test]
    fn a_page_is_given_to_its_owner_alone() {
        let cache = Cache::new(Duration::from_mins(1));
        let (owner, other) = (UserId::new(NOW), UserId::new(NOW));
        let pages = cache.room_pages(owner);
        pages.put(50, page("mine"));
        assert!(pages.get(owner, 50).is_some());
        assert!(pages.get(other, 50).is_none());
    }

    #[test]
    fn a_session_looked_up_before_a_revocation_is_not_kept() {
        let cache = Cache::new(Duration::from_mins(1));
        let session = Session {
            id: SessionId::new(NOW),
            user_id: UserId::new(NOW),
            tier: Tier::Basic,
            expires_at: NOW,
            ended_at: None,
        };
        let before = cache.revocations();
        cache.forget_sessions(Some(session.id));
        cache.keep_session(session, before);
        assert!(cache.session(session.id).is_none());
    }
}
