//! Several processes on one PostgreSQL and one Redis: what one does, the others know.

mod limits;
mod lists;
mod notes;

use std::time::Duration;

use crate::harness::work::until;
use crate::harness::{Engine, TestApp};

/// Within which every process knows what another did, whatever gets lost between them.
const KNOWN_WITHIN: Duration = Duration::from_secs(1);

/// Two nodes that share both servers; none where one of the servers does not answer.
async fn two_nodes(settings: &[(&str, &str)]) -> Option<(TestApp, TestApp)> {
    let one = TestApp::start_with(Engine::postgres().await?, settings).await;
    one.house.app.reach.redis()?;
    let two = one.beside().await;
    for node in [&one, &two] {
        hears(node).await;
    }
    Some((one, two))
}

/// Waits until a node is connected.
async fn hears(node: &TestApp) {
    let redis = node.house.app.reach.redis().unwrap();
    until(Duration::from_secs(10), "a connection to Redis", || async { redis.is_there().then_some(()) }).await;
}

/// Cuts a node off from Redis: it is told an address where nobody answers.
fn without_redis(config: &mut pollux::config::Config) {
    config.redis.as_mut().unwrap().url = "redis://127.0.0.1:1/0".into();
}

/// The same person at another node.
fn at(node: &TestApp, user: &crate::harness::Client) -> crate::harness::Client {
    let mut there = node.client();
    there.token.clone_from(&user.token);
    there
}
