//! Many at once: five guesses a code, one session a code, whatever the interleaving.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Sent, guesses, number, send};
use crate::harness::process::Site;
use crate::harness::{Client, Engine, TestApp, on_both_engines};
use crate::proof::{figures, size};

/// So many numbers are sent a code before the clock moves on, under the cap for everybody.
const AN_HOURS_CODES: usize = 900;

async fn a_code(app: &TestApp, client: &Client, index: usize) -> Sent {
    if index > 0 && index.is_multiple_of(AN_HOURS_CODES) {
        app.advance(Duration::from_mins(61));
    }
    send(client, &number(index)).await
}

fn with_status(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|&&other| other == status).count()
}

on_both_engines! {
    async fn of_a_hundred_guesses_at_once_five_are_evaluated_and_then_the_right_code_is_refused(app) {
        let client = app.client();
        let codes = size(12, 2_000);
        for index in 0..codes {
            let sent = a_code(&app, &client, index).await;
            let guess = |turn| {
                let (client, sent) = (&client, &sent);
                async move { sent.guess(client, &sent.wrong(turn)).await.status }
            };
            let statuses = join_all((0..100).map(guess)).await;
            assert_eq!((with_status(&statuses, 401), with_status(&statuses, 429)), (5, 95));
            sent.answer(&client).await.expect_problem(429, "otp_attempts_exceeded");
        }
        assert_eq!(guesses(&app).await, 5 * i64::try_from(codes).unwrap());
        figures(&format!("{codes} codes with 100 wrong guesses at once each: 5 evaluated of each"));
        assert_eq!(app.count("select count(*) from sessions").await, 0);
    }

    async fn of_many_right_answers_at_once_one_begins_a_session(app) {
        let client = app.client();
        let codes = size(50, 1_000);
        for index in 0..codes {
            let sent = a_code(&app, &client, index).await;
            let statuses = join_all((0..50).map(|_| async { sent.answer(&client).await.status })).await;
            assert_eq!(with_status(&statuses, 200), 1);
            // Beyond five guesses it is «too many» as long as the code has not been used.
            assert_eq!(with_status(&statuses, 401) + with_status(&statuses, 429), 49);
        }
        figures(&format!("{codes} codes with 50 right answers at once each: {codes} sessions"));
        let codes = i64::try_from(codes).unwrap();
        assert_eq!(app.count("select count(*) from sessions").await, codes);
        assert_eq!(app.count("select count(*) from users").await, codes);
        assert_eq!(app.count("select count(*) from device_tokens").await, codes);
        assert_eq!(app.count("select count(*) from challenges where consumed_at is not null").await, codes);
    }

    async fn the_right_code_in_parallel_is_accepted_once_and_refused_as_wrong_otherwise(app) {
        let client = app.client();
        for index in 0..5 {
            let sent = send(&client, &number(index)).await;
            let answers = join_all((0..5).map(|_| sent.answer(&client))).await;
            let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            assert_eq!(with_status(&statuses, 200), 1);
            for answer in answers.into_iter().filter(|answer| answer.status != 200) {
                answer.expect_problem(401, "otp_invalid");
            }
        }
    }

    async fn two_codes_of_a_newcomer_at_once_make_one_account(app) {
        let client = app.client();
        for index in 0..10 {
            let first = send(&client, &number(index)).await;
            app.advance(Duration::from_mins(1));
            let second = send(&client, &number(index)).await;
            let (first, second) = tokio::join!(first.answer(&client), second.answer(&client));
            assert!([first.status, second.status].contains(&200));
            assert_eq!(app.count(&format!("select count(*) from users where phone = '{}'", number(index))).await, 1);
        }
    }

    async fn guesses_survive_a_restart(app) {
        let client = app.client();
        let sent = send(&client, &number(1)).await;
        for turn in 0..4 {
            sent.guess(&client, &sent.wrong(turn)).await.expect(401);
        }
        let app = app.restart().await;
        let client = app.client();
        sent.guess(&client, &sent.wrong(4)).await.expect_problem(401, "otp_invalid");
        sent.answer(&client).await.expect_problem(429, "otp_attempts_exceeded");
        assert_eq!(guesses(&app).await, 5);
    }

    async fn tokens_and_codes_survive_a_restart(app) {
        let user = app.client().sign_in(&number(1)).await;
        let sent = send(&app.client(), &number(2)).await;
        let app = app.restart().await;
        let mut client = app.client();
        client.token.clone_from(&user.token);
        client.get("/user/me").await.expect(200);
        sent.answer(&app.client()).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_on_two_nodes_count_together() {
    let Some(engine) = Engine::postgres().await else { return };
    let app = TestApp::start(engine).await;
    let other = app.beside().await;
    let clients = [app.client(), other.client()];
    for index in 0..size(5, 100) {
        let sent = send(&clients[0], &number(index)).await;
        let guess = |turn: u64| {
            let (client, sent) = (&clients[usize::from(turn % 2 == 1)], &sent);
            async move { sent.guess(client, &sent.wrong(turn)).await.status }
        };
        let statuses = join_all((0..20).map(guess)).await;
        assert_eq!((with_status(&statuses, 401), with_status(&statuses, 429)), (5, 15));
        sent.answer(&clients[1]).await.expect_problem(429, "otp_attempts_exceeded");
    }
    let sent = send(&clients[0], &number(999)).await;
    let statuses = join_all((0..4).map(|turn| sent.answer(&clients[turn % 2]))).await;
    let statuses: Vec<u16> = statuses.iter().map(|answer| answer.status).collect();
    assert_eq!((with_status(&statuses, 200), with_status(&statuses, 401)), (1, 3));
}

async fn kill_after_four_guesses(engine: Engine) {
    let site = Site::new(&engine, &[]).await;
    let process = site.start().await;
    let client = process.client();
    let sent = send(&client, &number(1)).await;
    for turn in 0..4 {
        sent.guess(&client, &sent.wrong(turn)).await.expect(401);
    }
    process.kill();
    let process = site.start().await;
    let client = process.client();
    sent.guess(&client, &sent.wrong(4)).await.expect_problem(401, "otp_invalid");
    sent.answer(&client).await.expect_problem(429, "otp_attempts_exceeded");
}

mod a_killed_process_leaves_a_code_the_one_guess_it_had {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_sqlite() {
        kill_after_four_guesses(Engine::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_postgres() {
        if let Some(engine) = Engine::postgres().await {
            kill_after_four_guesses(engine).await;
        }
    }
}
