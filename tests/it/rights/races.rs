//! An account closed while everything goes on: replies are written, messages and rooms come, others sign in.

use std::time::Duration;

use futures_util::future::{join, join_all};
use pollux::providers::model_demo::DemoAct;
use serde_json::json;

use super::{Traces, close};
use crate::harness::work::{Working, until};
use crate::harness::{Client, TestApp, on_both_engines};

const SOON: Duration = Duration::from_secs(30);
const LATE: &str = "too late now";

/// Sends into a room as fast as it can until it is told that the session has ended.
async fn send_until_ended(user: &Client, room: &str) {
    for number in 0.. {
        let sent = user.say(room, &format!("mine {number}")).await;
        match sent.status {
            202 => {}
            404 => drop(sent.expect_problem(404, "not_found")),
            _ => return drop(sent.expect_problem(401, "session_ended")),
        }
        if number % 5 == 0 {
            let made = user.post("/chatroom", json!({"name": "mine too"})).await;
            assert!([201, 404, 401].contains(&made.status), "{}", made.text);
        }
    }
}

async fn is_erased(app: &TestApp) -> Option<()> {
    let left = app.count("select count(*) from users where closed_at is not null").await;
    let jobs = app.count("select count(*) from jobs").await;
    (left + jobs == 0).then_some(())
}

on_both_engines! {
    async fn replies_and_messages_on_their_way_go_nowhere(app) {
        let working = Working::start(&app.house.app, Duration::from_secs(5));
        app.model.pace(Duration::from_millis(100), Duration::from_millis(20));
        app.model.otherwise(DemoAct::Say(LATE.to_owned()));
        let other = app.user().await;
        let kept = other.room().await;
        for round in 0..3 {
            let user = app.pro().await;
            let mut rooms = Vec::new();
            for _ in 0..4 {
                rooms.push(user.room().await);
            }
            let traces = Traces::of(&user, &["mine "]).await;
            let closing = async {
                until(SOON, "replies that are being written", || async { (app.model.running() >= 3).then_some(()) }).await;
                if round == 1 {
                    tokio::time::sleep(Duration::from_millis(60)).await;
                }
                close(&user, None).await.expect(202);
                // From the answer on no reply of the account is written any more.
                let replies = "select count(*) from messages where role = 'assistant' and status in ('complete', 'failed')
                    and chatroom_id in (select id from chatrooms where user_id in (select id from users where closed_at is not null))";
                let at_once = app.count(replies).await;
                assert!(app.count(replies).await <= at_once);
            };
            join(closing, join_all(rooms.iter().map(|room| send_until_ended(&user, room)))).await;
            until(SOON, "an erased account", || is_erased(&app)).await;
            traces.expect_none(&app).await;
            // Whoever was writing for it comes to its end and goes on with the next.
            until(SOON, "an idle model", || async { (app.model.running() == 0).then_some(()) }).await;
            traces.expect_none(&app).await;
            let sent = other.post_with(&format!("/chatroom/{kept}/message"), &[("prefer", "wait=20")], json!({"content": "hello"})).await;
            assert_eq!(sent.expect(200).body["reply"]["content"], LATE);
        }
        working.stop().await;
        assert_eq!(app.count("select count(*) from jobs").await, 0);
        assert_eq!(app.count("select count(*) from messages").await, 6);
        assert_eq!((app.count("select count(*) from users").await, app.count("select count(*) from chatrooms").await), (1, 1));
    }

    async fn of_many_closings_at_once_one_has_an_effect(app) {
        for _ in 0..10 {
            let user = app.user().await;
            let answers = join_all((0..6).map(|_| close(&user, None))).await;
            assert_eq!(answers.iter().filter(|answer| answer.status == 202).count(), 1);
            for answer in answers.into_iter().filter(|answer| answer.status != 202) {
                answer.expect_problem(401, "session_ended");
            }
            assert_eq!(app.count("select count(*) from jobs").await, 1);
            app.run_jobs().await;
            assert_eq!(app.count("select count(*) from users").await, 0);
        }
    }

    async fn whoever_signs_in_meanwhile_is_in_the_new_account_or_in_none(app) {
        for _ in 0..12 {
            let user = app.user().await;
            app.advance(Duration::from_mins(1));
            let sent = user.post("/auth/send-otp", json!({"mobile": user.mobile})).await.expect(200).body;
            let code = json!({"mobile": user.mobile, "otp": sent["otp"], "challenge_id": sent["challenge_id"]});
            let old = user.get("/user/me").await.body["id"].clone();
            let stranger = app.client();
            let (closed, signed_in) = join(close(&user, None), stranger.post("/auth/verify-otp", code)).await;
            closed.expect(202);
            match signed_in.status {
                200 => {
                    let token = signed_in.body["access_token"].as_str().map(ToOwned::to_owned);
                    let client = Client { token, ..app.client() };
                    client.get("/user/me").await.expect_problem(401, "session_ended");
                    assert_eq!(signed_in.body["user"]["id"], old);
                }
                _ => drop(signed_in.expect_problem(401, "otp_invalid")),
            }
            app.run_jobs().await;
            assert_eq!(app.count("select count(*) from users").await, 0);
            let tables = ["sessions", "device_tokens", "challenges", "phones", "jobs"];
            for table in tables {
                assert_eq!(app.count(&format!("select count(*) from {table}")).await, 0, "{table}");
            }
        }
    }

    async fn signing_out_and_changing_things_meanwhile_hinders_nobody(app) {
        for round in 0..8 {
            let user = app.user().await;
            app.advance(Duration::from_mins(1));
            let elsewhere = app.client().sign_in(&user.mobile).await;
            let changes = join_all((0..4).map(|number| {
                let client = if number % 2 == 0 { &user } else { &elsewhere };
                async move {
                    client.patch("/user/me", json!({"name": "x"})).await;
                    let key = format!("{number}");
                    client.post_with("/chatroom", &[("idempotency-key", &key)], json!({})).await;
                    client.post("/auth/change-password", json!({"new_password": "eight grey geese"})).await;
                }
            }));
            let out = async {
                if round % 2 == 0 {
                    user.post("/auth/logout", json!({})).await.expect(204);
                }
            };
            let (closed, _) = join(close(&elsewhere, None), join(changes, out)).await;
            // The other session may have changed the password, which ends this one.
            if closed.status != 202 {
                closed.expect_problem(401, "session_ended");
                close(&user, None).await;
                close(&app.client().sign_in(&user.mobile).await, None).await.expect(202);
            }
            app.run_jobs().await;
            assert_eq!(app.count("select count(*) from users").await, 0, "round {round}");
        }
    }
}
