//! Which countries get texts, and when one pauses.

use std::time::Duration;

use serde_json::json;

use super::{Phones, number, on_each_engine};
use crate::harness::TestApp;

const MINUTE: Duration = Duration::from_mins(1);
const INDIA: &str = "+919898989898";

async fn challenges(app: &TestApp) -> i64 {
    app.count("select count(*) from challenges").await
}

/// Has so many codes sent within one moment, and signs in with the first `used` of them.
async fn send_many(phones: &Phones, from: usize, count: usize, used: usize) {
    for index in from..from + count {
        phones.ask(&number(index)).await.expect(200);
    }
    phones.app.run_jobs().await;
    for index in from..from + used {
        phones.sign_in(&number(index)).await.expect(200);
    }
}

on_each_engine! {
    async fn a_country_that_is_not_listed_is_refused_by_the_number_alone(engine) {
        let phones = Phones::start_with(engine, &[("SMS_COUNTRIES", "IN,+44")]).await;
        let client = phones.app.client();
        for route in ["/auth/send-otp", "/auth/signup"] {
            for number in ["+12125550006", "+4915112345678", "+881612345678", "+99912345678", "+19005550006"] {
                client.post(route, json!({"mobile": number})).await.expect_flaw("/mobile", "phone_not_served");
                client.post(route, json!({"phone": number})).await.expect_flaw("/phone", "phone_not_served");
            }
            client.post(route, json!({"mobile": "+1212"})).await.expect_flaw("/mobile", "phone_format");
        }
        assert_eq!((challenges(&phones.app).await, phones.app.count("select count(*) from phones").await), (0, 0));
        for number in [INDIA, "+9198989898", "+919898989898989", "+447700900123"] {
            phones.send(number).await;
        }
        assert_eq!(phones.twilio.fake.texts().len(), 4);
    }

    async fn no_country_is_the_switch_that_stops_all_texts(engine) {
        let phones = Phones::start_with(engine, &[("SMS_COUNTRIES", "none")]).await;
        phones.ask(INDIA).await.expect_flaw("/mobile", "phone_not_served");
        assert_eq!(challenges(&phones.app).await, 0);
    }

    async fn where_nothing_is_really_sent_every_number_passes(engine) {
        for delivery in ["echo", "log"] {
            let settings = [("CODE_DELIVERY", delivery), ("SMS_COUNTRIES", "IN")];
            let app = TestApp::start_with(engine.clone(), &settings).await;
            for number in ["+12125550006", "+99912345678"] {
                app.client().post("/auth/send-otp", json!({"mobile": number})).await.expect(200);
            }
            assert_eq!(app.count("select count(*) from jobs").await, 0);
            assert_eq!(app.count("select count(*) from challenges where country is not null or seal is not null").await, 0);
        }
    }

    async fn a_country_whose_codes_do_not_come_back_pauses_for_half_an_hour(engine) {
        let phones = Phones::start(engine).await;
        send_many(&phones, 0, 100, 9).await;
        phones.app.advance(Duration::from_secs(31));
        for index in [100, 101] {
            phones.ask(&number(index)).await.expect_problem(429, "otp_send_limited");
        }
        phones.ask(INDIA).await.expect(200);
        phones.app.advance(29 * MINUTE + Duration::from_secs(59));
        phones.ask(&number(101)).await.expect_problem(429, "otp_send_limited");
        phones.app.advance(Duration::from_secs(1));
        phones.ask(&number(101)).await.expect(200);
    }

    async fn a_country_whose_codes_come_back_does_not_pause(engine) {
        let phones = Phones::start(engine).await;
        send_many(&phones, 0, 100, 10).await;
        phones.app.advance(Duration::from_secs(31));
        send_many(&phones, 100, 5, 0).await;
    }

    async fn fewer_than_a_hundred_or_codes_of_just_now_pause_nothing(engine) {
        let phones = Phones::start(engine).await;
        send_many(&phones, 0, 99, 0).await;
        phones.app.advance(Duration::from_secs(31));
        send_many(&phones, 99, 20, 0).await;
    }

    async fn texts_that_came_to_nothing_by_our_fault_do_not_pause_a_country(engine) {
        let phones = Phones::start(engine).await;
        for index in 0..100 {
            phones.twilio.fake.then(pollux::fakes::sms::Reply::new(400, r#"{"code": 21606}"#));
            phones.send(&number(index)).await;
        }
        phones.app.advance(Duration::from_secs(31));
        send_many(&phones, 100, 3, 0).await;
    }

    async fn the_cap_for_everybody_is_a_setting(engine) {
        let phones = Phones::start_with(engine, &[("OTP_SENDS_PER_HOUR", "3")]).await;
        send_many(&phones, 0, 3, 0).await;
        phones.ask(&number(3)).await.expect_problem(429, "otp_send_limited");
        phones.app.advance(60 * MINUTE);
        phones.ask(&number(3)).await.expect(200);
    }
}
