//! The caller's sessions: refreshed, listed, and ended.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::answer::Json;
use super::auth::Tokens;
use super::extract::{Caller, Input, TokenHolder};
use super::form::{Fields, Form, Nothing};
use super::paging::{List, Page, cut};
use super::visitor::Visitor;
use crate::app::App;
use crate::domain::ids::SessionId;
use crate::domain::opaque::RefreshToken;
use crate::domain::time::Timestamp;
use crate::domain::user::{OpenSession, SignedInBy};
use crate::error::{Error, Result};
use crate::services::refresh;
use crate::services::sessions::{self, Scope};

/// A visitor who has refreshed few tokens of late, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Refresher(IpAddr);

/// A refresh token, given back.
#[derive(Debug, ToSchema)]
pub struct Refresh {
    /// What the last sign-in or refresh gave. Whatever is wrong with it, the answer is one: 401.
    #[schema(value_type = String, example = "rt_T2YgdGhpcnR5LXR3byBieXRlcyBub3Qgb25lIGlzIG1pbmU")]
    refresh_token: Option<RefreshToken>,
}

/// A session that is live.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShownSession {
    /// Its id.
    #[schema(example = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11")]
    id: SessionId,
    /// When it was begun.
    created_at: Timestamp,
    /// When it was begun or last refreshed.
    last_seen_at: Timestamp,
    /// When it ends unless it is refreshed.
    expires_at: Timestamp,
    /// Whether it is the one that asks.
    #[schema(example = true)]
    current: bool,
    /// What it was begun by.
    proof: SignedInBy,
}

/// A page of sessions, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sessions {
    /// The sessions.
    sessions: Vec<ShownSession>,
    /// For the next page, if there is one.
    next_cursor: Option<String>,
}

/// Which sessions to end.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SignOut {
    /// `others` or `all`; this session alone when absent.
    #[param(value_type = Option<String>, required = false, nullable = false, pattern = "^(others|all)$")]
    scope: Scope,
}

/// Refresh
///
/// Each refresh token is good once; the answer holds the next. One that comes again ends its session, except that for
/// some seconds the same answer can be had again.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth", request_body = Refresh,
    responses((status = 200, description = "A new access token and the next refresh token", body = Tokens)))]
pub async fn refresh_tokens(
    State(app): State<App>,
    Refresher(address): Refresher,
    input: Input<Refresh>,
) -> Result<Json<Tokens>> {
    let signed_in = refresh::refresh(&app, input.body.refresh_token.as_ref(), address).await?;
    Ok(Json(StatusCode::OK, signed_in.into()))
}

/// Sign out
#[utoipa::path(post, path = "/auth/logout", tag = "auth", params(SignOut), security(("bearer" = [])),
    responses((status = 204, description = "The sessions have ended")))]
pub async fn log_out(
    State(app): State<App>,
    TokenHolder(bearer): TokenHolder,
    input: Input<Nothing, SignOut>,
) -> Result<StatusCode> {
    sessions::sign_out(&app, bearer, input.query.scope).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List sessions
///
/// Those that are live, newest first: one for each device that is signed in.
#[utoipa::path(get, path = "/auth/sessions", tag = "auth", params(Page), security(("bearer" = [])),
    responses((status = 200, description = "A page of sessions", body = Sessions)))]
pub async fn list_sessions(
    State(app): State<App>,
    Caller(caller): Caller,
    input: Input<Nothing, Page>,
) -> Result<Json<Sessions>> {
    let Page { limit, cursor } = input.query;
    let list = List { user: caller.user_id, name: "sessions" };
    let before = cursor.map(|cursor| list.open::<16>(&app, &cursor)).transpose()?.map(SessionId::from_bytes);
    let mut open = app.db.open_sessions(caller.user_id, app.clock.now(), before, i64::from(limit) + 1).await?;
    let next_cursor = cut(&mut open, limit, |last: &OpenSession| list.seal(&app, &last.id.bytes()));
    let sessions = open.into_iter().map(|session| ShownSession::new(&session, caller.id)).collect();
    Ok(Json(StatusCode::OK, Sessions { sessions, next_cursor }))
}

/// End a session
///
/// A device that is lost, or the one that asks.
#[utoipa::path(delete, path = "/auth/sessions/{id}", tag = "auth", security(("bearer" = [])),
    params(("id" = String, Path, description = "The session")),
    responses((status = 204, description = "The session has ended")))]
pub async fn end_session(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    _: Input<Nothing>,
) -> Result<StatusCode> {
    sessions::end_session(&app, &caller, SessionId::from_path(&id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl FromRequestParts<App> for Refresher {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Ok(Visitor(address)) = Visitor::from_request_parts(parts, app).await;
        app.limiter.refresh(address, app.clock.now()).await.map(|()| Self(address))
    }
}

impl ShownSession {
    fn new(session: &OpenSession, current: SessionId) -> Self {
        Self {
            id: session.id,
            created_at: session.created_at,
            last_seen_at: session.seen_at,
            expires_at: session.expires_at,
            current: session.id == current,
            proof: session.by,
        }
    }
}

impl Form for Refresh {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let token = fields.text("refresh_token");
        Some(Self { refresh_token: token.and_then(|text| RefreshToken::parse(&text)) })
    }
}

impl Form for SignOut {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let scope = fields.optional(&["scope"], |text| match text {
            "others" => Ok(Scope::Others),
            "all" => Ok(Scope::All),
            _ => Err("unknown_scope"),
        });
        Some(Self { scope: scope?.unwrap_or(Scope::This) })
    }
}
