//! The page is inert: five hundred hostile replies and as many names of rooms are shown, as words. Nothing of them runs,
//! nothing is fetched, and what can be followed leads to a page or a mailbox.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::{Stage, spoken};
use crate::harness::browser::Browser;
use crate::hostile::{COUNT, names, replies};
use crate::proof::figures;

/// Replies in one room.
const REPLIES: usize = 50;

/// What hostile texts call, and the record of what a page fetches, which is long enough for all of it.
const WATCH: &str = r"
window.hits = 0;
window.hit = () => { window.hits += 1; };
performance.setResourceTimingBufferSize(100000);
";

/// Scrolls to a reply that is not formatted yet; true when all are that should be.
const FORMATTED: &str = r##"
const [count] = arguments;
const replies = [...document.querySelectorAll("#messages .message[data-role=assistant] .text")];
const rest = replies.find((text) => text.querySelector(":scope > .tail"));
rest?.scrollIntoView();
return replies.length === count && !rest;
"##;

/// All that could be more than words, and how much there is of what is meant to be there.
const SEEN: &str = include_str!("../../hostile/seen.js");

/// Puts the texts in as markup, one by one, as a careless page would.
const CARELESS: &str = r#"
const [texts] = arguments;
for (const text of texts) document.body.append(Object.assign(document.createElement("div"), { innerHTML: text }));
"#;

/// A listener that nobody has a reason to call.
struct Canary {
    host: String,
    calls: Arc<AtomicUsize>,
}

impl Canary {
    async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (host, calls) = (listener.local_addr().unwrap().to_string(), Arc::new(AtomicUsize::new(0)));
        let counted = calls.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let page = "<!doctype html><title>careless</title>";
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
                let _ =
                    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{page}", page.len()).as_bytes()).await;
            }
        });
        Self { host, calls }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// The id of a room, or of a message of a room, as hexadecimal digits.
fn id(room: usize, message: usize) -> String {
    format!("01a2{room:04x}000070008000{message:012x}")
}

/// The same as the page writes it.
fn written(id: &str) -> String {
    format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..])
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A room of the one user there is, and an exchange for each of its replies.
fn room_as_sql(number: usize, name: &str, replies: &[String]) -> String {
    let room = id(number, 0);
    let mut sql = format!(
        "insert into chatrooms (id, user_id, name, named, last_seq, created_at, updated_at)
         select x'{room}', id, {}, 1, {}, created_at, created_at + {} from users;",
        quoted(name),
        replies.len() * 2,
        COUNT - number
    );
    for (index, reply) in replies.iter().enumerate() {
        let (text, said, answer) = (quoted(reply), index * 2 + 1, index * 2 + 2);
        let [said_id, answer_id] = [said, answer].map(|message| id(number, message));
        let _ = write!(
            sql,
            "insert into messages (chatroom_id, seq, id, role, content, status, outcome, reply_to, model, attempt, created_at, finished_at)
             select x'{room}', {said}, x'{said_id}', 'user', {text}, 'complete', null, null, null, 1, created_at, created_at from users
             union all select x'{room}', {answer}, x'{answer_id}', 'assistant', {text}, 'complete', 'completed', x'{said_id}', 'demo', 1,
               created_at, created_at from users;"
        );
    }
    sql
}

impl Stage {
    /// Fills rooms behind the server's back, and has the list of rooms read anew.
    async fn furnish_with(&self, names: &[String], replies: &[String]) {
        let (last, names) = names.split_last().unwrap();
        let mut pages = replies.chunks(REPLIES);
        let rooms =
            names.iter().enumerate().map(|(number, name)| room_as_sql(number, name, pages.next().unwrap_or_default()));
        self.site().execute(&format!("begin; {} commit;", rooms.collect::<String>())).await;
        self.room(last).await;
        self.browser.driver().refresh().await.unwrap();
        self.browser.see("#app").await;
        self.browser.eval(WATCH).await;
    }
}

impl Browser {
    /// What is to be seen, which must be words alone.
    async fn inert(&self, place: &str) -> Json {
        let seen = self.eval(SEEN).await;
        assert_eq!(seen["faults"], json!([]), "{place}");
        seen
    }

    /// Opens a room and waits until all its replies are formatted.
    async fn open_hostile(&self, number: usize, replies: usize) {
        let (room, last) = (written(&id(number, 0)), written(&id(number, replies * 2)));
        self.eval_with("location.hash = arguments[0]", vec![json!(room)]).await;
        self.until("the room", &format!("return document.querySelector('[data-id=\"{last}\"]') !== null")).await;
        self.eventually("formatted replies", async || {
            (self.eval_with(FORMATTED, vec![json!(replies)]).await == true).then_some(())
        })
        .await;
    }

