//! The door every request comes through, outside the router: it names the request, takes older clients' spellings of
//! our paths, refuses heads and hosts that are not ours, and finishes every answer alike.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::error::{Pending, render};
use super::transport::inspect_head;
use crate::app::App;
use crate::config::host_name;
use crate::error::{Code, Error, Result};

const HANDLER: Duration = Duration::from_secs(30);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const API_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");
/// What all routes are served under as well.
const PREFIX: &str = "/api/v1";

/// Which hosts are ours, worked out once.
#[derive(Clone, Debug)]
pub struct Hosts(std::sync::Arc<std::collections::BTreeSet<String>>);

impl Hosts {
    /// The hosts of the settings.
    #[must_use]
    pub fn of(app: &App) -> Self {
        Self(std::sync::Arc::new(app.config.listen.allowed_hosts()))
    }
}

/// Takes a request through and finishes its answer.
pub async fn pass(State((app, hosts)): State<(App, Hosts)>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let request_id = format!("req_{:024x}", rand::random::<u128>() >> 32);
    let method = request.method().clone();
    let admitted =
        inspect_head(&request).and_then(|()| spell(&mut request)).and_then(|()| check_host(&hosts, &request));
    let response = match admitted {
        Ok(()) => handle(request, next).await,
        Err(error) => error.into_response(),
    };
    let response = finish(&app, response, &request_id);
    note(&app, &method, &response, &request_id, began);
    response
}

/// Runs the handler. One that may change something runs to its end even when its client goes, so that what follows a
/// commit (wake-ups, dropped caches) is not lost.
async fn handle(request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let run = AssertUnwindSafe(next.run(request)).catch_unwind();
    let ended = if is_safe {
        tokio::time::timeout(HANDLER, run).await
    } else {
        let detached = tokio::spawn(tokio::time::timeout(HANDLER, run));
        detached.await.unwrap_or_else(|error| Ok(Err(Box::new(error))))
    };
    match ended {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Error::internal("a handler panicked").into_response(),
        Err(_) => Error::unavailable("a handler took longer than 30 s").into_response(),
    }
}

/// Takes `/api/v1` off the front and one slash off the end, so that one route serves every spelling.
fn spell(request: &mut Request) -> Result<()> {
    let path = request.uri().path();
    let bare = path.strip_prefix(PREFIX).filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(path);
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    let bare = if bare.is_empty() { "/" } else { bare };
    if bare.len() == path.len() {
        return Ok(());
    }
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

fn check_host(hosts: &Hosts, request: &Request) -> Result<()> {
    if matches!(request.uri().path(), "/health" | "/ready") {
        return Ok(());
    }
    let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    let Some(host) = host.or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str)) else {
        return Err(Error::new(Code::MalformedRequest, "A request must name its host."));
    };
    if host_name(host).is_some_and(|name| hosts.0.contains(&name)) {
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

fn note(app: &App, method: &Method, response: &Response, request_id: &str, began: Instant) {
    let (status, seconds): (StatusCode, f64) = (response.status(), began.elapsed().as_secs_f64());
    app.metrics.answered(status.as_u16(), seconds);
    tracing::debug!(request = request_id, %method, status = status.as_u16(), seconds, "A request was answered.");
}
