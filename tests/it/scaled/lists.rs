//! Room lists that processes share are never old for longer than a second, and never somebody else's.

use std::time::Duration;

use futures_util::future::join_all;
use secrecy::ExposeSecret as _;
use serde_json::{Value as Json, json};
use tokio::time::sleep;

use super::{KNOWN_WITHIN, at, two_nodes, without_redis};
use crate::harness::{Client, TestApp, user_id};
use crate::proof::size;

/// So that no two writes are of one moment.
const MOMENT: Duration = Duration::from_millis(10);

async fn names(user: &Client) -> Vec<String> {
    let list = user.get("/chatroom").await.expect(200).body;
    let name = |room: &Json| room["name"].as_str().unwrap().to_owned();
    list["chatrooms"].as_array().unwrap().iter().map(name).collect()
}

async fn make(user: &Client, name: &str) -> String {
    user.post("/chatroom", json!({"name": name})).await.expect(201).body["id"].as_str().unwrap().to_owned()
}

/// Each kind of write by its number; the list as it must be after it.
async fn write(node: &TestApp, user: &Client, turn: usize) -> Vec<String> {
    let first = make(user, "first").await;
    node.advance(MOMENT);
    let second = make(user, "second").await;
    names(user).await;
    node.advance(MOMENT);
    match turn % 4 {
        0 => {
            make(user, "third").await;
            vec!["third".into(), "second".into(), "first".into()]
        }
        1 => {
            user.patch(&format!("/chatroom/{first}"), json!({"name": "changed"})).await.expect(200);
            vec!["second".into(), "changed".into()]
        }
        2 => {
            user.delete(&format!("/chatroom/{second}")).await.expect(204);
            vec!["first".into()]
        }
        _ => {
            user.say(&first, "hello").await.expect(202);
            vec!["first".into(), "second".into()]
        }
    }
}

/// Somebody writes at one node while the list is read at another all the time.
async fn write_and_read(writer: &TestApp, reader: &TestApp, turn: usize) {
    let user = writer.user().await;
    let there = at(reader, &user);
    names(&there).await;
    let wanted = write(writer, &user, turn).await;
    assert_eq!(names(&user).await, wanted, "old where it was written, turn {turn}");
    sleep(KNOWN_WITHIN).await;
    assert_eq!(names(&there).await, wanted, "old elsewhere after a second, turn {turn}");
    assert_eq!(names(&user).await, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_in_the_next_list_there_and_within_a_second_elsewhere() {
    let Some((one, two)) = two_nodes(&[]).await else { return };
    for round in 0..size(1, 10) {
        join_all((0..50).map(|turn| {
            let (writer, reader) = if turn % 2 == 0 { (&one, &two) } else { (&two, &one) };
            write_and_read(writer, reader, turn + round)
        }))
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_where_redis_is_away_is_known_within_a_second_where_it_is_not() {
    let Some((one, _)) = two_nodes(&[]).await else { return };
    let cut_off = one.beside_as(without_redis).await;
    join_all((0..20).map(|turn| write_and_read(&cut_off, &one, turn))).await;
    join_all((0..20).map(|turn| write_and_read(&one, &cut_off, turn))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_reads_the_list_that_another_has_read() {
    let Some((one, two)) = two_nodes(&[]).await else { return };
    let user = one.user().await;
    make(&user, "mine").await;
    names(&user).await;
    assert_eq!(names(&at(&two, &user)).await, ["mine"]);
    let told = two.house.app.metrics.text();
    assert!(told.contains("pollux_room_list_cache_total{source=\"shared_hit\"} 1"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_stands_under_somebody_elses_name_is_not_believed() {
    let Some((one, two)) = two_nodes(&[]).await else { return };
    let (victim, thief) = (one.user().await, one.user().await);
    make(&victim, "secret").await;
    make(&thief, "own").await;
    names(&victim).await;
    names(&thief).await;
    let shared = one.house.app.config.redis.clone().unwrap();
    let client = redis::Client::open(shared.url.expose_secret()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let key = async |user| format!("{}rooms:{}", shared.prefix, user_id(user).await);
    let (from, to) = (key(&victim).await, key(&thief).await);
    let mut copy = redis::cmd("COPY");
    let copied: i64 = copy.arg(from).arg(to).arg("REPLACE").query_async(&mut connection).await.unwrap();
    assert_eq!(copied, 1, "there was no list to copy");
    assert_eq!(names(&at(&two, &thief)).await, ["own"]);
}
