//! The daily quota, exact under races.

use futures_util::future::join_all;
use pollux::storage::Refusal;

use super::{NOON, Saying, minutes, on_both_engines, refusal};

on_both_engines! {
    async fn two_hundred_at_once_into_many_rooms_take_exactly_five_units(store) {
        let person = store.person().await;
        let mut sayings = Vec::new();
        for _ in 0..10 {
            let room = store.room(&person).await;
            sayings.extend((0..20).map(|_| Saying::new(&person, room, NOON).limited(5)));
        }
        let outcomes = join_all(sayings.iter().map(|saying| store.accept(saying, None))).await;
        let (taken, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        let mut taken: Vec<_> = taken.into_iter().map(Result::unwrap).collect();
        taken.sort_unstable();
        assert_eq!(taken, [1, 2, 3, 4, 5]);
        assert!(refused.into_iter().all(|outcome| refusal(outcome) == Refusal::QuotaExceeded));
        assert_eq!(store.db.used(person.id, NOON.day()).await.unwrap(), 5);
        assert_eq!((store.count("messages").await, store.count("jobs").await), (10, 5));
        let moved = store.number("select cast(sum(last_seq) as bigint) from chatrooms").await;
        assert_eq!(moved, 10, "a refused message leaves no gap in its room");
    }

    async fn units_are_counted_by_user_and_day(store) {
        let (person, other) = (store.person().await, store.person().await);
        let (room, others) = (store.room(&person).await, store.room(&other).await);
        let tomorrow = NOON + minutes(24 * 60);
        for (who, place, now) in [(&person, room, NOON), (&other, others, NOON), (&person, room, tomorrow)] {
            assert_eq!(store.accept(&Saying::new(who, place, now).limited(1), None).await.unwrap(), 1);
            let further = store.accept(&Saying::new(who, place, now).limited(1), None).await;
            assert_eq!(refusal(further), Refusal::QuotaExceeded);
        }
        assert_eq!(store.db.used(person.id, NOON.day()).await.unwrap(), 1);
        assert_eq!(store.db.used(person.id, (tomorrow + minutes(24 * 60)).day()).await.unwrap(), 0);
    }

    async fn no_limit_counts_on_and_a_limit_of_none_a_day_lets_nothing_in(store) {
        let person = store.person().await;
        let room = store.room(&person).await;
        let refused = store.accept(&Saying::new(&person, room, NOON).limited(0), None).await;
        assert_eq!(refusal(refused), Refusal::QuotaExceeded);
        for used in 1..=7 {
            assert_eq!(store.accept(&Saying::new(&person, room, NOON), None).await.unwrap(), used);
        }
        let lowered = store.accept(&Saying::new(&person, room, NOON).limited(5), None).await;
        assert_eq!(refusal(lowered), Refusal::QuotaExceeded);
    }
}
