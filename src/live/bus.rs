//! The bus: hurries up what the database knows anyway, in this process and in those that share a Redis with it. Whoever
//! waits on it must also look for himself now and then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::note::Note;
use super::redis::Reach;
use crate::domain::ids::MessageId;

/// Says «there is a job» and «this reply is final» to whoever waits.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    lines: Arc<Lines>,
    reach: Reach,
}

#[derive(Debug, Default)]
struct Lines {
    jobs: Notify,
    finals: Mutex<HashMap<MessageId, Watched>>,
}

#[derive(Debug, Default)]
struct Watched {
    bells: Arc<Bells>,
    watchers: usize,
}

#[derive(Debug, Default)]
struct Bells {
    is_final: Notify,
    is_to_stop: Notify,
}

impl Bus {
    /// A bus of that reach.
    #[must_use]
    pub fn new(reach: Reach) -> Self {
        Self { lines: Arc::default(), reach }
    }

    /// The same bus, heard in this process alone.
    #[must_use]
    pub fn here(&self) -> Self {
        Self { lines: Arc::clone(&self.lines), reach: Reach::Process }
    }

    /// Says that a job may be claimed.
    pub fn ring_for_jobs(&self) {
        self.ring_here();
        self.reach.tell(Note::Jobs);
    }

    /// The same for this process alone.
    pub fn ring_here(&self) {
        self.lines.jobs.notify_one();
    }

    /// Waits until somebody says so; a ring that came before counts.
    pub async fn jobs_rung(&self) {
        self.lines.jobs.notified().await;
    }

    /// Says that a reply is final.
    pub fn announce_final(&self, reply: MessageId) {
        self.announce_here(reply);
        self.reach.tell(Note::Final(reply));
    }

    /// The same for this process alone.
    pub fn announce_here(&self, reply: MessageId) {
        if let Some(watched) = self.finals().get(&reply) {
            watched.bells.is_final.notify_waiters();
        }
    }

    /// Asks whoever writes a reply to end it where it stands.
    pub fn ask_to_stop(&self, reply: MessageId) {
        self.ask_to_stop_here(reply);
        self.reach.tell(Note::Stop(reply));
    }

    /// The same for this process alone.
    pub fn ask_to_stop_here(&self, reply: MessageId) {
        if let Some(watched) = self.finals().get(&reply) {
            watched.bells.is_to_stop.notify_waiters();
        }
    }

    /// Begins to listen for a reply's end. Look at the stored reply after this and before waiting.
    #[must_use]
    pub fn watch(&self, reply: MessageId) -> Watch {
        let mut finals = self.finals();
        let watched = finals.entry(reply).or_default();
        watched.watchers += 1;
        let bells = Arc::clone(&watched.bells);
        drop(finals);
        Watch { bus: self.clone(), reply, bells }
    }

    fn finals(&self) -> MutexGuard<'_, HashMap<MessageId, Watched>> {
        self.lines.finals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One listener for one reply.
#[derive(Debug)]
pub struct Watch {
    bus: Bus,
    reply: MessageId,
    bells: Arc<Bells>,
}

impl Watch {
    /// A future that ends at the next announcement; one made before it is first polled counts too.
    pub fn rung(&self) -> tokio::sync::futures::Notified<'_> {
        self.bells.is_final.notified()
    }

    /// The same of a wish that the reply be stopped.
    pub fn asked_to_stop(&self) -> tokio::sync::futures::Notified<'_> {
        self.bells.is_to_stop.notified()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut finals = self.bus.finals();
        if let Some(watched) = finals.get_mut(&self.reply) {
            watched.watchers -= 1;
            if watched.watchers == 0 {
                finals.remove(&self.reply);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[tokio::test]
    async fn an_announcement_between_watching_and_waiting_is_not_lost() {
        let bus = Bus::default();
        let reply = MessageId::new(Timestamp::from_millis(1));
        let watch = bus.watch(reply);
        let rung = watch.rung();
        bus.announce_final(reply);
        rung.await;
    }

    #[test]
    fn nothing_is_kept_for_a_reply_nobody_watches() {
        let bus = Bus::default();
        let reply = MessageId::new(Timestamp::from_millis(1));
        let (first, second) = (bus.watch(reply), bus.watch(reply));
        drop(first);
        assert_eq!(bus.finals().len(), 1);
        drop(second);
        assert!(bus.finals().is_empty());
    }
}
