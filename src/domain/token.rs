//! Access tokens: JWTs of one shape, with one algorithm, that nobody but us makes or reads.
//!
//! A token's head must equal, byte for byte, the one head that each of our keys writes. So the head is never parsed,
//! and there is no algorithm, key reference or critical extension for anyone to play with.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ids::{SessionId, UserId};
use super::time::Timestamp;

/// Longer ones are not looked at.
pub const LONGEST: usize = 4_096;
const LEEWAY: Duration = Duration::from_secs(30);
const ISSUER: &str = "pollux";
const AUDIENCE: &str = "pollux-api";

/// Who a token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The user.
    pub user_id: UserId,
    /// The session it belongs to, and ends with.
    pub session_id: SessionId,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// Not ours, or not for this use.
    Invalid,
    /// Ours, but its time is over.
    Expired,
}

/// The claims, all of them required, each of one type.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    jti: SessionId,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// The keys that sign: the present one, and the former one while tokens made with it live on.
#[derive(Clone)]
pub struct TokenRing {
    keys: Vec<SigningKey>,
    life: Duration,
}

#[derive(Clone)]
struct SigningKey {
    head: String,
    mac: Hmac<Sha256>,
}

impl SigningKey {
    fn new(secret: &[u8]) -> Self {
        let name = Sha256::digest([b"pollux kid", secret].concat());
        let head = format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{}"}}"#, BASE64.encode(&name[..6]));
        let Ok(mac) = Hmac::new_from_slice(secret) else { unreachable!("HMAC takes keys of any length") };
        Self { head: BASE64.encode(head), mac }
    }
}

impl TokenRing {
    /// A ring that signs with `current` and still accepts what `previous` signed.
    #[must_use]
    pub fn new(current: &[u8], previous: Option<&[u8]>, life: Duration) -> Self {
        let keys = std::iter::once(current).chain(previous).map(SigningKey::new).collect();
        Self { keys, life }
    }

    /// How long a token lives.
    #[must_use]
    pub fn life(&self) -> Duration {
        self.life
    }

    /// Makes a token that speaks for `bearer` from now on.
    #[must_use]
    pub fn mint(&self, bearer: Bearer, now: Timestamp) -> String {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: bearer.user_id,
            sid: bearer.session_id,
            jti: SessionId::new(now),
            iat: now.as_secs(),
            nbf: now.as_secs(),
            exp: (now + self.life).as_secs(),
        };
        let key = &self.keys[0];
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        let signed = format!("{}.{}", key.head, BASE64.encode(claims));
        let signature = key.mac.clone().chain_update(signed.as_bytes()).finalize().into_bytes();
        format!("{signed}.{}", BASE64.encode(signature))
    }

    /// Reads a token; nothing in it is believed before its signature is checked.
    pub fn read(&self, token: &str, now: Timestamp) -> Result<Bearer, TokenFault> {
        let claims = self.signed_claims(token).ok_or(TokenFault::Invalid)?;
        if claims.iss != ISSUER || claims.aud != AUDIENCE {
            return Err(TokenFault::Invalid);
        }
        let soon = (now + LEEWAY).as_secs();
        if claims.nbf > soon || claims.iat > soon || claims.exp <= claims.nbf {
            return Err(TokenFault::Invalid);
        }
        if claims.exp <= now.as_secs() {
            return Err(TokenFault::Expired);
        }
        Ok(Bearer { user_id: claims.sub, session_id: claims.sid })
    }

    /// When a token that was read runs out.
    #[must_use]
    pub fn expires_at(&self, token: &str) -> Option<Timestamp> {
        self.signed_claims(token).map(|claims| Timestamp::from_millis(claims.exp.saturating_mul(1_000)))
    }

    fn signed_claims(&self, token: &str) -> Option<Claims> {
        if token.len() > LONGEST {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (head, claims) = signed.split_once('.')?;
        let key = self.keys.iter().find(|key| key.head == head)?;
        let signature = BASE64.decode(signature).ok()?;
        key.mac.clone().chain_update(signed.as_bytes()).verify_slice(&signature).ok()?;
        serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()
    }
}

