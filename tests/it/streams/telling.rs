//! What is told, and in which order.

use std::time::Duration;

use pollux::providers::model::ModelFault;
use pollux::providers::model_demo::DemoAct;
use serde_json::json;

use super::{ask, read_to_end, working};
use crate::harness::events::{Events, Joined};
use crate::harness::on_both_engines;
use crate::harness::work::until;

const WORD: Duration = Duration::from_millis(5);

on_both_engines! {
    async fn a_message_and_its_reply_are_told_from_the_first_word_to_the_last(app) {
        let _working = working(&app);
        app.model.pace(WORD, WORD);
        let user = app.user().await;
        let room = user.room().await;
        let mut events = user.watch(&room, None).await;
        assert_eq!(events.headers["x-accel-buffering"], "no");
        assert_eq!(events.headers["cache-control"], "no-store");
        let reply = ask(&user, &room, "What is a stream?").await;

        let (mut names, mut joined) = (Vec::new(), Joined::default());
        while joined.last.is_none() {
            let event = events.next().await.unwrap();
            let carries_id = event.name.starts_with("message.") || event.name.starts_with("reply.");
            assert!(event.id.is_some() || !carries_id, "{event:?}");
            joined.take(&event);
            names.push(event.name);
        }
        names.dedup();
        let wanted = ["message.created", "quota.updated", "reply.started", "reply.delta", "reply.finished"];
        assert_eq!(names, wanted);
        let stored = user.get(&format!("/chatroom/{room}/message/{reply}")).await.expect(200).body;
        assert_eq!(joined.last.unwrap(), stored);
        assert_eq!(stored["content"], joined.text);
        assert_eq!((joined.attempt, joined.ends), (1, 1));
    }

    async fn a_stream_that_was_cut_behind_the_first_message_of_a_room_goes_on_with_its_reply(app) {
        let user = app.user().await;
        let room = user.room().await;
        let mut events = user.watch(&room, None).await;
        ask(&user, &room, "First").await;
        let place = events.until("message.created").await.id.unwrap();
        app.run_jobs().await;
        app.advance(Duration::from_mins(5));
        let mut events = user.watch(&room, Some(&place)).await;
        let created = events.until("message.created").await;
        assert_eq!(created.data["message"]["role"], "assistant");
        let mut joined = Joined::default();
        read_to_end(&mut events, &mut joined).await;
        assert_eq!(joined.last.unwrap()["content"], joined.text);
    }

    async fn a_send_that_asks_for_a_stream_gets_its_own_reply_and_its_end(app) {
        let _working = working(&app);
        app.model.pace(WORD, WORD);
        let user = app.user().await;
        let room = user.room().await;
        let request = user
            .request(reqwest::Method::POST, &format!("/chatroom/{room}/message"))
            .header("content-type", "application/json")
            .header("idempotency-key", "once")
            .body(json!({"content": "Stream it."}).to_string());
        let mut events = Events::open(request.try_clone().unwrap()).await;
        assert!(events.headers["ratelimit"].to_str().unwrap().starts_with("\"daily\";r=4;"), "{:?}", events.headers);
        assert!(!events.headers.contains_key("idempotency-replayed"));
        let (mut names, mut joined) = (Vec::new(), Joined::default());
        while let Some(event) = events.next().await {
            joined.take(&event);
            names.push(event.name);
        }
        names.dedup();
        assert_eq!(names, ["message.created", "quota.updated", "reply.started", "reply.delta", "reply.finished"]);
        assert_eq!(joined.last.as_ref().unwrap()["content"], joined.text);
        // The same key again is the same reply, which has ended.
        let mut again = Joined::default();
        let mut events = Events::open(request).await;
        assert_eq!(events.headers["idempotency-replayed"], "true");
        while let Some(event) = events.next().await {
            again.take(&event);
        }
        assert_eq!(again.last, joined.last);
        assert_eq!(again.text, joined.text);
        assert_eq!(user.used().await, 1);
    }

    async fn a_try_that_fails_is_taken_back_by_the_next_one(app) {
        let _working = working(&app);
        app.model.pace(WORD, WORD);
        app.model.then(DemoAct::Fail { after_words: 3, fault: ModelFault::Away, retry_after: None });
        let user = app.user().await;
        let room = user.room().await;
        let mut events = user.watch(&room, None).await;
        let reply = ask(&user, &room, "Twice, please.").await;
        let mut joined = Joined::default();
        while joined.text.is_empty() {
            joined.take(&events.next().await.unwrap());
        }
        let path = format!("/chatroom/{room}/message/{reply}");
        until(Duration::from_secs(10), "a failed try", || async {
            (user.get(&path).await.expect(200).body["status"] == "pending").then_some(())
        })
        .await;
        app.advance(Duration::from_mins(1));
        let reset = loop {
            let event = events.next().await.unwrap();
            joined.take(&event);
            if event.name == "reply.reset" {
                break event;
            }
        };
        assert_eq!(reset.data["attempt"], 2);
        read_to_end(&mut events, &mut joined).await;
        assert_eq!(joined.last.unwrap()["content"], joined.text);
        assert_eq!((joined.attempt, joined.ends), (2, 1));
    }

    async fn an_answer_that_is_withheld_is_taken_back(app) {
        let _working = working(&app);
        app.model.pace(WORD, WORD);
        app.model.then(DemoAct::Withhold { after_words: 4 });
        let user = app.user().await;
        let room = user.room().await;
        let mut events = user.watch(&room, None).await;
        ask(&user, &room, "Say something bad.").await;
        let mut joined = Joined::default();
        read_to_end(&mut events, &mut joined).await;
        assert_eq!(joined.text, "");
        assert_eq!(joined.last.unwrap()["outcome"], "blocked");
    }

    async fn a_failure_tells_its_end_and_the_unit_that_came_back(app) {
        let _working = working(&app);
        app.model.then(DemoAct::fail(ModelFault::Rejected));
        let user = app.user().await;
        let room = user.room().await;
        let mut events = user.watch(&room, None).await;
        ask(&user, &room, "Fail, please.").await;
        assert_eq!(events.until("quota.updated").await.data["quota"]["used"], 1);
        let end = events.until("reply.finished").await;
        assert_eq!((&end.data["outcome"], &end.data["message"]["status"]), (&"failed".into(), &"failed".into()));
        assert_eq!(events.until("quota.updated").await.data["quota"]["used"], 0);
    }

    async fn replies_that_wait_their_turn_are_told_one_after_the_other(app) {
        let user = app.user().await;
        let room = user.room().await;
        let mut events = user.watch(&room, None).await;
        let mut asked = Vec::new();
        for number in 0..3 {
            asked.push(ask(&user, &room, &format!("Question {number}")).await);
        }
        let _working = working(&app);
        for reply in asked {
            let mut joined = Joined::default();
            read_to_end(&mut events, &mut joined).await;
            let last = joined.last.unwrap();
            assert_eq!((&last["id"], &last["content"]), (&reply.into(), &joined.text.into()));
        }
    }

    async fn who_was_away_for_long_is_told_all_of_it_in_order(app) {
        let user = app.pro().await;
        let room = user.room().await;
        let first = ask(&user, &room, "Question 0").await;
        app.run_jobs().await;
        let mut asked = Vec::new();
        for number in 1..=25 {
            asked.push(ask(&user, &room, &format!("Question {number}")).await);
            app.run_jobs().await;
        }
        let mut events = user.watch(&room, Some(&format!("{first}.1.end"))).await;
        let mut told = Vec::new();
        for reply in &asked {
            let mut joined = Joined::default();
            while joined.last.is_none() {
                let event = events.next().await.unwrap();
                if event.name == "message.created" {
                    told.push(event.data["message_id"].as_str().unwrap().to_owned());
                }
                joined.take(&event);
            }
            let last = joined.last.unwrap();
            assert_eq!((last["id"].as_str(), &last["content"]), (Some(reply.as_str()), &joined.text.into()));
        }
        let stored = user.get(&format!("/chatroom/{room}/messages?limit=100")).await.expect(200).body;
        let stored = stored["messages"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned());
        assert_eq!(told, stored.skip(2).collect::<Vec<_>>());
    }

    async fn a_streamed_send_ends_with_its_room(app) {
        let user = app.user().await;
        let room = user.room().await;
        let request = user
            .request(reqwest::Method::POST, &format!("/chatroom/{room}/message"))
            .header("content-type", "application/json")
            .body(json!({"content": "Nobody writes."}).to_string());
        let mut events = Events::open(request).await;
        events.until("quota.updated").await;
        user.delete(&format!("/chatroom/{room}")).await.expect(204);
        assert!(events.next().await.is_none());
        until(Duration::from_secs(10), "its place", || async { (app.house.app.streams.count() == 0).then_some(()) }).await;
    }

    async fn a_room_that_is_renamed_or_deleted_says_so(app) {
        let user = app.user().await;
        let room = user.room().await;
        let mut events = user.watch(&room, None).await;
        user.patch(&format!("/chatroom/{room}"), json!({"name": "Renamed"})).await.expect(200);
        assert_eq!(events.until("room.updated").await.data["chatroom"]["name"], "Renamed");
        user.delete(&format!("/chatroom/{room}")).await.expect(204);
        assert!(events.next().await.is_none());
    }

    async fn a_change_of_plan_is_told(app) {
        let user = app.user().await;
        let room = user.room().await;
        let mut events = user.watch(&room, None).await;
        app.set_tier(&user, "Pro").await;
        assert_eq!(events.until("plan.updated").await.data["subscription_tier"], "Pro");
    }
}
