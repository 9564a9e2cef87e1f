//! How much memory an export takes: not more for more messages.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::many_messages;
use crate::harness::process::Site;
use crate::harness::{Client, Engine, fresh_number};
use crate::proof::figures;

const MESSAGES: usize = 20_000;
const LENGTH: usize = 2_400;
const GROWTH_KIB: u64 = 32 * 1024;

/// Reads an export as it comes, and answers with it and with how often it was asked for more.
async fn read(user: &Client) -> Vec<u8> {
    let mut response = user.request(Method::GET, "/user/me/export").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let mut text = Vec::new();
    while let Some(piece) = response.chunk().await.unwrap() {
        text.extend_from_slice(&piece);
    }
    text
}

async fn an_export_of_many_messages_takes_no_more_memory_than_one_of_few(engine: Engine) {
    let site = Site::new(&engine, &[("BASIC_TIER_DAILY_LIMIT", "100000")]).await;
    let process = site.start().await;
    let user = process.client().sign_in(&fresh_number()).await;
    let (room, written_into) = (user.room().await, user.room().await);
    site.execute(&many_messages(&room, MESSAGES, LENGTH, site.is_postgres())).await;
    user.say(&written_into, "before").await.expect(202);
    let before = process.status_kib("VmHWM");
    let writing = async {
        for number in 0..50 {
            user.say(&written_into, &format!("meanwhile {number}")).await.expect(202);
        }
    };
    let (text, ()) = tokio::join!(read(&user), writing);
    let grown = process.status_kib("VmHWM").saturating_sub(before);
    let told: Value = serde_json::from_slice(&text).unwrap();
    let rooms = told["chatrooms"].as_array().unwrap();
    let ids: BTreeSet<_> = rooms
        .iter()
        .flat_map(|room| room["messages"].as_array().unwrap())
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    let count: usize = rooms.iter().map(|room| room["messages"].as_array().unwrap().len()).sum();
    assert!(ids.len() == count && rooms[0]["messages"].as_array().unwrap().len() == MESSAGES);
    figures(&format!(
        "export on {}: {MESSAGES} messages, {} KiB of JSON, memory grew by {grown} KiB at its peak",
        engine.name(),
        text.len() / 1024
    ));
    assert!(grown < GROWTH_KIB && text.len() as u64 / 1024 > GROWTH_KIB, "{grown} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_takes_no_more_memory_for_more_messages_on_sqlite() {
    an_export_of_many_messages_takes_no_more_memory_than_one_of_few(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_takes_no_more_memory_for_more_messages_on_postgres() {
    if let Some(engine) = Engine::postgres().await {
        an_export_of_many_messages_takes_no_more_memory_than_one_of_few(engine).await;
    }
}
