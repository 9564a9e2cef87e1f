//! The list of sessions: what it shows, to whom, and what ending one of them does.

use std::time::Duration;

use serde_json::{Value, json};

use super::{number, refresh, refresh_token, with_tokens};
use crate::harness::{Client, TestApp, on_both_engines};

const DAY: Duration = Duration::from_hours(24);
const QUARTER: Duration = Duration::from_mins(15);

async fn sessions(app: &TestApp, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(app.client().sign_in(&number(1)).await);
        app.advance(QUARTER);
    }
    clients
}

async fn listed(client: &Client) -> Vec<Value> {
    client.get("/auth/sessions").await.expect(200).body["sessions"].as_array().unwrap().clone()
}

fn id(session: &Value) -> String {
    session["id"].as_str().unwrap().to_owned()
}

on_both_engines! {
    async fn the_list_shows_each_live_session_newest_first_and_which_one_asks(app) {
        let mine = sessions(&app, 2).await;
        let other = app.client().sign_in(&number(2)).await;
        let list = mine[0].get("/auth/sessions").await.expect(200).body;
        let second = json!({
            "id": list["sessions"][0]["id"], "current": false, "proof": "code", "created_at": "2026-11-21T12:15:00.000Z",
            "last_seen_at": "2026-11-21T12:15:00.000Z", "expires_at": "2026-12-21T12:15:00.000Z",
        });
        let first = json!({
            "id": list["sessions"][1]["id"], "current": true, "proof": "code", "created_at": "2026-11-21T12:00:00.000Z",
            "last_seen_at": "2026-11-21T12:00:00.000Z", "expires_at": "2026-12-21T12:00:00.000Z",
        });
        assert_eq!(list, json!({"sessions": [second, first], "next_cursor": null}));
        assert_eq!(listed(&mine[1]).await.iter().map(|it| it["current"].clone()).collect::<Vec<_>>(), [true, false]);
        assert_eq!(listed(&other).await.len(), 1);
    }

    async fn a_refresh_is_seen_and_moves_the_end_but_never_beyond_ninety_days(app) {
        let mine = sessions(&app, 1).await;
        let mut tokens = mine[0].tokens.clone();
        for (days, end) in [(20, "2027-01-10"), (20, "2027-01-30"), (20, "2027-02-19"), (20, "2027-02-19")] {
            app.advance(DAY * days);
            tokens = refresh(&mine[0], &refresh_token(&tokens)).await.expect(200).body;
            let seen = &listed(&with_tokens(&mine[0], &tokens)).await[0];
            assert!(seen["expires_at"].as_str().unwrap().starts_with(end), "{seen}");
            assert_ne!(seen["last_seen_at"], seen["created_at"]);
        }
    }

    async fn pages_hold_each_session_once_and_a_cursor_is_its_users(app) {
        let mine = sessions(&app, 5).await;
        let other = app.client().sign_in(&number(2)).await;
        let whole: Vec<_> = listed(&mine[0]).await.iter().map(id).collect();
        let (mut seen, mut path) = (Vec::new(), "/auth/sessions?limit=2".to_owned());
        loop {
            let page = mine[0].get(&path).await.expect(200).body;
            seen.extend(page["sessions"].as_array().unwrap().iter().map(id));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            other.get(&format!("/auth/sessions?cursor={cursor}")).await.expect_problem(400, "invalid_cursor");
            mine[0].get(&format!("/chatroom?cursor={cursor}")).await.expect_problem(400, "invalid_cursor");
            mine[0].get(&format!("/auth/sessions?cursor={cursor}A")).await.expect_problem(400, "invalid_cursor");
            path = format!("/auth/sessions?limit=2&cursor={cursor}");
        }
        assert_eq!((seen.len(), seen), (5, whole));
        for odd in ["0", "-1", "101", "1e3", "%2B5"] {
            mine[0].get(&format!("/auth/sessions?limit={odd}")).await.expect_flaw("?limit", "out_of_range");
        }
    }

    async fn a_session_ended_from_the_list_is_gone_for_its_tokens_at_once(app) {
        let mine = sessions(&app, 3).await;
        let list = listed(&mine[0]).await;
        for client in &mine {
            client.get("/user/me").await.expect(200);
        }
        let gone = mine[0].delete(&format!("/auth/sessions/{}", id(&list[0]))).await.expect(204);
        assert_eq!(gone.text, "");
        mine[2].get("/user/me").await.expect_problem(401, "session_ended");
        refresh(&mine[2], &refresh_token(&mine[2].tokens)).await.expect_problem(401, "refresh_token_invalid");
        mine[2].post("/auth/logout", json!({})).await.expect(204);
        mine[1].get("/user/me").await.expect(200);
        assert_eq!(listed(&mine[0]).await.len(), 2);
        // Its own as well.
        mine[0].delete(&format!("/auth/sessions/{}", id(&list[2]))).await.expect(204);
        mine[0].get("/auth/sessions").await.expect_problem(401, "session_ended");
        mine[1].get("/user/me").await.expect(200);
        let noted = "select count(*) from security_events where kind = 'session_ended' and session_id is not null";
        assert_eq!(app.count(noted).await, 2);
    }

    async fn what_is_no_live_session_of_the_callers_is_not_found(app) {
        let mine = sessions(&app, 2).await;
        let other = app.client().sign_in(&number(2)).await;
        let (list, theirs) = (listed(&mine[0]).await, listed(&other).await);
        mine[1].post("/auth/logout", json!({})).await.expect(204);
        let unknown = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11".to_owned();
        let mut told = Vec::new();
        for gone in [id(&list[0]), id(&theirs[0]), unknown, "nonsense".to_owned(), id(&list[1]).replace('-', "")] {
            let answer = mine[0].delete(&format!("/auth/sessions/{gone}")).await.expect_problem(404, "not_found");
            told.push(answer.text.replace(answer.header("x-request-id"), ""));
        }
        told.dedup();
        assert_eq!(told.len(), 1);
        other.get("/user/me").await.expect(200);
        mine[0].get("/user/me").await.expect(200);
        assert_eq!(app.count("select count(*) from sessions where ended_at is null").await, 2);
    }

    async fn a_session_that_is_over_by_itself_is_not_listed_and_cannot_be_ended(app) {
        let mine = sessions(&app, 1).await;
        let old = id(&listed(&mine[0]).await[0]);
        app.advance((DAY * 30).saturating_sub(QUARTER));
        let again = app.client().sign_in(&number(1)).await;
        assert_eq!(listed(&again).await.len(), 1);
        again.delete(&format!("/auth/sessions/{old}")).await.expect_problem(404, "not_found");
        assert_eq!(app.count("select count(*) from sessions where ended_at is not null").await, 0);
    }

    async fn the_twenty_first_session_ends_the_oldest_and_says_so(app) {
        let mut clients = Vec::new();
        for index in 0..21 {
            clients.push(app.client().sign_in(&number(1)).await);
            app.advance(Duration::from_hours(3));
            if index == 19 {
                clients[13].get("/user/me").await.expect(200);
            }
        }
        assert_eq!(listed(&clients[20]).await.len(), 20);
        refresh(&clients[0], &refresh_token(&clients[0].tokens)).await.expect_problem(401, "refresh_token_invalid");
        refresh(&clients[1], &refresh_token(&clients[1].tokens)).await.expect(200);
        let noted = "select count(*) from security_events where kind = 'session_ended' and detail = 'too many sessions'";
        assert_eq!(app.count(noted).await, 1);
    }
}
