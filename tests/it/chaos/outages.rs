//! Outages: with PostgreSQL away every answer is a quick and honest 503; with Redis away none is.

mod postgres;
mod redis;

use std::time::{Duration, Instant};

use crate::harness::Client;
use crate::harness::client::Answer;
use crate::harness::work::until;

/// How soon `/ready` says what is so.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
/// A busy machine's part in a time that was measured from outside.
const SLACK: Duration = Duration::from_millis(500);

/// How a server is away.
#[derive(Clone, Copy, Debug)]
enum Outage {
    /// Its process is gone.
    Stopped,
    /// The network swallows everything.
    Blackholed,
}

/// Asks `/ready` until it says that a part is in that state, which must be soon; how long it took.
async fn told(client: &Client, part: &str, state: &str) -> (Answer, Duration) {
    let began = Instant::now();
    let answer = until(TOLD_WITHIN + SLACK, &format!("a /ready that says {part}: {state}"), || async {
        let answer = client.get("/ready").await;
        (answer.body[part] == state).then_some(answer)
    })
    .await;
    let took = began.elapsed();
    assert!(took <= TOLD_WITHIN + SLACK, "/ready took {took:?} to say that {part} is {state}");
    (answer, took)
}
