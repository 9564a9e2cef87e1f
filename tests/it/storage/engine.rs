//! The engines themselves: all or nothing, neighbours unharmed, both alike.

use futures_util::future::join_all;
use pollux::domain::ids::MessageId;
use pollux::storage::{Refusal, WriteError};

use super::{NOON, Saying, on_both_engines};

on_both_engines! {
    async fn the_database_answers(store) {
        store.db.ping().await.unwrap();
    }

    async fn a_refused_write_harms_none_of_its_neighbours(store) {
        let mut sayings = Vec::new();
        for _ in 0..5 {
            let person = store.person().await;
            let room = store.room(&person).await;
            let other = store.person().await;
            for _ in 0..20 {
                sayings.push((true, Saying::new(&person, room, NOON)));
                sayings.push((false, Saying::new(&other, room, NOON)));
                sayings.push((false, Saying::new(&person, room, NOON).limited(0)));
            }
        }
        let outcomes = join_all(sayings.iter().map(|(_, saying)| store.accept(saying, None))).await;
        for ((is_sound, saying), outcome) in sayings.iter().zip(outcomes) {
            match outcome {
                Ok(_) => assert!(*is_sound),
                Err(WriteError::Refused(Refusal::NotFound)) => assert!(!is_sound && saying.limit.is_none()),
                Err(WriteError::Refused(Refusal::QuotaExceeded)) => assert_eq!(saying.limit, Some(0)),
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!((store.count("messages").await, store.count("jobs").await), (200, 100));
        assert_eq!(store.number("select cast(sum(used) as bigint) from usage").await, 100);
        assert_eq!(store.number("select cast(sum(last_seq) as bigint) from chatrooms").await, 200);
        assert_eq!(store.number("select count(*) from usage where used <> 20").await, 0);
    }

    async fn a_failed_write_harms_none_of_its_neighbours_and_leaves_nothing(store) {
        let person = store.person().await;
        let room = store.room(&person).await;
        let taken = store.say(&person, room).await;
        let sayings: Vec<_> = (0..40)
            .map(|n| {
                let saying = Saying::new(&person, room, NOON);
                // The id of a reply that exists already breaks the table's own rule, after the quota was taken.
                if n % 2 == 0 { saying } else { Saying { reply: taken.reply, ..saying } }
            })
            .collect();
        let outcomes = join_all(sayings.iter().map(|saying| store.accept(saying, None))).await;
        for (n, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Ok(_) => assert_eq!(n % 2, 0),
                Err(WriteError::Failed(error)) => assert!(n % 2 == 1 && !error.is_transient(), "{error:?}"),
                Err(refused @ WriteError::Refused(_)) => panic!("{refused:?}"),
            }
        }
        assert_eq!(store.db.used(person.id, NOON.day()).await.unwrap(), 21);
        assert_eq!((store.count("messages").await, store.count("jobs").await), (42, 21));
        assert_eq!(store.number("select cast(max(seq) as bigint) from messages").await, 42);
    }

    async fn a_write_whose_asker_goes_away_still_happens_whole_or_not_at_all(store) {
        let person = store.person().await;
        let room = store.room(&person).await;
        let sayings: Vec<_> = (0..20).map(|_| Saying::new(&person, room, NOON)).collect();
        for saying in &sayings {
            let asked = tokio::time::timeout(std::time::Duration::from_micros(300), store.accept(saying, None));
            let _ = asked.await;
        }
        store.say(&person, room).await;
        let (messages, jobs) = (store.count("messages").await, store.count("jobs").await);
        assert_eq!(messages, jobs * 2);
        assert_eq!(store.db.used(person.id, NOON.day()).await.map(i64::from).unwrap(), jobs);
    }

    async fn what_was_written_is_there_after_the_database_is_opened_again(store) {
        let person = store.person().await;
        let room = store.room(&person).await;
        let saying = store.say(&person, room).await;
        let again = store.reopened().await.unwrap();
        assert!(again.message(saying.reply, room, person.id).await.unwrap().is_some());
        assert!(again.message(MessageId::new(NOON), room, person.id).await.unwrap().is_none());
    }
}
