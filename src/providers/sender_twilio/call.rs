//! One call: a form goes out once, JSON comes back.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Response, Url};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, timeout};

use super::TwilioSettings;
use super::fault;
use crate::error::{Error, Result};
use crate::providers::otp_sender::{Rejection, RejectionKind, SendOutcome};
use crate::providers::outbound;

/// The most that is read of an answer.
const MAX_BODY: usize = 64 * 1024;
/// The longest name of a message that is kept.
const MAX_SID: usize = 64;

/// The client of both of Twilio's ways.
pub struct Twilio {
    settings: TwilioSettings,
    client: reqwest::Client,
    basic: HeaderValue,
    /// Until when nothing is asked, because the credentials were refused.
    refused_until: Mutex<Option<Instant>>,
}

/// What is asked.
#[derive(Debug)]
pub struct Call {
    path: String,
    form: Vec<(&'static str, String)>,
}

/// An answer that says yes.
#[derive(Debug)]
pub struct Taken(pub Value);

impl Call {
    pub fn new(path: String) -> Self {
        Self { path, form: Vec::new() }
    }

    /// Adds a parameter.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.form.push((name, value.to_owned()));
        self
    }
}

impl Taken {
    /// What Twilio calls it; nothing where that is not a name.
    pub fn sid(&self) -> Option<String> {
        let sid = self.0.get("sid")?.as_str()?;
        let is_name = (1..=MAX_SID).contains(&sid.len()) && sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_name.then(|| sid.to_owned())
    }
}

impl Twilio {
    pub fn new(settings: TwilioSettings) -> Result<Self> {
        let base = Url::parse(&settings.base_url).map_err(Error::internal)?;
        let sound_sid = settings.account_sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !matches!(base.scheme(), "http" | "https") || base.query().is_some() || !sound_sid {
            return Err(Error::internal("the address or the account of Twilio can't be written into a request"));
        }
        let pair = format!("{}:{}", settings.user, settings.password.expose_secret());
        let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        let mut basic = HeaderValue::from_str(&basic).map_err(|_| Error::internal("no header"))?;
        basic.set_sensitive(true);
        let client = outbound::client(settings.connect)?;
        Ok(Self { settings, client, basic, refused_until: Mutex::default() })
    }

    pub fn account_sid(&self) -> &str {
        &self.settings.account_sid
    }

    /// Asks once. Every failure is an outcome of sending already.
    pub async fn post(&self, call: &Call) -> Result<Taken, SendOutcome> {
        if self.is_refused() {
            return Err(SendOutcome::Rejected(RejectionKind::Credentials.into()));
        }
        let asked = timeout(self.settings.total, self.ask(call)).await;
        let outcome = asked.unwrap_or(Err(SendOutcome::Unknown("no answer in time")));
        if outcome.as_ref().is_err_and(is_of_credentials) {
            let until = Instant::now() + self.settings.pause;
            *self.refused_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        }
        outcome
    }

    fn is_refused(&self) -> bool {
        let until = *self.refused_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    async fn ask(&self, call: &Call) -> Result<Taken, SendOutcome> {
        let not_written = || SendOutcome::Rejected(RejectionKind::Refused.into());
        let base = self.settings.base_url.trim_end_matches('/');
        let mut url = Url::parse(&format!("{base}{}", call.path)).map_err(|_| not_written())?;
        url.query_pairs_mut().extend_pairs(&call.form);
        let body = url.query().unwrap_or("").to_owned();
        url.set_query(None);
        let request = self.client.post(url).header(AUTHORIZATION, self.basic.clone());
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        let response = request.send().await.map_err(|failure| broken(&failure))?;
        let status = response.status().as_u16();
        let retry_after = retry_after(&response);
        let body = read(response).await;
        if (200..300).contains(&status) {
            // It was taken, even if the rest of the answer got lost.
            return Ok(Taken(serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default()));
        }
        Err(fault::outcome(status, &body.unwrap_or_default(), retry_after))
    }
}

fn is_of_credentials(outcome: &SendOutcome) -> bool {
    matches!(outcome, SendOutcome::Rejected(Rejection { kind: RejectionKind::Credentials, .. }))
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse::<u32>().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

async fn read(mut response: Response) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(bytes) = response.chunk().await.ok()? {
        if all.len() + bytes.len() > MAX_BODY {
            return None;
        }
        all.extend_from_slice(&bytes);
    }
    Some(all)
}

/// Without a connection nothing was sent; with one, everything may have been.
fn broken(failure: &reqwest::Error) -> SendOutcome {
    if failure.is_connect() {
        SendOutcome::Rejected(RejectionKind::Away.into())
    } else {
        SendOutcome::Unknown("the connection broke")
    }
}

impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twilio").field("base_url", &self.settings.base_url).finish_non_exhaustive()
    }
}
