//! What can be done with a reply: stop it, ask for a further one, have a failed one tried again.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::extract::{Caller, Input, Sender};
use super::form::{Fields, Form, Nothing};
use super::sent::{Asked, SentMessage, answer};
use crate::app::App;
use crate::domain::chat::Message;
use crate::domain::ids::{ChatroomId, MessageId};
use crate::error::Result;
use crate::serve::StopSignal;
use crate::services::{again, stopping};

/// A reply that was stopped, or had ended before.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoppedMessage {
    /// The reply.
    message: Message,
}

/// The body of a request that says all by its path.
pub struct AskAgain;

/// Stop a reply
///
/// It ends where it stands, from anywhere, and keeps its text and its quota unit. Stopping what has ended changes nothing.
#[utoipa::path(post, path = "/chatroom/{id}/message/{mid}/stop", tag = "messages", security(("bearer" = [])),
    params(("id" = String, Path, description = "The room"), ("mid" = String, Path, description = "The reply")),
    responses((status = 200, description = "The reply as it ended", body = StoppedMessage)))]
pub async fn stop_message(
    State(app): State<App>,
    Caller(caller): Caller,
    Path((room, reply)): Path<(String, String)>,
    _: Input<Nothing>,
) -> Result<Json<StoppedMessage>> {
    let (room, reply) = (ChatroomId::from_path(&room), MessageId::from_path(&reply));
    let message = stopping::stop_reply(&app, caller, room, reply).await?;
    Ok(Json(StatusCode::OK, StoppedMessage { message }))
}

/// Ask for a further reply
///
/// The earlier replies are kept and listed; the newest complete one is what later replies go on from. It takes a unit of the
/// quota, and answers as a message does. Refused while a reply to the same message is being written.
#[utoipa::path(post, path = "/chatroom/{id}/message/{mid}/regenerate", tag = "messages", security(("bearer" = [])),
    params(("id" = String, Path, description = "The room"), ("mid" = String, Path, description = "The message, or any of its replies"),
        ("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$",
            description = "Makes a repeat harmless for 24 h"),
        ("Prefer" = Option<String>, Header, description = "`wait=N` waits up to N seconds for the reply")),
    responses((status = 202, description = "Accepted; the reply is on its way", body = SentMessage),
        (status = 200, description = "Accepted, and the reply is final", body = SentMessage)))]
pub async fn regenerate_message(
    State(app): State<App>,
    Sender(caller): Sender,
    Path((room, message)): Path<(String, String)>,
    Extension(stop): Extension<StopSignal>,
    input: Input<AskAgain>,
) -> Result<Response> {
    let place = (ChatroomId::from_path(&room), MessageId::from_path(&message));
    let asked = Asked::new(&app, caller, &input).await?;
    let sent = again::regenerate(&app, caller, place, &input.key).await?;
    answer(&app, asked, sent, &stop).await
}

/// Try a failed reply again
///
/// The same reply, now the last in its room. Its unit was given back when it failed, so this takes one; it answers as a
/// message does.
#[utoipa::path(post, path = "/chatroom/{id}/message/{mid}/retry", tag = "messages", security(("bearer" = [])),
    params(("id" = String, Path, description = "The room"), ("mid" = String, Path, description = "The reply"),
        ("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$",
            description = "Makes a repeat harmless for 24 h"),
        ("Prefer" = Option<String>, Header, description = "`wait=N` waits up to N seconds for the reply")),
    responses((status = 202, description = "Accepted; the reply is on its way", body = SentMessage),
        (status = 200, description = "Accepted, and the reply is final", body = SentMessage)))]
pub async fn retry_message(
    State(app): State<App>,
    Sender(caller): Sender,
    Path((room, message)): Path<(String, String)>,
    Extension(stop): Extension<StopSignal>,
    input: Input<AskAgain>,
) -> Result<Response> {
    let place = (ChatroomId::from_path(&room), MessageId::from_path(&message));
    let asked = Asked::new(&app, caller, &input).await?;
    let sent = again::retry(&app, caller, place, &input.key).await?;
    answer(&app, asked, sent, &stop).await
}

impl Form for AskAgain {
    const MAY_BE_ABSENT: bool = true;
    const MAY_STREAM: bool = true;

    fn read(_: &mut Fields<'_>) -> Option<Self> {
        Some(Self)
    }
}
