//! What the worker does by the clock, done at once: for tests, whose clock stands still or moves in leaps.

use super::{BATCH, run, sweep};
use crate::app::App;
use crate::error::Result;

/// Puts into the queue what only the clock asks for.
pub async fn remind(app: &App) -> Result<()> {
    sweep::remind(app).await
}

/// Notes how deep the queue is.
pub async fn measure(app: &App) -> Result<()> {
    sweep::measure(app).await
}

/// Works until nothing is due any more.
pub async fn drain(app: &App) -> Result<()> {
    let name = rand::random();
    loop {
        let jobs = app.db.claim_jobs(name, i64::try_from(BATCH).unwrap_or(1), app.clock.now()).await?;
        if jobs.is_empty() {
            return Ok(());
        }
        let runs = jobs.into_iter().map(|job| async move { run::run(app, &job).await });
        for outcome in futures_util::future::join_all(runs).await {
            outcome?;
        }
    }
}
