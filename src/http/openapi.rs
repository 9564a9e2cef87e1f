//! The OpenAPI document, made from the handlers and completed with what all of them share.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, SchemaType};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Deprecated, OpenApi as Document, Ref, RefOr, Required, ResponseBuilder, ServerBuilder,
};
use utoipa::{OpenApi, PartialSchema as _, ToSchema as _};

use super::aliases::ALIASES;
use super::answer::json_bytes;
use super::constraints;
use super::problems::{Problem, ProblemFlaw};

/// What the document says of itself.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Pollux",
        description = "Sign in with a code sent to a phone, keep rooms, and talk to a model. Every error is a problem \
                       document (RFC 9457) with a stable code.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "auth", description = "Codes and sessions"),
        (name = "user", description = "The caller's account"),
        (name = "chatrooms", description = "Rooms"),
        (name = "messages", description = "Messages and replies"),
        (name = "subscription", description = "The Pro plan"),
        (name = "webhook", description = "What other services tell us"),
        (name = "about", description = "This service")
    )
)]
pub(super) struct Frame;

/// The document as it is served, checked in and printed.
#[must_use]
pub fn document() -> Document {
    let (_, mut document) = super::routes().split_for_parts();
    document.servers = Some(vec![
        ServerBuilder::new().url("/").build(),
        ServerBuilder::new().url("/api/v1").description(Some("The same, for older clients")).build(),
    ]);
    tell_aliases(&mut document);
    let components = document.components.get_or_insert_default();
    components
        .schemas
        .extend([(Problem::name().into(), Problem::schema()), (ProblemFlaw::name().into(), ProblemFlaw::schema())]);
    constraints::tell_messages_from_replies(components);
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    for item in document.paths.paths.values_mut() {
        each_operation(item, complete);
    }
    close_inputs(&mut document);
    document
}

/// The document as pretty JSON with a final newline.
#[must_use]
pub fn text() -> String {
    document().to_pretty_json().unwrap_or_default() + "\n"
}

/// The OpenAPI document
pub async fn show_document() -> Response {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    json_bytes(StatusCode::OK, TEXT.get_or_init(|| text().into()).clone())
}

/// Older names of paths are told in the description alone: as operations they would make every client twice.
fn tell_aliases(document: &mut Document) {
    let mut told = document.info.description.take().unwrap_or_default();
    told += "\n\nClients of five earlier systems go on as they are: these older paths are served by the same operations.\n\n\
             | older path | served as |\n|---|---|";
    for alias in ALIASES {
        let _ = write!(told, "\n| `{}` | `{}` |", alias.older, alias.path);
    }
    document.info.description = Some(told);
}

/// Members of bodies that are taken from older clients and have no effect.
const IGNORED: [(&str, &str); 3] = [("NewRoom", "description"), ("RoomChange", "description"), ("SignUp", "password")];

/// Says of every body that it has no members but those named, which is how bodies are read.
fn close_inputs(document: &mut Document) {
    let bodies = document.paths.paths.values().flat_map(|item| [&item.post, &item.patch, &item.delete]).flatten();
    // What other services send holds more than we read.
    let bodies = bodies.filter(|operation| !is_tagged(operation, "webhook"));
    let names: BTreeSet<String> = bodies.filter_map(body_schema).map(ToOwned::to_owned).collect();
    let Some(components) = &mut document.components else { return };
    for name in names {
        if let Some(RefOr::T(Schema::Object(schema))) = components.schemas.get_mut(&name) {
            constraints::constrain(schema);
            schema.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            for (_, member) in IGNORED.iter().filter(|(of, _)| *of == name) {
                schema.properties.insert((*member).to_owned(), without_effect());
            }
        }
    }
}

/// The name of the schema of an operation's body.
fn body_schema(operation: &Operation) -> Option<&str> {
    let Some(RefOr::T(body)) = &operation.request_body else { return None };
    let Some(RefOr::T(content)) = body.content.values().next() else { return None };
    let Some(RefOr::Ref(reference)) = &content.schema else { return None };
    reference.ref_location.rsplit('/').next()
}

