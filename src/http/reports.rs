//! Reports of delivery, by those who carry our texts: signed, and heard as often and in whatever order they come.

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Request, StatusCode};

use super::body::{BODY, Deadline, read_bytes};
use crate::app::App;
use crate::error::Result;
use crate::services::texts::{self, Report};

const SIGNATURE: &str = "x-twilio-signature";

/// Takes a report of Twilio's. It is for a machine that we named the address to, so it stands in no description.
pub async fn take_report(State(app): State<App>, request: Request<Body>) -> Result<StatusCode> {
    let (parts, body) = request.into_parts();
    let bytes = read_bytes(&parts.headers, body, Deadline::within(&parts.extensions), BODY).await?;
    let form = fields(&bytes);
    let report = Report { query: parts.uri.query().unwrap_or_default(), form: &form, signature: signature(&parts) };
    texts::take_report(&app, &report).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One signature; several are none.
fn signature(parts: &Parts) -> &str {
    let mut values = parts.headers.get_all(SIGNATURE).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().unwrap_or_default(),
        _ => "",
    }
}

/// The fields of an encoded form; what is none gives fields that no signature fits.
fn fields(bytes: &[u8]) -> Vec<(String, String)> {
    let Ok(mut url) = reqwest::Url::parse("http://form/") else { return Vec::new() };
    url.set_query(std::str::from_utf8(bytes).ok());
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}
