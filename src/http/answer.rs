//! Answers in JSON.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::Error;

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// A body in JSON with its status.
#[derive(Debug)]
pub struct Json<T>(pub StatusCode, pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.1) {
            Ok(body) => json_bytes(self.0, body.into()),
            Err(error) => Error::internal(error).into_response(),
        }
    }
}

/// A body that is JSON already.
#[must_use]
pub fn json_bytes(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, MEDIA_TYPE);
    response
}
