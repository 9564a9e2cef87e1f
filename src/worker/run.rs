//! The one match on the kinds of jobs.

use crate::app::App;
use crate::domain::job::{Job, JobKind};
use crate::error::Result;
use crate::services::replies;

/// Does what the job says.
pub async fn run(app: &App, job: &Job) -> Result<()> {
    match job.kind {
        Some(JobKind::Reply) => replies::write_reply(app, job).await,
        None => replies::discard(app, job).await,
    }
}
