//! Streams that are cut, again and again: the text put together is the stored one.

use std::time::Duration;

use futures_util::future::join_all;

use super::{ask, working};
use crate::harness::events::Joined;
use crate::harness::{Client, TestApp, on_both_engines};
use crate::proof::{figures, size};

/// Watches a reply with a stream that breaks after a few events each time.
async fn watch_in_cuts(user: &Client, room: &str, cuts: usize) -> Joined {
    let mut joined = Joined::default();
    for cut in 0.. {
        let mut events = user.watch(room, joined.place.as_deref()).await;
        let few = if cut < cuts { rand::random_range(1..6) } else { usize::MAX };
        for _ in 0..few {
            let Some(event) = events.next().await else { break };
            joined.take(&event);
            if joined.last.is_some() {
                return joined;
            }
        }
    }
    unreachable!("a stream that is not cut reads on to the end")
}

async fn every_text_is_whole(app: &TestApp, streams: usize) {
    let _working = working(app);
    app.model.pace(Duration::from_millis(2), Duration::from_millis(4));
    let watching = (0..streams).map(|number| async move {
        let user = app.pro().await;
        let room = user.room().await;
        let reply = ask(&user, &room, &format!("Nummer {number}: grüß dich, नमस्ते, und 👩‍👩‍👧!")).await;
        let joined = watch_in_cuts(&user, &room, 5).await;
        let stored = user.get(&format!("/chatroom/{room}/message/{reply}")).await.expect(200).body;
        assert_eq!(stored["content"], joined.text);
        assert_eq!((joined.last, joined.ends), (Some(stored), 1));
    });
    join_all(watching).await;
}

on_both_engines! {
    async fn a_stream_that_is_cut_five_times_at_random_is_put_together_whole(app) {
        let streams = size(40, 1_000);
        for _ in 0..streams / 40 {
            every_text_is_whole(&app, 40).await;
        }
        figures(&format!("R10: {streams} of {streams} streams cut 5 times each were whole"));
    }
}
