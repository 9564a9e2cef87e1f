//! A hostile or sick upstream: late, silent, endless, elsewhere; and a key that nobody gets to see.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use pollux::fakes::gemini::{FakeGemini, Reply};
use pollux::providers::model::{Model as _, ModelFault, Piece, Prompt, Verdict};
use pollux::providers::model_gemini::{Gemini, GeminiSettings};

use super::{KEY, Told, ask, example, listen, millis, settings, told};

/// The answer to a scripted reply by a client with little patience, and how long it took.
async fn told_within(reply: Reply, change: impl FnOnce(&mut GeminiSettings)) -> (Told, Duration) {
    let server = FakeGemini::start().await.unwrap();
    server.fake.then(reply);
    let mut settings = settings(&server);
    change(&mut settings);
    let began = Instant::now();
    let told = listen(&Gemini::new(settings).unwrap(), ask("Why?")).await;
    (told, began.elapsed())
}

#[tokio::test]
async fn a_first_byte_that_is_late_is_not_waited_for() {
    let late = example("22_stream__normal").after(millis(5_000));
    let ((text, end), took) = told_within(late, |settings| settings.first_byte = millis(150)).await;
    assert_eq!((text.as_str(), end.unwrap_err().note.as_str()), ("", "no answer in time"));
    assert!(took < millis(2_000), "{took:?}");
}

#[tokio::test]
async fn a_slow_first_byte_within_the_limit_is_waited_for() {
    let slow = example("22_stream__normal").after(millis(150));
    let ((text, end), _) = told_within(slow, |settings| settings.gap = millis(50)).await;
    assert_eq!((text.as_str(), end.unwrap().verdict), ("Your name is Asha.", Verdict::Complete));
}

#[tokio::test]
async fn a_silence_inside_the_body_is_not_waited_for() {
    let stalled = example("22_stream__normal").stalled_at(700);
    let ((text, end), took) = told_within(stalled, |settings| settings.gap = millis(150)).await;
    assert_eq!((text.as_str(), end.unwrap_err().fault), ("Your ", ModelFault::Away));
    assert!(took < millis(2_000), "{took:?}");
}

#[tokio::test]
async fn a_stall_after_the_last_event_is_no_clean_end() {
    let length = example("22_stream__normal").body().len();
    let stalled = example("22_stream__normal").stalled_at(length);
    let ((_, end), _) = told_within(stalled, |settings| settings.gap = millis(150)).await;
    assert_eq!(end.unwrap_err().fault, ModelFault::Away);
}

#[tokio::test]
async fn an_answer_that_drips_on_for_ever_ends_at_the_total() {
    let dripping = Reply::endless().in_pieces(1, millis(20));
    let ((_, end), took) = told_within(dripping, |settings| settings.total = millis(300)).await;
    assert_eq!(end.unwrap_err().note, "no answer in time");
    assert!(took >= millis(300) && took < millis(2_000), "{took:?}");
}

#[tokio::test]
async fn endless_text_is_cut_off_at_the_most_that_is_allowed() {
    let (text, end) = told(Reply::endless()).await;
    let failure = end.unwrap_err();
    assert_eq!(failure.fault, ModelFault::Away);
    assert_eq!(failure.note, "the answer has more than 1048576 bytes of text");
    assert!(text.len() <= 1_048_576, "{}", text.len());
}

#[tokio::test]
async fn an_endless_line_is_cut_off() {
    let (text, end) = told(Reply::endless_line()).await;
    assert_eq!((text.as_str(), end.unwrap_err().note.as_str()), ("", "a line or an event is too long"));
}

#[tokio::test]
async fn endless_events_without_text_are_cut_off() {
    let endless = Reply::endless_of("data: {\"usageMetadata\": {}}\n\n".repeat(1_000));
    let ((text, end), _) = told_within(endless, |settings| settings.max_text = 10_000).await;
    assert_eq!((text.as_str(), end.unwrap_err().note.as_str()), ("", "the body is too long"));
}

