//! The documented way from a number to an account, in every spelling of earlier clients.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::{codes, guesses, number, send};
use crate::harness::on_both_engines;

const MOBILES: [&str; 4] = ["mobile", "mobile_number", "mobileNumber", "phone"];

on_both_engines! {
    async fn a_number_signs_up_asks_for_a_code_and_signs_in_with_it(app) {
        let client = app.client();
        let signed_up = client.post("/auth/signup", json!({"mobile": "+1 (500) 555-0006", "name": "Asha"})).await;
        let signed_up = signed_up.expect(201).body;
        assert_eq!((&signed_up["mobile"], &signed_up["next"]), (&json!("+15005550006"), &json!("/auth/send-otp")));
        assert!(signed_up["message"].is_string());

        let sent = client.post("/auth/send-otp", json!({"mobile": "+15005550006"})).await.expect(200).body;
        assert_eq!((&sent["expires_in"], &sent["resend_after"]), (&json!(300), &json!(60)));
        assert_eq!(sent["otp"].as_str().unwrap().len(), 6);
        assert_eq!(app.count("select count(*) from users").await, 0);

        let check = json!({"mobile": "+15005550006", "otp": sent["otp"], "challenge_id": sent["challenge_id"]});
        let tokens = client.post("/auth/verify-otp", check).await.expect(200).body;
        let names: BTreeSet<&str> = tokens.as_object().unwrap().keys().map(String::as_str).collect();
        let known = ["access_token", "device_token", "expires_in", "refresh_token", "token_type", "user"];
        assert_eq!(names, known.into());
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("bearer"), &json!(86_400)));
        assert_eq!(app.count("select count(*) from users").await, 1);

        let mut client = client;
        client.token = tokens["access_token"].as_str().map(ToOwned::to_owned);
        let me = client.get("/user/me").await.expect(200).body;
        assert_eq!(me, tokens["user"]);
        let midnight = "2026-11-22T00:00:00.000Z";
        assert_eq!(me["quota"], json!({"limit": 5, "used": 0, "remaining": 5, "resets_at": midnight}));
        let told = json!(["+15005550006", "Asha", "Basic", false, "2026-11-21T12:00:00.000Z"]);
        assert_eq!(json!([me["mobile"], me["name"], me["subscription_tier"], me["has_password"], me["created_at"]]), told);
    }

    async fn an_account_is_made_by_the_first_right_code_and_found_by_later_ones(app) {
        let client = app.client();
        let sent = send(&client, &number(1)).await;
        sent.guess(&client, &sent.wrong(0)).await.expect_problem(401, "otp_invalid");
        assert_eq!(app.count("select count(*) from users").await, 0);
        let first = sent.answer(&client).await.expect(200).body;
        app.advance(Duration::from_mins(1));
        let second = send(&client, &number(1)).await.answer(&client).await.expect(200).body;
        assert_eq!(first["user"]["id"], second["user"]["id"]);
        assert_eq!(app.count("select count(*) from users").await, 1);
        for name in ["access_token", "refresh_token", "device_token"] {
            assert_ne!(first[name], second[name], "{name}");
        }
    }

    async fn a_known_number_signs_up_again_with_the_same_answer_and_no_effect(app) {
        let client = app.client();
        let body = json!({"mobile": number(1), "name": "First"});
        let new = client.post("/auth/signup", body.clone()).await.expect(201);
        let made = send(&client, &number(1)).await.answer(&client).await.expect(200).body;
        assert_eq!(made["user"]["name"], "First");
        let known = client.post("/auth/signup", body).await.expect(201);
        assert_eq!(new.text, known.text);
        client.post("/auth/signup", json!({"mobile": number(1), "name": "Second"})).await.expect(201);
        app.advance(Duration::from_mins(1));
        let again = send(&client, &number(1)).await.answer(&client).await.expect(200).body;
        assert_eq!(again["user"]["name"], "First");
    }

    async fn a_name_waits_a_day_for_its_first_sign_in(app) {
        let client = app.client();
        client.post("/auth/signup", json!({"mobile": number(1), "name": "Late"})).await.expect(201);
        app.advance(Duration::from_hours(24));
        let made = send(&client, &number(1)).await.answer(&client).await.expect(200).body;
        assert_eq!(made["user"]["name"], json!(null));
    }

    async fn every_name_of_the_number_and_the_code_is_read(app) {
        let client = app.client();
        for (index, name) in MOBILES.into_iter().enumerate() {
            let mobile = number(index);
            client.post("/auth/signup", json!({name: mobile, "password": "ignored"})).await.expect(201);
            let sent = client.post("/auth/send-otp", json!({name: mobile})).await.expect(200).body;
            let code = ["otp", "otp_code", "code", "otp"][index];
            client.post("/auth/verify-otp", json!({name: mobile, code: sent["otp"]})).await.expect(200);
        }
        assert_eq!(app.count("select count(*) from users").await, 4);
    }

    async fn aliases_may_agree_and_may_not_differ(app) {
        let client = app.client();
        client.post("/auth/send-otp", json!({"mobile": number(1), "phone": number(1)})).await.expect(200);
        let differing = client.post("/auth/send-otp", json!({"mobile": number(2), "phone": number(3)})).await;
        differing.expect_flaw("/phone", "alias_conflict");
        let check = json!({"mobile": number(1), "otp": "000000", "code": "000001"});
        client.post("/auth/verify-otp", check).await.expect_flaw("/code", "alias_conflict");
        assert_eq!((codes(&app).await, guesses(&app).await), (1, 0));
    }

    async fn every_spelling_of_the_paths_is_served(app) {
        for (index, (prefix, slash)) in [("", ""), ("", "/"), ("/api/v1", ""), ("/api/v1", "/")].into_iter().enumerate() {
            let mut client = app.client();
            let path = |route: &str| format!("{prefix}{route}{slash}");
            client.post(&path("/auth/signup"), json!({"mobile": number(index)})).await.expect(201);
            let sent = client.post(&path("/auth/send-otp"), json!({"mobile": number(index)})).await.expect(200).body;
            let check = json!({"mobile": number(index), "otp": sent["otp"]});
            let tokens = client.post(&path("/auth/verify-otp"), check).await.expect(200).body;
            client.token = tokens["access_token"].as_str().map(ToOwned::to_owned);
            client.get(&path("/user/me")).await.expect(200);
            client.post(&path("/auth/logout"), json!({})).await.expect(204);
            client.get(&path("/user/me")).await.expect_problem(401, "session_ended");
        }
    }

    ["JWT_EXPIRATION_HOURS" = "2160"]
    async fn a_user_has_twenty_sessions_and_a_further_one_ends_the_oldest_at_once(app) {
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(app.client().sign_in(&number(1)).await);
            app.advance(Duration::from_hours(3));
        }
        let sent = send(&app.client(), &number(1)).await;
        // Looked up just now, so only being told makes the server forget it in time.
        clients[0].get("/user/me").await.expect(200);
        sent.answer(&app.client()).await.expect(200);
        clients[0].get("/user/me").await.expect_problem(401, "session_ended");
        clients[1].get("/user/me").await.expect(200);
        assert_eq!(app.count("select count(*) from sessions where ended_at is null").await, 20);
    }
}
