//! Outages: with PostgreSQL away every answer is a quick and honest 503; with Redis away none is.

mod postgres;
mod redis;

use std::time::{Duration, Instant};

use super::cluster::{Cluster, Settings};
use super::proxy::{Proxy, Way};
use super::upstream::Upstream;
use crate::harness::Client;
use crate::harness::client::Answer;
use crate::harness::servers::Servers;
use crate::harness::work::until;

/// How soon `/ready` says what is so.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
/// A busy machine's part in a time that was measured from outside.
const SLACK: Duration = Duration::from_millis(300);

/// How a server is away.
#[derive(Clone, Copy, Debug)]
enum Outage {
    /// Its process is gone.
    Stopped,
    /// The network swallows everything.
    Blackholed,
}

/// An installation whose ways to PostgreSQL and Redis can be cut.
struct House {
    cluster: Cluster,
    to_postgres: Proxy,
    to_redis: Proxy,
    _upstream: Upstream,
}

impl House {
    async fn open(processes: (usize, usize), settings: Settings) -> Option<Self> {
        let servers = Servers::start().await?;
        let upstream = Upstream::start(Duration::from_millis(200)).await;
        let to_postgres = Proxy::start(servers.postgres.port).await;
        let to_redis = Proxy::start(servers.redis.port).await;
        let mut all = upstream.settings();
        all.push(("DATABASE_URL", format!("postgres://postgres@{}/postgres", to_postgres.address)));
        all.push(("REDIS_URL", format!("redis://{}/0", to_redis.address)));
        all.extend(settings);
        let cluster = Cluster::start(servers, processes, all).await;
        Some(Self { cluster, to_postgres, to_redis, _upstream: upstream })
    }

    /// A client of one of the servers.
    fn client(&self, index: usize) -> Client {
        Client::new(self.cluster.doors()[index])
    }
}

/// Asks `/ready` until it says that a part is in that state, which must be soon; how long it took.
async fn told(client: &Client, part: &str, state: &str) -> (Answer, Duration) {
    let began = Instant::now();
    let answer = until(TOLD_WITHIN + SLACK, &format!("a /ready that says {part}: {state}"), || async {
        let answer = client.get("/ready").await;
        (answer.body[part] == state).then_some(answer)
    })
    .await;
    let took = began.elapsed();
    assert!(took <= TOLD_WITHIN + SLACK, "/ready took {took:?} to say that {part} is {state}");
    (answer, took)
}
