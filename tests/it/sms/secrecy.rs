//! What a thief of the database, and a reader of the log, find of a code on its way.

use std::time::Duration;

use pollux::domain::time::Clock;
use pollux::fakes::sms::{FakeTwilio, TOKEN};
use serde_json::json;

use super::{NUMBER, Phones, by_twilio, number, on_each_engine};
use crate::harness::binary::Binary;
use crate::harness::work::until;

/// True when a cell tells the code, as text or as bytes. Numbers hold any six digits by chance: there it is the whole.
fn tells(cell: &str, code: &str) -> bool {
    let hex = code.bytes().fold(String::new(), |hex, byte| hex + format!("{byte:02x}").as_str());
    let is_number = cell.trim_start_matches('+').bytes().all(|byte| byte.is_ascii_digit());
    match cell.strip_prefix("\\x") {
        Some(bytes) => bytes.contains(&hex),
        None if is_number => cell == code,
        None => cell.contains(code),
    }
}

on_each_engine! {
    async fn no_code_stands_in_the_database_before_or_after_it_is_sent(engine) {
        let phones = Phones::start(engine).await;
        for index in 0..12 {
            phones.ask(&number(index)).await.expect(200);
        }
        let before = phones.app.dump().await;
        assert_eq!(phones.app.count("select count(*) from challenges where seal is not null").await, 12);
        phones.app.run_jobs().await;
        let after = phones.app.dump().await;
        for index in 0..12 {
            let code = phones.code(&number(index));
            assert!(!before.iter().chain(&after).any(|cell| tells(cell, &code)), "{code}");
        }
        assert_eq!(phones.app.count("select count(*) from challenges where seal is not null").await, 0);
    }

    async fn a_job_holds_ids_and_no_more(engine) {
        let phones = Phones::start(engine).await;
        phones.ask(NUMBER).await.expect(200);
        let id = phones.newest("id").await;
        let job = &phones.app.rows("select subject, user_id, chatroom_id, last_error, kind from jobs").await[0];
        assert_eq!(job[..], [id, String::new(), String::new(), String::new(), "send_code".to_owned()]);
    }

    async fn a_code_that_nobody_sent_is_wiped_when_it_is_over(engine) {
        let phones = Phones::start(engine).await;
        phones.ask(NUMBER).await.expect(200);
        phones.app.advance(Duration::from_mins(5));
        phones.app.house.app.db.sweep_codes(phones.app.clock.now()).await.unwrap();
        assert_eq!(phones.app.count("select count(*) from challenges where seal is not null").await, 0);
        phones.app.run_jobs().await;
        assert_eq!((phones.twilio.fake.calls().len(), phones.jobs().await), (0, 0));
    }

    async fn known_and_unknown_numbers_are_treated_alike(engine) {
        let phones = Phones::start(engine).await;
        phones.send(NUMBER).await;
        phones.sign_in(NUMBER).await.expect(200);
        phones.app.advance(Duration::from_mins(1));
        let (known, unknown) = (phones.ask(NUMBER).await.expect(200), phones.ask(&number(1)).await.expect(200));
        let members = |answer: &crate::harness::client::Answer| {
            answer.body.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(members(&known), members(&unknown));
        assert_eq!(phones.app.count("select count(*) from jobs where user_id is null").await, 2);
        phones.app.run_jobs().await;
        let words = |number: &str| phones.twilio.fake.inbox(number).pop().unwrap().body.replace(&phones.code(number), "");
        assert_eq!(words(NUMBER), words(&number(1)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_shows_neither_code_nor_number_nor_token() {
    let twilio = FakeTwilio::start(Clock::System).await.unwrap();
    let base_url = twilio.base_url();
    let settings = [by_twilio(&base_url), vec![("RUST_LOG", "debug")]].concat();
    let mut binary = Binary::start(&settings).await;
    let refused = pollux::fakes::sms::number_for(21211).unwrap();
    for number in [NUMBER, &refused] {
        binary.client().post("/auth/send-otp", json!({"mobile": number})).await.expect(200);
    }
    until(Duration::from_secs(20), "both texts are tried", || async { (twilio.fake.calls().len() == 2).then_some(()) })
        .await;
    let body = twilio.fake.inbox(NUMBER)[0].body.clone();
    binary.stop().await;
    let log = binary.log();
    for secret in [body.split(' ').next().unwrap(), &NUMBER[1..], &refused[1..], TOKEN, "is your Pollux code"] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
}
