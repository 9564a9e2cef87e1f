//! How quickly the program starts, and how large it is on disk and in memory. The bounds are those of a release build;
//! other builds only tell their figures.

use std::time::{Duration, Instant};

use crate::harness::Engine;
use crate::harness::process::Site;
use crate::proof::figures;

const START: Duration = Duration::from_millis(200);
const MEMORY_KIB: u64 = 40 * 1024;
const BINARY_BYTES: u64 = 40 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_starts_at_once_and_is_small() {
    let site = Site::new(&Engine::Sqlite, &[]).await;
    let began = Instant::now();
    let process = site.start().await;
    let start = began.elapsed();
    process.client().get("/ready").await.expect(200);
    let memory = process.status_kib("VmRSS");
    let binary = std::fs::metadata(env!("CARGO_BIN_EXE_pollux")).unwrap().len();
    figures(&format!(
        "from an empty directory to the first 200: {} ms; idle memory {} KiB; binary {} KiB",
        start.as_millis(),
        memory,
        binary / 1024
    ));
    if !cfg!(debug_assertions) {
        assert!(start < START && memory < MEMORY_KIB && binary < BINARY_BYTES);
    }
}
