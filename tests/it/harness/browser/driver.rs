//! The programs, and that neither chromedriver nor a browser outlives the tests, however these end.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use crate::harness::engine::found;

/// Waits for the end of its standard input, which comes with the end of this process, even of a killed one. Then it ends
/// the group of chromedriver, to which all browsers belong, and removes the profiles.
const GUARDIAN: &str = r#"cat >/dev/null; kill -s KILL -- "-$1"; rm -rf "$2""#;

/// Where the two programs are.
#[derive(Debug)]
pub struct Programs {
    /// Chromium or Chrome.
    pub browser: String,
    driver: String,
}

/// The programs; nothing where one is missing, which is said once, and is a failure where a browser must be there.
pub fn programs() -> Option<&'static Programs> {
    static FOUND: OnceLock<Option<Programs>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let browser = program("TEST_BROWSER", &["chromium", "chromium-browser", "google-chrome"]);
        let driver = program("TEST_CHROMEDRIVER", &["chromedriver"]);
        let both = browser.and_then(|browser| Ok(Programs { browser, driver: driver? }));
        let named = both.as_ref().map(|both| both.browser.clone()).map_err(Clone::clone);
        found("browser", named).and(both.ok())
    });
    found.as_ref()
}

/// A program by the variable that names it, or by its usual names on the path and in the usual folder.
fn program(variable: &str, names: &[&str]) -> Result<String, String> {
    if let Ok(named) = std::env::var(variable) {
        return if Path::new(&named).is_file() { Ok(named) } else { Err(format!("{variable} names no file")) };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).chain([PathBuf::from("/usr/bin")]).collect();
    let mut places = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let place = places.find(|place| place.is_file());
    place.map(|place| place.display().to_string()).ok_or_else(|| format!("{} is not to be found", names[0]))
}

/// A running chromedriver, and the folder of its browsers' profiles.
#[derive(Debug)]
pub struct Driver {
    child: Child,
    guardian: Child,
    leash: Option<ChildStdin>,
    // Kept, as chromedriver may have more to say.
    _said: BufReader<ChildStdout>,
    port: u16,
    browser: &'static str,
    home: tempfile::TempDir,
    profiles: AtomicU64,
}

impl Driver {
    /// The one of this process: the first browser starts it, and it ends with the last.
    pub fn shared(programs: &'static Programs) -> Arc<Self> {
        static RUNNING: Mutex<Weak<Driver>> = Mutex::new(Weak::new());
        let mut running = RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(driver) = running.upgrade() {
            return driver;
        }
        let driver = Self::alone(programs);
        *running = Arc::downgrade(&driver);
        driver
    }

    /// One that nobody else asks.
    pub fn alone(programs: &'static Programs) -> Arc<Self> {
        let home = tempfile::Builder::new().prefix("pollux-browser-").tempdir().unwrap();
        let mut command = Command::new(&programs.driver);
        command.arg("--port=0").process_group(0).env("HOME", home.path());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", GUARDIAN, "sh", &child.id().to_string()]).arg(home.path()).process_group(0);
        let mut guardian = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let leash = guardian.stdin.take();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let port = port(&mut said);
        let (browser, profiles) = (programs.browser.as_str(), AtomicU64::new(0));
        Arc::new(Self { child, guardian, leash, _said: said, port, browser, home, profiles })
    }

    /// Where it is asked.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The program that it starts.
    pub fn browser(&self) -> &str {
        self.browser
    }

    /// Where all profiles are.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Lets the leash go and does nothing else; the guardian does the rest.
    pub fn let_go(mut self) {
        drop(self.leash.take());
        std::mem::forget(self);
    }

    /// A folder for the profile of a new browser.
    pub fn profile(&self) -> String {
        let number = self.profiles.fetch_add(1, Ordering::Relaxed);
        self.home.path().join(number.to_string()).display().to_string()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.leash.take());
        let _ = self.guardian.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The free port that it says it took.
fn port(said: &mut impl BufRead) -> u16 {
    let lines = said.lines().map_while(Result::ok);
    let mut ports = lines.filter_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    ports.next().expect("a chromedriver that starts")
}
