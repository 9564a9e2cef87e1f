//! The context of a reply: which earlier turns go to the model.

use std::collections::HashMap;

use crate::domain::chat::{self, Outcome, Role};
use crate::domain::ids::MessageId;
use crate::providers::model::{Speaker, Turn};
use crate::storage::Earlier;

/// Picks the turns that go to the model, out of messages given newest first: the one to be answered always, earlier
/// ones while the budget lasts; of several replies to one message the newest, wherever it stands; never a message that
/// was blocked, as it would have every later one blocked too.
#[must_use]
pub fn turns(context: Vec<Earlier>) -> Vec<Turn> {
    let (asked, mut answers) = asked_and_answers(context);
    let mut budget = chat::CONTEXT_TOKENS;
    let mut turns = Vec::new();
    for message in asked {
        let answer = answers.remove(&message.id);
        if answer == Some(Answer::Blocked) {
            continue;
        }
        let answer = answer.and_then(Answer::text);
        let cost = chat::estimate_tokens(&message.content) + answer.as_deref().map_or(0, chat::estimate_tokens);
        if !turns.is_empty() && cost > budget {
            break;
        }
        budget = budget.saturating_sub(cost);
        turns.extend(answer.map(|text| Turn { speaker: Speaker::Model, text }));
        turns.push(Turn { speaker: Speaker::User, text: message.content });
    }
    turns.reverse();
    turns
}

/// What a message was answered with.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Text(String),
    /// Nothing but a refusal.
    Blocked,
}

impl Answer {
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Blocked => None,
        }
    }
}

/// The user's messages in the order given, and what each was answered with: the newest text there is.
fn asked_and_answers(context: Vec<Earlier>) -> (Vec<Earlier>, HashMap<MessageId, Answer>) {
    let (replies, asked): (Vec<_>, Vec<_>) = context.into_iter().partition(|earlier| earlier.role == Role::Assistant);
    let mut answers = HashMap::new();
    for reply in replies {
        let Some(to) = reply.reply_to else { continue };
        let has_text = matches!(answers.get(&to), Some(Answer::Text(_)));
        if !reply.content.is_empty() && !has_text {
            answers.insert(to, Answer::Text(reply.content));
        } else if reply.outcome == Some(Outcome::Blocked) && !has_text {
            answers.insert(to, Answer::Blocked);
        }
    }
    (asked, answers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn id() -> MessageId {
        MessageId::new(Timestamp::from_millis(1))
    }

    fn user(id: MessageId, text: &str) -> Earlier {
        Earlier { id, role: Role::User, content: text.to_owned(), reply_to: None, outcome: None }
    }

    fn reply(to: MessageId, text: &str, outcome: Outcome) -> Earlier {
        Earlier {
            id: id(),
            role: Role::Assistant,
            content: text.to_owned(),
            reply_to: Some(to),
            outcome: Some(outcome),
        }
    }

    fn texts(context: Vec<Earlier>) -> Vec<String> {
        turns(context).into_iter().map(|turn| turn.text).collect()
    }

    #[test]
    fn earlier_turns_go_along_in_order() {
        let (first, second) = (id(), id());
        let context = vec![user(second, "b"), reply(first, "A", Outcome::Completed), user(first, "a")];
        assert_eq!(texts(context), ["a", "A", "b"]);
    }

    #[test]
    fn of_several_replies_the_newest_is_context() {
        let (first, second) = (id(), id());
        let context = vec![
            user(second, "b"),
            reply(first, "newer", Outcome::Completed),
            reply(first, "older", Outcome::Completed),
            user(first, "a"),
        ];
        assert_eq!(texts(context), ["a", "newer", "b"]);
    }

    #[test]
    fn a_blocked_message_is_not_said_again() {
        let (first, second) = (id(), id());
        let context = vec![user(second, "b"), reply(first, "", Outcome::Blocked), user(first, "bad")];
        assert_eq!(texts(context), ["b"]);
    }

    #[test]
    fn the_budget_drops_the_oldest_and_never_begins_with_the_model() {
        let (first, second, third) = (id(), id(), id());
        let long = "x".repeat(chat::CONTEXT_TOKENS * 4 - 40);
        let context = vec![
            user(third, "c"),
            reply(second, "B", Outcome::Completed),
            user(second, &long),
            reply(first, "A", Outcome::Completed),
            user(first, &"y".repeat(400)),
        ];
        assert_eq!(texts(context), [long.as_str(), "B", "c"]);
    }

    #[test]
    fn the_message_to_be_answered_goes_along_however_long() {
        let long = "x".repeat(chat::CONTEXT_TOKENS * 8);
        assert_eq!(texts(vec![user(id(), &long)]), [long]);
    }
}
