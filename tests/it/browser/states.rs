//! The main states of the page, one after the other: each is looked at in four ways, kept as a picture, and searched for
//! what would keep people with assistive software out.

use std::path::Path;

use serde_json::json;

use super::axe::Axe;
use super::{Stage, spoken, spoken_slowly};
use crate::harness::browser::{Browser, Look};
use crate::harness::fresh_number;

const LOOKS: [Look; 4] = [Look::WIDE, Look::WIDE.dark(), Look::PHONE, Look::PHONE.dark()];

/// Pictures that the README shows: the state, how it is looked at, and the file.
const SHOWN: [(&str, Look, &str); 2] = [
    ("reply", Look::WIDE, "docs/screens/room-wide-light.png"),
    ("reply", Look::PHONE.dark(), "docs/screens/room-phone-dark.png"),
];
const MAX_SHOWN_BYTES: u64 = 150 * 1024;

/// A reply with everything that Markdown has to offer.
const REPLY: &str = include_str!("reply.md");

/// Two frames: what was changed is drawn by then.
const DRAWN: &str = "return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(1))))";

/// By how many pixels the page is larger than the screen, across and down; what is longer scrolls inside of it.
const OVERHANG: &str = r"
const { scrollWidth, scrollHeight } = document.documentElement;
return [scrollWidth - document.documentElement.clientWidth, scrollHeight - document.documentElement.clientHeight];
";

impl Browser {
    /// Looks at a state in all four ways; the wide ones are searched, as the phone's are the same but for their size.
    async fn show(&self, state: &str, axe: Option<&Axe>) {
        self.show_in(state, None, &LOOKS[2..]).await;
        self.show_in(state, axe, &LOOKS[1..2]).await;
        self.show_in(state, axe, &LOOKS[..1]).await;
    }

    async fn show_in(&self, state: &str, axe: Option<&Axe>, looks: &[Look]) {
        for look in looks {
            self.look(*look).await;
            self.eval(DRAWN).await;
            assert_eq!(self.eval(OVERHANG).await, json!([0, 0]), "{state} {look:?} is larger than its screen");
            let picture = self.picture(state, *look).await;
            if let Some(axe) = axe {
                axe.check(self, &format!("{state} {look:?}")).await;
            }
            renew(state, *look, &picture);
        }
    }
}

/// Puts a picture into the documents, when that is asked for.
fn renew(state: &str, look: Look, picture: &Path) {
    let shown = SHOWN.iter().find(|(name, shown, _)| *name == state && *shown == look);
    if let Some((_, _, file)) = shown.filter(|_| std::env::var_os("UPDATE_SCREENSHOTS").is_some()) {
        std::fs::copy(picture, Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_state_is_fit_to_be_seen_and_has_no_serious_accessibility_fault() {
    let Some(stage) = Stage::scripted(&[("BASIC_TIER_DAILY_LIMIT", "3")]).await else { return };
    let (page, axe) = (&stage.browser, Axe::find());
    let axe = axe.as_ref();
    page.go("/").await;
    page.see("#phone").await;
    page.show("sign-in", axe).await;
    page.fill("textbox", "Phone number", &fresh_number()).await;
    page.click("button", "Send code").await;
    let code = page.demo_code().await;
    page.show("code", axe).await;
    page.fill("textbox", "Code", &code).await;
    page.click("button", "Sign in").await;
    page.see("#app").await;
    page.show("empty", axe).await;

    stage.furnish().await;
    stage.model().otherwise(Some(spoken(REPLY)));
    page.click("link", "Sorting by hand").await;
    page.say("How would you sort a short list by hand, and how in Rust?").await;
    page.reply_at_its_end().await;
    page.see(".message table").await;
    page.show("reply", axe).await;
    page.click("button", "Account").await;
    page.find("dialog", "Account").await;
    page.show("account", axe).await;
    page.press(thirtyfour::Key::Escape.value().to_string()).await;
    page.gone("dialog").await;
    page.look(Look::PHONE).await;
    page.click("button", "Show rooms").await;
    page.see("#new-room").await;
    page.show_in("drawer", axe, &LOOKS[2..]).await;
    page.look(Look::WIDE).await;

    stage.model().otherwise(Some(spoken_slowly(&REPLY.repeat(3))));
    page.say("Once more, slowly.").await;
    page.reply_under_way().await;
    page.show("writing", axe).await;
    page.click("button", "Stop").await;
    page.reply("a stopped reply", |it| it.outcome == "stopped").await;
    stage.model().otherwise(Some(pollux::fakes::gemini::Reply::error(400, "INVALID_ARGUMENT", "No.")));
    page.say("And now fail.").await;
    page.reply("a failed reply", |it| it.status == "failed").await;
    page.show("failed", axe).await;
    stage.model().otherwise(Some(spoken("That was the last one.")));
    page.say("The last of today.").await;
    page.reply("the last reply", |it| it.text.contains("last one")).await;
    page.see("#upgrade").await;
    page.show("spent", axe).await;
    stage.end().await;
}

#[test]
fn the_pictures_of_the_readme_are_there_and_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    for (_, _, file) in SHOWN {
        assert!(readme.contains(&format!("({file})")), "the README does not show {file}");
        let told =
            std::fs::metadata(root.join(file)).expect("UPDATE_SCREENSHOTS=1 cargo test --test it browser::states");
        assert!(told.len() > 10_000 && told.len() < MAX_SHOWN_BYTES, "{file} has {} bytes", told.len());
    }
}
