//! Who may watch, where a stream begins, and when it ends.

use std::time::{Duration, Instant};

use pollux::providers::model_demo::DemoAct;
use serde_json::json;

use super::{ask, working};
use crate::harness::events::Joined;
use crate::harness::{Engine, TestApp, on_both_engines};

on_both_engines! {
    async fn a_stream_is_its_owners_and_only_as_a_stream(app) {
        let (user, stranger) = (app.user().await, app.user().await);
        let room = user.room().await;
        let path = format!("/chatroom/{room}/stream");
        app.client().get(&path).await.expect_problem(401, "authentication_required");
        stranger.get(&path).await.expect_problem(404, "not_found");
        user.get("/chatroom/nonsense/stream").await.expect_problem(404, "not_found");
        let json_only = user.request(reqwest::Method::GET, &path).header("accept", "application/json");
        user.send(json_only).await.expect_problem(406, "not_acceptable");
        user.post(&path, json!({})).await.expect_problem(405, "method_not_allowed");
    }

    async fn a_user_has_eight_streams_and_a_ninth_when_one_has_ended(app) {
        let user = app.user().await;
        let room = user.room().await;
        let mut open = Vec::new();
        for _ in 0..8 {
            open.push(user.watch(&room, None).await);
        }
        let path = format!("/chatroom/{room}/stream");
        user.get(&path).await.expect_problem(429, "rate_limited");
        let send = user.request(reqwest::Method::POST, &format!("/chatroom/{room}/message"));
        let send = send.header("content-type", "application/json").header("accept", "text/event-stream");
        user.send(send.body(json!({"content": "No place"}).to_string())).await.expect_problem(429, "rate_limited");
        assert_eq!(user.used().await, 0, "a message was taken that nobody was told of");
        open.pop();
        crate::harness::work::until(Duration::from_secs(10), "a place", || async {
            (app.house.app.streams.count() < 8).then_some(())
        })
        .await;
        user.watch(&room, None).await;
    }

    async fn without_a_place_it_begins_with_what_is_being_written_or_has_just_ended(app) {
        let user = app.user().await;
        let room = user.room().await;
        let reply = ask(&user, &room, "First").await;
        {
            let mut events = user.watch(&room, None).await;
            let begin = events.next().await.unwrap();
            assert_eq!((begin.name.as_str(), &begin.data["text"]), ("reply.reset", &"".into()));
            assert_eq!(begin.data["message_id"], reply);
        }
        app.run_jobs().await;
        let mut joined = Joined::default();
        let mut events = user.watch(&room, None).await;
        let begin = events.next().await.unwrap();
        assert_eq!((begin.name.as_str(), &begin.data["attempt"]), ("reply.reset", &1.into()));
        joined.take(&begin);
        joined.take(&events.until("reply.finished").await);
        assert_eq!(joined.last.unwrap()["content"], joined.text);

        app.advance(Duration::from_secs(61));
        let mut events = user.watch(&room, None).await;
        ask(&user, &room, "Second").await;
        assert_eq!(events.next().await.unwrap().name, "message.created", "an older reply was told again");
    }

    async fn a_place_that_cannot_be_read_is_answered_with_the_whole_text(app) {
        let user = app.user().await;
        let (room, other) = (user.room().await, user.room().await);
        let reply = ask(&user, &room, "What now?").await;
        let elsewhere = ask(&user, &other, "And there?").await;
        app.run_jobs().await;
        let text = user.get(&format!("/chatroom/{room}/message/{reply}")).await.body["content"].clone();
        for place in [
            "garbage".to_owned(),
            format!("{reply}.1.-1"),
            format!("{reply}.1.100000"),
            format!("{reply}.7.0"),
            format!("{reply}.7.end"),
            format!("{elsewhere}.1.0"),
            format!("{elsewhere}.1.end"),
            "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11.1.5".to_owned(),
        ] {
            let mut events = user.watch(&room, Some(&place)).await;
            let begin = events.next().await.unwrap();
            assert_eq!((begin.name.as_str(), &begin.data["text"]), ("reply.reset", &text), "{place}");
            assert_eq!(events.next().await.unwrap().name, "reply.finished", "{place}");
        }
    }

    async fn who_was_told_more_than_is_stored_is_told_what_counts_and_all_that_came_since(app) {
        let user = app.user().await;
        let room = user.room().await;
        app.model.then(DemoAct::Withhold { after_words: 4 });
        let taken_back = ask(&user, &room, "Say something bad.").await;
        app.run_jobs().await;
        let next = ask(&user, &room, "And now something good.").await;
        app.run_jobs().await;
        app.advance(Duration::from_mins(5));
        let mut events = user.watch(&room, Some(&format!("{taken_back}.1.12"))).await;
        let begin = events.next().await.unwrap();
        assert_eq!((begin.name.as_str(), &begin.data["message_id"], &begin.data["text"]), ("reply.reset", &json!(taken_back), &json!("")));
        for _ in 0..2 {
            events.until("message.created").await;
        }
        let end = events.until("reply.finished").await;
        assert_eq!((&end.data["message_id"], &end.data["outcome"]), (&json!(taken_back), &json!("blocked")));
        let end = events.until("reply.finished").await;
        assert_eq!((&end.data["message_id"], &end.data["outcome"]), (&json!(next), &json!("completed")));
    }

    async fn a_place_that_nobody_knows_is_answered_however_long_ago_the_newest_reply_ended(app) {
        let user = app.user().await;
        let room = user.room().await;
        let reply = ask(&user, &room, "What now?").await;
        app.run_jobs().await;
        app.advance(Duration::from_hours(1));
        for place in ["garbage", "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11.1.5"] {
            let mut events = user.watch(&room, Some(place)).await;
            let begin = events.next().await.unwrap();
            assert_eq!((begin.name.as_str(), &begin.data["message_id"]), ("reply.reset", &json!(reply)));
            assert!(!begin.data["text"].as_str().unwrap().is_empty());
            assert_eq!(events.next().await.unwrap().name, "reply.finished");
        }
    }

    async fn a_stream_ends_soon_after_its_session_and_says_so(app) {
        let user = app.user().await;
        let room = user.room().await;
        let mut events = user.watch(&room, None).await;
        user.post("/auth/logout", json!({})).await.expect(204);
        let ended = Instant::now();
        assert_eq!(events.next().await.unwrap().name, "session.revoked");
        assert!(events.next().await.is_none());
        assert!(ended.elapsed() < Duration::from_secs(2), "{:?}", ended.elapsed());
    }

    async fn the_end_of_somebody_elses_session_ends_no_stream(app) {
        let _working = working(&app);
        let (user, other) = (app.user().await, app.user().await);
        let room = user.room().await;
        let mut events = user.watch(&room, None).await;
        other.post("/auth/logout", json!({})).await.expect(204);
        ask(&user, &room, "Still there?").await;
        events.until("reply.finished").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_says_something_at_once_and_then_at_least_every_fifteen_seconds() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let room = user.room().await;
    let mut events = user.watch(&room, None).await;
    events.comments_within(1, Duration::from_secs(2)).await;
    events.comments_within(2, Duration::from_secs(16)).await;
}
