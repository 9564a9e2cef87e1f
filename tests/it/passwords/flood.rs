//! More sign-ins than can be hashed: the surplus is told at once, and everybody else is served.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use super::{RIGHT, WRONG, forgot, guesses, log_in, misses, number, reset_with, with_password};
use crate::harness::process::Site;
use crate::harness::{Engine, on_both_engines};
use crate::proof::{figures, is_full};

on_both_engines! {
    async fn beyond_the_queue_passwords_are_refused_at_once_and_the_rest_is_served(app) {
        let owner = with_password(&app, &number(1)).await;
        app.advance(Duration::from_mins(1));
        let client = app.client();
        let sent = forgot(&client, &number(1)).await;
        let counted = guesses(&app).await;
        let places: Vec<_> = std::iter::from_fn(|| app.house.app.hasher.turn().ok()).collect();
        assert!(places.len() > 32);
        let began = Instant::now();
        let change = json!({"new_password": "eight grey geese", "old_password": RIGHT});
        for answer in [
            log_in(&client, &number(1), RIGHT).await,
            log_in(&client, &number(2), RIGHT).await,
            client.post("/auth/reset-password", reset_with(&number(1), &sent, RIGHT)).await,
            owner.post("/auth/change-password", change).await,
        ] {
            assert_eq!(answer.expect_problem(503, "overloaded").header("retry-after"), "1");
        }
        owner.get("/user/me").await.expect(200);
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!((misses(&app).await, guesses(&app).await), (0, counted), "nobody lost a guess");
        drop(places);
        client.post("/auth/reset-password", reset_with(&number(1), &sent, RIGHT)).await.expect(200);
        log_in(&client, &number(1), RIGHT).await.expect(200);
    }

    async fn of_a_hundred_at_once_each_is_answered_and_reads_go_on(app) {
        let user = app.user().await;
        let client = app.client();
        let flood = join_all((0..100).map(|index| {
            let client = client.clone();
            async move { log_in(&client, &number(index), WRONG).await }
        }));
        let reads = async {
            for _ in 0..50 {
                user.get("/user/me").await.expect(200);
            }
        };
        let (answers, ()) = tokio::join!(flood, reads);
        let missed = answers.iter().filter(|answer| answer.status == 401).count();
        assert!(missed >= 33, "{missed}");
        for answer in answers.into_iter().filter(|answer| answer.status != 401) {
            assert_eq!(answer.expect_problem(503, "overloaded").header("retry-after"), "1");
        }
        assert_eq!(misses(&app).await, i64::try_from(missed).unwrap());
    }
}

fn percentile(mut spans: Vec<Duration>, part: usize) -> Duration {
    spans.sort();
    spans[(spans.len() * part / 100).min(spans.len() - 1)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_sign_ins_takes_neither_the_time_nor_the_memory_of_the_rest() {
    let site = Site::new(&Engine::Sqlite, &[]).await;
    let process = site.start().await;
    let user = process.client().sign_in(&number(0)).await;
    user.get("/user/me").await.expect(200);
    let (before, seconds) = (process.status_kib("VmRSS"), if is_full() { 10 } else { 2 });
    let end = Instant::now() + Duration::from_secs(seconds);
    let flood = join_all((0..64).map(|lane: usize| {
        let client = process.client();
        async move {
            let mut refusals = Vec::new();
            for turn in (0..).take_while(|_| Instant::now() < end) {
                let began = Instant::now();
                let answer = log_in(&client, &number(lane * 10_000 + turn), WRONG).await;
                match answer.status {
                    503 => refusals.push(began.elapsed()),
                    status => assert_eq!(status, 401, "{}", answer.text),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            refusals
        }
    }));
    let reads = async {
        let (mut spans, mut most) = (Vec::new(), before);
        while Instant::now() < end {
            let began = Instant::now();
            user.get("/user/me").await.expect(200);
            spans.push(began.elapsed());
            most = most.max(process.status_kib("VmRSS"));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        (spans, most)
    };
    let (refusals, (spans, most)) = tokio::join!(flood, reads);
    let refusals: Vec<Duration> = refusals.concat();
    let (read, refusal) = (percentile(spans, 99), percentile(refusals.clone(), 99));
    figures(&format!(
        "flood of sign-ins: reads p99 {} ms, {} refusals p99 {} ms, memory +{} MiB",
        read.as_millis(),
        refusals.len(),
        refusal.as_millis(),
        (most - before) / 1024
    ));
    let cores = u64::try_from(std::thread::available_parallelism().unwrap().get()).unwrap();
    assert!(most - before <= (19 * cores + 32) * 1024, "{before} KiB grew to {most} KiB");
    if is_full() && !cfg!(debug_assertions) {
        assert!(read <= Duration::from_millis(50) && refusal <= Duration::from_millis(100));
    }
}
