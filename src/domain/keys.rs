//! Keys that derive from the signing secret, one for each use, so that no digest of one use serves another.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::ids::{ChallengeId, SessionId};
use super::opaque::RefreshToken;
use super::otp::{Code, Purpose};
use super::phone::Phone;

type HmacSha256 = Hmac<Sha256>;

/// The keys of one signing secret.
#[derive(Clone)]
pub struct Keys {
    codes: [u8; 32],
    cursors: [u8; 32],
    addresses: [u8; 32],
    devices: [u8; 32],
    successors: [u8; 32],
    seals: [u8; 32],
}

impl Keys {
    /// Derives all keys by HKDF, a label each.
    #[must_use]
    pub fn derive(secret: &[u8]) -> Self {
        let root = Hkdf::<Sha256>::new(None, secret);
        let key = |label: &str| {
            let mut key = [0_u8; 32];
            // HKDF refuses only lengths over 8,160 bytes.
            let _ = root.expand(label.as_bytes(), &mut key);
            key
        };
        Self {
            codes: key("pollux code"),
            cursors: key("pollux cursor"),
            addresses: key("pollux address"),
            devices: key("pollux device"),
            successors: key("pollux successor"),
            seals: key("pollux code seal"),
        }
    }

    /// The digest under which a code is kept: it covers what the code is for, so it is good for nothing else.
    #[must_use]
    pub fn code_mac(&self, purpose: Purpose, phone: &Phone, challenge: ChallengeId, code: &Code) -> [u8; 32] {
        let parts =
            [purpose.as_str().as_bytes(), phone.as_str().as_bytes(), &challenge.bytes(), code.as_str().as_bytes()];
        digest(&self.codes, &parts)
    }

    /// Hides a code until its text is handed over. Each challenge has a keystream of its own, used once; that nobody
    /// changed the seal is told by the code's digest.
    #[must_use]
    pub fn seal_code(&self, challenge: ChallengeId, code: &Code) -> Vec<u8> {
        let stream = digest(&self.seals, &[&challenge.bytes()]);
        code.as_str().bytes().zip(stream).map(|(byte, key)| byte ^ key).collect()
    }

    /// The code in a seal; none where the key has changed since.
    #[must_use]
    pub fn open_seal(&self, challenge: ChallengeId, seal: &[u8]) -> Option<Code> {
        let stream = digest(&self.seals, &[&challenge.bytes()]);
        let bytes = seal.iter().zip(stream).map(|(byte, key)| byte ^ key).collect();
        Code::parse(&String::from_utf8(bytes).ok()?).ok()
    }

    /// The tag of a cursor, shortened to 16 bytes.
    #[must_use]
    pub fn cursor_mac(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut tag = [0_u8; 16];
        tag.copy_from_slice(&digest(&self.cursors, parts)[..16]);
        tag
    }

    /// The name under which a client's address is counted; the address itself is not kept.
    #[must_use]
    pub fn address_name(&self, address: &str) -> String {
        let tag = digest(&self.addresses, &[address.as_bytes()]);
        tag[..12].iter().fold(String::with_capacity(24), |hex, byte| hex + &format!("{byte:02x}"))
    }

    /// The bytes of the device token of a session, so that every refresh gives the same one.
    #[must_use]
    pub fn device_token(&self, session: SessionId) -> [u8; 32] {
        digest(&self.devices, &[&session.bytes()])
    }

    /// The bytes of the refresh token that follows another. It can be given twice without being kept, and who has the
    /// database but not the key can't make it.
    #[must_use]
    pub fn successor(&self, session: SessionId, token: &RefreshToken) -> [u8; 32] {
        digest(&self.successors, &[&session.bytes(), token.as_str().as_bytes()])
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// Each part goes in with its length before it, so that no two lists of parts read the same.
fn digest(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let Ok(mut mac) = HmacSha256::new_from_slice(key) else { unreachable!("HMAC takes keys of any length") };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Compares without telling by the time taken where two digests differ.
#[must_use]
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn a_seal_opens_for_its_challenge_and_key_alone() {
        let (keys, other) = (Keys::derive(b"one"), Keys::derive(b"two"));
        let (id, another) = (ChallengeId::new(Timestamp::from_millis(1)), ChallengeId::new(Timestamp::from_millis(1)));
        for text in ["123456", "12345678"] {
            let code = Code::parse(text).unwrap();
            let seal = keys.seal_code(id, &code);
            assert_eq!(keys.open_seal(id, &seal).unwrap().as_str(), text);
            assert_ne!(seal, text.as_bytes());
            for opened in [other.open_seal(id, &seal), keys.open_seal(another, &seal)] {
                assert!(opened.is_none_or(|opened| opened.as_str() != text));
            }
        }
    }
}
