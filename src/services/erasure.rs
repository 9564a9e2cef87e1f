//! Erasing what a closed account leaves: a few rows at a time, taken up again after whatever came between, until nothing
//! is left.

use crate::app::App;
use crate::domain::job::Job;
use crate::error::Result;
use crate::services::queue;
use crate::storage::WriteError;

/// Erases a closed account. There is no last try: what a person was promised is done however long it takes.
pub async fn erase_account(app: &App, job: &Job) -> Result<()> {
    let erased = erase_all(app, job).await;
    if let Some(closed) = job.user_id {
        app.forget_user(closed).await;
    }
    match erased {
        Err(WriteError::Failed(error)) if error.is_transient() => {
            tracing::warn!(job = %job.id, error = %error, "An erasure was interrupted and goes on later.");
            queue::set_back(app, job, "interrupted", None).await
        }
        outcome => queue::held(app, outcome),
    }
}

/// Puts the job back after a panic of its own, as often as it takes.
pub async fn set_back_after_panic(app: &App, job: &Job) -> Result<()> {
    queue::set_back(app, job, "internal", None).await
}

async fn erase_all(app: &App, job: &Job) -> Result<(), WriteError> {
    while app.db.erase_some_messages(job).await? {}
    while app.db.erase_some_rows(job).await? {}
    app.db.finish_erasure(job).await?;
    tracing::info!(job = %job.id, "A closed account was erased.");
    Ok(())
}
