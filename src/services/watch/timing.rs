//! When a watcher speaks, looks and ends.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// A stream that has nothing to say says so this often, so that nobody on the way takes it for dead.
pub(super) const QUIET: Duration = Duration::from_secs(15);
/// How soon to look again for text that was heard of and is not stored yet.
pub(super) const SOON: Duration = Duration::from_millis(100);
/// How often to look while nothing can be heard: for text that grows, and for anything else, such as the end of the session.
pub(super) const DEAF: Duration = Duration::from_millis(700);
pub(super) const DEAF_AND_IDLE: Duration = Duration::from_millis(1_800);
/// Within which time all look for whom something may have been missed.
pub(super) const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(1);
/// How often to look in any case, should a word have been lost: on its way from other processes, and within this one.
pub(super) const IN_ANY_CASE: Duration = Duration::from_secs(30);
pub(super) const IN_ANY_CASE_ALONE: Duration = Duration::from_mins(2);
/// How long after its token a stream may go on, so that its reader can come back with a fresh one.
pub(super) const AFTER_TOKEN: Duration = Duration::from_secs(30);

/// At most so long, and no less than half of it, by chance: what was opened together is not to be busy together ever after.
pub(super) fn spread(span: Duration) -> Duration {
    span.mul_f64(rand::random_range(0.5..1.0))
}

/// How long a stream lasts at most: its reader's token, and a little more.
pub(super) fn lasts(token_until: Timestamp, now: Timestamp) -> Duration {
    (token_until + AFTER_TOKEN).since(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_outlives_its_token_by_half_a_minute() {
        let (now, seconds) = (Timestamp::from_millis(0), Duration::from_secs);
        assert_eq!(lasts(now + seconds(3_600), now), seconds(3_630));
        assert_eq!(lasts(now, now + seconds(10)), seconds(20));
        assert_eq!(lasts(now, now + seconds(60)), Duration::ZERO);
    }
}
