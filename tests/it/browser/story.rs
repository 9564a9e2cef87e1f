//! The whole of it: from a number to a reply that grows before one's eyes.

use super::person::plain;
use super::{Stage, long_message};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_signs_in_and_sees_a_reply_grow() {
    let Some(stage) = Stage::demo(&[]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    page.reads("#quota", "5 of 5 messages left").await;

    page.say(&long_message()).await;
    let early = page.reply_under_way().await;
    let later = page.reply("a longer one", |it| it.id == early.id && it.text.len() > early.text.len()).await;
    assert!(plain(&later.text).starts_with(&plain(&early.text)), "{early:?} became {later:?}");
    let whole = page.reply_at_its_end().await;
    let stored = stage.stored().await;
    assert_eq!(stored.len(), 1);
    assert_eq!([&stored[0][0], &stored[0][1]], ["complete", "completed"]);
    assert_eq!(plain(&whole.text), plain(&stored[0][2]));
    page.reads("#quota", "4 of 5 messages left").await;
    assert_eq!(page.reads("#connection", "").await, "");

    page.driver().refresh().await.unwrap();
    assert_eq!(plain(&page.reply_at_its_end().await.text), plain(&whole.text));
    assert_eq!((page.count("user").await, page.count("assistant").await), (1, 1));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_code_is_told_in_words_and_the_right_one_still_opens() {
    let Some(stage) = Stage::demo(&[]).await else { return };
    let page = &stage.browser;
    page.pardon("401");
    page.go("/").await;
    page.fill("textbox", "Phone number", "12").await;
    page.pardon("422");
    page.click("button", "Send code").await;
    page.reads("#signin-error", "country code").await;
    page.fill("textbox", "Phone number", &crate::harness::fresh_number()).await;
    page.click("button", "Send code").await;
    let code = page.demo_code().await;
    assert!(page.find("button", "Sign in").await.is_enabled().await.unwrap());
    page.reads("#resend", "Send again in").await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    page.fill("textbox", "Code", wrong).await;
    page.click("button", "Sign in").await;
    page.reads("#signin-error", "not right").await;
    page.fill("textbox", "Code", &code).await;
    page.click("button", "Sign in").await;
    page.see("#app").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_asked_for_again_after_a_failure_and_known_after_a_way_back() {
    let Some(stage) = Stage::demo(&[]).await else { return };
    let page = &stage.browser;
    page.go("/").await;
    page.put_up_gates().await;
    let sent = serde_json::json!({"challenge_id": "1", "expires_in": 300, "resend_after": 0, "otp": "123456"});
    page.answer("code", 200, Some(sent)).await;
    page.fill("textbox", "Phone number", &crate::harness::fresh_number()).await;
    page.click("button", "Send code").await;
    page.demo_code().await;
    let refusal = |detail: &str| Some(serde_json::json!({"code": "rate_limited", "detail": detail}));
    page.answer("code", 503, refusal("Not now.")).await;
    for _ in 0..2 {
        page.click("button", "Send again").await;
        page.reads("#signin-error", "Not now.").await;
        page.until("another try", "return !document.querySelector('#resend').disabled").await;
    }
    page.click("button", "Use another number").await;
    page.click("button", "Send code").await;
    assert_eq!(page.demo_code().await, "123456", "the code that was sent is still good");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_are_made_renamed_found_and_deleted() {
    let Some(stage) = Stage::demo(&[("DEMO_REPLY_MS", "0")]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    for name in ["Stars", "Rivers"] {
        page.click("button", "New chat").await;
        page.until("an empty room", "return !location.hash && !document.querySelector('.message')").await;
        page.say(&format!("Tell me of {name}.")).await;
        page.until("a room in the list", "return document.querySelector('[aria-current=page]')").await;
        page.click_on("li:has([aria-current=page]) button").await;
        page.click("menuitem", "Rename").await;
        page.find("dialog", "Rename room").await;
        page.fill("textbox", "Name", name).await;
        page.click("button", "Save").await;
        page.reads("#room-name", name).await;
        page.gone("dialog").await;
    }
    page.fill("searchbox", "Search rooms", "star").await;
    page.until("one room left", "return document.querySelectorAll('#room-list li').length === 1").await;
    page.click("link", "Stars").await;
    page.reads("#room-name", "Stars").await;
    page.click("button", "Options for Stars").await;
    page.click("menuitem", "Delete").await;
    page.find("dialog", "Delete room").await;
    page.click("button", "Delete").await;
    page.fill("searchbox", "Search rooms", "").await;
    page.until(
        "the other room alone",
        "return document.querySelector('#room-list').innerText.trim().startsWith('Rivers')",
    )
    .await;
    assert_eq!(
        page.eval("return document.querySelector('#notice').innerText").await,
        "",
        "who deletes a room knows it"
    );
    assert_eq!(stage.site().rows("select name from chatrooms").await, [["Rivers"]]);
    stage.end().await;
}
