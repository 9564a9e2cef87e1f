//! Limits in Redis, for all processes together. Each is one script, so that looking and counting are one step there.
//! Without an answer the limit of the process decides alone, which has counted all the same.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;

use super::redis::Redis;
use crate::domain::time::Timestamp;

/// A strict sliding window, as a sorted set of the times of what was let through. Answers 0, or how many milliseconds
/// are left until there is room.
static WINDOW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"local now, length, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
        redis.call('zremrangebyscore', KEYS[1], '-inf', now - length)
        if redis.call('zcard', KEYS[1]) >= most then
          local first = redis.call('zrange', KEYS[1], 0, 0, 'withscores')
          return math.max(1, tonumber(first[2]) + length - now)
        end
        redis.call('zadd', KEYS[1], now, ARGV[4])
        redis.call('pexpire', KEYS[1], length)
        return 0",
    )
});

/// A bucket that refills evenly: the key holds when it will be full again, by the server's clock, in microseconds.
static BUCKET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"local spacing, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
        local time = redis.call('time')
        local now = time[1] * 1000000 + time[2]
        local full = math.max(now, tonumber(redis.call('get', KEYS[1]) or '0'))
        local early = full + spacing - now - spacing * burst
        if early > 0 then return math.ceil(early / 1000) end
        redis.call('set', KEYS[1], string.format('%.0f', full + spacing), 'px', math.ceil((full + spacing - now) / 1000))
        return 0",
    )
});

/// Counts in a sliding window; how long to wait, when it is full.
pub(super) async fn count_in_window(
    redis: &Redis,
    key: &str,
    (most, length): (u32, Duration),
    now: Timestamp,
) -> Option<Duration> {
    let mut asked = WINDOW.key(redis.key(key));
    asked.arg(now.as_millis()).arg(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)).arg(most);
    asked.arg(rand::random::<[u8; 12]>().as_slice());
    waiting(redis.run(&asked).await)
}

/// Counts in a bucket that holds `burst` and refills `per_minute`; how long to wait, when it is empty.
pub(super) async fn count_in_bucket(redis: &Redis, key: &str, per_minute: u32, burst: u32) -> Option<Duration> {
    let mut asked = BUCKET.key(redis.key(key));
    asked.arg(60_000_000 / per_minute.max(1)).arg(burst);
    waiting(redis.run(&asked).await)
}

fn waiting(answer: Option<u64>) -> Option<Duration> {
    answer.filter(|wait_ms| *wait_ms > 0).map(Duration::from_millis)
}
