//! The harness: a real server on a free port, with a database of its own, a clock that stands still, and a demo model
//! that does as it is told.

pub mod binary;
pub mod browser;
pub mod client;
mod database;
pub mod engine;
pub mod env_file;
pub mod events;
pub mod process;
pub mod servers;
pub mod shop;
pub mod work;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pollux::config::{Config, Settings};
use pollux::domain::ids::UserId;
use pollux::domain::time::{Clock, Timestamp};
use pollux::providers::model::Model;
use pollux::providers::model_demo::{Demo, DemoScript};
use pollux::serve::{self, Limits, Stop};
use pollux::start::{self, House};
use pollux::worker;
use tokio::net::TcpListener;

pub use client::Client;
pub use engine::Engine;

/// Noon of 21 November 2026, when every test begins.
pub const NOON: Timestamp = Timestamp::from_millis(1_795_262_400_000);

/// The key that every test server signs with.
pub const SECRET: &str = "k7Qf2vXw9LmT4sZr8YbN1cJ6hGdP3aUe";

/// A running server and what a test may do to it.
pub struct TestApp {
    /// The house, to look into.
    pub house: House,
    /// Where it serves.
    pub address: SocketAddr,
    /// Its clock.
    pub clock: Clock,
    /// What its model does.
    pub model: DemoScript,
    stop: Stop,
    home: Arc<tempfile::TempDir>,
    lease: Arc<engine::Lease>,
}

impl TestApp {
    /// Starts with the defaults of tests: limits by address and user are off.
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, &[]).await
    }

    /// Starts with settings that replace the defaults of tests.
    pub async fn start_with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        Self::start_at(engine, Clock::manual(NOON), settings).await
    }

    /// As [`Self::start_with`], by a clock that others go by too.
    pub async fn start_at(engine: Engine, clock: Clock, settings: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let lease = engine.migrated_lease().await;
        let config = Config::read(&read_settings(home.path(), &lease, settings)).unwrap();
        Self::open(config, clock, DemoScript::new(), Arc::new(home), Arc::new(lease)).await
    }

    /// Stops, and starts again on the same database and at the same time of day.
    pub async fn restart(self) -> Self {
        let (config, clock, model) = (self.house.app.config.clone(), self.clock.clone(), self.model.clone());
        let (home, lease) = (Arc::clone(&self.home), Arc::clone(&self.lease));
        drop(self);
        Self::open(config, clock, model, home, lease).await
    }

    /// A second server on the same database and clock, which must be PostgreSQL.
    pub async fn beside(&self) -> Self {
        self.beside_as(|_| ()).await
    }

    /// As [`Self::beside`], with some settings of its own.
    pub async fn beside_as(&self, change: impl FnOnce(&mut Config)) -> Self {
        let (mut config, clock, model) = (self.house.app.config.clone(), self.clock.clone(), self.model.clone());
        change(&mut config);
        Self::open(config, clock, model, Arc::clone(&self.home), Arc::clone(&self.lease)).await
    }

    async fn open(
        config: Config,
        clock: Clock,
        model: DemoScript,
        home: Arc<tempfile::TempDir>,
        lease: Arc<engine::Lease>,
    ) -> Self {
        let house = open_house(&config, &clock, &model).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = serve_on(listener, &house);
        Self { house, address, clock, model, stop, home, lease }
    }

    /// A client that has not signed in.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// A client that has just signed in with a number of its own.
    pub async fn user(&self) -> Client {
        self.client().sign_in(&fresh_number()).await
    }

    /// As [`Self::user`], on the Pro plan.
    pub async fn pro(&self) -> Client {
        let user = self.user().await;
        self.set_tier(&user, "Pro").await;
        user
    }

    /// Puts a user on a plan behind the back of billing.
    pub async fn set_tier(&self, user: &Client, tier: &str) {
        let id = user.get("/user/me").await.body["id"].as_str().unwrap().to_owned();
        engine::set_tier(&self.house.app.db, &id, tier).await;
        self.house.app.sessions_changed(None);
    }

    /// Does every job that is due, and what becomes due by it.
    pub async fn run_jobs(&self) {
        worker::drain(&self.house.app).await.unwrap();
    }

    /// Runs a command of the binary on this server's data, with further settings.
    pub fn command(&self, arguments: &[&str], settings: &[(&str, &str)]) -> std::process::Output {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pollux"));
        command.args(arguments).env_clear().current_dir(self.home.path());
        command.env("DATA_DIR", self.home.path()).env("JWT_SECRET", SECRET).env("METRICS_PORT", "0");
        command.envs(self.lease.settings());
        command.envs(settings.iter().copied()).output().unwrap()
    }

    /// Moves the clock.
    pub fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.begin();
        self.stop.cut();
    }
}

