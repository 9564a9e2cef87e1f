//! A further reply to the same message, and one in place of a failed one.

use pollux::fakes::gemini::Reply;

use super::person::Shown;
use super::{Stage, spoken};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_written_anew_stands_beside_the_first() {
    let Some(stage) = Stage::scripted(&[]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    stage.model().otherwise(Some(spoken("The first answer.")));
    page.say("Twice, please.").await;
    let first = page.reply("the first answer", |it| it.status == "complete").await;
    assert_eq!((first.text.trim(), first.versions.as_str()), ("The first answer.", ""));
    stage.model().otherwise(Some(spoken("The second answer.")));
    page.click("button", "Regenerate").await;
    let is_second = |it: &Shown| it.status == "complete" && it.id != first.id && it.versions == "2 of 2";
    let second = page.reply("the second answer", is_second).await;
    assert_eq!(second.text.trim(), "The second answer.");
    page.click("button", "Previous version").await;
    let back = page.reply("the first again", |it| it.id == first.id && it.versions == "1 of 2").await;
    assert_eq!(back.text.trim(), "The first answer.");
    page.click("button", "Next version").await;
    page.reply("the second again", |it| it.id == second.id).await;

    page.driver().refresh().await.unwrap();
    let kept = page.reply("the second after a reload", |it| it.id == second.id && it.versions == "2 of 2").await;
    assert_eq!(kept.text.trim(), "The second answer.");
    assert_eq!(page.count("user").await, 1);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_reply_says_why_and_can_be_tried_again() {
    let Some(stage) = Stage::scripted(&[]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    stage.model().otherwise(Some(Reply::error(400, "INVALID_ARGUMENT", "No.")));
    page.say("Fail first.").await;
    let failed = page.reply("a failed reply", |it| it.status == "failed").await;
    assert!(failed.reason.contains("It was not counted."), "{failed:?}");
    page.reads("#quota", "5 of 5 messages left").await;
    stage.model().otherwise(Some(spoken("Now it works.")));
    page.click("button", "Try again").await;
    let whole = page.reply("a whole reply", |it| it.status == "complete").await;
    assert_eq!((whole.text.trim(), whole.reason.trim()), ("Now it works.", ""));
    page.reads("#quota", "4 of 5 messages left").await;
    stage.end().await;
}
