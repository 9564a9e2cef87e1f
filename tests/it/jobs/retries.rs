//! When a reply is tried again.

use std::time::Duration;

use pollux::domain::job::{TRIES, backoff};
use pollux::providers::model::ModelFault;
use pollux::providers::model_demo::DemoAct;

use super::{Asked, SOON, asked, called, next_try, only_job};
use crate::harness::work::{Working, until};
use crate::harness::{on_both_engines, user_id};

const MILLISECOND: Duration = Duration::from_millis(1);

on_both_engines! {
    async fn a_model_that_is_away_is_asked_five_times_with_growing_waits(app) {
        app.model.otherwise(DemoAct::fail(ModelFault::Away));
        let asked = asked(&app).await;
        for tries in 1..TRIES {
            app.run_jobs().await;
            assert_eq!(app.model.calls(), tries as usize);
            let reply = asked.reply().await;
            assert_eq!((&reply["status"], &reply["attempt"]), (&"pending".into(), &tries.into()));
            assert_eq!(asked.user.used().await, 1, "a unit came back before the end");

            let wait = next_try(&app).await.since(app.clock.now());
            assert!((backoff(tries, None, 0.0)..=backoff(tries, None, 1.0)).contains(&wait), "try {tries}: {wait:?}");
            app.advance(wait.saturating_sub(MILLISECOND));
            app.run_jobs().await;
            assert_eq!(app.model.calls(), tries as usize, "tried too early");
            app.advance(MILLISECOND);
        }
        app.run_jobs().await;
        asked.has_failed("model_unavailable").await;
        assert_eq!(app.model.calls(), 5);
        app.advance(Duration::from_mins(2));
        app.run_jobs().await;
        assert_eq!((app.model.calls(), asked.user.used().await), (5, 0));
    }

    async fn a_wait_that_the_model_asks_for_is_kept(app) {
        let retry_after = Some(Duration::from_secs(45));
        app.model.then(DemoAct::Fail { after_words: 2, fault: ModelFault::Slowed, retry_after });
        let asked = asked(&app).await;
        app.run_jobs().await;
        app.advance(Duration::from_millis(44_999));
        app.run_jobs().await;
        assert_eq!((app.model.calls(), &asked.reply().await["status"]), (1, &"pending".into()));
        app.advance(Duration::from_secs(7));
        app.run_jobs().await;
        assert_eq!(asked.reply().await["outcome"], "completed");
    }

    async fn a_wait_beyond_the_deadline_is_not_begun(app) {
        let retry_after = Some(Duration::from_mins(10));
        app.model.then(DemoAct::Fail { after_words: 0, fault: ModelFault::Slowed, retry_after });
        let asked = asked(&app).await;
        app.run_jobs().await;
        asked.has_failed("model_busy").await;
    }

    async fn a_reply_is_generating_while_it_is_written_and_pending_between_tries(app) {
        app.model.pace(Duration::from_millis(300), Duration::ZERO);
        app.model.fail_times(1, ModelFault::Away);
        let working = Working::start(&app.house.app, Duration::ZERO);
        let asked = asked(&app).await;
        assert_eq!(asked.reaches("generating").await["attempt"], 1);
        asked.reaches("pending").await;
        app.advance(Duration::from_secs(1));
        assert_eq!(asked.reaches("generating").await["attempt"], 2);
        asked.reaches("complete").await;
        working.stop().await;
    }

    async fn a_job_that_panics_three_times_is_given_up_and_harms_nobody(app) {
        let working = Working::start(&app.house.app, Duration::ZERO);
        for _ in 0..3 {
            app.model.then(DemoAct::Panic { after_words: 2 });
        }
        let asked = asked(&app).await;
        for panics in 1..=2 {
            until(SOON, "a job put back", || async {
                (only_job(&app).await == ("waiting".to_owned(), panics * 10)).then_some(())
            }).await;
            assert_eq!(asked.reply().await["status"], "pending");
            app.advance(Duration::from_secs(4));
        }
        asked.reaches("failed").await;
        asked.has_failed("internal").await;
        assert_eq!(app.model.calls(), 3);

        let next = Asked::by(&asked.user, "Still there?").await;
        next.reaches("complete").await;
        working.stop().await;
    }

    async fn the_unit_goes_back_to_the_day_that_paid(app) {
        let db = &app.house.app.db;
        app.advance(Duration::from_millis(12 * 3_600_000 - 200));
        let (user, today) = (app.user().await, app.clock.now().day());
        let id = user_id(&user).await;
        app.model.fail_times(1, ModelFault::Away);
        let late = Asked::by(&user, "Just before midnight").await;
        app.run_jobs().await;
        app.advance(Duration::from_secs(1));
        let tomorrow = app.clock.now().day();
        assert_ne!(today, tomorrow);
        let early = Asked::by(&user, "Just after midnight").await;
        assert_eq!((db.used(id, today).await.unwrap(), db.used(id, tomorrow).await.unwrap()), (1, 1));

        app.model.otherwise(DemoAct::fail(ModelFault::Rejected));
        app.run_jobs().await;
        assert_eq!((&late.reply().await["status"], &early.reply().await["status"]), (&"failed".into(), &"failed".into()));
        assert_eq!((db.used(id, today).await.unwrap(), db.used(id, tomorrow).await.unwrap()), (0, 0));
    }

    async fn a_message_sent_to_an_idle_worker_is_taken_up_by_the_bell_and_not_by_the_clock(app) {
        let working = Working::start(&app.house.app, Duration::ZERO);
        let user = app.pro().await;
        let room = user.room().await;
        let mut prompt_ones = 0;
        for times in 1..=8 {
            let asked = Asked::within(&user, &room, "Quick!").await;
            let sent = std::time::Instant::now();
            called(&app, times).await;
            prompt_ones += usize::from(sent.elapsed() < Duration::from_millis(150));
            asked.reaches("complete").await;
        }
        // The timer alone would be this quick about every third time.
        assert!(prompt_ones >= 6, "only {prompt_ones} of 8 were taken up at once");
        working.stop().await;
    }
}
