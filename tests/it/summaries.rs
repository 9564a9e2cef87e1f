//! Summaries of long rooms.

mod context;
mod fenced;
mod shown;

use pollux::domain::ids::ChatroomId;
use pollux::domain::job::{JobKind, NewJob};
use pollux::domain::stream::OwnRoom;
use pollux::domain::summary::{INSTRUCTIONS, Material};
use pollux::providers::model::Prompt;
use serde_json::Value;

use crate::harness::{Client, TestApp, user_id};

/// Says something and has it answered, and whatever follows from that done.
async fn exchange(app: &TestApp, user: &Client, room: &str, content: &str) -> Value {
    let sent = user.say(room, content).await.expect(202).body;
    app.run_jobs().await;
    sent
}

/// Exchanges in a room, each with a word of its own, until a summary is due; with the reply to the last one it is made.
async fn long_room(app: &TestApp, user: &Client) -> String {
    let room = user.room().await;
    exchange(app, user, &room, "My name is Asha and I plan a trip to Goa.").await;
    for number in 2..=21 {
        exchange(app, user, &room, &format!("Thing {number}.")).await;
    }
    room
}

async fn summary(user: &Client, room: &str) -> Value {
    user.get(&format!("/chatroom/{room}")).await.expect(200).body["summary"].clone()
}

fn is_summary(prompt: &Prompt) -> bool {
    prompt.instructions.as_deref() == Some(INSTRUCTIONS)
}

/// What the model was given to summarise, each time.
fn materials(app: &TestApp) -> Vec<Material> {
    let asked = app.model.prompts().into_iter().filter(is_summary);
    asked.map(|prompt| serde_json::from_str(&prompt.turns[0].text).unwrap()).collect()
}

/// Asks for a summary of a room behind everybody's back.
async fn ask_for_summary(app: &TestApp, user: &Client, room: &str) {
    let (room, owner) = (ChatroomId::parse(room).unwrap(), user_id(user).await);
    let new = NewJob::about_room(JobKind::SummariseRoom, room, owner, app.clock.now());
    app.house.app.db.enqueue(new).await.unwrap();
}

async fn own(user: &Client, room: &str) -> OwnRoom {
    OwnRoom { owner: user_id(user).await, room: ChatroomId::parse(room).unwrap() }
}
