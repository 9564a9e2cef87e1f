//! How often a code can be asked for.

use std::time::Duration;

use pollux::domain::ids::ChallengeId;
use pollux::domain::otp::{Purpose, SendCaps};
use pollux::domain::phone::Phone;
use pollux::storage::{NewChallenge, Refusal, WriteError};
use serde_json::json;

use super::{codes, number, send};
use crate::harness::{TestApp, on_both_engines};

const MINUTE: Duration = Duration::from_mins(1);

on_both_engines! {
    async fn again_within_a_minute_waits_and_the_old_code_stays_good(app) {
        let client = app.client();
        let sent = send(&client, &number(1)).await;
        for (seconds, wait) in [(0, "60"), (59, "1")] {
            app.advance(Duration::from_secs(seconds));
            let again = client.post("/auth/send-otp", json!({"mobile": number(1)})).await;
            assert_eq!(again.expect_problem(429, "otp_resend_too_soon").header("retry-after"), wait);
        }
        assert_eq!(codes(&app).await, 1);
        sent.answer(&client).await.expect(200);
        app.advance(Duration::from_secs(1));
        send(&client, &number(1)).await;
    }

    async fn a_code_for_another_purpose_counts_toward_the_same_limits(app) {
        let client = app.client();
        send(&client, &number(1)).await;
        let confirm = client.post("/auth/send-otp", json!({"mobile": number(1), "purpose": "confirm"})).await;
        confirm.expect_problem(429, "otp_resend_too_soon");
    }

    async fn the_sixth_in_an_hour_is_refused(app) {
        send_times(&app, 5, MINUTE).await;
        refused(&app).await;
        app.advance(Duration::from_secs(55 * 60 - 1));
        refused(&app).await;
        app.advance(Duration::from_secs(1));
        send(&app.client(), &number(1)).await;
    }

    async fn the_eleventh_in_a_day_is_refused(app) {
        send_times(&app, 10, MINUTE * 60).await;
        refused(&app).await;
        app.advance(MINUTE * 60 * 14);
        send(&app.client(), &number(1)).await;
    }

    async fn signing_up_sends_nothing_and_counts_toward_no_limit(app) {
        let client = app.client();
        for _ in 0..12 {
            client.post("/auth/signup", json!({"mobile": number(1)})).await.expect(201);
        }
        assert_eq!(codes(&app).await, 0);
        send(&client, &number(1)).await;
    }

    ["OTP_SENDS_PER_ADDRESS_HOUR" = "20"]
    async fn the_twenty_first_from_the_address_is_refused(app) {
        let client = app.client();
        for index in 0..20 {
            send(&client, &number(index)).await;
        }
        let refused = client.post_with("/auth/send-otp", &[("x-forwarded-for", "203.0.113.9")], json!({"mobile": number(20)}));
        refused.await.expect_problem(429, "otp_send_limited");
        assert_eq!(codes(&app).await, 20);
        app.advance(MINUTE * 60);
        send(&client, &number(20)).await;
    }

    async fn the_fifty_first_to_a_block_of_numbers_is_refused(app) {
        let client = app.client();
        let in_block = |index: usize| format!("+1500555{index:04}");
        for index in 0..50 {
            send(&client, &in_block(index)).await;
        }
        let refused = client.post("/auth/send-otp", json!({"mobile": in_block(50)})).await;
        refused.expect_problem(429, "otp_send_limited");
        send(&client, "+15005560000").await;
        assert_eq!(codes(&app).await, 51);
    }

    async fn the_cap_for_everybody_holds_for_numbers_never_seen_before(app) {
        let caps = SendCaps { global_hour: 3, ..SendCaps::default() };
        for index in 0..3 {
            add(&app, &number(index), caps).await.unwrap();
        }
        assert!(matches!(add(&app, &number(3), caps).await, Err(WriteError::Refused(Refusal::SendCapped))));
        assert_eq!(codes(&app).await, 3);
    }

    async fn caps_hold_for_codes_asked_for_at_once(app) {
        let client = app.client();
        let ask = |index: usize| {
            let client = client.clone();
            async move { client.post("/auth/send-otp", json!({"mobile": format!("+1500555{index:04}")})).await.status }
        };
        let statuses = futures_util::future::join_all((0..80).map(ask)).await;
        assert_eq!(statuses.iter().filter(|&&status| status == 200).count(), 50);
        assert_eq!((statuses.iter().filter(|&&status| status == 429).count(), codes(&app).await), (30, 50));
        let one = || async { client.post("/auth/send-otp", json!({"mobile": "+15005560000"})).await.status };
        let statuses = futures_util::future::join_all((0..20).map(|_| one())).await;
        assert_eq!(statuses.iter().filter(|&&status| status == 200).count(), 1);
        assert_eq!(codes(&app).await, 51);
    }

    async fn a_stranger_who_uses_up_the_codes_leaves_the_owner_a_reserve(app) {
        let owner = app.client().sign_in(&number(1)).await;
        let stranger = app.client().sign_in(&number(2)).await;
        app.advance(MINUTE);
        send_times(&app, 4, MINUTE).await;
        refused(&app).await;
        let with = |device: &serde_json::Value| json!({"mobile": number(1), "device_token": device});
        for odd in [&stranger.tokens["device_token"], &owner.tokens["refresh_token"], &json!("dt_guess")] {
            let answer = stranger.post("/auth/send-otp", with(odd)).await;
            answer.expect_problem(429, "otp_send_limited");
        }
        for _ in 0..2 {
            owner.post("/auth/send-otp", with(&owner.tokens["device_token"])).await.expect(200);
            app.advance(MINUTE);
        }
        let spent = owner.post("/auth/send-otp", with(&owner.tokens["device_token"])).await;
        spent.expect_problem(429, "otp_send_limited");
    }
}

async fn send_times(app: &TestApp, times: usize, apart: Duration) {
    for _ in 0..times {
        send(&app.client(), &number(1)).await;
        app.advance(apart);
    }
}

/// Asks for a code that must not be made.
async fn refused(app: &TestApp) {
    let before = codes(app).await;
    let answer = app.client().post("/auth/send-otp", json!({"mobile": number(1)})).await;
    let wait = answer.expect_problem(429, "otp_send_limited").header("retry-after").parse::<u64>().unwrap();
    assert!(wait > 0);
    assert_eq!(codes(app).await, before);
}

async fn add(app: &TestApp, mobile: &str, caps: SendCaps) -> Result<(), WriteError> {
    let (now, phone) = (app.clock.now(), Phone::parse(mobile, None).unwrap());
    let id = ChallengeId::new(now);
    let code = pollux::domain::otp::Code::draw(6).unwrap();
    let code_mac = app.house.app.keys.code_mac(Purpose::Login, &phone, id, &code);
    let (address, purpose, expires_at) = ("address", Purpose::Login, now + MINUTE * 5);
    let new = NewChallenge { id, phone: &phone, address, purpose, code_mac, digits: 6, now, expires_at, text: None };
    app.house.app.db.add_challenge(new, caps).await
}
