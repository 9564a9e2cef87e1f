//! Google Gemini behind the [`Model`] trait: one streamed call an answer, with a limit on everything that comes back.

mod answer;
mod call;
mod chunk;
mod fault;
pub mod reader;
mod request;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::model::{Model, ModelError, ModelFault, Piece, Prompt};
use super::outbound;
use crate::error::{Error, Result};

/// How Gemini is reached, and how patient we are with it.
#[derive(Clone, Debug)]
pub struct GeminiSettings {
    /// Where it is, so that a fake can stand in; without a trailing path.
    pub base_url: String,
    /// The version segment of every path.
    pub api_version: String,
    /// The key; it travels in a header and is shown nowhere.
    pub api_key: SecretString,
    /// How much the model may think, such as `low`; nothing leaves it to the model. A higher level thinks longer
    /// before the first byte, so this and `first_byte` belong together.
    pub thinking_level: Option<String>,
    /// The longest wait for a connection.
    pub connect: Duration,
    /// The longest wait from the call to the first byte of the answer.
    pub first_byte: Duration,
    /// The longest silence between two reads.
    pub gap: Duration,
    /// The longest an answer may take.
    pub total: Duration,
    /// The most text an answer may have, in bytes.
    pub max_text: usize,
}

impl GeminiSettings {
    /// The settings of the real service.
    #[must_use]
    pub fn new(api_key: SecretString) -> Self {
        Self {
            base_url: "https://generativelanguage.googleapis.com".to_owned(),
            api_version: "v1beta".to_owned(),
            api_key,
            thinking_level: None,
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(30),
            gap: Duration::from_secs(30),
            total: Duration::from_mins(3),
            max_text: 1024 * 1024,
        }
    }
}

/// The real model.
#[derive(Clone)]
pub struct Gemini(Arc<Inner>);

struct Inner {
    settings: GeminiSettings,
    client: reqwest::Client,
    /// The models that were warned of, so that each is once and not with every answer.
    warned: Mutex<BTreeSet<String>>,
}

impl Gemini {
    /// Prepares the client; nothing is called yet. Refuses an address or a key that could never be sent.
    pub fn new(settings: GeminiSettings) -> Result<Self> {
        let base = Url::parse(&settings.base_url).map_err(Error::internal)?;
        if !matches!(base.scheme(), "http" | "https") || base.query().is_some() || base.fragment().is_some() {
            return Err(Error::internal("the address of Gemini is not a plain http or https address"));
        }
        if settings.api_key.expose_secret().is_empty() {
            return Err(Error::internal("the key of Gemini is empty"));
        }
        let inner = Inner { client: outbound::client(settings.connect)?, settings, warned: Mutex::default() };
        inner.key()?;
        Ok(Self(Arc::new(inner)))
    }
}

impl fmt::Debug for Gemini {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gemini").field("base_url", &self.0.settings.base_url).finish_non_exhaustive()
    }
}

impl Model for Gemini {
    fn answer(&self, prompt: Prompt) -> BoxStream<'static, std::result::Result<Piece, ModelError>> {
        call::answer(Arc::clone(&self.0), prompt)
    }

    fn probe<'a>(&'a self, model: &'a str) -> BoxFuture<'a, std::result::Result<(), ModelError>> {
        Box::pin(call::probe(&self.0, model))
    }
}

impl Inner {
    fn key(&self) -> Result<HeaderValue> {
        let mut key = HeaderValue::from_str(self.settings.api_key.expose_secret())
            .map_err(|_| Error::internal("the key of Gemini has characters that no header can carry"))?;
        key.set_sensitive(true);
        Ok(key)
    }

    /// The address of a model; its name comes from the configuration, but a slip there must not change the path.
    fn address(&self, model: &str, method: &str) -> std::result::Result<String, ModelError> {
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if model.is_empty() || !model.bytes().all(is_name) {
            return Err(fault::because(ModelFault::Misconfigured, "the model's name is no name"));
        }
        let GeminiSettings { base_url, api_version, .. } = &self.settings;
        Ok(format!("{}/{api_version}/models/{model}{method}", base_url.trim_end_matches('/')))
    }

    /// Warns once of a model that is about to go.
    fn warn_of(&self, model: &str, stage: &str) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.len() < 100 && warned.insert(format!("{model} {stage}")) {
            tracing::warn!(model, stage, "Gemini says that this model is not stable any more; plan its successor");
        }
    }
}
