//! A model, as the rest of the house sees it: a conversation goes in, pieces of text and one ending come out.

use std::time::Duration;

use futures_util::stream::BoxStream;

/// Somebody who can answer a conversation: Gemini, or the demo.
pub trait Model: Send + Sync {
    /// Begins to answer. The stream yields text pieces in order and ends with exactly one [`Piece::End`] or one
    /// error; dropping it drops the call to the outside.
    fn answer(&self, prompt: Prompt) -> BoxStream<'static, Result<Piece, ModelError>>;

    /// Asks whether the named model is there and can answer; said in the log at start, never in anyone's way.
    fn probe<'a>(&'a self, model: &'a str) -> futures_util::future::BoxFuture<'a, Result<(), ModelError>>;
}

/// What a model is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// The bare name of the model, such as `gemini-3.8-flash`.
    pub model: String,
    /// Standing instructions, where the room has some.
    pub instructions: Option<String>,
    /// The conversation, oldest first; the last turn is the user's.
    pub turns: Vec<Turn>,
    /// The longest answer wanted, in tokens; thinking counts against it.
    pub max_output_tokens: u32,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who spoke.
    pub speaker: Speaker,
    /// What was said; never empty.
    pub text: String,
}

/// Who spoke a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The person.
    User,
    /// The model.
    Model,
}

/// A step of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// More text; append it. Never empty.
    Text(String),
    /// The answer is over, in good order.
    End(Ending),
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What became of it.
    pub verdict: Verdict,
    /// The tokens that were counted, last total wins.
    pub usage: Usage,
    /// The model that really answered; it may differ from the one asked.
    pub model_version: Option<String>,
}

/// What became of an answer that ended in good order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The whole answer.
    Complete,
    /// There is text, but it was cut off.
    Truncated,
    /// The prompt was refused; there is no text.
    PromptBlocked,
    /// The answer was withheld; text that was already streamed must be taken back.
    Withheld,
}

/// Tokens counted by the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the conversation.
    pub prompt_tokens: u32,
    /// Tokens of the answer, thinking included: both are paid for.
    pub reply_tokens: u32,
}

/// Why there is no whole answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}: {note}")]
pub struct ModelError {
    /// The kind of failure, which decides what happens next.
    pub fault: ModelFault,
    /// When the model asked us to come back, where it did.
    pub retry_after: Option<Duration>,
    /// For the log: status and reason, never the text of the outside's answer.
    pub note: String,
}

/// The kinds of failure that we treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ModelFault {
    /// Network trouble, an overloaded model, a cut stream: try again with a growing delay.
    #[error("the model was away")]
    Away,
    /// Too many calls; wait as long as was asked, or with a growing delay.
    #[error("the model asked us to slow down")]
    Slowed,
    /// The day's allowance, or no allowance at all: not today.
    #[error("the model's allowance is used up")]
    Exhausted,
    /// An answer without text and without a reason: a known fault, worth one or two more tries.
    #[error("the model gave an empty answer")]
    Empty,
    /// Everything was spent on thinking: once more with a larger limit.
    #[error("the model found no room for an answer")]
    NoRoom,
    /// The request was refused as wrong: our fault, trying again changes nothing.
    #[error("the model refused the request")]
    Rejected,
    /// Key, account or model name is wrong: nobody gets an answer until the operator acts.
    #[error("the model refuses our key, account or model name")]
    Misconfigured,
}

impl ModelFault {
    /// True when the same call may succeed later.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Away | Self::Slowed | Self::Empty | Self::NoRoom)
    }

    /// The code a failed reply carries.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Away => "model_unavailable",
            Self::Slowed => "model_busy",
            Self::Exhausted => "model_quota_exhausted",
            Self::Empty => "model_empty_answer",
            Self::NoRoom => "no_room_for_answer",
            Self::Rejected => "model_rejected_request",
            Self::Misconfigured => "model_misconfigured",
        }
    }
}
