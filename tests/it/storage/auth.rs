//! Codes: spacing, caps, guesses, misses and pauses.

use futures_util::future::join_all;
use pollux::domain::ids::ChallengeId;
use pollux::domain::otp::{Purpose, SPACING, SendCaps};
use pollux::domain::phone::Phone;
use pollux::domain::time::Timestamp;
use pollux::storage::{Refusal, WriteError};

use super::{NO_CAPS, NOON, Store, minutes, new_challenge, new_session, on_both_engines, refusal};

const LOGIN: Purpose = Purpose::Login;

async fn send(store: &Store, phone: &Phone, now: Timestamp, caps: SendCaps) -> Result<(), WriteError> {
    store.db.add_challenge(new_challenge(ChallengeId::new(now), phone, now), caps).await
}

async fn guess(store: &Store, phone: &Phone, id: Option<ChallengeId>, now: Timestamp) -> bool {
    store.db.count_guess(phone, LOGIN, id, now).await.unwrap().is_some()
}

on_both_engines! {
    async fn a_number_gets_one_code_a_minute(store) {
        let phone = store.fresh_phone();
        send(store, &phone, NOON, NO_CAPS).await.unwrap();
        assert_eq!(refusal(send(store, &phone, NOON + minutes(1) / 2, NO_CAPS).await), Refusal::TooSoon);
        assert_eq!(store.count("challenges").await, 1);
        send(store, &phone, NOON + SPACING, NO_CAPS).await.unwrap();
    }

    async fn every_cap_refuses_and_leaves_nothing_behind(store) {
        let caps = [
            SendCaps { phone_hour: 1, ..NO_CAPS },
            SendCaps { phone_day: 1, ..NO_CAPS },
            SendCaps { address_hour: 1, ..NO_CAPS },
            SendCaps { block_hour: 1, ..NO_CAPS },
            SendCaps { global_hour: 1, ..NO_CAPS },
        ];
        let phone = store.fresh_phone();
        send(store, &phone, NOON, NO_CAPS).await.unwrap();
        for caps in caps {
            let later = NOON + minutes(2);
            assert_eq!(refusal(send(store, &phone, later, caps).await), Refusal::SendCapped, "{caps:?}");
        }
        let stranger = store.fresh_phone();
        let refused = send(store, &stranger, NOON, SendCaps { global_hour: 1, ..NO_CAPS }).await;
        assert_eq!(refusal(refused), Refusal::SendCapped);
        assert_eq!((store.count("challenges").await, store.count("phones").await), (1, 1));
    }

    async fn caps_look_back_an_hour_or_a_day_and_no_further(store) {
        let phone = store.fresh_phone();
        send(store, &phone, NOON, NO_CAPS).await.unwrap();
        let hourly = SendCaps { phone_hour: 1, address_hour: 1, block_hour: 1, global_hour: 1, ..NO_CAPS };
        send(store, &phone, NOON + minutes(60), hourly).await.unwrap();
        let daily = SendCaps { phone_day: 2, ..NO_CAPS };
        assert_eq!(refusal(send(store, &phone, NOON + minutes(1_439), daily).await), Refusal::SendCapped);
        send(store, &phone, NOON + minutes(1_440), daily).await.unwrap();
    }

    async fn parallel_sends_to_one_number_make_one_code(store) {
        let phone = store.fresh_phone();
        let sends = join_all((0..20).map(|_| send(store, &phone, NOON, NO_CAPS))).await;
        let (sent, refused): (Vec<_>, Vec<_>) = sends.into_iter().partition(Result::is_ok);
        assert_eq!(sent.len(), 1);
        assert!(refused.into_iter().all(|outcome| refusal(outcome) == Refusal::TooSoon));
    }

    async fn parallel_sends_from_one_address_stop_exactly_at_its_cap(store) {
        let phones: Vec<_> = (0..30).map(|_| store.fresh_phone()).collect();
        let caps = SendCaps { address_hour: 5, ..NO_CAPS };
        let sends = join_all(phones.iter().map(|phone| send(store, phone, NOON, caps))).await;
        let (sent, refused): (Vec<_>, Vec<_>) = sends.into_iter().partition(Result::is_ok);
        assert_eq!(sent.len(), 5);
        assert!(refused.into_iter().all(|outcome| refusal(outcome) == Refusal::SendCapped));
        assert_eq!((store.count("challenges").await, store.count("phones").await), (5, 5));
    }

    async fn a_fourth_live_code_replaces_the_oldest(store) {
        let phone = store.fresh_phone();
        let mut ids = Vec::new();
        for minute in 0..4 {
            ids.push(store.challenge(&phone, NOON + minutes(minute)).await);
        }
        let now = NOON + minutes(3);
        assert!(!guess(store, &phone, Some(ids[0]), now).await);
        for id in &ids[1..] {
            assert!(guess(store, &phone, Some(*id), now).await);
        }
        let newest = store.db.count_guess(&phone, LOGIN, None, now).await.unwrap().unwrap();
        assert_eq!(newest.id, ids[3]);
    }

    async fn a_code_has_exactly_five_guesses_however_many_come_at_once(store) {
        let phone = store.fresh_phone();
        let id = store.challenge(&phone, NOON).await;
        assert!(!store.db.is_guessed_out(&phone, LOGIN, Some(id), NOON).await.unwrap());
        let named = |n: usize| n.is_multiple_of(2).then_some(id);
        let guesses = join_all((0..40).map(|n| guess(store, &phone, named(n), NOON))).await;
        assert_eq!(guesses.into_iter().filter(|counted| *counted).count(), 5);
        for challenge in [Some(id), None] {
            assert!(store.db.is_guessed_out(&phone, LOGIN, challenge, NOON).await.unwrap());
            assert!(!store.db.is_guessed_out(&phone, LOGIN, challenge, NOON + minutes(5)).await.unwrap());
        }
        assert_eq!(store.db.misses(&phone, NOON - minutes(1)).await.unwrap(), 5);
    }

    async fn a_code_can_be_guessed_for_its_number_purpose_and_time_only(store) {
        let (phone, other) = (store.fresh_phone(), store.fresh_phone());
        let id = store.challenge(&phone, NOON).await;
        assert!(!guess(store, &other, Some(id), NOON).await);
        assert!(!guess(store, &other, None, NOON).await);
        assert!(store.db.count_guess(&phone, Purpose::Reset, None, NOON).await.unwrap().is_none());
        assert!(!guess(store, &phone, Some(id), NOON + minutes(5)).await);
        assert!(!guess(store, &phone, None, NOON + minutes(5)).await);
        let guessed = store.db.count_guess(&phone, LOGIN, Some(id), NOON).await.unwrap().unwrap();
        assert_eq!((guessed.id, guessed.code_mac), (id, vec![1; 32]));
    }

    async fn a_right_guess_is_no_miss_and_clears_none(store) {
        let phone = store.fresh_phone();
        let id = store.challenge(&phone, NOON).await;
        for _ in 0..3 {
            assert!(guess(store, &phone, Some(id), NOON).await);
        }
        store.db.begin_session(new_session(&phone, id, NOON)).await.unwrap();
        assert_eq!(store.db.misses(&phone, NOON - minutes(1)).await.unwrap(), 2);
        assert_eq!(store.db.misses(&phone, NOON).await.unwrap(), 0);
        assert_eq!(store.db.misses(&store.fresh_phone(), NOON - minutes(1)).await.unwrap(), 0);
    }

    async fn a_pause_of_one_number_begins_once(store) {
        let phone = store.fresh_phone();
        assert_eq!(store.db.paused_until(&phone).await.unwrap(), Timestamp::from_millis(0));
        store.challenge(&phone, NOON).await;
        store.db.pause(&phone, 1, NOON + minutes(10)).await.unwrap();
        store.db.pause(&phone, 1, NOON + minutes(20)).await.unwrap();
        assert_eq!(store.db.paused_until(&phone).await.unwrap(), NOON + minutes(10));
        store.db.pause(&phone, 2, NOON + minutes(30)).await.unwrap();
        assert_eq!(store.db.paused_until(&phone).await.unwrap(), NOON + minutes(30));
        store.db.pause(&phone, 1, NOON + minutes(40)).await.unwrap();
        assert_eq!(store.db.paused_until(&phone).await.unwrap(), NOON + minutes(30), "fewer misses pause nobody");
    }

    async fn the_sweep_forgets_what_no_count_looks_back_to(store) {
        let (old, paused) = (store.fresh_phone(), store.fresh_phone());
        store.challenge(&old, NOON).await;
        store.challenge(&paused, NOON).await;
        let later = NOON + minutes(30 * 24 * 60);
        store.db.pause(&paused, 1, later + minutes(60)).await.unwrap();
        store.db.sweep_codes(later).await.unwrap();
        assert_eq!((store.count("challenges").await, store.count("phones").await), (2, 2));
        store.db.sweep_codes(later + minutes(1)).await.unwrap();
        assert_eq!((store.count("challenges").await, store.count("phones").await), (0, 1));
    }
}
