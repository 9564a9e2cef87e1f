//! Who may ask, and for what.

use serde_json::json;

use super::reading::read;
use crate::harness::{Engine, TestApp};

#[tokio::test]
async fn texts_are_answered_in_their_order_each_by_itself() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let texts = ["# a", "", "[b]\n\n- c", "[b]: https://d.example"];
    let answer = user.post("/markdown", json!({"texts": texts})).await.expect(200);
    assert_eq!(answer.body, json!({"documents": texts.map(read)}));
    assert_eq!(user.post("/api/v1/markdown/", json!({"texts": texts})).await.expect(200).body, answer.body);
}

#[tokio::test]
async fn only_one_to_a_hundred_texts_are_taken() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    user.post("/markdown", json!({"texts": vec!["a"; 100]})).await.expect(200);
    for (texts, code) in [
        (json!([]), "out_of_range"),
        (json!(vec!["a"; 101]), "out_of_range"),
        (json!("a"), "not_a_list"),
        (json!(null), "not_a_list"),
        (json!({"0": "a"}), "not_a_list"),
        (json!(["a", 1]), "not_a_text"),
        (json!([["a"]]), "not_a_text"),
    ] {
        user.post("/markdown", json!({"texts": texts})).await.expect_flaw("/texts", code);
    }
    user.post("/markdown", json!({})).await.expect_flaw("/texts", "required");
    user.post("/markdown", json!({"texts": ["a"], "html": true})).await.expect_flaw("/html", "unknown_member");
}

#[tokio::test]
async fn texts_are_as_long_together_as_a_body_may_be() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let around = json!({"texts": [""]}).to_string().len();
    let longest = "a".repeat(65_536 - around);
    user.post("/markdown", json!({"texts": [longest]})).await.expect(200);
    user.post("/markdown", json!({"texts": [longest + "a"]})).await.expect_problem(413, "body_too_large");
}

#[tokio::test]
async fn a_stranger_is_told_to_sign_in_and_who_asks_too_often_to_wait() {
    let app = TestApp::start_with(Engine::Sqlite, &[("USER_REQUESTS_PER_MINUTE", "2")]).await;
    let texts = json!({"texts": ["a"]});
    app.client().post("/markdown", texts.clone()).await.expect_problem(401, "authentication_required");
    let user = app.user().await;
    let mut answers = Vec::new();
    while answers.last().is_none_or(|status| *status == 200) && answers.len() < 100 {
        answers.push(user.post("/markdown", texts.clone()).await.status);
    }
    assert_eq!((answers.len() > 1, answers.last()), (true, Some(&429)));
}
