//! Rooms.

use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use super::answer::{Json, json_bytes};
use super::extract::{Caller, Input, KnownTags};
use super::form::{Fields, Form, Names, Nothing};
use super::paging::{List, Page, cut};
use crate::app::App;
use crate::domain::chat::{Chatroom, Message};
use crate::domain::ids::ChatroomId;
use crate::domain::summary::Summary;
use crate::domain::text::{Instructions, Name};
use crate::domain::time::Timestamp;
use crate::domain::user::Session;
use crate::error::{Error, Result};
use crate::live::cache;
use crate::live::metrics::Source;
use crate::services::chats::{self, RoomWish};
use crate::storage::{ChatroomChange, Listed};

pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const NAME: Names = &["name", "title"];
/// Messages that come with a room.
const NEWEST: u32 = 100;

/// A room to be made; every member may be absent.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "read by the document alone; the wish below is what a body becomes")]
pub struct NewRoom {
    /// What it is called; also read as `title`.
    #[schema(example = "Trip to Goa", min_length = 1, max_length = 120, nullable = false)]
    name: Option<String>,
    /// Standing instructions to the model.
    #[schema(example = "Answer in one sentence.", min_length = 1, max_length = 4000)]
    instructions: Option<String>,
    /// One of the models that the caller's plan offers.
    #[schema(example = json!(null), min_length = 1, max_length = 100)]
    model: Option<String>,
}

/// What is to change; what is absent stays, and `null` clears.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "read by the document alone; the change below is what a body becomes")]
pub struct RoomChange {
    /// What it is called from now on; also read as `title`.
    #[schema(example = "Goa in May", min_length = 1, max_length = 120, nullable = false)]
    name: Option<String>,
    /// Standing instructions to the model.
    #[schema(example = "Answer in one sentence.", min_length = 1, max_length = 4000)]
    instructions: Option<String>,
    /// One of the models that the caller's plan offers.
    #[schema(example = json!(null), min_length = 1, max_length = 100)]
    model: Option<String>,
    #[schema(schema_with = only_null, required = false)]
    summary: (),
}

fn only_null() -> Object {
    let told = "Only `null`: takes the summary of a long room away. What it covered is not summarised again.";
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null)).description(Some(told)).build()
}

/// A page of rooms.
#[derive(Debug, Serialize, ToSchema)]
pub struct Chatrooms {
    /// The rooms, newest activity first.
    chatrooms: Vec<Chatroom>,
    /// Where the next page begins, if there is one.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// A room with its newest messages.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChatroomDetail {
    #[serde(flatten)]
    room: Chatroom,
    /// What was said before, in a few words, where the room is long: it goes to the model in place of what it covers.
    summary: Option<Summary>,
    /// Its newest messages, oldest of them first.
    messages: Vec<Message>,
    /// Where older ones begin, for `/chatroom/{id}/messages?order=desc`.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// Make a room
#[utoipa::path(post, path = "/chatroom", tag = "chatrooms", request_body = NewRoom, security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$",
        description = "Makes a repeat harmless for 24 h")),
    responses((status = 201, description = "The room", body = Chatroom)))]
pub async fn create_chatroom(
    State(app): State<App>,
    Caller(caller): Caller,
    input: Input<RoomWish>,
) -> Result<Response> {
    let made = chats::make_room(&app, caller, input.body, &input.key).await?;
    let mut response = Json(StatusCode::CREATED, made.answer).into_response();
    if made.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// List rooms
///
/// Newest activity first. The answer carries an `ETag`; with a matching `If-None-Match` it is 304.
#[utoipa::path(get, path = "/chatroom", tag = "chatrooms", params(Page), security(("bearer" = [])),
    responses((status = 200, description = "A page of rooms", body = Chatrooms), (status = 304, description = "Unchanged")))]
pub async fn list_chatrooms(
    State(app): State<App>,
    Caller(caller): Caller,
    known: KnownTags,
    input: Input<Nothing, Page>,
) -> Result<Response> {
    let page = match &input.query.cursor {
        None => first_page(&app, caller, input.query.limit).await?,
        Some(cursor) => read_page(&app, caller, Some(cursor), input.query.limit).await?,
    };
    let mut response = if known.contains(&page.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        json_bytes(StatusCode::OK, page.body)
    };
    if let Ok(etag) = HeaderValue::try_from(page.etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

/// Show a room
#[utoipa::path(get, path = "/chatroom/{id}", tag = "chatrooms", security(("bearer" = [])),
    params(("id" = String, Path, description = "The room")),
    responses((status = 200, description = "The room with its newest messages", body = ChatroomDetail)))]
pub async fn show_chatroom(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    _: Input<Nothing>,
) -> Result<Json<ChatroomDetail>> {
    let id = ChatroomId::from_path(&id);
    let room = app.db.chatroom(id, caller.user_id).await?.ok_or_else(Error::not_found)?;
    let summary = app.db.summary(id, caller.user_id).await?;
    let mut newest = app.db.messages_backward(id, caller.user_id, i64::MAX, i64::from(NEWEST) + 1).await?;
    let name = super::messages::list_name(id, true);
    let list = List { user: caller.user_id, name: &name };
    let next_cursor = cut(&mut newest, NEWEST, |last: &Listed| list.seal(&app, &last.seq.to_be_bytes()));
    let messages = newest.into_iter().rev().map(|listed| listed.message).collect();
    Ok(Json(StatusCode::OK, ChatroomDetail { room, summary, messages, next_cursor }))
}

