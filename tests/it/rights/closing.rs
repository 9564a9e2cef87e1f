//! A closed account: gone for everybody at once, gone from the store soon, and gone for good.

use std::time::Duration;

use pollux::providers::model::ModelFault;
use serde_json::{Value, json};

use super::{Traces, close, confirmation, log_in, many_messages, set_password};
use crate::harness::{Client, TestApp, on_both_engines};

const CANARY: &str = "a secret about cormorants";

/// Everything that somebody can see.
async fn seen(user: &Client) -> [Value; 4] {
    let mut export = user.get("/user/me/export").await.expect(200).body;
    export["exported_at"] = Value::Null;
    let get = async |path: &str| user.get(path).await.expect(200).body;
    [export, get("/user/me").await, get("/chatroom").await, get("/auth/sessions").await]
}

/// Somebody of whom every table knows something.
async fn known_everywhere(app: &TestApp) -> Client {
    let user = app.pro().await;
    set_password(&user).await;
    log_in(&app.client(), &user.mobile).await.expect(200);
    app.client().post("/auth/login", json!({"mobile": user.mobile, "password": "wrong one"})).await.expect(401);
    app.client().post("/auth/refresh", json!({"refresh_token": user.tokens["refresh_token"]})).await.expect(200);
    user.patch("/user/me", json!({"name": CANARY, "locale": "pt-BR"})).await.expect(200);
    app.client().post("/auth/signup", json!({"mobile": user.mobile, "name": CANARY})).await.expect(201);
    for key in 0..3 {
        let (key, body) = (format!("key-{key}"), json!({"name": CANARY, "instructions": CANARY}));
        let room = user.post_with("/chatroom", &[("idempotency-key", &key)], body).await.expect(201).body;
        let path = format!("/chatroom/{}/message", room["id"].as_str().unwrap());
        user.post_with(&path, &[("idempotency-key", &key)], json!({"content": CANARY})).await.expect(202);
    }
    app.model.fail_times(1, ModelFault::Rejected);
    app.run_jobs().await;
    assert_eq!(app.count("select count(*) from jobs where state = 'dead'").await, 1);
    let room = user.room().await;
    app.execute(&many_messages(&room, 450, 60, app.is_postgres())).await;
    user
}

