//! Whose turn it is.

use std::time::Duration;

use futures_util::StreamExt as _;
use pollux::providers::model_demo::DemoAct;

use super::{Asked, SOON, asked, called};
use crate::harness::work::{Working, until};
use crate::harness::{Client, TestApp, on_both_engines};

/// How long an answer takes where several are to be seen at once.
const A_WHILE: Duration = Duration::from_millis(60);

/// What was asked, in the order in which the model was.
fn order(app: &TestApp) -> Vec<String> {
    app.model.prompts().into_iter().map(|prompt| prompt.turns.last().unwrap().text.clone()).collect()
}

/// Works until all jobs are done.
async fn work_through(app: &TestApp, jobs: usize) {
    let working = Working::start(&app.house.app, SOON);
    called(app, jobs).await;
    working.stop().await;
}

/// Sends messages into as many rooms.
async fn ask_in_rooms(user: &Client, contents: impl IntoIterator<Item = String>) {
    for content in contents {
        Asked::by(user, &content).await;
    }
}

fn numbered(name: &str, count: usize) -> impl Iterator<Item = String> {
    (1..=count).map(move |number| format!("{name} {number}"))
}

on_both_engines! {
    ["WORKER_CONCURRENCY" = "3"]
    async fn no_more_calls_run_at_once_than_the_setting_allows(app) {
        app.model.pace(A_WHILE, Duration::ZERO);
        for _ in 0..10 {
            asked(&app).await;
        }
        work_through(&app, 10).await;
        assert_eq!(app.model.peak(), 3);
    }

    async fn a_basic_user_has_two_replies_written_at_once(app) {
        app.model.pace(A_WHILE, Duration::ZERO);
        ask_in_rooms(&app.user().await, numbered("basic", 5)).await;
        work_through(&app, 5).await;
        assert_eq!(app.model.peak(), 2);
    }

    async fn a_pro_user_has_four_replies_written_at_once(app) {
        app.model.pace(A_WHILE, Duration::ZERO);
        ask_in_rooms(&app.pro().await, numbered("pro", 10)).await;
        work_through(&app, 10).await;
        assert_eq!(app.model.peak(), 4);
    }

    async fn a_room_has_one_reply_written_at_a_time_in_order(app) {
        app.model.pace(Duration::from_millis(20), Duration::ZERO);
        let user = app.pro().await;
        let room = user.room().await;
        for content in numbered("message", 6) {
            Asked::within(&user, &room, &content).await;
        }
        work_through(&app, 6).await;
        assert_eq!(app.model.peak(), 1);
        assert_eq!(order(&app), numbered("message", 6).collect::<Vec<_>>());
        let turns: Vec<usize> = app.model.prompts().iter().map(|prompt| prompt.turns.len()).collect();
        assert_eq!(turns, [1, 3, 5, 7, 9, 11]);
    }

    async fn a_reply_that_waits_for_its_next_try_keeps_its_place_in_the_room(app) {
        app.model.then(DemoAct::fail(pollux::providers::model::ModelFault::Away));
        let first = asked(&app).await;
        let second = Asked::within(&first.user, &first.room, "And the sea?").await;
        app.run_jobs().await;
        assert_eq!((app.model.calls(), &second.reply().await["status"]), (1, &"pending".into()));
        app.advance(Duration::from_secs(1));
        app.run_jobs().await;
        assert_eq!(order(&app), ["Why is the sky blue?", "Why is the sky blue?", "And the sea?"]);
    }

    ["WORKER_CONCURRENCY" = "1"]
    async fn pro_goes_first_but_basic_does_not_starve(app) {
        for name in ["basic a", "basic b"] {
            Asked::by(&app.user().await, name).await;
        }
        Asked::by(&app.pro().await, "pro at once").await;
        app.advance(Duration::from_secs(21));
        Asked::by(&app.pro().await, "pro much later").await;
        work_through(&app, 4).await;
        let order = order(&app);
        assert_eq!((order[0].as_str(), order[3].as_str()), ("pro at once", "pro much later"));
    }

    ["WORKER_CONCURRENCY" = "1", "BASIC_TIER_DAILY_LIMIT" = "100"]
    async fn a_user_with_thirty_waiting_does_not_delay_the_first_of_another(app) {
        ask_in_rooms(&app.user().await, numbered("many", 30)).await;
        Asked::by(&app.user().await, "one").await;
        work_through(&app, 31).await;
        let place = order(&app).iter().position(|content| content == "one").unwrap();
        assert!(place <= 1, "in place {place}");
    }

    async fn the_jobs_of_a_user_who_must_wait_hide_nobody_behind_them(app) {
        app.model.otherwise(DemoAct::Hang { after_words: 0 });
        let crowd = app.pro().await;
        let sends = numbered("crowd", 270).map(|content| {
            let crowd = &crowd;
            async move { Asked::by(crowd, &content).await }
        });
        futures_util::stream::iter(sends).buffer_unordered(24).collect::<Vec<_>>().await;
        app.advance(Duration::from_secs(560));
        let working = Working::start(&app.house.app, Duration::ZERO);
        called(&app, 4).await;
        Asked::by(&app.pro().await, "newcomer").await;
        until(SOON, "the newcomer's turn", || async {
            order(&app).iter().any(|content| content == "newcomer").then_some(())
        }).await;
        working.stop().await;
    }
}
