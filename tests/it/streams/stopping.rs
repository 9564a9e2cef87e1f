//! A reply that its reader stops: it ends once, keeps its text, and lets the model go.

use std::time::Duration;

use futures_util::future::join_all;
use pollux::providers::model_demo::DemoAct;
use serde_json::{Value as Json, json};

use super::{ask, read_to_end, working};
use crate::harness::events::Joined;
use crate::harness::work::until;
use crate::harness::{Client, Engine, TestApp, on_both_engines};

const SOON: Duration = Duration::from_secs(10);

async fn stop(user: &Client, room: &str, reply: &str) -> Json {
    let path = format!("/chatroom/{room}/message/{reply}/stop");
    user.post(&path, json!({})).await.expect(200).body["message"].clone()
}

/// A reply in the middle of its text, which would go on for ever.
async fn half_said(app: &TestApp, user: &Client, room: &str) -> String {
    app.model.then(DemoAct::Hang { after_words: 4 });
    let reply = ask(user, room, "Go on and on.").await;
    let path = format!("/chatroom/{room}/message/{reply}");
    until(SOON, "some stored text", || async {
        let now = user.get(&path).await.expect(200).body;
        (!now["content"].as_str().unwrap().is_empty()).then_some(())
    })
    .await;
    reply
}

on_both_engines! {
    async fn a_stopped_reply_keeps_its_text_and_its_unit_and_drops_the_call(app) {
        let _working = working(&app);
        let user = app.user().await;
        let room = user.room().await;
        let mut events = user.watch(&room, None).await;
        let reply = half_said(&app, &user, &room).await;
        let stopped = stop(&user, &room, &reply).await;
        assert_eq!((&stopped["status"], &stopped["outcome"]), (&"complete".into(), &"stopped".into()));
        let mut joined = Joined::default();
        read_to_end(&mut events, &mut joined).await;
        assert_eq!((joined.last.as_ref(), joined.ends), (Some(&stopped), 1));
        assert_eq!(stopped["content"], joined.text);
        until(SOON, "an end of the call", || async { (app.model.running() == 0).then_some(()) }).await;
        assert_eq!(user.used().await, 1);
        // The room goes on.
        let next = ask(&user, &room, "And now?").await;
        let mut joined = Joined::default();
        read_to_end(&mut events, &mut joined).await;
        assert_eq!(joined.last.unwrap()["id"], next);
    }

    async fn a_stopped_reply_keeps_all_that_was_shown(app) {
        let _working = working(&app);
        app.model.pace(Duration::from_millis(3), Duration::from_millis(3));
        for words in [1, 7, 20] {
            let user = app.user().await;
            let room = user.room().await;
            let mut events = user.watch(&room, None).await;
            let reply = ask(&user, &room, &format!("Count{}", " ab".repeat(130))).await;
            let mut joined = Joined::default();
            for _ in 0..words {
                joined.take(&events.until("reply.delta").await);
            }
            let shown = joined.text.clone();
            let stopped = stop(&user, &room, &reply).await;
            assert_eq!(stopped["outcome"], "stopped");
            while joined.last.is_none() {
                let event = events.next().await.unwrap();
                assert_ne!(event.name, "reply.reset", "text was taken back");
                joined.take(&event);
            }
            assert!(joined.text.starts_with(&shown));
            assert_eq!((joined.last.unwrap(), &stopped["content"]), (stopped.clone(), &json!(joined.text)));
        }
    }

    async fn what_waits_or_has_ended_can_be_stopped_as_well_and_only_once(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (first, second, third) =
            (ask(&user, &room, "1").await, ask(&user, &room, "2").await, ask(&user, &room, "3").await);
        assert_eq!(stop(&user, &room, &second).await["outcome"], "stopped");
        app.run_jobs().await;
        let outcome = async |id: &str| user.get(&format!("/chatroom/{room}/message/{id}")).await.expect(200).body["outcome"].clone();
        assert_eq!((outcome(&first).await, outcome(&third).await), ("completed".into(), "completed".into()));
        let ended = stop(&user, &room, &first).await;
        assert_eq!(ended["outcome"], "completed");
        let again = stop(&user, &room, &second).await;
        assert_eq!(stop(&user, &room, &second).await, again);
        assert_eq!(user.used().await, 3);
    }

    async fn the_first_of_three_stopped_lets_the_next_begin(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (first, second) = (ask(&user, &room, "1").await, ask(&user, &room, "2").await);
        stop(&user, &room, &first).await;
        app.run_jobs().await;
        let path = format!("/chatroom/{room}/message/{second}");
        assert_eq!(user.get(&path).await.expect(200).body["outcome"], "completed");
    }

    async fn many_stops_at_once_and_an_end_of_its_own_make_one_end(app) {
        let _working = working(&app);
        app.model.pace(Duration::from_millis(1), Duration::from_millis(1));
        for _ in 0..10 {
            let user = app.user().await;
            let room = user.room().await;
            let mut events = user.watch(&room, None).await;
            let reply = ask(&user, &room, "Race me.").await;
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..40))).await;
            let stopped = join_all((0..5).map(|_| stop(&user, &room, &reply))).await;
            assert!(stopped.iter().all(|one| *one == stopped[0]), "{stopped:?}");
            let mut joined = Joined::default();
            read_to_end(&mut events, &mut joined).await;
            assert_eq!((joined.last.as_ref(), joined.ends), (Some(&stopped[0]), 1));
            assert_eq!(stopped[0]["content"], joined.text);
            assert_eq!(user.used().await, 1);
        }
    }

    async fn only_ones_own_replies_can_be_stopped(app) {
        let (user, stranger) = (app.user().await, app.user().await);
        let (room, other) = (user.room().await, user.room().await);
        let sent = user.say(&room, "Mine").await.expect(202).body;
        let (message, reply) = (sent["message"]["id"].as_str().unwrap(), sent["reply"]["id"].as_str().unwrap());
        for (who, path) in [
            (&stranger, format!("/chatroom/{room}/message/{reply}/stop")),
            (&user, format!("/chatroom/{other}/message/{reply}/stop")),
            (&user, format!("/chatroom/{room}/message/{message}/stop")),
            (&user, format!("/chatroom/{room}/message/nonsense/stop")),
        ] {
            who.post(&path, json!({})).await.expect_problem(404, "not_found");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_is_stopped_at_another_process_and_while_its_worker_is_dead() {
    let Some(engine) = Engine::postgres().await else { return };
    let app = TestApp::start(engine).await;
    let other = app.beside().await;
    let user = app.user().await;
    let room = user.room().await;
    let mut elsewhere = other.client();
    elsewhere.token.clone_from(&user.token);

    let writing = working(&app);
    let reply = half_said(&app, &user, &room).await;
    assert_eq!(stop(&elsewhere, &room, &reply).await["outcome"], "stopped");
    until(SOON, "an end of the call", || async { (app.model.running() == 0).then_some(()) }).await;

    let reply = half_said(&app, &user, &room).await;
    // As a kill would: nobody puts the job back.
    drop(writing);
    let stopped = stop(&elsewhere, &room, &reply).await;
    assert_eq!(stopped["outcome"], "stopped");
    assert!(!stopped["content"].as_str().unwrap().is_empty());
    app.run_jobs().await;
    assert_eq!(user.get(&format!("/chatroom/{room}/message/{reply}")).await.expect(200).body, stopped);
}
