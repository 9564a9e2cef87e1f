//! A message accepted and its reply settled, each whole or not at all.

use futures_util::future::join_all;
use pollux::domain::chat::{Outcome, Role, Status, TokenUsage};
use pollux::domain::ids::ChatroomId;
use pollux::domain::job::{DEADLINE, Job, JobKind, LEASE};
use pollux::domain::plan::Tier;
use pollux::storage::{Finished, NewChatroom, Refusal, Setback};

use super::{NOON, Saying, Store, WORKER, minutes, new_room, on_both_engines, refusal};

fn done(outcome: Outcome, content: &str) -> Finished {
    let usage = TokenUsage { prompt_tokens: 31, reply_tokens: 6 };
    let error = (outcome.status() == Status::Failed).then_some("model_unavailable");
    Finished { outcome, content: content.to_owned(), error, model: Some("gemini-x".to_owned()), usage }
}

/// A person's message whose reply is being written.
async fn begun(store: &Store) -> (super::Person, Saying, Job) {
    let person = store.person().await;
    let room = store.room(&person).await;
    let saying = store.say(&person, room).await;
    let job = store.claim(1, NOON).await.remove(0);
    (person, saying, job)
}

on_both_engines! {
    async fn a_message_is_accepted_with_all_that_goes_with_it(store) {
        let person = store.person().await;
        let room = store.room(&person).await;
        let later = NOON + minutes(1);
        let saying = Saying::new(&person, room, later);
        assert_eq!(store.accept(&saying, None).await.unwrap(), 1);
        assert_eq!(store.db.chatroom(room, person.id).await.unwrap().unwrap().updated_at, later);
        let job = store.claim(1, later).await.remove(0);
        assert_eq!((job.id, job.kind, job.reply()), (saying.job, Some(JobKind::Reply), saying.reply));
        assert_eq!((job.user_id, job.chatroom_id, job.attempt), (Some(person.id), Some(room), 1));
        assert_eq!((job.errors, job.panics, job.deaths, job.last_error), (0, 0, 0, None));
        assert_eq!(job.deadline_at, later + DEADLINE);
    }

    async fn a_message_into_no_room_of_the_sender_changes_nothing(store) {
        let (person, other) = (store.person().await, store.person().await);
        let room = store.room(&person).await;
        for place in [room, ChatroomId::new(NOON)] {
            let refused = store.accept(&Saying::new(&other, place, NOON + minutes(1)), None).await;
            assert_eq!(refusal(refused), Refusal::NotFound);
        }
        let moved = store.number("select count(*) from chatrooms where last_seq > 0 or updated_at > created_at").await;
        assert_eq!((moved, store.count("usage").await, store.count("jobs").await), (0, 0, 0));
    }

    async fn the_task_of_a_reply_follows_its_room_and_plan(store) {
        let person = store.pro().await;
        let brief = Some("Be brief.".to_owned());
        let room = NewChatroom { instructions: brief.clone(), model: Some("m".to_owned()), ..new_room(&person, NOON) };
        store.db.add_chatroom(&room, None).await.unwrap();
        store.say(&person, room.id).await;
        let job = store.claim(1, NOON).await.remove(0);
        let task = store.db.reply_task(&job).await.unwrap().unwrap();
        assert_eq!((task.tier, task.instructions, task.model.as_deref()), (Tier::Pro, brief, Some("m")));
        store.db.delete_chatroom(room.id, person.id).await.unwrap();
        assert!(store.db.reply_task(&job).await.unwrap().is_none());
    }

    async fn the_context_is_what_was_said_before_newest_first_without_failures(store) {
        let person = store.pro().await;
        let room = store.room(&person).await;
        for (n, outcome) in [Outcome::Completed, Outcome::Failed, Outcome::Blocked].into_iter().enumerate() {
            store.say(&person, room).await;
            let job = store.claim(1, NOON).await.remove(0);
            store.db.finish_reply(&job, &done(outcome, &format!("reply {n}")), NOON).await.unwrap();
        }
        let (last, later) = (store.say(&person, room).await, store.say(&person, room).await);
        let job = store.claim(1, NOON).await.remove(0);
        assert_eq!(job.reply(), last.reply);
        let task = store.db.reply_task(&job).await.unwrap().unwrap();
        let context = store.db.reply_context(&job, &task).await.unwrap();
        let replies: Vec<_> = context.iter().filter(|earlier| earlier.role == Role::Assistant).collect();
        assert_eq!((context.len(), context[0].id), (6, last.message));
        assert!(context.iter().all(|earlier| earlier.id != later.message));
        assert_eq!((replies[0].content.as_str(), replies[0].outcome), ("reply 2", Some(Outcome::Blocked)));
        assert_eq!((replies[1].content.as_str(), replies[1].outcome), ("reply 0", Some(Outcome::Completed)));
        assert!(replies[1].reply_to.is_some());
    }

    async fn a_finished_reply_is_final_and_its_job_gone(store) {
        let (person, saying, job) = begun(store).await;
        let shown = store.db.message(saying.reply, saying.room, person.id).await.unwrap().unwrap();
        assert_eq!((shown.status, shown.reply.unwrap().attempt), (Status::Generating, 1));
        store.db.finish_reply(&job, &done(Outcome::Truncated, "Because"), NOON).await.unwrap();
        let reply = store.db.message(saying.reply, saying.room, person.id).await.unwrap().unwrap();
        assert_eq!((reply.status, reply.content.as_str()), (Status::Complete, "Because"));
        let details = reply.reply.unwrap();
        assert_eq!((details.outcome, details.error), (Some(Outcome::Truncated), None));
        assert_eq!((details.model.as_deref(), details.usage.unwrap().reply_tokens), (Some("gemini-x"), 6));
        assert_eq!(store.state(saying.job).await, "gone");
        assert_eq!(store.db.used(person.id, NOON.day()).await.unwrap(), 1);
        assert_eq!(store.number("select prompt_tokens * 100 + reply_tokens from usage").await, 3_106);
    }

    async fn a_failure_gives_its_unit_back_once_however_many_settle_it(store) {
        for outcome in [Outcome::Failed, Outcome::Empty] {
            let (person, saying, job) = begun(store).await;
            store.say(&person, saying.room).await;
            let fault = done(outcome, "");
            let tries = join_all((0..8).map(|_| store.db.finish_reply(&job, &fault, NOON + minutes(24 * 60)))).await;
            let (settled, refused): (Vec<_>, Vec<_>) = tries.into_iter().partition(Result::is_ok);
            assert_eq!(settled.len(), 1);
            assert!(refused.into_iter().all(|outcome| refusal(outcome) == Refusal::LeaseLost));
            assert_eq!(store.db.used(person.id, NOON.day()).await.unwrap(), 1, "the day that paid gets it back");
            assert_eq!(store.state(saying.job).await, "dead");
            let reply = store.db.message(saying.reply, saying.room, person.id).await.unwrap().unwrap();
            assert_eq!(reply.reply.unwrap().error.as_deref(), Some("model_unavailable"));
            store.db.delete_chatroom(saying.room, person.id).await.unwrap();
        }
    }

    async fn replies_that_end_at_once_end_each_by_its_own_lease(store) {
        let (mut people, mut sayings) = (Vec::new(), Vec::new());
        for _ in 0..6 {
            let person = store.person().await;
            for _ in 0..2 {
                let room = store.room(&person).await;
                let first = store.say(&person, room).await;
                sayings.push((first, store.say(&person, room).await));
            }
            people.push(person);
        }
        let mut jobs = store.claim(100, NOON).await;
        jobs.sort_by_key(|job| sayings.iter().position(|(first, _)| first.job == job.id));
        assert_eq!(jobs.len(), sayings.len());
        // Of three in a row one ends well, one fails, and one has lost its lease.
        for job in jobs.iter_mut().skip(2).step_by(3) {
            job.attempt += 1;
        }
        let (well, ill) = (done(Outcome::Completed, "Because"), done(Outcome::Failed, ""));
        let outcomes = [&well, &ill, &well];
        let ends = jobs.iter().enumerate().map(|(n, job)| store.db.finish_reply(job, outcomes[n % 3], NOON));
        let ends = join_all(ends).await;
        for (n, (ended, (first, next))) in ends.into_iter().zip(&sayings).enumerate() {
            let states = (store.state(first.job).await, store.state(next.job).await);
            let expected = [("gone", "ready"), ("dead", "ready"), ("running", "blocked")][n % 3];
            assert_eq!((states.0.as_str(), states.1.as_str()), expected, "{n}");
            assert_eq!(ended.is_ok(), n % 3 < 2, "{n}");
            let reply = store.db.message(first.reply, first.room, first.user).await.unwrap().unwrap();
            assert_eq!(reply.status, [Status::Complete, Status::Failed, Status::Generating][n % 3], "{n}");
        }
        assert_eq!(store.number("select cast(sum(used) as bigint) from usage").await, 24 - 4);
        assert_eq!(store.number("select cast(sum(reply_tokens) as bigint) from usage").await, 8 * 6);
        assert_eq!(store.number("select cast(sum(open_replies) as bigint) from chatrooms").await, 24 - 8);
    }

    async fn nobody_writes_with_a_lease_that_is_lost(store) {
        let (person, saying, old) = begun(store).await;
        let new = store.claim(1, NOON + LEASE).await.remove(0);
        assert_eq!((new.id, new.attempt, new.deaths), (old.id, 2, 1));
        refuse_all(store, &old).await;
        assert_eq!(store.state(saying.job).await, "running");
        let setback = Setback { run_at: NOON + minutes(1), errors: 1, panics: 0, error: "model_unavailable" };
        store.db.retry_job(&new, &setback).await.unwrap();
        refuse_all(store, &new).await;
        assert_eq!(store.state(saying.job).await, "waiting");
        let last = store.claim(1, NOON + minutes(1)).await.remove(0);
        store.db.finish_reply(&last, &done(Outcome::Failed, ""), NOON).await.unwrap();
        refuse_all(store, &last).await;
        assert_eq!(store.state(saying.job).await, "dead");
        let reply = store.db.message(saying.reply, saying.room, person.id).await.unwrap().unwrap();
        assert_eq!((reply.status, reply.content.as_str()), (Status::Failed, ""));
        assert_eq!(store.db.used(person.id, NOON.day()).await.unwrap(), 0);
    }

    async fn a_room_deleted_while_its_replies_begin_or_end_leaves_no_trouble(store) {
        let mut begun_ones = Vec::new();
        for _ in 0..16 {
            begun_ones.push(begun(store).await);
        }
        for _ in 0..16 {
            let person = store.person().await;
            let room = store.room(&person).await;
            store.say(&person, room).await;
        }
        let finished = done(Outcome::Completed, "x");
        let endings = begun_ones.iter().map(async |(person, saying, job)| {
            tokio::join!(
                store.db.finish_reply(job, &finished, NOON),
                store.db.delete_chatroom(saying.room, person.id),
                store.db.claim_jobs(WORKER, 1, NOON)
            )
        });
        for (settled, deleted, claimed) in join_all(endings).await {
            deleted.unwrap();
            claimed.unwrap();
            if settled.is_err() {
                assert_eq!(refusal(settled), Refusal::LeaseLost);
            }
        }
        assert_eq!((store.count("messages").await, store.count("jobs").await), (32, 16));
    }
}

async fn refuse_all(store: &Store, job: &Job) {
    let setback = Setback { run_at: NOON, errors: 1, panics: 1, error: "internal" };
    for outcome in [Outcome::Completed, Outcome::Failed] {
        assert_eq!(refusal(store.db.finish_reply(job, &done(outcome, "late"), NOON).await), Refusal::LeaseLost);
    }
    assert_eq!(refusal(store.db.retry_job(job, &setback).await), Refusal::LeaseLost);
    assert_eq!(refusal(store.db.release_job(job.id, job.attempt).await), Refusal::LeaseLost);
    assert_eq!(refusal(store.db.discard_job(job).await), Refusal::LeaseLost);
}
