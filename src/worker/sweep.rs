//! Housekeeping: what is over is forgotten, and the queue is measured.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::audit;
use crate::domain::job::JobKind;
use crate::error::Result;
use crate::services::{billing, idempotency, reconcile};
use crate::storage::Depth;

const MEASURE_EVERY: Duration = Duration::from_secs(10);
const SWEEP_EVERY: u32 = 60;
/// How long a dead job is shown to the operator.
const DEAD_KEPT: Duration = Duration::from_hours(30 * 24);
/// How long ids of events are kept: longer than the payment provider can send them again.
const BILLING_KEPT: Duration = Duration::from_hours(90 * 24);

/// Runs until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(MEASURE_EVERY);
    let mut count: u32 = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let swept = if count.is_multiple_of(SWEEP_EVERY) { sweep(&app).await } else { Ok(()) };
        if let Err(error) = swept.and(remind(&app).await).and(measure(&app).await) {
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
    app.db.sweep_security_events(now - audit::KEPT).await?;
    app.db.sweep_password_misses(now).await?;
    app.db.sweep_idempotency_keys(now - idempotency::LIFE).await?;
    app.db.sweep_dead_jobs(now - DEAD_KEPT).await?;
    app.db.sweep_billing_events(now - BILLING_KEPT).await?;
    app.db.sweep_checkouts(now - BILLING_KEPT).await?;
    app.limiter.sweep();
    Ok(())
}

/// Puts into the queue what only the clock asks for.
pub async fn remind(app: &App) -> Result<()> {
    billing::review_due(app).await?;
    reconcile::enqueue_if_due(app).await
}

/// What other versions wrote is counted under this name.
const OTHER_KIND: &str = "unknown";

/// Notes how deep the queue is, by kind, and how long its oldest jobs have waited.
pub async fn measure(app: &App) -> Result<()> {
    let (depths, now) = (app.db.queue_depths().await?, app.clock.now());
    for kind in JobKind::ALL.map(JobKind::as_str).into_iter().chain([OTHER_KIND]) {
        let of_kind = |depth: &&Depth| JobKind::from_stored(&depth.kind).map_or(OTHER_KIND, JobKind::as_str) == kind;
        for state in ["blocked", "ready", "waiting", "running", "dead"] {
            let all = depths.iter().filter(|depth| depth.state == state);
            app.metrics.queue_depth(state, kind, all.filter(of_kind).map(|depth| depth.count).sum());
        }
        let ready = depths.iter().filter(|depth| depth.state == "ready").filter(of_kind);
        let age = ready.map(|depth| now.since(depth.oldest).as_secs()).max().unwrap_or(0);
        app.metrics.queue_age(kind, i64::try_from(age).unwrap_or(i64::MAX));
    }
    Ok(())
}
