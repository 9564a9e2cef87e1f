//! The context of a reply: which earlier turns go to the model.

use std::collections::HashSet;

use crate::domain::chat::{self, Outcome, Role};
use crate::domain::ids::MessageId;
use crate::providers::model::{Speaker, Turn};
use crate::storage::Earlier;

/// Picks the turns that go to the model, out of messages given newest first: the one to be answered always, earlier
/// ones while the budget lasts; of several replies to one message the newest; never a message that was blocked, as it
/// would have every later one blocked too.
#[must_use]
pub fn turns(context: Vec<Earlier>) -> Vec<Turn> {
    let mut answered: HashSet<MessageId> = HashSet::new();
    let mut blocked: HashSet<MessageId> = HashSet::new();
    let mut budget = chat::CONTEXT_TOKENS;
    let mut turns = Vec::new();
    for earlier in context {
        let speaker = match (earlier.role, earlier.reply_to) {
            (Role::Assistant, Some(asked)) => {
                if earlier.outcome == Some(Outcome::Blocked) && !answered.contains(&asked) {
                    blocked.insert(asked);
                }
                if earlier.content.is_empty() || !answered.insert(asked) {
                    continue;
                }
                Speaker::Model
            }
            _ if blocked.contains(&earlier.id) && !answered.contains(&earlier.id) => continue,
            _ => Speaker::User,
        };
        let cost = chat::estimate_tokens(&earlier.content);
        if !turns.is_empty() && cost > budget {
            break;
        }
        budget = budget.saturating_sub(cost);
        turns.push(Turn { speaker, text: earlier.content });
    }
    turns.reverse();
    let first_of_user = turns.iter().position(|turn| turn.speaker == Speaker::User).unwrap_or_default();
    turns.split_off(first_of_user)
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
