//! The caller's account, and what was used.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::answer::Json;
use super::extract::{Caller, Input};
use super::form::{Fields, Form, Nothing};
use crate::app::App;
use crate::domain::ids::UserId;
use crate::domain::locale::LocaleTag;
use crate::domain::plan::{Quota, Tier};
use crate::domain::text::Name;
use crate::domain::time::{Day, Timestamp};
use crate::domain::usage::{DayUsage, Span};
use crate::domain::user::User;
use crate::error::{Error, Result};
use crate::services::plans;
use crate::storage::AccountChange;

/// The account of the caller.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// Its id.
    #[schema(example = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11")]
    id: UserId,
    /// Its number, in E.164 form.
    #[schema(example = "+15005550006")]
    mobile: String,
    /// What its owner is called.
    #[schema(example = "Asha")]
    name: Option<String>,
    /// The plan.
    subscription_tier: Tier,
    /// Whether a password is set.
    #[schema(example = false)]
    has_password: bool,
    /// How the daily quota stands.
    quota: Quota,
    /// When it was made.
    created_at: Timestamp,
}

/// What is to change; what is absent stays, and `null` clears. No other member of the account can be set.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "read by the document alone; a body becomes the store's own type")]
pub struct MeChange {
    /// What its owner is called from now on.
    #[schema(example = "Asha", min_length = 1, max_length = 120)]
    name: Option<String>,
    /// The language of texts to the phone, such as `de` or `pt-BR`. Where we have no words in it, they are in English.
    #[schema(example = "pt-BR", pattern = "^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?$")]
    locale: Option<String>,
}

/// Which days are asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the document alone; a query becomes a span")]
pub struct UsageSpan {
    /// The first day (UTC); 29 days before the last one when absent.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-01", required = false)]
    from: Day,
    /// The last day (UTC); today when absent. A span holds at most 366 days.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-21", required = false)]
    to: Day,
}

/// What was used, every day of the span and in all.
#[derive(Debug, Serialize, ToSchema)]
pub struct Usage {
    /// The first day.
    from: Day,
    /// The last day.
    to: Day,
    /// Every day of the span, the first one first.
    days: Vec<DayUsage>,
    /// Messages in all.
    #[schema(example = 3)]
    messages: i64,
    /// Tokens sent to the model in all.
    #[schema(example = 420)]
    prompt_tokens: i64,
    /// Tokens of its replies in all.
    #[schema(example = 1300)]
    reply_tokens: i64,
}

impl Me {
    /// The account with its quota.
    #[must_use]
    pub fn new(user: User, quota: Quota) -> Self {
        Self {
            id: user.id,
            mobile: user.phone.as_str().to_owned(),
            name: user.name,
            subscription_tier: user.tier,
            has_password: user.has_password,
            quota,
            created_at: user.created_at,
        }
    }
}

/// Who am I
#[utoipa::path(get, path = "/user/me", tag = "user", security(("bearer" = [])),
    responses((status = 200, description = "The caller's account", body = Me)))]
pub async fn show_me(State(app): State<App>, Caller(caller): Caller, _: Input<Nothing>) -> Result<Json<Me>> {
    me(&app, caller.user_id).await
}

/// Change my name or language
#[utoipa::path(patch, path = "/user/me", tag = "user", request_body = MeChange, security(("bearer" = [])),
    responses((status = 200, description = "The account as it is now", body = Me)))]
pub async fn update_me(
    State(app): State<App>,
    Caller(caller): Caller,
    input: Input<AccountChange>,
) -> Result<Json<Me>> {
    app.db.change_account(caller.user_id, &input.body).await?;
    me(&app, caller.user_id).await
}

/// What I used
///
/// Messages and tokens of each day, counted as the quota counts them.
#[utoipa::path(get, path = "/user/me/usage", tag = "user", params(UsageSpan), security(("bearer" = [])),
    responses((status = 200, description = "What was used", body = Usage)))]
pub async fn show_usage(
    State(app): State<App>,
    Caller(caller): Caller,
    input: Input<Nothing, Span>,
) -> Result<Json<Usage>> {
    let span = input.query;
    let days = span.fill(&app.db.usage(caller.user_id, span).await?);
    let sum = |part: fn(&DayUsage) -> i64| days.iter().map(part).sum();
    let (messages, prompt_tokens) = (sum(|day| day.messages), sum(|day| day.prompt_tokens));
    let reply_tokens = sum(|day| day.reply_tokens);
    let usage = Usage { from: span.from, to: span.to, days, messages, prompt_tokens, reply_tokens };
    Ok(Json(StatusCode::OK, usage))
}

async fn me(app: &App, user_id: UserId) -> Result<Json<Me>> {
    let user = app.db.user(user_id).await?.ok_or_else(Error::not_found)?;
    let quota = plans::quota(app, user.id, user.tier).await?;
    Ok(Json(StatusCode::OK, Me::new(user, quota)))
}

impl Form for AccountChange {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.nullable(&["name"], Name::parse);
        let locale = fields.nullable(&["locale"], LocaleTag::parse);
        Some(Self { name: name?, locale: locale? })
    }
}

impl Form for Span {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let date = |text: &str| Day::parse(text).ok_or("date_format");
        let (from, to) = (fields.optional(&["from"], date), fields.optional(&["to"], date));
        let today = fields.app().clock.now().day();
        Self::of(from?, to?, today).map_err(|(name, code)| fields.flaw(name, code)).ok()
    }
}
