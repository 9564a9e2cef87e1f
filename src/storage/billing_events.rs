//! Events of the payment provider: each taken once, in one transaction with the job that follows; and what is done now
//! and then by one process.

use std::time::Duration;

use super::statement::{params, statements};
use super::{Db, Refusal, Write, WriteError, checkouts, jobs};
use crate::domain::ids::UserId;
use crate::domain::job::{Job, NewJob};
use crate::domain::time::Timestamp;
use crate::error::Result;

statements! {
    EVENT_TAKEN = "insert into billing_events (id, type, created_at, received_at, customer_id, charge_id, job)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict (id) do nothing";
    EVENT_CHARGE = "select charge_id from billing_events where job = ?1";
    EVENT_ACTION = "update customers set action_url = ?2 where user_id = ?1";
    OLD_BILLING_EVENTS_SWEPT = "delete from billing_events where received_at < ?1";
    SCHEDULE_BEGUN = "insert into schedules (name, begun_at) values (?1, ?2)
        on conflict (name) do update set begun_at = excluded.begun_at where schedules.begun_at <= ?3";
}

/// An event about to be taken.
#[derive(Debug)]
pub struct NewBillingEvent<'a> {
    /// The provider's id for it.
    pub id: &'a str,
    /// Its type, as it came.
    pub event_type: &'a str,
    /// When the provider made it.
    pub created_at: Timestamp,
    /// Whose it is said to be.
    pub customer_id: Option<&'a str>,
    /// The charge by which that is found out.
    pub charge_id: Option<&'a str>,
    /// The page that is closed by it.
    pub closes: Option<&'a str>,
    /// Where which user can confirm a payment.
    pub action: Option<(UserId, &'a str)>,
    /// What follows.
    pub job: Option<NewJob>,
    /// The present.
    pub now: Timestamp,
}

impl Db {
    /// Takes an event and what follows from it in one transaction. Answers false when it was taken before.
    pub async fn take_event(&self, new: &NewBillingEvent<'_>) -> Result<bool> {
        let job = new.job.map(|job| job.id);
        let taken = params![new.id, new.event_type, new.created_at, new.now, new.customer_id, new.charge_id, job];
        let mut write = Write::new().must(&EVENT_TAKEN, taken, Refusal::EventSeen);
        if let Some(session_id) = new.closes {
            write = checkouts::session_closed(write, session_id, new.now);
        }
        if let Some((user_id, url)) = new.action {
            write = write.then(&EVENT_ACTION, params![user_id, url]);
        }
        if let Some(job) = new.job {
            write = jobs::enqueued_once(write, job);
        }
        match self.write(write).await {
            Ok(_) => Ok(true),
            Err(WriteError::Refused(_)) => Ok(false),
            Err(WriteError::Failed(error)) => Err(error),
        }
    }

    /// The charge that the event of a job is about.
    pub async fn charge_of_event(&self, job: &Job) -> Result<Option<String>> {
        Ok(self.find::<(Option<String>,)>(&EVENT_CHARGE, params![job.id]).await?.and_then(|(charge,)| charge))
    }

    /// Puts a job into the queue in the place of the one that found out what it is about.
    pub async fn follow_up(&self, job: &Job, next: NewJob) -> Result<(), WriteError> {
        self.write(jobs::enqueued_once(jobs::done(Write::new(), job), next)).await.map(|_| ())
    }

    /// Puts a job into the queue unless that was done less than `every` ago, by whatever process.
    pub async fn enqueue_every(&self, name: &'static str, every: Duration, job: NewJob) -> Result<bool> {
        let begun = params![name, job.now, job.now - every];
        let write = Write::new().must(&SCHEDULE_BEGUN, begun, Refusal::NotDue);
        match self.write(jobs::enqueued_once(write, job)).await {
            Ok(_) => Ok(true),
            Err(WriteError::Refused(_)) => Ok(false),
            Err(WriteError::Failed(error)) => Err(error),
        }
    }

    /// Forgets events that the provider can't send any more.
    pub async fn sweep_billing_events(&self, before: Timestamp) -> Result<()> {
        self.write(Write::new().then(&OLD_BILLING_EVENTS_SWEPT, params![before])).await?;
        Ok(())
    }
}
