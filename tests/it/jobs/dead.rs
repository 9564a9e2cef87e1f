//! `pollux jobs`: what the operator sees of dead jobs, and does about them.

use std::process::Output;

use pollux::providers::model::ModelFault;
use pollux::providers::model_demo::DemoAct;

use super::{Asked, asked};
use crate::harness::{TestApp, on_both_engines};

fn told(output: &Output) -> String {
    String::from_utf8_lossy(if output.status.success() { &output.stdout } else { &output.stderr }).into_owned()
}

fn jobs(app: &TestApp, arguments: &[&str]) -> (bool, String) {
    let output = app.command(&[&["jobs"], arguments].concat(), &[]);
    (output.status.success(), told(&output))
}

/// A reply that failed for good, so that its job is dead.
async fn failed(app: &TestApp) -> Asked {
    app.model.then(DemoAct::fail(ModelFault::Rejected));
    let asked = asked(app).await;
    app.run_jobs().await;
    assert_eq!(asked.reply().await["status"], "failed");
    asked
}

on_both_engines! {
    async fn a_dead_job_is_listed_with_what_it_ended_in(app) {
        assert_eq!(jobs(&app, &[]), (true, "The queue is empty.\n".to_owned()));
        let asked = failed(&app).await;
        let (done, list) = jobs(&app, &["list"]);
        assert!(done && list.contains("1  dead"), "{list}");
        let line = list.lines().find(|line| line.starts_with(&asked.reply)).unwrap();
        assert!(line.contains("reply") && line.contains("1 tries"), "{line}");
        assert!(!list.contains("Why is the sky blue"), "{list}");
    }

    async fn a_failed_reply_is_written_anew_and_costs_nothing(app) {
        let asked = failed(&app).await;
        assert_eq!(asked.user.used().await, 0);
        let (done, said) = jobs(&app, &["retry", &asked.reply]);
        assert!(done && said.starts_with("1 put back"), "{said}");
        assert_eq!(asked.reply().await["status"], "pending");
        app.run_jobs().await;
        let reply = asked.reply().await;
        assert_eq!((&reply["status"], &reply["outcome"], &reply["attempt"]), (&"complete".into(), &"completed".into(), &2.into()));
        assert_eq!(asked.user.used().await, 0);
        assert_eq!(jobs(&app, &[]).1, "The queue is empty.\n");
    }

    async fn who_watches_the_room_sees_a_reply_that_is_put_back(app) {
        let asked = failed(&app).await;
        let mut events = asked.user.watch(&asked.room, None).await;
        events.until("reply.finished").await;
        assert!(jobs(&app, &["retry", &asked.reply]).0);
        app.run_jobs().await;
        let end = events.until("reply.finished").await;
        assert_eq!((&end.data["message_id"], &end.data["outcome"]), (&asked.reply.clone().into(), &"completed".into()));
        assert_eq!(end.data["message"], asked.reply().await);
    }

    async fn a_reply_that_fails_again_gives_nothing_back_twice(app) {
        let paid = failed(&app).await;
        let other = Asked::by(&paid.user, "This one is paid for.").await;
        app.run_jobs().await;
        assert_eq!(paid.user.used().await, 1);
        assert!(jobs(&app, &["retry", "--all"]).0);
        app.model.then(DemoAct::fail(ModelFault::Rejected));
        app.run_jobs().await;
        assert_eq!(paid.reply().await["status"], "failed");
        assert_eq!(other.reply().await["status"], "complete");
        assert_eq!(paid.user.used().await, 1);
        assert!(jobs(&app, &[]).1.contains("1  dead"));
    }

    async fn a_room_that_waits_for_a_reply_gets_no_second_one(app) {
        let dead = failed(&app).await;
        let open = Asked::within(&dead.user, &dead.room, "And now?").await;
        let (done, said) = jobs(&app, &["retry", &dead.reply]);
        assert!(!done && said.contains("try again later"), "{said}");
        app.run_jobs().await;
        assert_eq!(open.reply().await["status"], "complete");
        assert!(jobs(&app, &["retry", &dead.reply]).0);
        app.run_jobs().await;
        assert_eq!(dead.reply().await["status"], "complete");
    }

    async fn a_dead_job_that_is_discarded_leaves_its_failed_reply_alone(app) {
        let dead = failed(&app).await;
        let (done, said) = jobs(&app, &["discard", &dead.reply]);
        assert!(done && said.starts_with("1 discarded"), "{said}");
        assert_eq!(dead.reply().await["status"], "failed");
        let (done, said) = jobs(&app, &["discard", &dead.reply]);
        assert!(!done && said.contains("no dead job has the id"), "{said}");
        let (done, said) = jobs(&app, &["retry", "nonsense"]);
        assert!(!done && said.contains("is not the id of a job"), "{said}");
        assert!(!jobs(&app, &["retry"]).0, "which one?");
    }
}
