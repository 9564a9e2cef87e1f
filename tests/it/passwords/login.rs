//! Signing in by a password: what it answers, and what it refuses before anything is hashed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{RIGHT, WRONG, kept, log_in, misses, number, signed_in, with_password};
use crate::harness::on_both_engines;

on_both_engines! {
    async fn a_password_signs_in_as_a_code_does(app) {
        let by_code = with_password(&app, &number(1)).await;
        let by_password = signed_in(&app, &number(1), RIGHT).await;
        let names = |tokens: &Value| tokens.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(&by_password.tokens), names(&by_code.tokens));
        let told = &by_password.tokens;
        assert_eq!((&told["token_type"], &told["expires_in"]), (&json!("bearer"), &json!(86_400)));
        assert_eq!((&told["user"]["id"], &told["user"]["has_password"]), (&by_code.tokens["user"]["id"], &json!(true)));
        assert_eq!(by_password.get("/user/me").await.expect(200).body, told["user"]);
        by_code.get("/user/me").await.expect(200);
        assert_eq!(app.rows("select proof from sessions order by proof").await.concat(), ["code", "password"]);
        assert_eq!(app.count("select count(*) from device_tokens").await, 2);
        assert_eq!(misses(&app).await, 0);
    }

    async fn the_twenty_first_session_by_password_ends_the_oldest(app) {
        let first = with_password(&app, &number(1)).await;
        let client = app.client();
        for _ in 0..20 {
            app.advance(std::time::Duration::from_secs(1));
            log_in(&client, &number(1), RIGHT).await.expect(200);
        }
        first.get("/user/me").await.expect_problem(401, "session_ended");
        assert_eq!(app.count("select count(*) from sessions where ended_at is null").await, 20);
    }

    async fn every_spelling_of_number_and_member_is_read(app) {
        with_password(&app, "+15005550006").await;
        let client = app.client();
        for (name, mobile) in [
            ("mobile", "15005550006"), ("mobile_number", "+1 500 555-0006"), ("mobileNumber", "1 (500) 555.0006"),
            ("phone", "+15005550006"),
        ] {
            client.post("/auth/login", json!({name: mobile, "password": RIGHT})).await.expect(200);
        }
        for path in ["/api/v1/auth/login", "/auth/login/", "/api/v1/auth/login/"] {
            client.post(path, json!({"mobile": "+15005550006", "password": RIGHT})).await.expect(200);
        }
        let two = json!({"mobile": "+15005550006", "phone": "+15005550007", "password": RIGHT});
        client.post("/auth/login", two).await.expect_flaw("/phone", "alias_conflict");
    }

    async fn what_is_not_right_is_one_answer(app) {
        with_password(&app, &number(1)).await;
        app.client().sign_in(&number(2)).await;
        let client = app.client();
        for (mobile, password) in [(1, WRONG), (2, RIGHT), (3, RIGHT)] {
            let refused = log_in(&client, &number(mobile), password).await;
            let refused = refused.expect_problem(401, "credentials_invalid");
            assert_eq!(refused.header("www-authenticate"), "Bearer");
        }
        assert_eq!((misses(&app).await, app.count("select count(*) from sessions").await), (3, 2));
        assert_eq!(app.count("select count(*) from users").await, 2, "a miss makes no account");
    }

    async fn a_password_is_compared_byte_for_byte(app) {
        let owner = app.client().sign_in(&number(1)).await;
        for exact in [
            "  seven green herons  ", "Sęven-Grün-ヘロン", "🐋🦑🐙🦀🐡🐠🐟🐬", "tab\there\nline", "e\u{301}tude-etude",
            &"🐋🦑".repeat(64), &"ab".repeat(64), "\"quoted\\\"", "\u{202e}seven green", "null null", "%73even green",
        ] {
            owner.post("/auth/change-password", json!({"new_password": exact})).await.expect(200);
            let client = app.client();
            log_in(&client, &number(1), exact).await.expect(200);
            let near = [exact.trim().to_owned(), exact.to_uppercase(), exact.chars().skip(1).collect()];
            let other = near.iter().find(|other| *other != exact).unwrap();
            log_in(&client, &number(1), other).await.expect_problem(401, "credentials_invalid");
            log_in(&client, &number(1), exact).await.expect(200);
        }
        owner.post("/auth/change-password", json!({"new_password": "e\u{301}tude-etude"})).await.expect(200);
        log_in(&app.client(), &number(1), "étude-etude").await.expect_problem(401, "credentials_invalid");
    }

    async fn an_empty_or_huge_password_is_refused_before_it_is_counted_or_hashed(app) {
        with_password(&app, &number(1)).await;
        let client = app.client();
        // Nobody can hash now: whatever is answered was decided before.
        let _places: Vec<_> = std::iter::from_fn(|| app.house.app.hasher.turn().ok()).collect();
        for (password, code) in [
            (String::new(), "password_short"), ("x".repeat(513), "password_long"), ("🐋".repeat(129), "password_long"),
            ("seven\0green".to_owned(), "control_character"),
        ] {
            log_in(&client, &number(1), &password).await.expect_flaw("/password", code);
        }
        for odd in [json!(1), json!([RIGHT]), json!({"$ne": null}), json!(true), Value::Null] {
            let body = json!({"mobile": number(1), "password": odd});
            client.post("/auth/login", body).await.expect_flaw("/password", "not_a_text");
        }
        client.post("/auth/login", json!({"mobile": number(1)})).await.expect_flaw("/password", "required");
        client.post("/auth/login", json!({"password": RIGHT})).await.expect_flaw("/mobile", "required");
        let more = json!({"mobile": number(1), "password": RIGHT, "user_id": "x"});
        client.post("/auth/login", more).await.expect_flaw("/user_id", "unknown_member");
        assert_eq!(misses(&app).await, 0);
        log_in(&client, &number(1), &"x".repeat(512)).await.expect_problem(503, "overloaded");
    }

    async fn signing_up_with_a_password_sets_none(app) {
        let client = app.client();
        let body = json!({"mobile": number(1), "name": "Asha", "password": RIGHT});
        client.post("/auth/signup", body).await.expect(201);
        let user = client.sign_in(&number(1)).await;
        assert_eq!((kept(&app, &number(1)).await.as_str(), &user.tokens["user"]["has_password"]), ("", &json!(false)));
        log_in(&app.client(), &number(1), RIGHT).await.expect_problem(401, "credentials_invalid");
    }
}
