//! A person before a real browser: headless Chromium, driven through chromedriver, with an empty profile of its own.

mod acting;
mod driver;
mod finding;
mod seeing;
mod tracing;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use thirtyfour::prelude::*;
use thirtyfour::{BrowserLogEntry, ChromeCapabilities, LoggingPrefsLogLevel};
use tokio::sync::{Semaphore, SemaphorePermit};

use self::driver::Driver;
use super::Client;

pub use self::seeing::Look;
pub use self::tracing::Trace;

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
    server: Arc<Driver>,
    _place: SemaphorePermit<'static>,
}

impl Browser {
    /// Opens one for the server at this address, as a wide window in daylight; nothing where there is no browser.
    pub async fn open(address: SocketAddr) -> Option<Self> {
        Some(Self::open_by(Driver::shared(driver::programs()?), address).await)
    }

    /// As [`Self::open`], by a chromedriver that nobody else has.
    pub async fn open_alone(address: SocketAddr) -> Option<Self> {
        Some(Self::open_by(Driver::alone(driver::programs()?), address).await)
    }

    async fn open_by(server: Arc<Driver>, address: SocketAddr) -> Self {
        let place = PLACES.acquire().await.unwrap();
        let capabilities = capabilities(server.browser(), &server.profile());
        let builder = WebDriver::builder(server.url(), capabilities).client(Client::new(address).http);
        let driver = builder.await.unwrap();
        let origin = format!("http://localhost:{}", address.port());
        let this = Self { driver, origin, pardoned: Mutex::default(), server, _place: place };
        this.look(Look::WIDE).await;
        this
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

    /// Where it keeps what it keeps.
    pub fn home(&self) -> PathBuf {
        self.server.home().to_owned()
    }

    /// Lets it go as the end of this process would: nobody says goodbye.
    pub fn abandon(self) {
        self.driver.leak().unwrap();
        Arc::into_inner(self.server).expect("a chromedriver of its own").let_go();
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
