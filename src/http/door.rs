//! The door every request comes through, outside the router: it names the request, takes older clients' spellings of
//! our paths, refuses heads and hosts that are not ours, and finishes every answer alike.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::aliases;
use super::body::{Deadline, Patience};
use super::cors::Cors;
use super::error::{Pending, render};
use super::transport::inspect_head;
use crate::app::App;
use crate::config::host_name;
use crate::error::{Code, Error, Result};
use crate::live::metrics::Template;
use crate::live::trace;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const API_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");
/// How much longer than its body a handler may take.
const AFTER_BODY: Duration = Duration::from_millis(100);
/// What all routes are served under as well.
const PREFIX: &str = "/api/v1";

/// What the door goes by, worked out once.
#[derive(Clone)]
pub struct Door {
    app: App,
    hosts: Arc<BTreeSet<String>>,
    patience: Patience,
}

impl Door {
    /// A door for the hosts of the settings.
    #[must_use]
    pub fn of(app: &App) -> Self {
        Self { app: app.clone(), hosts: Arc::new(app.config.listen.allowed_hosts()), patience: Patience::default() }
    }

    /// The same door with other patience: nobody wants to test the promised one.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }
}

/// Takes a request through and finishes its answer.
pub async fn pass(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let request_id = format!("req_{:024x}", rand::random::<u128>() >> 32);
    let method = request.method().clone();
    let template = Template::default();
    request.extensions_mut().insert(template.clone());
    let parent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    let span = trace::request(method.as_str(), parent);
    let cors = Cors::of(&door.app, &method, request.headers());
    let response = match (admit(&door, &mut request), cors.preflight()) {
        (Err(error), _) => error.into_response(),
        (Ok(()), Some(response)) => response,
        (Ok(()), None) => handle(request, (next, span.clone()), Deadline::of(began, door.patience)).await,
    };
    let mut response = finish(&door.app, response, &request_id);
    cors.mark(response.headers_mut());
    let (status, seconds) = (response.status().as_u16(), began.elapsed().as_secs_f64());
    door.app.metrics.answered(&template, method.as_str(), (status, seconds));
    span.answered(method.as_str(), door.app.metrics.route_of(&template), status);
    tracing::debug!(request = request_id, %method, status, seconds, "A request was answered.");
    response
}

/// The checks that come before any route.
fn admit(door: &Door, request: &mut Request) -> Result<()> {
    inspect_head(request)?;
    spell(request)?;
    check_host(&door.hosts, request)?;
    check_path(request.uri().path())
}

/// Runs the handler. One that may change something runs to its end even when its client goes or its time is over, so
/// that what follows a commit (wake-ups, dropped caches) is not lost.
async fn handle(mut request: Request, (next, span): (Next, trace::Span), deadline: Deadline) -> Response {
    request.extensions_mut().insert(deadline);
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let run = AssertUnwindSafe(trace::within(span, next.run(request))).catch_unwind();
    let ended = if is_safe {
        tokio::time::timeout_at(deadline.end, run).await
    } else {
        // A body that is late at the same moment is to be told so by its reader.
        let detached = tokio::time::timeout_at(deadline.end + AFTER_BODY, tokio::spawn(run)).await;
        detached.map(|ended| ended.unwrap_or_else(|error| Err(Box::new(error))))
    };
    match ended {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Error::internal("a handler panicked").into_response(),
        Err(_) => Error::unavailable("a handler took too long").into_response(),
    }
}

/// Takes `/api/v1` off the front and one slash off the end, and an older name for ours, so that one route serves every
/// spelling.
fn spell(request: &mut Request) -> Result<()> {
    let path = request.uri().path();
    if path.is_empty() {
        // `CONNECT` names a host and no path; that is no path of ours.
        return Ok(());
    }
    let bare = path.strip_prefix(PREFIX).filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(path);
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    let bare = if bare.is_empty() { "/" } else { bare };
    let alias = aliases::canonical(bare);
    if alias.is_none() && bare.len() == path.len() {
        return Ok(());
    }
    let bare = alias.as_deref().unwrap_or(bare);
    let target = match request.uri().query() {
        Some(query) => format!("{bare}?{query}"),
        None => bare.to_owned(),
    };
    let target: PathAndQuery =
        target.parse().map_err(|_| Error::new(Code::MalformedRequest, "The target can't be read."))?;
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.path_and_query = Some(target);
    *request.uri_mut() = Uri::from_parts(parts).map_err(Error::internal)?;
    Ok(())
}

/// Dot segments, encoded slashes and bytes that are no text are read in one way here and in another by some proxy on
/// the way; no path of ours has them.
fn check_path(path: &str) -> Result<()> {
    let decoded = decode(path);
    let is_plain = |segment: &str| !matches!(segment, "." | "..") && !segment.contains('\\');
    let slashes = |text: &str| text.bytes().filter(|byte| *byte == b'/').count();
    match std::str::from_utf8(&decoded) {
        Ok(text) if slashes(text) == slashes(path) && text.split('/').all(is_plain) => Ok(()),
        _ => Err(Error::not_found()),
    }
}

/// Percent codes become bytes; that they are whole was seen in the head.
fn decode(path: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        let digits = rest.as_slice().get(..2).filter(|_| byte == b'%').and_then(|pair| std::str::from_utf8(pair).ok());
        match digits.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(value) => {
                decoded.push(value);
                rest.nth(1);
            }
            None => decoded.push(byte),
        }
    }
    decoded
}

fn check_host(hosts: &BTreeSet<String>, request: &Request) -> Result<()> {
    if matches!(request.uri().path(), "/health" | "/ready") {
        return Ok(());
    }
    let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    let Some(host) = host.or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str)) else {
        return Err(Error::new(Code::MalformedRequest, "A request must name its host."));
    };
    if host_name(host).is_some_and(|name| hosts.contains(&name)) {
        return Ok(());
    }
    Err(Error::new(Code::MisdirectedRequest, "This host is not served here."))
}

fn finish(app: &App, response: Response, request_id: &str) -> Response {
    let mut response = match response.extensions().get::<Pending>() {
        Some(Pending(error)) => {
            log_fault(error, request_id);
            render(error, request_id, response.headers())
        }
        None => response,
    };
    let headers = response.headers_mut();
    headers.remove(header::SERVER);
    insert(headers, header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    insert(headers, header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    insert(headers, RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    insert(headers, header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    insert(headers, header::CONTENT_SECURITY_POLICY, API_POLICY);
    insert(headers, header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    if app.config.listen.is_https() {
        insert(headers, header::STRICT_TRANSPORT_SECURITY, TRANSPORT_SECURITY);
    }
    if let Ok(id) = HeaderValue::try_from(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// Pages bring some of these headers themselves.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}

fn log_fault(error: &Error, request_id: &str) {
    if super::error::status_and_title(error.code()).0.is_server_error() {
        tracing::error!(request = request_id, error = %error, source = ?std::error::Error::source(error), "A request failed.");
    }
}
