//! Asking again, as those who watch the room see it.

use std::time::Duration;

use pollux::providers::model::ModelFault;
use pollux::providers::model_demo::DemoAct;
use reqwest::Method;
use serde_json::json;

use super::{id_of, regenerate, retry, send, send_in_vain};
use crate::harness::events::{Event, Events, Joined};
use crate::harness::work::Working;
use crate::harness::{TestApp, on_both_engines};

fn working(app: &TestApp) -> Working {
    Working::start(&app.house.app, Duration::ZERO)
}

/// Reads on until a reply has ended; what was told of it, and its text.
async fn told_of(events: &mut Events, reply: &str) -> (Vec<Event>, Joined) {
    let (mut told, mut joined) = (Vec::new(), Joined::default());
    while joined.last.is_none() {
        let event = events.next().await.expect("the stream ended before the reply");
        if event.data["message_id"] == reply {
            joined.take(&event);
            told.push(event);
        }
    }
    (told, joined)
}

fn names(told: &[Event]) -> Vec<&str> {
    let mut names: Vec<_> = told.iter().map(|event| event.name.as_str()).collect();
    names.dedup();
    names
}

on_both_engines! {
    async fn a_further_reply_is_told_like_any_other(app) {
        let _working = working(&app);
        let user = app.user().await;
        let room = user.room().await;
        let mut events = user.watch(&room, None).await;
        let (message, reply) = send(&user, &room, "Hello").await;
        told_of(&mut events, &reply).await;
        let again = id_of(&regenerate(&user, &room, &message).await.expect(202).body["reply"]);
        let (told, joined) = told_of(&mut events, &again).await;
        assert_eq!(names(&told), ["message.created", "reply.started", "reply.delta", "reply.finished"]);
        assert_eq!(joined.last.unwrap()["content"], joined.text);
    }

    async fn a_further_reply_can_be_asked_for_as_a_stream(app) {
        let _working = working(&app);
        let user = app.user().await;
        let room = user.room().await;
        let (message, reply) = send(&user, &room, "Hello").await;
        told_of(&mut user.watch(&room, None).await, &reply).await;
        let path = format!("/chatroom/{room}/message/{message}/regenerate");
        let mut events = Events::open(user.request(Method::POST, &path)).await;
        assert_eq!(events.until("message.created").await.data["message_id"], message);
        let again = id_of(&events.until("message.created").await.data["message"]);
        let (_, joined) = told_of(&mut events, &again).await;
        assert_eq!(joined.last.unwrap()["content"], joined.text);
        assert_eq!(events.next().await, None, "the end of the reply is the end of the stream");
    }

    async fn a_reply_tried_again_is_told_anew_to_who_saw_it_fail(app) {
        let _working = working(&app);
        let user = app.user().await;
        let room = user.room().await;
        let mut events = user.watch(&room, None).await;
        app.model.then(DemoAct::Fail { after_words: 3, fault: ModelFault::Rejected, retry_after: None });
        let (_, reply) = send(&user, &room, "Hello").await;
        let (_, joined) = told_of(&mut events, &reply).await;
        assert_eq!(joined.last.unwrap()["status"], "failed");
        retry(&user, &room, &reply).await.expect(202);
        let (told, joined) = told_of(&mut events, &reply).await;
        assert_eq!(names(&told)[..2], ["message.created", "reply.reset"]);
        assert_eq!((joined.attempt, &joined.last.unwrap()["content"]), (2, &json!(joined.text)));
    }

    async fn who_knows_that_a_reply_waits_to_be_tried_again_is_not_told_once_more_what_came_before_that(app) {
        let user = app.user().await;
        let room = user.room().await;
        let (_, failed) = send_in_vain(&app, &user, &room, "a").await;
        send(&user, &room, "b").await;
        app.run_jobs().await;
        let mut events = user.watch(&room, None).await;
        events.until("reply.finished").await;
        let pending = retry(&user, &room, &failed).await.expect(202).body["reply"].clone();
        let told = events.until("reply.reset").await;
        assert_eq!((&told.data["message_id"], &told.data["attempt"]), (&json!(failed), &pending["attempt"]));
        // Where the stream stood, and where a page begins that has read the room.
        for (name, place) in [("One", told.id.unwrap()), ("Two", format!("{failed}.{}.0", pending["attempt"]))] {
            let mut events = user.watch(&room, Some(&place)).await;
            user.patch(&format!("/chatroom/{room}"), json!({"name": name})).await.expect(200);
            assert_eq!(events.next().await.unwrap().name, "room.updated", "something was told again");
        }
    }

    async fn who_left_before_a_reply_was_tried_again_is_told_all_that_came_since(app) {
        let user = app.user().await;
        let room = user.room().await;
        let mut events = user.watch(&room, None).await;
        let (_, failed) = send_in_vain(&app, &user, &room, "a").await;
        let (told, _) = told_of(&mut events, &failed).await;
        drop(events);
        let (second, reply) = send(&user, &room, "b").await;
        app.run_jobs().await;
        retry(&user, &room, &failed).await.expect(202);
        app.run_jobs().await;
        // Whether he had seen it fail, or was cut off while it was being written.
        let mut last = None;
        for place in [told.last().unwrap().id.clone().unwrap(), format!("{failed}.1.0")] {
            let mut events = user.watch(&room, Some(&place)).await;
            assert_eq!(events.until("message.created").await.data["message_id"], second);
            assert_eq!(told_of(&mut events, &reply).await.1.last.unwrap()["outcome"], "completed");
            let (told, joined) = told_of(&mut events, &failed).await;
            assert_eq!((joined.attempt, &joined.last.unwrap()["content"]), (2, &json!(joined.text)));
            last.clone_from(&told.last().unwrap().id);
        }
        // And from then on he goes on where he is.
        let mut events = user.watch(&room, last.as_deref()).await;
        let (next, _) = send(&user, &room, "c").await;
        assert_eq!(events.until("message.created").await.data["message_id"], next);
    }
}
