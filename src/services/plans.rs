//! What a plan gives: how many messages, and which models.

use std::time::Duration;

use crate::app::App;
use crate::domain::ids::UserId;
use crate::domain::plan::{DailyLimit, Quota, Tier};
use crate::error::{Error, LimitState, Result};

/// How many messages a day a plan holds.
#[must_use]
pub fn daily_limit(app: &App, tier: Tier) -> DailyLimit {
    match tier {
        Tier::Basic => Some(app.config.basic_daily_limit),
        Tier::Pro => None,
    }
}

/// How a user's quota stands now.
pub async fn quota(app: &App, user: UserId, tier: Tier) -> Result<Quota> {
    let day = app.clock.now().day();
    Ok(Quota::new(daily_limit(app, tier), app.db.used(user, day).await?, day))
}

/// The daily quota as the limit that headers tell of.
#[must_use]
pub fn daily_state(app: &App, quota: Quota, remaining: u32) -> LimitState {
    LimitState {
        policy: "daily",
        quota: quota.limit.unwrap_or_default().into(),
        window: Duration::from_hours(24),
        remaining: remaining.into(),
        resets_in: quota.resets_at.since(app.clock.now()),
    }
}

/// The models a plan may choose from, its own first.
#[must_use]
pub fn models(app: &App, tier: Tier) -> Vec<&str> {
    let gemini = &app.config.gemini;
    match tier {
        Tier::Basic => vec![&gemini.model],
        Tier::Pro => vec![&gemini.model_pro, &gemini.model],
    }
}

/// The model that answers in a room: the room's own where the plan still offers it, else the plan's.
#[must_use]
pub fn model_for<'a>(app: &'a App, tier: Tier, wanted: Option<&str>) -> &'a str {
    let offered = models(app, tier);
    wanted.and_then(|wanted| offered.iter().copied().find(|model| *model == wanted)).unwrap_or(offered[0])
}

/// Refuses a model that the plan does not offer.
pub fn check_model(app: &App, tier: Tier, wanted: Option<&str>) -> Result<()> {
    match wanted {
        Some(wanted) if !models(app, tier).contains(&wanted) => Err(Error::invalid("/model", "model_not_offered")),
        _ => Ok(()),
    }
}
