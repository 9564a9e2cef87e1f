//! The way of a code to a phone: sealed beside its challenge, handed over by a job, and followed by the carrier's
//! reports. Whatever the carrier does, the one who asked for the code is answered alike and long before.

use secrecy::SecretString;

use super::queue::{self, held};
use crate::app::App;
use crate::domain::country;
use crate::domain::ids::ChallengeId;
use crate::domain::job::{self, Job, NewJob};
use crate::domain::keys;
use crate::domain::locale::Locale;
use crate::domain::otp::{Code, Purpose};
use crate::domain::otp_text::{Content, TEMPLATE};
use crate::domain::phone::Phone;
use crate::error::{Code as Problem, Error, Result};
use crate::providers::otp_sender::{OtpMessage, Rejection, SendOutcome, Text, Variables};
use crate::providers::sender_choice;
use crate::providers::sender_twilio::report;
use crate::storage::{NewText, Sent, Setback, TextTask, WriteError};

/// How an id of ours begins where a carrier sees it.
const MESSAGE: &str = "msg_";

/// A report of a carrier, as it came.
#[derive(Debug)]
pub struct Report<'a> {
    /// The query of the address it came to.
    pub query: &'a str,
    /// Its fields.
    pub form: &'a [(String, String)],
    /// What proves whose it is.
    pub signature: &'a str,
}

/// What goes into the database with a challenge so that its code gets to a phone; none where codes go to no phone.
#[must_use]
pub fn prepare(app: &App, id: ChallengeId, phone: &Phone, code: &Code, locale: Option<Locale>) -> Option<NewText> {
    app.sender.as_ref()?;
    let now = app.clock.now();
    Some(NewText {
        // Numbers of no country are refused before; should one come so far, it counts with its like.
        country: country::country_of(phone).unwrap_or("ZZ"),
        locale: locale.unwrap_or_default(),
        seal: app.keys.seal_code(id, code),
        job: NewJob::about_code(id, now, now + app.config.codes.life),
    })
}

/// Sends the text of a job, or puts the job back. Once a text may be out there it is never sent again.
pub async fn send_text(app: &App, job: &Job) -> Result<()> {
    let now = app.clock.now();
    let (Some(task), Some(sender)) = (app.db.text_task(job, now).await?, &app.sender) else {
        return give_up(app, job, "not_configured").await;
    };
    if task.is_handed && !sender.repeats_safely() {
        // A process ended, or lost its lease, between the call and the answer.
        return settle(app, job, &Sent::Unknown, "interrupted").await;
    }
    if queue::is_spent(app, job) || !task.is_wanted {
        return give_up(app, job, "late").await;
    }
    let Some(message) = message(app, job, &task) else { return give_up(app, job, "unreadable").await };
    if !sender.repeats_safely() {
        match app.db.hand_text_over(job, now).await {
            Ok(()) => {}
            Err(WriteError::Refused(_)) => return settle(app, job, &Sent::Unknown, "interrupted").await,
            Err(error) => return Err(error.into()),
        }
    }
    conclude(app, job, &message, sender.send(&message).await).await
}

async fn conclude(app: &App, job: &Job, message: &OtpMessage, outcome: SendOutcome) -> Result<()> {
    let rejection = match outcome {
        SendOutcome::Accepted(id) => return settle(app, job, &Sent::Accepted(id), "accepted").await,
        SendOutcome::Unknown(note) => {
            tracing::warn!(job = %job.id, note, "Nobody knows whether a text was sent; it is not sent again.");
            return settle(app, job, &Sent::Unknown, "unknown").await;
        }
        SendOutcome::Rejected(rejection) => rejection,
    };
    let kind = rejection.kind;
    if !kind.is_permanent() && set_back(app, job, message, rejection).await? {
        app.metrics.text_sent(kind.as_str());
        return Ok(());
    }
    if kind.is_ours() {
        tracing::error!(job = %job.id, kind = kind.as_str(), "No text can be sent: check the settings of CODE_DELIVERY.");
    }
    settle(app, job, &Sent::Rejected(kind.is_ours()), kind.as_str()).await
}

