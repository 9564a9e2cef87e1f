//! Redis, where it is set: connected to as a server would, and asked what it is.

use super::finding::Finding;
use crate::config::Config;
use crate::live::redis::look;

const NAME: &str = "redis";
const ADVICE: &str =
    "check that Redis 6 or later, or Valkey, runs, and REDIS_URL; nothing is lost without it, but processes share less";

/// Asks Redis for an answer.
pub(super) async fn check(config: &Config) -> Option<Finding> {
    let shared = config.redis.as_ref()?;
    Some(match look(&shared.url).await {
        Ok(version) => Finding::ok(NAME, format!("it answers; version {version}, names begin with {}", shared.prefix)),
        Err(why) => Finding::fail(NAME, why, ADVICE),
    })
}
