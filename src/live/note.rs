//! What processes tell each other: short notes, several in one message, all of which may be lost.

use crate::domain::ids::{MessageId, UserId};

/// One thing that the others had better know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// A job may be claimed.
    Jobs,
    /// A reply is final.
    Final(MessageId),
    /// Whoever writes a reply is to end it where it stands.
    Stop(MessageId),
    /// What is known of a user's sessions, or of everybody's, is no longer true.
    Sessions(Option<UserId>),
    /// A user's room list has changed.
    Rooms(UserId),
}

/// A note's kind and its id.
const LENGTH: usize = 1 + 16;
const NONE: [u8; 16] = [0; 16];

impl Note {
    fn encode(self) -> [u8; LENGTH] {
        let (kind, id) = match self {
            Self::Jobs => (b'j', NONE),
            Self::Final(reply) => (b'f', reply.bytes()),
            Self::Stop(reply) => (b't', reply.bytes()),
            Self::Sessions(None) => (b'a', NONE),
            Self::Sessions(Some(user)) => (b's', user.bytes()),
            Self::Rooms(owner) => (b'r', owner.bytes()),
        };
        let mut bytes = [0; LENGTH];
        bytes[0] = kind;
        bytes[1..].copy_from_slice(&id);
        bytes
    }

    /// Nothing for a kind that a later version may know.
    fn decode(bytes: [u8; LENGTH]) -> Option<Self> {
        let [kind, id @ ..] = bytes;
        Some(match kind {
            b'j' => Self::Jobs,
            b'f' => Self::Final(MessageId::from_bytes(id)),
            b't' => Self::Stop(MessageId::from_bytes(id)),
            b'a' => Self::Sessions(None),
            b's' => Self::Sessions(Some(UserId::from_bytes(id))),
            b'r' => Self::Rooms(UserId::from_bytes(id)),
            _ => return None,
        })
    }
}

/// One message: who says it, and what. What is said twice is written once.
pub(super) fn write(from: [u8; 8], notes: &[Note]) -> Vec<u8> {
    let mut bytes = from.to_vec();
    for (index, note) in notes.iter().enumerate() {
        if !notes[..index].contains(note) {
            bytes.extend(note.encode());
        }
    }
    bytes
}

/// The notes of a message by somebody else; what can't be read is left out.
pub(super) fn read(me: [u8; 8], message: &[u8]) -> impl Iterator<Item = Note> {
    let (from, notes) = message.split_at_checked(me.len()).unwrap_or((&me, &[]));
    let notes = if from == me { &[] } else { notes };
    notes.as_chunks::<LENGTH>().0.iter().filter_map(|bytes| Note::decode(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    const NOW: Timestamp = Timestamp::from_millis(1_795_255_200_000);

    #[test]
    fn notes_come_out_as_they_went_in_and_each_once() {
        let notes = [
            Note::Jobs,
            Note::Final(MessageId::new(NOW)),
            Note::Stop(MessageId::new(NOW)),
            Note::Sessions(None),
            Note::Sessions(Some(UserId::new(NOW))),
            Note::Rooms(UserId::new(NOW)),
        ];
        let twice: Vec<Note> = notes.iter().chain(&notes).copied().collect();
        let message = write([1; 8], &twice);
        assert_eq!(read([2; 8], &message).collect::<Vec<_>>(), notes);
    }

    #[test]
    fn ones_own_notes_and_what_nobody_can_read_are_left_out() {
        let message = write([1; 8], &[Note::Jobs]);
        assert_eq!(read([1; 8], &message).count(), 0);
        assert_eq!(read([2; 8], &message[..12]).count(), 0);
        assert_eq!(read([2; 8], b"odd").count(), 0);
        let unknown = [[1; 8].as_slice(), &[b'?'; LENGTH]].concat();
        assert_eq!(read([2; 8], &unknown).count(), 0);
    }
}
