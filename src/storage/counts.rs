//! What the database counts of itself, for whoever shows it.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// Clones count together.
#[derive(Clone, Debug)]
pub struct Counts {
    /// Statements asked for.
    pub statements: Counter,
    /// Lists that wait for SQLite's one writer.
    pub waiting: Gauge,
    /// Lists that shared a commit; one each on PostgreSQL.
    pub batch: Histogram,
    /// Seconds from the first statement of a commit to its end, on disk.
    pub commit_seconds: Histogram,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            statements: Counter::default(),
            waiting: Gauge::default(),
            batch: Histogram::new(exponential_buckets(1.0, 2.0, 9)),
            commit_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 14)),
        }
    }
}

impl Counts {
    /// Notes one commit of so many lists.
    #[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
    pub(super) fn committed(&self, lists: usize, began: std::time::Instant) {
        self.batch.observe(lists as f64);
        self.commit_seconds.observe(began.elapsed().as_secs_f64());
    }
}
