//! Requests, on the path that everybody waits for: a table of counters with a place for each route, method and status,
//! so that counting is one addition.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::{Atomic, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use super::Metrics;
use super::book::Book;

/// Templates that fit; the rest are counted together.
const ROUTES: usize = 64;
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OTHER"];
/// What is answered here; another status is counted as `other`.
const STATUSES: [u16; 31] = [
    200, 201, 202, 204, 206, 301, 302, 303, 304, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 413, 414, 415,
    421, 422, 429, 431, 500, 501, 502, 503,
];
const WIDTH: usize = METHODS.len() * (STATUSES.len() + 1);

/// Where routes are counted that are no part of the API: pages and their files.
const PAGES: usize = 1;

/// Which route took a request; the router writes it here, whoever stands before it reads it. It begins as `(none)`.
#[derive(Clone, Debug, Default)]
pub struct Template(Arc<AtomicUsize>);

impl Template {
    fn place(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(super) struct Requests {
    table: Arc<Table>,
    seconds: Histogram,
    connections: Gauge<i64, Connections>,
}

struct Table {
    counts: Box<[AtomicU64]>,
    templates: OnceLock<(Vec<String>, HashMap<String, usize>)>,
}

/// Counted by the accept loop itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections(Arc<AtomicUsize>);

impl Requests {
    pub fn enter(book: &mut Book<'_>) -> Self {
        let counts = (0..ROUTES * WIDTH).map(|_| AtomicU64::new(0)).collect();
        let table = Arc::new(Table { counts, templates: OnceLock::new() });
        book.name("requests_total");
        book.registry().register_collector(Box::new(Lines(Arc::clone(&table))));
        let buckets = exponential_buckets(0.000_5, 2.0, 16);
        Self {
            table,
            seconds: book.enter("request_seconds", "Time to the head of an answer", Histogram::new(buckets)),
            connections: book.enter("open_connections", "Connections of the API that are open", Gauge::default()),
        }
    }
}

impl Metrics {
    /// Names the routes that are counted apart, once.
    pub fn name_routes(&self, templates: impl Iterator<Item = String>) {
        let _ = self.requests.table.templates.get_or_init(|| {
            let all: Vec<String> =
                ["(none)", "(page)"].map(str::to_owned).into_iter().chain(templates).take(ROUTES).collect();
            let places = all.iter().cloned().zip(0..).collect();
            (all, places)
        });
    }

    /// Writes down which route took a request.
    pub fn took(&self, template: &Template, route: &str) {
        let place = self.requests.table.templates.get().and_then(|(_, places)| places.get(route));
        template.0.store(place.copied().unwrap_or(PAGES), Ordering::Relaxed);
    }

    /// The template of the route that took a request.
    #[must_use]
    pub fn route_of(&self, template: &Template) -> &str {
        let templates = self.requests.table.templates.get();
        templates.and_then(|(templates, _)| templates.get(template.place())).map_or("", String::as_str)
    }

    /// Counts an answer.
    pub fn answered(&self, template: &Template, method: &str, (status, seconds): (u16, f64)) {
        let method = METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len() - 1);
        let status = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len());
        let place = template.place() * WIDTH + method * (STATUSES.len() + 1) + status;
        if let Some(counter) = self.requests.table.counts.get(place) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.requests.seconds.observe(seconds);
    }

    /// The count that the accept loop keeps of its connections.
    #[must_use]
    pub fn connections(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.requests.connections.inner().0)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

/// Writes the places that are not empty.
#[derive(Debug)]
struct Lines(Arc<Table>);

impl Collector for Lines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Answers by route, method and status";
        let mut lines = encoder.encode_descriptor("requests", help, None, MetricType::Counter)?;
        let Some((templates, _)) = self.0.templates.get() else { return Ok(()) };
        for (place, counter) in self.0.counts.iter().enumerate() {
            let count = counter.load(Ordering::Relaxed);
            let Some(route) = templates.get(place / WIDTH).filter(|_| count > 0) else { continue };
            let (method, status) = (place % WIDTH / (STATUSES.len() + 1), place % (STATUSES.len() + 1));
            let status = STATUSES.get(status).map_or_else(|| "other".to_owned(), ToString::to_string);
            let labels = [("route", route.as_str()), ("method", METHODS[method]), ("status", status.as_str())];
            lines.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }
}

impl Atomic<i64> for Connections {
    fn inc(&self) -> i64 {
        self.inc_by(1)
    }

    fn inc_by(&self, _: i64) -> i64 {
        self.get()
    }

    fn dec(&self) -> i64 {
        self.get()
    }

    fn dec_by(&self, _: i64) -> i64 {
        self.get()
    }

    fn set(&self, _: i64) -> i64 {
        self.get()
    }

    fn get(&self) -> i64 {
        i64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(i64::MAX)
    }
}
