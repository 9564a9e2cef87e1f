//! The day's messages used up, and the way to more of them.

use super::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_quota_is_used_up_the_demo_checkout_leads_to_pro() {
    let Some(stage) = Stage::demo(&[("BASIC_TIER_DAILY_LIMIT", "1"), ("DEMO_REPLY_MS", "0")]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    page.say("The only one.").await;
    page.reply_at_its_end().await;
    page.reads("[role=alert]", "More at").await;
    page.fill("textbox", "Message", "One more?").await;
    assert!(!page.see("#send").await.is_enabled().await.unwrap());
    let room = page.place().await;

    page.click("button", "Upgrade to Pro").await;
    page.find("heading", "Demo checkout").await;
    page.click("button", "Pay").await;
    page.click("link", "Back to the chat").await;
    page.gone("#upgrade").await;
    page.reads("#notice", "You are on Pro now.").await;
    assert_eq!(page.place().await, room);
    assert_eq!(stage.site().rows("select tier from users").await, [["Pro"]]);
    // What was typed is still there.
    page.until("a draft", "return document.querySelector('#draft').value === 'One more?'").await;
    page.click("button", "Send").await;
    page.reply("a second reply", |it| it.status == "complete" && it.text.contains("One more?")).await;
    stage.end().await;
}
