//! Whether this process lives, and whether it can work.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use crate::app::App;
use crate::config::Database;

/// What is silent for so long is away; that much is to be told within two seconds.
const LONGEST_PING: Duration = Duration::from_millis(1_500);

/// This process lives.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// The state of each part.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready` or `not_ready`.
    #[schema(example = "ready")]
    status: &'static str,
    /// `ok` or `away`.
    #[schema(example = "ok")]
    database: &'static str,
    /// `sqlite` or `postgres`.
    #[schema(example = "sqlite")]
    engine: &'static str,
    /// `ok`, `away` (all goes on without it), or `off`: live state is in the process.
    #[schema(example = "off")]
    redis: &'static str,
    /// `real` or `demo`.
    #[schema(example = "demo")]
    model: &'static str,
}

/// Is it alive
#[utoipa::path(get, path = "/health", tag = "about",
    responses((status = 200, description = "The process lives", body = Health)))]
pub async fn health() -> Json<Health> {
    Json(StatusCode::OK, Health { status: "ok" })
}

/// Is it ready
#[utoipa::path(get, path = "/ready", tag = "about",
    responses((status = 200, description = "It can work", body = Readiness),
        (status = 503, description = "The database is away", body = Readiness)))]
pub async fn ready(State(app): State<App>) -> Json<Readiness> {
    let is_there = matches!(tokio::time::timeout(LONGEST_PING, app.db.ping()).await, Ok(Ok(())));
    let readiness = Readiness {
        status: if is_there { "ready" } else { "not_ready" },
        database: if is_there { "ok" } else { "away" },
        engine: match app.config.database {
            Database::Sqlite { .. } => "sqlite",
            Database::Postgres { .. } => "postgres",
        },
        redis: match app.reach.redis() {
            None => "off",
            Some(redis) if redis.is_there() => "ok",
            Some(_) => "away",
        },
        model: if app.config.gemini.key.is_some() { "real" } else { "demo" },
    };
    Json(if is_there { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, readiness)
}
