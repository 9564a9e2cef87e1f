//! The export: everything of one person, nothing of another, no secret, and each message once while more are written.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join;
use reqwest::Method;
use serde_json::{Value, json};

use super::{PASSWORD, many_messages, set_password};
use crate::harness::{Client, NOON, on_both_engines};

async fn export(user: &Client) -> Value {
    let answer = user.get("/user/me/export").await.expect(200);
    assert!(answer.body.is_object(), "{}", &answer.text[answer.text.len().saturating_sub(200)..]);
    answer.body
}

fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn contents(room: &Value) -> Vec<&str> {
    room["messages"].as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap()).collect()
}

on_both_engines! {
    async fn everything_is_in_it_and_nothing_of_a_stranger(app) {
        let (user, stranger) = (app.user().await, app.user().await);
        user.patch("/user/me", json!({"name": "Asha \"A\"", "locale": "hi"})).await.expect(200);
        let theirs = stranger.room().await;
        stranger.say(&theirs, "a stranger's words").await.expect(202);
        let empty = user.room().await;
        app.advance(Duration::from_millis(1));
        let made = user.post("/chatroom", json!({"name": "Cormorants", "instructions": "Be brief."})).await.expect(201).body;
        let room = made["id"].as_str().unwrap();
        user.say(room, "line one\n\"two\" \\ 🐋 \u{2028}").await.expect(202);
        app.run_jobs().await;
        user.say(room, "and more").await.expect(202);
        let told = export(&user).await;
        assert_eq!(members(&told), ["exported_at", "account", "billing", "usage", "sessions", "security_events", "chatrooms"]);
        let me = user.get("/user/me").await.body;
        for (member, value) in told["account"].as_object().unwrap().iter().filter(|(member, _)| *member != "locale") {
            assert_eq!(value, &me[member]);
        }
        assert_eq!((&told["account"]["locale"], &told["billing"]), (&json!("hi"), &Value::Null));
        assert_eq!((told["usage"][0]["messages"].clone(), told["exported_at"].clone()), (json!(2), json!((NOON + Duration::from_millis(1)).to_string())));
        assert_eq!(told["security_events"][0]["kind"], "signed_in_by_code");
        assert_eq!((told["sessions"].as_array().unwrap().len(), &told["sessions"][0]["proof"]), (1, &json!("code")));
        let rooms = told["chatrooms"].as_array().unwrap();
        assert_eq!((rooms.len(), &rooms[0]["id"], &rooms[0]["messages"]), (2, &json!(empty), &json!([])));
        let shown = user.get(&format!("/chatroom/{room}")).await.expect(200).body;
        for member in ["id", "name", "instructions", "model", "created_at", "updated_at", "messages"] {
            assert_eq!(rooms[1][member], shown[member], "{member}");
        }
        assert_eq!(rooms[1]["messages"].as_array().unwrap().len(), 4);
        let text = told.to_string();
        for foreign in ["stranger's words", &theirs, &stranger.mobile] {
            assert!(!text.contains(foreign), "{foreign}");
        }
    }

    async fn it_comes_as_a_file_to_its_owner_alone(app) {
        let user = app.user().await;
        let answer = user.get("/user/me/export").await.expect(200);
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(answer.header("content-disposition"), "attachment; filename=\"pollux-2026-11-21.json\"");
        assert_eq!((answer.header("cache-control"), answer.header("x-content-type-options")), ("no-store", "nosniff"));
        user.send(user.request(Method::HEAD, "/user/me/export")).await.expect(200);
        app.client().get("/user/me/export").await.expect_problem(401, "authentication_required");
        user.get("/user/me/export?user_id=x").await.expect_flaw("?user_id", "unknown_member");
        user.send(user.request(Method::GET, "/user/me/export").header("accept", "text/html")).await.expect_problem(406, "not_acceptable");
        user.post("/auth/logout", json!({})).await.expect(204);
        user.get("/user/me/export").await.expect_problem(401, "session_ended");
    }

    async fn no_secret_is_in_it_nor_a_digest_of_one(app) {
        let user = app.user().await;
        set_password(&user).await;
        let anew = user.post("/auth/refresh", json!({"refresh_token": user.tokens["refresh_token"]})).await.expect(200).body;
        app.advance(Duration::from_mins(1));
        let sent = user.post("/auth/send-otp", json!({"mobile": user.mobile})).await.expect(200).body;
        let text = user.get("/user/me/export").await.expect(200).text;
        let mut secrets = vec![PASSWORD.to_owned(), user.token.clone().unwrap()];
        for (body, member) in [(&user.tokens, "refresh_token"), (&anew, "refresh_token"), (&anew, "device_token"), (&sent, "challenge_id")] {
            secrets.push(body[member].as_str().unwrap().to_owned());
        }
        for column in [
            "refresh_hash from sessions", "hash from spent_tokens", "hash from device_tokens", "code_mac from challenges",
            "password_hash from users", "address from security_events where address is not null", "address from challenges",
        ] {
            secrets.extend(app.rows(&format!("select {column}")).await.concat());
        }
        assert!(secrets.len() >= 13);
        for secret in secrets {
            assert!(!text.contains(secret.trim_start_matches("\\x")), "{secret}");
        }
    }

    ["BASIC_TIER_DAILY_LIMIT" = "100000"]
    async fn each_message_is_in_it_once_while_more_are_written(app) {
        let user = app.user().await;
        let mut rooms = Vec::new();
        for _ in 0..4 {
            let room = user.room().await;
            app.execute(&many_messages(&room, 500, 200, app.is_postgres())).await;
            rooms.push(room);
        }
        let writing = async {
            for number in 0..60 {
                // The oldest room jumps to the front of the list by activity.
                user.say(&rooms[number % 4], &format!("meanwhile {number}")).await.expect(202);
                user.room().await;
            }
        };
        let (told, ()) = join(export(&user), writing).await;
        check_whole(&told, &rooms);
        let after = export(&user).await;
        check_whole(&after, &rooms);
        let text = after.to_string();
        assert!((0..60).all(|number| text.matches(&format!("\"meanwhile {number}\"")).count() == 1));
    }

    async fn it_is_cut_when_its_session_ends_on_the_way(app) {
        let user = app.user().await;
        let room = user.room().await;
        app.execute(&many_messages(&room, 4_000, 8_000, app.is_postgres())).await;
        let mut response = user.request(Method::GET, "/user/me/export").send().await.unwrap();
        let mut text = response.chunk().await.unwrap().unwrap().to_vec();
        user.post("/auth/logout", json!({})).await.expect(204);
        let broken = loop {
            match response.chunk().await {
                Ok(Some(piece)) => text.extend_from_slice(&piece),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert!(broken, "the connection is cut, not closed in order, after {} bytes", text.len());
        assert!(serde_json::from_slice::<Value>(&text).is_err());
    }
}

/// Insists that every message that was there before is there once, in order.
fn check_whole(told: &Value, rooms: &[String]) {
    let known: Vec<&Value> = told["chatrooms"].as_array().unwrap().iter().collect();
    let ids: BTreeSet<_> = known.iter().map(|room| room["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), known.len(), "each room once");
    for room in rooms {
        let room = known.iter().find(|known| known["id"] == json!(room)).unwrap();
        let contents = contents(room);
        for (index, content) in contents.iter().take(500).enumerate() {
            assert!(content.starts_with(&format!("m{} ", index + 1)), "{content}");
        }
        let ids: BTreeSet<_> =
            room["messages"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
        assert!(ids.len() == contents.len() && contents.len() >= 500);
    }
}
