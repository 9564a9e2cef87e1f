//! A process killed in the middle of an erasure: the next one goes on where it was.

use std::time::Duration;

use super::{close, many_messages};
use crate::harness::process::Site;
use crate::harness::work::until;
use crate::harness::{Client, Engine, fresh_number};
use crate::proof::figures;

const MESSAGES: i64 = 3_000;
/// A lease has to run out first where another process may hold it.
const SOON: Duration = Duration::from_mins(1);

async fn count(site: &Site, sql: &str) -> i64 {
    site.rows(sql).await[0][0].parse().unwrap()
}

async fn with_many_messages(site: &Site, client: &Client) -> Client {
    let user = client.clone().sign_in(&fresh_number()).await;
    for _ in 0..4 {
        site.execute(&many_messages(&user.room().await, 3_000, 240, site.is_postgres())).await;
    }
    user
}

async fn an_erasure_is_taken_up_after_a_kill(engine: Engine) {
    let site = Site::new(&engine, &[]).await;
    let process = site.start().await;
    let user = with_many_messages(&site, &process.client()).await;
    let other = process.client().sign_in(&fresh_number()).await;
    other.say(&other.room().await, "mine").await.expect(202);
    let all = count(&site, "select count(*) from messages").await;
    assert!(all >= 4 * MESSAGES);
    close(&user, None).await.expect(202);
    let left = until(SOON, "an erasure that has begun", || async {
        let left = count(&site, "select count(*) from messages").await;
        (left < all).then_some(left)
    })
    .await;
    process.kill();
    let held = count(&site, "select count(*) from users").await;
    let process = site.start().await;
    until(SOON, "an erased account", || async {
        let left = count(&site, "select count(*) from users").await + count(&site, "select count(*) from jobs").await;
        (left == 1).then_some(())
    })
    .await;
    figures(&format!("erasure on {}: killed with {left} of {all} messages left, and finished", engine.name()));
    assert_eq!(held, 3, "the kill came in the middle: the account was there, and the one that held its rooms");
    for (table, left) in [("chatrooms", 1), ("messages", 2), ("sessions", 1), ("jobs", 0)] {
        assert_eq!(count(&site, &format!("select count(*) from {table}")).await, left, "{table}");
    }
    process.client_of(&other).get("/user/me").await.expect(200);
    process.client_of(&user).get("/user/me").await.expect_problem(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_is_taken_up_after_a_kill_on_sqlite() {
    an_erasure_is_taken_up_after_a_kill(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_is_taken_up_after_a_kill_on_postgres() {
    if let Some(engine) = Engine::postgres().await {
        an_erasure_is_taken_up_after_a_kill(engine).await;
    }
}
