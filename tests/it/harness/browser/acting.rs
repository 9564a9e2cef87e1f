//! What a person does: click, type, press keys.

use thirtyfour::error::WebDriverErrorInner as Refusal;
use thirtyfour::prelude::*;

use super::Browser;

impl Browser {
    /// Clicks what has this role and name, as soon as it takes a click.
    pub async fn click(&self, role: &str, name: &str) {
        self.eventually(&format!("a click on the {role} «{name}»"), async || {
            took(self.find(role, name).await.click().await)
        })
        .await;
    }

    /// Clicks the first visible element of a selector.
    pub async fn click_on(&self, selector: &str) {
        self.eventually(&format!("a click on {selector}"), async || took(self.see(selector).await.click().await)).await;
    }

    /// Puts a text in the place of what a field holds.
    pub async fn fill(&self, role: &str, name: &str, text: &str) {
        self.eventually(&format!("typing into the {role} «{name}»"), async || {
            let field = self.find(role, name).await;
            // As a person does it; chromedriver's own way to clear a field tells the page of it in another way.
            took(field.send_keys(Key::Control + "a").await)?;
            took(field.send_keys(Key::Delete + text).await)
        })
        .await;
    }

    /// Types to whatever has the focus.
    pub async fn press(&self, text: impl AsRef<str>) {
        self.driver().action_chain().send_keys(text.as_ref()).perform().await.unwrap();
    }

    /// Presses one key.
    pub async fn key(&self, key: Key) {
        self.press(key.value().to_string()).await;
    }

    /// Presses a key, or a letter's, while another is held.
    pub async fn chord(&self, held: Key, key: char) {
        let chain = self.driver().action_chain().key_down(held.value());
        chain.send_keys(key.to_string()).key_up(held.value()).perform().await.unwrap();
    }
}

/// Nothing when the page was just being redrawn there; any other refusal is a failure.
fn took(done: WebDriverResult<()>) -> Option<()> {
    let Err(error) = done else { return Some(()) };
    let passing = matches!(
        *error,
        Refusal::StaleElementReference(_)
            | Refusal::ElementClickIntercepted(_)
            | Refusal::ElementNotInteractable(_)
            | Refusal::InvalidElementState(_)
    );
    assert!(passing, "{error}");
    None
}
