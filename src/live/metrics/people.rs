//! Sign-in, and what is done for people's safety.

use super::Metrics;
use super::book::{Book, Counters, count};

#[derive(Debug)]
pub(super) struct People {
    codes: Counters,
    passwords: Counters,
    texts: Counters,
    text_deliveries: Counters,
    security_events: Counters,
}

impl People {
    pub fn enter(book: &mut Book<'_>) -> Self {
        Self {
            codes: book.counters("codes", "One-time codes by event"),
            passwords: book.counters("passwords", "Passwords by event"),
            texts: book.counters("texts", "Texts handed to their carrier, by result"),
            text_deliveries: book.counters("text_deliveries", "Reports on texts, by state"),
            security_events: book.counters("security_events", "Security events by kind"),
        }
    }
}

impl Metrics {
    /// Counts something that happened to a code: `sent`, `refused`, `missed`, `used`.
    pub fn code(&self, event: &'static str) {
        count(&self.people.codes, "event", event);
    }

    /// Counts something that happened to a password: `right`, `missed`, `refused`, `set`.
    pub fn password(&self, event: &'static str) {
        count(&self.people.passwords, "event", event);
    }

    /// Counts what became of handing a text over: `accepted`, `unknown`, or why it was not sent.
    pub fn text_sent(&self, result: &'static str) {
        count(&self.people.texts, "result", result);
    }

    /// Counts a report that moved a text on.
    pub fn text_delivery(&self, state: &'static str) {
        count(&self.people.text_deliveries, "state", state);
    }

    /// Counts a security event.
    pub fn security_event(&self, kind: &'static str) {
        count(&self.people.security_events, "kind", kind);
    }
}
