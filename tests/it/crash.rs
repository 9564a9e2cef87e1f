//! Crashes of the real process: what was accepted stays accepted, and is answered once.

mod loops;
mod refreshes;
mod stopping;
mod takeover;
pub mod traffic;

use std::time::Duration;

use pollux::storage::{Db, FromRow, Sql, Value, Write};
use serde_json::Value as Json;

use crate::harness::work::until;
use crate::harness::{Client, Engine};

/// The engines that answer.
async fn engines() -> Vec<Engine> {
    [Some(Engine::Sqlite), Engine::postgres().await].into_iter().flatten().collect()
}

/// A message whose answer takes the demo about five seconds to write.
fn long_message(name: &str) -> String {
    format!("{name}{}", " ab".repeat(120))
}

/// Where a reply is.
pub fn path_of(sent: &Json) -> String {
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    format!("/chatroom/{}/message/{}", text(&sent["reply"]["chatroom_id"]), text(&sent["reply"]["id"]))
}

/// Sends a message into a room of its own and answers with where its reply is.
async fn ask(user: &Client, content: &str) -> String {
    let room = user.room().await;
    path_of(&user.say(&room, content).await.expect(202).body)
}

/// Waits until a reply has one of these statuses.
pub async fn reaches(user: &Client, path: &str, statuses: &[&str], within: Duration) -> Json {
    until(within, &format!("a reply that is {statuses:?}"), || async {
        let reply = user.get(path).await.expect(200).body;
        statuses.contains(&reply["status"].as_str().unwrap()).then_some(reply)
    })
    .await
}

/// The rows that a statement returns.
async fn rows<T: FromRow>(db: &Db, sql: &'static Sql, params: Vec<Value>) -> Vec<T> {
    db.write(Write::new().then(sql, params)).await.unwrap().last().unwrap()
}
