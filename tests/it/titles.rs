//! Titles of rooms that nobody named.

mod first_words;
mod jobs;
mod names;

use serde_json::{Value, json};

use crate::harness::{Client, TestApp};

/// Makes a room that nobody named.
async fn unnamed(user: &Client) -> String {
    user.post("/chatroom", json!({})).await.expect(201).body["id"].as_str().unwrap().to_owned()
}

/// What a room is called, which the list and the room must agree about.
async fn name_of(user: &Client, room: &str) -> String {
    let shown = user.get(&format!("/chatroom/{room}")).await.expect(200).body["name"].clone();
    let listed = user.get("/chatroom").await.expect(200).body["chatrooms"].clone();
    let listed = listed.as_array().unwrap().iter().find(|listed| listed["id"] == room).unwrap()["name"].clone();
    assert_eq!(listed, shown);
    shown.as_str().unwrap().to_owned()
}

/// Jobs that were given up, by kind.
async fn dead(app: &TestApp) -> Vec<String> {
    app.house.app.db.dead_jobs(99).await.unwrap().into_iter().map(|job| job.kind).collect()
}

/// Jobs that are still to be done.
async fn open_jobs(app: &TestApp) -> Vec<String> {
    app.house.app.db.queue_depths().await.unwrap().into_iter().map(|depth| depth.kind).collect()
}

fn named(name: &str) -> Value {
    json!({"name": name})
}
