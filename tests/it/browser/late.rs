//! What was written, when its answer is late or is a refusal.

use serde_json::json;

use super::person::plain;
use super::{Stage, long_message, spoken, spoken_slowly};
use crate::harness::browser::Browser;

impl Browser {
    async fn draft_is(&self, text: &str) {
        let what = format!("«{text}» in the draft");
        self.eventually(&what, async || {
            (self.eval("return document.querySelector('#draft').value").await == text).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_refused_while_another_room_is_open_comes_back_to_the_draft_of_its_own() {
    let Some(stage) = Stage::demo(&[("DEMO_REPLY_MS", "0")]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    stage.room("One").await;
    stage.room("Other").await;
    page.put_up_gates().await;
    page.click("link", "One").await;
    page.reads("#room-name", "One").await;
    page.hold("send").await;
    let refusal = json!({"code": "validation_failed", "detail": "That cannot be sent."});
    page.answer("send", 422, Some(refusal)).await;
    page.say("Not to be lost.").await;
    page.click("link", "Other").await;
    page.reads("#room-name", "Other").await;
    page.release("send").await;
    page.draft_is("").await;
    page.click("link", "One").await;
    page.draft_is("Not to be lost.").await;
    page.reads("#notice", "That cannot be sent.").await;
    page.answer("send", 0, None).await;
    page.click("button", "Send").await;
    page.reply_at_its_end().await;
    assert_eq!(page.eval("return document.activeElement.id").await, "draft", "the focus stays where one writes");
    assert_eq!(page.count("user").await, 1);

    page.pardon("404");
    // Typed in a room that goes meanwhile: it goes along to a new chat.
    page.press("Half a thought").await;
    stage.delete_room("One").await;
    page.reads("#notice", "That room is gone.").await;
    page.draft_is("Half a thought").await;
    let kept = "return Object.keys(localStorage).filter((name) => name.startsWith('pollux.draft')).length";
    page.until("one draft", &format!("window.dispatchEvent(new Event('pagehide')); {kept} === 1")).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_message_is_offered_unless_it_arrived() {
    let Some(stage) = Stage::demo(&[("DEMO_REPLY_MS", "0")]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    page.say("This one arrived.").await;
    page.reply_at_its_end().await;
    // As a browser that was closed before the answer came has kept them.
    let keep = "
        const at = Date.now() - 11 * 60_000;
        const items = ['This one arrived.', 'This one did not.', 'Nor did this.'].map((content, index) => ({ key: `old-${index}`, content, at }));
        localStorage.setItem(`pollux.outbox.${location.hash.slice(1)}`, JSON.stringify(items));";
    page.eval(keep).await;
    page.driver().refresh().await.unwrap();
    page.until("two that are offered", "return document.querySelectorAll('.note').length === 2").await;
    assert_eq!(page.count("user").await, 3);
    page.click("button", "Discard").await;
    page.until("one that is offered", "return document.querySelectorAll('.note').length === 1").await;
    page.click("button", "Send again").await;
    page.until("nothing left", "return !document.querySelector('.note')").await;
    page.until(
        "two replies",
        "return document.querySelectorAll('[data-status=complete][data-role=assistant]').length === 2",
    )
    .await;
    assert_eq!(page.count("user").await, 2);
    let said = stage.site().rows("select content from messages where role = 'user' order by seq").await;
    assert_eq!(said, [["This one arrived."], ["This one did not."]]);
    assert_eq!(page.eval("return Object.keys(localStorage).filter((it) => it.includes('outbox')).length").await, 0);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_try_grows_in_both_tabs_and_an_older_reply_stays_in_view() {
    let Some(stage) = Stage::scripted(&[]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    stage.model().otherwise(Some(spoken(&"Some words on many lines.\n\n".repeat(40))));
    page.say("At length.").await;
    let long = page.reply_at_its_end().await;
    stage.model().otherwise(Some(pollux::fakes::gemini::Reply::error(400, "INVALID_ARGUMENT", "No.")));
    page.say("And now fail.").await;
    page.reply("a failed reply", |it| it.status == "failed").await;
    let (room, first) = (page.place().await, page.driver().window().await.unwrap());
    let second = page.another_tab().await;
    page.go(&room).await;
    page.reply("the failed reply there", |it| it.status == "failed").await;
    page.until("a stream", "return document.querySelector('#connection').textContent === ''").await;

    page.turn_to(&first).await;
    stage.model().otherwise(Some(spoken_slowly(&"Now it works, a word at a time. ".repeat(30))));
    page.click("button", "Try again").await;
    page.turn_to(&second).await;
    page.reply_under_way().await;
    let there = page.reply("a whole reply", |it| it.status == "complete").await;
    page.turn_to(&first).await;
    let here = page.reply("a whole reply", |it| it.status == "complete").await;
    assert_eq!((plain(&here.text), here.id), (plain(&there.text), there.id));

    stage.model().otherwise(Some(spoken("Shorter.")));
    let press = "document.querySelector('#scroll').scrollTop = 0;
        document.querySelector(`[data-id='${arguments[0]}'] .actions button:nth-of-type(2)`).click();";
    page.eval_with(press, vec![json!(long.id)]).await;
    page.until("another version", "return document.querySelector('.versions')").await;
    page.until("its end", "return document.querySelector('.versions').closest('[data-status=complete]')").await;
    let seen = "const { top, bottom } = document.querySelector('.versions').getBoundingClientRect();
        return bottom > 0 && top < innerHeight";
    assert_eq!(page.eval(seen).await, true, "who asks for another reply goes on reading there");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_left_gives_its_stream_up_and_takes_it_up_again() {
    let Some(stage) = Stage::demo(&[]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    page.put_up_gates().await;
    page.say(&long_message()).await;
    page.reply_under_way().await;
    let ended =
        "const count = streams.length; window.dispatchEvent(new Event('pagehide')); return [count, streams[0].aborted]";
    assert_eq!(page.eval(ended).await, json!([1, true]));
    page.until("a second stream", "return streams.length === 2").await;
    let whole = page.reply_at_its_end().await;
    assert_eq!(plain(&whole.text), plain(&stage.stored().await[0][2]));
    // What another tab has sent is no draft of this one any more.
    page.press("Sent elsewhere").await;
    let draft = "return localStorage.getItem(`pollux.draft.${location.hash.slice(1)}`)";
    page.until("a draft that is kept", draft).await;
    page.eval("localStorage.removeItem(`pollux.draft.${location.hash.slice(1)}`); window.dispatchEvent(new Event('pagehide'))").await;
    assert!(page.eval(draft).await.is_null());
    stage.end().await;
}
