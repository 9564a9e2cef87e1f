//! Jobs: what becomes of each reply, when it is tried again, whose turn it is, and who may write it.

mod breaker;
mod dead;
mod deadlines;
mod deaths;
mod leases;
mod order;
mod outcomes;
mod retries;
mod stopping;

use std::time::Duration;

use pollux::domain::time::Timestamp;
use pollux::storage::{Db, FromRow, Sql, Value, Write};
use serde_json::Value as Json;

use crate::harness::work::until;
use crate::harness::{Client, TestApp};

/// More than any wait of the worker for something that is about to happen.
const SOON: Duration = Duration::from_secs(20);

/// A message that was sent, and where its reply is.
struct Asked {
    user: Client,
    room: String,
    reply: String,
}

impl Asked {
    /// Sends a message into a room of its own.
    async fn by(user: &Client, content: &str) -> Self {
        let room = user.room().await;
        Self::within(user, &room, content).await
    }

    /// Sends a message into a room.
    async fn within(user: &Client, room: &str, content: &str) -> Self {
        let sent = user.say(room, content).await.expect(202);
        let reply = sent.body["reply"]["id"].as_str().unwrap().to_owned();
        Self { user: user.clone(), room: room.to_owned(), reply }
    }

    /// The reply as it stands.
    async fn reply(&self) -> Json {
        self.user.get(&format!("/chatroom/{}/message/{}", self.room, self.reply)).await.expect(200).body
    }

    /// Waits until the reply has this status.
    async fn reaches(&self, status: &str) -> Json {
        until(SOON, &format!("a reply that is {status}"), || async {
            let reply = self.reply().await;
            (reply["status"] == status).then_some(reply)
        })
        .await
    }

    /// Insists on a final failure of this kind, with its unit given back.
    async fn has_failed(&self, error: &str) {
        let reply = self.reply().await;
        assert_eq!((&reply["status"], &reply["error"]), (&"failed".into(), &error.into()), "{reply}");
        assert_eq!(reply["content"], "");
        assert_eq!(self.user.used().await, 0);
    }
}

/// A message of a new user.
async fn asked(app: &TestApp) -> Asked {
    Asked::by(&app.user().await, "Why is the sky blue?").await
}

/// The rows that a statement returns, past the house.
async fn rows<T: FromRow>(db: &Db, sql: &'static Sql, params: Vec<Value>) -> Vec<T> {
    db.write(Write::new().then(sql, params)).await.unwrap().last().unwrap()
}

/// How many jobs there are that are not dead.
async fn waiting_jobs(app: &TestApp) -> i64 {
    static LIVING: Sql = Sql::new("select count(*) from jobs where state <> 'dead'");
    rows::<(i64,)>(&app.house.app.db, &LIVING, vec![]).await[0].0
}

/// Waits until the model has been called this often.
async fn called(app: &TestApp, times: usize) {
    until(SOON, &format!("{times} calls of the model"), || async { (app.model.calls() >= times).then_some(()) }).await;
}

/// Waits until nobody is calling the model.
async fn silent(app: &TestApp) {
    until(SOON, "an end of all calls", || async { (app.model.running() == 0).then_some(()) }).await;
}

/// The state of the only job, and its leases and faults so far.
async fn only_job(app: &TestApp) -> (String, i64) {
    static JOB: Sql = Sql::new("select state, errors * 100 + panics * 10 + deaths from jobs where state <> 'dead'");
    let mut all: Vec<(String, i64)> = rows(&app.house.app.db, &JOB, vec![]).await;
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// When the only job may be tried again.
async fn next_try(app: &TestApp) -> Timestamp {
    static RUN_AT: Sql = Sql::new("select run_at from jobs where state = 'waiting'");
    let all: Vec<(Timestamp,)> = rows(&app.house.app.db, &RUN_AT, vec![]).await;
    assert_eq!(all.len(), 1);
    all[0].0
}
