//! Where the payment provider tells that something changed. Its signature is the caller's proof.

use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderName, StatusCode};
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::body::{Deadline, WEBHOOK, read_bytes};
use crate::app::App;
use crate::error::{Error, Result};
use crate::services::billing_events;

const SIGNATURE: HeaderName = HeaderName::from_static("stripe-signature");

/// An event as it came: nothing of it is read before its signature is checked.
#[derive(Debug)]
pub struct SignedBody {
    signature: String,
    body: Bytes,
}

/// An event of Stripe; what else it holds is not looked at, as the state is read from Stripe itself.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes what is read from the raw bytes")]
pub struct StripeEvent {
    /// Its id; the same one may come several times.
    #[schema(example = "evt_1TExample")]
    id: String,
    /// What happened.
    #[schema(example = "invoice.paid")]
    r#type: String,
}

/// The event is stored; what follows from it is a job.
#[derive(Debug, Serialize, ToSchema)]
pub struct Received {
    /// Always true.
    #[schema(example = true)]
    received: bool,
}

impl FromRequest<App> for SignedBody {
    type Rejection = Error;

    async fn from_request(request: Request, _: &App) -> Result<Self> {
        let (parts, body) = request.into_parts();
        let body = read_bytes(&parts.headers, body, Deadline::within(&parts.extensions), WEBHOOK).await?;
        let mut lines = parts.headers.get_all(SIGNATURE).iter();
        // Two headers are none: nobody can say which one counts.
        let signature = match (lines.next(), lines.next()) {
            (Some(line), None) => line.to_str().unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        Ok(Self { signature, body })
    }
}

/// Take an event of Stripe
///
/// Signed by Stripe over the raw body. Answered as soon as the event is stored; a known event has no further effect.
#[utoipa::path(post, path = "/webhook/stripe", tag = "webhook",
    params(("Stripe-Signature" = String, Header, description = "The time and the signatures")),
    request_body = StripeEvent,
    responses((status = 200, description = "Stored", body = Received),
        (status = 503, description = "Payments are switched off, or the database is away", body = super::problems::Problem,
            content_type = "application/problem+json")))]
pub async fn take_event(State(app): State<App>, event: SignedBody) -> Result<Json<Received>> {
    billing_events::take(&app, &event.signature, &event.body).await?;
    Ok(Json(StatusCode::OK, Received { received: true }))
}
