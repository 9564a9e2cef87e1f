//! The width of a phone.

use super::Stage;
use crate::harness::browser::Look;

/// How far the page is wider than its screen, in pixels.
const OVERHANG: &str = "return document.documentElement.scrollWidth - window.innerWidth";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_phone_the_rooms_are_in_a_drawer_and_nothing_hangs_over() {
    let Some(stage) = Stage::demo(&[("DEMO_REPLY_MS", "0")]).await else { return };
    let page = &stage.browser;
    page.look(Look::PHONE).await;
    page.sign_in().await;
    assert!(!page.has("button", "New chat").await, "the drawer is shut");
    page.say(&format!("A long word: {}", "Donaudampfschifffahrt".repeat(9))).await;
    page.press("A second line.").await;
    page.click("button", "Send").await;
    page.until(
        "a message of two lines",
        "return document.querySelector('.message .text').textContent.split('\\n').length === 2",
    )
    .await;
    page.reply_at_its_end().await;
    assert_eq!(page.eval(OVERHANG).await, 0);

    page.click("button", "Show rooms").await;
    page.find("button", "New chat").await;
    assert_eq!(page.eval(OVERHANG).await, 0);
    page.click("button", "New chat").await;
    page.until("an empty room", "return !document.querySelector('.message')").await;
    page.until("a shut drawer", "return document.querySelector('#rooms').inert").await;
    page.find("textbox", "Message").await;
    page.click("button", "Show rooms").await;
    page.click_on("#room-list a").await;
    page.until("a shut drawer again", "return document.querySelector('#rooms').inert").await;
    page.reply_at_its_end().await;
    page.click("button", "Show rooms").await;
    page.click_on("#room-list a").await;
    page.until("a drawer shut by the room that is open", "return document.querySelector('#rooms').inert").await;
    page.click("button", "Show rooms").await;
    page.key(thirtyfour::Key::Escape).await;
    page.until("a drawer shut by Escape", "return document.querySelector('#rooms').inert").await;
    stage.end().await;
}
