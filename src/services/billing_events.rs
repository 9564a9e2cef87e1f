//! Events of the payment provider: believed by their signature alone, taken once, and answered at once. They say that
//! something changed; what, is read from the provider by a job.

use secrecy::SecretString;

use super::billing::{billing, sync_job};
use super::queue;
use crate::app::{App, Billing};
use crate::domain::audit;
use crate::domain::ids::UserId;
use crate::domain::job::{Job, JobKind, NewJob};
use crate::domain::time::Timestamp;
use crate::error::{Code, Error, Result};
use crate::providers::payments::{Event, EventKind, PaymentFault};
use crate::providers::payments_stripe::{event, signature};
use crate::storage::NewBillingEvent;

/// How long we try to find out whose charge an event is about.
const FIND_PATIENCE: std::time::Duration = std::time::Duration::from_hours(6);

/// Takes an event in: the signature over the raw bytes first, then what it says, then one transaction.
pub async fn take(app: &App, header: &str, body: &[u8]) -> Result<()> {
    let billing = billing(app)?;
    check_signature(app, &billing.webhook_secrets, header, body)?;
    let event = event::read_event(body).map_err(|_| refuse(app, "not_an_event"))?;
    if event.livemode != billing.livemode {
        return Err(refuse(app, "wrong_mode"));
    }
    let owner = match &event.customer_id {
        Some(customer_id) => app.db.owner_of_customer(customer_id).await?,
        None => None,
    };
    if owner.is_none() {
        note_stranger(app, &event).await;
    }
    let now = app.clock.now();
    let is_new = app.db.take_event(&record(&event, owner, now)).await?;
    app.metrics.billing_event(if is_new { "taken" } else { "seen_before" });
    if is_new {
        app.metrics.webhook_lag(now.since(event.created));
        tell_operator(&event);
        app.bus.ring_for_jobs();
    }
    Ok(())
}

/// Finds out whose charge a disputed payment was, and goes on as if the event had said so.
pub async fn find_customer(app: &App, job: &Job) -> Result<()> {
    let charge = app.db.charge_of_event(job).await?;
    let (Some(Billing { payments, .. }), Some(charge)) = (&app.billing, charge) else {
        return queue::finish(app, job).await;
    };
    if queue::is_spent(app, job) {
        return queue::give_up(app, job, "payment_provider_error").await;
    }
    let customer = match payments.customer_of_charge(&charge).await {
        Ok(customer) => customer,
        Err(error) if matches!(error.fault, PaymentFault::NotFound | PaymentFault::Refused) => None,
        Err(error) => return queue::set_back(app, job, "payment_provider_error", error.retry_after).await,
    };
    let owner = match customer {
        Some(customer) => app.db.owner_of_customer(&customer).await?,
        None => None,
    };
    match owner {
        Some(owner) => {
            queue::held(app, app.db.follow_up(job, sync_job(owner, app.clock.now())).await)?;
            app.bus.ring_for_jobs();
            Ok(())
        }
        None => queue::finish(app, job).await,
    }
}

fn check_signature(app: &App, secrets: &[SecretString], header: &str, body: &[u8]) -> Result<()> {
    signature::verify(header, body, secrets, app.clock.now()).map_err(|fault| {
        app.metrics.billing_event("refused");
        tracing::warn!(event = "webhook_refused", reason = %fault, "A webhook was refused: it is not signed as it should be.");
        Error::new(Code::WebhookSignatureInvalid, "The signature is missing, wrong or too old.")
    })
}

fn refuse(app: &App, reason: &'static str) -> Error {
    app.metrics.billing_event("refused");
    tracing::warn!(event = "webhook_refused", reason, "A webhook was refused: it is signed, and yet no event for us.");
    Error::new(Code::WebhookPayloadInvalid, "This is not an event that can be taken here.")
}

/// What is stored of an event, and what follows from it. Only a customer that we made before its checkout is anybody's:
/// whom else an event names, it names in vain.
fn record(event: &Event, owner: Option<UserId>, now: Timestamp) -> NewBillingEvent<'_> {
    let closes = matches!(event.kind, EventKind::CheckoutCompleted | EventKind::CheckoutExpired);
    let job = match (owner, &event.charge_id) {
        (Some(owner), _) if event.kind.syncs() => Some(sync_job(owner, now)),
        (None, Some(_)) if event.kind == EventKind::Disputed => {
            Some(NewJob::about_all(JobKind::FindCustomer, now, FIND_PATIENCE))
        }
        _ => None,
    };
    NewBillingEvent {
        id: &event.id,
        event_type: &event.event_type,
        created_at: event.created,
        customer_id: event.customer_id.as_deref(),
        charge_id: event.charge_id.as_deref(),
        closes: event.object_id.as_deref().filter(|_| closes),
        action: owner.and_then(|owner| Some((owner, event.action_url.as_deref()?))),
        job,
        now,
    }
}

/// Somebody paid for a user of ours with a customer that is not that user's.
async fn note_stranger(app: &App, event: &Event) {
    let (true, Some(user)) = (event.kind.syncs(), event.user_id) else { return };
    tracing::warn!(billing_event = event.id, "An event names a user, but its customer is not one of ours: no plan.");
    let noted = audit::Event::new(audit::Kind::ForeignCustomer, app.clock.now()).of(user);
    super::audit::note(app, noted).await;
}

fn tell_operator(event: &Event) {
    match event.kind {
        EventKind::Disputed => {
            tracing::error!(billing_event = event.id, what = event.event_type, "A payment is contested.");
        }
        EventKind::Refunded => {
            tracing::warn!(billing_event = event.id, "Money was given back; the subscription goes on.");
        }
        _ => tracing::info!(
            billing_event = event.id,
            what = event.event_type,
            "An event of the payment provider was taken."
        ),
    }
}
