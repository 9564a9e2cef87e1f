//! A text whose outcome nobody knows is never sent again; one that was certainly not sent is, while its code lives.

use std::time::Duration;

use pollux::domain::job::LEASE;
use pollux::domain::time::Clock;
use pollux::fakes::sms::receiver::{Receiver, SECRET};
use pollux::fakes::sms::{Reply, number_for};
use serde_json::json;

use super::{NUMBER, Phones, on_each_engine};
use crate::harness::NOON;
use crate::harness::work::until;

const MINUTE: Duration = Duration::from_mins(1);

/// Lets time pass, and the worker work, well beyond the life of the code.
async fn wait_long(phones: &Phones) {
    for _ in 0..30 {
        phones.app.advance(Duration::from_secs(20));
        phones.app.run_jobs().await;
    }
    assert_eq!(phones.jobs().await, 0);
}

on_each_engine! {
    async fn an_answer_that_is_lost_leaves_one_text_and_a_code_that_works(engine) {
        let phones = Phones::start(engine).await;
        phones.twilio.fake.lose_next_answer();
        phones.send(NUMBER).await;
        assert_eq!((phones.newest("delivery").await.as_str(), phones.newest("is_free").await.as_str()), ("unknown", "0"));
        phones.sign_in(NUMBER).await.expect(200);
        wait_long(&phones).await;
        assert_eq!((phones.twilio.fake.calls().len(), phones.twilio.fake.inbox(NUMBER).len()), (1, 1));
    }

    async fn a_fault_of_the_carrier_is_not_asked_again(engine) {
        let phones = Phones::start(engine).await;
        for code in [20500, 20503] {
            phones.send(&number_for(code).unwrap()).await;
            assert_eq!(phones.newest("delivery").await, "unknown");
        }
        wait_long(&phones).await;
        assert_eq!(phones.twilio.fake.calls().len(), 2);
    }

    async fn a_process_that_dies_while_the_carrier_is_asked_leaves_one_text(engine) {
        let phones = Phones::start(engine).await;
        phones.ask(NUMBER).await.expect(200);
        phones.twilio.fake.answer_after(MINUTE);
        let app = phones.app.house.app.clone();
        let working = tokio::spawn(async move { pollux::worker::drain(&app).await });
        until(Duration::from_secs(10), "the carrier is asked", || async {
            (!phones.twilio.fake.calls().is_empty()).then_some(())
        })
        .await;
        assert_eq!(phones.newest("case when seal is null then 1 else 0 end").await, "1", "the code is wiped by now");
        working.abort();
        let _ = working.await;
        phones.twilio.fake.answer_after(Duration::ZERO);
        let Phones { app, twilio } = phones;
        let phones = Phones { app: app.restart().await, twilio };
        phones.app.advance(LEASE + Duration::from_secs(1));
        phones.app.run_jobs().await;
        assert_eq!((phones.newest("delivery").await.as_str(), phones.jobs().await), ("unknown", 0));
        wait_long(&phones).await;
        assert_eq!((phones.twilio.fake.calls().len(), phones.twilio.fake.inbox(NUMBER).len()), (1, 1));
        phones.sign_in(NUMBER).await.expect_problem(401, "otp_invalid");
    }

    async fn a_process_that_dies_just_before_the_call_sends_nothing_later(engine) {
        let phones = Phones::start(engine).await;
        phones.ask(NUMBER).await.expect(200);
        let db = &phones.app.house.app.db;
        let job = db.claim_jobs([7; 16], 1, phones.app.clock.now()).await.unwrap().remove(0);
        db.hand_text_over(&job, phones.app.clock.now()).await.unwrap();
        assert!(db.hand_text_over(&job, phones.app.clock.now()).await.is_err(), "it is handed over once");
        phones.app.advance(LEASE + Duration::from_secs(1));
        phones.app.run_jobs().await;
        assert_eq!((phones.twilio.fake.calls().len(), phones.newest("delivery").await.as_str()), (0, "unknown"));
    }

    async fn a_worker_that_only_slept_keeps_what_it_learnt_and_sends_nothing_twice(engine) {
        let phones = Phones::start(engine).await;
        phones.ask(NUMBER).await.expect(200);
        let db = &phones.app.house.app.db;
        let job = db.claim_jobs([7; 16], 1, phones.app.clock.now()).await.unwrap().remove(0);
        db.hand_text_over(&job, phones.app.clock.now()).await.unwrap();
        phones.app.advance(LEASE + Duration::from_secs(1));
        phones.app.run_jobs().await;
        let accepted = pollux::storage::Sent::Accepted(Some("SM1".into()));
        db.settle_text(&job, &accepted, phones.app.clock.now()).await.unwrap();
        assert_eq!((phones.newest("delivery").await.as_str(), phones.newest("carrier_id").await.as_str()), ("accepted", "SM1"));
        assert_eq!(phones.twilio.fake.calls().len(), 0);
    }

    async fn too_many_at_once_is_tried_again_and_the_text_comes(engine) {
        let phones = Phones::start(engine).await;
        for _ in 0..2 {
            phones.twilio.fake.then(Reply::new(429, "{}"));
        }
        phones.send(NUMBER).await;
        let job = &phones.app.rows("select state, last_error from jobs").await[0];
        assert_eq!((job[0].as_str(), job[1].as_str()), ("waiting", "busy"));
        phones.app.run_jobs().await;
        assert_eq!(phones.twilio.fake.calls().len(), 1, "not before its time");
        for _ in 0..2 {
            phones.app.advance(Duration::from_secs(2));
            phones.app.run_jobs().await;
        }
        assert_eq!((phones.twilio.fake.calls().len(), phones.twilio.fake.inbox(NUMBER).len()), (3, 1));
        phones.sign_in(NUMBER).await.expect(200);
    }

    async fn a_wait_that_the_carrier_asks_for_is_kept(engine) {
        let phones = Phones::start(engine).await;
        phones.twilio.fake.then(Reply::new(429, "{}").header("retry-after", "30"));
        phones.send(NUMBER).await;
        phones.app.advance(Duration::from_secs(29));
        phones.app.run_jobs().await;
        assert_eq!(phones.twilio.fake.calls().len(), 1);
        phones.app.advance(Duration::from_secs(2));
        phones.app.run_jobs().await;
        assert_eq!(phones.twilio.fake.inbox(NUMBER).len(), 1);
        phones.sign_in(NUMBER).await.expect(200);
    }

    async fn tries_end_with_the_life_of_the_code(engine) {
        let phones = Phones::start(engine).await;
        let number = number_for(20429).unwrap();
        phones.send(&number).await;
        wait_long(&phones).await;
        let calls = phones.twilio.fake.calls();
        assert!((4..=16).contains(&calls.len()), "{} calls", calls.len());
        let validity = |call: &pollux::fakes::sms::Call| {
            call.body.split("ValidityPeriod=").nth(1).unwrap().split('&').next().unwrap().parse::<u64>().unwrap()
        };
        let left: Vec<_> = calls.iter().map(validity).collect();
        assert!(left.windows(2).all(|pair| pair[0] > pair[1]) && left.iter().all(|left| *left > 0), "{left:?}");
        assert_eq!((phones.newest("delivery").await.as_str(), phones.newest("is_free").await.as_str()), ("rejected", "1"));
        assert_eq!(phones.newest("case when seal is null then 1 else 0 end").await, "1");
    }

    async fn the_operators_own_sender_is_asked_again_after_a_death_under_the_same_id(engine) {
        let server = Receiver::start(Clock::manual(NOON)).await.unwrap();
        let url = server.url();
        let more = [("CODE_DELIVERY", "webhook"), ("SMS_WEBHOOK_URL", &*url), ("SMS_WEBHOOK_SECRET", SECRET)];
        let phones = Phones::start_with(engine, &more).await;
        phones.ask(NUMBER).await.expect(200);
        let db = &phones.app.house.app.db;
        // The first process dies after the receiver has the text, and before it is written down.
        let job = db.claim_jobs([7; 16], 1, phones.app.clock.now()).await.unwrap().remove(0);
        drop(job);
        phones.app.advance(LEASE + Duration::from_secs(1));
        phones.app.run_jobs().await;
        assert_eq!((server.receiver.taken().len(), phones.newest("delivery").await.as_str()), (1, "accepted"));
        let id = phones.newest("id").await;
        let bare: String = id.trim_start_matches("\\x").to_owned();
        assert_eq!(server.receiver.taken(), [format!("msg_{bare}")]);
        let code = server.receiver.posts()[0].body["data"]["variables"]["code"].clone();
        phones.app.client().post("/auth/verify-otp", json!({"mobile": NUMBER, "otp": code})).await.expect(200);
    }
}
