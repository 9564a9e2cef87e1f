//! The operator's own sender behind the [`OtpSender`] trait: a signed call, whose id makes repeats harmless.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use super::otp_sender::{OtpMessage, OtpSender, RejectionKind, SendOutcome};
use super::outbound;
use super::standard_webhooks::SigningSecrets;
use crate::domain::time::Clock;
use crate::error::{Error, Result};

/// The most that is read of an answer, and the longest name of a message that is kept.
const MAX_BODY: usize = 16 * 1024;
const MAX_ID: usize = 128;

/// How the operator's sender is reached, and how patient we are with it.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Where to post; the address may hold a token.
    pub url: SecretString,
    /// What the posts are signed with: `whsec_...`, or two with a space between while one is being changed.
    pub secret: SecretString,
    /// The longest wait for an answer.
    pub total: Duration,
    /// The pauses before the repeats.
    pub pauses: [Duration; 3],
}

impl WebhookSettings {
    /// The settings of a receiver at that address.
    #[must_use]
    pub fn new(url: SecretString, secret: SecretString) -> Self {
        let pauses = [1, 3, 9].map(Duration::from_secs);
        Self { url, secret, total: Duration::from_secs(15), pauses }
    }
}

/// Texts by the operator's own sender.
pub struct WebhookSender {
    settings: WebhookSettings,
    url: Url,
    secrets: SigningSecrets,
    client: reqwest::Client,
    clock: Clock,
    /// Set for good when the receiver says it is gone.
    is_stopped: AtomicBool,
}

/// What one try came to.
enum Try {
    Over(SendOutcome),
    Again(SendOutcome),
}

impl WebhookSender {
    /// Prepares the client; nothing is called yet.
    pub fn new(settings: WebhookSettings, clock: Clock) -> Result<Self> {
        let url = Url::parse(settings.url.expose_secret()).map_err(|_| Error::internal("no address to post to"))?;
        let secrets = SigningSecrets::parse(&settings.secret)
            .ok_or_else(|| Error::internal("the secret of the webhook is not whsec_ and 24 to 64 bytes in base64"))?;
        let client = outbound::client(Duration::from_secs(5))?;
        Ok(Self { settings, url, secrets, client, clock, is_stopped: AtomicBool::new(false) })
    }

    async fn send(&self, message: &OtpMessage) -> SendOutcome {
        if self.is_stopped.load(Ordering::Relaxed) {
            return SendOutcome::Rejected(RejectionKind::Stopped.into());
        }
        let body = self.body(message);
        let end = Instant::now() + message.expires_in;
        let mut pauses = self.settings.pauses.into_iter();
        let mut may_be_sent = None;
        loop {
            let outcome = match self.attempt(message, &body, end).await {
                Try::Over(outcome) => return outcome,
                Try::Again(outcome) => outcome,
            };
            if matches!(outcome, SendOutcome::Unknown(_)) {
                may_be_sent = Some(outcome.clone());
            }
            match pauses.next().filter(|pause| Instant::now() + *pause < end) {
                Some(pause) => sleep(pause).await,
                // One try that may have arrived outweighs a last one that did not.
                None => return may_be_sent.unwrap_or(outcome),
            }
        }
    }

    async fn attempt(&self, message: &OtpMessage, body: &str, end: Instant) -> Try {
        let by = end.min(Instant::now() + self.settings.total);
        timeout_at(by, self.post(message, body)).await.unwrap_or(Try::Again(SendOutcome::Unknown("no answer in time")))
    }

    async fn post(&self, message: &OtpMessage, body: &str) -> Try {
        // Signed anew at each try, as the receiver checks the time.
        let signed = self.secrets.sign(&message.id, self.clock.now(), body.as_bytes());
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let request = request.header("webhook-id", signed.id).header("webhook-timestamp", signed.timestamp);
        let request = request.header("webhook-signature", signed.signature).body(body.to_owned());
        let response = match request.send().await {
            Ok(response) => response,
            Err(failure) if failure.is_connect() => {
                return Try::Again(SendOutcome::Rejected(RejectionKind::Away.into()));
            }
            Err(_) => return Try::Again(SendOutcome::Unknown("the connection broke")),
        };
        self.judge(response).await
    }

    async fn judge(&self, response: Response) -> Try {
        let rejected = |kind: RejectionKind| SendOutcome::Rejected(kind.into());
        match response.status().as_u16() {
            200..=299 => Try::Over(SendOutcome::Accepted(name(response).await)),
            410 => {
                self.is_stopped.store(true, Ordering::Relaxed);
                Try::Over(rejected(RejectionKind::Stopped))
            }
            429 => Try::Again(rejected(RejectionKind::Busy)),
            408 | 500.. => Try::Again(SendOutcome::Unknown("a fault of the receiver")),
            401 | 403 => Try::Over(rejected(RejectionKind::Credentials)),
            404 => Try::Over(rejected(RejectionKind::NotFound)),
            _ => Try::Over(rejected(RejectionKind::Refused)),
        }
    }

    fn body(&self, message: &OtpMessage) -> String {
        let variables: Map<String, Value> =
            message.variables.0.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        json!({
            "type": "otp.send",
            "timestamp": self.clock.now(),
            "data": {
                "to": message.to.as_str(),
                "text": message.text.0,
                "purpose": message.purpose.as_str(),
                "locale": message.locale,
                "expires_in_s": message.expires_in.as_secs(),
                "template": message.template,
                "variables": variables,
            },
        })
        .to_string()
    }
}

/// What the receiver calls the message, where it says so.
async fn name(mut response: Response) -> Option<String> {
    let mut all = Vec::new();
    while let Some(bytes) = response.chunk().await.ok()? {
        if all.len() + bytes.len() > MAX_BODY {
            return None;
        }
        all.extend_from_slice(&bytes);
    }
    let json: Value = serde_json::from_slice(&all).ok()?;
    let id = json.get("id")?.as_str()?;
    ((1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())).then(|| id.to_owned())
}

impl OtpSender for WebhookSender {
    fn send<'a>(&'a self, message: &'a OtpMessage) -> BoxFuture<'a, SendOutcome> {
        Box::pin(self.send(message))
    }

    fn repeats_safely(&self) -> bool {
        true
    }
}

impl fmt::Debug for WebhookSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSender").finish_non_exhaustive()
    }
}
