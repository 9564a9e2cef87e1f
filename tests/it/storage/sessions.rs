//! Accounts, sessions and the clients that are known again.

use futures_util::future::join_all;
use pollux::domain::audit::{Event, Kind};
use pollux::domain::ids::{ChallengeId, SessionId, UserId};
use pollux::domain::plan::Tier;
use pollux::domain::text::Name;
use pollux::domain::time::Timestamp;
use pollux::storage::{NewSession, Proof, Refusal, WriteError};

use super::{NOON, Store, minutes, new_session, on_both_engines, refusal};

async fn is_live(store: &Store, id: SessionId, user: UserId) -> bool {
    store.db.session(id, user).await.unwrap().is_some_and(|session| session.is_live(NOON))
}

fn ended_at(now: Timestamp) -> Event {
    Event::new(Kind::SessionEnded, now)
}

on_both_engines! {
    async fn the_first_right_code_makes_the_account_with_the_name_that_waited(store) {
        let phone = store.fresh_phone();
        store.db.keep_name_for(&phone, &Name::parse("Ada").unwrap(), NOON + minutes(60)).await.unwrap();
        store.db.keep_name_for(&phone, &Name::parse("Ada L.").unwrap(), NOON + minutes(60)).await.unwrap();
        let person = store.sign_in(&phone, NOON).await;
        let user = store.db.user(person.id).await.unwrap().unwrap();
        assert_eq!((user.name.as_deref(), user.tier, user.has_password), (Some("Ada L."), Tier::Basic, false));
        assert_eq!((user.phone, user.created_at), (phone.clone(), NOON));
        let again = store.sign_in(&phone, NOON + minutes(2)).await;
        assert_eq!(again.id, person.id, "a second sign-in makes no second account");
        assert!(store.db.user(UserId::new(NOON)).await.unwrap().is_none());
    }

    async fn a_name_that_waited_too_long_is_not_taken(store) {
        let phone = store.fresh_phone();
        store.db.keep_name_for(&phone, &Name::parse("Ada").unwrap(), NOON).await.unwrap();
        let person = store.sign_in(&phone, NOON).await;
        assert_eq!(store.db.user(person.id).await.unwrap().unwrap().name, None);
    }

    async fn a_code_opens_one_session_and_then_nothing(store) {
        let phone = store.fresh_phone();
        let id = store.challenge(&phone, NOON).await;
        let tries = join_all((0..10).map(|_| store.db.begin_session(new_session(&phone, id, NOON)))).await;
        let (begun, refused): (Vec<_>, Vec<_>) = tries.into_iter().partition(Result::is_ok);
        assert_eq!(begun.len(), 1);
        assert!(refused.into_iter().all(|outcome| refusal(outcome) == Refusal::CodeSpent));
        assert_eq!((store.count("sessions").await, store.count("device_tokens").await), (1, 1));
        assert_eq!(store.count("users").await, 1);
    }

    async fn codes_of_a_number_used_at_once_open_one_session(store) {
        let now = NOON + minutes(2);
        let mut numbers = Vec::new();
        for _ in 0..16 {
            let phone = store.fresh_phone();
            let mut ids = Vec::new();
            for minute in 0..3 {
                ids.push(store.challenge(&phone, NOON + minutes(minute)).await);
            }
            numbers.push((phone, ids));
        }
        let tries = numbers.iter().map(|(phone, ids)| {
            join_all(ids.iter().map(|id| store.db.begin_session(new_session(phone, *id, now))))
        });
        for outcomes in join_all(tries).await {
            let refused: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
            let spent = |error: &WriteError| matches!(error, WriteError::Refused(Refusal::CodeSpent));
            assert!(refused.len() == 2 && refused.iter().all(spent), "{refused:?}");
        }
    }

    async fn a_session_is_found_by_its_owner_alone(store) {
        let (person, other) = (store.person().await, store.person().await);
        let session = store.db.session(person.session, person.id).await.unwrap().unwrap();
        assert_eq!((session.user_id, session.tier, session.ended_at), (person.id, Tier::Basic, None));
        assert!(store.db.session(person.session, other.id).await.unwrap().is_none());
        store.db.reassess(person.id, Tier::Pro, None, NOON).await.unwrap();
        assert_eq!(store.db.session(person.session, person.id).await.unwrap().unwrap().tier, Tier::Pro);
    }

    async fn sessions_end_one_by_one_all_others_or_all(store) {
        let phone = store.fresh_phone();
        let mut people = Vec::new();
        for minute in 0..4 {
            people.push(store.sign_in(&phone, NOON + minutes(minute)).await);
        }
        let (user, ids) = (people[0].id, people.iter().map(|person| person.session).collect::<Vec<_>>());
        let stranger = store.person().await;
        assert!(!store.db.end_session(ids[0], stranger.id, &ended_at(NOON)).await.unwrap());
        assert!(is_live(store, ids[0], user).await, "a stranger ends nothing");

        assert!(store.db.end_session(ids[0], user, &ended_at(NOON)).await.unwrap());
        assert!(!store.db.end_session(ids[0], user, &ended_at(NOON + minutes(9))).await.unwrap());
        let ended = store.db.session(ids[0], user).await.unwrap().unwrap();
        assert_eq!(ended.ended_at, Some(NOON), "an end is final");
        assert!(store.db.end_other_sessions(ids[1], user, &ended_at(NOON)).await.unwrap());
        assert!(is_live(store, ids[1], user).await && !is_live(store, ids[2], user).await);
        assert!(store.db.end_all_sessions(user, &ended_at(NOON)).await.unwrap());
        assert!(!is_live(store, ids[1], user).await);
        assert!(is_live(store, stranger.session, stranger.id).await);
    }

    async fn the_twenty_first_session_and_client_put_out_the_oldest(store) {
        let phone = store.fresh_phone();
        let mut hashes = Vec::new();
        let mut ids = Vec::new();
        let mut user = None;
        for minute in 0..21 {
            let now = NOON + minutes(minute);
            let challenge = store.challenge(&phone, now).await;
            let session = new_session(&phone, challenge, now);
            hashes.push(session.device_hash);
            ids.push(session.id);
            user = Some(store.db.begin_session(session).await.unwrap().user.id);
        }
        let user = user.unwrap();
        assert!(!is_live(store, ids[0], user).await);
        assert!(is_live(store, ids[1], user).await && is_live(store, ids[20], user).await);
        assert!(!store.db.is_device_known(&phone, hashes[0]).await.unwrap());
        assert!(store.db.is_device_known(&phone, hashes[1]).await.unwrap());
        assert!(!store.db.is_device_known(&store.fresh_phone(), hashes[1]).await.unwrap());
    }

    async fn the_sweep_forgets_sessions_a_week_after_their_end(store) {
        let (ended, expired, kept) = (store.person().await, store.person().await, store.person().await);
        store.db.end_session(ended.session, ended.id, &ended_at(NOON)).await.unwrap();
        let week = minutes(7 * 24 * 60);
        store.db.sweep_sessions(NOON + week).await.unwrap();
        assert_eq!(store.count("sessions").await, 3);
        store.db.sweep_sessions(NOON + week + minutes(1)).await.unwrap();
        assert!(store.db.session(ended.session, ended.id).await.unwrap().is_none());
        assert!(store.db.session(kept.session, kept.id).await.unwrap().is_some());
        store.db.sweep_sessions(NOON + week + minutes(24 * 60 + 1)).await.unwrap();
        assert!(store.db.session(expired.session, expired.id).await.unwrap().is_none());
        assert_eq!(store.count("users").await, 3);
    }

    async fn a_password_opens_a_session_only_while_it_is_the_accounts(store) {
        let person = store.person().await;
        let with = |stored: &'static str| {
            let made = new_session(&person.phone, ChallengeId::new(NOON), NOON);
            NewSession { proof: Proof::Password { stored }, ..made }
        };
        assert_eq!(refusal(store.db.begin_session(with("digest")).await), Refusal::PasswordChanged);
        store.execute("update users set password_hash = 'digest'").await;
        let begun = store.db.begin_session(with("digest")).await.unwrap();
        assert_eq!(begun.user.id, person.id);
        assert_eq!(refusal(store.db.begin_session(with("another")).await), Refusal::PasswordChanged);
        let stranger = store.fresh_phone();
        let unknown = NewSession { phone: &stranger, ..with("digest") };
        assert_eq!(refusal(store.db.begin_session(unknown).await), Refusal::PasswordChanged);
        assert_eq!(store.count("sessions where proof = 'password'").await, 1);
        assert_eq!(store.count("security_events where kind = 'signed_in_by_password'").await, 1);
        assert_eq!((store.count("users").await, store.count("sessions").await), (1, 2));
    }
}
