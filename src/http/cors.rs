//! Pages of other sites: none may call, unless the operator lists their origins; those are compared exactly.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Accept, Idempotency-Key, Prefer, If-None-Match, Last-Event-ID",
);
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static(
    "ETag, Idempotency-Replayed, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id",
);
/// Seconds a browser may remember what a preflight said.
const REMEMBERED: HeaderValue = HeaderValue::from_static("600");

/// What one request and its answer have to do with other sites.
#[derive(Debug)]
pub struct Cors {
    is_open: bool,
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl Cors {
    /// Looks at a request.
    #[must_use]
    pub fn of(app: &App, method: &Method, headers: &HeaderMap) -> Self {
        let listed = &app.config.listen.cors_origins;
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let origin = origins.next().filter(|_| origins.next().is_none());
        let is_preflight = method == Method::OPTIONS
            && origin.is_some()
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let known = origin.filter(|origin| listed.iter().any(|known| known.as_bytes() == origin.as_bytes()));
        Self { is_open: !listed.is_empty(), origin: known.cloned(), is_preflight }
    }

    /// The answer to a browser's question before its request, where any origin may call at all.
    #[must_use]
    pub fn preflight(&self) -> Option<Response> {
        if !(self.is_open && self.is_preflight) {
            return None;
        }
        let mut response = StatusCode::NO_CONTENT.into_response();
        if self.origin.is_some() {
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED);
        }
        Some(response)
    }

    /// Lets a listed origin read the answer.
    pub fn mark(self, headers: &mut HeaderMap) {
        if !self.is_open {
            return;
        }
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
        }
    }
}
