//! `pollux doctor`: looks at everything a start depends on and says, a line each, what it found and what to do. It
//! changes nothing and makes no file, so it can be run beside a server at work; and no line shows a secret.

mod clock;
mod database;
mod disk;
mod finding;
mod outside;
mod redis;
mod secrets;

pub use self::finding::{Finding, Level};

use crate::config::{Config, Settings};
use crate::domain::time::Clock;

/// Runs every check of these settings, in the order in which a start would meet them.
pub async fn examine(settings: &Settings) -> Vec<Finding> {
    let config = match Config::read(settings) {
        Ok(config) => config,
        Err(faults) => return faults.0.iter().map(|fault| unreadable(fault)).collect(),
    };
    let mut found = read(&config);
    found.extend(disk::check(&config));
    let (state, server_time) = database::check(&config).await;
    found.extend(state);
    found.extend(redis::check(&config).await);
    found.push(secrets::signing_key(&config));
    found.extend(outside::model(&config).await);
    found.extend(outside::payments(&config).await);
    found.push(outside::codes(&config));
    found.push(clock::check(&config, &Clock::System, server_time).await);
    found
}

/// A fault names its setting and says what to set.
fn unreadable(fault: &str) -> Finding {
    Finding::fail("settings", fault, "correct it; the other checks follow once all settings can be read")
}

fn read(config: &Config) -> Vec<Finding> {
    let notes = config.notes.iter().map(|note| {
        Finding::warn("settings", note.clone(), "change the setting that is named, or leave it if it is meant so")
    });
    let mut found: Vec<Finding> = notes.collect();
    let unused = if config.not_needed.is_empty() {
        String::new()
    } else {
        format!("; not needed: {}", config.not_needed.join(" "))
    };
    found.insert(0, Finding::ok("settings", format!("all can be read{unused}")));
    found
}
