//! Signatures of the Standard Webhooks specification, made and checked: HMAC-SHA256 over id, time and raw body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::domain::keys;
use crate::domain::time::Timestamp;

/// How far the moment of signing may lie from now, either way.
const TOLERANCE_SECS: i64 = 300;
/// More signatures than a key being changed can explain.
const MAX_SIGNATURES: usize = 8;

/// The secrets of one receiver: several, with a space between, while one is being changed.
#[derive(Clone)]
pub struct SigningSecrets(Vec<Zeroizing<Vec<u8>>>);

/// The three headers that a signed body comes with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeaders {
    /// `webhook-id`: the same at every repeat.
    pub id: String,
    /// `webhook-timestamp`: when this try was signed, in seconds.
    pub timestamp: String,
    /// `webhook-signature`: one for each secret.
    pub signature: String,
}

impl SigningSecrets {
    /// Reads `whsec_` and 24 to 64 bytes in base64, once or several times.
    #[must_use]
    pub fn parse(text: &SecretString) -> Option<Self> {
        let keys: Option<Vec<_>> = text.expose_secret().split_whitespace().map(key).collect();
        keys.filter(|keys| !keys.is_empty()).map(Self)
    }

    /// Signs a body at that moment.
    #[must_use]
    pub fn sign(&self, id: &str, now: Timestamp, body: &[u8]) -> SignedHeaders {
        let timestamp = now.as_secs().to_string();
        let signatures: Vec<_> = self.0.iter().map(|key| signature(key, id, &timestamp, body)).collect();
        SignedHeaders { id: id.to_owned(), timestamp, signature: signatures.join(" ") }
    }

    /// True when the headers were made for this body by somebody who knows a secret, within five minutes of now.
    #[must_use]
    pub fn verify(&self, headers: &SignedHeaders, body: &[u8], now: Timestamp) -> bool {
        let signed_at = headers.timestamp.parse::<i64>().ok();
        let distance = signed_at.and_then(|at| now.as_secs().checked_sub(at)).and_then(i64::checked_abs);
        if distance.is_none_or(|seconds| seconds > TOLERANCE_SECS) {
            return false;
        }
        let mut fits = false;
        for key in &self.0 {
            let expected = signature(key, &headers.id, &headers.timestamp, body);
            for given in headers.signature.split(' ').take(MAX_SIGNATURES) {
                fits |= keys::same(expected.as_bytes(), given.as_bytes());
            }
        }
        fits
    }
}

impl std::fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningSecrets({})", self.0.len())
    }
}

fn key(secret: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = STANDARD.decode(secret.strip_prefix("whsec_")?).ok().map(Zeroizing::new)?;
    (24..=64).contains(&bytes.len()).then_some(bytes)
}

fn signature(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { unreachable!("HMAC takes keys of any length") };
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_marked_and_of_a_sound_length() {
        let sound = format!("whsec_{}", STANDARD.encode([7; 32]));
        let two = format!("{sound} whsec_{}", STANDARD.encode([8; 24]));
        for text in [&sound, &two] {
            assert!(SigningSecrets::parse(&text.as_str().into()).is_some());
        }
        let short = format!("whsec_{}", STANDARD.encode([7; 23]));
        let long = format!("whsec_{}", STANDARD.encode([7; 65]));
        for text in ["", " ", "whsec_", "whsec_!", &short, &long, &sound[6..], &format!("{sound} x")] {
            assert!(SigningSecrets::parse(&text.into()).is_none(), "{text}");
        }
    }
}
