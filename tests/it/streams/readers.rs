//! Readers who are slow, and servers that stop: what was not taken is in the store, and is resumed from there.

use std::net::SocketAddr;
use std::time::Duration;

use pollux::providers::model_demo::DemoAct;
use pollux::serve::{Limits, Stop, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::{ask, read_to_end, working};
use crate::harness::events::Joined;
use crate::harness::process::Site;
use crate::harness::{Client, Engine, TestApp, fresh_number, on_both_engines};

/// More than anything here takes.
const SOON: Duration = Duration::from_secs(20);
/// How long a reader may take nothing, here.
const STALL: Duration = Duration::from_millis(300);
/// More text than all buffers on the way hold.
const WORDS: usize = 500;
const WORD_BYTES: usize = 2_000;
const BUFFER: u32 = 16_384;

/// The same house at a door that loses its patience sooner, and behind which little can wait.
fn impatient_door(app: &TestApp) -> (SocketAddr, Stop) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(BUFFER).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(16).unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), Stop::new());
    let limits = Limits { write_stall: STALL, ..Limits::default() };
    tokio::spawn(serve(listener, app.house.router(), limits, stop.clone()));
    (address, stop)
}

/// A stream whose reader has a small buffer, and takes nothing by itself.
async fn open_by_hand(door: SocketAddr, user: &Client, room: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(door).await.unwrap();
    let token = user.token.as_ref().unwrap();
    let head =
        format!("GET /chatroom/{room}/stream HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// What can be read until the connection is closed, which it must be in time.
async fn rest_of(stream: &mut TcpStream) -> Vec<u8> {
    let (mut rest, mut chunk) = (Vec::new(), vec![0; 65_536]);
    loop {
        match timeout(SOON, stream.read(&mut chunk)).await.expect("the connection stays open") {
            Ok(0) | Err(_) => return rest,
            Ok(length) => rest.extend(&chunk[..length]),
        }
    }
}

on_both_engines! {
    async fn who_does_not_read_is_cut_holds_nobody_up_and_resumes_where_he_was(app) {
        let (door, stop) = impatient_door(&app);
        let user = app.user().await;
        let room = user.room().await;
        let mut slow = open_by_hand(door, &user, &room).await;
        let mut events = user.watch(&room, None).await;
        let text: Vec<_> = (0..WORDS).map(|number| format!("{number:0>WORD_BYTES$}")).collect();
        app.model.then(DemoAct::Say(text.join(" ")));
        let working = working(&app);
        let reply = ask(&user, &room, "Talk at length.").await;
        let mut quick = Joined::default();
        read_to_end(&mut events, &mut quick).await;
        assert_eq!(quick.text.len(), WORDS * (WORD_BYTES + 1) - 1);
        // By now he has taken nothing for longer than may be.
        tokio::time::sleep(STALL * 3).await;
        let got = rest_of(&mut slow).await;
        assert!(got.len() < quick.text.len() / 2, "{} bytes waited for him", got.len());
        let got = String::from_utf8_lossy(&got);
        let place = got.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().expect("an event came");
        let offset: usize = place.rsplit('.').next().unwrap().parse().expect("he had not come to the end");
        let mut events = user.watch(&room, Some(place)).await;
        let mut joined = Joined { text: quick.text[..offset].to_owned(), ..Joined::default() };
        read_to_end(&mut events, &mut joined).await;
        assert!(joined.text == quick.text, "{} of {} bytes", joined.text.len(), quick.text.len());
        assert_eq!(joined.last.unwrap()["id"].as_str(), Some(reply.as_str()));
        drop(working);
        stop.begin();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_ends_its_streams_and_says_when_to_come_back() {
    let site = Site::new(&Engine::Sqlite, &[]).await;
    let mut process = site.start().await;
    let user = process.client().sign_in(&fresh_number()).await;
    let room = user.room().await;
    let mut events = user.watch(&room, None).await;
    ask(&user, &room, "Hello").await;
    events.until("reply.delta").await;
    assert_eq!(events.retry.as_deref(), Some("1000"));
    process.signal("TERM");
    while events.next().await.is_some() {}
    assert_eq!(events.retry.as_deref(), Some("500"));
    assert!(process.ended(SOON).await.success());
}
