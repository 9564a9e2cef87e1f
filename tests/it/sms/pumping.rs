//! Somebody has texts sent for the money in them, from many addresses to many numbers: it is cheap to stop.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Phones, ask_from, on_each_engine};
use crate::proof::{figures, size};

/// Seconds that the attack lasts.
const ATTACK: u64 = 600;

/// A send that was answered with 200: when (in milliseconds), to which country and number, from which address.
type Sent = (u128, &'static str, String, String);

/// Where the attack goes, turn about: two countries that are served, and two that are not.
fn target(index: usize) -> (&'static str, String) {
    let (country, beginning) = [("US", "+1212"), ("IN", "+9198"), ("LV", "+3712"), ("satellite", "+8816")][index % 4];
    // Few numbers, asked for again and again, in few blocks.
    let tail = (index / 4 * 7919) % 60;
    (country, format!("{beginning}{:03}{:04}", tail / 20, tail % 20))
}

on_each_engine! {
    async fn every_cap_holds_and_a_country_that_pays_nothing_back_pauses(engine) {
        let more = [("TRUSTED_PROXIES", "127.0.0.1"), ("OTP_SENDS_PER_ADDRESS_HOUR", "20")];
        let phones = Phones::start_with(engine, &more).await;
        let sends = size(600, 5_000);
        let client = phones.app.client();
        let step = Duration::from_secs(ATTACK) / u32::try_from(sends).unwrap();
        let mut sent: Vec<Sent> = Vec::new();
        for index in 0..sends {
            let (country, number) = target(index);
            let address = format!("203.0.113.{}", index % 13);
            let answer = ask_from(&client, &address, &number).await;
            match (country, answer.status) {
                ("US" | "IN", 200) => sent.push(((step * u32::try_from(index).unwrap()).as_millis(), country, number, address)),
                ("US" | "IN", _) => assert_eq!(answer.status, 429, "{}", answer.text),
                _ => drop(answer.expect_problem(422, "validation_failed")),
            }
            phones.app.advance(step);
            if index % 20 == 0 {
                phones.app.run_jobs().await;
            }
        }
        phones.app.run_jobs().await;
        let texts = phones.twilio.fake.texts();
        assert_eq!(texts.len(), sent.len());
        assert!(texts.iter().all(|sms| sms.to.starts_with("+1212") || sms.to.starts_with("+9198")));
        let most = |key: fn(&Sent) -> String| {
            let mut counts = BTreeMap::new();
            for one in &sent {
                *counts.entry(key(one)).or_insert(0_usize) += 1;
            }
            counts.into_values().max().unwrap()
        };
        let (number, address) = (most(|one| one.2.clone()), most(|one| one.3.clone()));
        let block = most(|one| one.2[..one.2.len() - 4].to_owned());
        assert!(number <= 5 && address <= 20 && block <= 50 && sent.len() <= 1_000);
        for country in ["US", "IN"] {
            let times: Vec<u128> = sent.iter().filter(|one| one.1 == country).map(|one| one.0).collect();
            // A minute after a hundred had gone and none came back, nothing goes any more.
            let late = times.get(99).map_or(0, |hundredth| times.iter().filter(|at| **at > hundredth + 60_000).count());
            assert_eq!(late, 0, "{country}: {} texts", times.len());
        }
        figures(&format!(
            "{sends} sends wished for in {ATTACK} s: {} texts, 0 to countries not listed, at most {number} a number, \
             {address} an address, {block} a block", sent.len()
        ));
    }
}
