//! What a person does on the page again and again, in words.

use serde_json::Value as Json;
use thirtyfour::Key;

use crate::harness::browser::Browser;
use crate::harness::fresh_number;

/// The newest reply that is shown.
const LAST_REPLY: &str = r#"
const it = [...document.querySelectorAll(".message[data-role=assistant]")].at(-1);
if (!it) return null;
const { id, status, outcome } = it.dataset;
const shown = (part) => it.querySelector(part)?.innerText ?? "";
return { id, status, outcome, text: shown(".text"), reason: shown(".reason"), versions: shown(".versions .count") };
"#;

/// A reply as it is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    pub id: String,
    pub status: String,
    pub outcome: String,
    pub text: String,
    pub reason: String,
    pub versions: String,
}

impl Browser {
    /// Opens the page and signs in with a number of one's own, as a newcomer does. Answers with the number.
    pub async fn sign_in(&self) -> String {
        let number = fresh_number();
        self.go("/").await;
        self.fill("textbox", "Phone number", &number).await;
        self.click("button", "Send code").await;
        let code = self.demo_code().await;
        self.fill("textbox", "Code", &code).await;
        self.click("button", "Sign in").await;
        self.see("#app").await;
        number
    }

    /// The code that a server for trying out shows.
    pub async fn demo_code(&self) -> String {
        let told = self.reads("#demo-code", "Demo code:").await;
        told.chars().filter(char::is_ascii_digit).collect()
    }

    /// Writes a message and sends it with the Enter key.
    pub async fn say(&self, text: &str) {
        self.fill("textbox", "Message", text).await;
        self.key(Key::Enter).await;
    }

    /// The newest reply, once it is as wanted.
    pub async fn reply(&self, what: &str, mut is_so: impl FnMut(&Shown) -> bool) -> Shown {
        self.eventually(what, async || Shown::read(&self.eval(LAST_REPLY).await).filter(&mut is_so)).await
    }

    /// The newest reply, once some of it was written and more is to come.
    pub async fn reply_under_way(&self) -> Shown {
        self.reply("a reply that is being written", |it| it.status == "generating" && it.text.len() > 30).await
    }

    /// The newest reply, once it is final.
    pub async fn reply_at_its_end(&self) -> Shown {
        let is_final = |it: &Shown| matches!(it.status.as_str(), "complete" | "failed");
        self.reply("a final reply", |it| is_final(it) && !(it.text.is_empty() && it.reason.is_empty())).await
    }

    /// How many messages of a role are shown.
    pub async fn count(&self, role: &str) -> u64 {
        let script = format!("return document.querySelectorAll('.message[data-role={role}]').length");
        self.eval(&script).await.as_u64().unwrap()
    }
}

impl Shown {
    fn read(told: &Json) -> Option<Self> {
        let text = |name: &str| told[name].as_str().map(ToOwned::to_owned);
        Some(Self {
            id: text("id")?,
            status: text("status")?,
            outcome: text("outcome")?,
            text: text("text")?,
            reason: text("reason")?,
            versions: text("versions")?,
        })
    }
}

/// A text without what formatting changes of it: marks, and how it is broken into lines.
pub fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace(['*', '#', '`'], "")
}
