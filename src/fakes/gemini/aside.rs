//! What the stand-in makes of a request for a title or a summary: something short out of all that it gets, so that what was
//! lost on the way is missed in it.

use serde_json::Value;

use crate::domain::summary::{self, Material, Said};
use crate::domain::title::{self, FirstWords};

/// Words of each turn in a summary.
const WORDS: usize = 6;

/// A title or a summary, where that is what is asked for.
pub(super) fn answer(request: &Value) -> Option<String> {
    let data = request["contents"][0]["parts"][0]["text"].as_str()?;
    match request["systemInstruction"]["parts"][0]["text"].as_str()? {
        title::INSTRUCTIONS => serde_json::from_str(data).ok().map(|words: FirstWords| titled(&words)),
        summary::INSTRUCTIONS => serde_json::from_str(data).ok().map(summarised),
        _ => None,
    }
}

fn titled(words: &FirstWords) -> String {
    format!("About: {}", first(&words.message))
}

fn summarised(material: Material) -> String {
    let turns = material.turns.iter().map(|said| match said {
        Said::User(text) => format!("user: {}", first(text)),
        Said::Model(text) => format!("model: {}", first(text)),
    });
    material.summary.into_iter().chain(turns).collect::<Vec<_>>().join("\n")
}

fn first(text: &str) -> String {
    text.split_whitespace().take(WORDS).collect::<Vec<_>>().join(" ")
}
