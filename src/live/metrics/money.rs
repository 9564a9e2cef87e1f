//! Payments and plans.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use super::Metrics;
use super::book::{Book, Counters, count};
use crate::domain::plan::Tier;

#[derive(Debug)]
pub(super) struct Money {
    events: Counters,
    webhook_lag: Histogram,
    plan_changes: Counters,
    drift: Counter,
}

impl Money {
    pub fn enter(book: &mut Book<'_>) -> Self {
        let lag = Histogram::new(exponential_buckets(0.25, 4.0, 12));
        let drift = "Plans or mirrors that a comparison had to correct";
        Self {
            events: book.counters("billing_events", "Events of the payment provider by what became of them"),
            webhook_lag: book.enter("webhook_lag_seconds", "From an event to its coming", lag),
            plan_changes: book.counters("plan_changes", "Changes of plan, by the new one"),
            drift: book.enter("billing_drift", drift, Counter::default()),
        }
    }
}

impl Metrics {
    /// Counts an event of the payment provider: `taken`, `seen_before`, `refused`.
    pub fn billing_event(&self, outcome: &'static str) {
        count(&self.money.events, "outcome", outcome);
    }

    /// Notes how long an event was on its way.
    pub fn webhook_lag(&self, lag: std::time::Duration) {
        self.money.webhook_lag.observe(lag.as_secs_f64());
    }

    /// Counts a change of plan.
    pub fn plan_changed(&self, plan: Tier) {
        count(&self.money.plan_changes, "plan", plan.as_str());
    }

    /// Counts a customer whose mirror a comparison had to correct.
    pub fn drift_corrected(&self) {
        self.money.drift.inc();
    }
}
