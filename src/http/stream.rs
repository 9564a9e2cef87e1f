//! Streams of events: what happens in a room, as it happens.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream::unfold;
use serde::Serialize;
use serde_json::{Value, json};

use super::extract::{Caller, bearer_token};
use super::web::{weight, wishes};
use crate::app::App;
use crate::domain::ids::ChatroomId;
use crate::domain::stream::Place;
use crate::domain::time::Timestamp;
use crate::domain::user::Session;
use crate::error::{Code, Error, Result};
use crate::serve::StopSignal;
use crate::services::watch::{Event, From, Reader, Told, Watcher};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// How soon a client comes back by itself, in milliseconds: usually, and when this process stops.
const RETRY: &str = "retry: 1000\n: hello\n\n";
const RETRY_SOON: &str = "retry: 500\n\n";

/// A caller who takes a stream of events.
#[derive(Debug)]
pub struct Viewer {
    session: Session,
    token_until: Timestamp,
}

/// Where a client's stream begins: where its last one was cut, if it says so.
#[derive(Clone, Copy, Debug)]
pub struct Resumed(From);

impl FromRequestParts<App> for Viewer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Caller(session) = Caller::from_request_parts(parts, app).await?;
        let wishes = wishes(&parts.headers, header::ACCEPT);
        if !wishes.is_empty() && weight(&wishes, "text/event-stream") <= 0.0 {
            return Err(Error::new(Code::NotAcceptable, "Answers here are text/event-stream."));
        }
        Ok(Self { session, token_until: token_until(&parts.headers, app)? })
    }
}

/// When the token of a request runs out.
pub(super) fn token_until(headers: &HeaderMap, app: &App) -> Result<Timestamp> {
    Ok(app.tokens.expires_at(bearer_token(headers)?).unwrap_or_else(|| app.clock.now()))
}

impl FromRequestParts<App> for Resumed {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let id = parts.headers.get(LAST_EVENT_ID).map(|id| id.to_str().unwrap_or("?").trim());
        Ok(Self(match id {
            None | Some("") => From::Now,
            Some(id) => Place::parse(id).map_or(From::Nowhere, From::Place),
        }))
    }
}

/// True when a client would rather have a stream than JSON: it names one, and no less than JSON.
#[must_use]
pub fn prefers_stream(headers: &HeaderMap) -> bool {
    let wishes = wishes(headers, header::ACCEPT);
    let names_stream = wishes.iter().any(|wish| wish.trim().to_ascii_lowercase().starts_with("text/event-stream"));
    names_stream && weight(&wishes, "text/event-stream") >= weight(&wishes, "application/json")
}

/// Watch a room
///
/// Server-sent events: `message.created`, `reply.started`, `reply.delta`, `reply.reset`, `reply.finished`, `room.updated`,
/// `quota.updated`, `plan.updated`, `session.revoked`. It begins with the text so far of the reply being written, or of one that
/// ended less than a minute ago. `offset` counts Unicode scalar values; the texts put together are the stored reply.
/// Reconnect with `Last-Event-ID` to go on where the stream was cut, at any process. A comment comes every 15 s.
#[utoipa::path(get, path = "/chatroom/{id}/stream", tag = "messages", security(("bearer" = [])),
    params(("id" = String, Path, description = "The room"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that came")),
    responses((status = 200, description = "What happens in the room", content_type = "text/event-stream", body = String,
        example = "id: 0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11.1.5\nevent: reply.delta\ndata: {\"message_id\":\"0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11\",\"offset\":0,\"text\":\"Hello\"}\n\n")))]
pub async fn watch_chatroom(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<String>,
    Resumed(from): Resumed,
    Extension(stop): Extension<StopSignal>,
) -> Result<Response> {
    let Viewer { session, token_until } = viewer;
    let room = app.db.chatroom(ChatroomId::from_path(&id), session.user_id).await?.ok_or_else(Error::not_found)?;
    let reader = Reader::admit(&app, session, token_until).await?;
    let watcher = Watcher::of_room(&app, reader, room, from).await?;
    Ok(respond(watcher, Vec::new(), &stop))
}

/// The answer that tells `first`, and then what the watcher sees, until either end.
pub(super) fn respond(watcher: Watcher, first: Vec<Told>, stop: &StopSignal) -> Response {
    let state = Telling { watcher: Some(watcher), first: first.into(), stop: stop.clone(), is_begun: false };
    let body = Body::from_stream(unfold(state, |mut state| async move {
        let frame = state.next().await?;
        Some((Ok::<_, Infallible>(frame), state))
    }));
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, EVENT_STREAM);
    headers.insert(NO_BUFFERING, HeaderValue::from_static("no"));
    response
}

struct Telling {
    watcher: Option<Watcher>,
    first: VecDeque<Told>,
    stop: StopSignal,
    is_begun: bool,
}

impl Telling {
    async fn next(&mut self) -> Option<Bytes> {
        if !std::mem::replace(&mut self.is_begun, true) {
            return Some(Bytes::from_static(RETRY.as_bytes()));
        }
        if let Some(told) = self.first.pop_front() {
            return Some(frame(&told));
        }
        let watcher = self.watcher.as_mut()?;
        let stopping = self.stop.token();
        let told = tokio::select! {
            biased;
            told = watcher.next() => told,
            () = stopping.cancelled() => {
                self.watcher = None;
                return Some(Bytes::from_static(RETRY_SOON.as_bytes()));
            }
        };
        told.map(|told| frame(&told))
    }
}

fn frame(told: &Told) -> Bytes {
    let id = told.reply;
    let (name, data) = match &told.event {
        Event::Quiet => return Bytes::from_static(b":\n\n"),
        Event::Created(message) => ("message.created", json!({"message_id": id, "message": message})),
        Event::Started(attempt) => ("reply.started", json!({"message_id": id, "attempt": attempt})),
        Event::Delta(offset, text) => ("reply.delta", json!({"message_id": id, "offset": offset, "text": text})),
        Event::Reset(attempt, text) => ("reply.reset", json!({"message_id": id, "attempt": attempt, "text": text})),
        Event::Finished(message) => {
            let outcome = message.reply.as_ref().and_then(|reply| reply.outcome);
            ("reply.finished", json!({"message_id": id, "outcome": outcome, "message": message}))
        }
        Event::Room(chatroom) => ("room.updated", member("chatroom", chatroom)),
        Event::Quota(quota) => ("quota.updated", member("quota", quota)),
        Event::Plan(tier) => ("plan.updated", json!({"subscription_tier": tier.as_str()})),
        Event::Revoked => ("session.revoked", json!({})),
    };
    let id = match told.place {
        Some(place) if told.reply.is_some() => format!("id: {place}\n"),
        _ => String::new(),
    };
    // JSON has no line breaks of its own, so one line holds it.
    format!("{id}event: {name}\ndata: {data}\n\n").into()
}

fn member(name: &str, value: &impl Serialize) -> Value {
    json!({ name: value })
}
