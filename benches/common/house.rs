//! The processes under measurement, each the real binary.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::places::{Postgres, Redis, free_port};

/// A process of ours; it ends when this is dropped.
pub struct Process {
    child: Child,
    pub address: Option<SocketAddr>,
}

impl Process {
    /// A process that answers requests, once it does.
    pub fn server(mut command: Command) -> Self {
        let port = free_port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut child = command.env("PORT", port.to_string()).spawn().unwrap();
        while TcpStream::connect(address).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "the server ended; its log is in its directory");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, address: Some(address) }
    }

    pub fn worker(mut command: Command) -> Self {
        Self { child: command.arg("worker").spawn().unwrap(), address: None }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where a server answers.
    pub fn at(&self) -> SocketAddr {
        self.address.unwrap()
    }

    /// What the process holds of the machine's memory, in KiB.
    pub fn memory(&self) -> u64 {
        memory_of(self.id())
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// What a process holds of the machine's memory, in KiB.
pub fn memory_of(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The binary with its files under `home`, and without the limits that one client for many people would meet.
pub fn command(home: &Path) -> Command {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(home.join("pollux.log")).unwrap();
    let mut command = Command::new(binary());
    command.env_clear().current_dir(home).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.envs([
        ("DATA_DIR", "."),
        ("METRICS_PORT", "0"),
        ("JWT_SECRET", "k7Qf2vXw9LmT4sZr8YbN1cJ6hGdP3aUe"),
        ("RUST_LOG", "error"),
        ("PAYMENTS", "off"),
        ("OTP_SENDS_PER_HOUR", "0"),
        ("OTP_SENDS_PER_ADDRESS_HOUR", "0"),
        ("OTP_CHECKS_PER_ADDRESS_5MIN", "0"),
        ("USER_REQUESTS_PER_MINUTE", "0"),
        ("USER_SENDS_PER_MINUTE", "0"),
        ("BASIC_TIER_DAILY_LIMIT", "1000000"),
    ]);
    command
}

/// This build, or the one that `BENCH_BINARY` names, to be compared with.
fn binary() -> PathBuf {
    std::env::var("BENCH_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_pollux").to_owned()).into()
}

/// The same on PostgreSQL and Redis.
pub fn scaled_command(home: &Path, postgres: &Postgres, redis: &Redis) -> Command {
    let mut command = command(home);
    command.envs([("DATABASE_URL", &postgres.url), ("REDIS_URL", &redis.url)]);
    command
}
