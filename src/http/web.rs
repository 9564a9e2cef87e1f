//! The front door for people: the chat page, and the modules and styles it is made of. Programs that ask for JSON get a
//! few members that say what this is and where to go.

use std::sync::LazyLock;

use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, VARY};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::assets::{Asset, CSS, JAVASCRIPT, Page, linked};
use crate::error::Error;

/// What our own pages may load: files of this server, and no script that came with text.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'";

/// Every header our own pages carry beyond those of all answers.
pub const PAGE_HEADERS: [(HeaderName, &str); 3] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
];

/// The address, the media type and the text of each module of the chat page.
macro_rules! modules {
    ($($name:literal)+) => {
        [$((concat!("/assets/", $name, ".js"), JAVASCRIPT, include_str!(concat!("../../web/app/", $name, ".js")))),+]
    };
}

/// The modules of the chat page, each behind those it imports.
const MODULES: [(&str, &str, &str); 41] = modules! {
    "copy" "dom" "keep" "http" "tokens" "backoff" "connection" "api" "words" "me" "rooms" "sse" "stream" "colours"
    "markdown" "render" "live_text" "message" "versions" "exchange" "log" "scroll" "outbox" "further" "room" "dialog"
    "room_menu" "room_list" "composer" "checkout" "upgrade" "quota" "signin" "drawer" "times" "account_plan"
    "account_devices" "account_password" "account_data" "account" "app"
};

const STYLES: [(&str, &str, &str); 4] = [
    ("/assets/style.css", CSS, include_str!("../../web/style.css")),
    ("/assets/app.css", CSS, include_str!("../../web/app.css")),
    ("/assets/dialogs.css", CSS, include_str!("../../web/dialogs.css")),
    ("/assets/markdown.css", CSS, include_str!("../../web/markdown.css")),
];

pub(super) static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| linked(&[&STYLES[..], &MODULES[..]].concat()));

static INDEX: LazyLock<Page> =
    LazyLock::new(|| Page::new(include_str!("../../web/index.html"), &ASSETS, &PAGE_HEADERS));

static MISSING: LazyLock<Page> =
    LazyLock::new(|| Page::new(include_str!("../../web/missing.html"), &ASSETS, &PAGE_HEADERS));

/// `/`, and all that our pages load.
pub fn router() -> Router {
    ASSETS.iter().fold(Router::new().route("/", get(show_index)), |router, asset| asset.mount(router))
}

async fn show_index(headers: HeaderMap) -> Response {
    let vary = [(VARY, "Accept")];
    if prefers_json(&headers) {
        (vary, Json(Index::default())).into_response()
    } else {
        (vary, INDEX.answer()).into_response()
    }
}

/// What is answered where nothing is: a page to a person who looks for one, a problem to everybody else.
pub(super) async fn show_missing(method: Method, headers: HeaderMap) -> Response {
    let wishes = wishes(&headers, ACCEPT);
    let is_read = matches!(method, Method::GET | Method::HEAD);
    if is_read && weight(&wishes, "text/html") > weight(&wishes, "application/json") {
        (StatusCode::NOT_FOUND, [(VARY, "Accept")], MISSING.answer()).into_response()
    } else {
        Error::not_found().into_response()
    }
}

/// What a program learns at the front door.
#[derive(Serialize)]
struct Index {
    name: &'static str,
    version: &'static str,
    links: Links,
}

#[derive(Serialize)]
struct Links {
    docs: &'static str,
    redoc: &'static str,
    openapi: &'static str,
    health: &'static str,
    ready: &'static str,
}

impl Default for Index {
    fn default() -> Self {
        let links = Links {
            docs: "/docs",
            redoc: "/redoc",
            openapi: super::docs::DOCUMENT_PATH,
            health: "/health",
            ready: "/ready",
        };
        Self { name: "Pollux", version: env!("CARGO_PKG_VERSION"), links }
    }
}

/// A tie goes to the page: `*/*` and no wish at all are people and simple clients.
fn prefers_json(headers: &HeaderMap) -> bool {
    let wishes = wishes(headers, ACCEPT);
    !wishes.is_empty() && weight(&wishes, "application/json") > weight(&wishes, "text/html")
}

/// What a client asks for in a header, such as media ranges or codings.
pub(super) fn wishes(headers: &HeaderMap, name: HeaderName) -> Vec<&str> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter(|range| !range.trim().is_empty()).collect()
}

/// How much a media type or a coding is wanted, from 0 to 1: its most exact mention decides (RFC 9110, 12.5.1).
pub(super) fn weight(wishes: &[&str], media_type: &str) -> f32 {
    let family = media_type.split_once('/').map_or("", |(family, _)| family);
    let ranges = [media_type.to_owned(), format!("{family}/*"), "*/*".to_owned()];
    ranges.iter().find_map(|range| wishes.iter().find_map(|wish| weight_if(wish, range))).unwrap_or(0.0)
}

fn weight_if(wish: &str, range: &str) -> Option<f32> {
    let mut parts = wish.split(';').map(str::trim);
    let named = parts.next()?;
    let weight = parts
        .find_map(|part| part.strip_prefix(['q', 'Q'])?.strip_prefix('='))
        .map_or(1.0, |q| q.parse().unwrap_or(0.0));
    named.eq_ignore_ascii_case(range).then_some(weight)
}
