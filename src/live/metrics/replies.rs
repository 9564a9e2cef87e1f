//! Replies, and the calls of the model that write them.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use super::Metrics;
use super::book::{Book, Counters, Label, count};
use crate::domain::chat::Outcome;

#[derive(Debug)]
pub(super) struct Replies {
    by_outcome: Counters,
    tokens: Counters,
    model_faults: Counters,
    model_seconds: Histogram,
    first_byte_seconds: Histogram,
    quota_refusals: Counter,
}

impl Replies {
    pub fn enter(book: &mut Book<'_>) -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.05, 2.0, 13));
        Self {
            by_outcome: book.counters("replies", "Final replies by outcome"),
            tokens: book.counters("tokens", "Tokens counted by the model, by side"),
            model_faults: book.counters("model_faults", "Failed calls of the model by kind"),
            model_seconds: book.enter("model_call_seconds", "From a call of the model to its end", seconds()),
            first_byte_seconds: book.enter("model_first_text_seconds", "From a call to its first text", seconds()),
            quota_refusals: book.enter("quota_refusals", "Messages refused by the daily quota", Counter::default()),
        }
    }
}

impl Metrics {
    /// Counts a final reply and its tokens.
    pub fn reply_final(&self, outcome: Outcome, prompt_tokens: u32, reply_tokens: u32) {
        count(&self.replies.by_outcome, "outcome", outcome.as_str());
        self.model_counted(prompt_tokens, reply_tokens);
    }

    /// Counts the tokens of a call, of a reply or beside one.
    pub fn model_counted(&self, prompt_tokens: u32, reply_tokens: u32) {
        let tokens = &self.replies.tokens;
        tokens.get_or_create(&Label("side", "prompt".into())).inc_by(prompt_tokens.into());
        tokens.get_or_create(&Label("side", "reply".into())).inc_by(reply_tokens.into());
    }

    /// Counts a failed call of the model.
    pub fn model_failed(&self, fault: &'static str) {
        count(&self.replies.model_faults, "fault", fault);
    }

    /// Notes how long a call of the model took, however it ended.
    pub fn model_called(&self, taken: Duration) {
        self.replies.model_seconds.observe(taken.as_secs_f64());
    }

    /// Notes how long the first text of an answer was waited for.
    pub fn model_spoke(&self, after: Duration) {
        self.replies.first_byte_seconds.observe(after.as_secs_f64());
    }

    /// Counts a message refused by the quota.
    pub fn quota_refused(&self) {
        self.replies.quota_refusals.inc();
    }
}
