//! Name and language: set, cleared, and nothing else with them.

use serde_json::{Value, json};

use crate::harness::{TestApp, on_both_engines};

async fn locale(app: &TestApp, mobile: &str) -> String {
    app.rows(&format!("select coalesce(locale, '-') from users where phone = '{mobile}'")).await.concat().concat()
}

on_both_engines! {
    async fn name_and_language_are_changed_one_by_one_and_cleared_by_null(app) {
        let user = app.user().await;
        let before = user.get("/user/me").await.expect(200).body;
        let answer = user.patch("/user/me", json!({"name": "Zoë 🐋", "locale": "PT-br"})).await.expect(200);
        assert_eq!(answer.body, user.get("/user/me").await.expect(200).body);
        let mut expected = before.clone();
        expected["name"] = json!("Zoë 🐋");
        assert_eq!((answer.body, locale(&app, &user.mobile).await), (expected, "pt-BR".to_owned()));
        assert_eq!(user.patch("/user/me", json!({})).await.expect(200).body["name"], "Zoë 🐋");
        user.patch("/user/me", json!({"locale": null})).await.expect(200);
        assert_eq!((user.get("/user/me").await.body["name"].clone(), locale(&app, &user.mobile).await), (json!("Zoë 🐋"), "-".to_owned()));
        // A language that we have no words in is kept as well.
        user.patch("/user/me", json!({"name": null, "locale": "sw"})).await.expect(200);
        assert_eq!((user.get("/user/me").await.body, locale(&app, &user.mobile).await), (before, "sw".to_owned()));
    }

    async fn what_is_no_name_and_no_language_is_refused_whole(app) {
        let user = app.user().await;
        user.patch("/user/me", json!({"name": "Asha", "locale": "de"})).await.expect(200);
        for odd in ["", "   ", "a\u{0}b", "a\nb", "a\u{202e}b", &"x".repeat(121)] {
            user.patch("/user/me", json!({"name": odd, "locale": "fr"})).await.expect_problem(422, "validation_failed");
        }
        for odd in ["", "d", "deutsch", "de_DE", "de-DE-x-y", "../de", "de\u{0}", "*", &"a".repeat(40)] {
            user.patch("/user/me", json!({"name": "Other", "locale": odd})).await.expect_flaw("/locale", "locale_format");
        }
        for (member, odd) in [("name", json!(1)), ("name", json!(["a"])), ("locale", json!({})), ("locale", json!(true))] {
            user.patch("/user/me", json!({member: odd})).await.expect_flaw(&format!("/{member}"), "not_a_text");
        }
        assert_eq!(user.get("/user/me").await.body["name"], "Asha");
        assert_eq!(locale(&app, &user.mobile).await, "de");
        user.patch("/user/me", json!([])).await.expect_problem(422, "validation_failed");
    }

    async fn nothing_else_of_the_account_can_be_set(app) {
        let user = app.user().await;
        let row = format!("select * from users where phone = '{}'", user.mobile);
        let before = app.rows(&row).await;
        for member in [
            "id", "mobile", "phone", "tier", "subscription_tier", "password", "password_hash", "has_password",
            "created_at", "closed_at", "quota", "is_admin", "title",
        ] {
            let flaw = user.patch("/user/me", json!({"name": "Asha", member: "x"})).await;
            flaw.expect_flaw(&format!("/{member}"), "unknown_member");
        }
        assert_eq!(app.rows(&row).await, before);
        app.client().patch("/user/me", json!({"name": "x"})).await.expect_problem(401, "authentication_required");
        assert_eq!(user.get("/user/me").await.body["name"], Value::Null);
    }
}
