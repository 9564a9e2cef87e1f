//! The harness itself: it leaves nothing behind.

use std::time::Duration;

use crate::harness::Engine;
use crate::harness::browser::Browser;
use crate::harness::process::Site;
use crate::harness::work::until;

/// Processes whose command line holds these words.
fn processes(words: &str) -> usize {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(words)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_that_is_killed_leaves_no_browser_behind() {
    let process = Site::new(&Engine::Sqlite, &[]).await.start().await;
    let Some(browser) = Browser::open_alone(process.address).await else { return };
    browser.go("/").await;
    let home = browser.home();
    let words = home.display().to_string();
    assert!(processes(&words) > 1, "a guardian and browsers");
    // All that the end of this process would do: nobody says goodbye, the leash is let go.
    browser.abandon();
    until(Duration::from_secs(20), "an end of all its processes", async || (processes(&words) == 0).then_some(()))
        .await;
    until(Duration::from_secs(20), "an end of its profiles", async || (!home.exists()).then_some(())).await;
}
