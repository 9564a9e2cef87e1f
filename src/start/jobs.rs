//! `pollux jobs`: the queue from the outside. It works beside running servers, whose workers find what is put back.

use anyhow::{Context as _, bail};

use super::open_database;
use crate::config::Config;
use crate::domain::ids::JobId;
use crate::domain::time::Clock;
use crate::storage::{Db, DeadJob, Refusal, WriteError};

/// Dead jobs that are looked at; the oldest beyond it are reached once the newer ones are gone.
const LISTED: i64 = 10_000;

/// What is to be done with dead jobs.
#[derive(Clone, Debug)]
pub enum JobsTask {
    /// Show how deep the queue is, and the dead jobs.
    List,
    /// Try one, or all, again.
    Retry(Chosen),
    /// Throw one, or all, away.
    Discard(Chosen),
}

/// Which dead jobs are meant.
#[derive(Clone, Debug)]
pub enum Chosen {
    /// Every one.
    All,
    /// The one of this id.
    One(String),
}

/// Does it, and says in lines what was found or done.
pub async fn jobs(config: &Config, task: JobsTask) -> anyhow::Result<String> {
    let db = open_database(config, &Clock::System).await?;
    match task {
        JobsTask::List => list(&db).await,
        JobsTask::Retry(chosen) => {
            let now = Clock::System.now();
            let mut outcome = Outcome::default();
            for dead in choose(&db, chosen).await? {
                outcome.note(&dead, db.revive(&dead, now).await)?;
            }
            outcome.told("put back into the queue", "its room is gone or waits for another reply: try again later")
        }
        JobsTask::Discard(chosen) => {
            let mut outcome = Outcome::default();
            for dead in choose(&db, chosen).await? {
                outcome.note(&dead, db.discard(&dead).await)?;
            }
            outcome.told("discarded", "it was dead no more")
        }
    }
}

async fn list(db: &Db) -> anyhow::Result<String> {
    let mut lines: Vec<String> =
        db.queue_depths().await?.iter().map(|depth| format!("{:>8}  {}", depth.count, depth.state)).collect();
    if lines.is_empty() {
        lines.push("The queue is empty.".to_owned());
    }
    for dead in db.dead_jobs(LISTED).await? {
        let error = dead.last_error.as_deref().unwrap_or("unknown");
        lines.push(format!("{}  {}  {} tries  {}  since {}", dead.id, dead.kind, dead.attempt, error, dead.created_at));
    }
    Ok(lines.join("\n"))
}

async fn choose(db: &Db, chosen: Chosen) -> anyhow::Result<Vec<DeadJob>> {
    let dead = db.dead_jobs(LISTED).await?;
    let Chosen::One(text) = chosen else { return Ok(dead.into_iter().rev().collect()) };
    let id = JobId::parse(&text).with_context(|| format!("{text} is not the id of a job: `pollux jobs` lists them"))?;
    let found: Vec<_> = dead.into_iter().filter(|dead| dead.id == id).collect();
    if found.is_empty() {
        bail!("no dead job has the id {text}: `pollux jobs` lists them");
    }
    Ok(found)
}

#[derive(Default)]
struct Outcome {
    done: usize,
    refused: Vec<JobId>,
}

impl Outcome {
    fn note(&mut self, dead: &DeadJob, outcome: Result<(), WriteError>) -> anyhow::Result<()> {
        match outcome {
            Ok(()) => self.done += 1,
            Err(WriteError::Refused(Refusal::NotFound)) => self.refused.push(dead.id),
            Err(error) => return Err(crate::error::Error::from(error).into()),
        }
        Ok(())
    }

    fn told(self, what: &str, why_not: &str) -> anyhow::Result<String> {
        if self.done == 0 && !self.refused.is_empty() {
            bail!("none was {what}; of each that was not, {why_not}");
        }
        let mut lines = vec![format!("{} {what}.", self.done)];
        lines.extend(self.refused.iter().map(|id| format!("{id} was not: {why_not}")));
        Ok(lines.join("\n"))
    }
}