/// Change a room
#[utoipa::path(patch, path = "/chatroom/{id}", tag = "chatrooms", request_body = RoomChange, security(("bearer" = [])),
    params(("id" = String, Path, description = "The room")),
    responses((status = 200, description = "The room as it is now", body = Chatroom)))]
pub async fn update_chatroom(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    input: Input<ChatroomChange>,
) -> Result<Json<Chatroom>> {
    let room = chats::change_room(&app, caller, ChatroomId::from_path(&id), input.body).await?;
    Ok(Json(StatusCode::OK, room))
}

/// Delete a room
///
/// All its messages go with it; a reply being written goes nowhere.
#[utoipa::path(delete, path = "/chatroom/{id}", tag = "chatrooms", security(("bearer" = [])),
    params(("id" = String, Path, description = "The room")),
    responses((status = 204, description = "Gone")))]
pub async fn delete_chatroom(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    _: Input<Nothing>,
) -> Result<StatusCode> {
    chats::delete_room(&app, caller, ChatroomId::from_path(&id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn first_page(app: &App, caller: Session, limit: u32) -> Result<cache::Page> {
    let pages = app.cache.room_pages(caller.user_id);
    if let Some(page) = pages.get(caller.user_id, limit) {
        app.metrics.room_list(Source::Process);
        return Ok(page);
    }
    let page = shared_page(app, caller, limit).await?;
    pages.put(limit, page.clone());
    Ok(page)
}

/// The page that another process has read already, or one from the database for all.
async fn shared_page(app: &App, caller: Session, limit: u32) -> Result<cache::Page> {
    let now = app.clock.now();
    let found = match app.cache.shared_rooms() {
        Some(shared) => {
            shared.find((caller.user_id, caller.rooms_epoch), limit, now).await.map(|found| (shared, found))
        }
        None => None,
    };
    if let Some((_, (_, Some(page)))) = found {
        app.metrics.room_list(Source::Shared);
        return Ok(page);
    }
    app.metrics.room_list(Source::Database);
    let page = read_page(app, caller, None, limit).await?;
    if let Some((shared, (ticket, _))) = found {
        shared.put(&ticket, limit, &page, now).await;
    }
    Ok(page)
}

async fn read_page(app: &App, caller: Session, cursor: Option<&str>, limit: u32) -> Result<cache::Page> {
    let list = List { user: caller.user_id, name: "chatrooms" };
    let after = cursor.map(|cursor| list.open::<24>(app, cursor)).transpose()?.map(read_place);
    let mut chatrooms = app.db.chatrooms(caller.user_id, after, i64::from(limit) + 1).await?;
    let next_cursor = cut(&mut chatrooms, limit, |last: &Chatroom| list.seal(app, &place_of(last)));
    let body = serde_json::to_vec(&Chatrooms { chatrooms, next_cursor }).map_err(Error::internal)?;
    let digest = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&Sha256::digest(&body)[..16]);
    Ok(cache::Page { body: body.into(), etag: format!("\"{digest}\"") })
}

fn place_of(room: &Chatroom) -> [u8; 24] {
    let mut place = [0; 24];
    place[..8].copy_from_slice(&room.updated_at.as_millis().to_be_bytes());
    place[8..].copy_from_slice(&room.id.bytes());
    place
}

fn read_place(place: [u8; 24]) -> (Timestamp, ChatroomId) {
    let (mut millis, mut id) = ([0; 8], [0; 16]);
    millis.copy_from_slice(&place[..8]);
    id.copy_from_slice(&place[8..]);
    (Timestamp::from_millis(i64::from_be_bytes(millis)), ChatroomId::from_bytes(id))
}

impl Form for RoomWish {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.ignored("description");
        let name = fields.optional(NAME, Name::parse);
        let instructions = fields.nullable(&["instructions"], Instructions::parse);
        let model = fields.nullable(&["model"], model_name);
        Some(Self {
            name: name?,
            instructions: instructions?.flatten().map(|text| text.as_str().to_owned()),
            model: model?.flatten(),
        })
    }
}

impl Form for ChatroomChange {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.ignored("description");
        let name = fields.optional(NAME, Name::parse);
        let instructions = fields.nullable(&["instructions"], Instructions::parse);
        let model = fields.nullable(&["model"], model_name);
        let without_summary = fields.only_null("summary");
        Some(Self { name: name?, instructions: instructions?, model: model?, without_summary: without_summary? })
    }
}

/// Only its length is looked at here; whether the plan offers it is known later.
fn model_name(text: &str) -> Result<String, &'static str> {
    if (1..=100).contains(&text.len()) { Ok(text.to_owned()) } else { Err("model_not_offered") }
}
