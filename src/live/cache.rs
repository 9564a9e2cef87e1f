//! The cache: sessions for a second, and each user's room list until the user changes it. Where processes share a Redis,
//! they share the lists there ([`super::shared_rooms`]), and what is kept here lives a second at the most.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::note::Note;
use super::redis::Reach;
use super::shared_rooms::SharedRooms;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::user::Session;

/// How long what another process may change is believed: a sign-out or a room made there is seen within it.
const LIFE_BESIDE_OTHERS: Duration = Duration::from_secs(1);
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
    reach: Reach,
    shared_rooms: Option<SharedRooms>,
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
    /// A cache of that reach, whose room lists live for `life`; none are kept when that is nothing.
    #[must_use]
    pub fn new(life: Duration, reach: Reach) -> Self {
        let shared_rooms = reach.redis().filter(|_| !life.is_zero()).map(|redis| SharedRooms::new(redis.clone(), life));
        let life_here = if reach.redis().is_some() { life.min(LIFE_BESIDE_OTHERS) } else { life };
        Self {
            sessions: moka::sync::Cache::builder().max_capacity(SESSIONS).time_to_live(LIFE_BESIDE_OTHERS).build(),
            revocations: Arc::default(),
            rooms: moka::sync::Cache::builder().max_capacity(USERS).time_to_live(life_here).build(),
            reach,
            shared_rooms,
        }
    }

    /// The same cache, without a word to others.
    #[must_use]
    pub fn here(&self) -> Self {
        Self { reach: Reach::Process, shared_rooms: None, ..self.clone() }
    }

    /// The lists that processes share, if they do.
    #[must_use]
    pub fn shared_rooms(&self) -> Option<&SharedRooms> {
        self.shared_rooms.as_ref()
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

    /// Forgets what is known of sessions, after some were ended or changed: one more revocation is enough for that.
    pub fn forget_sessions(&self) {
        self.revocations.fetch_add(1, Ordering::SeqCst);
    }

    /// The pages of a user's room list: take them before reading the database, and put what was read into them.
    #[must_use]
    pub fn room_pages(&self, owner: UserId) -> Arc<RoomPages> {
        self.rooms.get_with(owner, || Arc::new(RoomPages { owner, pages: Mutex::default() }))
    }

    /// Drops a user's room list everywhere, after a write of the user and before its answer. False when the shared list
    /// could not be reached, so that the others must be told by way of the database.
    pub async fn forget_rooms(&self, owner: UserId) -> bool {
        let is_told = match &self.shared_rooms {
            Some(shared) => shared.forget(owner).await,
            None => true,
        };
        // After the shared one, which would otherwise be read once more into what is kept here.
        self.forget_rooms_here(owner);
        self.reach.tell(Note::Rooms(owner));
        is_told
    }

    /// Drops a user's room list in this process.
    pub fn forget_rooms_here(&self, owner: UserId) {
        self.rooms.invalidate(&owner);
    }

    /// Drops all that is kept in this process.
    pub fn forget_all_here(&self) {
        self.forget_sessions();
        self.rooms.invalidate_all();
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
        let cache = Cache::new(Duration::from_mins(1), Reach::Process);
        let user = UserId::new(NOW);
        let pages = cache.room_pages(user);
        cache.forget_rooms_here(user);
        pages.put(50, page("old"));
        assert!(cache.room_pages(user).get(user, 50).is_none());
    }

    #[test]
    fn a_page_is_given_to_its_owner_alone() {
        let cache = Cache::new(Duration::from_mins(1), Reach::Process);
        let (owner, other) = (UserId::new(NOW), UserId::new(NOW));
        let pages = cache.room_pages(owner);
        pages.put(50, page("mine"));
        assert!(pages.get(owner, 50).is_some());
        assert!(pages.get(other, 50).is_none());
    }

    #[test]
    fn a_session_looked_up_before_a_revocation_is_not_kept() {
        let cache = Cache::new(Duration::from_mins(1), Reach::Process);
        let session = Session {
            id: SessionId::new(NOW),
            user_id: UserId::new(NOW),
            tier: Tier::Basic,
            expires_at: NOW,
            ended_at: None,
            rooms_epoch: 0,
        };
        let before = cache.revocations();
        cache.forget_sessions();
        cache.keep_session(session, before);
        assert!(cache.session(session.id).is_none());
    }
}
