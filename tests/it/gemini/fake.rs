//! The stand-in itself: it refuses what the original refuses, in the same words, and takes all that the original takes.

use pollux::fakes::gemini::{FakeGemini, RunningGemini};
use pollux::providers::model::{Model as _, ModelFault, Prompt, Speaker, Turn, Verdict};
use pollux::providers::model_gemini::{Gemini, GeminiSettings};
use pollux::providers::outbound;
use serde_json::{Value, json};

use super::{EXAMPLES, KEY, ask, listen, millis, settings};

/// What the original was asked and answered.
fn recorded(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(format!("{EXAMPLES}/{name}.json")).unwrap()).unwrap()
}

async fn post(server: &RunningGemini, path: &str, key: &str, body: &Value) -> (u16, Value) {
    let client = outbound::client(millis(1_000)).unwrap();
    let call = client.post(format!("{}{path}", server.base_url())).header("x-goog-api-key", key);
    let response = call.body(body.to_string()).send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn get(server: &RunningGemini, path: &str) -> (u16, Value) {
    let client = outbound::client(millis(1_000)).unwrap();
    let response =
        client.get(format!("{}{path}", server.base_url())).header("x-goog-api-key", KEY).send().await.unwrap();
    (response.status().as_u16(), serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn what_the_original_refused_is_refused_in_the_same_words() {
    let server = FakeGemini::start().await.unwrap();
    for name in [
        "37_error_400__unknown_field",
        "38_error_400__no_contents",
        "39_error_400__empty_part",
        "40_error_400__ends_with_model_turn",
        "41_error_400__candidate_count",
        "43_error_404__no_such_model",
    ] {
        let recorded = recorded(name);
        let path = recorded["request"]["path"].as_str().unwrap();
        let (status, body) = post(&server, path, KEY, &recorded["request"]["body"]).await;
        assert_eq!(
            (Some(u64::from(status)), &body),
            (recorded["response"]["status"].as_u64(), &recorded["response"]["body"])
        );
    }
}

#[tokio::test]
async fn what_the_original_took_is_taken() {
    let server = FakeGemini::start().await.unwrap();
    let names =
        ["01_generate__multi_turn", "02_generate__image_input", "03_generate__thought_summary", "57_count_tokens"];
    for name in names.into_iter().chain(["07_generate__routed_to_successor", "14_finish_continuation"]) {
        let request = &recorded(name)["request"];
        let path = request["path"].as_str().unwrap();
        for path in [path.to_owned(), path.replace("/v1beta/", "/v1/")] {
            let (status, body) = post(&server, &path, KEY, &request["body"]).await;
            assert_eq!(status, 200, "{name}: {body}");
        }
    }
}

#[tokio::test]
async fn a_caller_without_a_key_is_refused_and_the_key_may_stand_in_the_query() {
    let server = FakeGemini::start().await.unwrap();
    let body = json!({"contents": [{"parts": [{"text": "Hi"}]}]});
    let path = "/v1beta/models/gemini-3.8-flash:generateContent";
    let (status, refused) = post(&server, path, "", &body).await;
    assert_eq!((status, refused), (403, recorded("35_error_403__no_key")["response"]["body"].clone()));
    let (status, _) = post(&server, &format!("{path}?key=somebody"), "", &body).await;
    assert_eq!(status, 200);
    assert!(!server.fake.calls()[1].is_key_in_header);
}

#[tokio::test]
async fn both_name_styles_are_taken_at_every_level() {
    let server = FakeGemini::start().await.unwrap();
    let body = json!({
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"inlineData": {"mime_type": "image/png", "data": "AA=="}}, {"text": "Hi"}]}],
        "generation_config": {"max_output_tokens": 50, "thinkingConfig": {"thinking_level": "LOW"}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
    });
    let (status, answer) = post(&server, "/v1beta/models/gemini-3.8-flash:generateContent", KEY, &body).await;
    assert_eq!(status, 200, "{answer}");
    let mut unknown = body.clone();
    unknown["contents"][0]["parts"][0]["inlineData"]["colour"] = "blue".into();
    let (status, refused) = post(&server, "/v1beta/models/gemini-3.8-flash:generateContent", KEY, &unknown).await;
    assert_eq!(status, 400);
    assert_eq!(
        refused["error"]["message"],
        "Invalid JSON payload received. Unknown name \"colour\" at 'contents[0].parts[0].inline_data': Cannot find field."
    );
}

