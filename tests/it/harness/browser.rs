//! A person before a real browser: headless Chromium, driven through chromedriver, with an empty profile of its own.

mod acting;
mod driver;
mod finding;
mod seeing;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use thirtyfour::prelude::*;
use thirtyfour::{BrowserLogEntry, ChromeCapabilities, LoggingPrefsLogLevel};
use tokio::sync::{Semaphore, SemaphorePermit};

use self::driver::Driver;
use super::Client;

pub use self::seeing::Look;

/// More than anything that a page is about to do takes, on a busy machine too.
pub const SOON: Duration = Duration::from_secs(20);

/// Browsers open at once; more only slow each other down.
static PLACES: Semaphore = Semaphore::const_new(2);

/// What a browser is started with. The sandbox does not run as root, and nothing but the page may use the network.
/// `ComputedAccessibilityInfo` lets elements be found by the role and name that assistive software is told.
const ARGUMENTS: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--force-color-profile=srgb",
    "--enable-blink-features=ComputedAccessibilityInfo",
];

/// A browser on a server's page. [`Self::close`] insists that its console has nothing to complain of.
pub struct Browser {
    driver: WebDriver,
    origin: String,
    pardoned: Mutex<Vec<&'static str>>,
    // Dropped after the session: chromedriver, once nobody needs it, and the place for another browser.
    _server: Arc<Driver>,
    _place: SemaphorePermit<'static>,
}

impl Browser {
    /// Opens one for the server at this address, as a wide window in daylight; nothing where there is no browser.
    pub async fn open(address: SocketAddr) -> Option<Self> {
        let programs = driver::programs()?;
        let place = PLACES.acquire().await.unwrap();
        let server = Driver::shared(programs);
        let capabilities = capabilities(&programs.browser, &server.profile());
        let builder = WebDriver::builder(server.url(), capabilities).client(Client::new(address).http);
        let driver = builder.await.unwrap();
        let origin = format!("http://localhost:{}", address.port());
        let browser = Self { driver, origin, pardoned: Mutex::default(), _server: server, _place: place };
        browser.look(Look::WIDE).await;
        Some(browser)
    }

    /// What drives it, for what this harness has no word for.
    pub fn driver(&self) -> &WebDriver {
        &self.driver
    }

    /// Opens a path of the server.
    pub async fn go(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.origin)).await.unwrap();
    }

    /// The place of the page: path, query and fragment.
    pub async fn place(&self) -> String {
        let url = self.driver.current_url().await.unwrap();
        url.as_str().strip_prefix(&self.origin).unwrap_or(url.as_str()).to_owned()
    }

    /// Says that the console may speak of this: it belongs to the story.
    pub fn pardon(&self, words: &'static str) {
        self.pardoned.lock().unwrap().push(words);
    }

    /// Closes it, once its console was read.
    pub async fn close(self) {
        let complaints = self.complaints().await;
        assert!(complaints.is_empty(), "the console complains: {complaints:#?}");
        self.driver.quit().await.unwrap();
    }

    /// What the console has said of errors, refused scripts and the like since it was last asked.
    async fn complaints(&self) -> Vec<String> {
        let pardoned = self.pardoned.lock().unwrap().clone();
        let is_pardoned = |entry: &BrowserLogEntry| pardoned.iter().any(|words| entry.message.contains(words));
        let entries = self.driver.browser_log().await.unwrap();
        let serious = entries.into_iter().filter(|entry| matches!(entry.level.as_str(), "SEVERE" | "WARNING"));
        serious.filter(|entry| !is_pardoned(entry)).map(|entry| entry.message).collect()
    }
}

fn capabilities(program: &str, profile: &str) -> ChromeCapabilities {
    let mut capabilities = DesiredCapabilities::chrome();
    capabilities.set_binary(program).unwrap();
    for argument in ARGUMENTS {
        capabilities.add_arg(argument).unwrap();
    }
    capabilities.add_arg(&format!("--user-data-dir={profile}")).unwrap();
    capabilities.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
    capabilities
}
