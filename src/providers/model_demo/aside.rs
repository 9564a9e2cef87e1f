//! What the demo model makes of a request for a title or a summary: out of the words it gets, and it says so.

use crate::domain::summary::{self, Material, Said};
use crate::domain::title::{self, FirstWords, first_words};
use crate::providers::model::Prompt;

/// Words of each turn in a summary.
const WORDS: usize = 12;
/// Characters of the summary so far that are kept.
const KEPT: usize = 1_600;

/// A title or a summary, where that is what is asked for.
pub(super) fn answer(prompt: &Prompt) -> Option<String> {
    let data = &prompt.turns.last()?.text;
    match prompt.instructions.as_deref()? {
        title::INSTRUCTIONS => serde_json::from_str(data).ok().map(|words: FirstWords| titled(&words)),
        summary::INSTRUCTIONS => serde_json::from_str(data).ok().map(summarised),
        _ => None,
    }
}

fn titled(words: &FirstWords) -> String {
    format!("Demo: {}", first_words(&words.message))
}

/// The summary so far, and the first words of what follows on it.
fn summarised(material: Material) -> String {
    let so_far = material.summary.unwrap_or_else(|| "The demo model keeps the first words of each message:".to_owned());
    let said = material.turns.iter().map(|said| match said {
        Said::User(words) => format!("You said: {}", first(words)),
        Said::Model(words) => format!("I said: {}", first(words)),
    });
    let so_far = so_far.chars().take(KEPT).collect();
    std::iter::once(so_far).chain(said).collect::<Vec<String>>().join("\n")
}

fn first(words: &str) -> String {
    words.split_whitespace().take(WORDS).collect::<Vec<_>>().join(" ")
}