/// Who a client is.
pub async fn user_id(client: &Client) -> UserId {
    UserId::parse(client.get("/user/me").await.expect(200).body["id"].as_str().unwrap()).unwrap()
}

/// A phone number that no other test uses.
pub fn fresh_number() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Spread over the blocks of numbers, which are limited too.
    format!("+1500{:03}{:04}", NEXT.fetch_add(1, Ordering::Relaxed) % 1_000, rand::random::<u16>() % 10_000)
}

fn serve_on(listener: TcpListener, house: &House) -> Stop {
    let stop = Stop::new();
    let limits = Limits { max_per_peer: 0, ..Limits::default() };
    tokio::spawn(serve::serve(listener, house.router(), limits, stop.clone()));
    stop
}

/// The settings' own model where they have a key for one, else the demo that does as it is told.
///
/// A process that another test is just starting may hold a copy of the lock for a moment.
async fn open_house(config: &Config, clock: &Clock, model: &DemoScript) -> House {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        let has_key = config.gemini.key.is_some();
        let demo = (!has_key).then(|| Arc::new(Demo::scripted(model.clone())) as Arc<dyn Model>);
        match start::open(config.clone(), clock.clone(), demo).await {
            Ok(house) => return house,
            Err(error) if error.to_string().contains("another pollux") => {
                assert!(tokio::time::Instant::now() < deadline, "{error:#}");
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("{error:#}"),
        }
    }
}

fn read_settings(home: &std::path::Path, lease: &engine::Lease, more: &[(&str, &str)]) -> Settings {
    let (home, shared) = (home.display().to_string(), lease.settings());
    let mut pairs: Vec<(&str, &str)> = vec![
        ("DATA_DIR", &home),
        ("JWT_SECRET", SECRET),
        ("METRICS_PORT", "0"),
        ("PAYMENTS", "off"),
        ("OTP_SENDS_PER_ADDRESS_HOUR", "0"),
        ("OTP_CHECKS_PER_ADDRESS_5MIN", "0"),
        ("USER_REQUESTS_PER_MINUTE", "0"),
        ("USER_SENDS_PER_MINUTE", "0"),
        ("CONNECTIONS_PER_ADDRESS", "0"),
    ];
    pairs.extend(shared.iter().map(|(name, value)| (*name, value.as_str())));
    for (name, value) in more {
        pairs.retain(|(known, _)| known != name);
        pairs.push((name, value));
    }
    Settings::from_pairs(pairs)
}

/// Runs one test on both engines. `async fn a_sentence(app: TestApp) { ... }`, or with settings in brackets before.
macro_rules! on_both_engines {
    ($($(#[$meta:meta])* $([$($name:literal = $value:literal),* $(,)?])? async fn $test:ident($app:ident) $body:block)+) => {$(
        $(#[$meta])*
        mod $test {
            #[allow(unused_imports)]
            use super::*;

            async fn run($app: $crate::harness::TestApp) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let settings: &[(&str, &str)] = &[$($(($name, $value)),*)?];
                run($crate::harness::TestApp::start_with($crate::harness::Engine::Sqlite, settings).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let settings: &[(&str, &str)] = &[$($(($name, $value)),*)?];
                if let Some(engine) = $crate::harness::Engine::postgres().await {
                    run($crate::harness::TestApp::start_with(engine, settings).await).await;
                }
            }
        }
    )+};
}
pub(crate) use on_both_engines;
