//! Setting and changing the password in a session.

use std::time::Duration;

use serde_json::{Value, json};

use super::{RIGHT, WRONG, kept, log_in, misses, number, signed_in, with_password};
use crate::harness::client::Answer;
use crate::harness::{Client, on_both_engines};

const NEXT: &str = "eight grey geese";
const SECOND: Duration = Duration::from_secs(1);

async fn change(client: &Client, body: Value) -> Answer {
    client.post("/auth/change-password", body).await
}

on_both_engines! {
    async fn the_first_password_needs_no_other_proof(app) {
        let client = app.client().sign_in(&number(1)).await;
        app.advance(Duration::from_hours(3));
        let answer = change(&client, json!({"new_password": RIGHT})).await.expect(200);
        assert!(answer.body["message"].is_string() && answer.body.as_object().unwrap().len() == 1);
        assert_eq!(client.get("/user/me").await.expect(200).body["has_password"], true);
        log_in(&client, &number(1), RIGHT).await.expect(200);
        // There is no current one that an older client could name.
        let other = app.client().sign_in(&number(2)).await;
        change(&other, json!({"old_password": "from sign-up", "new_password": RIGHT})).await.expect(200);
    }

    async fn the_current_password_is_proof_under_each_of_its_names(app) {
        with_password(&app, &number(1)).await;
        let client = signed_in(&app, &number(1), RIGHT).await;
        let (mut now, mut next) = (RIGHT, NEXT);
        for old in ["old_password", "oldPassword", "current_password", "currentPassword"] {
            for new in ["new_password", "newPassword"] {
                change(&client, json!({old: now, new: next})).await.expect(200);
                (now, next) = (next, now);
            }
        }
        change(&client, json!({"oldPassword": now, "current_password": now, "newPassword": next})).await.expect(200);
        log_in(&client, &number(1), next).await.expect(200);
        let two_new = json!({"new_password": RIGHT, "newPassword": NEXT, "old_password": next});
        change(&client, two_new).await.expect_flaw("/newPassword", "alias_conflict");
        let two_old = json!({"new_password": RIGHT, "old_password": next, "currentPassword": "other"});
        change(&client, two_old).await.expect_flaw("/currentPassword", "alias_conflict");
        assert_eq!(misses(&app).await, 0);
    }

    async fn a_session_by_code_is_proof_for_five_minutes(app) {
        let client = with_password(&app, &number(1)).await;
        app.advance(Duration::from_secs(299));
        change(&client, json!({"new_password": NEXT})).await.expect(200);
        app.advance(SECOND);
        let before = kept(&app, &number(1)).await;
        for body in [json!({"new_password": RIGHT}), json!({"new_password": RIGHT, "old_password": null})] {
            change(&client, body).await.expect_problem(403, "reauthentication_required");
        }
        assert_eq!(kept(&app, &number(1)).await, before);
        change(&client, json!({"new_password": RIGHT, "old_password": NEXT})).await.expect(200);
        let again = app.client().sign_in(&number(1)).await;
        change(&again, json!({"new_password": NEXT})).await.expect(200);
    }

    async fn a_session_by_password_is_no_proof_of_the_password(app) {
        with_password(&app, &number(1)).await;
        let client = signed_in(&app, &number(1), RIGHT).await;
        change(&client, json!({"new_password": NEXT})).await.expect_problem(403, "reauthentication_required");
    }

    async fn a_wrong_current_password_is_counted_and_after_ten_the_right_one_is_refused(app) {
        let client = with_password(&app, &number(1)).await;
        // Given, it must be right, however fresh the session is.
        for _ in 0..10 {
            let wrong = change(&client, json!({"new_password": NEXT, "old_password": WRONG})).await;
            wrong.expect_problem(401, "credentials_invalid");
        }
        assert_eq!(misses(&app).await, 10);
        let right = change(&client, json!({"new_password": NEXT, "old_password": RIGHT})).await;
        right.expect_problem(429, "rate_limited");
        log_in(&client, &number(1), RIGHT).await.expect_problem(429, "rate_limited");
        client.get("/user/me").await.expect(200);
        app.advance(Duration::from_mins(15));
        change(&client, json!({"new_password": NEXT, "old_password": RIGHT})).await.expect(200);
        assert_eq!(misses(&app).await, 0);
    }

    async fn the_other_sessions_end_at_once(app) {
        let client = with_password(&app, &number(1)).await;
        let mut others = Vec::new();
        for _ in 0..3 {
            others.push(signed_in(&app, &number(1), RIGHT).await);
        }
        let bystander = app.client().sign_in(&number(2)).await;
        for other in &others {
            other.get("/user/me").await.expect(200);
        }
        change(&client, json!({"new_password": NEXT, "old_password": RIGHT})).await.expect(200);
        for other in &others {
            other.get("/user/me").await.expect_problem(401, "session_ended");
            change(other, json!({"new_password": RIGHT, "old_password": NEXT})).await.expect_problem(401, "session_ended");
        }
        client.get("/user/me").await.expect(200);
        bystander.get("/user/me").await.expect(200);
        log_in(&client, &number(1), RIGHT).await.expect_problem(401, "credentials_invalid");
        log_in(&client, &number(1), NEXT).await.expect(200);
    }

    async fn a_new_password_that_breaks_a_rule_changes_nothing(app) {
        let client = with_password(&app, "+15005550006").await;
        let before = kept(&app, "+15005550006").await;
        for (password, code) in [
            ("", "password_short"), ("geese 7", "password_short"), (&"x".repeat(129), "password_long"),
            (&"🐋".repeat(129), "password_long"), ("sunshine", "password_common"), ("PASSWORD1!", "password_common"),
            ("1234567890", "password_common"), ("+15005550006", "password_common"), ("1 500 555-0006", "password_common"),
            ("5005550006", "password_common"), ("eight\0grey geese", "control_character"),
        ] {
            for name in ["new_password", "newPassword"] {
                // The current one is wrong too, and is not looked at.
                let refused = change(&client, json!({name: password, "old_password": WRONG})).await;
                assert!(password.is_empty() || !refused.text.contains(password), "{}", refused.text);
                refused.expect_flaw(&format!("/{name}"), code);
            }
        }
        for odd in [json!(1), json!([NEXT]), json!({}), Value::Null] {
            change(&client, json!({"new_password": odd})).await.expect_flaw("/new_password", "not_a_text");
        }
        change(&client, json!({})).await.expect_flaw("/new_password", "required");
        for name in ["password_hash", "has_password", "mobile", "user_id", "password", "otp"] {
            let more = json!({"new_password": NEXT, name: "x"});
            change(&client, more).await.expect_flaw(&format!("/{name}"), "unknown_member");
        }
        let old = json!({"new_password": NEXT, "currentPassword": "x".repeat(513)});
        change(&client, old).await.expect_flaw("/currentPassword", "password_long");
        assert_eq!((kept(&app, "+15005550006").await, misses(&app).await), (before, 0));
    }

    async fn a_password_holds_128_characters_of_four_bytes_each(app) {
        let client = app.client().sign_in(&number(1)).await;
        let longest = "🐋🦑".repeat(64);
        assert_eq!((longest.chars().count(), longest.len()), (128, 512));
        change(&client, json!({"new_password": longest})).await.expect(200);
        log_in(&client, &number(1), &longest).await.expect(200);
        let one_less: String = longest.chars().take(127).collect();
        log_in(&client, &number(1), &one_less).await.expect_problem(401, "credentials_invalid");
    }

    async fn a_stranger_sets_nothing(app) {
        with_password(&app, &number(1)).await;
        let stranger = app.client();
        change(&stranger, json!({"new_password": "x"})).await.expect_problem(401, "authentication_required");
        let client = signed_in(&app, &number(1), RIGHT).await;
        client.post("/auth/logout", json!({})).await.expect(204);
        let ended = change(&client, json!({"new_password": NEXT, "old_password": RIGHT})).await;
        ended.expect_problem(401, "session_ended");
    }
}
