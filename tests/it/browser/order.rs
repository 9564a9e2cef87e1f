//! A reply that is over before the page hears of it in the usual order.

use pollux::fakes::gemini::Reply;
use serde_json::json;

use super::{Stage, spoken};
use crate::harness::browser::Browser;

/// Every order in which the answer to the message, the stream and the list of what it may have missed can come.
const ORDERS: [[&str; 3]; 6] = [
    ["send", "stream", "list"],
    ["send", "list", "stream"],
    ["stream", "send", "list"],
    ["stream", "list", "send"],
    ["list", "send", "stream"],
    ["list", "stream", "send"],
];

/// How many messages of each role can be seen.
const SEEN: &str = r"
const isSeen = (it) => it.checkVisibility() && it.getBoundingClientRect().height > 0;
return ['user', 'assistant'].map((role) => [...document.querySelectorAll(`.message[data-role=${role}]`)].filter(isSeen).length);
";

impl Stage {
    /// Waits until that many replies are over, whatever the page knows.
    async fn replies_over(&self, count: usize) {
        let is_over = |[status, ..]: &[String; 3]| status == "complete" || status == "failed";
        let what = format!("{count} replies that are over");
        self.browser
            .eventually(&what, async || {
                let stored = self.stored().await;
                (stored.len() == count && stored.iter().all(is_over)).then_some(())
            })
            .await;
    }
}

impl Browser {
    async fn sees(&self, user: u64, assistant: u64) {
        let what = format!("{user} messages and {assistant} replies that can be seen");
        let wanted = json!([user, assistant]);
        self.eventually(&what, async || (self.eval(SEEN).await == wanted).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_is_over_before_the_page_hears_of_it_is_seen_and_counted_in_any_order() {
    let Some(stage) = Stage::scripted(&[("BASIC_TIER_DAILY_LIMIT", "50"), ("USER_REQUESTS_PER_MINUTE", "0")]).await
    else {
        return;
    };
    let page = &stage.browser;
    page.sign_in().await;
    page.put_up_gates().await;
    let (mut said, mut left) = (0, 50);
    for (outcome, cost) in [("complete", 1), ("failed", 0)] {
        let refusal = Reply::error(400, "INVALID_ARGUMENT", "No.");
        stage.model().otherwise(Some(if cost == 1 { spoken("As it should be.") } else { refusal }));
        for order in ORDERS {
            page.click("button", "New chat").await;
            page.sees(0, 0).await;
            for kind in order {
                page.hold(kind).await;
            }
            page.say(&format!("{outcome} in {order:?}")).await;
            (said, left) = (said + 1, left - cost);
            stage.replies_over(said).await;
            for kind in order {
                page.release(kind).await;
                assert_eq!(page.eval(SEEN).await[0], 1, "{outcome} in {order:?} after {kind}");
            }
            page.reply("a reply that is over", |it| it.status == outcome).await;
            page.sees(1, 1).await;
            page.reads("#quota", &format!("{left} of 50")).await;

            // The stream stands by now, and is faster than the answer.
            page.hold("send").await;
            page.say("And again.").await;
            (said, left) = (said + 1, left - cost);
            page.sees(2, 2).await;
            page.reply("the next reply that is over", |it| it.status == outcome).await;
            page.reads("#quota", &format!("{left} of 50")).await;
            page.release("send").await;
            page.until("nothing under way", "return !document.querySelector('[data-status=sending]')").await;
            page.sees(2, 2).await;
            page.reads("#quota", &format!("{left} of 50")).await;
        }
    }
    stage.end().await;
}
