//! What the stand-in was told to do, and what it was asked.

use std::collections::VecDeque;

use super::{Call, Reply};

/// The state behind a [`super::FakeGemini`].
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) next: VecDeque<Reply>,
    pub(super) otherwise: Option<Reply>,
    pub(super) calls: Vec<Call>,
}

impl Script {
    /// Notes a call and says what the script wants it answered with, if anything, and how many calls there were.
    pub(super) fn log(&mut self, call: &Call) -> (Option<Reply>, usize) {
        self.calls.push(call.clone());
        (self.next.pop_front().or_else(|| self.otherwise.clone()), self.calls.len())
    }
}
