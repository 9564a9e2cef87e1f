//! The queue and its workers.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;
use super::book::{Book, Counters, Gauges, Label, Labels, count};

#[derive(Debug)]
pub(super) struct Queue {
    jobs: Gauges,
    age_seconds: Family<Label, Gauge>,
    running: Gauge,
    free: Gauge,
    leases_lost: Counter,
    retries: Counters,
    dead: Counters,
}

impl Queue {
    pub fn enter(book: &mut Book<'_>) -> Self {
        let age = "Age of the oldest ready job of a kind";
        Self {
            jobs: book.enter("queue_jobs", "Jobs by state and kind", Gauges::default()),
            age_seconds: book.enter("queue_age_seconds", age, Family::default()),
            running: book.enter("worker_running", "Jobs that this process works on", Gauge::default()),
            free: book.enter("worker_free", "Further replies that this process could work on", Gauge::default()),
            leases_lost: book.enter("leases_lost", "Jobs taken over by somebody else", Counter::default()),
            retries: book.counters("job_retries", "Jobs put back for a later try, by kind"),
            dead: book.counters("dead_jobs", "Jobs given up, by kind"),
        }
    }
}

impl Metrics {
    /// Notes how many jobs of a kind are in a state.
    pub fn queue_depth(&self, state: &'static str, kind: &'static str, depth: i64) {
        let labels = Labels(Label("state", state.into()), Label("kind", kind.into()));
        self.queue.jobs.get_or_create(&labels).set(depth);
    }

    /// Notes how long the oldest ready job of a kind has waited.
    pub fn queue_age(&self, kind: &'static str, seconds: i64) {
        self.queue.age_seconds.get_or_create(&Label("kind", kind.into())).set(seconds);
    }

    /// Notes what this process works on, and how much more it could.
    pub fn working(&self, running: usize, most: usize) {
        let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.queue.running.set(whole(running));
        self.queue.free.set(whole(most.saturating_sub(running)));
    }

    /// Counts a job that somebody else holds now.
    pub fn lease_lost(&self) {
        self.queue.leases_lost.inc();
    }

    /// Counts a job that is tried again.
    pub fn job_retried(&self, kind: &'static str) {
        count(&self.queue.retries, "kind", kind);
    }

    /// Counts a job that is given up.
    pub fn job_died(&self, kind: &'static str) {
        count(&self.queue.dead, "kind", kind);
    }
}
