//! Streams: what happens in a room, told as it happens, once and whole.

mod costs;
mod cuts;
mod kills;
mod opening;
mod readers;
mod stopping;
mod telling;

use std::time::Duration;

use crate::harness::events::{Events, Joined};
use crate::harness::work::Working;
use crate::harness::{Client, TestApp};

/// A worker at work, so that replies are written while they are watched.
fn working(app: &TestApp) -> Working {
    Working::start(&app.house.app, Duration::ZERO)
}

/// Sends a message into a room; the id of its reply.
async fn ask(user: &Client, room: &str, content: &str) -> String {
    let sent = user.say(room, content).await.expect(202).body;
    sent["reply"]["id"].as_str().unwrap().to_owned()
}

/// Reads a stream until the end of a reply.
async fn read_to_end(events: &mut Events, joined: &mut Joined) {
    while joined.last.is_none() {
        let event = events.next().await.expect("the stream ended before the reply");
        joined.take(&event);
    }
}
