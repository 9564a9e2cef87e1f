//! Who watches: how many streams a user has open, and a bell for when they must look whether they still may.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::ids::UserId;

/// Streams of one user at one time, in a process.
const AT_ONCE: usize = 8;

/// The open streams of this process.
#[derive(Clone, Debug, Default)]
pub struct Streams(Arc<Mutex<HashMap<UserId, Open>>>);

#[derive(Debug, Default)]
struct Open {
    count: usize,
    bell: Arc<Notify>,
}

/// One open stream; it is closed when this is dropped.
#[derive(Debug)]
pub struct OpenStream {
    streams: Streams,
    user: UserId,
    bell: Arc<Notify>,
}

impl Streams {
    /// Opens a stream of a user, unless there are too many.
    #[must_use]
    pub fn open(&self, user: UserId) -> Option<OpenStream> {
        let mut all = self.all();
        let open = all.entry(user).or_default();
        if open.count >= AT_ONCE {
            return None;
        }
        open.count += 1;
        let bell = Arc::clone(&open.bell);
        drop(all);
        Some(OpenStream { streams: self.clone(), user, bell })
    }

    /// Has the streams of a user, or of everybody, look whether they may go on.
    pub fn look_again(&self, user: Option<UserId>) {
        let all = self.all();
        match user {
            Some(user) => all.get(&user).into_iter().for_each(|open| open.bell.notify_waiters()),
            None => all.values().for_each(|open| open.bell.notify_waiters()),
        }
    }

    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all().values().map(|open| open.count).sum()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<UserId, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenStream {
    /// The bell of the user: take its [`Notify::notified`] before looking, and wait after it.
    #[must_use]
    pub fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut all = self.streams.all();
        if let Some(open) = all.get_mut(&self.user) {
            open.count -= 1;
            if open.count == 0 {
                all.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn a_user_has_eight_streams_and_gets_a_place_back_with_each_that_ends() {
        let (streams, user) = (Streams::default(), UserId::new(Timestamp::from_millis(1)));
        let mut open: Vec<_> = (0..AT_ONCE).map(|_| streams.open(user).unwrap()).collect();
        assert!(streams.open(user).is_none());
        assert!(streams.open(UserId::new(Timestamp::from_millis(2))).is_some());
        open.pop();
        assert!(streams.open(user).is_some());
        drop(open);
        assert_eq!(streams.count(), 0);
    }
}
