//! Where a reader of a stream stands: the id that each event carries, and that he comes back with.

use std::fmt;
use std::sync::Arc;

use super::ids::{ChatroomId, MessageId, UserId};

/// A room and its owner: only together do they name a channel, so nobody listens to somebody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OwnRoom {
    /// Whose it is.
    pub owner: UserId,
    /// The room.
    pub room: ChatroomId,
}

/// How far a reply has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// So many Unicode scalar values of its text.
    At(usize),
    /// All of it, and how it ended.
    End,
}

/// A place in a room's stream: all that came before this reply, and so much of it. It is written as
/// `<message>.<attempt>.<offset>`, and opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The reply.
    pub reply: MessageId,
    /// Which try wrote the text.
    pub attempt: u32,
    /// How much of it.
    pub offset: Offset,
}

/// A piece of a reply as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The reply.
    pub reply: MessageId,
    /// Which try writes it.
    pub attempt: u32,
    /// How many Unicode scalar values come before it.
    pub offset: usize,
    /// The text.
    pub text: Arc<str>,
}

impl Piece {
    /// How many Unicode scalar values come before what follows it.
    #[must_use]
    pub fn end(&self) -> usize {
        self.offset + self.text.chars().count()
    }

    /// What of it lies beyond `position`; none when there is a gap before it or nothing new in it.
    #[must_use]
    pub fn beyond(&self, position: usize) -> Option<&str> {
        let known = position.checked_sub(self.offset)?;
        let rest = match self.text.char_indices().nth(known) {
            Some((byte, _)) => &self.text[byte..],
            None => "",
        };
        (!rest.is_empty()).then_some(rest)
    }
}

impl Place {
    /// Reads what [`fmt::Display`] wrote, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (reply, attempt, offset) = (parts.next()?, parts.next()?, parts.next()?);
        let offset = if offset == "end" { Offset::End } else { Offset::At(number(offset)?) };
        Some(Self { reply: MessageId::parse(reply)?, attempt: number(attempt)?, offset })
    }
}

/// Digits alone: no sign, no space.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.", self.reply, self.attempt)?;
        match self.offset {
            Offset::At(offset) => write!(f, "{offset}"),
            Offset::End => f.write_str("end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn reply() -> MessageId {
        MessageId::new(Timestamp::from_millis(1_795_255_200_000))
    }

    #[test]
    fn a_place_survives_its_text() {
        for offset in [Offset::At(0), Offset::At(1_048_576), Offset::End] {
            let place = Place { reply: reply(), attempt: 3, offset };
            assert_eq!(Place::parse(&place.to_string()), Some(place));
        }
    }

    #[test]
    fn what_nobody_wrote_is_no_place() {
        let id = reply();
        for odd in ["", ".", "1.2.3", "..", "end"].map(ToOwned::to_owned).into_iter().chain([
            format!("{id}"),
            format!("{id}.1"),
            format!("{id}.1."),
            format!("{id}.-1.0"),
            format!("{id}.1.+1"),
            format!("{id}.1.-1"),
            format!("{id}.1.1.1"),
            format!("{id}.1.END"),
            format!("{id}.99999999999.1"),
            format!("{id}.1.99999999999999999999999"),
            format!(" {id}.1.1"),
        ]) {
            assert_eq!(Place::parse(&odd), None, "{odd}");
        }
    }

    #[test]
    fn of_a_piece_only_what_is_new_is_read() {
        let piece = Piece { reply: reply(), attempt: 1, offset: 4, text: "नमस्ते!".into() };
        assert_eq!(piece.beyond(4), Some("नमस्ते!"));
        assert_eq!(piece.beyond(6), Some("स्ते!"));
        assert_eq!(piece.beyond(piece.end()), None);
        assert_eq!(piece.beyond(100), None);
        assert_eq!(piece.beyond(3), None, "a gap");
    }
}
