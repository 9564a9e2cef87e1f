//! What is said of a room on its channel.

use crate::domain::ids::{ChatroomId, MessageId, UserId};
use crate::domain::stream::{OwnRoom, Piece};
use crate::live::rooms::Stir;

/// The name of a room's channel; it holds the owner, so that nobody can listen to a room by its id alone.
pub(super) fn channel(prefix: &str, room: OwnRoom) -> String {
    format!("{prefix}room:{}:{}", room.owner, room.room)
}

/// The room of a channel's name.
pub(super) fn room_of(prefix: &str, channel: &str) -> Option<OwnRoom> {
    let (owner, room) = channel.strip_prefix(prefix)?.strip_prefix("room:")?.split_once(':')?;
    Some(OwnRoom { owner: UserId::parse(owner)?, room: ChatroomId::parse(room)? })
}

/// Who says it, its kind, and for a piece the reply, the try, the offset and the text.
pub(super) fn write(from: [u8; 8], stir: &Stir) -> Vec<u8> {
    let mut bytes = from.to_vec();
    match stir {
        Stir::Look | Stir::Missed => bytes.push(b'l'),
        Stir::Piece(piece) => {
            bytes.push(b'p');
            bytes.extend(piece.reply.bytes());
            bytes.extend(piece.attempt.to_be_bytes());
            bytes.extend(u64::try_from(piece.offset).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend(piece.text.as_bytes());
        }
    }
    bytes
}

/// What somebody else said; nothing for what can't be read or was said by us.
pub(super) fn read(me: [u8; 8], message: &[u8]) -> Option<Stir> {
    let (from, rest) = message.split_first_chunk::<8>()?;
    if *from == me {
        return None;
    }
    match rest.split_first()? {
        (b'l', []) => Some(Stir::Look),
        (b'p', piece) => read_piece(piece).map(|piece| Stir::Piece(piece.into())),
        _ => None,
    }
}

fn read_piece(bytes: &[u8]) -> Option<Piece> {
    let (reply, rest) = bytes.split_first_chunk::<16>()?;
    let (attempt, rest) = rest.split_first_chunk::<4>()?;
    let (offset, text) = rest.split_first_chunk::<8>()?;
    Some(Piece {
        reply: MessageId::from_bytes(*reply),
        attempt: u32::from_be_bytes(*attempt),
        offset: usize::try_from(u64::from_be_bytes(*offset)).ok()?,
        text: std::str::from_utf8(text).ok()?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn what_is_said_of_a_room_is_heard_by_others_as_it_was_said() {
        let reply = MessageId::new(Timestamp::from_millis(1));
        let piece = Piece { reply, attempt: 2, offset: 77, text: "नमस्ते".into() };
        for stir in [Stir::Look, Stir::Piece(piece.into())] {
            let message = write([1; 8], &stir);
            assert_eq!(read([2; 8], &message), Some(stir));
            assert_eq!(read([1; 8], &message), None);
        }
        assert_eq!(read([2; 8], b"12345678?"), None);
        assert_eq!(read([2; 8], b"123"), None);
    }

    #[test]
    fn a_channel_names_owner_and_room() {
        let now = Timestamp::from_millis(1_795_255_200_000);
        let room = OwnRoom { owner: UserId::new(now), room: ChatroomId::new(now) };
        assert_eq!(room_of("p:", &channel("p:", room)), Some(room));
        assert_eq!(room_of("q:", &channel("p:", room)), None);
        assert_eq!(room_of("p:", "p:notes"), None);
    }
}
