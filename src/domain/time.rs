//! Time: the only file that reads a clock, so that tests can own it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use super::day::Day;

/// A moment, in whole milliseconds since 1970 UTC, as storage keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Wraps what storage kept.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The number storage keeps.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads the date of an HTTP answer, which has whole seconds.
    #[must_use]
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let moment = jiff::fmt::rfc2822::parse(text).ok()?;
        Some(Self(moment.timestamp().as_millisecond()))
    }

    /// Whole seconds, as tokens and Stripe count.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The UTC day this moment belongs to: quotas are counted by it.
    #[must_use]
    pub const fn day(self) -> Day {
        Day::of(self)
    }

    /// How long from `earlier` until this moment; zero when it lies behind.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => write!(f, "{moment:.3}"),
            Err(_) => write!(f, "1970-01-01T00:00:00.000Z"),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let moment: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(moment.as_millisecond()))
    }
}

impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples([serde_json::json!("2026-11-21T10:00:00.000Z")])
            .into()
    }
}

impl utoipa::ToSchema for Timestamp {
    fn name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
}

/// Where the present comes from: the machine, somebody all processes ask, or a test's hand.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// The clock that processes share: leases and days are told by one, whatever the machines' say.
    Shared(Arc<SharedClock>),
    /// A clock that stands still until a test moves it.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock for tests that starts at `start`.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start.0)))
    }

    /// The present moment.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                Timestamp(since_1970.map_or(0, millis))
            }
            Self::Shared(clock) => clock.now(),
            Self::Manual(moment) => Timestamp(moment.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock on; the machine's clock can't be moved and stays.
    pub fn advance(&self, span: Duration) {
        if let Self::Manual(moment) = self {
            moment.fetch_add(millis(span), Ordering::SeqCst);
        }
    }
}

/// What somebody else's clock said, carried on by this machine's steady one, which nobody sets.
#[derive(Debug)]
pub struct SharedClock {
    began: Instant,
    at_begin_ms: AtomicI64,
}

impl SharedClock {
    /// A clock that is told the present just now.
    #[must_use]
    pub fn new(told: Timestamp, took: Duration) -> Self {
        let clock = Self { began: Instant::now(), at_begin_ms: AtomicI64::default() };
        clock.set(told, took);
        clock
    }

    /// Sets it by an answer that was asked for `took` ago; the answer was given halfway, as far as anybody knows.
    pub fn set(&self, told: Timestamp, took: Duration) {
        let at_begin = told.0 + millis(took / 2) - millis(self.began.elapsed());
        self.at_begin_ms.store(at_begin, Ordering::SeqCst);
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(self.at_begin_ms.load(Ordering::SeqCst) + millis(self.began.elapsed()))
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_with_z() {
        assert_eq!(Timestamp::from_millis(1_795_255_200_007).to_string(), "2026-11-21T10:00:00.007Z");
    }

    #[test]
    fn a_day_ends_at_midnight_utc() {
        let noon = Timestamp::from_millis(1_795_255_200_000);
        assert_eq!(noon.day().end().to_string(), "2026-11-22T00:00:00.000Z");
        assert_eq!(noon.day().end().day().number(), noon.day().number() + 1);
    }

    #[test]
    fn a_moment_survives_its_text() {
        let moment = Timestamp::from_millis(1_795_255_200_123);
        let text = serde_json::to_string(&moment).unwrap();
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), moment);
    }

    #[test]
    fn a_shared_clock_goes_by_what_it_is_told_and_not_by_the_machine() {
        let told = Timestamp::from_millis(1_000_000);
        let clock = SharedClock::new(told, Duration::from_millis(40));
        let late = clock.now().since(told);
        assert!((20..5_000).contains(&late.as_millis()), "{late:?}");
        clock.set(told + Duration::from_hours(1), Duration::ZERO);
        assert!(clock.now() >= told + Duration::from_hours(1));
    }

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = Clock::manual(Timestamp::from_millis(10));
        clock.advance(Duration::from_millis(5));
        assert_eq!(clock.now(), Timestamp::from_millis(15));
    }
}
