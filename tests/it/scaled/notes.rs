//! What one process says, the others hear; and what is not heard is found all the same.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{KNOWN_WITHIN, at, hears, two_nodes, without_redis};
use crate::harness::events::Joined;
use crate::harness::work::{Working, until};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_one_process_stores_wakes_the_worker_of_another() {
    let Some((one, two)) = two_nodes(&[]).await else { return };
    let bus = two.house.app.bus.clone();
    let woken = tokio::spawn(async move { bus.jobs_rung().await });
    // The ring of the connection itself counts too: only what is rung from now on is meant.
    until(SOON, "a quiet line", || async {
        tokio::time::timeout(Duration::from_millis(50), two.house.app.bus.jobs_rung()).await.is_err().then_some(())
    })
    .await;
    let user = one.user().await;
    let room = user.room().await;
    user.say(&room, "Anybody there?").await.expect(202);
    tokio::time::timeout(SOON, woken).await.expect("no ring came").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_at_one_process_is_told_when_another_has_written_the_reply() {
    let Some((one, two)) = two_nodes(&[]).await else { return };
    let _working = Working::start(&two.house.app, Duration::ZERO);
    let user = one.user().await;
    let path = format!("/chatroom/{}/message", user.room().await);
    let waited = user.post_with(&path, &[("prefer", "wait=20")], json!({"content": "Hello"})).await.expect(200);
    assert_eq!(waited.body["reply"]["outcome"], "completed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_is_stopped_at_another_process_keeps_all_that_was_shown() {
    let Some((one, two)) = two_nodes(&[]).await else { return };
    let _working = Working::start(&one.house.app, Duration::ZERO);
    one.model.pace(Duration::from_millis(3), Duration::from_millis(3));
    let user = one.user().await;
    let there = at(&two, &user);
    let room = user.room().await;
    let mut events = there.watch(&room, None).await;
    let content = format!("Count{}", " ab".repeat(130));
    let reply = user.say(&room, &content).await.expect(202).body["reply"]["id"].as_str().unwrap().to_owned();
    let mut joined = Joined::default();
    for _ in 0..9 {
        joined.take(&events.until("reply.delta").await);
    }
    let stop = format!("/chatroom/{room}/message/{reply}/stop");
    let stopped = there.post(&stop, json!({})).await.expect(200).body["message"].clone();
    assert!(stopped["content"].as_str().unwrap().starts_with(&joined.text), "{} after {}", stopped, joined.text);
    while joined.last.is_none() {
        let event = events.next().await.unwrap();
        assert_ne!(event.name, "reply.reset", "text was taken back");
        joined.take(&event);
    }
    assert_eq!(joined.last.unwrap(), stopped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_at_one_process_ends_its_streams_at_all_within_two_seconds() {
    let Some((one, two)) = two_nodes(&[]).await else { return };
    let user = one.user().await;
    let room = user.room().await;
    let mut events = at(&two, &user).watch(&room, None).await;
    user.post("/auth/logout", json!({})).await.expect(204);
    let ended = Instant::now();
    assert_eq!(events.next().await.unwrap().name, "session.revoked");
    assert!(ended.elapsed() < Duration::from_secs(2), "{:?}", ended.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_a_job_is_found_by_looking() {
    let Some((one, _)) = two_nodes(&[]).await else { return };
    let cut_off = one.beside_as(without_redis).await;
    let _working = Working::start(&cut_off.house.app, Duration::ZERO);
    let user = one.user().await;
    let path = format!("/chatroom/{}/message", user.room().await);
    let waited = user.post_with(&path, &[("prefer", "wait=20")], json!({"content": "Hello"})).await.expect(200);
    assert_eq!(waited.body["reply"]["outcome"], "completed");
    assert_eq!(cut_off.client().get("/ready").await.expect(200).body["redis"], "away");
    assert_eq!(one.client().get("/ready").await.expect(200).body["redis"], "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_at_one_process_has_ended_at_all_within_a_second() {
    let Some((one, two)) = two_nodes(&[]).await else { return };
    let cut_off = one.beside_as(without_redis).await;
    for (here, there) in [(&one, &two), (&one, &cut_off), (&cut_off, &two)] {
        let user = here.user().await;
        let elsewhere = at(there, &user);
        elsewhere.get("/user/me").await.expect(200);
        user.post("/auth/logout", json!({})).await.expect(204);
        let ended = Instant::now();
        user.get("/user/me").await.expect_problem(401, "session_ended");
        let seen = until(SOON, "a session that has ended", || async {
            let answer = elsewhere.get("/user/me").await;
            (answer.code() == "session_ended").then(|| ended.elapsed())
        })
        .await;
        assert!(seen <= KNOWN_WITHIN + Duration::from_millis(500), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_connects_anew_believes_nothing_from_before() {
    let Some((one, two)) = two_nodes(&[]).await else { return };
    let user = one.user().await;
    let before = two.house.app.cache.revocations();
    at(&two, &user).get("/user/me").await.expect(200);
    let mut quit = redis::cmd("CLIENT");
    let shared = two.house.app.reach.redis().unwrap();
    let mut pipeline = redis::pipe();
    let id = shared.ask::<(i64,)>(pipeline.add_command(quit.arg("ID").clone())).await.unwrap().0;
    let mut kill = redis::cmd("CLIENT");
    one.house
        .app
        .reach
        .redis()
        .unwrap()
        .ask::<()>(redis::pipe().add_command(kill.arg("KILL").arg("ID").arg(id).clone()))
        .await;
    until(SOON, "a new start", || async { (two.house.app.cache.revocations() > before).then_some(()) }).await;
    hears(&two).await;
}
