//! Real processes, to be killed: each site has a database and ports of its own and is served by the binary itself.

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
    settings: Vec<(&'static str, String)>,
}

/// What a process of a site does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It serves and works, as one alone does.
    Both,
    /// It serves alone.
    Server,
    /// It works alone, and answers with its metrics.
    Worker,
}

impl Role {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Both => &[],
            Self::Server => &["serve", "--no-worker"],
            Self::Worker => &["worker"],
        }
    }
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
        let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self::at(engine.lease().await, settings)
    }

    /// A site on a database that is there; the settings may say another way to it.
    pub fn at(lease: Lease, settings: Vec<(&'static str, String)>) -> Self {
        Self { home: tempfile::tempdir().unwrap(), lease, settings }
    }

    /// Tells processes that start from now on something else.
    pub fn set(&mut self, name: &'static str, value: String) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value));
    }

    /// Takes the database away from under whoever has it open.
    pub async fn drop_database(&self) {
        self.lease.drop_now().await;
    }

    /// Starts a process on a free port.
    pub async fn start(&self) -> Process {
        self.start_at(quiet_port()).await
    }

    /// Starts a process on this port and waits until it answers.
    pub async fn start_at(&self, port: u16) -> Process {
        let mut process = self.spawn(Role::Both, port);
        let ended = process.ready().await;
        assert_eq!(ended, None, "the process ended: {}", process.log());
        process
    }

    /// Starts a process and does not wait for it.
    pub fn spawn(&self, role: Role, port: u16) -> Process {
        let log = self.home.path().join(format!("{port}.log"));
        let stderr = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let child = self.command(role, port, stderr).spawn().unwrap();
        Process { address: SocketAddr::from(([127, 0, 0, 1], port)), child, log }
    }

    fn command(&self, role: Role, port: u16, stderr: File) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pollux"));
        command.env_clear().current_dir(self.home.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        command.args(role.arguments());
        let mut set = |name: &str, value: &str| _ = command.env(name, value);
        set("DATA_DIR", &self.home.path().display().to_string());
        set("HOST", "127.0.0.1");
        set("JWT_SECRET", "k7Qf2vXw9LmT4sZr8YbN1cJ6hGdP3aUe");
        for name in ["METRICS_PORT", "OTP_SENDS_PER_ADDRESS_HOUR", "OTP_CHECKS_PER_ADDRESS_5MIN"] {
            set(name, "0");
        }
        for name in ["USER_REQUESTS_PER_MINUTE", "USER_SENDS_PER_MINUTE", "CONNECTIONS_PER_ADDRESS"] {
            set(name, "0");
        }
        for (name, value) in self.lease.settings() {
            set(name, &value);
        }
        for (name, value) in &self.settings {
            set(name, value);
        }
        set(if role == Role::Worker { "METRICS_PORT" } else { "PORT" }, &port.to_string());
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
    /// Waits until it answers, or has ended.
    pub async fn ready(&mut self) -> Option<ExitStatus> {
        let client = self.client();
        let child = &mut self.child;
        until(START, "a process that answers", || {
            let ended = child.try_wait().unwrap();
            let asked = client.request(reqwest::Method::GET, "/health").send();
            async move {
                if ended.is_some() {
                    return Some(ended);
                }
                asked.await.is_ok().then_some(None)
            }
        })
        .await
    }

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

    /// Insists that it has not ended by itself.
    pub fn check_alive(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert_eq!(ended, None, "the process ended by itself: {}", self.log());
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

/// A port that nothing listens on and that the system gives to nobody: it stays ours while a process is down.
pub fn quiet_port() -> u16 {
    loop {
        let port = rand::random_range(12_000..32_000);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
