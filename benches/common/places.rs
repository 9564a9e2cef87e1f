//! PostgreSQL and Redis: those that are given, or private ones that end with the run.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio_postgres::{Client, NoTls};

/// Where a private server of the machine's packages may have its programs.
const POSTGRES_HOMES: &str = "/usr/lib/postgresql";
const SETTINGS: [&str; 8] = [
    "fsync=on",
    "synchronous_commit=on",
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=300",
    "max_wal_size=4GB",
    "shared_buffers=256MB",
    "track_commit_timestamp=on",
];

/// A PostgreSQL to measure on, in a database of the run's own where it is private.
pub struct Postgres {
    pub url: String,
    _private: Option<Private>,
}

/// A server that this run started; it ends when this is dropped.
struct Private(Child);

impl Drop for Private {
    fn drop(&mut self) {
        // SIGINT is a fast shutdown; the data directory goes with the run.
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

impl Postgres {
    /// `BENCH_DATABASE_URL`, which must name an empty database, or a private server under `home`.
    pub async fn provide(home: &Path) -> Self {
        let given = std::env::var("BENCH_DATABASE_URL").ok();
        let (url, private) = given.map_or_else(|| start_postgres(home), |url| (url, None));
        while tokio_postgres::connect(&url, NoTls).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let postgres = Self { url, _private: private };
        let client = postgres.client().await;
        for (name, wanted) in [("fsync", "on"), ("synchronous_commit", "on")] {
            let is = text(&client, &format!("select current_setting('{name}')")).await;
            assert_eq!(is, wanted, "{name} must be {wanted}, or the figures say nothing");
        }
        postgres
    }

    pub async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

/// The one text that a query answers with.
pub async fn text(client: &Client, query: &str) -> String {
    client.query_one(query, &[]).await.unwrap().get(0)
}

/// The one number that a query answers with.
pub async fn number(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.unwrap().get(0)
}

/// The statements that took the server longest, and each one's share; for whoever wants to know where the time goes.
pub async fn print_statements(client: &Client) {
    let asked = "select round(total_exec_time)::bigint, calls, rows, left(regexp_replace(query, '\\s+', ' ', 'g'), 90)
        from pg_stat_statements order by total_exec_time desc limit 16";
    println!("\n{:>9} {:>9} {:>9}", "ms", "calls", "rows");
    for row in client.query(asked, &[]).await.unwrap() {
        let (ms, calls, rows): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        println!("{ms:>9} {calls:>9} {rows:>9}  {}", row.get::<_, String>(3));
    }
}

fn start_postgres(home: &Path) -> (String, Option<Private>) {
    let programs = newest_programs();
    let (port, data) = (free_port(), home.join("postgres"));
    std::fs::create_dir(&data).unwrap();
    let owner = owner();
    if let Some((user, group)) = owner {
        std::os::unix::fs::chown(&data, Some(user), Some(group)).unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        std::fs::set_permissions(home, open).unwrap();
    }
    let mut init = as_owner(&programs.join("initdb"), owner);
    init.args(["-U", "postgres", "-A", "trust", "--no-sync", "-D"]).arg(&data).stdout(Stdio::null());
    assert!(init.status().unwrap().success(), "initdb failed");
    let mut serve = as_owner(&programs.join("postgres"), owner);
    serve.arg("-D").arg(&data).args(["-p", &port.to_string()]);
    serve.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
    if std::env::var("BENCH_STATEMENTS").is_ok() {
        serve.args(["-c", "shared_preload_libraries=pg_stat_statements"]);
    }
    let log = std::fs::File::create(home.join("postgres.log")).unwrap();
    let child = serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    (format!("postgres://postgres@127.0.0.1:{port}/postgres"), Some(Private(child)))
}

fn newest_programs() -> PathBuf {
    let homes =
        std::fs::read_dir(POSTGRES_HOMES).expect("PostgreSQL is not installed, and BENCH_DATABASE_URL is empty");
    let programs = homes.filter_map(|home| home.ok().map(|home| home.path().join("bin")));
    programs.filter(|path| path.join("initdb").exists()).max().expect("PostgreSQL has no initdb here")
}

/// PostgreSQL refuses to run as root; then the package's own user is taken.
fn owner() -> Option<(u32, u32)> {
    let id = |flag: &str, user: &[&str]| {
        let told = Command::new("id").arg(flag).args(user).output().unwrap();
        String::from_utf8(told.stdout).unwrap().trim().parse::<u32>().unwrap()
    };
    (id("-u", &[]) == 0).then(|| (id("-u", &["postgres"]), id("-g", &["postgres"])))
}

fn as_owner(program: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if let Some((user, group)) = owner {
        command.gid(group).uid(user);
    }
    command
}

/// A Redis to measure with.
pub struct Redis {
    pub url: String,
    private: Option<Child>,
}

impl Redis {
    /// `BENCH_REDIS_URL`, or a private server that keeps nothing.
    pub fn provide(home: &Path) -> Self {
        if let Ok(url) = std::env::var("BENCH_REDIS_URL") {
            return Self { url, private: None };
        }
        let port = free_port().to_string();
        let mut serve = Command::new("redis-server");
        serve.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        let child = serve.current_dir(home).stdout(Stdio::null()).spawn().unwrap();
        Self { url: format!("redis://127.0.0.1:{port}/0"), private: Some(child) }
    }

    /// Its process, where it is ours to look at.
    pub fn process(&self) -> Option<u32> {
        self.private.as_ref().map(Child::id)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(child) = &mut self.private {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
