//! How sign-in codes reach people.

use std::time::Duration;

use secrecy::SecretString;

use super::code_senders;
use super::names;
use super::reader::Reader;
use crate::domain::country;
use crate::domain::otp_text::MAX_SERVICE;

/// Settings of one-time codes.
#[derive(Clone, Debug)]
pub struct Codes {
    /// The way they take.
    pub delivery: CodeDelivery,
    /// How long a code lives.
    pub life: Duration,
    /// The account at Twilio.
    pub twilio: Twilio,
    /// The operator's own sender.
    pub webhook: SmsWebhook,
    /// What texts call the service.
    pub service_name: String,
    /// Countries that texts go to: two letters, or a `+` and a calling code; empty names none.
    pub countries: Vec<String>,
    /// Put before numbers that come without a country code: its digits alone.
    pub default_country_code: Option<String>,
}

/// The ways a code can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeDelivery {
    /// In the answer itself: for trying out, on this machine.
    Echo,
    /// In the log: for trying out.
    Log,
    /// By Twilio's messages.
    Twilio,
    /// By Twilio's Verify, with codes of ours.
    TwilioVerify,
    /// By a signed call to the operator's own sender.
    Webhook,
}

impl CodeDelivery {
    /// True for a way that ends at a phone, and costs money.
    #[must_use]
    pub const fn is_real(self) -> bool {
        matches!(self, Self::Twilio | Self::TwilioVerify | Self::Webhook)
    }
}

/// An account at Twilio.
#[derive(Clone, Debug)]
pub struct Twilio {
    /// The account (`AC...`).
    pub account_sid: Option<String>,
    /// The account's token.
    pub auth_token: Option<SecretString>,
    /// An API key (`SK...`), in place of the token.
    pub api_key: Option<String>,
    /// The API key's secret.
    pub api_secret: Option<SecretString>,
    /// A pool of senders (`MG...`).
    pub messaging_service_sid: Option<String>,
    /// One sender, in place of a pool.
    pub from: Option<String>,
    /// The service of Verify (`VA...`).
    pub verify_service_sid: Option<String>,
    /// Where calls go, so that a stand-in can be used.
    pub api_base: String,
}

/// The operator's own sender; its address may hold a token, so it is kept as a secret.
#[derive(Clone, Debug)]
pub struct SmsWebhook {
    /// Where to post.
    pub url: Option<SecretString>,
    /// What the posts are signed with.
    pub secret: Option<SecretString>,
}

/// Names no country: texts are switched off.
const NO_COUNTRY: &str = "NONE";

const WAYS: &[(&str, CodeDelivery)] = &[
    ("echo", CodeDelivery::Echo),
    ("log", CodeDelivery::Log),
    ("twilio", CodeDelivery::Twilio),
    ("twilio_verify", CodeDelivery::TwilioVerify),
    ("webhook", CodeDelivery::Webhook),
];

pub(super) fn read(reader: &mut Reader<'_>, on_loopback: bool) -> Codes {
    let minutes = reader.number(names::OTP_EXPIRATION_MINUTES, 1..=60, 5);
    if minutes > 10 {
        reader.note("OTP_EXPIRATION_MINUTES is above 10: a code should not live longer than that");
    }
    let codes = Codes {
        delivery: delivery(reader, on_loopback),
        life: Duration::from_secs(u64::from(minutes) * 60),
        twilio: twilio(reader),
        webhook: webhook(reader),
        service_name: service_name(reader),
        countries: countries(reader),
        default_country_code: default_country_code(reader),
    };
    code_senders::check(reader, &codes);
    codes
}

fn delivery(reader: &mut Reader<'_>, on_loopback: bool) -> CodeDelivery {
    let is_set = reader.first(names::CODE_DELIVERY).is_some();
    if !is_set && !on_loopback {
        reader.fault("CODE_DELIVERY must be set where HOST is not a loopback address");
    }
    reader.choice(names::CODE_DELIVERY, WAYS).unwrap_or(CodeDelivery::Echo)
}

fn service_name(reader: &mut Reader<'_>) -> String {
    let Some(found) = reader.first(names::SMS_SERVICE_NAME) else { return "Pollux".to_owned() };
    if found.value.chars().count() > MAX_SERVICE || found.value.chars().any(char::is_control) {
        reader.fault("SMS_SERVICE_NAME must be a line of 1 to 20 characters");
    }
    found.value.to_owned()
}

fn twilio(reader: &mut Reader<'_>) -> Twilio {
    Twilio {
        account_sid: reader.text(names::TWILIO_ACCOUNT_SID),
        auth_token: reader.secret(names::TWILIO_AUTH_TOKEN),
        api_key: reader.text(names::TWILIO_API_KEY),
        api_secret: reader.secret(names::TWILIO_API_SECRET),
        messaging_service_sid: reader.text(names::TWILIO_MESSAGING_SERVICE_SID),
        from: reader.text(names::TWILIO_FROM),
        verify_service_sid: reader.text(names::TWILIO_VERIFY_SERVICE_SID),
        api_base: reader.base_url(names::TWILIO_API_BASE, "https://api.twilio.com"),
    }
}

fn webhook(reader: &mut Reader<'_>) -> SmsWebhook {
    SmsWebhook { url: reader.secret_url(names::SMS_WEBHOOK_URL), secret: reader.secret(names::SMS_WEBHOOK_SECRET) }
}

fn countries(reader: &mut Reader<'_>) -> Vec<String> {
    let countries: Vec<_> = reader.list(names::SMS_COUNTRIES).iter().map(|item| item.to_ascii_uppercase()).collect();
    if countries == [NO_COUNTRY] {
        return Vec::new();
    }
    let is_country = |item: &String| country::is_known(item) || item.strip_prefix('+').is_some_and(is_calling_code);
    if !countries.iter().all(is_country) {
        reader.fault("SMS_COUNTRIES must list countries by two letters (IN) or calling codes (+91)");
    }
    countries
}

fn default_country_code(reader: &mut Reader<'_>) -> Option<String> {
    let found = reader.first(names::DEFAULT_COUNTRY_CODE)?;
    let digits = found.value.trim_start_matches('+');
    if !is_calling_code(digits) {
        reader.fault(format!("{} must be a calling code such as 91", found.name));
        return None;
    }
    Some(digits.to_owned())
}

fn is_calling_code(digits: &str) -> bool {
    (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
}
