//! The signing key: strong, and known to its owner alone. (A weak one in the settings is a fault of the settings.)

use super::finding::Finding;
use crate::config::{Config, KeyPlace, SigningKeys};

const NAME: &str = "signing key";

/// Looks where the key is, and how it is kept.
pub(super) fn signing_key(config: &Config) -> Finding {
    match SigningKeys::look(config) {
        Ok(KeyPlace::Settings) => Finding::ok(NAME, "JWT_SECRET is strong enough"),
        Ok(KeyPlace::File) => {
            Finding::ok(NAME, "the one in DATA_DIR is strong enough and can be read by its owner alone")
        }
        Ok(KeyPlace::NotYet) => Finding::ok(NAME, "there is none yet; the first start makes it in DATA_DIR"),
        Err(why) => Finding::fail(NAME, why, "do what is said, or set JWT_SECRET"),
    }
}
