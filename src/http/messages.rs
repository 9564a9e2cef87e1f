//! Messages and replies.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::extract::{Caller, Input, Sender};
use super::form::{Fields, Form, Names, Nothing};
use super::paging::{List, Page, cut};
use super::sent::{Asked, SentMessage, answer};
use crate::app::App;
use crate::domain::chat::Message;
use crate::domain::ids::{ChatroomId, MessageId};
use crate::domain::text::Content;
use crate::error::{Error, Result};
use crate::serve::StopSignal;
use crate::services::sending;
use crate::storage::Listed;

const CONTENT: Names = &["content", "prompt", "message"];

/// What to say.
#[derive(ToSchema)]
pub struct SendMessage {
    /// The text; also read as `prompt`, `message`.
    #[schema(value_type = String, example = "Why is the sky blue?", min_length = 1, max_length = 16000)]
    content: Content,
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
pub struct Messages {
    /// The messages.
    messages: Vec<Message>,
    /// Where the next page begins, if there is one.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// Which page of messages, from which end.
#[derive(Debug)]
pub struct MessagePage {
    is_newest_first: bool,
    page: Page,
}

/// Send a message
///
/// It is stored with its quota unit and its reply's job in one transaction before this answers. With
/// `Prefer: wait=N` (at most 25) the answer waits for the reply and is 200; when that runs out it is 202. With
/// `Accept: text/event-stream` the answer is the stream of this message and its reply, as that of the room.
#[utoipa::path(post, path = "/chatroom/{id}/message", tag = "messages", request_body = SendMessage,
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The room"),
        ("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$",
            description = "Makes a repeat harmless for 24 h"),
        ("Prefer" = Option<String>, Header, description = "`wait=N` waits up to N seconds for the reply")),
    responses((status = 202, description = "Accepted; the reply is on its way", body = SentMessage),
        (status = 200, description = "Accepted, and the reply is final", body = SentMessage)))]
pub async fn send_message(
    State(app): State<App>,
    Sender(caller): Sender,
    Path(id): Path<String>,
    Extension(stop): Extension<StopSignal>,
    input: Input<SendMessage>,
) -> Result<Response> {
    let room = ChatroomId::from_path(&id);
    let asked = Asked::new(&app, caller, &input).await?;
    let sent = sending::send_message(&app, caller, room, &input.body.content, &input.key).await?;
    answer(&app, asked, sent, &stop).await
}

/// List messages
#[utoipa::path(get, path = "/chatroom/{id}/messages", tag = "messages", security(("bearer" = [])),
    params(("id" = String, Path, description = "The room"),
        ("order" = Option<String>, Query, pattern = "^(asc|desc)$", description = "`asc` (oldest first, the default) or `desc`"), Page),
    responses((status = 200, description = "A page of messages", body = Messages)))]
pub async fn list_messages(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    input: Input<Nothing, MessagePage>,
) -> Result<Json<Messages>> {
    let (room, user) = (ChatroomId::from_path(&id), caller.user_id);
    app.db.chatroom(room, user).await?.ok_or_else(Error::not_found)?;
    let MessagePage { is_newest_first, page } = input.query;
    let name = list_name(room, is_newest_first);
    let list = List { user, name: &name };
    let place = page.cursor.map(|cursor| list.open::<8>(&app, &cursor)).transpose()?.map(i64::from_be_bytes);
    let one_more = i64::from(page.limit) + 1;
    let mut listed = if is_newest_first {
        app.db.messages_backward(room, user, place.unwrap_or(i64::MAX), one_more).await?
    } else {
        app.db.messages_forward(room, user, place.unwrap_or(0), one_more).await?
    };
    let next_cursor = cut(&mut listed, page.limit, |last: &Listed| list.seal(&app, &last.seq.to_be_bytes()));
    let messages = listed.into_iter().map(|listed| listed.message).collect();
    Ok(Json(StatusCode::OK, Messages { messages, next_cursor }))
}

/// Show a message
#[utoipa::path(get, path = "/chatroom/{id}/message/{mid}", tag = "messages", security(("bearer" = [])),
    params(("id" = String, Path, description = "The room"), ("mid" = String, Path, description = "The message")),
    responses((status = 200, description = "The message; for a reply its outcome, usage and try", body = Message)))]
pub async fn show_message(
    State(app): State<App>,
    Caller(caller): Caller,
    Path((room, message)): Path<(String, String)>,
    _: Input<Nothing>,
) -> Result<Json<Message>> {
    let (room, message) = (ChatroomId::from_path(&room), MessageId::from_path(&message));
    let message = app.db.message(message, room, caller.user_id).await?.ok_or_else(Error::not_found)?;
    Ok(Json(StatusCode::OK, message))
}

/// What a cursor of a room's messages is sealed with.
pub(super) fn list_name(room: ChatroomId, is_newest_first: bool) -> String {
    format!("messages {room} {}", if is_newest_first { "desc" } else { "asc" })
}

impl Form for SendMessage {
    const MAY_STREAM: bool = true;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let content = fields.required(CONTENT, Content::parse);
        Some(Self { content: content? })
    }
}

impl Form for MessagePage {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let is_newest_first = fields.optional(&["order"], |text| match text {
            "asc" => Ok(false),
            "desc" => Ok(true),
            _ => Err("unknown_order"),
        });
        let page = Page::read(fields);
        Some(Self { is_newest_first: is_newest_first?.unwrap_or(false), page: page? })
    }
}