    /// The names in the list of rooms, once all of them are there.
    async fn listed(&self, count: usize) -> BTreeSet<String> {
        // Whoever searches has all rooms looked through.
        self.fill("searchbox", "Search rooms", "nothing is called so").await;
        self.reads("#rooms-note", "No room is called so.").await;
        self.eval("const search = document.querySelector('#room-search'); search.value = ''; search.dispatchEvent(new Event('input'))")
            .await;
        let all = format!("return document.querySelectorAll('#room-list li').length >= {count}");
        self.until("all rooms", &all).await;
        let names =
            self.eval("return [...document.querySelectorAll('#room-list a')].map((it) => it.textContent)").await;
        names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_hostile_replies_and_names_stay_words() {
    let Some(stage) = Stage::demo(&[("USER_REQUESTS_PER_MINUTE", "0")]).await else { return };
    let (page, canary) = (&stage.browser, Canary::listen().await);
    let (names, replies) = (names(&canary.host), replies(&canary.host));
    page.sign_in().await;
    let began = Instant::now();
    stage.furnish_with(&names, &replies).await;

    let (mut links, mut elements, mut calls) = (0, 0, 0);
    for (number, replies) in replies.chunks(REPLIES).enumerate() {
        page.open_hostile(number, replies.len()).await;
        page.until(
            "its name",
            &format!("return document.querySelector('#room-name').textContent === {}", json!(names[number])),
        )
        .await;
        let seen = page.inert(&format!("room {number}")).await;
        links += seen["links"].as_u64().unwrap();
        elements += seen["words"].as_u64().unwrap();
        calls += seen["calls"].as_u64().unwrap();
    }
    let listed = page.listed(COUNT).await;
    page.inert("the list").await;
    assert!(names.iter().all(|name| listed.contains(name)), "{:?}", names.iter().find(|name| !listed.contains(*name)));
    // They are shown, with what they wanted to run, and harmless links are links.
    assert!(calls > 1_000 && links > 50, "{calls} calls in words, {links} links");
    assert_eq!(canary.calls(), 0, "somebody called {}", canary.host);
    figures(&format!(
        "page: {COUNT} hostile replies and names in {:.1} s: {elements} elements, {links} links, {calls} calls in words, 0 run, 0 requests",
        began.elapsed().as_secs_f64()
    ));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_replies_stay_words_while_they_grow() {
    let Some(stage) = Stage::scripted(&[("USER_REQUESTS_PER_MINUTE", "0"), ("BASIC_TIER_DAILY_LIMIT", "50")]).await
    else {
        return;
    };
    let (page, canary) = (&stage.browser, Canary::listen().await);
    page.sign_in().await;
    page.eval(WATCH).await;
    let short: Vec<String> = replies(&canary.host).into_iter().filter(|text| text.len() < 400).collect();
    for (number, texts) in short.chunks(80).take(4).enumerate() {
        stage.model().otherwise(Some(spoken(&texts.join("\n\n")).in_pieces(1_000, Duration::from_millis(60))));
        page.say("What have you got?").await;
        let reply = page.reply("a final reply", |it| it.status == "complete" && !it.text.is_empty()).await;
        assert!(reply.text.contains("hit()"), "{number}");
        page.inert(&format!("reply {number}")).await;
    }
    assert_eq!(canary.calls(), 0, "somebody called {}", canary.host);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_texts_as_markup_would_run_and_call() {
    let Some(stage) = Stage::demo(&[]).await else { return };
    let (page, canary) = (&stage.browser, Canary::listen().await);
    page.pardon("");
    page.driver().goto(format!("http://{}/", canary.host)).await.unwrap();
    page.eval(WATCH).await;
    let before = canary.calls();
    let leaves = |text: &String| ["refresh", "<base", "frame"].iter().any(|word| text.to_lowercase().contains(word));
    let texts: Vec<String> =
        replies(&canary.host).into_iter().filter(|text| text.len() < 500 && !leaves(text)).collect();
    page.eval_with(CARELESS, vec![json!(texts)]).await;
    page.until("scripts that ran", "return window.hits > 20").await;
    page.eventually("calls", async || (canary.calls() > before + 5).then_some(())).await;
    assert!(!page.eval(SEEN).await["faults"].as_array().unwrap().is_empty());
    stage.end().await;
    assert!(TcpStream::connect(&canary.host).await.is_ok());
}
