//! Jobs whose process dies under them.

use std::time::Duration;

use pollux::domain::job::{DEATHS, Job, LEASE, SUSPECT_DEATHS};
use pollux::storage::Db;

use super::asked;
use crate::harness::{TestApp, on_both_engines};

/// Lets some process take what it gets, and die.
async fn die_with(db: &Db, app: &TestApp) -> Vec<Job> {
    let taken = db.claim_jobs(rand::random(), 64, app.clock.now()).await.unwrap();
    app.advance(LEASE);
    taken
}

on_both_engines! {
    async fn a_job_that_took_ten_processes_with_it_is_given_up(app) {
        let asked = asked(&app).await;
        for deaths in 0..DEATHS {
            let taken = die_with(&app.house.app.db, &app).await;
            assert_eq!((taken.len(), taken[0].deaths), (1, deaths));
        }
        app.run_jobs().await;
        asked.has_failed("internal").await;
        assert_eq!(app.model.calls(), 0);
        assert_eq!(app.house.app.db.dead_jobs(10).await.unwrap().len(), 1);
    }

    async fn two_suspects_never_run_at_once_so_the_guilty_one_dies_alone(app) {
        let db = &app.house.app.db;
        let guilty = asked(&app).await;
        app.advance(Duration::from_millis(1));
        let innocent = asked(&app).await;
        for _ in 0..SUSPECT_DEATHS {
            assert_eq!(die_with(db, &app).await.len(), 2);
        }
        let newcomer = asked(&app).await;
        // Whoever stands first among the suspects is the one that kills; it dies until it is given up.
        let first = db.claim_jobs(rand::random(), 64, app.clock.now()).await.unwrap();
        let suspects: Vec<_> = first.iter().filter(|job| job.deaths >= SUSPECT_DEATHS).collect();
        assert_eq!((first.len(), suspects.len()), (2, 1), "one suspect, and whoever is not suspected");
        assert_eq!(suspects[0].subject.to_string(), guilty.reply);
        assert!(db.claim_jobs(rand::random(), 64, app.clock.now()).await.unwrap().is_empty());

        app.advance(LEASE);
        for _ in SUSPECT_DEATHS + 1..DEATHS {
            let taken = die_with(db, &app).await;
            assert!(taken.iter().all(|job| job.subject.to_string() != innocent.reply));
        }
        app.run_jobs().await;
        app.advance(Duration::from_secs(1));
        app.run_jobs().await;
        guilty.has_failed("internal").await;
        assert_eq!(innocent.reply().await["outcome"], "completed");
        assert_eq!(newcomer.reply().await["outcome"], "completed");
    }
}
