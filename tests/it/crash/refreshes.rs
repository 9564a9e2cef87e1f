//! Processes killed while tokens are refreshed: nobody is locked out by it.

use std::time::Duration;

use serde_json::json;

use super::engines;
use crate::harness::process::Site;
use crate::harness::{Client, fresh_number};
use crate::proof::{figures, size};

/// Refreshes without a pause until no answer comes; the last token that was answered with.
async fn refresh_until_cut(client: Client) -> String {
    let mut token = client.tokens["refresh_token"].as_str().unwrap().to_owned();
    loop {
        let body = json!({"refresh_token": token}).to_string();
        let request = client.request(reqwest::Method::POST, "/auth/refresh").header("content-type", "application/json");
        let Ok(answer) = request.body(body).send().await else { return token };
        let Ok(text) = answer.text().await else { return token };
        let Ok(answer) = serde_json::from_str::<serde_json::Value>(&text) else { return token };
        let next = answer["refresh_token"].as_str();
        next.unwrap_or_else(|| panic!("refused: {text}")).clone_into(&mut token);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_every_client_goes_on_with_the_token_it_has() {
    for engine in engines().await {
        let site = Site::new(&engine, &[("REFRESH_GRACE_SECONDS", "30")]).await;
        let mut process = site.start().await;
        let kills = size(3, 50);
        for kill in 0..kills {
            let mut refreshing = Vec::new();
            for _ in 0..4 {
                let user = process.client().sign_in(&fresh_number()).await;
                refreshing.push(tokio::spawn(refresh_until_cut(user)));
            }
            tokio::time::sleep(Duration::from_millis(40 + 17 * u64::try_from(kill % 7).unwrap())).await;
            let port = process.address.port();
            process.kill();
            process = site.start_at(port).await;
            for ended in refreshing {
                let token = ended.await.unwrap();
                let client = process.client();
                let answer = client.post("/auth/refresh", json!({"refresh_token": token})).await.expect(200).body;
                client.post("/auth/refresh", json!({"refresh_token": answer["refresh_token"]})).await.expect(200);
            }
        }
        figures(&format!("A10 {}: {kills} kills amid refreshes of 4 clients each: nobody locked out", engine.name()));
    }
}
