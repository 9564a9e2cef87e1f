//! From sign-in to a streamed reply.

use crate::harness::Engine;
use crate::harness::browser::Browser;
use crate::harness::process::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_door_opens() {
    let process = Site::new(&Engine::Sqlite, &[]).await.start().await;
    let Some(browser) = Browser::open(process.address).await else { return };
    browser.go("/").await;
    browser.find("heading", "Pollux").await;
    browser.picture("door", crate::harness::browser::Look::WIDE).await;
    browser.close().await;
}
