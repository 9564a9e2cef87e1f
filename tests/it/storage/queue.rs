//! What the operator sees of the queue.

use pollux::domain::chat::{Outcome, TokenUsage};
use pollux::storage::{Finished, Setback};

use super::{NOON, Saying, minutes, on_both_engines};

fn failed() -> Finished {
    let (content, usage) = (String::new(), TokenUsage::default());
    Finished { outcome: Outcome::Failed, content, error: Some("deadline_exceeded"), model: None, usage }
}

on_both_engines! {
    async fn depths_count_each_state_and_name_its_oldest(store) {
        let person = store.pro().await;
        assert!(store.db.queue_depths().await.unwrap().is_empty());
        for minute in 0..5 {
            let saying = Saying::new(&person, store.room(&person).await, NOON + minutes(minute)).pro();
            store.accept(&saying, None).await.unwrap();
        }
        let now = NOON + minutes(5);
        for job in store.claim(2, now).await {
            match job.attempt {
                1 if job.deadline_at == NOON + pollux::domain::job::DEADLINE => {
                    store.db.finish_reply(&job, &failed(), now).await.unwrap();
                }
                _ => {
                    let setback = Setback { run_at: now + minutes(1), errors: 1, panics: 0, error: "internal" };
                    store.db.retry_job(&job, &setback).await.unwrap();
                }
            }
        }
        store.claim(1, now).await;
        let mut depths: Vec<_> = store.db.queue_depths().await.unwrap().into_iter().map(|depth| {
            (depth.state, depth.count, depth.oldest.since(NOON).as_secs() / 60)
        }).collect();
        depths.sort();
        let expected = [("dead", 1, 0), ("ready", 2, 3), ("running", 1, 2), ("waiting", 1, 1)];
        assert_eq!(depths, expected.map(|(state, count, minute)| (state.to_owned(), count, minute)));
    }

    async fn dead_jobs_are_listed_newest_first_and_swept_by_age(store) {
        let person = store.person().await;
        let mut said = Vec::new();
        for minute in 0..3 {
            let saying = Saying::new(&person, store.room(&person).await, NOON + minutes(minute));
            store.accept(&saying, None).await.unwrap();
            let job = store.claim(1, NOON + minutes(minute)).await.remove(0);
            store.db.finish_reply(&job, &failed(), NOON + minutes(minute)).await.unwrap();
            said.push(saying);
        }
        store.say(&person, said[0].room).await;
        let dead = store.db.dead_jobs(2).await.unwrap();
        assert_eq!(dead.iter().map(|job| job.id).collect::<Vec<_>>(), [said[2].job, said[1].job]);
        assert_eq!((dead[0].kind.as_str(), dead[0].subject.bytes(), dead[0].attempt), ("reply", said[2].reply.bytes(), 1));
        assert_eq!(dead[0].last_error.as_deref(), Some("deadline_exceeded"));
        assert_eq!(dead[0].created_at, NOON + minutes(2));

        store.db.sweep_dead_jobs(NOON + minutes(1)).await.unwrap();
        let left = store.db.dead_jobs(9).await.unwrap();
        assert_eq!(left.iter().map(|job| job.id).collect::<Vec<_>>(), [said[2].job, said[1].job]);
        assert_eq!(store.claim(9, NOON).await.len(), 1, "a living job is not swept, and the dead hold no room");
    }
}
