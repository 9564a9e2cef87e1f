//! Where a checkout returns to when no other address is set: two plain pages. Coming back proves nothing, but whoever
//! comes back has probably paid, so the payment provider is looked at.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::IntoResponse;
use axum::routing::get;

use super::assets::Page;
use super::web::{ASSETS, PAGE_HEADERS};
use crate::app::App;
use crate::services::subscriptions;

static SUCCESS: LazyLock<Page> =
    LazyLock::new(|| Page::new(include_str!("../../web/success.html"), &ASSETS, &PAGE_HEADERS));
static CANCEL: LazyLock<Page> =
    LazyLock::new(|| Page::new(include_str!("../../web/cancel.html"), &ASSETS, &PAGE_HEADERS));

/// `/success` and `/cancel`.
pub fn router(app: &App) -> Router {
    Router::new()
        .route("/success", get(show_success))
        .route("/cancel", get(async || CANCEL.answer()))
        .with_state(app.clone())
}

async fn show_success(State(app): State<App>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let session_id = query.as_deref().and_then(session_id);
    if let Some(session_id) = session_id
        && let Err(error) = subscriptions::look_after_return(&app, session_id).await
    {
        tracing::warn!(error = %error, "The payment provider will not be looked at because of a return.");
    }
    SUCCESS.answer()
}

fn session_id(query: &str) -> Option<&str> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("session_id="))?;
    let is_id =
        (1..=255).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_id.then_some(value)
}
