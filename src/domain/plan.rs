//! Plans and the daily quota.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::{Day, Timestamp};

/// What a user may have; written by billing alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Tier {
    /// The free plan, bounded by the daily quota.
    Basic,
    /// The paid plan, without a daily quota.
    Pro,
}

impl Tier {
    /// The text that storage keeps.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "Basic",
            Self::Pro => "Pro",
        }
    }

    /// The reverse of [`Self::as_str`]; what is unknown is Basic, so that a fault never gives a plan away.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        if text == "Pro" { Self::Pro } else { Self::Basic }
    }

    /// Replies of one user that may be written at once; further ones wait in the queue.
    #[must_use]
    pub const fn replies_at_once(self) -> i64 {
        match self {
            Self::Basic => 2,
            Self::Pro => 4,
        }
    }

    /// How long a job of this plan stands back behind those of a better one; it ages past them, so nobody starves.
    #[must_use]
    pub const fn stands_back(self) -> Duration {
        match self {
            Self::Basic => Duration::from_secs(20),
            Self::Pro => Duration::ZERO,
        }
    }
}

/// How many messages a day holds; none is no bound.
pub type DailyLimit = Option<u32>;

/// How a user's daily quota stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quota {
    /// Messages a day; `null` is unlimited.
    #[schema(example = 5)]
    pub limit: Option<u32>,
    /// Messages used today.
    #[schema(example = 1)]
    pub used: u32,
    /// Messages left today; `null` is unlimited.
    #[schema(example = 4)]
    pub remaining: Option<u32>,
    /// When the next day begins (UTC).
    pub resets_at: Timestamp,
}

impl Quota {
    /// The quota after `used` messages on `day`.
    #[must_use]
    pub fn new(limit: DailyLimit, used: u32, day: Day) -> Self {
        Self { limit, used, remaining: limit.map(|limit| limit.saturating_sub(used)), resets_at: day.end() }
    }
}
