//! Whose turn it is.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use pollux::domain::ids::JobId;
use pollux::domain::job::Job;

use super::{NOON, Person, Saying, Store, TRACE_PARENT, WORKER, minutes, on_both_engines};

/// A message into a room of its own, accepted so long after noon.
async fn say_after(store: &Store, person: &Person, is_pro: bool, seconds: u64) -> Saying {
    let saying = Saying::new(person, store.room(person).await, NOON + Duration::from_secs(seconds));
    let saying = if is_pro { saying.pro() } else { saying };
    store.accept(&saying, None).await.unwrap();
    saying
}

fn ids(jobs: &[Job]) -> HashSet<JobId> {
    jobs.iter().map(|job| job.id).collect()
}

on_both_engines! {
    async fn a_job_goes_on_from_the_place_in_the_trace_of_its_request(store) {
        let person = store.person().await;
        let room = store.room(&person).await;
        store.say(&person, room).await;
        assert_eq!(store.claim(1, NOON).await[0].trace_parent.as_deref(), Some(TRACE_PARENT));
    }

    async fn a_room_has_one_reply_at_a_time_in_the_order_of_its_messages(store) {
        let person = store.person().await;
        let room = store.room(&person).await;
        let mut said = Vec::new();
        for _ in 0..3 {
            said.push(store.say(&person, room).await);
        }
        for saying in &said {
            let jobs = store.claim(9, NOON).await;
            assert_eq!(ids(&jobs), HashSet::from([saying.job]));
            assert!(store.claim(9, NOON).await.is_empty(), "the room is busy");
            store.db.discard_job(&jobs[0]).await.unwrap();
        }
        assert!(store.claim(9, NOON).await.is_empty());
    }

    async fn a_reply_that_waits_for_its_next_try_holds_its_room(store) {
        let person = store.person().await;
        let room = store.room(&person).await;
        let (first, _second) = (store.say(&person, room).await, store.say(&person, room).await);
        let job = store.claim(9, NOON).await.remove(0);
        let run_at = NOON + minutes(1);
        let setback = pollux::storage::Setback { run_at, errors: 1, panics: 0, error: "model_unavailable" };
        store.db.retry_job(&job, &setback).await.unwrap();
        assert!(store.claim(9, NOON + Duration::from_secs(59)).await.is_empty());
        let again = store.claim(9, run_at).await.remove(0);
        assert_eq!((again.id, again.attempt, again.errors), (first.job, 2, 1));
        assert_eq!(again.last_error.as_deref(), Some("model_unavailable"));
    }

    async fn a_user_has_two_replies_at_once_and_four_on_the_pro_plan(store) {
        for (is_pro, at_once) in [(false, 2), (true, 4)] {
            let person = if is_pro { store.pro().await } else { store.person().await };
            for _ in 0..6 {
                say_after(store, &person, is_pro, 0).await;
            }
            let jobs = store.claim(64, NOON + minutes(1)).await;
            assert_eq!(jobs.len(), at_once);
            assert!(store.claim(64, NOON + minutes(1)).await.is_empty());
            store.db.discard_job(&jobs[0]).await.unwrap();
            let next = store.claim(64, NOON + minutes(1)).await;
            assert_eq!(next.len(), 1, "a place that is free is taken");
        }
    }

    async fn pro_goes_first_until_basic_has_waited_long_enough(store) {
        let (basic, pro) = (store.person().await, store.pro().await);
        let early = say_after(store, &basic, false, 0).await;
        let favoured = say_after(store, &pro, true, 19).await;
        let late = say_after(store, &pro, true, 21).await;
        let now = NOON + Duration::from_secs(21);
        for expected in [favoured.job, early.job, late.job] {
            assert_eq!(ids(&store.claim(1, now).await), HashSet::from([expected]));
        }
    }

    async fn one_who_sends_much_does_not_push_out_one_who_sends_little(store) {
        let (busy, quiet) = (store.person().await, store.person().await);
        let first = say_after(store, &busy, false, 0).await;
        for _ in 0..9 {
            say_after(store, &busy, false, 0).await;
        }
        let single = say_after(store, &quiet, false, 1).await;
        let jobs = store.claim(2, NOON + minutes(1)).await;
        assert_eq!(ids(&jobs), HashSet::from([first.job, single.job]));
    }

    async fn hundreds_that_must_wait_hide_nobody_behind_them(store) {
        let (busy, quiet) = (store.pro().await, store.person().await);
        for _ in 0..4 {
            say_after(store, &busy, true, 0).await;
        }
        assert_eq!(store.claim(64, NOON).await.len(), 4);
        for _ in 0..300 {
            say_after(store, &busy, true, 0).await;
        }
        let single = say_after(store, &quiet, false, 1_200).await;
        let jobs = store.claim(64, NOON + Duration::from_secs(14)).await;
        assert_eq!(ids(&jobs), HashSet::from([single.job]));
    }

    async fn claims_at_once_never_share_a_job_nor_pass_a_bound(store) {
        let mut people = Vec::new();
        for _ in 0..6 {
            let person = store.person().await;
            for _ in 0..4 {
                say_after(store, &person, false, 0).await;
            }
            people.push(person);
        }
        let claims = (0..12_u8).map(|n| store.db.claim_jobs([n; 16], 3, NOON));
        let jobs: Vec<Job> = join_all(claims).await.into_iter().flat_map(Result::unwrap).collect();
        assert_eq!((jobs.len(), ids(&jobs).len()), (12, 12));
        for person in &people {
            assert_eq!(jobs.iter().filter(|job| job.user_id == Some(person.id)).count(), 2);
        }
    }

    async fn a_claim_takes_no_more_than_asked_for(store) {
        for _ in 0..5 {
            let person = store.person().await;
            say_after(store, &person, false, 0).await;
        }
        let jobs = store.claim(3, NOON).await;
        assert_eq!(jobs.len(), 3);
        assert_eq!(store.number("select count(*) from messages where status = 'generating'").await, 3);
        assert_eq!(store.db.renew_leases(WORKER, NOON).await.unwrap().len(), 3);
    }
}
