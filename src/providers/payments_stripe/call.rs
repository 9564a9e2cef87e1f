//! One call: a form goes out, JSON comes back; what may help is tried again, always with the same idempotency key.

use std::time::Duration;

use rand::RngExt as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};

use super::fault::{away, from_response};
use super::{API_VERSION, Inner};
use crate::providers::payments::PaymentError;

/// The most that is read of an answer: a hundred subscriptions are about half of it.
const MAX_BODY: usize = 4 * 1024 * 1024;
const MAX_RETRIES: u32 = 2;

/// What is asked.
#[derive(Debug)]
pub(super) struct Call {
    method: Method,
    path: String,
    form: Vec<(&'static str, String)>,
    idempotency_key: Option<String>,
}

/// Why one try came to nothing, and whether another may help.
struct Failure {
    error: PaymentError,
    may_repeat: bool,
}

impl Call {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), form: Vec::new(), idempotency_key: None }
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    /// A change; its key is random unless [`Self::once`] names one.
    pub(super) fn post(path: impl Into<String>) -> Self {
        let key = format!("pollux-{:032x}", rand::rng().random::<u128>());
        Self { method: Method::POST, idempotency_key: Some(key), ..Self::get(path) }
    }

    /// Names the idempotency key, so that the same change asked for again is made once.
    pub(super) fn once(mut self, idempotency_key: String) -> Self {
        self.idempotency_key = Some(idempotency_key);
        self
    }

    /// Adds a parameter; nested ones are written `a[b]`, members of lists `a[0]`.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.form.push((name, value.into()));
        self
    }

    /// Adds a parameter where there is a value.
    pub(super) fn with_some(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    fn request(&self, inner: &Inner) -> Option<RequestBuilder> {
        let base = inner.settings.base_url.trim_end_matches('/');
        let mut url = Url::parse(&format!("{base}{}", self.path)).ok()?;
        if !self.form.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.form);
        }
        if self.method != Method::POST {
            return Some(inner.client.request(self.method.clone(), url));
        }
        let body = url.query().unwrap_or("").to_owned();
        url.set_query(None);
        let request = inner.client.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        Some(request.body(body))
    }
}

/// Makes the call and reads its answer.
pub(super) async fn send<T: DeserializeOwned>(inner: &Inner, call: &Call) -> Result<T, PaymentError> {
    let body = send_with_patience(inner, call).await?;
    serde_json::from_slice(&body).map_err(|_| away("the answer is not the JSON we know"))
}

async fn send_with_patience(inner: &Inner, call: &Call) -> Result<Vec<u8>, PaymentError> {
    let deadline = Instant::now() + inner.settings.total;
    let mut repeats = 0;
    loop {
        let tried = timeout_at(deadline, send_once(inner, call)).await;
        let failure = match tried.map_err(|_| away("no answer in time"))? {
            Ok(body) => return Ok(body),
            Err(failure) => failure,
        };
        let pause = pause(inner.settings.backoff, repeats).max(failure.error.retry_after.unwrap_or_default());
        if !failure.may_repeat || repeats == MAX_RETRIES || Instant::now() + pause >= deadline {
            return Err(failure.error);
        }
        tracing::debug!(path = call.path, note = failure.error.note, "asking Stripe again");
        sleep(pause).await;
        repeats += 1;
    }
}

/// Doubles with every repeat; between half and the whole of it, so that many callers don't come back at once.
fn pause(backoff: Duration, repeats: u32) -> Duration {
    (backoff * 2_u32.pow(repeats)).mul_f64(rand::rng().random_range(0.5..=1.0))
}

async fn send_once(inner: &Inner, call: &Call) -> Result<Vec<u8>, Failure> {
    let request = call.request(inner).ok_or_else(|| final_failure(away("the address can't be written")))?;
    let mut request = request.header(AUTHORIZATION, inner.bearer.clone()).header("stripe-version", API_VERSION);
    if let Some(key) = &call.idempotency_key {
        request = request.header("idempotency-key", key);
    }
    let response = request.send().await.map_err(|failure| broken(&failure))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let request_id = header(&headers, "request-id").unwrap_or("").to_owned();
    let body = read(response).await;
    tracing::debug!(path = call.path, status = status.as_u16(), request_id, "Stripe answered");
    if status.is_success() {
        return body;
    }
    let retry_after = header(&headers, RETRY_AFTER.as_str()).and_then(|seconds| seconds.parse::<u32>().ok());
    let mut error = from_response(status.as_u16(), &request_id, &body.unwrap_or_default());
    error.retry_after = retry_after.map(|seconds| Duration::from_secs(seconds.into())).filter(|_| error.is_transient());
    let may_repeat = match header(&headers, "stripe-should-retry") {
        Some("true") => true,
        Some("false") => false,
        _ => matches!(status.as_u16(), 409 | 429 | 500..),
    };
    Err(Failure { error, may_repeat })
}

async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut all = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(|failure| broken(&failure))? {
        if all.len() + bytes.len() > MAX_BODY {
            return Err(final_failure(away("the answer is too long")));
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A broken connection, in our own words: the client's would name the whole address.
fn broken(failure: &reqwest::Error) -> Failure {
    let note = if failure.is_connect() { "no connection" } else { "the connection broke" };
    Failure { error: away(note), may_repeat: true }
}

fn final_failure(error: PaymentError) -> Failure {
    Failure { error, may_repeat: false }
}
