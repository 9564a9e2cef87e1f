//! Twilio's Messages behind the [`OtpSender`] trait. The interface has no idempotency key, so a call is made once and
//! whatever is not answered clearly is unknown.

mod call;
mod fault;
pub mod report;

use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::SecretString;

pub(super) use self::call::{Call, Twilio};
use super::otp_sender::{OtpMessage, OtpSender, RejectionKind, SendOutcome};
use crate::error::Result;

/// The longest a message may wait at Twilio, by its own rule.
const LONGEST_VALIDITY: u64 = 36_000;

/// How Twilio is reached, and how patient we are with it.
#[derive(Clone, Debug)]
pub struct TwilioSettings {
    /// Where it is, so that a stand-in can take its place; without a trailing slash.
    pub base_url: String,
    /// The account (`AC...`).
    pub account_sid: String,
    /// Who asks: the account again, or an API key (`SK...`).
    pub user: String,
    /// The account's token, or the key's secret; it travels in a header and is shown nowhere.
    pub password: SecretString,
    /// The longest wait for a connection.
    pub connect: Duration,
    /// The longest wait for an answer.
    pub total: Duration,
    /// How long nothing is asked after the credentials were refused.
    pub pause: Duration,
}

impl TwilioSettings {
    /// The settings of the real service, for the account's own token.
    #[must_use]
    pub fn new(account_sid: &str, auth_token: SecretString) -> Self {
        Self {
            base_url: "https://api.twilio.com".to_owned(),
            account_sid: account_sid.to_owned(),
            user: account_sid.to_owned(),
            password: auth_token,
            connect: Duration::from_secs(3),
            total: Duration::from_secs(10),
            pause: Duration::from_secs(30),
        }
    }
}

/// Whose name texts go out under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TwilioOrigin {
    /// A pool of senders (`MG...`).
    Service(String),
    /// One number, short code or name.
    From(String),
}

/// Texts by Twilio's Messages.
#[derive(Debug)]
pub struct TwilioSender {
    twilio: Twilio,
    origin: TwilioOrigin,
    reports_to: Option<String>,
}

impl TwilioSender {
    /// Prepares the client; nothing is called yet. Reports of delivery go to `reports_to`, where there is one, with the
    /// message's id as `ref`.
    pub fn new(settings: TwilioSettings, origin: TwilioOrigin, reports_to: Option<String>) -> Result<Self> {
        Ok(Self { twilio: Twilio::new(settings)?, origin, reports_to })
    }

    fn call(&self, message: &OtpMessage) -> Call {
        let path = format!("/2010-04-01/Accounts/{}/Messages.json", self.twilio.account_sid());
        let (sender, value) = match &self.origin {
            TwilioOrigin::Service(sid) => ("MessagingServiceSid", sid),
            TwilioOrigin::From(from) => ("From", from),
        };
        let call = Call::new(path)
            .with("To", message.to.as_str())
            .with(sender, value)
            .with("Body", &message.text.0)
            .with("ValidityPeriod", &message.expires_in.as_secs().clamp(1, LONGEST_VALIDITY).to_string());
        match &self.reports_to {
            Some(url) => call.with("StatusCallback", &format!("{url}?ref={}", message.id)),
            None => call,
        }
    }
}

impl OtpSender for TwilioSender {
    fn send<'a>(&'a self, message: &'a OtpMessage) -> BoxFuture<'a, SendOutcome> {
        Box::pin(async move {
            if message.expires_in.is_zero() {
                return SendOutcome::Rejected(RejectionKind::Refused.into());
            }
            match self.twilio.post(&self.call(message)).await {
                Ok(taken) => SendOutcome::Accepted(taken.sid()),
                Err(outcome) => outcome,
            }
        })
    }

    fn repeats_safely(&self) -> bool {
        false
    }
}
