//! What a room is called from its first message on.

use serde_json::json;

use super::{name_of, named, unnamed};
use crate::harness::on_both_engines;

on_both_engines! {
    async fn a_room_goes_by_its_first_words_from_the_answer_to_its_first_message_on(app) {
        let user = app.user().await;
        let room = unnamed(&user).await;
        assert_eq!(name_of(&user, &room).await, "New chat");
        user.say(&room, "Why is the sky\nblue?").await.expect(202);
        assert_eq!(name_of(&user, &room).await, "Why is the sky blue?");
        user.say(&room, "And the sea?").await.expect(202);
        assert_eq!(name_of(&user, &room).await, "Why is the sky blue?", "the first message names it");
    }

    async fn a_name_given_by_the_owner_stays_whatever_is_said(app) {
        let user = app.user().await;
        let room = user.room().await;
        user.say(&room, "Why is the sky blue?").await.expect(202);
        assert_eq!(name_of(&user, &room).await, "A room");
        let renamed = unnamed(&user).await;
        user.patch(&format!("/chatroom/{renamed}"), named("New chat")).await.expect(200);
        user.say(&renamed, "Why is the sky blue?").await.expect(202);
        app.run_jobs().await;
        assert_eq!(name_of(&user, &renamed).await, "New chat", "a name that is given is a name");
    }

    async fn who_watches_the_room_is_told(app) {
        let user = app.user().await;
        let room = unnamed(&user).await;
        let mut events = user.watch(&room, None).await;
        user.say(&room, "Why is the sky blue?").await.expect(202);
        let told = events.until("room.updated").await;
        assert_eq!(told.data["chatroom"]["name"], "Why is the sky blue?");
        app.run_jobs().await;
        let told = events.until("room.updated").await;
        assert_eq!(told.data["chatroom"]["name"], "Demo: Why is the sky blue?");
    }

    async fn a_message_that_is_refused_names_nothing(app) {
        let (user, stranger) = (app.user().await, app.user().await);
        let room = unnamed(&user).await;
        user.say(&room, "").await.expect(422);
        stranger.say(&room, "Mine now").await.expect(404);
        assert_eq!(name_of(&user, &room).await, "New chat");
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn hostile_first_words_make_a_harmless_name(app) {
        let user = app.user().await;
        let long = "x".repeat(16_000);
        let cases = [
            ("\u{202e}gnp.txt", "gnp.txt"),
            ("one\r\n\ttwo\u{2028}three", "one two three"),
            (long.as_str(), &format!("{}…", &long[..39])),
            ("\u{200b}\u{feff}\u{2060}", "New chat"),
            ("\u{2800}\u{3164}", "New chat"),
            ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
            ("👨\u{200d}👩\u{200d}👧 Wie alt?", "👨\u{200d}👩\u{200d}👧 Wie alt?"),
            ("'; drop table chatrooms; --", "'; drop table chatrooms; --"),
        ];
        for (said, name) in cases {
            let room = unnamed(&user).await;
            user.say(&room, said).await.expect(202);
            assert_eq!(name_of(&user, &room).await, name, "{said:?}");
        }
    }

    async fn the_same_message_sent_again_by_its_key_names_nothing_anew(app) {
        let user = app.user().await;
        let room = unnamed(&user).await;
        let path = format!("/chatroom/{room}/message");
        for _ in 0..2 {
            user.post_with(&path, &[("idempotency-key", "k1")], json!({"content": "First"})).await.expect(202);
        }
        assert_eq!(name_of(&user, &room).await, "First");
        assert_eq!(user.used().await, 1);
    }
}
