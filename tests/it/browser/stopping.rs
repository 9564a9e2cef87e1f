//! Stopping a reply.

use thirtyfour::Key;

use super::person::plain;
use super::{Stage, long_message};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_reply_keeps_what_was_written() {
    let Some(stage) = Stage::demo(&[]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    page.say(&long_message()).await;
    page.reply("some lines", |it| it.status == "generating" && it.text.len() > 100).await;
    page.click("button", "Stop").await;
    let stopped = page.reply("a stopped one", |it| it.outcome == "stopped").await;
    assert!(stopped.text.len() > 30 && stopped.reason.contains("Stopped"), "{stopped:?}");
    page.gone("#stop").await;
    assert_eq!(page.eval("return document.activeElement.id").await, "draft", "the focus is not lost with the button");
    let stored = stage.stored().await;
    assert_eq!([&stored[0][0], &stored[0][1]], ["complete", "stopped"]);
    assert_eq!(plain(&stopped.text), plain(&stored[0][2]));

    page.say(&long_message()).await;
    page.reply("the next one", |it| it.id != stopped.id && it.status == "generating").await;
    // There the key clears the search.
    page.fill("searchbox", "Search rooms", "a").await;
    page.key(Key::Escape).await;
    page.reply("the same, going on", |it| it.id != stopped.id && it.status == "generating").await;
    page.see("#draft").await.click().await.unwrap();
    page.key(Key::Escape).await;
    let next = page.reply("the next one stopped", |it| it.id != stopped.id && it.outcome == "stopped").await;
    assert_eq!(next.status, "complete");
    stage.end().await;
}
