//! The OpenAPI document, made from the handlers and completed with what all of them share.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, RefOr, ResponseBuilder, ServerBuilder};
use utoipa::{OpenApi, PartialSchema as _, ToSchema as _};

use super::answer::json_bytes;
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
    let components = document.components.get_or_insert_default();
    components
        .schemas
        .extend([(Problem::name().into(), Problem::schema()), (ProblemFlaw::name().into(), ProblemFlaw::schema())]);
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    for item in document.paths.paths.values_mut() {
        each_operation(item, complete);
    }
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

fn each_operation(item: &mut PathItem, change: impl Fn(&mut Operation)) {
    let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete, &mut item.head];
    operations.into_iter().flatten().for_each(change);
}

/// Adds the problems that an operation can answer with, by what it takes: they come from the door and the extractors,
/// not from the handlers.
fn complete(operation: &mut Operation) {
    let has_token = operation.security.is_some();
    let has_path = operation
        .parameters
        .iter()
        .flatten()
        .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Path));
    let has_body = operation.request_body.is_some();
    let is_about = operation.tags.iter().flatten().any(|tag| tag == "about");
    let is_auth = operation.tags.iter().flatten().any(|tag| tag == "auth");
    let told = [
        (400, true, "The request or its body can't be read"),
        (401, has_token || is_auth, "No valid token, session or code"),
        (404, has_path, "No such thing, or not yours"),
        (406, !is_about, "JSON is not acceptable to the client"),
        (408, has_body, "The body did not arrive in time"),
        (409, has_body && has_token, "In conflict with the present state"),
        (413, has_body, "The body is too large"),
        (414, true, "The target is too long"),
        (415, !is_about, "The body is not JSON in UTF-8"),
        (421, true, "This host is not served here"),
        (422, !is_about, "A member of the body or the query can't be accepted"),
        (429, has_token || is_auth, "A limit or the quota refuses"),
        (431, true, "The head is too large"),
        (500, true, "Our fault"),
        (503, true, "Something we depend on is away"),
    ];
    for (status, applies, description) in told {
        let status = u16::to_string(&status);
        if applies && !operation.responses.responses.contains_key(&status) {
            operation.responses.responses.insert(status, problem(description));
        }
    }
}

fn problem(description: &str) -> RefOr<utoipa::openapi::Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build().into()
}
