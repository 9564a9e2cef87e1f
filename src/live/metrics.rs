//! What is counted for the operator, in the text that Prometheus reads: a file per theme. docs/metrics.md tells of each.

mod book;
mod database;
mod money;
mod people;
mod process;
mod queue;
mod replies;
mod requests;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::domain::time::Timestamp;
use book::Book;

pub use database::{DatabaseCounts, Pool, Source};
pub use requests::Template;

/// All counters of a process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    names: Vec<String>,
    requests: requests::Requests,
    replies: replies::Replies,
    queue: queue::Queue,
    money: money::Money,
    people: people::People,
    database: database::Database,
    process: process::Process,
}

impl Metrics {
    /// The counters of a process that began at that moment, with those that the database keeps itself.
    #[must_use]
    pub fn new(began: Timestamp, counts: &DatabaseCounts) -> Self {
        let mut registry = Registry::default();
        let mut book = Book::new(&mut registry, "pollux");
        let requests = requests::Requests::enter(&mut book);
        let replies = replies::Replies::enter(&mut book);
        let queue = queue::Queue::enter(&mut book);
        let money = money::Money::enter(&mut book);
        let people = people::People::enter(&mut book);
        let database = database::Database::enter(&mut book, counts);
        process::enter_build(&mut book);
        let mut names = book.names();
        // What every program counts alike has no name of ours before it.
        let mut book = Book::new(&mut registry, "process");
        let process = process::Process::enter(&mut book, began);
        names.extend(book.names());
        Self { registry, names, requests, replies, queue, money, people, database, process }
    }

    /// The name of each metric, as a query names it; histograms without `_bucket`, `_sum` and `_count`.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Everything, as Prometheus reads it, with what is measured at the moment of asking.
    #[must_use]
    pub fn text(&self) -> String {
        self.process.measure();
        let mut text = String::new();
        let _ = encode(&mut text, &self.registry);
        text
    }
}
