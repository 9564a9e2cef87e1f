//! Lists: pages, cursors, entity tags, and the cache that must never show an old one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pollux::domain::ids::UserId;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::harness::client::Answer;
use crate::harness::{Client, Engine, TestApp, on_both_engines};

const SECOND: Duration = Duration::from_secs(1);

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

async fn rooms(user: &Client) -> Vec<String> {
    ids(&user.get("/chatroom").await.expect(200).body["chatrooms"])
}

fn altered(cursor: &str) -> Vec<String> {
    let flipped = |at: usize| {
        let mut bytes = cursor.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let mut odd: Vec<String> = [0, 10, cursor.len() / 2].map(flipped).into();
    odd.extend([format!("{cursor}A"), cursor[1..].to_owned(), String::new(), "0".to_owned(), "%FF".to_owned()]);
    odd
}

on_both_engines! {
    async fn pages_of_rooms_hold_each_quiet_room_once_while_others_move(app) {
        let user = app.user().await;
        let mut made = Vec::new();
        for number in 0..7 {
            app.advance(if number % 3 == 0 { Duration::ZERO } else { SECOND });
            made.push(user.room().await);
        }
        let all = rooms(&user).await;
        let mut sorted = all.clone();
        sorted.sort();
        made.sort();
        assert_eq!(sorted, made);

        let first = user.get("/chatroom?limit=3").await.expect(200).body;
        app.advance(SECOND);
        user.say(&all[0], "a room of the first page moves").await.expect(202);
        let second = user.get(&next("/chatroom?limit=3", &first)).await.expect(200).body;
        user.say(&all[1], "another one").await.expect(202);
        let third = user.get(&next("/chatroom?limit=3", &second)).await.expect(200).body;
        assert_eq!(third["next_cursor"], Value::Null);
        let seen = [&first, &second, &third].map(|page| ids(&page["chatrooms"])).concat();
        assert_eq!(seen, all);
        assert_eq!(rooms(&user).await[..2], [all[0].clone().max(all[1].clone()), all[0].clone().min(all[1].clone())]);
    }

    async fn messages_are_listed_from_either_end_without_gap_or_repeat(app) {
        let user = app.pro().await;
        let room = user.room().await;
        let path = format!("/chatroom/{room}/messages");
        for number in 0..3 {
            user.say(&room, &format!("m{number}")).await.expect(202);
        }
        for order in ["asc", "desc"] {
            let whole = ids(&user.get(&format!("{path}?order={order}")).await.expect(200).body["messages"]);
            let (mut seen, mut page) = (Vec::new(), user.get(&format!("{path}?limit=2&order={order}")).await.expect(200).body);
            loop {
                seen.extend(ids(&page["messages"]));
                if page["next_cursor"].is_null() {
                    break;
                }
                if order == "desc" {
                    user.say(&room, "meanwhile").await.expect(202);
                }
                page = user.get(&next(&format!("{path}?limit=2&order={order}"), &page)).await.expect(200).body;
            }
            assert_eq!(seen, whole, "{order}");
        }
        let plain = user.get(&path).await.expect(200).body;
        assert_eq!(plain["messages"][0]["content"], "m0");
        assert_eq!(user.get(&format!("{path}?order=asc")).await.body, plain);
    }

    async fn a_room_shows_its_newest_hundred_and_where_older_ones_begin(app) {
        let user = app.pro().await;
        let room = user.room().await;
        for number in 0..52 {
            user.say(&room, &format!("m{number}")).await.expect(202);
        }
        let shown = user.get(&format!("/chatroom/{room}")).await.expect(200).body;
        assert_eq!(shown["messages"].as_array().unwrap().len(), 100);
        assert_eq!(shown["messages"][0]["content"], "m2");
        let older = user.get(&next(&format!("/chatroom/{room}/messages?order=desc"), &shown)).await.expect(200).body;
        assert_eq!(older["messages"].as_array().unwrap().len(), 4);
        assert_eq!(older["messages"][3]["content"], "m0");
    }

    async fn a_cursor_is_good_for_its_user_and_list_alone(app) {
        let (user, other) = (app.user().await, app.user().await);
        let (one, two) = (user.room().await, user.room().await);
        other.room().await;
        for room in [&one, &one, &two, &two] {
            user.say(room, "hello").await.expect(202);
        }
        let cursor = |answer: &Answer| answer.body["next_cursor"].as_str().unwrap().to_owned();
        let of_rooms = cursor(&user.get("/chatroom?limit=1").await);
        let of_one = cursor(&user.get(&format!("/chatroom/{one}/messages?limit=1")).await);
        let refused = async |who: &Client, path: &str, cursor: &str| {
            let joined = if path.contains('?') { "&" } else { "?" };
            who.get(&format!("{path}{joined}cursor={cursor}")).await.expect_problem(400, "invalid_cursor").body["detail"].clone()
        };
        let first = refused(&other, "/chatroom", &of_rooms).await;
        assert_eq!(first, refused(&user, "/chatroom", &of_one).await);
        for path in [format!("/chatroom/{one}/messages?order=desc"), format!("/chatroom/{two}/messages")] {
            assert_eq!(first, refused(&user, &path, &of_one).await);
        }
        for odd in altered(&of_rooms) {
            assert_eq!(first, refused(&user, "/chatroom", &odd).await);
        }
        for odd in altered(&of_one) {
            assert_eq!(first, refused(&user, &format!("/chatroom/{one}/messages"), &odd).await);
        }
        user.get(&format!("/chatroom/{one}/messages?limit=100&cursor={of_one}")).await.expect(200);
    }

    async fn a_user_reads_his_own_writes(app) {
        let user = app.pro().await;
        let done = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..2).map(|_| tokio::spawn(keep_reading(user.clone(), done.clone()))).collect();
        let mut state = vec![user.room().await];
        for step in 0..500_u32 {
            // The others only read for a while, as they read without a pause.
            done.fetch_or(step == 100, Ordering::SeqCst);
            app.advance(SECOND);
            let mut named = None;
            let pick = rand::random_range(0..state.len());
            match rand::random_range(0..4) {
                0 if state.len() < 40 => state.insert(0, user.room().await),
                1 if state.len() > 1 => {
                    user.delete(&format!("/chatroom/{}", state.remove(pick))).await.expect(204);
                }
                2 => {
                    let name = json!({"name": format!("name {step}")});
                    user.patch(&format!("/chatroom/{}", state[pick]), name).await.expect(200);
                    named = Some((pick, format!("name {step}")));
                }
                _ => {
                    user.say(&state[pick], "hello").await.expect(202);
                    let moved = state.remove(pick);
                    state.insert(0, moved);
                }
            }
            let list = user.get("/chatroom").await.expect(200).body;
            assert_eq!(ids(&list["chatrooms"]), state, "stale at step {step}");
            if let Some((at, name)) = named {
                assert_eq!(list["chatrooms"][at]["name"], name, "stale at step {step}");
            }
        }
        for reader in readers {
            reader.await.unwrap();
        }
    }

    async fn a_client_that_goes_right_after_its_write_leaves_no_old_list_behind(app) {
        let user = app.pro().await;
        let (one, two) = (user.room().await, user.room().await);
        let mut written = 0;
        for room in [&one, &two].into_iter().cycle().take(10) {
            app.advance(SECOND);
            rooms(&user).await;
            let mut stream = TcpStream::connect(app.address).await.unwrap();
            let (token, body) = (user.token.as_ref().unwrap(), r#"{"content":"and away"}"#);
            let request = format!(
                "POST /chatroom/{room}/message HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(request.as_bytes()).await.unwrap();
            drop(stream);
            // A server that learns of it in time need not begin; where it has begun, the list must follow.
            let began = Instant::now();
            while began.elapsed() < SECOND / 5 && newest(&app, &user).await != *room {
                tokio::task::yield_now().await;
            }
            written += usize::from(newest(&app, &user).await == *room);
            let began = Instant::now();
            while rooms(&user).await[0] != newest(&app, &user).await {
                assert!(began.elapsed() < 5 * SECOND, "the list is old");
            }
        }
        assert!(written > 0);
    }
}

/// The room that moved last, from the store itself.
async fn newest(app: &TestApp, user: &Client) -> String {
    let me = UserId::parse(user.tokens["user"]["id"].as_str().unwrap()).unwrap();
    app.house.app.db.chatrooms(me, None, 1).await.unwrap()[0].id.to_string()
}

async fn keep_reading(user: Client, done: Arc<AtomicBool>) {
    while !done.load(Ordering::SeqCst) {
        user.get("/chatroom").await.expect(200);
    }
}

fn next(path: &str, page: &Value) -> String {
    let joined = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joined}cursor={}", page["next_cursor"].as_str().unwrap())
}

#[tokio::test]
async fn a_limit_is_a_plain_number_from_1_to_100() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    let room = user.room().await;
    for path in ["/chatroom".to_owned(), format!("/chatroom/{room}/messages")] {
        for odd in
            ["0", "-1", "101", "1e3", "+5", "%2B5", "five", "1.0", "01", "%D9%A5", "99999999999999999999", "%201"]
        {
            user.get(&format!("{path}?limit={odd}")).await.expect_flaw("?limit", "out_of_range");
        }
        user.get(&format!("{path}?limit=100")).await.expect(200);
    }
}

#[tokio::test]
async fn a_list_that_is_known_is_not_sent_again() {
    let app = TestApp::start(Engine::Sqlite).await;
    let user = app.user().await;
    user.room().await;
    let list = user.get("/chatroom").await.expect(200);
    let etag = list.header("etag").to_owned();
    let ask = async |tag: &str| user.send(user.request(Method::GET, "/chatroom").header("if-none-match", tag)).await;
    for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}")] {
        let answer = ask(&known).await.expect(304);
        assert_eq!((answer.text.as_str(), answer.header("etag")), ("", etag.as_str()));
    }
    for odd in ["\"x\"", "garbage", "", "\"", ",,", &etag[1..], "W/", "\u{e9}"] {
        assert_eq!(ask(odd).await.expect(200).body, list.body, "{odd}");
    }
    user.room().await;
    assert_ne!(ask(&etag).await.expect(200).header("etag"), etag);
    let other = app.user().await;
    other.room().await;
    other.send(other.request(Method::GET, "/chatroom").header("if-none-match", etag)).await.expect(200);
}
