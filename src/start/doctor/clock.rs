//! The clock: tokens, codes, leases and Stripe's signatures go by it, so it is compared with somebody else's.

use std::time::Duration;

use super::finding::Finding;
use crate::config::{Config, PaymentMode};
use crate::domain::time::{Clock, Timestamp};
use crate::providers::outbound;

const NAME: &str = "clock";
/// The date of an answer has whole seconds and was on its way.
const HARMLESS: Duration = Duration::from_secs(3);
/// From here on one machine takes the jobs of another.
const HARMFUL: Duration = Duration::from_secs(10);

/// Compares this machine's clock with the database server's, else with that of a service that is used anyway.
pub(super) async fn check(config: &Config, clock: &Clock, server_time: Option<Timestamp>) -> Finding {
    let gemini = config.gemini.key.as_ref().map(|_| &config.gemini.base_url);
    let stripe = Some(&config.payments.api_base).filter(|_| config.payments.mode == PaymentMode::Stripe);
    if let Some(theirs) = server_time {
        return judge(clock.now(), theirs, "PostgreSQL");
    }
    for (base, whose) in [(gemini, "Gemini"), (stripe, "Stripe")] {
        let Some(base) = base else { continue };
        if let Some(theirs) = outbound::date_at(base).await {
            return judge(clock.now(), theirs, whose);
        }
    }
    Finding::ok(NAME, "it could not be compared: nobody outside is set who could be asked, or nobody answered")
}

fn judge(ours: Timestamp, theirs: Timestamp, whose: &str) -> Finding {
    let apart = ours.since(theirs).max(theirs.since(ours));
    let way = if ours > theirs { "ahead of" } else { "behind" };
    let found = format!("it is {:.1} s {way} the one of {whose}", apart.as_secs_f64());
    let advice = "let this machine take its time from a time server (NTP)";
    if apart > HARMFUL {
        return Finding::fail(NAME, found, advice);
    }
    if apart > HARMLESS {
        return Finding::warn(NAME, found, advice);
    }
    Finding::ok(NAME, found)
}
