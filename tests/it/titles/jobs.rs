//! The job that finds a title: once, for nothing, behind everything else, and without a trace where it fails.

use std::time::Duration;

use pollux::domain::ids::ChatroomId;
use pollux::domain::job::{Job, JobKind, LEASE};
use pollux::domain::title;
use pollux::providers::model::ModelFault;
use pollux::providers::model_demo::DemoAct;
use pollux::services::titles;
use pollux::storage::{Refusal, WriteError};

use super::{dead, name_of, named, open_jobs, unnamed};
use crate::harness::work::{Working, until};
use crate::harness::{Client, TestApp, on_both_engines};

/// A room whose first reply is final, and its title's job, under a lease.
async fn about_to_be_titled(app: &TestApp, user: &Client) -> (String, Job) {
    let room = unnamed(user).await;
    user.say(&room, "Why is the sky blue?").await.expect(202);
    let (db, now) = (&app.house.app.db, app.clock.now());
    let reply = db.claim_jobs(rand::random(), 9, now).await.unwrap().remove(0);
    pollux::services::replies::write_reply(&app.house.app, &reply).await.unwrap();
    let job = db.claim_jobs(rand::random(), 9, now).await.unwrap().remove(0);
    assert_eq!((job.kind, job.room()), (Some(JobKind::TitleRoom), ChatroomId::parse(&room).unwrap()));
    (room, job)
}

