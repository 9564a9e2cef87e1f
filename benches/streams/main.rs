//! Live streams: what ten thousand on which nothing happens take, and how long a chunk of the model is on its way to its
//! reader, in one process and across two. Every server and worker is the real binary in a process of its own; their
//! clients and the model share the machine with them.
//!
//! Yardstick and subject take turns in rounds; figures are medians. `BENCH_ONLY` names one of idle, one and across,
//! `BENCH_ROUNDS` how many rounds; `BENCH_DATABASE_URL` and `BENCH_REDIS_URL` name servers to use instead of private ones.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]
#![allow(clippy::cast_precision_loss, reason = "figures")]

#[path = "../common/mod.rs"]
mod common;
mod events;
mod idle;
mod latency;
mod upstream;

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use common::figures::is_wanted;
use tokio::runtime::{Builder, Runtime};

/// Descriptors that a process with all the streams needs.
const DESCRIPTORS: u64 = 12_000;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    have_descriptors();
    let place = std::env::var("BENCH_DIR").map_or_else(|_| std::env::temp_dir(), Into::into);
    let home = |name| tempfile::Builder::new().prefix(name).tempdir_in(&place).unwrap();
    let client = one_thread();
    if is_wanted("idle") {
        idle::run(&client, home("idle").path());
    }
    let writing = one_thread();
    let model = writing.block_on(upstream::Upstream::start());
    if is_wanted("one") {
        latency::one_node(&client, &model, home("one").path());
    }
    if is_wanted("across") {
        latency::across(&client, &model, home("across").path());
    }
}

fn one_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Begins anew with as many descriptors as are allowed, where there are fewer than needed.
fn have_descriptors() {
    let table = std::fs::read_to_string("/proc/self/limits").unwrap();
    let row = table.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let limits: Vec<u64> = row.split_whitespace().map(|limit| limit.parse().unwrap_or(u64::MAX)).collect();
    if limits[0] >= DESCRIPTORS {
        return;
    }
    assert!(limits[1] >= DESCRIPTORS, "{} descriptors are needed, {} are allowed", DESCRIPTORS, limits[1]);
    let this = std::env::current_exe().unwrap();
    let mut again = Command::new("sh");
    again.args(["-c", "ulimit -n $(ulimit -Hn) && exec \"$@\"", "sh"]).arg(this).args(std::env::args_os().skip(1));
    panic!("{}", again.exec());
}
