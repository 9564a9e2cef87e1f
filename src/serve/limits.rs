//! How much a peer may ask of a connection, and how long it may take.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// Descriptors kept back from connections, for the database, outgoing calls and logs.
const RESERVED_DESCRIPTORS: usize = 512;

/// Fewer connections than this are never allowed, however few descriptors there are.
const LEAST_CONNECTIONS: usize = 16;

/// Every number of the accept loop; the defaults are the promised ones, tests pass smaller ones.
#[derive(Clone)]
pub struct Limits {
    /// The most bytes a request line with its fields may have.
    pub max_head_bytes: usize,
    /// The most fields a head may have; the parser itself refuses more than 100.
    pub max_fields: usize,
    /// The most bytes a request target may have.
    pub max_target_bytes: usize,
    /// From accept to the end of the first head, and from the first byte of a later head to its end.
    pub head_timeout: Duration,
    /// How long a connection may stay open between two requests.
    pub idle_timeout: Duration,
    /// How long a peer may take nothing of what we write.
    pub write_stall: Duration,
    /// How long we go on reading from a peer we have refused, so that our answer is not lost in a reset.
    pub linger: Duration,
    /// Connections of one address at once (IPv6: of one /64); 0 means any number.
    pub max_per_peer: usize,
    /// Connections in all; the limit of descriptors may lower it.
    pub max_connections: usize,
    /// Addresses that may open any number, because they stand for many people: trusted proxies.
    pub exempt: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// The connections that are open, kept for whoever wants to know.
    pub open: Arc<AtomicUsize>,
    /// How long requests may go on once a stop has begun.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_head_bytes: 16 * 1024,
            max_fields: 100,
            max_target_bytes: 8 * 1024,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            write_stall: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            max_per_peer: 200,
            max_connections: 16_000,
            exempt: Arc::new(|_| false),
            open: Arc::default(),
            drain: Duration::from_secs(20),
        }
    }
}

impl Limits {
    /// The connections we really allow: the setting, or what the descriptors leave over.
    pub(super) fn connections(&self) -> usize {
        let left = descriptors().saturating_sub(RESERVED_DESCRIPTORS).max(LEAST_CONNECTIONS);
        self.max_connections.min(left)
    }
}

/// How many descriptors this process may open; without an answer from the system, any number.
fn descriptors() -> usize {
    std::fs::read_to_string("/proc/self/limits").ok().as_deref().and_then(soft_limit).unwrap_or(usize::MAX)
}

fn soft_limit(table: &str) -> Option<usize> {
    let row = table.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    row.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_descriptors_is_read_from_the_system_table() {
        let table = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024   524288   files\n";
        assert_eq!(soft_limit(table), Some(1024));
    }

    #[test]
    fn an_unlimited_or_missing_limit_is_no_limit() {
        assert_eq!(soft_limit("Max open files  unlimited  unlimited  files"), None);
        assert_eq!(soft_limit(""), None);
    }
}
