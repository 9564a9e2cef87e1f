//! A stop by signal, with requests and replies running.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pollux::storage::Sql;
use serde_json::json;

use super::{ask, engines, long_message, reaches, rows};
use crate::harness::process::Site;
use crate::harness::{Client, Engine, fresh_number};
use crate::proof::figures;

static LEASED: Sql = Sql::new("select count(*) from jobs where state = 'running'");
static JOBS: Sql = Sql::new("select count(*) from jobs where state <> 'dead'");

/// Sends and waits for replies until nobody answers any more; what was answered.
async fn keep_sending(user: Client, room: String, is_over: Arc<AtomicBool>) -> Vec<u16> {
    let mut statuses = Vec::new();
    while !is_over.load(Ordering::SeqCst) {
        let request = user
            .request(reqwest::Method::POST, &format!("/chatroom/{room}/message"))
            .header("content-type", "application/json")
            .header("prefer", "wait=25")
            .body(json!({"content": long_message("w")}).to_string());
        // A connection that is refused is no answer: the door is closed already.
        match request.send().await {
            Ok(response) => statuses.push(response.status().as_u16()),
            // The door is closed.
            Err(_) => return statuses,
        }
    }
    statuses
}

async fn stop_under_load(engine: Engine) {
    let site = Site::new(&engine, &[("BASIC_TIER_DAILY_LIMIT", "1000")]).await;
    let mut process = site.start().await;
    let port = process.address.port();
    let (mut replies, mut senders) = (Vec::new(), Vec::new());
    let is_over = Arc::new(AtomicBool::new(false));
    for _ in 0..4 {
        let user = process.client().sign_in(&fresh_number()).await;
        replies.push((user.clone(), ask(&user, &long_message("r")).await));
        let room = user.room().await;
        senders.push(tokio::spawn(keep_sending(user, room, Arc::clone(&is_over))));
    }
    for (user, path) in &replies {
        reaches(user, path, &["generating"], Duration::from_secs(20)).await;
    }
    process.signal("TERM");
    let told = Instant::now();
    let status = process.ended(Duration::from_secs(30)).await;
    let took = told.elapsed();
    is_over.store(true, Ordering::SeqCst);
    assert_eq!(status.code(), Some(0), "{}", process.log());
    let mut answers = 0;
    for sender in senders {
        let statuses = sender.await.unwrap();
        answers += statuses.len();
        assert!(statuses.iter().all(|status| matches!(status, 200 | 202)), "{statuses:?}");
    }
    assert!(answers >= 4, "requests that waited were cut: {answers} of 4 answered");

    let db = site.database().await;
    assert_eq!(rows::<(i64,)>(&db, &LEASED, vec![]).await[0].0, 0, "a job is left leased");
    let left = rows::<(i64,)>(&db, &JOBS, vec![]).await[0].0;
    drop(db);
    let process = site.start_at(port).await;
    let up = Instant::now();
    for (user, path) in &replies {
        reaches(user, path, &["complete", "generating"], Duration::from_secs(1)).await;
    }
    assert!(up.elapsed() <= Duration::from_secs(1));
    drop(process);
    figures(&format!(
        "R5 {}: exit 0 in {took:?} (at most 30 s), {left} jobs for the next start, 0 leased",
        engine.name()
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_by_signal_loses_nothing_and_leaves_nothing_leased() {
    futures_util::future::join_all(engines().await.into_iter().map(stop_under_load)).await;
}
