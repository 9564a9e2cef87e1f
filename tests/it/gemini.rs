//! Gemini as we call it, and the two stand-ins: each recorded exchange, every cut of every stream, all limits.

mod demo;
mod exchanges;
mod fake;
mod limits;
mod log;
mod stream;

use std::time::Duration;

use futures_util::StreamExt as _;
use pollux::fakes::gemini::{FakeGemini, Reply, RunningGemini};
use pollux::providers::model::{Ending, Model, ModelError, Piece, Prompt, Speaker, Turn};
use pollux::providers::model_gemini::{Gemini, GeminiSettings};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contracts/gemini");
const KEY: &str = "a-key-that-nobody-may-see";

/// Everything an answer was: its text, and how it ended.
type Told = (String, Result<Ending, ModelError>);

fn example(name: &str) -> Reply {
    Reply::example(EXAMPLES, name).unwrap()
}

fn settings(server: &RunningGemini) -> GeminiSettings {
    GeminiSettings { base_url: server.base_url(), ..GeminiSettings::new(KEY.into()) }
}

fn ask(text: &str) -> Prompt {
    Prompt {
        model: "gemini-3.8-flash".to_owned(),
        instructions: None,
        turns: vec![Turn { speaker: Speaker::User, text: text.to_owned() }],
        max_output_tokens: 1_024,
    }
}

/// Listens to an answer to its end, and checks what every model promises of its stream.
async fn listen(model: &impl Model, prompt: Prompt) -> Told {
    let mut stream = model.answer(prompt);
    let mut text = String::new();
    let mut end = None;
    while let Some(item) = stream.next().await {
        assert!(end.is_none(), "more came after the end");
        match item {
            Ok(Piece::Text(piece)) => {
                assert!(!piece.is_empty(), "an empty piece");
                text.push_str(&piece);
            }
            Ok(Piece::End(ending)) => end = Some(Ok(ending)),
            Err(failure) => end = Some(Err(failure)),
        }
    }
    (text, end.expect("an answer ends with an ending or an error"))
}

/// The answer of the real client to one scripted reply.
async fn told(reply: Reply) -> Told {
    let server = FakeGemini::start().await.unwrap();
    server.fake.then(reply);
    let told = listen(&Gemini::new(settings(&server)).unwrap(), ask("Why is the sky blue?")).await;
    assert_eq!(server.fake.calls().len(), 1, "one answer is one call");
    told
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
