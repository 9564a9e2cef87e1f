//! Ways round the quota that somebody might try.

use pollux::providers::model::ModelFault;
use pollux::providers::model_demo::DemoAct;
use serde_json::json;

use super::{LIMIT, send_at_once};
use crate::harness::{Client, on_both_engines};

/// Uses the whole day up, in one room.
async fn use_up(user: &Client) -> String {
    let room = user.room().await;
    assert_eq!(send_at_once(user, &room, LIMIT as usize).await, LIMIT as usize);
    room
}

/// Insists that not one more is taken.
async fn is_used_up(user: &Client) {
    let room = user.room().await;
    assert_eq!(send_at_once(user, &room, 3).await, 0);
    assert_eq!(user.used().await, u64::from(LIMIT));
}

on_both_engines! {
    async fn deleting_the_room_gives_nothing_back(app) {
        let user = app.user().await;
        let room = use_up(&user).await;
        user.delete(&format!("/chatroom/{room}")).await.expect(204);
        is_used_up(&user).await;
    }

    async fn deleting_the_room_while_its_reply_fails_gives_nothing_back(app) {
        let user = app.user().await;
        let room = use_up(&user).await;
        let db = &app.house.app.db;
        let job = db.claim_jobs(rand::random(), 1, app.clock.now()).await.unwrap().remove(0);
        user.delete(&format!("/chatroom/{room}")).await.expect(204);
        pollux::services::replies::set_back_after_panic(&app.house.app, &job).await.unwrap();
        app.run_jobs().await;
        is_used_up(&user).await;
    }

    async fn replaying_a_key_neither_takes_nor_gives(app) {
        let user = app.user().await;
        let room = user.room().await;
        let path = format!("/chatroom/{room}/message");
        let once = || user.post_with(&path, &[("idempotency-key", "k")], json!({"content": "Once"}));
        let first = once().await.expect(202).body;
        for _ in 0..4 {
            let again = once().await.expect(202).body;
            assert_eq!((&again["message"], &again["quota"]), (&first["message"], &first["quota"]));
        }
        assert_eq!(user.used().await, 1);
        use_up_the_rest(&user, &room).await;
        once().await.expect(202);
        is_used_up(&user).await;
    }

    async fn a_failure_of_the_model_gives_one_unit_back_and_no_more(app) {
        let user = app.user().await;
        use_up(&user).await;
        app.model.fail_times(1, ModelFault::Rejected);
        app.run_jobs().await;
        assert_eq!(user.used().await, u64::from(LIMIT) - 1);
        let room = user.room().await;
        assert_eq!(send_at_once(&user, &room, 3).await, 1);
        is_used_up(&user).await;
    }

    async fn provoking_the_model_gives_nothing_back(app) {
        let user = app.user().await;
        app.model.otherwise(DemoAct::BlockPrompt);
        use_up(&user).await;
        app.run_jobs().await;
        is_used_up(&user).await;
    }

    async fn what_is_refused_takes_nothing(app) {
        let (user, stranger) = (app.user().await, app.user().await);
        let (room, foreign) = (user.room().await, stranger.room().await);
        user.say(&foreign, "Let me in").await.expect(404);
        user.say(&room, "").await.expect(422);
        user.post(&format!("/chatroom/{room}/message"), json!({"content": 7})).await.expect(422);
        user.post_with(&format!("/chatroom/{room}/message"), &[("idempotency-key", "")], json!({"content": "x"})).await.expect(400);
        assert_eq!((user.used().await, stranger.used().await), (0, 0));
        use_up(&user).await;
        is_used_up(&user).await;
    }

    async fn signing_in_again_or_in_other_words_is_the_same_account(app) {
        let user = app.user().await;
        use_up(&user).await;
        app.advance(std::time::Duration::from_secs(61));
        let spelt = user.mobile.replacen("+1", "+1 ", 1);
        let again = app.client().sign_in(&spelt).await;
        is_used_up(&again).await;
    }

    async fn a_plan_that_came_and_went_leaves_what_was_used(app) {
        let user = app.user().await;
        let room = use_up(&user).await;
        app.set_tier(&user, "Pro").await;
        assert_eq!(send_at_once(&user, &room, 4).await, 4);
        app.set_tier(&user, "Basic").await;
        assert_eq!(send_at_once(&user, &room, 3).await, 0);
        assert_eq!(user.used().await, u64::from(LIMIT) + 4);
    }
}

async fn use_up_the_rest(user: &Client, room: &str) {
    assert_eq!(send_at_once(user, room, LIMIT as usize).await, LIMIT as usize - 1);
}
