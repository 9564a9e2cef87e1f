//! The daily quota: exact in a race, across midnight and with a clock that jumps, and no way round it.

mod days;
mod races;
mod refunds;
mod ways_round;

use futures_util::future::join_all;
use pollux::domain::ids::UserId;
use pollux::domain::time::Day;
use pollux::storage::Db;

use crate::harness::{Client, TestApp};

/// Messages a day on Basic.
const LIMIT: u32 = 5;

/// Sends so many messages at once; how many were accepted. The others were refused for the quota and nothing else.
async fn send_at_once(user: &Client, room: &str, count: usize) -> usize {
    let answers = join_all((0..count).map(|_| user.say(room, "Me first!"))).await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    let refused = answers.iter().filter(|answer| (answer.status, answer.code()) == (429, "quota_exceeded")).count();
    let others: Vec<_> = answers.iter().filter(|answer| !matches!(answer.status, 202 | 429)).collect();
    assert_eq!(accepted + refused, count, "{others:?}");
    accepted
}

/// Units used on a day, as stored.
async fn used(app: &TestApp, user: UserId, day: Day) -> u32 {
    app.house.app.db.used(user, day).await.unwrap()
}

/// The engine, for the figures.
fn engine(app: &TestApp) -> &'static str {
    if matches!(app.house.app.db, Db::Sqlite(_)) { "sqlite" } else { "postgres" }
}
