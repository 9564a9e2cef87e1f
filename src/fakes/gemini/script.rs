//! What the stand-in was told to do, and what it was asked.

use std::collections::VecDeque;

use super::{Call, Reply};

/// How many calls are remembered.
const MAX_CALLS: usize = 1_000;

/// The state behind a [`super::FakeGemini`].
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) next: VecDeque<Reply>,
    pub(super) otherwise: Option<Reply>,
    pub(super) calls: VecDeque<Call>,
    pub(super) count: usize,
}

impl Script {
    /// Notes a call and says what the script wants it answered with, if anything, and how many calls there were.
    pub(super) fn log(&mut self, call: &Call) -> (Option<Reply>, usize) {
        self.count += 1;
        self.calls.push_back(call.clone());
        let forgotten = self.calls.len().saturating_sub(MAX_CALLS);
        self.calls.drain(..forgotten);
        (self.next.pop_front().or_else(|| self.otherwise.clone()), self.count)
    }
}
