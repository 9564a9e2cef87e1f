//! The hourly comparison with the payment provider, for events that never came: every customer that may have to do
//! with a plan is read once, and whoever an event was about that reached nobody.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;

use super::billing::{SyncFault, billing, read_and_mirror, reassess};
use super::queue;
use crate::app::{App, Billing};
use crate::domain::ids::UserId;
use crate::domain::job::{Job, JobKind, NewJob};
use crate::error::Result;
use crate::providers::payments::EventQuery;
use crate::storage::Customer;

/// How often everything is compared.
pub const EVERY: Duration = Duration::from_hours(1);
/// The name under which it is written down when that was done last.
const NAME: &str = "reconcile";
/// How far back checkouts and undelivered events are looked for: as long as the provider keeps events.
const LOOK_BACK: Duration = Duration::from_hours(30 * 24);
/// Calls of the provider at once; it allows 25 a second to test accounts.
const AT_ONCE: usize = 4;
const PAGE: i64 = 200;

/// What a comparison found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Customers that were read.
    pub read: u64,
    /// Those whose mirror or plan was not as the provider says, and is now.
    pub corrected: u64,
    /// Those that could not be read.
    pub failed: u64,
}

/// Puts the comparison into the queue unless another process did so within the hour.
pub async fn enqueue_if_due(app: &App) -> Result<()> {
    if app.billing.is_none() {
        return Ok(());
    }
    let job = NewJob::about_all(JobKind::Reconcile, app.clock.now(), EVERY);
    if app.db.enqueue_every(NAME, EVERY, job).await? {
        app.bus.ring_for_jobs();
    }
    Ok(())
}

/// Compares as a job.
pub async fn run(app: &App, job: &Job) -> Result<()> {
    if queue::is_spent(app, job) {
        return queue::give_up(app, job, "payment_provider_error").await;
    }
    if app.billing.is_some() {
        reconcile(app).await?;
    }
    queue::finish(app, job).await
}

/// Compares every customer that may have to do with a plan; each is read once.
pub async fn reconcile(app: &App) -> Result<Report> {
    let billing = billing(app)?;
    let mut report = Report::default();
    let mut seen = BTreeSet::new();
    let since = app.clock.now() - LOOK_BACK;
    let mut after = UserId::from_bytes([0; 16]);
    loop {
        let page = app.db.customers_to_compare(after, since, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        seen.extend(page.iter().map(|(user, _)| *user));
        compare(app, billing, page, &mut report).await?;
    }
    let missed = undelivered(app, billing, &seen).await?;
    compare(app, billing, missed, &mut report).await?;
    tracing::info!(
        read = report.read,
        corrected = report.corrected,
        failed = report.failed,
        "All plans were compared with the payment provider."
    );
    Ok(report)
}

async fn compare(app: &App, billing: &Billing, customers: Vec<(UserId, String)>, report: &mut Report) -> Result<()> {
    let reads = customers.into_iter().map(|(user_id, id)| async move {
        let customer = Customer { id, action_url: None };
        (user_id, read_and_mirror(app, billing, user_id, &customer, None).await)
    });
    let mut reads = futures_util::stream::iter(reads).buffer_unordered(AT_ONCE);
    while let Some((user_id, read)) = reads.next().await {
        report.read += 1;
        match read {
            Ok(synced) if synced.has_changed => {
                report.corrected += 1;
                app.metrics.drift_corrected();
                tracing::warn!(user = %user_id, "A user's subscriptions were not as mirrored: an event must have been lost.");
            }
            Ok(_) | Err(SyncFault::Stale | SyncFault::LeaseLost) => {}
            Err(SyncFault::Payment(error)) => {
                report.failed += 1;
                tracing::warn!(user = %user_id, fault = %error.fault, note = error.note, "A customer could not be read.");
                // The next comparison reads it again.
                reassess(app, billing, user_id, None).await?;
            }
            Err(SyncFault::Ours(error)) => return Err(error),
        }
    }
    Ok(())
}

/// Customers of ours that events speak of which reached nobody, and that were not read yet.
async fn undelivered(app: &App, billing: &Billing, seen: &BTreeSet<UserId>) -> Result<Vec<(UserId, String)>> {
    let query = EventQuery { since: app.clock.now() - LOOK_BACK, only_undelivered: true };
    let events = match billing.payments.events(&query).await {
        Ok(events) => events,
        Err(error) => {
            tracing::warn!(fault = %error.fault, note = error.note, "Undelivered events could not be listed.");
            return Ok(Vec::new());
        }
    };
    let customers: BTreeSet<String> = events.into_iter().filter_map(|event| event.customer_id).collect();
    let mut missed = Vec::new();
    for customer in customers {
        let owner = app.db.owner_of_customer(&customer).await?.filter(|owner| !seen.contains(owner));
        missed.extend(owner.map(|owner| (owner, customer)));
    }
    Ok(missed)
}
