//! The built-in model: what a person sees of it, and every way it can be told to misbehave.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use pollux::providers::model::{Model as _, ModelFault, Prompt, Speaker, Turn, Verdict};
use pollux::providers::model_demo::{Demo, DemoAct, DemoScript, demo_answer};

use super::{ask, listen, millis};

fn scripted() -> (Demo, DemoScript) {
    let script = DemoScript::new();
    (Demo::scripted(script.clone()), script)
}

#[tokio::test]
async fn the_demo_says_what_it_is_what_it_was_told_and_how_to_get_real_replies() {
    let (demo, script) = scripted();
    let turn = |speaker, text: &str| Turn { speaker, text: text.to_owned() };
    let turns = vec![turn(Speaker::User, "Hi"), turn(Speaker::Model, "Hello"), turn(Speaker::User, "Why is it blue?")];
    let prompt = Prompt { turns, ..ask("") };
    let (text, end) = listen(&demo, prompt.clone()).await;
    assert_eq!(
        text,
        "You said: \"Why is it blue?\". I saw 3 turns of our conversation. I am the built-in demo model and can only \
         repeat. For real replies, set GEMINI_API_KEY and start the server again."
    );
    let ending = end.unwrap();
    assert_eq!((ending.verdict, ending.model_version.as_deref()), (Verdict::Complete, Some("demo")));
    assert_eq!((script.calls(), script.last_prompt()), (1, Some(prompt)));
}

#[tokio::test]
async fn a_long_message_is_quoted_in_part() {
    let (demo, _) = scripted();
    let (text, _) = listen(&demo, ask(&"ü".repeat(10_000))).await;
    assert_eq!(text.matches('ü').count(), 400);
}

#[tokio::test]
async fn a_demo_that_people_use_takes_its_time() {
    let began = Instant::now();
    let words = Demo::new().answer(ask("Hi")).take(3).collect::<Vec<_>>().await;
    assert!(words.iter().all(Result::is_ok) && began.elapsed() >= millis(150));
}

#[tokio::test]
async fn it_fails_as_often_as_it_is_told_and_then_answers() {
    let (demo, script) = scripted();
    script.fail_times(2, ModelFault::Away);
    for _ in 0..2 {
        assert_eq!(listen(&demo, ask("Hi")).await.1.unwrap_err().fault, ModelFault::Away);
    }
    assert_eq!(listen(&demo, ask("Hi")).await.0, demo_answer(&ask("Hi")));
    assert_eq!(script.calls(), 3);
}

#[tokio::test]
async fn it_ends_in_every_way_it_is_told_to() {
    let (demo, script) = scripted();
    let wait = Some(Duration::from_secs(9));
    for (act, text, end) in [
        (DemoAct::BlockPrompt, "", Ok(Verdict::PromptBlocked)),
        (DemoAct::Withhold { after_words: 2 }, "You said: ", Ok(Verdict::Withheld)),
        (DemoAct::Truncate { after_words: 1 }, "You ", Ok(Verdict::Truncated)),
        (DemoAct::Say("Just this.".to_owned()), "Just this.", Ok(Verdict::Complete)),
        (DemoAct::Empty, "", Err((ModelFault::Empty, None))),
        (
            DemoAct::Fail { after_words: 1, fault: ModelFault::Slowed, retry_after: wait },
            "You ",
            Err((ModelFault::Slowed, wait)),
        ),
    ] {
        script.then(act);
        let (said, ended) = listen(&demo, ask("Hi")).await;
        let ended = ended.map(|ending| ending.verdict).map_err(|failure| (failure.fault, failure.retry_after));
        assert_eq!((said.as_str(), ended), (text, end));
    }
}

#[tokio::test]
async fn it_does_the_same_for_ever_where_it_is_told_so() {
    let (demo, script) = scripted();
    script.otherwise(DemoAct::fail(ModelFault::Exhausted));
    script.then(DemoAct::Answer);
    assert!(listen(&demo, ask("Hi")).await.1.is_ok());
    for _ in 0..3 {
        assert_eq!(listen(&demo, ask("Hi")).await.1.unwrap_err().fault, ModelFault::Exhausted);
    }
}

#[tokio::test]
async fn it_can_die_and_the_call_is_over() {
    let (demo, script) = scripted();
    script.then(DemoAct::Panic { after_words: 1 });
    assert!(AssertUnwindSafe(listen(&demo, ask("Hi"))).catch_unwind().await.is_err());
    assert_eq!(script.running(), 0);
}

#[tokio::test]
async fn it_can_fall_silent_until_it_is_dropped() {
    let (demo, script) = scripted();
    script.then(DemoAct::Hang { after_words: 1 });
    let mut stream = demo.answer(ask("Hi"));
    assert!(stream.next().await.is_some());
    assert!(tokio::time::timeout(millis(50), stream.next()).await.is_err());
    assert_eq!(script.running(), 1);
    drop(stream);
    assert_eq!(script.running(), 0);
}

#[tokio::test]
async fn it_counts_the_answers_written_at_one_time() {
    let (demo, script) = scripted();
    script.pace(millis(20), Duration::ZERO);
    futures_util::future::join_all((0..5).map(|_| listen(&demo, ask("Hi")))).await;
    assert_eq!((script.calls(), script.peak(), script.running()), (5, 5, 0));
}

#[tokio::test]
async fn a_small_limit_cuts_it_off() {
    let (demo, _) = scripted();
    let (text, end) = listen(&demo, Prompt { max_output_tokens: 2, ..ask("Hi") }).await;
    assert_eq!((text.as_str(), end.unwrap().verdict), ("You said: ", Verdict::Truncated));
}
