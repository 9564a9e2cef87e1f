//! An installation that reaches its servers by ways that can be cut.

use std::time::Duration;

use super::cluster::{Cluster, Settings};
use super::proxy::Proxy;
use super::upstream::Upstream;
use crate::harness::Client;
use crate::harness::servers::Servers;

/// An installation whose ways to PostgreSQL and Redis can be cut.
pub struct Exposed {
    /// The processes and their servers.
    pub cluster: Cluster,
    /// The way to PostgreSQL.
    pub to_postgres: Proxy,
    /// The way to Redis.
    pub to_redis: Proxy,
    _upstream: Upstream,
}

impl Exposed {
    /// Starts so many servers and workers behind ways of their own; nothing where there are no programs for it.
    pub async fn open(processes: (usize, usize), settings: Settings) -> Option<Self> {
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
    pub fn client(&self, index: usize) -> Client {
        Client::new(self.cluster.doors()[index])
    }
}
