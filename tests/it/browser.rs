//! The page in a real browser against the running binary. Where there is no Chromium with its chromedriver, the suite
//! says so in its last lines.

mod anew;
mod axe;
mod cuts;
mod gates;
mod inert;
mod keyboard;
mod late;
mod leash;
mod many;
mod order;
mod person;
mod phone;
mod quota;
mod rooms;
mod states;
mod stopping;
mod story;
mod tabs;
mod weight;

use std::time::Duration;

use pollux::fakes::gemini::{FakeGemini, Reply, RunningGemini};
use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::process::{Process, Site};
use crate::harness::{Client, Engine};

/// A server, and a person before its page.
pub struct Stage {
    /// The browser; it closes first.
    pub browser: Browser,
    process: Option<Process>,
    site: Site,
    port: u16,
    gemini: Option<RunningGemini>,
}

impl Stage {
    /// The built-in demo model answers, at the speed of a reader. Nothing where there is no browser.
    pub async fn demo(settings: &[(&'static str, &'static str)]) -> Option<Self> {
        Self::set(Site::new(&Engine::Sqlite, settings).await, None).await
    }

    /// A stand-in of Gemini answers, by a script.
    pub async fn scripted(settings: &[(&'static str, &'static str)]) -> Option<Self> {
        let gemini = FakeGemini::start().await.unwrap();
        let mut site = Site::new(&Engine::Sqlite, settings).await;
        site.set("GEMINI_API_KEY", "a-key-that-nobody-may-see".to_owned());
        site.set("GEMINI_BASE_URL", gemini.base_url());
        Self::set(site, Some(gemini)).await
    }

    async fn set(site: Site, gemini: Option<RunningGemini>) -> Option<Self> {
        let process = site.start().await;
        let browser = Browser::open(process.address).await?;
        Some(Self { browser, port: process.address.port(), process: Some(process), site, gemini })
    }

    /// What plays Gemini.
    pub fn model(&self) -> &FakeGemini {
        &self.gemini.as_ref().unwrap().fake
    }

    /// Ends the server as a power cut would.
    pub fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// Starts the server again where it was.
    pub async fn start_again(&mut self) {
        self.process = Some(self.site.start_at(self.port).await);
    }

    /// The server's database, behind its back.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The replies as they are stored, oldest first: status, outcome, text.
    pub async fn stored(&self) -> Vec<[String; 3]> {
        let sql = "select status, coalesce(outcome, ''), content from messages where role = 'assistant' order by seq";
        let rows = self.site.rows(sql).await;
        rows.into_iter().map(|row| row.try_into().unwrap()).collect()
    }

    /// The person of the page, as another client of the same account.
    async fn client(&self) -> Client {
        let token = self.browser.eval("return JSON.parse(localStorage.getItem('pollux.session')).access_token").await;
        let mut client = self.process.as_ref().unwrap().client();
        client.token = Some(token.as_str().unwrap().to_owned());
        client
    }

    /// Makes a room of that name for the person of the page.
    pub async fn room(&self, name: &str) {
        self.client().await.post("/chatroom", json!({"name": name})).await.expect(201);
    }

    /// The id of a room, by its name.
    pub async fn id_of(&self, name: &str) -> String {
        let all = self.client().await.get("/chatroom?limit=100").await.expect(200).body;
        let rooms = all["chatrooms"].as_array().unwrap();
        let found = rooms.iter().find(|room| room["name"] == name).expect("a room of that name");
        found["id"].as_str().unwrap().to_owned()
    }

    /// Deletes a room, as another device of the person does.
    pub async fn delete_room(&self, name: &str) {
        let path = format!("/chatroom/{}", self.id_of(name).await);
        self.client().await.delete(&path).await.expect(204);
    }

    /// Some rooms, as somebody has who has been here for a while.
    pub async fn furnish(&self) {
        for name in ["A week in Lisbon", "Why is the sky blue?", "Letter to the landlord", "Sorting by hand"] {
            self.room(name).await;
        }
        self.browser.driver().refresh().await.unwrap();
    }

    /// Ends the play: the console must have nothing to complain of.
    pub async fn end(self) {
        self.browser.close().await;
    }
}

/// A reply as Gemini streams it: some words an event.
pub fn spoken(text: &str) -> Reply {
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    let mut events: Vec<_> = words.chunks(4).map(|words| event(&words.concat())).collect();
    let last = events.last_mut().unwrap();
    last["candidates"][0]["finishReason"] = "STOP".into();
    last["usageMetadata"] = json!({"promptTokenCount": 3, "candidatesTokenCount": words.len(), "totalTokenCount": 9});
    let body: Vec<String> = events.iter().map(|event| format!("data: {event}\r\n\r\n")).collect();
    Reply::new(200, "text/event-stream", body.concat())
}

/// As [`spoken`], so slowly that there is time to do something meanwhile.
pub fn spoken_slowly(text: &str) -> Reply {
    spoken(text).in_pieces(120, Duration::from_millis(25))
}

fn event(text: &str) -> serde_json::Value {
    json!({
        "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}],
        "modelVersion": "gemini-3.5-flash-lite",
    })
}

/// A message whose answer takes the demo about six seconds to write.
pub fn long_message() -> String {
    format!("Count{}", " ab".repeat(130))
}
