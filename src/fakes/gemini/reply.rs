//! Answers by script: an example as it stands in its file, or one that is late, cut, stalled, endless or elsewhere.

use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::error::{Error, Result};

/// One answer: what is sent, and how badly.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
    first_after: Duration,
    piece: usize,
    pause: Duration,
    end: End,
}

/// What happens after the last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Clean,
    Broken,
    Silent,
    Again,
}

impl Reply {
    /// Any answer.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![(CONTENT_TYPE.to_string(), content_type.to_owned())],
            body: body.into(),
            first_after: Duration::ZERO,
            piece: usize::MAX,
            pause: Duration::ZERO,
            end: End::Clean,
        }
    }

    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=UTF-8", body.to_string())
    }

    /// An error as Gemini writes it.
    #[must_use]
    pub fn error(code: u16, status: &str, message: &str) -> Self {
        Self::json(code, &json!({"error": {"code": code, "message": message, "status": status}}))
    }

    /// The example `name` of the folder `examples`, its status, headers and body exactly as written there.
    pub fn example(examples: impl AsRef<Path>, name: &str) -> Result<Self> {
        let read = |file: &str| std::fs::read(examples.as_ref().join(file)).map_err(Error::internal);
        let exchange: Value = serde_json::from_slice(&read(&format!("{name}.json"))?).map_err(Error::internal)?;
        let response = &exchange["response"];
        let body = match response["bodyFile"].as_str() {
            Some(file) => read(file)?,
            None => response["body"].to_string().into_bytes(),
        };
        let headers = response["headers"].as_object().into_iter().flatten();
        let headers = headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        let status = response["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        let status = status.ok_or_else(|| Error::internal("the example has no status"))?;
        Ok(Self { headers: headers.collect(), ..Self::new(status, "", body) })
    }

    /// Sends the client elsewhere.
    #[must_use]
    pub fn redirect(location: &str) -> Self {
        let mut reply = Self::new(307, "text/html", "");
        reply.headers.push((LOCATION.to_string(), location.to_owned()));
        reply
    }

    /// Text without end.
    #[must_use]
    pub fn endless() -> Self {
        let words = "and so on ".repeat(1_000);
        let event = json!({"candidates": [{"content": {"parts": [{"text": words}], "role": "model"}, "index": 0}]});
        Self::endless_of(format!("data: {event}\r\n\r\n"))
    }

    /// One line of text without end.
    #[must_use]
    pub fn endless_line() -> Self {
        Self::endless_of("data: x".repeat(10_000))
    }

    /// These bytes again and again.
    #[must_use]
    pub fn endless_of(body: impl Into<Bytes>) -> Self {
        Self { end: End::Again, ..Self::new(200, "text/event-stream", body) }
    }

    /// The same with another status.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Ends the body cleanly after `bytes` bytes, as if it were whole.
    #[must_use]
    pub fn cut_at(mut self, bytes: usize) -> Self {
        self.body.truncate(bytes);
        self
    }

    /// Breaks the connection after `bytes` bytes.
    #[must_use]
    pub fn broken_at(self, bytes: usize) -> Self {
        Self { end: End::Broken, ..self.cut_at(bytes) }
    }

    /// Falls silent after `bytes` bytes and keeps the connection open.
    #[must_use]
    pub fn stalled_at(self, bytes: usize) -> Self {
        Self { end: End::Silent, ..self.cut_at(bytes) }
    }

    /// Waits before the first byte of the body; status and headers come at once.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.first_after = wait;
        self
    }

    /// Sends the body in pieces of `bytes` bytes with a pause after each.
    #[must_use]
    pub fn in_pieces(mut self, bytes: usize, pause: Duration) -> Self {
        self.piece = bytes.max(1);
        self.pause = pause;
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The bytes of the body, for those who cut them.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn serve(self) -> Response {
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        let is_plain = self.end == End::Clean && self.first_after.is_zero() && self.piece == usize::MAX;
        let body = if is_plain { Body::from(self.body) } else { self.stream() };
        response.body(body).unwrap_or_else(|_| {
            let mut failed = Response::new(Body::empty());
            *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            failed
        })
    }

    fn stream(self) -> Body {
        let Self { body, first_after, piece, pause, end, .. } = self;
        let pieces: Vec<_> = body.chunks(piece).map(|piece| body.slice_ref(piece)).collect();
        let first = stream::once(async move {
            sleep(first_after).await;
            Ok(Bytes::new())
        });
        let paced = |pieces: Vec<Bytes>| {
            stream::iter(pieces).then(move |piece| async move {
                if !pause.is_zero() {
                    sleep(pause).await;
                }
                Ok::<_, std::io::Error>(piece)
            })
        };
        let last = match end {
            End::Clean => stream::empty().boxed(),
            End::Broken => stream::once(async { Err(std::io::Error::other("broken by script")) }).boxed(),
            End::Silent => stream::pending().boxed(),
            End::Again => stream::iter(std::iter::repeat_with(move || Ok(body.clone()))).boxed(),
        };
        Body::from_stream(first.chain(paced(pieces)).chain(last))
    }
}

/// What stands behind a path that nobody serves: a page, not JSON.
pub(super) fn not_found_page() -> Reply {
    Reply::new(
        404,
        "text/html; charset=UTF-8",
        "<!DOCTYPE html>\n<html lang=en><title>Error 404 (Not Found)!!1</title>\n",
    )
}
