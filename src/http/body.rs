//! Bodies: whether their media types are ours, and how long and how large they may be.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Extensions, HeaderMap, header};
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use super::web::{weight, wishes};
use crate::error::{Code, Error, Result};

/// The longest JSON body, in bytes.
pub const BODY: usize = 64 * 1024;

/// How long a request may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the next piece of the body.
    pub piece: Duration,
    /// For the body and the answer in all.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { piece: Duration::from_secs(15), whole: Duration::from_secs(30) }
    }
}

/// When a request must be over. Body and handler share the moment, so that a body that is late is told so instead of
/// the handler that waits for it.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// For the next piece of the body.
    pub piece: Duration,
    /// When all must be over.
    pub end: Instant,
}

impl Deadline {
    /// The deadline of a request that began at that moment.
    #[must_use]
    pub fn of(began: Instant, patience: Patience) -> Self {
        Self { piece: patience.piece, end: began + patience.whole }
    }

    /// The deadline that the door has set for a request.
    #[must_use]
    pub fn within(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or_else(|| Self::of(Instant::now(), Patience::default()))
    }
}

/// Refuses what is not JSON in UTF-8.
pub fn check_media_type(headers: &HeaderMap) -> Result<()> {
    let refused =
        || Error::new(Code::UnsupportedMediaType, "Send application/json in UTF-8, without a content coding.");
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (types.next(), types.next()) else { return Err(refused()) };
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(refused());
    }
    let kind = kind.to_str().map_err(|_| refused())?;
    let mut parts = kind.split(';').map(str::trim);
    if !parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Err(refused());
    }
    let is_utf8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    if parts.all(is_utf8) { Ok(()) } else { Err(refused()) }
}

/// The longest body of a webhook, in bytes.
pub const WEBHOOK: usize = 512 * 1024;

/// Reads a body whole, within its deadline and size.
pub async fn read_bytes(headers: &HeaderMap, body: Body, deadline: Deadline, most: usize) -> Result<Bytes> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large(most));
    }
    collect(body, deadline, most).await
}

async fn collect(mut body: Body, deadline: Deadline, most: usize) -> Result<Bytes> {
    let mut all = Vec::new();
    loop {
        let by = deadline.end.min(Instant::now() + deadline.piece);
        let frame = tokio::time::timeout_at(by, body.frame()).await.map_err(|_| too_slow())?;
        let Some(frame) = frame else { return Ok(all.into()) };
        let frame = frame.map_err(|_| Error::new(Code::MalformedRequest, "The body ended before its time."))?;
        let Ok(data) = frame.into_data() else { continue };
        if all.len() + data.len() > most {
            return Err(too_large(most));
        }
        all.extend_from_slice(&data);
    }
}

fn too_large(most: usize) -> Error {
    Error::new(Code::BodyTooLarge, format!("A body here holds at most {} KiB.", most / 1024))
}

fn too_slow() -> Error {
    Error::new(Code::RequestTimeout, "The body did not arrive in time.")
}

/// True when the client takes JSON: it has no wish, or its most exact mention of JSON is not weighted zero.
#[must_use]
pub fn accepts_json(headers: &HeaderMap) -> bool {
    let wishes = wishes(headers, header::ACCEPT);
    wishes.is_empty() || weight(&wishes, "application/json") > 0.0
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn only_json_in_utf8_is_read() {
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert!(check_media_type(&headers(header::CONTENT_TYPE, good)).is_ok(), "{good}");
        }
        for bad in ["text/plain", "application/json; charset=latin1", "application/jsonx", "", "application/xml"] {
            assert!(check_media_type(&headers(header::CONTENT_TYPE, bad)).is_err(), "{bad}");
        }
        assert!(check_media_type(&HeaderMap::new()).is_err());
    }

    #[test]
    fn a_client_that_excludes_json_is_told() {
        for good in ["*/*", "application/json", "text/html, application/*;q=0.1", "APPLICATION/JSON", "", " , "] {
            assert!(accepts_json(&headers(header::ACCEPT, good)), "{good}");
        }
        for bad in ["text/html", "text/event-stream", "application/json;q=0", "image/*", "application/json;Q=0, */*"] {
            assert!(!accepts_json(&headers(header::ACCEPT, bad)), "{bad}");
        }
    }
}
