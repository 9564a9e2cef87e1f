//! The carrier that the settings name.

use std::sync::Arc;

use secrecy::SecretString;

use super::otp_sender::OtpSender;
use super::sender_twilio::{TwilioOrigin, TwilioSender, TwilioSettings};
use super::sender_twilio_verify::TwilioVerifySender;
use super::sender_webhook::{WebhookSender, WebhookSettings};
use crate::config::{CodeDelivery, Config, Twilio};
use crate::domain::time::Clock;
use crate::error::{Error, Result};

/// Where Twilio's reports of delivery arrive, below the public address.
pub const REPORTS_PATH: &str = "/webhook/twilio";
const MESSAGES: &str = "https://api.twilio.com";
const VERIFY: &str = "https://verify.twilio.com";

/// Prepares the carrier of the settings; none where codes go to no phone.
pub fn choose(config: &Config, clock: &Clock) -> Result<Option<Arc<dyn OtpSender>>> {
    let codes = &config.codes;
    Ok(match codes.delivery {
        CodeDelivery::Echo | CodeDelivery::Log => None,
        CodeDelivery::Twilio => {
            Some(Arc::new(TwilioSender::new(account(&codes.twilio)?, origin(&codes.twilio)?, reports_to(config))?))
        }
        CodeDelivery::TwilioVerify => {
            let service = codes.twilio.verify_service_sid.as_deref().ok_or_else(missing)?;
            Some(Arc::new(TwilioVerifySender::new(verify_account(&codes.twilio)?, service)?))
        }
        CodeDelivery::Webhook => {
            let (url, secret) = (codes.webhook.url.clone(), codes.webhook.secret.clone());
            let settings = WebhookSettings::new(url.ok_or_else(missing)?, secret.ok_or_else(missing)?);
            Some(Arc::new(WebhookSender::new(settings, clock.clone())?))
        }
    })
}

/// Where reports of delivery are asked for: only where Twilio can reach us, and we can tell its reports from others'.
#[must_use]
pub fn reports_to(config: &Config) -> Option<String> {
    let is_asked = config.codes.delivery == CodeDelivery::Twilio && config.codes.twilio.auth_token.is_some();
    let public_url = config.listen.public_url.as_deref().filter(|_| is_asked && config.listen.is_https())?;
    Some(format!("{}{REPORTS_PATH}", public_url.trim_end_matches('/')))
}

fn account(twilio: &Twilio) -> Result<TwilioSettings> {
    let account_sid = twilio.account_sid.clone().unwrap_or_default();
    let (user, password): (String, SecretString) = match (&twilio.api_key, &twilio.api_secret, &twilio.auth_token) {
        (Some(key), Some(secret), _) => (key.clone(), secret.clone()),
        (_, _, Some(token)) => (account_sid.clone(), token.clone()),
        _ => return Err(missing()),
    };
    let base_url = twilio.api_base.clone();
    Ok(TwilioSettings { base_url, user, ..TwilioSettings::new(&account_sid, password) })
}

/// Verify has an address of its own, unless a stand-in plays both.
fn verify_account(twilio: &Twilio) -> Result<TwilioSettings> {
    let settings = account(twilio)?;
    let base_url = if settings.base_url == MESSAGES { VERIFY.to_owned() } else { settings.base_url };
    Ok(TwilioSettings { base_url, ..settings })
}

fn origin(twilio: &Twilio) -> Result<TwilioOrigin> {
    match (&twilio.messaging_service_sid, &twilio.from) {
        (Some(sid), _) => Ok(TwilioOrigin::Service(sid.clone())),
        (None, Some(from)) => Ok(TwilioOrigin::From(from.clone())),
        (None, None) => Err(missing()),
    }
}

fn missing() -> Error {
    Error::internal("a setting of the carrier of texts is missing")
}
