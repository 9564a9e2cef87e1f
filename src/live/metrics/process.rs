//! The process as the system sees it, under the names that programs of all kinds use; read when it is asked for.

use std::fs;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::book::{Book, Label};
use crate::domain::time::Timestamp;

#[derive(Debug)]
pub(super) struct Process {
    resident_bytes: Gauge,
    open_files: Gauge,
    most_files: Gauge,
    cpu_seconds: Counter<f64, AtomicU64>,
}

impl Process {
    pub fn enter(book: &mut Book<'_>, began: Timestamp) -> Self {
        let start: Gauge = book.enter("start_time_seconds", "When the process began, since 1970", Gauge::default());
        start.set(began.as_secs());
        Self {
            resident_bytes: book.enter("resident_memory_bytes", "Memory held", Gauge::default()),
            open_files: book.enter("open_fds", "Open files and sockets", Gauge::default()),
            most_files: book.enter("max_fds", "Open files and sockets at most", Gauge::default()),
            cpu_seconds: book.enter("cpu_seconds", "Time of processors used", Counter::default()),
        }
    }

    /// Asks the system; where it tells nothing, nothing is changed.
    pub fn measure(&self) {
        let page = i64::try_from(rustix::param::page_size()).unwrap_or(4096);
        if let Some(pages) = word("/proc/self/statm", 1) {
            self.resident_bytes.set(pages * page);
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            self.open_files.set(i64::try_from(files.count()).unwrap_or(i64::MAX));
        }
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let most = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
        if let Some(most) = most {
            self.most_files.set(most);
        }
        if let Some(seconds) = cpu_seconds() {
            self.cpu_seconds.inc_by((seconds - self.cpu_seconds.get()).max(0.0));
        }
    }
}

fn word(path: &str, index: usize) -> Option<i64> {
    fs::read_to_string(path).ok()?.split_whitespace().nth(index)?.parse().ok()
}

/// User and system time; the name before them may hold spaces, so they are counted from its closing bracket.
#[expect(clippy::cast_precision_loss, reason = "ticks of a century fit")]
fn cpu_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let mut words = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: u64 = words.next()?.parse::<u64>().ok()? + words.next()?.parse::<u64>().ok()?;
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Which version this is.
pub(super) fn enter_build(book: &mut Book<'_>) {
    let build: Family<Label, Gauge> = book.enter("build_info", "1, with the version as a label", Family::default());
    build.get_or_create(&Label("version", env!("CARGO_PKG_VERSION").into())).set(1);
}
