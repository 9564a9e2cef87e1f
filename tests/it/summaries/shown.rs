//! A summary is shown to the owner of the room, who can take it away, and goes where the room's data goes.

use std::time::Duration;

use pollux::domain::summary::HEADING;
use pollux::providers::model::ModelFault;
use pollux::providers::model_demo::DemoAct;
use serde_json::{Value, json};

use super::{ask_for_summary, exchange, long_room, materials, own, summary};
use crate::harness::on_both_engines;

on_both_engines! {
    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn a_summary_is_shown_with_what_it_covers_and_to_its_owner_alone(app) {
        let user = app.user().await;
        let fresh = user.room().await;
        assert_eq!(summary(&user, &fresh).await, Value::Null);
        let room = long_room(&app, &user).await;
        let shown = summary(&user, &room).await;
        assert_eq!(shown.as_object().unwrap().keys().collect::<Vec<_>>(), ["content", "covers", "updated_at"]);
        assert!(shown["content"].as_str().unwrap().contains("My name is Asha"));
        let covers = format!("/chatroom/{room}/message/{}", shown["covers"].as_str().unwrap());
        assert_eq!(user.get(&covers).await.expect(200).body["role"], "assistant");
        app.user().await.get(&format!("/chatroom/{room}")).await.expect(404);
        let listed = user.get("/chatroom").await.expect(200).body;
        assert!(!listed.to_string().contains("summary"), "the list does not carry it");
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn who_watches_the_room_is_told_of_a_new_summary_and_of_its_end(app) {
        let user = app.user().await;
        let room = user.room().await;
        for number in 1..=20 {
            exchange(&app, &user, &room, &format!("Thing {number}.")).await;
        }
        let mut events = user.watch(&room, None).await;
        exchange(&app, &user, &room, "Thing 21.").await;
        events.until("reply.finished").await;
        assert_eq!(events.until("room.updated").await.data["chatroom"]["id"], room);
        assert!(!summary(&user, &room).await.is_null());
        user.patch(&format!("/chatroom/{room}"), json!({"summary": null})).await.expect(200);
        events.until("room.updated").await;
        assert!(summary(&user, &room).await.is_null());
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn a_summary_that_is_taken_away_stays_away_with_all_it_told(app) {
        let user = app.user().await;
        let room = long_room(&app, &user).await;
        user.patch(&format!("/chatroom/{room}"), json!({"summary": null})).await.expect(200);
        assert_eq!(summary(&user, &room).await, Value::Null);
        ask_for_summary(&app, &user, &room).await;
        app.run_jobs().await;
        assert_eq!((summary(&user, &room).await, materials(&app).len()), (Value::Null, 1));
        exchange(&app, &user, &room, "Go on.").await;
        let prompt = app.model.last_prompt().unwrap();
        assert!(prompt.turns.iter().all(|turn| !turn.text.starts_with(HEADING)));
        for number in 23..=42 {
            exchange(&app, &user, &room, &format!("Thing {number}.")).await;
        }
        let next = summary(&user, &room).await["content"].as_str().unwrap().to_owned();
        assert!(!next.contains("Asha") && next.contains("Thing 1"), "{next}");
    }

    async fn only_null_is_taken_for_a_summary(app) {
        let user = app.user().await;
        let room = format!("/chatroom/{}", user.room().await);
        for other in [json!("mine"), json!({}), json!(0), json!("")] {
            user.patch(&room, json!({"summary": other})).await.expect_flaw("/summary", "not_null");
        }
        user.patch(&room, json!({"summary": null, "name": "B"})).await.expect(200);
        assert_eq!(user.get(&room).await.expect(200).body["name"], "B");
        let stranger = app.user().await;
        stranger.patch(&room, json!({"summary": null})).await.expect(404);
        user.post("/chatroom", json!({"summary": null})).await.expect_flaw("/summary", "unknown_member");
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn a_stranger_can_not_take_a_summary_away(app) {
        let (user, stranger) = (app.user().await, app.user().await);
        let room = long_room(&app, &user).await;
        stranger.patch(&format!("/chatroom/{room}"), json!({"summary": null})).await.expect(404);
        assert!(!summary(&user, &room).await.is_null());
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn an_export_holds_it_and_a_room_that_is_deleted_takes_it_along(app) {
        let user = app.user().await;
        let room = long_room(&app, &user).await;
        user.room().await;
        let exported = user.get("/user/me/export").await.expect(200).body;
        let (long, others): (Vec<_>, Vec<_>) =
            exported["chatrooms"].as_array().unwrap().iter().partition(|exported| exported["id"] == room);
        assert_eq!((long.len(), &long[0]["summary"]), (1, &summary(&user, &room).await));
        assert_eq!((others.len(), &others[0]["summary"]), (1, &Value::Null));
        user.delete(&format!("/chatroom/{room}")).await.expect(204);
        let left = app.house.app.db.covered(own(&user, &room).await).await.unwrap();
        assert!(left.is_none());
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn a_summary_that_fails_is_asked_for_again_with_the_next_reply(app) {
        let user = app.user().await;
        let room = user.room().await;
        for number in 1..=20 {
            exchange(&app, &user, &room, &format!("Thing {number}.")).await;
        }
        app.model.then(DemoAct::Answer);
        app.model.fail_times(2, ModelFault::Away);
        exchange(&app, &user, &room, "Thing 21.").await;
        for _ in 0..3 {
            app.advance(Duration::from_mins(1));
            app.run_jobs().await;
        }
        assert_eq!((materials(&app).len(), summary(&user, &room).await), (2, Value::Null));
        assert!(app.house.app.db.dead_jobs(9).await.unwrap().is_empty());
        exchange(&app, &user, &room, "Thing 22.").await;
        assert!(!summary(&user, &room).await.is_null());
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn what_the_model_refuses_to_summarise_is_passed_over(app) {
        let user = app.user().await;
        let room = user.room().await;
        for number in 1..=20 {
            exchange(&app, &user, &room, &format!("Thing {number}.")).await;
        }
        app.model.then(DemoAct::Answer);
        app.model.then(DemoAct::BlockPrompt);
        exchange(&app, &user, &room, "Thing 21.").await;
        assert_eq!(summary(&user, &room).await, Value::Null);
        exchange(&app, &user, &room, "Thing 22.").await;
        assert_eq!(materials(&app).len(), 1, "it is not asked of again");
    }
}
