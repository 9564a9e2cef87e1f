//! What the log is told of an answer: what the operator must act on, and no word of the outside or the key.

use std::io::Write;
use std::sync::{Arc, Mutex};

use pollux::fakes::gemini::{FakeGemini, Reply};
use pollux::providers::model_gemini::Gemini;
use serde_json::json;

use super::{KEY, ask, example, listen, settings};

/// A log that is kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is logged while these replies come, one after the other, to one client.
async fn logged(replies: Vec<Reply>) -> String {
    // Another test may come upon a line first, with nobody listening, and it would be off for all: somebody listens.
    let nobody = tracing_subscriber::fmt().with_writer(std::io::sink).finish();
    let _ = tracing::subscriber::set_global_default(nobody);
    let kept = Kept::default();
    let writer = kept.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = FakeGemini::start().await.unwrap();
    let gemini = Gemini::new(settings(&server)).unwrap();
    for reply in replies {
        server.fake.then(reply);
        let _ = listen(&gemini, ask("Why is the sky blue?")).await;
    }
    let log = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    assert!(!log.contains(KEY) && !log.contains("sky"), "{log}");
    log
}

fn in_stage(stage: &str) -> Reply {
    let candidate = json!({"content": {"parts": [{"text": "The sky is blue."}]}, "finishReason": "STOP"});
    let status = json!({"modelStage": stage, "message": "the sky falls"});
    Reply::json(200, &json!({"candidates": [candidate], "modelStatus": status}))
}

#[tokio::test]
async fn a_model_that_is_about_to_go_is_warned_of_once() {
    let log = logged(vec![in_stage("DEPRECATED"), in_stage("DEPRECATED"), in_stage("DEPRECATED")]).await;
    assert_eq!(log.matches("WARN").count(), 1, "{log}");
    assert!(log.contains("not stable any more") && log.contains("model=\"gemini-3.8-flash\""), "{log}");
    assert!(log.contains("stage=\"DEPRECATED\""), "{log}");
}

#[tokio::test]
async fn a_model_in_good_health_is_no_news() {
    assert_eq!(logged(vec![in_stage("STABLE"), in_stage("PREVIEW"), in_stage("the sky")]).await, "");
}

#[tokio::test]
async fn a_limit_that_leaves_no_room_is_a_fault_of_the_configuration() {
    let log = logged(vec![example("13_finish_max_tokens__no_text")]).await;
    assert!(log.contains("WARN") && log.contains("raise the limit") && log.contains("tokens=61"), "{log}");
}

#[tokio::test]
async fn a_refusal_is_logged_with_its_reason() {
    let log = logged(vec![example("08_blocked_prompt__safety"), example("11_finish_recitation")]).await;
    assert!(log.contains("reason=\"SAFETY\"") && log.contains("reason=\"RECITATION\""), "{log}");
}
