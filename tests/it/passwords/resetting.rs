//! Setting a password by a code.

use std::time::Duration;

use serde_json::{Value, json};

use super::{RIGHT, WRONG, forgot, guesses, kept, log_in, misses, number, reset_with, signed_in, told, with_password};
use crate::harness::client::Answer;
use crate::harness::{Client, on_both_engines};

const NEXT: &str = "eight grey geese";
const MINUTE: Duration = Duration::from_mins(1);

async fn reset(client: &Client, body: Value) -> Answer {
    client.post("/auth/reset-password", body).await
}

/// A code that is not the one that was sent.
fn other_than(sent: &Value) -> String {
    format!("{:06}", (sent["otp"].as_str().unwrap().parse::<u32>().unwrap() + 1) % 1_000_000)
}

on_both_engines! {
    async fn a_code_sets_a_new_password_and_ends_all_sessions(app) {
        let by_code = with_password(&app, &number(1)).await;
        let by_password = signed_in(&app, &number(1), RIGHT).await;
        let bystander = app.client().sign_in(&number(2)).await;
        app.advance(MINUTE);
        let client = app.client();
        let sent = forgot(&client, &number(1)).await;
        let names: Vec<&String> = sent.as_object().unwrap().keys().collect();
        assert_eq!(names, ["message", "challenge_id", "expires_in", "resend_after", "otp"]);
        by_code.get("/user/me").await.expect(200);
        let done = reset(&client, reset_with(&number(1), &sent, NEXT)).await.expect(200);
        assert!(done.body["message"].is_string() && done.body.as_object().unwrap().len() == 1);
        for ended in [&by_code, &by_password] {
            ended.get("/user/me").await.expect_problem(401, "session_ended");
        }
        bystander.get("/user/me").await.expect(200);
        log_in(&client, &number(1), RIGHT).await.expect_problem(401, "credentials_invalid");
        log_in(&client, &number(1), NEXT).await.expect(200);
        let again = reset(&client, reset_with(&number(1), &sent, RIGHT)).await;
        again.expect_problem(401, "otp_invalid");
    }

    async fn every_name_of_a_member_is_read_and_the_challenge_may_be_left_out(app) {
        let client = app.client();
        for (index, (mobile, otp, new)) in [
            ("mobile_number", "otp_code", "newPassword"), ("mobileNumber", "code", "new_password"), ("phone", "otp", "newPassword"),
        ].into_iter().enumerate() {
            let sent = client.post("/auth/forgot-password", json!({mobile: number(index)})).await.expect(200).body;
            reset(&client, json!({mobile: number(index), otp: sent["otp"], new: NEXT})).await.expect(200);
            log_in(&client, &number(index), NEXT).await.expect(200);
        }
        let sent = forgot(&client, &number(9)).await;
        let two = json!({"mobile": number(9), "otp": sent["otp"], "code": "000000", "new_password": NEXT});
        reset(&client, two).await.expect_flaw("/code", "alias_conflict");
        let two = json!({"mobile": number(9), "otp": sent["otp"], "new_password": NEXT, "newPassword": RIGHT});
        reset(&client, two).await.expect_flaw("/newPassword", "alias_conflict");
        assert_eq!(guesses(&app).await, 3);
    }

    async fn the_flaws_of_a_new_password_are_told_before_a_guess_is_counted(app) {
        let client = with_password(&app, "+15005550006").await;
        app.advance(MINUTE);
        let sent = forgot(&client, "+15005550006").await;
        let (before, counted) = (kept(&app, "+15005550006").await, guesses(&app).await);
        for (password, code) in [
            ("", "password_short"), ("geese 7", "password_short"), (&"x".repeat(129), "password_long"),
            ("iloveyou", "password_common"), ("+1 500 555 0006", "password_common"), ("nul\0nul\0nul", "control_character"),
        ] {
            reset(&client, reset_with("+15005550006", &sent, password)).await.expect_flaw("/new_password", code);
            let wrong = json!({"phone": "15005550006", "code": other_than(&sent), "newPassword": password});
            reset(&client, wrong).await.expect_flaw("/newPassword", code);
        }
        for (otp, code) in [(json!("12345"), "otp_format"), (json!("12 456"), "otp_format"), (json!(123_456), "not_a_text")] {
            let body = json!({"mobile": "+15005550006", "otp": otp, "new_password": NEXT});
            reset(&client, body).await.expect_flaw("/otp", code);
        }
        let mut more = reset_with("+15005550006", &sent, NEXT);
        more["password_hash"] = json!("x");
        reset(&client, more).await.expect_flaw("/password_hash", "unknown_member");
        assert_eq!((kept(&app, "+15005550006").await, guesses(&app).await), (before, counted));
        reset(&client, reset_with("+15005550006", &sent, NEXT)).await.expect(200);
    }

    async fn a_code_for_another_purpose_is_refused_and_its_guess_is_counted(app) {
        let client = app.client();
        for purpose in ["login", "confirm"] {
            let asked = json!({"mobile": number(1), "purpose": purpose});
            let sent = client.post("/auth/send-otp", asked).await.expect(200).body;
            let before = guesses(&app).await;
            let refused = reset(&client, reset_with(&number(1), &sent, NEXT)).await;
            refused.expect_problem(401, "otp_invalid");
            assert_eq!(guesses(&app).await, before + 1);
            app.advance(MINUTE);
        }
        let sent = forgot(&client, &number(1)).await;
        let before = guesses(&app).await;
        let check = json!({"mobile": number(1), "otp": sent["otp"], "challenge_id": sent["challenge_id"]});
        client.post("/auth/verify-otp", check).await.expect_problem(401, "otp_invalid");
        assert_eq!(guesses(&app).await, before + 1);
        reset(&client, reset_with(&number(1), &sent, NEXT)).await.expect(200);
    }

    async fn wrong_old_and_foreign_codes_are_one_answer_and_a_code_has_five_guesses(app) {
        let client = app.client();
        let own = forgot(&client, &number(1)).await;
        let foreign = forgot(&client, &number(2)).await;
        let mut wrong = reset_with(&number(1), &own, NEXT);
        wrong["otp"] = json!(other_than(&own));
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(told(&reset(&client, wrong.clone()).await.expect_problem(401, "otp_invalid")));
        }
        answers.push(told(&reset(&client, reset_with(&number(1), &foreign, NEXT)).await));
        answers.push(told(&reset(&client, reset_with(&number(3), &own, NEXT)).await));
        answers.push(told(&reset(&client, json!({"mobile": number(4), "otp": "000000", "new_password": NEXT})).await));
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
        reset(&client, wrong.clone()).await.expect_problem(401, "otp_invalid");
        let spent = reset(&client, wrong).await.expect_problem(429, "otp_attempts_exceeded");
        assert_ne!(spent.header("retry-after"), "");
        reset(&client, reset_with(&number(1), &own, NEXT)).await.expect_problem(429, "otp_attempts_exceeded");
        app.advance(Duration::from_mins(5));
        reset(&client, reset_with(&number(2), &foreign, NEXT)).await.expect_problem(401, "otp_invalid");
        assert_eq!(app.count("select count(*) from users").await, 0);
    }

    ["OTP_CHECKS_PER_ADDRESS_5MIN" = "30"]
    async fn resets_and_checks_of_codes_share_the_limit_of_the_address(app) {
        let client = app.client();
        for _ in 0..15 {
            let body = json!({"mobile": number(1), "otp": "000000"});
            client.post("/auth/verify-otp", body.clone()).await.expect(401);
            reset(&client, body).await.expect(422);
        }
        let sent = forgot(&client, &number(1)).await;
        let refused = reset(&client, reset_with(&number(1), &sent, NEXT)).await.expect_problem(429, "rate_limited");
        assert_eq!((refused.header("retry-after"), guesses(&app).await), ("300", 0));
    }

    async fn known_and_unknown_numbers_forget_alike_and_share_the_limits_of_codes(app) {
        with_password(&app, &number(1)).await;
        app.advance(MINUTE);
        let client = app.client();
        for status in [200, 429] {
            let mut answers = Vec::new();
            for index in [1, 2] {
                let mut answer = client.post("/auth/forgot-password", json!({"mobile": number(index)})).await.expect(status);
                for name in ["challenge_id", "otp"] {
                    if let Some(member) = answer.body.get_mut(name) { *member = Value::Null }
                }
                answers.push(told(&answer));
            }
            assert_eq!(answers[0], answers[1]);
        }
        let login = client.post("/auth/send-otp", json!({"mobile": number(1)})).await;
        login.expect_problem(429, "otp_resend_too_soon");
        for (odd, code) in [(json!(1), "not_a_text"), (json!(""), "phone_format"), (json!([number(1)]), "not_a_text")] {
            client.post("/auth/forgot-password", json!({"mobile": odd})).await.expect_flaw("/mobile", code);
        }
        let purpose = json!({"mobile": number(3), "purpose": "login"});
        client.post("/auth/forgot-password", purpose).await.expect_flaw("/purpose", "unknown_member");
    }

    async fn the_numbers_first_right_code_makes_the_account_here_too(app) {
        let client = app.client();
        client.post("/auth/signup", json!({"mobile": number(1), "name": "Asha"})).await.expect(201);
        let sent = forgot(&client, &number(1)).await;
        assert_eq!(app.count("select count(*) from users").await, 0);
        reset(&client, reset_with(&number(1), &sent, NEXT)).await.expect(200);
        let tokens = log_in(&client, &number(1), NEXT).await.expect(200).body;
        assert_eq!((&tokens["user"]["name"], &tokens["user"]["has_password"]), (&json!("Asha"), &json!(true)));
    }

    async fn a_reset_lifts_the_limit_that_misses_brought(app) {
        with_password(&app, &number(1)).await;
        let client = app.client();
        for _ in 0..10 {
            log_in(&client, &number(1), WRONG).await.expect(401);
        }
        log_in(&client, &number(1), RIGHT).await.expect(429);
        app.advance(MINUTE);
        let sent = forgot(&client, &number(1)).await;
        reset(&client, reset_with(&number(1), &sent, NEXT)).await.expect(200);
        log_in(&client, &number(1), NEXT).await.expect(200);
        assert_eq!(misses(&app).await, 0);
    }
}
