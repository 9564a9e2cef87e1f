//! What cuts a reply that is being written: a reload of the page, and the end of the server.

use super::person::plain;
use super::{Stage, long_message};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_in_mid_reply_loses_and_repeats_nothing() {
    let Some(stage) = Stage::demo(&[]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    page.say(&long_message()).await;
    let before = page.reply_under_way().await;
    page.driver().refresh().await.unwrap();
    let after = page.reply_under_way().await;
    assert_eq!(after.id, before.id);
    let whole = page.reply_at_its_end().await;
    assert_eq!(plain(&whole.text), plain(&stage.stored().await[0][2]));
    assert_eq!((page.count("user").await, page.count("assistant").await), (1, 1));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_told_of_and_the_reply_goes_on_after_it() {
    let Some(mut stage) = Stage::demo(&[]).await else { return };
    stage.browser.pardon("net::ERR_");
    stage.browser.sign_in().await;
    stage.browser.say(&long_message()).await;
    let before = stage.browser.reply_under_way().await;
    stage.kill();
    stage.browser.reads("#connection", "Connecting again").await;
    let meanwhile = stage.browser.reply("what was shown", |_| true).await;
    assert!(meanwhile.text.len() >= before.text.len(), "{before:?} became {meanwhile:?}");

    stage.start_again().await;
    let page = &stage.browser;
    let whole = page.reply_at_its_end().await;
    assert_eq!((whole.id, whole.outcome.as_str()), (before.id, "completed"));
    assert_eq!(plain(&whole.text), plain(&stage.stored().await[0][2]));
    assert_eq!(page.eval("return document.querySelector('#connection').innerText").await, "");
    assert_eq!((page.count("user").await, page.count("assistant").await), (1, 1));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_sent_while_the_server_is_away_arrives_once() {
    let Some(mut stage) = Stage::demo(&[("DEMO_REPLY_MS", "0")]).await else { return };
    stage.browser.pardon("net::ERR_");
    stage.browser.sign_in().await;
    stage.browser.say("Before.").await;
    let before = stage.browser.reply_at_its_end().await;
    stage.kill();
    for text in ["Into the dark.", "Second.", "Third."] {
        stage.browser.say(text).await;
    }
    stage.browser.reads("#messages", "Not sent yet").await;
    stage.start_again().await;
    let page = &stage.browser;
    let has_come =
        "return document.querySelectorAll('.message[data-role=assistant][data-status=complete]').length === 4";
    page.until("replies to all", has_come).await;
    assert_ne!(page.reply_at_its_end().await.id, before.id);
    let said = stage.site().rows("select content from messages where role = 'user' order by seq").await;
    assert_eq!(said, [["Before."], ["Into the dark."], ["Second."], ["Third."]]);
    let shown = "return [...document.querySelectorAll('.message[data-role=user]')].map((it) => it.innerText.trim())";
    assert_eq!(page.eval(shown).await, serde_json::json!(["Before.", "Into the dark.", "Second.", "Third."]));

    // A room that goes while the line is cut is told of, and the cut no more.
    stage.browser.pardon("404");
    stage.kill();
    stage.browser.reads("#connection", "Connecting again").await;
    stage.site().execute("delete from messages; delete from chatrooms;").await;
    stage.start_again().await;
    stage.browser.reads("#notice", "That room is gone.").await;
    stage.browser.until("a line", "return document.querySelector('#connection').textContent === ''").await;
    stage.end().await;
}
