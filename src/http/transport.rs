//! The first check of every request: is its head one that we may answer at all?

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use axum::middleware::Next;
use axum::response::Response;

use crate::error::{Code, Error, Result};
use crate::serve::{HeadFlaw, has_bad_percent};

const MAX_TARGET_BYTES: usize = 8 * 1024;
const MAX_FIELDS: usize = 100;
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Refuses a request whose head is too large, or could be understood in two ways.
pub async fn check_head(request: Request, next: Next) -> Result<Response> {
    inspect_head(&request)?;
    Ok(next.run(request).await)
}

/// The check alone, for a layer that already looks at each request.
///
/// Most flaws were found in the bytes and come as [`HeadFlaw`]; the rest is looked at again in what the parser made of
/// them, so that the limits hold in front of any other door as well.
pub fn inspect_head<B>(request: &axum::http::Request<B>) -> Result<()> {
    if let Some(&HeadFlaw(code)) = request.extensions().get() {
        return Err(refusal(code));
    }
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    let flaw = match () {
        () if target.len() > MAX_TARGET_BYTES => Some(Code::UriTooLong),
        () if is_large(request.headers()) => Some(Code::HeadersTooLarge),
        () if is_ambiguous(request.headers()) || has_bad_percent(target.as_bytes()) => Some(Code::MalformedRequest),
        () => None,
    };
    flaw.map_or(Ok(()), |code| Err(refusal(code)))
}

fn is_large(fields: &HeaderMap) -> bool {
    const SEPARATORS: usize = 4;
    let bytes: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len() + SEPARATORS).sum();
    fields.len() > MAX_FIELDS || bytes > MAX_HEAD_BYTES
}

fn is_ambiguous(fields: &HeaderMap) -> bool {
    let is_repeated = |name| fields.get_all(name).iter().nth(1).is_some();
    let is_number = |value: &[u8]| !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let length = fields.get(CONTENT_LENGTH);
    let is_chunked = fields.contains_key(TRANSFER_ENCODING);
    is_repeated(HOST)
        || is_repeated(CONTENT_LENGTH)
        || is_repeated(TRANSFER_ENCODING)
        || length.is_some_and(|length| is_chunked || !is_number(length.as_bytes()))
}

fn refusal(code: Code) -> Error {
    let detail = match code {
        Code::UriTooLong => "The target may have 8 KiB at most.",
        Code::HeadersTooLarge => "The head may have 16 KiB and 100 fields at most.",
        _ => "This is not a request that can be understood in one way only.",
    };
    Error::new(code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(build: impl FnOnce(axum::http::request::Builder) -> axum::http::request::Builder) -> Option<Code> {
        let request = build(axum::http::Request::builder()).body(()).unwrap();
        inspect_head(&request).err().map(|error| error.code())
    }

    #[test]
    fn a_plain_request_passes() {
        assert_eq!(code(|it| it.uri("/a?b=%20").header("host", "a").header("content-length", "3")), None);
        assert_eq!(code(|it| it.header("transfer-encoding", "chunked")), None);
    }

    #[test]
    fn a_flaw_found_in_the_bytes_is_the_answer() {
        assert_eq!(code(|it| it.extension(HeadFlaw(Code::UriTooLong))), Some(Code::UriTooLong));
    }

    #[test]
    fn sizes_are_checked_to_the_byte() {
        let target = |length: usize| format!("/{}", "a".repeat(length - 1));
        assert_eq!(code(|it| it.uri(target(MAX_TARGET_BYTES))), None);
        assert_eq!(code(|it| it.uri(target(MAX_TARGET_BYTES + 1))), Some(Code::UriTooLong));
        let fields =
            |count: usize| move |it| (0..count).fold(it, |it: axum::http::request::Builder, _| it.header("x", ""));
        assert_eq!(code(fields(MAX_FIELDS)), None);
        assert_eq!(code(fields(MAX_FIELDS + 1)), Some(Code::HeadersTooLarge));
        assert_eq!(code(|it| it.header("x", "a".repeat(MAX_HEAD_BYTES))), Some(Code::HeadersTooLarge));
    }

    #[test]
    fn framing_that_could_be_read_in_two_ways_is_refused() {
        let malformed = Some(Code::MalformedRequest);
        assert_eq!(code(|it| it.header("content-length", "1").header("content-length", "1")), malformed);
        assert_eq!(code(|it| it.header("content-length", "+1")), malformed);
        assert_eq!(code(|it| it.header("content-length", "1").header("transfer-encoding", "chunked")), malformed);
        assert_eq!(code(|it| it.header("host", "a").header("host", "b")), malformed);
        assert_eq!(code(|it| it.uri("/%4")), malformed);
    }
}
