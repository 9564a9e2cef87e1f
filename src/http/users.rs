//! The caller's account.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::extract::{Caller, Input};
use super::form::Nothing;
use crate::app::App;
use crate::domain::ids::UserId;
use crate::domain::plan::{Quota, Tier};
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::error::{Error, Result};
use crate::services::plans;

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
    let user = app.db.user(caller.user_id).await?.ok_or_else(Error::not_found)?;
    let quota = plans::quota(&app, user.id, user.tier).await?;
    Ok(Json(StatusCode::OK, Me::new(user, quota)))
}