#[tokio::test]
async fn a_thinking_level_that_the_model_lacks_is_refused() {
    let server = FakeGemini::start().await.unwrap();
    let body = |thinking: Value| json!({"contents": [{"parts": [{"text": "Hi"}]}], "generationConfig": {"thinkingConfig": thinking}});
    let path = |model: &str| format!("/v1/models/{model}:generateContent");
    let minimal = body(json!({"thinkingLevel": "minimal"}));
    assert_eq!(post(&server, &path("gemini-3.8-flash"), KEY, &minimal).await.0, 400);
    assert_eq!(post(&server, &path("gemini-3.5-flash-lite"), KEY, &minimal).await.0, 200);
    let both = body(json!({"thinkingLevel": "low", "thinkingBudget": 100}));
    assert_eq!(post(&server, &path("gemini-3.8-flash"), KEY, &both).await.0, 400);
}

#[tokio::test]
async fn the_catalogue_is_the_recorded_one() {
    let server = FakeGemini::start().await.unwrap();
    let (status, page) = get(&server, "/v1beta/models?pageSize=5").await;
    assert_eq!((status, &page["models"]), (200, &recorded("58_list_models")["response"]["body"]["models"]));
    let (status, model) = get(&server, "/v1beta/models/gemini-3.8-flash").await;
    assert_eq!((status, model), (200, recorded("59_get_model")["response"]["body"].clone()));
    let (_, page) = get(&server, "/v1/models?pageSize=2&pageToken=2").await;
    assert_eq!((page["models"].as_array().unwrap().len(), &page["nextPageToken"]), (2, &json!("4")));
}

#[tokio::test]
async fn our_own_client_sends_nothing_that_is_refused() {
    let server = FakeGemini::start().await.unwrap();
    let gemini = Gemini::new(GeminiSettings { thinking_level: Some("low".to_owned()), ..settings(&server) }).unwrap();
    let turn = |speaker, text: &str| Turn { speaker, text: text.to_owned() };
    let prompt = Prompt {
        instructions: Some("Be brief.".to_owned()),
        turns: vec![turn(Speaker::User, "Hi"), turn(Speaker::Model, "Hello"), turn(Speaker::User, "Why?")],
        ..ask("")
    };
    for _ in 0..3 {
        let (text, end) = listen(&gemini, prompt.clone()).await;
        assert!(text.starts_with("Echo of 3 turns (") && text.ends_with("): Why?"), "{text}");
        assert_eq!(end.as_ref().unwrap().verdict, Verdict::Complete);
        assert_eq!(end.unwrap().model_version.as_deref(), Some("gemini-3.8-flash"));
    }
    let call = &server.fake.calls()[0];
    assert_eq!(call.path, "/v1beta/models/gemini-3.8-flash:streamGenerateContent");
    assert_eq!((call.query.as_deref(), call.key.as_str(), call.is_key_in_header), (Some("alt=sse"), KEY, true));
    let members: Vec<_> = call.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["systemInstruction", "contents", "generationConfig"]);
    assert_eq!(
        call.body["generationConfig"],
        json!({"maxOutputTokens": 1024, "thinkingConfig": {"thinkingLevel": "low"}})
    );
}

#[tokio::test]
async fn one_lost_turn_changes_the_echo() {
    let server = FakeGemini::start().await.unwrap();
    let gemini = Gemini::new(settings(&server)).unwrap();
    let (one, _) = listen(&gemini, ask("Why?")).await;
    let with_instructions = Prompt { instructions: Some("Be brief.".to_owned()), ..ask("Why?") };
    let (other, _) = listen(&gemini, with_instructions).await;
    assert_ne!(one, other);
}

#[tokio::test]
async fn the_thinking_of_every_third_answer_is_paid_for() {
    let server = FakeGemini::start().await.unwrap();
    let gemini = Gemini::new(settings(&server)).unwrap();
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(listen(&gemini, ask("Why?")).await.1.unwrap().usage.reply_tokens);
    }
    assert_eq!(tokens, [6, 6, 48]);
}

#[tokio::test]
async fn a_small_limit_cuts_the_echo_off() {
    let server = FakeGemini::start().await.unwrap();
    let gemini = Gemini::new(settings(&server)).unwrap();
    let (text, end) = listen(&gemini, Prompt { max_output_tokens: 3, ..ask("Why?") }).await;
    assert_eq!((text.as_str(), end.unwrap().verdict), ("Echo of 1 ", Verdict::Truncated));
}

#[tokio::test]
async fn a_probe_knows_the_models_that_answer() {
    let server = FakeGemini::start().await.unwrap();
    let gemini = Gemini::new(settings(&server)).unwrap();
    assert_eq!(gemini.probe("gemini-3.8-flash").await, Ok(()));
    assert_eq!(gemini.probe("gemini-1.5-pro").await.unwrap_err().fault, ModelFault::Misconfigured);
}
