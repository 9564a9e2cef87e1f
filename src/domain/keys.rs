//! Keys that derive from the signing secret, one for each use, so that no digest of one use serves another.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::ids::ChallengeId;
use super::otp::{Code, Purpose};
use super::phone::Phone;

type HmacSha256 = Hmac<Sha256>;

/// The keys of one signing secret.
#[derive(Clone)]
pub struct Keys {
    codes: [u8; 32],
    cursors: [u8; 32],
    addresses: [u8; 32],
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
        Self { codes: key("pollux code"), cursors: key("pollux cursor"), addresses: key("pollux address") }
    }

    /// The digest under which a code is kept: it covers what the code is for, so it is good for nothing else.
    #[must_use]
    pub fn code_mac(&self, purpose: Purpose, phone: &Phone, challenge: ChallengeId, code: &Code) -> [u8; 32] {
        let parts =
            [purpose.as_str().as_bytes(), phone.as_str().as_bytes(), &challenge.bytes(), code.as_str().as_bytes()];
        digest(&self.codes, &parts)
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
