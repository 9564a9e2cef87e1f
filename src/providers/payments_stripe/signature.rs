//! Whether an event comes from Stripe: a signature over the raw bytes, checked before anything of them is read.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::domain::keys;
use crate::domain::time::Timestamp;

/// The longest header that is looked at, in bytes.
pub const MAX_HEADER: usize = 1024;
/// How far the moment of signing may lie from now, either way.
const TOLERANCE_SECS: i64 = 300;
/// More signatures than a secret being rolled can explain.
const MAX_SIGNATURES: usize = 8;

/// Why an event was not believed; for the log alone, the sender learns nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SignatureFault {
    /// No header of the form we know.
    #[error("the signature header can't be read")]
    Malformed,
    /// Signed too long ago, or in the future: perhaps somebody plays an old event again.
    #[error("the signature's time is not now")]
    OutOfTime,
    /// No signature fits any of our secrets.
    #[error("no signature fits")]
    Mismatch,
}

/// Checks the `Stripe-Signature` header over the body as it came. Several secrets count while one is being rolled; an
/// empty one never counts.
pub fn verify(header: &str, body: &[u8], secrets: &[SecretString], now: Timestamp) -> Result<(), SignatureFault> {
    let signed = Signed::parse(header)?;
    let distance = now.as_secs().checked_sub(signed.seconds).and_then(i64::checked_abs);
    if distance.is_none_or(|seconds| seconds > TOLERANCE_SECS) {
        return Err(SignatureFault::OutOfTime);
    }
    let mut fits = false;
    for secret in secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty()) {
        let expected = signature(secret, signed.time, body);
        for given in &signed.signatures {
            fits |= keys::same(expected.as_bytes(), given.as_bytes());
        }
    }
    if fits { Ok(()) } else { Err(SignatureFault::Mismatch) }
}

struct Signed<'a> {
    time: &'a str,
    seconds: i64,
    signatures: Vec<&'a str>,
}

impl<'a> Signed<'a> {
    fn parse(header: &'a str) -> Result<Self, SignatureFault> {
        if header.len() > MAX_HEADER {
            return Err(SignatureFault::Malformed);
        }
        let pairs = || header.split(',').filter_map(|pair| pair.split_once('='));
        let times: Vec<_> = pairs().filter(|(name, _)| *name == "t").map(|(_, value)| value).collect();
        let signatures: Vec<_> = pairs().filter(|(name, _)| *name == "v1").map(|(_, value)| value).collect();
        let &[time] = times.as_slice() else { return Err(SignatureFault::Malformed) };
        if !time.bytes().all(|b| b.is_ascii_digit()) || !(1..=MAX_SIGNATURES).contains(&signatures.len()) {
            return Err(SignatureFault::Malformed);
        }
        let seconds = time.parse().map_err(|_| SignatureFault::Malformed)?;
        Ok(Self { time, seconds, signatures })
    }
}

/// Small hex of the HMAC over the time, a dot and the body; the key is the whole secret, its prefix included.
fn signature(secret: &str, time: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        unreachable!("HMAC takes keys of any length")
    };
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"))
}

/// Writes the header for a body signed at `now`: what Stripe does, and its stand-in.
#[must_use]
pub fn sign(secret: &str, body: &[u8], now: Timestamp) -> String {
    let time = now.as_secs().to_string();
    format!("t={time},v1={}", signature(secret, &time, body))
}
