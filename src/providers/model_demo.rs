//! The built-in model for a machine without a key: it answers at once, says what it is, and can be told to misbehave.

mod aside;
mod script;

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use tokio::time::sleep;

use self::script::Begun;
pub use self::script::{DemoAct, DemoScript};
use super::model::{Ending, Model, ModelError, ModelFault, Piece, Prompt, Speaker, Usage, Verdict};

/// What the answers say of who gave them; nobody should take the demo for the real thing.
pub const DEMO_MODEL_VERSION: &str = "demo";

/// The most of a person's message that is quoted back, in characters.
const MAX_QUOTE: usize = 400;

/// A model that only repeats: its answer quotes the last message and counts the turns, so that a reply under the wrong
/// message is seen at once.
#[derive(Clone, Debug)]
pub struct Demo {
    script: DemoScript,
}

impl Default for Demo {
    fn default() -> Self {
        Self::new()
    }
}

impl Demo {
    /// The demo a person meets: it writes at the speed of a fast reader.
    #[must_use]
    pub fn new() -> Self {
        let script = DemoScript::new();
        script.pace(Duration::from_millis(150), Duration::from_millis(25));
        Self { script }
    }

    /// A demo whose every reply takes `whole`, all of it before the first word: for measuring what is around it.
    #[must_use]
    pub fn taking(whole: Duration) -> Self {
        let script = DemoScript::new();
        script.pace(whole, Duration::ZERO);
        Self { script }
    }

    /// A demo that does what its script says; a new script has no delay and no faults.
    #[must_use]
    pub fn scripted(script: DemoScript) -> Self {
        script.remember_prompts();
        Self { script }
    }
}

impl Model for Demo {
    fn answer(&self, prompt: Prompt) -> BoxStream<'static, Result<Piece, ModelError>> {
        let Begun { act, pace, running } = self.script.begin(&prompt);
        let steps = stream::iter(steps(&prompt, &act));
        let paced = steps.enumerate().then(move |(index, step)| perform(step, pace.before(index)));
        // The call counts as running until its stream is dropped, whatever became of it.
        paced.inspect(move |_| _ = &running).boxed()
    }

    fn probe<'a>(&'a self, _model: &'a str) -> BoxFuture<'a, Result<(), ModelError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The answer to a prompt, as the demo writes it when it is told nothing else.
#[must_use]
pub fn demo_answer(prompt: &Prompt) -> String {
    let turns = prompt.turns.len();
    let noun = if turns == 1 { "turn" } else { "turns" };
    let last = prompt.turns.iter().rev().find(|turn| turn.speaker == Speaker::User);
    let said: String = last.map_or("", |turn| &turn.text).chars().take(MAX_QUOTE).collect();
    format!(
        "You said: \"{said}\". I saw {turns} {noun} of our conversation. I am the built-in demo model and can only \
         repeat. For real replies, set GEMINI_API_KEY and start the server again."
    )
}

/// One step of a demo answer.
enum Step {
    Yield(Result<Piece, ModelError>),
    Panic,
    Hang,
}

async fn perform(step: Step, delay: Duration) -> Result<Piece, ModelError> {
    if !delay.is_zero() {
        sleep(delay).await;
    }
    match step {
        Step::Yield(item) => item,
        Step::Panic => panic!("the demo model was told to die"),
        Step::Hang => std::future::pending().await,
    }
}

fn steps(prompt: &Prompt, act: &DemoAct) -> Vec<Step> {
    let text = match act {
        DemoAct::Say(text) => text.clone(),
        _ => aside::answer(prompt).unwrap_or_else(|| demo_answer(prompt)),
    };
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    let room = usize::try_from(prompt.max_output_tokens).unwrap_or(usize::MAX);
    let (said, last) = match *act {
        DemoAct::Answer | DemoAct::Say(_) if words.len() > room => (room, ended(prompt, Verdict::Truncated, room)),
        DemoAct::Answer | DemoAct::Say(_) => (words.len(), ended(prompt, Verdict::Complete, words.len())),
        DemoAct::Fail { after_words, fault, retry_after } => (after_words, failed(fault, retry_after)),
        DemoAct::Truncate { after_words } => (after_words, ended(prompt, Verdict::Truncated, after_words)),
        DemoAct::Withhold { after_words } => (after_words, ended(prompt, Verdict::Withheld, after_words)),
        DemoAct::BlockPrompt => (0, ended(prompt, Verdict::PromptBlocked, 0)),
        DemoAct::Empty => (0, failed(ModelFault::Empty, None)),
        DemoAct::Panic { after_words } => (after_words, Step::Panic),
        DemoAct::Hang { after_words } => (after_words, Step::Hang),
    };
    let pieces = words.into_iter().take(said).map(|word| Step::Yield(Ok(Piece::Text(word.to_owned()))));
    pieces.chain([last]).collect()
}

fn ended(prompt: &Prompt, verdict: Verdict, words: usize) -> Step {
    let spoken = prompt.turns.iter().map(|turn| turn.text.split_whitespace().count()).sum::<usize>();
    let tokens = |words| u32::try_from(words).unwrap_or(u32::MAX);
    let usage = Usage { prompt_tokens: tokens(spoken), reply_tokens: tokens(words) };
    Step::Yield(Ok(Piece::End(Ending { verdict, usage, model_version: Some(DEMO_MODEL_VERSION.to_owned()) })))
}

fn failed(fault: ModelFault, retry_after: Option<Duration>) -> Step {
    Step::Yield(Err(ModelError { fault, retry_after, note: "the demo model was told to fail".to_owned() }))
}
