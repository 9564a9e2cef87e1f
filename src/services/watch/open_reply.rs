//! A reply that is not final, as far as its reader has been told of it.

use std::collections::VecDeque;

use crate::domain::ids::MessageId;
use crate::domain::stream::Piece;

/// Pieces that were heard before what comes before them was read; beyond this the database is waited for.
const HELD: usize = 256;

/// A reply and how much of it was told.
#[derive(Debug)]
pub(super) struct OpenReply {
    pub id: MessageId,
    /// Which try the text is of; 0 before any.
    pub attempt: u32,
    /// How many Unicode scalar values of the text were told.
    pub position: usize,
    held: VecDeque<Piece>,
}

impl OpenReply {
    pub(super) fn new(id: MessageId) -> Self {
        Self { id, attempt: 0, position: 0, held: VecDeque::new() }
    }

    /// As [`Self::new`], of which something was told already.
    pub(super) fn at(id: MessageId, attempt: u32, position: usize) -> Self {
        Self { attempt, position, ..Self::new(id) }
    }

    /// True when a piece is of the try whose text is being told.
    pub(super) fn is_about(&self, piece: &Piece) -> bool {
        piece.reply == self.id && piece.attempt == self.attempt
    }

    /// The new part of a piece and where it begins; nothing when it is known, or what comes before it is missing, in
    /// which case it is kept.
    pub(super) fn take(&mut self, piece: &Piece) -> Option<(usize, String)> {
        if let Some(text) = piece.beyond(self.position) {
            let told = (self.position, text.to_owned());
            self.position = piece.end();
            return Some(told);
        }
        if piece.offset > self.position {
            self.hold(piece.clone());
        }
        None
    }

    /// Keeps a piece for later.
    pub(super) fn hold(&mut self, piece: Piece) {
        if self.held.len() == HELD {
            self.held.pop_front();
        }
        self.held.push_back(piece);
    }

    /// The first of what was kept that now follows on what was told. Each is told before the next one is taken, as the
    /// place told with it must be its own.
    pub(super) fn take_held(&mut self) -> Option<(usize, String)> {
        while let Some(piece) = self.held.pop_front() {
            if piece.reply != self.id || piece.attempt < self.attempt {
                continue;
            }
            if piece.attempt > self.attempt || piece.offset > self.position {
                self.held.push_front(piece);
                return None;
            }
            if let Some(told) = self.take(&piece) {
                return Some(told);
            }
        }
        None
    }

    /// True when something is kept that can't be told yet.
    pub(super) fn is_behind(&self) -> bool {
        !self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn piece(reply: MessageId, attempt: u32, offset: usize, text: &str) -> Piece {
        Piece { reply, attempt, offset, text: text.into() }
    }

    #[test]
    fn pieces_that_come_before_what_precedes_them_are_told_after_it() {
        let id = MessageId::new(Timestamp::from_millis(1));
        let mut open = OpenReply::at(id, 1, 0);
        assert_eq!(open.take(&piece(id, 1, 3, "def")), None);
        assert_eq!(open.take(&piece(id, 1, 6, "ghi")), None);
        assert!(open.is_behind());
        open.position = 4;
        assert_eq!(open.take_held(), Some((4, "ef".to_owned())));
        assert_eq!(open.position, 6);
        assert_eq!(open.take_held(), Some((6, "ghi".to_owned())));
        assert_eq!(open.take_held(), None);
        assert!(!open.is_behind());
        assert_eq!(open.take(&piece(id, 1, 6, "ghi")), None, "twice");
        assert_eq!(open.take(&piece(id, 1, 9, "j")), Some((9, "j".to_owned())));
    }

    #[test]
    fn pieces_of_an_earlier_try_are_dropped_and_of_a_later_one_kept() {
        let id = MessageId::new(Timestamp::from_millis(1));
        let mut open = OpenReply::at(id, 2, 0);
        open.hold(piece(id, 1, 0, "old"));
        open.hold(piece(id, 3, 0, "new"));
        assert_eq!(open.take_held(), None);
        open.attempt = 3;
        assert_eq!(open.take_held(), Some((0, "new".to_owned())));
    }
}
