//! How a worker stops: what it can end it ends, the rest it puts back.

use std::time::{Duration, Instant};

use pollux::providers::model_demo::DemoAct;

use super::{SOON, asked, called, only_job, waiting_jobs};
use crate::harness::on_both_engines;
use crate::harness::work::Working;

on_both_engines! {
    async fn replies_that_end_within_the_grace_are_kept(app) {
        app.model.pace(Duration::from_millis(300), Duration::ZERO);
        let working = Working::start(&app.house.app, SOON);
        let asked = asked(&app).await;
        called(&app, 1).await;
        let began = Instant::now();
        working.stop().await;
        assert!(began.elapsed() < SOON / 2, "it waited for nothing");
        assert_eq!(asked.reply().await["outcome"], "completed");
        assert_eq!(waiting_jobs(&app).await, 0);
    }

    async fn the_others_are_put_back_uncounted_and_taken_up_at_the_next_start(app) {
        app.model.then(DemoAct::Hang { after_words: 3 });
        let working = Working::start(&app.house.app, Duration::from_millis(200));
        let asked = asked(&app).await;
        called(&app, 1).await;
        working.stop().await;
        assert_eq!(only_job(&app).await, ("ready".to_owned(), 0));
        assert_eq!((&asked.reply().await["status"], app.model.running()), (&"pending".into(), 0));

        let began = Instant::now();
        let working = Working::start(&app.house.app, SOON);
        called(&app, 2).await;
        assert!(began.elapsed() <= Duration::from_secs(1), "{:?}", began.elapsed());
        asked.reaches("complete").await;
        working.stop().await;
    }

    async fn a_worker_that_stops_begins_nothing_new(app) {
        app.model.then(DemoAct::Hang { after_words: 3 });
        let working = Working::start(&app.house.app, Duration::from_millis(500));
        let first = asked(&app).await;
        called(&app, 1).await;
        working.begin_to_stop();
        let second = asked(&app).await;
        working.stop().await;
        assert_eq!(app.model.calls(), 1);
        for asked in [first, second] {
            assert_eq!(asked.reply().await["status"], "pending");
        }
    }
}
