//! Delivery reports: whether one comes from Twilio, and how far it says a text has come.

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;

use crate::domain::keys;
use crate::domain::otp::Delivery;

/// Checks `X-Twilio-Signature` over the address as it was configured, its query included, and the form. Without a token
/// nothing is believed.
#[must_use]
pub fn is_signed(auth_token: &SecretString, url: &str, form: &[(String, String)], signature: &str) -> bool {
    let token = auth_token.expose_secret();
    !token.is_empty() && keys::same(sign(token, url, form).as_bytes(), signature.as_bytes())
}

/// Writes the header for a report: what Twilio does, and its stand-in.
#[must_use]
pub fn sign(auth_token: &str, url: &str, form: &[(String, String)]) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()) else {
        unreachable!("HMAC takes keys of any length")
    };
    mac.update(url.as_bytes());
    let mut fields: Vec<_> = form.iter().collect();
    fields.sort();
    // A field that is sent twice with one value counts once.
    fields.dedup();
    for (name, value) in fields {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

/// How far a text has come by the word of a report; none for a word that changes nothing.
#[must_use]
pub fn delivery(status: &str) -> Option<Delivery> {
    match status {
        "accepted" | "scheduled" | "queued" | "sending" => Some(Delivery::Accepted),
        "sent" => Some(Delivery::Sent),
        "delivered" | "read" | "partially_delivered" => Some(Delivery::Delivered),
        "undelivered" => Some(Delivery::Undelivered),
        "failed" | "canceled" => Some(Delivery::Failed),
        _ => None,
    }
}
