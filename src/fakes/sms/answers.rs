//! Answers: JSON as the original writes it, its errors word for word, and faults on demand.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

/// An answer, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers, beyond those the connection needs.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    is_lost: bool,
}

impl Reply {
    /// Any answer at all.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), is_lost: false }
    }

    /// An answer in JSON.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, body.to_string()).header("content-type", "application/json;charset=utf-8")
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The connection breaks before the answer is there, whatever was done.
    #[must_use]
    pub fn lost(self) -> Self {
        Self { is_lost: true, ..self }
    }

    pub(super) fn error(status: u16, code: u32, message: &str) -> Self {
        let more_info = format!("https://www.twilio.com/docs/errors/{code}");
        let reply =
            Self::json(status, &json!({"code": code, "message": message, "more_info": more_info, "status": status}));
        if status == 401 { reply.header("www-authenticate", "Basic realm=\"Twilio API\"") } else { reply }
    }

    pub(super) fn serve(self) -> Response {
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        let broken = || stream::once(async { Err::<Bytes, _>(std::io::Error::other("broken by script")) });
        let body = if self.is_lost { Body::from_stream(broken()) } else { Body::from(self.body) };
        response.body(body).unwrap_or_else(|_| {
            let mut failed = Response::new(Body::empty());
            *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            failed
        })
    }
}
