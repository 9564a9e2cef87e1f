//! Redis, where it is set: one plain `PING`. This version does not use it for anything yet, and says so.

use std::fmt::Write as _;
use std::time::Duration;

use reqwest::Url;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::finding::Finding;
use crate::config::Config;

const NAME: &str = "redis";
const PATIENCE: Duration = Duration::from_secs(3);
const ADVICE: &str = "check that Redis runs, and REDIS_URL; replies are not lost without it";

/// Asks Redis for an answer.
pub(super) async fn check(config: &Config) -> Option<Finding> {
    let url = Url::parse(config.redis.as_ref()?.expose_secret()).ok()?;
    if url.scheme() == "rediss" {
        let found = "it is reached by TLS, which this check does not speak, and is not used yet by this version";
        return Some(Finding::warn(NAME, found, "ask it by redis-cli --tls ping"));
    }
    let answered = tokio::time::timeout(PATIENCE, ping(&url)).await;
    Some(match answered {
        Ok(Ok(())) => Finding::ok(NAME, "it answers; not used yet by this version"),
        Ok(Err(why)) => Finding::fail(NAME, why, ADVICE),
        Err(_) => Finding::fail(NAME, "no answer in 3 s", ADVICE),
    })
}

async fn ping(url: &Url) -> Result<(), String> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let address = (host, url.port().unwrap_or(6379));
    let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    if let Some(password) = url.password() {
        let (user, password) = (decoded(url.username()), decoded(password));
        let words: Vec<&str> = ["AUTH", &user, &password].into_iter().filter(|word| !word.is_empty()).collect();
        expect(&mut stream, &words, "+OK").await?;
    }
    expect(&mut stream, &["PING"], "+PONG").await
}

/// Sends a command and compares the answer. Of a refusal the first word is told, which is a code such as `NOAUTH`.
async fn expect(stream: &mut TcpStream, words: &[&str], wanted: &str) -> Result<(), String> {
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        let _ = write!(command, "${}\r\n{word}\r\n", word.len());
    }
    stream.write_all(command.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut answer = [0; 256];
    let length = stream.read(&mut answer).await.map_err(|error| error.to_string())?;
    let line = String::from_utf8_lossy(&answer[..length]);
    if line.starts_with(wanted) {
        return Ok(());
    }
    let code: String = line.chars().skip(1).take_while(char::is_ascii_uppercase).collect();
    Err(format!("it refused {} ({code})", words[0]))
}

/// Percent codes of an address become text.
fn decoded(text: &str) -> String {
    let pair = format!("t={}", text.replace('+', "%2B"));
    let Ok(mut url) = Url::parse("redis://x") else { return String::new() };
    url.set_query(Some(&pair));
    url.query_pairs().next().map_or_else(String::new, |(_, text)| text.into_owned())
}
