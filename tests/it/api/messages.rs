//! Messages: sent, waited for, shown.

use std::time::{Duration, Instant};

use pollux::providers::model::ModelFault;
use pollux::providers::model_demo::DemoAct;
use pollux::worker;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::harness::{Engine, TestApp, on_both_engines};

fn work(app: &TestApp) -> DropGuard {
    let stop = CancellationToken::new();
    tokio::spawn(worker::run(app.house.app.clone(), stop.clone(), CancellationToken::new(), Duration::ZERO));
    stop.drop_guard()
}

on_both_engines! {
    async fn a_message_is_taken_whole_and_its_reply_is_told(app) {
        let user = app.user().await;
        let room = user.room().await;
        let sent = user.say(&room, "Why is the sky blue?\n\tReally.").await.expect(202);
        let (message, reply) = (&sent.body["message"], &sent.body["reply"]);
        assert_eq!(message["content"], "Why is the sky blue?\n\tReally.");
        assert_eq!((&message["role"], &message["status"]), (&json!("user"), &json!("complete")));
        assert_eq!(message["chatroom_id"], room);
        assert_eq!(message["created_at"], "2026-11-21T12:00:00.000Z");
        assert!(message.get("reply_to").is_none());
        assert_eq!((&reply["role"], &reply["status"]), (&json!("assistant"), &json!("pending")));
        assert_eq!((&reply["content"], &reply["reply_to"]), (&json!(""), &message["id"]));
        assert_eq!(sent.body["stream"], format!("/chatroom/{room}/stream"));

        let detail = |of: &Value| format!("/chatroom/{room}/message/{}", of["id"].as_str().unwrap());
        assert_eq!(user.get(&detail(message)).await.expect(200).body, *message);
        assert_eq!(user.get(&detail(reply)).await.expect(200).body["status"], "pending");
        app.run_jobs().await;
        let done = user.get(&detail(reply)).await.expect(200).body;
        assert_eq!((&done["status"], &done["outcome"], &done["attempt"]), (&json!("complete"), &json!("completed"), &json!(1)));
        assert_eq!(done["error"], Value::Null);
        assert!(done["model"].is_string() && done["usage"]["reply_tokens"].as_u64().unwrap() > 0);
        let elsewhere = user.room().await;
        let moved = format!("/chatroom/{elsewhere}/message/{}", reply["id"].as_str().unwrap());
        user.get(&moved).await.expect_problem(404, "not_found");
    }

    async fn a_reply_that_fails_says_why_and_gives_its_unit_back_once(app) {
        let user = app.user().await;
        let room = user.room().await;
        app.model.then(DemoAct::fail(ModelFault::Rejected));
        let sent = user.say(&room, "hello").await.expect(202);
        app.run_jobs().await;
        let detail = format!("/chatroom/{room}/message/{}", sent.body["reply"]["id"].as_str().unwrap());
        let failed = user.get(&detail).await.expect(200).body;
        assert_eq!((&failed["status"], &failed["outcome"]), (&json!("failed"), &json!("failed")));
        assert!(failed["error"].is_string());
        app.run_jobs().await;
        assert_eq!(user.used().await, 0);
    }

    async fn who_wants_to_wait_gets_the_reply_in_the_answer(app) {
        let _working = work(&app);
        let user = app.user().await;
        let path = format!("/chatroom/{}/message", user.room().await);
        for (wish, applied) in [("wait=10", "wait=10"), ("respond-async, wait=100", "wait=25")] {
            let sent = user.post_with(&path, &[("prefer", wish)], json!({"content": "hello"})).await.expect(200);
            assert_eq!(sent.body["reply"]["outcome"], "completed");
            assert_eq!(sent.header("preference-applied"), applied);
        }
        app.model.then(DemoAct::fail(ModelFault::Rejected));
        let failed = user.post_with(&path, &[("prefer", "wait=10")], json!({"content": "hello"})).await.expect(200);
        assert_eq!(failed.body["reply"]["status"], "failed");
        app.model.then(DemoAct::Hang { after_words: 1 });
        let began = Instant::now();
        let pending = user.post_with(&path, &[("prefer", "wait=1")], json!({"content": "hello"})).await.expect(202);
        assert!(began.elapsed() >= Duration::from_secs(1));
        assert!(["pending", "generating"].contains(&pending.body["reply"]["status"].as_str().unwrap()));
    }

    async fn text_of_any_script_and_any_syntax_comes_back_as_it_was_sent(app) {
        let user = app.pro().await;
        let (room, mut sent) = (user.room().await, Vec::new());
        for text in [
            "'; drop table messages; --", "' or '1'='1", "\\'); select pg_sleep(9); --", "?1 $1 :name @x %s {0} ${x} \\u0000",
            "<script>alert(1)</script>", "Ẹ̣̀́̂̃ \u{202e}abc\u{202c} \u{200d}", "🏴\u{e0067}\u{e0062}\u{e007f} 👩\u{200d}👩\u{200d}👧", "\u{378}\u{e000}\u{ffff}\u{10ffff}",
            "\u{feff}\u{fffd}", "e\u{301} é", "Ω Ω K K ﬁ", "line\nline\ttab", "\u{1d173}\u{fffe}",
        ] {
            let answer = user.say(&room, text).await;
            assert_eq!((answer.status, &answer.body["message"]["content"]), (202, &json!(text)), "{}", answer.text);
            sent.push(text);
        }
        let listed = user.get(&format!("/chatroom/{room}/messages")).await.expect(200).body;
        let listed = listed["messages"].as_array().unwrap().iter().filter(|message| message["role"] == "user");
        assert_eq!(listed.map(|message| message["content"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), sent);
    }

    async fn what_is_refused_leaves_nothing_and_uses_nothing(app) {
        let user = app.user().await;
        let room = user.room().await;
        let path = format!("/chatroom/{room}/message");
        for (body, pointer, code) in [
            (json!({}), "/content", "required"),
            (json!({"content": ""}), "/content", "blank"),
            (json!({"content": " \n\t "}), "/content", "blank"),
            (json!({"content": null}), "/content", "not_a_text"),
            (json!({"content": ["a"]}), "/content", "not_a_text"),
            (json!({"content": "é".repeat(16_001)}), "/content", "too_long"),
            (json!({"content": "a\u{0}b"}), "/content", "control_character"),
            (json!({"content": "a\u{1b}[31m"}), "/content", "control_character"),
            (json!({"prompt": ""}), "/prompt", "blank"),
            (json!({"content": "a", "prompt": "b"}), "/prompt", "alias_conflict"),
            (json!({"prompt": "a", "message": "b"}), "/message", "alias_conflict"),
            (json!({"content": "a", "role": "assistant"}), "/role", "unknown_member"),
            (json!({"content": "a", "model": "x"}), "/model", "unknown_member"),
            (json!({"content": "a", "history": []}), "/history", "unknown_member"),
            (json!({"content": "a", "user_id": "x"}), "/user_id", "unknown_member"),
            (json!({"content": "a", "temperature": 2}), "/temperature", "unknown_member"),
        ] {
            user.post(&path, body).await.expect_flaw(pointer, code);
        }
        assert_eq!(user.used().await, 0);
        assert_eq!(user.get(&format!("{path}s")).await.expect(200).body["messages"], json!([]));
        assert!(app.house.app.db.queue_depths().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn the_longest_message_is_taken_under_each_of_its_names() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.pro().await;
    let path = format!("/chatroom/{}/message", user.room().await);
    for name in ["content", "prompt", "message"] {
        let long = "🙂".repeat(16_000);
        let sent = user.post(&path, json!({name: long})).await.expect(202);
        assert_eq!(sent.body["message"]["content"], long);
    }
    let same = json!({"content": "a", "prompt": "a", "message": "a"});
    assert_eq!(user.post(&path, same).await.expect(202).body["message"]["content"], "a");
}
