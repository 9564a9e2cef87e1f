//! What handlers take: who calls, from where, and with what. The order of checks is the order in which these stand in
//! a handler's list of arguments: caller (token, session, user's limit), then input (media types, parsing, validation).

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};

use super::body::{BODY, Deadline, accepts_json, check_media_type, read_bytes};
use super::form::{Fields, Form, Nothing};
use super::json;
use super::stream::{prefers_stream, token_until};
use crate::app::App;
use crate::domain::locale::Locale;
use crate::domain::time::Timestamp;
use crate::domain::token::{Bearer, TokenFault};
use crate::domain::user::Session;
use crate::error::{Code, Error, Result};
use crate::services::sessions;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER: HeaderName = HeaderName::from_static("prefer");
/// The longest a request may wait for a reply.
const LONGEST_WAIT: Duration = Duration::from_secs(25);

/// A caller whose token is valid, whose session is live, and who is not too fast.
#[derive(Debug)]
pub struct Caller(pub Session);

/// A [`Caller`] about to send a message, which is limited once more.
#[derive(Debug)]
pub struct Sender(pub Session);

/// A caller whose token is ours, whatever became of its session: enough to sign out.
#[derive(Debug)]
pub struct TokenHolder(pub Bearer);

/// The language that a client would like texts in, where we have words in it.
#[derive(Clone, Copy, Debug)]
pub struct Wished(pub Option<Locale>);

/// The entity tags that a client says it has.
#[derive(Debug)]
pub struct KnownTags(Vec<String>);

/// What is asked, read and checked: the body, the query, and two headers that say how.
#[derive(Debug)]
pub struct Input<B, Q = Nothing> {
    /// The body.
    pub body: B,
    /// The query.
    pub query: Q,
    /// Each value of the `Idempotency-Key` header, still to be checked: that comes after the owner.
    pub key: Vec<Vec<u8>>,
    /// How long the client wants to wait for the reply.
    pub wait: Option<Duration>,
    /// When a client would rather have a stream of events, where there is one: until when its token allows it.
    pub stream_until: Option<Timestamp>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let TokenHolder(bearer) = TokenHolder::from_request_parts(parts, app).await?;
        let session = sessions::session_of(app, bearer).await?;
        app.limiter.request(session.user_id).await?;
        Ok(Self(session))
    }
}

impl FromRequestParts<App> for Sender {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Caller(session) = Caller::from_request_parts(parts, app).await?;
        app.limiter.send(session.user_id, app.clock.now()).await?;
        Ok(Self(session))
    }
}

impl KnownTags {
    /// True when the client has this tag already.
    #[must_use]
    pub fn contains(&self, tag: &str) -> bool {
        self.0.iter().any(|known| known == "*" || known == tag)
    }
}

impl FromRequestParts<App> for KnownTags {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let lines = parts.headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
        let tags = lines.flat_map(|line| line.split(',')).map(str::trim);
        // A list is compared weakly: whether a proxy marked the tag as weak does not matter.
        Ok(Self(tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag).to_owned()).collect()))
    }
}

impl FromRequestParts<App> for TokenHolder {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        note_stray_token(parts);
        let token = bearer_token(&parts.headers)?;
        app.tokens.read(token, app.clock.now()).map(Self).map_err(|fault| match fault {
            TokenFault::Invalid => token_invalid(),
            TokenFault::Expired => Error::new(Code::TokenExpired, "This token has expired. Please refresh it."),
        })
    }
}

pub(super) fn bearer_token(headers: &HeaderMap) -> Result<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Err(Error::new(Code::AuthenticationRequired, "Send a bearer token in the Authorization header."));
    };
    if values.next().is_some() {
        return Err(token_invalid());
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(token_invalid)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token) } else { Err(token_invalid()) }
}

/// A token in a query ends up in logs and histories, one in a cookie is sent by foreign pages: neither is looked at.
fn note_stray_token(parts: &Parts) {
    let has_token = |text: &str| text.to_ascii_lowercase().contains("token=");
    let cookies = parts.headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let place = match () {
        () if parts.uri.query().is_some_and(has_token) => "query",
        () if cookies.into_iter().any(has_token) => "cookie",
        () => return,
    };
    tracing::warn!(event = "stray_token", place, "A token came where none is taken; it was ignored.");
}

fn token_invalid() -> Error {
    Error::new(Code::TokenInvalid, "This token is not valid here.")
}

impl FromRequestParts<App> for Wished {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let wishes = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Ok(Self(wishes.and_then(Locale::from_wishes)))
    }
}

impl<B: Form + Send, Q: Form + Send> FromRequest<App> for Input<B, Q> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (parts, body) = request.into_parts();
        let wants_stream = B::MAY_STREAM && prefers_stream(&parts.headers);
        if !accepts_json(&parts.headers) && !wants_stream {
            return Err(Error::new(Code::NotAcceptable, "Answers here are application/json."));
        }
        let body = read_form::<B>(app, &parts, body).await?;
        let query = Fields::read_query(app, parts.uri.query().unwrap_or_default())?;
        let key = parts.headers.get_all(IDEMPOTENCY_KEY).iter().map(|value| value.as_bytes().to_vec()).collect();
        let stream_until = if wants_stream { Some(token_until(&parts.headers, app)?) } else { None };
        Ok(Self { body, query, key, wait: wanted_wait(&parts.headers), stream_until })
    }
}

async fn read_form<B: Form>(app: &App, parts: &Parts, body: Body) -> Result<B> {
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Fields::read_body(app, serde_json::json!({}));
    }
    if B::MAY_BE_ABSENT && axum::body::HttpBody::is_end_stream(&body) {
        return Fields::read_body(app, serde_json::json!({}));
    }
    check_media_type(&parts.headers)?;
    let bytes = read_bytes(&parts.headers, body, Deadline::within(&parts.extensions), BODY).await?;
    if B::MAY_BE_ABSENT && bytes.is_empty() {
        return Fields::read_body(app, serde_json::json!({}));
    }
    Fields::read_body(app, json::read(&bytes)?)
}

/// `Prefer: wait=N` of RFC 7240, clamped; what can't be read is as if absent.
fn wanted_wait(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(PREFER).iter().filter_map(|line| line.to_str().ok());
    let wait = lines.flat_map(|line| line.split([',', ';'])).find_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        let seconds = value.trim().trim_matches('"').parse::<u64>().ok()?;
        name.trim().eq_ignore_ascii_case("wait").then_some(seconds)
    })?;
    Some(Duration::from_secs(wait).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn a_wish_to_wait_is_clamped() {
        let wait = |text: &str| wanted_wait(&headers(PREFER, text)).map(|wait| wait.as_secs());
        assert_eq!(wait("wait=10"), Some(10));
        assert_eq!(wait("respond-async, wait=100"), Some(25));
        assert_eq!(wait("wait=\"3\""), Some(3));
        for odd in ["wait", "wait=", "wait=-1", "wait=1.5", "return=minimal"] {
            assert_eq!(wait(odd), None, "{odd}");
        }
    }
}