impl std::fmt::Debug for TokenRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenRing({} keys)", self.keys.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_255_200_000);
    const LIFE: Duration = Duration::from_hours(1);

    fn ring() -> TokenRing {
        TokenRing::new(b"a secret of more than thirty-two bytes", None, LIFE)
    }

    fn bearer() -> Bearer {
        Bearer { user_id: UserId::new(NOW), session_id: SessionId::new(NOW) }
    }

    fn signed(head: &str, claims: &str) -> String {
        let ring = ring();
        let signed = format!("{}.{}", BASE64.encode(head), BASE64.encode(claims));
        let signature = ring.keys[0].mac.clone().chain_update(signed.as_bytes()).finalize().into_bytes();
        format!("{signed}.{}", BASE64.encode(signature))
    }

    fn own_head() -> String {
        String::from_utf8(BASE64.decode(&ring().keys[0].head).unwrap()).unwrap()
    }

    #[test]
    fn a_token_speaks_for_whom_it_was_made() {
        let bearer = bearer();
        assert_eq!(ring().read(&ring().mint(bearer, NOW), NOW), Ok(bearer));
    }

    #[test]
    fn a_token_ends_when_its_life_does() {
        let token = ring().mint(bearer(), NOW);
        assert!(ring().read(&token, NOW + LIFE - Duration::from_secs(1)).is_ok());
        assert_eq!(ring().read(&token, NOW + LIFE), Err(TokenFault::Expired));
    }

    #[test]
    fn a_clock_that_is_behind_by_half_a_minute_is_forgiven() {
        let token = ring().mint(bearer(), NOW);
        assert!(ring().read(&token, NOW - Duration::from_secs(30)).is_ok());
        assert_eq!(ring().read(&token, NOW - Duration::from_secs(32)), Err(TokenFault::Invalid));
    }

    #[test]
    fn a_former_key_is_accepted_while_it_is_in_the_ring() {
        let former = TokenRing::new(b"the former secret of this installation", None, LIFE);
        let both = TokenRing::new(
            b"a secret of more than thirty-two bytes",
            Some(b"the former secret of this installation"),
            LIFE,
        );
        let token = former.mint(bearer(), NOW);
        assert!(both.read(&token, NOW).is_ok());
        assert_eq!(ring().read(&token, NOW), Err(TokenFault::Invalid));
    }

    #[test]
    fn any_other_head_is_refused_even_when_the_signature_is_right() {
        let token = ring().mint(bearer(), NOW);
        let claims = BASE64.decode(token.split('.').nth(1).unwrap()).unwrap();
        let claims = String::from_utf8(claims).unwrap();
        assert!(ring().read(&signed(&own_head(), &claims), NOW).is_ok());
        let heads = [
            r#"{"alg":"none"}"#.to_owned(),
            r#"{"alg":"HS256","typ":"JWT"}"#.to_owned(),
            own_head().replace("at+jwt", "JWT"),
            own_head().replace("HS256", "HS512"),
            own_head().replace("HS256", "hs256"),
            own_head().replace('}', r#","crit":["exp"]}"#),
            own_head().replace('}', r#","jku":"https://example.com"}"#),
            own_head().replace(r#""kid":""#, r#""kid":"../"#),
            format!(" {}", own_head()),
        ];
        for head in heads {
            assert_eq!(ring().read(&signed(&head, &claims), NOW), Err(TokenFault::Invalid), "{head}");
        }
    }

    #[test]
    fn every_claim_is_required_and_has_one_type() {
        let token = ring().mint(bearer(), NOW);
        let claims = BASE64.decode(token.split('.').nth(1).unwrap()).unwrap();
        let claims: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&claims).unwrap();
        for name in claims.keys() {
            for odd in [None, Some(serde_json::json!(null)), Some(serde_json::json!({})), Some(serde_json::json!("x"))]
            {
                let mut changed = claims.clone();
                match odd {
                    Some(odd) => changed.insert(name.clone(), odd),
                    None => changed.remove(name),
                };
                let changed = serde_json::to_string(&changed).unwrap();
                assert_eq!(ring().read(&signed(&own_head(), &changed), NOW), Err(TokenFault::Invalid), "{changed}");
            }
        }
    }

    #[test]
    fn a_changed_token_is_refused() {
        let token = ring().mint(bearer(), NOW);
        for place in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(ring().read(&changed, NOW).is_err(), "byte {place}");
        }
        for odd in ["", ".", "..", "a.b", "a.b.c.d", &token[..token.len() - 1], &format!("{token}=")] {
            assert_eq!(ring().read(odd, NOW), Err(TokenFault::Invalid), "{odd}");
        }
    }
}
