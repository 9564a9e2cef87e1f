//! An answer of Gemini, piece by piece, and what became of it in the end. Unknown members and values never fail the
//! reading: the sets are open and grow.

use super::chunk::Chunk;
use super::fault::{away, because, name};
use crate::providers::model::{Ending, ModelError, ModelFault, Usage, Verdict};

/// What was learned from the pieces so far.
#[derive(Debug, Default)]
pub(super) struct Answer {
    text_bytes: usize,
    came: bool,
    candidate_came: bool,
    block_reason: Option<String>,
    finish_reason: Option<String>,
    usage: Usage,
    model_version: Option<String>,
    /// The model's stage of life, where it is one to warn of.
    pub(super) fading_stage: Option<String>,
}

impl Answer {
    /// Takes the next piece, which is no error, and appends what text it has.
    pub(super) fn take(&mut self, chunk: Chunk, max_text: usize, text: &mut String) -> Result<(), ModelError> {
        self.came = true;
        self.note_facts(&chunk);
        self.model_version = chunk.model_version.filter(|version| is_model_name(version)).or(self.model_version.take());
        let Some(candidate) = chunk.candidate else { return Ok(()) };
        self.candidate_came = true;
        self.text_bytes = self.text_bytes.saturating_add(candidate.text().len());
        if self.text_bytes > max_text {
            return Err(away(format!("the answer has more than {max_text} bytes of text")));
        }
        text.push_str(candidate.text());
        self.note_finish(candidate.finish_reason);
        Ok(())
    }

    fn note_facts(&mut self, chunk: &Chunk) {
        self.usage = chunk.usage().unwrap_or(self.usage);
        if let Some(reason) = chunk.block_reason().filter(|reason| is_said(reason)) {
            self.block_reason = Some(reason.to_owned());
        }
        if let Some(stage) = chunk.model_stage().filter(|stage| is_fading(stage)) {
            self.fading_stage = Some(stage.to_owned());
        }
    }

    /// Keeps the newest reason, except that what was withheld once stays withheld.
    fn note_finish(&mut self, reason: Option<String>) {
        let already_withheld = self.finish_reason.as_deref().is_some_and(is_withholding);
        if let Some(reason) = reason.filter(|reason| is_said(reason) && !already_withheld) {
            self.finish_reason = Some(reason);
        }
    }

    /// Decides what became of the answer, once its body ended cleanly.
    pub(super) fn end(&mut self) -> Result<Ending, ModelError> {
        let verdict = self.verdict()?;
        Ok(Ending { verdict, usage: self.usage, model_version: self.model_version.take() })
    }

    fn verdict(&self) -> Result<Verdict, ModelError> {
        let has_text = self.text_bytes > 0;
        if let Some(reason) = &self.block_reason {
            tracing::info!(reason = name(reason), "the model refused the prompt");
            return Ok(if has_text { Verdict::Withheld } else { Verdict::PromptBlocked });
        }
        let Some(reason) = self.finish_reason.as_deref() else { return Err(self.unfinished()) };
        match reason {
            "STOP" if has_text => Ok(Verdict::Complete),
            _ if is_withholding(reason) => {
                tracing::info!(reason = name(reason), "the model withheld its answer");
                Ok(Verdict::Withheld)
            }
            "MAX_TOKENS" if !has_text => Err(no_room(self.usage)),
            "PUP_LIMITED_DISABLED" => Err(because(ModelFault::Misconfigured, "the account is limited")),
            _ if has_text => Ok(Verdict::Truncated),
            _ => Err(because(ModelFault::Empty, format!("finished {} without text", name(reason)))),
        }
    }

    /// No reason to finish was seen: the answer was interrupted, or it never had anything to say.
    fn unfinished(&self) -> ModelError {
        if self.came && !self.candidate_came {
            return because(ModelFault::Empty, "no candidates and no reason");
        }
        away("the answer ended without a reason to finish")
    }
}

fn no_room(usage: Usage) -> ModelError {
    let tokens = usage.reply_tokens;
    tracing::warn!(tokens, "the model spent its whole limit on thinking; raise the limit or lower the thinking level");
    because(ModelFault::NoRoom, format!("all {tokens} tokens went into thinking"))
}

/// False for the value that stands for "not set".
fn is_said(reason: &str) -> bool {
    !reason.is_empty() && !reason.ends_with("REASON_UNSPECIFIED")
}

fn is_withholding(reason: &str) -> bool {
    matches!(reason, "SAFETY" | "PROHIBITED_CONTENT" | "BLOCKLIST" | "SPII" | "RECITATION" | "LANGUAGE" | "ESCALATION")
        || reason.starts_with("IMAGE_")
}

fn is_fading(stage: &str) -> bool {
    !name(stage).is_empty() && !matches!(stage, "STABLE" | "PREVIEW" | "MODEL_STAGE_UNSPECIFIED")
}

fn is_model_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}
