//! The one place that knows the kinds of jobs.

use crate::app::App;
use crate::domain::job::{Job, JobKind};
use crate::error::Result;
use crate::live::trace;
use crate::services::{aside, billing, billing_events, erasure, queue, reconcile, replies, summaries, texts, titles};

/// Does what the job says, as a part of the trace that it came of.
pub async fn run(app: &App, job: &Job) -> Result<()> {
    trace::within(trace::job(job), work(app, job)).await
}

async fn work(app: &App, job: &Job) -> Result<()> {
    match job.kind {
        Some(JobKind::Reply) => replies::write_reply(app, job).await,
        Some(JobKind::SyncCustomer) => billing::sync_customer(app, job).await,
        Some(JobKind::FindCustomer) => billing_events::find_customer(app, job).await,
        Some(JobKind::Reconcile) => reconcile::run(app, job).await,
        Some(JobKind::SendCode) => texts::send_text(app, job).await,
        Some(JobKind::EraseAccount) => erasure::erase_account(app, job).await,
        Some(JobKind::TitleRoom) => titles::title_room(app, job).await,
        Some(JobKind::SummariseRoom) => summaries::summarise_room(app, job).await,
        None => replies::discard(app, job).await,
    }
}

/// Counts a panic of the job.
pub async fn set_back_after_panic(app: &App, job: &Job) -> Result<()> {
    match job.kind {
        Some(JobKind::Reply) => replies::set_back_after_panic(app, job).await,
        Some(JobKind::EraseAccount) => erasure::set_back_after_panic(app, job).await,
        Some(kind) if kind.is_background() => aside::set_back_after_panic(app, job).await,
        _ => queue::set_back_after_panic(app, job).await,
    }
}
