//! Rooms and messages, in the shape that clients see.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::{ChatroomId, MessageId};
use super::time::Timestamp;

/// Rooms a user may have.
pub const ROOMS: i64 = 500;
/// What a room is called until it gets a name.
pub const UNNAMED: &str = "New chat";
/// Tokens of earlier conversation that go to the model at most.
pub const CONTEXT_TOKENS: usize = 16_000;
/// Messages of earlier conversation that are looked at at most.
pub const CONTEXT_MESSAGES: i64 = 60;
/// The longest reply, in tokens.
pub const REPLY_TOKENS: u32 = 4_096;

/// A room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Chatroom {
    /// Its id.
    #[schema(example = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11")]
    pub id: ChatroomId,
    /// What it is called.
    #[schema(example = "Trip to Goa")]
    pub name: String,
    /// Standing instructions to the model, if any.
    #[schema(example = "Answer in one sentence.")]
    pub instructions: Option<String>,
    /// The model of this room, where it is not the plan's.
    #[schema(example = json!(null))]
    pub model: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When something last happened in it.
    pub updated_at: Timestamp,
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// A reply that no worker has begun, or that waits for its next try.
    Pending,
    /// A reply that a worker is writing.
    Generating,
    /// Final, and kept.
    Complete,
    /// Final, and its quota unit was given back.
    Failed,
}

impl Status {
    /// True for what does not change any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Complete | Self::Failed)
    }
}

/// How a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The whole answer.
    Completed,
    /// Cut off, but there is text.
    Truncated,
    /// Refused or withheld by the model; the text is taken back.
    Blocked,
    /// The model had nothing to say, again and again.
    Empty,
    /// Stopped by the user; the text so far is kept.
    Stopped,
    /// Given up; `error` says why.
    Failed,
}

impl Outcome {
    /// The status that goes with it.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Completed | Self::Truncated | Self::Blocked | Self::Stopped => Status::Complete,
            Self::Empty | Self::Failed => Status::Failed,
        }
    }
}

macro_rules! stored_texts {
    ($($type:ident { $($variant:ident = $text:literal),+ $(,)? })+) => {$(
        impl $type {
            /// The text that storage keeps, the same as on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The reverse of `as_str`.
            #[must_use]
            pub fn from_stored(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    )+};
}

stored_texts! {
    Role { User = "user", Assistant = "assistant" }
    Status { Pending = "pending", Generating = "generating", Complete = "complete", Failed = "failed" }
    Outcome {
        Completed = "completed", Truncated = "truncated", Blocked = "blocked", Empty = "empty", Stopped = "stopped",
        Failed = "failed",
    }
}

/// A message: the user's, or the model's reply to one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Its id.
    #[schema(example = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a12")]
    pub id: MessageId,
    /// The room it is in.
    #[schema(example = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11")]
    pub chatroom_id: ChatroomId,
    /// Who wrote it.
    pub role: Role,
    /// The text; empty for a reply that has none yet.
    #[schema(example = "Hello! How can I help?")]
    pub content: String,
    /// Where it stands.
    pub status: Status,
    /// When it was made.
    pub created_at: Timestamp,
    /// For a reply: more.
    #[serde(flatten)]
    pub reply: Option<ReplyDetails>,
}

/// What only replies have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplyDetails {
    /// The message it answers.
    #[schema(example = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a10")]
    pub reply_to: MessageId,
    /// The model that wrote it, once that is known.
    #[schema(example = "gemini-3.5-flash-lite")]
    pub model: Option<String>,
    /// How it ended, once it has.
    pub outcome: Option<Outcome>,
    /// Why it failed or was blocked.
    #[schema(example = json!(null))]
    pub error: Option<String>,
    /// Tokens counted, once it has ended.
    pub usage: Option<TokenUsage>,
    /// Which try this is or was.
    #[schema(example = 1)]
    pub attempt: u32,
}

/// Tokens of one reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenUsage {
    /// Tokens of the conversation sent.
    #[schema(example = 31)]
    pub prompt_tokens: u32,
    /// Tokens of the reply, thinking included.
    #[schema(example = 6)]
    pub reply_tokens: u32,
}

/// About how many tokens a text has: four characters each in Latin script, one each in scripts where a token is
/// about a character.
#[must_use]
pub fn estimate_tokens(text: &str) -> usize {
    if text.is_ascii() {
        return text.len().div_ceil(4);
    }
    let quarter_tokens: usize = text.chars().map(|c| if c < '\u{0600}' { 1 } else { 4 }).sum();
    quarter_tokens.div_ceil(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_guessed_by_script() {
        assert_eq!(estimate_tokens("four char"), 3);
        assert_eq!(estimate_tokens("नमस्ते"), 6);
        assert_eq!(estimate_tokens(""), 0);
    }

    #[test]
    fn only_failed_and_empty_replies_count_as_failed() {
        for outcome in [Outcome::Failed, Outcome::Empty] {
            assert_eq!(outcome.status(), Status::Failed);
        }
        for outcome in [Outcome::Completed, Outcome::Truncated, Outcome::Blocked, Outcome::Stopped] {
            assert_eq!(outcome.status(), Status::Complete);
        }
    }
}
