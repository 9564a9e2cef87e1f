//! Many refreshes at once, copies that come late, and a process that dies between the use of a token and its answer.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use pollux::storage::{NewToken, Refusal, WriteError};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{number, refresh, refresh_token};
use crate::harness::client::Answer;
use crate::harness::{Client, TestApp, on_both_engines};
use crate::proof::{figures, size};

const GRACE: Duration = Duration::from_secs(10);
const LIVE: &str = "select count(*) from sessions where ended_at is null";

/// So many numbers are sent a code before the clock moves on, under the cap for everybody.
const AN_HOURS_CODES: usize = 900;

async fn user(app: &TestApp, index: usize) -> Client {
    if index > 0 && index.is_multiple_of(AN_HOURS_CODES) {
        app.advance(Duration::from_mins(61));
    }
    app.client().sign_in(&number(index)).await
}

async fn at_once(client: &Client, token: &str, count: usize) -> Vec<Answer> {
    join_all((0..count).map(|_| refresh(client, token))).await
}

on_both_engines! {
    async fn of_many_refreshes_at_once_all_get_the_one_successor(app) {
        let (rounds, storm) = (size(10, 200), 20);
        for index in 0..rounds {
            let user = user(&app, index).await;
            let mut token = refresh_token(&user.tokens);
            for _ in 0..3 {
                let answers = at_once(&user, &token, storm).await;
                let successors: BTreeSet<_> = answers.into_iter().map(|it| refresh_token(&it.expect(200).body)).collect();
                assert_eq!(successors.len(), 1, "one successor");
                token = successors.into_iter().next().unwrap();
            }
        }
        figures(&format!("{rounds} sessions, 3 storms of {storm} refreshes with one token each: 1 live successor each time"));
        let rounds = i64::try_from(rounds).unwrap();
        assert_eq!(app.count("select sum(step) from sessions").await, 3 * rounds);
        assert_eq!(app.count("select count(*) from spent_tokens").await, 3 * rounds);
        assert_eq!(app.count(LIVE).await, rounds);
    }

    async fn every_late_copy_ends_its_session_however_many_come_at_once(app) {
        let sessions = size(50, 1_000);
        let mut reused = 0;
        for index in 0..sessions {
            let user = user(&app, index).await;
            let first = refresh_token(&user.tokens);
            let second = refresh_token(&refresh(&user, &first).await.expect(200).body);
            // Late, or two steps behind; alone, or as a storm.
            if index % 2 == 0 {
                app.advance(GRACE);
            } else {
                refresh(&user, &second).await.expect(200);
            }
            let copies = if index % 5 == 0 { 8 } else { 1 };
            let codes: Vec<_> = at_once(&user, &first, copies).await.iter().map(|it| it.code().to_owned()).collect();
            assert!(codes.iter().all(|code| code == "refresh_token_reused" || code == "refresh_token_invalid"), "{codes:?}");
            reused += usize::from(codes.iter().any(|code| code == "refresh_token_reused"));
            refresh(&user, &second).await.expect_problem(401, "refresh_token_invalid");
            user.get("/user/me").await.expect_problem(401, "session_ended");
        }
        figures(&format!("{sessions} replays of used refresh tokens: {reused} sessions ended"));
        assert_eq!((reused, app.count(LIVE).await), (sessions, 0));
        let noted = app.count("select count(*) from security_events where kind = 'refresh_token_reused'").await;
        assert_eq!(noted, i64::try_from(sessions).unwrap());
    }

    async fn a_copy_and_its_owner_at_once_leave_one_successor_or_no_session(app) {
        for index in 0..size(20, 200) {
            let user = user(&app, index).await;
            let first = refresh_token(&user.tokens);
            let second = refresh_token(&refresh(&user, &first).await.expect(200).body);
            app.advance(GRACE);
            let (thief, owner) = tokio::join!(refresh(&user, &first), refresh(&user, &second));
            thief.expect_problem(401, "refresh_token_reused");
            // Whoever came first, the session is over for both.
            assert!([200, 401].contains(&owner.status));
            user.get("/user/me").await.expect_problem(401, "session_ended");
        }
        assert_eq!(app.count(LIVE).await, 0);
    }

    async fn a_sign_out_and_a_refresh_at_once_end_in_no_session(app) {
        for index in 0..20 {
            let user = user(&app, index).await;
            let first = refresh_token(&user.tokens);
            let (refreshed, ended) = tokio::join!(refresh(&user, &first), user.post("/auth/logout", json!({})));
            ended.expect(204);
            let next = if refreshed.status == 200 { refresh_token(&refreshed.body) } else { first };
            refresh(&user, &next).await.expect_problem(401, "refresh_token_invalid");
        }
        assert_eq!(app.count(LIVE).await, 0);
    }

    async fn of_many_rotations_of_one_token_the_store_takes_one(app) {
        let user = user(&app, 1).await;
        let hash = pollux::domain::opaque::digest(&refresh_token(&user.tokens));
        let db = &app.house.app.db;
        let given = db.refresh_token(hash).await.unwrap().unwrap();
        let (now, idle) = (app.clock.now(), GRACE);
        let tries = (0..40).map(|n| db.rotate_token(NewToken { given: &given, hash: [n; 32], now, idle }));
        let (taken, refused): (Vec<_>, Vec<_>) = join_all(tries).await.into_iter().partition(Result::is_ok);
        assert_eq!((taken.len(), app.count("select count(*) from spent_tokens").await), (1, 1));
        assert!(refused.iter().all(|it| matches!(it, Err(WriteError::Refused(Refusal::TokenSpent)))));
    }

    async fn a_process_that_dies_before_it_answers_locks_nobody_out(app) {
        let mut app = app;
        for index in 0..size(4, 20) {
            let user = user(&app, index).await;
            let first = refresh_token(&user.tokens);
            // The request arrives and its client is gone before the answer; then the process is.
            let body = json!({"refresh_token": first}).to_string();
            let request = format!(
                "POST /auth/refresh HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let mut stream = TcpStream::connect(app.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            if index % 2 == 0 {
                let rotated = format!("select count(*) from spent_tokens where step = 0 and spent_at >= {}", app.clock.now().as_millis());
                let begun = std::time::Instant::now();
                while app.count(&rotated).await == 0 && begun.elapsed() < GRACE {
                    tokio::task::yield_now().await;
                }
            }
            drop(stream);
            app = app.restart().await;
            app.advance(GRACE.saturating_sub(Duration::from_millis(1)));
            let client = app.client();
            let second = refresh_token(&refresh(&client, &first).await.expect(200).body);
            let third = refresh_token(&refresh(&client, &second).await.expect(200).body);
            assert_ne!(second, third);
            app.advance(Duration::from_mins(1));
        }
        assert_eq!(app.count("select count(*) from security_events where kind = 'refresh_token_reused'").await, 0);
    }

    async fn who_comes_after_the_grace_without_the_answer_signs_in_anew(app) {
        let user = user(&app, 1).await;
        let first = refresh_token(&user.tokens);
        refresh(&user, &first).await.expect(200);
        let app = app.restart().await;
        app.advance(Duration::from_mins(2));
        let mut client = app.client();
        client.token.clone_from(&user.token);
        client.get("/user/me").await.expect(200);
        refresh(&client, &first).await.expect_problem(401, "refresh_token_reused");
        client.sign_in(&number(1)).await.get("/user/me").await.expect(200);
    }
}
