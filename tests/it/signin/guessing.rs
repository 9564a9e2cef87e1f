//! Guessing across codes: longer codes, and pauses, by misses that nothing clears.

use std::time::Duration;

use pollux::domain::otp::Code;
use serde_json::json;

use super::{number, refresh, send};
use crate::harness::{Client, TestApp, on_both_engines};
use crate::proof::{figures, size};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Misses five guesses of each of so many codes, at a pace that the limits on sending allow.
async fn miss(app: &TestApp, client: &Client, codes: usize) {
    for _ in 0..codes {
        app.advance(HOUR * 3);
        let sent = send(client, &number(1)).await;
        for turn in 0..5 {
            sent.guess(client, &sent.wrong(turn)).await.expect(401);
        }
    }
}

async fn digits(app: &TestApp, client: &Client) -> usize {
    app.advance(HOUR * 3);
    send(client, &number(1)).await.code.len()
}

on_both_engines! {
    async fn codes_are_longer_from_ten_misses_on_and_a_success_changes_nothing(app) {
        let client = app.client();
        miss(&app, &client, 1).await;
        assert_eq!(digits(&app, &client).await, 6);
        miss(&app, &client, 1).await;
        app.advance(HOUR * 3);
        let sent = send(&client, &number(1)).await;
        assert_eq!(sent.code.len(), 8);
        sent.answer(&client).await.expect(200);
        assert_eq!(digits(&app, &client).await, 8);
        assert_eq!(send(&client, &number(2)).await.code.len(), 6);
        app.advance(DAY * 30);
        assert_eq!(digits(&app, &client).await, 6);
    }

    async fn after_a_hundred_misses_strangers_wait_a_day_and_known_clients_do_not(app) {
        let owner = app.client().sign_in(&number(1)).await;
        let other = app.client().sign_in(&number(2)).await;
        miss(&app, &app.client(), 19).await;
        let last = { app.advance(HOUR * 3); send(&owner, &number(1)).await };
        for turn in 0..4 {
            last.guess(&owner, &last.wrong(turn)).await.expect(401);
        }
        assert_eq!(app.count("select count(*) from phones where paused_until > 0").await, 0);
        last.guess(&owner, &last.wrong(4)).await.expect(401);
        app.advance(HOUR);

        let ask = |device: Option<&serde_json::Value>| {
            let body = match device {
                Some(device) => json!({"mobile": number(1), "device_token": device}),
                None => json!({"mobile": number(1)}),
            };
            let client = app.client();
            async move { client.post("/auth/send-otp", body).await }
        };
        ask(None).await.expect_problem(429, "otp_send_limited");
        ask(Some(&json!(null))).await.expect_problem(429, "otp_send_limited");
        ask(Some(&json!("dt_unknown"))).await.expect_problem(429, "otp_send_limited");
        ask(Some(&other.tokens["device_token"])).await.expect_problem(429, "otp_send_limited");
        ask(Some(&owner.tokens["device_token"])).await.expect(200);
        owner.get("/user/me").await.expect_problem(401, "token_expired");

        app.advance(Duration::from_secs(23 * 3_600 - 1));
        ask(None).await.expect_problem(429, "otp_send_limited");
        app.advance(Duration::from_secs(1));
        ask(None).await.expect(200);
    }

    async fn each_further_hundred_misses_pauses_again_even_when_the_first_are_forgotten(app) {
        let client = app.client();
        miss(&app, &client, 20).await;
        client.post("/auth/send-otp", json!({"mobile": number(1)})).await.expect(429);
        app.advance(DAY * 31);
        miss(&app, &client, 20).await;
        app.advance(HOUR);
        let paused = client.post("/auth/send-otp", json!({"mobile": number(1)})).await;
        paused.expect_problem(429, "otp_send_limited");
        app.advance(DAY);
        miss(&app, &client, 20).await;
        app.advance(HOUR);
        let paused = client.post("/auth/send-otp", json!({"mobile": number(1)})).await;
        paused.expect_problem(429, "otp_send_limited");
    }

    async fn a_pause_of_codes_leaves_password_and_session_as_ways_in(app) {
        let owner = app.client().sign_in(&number(1)).await;
        owner.post("/auth/change-password", json!({"new_password": "seven green herons"})).await.expect(200);
        let stranger = app.client();
        miss(&app, &stranger, 20).await;
        app.advance(HOUR);
        let paused = stranger.post("/auth/send-otp", json!({"mobile": number(1)})).await;
        paused.expect_problem(429, "otp_send_limited");
        let claim = json!({"mobile": number(1), "password": "seven green herons"});
        stranger.post("/auth/login", claim).await.expect(200);
        refresh(&owner, owner.tokens["refresh_token"].as_str().unwrap()).await.expect(200);
    }
}

#[test]
fn five_guesses_hit_a_code_no_oftener_than_chance_has_it() {
    let codes = u32::try_from(size(400_000, 10_000_000)).unwrap();
    let guesses = ["000000", "123456", "111111", "271828", "999999"];
    let hits = (0..codes).filter(|_| guesses.contains(&Code::draw(6).unwrap().as_str())).count();
    let expected = f64::from(codes) * 5e-6;
    // Four deviations of a Poisson count, either way.
    let bounds = (expected - 4.0 * expected.sqrt())..=(expected + 4.0 * expected.sqrt() + 1.0);
    figures(&format!("{codes} codes with five guesses each: {hits} hits, {expected:.0} expected"));
    assert!(bounds.contains(&f64::from(u32::try_from(hits).unwrap())), "{hits} of {codes}");
}
