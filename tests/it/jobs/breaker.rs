//! The breaker before the model: when nobody gets an answer, nobody asks for a while.

use std::time::Duration;

use pollux::domain::job::TRIES;
use pollux::providers::model::ModelFault;
use pollux::providers::model_demo::DemoAct;

use super::{Asked, SOON, asked, only_job, silent};
use crate::harness::work::{Working, until};
use crate::harness::{TestApp, on_both_engines};

/// How many failures in a row open it.
const FAILURES: usize = 10;

/// Lets so many calls fail, of a user each.
async fn fail_in_a_row(app: &TestApp, times: usize) -> Vec<Asked> {
    app.model.otherwise(DemoAct::fail(ModelFault::Away));
    let mut all = Vec::new();
    for _ in 0..times {
        all.push(asked(app).await);
    }
    app.run_jobs().await;
    assert_eq!(app.model.calls(), times);
    all
}

fn is_open(app: &TestApp) -> bool {
    app.house.app.breaker.ask(&app.house.app.config.gemini.model, app.clock.now()).is_some()
}

on_both_engines! {
    async fn ten_failures_in_a_row_open_it_and_what_comes_then_is_put_off_uncounted(app) {
        fail_in_a_row(&app, FAILURES - 1).await;
        assert!(!is_open(&app));
        app.model.fail_times(1, ModelFault::Away);
        let last = asked(&app).await;
        app.run_jobs().await;
        assert!(is_open(&app));

        assert_eq!(last.reply().await["status"], "pending");
        let after = asked(&app).await;
        app.run_jobs().await;
        assert_eq!(app.model.calls(), FAILURES);
        let reply = after.reply().await;
        assert_eq!((&reply["status"], after.user.used().await), (&"pending".into(), 1));
    }

    async fn a_success_between_failures_keeps_it_shut(app) {
        fail_in_a_row(&app, FAILURES - 1).await;
        app.model.then(DemoAct::Answer);
        asked(&app).await;
        app.run_jobs().await;
        app.model.fail_times(1, ModelFault::Away);
        asked(&app).await;
        app.run_jobs().await;
        assert!(!is_open(&app));
    }

    async fn a_refused_key_opens_it_at_once(app) {
        app.model.fail_times(1, ModelFault::Misconfigured);
        let refused = asked(&app).await;
        app.run_jobs().await;
        refused.has_failed("model_misconfigured").await;
        assert!(is_open(&app));

        let after = asked(&app).await;
        app.run_jobs().await;
        assert_eq!(only_job(&app).await, ("waiting".to_owned(), 0));
        assert_eq!((app.model.calls(), &after.reply().await["status"]), (1, &"pending".into()));
    }

    async fn it_is_shut_within_ten_seconds_of_a_recovery_and_all_get_their_answers(app) {
        let all = fail_in_a_row(&app, FAILURES).await;
        assert!(is_open(&app));
        app.model.otherwise(DemoAct::Answer);
        let working = Working::start(&app.house.app, Duration::ZERO);
        let recovered = app.clock.now();
        until(SOON, "an answer that shuts it", || async {
            app.advance(Duration::from_millis(100));
            (app.model.calls() > FAILURES).then_some(())
        }).await;
        silent(&app).await;
        until(SOON, "a shut breaker", || async { (!is_open(&app)).then_some(()) }).await;
        let took = app.clock.now().since(recovered);
        assert!(took <= Duration::from_secs(10), "{took:?}");
        for asked in &all {
            until(SOON, "an answer", || async {
                app.advance(Duration::from_millis(100));
                (asked.reply().await["outcome"] == "completed").then_some(())
            }).await;
        }
        working.stop().await;
    }

    async fn a_model_that_never_comes_back_is_asked_seldom_and_every_reply_ends(app) {
        let all = fail_in_a_row(&app, FAILURES).await;
        for _ in 0..125 {
            app.advance(Duration::from_secs(5));
            app.run_jobs().await;
        }
        for asked in &all {
            assert_eq!(asked.reply().await["status"], "failed");
            assert_eq!(asked.user.used().await, 0);
        }
        assert!(app.model.calls() <= FAILURES * TRIES as usize);
    }
}
