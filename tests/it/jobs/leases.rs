//! Who may write a job: the worker that holds its lease, and nobody who held it before.

use std::time::Duration;

use pollux::domain::chat::{Outcome, TokenUsage};
use pollux::domain::job::{Job, LEASE};
use pollux::domain::time::Timestamp;
use pollux::providers::model_demo::DemoAct;
use pollux::storage::{Db, Finished, Refusal, Setback, Sql, WriteError};

use super::{Asked, SOON, asked, called, rows, silent};
use crate::harness::work::{Working, until};
use crate::harness::{TestApp, on_both_engines};

/// Takes the one running job over, as a worker would whose clock says that the lease is over.
async fn steal(app: &TestApp) -> Job {
    let db = &app.house.app.db;
    let mut taken = db.claim_jobs(rand::random(), 64, app.clock.now() + LEASE).await.unwrap();
    assert_eq!(taken.len(), 1);
    taken.remove(0)
}

async fn lease_end(db: &Db) -> Timestamp {
    static LEASED: Sql = Sql::new("select lease_until from jobs where state = 'running'");
    rows::<(Timestamp,)>(db, &LEASED, vec![]).await[0].0
}

fn answered(content: &str) -> Finished {
    let (outcome, usage) = (Outcome::Completed, TokenUsage { prompt_tokens: 1, reply_tokens: 1 });
    Finished { outcome, content: content.to_owned(), error: None, model: None, usage }
}

fn given_up() -> Finished {
    Finished { outcome: Outcome::Failed, content: String::new(), error: Some("internal"), ..answered("") }
}

#[track_caller]
fn assert_lost<T: std::fmt::Debug>(outcome: &Result<T, WriteError>) {
    assert!(matches!(outcome, Err(WriteError::Refused(Refusal::LeaseLost))), "{outcome:?}");
}

on_both_engines! {
    async fn a_lease_is_renewed_while_its_job_runs_and_nobody_takes_the_job_over(app) {
        app.model.then(DemoAct::Hang { after_words: 3 });
        let (first, second) = (&app.house.app, &app.house.app);
        let working = [Working::start(first, Duration::ZERO), Working::start(second, Duration::ZERO)];
        let long = asked(&app).await;
        long.reaches("generating").await;
        for _ in 0..2 {
            app.advance(LEASE.saturating_sub(Duration::from_secs(1)));
            let renewed = app.clock.now() + LEASE;
            until(SOON, "a renewal", || async { (lease_end(&first.db).await == renewed).then_some(()) }).await;
        }
        asked(&app).await.reaches("complete").await;
        assert_eq!((&long.reply().await["status"], &long.reply().await["attempt"]), (&"generating".into(), &1.into()));
        assert_eq!(app.model.calls(), 2);
        for working in working {
            working.stop().await;
        }
    }

    async fn whoever_held_a_job_before_cannot_write_it(app) {
        let (db, now) = (&app.house.app.db, app.clock.now());
        let asked = asked(&app).await;
        let mut before = db.claim_jobs(rand::random(), 64, now).await.unwrap();
        let before = before.remove(0);
        let holder = steal(&app).await;
        assert_eq!((before.attempt, holder.attempt, holder.deaths), (1, 2, 1));

        let setback = Setback { run_at: now, errors: 1, panics: 0, error: "zombie" };
        assert_lost(&db.finish_reply(&before, &answered("zombie"), now).await);
        assert_lost(&db.finish_reply(&before, &given_up(), now).await);
        assert_lost(&db.retry_job(&before, &setback).await);
        assert_lost(&db.release_job(before.id, before.attempt).await);
        assert_lost(&db.discard_job(&before).await);
        let reply = asked.reply().await;
        assert_eq!((&reply["status"], &reply["attempt"], &reply["content"]), (&"generating".into(), &2.into(), &"".into()));
        assert_eq!(asked.user.used().await, 1);

        db.finish_reply(&holder, &answered("the holder's"), now).await.unwrap();
        assert_lost(&db.finish_reply(&holder, &given_up(), now).await);
        assert_lost(&db.retry_job(&holder, &setback).await);
        assert_eq!((&asked.reply().await["content"], asked.user.used().await), (&"the holder's".into(), 1));
    }

    async fn a_job_between_two_holders_is_nobodys(app) {
        let (db, now) = (&app.house.app.db, app.clock.now());
        let asked = asked(&app).await;
        let held = db.claim_jobs(rand::random(), 64, now).await.unwrap().remove(0);
        let setback = Setback { run_at: now + LEASE, errors: 0, panics: 0, error: "put off" };
        db.retry_job(&held, &setback).await.unwrap();
        assert_lost(&db.finish_reply(&held, &answered("too late"), now).await);
        assert_eq!((&asked.reply().await["status"], asked.user.used().await), (&"pending".into(), 1));
    }

    async fn an_answer_that_comes_after_the_lease_was_lost_changes_nothing(app) {
        app.model.pace(Duration::from_millis(400), Duration::ZERO);
        let working = Working::start(&app.house.app, Duration::ZERO);
        let asked = asked(&app).await;
        called(&app, 1).await;
        let holder = steal(&app).await;
        silent(&app).await;
        // A second reply shows that the worker has settled the first.
        Asked::by(&app.user().await, "Next, please").await.reaches("complete").await;
        let reply = asked.reply().await;
        assert_eq!((&reply["status"], &reply["attempt"], &reply["content"]), (&"generating".into(), &2.into(), &"".into()));
        app.house.app.db.finish_reply(&holder, &given_up(), app.clock.now()).await.unwrap();
        asked.has_failed("internal").await;
        working.stop().await;
    }

    async fn a_worker_that_lost_its_lease_drops_its_call_with_the_next_heartbeat(app) {
        app.model.then(DemoAct::Hang { after_words: 3 });
        let working = Working::start(&app.house.app, Duration::ZERO);
        let asked = asked(&app).await;
        called(&app, 1).await;
        let holder = steal(&app).await;
        silent(&app).await;
        app.house.app.db.finish_reply(&holder, &answered("the holder's"), app.clock.now()).await.unwrap();
        assert_eq!(asked.reply().await["content"], "the holder's");
        working.stop().await;
    }

    async fn a_worker_that_finds_its_own_lease_over_goes_on_with_the_later_attempt_alone(app) {
        app.model.then(DemoAct::Hang { after_words: 3 });
        let working = Working::start(&app.house.app, Duration::ZERO);
        let asked = asked(&app).await;
        called(&app, 1).await;
        app.advance(LEASE);
        let reply = asked.reaches("complete").await;
        silent(&app).await;
        assert_eq!((&reply["attempt"], app.model.calls()), (&2.into(), 2));
        working.stop().await;
    }
}
