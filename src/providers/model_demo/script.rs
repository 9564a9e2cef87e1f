//! What the demo model is told to do, and what it remembers of it: the handle that tests keep.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::providers::model::{ModelFault, Prompt};

/// What the demo model does with one call. Words are counted from the start of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DemoAct {
    /// Answers as a person would meet it.
    Answer,
    /// Answers with this text.
    Say(String),
    /// Fails after some words, as an upstream may at any point.
    Fail {
        /// How many words come first.
        after_words: usize,
        /// The kind of failure.
        fault: ModelFault,
        /// When it asks us to come back.
        retry_after: Option<Duration>,
    },
    /// Is cut off after some words, in good order.
    Truncate {
        /// How many words come first.
        after_words: usize,
    },
    /// Takes its answer back after some words.
    Withhold {
        /// How many words come first.
        after_words: usize,
    },
    /// Refuses the prompt.
    BlockPrompt,
    /// Has nothing to say, which is a failure.
    Empty,
    /// Panics, to show that a job's panic harms nobody else.
    Panic {
        /// How many words come first.
        after_words: usize,
    },
    /// Falls silent for ever, to show that somebody else keeps the time.
    Hang {
        /// How many words come first.
        after_words: usize,
    },
}

impl DemoAct {
    /// Fails before the first word.
    #[must_use]
    pub fn fail(fault: ModelFault) -> Self {
        Self::Fail { after_words: 0, fault, retry_after: None }
    }
}

/// Tells a demo model what to do, and what it was asked; clones are the same script.
#[derive(Clone, Debug, Default)]
pub struct DemoScript(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    pace: Pace,
    next: VecDeque<DemoAct>,
    otherwise: Option<DemoAct>,
    remembers_prompts: bool,
    prompts: VecDeque<Prompt>,
    calls: usize,
    running: usize,
    peak: usize,
}

/// The delays of an answer; none by default, so that a bench measures the rest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    first: Duration,
    per_word: Duration,
}

impl Pace {
    pub(super) fn before(self, index: usize) -> Duration {
        if index == 0 { self.first } else { self.per_word }
    }
}

/// How many prompts are remembered; a bench makes many more.
const MAX_PROMPTS: usize = 1_000;

impl DemoScript {
    /// A script without delays or faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Slows the answers: a wait before the first word, and before each further one.
    pub fn pace(&self, first: Duration, per_word: Duration) {
        self.state().pace = Pace { first, per_word };
    }

    /// Adds what to do with the next call that has no act yet; once all are done it answers as usual.
    pub fn then(&self, act: DemoAct) {
        self.state().next.push_back(act);
    }

    /// Fails the next `times` calls before the first word.
    pub fn fail_times(&self, times: usize, fault: ModelFault) {
        self.state().next.extend(std::iter::repeat_n(DemoAct::fail(fault), times));
    }

    /// Says what to do with every call that no [`Self::then`] is left for.
    pub fn otherwise(&self, act: DemoAct) {
        self.state().otherwise = Some(act);
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    /// The prompts of the last thousand calls, oldest first.
    #[must_use]
    pub fn prompts(&self) -> Vec<Prompt> {
        self.state().prompts.iter().cloned().collect()
    }

    /// The prompt of the last call.
    #[must_use]
    pub fn last_prompt(&self) -> Option<Prompt> {
        self.state().prompts.back().cloned()
    }

    /// How many answers are being written now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.state().running
    }

    /// The most answers that were being written at one time.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.state().peak
    }

    /// Keeps what is asked from now on; a demo that people use keeps nothing.
    pub(super) fn remember_prompts(&self) {
        self.state().remembers_prompts = true;
    }

    pub(super) fn begin(&self, prompt: &Prompt) -> Begun {
        let mut state = self.state();
        state.calls += 1;
        state.running += 1;
        state.peak = state.peak.max(state.running);
        if state.remembers_prompts {
            state.prompts.push_back(prompt.clone());
            let forgotten = state.prompts.len().saturating_sub(MAX_PROMPTS);
            state.prompts.drain(..forgotten);
        }
        let act = state.next.pop_front().or_else(|| state.otherwise.clone()).unwrap_or(DemoAct::Answer);
        Begun { act, pace: state.pace, running: Running(self.clone()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call, begun.
pub(super) struct Begun {
    pub(super) act: DemoAct,
    pub(super) pace: Pace,
    pub(super) running: Running,
}

/// One call that is being answered, until it is dropped.
pub(super) struct Running(DemoScript);

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.running = state.running.saturating_sub(1);
    }
}
