//! Which idempotency keys are being executed in this process, so that a second request with the same key is told to
//! wait. What makes an effect happen once is the key's row in the database.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::ids::UserId;

type Entry = (UserId, String, String);

/// The set of keys in execution.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<Mutex<HashSet<Entry>>>);

/// A key in execution; it leaves the set when this is dropped.
#[derive(Debug)]
pub struct Executing {
    set: InFlight,
    entry: Entry,
}

impl InFlight {
    /// Enters a key; none when it is there already.
    #[must_use]
    pub fn enter(&self, user: UserId, route: &str, key: &str) -> Option<Executing> {
        let entry = (user, route.to_owned(), key.to_owned());
        let entered = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.clone());
        entered.then(|| Executing { set: self.clone(), entry })
    }
}

impl Drop for Executing {
    fn drop(&mut self) {
        self.set.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn a_key_is_executed_once_at_a_time() {
        let (set, user) = (InFlight::default(), UserId::new(Timestamp::from_millis(1)));
        let first = set.enter(user, "send", "k");
        assert!(first.is_some());
        assert!(set.enter(user, "send", "k").is_none());
        assert!(set.enter(user, "room", "k").is_some());
        drop(first);
        assert!(set.enter(user, "send", "k").is_some());
    }
}
