//! What the shipped program logs: one JSON object a line, and nothing that is a secret or a person's own.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::harness::binary::Binary;
use crate::harness::{Client, Engine, SECRET};

const MOBILE: &str = "+15007391846";
const LONGEST: usize = 512;

/// Every line as the JSON object that it must be.
fn events(log: &str) -> Vec<Map<String, Value>> {
    let read = |line| match serde_json::from_str(line) {
        Ok(Value::Object(event)) => event,
        other => panic!("not one JSON object: {line}: {other:?}"),
    };
    log.lines().map(read).collect()
}

/// True when an event tells a code; a time or a measured number may hold the same digits by chance.
fn tells_code(event: &Map<String, Value>, code: &str) -> bool {
    event.iter().filter(|(name, _)| *name != "timestamp").any(|(_, value)| match value {
        Value::String(text) => text.contains(code),
        Value::Number(number) => number.to_string() == code,
        _ => false,
    })
}

/// The way from the number to a finished reply; answers with what must not be in a log, and the code.
async fn walk(client: Client) -> (Vec<String>, String) {
    let mobile = json!({"mobile": MOBILE, "name": "canary-name"});
    client.post("/auth/signup", mobile).await.expect(201);
    let sent = client.post("/auth/send-otp", json!({"mobile": MOBILE})).await.expect(200).body;
    let code = sent["otp"].as_str().unwrap().to_owned();
    client.post("/auth/send-otp", json!({"mobile": MOBILE})).await.expect(429);
    client.post("/auth/verify-otp", json!({"mobile": MOBILE, "otp": "00000000"})).await.expect(401);
    let tokens = client.post("/auth/verify-otp", json!({"mobile": MOBILE, "otp": code})).await.expect(200).body;
    let mut client = client;
    client.token = tokens["access_token"].as_str().map(ToOwned::to_owned);
    let room =
        client.post("/chatroom", json!({"name": "canary-room", "instructions": "canary-orders"})).await.expect(201);
    let room = room.body["id"].as_str().unwrap().to_owned();
    let path = format!("/chatroom/{room}/message");
    let said = json!({"content": "canary-content"});
    let key = [("prefer", "wait=20"), ("idempotency-key", "canary-key")];
    let reply = client.post_with(&path, &key, said).await.expect(200).body;
    let reply = reply["reply"]["content"].as_str().unwrap().to_owned();
    assert!(!reply.is_empty());
    client.post("/auth/change-password", json!({"new_password": "canary-password"})).await.expect(200);
    client.post("/auth/login", json!({"mobile": MOBILE, "password": "canary-password"})).await.expect(200);
    client.post("/auth/login", json!({"mobile": MOBILE, "password": "canary-guess"})).await.expect(401);
    client.post("/auth/logout?scope=all", json!({})).await.expect(204);
    client.get("/user/me").await.expect(401);
    let mut secrets =
        ["access_token", "refresh_token", "device_token"].map(|name| tokens[name].as_str().unwrap()).to_vec();
    secrets.extend([
        "canary",
        "argon2",
        MOBILE,
        &MOBILE[1..],
        &MOBILE[5..],
        &MOBILE[..10],
        "91846",
        SECRET,
        reply.as_str(),
    ]);
    (secrets.into_iter().map(ToOwned::to_owned).collect(), code)
}

/// Requests whose parts would be lines, entries or colours of a log if they were written into it as they come.
async fn provoke(client: &Client) {
    let odd = "x\",\"level\":\"FORGED\",\"message\":\"forged-entry";
    for path in
        ["/forged-entry%0a%7b%22level%22:%22FORGED%22%7d", "/user/me?token=forged-entry", "/%1b[31mforged-entry"]
    {
        client.get(path).await;
    }
    let request = client.request(Method::GET, "/user/me").header("x-request-id", odd).header("user-agent", odd);
    client.send(request.header("cookie", format!("access_token={odd}"))).await.expect(401);
    client
        .send(client.request(Method::GET, "/user/me").header("authorization", format!("Bearer {odd}")))
        .await
        .expect(401);
    client.send(client.request(Method::GET, "/user/me").header("user-agent", "a".repeat(9_000))).await.expect(401);
    client.post("/auth/signup", json!({"mobile": "1\n{\"level\":\"FORGED\"}forged-entry"})).await.expect(422);
    client.post("/auth/signup", json!({"forged-entry\n{}": 1})).await.expect(422);
    client.send(client.request(Method::GET, "/ready").header("host", "forged-entry.example")).await;
    client.send(client.request(Method::GET, "/user/me").header("host", "forged-entry.example")).await.expect(421);
}

fn check(log: &str, secrets: &[String], code: &str) {
    let events = events(log);
    assert!(events.len() >= 10, "{} lines", events.len());
    for secret in secrets {
        assert!(!log.contains(secret.as_str()), "the log holds {secret}");
    }
    assert!(!events.iter().any(|event| tells_code(event, code)), "the log holds the code");
    assert!(!log.contains("forged-entry") && !log.contains("FORGED"), "the log was written by a stranger");
    for event in &events {
        let texts = event.values().filter_map(Value::as_str);
        assert!(texts.clone().all(|text| text.len() <= LONGEST), "{event:?}");
        assert!(event.contains_key("timestamp") && event.contains_key("level"), "{event:?}");
    }
    let stray = events.iter().filter(|event| event.get("event") == Some(&json!("stray_token"))).count();
    assert_eq!(stray, 2, "the tokens in a query and in a cookie");
}

async fn log_is_clean(settings: &[(&str, &str)]) {
    let settings = [settings, &[("CODE_DELIVERY", "echo"), ("RUST_LOG", "debug"), ("JWT_SECRET", SECRET)]].concat();
    let mut binary = Binary::start(&settings).await;
    let (secrets, code) = tokio::time::timeout(Duration::from_mins(1), walk(binary.client())).await.unwrap();
    provoke(&binary.client()).await;
    binary.stop().await;
    check(&binary.log(), &secrets, &code);
}

mod the_log_is_json_lines_without_secrets_or_what_people_wrote {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_sqlite() {
        log_is_clean(&[]).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_postgres() {
        let Some(engine) = Engine::postgres().await else { return };
        let lease = engine.lease().await;
        log_is_clean(&[("DATABASE_URL", lease.url().unwrap())]).await;
    }
}

/// A code that goes to the log is meant to be there, once; its number still is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_delivered_by_the_log_stands_in_one_event_with_two_digits_of_the_number() {
    let mut binary = Binary::start(&[("CODE_DELIVERY", "log")]).await;
    let sent = binary.client().post("/auth/send-otp", json!({"mobile": MOBILE})).await.expect(200);
    assert!(sent.body.get("otp").is_none(), "{}", sent.text);
    binary.stop().await;
    let events = events(&binary.log());
    let codes: Vec<_> = events.iter().filter_map(|event| Some((event.get("code")?.as_str()?, event))).collect();
    let [(code, event)] = codes.as_slice() else { panic!("{codes:?}") };
    assert_eq!((code.len(), &event["phone"]), (6, &json!("…46")));
    assert!(!binary.log().contains("91846"));
}
