//! Ten minutes after it was accepted, every reply is final.

use std::time::Duration;

use pollux::domain::job::DEADLINE;
use pollux::providers::model::ModelFault;
use pollux::providers::model_demo::DemoAct;

use super::{asked, called, silent, waiting_jobs};
use crate::harness::on_both_engines;
use crate::harness::work::{Working, until};

on_both_engines! {
    async fn a_reply_that_nobody_began_in_time_is_given_up_without_a_call(app) {
        let asked = asked(&app).await;
        app.advance(DEADLINE);
        app.run_jobs().await;
        asked.has_failed("deadline_exceeded").await;
        assert_eq!(app.model.calls(), 0);
    }

    async fn a_reply_that_waits_for_its_next_try_is_given_up_at_the_deadline(app) {
        app.model.fail_times(1, ModelFault::Away);
        let asked = asked(&app).await;
        app.run_jobs().await;
        app.advance(DEADLINE);
        app.run_jobs().await;
        asked.has_failed("deadline_exceeded").await;
        assert_eq!(app.model.calls(), 1);
    }

    async fn a_model_that_falls_silent_cannot_hold_a_job_past_its_deadline(app) {
        app.model.then(DemoAct::Hang { after_words: 5 });
        let asked = asked(&app).await;
        app.advance(DEADLINE.saturating_sub(Duration::from_millis(400)));
        let working = Working::start(&app.house.app, Duration::ZERO);
        called(&app, 1).await;
        asked.reaches("failed").await;
        asked.has_failed("deadline_exceeded").await;
        silent(&app).await;
        working.stop().await;
    }

    async fn the_call_for_a_deleted_room_is_dropped_with_the_next_heartbeat(app) {
        app.model.otherwise(DemoAct::Hang { after_words: 5 });
        let working = Working::start(&app.house.app, Duration::ZERO);
        let asked = asked(&app).await;
        called(&app, 1).await;
        asked.user.delete(&format!("/chatroom/{}", asked.room)).await.expect(204);
        silent(&app).await;
        assert_eq!(waiting_jobs(&app).await, 0);
        until(Duration::from_secs(1), "no second call", || async { (app.model.calls() == 1).then_some(()) }).await;
        working.stop().await;
    }
}
