//! Bad input when a code is checked: exact answers, and a guess counted only where there was one.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Sent, guesses, number, send};
use crate::harness::client::Answer;
use crate::harness::{Client, on_both_engines};

async fn check(client: &Client, body: Value) -> Answer {
    client.post("/auth/verify-otp", body).await
}

on_both_engines! {
    async fn a_code_that_is_not_six_or_eight_ascii_digits_is_refused_and_no_guess_counted(app) {
        let client = app.client();
        let sent = send(&client, &number(1)).await;
        let spaced = format!("{} {}", &sent.code[..3], &sent.code[3..]);
        let padded = format!(" {}", sent.code);
        for odd in ["", "12345", "1234567", "123456789", "12345a", "１２３４５６", "-12345", "+12345", "1e5000", &spaced, &padded] {
            check(&client, sent.with(odd)).await.expect_flaw("/otp", "otp_format");
        }
        for odd in [json!(123_456), json!([sent.code]), json!({}), json!(true), json!(null)] {
            check(&client, json!({"mobile": number(1), "otp": odd})).await.expect_flaw("/otp", "not_a_text");
        }
        check(&client, json!({"mobile": number(1)})).await.expect_flaw("/otp", "required");
        check(&client, json!({"mobile": number(1), "code": "12"})).await.expect_flaw("/code", "otp_format");
        let odd = json!({"mobile": number(1), "otp": sent.code, "challenge_id": 7});
        check(&client, odd).await.expect_flaw("/challenge_id", "not_a_text");
        assert_eq!(guesses(&app).await, 0);
        sent.answer(&client).await.expect(200);
    }

    async fn a_wrong_code_is_refused_and_its_guess_counted(app) {
        let client = app.client();
        let sent = send(&client, &number(1)).await;
        sent.guess(&client, &sent.wrong(0)).await.expect_problem(401, "otp_invalid");
        assert_eq!(guesses(&app).await, 1);
        // The same text for a guess at the newest code, without its challenge.
        let guess = json!({"mobile": number(1), "otp": sent.wrong(1)});
        check(&client, guess).await.expect_problem(401, "otp_invalid");
        assert_eq!(guesses(&app).await, 2);
    }

    async fn wrong_expired_used_replaced_and_unknown_codes_get_one_answer(app) {
        let client = app.client();
        let mut answers = Vec::new();
        let sent = send(&client, &number(1)).await;
        answers.push(sent.guess(&client, &sent.wrong(0)).await);
        sent.answer(&client).await.expect(200);
        answers.push(sent.answer(&client).await);

        let expired = send(&client, &number(2)).await;
        app.advance(Duration::from_mins(5));
        answers.push(expired.answer(&client).await);
        answers.push(check(&client, json!({"mobile": number(2), "otp": expired.code})).await);

        let replaced = send(&client, &number(3)).await;
        for _ in 0..3 {
            app.advance(Duration::from_mins(1));
            send(&client, &number(3)).await;
        }
        answers.push(replaced.answer(&client).await);

        let live = send(&client, &number(4)).await;
        for unknown in ["", "x", "00000000-0000-0000-0000-000000000000", "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11"] {
            answers.push(check(&client, json!({"mobile": number(4), "otp": live.code, "challenge_id": unknown})).await);
        }
        answers.push(check(&client, json!({"mobile": number(5), "otp": live.code, "challenge_id": live.id})).await);
        answers.push(check(&client, json!({"mobile": number(5), "otp": live.code})).await);
        let told = |answer: &Answer| {
            let mut body = answer.body.clone();
            body["instance"] = json!("");
            let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            names.sort();
            (answer.status, body, names)
        };
        for answer in &answers {
            answer.clone().expect_problem(401, "otp_invalid");
            assert_eq!(told(answer), told(&answers[0]));
        }
        let counted = "select sum(tries) from challenges where phone in";
        let counted = app.count(&format!("{counted} ('{}', '{}')", number(4), number(5))).await;
        assert_eq!(counted, 0, "nobody guessed at that challenge");
        live.answer(&client).await.expect(200);
    }

    async fn a_code_for_another_purpose_does_not_sign_in_and_its_guess_is_counted(app) {
        let client = app.client();
        let asked = json!({"mobile": number(1), "purpose": "confirm"});
        let body = client.post("/auth/send-otp", asked).await.expect(200).body;
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let sent = Sent { mobile: number(1), code: text("otp"), id: text("challenge_id") };
        sent.answer(&client).await.expect_problem(401, "otp_invalid");
        assert_eq!(guesses(&app).await, 1);
        check(&client, json!({"mobile": number(1), "otp": sent.code})).await.expect_problem(401, "otp_invalid");
        assert_eq!(app.count("select count(*) from users").await, 0);
    }

    async fn the_sixth_guess_is_refused_and_so_is_the_right_code_after_five_wrong(app) {
        let client = app.client();
        let sent = send(&client, &number(1)).await;
        for turn in 0..5 {
            sent.guess(&client, &sent.wrong(turn)).await.expect_problem(401, "otp_invalid");
        }
        let sixth = sent.guess(&client, &sent.wrong(5)).await.expect_problem(429, "otp_attempts_exceeded");
        assert_ne!(sixth.header("retry-after"), "");
        sent.answer(&client).await.expect_problem(429, "otp_attempts_exceeded");
        let unnamed = json!({"mobile": number(1), "otp": sent.code});
        check(&client, unnamed).await.expect_problem(429, "otp_attempts_exceeded");
        assert_eq!((guesses(&app).await, app.count("select count(*) from sessions").await), (5, 0));
        app.advance(Duration::from_mins(1));
        send(&client, &number(1)).await.answer(&client).await.expect(200);
    }

    async fn a_stranger_wastes_guesses_of_his_own_challenge_alone(app) {
        let client = app.client();
        let owners = send(&client, &number(1)).await;
        app.advance(Duration::from_mins(1));
        let strangers = send(&client, &number(1)).await;
        for turn in 0..5 {
            strangers.guess(&client, &strangers.wrong(turn)).await.expect(401);
        }
        owners.answer(&client).await.expect(200);
    }

    async fn the_right_code_works_once(app) {
        let client = app.client();
        let sent = send(&client, &number(1)).await;
        sent.answer(&client).await.expect(200);
        sent.answer(&client).await.expect_problem(401, "otp_invalid");
        assert_eq!(app.count("select count(*) from sessions").await, 1);
    }

    async fn a_sign_in_replaces_the_other_codes_of_the_number(app) {
        let client = app.client();
        let first = send(&client, &number(1)).await;
        app.advance(Duration::from_mins(1));
        send(&client, &number(1)).await.answer(&client).await.expect(200);
        first.answer(&client).await.expect_problem(401, "otp_invalid");
    }

    ["OTP_CHECKS_PER_ADDRESS_5MIN" = "30"]
    async fn the_thirty_first_check_in_five_minutes_from_the_address_is_refused(app) {
        let client = app.client();
        for index in 0..30 {
            let guess = json!({"mobile": number(index), "otp": "000000"});
            check(&client, guess).await.expect_problem(401, "otp_invalid");
        }
        let sent = send(&client, &number(1)).await;
        let refused = client.post_with("/auth/verify-otp", &[("x-forwarded-for", "203.0.113.9")], sent.with(&sent.code));
        let refused = refused.await.expect_problem(429, "rate_limited");
        assert_eq!(refused.body["violated-policies"], json!(["code-checks"]));
        assert_eq!(refused.header("ratelimit"), "\"code-checks\";r=0;t=300");
        assert_eq!((refused.header("retry-after"), guesses(&app).await), ("300", 0));
        // The address comes before the body: nothing more is said of what it holds.
        check(&client, json!({"mobile": 1})).await.expect_problem(429, "rate_limited");
        app.advance(Duration::from_mins(5));
        let sent = send(&client, &number(2)).await;
        sent.answer(&client).await.expect(200);
    }
}
