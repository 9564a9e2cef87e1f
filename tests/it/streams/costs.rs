//! What streaming costs: it does not grow with the reply or the room.

use std::time::{Duration, Instant};

use pollux::providers::model_demo::DemoAct;

use super::{ask, working};
use crate::harness::events::Joined;
use crate::harness::{TestApp, on_both_engines};

/// Statements that go with a message and the end of its reply, however long either is.
const FIXED: u64 = 60;
/// Statements in a second: saves of the text, and what a worker asks by itself.
const A_SECOND: u64 = 40;
/// What an event has beside its text, in bytes: its name, its ids, its offset.
const FRAME: usize = 260;

/// What one reply cost.
#[derive(Debug)]
struct Cost {
    pieces: usize,
    bytes_a_piece: usize,
    statements: u64,
    allowed: u64,
}

/// Watches a reply of so many words.
async fn cost_of(app: &TestApp, earlier: usize, words: usize) -> Cost {
    let user = app.pro().await;
    let room = user.room().await;
    for number in 0..earlier {
        app.model.then(DemoAct::Say("Yes.".to_owned()));
        ask(&user, &room, &format!("Message {number}")).await;
        app.run_jobs().await;
    }
    let _working = working(app);
    app.model.then(DemoAct::Say(vec!["seven77"; words].join(" ")));
    let statements = || app.house.app.db.counts().statements.get();
    let mut events = user.watch(&room, None).await;
    let (before, began) = (statements(), Instant::now());
    let reply = ask(&user, &room, "Go on.").await;
    let (mut joined, mut pieces, mut bytes) = (Joined::default(), 0, 0);
    while joined.last.is_none() {
        let seen = events.bytes;
        let event = events.next().await.unwrap();
        if event.data["message_id"] != reply {
            continue;
        }
        joined.take(&event);
        if event.name == "reply.delta" {
            pieces += 1;
            bytes += events.bytes - seen;
        }
    }
    assert_eq!(joined.text.len(), words * 8 - 1);
    let allowed = FIXED + A_SECOND * (began.elapsed().as_secs() + 1);
    Cost { pieces, bytes_a_piece: bytes / pieces, statements: statements() - before, allowed }
}

on_both_engines! {
    async fn what_a_piece_costs_does_not_grow_with_the_reply_or_the_room(app) {
        app.model.pace(Duration::ZERO, Duration::from_millis(1));
        for (earlier, words) in [(0, 200), (0, 2_000), (60, 200)] {
            let cost = cost_of(&app, earlier, words).await;
            assert!(cost.statements <= cost.allowed, "after {earlier} messages, {words} words: {cost:?}");
            assert!(cost.bytes_a_piece <= FRAME, "after {earlier} messages, {words} words: {cost:?}");
            // Most words are told as they come, so a statement for each would be noticed.
            assert!(cost.pieces * 3 > words, "{words} words: {cost:?}");
        }
    }
}
