//! Housekeeping: what is over is forgotten, and the queue is measured.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::error::Result;
use crate::services::idempotency;

const MEASURE_EVERY: Duration = Duration::from_secs(10);
const SWEEP_EVERY: u32 = 60;
/// How long a dead job is shown to the operator.
const DEAD_KEPT: Duration = Duration::from_hours(30 * 24);

/// Runs until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(MEASURE_EVERY);
    let mut count: u32 = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let done = if count.is_multiple_of(SWEEP_EVERY) { sweep(&app).await } else { Ok(()) };
        if let Err(error) = done.and(measure(&app).await) {
            tracing::warn!(error = %error, "Housekeeping failed and will be tried again.");
        }
        count = count.wrapping_add(1);
    }
}

/// Forgets what is over.
pub async fn sweep(app: &App) -> Result<()> {
    let now = app.clock.now();
    app.db.sweep_codes(now).await?;
    app.db.sweep_sessions(now).await?;
    app.db.sweep_idempotency_keys(now - idempotency::LIFE).await?;
    app.db.sweep_dead_jobs(now - DEAD_KEPT).await?;
    app.limiter.sweep();
    Ok(())
}

async fn measure(app: &App) -> Result<()> {
    let depths = app.db.queue_depths().await?;
    for state in ["blocked", "ready", "waiting", "running", "dead"] {
        let depth = depths.iter().find(|depth| depth.state == state);
        app.metrics.queue_depth(state, depth.map_or(0, |depth| depth.count));
    }
    let oldest = depths.iter().find(|depth| depth.state == "ready").map(|depth| depth.oldest);
    let age = oldest.map_or(0, |oldest| app.clock.now().since(oldest).as_secs());
    app.metrics.queue_age(i64::try_from(age).unwrap_or(i64::MAX));
    Ok(())
}
