//! Many rooms, long ones, and dialogs about them.

use serde_json::json;

use super::Stage;
use crate::harness::browser::Browser;

const ROOMS: usize = 60;

impl Browser {
    /// Presses the mouse at a point of the page, which a script gives.
    async fn press_at(&self, point: &str) {
        let point = self.eval(point).await;
        let [x, y] = [0, 1].map(|index: usize| point[index].as_f64().unwrap());
        for kind in ["mousePressed", "mouseReleased"] {
            let press = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
            self.cdp("Input.dispatchMouseEvent", press).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_are_read_on_and_searched_after_a_reload_in_an_older_one() {
    let Some(stage) = Stage::demo(&[("USER_REQUESTS_PER_MINUTE", "0")]).await else { return };
    let page = &stage.browser;
    page.sign_in().await;
    for number in 0..ROOMS {
        stage.room(&format!("Room {number:02}")).await;
    }
    stage.fill_room("Room 01", 140).await;
    let oldest = stage.id_of("Room 01").await;
    page.go(&format!("/#{oldest}")).await;
    page.put_up_gates().await;
    page.hold("rooms").await;
    page.driver().refresh().await.unwrap();
    page.reads("#room-name", "Room 01").await;
    page.fill("searchbox", "Search rooms", "room 00").await;
    page.reads("#rooms-note", "Searching").await;
    page.release("rooms").await;
    page.find("link", "Room 00").await;
    page.fill("searchbox", "Search rooms", "").await;
    page.until("all rooms", &format!("return document.querySelectorAll('#room-list li').length === {ROOMS}")).await;

    // A room that is read to its beginning does not say that more is being read.
    page.see("#older").await;
    while page.count("user").await < 70 {
        page.eval("document.querySelector('#scroll').scrollTop = 0").await;
    }
    page.gone("#older").await;

    // New chats are not rooms before something is said in them.
    for _ in 0..3 {
        page.click("button", "New chat").await;
        page.see(".hello").await;
    }
    assert_eq!(stage.site().rows("select id from chatrooms").await.len(), ROOMS);

    page.click("button", "Account").await;
    page.find("dialog", "Account").await;
    let edge =
        "const { left, top } = document.querySelector('dialog').getBoundingClientRect(); return [left + 6, top + 6]";
    page.press_at(edge).await;
    page.find("dialog", "Account").await;
    page.press_at("return [5, innerHeight / 2]").await;
    page.gone("dialog").await;
    stage.end().await;
}
