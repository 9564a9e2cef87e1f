//! Security events: whose they are, and how long they are kept.

use pollux::domain::audit::{Event, KEPT, Kind};
use pollux::domain::ids::{SessionId, UserId};

use super::{NOON, Store, minutes, new_session, on_both_engines, refusal};

async fn events(store: &Store, condition: &str) -> i64 {
    store.count(&format!("security_events where {condition}")).await
}

on_both_engines! {
    async fn an_event_belongs_to_a_user_a_number_or_nobody(store) {
        let person = store.person().await;
        store.execute("delete from security_events").await;
        let event = |kind| Event::new(kind, NOON);
        let session = SessionId::new(NOON);
        for event in [
            event(Kind::PasswordSet).of(person.id).in_session(session).from("name".to_owned()).because("why"),
            event(Kind::GuessRefused).of_number(&person.phone),
            event(Kind::GuessRefused).of_number(&store.fresh_phone()),
            event(Kind::ForeignPrice),
            event(Kind::AccountClosed).of(UserId::new(NOON)),
        ] {
            store.db.add_security_event(&event).await.unwrap();
        }
        assert_eq!((events(store, "user_id is not null").await, events(store, "user_id is null").await), (2, 3));
        let whole = "kind = 'password_set' and session_id is not null and address = 'name' and detail = 'why'";
        assert_eq!(events(store, whole).await, 1);
        store.execute("delete from users").await;
        assert_eq!((events(store, "user_id is not null").await, events(store, "user_id is null").await), (0, 3));
    }

    async fn a_sign_in_is_noted_exactly_when_it_happens(store) {
        let phone = store.fresh_phone();
        let challenge = store.challenge(&phone, NOON).await;
        store.db.begin_session(new_session(&phone, challenge, NOON)).await.unwrap();
        refusal(store.db.begin_session(new_session(&phone, challenge, NOON)).await);
        let noted = "kind = 'signed_in_by_code' and user_id = (select id from users) and session_id = (select id from sessions)
            and address = 'address'";
        assert_eq!((events(store, noted).await, events(store, "1 = 1").await), (1, 1));
    }

    async fn an_end_that_ends_nothing_is_not_noted(store) {
        let (person, other) = (store.person().await, store.person().await);
        let event = || Event::new(Kind::SessionEnded, NOON).of(person.id);
        store.db.end_session(person.session, other.id, &event()).await.unwrap();
        store.db.end_other_sessions(person.session, person.id, &event()).await.unwrap();
        assert_eq!(events(store, "kind = 'session_ended'").await, 0);
        store.db.end_session(person.session, person.id, &event()).await.unwrap();
        store.db.end_session(person.session, person.id, &event()).await.unwrap();
        store.db.end_all_sessions(person.id, &event()).await.unwrap();
        assert_eq!(events(store, "kind = 'session_ended'").await, 1);
    }

    async fn events_are_kept_for_ninety_days(store) {
        store.db.add_security_event(&Event::new(Kind::ForeignMode, NOON)).await.unwrap();
        store.db.sweep_security_events(NOON).await.unwrap();
        assert_eq!(store.count("security_events").await, 1);
        store.db.sweep_security_events(NOON + minutes(1)).await.unwrap();
        assert_eq!((store.count("security_events").await, KEPT.as_secs()), (0, 90 * 86_400));
    }
}
