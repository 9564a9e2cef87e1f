//! Misses: ten an address, a growing delay for the number, and never a lock that lasts.

use std::time::Duration;

use serde_json::json;

use super::{RIGHT, WRONG, log_in, log_in_from, misses, number, told, with_password};
use crate::harness::on_both_engines;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

on_both_engines! {
    async fn after_ten_misses_in_fifteen_minutes_the_right_password_is_refused_too(app) {
        with_password(&app, &number(1)).await;
        let client = app.client();
        for _ in 0..10 {
            log_in(&client, &number(1), WRONG).await.expect_problem(401, "credentials_invalid");
        }
        // Nobody can hash now: the limit comes before.
        let places: Vec<_> = std::iter::from_fn(|| app.house.app.hasher.turn().ok()).collect();
        for password in [WRONG, RIGHT] {
            let refused = log_in(&client, &number(1), password).await.expect_problem(429, "rate_limited");
            assert_eq!(refused.header("retry-after"), "900");
            assert_eq!(refused.header("ratelimit-policy"), "\"password-misses\";q=10;w=900");
            assert_eq!(refused.header("ratelimit"), "\"password-misses\";r=0;t=900");
            assert_eq!(refused.body["violated-policies"], json!(["password-misses"]));
        }
        drop(places);
        assert_eq!(misses(&app).await, 10, "what is refused is not counted");
        log_in(&client, &number(2), RIGHT).await.expect(401);
        app.advance(Duration::from_secs(899));
        assert_eq!(log_in(&client, &number(1), RIGHT).await.expect(429).header("retry-after"), "1");
        app.advance(SECOND);
        log_in(&client, &number(1), RIGHT).await.expect(200);
    }

    async fn the_fifteen_minutes_slide(app) {
        with_password(&app, &number(1)).await;
        let client = app.client();
        for _ in 0..10 {
            log_in(&client, &number(1), WRONG).await.expect(401);
            app.advance(MINUTE);
        }
        assert_eq!(log_in(&client, &number(1), RIGHT).await.expect(429).header("retry-after"), "300");
        app.advance(MINUTE * 5);
        log_in(&client, &number(1), WRONG).await.expect(401);
        // Ten again: the oldest of them was a minute after the first. The number's own delay is shorter.
        assert_eq!(log_in(&client, &number(1), RIGHT).await.expect(429).header("retry-after"), "60");
        app.advance(MINUTE);
        log_in(&client, &number(1), RIGHT).await.expect(200);
    }

    async fn a_success_forgives_the_misses_of_its_own_address(app) {
        with_password(&app, &number(1)).await;
        let client = app.client();
        for _ in 0..3 {
            for _ in 0..9 {
                log_in(&client, &number(1), WRONG).await.expect(401);
            }
            log_in(&client, &number(1), RIGHT).await.expect(200);
        }
        assert_eq!(misses(&app).await, 0);
    }

    ["TRUSTED_PROXIES" = "127.0.0.1"]
    async fn misses_from_one_address_refuse_another_for_no_longer_than_the_numbers_delay(app) {
        with_password(&app, &number(1)).await;
        let client = app.client();
        for _ in 0..9 {
            log_in_from(&client, "203.0.113.1", &number(1), WRONG).await.expect(401);
        }
        log_in_from(&client, "203.0.113.2", &number(1), RIGHT).await.expect(200);
        assert_eq!(misses(&app).await, 9, "the owner's success forgives no stranger");
        log_in_from(&client, "203.0.113.1", &number(1), WRONG).await.expect(401);
        let owner = log_in_from(&client, "203.0.113.2", &number(1), RIGHT).await.expect_problem(429, "rate_limited");
        assert_eq!(owner.header("retry-after"), "30");
        app.advance(SECOND * 29);
        assert_eq!(log_in_from(&client, "203.0.113.2", &number(1), RIGHT).await.expect(429).header("retry-after"), "1");
        app.advance(SECOND);
        log_in_from(&client, "203.0.113.2", &number(1), RIGHT).await.expect(200);
        log_in_from(&client, "203.0.113.1", &number(1), RIGHT).await.expect(429);
    }

    ["TRUSTED_PROXIES" = "127.0.0.1"]
    async fn the_delay_of_a_number_doubles_up_to_an_hour_and_is_forgotten_in_a_day(app) {
        with_password(&app, &number(1)).await;
        let client = app.client();
        let address = |index: u32| format!("203.0.113.{index}");
        for index in 0..10 {
            log_in_from(&client, &address(index), &number(1), WRONG).await.expect(401);
        }
        for (index, seconds) in [30_u64, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600].into_iter().enumerate() {
            let from = address(20 + u32::try_from(index).unwrap());
            app.advance(Duration::from_secs(seconds - 1));
            let early = log_in_from(&client, &from, &number(1), RIGHT).await.expect_problem(429, "rate_limited");
            assert_eq!(early.header("retry-after"), "1", "{seconds}");
            app.advance(SECOND);
            log_in_from(&client, &from, &number(1), WRONG).await.expect_problem(401, "credentials_invalid");
        }
        log_in_from(&client, &address(99), &number(2), RIGHT).await.expect(401);
        app.advance(MINUTE * 60);
        log_in_from(&client, &address(99), &number(1), RIGHT).await.expect(200);
        app.advance(Duration::from_hours(24));
        for _ in 0..9 {
            log_in_from(&client, &address(1), &number(1), WRONG).await.expect(401);
        }
        log_in_from(&client, &address(2), &number(1), RIGHT).await.expect(200);
    }

    ["TRUSTED_PROXIES" = "127.0.0.1"]
    async fn an_address_is_counted_by_its_network_and_kept_under_a_keyed_name(app) {
        with_password(&app, &number(1)).await;
        let client = app.client();
        for index in 0..10 {
            let from = format!("2001:db8:1:2::{index}");
            log_in_from(&client, &from, &number(1), WRONG).await.expect(401);
        }
        let same = log_in_from(&client, "2001:db8:1:2:ffff::1", &number(1), RIGHT).await.expect(429);
        assert_eq!(same.header("retry-after"), "900");
        assert_eq!(log_in_from(&client, "2001:db8:1:3::1", &number(1), RIGHT).await.expect(429).header("retry-after"), "30");
        let names = app.rows("select distinct address from password_misses").await.concat();
        assert!(names.len() == 1 && names[0].len() == 24 && names[0].bytes().all(|b| b.is_ascii_hexdigit()));
    }

    async fn misses_survive_a_restart(app) {
        with_password(&app, &number(1)).await;
        for _ in 0..9 {
            log_in(&app.client(), &number(1), WRONG).await.expect(401);
        }
        let app = app.restart().await;
        log_in(&app.client(), &number(1), WRONG).await.expect(401);
        log_in(&app.client(), &number(1), RIGHT).await.expect_problem(429, "rate_limited");
    }

    async fn numbers_without_an_account_are_limited_alike(app) {
        with_password(&app, &number(1)).await;
        app.client().sign_in(&number(2)).await;
        let client = app.client();
        for _ in 0..11 {
            let mut answers = Vec::new();
            for index in [1, 2, 3] {
                answers.push(told(&log_in(&client, &number(index), WRONG).await));
            }
            answers.dedup();
            assert_eq!(answers.len(), 1, "{answers:?}");
        }
    }

    async fn misses_that_no_limit_looks_back_to_are_swept(app) {
        let client = app.client();
        log_in(&client, &number(1), WRONG).await.expect(401);
        app.advance(Duration::from_hours(23));
        log_in(&client, &number(2), WRONG).await.expect(401);
        app.house.app.db.sweep_password_misses(app.clock.now()).await.unwrap();
        assert_eq!(misses(&app).await, 2);
        app.advance(Duration::from_hours(2));
        app.house.app.db.sweep_password_misses(app.clock.now()).await.unwrap();
        assert_eq!(misses(&app).await, 1);
    }
}
