//! The answer to whoever asks for a reply: by a message, for a further one, or for another try.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::chatrooms::REPLAYED;
use super::error::add_limit;
use super::extract::Input;
use super::stream;
use crate::app::App;
use crate::domain::chat::Message;
use crate::domain::plan::Quota;
use crate::domain::stream::{Offset, Place};
use crate::domain::user::Session;
use crate::error::Result;
use crate::serve::StopSignal;
use crate::services::chats::Answered;
use crate::services::plans;
use crate::services::sending::{self, Accepted};
use crate::services::watch::{Event, Reader, Told, Watcher};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// A message taken, and its reply.
#[derive(Debug, Serialize, ToSchema)]
pub struct SentMessage {
    /// The stored message.
    message: Message,
    /// The reply: pending, or final where it was waited for.
    reply: Message,
    /// The quota after it.
    quota: Quota,
    /// Where to watch the reply being written.
    #[schema(example = "/chatroom/0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11/stream")]
    stream: String,
}

/// How a reply was asked for.
pub(super) struct Asked {
    caller: Session,
    /// Where the answer is to be a stream.
    reader: Option<Reader>,
    /// How long to wait for the reply.
    wait: Option<Duration>,
}

impl Asked {
    /// Who has no place for a stream is told so before anything is taken.
    pub(super) async fn new<B>(app: &App, caller: Session, input: &Input<B>) -> Result<Self> {
        let reader = match input.stream_until {
            Some(until) => Some(Reader::admit(app, caller, until).await?),
            None => None,
        };
        Ok(Self { caller, reader, wait: input.wait })
    }
}

/// What whoever asked for a reply is told: the stream of it, or where it stands.
pub(super) async fn answer(app: &App, asked: Asked, sent: Answered<Accepted>, stop: &StopSignal) -> Result<Response> {
    let Asked { caller, reader, wait } = asked;
    let Accepted { message, mut reply, quota } = sent.answer;
    let room = reply.chatroom_id;
    if let Some(reader) = reader {
        let watcher = Watcher::of_reply(app, reader, room, reply.id).await?;
        let mut response = stream::respond(watcher, first_events(message, reply, quota), stop);
        add_headers(app, &mut response, quota, sent.replayed);
        return Ok(response);
    }
    if let Some(wait) = wait {
        let stopping = stop.token();
        tokio::select! {
            now = sending::wait_for_reply(app, caller, &reply, wait) => reply = now?,
            // The reply may have to wait for the next start; whoever waits is told where it stands before we go.
            () = stopping.cancelled() => {}
        }
    }
    let status = if reply.status.is_final() { StatusCode::OK } else { StatusCode::ACCEPTED };
    let stream = format!("/chatroom/{room}/stream");
    let mut response = Json(status, SentMessage { message, reply, quota, stream }).into_response();
    add_headers(app, &mut response, quota, sent.replayed);
    if let Some(Ok(applied)) = wait.map(|wait| HeaderValue::try_from(format!("wait={}", wait.as_secs()))) {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    Ok(response)
}

/// What both kinds of answers say in their heads.
fn add_headers(app: &App, response: &mut Response, quota: Quota, is_replayed: bool) {
    let headers = response.headers_mut();
    if let Some(remaining) = quota.remaining {
        add_limit(headers, &plans::daily_state(app, quota, remaining));
    }
    if is_replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
}

/// What a stream of a message just sent begins with.
fn first_events(message: Message, reply: Message, quota: Quota) -> Vec<Told> {
    let attempt = reply.reply.as_ref().map_or(0, |details| details.attempt);
    let place = Some(Place { reply: reply.id, attempt, offset: Offset::At(0) });
    let told = |reply, event| Told { place, reply, event };
    vec![
        told(Some(message.id), Event::Created(message)),
        told(Some(reply.id), Event::Created(reply)),
        told(None, Event::Quota(quota)),
    ]
}
