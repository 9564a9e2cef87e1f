//! Reports of delivery: only the carrier's own are believed, and they only move a text on.

use pollux::fakes::sms::{FakeTwilio, Signed, Sms, number_for};
use reqwest::Method;

use super::{NUMBER, Phones, on_each_engine};

impl Phones {
    async fn report(&self, sms: &Sms, status: &str, signed: Signed) -> u16 {
        let here = format!("http://{}", self.app.address);
        self.twilio.fake.report(sms, status, signed, &here).await.unwrap()
    }

    /// Sends a text to a number and returns it.
    async fn text(&self, number: &str) -> Sms {
        self.send(number).await;
        self.twilio.fake.inbox(number).pop().unwrap()
    }
}

on_each_engine! {
    async fn a_text_only_moves_on_in_whatever_order_reports_come(engine) {
        let phones = Phones::start(engine).await;
        let sms = phones.text(NUMBER).await;
        for (status, state) in [
            ("queued", "accepted"),
            ("sent", "sent"),
            ("sending", "sent"),
            ("queued", "sent"),
            ("delivered", "delivered"),
            ("delivered", "delivered"),
            ("sent", "delivered"),
            ("undelivered", "delivered"),
            ("failed", "delivered"),
            ("of_a_later_version", "delivered"),
        ] {
            assert_eq!(phones.report(&sms, status, Signed::Right).await, 204, "{status}");
            assert_eq!(phones.newest("delivery").await, state, "after {status}");
        }
        let metrics = phones.metrics();
        for state in ["sent", "delivered"] {
            assert!(metrics.contains(&format!("pollux_text_deliveries_total{{state=\"{state}\"}} 1")), "{metrics}");
        }
    }

    async fn every_failure_of_the_table_is_kept(engine) {
        let phones = Phones::start(engine).await;
        for code in [30003, 30004, 30005, 30006, 30007, 30008, 30450] {
            let sms = phones.text(&number_for(code).unwrap()).await;
            assert_eq!(phones.report(&sms, FakeTwilio::end_of(&sms), Signed::Right).await, 204);
            assert_eq!(phones.newest("delivery").await, "undelivered", "{code}");
            phones.app.advance(std::time::Duration::from_secs(1));
        }
    }

    async fn a_report_that_is_not_signed_as_it_must_be_changes_nothing(engine) {
        let phones = Phones::start(engine).await;
        let sms = phones.text(NUMBER).await;
        for signed in [Signed::WithAnotherToken, Signed::OverOtherFields, Signed::NotAtAll] {
            assert_eq!(phones.report(&sms, "delivered", signed).await, 400, "{signed:?}");
        }
        let elsewhere = Sms { callback: sms.callback.clone().map(|url| url.replace("https", "http")), ..sms.clone() };
        assert_eq!(phones.report(&elsewhere, "delivered", Signed::Right).await, 400);
        assert_eq!(phones.newest("delivery").await, "accepted");
        let request = phones.app.client().request(Method::POST, "/webhook/twilio").body("MessageStatus=delivered");
        phones.app.client().send(request).await.expect_problem(400, "webhook_signature_invalid");
    }

    async fn a_report_on_a_text_that_we_did_not_send_is_no_news_and_no_error(engine) {
        let phones = Phones::start(engine).await;
        let sms = phones.text(NUMBER).await;
        let callback = sms.callback.clone().unwrap();
        let stranger = callback.replace(callback.split("msg_").nth(1).unwrap(), &"0".repeat(32));
        for odd in [stranger, callback.replace("ref=", "other="), callback.split('?').next().unwrap().to_owned()] {
            let odd = Sms { callback: Some(odd), ..sms.clone() };
            assert_eq!(phones.report(&odd, "delivered", Signed::Right).await, 204);
        }
        let other = Sms { sid: "SM0000000000000000000000000000ffff".into(), ..sms.clone() };
        assert_eq!(phones.report(&other, "delivered", Signed::Right).await, 204);
        assert_eq!(phones.newest("delivery").await, "accepted");
    }

    async fn a_report_tells_what_became_of_a_text_whose_answer_was_lost(engine) {
        let phones = Phones::start(engine).await;
        phones.twilio.fake.lose_next_answer();
        let sms = phones.text(NUMBER).await;
        assert_eq!(phones.newest("delivery").await, "unknown");
        phones.report(&sms, "delivered", Signed::Right).await;
        assert_eq!((phones.newest("delivery").await, phones.newest("carrier_id").await), ("delivered".into(), sms.sid));
    }

    async fn without_a_token_or_a_public_address_no_report_is_asked_for_or_heard(engine) {
        let key = "SK00000000000000000000000000000000";
        let by_key = [("TWILIO_AUTH_TOKEN", ""), ("TWILIO_API_KEY", key), ("TWILIO_API_SECRET", "secret")];
        for more in [&by_key[..], &[("PUBLIC_URL", "")], &[("CODE_DELIVERY", "twilio_verify")]] {
            let phones = Phones::start_with(engine.clone(), more).await;
            phones.send(NUMBER).await;
            assert!(phones.twilio.fake.texts().iter().all(|sms| sms.callback.is_none()), "{more:?}");
            assert!(!phones.twilio.fake.calls()[0].body.contains("StatusCallback"), "{more:?}");
            let request = phones.app.client().request(Method::POST, "/webhook/twilio").body("");
            phones.app.client().send(request).await.expect_problem(404, "not_found");
        }
    }
}
