//! What a process does about the notes of others.

use tokio::sync::mpsc::UnboundedReceiver;

use super::bus::Bus;
use super::cache::Cache;
use super::note::Note;
use super::redis::Heard;

/// Heeds notes until nobody is left who could send any.
pub async fn heed(bus: Bus, cache: Cache, mut heard: UnboundedReceiver<Heard>) {
    while let Some(heard) = heard.recv().await {
        match heard {
            Heard::Note(Note::Jobs) => bus.ring_here(),
            Heard::Note(Note::Final(reply)) => bus.announce_here(reply),
            Heard::Note(Note::Sessions(ended)) => cache.forget_sessions_here(ended),
            Heard::Note(Note::Rooms(owner)) => cache.forget_rooms_here(owner),
            Heard::Reconnected => {
                // Whatever was said meanwhile was not heard.
                cache.forget_all_here();
                bus.ring_here();
            }
        }
    }
}
