//! Asking again: further replies to a message, and another try of one that failed.

mod ask_again;
mod retrying;
mod watched;

use pollux::providers::model::{ModelFault, Speaker};
use pollux::providers::model_demo::DemoAct;
use serde_json::{Value as Json, json};

use crate::harness::client::Answer;
use crate::harness::{Client, TestApp};

/// Asks for a further reply.
async fn regenerate(user: &Client, room: &str, id: &str) -> Answer {
    user.post(&format!("/chatroom/{room}/message/{id}/regenerate"), json!({})).await
}

/// Asks for another try.
async fn retry(user: &Client, room: &str, id: &str) -> Answer {
    user.post(&format!("/chatroom/{room}/message/{id}/retry"), json!({})).await
}

/// Sends a message; the ids of it and its reply.
async fn send(user: &Client, room: &str, content: &str) -> (String, String) {
    let sent = user.say(room, content).await.expect(202).body;
    (id_of(&sent["message"]), id_of(&sent["reply"]))
}

/// Sends a message that the model refuses to answer; the ids of it and its reply.
async fn send_in_vain(app: &TestApp, user: &Client, room: &str, content: &str) -> (String, String) {
    app.model.then(DemoAct::fail(ModelFault::Rejected));
    let ids = send(user, room, content).await;
    app.run_jobs().await;
    assert_eq!(show(user, room, &ids.1).await["status"], "failed");
    ids
}

fn id_of(message: &Json) -> String {
    message["id"].as_str().unwrap().to_owned()
}

async fn show(user: &Client, room: &str, id: &str) -> Json {
    user.get(&format!("/chatroom/{room}/message/{id}")).await.expect(200).body
}

/// The messages of a room, in order.
async fn listed(user: &Client, room: &str) -> Vec<Json> {
    let page = user.get(&format!("/chatroom/{room}/messages?limit=100")).await.expect(200).body;
    page["messages"].as_array().unwrap().clone()
}

/// What the model was last asked: who said what.
fn last_turns(app: &TestApp) -> Vec<(bool, String)> {
    let prompt = app.model.last_prompt().unwrap();
    prompt.turns.into_iter().map(|turn| (turn.speaker == Speaker::User, turn.text)).collect()
}
