//! One clock for all processes: the database's, where several share one. A lease taken by one process ends by the clock
//! of another, and a quota's day is the same for both.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::domain::time::{Clock, SharedClock, Timestamp};
use crate::error::Result;
use crate::storage::{Db, Postgres};

/// Steady clocks drift by less than a millisecond in it.
const SET_EVERY: Duration = Duration::from_secs(10);
/// An answer that took longer says too little about when it was given.
const GOOD_ANSWER: Duration = Duration::from_millis(200);
/// A machine's clock that is further off is worth a word: it stamps the log and checks certificates.
const FAR_OFF: Duration = Duration::from_secs(5);

/// The machine's clock becomes the database's where that is a server; a test's clock stays.
pub(super) async fn choose(clock: Clock, db: &Db) -> Result<Clock> {
    let (Clock::System, Db::Postgres(postgres)) = (&clock, db) else { return Ok(clock) };
    let (told, took) = ask(postgres).await?;
    let shared = Arc::new(SharedClock::new(told, took));
    note_difference(&clock, told);
    tokio::spawn(keep(Arc::downgrade(&shared), postgres.clone()));
    Ok(Clock::Shared(shared))
}

/// Sets the clock now and then, for as long as somebody goes by it. While the database is away it goes on by itself.
async fn keep(clock: Weak<SharedClock>, postgres: Postgres) {
    loop {
        tokio::time::sleep(SET_EVERY).await;
        let asked = if clock.strong_count() > 0 { ask(&postgres).await } else { return };
        match (asked, clock.upgrade()) {
            (Ok((told, took)), Some(clock)) if took <= GOOD_ANSWER => clock.set(told, took),
            (_, Some(_)) => {}
            (_, None) => return,
        }
    }
}

async fn ask(postgres: &Postgres) -> Result<(Timestamp, Duration)> {
    let asked = Instant::now();
    let told = postgres.now().await?;
    Ok((told, asked.elapsed()))
}

fn note_difference(machine: &Clock, told: Timestamp) {
    let here = machine.now();
    let off = here.since(told).max(told.since(here));
    if off > FAR_OFF {
        tracing::warn!(
            seconds = off.as_secs(),
            "This machine's clock and the database's differ; the database's counts. Set the machine's by NTP."
        );
    }
}
