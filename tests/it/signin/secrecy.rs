//! What a thief of the database has, and what a stranger learns of who has an account.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{number, send};
use crate::harness::client::Answer;
use crate::harness::{TestApp, on_both_engines};
use crate::proof::is_full;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + format!("{byte:02x}").as_str())
}

/// True when a cell tells the secret. Numbers, and phone numbers, hold any six digits by chance: there it is the whole.
fn tells(cell: &str, secret: &str) -> bool {
    let is_number = cell.trim_start_matches('+').bytes().all(|byte| byte.is_ascii_digit());
    match cell.strip_prefix("\\x") {
        Some(bytes) => bytes.contains(&hex(secret.as_bytes())),
        None if is_number => cell == secret,
        None => cell.contains(secret),
    }
}

/// What stays the same between two answers to the same question.
fn told(answer: &Answer) -> (u16, Vec<String>, Value) {
    let mut body = answer.body.clone();
    for name in ["challenge_id", "otp", "mobile", "instance"] {
        if let Some(member) = body.get_mut(name) {
            *member = json!(member.as_str().map(str::len));
        }
    }
    let own = ["date", "x-request-id"];
    let headers = answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let mut headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.sort();
    (answer.status, headers, body)
}

async fn seconds_of(app: &TestApp, path: &str, mobile: &str) -> f64 {
    let client = app.client();
    let began = std::time::Instant::now();
    client.post(path, json!({"mobile": mobile})).await.expect(200);
    began.elapsed().as_secs_f64()
}

on_both_engines! {
    async fn a_leaked_database_holds_no_code_and_no_token(app) {
        let client = app.client();
        let mut secrets = Vec::new();
        let mut digests = Vec::new();
        for index in 0..12 {
            let sent = send(&client, &number(index)).await;
            secrets.push(sent.code.clone());
            for unkeyed in [sent.code.clone(), sent.mobile.clone() + sent.code.as_str(), sent.id.clone() + sent.code.as_str()] {
                digests.push(hex(&Sha256::digest(unkeyed.as_bytes())));
            }
            if index % 2 == 0 {
                continue;
            }
            let tokens = sent.answer(&client).await.expect(200).body;
            for name in ["access_token", "refresh_token", "device_token"] {
                let token = tokens[name].as_str().unwrap();
                secrets.push(token.to_owned());
                let parts = token.split(['.', '_']).filter(|part| part.len() > 30);
                digests.extend(parts.filter_map(|part| URL_SAFE_NO_PAD.decode(part).ok()).map(|bytes| hex(&bytes)));
            }
        }
        let cells = app.dump().await;
        assert!(cells.len() > 300, "{} cells", cells.len());
        for secret in &secrets {
            assert!(!cells.iter().any(|cell| tells(cell, secret)), "{secret}");
        }
        for digest in digests.iter().filter(|digest| digest.len() >= 64) {
            assert!(!cells.iter().any(|cell| cell.contains(digest)), "{digest}");
        }
    }

    async fn known_and_unknown_numbers_get_the_same_answers(app) {
        let client = app.client();
        client.clone().sign_in(&number(1)).await;
        app.advance(std::time::Duration::from_mins(1));
        for body in [json!({}), json!({"name": "Somebody"})] {
            let with = |mobile: String| {
                let mut body = body.clone();
                body["mobile"] = json!(mobile);
                client.post("/auth/signup", body)
            };
            assert_eq!(told(&with(number(1)).await), told(&with(number(2)).await));
        }
        for extra in [json!({}), json!({"purpose": "confirm"}), json!({"device_token": "dt_guess"})] {
            let with = |mobile: String| {
                let mut body = extra.clone();
                body["mobile"] = json!(mobile);
                client.post("/auth/send-otp", body)
            };
            for status in [200, 429] {
                let (known, unknown) = (with(number(1)).await, with(number(2)).await);
                assert_eq!(known.status, status);
                assert_eq!(told(&known), told(&unknown));
            }
            app.advance(std::time::Duration::from_mins(1));
        }
        for code in ["000000", "00000000"] {
            let with = |mobile: String| client.post("/auth/verify-otp", json!({"mobile": mobile, "otp": code}));
            assert_eq!(told(&with(number(1)).await), told(&with(number(2)).await));
        }
    }

    async fn known_and_unknown_numbers_run_out_of_guesses_alike(app) {
        let client = app.client();
        client.clone().sign_in(&number(1)).await;
        app.advance(std::time::Duration::from_mins(1));
        let (known, unknown) = (send(&client, &number(1)).await, send(&client, &number(2)).await);
        for turn in 0..7 {
            let known = known.guess(&client, &known.wrong(turn)).await;
            assert_eq!(told(&known), told(&unknown.guess(&client, &unknown.wrong(turn)).await));
            assert_eq!(known.code(), if turn < 5 { "otp_invalid" } else { "otp_attempts_exceeded" });
        }
    }

    async fn known_and_unknown_numbers_take_the_same_time(app) {
        let pairs = if is_full() { 500 } else { 40 };
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for index in 0..pairs {
            app.client().sign_in(&number(2 * index)).await;
            app.advance(std::time::Duration::from_mins(3));
            // Turn about, so that neither is always the one that finds things warm.
            for turn in [index % 2, 1 - index % 2] {
                let seconds = seconds_of(&app, "/auth/send-otp", &number(2 * index + turn)).await;
                if turn == 0 { known.push(seconds) } else { unknown.push(seconds) }
            }
        }
        let wins = known.iter().flat_map(|a| unknown.iter().map(move |b| f64::from(u8::from(a > b)))).sum::<f64>();
        let count = f64::from(u32::try_from(pairs).unwrap());
        let area = wins / (count * count);
        // The quick size only sees what is gross: a hash, a text sent, a second write.
        let bounds = if is_full() { 0.45..0.55 } else { 0.2..0.8 };
        assert!(bounds.contains(&area), "Mann-Whitney area {area:.3}");
    }
}