fn without_effect() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .description(Some("Accepted from older clients, and without effect"))
        .deprecated(Some(Deprecated::True))
        .into()
}

/// Calls `change` with each operation, and whether it may come with a body.
fn each_operation(item: &mut PathItem, change: impl Fn(&mut Operation, bool)) {
    let reads = [&mut item.get, &mut item.head].into_iter().flatten().map(|operation| (operation, false));
    let writes = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
    let writes = writes.into_iter().flatten().map(|operation| (operation, true));
    reads.chain(writes).for_each(|(operation, may_have_body)| change(operation, may_have_body));
}

/// Adds the problems that an operation can answer with, by what it takes: they come from the door and the extractors,
/// not from the handlers.
fn complete(operation: &mut Operation, may_have_body: bool) {
    let has_token = operation.security.is_some();
    let has = |is: &dyn Fn(&Parameter) -> bool| {
        operation.parameters.iter().flatten().any(|known| matches!(known, RefOr::T(known) if is(known)))
    };
    let has_path = has(&|parameter| parameter.parameter_in == ParameterIn::Path);
    let has_key = has(&|parameter| parameter.name == "Idempotency-Key");
    let is_one_of = |names: &[&str]| operation.operation_id.as_deref().is_some_and(|id| names.contains(&id));
    let closes = is_one_of(&["close_me"]);
    let checks_proof = is_one_of(&["verify_otp", "refresh_tokens", "log_in", "reset_password"]);
    let needs_proof = closes || is_one_of(&["change_password"]);
    let is_auth = is_tagged(operation, "auth");
    // What is signed is taken as it comes: no media type and no member is asked for.
    let is_about = is_tagged(operation, "about") || is_tagged(operation, "webhook");
    let buys = operation.operation_id.as_deref().is_some_and(|id| id.starts_with("subscribe"));
    let asks_provider =
        closes || is_tagged(operation, "subscription") && operation.operation_id.as_deref() != Some("show_status");
    // Proof may have been given a moment ago, and then there is nothing to send.
    let may_send_nothing = is_one_of(&["close_me"]);
    if let (true, Some(RefOr::T(body))) = (may_send_nothing, &mut operation.request_body) {
        body.required = Some(Required::False);
    }
    let told = [
        (400, true, "The request or its body can't be read"),
        (401, has_token || checks_proof, "No valid token, session, code or password"),
        (403, needs_proof, "Fresh proof is needed"),
        (404, has_path || has_key, "No such thing, or not yours"),
        (406, !is_about, "JSON is not acceptable to the client"),
        (408, may_have_body, "The body did not arrive in time"),
        (409, has_key || buys, "In conflict with the present state"),
        (413, may_have_body, "The body is too large"),
        (414, true, "The target is too long"),
        (415, !is_about, "The body is not JSON in UTF-8"),
        (421, true, "This host is not served here"),
        (422, !is_about, "A member of the body or the query can't be accepted"),
        (429, has_token || is_auth, "A limit or the quota refuses"),
        (431, true, "The head is too large"),
        (500, true, "Our fault"),
        (502, asks_provider, "The payment provider failed"),
        (503, true, "Something we depend on is away"),
    ];
    for (status, applies, description) in told {
        let name = u16::to_string(&status);
        if applies && !operation.responses.responses.contains_key(&name) {
            operation.responses.responses.insert(name, problem(status, description));
        }
    }
}

fn is_tagged(operation: &Operation, tag: &str) -> bool {
    operation.tags.iter().flatten().any(|known| known == tag)
}

fn problem(status: u16, description: &str) -> RefOr<utoipa::openapi::Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let answer = ResponseBuilder::new().description(description).content("application/problem+json", content);
    let headers = constraints::headers_of(status).into_iter();
    headers.fold(answer, |answer, (name, header)| answer.header(name, header)).build().into()
}
