//! Whether a way that ends at a phone has all that it needs, told before anything starts.

use base64::Engine as _;
use secrecy::{ExposeSecret, SecretString};

use super::codes::{CodeDelivery, Codes, Twilio};
use super::names;
use super::reader::Reader;

pub(super) fn check(reader: &mut Reader<'_>, codes: &Codes) {
    match codes.delivery {
        CodeDelivery::Echo | CodeDelivery::Log => return,
        CodeDelivery::Twilio => check_messages(reader, &codes.twilio),
        CodeDelivery::TwilioVerify => check_verify(reader, &codes.twilio),
        CodeDelivery::Webhook => check_webhook(reader, codes),
    }
    if reader.first(names::SMS_COUNTRIES).is_none() {
        reader.fault("SMS_COUNTRIES must list the countries that texts may go to, such as IN,US; none stops all texts");
    } else if codes.countries.is_empty() {
        reader.note("SMS_COUNTRIES is none: no number is served, so nobody can sign in by code");
    }
}

fn check_messages(reader: &mut Reader<'_>, twilio: &Twilio) {
    check_account(reader, "CODE_DELIVERY=twilio", twilio);
    if twilio.account_sid.is_none() {
        reader.fault("TWILIO_ACCOUNT_SID must be set with CODE_DELIVERY=twilio");
    }
    if twilio.messaging_service_sid.is_none() && twilio.from.is_none() {
        reader.fault("TWILIO_MESSAGING_SERVICE_SID or TWILIO_FROM must be set with CODE_DELIVERY=twilio");
    }
    if twilio.auth_token.is_none() {
        reader.note("TWILIO_AUTH_TOKEN is empty: reports of delivery can't be believed, so none are asked for");
    }
}

fn check_verify(reader: &mut Reader<'_>, twilio: &Twilio) {
    check_account(reader, "CODE_DELIVERY=twilio_verify", twilio);
    if twilio.verify_service_sid.is_none() {
        reader.fault("TWILIO_VERIFY_SERVICE_SID must be set with CODE_DELIVERY=twilio_verify");
    }
}

fn check_account(reader: &mut Reader<'_>, way: &str, twilio: &Twilio) {
    let by_key = twilio.api_key.is_some() && twilio.api_secret.is_some();
    let by_token = twilio.account_sid.is_some() && twilio.auth_token.is_some();
    if !by_key && !by_token {
        reader.fault(format!(
            "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_SECRET, must be set with {way}"
        ));
    }
    let sids = [
        (names::TWILIO_ACCOUNT_SID, &twilio.account_sid, "AC"),
        (names::TWILIO_MESSAGING_SERVICE_SID, &twilio.messaging_service_sid, "MG"),
        (names::TWILIO_VERIFY_SERVICE_SID, &twilio.verify_service_sid, "VA"),
        (names::TWILIO_API_KEY, &twilio.api_key, "SK"),
    ];
    for (setting, sid, kind) in sids {
        if sid.as_deref().is_some_and(|sid| !is_sid(sid, kind)) {
            reader.fault(format!("{} must be {kind} and 32 hexadecimal digits", setting.name()));
        }
    }
}

fn is_sid(text: &str, kind: &str) -> bool {
    text.strip_prefix(kind).is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn check_webhook(reader: &mut Reader<'_>, codes: &Codes) {
    if codes.webhook.url.is_none() {
        reader.fault("SMS_WEBHOOK_URL must be set with CODE_DELIVERY=webhook");
    }
    if !codes.webhook.secret.as_ref().is_some_and(is_signing_secret) {
        reader.fault(
            "SMS_WEBHOOK_SECRET must be whsec_ and 24 to 64 bytes in base64 with CODE_DELIVERY=webhook; two with a space \
             between while one is being changed",
        );
    }
}

fn is_signing_secret(text: &SecretString) -> bool {
    let mut secrets = text.expose_secret().split_whitespace().peekable();
    let is_sound = |secret: &str| {
        let bytes =
            secret.strip_prefix("whsec_").and_then(|rest| base64::engine::general_purpose::STANDARD.decode(rest).ok());
        bytes.is_some_and(|bytes| (24..=64).contains(&bytes.len()))
    };
    secrets.peek().is_some() && secrets.all(is_sound)
}
