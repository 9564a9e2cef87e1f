//! Rooms: made, shown, changed, deleted.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Engine, TestApp, on_both_engines};

on_both_engines! {
    async fn a_room_is_made_shown_changed_and_deleted(app) {
        let user = app.user().await;
        let wish = json!({"name": "Goa 🏝️", "instructions": "Be brief.\n", "model": null});
        let made = user.post("/chatroom", wish).await.expect(201).body;
        assert_eq!(made["name"], "Goa 🏝️");
        assert_eq!(made["instructions"], "Be brief.\n");
        assert_eq!(made["model"], Value::Null);
        assert_eq!(made["created_at"], "2026-11-21T12:00:00.000Z");
        assert_eq!(made["updated_at"], made["created_at"]);
        let path = format!("/chatroom/{}", made["id"].as_str().unwrap());

        let shown = user.get(&path).await.expect(200).body;
        assert_eq!(shown["name"], made["name"]);
        assert_eq!((&shown["messages"], &shown["next_cursor"]), (&json!([]), &Value::Null));

        let renamed = user.patch(&path, json!({"title": "Goa in May"})).await.expect(200).body;
        assert_eq!((&renamed["name"], &renamed["instructions"]), (&json!("Goa in May"), &made["instructions"]));
        let cleared = user.patch(&path, json!({"instructions": null})).await.expect(200).body;
        assert_eq!((&cleared["name"], &cleared["instructions"]), (&json!("Goa in May"), &Value::Null));
        assert_eq!(user.patch(&path, json!({})).await.expect(200).body, cleared);

        user.delete(&path).await.expect(204);
        user.get(&path).await.expect_problem(404, "not_found");
        user.delete(&path).await.expect_problem(404, "not_found");
        user.patch(&path, json!({"name": "x"})).await.expect_problem(404, "not_found");
    }

    async fn a_user_has_500_rooms_at_most_however_many_are_made_at_once(app) {
        let user = app.user().await;
        for _ in 0..7 {
            for made in join_all((0..70).map(|_| user.post("/chatroom", json!({})))).await {
                made.expect(201);
            }
        }
        let last = join_all((0..30).map(|_| user.post("/chatroom", json!({})))).await;
        assert_eq!(last.iter().filter(|answer| answer.status == 201).count(), 10);
        for refused in last.into_iter().filter(|answer| answer.status != 201) {
            refused.expect_problem(409, "room_limit_reached");
        }
        let key = [("idempotency-key", "k")];
        user.post_with("/chatroom", &key, json!({})).await.expect_problem(409, "room_limit_reached");
        let room = user.get("/chatroom?limit=1").await.body["chatrooms"][0]["id"].as_str().unwrap().to_owned();
        user.delete(&format!("/chatroom/{room}")).await.expect(204);
        let made = user.post_with("/chatroom", &key, json!({})).await.expect(201);
        assert_eq!(made.header("idempotency-replayed"), "");
        app.user().await.post("/chatroom", json!({})).await.expect(201);
    }
}

#[tokio::test]
async fn a_name_is_checked_when_given_and_there_is_one_when_not() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    assert_eq!(user.post("/chatroom", json!({})).await.expect(201).body["name"], "New chat");
    let path = format!("/chatroom/{}", user.room().await);
    for (name, code) in [
        (String::new(), "blank"),
        (" \u{3000}".to_owned(), "blank"),
        ("é".repeat(121), "too_long"),
        ("a\u{0}b".to_owned(), "control_character"),
        ("a\nb".to_owned(), "control_character"),
        ("a\u{2028}b".to_owned(), "control_character"),
        ("\u{202e}abc".to_owned(), "control_character"),
        ("\u{2067}abc".to_owned(), "control_character"),
        ("\u{85}".to_owned(), "control_character"),
        ("\u{7f}".to_owned(), "control_character"),
    ] {
        user.post("/chatroom", json!({"name": name})).await.expect_flaw("/name", code);
        user.patch(&path, json!({"title": name})).await.expect_flaw("/title", code);
    }
    for name in ["é".repeat(120), "👩‍👩‍👧".to_owned(), " padded ".to_owned(), "رحلة \"'<script>".to_owned()]
    {
        assert_eq!(user.post("/chatroom", json!({"name": name})).await.expect(201).body["name"], name);
    }
    for null in ["name", "title"] {
        user.patch(&path, json!({null: null})).await.expect_flaw(&format!("/{null}"), "not_a_text");
    }
    user.post("/chatroom", json!({"name": "a", "title": "a"})).await.expect(201);
    user.post("/chatroom", json!({"name": "a", "title": "b"})).await.expect_flaw("/title", "alias_conflict");
}

#[tokio::test]
async fn instructions_and_model_have_rules_of_their_own() {
    let app = TestApp::start(Engine::Sqlite).await;
    let (user, pro) = (app.user().await, app.pro().await);
    let path = format!("/chatroom/{}", user.room().await);
    for (instructions, code) in [("", "blank"), (&"a".repeat(4_001), "too_long"), ("\u{1b}[0m", "control_character")] {
        user.post("/chatroom", json!({"instructions": instructions})).await.expect_flaw("/instructions", code);
        user.patch(&path, json!({"instructions": instructions})).await.expect_flaw("/instructions", code);
    }
    let models = &app.house.app.config.gemini;
    for model in ["gpt", "", &models.model_pro, &"m".repeat(101)] {
        user.post("/chatroom", json!({"model": model})).await.expect_flaw("/model", "model_not_offered");
        user.patch(&path, json!({"model": model})).await.expect_flaw("/model", "model_not_offered");
    }
    for (who, model) in [(&user, &models.model), (&pro, &models.model), (&pro, &models.model_pro)] {
        assert_eq!(who.post("/chatroom", json!({"model": model})).await.expect(201).body["model"], *model);
    }
    let set = user.patch(&path, json!({"model": models.model})).await.expect(200);
    assert_eq!(set.body["model"], models.model);
    assert_eq!(user.patch(&path, json!({"model": null})).await.expect(200).body["model"], Value::Null);
}
