//! The way of a code: asked for, sent by a job, read on a phone, and good for a sign-in.

use std::time::Duration;

use pollux::domain::time::Clock;
use pollux::fakes::sms::number_for;
use pollux::fakes::sms::receiver::{Receiver, SECRET};
use serde_json::json;

use super::{NUMBER, Phones, on_each_engine};
use crate::harness::NOON;

const MINUTE: Duration = Duration::from_mins(1);

on_each_engine! {
    async fn a_code_comes_to_the_phone_and_signs_in(engine) {
        let phones = Phones::start(engine).await;
        let answer = phones.ask(NUMBER).await.expect(200);
        assert!(answer.body.get("otp").is_none(), "{}", answer.text);
        assert_eq!((phones.twilio.fake.texts().len(), phones.jobs().await), (0, 1), "nothing is sent in the request");
        phones.app.run_jobs().await;
        let sms = phones.twilio.fake.inbox(NUMBER).remove(0);
        let code = phones.code(NUMBER);
        assert_eq!(
            sms.body,
            format!("{code} is your Pollux code. It expires in 5 min. Do not share it.\n@app.example.com #{code}")
        );
        assert_eq!(sms.validity, Some(300));
        assert_eq!((phones.newest("delivery").await.as_str(), phones.jobs().await), ("accepted", 0));
        assert_eq!(phones.newest("carrier_id").await, sms.sid);
        phones.sign_in(NUMBER).await.expect(200);
        assert!(phones.metrics().contains("pollux_texts_total{result=\"accepted\"} 1"));
    }

    async fn a_text_that_waits_says_how_long_its_code_still_lives(engine) {
        let phones = Phones::start(engine).await;
        phones.ask(NUMBER).await.expect(200);
        phones.app.advance(Duration::from_secs(100));
        phones.app.run_jobs().await;
        let sms = phones.twilio.fake.inbox(NUMBER).remove(0);
        assert_eq!(sms.validity, Some(200));
        assert!(sms.body.contains("in 4 min"), "{}", sms.body);
    }

    async fn a_text_is_not_sent_when_its_code_is_over_or_replaced(engine) {
        let phones = Phones::start(engine).await;
        phones.ask(NUMBER).await.expect(200);
        phones.app.advance(5 * MINUTE);
        phones.app.run_jobs().await;
        assert_eq!((phones.twilio.fake.calls().len(), phones.newest("delivery").await.as_str()), (0, "rejected"));
        for _ in 0..4 {
            phones.ask(NUMBER).await.expect(200);
            phones.app.advance(MINUTE);
        }
        phones.app.run_jobs().await;
        assert_eq!((phones.twilio.fake.inbox(NUMBER).len(), phones.jobs().await), (3, 0));
    }

    async fn the_language_is_the_accounts_or_the_one_that_is_wished_for(engine) {
        let phones = Phones::start_with(engine, &[("SMS_SERVICE_NAME", "Chat"), ("PUBLIC_URL", "")]).await;
        for (wish, words) in [("de-CH, en;q=0.5", "ist dein Code"), ("hi", "कोड"), ("xx", "is your Chat code")] {
            let headers = [("accept-language", wish)];
            phones.app.client().post_with("/auth/send-otp", &headers, json!({"mobile": NUMBER})).await.expect(200);
            phones.app.run_jobs().await;
            let body = phones.twilio.fake.inbox(NUMBER).pop().unwrap().body;
            assert!(body.contains(words) && !body.contains('@'), "{wish}: {body}");
            phones.app.advance(MINUTE);
        }
    }

    async fn every_answer_is_the_same_whatever_the_carrier_does(engine) {
        let phones = Phones::start(engine).await;
        let mut told = Vec::new();
        for code in [21211, 21614, 21408, 21610, 20003, 20404, 20429, 20500, 60410] {
            let number = number_for(code).unwrap();
            let answer = phones.send(&number).await;
            let mut members: Vec<_> = answer.body.as_object().unwrap().keys().cloned().collect();
            members.sort();
            told.push((answer.status, members, answer.body["expires_in"].clone(), answer.body["message"].clone()));
            phones.app.advance(Duration::from_secs(31));
        }
        told.dedup();
        assert_eq!(told.len(), 1, "{told:?}");
    }

    async fn a_carriers_fault_gives_the_number_its_count_back_and_a_numbers_own_does_not(engine) {
        for (code, is_spared) in [(21408, true), (21608, true), (20404, true), (21211, false), (21610, false)] {
            let phones = Phones::start(engine.clone()).await;
            let number = number_for(code).unwrap();
            for _ in 0..5 {
                phones.send(&number).await;
                phones.app.advance(MINUTE);
            }
            let sixth = phones.ask(&number).await.status;
            assert_eq!(sixth, if is_spared { 200 } else { 429 }, "{code}");
            assert_eq!(phones.jobs().await, i64::from(is_spared));
        }
    }

    async fn verify_texts_each_new_code_though_an_older_one_is_open_there(engine) {
        let phones = Phones::start_with(engine, &[("CODE_DELIVERY", "twilio_verify")]).await;
        for _ in 0..3 {
            phones.send(NUMBER).await;
            phones.app.advance(MINUTE);
        }
        let bodies: std::collections::BTreeSet<_> =
            phones.twilio.fake.inbox(NUMBER).into_iter().map(|sms| sms.body).collect();
        assert_eq!(bodies.len(), 3);
        phones.sign_in(NUMBER).await.expect(200);
    }

    async fn the_operators_own_sender_gets_code_and_values(engine) {
        let server = Receiver::start(Clock::manual(NOON)).await.unwrap();
        let url = server.url();
        let more = [("CODE_DELIVERY", "webhook"), ("SMS_WEBHOOK_URL", &*url), ("SMS_WEBHOOK_SECRET", SECRET)];
        let phones = Phones::start_with(engine, &more).await;
        phones.send(NUMBER).await;
        let post = server.receiver.posts().remove(0);
        assert!(post.is_sound);
        let (data, code) = (&post.body["data"], post.body["data"]["variables"]["code"].as_str().unwrap());
        assert_eq!((&data["to"], &data["template"], &data["locale"]), (&json!(NUMBER), &json!("code_v1"), &json!("en")));
        let values = json!({"code": code, "service": "Pollux", "minutes": "5", "host": "app.example.com"});
        assert_eq!(data["variables"], values);
        assert_eq!(phones.newest("carrier_id").await, format!("op-{}", post.headers.id));
        phones.app.client().post("/auth/verify-otp", json!({"mobile": NUMBER, "otp": code})).await.expect(200);
    }
}
