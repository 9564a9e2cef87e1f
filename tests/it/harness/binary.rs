//! The shipped program as a child process, for what only a real process can show: its log, its files, its refusals.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use super::Client;

const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(35);
const LOG: &str = "stderr.log";

/// A running program with a data directory of its own; it is killed with this.
pub struct Binary {
    child: Child,
    address: SocketAddr,
    home: tempfile::TempDir,
}

impl Binary {
    /// Starts `pollux serve` on a free port and waits until it answers.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        loop {
            let (home, address) = (tempfile::tempdir().unwrap(), free_address());
            let log = File::create(home.path().join(LOG)).unwrap();
            let mut command = command(home.path(), settings);
            let child = command.env("PORT", address.port().to_string()).stderr(log).spawn().unwrap();
            let mut binary = Self { child, address, home };
            if binary.answers().await {
                return binary;
            }
            let log = binary.log();
            // Somebody else took the port between our look and the program's.
            assert!(log.contains("where nothing can be served"), "{log}");
        }
    }

    /// A client of it that has not signed in.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Its data directory.
    pub fn data(&self) -> std::path::PathBuf {
        self.home.path().join("data")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join(LOG)).unwrap()
    }

    /// Asks it to stop, as an operator would, and waits for its end.
    pub async fn stop(&mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
        let deadline = Instant::now() + STOP;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not stop");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn answers(&mut self) -> bool {
        let deadline = Instant::now() + START;
        let health = format!("http://{}/health", self.address);
        let http = self.client();
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "no answer from {health}: {}", self.log());
            if http.request(reqwest::Method::GET, "/health").send().await.is_ok_and(|it| it.status().is_success()) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program in a directory where it is expected to refuse its start, and answers with what it said.
pub fn refused_start(home: &Path, settings: &[(&str, &str)]) -> Output {
    let mut child = command(home, settings).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let deadline = std::time::Instant::now() + START;
    while child.try_wait().unwrap().is_none() {
        if std::time::Instant::now() > deadline {
            let _ = child.kill();
            panic!("it started with {settings:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

fn command(home: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pollux"));
    command.current_dir(home).env_clear().stdout(Stdio::null()).stdin(Stdio::null());
    command.env("DATA_DIR", home.join("data")).env("METRICS_PORT", "0").env("PORT", free_address().port().to_string());
    command.envs(settings.iter().copied());
    command
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
