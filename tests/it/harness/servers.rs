//! PostgreSQL and Redis of a test's own, to be stopped at once and started again. They keep what production keeps: every
//! commit of PostgreSQL is synced, and Redis forgets everything.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio_postgres::NoTls;

use super::engine::found;
use super::process::quiet_port;
use super::work::until;

/// More than a start takes after a crash, on a busy machine too.
const START: Duration = Duration::from_secs(30);
/// Enough for some dozens of processes.
const CONNECTIONS: usize = 800;

/// Both servers.
pub struct Servers {
    /// What must not be lost.
    pub postgres: PrivatePostgres,
    /// What may be.
    pub redis: PrivateRedis,
}

/// A PostgreSQL; it is stopped with this.
pub struct PrivatePostgres {
    home: tempfile::TempDir,
    programs: PathBuf,
    /// Where it listens whenever it runs.
    pub port: u16,
    child: Option<Child>,
}

/// A Redis; it is killed with this.
pub struct PrivateRedis {
    home: tempfile::TempDir,
    /// Where it listens whenever it runs.
    pub port: u16,
    child: Option<Child>,
}

impl Servers {
    /// Starts both; nothing where their programs are not to be found, which is said.
    pub async fn start() -> Option<Self> {
        let programs = found("chaos", programs())?;
        let postgres = PrivatePostgres::create(programs.into()).await;
        Some(Self { postgres, redis: PrivateRedis::start_new().await })
    }
}

/// The folder of PostgreSQL's programs, where all that is needed is there.
fn programs() -> Result<String, String> {
    let there = |program: &Path| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !there(Path::new("redis-server")) {
        return Err("redis-server is not to be found".to_owned());
    }
    if is_root() && !there(Path::new("setpriv")) {
        return Err("setpriv is not to be found, and PostgreSQL does not run as root".to_owned());
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    if is_root() && !users.lines().any(|line| line.starts_with("postgres:")) {
        return Err("PostgreSQL does not run as root, and there is no user postgres".to_owned());
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    let asked = Command::new("pg_config").arg("--bindir").output();
    folders.extend(asked.map(|told| String::from_utf8_lossy(&told.stdout).trim().into()));
    let complete =
        folders.into_iter().rev().find(|folder| there(&folder.join("initdb")) && there(&folder.join("postgres")));
    complete.map(|folder| folder.display().to_string()).ok_or_else(|| "initdb is not to be found".to_owned())
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|myself| myself.uid() == 0)
}

impl PrivatePostgres {
    async fn create(programs: PathBuf) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut this = Self { home, programs, port: quiet_port(), child: None };
        std::fs::set_permissions(this.home.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        std::fs::create_dir(this.data()).unwrap();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(this.data()));
        }
        let mut initdb = this.program("initdb");
        run(initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]));
        this.start().await;
        this
    }

    /// Starts it on what it has, and waits until it answers.
    pub async fn start(&mut self) {
        self.launch();
        self.answers().await;
    }

    /// Starts it and does not wait.
    pub fn launch(&mut self) {
        let mut command = self.program("postgres");
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-c", "unix_socket_directories="]);
        command.args(["-c", "shared_buffers=16MB", "-c", &format!("max_connections={CONNECTIONS}")]);
        self.child = Some(command.spawn().unwrap());
    }

    /// Waits until it answers.
    pub async fn answers(&self) {
        let url = self.url();
        until(START, "a PostgreSQL that answers", || async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.ok()?;
            tokio::spawn(connection);
            client.batch_execute("select 1").await.ok()
        })
        .await;
    }

    /// Stops it at once, as `immediate` does: whatever was not synced is gone, and the next start recovers.
    pub fn stop_at_once(&mut self) {
        if let Some(mut child) = self.child.take() {
            run(Command::new("kill").arg("-QUIT").arg(child.id().to_string()));
            child.wait().unwrap();
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// PostgreSQL refuses to run as root.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() { Command::new("setpriv") } else { Command::new(&program) };
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
        }
        command.arg("-D").arg(self.data()).current_dir(self.home.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl PrivateRedis {
    async fn start_new() -> Self {
        let mut this = Self { home: tempfile::tempdir().unwrap(), port: quiet_port(), child: None };
        this.start().await;
        this
    }

    /// Starts it, empty, and waits until it answers.
    pub async fn start(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(self.home.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        until(START, "a Redis that answers", || async { self.connection().await }).await;
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Makes it forget everything, for everybody.
    pub async fn flush(&self) {
        let mut connection = self.connection().await.expect("a Redis that answers");
        redis::cmd("FLUSHALL").exec_async(&mut connection).await.unwrap();
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    async fn connection(&self) -> Option<MultiplexedConnection> {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.ok()
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        self.stop_at_once();
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        self.kill();
    }
}

#[track_caller]
fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}