#[tokio::test]
async fn an_endless_error_is_cut_off() {
    let ((_, end), _) = told_within(Reply::endless_of("x".repeat(10_000)).status(503), |_| {}).await;
    assert_eq!(end.unwrap_err().note, "status 503");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_key_goes_nowhere_else() {
    let elsewhere = FakeGemini::start().await.unwrap();
    let target = format!("{}/v1beta/models/gemini-3.8-flash:generateContent", elsewhere.base_url());
    let (text, end) = told(Reply::redirect(&target)).await;
    let failure = end.unwrap_err();
    assert_eq!((text.as_str(), failure.fault), ("", ModelFault::Away));
    assert_eq!(failure.note, "status 307: no redirect is followed");
    assert!(elsewhere.fake.calls().is_empty());
}

#[tokio::test]
async fn a_header_that_names_a_wait_is_obeyed() {
    let (_, end) = told(example("51_error_503__overloaded").header("retry-after", "7")).await;
    assert_eq!(end.unwrap_err().retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn nobody_listening_is_away() {
    let server = FakeGemini::start().await.unwrap();
    let gemini = Gemini::new(settings(&server)).unwrap();
    drop(server);
    let (_, end) = listen(&gemini, ask("Why?")).await;
    let failure = end.unwrap_err();
    assert_eq!(failure.fault, ModelFault::Away);
    assert!(!failure.to_string().contains("127.0.0.1"), "{failure}");
}

#[tokio::test]
async fn dropping_the_answer_ends_the_call() {
    let server = FakeGemini::start().await.unwrap();
    server.fake.otherwise(Some(Reply::endless().in_pieces(20_000, millis(10))));
    let gemini = Gemini::new(settings(&server)).unwrap();
    let mut stream = gemini.answer(ask("Why?"));
    assert!(matches!(stream.next().await, Some(Ok(Piece::Text(_)))));
    drop(stream);
    server.fake.otherwise(None);
    let (text, _) = listen(&gemini, ask("Again?")).await;
    assert!(text.ends_with("Again?"), "{text}");
}

#[tokio::test]
async fn the_key_is_in_no_error_and_in_no_debug_form() {
    let server = FakeGemini::start().await.unwrap();
    let settings = settings(&server);
    let gemini = Gemini::new(settings.clone()).unwrap();
    server.fake.then(example("34_error_400__bad_key"));
    let (_, end) = listen(&gemini, ask("Why?")).await;
    let failure = end.unwrap_err();
    for shown in [format!("{settings:?}"), format!("{gemini:?}"), format!("{failure:?}"), failure.to_string()] {
        assert!(!shown.contains(KEY), "{shown}");
    }
}

#[test]
fn a_key_or_an_address_that_can_never_work_is_refused_at_the_start() {
    let with = |key: &str, base_url: &str| {
        Gemini::new(GeminiSettings { base_url: base_url.to_owned(), ..GeminiSettings::new(key.into()) })
    };
    for (key, base_url) in [
        ("", "http://127.0.0.1"),
        ("two\nlines-of-key", "http://127.0.0.1"),
        (KEY, "not an address"),
        (KEY, "file:///etc"),
        (KEY, "http://127.0.0.1/?key=x"),
    ] {
        let refused = with(key, base_url).unwrap_err();
        assert!(!format!("{refused:?} {refused}").contains("lines-of-key"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_model_name_that_is_no_name_calls_nobody() {
    let server = FakeGemini::start().await.unwrap();
    let gemini = Gemini::new(settings(&server)).unwrap();
    for model in ["", "../../v1/models", "a b", "gemini?alt=json", "x:countTokens"] {
        let (_, end) = listen(&gemini, Prompt { model: model.to_owned(), ..ask("Why?") }).await;
        assert_eq!(end.unwrap_err().fault, ModelFault::Misconfigured, "{model}");
    }
    assert!(server.fake.calls().is_empty());
}
