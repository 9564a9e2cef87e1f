//! The model that answers.

use std::time::Duration;

use secrecy::SecretString;

use super::names::{self, Setting};
use super::reader::Reader;

/// Settings of Gemini; without a key the built-in demo model answers.
#[derive(Clone, Debug)]
pub struct Gemini {
    /// The key; `None` is the demo model.
    pub key: Option<SecretString>,
    /// The bare name of the model that answers by default.
    pub model: String,
    /// The bare name of the model of the Pro plan.
    pub model_pro: String,
    /// Where calls go, without a trailing slash.
    pub base_url: String,
    /// How long a reply of the demo model takes in all; `None` is the speed of a reader.
    pub demo_reply: Option<Duration>,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Gemini {
    Gemini {
        key: reader.provider_key(names::GEMINI_API_KEY),
        model: model(reader, names::GEMINI_MODEL, "gemini-3.5-flash-lite"),
        model_pro: model(reader, names::GEMINI_MODEL_PRO, "gemini-3.8-flash"),
        base_url: reader.base_url(names::GEMINI_BASE_URL, "https://generativelanguage.googleapis.com"),
        demo_reply: demo_reply(reader),
    }
}

/// For development: a bench needs replies that take as long as it says.
fn demo_reply(reader: &mut Reader<'_>) -> Option<Duration> {
    let found = reader.first(names::DEMO_REPLY_MS)?;
    let whole_ms = reader.parse(found, 0..=60_000)?;
    Some(Duration::from_millis(whole_ms.into()))
}

/// A model's name becomes part of an address, so it holds nothing that would bend one.
fn model(reader: &mut Reader<'_>, setting: Setting, default: &str) -> String {
    let Some(found) = reader.first(setting) else { return default.to_owned() };
    let bare = found.value.strip_prefix("models/").unwrap_or(found.value);
    let plain = bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if !plain || bare.len() > 100 || !bare.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        reader.fault(format!("{} must be the name of a model, such as {default}", found.name));
    }
    bare.to_owned()
}
