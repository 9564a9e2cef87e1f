//! The two engines: SQLite is always there, PostgreSQL where one answers, and with it Redis where that does.

mod template;

use std::io::Write as _;
use std::sync::Once;
use std::time::Duration;

use pollux::storage::Db;
use tokio::sync::OnceCell;
use tokio_postgres::NoTls;

const DEFAULT_URL: &str = "postgres://postgres:postgres@127.0.0.1:5432/postgres";
const DEFAULT_REDIS_URL: &str = "redis://127.0.0.1:6379/0";

/// An engine to test on.
#[derive(Clone, Debug)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// A server at that address.
    Postgres(String),
}

/// A database of one test's own, which is dropped with this, and names of its own in Redis.
#[derive(Debug)]
pub struct Lease {
    server: Option<String>,
    name: String,
    url: Option<String>,
    redis: Option<String>,
}

impl Engine {
    /// PostgreSQL, if it answers. Where it must (`POLLUX_REQUIRE_ENGINES`), its absence fails the test; elsewhere it is
    /// named, once.
    pub async fn postgres() -> Option<Self> {
        static ANSWER: OnceCell<Option<String>> = OnceCell::const_new();
        let url = ANSWER.get_or_init(async || found("postgres", reach().await)).await;
        url.clone().map(Self::Postgres)
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// A fresh database, with nothing in it.
    pub async fn lease(&self) -> Lease {
        match self {
            Self::Sqlite => Lease::of_file(),
            Self::Postgres(server) => Lease::of_server(server, "template1").await,
        }
    }

    /// A fresh database as every start leaves it; a server makes it of one that was migrated before.
    pub async fn migrated_lease(&self) -> Lease {
        match self {
            Self::Sqlite => Lease::of_file(),
            Self::Postgres(server) => Lease::of_server(server, template::of(server).await).await,
        }
    }
}

impl Lease {
    fn of_file() -> Self {
        Self { server: None, name: String::new(), url: None, redis: None }
    }

    async fn of_server(server: &str, template: &str) -> Self {
        let name = format!("pollux_it_{:016x}", rand::random::<u64>());
        execute(server, &format!("create database {name} template {template}")).await.unwrap();
        let url = Some(address_of(server, &name));
        Self { server: Some(server.to_owned()), name, url, redis: redis().await }
    }

    /// A database that ends with its server, and the Redis beside it.
    pub fn of(url: String, redis: String) -> Self {
        Self { server: None, name: "chaos".to_owned(), url: Some(url), redis: Some(redis) }
    }

    /// The value of `DATABASE_URL`, where there is one.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// What a server must be told to use what this is.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let prefix = self.redis.as_ref().map(|_| format!("{}:", self.name));
        let named = [("DATABASE_URL", self.url.clone()), ("REDIS_URL", self.redis.clone()), ("REDIS_PREFIX", prefix)];
        named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Drops the database at once, connections and all; only PostgreSQL has one to drop.
    pub async fn drop_now(&self) {
        let server = self.server.as_ref().unwrap();
        execute(server, &format!("drop database if exists {} with (force)", self.name)).await.unwrap();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(server), name) = (self.server.take(), std::mem::take(&mut self.name)) else { return };
        // On a thread of its own, as the test's runtime is ending.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let text = format!("drop database if exists {name} with (force)");
            let _ = runtime
                .block_on(async { tokio::time::timeout(Duration::from_secs(10), execute(&server, &text)).await });
        });
        let _ = dropped.join();
    }
}

/// Puts a user on a plan behind everybody's back.
pub async fn set_tier(db: &Db, user: &str, tier: &str) {
    let id = pollux::domain::ids::UserId::parse(user).unwrap();
    db.reassess(id, pollux::domain::plan::Tier::from_stored(tier), None, super::NOON).await.unwrap();
}

async fn reach() -> Result<String, String> {
    let url = std::env::var("TEST_DATABASE_URL").unwrap_or_else(|_| DEFAULT_URL.to_owned());
    let answer = tokio::time::timeout(Duration::from_secs(3), execute(&url, "select 1")).await;
    match answer {
        Ok(Ok(())) => Ok(url),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in 3 s".to_owned()),
    }
}

/// A database's address on a server.
fn address_of(server: &str, name: &str) -> String {
    let mut url = reqwest::Url::parse(server).unwrap();
    url.set_path(name);
    url.to_string()
}

async fn execute(url: &str, text: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let driving = tokio::spawn(connection);
    let done = client.batch_execute(text).await;
    drop(client);
    let _ = driving.await;
    done
}

/// Redis, if it answers.
async fn redis() -> Option<String> {
    static ANSWER: OnceCell<Option<String>> = OnceCell::const_new();
    ANSWER.get_or_init(async || found("redis", reach_redis().await)).await.clone()
}

async fn reach_redis() -> Result<String, String> {
    let url = std::env::var("TEST_REDIS_URL").unwrap_or_else(|_| DEFAULT_REDIS_URL.to_owned());
    let client = redis::Client::open(url.as_str()).map_err(|error| error.to_string())?;
    let answer = tokio::time::timeout(Duration::from_secs(3), client.get_multiplexed_async_connection()).await;
    match answer {
        Ok(Ok(_)) => Ok(url),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in 3 s".to_owned()),
    }
}

/// Says whether a part of the suite runs. The absence of one that must be there fails the test.
pub fn found(name: &str, answer: Result<String, String>) -> Option<String> {
    match answer {
        Ok(url) => {
            say(&format!("suite: {name} ran"));
            Some(url)
        }
        Err(why) => {
            say(&format!("suite: {name} not run: {why}"));
            let required = std::env::var("POLLUX_REQUIRE_ENGINES").unwrap_or_default();
            assert!(!required.contains(name), "{name} is required here, but: {why}");
            None
        }
    }
}

/// Past the test runner, which keeps what passing tests print.
fn say(line: &str) {
    static ONCE: Once = Once::new();
    let mut out = std::io::stdout().lock();
    ONCE.call_once(|| _ = writeln!(out, "\nsuite: sqlite ran"));
    let _ = writeln!(out, "{line}");
}
