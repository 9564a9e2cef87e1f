//! Opaque tokens: 32 bytes that say nothing, given to a client once and kept here by their digest alone.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use rand::TryRng;
use rand::rngs::{SysError, SysRng};
use sha2::{Digest, Sha256};

const REFRESH: &str = "rt_";
const DEVICE: &str = "dt_";
/// 32 bytes in base64, without padding.
const DIGITS: usize = 43;

/// A refresh token; Debug does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(String);

impl RefreshToken {
    /// Draws a token from the operating system.
    pub fn draw() -> Result<Self, SysError> {
        let mut bytes = [0_u8; 32];
        SysRng.try_fill_bytes(&mut bytes)?;
        Ok(Self::of(bytes))
    }

    /// The token that is made of those bytes.
    #[must_use]
    pub fn of(bytes: [u8; 32]) -> Self {
        Self(format!("{REFRESH}{}", BASE64.encode(bytes)))
    }

    /// Reads what a client gives back; none when no token of ours looks like that.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(REFRESH)?;
        let is_ours = digits.len() == DIGITS && BASE64.decode(digits).is_ok();
        is_ours.then(|| Self(text.to_owned()))
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        digest(&self.0)
    }

    /// The text that the client is given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken")
    }
}

/// The device token that is made of those bytes.
#[must_use]
pub fn device_token(bytes: [u8; 32]) -> String {
    format!("{DEVICE}{}", BASE64.encode(bytes))
}

/// What is kept of a token. It needs no key: nobody can try out 256 random bits.
#[must_use]
pub fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_nothing_else_is() {
        let token = RefreshToken::draw().unwrap();
        assert_eq!(RefreshToken::parse(token.as_str()), Some(token.clone()));
        assert_ne!(RefreshToken::draw().unwrap(), token);
        let text = token.as_str();
        for odd in ["", "rt_", &text[1..], &text[..45], &format!("{text}A"), &format!("{text}="), &format!(" {text}")] {
            assert_eq!(RefreshToken::parse(odd), None, "{odd}");
        }
        assert_eq!(RefreshToken::parse(&text.replace("rt_", "dt_")), None);
        assert_eq!(RefreshToken::parse(&format!("rt_{}", "*".repeat(DIGITS))), None);
    }

    #[test]
    fn debug_does_not_show_it() {
        assert_eq!(format!("{:?}", RefreshToken::of([7; 32])), "RefreshToken");
    }
}
