//! Leases: renewed, released, lost and rescued.

use pollux::domain::chat::{Outcome, Status, TokenUsage};
use pollux::domain::job::{Job, LEASE};
use pollux::storage::{Finished, Refusal, Setback};

use super::{NOON, Person, Saying, Store, WORKER, minutes, on_both_engines, refusal};

async fn begun(store: &Store) -> (Person, Saying, Job) {
    let person = store.person().await;
    let room = store.room(&person).await;
    let saying = store.say(&person, room).await;
    let job = store.claim(1, NOON).await.remove(0);
    (person, saying, job)
}

async fn status(store: &Store, person: &Person, saying: &Saying) -> Status {
    store.db.message(saying.reply, saying.room, person.id).await.unwrap().unwrap().status
}

on_both_engines! {
    async fn a_renewed_lease_lasts_from_then_on(store) {
        let (.., job) = begun(store).await;
        let later = NOON + LEASE / 2;
        assert_eq!(store.db.renew_leases(WORKER, later).await.unwrap(), [(job.id, job.attempt)]);
        assert!(store.db.renew_leases([8; 16], later).await.unwrap().is_empty(), "another worker holds nothing");
        assert!(!store.db.is_work_due(NOON + LEASE).await.unwrap());
        assert!(store.claim(9, NOON + LEASE).await.is_empty());
        assert!(store.db.is_work_due(later + LEASE).await.unwrap());
        assert_eq!(store.claim(9, later + LEASE).await.len(), 1);
    }

    async fn an_orphan_is_taken_up_when_its_lease_is_over_and_the_death_counted(store) {
        let (person, saying, _) = begun(store).await;
        for deaths in 1..=3_u32 {
            let now = NOON + LEASE * deaths;
            let job = store.db.claim_jobs([8; 16], 9, now).await.unwrap().remove(0);
            assert_eq!((job.id, job.deaths, job.attempt), (saying.job, deaths, i64::from(deaths) + 1));
            assert_eq!((job.errors, job.panics), (0, 0));
            assert_eq!(status(store, &person, &saying).await, Status::Generating);
        }
        assert!(store.db.renew_leases(WORKER, NOON + LEASE * 3).await.unwrap().is_empty());
    }

    async fn a_released_job_goes_back_at_once_and_uncounted(store) {
        let (person, saying, job) = begun(store).await;
        store.db.release_job(job.id, job.attempt).await.unwrap();
        assert_eq!(status(store, &person, &saying).await, Status::Pending);
        assert_eq!(store.state(saying.job).await, "ready");
        let again = store.claim(9, NOON).await.remove(0);
        assert_eq!((again.attempt, again.errors, again.panics, again.deaths), (2, 0, 0, 0));
        store.db.release_job(again.id, again.attempt).await.unwrap();
        assert_eq!(refusal(store.db.release_job(again.id, again.attempt).await), Refusal::LeaseLost);
    }

    async fn a_set_back_job_counts_what_it_ended_in_and_shows_as_pending(store) {
        let (person, saying, job) = begun(store).await;
        let setback = Setback { run_at: NOON + minutes(1), errors: 0, panics: 1, error: "internal" };
        store.db.retry_job(&job, &setback).await.unwrap();
        assert_eq!(status(store, &person, &saying).await, Status::Pending);
        assert_eq!(store.state(saying.job).await, "waiting");
        assert!(!store.db.is_work_due(NOON).await.unwrap());
        assert!(store.db.is_work_due(NOON + minutes(1)).await.unwrap());
        let again = store.claim(9, NOON + minutes(1)).await.remove(0);
        assert_eq!((again.panics, again.errors, again.last_error.as_deref()), (1, 0, Some("internal")));
    }

    async fn a_discarded_job_is_gone(store) {
        let (_, saying, job) = begun(store).await;
        store.db.discard_job(&job).await.unwrap();
        assert_eq!(store.state(saying.job).await, "gone");
        assert!(!store.db.is_work_due(NOON + minutes(60)).await.unwrap());
    }

    async fn a_job_of_a_kind_that_a_newer_version_wrote_is_handed_out_as_unknown(store) {
        let person = store.person().await;
        let room = store.room(&person).await;
        store.say(&person, room).await;
        store.execute("update jobs set kind = 'paint_a_picture'").await;
        assert_eq!(store.claim(9, NOON).await[0].kind, None);
    }

    async fn all_running_jobs_are_orphans_when_their_one_process_died(store) {
        let (person, saying, _) = begun(store).await;
        store.db.orphan_all_jobs().await.unwrap();
        assert_eq!(store.state(saying.job).await, "ready");
        assert_eq!(status(store, &person, &saying).await, Status::Pending);
        let again = store.claim(9, NOON).await.remove(0);
        assert_eq!((again.deaths, again.attempt), (1, 2));
        store.db.finish_reply(&again, &failed(), NOON).await.unwrap();
        store.db.orphan_all_jobs().await.unwrap();
        assert_eq!(store.state(saying.job).await, "dead", "what is dead stays so");
        assert_eq!(status(store, &person, &saying).await, Status::Failed);
    }
}

fn failed() -> Finished {
    let (content, usage) = (String::new(), TokenUsage::default());
    Finished { outcome: Outcome::Failed, content, error: Some("internal"), model: None, usage }
}
