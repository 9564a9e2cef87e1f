//! Twilio's Verify behind the [`OtpSender`] trait, with codes of our own (`CustomCode`): so guesses are counted and
//! compared here, before anything else and in the same transaction as every other code's, no call is made when a code
//! is checked, and a code is bound to its purpose and challenge, which Verify knows nothing of. Verify adds its approved
//! senders and texts, and its guard against fraud.

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::otp_sender::{OtpMessage, OtpSender, Rejection, RejectionKind, SendOutcome};
use super::sender_twilio::{Call, Twilio, TwilioSettings};
use crate::error::{Error, Result};

/// Texts by Twilio's Verify.
#[derive(Debug)]
pub struct TwilioVerifySender {
    twilio: Twilio,
    service_sid: String,
}

impl TwilioVerifySender {
    /// Prepares the client for a service (`VA...`); nothing is called yet.
    pub fn new(settings: TwilioSettings, service_sid: &str) -> Result<Self> {
        if service_sid.is_empty() || !service_sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::internal("the service of Twilio Verify can't be written into an address"));
        }
        Ok(Self { twilio: Twilio::new(settings)?, service_sid: service_sid.to_owned() })
    }

    fn path(&self) -> String {
        format!("/v2/Services/{}/Verifications", self.service_sid)
    }

    /// Closes a verification. While one is open, Verify sends its old code again instead of the new one.
    async fn close(&self, sid: &str) -> Result<(), SendOutcome> {
        let call = Call::new(format!("{}/{sid}", self.path())).with("Status", "canceled");
        match self.twilio.post(&call).await {
            // It is over already.
            Ok(_) | Err(SendOutcome::Rejected(Rejection { kind: RejectionKind::NotFound, .. })) => Ok(()),
            Err(SendOutcome::Unknown(_)) => Err(SendOutcome::Rejected(RejectionKind::Away.into())),
            Err(outcome) => Err(outcome),
        }
    }

    async fn send(&self, message: &OtpMessage) -> Result<SendOutcome, SendOutcome> {
        if let Some(sid) = message.previous.as_deref().filter(|sid| is_verification(sid)) {
            self.close(sid).await?;
        }
        let call = Call::new(self.path())
            .with("To", message.to.as_str())
            .with("Channel", "sms")
            .with("CustomCode", message.code.as_str())
            .with("Locale", message.locale);
        let taken = self.twilio.post(&call).await?;
        let sid = taken.sid();
        let sends = taken.0.get("send_code_attempts").and_then(Value::as_array).map_or(1, Vec::len);
        if let Some(sid) = sid.as_deref().filter(|_| sends > 1) {
            // One that we had lost sight of was open, so its code went out: the next try is a fresh one.
            self.close(sid).await?;
            return Err(SendOutcome::Rejected(RejectionKind::Stale.into()));
        }
        Ok(SendOutcome::Accepted(sid))
    }
}

impl OtpSender for TwilioVerifySender {
    fn send<'a>(&'a self, message: &'a OtpMessage) -> BoxFuture<'a, SendOutcome> {
        Box::pin(async move { self.send(message).await.unwrap_or_else(|outcome| outcome) })
    }

    fn repeats_safely(&self) -> bool {
        false
    }
}

fn is_verification(sid: &str) -> bool {
    sid.starts_with("VE") && sid.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