on_both_engines! {
    async fn the_first_reply_is_followed_by_a_title_that_costs_no_quota(app) {
        let user = app.user().await;
        let room = unnamed(&user).await;
        for (said, calls) in [("Why is the sky blue?", 2), ("And the sea?", 3), ("And the grass?", 4)] {
            user.say(&room, said).await.expect(202);
            app.run_jobs().await;
            assert_eq!(app.model.calls(), calls, "one title in the life of a room");
        }
        assert_eq!(name_of(&user, &room).await, "Demo: Why is the sky blue?");
        assert_eq!(user.used().await, 3);
        let asked = app.model.prompts().into_iter().find(|prompt| {
            prompt.instructions.as_deref() == Some(title::INSTRUCTIONS)
        });
        let asked = asked.unwrap();
        assert_eq!((asked.turns.len(), asked.max_output_tokens), (1, title::TOKENS));
        let words: title::FirstWords = serde_json::from_str(&asked.turns[0].text).unwrap();
        assert_eq!(words.message, "Why is the sky blue?");
        assert!(words.reply.starts_with("You said:"));
    }

    async fn a_room_with_a_name_asks_for_no_title(app) {
        let user = app.user().await;
        let room = user.room().await;
        user.say(&room, "Why is the sky blue?").await.expect(202);
        app.run_jobs().await;
        assert_eq!((app.model.calls(), open_jobs(&app).await), (1, Vec::new()));
    }

    async fn long_first_words_go_to_the_model_cut(app) {
        let user = app.user().await;
        let room = unnamed(&user).await;
        user.say(&room, &"ö ".repeat(8_000)).await.expect(202);
        app.run_jobs().await;
        let asked = app.model.last_prompt().unwrap();
        let words: title::FirstWords = serde_json::from_str(&asked.turns[0].text).unwrap();
        assert_eq!(words.message.chars().count(), title::SEEN);
    }

    async fn a_title_stands_behind_every_reply_and_takes_few_places(app) {
        let user = app.user().await;
        let (room, job) = about_to_be_titled(&app, &user).await;
        app.house.app.db.release_job(job.id, job.attempt).await.unwrap();
        app.advance(Duration::from_mins(20));
        let other = app.user().await;
        other.say(&other.room().await, "Later").await.expect(202);
        let now = app.clock.now();
        let first = app.house.app.db.claim_jobs(rand::random(), 1, now).await.unwrap().remove(0);
        assert_eq!(first.kind, Some(JobKind::Reply), "which was accepted later");
        let next = app.house.app.db.claim_jobs(rand::random(), 1, now).await.unwrap().remove(0);
        assert_eq!(next.room(), ChatroomId::parse(&room).unwrap());
    }

    async fn of_two_that_hold_the_job_one_gives_the_title(app) {
        let user = app.user().await;
        let (room, lost) = about_to_be_titled(&app, &user).await;
        app.advance(LEASE + Duration::from_secs(1));
        let db = &app.house.app.db;
        let held = db.claim_jobs(rand::random(), 9, app.clock.now()).await.unwrap().remove(0);
        assert_eq!((held.id, held.attempt), (lost.id, lost.attempt + 1));
        let late = db.title_room(&lost, "Too late").await;
        assert!(matches!(late, Err(WriteError::Refused(Refusal::LeaseLost))));
        db.title_room(&held, "Sky and colours").await.unwrap();
        let again = db.title_room(&held, "Twice").await;
        assert!(matches!(again, Err(WriteError::Refused(Refusal::LeaseLost))));
        assert_eq!(name_of(&user, &room).await, "Sky and colours");
    }

    async fn a_process_that_dies_with_the_job_in_hand_leaves_it_to_the_next(app) {
        let user = app.user().await;
        let (room, _) = about_to_be_titled(&app, &user).await;
        let (token, mobile) = (user.token.clone(), user.mobile.clone());
        let app = app.restart().await;
        app.advance(LEASE + Duration::from_secs(1));
        app.run_jobs().await;
        let user = Client { token, mobile, ..app.client() };
        assert_eq!(name_of(&user, &room).await, "Demo: Why is the sky blue?");
        assert!(open_jobs(&app).await.is_empty());
        assert_eq!(app.model.calls(), 2);
    }

    async fn a_model_that_is_away_is_asked_twice_and_the_first_words_stay(app) {
        let user = app.user().await;
        let room = unnamed(&user).await;
        app.model.then(DemoAct::Answer);
        app.model.fail_times(9, ModelFault::Away);
        user.say(&room, "Why is the sky blue?").await.expect(202);
        for _ in 0..5 {
            app.run_jobs().await;
            app.advance(Duration::from_mins(1));
        }
        assert_eq!(app.model.calls(), 3, "a reply, and a title twice");
        assert_eq!(name_of(&user, &room).await, "Why is the sky blue?");
        assert_eq!((open_jobs(&app).await, dead(&app).await), (Vec::new(), Vec::new()));
        assert!(!app.house.app.breaker.is_paused(&app.house.app.config.gemini.model));
        assert_eq!(user.used().await, 1);
    }

    async fn titles_do_not_stop_the_calls_for_replies_and_wait_where_those_are_stopped(app) {
        let user = app.user().await;
        let (room, job) = about_to_be_titled(&app, &user).await;
        let (inside, now) = (&app.house.app, app.clock.now());
        let model = inside.config.gemini.model.clone();
        inside.breaker.failed(&model, now, true);
        titles::title_room(inside, &job).await.unwrap();
        assert_eq!((app.model.calls(), name_of(&user, &room).await.as_str()), (1, "Why is the sky blue?"));
        inside.breaker.succeeded(&model);
        app.advance(Duration::from_mins(1));
        app.run_jobs().await;
        assert_eq!(name_of(&user, &room).await, "Demo: Why is the sky blue?");
    }

    async fn a_title_that_had_no_place_for_an_hour_is_let_go(app) {
        let user = app.user().await;
        let (room, job) = about_to_be_titled(&app, &user).await;
        app.house.app.db.release_job(job.id, job.attempt).await.unwrap();
        app.advance(Duration::from_hours(1));
        app.run_jobs().await;
        assert_eq!((app.model.calls(), open_jobs(&app).await), (1, Vec::new()));
        assert_eq!(name_of(&user, &room).await, "Why is the sky blue?");
    }

    async fn a_reply_that_is_blocked_or_failed_is_followed_by_no_title(app) {
        let user = app.user().await;
        for act in [DemoAct::BlockPrompt, DemoAct::fail(ModelFault::Rejected)] {
            let room = unnamed(&user).await;
            app.model.then(act);
            let before = app.model.calls();
            user.say(&room, "Something bad").await.expect(202);
            app.run_jobs().await;
            assert_eq!((app.model.calls(), name_of(&user, &room).await.as_str()), (before + 1, "Something bad"));
        }
    }

    async fn a_first_reply_that_is_stopped_is_followed_by_a_title_where_it_has_text(app) {
        let user = app.user().await;
        let room = unnamed(&user).await;
        app.model.then(DemoAct::Hang { after_words: 5 });
        let working = Working::start(&app.house.app, Duration::ZERO);
        let sent = user.say(&room, "Why is the sky blue?").await.expect(202);
        let reply = format!("/chatroom/{room}/message/{}", sent.body["reply"]["id"].as_str().unwrap());
        until(Duration::from_secs(20), "some text is saved", || async {
            let shown = user.get(&reply).await.expect(200).body;
            shown["content"].as_str().filter(|text| !text.is_empty()).map(|_| ())
        })
        .await;
        user.post(&format!("{reply}/stop"), serde_json::json!({})).await.expect(200);
        until(Duration::from_secs(20), "the title", || async {
            let shown = user.get(&format!("/chatroom/{room}")).await.expect(200).body;
            (shown["name"] == "Demo: Why is the sky blue?").then_some(())
        })
        .await;
        working.stop().await;
    }

    async fn a_room_that_is_deleted_meanwhile_takes_its_title_along(app) {
        let user = app.user().await;
        let (room, job) = about_to_be_titled(&app, &user).await;
        user.delete(&format!("/chatroom/{room}")).await.expect(204);
        titles::title_room(&app.house.app, &job).await.unwrap();
        assert_eq!((app.model.calls(), open_jobs(&app).await), (1, Vec::new()));
    }

    async fn a_name_given_while_the_model_thinks_is_kept(app) {
        let user = app.user().await;
        let (room, job) = about_to_be_titled(&app, &user).await;
        user.patch(&format!("/chatroom/{room}"), named("Mine")).await.expect(200);
        app.house.app.db.title_room(&job, "The model's").await.unwrap();
        assert_eq!(name_of(&user, &room).await, "Mine");
        assert!(open_jobs(&app).await.is_empty());
    }
}
