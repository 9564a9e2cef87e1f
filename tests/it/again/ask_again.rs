//! A further reply to a message.

use futures_util::future::join_all;
use pollux::providers::model_demo::DemoAct;
use serde_json::json;

use super::{id_of, last_turns, listed, regenerate, send, send_in_vain, show};
use crate::harness::on_both_engines;

/// Has the next replies say these.
macro_rules! says {
    ($app:expr, $($text:literal),+) => { $($app.model.then(DemoAct::Say($text.to_owned()));)+ };
}

on_both_engines! {
    async fn a_further_reply_is_accepted_like_a_message_and_the_first_one_is_kept(app) {
        says!(app, "One.", "Two.");
        let (user, room) = { let user = app.user().await; let room = user.room().await; (user, room) };
        let (message, first) = send(&user, &room, "Count.").await;
        app.run_jobs().await;
        let again = regenerate(&user, &room, &first).await.expect(202);
        assert_eq!(again.header("ratelimit"), "\"daily\";r=3;t=43200");
        let (asked, reply) = (&again.body["message"], &again.body["reply"]);
        assert_eq!((&asked["id"], &asked["content"]), (&json!(message), &json!("Count.")));
        assert_eq!((&reply["reply_to"], &reply["status"], &reply["attempt"]), (&json!(message), &json!("pending"), &json!(0)));
        assert_eq!((&again.body["quota"]["used"], &again.body["stream"]), (&json!(2), &json!(format!("/chatroom/{room}/stream"))));
        app.run_jobs().await;
        let contents: Vec<_> = listed(&user, &room).await.iter().map(|one| one["content"].clone()).collect();
        assert_eq!(contents, ["Count.", "One.", "Two."]);
        assert_eq!(show(&user, &room, &id_of(reply)).await["outcome"], "completed");
        assert_eq!(last_turns(&app), [(true, "Count.".to_owned())], "the model does not see what it said before");
    }

    async fn a_message_may_be_named_by_itself_and_the_answer_may_be_waited_for(app) {
        let _working = crate::harness::work::Working::start(&app.house.app, std::time::Duration::ZERO);
        let user = app.user().await;
        let room = user.room().await;
        let path = format!("/chatroom/{room}/message");
        let wait = [("prefer", "wait=20")];
        let sent = user.post_with(&path, &wait, json!({"content": "Hello"})).await.expect(200).body;
        let path = format!("{path}/{}/regenerate", id_of(&sent["message"]));
        let again = user.post_with(&path, &wait, json!({})).await.expect(200);
        assert_eq!((&again.body["reply"]["outcome"], again.header("preference-applied")), (&json!("completed"), "wait=20"));
        assert_ne!(again.body["reply"]["id"], sent["reply"]["id"]);
    }

    async fn the_newest_complete_reply_is_context_wherever_it_stands(app) {
        says!(app, "A1", "B1", "A2", "B2", "C1");
        let user = app.user().await;
        let room = user.room().await;
        let (first, _) = send(&user, &room, "a").await;
        let (second, _) = send(&user, &room, "b").await;
        app.run_jobs().await;
        regenerate(&user, &room, &first).await.expect(202);
        app.run_jobs().await;
        let turns = |texts: &[&str]| texts.iter().enumerate().map(|(at, text)| (at % 2 == 0, (*text).to_owned())).collect::<Vec<_>>();
        assert_eq!(last_turns(&app), turns(&["a"]), "what came later is not the context of what came before");
        regenerate(&user, &room, &second).await.expect(202);
        app.run_jobs().await;
        assert_eq!(last_turns(&app), turns(&["a", "A2", "b"]));
        send(&user, &room, "c").await;
        app.run_jobs().await;
        assert_eq!(last_turns(&app), turns(&["a", "A2", "b", "B2", "c"]));
    }

    async fn a_further_reply_that_failed_or_was_stopped_empty_is_not_context(app) {
        says!(app, "A1");
        let user = app.user().await;
        let room = user.room().await;
        let (first, _) = send(&user, &room, "a").await;
        app.run_jobs().await;
        let again = id_of(&regenerate(&user, &room, &first).await.expect(202).body["reply"]);
        user.post(&format!("/chatroom/{room}/message/{again}/stop"), json!({})).await.expect(200);
        send(&user, &room, "b").await;
        app.run_jobs().await;
        assert_eq!(last_turns(&app).into_iter().map(|(_, text)| text).collect::<Vec<_>>(), ["a", "A1", "b"]);
    }

    async fn while_a_reply_of_the_message_is_running_no_further_one_is_taken(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (message, reply) = send(&user, &room, "Hello").await;
        for id in [&message, &reply] {
            regenerate(&user, &room, id).await.expect_problem(409, "reply_in_progress");
        }
        let other = send(&user, &room, "Another").await.0;
        app.run_jobs().await;
        assert_eq!(user.used().await, 2);
        regenerate(&user, &room, &message).await.expect(202);
        regenerate(&user, &room, &message).await.expect_problem(409, "reply_in_progress");
        regenerate(&user, &room, &other).await.expect(202);
        app.run_jobs().await;
        assert_eq!((user.used().await, listed(&user, &room).await.len()), (4, 6));
    }

    async fn of_many_at_once_one_is_taken(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (message, _) = send(&user, &room, "Hello").await;
        app.run_jobs().await;
        let answers = join_all((0..8).map(|_| regenerate(&user, &room, &message))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 202).count(), 1);
        assert!(answers.iter().all(|answer| answer.status == 202 || answer.code() == "reply_in_progress"));
        assert_eq!(user.used().await, 2);
    }

    async fn each_further_reply_takes_a_unit_and_none_is_taken_where_none_is_left(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (message, _) = send(&user, &room, "Hello").await;
        app.run_jobs().await;
        for used in 2..=5 {
            let again = regenerate(&user, &room, &message).await.expect(202).body;
            assert_eq!(again["quota"]["used"], used);
            app.run_jobs().await;
        }
        regenerate(&user, &room, &message).await.expect_problem(429, "quota_exceeded");
        assert_eq!((user.used().await, listed(&user, &room).await.len()), (5, 6));
    }

    async fn a_further_reply_that_fails_gives_its_unit_back_and_can_be_asked_for_once_more(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (message, _) = send_in_vain(&app, &user, &room, "Hello").await;
        assert_eq!(user.used().await, 0);
        regenerate(&user, &room, &message).await.expect(202);
        app.run_jobs().await;
        assert_eq!(user.used().await, 1);
        let outcomes: Vec<_> = listed(&user, &room).await.iter().map(|one| one["outcome"].clone()).collect();
        assert_eq!(outcomes, [json!(null), json!("failed"), json!("completed")]);
    }

    async fn the_same_key_asks_once(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (message, reply) = send(&user, &room, "Hello").await;
        app.run_jobs().await;
        let key = [("idempotency-key", "once")];
        let path = |id: &str| format!("/chatroom/{room}/message/{id}/regenerate");
        let first = user.post_with(&path(&message), &key, json!({})).await.expect(202).body;
        app.run_jobs().await;
        for id in [&message, &reply] {
            let again = user.post_with(&path(id), &key, json!({})).await.expect(202);
            assert_eq!((&again.body, again.header("idempotency-replayed")), (&first, "true"));
        }
        assert_eq!((user.used().await, listed(&user, &room).await.len()), (2, 3));
    }

    async fn only_ones_own_messages_are_answered_again(app) {
        let (user, stranger) = (app.user().await, app.user().await);
        let (room, other) = (user.room().await, user.room().await);
        let (message, reply) = send(&user, &room, "Mine").await;
        app.run_jobs().await;
        for action in ["regenerate", "retry"] {
            for (who, place) in [
                (&stranger, format!("{room}/message/{message}")),
                (&stranger, format!("{room}/message/{reply}")),
                (&user, format!("{other}/message/{reply}")),
                (&user, format!("{room}/message/nonsense")),
            ] {
                who.post(&format!("/chatroom/{place}/{action}"), json!({})).await.expect_problem(404, "not_found");
            }
        }
        assert_eq!(user.used().await, 1);
    }
}
