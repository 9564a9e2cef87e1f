//! A unit comes back once, when the failure was not the user's.

use futures_util::future::join_all;
use pollux::domain::chat::{Outcome, TokenUsage};
use pollux::storage::Finished;

use super::{engine, used};
use crate::harness::{on_both_engines, user_id};
use crate::proof::{figures, size};

fn given_up() -> Finished {
    let usage = TokenUsage::default();
    Finished { outcome: Outcome::Failed, content: String::new(), error: Some("internal"), model: None, usage }
}

on_both_engines! {
    ["BASIC_TIER_DAILY_LIMIT" = "100"]
    async fn however_many_settle_the_same_reply_its_unit_comes_back_once(app) {
        let (runs, now) = (size(20, 500), app.clock.now());
        let db = &app.house.app.db;
        for _ in 0..runs {
            let user = app.user().await;
            let (id, room) = (user_id(&user).await, user.room().await);
            for _ in 0..3 {
                user.say(&room, "Mine").await.expect(202);
            }
            let job = db.claim_jobs(rand::random(), 64, now).await.unwrap().remove(0);
            let failure = given_up();
            let settled = join_all((0..8).map(|_| db.finish_reply(&job, &failure, now))).await;
            assert_eq!(settled.iter().filter(|outcome| outcome.is_ok()).count(), 1);
            assert_eq!(used(&app, id, now.day()).await, 2);
            user.delete(&format!("/chatroom/{room}")).await.expect(204);
            assert_eq!(used(&app, id, now.day()).await, 2);
        }
        figures(&format!("Q4 {}: {runs} of {runs} replies settled by eight at once gave back exactly one unit", engine(&app)));
    }
}
