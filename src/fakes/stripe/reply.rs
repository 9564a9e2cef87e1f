//! Answers: JSON with the headers of the original, its errors word for word, and faults on demand.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use crate::providers::payments_stripe::API_VERSION;

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
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into(), is_lost: false }
    }

    /// An answer in JSON, pretty as the original writes it.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        let text = serde_json::to_string_pretty(body).unwrap_or_default();
        Self::new(status, "application/json", text).header("stripe-version", API_VERSION)
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

    pub(super) fn error(status: u16, kind: &str, code: &str, param: &str, message: &str) -> Self {
        let mut error = json!({"type": kind, "message": message});
        if status != 401 {
            error["request_log_url"] = "https://dashboard.stripe.com/acct_1TExample/test/logs/req_TExample".into();
        }
        if !code.is_empty() {
            error["code"] = code.into();
            error["doc_url"] = format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")).into();
        }
        if !param.is_empty() {
            error["param"] = param.into();
        }
        Self::json(status, &json!({"error": error}))
    }

    pub(super) fn invalid(code: &str, param: &str, message: &str) -> Self {
        Self::error(400, "invalid_request_error", code, param, message)
    }

    /// Nothing of that id: in the path it is a 404, in a parameter a 400.
    pub(super) fn no_such(status: u16, what: &str, param: &str, id: &str) -> Self {
        Self::error(status, "invalid_request_error", "resource_missing", param, &format!("No such {what}: '{id}'"))
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
