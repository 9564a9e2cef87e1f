//! A server that a `.env` file sets up, as an operator who moves here from another system has one.

use std::path::Path;
use std::sync::Arc;

use pollux::config::{Config, Settings};
use pollux::domain::time::Clock;
use pollux::providers::model_demo::DemoScript;
use tokio::net::TcpListener;

use super::engine::Lease;
use super::{Engine, TestApp, open_house, serve_on};

/// What a file has to name of the place it is read at.
pub struct Place<'a> {
    /// A free port.
    pub port: u16,
    home: &'a Path,
    postgres: Option<reqwest::Url>,
}

impl<'a> Place<'a> {
    /// A place with a PostgreSQL at that address, or with a file below `home` for a database.
    pub fn new(port: u16, home: &'a Path, postgres: Option<&str>) -> Self {
        Self { port, home, postgres: postgres.map(|url| url.parse().unwrap()) }
    }

    /// The address of the database, with the words that a client library puts before it; on SQLite, a file's.
    pub fn database_url(&self, scheme: &str) -> String {
        match &self.postgres {
            Some(url) => format!("{scheme}{}", url.as_str().strip_prefix(url.scheme()).unwrap()),
            None => format!("sqlite:///{}", self.home.join("pollux.db").display()),
        }
    }

    /// The same in parts (host, port, name, user, password), each of them empty on SQLite.
    pub fn database_parts(&self) -> [String; 5] {
        let Some(url) = &self.postgres else { return Default::default() };
        let port = url.port().unwrap_or(5432).to_string();
        let name = url.path().trim_start_matches('/');
        [url.host_str().unwrap(), &port, name, url.username(), url.password().unwrap_or_default()]
            .map(ToOwned::to_owned)
    }

    /// A value that only goes with PostgreSQL, such as Redis; the name stays in the file, and is empty.
    pub fn with_postgres(&self, value: &str) -> String {
        if self.postgres.is_some() { value.to_owned() } else { String::new() }
    }
}

impl TestApp {
    /// Starts with the settings of a file, on the port that it names. The process itself sets no more than where its
    /// data is and, in `outside`, where the stand-ins of other services are; no limit is turned off.
    pub async fn start_by_file(
        engine: Engine,
        clock: Clock,
        outside: &[(&str, &str)],
        file: impl FnOnce(&Place<'_>) -> String,
    ) -> Self {
        let (home, lease) = (tempfile::tempdir().unwrap(), engine.lease().await);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let text = file(&Place::new(address.port(), home.path(), lease.url()));
        let config = Config::read(&process(home.path(), &lease, outside).with_file_text(&text)).unwrap();
        assert_eq!(config.listen.address, address, "the file names another port");
        let model = DemoScript::new();
        let house = open_house(&config, &clock, &model).await;
        let stop = serve_on(listener, &house);
        Self { house, address, clock, model, stop, home: Arc::new(home), lease: Arc::new(lease) }
    }
}

/// No two tests count in the same place of a Redis that their files name alike.
fn process(home: &Path, lease: &Lease, outside: &[(&str, &str)]) -> Settings {
    let (home, shared) = (home.display().to_string(), lease.settings());
    let prefix = shared.iter().filter(|(name, _)| *name == "REDIS_PREFIX").map(|(name, value)| (*name, value.as_str()));
    let own = [("DATA_DIR", home.as_str()), ("METRICS_PORT", "0")].into_iter().chain(prefix);
    Settings::from_pairs(own.chain(outside.iter().copied()))
}
