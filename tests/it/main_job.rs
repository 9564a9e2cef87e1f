//! The main job, from a code to a reply.

use serde_json::json;

use crate::harness::on_both_engines;

on_both_engines! {
    async fn a_newcomer_signs_in_opens_a_room_and_reads_the_reply(app) {
        let user = app.user().await;
        let room = user.room().await;
        let sent = user.say(&room, "Why is the sky blue?").await.expect(202);
        assert_eq!(sent.body["reply"]["status"], "pending");
        assert_eq!(sent.body["quota"]["used"], 1);

        app.run_jobs().await;

        let detail = user.get(&format!("/chatroom/{room}")).await.expect(200);
        let messages = detail.body["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[0]["content"], "Why is the sky blue?");
        assert_eq!(messages[1]["status"], "complete");
        assert_eq!(messages[1]["outcome"], "completed");
        assert_eq!(messages[1]["reply_to"], messages[0]["id"]);
        assert!(messages[1]["content"].as_str().unwrap().contains("Why is the sky blue?"));
    }

    async fn earlier_turns_go_to_the_model(app) {
        let user = app.user().await;
        let room = user.post("/chatroom", json!({"instructions": "Be brief."})).await.expect(201);
        let room = room.body["id"].as_str().unwrap();
        for content in ["first", "second"] {
            user.say(room, content).await.expect(202);
            app.run_jobs().await;
        }
        let prompt = app.model.last_prompt().unwrap();
        assert_eq!(prompt.instructions.as_deref(), Some("Be brief."));
        assert_eq!(prompt.turns.len(), 3);
        assert_eq!(prompt.turns[0].text, "first");
        assert_eq!(prompt.turns[2].text, "second");
    }
}
