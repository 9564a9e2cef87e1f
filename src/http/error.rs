//! Errors on the wire: every code with its status, on one screen, and the problem document of RFC 9457.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::{Code, Error, LimitState};

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json; charset=utf-8");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// Flaws told at most.
const FLAWS: usize = 20;

/// The status and the title of a code.
#[must_use]
pub fn status_and_title(code: Code) -> (StatusCode, &'static str) {
    use StatusCode as S;
    match code {
        Code::MalformedRequest => (S::BAD_REQUEST, "Not a valid HTTP request"),
        Code::InvalidJson => (S::BAD_REQUEST, "The body is not JSON"),
        Code::InvalidCursor => (S::BAD_REQUEST, "The cursor is not valid here"),
        Code::IdempotencyKeyInvalid => (S::BAD_REQUEST, "The Idempotency-Key is not valid"),
        Code::WebhookSignatureInvalid => (S::BAD_REQUEST, "The signature is not valid"),
        Code::WebhookPayloadInvalid => (S::BAD_REQUEST, "The event can't be read"),
        Code::AuthenticationRequired => (S::UNAUTHORIZED, "Please sign in"),
        Code::TokenInvalid => (S::UNAUTHORIZED, "The token is not valid"),
        Code::TokenExpired => (S::UNAUTHORIZED, "The token has expired"),
        Code::SessionEnded => (S::UNAUTHORIZED, "The session has ended"),
        Code::OtpInvalid => (S::UNAUTHORIZED, "The code is not valid"),
        Code::RefreshTokenInvalid => (S::UNAUTHORIZED, "The refresh token is not valid"),
        Code::RefreshTokenReused => (S::UNAUTHORIZED, "The refresh token was used before"),
        Code::CredentialsInvalid => (S::UNAUTHORIZED, "Number or password is wrong"),
        Code::ReauthenticationRequired => (S::FORBIDDEN, "Fresh proof is needed"),
        Code::NotFound => (S::NOT_FOUND, "Not found"),
        Code::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "Method not allowed"),
        Code::NotAcceptable => (S::NOT_ACCEPTABLE, "No acceptable media type"),
        Code::RequestTimeout => (S::REQUEST_TIMEOUT, "The body did not arrive in time"),
        Code::IdempotencyInProgress => (S::CONFLICT, "The first request is still running"),
        Code::ReplyInProgress => (S::CONFLICT, "A reply is being written"),
        Code::ReplyNotFailed => (S::CONFLICT, "The reply did not fail"),
        Code::RoomLimitReached => (S::CONFLICT, "Too many rooms"),
        Code::AlreadySubscribed => (S::CONFLICT, "Already subscribed"),
        Code::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "The body is too large"),
        Code::UriTooLong => (S::URI_TOO_LONG, "The target is too long"),
        Code::UnsupportedMediaType => (S::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type"),
        Code::MisdirectedRequest => (S::MISDIRECTED_REQUEST, "This host is not served here"),
        Code::ValidationFailed => (S::UNPROCESSABLE_ENTITY, "Some members can't be accepted"),
        Code::IdempotencyKeyReused => (S::UNPROCESSABLE_ENTITY, "The Idempotency-Key was used for another request"),
        Code::QuotaExceeded => (S::TOO_MANY_REQUESTS, "Daily message limit reached"),
        Code::RateLimited => (S::TOO_MANY_REQUESTS, "Too many requests"),
        Code::OtpResendTooSoon => (S::TOO_MANY_REQUESTS, "A code was sent just now"),
        Code::OtpSendLimited => (S::TOO_MANY_REQUESTS, "No more codes for now"),
        Code::OtpAttemptsExceeded => (S::TOO_MANY_REQUESTS, "The code has had its guesses"),
        Code::HeadersTooLarge => (S::REQUEST_HEADER_FIELDS_TOO_LARGE, "The head is too large"),
        Code::Internal => (S::INTERNAL_SERVER_ERROR, "Something went wrong"),
        Code::PaymentProviderError => (S::BAD_GATEWAY, "The payment provider failed"),
        Code::BillingNotConfigured => (S::SERVICE_UNAVAILABLE, "Subscriptions are switched off"),
        Code::Unavailable => (S::SERVICE_UNAVAILABLE, "Away for a moment"),
        Code::Overloaded => (S::SERVICE_UNAVAILABLE, "Too busy"),
    }
}

/// An error on its way out; the door renders it, as only the door knows the request's id.
#[derive(Clone)]
pub struct Pending(pub std::sync::Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = status_and_title(self.code()).0.into_response();
        response.extensions_mut().insert(Pending(std::sync::Arc::new(self)));
        response
    }
}

/// The problem document for one request.
pub fn render(error: &Error, request_id: &str, head: &HeaderMap) -> Response {
    let (status, title) = status_and_title(error.code());
    let mut problem = json!({
        "type": format!("/problems/{}", error.code().as_str()),
        "title": title,
        "status": status.as_u16(),
        "code": error.code().as_str(),
        "detail": error.detail(),
        "instance": request_id,
    });
    if !error.flaws().is_empty() {
        let flaws = error.flaws().iter().take(FLAWS);
        problem["errors"] = flaws.map(|flaw| json!({"pointer": flaw.pointer, "code": flaw.code})).collect();
    }
    if let Some(limit) = error.limit() {
        problem["violated-policies"] = json!([limit.policy]);
    }
    let mut response = (status, problem.to_string()).into_response();
    let headers = response.headers_mut();
    if let Some(allow) = head.get(header::ALLOW) {
        headers.insert(header::ALLOW, allow.clone());
    }
    headers.insert(header::CONTENT_TYPE, MEDIA_TYPE);
    add_headers(headers, error, status);
    response
}

fn add_headers(headers: &mut HeaderMap, error: &Error, status: StatusCode) {
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(wait) = error.wait() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds_up(wait).max(1)));
    }
    if let Some(limit) = error.limit() {
        add_limit(headers, &limit);
    }
    let ends_connection =
        [Code::RequestTimeout, Code::BodyTooLarge, Code::HeadersTooLarge, Code::UriTooLong, Code::MalformedRequest];
    if ends_connection.contains(&error.code()) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Whole seconds, rounded up: who comes back then is not early.
fn seconds_up(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

/// Says how a limit stands, in the form of the `RateLimit` header draft.
pub fn add_limit(headers: &mut HeaderMap, limit: &LimitState) {
    let LimitState { policy, quota, window, remaining, resets_in } = limit;
    let seconds = seconds_up(*resets_in);
    let policy_text = format!("\"{policy}\";q={quota};w={}", window.as_secs());
    let state_text = format!("\"{policy}\";r={remaining};t={seconds}");
    for (name, text) in [(RATE_LIMIT_POLICY, policy_text), (RATE_LIMIT, state_text)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}