/// Puts the job back where there is time for another try; nothing was sent.
async fn set_back(app: &App, job: &Job, message: &OtpMessage, rejection: Rejection) -> Result<bool> {
    let run_at = app.clock.now() + job::backoff(job.errors + 1, rejection.retry_after, rand::random());
    if run_at >= job.deadline_at {
        return Ok(false);
    }
    let seal = app.keys.seal_code(job.challenge(), &message.code);
    let setback = Setback { run_at, errors: 1, panics: 0, error: rejection.kind.as_str() };
    held(app, app.db.take_text_back(job, &seal, &setback).await)?;
    Ok(true)
}

/// Ends a job whose text was certainly not sent, through no fault of the number.
async fn give_up(app: &App, job: &Job, result: &'static str) -> Result<()> {
    tracing::warn!(job = %job.id, result, "The text of a code was not sent.");
    settle(app, job, &Sent::Rejected(true), result).await
}

async fn settle(app: &App, job: &Job, sent: &Sent, result: &'static str) -> Result<()> {
    app.db.settle_text(job, sent, app.clock.now()).await?;
    app.metrics.text_sent(result);
    Ok(())
}

/// Writes the text; none when the code can't be read any more, because the signing key has changed.
fn message(app: &App, job: &Job, task: &TextTask) -> Option<OtpMessage> {
    let (id, purpose) = (job.challenge(), Purpose::from_stored(&task.purpose)?);
    let code = app.keys.open_seal(id, task.seal.as_deref()?)?;
    if !keys::same(&app.keys.code_mac(purpose, &task.phone, id, &code), &task.code_mac) {
        return None;
    }
    let locale = task.locale.as_deref().and_then(Locale::from_tag).unwrap_or_default();
    let host = bound_host(app);
    let expires_in = task.expires_at.since(app.clock.now());
    let content =
        Content { code: &code, service: &app.config.codes.service_name, host: host.as_deref(), life: expires_in };
    Some(OtpMessage {
        id: message_id(id),
        to: task.phone.clone(),
        text: Text(content.text(locale)),
        template: TEMPLATE,
        variables: Variables(content.variables()),
        locale: locale.as_str(),
        purpose,
        expires_in,
        previous: task.previous.clone(),
        code,
    })
}

/// The host that browsers may fill the code in at.
fn bound_host(app: &App) -> Option<String> {
    let url = reqwest::Url::parse(app.config.listen.public_url.as_deref()?).ok()?;
    url.domain().map(ToOwned::to_owned)
}

fn message_id(id: ChallengeId) -> String {
    format!("{MESSAGE}{}", id.to_string().replace('-', ""))
}

/// Believes a report of delivery, or not, and moves its text on. What we never sent is no news, and no error.
pub async fn take_report(app: &App, report: &Report<'_>) -> Result<()> {
    let (url, token) = (sender_choice::reports_to(&app.config), app.config.codes.twilio.auth_token.as_ref());
    let (Some(url), Some(token)) = (url, token) else { return Err(Error::not_found()) };
    if !is_genuine(&url, token, report) {
        tracing::warn!(event = "forged_report", "A report of delivery was not signed as it must be.");
        return Err(Error::new(Problem::WebhookSignatureInvalid, "This call is not signed by the one we listen to."));
    }
    let Some((id, sid, delivery)) = read(report) else { return Ok(()) };
    if app.db.report_text(id, sid, delivery).await? {
        app.metrics.text_delivery(delivery.as_str());
    }
    Ok(())
}

fn is_genuine(url: &str, token: &SecretString, report: &Report<'_>) -> bool {
    let url = if report.query.is_empty() { url.to_owned() } else { format!("{url}?{}", report.query) };
    report::is_signed(token, &url, report.form, report.signature)
}

fn read<'a>(report: &Report<'a>) -> Option<(ChallengeId, &'a str, crate::domain::otp::Delivery)> {
    let field = |wanted: &str| report.form.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let id = report.query.split('&').find_map(|pair| pair.strip_prefix("ref=")?.strip_prefix(MESSAGE))?;
    let sid = field("MessageSid").filter(|sid| (1..=64).contains(&sid.len()))?;
    Some((ChallengeId::parse_bare(id)?, sid, report::delivery(field("MessageStatus")?)?))
}
