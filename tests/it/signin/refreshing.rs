//! Refreshing: each token is good once and for its time, and a copy of a used one ends the session.

use std::time::Duration;

use serde_json::{Value, json};

use super::{number, refresh, refresh_token, with_tokens};
use crate::harness::{Client, SECRET, TestApp, on_both_engines};

const DAY: Duration = Duration::from_hours(24);
const TICK: Duration = Duration::from_millis(1);
const GRACE: Duration = Duration::from_secs(10);

async fn signed_in(app: &TestApp) -> (Client, String) {
    let user = app.client().sign_in(&number(1)).await;
    let token = refresh_token(&user.tokens);
    (user, token)
}

async fn noted(app: &TestApp, kind: &str) -> i64 {
    app.count(&format!("select count(*) from security_events where kind = '{kind}' and user_id is not null")).await
}

/// Refreshes and answers with the next token.
async fn next(app: &TestApp, token: &str) -> String {
    refresh_token(&refresh(&app.client(), token).await.expect(200).body)
}

on_both_engines! {
    async fn a_refresh_answers_like_a_sign_in_with_the_next_token(app) {
        let (user, first) = signed_in(&app).await;
        app.advance(DAY.saturating_sub(Duration::from_mins(1)));
        let tokens = refresh(&app.client(), &first).await.expect(200).body;
        let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(members(&tokens), members(&user.tokens));
        assert_eq!((&tokens["user"]["id"], &tokens["token_type"]), (&user.tokens["user"]["id"], &json!("bearer")));
        assert_eq!((&tokens["device_token"], &tokens["expires_in"]), (&user.tokens["device_token"], &json!(86_400)));
        let second = refresh_token(&tokens);
        assert_ne!(second, first);
        assert!(second.starts_with("rt_") && second.len() == first.len());
        // The former access token lives to its end, the new one from now.
        user.get("/user/me").await.expect(200);
        app.advance(Duration::from_mins(1));
        user.get("/user/me").await.expect_problem(401, "token_expired");
        with_tokens(&user, &tokens).get("/user/me").await.expect(200);
        let third = next(&app, &second).await;
        assert!(![first, second].contains(&third));
        assert_eq!((app.count("select step from sessions").await, app.count("select count(*) from spent_tokens").await), (2, 2));
    }

    async fn the_device_token_of_a_refresh_is_the_one_that_is_known(app) {
        let (user, first) = signed_in(&app).await;
        let tokens = refresh(&user, &first).await.expect(200).body;
        for _ in 0..4 {
            app.advance(Duration::from_mins(1));
            user.post("/auth/send-otp", json!({"mobile": number(1)})).await.expect(200);
        }
        app.advance(Duration::from_mins(1));
        user.post("/auth/send-otp", json!({"mobile": number(1)})).await.expect_problem(429, "otp_send_limited");
        let known = json!({"mobile": number(1), "device_token": tokens["device_token"]});
        user.post("/auth/send-otp", known).await.expect(200);
        assert_eq!(app.count("select count(*) from device_tokens").await, 1);
    }

    async fn whatever_is_no_good_token_is_refused_in_one_way(app) {
        let (user, first) = signed_in(&app).await;
        let client = app.client();
        let access = user.token.clone().unwrap();
        let flipped = format!("rt_A{}", &first[4..]);
        let mut told = Vec::new();
        for odd in [
            json!({}), json!({"refresh_token": null}), json!({"refresh_token": 5}), json!({"refresh_token": [first]}),
            json!({"refresh_token": {"$ne": ""}}), json!({"refresh_token": ""}), json!({"refresh_token": "rt_"}),
            json!({"refresh_token": access}), json!({"refresh_token": user.tokens["device_token"]}),
            json!({"refresh_token": flipped.replace("rt_AA", "rt_AB")}), json!({"refresh_token": format!("{first} ")}),
            json!({"refresh_token": first.to_uppercase()}), json!({"refresh_token": &first[3..]}),
            json!({"refresh_token": format!("{first}{first}")}), json!({"refresh_token": "a".repeat(60_000)}),
        ] {
            let refused = client.post("/auth/refresh", odd).await.expect_problem(401, "refresh_token_invalid");
            assert_eq!(refused.header("www-authenticate"), "Bearer");
            told.push(refused.body["detail"].clone());
        }
        told.dedup();
        assert_eq!(told.len(), 1);
        // What is wrong with the body as a whole is told as everywhere.
        client.post("/auth/refresh", json!([first])).await.expect_problem(422, "validation_failed");
        client.post("/auth/refresh", json!({"refresh_token": first, "scope": "all"})).await.expect_flaw("/scope", "unknown_member");
        client.post(&format!("/auth/refresh?refresh_token={first}"), json!({})).await.expect_flaw("?refresh_token", "unknown_member");
        let no_type = client.request(reqwest::Method::POST, "/auth/refresh").body("{}");
        client.send(no_type).await.expect_problem(415, "unsupported_media_type");
        let cookie = client.request(reqwest::Method::POST, "/auth/refresh").header("cookie", format!("refresh_token={first}"));
        client.send(cookie.header("content-type", "application/json").body("{}")).await.expect_problem(401, "refresh_token_invalid");
        assert_eq!(app.count("select step from sessions").await, 0);
        next(&app, &first).await;
    }

    async fn a_token_that_comes_again_within_the_grace_gets_the_same_successor(app) {
        let (_, first) = signed_in(&app).await;
        let second = next(&app, &first).await;
        for wait in [Duration::ZERO, GRACE / 2, (GRACE / 2).saturating_sub(TICK)] {
            app.advance(wait);
            assert_eq!(next(&app, &first).await, second);
        }
        assert_eq!((noted(&app, "refresh_token_repeated").await, noted(&app, "refresh_token_reused").await), (3, 0));
        app.advance(TICK);
        refresh(&app.client(), &first).await.expect_problem(401, "refresh_token_reused");
        refresh(&app.client(), &second).await.expect_problem(401, "refresh_token_invalid");
    }

    ["REFRESH_GRACE_SECONDS" = "0"]
    async fn without_a_grace_every_repetition_ends_the_session(app) {
        let (_, first) = signed_in(&app).await;
        next(&app, &first).await;
        refresh(&app.client(), &first).await.expect_problem(401, "refresh_token_reused");
    }

    async fn once_the_successor_is_used_the_token_before_it_ends_the_session(app) {
        let (_, first) = signed_in(&app).await;
        let second = next(&app, &first).await;
        let third = next(&app, &second).await;
        // One step behind: the grace still holds.
        assert_eq!(next(&app, &second).await, third);
        // Two steps behind: never.
        refresh(&app.client(), &first).await.expect_problem(401, "refresh_token_reused");
        for token in [&first, &second, &third] {
            refresh(&app.client(), token).await.expect_problem(401, "refresh_token_invalid");
        }
    }

    async fn reuse_ends_that_session_at_once_and_no_other(app) {
        let (user, first) = signed_in(&app).await;
        app.advance(Duration::from_mins(2));
        let other = app.client().sign_in(&number(1)).await;
        let stranger = app.client().sign_in(&number(2)).await;
        let tokens = refresh(&user, &first).await.expect(200).body;
        app.advance(GRACE);
        let thief = app.client();
        let mine = with_tokens(&user, &tokens);
        mine.get("/user/me").await.expect(200);
        refresh(&thief, &first).await.expect_problem(401, "refresh_token_reused");
        for ended in [&user, &mine] {
            ended.get("/user/me").await.expect_problem(401, "session_ended");
        }
        for _ in 0..3 {
            refresh(&thief, &first).await.expect_problem(401, "refresh_token_invalid");
        }
        for live in [&other, &stranger] {
            live.get("/user/me").await.expect(200);
            next(&app, &refresh_token(&live.tokens)).await;
        }
        assert_eq!(noted(&app, "refresh_token_reused").await, 1);
        assert_eq!(app.count("select count(*) from sessions where ended_at is not null").await, 1);
    }

    async fn the_tokens_of_an_ended_session_are_no_good_and_are_no_reuse(app) {
        let (user, first) = signed_in(&app).await;
        let tokens = refresh(&user, &first).await.expect(200).body;
        user.post("/auth/logout", json!({})).await.expect(204);
        for token in [&first, &refresh_token(&tokens)] {
            refresh(&app.client(), token).await.expect_problem(401, "refresh_token_invalid");
        }
        assert_eq!(noted(&app, "refresh_token_reused").await, 0);
    }

    async fn thirty_days_without_a_refresh_end_a_session(app) {
        let (user, first) = signed_in(&app).await;
        app.advance((DAY * 30).saturating_sub(TICK));
        let tokens = refresh(&user, &first).await.expect(200).body;
        app.advance((DAY * 30).saturating_sub(TICK));
        let tokens = refresh(&user, &refresh_token(&tokens)).await.expect(200).body;
        with_tokens(&user, &tokens).get("/user/me").await.expect(200);
        app.advance(DAY * 30);
        refresh(&user, &refresh_token(&tokens)).await.expect_problem(401, "refresh_token_invalid");
        assert_eq!(noted(&app, "refresh_token_reused").await, 0);
    }

    async fn ninety_days_end_a_session_however_often_it_was_refreshed(app) {
        let (user, mut token) = signed_in(&app).await;
        for _ in 0..8 {
            app.advance(DAY * 10);
            token = next(&app, &token).await;
        }
        app.advance((DAY * 10).saturating_sub(TICK));
        let tokens = refresh(&user, &token).await.expect(200).body;
        let last = with_tokens(&user, &tokens);
        last.get("/user/me").await.expect(200);
        app.advance(TICK);
        refresh(&user, &refresh_token(&tokens)).await.expect_problem(401, "refresh_token_invalid");
        last.get("/user/me").await.expect_problem(401, "session_ended");
        app.client().sign_in(&number(1)).await.get("/user/me").await.expect(200);
    }

    ["JWT_EXPIRATION_HOURS" = "1440"]
    async fn a_client_that_never_refreshes_keeps_its_session_as_long_as_its_token(app) {
        let (user, _) = signed_in(&app).await;
        app.advance((DAY * 60).saturating_sub(Duration::from_secs(1)));
        user.get("/user/me").await.expect(200);
        app.advance(Duration::from_secs(1));
        user.get("/user/me").await.expect_problem(401, "token_expired");
    }

    ["OTP_CHECKS_PER_ADDRESS_5MIN" = "30"]
    async fn refreshes_are_limited_by_address_and_apart_from_code_checks(app) {
        let (_, mut token) = signed_in(&app).await;
        for _ in 0..29 {
            token = next(&app, &token).await;
        }
        refresh(&app.client(), "nonsense").await.expect_problem(401, "refresh_token_invalid");
        let refused = refresh(&app.client(), &token).await.expect_problem(429, "rate_limited");
        assert_eq!(refused.header("ratelimit-policy"), "\"refreshes\";q=30;w=300");
        app.client().post("/auth/verify-otp", json!({"mobile": number(2), "otp": "000000"})).await.expect(401);
        app.advance(Duration::from_mins(5));
        next(&app, &token).await;
    }

    async fn a_leaked_database_gives_nobody_a_token(app) {
        let (_, first) = signed_in(&app).await;
        let second = next(&app, &first).await;
        let third = next(&app, &second).await;
        next(&app, &second).await;
        let cells = app.dump().await;
        for token in [&first, &second, &third] {
            let raw = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &token[3..]).unwrap();
            let hex = raw.iter().fold(String::new(), |hex, byte| hex + format!("{byte:02x}").as_str());
            assert!(!cells.iter().any(|cell| cell.contains(token.as_str()) || cell.contains(&hex)));
        }
        // What is in the database is no token either.
        for cell in cells.iter().filter_map(|cell| cell.strip_prefix("\\x")).filter(|cell| cell.len() == 64) {
            let bytes = (0..32).map(|at| u8::from_str_radix(&cell[2 * at..2 * at + 2], 16).unwrap()).collect::<Vec<_>>();
            let forged = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes);
            refresh(&app.client(), &format!("rt_{forged}")).await.expect_problem(401, "refresh_token_invalid");
        }
        next(&app, &third).await;
    }

    ["JWT_SECRET_PREVIOUS" = "zT9pXr4LmQ7vYc2NfGh8Ks5WdBj6Ae3U"]
    async fn a_successor_that_cannot_be_made_again_is_refused_and_ends_nothing(app) {
        assert_ne!(SECRET, "zT9pXr4LmQ7vYc2NfGh8Ks5WdBj6Ae3U");
        let (user, first) = signed_in(&app).await;
        // As a process with another key would have rotated it.
        let given = app.house.app.db.refresh_token(digest(&first)).await.unwrap().unwrap();
        let (now, idle) = (app.clock.now(), DAY * 30);
        app.house.app.db.rotate_token(pollux::storage::NewToken { given: &given, hash: [9; 32], now, idle }).await.unwrap();
        refresh(&app.client(), &first).await.expect_problem(401, "refresh_token_invalid");
        user.get("/user/me").await.expect(200);
    }
}

fn digest(token: &str) -> [u8; 32] {
    pollux::domain::opaque::digest(token)
}
