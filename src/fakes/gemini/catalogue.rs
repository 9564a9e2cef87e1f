//! The models that the stand-in knows: those in service, and retired names that a successor answers.

use serde_json::{Value, json};

use super::Reply;

/// A model by the name it is asked by.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KnownModel {
    name: &'static str,
    title: &'static str,
    /// Who really answers; itself, while in service.
    pub(super) answered_by: &'static str,
    thinking_levels: &'static [&'static str],
}

const FLASH_LEVELS: &[&str] = &["low", "medium", "high"];
const LITE_LEVELS: &[&str] = &["minimal", "low", "medium", "high"];

const MODELS: &[KnownModel] = &[
    current("gemini-4-hydrogen", "Gemini 4 Hydrogen", &["low", "medium", "high", "xhigh"]),
    current("gemini-4-argon", "Gemini 4 Argon", FLASH_LEVELS),
    current("gemini-3.8-flash", "Gemini 3.8 Flash", FLASH_LEVELS),
    current("gemini-3.6-flash", "Gemini 3.6 Flash", FLASH_LEVELS),
    current("gemini-3.5-flash-lite", "Gemini 3.5 Flash-Lite", LITE_LEVELS),
    retired("gemini-3.7-flash", "gemini-3.8-flash", FLASH_LEVELS),
    retired("gemini-3.5-flash", "gemini-3.6-flash", FLASH_LEVELS),
    retired("gemini-2.5-flash", "gemini-3.5-flash-lite", LITE_LEVELS),
    retired("gemini-2.5-pro", "gemini-3.8-flash", FLASH_LEVELS),
];

const fn current(name: &'static str, title: &'static str, thinking_levels: &'static [&'static str]) -> KnownModel {
    KnownModel { name, title, answered_by: name, thinking_levels }
}

const fn retired(
    name: &'static str,
    answered_by: &'static str,
    thinking_levels: &'static [&'static str],
) -> KnownModel {
    KnownModel { name, title: name, answered_by, thinking_levels }
}

impl KnownModel {
    fn is_current(&self) -> bool {
        self.name == self.answered_by
    }

    pub(super) fn takes_thinking_level(&self, level: &str) -> bool {
        self.thinking_levels.iter().any(|known| known.eq_ignore_ascii_case(level))
    }

    fn describe(&self) -> Value {
        json!({
            "name": format!("models/{}", self.name),
            "version": "001",
            "displayName": self.title,
            "inputTokenLimit": 1_048_576,
            "outputTokenLimit": 65_536,
            "supportedGenerationMethods":
                ["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"],
            "thinking": true,
        })
    }
}

/// The model of that name, if it still answers.
pub(super) fn find(name: &str) -> Option<&'static KnownModel> {
    MODELS.iter().find(|model| model.name == name)
}

/// What `GET` says of a model in service.
pub(super) fn describe(version: &str, name: &str) -> Result<Reply, Reply> {
    let model = find(name).filter(|model| model.is_current()).ok_or_else(|| unknown(version, name, "getModel"))?;
    Ok(Reply::json(200, &model.describe()))
}

/// What is said of a model that is not there.
pub(super) fn unknown(version: &str, name: &str, method: &str) -> Reply {
    let message = format!(
        "models/{name} is not found for API version {version}, or is not supported for {method}. Call ListModels to \
         see the list of available models and their supported methods."
    );
    Reply::error(404, "NOT_FOUND", &message)
}

/// A page of the models in service; the token of the next page is the number of those already shown.
pub(super) fn page(query: &str) -> Value {
    let number = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.parse::<usize>().ok());
    let size = number("pageSize=").filter(|size| *size > 0).unwrap_or(50);
    let shown = number("pageToken=").unwrap_or(0);
    let current: Vec<_> = MODELS.iter().filter(|model| model.is_current()).collect();
    let models: Vec<_> = current.iter().skip(shown).take(size).map(|model| model.describe()).collect();
    let next = shown.saturating_add(models.len());
    if next < current.len() {
        json!({"models": models, "nextPageToken": next.to_string()})
    } else {
        json!({"models": models})
    }
}
