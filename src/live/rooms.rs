//! What happens in rooms, for those who watch: pieces of replies as they are written, and «look again» for all else. It may
//! be lost; whoever watches reads the truth from the database and takes from here what lies beyond it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::redis::Reach;
use crate::domain::stream::{OwnRoom, Piece};

/// What is kept for a watcher who is slower than the writer; one who is slower still reads the database.
const KEPT: usize = 32;

/// Something that happened in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stir {
    /// A piece of a reply was written. It stands apart, as every watched room has places for `KEPT` of these.
    Piece(Arc<Piece>),
    /// Something else changed: the database knows what.
    Look,
    /// Something may have happened anywhere and was not heard.
    Missed,
}

/// The watched rooms of this process.
#[derive(Clone, Debug, Default)]
pub struct Rooms {
    watched: Arc<Mutex<HashMap<OwnRoom, broadcast::Sender<Stir>>>>,
    reach: Reach,
}

/// One watcher of a room.
#[derive(Debug)]
pub struct RoomWatch {
    rooms: Rooms,
    room: OwnRoom,
    stirs: Option<broadcast::Receiver<Stir>>,
}

impl Rooms {
    /// Rooms of that reach.
    #[must_use]
    pub fn new(reach: Reach) -> Self {
        Self { watched: Arc::default(), reach }
    }

    /// The same rooms, without a word to others.
    #[must_use]
    pub fn here(&self) -> Self {
        Self { watched: Arc::clone(&self.watched), reach: Reach::Process }
    }

    /// Says what happened, here and to the other processes.
    pub fn tell(&self, room: OwnRoom, stir: Stir) {
        if let Some(redis) = self.reach.redis() {
            redis.tell_room(room, &stir);
        }
        self.tell_here(room, stir);
    }

    /// The same for this process alone.
    pub fn tell_here(&self, room: OwnRoom, stir: Stir) {
        if let Some(watchers) = self.watched().get(&room) {
            let _ = watchers.send(stir);
        }
    }

    /// Has every watcher look for himself, because something may have been missed, or will be from now on.
    pub fn all_look_here(&self) {
        for watchers in self.watched().values() {
            let _ = watchers.send(Stir::Missed);
        }
    }

    /// Begins to watch. Read the database after this, and take from here what lies beyond it.
    pub async fn watch(&self, room: OwnRoom) -> RoomWatch {
        let (stirs, is_first) = {
            let mut watched = self.watched();
            let is_first = !watched.contains_key(&room);
            (watched.entry(room).or_insert_with(|| broadcast::Sender::new(KEPT)).subscribe(), is_first)
        };
        let watch = RoomWatch { rooms: self.clone(), room, stirs: Some(stirs) };
        if let (Some(redis), true) = (self.reach.redis(), is_first) {
            redis.listen(room).await;
            // Who came to the room meanwhile did not wait for this.
            self.tell_here(room, Stir::Look);
        }
        watch
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<OwnRoom, broadcast::Sender<Stir>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoomWatch {
    /// The next thing that happens; when some were missed, that is to look.
    pub async fn next(&mut self) -> Stir {
        let Some(stirs) = &mut self.stirs else { return std::future::pending().await };
        // The sender stays while this watches, so all that can go wrong is that some were missed.
        stirs.recv().await.unwrap_or(Stir::Look)
    }

    /// True when nothing happens elsewhere, so that whatever is said is heard.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.rooms.reach.redis().is_none()
    }

    /// True when nothing that happens elsewhere can be heard, so that one must look now and then.
    #[must_use]
    pub fn is_deaf(&self) -> bool {
        self.rooms.reach.redis().is_some_and(|redis| !redis.is_there())
    }
}

impl Drop for RoomWatch {
    fn drop(&mut self) {
        let mut watched = self.rooms.watched();
        drop(self.stirs.take());
        if watched.get(&self.room).is_some_and(|watchers| watchers.receiver_count() == 0) {
            watched.remove(&self.room);
            if let Some(redis) = self.rooms.reach.redis() {
                let (rooms, room) = (self.rooms.clone(), self.room);
                redis.stop_listening(room, move || rooms.tell_here(room, Stir::Look));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ChatroomId, UserId};
    use crate::domain::time::Timestamp;

    fn room() -> OwnRoom {
        let now = Timestamp::from_millis(1_795_255_200_000);
        OwnRoom { owner: UserId::new(now), room: ChatroomId::new(now) }
    }

    #[tokio::test]
    async fn a_room_is_heard_by_its_owner_alone_and_only_while_watched() {
        let (rooms, mine) = (Rooms::default(), room());
        let mut watch = rooms.watch(mine).await;
        rooms.tell(OwnRoom { owner: room().owner, ..mine }, Stir::Look);
        assert!(matches!(futures_util::poll!(std::pin::pin!(watch.next())), std::task::Poll::Pending));
        rooms.tell(mine, Stir::Look);
        assert_eq!(watch.next().await, Stir::Look);
        drop(watch);
        assert!(rooms.watched().is_empty());
    }

    #[tokio::test]
    async fn who_is_too_slow_is_told_to_look() {
        let (rooms, mine) = (Rooms::default(), room());
        let mut watch = rooms.watch(mine).await;
        let reply = crate::domain::ids::MessageId::new(Timestamp::from_millis(1));
        let piece = |offset| Arc::new(Piece { reply, attempt: 1, offset, text: "a".into() });
        for offset in 0..KEPT * 2 {
            rooms.tell(mine, Stir::Piece(piece(offset)));
        }
        assert_eq!(watch.next().await, Stir::Look);
        assert_eq!(watch.next().await, Stir::Piece(piece(KEPT)));
    }
}
