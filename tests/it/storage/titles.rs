//! Work that nobody waits for, in the queue: the title of a room, wanted with the end of its first reply.

use pollux::domain::chat::{Outcome, TokenUsage};
use pollux::domain::ids::ChatroomId;
use pollux::domain::job::{Job, JobKind};
use pollux::storage::{Finished, NewChatroom, Places};

use super::{NOON, Person, Saying, Store, WORKER, minutes, new_room, on_both_engines};

async fn unnamed(store: &Store, person: &Person) -> ChatroomId {
    let new = NewChatroom { name: None, ..new_room(person, NOON) };
    store.db.add_chatroom(&new, None).await.unwrap().id
}

fn ended(outcome: Outcome, content: &str) -> Finished {
    let content = content.to_owned();
    Finished { outcome, content, error: None, model: None, usage: TokenUsage::default() }
}

/// A message said in a room and its reply ended, at noon.
async fn exchange(store: &Store, person: &Person, room: ChatroomId, done: &Finished) {
    store.say(person, room).await;
    let job = store.claim(1, NOON).await.remove(0);
    assert_eq!(job.kind, Some(JobKind::Reply));
    store.db.finish_reply(&job, done, NOON).await.unwrap();
}

/// Rooms of as many people, each of which waits for its title.
async fn waiting(store: &Store, count: usize) {
    for _ in 0..count {
        let person = store.person().await;
        let room = unnamed(store, &person).await;
        exchange(store, &person, room, &ended(Outcome::Completed, "Because.")).await;
    }
}

async fn claim(store: &Store, places: Places) -> Vec<Job> {
    store.db.claim_into(WORKER, places, NOON + minutes(1)).await.unwrap()
}

fn titles(jobs: &[Job]) -> usize {
    jobs.iter().filter(|job| job.kind == Some(JobKind::TitleRoom)).count()
}

on_both_engines! {
    async fn a_title_is_wanted_with_the_end_of_a_first_reply_that_has_text(store) {
        let person = store.pro().await;
        for (outcome, text, wanted) in [
            (Outcome::Completed, "Because.", 1),
            (Outcome::Truncated, "Because", 1),
            (Outcome::Blocked, "", 0),
            (Outcome::Failed, "", 0),
            (Outcome::Empty, "", 0),
        ] {
            let room = unnamed(store, &person).await;
            exchange(store, &person, room, &ended(outcome, text)).await;
            let jobs = store.claim(9, NOON).await;
            assert_eq!(jobs.len(), wanted, "{outcome:?}");
            for job in jobs {
                assert_eq!((job.kind, job.room(), job.user_id), (Some(JobKind::TitleRoom), room, Some(person.id)));
                assert_eq!((job.chatroom_id, job.seq), (None, 0), "no reply of the room waits for it");
                store.db.finish_job(&job).await.unwrap();
            }
        }
    }

    async fn no_title_is_wanted_later_or_where_there_is_a_name(store) {
        let person = store.pro().await;
        let (named, room) = (store.room(&person).await, unnamed(store, &person).await);
        let done = ended(Outcome::Completed, "Because.");
        exchange(store, &person, named, &done).await;
        assert_eq!(store.count("jobs").await, 0);
        for _ in 0..3 {
            exchange(store, &person, room, &ended(Outcome::Blocked, "")).await;
        }
        exchange(store, &person, room, &done).await;
        assert_eq!(store.count("jobs").await, 0, "the fourth exchange names nothing");
    }

    async fn where_the_first_replies_came_to_nothing_the_first_that_has_text_asks_for_the_title(store) {
        let person = store.pro().await;
        let room = unnamed(store, &person).await;
        exchange(store, &person, room, &ended(Outcome::Blocked, "")).await;
        exchange(store, &person, room, &ended(Outcome::Empty, "")).await;
        exchange(store, &person, room, &ended(Outcome::Completed, "Because.")).await;
        let jobs = store.claim(9, NOON).await;
        assert_eq!(jobs.iter().map(|job| job.kind).collect::<Vec<_>>(), [Some(JobKind::TitleRoom)]);
        assert_eq!(store.db.first_words(&jobs[0]).await.unwrap().unwrap().reply, "Because.");
    }

    async fn titles_take_no_more_places_than_they_may_and_replies_go_first(store) {
        waiting(store, 6).await;
        for minute in 0..4 {
            let person = store.person().await;
            let saying = Saying::new(&person, store.room(&person).await, NOON + minutes(minute));
            store.accept(&saying, None).await.unwrap();
        }
        let short = claim(store, Places { all: 64, background: 64, only_short: true }).await;
        assert!(short.is_empty(), "a title is not short");
        let jobs = claim(store, Places { all: 64, background: 2, only_short: false }).await;
        assert_eq!((jobs.len(), titles(&jobs)), (6, 2));
        let none = claim(store, Places { all: 64, background: 0, only_short: false }).await;
        assert!(none.is_empty());
        let rest = claim(store, Places { all: 3, background: 64, only_short: false }).await;
        assert_eq!((rest.len(), titles(&rest)), (3, 3));
    }

    async fn of_one_owner_one_title_at_a_time_is_looked_for(store) {
        let person = store.pro().await;
        for _ in 0..3 {
            let room = unnamed(store, &person).await;
            store.say(&person, room).await;
        }
        for job in store.claim(9, NOON).await {
            store.db.finish_reply(&job, &ended(Outcome::Completed, "Because."), NOON).await.unwrap();
        }
        assert_eq!(store.count("jobs").await, 3);
        assert_eq!(titles(&store.claim(9, NOON).await), 1);
        assert!(store.claim(9, NOON).await.is_empty());
    }
}
