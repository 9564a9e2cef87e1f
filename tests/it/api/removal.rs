//! A room deleted while something is on its way into it.

use std::time::{Duration, Instant};

use futures_util::future::join;
use pollux::providers::model_demo::DemoAct;
use pollux::worker;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::on_both_engines;

on_both_engines! {
    async fn a_message_into_a_room_that_goes_is_stored_whole_or_not_at_all(app) {
        let user = app.pro().await;
        let mut taken = 0;
        for round in 0..40 {
            let room = user.room().await;
            let (path, key) = (format!("/chatroom/{room}/message"), format!("k{round}"));
            let headers = [("idempotency-key", key.as_str())];
            let deleted = async {
                if round % 2 == 0 {
                    tokio::task::yield_now().await;
                }
                user.delete(&format!("/chatroom/{room}")).await
            };
            let (sent, deleted) = join(user.post_with(&path, &headers, json!({"content": "hello"})), deleted).await;
            deleted.expect(204);
            match sent.status {
                202 => taken += 1,
                _ => drop(sent.expect_problem(404, "not_found")),
            }
            user.post_with(&path, &headers, json!({"content": "hello"})).await.expect_problem(404, "not_found");
        }
        assert_eq!(user.used().await, taken);
        assert!(app.house.app.db.queue_depths().await.unwrap().is_empty());
    }

    async fn a_reply_being_written_goes_with_its_room(app) {
        let stop = CancellationToken::new();
        let working = tokio::spawn(worker::run(app.house.app.clone(), stop.clone(), CancellationToken::new(), Duration::from_secs(5)));
        app.model.pace(Duration::from_millis(150), Duration::from_millis(10));
        app.model.otherwise(DemoAct::Say("too late now".to_owned()));
        let user = app.user().await;
        let (kept, gone) = (user.room().await, user.room().await);
        let sent = user.say(&gone, "hello").await.expect(202);
        let began = Instant::now();
        while app.model.running() == 0 {
            assert!(began.elapsed() < Duration::from_secs(5), "nobody writes the reply");
            tokio::task::yield_now().await;
        }
        user.delete(&format!("/chatroom/{gone}")).await.expect(204);
        let reply = sent.body["reply"]["id"].as_str().unwrap();
        for path in [format!("/chatroom/{gone}/message/{reply}"), format!("/chatroom/{gone}/messages")] {
            user.get(&path).await.expect_problem(404, "not_found");
        }
        // The worker comes to the end of the reply that is gone, and goes on to the next.
        let key = [("prefer", "wait=10")];
        let next = user.post_with(&format!("/chatroom/{kept}/message"), &key, json!({"content": "next"})).await.expect(200);
        assert_eq!(next.body["reply"]["content"], "too late now");
        stop.cancel();
        working.await.unwrap();
        user.get(&format!("/chatroom/{gone}/message/{reply}")).await.expect_problem(404, "not_found");
        assert!(app.house.app.db.queue_depths().await.unwrap().is_empty());
        assert_eq!(user.used().await, 2);
    }
}
