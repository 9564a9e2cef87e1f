//! One `GenerateContentResponse` on the wire. Lists are folded while they are read, never kept, so that a hostile body
//! can't grow in memory beyond its own length.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;

use crate::providers::model::Usage;

/// A whole answer, or one event of a stream; every member may be missing or null.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk {
    error: Option<IgnoredAny>,
    #[serde(default, rename = "candidates", deserialize_with = "first")]
    pub(super) candidate: Option<Candidate>,
    prompt_feedback: Option<PromptFeedback>,
    usage_metadata: Option<UsageMetadata>,
    pub(super) model_version: Option<String>,
    model_status: Option<ModelStatus>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate {
    content: Option<Content>,
    pub(super) finish_reason: Option<String>,
}

#[derive(serde::Deserialize)]
struct Content {
    #[serde(default, rename = "parts", deserialize_with = "joined")]
    text: String,
}

#[derive(serde::Deserialize)]
struct Part {
    text: Option<String>,
    thought: Option<bool>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback {
    block_reason: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ModelStatus {
    model_stage: Option<String>,
}

#[derive(serde::Deserialize)]
struct UsageMetadata {
    #[serde(default, rename = "promptTokenCount", deserialize_with = "count")]
    prompt: u32,
    #[serde(default, rename = "candidatesTokenCount", deserialize_with = "count")]
    candidates: u32,
    #[serde(default, rename = "thoughtsTokenCount", deserialize_with = "count")]
    thoughts: u32,
}

impl Chunk {
    /// True for `{"error": ...}`, which may take the place of any response.
    pub(super) fn is_error(&self) -> bool {
        self.error.is_some()
    }

    /// Why the prompt was refused, where it was.
    pub(super) fn block_reason(&self) -> Option<&str> {
        self.prompt_feedback.as_ref()?.block_reason.as_deref()
    }

    /// The model's stage of life, where it is told.
    pub(super) fn model_stage(&self) -> Option<&str> {
        self.model_status.as_ref()?.model_stage.as_deref()
    }

    /// The running total; Gemini counts thinking apart from the answer, and we pay for both.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.usage_metadata.as_ref().map(|usage| Usage {
            prompt_tokens: usage.prompt,
            reply_tokens: usage.candidates.saturating_add(usage.thoughts),
        })
    }
}

impl Candidate {
    /// The text of all parts but the thoughts, joined without a separator.
    pub(super) fn text(&self) -> &str {
        self.content.as_ref().map_or("", |content| &content.text)
    }
}

/// Hands each item of a list to `take`; null is an empty list.
pub(super) fn each<'de, T, D>(deserializer: D, take: impl FnMut(T)) -> Result<(), D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(Each { take, item: PhantomData })
}

struct Each<T, F> {
    take: F,
    item: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Each<T, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(item) = list.next_element()? {
            (self.take)(item);
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

fn first<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Candidate>, D::Error> {
    let mut first = None;
    each(deserializer, |candidate| {
        first.get_or_insert(candidate);
    })?;
    Ok(first)
}

fn joined<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let mut text = String::new();
    each(deserializer, |part: Part| {
        let said = part.text.filter(|_| part.thought != Some(true));
        text.push_str(&said.unwrap_or_default());
    })?;
    // PostgreSQL can hold no NUL in a text: the answer would be written, never stored, and asked for again.
    Ok(text.replace('\0', "\u{fffd}"))
}

/// Takes a number or its text; anything else counts nothing, because a strange count must not cost the answer.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64().unwrap_or(0),
        Value::String(text) => text.parse().unwrap_or(0),
        _ => 0,
    };
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}
