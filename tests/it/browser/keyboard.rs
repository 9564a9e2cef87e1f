//! The keyboard alone: everything is reached by Tab, told by a ring, and done by keys.

use thirtyfour::Key;

use super::Stage;
use crate::harness::browser::Browser;
use crate::harness::fresh_number;

/// What has the focus: its role, its name, and whether it or the form around it has a ring that says so.
const FOCUSED: &str = r#"
const it = document.activeElement;
const isRinged = (each) => {
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(each);
  return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
};
return [it.computedRole, it.computedName, isRinged(it) || isRinged(it.form ?? it)];
"#;

impl Browser {
    /// Presses Tab until what has this role and name has the focus, and insists that each stop on the way is seen.
    async fn tab_to(&self, role: &str, name: &str) {
        for _ in 0..40 {
            let focused = self.eval(FOCUSED).await;
            if focused[0] == role && focused[1] == name {
                return assert_eq!(focused[2], true, "the focus on the {role} «{name}» cannot be seen");
            }
            self.key(Key::Tab).await;
        }
        panic!("no Tab leads to the {role} «{name}»; it is at {}", self.eval(FOCUSED).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_alone_is_enough() {
    let Some(stage) = Stage::demo(&[("DEMO_REPLY_MS", "0")]).await else { return };
    let page = &stage.browser;
    page.go("/").await;
    page.see("#signin").await;
    page.tab_to("textbox", "Phone number").await;
    page.press(&fresh_number()).await;
    page.key(Key::Enter).await;
    let code = page.demo_code().await;
    page.tab_to("textbox", "Code").await;
    page.press(&code).await;
    page.key(Key::Enter).await;
    page.see("#app").await;

    page.tab_to("textbox", "Message").await;
    page.press("First line").await;
    page.chord(Key::Shift, Key::Enter.value()).await;
    page.press("second line").await;
    page.key(Key::Enter).await;
    let reply = page.reply_at_its_end().await;
    assert!(reply.text.contains("second line"), "{reply:?}");
    let said = stage.site().rows("select content from messages where role = 'user'").await;
    assert_eq!(said, [["First line\nsecond line"]]);
    page.tab_to("button", "Copy").await;

    let name = page.text("#room-name").await;
    page.tab_to("button", &format!("Options for {name}")).await;
    page.key(Key::Enter).await;
    page.find("menuitem", "Rename").await;
    page.key(Key::Enter).await;
    page.find("dialog", "Rename room").await;
    page.tab_to("textbox", "Name").await;
    page.chord(Key::Control, 'a').await;
    page.press("By hand").await;
    page.key(Key::Enter).await;
    page.reads("#room-name", "By hand").await;
    page.gone("dialog").await;

    page.tab_to("button", "Account").await;
    page.key(Key::Enter).await;
    page.find("dialog", "Account").await;
    page.key(Key::Escape).await;
    page.gone("dialog").await;
    assert_eq!(page.eval(FOCUSED).await[1], "Account", "the focus comes back to what opened the dialog");
    stage.end().await;
}
