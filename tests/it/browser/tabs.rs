//! Two tabs of one person.

use super::person::plain;
use super::{Stage, long_message};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tabs_show_the_same_reply_and_sign_out_together() {
    let Some(stage) = Stage::demo(&[]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    stage.room("Of two tabs").await;
    page.driver().refresh().await.unwrap();
    page.click("link", "Of two tabs").await;
    page.reads("#room-name", "Of two tabs").await;
    let room = page.place().await;
    let first = page.driver().window().await.unwrap();
    let second = page.another_tab().await;
    page.go(&room).await;
    page.see("#draft").await;

    page.turn_to(&first).await;
    page.say(&long_message()).await;
    page.reply_under_way().await;
    page.turn_to(&second).await;
    let seen = page.reply_under_way().await;
    let there = page.reply_at_its_end().await;
    assert_eq!(there.id, seen.id);
    page.turn_to(&first).await;
    let here = page.reply_at_its_end().await;
    let stored = stage.stored().await;
    assert_eq!([plain(&here.text), plain(&there.text)], [plain(&stored[0][2]), plain(&stored[0][2])]);
    assert_eq!((page.count("user").await, page.count("assistant").await), (1, 1));

    page.click("button", "Account").await;
    page.click("button", "Sign out").await;
    page.see("#signin").await;
    page.turn_to(&second).await;
    page.see("#signin").await;
    assert!(!page.shows("#app").await);
    stage.end().await;
}
