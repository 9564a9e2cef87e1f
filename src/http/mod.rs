//! The door for requests: what is served, in one table of contents.

pub mod aliases;
pub mod answer;
pub mod assets;
pub mod auth;
pub mod body;
pub mod chatrooms;
pub mod constraints;
pub mod cors;
pub mod docs;
pub mod door;
pub mod error;
pub mod extract;
pub mod form;
pub mod health;
pub mod json;
pub mod messages;
mod named;
pub mod openapi;
pub mod paging;
pub mod passwords;
pub mod problems;
pub mod replies;
pub mod reports;
pub mod returns;
pub mod rights;
pub mod sent;
pub mod sessions;
pub mod stream;
pub mod subscription;
pub mod transport;
pub mod users;
pub mod visitor;
pub mod web;
pub mod webhook;

use axum::Router;
use axum::extract::State;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use tower::Layer as _;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::named::Named;
use crate::app::App;
use crate::error::{Code, Error};
use crate::providers::sender_choice::REPORTS_PATH;

/// Every documented route.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::Frame::openapi())
        .routes(routes!(auth::sign_up))
        .routes(routes!(auth::send_otp))
        .routes(routes!(auth::verify_otp))
        .routes(routes!(sessions::refresh_tokens))
        .routes(routes!(sessions::log_out))
        .routes(routes!(sessions::list_sessions))
        .routes(routes!(sessions::end_session))
        .routes(routes!(passwords::log_in))
        .routes(routes!(passwords::forgot_password))
        .routes(routes!(passwords::reset_password))
        .routes(routes!(passwords::change_password))
        .routes(routes!(users::show_me, users::update_me, rights::close_me))
        .routes(routes!(rights::export_me))
        .routes(routes!(users::show_usage))
        .routes(routes!(chatrooms::create_chatroom, chatrooms::list_chatrooms))
        .routes(routes!(chatrooms::show_chatroom, chatrooms::update_chatroom, chatrooms::delete_chatroom))
        .routes(routes!(messages::send_message))
        .routes(routes!(messages::list_messages))
        .routes(routes!(messages::show_message))
        .routes(routes!(replies::stop_message))
        .routes(routes!(replies::regenerate_message))
        .routes(routes!(replies::retry_message))
        .routes(routes!(stream::watch_chatroom))
        .routes(routes!(subscription::subscribe, subscription::subscribe_by_get))
        .routes(routes!(subscription::show_status))
        .routes(routes!(subscription::sync))
        .routes(routes!(subscription::open_portal))
        .routes(routes!(subscription::cancel))
        .routes(routes!(subscription::resume))
        .routes(routes!(webhook::take_event))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(problems::show_problem))
}

/// The whole service: the documented routes, the pages, and the door before them.
pub fn router(app: &App) -> Router {
    router_beside(app, Router::new())
}

/// The same with further pages, which are served behind the same door.
pub fn router_beside(app: &App, pages: Router) -> Router {
    build(app, door::Door::of(app), pages)
}

/// The same behind a door of one's own.
pub fn router_behind(app: &App, door: door::Door) -> Router {
    build(app, door, Router::new())
}

fn build(app: &App, door: door::Door, pages: Router) -> Router {
    let (api, document) = routes().split_for_parts();
    app.metrics.name_routes(document.paths.paths.into_keys().chain([REPORTS_PATH.to_owned()]));
    let docs = if app.config.listen.shows_docs { docs::router() } else { Router::new() };
    let inside = api
        .route(REPORTS_PATH, post(reports::take_report))
        .with_state(app.clone())
        .merge(docs)
        .merge(web::router())
        .merge(returns::router(app))
        .merge(pages)
        .route_layer(Named::layer(app))
        .fallback(async || Error::not_found())
        .method_not_allowed_fallback(method_not_allowed);
    // The door stands outside the router, because it changes the path that the router goes by.
    Router::new().fallback_service(from_fn_with_state(door, door::pass).layer(inside))
}

/// What only the operator sees, on a listener of its own.
pub fn metrics_router(app: &App) -> Router {
    Router::new().route("/metrics", get(show_metrics)).layer(from_fn(transport::check_head)).with_state(app.clone())
}

async fn show_metrics(State(app): State<App>) -> impl IntoResponse {
    ([("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")], app.metrics_text())
}

async fn method_not_allowed() -> Error {
    Error::new(Code::MethodNotAllowed, "This path is served, but not with this method.")
}
