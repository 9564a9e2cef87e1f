//! What a process does about the notes of others.

use tokio::sync::mpsc::UnboundedReceiver;

use super::bus::Bus;
use super::cache::Cache;
use super::note::Note;
use super::redis::Heard;
use super::rooms::Rooms;
use super::streams::Streams;

/// The parts of this process that notes are about, none of which speaks to others by itself.
pub struct Heeding {
    /// Wake-ups.
    pub bus: Bus,
    /// Spared reads.
    pub cache: Cache,
    /// What happens in rooms.
    pub rooms: Rooms,
    /// Who watches.
    pub streams: Streams,
}

/// Heeds notes until nobody is left who could send any.
pub async fn heed(here: Heeding, mut heard: UnboundedReceiver<Heard>) {
    let Heeding { bus, cache, rooms, streams } = here;
    while let Some(heard) = heard.recv().await {
        match heard {
            Heard::Room(room, stir) => rooms.tell_here(room, stir),
            Heard::Note(Note::Jobs) => bus.ring_here(),
            Heard::Note(Note::Final(reply)) => bus.announce_here(reply),
            Heard::Note(Note::Stop(reply)) => bus.ask_to_stop_here(reply),
            Heard::Note(Note::Sessions(user)) => {
                cache.forget_sessions();
                streams.look_again(user);
            }
            Heard::Note(Note::Rooms(owner)) => cache.forget_rooms_here(owner),
            // Who watches goes by looking from now on.
            Heard::Lost => rooms.all_look_here(),
            Heard::Reconnected => {
                // Whatever was said meanwhile was not heard.
                cache.forget_all_here();
                rooms.all_look_here();
                bus.ring_here();
            }
        }
    }
}
