//! Real processes, to be killed: each site has a database and a port of its own and is served by the binary itself.

use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use pollux::domain::time::Clock;
use pollux::storage::Db;

use super::client::Client;
use super::engine::{Engine, Lease};
use super::work::until;

/// More than any start takes, on a busy machine too.
const START: Duration = Duration::from_secs(20);

/// Where processes serve, one after the other or side by side.
pub struct Site {
    pub(super) home: tempfile::TempDir,
    pub(super) lease: Lease,
    settings: Vec<(&'static str, &'static str)>,
}

/// One process; it is killed when this is dropped.
pub struct Process {
    /// Where it serves.
    pub address: SocketAddr,
    child: Child,
    log: PathBuf,
}

impl Site {
    /// An empty database, and settings beyond those of tests.
    pub async fn new(engine: &Engine, settings: &[(&'static str, &'static str)]) -> Self {
        Self { home: tempfile::tempdir().unwrap(), lease: engine.lease().await, settings: settings.to_vec() }
    }

    /// Takes the database away from under whoever has it open.
    pub async fn drop_database(&self) {
        self.lease.drop_now().await;
    }

    /// Starts a process on a free port.
    pub async fn start(&self) -> Process {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        self.start_at(port).await
    }

    /// Starts a process on this port and waits until it answers.
    pub async fn start_at(&self, port: u16) -> Process {
        let log = self.home.path().join(format!("{port}.log"));
        let stderr = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let child = self.command(port, stderr).spawn().unwrap();
        let mut process = Process { address: SocketAddr::from(([127, 0, 0, 1], port)), child, log };
        let client = process.client();
        until(START, "a process that answers", || {
            if let Ok(Some(status)) = process.child.try_wait() {
                panic!("the process ended with {status}: {}", process.log());
            }
            let asked = client.request(reqwest::Method::GET, "/health").send();
            async { asked.await.is_ok().then_some(()) }
        })
        .await;
        process
    }

    fn command(&self, port: u16, stderr: File) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pollux"));
        command.env_clear().current_dir(self.home.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        let mut set = |name: &str, value: &str| _ = command.env(name, value);
        set("DATA_DIR", &self.home.path().display().to_string());
        set("HOST", "127.0.0.1");
        set("PORT", &port.to_string());
        set("JWT_SECRET", "k7Qf2vXw9LmT4sZr8YbN1cJ6hGdP3aUe");
        for name in ["METRICS_PORT", "OTP_SENDS_PER_ADDRESS_HOUR", "OTP_CHECKS_PER_ADDRESS_5MIN"] {
            set(name, "0");
        }
        for name in ["USER_REQUESTS_PER_MINUTE", "USER_SENDS_PER_MINUTE", "CONNECTIONS_PER_ADDRESS"] {
            set(name, "0");
        }
        for (name, value) in &self.settings {
            set(name, value);
        }
        for (name, value) in self.lease.settings() {
            set(name, &value);
        }
        command
    }

    /// The database, to look into; with SQLite only while no process serves.
    pub async fn database(&self) -> Db {
        let now = Clock::System.now();
        match self.lease.url() {
            Some(url) => Db::open_postgres(url, now).await.unwrap(),
            None => Db::open_sqlite(&self.home.path().join("pollux.db"), now).await.unwrap(),
        }
    }
}

impl Process {
    /// A client of this process that has not signed in.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// A client of this process for somebody who signed in at another.
    pub fn client_of(&self, user: &Client) -> Client {
        let mut client = self.client();
        client.token.clone_from(&user.token);
        client
    }

    /// A line of `/proc/<pid>/status`, in KiB, such as the memory it holds (`VmRSS`).
    pub fn status_kib(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Ends it as a power cut would, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        let child = &mut self.child;
        until(within, "an end of the process", || {
            let ended = child.try_wait().unwrap();
            async move { ended }
        })
        .await
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
