//! Another try of a reply that failed.

use futures_util::future::join_all;
use pollux::providers::model::ModelFault;
use pollux::providers::model_demo::DemoAct;
use serde_json::json;

use super::{last_turns, listed, retry, send, send_in_vain, show};
use crate::harness::{Client, on_both_engines};

/// The ids of a room's messages, in order.
async fn order(user: &Client, room: &str) -> Vec<String> {
    listed(user, room).await.iter().map(super::id_of).collect()
}

on_both_engines! {
    async fn a_failed_reply_is_written_after_all_and_takes_its_unit_again(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (message, reply) = send_in_vain(&app, &user, &room, "Hello").await;
        assert_eq!(user.used().await, 0);
        assert_eq!(show(&user, &room, &reply).await["attempt"], 1);
        let taken = retry(&user, &room, &reply).await.expect(202).body;
        assert_eq!((&taken["message"]["id"], &taken["reply"]["id"]), (&json!(message), &json!(reply)));
        let pending = show(&user, &room, &reply).await;
        assert_eq!(taken["reply"], pending);
        assert_eq!((&pending["status"], &pending["error"], &pending["content"]), (&json!("pending"), &json!(null), &json!("")));
        assert_eq!((&pending["attempt"], user.used().await), (&json!(2), 1), "the try to come has its number");
        app.run_jobs().await;
        let done = show(&user, &room, &reply).await;
        assert_eq!((&done["outcome"], &done["attempt"]), (&json!("completed"), &json!(2)));
        assert_eq!((user.used().await, order(&user, &room).await), (1, vec![message, reply]));
        assert_eq!(app.house.app.db.dead_jobs(10).await.unwrap().len(), 0);
    }

    async fn a_reply_tried_again_moves_behind_what_came_since_and_keeps_its_context(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (first, failed) = send_in_vain(&app, &user, &room, "a").await;
        app.model.then(DemoAct::Say("B1".to_owned()));
        let (second, reply) = send(&user, &room, "b").await;
        app.run_jobs().await;
        retry(&user, &room, &failed).await.expect(202);
        app.model.then(DemoAct::Say("A1".to_owned()));
        app.run_jobs().await;
        assert_eq!(last_turns(&app), [(true, "a".to_owned())]);
        assert_eq!(order(&user, &room).await, [first, second, reply, failed]);
        send(&user, &room, "c").await;
        app.run_jobs().await;
        assert_eq!(last_turns(&app).into_iter().map(|(_, text)| text).collect::<Vec<_>>(), ["a", "A1", "b", "B1", "c"]);
    }

    async fn a_try_that_waits_behind_other_replies_of_its_room_is_written_in_its_turn(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (_, failed) = send_in_vain(&app, &user, &room, "a").await;
        let (_, next) = send(&user, &room, "b").await;
        retry(&user, &room, &failed).await.expect(202);
        let (_, last) = send(&user, &room, "c").await;
        app.run_jobs().await;
        for id in [failed, next, last] {
            assert_eq!(show(&user, &room, &id).await["outcome"], "completed");
        }
        assert_eq!(user.used().await, 3);
    }

    async fn a_reply_fails_and_is_tried_again_as_often_as_one_likes(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (_, reply) = send_in_vain(&app, &user, &room, "Hello").await;
        for attempt in 2..=4 {
            app.model.then(DemoAct::fail(ModelFault::Rejected));
            retry(&user, &room, &reply).await.expect(202);
            assert_eq!(user.used().await, 1);
            app.run_jobs().await;
            let failed = show(&user, &room, &reply).await;
            assert_eq!((&failed["status"], &failed["attempt"]), (&json!("failed"), &json!(attempt)));
            assert_eq!(user.used().await, 0);
        }
    }

    async fn what_did_not_fail_is_not_tried_again(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (message, reply) = send(&user, &room, "Hello").await;
        retry(&user, &room, &reply).await.expect_problem(409, "reply_not_failed");
        app.run_jobs().await;
        retry(&user, &room, &reply).await.expect_problem(409, "reply_not_failed");
        retry(&user, &room, &message).await.expect_problem(404, "not_found");
        assert_eq!(user.used().await, 1);
    }

    async fn of_many_tries_at_once_one_is_taken(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (_, reply) = send_in_vain(&app, &user, &room, "Hello").await;
        let answers = join_all((0..8).map(|_| retry(&user, &room, &reply))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 202).count(), 1);
        assert!(answers.iter().all(|answer| answer.status == 202 || answer.code() == "reply_not_failed"));
        app.run_jobs().await;
        assert_eq!((user.used().await, app.model.calls()), (1, 2));
    }

    async fn where_no_unit_is_left_a_failed_reply_stays_failed(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (_, reply) = send_in_vain(&app, &user, &room, "Hello").await;
        for _ in 0..5 {
            send(&user, &room, "More").await;
        }
        app.run_jobs().await;
        retry(&user, &room, &reply).await.expect_problem(429, "quota_exceeded");
        assert_eq!((show(&user, &room, &reply).await["status"].clone(), user.used().await), (json!("failed"), 5));
    }

    async fn the_same_key_tries_once(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (_, reply) = send_in_vain(&app, &user, &room, "Hello").await;
        let path = format!("/chatroom/{room}/message/{reply}/retry");
        let once = || user.post_with(&path, &[("idempotency-key", "k")], json!({}));
        let first = once().await.expect(202).body;
        app.run_jobs().await;
        let again = once().await.expect(202);
        assert_eq!((&again.body, again.header("idempotency-replayed")), (&first, "true"));
        assert_eq!(user.used().await, 1);
    }
}