on_both_engines! {
    async fn nothing_of_a_closed_account_is_left_and_nobody_else_misses_anything(app) {
        let (other, user) = (app.user().await, known_everywhere(&app).await);
        other.say(&other.room().await, "theirs").await.expect(202);
        app.run_jobs().await;
        let (before, traces) = (seen(&other).await, Traces::of(&user, &[CANARY, "m450 "]).await);
        // Only what is in a stored answer is there with hyphens.
        assert!(traces.found(&app).await.len() >= traces.0.len() - 2, "they are looked for in the right way");
        app.advance(Duration::from_mins(1));
        let sent = confirmation(&user, &user.mobile).await;
        close(&user, Some(json!({"otp": sent["otp"]}))).await.expect(202);
        let left = app.count("select count(*) from phones").await;
        assert_eq!(left, 1, "what is kept under the number is gone with the answer");
        app.run_jobs().await;
        traces.expect_none(&app).await;
        for (table, left) in [("users", 1), ("chatrooms", 1), ("messages", 2), ("jobs", 0), ("idempotency_keys", 0)] {
            assert_eq!(app.count(&format!("select count(*) from {table}")).await, left, "{table}");
        }
        for table in ["customers", "checkouts", "spent_tokens", "password_misses"] {
            assert_eq!(app.count(&format!("select count(*) from {table}")).await, 0, "{table}");
        }
        assert_eq!(seen(&other).await, before);
    }

    async fn every_session_ends_with_the_answer(app) {
        let user = app.user().await;
        app.advance(Duration::from_mins(1));
        let elsewhere = app.client().sign_in(&user.mobile).await;
        for client in [&user, &elsewhere] {
            client.get("/user/me").await.expect(200);
        }
        let room = user.room().await;
        close(&elsewhere, None).await.expect(202);
        for client in [&user, &elsewhere] {
            for path in ["/user/me", "/user/me/export", "/chatroom", &format!("/chatroom/{room}")] {
                client.get(path).await.expect_problem(401, "session_ended");
            }
            client.say(&room, "too late").await.expect_problem(401, "session_ended");
            let refresh = json!({"refresh_token": client.tokens["refresh_token"]});
            client.post("/auth/refresh", refresh.clone()).await.expect_problem(401, "refresh_token_invalid");
            app.run_jobs().await;
            client.post("/auth/refresh", refresh).await.expect_problem(401, "refresh_token_invalid");
            client.get("/user/me").await.expect_problem(401, "session_ended");
            client.post("/auth/logout", json!({})).await.expect(204);
        }
    }

    async fn the_number_is_free_at_once_and_begins_empty(app) {
        let user = app.user().await;
        set_password(&user).await;
        let room = user.room().await;
        user.say(&room, "before").await.expect(202);
        let id = user.get("/user/me").await.body["id"].clone();
        close(&user, None).await.expect(202);
        log_in(&user, &user.mobile).await.expect_problem(401, "credentials_invalid");
        // Nothing is erased yet: the worker has not been there.
        let anew = app.client().sign_in(&user.mobile).await;
        let check = async || {
            let me = anew.get("/user/me").await.expect(200).body;
            assert_ne!(me["id"], id);
            assert_eq!((&me["name"], &me["has_password"], &me["quota"]["used"]), (&Value::Null, &json!(false), &json!(0)));
            let export = anew.get("/user/me/export").await.expect(200).body;
            assert_eq!((&export["chatrooms"], &export["usage"]), (&json!([]), &json!([])));
            assert_eq!(export["security_events"].as_array().unwrap().len(), 1);
            anew.get(&format!("/chatroom/{room}")).await.expect_problem(404, "not_found");
        };
        check().await;
        app.run_jobs().await;
        check().await;
        assert_eq!(app.count("select count(*) from users").await, 1);
        anew.say(&anew.room().await, "after").await.expect(202);
        app.run_jobs().await;
    }

    async fn a_code_that_was_on_its_way_opens_nothing(app) {
        let user = app.user().await;
        app.advance(Duration::from_mins(1));
        let sent = user.post("/auth/send-otp", json!({"mobile": user.mobile})).await.expect(200).body;
        close(&user, None).await.expect(202);
        let code = json!({"mobile": user.mobile, "otp": sent["otp"], "challenge_id": sent["challenge_id"]});
        user.post("/auth/verify-otp", code).await.expect_problem(401, "otp_invalid");
        assert_eq!(app.count("select count(*) from users where closed_at is null").await, 0);
    }

    async fn a_closing_is_told_in_the_log_and_counted_and_its_row_goes_with_the_account(app) {
        let user = app.user().await;
        close(&user, None).await.expect(202);
        let noted = "select count(*) from security_events where kind = 'account_closed'";
        assert_eq!(app.count(noted).await, 1);
        app.run_jobs().await;
        assert_eq!(app.count("select count(*) from security_events").await, 0);
        assert!(app.house.app.metrics.text().contains("account_closed"));
    }

    async fn a_deleted_room_leaves_nothing_and_its_keys_bring_nothing_back(app) {
        let user = app.user().await;
        let body = json!({"name": CANARY, "instructions": CANARY});
        let headers = [("idempotency-key", "k")];
        let make = async || user.post_with("/chatroom", &headers, body.clone()).await;
        let room = make().await.expect(201).body["id"].as_str().unwrap().to_owned();
        let kept = user.room().await;
        let say = async |room: &str| {
            user.post_with(&format!("/chatroom/{room}/message"), &headers, json!({"content": CANARY})).await
        };
        say(&room).await.expect(202);
        let other = say(&kept).await.expect(202);
        assert_eq!(other.header("idempotency-replayed"), "", "a key is good for one room");
        app.run_jobs().await;
        user.delete(&format!("/chatroom/{room}")).await.expect(204);
        let cells = app.dump().await;
        for trace in [room.clone(), room.replace('-', "")] {
            assert!(cells.iter().all(|cell| !cell.contains(&trace)), "{trace}");
        }
        say(&room).await.expect_problem(404, "not_found");
        make().await.expect_problem(404, "not_found");
        let again = say(&kept).await.expect(202);
        assert_eq!((again.header("idempotency-replayed"), &again.text), ("true", &other.text));
        assert_eq!(user.get("/chatroom").await.body["chatrooms"].as_array().unwrap().len(), 1);
        user.delete(&format!("/chatroom/{kept}")).await.expect(204);
        assert!(app.dump().await.iter().all(|cell| !cell.contains(CANARY)));
    }
}
