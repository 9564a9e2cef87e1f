//! What shows that the owner wants the account closed, and what does not.

use std::time::Duration;

use serde_json::{Value, json};

use super::{PASSWORD, by_password, close, confirmation, log_in, set_password};
use crate::harness::{Client, TestApp, fresh_number, on_both_engines};

const MINUTE: Duration = Duration::from_mins(1);
const WRONG: &str = "seven blue herons";

async fn misses(app: &TestApp) -> i64 {
    app.count("select count(*) from password_misses").await
}

async fn is_open(user: &Client) -> bool {
    user.get("/user/me").await.status == 200
}

/// Somebody who signed in by a code too long ago for that to be proof.
async fn stale(app: &TestApp) -> Client {
    let user = app.user().await;
    app.advance(MINUTE * 5);
    user
}

fn code_of(sent: &Value) -> Value {
    json!({"otp": sent["otp"], "challenge_id": sent["challenge_id"]})
}

/// Another code of six digits.
fn wrong_code(sent: &Value) -> Value {
    json!(if sent["otp"] == "000000" { "000001" } else { "000000" })
}

on_both_engines! {
    async fn a_session_by_code_is_proof_for_five_minutes_whatever_empty_body_comes(app) {
        for body in [None, Some(json!({})), Some(json!({"challenge_id": null}))] {
            let user = app.user().await;
            app.advance(Duration::from_millis(299_999));
            close(&user, body).await.expect(202);
            assert!(!is_open(&user).await);
        }
        let late = stale(&app).await;
        for body in [None, Some(json!({}))] {
            close(&late, body).await.expect_problem(403, "reauthentication_required");
        }
        assert!(is_open(&late).await);
    }

    async fn a_session_by_password_is_no_proof_and_the_password_is(app) {
        let mobile = fresh_number();
        set_password(&app.client().sign_in(&mobile).await).await;
        let user = by_password(&app, &mobile).await;
        close(&user, None).await.expect_problem(403, "reauthentication_required");
        close(&user, Some(json!({"password": WRONG}))).await.expect_problem(401, "credentials_invalid");
        assert_eq!((misses(&app).await, is_open(&user).await), (1, true));
        let closed = close(&user, Some(json!({"password": PASSWORD}))).await.expect(202);
        assert!(closed.body["message"].is_string() && closed.body.as_object().unwrap().len() == 1);
        close(&user, Some(json!({"password": PASSWORD}))).await.expect_problem(401, "session_ended");
        log_in(&app.client(), &mobile).await.expect_problem(401, "credentials_invalid");
    }

    async fn wrong_passwords_are_counted_and_after_ten_the_right_one_is_refused(app) {
        let user = stale(&app).await;
        // An account without a password has no right one.
        close(&user, Some(json!({"password": PASSWORD}))).await.expect_problem(401, "credentials_invalid");
        let fresh = app.client().sign_in(&user.mobile).await;
        set_password(&fresh).await;
        for _ in 0..10 {
            close(&fresh, Some(json!({"password": WRONG}))).await.expect_problem(401, "credentials_invalid");
        }
        close(&fresh, Some(json!({"password": PASSWORD}))).await.expect_problem(429, "rate_limited");
        assert!(is_open(&fresh).await);
        app.advance(MINUTE * 15);
        close(&fresh, Some(json!({"password": PASSWORD}))).await.expect(202);
    }

    async fn a_code_to_confirm_is_proof_with_and_without_its_challenge(app) {
        for name in ["otp", "otp_code", "code"] {
            let user = stale(&app).await;
            let sent = confirmation(&user, &user.mobile).await;
            close(&user, Some(json!({name: sent["otp"]}))).await.expect(202);
            assert!(!is_open(&user).await);
        }
        let user = stale(&app).await;
        let sent = confirmation(&user, &user.mobile).await;
        close(&user, Some(code_of(&sent))).await.expect(202);
    }

    async fn a_wrong_code_counts_a_guess_and_after_five_the_right_one_is_refused(app) {
        let user = stale(&app).await;
        let sent = confirmation(&user, &user.mobile).await;
        for guess in 1..=5 {
            close(&user, Some(json!({"otp": wrong_code(&sent)}))).await.expect_problem(401, "otp_invalid");
            assert_eq!(app.count("select max(tries) from challenges where purpose = 'confirm'").await, guess);
        }
        close(&user, Some(code_of(&sent))).await.expect_problem(429, "otp_attempts_exceeded");
        assert!(is_open(&user).await);
    }

    async fn codes_for_other_things_or_of_other_numbers_are_none(app) {
        let (user, other) = (stale(&app).await, stale(&app).await);
        let login = user.post("/auth/send-otp", json!({"mobile": user.mobile})).await.expect(200).body;
        let theirs = confirmation(&other, &other.mobile).await;
        for proof in [code_of(&login), json!({"otp": login["otp"]}), code_of(&theirs), json!({"otp": theirs["otp"]})] {
            close(&user, Some(proof)).await.expect_problem(401, "otp_invalid");
        }
        let unknown = json!({"otp": theirs["otp"], "challenge_id": "nonsense"});
        close(&user, Some(unknown)).await.expect_problem(401, "otp_invalid");
        close(&other, Some(code_of(&theirs))).await.expect(202);
        assert!(is_open(&user).await);
        // The code of another purpose still signs in: the guess was one of its five, and it was not taken.
        let body = json!({"mobile": user.mobile, "otp": login["otp"], "challenge_id": login["challenge_id"]});
        user.post("/auth/verify-otp", body).await.expect(200);
    }

    async fn a_proof_that_is_none_by_its_form_is_refused_before_anything_is_counted(app) {
        let user = app.user().await;
        set_password(&user).await;
        for (proof, pointer, code) in [
            (json!({"password": PASSWORD, "otp": "123456"}), "/otp", "one_proof_only"),
            (json!({"password": PASSWORD, "code": "123456"}), "/code", "one_proof_only"),
            (json!({"challenge_id": "x"}), "/otp", "required"),
            (json!({"password": PASSWORD, "challenge_id": "x"}), "/otp", "required"),
            (json!({"password": null}), "/password", "not_a_text"),
            (json!({"password": ""}), "/password", "password_short"),
            (json!({"otp": 123_456}), "/otp", "not_a_text"),
            (json!({"otp": "12345"}), "/otp", "otp_format"),
            (json!({"user_id": "x"}), "/user_id", "unknown_member"),
            (json!({"mobile": user.mobile}), "/mobile", "unknown_member"),
        ] {
            let refused = close(&user, Some(proof)).await.expect_problem(422, "validation_failed");
            assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{}", refused.text);
            assert!(code == "password_short" || code == "otp_format" || refused.body["errors"][0]["code"] == code, "{}", refused.text);
        }
        assert!(misses(&app).await == 0 && is_open(&user).await);
        close(&app.client(), None).await.expect_problem(401, "authentication_required");
        let signed_out = app.user().await;
        signed_out.post("/auth/logout", json!({})).await.expect(204);
        close(&signed_out, None).await.expect_problem(401, "session_ended");
    }
}

on_both_engines! {
    ["OTP_CHECKS_PER_ADDRESS_5MIN" = "8"]
    async fn guessing_here_is_limited_by_address_as_everywhere(app) {
        let user = app.user().await;
        for _ in 0..7 {
            close(&user, Some(json!({"otp": "000000"}))).await.expect_problem(401, "otp_invalid");
        }
        close(&user, Some(json!({"otp": "000000"}))).await.expect_problem(429, "rate_limited");
        // What is no guess is not limited.
        close(&user, None).await.expect(202);
    }
}
