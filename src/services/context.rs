//! The context of a reply: which earlier turns go to the model, and the summary of those that do not.

use std::collections::HashMap;

use crate::domain::chat::{self, Outcome, Role};
use crate::domain::ids::MessageId;
use crate::domain::summary;
use crate::providers::model::{Speaker, Turn};
use crate::storage::Earlier;

/// A message and its answer.
#[derive(Debug)]
pub struct Exchange {
    /// The place of the message.
    pub seq: i64,
    /// What was said.
    pub message: String,
    /// What was answered, if anything.
    pub answer: Option<String>,
}

impl Exchange {
    /// How many messages it is.
    #[must_use]
    pub fn messages(&self) -> usize {
        1 + usize::from(self.answer.is_some())
    }

    /// About how many tokens it has.
    #[must_use]
    pub fn tokens(&self) -> usize {
        chat::estimate_tokens(&self.message) + self.answer.as_deref().map_or(0, chat::estimate_tokens)
    }

    /// The same with so many characters of each text at most.
    #[must_use]
    pub fn shortened(self, most: usize) -> Self {
        let cut = |text: String| match text.char_indices().nth(most) {
            Some((end, _)) => text[..end].to_owned(),
            None => text,
        };
        Self { seq: self.seq, message: cut(self.message), answer: self.answer.map(cut) }
    }
}

/// The exchanges in messages given in either order, in the order of the messages: of several replies to one message the
/// newest, wherever it stands; never a message that was blocked, as it would have every later one blocked too.
#[must_use]
pub fn exchanges(context: Vec<Earlier>) -> Vec<Exchange> {
    let (asked, mut answers) = asked_and_answers(context);
    let exchange = |message: Earlier| {
        let answer = match answers.remove(&message.id) {
            Some(Answer::Blocked) => return None,
            Some(Answer::Text(text)) => Some(text),
            None => None,
        };
        Some(Exchange { seq: message.seq, message: message.content, answer })
    };
    asked.into_iter().filter_map(exchange).collect()
}

/// True when so much is said since the place a summary covers that another is due.
#[must_use]
pub fn is_long(exchanges: &[Exchange], covered: i64) -> bool {
    let open = || exchanges.iter().filter(|exchange| exchange.seq > covered);
    summary::is_due(open().map(Exchange::messages).sum(), open().map(Exchange::tokens).sum())
}

/// Picks the turns that go to the model, out of exchanges given newest first: the message to be answered always, earlier
/// ones while the budget lasts. A summary comes before them, as something that was said: it has no more weight than that.
#[must_use]
pub fn turns(exchanges: Vec<Exchange>, summary: Option<&str>) -> Vec<Turn> {
    let said = summary.map(|text| format!("{}\n\n{text}", summary::HEADING));
    let mut budget = chat::CONTEXT_TOKENS - said.as_deref().map_or(0, chat::estimate_tokens).min(chat::CONTEXT_TOKENS);
    let mut turns = Vec::new();
    for exchange in exchanges {
        let cost = exchange.tokens();
        if !turns.is_empty() && cost > budget {
            break;
        }
        budget = budget.saturating_sub(cost);
        turns.extend(exchange.answer.map(|text| Turn { speaker: Speaker::Model, text }));
        turns.push(Turn { speaker: Speaker::User, text: exchange.message });
    }
    turns.extend(said.map(|text| Turn { speaker: Speaker::User, text }));
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

/// The user's messages in the order given, and what each was answered with: the newest text there is.
fn asked_and_answers(context: Vec<Earlier>) -> (Vec<Earlier>, HashMap<MessageId, Answer>) {
    let (mut replies, asked): (Vec<_>, Vec<_>) =
        context.into_iter().partition(|earlier| earlier.role == Role::Assistant);
    replies.sort_by_key(|reply| std::cmp::Reverse(reply.seq));
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
        Earlier { id, role: Role::User, content: text.to_owned(), reply_to: None, outcome: None, seq: 0 }
    }

    fn reply(to: MessageId, text: &str, outcome: Outcome) -> Earlier {
        Earlier {
            id: id(),
            role: Role::Assistant,
            content: text.to_owned(),
            reply_to: Some(to),
            outcome: Some(outcome),
            seq: 0,
        }
    }

    /// What is given newest first, in places from high to low.
    fn placed(context: Vec<Earlier>) -> Vec<Exchange> {
        let places = (1..=i64::try_from(context.len()).unwrap()).rev();
        exchanges(context.into_iter().zip(places).map(|(earlier, seq)| Earlier { seq, ..earlier }).collect())
    }

    fn texts(context: Vec<Earlier>) -> Vec<String> {
        turns(placed(context), None).into_iter().map(|turn| turn.text).collect()
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
    fn a_summary_goes_first_as_something_that_was_said_and_takes_its_part_of_the_budget() {
        let (first, second) = (id(), id());
        let half = "x".repeat(chat::CONTEXT_TOKENS * 2);
        let context = || {
            let answered = reply(first, &half, Outcome::Completed);
            placed(vec![user(second, &half[4..]), answered, user(first, "abcd")])
        };
        assert_eq!(turns(context(), None).len(), 3);
        let told = turns(context(), Some("Asha likes Goa."));
        assert_eq!(told.len(), 2, "the exchange before it has no room any more");
        assert_eq!(told[0].speaker, Speaker::User);
        assert_eq!(told[0].text, format!("{}\n\nAsha likes Goa.", summary::HEADING));
    }

    #[test]
    fn only_what_no_summary_covers_makes_a_room_long() {
        let many: Vec<Earlier> = (0..41).map(|_| user(id(), "short")).collect();
        assert!(is_long(&placed(many), 0));
        let many: Vec<Earlier> = (0..41).map(|_| user(id(), "short")).collect();
        assert!(!is_long(&placed(many), 1));
        let long = "x".repeat(chat::CONTEXT_TOKENS * 3 + 4);
        assert!(is_long(&placed(vec![user(id(), &long)]), 0));
    }

    #[test]
    fn the_message_to_be_answered_goes_along_however_long() {
        let long = "x".repeat(chat::CONTEXT_TOKENS * 8);
        assert_eq!(texts(vec![user(id(), &long)]), [long]);
    }
}
