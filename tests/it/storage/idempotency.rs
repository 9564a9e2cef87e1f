//! One effect a key.

use futures_util::future::join_all;
use pollux::domain::ids::{ChatroomId, UserId};
use pollux::domain::time::{Day, Timestamp};
use pollux::storage::{NewKey, Refusal, StoredKey};

use super::{NOON, Saying, Store, minutes, new_room, on_both_engines, refusal};

const ROUTE: &str = "POST /chatroom/{id}/message";
const DAY: std::time::Duration = std::time::Duration::from_hours(24);

fn new_key(user: UserId, key: &str, day: Option<Day>, now: Timestamp) -> NewKey {
    let (key, answer) = (key.to_owned(), "{\"a\":1}".to_owned());
    NewKey {
        user_id: user,
        route: ROUTE.to_owned(),
        key,
        fingerprint: [9; 32],
        answer,
        day,
        now,
        over_before: now - DAY,
    }
}

async fn stored(store: &Store, user: UserId, key: &str, now: Timestamp) -> Option<StoredKey> {
    store.db.idempotency_key(user, ROUTE, key, now - DAY).await.unwrap()
}

on_both_engines! {
    async fn a_key_is_kept_with_its_effect(store) {
        let (person, other) = (store.person().await, store.person().await);
        let room = store.room(&person).await;
        store.say(&person, room).await;
        let key = new_key(person.id, "k", Some(NOON.day()), NOON);
        store.accept(&Saying::new(&person, room, NOON), Some(key)).await.unwrap();
        let found = stored(store, person.id, "k", NOON).await.unwrap();
        assert_eq!((found.fingerprint, found.answer.as_str(), found.quota_used), (vec![9; 32], "{\"a\":1}", Some(2)));
        assert!(stored(store, other.id, "k", NOON).await.is_none());
        assert!(stored(store, person.id, "K", NOON).await.is_none());
        let elsewhere = store.db.idempotency_key(person.id, "POST /chatroom", "k", NOON - DAY).await.unwrap();
        assert!(elsewhere.is_none());
    }

    async fn a_hundred_at_once_with_one_key_have_one_effect(store) {
        let person = store.person().await;
        let rooms = [store.room(&person).await, store.room(&person).await];
        let day = Some(NOON.day());
        let sayings: Vec<_> = (0..100).map(|n| Saying::new(&person, rooms[n % 2], NOON).limited(5)).collect();
        let tries = sayings.iter().map(|saying| store.accept(saying, Some(new_key(person.id, "k", day, NOON))));
        let (done, refused): (Vec<_>, Vec<_>) = join_all(tries).await.into_iter().partition(Result::is_ok);
        assert_eq!(done.len(), 1);
        assert!(refused.into_iter().all(|outcome| refusal(outcome) == Refusal::KeyTaken));
        assert_eq!((store.count("messages").await, store.count("jobs").await), (2, 1));
        assert_eq!(store.db.used(person.id, NOON.day()).await.unwrap(), 1);
    }

    async fn the_count_kept_with_a_key_is_the_one_that_was_told(store) {
        let person = store.person().await;
        let mut sayings = Vec::new();
        for n in 0..20 {
            sayings.push((format!("k{n}"), Saying::new(&person, store.room(&person).await, NOON)));
        }
        let tries = sayings.iter().map(async |(key, saying)| {
            let row = new_key(person.id, key, Some(NOON.day()), NOON);
            store.accept(saying, Some(row)).await.unwrap()
        });
        let told = join_all(tries).await;
        for ((key, _), told) in sayings.iter().zip(told) {
            assert_eq!(stored(store, person.id, key, NOON).await.unwrap().quota_used, Some(told), "{key}");
        }
    }

    async fn a_refused_effect_keeps_no_key(store) {
        let person = store.person().await;
        let room = store.room(&person).await;
        let key = || Some(new_key(person.id, "k", Some(NOON.day()), NOON));
        let over = store.accept(&Saying::new(&person, room, NOON).limited(0), key()).await;
        assert_eq!(refusal(over), Refusal::QuotaExceeded);
        let nowhere = store.accept(&Saying::new(&person, ChatroomId::new(NOON), NOON), key()).await;
        assert_eq!(refusal(nowhere), Refusal::NotFound);
        assert_eq!(store.count("idempotency_keys").await, 0);
    }

    async fn a_taken_key_is_told_before_a_used_up_day(store) {
        let person = store.person().await;
        let room = store.room(&person).await;
        let key = || Some(new_key(person.id, "k", Some(NOON.day()), NOON));
        store.accept(&Saying::new(&person, room, NOON).limited(1), key()).await.unwrap();
        let again = store.accept(&Saying::new(&person, room, NOON).limited(1), key()).await;
        assert_eq!(refusal(again), Refusal::KeyTaken);
    }

    async fn a_room_made_with_a_key_is_made_once(store) {
        let person = store.person().await;
        let (first, second) = (new_room(&person, NOON), new_room(&person, NOON));
        store.db.add_chatroom(&first, Some(new_key(person.id, "k", None, NOON))).await.unwrap();
        let again = store.db.add_chatroom(&second, Some(new_key(person.id, "k", None, NOON))).await;
        assert_eq!(refusal(again), Refusal::KeyTaken);
        assert_eq!(store.count("chatrooms").await, 1);
        assert_eq!(stored(store, person.id, "k", NOON).await.unwrap().quota_used, None);
    }

    async fn a_key_is_over_after_a_day_and_may_be_used_anew(store) {
        let person = store.person().await;
        let room = store.room(&person).await;
        let key = |now: Timestamp| Some(new_key(person.id, "k", Some(now.day()), now));
        store.accept(&Saying::new(&person, room, NOON), key(NOON)).await.unwrap();
        let (almost, over) = (NOON + DAY - minutes(1), NOON + DAY);
        assert!(stored(store, person.id, "k", almost).await.is_some());
        assert!(stored(store, person.id, "k", over).await.is_none());
        assert_eq!(refusal(store.accept(&Saying::new(&person, room, almost), key(almost)).await), Refusal::KeyTaken);
        let sayings: Vec<_> = (0..10).map(|_| Saying::new(&person, room, over)).collect();
        let tries = join_all(sayings.iter().map(|saying| store.accept(saying, key(over)))).await;
        assert_eq!(tries.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    }

    async fn the_sweep_forgets_keys_that_are_over(store) {
        let person = store.person().await;
        let room = store.room(&person).await;
        for (key, now) in [("old", NOON), ("new", NOON + minutes(1))] {
            store.accept(&Saying::new(&person, room, now), Some(new_key(person.id, key, None, now))).await.unwrap();
        }
        store.db.sweep_idempotency_keys(NOON).await.unwrap();
        assert!(stored(store, person.id, "old", NOON).await.is_none());
        assert!(stored(store, person.id, "new", NOON).await.is_some());
    }
}
