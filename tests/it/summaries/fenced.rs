//! However many write a summary at once, one of them does.

use std::time::Duration;

use pollux::domain::job::{Job, JobKind, LEASE};
use pollux::services::summaries;
use pollux::storage::{Covered, Refusal, WriteError};
use serde_json::json;

use super::{ask_for_summary, exchange, materials, own, summary};
use crate::harness::{Client, TestApp, on_both_engines};

/// A room whose summary is due, and the job that makes it, under a lease.
async fn about_to_be_summarised(app: &TestApp, user: &Client) -> (String, Job) {
    let room = user.room().await;
    for number in 1..=20 {
        exchange(app, user, &room, &format!("Thing {number}.")).await;
    }
    user.say(&room, "Thing 21.").await.expect(202);
    let reply = claim(app).await;
    pollux::services::replies::write_reply(&app.house.app, &reply).await.unwrap();
    let job = claim(app).await;
    assert_eq!(job.kind, Some(JobKind::SummariseRoom));
    (room, job)
}

async fn claim(app: &TestApp) -> Job {
    app.house.app.db.claim_jobs(rand::random(), 9, app.clock.now()).await.unwrap().remove(0)
}

fn made(content: &str) -> Covered {
    Covered { content: Some(content.to_owned()), seq: 4, version: 0 }
}

on_both_engines! {
    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn of_two_that_hold_the_job_the_second_writes(app) {
        let user = app.user().await;
        let (room, lost) = about_to_be_summarised(&app, &user).await;
        app.advance(LEASE + Duration::from_secs(1));
        let held = claim(&app).await;
        let (db, now) = (&app.house.app.db, app.clock.now());
        let read = db.covered(own(&user, &room).await).await.unwrap().unwrap();
        let late = db.summarise_room(&lost, &read, made("late"), now).await;
        assert!(matches!(late, Err(WriteError::Refused(Refusal::LeaseLost))));
        assert!(summary(&user, &room).await.is_null());
        db.summarise_room(&held, &read, made("held"), now).await.unwrap();
        assert_eq!(summary(&user, &room).await["content"], "held");
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn of_two_that_read_the_same_the_first_writes_and_the_other_changes_nothing(app) {
        let user = app.user().await;
        let (room, first) = about_to_be_summarised(&app, &user).await;
        let (db, now) = (&app.house.app.db, app.clock.now());
        for round in ["none", "one"] {
            let read = db.covered(own(&user, &room).await).await.unwrap().unwrap();
            let job = if round == "none" { first.clone() } else { again(&app, &user, &room).await };
            db.summarise_room(&job, &read, made(round), now).await.unwrap();
            let other = again(&app, &user, &room).await;
            let stale = db.summarise_room(&other, &read, made("stale"), now).await;
            assert!(matches!(stale, Err(WriteError::Refused(Refusal::Stale))), "{round}");
            assert_eq!(summary(&user, &room).await["content"], round);
            db.finish_job(&other).await.unwrap();
        }
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn a_summary_taken_away_while_the_next_is_made_of_it_does_not_come_back(app) {
        let user = app.user().await;
        let (room, job) = about_to_be_summarised(&app, &user).await;
        summaries::summarise_room(&app.house.app, &job).await.unwrap();
        let (db, now) = (&app.house.app.db, app.clock.now());
        let read = db.covered(own(&user, &room).await).await.unwrap().unwrap();
        let next = again(&app, &user, &room).await;
        user.patch(&format!("/chatroom/{room}"), json!({"summary": null})).await.expect(200);
        let late = db.summarise_room(&next, &read, made("made of what is gone"), now).await;
        assert!(matches!(late, Err(WriteError::Refused(Refusal::Stale))));
        assert!(summary(&user, &room).await.is_null());
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn a_second_job_finds_nothing_to_do(app) {
        let user = app.user().await;
        let (room, job) = about_to_be_summarised(&app, &user).await;
        summaries::summarise_room(&app.house.app, &job).await.unwrap();
        let before = summary(&user, &room).await;
        ask_for_summary(&app, &user, &room).await;
        app.run_jobs().await;
        assert_eq!((materials(&app).len(), summary(&user, &room).await), (1, before));
    }

    ["BASIC_DAILY_LIMIT" = "1000"]
    async fn a_message_that_waits_for_its_reply_is_not_covered(app) {
        let user = app.user().await;
        let room = user.room().await;
        exchange(&app, &user, &room, "Thing 1.").await;
        for number in 2..=46 {
            user.say(&room, &format!("Thing {number}.")).await.expect(202);
        }
        ask_for_summary(&app, &user, &room).await;
        let job = app.house.app.db.claim_jobs(rand::random(), 9, app.clock.now()).await.unwrap();
        let job = job.into_iter().find(|job| job.kind == Some(JobKind::SummariseRoom)).unwrap();
        summaries::summarise_room(&app.house.app, &job).await.unwrap();
        let made = materials(&app);
        assert_eq!((made.len(), made[0].turns.len()), (1, 2), "one exchange is over");
    }
}

async fn again(app: &TestApp, user: &Client, room: &str) -> Job {
    ask_for_summary(app, user, room).await;
    claim(app).await
}
