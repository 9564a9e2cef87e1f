//! Days, by which quotas are counted: in UTC, whole, and the same for everybody.

use serde::{Serialize, Serializer};

use super::time::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// A UTC day, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

impl Day {
    /// Wraps what storage kept.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The day a moment belongs to.
    pub(super) const fn of(moment: Timestamp) -> Self {
        Self(moment.as_millis().div_euclid(DAY_MS))
    }

    /// The number storage keeps.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Reads a date such as `2026-11-21`, in this form alone; none for what is no day of the calendar.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_dash = |index: usize| matches!(index, 4 | 7);
        let is_right = |(index, byte): (usize, u8)| if is_dash(index) { byte == b'-' } else { byte.is_ascii_digit() };
        if text.len() != 10 || !text.bytes().enumerate().all(is_right) {
            return None;
        }
        let date: jiff::civil::Date = text.parse().ok()?;
        let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        Some(Timestamp::from_millis(midnight.as_millisecond()).day())
    }

    /// The day so many days away.
    #[must_use]
    pub const fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The midnight at which this day is over and a quota begins anew.
    #[must_use]
    pub const fn end(self) -> Timestamp {
        Timestamp::from_millis((self.0 + 1) * DAY_MS)
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            Timestamp::from_millis(self.0.saturating_mul(DAY_MS)).to_string().split('T').next().unwrap_or_default(),
        )
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl utoipa::PartialSchema for Day {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .examples([serde_json::json!("2026-11-21")])
            .into()
    }
}

impl utoipa::ToSchema for Day {
    fn name() -> std::borrow::Cow<'static, str> {
        "Day".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_in_one_form_alone() {
        for text in ["2026-11-21", "1970-01-01", "2024-02-29", "0001-01-01", "9999-12-30"] {
            assert_eq!(Day::parse(text).unwrap().to_string(), text);
        }
        for odd in [
            "",
            "2026-11-31",
            "2025-02-29",
            "2026-1-1",
            "26-11-21",
            "2026/11/21",
            "20261121",
            "2026-11-21T",
            "+026-11-21",
            "2026-11-21T00:00Z",
            "2026-00-10",
            "2026-13-01",
            " 2026-11-2",
            "２026-11-2",
            "-026-11-21",
        ] {
            assert_eq!(Day::parse(odd), None, "{odd}");
        }
    }
}
